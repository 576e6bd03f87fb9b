//! The rows of a keeper: what is wanted, written, read back, released.

use clearway_signals::{Channel, Millis, RequestId, RequestState, RowId, RowSet};

use super::{Keeper, Made, RELEASES_MAX, Release};
use crate::ask::{Ask, Call, Now, Write};
use crate::mailbox::Lease;
use crate::pacing::{refresh_every, rewrite_after};
use crate::port::PortEvent;

/// A call that is found on a fresh connection may be taken over within this time; then it is
/// cleared (S17).
const ADOPT_WITHIN: Millis = Millis::from_s(1);
/// A priority request is written again when its arrival moved by this much.
const ARRIVAL_STEP: Millis = Millis::from_s(1);
/// Answers of refusal to the same call until the request is given up.
const REFUSALS_MAX: u8 = 2;

impl Keeper {
    /// The write that is needed, and when it may go.
    pub(super) fn write(&self, now: Millis) -> Option<(Write, Millis)> {
        let calls = self.known.calls?;
        let armed = self.known.armed.as_ref().filter(|armed| armed.is_valid(self.connection, now));
        let lease = self.mailbox.lease().filter(|_| armed.is_some());
        let keep = lease.map_or(RowSet::EMPTY, |lease| RowSet::of(lease.row));
        // A reading may show what was: what we called is taken back even where it shows nothing.
        let on = self.owed.iter().fold(calls, RowSet::with);
        let surplus = on.iter().filter(|row| !keep.contains(*row)).fold(RowSet::EMPTY, RowSet::with);
        if !surplus.is_empty() && self.known.identified {
            return Some(self.clearance(surplus, lease));
        }
        let (lease, armed) = (lease?, armed?);
        let timer = self.pace.time_to_live.min(armed.dead_man());
        let call = Call { row: lease.row, arrival_in: lease.arrival.since(now) };
        let write =
            Write { call: Some(call), clear: RowSet::EMPTY, time_to_live: timer.min(lease.expires - now) };
        let held = calls.contains(lease.row);
        let refresh_at = match self.made.filter(|made| held && !self.is_news(made, &lease)) {
            Some(made) => made.at + refresh_every(timer),
            None => Millis::ZERO,
        };
        Some((write, refresh_at.max(self.next_try((Some(lease.request), RowSet::EMPTY)))))
    }

    /// Clear rows that nobody wants. Rows that an engine before us may have called wait a moment
    /// for the engine that takes over.
    fn clearance(&self, surplus: RowSet, lease: Option<Lease>) -> (Write, Millis) {
        let found_only = surplus.iter().all(|row| !self.owed.contains(row));
        let released = self.releases.iter().any(|release| surplus.contains(release.row));
        let adoptable = found_only && !released && lease.is_none() && !self.closing && !self.withheld;
        let write = Write { call: None, clear: surplus, time_to_live: self.pace.time_to_live };
        let earliest = if adoptable { self.known.since + ADOPT_WITHIN } else { Millis::ZERO };
        (write, earliest.max(self.next_try((None, surplus))))
    }

    /// Whether the device does not yet know what the lease says.
    fn is_news(&self, made: &Made, lease: &Lease) -> bool {
        let timed = self.site.rows.get(lease.row.index()).is_some_and(|row| row.channel == Channel::Priority);
        let moved = (made.lease.arrival - lease.arrival).0.saturating_abs() >= ARRIVAL_STEP.0;
        made.lease.request != lease.request || made.lease.row != lease.row || (timed && moved)
    }

    fn next_try(&self, end: (Option<RequestId>, RowSet)) -> Millis {
        if self.tried == Some(end) { self.tried_at + rewrite_after(self.tries) } else { Millis::ZERO }
    }

    /// Count a write towards the same end, so that it is not repeated too fast.
    pub(super) fn note_try(&mut self, now: Now, clear: RowSet) {
        let end = Some((self.writing.map(|lease| lease.request), clear));
        self.tries = if self.tried == end { self.tries.saturating_add(1) } else { 1 };
        self.tried = end;
        self.tried_at = now.at;
    }

    pub(super) fn written(&mut self, now: Now, write: &Write, wire_ns: u64) {
        self.failures = 0;
        self.refusals = 0;
        self.note_try(now, write.clear);
        self.taken_back = write.clear.iter().fold(self.taken_back, RowSet::with);
        self.known.calls = None;
        self.status_at = now.at;
        let controller = self.site.controller;
        let Some(lease) = self.writing.take() else {
            for release in self.releases.iter_mut().filter(|r| write.clear.contains(r.row) && !r.written) {
                release.written = true;
                let (request, fix_ns) = (release.request, release.fix_ns);
                self.events.push(PortEvent::Written { controller, request, assert: false, fix_ns, wire_ns });
            }
            self.made = None;
            return;
        };
        self.owe(lease.row);
        if let Some(made) = self.made.filter(|made| !self.is_news(made, &lease)) {
            self.made = Some(Made { at: now.at, ..made });
            return;
        }
        let (request, fix_ns) = (lease.request, lease.fix_ns);
        self.events.push(PortEvent::Written { controller, request, assert: true, fix_ns, wire_ns });
        self.made = Some(Made { lease, at: now.at, confirmed: false });
    }

