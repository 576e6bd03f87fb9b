//! The link of a keeper: connections, failures, readings, the gate.

use clearway_signals::limits::ARMING_AGE_MAX;
use clearway_signals::{Millis, RowSet};

use super::{Keeper, Known};
use crate::ask::{Ask, Now, StatusReading};
use crate::gate::{GateReading, GateRow, judge, serves_requests};
use crate::pacing::reconnect_after;
use crate::port::{LinkState, PortEvent};

/// Between two attempts to arm.
const GATE_AGAIN: Millis = Millis::from_s(5);
/// The gate is judged again this long before its token would lapse.
const GATE_AHEAD: Millis = Millis::from_s(60);
/// Between an exchange that failed and the next reading over the same connection.
const READ_AGAIN: Millis = Millis(50);

impl Keeper {
    pub(super) fn connected(&mut self, now: Now) {
        self.connected = true;
        self.connection += 1;
        self.failures = 0;
        self.forget(now);
    }

    /// A fresh connection, or a device that restarted: nothing that was known holds.
    fn forget(&mut self, now: Now) {
        self.known = Known { since: now.at, gate_at: now.at, ..Known::default() };
        self.status_at = now.at;
        self.counts_at = now.at;
        self.tries = 0;
    }

    pub(super) fn fail(&mut self, now: Now, ask: Ask, reason: &str) {
        self.failures = self.failures.saturating_add(1);
        // Whatever was asked, the device may be in another state than we think: read first.
        self.known.calls = None;
        self.status_at = now.at + READ_AGAIN;
        if let Ask::Write(write) = ask {
            self.note_try(now, write.clear);
            if let Some(call) = write.call {
                self.owe(call.row);
            }
        }
        if ask == Ask::Gate {
            self.known.gate_at = now.at + READ_AGAIN;
        }
        if ask == Ask::Connect || self.failures >= self.pace.failures_max {
            self.go_down(now, reason);
        }
    }

    fn go_down(&mut self, now: Now, reason: &str) {
        self.connect_at = now.at + reconnect_after(self.attempts, u64::from(self.site.controller.0));
        self.attempts = self.attempts.saturating_add(1);
        self.connected = false;
        self.failures = 0;
        self.known.armed = None;
        self.unarm(format!("link: {reason}"));
        self.set_link(LinkState::Down);
    }

    fn set_link(&mut self, link: LinkState) {
        if self.link != link {
            self.link = link;
            self.events.push(PortEvent::Link(self.site.controller, link));
        }
    }

    pub(super) fn judge(&mut self, now: Now, reading: &GateReading) {
        self.failures = 0;
        self.known.judged = true;
        match judge(&self.site, reading, self.connection, now.at) {
            Ok(armed) => {
                self.known.armed = Some(armed);
                self.known.identified = true;
                self.known.gate_at = now.at + ARMING_AGE_MAX - GATE_AHEAD;
                self.unarmed_because.clear();
                self.events.push(PortEvent::Armed(self.site.controller));
            }
            Err(findings) => {
                // A device that is the right one may still be told to let go of our rows.
                self.known.identified = findings.iter().all(|finding| finding.row != GateRow::Identity);
                self.known.armed = None;
                self.known.gate_at = now.at + GATE_AGAIN;
                let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
                self.unarm(reasons.join("; "));
            }
        }
    }

    /// Say that the controller is not armed, once for each reason.
    fn unarm(&mut self, reason: String) {
        if self.unarmed_because != reason {
            self.events.push(PortEvent::NotArmed(self.site.controller, reason.clone()));
            self.unarmed_because = reason;
        }
    }

    pub(super) fn see(&mut self, now: Now, reading: StatusReading) {
        self.failures = 0;
        self.attempts = 0;
        self.set_link(LinkState::Up);
        let restarted = matches!((self.known.uptime, reading.uptime), (Some(was), Some(is)) if is < was);
        if restarted {
            self.connection += 1;
            self.forget(now);
            self.unarm("the device restarted".into());
        }
        self.known.uptime = reading.uptime;
        let own = self.site.own_rows();
        let calls = reading.calls.iter().filter(|row| own.contains(*row)).fold(RowSet::EMPTY, RowSet::with);
        self.known.calls = Some(calls);
        let active = self.mailbox.lease().is_some() || !calls.is_empty();
        let every = if active { self.pace.status_active } else { self.pace.status_idle };
        self.status_at = now.at + every;
        let mut status = reading.status;
        (status.controller, status.at, status.asserted) = (self.site.controller, now.at, calls);
        self.events.push(PortEvent::Status(status));
        self.watch_mode(now, serves_requests(status.mode));
        self.read_back(now, calls, reading.current);
        self.give_up_outlived(now, reading.outlived);
        self.give_up_ended(now, reading.ended);
    }

    fn watch_mode(&mut self, now: Now, serves: bool) {
        if !serves && self.known.armed.take().is_some() {
            self.unarm("mode: the controller no longer serves requests".into());
            self.known.gate_at = now.at + GATE_AGAIN;
        }
        if serves && !self.known.serves && self.known.armed.is_none() {
            self.known.gate_at = self.known.gate_at.min(now.at);
        }
        self.known.serves = serves;
    }
}
