//! The exact time until signal groups can be green, from any state of the heads.
//!
//! Every group in the way is told to end now and nothing else starts. Each ends after its minimum green
//! (walk), then its intergreen to each wanted group runs, which holds its yellow or pedestrian clearance; a
//! wanted group keeps its own red after an own green, and shows its red-yellow. Time to green is the longest
//! of these waits (planning notes 4.2: T_T = max over groups in the way of what is left of the minimum, plus
//! the intergreen). Nothing is ever shortened. The proof of the sequencer checks it against every entry of
//! the reference sites; the planner times its calls by it.

use crate::group::GroupSet;
use crate::ids::GroupId;
use crate::junction::{Junction, Relation};
use crate::units::Millis;

/// Red, red-yellow included, between two greens of a group.
pub const RED_MIN: Millis = Millis::from_s(1);

/// What a head shows, as far as it decides what may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shows {
    /// Green (walk).
    Green {
        /// Since then; in the future: it begins then whatever is asked now.
        since: Millis,
    },
    /// Red with yellow; green follows at once.
    RedYellow {
        /// Since then.
        since: Millis,
    },
    /// Red, or on the way there: yellow or pedestrian clearance.
    Red {
        /// When its green ended; `None`: so long ago that nobody waits for it.
        green_ended: Option<Millis>,
    },
}

/// The exact time from `now` until all of `wanted` are green, when they are wanted from now on and
/// everything that conflicts with them is not. `shows` gives what each group shows. `None` when a wanted
/// group is not there, or a group conflicts with one without end.
#[must_use]
pub fn time_to_green(
    junction: &Junction<'_>,
    shows: impl Fn(GroupId) -> Shows,
    wanted: GroupSet,
    now: Millis,
) -> Option<Millis> {
    let (mut at, mut waiting) = (now, GroupSet::EMPTY);
    for group in wanted.iter() {
        let own = junction.groups.get(group.index())?;
        let own_at = match shows(group) {
            Shows::Green { since } => since,
            Shows::RedYellow { since } => since + own.red_yellow,
            Shows::Red { green_ended } => {
                waiting = waiting.with(group);
                let again = green_ended.map(|ended| ended + own.ending() + own.red_yellow.max(RED_MIN));
                (now + own.red_yellow).max(again.unwrap_or(now))
            }
        };
        at = at.max(own_at);
    }
    let others = (0u8..).map(GroupId).zip(junction.groups);
    for (other, data) in others.filter(|(other, _)| !waiting.is_empty() && !wanted.contains(*other)) {
        let ends = match shows(other) {
            Shows::Green { since } => (since + data.min_green).max(now),
            Shows::RedYellow { since } => since + data.red_yellow + data.min_green,
            Shows::Red { green_ended: Some(ended) } => ended,
            Shows::Red { green_ended: None } => continue,
        };
        for group in waiting.iter() {
            let intergreen = match junction.relation(other, group) {
                Relation::Conflict(Millis::NEVER) => return None,
                Relation::Conflict(intergreen) => intergreen.max(data.ending()),
                _ if matches!(junction.relation(group, other), Relation::Conflict(_)) => data.ending(),
                _ => continue,
            };
            at = at.max(ends + intergreen);
        }
    }
    Some(at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capabilities, ControllerId, GroupKind, SignalGroup};

    fn check(heads: [Shows; 2], expected_ms: i64) {
        let group = SignalGroup {
            kind: GroupKind::Vehicle,
            min_green: Millis(5_000),
            yellow: Millis(3_000),
            clearance: Millis::ZERO,
            red_yellow: Millis(1_000),
        };
        let conflict = Relation::Conflict(Millis(6_000));
        let junction = Junction {
            id: ControllerId(0),
            groups: &[group, group],
            relations: &[Relation::Compatible, conflict, conflict, Relation::Compatible],
            rows: &[],
            capabilities: Capabilities::NONE,
        };
        let now = Millis(100_000);
        let time = time_to_green(&junction, |group| heads[group.index()], GroupSet::of(GroupId(1)), now);
        assert_eq!(time, Some(Millis(expected_ms)), "{heads:?}");
    }

    #[test]
    fn the_wait_is_what_is_left_of_the_group_in_the_way_and_its_intergreen() {
        let red = Shows::Red { green_ended: None };
        check([red, Shows::Green { since: Millis(99_000) }], 0);
        check([red, red], 1_000);
        check([Shows::Green { since: Millis(100_000) }, red], 11_000);
        check([Shows::Green { since: Millis(50_000) }, red], 6_000);
        check([Shows::RedYellow { since: Millis(100_000) }, red], 12_000);
        check([Shows::Red { green_ended: Some(Millis(98_000)) }, red], 4_000);
        check([red, Shows::Red { green_ended: Some(Millis(99_500)) }], 3_500);
        check([red, Shows::RedYellow { since: Millis(99_400) }], 400);
        check([red, Shows::Green { since: Millis(100_700) }], 700);
    }
}
