//! The shipped model of Helsinki's centre under its peak traffic.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clearway_format::load;
use clearway_network::{LinkId, Network, Uses};
use clearway_signals::{ControllerId, Millis};
use clearway_traffic::{Class, TripSetup, VirtualCity, WorldConfig, baselines, fastest_way, movements_along};

fn centre() -> Arc<Network> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../network-models/helsinki-centre");
    let loaded = load(&dir).unwrap_or_else(|report| panic!("{}", report.render()));
    Arc::new(loaded.network)
}

/// How many different controllers a way passes.
fn controllers_on(network: &Network, way: &[LinkId]) -> usize {
    let movements = movements_along(network, way).unwrap();
    let signals = movements.iter().filter_map(|&m| network.movement(m).signal);
    signals.map(|signal| signal.controller).collect::<BTreeSet<_>>().len()
}

/// The fastest way between two links that passes the most controllers.
fn longest_way(network: &Network) -> Vec<LinkId> {
    let links = || (0..u32::try_from(network.links.len()).unwrap()).map(LinkId);
    let edge = |link: &LinkId| network.link(*link).uses.allow(Uses::CAR);
    let entries = links().filter(edge).filter(|&link| !network.movements.iter().any(|m| m.to == link));
    let mut best: (usize, Vec<LinkId>) = (0, Vec::new());
    for entry in entries {
        for exit in links().filter(edge).filter(|&link| network.leaving(link).next().is_none()) {
            if let Some(way) = fastest_way(network, entry, exit) {
                let passed = controllers_on(network, &way);
                if passed > best.0 {
                    best = (passed, way);
                }
            }
        }
    }
    best.1
}

#[test]
fn the_centre_is_busy_for_half_an_hour_and_does_not_jam() {
    let network = centre();
    let everywhere: Vec<ControllerId> = network.controllers.iter().map(|controller| controller.id).collect();
    for seed in 1..=3 {
        let mut city = VirtualCity::new(Arc::clone(&network), WorldConfig { seed, ..WorldConfig::default() });
        let start = Instant::now();
        let mut left_before = 0;
        for minute in (5..=45).step_by(5) {
            city.advance(Millis::from_s(60 * minute));
            if minute == 15 {
                city.world.watch(&everywhere);
            }
            let counts = city.world.car_counts();
            let trams = city.world.driven().filter(|view| view.class == Class::Tram).count();
            println!("seed {seed}, {minute} min: {counts:?}, {trams} trams");
            if minute > 15 {
                assert!((100..1_200).contains(&counts.inside), "{counts:?}");
                assert!(counts.left > left_before + 100, "{counts:?}");
                assert!(counts.turned_away == 0, "{counts:?}");
            }
            left_before = counts.left;
        }
        let trams = city.world.tram_change();
        println!("{} trams, {:+.0} s later each", trams.trams, trams.mean_s());
        let cars = city.world.cross_delay();
        println!("{} cars, {:.1} s lost each", cars.cars, cars.mean_s());
        assert!(trams.trams > 50 && trams.mean_s().abs() < 20.0, "the timetable is one that trams can keep");
        println!("{:.0} × real time", 2_700.0 / start.elapsed().as_secs_f64());
        assert_eq!(city.field.totals().violations(), 0);
    }
}

#[test]
fn local_preemption_helps_the_engine_across_the_centre() {
    let network = centre();
    let way = longest_way(&network);
    println!("{} links, {} controllers", way.len(), controllers_on(&network, &way));
    assert!(controllers_on(&network, &way) >= 8);
    for seed in 1..=5 {
        let config = WorldConfig { seed, ..WorldConfig::default() };
        let runs = baselines(&network, &TripSetup::new(way.clone(), config)).unwrap();
        for (name, run) in [("none", &runs.none), ("blue light", &runs.blue_light), ("local", &runs.local)] {
            println!(
                "seed {seed} {name}: {:.0} s, {} stops, {} cars lost {:.1} s each ({:+.1} %), trams {:+.0} s",
                run.travel_time_s,
                run.stops,
                run.cross_vehicles,
                run.cross_delay_s_mean,
                run.cross_delay_change_pct(&runs.none),
                run.tram_lateness_change_s,
            );
            assert!(run.arrived);
            assert_eq!((run.violations, run.clearances_cut), (0, 0));
        }
        assert!(runs.local.travel_time_s < runs.none.travel_time_s);
    }
}
