//! Quickest ways of a tram or bus around closed links: one search gives the time to every link.
//!
//! Dijkstra's algorithm on the line graph (a node is a link, an arc a lawful movement), so that tracks,
//! switches, turn restrictions and one-way streets hold by construction. The time of a link is its free
//! running time; a turn costs what a vehicle loses in it; a signal costs the mean wait of uniform
//! arrivals at its fixed-time plan, red² / 2C. Runs when links are closed or opened, never for a fix.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clearway_network::{LinkId, Network, SignalRef, Turn, Uses};
use clearway_signals::Millis;

/// A turn costs this much beyond the links' free times.
const TURN: Millis = Millis(3_000);
/// No detour is sought that takes longer than this.
pub const WAY_MAX: Millis = Millis::from_s(1_800);

/// Who drives, and what is closed.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The network.
    pub network: &'a Network,
    /// `TRAM`: on tracks; `BUS`: on streets for buses or cars.
    pub mode: Uses,
    /// Closed links, sorted.
    pub closed: &'a [LinkId],
}

impl Ground<'_> {
    /// Who may carry this vehicle: a tram needs its track, a bus drives where buses or cars may.
    fn ways(&self) -> Uses {
        if self.mode == Uses::BUS { Uses::BUS.union(Uses::CAR) } else { self.mode }
    }

    /// Whether a link is closed.
    #[must_use]
    pub fn is_closed(&self, link: LinkId) -> bool {
        self.closed.binary_search(&link).is_ok()
    }

    /// From the end of one link to the end of the next, over a movement; `None` when that is not lawful
    /// or the next link is closed.
    fn step(&self, from: LinkId, to: LinkId) -> Option<Millis> {
        let movement = self.network.movement(self.network.movement_between(from, to)?);
        let open = movement.uses.allow(self.ways())
            && self.network.link(to).uses.allow(self.ways())
            && !self.is_closed(to);
        open.then(|| {
            let turn = if movement.turn == Turn::Through { Millis::ZERO } else { TURN };
            let wait = movement.signal.map_or(Millis::ZERO, |signal| mean_wait(self.network, signal));
            turn + wait + running(self.network, to)
        })
    }
}

/// The free running time of a link.
fn running(network: &Network, link: LinkId) -> Millis {
    let link = network.link(link);
    Millis(i64::from(link.length_mm) * 1000 / i64::from(link.speed_mm_s.max(1)))
}

/// Mean wait of uniform arrivals at a fixed-time signal: red² / 2C.
fn mean_wait(network: &Network, signal: SignalRef) -> Millis {
    let Some(plan) = network.controller(signal.controller).map(|c| &c.plan) else { return Millis::ZERO };
    let green: i64 = plan.windows.iter().filter(|w| w.group == signal.group).map(|w| w.length.0).sum();
    let red = (plan.cycle.0 - green).clamp(0, plan.cycle.0);
    Millis(red * red / (2 * plan.cycle.0.max(1)))
}

/// The time along a chain of links, from the end of the first to the end of the last, as if nothing
/// were closed.
#[must_use]
pub fn time_along(network: &Network, mode: Uses, links: &[LinkId]) -> Millis {
    let ground = Ground { network, mode, closed: &[] };
    links.windows(2).fold(Millis::ZERO, |sum, pair| {
        sum + ground.step(pair[0], pair[1]).unwrap_or_else(|| running(network, pair[1]))
    })
}

/// The times from the end of one link to the end of every other.
#[derive(Clone, Debug)]
pub struct Reach {
    time: Vec<Millis>,
    before: Vec<u32>,
}

impl Reach {
    /// Search from the end of `start`.
    #[must_use]
    pub fn from(ground: &Ground<'_>, start: LinkId) -> Self {
        let links = ground.network.links.len();
        let mut found = Self { time: vec![Millis::NEVER; links], before: vec![u32::MAX; links] };
        let mut heap = BinaryHeap::from([Reverse((Millis::ZERO, start.0))]);
        found.time[start.index()] = Millis::ZERO;
        while let Some(Reverse((time, link))) = heap.pop() {
            if time > found.time[link as usize] || time > WAY_MAX {
                continue;
            }
            for (_, movement) in ground.network.leaving(LinkId(link)) {
                let Some(step) = ground.step(LinkId(link), movement.to) else { continue };
                let next = movement.to;
                if time + step < found.time[next.index()] {
                    found.time[next.index()] = time + step;
                    found.before[next.index()] = link;
                    heap.push(Reverse((time + step, next.0)));
                }
            }
        }
        found
    }

    /// The time to the end of a link, if a way leads there.
    #[must_use]
    pub fn time_to(&self, link: LinkId) -> Option<Millis> {
        self.time.get(link.index()).copied().filter(|time| *time <= WAY_MAX)
    }

    /// The links of the way to `goal`, the start left out and the goal included; empty when there is
    /// none.
    #[must_use]
    pub fn way_to(&self, goal: LinkId) -> Vec<LinkId> {
        let mut way = Vec::new();
        if self.time_to(goal).is_none() {
            return way;
        }
        let mut link = goal.0;
        while self.before[link as usize] != u32::MAX && way.len() < self.before.len() {
            way.push(LinkId(link));
            link = self.before[link as usize];
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detour::testing::{block, link};

    #[test]
    fn the_way_around_keeps_to_tracks() {
        let network = block();
        let closed = [link(&network, "a1")];
        let tram = Ground { network: &network, mode: Uses::TRAM, closed: &closed };
        let names = |ground: &Ground<'_>| {
            let way = Reach::from(ground, link(&network, "a0")).way_to(link(&network, "a2"));
            way.iter().map(|l| network.link(*l).name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&tram), ["d0", "b1", "u2", "a2"], "the street c would be shorter and has no track");
        let bus = Ground { mode: Uses::BUS, ..tram };
        assert_eq!(names(&bus), ["c1", "a2"]);
    }

    #[test]
    fn no_way_leads_over_a_closed_link() {
        let network = block();
        let closed = ["a1", "b1"].map(|name| link(&network, name));
        let mut closed = closed.to_vec();
        closed.sort_unstable();
        let tram = Ground { network: &network, mode: Uses::TRAM, closed: &closed };
        let reach = Reach::from(&tram, link(&network, "a0"));
        assert_eq!(reach.time_to(link(&network, "a2")), None);
        assert!(reach.way_to(link(&network, "a2")).is_empty());
    }

    /// The oracle: petgraph's Dijkstra on a line graph built for the test.
    #[test]
    fn the_times_are_those_of_petgraph() {
        let network = block();
        let closed = [link(&network, "a1")];
        let ground = Ground { network: &network, mode: Uses::TRAM, closed: &closed };
        let mut graph = petgraph::graph::DiGraph::<LinkId, i64>::new();
        let nodes: Vec<_> =
            (0..u32::try_from(network.links.len()).unwrap()).map(|i| graph.add_node(LinkId(i))).collect();
        for movement in &network.movements {
            if let Some(step) = ground.step(movement.from, movement.to) {
                graph.add_edge(nodes[movement.from.index()], nodes[movement.to.index()], step.0);
            }
        }
        for start in 0..network.links.len() {
            let start_link = LinkId(u32::try_from(start).unwrap());
            let known = petgraph::algo::dijkstra(&graph, nodes[start], None, |e| *e.weight());
            let reach = Reach::from(&ground, start_link);
            for (goal, node) in nodes.iter().enumerate() {
                let time = reach.time_to(LinkId(u32::try_from(goal).unwrap())).map(|t| t.0);
                assert_eq!(time, known.get(node).copied());
            }
        }
    }
}
