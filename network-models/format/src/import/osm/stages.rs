//! Stages: the fewest sets of groups without conflict that together hold every group.
//!
//! A stage is a maximal clique of the compatibility graph, so every group stands in as many stages as
//! its conflicts allow. The cliques are listed after Bron and Kerbosch (1973) with pivots; the smallest
//! covers are found by depth-first search over the group that fewest cliques hold. Both searches are
//! exact for junctions as they are built (some twenty groups) and bounded for anything stranger: then
//! the best greedy cover is what remains.

use std::collections::BTreeSet;

/// A set of signal groups: bit n is group n.
pub type Set = u64;

/// Cliques that are listed at most.
const CLIQUES_MAX: usize = 4096;
/// Steps of either search.
const STEPS_MAX: usize = 200_000;
/// Covers of the least size that are compared at most.
const COVERS_MAX: usize = 256;

/// The groups of a set.
pub fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..Set::BITS as usize).filter(move |&group| set & (1 << group) != 0)
}

/// All the smallest covers of the groups by maximal sets without conflict; `conflicts[g]` are the groups
/// that may never be green with g. Each cover is sorted; there is at least one, of no stage for no group.
pub fn smallest_covers(conflicts: &[Set]) -> Vec<Vec<Set>> {
    let all = all_of(conflicts.len());
    let mut cliques = Cliques::list(conflicts, all);
    let greedy = greedy_cover(conflicts, &cliques, all);
    cliques.extend(greedy.iter().copied());
    cliques.sort_unstable();
    cliques.dedup();
    let mut search = CoverSearch::new(&cliques, conflicts.len());
    for size in 0..=greedy.len() {
        search.visit(&mut Vec::new(), all, size);
        if !search.found.is_empty() || search.steps >= STEPS_MAX {
            break;
        }
    }
    if search.found.is_empty() {
        return vec![greedy];
    }
    search.found.into_iter().collect()
}

fn all_of(count: usize) -> Set {
    (0..count).fold(0, |set, group| set | 1 << group)
}

/// Take the clique that holds most of what is missing, again and again.
fn greedy_cover(conflicts: &[Set], cliques: &[Set], all: Set) -> Vec<Set> {
    let mut missing = all;
    let mut cover = Vec::new();
    while missing != 0 {
        let best = cliques.iter().copied().max_by_key(|clique| (clique & missing).count_ones());
        // A list that was cut short may hold none for the last groups: grow one.
        let clique = best.filter(|clique| clique & missing != 0).unwrap_or_else(|| grown(conflicts, missing));
        missing &= !clique;
        cover.push(clique);
    }
    cover.sort_unstable();
    cover
}

/// A maximal set without conflict that begins with the first of `wanted`.
fn grown(conflicts: &[Set], wanted: Set) -> Set {
    let candidates = members(wanted).chain(members(all_of(conflicts.len()) & !wanted));
    let fits = |set: Set, group: usize| conflicts[group] & set == 0;
    candidates.fold(0, |set, group| if fits(set, group) { set | 1 << group } else { set })
}

/// The listing of maximal cliques.
struct Cliques {
    /// For each group those that may be green with it, itself left out.
    compatible: Vec<Set>,
    found: Vec<Set>,
    steps: usize,
}

impl Cliques {
    fn list(conflicts: &[Set], all: Set) -> Vec<Set> {
        let compatible = conflicts.iter().enumerate().map(|(g, with)| all & !with & !(1 << g)).collect();
        let mut listing = Self { compatible, found: Vec::new(), steps: 0 };
        if all != 0 {
            listing.expand(0, all, 0);
        }
        listing.found
    }

    /// `clique` may still grow by `candidates`; with one of `done` it was found before.
    fn expand(&mut self, clique: Set, mut candidates: Set, mut done: Set) {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.found.len() >= CLIQUES_MAX {
            return;
        }
        let pivot =
            members(candidates | done).max_by_key(|&g| (candidates & self.compatible[g]).count_ones());
        let Some(pivot) = pivot else {
            self.found.push(clique);
            return;
        };
        for group in members(candidates & !self.compatible[pivot]) {
            let with = self.compatible[group];
            self.expand(clique | 1 << group, candidates & with, done & with);
            candidates &= !(1 << group);
            done |= 1 << group;
        }
    }
}

