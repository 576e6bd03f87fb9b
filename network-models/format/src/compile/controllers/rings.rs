//! The phases of controllers with rings: a plan whose phases have a ring and a passage time works by
//! its detectors.

use clearway_network::{RingPhase, SignalPlan};
use clearway_signals::{GroupId, GroupSet, Millis};

use super::{Bindings, Coordination};
use crate::index::Index;
use crate::model::TimingPhase;
use crate::units::{group_id, group_set, millis};

/// The phases of the plan that runs, sorted by ring, barrier and position. Empty where no phase has a
/// passage time, or where a group would be left out: then the plan alone rules.
pub(super) fn phases(
    index: &Index<'_>,
    bindings: &Bindings<'_>,
    controller: usize,
    plan: &SignalPlan,
) -> Vec<RingPhase> {
    let site = &index.sites[controller];
    let Some(id) = site.plans.first().map(|&row| index.model.timing_plans[row].timing_plan_id.as_str())
    else {
        return Vec::new();
    };
    let rows = bindings.phases.get(id).map_or(&[][..], Vec::as_slice);
    let in_rings = || rows.iter().filter(|row| row.ring > 0);
    if !in_rings().any(|row| row.extension > 0.0) {
        return Vec::new();
    }
    let coordinated = coordinated(bindings.coordinations.get(id).copied(), plan);
    let mut phases: Vec<RingPhase> = in_rings()
        .filter_map(|row| {
            let group = group_id(row.signal_phase_num)?;
            Some(RingPhase {
                group,
                crossings: GroupSet::EMPTY,
                overlaps: overlaps(index, controller, row.signal_phase_num),
                ring: row.ring,
                barrier: row.barrier,
                position: row.position,
                max_green: millis(row.max_green),
                passage: millis(row.extension),
                detectors: detectors(index, bindings, controller, row),
                coordinated: coordinated.contains(group),
            })
        })
        .collect();
    phases.sort_by_key(|phase| (phase.ring, phase.barrier, phase.position));
    for &row in &site.groups {
        let walks = &index.model.groups[row];
        let walks = Some(walks).filter(|walks| walks.kind == "pedestrian");
        let group = walks.and_then(|walks| group_id(walks.group_num));
        let phase = walks.and_then(|walks| walks_with(index, controller, walks.group_num, &phases));
        if let (Some(group), Some(phase)) = (group, phase) {
            phases[phase].crossings = phases[phase].crossings.with(group);
        }
    }
    let served = phases.iter().fold(GroupSet::EMPTY, |set, phase| {
        set.with(phase.group).union(phase.crossings).union(phase.overlaps)
    });
    if served.len() as usize == site.groups.len() { phases } else { Vec::new() }
}

/// The phases that are green when the coordinated one ends.
fn coordinated(coordination: Option<&Coordination>, plan: &SignalPlan) -> GroupSet {
    let group = coordination.and_then(|row| row.coord_phase).and_then(group_id);
    let Some(window) = plan.windows.iter().find(|window| Some(window.group) == group) else {
        return GroupSet::EMPTY;
    };
    let last = window.start + window.length - Millis(1);
    let open = plan.windows.iter().filter(|other| {
        let into = (last - other.start).0.rem_euclid(plan.cycle.0.max(1));
        Millis(into) < other.length
    });
    open.map(|window| window.group).collect()
}

/// The phase that a crossing walks with: turning traffic of that phase gives way to it; else the first
/// that it does not conflict with.
fn walks_with(index: &Index<'_>, controller: usize, walks: u8, phases: &[RingPhase]) -> Option<usize> {
    let relation = |phase: &RingPhase| {
        let number = phase.group.0 + 1;
        let one = index.pair(controller, walks, number).map(|pair| pair.relation.as_str());
        let other = index.pair(controller, number, walks).map(|pair| pair.relation.as_str());
        [one, other]
    };
    let permitted = phases.iter().position(|phase| relation(phase).contains(&Some("permitted")));
    permitted.or_else(|| phases.iter().position(|phase| !relation(phase).contains(&Some("conflict"))))
}

fn overlaps(index: &Index<'_>, controller: usize, number: u8) -> GroupSet {
    let carried = index.sites[controller].overlaps.iter().filter_map(|&row| {
        let overlap = &index.model.overlaps[row];
        let parents = group_set(&overlap.parents);
        group_id(overlap.group_num).filter(|_| group_id(number).is_some_and(|phase| parents.contains(phase)))
    });
    carried.collect::<Vec<GroupId>>().into_iter().collect()
}

fn detectors(index: &Index<'_>, bindings: &Bindings<'_>, controller: usize, phase: &TimingPhase) -> Vec<u8> {
    let rows = index.sites[controller].detectors.iter().map(|&row| &index.model.detectors[row]);
    rows.filter(|row| row.signal_phase_num == phase.signal_phase_num)
        .filter_map(|row| bindings.detectors.get(row.detector_id.as_str()).copied())
        .collect()
}
