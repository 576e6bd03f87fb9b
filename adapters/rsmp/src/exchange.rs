//! From the keeper's asks to messages of one session, and back. No I/O.
//!
//! The statuses that decide the mode, the signal groups and the detectors come by subscription.
//! S0033 does too, and it is asked for besides at each status reading: that answer is the read-back,
//! and it shows that the site still serves us. A call is a priority request: `new`, then `update` as
//! long as it is refreshed, then `cancel`.

mod alarms;
mod counting;
mod counts;
mod reading;
mod requests;

use clearway_contract::{Answer, Ask, Call, Site, Write};
use clearway_signals::{Millis, RequestState, RowId};
use serde_json::Value;

use crate::binding::{Binding, Means, rank};
use crate::board::Board;
use crate::frame::{Argument, CommandResponse, Message, StatusValues};
use crate::priority::{Change, plainly, request, states};
use crate::session::{Agreed, CloseReason, Event, Instant, Session, Wanted};
use crate::sxl;
use alarms::AlarmAsks;
use counts::Counter;
pub(crate) use counts::{COUNTED, COUNTED_ONE};
use reading::Reading;
pub use requests::Ended;
use requests::Requests;

/// The subscribed statuses must have come this long after they were subscribed, else they are asked
/// for at each reading.
const SUBSCRIBED_WITHIN: Millis = Millis::from_s(2);

/// The site's aggregated status belongs to the handshake: nothing is subscribed before it came, or
/// before it is plain that none will come.
const AGGREGATED_WITHIN: Millis = Millis(500);
/// What is kept for whoever logs.
const NOTES_MAX: usize = 32;

/// The statuses that every reading needs, as far as the site's list has them.
pub(crate) const WATCHED: [(&str, &str); 13] = [
    ("S0001", "signalgroupstatus"),
    ("S0002", "detectorlogicstatus"),
    ("S0005", "status"),
    ("S0007", "status"),
    ("S0008", "status"),
    ("S0011", "status"),
    ("S0012", "status"),
    ("S0013", "status"),
    ("S0020", "controlmode"),
    ("S0033", "status"),
    ("S0035", "emergencyroutes"),
    ("S0006", "status"),
    ("S0006", "emergencystage"),
];
/// The read-back of a priority request.
const READ_BACK: (&str, &str) = ("S0033", "status");
/// What else the gate reads, and the read-backs of commands without expiry.
pub(crate) const IDENTITY: [(&str, &str); 3] =
    [("S0095", "status"), ("S0097", "checksum"), ("S0017", "number")];
pub(crate) const SWITCHED: [(&str, &str); 4] = [
    ("S0003", "inputstatus"),
    ("S0006", "status"),
    ("S0006", "emergencystage"),
    ("S0035", "emergencyroutes"),
];
/// Alarms follow the aggregated status of the handshake within this time.
const ALARMS_WITHIN: Millis = Millis::from_s(2);

/// A command that was sent and is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sent {
    message: String,
    /// The request that the response must name, where it names one.
    request: Option<String>,
    acknowledged: bool,
    responded: bool,
}

/// The ask that is outstanding.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Pending {
    Connect,
    Read { ask: Ask, message: String, acknowledged: bool, first: String },
    Write { sent: Vec<Sent>, wire_ns: Option<u64> },
}

/// The exchange with one controller over one connection.
#[derive(Debug)]
pub struct Exchange {
    site: Site,
    binding: Binding,
    session: Session,
    board: Board,
    requests: Requests,
    counter: Counter,
    alarm_asks: AlarmAsks,
    pending: Option<Pending>,
    answer: Option<Answer>,
    /// The message that subscribed what every reading needs, and whether its flags were text.
    subscription: Option<(String, bool)>,
    /// The message that subscribed the counts of all detectors, until each is counted by itself, and
    /// whether its flags were text.
    counting: Option<(String, bool)>,
    /// A subscription was refused, and flags are written the other way since.
    has_respelt: bool,
    ready_at: Option<Millis>,
    subscribed_at: Option<Millis>,
    asks_for_all: bool,
    notes: Vec<String>,
}

