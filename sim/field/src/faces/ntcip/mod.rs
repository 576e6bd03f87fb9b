//! The NTCIP face: an SNMP agent over UDP, versions 1 and 2c with a community, version 3 with users.
//!
//! Everything is read-only but `preemptControlState`, and that for every preempt number: a real unit does
//! not know whose row is whose; and the blocks of NTCIP 1211, where the controller has a priority
//! channel. A wrong community is met with silence.

pub mod objects;
mod prs;
#[cfg(feature = "sockets")]
mod server;
mod unit;

#[cfg(feature = "sockets")]
pub(crate) use server::bind;
#[cfg(feature = "sockets")]
pub use server::{Setup, SnmpUser};
pub use unit::{Refusal, Unit};
