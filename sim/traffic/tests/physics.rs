//! The physics of the simulator against the formulas it stands on.

use std::sync::Arc;

use clearway_network::testing::corridor;
use clearway_network::{LinkId, Network, Turn};
use clearway_signals::{ControllerId, Millis};
use clearway_traffic::physics::{HEADWAY_MS, START_UP_LOST_MS, YELLOW_USED_MS};
use clearway_traffic::{FixedTime, World, WorldConfig};

/// One crossroads where everyone drives straight on as far as headways go.
fn crossroads() -> Arc<Network> {
    let mut network = corridor(1);
    for movement in &mut network.movements {
        movement.turn = Turn::Through;
    }
    Arc::new(network)
}

fn world(network: &Arc<Network>, target_saturation: f64, demand_factor: f64, seed: u64) -> World {
    let config = WorldConfig { seed, target_saturation, demand_factor, trams: false };
    World::new(Arc::clone(network), config)
}

/// Control delay of a fixed-time approach, seconds: HCM d1 + d2 with k = 0.5, I = 1.
fn hcm_delay_s(cycle_s: f64, green_s: f64, flow_per_s: f64, window_s: f64) -> f64 {
    let capacity = green_s / cycle_s * 1000.0 / HEADWAY_MS as f64;
    let x = flow_per_s / capacity;
    let ratio = green_s / cycle_s;
    let d1 = 0.5 * cycle_s * (1.0 - ratio).powi(2) / (1.0 - x.min(1.0) * ratio);
    let hours = window_s / 3600.0;
    let excess = ((x - 1.0).powi(2) + 4.0 * x / (capacity * 3600.0 * hours)).sqrt();
    d1 + 900.0 * hours * (x - 1.0 + excess)
}

/// Measured and expected mean delay over both approaches, and the degree of saturation of the fuller.
fn delays_s(demand_factor: f64) -> (f64, f64, f64) {
    let network = crossroads();
    let signals = FixedTime::new(&network);
    let (mut measured, mut expected, mut fullest) = (0.0, 0.0, 0.0);
    let (runs, window_s) = (4, 7_200.0);
    for seed in 1..=runs {
        let mut world = world(&network, 9.0, demand_factor, seed);
        world.advance(Millis::from_s(600), &signals);
        world.watch(&[ControllerId(0)]);
        let _ = world.take_pulses();
        world.advance(Millis::from_s(7_800), &signals);
        let pulses = world.take_pulses();
        let flow = |number| pulses.iter().filter(|(_, n)| *n == number).count() as f64 / window_s;
        let used = (YELLOW_USED_MS - START_UP_LOST_MS) as f64 / 1000.0;
        let sum = flow(1) * hcm_delay_s(60.0, 25.0 + used, flow(1), window_s)
            + flow(2) * hcm_delay_s(60.0, 20.0 + used, flow(2), window_s);
        expected += sum / (flow(1) + flow(2)) / runs as f64;
        fullest += flow(2) * HEADWAY_MS as f64 / 1000.0 * 3.0 / runs as f64;
        measured += world.cross_delay().mean_s() / runs as f64;
    }
    (measured, expected, fullest)
}

#[test]
fn delay_at_a_fixed_signal_is_that_of_the_hcm() {
    for demand_factor in [0.4, 0.7, 1.0, 1.2] {
        let (measured, expected, saturation) = delays_s(demand_factor);
        println!("x {saturation:.2}: {measured:.1} s, HCM {expected:.1} s");
        let off = measured / expected - 1.0;
        assert!(off.abs() < 0.15, "x {saturation:.2}: {measured:.1} s against {expected:.1} s");
    }
}

#[test]
fn a_full_approach_sends_its_capacity() {
    let network = crossroads();
    let signals = FixedTime::new(&network);
    let mut world = world(&network, 9.0, 4.0, 1);
    world.advance(Millis::from_s(1_200), &signals);
    let _ = world.take_pulses();
    let left = world.car_counts().left;
    world.advance(Millis::from_s(1_200 + 240 * 60), &signals);
    let per_cycle = |green_ms: i64| (green_ms + YELLOW_USED_MS - START_UP_LOST_MS) as f64 / HEADWAY_MS as f64;
    let expected = 240.0 * (per_cycle(25_000) + per_cycle(20_000));
    let sent = (world.car_counts().left - left) as f64;
    assert!((sent / expected - 1.0).abs() < 0.01, "{sent} of {expected}");
}

#[test]
fn a_red_light_downstream_fills_its_link_and_then_the_one_before() {
    let network = Arc::new(corridor(2));
    let mut red = corridor(2);
    red.controllers[1].plan.windows.retain(|window| window.group.0 != 0);
    let signals = FixedTime::new(&red);
    let mut world = world(&network, 0.9, 1.0, 2);
    world.advance(Millis::from_s(3_000), &signals);
    let (first, second) = (LinkId(0), LinkId(3));
    assert_eq!(network.link(second).name, "e1");
    // 200 m hold 29 cars of 7 m, the last with its tail over the start.
    assert_eq!(world.queue_on(second), 29);
    assert!(world.queue_on(first) >= 28, "{} cars upstream", world.queue_on(first));
    assert!(world.car_counts().waiting > 0);
}

#[test]
fn nobody_crosses_on_red() {
    let network = Arc::new(corridor(1));
    let mut red = corridor(1);
    red.controllers[0].plan.windows.clear();
    let mut world = world(&network, 0.9, 1.0, 3);
    world.advance(Millis::from_s(1_200), &FixedTime::new(&red));
    assert!(world.car_counts().inside > 20);
    assert_eq!(world.car_counts().left, 0);
}
