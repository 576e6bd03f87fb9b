//! One supervisor's connection, sans-IO: phases, acknowledgements, watchdog, buffer.
//!
//! The order of the start is the standard's: versions, watchdogs, aggregated status, alarms, buffer.
//! What happens while nobody is connected is buffered, the oldest given up first. The buffer leaves a
//! window at a time, so that what the supervisor asks meanwhile is answered between.

use std::collections::VecDeque;

use clearway_rsmp::codec::encode_for;
use clearway_rsmp::frame::{Ack, NotAck};
use clearway_rsmp::session::Ids;
use clearway_rsmp::{Core, Message, Splitter};
use clearway_signals::Millis;

use super::subscriptions::Subscriptions;
use super::tlc::Component;
use super::tlc::counting::Counting;

/// Messages that are kept while nobody is connected.
pub const BUFFER_MAX: usize = 10_000;
/// Of what is told without being asked so many messages wait for their acknowledgement at once.
const WINDOW: usize = 64;
/// Messages that wait for their acknowledgement at once.
const AWAITED_MAX: usize = 10_500;
/// Bytes that wait to be written.
const OUTPUT_MAX: usize = 16 * 1024 * 1024;

/// The times of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// A message that is not acknowledged in this time means disruption.
    pub acknowledge: Millis,
    /// Between two watchdog messages.
    pub watchdog: Millis,
    /// From a disruption to the next attempt.
    pub reconnect: Millis,
}

/// The defaults of the standard.
impl Default for Timing {
    fn default() -> Self {
        Self { acknowledge: Millis::from_s(30), watchdog: Millis::from_s(60), reconnect: Millis::from_s(10) }
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Down,
    /// Our version is sent.
    Versions {
        ours_taken: bool,
        theirs_taken: bool,
    },
    /// Our watchdog is sent.
    Watchdogs {
        ours_taken: bool,
        theirs_taken: bool,
    },
    Up,
}

#[derive(Clone, Debug)]
struct Awaited {
    id: String,
    since: Millis,
    message: Message,
}

/// What is to be told, and whether nobody was connected when it happened.
#[derive(Clone, Debug)]
struct News {
    message: Message,
    old: bool,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    timing: Timing,
    /// The supervisor is the primary one.
    is_primary: bool,
    pub phase: Phase,
    phase_since: Millis,
    pub core: Core,
    splitter: Splitter,
    output: Vec<u8>,
    awaited: VecDeque<Awaited>,
    buffer: VecDeque<News>,
    pub subscriptions: Subscriptions,
    pub countings: Vec<((&'static str, Component), Counting)>,
    watchdog_sent: Millis,
    pub clock_set: Option<Millis>,
    closing: Option<String>,
    ids: Ids,
}

impl Session {
    pub fn new(timing: Timing, ids: Ids, is_primary: bool) -> Self {
        Self {
            timing,
            is_primary,
            phase: Phase::Down,
            phase_since: Millis::ZERO,
            core: Core::V3_1_2,
            splitter: Splitter::default(),
            output: Vec::new(),
            awaited: VecDeque::new(),
            buffer: VecDeque::new(),
            subscriptions: Subscriptions::default(),
            countings: Vec::new(),
            watchdog_sent: Millis::ZERO,
            clock_set: None,
            closing: None,
            ids,
        }
    }

    // ---- the connection ----

    /// Connected: our version goes out.
    pub fn open(&mut self, version: Message, now: Millis) {
        self.splitter = Splitter::default();
        self.output.clear();
        self.closing = None;
        self.clock_set = None;
        self.enter(Phase::Versions { ours_taken: false, theirs_taken: false }, now);
        self.send(version, now);
    }

    /// Disconnected: what was sent and not acknowledged is sent again later. Subscriptions live on, but
    /// in the oldest versions of core.
    pub fn close(&mut self, now: Millis) {
        self.enter(Phase::Down, now);
        self.output.clear();
        self.closing = None;
        if !self.core.keeps_subscriptions() {
            self.end_subscriptions();
        }
        let lost = std::mem::take(&mut self.awaited);
        for awaited in lost.into_iter().rev().filter(|awaited| is_kept(&awaited.message)) {
            if self.buffer.len() < BUFFER_MAX {
                self.buffer.push_front(News { message: awaited.message, old: true });
            }
        }
    }

    /// The controller restarts: nothing is subscribed any more.
    pub fn end_subscriptions(&mut self) {
        self.subscriptions.clear();
        self.countings.clear();
    }

    pub fn enter(&mut self, phase: Phase, now: Millis) {
        self.phase = phase;
        self.phase_since = now;
    }

    /// Whether version and watchdog were exchanged.
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// Whether alarms are told here: from core 3.2 on to the primary supervisor alone.
    pub fn receives_alarms(&self) -> bool {
        self.is_primary || !self.core.has_arrays()
    }

    /// Whether messages other than the version count yet.
    pub fn knows_version(&self) -> bool {
        matches!(self.phase, Phase::Watchdogs { .. } | Phase::Up)
    }

    /// The connection is to be closed once what is written is out.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.closing.get_or_insert_with(|| reason.into());
    }

    pub fn closing(&self) -> Option<&str> {
        self.closing.as_deref()
    }

    // ---- bytes ----

    /// Whole messages in what was read; a stream that is none ends the connection.
    pub fn split(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        match self.splitter.push(bytes) {
            Ok(messages) => messages,
            Err(error) => {
                self.fail(error.to_string());
                Vec::new()
            }
        }
    }

    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    fn write(&mut self, message: &Message) {
        // What this site makes can always be written as JSON.
        self.output.extend(encode_for(message, self.core).unwrap_or_default());
        if self.output.len() > OUTPUT_MAX {
            self.fail("the supervisor does not read");
        }
    }

    // ---- messages ----

    /// Send with a new id, and expect an acknowledgement.
    pub fn send(&mut self, mut message: Message, now: Millis) {
        if self.awaited.len() >= AWAITED_MAX {
            self.fail("too many messages without acknowledgement");
            return;
        }
        let id = self.ids.make();
        message.set_id(id.clone());
        self.write(&message);
        self.awaited.push_back(Awaited { id, since: now, message });
    }

    /// Send what the supervisor must hear of, now or when it is back, in the order in which it happened.
    pub fn report(&mut self, message: Message, now: Millis) {
        if self.buffer.len() >= BUFFER_MAX {
            self.buffer.pop_front();
        }
        self.buffer.push_back(News { message, old: !self.is_up() });
        self.pump(now);
    }

    /// Send what is to be told, as long as its acknowledgements keep up.
    pub fn pump(&mut self, now: Millis) {
        while self.is_up() && self.awaited.len() < WINDOW {
            let Some(news) = self.buffer.pop_front() else { return };
            if let Some(message) = self.prepare(news) {
                self.send(message, now);
            }
        }
    }

    /// As this connection takes it, if at all. From core 3.2 on buffered values are old; arrays are for
    /// 3.2 alone.
    fn prepare(&self, News { mut message, old }: News) -> Option<Message> {
        if let Message::StatusUpdate(update) = &mut message {
            if !self.core.has_arrays() {
                update.values.retain(|value| !value.value.is_array());
            } else if old {
                update.values.iter_mut().for_each(|value| value.quality = "old".into());
            }
            if update.values.is_empty() {
                return None;
            }
        }
        (self.receives_alarms() || !matches!(message, Message::Alarm(_))).then_some(message)
    }

    /// Forget buffered alarm events that were just told.
    pub fn forget_told(&mut self, told: &[Message]) {
        self.buffer.retain(|news| !told.iter().any(|told| is_same_event(told, &news.message)));
    }

    /// What is buffered, the oldest first.
    pub fn buffered(&self) -> impl Iterator<Item = &Message> {
        self.buffer.iter().map(|news| &news.message)
    }

    /// Take over what was buffered before a restart.
    pub fn restore(&mut self, buffered: Vec<Message>) {
        let kept = buffered.into_iter().filter(is_kept).take(BUFFER_MAX);
        self.buffer = kept.map(|message| News { message, old: true }).collect();
    }

    pub fn acknowledge(&mut self, id: &str) {
        self.write(&Message::MessageAck(Ack { of: id.into() }));
    }

    pub fn refuse(&mut self, id: &str, reason: &str) {
        tracing::debug!(id, reason, "rsmp message refused");
        self.write(&Message::MessageNotAck(NotAck { of: id.into(), reason: reason.into() }));
    }

    /// A message of ours was taken or refused: its type, if we know it.
    pub fn acknowledged(&mut self, id: &str) -> Option<&'static str> {
        let place = self.awaited.iter().position(|awaited| awaited.id == id)?;
        self.awaited.remove(place).map(|awaited| awaited.message.kind())
    }

