//! Vehicles with a mind of their own: trams and emergency vehicles, moved on the 100 ms grid.
//!
//! Their speed is the lowest that anything ahead allows: the street, a turn, the stop line, a call
//! at a stop, the vehicle in front (Gipps 1981, whose safe speed never needs more than its braking).

use clearway_network::{LinkId, MovementId, Turn};

use crate::emergency::EmergencyRun;
use crate::lane::Placed;
use crate::physics::{TICK_MS, braking_mm, safe_speed};
use crate::signals::Aspect;
use crate::tram::TramRun;
use crate::vehicle::{Class, Motion, Vehicle};
use crate::world::{World, narrow};

/// What a driver is there for.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Tram(TramRun),
    Emergency(EmergencyRun),
}

/// A driver and the vehicle.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) slot: u32,
    pub(crate) role: Role,
    /// The movement whose yellow came too late to stop for.
    committed: Option<MovementId>,
}

/// How a class of vehicles is driven: speeds in mm/s, accelerations in mm/s².
struct Manner {
    /// Of the street's speed.
    speed_pct: i64,
    speed_max: i64,
    turn_speed: i64,
    acceleration: i64,
    brake: i64,
}

const TRAM: Manner =
    Manner { speed_pct: 100, speed_max: 22_222, turn_speed: 4_200, acceleration: 1_000, brake: 1_300 };
/// A pumper of 15 t: 1.25 times the limit, never above 60 km/h in town.
const ENGINE: Manner =
    Manner { speed_pct: 125, speed_max: 16_667, turn_speed: 7_000, acceleration: 1_500, brake: 2_500 };
/// Braking in an emergency, whatever the vehicle.
const BRAKE_HARD: i64 = 4_000;
/// Nothing farther ahead matters now.
const HORIZON_MM: i64 = 110_000;
/// A vehicle stops this far before the line.
const BEFORE_LINE_MM: i64 = 500;

/// What a stop line says to a driver.
pub(crate) enum Line {
    Open,
    /// Yellow, too late to stop.
    Committed,
    Stop,
    /// Red, driven over with caution at this speed.
    Crawl(i64),
}

impl Driver {
    pub(crate) fn new(slot: u32, role: Role) -> Self {
        Self { slot, role, committed: None }
    }

    fn manner(&self) -> &'static Manner {
        match self.role {
            Role::Tram(_) => &TRAM,
            Role::Emergency(_) => &ENGINE,
        }
    }
}

impl Manner {
    fn desired(&self, street_mm_s: i64) -> i64 {
        (street_mm_s * self.speed_pct / 100).min(self.speed_max)
    }
}

/// The speed from which `end_mm_s` is reached after `way_mm`.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn slowing_to(end_mm_s: i64, way_mm: i64, brake: i64) -> i64 {
    let squared = (end_mm_s * end_mm_s + 2 * brake * way_mm.max(0)) as f64;
    squared.sqrt() as i64
}

impl World {
    /// Everyone who drives moves on by one tick, in order of appearance.
    pub(crate) fn drive_all(&mut self) {
        let mut drivers = std::mem::take(&mut self.drivers);
        drivers.retain_mut(|driver| self.drive(driver));
        self.drivers = drivers;
    }

    /// Move one tick; `false` when the vehicle has left the road.
    fn drive(&mut self, driver: &mut Driver) -> bool {
        let leader = self.leader(driver);
        let Some(vehicle) = self.fleet.get(driver.slot) else { return false };
        let Some(mut motion) = vehicle.motion else { return false };
        let (target, committed) = self.target_speed(driver, vehicle, motion, leader);
        let step = vehicle.step;
        driver.committed = committed.or(driver.committed);
        let stands = match &mut driver.role {
            Role::Tram(run) => self.serve_call(run, step, motion),
            Role::Emergency(run) => {
                self.stand_at_red(run, vehicle, motion);
                false
            }
        };
        let target = if stands { 0 } else { target };
        let manner = driver.manner();
        let fastest = motion.speed_mm_s + manner.acceleration * TICK_MS / 1000;
        let slowest = (motion.speed_mm_s - BRAKE_HARD * TICK_MS / 1000).max(0);
        motion.speed_mm_s = target.min(fastest).max(slowest);
        let free = motion.offset_mm + motion.speed_mm_s * TICK_MS / 1000;
        let limit = leader.map_or(i64::MAX, |leader| leader.rear_mm().max(motion.offset_mm));
        motion.offset_mm = free.min(limit);
        self.over_detectors(driver.slot, motion.offset_mm);
        let on_road = self.cross_lines(driver, motion);
        if let Role::Emergency(run) = &driver.role {
            self.log_trip(run, driver.slot, on_road);
        }
        if !on_road || self.has_arrived(driver) {
            self.tram_ends(driver);
            self.take_off_road(driver.slot);
            return false;
        }
        true
    }

