//! The real engine steers the shipped model in virtual time, against the same trip without it.

use std::path::Path;
use std::sync::Arc;

use clearway_network::{LinkId, LinkIndex, Network, Uses};
use clearway_planner::Config;
use clearway_planner::route::Router;
use clearway_signals::{ControllerId, GeoPoint, Millis};
use clearway_traffic::{
    EngineSteering, LocalPreemption, TripResult, TripSetup, Unsteered, WorldConfig, run_trip,
};

/// The demo's station, its fire, and when its engine leaves.
const STATION: (f64, f64) = (60.166_26, 24.943_54);
const SCENE: (f64, f64) = (60.177_85, 24.950_20);
const LEAVES: Millis = Millis::from_s(630);
const MEASURED_UNTIL: Millis = Millis::from_s(900);

fn helsinki() -> Arc<Network> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../network-models/helsinki-centre");
    Arc::new(clearway_format::load(&dir).unwrap_or_else(|report| panic!("{}", report.render())).network)
}

fn nearest(network: &Network, place: (f64, f64)) -> (LinkId, u32) {
    let point = network.project(GeoPoint::from_degrees(place.0, place.1).unwrap());
    let mut best: Option<(f32, LinkId, u32)> = None;
    LinkIndex::new(network).near(network, point, 50.0, Uses::CAR, |link, foot| {
        if best.is_none_or(|(distance, ..)| foot.distance_m < distance) {
            best = Some((foot.distance_m, link, foot.offset_mm));
        }
    });
    best.map(|(_, link, offset_mm)| (link, offset_mm)).expect("the place is on the map")
}

fn trip(network: &Network, seed: u64) -> TripSetup {
    let ((first, start), (last, end)) = (nearest(network, STATION), nearest(network, SCENE));
    let mut route = Vec::new();
    Router::new(network).find(network, Uses::CAR, first, &[last], false, &mut route);
    assert!(!route.is_empty());
    TripSetup {
        start_offset_mm: start,
        end_offset_mm: end,
        depart: LEAVES,
        measure_until: Some(MEASURED_UNTIL),
        ..TripSetup::new(route, WorldConfig { seed, ..WorldConfig::default() })
    }
}

fn steered(network: &Arc<Network>, seed: u64, unarmed: &[ControllerId]) -> TripResult {
    let scene = GeoPoint::from_degrees(SCENE.0, SCENE.1).unwrap();
    let mut engine = EngineSteering::new(network, Config::default(), scene, unarmed, seed);
    run_trip(network, &trip(network, seed), &mut engine).expect("a route")
}

#[test]
fn a_wave_through_helsinki_is_quick_and_harms_nobody() {
    let network = helsinki();
    for seed in 1..=5 {
        let none = run_trip(&network, &trip(&network, seed), &mut Unsteered).expect("a route");
        let local =
            run_trip(&network, &trip(&network, seed), &mut LocalPreemption::default()).expect("a route");
        let wave = steered(&network, seed, &[]);
        assert_eq!((wave.violations, wave.clearances_cut), (0, 0), "seed {seed}");
        assert!(wave.arrived && wave.stops <= 1, "seed {seed}: {} stops", wave.stops);
        assert!(wave.travel_time_s <= 0.55 * none.travel_time_s, "seed {seed}: {:.0} s", wave.travel_time_s);
        assert!(wave.travel_time_s <= local.travel_time_s, "seed {seed}: {:.0} s", wave.travel_time_s);
        assert!(wave.cross_delay_s_total < local.cross_delay_s_total, "seed {seed}");
    }
}

#[test]
fn the_wave_goes_on_around_controllers_that_are_not_armed() {
    let network = helsinki();
    let every_third: Vec<ControllerId> = network.controllers.iter().map(|c| c.id).step_by(3).collect();
    let wave = steered(&network, 1, &every_third);
    assert!(wave.arrived);
    assert_eq!((wave.violations, wave.clearances_cut), (0, 0));
}

#[test]
fn the_same_seed_gives_the_same_wave() {
    let network = helsinki();
    assert_eq!(steered(&network, 7, &[]), steered(&network, 7, &[]));
}
