//! The onlooker: holds what reached the street against the invariants S1 to S19 and C1 to C13 of the
//! safety manual. It knows the truth of the run, which no part of the centre does.

use clearway_field::Totals;
use clearway_network::Network;
use clearway_signals::{GroupSet, Millis, RequestId};

use super::device::{Device, Written};
use super::port::{Leased, Port};
use super::reds::Reds;

/// Breaches that are kept; more are only counted.
const KEPT_MAX: usize = 16;
/// A call that was asked for this long ago is over, whatever became of its packets (S7, S9).
const ASKED_MAX: Millis = Millis::from_s(180);
/// S8: "within unitBackupTime + TTL + one transition"; the last is a tick of the controller, and the second
/// between two looks.
const TRANSITION: Millis = Millis(1_300);
/// A release must have taken effect this long after it was commanded, on a sound link (S10).
const RELEASE_MAX: Millis = Millis(1_500);

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// When it was seen.
    pub at: Millis,
    /// The invariant.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

/// What is known of one controller.
#[derive(Clone, Debug)]
struct Street {
    /// The session of the centre whose reading was answered last.
    read_by: Option<u32>,
    /// When a write of ours was last carried out, and how long the call may then outlive it.
    written_at: Millis,
    outlives: Millis,
    /// Anything was wrong with the link or the controller until then.
    troubled_until: Millis,
    /// When a call of each row last left that an engine had asked for.
    asked_at: Vec<Millis>,
    /// How long whoever waits is red because of us.
    reds: Reds,
    /// When an own row could last have been armed.
    armable_at: Millis,
    /// A release was commanded and its row is still on.
    released: Option<(Millis, RequestId)>,
    /// An operator's release of all was called then.
    withheld: Option<Millis>,
}

/// The onlooker.
#[derive(Debug)]
pub(crate) struct Oracle {
    breaches: Vec<Breach>,
    count: u64,
    streets: Vec<Street>,
    totals: Totals,
}

impl Oracle {
    pub fn new(network: &Network) -> Self {
        let street = |groups: usize, rows: usize| Street {
            read_by: None,
            written_at: Millis(-1_000_000),
            outlives: Millis::ZERO,
            troubled_until: Millis::from_s(30),
            asked_at: vec![Millis(-1_000_000); rows],
            reds: Reds::new(groups),
            armable_at: Millis::ZERO,
            released: None,
            withheld: None,
        };
        Self {
            breaches: Vec::new(),
            count: 0,
            streets: network.controllers.iter().map(|c| street(c.groups.len(), c.rows.len())).collect(),
            totals: Totals::default(),
        }
    }

