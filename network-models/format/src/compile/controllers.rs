//! Controllers: groups, relations, plan, request rows, detectors.

mod rings;

use std::collections::HashMap;

use clearway_network::{Controller, Detector, GreenWindow, LinkId, MovementId, PathRow, Plane, SignalPlan};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GroupKind, Millis, Owner, Relation, RequestRow, RowId, RowKind,
    SignalGroup,
};

use crate::compile::{CompileError, find, narrow, place};
use crate::index::Index;
use crate::model::{Coordination, RequestBinding, SignalGroupRow, TimingPhase};
use crate::plan::{plan_stages, windows};
use crate::schema::OWNER_OURS;
use crate::units::{group_id, group_set, millimetres, millis};

pub(super) fn controllers(index: &Index<'_>, plane: &Plane) -> Result<Vec<Controller>, CompileError> {
    let bindings = Bindings::of(index);
    (0..index.sites.len()).map(|row| controller(index, plane, &bindings, row)).collect()
}

/// Numbers at the controllers, by what they are the number of.
struct Bindings<'m> {
    groups: HashMap<(&'m str, u8), u8>,
    detectors: HashMap<&'m str, u8>,
    coordinations: HashMap<&'m str, &'m Coordination>,
    /// By plan.
    phases: HashMap<&'m str, Vec<&'m TimingPhase>>,
}

impl<'m> Bindings<'m> {
    fn of(index: &Index<'m>) -> Self {
        let model = index.model;
        let mut phases: HashMap<&str, Vec<&TimingPhase>> = HashMap::new();
        for phase in &model.timing_phases {
            phases.entry(phase.timing_plan_id.as_str()).or_default().push(phase);
        }
        let group =
            |row: &'m crate::model::GroupBinding| ((row.controller_id.as_str(), row.group_num), row.index);
        Self {
            groups: model.group_bindings.iter().map(group).collect(),
            detectors: model
                .detector_bindings
                .iter()
                .map(|row| (row.detector_id.as_str(), row.index))
                .collect(),
            coordinations: model.coordinations.iter().map(|row| (row.timing_plan_id.as_str(), row)).collect(),
            phases,
        }
    }
}

fn controller(
    index: &Index<'_>,
    plane: &Plane,
    bindings: &Bindings<'_>,
    row: usize,
) -> Result<Controller, CompileError> {
    let model = index.model;
    let site = &index.sites[row];
    let controller = &model.controllers[row];
    let name = controller.controller_id.as_str();
    let id = u16::try_from(row).map_err(|_| CompileError::Invalid {
        table: "signal_controller",
        id: name.to_owned(),
        wrong: "is one controller too many",
    })?;
    let groups: Vec<&SignalGroupRow> = site.groups.iter().map(|&row| &model.groups[row]).collect();
    let number = |group: &&SignalGroupRow| {
        bindings.groups.get(&(name, group.group_num)).copied().unwrap_or(group.group_num)
    };
    let plan = plan(index, bindings, row)?;
    Ok(Controller {
        id: ControllerId(id),
        name: name.to_owned(),
        title: controller.name.clone(),
        point: place(plane, "signal_controller", name, controller.x_coord, controller.y_coord)?,
        group_names: groups.iter().map(|group| group.name.clone()).collect(),
        groups: groups.iter().map(|group| signal_group(group)).collect(),
        group_numbers: groups.iter().map(number).collect(),
        relations: relations(index, row, &groups),
        rows: site.requests.iter().map(|&row| request_row(&model.request_bindings[row])).collect(),
        capabilities: site
            .link
            .map_or(Capabilities::NONE, |row| capabilities(&model.controller_links[row].capabilities)),
        rings: rings::phases(index, bindings, row, &plan),
        plan,
        paths: paths(index, row)?,
        detectors: detectors(index, bindings, row)?,
    })
}

fn signal_group(row: &SignalGroupRow) -> SignalGroup {
    SignalGroup {
        kind: match row.kind.as_str() {
            "tram" => GroupKind::Tram,
            "bicycle" => GroupKind::Bicycle,
            "pedestrian" => GroupKind::Pedestrian,
            _ => GroupKind::Vehicle,
        },
        min_green: millis(row.min_green),
        yellow: millis(row.yellow),
        clearance: millis(row.clearance),
        red_yellow: millis(row.red_yellow),
    }
}

