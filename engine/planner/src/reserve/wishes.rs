//! From a planned wave to its wishes.

use clearway_signals::Millis;

use super::{Claim, VISITS_MAX, Visit};
use crate::wave::Wave;

/// The wishes of one wave, and to which of its signals each belongs.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The wishes, in the order of the way.
    pub visits: Vec<Visit>,
    /// The index of the signal of each wish.
    pub signals: Vec<usize>,
}

impl Wishes {
    /// With room for a whole way.
    #[must_use]
    pub fn with_buffers() -> Self {
        Self { visits: Vec::with_capacity(VISITS_MAX), signals: Vec::with_capacity(VISITS_MAX) }
    }

    /// Read the wishes of a wave, as if it were alone.
    ///
    /// A row that is called already is held from its call on; one that is not, from the instant at
    /// which its green is expected. A way that passes one controller twice wishes for its nearer path
    /// only, as it is called. Who may make no call, because its source is silent, wishes for none.
    pub fn read(&mut self, wave: &Wave, now: Millis) {
        self.visits.clear();
        self.signals.clear();
        let may_call = wave.may_call(now);
        for (index, signal) in wave.signals.iter().enumerate() {
            let wanted = may_call && signal.skip.wants_call();
            let (Some(row), false, true) = (signal.place.row, signal.passed, wanted || signal.asserted)
            else {
                continue;
            };
            let controller = signal.place.controller;
            if self.visits.len() >= VISITS_MAX || self.visits.iter().any(|v| v.controller == controller) {
                continue;
            }
            let (green_by, claim) = match signal.asserted {
                true if wave.is_bound_to_pass(signal) => (signal.asserted_at, Claim::Passing),
                true => (signal.asserted_at, Claim::Called),
                false => (signal.wish.green_at.max(signal.wish.call_at), Claim::Wished),
            };
            if let Some(before) = self.visits.last_mut() {
                before.travel = green_by.since(before.green_by);
            }
            let release_at = if signal.asserted { signal.release_at } else { signal.wish.release_at };
            let hold = release_at.since(green_by);
            self.visits.push(Visit { controller, row, green_by, hold, travel: Millis::ZERO, claim });
            self.signals.push(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::along::SignalOnWay;
    use crate::event::VehicleFix;
    use crate::tracking::Track;
    use crate::turns::Times;
    use crate::wave::Skip;
    use clearway_network::LinkId;
    use clearway_network::testing::place;
    use clearway_signals::{ControllerId, GroupSet, RowId, VehicleId};

    /// Row 1 of controllers 3 to 6, every 200 m, each called 20 s before its green, held for 20 s; the
    /// vehicle at the start, at 12 m/s, heard at 0 s.
    fn wave(greens_s: [i64; 4]) -> Wave {
        let at = |n: u16| SignalOnWay {
            controller: ControllerId(3 + n),
            row: Some(RowId(1)),
            wanted: GroupSet(1),
            approach: LinkId(0),
            stop_line_mm: 200_000 * (i64::from(n) + 1),
            exit_mm: 200_000 * (i64::from(n) + 1),
        };
        let mut wave = Wave::default();
        wave.set_signals(&[0, 1, 2, 3].map(at));
        for (signal, green_s) in wave.signals.iter_mut().zip(greens_s) {
            signal.skip = Skip::No;
            let (call_at, green_at) = (Millis::from_s(green_s - 20), Millis::from_s(green_s));
            signal.wish = Times { call_at, green_at, release_at: Millis::from_s(green_s + 20) };
            signal.release_at = signal.wish.release_at;
        }
        let fix = VehicleFix {
            vehicle: VehicleId(0),
            received: Millis::ZERO,
            place: place(0.0, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(12.0),
            degraded: false,
            cadence: Millis(1_000),
        };
        wave.track = Some(Track::start(0, &fix));
        wave
    }

    #[test]
    fn a_wish_is_what_the_vehicle_alone_would_have() {
        let mut wave = wave([85, 100, 115, 130]);
        (wave.signals[0].passed, wave.signals[2].skip) = (true, Skip::NotArmed);
        // Put off already: the wish stays what it was.
        wave.signals[3].green_at = Millis::from_s(300);
        let mut wishes = Wishes::with_buffers();
        wishes.read(&wave, Millis(1_000));
        assert_eq!(wishes.signals, [1, 3]);
        let greens: Vec<Millis> = wishes.visits.iter().map(|visit| visit.green_by).collect();
        assert_eq!(greens, [Millis::from_s(100), Millis::from_s(130)]);
        assert_eq!(wishes.visits[0].travel, Millis::from_s(30));
        assert!(wishes.visits.iter().all(|v| v.hold == Millis::from_s(20) && v.claim == Claim::Wished));
    }

    #[test]
    fn a_called_row_is_held_from_its_call_and_who_cannot_stop_passes() {
        let mut wave = wave([15, 30, 45, 60]);
        for (n, called_s) in [(0, -5), (1, 5)] {
            wave.signals[n].asserted = true;
            wave.signals[n].asserted_at = Millis::from_s(called_s);
        }
        let mut wishes = Wishes::with_buffers();
        let track = wave.track.as_mut().unwrap();
        track.at_mm = 170_000;
        wishes.read(&wave, Millis(1_000));
        let claims: Vec<Claim> = wishes.visits.iter().map(|visit| visit.claim).collect();
        assert_eq!(claims, [Claim::Passing, Claim::Called, Claim::Wished, Claim::Wished]);
        assert_eq!(
            (wishes.visits[1].green_by, wishes.visits[1].hold),
            (Millis::from_s(5), Millis::from_s(45))
        );
    }

    #[test]
    fn s15_who_is_silent_reserves_only_what_it_has_called() {
        let mut wave = wave([15, 30, 45, 60]);
        wave.signals[1].asserted = true;
        let mut wishes = Wishes::with_buffers();
        wishes.read(&wave, Millis::from_s(10));
        assert_eq!(wishes.signals, [1]);
    }
}
