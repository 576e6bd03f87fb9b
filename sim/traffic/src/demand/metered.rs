//! Flows that the network itself suggests.
//!
//! Cars appear at links that no car can reach from inside, leave at links that lead nowhere, and
//! choose among the best ways to drivers' different tastes. Flows start from what a street of that
//! class carries and are metered until no approach is asked for more than the target share of its
//! capacity: a busy network, not a jammed one.

use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Turn, Uses};

use super::{Inflow, Ways, WeightedWays};
use crate::physics::HEADWAY_MS;
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

/// What is asked of a network.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Metered {
    /// Seeds the drivers' tastes.
    pub seed: u64,
    /// Highest share of an approach's capacity that is asked for, 0 to 1.
    pub target_saturation: f64,
    /// Scales the flows after that; 0 for none.
    pub factor: f64,
}

struct Flow {
    source: usize,
    way: Arc<[MovementId]>,
    per_h: f64,
}

impl Metered {
    /// The flows into a network, the strongest entry first.
    #[must_use]
    pub fn inflows(self, network: &Network) -> Vec<Inflow> {
        let entries = boundary(network, true);
        let exits = boundary(network, false);
        let mut flows = wanted_flows(network, self.seed, &entries, &exits);
        meter(network, &mut flows, self.target_saturation);
        let mut ways: Vec<WeightedWays> = vec![Vec::new(); entries.len()];
        for flow in flows {
            ways[flow.source].push((flow.per_h * self.factor, flow.way));
        }
        let inflow = |(&(link, _), ways): (&(LinkId, f64), WeightedWays)| Inflow {
            link,
            per_h: ways.iter().map(|(per_h, _)| per_h).sum(),
            ways: Ways::Fixed(ways),
        };
        entries.iter().zip(ways).map(inflow).filter(|inflow| inflow.per_h > 0.0).collect()
    }
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

    fn metered(factor: f64) -> Metered {
        Metered { seed: 1, target_saturation: 0.7, factor }
    }

    #[test]
    fn cars_come_from_the_edges_and_no_approach_is_asked_for_too_much() {
        let network = corridor(4);
        let inflows = metered(1.0).inflows(&network);
        assert_eq!(inflows.len(), 5);
        let mut asked = vec![0.0; network.links.len()];
        for inflow in &inflows {
            let Ways::Fixed(ways) = &inflow.ways else { panic!("metered cars know their way") };
            for (per_h, way) in ways {
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
        let total = |factor| metered(factor).inflows(&network).iter().map(|i| i.per_h).sum::<f64>();
        assert!((total(0.5) * 2.0 - total(1.0)).abs() < 1e-9);
    }
}
