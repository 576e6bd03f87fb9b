//! The engine inside other simulators.
//!
//! * `steer`: the green wave for heads that are described by link states instead of signal groups;
//!   protocol-independent and deterministic: one observation in, a few asks out;
//! * `dialect`: the JSON lines that `clearway steer --stdio` speaks.
#![forbid(unsafe_code)]

pub mod dialect;
pub mod drive;
pub mod steer;
pub mod traci;
