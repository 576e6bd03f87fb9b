//! One connection with one site, seen from the supervisor: handshake, acknowledgements, watchdogs,
//! what is refused and why (core 3.2, sections "Transport of data" and "Basic structure"). No I/O.
//!
//! Every message of the site with an id is answered exactly once, by an acknowledgement or by a
//! refusal with its reason. The exception is the standard's own: before the versions are exchanged
//! nothing but a Version is answered. A fresh connection is a fresh session: nothing of ours is ever
//! queued over an outage; what sites send of their buffers comes marked as old.

mod asking;
mod ids;
mod inbound;
mod policy;

use std::collections::VecDeque;
use std::sync::Arc;

use clearway_signals::Millis;

use crate::codec::{Splitter, encode};
use crate::frame::{Message, Watchdog};
use crate::time::timestamp;
use crate::version::{Core, Sxl};

pub use asking::{AlarmAsk, Unsent, Wanted};
pub use ids::{Ids, is_message_id};
pub use policy::{Accepted, OF_PRIMARY, Policy, Rights, Times, WITHOUT_EXPIRY};

/// Messages of ours that wait for their acknowledgement at once.
pub const UNACKNOWLEDGED_MAX: usize = 64;
/// Bytes that may wait to leave; a peer that reads no more is given up.
const OUTPUT_MAX: usize = 1024 * 1024;

/// One instant on two clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Instant {
    /// Monotonic, for deadlines.
    pub at: Millis,
    /// Wall clock, milliseconds since 1970, for timestamps alone.
    pub unix_ms: i64,
}

/// What the two sides agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// The highest version of core that both speak.
    pub core: Core,
    /// The site's version of the list.
    pub sxl: Sxl,
    /// The ids of the site.
    pub sites: Vec<String>,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The site's Version was accepted.
    Agreed(Agreed),
    /// The handshake is over: messages may be sent.
    Ready,
    /// A message of the site, checked and acknowledged.
    Message(Box<Message>),
    /// The site acknowledged the message of ours with this id.
    Acknowledged(String),
    /// The site refused the message of ours with this id, and why.
    Refused(String, String),
    /// We refused a message of the site, and why.
    Rejected(String),
    /// The site has sent no watchdog for too long. That ends nothing (core 3.2, section "Communication
    /// rejection"): whether it is there its acknowledgements of ours show.
    NoWatchdog,
}

/// Why a connection is over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CloseReason {
    /// The site's Version does not fit, or it refused ours.
    #[error("handshake: {0}")]
    Handshake(String),
    /// A message of ours was not acknowledged in time.
    #[error("no acknowledgement of {0} in time")]
    NotAcknowledged(&'static str),
    /// What comes is no RSMP, or the site reads no more.
    #[error("{0}")]
    Stream(String),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The site's Version is awaited.
    Opening,
    /// Versions are exchanged, watchdogs not yet.
    Settling,
    /// Messages may be sent.
    Ready,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Waiting {
    id: String,
    kind: &'static str,
    until: Millis,
}

/// The session.
#[derive(Debug)]
pub struct Session {
    policy: Arc<Policy>,
    ids: Ids,
    splitter: Splitter,
    phase: Phase,
    closed: Option<CloseReason>,
    agreed: Option<Agreed>,
    opened: Millis,
    waiting: VecDeque<Waiting>,
    watchdog_sent: bool,
    watchdog_at: Millis,
    watchdog_heard: Millis,
    /// Flags travel as text here, not as JSON's own booleans.
    text_flags: bool,
    output: Vec<u8>,
    events: Vec<Event>,
}

impl Session {
    /// A connection that was just accepted. `seed` makes the ids of its messages: it must differ
    /// from session to session.
    #[must_use]
    pub fn new(policy: Arc<Policy>, seed: u64, now: Instant) -> Self {
        Self {
            policy,
            ids: Ids::new(seed),
            splitter: Splitter::default(),
            phase: Phase::Opening,
            closed: None,
            agreed: None,
            opened: now.at,
            waiting: VecDeque::new(),
            watchdog_sent: false,
            watchdog_at: Millis::NEVER,
            watchdog_heard: now.at,
            text_flags: false,
            output: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What the two sides agreed on, once the site's Version was accepted.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Whether messages may be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Ready && self.closed.is_none()
    }

    /// Why it is over, once it is. The output is still to be written, then the connection closed.
    #[must_use]
    pub fn closed(&self) -> Option<&CloseReason> {
        self.closed.as_ref()
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        match self.splitter.push(bytes) {
            Ok(messages) => messages.iter().for_each(|message| self.take(now, message)),
            Err(error) => self.close(CloseReason::Stream(error.to_string())),
        }
    }

    /// Time passed: see [`Session::deadline`].
    pub fn advance(&mut self, now: Instant) {
        if self.closed.is_some() {
            return;
        }
        let times = self.policy.times;
        if self.phase != Phase::Ready && now.at >= self.opened + times.handshake_max {
            self.close(CloseReason::Handshake("not finished in time".into()));
        } else if let Some(late) = self.waiting.iter().find(|waiting| now.at >= waiting.until) {
            self.close(CloseReason::NotAcknowledged(late.kind));
        } else if now.at >= self.watchdog_at {
            self.send_watchdog(now);
        }
        if self.is_ready() && now.at >= self.watchdog_heard + times.watchdog_max {
            // Said once for each time that passes so.
            self.watchdog_heard = now.at;
            self.events.push(Event::NoWatchdog);
        }
    }

    /// When [`Session::advance`] has something to do, if nothing comes before.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        if self.closed.is_some() {
            return Millis::NEVER;
        }
        let times = self.policy.times;
        let phase = match self.phase {
            Phase::Ready => self.watchdog_heard + times.watchdog_max,
            Phase::Opening | Phase::Settling => self.opened + times.handshake_max,
        };
        let answers = self.waiting.iter().map(|waiting| waiting.until).min().unwrap_or(Millis::NEVER);
        phase.min(answers).min(self.watchdog_at)
    }

    /// The bytes to write, and no longer here afterwards.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// The events since the last call. They are as many as the messages of the bytes that came.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    /// Give it up.
    pub fn close(&mut self, reason: CloseReason) {
        if self.closed.is_none() {
            self.closed = Some(reason);
            self.waiting.clear();
        }
    }

    fn send_watchdog(&mut self, now: Instant) {
        self.watchdog_sent = true;
        self.watchdog_at = now.at + self.policy.times.watchdog_every;
        let id = self.ids.make();
        self.post(now, Message::Watchdog(Watchdog { id, at: timestamp(now.unix_ms) }));
    }

    /// Write a message; one that has an id is waited for.
    fn post(&mut self, now: Instant, message: Message) {
        if self.closed.is_some() {
            return;
        }
        let bytes = match encode(&message) {
            Ok(bytes) => bytes,
            Err(error) => return self.close(CloseReason::Stream(error.to_string())),
        };
        if self.output.len() + bytes.len() > OUTPUT_MAX {
            return self.close(CloseReason::Stream("the site reads no more".into()));
        }
        self.output.extend_from_slice(&bytes);
        if let Some(id) = message.id() {
            let until = now.at + self.policy.times.ack_max;
            self.waiting.push_back(Waiting { id: id.into(), kind: message.kind(), until });
        }
    }
}

#[cfg(test)]
mod tests;
