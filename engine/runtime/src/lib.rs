//! The hot loop: one thread owns the engine; events come in by bounded queues, commands leave
//! without waiting.
//!
//! What lives depend on (missions, releases, positions of emergency vehicles) is taken first; of several
//! positions of one vehicle, or readings of one controller, only the newest waits. When the engine cannot
//! follow, it sheds what people see, then telemetry, then buses, trams last ([`ingress`]).
#![forbid(unsafe_code)]

pub mod clock;
pub mod hot;
pub mod ingress;
mod lane;
pub mod latency;

pub use clock::Clock;
pub use hot::{Egress, Record, Runtime, RuntimeError, Settings};
pub use ingress::{Ingress, Load, Stamped};
pub use latency::{Latency, Percentiles};
