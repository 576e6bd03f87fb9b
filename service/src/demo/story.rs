//! The story: where the fire is, who drives, what goes wrong on the way, when.

use std::collections::BTreeSet;
use std::sync::Arc;

use clearway_network::{LinkId, LinkIndex, Network, Uses};
use clearway_planner::route::Router;
use clearway_signals::{ControllerId, GeoPoint, Millis, Owner, RowId, RowKind};
use clearway_traffic::{
    Driving, LocalPreemption, Steering, TripId, TripResult, TripSetup, Unsteered, VirtualCity, run_trip,
};
use miette::{Result, miette};

use super::world_config;
use crate::cli::Demo;

/// The fire engine, known by the address that its receiver sends from.
pub const ENGINE: Crew = Crew {
    name: "engine-101",
    label: "Engine 101",
    hub_id: "fi.fire.helsinki.resource.engine101",
    taip_id: "",
};
/// An ambulance without a mission, known by its TAIP id.
pub const AMBULANCE: Crew = Crew {
    name: "ambulance-23",
    label: "Ambulance 23",
    hub_id: "fi.health.helsinki.resource.ambulance23",
    taip_id: "A023",
};
/// A ladder without a mission, whose positions the dispatch centre passes on.
pub const LADDER: Crew = Crew {
    name: "ladder-102",
    label: "Ladder 102",
    hub_id: "fi.fire.helsinki.resource.ladder102",
    taip_id: "",
};
/// The case.
pub const CASE: &str = "fi.health.helsinki.case.20261122-1";
/// Its nature: code and label.
pub const FIRE: (&str, &str) = ("C04.02.01", "Dwelling fire");

/// A vehicle of the story.
pub struct Crew {
    /// Its name in configuration, API and page.
    pub name: &'static str,
    /// What people read on it.
    pub label: &'static str,
    /// At the hub.
    pub hub_id: &'static str,
    /// Its TAIP id, if it has one.
    pub taip_id: &'static str,
}

/// A tram's name.
#[must_use]
pub fn tram_name(line: u16, run: u32) -> String {
    format!("tram-{line}-{run}")
}

/// A tram's HFP identity.
#[must_use]
pub fn tram_identity(line: u16, run: u32) -> String {
    format!("0040/{:05}", 100 * (u32::from(line) + 1) + run)
}

/// The station's gate: Erottajankatu, where the map begins.
const STATION: (f64, f64) = (60.166_26, 24.943_54);
/// The fire: Siltasaarenkatu, beyond the bridge.
const SCENE: (f64, f64) = (60.177_85, 24.950_20);
/// Traffic before the story begins.
const WARM_UP: Millis = Millis::from_s(600);
/// The call is taken, the crew reports its departure, the engine leaves; from the beginning.
const CALL_AT: Millis = Millis::from_s(6);
const REPORT_AT: Millis = Millis::from_s(15);
const LEAVE_AT: Millis = Millis::from_s(30);
/// The controller that does not pass the arming gate, by its name in the model.
const UNARMED: &str = "c37";
/// The controller whose rail circuit is occupied for a while: its name, from when until when after
/// the engine left.
const OCCUPIED: (&str, Millis, Millis) = ("c19", Millis::from_s(55), Millis::from_s(85));

/// The story on a network.
#[derive(Clone, Debug)]
pub struct Story {
    /// Seed of everything drawn by lot.
    pub seed: u64,
    /// The town's time at its beginning.
    pub begins: Millis,
    /// The town's time at its end.
    pub ends: Millis,
    /// When the call is taken.
    pub call_at: Millis,
    /// When the crew reports its departure.
    pub report_at: Millis,
    /// When the engine leaves.
    pub leave_at: Millis,
    /// The way.
    pub route: Vec<LinkId>,
    /// Where on the first link it starts, millimetres.
    pub start_mm: u32,
    /// Where on the last link it ends, millimetres.
    pub end_mm: u32,
    /// Where the fire is.
    pub scene: GeoPoint,
    /// Where the station is.
    pub station: GeoPoint,
    /// The controller that refuses to arm.
    pub unarmed: ControllerId,
    /// The physical preempt.
    pub physical: Physical,
}

/// A physical input that is on for a while.
#[derive(Clone, Copy, Debug)]
pub struct Physical {
    /// Where.
    pub controller: ControllerId,
    /// Which row.
    pub row: RowId,
    /// From when.
    pub from: Millis,
    /// Until when.
    pub until: Millis,
}

