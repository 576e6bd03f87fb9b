//! The rows of the model.

use std::collections::BTreeMap;
use std::fmt::Write;

use clearway_network::Uses;
use clearway_signals::GroupKind;

use super::base::Base;
use super::conflict::Relation;
use super::data::OsmId;
use super::geo::{self, Xy};
use super::junction::{Controller, Group};
use super::links::RawLink;
use super::plan::Plan;
use super::profile::Profile;
use super::requests::Row;
use super::streets::Kind;
use crate::model::{
    ControllerLink, Coordination, DetectorBinding, Geometry, GroupBinding, GroupPair, Link, Model, Movement,
    Node, PhaseMovement, RequestBinding, SignalController, SignalDetector, SignalGroupRow, Source, Stage,
    TimingPhase, TimingPlan,
};

/// A controller with everything that was generated for it.
pub struct Equipped {
    /// Streams, groups, relations.
    pub controller: Controller,
    /// Its plan.
    pub plan: Plan,
    /// Its request rows.
    pub rows: Vec<Row>,
    /// Whether it speaks Modbus; else NTCIP.
    pub modbus: bool,
}

impl Equipped {
    /// The model's id of the n-th controller.
    fn id(n: usize) -> String {
        format!("c{:02}", n + 1)
    }
}

/// The most detectors that a controller binds.
const DETECTORS_MAX: usize = 32;

/// Model ids of links: `r…` streets, `t…` tracks.
pub fn link_ids(links: &[RawLink]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    links
        .iter()
        .map(|link| {
            let n = counts.entry(link.kind).and_modify(|n| *n += 1).or_insert(1);
            let letter = if link.kind == Kind::Road { 'r' } else { 't' };
            format!("{letter}{n}")
        })
        .collect()
}

/// Nodes, links, shapes and movements.
pub fn streets(model: &mut Model, base: &Base, controllers: &[Equipped]) {
    let ids = link_ids(&base.links);
    let mut ends: BTreeMap<OsmId, bool> = BTreeMap::new();
    for link in &base.links {
        for node in [link.from(), link.to()] {
            *ends.entry(node).or_default() |= base.is_cut(link.kind, node);
        }
    }
    let signalled = |link: usize| controllers.iter().any(|c| c.controller.group_of_link(link).is_some());
    let at_signal: std::collections::BTreeSet<OsmId> =
        (0..base.links.len()).filter(|&link| signalled(link)).map(|link| base.links[link].to()).collect();
    for (&node, &cut) in &ends {
        let (lat, lon) = base.projection.unproject(base.streets.place(node));
        model.nodes.push(Node {
            node_id: node.to_string(),
            name: String::new(),
            x_coord: degrees(lon),
            y_coord: degrees(lat),
            node_type: if cut { "boundary" } else { "" }.into(),
            ctrl_type: if at_signal.contains(&node) { "signal" } else { "" }.into(),
        });
    }
    for (index, link) in base.links.iter().enumerate() {
        model
            .geometries
            .push(Geometry { geometry_id: format!("g{}", ids[index]), geometry: wkt(base, &link.line) });
        model.links.push(Link {
            link_id: ids[index].clone(),
            name: link.name.clone(),
            from_node_id: link.from().to_string(),
            to_node_id: link.to().to_string(),
            directed: true,
            geometry_id: format!("g{}", ids[index]),
            length: round(link.length_m, 2).max(0.1),
            facility_type: link.class.clone(),
            free_speed: round(link.speed_m_s, 2),
            lanes: link.lanes,
            allowed_uses: words(link.uses),
            free_speed_source: Some(source(link.speed_guessed)),
            lanes_source: Some(source(link.lanes_guessed)),
        });
    }
    for (index, m) in base.moves.iter().enumerate() {
        let (lanes, guessed) = (base.links[m.from].lanes, base.links[m.from].lanes_guessed);
        model.movements.push(Movement {
            mvmt_id: movement_id(index),
            node_id: base.links[m.from].to().to_string(),
            ib_link_id: ids[m.from].clone(),
            start_ib_lane: Some(1),
            end_ib_lane: Some(lanes),
            ob_link_id: ids[m.to].clone(),
            kind: m.kind().into(),
            ctrl_type: if signalled(m.from) { "signal" } else { "no_control" }.into(),
            allowed_uses: words(m.uses),
            // Nobody says which of several lanes lead there: all of them are taken to.
            lanes_source: Some(source(guessed || lanes > 1)),
        });
    }
}

fn source(is_guessed: bool) -> Source {
    if is_guessed { Source::Default } else { Source::Imported }
}

fn movement_id(index: usize) -> String {
    format!("m{}", index + 1)
}

