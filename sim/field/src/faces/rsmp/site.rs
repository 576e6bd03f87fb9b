//! A site: one controller and its supervisors, sans-IO.
//!
//! The host brings bytes and time, and takes bytes: [`Site::connected`], [`Site::receive`],
//! [`Site::advance`], [`Site::take_output`]. Commands are taken from every supervisor, first come; only
//! the first one, the primary, sets the clock.

use clearway_network::{Controller, Network};
use clearway_rsmp::frame::{self, StatusValue};
use clearway_rsmp::naming::MAIN;
use clearway_rsmp::session::{Ids, Instant, is_message_id};
use clearway_rsmp::sxl::{self, Argument, Entry, STATUSES, Type};
use clearway_rsmp::{Core, Message, Sxl};
use clearway_signals::Millis;
use serde_json::Value;

use super::memory::Memory;
use super::orders;
use super::session::{Phase, Session, Timing};
use super::subscriptions::{Rate, interval};
use super::tlc::alarms::Matter;
use super::tlc::counting::Counting;
use super::tlc::{Component, Links, Settings, Tlc};
use super::wire::{self, status_value};
use crate::station::Station;

/// The primary supervisor's clock is taken over at the start and then this often.
const CLOCK_EVERY: Millis = Millis::from_s(24 * 3600);

/// How a site is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteSettings {
    /// Its id.
    pub site_id: String,
    /// Core versions that it speaks.
    pub cores: Vec<Core>,
    /// How many supervisors it has, the primary first; 32 at most.
    pub supervisors: usize,
    /// The times of its connections.
    pub timing: Timing,
    /// Whether the primary's watchdog sets the clock.
    pub follows_clock: bool,
    /// The controller.
    pub controller: Settings,
}

/// A site.
#[derive(Clone, Debug)]
pub struct Site {
    settings: SiteSettings,
    tlc: Tlc,
    sessions: Vec<Session>,
    start: Counting,
    bits: [bool; 8],
}

/// Why a message is refused, for people.
type Refused = Result<(), String>;

impl Site {
    /// A site in front of a station.
    #[must_use]
    pub fn new(
        network: &Network,
        controller: &Controller,
        station: &Station,
        settings: SiteSettings,
        now: Instant,
    ) -> Self {
        let seed = settings.site_id.bytes().fold(now.unix_ms.cast_unsigned(), |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let sessions = (0..settings.supervisors.min(32))
            .map(|link| {
                let ids = Ids::new(seed.wrapping_add(link as u64 * 0x9e37_79b9));
                Session::new(settings.timing, ids, link == 0)
            })
            .collect();
        let emulator = station.emulator();
        let tlc = Tlc::new(network, controller, settings.controller.clone(), now);
        Self {
            bits: tlc.aggregated_bits(emulator),
            tlc,
            sessions,
            start: Counting::begin(emulator.detectors(), emulator.now(), now.unix_ms),
            settings,
        }
    }

    // ---- the connections ----

    /// A supervisor is reached.
    pub fn connected(&mut self, link: usize, now: Instant) {
        let settings = &self.settings;
        let version = wire::version(&settings.cores, settings.controller.sxl, &settings.site_id);
        if let Some(session) = self.sessions.get_mut(link) {
            session.open(version, now.at);
        }
    }

    /// A supervisor is gone.
    pub fn disconnected(&mut self, link: usize, now: Instant) {
        if let Some(session) = self.sessions.get_mut(link) {
            session.close(now.at);
        }
    }

    /// What is to be written to a supervisor.
    #[must_use]
    pub fn take_output(&mut self, link: usize) -> Vec<u8> {
        self.sessions.get_mut(link).map(Session::take_output).unwrap_or_default()
    }

    /// Why the connection is to be closed, once everything is written.
    #[must_use]
    pub fn closing(&self, link: usize) -> Option<&str> {
        self.sessions.get(link).and_then(Session::closing)
    }

    /// Whether versions and watchdogs were exchanged.
    #[must_use]
    pub fn is_up(&self, link: usize) -> bool {
        self.sessions.get(link).is_some_and(Session::is_up)
    }

    // ---- what a restart must not lose ----

    /// Alarms that are not at rest, and what is buffered for each supervisor.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let buffers = self.sessions.iter().map(|session| session.buffered().cloned().collect()).collect();
        Memory { alarms: self.tlc.remembered_alarms(), buffers }
    }

