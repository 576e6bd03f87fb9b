//! Branch and bound over the orders of conflicting pairs.
//!
//! The least times under the orders decided so far bound what follows from them, and where no pair
//! clashes they are a plan. So only pairs that do clash are decided, the earliest one first; and where
//! a call is in the way of somebody who may not take it, those who may.

use super::Cost;
use super::book::{Instance, Rival};
use super::orders::{Added, Orders, Turn};

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Searched {
    /// The best cost, no more than the one that the search began with.
    pub cost: Cost,
    /// Nodes of the tree.
    pub nodes: u32,
    /// Whether nothing costs less.
    pub is_exact: bool,
}

impl Orders {
    /// Look for a plan of `members` that costs less than `known`, in at most `nodes` nodes; it is then
    /// read by [`placed`](Self::placed).
    pub fn search(&mut self, instance: &Instance, members: &[usize], known: Cost, nodes: u32) -> Searched {
        let mut searched = Searched { cost: known, nodes: 0, is_exact: true };
        self.begin(instance);
        self.explore(instance, members, nodes, &mut searched);
        searched
    }

    pub fn placed(&self, visit: usize) -> (i64, bool) {
        self.best[visit]
    }

    fn explore(&mut self, instance: &Instance, members: &[usize], budget: u32, searched: &mut Searched) {
        if searched.nodes >= budget {
            searched.is_exact = false;
            return;
        }
        searched.nodes += 1;
        let cost = self.cost(instance, members);
        if cost >= searched.cost {
            return;
        }
        let Some(turns) = self.first_clash(instance, members) else {
            searched.cost = cost;
            for (best, (start, yields)) in self.best.iter_mut().zip(self.starts.iter().zip(&self.yields)) {
                *best = (*start, *yields > 0);
            }
            return;
        };
        let mut tried = turns.map(|turn| (Cost::WORST, turn));
        for (cost, turn) in &mut tried {
            let mark = self.mark();
            match self.add(instance, *turn) {
                Added::Stands => *cost = self.cost(instance, members),
                Added::Contradicts => {}
                Added::NoRoom => searched.is_exact = false,
            }
            self.back_to(instance, mark);
        }
        // The cheaper one first; of equal ones that of rank.
        tried.sort_unstable_by_key(|(cost, turn)| {
            (*cost, instance.bids[instance.visits[turn.before].bid].rank)
        });
        for (cost, turn) in tried {
            if cost < searched.cost {
                self.follow(instance, members, turn, (budget, searched));
            }
        }
        for turn in turns {
            self.explore_others_takings(instance, members, turn, (budget, searched));
        }
    }

    /// What follows from a turn.
    fn follow(
        &mut self,
        instance: &Instance,
        members: &[usize],
        turn: Turn,
        (budget, searched): (u32, &mut Searched),
    ) {
        let mark = self.mark();
        if self.add(instance, turn) == Added::Stands {
            self.explore(instance, members, budget, searched);
        }
        self.back_to(instance, mark);
    }

    /// Who is not entitled to a call that is in the way may pass nevertheless, if a third one that is
    /// entitled takes it back.
    fn explore_others_takings(
        &mut self,
        instance: &Instance,
        members: &[usize],
        Turn { before, then, .. }: Turn,
        (budget, searched): (u32, &mut Searched),
    ) {
        if !instance.is_called(then) || self.yields[then] > 0 || instance.may_take(before, then) {
            return;
        }
        let entitled = |rival: &&Rival| {
            let bid = instance.visits[rival.other].bid;
            members.contains(&bid) && instance.may_take(rival.other, then)
        };
        for rival in instance.rivals(then).filter(entitled) {
            let turn = Turn { before: rival.other, then, gap: rival.gap_after };
            self.follow(instance, members, turn, (budget, &mut *searched));
        }
    }

    /// From when a visit holds its row, and when it starts.
    fn held(&self, instance: &Instance, visit: usize) -> [i64; 2] {
        let start = self.starts[visit];
        [instance.held_from(visit, start, self.yields[visit] > 0), start]
    }

    /// The pair that clashes first in time, either way round.
    fn first_clash(&self, instance: &Instance, members: &[usize]) -> Option<[Turn; 2]> {
        let visits = members.iter().flat_map(|bid| instance.bids[*bid].first..instance.bids[*bid].end);
        let mut first: Option<(i64, [Turn; 2])> = None;
        for visit in visits {
            let at = self.held(instance, visit);
            for rival in instance.rivals(visit).filter(|rival| rival.other > visit) {
                let rival_at = self.held(instance, rival.other);
                let meet = at[0].min(rival_at[0]);
                if first.is_none_or(|(earliest, _)| meet < earliest)
                    && instance.clash((visit, at), rival, rival_at)
                {
                    let ahead = Turn { before: visit, then: rival.other, gap: rival.gap_before };
                    let behind = Turn { before: rival.other, then: visit, gap: rival.gap_after };
                    first = Some((meet, [ahead, behind]));
                }
            }
        }
        first.map(|(_, turns)| turns)
    }
}
