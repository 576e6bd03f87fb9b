//! Are the windows what they promise? Trips through a town by lot, steered by the real engine in
//! virtual time, against what really came.
//!
//! The generator knows nothing of the planner's model of travel: a driver's pace is log-normal and holds
//! for his trip; links have paces of their own by time of day; on top the pace wanders along the way
//! (log-normal, correlated over 120 m); queues are Poisson arrivals one by one, seen by a detector that
//! misses one in twelve; positions wander like a receiver's; commands take 0.2 to 0.7 s.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]

pub mod drive;
pub mod engine;
pub mod lead;
pub mod report;
pub mod town;

use clearway_planner::Config;
use clearway_signals::Millis;

use drive::{Trip, drive};
use engine::{Said, Steered};
use lead::FixedLead;
use town::Town;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Trips that count, for each probability.
    pub trips: u32,
    /// Trips before them, from which the engine learns.
    pub learning: u32,
    /// Trips with each fixed lead.
    pub lead_trips: u32,
    /// Seed of everything.
    pub seed: u64,
}

impl Plan {
    /// What the bars are held against.
    pub const FULL: Self = Self { trips: 10_000, learning: 400, lead_trips: 1_000, seed: 1 };
    /// Small enough for every build.
    pub const QUICK: Self = Self { trips: 300, learning: 150, lead_trips: 100, seed: 1 };
}

/// What came of the trips at one probability.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Nominal probability, thousandths.
    pub nominal_permille: i64,
    /// Whether that was meant for the whole way.
    pub whole_way: bool,
    /// Trips.
    pub trips: u32,
    /// Stop lines whose window was admissible.
    pub windows: u32,
    /// Those that the free vehicle did not reach before the window.
    pub kept: u32,
    /// The least share kept in one town.
    pub worst_way: f64,
    /// Those at which green stood and the lane rolled before a free vehicle came.
    pub ready: u32,
    /// Those at which the vehicle did not stop.
    pub unstopped: u32,
    /// Trips with no window broken, and with no stop at any admissible window.
    pub whole_kept: u32,
    /// Trips without a stop at an admissible window.
    pub whole_unstopped: u32,
    /// Delay of each trip, seconds.
    pub delays_s: Vec<f64>,
    /// Time for which signals were called, seconds for each call.
    pub held_s: f64,
    /// Calls.
    pub calls: u32,
    /// Errors of the arrivals told thirty seconds ahead, seconds, absolute.
    pub errors_s: Vec<f64>,
}

impl Rates {
    fn add(&mut self, trip: &Trip, said: &[Said]) {
        self.trips += 1;
        self.delays_s.push(trip.took_s - trip.free_s);
        self.held_s += trip.held_s;
        self.calls += trip.calls;
        let (mut all_kept, mut none_stopped) = (true, true);
        for (met, said) in trip.met.iter().zip(said) {
            if let Some(told) = said.ahead {
                self.errors_s.push((told - met.crossed).as_s().abs());
            }
            if !said.called || !said.admissible {
                continue;
            }
            let kept = met.free >= said.window_from;
            let ready = met.ready + Config::default().lead <= met.free;
            self.windows += 1;
            self.kept += u32::from(kept);
            self.ready += u32::from(ready);
            self.unstopped += u32::from(!met.stopped);
            all_kept &= kept;
            none_stopped &= !met.stopped;
        }
        self.whole_kept += u32::from(all_kept);
        self.whole_unstopped += u32::from(none_stopped);
    }

    /// Two towns as one.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.trips += other.trips;
        self.windows += other.windows;
        self.kept += other.kept;
        self.ready += other.ready;
        self.unstopped += other.unstopped;
        self.whole_kept += other.whole_kept;
        self.whole_unstopped += other.whole_unstopped;
        self.delays_s.extend(other.delays_s);
        self.held_s += other.held_s;
        self.calls += other.calls;
        self.errors_s.extend(other.errors_s);
        self.worst_way = self.worst_way.min(other.worst_way);
        self
    }

    /// Time for which a signal was called, seconds a call.
    #[must_use]
    pub fn hold_s(&self) -> f64 {
        self.held_s / f64::from(self.calls.max(1))
    }

    /// Mean delay of a trip, seconds.
    #[must_use]
    pub fn delay_s(&self) -> f64 {
        self.delays_s.iter().sum::<f64>() / self.delays_s.len().max(1) as f64
    }
}

/// Trips steered by the engine at one probability.
#[must_use]
pub fn steered(town: &Town, plan: &Plan, stop_free_permille: i64, whole_way: bool) -> Rates {
    let config = Config { stop_free_permille, stop_free_whole_way: whole_way, ..Config::default() };
    let mut rates = Rates { nominal_permille: stop_free_permille, whole_way, ..Rates::default() };
    let mut policy = Steered::new(town, config);
    let mut now = Millis(0);
    for n in 0..plan.learning + plan.trips {
        let (trip, end) = drive(town, &mut policy, plan.seed + u64::from(n), now);
        now = Millis(end.0 / 1_000 * 1_000 + 20_000);
        if n >= plan.learning {
            rates.add(&trip, &policy.said);
        }
    }
    rates.worst_way = f64::from(rates.kept) / f64::from(rates.windows.max(1));
    rates
}

/// The same trips with a fixed lead.
#[must_use]
pub fn with_lead(town: &Town, plan: &Plan, lead: Millis) -> Rates {
    let mut rates = Rates::default();
    let mut policy = FixedLead::new(lead);
    let mut now = Millis(0);
    for n in 0..plan.lead_trips {
        let (trip, end) = drive(town, &mut policy, plan.seed + u64::from(plan.learning + n), now);
        now = Millis(end.0 / 1_000 * 1_000 + 20_000);
        rates.add(&trip, &[]);
    }
    rates
}