impl Story {
    /// The story on the shipped model.
    ///
    /// # Errors
    /// When the model does not have the places of the story.
    pub fn on(network: &Network, args: &Demo) -> Result<Self> {
        let place = |(lat, lon)| GeoPoint::from_degrees(lat, lon).ok_or_else(|| miette!("no such place"));
        let (station, scene) = (place(STATION)?, place(SCENE)?);
        let ways = Uses::CAR.union(Uses::EMERGENCY);
        let index = LinkIndex::new(network);
        let on = |place: GeoPoint| {
            let mut best: Option<(f32, LinkId, u32)> = None;
            index.near(network, network.project(place), 50.0, ways, |link, foot| {
                if best.is_none_or(|(distance, ..)| foot.distance_m < distance) {
                    best = Some((foot.distance_m, link, foot.offset_mm));
                }
            });
            best.map(|(_, link, offset)| (link, offset))
                .ok_or_else(|| miette!("the story's places are not on this model"))
        };
        let ((first, start_mm), (last, end_mm)) = (on(station)?, on(scene)?);
        let mut route = Vec::new();
        Router::new(network).find(network, ways, first, &[last], false, &mut route);
        if route.is_empty() {
            return Err(miette!("no way leads from the station to the fire on this model"));
        }
        let begins = WARM_UP;
        let leave_at = begins + LEAVE_AT;
        Ok(Self {
            seed: args.seed,
            begins,
            ends: begins + Millis::from_s(i64::from(args.seconds)),
            call_at: begins + CALL_AT,
            report_at: begins + REPORT_AT,
            leave_at,
            route,
            start_mm,
            end_mm,
            scene,
            station,
            unarmed: named(network, UNARMED)?,
            physical: Physical::on(network, leave_at)?,
        })
    }

    /// Length of the way, metres.
    #[must_use]
    pub fn length_m(&self, network: &Network) -> u64 {
        let links: u64 = self.route.iter().map(|link| u64::from(network.link(*link).length_mm)).sum();
        let last = self.route.last().map_or(0, |link| network.link(*link).length_mm);
        (links - u64::from(self.start_mm) - u64::from(last.saturating_sub(self.end_mm))) / 1000
    }

    /// Controllers on the way.
    #[must_use]
    pub fn controllers(&self, network: &Network) -> usize {
        let signals = self
            .route
            .windows(2)
            .filter_map(|w| network.movement_between(w[0], w[1]).and_then(|m| network.movement(m).signal));
        signals.map(|signal| signal.controller).collect::<BTreeSet<_>>().len()
    }

    /// The trip of the simulated comparisons.
    #[must_use]
    pub fn setup(&self) -> TripSetup {
        TripSetup {
            start_offset_mm: self.start_mm,
            end_offset_mm: self.end_mm,
            depart: self.leave_at,
            measure_until: Some(self.ends),
            ..TripSetup::new(self.route.clone(), world_config(self.seed))
        }
    }

    /// The same trip without priority, with blue light through red, and with local preemption; with
    /// the same physical preempt on the way.
    #[must_use]
    pub fn baselines(&self, network: &Arc<Network>) -> Option<Baselines> {
        let run = |driving, steering: &mut dyn Steering| {
            let setup = TripSetup { driving, ..self.setup() };
            run_trip(network, &setup, &mut Occurring { physical: self.physical, steering })
        };
        Some(Baselines {
            none: run(Driving::ObeysSignals, &mut Unsteered)?,
            blue_light: run(Driving::ThroughRed, &mut Unsteered)?,
            local: run(Driving::ObeysSignals, &mut LocalPreemption::default())?,
        })
    }
}

/// The three comparisons.
pub struct Baselines {
    /// No priority.
    pub none: TripResult,
    /// Blue light through red with caution.
    pub blue_light: TripResult,
    /// Each signal preempted at 300 m.
    pub local: TripResult,
}

impl Physical {
    fn on(network: &Network, leave_at: Millis) -> Result<Self> {
        let (name, from, until) = OCCUPIED;
        let controller = named(network, name)?;
        let rows = &network.controllers[controller.index()].rows;
        let rail = rows.iter().position(|r| r.kind == RowKind::Rail && r.owner == Owner::Other);
        let row = rail
            .and_then(|i| u8::try_from(i).ok())
            .map(RowId)
            .ok_or_else(|| miette!("{name} has no rail row"))?;
        Ok(Self { controller, row, from: leave_at + from, until: leave_at + until })
    }

    /// Whether the input is on.
    #[must_use]
    pub fn is_on(&self, now: Millis) -> bool {
        (self.from..self.until).contains(&now)
    }
}

fn named(network: &Network, name: &str) -> Result<ControllerId> {
    let found = network.controllers.iter().find(|c| c.name == name).map(|c| c.id);
    found.ok_or_else(|| miette!("the model has no controller {name}"))
}

/// A steering to which the story's physical preempt happens.
struct Occurring<'a> {
    physical: Physical,
    steering: &'a mut dyn Steering,
}

impl Steering for Occurring<'_> {
    fn step(&mut self, city: &mut VirtualCity, trip: TripId) {
        let on = self.physical.is_on(city.now());
        if let Some(emulator) = city.field.emulator_mut(self.physical.controller) {
            emulator.set_physical(self.physical.row, on);
        }
        self.steering.step(city, trip);
    }
}
