//! The hot loop: one thread owns the engine; events come in by bounded queues, commands leave
//! without waiting.
//!
//! Two queues lead in. The urgent one carries what lives depend on (positions of emergency vehicles,
//! missions, release-all); the bulk one carries statuses, counts and trams. The urgent one is always
//! emptied first, and of several positions of one vehicle only the newest is applied.
#![forbid(unsafe_code)]

pub mod clock;
pub mod hot;
pub mod ingress;
pub mod latency;

pub use clock::Clock;
pub use hot::{Egress, Record, Runtime, RuntimeError, Settings};
pub use ingress::{Ingress, Stamped};
pub use latency::{Latency, Percentiles};
