//! Trajectories, signals, and one way through time and space.

use std::collections::BTreeMap;

use clearway_network::{LinkId, Network};
use clearway_signals::{ControllerId, GroupId, Millis};

use super::Record;
use crate::demand::TripTimes;
use crate::emergency::TripId;
use crate::scenario::PreparedMission;
use crate::signals::Aspect;
use crate::vehicle::{Class, Serial};
use crate::view::VehicleView;
use crate::world::{SignalChange, World};

/// Points of one run; more are dropped, and the recording says so.
const POINTS_MAX: usize = 3_000_000;

/// Where a vehicle was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrajectoryPoint {
    /// When.
    pub at: Millis,
    /// Who.
    pub serial: Serial,
    /// What.
    pub class: Class,
    /// Where.
    pub link: LinkId,
    /// Where on it.
    pub offset_mm: u32,
    /// How fast.
    pub speed_mm_s: u32,
}

/// Where a vehicle was on the way of the diagram.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DiagramPoint {
    /// When.
    pub at: Millis,
    /// Metres from the start of the way.
    pub along_m: f64,
}

/// The way of one mission through time and space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Diagram {
    /// What people call the vehicle.
    pub name: String,
    /// Its way's length, metres.
    pub length_m: f64,
    /// The window that is drawn.
    pub from: Millis,
    /// Its end.
    pub until: Millis,
    /// Stop lines: metres from the start, and when they turned to what.
    pub lines: Vec<(f64, Vec<(Millis, Aspect)>)>,
    /// Vehicles: whether it is the mission's own, and where it was.
    pub vehicles: Vec<(bool, Class, Vec<DiagramPoint>)>,
}

/// What was recorded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recording {
    /// Everyone's places.
    pub trajectories: Vec<TrajectoryPoint>,
    /// Whether there were more of them than are kept.
    pub truncated: bool,
    /// What signals showed.
    pub signals: Vec<SignalChange>,
    /// The way of one mission.
    pub diagram: Option<Diagram>,
    /// Listed trips.
    pub trips: Vec<TripTimes>,
}

/// Time before the vehicle leaves, and after it arrives, that the diagram shows.
const MARGIN: Millis = Millis(60_000);
/// The longest stretch of time of a diagram.
const WINDOW_MAX: Millis = Millis::from_s(1_200);

pub(super) struct Recorder {
    record: Record,
    into: Recording,
    way: Option<Way>,
}

/// The way that the diagram shows.
struct Way {
    number: usize,
    name: String,
    depart: Millis,
    links: Vec<(LinkId, f64)>,
    length_m: f64,
    lines: Vec<(f64, ControllerId, GroupId)>,
    points: BTreeMap<Serial, (Class, Vec<DiagramPoint>)>,
    changes: BTreeMap<(ControllerId, GroupId), Vec<(Millis, Aspect)>>,
}

impl Recorder {
    pub(super) fn new(network: &Network, record: Record, missions: &[PreparedMission]) -> Self {
        let way = record.diagram.and_then(|(number, _)| Way::of(network, number, missions.get(number)?));
        Self { record, into: Recording::default(), way }
    }

    pub(super) fn look(&mut self, world: &mut World, measuring: bool) {
        let now = world.now();
        let changes = world.take_signal_changes();
        if let Some(way) = &mut self.way {
            way.note(&changes);
            let every = self.record.diagram.map_or(Millis::from_s(1), |(_, every)| every);
            if on(now, every) && now >= way.depart - MARGIN && now <= way.depart + WINDOW_MAX {
                way.look(world);
            }
        }
        if !measuring {
            return;
        }
        if self.record.signals {
            self.into.signals.extend(changes);
        }
        if self.record.trajectories.is_some_and(|every| on(now, every)) {
            for view in world.vehicles() {
                if self.into.trajectories.len() == POINTS_MAX {
                    self.into.truncated = true;
                    return;
                }
                self.into.trajectories.push(point(now, &view));
            }
        }
    }

    pub(super) fn end(mut self, world: &World, trips: &[Option<TripId>]) -> Recording {
        self.into.trips = world.trip_times().to_vec();
        self.into.diagram = self.way.map(|way| {
            let log = trips.get(way.number).copied().flatten().and_then(|trip| world.trip(trip));
            let arrived = log.and_then(|log| log.arrived).unwrap_or(way.depart + WINDOW_MAX);
            way.diagram(log.and_then(|log| log.serial), arrived)
        });
        self.into
    }
}

fn on(now: Millis, every: Millis) -> bool {
    now.0 % every.0.max(100) == 0
}

fn point(at: Millis, view: &VehicleView) -> TrajectoryPoint {
    TrajectoryPoint {
        at,
        serial: view.serial,
        class: view.class,
        link: view.link,
        offset_mm: view.offset_mm,
        speed_mm_s: view.speed_mm_s,
    }
}

impl Way {
    fn of(network: &Network, number: usize, mission: &PreparedMission) -> Option<Self> {
        let route = &mission.trip.route;
        let movements = crate::routing::movements_along(network, route)?;
        let (mut links, mut lines, mut at_m) = (Vec::new(), Vec::new(), 0.0);
        for (index, &link) in route.iter().enumerate() {
            links.push((link, at_m));
            at_m += f64::from(network.link(link).length_mm) / 1000.0;
            if let Some(signal) = movements.get(index).and_then(|&m| network.movement(m).signal) {
                lines.push((at_m, signal.controller, signal.group));
            }
        }
        Some(Self {
            number,
            name: mission.name.clone(),
            depart: mission.trip.depart,
            links,
            length_m: at_m,
            lines,
            points: BTreeMap::new(),
            changes: BTreeMap::new(),
        })
    }

    fn note(&mut self, changes: &[SignalChange]) {
        for change in changes {
            let key = (change.controller, change.group);
            if self.lines.iter().any(|&(_, controller, group)| (controller, group) == key) {
                self.changes.entry(key).or_default().push((change.at, change.aspect));
            }
        }
    }

    fn look(&mut self, world: &World) {
        let at = world.now();
        for &(link, start_m) in &self.links {
            for view in world.on_link(link) {
                let along_m = start_m + f64::from(view.offset_mm) / 1000.0;
                let entry = self.points.entry(view.serial).or_insert_with(|| (view.class, Vec::new()));
                entry.1.push(DiagramPoint { at, along_m });
            }
        }
    }

    fn diagram(self, own: Option<Serial>, arrived: Millis) -> Diagram {
        let until = (arrived + MARGIN).min(self.depart + WINDOW_MAX);
        let from = self.depart - MARGIN;
        let line = |&(at_m, controller, group): &(f64, ControllerId, GroupId)| {
            (at_m, self.changes.get(&(controller, group)).cloned().unwrap_or_default())
        };
        let lines = self.lines.iter().map(line).collect();
        let vehicle = |(serial, (class, mut points)): (Serial, (Class, Vec<DiagramPoint>))| {
            points.retain(|point| point.at <= until);
            (Some(serial) == own, class, points)
        };
        let vehicles = self.points.into_iter().map(vehicle).filter(|(.., points)| points.len() > 1).collect();
        Diagram { name: self.name, length_m: self.length_m, from, until, lines, vehicles }
    }
}
