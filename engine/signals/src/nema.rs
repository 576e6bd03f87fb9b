//! A NEMA dual ring as signal groups, intergreen matrix and stages.
//!
//! Phases of one ring follow each other; phases of different rings run together between the same two
//! barriers. A crossing walks with its phase. An overlap is green with any of its parents. So phases
//! conflict when they share a ring or are not between the same barriers; the intergreen from a phase is
//! its yellow and red clearance, from a crossing its clearance and buffer. Everything is computed on
//! demand: nothing is stored, nothing allocated.
//!
//! Groups are numbered phases first, in the order given, then the crossings of those phases that have
//! one, then the overlaps.

use crate::group::{GroupKind, GroupSet, SignalGroup};
use crate::ids::GroupId;
use crate::junction::Relation;
use crate::limits::GROUPS_MAX;
use crate::units::Millis;

/// A crossing that walks with a phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crossing {
    /// Minimum walk.
    pub walk: Millis,
    /// Clearance.
    pub clearance: Millis,
    /// From the end of the clearance until a conflicting green may start.
    pub buffer: Millis,
}

/// A phase of a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// Its number at the controller, from 1.
    pub number: u8,
    /// Its ring, from 1.
    pub ring: u8,
    /// The barrier that closes its part of the cycle, from 1.
    pub barrier: u8,
    /// Its place among the phases of its ring and barrier, from 1.
    pub position: u8,
    /// Minimum green.
    pub min_green: Millis,
    /// Yellow.
    pub yellow: Millis,
    /// Red clearance.
    pub red_clearance: Millis,
    /// The crossing that walks with it.
    pub crossing: Option<Crossing>,
}

/// An overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overlap {
    /// The phases with which it is green: bit n − 1 for phase number n.
    pub parents: u64,
    /// Yellow.
    pub yellow: Millis,
    /// Red clearance.
    pub red_clearance: Millis,
}

/// Why phases and overlaps are no dual ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NemaError {
    /// A phase number is zero, above 64, or given twice.
    Number(u8),
    /// Two phases have the same ring, barrier and position.
    Place(u8),
    /// More groups than a controller can have.
    TooManyGroups,
    /// An overlap without a known parent; its place among the overlaps.
    Overlap(usize),
    /// An interval is negative; the phase's number, 0 for an overlap.
    Interval(u8),
}

/// A dual ring, checked.
#[derive(Clone, Copy, Debug)]
pub struct DualRing<'a> {
    phases: &'a [Phase],
    overlaps: &'a [Overlap],
}

impl<'a> DualRing<'a> {
    /// Take phases and overlaps for a dual ring.
    ///
    /// # Errors
    /// The first [`NemaError`] found.
    pub fn new(phases: &'a [Phase], overlaps: &'a [Overlap]) -> Result<Self, NemaError> {
        let ring = Self { phases, overlaps };
        if ring.len() > GROUPS_MAX {
            return Err(NemaError::TooManyGroups);
        }
        for (at, phase) in phases.iter().enumerate() {
            let earlier = &phases[..at];
            if phase.number == 0 || phase.number > 64 || earlier.iter().any(|p| p.number == phase.number) {
                return Err(NemaError::Number(phase.number));
            }
            let place = |p: &Phase| (p.ring, p.barrier, p.position);
            if earlier.iter().any(|p| place(p) == place(phase)) {
                return Err(NemaError::Place(phase.number));
            }
            let crossing = phase.crossing.map_or([Millis::ZERO; 3], |c| [c.walk, c.clearance, c.buffer]);
            let own = [phase.min_green, phase.yellow, phase.red_clearance];
            if own.into_iter().chain(crossing).any(|time| time < Millis::ZERO) {
                return Err(NemaError::Interval(phase.number));
            }
        }
        for (at, overlap) in overlaps.iter().enumerate() {
            if !phases.iter().any(|phase| overlap.has(phase)) {
                return Err(NemaError::Overlap(at));
            }
            if overlap.yellow < Millis::ZERO || overlap.red_clearance < Millis::ZERO {
                return Err(NemaError::Interval(0));
            }
        }
        Ok(ring)
    }