    /// Go on from what was remembered before a restart. What names nothing of this site is left out.
    pub fn recall(&mut self, memory: Memory) {
        memory.alarms.iter().for_each(|alarm| self.tlc.recall_alarm(alarm));
        for (session, buffered) in self.sessions.iter_mut().zip(memory.buffers) {
            session.restore(buffered);
        }
    }

    // ---- time ----

    /// Bring the controller into step with its station, and send what is due.
    pub fn advance(&mut self, station: &mut Station, now: Instant) {
        let up = (0..32u32).zip(&self.sessions).filter(|(_, session)| session.is_up());
        let links = Links { up: up.fold(0, |set, (link, _)| set | 1 << link), all: self.sessions.len() };
        for alarm in self.tlc.tick(station, links, now) {
            self.report(&alarm, now);
        }
        self.report_bits(station, now);
        self.emit(station, now);
        let restarted = std::mem::take(&mut self.tlc.restarted);
        let clock_ms = self.tlc.clock_ms(now);
        for session in &mut self.sessions {
            if session.watchdog_due(now.at) {
                session.send(wire::watchdog(clock_ms), now.at);
            }
            session.check(now.at);
            if restarted {
                session.end_subscriptions();
                if session.phase != Phase::Down {
                    session.fail("the controller restarts");
                }
            }
        }
    }

    /// Tell every supervisor, now or when it is back.
    fn report(&mut self, message: &Message, now: Instant) {
        for session in &mut self.sessions {
            session.report(message.clone(), now.at);
        }
    }

    fn report_bits(&mut self, station: &Station, now: Instant) {
        let bits = self.tlc.aggregated_bits(station.emulator());
        if bits != self.bits {
            self.bits = bits;
            let body = wire::aggregated(MAIN, self.tlc.clock_ms(now), bits);
            self.report(&body, now);
        }
    }

    /// Send subscribed values that are due or have changed; while a supervisor is away they are kept.
    fn emit(&mut self, station: &Station, now: Instant) {
        let mut subscribed = 0;
        for link in 0..self.sessions.len() {
            let (tlc, start) = (&mut self.tlc, &self.start);
            let session = &mut self.sessions[link];
            if matches!(session.phase, Phase::Versions { .. } | Phase::Watchdogs { .. }) {
                continue;
            }
            let mut subscriptions = std::mem::take(&mut session.subscriptions);
            let due = subscriptions.due(now.at, |s| {
                let counting = session.counting(s.status.code, s.component, start);
                tlc.read((s.status, s.name), s.component, station.emulator(), &counting, now)
            });
            if subscriptions.has("S0033") && session.is_up() {
                subscribed |= 1 << link;
            }
            session.subscriptions = subscriptions;
            let at_ms = tlc.clock_ms(now);
            for (component, values) in due {
                note_sent(link, session, tlc, component, &values, station, now);
                let update = wire::statuses(&tlc.names.of(component), at_ms, values);
                session.report(Message::StatusUpdate(update), now.at);
            }
        }
        self.tlc.requests.prune(subscribed, station.emulator().now());
    }

    // ---- what comes in ----

    /// Take bytes of a supervisor.
    pub fn receive(&mut self, link: usize, bytes: &[u8], station: &mut Station, now: Instant) {
        let Some(session) = self.sessions.get_mut(link) else { return };
        for message in session.split(bytes) {
            self.take(link, &message, station, now);
        }
        self.emit(station, now);
        self.sessions[link].pump(now.at);
    }

