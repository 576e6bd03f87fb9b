//! What a controller says of itself beyond what the engine plans with: for people and records.

use crate::commissioning::Commissioned;

/// Whether and how the controller coordinates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coordination {
    /// The pattern that runs: 1 to 253, 254 free, 255 flash; 0 none.
    pub pattern: u8,
    /// Why the unit runs free (NTCIP 1202 `localFreeStatus`, 1 to 11; 2: it does not).
    pub free: u8,
    /// Seconds to the end of the cycle.
    pub cycle_left_s: u16,
    /// Seconds since the start of the cycle.
    pub cycle_position_s: u16,
}

/// How a preemption is left (v03).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ExitType {
    /// To the exit phases of the row.
    ExitPhases,
    /// To the phases that waited longest.
    QueueDelayRecovery,
    /// To short service of what was skipped.
    ShortService,
    /// Straight back into coordination.
    ExitCoord,
}

impl ExitType {
    /// From the value on the wire, 1 to 4.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::ExitPhases),
            2 => Some(Self::QueueDelayRecovery),
            3 => Some(Self::ShortService),
            4 => Some(Self::ExitCoord),
            _ => None,
        }
    }
}

/// Identity and state of the unit, as last read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// The module, and the checksum over what the arming gate reads: what a site is commissioned by.
    pub identity: Commissioned,
    /// Rows of the preempt tables.
    pub max_preempts: Option<u8>,
    /// How each own preempt row is left, by its number, where the device says so.
    pub exits: Vec<(u8, ExitType)>,
    /// The coordinator, where the device says so.
    pub coordination: Option<Coordination>,
    /// The device's clock, seconds since 1970, where it says so.
    pub clock_epoch_s: Option<u32>,
}
