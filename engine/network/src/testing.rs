//! A small corridor for tests: n crossroads in a row, one signal controller each.

use clearway_signals::nema::{Crossing, DualRing, Phase};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GeoPoint, GroupId, GroupKind, GroupSet, Millis, Owner, Relation,
    RequestRow, RowId, RowKind, SignalGroup,
};
use petgraph::graph::NodeIndex;

use crate::build::Builder;
use crate::controller::{Controller, Detector, GreenWindow, PathRow, RingPhase, SignalPlan};
use crate::flat::{
    Line, Link, LinkId, Movement, MovementId, Network, Node, NodeId, SignalRef, Stop, StopCall, StopId, Turn,
    Uses,
};
use crate::plane::{Plane, Point};

/// Metres between two crossroads of the corridor.
pub const SPACING_M: f32 = 200.0;

const STREET: Uses = Uses::CAR.union(Uses::BUS).union(Uses::TRAM).union(Uses::EMERGENCY);

/// West to east through `n` crossroads, a cross street from south to north at each; one way each.
///
/// Controller k: group 0 the corridor (eastbound), group 1 the cross street, group 2 pedestrians who
/// cross the corridor (conflicts with group 0). Rows: 0 rail (other's, number 1), 1 emergency along
/// the corridor (number 3), 2 emergency along the cross street (number 4), 3 transit priority along
/// the corridor (number 1). Every second controller, from the second, has the priority channel.
/// One tram line follows the corridor and stops half-way before the second crossroads.
///
/// # Panics
/// When its own tables do not fit, which its test excludes.
#[must_use]
pub fn corridor(n: u16) -> Network {
    let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
    let mut b = Builder { name: format!("corridor of {n}"), origin, ..Builder::default() };
    let mut eastbound = Vec::new();
    let mut previous = add_node(&mut b, "west", 0.0, 0.0);
    let mut crossings = Vec::new();
    for k in 0..n {
        let x = SPACING_M * f32::from(k + 1);
        let centre = add_node(&mut b, &format!("x{k}"), x, 0.0);
        let south = add_node(&mut b, &format!("s{k}"), x, -SPACING_M);
        let north = add_node(&mut b, &format!("n{k}"), x, SPACING_M);
        eastbound.push(add_link(&mut b, &format!("e{k}"), previous, centre));
        let from_south = add_link(&mut b, &format!("u{k}"), south, centre);
        let to_north = add_link(&mut b, &format!("v{k}"), centre, north);
        crossings.push((from_south, to_north));
        previous = centre;
    }
    let east = add_node(&mut b, "east", SPACING_M * f32::from(n + 1), 0.0);
    eastbound.push(add_link(&mut b, &format!("e{n}"), previous, east));
    for k in 0..n {
        let (from_south, to_north) = crossings[usize::from(k)];
        let (inbound, onward) = (eastbound[usize::from(k)], eastbound[usize::from(k) + 1]);
        let first = MovementId(u32::try_from(b.movements.len()).expect("small"));
        let group = |g| Some(SignalRef { controller: ControllerId(k), group: GroupId(g) });
        for (from, to, turn, signal) in [
            (inbound, onward, Turn::Through, group(0)),
            (inbound, to_north, Turn::Left, group(0)),
            (from_south, to_north, Turn::Through, group(1)),
            (from_south, onward, Turn::Right, group(1)),
        ] {
            let name = format!("m{}", b.movements.len());
            b.movements.push(Movement { name, from, to, turn, uses: STREET, signal });
        }
        b.controllers.push(controller(k, first, inbound, from_south));
    }
    b.stops.push(Stop { id: "stop".into(), name: "Corridor".into(), point: Point { x: 300.0, y: 0.0 } });
    b.lines.push(Line {
        name: "1-0".into(),
        designation: "1".into(),
        direction: 0,
        mode: Uses::TRAM,
        calls: vec![StopCall { stop: StopId(0), link_index: 1, offset_mm: 100_000 }],
        links: eastbound,
        headway_s: 300,
    });
    b.compile().expect("the corridor fits together")
}

