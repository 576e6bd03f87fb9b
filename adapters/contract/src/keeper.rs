//! The keeper: the sans-IO state machine between the mailbox of one controller and its protocol.
//!
//! It says what to do next and takes what came of it. One ask is outstanding at a time. It reads
//! before it writes, on every connection; it calls a row only while the gate's token and the
//! lease are valid; it believes a write only when a reading shows it; it clears what is not
//! wanted until a reading shows that it is off.

mod link;
mod rows;

use clearway_signals::{Millis, RequestId, RowId, RowSet};

use crate::ask::{Answer, Ask, Now, Step};
use crate::gate::ArmedController;
use crate::mailbox::{Effect, LEASE_GUARD, Lease, Mailbox, Refusal};
use crate::pacing::Pace;
use crate::port::{Counts, Dispatch, LinkState, PortEvent};
use crate::site::Site;

/// Releases that wait for their read-back.
const RELEASES_MAX: usize = 16;

/// A release that is to be read back.
#[derive(Clone, Copy, Debug)]
struct Release {
    row: RowId,
    request: RequestId,
    fix_ns: Option<u64>,
    written: bool,
}

/// The call that the last accepted write made.
#[derive(Clone, Copy, Debug)]
struct Made {
    lease: Lease,
    at: Millis,
    confirmed: bool,
}

/// What the keeper knows over the connection that stands now.
#[derive(Debug, Default)]
struct Known {
    /// Own rows that the device holds; `None` before the first reading and after each write.
    calls: Option<RowSet>,
    /// When the connection came up.
    since: Millis,
    /// The gate was read.
    judged: bool,
    /// The device is the one of the model.
    identified: bool,
    /// The gate was passed.
    armed: Option<ArmedController>,
    /// When the gate is judged next.
    gate_at: Millis,
    /// The last reading showed a mode in which requests are served.
    serves: bool,
    /// The device's uptime at the last reading.
    uptime: Option<Millis>,
}

/// Keeps one controller to what is wanted of it.
#[derive(Debug)]
pub struct Keeper {
    site: Site,
    pace: Pace,
    mailbox: Mailbox,
    link: LinkState,
    connected: bool,
    connection: u64,
    known: Known,
    outstanding: Option<(Ask, Millis)>,
    failures: u8,
    attempts: u32,
    connect_at: Millis,
    status_at: Millis,
    counts_at: Millis,
    /// Own rows that we called and did not yet both take back and read as off.
    owed: RowSet,
    /// Of these, the rows whose taking back the device has answered since.
    taken_back: RowSet,
    /// The lease whose call the outstanding write makes.
    writing: Option<Lease>,
    made: Option<Made>,
    releases: Vec<Release>,
    /// Writes towards the same end without effect so far, and when the last one was.
    tries: u32,
    tried_at: Millis,
    tried: Option<(Option<RequestId>, RowSet)>,
    refusals: u8,
    unarmed_because: String,
    closing: bool,
    withheld: bool,
    /// Somebody before us may have left rows on.
    suspicious: bool,
    events: Vec<PortEvent>,
}

impl Keeper {
    /// A keeper that has not yet spoken to its controller.
    #[must_use]
    pub fn new(site: Site, pace: Pace) -> Self {
        Self {
            mailbox: Mailbox::new(&site),
            site,
            pace,
            link: LinkState::Connecting,
            connected: false,
            connection: 0,
            known: Known::default(),
            outstanding: None,
            failures: 0,
            attempts: 0,
            connect_at: Millis::ZERO,
            status_at: Millis::ZERO,
            counts_at: Millis::ZERO,
            owed: RowSet::EMPTY,
            taken_back: RowSet::EMPTY,
            writing: None,
            made: None,
            releases: Vec::with_capacity(RELEASES_MAX),
            tries: 0,
            tried_at: Millis::ZERO,
            tried: None,
            refusals: 0,
            unarmed_because: String::new(),
            closing: false,
            withheld: false,
            suspicious: false,
            events: Vec::new(),
        }
    }

    /// The site it keeps.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The own row that is wanted now.
    #[must_use]
    pub fn wanted(&self) -> Option<RowId> {
        self.mailbox.lease().map(|lease| lease.row)
    }

