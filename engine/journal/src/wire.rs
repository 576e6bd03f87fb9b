//! The records as they are written: mirrors of the engine's types, so that those need no serde.
//!
//! The order of fields and variants is the format; a change of it is a new segment version.

use clearway_certify::{Action, Class, Command};
use clearway_network::{LineId, LinkId};
use clearway_planner::learn::{BINS, Lesson, Topic};
use clearway_planner::policy::Policy;
use clearway_planner::recovery::Recovery;
use clearway_planner::{
    Config, Counts, DutyId, Event, LocalTime, Mission, TransitUpdate, VehicleFix, VehicleInfo,
};
use clearway_runtime::Record;
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GeoPoint, GroupSet, Millis, MissionId, Mode, PreemptState,
    RequestId, RequestState, RowId, RowSet, VehicleId,
};
use serde::{Deserialize, Serialize};

use crate::policy::WirePolicy;

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// The first record: what the engine was started with.
    Start(Box<Start>),
    /// An event, and when it was applied (milliseconds of the engine's clock).
    Event(i64, WireEvent),
    /// A command, and when it was handed over.
    Command(i64, WireCommand),
}

/// What an engine is started with: enough to start it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Name of the network model.
    pub network: String,
    /// Sum of all controllers' configuration hashes: another model is noticed.
    pub network_hash: u64,
    /// Epoch.
    pub epoch: u64,
    /// Classes of the vehicles, by id: 0 emergency, 1 tram, 2 bus.
    pub vehicles: Vec<u8>,
    /// The planner's settings, in the order of [`Config`]'s fields.
    pub config: [i64; 21],
    /// Wall-clock time of the start, milliseconds since 1970, for people.
    pub wall_ms: i64,
    /// The policy's rules and quotas.
    pub policy: WirePolicy,
}

/// Mirror of `VehicleFix`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireFix {
    vehicle: u32,
    received: i64,
    lat_e7: i32,
    lon_e7: i32,
    heading_deg: Option<f32>,
    speed_mps: Option<f32>,
    degraded: bool,
    cadence: i64,
}

/// Mirror of `Event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WireEvent {
    /// A position.
    Fix(WireFix),
    /// Mission, vehicle, destination, priority, duty.
    Mission(u32, u32, i32, i32, u8, Option<u8>),
    /// A mission ended.
    MissionEnd(u32),
    /// Position, line, lateness, doors.
    Transit(WireFix, u16, Option<i32>, Option<bool>),
    /// A tram or bus is gone.
    TransitEnd(u32),
    /// A reading of a controller.
    Status(WireStatus),
    /// Armed or not.
    Armed(u16, bool),
    /// Controller, when, vehicles, occupied.
    Counts(u16, i64, Vec<u16>, u32),
    /// Time passed.
    Tick,
    /// Everything released.
    ReleaseAll,
    /// A link is closed until then.
    Blocked(u32, i64),
    /// Day of the week, minute of the day.
    LocalTime(u8, u16),
    /// Topic (0 link, 1 class, 2 drivers, 3 scores), its place, its period, weights.
    Learned(u8, u32, u8, Vec<u16>),
    /// Vehicle, per cent of its places.
    Load(u32, u8),
    /// A link is closed to trams and buses until then.
    TransitBlocked(u32, i64),
    /// Controller, request, how it ended.
    Ended(u16, u32, u8),
}

/// Mirror of `ControllerStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireStatus {
    controller: u16,
    at: i64,
    mode: u8,
    greens: u64,
    yellows: u64,
    clearing: u64,
    active: Option<u8>,
    preempt: u8,
    asserted: u32,
}

/// Mirror of `Command`. There is no way back: commands come from certified plans only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCommand {
    /// Controller.
    pub controller: u16,
    /// Row.
    pub row: u8,
    /// Request.
    pub request: u32,
    /// Revision.
    pub revision: u32,
    /// Epoch.
    pub epoch: u64,
    /// Expected arrival of an assertion; `None`: a release.
    pub arrival: Option<i64>,
    /// End of the lease.
    pub expires: i64,
}

const MODES: [Mode; 8] = [
    Mode::Normal,
    Mode::Backup,
    Mode::Flash,
    Mode::Manual,
    Mode::Startup,
    Mode::Dark,
    Mode::Fault,
    Mode::Unknown,
];

/// Ends of a request; the first stands for any other.
const ENDS: [RequestState; 5] = [
    RequestState::Stale,
    RequestState::Completed,
    RequestState::Timeout,
    RequestState::Rejected,
    RequestState::Cooldown,
];

impl From<&VehicleFix> for WireFix {
    fn from(fix: &VehicleFix) -> Self {
        Self {
            vehicle: fix.vehicle.0,
            received: fix.received.0,
            lat_e7: fix.place.lat_e7,
            lon_e7: fix.place.lon_e7,
            heading_deg: fix.heading_deg,
            speed_mps: fix.speed_mps,
            degraded: fix.degraded,
            cadence: fix.cadence.0,
        }
    }
}