    // ---- time ----

    /// Whether it is time for our watchdog.
    pub fn watchdog_due(&mut self, now: Millis) -> bool {
        let due = self.is_up() && now - self.watchdog_sent >= self.timing.watchdog;
        if due {
            self.watchdog_sent = now;
        }
        due
    }

    /// The watchdog of the start is sent.
    pub fn watchdog_started(&mut self, now: Millis) {
        self.watchdog_sent = now;
    }

    /// Give the connection up when an acknowledgement or a step of the start is overdue.
    pub fn check(&mut self, now: Millis) {
        let overdue = |since: Millis| now - since >= self.timing.acknowledge;
        let waiting = !matches!(self.phase, Phase::Down | Phase::Up);
        if self.phase != Phase::Down && self.awaited.front().is_some_and(|first| overdue(first.since)) {
            self.fail("a message was not acknowledged in time");
        } else if waiting && overdue(self.phase_since) {
            self.fail("versions and watchdogs were not exchanged in time");
        }
    }

    /// Where counting of a status of a component began; at the site's start when it was never sent.
    pub fn counting(&self, code: &str, component: Component, start: &Counting) -> Counting {
        let known = self.countings.iter().find(|((c, of), _)| *c == code && *of == component);
        known.map_or_else(|| start.clone(), |(_, counting)| counting.clone())
    }

    /// The counts of a status were sent: they begin anew.
    pub fn count_anew(&mut self, code: &'static str, component: Component, counting: Counting) {
        self.countings.retain(|(key, _)| *key != (code, component));
        self.countings.push(((code, component), counting));
    }
}

/// The same event of the same alarm, told twice.
fn is_same_event(one: &Message, other: &Message) -> bool {
    let (Message::Alarm(one), Message::Alarm(other)) = (one, other) else { return false };
    (&one.component, &one.code, &one.kind, &one.at, &one.state)
        == (&other.component, &other.code, &other.kind, &other.at, &other.state)
}

/// What a supervisor must hear of even after an outage.
fn is_kept(message: &Message) -> bool {
    matches!(message, Message::Alarm(_) | Message::AggregatedStatus(_) | Message::StatusUpdate(_))
}
