//! Same seed, same bytes; nobody is lost.

use std::sync::Arc;

use clearway_network::testing::corridor;
use clearway_network::{LinkId, Network};
use clearway_signals::Millis;
use clearway_traffic::{Class, Driving, EmergencyTrip, FixedTime, Sensors, World, WorldConfig};
use proptest::prelude::*;

fn config(seed: u64) -> WorldConfig {
    WorldConfig { seed, ..WorldConfig::default() }
}

fn eastbound(network: &Network) -> Vec<LinkId> {
    network.lines[0].links.clone()
}

fn hash_after(network: &Arc<Network>, seed: u64, steps_ms: i64) -> u64 {
    let signals = FixedTime::new(network);
    let mut world = World::new(Arc::clone(network), config(seed));
    let depart = Millis::from_s(600);
    let route = eastbound(network);
    let trip = EmergencyTrip {
        route,
        start_offset_mm: 0,
        end_offset_mm: u32::MAX,
        depart,
        driving: Driving::ThroughRed,
    };
    world.add_trip(trip).unwrap();
    let mut sensors = Sensors::new(seed, 3.0);
    let mut hash = 0_u64;
    let mut at = 0;
    while at < 900_000 {
        at += steps_ms;
        world.advance(Millis(at), &signals);
        for fix in sensors.fixes(&world) {
            hash = hash.wrapping_mul(31).wrapping_add(fix.place.lat_e7.unsigned_abs().into());
        }
    }
    hash ^ world.state_hash()
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let network = Arc::new(corridor(5));
    assert_eq!(hash_after(&network, 7, 100), hash_after(&network, 7, 100));
    assert_ne!(hash_after(&network, 7, 100), hash_after(&network, 8, 100));
}

#[test]
fn the_length_of_a_call_changes_nothing() {
    let network = Arc::new(corridor(3));
    let signals = FixedTime::new(&network);
    let run = |step: i64| {
        let mut world = World::new(Arc::clone(&network), config(4));
        for at in (step..=600_000).step_by(usize::try_from(step).unwrap()) {
            world.advance(Millis(at), &signals);
        }
        world.state_hash()
    };
    assert_eq!(run(100), run(60_000));
}

#[test]
fn a_trip_whose_links_do_not_meet_is_refused() {
    let network = Arc::new(corridor(2));
    let mut world = World::new(network, config(1));
    let route = vec![LinkId(0), LinkId(5)];
    let trip = EmergencyTrip {
        route,
        start_offset_mm: 0,
        end_offset_mm: 0,
        depart: Millis(0),
        driving: Driving::ObeysSignals,
    };
    assert!(world.add_trip(trip).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_car_is_lost(
        seed in any::<u64>(),
        saturation in 0.1_f64..3.0,
        n in 1_u16..6,
        depart_s in 0_i64..300,
    ) {
        let network = Arc::new(corridor(n));
        let signals = FixedTime::new(&network);
        let world_config = WorldConfig { seed, target_saturation: saturation, ..WorldConfig::default() };
        let mut world = World::new(Arc::clone(&network), world_config);
        let route = eastbound(&network);
        let trip = EmergencyTrip {
            route,
            start_offset_mm: 20_000,
            end_offset_mm: 150_000,
            depart: Millis::from_s(depart_s),
            driving: Driving::ObeysSignals,
        };
        world.add_trip(trip).unwrap();
        for minute in 1..=15 {
            world.advance(Millis::from_s(60 * minute), &signals);
            let counts = world.car_counts();
            let gone = counts.left + counts.turned_away;
            prop_assert_eq!(counts.appeared, counts.inside + counts.waiting + gone);
            let cars = world.vehicles().filter(|view| view.class == Class::Car).count() as u64;
            prop_assert_eq!(cars, counts.inside);
        }
    }

    #[test]
    fn no_car_stands_on_another(seed in any::<u64>(), saturation in 0.1_f64..3.0, n in 1_u16..6) {
        let network = Arc::new(corridor(n));
        let signals = FixedTime::new(&network);
        let world_config = WorldConfig { seed, target_saturation: saturation, demand_factor: 2.0, trams: false };
        let mut world = World::new(Arc::clone(&network), world_config);
        for step in 1..=300 {
            world.advance(Millis(step * 2_300), &signals);
            let cars: Vec<_> = world.vehicles().collect();
            for pair in cars.windows(2).filter(|pair| pair[0].link == pair[1].link) {
                let gap_mm = i64::from(pair[0].offset_mm) - i64::from(pair[1].offset_mm);
                prop_assert!(gap_mm >= 6_900, "{:?} {} mm behind {:?}", pair[1], gap_mm, pair[0]);
            }
        }
    }
}
