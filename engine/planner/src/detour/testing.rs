//! A block of streets for tests: two parallel tracks, a street without one, a loop at either end.

use std::collections::BTreeMap;

use clearway_network::{
    Builder, Controller, GreenWindow, Line, Link, LinkId, Movement, MovementId, Network, Node, NodeId,
    PathRow, Point, SignalPlan, SignalRef, Stop, StopCall, StopId, Turn, Turnback, TurnbackKind, Uses,
};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GeoPoint, GroupId, GroupKind, GroupSet, Millis, Owner, Relation,
    RequestRow, RowId, RowKind, SignalGroup,
};
use petgraph::graph::NodeIndex;

const TRACK: Uses = Uses::TRAM.union(Uses::BUS);

/// Where nodes lie, metres.
const NODES: [(&str, f32, f32); 10] = [
    ("w", 0.0, 0.0),
    ("p", 400.0, 0.0),
    ("q", 800.0, 0.0),
    ("r", 1_200.0, 0.0),
    ("e", 1_600.0, 0.0),
    ("ps", 400.0, -300.0),
    ("qs", 800.0, -300.0),
    ("m", 600.0, 100.0),
    ("pn", 400.0, 60.0),
    ("qn", 800.0, 60.0),
];

/// Links: name, from, to, who.
const LINKS: [(&str, &str, &str, Uses); 15] = [
    // Eastbound: w p q r e.
    ("a0", "w", "p", TRACK),
    ("a1", "p", "q", TRACK),
    ("a2", "q", "r", TRACK),
    ("a3", "r", "e", TRACK),
    // Westbound.
    ("z3", "e", "r", TRACK),
    ("z2", "r", "q", TRACK),
    ("z1", "q", "p", TRACK),
    ("z0", "p", "w", TRACK),
    // The other track, south, and its connections.
    ("d0", "p", "ps", TRACK),
    ("b1", "ps", "qs", TRACK),
    ("u2", "qs", "q", TRACK),
    // A street without track, shorter than the way by the other track.
    ("c1", "p", "q", Uses::CAR),
    // Loops: west of the block at p, east of it at q.
    ("lp", "p", "pn", Uses::TRAM),
    ("lq", "q", "qn", Uses::TRAM),
    ("x", "qn", "m", Uses::CAR),
];

/// Movements; all others that meet are forbidden.
const MOVES: [(&str, &str, Turn); 14] = [
    ("a0", "a1", Turn::Through),
    ("a1", "a2", Turn::Through),
    ("a2", "a3", Turn::Through),
    ("z3", "z2", Turn::Through),
    ("z2", "z1", Turn::Through),
    ("z1", "z0", Turn::Through),
    ("a0", "d0", Turn::Right),
    ("d0", "b1", Turn::Left),
    ("b1", "u2", Turn::Left),
    ("u2", "a2", Turn::Right),
    ("a0", "c1", Turn::Through),
    ("c1", "a2", Turn::Through),
    ("a0", "lp", Turn::Left),
    ("z2", "lq", Turn::Right),
];

