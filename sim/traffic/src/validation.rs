//! The simulator against the formulas of its field.
//!
//! One lane before a fixed-time signal: control delay at five degrees of saturation against the HCM's
//! d1 + d2 (*Highway Capacity Manual*, signalised intersections: incremental delay with k = 0.5, I = 1,
//! over an hour), uniform delay and capacity, discharge headways, the speed of the start wave; and one
//! long lane behind a bottleneck against Newell's triangular fundamental diagram. Nothing here shares
//! code with the simulator but its figures.

use std::sync::Arc;

use clearway_network::{
    Builder, Controller, GreenWindow, Link, LinkId, Movement, MovementId, Network, Node, NodeId, Point,
    SignalPlan, SignalRef, Turn, Uses,
};
use clearway_signals::{
    Capabilities, ControllerId, GeoPoint, GroupId, GroupKind, Millis, Relation, SignalGroup,
};
use serde::Serialize;

use crate::demand::{Demand, Inflow, ListedTrip, Profile, Ways};
use crate::physics::{CAR_MM, HEADWAY_MS, Manners, START_UP_LOST_MS, WAVE_MM_S, YELLOW_USED_MS};
use crate::signals::{Aspect, FixedTime, Signals};
use crate::world::{World, WorldConfig};

/// The approach: cycle and green, seconds.
const CYCLE_S: f64 = 90.0;
const GREEN_S: f64 = 42.0;
/// The hour that the HCM's second term speaks of.
const HOUR: Millis = Millis::from_s(3_600);
/// After it everyone is gone.
const CLEARS: Millis = Millis::from_s(1_800);
/// Hours that are averaged.
const HOURS: u64 = 120;
/// Degrees of saturation that are looked at.
const SATURATIONS: [f64; 5] = [0.30, 0.50, 0.70, 0.85, 0.95];
/// Shares of the time that a bottleneck is open.
const BOTTLENECKS: [f64; 6] = [0.1, 0.2, 0.35, 0.5, 0.65, 0.8];
const SPEED_MM_S: u32 = 13_889;

/// Everything that is measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Control delay with Poisson arrivals.
    pub delays: Vec<Delay>,
    /// Control delay with even arrivals, against d1 alone.
    pub uniform: Vec<Delay>,
    /// Cars in an hour of a full approach.
    pub capacity: Figure,
    /// Mean headway at each place of a queue, seconds: the first from the start of green.
    pub headways_s: Vec<f64>,
    /// Their mean from the second place on, against the saturation headway.
    pub saturation_headway_s: Figure,
    /// How fast the start of a queue runs backwards, metres a second.
    pub start_wave_m_s: Figure,
    /// Flow against density behind a bottleneck.
    pub fundamental: Vec<FlowPoint>,
}

/// A delay, seconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Delay {
    /// Degree of saturation that was asked for.
    pub saturation: f64,
    /// Measured.
    pub measured_s: f64,
    /// By the formula.
    pub formula_s: f64,
    /// Standard deviation of the hours.
    pub sd_s: f64,
}

/// A figure against what it should be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Figure {
    /// Measured.
    pub measured: f64,
    /// By the formula.
    pub formula: f64,
}

/// A point of the fundamental diagram: one lane.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct FlowPoint {
    /// Vehicles a kilometre.
    pub density_per_km: f64,
    /// Vehicles an hour, measured.
    pub flow_per_h: f64,
    /// By the triangular diagram at this density.
    pub formula_per_h: f64,
}

impl Figure {
    /// How far off, as a share.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.measured / self.formula - 1.0
    }
}

impl Delay {
    /// How far off, as a share.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.measured_s / self.formula_s - 1.0
    }
}

/// Measure everything. `None` only if the test street could not be built.
#[must_use]
pub fn report() -> Option<Report> {
    let headways_s = headways()?;
    let late = &headways_s[1.min(headways_s.len())..];
    #[allow(clippy::cast_precision_loss)]
    let mean = late.iter().sum::<f64>() / late.len().max(1) as f64;
    Some(Report {
        delays: SATURATIONS.iter().map(|&x| delay(x, Arrivals::Poisson)).collect::<Option<_>>()?,
        uniform: SATURATIONS.iter().map(|&x| delay(x, Arrivals::Even)).collect::<Option<_>>()?,
        capacity: capacity()?,
        saturation_headway_s: Figure { measured: mean, formula: ms(HEADWAY_MS) },
        headways_s,
        start_wave_m_s: start_wave()?,
        fundamental: BOTTLENECKS.iter().map(|&share| flow_point(share)).collect::<Option<_>>()?,
    })
}

