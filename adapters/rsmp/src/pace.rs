//! How often a controller is asked, and how long is waited.

use clearway_contract::Pace;
use clearway_signals::Millis;

/// The tempo: a read-back each second, four in a second while a row of ours is asserted; detectors
/// come by subscription and are taken each second.
pub const PACE: Pace = Pace {
    status_idle: Millis(1_000),
    status_active: Millis(250),
    counts: Millis(1_000),
    failures_max: 3,
    answer_max: Millis(5_000),
    time_to_live: Millis::NEVER,
};
