//! The scribe: ten times a second the engine's view and the board become one frame for all readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use clearway_contract::LinkState;
use clearway_feeds::adapter::WallClock;
use clearway_network::Network;
use clearway_planner::transit::Standing;
use clearway_planner::view::{ControllerView, View, WaveView};
use clearway_planner::wave::{Skip, WaveSignal};
use clearway_runtime::{Clock, Percentiles};
use clearway_signals::{Channel, Millis, MissionId, Mode, PreemptState, RowKind, VehicleId};

use super::frame::{
    ControllerState, DemoDoc, EngineDoc, EventDoc, FeedDoc, Frame, LatencyDoc, PreemptDoc, VehicleState,
    WaveDoc, WaveSignalDoc,
};
use super::missions::NO_DESTINATION;
use crate::live::board::{Board, LinkCard, Seen};
use crate::live::intake::without_destination;
use crate::live::missions::MissionCard;
use crate::live::texts::{Names, skipped};

/// A vehicle that was not heard for this long leaves the map.
const FORGOTTEN: Millis = Millis::from_s(60);
/// A controller whose content stays the same is told anew after this, so that its age is known.
const AGE_NEWS_MS: i64 = 1_000;
/// Feeds' counts are told this often.
const FEEDS_EVERY: u64 = 5;

/// Everything that a frame is made of.
pub struct Scribe {
    network: Arc<Network>,
    board: Arc<Board>,
    clock: Clock,
    wall: WallClock,
    demo: Arc<ArcSwapOption<DemoDoc>>,
    shadow_why: Option<String>,
    last: Told,
    seq: u64,
}

/// What readers know already.
#[derive(Default)]
struct Told {
    controllers: BTreeMap<u16, (ControllerState, Millis)>,
    vehicles: BTreeMap<String, VehicleState>,
    event: u64,
}

/// What the runtime says of itself at the moment of a frame.
pub struct Pulse {
    /// The latest view.
    pub view: Option<Arc<View>>,
    /// Whether the loop turns.
    pub alive: bool,
    /// From fix to command.
    pub fix_to_command: Percentiles,
    /// Commands handed over.
    pub commands: u64,
}

