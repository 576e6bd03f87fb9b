//! The gap to the vehicle ahead, where regularity counts more than the minute.
//!
//! For each line and each of its signals the time of the last passage is kept; the gap at the next
//! signal, over the line's headway, says whether a vehicle runs behind a hole or in a bunch.

use clearway_signals::Millis;

/// Passengers of a line with a longer headway than this read the timetable.
const FREQUENT: Millis = Millis::from_s(600);
/// A gap of so many per cent of the headway is a hole…
const HOLE_PCT: i64 = 150;
/// …and one of so few a bunch.
const BUNCH_PCT: i64 = 50;

/// How a vehicle runs in the sequence of its line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spacing {
    /// As planned, or nobody knows.
    #[default]
    Regular,
    /// Close behind another: help would only bring it closer.
    Bunched,
    /// Behind a gap: those at the stops wait for it.
    Gap,
}

/// The last passages of each line, by signal.
#[derive(Clone, Debug)]
pub struct Headways(Vec<Vec<Option<Millis>>>);

impl Headways {
    /// Nobody has passed; the number of signals of each line.
    #[must_use]
    pub fn new(signals: impl Iterator<Item = usize>) -> Self {
        Self(signals.map(|count| vec![None; count]).collect())
    }

    /// A vehicle of a line passed one of its signals.
    pub fn pass(&mut self, line: usize, signal: usize, at: Millis) {
        if let Some(place) = self.0.get_mut(line).and_then(|line| line.get_mut(signal)) {
            *place = Some(at);
        }
    }

    /// How a vehicle runs that reaches a signal at `arrival`.
    #[must_use]
    pub fn spacing(&self, line: usize, signal: usize, headway: Millis, arrival: Millis) -> Spacing {
        let last = self.0.get(line).and_then(|line| line.get(signal)).copied().flatten();
        let (Some(last), true) = (last, headway > Millis::ZERO && headway <= FREQUENT) else {
            return Spacing::Regular;
        };
        match arrival.since(last).0.saturating_mul(100) / headway.0 {
            pct if pct <= BUNCH_PCT => Spacing::Bunched,
            pct if pct >= HOLE_PCT => Spacing::Gap,
            _ => Spacing::Regular,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_to_the_one_ahead_is_measured_at_the_signal() {
        let mut headways = Headways::new([2].into_iter());
        let spacing = |headways: &Headways, s: i64| {
            headways.spacing(0, 1, Millis::from_s(300), Millis::from_s(1_000 + s))
        };
        assert_eq!(spacing(&headways, 0), Spacing::Regular, "nobody ahead is known");
        headways.pass(0, 1, Millis::from_s(1_000));
        assert_eq!(spacing(&headways, 60), Spacing::Bunched);
        assert_eq!(spacing(&headways, 300), Spacing::Regular);
        assert_eq!(spacing(&headways, 450), Spacing::Gap);
        assert_eq!(headways.spacing(0, 0, Millis::from_s(300), Millis::NEVER), Spacing::Regular);
        assert_eq!(headways.spacing(7, 9, Millis::from_s(300), Millis::NEVER), Spacing::Regular);
    }

    #[test]
    fn on_a_line_with_a_timetable_the_gap_does_not_count() {
        let mut headways = Headways::new([1].into_iter());
        headways.pass(0, 0, Millis::ZERO);
        assert_eq!(headways.spacing(0, 0, Millis::from_s(1_200), Millis::from_s(10)), Spacing::Regular);
    }
}
