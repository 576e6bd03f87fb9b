//! What a site lets out, and what the guard says.

/// A set of row numbers, 1 to 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers([u64; 4]);

impl Numbers {
    /// No number.
    pub const NONE: Self = Self([0; 4]);

    /// With this number; zero is no number.
    #[must_use]
    pub const fn with(mut self, number: u8) -> Self {
        if number != 0 {
            self.0[(number >> 6) as usize] |= 1 << (number & 63);
        }
        self
    }

    /// Whether the number is in the set.
    #[must_use]
    pub const fn contains(&self, number: u8) -> bool {
        self.0[(number >> 6) as usize] & (1 << (number & 63)) != 0
    }

    /// The numbers 1 to 16 as bits 0 to 15.
    #[must_use]
    pub fn low_bits(&self) -> u16 {
        (1..=16).filter(|number| self.contains(*number)).fold(0, |bits, number| bits | 1 << (number - 1))
    }
}

impl FromIterator<u8> for Numbers {
    fn from_iter<I: IntoIterator<Item = u8>>(numbers: I) -> Self {
        numbers.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What one site lets out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AllowList {
    /// Preempt rows of ours: `preemptControlState` of these, or their bits.
    pub preempt_rows: Numbers,
    /// Transit rows of ours on the priority channel.
    pub priority_rows: Numbers,
    /// The longest time to live of a register frame, in units of 0.1 s.
    pub time_to_live_max_ds: u16,
}

/// What passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passed {
    /// It changes nothing at the device.
    Read,
    /// It writes within the allow-list.
    Write,
}

/// Why bytes are not let out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// Not the protocol, cut short, or with something behind its end.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A version or function that this system has no use for.
    #[error("not used here: {0}")]
    Unused(&'static str),
    /// A write to something that is not ours.
    #[error("write outside the allow-list: {0}")]
    NotAllowed(&'static str),
    /// A write of a value out of range.
    #[error("value out of range: {0}")]
    Value(&'static str),
}
