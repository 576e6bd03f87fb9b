//! Arbitration at a junction and reservations across a town: every run timed by itself, quantiles
//! printed beside their targets (`cargo bench -p clearway-benches --bench arbitrate`).
//!
//! Instances are random but the same each time, and so is the work that each one takes: each is run
//! three times and the least time is taken, so that the machine's other work does not count. The time
//! to pose the problem does.

use std::hint::black_box;
use std::time::Instant;

use clearway_benches::alloc_counter::{CountingAllocator, allocations};
use clearway_certify::Class;
use clearway_network::testing::corridor;
use clearway_planner::arbitrate::{
    Arbiter, Barrier, Budget, DualRing, Phase, Problem, Request, RingPosition, RingState, Stage, StageState,
    Verdict,
};
use clearway_planner::reserve::{Claim, Effort, Rank, Reservations, Visit};
use clearway_planner::transition::{Display, Shown};
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{
    Capabilities, ControllerId, GroupId, GroupKind, GroupSet, Junction, Millis, Relation, RowId, SignalGroup,
    VehicleId,
};
use hdrhistogram::Histogram;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    /// From `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let span = (high - low + 1).cast_unsigned();
        low + ((z ^ (z >> 31)) % span).cast_signed()
    }

    fn byte(&mut self, below: i64) -> u8 {
        u8::try_from(self.between(0, below - 1)).unwrap_or_default()
    }
}

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 20_000 } else { 20 };
    println!("{:34} {:>9} {:>9} {:>9}  {:>9}  notes", "µs", "p50", "p99", "max", "target");
    for (requests, target_us) in [(1, None), (4, None), (8, Some(10.0)), (12, None), (15, Some(1_000.0))] {
        let mut ring = RingBench::new();
        report(&format!("dual ring, {requests} requests"), runs, target_us, |seed| ring.run(seed, requests));
    }
    for (requests, target_us) in [(8, Some(10.0)), (15, Some(1_000.0))] {
        let mut stages = StageBench::new();
        report(&format!("stages, {requests} requests"), runs, target_us, |seed| stages.run(seed, requests));
    }
    for (vehicles, part, target_us) in [(2, 4, None), (4, 4, None), (8, 4, Some(1_000.0)), (32, 64, None)] {
        let mut town = TownBench::new();
        report(&format!("reservations, {vehicles} × 200 signals"), runs / part, target_us, |seed| {
            town.run(seed, vehicles)
        });
    }
}

/// One timed instance.
struct Run {
    nanos: u64,
    allocations: u64,
    nodes: u32,
    is_exact: bool,
}

/// Time `runs` instances by themselves.
fn report(name: &str, runs: u64, target_us: Option<f64>, mut run: impl FnMut(u64) -> Run) {
    let Ok(mut times) = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3) else { return };
    let (mut exact, mut nodes, mut allocated) = (0, 0, 0);
    for seed in 0..runs / 10 {
        black_box(run(seed));
    }
    for seed in 0..runs {
        let (done, others) = (run(seed), [run(seed), run(seed)]);
        let least = others.iter().map(|other| other.nanos).fold(done.nanos, u64::min);
        times.saturating_record(least);
        exact += u64::from(done.is_exact);
        nodes += u64::from(done.nodes);
        allocated += done.allocations;
    }
    #[allow(clippy::cast_precision_loss)]
    let us = |nanos: u64| nanos as f64 / 1_000.0;
    let p99 = us(times.value_at_quantile(0.99));
    let target = target_us.map_or_else(String::new, |target| format!("≤ {target}"));
    let met = target_us.map_or("", |target| if p99 <= target { "met" } else { "MISSED" });
    println!(
        "{name:34} {:9.2} {p99:9.2} {:9.2}  {target:>9}  {met} ({exact} of {runs} exact, {} nodes each, {allocated} allocations)",
        us(times.value_at_quantile(0.5)),
        us(times.max()),
        nodes / runs.max(1),
    );
}

