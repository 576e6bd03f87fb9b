//! The mailbox of one controller: the newest command wins, at most one own row is wanted, and a
//! want dies with its lease.

use std::collections::VecDeque;

use clearway_certify::Action;
use clearway_signals::{ControllerId, Epoch, Millis, RequestId, RowId, RowKind, RowSet};

use crate::port::Dispatch;
use crate::site::Site;

/// A want is given up this long before its lease ends, so that no stall can send it late (C5).
pub const LEASE_GUARD: Millis = Millis(100);
/// Requests whose newest revision is remembered.
const RECENT_MAX: usize = 16;

/// Why a command is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Sent to the wrong adapter.
    #[error("the command is for another controller")]
    WrongController,
    /// The row is not ours, or the binding cannot carry it (S14).
    #[error("the row is not ours to write")]
    NotOurs,
    /// An engine that no longer holds the city (C4).
    #[error("the command is of an earlier epoch")]
    StaleEpoch,
    /// Older than what was taken before (C2).
    #[error("a newer revision of the request was taken before")]
    StaleRevision,
    /// Its lease has ended (C7).
    #[error("the command's lease has ended")]
    Expired,
    /// A transit row may not displace an emergency row (S13).
    #[error("an emergency row is held")]
    Outranked,
    /// The adapter is shutting down, or an operator has called for release of all.
    #[error("all rows are being released")]
    Closing,
    /// A release of a request whose row serves another request by now.
    #[error("the row serves another request")]
    Superseded,
}

/// What is wanted of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The row.
    pub row: RowId,
    /// The request that it belongs to.
    pub request: RequestId,
    /// When the vehicle is expected at the stop line.
    pub arrival: Millis,
    /// The end of the lease.
    pub expires: Millis,
    /// The stamp of the fix that caused the command.
    pub fix_ns: Option<u64>,
}

/// What a command changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// Known already (C1).
    Nothing,
    /// This is wanted now; the lease that it displaced, if any, was for another request.
    Wanted(Option<Lease>),
    /// The request is to be released.
    Released { row: RowId, request: RequestId, fix_ns: Option<u64> },
}

/// The mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    controller: ControllerId,
    own: RowSet,
    emergency: RowSet,
    epoch: Epoch,
    recent: VecDeque<(RequestId, u32)>,
    lease: Option<Lease>,
    /// The transit request that the controller ended last.
    ended: Option<RequestId>,
}

impl Mailbox {
    pub(crate) fn new(site: &Site) -> Self {
        let kind = |wanted: RowKind| {
            site.own_rows()
                .iter()
                .filter(|row| site.rows.get(row.index()).is_some_and(|r| r.kind == wanted))
                .fold(RowSet::EMPTY, RowSet::with)
        };
        Self {
            controller: site.controller,
            own: site.own_rows(),
            emergency: kind(RowKind::Emergency),
            epoch: Epoch(0),
            recent: VecDeque::with_capacity(RECENT_MAX),
            lease: None,
            ended: None,
        }
    }

    /// What is wanted now.
    pub(crate) fn lease(&self) -> Option<Lease> {
        self.lease
    }

    /// Give up what is wanted.
    pub(crate) fn drop_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// Give up what is wanted of a row, because the controller has ended it. A transit request that was
    /// ended is over, whatever is still sent of it; an emergency vehicle may ask again.
    pub(crate) fn end_lease(&mut self, row: RowId) -> Option<Lease> {
        let lease = self.lease.take_if(|lease| lease.row == row)?;
        if !self.emergency.contains(row) {
            self.ended = Some(lease.request);
        }
        Some(lease)
    }

    /// Give up what is wanted when its lease is about to end.
    pub(crate) fn expire(&mut self, now: Millis) -> Option<Lease> {
        self.lease.take_if(|lease| now + LEASE_GUARD >= lease.expires)
    }

    /// Take a command, or say why not.
    pub(crate) fn offer(&mut self, now: Millis, dispatch: &Dispatch) -> Result<Effect, Refusal> {
        let command = &dispatch.command;
        if command.controller() != self.controller {
            return Err(Refusal::WrongController);
        }
        if !self.own.contains(command.row()) {
            return Err(Refusal::NotOurs);
        }
        if command.epoch() < self.epoch {
            return Err(Refusal::StaleEpoch);
        }
        if command.epoch() > self.epoch {
            self.epoch = command.epoch();
            self.recent.clear();
            self.ended = None;
        }
        match self.newest(command.request()) {
            Some(taken) if command.revision() < taken => return Err(Refusal::StaleRevision),
            Some(taken) if command.revision() == taken => return Ok(Effect::Nothing),
            _ => {}
        }
        let fix_ns = dispatch.fix_ns;
        match command.action() {
            Action::Release => self.release(command.row(), command.request(), command.revision(), fix_ns),
            Action::Assert { .. } if self.ended == Some(command.request()) => Ok(Effect::Nothing),
            Action::Assert { arrival } => {
                let lease = Lease {
                    row: command.row(),
                    request: command.request(),
                    arrival,
                    expires: command.expires(),
                    fix_ns,
                };
                self.assert(now, lease, command.revision())
            }
        }
    }

    fn assert(&mut self, now: Millis, lease: Lease, revision: u32) -> Result<Effect, Refusal> {
        if now + LEASE_GUARD >= lease.expires {
            return Err(Refusal::Expired);
        }
        let held = self.lease.map(|held| held.row);
        let emergency_held = held.is_some_and(|row| self.emergency.contains(row));
        if emergency_held && !self.emergency.contains(lease.row) {
            return Err(Refusal::Outranked);
        }
        self.remember(lease.request, revision);
        let before = self.lease.replace(lease);
        Ok(Effect::Wanted(before.filter(|b| b.request != lease.request || b.row != lease.row)))
    }

    fn release(
        &mut self,
        row: RowId,
        request: RequestId,
        revision: u32,
        fix_ns: Option<u64>,
    ) -> Result<Effect, Refusal> {
        self.remember(request, revision);
        if self.lease.is_some_and(|held| held.row == row && held.request != request) {
            return Err(Refusal::Superseded);
        }
        self.lease.take_if(|held| held.request == request);
        Ok(Effect::Released { row, request, fix_ns })
    }

    fn newest(&self, request: RequestId) -> Option<u32> {
        self.recent.iter().find(|(known, _)| *known == request).map(|(_, revision)| *revision)
    }

    fn remember(&mut self, request: RequestId, revision: u32) {
        self.recent.retain(|(known, _)| *known != request);
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((request, revision));
    }
}

#[cfg(test)]
mod tests;
