//! Vehicles that report: fire engines on missions, trams on their lines. They stop at red; their
//! receivers and their radio have faults.

use clearway_field::Aspect;
use clearway_network::{LineId, Network, Point};
use clearway_signals::{GeoPoint, Millis, MissionId, VehicleId};

use super::device::Device;
use super::scenario::{Scenario, StopLine, Way};
use crate::rng::Rng;

/// Vehicles move in steps of this length.
pub(crate) const STEP: Millis = Millis(500);
const ENGINE_MM_S: i64 = 13_000;
const TRAM_MM_S: i64 = 9_000;
/// A vehicle stands so far before the line.
const BEFORE_LINE_MM: i64 = 1_000;
/// Standard deviation of a position, metres.
const SIGMA_M: f64 = 3.0;

/// What a report says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Report {
    pub place: GeoPoint,
    pub heading_deg: Option<f32>,
    pub speed_mps: Option<f32>,
    pub degraded: bool,
    /// Its source spoke just now; a bug that repeats old reports makes others.
    pub genuine: bool,
}

/// What is wrong with the reports of a vehicle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Trouble {
    #[default]
    None,
    Silent,
    Frozen,
    Jumping,
    Duplicated,
    OutOfOrder,
    Flood,
    Garbage,
    Offset,
}

/// What a vehicle is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duty {
    Idle(Millis),
    Driving,
}

/// A vehicle.
#[derive(Clone, Debug)]
pub(crate) struct Rider {
    pub vehicle: VehicleId,
    pub is_emergency: bool,
    /// Index into the scenario's ways, or lines.
    pub way: usize,
    pub at_mm: i64,
    speed_mm_s: i64,
    next_line: usize,
    pub duty: Duty,
    pub mission: Option<MissionId>,
    pub began: Millis,
    /// The time between its positions, as its feed is configured.
    pub cadence: Millis,
    due: Millis,
    pub trouble: Trouble,
    pub trouble_until: Millis,
    pub nonsense_until: Millis,
    /// It stands, for whatever reason, until then.
    pub stands_until: Millis,
    last: Option<Report>,
    /// A bug: while nothing is received, positions are reckoned and passed on as received.
    reckons: bool,
    /// When its reports reached the centre, and their smoothed distance, as an onlooker reckons them.
    pub heard_at: Millis,
    pub heard_cadence: Millis,
}

impl Rider {
    pub fn new(vehicle: VehicleId, is_emergency: bool, reckons: bool, rng: &mut Rng) -> Self {
        let cadences = [1_000, 1_000, 1_000, 2_000, 5_000, 10_000];
        let cadence = if is_emergency { cadences[(rng.next_u64() % 6) as usize] } else { 1_000 };
        Self {
            vehicle,
            is_emergency,
            way: 0,
            at_mm: 0,
            speed_mm_s: 0,
            next_line: 0,
            duty: Duty::Idle(Millis((rng.next_u64() % 60_000).cast_signed())),
            mission: None,
            began: Millis::ZERO,
            cadence: Millis(cadence),
            due: Millis((rng.next_u64() % 1_000).cast_signed()),
            trouble: Trouble::None,
            trouble_until: Millis::ZERO,
            nonsense_until: Millis(-1_000_000),
            stands_until: Millis::ZERO,
            last: None,
            reckons,
            heard_at: Millis(-1_000_000),
            heard_cadence: Millis(cadence),
        }
    }

