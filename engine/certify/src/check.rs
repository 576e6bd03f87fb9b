//! The checks themselves.

use clearway_signals::limits::{LEASE_MAX, MAX_PRESENCE_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{
    Capabilities, Channel, ControllerId, Epoch, Junction, Millis, Owner, RequestId, RequestRow, RowId,
    RowKind,
};

use crate::plan::{Ask, CertifiedPlan, Class, Draft};
use crate::service::{Change, change, service};

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

impl Held {
    /// From when a row may be asked again: by then the slowest lawful service and its exit are over,
    /// whichever row outranks the other. `None` when that has no bound.
    #[must_use]
    pub fn over(&self, site: &Junction<'_>) -> Option<Millis> {
        Some(service(site, site.row(self.row)?, self.from, self.until)?.exit_by)
    }
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
    /// No bound can be given for entry or exit: an interval is missing, negative, cut or without end.
    UnboundedEntry(ControllerId),
    /// Times out of order, or the call would be released before its delay is over: never served.
    TimesOutOfOrder(ControllerId),
    /// The hold, or the row's minimum after the slowest entry, is longer than allowed (S7, S9).
    HoldTooLong(ControllerId),
    /// Another own request is called, served out or left in that time, by the slowest response.
    ControllerTaken(ControllerId),
}

/// Check a plan against the junctions' own data.
///
/// `junction` gives a controller's data, `held` the call of ours that stands or is reserved there; one
/// that was taken back is served out and left by the controller itself, and the next may be called.
/// A late green is delay and no danger: whether it comes in time decides what is promised
/// ([`crate::Service::green_by`]), not what is refused.
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
        if ask.wanted.is_empty() || !ask.wanted.is_subset(row.dwell) {
            return Err(Finding::PathNotServed(site.id));
        }
        let (own, held) = (ask.as_held(), held(ask.controller));
        // A call that stands already has stood since then: it is not begun, nor its hold counted, anew.
        let stands = held.filter(|held| (held.request, held.row) == (own.request, own.row));
        let begun_anew = stands.is_some_and(|held| own.from > held.from);
        if own.from < Millis::ZERO
            || own.until <= own.from + row.delay
            || ask.arrival < own.from
            || begun_anew
        {
            return Err(Finding::TimesOutOfOrder(site.id));
        }
        let change = change(&site, row)?;
        check_hold(&site, row, &own, &change)?;
        let earlier = draft.asks[..i].iter().filter(|other| other.controller == ask.controller);
        let mut others = earlier.map(Ask::as_held).chain(held.filter(|_| stands.is_none()));
        let is_after = |other: &Held| change.service(row, own.from, own.until).exit_by <= other.from;
        let is_before = |other: &Held| other.over(&site).is_some_and(|over| over <= own.from);
        if others.any(|other| !is_after(&other) && !is_before(&other)) {
            return Err(Finding::ControllerTaken(site.id));
        }
    }
    Ok(CertifiedPlan::of(draft, epoch))
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
    let mut rail = site.rows.iter().filter(|other| other.kind == RowKind::Rail && other.channel == channel);
    if rail.any(|rail| rail.number >= row.number) {
        return Err(Finding::OutranksRail(site.id));
    }
    Ok(())
}

/// Is the hold bounded, and may the controller's own limit cut it, or the row's minimum, short?
fn check_hold(site: &Junction<'_>, row: &RequestRow, own: &Held, change: &Change) -> Result<(), Finding> {
    let hold = own.until - own.from;
    let presence_on = row.max_presence > Millis::ZERO && row.max_presence <= MAX_PRESENCE_MAX;
    let outlives = || hold.max(change.least_service(row)) > row.max_presence;
    if hold > LEASE_MAX || (row.channel == Channel::Preempt && (!presence_on || outlives())) {
        return Err(Finding::HoldTooLong(site.id));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
