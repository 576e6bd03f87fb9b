//! The field: emulated signal controllers, each with its own conflict monitor.
//!
//! * [`emulator`]: a controller that runs its fixed-time plan, serves preempts as NTCIP 1202 describes
//!   them and transit priority within its plan. Sans-IO and deterministic, on a 100 ms grid.
//! * [`monitor`]: watches the displayed aspects and counts violations of the invariants S1 to S4 and S9.
//!   It shares nothing with the emulator, not even types.
//! * [`station`]: one emulator with its monitor; [`VirtualField`] is a network of them in virtual time.
//! * `faces` (feature `faces`): NTCIP, the Modbus register map and RSMP as the controller serves them,
//!   sans-IO; with feature `sockets` on real sockets.
//! * `field` (feature `sockets`): a network of controllers behind their faces, stepped by the clock.
//! * `proxy` (feature `sockets`): faults between a centre and a controller, on real sockets.
//!
//! **Invariant: whatever is called, pressed or switched, an emulator never shows an unlawful transition.**
//! The monitor is there to prove it, not to repair it.
#![forbid(unsafe_code)]

pub mod emulator;
#[cfg(feature = "faces")]
pub mod faces;
#[cfg(feature = "sockets")]
pub mod field;
pub mod monitor;
#[cfg(feature = "sockets")]
pub mod proxy;
pub mod station;

pub use emulator::{ArmingFault, Aspect, Emulator, Options, Recovery, Refusal, Status, TICK};
#[cfg(feature = "sockets")]
pub use field::{FaceKind, Field, FieldError, FieldOptions};
pub use monitor::{Monitor, Tables, Totals, Violation};
pub use station::{Station, VirtualField};