    /// Carry the vehicle over the ends of links that it has reached; `false` at the end of its way.
    fn cross_lines(&mut self, driver: &mut Driver, mut motion: Motion) -> bool {
        loop {
            let Some(vehicle) = self.fleet.get(driver.slot) else { return false };
            let length = self.roads.length_mm(vehicle.link);
            if motion.offset_mm < length {
                break;
            }
            let Some(movement) = vehicle.next() else { return false };
            let (class, after, own_mm) = (vehicle.class, vehicle.after_next(), vehicle.length_mm);
            let link = self.roads.network.movement(movement).to;
            let lane = self.choose_lane(link, after, class);
            let open = !matches!(self.line(driver, movement, 0, motion.speed_mm_s), Line::Stop);
            if !open || !self.may_enter(lane, own_mm) {
                motion = Motion { offset_mm: length, speed_mm_s: 0, ..motion };
                break;
            }
            if let Role::Emergency(run) = &mut driver.role {
                self.engine_crosses(run, movement);
            }
            motion.offset_mm -= length;
            motion.passing = false;
            driver.committed = None;
            self.move_on(driver.slot, motion, link, lane);
        }
        if let Some(vehicle) = self.fleet.get_mut(driver.slot) {
            vehicle.motion = Some(motion);
        }
        true
    }

    fn may_enter(&self, lane: u32, length_mm: i64) -> bool {
        let lane = &self.lanes[lane as usize];
        !lane.closed && lane.has_space(length_mm)
    }

    fn move_on(&mut self, slot: u32, motion: Motion, link: LinkId, lane: u32) {
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        vehicle.motion = Some(motion);
        let left = vehicle.lane;
        self.leave_lane(slot);
        if let Some(vehicle) = self.fleet.get_mut(slot) {
            vehicle.step += 1;
        }
        self.enter(slot, link, lane);
        self.serve(left);
    }

    fn take_off_road(&mut self, slot: u32) {
        let Some(lane) = self.fleet.get(slot).map(|vehicle| vehicle.lane) else { return };
        self.leave_lane(slot);
        self.fleet.remove(slot);
        self.serve(lane);
    }

    /// The vehicle ahead in the same lane. An emergency vehicle may pass it first.
    fn leader(&mut self, driver: &mut Driver) -> Option<Placed> {
        let lane = self.fleet.get(driver.slot)?.lane;
        let mut placed = std::mem::take(&mut self.scratch);
        self.lanes[lane as usize].place(self.now_ms, &self.fleet, &mut placed);
        let index = placed.iter().position(|p| p.slot == driver.slot);
        let mut leader = index.and_then(|i| i.checked_sub(1)).map(|i| placed[i]);
        if let (Role::Emergency(run), Some(index)) = (&mut driver.role, index)
            && self.passes(run, lane, &placed, index)
        {
            leader = index.checked_sub(2).map(|i| placed[i]);
        }
        self.scratch = placed;
        leader
    }

    /// The last vehicle of a lane.
    fn tail(&self, lane: u32) -> Option<Placed> {
        let state = &self.lanes[lane as usize];
        if state.queue.is_empty() {
            return None;
        }
        let mut placed = Vec::with_capacity(state.queue.len());
        state.place(self.now_ms, &self.fleet, &mut placed);
        placed.last().copied()
    }

