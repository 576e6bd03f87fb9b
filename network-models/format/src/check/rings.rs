//! Rings: every phase has a place of its own, and no group is left outside where rings rule.

use std::collections::{HashMap, HashSet};

use crate::check::Check;
use crate::fault::Code;
use crate::model::TimingPhase;
use crate::units::{group_id, group_set};

pub(super) fn check(check: &mut Check<'_, '_>) {
    let model = check.model();
    if !check.are_complete(&["signal_timing_plan", "signal_timing_phase", "signal_group", "overlap"]) {
        return;
    }
    let mut plans: HashMap<&str, Vec<usize>> = HashMap::new();
    for (row, phase) in
        model.timing_phases.iter().enumerate().filter(|(row, _)| check.is_good::<TimingPhase>(*row))
    {
        plans.entry(phase.timing_plan_id.as_str()).or_default().push(row);
    }
    let mut plans: Vec<Vec<usize>> = plans.into_values().collect();
    plans.sort_unstable();
    for rows in plans {
        let rings = rows.iter().map(|&row| &model.timing_phases[row]).filter(|phase| phase.ring > 0);
        if rings.into_iter().any(|phase| phase.extension > 0.0) {
            check_places(check, &rows);
            check_outside(check, &rows);
        }
    }
}

/// Ring, barrier and position, once each.
fn check_places(check: &mut Check<'_, '_>, rows: &[usize]) {
    let model = check.model();
    let mut taken = HashSet::new();
    for &row in rows {
        let phase = &model.timing_phases[row];
        if phase.ring == 0 {
            continue;
        }
        let (ring, barrier, position) = (phase.ring, phase.barrier, phase.position);
        if barrier == 0 {
            let message = format!("the phase of ring {ring} stands before no barrier");
            check.fault::<TimingPhase>(row, "barrier", Code::RingPlace, message);
        } else if !taken.insert((ring, barrier, position)) {
            let message = format!("position {position} of ring {ring} before barrier {barrier} is taken");
            check.fault::<TimingPhase>(row, "position", Code::RingPlace, message);
        }
    }
}

/// Vehicles' groups are in a ring or overlap one that is; crossings walk with a phase.
fn check_outside(check: &mut Check<'_, '_>, rows: &[usize]) {
    let model = check.model();
    for &row in rows {
        let phase = &model.timing_phases[row];
        let Some(signal) = check.index.signal_of_phase(&phase.timing_phase_id) else { continue };
        let walks =
            check.index.group(signal.controller, signal.group_num).is_none_or(|g| g.kind == "pedestrian");
        let overlaps = &check.index.sites[signal.controller].overlaps;
        let is_carried = overlaps.iter().map(|&overlap| &model.overlaps[overlap]).any(|overlap| {
            let parents = group_set(&overlap.parents);
            let in_ring = |&other: &usize| {
                let other = &model.timing_phases[other];
                other.ring > 0
                    && group_id(other.signal_phase_num).is_some_and(|group| parents.contains(group))
            };
            overlap.group_num == signal.group_num && rows.iter().any(in_ring)
        });
        if phase.ring == 0 && !walks && !is_carried {
            let message = format!("group {} has no ring, and its plan works by rings", signal.group_num);
            check.fault::<TimingPhase>(row, "ring", Code::OutsideRings, message);
        }
    }
}
