//! Cars that turn at each junction by shares: counted ones where given, usual ones elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Turn, Uses};

use crate::rng::Rng;

/// The shares of turns where nobody counted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TurnShares {
    /// Straight on.
    pub through: f64,
    /// To the left.
    pub left: f64,
    /// To the right.
    pub right: f64,
}

impl Default for TurnShares {
    fn default() -> Self {
        Self { through: 0.7, left: 0.13, right: 0.17 }
    }
}

/// Turning cars: what may follow each link, and with which share.
#[derive(Clone, PartialEq, Debug)]
pub struct Wander {
    links_mean: u32,
    /// `first[link]..first[link + 1]` are the turns of a link.
    first: Vec<u32>,
    turns: Vec<Choice>,
}

/// A turn that may be taken.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Choice {
    movement: MovementId,
    to: LinkId,
    /// The running sum of the shares of its link, 1 for the last.
    up_to: f32,
}

/// Links of a trip, at most.
const LINKS_MAX: usize = 400;

impl Wander {
    /// Cars that drive over `links_mean` links on average; they leave earlier where a link leads nowhere.
    /// `counted` are counts of movements in any unit; those of one link count against each other.
    #[must_use]
    pub fn new(
        network: &Network,
        shares: TurnShares,
        counted: &BTreeMap<MovementId, f64>,
        links_mean: u32,
    ) -> Self {
        let mut wander = Self { links_mean, first: vec![0], turns: Vec::new() };
        for link in (0..u32::try_from(network.links.len()).unwrap_or(u32::MAX)).map(LinkId) {
            wander.add(network, link, shares, counted);
            wander.first.push(u32::try_from(wander.turns.len()).unwrap_or(u32::MAX));
        }
        wander
    }

    fn add(
        &mut self,
        network: &Network,
        link: LinkId,
        shares: TurnShares,
        counted: &BTreeMap<MovementId, f64>,
    ) {
        let usual = |turn: Turn| match turn {
            Turn::Through => shares.through,
            Turn::Left => shares.left,
            Turn::Right => shares.right,
            Turn::UTurn => 0.0,
        };
        let for_cars = |to: LinkId| network.link(to).uses.allow(Uses::CAR);
        let lawful = network.leaving(link).filter(|(_, m)| m.uses.allow(Uses::CAR) && for_cars(m.to));
        let options: Vec<(MovementId, LinkId, f64)> = lawful
            .map(|(id, m)| (id, m.to, counted.get(&id).copied().unwrap_or_else(|| usual(m.turn))))
            .filter(|(.., share)| *share > 0.0)
            .collect();
        let total: f64 = options.iter().map(|(.., share)| share).sum();
        let mut sum = 0.0;
        for (index, &(movement, to, share)) in options.iter().enumerate() {
            sum += share / total;
            #[allow(clippy::cast_possible_truncation)]
            let up_to = if index + 1 == options.len() { 1.0 } else { sum as f32 };
            self.turns.push(Choice { movement, to, up_to });
        }
    }

    /// The way of a car that appears on `start`: from half to three halves of the mean length.
    pub(crate) fn draw(&self, start: LinkId, rng: &mut Rng) -> Arc<[MovementId]> {
        let mean = i64::from(self.links_mean.max(1));
        let wanted = usize::try_from(rng.between_ms(mean - mean / 2, mean + mean / 2)).unwrap_or(1);
        let wanted = wanted.min(LINKS_MAX);
        let mut way = Vec::with_capacity(wanted);
        let mut link = start;
        while way.len() < wanted {
            let turns = &self.turns[self.first[link.index()] as usize..self.first[link.index() + 1] as usize];
            #[allow(clippy::cast_possible_truncation)]
            let drawn = rng.unit() as f32;
            let Some(turn) = turns.iter().find(|turn| drawn < turn.up_to).or(turns.last()) else { break };
            way.push(turn.movement);
            link = turn.to;
        }
        way.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    #[test]
    fn cars_turn_as_they_were_counted() {
        let network = corridor(1);
        let turning_left = network.movements.iter().position(|m| m.turn == Turn::Left).unwrap();
        let left = MovementId(u32::try_from(turning_left).unwrap());
        let from = network.movement(left).from;
        let straight = network.leaving(from).find(|(_, m)| m.turn == Turn::Through).unwrap().0;
        let counted = BTreeMap::from([(left, 30.0), (straight, 10.0)]);
        let wander = Wander::new(&network, TurnShares::default(), &counted, 10);
        let mut rng = Rng::new(1, 1);
        let lefts = (0..4_000).filter(|_| wander.draw(from, &mut rng)[0] == left).count();
        assert!((2_900..3_100).contains(&lefts), "{lefts} of 4000");
    }
}
