//! The router against oracles: label correction until nothing changes, on random networks, straight from
//! the network's own tables.

use clearway_network::testing::corridor;
use clearway_network::{
    Builder, Controller, GreenWindow, Link, LinkId, Movement, Network, Node, NodeId, Point, SignalPlan,
    SignalRef, Turn, Uses,
};
use clearway_signals::{
    Capabilities, ControllerId, GeoPoint, GroupId, GroupKind, Millis, Relation, SignalGroup,
};
use proptest::prelude::*;

use super::*;

const ALL: Uses = Uses::CAR.union(Uses::EMERGENCY);

fn named(network: &Network, name: &str) -> LinkId {
    LinkId(u32::try_from(network.links.iter().position(|l| l.name == name).unwrap()).unwrap())
}

fn names<'a>(network: &'a Network, way: &[LinkId]) -> Vec<&'a str> {
    way.iter().map(|l| network.link(*l).name.as_str()).collect()
}

#[test]
fn the_way_along_the_corridor_is_its_links_in_order() {
    let network = corridor(4);
    let mut router = Router::new(&network);
    let mut way = Vec::new();
    for _ in 0..2 {
        let goals = [named(&network, "v2")];
        router.find(&network, Uses::EMERGENCY, named(&network, "e0"), &goals, false, &mut way);
        assert_eq!(names(&network, &way), ["e0", "e1", "e2", "v2"]);
    }
}

#[test]
fn against_the_one_way_there_is_no_way() {
    let network = corridor(2);
    let mut router = Router::new(&network);
    let mut way = vec![LinkId(0)];
    let goals = [named(&network, "e0")];
    router.find(&network, Uses::EMERGENCY, named(&network, "e2"), &goals, false, &mut way);
    assert!(way.is_empty());
}

/// A controller is another vehicle's in this time.
#[derive(Clone, Copy, Debug)]
struct Window {
    controller: ControllerId,
    serves: clearway_signals::GroupSet,
    from: Millis,
    until: Millis,
}

/// Cycle, offset and two greens (start, length) of a controller, seconds.
type Timing = (i64, i64, [(i64, i64); 2]);

/// What a random network is made of, small numbers only.
#[derive(Debug, Clone)]
struct Plan {
    side: usize,
    /// Links beside the grid's: from, to.
    links: Vec<(usize, usize)>,
    /// Length, speed and class of each link, taken in turn.
    kinds: Vec<(u32, u32, u8)>,
    /// Signal (0: none), turn and class of each movement, taken in turn; a fourth of them is forbidden.
    turns: Vec<(u8, u8, u8, bool)>,
    /// Cycle, offset and two greens of each controller.
    plans: Vec<Timing>,
    closed: Vec<(u32, i64)>,
    windows: Vec<(u16, u64, i64, i64)>,
    ends: Vec<(u32, i64)>,
    depart: i64,
}

prop_compose! {
    fn plan()(
        side in 2_usize..5,
        links in prop::collection::vec((0_usize..16, 0_usize..16), 0..8),
        kinds in prop::collection::vec((5_000_u32..400_000, 3_000_u32..20_000, 0_u8..8), 1..20),
        turns in prop::collection::vec((0_u8..5, 0_u8..4, 0_u8..8, prop::bool::weighted(0.8)), 1..30),
        plans in prop::collection::vec(
            (20_i64..120, 0_i64..120, [(0_i64..120, 0_i64..50), (0_i64..120, 0_i64..50)]), 3),
        closed in prop::collection::vec((0_u32..60, 0_i64..900_000), 0..5),
        windows in prop::collection::vec((0_u16..3, 0_u64..4, 0_i64..400_000, 0_i64..90_000), 0..12),
        ends in prop::collection::vec((0_u32..60, 0_i64..20_000), 4),
        depart in 0_i64..500_000,
    ) -> Plan {
        Plan { side, links, kinds, turns, plans, closed, windows, ends, depart }
    }
}

fn uses(class: u8) -> Uses {
    match class {
        0 => Uses::BUS,
        1 => Uses::EMERGENCY,
        _ => ALL,
    }
}