    /// The events since the last call.
    pub fn drain_events(&mut self) -> impl Iterator<Item = PortEvent> + '_ {
        self.events.drain(..)
    }

    /// Take a command. What came of it is told by events; a refusal is also returned.
    ///
    /// # Errors
    /// The reason why the command is not taken.
    pub fn offer(&mut self, now: Now, dispatch: &Dispatch) -> Result<(), Refusal> {
        let request = dispatch.command.request();
        let asserts = dispatch.command.is_assert();
        let taken = if asserts && (self.closing || self.withheld) {
            Err(Refusal::Closing)
        } else {
            self.mailbox.offer(now.at, dispatch)
        };
        match taken {
            Ok(Effect::Nothing) => {}
            Ok(Effect::Wanted(displaced)) => {
                if let Some(displaced) = displaced {
                    self.refuse(displaced.request, "displaced by a newer request");
                }
            }
            Ok(Effect::Released { row, request, fix_ns }) => self.release(now, row, request, fix_ns),
            Err(refusal) => {
                self.refuse(request, &refusal.to_string());
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Release everything and take no more calls, for good: the adapter is shutting down.
    pub fn close(&mut self, now: Now) {
        self.closing = true;
        self.give_up(now);
    }

    /// Release everything and take no more calls while `withheld`: an operator's release of all.
    pub fn withhold(&mut self, now: Now, withheld: bool) {
        self.withheld = withheld;
        if withheld {
            self.give_up(now);
        }
    }

    /// Somebody before us, of our own kind, may have left rows on: be quiet only once a reading
    /// showed that none is.
    pub fn suspect(&mut self) {
        self.suspicious = true;
    }

    /// Whether no row of ours can still be called on our account.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        // What is not the device that we know is not written to, whatever it shows.
        let stranger = self.known.judged && !self.known.identified;
        let left = match self.known.calls {
            None => !self.suspicious && self.owed.is_empty(),
            Some(calls) => stranger || (calls.is_empty() && self.owed.is_empty()),
        };
        let writing = matches!(self.outstanding, Some((Ask::Write(_), _)));
        left && !writing && self.mailbox.lease().is_none()
    }

    /// What to do now.
    pub fn next(&mut self, now: Now) -> Step {
        if let Some((_, until)) = self.outstanding {
            if now.at < until {
                return Step::Wait(until);
            }
            self.answer(now, Answer::Failed("no answer in time".into()));
        }
        if let Some(lease) = self.mailbox.expire(now.at) {
            self.end_lease(now, &lease, "its lease ended");
        }
        match self.choose(now) {
            Step::Ask(ask) => {
                self.outstanding = Some((ask, now.at + self.pace.answer_max));
                self.writing =
                    self.mailbox.lease().filter(|_| matches!(ask, Ask::Write(w) if w.call.is_some()));
                Step::Ask(ask)
            }
            Step::Wait(until) => {
                let lease_end = self.mailbox.lease().map_or(Millis::NEVER, |l| l.expires - LEASE_GUARD);
                Step::Wait(until.min(lease_end))
            }
        }
    }

    fn choose(&self, now: Now) -> Step {
        if !self.connected {
            return ask_at(now, self.connect_at, Ask::Connect);
        }
        if self.known.calls.is_none() {
            return ask_at(now, self.status_at, Ask::Status);
        }
        if now.at >= self.known.gate_at {
            return Step::Ask(Ask::Gate);
        }
        let write = self.write(now.at);
        match write {
            Some((write, at)) if now.at >= at => Step::Ask(Ask::Write(write)),
            _ if now.at >= self.status_at => Step::Ask(Ask::Status),
            _ if now.at >= self.counts_at => Step::Ask(Ask::Counts),
            _ => {
                let write_at = write.map_or(Millis::NEVER, |(_, at)| at);
                Step::Wait(write_at.min(self.status_at).min(self.counts_at).min(self.known.gate_at))
            }
        }
    }

    /// What came of the outstanding ask. An answer that nobody waits for is ignored.
    pub fn answer(&mut self, now: Now, answer: Answer) {
        let Some((ask, until)) = self.outstanding.take() else { return };
        // A process that stood still finds answers waiting: what they tell is of then, not of now.
        let answer = if now.at < until { answer } else { Answer::Failed("no answer in time".into()) };
        match (ask, answer) {
            (_, Answer::Failed(reason)) => self.fail(now, ask, &reason),
            (Ask::Connect, Answer::Connected) => self.connected(now),
            (Ask::Gate, Answer::Gate(reading)) => self.judge(now, &reading),
            (Ask::Status, Answer::Status(reading)) => self.see(now, reading),
            (Ask::Counts, Answer::Counts(vehicles, occupied)) => {
                self.counts_at = now.at + self.pace.counts;
                self.failures = 0;
                let controller = self.site.controller;
                self.events.push(PortEvent::Counts(Counts { controller, at: now.at, vehicles, occupied }));
            }
            (Ask::Write(write), Answer::Written(wire_ns)) => self.written(now, &write, wire_ns),
            (Ask::Write(write), Answer::Refused(reason)) => self.refused(now, &write, &reason),
            (_, Answer::Refused(reason)) => self.fail(now, ask, &reason),
            (_, _) => self.fail(now, ask, "an answer to another question"),
        }
    }
}

fn ask_at(now: Now, at: Millis, ask: Ask) -> Step {
    if now.at >= at { Step::Ask(ask) } else { Step::Wait(at) }
}

#[cfg(test)]
mod tests;
