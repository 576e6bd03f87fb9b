//! The real engine as the steering of a city in virtual time: no sockets, no protocols, the same
//! planner and checker as live. Statuses come twice a second, positions once, commands take effect
//! at the controller's next tick.

use std::collections::BTreeMap;
use std::sync::Arc;

use clearway_certify::{Action, Class as AskClass, Command};
use clearway_field::Emulator;
use clearway_network::Network;
use clearway_planner::{
    Config, Counts, Engine, Event, Mission, Notice, Output, TransitUpdate, VehicleFix, VehicleInfo,
};
use clearway_signals::{
    Channel, ControllerId, ControllerStatus, Epoch, GeoPoint, Millis, MissionId, VehicleId,
};

use crate::closure::Closure;
use crate::emergency::TripId;
use crate::sensors::{Fix, Sensors};
use crate::trip::Steering;
use crate::vehicle::{Class, Serial};
use crate::virtual_city::VirtualCity;

/// Controllers are read this often.
const STATUS_EVERY: Millis = Millis(500);
/// Detectors are read this often.
const COUNTS_EVERY: Millis = Millis(1_000);
/// A call dies in the controller after this time without refresh.
const TTL: Millis = Millis(5_000);
/// Emergency vehicles come first in the registry; trams follow, each run a vehicle of its own. Trams
/// beyond this number are not heard.
const TRAMS_MAX: u32 = 2_000;
/// Who has left the road is told this often.
const GONE_EVERY: Millis = Millis(1_000);
/// Standard deviation of a position, metres.
const GPS_SD_M: f64 = 3.0;

/// One emergency vehicle for the engine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Task {
    /// Its trip in the world.
    pub trip: TripId,
    /// Where it is wanted.
    pub destination: GeoPoint,
    /// When the engine is given the mission.
    pub begins: Millis,
}

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum TaskState {
    #[default]
    Waits,
    Runs,
    Ended,
}

/// An engine with its sensors and its way to the controllers.
#[derive(Debug)]
pub struct EngineSteering {
    engine: Engine,
    out: Output,
    sensors: Sensors,
    tasks: Vec<Task>,
    states: Vec<TaskState>,
    /// Controllers that are read and may be asked.
    asked: Vec<ControllerId>,
    started: bool,
    trams: BTreeMap<Serial, VehicleId>,
    trams_known: u32,
    closures: Vec<Closure>,
    counted: Vec<Vec<u16>>,
    held: Vec<Option<Command>>,
    unarmed: Vec<ControllerId>,
    /// What the engine told, with its times.
    pub notices: Vec<(Millis, Notice)>,
    /// Commands given.
    pub commands: u64,
}

impl EngineSteering {
    /// An engine that is given a mission to `destination` when the trip begins; `unarmed` controllers
    /// do not pass the arming gate.
    #[must_use]
    pub fn new(
        network: &Arc<Network>,
        config: Config,
        destination: GeoPoint,
        unarmed: &[ControllerId],
        seed: u64,
    ) -> Self {
        let armed = network.controllers.iter().map(|c| c.id).filter(|id| !unarmed.contains(id)).collect();
        let task = Task { trip: TripId(0), destination, begins: Millis::ZERO };
        let mut steering = Self::fleet(network, config, vec![task], armed, seed);
        steering.asked = network.controllers.iter().map(|c| c.id).collect();
        steering.unarmed = unarmed.to_vec();
        steering
    }

    /// An engine for several vehicles, that reads and asks the controllers of `asked` alone.
    #[must_use]
    pub fn fleet(
        network: &Arc<Network>,
        config: Config,
        tasks: Vec<Task>,
        asked: Vec<ControllerId>,
        seed: u64,
    ) -> Self {
        let mut vehicles = vec![VehicleInfo { class: AskClass::Emergency }; tasks.len()];
        vehicles.extend((0..TRAMS_MAX).map(|_| VehicleInfo { class: AskClass::Tram }));
        let counted = network.controllers.iter().map(|c| vec![0; c.detectors.len()]).collect();
        Self {
            engine: Engine::new(Arc::clone(network), vehicles, config, Epoch(1)),
            out: Output::default(),
            sensors: Sensors::new(seed, GPS_SD_M),

            states: vec![TaskState::default(); tasks.len()],
            tasks,
            asked,
            started: false,
            trams: BTreeMap::new(),
            trams_known: 0,
            closures: Vec::new(),
            counted,
            held: vec![None; network.controllers.len()],
            unarmed: Vec::new(),
            notices: Vec::new(),
            commands: 0,
        }
    }

