//! Background demand: how many cars appear where, and which way they go.
//!
//! Cars appear at links that no car can reach from inside, leave at links that lead nowhere, and
//! choose among the best ways to drivers' different tastes. Flows start from what a street of that
//! class carries and are metered until no approach is asked for more than the target share of its
//! capacity: a busy network, not a jammed one.

use std::collections::VecDeque;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Turn, Uses};

use crate::physics::HEADWAY_MS;
use crate::rng::Rng;
use crate::routing::WayTree;

/// Sources and sinks that count; the rest of a large cut-out carries little.
const ENDS_MAX: usize = 72;
/// Tastes of drivers: alternative ways from each source.
const TASTES: u64 = 2;
/// Rounds of metering.
const ROUNDS: usize = 24;
/// Demand of a main street's lane before metering, vehicles an hour.
const MAIN_LANE_PER_H: f64 = 450.0;
/// Capacity of a lane whose end has no signal, vehicles an hour: it merges or gives way.
const UNSIGNALLED_LANE_PER_H: f64 = 1_300.0;
/// Share of the saturation flow that a left turn through an opposing stream reaches.
const PERMITTED_LEFT_SHARE: f64 = 0.35;

/// Where cars come in.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) link: LinkId,
    pub(crate) per_s: f64,
    /// Ways with the running sum of their flows.
    ways: Vec<(f64, Arc<[MovementId]>)>,
    pub(crate) rng: Rng,
    /// Cars that found no room yet, with the instant they appeared.
    pub(crate) waiting: VecDeque<(i64, Arc<[MovementId]>)>,
    /// A next try is scheduled or a lane will call.
    pub(crate) called: bool,
}

impl Source {
    /// The way of the next car.
    pub(crate) fn draw_way(&mut self) -> Option<Arc<[MovementId]>> {
        let total = self.ways.last()?.0;
        let drawn = self.rng.unit() * total;
        let index = self.ways.partition_point(|(sum, _)| *sum <= drawn);
        self.ways.get(index.min(self.ways.len() - 1)).map(|(_, way)| Arc::clone(way))
    }
}

struct Flow {
    source: usize,
    way: Arc<[MovementId]>,
    per_h: f64,
}

/// The sources of a network. `target` is the highest share of an approach's capacity that is asked
/// for, `factor` scales the metered flows.
pub(crate) fn sources(network: &Network, seed: u64, target: f64, factor: f64) -> Vec<Source> {
    let entries = boundary(network, true);
    let exits = boundary(network, false);
    let mut flows = wanted_flows(network, seed, &entries, &exits);
    meter(network, &mut flows, target);
    let mut sources: Vec<Source> = entries.iter().map(|&(link, _)| empty_source(link, seed)).collect();
    for flow in flows {
        let source = &mut sources[flow.source];
        source.per_s += flow.per_h * factor / 3600.0;
        source.ways.push((source.per_s, flow.way));
    }
    sources.retain(|source| source.per_s > 0.0);
    sources
}

fn empty_source(link: LinkId, seed: u64) -> Source {
    let rng = Rng::new(seed, 0x1_0000 + u64::from(link.0));
    Source { link, per_s: 0.0, ways: Vec::new(), rng, waiting: VecDeque::new(), called: false }
}

/// Links at the edge for cars, the strongest first, with their weight.
fn boundary(network: &Network, entry: bool) -> Vec<(LinkId, f64)> {
    let mut inner = vec![false; network.links.len()];
    for movement in &network.movements {
        if movement.uses.allow(Uses::CAR) && movement.turn != Turn::UTurn {
            inner[if entry { movement.to } else { movement.from }.index()] = true;
        }
    }
    let mut ends: Vec<(LinkId, f64)> = (0..u32::try_from(network.links.len()).unwrap_or(0))
        .map(LinkId)
        .filter(|link| !inner[link.index()] && network.link(*link).uses.allow(Uses::CAR))
        .map(|link| (link, weight(network, link)))
        .collect();
    ends.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ends.truncate(ENDS_MAX);
    ends
}

/// What a street carries, by its speed (its class in town) and lanes; 1 for a main street's lane.
fn weight(network: &Network, link: LinkId) -> f64 {
    let data = network.link(link);
    let class = match data.speed_mm_s {
        11_000.. => 1.0,
        8_000..11_000 => 0.35,
        _ => 0.1,
    };
    class * f64::from(data.lanes)
}

