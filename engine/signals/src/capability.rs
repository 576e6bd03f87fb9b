//! What a binding to a controller can carry.

/// A set of capabilities of one binding. Nothing else is planned or sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Nothing can be asked: watch only.
    pub const NONE: Self = Self(0);
    /// A preempt row can be asserted and released.
    pub const PREEMPT: Self = Self(1);
    /// A priority request with strategy and arrival can be made.
    pub const PRIORITY: Self = Self(2);
    /// Signal states of the groups can be read.
    pub const GROUP_STATES: Self = Self(4);
    /// Detector counts can be read.
    pub const DETECTORS: Self = Self(8);

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `needed` is here.
    #[must_use]
    pub const fn allows(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }
}