fn relations(index: &Index<'_>, controller: usize, groups: &[&SignalGroupRow]) -> Vec<Relation> {
    let mut relations = Vec::with_capacity(groups.len() * groups.len());
    for from in groups {
        for to in groups {
            let pair = index.pair(controller, from.group_num, to.group_num);
            relations.push(match pair.map(|pair| (pair.relation.as_str(), pair.intergreen)) {
                Some(("conflict", Some(intergreen))) => Relation::Conflict(millis(intergreen)),
                // Without an intergreen there is no safe time to start: never.
                Some(("conflict", None)) => Relation::Conflict(Millis::NEVER),
                Some(("permitted", _)) => Relation::Permitted,
                _ => Relation::Compatible,
            });
        }
    }
    relations
}

fn request_row(row: &RequestBinding) -> RequestRow {
    RequestRow {
        number: row.row_num,
        kind: match row.kind.as_str() {
            "rail" => RowKind::Rail,
            "emergency" => RowKind::Emergency,
            _ => RowKind::Transit,
        },
        owner: if row.owner == OWNER_OURS { Owner::Ours } else { Owner::Other },
        channel: if row.channel == "priority" { Channel::Priority } else { Channel::Preempt },
        dwell: group_set(&row.dwell_groups),
        delay: millis(row.delay),
        min_duration: millis(row.min_duration),
        min_dwell: millis(row.min_dwell),
        max_presence: millis(row.max_presence),
    }
}

/// The capabilities that a cell lists.
pub(crate) fn capabilities(text: &str) -> Capabilities {
    text.split_whitespace().fold(Capabilities::NONE, |set, word| {
        set.union(match word {
            "preempt" => Capabilities::PREEMPT,
            "priority" => Capabilities::PRIORITY,
            "group_states" => Capabilities::GROUP_STATES,
            "detectors" => Capabilities::DETECTORS,
            _ => Capabilities::NONE,
        })
    })
}

fn plan(index: &Index<'_>, bindings: &Bindings<'_>, controller: usize) -> Result<SignalPlan, CompileError> {
    let model = index.model;
    let Some(&row) = index.sites[controller].plans.first() else {
        let id = model.controllers[controller].controller_id.clone();
        return Err(CompileError::Unknown { table: "signal_timing_plan", id });
    };
    let plan = &model.timing_plans[row];
    let cycle = millis(plan.cycle_length);
    let windows: Vec<GreenWindow> =
        windows(cycle, &plan_stages(index, controller, row)).into_iter().map(|window| window.green).collect();
    let offset = match bindings.coordinations.get(plan.timing_plan_id.as_str()) {
        Some(coordination) => {
            millis(coordination.offset) - reference(index, controller, coordination, &windows)
        }
        None => Millis::ZERO,
    };
    Ok(SignalPlan { cycle, offset: Millis(offset.0.rem_euclid(cycle.0.max(1))), windows })
}

/// The second of the cycle that a coordination's offset refers to.
fn reference(
    index: &Index<'_>,
    controller: usize,
    coordination: &Coordination,
    windows: &[GreenWindow],
) -> Millis {
    let group = coordination.coord_phase.and_then(group_id);
    let window = windows.iter().find(|window| Some(window.group) == group);
    let row = coordination.coord_phase.and_then(|number| index.group(controller, number));
    let (Some(window), Some(row)) = (window, row) else { return Millis::ZERO };
    let end = window.start + window.length;
    match coordination.coord_ref_to.as_str() {
        "begin_of_green" => window.start,
        "begin_of_yellow" => end,
        "begin_of_red" => end + signal_group(row).ending(),
        _ => Millis::ZERO,
    }
}

fn paths(index: &Index<'_>, controller: usize) -> Result<Vec<PathRow>, CompileError> {
    let mut paths = Vec::new();
    for (position, &request) in index.sites[controller].requests.iter().enumerate() {
        let row = RowId(u8::try_from(position).unwrap_or(u8::MAX));
        for path in index.paths(request) {
            let movements = path
                .into_iter()
                .map(|id| find(&index.movements, "movement", id).map(|found| MovementId(narrow(found))))
                .collect::<Result<_, _>>()?;
            paths.push(PathRow { row, movements });
        }
    }
    Ok(paths)
}

/// Detectors that have a number at the controller; others are for people.
fn detectors(
    index: &Index<'_>,
    bindings: &Bindings<'_>,
    controller: usize,
) -> Result<Vec<Detector>, CompileError> {
    let mut detectors = Vec::new();
    for &row in &index.sites[controller].detectors {
        let row = &index.model.detectors[row];
        if let Some(&number) = bindings.detectors.get(row.detector_id.as_str()) {
            detectors.push(Detector {
                name: row.detector_id.clone(),
                link: LinkId(narrow(find(&index.links, "link", &row.link_id)?)),
                to_stop_line_mm: millimetres(row.det_zone_front),
                number,
            });
        }
    }
    Ok(detectors)
}
