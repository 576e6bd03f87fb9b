//! The checks themselves.

use clearway_signals::limits::{LEASE_MAX, MAX_PRESENCE_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{
    Capabilities, Channel, ControllerId, Epoch, GroupId, Junction, Millis, Owner, Relation, RequestId,
    RequestRow, RowId, RowKind,
};

use crate::plan::{Ask, CertifiedPlan, Class, Draft};

/// Controllers work in steps of this length.
const TICK: Millis = Millis(100);
/// A group that has ended shows red for at least this long before it returns.
const RED_MIN: Millis = Millis(1_000);

/// A row of ours that is asserted, or reserved, for another request at the moment of the check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// The request that holds it.
    pub request: RequestId,
    /// The row.
    pub row: RowId,
    /// From when it is held.
    pub from: Millis,
    /// Until when it is held at the latest.
    pub until: Millis,
}

/// Why a plan is refused: the first thing found, with the controller where it was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The plan asks for more controllers than a route may have.
    TooManyRequests,
    /// The model has no such controller.
    UnknownController(ControllerId),
    /// The controller has no such row.
    UnknownRow(ControllerId),
    /// The row belongs to somebody else (S14).
    NotOurs(ControllerId),
    /// The row is for another class of vehicle (S13).
    WrongClass(ControllerId),
    /// The binding cannot carry such a request.
    NotCapable(ControllerId),
    /// A rail row of the controller ranks below the row that is asked for (N5).
    OutranksRail(ControllerId),
    /// The groups that the vehicle needs are not all among the dwell groups.
    PathNotServed(ControllerId),
    /// Two dwell groups conflict.
    DwellConflict(ControllerId),
    /// No bound can be given for the entry: an interval is negative or without end.
    UnboundedEntry(ControllerId),
    /// Times out of order, or the call would be released before the controller must serve it.
    TimesOutOfOrder(ControllerId),
    /// The hold is longer than the lease limit or the row's maximum presence (S7, S9).
    HoldTooLong(ControllerId),
    /// Another own request holds the controller in that time, or its exit is not over.
    ControllerTaken(ControllerId),
}

/// Check a plan against the junctions' own data.
///
/// `junction` gives a controller's data, `held` what other requests hold or reserve there.
///
/// # Errors
/// The first [`Finding`]; the plan must not be used then.
pub fn certify<'a>(
    draft: &Draft<'_>,
    epoch: Epoch,
    junction: impl Fn(ControllerId) -> Option<Junction<'a>>,
    held: impl Fn(ControllerId) -> Option<Held>,
) -> Result<CertifiedPlan, Finding> {
    if draft.asks.len() > ROUTE_SIGNALS_MAX {
        return Err(Finding::TooManyRequests);
    }
    for (i, ask) in draft.asks.iter().enumerate() {
        let site = junction(ask.controller).ok_or(Finding::UnknownController(ask.controller))?;
        let row = site.row(ask.row).ok_or(Finding::UnknownRow(ask.controller))?;
        check_right(&site, row, draft.class)?;
        check_groups(&site, row, ask)?;
        check_times(&site, row, ask)?;
        check_free(&site, ask, &draft.asks[..i], held(ask.controller))?;
    }
    let filler = Ask {
        controller: ControllerId(0),
        row: RowId(0),
        request: RequestId(0),
        wanted: clearway_signals::GroupSet::EMPTY,
        assert_at: Millis::NEVER,
        arrival: Millis::NEVER,
        release_at: Millis::ZERO,
    };
    let mut asks = [filler; ROUTE_SIGNALS_MAX];
    asks[..draft.asks.len()].copy_from_slice(draft.asks);
    Ok(CertifiedPlan { class: draft.class, epoch, asks, len: draft.asks.len() })
}

/// May this class ask for this row at all, and can the binding carry it?
fn check_right(site: &Junction<'_>, row: &RequestRow, class: Class) -> Result<(), Finding> {
    if row.owner != Owner::Ours {
        return Err(Finding::NotOurs(site.id));
    }
    let (kind, channel, needs) = match class {
        Class::Emergency => (RowKind::Emergency, Channel::Preempt, Capabilities::PREEMPT),
        Class::Tram | Class::Bus => (RowKind::Transit, Channel::Priority, Capabilities::PRIORITY),
    };
    if row.kind != kind || row.channel != channel {
        return Err(Finding::WrongClass(site.id));
    }
    if !site.capabilities.allows(needs) {
        return Err(Finding::NotCapable(site.id));
    }
    let outranks_rail = site
        .rows
        .iter()
        .any(|other| other.kind == RowKind::Rail && other.channel == channel && other.number >= row.number);
    if outranks_rail {
        return Err(Finding::OutranksRail(site.id));
    }
    Ok(())
}

