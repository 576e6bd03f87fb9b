//! Greens of all groups in a cycle, for stages in a given order.
//!
//! Each run of consecutive stages that holds a group is one green. The stages only say which of two
//! conflicting greens comes first; when each one starts and ends is left to the intergreens, so that a
//! group starts as soon as those before it have cleared and ends when the next one needs it, not with
//! its stage. For a given cycle that is a system of difference constraints ([`super::differences`]).
//!
//! Splits after Webster (1958): first every queue gets the green for its flow, all of them loaded
//! alike; what the cycle then has left goes where it saves most waiting.

use super::conflict::whole_seconds;
use super::differences::{Constraint, settle};
use super::signals::{Need, Signals};
use super::stages::Set;

/// A green of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Green {
    /// The group.
    pub group: usize,
    /// Start in the cycle, seconds, `0 ≤ start < cycle`.
    pub start_s: u32,
    /// Length, seconds.
    pub length_s: u32,
}

/// A plan of one cycle.
#[derive(Clone, PartialEq, Debug)]
pub struct Timing {
    /// Cycle length, seconds.
    pub cycle_s: u32,
    /// The greens, sorted by group, then start.
    pub greens: Vec<Green>,
    /// What everybody loses in an hour, person-seconds.
    pub delay: f64,
    /// Whether every queue is served in each cycle.
    pub serves_all: bool,
}

/// No queue is planned to be loaded more than this.
const SATURATION_MAX: f64 = 0.9;
/// Greens are first scaled up to this multiple of what [`SATURATION_MAX`] asks for, in steps.
const SCALE_STEPS: u32 = 16;
const SCALE_STEPS_MAX: u32 = 24;
/// No cycle is longer, whatever a controller is given to clear.
const CYCLE_MAX_S: u32 = 3600;

/// A run of consecutive stages that holds a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    group: usize,
    /// Its first stage, and how many there are.
    first: usize,
    stages: usize,
    /// Least length of its green, seconds.
    least_s: u32,
}

/// The greens of some stages, as instants that the constraints bind: 2n starts, 2n + 1 ends the n-th run.
#[derive(Clone, Debug)]
pub struct Sequence<'a> {
    signals: &'a Signals,
    runs: Vec<Run>,
    /// Further greens of groups that have one in `runs`, the most useful first.
    more: Vec<Run>,
}

impl<'a> Sequence<'a> {
    /// Of stages in their order around the cycle.
    pub fn new(signals: &'a Signals, stages: &[Set]) -> Self {
        let stages = thinned(signals, stages);
        let (mut runs, mut more) = (Vec::new(), Vec::new());
        for group in 0..signals.needs.len() {
            let mut of_group = runs_of(group, &stages, signals.needs[group].min_green_s);
            of_group.sort_by_key(|run| std::cmp::Reverse(run.stages));
            let mut of_group = of_group.into_iter();
            runs.extend(of_group.next());
            more.extend(of_group);
        }
        let worth = |run: &Run| signals.needs[run.group].persons_per_h;
        more.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        Self { signals, runs, more }
    }

    /// The shortest cycle that holds the minimum greens and, of what the flows need in a cycle of
    /// `reference_s`, this share.
    pub fn least_cycle_s(&self, reference_s: u32, share: f64) -> u32 {
        let mut sequence = self.clone();
        sequence.scale(reference_s, share);
        let (mut short, mut long) = (1, CYCLE_MAX_S);
        while short < long {
            let middle = u32::midpoint(short, long);
            if sequence.settled(middle).is_some() {
                long = middle;
            } else {
                short = middle + 1;
            }
        }
        long
    }

    /// The greens in a cycle of this length; `None` when the minimum greens do not fit.
    pub fn timing(&self, cycle_s: u32) -> Option<Timing> {
        let mut sequence = self.clone();
        let steps = sequence.largest_scale(cycle_s)?;
        sequence.scale(cycle_s, f64::from(steps) / f64::from(SCALE_STEPS));
        sequence.add_greens(cycle_s);
        let values = sequence.extended(cycle_s)?;
        let greens = sequence.greens(cycle_s, &values);
        let delay = delay(self.signals, cycle_s, &greens);
        Some(Timing { cycle_s, greens, delay, serves_all: steps >= SCALE_STEPS })
    }

