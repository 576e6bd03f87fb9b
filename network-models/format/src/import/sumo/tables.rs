//! Rows of the model.

use std::collections::BTreeSet;

use super::net::{Allowed, Edge, Net};
use super::signals::Controller;
use crate::model::{
    ControllerLink, Coordination, Geometry, GroupBinding, GroupPair, Link, Meta, Model, Movement, Node,
    PhaseMovement, SignalController, SignalGroupRow, Source, Stage, TimingPhase, TimingPlan,
};

/// Said in every model that is made here.
const NOTICE: &str = "Imported from a SUMO network: streets, lanes, turns and signal programs are the network's; \
    pedestrians, minimum greens and intergreens between stages are not in it and are taken from the programs.";

pub(super) fn model(net: &Net, controllers: &[Controller], name: &str) -> Model {
    let mut model = Model {
        meta: Meta {
            format_version: 1,
            name: name.to_owned(),
            notice: NOTICE.into(),
            license: "NOASSERTION".into(),
            attribution: "the authors of the SUMO network".into(),
            crs: "EPSG:4326".into(),
            units: "si".into(),
            profile: "sumo".into(),
        },
        ..Model::default()
    };
    nodes(&mut model, net);
    for edge in net.edges.values() {
        link(&mut model, net, edge);
    }
    movements(&mut model, net, controllers);
    for controller in controllers {
        signals(&mut model, net, controller);
    }
    model
}

fn nodes(model: &mut Model, net: &Net) {
    let starts: BTreeSet<&String> = net.movements.iter().map(|movement| &movement.from).collect();
    let goals: BTreeSet<&String> = net.movements.iter().map(|movement| &movement.to).collect();
    // Traffic begins and ends where no movement leads on.
    let mut open: BTreeSet<&String> = BTreeSet::new();
    for (name, edge) in &net.edges {
        if !starts.contains(name) {
            open.insert(&edge.to);
        }
        if !goals.contains(name) {
            open.insert(&edge.from);
        }
    }
    let signalled: BTreeSet<&String> = net
        .movements
        .iter()
        .filter(|movement| movement.signal.is_some())
        .filter_map(|movement| net.edges.get(&movement.from).map(|edge| &edge.to))
        .collect();
    let used: BTreeSet<&String> = net.edges.values().flat_map(|edge| [&edge.from, &edge.to]).collect();
    for (name, junction) in net.junctions.iter().filter(|(name, _)| used.contains(name)) {
        let (lon, lat) = net.location.globe((junction.x, junction.y));
        let boundary = junction.is_end || open.contains(name);
        model.nodes.push(Node {
            node_id: name.clone(),
            name: String::new(),
            x_coord: degrees(lon),
            y_coord: degrees(lat),
            node_type: if boundary { "boundary".into() } else { String::new() },
            ctrl_type: if signalled.contains(name) { "signal".into() } else { String::new() },
        });
    }
}

/// Seven decimals: a centimetre.
fn degrees(value: f64) -> f64 {
    (value * 1e7).round() / 1e7
}

fn rounded(value: f64, unit: f64) -> f64 {
    (value / unit).round() * unit
}

fn words(uses: Allowed) -> String {
    let words =
        [(uses.car, "car"), (uses.car || uses.bus, "bus"), (uses.tram, "tram"), (uses.car, "emergency")];
    words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}

fn link(model: &mut Model, net: &Net, edge: &Edge) {
    let mut geometry_id = String::new();
    if edge.shape.len() >= 2 {
        geometry_id = format!("g{}", model.geometries.len() + 1);
        let points: Vec<String> = edge
            .shape
            .iter()
            .map(|&point| {
                let (lon, lat) = net.location.globe(point);
                format!("{} {}", degrees(lon), degrees(lat))
            })
            .collect();
        let geometry = format!("LINESTRING ({})", points.join(", "));
        model.geometries.push(Geometry { geometry_id: geometry_id.clone(), geometry });
    }
    let class = edge.kind.rsplit('.').next().unwrap_or_default();
    model.links.push(Link {
        link_id: edge.name.clone(),
        name: String::new(),
        from_node_id: edge.from.clone(),
        to_node_id: edge.to.clone(),
        directed: true,
        geometry_id,
        length: rounded(edge.length_m, 0.01).max(0.1),
        facility_type: if class.is_empty() { "unclassified".into() } else { class.to_owned() },
        free_speed: rounded(edge.speed_m_s, 0.01).max(0.1),
        lanes: u8::try_from(edge.lanes.len()).unwrap_or(16).min(16),
        allowed_uses: words(edge.uses),
        free_speed_source: Some(Source::Imported),
        lanes_source: Some(Source::Imported),
    });
}

fn movement_id(number: usize) -> String {
    format!("m{}", number + 1)
}

