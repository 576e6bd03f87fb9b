//! Scenarios run: one kind of control, one seed, measured from the end of the warm-up.

pub mod picture;
mod record;
mod result;
mod stats;
pub mod table;

use std::collections::BTreeSet;

use clearway_network::{Controller, LinkId, Network, Uses};
use clearway_planner::Config;
use clearway_signals::{ControllerId, Millis};

use crate::emergency::TripId;
use crate::local::LocalPreemption;
use crate::scenario::{Control, Prepared, PreparedMission};
use crate::steered::{EngineSteering, Task};
use crate::trip::Steering;
use crate::virtual_city::VirtualCity;
use crate::world::WorldConfig;

pub use record::{Diagram, DiagramPoint, Recording, TrajectoryPoint};
pub use result::{CarsResult, LinkResult, MissionResult, RunResult, Speed, TramsResult};
pub use stats::{Comparison, Estimate, METRICS, Summary, compare, summarize};

/// Networks with no more controllers than this are emulated whole; of larger ones only those
/// controllers that somebody may call and those with rings, the others run their plans by themselves.
const EMULATED_WHOLE_MAX: usize = 400;
/// Progress is told this often.
const TELL_EVERY: Millis = Millis::from_s(5);

/// What is recorded on top of the results.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Record {
    /// Time between two points of a trajectory; `None`: no trajectories.
    pub trajectories: Option<Millis>,
    /// What signals show.
    pub signals: bool,
    /// The mission whose time-space diagram is wanted, with the time between two points.
    pub diagram: Option<(usize, Millis)>,
}

/// Run a prepared scenario once. `progress` is told the simulated time reached.
pub fn run(
    prepared: &Prepared,
    control: Control,
    seed: u64,
    record: Record,
    progress: &mut dyn FnMut(Millis),
) -> (RunResult, Recording) {
    let missions = prepared.missions(seed);
    let mut city = city(prepared, control, seed, &missions);
    city.world.mark_lanes(&prepared.markings);
    let trips: Vec<Option<TripId>> = missions.iter().map(|m| city.world.add_trip(m.trip.clone())).collect();
    for closure in &prepared.closures {
        city.world.close(*closure);
    }
    let mut helper = Helper::new(prepared, control, seed, &missions, &trips, &city);
    let mut recorder = record::Recorder::new(&prepared.network, record, &missions);
    if record.signals || record.diagram.is_some() {
        city.world.record_signals();
    }
    let begun = result::CpuClock::start();
    let end = prepared.warm_up + prepared.duration;
    let mut measuring = false;
    while city.now() < end {
        if !measuring && city.now() >= prepared.warm_up {
            measuring = true;
            city.world.watch_everyone();
        }
        city.tick();
        helper.step(&mut city);
        recorder.look(&mut city.world, measuring);
        if city.now().0 % TELL_EVERY.0 == 0 {
            progress(city.now());
        }
    }
    let speed = begun.speed(&city.world);
    let mut result = RunResult::of(prepared, &city, control, seed, &missions, &trips);
    result.commands = helper.commands();
    result.speed = speed;
    (result, recorder.end(&city.world, &trips))
}

fn city(prepared: &Prepared, control: Control, seed: u64, missions: &[PreparedMission]) -> VirtualCity {
    let network = &prepared.network;
    let config = WorldConfig { seed, trams: prepared.trams, ..WorldConfig::default() };
    let called = match control {
        Control::None => BTreeSet::new(),
        Control::Local => on_routes(network, missions),
        Control::Clearway => &on_routes(network, missions) | &on_lines(network, prepared.trams),
    };
    let whole = control != Control::None && network.controllers.len() <= EMULATED_WHOLE_MAX;
    // No plan says what detectors make of it.
    let wanted =
        |controller: &&Controller| whole || !controller.rings.is_empty() || called.contains(&controller.id);
    let emulated: Vec<ControllerId> = network.controllers.iter().filter(wanted).map(|c| c.id).collect();
    VirtualCity::with_demand(network, config, &prepared.demand(seed), prepared.manners, &emulated)
}

fn on_routes(network: &Network, missions: &[PreparedMission]) -> BTreeSet<ControllerId> {
    let links = missions.iter().flat_map(|mission| mission.trip.route.iter().copied());
    controllers_at(network, links)
}

fn on_lines(network: &Network, trams: bool) -> BTreeSet<ControllerId> {
    let lines = network.lines.iter().filter(|line| trams && line.mode.allow(Uses::TRAM));
    controllers_at(network, lines.flat_map(|line| line.links.iter().copied()))
}

fn controllers_at(network: &Network, links: impl Iterator<Item = LinkId>) -> BTreeSet<ControllerId> {
    links
        .flat_map(|link| network.leaving(link).filter_map(|(_, m)| m.signal.map(|signal| signal.controller)))
        .collect()
}

/// Whoever helps the emergency vehicles of a run.
enum Helper {
    Nobody,
    Local(Vec<(TripId, LocalPreemption)>),
    Engine(Box<EngineSteering>),
}

impl Helper {
    fn new(
        prepared: &Prepared,
        control: Control,
        seed: u64,
        missions: &[PreparedMission],
        trips: &[Option<TripId>],
        city: &VirtualCity,
    ) -> Self {
        let known = missions.iter().zip(trips).filter_map(|(mission, trip)| Some((mission, (*trip)?)));
        match control {
            Control::None => Self::Nobody,
            Control::Local => {
                Self::Local(known.map(|(_, trip)| (trip, LocalPreemption::default())).collect())
            }
            Control::Clearway => {
                let task = |(mission, trip): (&PreparedMission, TripId)| Task {
                    trip,
                    destination: mission.destination,
                    begins: mission.trip.depart,
                };
                let tasks = known.map(task).collect();
                let asked = city.emulated().to_vec();
                let mut engine =
                    EngineSteering::fleet(&prepared.network, Config::default(), tasks, asked, seed);
                engine.tell_closures(&prepared.closures);
                Self::Engine(Box::new(engine))
            }
        }
    }

    fn step(&mut self, city: &mut VirtualCity) {
        match self {
            Self::Nobody => {}
            Self::Local(signals) => {
                for (trip, local) in signals {
                    local.step(city, *trip);
                }
            }
            Self::Engine(engine) => engine.step_all(city),
        }
    }

    fn commands(&self) -> u64 {
        match self {
            Self::Nobody | Self::Local(_) => 0,
            Self::Engine(engine) => engine.commands,
        }
    }
}