fn build(plan: &Plan) -> Network {
    let mut b =
        Builder { origin: GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 }, ..Builder::default() };
    let count = plan.side * plan.side;
    #[allow(clippy::cast_precision_loss)]
    let point = |n: usize| Point { x: (n % plan.side) as f32 * 100.0, y: (n / plan.side) as f32 * 100.0 };
    let nodes: Vec<_> =
        (0..count).map(|n| b.graph.add_node(Node { name: format!("n{n}"), point: point(n) })).collect();
    let mut ends = Vec::new();
    for n in 0..count {
        for m in [n + 1, n + plan.side].into_iter().filter(|m| *m < count) {
            ends.extend([(n, m), (m, n)]);
        }
    }
    ends.extend(plan.links.iter().map(|(from, to)| (from % count, to % count)).filter(|(a, b)| a != b));
    for (k, (from, to)) in ends.iter().enumerate() {
        let (length_mm, speed_mm_s, class) = plan.kinds[k % plan.kinds.len()];
        let link = Link {
            name: format!("l{k}"),
            street: String::new(),
            from: NodeId(0),
            to: NodeId(0),
            length_mm,
            speed_mm_s,
            lanes: 1,
            uses: uses(class),
            shape: 0..0,
        };
        b.graph.add_edge(nodes[*from], nodes[*to], (link, vec![point(*from), point(*to)]));
    }
    for (i, (_, meets)) in ends.iter().enumerate() {
        for (j, _) in ends.iter().enumerate().filter(|(_, (from, _))| from == meets) {
            let (signal, turn, class, lawful) = plan.turns[b.movements.len() % plan.turns.len()];
            // A movement that is not lawful is not there; its place is taken by one for nobody.
            b.movements.push(Movement {
                name: format!("m{i}-{j}"),
                from: LinkId(u32::try_from(i).unwrap()),
                to: LinkId(u32::try_from(j).unwrap()),
                turn: [Turn::Through, Turn::Left, Turn::Right, Turn::UTurn][usize::from(turn)],
                uses: if lawful { uses(class) } else { Uses::NONE },
                signal: (signal < 3).then(|| SignalRef {
                    controller: ControllerId(u16::from(signal)),
                    group: GroupId(turn % 2),
                }),
            });
        }
    }
    b.controllers = (0..3).map(|k| controller(k, &plan.plans[usize::from(k)])).collect();
    b.compile().unwrap()
}

fn controller(k: u16, (cycle, offset, greens): &Timing) -> Controller {
    let group = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: Millis(3_000),
        clearance: Millis::ZERO,
        red_yellow: Millis::ZERO,
    };
    let cycle = Millis::from_s(*cycle);
    let window = |(group, (start, length)): (u8, &(i64, i64))| GreenWindow {
        group: GroupId(group),
        start: Millis(start * 1_000 % cycle.0),
        length: Millis((length * 1_000).min(cycle.0)),
    };
    Controller {
        id: ControllerId(k),
        name: format!("c{k}"),
        title: String::new(),
        point: Point::default(),
        group_names: vec!["K1".into(), "K2".into()],
        groups: vec![group, group],
        group_numbers: vec![1, 2],
        relations: vec![Relation::Compatible; 4],
        rows: Vec::new(),
        capabilities: Capabilities::NONE,
        plan: SignalPlan {
            cycle,
            offset: Millis(offset * 1_000 % cycle.0),
            windows: (0..2).zip(greens).filter(|(_, (_, length))| *length > 0).map(window).collect(),
        },
        paths: Vec::new(),
        rings: Vec::new(),
        detectors: Vec::new(),
    }
}

/// The wait at a signal, looked up by trying every 100 ms.
fn tried(network: &Network, signal: SignalRef, at: Millis) -> i64 {
    let plan = &network.controllers[signal.controller.index()].plan;
    let green = |at: i64| {
        plan.windows
            .iter()
            .filter(|w| w.group == signal.group)
            .any(|w| (at - plan.offset.0 - w.start.0).rem_euclid(plan.cycle.0) < w.length.0)
    };
    // Greens begin and end on whole seconds.
    let next_second = |at: i64| at - at.rem_euclid(1_000) + 1_000;
    let mut free = at.0;
    while !green(free) {
        free = next_second(free);
        if free - at.0 > plan.cycle.0 {
            return plan.cycle.0;
        }
    }
    free - at.0
}

