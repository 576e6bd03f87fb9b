//! From a planned wave to its wishes.

use clearway_signals::Millis;

use super::{Claim, VISITS_MAX, Visit};
use crate::wave::{Skip, Wave};

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
            let wanted = may_call && matches!(signal.skip, Skip::No | Skip::Behind(..));
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