    /// How many signal groups it makes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.phases.len() + self.crossings().count() + self.overlaps.len()
    }

    /// Whether it makes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The phases that have a crossing.
    fn crossings(&self) -> impl Iterator<Item = (&'a Phase, Crossing)> + use<'a> {
        self.phases.iter().filter_map(|phase| phase.crossing.map(|crossing| (phase, crossing)))
    }

    fn source(&self, group: GroupId) -> Option<Source<'a>> {
        let index = group.index();
        if let Some(phase) = self.phases.get(index) {
            return Some(Source::Phase(phase));
        }
        let index = index - self.phases.len();
        let walks = self.crossings().count();
        if index < walks {
            return self.crossings().nth(index).map(|(phase, crossing)| Source::Crossing(phase, crossing));
        }
        self.overlaps.get(index - walks).map(Source::Overlap)
    }

    /// A signal group.
    #[must_use]
    pub fn group(&self, group: GroupId) -> Option<SignalGroup> {
        let vehicle = |min_green, yellow| SignalGroup {
            kind: GroupKind::Vehicle,
            min_green,
            yellow,
            clearance: Millis::ZERO,
            red_yellow: Millis::ZERO,
        };
        Some(match self.source(group)? {
            Source::Phase(phase) => vehicle(phase.min_green, phase.yellow),
            Source::Crossing(_, crossing) => SignalGroup {
                kind: GroupKind::Pedestrian,
                min_green: crossing.walk,
                yellow: Millis::ZERO,
                clearance: crossing.clearance,
                red_yellow: Millis::ZERO,
            },
            // It is green for as long as one of its parents at least.
            Source::Overlap(overlap) => {
                let parents = self.phases.iter().filter(|phase| overlap.has(phase));
                let shortest = parents.map(|phase| phase.min_green).min();
                vehicle(shortest.unwrap_or(Millis::ZERO), overlap.yellow)
            }
        })
    }

    /// How the ending group stands to the starting one.
    #[must_use]
    pub fn relation(&self, ending: GroupId, starting: GroupId) -> Relation {
        let (Some(from), Some(to)) = (self.source(ending), self.source(starting)) else {
            return Relation::Conflict(Millis::NEVER);
        };
        if ending == starting {
            return Relation::Compatible;
        }
        if self.conflict(&from, &to) {
            return Relation::Conflict(from.clears_in());
        }
        match (&from, &to) {
            // Turning traffic of the phase gives way to the crossing that walks with it.
            (Source::Phase(a), Source::Crossing(b, _)) | (Source::Crossing(a, _), Source::Phase(b))
                if a.number == b.number =>
            {
                Relation::Permitted
            }
            _ => Relation::Compatible,
        }
    }

    /// An overlap conflicts with what conflicts with every parent: while one parent is green, what goes
    /// with that parent goes with the overlap.
    fn conflict(&self, a: &Source<'_>, b: &Source<'_>) -> bool {
        let phases_of = |source: &Source<'_>| match *source {
            Source::Phase(phase) | Source::Crossing(phase, _) => 1 << (phase.number - 1),
            Source::Overlap(overlap) => overlap.parents,
        };
        let (a, b) = (phases_of(a), phases_of(b));
        let of = |set: u64| self.phases.iter().filter(move |phase| set & (1 << (phase.number - 1)) != 0);
        of(a).all(|a| of(b).all(|b| a.conflicts(b)))
    }

    /// The stages: every pair of phases that can be green together, one of each ring, and a ring alone
    /// where the other has none between those barriers; with crossings and overlaps, in the order of the
    /// cycle.
    pub fn stages(&self) -> impl Iterator<Item = GroupSet> + use<'a> {
        let ring = *self;
        let first = self.phases.iter().map(|phase| phase.ring).min().unwrap_or(0);
        let barriers = self.phases.iter().map(|phase| phase.barrier).max().unwrap_or(0);
        (1..=barriers).flat_map(move |barrier| {
            let here = ring.phases.iter().filter(move |phase| phase.barrier == barrier);
            let (one, other) =
                (here.clone().filter(move |p| p.ring == first), here.filter(move |p| p.ring != first));
            let alone = one.clone().next().is_none() || other.clone().next().is_none();
            let pairs = one.clone().flat_map(move |a| other.clone().map(move |b| (a, b)));
            let singles = ring.phases.iter().filter(move |phase| alone && phase.barrier == barrier);
            pairs.chain(singles.map(|phase| (phase, phase))).map(move |(a, b)| ring.stage(a, b))
        })
    }

    /// Everything that is green with two phases.
    #[must_use]
    fn stage(&self, a: &Phase, b: &Phase) -> GroupSet {
        let runs = |phase: &Phase| phase.number == a.number || phase.number == b.number;
        let groups = (0u8..).map(GroupId).take(self.len());
        groups
            .filter(|group| match self.source(*group) {
                Some(Source::Phase(phase) | Source::Crossing(phase, _)) => runs(phase),
                Some(Source::Overlap(overlap)) => self.phases.iter().any(|p| runs(p) && overlap.has(p)),
                None => false,
            })
            .collect()
    }
}

