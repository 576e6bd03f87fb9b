//! The real engine as the steering of a city in virtual time: no sockets, no protocols, the same
//! planner and checker as live. Statuses come twice a second, positions once, commands take effect
//! at the controller's next tick.

use std::sync::Arc;

use clearway_certify::{Action, Class as AskClass, Command};
use clearway_field::Emulator;
use clearway_network::Network;
use clearway_planner::{
    Config, Counts, Engine, Event, Mission, Notice, Output, TransitUpdate, VehicleFix, VehicleInfo,
};
use clearway_signals::{
    Channel, ControllerId, ControllerStatus, Epoch, GeoPoint, Millis, MissionId, RowId, RowSet, VehicleId,
};

use crate::emergency::TripId;
use crate::sensors::{Fix, Sensors};
use crate::trip::Steering;
use crate::vehicle::Class;
use crate::virtual_city::VirtualCity;

/// Controllers are read this often.
const STATUS_EVERY: Millis = Millis(500);
/// Detectors are read this often.
const COUNTS_EVERY: Millis = Millis(1_000);
/// A call dies in the controller after this time without refresh.
const TTL: Millis = Millis(5_000);
/// Vehicle 0 is the emergency vehicle; trams follow.
const TRAMS_MAX: u32 = 2_000;
/// Standard deviation of a position, metres.
const GPS_SD_M: f64 = 3.0;

/// An engine with its sensors and its way to the controllers.
#[derive(Debug)]
pub struct EngineSteering {
    engine: Engine,
    out: Output,
    sensors: Sensors,
    network: Arc<Network>,
    destination: GeoPoint,
    started: bool,
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
        let mut vehicles = vec![VehicleInfo { class: AskClass::Emergency }];
        vehicles.extend((0..TRAMS_MAX).map(|_| VehicleInfo { class: AskClass::Tram }));
        let counted = network.controllers.iter().map(|c| vec![0; c.detectors.len()]).collect();
        Self {
            engine: Engine::new(Arc::clone(network), vehicles, config, Epoch(1)),
            out: Output::default(),
            sensors: Sensors::new(seed, GPS_SD_M),
            network: Arc::clone(network),
            destination,
            started: false,
            counted,
            held: vec![None; network.controllers.len()],
            unarmed: unarmed.to_vec(),
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
        for controller in self.network.controllers.iter().map(|c| c.id).collect::<Vec<_>>() {
            let armed = !self.unarmed.contains(&controller);
            self.apply(&Event::Armed(controller, armed), city);
        }
    }

    fn read_controllers(&mut self, city: &mut VirtualCity) {
        for n in 0..self.network.controllers.len() {
            let id = self.network.controllers[n].id;
            if let Some(status) = city.field.emulator(id).map(|e| reading(id, e)) {
                self.apply(&Event::Status(status), city);
            }
        }
    }

    fn read_detectors(&mut self, city: &mut VirtualCity) {
        for n in 0..self.network.controllers.len() {
            let id = self.network.controllers[n].id;
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

    fn hear(&mut self, fix: &Fix, trip: TripId, city: &mut VirtualCity) {
        let event = match (fix.trip, fix.tram) {
            (Some(own), _) if own == trip => Event::Fix(position(VehicleId(0), fix)),
            (_, Some(tram)) if fix.class == Class::Tram && fix.serial.0 < TRAMS_MAX => {
                Event::Transit(TransitUpdate {
                    fix: position(VehicleId(1 + fix.serial.0), fix),
                    line: tram.line,
                    lateness_s: i32::try_from(tram.lateness.0 / 1000).ok(),
                    doors_open: Some(tram.doors_open),
                })
            }
            _ => return,
        };
        self.apply(&event, city);
    }
}

impl Steering for EngineSteering {
    fn step(&mut self, city: &mut VirtualCity, trip: TripId) {
        let now = city.now();
        if !self.started {
            self.started = true;
            self.arm(city);
            let mission = Mission::new(MissionId(1), VehicleId(0), self.destination);
            self.apply(&Event::Mission(mission), city);
        }
        if now.0 % STATUS_EVERY.0 == 0 {
            self.read_controllers(city);
        }
        if now.0 % COUNTS_EVERY.0 == 0 {
            self.read_detectors(city);
            self.refresh(city);
        }
        for fix in self.sensors.fixes(&city.world) {
            self.hear(&fix, trip, city);
        }
        if city.world.trip(trip).is_some_and(|log| log.arrived == Some(now)) {
            self.apply(&Event::MissionEnd(MissionId(1)), city);
        }
        self.apply(&Event::Tick, city);
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

fn reading(controller: ControllerId, emulator: &Emulator) -> ControllerStatus {
    let status = emulator.status();
    let priority = status.priority.map(|p| p.row);
    let asserted = priority.map_or(status.remote, |row| status.remote.with(row));
    let granted: Option<RowId> = priority.filter(|_| status.priority_granted);
    ControllerStatus {
        controller,
        at: status.at,
        mode: status.mode,
        greens: status.greens,
        yellows: status.yellows,
        clearing: status.clearing,
        active: status.active.or(granted),
        preempt: status.preempt,
        asserted: RowSet(asserted.0),
    }
}
