//! The protocol faces: what a central system sees of an emulated controller.

mod asked;
pub mod modbus;
pub mod ntcip;
pub mod rsmp;
#[cfg(feature = "sockets")]
mod shared;

#[cfg(feature = "sockets")]
pub use shared::Shared;
