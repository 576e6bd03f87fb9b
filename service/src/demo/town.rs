//! The town: traffic under the live field's signals, told over the air, in step with the clock.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use clearway_feeds::adapter::WallClock;
use clearway_feeds::hub::Status;
use clearway_field::{Aspect as Shown, Field};
use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, Millis};
use clearway_traffic::{Aspect, Class, EmergencyTrip, Sensors, Signals, TripId, TripLog, VirtualCity, World};

use super::outgoing::Airwaves;
use super::report::Measured;
use super::settings::HUB_CADENCE_S;
use super::story::{ENGINE, Story};
use super::world_config;
use crate::api::frame::DemoDoc;
use crate::live::Plant;

/// A step of the town.
const STEP: Millis = Millis(100);
/// Standard deviation of the receivers' positions, metres.
const GPS_SD_M: f64 = 3.0;
/// Detectors that vehicles stand on are looked at this often.
const OCCUPANCY_EVERY: Millis = Millis(1_000);
/// Cars on the page come this often.
const CARS_EVERY: Millis = Millis(200);

/// The town with its traffic warmed up.
pub struct Town {
    world: World,
    trip: TripId,
    sensors: Sensors,
}

impl Town {
    /// Let traffic run on emulated controllers in virtual time until the story begins.
    pub fn warm(network: &Arc<Network>, story: &Story) -> Option<Self> {
        let mut city = VirtualCity::new(Arc::clone(network), world_config(story.seed));
        city.advance(story.begins);
        let setup = story.setup();
        let trip = city.world.add_trip(EmergencyTrip {
            route: setup.route,
            start_offset_mm: setup.start_offset_mm,
            end_offset_mm: setup.end_offset_mm,
            depart: setup.depart,
            driving: setup.driving,
        })?;
        Some(Self { world: city.world, trip, sensors: Sensors::new(story.seed, GPS_SD_M) })
    }
}

/// The live signals as the traffic sees them, copied once a step.
#[derive(Default)]
struct Seen(Vec<Vec<Shown>>);

impl Seen {
    fn look(&mut self, field: &Field) {
        self.0.resize_with(field.len(), Vec::new);
        for (n, shown) in (0u16..).zip(&mut self.0) {
            field.copy_aspects(ControllerId(n), shown);
        }
    }
}

impl Signals for Seen {
    fn aspect(&self, _: Millis, controller: ControllerId, group: GroupId) -> Aspect {
        let shown = self.0.get(controller.index()).and_then(|groups| groups.get(group.index()));
        shown.map_or(Aspect::Dark, |shown| Aspect::from(*shown))
    }
}

/// The town on air.
pub struct Stage {
    town: Town,
    field: Arc<Field>,
    seen: Seen,
    air: Airwaves,
    demo: Arc<ArcSwapOption<DemoDoc>>,
    wall: WallClock,
    speed: f64,
    said: Said,
}

/// What the dispatch centre has said so far.
#[derive(Default)]
struct Said {
    call: bool,
    departure: bool,
    measuring: bool,
    arrival: bool,
}

impl Stage {
    /// The town goes on air.
    pub fn new(
        town: Town,
        field: Arc<Field>,
        air: Airwaves,
        demo: Arc<ArcSwapOption<DemoDoc>>,
        wall: WallClock,
        speed: f64,
    ) -> Self {
        Self { town, field, seen: Seen::default(), air, demo, wall, speed, said: Said::default() }
    }

    /// Play until the story ends.
    pub async fn play(&mut self, story: &Story, clock: &(dyn Fn() -> Millis + Send + Sync)) {
        while self.town.world.now() < story.ends {
            self.catch_up(story, clock().min(story.ends)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Let the town live on after the story, until dropped.
    pub async fn play_on(&mut self, story: &Story, clock: &(dyn Fn() -> Millis + Send + Sync)) {
        loop {
            self.catch_up(story, clock()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn catch_up(&mut self, story: &Story, now: Millis) {
        while self.town.world.now() + STEP <= now {
            let next = self.town.world.now() + STEP;
            self.tell_story(story, next);
            // Controllers first, then the traffic that sees them, as in virtual time.
            self.field.advance(next);
            self.seen.look(&self.field);
            self.town.world.advance(next, &self.seen);
            for (controller, number) in self.town.world.take_pulses() {
                self.field.detector_pulse(controller, number);
            }
            if next.0 % OCCUPANCY_EVERY.0 == 0 {
                for (controller, number, occupied) in self.town.world.detector_occupancy() {
                    self.field.with(controller, |emulator| emulator.detector_hold(number, occupied));
                }
            }
            self.broadcast(story, next).await;
        }
    }

    /// What happens at its time.
    fn tell_story(&mut self, story: &Story, now: Millis) {
        self.field.set_physical(story.physical.controller, story.physical.row, story.physical.is_on(now));
        let wall = (self.wall)();
        if now >= story.call_at && !std::mem::replace(&mut self.said.call, true) {
            self.air.call(story.scene, wall);
        }
        if now >= story.report_at && !std::mem::replace(&mut self.said.departure, true) {
            self.air.engaged(Status::UnderWay, wall);
        }
        if now >= story.leave_at && !std::mem::replace(&mut self.said.measuring, true) {
            let controllers = self.log().map(TripLog::controllers).unwrap_or_default();
            self.town.world.watch(&controllers);
        }
        let arrived = self.log().is_some_and(|log| log.arrived.is_some());
        if arrived && !std::mem::replace(&mut self.said.arrival, true) {
            self.air.engaged(Status::Arrived, wall);
        }
    }

    async fn broadcast(&mut self, story: &Story, now: Millis) {
        let wall = (self.wall)();
        for fix in self.town.sensors.fixes(&self.town.world) {
            match (fix.trip, &fix.tram) {
                (Some(_), _) => self.air.engine(&fix, wall).await,
                (None, Some(tram)) => self.air.tram(self.town.world.network(), &fix, tram, wall),
                (None, None) => {}
            }
        }
        if now.0 % 1000 == 0 {
            self.air.ambulance(story.station, wall).await;
        }
        if now.0 % (i64::from(HUB_CADENCE_S) * 1000) == 0 {
            self.air.ladder(story.station, wall);
        }
        if now.0 % CARS_EVERY.0 == 0 {
            self.demo.store(Some(Arc::new(self.document(story, now))));
        }
    }

    fn document(&self, story: &Story, now: Millis) -> DemoDoc {
        let cars = self.town.world.vehicles().filter(|v| v.class == Class::Car);
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        DemoDoc {
            at_s: (now - story.begins).as_s(),
            speed: self.speed,
            headline: self.headline(story, now),
            cars: cars
                .map(|v| [round(v.place.lon()), round(v.place.lat()), f64::from(v.heading_deg.round())])
                .collect(),
        }
    }

    fn headline(&self, story: &Story, now: Millis) -> String {
        let who = ENGINE.label;
        let arrived = self.log().and_then(|log| log.travel_time());
        match arrived {
            Some(time) => {
                format!("{who} arrived after {:.0} s; the signals return to their plans", time.as_s())
            }
            None if now >= story.leave_at => format!("{who} is under way to a dwelling fire"),
            None if now >= story.call_at => format!("A dwelling fire is called in; {who} turns out"),
            None => "An ordinary day in the centre".into(),
        }
    }

    fn log(&self) -> Option<&TripLog> {
        self.town.world.trip(self.town.trip)
    }

    /// What the story came to, before everything is taken down.
    pub fn measure(&self, plant: &Plant) -> Option<Measured> {
        let log = self.log()?;
        Some(Measured::new(log, &self.town.world, &self.field, plant))
    }
}
