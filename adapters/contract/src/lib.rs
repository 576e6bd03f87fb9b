//! The controller port: what the engine's runtime and a protocol adapter say to each other.
#![forbid(unsafe_code)]

pub mod port;
pub mod site;

pub use port::{Counts, Dispatch, LinkState, PortEvent, Protocol};
pub use site::Site;
