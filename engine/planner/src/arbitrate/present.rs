//! A stage plan out of a controller's fixed-time plan, and where the controller stands in it.

use clearway_network::{Controller, SignalPlan};
use clearway_signals::{GroupSet, Millis};

use super::stages::{Stage, StageState};
use crate::transition::Display;

/// How far priority may stretch the stages of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// A stage may end so much earlier than planned (early green for another), its groups' least
    /// greens kept.
    pub shorten_max: Millis,
    /// A stage may end so much later than planned (green extension).
    pub extend_max: Millis,
}

/// The stages of a fixed-time plan, worked out once for each controller.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StageCycle {
    stages: Vec<Stage>,
    /// When each stage ends in the cycle.
    ends: Vec<Millis>,
    cycle: Millis,
}

/// A stretch of the cycle in which the same groups are green.
#[derive(Clone, Copy)]
struct Interval {
    groups: GroupSet,
    end: Millis,
}

impl StageCycle {
    /// The stages of a controller's plan; none for a plan without greens.
    ///
    /// A stage is a set of greens that is part of no neighbouring set. It ends when its last group
    /// does; what it shows less before its end (a walk that ends early) counts as shown to its end,
    /// which puts the next greens later than the plan does, never earlier.
    #[must_use]
    pub fn new(controller: &Controller, stretch: &Stretch) -> Self {
        let cycle = controller.plan.cycle;
        let mut kept = peaks(intervals(&controller.plan));
        // Every end within the cycle: above zero, at most its length.
        kept.iter_mut().for_each(|interval| interval.end.0 = (interval.end.0 - 1).rem_euclid(cycle.0) + 1);
        kept.sort_by_key(|interval| interval.end);
        let ends: Vec<Millis> = kept.iter().map(|interval| interval.end).collect();
        let stage = |i: usize| {
            let before = ends[(i + ends.len() - 1) % ends.len()];
            let planned = (ends[i] - before).0.rem_euclid(cycle.0);
            let planned = Millis(if planned == 0 { cycle.0 } else { planned });
            Stage {
                groups: kept[i].groups,
                min: planned.since(stretch.shorten_max),
                max: planned + stretch.extend_max,
            }
        };
        Self { stages: (0..kept.len()).map(stage).collect(), ends, cycle }
    }

    /// The stages, in their order.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Where the controller stands at `now` when a cycle began at `zero`; `None` without stages.
    #[must_use]
    pub fn state<'a>(&self, zero: Millis, now: Millis, display: &'a Display) -> Option<StageState<'a>> {
        let position = (now - zero).0.rem_euclid(self.cycle.0.max(1));
        let stage = self.ends.iter().position(|end| position < end.0).unwrap_or(0);
        let before = self.ends.get((stage + self.ends.len().checked_sub(1)?) % self.ends.len())?;
        let spent = (position - before.0).rem_euclid(self.cycle.0.max(1));
        Some(StageState { stage, began: now - Millis(spent), display, now })
    }
}

/// The cycle cut where a green starts or ends, in the order of time.
fn intervals(plan: &SignalPlan) -> Vec<Interval> {
    let cycle = plan.cycle.0;
    let mut cuts: Vec<i64> =
        plan.windows.iter().flat_map(|w| [w.start.0, (w.start + w.length).0.rem_euclid(cycle)]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let shown = |at: i64| {
        let green = plan.windows.iter().filter(|w| (at - w.start.0).rem_euclid(cycle) < w.length.0);
        green.map(|w| w.group).collect()
    };
    let next = |i: usize| if i + 1 < cuts.len() { cuts[i + 1] } else { cuts[0] + cycle };
    (0..cuts.len()).map(|i| Interval { groups: shown(cuts[i]), end: Millis(next(i)) }).collect()
}

/// The intervals that are part of no neighbour, each reaching to the end of its last green.
fn peaks(intervals: Vec<Interval>) -> Vec<Interval> {
    let mut left = intervals;
    loop {
        let n = left.len();
        let part = (0..n).find(|&i| {
            let (before, after) = (left[(i + n - 1) % n].groups, left[(i + 1) % n].groups);
            n > 1 && (left[i].groups.is_subset(before) || left[i].groups.is_subset(after))
        });
        let Some(i) = part else { break };
        let before = (i + n - 1) % n;
        if !left[i].groups.is_empty() && left[i].groups.is_subset(left[before].groups) {
            left[before].end = left[i].end;
        }
        left.remove(i);
    }
    left.retain(|interval| !interval.groups.is_empty());
    left
}
