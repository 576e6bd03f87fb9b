//! Clocks as adapters are given them.

use std::sync::{Arc, Mutex, PoisonError};

use clearway_signals::Millis;

use crate::wall::WallMs;

/// Monotonic time in milliseconds and, of the same instant, in nanoseconds.
pub type Clock = Arc<dyn Fn() -> (Millis, u64) + Send + Sync>;

/// Wall-clock time.
pub type WallClock = Arc<dyn Fn() -> WallMs + Send + Sync>;

/// The anchored clock follows the system's by at most this share of the time that passes.
const SLEW_PER_MS: i64 = 1000;

/// A wall clock that runs with the monotonic clock and follows the system's wall clock only slowly, by
/// one millisecond a second. Messages' ages are judged by it: when the system's clock is stepped, no
/// feed falls silent, and no command changes (invariant S16).
#[derive(Debug)]
pub struct AnchoredWall {
    state: Mutex<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: WallMs,
    monotonic: Millis,
    offset_ms: i64,
}

impl AnchoredWall {
    /// Anchors the system's wall clock to the monotonic one.
    #[must_use]
    pub const fn new(monotonic: Millis, system: WallMs) -> Self {
        Self { state: Mutex::new(Anchor { wall: system, monotonic, offset_ms: 0 }) }
    }

    /// The time now, given both clocks.
    pub fn read(&self, monotonic: Millis, system: WallMs) -> WallMs {
        // A panic in another thread leaves the anchor whole: it is replaced in one assignment.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed_ms = monotonic.since(state.monotonic).0;
        let run = state.wall.plus_ms(elapsed_ms);
        let slew_max_ms = elapsed_ms / SLEW_PER_MS;
        let wall = run.plus_ms(system.since(run).clamp(-slew_max_ms, slew_max_ms));
        // Below one millisecond of slew the anchor stays, so that fractions are not lost.
        if slew_max_ms > 0 {
            *state = Anchor { wall, monotonic, offset_ms: system.since(wall) };
        }
        wall
    }

    /// By how much the system's wall clock was ahead at the last anchoring, milliseconds: shown to the
    /// operator, because a large value means that a clock was set wrong.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).offset_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s16_a_step_of_the_system_clock_moves_the_anchored_one_by_a_millisecond_a_second() {
        let anchored = AnchoredWall::new(Millis(0), WallMs(1_000_000));
        assert_eq!(anchored.read(Millis(500), WallMs(1_000_500)), WallMs(1_000_500));
        let stepped = WallMs(1_010_000 + 3_600_000);
        assert_eq!(anchored.read(Millis(10_000), stepped), WallMs(1_010_010));
        assert_eq!(anchored.offset_ms(), 3_599_990);
        assert_eq!(anchored.read(Millis(10_500), stepped.plus_ms(500)), WallMs(1_010_510));
    }
}
