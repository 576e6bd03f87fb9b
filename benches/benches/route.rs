//! The search of ways across a city of 10 000 junctions: every run timed by itself, quantiles printed
//! beside their target (`cargo bench -p clearway-benches --bench route`).
//!
//! "own plan": nothing is preempted, every signal on the way is waited for as its fixed-time plan has
//! it at the time of arrival.

use std::time::Instant;

use clearway_benches::alloc_counter::CountingAllocator;
use clearway_benches::chance::Chance;
use clearway_benches::grid::grid;
use clearway_benches::timed::{Took, heading, timed};
use clearway_network::{Controller, GreenWindow, LinkId, Network, SignalPlan, SignalRef, Uses};
use clearway_planner::closures::Closures;
use clearway_planner::route::{Crossing, Goal, Query, Router, Start, Waits};
use clearway_signals::{Capabilities, ControllerId, GroupId, GroupKind, Millis, Relation, SignalGroup};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let (side, runs) = if std::env::args().any(|arg| arg == "--bench") { (100, 500) } else { (10, 5) };
    let free = City::new(grid(side));
    let signalled = City::new(with_signals(grid(side)));
    println!(
        "{} junctions, {} links, {} turns; tables in {:.0} ms",
        free.network.nodes.len(),
        free.network.links.len(),
        free.network.movements.len(),
        free.made_ms
    );
    heading();
    let served = |_: &Crossing, _: Millis| Millis::ZERO;
    for (name, mut city) in [("no signals", free), ("preempted signals", signalled)] {
        report(&format!("{name}, corner to corner"), runs, Some(2_000.0), |n| {
            city.run(n, Ends::Corners, served)
        });
        report(&format!("{name}, anywhere"), runs, None, |n| city.run(n, Ends::Anywhere, served));
        report(&format!("{name}, 100 links closed"), runs, None, |n| city.run(n, Ends::Closed, served));
        if name == "preempted signals" {
            let waits = Waits::new(&city.network);
            let own_plan = |crossing: &Crossing, at: Millis| {
                waits.planned(crossing.controller, crossing.group, waits.offset(crossing.controller), at)
            };
            report("own plan, corner to corner", runs, Some(2_000.0), |n| {
                city.run(n, Ends::Corners, own_plan)
            });
            report("own plan, anywhere", runs, None, |n| city.run(n, Ends::Anywhere, own_plan));
            let every_tenth = |crossing: &Crossing, at: Millis| {
                if crossing.controller.0.is_multiple_of(10) { own_plan(crossing, at) } else { Millis::ZERO }
            };
            report("every tenth not armed, corner to corner", runs, Some(2_000.0), |n| {
                city.run(n, Ends::Corners, every_tenth)
            });
        }
    }
}

/// Where a search begins and ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// From each corner in turn to the opposite one.
    Corners,
    /// From any link to any other.
    Anywhere,
    /// The same with closed links.
    Closed,
}

struct City {
    network: Network,
    router: Router,
    closures: Closures,
    corners: [LinkId; 4],
    way: Vec<LinkId>,
    made_ms: f64,
}

impl City {
    fn new(network: Network) -> Self {
        let begun = Instant::now();
        let router = Router::new(&network);
        let made_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        let mut closures = Closures::none(&network);
        let mut dice = Chance::of(7);
        for _ in 0..100 {
            closures.close(link(dice.below(network.links.len())), Millis::NEVER);
        }
        let way = Vec::with_capacity(network.links.len());
        let corners = corners(&network);
        Self { network, router, closures, corners, way, made_ms }
    }

    fn run(&mut self, n: u64, ends: Ends, wait: impl Fn(&Crossing, Millis) -> Millis) -> Took {
        let mut dice = Chance::of(n);
        let corner = usize::try_from(n % 4).unwrap_or(0);
        let (from, to) = if ends == Ends::Corners {
            (self.corners[corner], self.corners[(corner + 2) % 4])
        } else {
            (link(dice.below(self.network.links.len())), link(dice.below(self.network.links.len())))
        };
        let query = Query {
            uses: Uses::EMERGENCY,
            depart: Millis(i64::try_from(n).unwrap_or(0) * 1_379),
            starts: &[Start { link: from, after: Millis::ZERO }],
            goals: &[Goal { link: to, beyond: Millis::ZERO }],
            closures: (ends == Ends::Closed).then_some(&self.closures),
        };
        timed(|| self.router.seek(&query, wait, &mut self.way)).0
    }
}

/// The links that end nearest to each corner, in turn round the city.
fn corners(network: &Network) -> [LinkId; 4] {
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y): (f32, f32)| {
        let reach = |n: &usize| {
            let point = network.nodes[network.links[*n].to.index()].point;
            point.x * x + point.y * y
        };
        link((0..network.links.len()).max_by(|a, b| reach(a).total_cmp(&reach(b))).unwrap_or(0))
    })
}

fn link(n: usize) -> LinkId {
    LinkId(u32::try_from(n).unwrap_or(0))
}

/// Two groups at every junction, green in turn for 40 of 90 seconds, out of step with the next one.
fn with_signals(mut network: Network) -> Network {
    let heading = |network: &Network, link: LinkId| {
        let shape = network.shape(link);
        (shape[1].x - shape[0].x).abs() > (shape[1].y - shape[0].y).abs()
    };
    for n in 0..network.movements.len() {
        let from = network.movements[n].from;
        let controller = ControllerId(u16::try_from(network.link(from).to.0).unwrap_or(0));
        let group = GroupId(u8::from(heading(&network, from)));
        network.movements[n].signal = Some(SignalRef { controller, group });
    }
    let count = u16::try_from(network.nodes.len()).unwrap_or(u16::MAX);
    network.controllers = (0..count).map(controller).collect();
    network
}

fn controller(n: u16) -> Controller {
    let group = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis(1_000),
    };
    let green =
        |group, start| GreenWindow { group: GroupId(group), start: Millis(start), length: Millis(40_000) };
    let offset = Chance::of(u64::from(n)).below(90_000);
    Controller {
        id: ControllerId(n),
        name: format!("c{n}"),
        title: String::new(),
        point: clearway_network::Point::default(),
        group_names: vec!["K1".into(), "K2".into()],
        groups: vec![group, group],
        group_numbers: vec![1, 2],
        relations: vec![Relation::Conflict(Millis(5_000)); 4],
        rows: Vec::new(),
        capabilities: Capabilities::NONE,
        plan: SignalPlan {
            cycle: Millis(90_000),
            offset: Millis(i64::try_from(offset).unwrap_or(0)),
            windows: vec![green(0, 0), green(1, 45_000)],
        },
        paths: Vec::new(),
        rings: Vec::new(),
        detectors: Vec::new(),
    }
}

/// Time `runs` searches by themselves.
fn report(name: &str, runs: u64, target_us: Option<f64>, mut run: impl FnMut(u64) -> Took) {
    clearway_benches::timed::report(name, runs, target_us, |n| (run(n), ()), |_| String::new());
}