impl Scribe {
    /// A scribe that has told nothing yet.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        board: Arc<Board>,
        clock: Clock,
        wall: WallClock,
        demo: Arc<ArcSwapOption<DemoDoc>>,
        shadow_why: Option<String>,
    ) -> Self {
        Self { network, board, clock, wall, demo, shadow_why, last: Told::default(), seq: 0 }
    }

    /// The next frame: a delta for those who follow, and the whole for those who come new.
    pub fn write(&mut self, pulse: &Pulse) -> (Frame, Frame) {
        self.seq += 1;
        let now = self.clock.now().0;
        let controllers = self.controllers(pulse.view.as_deref(), now);
        let vehicles = self.vehicles(pulse.view.as_deref(), now);
        let waves = self.waves(pulse.view.as_deref(), now);
        let lines = self.board.said_after(0);
        let events: Vec<EventDoc> = lines
            .iter()
            .map(|l| EventDoc {
                seq: l.seq,
                at: l.at.iso_ms(),
                severity: l.severity.word(),
                text: l.text.clone(),
            })
            .collect();
        let snapshot = Frame {
            kind: "snapshot",
            seq: self.seq,
            server_time: (self.wall)().iso_ms(),
            engine: self.engine(pulse),
            controllers,
            vehicles,
            removed_vehicles: Vec::new(),
            waves,
            feeds: Some(self.feeds(now)),
            events,
            demo: self.demo.load_full().map(|demo| (*demo).clone()),
        };
        (self.delta(&snapshot, now), snapshot)
    }

    /// What readers do not know yet of a snapshot.
    fn delta(&mut self, whole: &Frame, now: Millis) -> Frame {
        let mut delta = Frame { kind: "delta", ..whole.clone() };
        delta.controllers.retain(|c| self.last.is_news(c, now));
        let known = std::mem::take(&mut self.last.vehicles);
        delta.vehicles.retain(|v| known.get(&v.id).is_none_or(|k| !same_vehicle(k, v)));
        self.last.vehicles = whole.vehicles.iter().map(|v| (v.id.clone(), v.clone())).collect();
        delta.removed_vehicles =
            known.into_keys().filter(|id| !self.last.vehicles.contains_key(id)).collect();
        delta.events.retain(|e| e.seq > self.last.event);
        self.last.event = whole.events.last().map_or(self.last.event, |e| e.seq);
        if !self.seq.is_multiple_of(FEEDS_EVERY) {
            delta.feeds = None;
        }
        delta
    }

    fn engine(&self, pulse: &Pulse) -> EngineDoc {
        let state = match (pulse.alive, &self.shadow_why) {
            (false, _) => "dead",
            (true, Some(_)) => "shadow",
            (true, None) => "live",
        };
        EngineDoc {
            state,
            shadow_why: self.shadow_why.clone(),
            fix_to_command_us: latency_doc(pulse.fix_to_command),
            commands_sent: pulse.commands,
            commands_confirmed: self.board.tallied().confirmed,
        }
    }

    fn controllers(&self, view: Option<&View>, now: Millis) -> Vec<ControllerState> {
        let Some(view) = view else { return Vec::new() };
        let links = self.board.links();
        view.controllers.iter().zip(&links).map(|(seen, link)| self.controller(seen, link, now)).collect()
    }

    fn controller(&self, seen: &ControllerView, link: &LinkCard, now: Millis) -> ControllerState {
        let controller = self.network.controller(seen.controller);
        let groups = controller.map_or(0, |c| c.groups.len());
        let letter = |g: usize| {
            let bit = |set: u64| set & (1 << g) != 0;
            match seen.read_at {
                None => '?',
                Some(_) if bit(seen.greens) => 'G',
                Some(_) if bit(seen.yellows) => 'Y',
                Some(_) if bit(seen.clearing) => 'C',
                Some(_) => 'R',
            }
        };
        let report = self.board.site(seen.controller).unwrap_or_default();
        let row = seen.active.and_then(|row| controller.and_then(|c| c.rows.get(row.index())));
        ControllerState {
            id: seen.controller.0,
            link: match link.state {
                LinkState::Connecting => "connecting",
                LinkState::Up => "up",
                LinkState::Down => "down",
            },
            armed: link.armed,
            why: link.why.clone(),
            mode: mode_word(seen.mode),
            age_ms: seen.read_at.map(|at| now.since(at).0),
            aspects: (0..groups).map(letter).collect(),
            preempt: row.map(|row| PreemptDoc {
                row: row.number,
                kind: kind_word(row.kind),
                ours: seen.ours && row.owner == clearway_signals::Owner::Ours,
                state: match row.channel {
                    Channel::Preempt => preempt_word(seen.preempt),
                    Channel::Priority => "granted",
                },
            }),
            alarm_count: report.count,
            condition: report.condition.clone(),
            remarks: report.remarks.clone(),
        }
    }

    fn vehicles(&self, view: Option<&View>, now: Millis) -> Vec<VehicleState> {
        let seen = self.board.seen_since(now - FORGOTTEN);
        seen.iter().filter_map(|(id, seen)| self.vehicle(*id, seen, view, now)).collect()
    }

    fn vehicle(&self, id: VehicleId, seen: &Seen, view: Option<&View>, now: Millis) -> Option<VehicleState> {
        let vehicle = self.board.registry().get(id)?;
        let transit = view.and_then(|v| v.transits.iter().find(|t| t.vehicle == id));
        let emergency = vehicle.class == clearway_feeds::VehicleClass::Emergency;
        Some(VehicleState {
            id: vehicle.name.clone(),
            class: vehicle.class.word(),
            label: vehicle.label.clone(),
            lon: seen.place.lon(),
            lat: seen.place.lat(),
            heading_deg: seen.heading_deg,
            speed_mps: seen.speed_mps,
            age_ms: now.since(seen.at).0,
            lateness_s: seen.lateness_s,
            priority: (!emergency).then(|| transit.map_or("none", |t| standing_word(t.standing))),
        })
    }

    fn waves(&self, view: Option<&View>, now: Millis) -> Vec<WaveDoc> {
        let waves = view.iter().flat_map(|view| view.waves.iter()).map(|wave| self.wave(wave, now));
        let missions = self.board.missions();
        let going_nowhere = missions.iter().filter(|(_, card)| card.destination.is_none());
        waves.chain(going_nowhere.map(|(id, card)| self.without_destination(*id, card))).collect()
    }

    /// A mission that has no wave: nobody said where it goes.
    fn without_destination(&self, id: MissionId, card: &MissionCard) -> WaveDoc {
        let vehicle = self.board.registry().get(card.vehicle);
        WaveDoc {
            mission: card.key.case.clone(),
            vehicle: vehicle.map_or_else(String::new, |v| v.name.clone()),
            label: self.board.label(card.vehicle),
            duty: card.duty.clone(),
            state: NO_DESTINATION,
            eta_s: None,
            route: Vec::new(),
            explain: format!("No wave: {}", without_destination(id)),
            signals: Vec::new(),
        }
    }

    fn wave(&self, wave: &WaveView, now: Millis) -> WaveDoc {
        let card = self.board.mission(wave.mission.id);
        let vehicle = self.board.registry().get(wave.mission.vehicle);
        let label = |id: VehicleId| self.board.label(id);
        let rule = |id| self.board.rule(id);
        let names = Names { network: &self.network, vehicle: &label, rule: &rule };
        let ahead = wave.signals.iter().filter(|s| !s.passed).count();
        let asserted = wave.signals.iter().filter(|s| s.asserted).count();
        WaveDoc {
            mission: card.as_ref().map_or_else(String::new, |c| c.key.case.clone()),
            vehicle: vehicle.map_or_else(String::new, |v| v.name.clone()),
            label: label(wave.mission.vehicle),
            duty: card.map_or_else(String::new, |c| c.duty),
            state: match (wave.suspended, wave.at_mm) {
                (true, _) => "stopped",
                (false, None) => "waiting",
                (false, Some(_)) => "active",
            },
            eta_s: wave.at_mm.map(|_| seconds(wave.arrives - now)),
            route: wave.way.iter().map(|p| [p.lon(), p.lat()]).collect(),
            explain: format!("{ahead} signals ahead, {asserted} called now{}.", put_off(wave.put_off)),
            signals: wave.signals.iter().map(|s| self.signal(s, &names, now)).collect(),
        }
    }

    fn signal(&self, signal: &WaveSignal, names: &Names<'_>, now: Millis) -> WaveSignalDoc {
        let within = |at: Millis| (at != Millis::NEVER && !signal.passed).then(|| seconds(at - now));
        let title =
            self.network.controller(signal.place.controller).map_or_else(String::new, |c| c.title.clone());
        WaveSignalDoc {
            controller: signal.place.controller.0,
            title,
            state: state_word(signal),
            call_in_s: within(signal.call_at),
            arrive_in_s: within(signal.arrival.mean),
            green_in_s: within(signal.green_at),
            release_in_s: within(signal.release_at),
            probability: (!signal.passed && signal.skip == Skip::No).then(|| stop_free(signal)),
            explain: skipped(signal.skip, names),
        }
    }

    fn feeds(&self, now: Millis) -> Vec<FeedDoc> {
        let doc = |(name, tally): (String, Arc<clearway_feeds::Tally>)| FeedDoc {
            name,
            age_ms: tally.last_at().map(|at| now.since(at).0),
            accepted: tally.accepted(),
            rejected: tally.rejected(),
            reasons: tally.reasons().map(|(reason, count)| (reason.word(), count)).collect(),
        };
        self.board.tallies().into_iter().map(doc).collect()
    }
}

