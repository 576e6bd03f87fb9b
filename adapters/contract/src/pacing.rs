//! How often a controller is asked, and how long is waited before it is asked again.

use clearway_signals::Millis;

/// The tempo of one protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Between two status readings while no own row is asserted.
    pub status_idle: Millis,
    /// Between two status readings while an own row is asserted or wanted.
    pub status_active: Millis,
    /// Between two readings of the detectors; `NEVER` where they cannot be read.
    pub counts: Millis,
    /// Exchanges that fail in a row until the link counts as down; 1 where any failure spoils the
    /// connection.
    pub failures_max: u8,
    /// An ask that is not answered within this time counts as failed.
    pub answer_max: Millis,
    /// The longest time to live that we ask of a device which takes one with each write.
    pub time_to_live: Millis,
}

/// Between two wire refreshes of a call, at most.
pub(crate) const REFRESH_MAX: Millis = Millis::from_s(1);
/// The first wait before a reconnection.
const RECONNECT_FIRST_MS: i64 = 200;
/// The longest wait before a reconnection.
const RECONNECT_LAST_MS: i64 = 5_000;
/// The first wait before a write that had no effect is repeated.
const REWRITE_FIRST_MS: i64 = 200;
/// A write without effect is repeated no more often than this.
const REWRITE_LAST_MS: i64 = 1_000;

/// The wait before reconnection `attempt` (from 0): 0.2 s doubling to 5 s, spread by a quarter to
/// either side. The spread comes from `seed` alone, so that a run can be repeated and the
/// controllers of a city still do not reconnect all at once.
pub(crate) fn reconnect_after(attempt: u32, seed: u64) -> Millis {
    let base = doubled(RECONNECT_FIRST_MS, attempt).min(RECONNECT_LAST_MS);
    let noise = mix(seed.wrapping_mul(0x1_0001).wrapping_add(u64::from(attempt))) % 501;
    let percent_of_thousand = 750 + noise.cast_signed();
    Millis(base * percent_of_thousand / 1_000)
}

/// The wait before write `attempt` (from 0) towards the same end: none, then 0.2 s doubling to 1 s.
pub(crate) fn rewrite_after(attempt: u32) -> Millis {
    match attempt.checked_sub(1) {
        None => Millis::ZERO,
        Some(repeat) => Millis(doubled(REWRITE_FIRST_MS, repeat).min(REWRITE_LAST_MS)),
    }
}

/// How often a call is refreshed: a third of the device's timer, one second at most (S7).
pub(crate) fn refresh_every(timer: Millis) -> Millis {
    Millis(timer.0 / 3).min(REFRESH_MAX).max(Millis(50))
}

fn doubled(first_ms: i64, times: u32) -> i64 {
    first_ms << times.min(16)
}

/// The finaliser of splitmix64: spreads consecutive numbers over all 64 bits.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c8_waits_grow_stay_bounded_and_repeat() {
        for seed in 0..50 {
            for attempt in 0..40 {
                let wait = reconnect_after(attempt, seed);
                assert!(wait >= Millis(150) && wait <= Millis(6_250), "{attempt} {seed}: {wait:?}");
                assert_eq!(wait, reconnect_after(attempt, seed));
            }
        }
        let differing = (0..50).filter(|seed| reconnect_after(3, *seed) != reconnect_after(3, 50)).count();
        assert!(differing > 40);
    }

    #[test]
    fn a_write_without_effect_is_repeated_no_more_than_once_a_second() {
        assert_eq!(rewrite_after(0), Millis::ZERO);
        assert_eq!(rewrite_after(1), Millis(200));
        assert_eq!(rewrite_after(4), Millis(1_000));
        assert_eq!(rewrite_after(u32::MAX), Millis(1_000));
    }

    #[test]
    fn s7_refresh_is_a_third_of_the_timer_and_one_second_at_most() {
        assert_eq!(refresh_every(Millis::from_s(60)), Millis(1_000));
        assert_eq!(refresh_every(Millis(1_500)), Millis(500));
    }
}
