//! The book of reservations: wishes in, windows out.

use clearway_network::Network;
use clearway_signals::{ControllerId, Millis, VehicleId};

use super::gaps::Gaps;
use super::orders::Orders;
use super::serial::Serial;
use super::{
    BIDS_MAX, Claim, Cost, Effort, Fault, Planned, Rank, Reservation, TIME_MAX_MS, VISITS_MAX, Visit,
};

/// Nothing follows.
const NONE: u32 = u32::MAX;
/// Conflicts between visits, each counted from either side.
const RIVALS_MAX: usize = 65_536;
/// Visits and conflicts up to which the whole effort is spent; beyond, the time is what is bounded.
const FULL_EFFORT_SIZE: u32 = 1_024;

/// One vehicle in the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bid {
    pub rank: Rank,
    /// Its visits in [`Instance::visits`].
    pub first: usize,
    pub end: usize,
}

/// One visit in the book, in plain milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub visit: Visit,
    /// The index of its vehicle's bid.
    pub bid: usize,
    /// When it starts with nobody else about: never before its wish, nor before it can be reached.
    pub base: i64,
    /// The next visit of the same controller; [`NONE`] at the end.
    pub next: u32,
    /// Its first rival; [`NONE`] without one.
    pub rivals: u32,
}

impl Slot {
    pub fn hold(&self) -> i64 {
        self.visit.hold.0
    }
}

/// Another vehicle's visit of the same controller whose row conflicts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    /// That visit.
    pub other: usize,
    /// From its end to the start of this one, when it goes first.
    pub gap_after: i64,
    /// From the end of this one to its start, when this one goes first.
    pub gap_before: i64,
    next: u32,
}

/// What is to be planned.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub gaps: Gaps,
    pub bids: Vec<Bid>,
    pub visits: Vec<Slot>,
    rivals: Vec<Rival>,
    /// The first visit of each controller.
    pub heads: Vec<u32>,
}

impl Instance {
    /// The visits of one controller.
    pub fn at(&self, controller: ControllerId) -> impl Iterator<Item = usize> {
        let mut at = self.heads.get(controller.index()).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let found = at as usize;
            at = self.visits.get(found)?.next;
            Some(found)
        })
    }

    /// The rivals of one visit.
    pub fn rivals(&self, visit: usize) -> impl Iterator<Item = &Rival> {
        let mut at = self.visits[visit].rivals;
        std::iter::from_fn(move || {
            let rival = self.rivals.get(at as usize)?;
            at = rival.next;
            Some(rival)
        })
    }

    /// From when a visit that starts at `start` holds its row: a call that was made holds it from the
    /// call on, unless it is taken back.
    pub fn held_from(&self, visit: usize, start: i64, yields: bool) -> i64 {
        let slot = &self.visits[visit];
        if slot.visit.claim != Claim::Wished && !yields { slot.base.min(start) } else { start }
    }

    /// Whether the row of a visit was called.
    pub fn is_called(&self, visit: usize) -> bool {
        self.visits[visit].visit.claim != Claim::Wished
    }

    /// Whether visit `before` may have the call of `then` taken back.
    pub fn may_take(&self, before: usize, then: usize) -> bool {
        let rank = |visit: usize| &self.bids[self.visits[visit].bid].rank;
        self.visits[then].visit.claim == Claim::Called && rank(before).may_take_from(rank(then))
    }

    /// Whether a visit and its rival, each held from then and starting then, are too near.
    pub fn clash(&self, (visit, [from, start]): (usize, [i64; 2]), rival: &Rival, other: [i64; 2]) -> bool {
        let [other_from, other_start] = other;
        other_from < start + self.visits[visit].hold() + rival.gap_before
            && from < other_start + self.visits[rival.other].hold() + rival.gap_after
    }

    /// The weighted delay of one vehicle when its last visit starts at `last`.
    pub fn cost(&self, bid: usize, last: i64) -> Cost {
        let Bid { rank, end, .. } = self.bids[bid];
        let delay = (last - self.visits[end - 1].base) * rank.weight();
        if rank.class == clearway_certify::Class::Emergency {
            Cost { emergency: delay, ..Cost::default() }
        } else {
            Cost { others: delay, ..Cost::default() }
        }
    }

    /// Weighted delay of some vehicles.
    pub fn total(&self, bids: &[usize], starts: &[i64]) -> Cost {
        bids.iter()
            .map(|bid| self.cost(*bid, starts[self.bids[*bid].end - 1]))
            .fold(Cost::default(), Cost::plus)
    }

    /// The gaps between a visit to come and one in the book, there and back, if their rows conflict.
    fn gaps_between(&self, visit: &Visit, other: usize) -> Option<(i64, i64)> {
        let other = &self.visits[other].visit;
        let there = self.gaps.gap(visit.controller, visit.row, other.row)?;
        let back = self.gaps.gap(visit.controller, other.row, visit.row)?;
        Some((there.0, back.0))
    }

    /// Put a visit in; its rivals are those of other vehicles that stand already.
    fn push(&mut self, visit: &Visit, bid: usize, base: i64) {
        let here = self.visits.len();
        let next = self.heads[visit.controller.index()];
        self.heads[visit.controller.index()] = id(here);
        self.visits.push(Slot { visit: *visit, bid, base, next, rivals: NONE });
        let mut at = next;
        while let Some(slot) = self.visits.get(at as usize) {
            let (other, of_same) = (at as usize, slot.bid == bid);
            at = slot.next;
            let Some((gap_before, gap_after)) = self.gaps_between(visit, other).filter(|_| !of_same) else {
                continue;
            };
            self.oppose(here, Rival { other, gap_after, gap_before, next: NONE });
            self.oppose(
                other,
                Rival { other: here, gap_after: gap_before, gap_before: gap_after, next: NONE },
            );
        }
    }

    fn oppose(&mut self, visit: usize, rival: Rival) {
        let next = std::mem::replace(&mut self.visits[visit].rivals, id(self.rivals.len()));
        self.rivals.push(Rival { next, ..rival });
    }
}

