//! NTCIP 1202 over SNMP.
//!
//! `frame` is the table of objects, `codec` turns values into the words of the engine, `exchange`
//! turns the keeper's asks into reads and writes, `adapter` (cargo feature) carries them over UDP.
#![forbid(unsafe_code)]

#[cfg(feature = "adapter")]
pub mod adapter;
pub mod codec;
pub mod exchange;
pub mod frame;
pub mod profile;

pub use exchange::{Exchange, Request};
pub use frame::{Name, Object, Value};
pub use profile::{Profile, Suffix, Version};
