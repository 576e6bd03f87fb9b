//! The real engine steers the shipped model in virtual time, against the same trip without it.

mod story;

use std::sync::Arc;

use clearway_network::Network;
use clearway_planner::Config;
use clearway_signals::{ControllerId, Millis};
use clearway_traffic::{EngineSteering, LocalPreemption, TripResult, TripSetup, Unsteered, run_trip};
use story::{helsinki, scene};

const MEASURED_UNTIL: Millis = Millis::from_s(900);

fn trip(network: &Network, seed: u64) -> TripSetup {
    story::trip(network, seed, MEASURED_UNTIL)
}

fn steered(network: &Arc<Network>, seed: u64, unarmed: &[ControllerId]) -> TripResult {
    let mut engine = EngineSteering::new(network, Config::default(), scene(), unarmed, seed);
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
