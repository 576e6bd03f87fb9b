//! The demo's trip across the shipped model.

use std::path::Path;
use std::sync::Arc;

use clearway_network::{LinkId, LinkIndex, Network, Uses};
use clearway_planner::route::Router;
use clearway_signals::{GeoPoint, Millis};
use clearway_traffic::{TripSetup, WorldConfig};

/// The demo's station, its fire, and when its engine leaves.
const STATION: (f64, f64) = (60.166_26, 24.943_54);
const SCENE: (f64, f64) = (60.177_85, 24.950_20);
const LEAVES: Millis = Millis::from_s(630);

/// The shipped model.
pub fn helsinki() -> Arc<Network> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../network-models/helsinki-centre");
    Arc::new(clearway_format::load(&dir).unwrap_or_else(|report| panic!("{}", report.render())).network)
}

/// Where it burns.
pub fn scene() -> GeoPoint {
    GeoPoint::from_degrees(SCENE.0, SCENE.1).unwrap()
}

/// From the station to the fire, measured until then.
pub fn trip(network: &Network, seed: u64, until: Millis) -> TripSetup {
    let ((first, start), (last, end)) = (nearest(network, STATION), nearest(network, SCENE));
    let mut route = Vec::new();
    Router::new(network).find(network, Uses::CAR, first, &[last], false, &mut route);
    assert!(!route.is_empty());
    TripSetup {
        start_offset_mm: start,
        end_offset_mm: end,
        depart: LEAVES,
        measure_until: Some(until),
        ..TripSetup::new(route, WorldConfig { seed, ..WorldConfig::default() })
    }
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