/// Line 1 runs east (direction 0) and west (direction 1) through the block and calls once on every link
/// and once on the other track, where line 2 runs; `lp` and `lq` are where trams change ends. Headways
/// are ten minutes.
#[must_use]
pub fn block() -> Network {
    let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
    let mut b = Builder { name: "block".into(), origin, ..Builder::default() };
    let mut nodes: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for (name, x, y) in NODES {
        let node = Node { name: name.into(), point: Point { x, y } };
        nodes.insert(name, b.graph.add_node(node));
    }
    let mut ids: BTreeMap<&str, LinkId> = BTreeMap::new();
    for (name, from, to, uses) in LINKS {
        let points = vec![b.graph[nodes[from]].point, b.graph[nodes[to]].point];
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let length_mm = (points[0].distance(points[1]) * 1000.0) as u32;
        let link = Link {
            name: name.into(),
            street: format!("Street {}", &name[..1]),
            from: NodeId(0),
            to: NodeId(0),
            length_mm,
            speed_mm_s: 10_000,
            lanes: 1,
            uses,
            shape: 0..0,
        };
        let edge = b.graph.add_edge(nodes[from], nodes[to], (link, points));
        ids.insert(name, LinkId(u32::try_from(edge.index()).expect("small")));
    }
    for (from, to, turn) in MOVES {
        let name = format!("{from}-{to}");
        let uses = TRACK.union(Uses::CAR);
        let signalled = (from, to) == ("d0", "b1");
        let signal = signalled.then_some(SignalRef { controller: ControllerId(0), group: GroupId(0) });
        if signalled {
            let movement = MovementId(u32::try_from(b.movements.len()).expect("small"));
            b.controllers.push(controller(movement));
        }
        b.movements.push(Movement { name, from: ids[from], to: ids[to], turn, uses, signal });
    }
    line(&mut b, &ids, "1", 0, &["a0", "a1", "a2", "a3"]);
    line(&mut b, &ids, "1", 1, &["z3", "z2", "z1", "z0"]);
    line(&mut b, &ids, "2", 0, &["d0", "b1", "u2"]);
    for (name, from, to) in [("west", "lp", "z0"), ("east", "lq", "a2")] {
        let kind = TurnbackKind::Crossover;
        b.turnbacks.push(Turnback { name: name.into(), from: ids[from], to: ids[to], kind });
    }
    b.compile().expect("the block fits together")
}

/// The signal at the corner of the other track: a tram group, 20 s of 60, with a priority row.
fn controller(movement: MovementId) -> Controller {
    let group = SignalGroup {
        kind: GroupKind::Tram,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis(1_000),
    };
    let row = RequestRow {
        number: 1,
        kind: RowKind::Transit,
        owner: Owner::Ours,
        channel: Channel::Priority,
        dwell: GroupSet(1),
        delay: Millis::ZERO,
        min_duration: Millis::ZERO,
        min_dwell: Millis::ZERO,
        max_presence: Millis::ZERO,
    };
    let window = GreenWindow { group: GroupId(0), start: Millis::ZERO, length: Millis(20_000) };
    Controller {
        id: ControllerId(0),
        name: "c0".into(),
        title: "Corner".into(),
        point: Point { x: 400.0, y: -300.0 },
        group_names: vec!["T1".into()],
        groups: vec![group],
        group_numbers: vec![1],
        relations: vec![Relation::Compatible],
        rows: vec![row],
        capabilities: Capabilities::PRIORITY.union(Capabilities::GROUP_STATES),
        plan: SignalPlan { cycle: Millis(60_000), offset: Millis::ZERO, windows: vec![window] },
        paths: vec![PathRow { row: RowId(0), movements: vec![movement] }],
        rings: Vec::new(),
        detectors: Vec::new(),
    }
}

fn line(b: &mut Builder, ids: &BTreeMap<&str, LinkId>, designation: &str, direction: u8, names: &[&str]) {
    let links: Vec<LinkId> = names.iter().map(|name| ids[name]).collect();
    let mut calls = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let edge = petgraph::graph::EdgeIndex::new(links[index].index());
        let (link, points) = &b.graph[edge];
        let half = Point { x: (points[0].x + points[1].x) / 2.0, y: (points[0].y + points[1].y) / 2.0 };
        let offset_mm = link.length_mm / 2;
        let stop = StopId(u32::try_from(b.stops.len()).expect("small"));
        b.stops.push(Stop { id: format!("s-{name}"), name: format!("Stop {name}"), point: half });
        calls.push(StopCall { stop, link_index: u32::try_from(index).expect("small"), offset_mm });
    }
    b.lines.push(Line {
        name: format!("{designation}-{direction}"),
        designation: designation.into(),
        direction,
        mode: Uses::TRAM,
        links,
        calls,
        headway_s: 600,
    });
}

/// The link of that name.
#[must_use]
pub fn link(network: &Network, name: &str) -> LinkId {
    let found = network.links.iter().position(|l| l.name == name).expect("a link of the block");
    LinkId(u32::try_from(found).expect("small"))
}
