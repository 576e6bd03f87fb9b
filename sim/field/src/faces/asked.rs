//! Where a priority request stands that a face has handed to the emulator, in the words of NTCIP 1211.

use clearway_signals::{Mode, RowId};

use crate::emulator::Emulator;

/// The states, as they travel.
pub(super) mod state {
    pub const IDLE_NOT_VALID: u8 = 1;
    pub const READY_QUEUED: u8 = 2;
    pub const READY_OVERRIDDEN: u8 = 3;
    pub const ACTIVE_PROCESSING: u8 = 4;
    pub const CLOSED_CANCELED: u8 = 8;
    pub const CLOSED_TIME_TO_LIVE_ERROR: u8 = 10;
    pub const CLOSED_TIMER_ERROR: u8 = 11;
    pub const CLOSED_STRATEGY_ERROR: u8 = 12;
    pub const CLOSED_COMPLETED: u8 = 13;
    pub const ACTIVE_ADJUST_NOT_NEEDED: u8 = 14;
    pub const CLOSED_FLASH: u8 = 15;
}

/// The state now of a request for `row` that was handed over when the emulator had given `grants` grants:
/// more of them are its own.
pub(super) fn state_of(row: RowId, grants: u32, emulator: &Emulator) -> u8 {
    let status = emulator.status();
    let served = emulator.counters().grants != grants;
    let held = status.priority.is_some_and(|request| request.row == row);
    match held {
        true if status.priority_granted => state::ACTIVE_PROCESSING,
        true if served => state::ACTIVE_ADJUST_NOT_NEEDED,
        true => state::READY_QUEUED,
        false if !matches!(emulator.mode(), Mode::Normal | Mode::Backup) => state::CLOSED_FLASH,
        false if served => state::CLOSED_COMPLETED,
        false => state::CLOSED_TIME_TO_LIVE_ERROR,
    }
}

/// Whether a request in this state is over.
pub(super) const fn is_over(state: u8) -> bool {
    matches!(state, 8..=13 | state::CLOSED_FLASH)
}
