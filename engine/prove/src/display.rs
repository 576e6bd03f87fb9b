//! What can be seen of a controller from outside: its heads and what it reports. The checker sees this
//! and nothing else.

use clearway_signals::limits::GROUPS_MAX;

/// What a signal group shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
#[repr(u8)]
pub enum Aspect {
    /// Stop.
    #[default]
    Red = 0,
    /// Stop; green follows at once.
    RedYellow = 1,
    /// Go; walk for pedestrians.
    Green = 2,
    /// Green has ended (vehicles, trams, bicycles).
    Yellow = 3,
    /// Walk has ended, who is on the crossing finishes it (pedestrians).
    Clearance = 4,
    /// No light.
    Dark = 5,
}

impl Aspect {
    /// From its number; anything unknown is no light.
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Red,
            1 => Self::RedYellow,
            2 => Self::Green,
            3 => Self::Yellow,
            4 => Self::Clearance,
            _ => Self::Dark,
        }
    }

    /// The letter of the timeline.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Red => '.',
            Self::RedYellow => 'A',
            Self::Green => 'G',
            Self::Yellow => 'Y',
            Self::Clearance => 'C',
            Self::Dark => ' ',
        }
    }
}

/// One look at a controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Display {
    /// The heads, by group.
    pub aspects: [Aspect; GROUPS_MAX],
    /// The preempt row that is served: its index among the preempt rows.
    pub active: Option<u8>,
    /// A priority grant begins: a stage is extended, or stages are skipped.
    pub grant: bool,
}

/// What comes from outside, as the checker and a reader of a trace see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stimulus {
    /// A step of time passes.
    Time,
    /// A preempt row is called and ready.
    Call(u8),
    /// The call of the served row is gone.
    CallEnds,
    /// The call of the served row, which had to wait for another, is gone or has outlived its presence.
    OldCallEnds,
    /// Something that concerns the plan alone.
    Plan,
    /// The power failed for a moment.
    Restart,
}
