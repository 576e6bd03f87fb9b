//! The quickest lawful way from link to link.
//!
//! Dijkstra's algorithm on the line graph: a node of the search is a link, an arc is a movement, so
//! that turn restrictions hold by construction. All buffers belong to the router and are reused.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clearway_network::{LinkId, Network, Turn, Uses};

/// Cost of a turn beyond the time on the links, milliseconds.
const TURN_MS: u64 = 2_000;
/// Cost of a signal on the way: even a green wave may fail, and each one troubles others.
const SIGNAL_MS: u64 = 3_000;
const UNREACHED: u64 = u64::MAX;

/// A router with its buffers.
#[derive(Debug)]
pub struct Router {
    cost_ms: Vec<u64>,
    came_from: Vec<u32>,
    touched: Vec<u32>,
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Router {
    /// Buffers for a network.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let n = network.links.len();
        Self {
            cost_ms: vec![UNREACHED; n],
            came_from: vec![u32::MAX; n],
            touched: Vec::with_capacity(n),
            heap: BinaryHeap::with_capacity(network.movements.len() + 1),
        }
    }

    /// The quickest way for `uses` from the end of `start` onto the first of `goals` that is reached.
    ///
    /// `way` is filled with the links, `start` first and the goal last; it stays empty when there is
    /// no way. A start that is a goal itself is a way of one link only if `goal_is_ahead` says so.
    pub fn find(
        &mut self,
        network: &Network,
        uses: Uses,
        start: LinkId,
        goals: &[LinkId],
        goal_is_ahead: bool,
        way: &mut Vec<LinkId>,
    ) {
        way.clear();
        if goal_is_ahead && goals.contains(&start) {
            way.push(start);
            return;
        }
        self.reset();
        self.reach(start.0, 0, u32::MAX);
        while let Some(Reverse((cost, link))) = self.heap.pop() {
            if cost > self.cost_ms[link as usize] {
                continue;
            }
            if goals.contains(&LinkId(link)) && (link != start.0) {
                self.trace(link, way);
                return;
            }
            for (_, movement) in network.leaving(LinkId(link)) {
                let next = network.link(movement.to);
                if movement.uses.allow(uses) && next.uses.allow(uses) {
                    let running = u64::from(next.length_mm) * 1000 / u64::from(next.speed_mm_s);
                    let turning = if movement.turn == Turn::Through { 0 } else { TURN_MS };
                    let signal = if movement.signal.is_some() { SIGNAL_MS } else { 0 };
                    self.reach(movement.to.0, cost + running + turning + signal, link);
                }
            }
        }
    }

    fn reach(&mut self, link: u32, cost_ms: u64, from: u32) {
        let known = &mut self.cost_ms[link as usize];
        if cost_ms < *known {
            if *known == UNREACHED {
                self.touched.push(link);
            }
            *known = cost_ms;
            self.came_from[link as usize] = from;
            self.heap.push(Reverse((cost_ms, link)));
        }
    }

    fn trace(&self, goal: u32, way: &mut Vec<LinkId>) {
        let mut link = goal;
        while link != u32::MAX && way.len() < self.cost_ms.len() {
            way.push(LinkId(link));
            link = self.came_from[link as usize];
        }
        way.reverse();
    }

    fn reset(&mut self) {
        for &link in &self.touched {
            self.cost_ms[link as usize] = UNREACHED;
            self.came_from[link as usize] = u32::MAX;
        }
        self.touched.clear();
        self.heap.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn named(network: &Network, name: &str) -> LinkId {
        LinkId(u32::try_from(network.links.iter().position(|l| l.name == name).unwrap()).unwrap())
    }

    #[test]
    fn the_way_along_the_corridor_is_its_links_in_order() {
        let network = corridor(4);
        let mut router = Router::new(&network);
        let mut way = Vec::new();
        for _ in 0..2 {
            router.find(
                &network,
                Uses::EMERGENCY,
                named(&network, "e0"),
                &[named(&network, "v2")],
                false,
                &mut way,
            );
            let names: Vec<_> = way.iter().map(|l| network.link(*l).name.as_str()).collect();
            assert_eq!(names, ["e0", "e1", "e2", "v2"]);
        }
    }

    #[test]
    fn against_the_one_way_there_is_no_way() {
        let network = corridor(2);
        let mut router = Router::new(&network);
        let mut way = vec![LinkId(0)];
        router.find(
            &network,
            Uses::EMERGENCY,
            named(&network, "e2"),
            &[named(&network, "e0")],
            false,
            &mut way,
        );
        assert!(way.is_empty());
    }

    /// The oracle: petgraph's Dijkstra on a line graph built for the test.
    #[test]
    fn the_cost_equals_that_of_petgraph_on_the_line_graph() {
        let network = corridor(6);
        let mut lines = petgraph::graph::DiGraph::<LinkId, u64>::new();
        let nodes: Vec<_> =
            (0..network.links.len()).map(|i| lines.add_node(LinkId(u32::try_from(i).unwrap()))).collect();
        for m in &network.movements {
            let next = network.link(m.to);
            let turn = if m.turn == Turn::Through { 0 } else { TURN_MS };
            let signal = if m.signal.is_some() { SIGNAL_MS } else { 0 };
            let cost = u64::from(next.length_mm) * 1000 / u64::from(next.speed_mm_s) + turn + signal;
            lines.add_edge(nodes[m.from.index()], nodes[m.to.index()], cost);
        }
        let mut router = Router::new(&network);
        let mut way = Vec::new();
        for start in 0..network.links.len() {
            let reached = petgraph::algo::dijkstra(&lines, nodes[start], None, |e| *e.weight());
            for goal in (0..network.links.len()).filter(|goal| *goal != start) {
                let (from, to) =
                    (LinkId(u32::try_from(start).unwrap()), LinkId(u32::try_from(goal).unwrap()));
                router.find(&network, Uses::CAR, from, &[to], false, &mut way);
                let own = (!way.is_empty()).then(|| router.cost_ms[goal]);
                assert_eq!(own, reached.get(&nodes[goal]).copied());
            }
        }
    }
}