/// The place of a point of the corridor, metres east and north of its west end.
#[must_use]
pub fn place(x: f32, y: f32) -> GeoPoint {
    Plane::at(GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 }).unproject(Point { x, y })
}

fn add_node(b: &mut Builder, name: &str, x: f32, y: f32) -> NodeIndex {
    b.graph.add_node(Node { name: name.into(), point: Point { x, y } })
}

fn add_link(b: &mut Builder, name: &str, from: NodeIndex, to: NodeIndex) -> LinkId {
    let points = vec![b.graph[from].point, b.graph[to].point];
    let link = Link {
        name: name.into(),
        street: String::new(),
        from: NodeId(0),
        to: NodeId(0),
        length_mm: 200_000,
        speed_mm_s: 13_889,
        lanes: 1,
        uses: STREET,
        shape: 0..0,
    };
    LinkId(u32::try_from(b.graph.add_edge(from, to, (link, points)).index()).expect("small"))
}

fn controller(k: u16, first: MovementId, inbound: LinkId, from_south: LinkId) -> Controller {
    let vehicle = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis(1_000),
    };
    let walkers = SignalGroup {
        kind: GroupKind::Pedestrian,
        yellow: Millis::ZERO,
        clearance: Millis(8_000),
        red_yellow: Millis::ZERO,
        ..vehicle
    };
    let row = |number, kind, owner, channel, dwell| RequestRow {
        number,
        kind,
        owner,
        channel,
        dwell: GroupSet(dwell),
        delay: Millis::ZERO,
        min_duration: Millis(5_000),
        min_dwell: Millis(5_000),
        max_presence: Millis(120_000),
    };
    let free = Relation::Compatible;
    let after = |ms| Relation::Conflict(Millis(ms));
    let path = |row, movement| PathRow { row: RowId(row), movements: vec![MovementId(first.0 + movement)] };
    let detector =
        |number, link| Detector { name: format!("d{k}-{number}"), link, to_stop_line_mm: 40_000, number };
    let preempt = Capabilities::PREEMPT.union(Capabilities::GROUP_STATES);
    Controller {
        id: ControllerId(k),
        name: format!("c{k}"),
        title: format!("Crossroads {k}"),
        point: Point { x: SPACING_M * f32::from(k + 1), y: 0.0 },
        group_names: vec!["K1".into(), "K2".into(), "P1".into()],
        groups: vec![vehicle, vehicle, walkers],
        group_numbers: vec![1, 2, 3],
        relations: vec![free, after(5_000), after(5_000), after(5_000), free, free, after(9_000), free, free],
        rows: vec![
            row(1, RowKind::Rail, Owner::Other, Channel::Preempt, 0b110),
            row(3, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b001),
            row(4, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b110),
            row(1, RowKind::Transit, Owner::Ours, Channel::Priority, 0b001),
        ],
        capabilities: if k % 2 == 1 { preempt.union(Capabilities::PRIORITY) } else { preempt },
        plan: SignalPlan {
            cycle: Millis(60_000),
            offset: Millis(i64::from(k) * 7_000 % 60_000),
            windows: vec![
                GreenWindow { group: GroupId(0), start: Millis(0), length: Millis(25_000) },
                GreenWindow { group: GroupId(1), start: Millis(30_000), length: Millis(20_000) },
                GreenWindow { group: GroupId(2), start: Millis(30_000), length: Millis(20_000) },
            ],
        },
        paths: vec![path(1, 0), path(1, 1), path(2, 2), path(2, 3), path(3, 0)],
        rings: Vec::new(),
        detectors: vec![detector(1, inbound), detector(2, from_south)],
    }
}

