//! The signal heads and the interlock: which changes of the display are lawful, and when.
//!
//! Everything above wants a set of groups green. Each head runs out what it has begun; a green that is
//! no longer wanted ends after its minimum; a red that is wanted starts when every group that conflicts
//! with it has ended long enough ago.

use clearway_signals::{GroupId, GroupKind, GroupSet};

use super::mutation::{Rules, mutated};
use crate::display::Aspect;
use crate::site::{Group, Site};

/// One head: what it shows, and the clock that the next rule needs.
///
/// The clock counts steps since the aspect began; for red since the green ended. It stands still once
/// no rule compares it any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// What it shows.
    pub aspect: Aspect,
    /// Steps.
    pub clock: u16,
}

impl Head {
    /// Red, and nobody waits for it any more.
    pub(crate) const fn red(group: &Group) -> Self {
        Self { aspect: Aspect::Red, clock: group.memory }
    }
}

/// Why the interlock is driven; faults may depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The plan runs.
    Plan,
    /// A preempt row is on its way to dwell, or dwells.
    Entry,
}

/// One step of time for a head.
pub(crate) fn age(group: &Group, head: &mut Head) {
    let last = match head.aspect {
        Aspect::Red => group.memory,
        Aspect::Green => group.min_green,
        Aspect::RedYellow => group.red_yellow,
        Aspect::Yellow | Aspect::Clearance => group.ending,
        Aspect::Dark => 0,
    };
    head.clock = head.clock.saturating_add(1).min(last);
}

/// Run out what runs, end what is no longer wanted, start what is wanted and free.
pub(crate) fn drive(site: &Site, rules: Rules, heads: &mut [Head], wanted: GroupSet, cause: Cause) {
    for group in site.ids() {
        run_out(site, rules, &mut heads[group.index()], group, cause);
    }
    for group in site.ids() {
        let head = &mut heads[group.index()];
        let again =
            mutated!(rules, GreenAgainFromYellow) && head.aspect == Aspect::Yellow && wanted.contains(group);
        if again {
            *head = Head { aspect: Aspect::Green, clock: 0 };
        }
        let unwanted = head.aspect == Aspect::Green && !wanted.contains(group);
        if unwanted && may_end(rules, &site.groups[group.index()], *head, cause) {
            *head = ended(rules, &site.groups[group.index()]);
        }
    }
    for group in wanted.iter().filter(|group| group.index() < site.groups.len()) {
        if heads[group.index()].aspect == Aspect::Red && may_start(site, rules, heads, group, cause) {
            let shown = site.groups[group.index()].red_yellow > 0 && !mutated!(rules, RedYellowSkipped);
            let aspect = if shown { Aspect::RedYellow } else { Aspect::Green };
            heads[group.index()] = Head { aspect, clock: 0 };
        }
    }
}

fn run_out(site: &Site, rules: Rules, head: &mut Head, group: GroupId, cause: Cause) {
    let data = &site.groups[group.index()];
    let is_yellow = head.aspect == Aspect::Yellow;
    let cut = cause == Cause::Entry
        && ((is_yellow && mutated!(rules, EntryCutsYellow))
            || (head.aspect == Aspect::Clearance && mutated!(rules, EntryCutsClearance)));
    let early = (is_yellow && mutated!(rules, YellowShort))
        || (head.aspect == Aspect::Clearance && mutated!(rules, ClearanceShort));
    let ending = data.ending.saturating_sub(u16::from(early));
    let late = mutated!(rules, RedYellowLong) && head.clock == data.red_yellow;
    match head.aspect {
        Aspect::RedYellow if head.clock >= data.red_yellow && !late => {
            let counted = if mutated!(rules, MinGreenCountsRedYellow) { data.red_yellow } else { 0 };
            *head = Head { aspect: Aspect::Green, clock: counted };
        }
        // The clock of red goes on from the end of green, so that it still tells the intergreens.
        Aspect::Yellow | Aspect::Clearance if head.clock >= ending || cut => {
            if !(is_yellow && mutated!(rules, YellowNeverEnds)) {
                head.aspect = Aspect::Red;
            }
            if mutated!(rules, EndedForgottenAtRed) {
                head.clock = data.memory;
            }
        }
        _ => {}
    }
}

