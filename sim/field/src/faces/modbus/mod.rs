//! The Modbus face: the Clearway register map, or a remote I/O module, over Modbus TCP, TLS,
//! serial frames over TCP, or a serial line (`docs/modbus-register-map.md`).

pub mod pdu;
#[cfg(all(feature = "sockets", any(test, feature = "pki")))]
pub mod pki;
pub mod registers;
pub mod relay;
#[cfg(feature = "sockets")]
mod server;
#[cfg(feature = "sockets")]
pub mod tls;
#[cfg(feature = "sockets")]
pub mod wire;

#[cfg(feature = "sockets")]
pub(crate) use server::bind;
#[cfg(feature = "sockets")]
pub use server::{Device, Framing, Map, Rights, Setup, Tls, TlsError, serve};