    pub fn breach(&mut self, at: Millis, rule: &'static str, what: String) {
        self.count += 1;
        if self.breaches.len() < KEPT_MAX {
            self.breaches.push(Breach { at, rule, what });
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn into_breaches(self) -> Vec<Breach> {
        self.breaches
    }

    /// Something is wrong on the way to a controller, or at it, until `until`.
    pub fn trouble(&mut self, controller: usize, until: Millis) {
        let street = &mut self.streets[controller];
        street.troubled_until = street.troubled_until.max(until);
        // What was to happen in time is excused.
        (street.released, street.withheld) = (None, None);
    }

    fn is_sound(&self, controller: usize, now: Millis, since: Millis) -> bool {
        now - since >= Millis::ZERO && self.streets[controller].troubled_until <= since
    }

    /// A packet of the centre leaves.
    pub fn leaves(&mut self, port: &Port, at: Millis, calls: Option<clearway_signals::RowId>) {
        let Some(row) = calls else { return };
        let controller = port.controller.0;
        if !port.armed {
            self.breach(
                at,
                "S6",
                format!("controller {controller} is not armed and row {} is called", row.0),
            );
        }
        let lease: Option<Leased> = port.lease.filter(|lease| lease.row == row);
        match lease {
            None => self.breach(
                at,
                "C7",
                format!("controller {controller}: row {} is called without a lease", row.0),
            ),
            Some(lease) if at >= lease.expires => {
                let late = (at - lease.expires).0;
                self.breach(
                    at,
                    "C7",
                    format!("controller {controller}: row {} is called {late} ms late", row.0),
                );
            }
            Some(_) => self.streets[usize::from(controller)].asked_at[row.index()] = at,
        }
    }

    /// Another engine is at work.
    pub fn engine_starts(&mut self) {
        self.streets.iter_mut().for_each(|street| street.reds.start_anew());
    }

    /// A reading was answered to a session.
    pub fn read(&mut self, controller: usize, session: u32) {
        // A reading of an earlier session may come late.
        self.streets[controller].read_by = self.streets[controller].read_by.max(Some(session));
    }

    /// A write of a session arrived.
    pub fn written(
        &mut self,
        controller: usize,
        session: u32,
        written: Written,
        shadow: bool,
        outlives: Millis,
        now: Millis,
    ) {
        if !written.allowed {
            self.breach(now, "S5", format!("controller {controller}: a write that is not on the list"));
        }
        if shadow {
            self.breach(now, "S18", format!("controller {controller}: a write in the shadow"));
        }
        let street = &mut self.streets[controller];
        let known = street.read_by >= Some(session);
        if written.taken {
            street.written_at = now;
            street.outlives = outlives;
        }
        if !known {
            self.breach(now, "S17", format!("controller {controller}: written before its state was read"));
        }
    }

    /// Look at a controller, once a second.
    pub fn look(&mut self, controller: usize, device: &Device, demand: GroupSet, now: Millis) {
        let (preempts, priority) = device.held();
        let ours = !preempts.is_empty() || priority;
        if preempts.iter().count() > 1 {
            self.breach(now, "S11", format!("controller {controller}: rows {preempts:?} are called at once"));
        }
        if device.is_armable() {
            self.was_armable(controller, now);
        }
        let street = &self.streets[controller];
        let unasked = preempts.iter().find(|row| now - street.asked_at[row.index()] > ASKED_MAX);
        if let Some(row) = unasked {
            self.breach(now, "S13", format!("controller {controller}: nobody asked for row {}", row.0));
        }
        let street = &self.streets[controller];
        let gone = street.written_at + street.outlives + TRANSITION;
        if ours && now > gone && !device.is_fed(now) {
            let since = (now - street.written_at).0;
            self.breach(now, "S8", format!("controller {controller}: on {since} ms after the last write"));
        }
        self.look_at_release(controller, ours, now);
        self.look_at_withheld(controller, ours, now);
        if let Some((group, red)) = self.streets[controller].reds.look(device, demand, now) {
            let what = format!("controller {controller}: group {group} red for {} ms because of us", red.0);
            self.breach(now, "S12", what);
        }
    }

    fn look_at_release(&mut self, controller: usize, ours: bool, now: Millis) {
        let Some((at, request)) = self.streets[controller].released else { return };
        if !ours {
            self.streets[controller].released = None;
        } else if now > at + RELEASE_MAX + Millis(1_000) {
            self.streets[controller].released = None;
            if self.is_sound(controller, now, at - Millis::from_s(2)) {
                self.breach(
                    now,
                    "S10",
                    format!("controller {controller}: {request:?} is released and still on"),
                );
            }
        }
    }

    fn look_at_withheld(&mut self, controller: usize, ours: bool, now: Millis) {
        let Some(at) = self.streets[controller].withheld else { return };
        if now >= at + Millis::from_s(2) {
            self.streets[controller].withheld = None;
            if ours && self.is_sound(controller, now, at - Millis::from_s(2)) {
                self.breach(
                    now,
                    "S19",
                    format!("controller {controller}: still on 2 s after release of all"),
                );
            }
        }
    }

    /// What a controller answers now may arm it.
    pub fn was_armable(&mut self, controller: usize, now: Millis) {
        self.streets[controller].armable_at = now;
    }

    /// A port says that its controller passed the gate.
    pub fn armed(&mut self, controller: usize, is_unsafe: bool, is_armable: bool, now: Millis) {
        if is_unsafe || !is_armable && now - self.streets[controller].armable_at > Millis::from_s(8) {
            self.breach(now, "S6", format!("controller {controller} is armed and should not be"));
        }
    }

    /// The engine commands a release to a port that is up and armed.
    pub fn released(&mut self, controller: usize, request: RequestId, now: Millis) {
        self.streets[controller].released = Some((now, request));
    }

    /// The engine calls again: an earlier release is overtaken.
    pub fn called(&mut self, controller: usize) {
        self.streets[controller].released = None;
    }

    /// An operator calls for release of all, and the port is up.
    pub fn withheld(&mut self, controller: usize, now: Millis) {
        self.streets[controller].withheld = Some(now);
    }

    /// What the monitors of all controllers count now.
    pub fn monitors(&mut self, totals: Totals, now: Millis) {
        let before = self.totals;
        let rules = [
            ("S1", totals.conflicts, before.conflicts),
            ("S2", totals.short_yellows, before.short_yellows),
            ("S3", totals.short_intergreens, before.short_intergreens),
            ("S4", totals.short_greens + totals.clearances_cut, before.short_greens + before.clearances_cut),
            ("S9", totals.long_presences, before.long_presences),
        ];
        for (rule, is, was) in rules {
            if is > was {
                self.breach(now, rule, format!("{} more in the last second", is - was));
            }
        }
        self.totals = totals;
    }
}
