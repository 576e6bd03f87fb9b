//! RSMP, core 3.1.2 to 3.2.2, with the signal exchange list for traffic light controllers 1.0.7 to
//! 1.2.1: the supervisor's side.
//!
//! `frame` has the message types, `codec` the bytes, `version` and `sxl` what each version knows,
//! `priority` the request and its states, `naming` the names that both ends agree on.
//! `session` is one connection without I/O, `exchange` the keeper's means over it, `board` what is
//! known of the site, `binding` what was proved of it at commissioning. `adapter` (cargo feature)
//! listens for sites and drives keepers over them.
#![forbid(unsafe_code)]

#[cfg(feature = "adapter")]
pub mod adapter;
pub mod binding;
pub mod board;
pub mod codec;
pub mod conformance;
pub mod exchange;
pub mod frame;
pub mod naming;
mod pace;
#[cfg(test)]
mod peer;
pub mod priority;
pub mod sample;
pub mod session;
pub mod sxl;
pub mod time;
pub mod version;

pub use binding::{Binding, Means, SecurityCode};
pub use codec::{DecodeError, Splitter, decode, encode};
pub use frame::Message;
pub use pace::PACE;
pub use version::{Core, Sxl};