/// Everything of the n-th controller.
pub fn controller(
    model: &mut Model,
    base: &Base,
    ids: &[String],
    n: usize,
    equipped: &Equipped,
    profile: &Profile,
) {
    let id = Equipped::id(n);
    let c = &equipped.controller;
    let (lat, lon) = base.projection.unproject(c.centre);
    let name = if c.title.is_empty() { id.clone() } else { c.title.clone() };
    let (x_coord, y_coord) = (degrees(lon), degrees(lat));
    model.controllers.push(SignalController {
        controller_id: id.clone(),
        name,
        x_coord,
        y_coord,
        source: Source::Default,
    });
    let target = if equipped.modbus { "bit" } else { "phase" };
    for (g, group) in c.groups.iter().enumerate() {
        let group_num = number(g);
        model.groups.push(SignalGroupRow {
            controller_id: id.clone(),
            group_num,
            name: group.name.clone(),
            kind: kind(group.kind).into(),
            min_green: group.min_green_s,
            yellow: group.yellow_s,
            clearance: group.clearance_s,
            red_yellow: group.red_yellow_s,
            source: Source::Default,
        });
        model.group_bindings.push(GroupBinding {
            controller_id: id.clone(),
            group_num,
            target: target.into(),
            index: group_num,
            source: Source::Default,
        });
    }
    pairs(model, &id, c);
    plan(model, &id, base, ids, equipped, profile);
    detectors(model, &id, base, ids, c, profile);
    requests(model, &id, equipped);
    let (protocol, wire, capabilities) = if equipped.modbus {
        ("modbus", "clearway-modbus-1", "preempt priority group_states detectors")
    } else {
        ("ntcip", "ntcip-1202-v03", "preempt group_states detectors")
    };
    model.controller_links.push(ControllerLink {
        controller_id: id,
        protocol: protocol.into(),
        address: String::new(),
        profile: wire.into(),
        capabilities: capabilities.into(),
        source: Source::Default,
    });
}

fn pairs(model: &mut Model, id: &str, c: &Controller) {
    for (from, row) in c.relations.iter().enumerate() {
        for (to, relation) in row.iter().enumerate() {
            let (word, intergreen) = match relation {
                Relation::Compatible => continue,
                Relation::Permitted => ("permitted", None),
                Relation::Conflict(seconds) => ("conflict", Some(f64::from(*seconds))),
            };
            model.group_pairs.push(GroupPair {
                controller_id: id.into(),
                from_group: number(from),
                to_group: number(to),
                relation: word.into(),
                intergreen,
                source: Source::Default,
            });
        }
    }
}

fn plan(model: &mut Model, id: &str, base: &Base, ids: &[String], equipped: &Equipped, profile: &Profile) {
    let (c, plan) = (&equipped.controller, &equipped.plan);
    let plan_id = format!("{id}-p1");
    model.timing_plans.push(TimingPlan {
        timing_plan_id: plan_id.clone(),
        controller_id: id.into(),
        cycle_length: f64::from(plan.cycle_s),
        source: Source::Default,
    });
    for (n, (groups, start, end)) in plan.rows.iter().enumerate() {
        model.stages.push(Stage {
            timing_plan_id: plan_id.clone(),
            controller_id: id.into(),
            stage_num: number(n),
            groups: list(groups),
            start: f64::from(*start),
            end: f64::from(*end),
            source: Source::Default,
        });
    }
    // The cycle begins with the green that serves most people, so that it carries the coordination.
    let leading = plan.rows.first().and_then(|(groups, ..)| {
        let starts = |g: &&usize| plan.rows.last().is_none_or(|(last, ..)| !last.contains(g));
        let persons = |g: usize| c.groups[g].persons_per_h;
        groups.iter().filter(starts).max_by(|&&a, &&b| persons(a).total_cmp(&persons(b)))
    });
    model.coordinations.push(Coordination {
        coordination_id: format!("{plan_id}-k"),
        timing_plan_id: plan_id.clone(),
        controller_id: id.into(),
        coord_contr_id: String::new(),
        coord_phase: leading.map(|&g| number(g)),
        coord_ref_to: "begin_of_green".into(),
        offset: f64::from(equipped.plan.offset_s),
    });
    for (g, group) in c.groups.iter().enumerate() {
        phase(model, base, ids, c, &plan_id, (g, group), plan, profile);
    }
}