#[allow(clippy::cast_precision_loss)]
fn ms(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// Effective green: what is lost at the start less what is used of yellow.
fn effective_green_s() -> f64 {
    GREEN_S - ms(START_UP_LOST_MS) + ms(YELLOW_USED_MS)
}

/// Cars an hour.
fn capacity_per_h() -> f64 {
    3_600.0 / ms(HEADWAY_MS) * effective_green_s() / CYCLE_S
}

/// HCM d1: uniform delay.
fn uniform_delay_s(x: f64) -> f64 {
    let ratio = effective_green_s() / CYCLE_S;
    0.5 * CYCLE_S * (1.0 - ratio).powi(2) / (1.0 - x.min(1.0) * ratio)
}

/// HCM d2: incremental delay over one hour.
fn incremental_delay_s(x: f64) -> f64 {
    900.0 * (x - 1.0 + ((x - 1.0).powi(2) + 4.0 * x / capacity_per_h()).sqrt())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrivals {
    Poisson,
    Even,
}

/// One lane of a length to a signal, and on.
fn approach(length_m: f64) -> Option<Arc<Network>> {
    let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
    let mut builder = Builder { name: "approach".into(), origin, ..Builder::default() };
    let place = |x: f64| {
        #[allow(clippy::cast_possible_truncation)]
        let x = x as f32;
        Point { x, y: 0.0 }
    };
    let ends = [0.0, length_m, length_m + 1_000.0];
    let nodes = ends.map(|x| builder.graph.add_node(Node { name: format!("{x:.0}"), point: place(x) }));
    for n in 0..2 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let length_mm = ((ends[n + 1] - ends[n]) * 1000.0) as u32;
        let link = Link {
            name: format!("l{n}"),
            street: String::new(),
            from: NodeId(0),
            to: NodeId(0),
            length_mm,
            speed_mm_s: SPEED_MM_S,
            lanes: 1,
            uses: Uses::CAR,
            shape: 0..0,
        };
        builder.graph.add_edge(nodes[n], nodes[n + 1], (link, vec![place(ends[n]), place(ends[n + 1])]));
    }
    let signal = Some(SignalRef { controller: ControllerId(0), group: GroupId(0) });
    let (from, to) = (LinkId(0), LinkId(1));
    builder.movements =
        vec![Movement { name: "m".into(), from, to, turn: Turn::Through, uses: Uses::CAR, signal }];
    builder.controllers.push(controller(place(length_m)));
    builder.compile().ok().map(Arc::new)
}

#[allow(clippy::cast_possible_truncation)]
fn controller(point: Point) -> Controller {
    let group = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis::ZERO,
    };
    let green = Millis((GREEN_S * 1000.0) as i64);
    let windows = vec![GreenWindow { group: GroupId(0), start: Millis::ZERO, length: green }];
    Controller {
        id: ControllerId(0),
        name: "c".into(),
        title: "c".into(),
        point,
        group_names: vec!["K1".into()],
        groups: vec![group],
        group_numbers: vec![1],
        relations: vec![Relation::Compatible],
        rows: Vec::new(),
        capabilities: Capabilities::NONE,
        plan: SignalPlan { cycle: Millis((CYCLE_S * 1000.0) as i64), offset: Millis::ZERO, windows },
        paths: Vec::new(),
        rings: Vec::new(),
        detectors: Vec::new(),
    }
}

fn way() -> Arc<[MovementId]> {
    vec![MovementId(0)].into()
}

fn world(network: &Arc<Network>, demand: &Demand, seed: u64) -> World {
    let config = WorldConfig { seed, trams: false, ..WorldConfig::default() };
    World::with_demand(Arc::clone(network), config, demand, Manners::default())
}

