//! One trip through the town: a driver with a pace of his own, links that vary, lights and queues that
//! hold him up. Virtual time in steps of 100 ms.

use clearway_network::{LinkId, Network};
use clearway_planner::VehicleFix;
use clearway_signals::{GeoPoint, Millis, VehicleId};

use super::town::{CROSSROADS, Cars, PERIODS, Plant, Town};
use crate::chance::Chance;

/// The world's step.
pub const STEP: Millis = Millis(100);
/// Stretches over which the pace varies together: its correlation falls to 1/e in about 120 m.
const CELL_M: f64 = 25.0;
const KEEPS: f64 = 0.81;
/// Spread of that variation, and of drivers.
const CELL_SD: f64 = 0.16;
const DRIVER_SD: f64 = 0.11;
/// Metres a second squared.
const ACCELERATES: f64 = 1.3;
const BRAKES: f64 = 2.5;
/// Errors of a position: a wandering one (correlation 20 s) and one of speed.
const PLACE_SD_M: f64 = 3.0;
const PLACE_KEEPS: f64 = 0.951;
const SPEED_SD_M_S: f64 = 0.2;
/// Who falls below this speed has stopped.
const STOPPED_M_S: f64 = 1.5;
/// Cars on the street before the vehicle comes, minutes.
const WARM_UP_S: i64 = 130;

