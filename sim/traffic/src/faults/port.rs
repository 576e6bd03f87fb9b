//! The centre's port to one controller: the real keeper and a link, driven as the adapter's task drives
//! them; and what an onlooker knows of it.

use std::collections::VecDeque;

use clearway_certify::Action;
use clearway_contract::{Answer, Ask, Dispatch, GateReading, Keeper, Now, PortEvent, Site, Step};
use clearway_contract::{Entry, LEASE_GUARD, LinkState, StatusReading};
use clearway_signals::{ControllerId, Millis, RequestId, RowId, RowKind, RowSet};

use super::link::{Link, pace};
use super::packet::{Outgoing, Packet};
use super::planted::Planted;
use super::wire::Wire;

/// Commands that wait for the port.
const INBOX_MAX: usize = 64;
/// Asks at one instant until the port yields.
const STEPS_MAX: usize = 8;

/// The lease that the port was given last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leased {
    pub row: RowId,
    pub expires: Millis,
    pub arrival: Millis,
    pub is_emergency: bool,
    pub request: RequestId,
}

/// What went wrong between the engine and the port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slip {
    /// A transit request displaced an emergency request (S13).
    Outranked,
    /// A command of an earlier epoch was taken (C4).
    OldEpoch,
}

/// A port.
#[derive(Debug)]
pub(crate) struct Port {
    pub controller: ControllerId,
    keeper: Keeper,
    link: Link,
    asking: Option<Ask>,
    inbox: VecDeque<(u32, Dispatch)>,
    pub due: Millis,
    pub lease: Option<Leased>,
    pub armed: bool,
    pub is_up: bool,
    /// Connections so far, the present one included.
    pub connections: u32,
    /// The engine whose command was taken last, in turn.
    engine: u32,
    planted: Option<Planted>,
    emergency: RowSet,
    /// The request whose call the controller refused last: it does not hold it.
    refused: Option<RequestId>,
    /// For the bug that sends again later.
    again: Option<(Millis, Outgoing)>,
    /// For the bugs that believe what they did not read.
    fresh: bool,
}

impl Port {
    pub fn new(site: &Site, life: u32, seed: u64, planted: Option<Planted>) -> Self {
        let rows = (0..=u8::MAX).map(RowId).zip(&site.rows);
        let emergency = rows.filter(|(_, row)| row.kind == RowKind::Emergency).map(|(id, _)| id);
        Self {
            controller: site.controller,
            keeper: Keeper::new(site.clone(), pace(site.protocol)),
            link: Link::new(site, life, seed),
            asking: None,
            inbox: VecDeque::with_capacity(INBOX_MAX),
            due: Millis::ZERO,
            lease: None,
            armed: false,
            is_up: false,
            connections: 0,
            engine: 0,
            planted,
            emergency: emergency.fold(RowSet::EMPTY, RowSet::with),
            refused: None,
            again: None,
            fresh: false,
        }
    }

    /// Take a command of the engine that is this one in turn, as far as there is room.
    pub fn put(&mut self, engine: u32, dispatch: Dispatch) {
        if self.inbox.len() < INBOX_MAX {
            self.inbox.push_back((engine, dispatch));
        }
    }

    /// An operator's release of all, or its end.
    pub fn withhold(&mut self, now: Millis, withheld: bool) {
        self.keeper.withhold(instant(now), withheld);
        if withheld {
            self.lease = None;
        }
        self.due = now;
    }

    /// Go on until there is nothing to do now.
    pub fn drive(&mut self, wire: &mut Wire<'_>, slips: &mut Vec<Slip>) {
        self.send_again(wire);
        if self.asking.is_some() {
            let answer = self.link.wake(wire);
            self.answered(answer, wire);
        } else {
            let _ = self.link.wake(wire);
        }
        for _ in 0..STEPS_MAX {
            if self.asking.is_some() {
                break;
            }
            while let Some((engine, dispatch)) = self.inbox.pop_front() {
                self.offer(engine, &dispatch, wire.now, slips);
            }
            let lag = if self.planted == Some(Planted::NoLeaseGuard) { 250 } else { 0 };
            match self.keeper.next(instant(wire.now - Millis(lag))) {
                Step::Wait(until) => {
                    self.due = until.min(self.link.deadline()) + Millis(lag);
                    return;
                }
                Step::Ask(ask) => {
                    let first = wire.out.len();
                    let answer = self.begin(&ask, wire);
                    self.keep_for_later(wire, first);
                    self.asking = Some(ask);
                    self.answered(answer, wire);
                }
            }
        }
        self.due = if self.asking.is_some() { self.link.deadline() } else { wire.now };
    }

    pub fn receive(&mut self, packet: Packet, wire: &mut Wire<'_>, slips: &mut Vec<Slip>) {
        let answer = self.link.receive(packet, wire);
        self.answered(answer, wire);
        self.drive(wire, slips);
    }

    fn answered(&mut self, answer: Option<Answer>, wire: &Wire<'_>) {
        let Some(answer) = answer else { return };
        let Some(ask) = self.asking.take() else { return };
        if matches!((ask, &answer), (Ask::Connect, Answer::Connected)) {
            self.connections += 1;
            self.fresh = true;
        }
        if let Ask::Write(write) = ask
            && write.call().is_some()
        {
            let refused = matches!(answer, Answer::Refused(_));
            self.refused = self.lease.filter(|_| refused).map(|lease| lease.request);
        }
        let answer = self.believed(ask, answer);
        self.keeper.answer(instant(wire.now), answer);
    }