/// Indices are 32 bits wide; a book has far fewer entries than that.
#[allow(clippy::cast_possible_truncation)]
fn id(index: usize) -> u32 {
    index as u32
}

/// The reservations of all emergency vehicles.
#[derive(Clone, Debug)]
pub struct Reservations {
    pub(super) instance: Instance,
    pub(super) starts: Vec<i64>,
    pub(super) yields: Vec<bool>,
    serial: Serial,
    pub(super) orders: Orders,
    /// Scratch: which group of vehicles each one belongs to, and the members of one group.
    groups: Vec<usize>,
    members: Vec<usize>,
}

impl Reservations {
    /// An empty book for a network; see [`Gaps::new`] for `changeover`.
    #[must_use]
    pub fn new(network: &Network, changeover: Option<Millis>) -> Self {
        let gaps = Gaps::new(network, changeover);
        let visits = BIDS_MAX * VISITS_MAX;
        Self {
            instance: Instance {
                heads: vec![NONE; gaps.controllers()],
                bids: Vec::with_capacity(BIDS_MAX),
                visits: Vec::with_capacity(visits),
                rivals: Vec::with_capacity(RIVALS_MAX),
                gaps,
            },
            starts: Vec::with_capacity(visits),
            yields: Vec::with_capacity(visits),
            serial: Serial::with_buffers(),
            orders: Orders::with_buffers(),
            groups: Vec::with_capacity(BIDS_MAX),
            members: Vec::with_capacity(BIDS_MAX),
        }
    }

    /// Forget every vehicle.
    pub fn clear(&mut self) {
        for slot in &self.instance.visits {
            self.instance.heads[slot.visit.controller.index()] = NONE;
        }
        self.instance.bids.clear();
        self.instance.visits.clear();
        self.instance.rivals.clear();
        self.starts.clear();
        self.yields.clear();
    }

    /// Take a vehicle's wishes in, in the order of its route; gives its index. Its windows stand as
    /// wished until [`plan`](Self::plan) is called.
    ///
    /// # Errors
    /// When there is no room, or a visit makes no sense; the book is left as it was.
    pub fn add(&mut self, rank: Rank, visits: &[Visit]) -> Result<usize, Fault> {
        if self.instance.bids.len() >= BIDS_MAX || visits.len() > VISITS_MAX || visits.is_empty() {
            return Err(Fault::TooMany);
        }
        visits.iter().try_for_each(|visit| self.check(visit))?;
        let first = self.instance.visits.len();
        let bid = self.instance.bids.len();
        let conflicts = |visit: &Visit| {
            let others = self.instance.at(visit.controller);
            others.filter(|other| self.instance.gaps_between(visit, *other).is_some()).count()
        };
        if self.instance.rivals.len() + 2 * visits.iter().map(conflicts).sum::<usize>() > RIVALS_MAX {
            return Err(Fault::TooMany);
        }
        let mut reached = -TIME_MAX_MS;
        for visit in visits {
            let base = visit.green_by.0.max(reached);
            reached = base + visit.travel.0;
            self.instance.push(visit, bid, base);
            self.starts.push(base);
            self.yields.push(false);
        }
        self.instance.bids.push(Bid { rank, first, end: first + visits.len() });
        Ok(bid)
    }

    fn check(&self, visit: &Visit) -> Result<(), Fault> {
        if !self.instance.gaps.knows(visit.controller, visit.row) {
            return Err(Fault::Unknown(visit.controller));
        }
        let duration = |time: Millis| (0..=TIME_MAX_MS / 1_000).contains(&time.0);
        let is_near = (-TIME_MAX_MS..=TIME_MAX_MS).contains(&visit.green_by.0);
        if is_near && duration(visit.hold) && duration(visit.travel) { Ok(()) } else { Err(Fault::BadTimes) }
    }