    fn apply(&mut self, event: &Event, city: &mut VirtualCity) {
        let now = city.now();
        self.out.clear();
        self.engine.apply(event, now, &mut self.out);
        self.notices.extend(self.out.notices().iter().map(|n| (now, *n)));
        for command in self.out.commands() {
            self.commands += 1;
            carry_out(command, now, city);
            self.held[command.controller().index()] = command.is_assert().then_some(*command);
        }
    }

    /// Repeat what is held while its lease lasts, as an adapter does.
    fn refresh(&mut self, city: &mut VirtualCity) {
        let now = city.now();
        for held in &mut self.held {
            match *held {
                Some(command) if command.expires() > now => carry_out(&command, now, city),
                Some(command) => {
                    if let Some(emulator) = city.field.emulator_mut(command.controller()) {
                        let _ = emulator.remote_call(command.row(), false, Millis::ZERO);
                    }
                    *held = None;
                }
                None => {}
            }
        }
    }

    fn arm(&mut self, city: &mut VirtualCity) {
        for controller in self.asked.clone() {
            let armed = !self.unarmed.contains(&controller);
            self.apply(&Event::Armed(controller, armed), city);
        }
    }

    fn read_controllers(&mut self, city: &mut VirtualCity) {
        for n in 0..self.asked.len() {
            let id = self.asked[n];
            if let Some(status) = city.field.emulator(id).map(|e| reading(id, e)) {
                self.apply(&Event::Status(status), city);
            }
        }
    }

    fn read_detectors(&mut self, city: &mut VirtualCity) {
        for asked in 0..self.asked.len() {
            let id = self.asked[asked];
            let n = id.index();
            let mut counts =
                Counts { controller: id, at: city.now(), vehicles: [0; Counts::MAX], occupied: 0 };
            if let Some(emulator) = city.field.emulator(id) {
                for (k, detector) in emulator.detectors().iter().take(Counts::MAX).enumerate() {
                    counts.vehicles[k] = detector.count.wrapping_sub(self.counted[n][k]);
                    self.counted[n][k] = detector.count;
                    counts.occupied |= u32::from(detector.occupied) << k;
                }
            }
            self.apply(&Event::Counts(counts), city);
        }
    }

    /// Closed links are told to the engine when they close.
    pub fn tell_closures(&mut self, closures: &[Closure]) {
        self.closures = closures.iter().copied().filter(|closure| closure.lanes.is_none()).collect();
    }

    fn close(&mut self, city: &mut VirtualCity) {
        let now = city.now();
        let due = |closure: &Closure| closure.from <= now && now < closure.until;
        for closure in self.closures.iter().copied().filter(due).collect::<Vec<_>>() {
            self.apply(&Event::Blocked(closure.link, closure.until), city);
        }
        self.closures.retain(|closure| now < closure.from);
    }

    fn hear(&mut self, fix: &Fix, city: &mut VirtualCity) {
        let event = match (fix.trip, fix.tram) {
            (Some(own), _) => {
                let number = self.tasks.iter().position(|task| task.trip == own);
                let Some(vehicle) = number.and_then(|number| u32::try_from(number).ok()) else { return };
                Event::Fix(position(VehicleId(vehicle), fix))
            }
            (_, Some(tram)) if fix.class == Class::Tram => {
                let Some(vehicle) = self.tram(fix.serial) else { return };
                Event::Transit(TransitUpdate {
                    fix: position(vehicle, fix),
                    line: tram.line,
                    lateness_s: i32::try_from(tram.lateness.0 / 1000).ok(),
                    doors_open: Some(tram.doors_open),
                })
            }
            _ => return,
        };
        self.apply(&event, city);
    }

    /// The tram's place in the registry: a new one when it is heard for the first time.
    fn tram(&mut self, serial: Serial) -> Option<VehicleId> {
        if let Some(&known) = self.trams.get(&serial) {
            return Some(known);
        }
        if self.trams_known == TRAMS_MAX {
            return None;
        }
        let first = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let vehicle = VehicleId(first + self.trams_known);
        self.trams_known += 1;
        self.trams.insert(serial, vehicle);
        Some(vehicle)
    }

