//! Signal controllers over Modbus: TCP, TLS, serial lines, serial frames over TCP.
//!
//! `frame` is the Clearway register map (`docs/modbus-register-map.md`) as data, `codec` turns its
//! registers into the words of the engine and commands into a frame, `exchange` turns the keeper's
//! asks into reads and one write of it. `points` does the same for remote I/O and other maps that a
//! profile describes; `dialog` is whichever of the two a site speaks. None of them does I/O:
//! `adapter` (cargo feature) carries them over a connection.
#![forbid(unsafe_code)]

#[cfg(feature = "adapter")]
pub mod adapter;
pub mod codec;
pub mod dialog;
pub mod exchange;
pub mod frame;
mod pace;
pub mod points;

pub use dialog::{Dialog, Map};
pub use exchange::{Exchange, Request};
pub use frame::{Command, Span};
pub use pace::PACE;
pub use points::PointExchange;
pub use points::profile::{Profile, ProfileError};
