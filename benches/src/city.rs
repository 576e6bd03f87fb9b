//! A corridor with an engine and one fire engine that drives along it, in virtual time.

use std::sync::Arc;

use clearway_certify::{Action, Class, Command};
use clearway_network::testing::{SPACING_M, corridor, place};
use clearway_network::{LinkId, Network};
use clearway_planner::learn::{BINS, Lesson, Topic};
use clearway_planner::transition::planned_display;
use clearway_planner::{Config, Engine, Event, Mission, Output, VehicleFix, VehicleInfo};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GroupId, GroupSet, Millis, MissionId, Mode, PreemptState, RowId,
    RowSet, VehicleId,
};

use crate::Digest;

/// Crossroads of the corridor.
pub const CROSSROADS: u16 = 40;
/// The speed of the fire engine, millimetres a millisecond.
const SPEED_MM_MS: i64 = 12;
/// From a call to the green of the called row.
const ENTRY: Millis = Millis(14_000);
/// Between two positions.
const CADENCE: Millis = Millis(1_000);
/// Between two ticks of the engine.
const TICK: Millis = Millis(100);
const VEHICLE: VehicleId = VehicleId(0);

/// The city.
pub struct City {
    /// The network.
    pub network: Arc<Network>,
    engine: Engine,
    out: Output,
    now: Millis,
    /// When the fire engine left the west end.
    started: Millis,
    missions: u32,
    /// Row that is called at each controller, and since when.
    called: Vec<Option<(RowId, Millis)>>,
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
        let network = Arc::new(corridor(crossroads));
        let vehicles = vec![VehicleInfo { class: Class::Emergency }];
        let engine = Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1));
        let mut city = Self {
            engine,
            out: Output::default(),
            now: Millis::ZERO,
            started: Millis::ZERO,
            missions: 0,
            called: vec![None; network.controllers.len()],
            network,
        };
        for controller in 0..crossroads {
            city.apply(&Event::Armed(ControllerId(controller), true));
        }
        for _ in 0..130 {
            city.pass(CADENCE);
        }
        city.leave();
        city
    }

    /// Everything that happens before the next position: a second passes, controllers are read; at
    /// the east end a new mission starts in the west.
    pub fn prepare(&mut self) {
        self.pass(CADENCE);
        if self.driven_mm() > (i64::from(self.crossroads()) - 1) * length_mm() {
            self.apply(&Event::MissionEnd(MissionId(self.missions)));
            // The last calls are taken back and their exits run off.
            for _ in 0..30 {
                self.pass(CADENCE);
            }
            self.leave();
        }
    }

    /// The measured step: one position in, commands out. Gives a digest of the commands.
    pub fn fix(&mut self) -> u64 {
        let fix = self.position();
        self.apply(&Event::Fix(fix));
        self.digest()
    }

    /// Something was learned of a link: every way is to be worked out anew.
    pub fn teach(&mut self) {
        let mut weights = [0; BINS];
        weights[8] = 160;
        self.apply(&Event::Learned(Lesson { topic: Topic::Link(LinkId(0), 0), weights }));
    }

    /// The commands of the last step.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        self.out.commands()
    }

    /// A tick's time passes after the position.
    pub fn wait(&mut self) {
        self.now += TICK;
    }

    /// The measured step of a tick.
    pub fn tick(&mut self) -> u64 {
        self.apply(&Event::Tick);
        self.digest()
    }

    /// Where the fire engine is now.
    #[must_use]
    pub fn position(&self) -> VehicleFix {
        #[allow(clippy::cast_precision_loss)]
        let x = self.driven_mm() as f32 / 1000.0;
        VehicleFix {
            vehicle: VEHICLE,
            received: self.now,
            place: place(x, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(12.0),
            degraded: false,
        }
    }

    fn crossroads(&self) -> u16 {
        u16::try_from(self.network.controllers.len()).unwrap_or(u16::MAX)
    }

    fn driven_mm(&self) -> i64 {
        (self.now - self.started).0 * SPEED_MM_MS
    }

    fn leave(&mut self) {
        self.missions += 1;
        self.started = self.now;
        let destination = place(f32::from(self.crossroads()) * SPACING_M + 100.0, 0.0);
        let mission = Mission::new(MissionId(self.missions), VEHICLE, destination);
        self.apply(&Event::Mission(mission));
    }

    /// The last tick comes a little before the next position, as in life: what is due by then is
    /// the tick's work, the rest the position's.
    fn pass(&mut self, time: Millis) {
        self.now += time - TICK;
        for index in 0..self.called.len() {
            let status = self.status(index);
            self.apply(&Event::Status(status));
        }
        self.apply(&Event::Tick);
        self.now += TICK;
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

/// Length of one link of the corridor.
fn length_mm() -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let length = (SPACING_M * 1000.0) as i64;
    length
}