    /// Ask for a share of the green that each queue needs.
    fn scale(&mut self, cycle_s: u32, share: f64) {
        for run in &mut self.runs {
            run.least_s = needed_s(&self.signals.needs[run.group], cycle_s, share);
        }
    }

    /// The most steps of scale that fit; `None` when even the minimum greens do not.
    fn largest_scale(&mut self, cycle_s: u32) -> Option<u32> {
        let mut fits = |steps: u32| {
            self.scale(cycle_s, f64::from(steps) / f64::from(SCALE_STEPS));
            self.settled(cycle_s).is_some()
        };
        if !fits(0) {
            return None;
        }
        let (mut good, mut bad) = (0, SCALE_STEPS_MAX + 1);
        while good + 1 < bad {
            let middle = u32::midpoint(good, bad);
            if fits(middle) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        Some(good)
    }

    /// Second greens of a group, where they fit.
    fn add_greens(&mut self, cycle_s: u32) {
        for run in std::mem::take(&mut self.more) {
            self.runs.push(run);
            if self.settled(cycle_s).is_none() {
                self.runs.pop();
            }
        }
    }

    /// Lengthen greens second by second, each time the one that saves most waiting, until none can grow.
    fn extended(&mut self, cycle_s: u32) -> Option<Vec<i32>> {
        let mut values = self.settled(cycle_s)?;
        let mut constraints = self.constraints(cycle_s);
        let mut growing = vec![true; self.runs.len()];
        // Each round ends a run's growth or uses up a second of the cycle.
        for _ in 0..self.runs.len().saturating_mul(cycle_s as usize + 1) {
            let saved = |run: usize| self.saved(run, cycle_s);
            let open = (0..self.runs.len()).filter(|&run| growing[run] && self.runs[run].least_s < cycle_s);
            let Some(best) = open.max_by(|&a, &b| saved(a).total_cmp(&saved(b)).then(b.cmp(&a))) else {
                break;
            };
            constraints[best].least += 1;
            let mut longer = values.clone();
            if settle(&constraints, &mut longer) {
                self.runs[best].least_s += 1;
                values = longer;
            } else {
                constraints[best].least -= 1;
                growing[best] = false;
            }
        }
        Some(values)
    }

    /// Waiting that one more second of a green saves, person-seconds an hour: the derivative of r² / 2C.
    fn saved(&self, run: usize, cycle_s: u32) -> f64 {
        let group = self.runs[run].group;
        let of_group = self.runs.iter().filter(|r| r.group == group);
        let (count, green_s) = of_group.fold((0, 0), |(count, sum), r| (count + 1, sum + r.least_s));
        let red_s = f64::from(cycle_s.saturating_sub(green_s)) / f64::from(count.max(1));
        let need = &self.signals.needs[group];
        need.persons_per_h * red_s / f64::from(cycle_s) / (1.0 - need.flow_ratio).max(0.1)
    }

    /// Start and end of every run at their earliest; `None` when the cycle is too short.
    fn settled(&self, cycle_s: u32) -> Option<Vec<i32>> {
        let mut values = vec![0; 2 * self.runs.len()];
        settle(&self.constraints(cycle_s), &mut values).then_some(values)
    }

    /// The n-th constraint holds the length of the n-th run; then come the intergreens.
    fn constraints(&self, cycle_s: u32) -> Vec<Constraint> {
        let seconds = |s: u32| i32::try_from(s).unwrap_or(i32::MAX / 4);
        let length =
            |(n, run): (usize, &Run)| Constraint { from: 2 * n, to: 2 * n + 1, least: seconds(run.least_s) };
        let mut constraints: Vec<Constraint> = self.runs.iter().enumerate().map(length).collect();
        for (a, first) in self.runs.iter().enumerate() {
            for (b, second) in self.runs.iter().enumerate() {
                let comes_first = first.first < second.first;
                let Some(between_s) = self.between_s(first, second).filter(|_| a != b) else { continue };
                let wrap = if comes_first { 0 } else { seconds(cycle_s) };
                constraints.push(Constraint { from: 2 * a + 1, to: 2 * b, least: seconds(between_s) - wrap });
            }
        }
        constraints
    }

    /// Seconds from the end of a green to the start of another; `None` when they do not mind each other.
    fn between_s(&self, ending: &Run, starting: &Run) -> Option<u32> {
        if ending.group == starting.group {
            return Some(self.signals.needs[ending.group].min_red_s);
        }
        let conflict = self.signals.conflict(ending.group, starting.group);
        conflict.then(|| self.signals.intergreen_s[ending.group][starting.group])
    }

    fn greens(&self, cycle_s: u32, values: &[i32]) -> Vec<Green> {
        let cycle = i32::try_from(cycle_s).unwrap_or(i32::MAX);
        let whole = |value: i32| u32::try_from(value).unwrap_or(0);
        let green = |(n, run): (usize, &Run)| Green {
            group: run.group,
            start_s: whole(values[2 * n].rem_euclid(cycle)),
            length_s: whole(values[2 * n + 1] - values[2 * n]).min(cycle_s),
        };
        let mut greens: Vec<Green> = self.runs.iter().enumerate().map(green).collect();
        greens.sort_by_key(|green| (green.group, green.start_s));
        greens
    }
}

/// The minimum green, or this share of what the queue of a cycle needs.
pub fn needed_s(need: &Need, cycle_s: u32, share: f64) -> u32 {
    let queue_s = need.flow_ratio * f64::from(cycle_s) / SATURATION_MAX * share;
    need.min_green_s.max(whole_seconds(queue_s))
}

/// Let pedestrians walk in one run of stages only, then vehicles wherever that makes room.
fn thinned(signals: &Signals, stages: &[Set]) -> Vec<Set> {
    let mut stages = stages.to_vec();
    for group in (0..signals.needs.len()).filter(|&group| signals.needs[group].walks) {
        let runs = runs_of(group, &stages, 0);
        let Some(longest) = runs.iter().max_by_key(|run| run.stages).copied() else { continue };
        let count = stages.len();
        for (position, stage) in stages.iter_mut().enumerate() {
            if (position + count - longest.first) % count >= longest.stages {
                *stage &= !(1 << group);
            }
        }
    }
    let mut drivers: Vec<usize> = (0..signals.needs.len()).filter(|&g| !signals.needs[g].walks).collect();
    let persons = |group: usize| signals.needs[group].persons_per_h;
    drivers.sort_by(|&a, &b| persons(b).total_cmp(&persons(a)));
    for stage in &mut stages {
        for &group in &drivers {
            if signals.conflicts[group] & *stage == 0 {
                *stage |= 1 << group;
            }
        }
    }
    stages
}

fn runs_of(group: usize, stages: &[Set], least_s: u32) -> Vec<Run> {
    let count = stages.len();
    let holds = |position: usize| stages[position % count] & (1 << group) != 0;
    if (0..count).all(holds) {
        return vec![Run { group, first: 0, stages: count, least_s }];
    }
    let starts = (0..count).filter(|&position| holds(position) && !holds(position + count - 1));
    let length = |first: usize| (1..count).take_while(|&step| holds(first + step)).count() + 1;
    starts.map(|first| Run { group, first, stages: length(first), least_s }).collect()
}

/// Person-seconds that all groups lose in an hour: uniform delay r² / 2C, for queues over 1 − y and
/// with the incremental delay of the Highway Capacity Manual, 900 T ((x − 1) + √((x − 1)² + 4x / cT)).
pub fn delay(signals: &Signals, cycle_s: u32, greens: &[Green]) -> f64 {
    /// The quarter of an hour that the incremental delay is taken over.
    const PERIOD_H: f64 = 0.25;
    let cycle = f64::from(cycle_s.max(1));
    let of_group = |(group, need): (usize, &Need)| {
        let own: Vec<&Green> = greens.iter().filter(|green| green.group == group).collect();
        let green_s: f64 = own.iter().map(|green| f64::from(green.length_s)).sum();
        let uniform: f64 = reds(&own, cycle_s).map(|red| red * red / (2.0 * cycle)).sum();
        if need.saturation_per_h <= 0.0 || need.flow_ratio <= 0.0 {
            return need.persons_per_h * uniform;
        }
        let capacity_per_h = need.saturation_per_h * green_s.max(1.0) / cycle;
        let x = need.flow_ratio * need.saturation_per_h / capacity_per_h;
        let over = x - 1.0;
        let random = 900.0 * PERIOD_H * (over + (over * over + 4.0 * x / (capacity_per_h * PERIOD_H)).sqrt());
        need.persons_per_h * (uniform / (1.0 - need.flow_ratio).max(0.1) + random)
    };
    signals.needs.iter().enumerate().map(of_group).sum()
}

/// The reds between the greens of one group, in order around the cycle, seconds.
fn reds<'g>(own: &'g [&'g Green], cycle_s: u32) -> impl Iterator<Item = f64> + 'g {
    own.iter().enumerate().map(move |(n, green)| {
        let next = own[(n + 1) % own.len()];
        let end_s = green.start_s + green.length_s;
        let next_s = if n + 1 == own.len() { next.start_s + cycle_s } else { next.start_s };
        f64::from(next_s.saturating_sub(end_s))
    })
}

/// Groups that are green together, from when to when in the cycle.
pub type Row = (Vec<usize>, u32, u32);

/// Stages that hold every green of a cycle, as rows of groups, start and end: one for each stretch in
/// which nothing changes. They count from the start of the green that `leads`, which is given too.
pub fn rows(timing: &Timing, leads: impl Fn(&Green) -> f64) -> (Vec<Row>, u32) {
    let cycle_s = timing.cycle_s;
    let lead = timing.greens.iter().max_by(|a, b| leads(a).total_cmp(&leads(b)));
    let Some(zero_s) = lead.map(|green| green.start_s) else { return (Vec::new(), 0) };
    let since = |instant_s: u32| (instant_s + cycle_s - zero_s % cycle_s) % cycle_s;
    let mut changes: Vec<u32> =
        timing.greens.iter().flat_map(|g| [since(g.start_s), since(g.start_s + g.length_s)]).collect();
    changes.sort_unstable();
    changes.dedup();
    let ends = changes.iter().copied().skip(1).chain([cycle_s]);
    let green_at = |second: u32| {
        let on = |g: &&Green| (second + cycle_s - since(g.start_s)) % cycle_s < g.length_s;
        timing.greens.iter().filter(on).map(|g| g.group).collect::<Vec<usize>>()
    };
    let rows = changes.iter().zip(ends).map(|(&start, end)| (green_at(start), start, end));
    (rows.filter(|(groups, ..)| !groups.is_empty()).collect(), zero_s)
}

#[cfg(test)]
pub mod testing {
    //! What any timing must hold.

    use super::{Signals, Timing};

    /// Groups without their minimum green, conflicting greens, and intergreens that are cut.
    pub fn faults(signals: &Signals, timing: &Timing) -> Vec<String> {
        let cycle = timing.cycle_s;
        let mut faults = Vec::new();
        for (group, need) in signals.needs.iter().enumerate() {
            let longest = timing.greens.iter().filter(|g| g.group == group).map(|g| g.length_s).max();
            if longest.is_none_or(|longest| longest < need.min_green_s) {
                faults.push(format!("group {group} is green for {longest:?} s"));
            }
        }
        for ending in &timing.greens {
            for starting in timing.greens.iter().filter(|s| signals.conflict(ending.group, s.group)) {
                // From one start to the next must lie the first green and the intergreen.
                let to_start = (starting.start_s + cycle - ending.start_s) % cycle;
                let least = ending.length_s + signals.intergreen_s[ending.group][starting.group];
                if to_start < least {
                    faults.push(format!("{} to {}: {to_start} s of {least}", ending.group, starting.group));
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::faults;
    use super::*;
    use crate::import::osm::signals::testing::any_signals;
    use crate::import::osm::stages::{cyclic_orders, members, smallest_covers};

    #[test]
    fn s3_a_group_starts_as_soon_as_those_before_it_have_cleared() {
        let need = |flow_ratio| Need {
            min_green_s: 5,
            min_red_s: 5,
            walks: false,
            persons_per_h: 400.0,
            saturation_per_h: 1800.0,
            flow_ratio,
        };
        // Group 0 against 1 and 2; 1 must wait 8 s, 2 only 4 s.
        let signals = Signals {
            needs: vec![need(0.3), need(0.2), need(0.2)],
            conflicts: vec![0b110, 0b001, 0b001],
            intergreen_s: vec![vec![0, 8, 4], vec![5, 0, 0], vec![5, 0, 0]],
        };
        let timing = Sequence::new(&signals, &[0b001, 0b110]).timing(60).unwrap();
        assert_eq!(faults(&signals, &timing), Vec::<String>::new());
        let green = |group: usize| timing.greens.iter().find(|g| g.group == group).copied().unwrap();
        assert_eq!(green(2).length_s, green(1).length_s + 4);
        assert_eq!(green(0).length_s + green(2).length_s + 4 + 5, 60);
        assert!(timing.serves_all);
        let (rows, _) = rows(&timing, |g| if g.group == 0 { 1.0 } else { 0.0 });
        let shown: Vec<&[usize]> = rows.iter().map(|(groups, ..)| groups.as_slice()).collect();
        assert_eq!(shown, [&[0][..], &[2], &[1, 2]]);
        assert_eq!(rows[0].1, 0);
    }

    #[test]
    fn a_cycle_that_is_too_short_has_no_timing_and_the_least_one_has() {
        let need = Need {
            min_green_s: 10,
            min_red_s: 5,
            walks: true,
            persons_per_h: 100.0,
            saturation_per_h: 0.0,
            flow_ratio: 0.0,
        };
        let signals = Signals {
            needs: vec![need.clone(), need],
            conflicts: vec![0b10, 0b01],
            intergreen_s: vec![vec![0, 6], vec![7, 0]],
        };
        let sequence = Sequence::new(&signals, &[0b01, 0b10]);
        assert_eq!(sequence.least_cycle_s(90, 1.0), 33);
        assert!(sequence.timing(32).is_none());
        assert!(sequence.timing(33).is_some());
    }

    proptest! {
        #[test]
        fn s1_s3_s4_every_group_gets_its_green_and_no_intergreen_is_cut(
            signals in any_signals(), slack_s in 0..60_u32, nth in any::<prop::sample::Index>()
        ) {
            let covers = smallest_covers(&signals.conflicts);
            let cover = &covers[nth.index(covers.len())];
            let orders = cyclic_orders(cover.len());
            let order = &orders[nth.index(orders.len())];
            let stages: Vec<Set> = order.iter().map(|&stage| cover[stage]).collect();
            for stage in &stages {
                prop_assert!(members(*stage).all(|g| signals.conflicts[g] & stage == 0));
            }
            let sequence = Sequence::new(&signals, &stages);
            let cycle_s = sequence.least_cycle_s(90, 0.0) + slack_s;
            // A lone group without any conflict would always be green; the importer gives it no signal.
            prop_assume!(signals.conflicts.iter().all(|with| *with != 0));
            let timing = sequence.timing(cycle_s);
            prop_assert!(timing.is_some());
            if let Some(timing) = timing {
                prop_assert_eq!(faults(&signals, &timing), Vec::<String>::new());
                prop_assert!(timing.delay.is_finite());
            }
        }
    }
}
