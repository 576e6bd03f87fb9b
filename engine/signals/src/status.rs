//! What a controller is seen to do.

use crate::group::GroupSet;
use crate::ids::{ControllerId, RowId, RowSet};
use crate::units::Millis;

/// The operating mode, as far as it decides whether requests are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Mode {
    /// Runs its plan; remote requests are served.
    Normal,
    /// Runs on after the central system fell silent (NTCIP backup mode).
    Backup,
    /// Flashing, whatever the cause.
    Flash,
    /// Manual or police control.
    Manual,
    /// Starting up.
    Startup,
    /// All signals dark.
    Dark,
    /// Faulty.
    Fault,
    /// Not known.
    #[default]
    Unknown,
}

/// The state of a preemption in the controller (NTCIP 1202 preemptState, 1 to 10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum PreemptState {
    /// Something the standard has no word for.
    Other,
    /// No preemption.
    #[default]
    NotActive,
    /// Called, not yet active (delay, or a higher row is served).
    NotActiveWithCall,
    /// Running groups are ended on the way to dwell.
    EntryStarted,
    /// Track clearance of a rail preemption.
    TrackService,
    /// The dwell groups are green.
    Dwell,
    /// A linked preemption is served.
    LinkActive,
    /// On the way back to the plan.
    ExitStarted,
    /// The call outlived its maximum presence and is invalid until it goes off.
    MaxPresence,
    /// Announced in advance (v03).
    AdvancedPreempt,
}

impl PreemptState {
    /// The value on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::NotActive => 2,
            Self::NotActiveWithCall => 3,
            Self::EntryStarted => 4,
            Self::TrackService => 5,
            Self::Dwell => 6,
            Self::LinkActive => 7,
            Self::ExitStarted => 8,
            Self::MaxPresence => 9,
            Self::AdvancedPreempt => 10,
        }
    }

    /// From the value on the wire; unknown values are `Other`.
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        match code {
            2 => Self::NotActive,
            3 => Self::NotActiveWithCall,
            4 => Self::EntryStarted,
            5 => Self::TrackService,
            6 => Self::Dwell,
            7 => Self::LinkActive,
            8 => Self::ExitStarted,
            9 => Self::MaxPresence,
            10 => Self::AdvancedPreempt,
            _ => Self::Other,
        }
    }
}

/// One reading of one controller, as an adapter publishes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControllerStatus {
    /// Whose reading it is.
    pub controller: ControllerId,
    /// When the reading was complete.
    pub at: Millis,
    /// The operating mode.
    pub mode: Mode,
    /// Groups in green, walk included.
    pub greens: GroupSet,
    /// Groups in yellow.
    pub yellows: GroupSet,
    /// Pedestrian groups in clearance.
    pub clearing: GroupSet,
    /// The row that is served now, whoever asked for it.
    pub active: Option<RowId>,
    /// The state of that preemption; of the highest called row when none is served.
    pub preempt: PreemptState,
    /// Our rows that the controller holds asserted, read back, never assumed.
    pub asserted: RowSet,
}
