//! Transit priority within the plan: green extension or early green. The plan's clock never stops.
//!
//! An extension holds the row's groups green up to ten seconds past their window, never so long that a
//! group that starts next loses its minimum green. An early green ends the groups in the way at their
//! minimum green; it is given only when no other group would be skipped. One grant, then one whole
//! cycle without.

use clearway_signals::{GroupId, GroupSet, Millis, RequestRow, RowId};

use super::heads::{Aspect, Heads};
use super::plan::Plan;

/// The longest green extension.
pub const EXTENSION_MAX: Millis = Millis(10_000);
/// The earliest an early green may begin before its window.
pub const EARLY_MAX: Millis = Millis(20_000);
/// A grant below this is not worth a disturbance.
const GAIN_MIN: Millis = Millis(1_000);
/// An early green is prepared when the vehicle is this near.
const EARLY_LEAD: Millis = Millis(15_000);

/// A priority request as the controller holds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriorityRequest {
    /// The transit row.
    pub row: RowId,
    /// Its level, 0 to 14.
    pub level: u8,
    /// When the vehicle is expected at the stop line.
    pub eta: Millis,
    /// When the request dies by itself.
    pub expires: Millis,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Grant {
    Extension {
        groups: GroupSet,
        until: Millis,
    },
    EarlyGreen {
        groups: GroupSet,
        until: Millis,
    },
    /// Rings favour the groups in their own way.
    Favour {
        until: Millis,
    },
}

/// Priority for groups instead of a row: for controllers that are asked by signal group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupPriority {
    /// The groups that the vehicle needs.
    pub groups: GroupSet,
    /// When the vehicle is expected at the stop line.
    pub eta: Millis,
}

/// The request that is held and the grant that runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Priority {
    request: Option<PriorityRequest>,
    by_group: Option<GroupPriority>,
    grant: Option<Grant>,
    granted_in_cycle: Option<i64>,
}

impl Priority {
    pub fn request(&self) -> Option<PriorityRequest> {
        self.request
    }

    pub fn set(&mut self, request: Option<PriorityRequest>) {
        self.request = request;
    }

    pub fn set_by_group(&mut self, wish: Option<GroupPriority>) {
        self.by_group = wish;
    }

    /// Another plan counts its cycles anew: what ran under the old one is over.
    pub fn start_over(&mut self) {
        self.grant = None;
        self.granted_in_cycle = None;
    }

    /// What is asked now: by group first, else by row.
    fn asked(&self, rows: &[RequestRow]) -> Option<GroupPriority> {
        self.by_group.or_else(|| {
            let request = self.request?;
            Some(GroupPriority { groups: rows.get(request.row.index())?.dwell, eta: request.eta })
        })
    }

    pub fn is_granted(&self) -> bool {
        self.grant.is_some()
    }

    /// Forget a grant: a preemption or another mode took the signals.
    pub fn abandon(&mut self) {
        self.grant = None;
    }

    pub fn expire(&mut self, now: Millis) {
        self.request = self.request.filter(|request| request.expires > now);
    }

    /// Bend what the plan wants; whether a new grant was given.
    pub fn bend(
        &mut self,
        wanted: &mut GroupSet,
        rows: &[RequestRow],
        plan: &Plan,
        heads: &Heads,
        now: Millis,
    ) -> bool {
        let asked = self.asked(rows);
        self.finish(asked, now);
        let cycle = plan.cycle_number(now);
        let mut new = false;
        if self.may_grant(cycle) {
            self.grant = asked.and_then(|GroupPriority { groups, eta }| {
                extension(groups, *wanted, eta, plan, heads, now)
                    .or_else(|| early_green(groups, eta, plan, heads, now))
            });
            if self.grant.is_some() {
                self.granted_in_cycle = Some(cycle);
                new = true;
            }
        }
        match self.grant {
            Some(Grant::Extension { groups, .. }) => *wanted = wanted.union(groups),
            Some(Grant::EarlyGreen { groups, .. }) => {
                *wanted = wanted.difference(heads.conflicts_of(groups)).union(groups);
            }
            Some(Grant::Favour { .. }) | None => {}
        }
        new
    }