fn nanos(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn requests(dice: &mut Dice, count: usize, groups: i64) -> Vec<Request> {
    let request = |_| {
        let early = dice.between(0, 90_000);
        Request {
            group: GroupId(dice.byte(groups)),
            early: Millis(early),
            late: Millis(early + dice.between(0, 6_000)),
            weight: 1 + u32::from(dice.byte(20)),
            unserved: Some(Millis(180_000)),
        }
    };
    (0..count).map(request).collect()
}

/// Eight phases, three cycles.
struct RingBench {
    problem: Problem,
    arbiter: Arbiter,
}

impl RingBench {
    fn new() -> Self {
        Self { problem: Problem::new(), arbiter: Arbiter::new() }
    }

    fn run(&mut self, seed: u64, count: usize) -> Run {
        let mut dice = Dice(seed);
        let mut phase = |n: u8| {
            let min = dice.between(4_000, 12_000);
            Phase {
                group: GroupId(n),
                min_green: Millis(min),
                max_green: Millis(min + dice.between(2_000, 40_000)),
                clearance: Millis(dice.between(3_000, 7_000)),
            }
        };
        let phases =
            [[[phase(0), phase(1)], [phase(2), phase(3)]], [[phase(4), phase(5)], [phase(6), phase(7)]]];
        let groups = phases.each_ref().map(|rings| [&rings[0][..], &rings[1][..]]);
        let position = |of: &[Phase; 2], index: usize| {
            let Phase { min_green, max_green, .. } = of[index];
            RingPosition::Green { phase: index, min_left: min_green, max_left: max_green }
        };
        let (a, b) = (usize::from(dice.byte(2)), usize::from(dice.byte(2)));
        let rings = [position(&phases[0][0], a), position(&phases[0][1], b)];
        let asked = requests(&mut dice, count, 8);
        let (before, started) = (allocations(), Instant::now());
        let ring = DualRing { groups: &groups, barrier: Barrier::Rest };
        let posed = self.problem.dual_ring(&ring, &RingState { group: 0, rings }, 6);
        let outcome = self.arbiter.solve(&self.problem, &asked, &Budget::default());
        let (nanos, allocations) = (nanos(started), allocations() - before);
        let (nodes, verdict) = outcome.map_or((0, Verdict::Exhausted), |found| (found.nodes, found.verdict));
        Run { nanos, allocations, nodes, is_exact: posed.is_ok() && verdict == Verdict::Optimal }
    }
}

/// Four stages of two groups, every group of another stage in conflict, three cycles.
struct StageBench {
    problem: Problem,
    arbiter: Arbiter,
}

impl StageBench {
    fn new() -> Self {
        Self { problem: Problem::new(), arbiter: Arbiter::new() }
    }

    fn run(&mut self, seed: u64, count: usize) -> Run {
        let mut dice = Dice(seed);
        let group = SignalGroup {
            kind: GroupKind::Vehicle,
            min_green: Millis(6_000),
            yellow: Millis(3_000),
            clearance: Millis::ZERO,
            red_yellow: Millis(1_000),
        };
        let mut relations = [Relation::Compatible; 64];
        for (at, relation) in relations.iter_mut().enumerate() {
            if (at / 8) / 2 != (at % 8) / 2 {
                *relation = Relation::Conflict(Millis(dice.between(4_000, 9_000)));
            }
        }
        let junction = Junction {
            id: ControllerId(0),
            groups: &[group; 8],
            relations: &relations,
            rows: &[],
            capabilities: Capabilities::NONE,
        };
        let stage =
            |n: u64| Stage { groups: GroupSet(0b11 << (2 * n)), min: Millis(8_000), max: Millis(45_000) };
        let stages = [0, 1, 2, 3].map(stage);
        let now = Millis(100_000);
        let mut display: Display = [Shown { green: false, since: Millis(0) }; GROUPS_MAX];
        display[0] = Shown { green: true, since: Millis(95_000) };
        display[1] = display[0];
        let asked = requests(&mut dice, count, 8);
        let wanted = asked.iter().map(|request| request.group).collect();
        let state = StageState { stage: 0, began: Millis(90_000), display: &display, now };
        let (before, started) = (allocations(), Instant::now());
        let posed = self.problem.stages(&junction, &stages, &state, 12, wanted);
        let outcome = self.arbiter.solve(&self.problem, &asked, &Budget::default());
        let (nanos, allocations) = (nanos(started), allocations() - before);
        let (nodes, verdict) = outcome.map_or((0, Verdict::Exhausted), |found| (found.nodes, found.verdict));
        Run { nanos, allocations, nodes, is_exact: posed.is_ok() && verdict == Verdict::Optimal }
    }
}

/// Twenty by ten controllers, everybody on the way at about the same time.
struct TownBench {
    book: Reservations,
    controllers: Vec<clearway_network::Controller>,
}

const WIDE: i64 = 20;
const HIGH: i64 = 10;

impl TownBench {
    fn new() -> Self {
        let network = corridor(200);
        Self { book: Reservations::new(&network, None), controllers: network.controllers }
    }

    fn run(&mut self, seed: u64, vehicles: u32) -> Run {
        let mut dice = Dice(seed);
        let ways: Vec<(Rank, Vec<Visit>)> = (0..vehicles)
            .map(|vehicle| {
                let since = Millis(i64::from(vehicle));
                let priority = dice.byte(4);
                let vehicle = VehicleId(vehicle);
                (Rank { class: Class::Emergency, priority, since, vehicle }, drive(&mut dice))
            })
            .collect();
        let (before, started) = (allocations(), Instant::now());
        self.book.clear();
        let taken = ways.iter().filter(|(rank, visits)| self.book.add(*rank, visits).is_ok()).count();
        let planned = self.book.plan(&Effort::default());
        let (nanos, allocations) = (nanos(started), allocations() - before);
        let conflicts = self.book.conflicts(&self.controllers);
        assert_eq!((conflicts, taken), (0, ways.len()), "seed {seed}");
        Run { nanos, allocations, nodes: planned.nodes, is_exact: planned.is_exact }
    }
}

/// Along a street, across, and along again: 20 to 50 signals.
fn drive(dice: &mut Dice) -> Vec<Visit> {
    let (mut x, mut y) = (dice.between(0, WIDE - 1), dice.between(0, HIGH - 1));
    let mut green_by = Millis(dice.between(0, 60_000));
    let mut visits = Vec::new();
    for leg in 0..9 {
        let along = leg % 2 == 0;
        let goal = if along { dice.between(0, WIDE - 1) } else { dice.between(0, HIGH - 1) };
        while (if along { x } else { y }) != goal && visits.len() < 50 {
            let travel = Millis(dice.between(9_000, 15_000));
            let controller = ControllerId(u16::try_from(y * WIDE + x).unwrap_or_default());
            let row = RowId(if along { 1 } else { 2 });
            let hold = Millis(dice.between(10_000, 30_000));
            visits.push(Visit { controller, row, green_by, hold, travel, claim: Claim::Wished });
            green_by += travel;
            let place = if along { &mut x } else { &mut y };
            *place += (goal - *place).signum();
        }
        if visits.len() >= 20 {
            break;
        }
    }
    visits
}
