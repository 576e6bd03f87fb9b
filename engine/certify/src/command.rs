//! Commands: leases that only a certified plan can give, and releases that are always allowed.

use clearway_signals::limits::RELEASE_CONFIRMED_MAX;
use clearway_signals::{ControllerId, Epoch, Junction, Millis, Owner, RequestId, RowId};

/// What a command does to its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Call the row, or keep calling it, until the lease ends.
    Assert {
        /// When the vehicle is expected at the stop line (priority channels pass it on).
        arrival: Millis,
    },
    /// Take the call back.
    Release,
}

/// One command to one controller. It carries its own end and dies there by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    pub(crate) controller: ControllerId,
    pub(crate) row: RowId,
    pub(crate) request: RequestId,
    pub(crate) revision: u32,
    pub(crate) epoch: Epoch,
    pub(crate) action: Action,
    pub(crate) expires: Millis,
}

impl Command {
    /// The controller.
    #[must_use]
    pub fn controller(&self) -> ControllerId {
        self.controller
    }

    /// The row.
    #[must_use]
    pub fn row(&self) -> RowId {
        self.row
    }

    /// The request it belongs to.
    #[must_use]
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// Grows with each refresh of the same request; the newest wins.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// The engine's lease under which it was made.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Assert or release.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Assert: the end of the lease; not sent after it. Release: when it must be confirmed.
    #[must_use]
    pub fn expires(&self) -> Millis {
        self.expires
    }

    /// Whether it asserts.
    #[must_use]
    pub fn is_assert(&self) -> bool {
        matches!(self.action, Action::Assert { .. })
    }
}

/// Take a call back: needs no certificate, for it is always safe. `None` for a row not ours (S14).
#[must_use]
pub fn release(
    junction: &Junction<'_>,
    row: RowId,
    request: RequestId,
    revision: u32,
    epoch: Epoch,
    now: Millis,
) -> Option<Command> {
    let ours = junction.row(row)?.owner == Owner::Ours;
    ours.then(|| Command {
        controller: junction.id,
        row,
        request,
        revision,
        epoch,
        action: Action::Release,
        expires: now + RELEASE_CONFIRMED_MAX,
    })
}
