//! The way in: bounded queues, and what is shed first when the engine cannot follow.
//!
//! What lives depend on is never shed: the newest position of every emergency vehicle, the newest status
//! of every controller and the end of every tram's or bus's run have places of their own (`lane`),
//! and the last places of the urgent queue are kept for releases. Everything else shares one room. It is
//! given up step by step as it fills: first what people see, then telemetry, then buses, trams last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clearway_certify::Class;
use clearway_planner::{Event, VehicleInfo};
use clearway_signals::VehicleId;
use clearway_signals::limits::MISSIONS_MAX;
use crossbeam::channel::{Receiver, Sender, bounded};

use crate::lane::{LaneIn, LaneOut, Put, lane};

/// Room for missions, armings and closed links: far more than a city has at once.
const URGENT_ROOM: usize = 4_096;
/// Places of it that only releases may take.
const RELEASES_ROOM: usize = 512;
/// Room for all that may be shed.
const ROOM: usize = 32_768;

const _: () = assert!(RELEASES_ROOM >= 2 * MISSIONS_MAX, "every mission may end, and everything be released");

/// An event with the instant at which it was decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamped {
    /// The event.
    pub event: Event,
    /// Nanoseconds of the process's clock; `None` when no outside message caused it.
    pub decoded_ns: Option<u64>,
}

/// What may be shed, in the order in which it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Load {
    /// What people see: views and notices.
    Ui,
    /// Counts, loads, lessons.
    Telemetry,
    /// Positions of buses.
    Bus,
    /// Positions of trams.
    Tram,
}

impl Load {
    /// Every kind, in the order in which it is shed.
    pub const ALL: [Self; 4] = [Self::Ui, Self::Telemetry, Self::Bus, Self::Tram];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ui => "ui",
            Self::Telemetry => "telemetry",
            Self::Bus => "bus",
            Self::Tram => "tram",
        }
    }

    /// It is shed from so many waiting events on, of a room.
    const fn shed_from(self, room: usize) -> usize {
        match self {
            Self::Ui => room / 4,
            Self::Telemetry => room / 2,
            Self::Bus => room / 4 * 3,
            Self::Tram => room,
        }
    }
}

/// What the queues did since the start.
#[derive(Debug, Default)]
struct Tally {
    shed: [AtomicU64; Load::ALL.len()],
    urgent_refused: AtomicU64,
    conflated: AtomicU64,
    /// A release found no room: everything is to be released.
    release_all: AtomicBool,
}

/// The feeds' and adapters' end of the queues. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ingress {
    urgent: Sender<Stamped>,
    fixes: LaneIn,
    statuses: LaneIn,
    trams: LaneIn,
    buses: LaneIn,
    telemetry: Sender<Stamped>,
    classes: Arc<[Class]>,
    urgent_room: usize,
    room: usize,
    tally: Arc<Tally>,
}

/// The hot loop's end, in the order in which it empties them.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub(crate) urgent: Receiver<Stamped>,
    pub(crate) fixes: LaneOut,
    pub(crate) statuses: LaneOut,
    pub(crate) trams: LaneOut,
    pub(crate) buses: LaneOut,
    pub(crate) telemetry: Receiver<Stamped>,
    tally: Arc<Tally>,
}

pub(crate) fn queues(vehicles: &[VehicleInfo], controllers: usize) -> (Ingress, Outlets) {
    with_room(vehicles, controllers, URGENT_ROOM, ROOM)
}

fn with_room(
    vehicles: &[VehicleInfo],
    controllers: usize,
    urgent_room: usize,
    room: usize,
) -> (Ingress, Outlets) {
    let (urgent, urgent_out) = bounded(urgent_room);
    let (telemetry, telemetry_out) = bounded(room);
    let (fixes, fixes_out) = lane(vehicles.len());
    let (trams, trams_out) = lane(vehicles.len());
    let (buses, buses_out) = lane(vehicles.len());
    let (statuses, statuses_out) = lane(controllers);
    let classes = vehicles.iter().map(|vehicle| vehicle.class).collect();
    let tally = Arc::<Tally>::default();
    let outlets = Outlets {
        urgent: urgent_out,
        fixes: fixes_out,
        statuses: statuses_out,
        trams: trams_out,
        buses: buses_out,
        telemetry: telemetry_out,
        tally: Arc::clone(&tally),
    };
    (Ingress { urgent, fixes, statuses, trams, buses, telemetry, classes, urgent_room, room, tally }, outlets)
}

