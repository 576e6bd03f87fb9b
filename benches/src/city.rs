//! A corridor with an engine and one fire engine that drives along it, in virtual time.

use clearway_certify::Command;
use clearway_network::testing::{SPACING_M, place};
use clearway_network::{LinkId, Network};
use clearway_planner::learn::{BINS, Lesson, Topic};
use clearway_planner::{Event, Mission, VehicleFix};
use clearway_signals::{Millis, MissionId, VehicleId};

use crate::street::{Street, Traffic};

/// Crossroads of the corridor.
pub const CROSSROADS: u16 = 40;
/// The speed of the fire engine, millimetres a millisecond.
const SPEED_MM_MS: i64 = 12;
const VEHICLE: VehicleId = VehicleId(0);

/// The city.
pub struct City {
    street: Street,
    /// When the fire engine left the west end.
    started: Millis,
    missions: u32,
}

impl Default for City {
    fn default() -> Self {
        Self::new()
    }
}

impl City {
    /// A city whose engine has watched two cycles of every controller.
    #[must_use]
    pub fn new() -> Self {
        Self::with_crossroads(CROSSROADS)
    }

    /// The same with so many crossroads.
    #[must_use]
    pub fn with_crossroads(crossroads: u16) -> Self {
        let mut city = Self { street: Street::new(crossroads, 1), started: Millis::ZERO, missions: 0 };
        city.leave();
        city
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.street.network
    }

    /// Something was learned of a link: every way is to be worked out anew.
    pub fn teach(&mut self) {
        let mut weights = [0; BINS];
        weights[8] = 160;
        self.street.apply(&Event::Learned(Lesson { topic: Topic::Link(LinkId(0), 0), weights }));
    }

    /// The commands of the last step.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        self.street.commands()
    }

    /// Where the fire engine is now.
    #[must_use]
    pub fn position(&self) -> VehicleFix {
        #[allow(clippy::cast_precision_loss)]
        let x = self.driven_mm() as f32 / 1000.0;
        VehicleFix {
            vehicle: VEHICLE,
            received: self.street.now,
            place: place(x, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(12.0),
            degraded: false,
            cadence: Millis(1_000),
        }
    }

    fn crossroads(&self) -> u16 {
        u16::try_from(self.street.network.controllers.len()).unwrap_or(u16::MAX)
    }

    fn driven_mm(&self) -> i64 {
        (self.street.now - self.started).0 * SPEED_MM_MS
    }

    fn leave(&mut self) {
        self.missions += 1;
        self.started = self.street.now;
        let destination = place(f32::from(self.crossroads()) * SPACING_M + 100.0, 0.0);
        let mission = Mission::new(MissionId(self.missions), VEHICLE, destination);
        self.street.apply(&Event::Mission(mission));
    }
}

impl Traffic for City {
    fn street(&mut self) -> &mut Street {
        &mut self.street
    }

    /// A second passes, controllers are read; at the east end a new mission starts in the west.
    fn prepare(&mut self) {
        self.street.second();
        if self.driven_mm() > (i64::from(self.crossroads()) - 1) * length_mm() {
            self.street.apply(&Event::MissionEnd(MissionId(self.missions)));
            // The last calls are taken back and their exits run off.
            for _ in 0..30 {
                self.street.second();
            }
            self.leave();
        }
    }

    fn fix(&mut self) -> u64 {
        let fix = self.position();
        self.street.apply(&Event::Fix(fix));
        self.street.digest()
    }
}

/// Length of one link of the corridor.
fn length_mm() -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let length = (SPACING_M * 1000.0) as i64;
    length
}