    fn offer(&mut self, engine: u32, dispatch: &Dispatch, now: Millis, slips: &mut Vec<Slip>) {
        let command = &dispatch.command;
        if self.keeper.offer(instant(now), dispatch).is_err() {
            return;
        }
        if engine < self.engine {
            slips.push(Slip::OldEpoch);
        }
        self.engine = self.engine.max(engine);
        // C5: a lease is over its guard before its end; nothing may be sent for it from then on.
        let before = self.lease.filter(|lease| now + LEASE_GUARD < lease.expires);
        match command.action() {
            Action::Assert { arrival } => {
                let is_emergency = self.emergency.contains(command.row());
                // What the controller itself refused is not held, and nothing is displaced (S13).
                let held = before.filter(|lease| self.refused != Some(lease.request));
                if held.is_some_and(|lease| lease.is_emergency) && !is_emergency {
                    slips.push(Slip::Outranked);
                }
                let (row, expires, request) = (command.row(), command.expires(), command.request());
                self.lease = Some(Leased { row, expires, arrival, is_emergency, request });
            }
            Action::Release => {
                self.lease = before.filter(|lease| lease.request != command.request());
            }
        }
    }

    /// What the port tells the engine.
    pub fn take_events(&mut self) -> Vec<PortEvent> {
        let events: Vec<PortEvent> = self.keeper.drain_events().collect();
        for event in &events {
            match event {
                PortEvent::Armed(_) => self.armed = true,
                PortEvent::NotArmed(..) => self.armed = false,
                PortEvent::Link(_, state) => self.is_up = *state == LinkState::Up,
                _ => {}
            }
        }
        events
    }
}

/// Where bugs are planted.
impl Port {
    fn begin(&mut self, ask: &Ask, wire: &mut Wire<'_>) -> Option<Answer> {
        match (self.planted, ask) {
            (Some(Planted::AdoptWithoutReading), Ask::Status) if self.fresh => {
                self.fresh = false;
                let mut reading = StatusReading { current: true, ..StatusReading::default() };
                reading.status.mode = clearway_signals::Mode::Normal;
                Some(Answer::Status(reading))
            }
            (Some(Planted::AdoptWithoutReading), Ask::Gate) => {
                Some(Answer::Gate(Box::new(self.model_gate())))
            }
            (Some(Planted::ForgottenRelease), Ask::Write(write)) if write.call().is_none() => {
                Some(Answer::Written(wire.stamp_ns()))
            }
            _ => self.link.begin(ask, wire),
        }
    }

    /// What a careless port makes of an answer.
    fn believed(&mut self, ask: Ask, answer: Answer) -> Answer {
        match (self.planted, ask, answer) {
            (Some(Planted::YellowZero), Ask::Gate, Answer::Gate(mut reading)) => {
                reading
                    .rows
                    .iter_mut()
                    .filter(|row| row.present)
                    .for_each(|row| row.entry = Entry::Keeps(true));
                Answer::Gate(reading)
            }
            (Some(Planted::NoDeadMan), Ask::Gate, Answer::Gate(mut reading)) => {
                reading.dead_man = Some(Millis::from_s(15));
                Answer::Gate(reading)
            }
            (Some(Planted::ForgottenRelease), Ask::Status, Answer::Status(mut reading)) => {
                // "It was written, so it is off."
                if self.lease.is_none() {
                    reading.calls = RowSet::EMPTY;
                }
                Answer::Status(reading)
            }
            (Some(Planted::BelievedWrite), Ask::Status, Answer::Status(mut reading)) => {
                if let Some(lease) = self.lease {
                    reading.status.active = Some(lease.row);
                    reading.status.preempt = clearway_signals::PreemptState::Dwell;
                    reading.calls = reading.calls.with(lease.row);
                }
                Answer::Status(reading)
            }
            (_, _, answer) => answer,
        }
    }

    /// What the model says, as if the controller had said it.
    fn model_gate(&self) -> GateReading {
        let site = self.keeper.site();
        let rows = site.rows.iter().map(|row| clearway_contract::RowReading {
            present: true,
            kind: Some(row.kind),
            non_locking: true,
            enabled: true,
            remote: true,
            overrides: true,
            delay: row.delay,
            min_duration: row.min_duration,
            min_dwell: row.min_dwell,
            max_presence: row.max_presence,
            dwell: row.dwell,
            entry: Entry::Keeps(true),
            ..clearway_contract::RowReading::ABSENT
        });
        GateReading {
            device: "as the model says".into(),
            protocol_fits: true,
            configuration_hash: Some(site.junction().configuration_hash()),
            mode: clearway_signals::Mode::Normal,
            remote_enabled: true,
            dead_man: Some(Millis::from_s(15)),
            dead_man_watches_calls: true,
            phases: None,
            rows: rows.collect(),
            clock_offset: None,
            found: Vec::new(),
        }
    }

    fn keep_for_later(&mut self, wire: &Wire<'_>, first: usize) {
        if self.planted == Some(Planted::RetryAfterDeadline) && self.again.is_none() {
            let call = wire.out[first..].iter().find(|outgoing| outgoing.calls.is_some());
            self.again = call.map(|call| (wire.now + Millis::from_s(40), call.clone()));
        }
    }

    fn send_again(&mut self, wire: &mut Wire<'_>) {
        if let Some((_, outgoing)) = self.again.take_if(|(at, _)| *at <= wire.now) {
            wire.out.push(outgoing);
        }
    }
}

pub(crate) fn instant(at: Millis) -> Now {
    Now { at, ns: u64::try_from(at.0).unwrap_or(0) * 1_000_000 }
}