impl Exchange {
    /// Over a session, which may already be under way. `nonce` must differ from connection to
    /// connection.
    #[must_use]
    pub fn new(site: Site, binding: Binding, session: Session, nonce: u32) -> Self {
        Self {
            site,
            binding,
            session,
            board: Board::default(),
            requests: Requests::new(nonce),
            counter: Counter::default(),
            alarm_asks: AlarmAsks::default(),
            pending: None,
            answer: None,
            subscription: None,
            counting: None,
            has_respelt: false,
            ready_at: None,
            subscribed_at: None,
            asks_for_all: false,
            notes: Vec::new(),
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What is known of the site.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Why it is over, once it is.
    #[must_use]
    pub fn closed(&self) -> Option<&CloseReason> {
        self.session.closed()
    }

    /// When [`Exchange::advance`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Millis {
        let own = match (self.ready_at, self.subscribed_at) {
            (Some(ready), None) => ready + AGGREGATED_WITHIN,
            (_, Some(subscribed)) if self.pending == Some(Pending::Connect) => subscribed + SUBSCRIBED_WITHIN,
            _ => Millis::NEVER,
        };
        self.session.deadline().min(own)
    }

    /// Bytes came.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.session.receive(now, bytes);
        self.settle(now);
    }

    /// Time passed.
    pub fn advance(&mut self, now: Instant) {
        self.session.advance(now);
        self.settle(now);
    }

    /// The bytes to write.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.session.take_output()
    }

    /// The output that was taken last leaves from this stamp on, nanoseconds: its answer may be here
    /// before [`Exchange::left`] is.
    pub fn leaves(&mut self, ns: u64) {
        if let Some(Pending::Write { wire_ns, .. }) = &mut self.pending {
            wire_ns.get_or_insert(ns);
        }
    }

    /// What left from stamp `since` on has left by stamp `by`.
    pub fn left(&mut self, since: u64, by: u64) {
        if let Some(Pending::Write { wire_ns: Some(wire_ns), .. }) = &mut self.pending
            && *wire_ns == since
        {
            *wire_ns = by;
        }
    }

    /// Give the connection up.
    pub fn close(&mut self, reason: CloseReason) {
        self.session.close(reason);
        self.fail();
    }

    /// Carry out an ask; its answer comes from [`Exchange::take_answer`]. An ask that was
    /// outstanding is forgotten.
    pub fn begin(&mut self, now: Instant, ask: &Ask) {
        self.answer = None;
        self.pending = None;
        match ask {
            Ask::Connect => self.pending = Some(Pending::Connect),
            Ask::Counts => self.answer = Some(self.counts(now.at)),
            Ask::Status => self.read(now, *ask, &self.names_of_status()),
            Ask::Gate => self.read(now, *ask, &self.names_of_gate()),
            Ask::Write(write) => self.write(now, write),
        }
        self.settle(now);
    }

    /// The answer to the ask, once it came.
    pub fn take_answer(&mut self) -> Option<Answer> {
        self.answer.take()
    }

    /// Whether an answer waits to be taken.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// What was refused of the site since the last call, for the log.
    pub fn take_notes(&mut self) -> Vec<String> {
        core::mem::take(&mut self.notes)
    }

    fn remark(&mut self, note: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        }
    }

    fn conclude(&mut self, answer: Answer) {
        self.pending = None;
        self.answer = Some(answer);
    }

    /// A connection that is over answers nothing any more.
    fn fail(&mut self) {
        if let Some(reason) = self.session.closed().filter(|_| self.pending.is_some()) {
            let reason = reason.to_string();
            self.conclude(Answer::Failed(reason));
        }
    }

    /// Take what happened in the session.
    fn settle(&mut self, now: Instant) {
        let events: Vec<Event> = self.session.drain_events().collect();
        for event in events {
            match event {
                Event::Ready => self.ready_at = Some(now.at),
                Event::Message(message) => self.note(now, &message),
                Event::Acknowledged(id) => self.acknowledged(&id),
                Event::Refused(id, reason) => self.refused(now, &id, reason),
                Event::Rejected(reason) => self.remark(reason),
                Event::NoWatchdog => self.remark("no watchdog for too long".into()),
                Event::Agreed(_) => {}
            }
        }
        let waited = self.ready_at.is_some_and(|ready| now.at >= ready + AGGREGATED_WITHIN);
        if self.subscribed_at.is_none()
            && self.session.is_ready()
            && (waited || self.board.aggregated().is_some())
        {
            self.subscribe(now);
        }
        if matches!(self.pending, Some(Pending::Connect)) && self.is_settled(now) {
            self.conclude(Answer::Connected);
        }
        self.fail();
    }
}

