//! Arbitration at a junction and reservations across a town: every run timed by itself, quantiles
//! printed beside their targets (`cargo bench -p clearway-benches --bench arbitrate`). The time to pose
//! the problem counts.

use clearway_benches::alloc_counter::CountingAllocator;
use clearway_benches::chance::Chance;
use clearway_benches::timed::{Took, heading, timed};
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

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Uniform in `0..end`.
fn byte(dice: &mut Chance, end: usize) -> u8 {
    u8::try_from(dice.below(end)).unwrap_or_default()
}

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 20_000 } else { 20 };
    heading();
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

/// How an instance was solved.
#[derive(Clone, Copy)]
struct Solved {
    nodes: u32,
    is_exact: bool,
}

/// Time `runs` instances by themselves.
fn report(name: &str, runs: u64, target_us: Option<f64>, run: impl FnMut(u64) -> (Took, Solved)) {
    clearway_benches::timed::report(name, runs, target_us, run, |all| {
        let exact = all.iter().filter(|solved| solved.is_exact).count();
        let nodes: u64 = all.iter().map(|solved| u64::from(solved.nodes)).sum();
        format!("{exact} of {runs} exact, {} nodes each, ", nodes / runs.max(1))
    });
}

fn requests(dice: &mut Chance, count: usize, groups: usize) -> Vec<Request> {
    let request = |_| {
        let early = dice.within(0, 90_000);
        Request {
            group: GroupId(byte(dice, groups)),
            early: Millis(early),
            late: Millis(early + dice.within(0, 6_000)),
            weight: 1 + u32::from(byte(dice, 20)),
            unserved: Some(Millis(180_000)),
        }
    };
    (0..count).map(request).collect()
}

fn solve(arbiter: &mut Arbiter, problem: &Problem, asked: &[Request], posed: bool) -> Solved {
    let outcome = arbiter.solve(problem, asked, &Budget::default());
    let (nodes, verdict) = outcome.map_or((0, Verdict::Exhausted), |found| (found.nodes, found.verdict));
    Solved { nodes, is_exact: posed && verdict == Verdict::Optimal }
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

    fn run(&mut self, seed: u64, count: usize) -> (Took, Solved) {
        let mut dice = Chance::of(seed);
        let mut phase = |n: u8| {
            let min = dice.within(4_000, 12_000);
            Phase {
                group: GroupId(n),
                min_green: Millis(min),
                max_green: Millis(min + dice.within(2_000, 40_000)),
                clearance: Millis(dice.within(3_000, 7_000)),
            }
        };
        let phases =
            [[[phase(0), phase(1)], [phase(2), phase(3)]], [[phase(4), phase(5)], [phase(6), phase(7)]]];
        let groups = phases.each_ref().map(|rings| [&rings[0][..], &rings[1][..]]);
        let position = |of: &[Phase; 2], index: usize| {
            let Phase { min_green, max_green, .. } = of[index];
            RingPosition::Green { phase: index, min_left: min_green, max_left: max_green }
        };
        let (a, b) = (usize::from(byte(&mut dice, 2)), usize::from(byte(&mut dice, 2)));
        let rings = [position(&phases[0][0], a), position(&phases[0][1], b)];
        let asked = requests(&mut dice, count, 8);
        timed(|| {
            let ring = DualRing { groups: &groups, barrier: Barrier::Rest };
            let posed = self.problem.dual_ring(&ring, &RingState { group: 0, rings }, 6).is_ok();
            solve(&mut self.arbiter, &self.problem, &asked, posed)
        })
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

    fn run(&mut self, seed: u64, count: usize) -> (Took, Solved) {
        let mut dice = Chance::of(seed);
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
                *relation = Relation::Conflict(Millis(dice.within(4_000, 9_000)));
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
        timed(|| {
            let posed = self.problem.stages(&junction, &stages, &state, 12, wanted).is_ok();
            solve(&mut self.arbiter, &self.problem, &asked, posed)
        })
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

    fn run(&mut self, seed: u64, vehicles: u32) -> (Took, Solved) {
        let mut dice = Chance::of(seed);
        let ways: Vec<(Rank, Vec<Visit>)> = (0..vehicles)
            .map(|vehicle| {
                let since = Millis(i64::from(vehicle));
                let priority = byte(&mut dice, 4);
                let vehicle = VehicleId(vehicle);
                (Rank { class: Class::Emergency, priority, since, vehicle }, drive(&mut dice))
            })
            .collect();
        let (took, (taken, planned)) = timed(|| {
            self.book.clear();
            let taken = ways.iter().filter(|(rank, visits)| self.book.add(*rank, visits).is_ok()).count();
            (taken, self.book.plan(&Effort::default()))
        });
        let conflicts = self.book.conflicts(&self.controllers);
        assert_eq!((conflicts, taken), (0, ways.len()), "seed {seed}");
        (took, Solved { nodes: planned.nodes, is_exact: planned.is_exact })
    }
}

/// Along a street, across, and along again: 20 to 50 signals.
fn drive(dice: &mut Chance) -> Vec<Visit> {
    let (mut x, mut y) = (dice.within(0, WIDE - 1), dice.within(0, HIGH - 1));
    let mut green_by = Millis(dice.within(0, 60_000));
    let mut visits = Vec::new();
    for leg in 0..9 {
        let along = leg % 2 == 0;
        let goal = if along { dice.within(0, WIDE - 1) } else { dice.within(0, HIGH - 1) };
        while (if along { x } else { y }) != goal && visits.len() < 50 {
            let travel = Millis(dice.within(9_000, 15_000));
            let controller = ControllerId(u16::try_from(y * WIDE + x).unwrap_or_default());
            let row = RowId(if along { 1 } else { 2 });
            let hold = Millis(dice.within(10_000, 30_000));
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
