//! What is measured: the engine's steps on small cities, each ready to be run by criterion, by
//! callgrind, by the allocation gate and, once and small, by a test.
#![deny(unsafe_code)]

pub mod alloc_counter;
pub mod calibration;
pub mod chance;
pub mod city;
pub mod crossroads;
pub mod fix;
pub mod fleet;
pub mod grid;
pub mod large;
pub mod load;
pub mod memory;
pub mod steps;
pub mod street;
pub mod timed;

/// FNV-1a: what a step's results add up to, so that a run can be compared with another.
#[derive(Clone, Copy, Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Add a value.
    pub fn add(&mut self, value: u64) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The digest so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }
}