/// The search for all covers of one size.
struct CoverSearch {
    /// The cliques that hold each group.
    holding: Vec<Vec<Set>>,
    largest: u32,
    found: BTreeSet<Vec<Set>>,
    steps: usize,
}

impl CoverSearch {
    fn new(cliques: &[Set], groups: usize) -> Self {
        let holding = |group: usize| cliques.iter().copied().filter(|c| c & (1 << group) != 0).collect();
        Self {
            holding: (0..groups).map(holding).collect(),
            largest: cliques.iter().map(|clique| clique.count_ones()).max().unwrap_or(0),
            found: BTreeSet::new(),
            steps: 0,
        }
    }

    /// Every way to cover what is `missing` with `left` more cliques.
    fn visit(&mut self, chosen: &mut Vec<Set>, missing: Set, left: usize) {
        self.steps += 1;
        if missing == 0 {
            let mut cover = chosen.clone();
            cover.sort_unstable();
            self.found.insert(cover);
            return;
        }
        let reach = u32::try_from(left).unwrap_or(u32::MAX).saturating_mul(self.largest);
        if missing.count_ones() > reach || self.steps >= STEPS_MAX || self.found.len() >= COVERS_MAX {
            return;
        }
        let Some(rarest) = members(missing).min_by_key(|&group| self.holding[group].len()) else { return };
        for index in 0..self.holding[rarest].len() {
            let clique = self.holding[rarest][index];
            chosen.push(clique);
            self.visit(chosen, missing & !clique, left - 1);
            chosen.pop();
        }
    }
}

/// Every cyclic order of so many stages, the first one first; only the given order beyond `ORDERED_MAX`.
pub fn cyclic_orders(count: usize) -> Vec<Vec<usize>> {
    /// 6! = 720 orders.
    const ORDERED_MAX: usize = 7;
    if count > ORDERED_MAX {
        return vec![(0..count).collect()];
    }
    let mut orders = vec![if count == 0 { Vec::new() } else { vec![0] }];
    for _ in 1..count {
        orders = orders.iter().flat_map(|order| with_one_more(order, count)).collect();
    }
    orders
}

fn with_one_more(order: &[usize], count: usize) -> Vec<Vec<usize>> {
    let rest = (0..count).filter(|stage| !order.contains(stage));
    rest.map(|stage| order.iter().copied().chain([stage]).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::osm::signals::testing::any_signals;

    #[test]
    fn a_crossroads_needs_two_stages_and_a_ring_of_five_three() {
        // Groups 0 and 1 against 2 and 3.
        assert_eq!(smallest_covers(&[0b1100, 0b1100, 0b0011, 0b0011]), [[0b0011, 0b1100]]);
        let ring: Vec<Set> = (0..5).map(|g| 1 << ((g + 1) % 5) | 1 << ((g + 4) % 5)).collect();
        assert!(smallest_covers(&ring).iter().all(|cover| cover.len() == 3));
    }

    #[test]
    fn stages_are_ordered_in_every_way_around_the_cycle() {
        assert_eq!(cyclic_orders(0), [[0_usize; 0]]);
        assert_eq!(cyclic_orders(3), [[0, 1, 2], [0, 2, 1]]);
        assert_eq!(cyclic_orders(6).len(), 120);
        assert_eq!(cyclic_orders(12).len(), 1);
    }

    /// Grow stages from the heaviest group on, as one would by hand.
    fn stages_by_hand(conflicts: &[Set]) -> usize {
        let mut missing = all_of(conflicts.len());
        let mut count = 0;
        while missing != 0 {
            missing &= !grown(conflicts, missing);
            count += 1;
        }
        count
    }

    proptest! {
        #[test]
        fn no_cover_has_a_conflict_a_missing_group_or_more_stages_than_a_greedy_one(signals in any_signals()) {
            let conflicts = &signals.conflicts;
            let covers = smallest_covers(conflicts);
            prop_assert!(!covers.is_empty());
            for cover in &covers {
                prop_assert!(cover.len() <= stages_by_hand(conflicts));
                prop_assert_eq!(cover.iter().fold(0, |set, stage| set | stage), all_of(conflicts.len()));
                for &stage in cover {
                    prop_assert!(members(stage).all(|g| conflicts[g] & stage == 0));
                    // Maximal: whoever is left out conflicts with somebody inside.
                    let out = all_of(conflicts.len()) & !stage;
                    prop_assert!(members(out).all(|g| conflicts[g] & stage != 0));
                }
            }
        }
    }
}