    pub(super) fn refused(&mut self, now: Now, write: &Write, reason: &str) {
        self.failures = 0;
        self.note_try(now, write.clear);
        // A device that refuses to take a row back knows of no such call; the reading decides.
        self.taken_back = write.clear.iter().fold(self.taken_back, RowSet::with);
        self.known.calls = None;
        self.status_at = now.at;
        let Some(refused) = self.writing.take() else { return };
        self.refusals = self.refusals.saturating_add(1);
        let still_wanted = self.mailbox.lease().is_some_and(|lease| lease.request == refused.request);
        if still_wanted && self.refusals >= REFUSALS_MAX {
            self.refusals = 0;
            self.mailbox.drop_lease();
            self.end_lease(now, &refused, reason);
        }
    }

    /// Hold a reading against what was written.
    pub(super) fn read_back(&mut self, now: Now, calls: RowSet, current: bool) {
        let (controller, confirmed_ns) = (self.site.controller, now.ns);
        let shown = |made: &&mut Made| current && calls.contains(made.lease.row);
        if let Some(made) = self.made.as_mut().filter(shown) {
            (self.tries, self.tried) = (0, None);
            if !made.confirmed {
                made.confirmed = true;
                let (request, fix_ns) = (made.lease.request, made.lease.fix_ns);
                self.events.push(PortEvent::Confirmed {
                    controller,
                    request,
                    assert: true,
                    written: true,
                    fix_ns,
                    confirmed_ns,
                });
            }
        }
        let over = |row: &RowId| self.taken_back.contains(*row) && !calls.contains(*row);
        self.owed = self.owed.iter().filter(|row| !over(row)).fold(RowSet::EMPTY, RowSet::with);
        let (events, owed) = (&mut self.events, self.owed);
        self.releases.retain(|release| {
            let on = calls.contains(release.row) || owed.contains(release.row);
            if !on {
                let Release { request, fix_ns, written, .. } = *release;
                events.push(PortEvent::Confirmed {
                    controller,
                    request,
                    assert: false,
                    written,
                    fix_ns,
                    confirmed_ns,
                });
            }
            on
        });
    }

    /// A call of ours may have reached the device: it is to be taken back.
    pub(super) fn owe(&mut self, row: RowId) {
        self.owed = self.owed.with(row);
        self.taken_back = self.taken_back.iter().filter(|r| *r != row).fold(RowSet::EMPTY, RowSet::with);
    }

    /// The device dropped a call that outlived its maximum presence: it must go off, and it is not
    /// made again by ourselves.
    pub(super) fn give_up_outlived(&mut self, now: Now, outlived: RowSet) {
        let held = self.mailbox.lease().is_some_and(|lease| outlived.contains(lease.row));
        if held && let Some(lease) = self.mailbox.drop_lease() {
            self.end_lease(now, &lease, "the controller's maximum presence is over");
        }
    }

    /// The controller ended the request by its own word: it is given up, and taken back for good measure.
    pub(super) fn give_up_ended(&mut self, now: Now, ended: Option<(RowId, RequestState)>) {
        let Some((row, state)) = ended else { return };
        if let Some(lease) = self.mailbox.end_lease(row) {
            self.events.push(PortEvent::Ended(self.site.controller, lease.request, state));
            if self.may_be_on(lease.row) {
                self.release(now, lease.row, lease.request, None);
            }
        }
    }

    /// A lease ends by itself: tell, and release what it may have called.
    pub(super) fn end_lease(&mut self, now: Now, lease: &Lease, reason: &str) {
        self.refuse(lease.request, reason);
        if self.may_be_on(lease.row) {
            self.release(now, lease.row, lease.request, None);
        }
    }

    /// Give up what is wanted, whatever it is.
    pub(super) fn give_up(&mut self, now: Now) {
        if let Some(lease) = self.mailbox.drop_lease() {
            self.release(now, lease.row, lease.request, None);
        }
    }

    /// Note a release. Where the row cannot be on, it is done already.
    pub(super) fn release(&mut self, now: Now, row: RowId, request: RequestId, fix_ns: Option<u64>) {
        let controller = self.site.controller;
        if self.known.calls.is_some() && !self.may_be_on(row) {
            let confirmed_ns = now.ns;
            self.events.push(PortEvent::Confirmed {
                controller,
                request,
                assert: false,
                written: false,
                fix_ns,
                confirmed_ns,
            });
            return;
        }
        if self.releases.iter().any(|known| known.request == request && known.row == row) {
            return;
        }
        if self.releases.len() == RELEASES_MAX {
            let lost = self.releases.remove(0);
            self.refuse(lost.request, "too many releases wait for their read-back");
        }
        self.releases.push(Release { row, request, fix_ns, written: false });
    }

    /// Whether the device may hold a call of this row on our account.
    fn may_be_on(&self, row: RowId) -> bool {
        let writing = matches!(self.outstanding, Some((Ask::Write(_), _)));
        writing || self.owed.contains(row) || self.known.calls.is_some_and(|calls| calls.contains(row))
    }

    pub(super) fn refuse(&mut self, request: RequestId, reason: &str) {
        self.events.push(PortEvent::Refused(self.site.controller, request, reason.into()));
    }
}