/// Mean control delay over many hours, each from an empty street.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn delay(saturation: f64, arrivals: Arrivals) -> Option<Delay> {
    let network = approach(1_500.0)?;
    let signals = FixedTime::new(&network);
    let per_h = saturation * capacity_per_h();
    let mut hours = Vec::new();
    for seed in 1..=HOURS {
        let mut demand = Demand::default();
        match arrivals {
            Arrivals::Poisson => {
                demand.inflows.push(Inflow { link: LinkId(0), per_h, ways: Ways::Fixed(vec![(1.0, way())]) });
            }
            Arrivals::Even => {
                // Seeds shift the first arrival through one gap.
                let gap_ms = 3_600_000.0 / per_h;
                let first = gap_ms * (seed as f64 - 0.5) / HOURS as f64;
                let count = (3_600_000.0 / gap_ms) as usize;
                let trip = |n: usize| ListedTrip {
                    at_ms: (first + gap_ms * n as f64) as i64,
                    link: LinkId(0),
                    way: way(),
                };
                demand.trips = (0..count).map(trip).collect();
            }
        }
        // Those who arrive within the hour, until the last of them is over the line.
        demand.profile = Profile::new(vec![(HOUR.0, 1.0), (HOUR.0 + 1, 0.0)]);
        let mut world = world(&network, &demand, seed);
        world.watch_everyone();
        world.advance(HOUR + CLEARS, &signals);
        hours.push(world.cross_delay().mean_s());
    }
    let mean = hours.iter().sum::<f64>() / hours.len() as f64;
    let variance = hours.iter().map(|hour| (hour - mean).powi(2)).sum::<f64>() / hours.len() as f64;
    let second = if arrivals == Arrivals::Poisson { incremental_delay_s(saturation) } else { 0.0 };
    let formula_s = uniform_delay_s(saturation) + second;
    Some(Delay { saturation, measured_s: mean, formula_s, sd_s: variance.sqrt() })
}

/// A demand that keeps a street full.
fn flood() -> Demand {
    let inflow = Inflow { link: LinkId(0), per_h: 2_400.0, ways: Ways::Fixed(vec![(1.0, way())]) };
    Demand { inflows: vec![inflow], ..Demand::default() }
}

#[allow(clippy::cast_precision_loss)]
fn capacity() -> Option<Figure> {
    let network = approach(600.0)?;
    let signals = FixedTime::new(&network);
    let mut world = world(&network, &flood(), 1);
    world.advance(Millis::from_s(1_800), &signals);
    world.watch_everyone();
    let hours = 10;
    world.advance(Millis::from_s(1_800 + hours * 3_600), &signals);
    let measured = world.link_totals(LinkId(0)).vehicles as f64 / hours as f64;
    Some(Figure { measured, formula: capacity_per_h() })
}

/// Mean headways by place in the queue, over many greens.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn headways() -> Option<Vec<f64>> {
    const PLACES: usize = 15;
    let network = approach(600.0)?;
    let signals = FixedTime::new(&network);
    let mut world = world(&network, &flood(), 1);
    let (cycles, cycle_ms) = (40, (CYCLE_S * 1000.0) as i64);
    world.advance(Millis(10 * cycle_ms), &signals);
    let mut sums = [0.0; PLACES];
    for cycle in 10..10 + cycles {
        let (mut passed, mut last_ms, mut place) = (world.link_totals(LinkId(0)).vehicles, 0, 0);
        for tick in 1..=cycle_ms / 100 {
            world.advance(Millis(cycle * cycle_ms + tick * 100), &signals);
            let now = world.link_totals(LinkId(0)).vehicles;
            // The world takes 100 ms steps: a departure is in the middle of its step, on average.
            if now > passed && place < PLACES {
                sums[place] += ms(tick * 100 - 50 - last_ms);
                (last_ms, place) = (tick * 100 - 50, place + 1);
            }
            passed = now;
        }
    }
    Some(sums.iter().map(|sum| sum / cycles as f64).collect())
}