/// Reading.
impl Exchange {
    fn has(&self, (code, name): (&str, &str)) -> bool {
        let sxl = self.session.agreed().map(|agreed| agreed.sxl);
        sxl.is_some_and(|sxl| sxl::check_status_name(code, name, sxl).is_ok())
    }

    /// Which of these the site can be asked for; S0033 only where core has arrays.
    fn served(&self, names: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        let arrays = self.session.agreed().is_some_and(|agreed| agreed.core.has_arrays());
        let is_array = |code: &str| matches!(code, "S0033" | "S0035");
        names.iter().copied().filter(|name| self.has(*name) && (arrays || !is_array(name.0))).collect()
    }

    fn subscribe(&mut self, now: Instant) {
        if self.board.aggregated().is_none() {
            // From core 3.1.5 on it can be asked for; a site that has none stays without.
            let _ = self.session.request_aggregated_status(now, &self.binding.main);
        }
        self.watch(now);
        self.count_all(now);
    }

    /// Subscribe what every reading needs. A subscription that a site has kept from the connection before
    /// would tell nothing now when it is made again: it is ended first.
    fn watch(&mut self, now: Instant) {
        let names = self.served(&WATCHED);
        if self.session.agreed().is_some_and(|agreed| agreed.core.keeps_subscriptions()) {
            // Whether there was one, and whether it is ended, the values that come will show.
            let _ = self.session.unsubscribe(now, &self.binding.main, &names);
        }
        let wanted: Vec<Wanted> = names
            .into_iter()
            .map(|(code, name)| Wanted { code, name, every_s: 0, on_change: true })
            .collect();
        self.subscribed_at = Some(now.at);
        match self.session.subscribe(now, &self.binding.main, &wanted) {
            Ok(id) => self.subscription = Some((id, self.session.has_text_flags())),
            Err(_) => self.asks_for_all = true,
        }
    }

    /// Whether a subscription that was refused is worth another try, with its flags written otherwise.
    fn respell(&mut self, refused_text: bool) -> bool {
        if refused_text == self.session.has_text_flags() {
            let knows_flags = self.session.agreed().is_some_and(|agreed| agreed.core.has_send_on_change());
            if self.has_respelt || !knows_flags {
                return false;
            }
            self.has_respelt = true;
            self.session.set_text_flags(!refused_text);
        }
        true
    }

    /// Ready, and every subscribed status has come once, or none will come.
    fn is_settled(&mut self, now: Instant) -> bool {
        let Some(since) = self.subscribed_at.filter(|_| self.session.is_ready()) else { return false };
        let known = |(code, name): &(&str, &str)| self.board.status(&self.binding.main, code, name).is_some();
        if !self.asks_for_all && self.served(&WATCHED).iter().all(known) {
            return true;
        }
        self.asks_for_all |= now.at >= since + SUBSCRIBED_WITHIN;
        self.asks_for_all
    }