    pub fn way_of<'a>(&self, scenario: &'a Scenario) -> &'a Way {
        let ways = if self.is_emergency { &scenario.ways } else { &scenario.lines };
        &ways[self.way]
    }

    pub fn line(&self, scenario: &Scenario) -> Option<LineId> {
        self.way_of(scenario).line
    }

    /// Set out on a way.
    pub fn set_out(&mut self, way: usize, now: Millis) {
        (self.way, self.at_mm, self.next_line) = (way, 0, 0);
        (self.speed_mm_s, self.duty, self.began) = (0, Duty::Driving, now);
    }

    /// Move one step; whether it arrives.
    pub fn step(&mut self, scenario: &Scenario, devices: &[Device], now: Millis) -> bool {
        if self.duty != Duty::Driving {
            return false;
        }
        let cruise = if self.is_emergency { ENGINE_MM_S } else { TRAM_MM_S };
        let way = self.way_of(scenario);
        let mut to = self.at_mm + if now < self.stands_until { 0 } else { cruise * STEP.0 / 1000 };
        while let Some(line) = way.lines.get(self.next_line).filter(|line| line.at_mm <= to) {
            let shows = devices[line.controller.index()].emulator().aspects().get(line.group.index());
            if !matches!(shows, Some(Aspect::Green | Aspect::Flash | Aspect::Dark)) {
                to = (line.at_mm - BEFORE_LINE_MM).max(self.at_mm);
                break;
            }
            self.next_line += 1;
        }
        self.speed_mm_s = (to - self.at_mm) * 1000 / STEP.0;
        self.at_mm = to;
        self.at_mm >= way.length_mm()
    }

    /// The stop line before which it stands.
    pub fn waits_at(&self, scenario: &Scenario) -> Option<StopLine> {
        if self.duty != Duty::Driving || self.speed_mm_s != 0 {
            return None;
        }
        let line = self.way_of(scenario).lines.get(self.next_line)?;
        (line.at_mm - self.at_mm <= BEFORE_LINE_MM).then_some(*line)
    }

    /// The reports that are due now, with the time that each takes beyond the usual.
    pub fn reports(&mut self, scenario: &Scenario, now: Millis, rng: &mut Rng) -> Vec<(Report, Millis)> {
        if self.duty != Duty::Driving || now < self.due {
            return Vec::new();
        }
        self.due = now + self.cadence;
        if self.trouble != Trouble::None && now >= self.trouble_until {
            self.trouble = Trouble::None;
        }
        if !matches!(self.trouble, Trouble::None | Trouble::Silent) {
            self.nonsense_until = now;
        }
        let truth = self.true_report(scenario, rng);
        let last = self.last.replace(truth).unwrap_or(truth);
        let moved = |report: Report, metres: f64, rng: &mut Rng| Report {
            place: displaced(&scenario.network, report.place, metres * rng.normal(), metres * rng.normal()),
            ..report
        };
        let late = |rng: &mut Rng| Millis((rng.next_u64() % 5_000).cast_signed());
        match self.trouble {
            Trouble::None => vec![(truth, Millis::ZERO)],
            Trouble::Silent if self.reckons => vec![(Report { genuine: false, ..truth }, Millis::ZERO)],
            Trouble::Silent => Vec::new(),
            Trouble::Frozen => {
                self.last = Some(last);
                vec![(last, Millis::ZERO)]
            }
            Trouble::Jumping => vec![(moved(truth, 800.0, rng), Millis::ZERO)],
            Trouble::Duplicated => vec![(truth, Millis::ZERO), (truth, late(rng))],
            Trouble::OutOfOrder => vec![(truth, late(rng)), (last, late(rng))],
            Trouble::Flood => (0..10).map(|n| (moved(truth, 3.0, rng), Millis(n * 40))).collect(),
            Trouble::Garbage => vec![(garbage(truth, rng), Millis::ZERO)],
            Trouble::Offset => vec![(moved(truth, 70.0, rng), Millis::ZERO)],
        }
    }

    fn true_report(&self, scenario: &Scenario, rng: &mut Rng) -> Report {
        let network = &scenario.network;
        let (link, offset_mm) = self.way_of(scenario).place(self.at_mm);
        let place = network.plane.unproject(network.point_on(link, offset_mm));
        #[allow(clippy::cast_precision_loss)]
        let speed = self.speed_mm_s as f32 / 1000.0;
        Report {
            place: displaced(network, place, SIGMA_M * rng.normal(), SIGMA_M * rng.normal()),
            heading_deg: Some(network.heading_on(link, offset_mm)),
            speed_mps: Some(speed),
            degraded: false,
            genuine: true,
        }
    }

    /// A genuine report has reached the centre.
    pub fn heard(&mut self, now: Millis) {
        let gap = now - self.heard_at;
        let known = gap < Millis::from_s(120);
        let mixed = if known { (self.heard_cadence.0 * 3 + gap.0) / 4 } else { self.heard_cadence.0 };
        self.heard_cadence = Millis(mixed.clamp(200, 15_000));
        self.heard_at = now;
    }

    /// How old the last report may be for a new call (S15): two cadences, told or heard. After nonsense the engine knows
    /// less of the cadence than we do, 15 s at most.
    pub fn evidence_max(&self, now: Millis) -> Millis {
        let nonsense = !matches!(self.trouble, Trouble::None | Trouble::Silent);
        if nonsense || now < self.nonsense_until + Millis::from_s(120) {
            return Millis::from_s(31);
        }
        let two = Millis(self.heard_cadence.max(self.cadence).0 * 5 / 2);
        two.max(Millis(2_500)) + Millis(600)
    }
}

#[allow(clippy::cast_possible_truncation)]
fn displaced(network: &Network, place: GeoPoint, east_m: f64, north_m: f64) -> GeoPoint {
    let at = network.plane.project(place);
    network.plane.unproject(Point { x: at.x + east_m as f32, y: at.y + north_m as f32 })
}

/// What no receiver should say.
fn garbage(truth: Report, rng: &mut Rng) -> Report {
    let wild = |rng: &mut Rng| i32::try_from(rng.next_u64() % 1_800_000_000).unwrap_or(0) - 900_000_000;
    match rng.next_u64() % 5 {
        0 => Report { place: GeoPoint { lat_e7: wild(rng), lon_e7: wild(rng) }, ..truth },
        1 => Report { speed_mps: Some(f32::NAN), heading_deg: Some(f32::INFINITY), ..truth },
        2 => Report { speed_mps: Some(-40.0), heading_deg: Some(-725.0), ..truth },
        3 => Report { speed_mps: Some(3.0e9), heading_deg: None, ..truth },
        _ => Report { place: GeoPoint { lat_e7: i32::MIN, lon_e7: i32::MAX }, degraded: true, ..truth },
    }
}