#[allow(clippy::too_many_arguments)]
fn phase(
    model: &mut Model,
    base: &Base,
    ids: &[String],
    c: &Controller,
    plan_id: &str,
    (g, group): (usize, &Group),
    plan: &Plan,
    profile: &Profile,
) {
    let phase_id = format!("{plan_id}-{}", group.name);
    let walks = group.walks();
    model.timing_phases.push(TimingPhase {
        timing_phase_id: phase_id.clone(),
        timing_plan_id: plan_id.into(),
        signal_phase_num: number(g),
        min_green: group.min_green_s,
        max_green: f64::from(plan.cycle_s),
        extension: 0.0,
        clearance: if walks { 0.0 } else { group.yellow_s + profile.red_clearance_s() },
        walk_time: if walks { group.min_green_s } else { 0.0 },
        ped_clearance: group.clearance_s,
        ring: 1,
        barrier: 1,
        position: number(g),
    });
    let rule = |model: &mut Model, mvmt_id: String, link_id: String, protection: &str| {
        let n = model.phase_movements.len() + 1;
        model.phase_movements.push(PhaseMovement {
            signal_phase_mvmt_id: format!("pm{n}"),
            timing_phase_id: phase_id.clone(),
            mvmt_id,
            link_id,
            protection: protection.into(),
        });
    };
    if walks {
        for &link in &c.site.crosswalks[group.of].links {
            rule(model, String::new(), ids[link].clone(), "protected");
        }
        return;
    }
    let gives_way = c.relations[g].contains(&Relation::Permitted);
    let link = c.site.approaches[group.of].link;
    for (index, m) in base.moves.iter().enumerate().filter(|(_, m)| m.from == link) {
        let protection = if gives_way && m.kind() != "thru" { "permitted" } else { "protected" };
        rule(model, movement_id(index), String::new(), protection);
    }
}

fn detectors(model: &mut Model, id: &str, base: &Base, ids: &[String], c: &Controller, profile: &Profile) {
    let measured = c.groups.iter().enumerate().filter(|(_, g)| !g.walks() && !c.site.approaches[g.of].inner);
    for (n, (g, group)) in measured.take(DETECTORS_MAX).enumerate() {
        let link = c.site.approaches[group.of].link;
        let raw = &base.links[link];
        let front = if raw.length_m > profile.detector_m { profile.detector_m } else { raw.length_m / 2.0 };
        let detector_id = format!("{id}-d{}", n + 1);
        model.detectors.push(SignalDetector {
            detector_id: detector_id.clone(),
            controller_id: id.into(),
            signal_phase_num: number(g),
            link_id: ids[link].clone(),
            start_lane: 1,
            end_lane: Some(raw.lanes),
            ref_node_id: raw.to().to_string(),
            det_zone_front: round(front, 1),
            det_zone_back: 2.0,
            det_type: "loop".into(),
        });
        model.detector_bindings.push(DetectorBinding {
            detector_id,
            controller_id: id.into(),
            index: number(n),
            source: Source::Default,
        });
    }
}

fn requests(model: &mut Model, id: &str, equipped: &Equipped) {
    for row in &equipped.rows {
        let path = |moves: &Vec<usize>| moves.iter().map(|&m| movement_id(m)).collect::<Vec<_>>().join(" ");
        model.request_bindings.push(RequestBinding {
            controller_id: id.into(),
            row_num: row.number,
            kind: row.kind.into(),
            channel: row.channel.into(),
            owner: row.owner.into(),
            paths: row.paths.iter().map(path).collect::<Vec<_>>().join("|"),
            dwell_groups: list(&row.dwell.iter().copied().collect::<Vec<_>>()),
            exit_groups: String::new(),
            delay: 0.0,
            min_duration: 5.0,
            min_dwell: 5.0,
            max_presence: 120.0,
            source: Source::Default,
        });
    }
}

/// Numbers count from 1.
fn number(index: usize) -> u8 {
    u8::try_from(index + 1).unwrap_or(u8::MAX)
}

fn list(groups: &[usize]) -> String {
    groups.iter().map(|&g| number(g).to_string()).collect::<Vec<_>>().join(" ")
}

fn kind(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Vehicle => "vehicle",
        GroupKind::Tram => "tram",
        GroupKind::Bicycle => "bicycle",
        GroupKind::Pedestrian => "pedestrian",
    }
}

fn words(uses: Uses) -> String {
    let all = [
        (Uses::CAR, "car"),
        (Uses::BUS, "bus"),
        (Uses::TRAM, "tram"),
        (Uses::BICYCLE, "bicycle"),
        (Uses::FOOT, "foot"),
        (Uses::EMERGENCY, "emergency"),
    ];
    let allowed = all.iter().filter(|(one, _)| uses.allow(*one));
    allowed.map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}

fn wkt(base: &Base, line: &[Xy]) -> String {
    let mut text = String::from("LINESTRING (");
    for (i, &p) in line.iter().enumerate() {
        let (lat, lon) = base.projection.unproject(p);
        let comma = if i == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{} {}", degrees(lon), degrees(lat));
    }
    text.push(')');
    text
}

/// Seven decimals: a centimetre.
pub fn degrees(value: f64) -> f64 {
    round(value, 7)
}

/// Rounded to so many decimals.
pub fn round(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}

/// The link of a chain at a distance from its start, and the distance from that link's start.
pub fn on_chain(links: &[RawLink], chain: &[usize], at_m: f64) -> Option<(usize, f64)> {
    let mut left = at_m;
    for &link in chain {
        let size = geo::length(&links[link].line);
        if left <= size {
            return Some((link, left.max(0.0)));
        }
        left -= size;
    }
    None
}
