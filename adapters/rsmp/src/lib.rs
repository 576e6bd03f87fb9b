//! RSMP, core 3.1.2 to 3.2: the messages and their framing.
//!
//! `frame` has the message types, `codec` the bytes, `priority` the request and its states.
#![forbid(unsafe_code)]

pub mod codec;
pub mod frame;
pub mod priority;

pub use codec::{DecodeError, Splitter, decode, encode};
pub use frame::Message;
