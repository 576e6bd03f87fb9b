//! A street of unequal crossroads and what happens on it: controllers with plans, cars that queue,
//! links whose pace depends on the time of day. Independent of the planner's own models.

use clearway_network::testing::{SPACING_M, corridor};
use clearway_network::{Network, Point};
use clearway_signals::{
    ControllerId, ControllerStatus, GroupId, GroupSet, Millis, Mode, PreemptState, Relation, RowId, RowSet,
};

use crate::chance::Chance;

/// Crossroads of the street.
pub const CROSSROADS: u16 = 20;
/// Periods of the week in which links differ: as many as the planner tells apart, by other law.
pub const PERIODS: usize = 6;
/// The rows of `testing::corridor`: along the street.
const ALONG: RowId = RowId(1);
/// Groups of `testing::corridor`: the street, the cross street, those who walk across the street.
const STREET: usize = 0;
const CROSS: usize = 1;
const WALK: usize = 2;
/// A command needs this long to the controller and into its next tick, milliseconds: from, to.
const TRAVELS_MS: (f64, f64) = (200.0, 700.0);

/// The street as it is and as nobody tells the planner.
pub struct Town {
    /// The network: lengths, speeds and plans are drawn by lot.
    pub network: Network,
    /// Distance to the stop lines from the west end, metres.
    pub lines_m: Vec<f64>,
    /// Mean pace of each link of the street by period, as a factor on its free time.
    pub pace: Vec<[f64; PERIODS]>,
    /// Cars a second that come to each approach, by period.
    pub cars_per_s: Vec<[f64; PERIODS]>,
}

impl Town {
    /// A town by lot.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 1);
        let mut network = corridor(CROSSROADS);
        let lengths: Vec<u32> = (0..=CROSSROADS).map(|_| chance.between(120.0, 420.0) as u32).collect();
        stretch(&mut network, &lengths);
        for controller in &mut network.controllers {
            time_plan(controller, &mut chance);
        }
        let street = network.lines[0].links.clone();
        let mut at = 0.0;
        let mut lines_m = Vec::new();
        for link in &street {
            let link = &mut network.links[link.index()];
            link.speed_mm_s = [11_111, 13_889, 13_889, 16_667][chance.below(4)];
            link.lanes = [1, 1, 2][chance.below(3)];
            at += f64::from(link.length_mm) / 1000.0;
            lines_m.push(at);
        }
        lines_m.truncate(usize::from(CROSSROADS));
        let by_period = |low: f64, spread: f64, chance: &mut Chance| {
            let own = chance.normal() * spread;
            [0.92, 1.15, 1.0, 1.2, 1.02, 0.97]
                .map(|period| low * period * (own + chance.normal() * 0.04).exp())
        };
        let pace = street.iter().map(|_| by_period(1.0, 0.12, &mut chance)).collect();
        let cars = |_| by_period(0.08, 0.3, &mut chance).map(|rate: f64| rate.min(0.2));
        let cars_per_s = (0..CROSSROADS).map(cars).collect();
        Self { network, lines_m, pace, cars_per_s }
    }
}

/// Draw the street anew with these lengths, metres.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn stretch(network: &mut Network, lengths_m: &[u32]) {
    let mut at = vec![0.0_f32];
    lengths_m.iter().for_each(|length| at.push(at[at.len() - 1] + *length as f32));
    let moved = |point: &Point| Point { x: at[(point.x / SPACING_M).round() as usize], y: point.y };
    network.shapes.iter_mut().for_each(|point| *point = moved(point));
    network.nodes.iter_mut().for_each(|node| node.point = moved(&node.point));
    for (link, length) in network.lines[0].links.clone().iter().zip(lengths_m) {
        network.links[link.index()].length_mm = length * 1000;
    }
}

/// A plan by lot: cycle, split, walk and its clearance.
fn time_plan(controller: &mut clearway_network::Controller, chance: &mut Chance) {
    let cycle_s = chance.between(70.0, 110.0) as i64;
    let clear_s = chance.between(6.0, 15.0) as i64;
    let street_s = cycle_s * chance.between(35.0, 55.0) as i64 / 100;
    let cross_s = cycle_s - street_s - 5 - (clear_s + 1);
    controller.groups[WALK].clearance = Millis::from_s(clear_s);
    controller.groups[WALK].min_green = Millis::from_s(chance.between(4.0, 8.0) as i64);
    controller.groups[CROSS].min_green = Millis::from_s(chance.between(5.0, 9.0) as i64);
    controller.relations[WALK * 3 + STREET] = Relation::Conflict(Millis::from_s(clear_s + 1));
    controller.plan.cycle = Millis::from_s(cycle_s);
    controller.plan.offset = Millis::from_s(chance.between(0.0, cycle_s as f64 - 1.0) as i64);
    let starts = [0, street_s + 5, street_s + 5];
    let lengths = [street_s, cross_s, cross_s];
    for (window, (start, length)) in controller.plan.windows.iter_mut().zip(starts.into_iter().zip(lengths)) {
        window.start = Millis::from_s(start);
        window.length = Millis::from_s(length.max(9));
    }
}

/// A controller that keeps its plan until it is called, enters by the rules, and returns to its plan.
#[derive(Clone, Copy, Default)]
pub struct Plant {
    called: Option<Called>,
    /// Total time for which it was called, and calls.
    pub held_ms: i64,
    /// How often it was called.
    pub calls: u32,
}

#[derive(Clone, Copy)]
struct Called {
    at: Millis,
    reaches: Millis,
    green_at: Millis,
    /// When each group that was green at the call ends.
    ends: [Millis; 3],
}

