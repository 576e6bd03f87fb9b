//! Counts: what is subscribed for them, what comes, what is answered.

use clearway_contract::Answer;
use clearway_signals::Millis;

use super::{COUNTED, COUNTED_ONE, Exchange};
use crate::frame::{StatusValue, StatusValues};
use crate::session::{Instant, Wanted};

impl Exchange {
    /// Subscribe the counts of all detectors at once, in a message of their own: a site that refuses
    /// them keeps its other subscriptions.
    pub(super) fn count_all(&mut self, now: Instant) {
        if self.site.detectors.is_empty() {
            return;
        }
        let wanted = self.countable(&COUNTED);
        if wanted.is_empty() {
            return self.count_each(now);
        }
        match self.session.subscribe(now, &self.binding.main, &wanted) {
            Ok(id) => self.counting = Some((id, self.session.has_text_flags())),
            Err(_) => self.count_each(now),
        }
    }

    /// Subscribe the counts of each detector, where the site does not tell those of all.
    pub(super) fn count_each(&mut self, now: Instant) {
        self.counting = None;
        let wanted = self.countable(&COUNTED_ONE);
        for number in self.site.detectors.clone() {
            let component = self.binding.detector(number);
            // Without room for more the detectors that are left are not counted; S0002 still shows them.
            if wanted.is_empty() || self.session.subscribe(now, &component, &wanted).is_err() {
                return;
            }
        }
    }

    fn countable(&self, wanted: &[Wanted]) -> Vec<Wanted> {
        wanted.iter().copied().filter(|wanted| self.has((wanted.code, wanted.name))).collect()
    }

    pub(super) fn note_counts(&mut self, now: Instant, values: &StatusValues) {
        if values.component == self.binding.main {
            self.counter.note_all(now.at, &values.values);
            let cannot = |value: &StatusValue| {
                value.code == COUNTED[0].code && matches!(value.quality.as_str(), "unknown" | "undefined")
            };
            if self.counting.is_some() && values.values.iter().any(cannot) {
                self.count_each(now);
            }
            return;
        }
        let named = |number: &&u8| self.binding.detector(**number) == values.component;
        if let Some(number) = self.site.detectors.iter().find(named).copied() {
            self.counter.note_one(now.at, number, &values.values);
        }
    }

    pub(super) fn counts(&mut self, now: Millis) -> Answer {
        if !self.session.is_ready() {
            return Answer::Failed("the site is not connected".into());
        }
        let vehicles = self.counter.take(&self.site.detectors);
        let letters = self.board.text(&self.binding.main, "S0002", "detectorlogicstatus").unwrap_or_default();
        let is_on = |number: u8| {
            usize::from(number).checked_sub(1).and_then(|index| letters.as_bytes().get(index)) == Some(&b'1')
        };
        let stands = |number: &u8| self.counter.is_stood_upon(now, *number, is_on(*number));
        Answer::Counts(vehicles, self.site.detectors.iter().map(stands).collect())
    }
}
