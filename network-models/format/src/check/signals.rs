//! Controllers, signal groups, their movements, their conflicts, their detectors.

use std::collections::HashMap;

use clearway_signals::limits::{CONTROLLERS_MAX, GROUPS_MAX};

use crate::check::Check;
use crate::fault::{Code, quote};
use crate::model::{
    DetectorBinding, GroupBinding, GroupPair, Link, Movement, PhaseMovement, SignalController,
    SignalDetector, SignalGroupRow,
};

pub(super) fn check(check: &mut Check<'_, '_>) {
    if check.model().controllers.len() > CONTROLLERS_MAX {
        let message = format!("controller {} is one too many", CONTROLLERS_MAX + 1);
        check.fault::<SignalController>(CONTROLLERS_MAX, "controller_id", Code::TooManyControllers, message);
    }
    check_groups(check);
    check_ruled_groups(check);
    check_ruled_movements(check);
    for (row, pair) in check.model().group_pairs.iter().enumerate() {
        if check.is_good::<GroupPair>(row) {
            check_pair(check, row, pair);
        }
    }
    check_detectors(check);
    check_numbers(check);
}

fn check_groups(check: &mut Check<'_, '_>) {
    let model = check.model();
    for site in &check.index.sites {
        let mut expected = 1;
        for &row in &site.groups {
            let group = &model.groups[row];
            let number = usize::from(group.group_num);
            if number > GROUPS_MAX {
                let message = format!("group {number}; a controller has at most {GROUPS_MAX}");
                check.fault::<SignalGroupRow>(row, "group_num", Code::TooManyGroups, message);
            } else if number > expected
                && check.are_complete(&["signal_group"])
                && check.is_good::<SignalGroupRow>(row)
            {
                let message = format!("group {number} follows group {}", expected - 1);
                check.fault::<SignalGroupRow>(row, "group_num", Code::GroupGap, message);
            }
            expected = number + 1;
        }
    }
    for (row, group) in model.groups.iter().enumerate() {
        let (field, value) = match group.kind.as_str() {
            "vehicle" => ("yellow", group.yellow),
            "pedestrian" => ("clearance", group.clearance),
            _ => continue,
        };
        if check.are_good::<SignalGroupRow>(row, &["kind", field]) && value <= 0.0 {
            let message = format!("the {} group {} has no {field}", group.kind, group.group_num);
            check.fault::<SignalGroupRow>(row, field, Code::GroupWithoutEnding, message);
        }
    }
}

/// The tables that lead from a movement to its group.
pub(super) const RULING: &[&str] =
    &["signal_controller", "signal_timing_plan", "signal_timing_phase", "signal_phase_mvmt"];

/// Each group rules a movement, or a link that pedestrians cross.
fn check_ruled_groups(check: &mut Check<'_, '_>) {
    let model = check.model();
    if !check.are_complete(RULING) {
        return;
    }
    let mut ruling = vec![[false; 256]; model.controllers.len()];
    for row in &model.phase_movements {
        if let Some(signal) = check.index.signal_of_phase(&row.timing_phase_id) {
            let rules = !row.mvmt_id.is_empty() || !row.link_id.is_empty();
            ruling[signal.controller][usize::from(signal.group_num)] |= rules;
        }
    }
    for (row, group) in model.groups.iter().enumerate() {
        let Some(&controller) = check.index.controllers.get(group.controller_id.as_str()) else { continue };
        if check.are_good::<SignalGroupRow>(row, &["controller_id", "group_num"])
            && !ruling[controller][usize::from(group.group_num)]
        {
            let message = format!(
                "group {} of {} rules no movement and no crossing",
                group.group_num,
                quote(&group.controller_id)
            );
            check.fault::<SignalGroupRow>(row, "group_num", Code::GroupWithoutMovement, message);
        }
    }
}

fn check_ruled_movements(check: &mut Check<'_, '_>) {
    let model = check.model();
    for (row, ruled) in model.phase_movements.iter().enumerate() {
        let Some(signal) = check.index.signal_of_phase(&ruled.timing_phase_id) else { continue };
        let Some(&movement) = check.index.movements.get(ruled.mvmt_id.as_str()) else { continue };
        let obeyed = check.index.signals[movement];
        if obeyed.is_some_and(|obeyed| obeyed.controller != signal.controller) {
            let message = format!("another controller rules the movement {} too", quote(&ruled.mvmt_id));
            check.fault::<PhaseMovement>(row, "mvmt_id", Code::MovementOfTwoControllers, message);
        }
    }
    for (row, movement) in model.movements.iter().enumerate() {
        let signalled = movement.ctrl_type.starts_with("signal");
        let is_ruled = check.index.signals[row].is_some() || !check.are_complete(RULING);
        if signalled && !is_ruled && check.are_good::<Movement>(row, &["mvmt_id", "ctrl_type"]) {
            let message = format!("no signal group rules the movement {}", quote(&movement.mvmt_id));
            check.fault::<Movement>(row, "ctrl_type", Code::MovementWithoutGroup, message);
        }
    }
}