impl Ingress {
    /// Hand an event over. Never waits; `false` when the event was shed, or names a vehicle or a
    /// controller that is not registered.
    pub fn send(&self, stamped: Stamped) -> bool {
        match stamped.event {
            Event::Fix(fix) => self.conflate(&self.fixes, fix.vehicle.index(), stamped),
            Event::Status(status) => self.conflate(&self.statuses, status.controller.index(), stamped),
            Event::Transit(update) => self.transit(update.fix.vehicle, stamped),
            Event::TransitEnd(vehicle) => {
                let (lane, _) = self.lane_of(vehicle);
                self.conflate(lane, vehicle.index(), stamped)
            }
            Event::Mission(_)
            | Event::MissionEnd(_)
            | Event::Armed(..)
            | Event::Ended(..)
            | Event::Blocked(..)
            | Event::TransitBlocked(..)
            | Event::LocalTime(_)
            | Event::ReleaseAll => self.urgent(stamped),
            Event::Counts(_) | Event::Load(..) | Event::Learned(_) | Event::Tick => {
                (!self.sheds(Load::Telemetry) && self.telemetry.try_send(stamped).is_ok())
                    || self.count_shed(Load::Telemetry)
            }
        }
    }

    /// Whether a kind is shed now.
    #[must_use]
    pub fn sheds(&self, load: Load) -> bool {
        let waiting = self.trams.len() + self.buses.len() + self.telemetry.len();
        waiting >= load.shed_from(self.room)
    }

    /// How much of a kind was shed since the start.
    #[must_use]
    pub fn shed(&self, load: Load) -> u64 {
        self.tally.shed[load as usize].load(Ordering::Relaxed)
    }

    /// Missions, armings and closed links that found the urgent queue full since the start. Its sender was
    /// told; no release is among them.
    #[must_use]
    pub fn urgent_refused(&self) -> u64 {
        self.tally.urgent_refused.load(Ordering::Relaxed)
    }

    /// Events that a newer one of the same vehicle or controller made needless since the start.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        self.tally.conflated.load(Ordering::Relaxed)
    }

    /// Count something of a kind that was shed.
    pub(crate) fn count_shed(&self, load: Load) -> bool {
        self.tally.shed[load as usize].fetch_add(1, Ordering::Relaxed);
        false
    }

    fn lane_of(&self, vehicle: VehicleId) -> (&LaneIn, Load) {
        match self.classes.get(vehicle.index()) {
            Some(Class::Bus) => (&self.buses, Load::Bus),
            _ => (&self.trams, Load::Tram),
        }
    }

    /// A newer position in the place of one that waits fills no room: it is never shed.
    fn transit(&self, vehicle: VehicleId, stamped: Stamped) -> bool {
        let (lane, load) = self.lane_of(vehicle);
        if self.sheds(load) && !lane.waits(vehicle.index()) {
            return self.count_shed(load);
        }
        self.conflate(lane, vehicle.index(), stamped)
    }

    fn conflate(&self, lane: &LaneIn, key: usize, stamped: Stamped) -> bool {
        let put = lane.put(key, stamped);
        if put == Put::Conflated {
            self.tally.conflated.fetch_add(1, Ordering::Relaxed);
        }
        put != Put::Unknown
    }

    fn urgent(&self, stamped: Stamped) -> bool {
        let is_release = matches!(stamped.event, Event::MissionEnd(_) | Event::ReleaseAll);
        let common = self.urgent_room.saturating_sub(RELEASES_ROOM);
        if (is_release || self.urgent.len() < common) && self.urgent.try_send(stamped).is_ok() {
            return true;
        }
        if is_release {
            // Full of releases: whatever this one was about is released with everything else.
            self.tally.release_all.store(true, Ordering::Release);
            return true;
        }
        self.tally.urgent_refused.fetch_add(1, Ordering::Relaxed);
        false
    }
}

impl Outlets {
    /// Whether everything is to be released, because a release found no room in the queue.
    pub(crate) fn takes_release_all(&self) -> bool {
        self.tally.release_all.load(Ordering::Relaxed) && self.tally.release_all.swap(false, Ordering::AcqRel)
    }

    /// Whether nothing urgent waits.
    pub(crate) fn is_settled(&self) -> bool {
        self.urgent.is_empty() && !self.tally.release_all.load(Ordering::Acquire)
    }

    /// The next event that lives depend on, without waiting.
    pub(crate) fn next_urgent(&self) -> Option<Stamped> {
        self.urgent.try_recv().ok().or_else(|| self.fixes.try_take())
    }

    /// The next of the other events by rank, without waiting.
    pub(crate) fn next_of_the_rest(&self) -> Option<Stamped> {
        let lanes = [&self.statuses, &self.trams, &self.buses];
        lanes.into_iter().find_map(LaneOut::try_take).or_else(|| self.telemetry.try_recv().ok())
    }
}

#[cfg(test)]
mod tests;
