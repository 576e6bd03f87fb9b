//! What a run gave.

use std::time::Instant;

use clearway_network::LinkId;
use serde::Serialize;

use crate::emergency::TripId;
use crate::scenario::{Control, Prepared, PreparedMission};
use crate::virtual_city::VirtualCity;
use crate::world::World;

/// One run.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RunResult {
    /// Who helped.
    pub control: Control,
    /// The seed.
    pub seed: u64,
    /// Cars.
    pub cars: CarsResult,
    /// Trams.
    pub trams: TramsResult,
    /// Emergency vehicles.
    pub missions: Vec<MissionResult>,
    /// Commands that the engine gave.
    pub commands: u64,
    /// Violations, as the conflict monitors of the emulated controllers count them.
    pub violations: u64,
    /// Pedestrian clearances cut.
    pub clearances_cut: u64,
    /// Events of the simulator.
    pub events: u64,
    /// Links left by vehicles.
    pub traversals: u64,
    /// A hash of where everyone is at the end.
    pub state_hash: String,
    /// Links at whose end there is a signal: what passed, and what it lost.
    #[serde(skip)]
    pub links: Vec<LinkResult>,
    /// How fast the run was; differs from run to run.
    #[serde(skip)]
    pub speed: Speed,
}

/// Cars of a run, from the end of the warm-up.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct CarsResult {
    /// Left the network.
    pub left: u64,
    /// On the road at the end.
    pub inside: u64,
    /// Waiting at the edge at the end.
    pub waiting: u64,
    /// Turned away at the edge since the beginning.
    pub turned_away: u64,
    /// Took another way than they had meant.
    pub detours: u64,
    /// Mean time on the road of those that left, seconds.
    pub time_s_mean: f64,
    /// Mean delay of all against free travel, seconds.
    pub delay_s_mean: f64,
    /// Its sum, hours.
    pub delay_h_total: f64,
}

/// Trams of a run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct TramsResult {
    /// On the road in the window.
    pub trams: u64,
    /// Mean change of lateness, seconds; positive: later.
    pub lateness_change_s_mean: f64,
}

/// One emergency vehicle.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MissionResult {
    /// Its name.
    pub name: String,
    /// Whether it arrived within the run.
    pub arrived: bool,
    /// From leaving to arriving, or to the end of the run, seconds.
    pub travel_time_s: f64,
    /// Free travel over its way, seconds.
    pub free_time_s: f64,
    /// Stops on its way.
    pub stops: u32,
    /// Signals on its way.
    pub signals: usize,
}

/// One link.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LinkResult {
    /// Which.
    #[serde(skip)]
    pub link: LinkId,
    /// Vehicles that left it.
    pub vehicles: u64,
    /// What each of them lost on it, seconds.
    pub delay_s_mean: f64,
}

/// How fast a run was.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Speed {
    /// Simulated seconds, warm-up included.
    pub simulated_s: f64,
    /// Seconds of the processor that the run took.
    pub cpu_s: f64,
    /// Seconds on the wall.
    pub wall_s: f64,
    /// Events a processor second.
    pub events_per_s: f64,
    /// Vehicle-link traversals a processor second.
    pub traversals_per_s: f64,
    /// Vehicles on the road at the end.
    pub vehicles: u64,
    /// The most memory that the process has held so far, bytes; 0 where the system does not say.
    pub memory_bytes_max: u64,
}

