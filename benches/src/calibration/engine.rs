//! The engine as the policy of the town: events in, commands out, one engine through all trips.

use std::sync::Arc;

use clearway_certify::{Action, Class};
use clearway_network::testing::place;
use clearway_network::{Network, Point};
use clearway_planner::wave::{Skip, WaveSignal};
use clearway_planner::{Config, Counts, Engine, Event, LocalTime, Mission, Output, VehicleFix, VehicleInfo};
use clearway_signals::{ControllerId, Epoch, Millis, MissionId, VehicleId};

use super::drive::{Policy, World};
use super::town::{CROSSROADS, Town, controller};
use crate::chance::Chance;

/// A local time in each period of the week.
const CLOCKS: [LocalTime; 6] = [
    LocalTime { weekday: 1, minute: 3 * 60 },
    LocalTime { weekday: 1, minute: 8 * 60 },
    LocalTime { weekday: 1, minute: 12 * 60 },
    LocalTime { weekday: 1, minute: 16 * 60 },
    LocalTime { weekday: 1, minute: 20 * 60 },
    LocalTime { weekday: 6, minute: 12 * 60 },
];
/// Controllers this many lines ahead and behind are read twice a second, the others every four seconds.
const NEAR: usize = 9;
/// An arrival is told this much ahead when it is compared with what came.
const AHEAD: (Millis, Millis) = (Millis(29_500), Millis(30_500));

/// What the engine said of one stop line before the vehicle came there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// Called at all.
    pub called: bool,
    /// The plan saw the call coming: it was not late from the start.
    pub admissible: bool,
    /// The early end of the window at the call.
    pub window_from: Millis,
    /// The mean arrival told about thirty seconds ahead.
    pub ahead: Option<Millis>,
}

/// The engine.
pub struct Steered {
    engine: Engine,
    out: Output,
    missions: u32,
    end: Point,
    /// What was said of the stop lines of the last trip.
    pub said: Vec<Said>,
    chance: Chance,
}

impl Steered {
    /// An engine that has learned nothing.
    #[must_use]
    pub fn new(town: &Town, config: Config) -> Self {
        let network: Arc<Network> = Arc::new(town.network.clone());
        let vehicles = vec![VehicleInfo { class: Class::Emergency }];
        let end = network.links[network.lines[0].links[usize::from(CROSSROADS)].index()].to;
        let end = network.nodes[end.index()].point;
        let mut steered = Self {
            engine: Engine::new(network, vehicles, config, Epoch(1)),
            out: Output::default(),
            missions: 0,
            end,
            said: Vec::new(),
            chance: Chance::new(1, 9),
        };
        for k in 0..CROSSROADS {
            steered.engine.apply(&Event::Armed(ControllerId(k), true), Millis::ZERO, &mut steered.out);
        }
        steered
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn apply(&mut self, event: &Event, world: &mut World<'_>) {
        self.out.clear();
        self.engine.apply(event, world.now, &mut self.out);
        for command in self.out.commands() {
            let line = command.controller().index();
            match command.action() {
                Action::Assert { .. } => {
                    let site = &world.town.network.controllers[line];
                    if !world.plants[line].is_called() {
                        let signals = self.engine.signals_of(VehicleId(0));
                        if let Some(signal) = signals.iter().find(|s| s.place.controller.index() == line) {
                            self.said[line].called = true;
                            self.said[line].window_from = signal.window_from;
                        }
                    }
                    world.plants[line].call(site, world.now, &mut self.chance);
                }
                Action::Release => world.plants[line].release(world.now),
            }
        }
    }

    fn read(&mut self, world: &mut World<'_>, line: usize) {
        let site = &world.town.network.controllers[line];
        let status = world.plants[line].status(site, world.now);
        self.apply(&Event::Status(status), world);
    }

    fn count(&mut self, world: &mut World<'_>, line: usize) {
        let lanes = world.town.network.link(world.approach(line)).lanes;
        let (vehicles, occupied) = world.cars[line].read(lanes);
        let mut counts = Counts {
            controller: controller(line),
            at: world.now,
            vehicles: [0; Counts::MAX],
            occupied: u32::from(occupied),
        };
        counts.vehicles[0] = vehicles;
        self.apply(&Event::Counts(counts), world);
    }

    /// What is told of the lines ahead.
    fn listen(&mut self, world: &World<'_>) {
        for signal in self.engine.signals_of(VehicleId(0)).iter().filter(|s| !s.passed) {
            let said = &mut self.said[signal.place.controller.index()];
            let ahead = signal.arrival.mean - world.now;
            if said.ahead.is_none() && ahead >= AHEAD.0 && ahead <= AHEAD.1 {
                said.ahead = Some(signal.arrival.mean);
            }
            said.admissible |= is_planned(signal, world.now);
        }
    }
}

/// A call that lies in the future is one that will be in time.
fn is_planned(signal: &WaveSignal, now: Millis) -> bool {
    signal.skip == Skip::No && !signal.asserted && signal.call_at > now + Millis(1_500)
}

impl Policy for Steered {
    fn begin(&mut self, world: &mut World<'_>, period: usize) {
        self.said = vec![Said::default(); usize::from(CROSSROADS)];
        self.apply(&Event::LocalTime(CLOCKS[period]), world);
    }

    fn second(&mut self, world: &mut World<'_>, fix: &VehicleFix) {
        if self.missions.is_multiple_of(2) {
            self.missions += 1;
            let destination = world.town.network.plane.unproject(self.end);
            let mission =
                Mission { id: MissionId(self.missions), vehicle: VehicleId(0), destination, ..mission() };
            self.apply(&Event::Mission(mission), world);
        }
        self.apply(&Event::Fix(*fix), world);
        self.listen(world);
    }

    fn tick(&mut self, world: &mut World<'_>) {
        let next = world.next_line();
        if world.now.0 % 500 == 0 {
            let standing = self.missions.is_multiple_of(2);
            for line in 0..usize::from(CROSSROADS) {
                let near = line + 2 >= next && line <= next + NEAR;
                if (near && !standing) || world.now.0 % 4_000 == 0 || (standing && world.now.0 % 1_000 == 0) {
                    self.read(world, line);
                }
                if world.now.0 % 1_000 == 0 {
                    self.count(world, line);
                }
            }
        }
        if world.now.0 % 100 == 0 {
            self.apply(&Event::Tick, world);
        }
    }

    fn end(&mut self, world: &mut World<'_>) {
        self.apply(&Event::MissionEnd(MissionId(self.missions)), world);
        self.missions += 1;
    }
}

fn mission() -> Mission {
    Mission { id: MissionId(0), vehicle: VehicleId(0), destination: place(0.0, 0.0), priority: 0, duty: None }
}
