//! Two and three emergency vehicles that cross each other's ways, under the real engine and real
//! controllers in virtual time: nobody is harmed, all arrive, and nobody waits longer than the plan of
//! all of them says.

use std::sync::Arc;

use clearway_network::testing::{SPACING_M, corridor};
use clearway_network::{LinkId, Network};
use clearway_planner::Config;
use clearway_signals::{GeoPoint, Millis, VehicleId};
use clearway_traffic::{Driving, EmergencyTrip, EngineSteering, Task, TripId, VirtualCity, WorldConfig};

const CROSSROADS: u16 = 6;
/// Two cycles, so that the engine has learned where the plans stand.
const FIRST_LEAVES: Millis = Millis::from_s(130);
const ALL_ARRIVED_BY: Millis = Millis::from_s(500);
/// What a plan's delay leaves open: getting up to speed again, and the reading of a passage.
const SLACK_S: f64 = 4.0;

/// Along the corridor, or up the cross street at one of its crossroads; when it leaves.
#[derive(Clone, Copy)]
struct Route {
    street: Option<u16>,
    leaves: Millis,
}

fn named(network: &Network, name: &str) -> LinkId {
    let at = network.links.iter().position(|link| link.name == name).expect("a link of the corridor");
    LinkId(u32::try_from(at).unwrap())
}

fn links(network: &Network, route: Route) -> Vec<LinkId> {
    match route.street {
        None => (0..=CROSSROADS).map(|k| named(network, &format!("e{k}"))).collect(),
        Some(k) => vec![named(network, &format!("u{k}")), named(network, &format!("v{k}"))],
    }
}

fn destination(route: Route) -> GeoPoint {
    let end = SPACING_M * f32::from(CROSSROADS + 1);
    let (x, y) = route.street.map_or((end - 5.0, 0.0), |k| (SPACING_M * f32::from(k + 1), SPACING_M - 5.0));
    clearway_network::testing::place(x, y)
}

/// What became of the fleet.
struct Outcome {
    /// Travel time of each, seconds.
    travel_s: Vec<f64>,
    /// The longest delay that a plan of all ever gave each, seconds.
    planned_s: Vec<f64>,
    harmed: u64,
}

fn run(routes: &[Route]) -> Outcome {
    let network = Arc::new(corridor(CROSSROADS));
    let quiet = WorldConfig { demand_factor: 0.0, trams: false, ..WorldConfig::default() };
    let mut city = VirtualCity::new(Arc::clone(&network), quiet);
    let trips: Vec<TripId> = routes
        .iter()
        .map(|route| {
            let trip = EmergencyTrip {
                route: links(&network, *route),
                start_offset_mm: 5_000,
                end_offset_mm: 190_000,
                depart: route.leaves,
                driving: Driving::ObeysSignals,
            };
            city.world.add_trip(trip).expect("a chain of links")
        })
        .collect();
    let task = |(trip, route): (&TripId, &Route)| Task {
        trip: *trip,
        destination: destination(*route),
        begins: route.leaves,
    };
    let tasks = trips.iter().zip(routes).map(task).collect();
    let all = network.controllers.iter().map(|controller| controller.id).collect();
    let mut steering = EngineSteering::fleet(&network, Config::default(), tasks, all, 1);
    let mut planned_s = vec![0.0_f64; routes.len()];
    while city.now() < ALL_ARRIVED_BY {
        city.tick();
        steering.step_all(&mut city);
        for wave in steering.view(city.now()).waves {
            let VehicleId(vehicle) = wave.mission.vehicle;
            let planned = &mut planned_s[vehicle as usize];
            *planned = planned.max(wave.put_off.as_s());
        }
    }
    let travel = |trip: &TripId| {
        let log = city.world.trip(*trip).expect("it was added");
        log.travel_time().expect("everybody arrives").as_s()
    };
    let totals = city.field.totals();
    Outcome {
        travel_s: trips.iter().map(travel).collect(),
        planned_s,
        harmed: totals.violations() + totals.clearances_cut,
    }
}

/// All together against each alone.
fn check(routes: &[Route]) -> Outcome {
    let together = run(routes);
    assert_eq!(together.harmed, 0);
    for (n, route) in routes.iter().enumerate() {
        let alone = run(&[*route]);
        let delay_s = together.travel_s[n] - alone.travel_s[0];
        let planned_s = together.planned_s[n];
        println!(
            "vehicle {n}: alone {:.1} s, delayed {delay_s:.1} s, planned {planned_s:.1} s",
            alone.travel_s[0]
        );
        assert!(delay_s <= planned_s + SLACK_S, "vehicle {n}: {delay_s:.1} s, planned {planned_s:.1} s");
    }
    together
}

fn leaves(after_s: i64) -> Millis {
    FIRST_LEAVES + Millis::from_s(after_s)
}

#[test]
fn s11_two_that_cross_both_arrive_and_the_later_waits_no_longer_than_planned() {
    // Both reach crossroads 2, 600 m along the corridor and 200 m up the street, at about the same time.
    for after_s in [20, 28, 36] {
        check(&[
            Route { street: None, leaves: FIRST_LEAVES },
            Route { street: Some(2), leaves: leaves(after_s) },
        ]);
    }
}

#[test]
fn s11_three_that_cross_all_arrive_and_wait_no_longer_than_planned() {
    check(&[
        Route { street: None, leaves: FIRST_LEAVES },
        Route { street: Some(2), leaves: leaves(28) },
        Route { street: Some(4), leaves: leaves(55) },
    ]);
}

#[test]
fn one_that_follows_another_shares_its_green() {
    let outcome =
        check(&[Route { street: None, leaves: FIRST_LEAVES }, Route { street: None, leaves: leaves(8) }]);
    assert!(outcome.planned_s.iter().all(|planned_s| *planned_s <= 0.0), "nobody is put off");
}
