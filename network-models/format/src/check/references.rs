//! Keys are unique, and what a cell names exists. Derived from the tables' definitions.

use std::collections::{HashMap, HashSet};

use crate::check::Check;
use crate::fault::{Code, quote};
use crate::model::{Coordination, DetectorBinding, Stage, TimingPhase};
use crate::schema::each_table;
use crate::table::{Field, Kind, Reference, Row};

/// Between the parts of a composite key; no id holds it.
const PART: &str = "\u{1f}";

type Keys = HashMap<&'static str, HashSet<String>>;

pub(super) fn check(check: &mut Check<'_, '_>) {
    let model = check.model();
    let mut keys = Keys::new();
    macro_rules! keys_each {
        ($($member:ident: $row:ident),* $(,)?) => {
            $(collect_keys(check, &model.$member, &mut keys);)*
        };
    }
    each_table!(keys_each);
    macro_rules! references_each {
        ($($member:ident: $row:ident),* $(,)?) => {
            $(check_references(check, &model.$member, &keys);)*
        };
    }
    each_table!(references_each);
    check_owners(check);
}

/// The keys of a table, and those of its first column alone, which is what others refer to.
fn collect_keys<T: Row>(check: &mut Check<'_, '_>, rows: &[T], keys: &mut Keys) {
    let table = T::TABLE;
    let positions: Vec<usize> = table.key.iter().filter_map(|key| table.position(key)).collect();
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(rows.len());
    for (row, value) in rows.iter().enumerate() {
        let cells = value.to_cells();
        let parts: Vec<&str> = positions.iter().map(|&position| cells[position].as_str()).collect();
        let key = parts.join(PART);
        // A key that could not be read is at fault already and would look like its default.
        let known = if check.are_good::<T>(row, table.key) { seen.get(&key).copied() } else { None };
        match known {
            Some(first) => {
                let at = check.places.spot(&table, first, table.key[0]).0;
                let message =
                    format!("{} is {} as in line {at}", table.key.join(" + "), quote(&parts.join(" + ")));
                check.fault::<T>(row, table.key[table.key.len() - 1], Code::DuplicateId, message);
            }
            None => {
                seen.entry(key).or_insert(row);
            }
        }
    }
    keys.insert(table.name, seen.into_keys().collect());
}

fn check_references<T: Row>(check: &mut Check<'_, '_>, rows: &[T], keys: &Keys) {
    let table = T::TABLE;
    let controller = table.position("controller_id");
    let referring =
        || table.fields.iter().enumerate().filter_map(|(at, field)| Some((at, field, field.refers?)));
    if referring().next().is_none() {
        return;
    }
    for (row, value) in rows.iter().enumerate() {
        let cells = value.to_cells();
        for (position, field, refers) in referring() {
            if !check.are_good::<T>(row, &[field.name, "controller_id"]) {
                continue;
            }
            for element in elements(field, &cells[position]) {
                let (target, key) = match refers {
                    Reference::Table(target) => (target, element.to_owned()),
                    Reference::Group => {
                        let controller = controller.map_or("", |position| cells[position].as_str());
                        ("signal_group", format!("{controller}{PART}{element}"))
                    }
                };
                let known = keys.get(target).is_some_and(|known| known.contains(&key));
                if !known && check.are_complete(&[target]) {
                    report_unknown::<T>(check, row, field, target, element);
                }
            }
        }
    }
}

fn elements<'c>(field: &Field, cell: &'c str) -> Box<dyn Iterator<Item = &'c str> + 'c> {
    match field.kind {
        Kind::Ids | Kind::Integers => Box::new(cell.split_whitespace()),
        Kind::Paths => Box::new(cell.split('|').flat_map(str::split_whitespace)),
        _ => Box::new(Some(cell).filter(|cell| !cell.is_empty()).into_iter()),
    }
}

fn report_unknown<T: Row>(check: &mut Check<'_, '_>, row: usize, field: &Field, target: &str, element: &str) {
    let dangling = T::TABLE.name == "link" && target == "node";
    let code = if dangling { Code::DanglingLink } else { Code::UnknownReference };
    let message = match field.refers {
        Some(Reference::Group) => {
            format!("{}: the controller has no group {} in signal_group.csv", field.name, quote(element))
        }
        _ => format!("{}: there is no {} in {target}.csv", field.name, quote(element)),
    };
    check.fault::<T>(row, field.name, code, message);
}

/// Rows that name a controller and a plan, or a controller and a detector, name the same one.
fn check_owners(check: &mut Check<'_, '_>) {
    let model = check.model();
    let plan_owner = |check: &Check<'_, '_>, id: &str| {
        check.index.plans.get(id).map(|&plan| model.timing_plans[plan].controller_id.as_str())
    };
    for (row, phase) in model.timing_phases.iter().enumerate() {
        let Some(&plan) = check.index.plans.get(phase.timing_plan_id.as_str()) else { continue };
        let owner = &model.timing_plans[plan].controller_id;
        let Some(&controller) = check.index.controllers.get(owner.as_str()) else { continue };
        let known = check.index.group(controller, phase.signal_phase_num).is_some();
        if !known && check.is_good::<TimingPhase>(row) && check.are_complete(&["signal_group"]) {
            let number = phase.signal_phase_num;
            let message =
                format!("signal_phase_num: {} has no group {number} in signal_group.csv", quote(owner));
            check.fault::<TimingPhase>(row, "signal_phase_num", Code::UnknownReference, message);
        }
    }
    for (row, stage) in model.stages.iter().enumerate() {
        let owner = plan_owner(check, &stage.timing_plan_id);
        check_owner::<Stage>(check, row, &stage.controller_id, owner);
    }
    for (row, coordination) in model.coordinations.iter().enumerate() {
        let owner = plan_owner(check, &coordination.timing_plan_id);
        check_owner::<Coordination>(check, row, &coordination.controller_id, owner);
    }
    let detectors: HashMap<&str, &str> =
        model.detectors.iter().map(|d| (d.detector_id.as_str(), d.controller_id.as_str())).collect();
    for (row, binding) in model.detector_bindings.iter().enumerate() {
        let owner = detectors.get(binding.detector_id.as_str()).copied();
        check_owner::<DetectorBinding>(check, row, &binding.controller_id, owner);
    }
}

fn check_owner<T: Row>(check: &mut Check<'_, '_>, row: usize, named: &str, owner: Option<&str>) {
    let Some(owner) = owner.filter(|owner| *owner != named) else { return };
    if check.is_good::<T>(row) {
        let message =
            format!("controller_id is {}, but the row refers to one of {}", quote(named), quote(owner));
        check.fault::<T>(row, "controller_id", Code::WrongController, message);
    }
}