    /// The same for rings: what they favour now, and whether that is a new grant.
    pub fn favour(&mut self, rows: &[RequestRow], plan: &Plan, now: Millis) -> (Option<GroupPriority>, bool) {
        let asked = self.asked(rows).filter(|asked| !asked.groups.is_empty());
        self.finish(asked, now);
        let cycle = plan.cycle_number(now);
        let near = asked.filter(|asked| asked.eta <= now + EARLY_LEAD);
        let new = near.is_some() && self.may_grant(cycle);
        if let (true, Some(asked)) = (new, near) {
            self.grant = Some(Grant::Favour { until: asked.eta.max(now) + EXTENSION_MAX });
            self.granted_in_cycle = Some(cycle);
        }
        (asked.filter(|_| self.is_granted()), new)
    }

    fn may_grant(&self, cycle: i64) -> bool {
        self.grant.is_none() && self.granted_in_cycle.is_none_or(|last| cycle >= last + 2)
    }

    /// An extension ends with its request; an early green runs on to the window that it anticipates.
    fn finish(&mut self, asked: Option<GroupPriority>, now: Millis) {
        self.grant = self.grant.filter(|grant| match grant {
            Grant::Extension { until, .. } | Grant::Favour { until } => now < *until && asked.is_some(),
            Grant::EarlyGreen { until, .. } => now < *until,
        });
    }
}

/// When the plan is about to end the groups and the vehicle can make it within what the next groups can
/// spare.
fn extension(
    groups: GroupSet,
    wanted: GroupSet,
    eta: Millis,
    plan: &Plan,
    heads: &Heads,
    now: Millis,
) -> Option<Grant> {
    let green = groups.intersection(heads.showing(&[Aspect::Green]));
    if green != groups || green.is_subset(wanted) {
        return None;
    }
    let mut spare = EXTENSION_MAX;
    for held in groups.iter() {
        for next in heads.conflicts_of(GroupSet::of(held)).iter() {
            spare = spare.min(spare_of(next, held, plan, heads, now));
        }
    }
    (spare >= GAIN_MIN && eta <= now + spare).then_some(Grant::Extension { groups, until: now + spare })
}

/// How long `held` may stay green before `next` would lose its minimum green in its coming window.
fn spare_of(next: GroupId, held: GroupId, plan: &Plan, heads: &Heads, now: Millis) -> Millis {
    let (wait, length) = match plan.left(next, now) {
        Millis::ZERO => match plan.until_start(next, now) {
            Some(wait) => (wait, plan.left(next, now + wait)),
            None => return EXTENSION_MAX,
        },
        left => (Millis::ZERO, left),
    };
    wait + length - heads.group(next).min_green - heads.intergreen(held, next)
}

/// When the row's window is near, the vehicle nearer, and nobody would be skipped.
fn early_green(groups: GroupSet, eta: Millis, plan: &Plan, heads: &Heads, now: Millis) -> Option<Grant> {
    let moving = heads.showing(&[Aspect::Green, Aspect::RedYellow]);
    if groups.is_empty() || !groups.intersection(moving).is_empty() {
        return None;
    }
    let starts = groups.iter().map(|group| plan.until_start(group, now));
    let wait = starts.collect::<Option<Vec<Millis>>>()?.into_iter().max()?;
    let in_window = groups.iter().any(|group| plan.left(group, now) > Millis::ZERO);
    if in_window || wait > EARLY_MAX || eta >= now + wait || eta - now > EARLY_LEAD {
        return None;
    }
    let in_the_way = heads.conflicts_of(groups);
    let skips = in_the_way.iter().any(|group| {
        let due = plan.until_start(group, now).is_some_and(|start| start < wait);
        let late = plan.left(group, now) > Millis::ZERO && !moving.contains(group);
        due || late
    });
    let earliest = groups.iter().map(|group| heads.earliest_green(group, now)).max()?;
    (!skips && earliest + GAIN_MIN <= now + wait).then_some(Grant::EarlyGreen { groups, until: now + wait })
}
