//! A street of crossroads in virtual time: the engine, and controllers that do what they are called to.

use std::sync::Arc;

use clearway_certify::{Action, Class, Command};
use clearway_network::Network;
use clearway_network::testing::corridor;
use clearway_planner::transition::planned_display;
use clearway_planner::{Config, Engine, Event, Output, VehicleInfo};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GroupId, GroupSet, Millis, Mode, PreemptState, RowId, RowSet,
};

use crate::Digest;

/// From a call to the green of the called row.
const ENTRY: Millis = Millis(14_000);
/// Between two positions.
const CADENCE: Millis = Millis(1_000);
/// Between two ticks of the engine.
const TICK: Millis = Millis(100);
/// Two cycles of every controller, in seconds: by then the engine knows where their plans stand.
const WATCHED_S: u32 = 130;

/// The street.
pub struct Street {
    /// The network.
    pub network: Arc<Network>,
    /// The time.
    pub now: Millis,
    engine: Engine,
    out: Output,
    /// Row that is called at each controller, and since when.
    called: Vec<Option<(RowId, Millis)>>,
}

impl Street {
    /// A street of so many crossroads for so many fire engines, whose engine has watched two cycles of
    /// every controller.
    #[must_use]
    pub fn new(crossroads: u16, vehicles: usize) -> Self {
        let network = Arc::new(corridor(crossroads));
        let vehicles = vec![VehicleInfo { class: Class::Emergency }; vehicles];
        let mut street = Self {
            engine: Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1)),
            out: Output::default(),
            now: Millis::ZERO,
            called: vec![None; network.controllers.len()],
            network,
        };
        for controller in 0..crossroads {
            street.apply(&Event::Armed(ControllerId(controller), true));
        }
        for _ in 0..WATCHED_S {
            street.second();
        }
        street
    }

    /// A second passes and the controllers are read. The last tick comes a little before the next
    /// position, as in life: what is due by then is the tick's work, the rest the position's.
    pub fn second(&mut self) {
        self.now += CADENCE - TICK;
        for index in 0..self.called.len() {
            let status = self.status(index);
            self.apply(&Event::Status(status));
        }
        self.apply(&Event::Tick);
        self.now += TICK;
    }

    /// One event in; the controllers take the commands up.
    pub fn apply(&mut self, event: &Event) {
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

    /// The commands of the last event.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        self.out.commands()
    }

    /// What they add up to.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for command in self.commands() {
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

/// Who drives on a street.
pub trait Traffic {
    /// The street.
    fn street(&mut self) -> &mut Street;

    /// Everything that happens before the next position.
    fn prepare(&mut self);

    /// One position in, commands out; a digest of the commands.
    fn fix(&mut self) -> u64;

    /// A tick's time passes after the position.
    fn wait(&mut self) {
        self.street().now += TICK;
    }

    /// One tick of the engine; a digest of the commands.
    fn tick(&mut self) -> u64 {
        self.street().apply(&Event::Tick);
        self.street().digest()
    }
}
