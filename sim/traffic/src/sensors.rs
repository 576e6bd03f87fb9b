//! What vehicles report of themselves: positions once a second, with the errors of a receiver.
//!
//! The error of a satellite fix wanders: a first-order Gauss–Markov process with a correlation time
//! of twenty seconds, so that neighbouring fixes are wrong in nearly the same way.

use std::collections::BTreeMap;

use clearway_network::Point;
use clearway_signals::{GeoPoint, Millis};

use crate::rng::Rng;
use crate::vehicle::{Class, Serial};
use crate::view::{TramView, VehicleView};
use crate::world::World;
use crate::{TripId, rng};

/// Each vehicle reports this often.
const PERIOD_MS: i64 = 1_000;
/// Correlation of the error from one fix to the next: exp(−1 s / 20 s).
const KEEPS: f64 = 0.951;
/// Errors of speed and heading, standard deviations.
const SPEED_SD_M_S: f64 = 0.15;
const HEADING_SD_DEG: f64 = 2.0;
/// Below this speed a receiver has no heading of its own and repeats the last one.
const HEADING_FROM_M_S: f64 = 0.5;

/// One position report.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fix {
    /// Whose.
    pub serial: Serial,
    /// What it is.
    pub class: Class,
    /// When it was true.
    pub at: Millis,
    /// Where, error included.
    pub place: GeoPoint,
    /// Metres a second, error included, never negative.
    pub speed_m_s: f64,
    /// Degrees clockwise from north, 0 to 360, error included.
    pub heading_deg: f64,
    /// Its duty, if it is a tram.
    pub tram: Option<TramView>,
    /// Its trip, if it is an emergency vehicle.
    pub trip: Option<TripId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Receiver {
    east_m: f64,
    north_m: f64,
    heading_deg: f64,
    seen: bool,
}

/// The receivers of all trams and emergency vehicles.
#[derive(Debug)]
pub struct Sensors {
    rng: Rng,
    seed: u64,
    error_sd_m: f64,
    receivers: BTreeMap<Serial, Receiver>,
}

impl Sensors {
    /// Receivers whose error has a standard deviation of `error_sd_m` metres in each direction.
    #[must_use]
    pub fn new(seed: u64, error_sd_m: f64) -> Self {
        Self { rng: Rng::new(seed, 0x5_0000), seed, error_sd_m, receivers: BTreeMap::new() }
    }

    /// The reports that are due now; call it once every tick of 100 ms. Vehicles report at tenths of
    /// the second of their own.
    pub fn fixes(&mut self, world: &World) -> Vec<Fix> {
        let now = world.now();
        let due: Vec<VehicleView> = world.driven().filter(|view| self.is_due(view.serial, now)).collect();
        let fixes = due.iter().map(|view| self.report(world, now, view)).collect();
        if now.0 % PERIOD_MS == 0 {
            self.forget_gone(world);
        }
        fixes
    }

    #[allow(clippy::cast_possible_truncation)]
    fn is_due(&self, serial: Serial, now: Millis) -> bool {
        let own = (rng::unit_of(self.seed, 0x6_0000, u64::from(serial.0)) * 10.0) as i64 * 100;
        now.0.rem_euclid(PERIOD_MS) == own
    }

    fn report(&mut self, world: &World, at: Millis, view: &VehicleView) -> Fix {
        let receiver = self.receivers.entry(view.serial).or_default();
        // A receiver starts with an error of full size and then keeps its variance.
        let (keeps, fresh) = if receiver.seen { (KEEPS, (1.0 - KEEPS * KEEPS).sqrt()) } else { (0.0, 1.0) };
        receiver.seen = true;
        receiver.east_m = keeps * receiver.east_m + fresh * self.error_sd_m * self.rng.normal();
        receiver.north_m = keeps * receiver.north_m + fresh * self.error_sd_m * self.rng.normal();
        let true_speed = f64::from(view.speed_mm_s) / 1000.0;
        let speed_m_s = (true_speed + SPEED_SD_M_S * self.rng.normal()).max(0.0);
        let heading = f64::from(view.heading_deg) + HEADING_SD_DEG * self.rng.normal();
        if true_speed >= HEADING_FROM_M_S || receiver.heading_deg == 0.0 {
            receiver.heading_deg = heading.rem_euclid(360.0);
        }
        Fix {
            serial: view.serial,
            class: view.class,
            at,
            place: displaced(world, view.place, receiver),
            speed_m_s: if true_speed < HEADING_FROM_M_S { 0.0 } else { speed_m_s },
            heading_deg: receiver.heading_deg,
            tram: view.tram,
            trip: view.trip,
        }
    }

    fn forget_gone(&mut self, world: &World) {
        let present: std::collections::BTreeSet<Serial> = world.driven().map(|view| view.serial).collect();
        self.receivers.retain(|serial, _| present.contains(serial));
    }
}

#[allow(clippy::cast_possible_truncation)]
fn displaced(world: &World, place: GeoPoint, by: &Receiver) -> GeoPoint {
    let plane = world.network().plane;
    let truth = plane.project(place);
    plane.unproject(Point { x: truth.x + by.east_m as f32, y: truth.y + by.north_m as f32 })
}