    fn names_of_status(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = self.served(if self.asks_for_all { &WATCHED } else { &[READ_BACK] });
        if !self.binding.rights.waived.is_empty() || names.is_empty() {
            let switched = self.served(&SWITCHED);
            names.extend(switched.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        }
        names
    }

    fn names_of_gate(&self) -> Vec<(&'static str, &'static str)> {
        let mut names = self.served(&IDENTITY);
        names.extend(self.served(&SWITCHED[..1]));
        names
    }

    fn read(&mut self, now: Instant, ask: Ask, names: &[(&'static str, &'static str)]) {
        let first = names.first().map(|(code, _)| (*code).to_owned()).unwrap_or_default();
        match self.session.request_status(now, &self.binding.main, names) {
            Ok(message) => {
                self.pending = Some(Pending::Read { ask, message, acknowledged: false, first });
            }
            Err(unsent) => self.answer = Some(Answer::Failed(unsent.to_string())),
        }
    }

    fn note(&mut self, now: Instant, message: &Message) {
        match message {
            Message::StatusUpdate(values) => {
                self.note_values(now, values);
                self.note_counts(now, values);
            }
            Message::StatusResponse(values) => {
                self.note_values(now, values);
                self.note_response(values);
            }
            Message::CommandResponse(response) => self.note_command(response),
            Message::Alarm(alarm) => self.board.note_alarm(alarm),
            Message::AggregatedStatus(status) => self.board.note_aggregated(status),
            _ => {}
        }
    }

    fn note_values(&mut self, now: Instant, values: &StatusValues) {
        self.board.note_values(values);
        if values.component != self.binding.main {
            return;
        }
        let recent = values.values.iter().filter(|value| value.quality == "recent");
        for states in recent.filter_map(states) {
            self.requests.note(now.at, states);
        }
    }

    /// The response to the request that is outstanding: it comes after the request's own
    /// acknowledgement, so that a late one for an earlier request is not taken for it.
    fn note_response(&mut self, values: &StatusValues) {
        let Some(Pending::Read { ask, acknowledged: true, first, .. }) = &self.pending else { return };
        let is_ours =
            values.component == self.binding.main && values.values.iter().any(|value| value.code == *first);
        if !is_ours {
            return;
        }
        let answer = match (ask, self.session.agreed()) {
            (Ask::Gate, Some(agreed)) => Answer::Gate(Box::new(self.reading().gate(agreed))),
            _ => self.status(),
        };
        self.conclude(answer);
    }

    fn status(&mut self) -> Answer {
        let ended = self.requests.take_end();
        Answer::Status(self.reading().status(ended))
    }

    fn reading(&self) -> Reading<'_> {
        Reading { site: &self.site, binding: &self.binding, board: &self.board, requests: &self.requests }
    }
}

/// Writing.
impl Exchange {
    fn write(&mut self, now: Instant, write: &Write) {
        let refusal = write.call().and_then(|call| self.requests.refusal(now.at, call.row));
        if let Some(state) = refusal {
            let why = format!("{}: {}", state.word(), plainly(state));
            self.answer = Some(Answer::Refused(why));
            return;
        }
        let mut commands: Vec<(Option<String>, Vec<Argument>)> = Vec::new();
        for row in write.clear().iter() {
            commands.extend(self.release(row));
        }
        if let Some(call) = write.call() {
            commands.extend(self.call(&call));
        }
        let mut sent = Vec::with_capacity(commands.len());
        for (request, arguments) in commands {
            match self.session.command(now, &self.binding.rights, &self.binding.main, arguments) {
                Ok(message) => sent.push(Sent { message, request, acknowledged: false, responded: false }),
                Err(unsent) => {
                    self.answer = Some(Answer::Refused(unsent.to_string()));
                    return;
                }
            }
        }
        self.pending = Some(Pending::Write { sent, wire_ns: None });
        self.finish_write();
    }

    fn release(&mut self, row: RowId) -> Vec<(Option<String>, Vec<Argument>)> {
        match self.binding.means_of(&self.site, row) {
            None => Vec::new(),
            Some(Means::Priority(_)) => {
                let ids = self.requests.to_cancel(row);
                let (level, _) = rank(self.kind(row));
                let cancel = |id: String| {
                    let arguments = request(&id, &Change::Cancel, level, Millis::ZERO);
                    (Some(id), arguments)
                };
                ids.iter().for_each(|id| self.requests.cancel(id));
                ids.into_iter().map(cancel).collect()
            }
            Some(means) => {
                self.switch(&means, false).into_iter().map(|arguments| (None, arguments)).collect()
            }
        }
    }

    fn call(&mut self, call: &Call) -> Vec<(Option<String>, Vec<Argument>)> {
        let (level, vehicle) = rank(self.kind(call.row));
        match self.binding.means_of(&self.site, call.row) {
            None => Vec::new(),
            Some(Means::Priority(reference)) => {
                let (id, change) = match self.requests.ids(call.row).into_iter().next() {
                    Some(id) => (id, Change::Update),
                    None => {
                        let id = self.requests.make(call.row);
                        (id, Change::New { reference, vehicle: vehicle.into() })
                    }
                };
                let arguments = request(&id, &change, level, call.arrival_in);
                vec![(Some(id), arguments)]
            }
            Some(means) => self.switch(&means, true).into_iter().map(|arguments| (None, arguments)).collect(),
        }
    }

    fn kind(&self, row: RowId) -> clearway_signals::RowKind {
        self.site.rows.get(row.index()).map_or(clearway_signals::RowKind::Transit, |row| row.kind)
    }