fn wanted_flows(
    network: &Network,
    seed: u64,
    entries: &[(LinkId, f64)],
    exits: &[(LinkId, f64)],
) -> Vec<Flow> {
    let mut flows = Vec::new();
    for (source, &(entry, strength)) in entries.iter().enumerate() {
        let away = |exit: LinkId| network.link(exit).to != network.link(entry).from;
        let first = flows.len();
        let mut share_sum = 0.0;
        for taste in 1..=TASTES {
            let tree = WayTree::new(network, entry, seed, taste);
            for &(exit, attraction) in exits.iter().filter(|(exit, _)| away(*exit)) {
                if let Some(way) = tree.route_to(network, exit) {
                    share_sum += attraction;
                    flows.push(Flow { source, way, per_h: attraction });
                }
            }
        }
        for flow in &mut flows[first..] {
            flow.per_h *= strength * MAIN_LANE_PER_H / share_sum;
        }
    }
    flows
}

/// Scale flows down until no movement and no approach on their way is above `target` of its capacity.
fn meter(network: &Network, flows: &mut [Flow], target: f64) {
    let capacity: Vec<f64> = (0..network.movements.len()).map(|m| movement_capacity(network, m)).collect();
    let mut of_movement = vec![0.0; network.movements.len()];
    let mut of_link = vec![0.0; network.links.len()];
    for _ in 0..ROUNDS {
        of_movement.fill(0.0);
        of_link.fill(0.0);
        for flow in flows.iter() {
            for &m in flow.way.iter() {
                let movement = network.movement(m);
                let lanes = f64::from(network.link(movement.from).lanes);
                let usable = if movement.turn == Turn::Through { lanes } else { 1.0 };
                let lane_share = flow.per_h / capacity[m.index()];
                of_movement[m.index()] += lane_share / usable;
                of_link[movement.from.index()] += lane_share / lanes;
            }
        }
        for flow in flows.iter_mut() {
            let worst = flow.way.iter().fold(0.0_f64, |worst, &m| {
                worst.max(of_movement[m.index()]).max(of_link[network.movement(m).from.index()])
            });
            if worst > target {
                flow.per_h *= target / worst;
            }
        }
    }
}

/// Capacity of one lane of a movement, vehicles an hour.
#[allow(clippy::cast_precision_loss)]
fn movement_capacity(network: &Network, movement: usize) -> f64 {
    let movement = &network.movements[movement];
    let Some(signal) = movement.signal else { return UNSIGNALLED_LANE_PER_H };
    let Some(controller) = network.controller(signal.controller) else { return UNSIGNALLED_LANE_PER_H };
    let plan = &controller.plan;
    let green: i64 = plan.windows.iter().filter(|w| w.group == signal.group).map(|w| w.length.0).sum();
    let saturation = 3_600_000.0 / HEADWAY_MS as f64;
    let turn = if movement.turn == Turn::Left { PERMITTED_LEFT_SHARE } else { 1.0 };
    // A group without green carries nothing; one vehicle an hour keeps the division whole.
    (saturation * turn * green as f64 / plan.cycle.0 as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    #[test]
    fn cars_come_from_the_edges_and_no_approach_is_asked_for_too_much() {
        let network = corridor(4);
        let sources = sources(&network, 1, 0.7, 1.0);
        assert_eq!(sources.len(), 5);
        let mut asked = vec![0.0; network.links.len()];
        for source in &sources {
            let mut before = 0.0;
            for (sum, way) in &source.ways {
                let per_h = (sum - before) * 3600.0;
                before = *sum;
                for &m in way.iter() {
                    asked[network.movement(m).from.index()] += per_h / movement_capacity(&network, m.index());
                }
            }
        }
        assert!(asked.iter().all(|&share| share < 0.75), "{asked:?}");
        assert!(asked.iter().any(|&share| share > 0.4), "{asked:?}");
    }

    #[test]
    fn demand_scales_with_its_factor() {
        let network = corridor(2);
        let total = |factor| sources(&network, 1, 0.7, factor).iter().map(|s| s.per_s).sum::<f64>();
        assert!((total(0.5) * 2.0 - total(1.0)).abs() < 1e-9);
    }
}
