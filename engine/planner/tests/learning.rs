//! What trips teach: a slow stretch of the street is known the next time, at that time of day, and after
//! a restart.

use std::sync::Arc;

use clearway_certify::Class;
use clearway_network::testing::{corridor, place};
use clearway_planner::{Config, Engine, Event, LocalTime, Mission, Output, VehicleFix, VehicleInfo};
use clearway_signals::{Epoch, Millis, MissionId, VehicleId};

const CROSSROADS: u16 = 12;
const VEHICLE: VehicleId = VehicleId(0);
const PEAK: LocalTime = LocalTime { weekday: 0, minute: 8 * 60 };
const NIGHT: LocalTime = LocalTime { weekday: 0, minute: 2 * 60 };
/// The street's free speed, and what is driven between 600 and 1600 m in the peak.
const FREE_M_S: f32 = 13.889;
const SLOW_M_S: f32 = 8.0;

struct Street {
    engine: Engine,
    out: Output,
    now: Millis,
    missions: u32,
}

impl Street {
    fn new() -> Self {
        let vehicles = vec![VehicleInfo { class: Class::Emergency }];
        let network = Arc::new(corridor(CROSSROADS));
        let engine = Engine::new(network, vehicles, Config::default(), Epoch(1));
        Self { engine, out: Output::default(), now: Millis(1_000), missions: 0 }
    }

    fn apply(&mut self, event: Event) {
        self.out.clear();
        self.engine.apply(&event, self.now, &mut self.out);
    }

    /// Drive once; how much later than told at the third position the vehicle was at the last line.
    fn drive(&mut self, clock: LocalTime, slow: bool) -> f64 {
        self.missions += 1;
        self.apply(Event::LocalTime(clock));
        let destination = place(f32::from(CROSSROADS) * 200.0 + 100.0, 0.0);
        let id = MissionId(self.missions);
        self.apply(Event::Mission(Mission { id, vehicle: VEHICLE, destination, priority: 0, duty: None }));
        let last_line = f32::from(CROSSROADS) * 200.0;
        let (mut x, mut told, mut fixes) = (5.0, None, 0);
        while x < last_line {
            let speed = if slow && (600.0..1_600.0).contains(&x) { SLOW_M_S } else { FREE_M_S };
            self.apply(Event::Fix(VehicleFix {
                vehicle: VEHICLE,
                received: self.now,
                place: place(x, 0.0),
                heading_deg: Some(90.0),
                speed_mps: Some(speed),
                degraded: false,
                cadence: Millis(1_000),
            }));
            fixes += 1;
            if fixes == 3 {
                // Far signals are planned with the tick.
                self.apply(Event::Tick);
                told = self.engine.signals_of(VEHICLE).last().map(|signal| signal.arrival.mean);
            }
            x += speed;
            self.now += Millis(1_000);
            self.apply(Event::Tick);
        }
        self.apply(Event::MissionEnd(id));
        let late = (self.now - told.expect("the last signal is on the way")).as_s();
        self.now += Millis(60_000);
        late
    }
}

#[test]
fn a_slow_street_is_known_the_next_time_at_that_time_of_day() {
    let mut street = Street::new();
    let first = street.drive(PEAK, true);
    assert!(first > 30.0, "nothing is known at first: {first:.1} s late");
    for _ in 0..12 {
        street.drive(PEAK, true);
    }
    let known = street.drive(PEAK, true);
    assert!(known.abs() < first / 3.0, "{known:.1} s late after {first:.1} s");
    let night = street.drive(NIGHT, false);
    assert!(night.abs() < first / 3.0, "the night is not slow: {night:.1} s late");
}

#[test]
fn what_was_learned_comes_back_as_events() {
    let mut street = Street::new();
    for _ in 0..8 {
        street.drive(PEAK, true);
    }
    let mut again = Street::new();
    let lessons: Vec<_> = street.engine.learned().lessons().collect();
    assert!(!lessons.is_empty());
    lessons.into_iter().for_each(|lesson| again.apply(Event::Learned(lesson)));
    again.now = street.now;
    again.missions = street.missions;
    let (known, recalled) = (street.drive(PEAK, true), again.drive(PEAK, true));
    assert!((known - recalled).abs() < 0.01, "{known} against {recalled}");
}

#[test]
fn the_same_events_teach_the_same() {
    let taught = || {
        let mut street = Street::new();
        let late: Vec<f64> =
            (0..5).map(|n| street.drive(if n % 2 == 0 { PEAK } else { NIGHT }, n % 2 == 0)).collect();
        (late, street.engine.learned().lessons().collect::<Vec<_>>())
    };
    assert_eq!(taught(), taught());
}
