//! How soon a controller can show green to the dwell groups of a row (T_T of planning notes 4.2).
//!
//! Each group in conflict with a dwell group keeps the rest of its minimum green (walk); then the
//! intergreen runs, which holds its yellow or its pedestrian clearance. A dwell group that has just
//! ended keeps its own yellow. Nothing is ever shortened.

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupSet, Millis, Relation, RequestRow};

use crate::watch::Watch;

/// What one group shows at some instant: green since then, or not green since then.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shown {
    /// Green (walk), or not.
    pub green: bool,
    /// Since when.
    pub since: Millis,
}

/// What every group of a controller shows at some instant.
pub type Display = [Shown; GROUPS_MAX];

const DARK: Shown = Shown { green: false, since: Millis(i64::MIN / 4) };

/// Time from a call at `at` until every group of `row.dwell` can be green, given what is shown then.
#[must_use]
pub fn time_to_green(controller: &Controller, row: &RequestRow, at: Millis, shown: &Display) -> Millis {
    let n = controller.groups.len().min(GROUPS_MAX);
    let mut longest = Millis::ZERO;
    for (index, group) in controller.groups.iter().enumerate().take(n) {
        let ending = shown[index];
        if row.dwell.contains(group_id(index)) {
            if !ending.green {
                longest = longest.max(ending.since + group.ending() - at);
            }
            continue;
        }
        let end = if ending.green { at.max(ending.since + group.min_green) } else { ending.since };
        let relations = &controller.relations[index * n..(index + 1) * n];
        for starting in row.dwell.iter() {
            // A dwell group that is green already is beyond this conflict.
            if starting.index() >= n || shown[starting.index()].green {
                continue;
            }
            if let Relation::Conflict(intergreen) = relations[starting.index()] {
                longest = longest.max(end + intergreen - at);
            }
        }
    }
    row.delay + longest
}

#[allow(clippy::cast_possible_truncation)]
fn group_id(index: usize) -> GroupId {
    GroupId(index as u8)
}

/// The same from the last reading.
#[must_use]
pub fn time_to_green_now(controller: &Controller, row: &RequestRow, watch: &Watch, now: Millis) -> Millis {
    let mut display = [DARK; GROUPS_MAX];
    for (index, shown) in display.iter_mut().enumerate().take(controller.groups.len()) {
        let (green, since) = watch.shows_green(group_id(index));
        *shown = Shown { green, since };
    }
    time_to_green(controller, row, now, &display)
}

/// What the fixed-time plan shows at `at`, when a cycle began at `zero`.
#[must_use]
pub fn planned_display(controller: &Controller, zero: Millis, at: Millis) -> Display {
    let cycle = controller.plan.cycle;
    let mut display = [DARK; GROUPS_MAX];
    for shown in display.iter_mut().take(controller.groups.len()) {
        shown.since = at - cycle;
    }
    let position = (at - zero).0.rem_euclid(cycle.0);
    for window in &controller.plan.windows {
        let mut into = position - window.start.0;
        if into < 0 {
            into += cycle.0;
        }
        let shown = &mut display[window.group.index()];
        if into < window.length.0 {
            *shown = Shown { green: true, since: at - Millis(into) };
        } else if !shown.green {
            shown.since = shown.since.max(at - Millis(into - window.length.0));
        }
    }
    display
}

/// The latest instant of a call, between `now` and `target`, after which green still comes by
/// `target`; `now` when even that is too late.
///
/// Between the calls that would do and the latest one there may be instants that would not (a walk
/// that begins just then): the latest one is right as long as the controller keeps to its plan, and
/// it is sought anew at every fix. Steps of half a second, at most `STEPS`.
#[must_use]
pub fn latest_call(
    controller: &Controller,
    row: &RequestRow,
    zero: Millis,
    now: Millis,
    target: Millis,
) -> Millis {
    const STEP: Millis = Millis(500);
    const STEPS: i64 = 160;
    let mut at = target.max(now);
    for _ in 0..STEPS {
        if at <= now {
            return now;
        }
        let needed = time_to_green(controller, row, at, &planned_display(controller, zero, at));
        if at + needed <= target {
            return at;
        }
        at -= STEP;
    }
    now
}

/// When the plan itself shows all of `wanted` green, at or after `from`; within two cycles.
#[must_use]
pub fn planned_green(
    controller: &Controller,
    zero: Millis,
    wanted: GroupSet,
    from: Millis,
) -> Option<Millis> {
    const STEP: Millis = Millis(1_000);
    let mut at = from;
    while at <= from + controller.plan.cycle + controller.plan.cycle {
        let display = planned_display(controller, zero, at);
        if wanted.iter().all(|g| display[g.index()].green) {
            return Some(at);
        }
        at += STEP;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn at(network: &clearway_network::Network, ms: i64) -> Millis {
        let controller = &network.controllers[0];
        time_to_green(
            controller,
            &controller.rows[1],
            Millis(ms),
            &planned_display(controller, Millis(0), Millis(ms)),
        )
    }

    /// Corridor green 0–25 s; cross street and walk 30–50 s; walk clears in 8 s, intergreens 5 and 9 s.
    #[test]
    fn time_to_green_keeps_minimum_walk_and_clearance() {
        let network = corridor(1);
        assert_eq!(at(&network, 10_000), Millis::ZERO, "green already");
        assert_eq!(at(&network, 26_000), Millis(2_000), "the rest of its own yellow");
        assert_eq!(at(&network, 30_000), Millis(14_000), "minimum walk 5 s, then 9 s");
        assert_eq!(at(&network, 45_000), Millis(9_000), "walk may end now, then 9 s");
        assert_eq!(at(&network, 52_000), Millis(7_000), "the walk ended 2 s ago");
    }

    #[test]
    fn the_latest_call_still_brings_green_in_time() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let row = &controller.rows[1];
        for target in (0..120).map(|s| Millis(20_000 + s * 1_000)) {
            let call = latest_call(controller, row, Millis(0), Millis(0), target);
            let needed = time_to_green(controller, row, call, &planned_display(controller, Millis(0), call));
            assert!(call == Millis(0) || call + needed <= target);
        }
    }

    #[test]
    fn the_certificate_bounds_every_transition() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        for row in &controller.rows[1..3] {
            let bound = clearway_certify::worst_case_entry(&controller.junction(), row).unwrap();
            for ms in (0..60_000).step_by(100) {
                let needed = time_to_green(
                    controller,
                    row,
                    Millis(ms),
                    &planned_display(controller, Millis(0), Millis(ms)),
                );
                assert!(needed <= bound, "at {ms}: {needed:?} > {bound:?}");
            }
        }
    }

    #[test]
    fn the_plan_says_when_it_is_green_by_itself() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        assert_eq!(planned_green(controller, Millis(0), GroupSet(1), Millis(26_000)), Some(Millis(60_000)));
        assert_eq!(planned_green(controller, Millis(0), GroupSet(1), Millis(5_000)), Some(Millis(5_000)));
    }
}