impl From<&WireFix> for VehicleFix {
    fn from(wire: &WireFix) -> Self {
        Self {
            vehicle: VehicleId(wire.vehicle),
            received: Millis(wire.received),
            place: GeoPoint { lat_e7: wire.lat_e7, lon_e7: wire.lon_e7 },
            heading_deg: wire.heading_deg,
            speed_mps: wire.speed_mps,
            degraded: wire.degraded,
            cadence: Millis(wire.cadence),
        }
    }
}

impl From<&ControllerStatus> for WireStatus {
    fn from(status: &ControllerStatus) -> Self {
        Self {
            controller: status.controller.0,
            at: status.at.0,
            mode: MODES
                .iter()
                .position(|m| *m == status.mode)
                .and_then(|i| u8::try_from(i).ok())
                .unwrap_or(7),
            greens: status.greens.0,
            yellows: status.yellows.0,
            clearing: status.clearing.0,
            active: status.active.map(|r| r.0),
            preempt: status.preempt.code(),
            asserted: status.asserted.0,
        }
    }
}

impl From<&WireStatus> for ControllerStatus {
    fn from(wire: &WireStatus) -> Self {
        Self {
            controller: ControllerId(wire.controller),
            at: Millis(wire.at),
            mode: MODES.get(usize::from(wire.mode)).copied().unwrap_or_default(),
            greens: GroupSet(wire.greens),
            yellows: GroupSet(wire.yellows),
            clearing: GroupSet(wire.clearing),
            active: wire.active.map(RowId),
            preempt: PreemptState::from_code(i64::from(wire.preempt)),
            asserted: RowSet(wire.asserted),
        }
    }
}

impl From<&Event> for WireEvent {
    fn from(event: &Event) -> Self {
        match event {
            Event::Fix(fix) => Self::Fix(fix.into()),
            Event::Mission(m) => {
                let Mission { id, vehicle, destination, priority, duty } = m;
                let (lat_e7, lon_e7) = (destination.lat_e7, destination.lon_e7);
                Self::Mission(id.0, vehicle.0, lat_e7, lon_e7, *priority, duty.map(|duty| duty.0))
            }
            Event::MissionEnd(id) => Self::MissionEnd(id.0),
            Event::Transit(t) => Self::Transit((&t.fix).into(), t.line.0, t.lateness_s, t.doors_open),
            Event::TransitEnd(vehicle) => Self::TransitEnd(vehicle.0),
            Event::Status(status) => Self::Status(status.into()),
            Event::Armed(controller, armed) => Self::Armed(controller.0, *armed),
            Event::Counts(c) => Self::Counts(c.controller.0, c.at.0, c.vehicles.to_vec(), c.occupied),
            Event::Tick => Self::Tick,
            Event::ReleaseAll => Self::ReleaseAll,
            Event::Blocked(link, until) => Self::Blocked(link.0, until.0),
            Event::TransitBlocked(link, until) => Self::TransitBlocked(link.0, until.0),
            Event::Load(vehicle, percent) => Self::Load(vehicle.0, *percent),
            Event::Ended(controller, request, state) => {
                let code = ENDS.iter().position(|end| end == state).and_then(|i| u8::try_from(i).ok());
                Self::Ended(controller.0, request.0, code.unwrap_or(0))
            }
            Event::LocalTime(time) => Self::LocalTime(time.weekday, time.minute),
            Event::Learned(lesson) => {
                let (topic, place, period) = lesson.topic.code();
                Self::Learned(topic, place, period, lesson.weights.to_vec())
            }
        }
    }
}

impl From<&WireEvent> for Event {
    fn from(wire: &WireEvent) -> Self {
        match wire {
            WireEvent::Fix(fix) => Self::Fix(fix.into()),
            WireEvent::Mission(id, vehicle, lat_e7, lon_e7, priority, duty) => Self::Mission(Mission {
                id: MissionId(*id),
                vehicle: VehicleId(*vehicle),
                destination: GeoPoint { lat_e7: *lat_e7, lon_e7: *lon_e7 },
                priority: *priority,
                duty: duty.map(DutyId),
            }),
            WireEvent::MissionEnd(id) => Self::MissionEnd(MissionId(*id)),
            WireEvent::Transit(fix, line, lateness_s, doors_open) => Self::Transit(TransitUpdate {
                fix: fix.into(),
                line: LineId(*line),
                lateness_s: *lateness_s,
                doors_open: *doors_open,
            }),
            WireEvent::TransitEnd(vehicle) => Self::TransitEnd(VehicleId(*vehicle)),
            WireEvent::Status(status) => Self::Status(status.into()),
            WireEvent::Armed(controller, armed) => Self::Armed(ControllerId(*controller), *armed),
            WireEvent::Counts(controller, at, counted, occupied) => {
                let mut vehicles = [0; Counts::MAX];
                for (place, count) in vehicles.iter_mut().zip(counted) {
                    *place = *count;
                }
                let controller = ControllerId(*controller);
                Self::Counts(Counts { controller, at: Millis(*at), vehicles, occupied: *occupied })
            }
            WireEvent::Tick => Self::Tick,
            WireEvent::ReleaseAll => Self::ReleaseAll,
            WireEvent::Blocked(link, until) => Self::Blocked(LinkId(*link), Millis(*until)),
            WireEvent::TransitBlocked(link, until) => Self::TransitBlocked(LinkId(*link), Millis(*until)),
            WireEvent::Ended(controller, request, code) => {
                let end = ENDS.get(usize::from(*code)).copied().unwrap_or(ENDS[0]);
                Self::Ended(ControllerId(*controller), RequestId(*request), end)
            }
            WireEvent::Load(vehicle, percent) => Self::Load(VehicleId(*vehicle), *percent),
            WireEvent::Learned(topic, place, period, seen) => {
                let mut weights = [0; BINS];
                weights.iter_mut().zip(seen).for_each(|(weight, count)| *weight = *count);
                Self::Learned(Lesson { topic: Topic::from_code(*topic, *place, *period), weights })
            }
            WireEvent::LocalTime(weekday, minute) => {
                Self::LocalTime(LocalTime { weekday: *weekday, minute: *minute })
            }
        }
    }
}

