//! Signal plans: stages in order, no conflict, minimum greens and intergreens kept.
//!
//! Every plan of every controller is checked, though only the first one runs.

use clearway_signals::{GroupId, Millis};

use crate::check::Check;
use crate::fault::{Code, quote};
use crate::model::{Coordination, SignalController, Stage, TimingPhase, TimingPlan};
use crate::plan::{PlanStage, Window, after, plan_stages, windows};
use crate::units::{group_id, millis};

pub(super) fn check(check: &mut Check<'_, '_>) {
    let model = check.model();
    if !check.are_complete(&["signal_timing_plan", "stage"]) {
        return;
    }
    for controller in 0..model.controllers.len() {
        let plans = check.index.sites[controller].plans.clone();
        if plans.is_empty() && check.is_good::<SignalController>(controller) {
            let id = quote(&model.controllers[controller].controller_id);
            let message = format!("the controller {id} has no plan");
            check.fault::<SignalController>(controller, "controller_id", Code::NoPlan, message);
        }
        for plan in plans {
            check_plan(check, controller, plan);
        }
    }
    for (row, phase) in model.timing_phases.iter().enumerate() {
        let is_short = phase.max_green > 0.0 && phase.max_green < phase.min_green;
        if is_short && check.is_good::<TimingPhase>(row) {
            let message = format!("max_green is {} s, min_green {} s", phase.max_green, phase.min_green);
            check.fault::<TimingPhase>(row, "max_green", Code::ShortGreen, message);
        }
    }
}

fn check_plan(check: &mut Check<'_, '_>, controller: usize, plan: usize) {
    let model = check.model();
    let row = &model.timing_plans[plan];
    let stages = plan_stages(check.index, controller, plan);
    if stages.is_empty() {
        let message = format!("the plan {} has no stage", quote(&row.timing_plan_id));
        check.fault::<TimingPlan>(plan, "timing_plan_id", Code::NoPlan, message);
        return;
    }
    let all_good = check.is_good::<TimingPlan>(plan) && stages.iter().all(|s| check.is_good::<Stage>(s.row));
    let cycle = millis(row.cycle_length);
    if !all_good || !check_stage_times(check, cycle, &stages) {
        return;
    }
    let conflicts = Conflicts::of(check, controller);
    check_stage_groups(check, &conflicts, &stages);
    let windows = windows(cycle, &stages);
    check_minimum_greens(check, controller, cycle, &stages, &windows);
    check_intergreens(check, &conflicts, cycle, &stages, &windows);
    check_offset(check, &row.timing_plan_id, &windows);
}

/// Whether the stages follow each other within one cycle.
fn check_stage_times(check: &mut Check<'_, '_>, cycle: Millis, stages: &[PlanStage]) -> bool {
    let mut in_order = true;
    for stage in stages {
        for (field, time) in [("start", stage.start), ("end", stage.end)] {
            if time > cycle || field == "start" && time == cycle {
                let message = format!("{field} is {} s, beyond the cycle of {} s", time.as_s(), cycle.as_s());
                check.fault::<Stage>(stage.row, field, Code::OutOfRange, message);
                in_order = false;
            }
        }
    }
    if !in_order || stages.len() < 2 {
        return in_order;
    }
    // From the first start around the cycle, each stage must end before the next one starts.
    let since_first = |time| after(stages[0].start, time, cycle);
    for pair in stages.windows(2) {
        let (stage, next) = (&pair[0], &pair[1]);
        let start = if stage.start == stages[0].start { Millis::ZERO } else { since_first(stage.start) };
        let (end, next_start) = (since_first(stage.end), since_first(next.start));
        if next.start == stages[0].start || end <= start || next_start < end {
            in_order = false;
            report_order(check, stage, next);
        }
    }
    let last = &stages[stages.len() - 1];
    if in_order && since_first(last.end) <= since_first(last.start) {
        in_order = false;
        report_order(check, last, &stages[0]);
    }
    in_order
}

fn report_order(check: &mut Check<'_, '_>, stage: &PlanStage, next: &PlanStage) {
    let number = |stage: &PlanStage| check.model().stages[stage.row].stage_num;
    let message = format!(
        "stage {} ({} to {} s) is not over when stage {} starts at {} s",
        number(stage),
        stage.start.as_s(),
        stage.end.as_s(),
        number(next),
        next.start.as_s()
    );
    check.fault::<Stage>(stage.row, "end", Code::StageOrder, message);
}

