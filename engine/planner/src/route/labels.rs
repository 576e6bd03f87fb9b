//! The labels of a search and the queue of those that are to be looked at.
//!
//! The queue is one of buckets (Dial): keys are integers and never fall below the bucket that is being
//! emptied, so that taking the next one is a look at a bitmap. A label whose key falls is queued again and
//! its older entry is passed over; entries that were taken are used again, so that those in use stay few
//! and near each other. Within a bucket the order is free and a label may come back with an earlier arrival:
//! the search ends only when no bucket is left that could hold an improvement.

/// Nothing: no link, no entry.
pub(super) const NONE: u32 = u32::MAX;
/// A bucket spans this power of two of milliseconds.
const SHIFT: u32 = 7;
/// Buckets in the ring; a key further away waits in the last one.
const BUCKETS: u32 = 4_096;
/// Words of a bit for each bucket.
const WORDS: usize = (BUCKETS / 64) as usize;
/// Searches until all labels are wiped.
const ROUNDS_MAX: u32 = u32::MAX >> 1;

/// What the search knows of one link. 16 bytes: a city of them is as large as the caches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    /// When its end is reached, milliseconds from the start of the search.
    pub at_ms: u32,
    /// The link before it.
    pub came_from: u32,
    /// At least so long from its end to the goal.
    pub bound_ms: u32,
    /// The search that wrote it, and in the lowest bit whether it is a goal.
    mark: u32,
}

impl Label {
    const UNSEEN: Self = Self { at_ms: u32::MAX, came_from: NONE, bound_ms: 0, mark: 0 };

    /// Whether the link is a goal.
    #[inline]
    pub fn is_goal(&self) -> bool {
        self.mark & 1 != 0
    }

    /// Mark the link as a goal.
    pub fn set_goal(&mut self) {
        self.mark |= 1;
    }

    #[inline]
    fn bucket(&self) -> u32 {
        self.at_ms.saturating_add(self.bound_ms) >> SHIFT
    }
}

/// A link in a bucket, and the entry after it there.
#[derive(Clone, Copy, Debug)]
struct Entry {
    link: u32,
    next: u32,
}

/// All labels, and the queue.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    labels: Vec<Label>,
    entries: Vec<Entry>,
    /// The first entry that was taken and may be used again.
    free: u32,
    heads: Box<[u32; BUCKETS as usize]>,
    /// A bit for each bucket that is not empty.
    filled: [u64; WORDS],
    round: u32,
    /// The bucket that is being emptied, counted from the start of the search.
    now: u32,
}

impl Labels {
    /// For so many links, with room for so many entries.
    pub fn new(links: usize, entries: usize) -> Self {
        Self {
            labels: vec![Label::UNSEEN; links],
            entries: Vec::with_capacity(entries),
            free: NONE,
            heads: Box::new([NONE; BUCKETS as usize]),
            filled: [0; WORDS],
            round: 0,
            now: 0,
        }
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        if self.round == ROUNDS_MAX {
            self.labels.fill(Label::UNSEEN);
            self.round = 0;
        }
        self.round += 1;
        self.now = 0;
        self.entries.clear();
        self.free = NONE;
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
        let is_new = label.mark >> 1 != round;
        if is_new {
            *label = Label { mark: round << 1, ..Label::UNSEEN };
        }
        (label, is_new)
    }

    /// The label of a link that this search has seen.
    #[inline]
    pub fn get(&self, link: u32) -> Option<&Label> {
        self.labels.get(link as usize).filter(|label| label.mark >> 1 == self.round)
    }

    /// Put a link into the bucket of its key.
    #[inline]
    pub fn queue(&mut self, link: u32) {
        let key = self.labels[link as usize].bucket();
        let bucket = key.clamp(self.now, self.now + BUCKETS - 1) % BUCKETS;
        let entry = Entry { link, next: self.heads[bucket as usize] };
        self.heads[bucket as usize] = self.place(entry);
        self.filled[bucket as usize / 64] |= 1 << (bucket % 64);
    }

    /// Keep an entry where one was taken, or behind all.
    #[inline]
    fn place(&mut self, entry: Entry) -> u32 {
        let place = self.free;
        if let Some(free) = self.entries.get_mut(place as usize) {
            self.free = std::mem::replace(free, entry).next;
            return place;
        }
        self.entries.push(entry);
        // Far fewer than 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        let last = self.entries.len() as u32 - 1;
        last
    }

    /// Take the next link out, its label, and the least key that any of those left may have; `None` when
    /// no link is left.
    #[inline]
    pub fn take(&mut self) -> Option<(u32, Label, u32)> {
        loop {
            let bucket = (self.now % BUCKETS) as usize;
            let place = self.heads[bucket];
            if place == NONE {
                self.now += self.distance_to_filled()?;
                continue;
            }
            let Entry { link, next } = self.entries[place as usize];
            self.entries[place as usize].next = std::mem::replace(&mut self.free, place);
            self.heads[bucket] = next;
            if next == NONE {
                self.filled[bucket / 64] &= !(1 << (bucket % 64));
            }
            let label = self.labels[link as usize];
            let key = label.bucket();
            if key == self.now {
                return Some((link, label, self.now << SHIFT));
            }
            if key > self.now {
                // It only waited in the last bucket of the ring.
                self.queue(link);
            }
            // Else it was queued again sooner, and taken there.
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
            let mut labels = Labels::new(keys.len(), 2 * keys.len());
            for _ in 0..2 {
                labels.clear();
                let mut expected = vec![0; keys.len()];
                for (link, key) in (0..).zip(&keys) {
                    put(&mut labels, link, *key);
                }
                for ((link, key), sooner) in (0..).zip(&keys).zip(&sooner) {
                    let key = key.saturating_sub(*sooner);
                    put(&mut labels, link, key);
                    expected[link as usize] = key >> SHIFT;
                }
                // Once, or again in the same bucket when it was queued twice for it.
                let taken: Vec<(u32, u32)> =
                    std::iter::from_fn(|| labels.take()).map(|(link, _, floor)| (link, floor >> SHIFT)).collect();
                prop_assert!(taken.is_sorted_by_key(|(_, bucket)| *bucket));
                prop_assert!(taken.iter().all(|(link, bucket)| expected[*link as usize] == *bucket));
                prop_assert!((0..).zip(&keys).all(|(link, _)| taken.iter().any(|(taken, _)| *taken == link)));
            }
        }
    }

    #[test]
    fn nothing_of_a_search_that_was_given_up_is_left() {
        let mut labels = Labels::new(3, 3);
        labels.clear();
        put(&mut labels, 0, 5_000);
        put(&mut labels, 1, 900_000);
        labels.clear();
        assert!(labels.take().is_none());
        assert!(labels.get(0).is_none());
    }
}