impl From<&Command> for WireCommand {
    fn from(command: &Command) -> Self {
        Self {
            controller: command.controller().0,
            row: command.row().0,
            request: command.request().0,
            revision: command.revision(),
            epoch: command.epoch().0,
            arrival: match command.action() {
                Action::Assert { arrival } => Some(arrival.0),
                Action::Release => None,
            },
            expires: command.expires().0,
        }
    }
}

impl From<&Record> for Entry {
    fn from(record: &Record) -> Self {
        match record {
            Record::Event(at, event) => Self::Event(at.0, event.into()),
            Record::Command(at, command) => Self::Command(at.0, command.into()),
        }
    }
}

impl Start {
    /// From what an engine is about to be started with.
    #[must_use]
    pub fn new(
        network: &clearway_network::Network,
        vehicles: &[VehicleInfo],
        config: &Config,
        epoch: Epoch,
        wall_ms: i64,
    ) -> Self {
        let class = |v: &VehicleInfo| match v.class {
            Class::Emergency => 0,
            Class::Tram => 1,
            Class::Bus => 2,
        };
        let recovery = config.recovery.code();
        Self {
            network: network.name.clone(),
            network_hash: network_hash(network),
            epoch: epoch.0,
            vehicles: vehicles.iter().map(class).collect(),
            config: [
                i64::try_from(config.signals_ahead_max).unwrap_or(i64::MAX),
                config.lead.0,
                config.reaction.0,
                config.stop_free_permille,
                i64::from(config.stop_free_whole_way),
                config.link_cv_permille,
                config.fix_sigma_mm,
                config.headway.0,
                config.start_wave.0,
                config.startup.0,
                config.clear_mm,
                config.hold_max.0,
                config.lockout.0,
                i64::from(config.tram_late_s),
                config.tram_horizon.0,
                config.release_hold_max.0,
                recovery[0],
                recovery[1],
                recovery[2],
                recovery[3],
                recovery[4],
            ],
            wall_ms,
            policy: WirePolicy::default(),
        }
    }

    /// The same start under a policy.
    #[must_use]
    pub fn with_policy(self, policy: &Policy) -> Self {
        Self { policy: WirePolicy::from(policy), ..self }
    }

    /// The vehicles again.
    #[must_use]
    pub fn vehicle_infos(&self) -> Vec<VehicleInfo> {
        let class = |code: &u8| match code {
            0 => Class::Emergency,
            1 => Class::Tram,
            _ => Class::Bus,
        };
        self.vehicles.iter().map(|code| VehicleInfo { class: class(code) }).collect()
    }

    /// The settings again.
    #[must_use]
    pub fn planner_config(&self) -> Config {
        let c = &self.config;
        Config {
            signals_ahead_max: usize::try_from(c[0]).unwrap_or(0),
            lead: Millis(c[1]),
            reaction: Millis(c[2]),
            stop_free_permille: c[3],
            stop_free_whole_way: c[4] != 0,
            link_cv_permille: c[5],
            fix_sigma_mm: c[6],
            headway: Millis(c[7]),
            start_wave: Millis(c[8]),
            startup: Millis(c[9]),
            clear_mm: c[10],
            hold_max: Millis(c[11]),
            lockout: Millis(c[12]),
            tram_late_s: i32::try_from(c[13]).unwrap_or(i32::MAX),
            tram_horizon: Millis(c[14]),
            release_hold_max: Millis(c[15]),
            recovery: Recovery::of_code([c[16], c[17], c[18], c[19], c[20]]),
        }
    }
}

/// Tells one network's controllers from another's.
#[must_use]
pub fn network_hash(network: &clearway_network::Network) -> u64 {
    network.controllers.iter().fold(network.links.len() as u64, |sum, controller| {
        sum.rotate_left(5) ^ u64::from(controller.junction().configuration_hash())
    })
}
