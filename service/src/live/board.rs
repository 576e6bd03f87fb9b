//! The board: what is known beside the engine's own view, for the page, the API and the reports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clearway_contract::{LinkState, Protocol};
use clearway_feeds::{MissionKey, Registry, Tally, WallMs};
use clearway_planner::Mission;
use clearway_planner::policy::RuleId;
use clearway_runtime::Latency;
use clearway_signals::{ControllerId, GeoPoint, Millis, MissionId, VehicleId};

use super::missions::{MissionCard, Missions};
use super::release::Holdings;
use super::texts::Severity;
use crate::api::frame::{AlarmCount, AlarmDoc, UnitDoc};

/// Events that a late reader can still see.
const EVENTS_MAX: usize = 500;

/// What is known of a controller's link.
#[derive(Clone, Debug, Default)]
pub struct LinkCard {
    /// Up, down, connecting.
    pub state: LinkState,
    /// Armed.
    pub armed: bool,
    /// Why not.
    pub why: Option<String>,
}

/// A vehicle as its feed last showed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Where.
    pub place: GeoPoint,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f32>,
    /// Metres a second.
    pub speed_mps: Option<f32>,
    /// Seconds late.
    pub lateness_s: Option<i32>,
    /// When.
    pub at: Millis,
    /// The usual time between positions of its feed.
    pub cadence: Millis,
}

/// What a site tells beside its signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteReport {
    /// Alarms that are active, not acknowledged or suspended.
    pub alarms: Vec<AlarmDoc>,
    /// How many of them ask for attention; nothing where there is none.
    pub count: Option<AlarmCount>,
    /// What its aggregated status says.
    pub condition: Vec<&'static str>,
    /// What became of requests and routes there, or what the unit says of itself, in sentences.
    pub remarks: Vec<String>,
    /// What an NTCIP unit says of itself.
    pub unit: Option<UnitDoc>,
}

/// A sentence of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// Grows by one.
    pub seq: u64,
    /// Wall-clock time.
    pub at: WallMs,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// Latencies of one protocol.
#[derive(Debug, Default)]
pub struct ProtocolLatency {
    /// Fix decoded to write acknowledged by the device's answer.
    pub to_wire: Latency,
    /// Fix decoded to read-back.
    pub to_confirmed: Latency,
}

/// Commands as the adapters report them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallied {
    /// Written.
    pub written: u64,
    /// Read back.
    pub confirmed: u64,
    /// Refused.
    pub refused: u64,
}

/// The board. Written by the adapters' and feeds' tasks, read ten times a second.
#[derive(Debug)]
pub struct Board {
    registry: Registry,
    /// Names of the policy's rules and quotas.
    rules: Vec<String>,
    inner: Mutex<Inner>,
    /// Which controllers hold a call of ours, by their adapters' word.
    pub holdings: Holdings,
    /// Latencies over all protocols.
    pub all: ProtocolLatency,
    /// NTCIP's.
    pub ntcip: ProtocolLatency,
    /// Modbus's.
    pub modbus: ProtocolLatency,
    /// RSMP's.
    pub rsmp: ProtocolLatency,
}

#[derive(Debug, Default)]
struct Inner {
    links: Vec<LinkCard>,
    sites: BTreeMap<u16, Arc<SiteReport>>,
    seen: BTreeMap<u32, Seen>,
    events: VecDeque<Line>,
    next_event: u64,
    missions: Missions,
    tallies: BTreeMap<String, Arc<Tally>>,
    tallied: Tallied,
}

impl Board {
    /// An empty board for so many controllers.
    #[must_use]
    pub fn new(registry: Registry, controllers: usize) -> Self {
        let inner = Inner { links: vec![LinkCard::default(); controllers], ..Inner::default() };
        Self {
            registry,
            rules: Vec::new(),
            inner: Mutex::new(inner),
            holdings: Holdings::of(controllers),
            all: ProtocolLatency::default(),
            ntcip: ProtocolLatency::default(),
            modbus: ProtocolLatency::default(),
            rsmp: ProtocolLatency::default(),
        }
    }

    /// The same board, which knows what the policy's rules and quotas are called.
    #[must_use]
    pub fn with_rules(self, rules: Vec<String>) -> Self {
        Self { rules, ..self }
    }

    /// The name of a rule or quota.
    #[must_use]
    pub fn rule(&self, rule: RuleId) -> String {
        self.rules.get(usize::from(rule.0)).cloned().unwrap_or_else(|| "unknown".to_owned())
    }

    /// A panic while the board was held leaves a half-written sentence at worst: go on with it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vehicles.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What people call a vehicle.
    #[must_use]
    pub fn label(&self, vehicle: VehicleId) -> String {
        self.registry.get(vehicle).map_or_else(|| "an unknown vehicle".into(), |v| v.label.clone())
    }

