//! The proof of one request row: every order of messages, lost messages, physical calls, power failures
//! and higher rows, against a judge that knows only what went in and what the controller reports.
//!
//! The heads are reduced to one event: the dwell groups became green, at any time.

use crate::bytes::{Reader, put};
use crate::checker::{Invariant, Violation};
use crate::explore::System;
use crate::sequencer::calls::Call;
use crate::sequencer::{Rules, Service};
use crate::site::{Row, Site, divisor};

/// What may happen to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A step of time. A message that is lost is a step without one.
    Time,
    /// A message: call.
    Refresh,
    /// A message: call no longer.
    Release,
    /// The physical input goes on or off.
    Physical(bool),
    /// A row of higher rank is called, or no longer.
    Outranked(bool),
    /// The dwell groups have become green.
    Arrive,
    /// The power fails for a moment.
    Restart,
}

/// A row's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    call: Call,
    service: Service,
    outranked: bool,
}

/// What the judge remembers; ages in steps, standing still where nothing counts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// Since the last message that called; `None` when the row is not called by message.
    refreshed: Option<u16>,
    /// Since the last message of any kind.
    heard: u16,
    physical: bool,
    outranked: bool,
    /// For how long the inputs have called.
    on: Option<u16>,
    /// For how long they have not.
    off: u16,
    /// The call has outlived its presence; until a whole lockout without a call.
    spent: bool,
    /// For how long the row has been served.
    served: Option<u16>,
    /// For how long its groups have been green.
    dwelt: Option<u16>,
}

/// One row of a junction.
pub struct RowProof<'s> {
    site: &'s Site,
    row: &'s Row,
    rules: Rules,
}

impl<'s> RowProof<'s> {
    /// The only preempt row of `site`, as [`of`] makes it; `None` when there is none.
    #[must_use]
    pub fn new(site: &'s Site, rules: Rules) -> Option<Self> {
        site.preempts.first().map(|row| Self { site, row, rules })
    }

    /// What can be seen of a state, for people.
    #[must_use]
    pub fn show(&self, state: &State) -> String {
        let call = match (state.call.remote_left > 0, state.call.physical) {
            (true, true) => "called twice",
            (true, false) => "called by message",
            (false, true) => "called by input",
            (false, false) => "not called",
        };
        let served = match state.service {
            Service::Entry { .. } => "entry",
            Service::Dwell { .. } => "dwell",
            Service::Idle { .. } | Service::Startup { .. } => "not served",
        };
        format!("{call}, {served}")
    }

    fn next(&self, state: &State, event: Event) -> State {
        let mut next = *state;
        match event {
            Event::Time => {
                next.call.pass(self.site, self.rules, self.row);
                next.service = next.service.aged(self.site);
            }
            Event::Refresh => next.call.refresh(self.site, self.rules),
            Event::Release => next.call.release(self.site, self.rules),
            Event::Physical(on) => next.call.set_physical(on, self.site, self.rules),
            Event::Outranked(outranked) => next.outranked = outranked,
            Event::Arrive => {
                if let Service::Entry { row, age, waited } = next.service {
                    next.service = Service::Dwell { row, age, dwelt: 0, waited };
                }
            }
            Event::Restart => {
                next.call.restart(self.rules);
                next.service = Service::Idle { left: None };
            }
        }
        self.serve(&mut next);
        next
    }

    fn serve(&self, next: &mut State) {
        let idle = Service::Idle { left: None };
        if next.outranked {
            next.service = idle;
            return;
        }
        if next.service.active().is_some() {
            if next.service.must_leave(self.site, self.rules) {
                next.call.spend();
            }
            let over = next.call.spent || next.service.must_leave(self.site, self.rules);
            let gone = next.call.since.is_none() && next.service.may_leave(self.site, self.rules);
            if over || gone {
                next.service = idle;
            }
        } else if next.call.is_ready(self.rules, self.row) {
            next.service = next.service.called(self.site, self.rules, 0, false);
        }
    }

