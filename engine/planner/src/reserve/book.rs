//! The book of reservations: wishes in, windows out.

use clearway_network::Network;
use clearway_signals::{Millis, VehicleId};

use super::gaps::Gaps;
use super::orders::Orders;
use super::serial::Serial;
use super::{BIDS_MAX, Cost, Effort, Fault, Planned, Rank, Reservation, TIME_MAX_MS, VISITS_MAX, Visit};

/// No visit.
pub(super) const NONE: u32 = u32::MAX;

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
}

impl Slot {
    pub fn hold(&self) -> i64 {
        self.visit.hold.0
    }
}

/// What is to be planned.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub gaps: Gaps,
    pub bids: Vec<Bid>,
    pub visits: Vec<Slot>,
    /// The first visit of each controller.
    pub heads: Vec<u32>,
}

impl Instance {
    /// The visits of one controller, the given one among them.
    pub fn beside(&self, visit: usize) -> impl Iterator<Item = usize> {
        let mut at = self.heads[self.visits[visit].visit.controller.index()];
        std::iter::from_fn(move || {
            let found = at;
            at = self.visits.get(found as usize)?.next;
            Some(found as usize)
        })
    }

    /// From the end of visit `a` to the start of visit `b` of the same controller; `None`: they may
    /// overlap.
    pub fn gap(&self, a: usize, b: usize) -> Option<i64> {
        let (first, second) = (&self.visits[a].visit, &self.visits[b].visit);
        self.gaps.gap(first.controller, first.row, second.row).map(|gap| gap.0)
    }

    /// Whether two visits of one controller, of different vehicles, are too near to each other.
    pub fn clash(&self, (a, a_at): (usize, i64), (b, b_at): (usize, i64)) -> bool {
        let (Some(ab), Some(ba)) = (self.gap(a, b), self.gap(b, a)) else { return false };
        b_at < a_at + self.visits[a].hold() + ab && a_at < b_at + self.visits[b].hold() + ba
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

    /// Whether two vehicles have a conflict anywhere.
    fn meet(&self, a: usize, b: usize) -> bool {
        (self.bids[a].first..self.bids[a].end).any(|visit| {
            self.beside(visit).any(|other| self.visits[other].bid == b && self.gap(visit, other).is_some())
        })
    }
}

/// The reservations of all emergency vehicles.
#[derive(Clone, Debug)]
pub struct Reservations {
    pub(super) instance: Instance,
    pub(super) starts: Vec<i64>,
    pub(super) yields: Vec<bool>,
    serial: Serial,
    orders: Orders,
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
        let mut reached = -TIME_MAX_MS;
        for visit in visits {
            let base = visit.green_by.0.max(reached);
            reached = base + visit.travel.0;
            let head = &mut self.instance.heads[visit.controller.index()];
            #[allow(clippy::cast_possible_truncation)]
            let here = self.instance.visits.len() as u32;
            self.instance.visits.push(Slot { visit: *visit, bid, base, next: *head });
            *head = here;
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
        self.divide();
        for group in 0..self.instance.bids.len() {
            self.members.clear();
            let groups = &self.groups;
            self.members.extend((0..groups.len()).filter(|bid| groups[*bid] == group));
            self.members.sort_unstable_by_key(|bid| self.instance.bids[*bid].rank);
            if self.members.len() < 2 {
                continue;
            }
            let left = effort.sequences.saturating_sub(planned.sequences);
            let (mut cost, sequences) = self.serial.search(&self.instance, &self.members, left);
            planned.sequences += sequences;
            self.keep_serial();
            let left = effort.nodes.saturating_sub(planned.nodes);
            let searched = self.orders.search(&self.instance, &self.members, cost, left);
            planned.nodes += searched.nodes;
            planned.is_exact &= searched.is_exact;
            if searched.cost < cost {
                cost = searched.cost;
                self.keep_orders();
            }
            planned.cost = planned.cost.plus(cost);
        }
        planned
    }

    /// Put vehicles that conflict, directly or through others, into one group, named by its first.
    fn divide(&mut self) {
        let count = self.instance.bids.len();
        self.groups.clear();
        self.groups.extend(0..count);
        for a in 0..count {
            for b in a + 1..count {
                let (into, from) = (self.groups[a].min(self.groups[b]), self.groups[a].max(self.groups[b]));
                if into != from && self.instance.meet(a, b) {
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
        let from = self.starts[visit];
        Reservation {
            vehicle: self.vehicle(visit),
            controller: slot.visit.controller,
            row: slot.visit.row,
            from: Millis(from),
            until: Millis(from + slot.hold()),
            delay: Millis(from - slot.base),
            yields: self.yields[visit],
        }
    }
}