/// From when the vehicles of a standing queue start to roll.
#[allow(clippy::cast_precision_loss)]
fn start_wave() -> Option<Figure> {
    /// Red until then, green for ever.
    struct LongRed(Millis);
    impl Signals for LongRed {
        fn aspect(&self, now: Millis, _: ControllerId, _: GroupId) -> Aspect {
            if now < self.0 { Aspect::Red } else { Aspect::Green }
        }
    }
    let network = approach(600.0)?;
    let green_at = 600_000;
    let signals = LongRed(Millis(green_at));
    let mut world = world(&network, &flood(), 1);
    world.advance(Millis(green_at - 1_000), &signals);
    let standing: Vec<_> =
        world.on_link(LinkId(0)).iter().map(|view| (view.serial, view.offset_mm)).collect();
    let (near, far) = (5, 40);
    let mut started = vec![None; standing.len()];
    for tick in 0..900 {
        world.advance(Millis(green_at + tick * 100), &signals);
        let seen = world.on_link(LinkId(0));
        for (index, (serial, offset)) in standing.iter().enumerate() {
            let moved =
                seen.iter().find(|view| view.serial == *serial).is_none_or(|view| view.offset_mm > *offset);
            if moved && started[index].is_none() {
                started[index] = Some(tick * 100);
            }
        }
    }
    let at = |index: usize| started.get(index).copied().flatten();
    let measured = match (at(near), at(far)) {
        (Some(first), Some(last)) if last > first => {
            f64::from(standing[near].1 - standing[far].1) / (last - first) as f64
        }
        _ => 0.0,
    };
    Some(Figure { measured, formula: ms(WAVE_MM_S) })
}

/// A street whose end lets through a share of the time: flow and density where the queue is steady.
#[allow(clippy::cast_precision_loss)]
fn flow_point(share: f64) -> Option<FlowPoint> {
    /// Open for its share of each ten seconds: short enough that the queue hardly feels the turns.
    struct Bottleneck(f64);
    impl Signals for Bottleneck {
        fn aspect(&self, now: Millis, _: ControllerId, _: GroupId) -> Aspect {
            let open = ms(now.0.rem_euclid(10_000)) < self.0 * 10.0;
            if open { Aspect::Green } else { Aspect::Red }
        }
    }
    let network = approach(2_000.0)?;
    let manners = Manners { start_up_ms: 0, yellow_used_ms: 0, ..Manners::default() };
    let config = WorldConfig { seed: 1, trams: false, ..WorldConfig::default() };
    let mut world = World::with_demand(Arc::clone(&network), config, &flood(), manners);
    let signals = Bottleneck(share);
    world.advance(Millis::from_s(7_200), &signals);
    world.watch_everyone();
    let (mut vehicles, samples) = (0, 3_600);
    for second in 1..=samples {
        world.advance(Millis::from_s(7_200 + second), &signals);
        vehicles += world.on_link(LinkId(0)).len();
    }
    let density_per_km = vehicles as f64 / samples as f64 / 2.0;
    let flow_per_h = world.link_totals(LinkId(0)).vehicles as f64;
    Some(FlowPoint { density_per_km, flow_per_h, formula_per_h: triangular_per_h(density_per_km) })
}

/// Newell's triangular diagram, cut at the saturation flow: vehicles an hour at a density a kilometre.
#[allow(clippy::cast_precision_loss)]
fn triangular_per_h(density_per_km: f64) -> f64 {
    let jam_per_km = 1e6 / CAR_MM as f64;
    let free = density_per_km * f64::from(SPEED_MM_S) * 3.6e-3;
    let congested = (jam_per_km - density_per_km) * ms(WAVE_MM_S) * 3.6;
    free.min(congested).min(3_600.0 / ms(HEADWAY_MS)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_delay_and_capacity_are_those_of_the_hcm() {
        for x in [0.3, 0.85] {
            let delay = delay(x, Arrivals::Even).unwrap();
            assert!(delay.off().abs() < 0.01, "{delay:?}");
        }
        let capacity = capacity().unwrap();
        assert!(capacity.off().abs() < 0.02, "{capacity:?}");
    }

    #[test]
    fn a_queue_starts_as_a_wave_and_settles_to_the_saturation_headway() {
        let headways = headways().unwrap();
        assert!((headways[0] - 2.95).abs() < 0.06, "{headways:?}");
        assert!(headways[1..].iter().all(|h| (h - 1.9).abs() < 0.06), "{headways:?}");
        let wave = start_wave().unwrap();
        assert!(wave.off().abs() < 0.1, "{wave:?}");
    }

    #[test]
    fn the_formulas_are_the_hcms() {
        // A cycle of 90 s with 42 s of effective green at 1,895 an hour.
        assert!((uniform_delay_s(0.5) - 16.7).abs() < 0.1, "{}", uniform_delay_s(0.5));
        assert!((capacity_per_h() - 884.2).abs() < 0.1, "{}", capacity_per_h());
    }
}
