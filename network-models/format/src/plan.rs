//! From stages to the green windows of groups.

use clearway_network::GreenWindow;
use clearway_signals::{GroupId, GroupSet, Millis};

use crate::index::Index;
use crate::units::{group_id, group_set, millis};

/// A stage: which groups are green from when to when; `end` may lie before `start`, over the
/// end of the cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanStage {
    /// Row of `stage`.
    pub(crate) row: usize,
    pub(crate) groups: GroupSet,
    pub(crate) start: Millis,
    pub(crate) end: Millis,
}

/// The stages of a plan in the order of their numbers; each overlap stands wherever a parent does.
pub(crate) fn plan_stages(index: &Index<'_>, controller: usize, plan: usize) -> Vec<PlanStage> {
    let model = index.model;
    let overlaps = &index.sites[controller].overlaps;
    let stage = |&row: &usize| {
        let stage = &model.stages[row];
        let mut groups = group_set(&stage.groups);
        for &overlap in overlaps {
            let overlap = &model.overlaps[overlap];
            let carried = !groups.intersection(group_set(&overlap.parents)).is_empty();
            if let (true, Some(group)) = (carried, group_id(overlap.group_num)) {
                groups = groups.with(group);
            }
        }
        PlanStage { row, groups, start: millis(stage.start), end: millis(stage.end) }
    };
    index.stages[plan].iter().map(stage).collect()
}

/// A green window and the stages that it begins and ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) green: GreenWindow,
    /// Positions in the plan's stages.
    pub(crate) first: usize,
    pub(crate) last: usize,
}

/// The green windows of a plan, sorted by group, then start. A group that stands in consecutive
/// stages stays green between them; one that stands in all of several stages is always green.
pub(crate) fn windows(cycle: Millis, stages: &[PlanStage]) -> Vec<Window> {
    let mut found = Vec::new();
    let all = stages.iter().fold(GroupSet::EMPTY, |set, stage| set.union(stage.groups));
    for group in all.iter() {
        found.extend(windows_of(group, cycle, stages));
    }
    found.sort_by_key(|window| (window.green.group, window.green.start));
    found
}

fn windows_of(group: GroupId, cycle: Millis, stages: &[PlanStage]) -> Vec<Window> {
    let n = stages.len();
    let stands = |position: usize| stages[position % n].groups.contains(group);
    if n > 1 && (0..n).all(stands) {
        let green = GreenWindow { group, start: Millis::ZERO, length: cycle };
        return vec![Window { green, first: 0, last: n - 1 }];
    }
    let mut found = Vec::new();
    for first in (0..n).filter(|&position| stands(position) && (n == 1 || !stands(position + n - 1))) {
        let followers = (1..n).take_while(|&step| stands(first + step)).count();
        let last = (first + followers) % n;
        let (start, end) = (stages[first].start, stages[last].end);
        let green = GreenWindow { group, start, length: after(start, end, cycle) };
        found.push(Window { green, first, last });
    }
    found
}

/// The time from one instant of the cycle to the next time that the other comes; a whole cycle
/// when both are the same.
pub(crate) fn after(from: Millis, to: Millis, cycle: Millis) -> Millis {
    let cycle = cycle.0.max(1);
    match (to - from).0.rem_euclid(cycle) {
        0 => Millis(cycle),
        time => Millis(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(groups: u64, start_s: i64, end_s: i64) -> PlanStage {
        PlanStage {
            row: 0,
            groups: GroupSet(groups),
            start: Millis::from_s(start_s),
            end: Millis::from_s(end_s),
        }
    }

    fn shown(stages: &[PlanStage]) -> Vec<(u8, i64, i64)> {
        let seconds = |w: Window| (w.green.group.0, w.green.start.0 / 1000, w.green.length.0 / 1000);
        windows(Millis::from_s(60), stages).into_iter().map(seconds).collect()
    }

    #[test]
    fn a_group_stays_green_between_consecutive_stages() {
        assert_eq!(
            shown(&[stage(0b11, 0, 10), stage(0b01, 15, 30), stage(0b100, 35, 55)]),
            [(0, 0, 30), (1, 0, 10), (2, 35, 20)]
        );
    }

    #[test]
    fn a_green_may_reach_over_the_end_of_the_cycle() {
        assert_eq!(shown(&[stage(1, 5, 10), stage(2, 20, 30), stage(1, 50, 0)]), [(0, 50, 20), (1, 20, 10)]);
    }

    #[test]
    fn a_group_of_every_stage_is_always_green_but_a_lone_stage_ends() {
        assert_eq!(shown(&[stage(3, 0, 20), stage(1, 30, 50)]), [(0, 0, 60), (1, 0, 20)]);
        assert_eq!(shown(&[stage(1, 10, 40)]), [(0, 10, 30)]);
        assert_eq!(shown(&[]), []);
    }
}
