//! From a planned wave to wishes, and from windows back to when its rows are called.

use clearway_signals::Millis;

use super::{Reservations, VISITS_MAX, Visit};
use crate::wave::{Skip, WaveSignal};

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

    /// Read the wishes of a wave that was just planned as if it were alone.
    ///
    /// A row that is called already is held from its call on; one that is not, from the instant at
    /// which its green is expected. A way that passes one controller twice wishes for its nearer path
    /// only, as it is called.
    pub fn read(&mut self, signals: &[WaveSignal]) {
        self.visits.clear();
        self.signals.clear();
        for (index, signal) in signals.iter().enumerate() {
            let (Some(row), false, Skip::No | Skip::Taken) = (signal.place.row, signal.passed, signal.skip)
            else {
                continue;
            };
            let controller = signal.place.controller;
            if self.visits.len() >= VISITS_MAX || self.visits.iter().any(|v| v.controller == controller) {
                continue;
            }
            let green_by =
                if signal.asserted { signal.asserted_at } else { signal.green_at.max(signal.call_at) };
            if let Some(before) = self.visits.last_mut() {
                before.travel = green_by.since(before.green_by);
            }
            let hold = signal.release_at.since(green_by);
            let committed = signal.asserted;
            self.visits.push(Visit { controller, row, green_by, hold, travel: Millis::ZERO, committed });
            self.signals.push(index);
        }
    }

    /// Put off the calls of a wave to the windows that it was given; a call that was made and must be
    /// taken back is named to `release`.
    pub fn write(
        &self,
        book: &Reservations,
        bid: usize,
        signals: &mut [WaveSignal],
        mut release: impl FnMut(usize),
    ) {
        for (window, index) in book.of(bid).zip(&self.signals) {
            let Some(signal) = signals.get_mut(*index) else { continue };
            if window.yields {
                release(*index);
            }
            if window.delay > Millis::ZERO && (!signal.asserted || window.yields) {
                signal.skip = Skip::Taken;
                signal.call_at += window.delay;
                signal.green_at += window.delay;
                signal.release_at += window.delay;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::along::SignalOnWay;
    use crate::reserve::Effort;
    use crate::reserve::tests::town::{book, rank, town, visit};
    use crate::wave::Wave;
    use clearway_network::LinkId;
    use clearway_signals::{ControllerId, GroupSet, RowId};

    /// Row 1 of controllers 3 to 6, each called 20 s before its green, held for 20 s.
    fn wave(greens_s: [i64; 4]) -> Vec<WaveSignal> {
        let place = |controller| SignalOnWay {
            controller: ControllerId(controller),
            row: Some(RowId(1)),
            wanted: GroupSet(1),
            approach: LinkId(0),
            stop_line_mm: 0,
            exit_mm: 0,
        };
        let mut wave = Wave::default();
        wave.set_signals(&[3, 4, 5, 6].map(place));
        for (signal, green_s) in wave.signals.iter_mut().zip(greens_s) {
            signal.skip = Skip::No;
            signal.call_at = Millis::from_s(green_s - 20);
            signal.green_at = Millis::from_s(green_s);
            signal.release_at = Millis::from_s(green_s + 20);
        }
        wave.signals
    }

    #[test]
    fn a_wave_gives_way_as_a_whole() {
        let mut book = book(&town());
        book.add(rank(1, 0), &[visit(4, 2, 105)]).unwrap();
        let mut signals = wave([85, 100, 115, 130]);
        (signals[0].passed, signals[2].skip) = (true, Skip::NotArmed);
        let mut wishes = Wishes::with_buffers();
        wishes.read(&signals);
        assert_eq!(wishes.signals, [1, 3]);
        let bid = book.add(rank(2, 2), &wishes.visits).unwrap();
        book.plan(&Effort::default());
        wishes.write(&book, bid, &mut signals, |_| panic!("nothing was called"));
        // Row 2 until 125 s, row 1 green 14 s later: 39 s late, at the next signal too.
        let calls: Vec<i64> = signals.iter().map(|signal| signal.call_at.0 / 1000).collect();
        assert_eq!(calls, [65, 80 + 39, 95, 110 + 39]);
        assert_eq!(signals[3].release_at, Millis::from_s(150 + 39));
        assert_eq!((signals[1].skip, signals[3].skip), (Skip::Taken, Skip::Taken));
    }

    #[test]
    fn s11_a_wave_that_has_called_is_not_put_off() {
        let mut book = book(&town());
        let mut signals = wave([85, 100, 115, 130]);
        (signals[1].asserted, signals[1].asserted_at) = (true, Millis::from_s(80));
        let before = signals.clone();
        let mut wishes = Wishes::with_buffers();
        wishes.read(&signals);
        let bid = book.add(rank(2, 3), &wishes.visits).unwrap();
        book.add(rank(1, 0), &[visit(4, 2, 105)]).unwrap();
        book.plan(&Effort::default());
        wishes.write(&book, bid, &mut signals, |_| panic!("its call is kept"));
        assert_eq!(signals, before);
    }
}