fn movements(model: &mut Model, net: &Net, controllers: &[Controller]) {
    let ruled: BTreeSet<usize> = controllers.iter().flat_map(|c| c.group_of.keys().copied()).collect();
    for (number, movement) in net.movements.iter().enumerate() {
        let (Some(from), Some(to)) = (net.edges.get(&movement.from), net.edges.get(&movement.to)) else {
            continue;
        };
        let uses = Allowed {
            car: from.uses.car && to.uses.car,
            bus: from.uses.bus && to.uses.bus,
            tram: from.uses.tram && to.uses.tram,
        };
        model.movements.push(Movement {
            mvmt_id: movement_id(number),
            node_id: from.to.clone(),
            ib_link_id: movement.from.clone(),
            start_ib_lane: Some(movement.lanes.0),
            end_ib_lane: Some(movement.lanes.1),
            ob_link_id: movement.to.clone(),
            kind: match movement.direction.as_str() {
                "l" | "L" => "left",
                "r" | "R" => "right",
                "t" | "T" => "uturn",
                _ => "thru",
            }
            .into(),
            ctrl_type: match (ruled.contains(&number), movement.gives_way) {
                (true, _) => "signal",
                (false, true) => "yield",
                (false, false) => "no_control",
            }
            .into(),
            allowed_uses: words(uses),
            lanes_source: Some(Source::Imported),
        });
    }
}

fn signals(model: &mut Model, net: &Net, controller: &Controller) {
    let id = &controller.name;
    let plan = format!("{id}-p1");
    let phase = |group: u8| format!("{plan}-K{group}");
    let (lon, lat) = net.location.globe(controller.at);
    let source = Source::Imported;
    model.controllers.push(SignalController {
        controller_id: id.clone(),
        name: id.clone(),
        x_coord: degrees(lon),
        y_coord: degrees(lat),
        source,
    });
    let cycle_length = rounded(controller.cycle_s, 0.1);
    model.timing_plans.push(TimingPlan {
        timing_plan_id: plan.clone(),
        controller_id: id.clone(),
        cycle_length,
        source,
    });
    for (number, group) in (1_u8..).zip(&controller.groups) {
        model.groups.push(SignalGroupRow {
            controller_id: id.clone(),
            group_num: number,
            name: format!("K{number}"),
            kind: "vehicle".into(),
            min_green: group.green_min_s,
            yellow: group.yellow_s,
            clearance: 0.0,
            red_yellow: 0.0,
            source,
        });
        model.timing_phases.push(TimingPhase {
            timing_phase_id: phase(number),
            timing_plan_id: plan.clone(),
            signal_phase_num: number,
            min_green: group.green_min_s,
            max_green: group.green_max_s,
            clearance: group.yellow_s,
            ring: 1,
            barrier: 1,
            position: number,
            ..TimingPhase::default()
        });
        model.group_bindings.push(GroupBinding {
            controller_id: id.clone(),
            group_num: number,
            target: "phase".into(),
            index: number,
            source: Source::Default,
        });
    }
    for (&movement, &(group, permitted)) in &controller.group_of {
        model.phase_movements.push(PhaseMovement {
            signal_phase_mvmt_id: format!("pm{}", model.phase_movements.len() + 1),
            timing_phase_id: phase(group),
            mvmt_id: movement_id(movement),
            link_id: String::new(),
            protection: if permitted { "permitted".into() } else { "protected".into() },
        });
    }
    plan_rows(model, controller, &plan);
}

fn plan_rows(model: &mut Model, controller: &Controller, plan: &str) {
    let (id, source) = (&controller.name, Source::Imported);
    for (number, (start, end, groups)) in (1_u8..).zip(&controller.stages) {
        let listed: Vec<String> = groups.iter().map(u8::to_string).collect();
        model.stages.push(Stage {
            timing_plan_id: plan.to_owned(),
            controller_id: id.clone(),
            stage_num: number,
            groups: listed.join(" "),
            start: rounded(*start, 0.1),
            end: rounded(*end, 0.1),
            source,
        });
    }
    model.coordinations.push(Coordination {
        coordination_id: format!("{plan}-k"),
        timing_plan_id: plan.to_owned(),
        controller_id: id.clone(),
        coord_contr_id: String::new(),
        coord_phase: None,
        coord_ref_to: String::new(),
        offset: rounded(controller.offset_s, 0.1),
    });
    for &(from_group, to_group, intergreen) in &controller.pairs {
        let relation = if intergreen.is_some() { "conflict" } else { "permitted" };
        let intergreen = intergreen.map(|seconds| rounded(seconds, 0.1));
        model.group_pairs.push(GroupPair {
            controller_id: id.clone(),
            from_group,
            to_group,
            relation: relation.into(),
            intergreen,
            source,
        });
    }
    model.controller_links.push(ControllerLink {
        controller_id: id.clone(),
        protocol: "ntcip".into(),
        address: String::new(),
        profile: "ntcip-1202-v03".into(),
        capabilities: "group_states".into(),
        source: Source::Default,
    });
}