/// Which groups of a controller conflict, and with what intergreen.
struct Conflicts {
    pairs: Vec<(GroupId, GroupId, Millis)>,
}

impl Conflicts {
    fn of(check: &Check<'_, '_>, controller: usize) -> Self {
        let model = check.model();
        let mut pairs: Vec<_> = check.index.sites[controller]
            .pairs
            .values()
            .map(|&row| &model.group_pairs[row])
            .filter(|pair| pair.relation == "conflict" && pair.from_group != pair.to_group)
            .filter_map(|pair| {
                let (from, to) = (pair.from_group.checked_sub(1)?, pair.to_group.checked_sub(1)?);
                Some((GroupId(from), GroupId(to), millis(pair.intergreen.unwrap_or(0.0))))
            })
            .collect();
        pairs.sort_unstable();
        Self { pairs }
    }
}

fn check_stage_groups(check: &mut Check<'_, '_>, conflicts: &Conflicts, stages: &[PlanStage]) {
    for stage in stages {
        let mut reported = Vec::new();
        for &(a, b, _) in &conflicts.pairs {
            let pair = (a.min(b), a.max(b));
            if stage.groups.contains(a) && stage.groups.contains(b) && !reported.contains(&pair) {
                let message = format!("groups {} and {} are in conflict", pair.0.0 + 1, pair.1.0 + 1);
                check.fault::<Stage>(stage.row, "groups", Code::StageConflict, message);
                reported.push(pair);
            }
        }
    }
}

fn check_minimum_greens(
    check: &mut Check<'_, '_>,
    controller: usize,
    cycle: Millis,
    stages: &[PlanStage],
    windows: &[Window],
) {
    for window in windows {
        let Some(group) = check.index.group(controller, window.green.group.0 + 1) else { continue };
        let (length, least) = (window.green.length, millis(group.min_green));
        if length < least && length < cycle {
            let message = format!(
                "group {} is green for {} s; its minimum green is {} s",
                group.group_num,
                length.as_s(),
                group.min_green
            );
            check.fault::<Stage>(stages[window.last].row, "end", Code::ShortGreen, message);
        }
    }
}

/// Each conflicting green starts no sooner than the intergreen after the end of the other.
fn check_intergreens(
    check: &mut Check<'_, '_>,
    conflicts: &Conflicts,
    cycle: Millis,
    stages: &[PlanStage],
    windows: &[Window],
) {
    for &(from, to, intergreen) in &conflicts.pairs {
        for ending in windows.iter().filter(|w| w.green.group == from) {
            for starting in windows.iter().filter(|w| w.green.group == to) {
                let stage = &stages[starting.first];
                // Greens of one stage overlap; that is a fault of the stage, reported there.
                if stage.groups.contains(from) || stages[ending.last].groups.contains(to) {
                    continue;
                }
                let end = ending.green.start + ending.green.length;
                let gap = Millis((starting.green.start - end).0.rem_euclid(cycle.0.max(1)));
                if gap < intergreen {
                    let message = format!(
                        "group {} starts {} s after group {} ends; the intergreen is {} s",
                        to.0 + 1,
                        gap.as_s(),
                        from.0 + 1,
                        intergreen.as_s()
                    );
                    check.fault::<Stage>(stage.row, "start", Code::CutIntergreen, message);
                }
            }
        }
    }
}

/// An offset that refers to a group finds that group green somewhere in the plan.
fn check_offset(check: &mut Check<'_, '_>, plan_id: &str, windows: &[Window]) {
    for (row, coordination) in check.model().coordinations.iter().enumerate() {
        let refers = coordination.timing_plan_id == plan_id && !coordination.coord_ref_to.is_empty();
        let group = coordination.coord_phase.and_then(group_id);
        let is_green = windows.iter().any(|window| Some(window.green.group) == group);
        if refers && !is_green && check.is_good::<Coordination>(row) {
            let message = match coordination.coord_phase {
                Some(number) => format!("coord_phase: group {number} is never green in {}", quote(plan_id)),
                None => format!("coord_ref_to is {} of no group", quote(&coordination.coord_ref_to)),
            };
            check.fault::<Coordination>(row, "coord_phase", Code::OffsetWithoutGreen, message);
        }
    }
}