    /// A command that acts until it is taken back.
    fn switch(&self, means: &Means, on: bool) -> Option<Vec<Argument>> {
        let (code, command, name, number, on) = match means {
            Means::Priority(_) => return None,
            Means::EmergencyRoute(number) => (
                "M0005",
                "setEmergency",
                "emergencyroute",
                number,
                on == self.binding.route_activates_with_true,
            ),
            Means::Input(number) => ("M0006", "setInput", "input", number, on),
        };
        let argument = |name: &str, value: String| Argument {
            code: code.into(),
            name: name.into(),
            command: command.into(),
            value: Value::String(value),
        };
        Some(vec![
            argument("status", if on { "True" } else { "False" }.into()),
            argument("securityCode", self.binding.security_code.0.clone()),
            argument(name, number.to_string()),
        ])
    }

    fn acknowledged(&mut self, id: &str) {
        self.alarm_asks.note(id, Ok(()));
        match &mut self.pending {
            Some(Pending::Read { message, acknowledged, .. }) if message == id => *acknowledged = true,
            Some(Pending::Write { sent, .. }) => {
                sent.iter_mut().filter(|sent| sent.message == id).for_each(|sent| sent.acknowledged = true);
            }
            _ => {}
        }
    }

    fn refused(&mut self, now: Instant, id: &str, reason: String) {
        self.alarm_asks.note(id, Err(reason.clone()));
        let ours = match &self.pending {
            Some(Pending::Read { message, .. }) => message == id,
            Some(Pending::Write { sent, .. }) => sent.iter().any(|sent| sent.message == id),
            _ => false,
        };
        if ours {
            self.conclude(Answer::Refused(reason));
        } else if let Some((_, text)) = self.subscription.take_if(|(sent, _)| sent.as_str() == id) {
            if self.respell(text) { self.watch(now) } else { self.asks_for_all = true }
        } else if let Some((_, text)) = self.counting.take_if(|(sent, _)| sent.as_str() == id) {
            if self.respell(text) { self.count_all(now) } else { self.count_each(now) }
        }
    }

    /// A response shows what the site took; that it does it shows only the status.
    fn note_command(&mut self, response: &CommandResponse) {
        let Some(Pending::Write { sent, .. }) = &mut self.pending else { return };
        let named = response.rvs.iter().find(|value| value.name == "requestId");
        let named = named.and_then(|value| value.value.as_str());
        let fits =
            |sent: &Sent| named.is_none() || sent.request.is_none() || sent.request.as_deref() == named;
        let open = sent.iter_mut().find(|sent| sent.acknowledged && !sent.responded && fits(sent));
        let Some(open) = open else { return };
        open.responded = true;
        if let Some(strange) = response.rvs.iter().find(|value| value.age != "recent") {
            let reason = format!("{} is {} at the site", strange.code, strange.age);
            return self.conclude(Answer::Refused(reason));
        }
        self.finish_write();
    }

    fn finish_write(&mut self) {
        let Some(Pending::Write { sent, wire_ns }) = &self.pending else { return };
        if sent.iter().all(|sent| sent.responded) {
            let wire_ns = wire_ns.unwrap_or(0);
            self.conclude(Answer::Written(wire_ns));
        }
    }
}

/// What the two sides agreed on, for reports.
impl Exchange {
    /// Versions and ids, once they are agreed on.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        self.session.agreed()
    }

    /// Whether the site has had the time to tell its alarms after it connected.
    #[must_use]
    pub fn has_told_alarms(&self, now: Instant) -> bool {
        self.subscribed_at.is_some_and(|at| now.at >= at + ALARMS_WITHIN)
    }

    /// The request of ours that ended last, while none lives.
    #[must_use]
    pub fn ended(&self) -> Option<&Ended> {
        self.requests.ended()
    }

    /// Requests of others that the controller shows in this state.
    #[must_use]
    pub fn others_in(&self, state: RequestState) -> usize {
        self.requests.others_in(state)
    }

    /// The emergency routes that are active (S0035, S0006), whoever asked for them.
    #[must_use]
    pub fn emergency_routes(&self) -> Vec<u8> {
        self.reading().routes()
    }
}

#[cfg(test)]
mod tests;