fn check_pair(check: &mut Check<'_, '_>, row: usize, pair: &GroupPair) {
    let (from, to) = (pair.from_group, pair.to_group);
    let Some(&controller) = check.index.controllers.get(pair.controller_id.as_str()) else { return };
    if from == to {
        let message = format!("from_group and to_group are both {from}");
        check.fault::<GroupPair>(row, "to_group", Code::PairWithItself, message);
        return;
    }
    if pair.relation != "conflict" {
        if pair.intergreen.is_some() {
            let message = format!("groups {from} and {to} are {}, with an intergreen", pair.relation);
            check.fault::<GroupPair>(row, "intergreen", Code::IntergreenWithoutConflict, message);
        }
        return;
    }
    let back = check.index.pair(controller, to, from);
    let is_denied = match back {
        Some(back) => back.relation == "permitted" || back.relation == "compatible",
        None => check.are_complete(&["group_pair"]),
    };
    if is_denied {
        let message = format!("group {from} conflicts with group {to}, but {to} not with {from}");
        check.fault::<GroupPair>(row, "relation", Code::OneSidedConflict, message);
    }
    let Some(intergreen) = pair.intergreen else {
        let message = format!("groups {from} and {to} are in conflict without an intergreen");
        check.fault::<GroupPair>(row, "intergreen", Code::ConflictWithoutIntergreen, message);
        return;
    };
    let Some(ending) = ending_group(check, controller, from) else { return };
    let least = ending.yellow.max(ending.clearance);
    if intergreen < least {
        let message = format!(
            "intergreen from group {from} to {to} is {intergreen} s; group {from} takes {least} s to end"
        );
        check.fault::<GroupPair>(row, "intergreen", Code::ShortIntergreen, message);
    }
}

/// The group that ends, if its times could be read.
fn ending_group<'m>(check: &Check<'_, 'm>, controller: usize, number: u8) -> Option<&'m SignalGroupRow> {
    let rows = &check.index.sites[controller].groups;
    let row = *rows.iter().find(|&&row| check.model().groups[row].group_num == number)?;
    check.are_good::<SignalGroupRow>(row, &["yellow", "clearance"]).then(|| &check.model().groups[row])
}

fn check_detectors(check: &mut Check<'_, '_>) {
    let model = check.model();
    for (row, detector) in model.detectors.iter().enumerate() {
        let Some(&link) = check.index.links.get(detector.link_id.as_str()) else { continue };
        let (far, length) = (detector.det_zone_front, model.links[link].length);
        let known = check.are_good::<SignalDetector>(row, &["det_zone_lr"])
            && check.are_good::<Link>(link, &["length"]);
        if known && far > length {
            let message =
                format!("the detector lies {far} m before the stop line; the link is {length} m long");
            check.fault::<SignalDetector>(row, "det_zone_lr", Code::DetectorOffLink, message);
        }
    }
}

/// No two groups, and no two detectors, have the same number at their controller.
fn check_numbers(check: &mut Check<'_, '_>) {
    let model = check.model();
    let mut groups = HashMap::new();
    for (row, binding) in model.group_bindings.iter().enumerate() {
        let number = (&binding.controller_id, &binding.target, binding.index);
        let first = *groups.entry(number).or_insert(binding.group_num);
        if first != binding.group_num && check.is_good::<GroupBinding>(row) {
            let message = format!("{} {} is group {first} already", binding.target, binding.index);
            check.fault::<GroupBinding>(row, "index", Code::DuplicateIndex, message);
        }
    }
    let mut detectors = HashMap::new();
    for (row, binding) in model.detector_bindings.iter().enumerate() {
        let number = (&binding.controller_id, binding.index);
        let first = *detectors.entry(number).or_insert(&binding.detector_id);
        if first != &binding.detector_id && check.is_good::<DetectorBinding>(row) {
            let message = format!("number {} is detector {} already", binding.index, quote(first));
            check.fault::<DetectorBinding>(row, "index", Code::DuplicateIndex, message);
        }
    }
}
