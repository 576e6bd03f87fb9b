//! Deterministic simulation testing: the real engine, the real keepers and exchanges, the emulated
//! controllers and their monitors under one virtual clock, with faults drawn from a seed.
//!
//! A run has two parts. First faults strike the network, the centre, its disk and clock, the
//! controllers and the vehicles' reports, and no invariant of the safety manual may break. Then
//! everything works, and within a bound all controllers must be reached, waves must work, and in the
//! end nothing of ours may be left on. The same seed gives the same run, byte for byte.
//!
//! `scenario` is what a run is about, `swarm` draws the faults, `strike` carries them out, `weather` is
//! the network, `device` a controller, `centre` one life of the engine with its ports, `port` and
//! `link` the way to one controller, `rider` a vehicle and `duty` what it is sent out for, `disk` the journal's disk, `oracle` the
//! onlooker who knows the truth, `reds` what it holds against long reds, `planted` the bugs that a run must find.

mod centre;
mod device;
mod disk;
mod duty;
mod link;
mod oracle;
mod packet;
mod planted;
mod port;
mod reds;
mod rider;
mod run;
mod scenario;
mod strike;
mod swarm;
mod weather;
mod wire;

pub use oracle::Breach;
pub use planted::Planted;
pub use run::{Outcome, Settings, run};
pub use scenario::Scenario;