    fn judge(&self, memory: &Memory, event: Event, state: &State) -> Result<Memory, Violation> {
        let mut next = *memory;
        self.note(&mut next, event);
        let fresh =
            next.refreshed.is_some_and(|age| age < self.site.lease) && next.heard < self.site.backup_time;
        let remote = state.call.remote_left > 0;
        let broken = |invariant, what: &str| Err(Violation { invariant, what: what.to_owned() });
        if remote && !fresh {
            return broken(Invariant::I10, "the controller holds a call that nobody keeps alive");
        }
        let on = fresh || next.physical;
        self.note_inputs(&mut next, event, on);
        let active = state.service.active().is_some();
        if active && next.outranked {
            return broken(Invariant::I6, "the row is served while a higher one is called");
        }
        // A service whose call went off at the very end of its presence may run out its minimum.
        if active && next.spent && (next.on.is_some() || memory.served.is_none()) {
            return broken(
                Invariant::I8,
                "a call that outlived its presence is served, or was not locked out",
            );
        }
        if active && memory.served.is_none() && next.on.is_none_or(|on| on < self.row.delay) {
            return broken(Invariant::I10, "a call that did not last its delay is served");
        }
        let due = next.on.is_some_and(|on| on >= self.row.delay) && !next.spent && !next.outranked;
        let restarted = event == Event::Restart;
        if !active && due && !restarted && self.may_still_serve(memory) {
            return broken(Invariant::I6, "a valid call is not served");
        }
        let before = memory.served.filter(|_| !restarted);
        next.served = active.then(|| before.map_or(0, |age| age + u16::from(event == Event::Time)));
        let arrived = event == Event::Arrive && memory.served.is_some();
        next.dwelt = match memory.dwelt.filter(|_| active && !restarted) {
            Some(dwelt) => Some((dwelt + u16::from(event == Event::Time)).min(self.row.min_dwell)),
            None => (active && arrived).then_some(0),
        };
        self.check_length(memory, &mut next)?;
        Ok(next)
    }

    /// Set clocks that nothing compares any more to one value, so that equal futures are equal states.
    fn forget(&self, call: &mut Call, memory: &mut Memory) {
        let oldest = self.row.delay.max(self.row.max_presence);
        if call.remote_left == 0 {
            call.backup_left = 0;
        }
        if call.spent {
            call.since = call.since.map(|_| oldest);
        }
        if memory.refreshed.is_none() {
            memory.heard = self.site.backup_time;
        }
        if memory.spent {
            memory.on = memory.on.map(|_| oldest);
        }
        if memory.on.is_some() || !memory.spent {
            memory.off = self.site.lockout;
        }
    }

    /// A service that has lasted its maximum presence is over even when its call is younger.
    fn may_still_serve(&self, memory: &Memory) -> bool {
        memory.served.is_none_or(|age| self.row.max_presence == 0 || age + 1 < self.row.max_presence)
    }

    /// I7, and I10 for a call that has gone.
    fn check_length(&self, before: &Memory, next: &mut Memory) -> Result<(), Violation> {
        let row = self.row;
        let broken = |invariant, what: &str| Err(Violation { invariant, what: what.to_owned() });
        let lasted = |memory: &Memory, more: u16| {
            memory.served.is_some_and(|age| age + more >= row.min_duration)
                && memory.dwelt.is_some_and(|dwelt| dwelt + more >= row.min_dwell)
        };
        if row.max_presence > 0 && next.served.is_some_and(|age| age >= row.max_presence) {
            return broken(Invariant::I7, "the row is served beyond its maximum presence");
        }
        if next.served.is_some() && next.on.is_none() && lasted(next, 0) {
            return broken(Invariant::I10, "the row is served on although its call has gone");
        }
        let left = before.served.is_some() && next.served.is_none();
        let allowed = next.outranked || next.spent || next.heard == u16::MAX;
        let over = row.max_presence > 0 && before.served.is_some_and(|age| age + 1 >= row.max_presence);
        if left && !allowed && !over && !lasted(before, 1) {
            return broken(Invariant::I7, "the service was shorter than its minimum");
        }
        let last = row.max_presence.max(row.min_duration);
        next.served = next.served.map(|age| age.min(last));
        if next.heard == u16::MAX {
            next.heard = self.site.backup_time;
        }
        Ok(())
    }

    /// What the judge sees of the messages.
    fn note(&self, memory: &mut Memory, event: Event) {
        match event {
            Event::Time => {
                memory.refreshed = memory.refreshed.map(|age| (age + 1).min(self.site.lease));
                memory.heard = (memory.heard + 1).min(self.site.backup_time);
                memory.off = (memory.off + 1).min(self.site.lockout);
                if memory.heard >= self.site.backup_time || memory.refreshed == Some(self.site.lease) {
                    memory.refreshed = None;
                }
            }
            Event::Refresh => (memory.refreshed, memory.heard) = (Some(0), 0),
            Event::Release => (memory.refreshed, memory.heard) = (None, 0),
            Event::Physical(on) => memory.physical = on,
            Event::Outranked(outranked) => memory.outranked = outranked,
            Event::Arrive => {}
            // Marked for this judgement alone: a power failure may end any service.
            Event::Restart => (memory.refreshed, memory.heard) = (None, u16::MAX),
        }
    }

    /// For how long the inputs have called, as the judge reckons it.
    fn note_inputs(&self, memory: &mut Memory, event: Event, on: bool) {
        let row = self.row;
        if event == Event::Restart {
            (memory.on, memory.spent, memory.off) = (on.then_some(0), false, self.site.lockout);
            return;
        }
        let step = u16::from(event == Event::Time);
        let outlived = |age: u16| row.max_presence > 0 && age >= row.max_presence;
        match (on, memory.on) {
            (true, Some(age)) => {
                let age = (age + step).min(row.delay.max(row.max_presence));
                memory.on = Some(age);
                memory.spent |= outlived(age);
            }
            (true, None) => {
                memory.on = Some(0);
                memory.spent &= memory.off < self.site.lockout;
            }
            // The last step of the call counts, too.
            (false, Some(age)) => {
                memory.on = None;
                memory.off = 0;
                memory.spent |= outlived(age + step);
            }
            (false, None) => {}
        }
        // A service that lasted its maximum presence spends the call that keeps it.
        let over = memory.served.is_some_and(|age| outlived(age + step));
        memory.spent |= over && memory.on.is_some() && !memory.outranked;
    }
}

