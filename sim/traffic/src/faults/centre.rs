//! One life of the centre: the real engine and a port to each controller, from start to death.

use std::collections::VecDeque;
use std::sync::Arc;

use clearway_certify::{Class, Command};
use clearway_contract::{Dispatch, PortEvent};
use clearway_planner::{Config, Counts, Engine, Event, Notice, Output, VehicleInfo};
use clearway_signals::{Epoch, Millis, MissionId};

use super::device::site_of;
use super::planted::Planted;
use super::port::Port;
use super::scenario::Scenario;

/// Events that wait for the engine; positions are conflated, others are dropped beyond it.
const INGRESS_MAX: usize = 1_024;
/// Commands that may be under way when an engine dies.
const RECENT_MAX: usize = 8;
/// Events of a planted queue that are worked off in one tick.
const FIFO_PER_TICK: usize = 1;

/// One life.
#[derive(Debug)]
pub(crate) struct Centre {
    /// Its number, from 1.
    pub life: u32,
    pub engine: Engine,
    pub out: Output,
    pub ports: Vec<Port>,
    ingress: VecDeque<Event>,
    /// The planner does nothing before this; the ports go on.
    pub hung_until: Millis,
    /// The whole process does nothing before this.
    pub frozen_until: Millis,
    /// Missions that it was told.
    pub missions: Vec<MissionId>,
    /// Events and commands, for the replay.
    pub record: Option<Vec<(Millis, Event, usize)>>,
    pub commands: Vec<Command>,
    pub epoch: Epoch,
    planted: Option<Planted>,
    vehicles: usize,
    fixes_taken: usize,
    /// Engines so far in this life.
    engines: u32,
    recent: VecDeque<Command>,
    /// Commands of the engine before this one that have not yet arrived.
    under_way: (u32, VecDeque<Command>),
}

impl Centre {
    pub fn start(
        scenario: &Scenario,
        life: u32,
        vehicles: &[bool],
        shadow: bool,
        seed: u64,
        planted: Option<Planted>,
        recorded: bool,
    ) -> Self {
        // Takeovers within a life count too.
        let epoch = Epoch(u64::from(life) * 1_000);
        let port = |(controller, protocol): (&clearway_network::Controller, &clearway_contract::Protocol)| {
            Port::new(&site_of(controller, *protocol, shadow), life, seed, planted)
        };
        let ports = scenario.network.controllers.iter().zip(&scenario.protocols).map(port).collect();
        Self {
            life,
            engine: engine(scenario, vehicles, epoch),
            out: Output::default(),
            ports,
            ingress: VecDeque::with_capacity(64),
            hung_until: Millis::ZERO,
            frozen_until: Millis::ZERO,
            missions: Vec::new(),
            record: recorded.then(Vec::new),
            commands: Vec::new(),
            epoch,
            planted,
            vehicles: vehicles.len(),
            fixes_taken: 0,
            engines: 1,
            recent: VecDeque::with_capacity(RECENT_MAX),
            under_way: (0, VecDeque::new()),
        }
    }

    /// Take an event in: at once, or when the planner is back.
    pub fn take(&mut self, event: Event) {
        if let (Event::Fix(fix), false) = (&event, self.planted == Some(Planted::FifoPositions)) {
            self.ingress.retain(|e| !matches!(e, Event::Fix(old) if old.vehicle == fix.vehicle));
        }
        // Readings are shed; what begins or ends a duty never is.
        let shed = matches!(event, Event::Status(_) | Event::Counts(_) | Event::Tick);
        if self.ingress.len() < INGRESS_MAX || !shed {
            self.ingress.push_back(event);
        }
    }

    /// The next event for the engine, if it works now.
    pub fn next_event(&mut self, now: Millis) -> Option<Event> {
        if now < self.hung_until {
            return None;
        }
        if self.planted == Some(Planted::FifoPositions) && self.fixes_taken >= FIFO_PER_TICK {
            // Readings overtake; positions wait their turn.
            let other = self.ingress.iter().position(|event| !matches!(event, Event::Fix(_)))?;
            return self.ingress.remove(other);
        }
        let event = self.ingress.pop_front()?;
        self.fixes_taken += usize::from(matches!(event, Event::Fix(_)));
        Some(event)
    }

