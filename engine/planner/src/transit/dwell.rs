//! How long vehicles stand at a stop: a mean for each stop and load, learned from the doors.
//!
//! Where a vehicle tells of its doors, a dwell is from the first opening to the closing; where it does
//! not, from standing still at the stop to moving off, and its readiness is foretold from the mean.

use clearway_network::StopId;
use clearway_signals::Millis;

/// What is expected before anything was learned.
const PRIOR: Millis = Millis(20_000);
/// Shorter is a door that did not open, longer a break: neither is learned as it is.
const BOUNDS: (Millis, Millis) = (Millis(5_000), Millis(60_000));
/// A new dwell counts no less than one part in so many.
const MEMORY: i64 = 8;
/// Classes of load.
const LOADS: usize = 3;

/// The mean dwell of one stop under one class of load.
#[derive(Clone, Copy, Debug)]
struct Mean {
    dwell: Millis,
    seen: u8,
}

/// The dwells of a network's stops; of fixed size.
#[derive(Clone, Debug)]
pub struct Dwells(Vec<[Mean; LOADS]>);

impl Dwells {
    /// Nothing learned yet, for so many stops.
    #[must_use]
    pub fn new(stops: usize) -> Self {
        Self(vec![[Mean { dwell: PRIOR, seen: 0 }; LOADS]; stops])
    }

    /// A vehicle stood for so long.
    pub fn learn(&mut self, stop: StopId, load_pct: Option<u8>, stood: Millis) {
        let Some(means) = self.0.get_mut(stop.index()) else { return };
        let mean = &mut means[class(load_pct)];
        let stood = stood.max(BOUNDS.0).min(BOUNDS.1);
        mean.seen = mean.seen.saturating_add(1);
        let share = i64::from(mean.seen).min(MEMORY);
        mean.dwell += Millis((stood - mean.dwell).0 / share);
    }

    /// How long a vehicle will stand; of another load when none of its own was seen.
    #[must_use]
    pub fn expected(&self, stop: StopId, load_pct: Option<u8>) -> Millis {
        let Some(means) = self.0.get(stop.index()) else { return PRIOR };
        let own = means[class(load_pct)];
        let seen = if own.seen > 0 { Some(own) } else { means.iter().copied().find(|m| m.seen > 0) };
        seen.map_or(PRIOR, |mean| mean.dwell)
    }
}

/// Few, some, many on board; unknown counts as some.
fn class(load_pct: Option<u8>) -> usize {
    match load_pct {
        Some(0..=19) => 0,
        Some(60..) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_is_seen_and_stays_within_its_bounds() {
        let mut dwells = Dwells::new(2);
        assert_eq!(dwells.expected(StopId(0), None), PRIOR);
        dwells.learn(StopId(0), None, Millis(12_000));
        assert_eq!(dwells.expected(StopId(0), None), Millis(12_000), "the first one counts whole");
        for _ in 0..200 {
            dwells.learn(StopId(0), None, Millis::from_s(3_600));
        }
        assert!(dwells.expected(StopId(0), None) <= Millis(60_000));
        assert!(dwells.expected(StopId(0), None) > Millis(59_000));
        assert_eq!(dwells.expected(StopId(1), None), PRIOR, "each stop for itself");
    }

    #[test]
    fn a_full_vehicle_stands_longer_than_an_empty_one_where_that_was_seen() {
        let mut dwells = Dwells::new(1);
        dwells.learn(StopId(0), Some(90), Millis(40_000));
        assert_eq!(dwells.expected(StopId(0), Some(5)), Millis(40_000), "better than nothing");
        dwells.learn(StopId(0), Some(5), Millis(8_000));
        assert_eq!(dwells.expected(StopId(0), Some(5)), Millis(8_000));
        assert_eq!(dwells.expected(StopId(0), Some(90)), Millis(40_000));
    }

    #[test]
    fn stops_that_are_not_there_change_nothing() {
        let mut dwells = Dwells::new(0);
        dwells.learn(StopId(9), None, Millis(9_000));
        assert_eq!(dwells.expected(StopId(9), None), PRIOR);
    }
}