impl Told {
    fn is_news(&mut self, state: &ControllerState, now: Millis) -> bool {
        let news = self.controllers.get(&state.id).is_none_or(|(known, at)| {
            let changed = ControllerState { age_ms: state.age_ms, ..known.clone() } != *state;
            changed || (now.since(*at).0 >= AGE_NEWS_MS && state.age_ms.is_some_and(|age| age < AGE_NEWS_MS))
        });
        if news {
            self.controllers.insert(state.id, (state.clone(), now));
        }
        news
    }
}

/// The same fix, only older.
fn same_vehicle(known: &VehicleState, state: &VehicleState) -> bool {
    state.age_ms >= known.age_ms && VehicleState { age_ms: state.age_ms, ..known.clone() } == *state
}

/// The probability that green comes before the vehicle: a normal arrival, the logistic approximation
/// of its distribution (Φ(x) ≈ 1 / (1 + e^(−1.702 x)), error below 0.01).
#[allow(clippy::cast_precision_loss)]
fn stop_free(signal: &WaveSignal) -> f64 {
    let slack = (signal.arrival.mean - signal.green_at).0 as f64;
    let sigma = (signal.arrival.sigma.0 as f64).max(100.0);
    let p = 1.0 / (1.0 + (-1.702 * slack / sigma).exp());
    (p * 1000.0).round() / 1000.0
}

