//! Emergency vehicles: a trip along a given route, with or without blue light.

use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network};
use clearway_signals::{ControllerId, GroupId, Millis, Relation};

use crate::drive::{Driver, Line, Role};
use crate::lane::Placed;
use crate::physics::{ENGINE_MM, TICK_MS};
use crate::rng::unit_of;
use crate::routing::movements_along;
use crate::signals::Aspect;
use crate::vehicle::{Class, Motion, Serial, UNLISTED, Vehicle};
use crate::world::World;

/// A trip of this world, by order of [`World::add_trip`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct TripId(pub u32);

/// How the vehicle is driven. Everything but the stop lines and queues is the same for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driving {
    /// Stops at red. Cars that roll make way now and then; standing queues block it.
    ObeysSignals,
    /// Drives through red with caution, and past some of the standing cars.
    ThroughRed,
}

/// A trip.
#[derive(Clone, PartialEq, Debug)]
pub struct EmergencyTrip {
    /// The links, in order, each joined to the next by a movement.
    pub route: Vec<LinkId>,
    /// Where it starts on the first link, millimetres.
    pub start_offset_mm: u32,
    /// Where it ends on the last link, millimetres; beyond its length: at its end.
    pub end_offset_mm: u32,
    /// When it leaves.
    pub depart: Millis,
    /// How it is driven.
    pub driving: Driving,
}

/// A stop line on the way of a trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteLine {
    /// The signal.
    pub controller: ControllerId,
    /// Its group.
    pub group: GroupId,
    /// The movement over the line.
    pub movement: MovementId,
    /// From the start of the route's first link, millimetres.
    pub at_mm: i64,
    /// Time lost before it so far, within 300 m of it.
    pub delay: Millis,
}

/// What became of a trip.
#[derive(Clone, PartialEq, Debug)]
pub struct TripLog {
    /// Its vehicle, once it is on the road.
    pub serial: Option<Serial>,
    /// When it left.
    pub departed: Option<Millis>,
    /// When it arrived.
    pub arrived: Option<Millis>,
    /// How often its speed fell below 1.5 m/s after it had been above 3 m/s.
    pub stops: u32,
    /// Where it is, from the start of the route's first link, millimetres.
    pub progress_mm: i64,
    /// The stop lines on its way.
    pub lines: Vec<RouteLine>,
    movements: Arc<[MovementId]>,
    link_start_mm: Vec<i64>,
    rolling: bool,
}

/// The vehicle of a trip on its way.
#[derive(Clone, Debug)]
pub(crate) struct EmergencyRun {
    pub(crate) trip: u32,
    end_offset_mm: i64,
    driving: Driving,
    /// Whom it is stuck behind, and since when.
    behind: Option<(Serial, i64)>,
    /// Since when it stands at a red light that it wants to pass.
    red_since_ms: Option<(MovementId, i64)>,
}

/// Speed below which it counts as a stop, and above which the next one can count, mm/s.
const STOP_MM_S: i64 = 1_500;
const ROLL_MM_S: i64 = 3_000;
/// Delay before a signal is counted from here.
const SIGNAL_REACH_MM: i64 = 300_000;
/// Cars ahead are asked to make way from this distance.
const PRESS_MM: i64 = 12_000;
/// A car that rolls slower than this stands.
const STANDING_MM_S: i64 = 2_000;
/// Time that passing one rolling car takes, and the share of drivers who make way.
const PASS_ROLLING_MS: i64 = 1_000;
const WAY_ROLLING: f64 = 0.5;
/// Time that passing one standing car takes whose driver pulls aside, and their share.
const PASS_STANDING_MS: i64 = 2_500;
const WAY_STANDING: f64 = 0.6;
/// …and where the driver has to be asked.
const PASS_ASKED_MS: i64 = 7_000;
/// Speed over a red line, mm/s: 16 to 20 km/h.
const CRAWL_MM_S: (f64, f64) = (4_400.0, 1_200.0);
/// So near to a line a slow vehicle stands at it.
const AT_LINE_MM: i64 = 3_000;
/// Share of red lines where it has to stop for cross traffic, and how long.
const RED_STOP_SHARE: f64 = 0.4;
const RED_STOP_MS: (f64, f64) = (2_000.0, 6_000.0);
/// Cross traffic that lets it through starts again after this time.
const RED_BLOCKS_MS: i64 = 2_000;

