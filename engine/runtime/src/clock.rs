//! The process's monotonic clock. Deadlines know no other.

use clearway_signals::Millis;
use quanta::Instant;

/// Counts from its own creation.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: quanta::Clock,
    start: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        let inner = quanta::Clock::new();
        let start = inner.now();
        Self { inner, start }
    }
}

impl Clock {
    /// Nanoseconds since the clock's creation.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        let elapsed = self.inner.now().saturating_duration_since(self.start);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The time as the engine counts it, and in nanoseconds.
    #[must_use]
    pub fn now(&self) -> (Millis, u64) {
        let ns = self.now_ns();
        (Millis(i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)), ns)
    }
}