struct Instance {
    network: Network,
    closures: Closures,
    windows: Vec<Window>,
    starts: Vec<Start>,
    goals: Vec<Goal>,
    depart: Millis,
}

impl Instance {
    fn new(plan: &Plan) -> Self {
        let network = build(plan);
        let links = u32::try_from(network.links.len()).unwrap();
        let link = |n: u32| LinkId(n % links);
        let mut closures = Closures::none(&network);
        for (n, until) in &plan.closed {
            closures.close(link(*n), Millis(*until));
        }
        let window = |(controller, serves, from, long): &(u16, u64, i64, i64)| Window {
            controller: ControllerId(*controller),
            serves: clearway_signals::GroupSet(*serves),
            from: Millis(*from),
            until: Millis(from + long),
        };
        let windows: Vec<Window> = plan.windows.iter().map(window).collect();
        let end = |n: usize| (link(plan.ends[n].0), Millis(plan.ends[n].1));
        let running = |link: LinkId| {
            i64::from(network.link(link).length_mm) * 1000 / i64::from(network.link(link).speed_mm_s)
        };
        let start = |(link, after)| Start { link, after };
        let goal = |(link, beyond): (LinkId, Millis)| Goal { link, beyond: Millis(beyond.0 % running(link)) };
        let mut goals = vec![goal(end(2)), goal(end(3))];
        goals.dedup_by_key(|goal| goal.link);
        Self {
            closures,
            windows,
            starts: vec![start(end(0)), start(end(1))],
            goals,
            depart: Millis(plan.depart),
            network,
        }
    }

    fn query(&self, uses: Uses) -> Query<'_> {
        let closures = Some(&self.closures);
        Query { uses, depart: self.depart, starts: &self.starts, goals: &self.goals, closures }
    }

    /// Bellman: correct every label until nothing changes.
    fn oracle(&self, uses: Uses) -> Option<Millis> {
        let mut at: Vec<Option<i64>> = vec![None; self.network.links.len()];
        let mut best: Option<i64> = None;
        for start in &self.starts {
            let known = &mut at[start.link.index()];
            let here = self.depart.0 + start.after.0;
            *known = Some(known.map_or(here, |known| known.min(here)));
        }
        let mut changed = true;
        while changed {
            changed = false;
            for movement in &self.network.movements {
                let Some(from) = at[movement.from.index()] else { continue };
                let link = self.network.link(movement.to);
                if !(movement.uses.allow(uses) && link.uses.allow(uses)) {
                    continue;
                }
                let mut here = from;
                if let Some(signal) = movement.signal {
                    here += tried(&self.network, signal, Millis(here));
                    here = self.behind_windows(signal, here) + i64::from(SIGNAL_MS);
                }
                let signal_ms = if movement.signal.is_some() { i64::from(SIGNAL_MS) } else { 0 };
                here += self.closures.wait(movement.to, Millis(here - signal_ms)).0;
                here += match movement.turn {
                    Turn::Through => 0,
                    Turn::Left | Turn::Right => i64::from(TURN_MS),
                    Turn::UTurn => i64::from(U_TURN_MS),
                };
                here += i64::from(link.length_mm) * 1000 / i64::from(link.speed_mm_s);
                if let Some(goal) = self.goals.iter().find(|goal| goal.link == movement.to) {
                    let there = here - goal.beyond.0;
                    best = Some(best.map_or(there, |best| best.min(there)));
                }
                let known = &mut at[movement.to.index()];
                if known.is_none_or(|known| here < known) {
                    *known = Some(here);
                    changed = true;
                }
            }
        }
        best.map(Millis)
    }

    fn behind_windows(&self, signal: SignalRef, at: i64) -> i64 {
        let mut at = at;
        loop {
            let inside = self.windows.iter().find(|w| {
                w.controller == signal.controller
                    && !w.serves.contains(signal.group)
                    && (w.from.0..w.until.0).contains(&at)
            });
            let Some(window) = inside else { return at };
            at = window.until.0;
        }
    }

    /// The wait by plan, then for those who go first.
    fn wait(&self) -> impl Fn(&Crossing, Millis) -> Millis + '_ {
        let waits = Waits::new(&self.network);
        move |crossing, at| {
            let zero = waits.offset(crossing.controller);
            let red = waits.planned(crossing.controller, crossing.group, zero, at);
            let signal = SignalRef { controller: crossing.controller, group: crossing.group };
            Millis(self.behind_windows(signal, (at + red).0)) - at
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_arrival_is_the_earliest_there_is_at_any_hour_for_any_class(plan in plan(), class in 0_u8..3) {
        let instance = Instance::new(&plan);
        let uses = [Uses::CAR, ALL, Uses::BUS.union(Uses::EMERGENCY)][usize::from(class)];
        let query = instance.query(uses);
        let mut router = Router::new(&instance.network);
        let (mut way, mut times) = (Vec::new(), Vec::new());
        // Twice: nothing of the first search may be left.
        for _ in 0..2 {
            let arrives = router.seek(&query, instance.wait(), &mut way);
            prop_assert_eq!(arrives, instance.oracle(uses));
            if arrives.is_some() {
                prop_assert!(router.times(&query, &way, instance.wait(), &mut times));
                prop_assert_eq!(times.last().copied(), arrives, "the way takes the time that is said");
            } else {
                prop_assert!(way.is_empty());
            }
        }
    }

    #[test]
    fn alternatives_are_lawful_distinct_and_never_before_the_quickest(plan in plan(), count in 1_usize..5) {
        let instance = Instance::new(&plan);
        let query = instance.query(ALL);
        let mut router = Router::new(&instance.network);
        let (mut way, mut times) = (Vec::new(), Vec::new());
        let best = router.seek(&query, instance.wait(), &mut way);
        let found = router.alternatives(&query, instance.wait(), count);
        prop_assert!(found.len() <= count);
        prop_assert_eq!(found.first().map(|first| first.arrives), best);
        for (n, alternative) in found.iter().enumerate() {
            prop_assert!(router.times(&query, &alternative.way, instance.wait(), &mut times));
            prop_assert_eq!(times.last().copied(), Some(alternative.arrives));
            prop_assert!(found[..n].iter().all(|other| other.way != alternative.way));
            prop_assert!(found[..n].iter().all(|other| other.arrives <= alternative.arrives));
        }
        // A search after it knows of no penalty.
        prop_assert_eq!(router.seek(&query, instance.wait(), &mut way), best);
    }
}