    /// Where a vehicle was last seen.
    #[must_use]
    pub fn last_seen(&self, vehicle: VehicleId) -> Option<Seen> {
        self.inner().seen.get(&vehicle.0).copied()
    }

    /// The latencies of a protocol.
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> &ProtocolLatency {
        match protocol {
            Protocol::Ntcip => &self.ntcip,
            Protocol::Modbus => &self.modbus,
            Protocol::Rsmp => &self.rsmp,
        }
    }

    /// A link came up or went down.
    pub fn link(&self, controller: ControllerId, state: LinkState) {
        if let Some(card) = self.inner().links.get_mut(controller.index()) {
            card.state = state;
        }
    }

    /// A controller was armed, or not and why. Gives whether that is news.
    pub fn arming(&self, controller: ControllerId, why_not: Option<String>) -> bool {
        let mut inner = self.inner();
        let Some(card) = inner.links.get_mut(controller.index()) else { return false };
        let news = card.armed != why_not.is_none() || card.why != why_not;
        card.armed = why_not.is_none();
        card.why = why_not;
        news
    }

    /// Every controller's link.
    #[must_use]
    pub fn links(&self) -> Vec<LinkCard> {
        self.inner().links.clone()
    }

    /// What a site told beside its signals.
    pub fn site_reports(&self, controller: ControllerId, report: SiteReport) {
        self.inner().sites.insert(controller.0, Arc::new(report));
    }

    /// What a site told last beside its signals.
    #[must_use]
    pub fn site(&self, controller: ControllerId) -> Option<Arc<SiteReport>> {
        self.inner().sites.get(&controller.0).cloned()
    }

    /// A vehicle was seen.
    pub fn see(&self, vehicle: VehicleId, seen: Seen) {
        self.inner().seen.insert(vehicle.0, seen);
    }

    /// Vehicles seen since `since`.
    #[must_use]
    pub fn seen_since(&self, since: Millis) -> Vec<(VehicleId, Seen)> {
        let mut inner = self.inner();
        inner.seen.retain(|_, seen| seen.at >= since);
        inner.seen.iter().map(|(id, seen)| (VehicleId(*id), *seen)).collect()
    }

    /// Write a sentence into the log.
    pub fn say(&self, at: WallMs, severity: Severity, text: String) {
        let mut inner = self.inner();
        inner.next_event += 1;
        let line = Line { seq: inner.next_event, at, severity, text };
        inner.events.push_back(line);
        if inner.events.len() > EVENTS_MAX {
            inner.events.pop_front();
        }
    }

    /// The sentences after number `seq`.
    #[must_use]
    pub fn said_after(&self, seq: u64) -> Vec<Line> {
        self.inner().events.iter().filter(|line| line.seq > seq).cloned().collect()
    }

    /// A mission was opened or changed; its number and what the engine is told ([`Missions::open`]).
    pub fn open_mission(&self, card: MissionCard) -> Option<(MissionId, Option<Mission>)> {
        self.inner().missions.open(card)
    }

    /// A mission ended.
    pub fn close_mission(&self, key: &MissionKey) -> Option<MissionId> {
        self.inner().missions.close(key)
    }

    /// Every mission under way, the oldest first.
    #[must_use]
    pub fn missions(&self) -> Vec<(MissionId, MissionCard)> {
        self.inner().missions.all().map(|(id, card)| (id, card.clone())).collect()
    }

    /// What is known of a mission.
    #[must_use]
    pub fn mission(&self, id: MissionId) -> Option<MissionCard> {
        self.inner().missions.card(id).cloned()
    }

    /// The counts of a feed that begins to listen.
    pub fn feed(&self, name: &str) -> Arc<Tally> {
        Arc::clone(self.inner().tallies.entry(name.to_owned()).or_default())
    }

    /// The counts of all feeds.
    #[must_use]
    pub fn tallies(&self) -> Vec<(String, Arc<Tally>)> {
        self.inner().tallies.iter().map(|(name, tally)| (name.clone(), Arc::clone(tally))).collect()
    }

    /// A write was acknowledged.
    pub fn written(&self, protocol: Protocol, latency_ns: Option<u64>) {
        self.inner().tallied.written += 1;
        if let Some(ns) = latency_ns {
            self.all.to_wire.record(ns);
            self.of(protocol).to_wire.record(ns);
        }
    }

    /// A write was read back.
    pub fn confirmed(&self, protocol: Protocol, latency_ns: Option<u64>) {
        self.inner().tallied.confirmed += 1;
        if let Some(ns) = latency_ns {
            self.all.to_confirmed.record(ns);
            self.of(protocol).to_confirmed.record(ns);
        }
    }

    /// A command was refused.
    pub fn refused(&self) {
        self.inner().tallied.refused += 1;
    }

    /// What became of the commands.
    #[must_use]
    pub fn tallied(&self) -> Tallied {
        self.inner().tallied
    }
}
