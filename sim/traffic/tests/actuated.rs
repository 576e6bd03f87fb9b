//! A dual ring that works by its detectors, in traffic: against the same junction by its plan alone.

use std::path::Path;
use std::sync::Arc;

use clearway_signals::{ControllerId, Millis};
use clearway_traffic::{VirtualCity, WorldConfig};

/// What rules the junction.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Plan,
    Coordinated,
    Free,
}

/// Mean delay of everybody at a saturation, seconds; nobody is shown an unlawful signal.
fn mean_delay_s(rule: Rule, target_saturation: f64) -> f64 {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../network-models/reference-nema");
    let loaded = clearway_format::load(&model).unwrap_or_else(|report| panic!("{}", report.render()));
    let mut network = loaded.network;
    let rings = &mut network.controllers[0].rings;
    assert!(rings.iter().any(|phase| phase.coordinated), "the model has rings, and they are coordinated");
    match rule {
        Rule::Plan => rings.clear(),
        Rule::Coordinated => {}
        Rule::Free => rings.iter_mut().for_each(|phase| phase.coordinated = false),
    }
    let config = WorldConfig { target_saturation, trams: false, ..WorldConfig::default() };
    let mut city = VirtualCity::new(Arc::new(network), config);
    city.world.watch(&[ControllerId(0)]);
    city.advance(Millis::from_s(3_600));
    assert_eq!(city.field.totals().violations(), 0);
    city.world.cross_delay().mean_s()
}

#[test]
fn in_light_traffic_detectors_save_much_of_the_delay() {
    let [plan, coordinated, free] = [Rule::Plan, Rule::Coordinated, Rule::Free].map(|r| mean_delay_s(r, 0.3));
    assert!(free < 0.7 * plan, "{free} s free, {plan} s by plan");
    assert!(coordinated < plan, "{coordinated} s coordinated, {plan} s by plan");
}

#[test]
fn in_heavy_traffic_coordinated_rings_are_no_worse_than_the_plan() {
    let [plan, coordinated] = [Rule::Plan, Rule::Coordinated].map(|rule| mean_delay_s(rule, 0.9));
    assert!(coordinated < 1.05 * plan, "{coordinated} s coordinated, {plan} s by plan");
}