impl TripLog {
    /// `None` when the route is no chain of links.
    pub(crate) fn new(network: &Network, trip: &EmergencyTrip) -> Option<Self> {
        let movements = movements_along(network, &trip.route).filter(|_| !trip.route.is_empty())?;
        let mut link_start_mm = vec![0];
        for (index, link) in trip.route.iter().enumerate() {
            link_start_mm.push(link_start_mm[index] + i64::from(network.link(*link).length_mm));
        }
        let lines = movements.iter().enumerate().filter_map(|(index, &movement)| {
            let signal = network.movement(movement).signal?;
            let at_mm = link_start_mm[index + 1];
            let (controller, group) = (signal.controller, signal.group);
            Some(RouteLine { controller, group, movement, at_mm, delay: Millis::ZERO })
        });
        Some(Self {
            serial: None,
            departed: None,
            arrived: None,
            stops: 0,
            progress_mm: i64::from(trip.start_offset_mm),
            lines: lines.collect(),
            movements: Arc::clone(&movements),
            link_start_mm,
            rolling: false,
        })
    }

    /// The movements of the route.
    #[must_use]
    pub fn movements(&self) -> &[MovementId] {
        &self.movements
    }

    /// Travel time, once arrived.
    #[must_use]
    pub fn travel_time(&self) -> Option<Millis> {
        Some(self.arrived? - self.departed?)
    }

    /// The controllers on the way, each once, in order.
    #[must_use]
    pub fn controllers(&self) -> Vec<ControllerId> {
        let mut controllers = Vec::new();
        for line in &self.lines {
            if !controllers.contains(&line.controller) {
                controllers.push(line.controller);
            }
        }
        controllers
    }
}

impl World {
    /// The vehicle of a trip leaves its station.
    pub(crate) fn turn_out(&mut self, trip: u32) {
        let plan = &self.trips[trip as usize];
        let (Some(&link), Some(&last)) = (plan.route.first(), plan.route.last()) else { return };
        let route = Arc::clone(&self.logs[trip as usize].movements);
        let start = i64::from(plan.start_offset_mm).min(self.roads.length_mm(link) - 1);
        let end_offset_mm = i64::from(plan.end_offset_mm).min(self.roads.length_mm(last));
        let driving = plan.driving;
        let lane = self.choose_lane(link, route.first().copied(), Class::Emergency);
        let serial = self.fleet.next_serial();
        let log = &mut self.logs[trip as usize];
        log.serial = Some(serial);
        log.departed = Some(Millis(self.now_ms));
        let engine = Vehicle {
            serial,
            class: Class::Emergency,
            length_mm: ENGINE_MM,
            route,
            step: 0,
            link,
            lane,
            trip: UNLISTED,
            appeared_ms: self.now_ms,
            entered_ms: self.now_ms,
            reach_ms: self.now_ms,
            delay_ms: 0,
            blocked_since_ms: None,
            cross: false,
            counted: 0,
            motion: None,
        };
        let run = EmergencyRun { trip, end_offset_mm, driving, behind: None, red_since_ms: None };
        self.pull_out(engine, start, Role::Emergency(run));
    }

    /// Whether the vehicle now passes the one ahead of it; then the two have changed places.
    /// `placed` are the vehicles of its lane, head first, `index` is its own place among them.
    pub(crate) fn passes(
        &mut self,
        run: &mut EmergencyRun,
        lane: u32,
        placed: &[Placed],
        index: usize,
    ) -> bool {
        let own = placed[index];
        let alongside = placed.get(index + 1).is_some_and(|p| p.offset_mm > own.rear_mm());
        if let Some(motion) = self.fleet.get_mut(own.slot).and_then(|vehicle| vehicle.motion.as_mut()) {
            motion.passing &= alongside;
        }
        let car = index
            .checked_sub(1)
            .map(|i| placed[i])
            .filter(|p| self.class_of(p.slot) == Some(Class::Car) && p.rear_mm() - own.offset_mm <= PRESS_MM);
        let Some((car, serial)) = car.and_then(|p| Some((p, self.fleet.get(p.slot)?.serial))) else {
            run.behind = None;
            return false;
        };
        let since = match run.behind {
            Some((whom, since)) if whom == serial => since,
            _ => self.now_ms,
        };
        run.behind = Some((serial, since));
        let standing = car.speed_mm_s < STANDING_MM_S;
        let manners = unit_of(self.config.seed, 0x3_0000 + u64::from(run.trip), u64::from(serial.0));
        let takes_ms = match (run.driving, standing) {
            (_, false) if manners < WAY_ROLLING => PASS_ROLLING_MS,
            (Driving::ThroughRed, true) if manners < WAY_STANDING => PASS_STANDING_MS,
            (Driving::ThroughRed, true) => PASS_ASKED_MS,
            (Driving::ObeysSignals, true) | (_, false) => return false,
        };
        if self.now_ms - since < takes_ms {
            return false;
        }
        run.behind = None;
        self.lanes[lane as usize].overtake(own.slot);
        if let Some(motion) = self.fleet.get_mut(own.slot).and_then(|vehicle| vehicle.motion.as_mut()) {
            motion.passing = true;
        }
        true
    }

