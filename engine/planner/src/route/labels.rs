//! The labels of a search and the queue of those that are to be looked at.
//!
//! The queue is one of buckets (Dial): keys are integers and never fall below the bucket that is being
//! emptied, so that taking the next one is a look at a bitmap. Labels hang in their buckets by their own
//! fields; nothing is allocated. Within a bucket the order is free and a label may come back with an
//! earlier arrival: the search ends only when no bucket is left that could hold an improvement.

/// Nothing: no link, no bucket.
pub(super) const NONE: u32 = u32::MAX;
/// Not a goal.
pub(super) const NO_GOAL: u32 = u32::MAX;
/// A bucket spans this power of two of milliseconds.
const SHIFT: u32 = 7;
/// Buckets in the ring; a key further away waits in the last one.
const BUCKETS: u32 = 4_096;

/// What the search knows of one link. 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    /// When its end is reached, milliseconds from the start of the search.
    pub at_ms: u32,
    /// The link before it.
    pub came_from: u32,
    /// At least so long from its end to the goal.
    pub bound_ms: u32,
    /// A goal: the time along it that is beyond the destination; else [`NO_GOAL`].
    pub tail_ms: u32,
    /// The search that wrote it.
    round: u32,
    next: u32,
    previous: u32,
    /// The bucket that it hangs in.
    bucket: u32,
}

const UNSEEN: Label = Label {
    at_ms: u32::MAX,
    came_from: NONE,
    bound_ms: 0,
    tail_ms: NO_GOAL,
    round: 0,
    next: NONE,
    previous: NONE,
    bucket: NONE,
};

/// All labels, and the queue.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    labels: Vec<Label>,
    heads: Vec<u32>,
    /// A bit for each bucket that is not empty.
    filled: Vec<u64>,
    round: u32,
    /// The bucket that is being emptied, counted from the start of the search.
    now: u32,
}

impl Labels {
    pub fn new(links: usize) -> Self {
        Self {
            labels: vec![UNSEEN; links],
            heads: vec![NONE; BUCKETS as usize],
            filled: vec![0; (BUCKETS / 64) as usize],
            round: 0,
            now: 0,
        }
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        if self.round == u32::MAX {
            self.labels.fill(UNSEEN);
            self.round = 0;
        }
        self.round += 1;
        self.now = 0;
        for word in 0..self.filled.len() {
            while self.filled[word] != 0 {
                let bit = self.filled[word].trailing_zeros() as usize;
                self.heads[word * 64 + bit] = NONE;
                self.filled[word] &= self.filled[word] - 1;
            }
        }
    }

    /// The label of a link, and whether this search sees it for the first time.
    #[inline]
    pub fn see(&mut self, link: u32) -> (&mut Label, bool) {
        let round = self.round;
        let label = &mut self.labels[link as usize];
        let is_new = label.round != round;
        if is_new {
            *label = Label { round, ..UNSEEN };
        }
        (label, is_new)
    }

    /// The label of a link that this search has seen.
    pub fn get(&self, link: u32) -> Option<&Label> {
        self.labels.get(link as usize).filter(|label| label.round == self.round)
    }

    /// Hang a link into the bucket of its key, from wherever it hangs.
    #[inline]
    pub fn queue(&mut self, link: u32) {
        let label = self.labels[link as usize];
        let key = label.at_ms.saturating_add(label.bound_ms) >> SHIFT;
        let bucket = key.clamp(self.now, self.now + BUCKETS - 1) % BUCKETS;
        if label.bucket == bucket {
            return;
        }
        self.unhang(link);
        let head = std::mem::replace(&mut self.heads[bucket as usize], link);
        if head != NONE {
            self.labels[head as usize].previous = link;
        }
        let label = &mut self.labels[link as usize];
        (label.next, label.previous, label.bucket) = (head, NONE, bucket);
        self.filled[bucket as usize / 64] |= 1 << (bucket % 64);
    }

    #[inline]
    fn unhang(&mut self, link: u32) {
        let Label { next, previous, bucket, .. } = self.labels[link as usize];
        if bucket == NONE {
            return;
        }
        if next != NONE {
            self.labels[next as usize].previous = previous;
        }
        if previous != NONE {
            self.labels[previous as usize].next = next;
        } else {
            self.heads[bucket as usize] = next;
            if next == NONE {
                self.filled[bucket as usize / 64] &= !(1 << (bucket % 64));
            }
        }
        self.labels[link as usize].bucket = NONE;
    }

    /// Take the next link out, and the least key that any of those left may have; `None` when no link is
    /// left.
    #[inline]
    pub fn take(&mut self) -> Option<(u32, u32)> {
        loop {
            let link = self.heads[(self.now % BUCKETS) as usize];
            if link == NONE {
                self.now += self.distance_to_filled()?;
                continue;
            }
            self.unhang(link);
            let label = &self.labels[link as usize];
            if label.at_ms.saturating_add(label.bound_ms) >> SHIFT > self.now {
                // It only waited in the last bucket of the ring.
                self.queue(link);
                continue;
            }
            return Some((link, self.now << SHIFT));
        }
    }

    /// Buckets from the present one to the next that is not empty.
    fn distance_to_filled(&self) -> Option<u32> {
        let here = self.now % BUCKETS;
        let words = BUCKETS / 64;
        let first = self.filled[(here / 64) as usize] >> (here % 64);
        if first != 0 {
            return Some(first.trailing_zeros());
        }
        // Once round: the last word is the first again, for the bits before `here`.
        (1..=words).find_map(|step| {
            let word = self.filled[((here / 64 + step) % words) as usize];
            (word != 0).then(|| step * 64 - here % 64 + word.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(labels: &mut Labels, link: u32, at_ms: u32) {
        labels.see(link).0.at_ms = at_ms;
        labels.queue(link);
    }

    proptest! {
        /// Near and far beyond the ring's reach, moved forward or not.
        #[test]
        fn links_come_out_bucket_by_bucket(
            keys in prop::collection::vec(0_u32..20_000_000, 1..60), sooner in prop::collection::vec(0_u32..2_000_000, 60),
        ) {
            let mut labels = Labels::new(keys.len());
            for _ in 0..2 {
                labels.clear();
                let mut expected = Vec::new();
                for (link, key) in (0..).zip(&keys) {
                    put(&mut labels, link, *key);
                }
                for ((link, key), sooner) in (0..).zip(&keys).zip(&sooner) {
                    let key = key.saturating_sub(*sooner);
                    put(&mut labels, link, key);
                    expected.push(key >> SHIFT);
                }
                expected.sort_unstable();
                let taken: Vec<u32> =
                    std::iter::from_fn(|| labels.take()).map(|(_, floor)| floor >> SHIFT).collect();
                prop_assert_eq!(taken, expected);
            }
        }
    }

    #[test]
    fn nothing_of_a_search_that_was_given_up_is_left() {
        let mut labels = Labels::new(3);
        labels.clear();
        put(&mut labels, 0, 5_000);
        put(&mut labels, 1, 900_000);
        labels.clear();
        assert_eq!(labels.take(), None);
        assert!(labels.get(0).is_none());
    }
}
