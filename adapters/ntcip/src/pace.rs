//! How often a controller is asked, and how long is waited.

use clearway_contract::Pace;
use clearway_signals::Millis;

/// The tempo: 5 readings a second while a row of ours is asserted, else 2; detectors each second.
///
/// After three exchanges in a row without an answer the session is thrown away and a new one is
/// opened. A version 3 session would not recover otherwise when the device comes back with another
/// engine id.
pub const PACE: Pace = Pace {
    status_idle: Millis(500),
    status_active: Millis(200),
    counts: Millis(1_000),
    failures_max: 3,
    answer_max: Millis(5_000),
    time_to_live: Millis::NEVER,
};
