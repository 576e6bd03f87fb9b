//! The controller port: what the engine's runtime and a protocol adapter say to each other.
//!
//! `port` and `site` are the messages, `prs` what a controller says of a priority request, `gate` decides whether a controller may be written to at
//! all, `keeper` is the sans-IO state machine that every protocol shares, `kit` holds a protocol
//! against it in virtual time, `actor` (cargo feature) drives it over a real connection.
#![forbid(unsafe_code)]

#[cfg(feature = "actor")]
pub mod actor;
pub mod ask;
pub mod gate;
pub mod keeper;
#[cfg(any(test, feature = "kit"))]
pub mod kit;
pub mod mailbox;
#[cfg(feature = "actor")]
pub mod outbox;
mod pacing;
pub mod port;
pub mod prs;
pub mod site;

pub use ask::{Answer, Ask, Call, Now, StatusReading, Step, Write};
pub use gate::{ArmedController, Entry, GateFinding, GateReading, GateRow, Intervals, RowReading, judge};
pub use keeper::Keeper;
pub use mailbox::{LEASE_GUARD, Refusal};
#[cfg(feature = "actor")]
pub use outbox::{Orders, Outbox, outbox};
pub use pacing::Pace;
pub use port::{Counts, Dispatch, LinkState, PortEvent, Protocol};
pub use prs::{Life, PrsStatus, plainly};
pub use site::Site;
