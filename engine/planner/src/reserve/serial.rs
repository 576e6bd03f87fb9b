//! Vehicles placed one after the other, each as early as those before it allow; the sequence by best
//! insertion, improved by swaps.

use super::book::{Bid, Instance};
use super::{BIDS_MAX, Cost, VISITS_MAX};

/// Nothing stands there yet.
const UNPLACED: i64 = i64::MIN;

/// The workspace.
#[derive(Clone, Debug)]
pub(super) struct Serial {
    sequence: Vec<usize>,
    trial: Vec<usize>,
    starts: Vec<i64>,
    yields: Vec<bool>,
}

impl Serial {
    pub fn with_buffers() -> Self {
        Self {
            sequence: Vec::with_capacity(BIDS_MAX),
            trial: Vec::with_capacity(BIDS_MAX),
            starts: Vec::with_capacity(BIDS_MAX * VISITS_MAX),
            yields: Vec::with_capacity(BIDS_MAX * VISITS_MAX),
        }
    }

    /// Plan `members`, given in the order of rank: each is inserted where it costs least. The plan is
    /// then read by [`placed`](Self::placed).
    pub fn insert_all(&mut self, instance: &Instance, members: &[usize], left: &mut u32) -> Cost {
        self.sequence.clear();
        for member in members {
            self.insert(instance, *member, left);
        }
        self.try_sequence(instance, false)
    }

    /// Swap vehicles of the sequence as long as that makes it cheaper than `best`, its cost so far.
    pub fn improve(&mut self, instance: &Instance, mut best: Cost, left: &mut u32) -> Cost {
        while *left > 0 {
            let improved = self.swap(instance, best, left);
            if improved >= best {
                break;
            }
            best = improved;
        }
        self.try_sequence(instance, false)
    }

    pub fn placed(&self, visit: usize) -> (i64, bool) {
        (self.starts[visit], self.yields[visit])
    }

    /// Put one more vehicle where it costs least, the last place first: it is the lowest in rank.
    fn insert(&mut self, instance: &Instance, member: usize, left: &mut u32) {
        let mut best = (Cost::WORST, self.sequence.len());
        for place in (0..=self.sequence.len()).rev() {
            if *left == 0 {
                break;
            }
            *left -= 1;
            self.trial.clone_from(&self.sequence);
            self.trial.insert(place, member);
            let cost = self.try_sequence(instance, true);
            if cost < best.0 {
                best = (cost, place);
            }
            // Nobody is delayed with the lowest one last: no other place can be better.
            if cost == Cost::default() {
                break;
            }
        }
        self.sequence.insert(best.1, member);
    }

    /// Swap the first pair of the sequence that makes it cheaper; the cost then, or as it was.
    fn swap(&mut self, instance: &Instance, best: Cost, left: &mut u32) -> Cost {
        for a in 0..self.sequence.len() {
            for b in a + 1..self.sequence.len() {
                if *left == 0 {
                    return best;
                }
                *left -= 1;
                self.trial.clone_from(&self.sequence);
                self.trial.swap(a, b);
                let cost = self.try_sequence(instance, true);
                if cost < best {
                    self.sequence.swap(a, b);
                    return cost;
                }
            }
        }
        best
    }

    /// Place the vehicles of the trial, or of the sequence itself, and add up what it costs.
    fn try_sequence(&mut self, instance: &Instance, trial: bool) -> Cost {
        self.starts.clear();
        self.starts.resize(instance.visits.len(), UNPLACED);
        self.yields.clear();
        self.yields.resize(instance.visits.len(), false);
        let sequence = if trial { &self.trial } else { &self.sequence };
        let mut cost = Cost::default();
        for bid in sequence {
            let (last, yields) = place(instance, *bid, &mut self.starts, &mut self.yields);
            cost = cost.plus(instance.cost(*bid, last)).plus(Cost { yields, ..Cost::default() });
        }
        cost
    }
}

/// Place one vehicle around what stands already; the start of its last visit, and how many calls that
/// were made it must take back for vehicles that are not more urgent.
fn place(instance: &Instance, bid: usize, starts: &mut [i64], yields: &mut [bool]) -> (i64, i64) {
    let Bid { first, end, .. } = instance.bids[bid];
    let mut reached = i64::MIN / 2;
    let mut taken_back = 0;
    for visit in first..end {
        let slot = &instance.visits[visit];
        let wished = slot.base.max(reached);
        let standing = Standing { starts, yields };
        let called = instance.is_called(visit);
        let in_the_way = called.then(|| standing.behind(instance, visit, [slot.base, wished])).flatten();
        let start = if called && in_the_way.is_none() {
            wished
        } else {
            let (start, unentitled) = standing.free(instance, visit, wished);
            taken_back += i64::from(called && (unentitled || in_the_way.is_some_and(|b| b.unentitled)));
            start
        };
        yields[visit] |= in_the_way.is_some();
        starts[visit] = start;
        reached = start + slot.visit.travel.0;
    }
    (starts[end - 1], taken_back)
}

/// What a visit would have to wait for.
#[derive(Clone, Copy)]
struct Behind {
    /// The end of that, with the gap after it.
    until: i64,
    /// Whether some of it may not take a call of this visit back.
    unentitled: bool,
}

/// What stands already.
struct Standing<'a> {
    starts: &'a [i64],
    yields: &'a [bool],
}

impl Standing<'_> {
    /// The first instant from `wished` on at which a visit clashes with nothing that stands, and whether
    /// anything that it is then behind may not take its call back.
    fn free(&self, instance: &Instance, visit: usize, wished: i64) -> (i64, bool) {
        let (mut start, mut unentitled) = (wished, false);
        // Each round moves behind one more window: no more rounds than windows.
        while let Some(behind) = self.behind(instance, visit, [start, start]) {
            start = behind.until;
            unentitled |= behind.unentitled;
        }
        (start, unentitled)
    }

    /// What a visit that holds its row from and starts at `at` clashes with.
    fn behind(&self, instance: &Instance, visit: usize, at: [i64; 2]) -> Option<Behind> {
        let mut found: Option<Behind> = None;
        for rival in instance.rivals(visit) {
            let Some(held) = self.held(instance, visit, rival.other) else { continue };
            if !instance.clash((visit, at), rival, held) {
                continue;
            }
            let until = held[1] + instance.visits[rival.other].hold() + rival.gap_after;
            let unentitled = !instance.may_take(rival.other, visit);
            let before = found.unwrap_or(Behind { until, unentitled });
            found =
                Some(Behind { until: until.max(before.until), unentitled: unentitled || before.unentitled });
        }
        found
    }

    /// From when a rival of `visit` holds its row, and when it starts, if it stands.
    ///
    /// A call that was made already stands where it was wished even before its vehicle is placed; but
    /// not against another such call (of two, the one placed first is kept), nor against who may take it.
    fn held(&self, instance: &Instance, visit: usize, rival: usize) -> Option<[i64; 2]> {
        let start = self.starts[rival];
        if start != UNPLACED {
            return Some([instance.held_from(rival, start, self.yields[rival]), start]);
        }
        let stands =
            instance.is_called(rival) && !instance.is_called(visit) && !instance.may_take(visit, rival);
        stands.then_some([instance.visits[rival].base; 2])
    }
}