impl Plant {
    /// Called at `at`; nothing changes while it is called already.
    pub fn call(&mut self, controller: &clearway_network::Controller, at: Millis, chance: &mut Chance) {
        if self.called.is_some() {
            return;
        }
        let travels = chance.between(TRAVELS_MS.0, TRAVELS_MS.1) as i64;
        let reaches = Millis((at.0 + travels + 99) / 100 * 100);
        let mut ends = [Millis::ZERO; 3];
        let mut green_at = reaches;
        for (group, end) in ends.iter_mut().enumerate() {
            let (green, since) = planned(controller, group, reaches);
            *end = if green { reaches.max(since + controller.groups[group].min_green) } else { since };
            let clear = match group {
                STREET if green => Millis::ZERO,
                STREET => since + controller.groups[STREET].yellow + Millis(1_000),
                _ => match controller.relations[group * 3] {
                    Relation::Conflict(intergreen) => *end + intergreen,
                    _ => Millis::ZERO,
                },
            };
            green_at = green_at.max(clear);
        }
        if planned(controller, STREET, reaches).0 {
            green_at = reaches;
        }
        self.called = Some(Called { at, reaches, green_at, ends });
        self.calls += 1;
    }

    /// Released at `at`.
    pub fn release(&mut self, at: Millis) {
        if let Some(called) = self.called.take() {
            self.held_ms += (at - called.at).0;
        }
    }

    /// Whether it is called.
    #[must_use]
    pub fn is_called(&self) -> bool {
        self.called.is_some()
    }

    /// Whether the street has green at `at`, and since when.
    #[must_use]
    pub fn street(&self, controller: &clearway_network::Controller, at: Millis) -> (bool, Millis) {
        let (green, since) = planned(controller, STREET, at);
        match self.called {
            Some(called) if at >= called.green_at => {
                // Green by plan before the call is still the same green.
                let (was, from) = planned(controller, STREET, called.reaches);
                (true, if was { from } else { called.green_at })
            }
            Some(called) if at >= called.reaches => (false, called.reaches),
            _ => (green, since),
        }
    }

    /// What is read from it.
    #[must_use]
    pub fn status(&self, controller: &clearway_network::Controller, at: Millis) -> ControllerStatus {
        let reached = self.called.filter(|called| at >= called.reaches);
        let green = |group: usize| match reached {
            Some(called) if group == STREET => at >= called.green_at,
            Some(called) => planned(controller, group, called.reaches).0 && at < called.ends[group],
            None => planned(controller, group, at).0,
        };
        let greens: GroupSet = (0_u8..3).filter(|g| green(usize::from(*g))).map(GroupId).collect();
        ControllerStatus {
            controller: controller.id,
            at,
            mode: Mode::Normal,
            greens,
            active: reached.map(|_| ALONG),
            preempt: match reached {
                None => PreemptState::NotActive,
                Some(called) if at >= called.green_at => PreemptState::Dwell,
                Some(_) => PreemptState::EntryStarted,
            },
            asserted: reached.map_or(RowSet::EMPTY, |_| RowSet::of(ALONG)),
            ..ControllerStatus::default()
        }
    }
}

/// Whether the plan shows the group green (or beyond recall in its red-yellow) at `at`, and since when;
/// else when its green ended.
fn planned(controller: &clearway_network::Controller, group: usize, at: Millis) -> (bool, Millis) {
    let plan = &controller.plan;
    let window = plan.windows[group];
    let into = (at - plan.offset - window.start).0.rem_euclid(plan.cycle.0);
    let red_yellow = controller.groups[group].red_yellow.0;
    if into < window.length.0 {
        (true, at - Millis(into))
    } else if plan.cycle.0 - into <= red_yellow {
        (true, at + Millis(plan.cycle.0 - into))
    } else {
        (false, at - Millis(into - window.length.0))
    }
}

/// The cars before one stop line, lanes together, one by one.
#[derive(Clone, Default)]
pub struct Cars {
    standing: u32,
    /// When the next one may leave.
    leaves: Millis,
    counted: u16,
    green_since: Option<Millis>,
}

impl Cars {
    /// A second passes up to `at`.
    pub fn pass(&mut self, green: bool, lanes: u8, rate: f64, at: Millis, chance: &mut Chance) {
        let arrived = chance.poisson(rate * f64::from(lanes));
        for _ in 0..arrived {
            // One in twelve is missed by the detector.
            self.counted += u16::from(chance.unit() > 1.0 / 12.0);
        }
        if !green {
            self.standing += arrived;
            self.green_since = None;
            return;
        }
        let since = *self.green_since.get_or_insert(at);
        if self.standing > 0 {
            self.standing += arrived;
        }
        let mut left = 0;
        while self.standing > 0 && self.leaves.max(since + Millis(2_000)) <= at && left < 4 {
            self.leaves = self.leaves.max(since + Millis(2_000)) + Millis(1_900 / i64::from(lanes));
            self.standing -= 1;
            left += 1;
        }
    }

    /// What the detector tells since the last reading: cars, and whether one stands on it.
    pub fn read(&mut self, lanes: u8) -> (u16, bool) {
        (std::mem::take(&mut self.counted), self.standing >= 6 * u32::from(lanes))
    }

    /// When the last of those that stand rolls, if green began at `green_at`; each starts about 1.1 s
    /// after the one before it.
    #[must_use]
    pub fn tail_rolls(&self, green_at: Millis, lanes: u8, hurry: f64) -> Millis {
        let per_lane = self.standing.div_ceil(u32::from(lanes));
        if per_lane == 0 {
            return green_at;
        }
        green_at + Millis(2_000) + Millis((f64::from(per_lane) * 1_100.0 * hurry) as i64)
    }
}

/// Names of the controllers' stop lines.
#[must_use]
pub fn controller(line: usize) -> ControllerId {
    ControllerId(u16::try_from(line).unwrap_or(u16::MAX))
}
