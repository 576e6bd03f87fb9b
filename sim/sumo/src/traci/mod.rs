//! A client of SUMO's TraCI (API 22) over TCP, as far as the engine needs it.
//!
//! `codec` knows bytes and no sockets; `client` one socket and the few variables that are read and set.
//! Source: SUMO's documentation of the TraCI protocol.

pub mod client;
pub mod codec;

pub use client::{Client, TraciError};
pub use codec::{Fault, Value};