    /// A tick begins.
    pub fn new_tick(&mut self) {
        self.fixes_taken = 0;
    }

    /// Since when the planner works.
    pub fn works_since(&self) -> Millis {
        self.hung_until.max(self.frozen_until)
    }

    /// Apply an event; its output is in `out`.
    pub fn apply(&mut self, event: &Event, now: Millis) {
        self.out.clear();
        self.engine.apply(event, now, &mut self.out);
        if let Some(record) = &mut self.record {
            record.push((now, *event, self.out.commands().len()));
            self.commands.extend_from_slice(self.out.commands());
        }
    }

    /// Hand the commands of the last event to the ports.
    pub fn hand_over(&mut self) {
        for command in self.out.commands() {
            if let Some(port) = self.ports.get_mut(command.controller().index()) {
                port.put(self.engines, Dispatch { command: *command, fix_ns: None });
            }
            if self.recent.len() == RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(*command);
        }
    }

    /// Another engine takes over; the ports go on. What the old one sent last may still be under way.
    pub fn take_over(&mut self, scenario: &Scenario, vehicles: &[bool]) {
        if self.planted != Some(Planted::OldEpoch) {
            self.epoch = Epoch(self.epoch.0 + 1);
        }
        self.under_way = (self.engines, std::mem::take(&mut self.recent));
        self.engines += 1;
        self.engine = engine(scenario, vehicles, self.epoch);
        if let Some(record) = &mut self.record {
            record.clear();
            self.commands.clear();
        }
        self.ingress.clear();
        self.missions.clear();
        let armed = self.ports.iter().map(|port| Event::Armed(port.controller, port.armed));
        self.ingress.extend(armed);
    }

    /// The next command of the engine before this one arrives; where.
    pub fn late_command(&mut self) -> Option<usize> {
        let (engine, commands) = &mut self.under_way;
        let command = commands.pop_front()?;
        let controller = command.controller().index();
        self.ports.get_mut(controller)?.put(*engine, Dispatch { command, fix_ns: None });
        Some(controller)
    }

    pub fn notices(&self) -> &[Notice] {
        self.out.notices()
    }

    /// C12: the recorded events through a fresh engine give the same commands.
    pub fn replays(&self, scenario: &Scenario, vehicles: &[bool]) -> bool {
        let Some(record) = &self.record else { return true };
        let mut engine = engine(scenario, vehicles, self.epoch);
        let (mut out, mut at) = (Output::default(), 0);
        record.iter().all(|(now, event, count)| {
            out.clear();
            engine.apply(event, *now, &mut out);
            let recorded = self.commands.get(at..at + count);
            at += count;
            recorded == Some(out.commands())
        })
    }

    pub fn knows_vehicle(&self, index: usize) -> bool {
        index < self.vehicles
    }
}

fn engine(scenario: &Scenario, vehicles: &[bool], epoch: Epoch) -> Engine {
    let class =
        |emergency: &bool| VehicleInfo { class: if *emergency { Class::Emergency } else { Class::Tram } };
    Engine::new(Arc::clone(&scenario.network), vehicles.iter().map(class).collect(), Config::default(), epoch)
}

/// What a port's event is to the engine.
pub(crate) fn engine_event(event: PortEvent) -> Option<Event> {
    match event {
        PortEvent::Status(status) => Some(Event::Status(status)),
        PortEvent::Armed(controller) => Some(Event::Armed(controller, true)),
        PortEvent::NotArmed(controller, _) => Some(Event::Armed(controller, false)),
        PortEvent::Counts(read) => {
            let mut counts =
                Counts { controller: read.controller, at: read.at, vehicles: [0; Counts::MAX], occupied: 0 };
            for (n, count) in read.vehicles.iter().take(Counts::MAX).enumerate() {
                counts.vehicles[n] = *count;
            }
            for (n, occupied) in read.occupied.iter().take(Counts::MAX).enumerate() {
                counts.occupied |= u32::from(*occupied) << n;
            }
            Some(Event::Counts(counts))
        }
        PortEvent::Ended(controller, request, state) => Some(Event::Ended(controller, request, state)),
        PortEvent::Link(..)
        | PortEvent::Written { .. }
        | PortEvent::Confirmed { .. }
        | PortEvent::Refused(..) => None,
    }
}
