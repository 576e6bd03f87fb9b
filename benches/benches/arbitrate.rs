//! Arbitration at a junction and reservations across a town: every run timed by itself, quantiles
//! printed beside their targets (`cargo bench -p clearway-benches --bench arbitrate`). The time to pose
//! the problem counts.

use clearway_benches::alloc_counter::CountingAllocator;
use clearway_benches::chance::Chance;
use clearway_benches::crossroads::{Crossroads, Rings, Stages, byte};
use clearway_benches::timed::{Took, heading, timed};
use clearway_certify::Class;
use clearway_network::testing::corridor;
use clearway_planner::reserve::{Claim, Effort, Rank, Reservations, Visit};
use clearway_signals::{ControllerId, Millis, RowId, VehicleId};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 20_000 } else { 20 };
    heading();
    for (requests, target_us) in [(1, None), (4, None), (8, Some(10.0)), (12, None), (15, Some(1_000.0))] {
        let mut ring = Rings::default();
        report(&format!("dual ring, {requests} requests"), runs, target_us, |seed| {
            arbitrate(&mut ring, seed, requests)
        });
    }
    for (requests, target_us) in [(8, Some(10.0)), (15, Some(1_000.0))] {
        let mut stages = Stages::default();
        report(&format!("stages, {requests} requests"), runs, target_us, |seed| {
            arbitrate(&mut stages, seed, requests)
        });
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
    /// Windows of reservations that conflict.
    conflicts: Option<usize>,
}

/// Time `runs` instances by themselves.
fn report(name: &str, runs: u64, target_us: Option<f64>, run: impl FnMut(u64) -> (Took, Solved)) {
    clearway_benches::timed::report(name, runs, target_us, run, |all| {
        let exact = all.iter().filter(|solved| solved.is_exact).count();
        let nodes: u64 = all.iter().map(|solved| u64::from(solved.nodes)).sum();
        let conflicts: Option<usize> = all.iter().map(|solved| solved.conflicts).sum();
        let conflicts = conflicts.map_or(String::new(), |count| format!("{count} conflicts, "));
        format!("{exact} of {runs} exact, {} nodes each, {conflicts}", nodes / runs.max(1))
    });
}

fn arbitrate(at: &mut impl Crossroads, seed: u64, requests: usize) -> (Took, Solved) {
    at.draw(seed, requests);
    let (took, solved) = timed(|| at.solve());
    (took, Solved { nodes: solved.nodes, is_exact: solved.is_exact, conflicts: None })
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
        (took, Solved { nodes: planned.nodes, is_exact: planned.is_exact, conflicts: Some(conflicts) })
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
