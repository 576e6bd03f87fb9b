//! Problems from a stage plan: stages in their order, intergreens from the matrix.
//!
//! A node for the end of each stage, and one for each start of a green that somebody asks for. A group
//! that starts in a stage waits for one intergreen per conflicting group that ended before it; its
//! least green holds back the end of its last stage. How long a stage may be stretched bounds the
//! ends from above; the start of a green is never put off by that.

use clearway_signals::{GroupId, GroupSet, Junction, Millis, Relation};

use super::net::{NOW, Point};
use super::problem::{Problem, duration, range};
use super::{Fault, OCCURRENCES_MAX};
use crate::transition::Display;

/// A stage: groups that are green together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stage {
    /// Its groups.
    pub groups: GroupSet,
    /// It lasts at least this long, from the end of the stage before it.
    pub min: Millis,
    /// It lasts at most this long, from the end of the stage before it.
    pub max: Millis,
}

/// Where the junction stands in its stages.
#[derive(Clone, Copy, Debug)]
pub struct StageState<'a> {
    /// The present stage, by index: the one that is shown or on its way.
    pub stage: usize,
    /// When it began, that is, when the one before it ended.
    pub began: Millis,
    /// What every group shows, and since when.
    pub display: &'a Display,
    /// The present; all times of the problem count from here.
    pub now: Millis,
}

/// Stages that lie ahead at most, the present one counted.
const AHEAD_MAX: usize = 32;

/// One stage plan while it is laid out.
struct Layout<'a> {
    junction: &'a Junction<'a>,
    stages: &'a [Stage],
    state: &'a StageState<'a>,
    /// The end of each stage ahead.
    ends: [Point; AHEAD_MAX],
    /// How many lie ahead.
    len: usize,
}

impl Problem {
    /// Pose what lies ahead of a stage plan over `ahead` stages, the present one counted, with the
    /// greens of the groups in `wanted`.
    ///
    /// # Errors
    /// When it does not fit into the fixed bounds, plan and state do not fit together, or a stage
    /// shows groups that conflict.
    pub fn stages(
        &mut self,
        junction: &Junction<'_>,
        stages: &[Stage],
        state: &StageState<'_>,
        ahead: usize,
        wanted: GroupSet,
    ) -> Result<(), Fault> {
        self.clear();
        if state.stage >= stages.len() {
            return Err(Fault::BadState);
        }
        if ahead > AHEAD_MAX {
            return Err(Fault::TooLarge);
        }
        let mut layout = Layout { junction, stages, state, ends: [NOW; AHEAD_MAX], len: ahead };
        let mut greens = [(GroupId(0), 0, NOW); OCCURRENCES_MAX];
        let mut greens_len = 0;
        for i in 0..ahead {
            for group in layout.starting(i).intersection(wanted).iter() {
                let start = if layout.is_green_now(i, group) { NOW } else { self.net.node()? };
                *greens.get_mut(greens_len).ok_or(Fault::TooLarge)? = (group, i, start);
                greens_len += 1;
            }
            layout.ends[i] = self.net.node()?;
            self.stage_lasts(&layout, i)?;
        }
        for i in 0..ahead {
            for group in layout.starting(i).iter() {
                let known = greens[..greens_len].iter().find(|g| g.0 == group && g.1 == i);
                self.green_starts(&layout, i, group, known.map(|g| g.2))?;
            }
        }
        for (group, i, start) in greens.into_iter().take(greens_len) {
            if let Some(last) = layout.last_of(i, group) {
                self.add(group, start, layout.ends[last])?;
            }
        }
        Ok(())
    }

    /// The end of stage `i` counts from the end of the stage before it.
    fn stage_lasts(&mut self, layout: &Layout<'_>, i: usize) -> Result<(), Fault> {
        let stage = layout.stage(i);
        let (min, max) = range(stage.min, stage.max)?;
        let (began, spent) = if i == 0 {
            (NOW, duration(layout.state.now.since(layout.state.began))?)
        } else {
            (layout.ends[i - 1], 0)
        };
        self.net.at_least(began, layout.ends[i], (min - spent).max(0))?;
        self.net.at_most(began, layout.ends[i], (max - spent).max(0))
    }

