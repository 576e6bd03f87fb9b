//! One emergency trip from end to end in virtual time, and the baselines that it is compared with.

use std::sync::Arc;

use clearway_network::{LinkId, Network};
use clearway_signals::Millis;
use serde::Serialize;

use crate::emergency::{Driving, EmergencyTrip, TripId};
use crate::local::LocalPreemption;
use crate::virtual_city::VirtualCity;
use crate::world::WorldConfig;

/// Whoever steers the signals of a city for a trip; called after each tick of 100 ms.
pub trait Steering {
    /// See the city, and call what is to be called.
    fn step(&mut self, city: &mut VirtualCity, trip: TripId);
}

/// Nobody steers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsteered;

impl Steering for Unsteered {
    fn step(&mut self, _: &mut VirtualCity, _: TripId) {}
}

/// A trip to run.
#[derive(Clone, PartialEq, Debug)]
pub struct TripSetup {
    /// The background.
    pub world: WorldConfig,
    /// The links of the way, in order.
    pub route: Vec<LinkId>,
    /// Where it starts on the first link, millimetres.
    pub start_offset_mm: u32,
    /// Where it ends on the last link, millimetres.
    pub end_offset_mm: u32,
    /// When the vehicle leaves: the warm-up before it.
    pub depart: Millis,
    /// How it is driven.
    pub driving: Driving,
    /// Measuring goes on for this long after the arrival.
    pub recovery: Millis,
    /// The measuring ends here at a fixed time instead, so that runs can be compared.
    pub measure_until: Option<Millis>,
}

impl TripSetup {
    /// A trip over whole links after ten minutes of warm-up, three minutes of recovery measured.
    #[must_use]
    pub fn new(route: Vec<LinkId>, world: WorldConfig) -> Self {
        Self {
            world,
            route,
            start_offset_mm: 0,
            end_offset_mm: u32::MAX,
            depart: Millis::from_s(600),
            driving: Driving::ObeysSignals,
            recovery: Millis::from_s(180),
            measure_until: None,
        }
    }
}

/// A trip that has not arrived after this time is given up.
const TRIP_MAX: Millis = Millis::from_s(3_600);

/// Time lost before one signal.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SignalDelay {
    /// The controller's name in the model.
    pub controller: String,
    /// Seconds against the street's free speed.
    pub delay_s: f64,
}

/// What a trip took, and from whom.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TripResult {
    /// Whether it arrived within an hour.
    pub arrived: bool,
    /// From leaving to arriving, or to being given up, seconds.
    pub travel_time_s: f64,
    /// Times the vehicle stopped on its way.
    pub stops: u32,
    /// Time lost at each signal of the way, in order.
    pub signals: Vec<SignalDelay>,
    /// Delay of all cars that share a controller with the way, within the window, seconds.
    pub cross_delay_s_total: f64,
    /// How many such cars there were.
    pub cross_vehicles: u64,
    /// Their mean delay, seconds.
    pub cross_delay_s_mean: f64,
    /// Mean change of lateness of all trams on the road in the window, seconds; positive: later.
    pub tram_lateness_change_s: f64,
    /// Pedestrian clearances cut, as the monitors count them.
    pub clearances_cut: u64,
    /// Violations of any kind, as the monitors count them.
    pub violations: u64,
    /// End of the measuring window on the city's clock, seconds.
    pub measured_until_s: f64,
}

impl TripResult {
    /// Change of the others' delay against `base`, measured over the same window, per cent.
    #[must_use]
    pub fn cross_delay_change_pct(&self, base: &Self) -> f64 {
        if base.cross_delay_s_total <= 0.0 {
            return 0.0;
        }
        (self.cross_delay_s_total / base.cross_delay_s_total - 1.0) * 100.0
    }
}

/// Run a trip; `None` when its route is no chain of links.
#[must_use]
pub fn run_trip(
    network: &Arc<Network>,
    setup: &TripSetup,
    steering: &mut dyn Steering,
) -> Option<TripResult> {
    let mut city = VirtualCity::new(Arc::clone(network), setup.world);
    let trip = city.world.add_trip(EmergencyTrip {
        route: setup.route.clone(),
        start_offset_mm: setup.start_offset_mm,
        end_offset_mm: setup.end_offset_mm,
        depart: setup.depart,
        driving: setup.driving,
    })?;
    city.advance(setup.depart);
    let controllers = city.world.trip(trip)?.controllers();
    city.world.watch(&controllers);
    let give_up = setup.depart + TRIP_MAX;
    let mut end = setup.measure_until.unwrap_or(give_up);
    let mut window = None;
    // The window may close before the vehicle arrives; its travel time is awaited all the same.
    while window.is_none() || (city.world.trip(trip)?.arrived.is_none() && city.now() < give_up) {
        city.tick();
        steering.step(&mut city, trip);
        let arrived = city.world.trip(trip)?.arrived;
        if let (Some(arrived), None) = (arrived, setup.measure_until) {
            end = (arrived + setup.recovery).min(give_up);
        }
        if window.is_none() && city.now() >= end {
            window = Some((city.world.cross_delay(), city.world.tram_change(), city.now()));
        }
    }
    let (cross, trams, measured_until) = window?;
    let totals = city.field.totals();
    let log = city.world.trip(trip)?;
    Some(TripResult {
        arrived: log.arrived.is_some(),
        travel_time_s: log.travel_time().unwrap_or(city.now() - setup.depart).as_s(),
        stops: log.stops,
        signals: log.lines.iter().map(|line| signal_delay(network, line)).collect(),
        cross_delay_s_total: cross.total.as_s(),
        cross_vehicles: cross.cars,
        cross_delay_s_mean: cross.mean_s(),
        tram_lateness_change_s: trams.mean_s(),
        clearances_cut: totals.clearances_cut,
        violations: totals.violations(),
        measured_until_s: measured_until.as_s(),
    })
}

fn signal_delay(network: &Network, line: &crate::emergency::RouteLine) -> SignalDelay {
    let controller = network.controller(line.controller).map(|c| c.name.clone()).unwrap_or_default();
    SignalDelay { controller, delay_s: line.delay.as_s() }
}

/// The same trip under the three kinds of control that Clearway is compared with, all measured over
/// the window of the first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Baselines {
    /// No priority: the vehicle stops at red like everyone.
    pub none: TripResult,
    /// Blue light through red with caution; no signal changes for it.
    pub blue_light: TripResult,
    /// Each signal preempted when the vehicle is 300 m before it.
    pub local: TripResult,
}

/// Run the baselines of a trip; `None` when its route is no chain of links.
#[must_use]
pub fn baselines(network: &Arc<Network>, setup: &TripSetup) -> Option<Baselines> {
    let obeys = TripSetup { driving: Driving::ObeysSignals, ..setup.clone() };
    let none = run_trip(network, &obeys, &mut Unsteered)?;
    #[allow(clippy::cast_possible_truncation)]
    let window_of_none = Millis((none.measured_until_s * 1000.0).round() as i64);
    let until = Some(setup.measure_until.unwrap_or(window_of_none));
    let through = TripSetup { driving: Driving::ThroughRed, measure_until: until, ..setup.clone() };
    let blue_light = run_trip(network, &through, &mut Unsteered)?;
    let steered = TripSetup { measure_until: until, ..obeys };
    let local = run_trip(network, &steered, &mut LocalPreemption::default())?;
    Some(Baselines { none, blue_light, local })
}
