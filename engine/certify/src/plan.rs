//! What is to be certified, and what comes out.

use clearway_signals::limits::{LEASE_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{ControllerId, Epoch, GroupSet, Millis, RequestId, RowId};

use crate::check::Held;
use crate::command::{Action, Command};

/// On whose behalf a plan asks. Decides which kind of row it may use (invariant S13).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Class {
    /// An emergency vehicle on an active mission.
    Emergency,
    /// A tram.
    Tram,
    /// A bus.
    Bus,
}

/// One request of a plan: this row of this controller, from then until then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ask {
    /// The controller.
    pub controller: ControllerId,
    /// The row.
    pub row: RowId,
    /// The request it belongs to.
    pub request: RequestId,
    /// The groups that the vehicle's path through the controller needs green.
    pub wanted: GroupSet,
    /// When the row is to be asserted.
    pub assert_at: Millis,
    /// When the vehicle is expected at the stop line.
    pub arrival: Millis,
    /// When the row is released at the latest.
    pub release_at: Millis,
}

impl Ask {
    /// What the request keeps from others once it stands.
    pub(crate) fn as_held(&self) -> Held {
        Held { request: self.request, row: self.row, from: self.assert_at, until: self.release_at }
    }
}

/// A plan before certification: all that one vehicle asks for.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// On whose behalf.
    pub class: Class,
    /// The requests, in the order of the route.
    pub asks: &'a [Ask],
}

/// A plan that the checker has passed. Only [`crate::certify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct CertifiedPlan {
    class: Class,
    epoch: Epoch,
    asks: [Ask; ROUTE_SIGNALS_MAX],
    len: usize,
}

impl CertifiedPlan {
    /// A draft that was passed; no longer than a plan can be.
    pub(crate) fn of(draft: &Draft<'_>, epoch: Epoch) -> Self {
        let mut asks = [Ask::default(); ROUTE_SIGNALS_MAX];
        asks[..draft.asks.len()].copy_from_slice(draft.asks);
        Self { class: draft.class, epoch, asks, len: draft.asks.len() }
    }

    /// On whose behalf the plan asks.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The certified requests, in the order of the route.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        &self.asks[..self.len]
    }

    /// The command that asserts, or refreshes, request `index` now, as a lease until `lease_end`.
    ///
    /// `None` before the request's time, after it, or when there is no such request. The lease
    /// never reaches past the certified release, nor past the limit of S7.
    #[must_use]
    pub fn assert(&self, index: usize, revision: u32, now: Millis, lease_end: Millis) -> Option<Command> {
        let ask = self.asks().get(index)?;
        let expires = lease_end.min(ask.release_at).min(now + LEASE_MAX);
        (now >= ask.assert_at && now < expires).then_some(Command {
            controller: ask.controller,
            row: ask.row,
            request: ask.request,
            revision,
            epoch: self.epoch,
            action: Action::Assert { arrival: ask.arrival },
            expires,
        })
    }
}
