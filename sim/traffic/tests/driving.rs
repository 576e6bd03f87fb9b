//! Trams call at their stops, fire engines drive as they are told.

use std::sync::Arc;

use clearway_network::Network;
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, GroupId, Millis};
use clearway_traffic::{
    Aspect, Class, Driving, EmergencyTrip, FixedTime, Sensors, Signals, TripLog, World, WorldConfig,
};

struct Always(Aspect);

impl Signals for Always {
    fn aspect(&self, _: Millis, _: ControllerId, _: GroupId) -> Aspect {
        self.0
    }
}

fn trip(network: &Arc<Network>, driving: Driving, signals: &dyn Signals, demand_factor: f64) -> TripLog {
    let config = WorldConfig { demand_factor, trams: false, ..WorldConfig::default() };
    let mut world = World::new(Arc::clone(network), config);
    let depart = Millis::from_s(600);
    let route = network.lines[0].links.clone();
    let end_offset_mm = u32::MAX;
    let id =
        world.add_trip(EmergencyTrip { route, start_offset_mm: 0, end_offset_mm, depart, driving }).unwrap();
    world.advance(Millis::from_s(1_500), signals);
    world.trip(id).unwrap().clone()
}

#[test]
fn on_an_empty_green_road_the_engine_drives_a_quarter_above_the_limit_and_never_stops() {
    let network = Arc::new(corridor(8));
    let log = trip(&network, Driving::ObeysSignals, &Always(Aspect::Green), 0.0);
    // 1,800 m at 60 km/h, and the time to get there from standing at 1.5 m/s²: 108 + 5.6 s.
    let travel_s = log.travel_time().unwrap().as_s();
    assert!((112.5..115.0).contains(&travel_s), "{travel_s} s");
    assert_eq!((log.stops, log.lines.len()), (0, 8));
}

#[test]
fn an_engine_that_obeys_stops_at_red_and_one_that_may_drives_through() {
    let network = Arc::new(corridor(3));
    let obeys = trip(&network, Driving::ObeysSignals, &Always(Aspect::Red), 0.0);
    assert_eq!((obeys.arrived, obeys.stops), (None, 1));
    assert!(obeys.progress_mm < 200_000 && obeys.progress_mm > 198_000, "{} mm", obeys.progress_mm);
    let through = trip(&network, Driving::ThroughRed, &Always(Aspect::Red), 0.0);
    assert!(through.arrived.is_some() && through.stops <= 3);
}

#[test]
fn blue_light_saves_time_and_costs_less_than_a_free_road() {
    let network = Arc::new(corridor(8));
    let plan = FixedTime::new(&network);
    let travel = |driving, signals: &dyn Signals, factor| {
        trip(&network, driving, signals, factor).travel_time().unwrap()
    };
    let none = travel(Driving::ObeysSignals, &plan, 1.0);
    let blue = travel(Driving::ThroughRed, &plan, 1.0);
    let free = travel(Driving::ObeysSignals, &Always(Aspect::Green), 0.0);
    assert!(free < blue && blue < none, "{free:?} {blue:?} {none:?}");
}

#[test]
fn trams_call_at_their_stop_and_report_how_late_they_are() {
    let network = Arc::new(corridor(4));
    let signals = FixedTime::new(&network);
    let mut world =
        World::new(Arc::clone(&network), WorldConfig { demand_factor: 0.3, ..WorldConfig::default() });
    let mut sensors = Sensors::new(1, 3.0);
    let (mut stood_ms, mut runs, mut reports) = (0, std::collections::BTreeSet::new(), 0);
    for tick in 1..=36_000 {
        world.advance(Millis(tick * 100), &signals);
        reports += sensors.fixes(&world).len();
        for view in world.driven() {
            assert_eq!(view.class, Class::Tram);
            let tram = view.tram.unwrap();
            runs.insert(tram.run);
            assert!((-120_000..600_000).contains(&tram.lateness.0), "{:?}", tram.lateness);
            if tram.doors_open {
                stood_ms += 100;
                assert_eq!((view.link, view.speed_mm_s), (network.lines[0].links[1], 0));
                assert!(view.offset_mm.abs_diff(100_000) <= 1_500, "{} mm", view.offset_mm);
            }
        }
    }
    assert!(runs.len() >= 10, "{} runs in an hour", runs.len());
    let mean_ms = stood_ms / i64::try_from(runs.len()).unwrap();
    assert!((14_000..=32_000).contains(&mean_ms), "{mean_ms} ms at the stop");
    assert!(reports > 1_000);
}
