//! Which line does what, so that all passengers together lose least: exact, by branch and bound.
//!
//! Each line has a few choices; a choice puts its trips on links and into a turnback, and those carry
//! only so many trips in an hour. Without a limit in the way everybody takes the best; where too many
//! would meet, the one that has the cheapest other choice gives way. The bound is the sum of the best
//! choices left; the search ends after a number of nodes and says whether it was exact.

use clearway_network::Network;

use super::options::{Action, Diversion};

/// Trips that a track or street carries in an hour: one in each cycle of a signal.
const LINK_TRIPS_H: u32 = 60;
/// Trips that turn at a turnback in an hour: three minutes each.
const TURNBACK_TRIPS_H: u32 = 20;
/// Nodes of the search.
const NODES_MAX: u32 = 50_000;

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The choice of each line, by index into its options.
    pub choices: Vec<usize>,
    /// Passenger-seconds lost in an hour by all trips.
    pub delay_pax_s_per_h: i64,
    /// Whether nothing better exists.
    pub exact: bool,
}

/// Choose for every line one of its options, which must not be empty and hold at least one
/// [`Action::Hold`]: waiting uses nothing up.
#[must_use]
pub fn assign(network: &Network, options: &[Vec<Diversion>]) -> Assigned {
    let mut search = Search::new(network, options);
    search.descend(0, 0);
    let delay_pax_s_per_h = search.best.as_ref().map_or(0, |(cost, _)| *cost);
    let mut choices = vec![0; options.len()];
    if let Some((_, found)) = search.best {
        for (place, line) in search.order.iter().enumerate() {
            choices[*line] = found[place];
        }
    }
    Assigned { choices, delay_pax_s_per_h, exact: search.nodes < NODES_MAX }
}

struct Search<'a> {
    options: &'a [Vec<Diversion>],
    /// Trips of each line in an hour.
    trips: Vec<u32>,
    /// Lines in the order in which they are decided: who loses most by a second choice first.
    order: Vec<usize>,
    /// The least that the lines from this place of the order on can cost.
    rest: Vec<i64>,
    /// Trips an hour on each link, and what each can carry.
    flow: Vec<u32>,
    room: Vec<u32>,
    turning: Vec<u32>,
    chosen: Vec<usize>,
    best: Option<(i64, Vec<usize>)>,
    nodes: u32,
}

impl<'a> Search<'a> {
    fn new(network: &Network, options: &'a [Vec<Diversion>]) -> Self {
        let per_hour = |headway_s: u32| 3_600 / headway_s.clamp(60, 3_600);
        let line_of = |choices: &Vec<Diversion>| choices.first().map_or(0, |d| d.line.index());
        let affected: Vec<usize> = options.iter().map(line_of).collect();
        let trips: Vec<u32> = affected.iter().map(|line| per_hour(network.lines[*line].headway_s)).collect();
        // What runs on a day like any other is possible, and what is not affected runs on.
        let (mut usual, mut flow) = (vec![0_u32; network.links.len()], vec![0_u32; network.links.len()]);
        for (index, line) in network.lines.iter().enumerate() {
            for link in &line.links {
                usual[link.index()] += per_hour(line.headway_s);
                if !affected.contains(&index) {
                    flow[link.index()] += per_hour(line.headway_s);
                }
            }
        }
        let room = usual.into_iter().map(|usual| usual.max(LINK_TRIPS_H)).collect();
        let cost = |line: usize, choice: usize| hourly(&options[line][choice], trips[line]);
        let regret = |line: usize| match options[line].len() {
            0 | 1 => i64::MAX,
            _ => cost(line, 1) - cost(line, 0),
        };
        let mut order: Vec<usize> = (0..options.len()).filter(|line| !options[*line].is_empty()).collect();
        order.sort_by_key(|line| (std::cmp::Reverse(regret(*line)), *line));
        let mut rest = vec![0; order.len() + 1];
        for place in (0..order.len()).rev() {
            rest[place] = rest[place + 1] + cost(order[place], 0);
        }
        let turning = vec![0; network.turnbacks.len()];
        Self { options, trips, order, rest, flow, room, turning, chosen: Vec::new(), best: None, nodes: 0 }
    }

    fn descend(&mut self, place: usize, cost: i64) {
        self.nodes += 1;
        let bound = cost + self.rest[place];
        if self.nodes >= NODES_MAX || self.best.as_ref().is_some_and(|(best, _)| bound >= *best) {
            return;
        }
        let Some(&line) = self.order.get(place) else {
            self.best = Some((cost, self.chosen.clone()));
            return;
        };
        for choice in 0..self.options[line].len() {
            if self.take(line, choice) {
                self.chosen.push(choice);
                self.descend(place + 1, cost + hourly(&self.options[line][choice], self.trips[line]));
                self.chosen.pop();
                self.give_back(line, choice);
            }
        }
    }

