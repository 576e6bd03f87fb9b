//! Whole trips over emulated controllers in virtual time.

use std::sync::Arc;
use std::time::Instant;

use clearway_network::testing::corridor;
use clearway_signals::Millis;
use clearway_traffic::{
    Baselines, LocalPreemption, TripSetup, VirtualCity, WorldConfig, baselines, run_trip,
};

fn compared(seed: u64) -> Baselines {
    let network = Arc::new(corridor(9));
    // The corridor's trams share its one lane: nobody gets past one at its stop, whatever the control.
    let config = WorldConfig { seed, trams: false, ..WorldConfig::default() };
    let setup = TripSetup::new(network.lines[0].links.clone(), config);
    baselines(&network, &setup).unwrap()
}

#[test]
fn local_preemption_is_faster_than_none_and_violates_nothing() {
    for seed in 1..=5 {
        let Baselines { none, blue_light, local } = compared(seed);
        println!(
            "seed {seed}: none {:.0} s {} stops, blue light {:.0} s {}, local {:.0} s {}; others {:+.1} % {:+.1} %",
            none.travel_time_s,
            none.stops,
            blue_light.travel_time_s,
            blue_light.stops,
            local.travel_time_s,
            local.stops,
            blue_light.cross_delay_change_pct(&none),
            local.cross_delay_change_pct(&none),
        );
        assert!(none.arrived && blue_light.arrived && local.arrived);
        assert!(local.travel_time_s < none.travel_time_s);
        assert!(blue_light.travel_time_s < none.travel_time_s);
        for result in [&none, &blue_light, &local] {
            assert_eq!((result.violations, result.clearances_cut), (0, 0));
            assert_eq!(result.signals.len(), 9);
            assert!(result.cross_vehicles > 100);
        }
    }
}

#[test]
fn a_trip_repeats_to_the_last_bit() {
    let network = Arc::new(corridor(4));
    let setup = TripSetup::new(network.lines[0].links.clone(), WorldConfig::default());
    let run = || run_trip(&network, &setup, &mut LocalPreemption::default()).unwrap();
    assert_eq!(run(), run());
}

#[test]
fn warm_up_is_much_faster_than_real_time() {
    let network = Arc::new(corridor(24));
    let mut city = VirtualCity::new(network, WorldConfig::default());
    let start = Instant::now();
    city.advance(Millis::from_s(600));
    let wall_s = start.elapsed().as_secs_f64();
    println!("24 controllers, {} cars: {:.0} × real time", city.world.car_counts().inside, 600.0 / wall_s);
    assert!(wall_s < 60.0, "ten minutes took {wall_s} s");
}
