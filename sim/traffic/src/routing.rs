//! Shortest paths for background traffic: Dijkstra over links, so that turns cost what they cost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Turn, Uses};

use crate::rng::unit_of;

/// What drivers expect of a turn, on top of the way, milliseconds.
const fn turn_ms(turn: Turn) -> i64 {
    match turn {
        Turn::Through => 0,
        Turn::Right => 3_000,
        Turn::Left => 8_000,
        Turn::UTurn => 120_000,
    }
}

/// What drivers expect of a signal, milliseconds.
const SIGNAL_MS: i64 = 12_000;

/// The taste of those who see nothing but free travel times.
const FREE: u64 = u64::MAX;

/// How much a driver's idea of a link's travel time differs from the truth, at most.
const TASTE: f64 = 0.35;

/// All best ways of cars from one link.
pub(crate) struct WayTree {
    start: LinkId,
    reached_by: Vec<Option<MovementId>>,
}

impl WayTree {
    /// The ways from `start`, to the taste `taste` of a run's seed; taste 0 knows the true times.
    pub(crate) fn new(network: &Network, start: LinkId, seed: u64, taste: u64) -> Self {
        Self::around(network, start, seed, taste, |_| false)
    }

    /// The same, over no link that is `closed`.
    pub(crate) fn around(
        network: &Network,
        start: LinkId,
        seed: u64,
        taste: u64,
        closed: impl Fn(LinkId) -> bool,
    ) -> Self {
        let mut cost = vec![i64::MAX; network.links.len()];
        let mut reached_by = vec![None; network.links.len()];
        let mut frontier = BinaryHeap::new();
        cost[start.index()] = 0;
        frontier.push(Reverse((0, start)));
        while let Some(Reverse((at, link))) = frontier.pop() {
            if at > cost[link.index()] {
                continue;
            }
            for (id, movement) in network.leaving(link) {
                let to = network.link(movement.to);
                if !movement.uses.allow(Uses::CAR) || !to.uses.allow(Uses::CAR) || closed(movement.to) {
                    continue;
                }
                let signal = if movement.signal.is_some() && taste != FREE { SIGNAL_MS } else { 0 };
                let way = believed_ms(network, movement.to, seed, taste);
                let turn = if taste == FREE { 0 } else { turn_ms(movement.turn) };
                let total = at + way + turn + signal;
                if total < cost[movement.to.index()] {
                    cost[movement.to.index()] = total;
                    reached_by[movement.to.index()] = Some(id);
                    frontier.push(Reverse((total, movement.to)));
                }
            }
        }
        Self { start, reached_by }
    }

    /// The movements to `goal`; `None` when there is no way, or the goal is the start.
    pub(crate) fn route_to(&self, network: &Network, goal: LinkId) -> Option<Arc<[MovementId]>> {
        let mut movements = Vec::new();
        let mut link = goal;
        while link != self.start {
            let movement = self.reached_by[link.index()]?;
            movements.push(movement);
            link = network.movement(movement).from;
        }
        movements.reverse();
        (!movements.is_empty()).then(|| movements.into())
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn believed_ms(network: &Network, link: LinkId, seed: u64, taste: u64) -> i64 {
    let data = network.link(link);
    let true_ms = i64::from(data.length_mm) * 1000 / i64::from(data.speed_mm_s);
    if taste == 0 || taste == FREE {
        return true_ms;
    }
    let error = TASTE * (2.0 * unit_of(seed, taste, u64::from(link.0)) - 1.0);
    (true_ms as f64 * (1.0 + error)) as i64
}

/// The links of the fastest way of cars from one link to another, both included; `None` when there is
/// none.
#[must_use]
pub fn fastest_way(network: &Network, from: LinkId, to: LinkId) -> Option<Vec<LinkId>> {
    way_around(network, from, to, |_| false)
}

/// The way that takes the least time on empty streets, whatever signals and turns cost.
pub(crate) fn free_way(network: &Network, from: LinkId, to: LinkId) -> Option<Vec<LinkId>> {
    let route = WayTree::around(network, from, 0, FREE, |_| false).route_to(network, to)?;
    Some(std::iter::once(from).chain(route.iter().map(|&m| network.movement(m).to)).collect())
}

/// The links from one link to another over links that are not `closed`; `None` when there is no way.
#[must_use]
pub fn way_around(
    network: &Network,
    from: LinkId,
    to: LinkId,
    closed: impl Fn(LinkId) -> bool,
) -> Option<Vec<LinkId>> {
    if from.index().max(to.index()) >= network.links.len() {
        return None;
    }
    let route = WayTree::around(network, from, 0, 0, closed).route_to(network, to)?;
    Some(std::iter::once(from).chain(route.iter().map(|&m| network.movement(m).to)).collect())
}

/// The movements along a chain of links; `None` where two of them are not joined.
#[must_use]
pub fn movements_along(network: &Network, links: &[LinkId]) -> Option<Arc<[MovementId]>> {
    let exist = links.iter().all(|link| link.index() < network.links.len());
    if !exist {
        return None;
    }
    links.windows(2).map(|w| network.movement_between(w[0], w[1])).collect::<Option<Vec<_>>>().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    #[test]
    fn a_route_is_a_chain_from_start_to_goal() {
        let network = corridor(3);
        let tree = WayTree::new(&network, LinkId(0), 1, 1);
        let route = tree.route_to(&network, LinkId(9)).unwrap();
        assert_eq!(route.len(), 3);
        assert_eq!(network.movement(route[0]).from, LinkId(0));
        assert_eq!(network.movement(route[2]).to, LinkId(9));
        assert!(tree.route_to(&network, LinkId(0)).is_none());
    }

    #[test]
    fn links_that_do_not_meet_make_no_route() {
        let network = corridor(2);
        assert!(movements_along(&network, &[LinkId(0), LinkId(5)]).is_none());
        assert!(movements_along(&network, &[LinkId(99)]).is_none());
    }
}
