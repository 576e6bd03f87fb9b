//! The second opinion on bytes: an independent decoder that lets only the allow-list out (S5).
//!
//! It sees the bytes as they would leave, decodes them with a parser of its own, and passes reads
//! and the few writes that a site allows. It shares no code with the codecs, so that a fault there
//! is caught here. Everything that it does not understand to the last byte is refused.
#![forbid(unsafe_code)]

pub mod allow;
mod ber;
mod json;
pub mod modbus;
pub mod rsmp;
pub mod snmp;

pub use allow::{AllowList, Numbers, Passed, Refused};
pub use modbus::{Crossing, Framing, Point, Rules, Writes, check_frame};
pub use rsmp::{RsmpAllow, check_packet};
pub use snmp::check_message;
