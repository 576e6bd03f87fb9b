//! What a controller may do with a call: bounds that hold for each of its lawful responses.
//!
//! `call → delay, tick → entry → slowest change → dwell → release, minimums → exit → intergreens → over`
//!
//! Whatever a group shows when entry or exit begins, it keeps it for its minimum, and no interval is cut.
//! A row of higher rank may take the controller at any time: it keeps the same intervals, and only
//! `dwell_by` and what follows it no longer bind.

use clearway_signals::limits::{GROUPS_MAX, LEASE_MAX};
use clearway_signals::{Channel, GroupId, Junction, Millis, Relation, RequestRow, SignalGroup};

use crate::check::Finding;

/// Controllers work in steps of this length: so long may an input go unseen.
const TICK: Millis = Millis(100);
/// A group that has ended shows red for at least this long before it returns.
const RED_MIN: Millis = Millis(1_000);

/// When a call is served, by the fastest and by the slowest lawful response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Service {
    /// Neither entry nor dwell begins sooner: the dwell groups may be green already.
    pub entry_from: Millis,
    /// Entry has begun by then.
    pub entry_by: Millis,
    /// Every dwell group is green by then. `None` on a priority channel, which promises nothing.
    pub dwell_by: Option<Millis>,
    /// The row is left by then: released, its minimum duration and minimum dwell over.
    pub served_until: Millis,
    /// By then every dwell group that the plan ends has ended, and each of its intergreens is over.
    pub exit_by: Millis,
}

impl Service {
    /// From when green is certain for a call that stands until `until`, unless a higher row takes the
    /// controller. `None`: no promise, for the call may be over before the slowest entry is.
    #[must_use]
    pub fn green_by(&self, until: Millis) -> Option<Millis> {
        self.dwell_by.filter(|dwell_by| *dwell_by < until)
    }
}

/// The service of a row that is called at `from` and released at `until`, when no own service before it
/// is still running out. `None` when it has no bound.
#[must_use]
pub fn service(site: &Junction<'_>, row: &RequestRow, from: Millis, until: Millis) -> Option<Service> {
    Some(change(site, row).ok()?.service(row, from, until))
}

/// The longest lawful time from the call until every dwell group may start its green.
///
/// Every group that conflicts with a dwell group may just have begun its red-yellow: it keeps that and
/// its whole minimum green (walk), then the intergreen to each dwell group, which holds its yellow or
/// clearance. A dwell group that was just ended keeps its own yellow, then its red or red-yellow,
/// before it can return. The controller sees the call at its next tick.
/// `None` when an interval is missing, negative or without end, or dwell groups conflict.
#[must_use]
pub fn worst_case_entry(site: &Junction<'_>, row: &RequestRow) -> Option<Millis> {
    Some(row.delay + TICK + change(site, row).ok()?.entry)
}

/// The slowest lawful changes into and out of a row's dwell groups.
#[derive(Clone, Copy, Default)]
pub(crate) struct Change {
    /// From the start of entry until every dwell group is green.
    entry: Millis,
    /// The longest minimum green of a dwell group.
    green: Millis,
    /// From the end of a dwell group's green until the last of its intergreens is over.
    exit: Millis,
}

/// The changes of a row, or what forbids them; bare integers in the inner loop, for its speed.
pub(crate) fn change(site: &Junction<'_>, row: &RequestRow) -> Result<Change, Finding> {
    let (n, unbounded) = (site.groups.len(), Err(Finding::UnboundedEntry(site.id)));
    let all = |g: &SignalGroup| are_intervals(g.min_green.0 | g.yellow.0 | g.clearance.0 | g.red_yellow.0);
    let own = are_intervals(row.delay.0 | row.min_duration.0 | row.min_dwell.0);
    if n > GROUPS_MAX || site.relations.len() != n * n || !own || !site.groups.iter().all(all) {
        return unbounded;
    }
    let mut worst = Change::default();
    for d in row.dwell.iter().map(GroupId::index) {
        let Some(dwell) = site.groups.get(d) else { return unbounded };
        worst.entry = worst.entry.max(dwell.ending() + dwell.red_yellow.max(RED_MIN));
        worst.green = worst.green.max(dwell.min_green);
        worst.exit = worst.exit.max(dwell.ending());
        let (ending, red_yellow) = (dwell.ending().0, dwell.red_yellow.0);
        let (leaving, into) = (&site.relations[d * n..(d + 1) * n], site.relations[d..].iter().step_by(n));
        for (g, ((group, leaving), into)) in site.groups.iter().zip(leaving).zip(into).enumerate() {
            let (into, leaving) = match (into, leaving) {
                (Relation::Conflict(into), Relation::Conflict(leaving)) if g != d => (into.0, leaving.0),
                (Relation::Conflict(_), _) | (_, Relation::Conflict(_)) if g != d => return unbounded,
                _ => continue,
            };
            if row.dwell.0 >> g & 1 == 1 {
                return Err(Finding::DwellConflict(site.id));
            }
            if into < group.ending().0 || leaving < ending || !are_intervals(into | leaving) {
                return unbounded;
            }
            let entry = group.red_yellow.0 + group.min_green.0 + into.max(red_yellow);
            worst.entry.0 = Ord::max(worst.entry.0, entry);
            worst.exit.0 = Ord::max(worst.exit.0, leaving);
        }
    }
    if worst.entry <= LEASE_MAX && worst.exit <= LEASE_MAX { Ok(worst) } else { unbounded }
}

/// Whether a controller can have these times, all their bits in one: not negative, two minutes or so.
const fn are_intervals(bits: i64) -> bool {
    bits & !((1 << 17) - 1) == 0
}

impl Change {
    /// The least that a served call lasts by the slowest response, from the call on.
    pub fn least_service(&self, row: &RequestRow) -> Millis {
        let entry = if row.channel == Channel::Preempt { self.entry } else { Millis::ZERO };
        row.delay + TICK + row.min_duration.max(entry + row.min_dwell)
    }

    /// The service of a call that stands from `from` until `until`.
    pub fn service(&self, row: &RequestRow, from: Millis, until: Millis) -> Service {
        let entry_from = from + row.delay;
        let entry_by = entry_from + TICK;
        let dwell_by = (row.channel == Channel::Preempt).then_some(entry_by + self.entry);
        let served_until = (until + TICK).max(from + self.least_service(row));
        let green_until = dwell_by.map_or(served_until, |dwell_by| served_until.max(dwell_by + self.green));
        Service { entry_from, entry_by, dwell_by, served_until, exit_by: green_until + self.exit }
    }
}
