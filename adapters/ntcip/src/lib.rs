//! NTCIP 1202 and 1211 over SNMP.
//!
//! `frame` is the table of objects, `priority` the blocks of NTCIP 1211, `codec` turns values into
//! the words of the engine, `conformance` the statement of all this, `profile` holds what differs between controllers, `exchange` turns the
//! keeper's asks into reads and writes, `adapter` (cargo feature) carries them over UDP.
#![forbid(unsafe_code)]

#[cfg(feature = "adapter")]
pub mod adapter;
pub mod codec;
pub mod commissioning;
pub mod conformance;
pub mod exchange;
pub mod facts;
pub mod frame;
#[doc(hidden)]
pub mod fuzzing;
pub mod outputs;
mod pace;
pub mod priority;
pub mod profile;
pub mod values;

pub use commissioning::{Checksum, Commissioned, NoChecksum};
pub use exchange::{Exchange, Request};
pub use facts::{Coordination, ExitType, Facts};
pub use frame::{Data, Name, Object, Value};
pub use outputs::Output;
pub use pace::PACE;
pub use profile::{PriorityProfile, Profile, ProfileError, Suffix, Version};
pub use values::Values;