impl System for RowProof<'_> {
    type State = (State, Memory);
    type Event = Event;

    fn initial(&self) -> Self::State {
        let state = State { call: Call::default(), service: Service::Idle { left: None }, outranked: false };
        let memory = Memory {
            refreshed: None,
            heard: self.site.backup_time,
            physical: false,
            outranked: false,
            on: None,
            off: self.site.lockout,
            spent: false,
            served: None,
            dwelt: None,
        };
        (state, memory)
    }

    fn events(&self, (state, _): &Self::State, events: &mut Vec<Event>) {
        events.extend([Event::Time, Event::Refresh, Event::Release, Event::Restart]);
        events.push(Event::Physical(!state.call.physical));
        events.push(Event::Outranked(!state.outranked));
        if matches!(state.service, Service::Entry { .. }) {
            events.push(Event::Arrive);
        }
    }

    fn apply(&self, (state, memory): &Self::State, event: Event) -> Result<Self::State, Violation> {
        let mut next = self.next(state, event);
        let mut memory = self.judge(memory, event, &next)?;
        self.forget(&mut next.call, &mut memory);
        Ok((next, memory))
    }

    fn encode(&self, (state, memory): &Self::State, out: &mut Vec<u8>) {
        let age = |age: Option<u16>| age.unwrap_or(u16::MAX);
        let flags =
            [state.call.physical, state.call.spent, state.outranked, memory.physical, memory.outranked];
        let flags = flags.into_iter().chain([memory.spent]).fold(0, |all, flag| all << 1 | u8::from(flag));
        let (tag, served, dwelt) = match state.service {
            Service::Entry { age, .. } => (1, age, 0),
            Service::Dwell { age, dwelt, .. } => (2, age, dwelt),
            Service::Idle { .. } | Service::Startup { .. } => (0, 0, 0),
        };
        out.extend([flags, tag]);
        let call = &state.call;
        for value in [call.remote_left, call.backup_left, age(call.since), call.lockout_left, served, dwelt] {
            put(out, value);
        }
        for value in [age(memory.refreshed), memory.heard, age(memory.on), memory.off] {
            put(out, value);
        }
        put(out, age(memory.served));
        put(out, age(memory.dwelt));
    }

    fn decode(&self, bytes: &[u8]) -> Self::State {
        let mut bytes = Reader(bytes);
        let (flags, tag) = (bytes.u8(), bytes.u8());
        let flag = |bit: u8| flags & (1 << bit) != 0;
        let age = |value: u16| (value != u16::MAX).then_some(value);
        let [remote_left, backup_left, since, lockout_left, served, dwelt] = [(); 6].map(|()| bytes.u16());
        let call = Call {
            remote_left,
            backup_left,
            physical: flag(5),
            since: age(since),
            spent: flag(4),
            lockout_left,
        };
        let service = match tag {
            1 => Service::Entry { row: 0, age: served, waited: false },
            2 => Service::Dwell { row: 0, age: served, dwelt, waited: false },
            _ => Service::Idle { left: None },
        };
        let [refreshed, heard, on, off, served, dwelt] = [(); 6].map(|()| bytes.u16());
        let memory = Memory {
            refreshed: age(refreshed),
            heard,
            physical: flag(2),
            outranked: flag(1),
            on: age(on),
            off,
            spent: flag(0),
            served: age(served),
            dwelt: age(dwelt),
        };
        (State { call, service, outranked: flag(3) }, memory)
    }
}

/// The junction reduced to one of its preempt rows, on the coarsest grid that the row's own times fall on:
/// no other time is compared here.
#[must_use]
pub fn of(site: &Site, row: &Row) -> Site {
    let own = [row.delay, row.min_duration, row.min_dwell, row.max_presence];
    let assumed = [site.lease, site.backup_time, site.lockout];
    let step = own.into_iter().chain(assumed).fold(0, |a, b| divisor(a, i64::from(b)));
    let step = u16::try_from(step).unwrap_or(1).max(1);
    let reduced = Row {
        delay: row.delay / step,
        min_duration: row.min_duration / step,
        min_dwell: row.min_dwell / step,
        max_presence: row.max_presence / step,
        ..*row
    };
    Site {
        step: site.time(u32::from(step)),
        preempts: vec![reduced],
        groups: Vec::new(),
        lease: site.lease / step,
        backup_time: site.backup_time / step,
        lockout: site.lockout / step,
        ..site.clone()
    }
}
