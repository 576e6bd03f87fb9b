//! The Clearway register map over Modbus TCP (`docs/modbus-register-map.md`).
//!
//! `frame` is the map as data, `codec` turns registers into the words of the engine and commands
//! into a frame, `exchange` turns the keeper's asks into reads and one write, `adapter` (cargo
//! feature) carries them over TCP.
#![forbid(unsafe_code)]

#[cfg(feature = "adapter")]
pub mod adapter;
pub mod codec;
pub mod exchange;
pub mod frame;

pub use exchange::{Exchange, Request};
pub use frame::{Command, Span};