    fn take(&mut self, link: usize, message: &[u8], station: &mut Station, now: Instant) {
        // Without an id nothing can be answered.
        let Ok(value) = serde_json::from_slice::<Value>(message) else { return };
        let id = value.get("mId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_ack = matches!(kind.as_str(), "MessageAck" | "MessageNotAck");
        let ours = value.get("mType").and_then(Value::as_str) == Some("rSMsg");
        let session = &mut self.sessions[link];
        if (id.is_empty() && !is_ack) || (!session.knows_version() && kind != "Version" && !is_ack) {
            return;
        }
        let decoded = serde_json::from_value::<Message>(value).map_err(|error| format!("{kind}: {error}"));
        let refused = match decoded {
            _ if !ours => Err("mType is not rSMsg".into()),
            _ if !is_ack && !is_message_id(&id) => Err("mId is no version 4 UUID".into()),
            Err(reason) if is_ack => {
                tracing::debug!(reason, "rsmp acknowledgement not understood");
                return;
            }
            Err(reason) => Err(reason),
            Ok(message) => self.act(link, &id, message, station, now),
        };
        if let Err(reason) = refused {
            self.sessions[link].refuse(&id, &reason);
        }
    }

    fn act(
        &mut self,
        link: usize,
        id: &str,
        message: Message,
        station: &mut Station,
        now: Instant,
    ) -> Refused {
        match message {
            Message::MessageAck(ack) => self.acknowledged(link, &ack.of, now, station),
            Message::MessageNotAck(refusal) => {
                let kind = self.sessions[link].acknowledged(&refusal.of);
                tracing::warn!(
                    site = self.settings.site_id,
                    ?kind,
                    reason = refusal.reason,
                    "rsmp message refused"
                );
                if kind == Some("Version") {
                    self.sessions[link].fail(format!("our version was refused: {}", refusal.reason));
                }
            }
            Message::Version(version) => self.version(link, id, &version, now),
            Message::Watchdog(watchdog) => self.watchdog(link, id, &watchdog, now, station)?,
            Message::AggregatedStatusRequest(request) => self.aggregated(link, id, &request, station, now)?,
            Message::Alarm(alarm) => self.alarm(link, id, &alarm, now)?,
            Message::CommandRequest(request) => self.command(link, id, &request, station, now)?,
            Message::StatusRequest(request) => self.status(link, id, &request, station, now)?,
            Message::StatusSubscribe(request) => self.subscribe(link, id, &request, station, now)?,
            Message::StatusUnsubscribe(request) => self.unsubscribe(link, id, &request)?,
            Message::AggregatedStatus(_)
            | Message::CommandResponse(_)
            | Message::StatusResponse(_)
            | Message::StatusUpdate(_) => return Err("this message is for a site to send".into()),
        }
        Ok(())
    }

    // ---- the start ----

    fn version(&mut self, link: usize, id: &str, version: &frame::Version, now: Instant) {
        let session = &mut self.sessions[link];
        let Phase::Versions { ours_taken, theirs_taken: false } = session.phase else {
            session.refuse(id, "versions were exchanged already");
            return;
        };
        match agree(&self.settings, version) {
            Ok(core) => {
                session.core = core;
                session.acknowledge(id);
                session.enter(Phase::Versions { ours_taken, theirs_taken: true }, now.at);
                self.begin_watchdogs(link, now);
            }
            Err(reason) => {
                session.refuse(id, &reason);
                session.fail(reason);
            }
        }
    }

    fn acknowledged(&mut self, link: usize, of: &str, now: Instant, station: &Station) {
        let session = &mut self.sessions[link];
        let kind = session.acknowledged(of);
        match (kind, session.phase) {
            (Some("Version"), Phase::Versions { theirs_taken, .. }) => {
                session.enter(Phase::Versions { ours_taken: true, theirs_taken }, now.at);
                self.begin_watchdogs(link, now);
            }
            (Some("Watchdog"), Phase::Watchdogs { theirs_taken, .. }) => {
                session.enter(Phase::Watchdogs { ours_taken: true, theirs_taken }, now.at);
                self.begin_traffic(link, now, station);
            }
            _ => {}
        }
    }

    fn begin_watchdogs(&mut self, link: usize, now: Instant) {
        let clock_ms = self.tlc.clock_ms(now);
        let session = &mut self.sessions[link];
        if session.phase == (Phase::Versions { ours_taken: true, theirs_taken: true }) {
            session.enter(Phase::Watchdogs { ours_taken: false, theirs_taken: false }, now.at);
            session.watchdog_started(now.at);
            session.send(wire::watchdog(clock_ms), now.at);
        }
    }

    fn watchdog(
        &mut self,
        link: usize,
        id: &str,
        watchdog: &frame::Watchdog,
        now: Instant,
        station: &Station,
    ) -> Refused {
        let theirs_ms = clearway_rsmp::time::parse(&watchdog.at).ok_or("wTs is no timestamp")?;
        let session = &mut self.sessions[link];
        session.acknowledge(id);
        let due = session.clock_set.is_none_or(|set| now.at - set >= CLOCK_EVERY);
        if link == 0 && self.settings.follows_clock && due {
            session.clock_set = Some(now.at);
            self.tlc.follow_clock(theirs_ms, now);
        }
        if let Phase::Watchdogs { ours_taken, .. } = session.phase {
            session.enter(Phase::Watchdogs { ours_taken, theirs_taken: true }, now.at);
            self.begin_traffic(link, now, station);
        }
        Ok(())
    }

    /// Aggregated status, alarms, buffer.
    fn begin_traffic(&mut self, link: usize, now: Instant, station: &Station) {
        let session = &mut self.sessions[link];
        if session.phase != (Phase::Watchdogs { ours_taken: true, theirs_taken: true }) {
            return;
        }
        session.enter(Phase::Up, now.at);
        let bits = self.tlc.aggregated_bits(station.emulator());
        session.send(wire::aggregated(MAIN, self.tlc.clock_ms(now), bits), now.at);
        if session.receives_alarms() {
            let told = self.tlc.report_all(session.core.keeps_subscriptions(), now);
            session.forget_told(&told);
            told.into_iter().for_each(|alarm| session.send(alarm, now.at));
        }
        session.pump(now.at);
    }

    // ---- the traffic ----

    fn aggregated(
        &mut self,
        link: usize,
        id: &str,
        request: &frame::Addressed,
        station: &Station,
        now: Instant,
    ) -> Refused {
        let session = &mut self.sessions[link];
        if !session.core.has_send_on_change() {
            return Err(format!("core {} has no AggregatedStatusRequest", session.core.word()));
        }
        if request.component != MAIN {
            return Err(format!("component {:?} has no aggregated status", request.component));
        }
        session.acknowledge(id);
        let bits = self.tlc.aggregated_bits(station.emulator());
        session.send(wire::aggregated(MAIN, self.tlc.clock_ms(now), bits), now.at);
        Ok(())
    }

    fn alarm(&mut self, link: usize, id: &str, message: &frame::Alarm, now: Instant) -> Refused {
        let core = self.sessions[link].core;
        let (code, sxl, at_ms) = (&message.code, self.tlc.sxl, self.tlc.clock_ms(now));
        let component = self.tlc.names.find(&message.component);
        let component = component.ok_or_else(|| format!("unknown component {:?}", message.component))?;
        let alarm = sxl::alarm(code, sxl)
            .ok_or_else(|| format!("unknown alarm {code} in list version {}", sxl.word()))?;
        if alarm.scope != component.scope() {
            return Err(format!("this kind of component has no alarm {code}"));
        }
        // Before 3.2 either case of the first letter is in use.
        let kind = match message.kind.as_str() {
            kind if core.is_case_sensitive() => kind.to_owned(),
            kind => kind.chars().take(1).flat_map(char::to_uppercase).chain(kind.chars().skip(1)).collect(),
        };
        let state = self.tlc.alarms.state(alarm, component, at_ms);
        let matter = match kind.as_str() {
            "Acknowledge" => {
                state.acknowledge(at_ms);
                Matter::Acknowledge
            }
            "Suspend" => {
                state.suspend(true, at_ms);
                Matter::Suspend
            }
            "Resume" => {
                state.suspend(false, at_ms);
                Matter::Suspend
            }
            "Request" if !self.sessions[link].receives_alarms() => {
                return Err("a secondary supervisor is told no alarms".into());
            }
            "Request" if core.has_send_on_change() => Matter::Issue,
            other => {
                return Err(format!("a supervisor sends no alarm message {other:?} in core {}", core.word()));
            }
        };
        let state = *state;
        let body = self.tlc.report(&state, matter, now);
        self.sessions[link].acknowledge(id);
        if matter == Matter::Issue {
            self.sessions[link].send(body, now.at);
        } else {
            self.report(&body, now);
        }
        Ok(())
    }

    fn command(
        &mut self,
        link: usize,
        id: &str,
        request: &frame::CommandRequest,
        station: &mut Station,
        now: Instant,
    ) -> Refused {
        let component = self.tlc.names.find(&request.component);
        if let Some(component) = component {
            let orders = orders::check(&request.arg, component.scope(), self.tlc.sxl)?;
            orders.iter().try_for_each(|order| self.tlc.admit(order))?;
            for order in &orders {
                self.tlc.obey(order, component, link, station, now)?;
            }
        }
        let response = wire::command_response(
            &request.component,
            self.tlc.clock_ms(now),
            &request.arg,
            component.is_some(),
        );
        let session = &mut self.sessions[link];
        session.acknowledge(id);
        session.send(response, now.at);
        Ok(())
    }

    fn status(
        &mut self,
        link: usize,
        id: &str,
        request: &frame::StatusRequest,
        station: &Station,
        now: Instant,
    ) -> Refused {
        let names: Vec<(&str, &str)> =
            request.statuses.iter().map(|status| (status.code.as_str(), status.name.as_str())).collect();
        let values = self.read(link, &request.component, &names, station, now)?;
        let session = &mut self.sessions[link];
        session.acknowledge(id);
        if let Some(component) = self.tlc.names.find(&request.component) {
            note_sent(link, session, &mut self.tlc, component, &values, station, now);
        }
        let at_ms = self.tlc.clock_ms(now);
        let response = wire::statuses(&request.component, at_ms, values);
        session.send(Message::StatusResponse(response), now.at);
        Ok(())
    }

    /// The values, in the order asked; of a component that is not there each is undefined.
    fn read(
        &mut self,
        link: usize,
        component: &str,
        names: &[(&str, &str)],
        station: &Station,
        now: Instant,
    ) -> Result<Vec<StatusValue>, String> {
        if names.is_empty() {
            return Err("no status is named".into());
        }
        let Some(component) = self.tlc.names.find(component) else {
            return Ok(names.iter().map(|(code, name)| wire::undefined(code, name)).collect());
        };
        let mut values = Vec::new();
        for (code, name) in names {
            let (status, name) = self.find(link, component, code, name)?;
            let counting = self.sessions[link].counting(status.code, component, &self.start);
            let value = self.tlc.read((status, name), component, station.emulator(), &counting, now);
            values.push(status_value(status.code, name.name, value));
        }
        Ok(values)
    }

    fn find(
        &self,
        link: usize,
        component: Component,
        code: &str,
        name: &str,
    ) -> Result<(&'static Entry, &'static Argument), String> {
        let version = self.tlc.sxl;
        let status = sxl::status(code, version)
            .ok_or_else(|| format!("unknown status {code} in list version {}", version.word()))?;
        let name = status
            .argument(name, version)
            .ok_or_else(|| format!("status {code} has no value {name} in list version {}", version.word()))?;
        if status.scope != component.scope() {
            return Err(format!("this kind of component has no status {code}"));
        }
        let core = self.sessions[link].core;
        if name.value == Type::Array && !core.has_arrays() {
            return Err(format!("{code} {} is an array, which core {} cannot carry", name.name, core.word()));
        }
        Ok((status, name))
    }

    fn subscribe(
        &mut self,
        link: usize,
        id: &str,
        request: &frame::StatusSubscribe,
        station: &Station,
        now: Instant,
    ) -> Refused {
        let names: Vec<(&str, &str)> =
            request.statuses.iter().map(|status| (status.code.as_str(), status.name.as_str())).collect();
        let core = self.sessions[link].core;
        let rates: Vec<Rate> =
            request.statuses.iter().map(|status| rate(status, core)).collect::<Result<_, _>>()?;
        let values = self.read(link, &request.component, &names, station, now)?;
        let Some(component) = self.tlc.names.find(&request.component) else {
            self.update(link, id, &request.component, values, now);
            return Ok(());
        };
        let mut fresh = Vec::new();
        for (((code, name), rate), value) in names.iter().zip(rates).zip(values) {
            let found = self.find(link, component, code, name)?;
            let subscriptions = &mut self.sessions[link].subscriptions;
            let known = value.quality == "recent";
            if !known || subscriptions.set(component, found, rate, now.at) {
                subscriptions.sent(component, code, name, &value.value);
                fresh.push(value);
            }
        }
        note_sent(link, &mut self.sessions[link], &mut self.tlc, component, &fresh, station, now);
        self.update(link, id, &request.component, fresh, now);
        Ok(())
    }

    /// Acknowledge, and send the first values of a subscription at once.
    fn update(&mut self, link: usize, id: &str, component: &str, values: Vec<StatusValue>, now: Instant) {
        let at_ms = self.tlc.clock_ms(now);
        let session = &mut self.sessions[link];
        session.acknowledge(id);
        if !values.is_empty() {
            session.send(Message::StatusUpdate(wire::statuses(component, at_ms, values)), now.at);
        }
    }

    fn unsubscribe(&mut self, link: usize, id: &str, request: &frame::StatusRequest) -> Refused {
        if let Some(component) = self.tlc.names.find(&request.component) {
            for status in &request.statuses {
                self.find(link, component, &status.code, &status.name)?;
            }
            for status in &request.statuses {
                self.sessions[link].subscriptions.remove(component, &status.code, &status.name);
            }
        }
        self.sessions[link].acknowledge(id);
        Ok(())
    }
}

/// Counts that were sent begin anew, and end states of requests were seen.
fn note_sent(
    link: usize,
    session: &mut Session,
    tlc: &mut Tlc,
    component: Component,
    values: &[StatusValue],
    station: &Station,
    now: Instant,
) {
    for status in STATUSES {
        if !values.iter().any(|value| value.code == status.code) {
            continue;
        }
        if status.code == "S0033" {
            tlc.requests.told(link);
        } else if status.code.starts_with("S02") {
            let emulator = station.emulator();
            let counting = Counting::begin(emulator.detectors(), emulator.now(), tlc.clock_ms(now));
            session.count_anew(status.code, component, counting);
        }
    }
}

/// Versions, list and site must agree; the highest core version that both speak.
fn agree(settings: &SiteSettings, version: &frame::Version) -> Result<Core, String> {
    if !version.sites.iter().any(|site| site.id == settings.site_id) {
        return Err(format!("site id must be {}", settings.site_id));
    }
    let sxl = settings.controller.sxl;
    if Sxl::from_word(&version.sxl) != Some(sxl) {
        return Err(format!("list version must be {}, not {}", sxl.word(), version.sxl));
    }
    let theirs = version.core.iter().filter_map(|core| Core::from_word(&core.vers));
    theirs.filter(|core| settings.cores.contains(core)).max().ok_or_else(|| {
        let ours: Vec<&str> = settings.cores.iter().map(|core| core.word()).collect();
        format!("no common core version; this site speaks {}", ours.join(", "))
    })
}

/// How a value is to be sent. From 3.1.5 sendOnChange must be said; before, no interval means on
/// change.
fn rate(subscription: &frame::Subscription, core: Core) -> Result<Rate, String> {
    let every = interval(&subscription.every_s)
        .ok_or_else(|| format!("uRt {:?} is no number of seconds", subscription.every_s))?;
    let on_change = match &subscription.on_change {
        None if core.has_send_on_change() => return Err("sOc is missing".into()),
        None => every.is_none(),
        Some(_) if !core.has_send_on_change() => return Err(format!("core {} has no sOc", core.word())),
        Some(flag) => flag.is_on().ok_or("sOc is neither true nor false")?,
    };
    if every.is_none() && !on_change {
        return Err("neither an interval nor sendOnChange: nothing would ever be sent".into());
    }
    Ok(Rate { every, on_change })
}