enum Source<'a> {
    Phase(&'a Phase),
    Crossing(&'a Phase, Crossing),
    Overlap(&'a Overlap),
}

impl Source<'_> {
    /// From the end of green until a conflicting green may start.
    fn clears_in(&self) -> Millis {
        match self {
            Source::Phase(phase) => phase.yellow + phase.red_clearance,
            Source::Crossing(_, crossing) => crossing.clearance + crossing.buffer,
            Source::Overlap(overlap) => overlap.yellow + overlap.red_clearance,
        }
    }
}

impl Phase {
    fn conflicts(&self, other: &Self) -> bool {
        self.number != other.number && (self.ring == other.ring || self.barrier != other.barrier)
    }
}

impl Overlap {
    fn has(&self, phase: &Phase) -> bool {
        (1..=64).contains(&phase.number) && self.parents & (1 << (phase.number - 1)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn phase(number: u8, ring: u8, barrier: u8, position: u8) -> Phase {
        Phase {
            number,
            ring,
            barrier,
            position,
            min_green: Millis(5_000),
            yellow: Millis(4_000),
            red_clearance: Millis(2_000),
            crossing: None,
        }
    }

    /// The standard eight phases, crossings with 2 and 6, an overlap of 1 and 8.
    fn check(test: impl Fn(&DualRing<'_>)) {
        let mut phases = [
            phase(1, 1, 1, 1),
            phase(2, 1, 1, 2),
            phase(3, 1, 2, 1),
            phase(4, 1, 2, 2),
            phase(5, 2, 1, 1),
            phase(6, 2, 1, 2),
            phase(7, 2, 2, 1),
            phase(8, 2, 2, 2),
        ];
        let walk = Crossing { walk: Millis(7_000), clearance: Millis(11_000), buffer: Millis(2_000) };
        (phases[1].crossing, phases[5].crossing) = (Some(walk), Some(walk));
        let overlap = Overlap { parents: 0b1000_0001, yellow: Millis(3_000), red_clearance: Millis(1_000) };
        test(&DualRing::new(&phases, &[overlap]).unwrap());
    }

    #[test]
    fn phases_conflict_within_a_ring_and_across_the_barrier() {
        check(|ring| {
            let conflict =
                |a: u8, b: u8| matches!(ring.relation(GroupId(a - 1), GroupId(b - 1)), Relation::Conflict(_));
            for (a, b) in [(1, 2), (1, 3), (5, 8), (2, 4), (1, 7), (2, 8), (6, 3)] {
                assert!(conflict(a, b) && conflict(b, a), "{a} {b}");
            }
            for (a, b) in [(1, 5), (1, 6), (2, 5), (2, 6), (3, 7), (3, 8), (4, 7), (4, 8)] {
                assert!(!conflict(a, b) && !conflict(b, a), "{a} {b}");
            }
            assert_eq!(ring.relation(GroupId(0), GroupId(1)), Relation::Conflict(Millis(6_000)));
        });
    }

    #[test]
    fn a_crossing_walks_with_its_phase_and_clears_by_its_own_times() {
        check(|ring| {
            let crossing = GroupId(8);
            assert_eq!(ring.group(crossing).unwrap().clearance, Millis(11_000));
            assert_eq!(ring.relation(crossing, GroupId(1)), Relation::Permitted);
            assert_eq!(ring.relation(crossing, GroupId(3)), Relation::Conflict(Millis(13_000)));
            assert_eq!(ring.relation(GroupId(3), crossing), Relation::Conflict(Millis(6_000)));
            assert_eq!(ring.relation(crossing, GroupId(4)), Relation::Compatible);
        });
    }

    #[test]
    fn an_overlap_goes_with_whatever_goes_with_one_of_its_parents() {
        check(|ring| {
            let overlap = GroupId(10);
            for compatible in [1, 5, 6, 8, 3, 4] {
                assert_eq!(
                    ring.relation(overlap, GroupId(compatible - 1)),
                    Relation::Compatible,
                    "{compatible}"
                );
            }
            for conflicting in [2, 7] {
                let relation = ring.relation(overlap, GroupId(conflicting - 1));
                assert_eq!(relation, Relation::Conflict(Millis(4_000)), "{conflicting}");
            }
        });
    }

    #[test]
    fn every_stage_is_free_of_conflict_and_every_group_has_one() {
        check(|ring| {
            let mut seen = GroupSet::EMPTY;
            assert_eq!(ring.stages().count(), 8);
            for stage in ring.stages() {
                seen = seen.union(stage);
                for a in stage.iter() {
                    for b in stage.iter() {
                        assert!(!matches!(ring.relation(a, b), Relation::Conflict(_)), "{a:?} {b:?}");
                    }
                }
            }
            assert_eq!(seen.len() as usize, ring.len());
        });
    }

    #[test]
    fn what_is_no_dual_ring_is_refused() {
        let twice = [phase(1, 1, 1, 1), phase(1, 2, 1, 1)];
        assert_eq!(DualRing::new(&twice, &[]).unwrap_err(), NemaError::Number(1));
        let crowded = [phase(1, 1, 1, 1), phase(2, 1, 1, 1)];
        assert_eq!(DualRing::new(&crowded, &[]).unwrap_err(), NemaError::Place(2));
        let orphan = Overlap { parents: 2, yellow: Millis(3_000), red_clearance: Millis::ZERO };
        assert_eq!(DualRing::new(&[phase(1, 1, 1, 1)], &[orphan]).unwrap_err(), NemaError::Overlap(0));
        let negative = [Phase { yellow: Millis(-1), ..phase(1, 1, 1, 1) }];
        assert_eq!(DualRing::new(&negative, &[]).unwrap_err(), NemaError::Interval(1));
    }
}
