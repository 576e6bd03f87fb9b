//! The plan as stages: which groups it wants green, one set after the other.

use clearway_network::SignalPlan;
use clearway_signals::{GroupId, GroupKind, GroupSet, Millis};

use crate::site::{Grid, Group, SiteError, Stage};

/// A plan of more stages than this is no plan.
const STAGES_MAX: usize = 64;
/// The combinations of more crossings than this are too many.
const CROSSINGS_APART_MAX: u32 = 6;

pub(crate) struct Stages {
    pub(crate) stages: Vec<Stage>,
    pub(crate) reference: Option<GroupId>,
}

/// The stages of a fixed-time plan, beginning with one at which a group starts that needs no call.
pub(crate) fn of_plan(
    plan: &SignalPlan,
    groups: &[Group],
    crossings_apart_max: u32,
    grid: Grid,
) -> Result<Stages, SiteError> {
    let mut sets = sweep(plan, groups.len());
    if sets.len() > STAGES_MAX {
        return Err(SiteError::Tables);
    }
    let needs_no_call = |group: &GroupId| groups[group.index()].kind != GroupKind::Pedestrian;
    let starting = |sets: &[(GroupSet, Millis)], at: usize| {
        let before = sets[(at + sets.len() - 1) % sets.len()].0;
        sets[at].0.difference(before).iter().find(needs_no_call)
    };
    let first = (0..sets.len()).find(|at| starting(&sets, *at).is_some());
    sets.rotate_left(first.unwrap_or(0));
    let reference = if sets.is_empty() { None } else { starting(&sets, 0) };
    let count = sets.len();
    let stage = |(at, (set, length)): (usize, &(GroupSet, Millis))| {
        Ok(Stage {
            groups: *set,
            choices: choices(*set, groups, crossings_apart_max),
            length: length_after_minimum(*set, *length, groups, grid)?,
            next: vec![u8::try_from((at + 1) % count).unwrap_or(0)],
        })
    };
    let stages = sets.iter().enumerate().map(stage).collect::<Result<Vec<_>, _>>()?;
    Ok(Stages { stages, reference })
}

/// What is left of a stage's planned length once its groups have had their minimum green; a step at least.
fn length_after_minimum(
    set: GroupSet,
    length: Millis,
    groups: &[Group],
    grid: Grid,
) -> Result<u16, SiteError> {
    let minimum = set.iter().map(|group| groups[group.index()].min_green).max().unwrap_or(0);
    Ok(grid.steps("length of a stage", length)?.saturating_sub(minimum).max(1))
}

/// The sets that the windows of the plan hold open, in the order of the cycle, without those that
/// only bridge two stages: the sequencer makes its own intergreens.
fn sweep(plan: &SignalPlan, groups: usize) -> Vec<(GroupSet, Millis)> {
    let cycle = plan.cycle.0;
    if cycle <= 0 {
        return Vec::new();
    }
    let windows = || plan.windows.iter().filter(|w| w.group.index() < groups && w.length > Millis::ZERO);
    let mut edges: Vec<i64> = windows()
        .flat_map(|w| [w.start.0, w.start.0.saturating_add(w.length.0)])
        .map(|at| at.rem_euclid(cycle))
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut sets: Vec<(GroupSet, Millis)> = Vec::new();
    for (index, &from) in edges.iter().enumerate() {
        let to = edges.get(index + 1).copied().unwrap_or(edges[0] + cycle);
        let open = windows().filter(|w| (from - w.start.0).rem_euclid(cycle) < w.length.0);
        sets.push((open.map(|w| w.group).collect(), Millis(to - from)));
    }
    join_equal(&mut sets);
    let count = sets.len();
    let bridges = |at: usize| {
        let (before, after) = (sets[(at + count - 1) % count].0, sets[(at + 1) % count].0);
        count > 2 && sets[at].0 == before.intersection(after)
    };
    let mut kept: Vec<_> = (0..count).filter(|at| !bridges(*at)).map(|at| sets[at]).collect();
    join_equal(&mut kept);
    kept
}

/// Neighbours with the same set become one.
fn join_equal(sets: &mut Vec<(GroupSet, Millis)>) {
    sets.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
    let around = sets.len() > 1 && sets[0].0 == sets[sets.len() - 1].0;
    if let Some((_, length)) = sets.pop_if(|_| around) {
        sets[0].1 += length;
    }
}

/// What the stage wants green under each combination of pedestrian calls; all of them first.
fn choices(stage: GroupSet, groups: &[Group], crossings_apart_max: u32) -> Vec<GroupSet> {
    let crossings: GroupSet =
        stage.iter().filter(|group| groups[group.index()].kind == GroupKind::Pedestrian).collect();
    let others = stage.difference(crossings);
    if crossings.is_empty() {
        return vec![stage];
    }
    if crossings.len() > crossings_apart_max.min(CROSSINGS_APART_MAX) {
        return vec![stage, others];
    }
    let each: Vec<GroupId> = crossings.iter().collect();
    let subset = |called: u32| {
        (0u32..)
            .zip(&each)
            .filter(|(bit, _)| called & (1 << bit) != 0)
            .fold(others, |set, (_, g)| set.with(*g))
    };
    (0..1u32 << crossings.len()).rev().map(subset).collect()
}