/// The standard eight phases in two rings of a controller that works by its detectors: protected left
/// turns (1, 3, 5, 7), crossings with 2, 4, 6 and 8, detector n for phase n, a cycle of 100 s with
/// phases 2 and 6 coordinated. Group n − 1 is phase n, groups 8 to 11 are the crossings of 2, 4, 6, 8;
/// row 0 preempts for 4 and 7, row 1 is transit priority for 4 and 8.
#[must_use]
pub fn eight_phases() -> Controller {
    let mut controller = controller(0, MovementId(0), LinkId(0), LinkId(0));
    let walk = Crossing { walk: Millis(7_000), clearance: Millis(8_000), buffer: Millis(2_000) };
    let phase = |number: u8| Phase {
        number,
        ring: 1 + (number - 1) / 4,
        barrier: 1 + (number - 1) % 4 / 2,
        position: (number - 1) % 4 + 1,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        red_clearance: Millis(1_000),
        crossing: number.is_multiple_of(2).then_some(walk),
    };
    let phases: Vec<Phase> = (1..=8).map(phase).collect();
    let rings = DualRing::new(&phases, &[]).expect("the standard eight phases");
    let groups: Vec<GroupId> = (0u8..).map(GroupId).take(rings.len()).collect();
    controller.groups = groups.iter().filter_map(|group| rings.group(*group)).collect();
    controller.group_names = groups.iter().map(|group| group.0.to_string()).collect();
    controller.group_numbers = groups.iter().map(|group| group.0 + 1).collect();
    let relations = groups.iter().flat_map(|a| groups.iter().map(|b| rings.relation(*a, *b)));
    controller.relations = relations.collect();
    // Left turns, through phases with their crossings; then the same behind the barrier.
    let splits = [(0, 11), (15, 50), (54, 65), (69, 96)];
    let window = |group: u8, start: i64, end: i64| GreenWindow {
        group: GroupId(group),
        start: Millis::from_s(start),
        length: Millis::from_s(end - start),
    };
    let greens = (0..8u8).map(|group| {
        let (start, end) = splits[usize::from(group % 4)];
        window(group, start, end)
    });
    let walks = (8..12u8).map(|group| {
        let (start, end) = splits[usize::from(1 + group % 2 * 2)];
        window(group, start, end - 10)
    });
    controller.plan = SignalPlan {
        cycle: Millis::from_s(100),
        offset: Millis::ZERO,
        windows: greens.chain(walks).collect(),
    };
    controller.rings = phases
        .iter()
        .map(|phase| RingPhase {
            group: GroupId(phase.number - 1),
            crossings: if phase.crossing.is_some() {
                GroupSet::of(GroupId(7 + phase.number / 2))
            } else {
                GroupSet::EMPTY
            },
            overlaps: GroupSet::EMPTY,
            ring: phase.ring,
            barrier: phase.barrier,
            position: phase.position,
            max_green: Millis::from_s(30),
            passage: Millis(3_000),
            detectors: vec![phase.number],
            coordinated: matches!(phase.number, 2 | 6),
        })
        .collect();
    let row =
        |channel, kind, dwell| RequestRow { channel, kind, dwell: GroupSet(dwell), ..controller.rows[1] };
    controller.rows = vec![
        row(Channel::Preempt, RowKind::Emergency, 0b0100_1000),
        row(Channel::Priority, RowKind::Transit, 0b1000_1000),
    ];
    controller.capabilities = controller.capabilities.union(Capabilities::PRIORITY);
    controller.paths = Vec::new();
    controller.detectors = (1..=8)
        .map(|number| Detector {
            name: format!("d{number}"),
            link: LinkId(0),
            to_stop_line_mm: 30_000,
            number,
        })
        .collect();
    controller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corridor_compiles_and_its_paths_name_the_right_movements() {
        let network = corridor(3);
        assert_eq!((network.controllers.len(), network.links.len()), (3, 10));
        for controller in &network.controllers {
            for path in &controller.paths {
                let signal = network.movement(path.movements[0]).signal.unwrap();
                assert_eq!(signal.controller, controller.id);
                assert!(controller.rows[path.row.index()].dwell.contains(signal.group));
            }
        }
    }
}