impl RunResult {
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn of(
        prepared: &Prepared,
        city: &VirtualCity,
        control: Control,
        seed: u64,
        missions: &[PreparedMission],
        trips: &[Option<TripId>],
    ) -> Self {
        let world = &city.world;
        let (counts, gone, delay, trams) =
            (world.car_counts(), world.travelled(), world.cross_delay(), world.tram_change());
        let totals = city.field.totals();
        let mean = |sum_s: f64, of: u64| if of == 0 { 0.0 } else { sum_s / of as f64 };
        Self {
            control,
            seed,
            cars: CarsResult {
                left: gone.cars,
                inside: counts.inside,
                waiting: counts.waiting,
                turned_away: counts.turned_away,
                detours: counts.detours,
                time_s_mean: mean(gone.time.as_s(), gone.cars),
                delay_s_mean: delay.mean_s(),
                delay_h_total: delay.total.as_s() / 3_600.0,
            },
            trams: TramsResult { trams: trams.trams, lateness_change_s_mean: trams.mean_s() },
            missions: missions
                .iter()
                .zip(trips)
                .map(|(m, trip)| mission(prepared, world, m, *trip))
                .collect(),
            commands: 0,
            violations: totals.violations(),
            clearances_cut: totals.clearances_cut,
            events: world.events_scheduled(),
            traversals: world.traversals(),
            state_hash: format!("{:016x}", world.state_hash()),
            links: links(prepared, world),
            speed: Speed::default(),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn mission(
    prepared: &Prepared,
    world: &World,
    mission: &PreparedMission,
    trip: Option<TripId>,
) -> MissionResult {
    let log = trip.and_then(|trip| world.trip(trip));
    let network = &prepared.network;
    let free_ms = |link: LinkId, from_mm: u32, to_mm: u32| {
        let data = network.link(link);
        let way = i64::from(to_mm.min(data.length_mm)) - i64::from(from_mm);
        way.max(0) * 1000 / i64::from(data.speed_mm_s)
    };
    let route = &mission.trip.route;
    let free: i64 = route
        .iter()
        .enumerate()
        .map(|(index, &link)| {
            let from = if index == 0 { mission.trip.start_offset_mm } else { 0 };
            let to = if index + 1 == route.len() { mission.trip.end_offset_mm } else { u32::MAX };
            free_ms(link, from, to)
        })
        .sum();
    let so_far = world.now() - mission.trip.depart;
    MissionResult {
        name: mission.name.clone(),
        arrived: log.is_some_and(|log| log.arrived.is_some()),
        travel_time_s: log.and_then(|log| log.travel_time()).unwrap_or(so_far).as_s(),
        free_time_s: free as f64 / 1000.0,
        stops: log.map_or(0, |log| log.stops),
        signals: log.map_or(0, |log| log.lines.len()),
    }
}

#[allow(clippy::cast_precision_loss)]
fn links(prepared: &Prepared, world: &World) -> Vec<LinkResult> {
    let count = u32::try_from(prepared.network.links.len()).unwrap_or(u32::MAX);
    let result = |link| {
        let totals = world.link_totals(link);
        let vehicles = totals.vehicles;
        let delay_s_mean = if vehicles == 0 { 0.0 } else { totals.delay.as_s() / vehicles as f64 };
        LinkResult { link, vehicles, delay_s_mean }
    };
    (0..count).map(LinkId).map(result).collect()
}

/// The clock of the processor for this thread, where the system keeps one, and that on the wall. Both
/// only measure the simulator; nothing simulated ever reads them.
pub(super) struct CpuClock {
    wall: Instant,
    cpu_ns: Option<u64>,
}

impl CpuClock {
    pub(super) fn start() -> Self {
        Self { wall: Instant::now(), cpu_ns: thread_cpu_ns() }
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn speed(&self, world: &World) -> Speed {
        let wall_s = self.wall.elapsed().as_secs_f64();
        let cpu_s = match (self.cpu_ns, thread_cpu_ns()) {
            (Some(start), Some(end)) => end.saturating_sub(start) as f64 / 1e9,
            _ => wall_s,
        };
        let per_s = |count: u64| count as f64 / cpu_s.max(1e-9);
        Speed {
            simulated_s: world.now().as_s(),
            cpu_s,
            wall_s,
            events_per_s: per_s(world.events_scheduled()),
            traversals_per_s: per_s(world.traversals()),
            vehicles: world.car_counts().inside,
            memory_bytes_max: memory_bytes_max().unwrap_or(0),
        }
    }
}

/// The process's high-water mark, as Linux counts it.
fn memory_bytes_max() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Nanoseconds that this thread has run, as Linux counts them.
fn thread_cpu_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
