//! Problems from a NEMA dual ring: two rings of phases that cross each barrier together.

use clearway_signals::{GroupId, Millis};

use super::Fault;
use super::net::{NOW, Point};
use super::problem::{Problem, duration, range};

/// What happens at a barrier when one ring is ready before the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Barrier {
    /// The ring that is ready first rests in green, beyond its maximum if need be, until the other
    /// one is ready: what controllers do.
    Rest,
    /// Both rings keep their maxima, as in the equalities of MMITSS: what its oracle does.
    Strict,
}

/// A phase in its ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// Its signal group.
    pub group: GroupId,
    /// Least green: the minimum, and walk with pedestrian clearance where pedestrians called.
    pub min_green: Millis,
    /// Longest green against a call elsewhere.
    pub max_green: Millis,
    /// Yellow and red clearance.
    pub clearance: Millis,
}

/// The phases between two barriers, by ring, in their order. A ring may be empty: its phases are
/// omitted.
pub type BarrierGroup<'a> = [&'a [Phase]; 2];

/// A dual ring: barrier groups in their order, round and round.
#[derive(Clone, Copy, Debug)]
pub struct DualRing<'a> {
    /// The barrier groups.
    pub groups: &'a [BarrierGroup<'a>],
    /// How the rings wait for each other.
    pub barrier: Barrier,
}

/// Where one ring stands in the present barrier group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RingPosition {
    /// The phase of this index is green.
    Green {
        /// Index among the phases of the ring in the barrier group.
        phase: usize,
        /// The rest of its least green.
        min_left: Millis,
        /// The rest of its longest green; no less than `min_left`.
        max_left: Millis,
    },
    /// The phase of this index is next; the clearance of the one before it runs.
    Starting {
        /// Index among the phases of the ring in the barrier group.
        phase: usize,
        /// Until its green starts.
        after: Millis,
    },
    /// The ring has no phase in this barrier group.
    Empty,
}

/// Where both rings stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingState {
    /// The present barrier group.
    pub group: usize,
    /// The rings.
    pub rings: [RingPosition; 2],
}

impl Problem {
    /// Pose what lies ahead of a dual ring, over `groups` barrier groups from the present one.
    ///
    /// # Errors
    /// When it does not fit into the fixed bounds, or plan and state do not fit together.
    pub fn dual_ring(&mut self, plan: &DualRing<'_>, state: &RingState, groups: usize) -> Result<(), Fault> {
        self.clear();
        if state.group >= plan.groups.len() {
            return Err(Fault::BadState);
        }
        let mut began = NOW;
        for step in 0..groups {
            let group = &plan.groups[(state.group + step) % plan.groups.len()];
            if group[0].is_empty() && group[1].is_empty() {
                continue;
            }
            let present = (step == 0).then_some(state.rings);
            began = self.barrier_group(group, present, began, plan.barrier)?;
        }
        Ok(())
    }

    /// Lay one barrier group that begins at `began`; gives the barrier at its end.
    fn barrier_group(
        &mut self,
        group: &BarrierGroup<'_>,
        present: Option<[RingPosition; 2]>,
        began: Point,
        rule: Barrier,
    ) -> Result<Point, Fault> {
        let mut starts = [[NOW; PHASES_MAX]; 2];
        let mut first = [0; 2];
        for ring in 0..2 {
            let phases = group[ring];
            if phases.len() > PHASES_MAX {
                return Err(Fault::TooLarge);
            }
            first[ring] = first_phase(phases, present.map(|rings| rings[ring]))?;
            for start in starts[ring].iter_mut().take(phases.len()).skip(first[ring] + 1) {
                *start = self.net.node()?;
            }
        }
        let barrier = self.net.node()?;
        let mut latest = [None; 2];
        for ring in 0..2 {
            let position = present.map(|rings| rings[ring]);
            let opening = opening(position, began)?;
            for (i, phase) in group[ring].iter().enumerate().skip(first[ring]) {
                let is_present = i == first[ring];
                let start = if is_present { opening } else { starts[ring][i] };
                let (min, max) = greens(phase, position.filter(|_| is_present))?;
                let clearance = duration(phase.clearance)?;
                let is_last = i + 1 == group[ring].len();
                let next = if is_last { barrier } else { starts[ring][i + 1] };
                self.net.at_least(start, next, min + clearance)?;
                self.add(phase.group, start, next.after(-clearance))?;
                if is_last {
                    latest[ring] = Some(start.after(max + clearance));
                } else {
                    self.net.at_most(start, next, max + clearance)?;
                }
            }
        }
        self.close(barrier, latest, rule)?;
        Ok(barrier)
    }

    /// How late a barrier may come; `latest` is when each ring has run out its longest greens.
    fn close(&mut self, barrier: Point, latest: [Option<Point>; 2], rule: Barrier) -> Result<(), Fault> {
        match (latest, rule) {
            // Both count from one instant: the later one is known now.
            ([Some(a), Some(b)], Barrier::Rest) if a.node == b.node => {
                self.net.at_most(a, barrier, (b.offset - a.offset).max(0))
            }
            ([Some(a), Some(b)], Barrier::Rest) => self.net.cap(barrier, [a, b]),
            _ => latest.into_iter().flatten().try_for_each(|ring| self.net.at_most(ring, barrier, 0)),
        }
    }
}

/// Phases of one ring in one barrier group.
const PHASES_MAX: usize = 8;

/// The first phase of a ring that still lies ahead, or runs.
fn first_phase(phases: &[Phase], position: Option<RingPosition>) -> Result<usize, Fault> {
    let first = match position {
        None => return Ok(0),
        Some(RingPosition::Empty) if phases.is_empty() => return Ok(0),
        Some(RingPosition::Green { phase, .. } | RingPosition::Starting { phase, .. }) => phase,
        Some(RingPosition::Empty) => return Err(Fault::BadState),
    };
    if first < phases.len() { Ok(first) } else { Err(Fault::BadState) }
}

/// When the first phase of a ring starts; a green that runs counts from now.
fn opening(position: Option<RingPosition>, began: Point) -> Result<Point, Fault> {
    match position {
        Some(RingPosition::Starting { after, .. }) => Ok(NOW.after(duration(after)?)),
        Some(_) => Ok(NOW),
        None => Ok(began),
    }
}

/// The least and the longest green, or what is left of them.
fn greens(phase: &Phase, position: Option<RingPosition>) -> Result<(i64, i64), Fault> {
    match position {
        Some(RingPosition::Green { min_left, max_left, .. }) => range(min_left, max_left),
        _ => range(phase.min_green, phase.max_green),
    }
}