/// Whoever decides on calls.
pub trait Policy {
    /// A trip begins in this period of the week.
    fn begin(&mut self, world: &mut World<'_>, period: usize);
    /// A second has passed: controllers were read as `World::read`, the vehicle reports.
    fn second(&mut self, world: &mut World<'_>, fix: &VehicleFix);
    /// A tenth of a second has passed.
    fn tick(&mut self, world: &mut World<'_>);
    /// The vehicle is out of the street.
    fn end(&mut self, world: &mut World<'_>);
}

/// A stop line as the vehicle met it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Met {
    /// When it would have been there with nothing in its way.
    pub free: Millis,
    /// When it was there.
    pub crossed: Millis,
    /// When green stood and the lane rolled.
    pub ready: Millis,
    /// Whether it had to stop.
    pub stopped: bool,
}

/// The world of one trip.
pub struct World<'a> {
    /// The town.
    pub town: &'a Town,
    /// The controllers.
    pub plants: Vec<Plant>,
    /// The cars before each stop line of the street.
    pub cars: Vec<Cars>,
    /// Now.
    pub now: Millis,
    /// Chance of the world, not of the policy.
    pub chance: Chance,
    /// Stop lines met so far.
    pub met: Vec<Met>,
    /// Period of the week.
    pub period: usize,
    at_m: f64,
    speed: f64,
    cells: Vec<f64>,
    hurry: f64,
    /// When the lane before the next line is free, once green began there.
    rolls: Option<(usize, Millis)>,
    would: Option<(usize, Millis)>,
    error: (f64, f64),
    slow_point: bool,
}

/// What a trip was like.
#[derive(Clone, Debug)]
pub struct Trip {
    /// Its stop lines.
    pub met: Vec<Met>,
    /// From the west end to the east end, seconds.
    pub took_s: f64,
    /// The same with nothing in the way.
    pub free_s: f64,
    /// Time for which controllers were called, all together, seconds; and calls.
    pub held_s: f64,
    /// Calls.
    pub calls: u32,
}

/// Drive once through the town; `start` is the world's clock.
pub fn drive(town: &Town, policy: &mut dyn Policy, seed: u64, start: Millis) -> (Trip, Millis) {
    let mut chance = Chance::new(seed, 7);
    let period = chance.below(PERIODS);
    let driver = (chance.normal() * DRIVER_SD).exp();
    let cells = cells(town, period, driver, &mut chance);
    let error = (chance.normal() * PLACE_SD_M, chance.normal() * PLACE_SD_M);
    let mut world = World {
        town,
        plants: vec![Plant::default(); usize::from(CROSSROADS)],
        cars: vec![Cars::default(); usize::from(CROSSROADS)],
        now: start,
        hurry: (chance.normal() * 0.12).exp(),
        chance,
        met: Vec::new(),
        period,
        at_m: 1.0,
        speed: 0.0,
        cells,
        rolls: None,
        would: None,
        error,
        slow_point: false,
    };
    policy.begin(&mut world, period);
    for _ in 0..WARM_UP_S {
        world.second();
        world.now += Millis(1_000);
        policy.tick(&mut world);
    }
    let (left, free_s) = (world.now, world.free_time(0.0, world.length_m(), 0.0));
    while world.at_m < world.length_m() && world.now < left + Millis::from_s(1_800) {
        world.now += STEP;
        world.roll();
        if world.now.0 % 1_000 == 0 {
            world.second();
            let fix = world.report();
            policy.second(&mut world, &fix);
        }
        policy.tick(&mut world);
    }
    policy.end(&mut world);
    let now = world.now;
    world.plants.iter_mut().for_each(|plant| plant.release(now));
    let trip = Trip {
        took_s: (now - left).as_s(),
        free_s,
        held_s: world.plants.iter().map(|p| Millis(p.held_ms).as_s()).sum(),
        calls: world.plants.iter().map(|p| p.calls).sum(),
        met: world.met,
    };
    (trip, now)
}

/// The driver's speed in every cell of the way when nothing hinders him, metres a second.
fn cells(town: &Town, period: usize, driver: f64, chance: &mut Chance) -> Vec<f64> {
    let mut wander = chance.normal();
    let mut cells = Vec::new();
    for (link, pace) in town.network.lines[0].links.iter().zip(&town.pace) {
        let link = town.network.link(*link);
        let free = f64::from(link.speed_mm_s) / 1000.0;
        let length_m = f64::from(link.length_mm) / 1000.0;
        let upto_m = cells.len() as f64 * CELL_M;
        let start_m = upto_m;
        while (cells.len() as f64) * CELL_M - start_m < length_m - CELL_M / 2.0 {
            wander = KEEPS * wander + (1.0 - KEEPS * KEEPS).sqrt() * chance.normal();
            cells.push(free / (pace[period] * driver * (CELL_SD * wander).exp()));
        }
    }
    cells
}

impl World<'_> {
    fn length_m(&self) -> f64 {
        self.town.lines_m.last().copied().unwrap_or(0.0) + 40.0
    }

    /// The link of the street that leads to a line.
    #[must_use]
    pub fn approach(&self, line: usize) -> LinkId {
        self.town.network.lines[0].links[line]
    }

    fn lanes(&self, line: usize) -> u8 {
        self.town.network.link(self.approach(line)).lanes
    }

    fn cell_speed(&self, at_m: f64) -> f64 {
        self.cells[((at_m / CELL_M) as usize).min(self.cells.len() - 1)]
    }

    /// Time from one place to another with nothing in the way, starting at a speed, seconds.
    fn free_time(&self, from_m: f64, to_m: f64, mut speed: f64) -> f64 {
        let (mut at, mut time) = (from_m, 0.0);
        while at < to_m && time < 3_600.0 {
            speed = towards(speed, self.cell_speed(at), 0.1);
            at += speed * 0.1;
            time += 0.1;
        }
        time
    }

    /// Cars come and go.
    fn second(&mut self) {
        for line in 0..self.cars.len() {
            let controller = &self.town.network.controllers[line];
            let green = self.plants[line].street(controller, self.now).0;
            let lanes = self.town.network.link(self.town.network.lines[0].links[line]).lanes;
            let rate = self.town.cars_per_s[line][self.period];
            self.cars[line].pass(green, lanes, rate, self.now, &mut self.chance);
        }
    }

    /// The line that the vehicle drives to.
    #[must_use]
    pub fn next_line(&self) -> usize {
        self.met.len()
    }

    /// When the lane before a line rolls, as things stand: `None` while it is red.
    fn ready(&mut self, line: usize) -> Option<Millis> {
        let controller = &self.town.network.controllers[line];
        let (green, since) = self.plants[line].street(controller, self.now);
        if !green || since > self.now {
            self.rolls = None;
            return None;
        }
        if let Some((_, rolls)) = self.rolls.filter(|(of, _)| *of == line) {
            return Some(rolls);
        }
        let rolls = self.cars[line].tail_rolls(since, self.lanes(line), self.hurry);
        self.rolls = Some((line, rolls));
        Some(rolls)
    }

    /// The vehicle moves on for a step.
    fn roll(&mut self) {
        let line = self.next_line();
        let mut wanted = self.cell_speed(self.at_m);
        let line_m = self.town.lines_m.get(line).copied();
        if let Some(line_m) = line_m {
            let ready = self.ready(line);
            let left = line_m - self.at_m;
            if left < 150.0 && self.would.is_none_or(|(of, _)| of != line) {
                let free = self.free_time(self.at_m, line_m, self.speed);
                self.would = Some((line, self.now + Millis((free * 1000.0) as i64)));
                self.slow_point = false;
            }
            if ready.is_none_or(|ready| ready > self.now) {
                // It can always stop behind the last car, or at the line.
                let stop = left - 2.0;
                wanted = wanted.min((2.0 * BRAKES * stop.max(0.0)).sqrt());
            }
            if self.speed < STOPPED_M_S && left < 150.0 {
                self.slow_point = true;
            }
        }
        self.speed = towards(self.speed, wanted, 0.1);
        self.at_m += self.speed * 0.1;
        if let Some(line_m) = line_m.filter(|line_m| self.at_m >= *line_m) {
            let over = ((self.at_m - line_m) / self.speed.max(0.5) * 1000.0) as i64;
            let crossed = self.now - Millis(over);
            let free = self.would.filter(|(of, _)| *of == line).map_or(crossed, |(_, free)| free);
            let ready = self.ready(line).unwrap_or(self.now);
            self.met.push(Met { free, crossed, ready, stopped: self.slow_point });
            self.slow_point = false;
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn report(&mut self) -> VehicleFix {
        let fresh = (1.0 - PLACE_KEEPS * PLACE_KEEPS).sqrt() * PLACE_SD_M;
        self.error.0 = PLACE_KEEPS * self.error.0 + fresh * self.chance.normal();
        self.error.1 = PLACE_KEEPS * self.error.1 + fresh * self.chance.normal();
        let speed = (self.speed + SPEED_SD_M_S * self.chance.normal()).max(0.0);
        VehicleFix {
            vehicle: VehicleId(0),
            received: self.now,
            place: place(&self.town.network, self.at_m + self.error.0, self.error.1),
            heading_deg: Some(90.0),
            speed_mps: Some(speed as f32),
            degraded: false,
            cadence: Millis(1_000),
        }
    }

    /// Where the vehicle is, metres from the west end.
    #[must_use]
    pub fn at_m(&self) -> f64 {
        self.at_m
    }

    /// The driver's usual time over the rest of the way to a line as one would know it who knew the
    /// town by heart, but not this driver: seconds.
    #[must_use]
    pub fn usual_time(&self, line: usize) -> f64 {
        let mut start = 0.0;
        let mut time = 0.0;
        for (n, pace) in self.town.pace.iter().enumerate().take(line + 1) {
            let link = self.town.network.link(self.approach(n));
            let length = f64::from(link.length_mm) / 1000.0;
            let left = (start + length - self.at_m.max(start)).clamp(0.0, length);
            time += left / (f64::from(link.speed_mm_s) / 1000.0) * pace[self.period];
            start += length;
        }
        time
    }
}

fn towards(speed: f64, wanted: f64, dt: f64) -> f64 {
    if wanted > speed {
        (speed + ACCELERATES * dt).min(wanted)
    } else {
        (speed - BRAKES * 1.6 * dt).max(wanted)
    }
}

#[allow(clippy::cast_possible_truncation)]
fn place(network: &Network, east_m: f64, north_m: f64) -> GeoPoint {
    network.plane.unproject(clearway_network::Point { x: east_m as f32, y: north_m as f32 })
}