    /// Put a line's trips on its links; `false`, and nothing done, when one of them is full.
    fn take(&mut self, line: usize, choice: usize) -> bool {
        let diversion = &self.options[line][choice];
        let trips = self.trips[line];
        if diversion.action == Action::Hold {
            return true;
        }
        let full = |index: &usize| self.turning[*index] + trips > TURNBACK_TRIPS_H;
        if diversion.turnback.as_ref().is_some_and(full) {
            return false;
        }
        let fits =
            |link: &clearway_network::LinkId| self.flow[link.index()] + trips <= self.room[link.index()];
        if !diversion.way.iter().all(fits) {
            return false;
        }
        for link in &diversion.way {
            self.flow[link.index()] += trips;
        }
        if let Some(index) = diversion.turnback {
            self.turning[index] += trips;
        }
        true
    }

    fn give_back(&mut self, line: usize, choice: usize) {
        let diversion = &self.options[line][choice];
        if diversion.action == Action::Hold {
            return;
        }
        for link in &diversion.way {
            self.flow[link.index()] -= self.trips[line];
        }
        if let Some(index) = diversion.turnback {
            self.turning[index] -= self.trips[line];
        }
    }
}

/// What a choice costs in an hour.
fn hourly(diversion: &Diversion, trips: u32) -> i64 {
    diversion.delay_pax_s.saturating_mul(i64::from(trips))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detour::testing::block;
    use clearway_network::{LineId, LinkId};
    use clearway_signals::Millis;
    use proptest::prelude::*;

    fn choice(line: u16, action: Action, delay_pax_s: i64, way: Vec<LinkId>) -> Diversion {
        Diversion {
            line: LineId(line),
            action,
            leave: 0,
            join: None,
            via: Vec::new(),
            way,
            calls: Vec::new(),
            skipped: Vec::new(),
            replacements: Vec::new(),
            turnback: (action == Action::ShortTurn).then_some(0),
            extra: Millis::ZERO,
            delay_pax_s,
            until: Millis::NEVER,
        }
    }

    fn brute_force(network: &Network, options: &[Vec<Diversion>]) -> i64 {
        let mut best = i64::MAX;
        let count: usize = options.iter().map(Vec::len).product();
        for mut number in 0..count {
            let mut search = Search::new(network, options);
            let mut cost = 0;
            let fits = options.iter().enumerate().all(|(line, choices)| {
                let pick = number % choices.len();
                number /= choices.len();
                cost += hourly(&choices[pick], search.trips[line]);
                search.take(line, pick)
            });
            if fits {
                best = best.min(cost);
            }
        }
        best
    }

    fn lines_of(count: usize, headway_s: u32) -> Network {
        let mut network = block();
        let template = network.lines[0].clone();
        network.lines = (0..count).map(|_| template.clone()).collect();
        for line in &mut network.lines {
            line.headway_s = headway_s;
        }
        network
    }

    #[test]
    fn without_limits_everybody_takes_the_best() {
        let network = lines_of(3, 600);
        let options: Vec<_> = (0..3)
            .map(|line| {
                vec![
                    choice(line, Action::Detour, 100, vec![LinkId(9)]),
                    choice(line, Action::Hold, 900, vec![]),
                ]
            })
            .collect();
        let found = assign(&network, &options);
        assert_eq!((found.choices, found.exact), (vec![0, 0, 0], true));
        assert_eq!(found.delay_pax_s_per_h, 1_800);
    }

    #[test]
    fn a_full_turnback_sends_away_who_loses_least_by_it() {
        // Twelve trips an hour each; a turnback takes twenty.
        let network = lines_of(2, 300);
        let options = vec![
            vec![choice(0, Action::ShortTurn, 100, vec![]), choice(0, Action::Hold, 150, vec![])],
            vec![choice(1, Action::ShortTurn, 100, vec![]), choice(1, Action::Hold, 900, vec![])],
        ];
        let found = assign(&network, &options);
        assert_eq!(found.choices, [1, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn the_search_equals_trying_everything(
            costs in proptest::collection::vec(
                (0..50_i64, 0..50_i64, 0..90_i64, 0..4_u32, 0..4_u32), 1..6),
            headway_s in prop_oneof![Just(60_u32), Just(120), Just(300)],
        ) {
            let network = lines_of(costs.len(), headway_s);
            let options: Vec<Vec<Diversion>> = costs
                .iter()
                .enumerate()
                .map(|(line, (detour, turn, hold, first, second))| {
                    let line = u16::try_from(line).unwrap();
                    let mut all = vec![
                        choice(line, Action::Detour, *detour, vec![LinkId(8 + first), LinkId(12 + second % 2)]),
                        choice(line, Action::ShortTurn, *turn, vec![LinkId(8 + second)]),
                        choice(line, Action::Hold, *hold, vec![]),
                    ];
                    all.sort_by_key(|d| d.delay_pax_s);
                    all
                })
                .collect();
            let found = assign(&network, &options);
            prop_assert!(found.exact);
            prop_assert_eq!(found.delay_pax_s_per_h, brute_force(&network, &options));
        }
    }
}
