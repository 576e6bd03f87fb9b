//! Bugs that are planted at the seams, to show that a run finds them. Nothing of the engine or of the
//! adapters changes: a bug sits between them, as a careless wiring would.

/// A planted bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Planted {
    /// The journal says "durable" without having synced.
    SkipSync,
    /// The journal acknowledges before anything is durable.
    AckBeforeDurable,
    /// The engine that takes over goes on under the old one's epoch.
    OldEpoch,
    /// Positions are stamped with the wall clock.
    WallClock,
    /// The gate is told that entry keeps every yellow.
    YellowZero,
    /// Positions are worked off in the order in which they came, none is overtaken.
    FifoPositions,
    /// A call that was not answered is sent again later, whatever became of its lease.
    RetryAfterDeadline,
    /// A fresh connection is believed to be quiet without asking the controller.
    AdoptWithoutReading,
    /// The keeper's clock lags: the guard before the end of a lease is gone.
    NoLeaseGuard,
    /// A write goes to a row of somebody else.
    ForeignRow,
    /// A transit request is written to an emergency row (by NTCIP).
    TransitAsEmergency,
    /// The gate is told that the dead-man timer runs.
    NoDeadMan,
    /// Releases are reported as written and read back, and never sent.
    ForgottenRelease,
    /// Positions are reckoned while nothing is received, and passed on as received.
    ReckonedPosition,
    /// A status is believed before it was read: a call counts as served once it is written.
    BelievedWrite,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::SkipSync,
        Self::AckBeforeDurable,
        Self::OldEpoch,
        Self::WallClock,
        Self::YellowZero,
        Self::FifoPositions,
        Self::RetryAfterDeadline,
        Self::AdoptWithoutReading,
        Self::NoLeaseGuard,
        Self::ForeignRow,
        Self::TransitAsEmergency,
        Self::NoDeadMan,
        Self::ForgottenRelease,
        Self::ReckonedPosition,
        Self::BelievedWrite,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SkipSync => "skip-sync",
            Self::AckBeforeDurable => "ack-before-durable",
            Self::OldEpoch => "old-epoch",
            Self::WallClock => "wall-clock",
            Self::YellowZero => "yellow-zero",
            Self::FifoPositions => "fifo-positions",
            Self::RetryAfterDeadline => "retry-after-deadline",
            Self::AdoptWithoutReading => "adopt-without-reading",
            Self::NoLeaseGuard => "no-lease-guard",
            Self::ForeignRow => "foreign-row",
            Self::TransitAsEmergency => "transit-as-emergency",
            Self::NoDeadMan => "no-dead-man",
            Self::ForgottenRelease => "forgotten-release",
            Self::ReckonedPosition => "reckoned-position",
            Self::BelievedWrite => "believed-write",
        }
    }

    /// The bug of a name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|planted| planted.word() == word)
    }
}
