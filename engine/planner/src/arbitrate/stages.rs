//! Problems from a stage plan: stages in their order, intergreens from the matrix.
//!
//! A node for the end of each stage. A group that starts in a stage waits for one intergreen per
//! conflicting group that ended before it; its least green holds back the end of its last stage. How
//! long a stage may be stretched bounds the ends from above; the start of a green is never put off by
//! that. Where only the stage before decides when a group starts, its start is a fixed time after that
//! stage's end; where an intergreen from further back may decide, the start is a node of its own.

use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupSet, Junction, Millis, Relation};

use super::net::{NOW, Point};
use super::problem::{Problem, duration, range};
use super::{Fault, TIME_MAX_MS};
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
/// Greens that run at once, whichever end.
const RUNNING_MAX: usize = GROUPS_MAX;
const NEVER: u8 = u8::MAX;

/// A stage plan while it is laid out, stage by stage.
struct Layout<'a> {
    junction: &'a Junction<'a>,
    state: &'a StageState<'a>,
    /// The end of each stage, as far as they are laid.
    ends: [Point; AHEAD_MAX],
    /// The sum of all least stages up to the end of each: no end comes sooner.
    soonest: [i64; AHEAD_MAX],
    /// The stage that showed each group last; [`NEVER`]: none yet.
    shown_in: [u8; GROUPS_MAX],
}

/// A green whose end is still to come.
#[derive(Clone, Copy)]
struct Running {
    group: GroupId,
    start: Point,
    /// What is left of its least green, from `start`.
    least: i64,
}

/// A group that must have ended before another starts.
#[derive(Clone, Copy)]
struct Wait {
    ended: Point,
    gap: i64,
    /// Its end comes no sooner than this.
    soonest: i64,
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
        if state.stage >= stages.len() || junction.groups.len() > GROUPS_MAX {
            return Err(Fault::BadState);
        }
        if ahead > AHEAD_MAX {
            return Err(Fault::TooLarge);
        }
        let mut layout = Layout {
            junction,
            state,
            ends: [NOW; AHEAD_MAX],
            soonest: [0; AHEAD_MAX],
            shown_in: [NEVER; GROUPS_MAX],
        };
        let mut running = [Running { group: GroupId(0), start: NOW, least: 0 }; RUNNING_MAX];
        let mut running_len = 0;
        let (mut at, mut before) = (state.stage, GroupSet::EMPTY);
        for i in 0..ahead {
            let stage = &stages[at];
            at = if at + 1 < stages.len() { at + 1 } else { 0 };
            for group in stage.groups.difference(before).iter() {
                let green = self.green_starts(&layout, i, stage, group)?;
                *running.get_mut(running_len).ok_or(Fault::TooLarge)? = green;
                running_len += 1;
            }
            self.stage_lasts(&mut layout, i, stage)?;
            stage.groups.iter().for_each(|group| layout.shown_in[group.index()] = byte(i));
            before = stage.groups;
            // What the next stage does not show ends with this one.
            let mut kept = 0;
            for n in 0..running_len {
                let green = running[n];
                if stages[at].groups.contains(green.group) {
                    running[kept] = green;
                    kept += 1;
                    continue;
                }
                self.net.at_least(green.start, layout.ends[i], green.least)?;
                if wanted.contains(green.group) {
                    self.add(green.group, green.start, layout.ends[i])?;
                }
            }
            running_len = kept;
        }
        Ok(())
    }

    /// Lay the end of stage `i`: it counts from the end of the stage before it.
    fn stage_lasts(&mut self, layout: &mut Layout<'_>, i: usize, stage: &Stage) -> Result<(), Fault> {
        let (min, max) = range(stage.min, stage.max)?;
        let end = self.net.node()?;
        let (began, soonest, spent) = match i.checked_sub(1) {
            None => (NOW, 0, duration(layout.state.now.since(layout.state.began))?),
            Some(last) => (layout.ends[last], layout.soonest[last], 0),
        };
        self.net.at_least(began, end, (min - spent).max(0))?;
        self.net.at_most(began, end, (max - spent).max(0))?;
        (layout.ends[i], layout.soonest[i]) = (end, soonest + (min - spent).max(0));
        Ok(())
    }

    /// The green of `group` that starts in stage `i`: behind its intergreens, and never cut.
    fn green_starts(
        &mut self,
        layout: &Layout<'_>,
        i: usize,
        stage: &Stage,
        group: GroupId,
    ) -> Result<Running, Fault> {
        let state = layout.state;
        let signal = layout.junction.groups.get(group.index()).ok_or(Fault::BadState)?;
        let least = duration(signal.min_green)?;
        let shown = &state.display[group.index()];
        if i == 0 && shown.green {
            let left = (least - state.now.since(shown.since).0).max(0);
            return Ok(Running { group, start: NOW, least: left });
        }
        let mut waits = [Wait { ended: NOW, gap: 0, soonest: 0 }; GROUPS_MAX];
        let mut waits_len = 0;
        let (began, began_soonest) =
            i.checked_sub(1).map_or((NOW, 0), |last| (layout.ends[last], layout.soonest[last]));
        let mut start = began;
        for ending in (0..layout.junction.groups.len()).map(|index| GroupId(byte(index))) {
            let Relation::Conflict(intergreen) = layout.junction.relation(ending, group) else { continue };
            if ending == group {
                continue;
            }
            if stage.groups.contains(ending) {
                return Err(Fault::ConflictInStage);
            }
            let wait = layout.wait(ending, duration(intergreen)?)?;
            if wait.ended == began {
                start.offset = start.offset.max(began.offset + wait.gap);
            } else {
                waits[waits_len] = wait;
                waits_len += 1;
            }
        }
        // Further back: decided already, unless that end may come so late that it still counts.
        let after = start.offset - began.offset;
        let mut open = waits[..waits_len]
            .iter()
            .filter(|wait| wait.gap > after + began_soonest - wait.soonest)
            .peekable();
        if open.peek().is_some() {
            let own = self.net.node()?;
            self.net.at_least(start, own, 0)?;
            open.try_for_each(|wait| self.net.at_least(wait.ended, own, wait.gap))?;
            start = own;
        }
        Ok(Running { group, start, least })
    }
}

impl Layout<'_> {
    /// What another group waits for after `ending`.
    fn wait(&self, ending: GroupId, intergreen: i64) -> Result<Wait, Fault> {
        let last = usize::from(self.shown_in[ending.index()]);
        Ok(match (self.ends.get(last), self.soonest.get(last)) {
            (Some(ended), Some(soonest)) => Wait { ended: *ended, gap: intergreen, soonest: *soonest },
            _ => Wait { ended: NOW, gap: intergreen + self.ended_now(ending)?, soonest: 0 },
        })
    }

    /// From now until a group that no stage shows any more has ended: negative when it has.
    fn ended_now(&self, ending: GroupId) -> Result<i64, Fault> {
        let Some(group) = self.junction.groups.get(ending.index()) else { return Ok(0) };
        let shown = &self.state.display[ending.index()];
        let since = (shown.since - self.state.now).0;
        let end = if shown.green { since.saturating_add(duration(group.min_green)?).max(0) } else { since };
        Ok(end.clamp(-TIME_MAX_MS, TIME_MAX_MS))
    }
}

#[allow(clippy::cast_possible_truncation)]
fn byte(index: usize) -> u8 {
    index as u8
}
