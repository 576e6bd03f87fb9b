//! What drivers, detectors and receivers do.

use std::sync::Arc;

use clearway_network::testing::corridor;
use clearway_network::{
    Builder, Controller, GreenWindow, Link, LinkId, Movement, Network, Node, NodeId, Point, SignalPlan,
    SignalRef, Turn, Uses,
};
use clearway_signals::{
    Capabilities, ControllerId, GeoPoint, GroupId, GroupKind, Millis, Relation, SignalGroup,
};
use clearway_traffic::{Aspect, FixedTime, Sensors, Signals, World, WorldConfig};

struct AllGreen;

impl Signals for AllGreen {
    fn aspect(&self, _: Millis, _: ControllerId, _: GroupId) -> Aspect {
        Aspect::Green
    }
}

/// From the west straight on or to the left, and a second stream that starts at `other` and goes
/// straight on to the west; one signal group each.
fn two_streams(other: Point) -> Arc<Network> {
    let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
    let mut b = Builder { name: "two streams".into(), origin, ..Builder::default() };
    let mut node = |x, y| b.graph.add_node(Node { name: format!("{x} {y}"), point: Point { x, y } });
    let (west, centre, north) = (node(-200.0, 0.0), node(0.0, 0.0), node(0.0, 200.0));
    let (from_other, east, out_west) = (node(other.x, other.y), node(200.0, 10.0), node(-200.0, 10.0));
    let mut link = |from, to| {
        let points = [from, to].map(|end| b.graph.node_weight(end).unwrap().point).to_vec();
        let data = Link {
            name: String::new(),
            street: String::new(),
            from: NodeId(0),
            to: NodeId(0),
            length_mm: 200_000,
            speed_mm_s: 13_889,
            lanes: 1,
            uses: Uses::CAR,
            shape: 0..0,
        };
        LinkId(u32::try_from(b.graph.add_edge(from, to, (data, points)).index()).unwrap())
    };
    let (in_west, in_other) = (link(west, centre), link(from_other, centre));
    let (to_east, to_north, to_west) = (link(centre, east), link(centre, north), link(centre, out_west));
    let movement = |from, to, turn, group| Movement {
        name: String::new(),
        from,
        to,
        turn,
        uses: Uses::CAR,
        signal: Some(SignalRef { controller: ControllerId(0), group: GroupId(group) }),
    };
    b.movements = vec![
        movement(in_west, to_east, Turn::Through, 0),
        movement(in_west, to_north, Turn::Left, 0),
        movement(in_other, to_west, Turn::Through, 1),
    ];
    let group = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis::ZERO,
    };
    let window = |group| GreenWindow { group: GroupId(group), start: Millis(0), length: Millis(60_000) };
    b.controllers.push(Controller {
        id: ControllerId(0),
        name: "c".into(),
        title: "c".into(),
        point: Point { x: 0.0, y: 0.0 },
        group_names: vec!["K1".into(), "K2".into()],
        groups: vec![group; 2],
        group_numbers: vec![1, 2],
        relations: vec![Relation::Compatible, Relation::Permitted, Relation::Permitted, Relation::Compatible],
        rows: Vec::new(),
        capabilities: Capabilities::NONE,
        plan: SignalPlan { cycle: Millis(60_000), offset: Millis::ZERO, windows: vec![window(0), window(1)] },
        paths: Vec::new(),
        rings: Vec::new(),
        detectors: Vec::new(),
    });
    Arc::new(b.compile().unwrap())
}

#[test]
fn a_permitted_left_turn_waits_for_a_gap_in_the_stream_against_it() {
    let mean_delay_s = |other| {
        let network = two_streams(other);
        let config = WorldConfig { target_saturation: 2.0, ..WorldConfig::default() };
        let mut world = World::new(network, config);
        world.watch(&[ControllerId(0)]);
        world.advance(Millis::from_s(3_600), &AllGreen);
        world.cross_delay().mean_s()
    };
    let against = mean_delay_s(Point { x: 200.0, y: 0.0 });
    let beside = mean_delay_s(Point { x: 0.0, y: -200.0 });
    assert!(against > 2.0 * beside, "{against} s against the stream, {beside} s beside it");
}

#[test]
fn each_car_is_counted_once_where_it_passes() {
    let network = Arc::new(corridor(1));
    let mut world = World::new(Arc::clone(&network), WorldConfig { trams: false, ..WorldConfig::default() });
    world.advance(Millis::from_s(3_600), &FixedTime::new(&network));
    let (counts, pulses) = (world.car_counts(), world.take_pulses().len() as u64);
    assert!(pulses >= counts.left && pulses <= counts.left + counts.inside, "{pulses} of {counts:?}");
    assert!(world.take_pulses().is_empty());
}

#[test]
fn a_queue_that_reaches_a_detector_holds_it_occupied() {
    let network = Arc::new(corridor(1));
    let mut red = corridor(1);
    red.controllers[0].plan.windows.clear();
    let mut world = World::new(Arc::clone(&network), WorldConfig { trams: false, ..WorldConfig::default() });
    assert!(world.detector_occupancy().iter().all(|(_, _, occupied)| !occupied));
    world.advance(Millis::from_s(600), &FixedTime::new(&red));
    let held: Vec<_> = world.detector_occupancy();
    assert_eq!(held, [(ControllerId(0), 1, true), (ControllerId(0), 2, true)]);
}

#[test]
fn a_delay_that_nobody_watches_is_zero() {
    let network = Arc::new(corridor(2));
    let mut world = World::new(Arc::clone(&network), WorldConfig::default());
    world.advance(Millis::from_s(900), &FixedTime::new(&network));
    assert_eq!(world.cross_delay().cars, 0);
    world.watch(&[ControllerId(0), ControllerId(999)]);
    assert_eq!(world.cross_delay().total, Millis::ZERO);
    assert!(world.cross_delay().cars > 0);
}

#[test]
fn receivers_report_once_a_second_with_the_error_they_are_given() {
    let network = Arc::new(corridor(6));
    let signals = FixedTime::new(&network);
    let mut world =
        World::new(Arc::clone(&network), WorldConfig { demand_factor: 0.0, ..WorldConfig::default() });
    let mut sensors = Sensors::new(3, 3.0);
    let (mut squares, mut reports, mut seconds) = (0.0, 0_u32, 0.0);
    for tick in 1..=72_000 {
        world.advance(Millis(tick * 100), &signals);
        seconds += 0.1 * world.driven().count() as f64;
        for fix in sensors.fixes(&world) {
            let truth = network.project(world.driven_by_serial(fix.serial).unwrap().place);
            squares += f64::from(truth.distance(network.project(fix.place))).powi(2);
            reports += 1;
        }
    }
    assert!((f64::from(reports) / seconds - 1.0).abs() < 0.02, "{reports} reports in {seconds} s");
    let sd_m = (squares / f64::from(reports) / 2.0).sqrt();
    assert!((2.5..3.5).contains(&sd_m), "{sd_m} m");
}