#[test]
fn a_closed_link_is_driven_round_or_waited_for_whichever_is_quicker() {
    let network = corridor(2);
    let mut router = Router::new(&network);
    let starts = [Start { link: named(&network, "e0"), after: Millis::ZERO }];
    let goals = [Goal { link: named(&network, "e2"), beyond: Millis::ZERO }];
    let mut closures = Closures::none(&network);
    let mut way = Vec::new();
    let mut arrives = |closures: &Closures| {
        let query = Query {
            uses: ALL,
            depart: Millis::ZERO,
            starts: &starts,
            goals: &goals,
            closures: Some(closures),
        };
        router.seek(&query, |_, _| Millis::ZERO, &mut way)
    };
    let open = arrives(&closures).unwrap();
    closures.close(named(&network, "e1"), Millis(60_000));
    assert_eq!(arrives(&closures), Some(open + Millis(60_000)), "the corridor has no other way");
    closures.close(named(&network, "e1"), Millis::NEVER);
    assert_eq!(arrives(&closures), None);
}

#[test]
fn a_destination_behind_on_the_same_link_is_reached_by_going_round() {
    // A square with one-way streets.
    let plan = Plan {
        side: 2,
        links: Vec::new(),
        kinds: vec![(100_000, 10_000, 7)],
        turns: vec![(4, 0, 7, true)],
        plans: vec![(60, 0, [(0, 0), (0, 0)]); 3],
        closed: Vec::new(),
        windows: Vec::new(),
        ends: vec![(0, 0); 4],
        depart: 0,
    };
    let network = build(&plan);
    let mut router = Router::new(&network);
    let mut way = Vec::new();
    let start = LinkId(0);
    router.find(&network, ALL, start, &[start], false, &mut way);
    assert!(way.len() > 1 && way.first() == way.last(), "{way:?}");
    router.find(&network, ALL, start, &[start], true, &mut way);
    assert_eq!(way, [start]);
}
