//! The network that comes of the hand-made model.

use std::path::PathBuf;

use clearway_format::load;
use clearway_network::{GreenWindow, LinkId, Network, Uses};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GroupId, GroupKind, GroupSet, Millis, Owner, Relation, RowKind,
};

use crate::folder::{edited, two_crossroads};

fn network() -> Network {
    load(&two_crossroads()).unwrap_or_else(|report| panic!("{}", report.render())).network
}

fn green(group: u8, start_s: i64, length_s: i64) -> GreenWindow {
    GreenWindow { group: GroupId(group), start: Millis::from_s(start_s), length: Millis::from_s(length_s) }
}

#[test]
fn ids_follow_the_order_of_the_tables() {
    let network = network();
    let names: Vec<_> = network.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["e0", "e1", "e2", "u1", "v1", "u2", "v2"]);
    assert_eq!(network.controllers[1].name, "c2");
    assert_eq!(network.controllers[1].id, ControllerId(1));
    assert_eq!(network.controllers[0].group_names, ["K1", "K2", "P1"]);
    assert_eq!(network.controllers[0].group_numbers, [2, 4, 8]);
}

#[test]
fn links_have_si_integers_and_shapes_from_node_to_node() {
    let network = network();
    let link = network.link(LinkId(0));
    assert_eq!((link.length_mm, link.speed_mm_s, link.lanes), (199_300, 13_900, 2));
    assert!(link.uses.allow(Uses::TRAM) && link.uses.allow(Uses::EMERGENCY) && !link.uses.allow(Uses::FOOT));
    let shape = network.shape(LinkId(0));
    assert_eq!(shape.len(), 3);
    assert_eq!(shape[0], network.nodes[link.from.index()].point);
    assert_eq!(shape[2], network.nodes[link.to.index()].point);
    assert!((shape[0].distance(shape[2]) - 199.3).abs() < 1.0);
}

#[test]
fn a_shape_drawn_the_other_way_round_is_turned() {
    let turned = edited(&[(
        "geometry.csv",
        "24.94 60.17, 24.9418 60.17001, 24.9436 60.17",
        "24.9436 60.17, 24.9418 60.17001, 24.94 60.17",
    )]);
    assert_eq!(load(turned.path()).unwrap().network.shape(LinkId(0)), network().shape(LinkId(0)));
}

#[test]
fn intergreens_come_from_the_tables_and_silence_means_compatible() {
    let network = network();
    let junction = network.controllers[0].junction();
    let relation = |from, to| junction.relation(GroupId(from), GroupId(to));
    assert_eq!(relation(0, 1), Relation::Conflict(Millis(5_000)));
    assert_eq!(relation(2, 0), Relation::Conflict(Millis(9_000)));
    assert_eq!(relation(1, 2), Relation::Permitted);
    assert_eq!(relation(2, 1), Relation::Compatible);
    assert_eq!(junction.groups[2].kind, GroupKind::Pedestrian);
    assert_eq!(junction.groups[2].ending(), Millis(8_000));
}

#[test]
fn stages_become_windows_overlaps_follow_their_parents_and_offsets_refer_to_their_phase() {
    let network = network();
    let (first, second) = (&network.controllers[0].plan, &network.controllers[1].plan);
    assert_eq!(first.windows, [green(0, 0, 25), green(1, 30, 20), green(2, 30, 20)]);
    assert_eq!(second.windows[3], green(3, 30, 20));
    assert_eq!((first.cycle, first.offset, second.offset), (Millis(60_000), Millis(3_000), Millis(17_500)));
    let yellow = edited(&[("signal_coordination.csv", "begin_of_green", "begin_of_yellow")]);
    let offset = load(yellow.path()).unwrap().network.controllers[1].plan.offset;
    assert_eq!(offset, Millis(17_500 - 25_000 + 60_000));
}

#[test]
fn request_rows_and_paths_name_their_movements() {
    let network = network();
    let controller = &network.controllers[1];
    let row = &controller.rows[2];
    assert_eq!((row.number, row.kind, row.owner), (4, RowKind::Emergency, Owner::Ours));
    assert_eq!((row.channel, row.dwell), (Channel::Preempt, GroupSet(0b1110)));
    assert_eq!(row.max_presence, Millis(120_000));
    assert_eq!((controller.rows[0].owner, controller.rows[3].channel), (Owner::Other, Channel::Priority));
    let named: Vec<_> = controller
        .paths
        .iter()
        .map(|path| (path.row.0, network.movement(path.movements[0]).name.as_str()))
        .collect();
    assert_eq!(named, [(1, "m5"), (1, "m6"), (2, "m7"), (2, "m8"), (3, "m5")]);
    assert!(controller.capabilities.allows(Capabilities::PRIORITY.union(Capabilities::DETECTORS)));
    assert!(!network.controllers[0].capabilities.allows(Capabilities::PRIORITY));
}

#[test]
fn a_movement_obeys_the_group_that_protects_it() {
    let network = network();
    let movement = network.movements.iter().find(|movement| movement.name == "m8").unwrap();
    assert_eq!(movement.signal.unwrap().group, GroupId(3));
}

#[test]
fn lines_call_at_their_stops_and_bound_detectors_have_numbers() {
    let network = network();
    let line = &network.lines[0];
    assert_eq!(line.links, [LinkId(0), LinkId(1), LinkId(2)]);
    assert_eq!((line.calls[0].link_index, line.calls[0].offset_mm), (1, 100_000));
    assert_eq!(network.stops[line.calls[0].stop.index()].name, "Market");
    let detectors = &network.controllers[0].detectors;
    assert_eq!((detectors[0].number, detectors[0].to_stop_line_mm), (1, 40_000));
    assert!(network.controllers[1].detectors.is_empty(), "without a number it cannot be read");
}

#[test]
fn phases_with_a_ring_and_a_passage_time_have_crossings_detectors_and_coordination() {
    let nema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../reference-nema");
    let network_of_rings = load(&nema).unwrap_or_else(|report| panic!("{}", report.render())).network;
    let rings = &network_of_rings.controllers[0].rings;
    let places: Vec<_> =
        rings.iter().map(|p| (p.group.0 + 1, p.ring, p.barrier, p.position, p.coordinated)).collect();
    let first = [(1, 1, 1, 1, false), (2, 1, 1, 2, true), (3, 1, 2, 3, false), (4, 1, 2, 4, false)];
    let second = [(5, 2, 1, 1, false), (6, 2, 1, 2, true), (7, 2, 2, 3, false), (8, 2, 2, 4, false)];
    assert_eq!(places, [first, second].concat());
    let walks: Vec<_> = rings.iter().map(|phase| phase.crossings).collect();
    let with = |group| GroupSet::of(GroupId(group));
    let none = GroupSet::EMPTY;
    assert_eq!(walks, [none, with(8), none, with(9), none, with(10), none, with(11)]);
    let fourth = &rings[3];
    assert_eq!((fourth.passage, fourth.max_green), (Millis::from_s(3), Millis::from_s(40)));
    assert_eq!(fourth.detectors, [4]);
    assert!(network().controllers.iter().all(|controller| controller.rings.is_empty()));
}