fn seconds(span: Millis) -> f64 {
    (span.as_s() * 10.0).round() / 10.0
}

/// Percentiles as the API names them.
#[must_use]
pub fn latency_doc(p: Percentiles) -> LatencyDoc {
    LatencyDoc { p50: p.p50_us, p99: p.p99_us, p999: p.p999_us }
}

/// How much later than alone, because others go first; nothing when it is not.
fn put_off(by: Millis) -> String {
    if by > Millis::ZERO { format!("; {:.0} s put off for others", by.as_s()) } else { String::new() }
}

fn state_word(signal: &WaveSignal) -> &'static str {
    match signal.skip {
        _ if signal.passed => "completed",
        _ if signal.asserted => signal.state.word(),
        Skip::NotArmed => "not armed",
        _ => "planned",
    }
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Normal => "normal",
        Mode::Backup => "backup",
        Mode::Flash => "flash",
        Mode::Manual => "manual",
        Mode::Startup => "startup",
        Mode::Dark => "dark",
        Mode::Fault => "fault",
        Mode::Unknown => "unknown",
    }
}

fn kind_word(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Rail => "rail",
        RowKind::Emergency => "emergency",
        RowKind::Transit => "transit",
    }
}

fn preempt_word(state: PreemptState) -> &'static str {
    match state {
        PreemptState::Other => "other",
        PreemptState::NotActive => "not active",
        PreemptState::NotActiveWithCall => "called",
        PreemptState::EntryStarted => "entry",
        PreemptState::TrackService => "track",
        PreemptState::Dwell => "dwell",
        PreemptState::LinkActive => "link",
        PreemptState::ExitStarted => "exit",
        PreemptState::MaxPresence => "max presence",
        PreemptState::AdvancedPreempt => "advance",
    }
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::None => "none",
        Standing::Asked => "asked",
        Standing::Granted => "granted",
        Standing::NoChannel => "no channel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_feeds::{MissionKey, Registry, Vehicle, VehicleClass, WallMs};
    use clearway_network::testing;

    #[test]
    fn a_mission_to_nowhere_is_shown_with_its_reason_until_it_has_a_destination() {
        let network = Arc::new(testing::corridor(1));
        let registry = Registry::new(vec![Vehicle::new("rescue-1", VehicleClass::Emergency)]).unwrap();
        let board = Arc::new(Board::new(registry, network.controllers.len()));
        let key = MissionKey { case: "case-1".into(), resource: "r".into() };
        let card = MissionCard {
            key,
            vehicle: VehicleId(0),
            duty: "transport".into(),
            destination: None,
            priority: 1,
            known_duty: None,
        };
        let (id, _) = board.open_mission(card.clone()).unwrap();
        let wall: WallClock = Arc::new(|| WallMs(0));
        let mut scribe =
            Scribe::new(network, Arc::clone(&board), Clock::default(), wall, Arc::default(), None);
        let nothing = Percentiles::default();
        let pulse = Pulse { view: None, alive: true, fix_to_command: nothing, commands: 0 };
        let waves = scribe.write(&pulse).0.waves;
        assert_eq!((waves.len(), waves[0].state, waves[0].duty.as_str()), (1, NO_DESTINATION, "transport"));
        assert!(waves[0].explain.contains(&format!("/api/missions/{}/destination", id.0)));
        let destination = clearway_signals::GeoPoint::from_degrees(60.17, 24.94);
        board.open_mission(MissionCard { destination, ..card }).unwrap();
        assert!(scribe.write(&pulse).0.waves.is_empty(), "its wave is the engine's now");
    }
}