    /// The speed that everything within the horizon allows, and the movement whose yellow is too late.
    fn target_speed(
        &self,
        driver: &Driver,
        vehicle: &Vehicle,
        motion: Motion,
        leader: Option<Placed>,
    ) -> (i64, Option<MovementId>) {
        let manner = driver.manner();
        let brake = manner.brake;
        let mut target = manner.desired(self.roads.speed_mm_s(vehicle.link));
        let mut committed = None;
        // Way to the start of the link that is looked at.
        let mut way = -motion.offset_mm;
        let mut link = vehicle.link;
        let mut ahead = leader;
        for step in vehicle.step..=vehicle.route.len() {
            if let Role::Tram(run) = &driver.role {
                target = target.min(self.call_speed(run, step, way, brake).unwrap_or(target));
            }
            if let Some(ahead) = ahead {
                target = target.min(safe_speed(way + ahead.rear_mm(), ahead.speed_mm_s, brake));
                break;
            }
            let end = way + self.roads.length_mm(link);
            let Some(&movement) = vehicle.route.get(step) else { break };
            match self.line(driver, movement, end, motion.speed_mm_s) {
                Line::Open => {}
                Line::Committed => committed = committed.or(Some(movement)),
                Line::Crawl(speed) => target = target.min(slowing_to(speed, end, brake)),
                Line::Stop => {
                    target = target.min(safe_speed(end - BEFORE_LINE_MM, 0, brake));
                    break;
                }
            }
            let after = vehicle.route.get(step + 1).copied();
            let data = self.roads.network.movement(movement);
            let lane = self.choose_lane(data.to, after, vehicle.class);
            if !self.may_enter(lane, vehicle.length_mm) {
                target = target.min(safe_speed(end - BEFORE_LINE_MM, 0, brake));
                break;
            }
            let entry = match data.turn {
                Turn::Through => manner.desired(self.roads.speed_mm_s(data.to)),
                Turn::Left | Turn::Right | Turn::UTurn => manner.turn_speed,
            };
            target = target.min(slowing_to(entry, end, brake));
            if end > HORIZON_MM {
                break;
            }
            (link, way, ahead) = (data.to, end, self.tail(lane));
        }
        (target, committed)
    }

    /// What the stop line before `movement`, `way_mm` ahead, says to a driver at this speed.
    fn line(&self, driver: &Driver, movement: MovementId, way_mm: i64, speed_mm_s: i64) -> Line {
        let Some(shown) = self.shown_to(movement) else { return Line::Open };
        match shown.aspect {
            Aspect::Green | Aspect::Dark => Line::Open,
            _ if driver.committed == Some(movement) => Line::Open,
            Aspect::Yellow if braking_mm(speed_mm_s, driver.manner().brake) > way_mm => Line::Committed,
            Aspect::Yellow | Aspect::Red | Aspect::RedYellow | Aspect::Clearance => match &driver.role {
                Role::Tram(_) => Line::Stop,
                Role::Emergency(run) => self.red_line(run, movement),
            },
        }
    }

    fn over_detectors(&mut self, slot: u32, offset_mm: i64) {
        let Some(link) = self.fleet.get(slot).map(|vehicle| vehicle.link) else { return };
        for index in 0..self.roads.detectors[link.index()].len() {
            if self.roads.detectors[link.index()][index].offset_mm <= offset_mm {
                self.count_over(slot, narrow(index));
            }
        }
    }

    /// Put a vehicle that drives itself on the road at a place of a link, between those on it.
    pub(crate) fn pull_out(&mut self, mut vehicle: Vehicle, offset_mm: i64, role: Role) {
        let (link, lane) = (vehicle.link, vehicle.lane);
        vehicle.motion = Some(Motion { offset_mm, ..Motion::default() });
        vehicle.entered_ms = self.now_ms;
        vehicle.reach_ms = self.now_ms + self.roads.travel_ms(link);
        let length_mm = vehicle.length_mm;
        let slot = self.fleet.add(vehicle);
        let mut placed = std::mem::take(&mut self.scratch);
        self.lanes[lane as usize].place(self.now_ms, &self.fleet, &mut placed);
        let ahead = placed.iter().filter(|p| p.offset_mm >= offset_mm).count();
        self.scratch = placed;
        self.lanes[lane as usize].insert(ahead, slot, length_mm);
        self.drivers.push(Driver::new(slot, role));
    }

    pub(crate) fn class_of(&self, slot: u32) -> Option<Class> {
        self.fleet.get(slot).map(|vehicle| vehicle.class)
    }
}
