//! Calls of the preempt rows: remote input or physical input, delay, maximum presence; the dead-man.

use clearway_signals::{Millis, RequestRow, RowId, RowSet};

#[derive(Clone, Copy, Debug, Default)]
struct Call {
    /// Held by the remote input until then.
    remote_until: Option<Millis>,
    physical: bool,
    /// Since when the call is on without a break.
    since: Option<Millis>,
    /// Older than its maximum presence: invalid until it goes off.
    spent: bool,
}

impl Call {
    fn is_on(&self) -> bool {
        self.physical || self.remote_until.is_some()
    }
}

/// The calls of all rows.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    calls: Vec<Call>,
}

impl Calls {
    pub fn new(rows: usize) -> Self {
        Self { calls: vec![Call::default(); rows] }
    }

    /// Set or reset the remote input of a row; set again it only moves the expiry.
    pub fn set_remote(&mut self, row: RowId, until: Option<Millis>, now: Millis) {
        self.change(row, now, |call| call.remote_until = until);
    }

    /// Set or reset the physical input of a row.
    pub fn set_physical(&mut self, row: RowId, on: bool, now: Millis) {
        self.change(row, now, |call| call.physical = on);
    }

    /// Reset every remote input; how many were on.
    pub fn drop_remote(&mut self, now: Millis) -> u32 {
        let held = self.remote();
        held.iter().for_each(|row| self.set_remote(row, None, now));
        held.0.count_ones()
    }

    /// Let remote inputs expire and calls outlive their maximum presence; how many of each.
    pub fn tick(&mut self, rows: &[RequestRow], now: Millis) -> (u32, u32) {
        let (mut expired, mut spent) = (0, 0);
        for (index, row) in rows.iter().enumerate() {
            let id = RowId(u8::try_from(index).unwrap_or(u8::MAX));
            if self.calls[index].remote_until.is_some_and(|until| until <= now) {
                self.set_remote(id, None, now);
                expired += 1;
            }
            let call = &mut self.calls[index];
            let too_old =
                row.max_presence > Millis::ZERO && call.since.is_some_and(|s| now - s >= row.max_presence);
            if too_old && !call.spent {
                call.spent = true;
                spent += 1;
            }
        }
        (expired, spent)
    }

    /// Make a call that is on invalid until it goes off.
    pub fn spend(&mut self, row: RowId) {
        if let Some(call) = self.calls.get_mut(row.index()) {
            call.spent = call.is_on();
        }
    }

    /// Whether the row's call is on, valid, and older than its delay.
    pub fn is_ready(&self, row: RowId, delay: Millis, now: Millis) -> bool {
        self.calls
            .get(row.index())
            .is_some_and(|call| !call.spent && call.since.is_some_and(|since| now - since >= delay))
    }

    pub fn is_on(&self, row: RowId) -> bool {
        self.calls.get(row.index()).is_some_and(Call::is_on)
    }

    pub fn is_spent(&self, row: RowId) -> bool {
        self.calls.get(row.index()).is_some_and(|call| call.spent)
    }

    /// Rows that the remote input holds.
    pub fn remote(&self) -> RowSet {
        self.rows(|call| call.remote_until.is_some())
    }

    /// Rows that the physical input holds.
    pub fn physical(&self) -> RowSet {
        self.rows(|call| call.physical)
    }

    fn rows(&self, holds: impl Fn(&Call) -> bool) -> RowSet {
        (0u8..)
            .zip(&self.calls)
            .filter(|(_, call)| holds(call))
            .fold(RowSet::EMPTY, |set, (row, _)| set.with(RowId(row)))
    }

    /// The edges of a call are taken when the inputs change, so that off-and-on within a tick counts.
    fn change(&mut self, row: RowId, now: Millis, apply: impl FnOnce(&mut Call)) {
        let Some(call) = self.calls.get_mut(row.index()) else { return };
        apply(call);
        match (call.is_on(), call.since) {
            (true, None) => call.since = Some(now),
            (false, Some(_)) => {
                call.since = None;
                call.spent = false;
            }
            _ => {}
        }
    }
}

/// NTCIP's backup timer: one for the whole unit, reset by each accepted command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadMan {
    timeout: Millis,
    until: Millis,
    expired: bool,
}

impl DeadMan {
    /// A unit starts in backup mode: nobody has spoken to it yet. A timeout of zero switches it off.
    pub fn new(timeout: Millis, now: Millis) -> Self {
        Self { timeout, until: now, expired: timeout > Millis::ZERO }
    }

    /// A command that brings a longer time to live of its own is given that.
    pub fn feed(&mut self, now: Millis, ttl: Millis) {
        let own = if ttl == Millis::NEVER { Millis::ZERO } else { ttl };
        self.until = now + self.timeout.max(own);
        self.expired = false;
    }

    /// Whether it runs out at this tick.
    pub fn runs_out(&mut self, now: Millis) -> bool {
        let out = self.timeout > Millis::ZERO && !self.expired && now >= self.until;
        self.expired |= out;
        out
    }

    pub fn is_expired(&self) -> bool {
        self.expired
    }

    pub fn left(&self, now: Millis) -> Millis {
        if self.expired { Millis::ZERO } else { self.until.since(now) }
    }

    pub fn timeout(&self) -> Millis {
        self.timeout
    }
}