    /// The green of `group` that starts in stage `i`: behind its intergreens, and never cut.
    ///
    /// A start that nobody asks about needs no node: what would pass through it is joined.
    fn green_starts(
        &mut self,
        layout: &Layout<'_>,
        i: usize,
        group: GroupId,
        start: Option<Point>,
    ) -> Result<(), Fault> {
        let state = layout.state;
        let signal = layout.junction.groups.get(group.index()).ok_or(Fault::BadState)?;
        let least = duration(signal.min_green)?;
        let last = layout.last_of(i, group).map(|last| layout.ends[last]);
        if layout.is_green_now(i, group) {
            let shown = state.now.since(state.display[group.index()].since).0;
            return last.map_or(Ok(()), |end| self.net.at_least(NOW, end, (least - shown).max(0)));
        }
        let mut behind = |ended: Point, gap: i64| -> Result<(), Fault> {
            if let Some(start) = start {
                self.net.at_least(ended, start, gap)?;
            }
            last.map_or(Ok(()), |end| self.net.at_least(ended, end, gap + least))
        };
        behind(if i == 0 { NOW } else { layout.ends[i - 1] }, 0)?;
        for index in 0..layout.junction.groups.len() {
            #[allow(clippy::cast_possible_truncation)]
            let ending = GroupId(index as u8);
            let Relation::Conflict(intergreen) = layout.junction.relation(ending, group) else { continue };
            if ending == group {
                continue;
            }
            let intergreen = duration(intergreen)?;
            match layout.ended_before(i, ending)? {
                Some(ended) => behind(layout.ends[ended], intergreen)?,
                None => behind(NOW, intergreen + layout.ended_now(ending))?,
            }
        }
        if let (Some(start), Some(end)) = (start, last) {
            self.net.at_least(start, end, least)?;
        }
        Ok(())
    }
}

impl Layout<'_> {
    fn stage(&self, i: usize) -> &Stage {
        &self.stages[(self.state.stage + i) % self.stages.len()]
    }

    /// Groups whose green starts in stage `i`; in the present stage every group of it.
    fn starting(&self, i: usize) -> GroupSet {
        let before = if i == 0 { GroupSet::EMPTY } else { self.stage(i - 1).groups };
        self.stage(i).groups.difference(before)
    }

    fn is_green_now(&self, i: usize, group: GroupId) -> bool {
        i == 0 && self.state.display.get(group.index()).is_some_and(|shown| shown.green)
    }

    /// The last stage of the green that starts in stage `i`, if it ends before what lies ahead does.
    fn last_of(&self, i: usize, group: GroupId) -> Option<usize> {
        let last = (i..self.len).take_while(|k| self.stage(*k).groups.contains(group)).last()?;
        (last + 1 < self.len || !self.stage(self.len).groups.contains(group)).then_some(last)
    }

    /// The stage before `i` with which `ending` ended last; `None` when that lies in the past.
    fn ended_before(&self, i: usize, ending: GroupId) -> Result<Option<usize>, Fault> {
        if self.stage(i).groups.contains(ending) {
            return Err(Fault::ConflictInStage);
        }
        Ok((0..i).rev().find(|k| self.stage(*k).groups.contains(ending)))
    }

    /// From now until a group that no stage shows any more has ended: negative when it has.
    fn ended_now(&self, ending: GroupId) -> i64 {
        let Some(shown) = self.state.display.get(ending.index()) else { return 0 };
        let since = (shown.since - self.state.now).0;
        if shown.green {
            let least = self.junction.groups.get(ending.index()).map_or(0, |group| group.min_green.0);
            (since + least).max(0)
        } else {
            since.min(0)
        }
    }
}
