//! Orders of conflicting pairs and the times that follow from them.
//!
//! Each visit starts no earlier than its wish, than the vehicle can be there, and than the visits that
//! go before it have ended and made room. The least times are kept up as orders are added and taken
//! back.

use super::book::{Bid, Instance};
use super::{BIDS_MAX, Cost, VISITS_MAX};

/// Orders that stand at once; more than a search of a few vehicles needs.
const ORDERS_MAX: usize = 512;
/// Starts that were put off and may have to be taken back.
const TRAIL_MAX: usize = 32_768;
/// Visits that one order may move, counted each time.
const QUEUE_MAX: usize = 8_192;
const NONE: u32 = u32::MAX;

/// Who goes first: `then` starts no earlier than `gap` after the end of `before`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub before: usize,
    pub then: usize,
    pub gap: i64,
}

/// A turn that was decided.
#[derive(Clone, Copy, Debug)]
struct Order {
    before: u32,
    then: u32,
    gap: i64,
    next: u32,
}

/// A point to which orders can be taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    orders: usize,
    trail: usize,
}

/// What became of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Added {
    /// It stands, and so do all others.
    Stands,
    /// It contradicts those that stand: `then` must come before `before`.
    Contradicts,
    /// There is no room for it or for what it moves.
    NoRoom,
}

/// Least times under orders.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) starts: Vec<i64>,
    /// How many orders put something before a visit whose call was made already.
    pub(super) yields: Vec<u16>,
    /// How many of them nobody was entitled to; of how many visits there are any.
    charged: Vec<u16>,
    yielded: i64,
    pub(super) best: Vec<(i64, bool)>,
    first: Vec<u32>,
    orders: Vec<Order>,
    /// What a start was before it was put off.
    trail: Vec<(u32, i64)>,
    queue: Vec<u32>,
    queued: Vec<bool>,
}

impl Orders {
    pub fn with_buffers() -> Self {
        let visits = BIDS_MAX * VISITS_MAX;
        Self {
            starts: Vec::with_capacity(visits),
            yields: Vec::with_capacity(visits),
            charged: Vec::with_capacity(visits),
            yielded: 0,
            best: Vec::with_capacity(visits),
            first: Vec::with_capacity(visits),
            orders: Vec::with_capacity(ORDERS_MAX),
            trail: Vec::with_capacity(TRAIL_MAX),
            queue: Vec::with_capacity(QUEUE_MAX),
            queued: Vec::with_capacity(visits),
        }
    }

    /// Every visit as wished, no orders.
    pub fn begin(&mut self, instance: &Instance) {
        let visits = instance.visits.len();
        self.starts.clear();
        self.starts.extend(instance.visits.iter().map(|slot| slot.base));
        self.yields.clear();
        self.yields.resize(visits, 0);
        self.charged.clear();
        self.charged.resize(visits, 0);
        self.yielded = 0;
        self.best.clear();
        self.best.extend(self.starts.iter().map(|start| (*start, false)));
        self.first.clear();
        self.first.resize(visits, NONE);
        self.queued.clear();
        self.queued.resize(visits, false);
        self.orders.clear();
        self.trail.clear();
    }

    /// What the orders that stand cost.
    pub fn cost(&self, instance: &Instance, members: &[usize]) -> Cost {
        let taken_back = Cost { yields: self.yielded, ..Cost::default() };
        instance.total(members, &self.starts).plus(taken_back)
    }

    pub fn mark(&self) -> Mark {
        Mark { orders: self.orders.len(), trail: self.trail.len() }
    }

    /// Take back everything since `mark`.
    pub fn back_to(&mut self, instance: &Instance, mark: Mark) {
        while self.trail.len() > mark.trail {
            let Some((visit, start)) = self.trail.pop() else { break };
            self.starts[visit as usize] = start;
        }
        while self.orders.len() > mark.orders {
            let Some(order) = self.orders.pop() else { break };
            self.first[order.before as usize] = order.next;
            let (before, then) = (order.before as usize, order.then as usize);
            if instance.is_called(then) {
                self.yields[then] -= 1;
                if !instance.may_take(before, then) {
                    self.charged[then] -= 1;
                    self.yielded -= i64::from(self.charged[then] == 0);
                }
            }
        }
    }

    /// Let visit `before` go before visit `then`, its rival, with `gap` between them. Unless it stands,
    /// take back to the mark before it.
    pub fn add(&mut self, instance: &Instance, Turn { before, then, gap }: Turn) -> Added {
        if self.orders.len() >= ORDERS_MAX {
            return Added::NoRoom;
        }
        let next = self.first[before];
        self.first[before] = visit_id(self.orders.len());
        self.orders.push(Order { before: visit_id(before), then: visit_id(then), gap, next });
        if instance.is_called(then) {
            self.yields[then] += 1;
            if !instance.may_take(before, then) {
                self.yielded += i64::from(self.charged[then] == 0);
                self.charged[then] += 1;
            }
        }
        let floor = self.starts[before] + instance.visits[before].hold() + gap;
        self.put_off(instance, before, then, floor)
    }

    /// Put off `visit` to `floor`, and everything behind it.
    ///
    /// The visits that moved are relaxed first in, first out (Bellman-Ford). An order closes a cycle
    /// when it moves the visit before it, `fixed`: every cycle takes time.
    fn put_off(&mut self, instance: &Instance, fixed: usize, visit: usize, floor: i64) -> Added {
        self.queue.clear();
        let mut outcome = self.raise(visit, floor);
        let mut at = 0;
        while let Some(moved) = self.queue.get(at).copied() {
            at += 1;
            let moved = moved as usize;
            self.queued[moved] = false;
            if moved == fixed {
                outcome = Added::Contradicts;
            }
            if outcome != Added::Stands {
                continue;
            }
            let slot = &instance.visits[moved];
            let Bid { end, .. } = instance.bids[slot.bid];
            if moved + 1 < end {
                outcome = self.raise(moved + 1, self.starts[moved] + slot.visit.travel.0);
            }
            let ended = self.starts[moved] + slot.hold();
            let mut order = self.first[moved];
            while let (Added::Stands, Some(Order { then, gap, next, .. })) =
                (outcome, self.orders.get(order as usize).copied())
            {
                outcome = self.raise(then as usize, ended + gap);
                order = next;
            }
        }
        outcome
    }

    fn raise(&mut self, visit: usize, floor: i64) -> Added {
        if floor <= self.starts[visit] {
            return Added::Stands;
        }
        if self.trail.len() >= TRAIL_MAX || self.queue.len() >= QUEUE_MAX {
            return Added::NoRoom;
        }
        self.trail.push((visit_id(visit), self.starts[visit]));
        self.starts[visit] = floor;
        if !self.queued[visit] {
            self.queued[visit] = true;
            self.queue.push(visit_id(visit));
        }
        Added::Stands
    }
}

/// Indices are 32 bits wide; a book has far fewer visits than that.
#[allow(clippy::cast_possible_truncation)]
fn visit_id(visit: usize) -> u32 {
    visit as u32
}