    /// Decide who goes first at every conflict.
    pub fn plan(&mut self, effort: &Effort) -> Planned {
        let mut planned = Planned { cost: Cost::default(), is_exact: true, nodes: 0, sequences: 0 };
        // A node or a sequence costs as much time as there are visits and conflicts.
        let size = u32::try_from(self.instance.visits.len() + self.instance.rivals.len()).unwrap_or(u32::MAX);
        let share = |budget: u32| {
            let budget =
                u64::from(budget) * u64::from(FULL_EFFORT_SIZE) / u64::from(size.max(FULL_EFFORT_SIZE));
            u32::try_from(budget).unwrap_or(u32::MAX)
        };
        let effort = Effort { nodes: share(effort.nodes), sequences: share(effort.sequences) };
        self.divide();
        for group in 0..self.instance.bids.len() {
            self.members.clear();
            let groups = &self.groups;
            self.members.extend((0..groups.len()).filter(|bid| groups[*bid] == group));
            self.members.sort_unstable_by_key(|bid| self.instance.bids[*bid].rank);
            if self.members.len() > 1 {
                self.plan_group(&effort, &mut planned);
            }
        }
        planned
    }

    /// Plan the vehicles in `members`, which conflict with each other and with nobody else.
    fn plan_group(&mut self, effort: &Effort, planned: &mut Planned) {
        let Self { instance, serial, members, .. } = self;
        let mut left = effort.sequences.saturating_sub(planned.sequences);
        let had = left;
        let mut cost = serial.insert_all(instance, members, &mut left);
        self.keep_serial();
        if cost > Cost::default() {
            let Self { instance, serial, orders, members, .. } = self;
            let nodes = effort.nodes.saturating_sub(planned.nodes);
            let searched = orders.search(instance, members, cost, nodes);
            planned.nodes += searched.nodes;
            planned.is_exact &= searched.is_exact;
            let improved =
                if searched.is_exact { searched.cost } else { serial.improve(instance, cost, &mut left) };
            if searched.cost < cost && searched.cost <= improved {
                cost = searched.cost;
                self.keep_orders();
            } else if improved < cost {
                cost = improved;
                self.keep_serial();
            }
        }
        planned.sequences += had - left;
        planned.cost = planned.cost.plus(cost);
    }

    /// Put vehicles that conflict, directly or through others, into one group, named by its first.
    fn divide(&mut self) {
        self.groups.clear();
        self.groups.extend(0..self.instance.bids.len());
        for visit in 0..self.instance.visits.len() {
            for rival in self.instance.rivals(visit) {
                let a = self.groups[self.instance.visits[visit].bid];
                let b = self.groups[self.instance.visits[rival.other].bid];
                if a != b {
                    let (into, from) = (a.min(b), a.max(b));
                    self.groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = into);
                }
            }
        }
    }

    fn keep_serial(&mut self) {
        for bid in &self.members {
            for visit in self.instance.bids[*bid].first..self.instance.bids[*bid].end {
                (self.starts[visit], self.yields[visit]) = self.serial.placed(visit);
            }
        }
    }

    fn keep_orders(&mut self) {
        for bid in &self.members {
            for visit in self.instance.bids[*bid].first..self.instance.bids[*bid].end {
                (self.starts[visit], self.yields[visit]) = self.orders.placed(visit);
            }
        }
    }

    /// Vehicles in the book.
    #[must_use]
    pub fn len(&self) -> usize {
        self.instance.bids.len()
    }

    /// Whether the book is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instance.bids.is_empty()
    }

    /// The window of one visit of a vehicle, by the index that [`add`](Self::add) gave.
    #[must_use]
    pub fn reservation(&self, bid: usize, visit: usize) -> Option<Reservation> {
        let Bid { first, end, .. } = *self.instance.bids.get(bid)?;
        (visit < end - first).then(|| self.window(first + visit))
    }

    /// How much later than wished a vehicle arrives at its last visit.
    #[must_use]
    pub fn delay(&self, bid: usize) -> Millis {
        let Some(bid) = self.instance.bids.get(bid) else { return Millis::ZERO };
        Millis(self.starts[bid.end - 1] - self.instance.visits[bid.end - 1].base)
    }

    /// Whose a visit is.
    pub(super) fn vehicle(&self, visit: usize) -> VehicleId {
        self.instance.bids[self.instance.visits[visit].bid].rank.vehicle
    }

    pub(super) fn window(&self, visit: usize) -> Reservation {
        let slot = &self.instance.visits[visit];
        let start = self.starts[visit];
        let from = self.instance.held_from(visit, start, self.yields[visit]);
        Reservation {
            vehicle: self.vehicle(visit),
            controller: slot.visit.controller,
            row: slot.visit.row,
            from: Millis(from),
            until: Millis(start + slot.hold()),
            delay: Millis(start - slot.base),
            yields: self.yields[visit],
        }
    }
}
