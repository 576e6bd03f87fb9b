//! A net of instants with the greens in it that requests may be given.

use clearway_signals::{GroupId, Millis};

use super::net::{NOW, Net, Point};
use super::{Fault, OCCURRENCES_MAX, TIME_MAX_MS};

/// One green of one group that lies ahead, or is shown now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occurrence {
    /// The group (of a dual ring: the phase's).
    pub group: GroupId,
    pub(super) start: Point,
    pub(super) end: Point,
}

/// What lies ahead of a junction: instants, constraints, greens. Reusable: posing a new problem
/// forgets the old one.
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) net: Net,
    occurrences: [Occurrence; OCCURRENCES_MAX],
    len: usize,
}

impl Default for Problem {
    fn default() -> Self {
        Self::new()
    }
}

impl Problem {
    /// An empty problem: nothing lies ahead.
    #[must_use]
    pub const fn new() -> Self {
        let nothing = Occurrence { group: GroupId(0), start: NOW, end: NOW };
        Self { net: Net::new(), occurrences: [nothing; OCCURRENCES_MAX], len: 0 }
    }

    /// The greens, in the order of time for each group.
    #[must_use]
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences[..self.len]
    }

    pub(super) fn clear(&mut self) {
        self.net.clear();
        self.len = 0;
    }

    pub(super) fn add(&mut self, group: GroupId, start: Point, end: Point) -> Result<(), Fault> {
        let place = self.occurrences.get_mut(self.len).ok_or(Fault::TooLarge)?;
        *place = Occurrence { group, start, end };
        self.len += 1;
        Ok(())
    }
}

/// A duration of a plan or a state in milliseconds, if it is one.
pub(super) fn duration(time: Millis) -> Result<i64, Fault> {
    if (0..=TIME_MAX_MS).contains(&time.0) { Ok(time.0) } else { Err(Fault::BadTimes) }
}

/// A minimum and a maximum that fit together.
pub(super) fn range(min: Millis, max: Millis) -> Result<(i64, i64), Fault> {
    let (min, max) = (duration(min)?, duration(max)?);
    if min <= max { Ok((min, max)) } else { Err(Fault::BadTimes) }
}
