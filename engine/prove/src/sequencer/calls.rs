//! The call of one preempt row: remote input with its lease and the unit's dead-man timer, physical
//! input, delay, maximum presence, lockout.

use super::mutation::{Rules, mutated};
use crate::site::{Row, Site};

/// The inputs of one row and what became of them. Times in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// What is left of the remote call's lease; 0: not called.
    pub remote_left: u16,
    /// What is left until the unit believes the centre silent; 0: it does.
    pub backup_left: u16,
    /// The physical input.
    pub physical: bool,
    /// For how long the call has been on without a break.
    pub since: Option<u16>,
    /// Older than its maximum presence: invalid until it goes off.
    pub spent: bool,
    /// For how long a row that was spent still has to stay off.
    pub lockout_left: u16,
}

impl Call {
    /// Whether any input calls.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.physical || self.remote_left > 0
    }

    /// Whether the call counts and is older than its delay.
    #[must_use]
    pub(crate) fn is_ready(&self, rules: Rules, row: &Row) -> bool {
        let old_enough = self.since.is_some_and(|since| since >= row.delay)
            || (self.since.is_some() && mutated!(rules, DelaySkipped));
        old_enough && !self.spent
    }

    /// A message from the centre: call, or keep calling.
    pub(crate) fn refresh(&mut self, site: &Site, rules: Rules) {
        self.remote_left = site.lease + u16::from(mutated!(rules, LeaseLong));
        self.backup_left = site.backup_time;
        if mutated!(rules, PresenceRestartsAtRefresh) && self.since.is_some() {
            self.since = Some(0);
        }
        self.edge(site, rules);
    }

    /// A message from the centre: call no longer.
    pub(crate) fn release(&mut self, site: &Site, rules: Rules) {
        if !mutated!(rules, ReleaseIgnored) {
            self.remote_left = 0;
        }
        if mutated!(rules, ReleaseDropsPhysical) {
            self.physical = false;
        }
        self.backup_left = site.backup_time;
        self.edge(site, rules);
    }

    /// The physical input changes.
    pub(crate) fn set_physical(&mut self, on: bool, site: &Site, rules: Rules) {
        self.physical = on;
        self.edge(site, rules);
    }

    /// Power comes back: remote calls are forgotten, the physical input is read anew.
    pub(crate) fn restart(&mut self, rules: Rules) {
        let kept = if mutated!(rules, RestartKeepsCalls) { self.remote_left } else { 0 };
        *self = Self { physical: self.physical, remote_left: kept, ..Self::default() };
        self.since = self.is_on().then_some(0);
    }

    /// The call no longer counts until it goes off.
    pub(crate) fn spend(&mut self) {
        self.spent = self.is_on();
    }

    /// One step of time.
    pub(crate) fn pass(&mut self, site: &Site, rules: Rules, row: &Row) {
        if !mutated!(rules, LeaseWithoutEnd) {
            self.remote_left = self.remote_left.saturating_sub(1);
        }
        self.backup_left = self.backup_left.saturating_sub(1);
        if self.backup_left == 0 && !mutated!(rules, DeadManIgnored) {
            self.remote_left = 0;
        }
        if !self.is_on() {
            self.lockout_left = self.lockout_left.saturating_sub(1);
        }
        self.since = self.since.map(|since| (since + 1).min(row.delay.max(row.max_presence)));
        let old = row.max_presence > 0 && self.since.is_some_and(|since| since >= row.max_presence);
        if old && !mutated!(rules, PresenceNotCounted) {
            self.spent = true;
        }
        if mutated!(rules, SpentForgotten) && self.spent && self.since.is_some_and(|s| s >= row.max_presence)
        {
            self.spent = false;
            self.since = Some(0);
        }
        self.edge(site, rules);
    }

    /// The call came on or went off.
    fn edge(&mut self, site: &Site, rules: Rules) {
        match (self.is_on(), self.since) {
            (true, None) => {
                self.since = Some(0);
                // It came back too soon after it was spent: it counts again only after another pause.
                self.spent = self.lockout_left > 0 && !mutated!(rules, LockoutSkipped);
            }
            (false, Some(_)) if !mutated!(rules, CallLocks) => {
                self.lockout_left = if self.spent { site.lockout } else { 0 };
                self.since = None;
                self.spent = false;
            }
            _ => {}
        }
    }
}
