//! A corridor with eight fire engines that cross and follow each other, in virtual time: what deciding who
//! goes first costs.

use std::sync::Arc;

use clearway_certify::{Action, Class};
use clearway_network::Network;
use clearway_network::testing::{SPACING_M, corridor, place};
use clearway_planner::transition::planned_display;
use clearway_planner::{Config, Engine, Event, Mission, Output, VehicleFix, VehicleInfo};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GroupId, GroupSet, Millis, MissionId, Mode, PreemptState, RowId,
    RowSet, VehicleId,
};

use crate::Digest;

/// Crossroads of the corridor.
const CROSSROADS: u16 = 40;
/// Half of them along the corridor, half across it.
const VEHICLES: u32 = 8;
/// The speed of everybody, metres a second.
const SPEED_M_S: f32 = 12.0;
/// From a call to the green of the called row.
const ENTRY: Millis = Millis(14_000);
const TICK: Millis = Millis(100);
const CADENCE: Millis = Millis(1_000);

/// A vehicle on its way.
#[derive(Clone, Copy)]
struct Drive {
    mission: MissionId,
    left_at: Millis,
    /// The crossroads at which it crosses the corridor; `None`: it drives along it.
    street: Option<u16>,
}

/// The fleet.
pub struct Fleet {
    network: Arc<Network>,
    engine: Engine,
    out: Output,
    now: Millis,
    drives: Vec<Option<Drive>>,
    missions: u32,
    called: Vec<Option<(RowId, Millis)>>,
    speaker: u32,
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

impl Fleet {
    /// A fleet whose engine has watched two cycles of every controller.
    #[must_use]
    pub fn new() -> Self {
        let network = Arc::new(corridor(CROSSROADS));
        let vehicles = vec![VehicleInfo { class: Class::Emergency }; VEHICLES as usize];
        let mut fleet = Self {
            engine: Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1)),
            out: Output::default(),
            now: Millis::ZERO,
            drives: vec![None; VEHICLES as usize],
            missions: 0,
            called: vec![None; network.controllers.len()],
            speaker: 0,
            network,
        };
        for controller in 0..CROSSROADS {
            fleet.apply(&Event::Armed(ControllerId(controller), true));
        }
        for _ in 0..130 {
            fleet.second();
        }
        fleet
    }

    /// A second passes: who arrived leaves anew, controllers are read, everybody but one reports.
    pub fn prepare(&mut self) {
        self.second();
        for vehicle in (0..VEHICLES).map(VehicleId) {
            if self.drives[vehicle.index()].is_none_or(|drive| self.driven(drive) > length(drive)) {
                self.leave(vehicle);
            }
        }
        self.speaker = (self.speaker + 1) % VEHICLES;
        let speaker = self.speaker;
        for vehicle in (0..VEHICLES).filter(|vehicle| *vehicle != speaker) {
            self.report(VehicleId(vehicle));
        }
    }

    /// The measured step: the last position of the second.
    pub fn fix(&mut self) -> u64 {
        self.report(VehicleId(self.speaker));
        self.digest()
    }

    /// A tick's time passes.
    pub fn wait(&mut self) {
        self.now += TICK;
    }

    /// The measured step: who goes first is decided anew.
    pub fn tick(&mut self) -> u64 {
        self.apply(&Event::Tick);
        self.digest()
    }

    fn second(&mut self) {
        self.now += CADENCE - TICK;
        for index in 0..self.called.len() {
            let status = self.status(index);
            self.apply(&Event::Status(status));
        }
        self.apply(&Event::Tick);
        self.now += TICK;
    }

    fn driven(&self, drive: Drive) -> f32 {
        #[allow(clippy::cast_precision_loss)]
        let seconds = (self.now - drive.left_at).0 as f32 / 1000.0;
        seconds * SPEED_M_S
    }

    fn leave(&mut self, vehicle: VehicleId) {
        if let Some(done) = self.drives[vehicle.index()] {
            self.apply(&Event::MissionEnd(done.mission));
        }
        self.missions += 1;
        // The streets change from trip to trip, so that everybody meets everybody.
        let street = u16::try_from((self.missions * 7) % u32::from(CROSSROADS)).unwrap_or(0);
        let street = (vehicle.0 % 2 == 1).then_some(street);
        let drive = Drive { mission: MissionId(self.missions), left_at: self.now, street };
        self.drives[vehicle.index()] = Some(drive);
        let (x, y) = on_street(drive, length(drive) - 5.0);
        let mission = Mission::new(drive.mission, vehicle, place(x, y));
        self.apply(&Event::Mission(Mission {
            priority: u8::try_from(vehicle.0 % 4).unwrap_or(0),
            ..mission
        }));
    }

    fn report(&mut self, vehicle: VehicleId) {
        let Some(drive) = self.drives[vehicle.index()] else { return };
        let (x, y) = on_street(drive, self.driven(drive));
        let heading_deg = Some(if drive.street.is_some() { 0.0 } else { 90.0 });
        let (speed_mps, degraded) = (Some(SPEED_M_S), false);
        let place = place(x, y);
        let fix = VehicleFix { vehicle, received: self.now, place, heading_deg, speed_mps, degraded };
        self.apply(&Event::Fix(fix));
    }

    fn apply(&mut self, event: &Event) {
        self.out.clear();
        self.engine.apply(event, self.now, &mut self.out);
        for command in self.out.commands() {
            let called = &mut self.called[command.controller().index()];
            match command.action() {
                Action::Assert { .. } if called.is_none() => *called = Some((command.row(), self.now)),
                Action::Assert { .. } => {}
                Action::Release => *called = None,
            }
        }
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for command in self.out.commands() {
            digest.add(u64::from(command.controller().0));
            digest.add(u64::from(command.row().0));
            digest.add(u64::from(command.is_assert()));
            digest.add(command.expires().0.cast_unsigned());
        }
        digest.value()
    }

    fn status(&self, index: usize) -> ControllerStatus {
        let controller = &self.network.controllers[index];
        let called = self.called[index];
        let dwells = called.is_some_and(|(_, since)| self.now >= since + ENTRY);
        let greens = match called {
            Some((row, _)) if dwells => controller.rows[row.index()].dwell,
            Some(_) => GroupSet::EMPTY,
            None => {
                let display = planned_display(controller, controller.plan.offset, self.now);
                (0..3).map(GroupId).filter(|group| display[group.index()].green).collect()
            }
        };
        ControllerStatus {
            controller: controller.id,
            at: self.now,
            mode: Mode::Normal,
            greens,
            active: called.map(|(row, _)| row),
            preempt: match (called, dwells) {
                (None, _) => PreemptState::NotActive,
                (Some(_), false) => PreemptState::EntryStarted,
                (Some(_), true) => PreemptState::Dwell,
            },
            asserted: called.map_or(RowSet::EMPTY, |(row, _)| RowSet::of(row)),
            ..ControllerStatus::default()
        }
    }
}

fn length(drive: Drive) -> f32 {
    if drive.street.is_some() { 390.0 } else { SPACING_M * 10.0 }
}

/// Metres east and north of the corridor's west end, so far along a drive.
fn on_street(drive: Drive, driven: f32) -> (f32, f32) {
    match drive.street {
        None => (driven, 0.0),
        Some(street) => (SPACING_M * f32::from(street % 10 + 1), driven - 195.0),
    }
}