    /// What a red line says: stop, or go over it with caution after a pause that the seed decides.
    pub(crate) fn red_line(&self, run: &EmergencyRun, movement: MovementId) -> Line {
        if run.driving == Driving::ObeysSignals {
            return Line::Stop;
        }
        let draw = |what: u64| {
            unit_of(self.config.seed ^ what, 0x4_0000 + u64::from(run.trip), u64::from(movement.0))
        };
        let stood_ms = match run.red_since_ms {
            Some((at, since)) if at == movement => self.now_ms - since,
            _ => 0,
        };
        #[allow(clippy::cast_possible_truncation)]
        let pause_ms =
            if draw(1) < RED_STOP_SHARE { (RED_STOP_MS.0 + RED_STOP_MS.1 * draw(2)) as i64 } else { 0 };
        if stood_ms < pause_ms {
            return Line::Stop;
        }
        #[allow(clippy::cast_possible_truncation)]
        let speed = (CRAWL_MM_S.0 + CRAWL_MM_S.1 * draw(3)) as i64;
        Line::Crawl(speed)
    }

    /// Remember since when the vehicle stands at the line before it.
    pub(crate) fn stand_at_red(&self, run: &mut EmergencyRun, vehicle: &Vehicle, motion: Motion) {
        let to_line = self.roads.length_mm(vehicle.link) - motion.offset_mm;
        let Some(movement) = vehicle.next().filter(|_| to_line < AT_LINE_MM) else { return };
        let known = run.red_since_ms.is_some_and(|(at, _)| at == movement);
        if !known && motion.speed_mm_s < STOP_MM_S {
            run.red_since_ms = Some((movement, self.now_ms));
        }
    }

    /// The vehicle drives over a stop line. Where it shows red, the conflicting streams let it through.
    pub(crate) fn engine_crosses(&mut self, run: &mut EmergencyRun, movement: MovementId) {
        run.red_since_ms = None;
        let Some(shown) = self.shown_to(movement) else { return };
        let Some(signal) = self.roads.network.movement(movement).signal else { return };
        if matches!(shown.aspect, Aspect::Green | Aspect::Yellow | Aspect::Dark) {
            return;
        }
        let free_at = self.now_ms + RED_BLOCKS_MS;
        let groups = self.roads.groups_of(signal.controller.index());
        for group in groups.clone() {
            let other = GroupId(u8::try_from(group - groups.start).unwrap_or(u8::MAX));
            let conflicts = self.roads.network.controllers[signal.controller.index()]
                .junction()
                .relation(other, signal.group);
            if !matches!(conflicts, Relation::Conflict(_)) {
                continue;
            }
            for &link in &self.roads.links_of_group[group as usize] {
                for lane in self.roads.lanes(link) {
                    let held = &mut self.lanes[lane as usize].last_departure_ms;
                    *held = (*held).max(free_at);
                }
            }
        }
    }

    pub(crate) fn has_arrived(&self, driver: &Driver) -> bool {
        let Role::Emergency(run) = &driver.role else { return false };
        self.logs[run.trip as usize].arrived.is_some()
    }

    /// Keep the log of a trip after a tick.
    pub(crate) fn log_trip(&mut self, run: &EmergencyRun, slot: u32, on_road: bool) {
        let log = &mut self.logs[run.trip as usize];
        let Some(vehicle) = self.fleet.get(slot) else { return };
        let Some(motion) = vehicle.motion else { return };
        log.progress_mm = log.link_start_mm[vehicle.step] + motion.offset_mm;
        let on_last_link = vehicle.step == vehicle.route.len();
        if !on_road || (on_last_link && motion.offset_mm >= run.end_offset_mm) {
            log.arrived = Some(Millis(self.now_ms));
            return;
        }
        if motion.speed_mm_s > ROLL_MM_S {
            log.rolling = true;
        } else if motion.speed_mm_s < STOP_MM_S && log.rolling {
            log.rolling = false;
            log.stops += 1;
        }
        let free = self.roads.speed_mm_s(vehicle.link).max(1);
        let lost = TICK_MS * (free - motion.speed_mm_s).max(0) / free;
        let progress = log.progress_mm;
        let next = log.lines.iter_mut().find(|line| line.at_mm >= progress);
        if let Some(line) = next.filter(|line| line.at_mm - progress <= SIGNAL_REACH_MM) {
            line.delay += Millis(lost);
        }
    }
}