    fn forget_gone(&mut self, city: &mut VirtualCity) {
        let gone: Vec<Serial> =
            self.trams.keys().copied().filter(|&serial| !city.world.is_on_road(serial)).collect();
        for serial in gone {
            if let Some(vehicle) = self.trams.remove(&serial) {
                self.apply(&Event::TransitEnd(vehicle), city);
            }
        }
    }

    /// Missions begin and end.
    fn run_tasks(&mut self, city: &mut VirtualCity) {
        let now = city.now();
        for number in 0..self.tasks.len() {
            let task = self.tasks[number];
            let id = u32::try_from(number).unwrap_or(u32::MAX);
            let mission = MissionId(id + 1);
            match self.states[number] {
                TaskState::Waits if now >= task.begins => {
                    self.states[number] = TaskState::Runs;
                    self.apply(&Event::Mission(Mission::new(mission, VehicleId(id), task.destination)), city);
                }
                TaskState::Runs if city.world.trip(task.trip).is_some_and(|log| log.arrived.is_some()) => {
                    self.states[number] = TaskState::Ended;
                    self.apply(&Event::MissionEnd(mission), city);
                }
                TaskState::Waits | TaskState::Runs | TaskState::Ended => {}
            }
        }
    }

    /// What there is to see of the engine.
    #[must_use]
    pub fn view(&self, now: Millis) -> clearway_planner::view::View {
        self.engine.view(now)
    }

    /// See the city after a tick, and call what is to be called.
    pub fn step_all(&mut self, city: &mut VirtualCity) {
        let now = city.now();
        if !self.started {
            self.started = true;
            self.arm(city);
        }
        self.close(city);
        self.run_tasks(city);
        if now.0 % STATUS_EVERY.0 == 0 {
            self.read_controllers(city);
        }
        if now.0 % COUNTS_EVERY.0 == 0 {
            self.read_detectors(city);
            self.refresh(city);
        }
        for fix in self.sensors.fixes(&city.world) {
            self.hear(&fix, city);
        }
        if now.0 % GONE_EVERY.0 == 0 {
            self.forget_gone(city);
        }
        self.apply(&Event::Tick, city);
    }
}

impl Steering for EngineSteering {
    fn step(&mut self, city: &mut VirtualCity, _trip: TripId) {
        self.step_all(city);
    }
}

#[allow(clippy::cast_possible_truncation)]
fn position(vehicle: VehicleId, fix: &Fix) -> VehicleFix {
    VehicleFix {
        vehicle,
        received: fix.at,
        place: fix.place,
        heading_deg: Some(fix.heading_deg as f32),
        speed_mps: Some(fix.speed_m_s as f32),
        degraded: false,
        cadence: Millis(1_000),
    }
}

fn carry_out(command: &Command, now: Millis, city: &mut VirtualCity) {
    let Some(emulator) = city.field.emulator_mut(command.controller()) else { return };
    let channel = emulator.rows().get(command.row().index()).map(|row| row.channel);
    // A refusal shows in the status, as it does live.
    let _ = match (command.action(), channel) {
        (Action::Assert { arrival }, Some(Channel::Priority)) => {
            emulator.request_priority(command.row(), 7, arrival.since(now), TTL)
        }
        (Action::Assert { .. }, _) => emulator.remote_call(command.row(), true, TTL),
        (Action::Release, Some(Channel::Priority)) => {
            emulator.cancel_priority();
            Ok(())
        }
        (Action::Release, _) => emulator.remote_call(command.row(), false, Millis::ZERO),
    };
}

/// What a binding by register map or NTCIP tells: which rows are held, and which one is served; priority
/// shows as the served row without a preemption (docs/modbus-register-map.md, input registers 2, 10, 26).
fn reading(controller: ControllerId, emulator: &Emulator) -> ControllerStatus {
    let status = emulator.status();
    let granted = status.priority.filter(|_| status.priority_granted);
    let asserted = status.priority.map_or(status.remote, |held| status.remote.with(held.row));
    ControllerStatus {
        controller,
        at: status.at,
        mode: status.mode,
        greens: status.greens,
        yellows: status.yellows,
        clearing: status.clearing,
        active: status.active.or(granted.map(|held| held.row)),
        preempt: status.preempt,
        asserted,
    }
}
