//! The planner: a deterministic state machine from events to commands.
//!
//! [`Engine::apply`] takes one [`Event`] and the time, and leaves [`Command`](clearway_certify::Command)s
//! and [`Notice`]s in an [`Output`]. It reads no clock, opens nothing, spawns nothing, and allocates
//! nothing once its buffers are warm. Modules, in the order in which a position passes them:
//!
//! * `tracking`: the position on the route (map match), the speed, the cadence of the source;
//! * `arrival`: when the vehicle reaches each signal, as a distribution; `learn`: what that rests on;
//! * `watch`, `transition`, `cycle`, `queue`: what the controllers show and will show, how soon they can turn
//!   green, who stands there;
//! * `wave`: when each row is called and released; `transit`: the same for trams, conditional on lateness;
//! * `turns`: who goes first where emergency vehicles meet (`reserve`); `contend`: the same for trams and
//!   buses at one controller (`arbitrate`); `permits`: what the policy allows (`policy`); `reds`: that nobody
//!   starves because of emergency vehicles;
//! * `drive`, `serve`: certification, calls, leases and releases, for waves and for trams;
//! * `recovery`, `release`: how soon a controller is back in its plan after a release;
//! * `engine`: the loop over all of it, missions, statuses.
#![forbid(unsafe_code)]

pub mod along;
pub mod arbitrate;
pub mod arrival;
pub mod closures;
pub mod config;
mod contend;
pub mod cycle;
pub mod detour;
mod drive;
pub mod engine;
pub mod event;
pub mod learn;
pub mod outlook;
pub mod output;
pub mod permits;
pub mod policy;
pub mod queue;
pub mod recovery;
mod reds;
mod rehearse;
pub mod release;
pub mod reserve;
pub mod route;
mod seek;
mod serve;
pub mod tracking;
pub mod transit;
pub mod transition;
pub mod turns;
pub mod view;
pub mod watch;
pub mod wave;

pub use config::{Config, VehicleInfo};
pub use engine::Engine;
pub use event::{Counts, DutyId, Event, LocalTime, Mission, TransitUpdate, VehicleFix};
pub use output::{Notice, Output, Reason};
