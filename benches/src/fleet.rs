//! A corridor with eight fire engines that cross and follow each other, in virtual time: what deciding who
//! goes first costs.

use clearway_network::testing::{SPACING_M, place};
use clearway_planner::{Event, Mission, VehicleFix};
use clearway_signals::{Millis, MissionId, VehicleId};

use crate::city::CROSSROADS;
use crate::street::{Street, Traffic};

/// Half of them along the corridor, half across it.
const VEHICLES: u32 = 8;
/// The speed of everybody, metres a second.
const SPEED_M_S: f32 = 12.0;

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
    street: Street,
    drives: Vec<Option<Drive>>,
    missions: u32,
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
        let street = Street::new(CROSSROADS, VEHICLES as usize);
        Self { street, drives: vec![None; VEHICLES as usize], missions: 0, speaker: 0 }
    }

    fn driven(&self, drive: Drive) -> f32 {
        #[allow(clippy::cast_precision_loss)]
        let seconds = (self.street.now - drive.left_at).0 as f32 / 1000.0;
        seconds * SPEED_M_S
    }

    fn leave(&mut self, vehicle: VehicleId) {
        if let Some(done) = self.drives[vehicle.index()] {
            self.street.apply(&Event::MissionEnd(done.mission));
        }
        self.missions += 1;
        // The streets change from trip to trip, so that everybody meets everybody.
        let street = u16::try_from((self.missions * 7) % u32::from(CROSSROADS)).unwrap_or(0);
        let street = (vehicle.0 % 2 == 1).then_some(street);
        let drive = Drive { mission: MissionId(self.missions), left_at: self.street.now, street };
        self.drives[vehicle.index()] = Some(drive);
        let (x, y) = on_street(drive, length(drive) - 5.0);
        let mission = Mission::new(drive.mission, vehicle, place(x, y));
        self.street.apply(&Event::Mission(Mission {
            priority: u8::try_from(vehicle.0 % 4).unwrap_or(0),
            ..mission
        }));
    }

    fn report(&mut self, vehicle: VehicleId) {
        let Some(drive) = self.drives[vehicle.index()] else { return };
        let (x, y) = on_street(drive, self.driven(drive));
        let heading_deg = Some(if drive.street.is_some() { 0.0 } else { 90.0 });
        let (received, speed_mps, degraded) = (self.street.now, Some(SPEED_M_S), false);
        let place = place(x, y);
        let fix =
            VehicleFix { vehicle, received, place, heading_deg, speed_mps, degraded, cadence: Millis(1_000) };
        self.street.apply(&Event::Fix(fix));
    }
}

impl Traffic for Fleet {
    fn street(&mut self) -> &mut Street {
        &mut self.street
    }

    /// A second passes: who arrived leaves anew, controllers are read, everybody but one reports.
    fn prepare(&mut self) {
        self.street.second();
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

    /// The last position of the second.
    fn fix(&mut self) -> u64 {
        self.report(VehicleId(self.speaker));
        self.street.digest()
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
