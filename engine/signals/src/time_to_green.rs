//! The exact time until a signal group can be green, from any state of the heads.
//!
//! Every group in the way is told to end now and nothing else starts. Each ends after its minimum green
//! (walk), then its intergreen to the wanted group runs; the wanted group keeps its own red after an
//! own green. Time to green is the longest of these waits (planning: T_T = max over groups in the way
//! of what is left of the minimum, plus the intergreen). The proof of the sequencer checks it against
//! every entry of every reference site.

use crate::ids::GroupId;
use crate::junction::{Junction, Relation};
use crate::units::Millis;

/// What a head shows, as far as it decides what may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shows {
    /// Green (walk).
    Green {
        /// Since then.
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

/// The head of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// What it shows.
    pub shows: Shows,
}

/// The exact time from `now` until `group` is green, when it is wanted from now on and everything that
/// conflicts with it is not. `heads` by group; `red_min`: red, red-yellow included, between two greens
/// of a group. `None` when the group or a head is not there, or a group conflicts with it without end.
#[must_use]
pub fn time_to_green(
    junction: &Junction<'_>,
    heads: &[Head],
    group: GroupId,
    now: Millis,
    red_min: Millis,
) -> Option<Millis> {
    let own = junction.groups.get(group.index())?;
    let mut at = match heads.get(group.index())?.shows {
        Shows::Green { .. } => return Some(Millis::ZERO),
        Shows::RedYellow { since } => return Some((since + own.red_yellow).since(now)),
        Shows::Red { green_ended: None } => now + own.red_yellow,
        Shows::Red { green_ended: Some(ended) } => {
            (ended + own.ending() + own.red_yellow.max(red_min)).max(now + own.red_yellow)
        }
    };
    for (other, data) in (0u8..).map(GroupId).zip(junction.groups) {
        if !junction.conflicts(other, group) {
            continue;
        }
        let ends = match heads.get(other.index())?.shows {
            Shows::Green { since } => (since + data.min_green).max(now),
            Shows::RedYellow { since } => since + data.red_yellow + data.min_green,
            Shows::Red { green_ended: Some(ended) } => ended,
            Shows::Red { green_ended: None } => continue,
        };
        let intergreen = match junction.relation(other, group) {
            Relation::Conflict(Millis::NEVER) => return None,
            Relation::Conflict(intergreen) => intergreen.max(data.ending()),
            Relation::Compatible | Relation::Permitted => data.ending(),
        };
        at = at.max(ends + intergreen);
    }
    Some(at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capabilities, ControllerId, GroupKind, SignalGroup};

    const RED_MIN: Millis = Millis(1_000);

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
        let heads = heads.map(|shows| Head { shows });
        let now = Millis(100_000);
        let time = time_to_green(&junction, &heads, GroupId(1), now, RED_MIN);
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
    }
}