/// Does the dwell serve the whole path, and is it free of conflict?
fn check_groups(site: &Junction<'_>, row: &RequestRow, ask: &Ask) -> Result<(), Finding> {
    if ask.wanted.is_empty() || !ask.wanted.is_subset(row.dwell) {
        return Err(Finding::PathNotServed(site.id));
    }
    for a in row.dwell.iter() {
        if row.dwell.iter().any(|b| site.conflicts(a, b)) {
            return Err(Finding::DwellConflict(site.id));
        }
    }
    Ok(())
}

/// Is every hold bounded, and does it outlast the slowest lawful entry and the row's own minimum?
fn check_times(site: &Junction<'_>, row: &RequestRow, ask: &Ask) -> Result<(), Finding> {
    if worst_case_entry(site, row).is_none() {
        return Err(Finding::UnboundedEntry(site.id));
    }
    if ask.assert_at < Millis::ZERO || ask.release_at <= ask.assert_at || ask.arrival < ask.assert_at {
        return Err(Finding::TimesOutOfOrder(site.id));
    }
    let bound = row.max_presence.min(LEASE_MAX);
    let presence_on = row.max_presence > Millis::ZERO && row.max_presence <= MAX_PRESENCE_MAX;
    if row.channel == Channel::Preempt && (!presence_on || ask.release_at - ask.assert_at > bound) {
        return Err(Finding::HoldTooLong(site.id));
    }
    if ask.release_at - ask.assert_at > LEASE_MAX {
        return Err(Finding::HoldTooLong(site.id));
    }
    Ok(())
}

/// Is the controller free of our other requests for that time, their minimum service included?
fn check_free(site: &Junction<'_>, ask: &Ask, earlier: &[Ask], held: Option<Held>) -> Result<(), Finding> {
    let served_out = |row: RowId, from: Millis, until: Millis| {
        let least = site.row(row).map_or(Millis::ZERO, |r| r.delay + r.min_duration.max(r.min_dwell));
        until.max(from + least)
    };
    let overlaps = |row: RowId, from: Millis, until: Millis| {
        ask.assert_at < served_out(row, from, until)
            && from < served_out(ask.row, ask.assert_at, ask.release_at)
    };
    let by_own = earlier.iter().any(|other| {
        other.controller == ask.controller && overlaps(other.row, other.assert_at, other.release_at)
    });
    let by_other = held.is_some_and(|h| h.request != ask.request && overlaps(h.row, h.from, h.until));
    if by_own || by_other { Err(Finding::ControllerTaken(site.id)) } else { Ok(()) }
}

/// The longest lawful time from the call until every dwell group may start its green.
///
/// Every group that conflicts with a dwell group may just have begun its red-yellow: it keeps that and
/// its whole minimum green (walk), then the intergreen to each dwell group, which holds its yellow or
/// clearance. A dwell group that was just ended keeps its own yellow, then its red or red-yellow,
/// before it can return. The controller sees the call at its next tick.
/// `None` when a needed interval is negative or unbounded.
#[must_use]
pub fn worst_case_entry(site: &Junction<'_>, row: &RequestRow) -> Option<Millis> {
    let mut worst = Millis::ZERO;
    for starting in row.dwell.iter() {
        for (index, ending) in site.groups.iter().enumerate() {
            let ending_id = GroupId(u8::try_from(index).ok()?);
            if ending_id == starting {
                worst = worst.max(ending.ending() + ending.red_yellow.max(RED_MIN));
                continue;
            }
            if let Relation::Conflict(intergreen) = site.relation(ending_id, starting) {
                if intergreen < ending.ending() || intergreen > LEASE_MAX || ending.min_green < Millis::ZERO {
                    return None;
                }
                worst = worst.max(ending.red_yellow + ending.min_green + intergreen);
            }
        }
    }
    Some(row.delay + TICK + worst)
}

#[cfg(test)]
mod tests;