fn may_end(rules: Rules, group: &Group, head: Head, cause: Cause) -> bool {
    let walks = group.kind == GroupKind::Pedestrian;
    let entry = cause == Cause::Entry;
    let skipped = mutated!(rules, MinGreenSkipped)
        || (walks && mutated!(rules, MinWalkSkipped))
        || (entry && !walks && mutated!(rules, EntryCutsMinGreen))
        || (entry && walks && mutated!(rules, EntryCutsWalk));
    let kept = entry && mutated!(rules, EntryKeepsGreens);
    let short = u16::from(mutated!(rules, MinGreenShort));
    !kept && (skipped || head.clock >= group.min_green.saturating_sub(short))
}

fn ended(rules: Rules, group: &Group) -> Head {
    let walks = group.kind == GroupKind::Pedestrian;
    let skipped = (!walks && mutated!(rules, YellowSkipped)) || (walks && mutated!(rules, ClearanceSkipped));
    let aspect = match group.kind {
        _ if group.ending == 0 || skipped => Aspect::Red,
        GroupKind::Pedestrian if !mutated!(rules, ClearanceShownAsYellow) => Aspect::Clearance,
        _ => Aspect::Yellow,
    };
    Head { aspect, clock: 0 }
}

/// Would a green that follows a start now keep the own red and every intergreen?
fn may_start(site: &Site, rules: Rules, heads: &[Head], group: GroupId, cause: Cause) -> bool {
    let data = &site.groups[group.index()];
    if cause == Cause::Entry && mutated!(rules, EntryForcesGreen) {
        return true;
    }
    // Red counts from the end of yellow or clearance; the red-yellow before green is red, too.
    let own_red = heads[group.index()].clock + data.red_yellow;
    if own_red < data.ending + site.red_min && !mutated!(rules, RedMinSkipped) {
        return false;
    }
    let last = site.groups.len() - 1;
    site.conflicts[group.index()].iter().all(|other| {
        let kind = site.groups[other.index()].kind;
        let unchecked = (kind == GroupKind::Pedestrian && mutated!(rules, CrossingsUnchecked))
            || (kind == GroupKind::Tram && mutated!(rules, TramsUnchecked))
            || (other.index() == 0 && mutated!(rules, FirstGroupUnchecked))
            || (other.index() == last && mutated!(rules, LastGroupUnchecked));
        unchecked || is_clear(site, rules, heads[other.index()], other, group, cause)
    })
}

/// Has `other` ended so long ago that a start of `group` now keeps the intergreen?
fn is_clear(site: &Site, rules: Rules, head: Head, other: GroupId, group: GroupId, cause: Cause) -> bool {
    let skipped = mutated!(rules, IntergreenSkipped)
        || (cause == Cause::Entry && mutated!(rules, EntrySkipsIntergreen));
    let needed = if mutated!(rules, IntergreenTransposed) {
        site.intergreen(group, other)
    } else {
        let late = if mutated!(rules, IntergreenFromRed) { site.groups[other.index()].ending } else { 0 };
        let short = u16::from(mutated!(rules, IntergreenShort));
        (site.intergreen(other, group) + late).saturating_sub(short)
    };
    match head.aspect {
        Aspect::Green => mutated!(rules, ConflictsIgnored),
        Aspect::RedYellow => {
            mutated!(rules, ConflictsIgnored) || mutated!(rules, ConflictWithRedYellowIgnored)
        }
        Aspect::Yellow | Aspect::Clearance if mutated!(rules, ConflictWithEndingIgnored) => true,
        Aspect::Yellow | Aspect::Clearance if skipped => false,
        Aspect::Red if skipped => true,
        // Nobody remembers how long the head was dark.
        Aspect::Dark => false,
        Aspect::Red | Aspect::Yellow | Aspect::Clearance => {
            let after = site.groups[group.index()].red_yellow;
            head.clock + after >= needed
                || (head.aspect == Aspect::Red && head.clock >= memory(site, rules, other))
        }
    }
}

/// A head that has been red this long keeps nobody waiting.
fn memory(site: &Site, rules: Rules, group: GroupId) -> u16 {
    let data = &site.groups[group.index()];
    let late = if mutated!(rules, IntergreenFromRed) { u16::MAX } else { 0 };
    data.memory.max(late)
}
