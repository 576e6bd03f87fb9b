//! How often a controller is asked, and how long is waited.

use clearway_contract::Pace;
use clearway_signals::Millis;

/// The tempo: as NTCIP's, but one failure ends the connection, and each write lives five seconds.
pub const PACE: Pace = Pace {
    status_idle: Millis(500),
    status_active: Millis(200),
    counts: Millis(1_000),
    failures_max: 1,
    answer_max: Millis(5_000),
    time_to_live: Millis(5_000),
};
