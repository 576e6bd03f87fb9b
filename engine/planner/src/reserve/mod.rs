//! Network-wide reservations: several emergency vehicles, no two conflicting windows.
//!
//! Planning notes 4.6. A reservation is a window of time on a request row of a controller: from the
//! instant by which the row must be green until its release. Two reservations of one controller
//! conflict when their rows do and their windows, widened by intergreen and minimum green, overlap
//! ([`Gaps`]). Who goes first is decided for all controllers together: given an order for each
//! conflict, the times are difference constraints again (a job shop with release dates), their least
//! solution is the best, and delay at the destination is what is minimised.
//!
//! * first, vehicles are placed one after the other, each at its earliest around those before it
//!   (`serial`); the sequence is found by best insertion in the total order of [`Rank`] and improved
//!   by swaps;
//! * then branch and bound over the orders of conflicting pairs looks for less (`orders`, `exact`): it
//!   ends, and the plan is exact, for up to four vehicles in conflict and as a rule for more; otherwise
//!   the best plan so far stands when the budget ends.
//!
//! Vehicles that never meet in a conflict are planned apart. Everything is bounded, deterministic and
//! in integer milliseconds; once made, the book allocates nothing.

mod book;
mod exact;
mod gaps;
mod orders;
mod query;
mod serial;
mod wishes;

use clearway_certify::Class;
use clearway_signals::limits::{MISSIONS_MAX, ROUTE_SIGNALS_MAX};
use clearway_signals::{ControllerId, Millis, RowId, VehicleId};

pub use book::Reservations;
pub use gaps::Gaps;
pub use query::{Ahead, Blocked};
pub use wishes::Wishes;

/// Vehicles that reserve at once.
pub const BIDS_MAX: usize = MISSIONS_MAX;
/// Reservations of one vehicle.
pub const VISITS_MAX: usize = ROUTE_SIGNALS_MAX;
/// No time is further from the clock's zero than this, milliseconds (about 30 years).
pub const TIME_MAX_MS: i64 = 1_000_000_000_000;

/// The total order of vehicles: the smaller one goes first where nothing else decides (S11).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    /// Emergency vehicles before trams before buses.
    pub class: Class,
    /// The mission's priority, 0 the most urgent.
    pub priority: u8,
    /// Since when the mission is known.
    pub since: Millis,
    /// Decides what nothing before it does.
    pub vehicle: VehicleId,
}

impl Rank {
    /// Whether this vehicle may have a call of the other one taken back: by class, then by priority.
    /// Among equals nobody may, so that no two vehicles take a row from each other in turn.
    #[must_use]
    pub fn may_take_from(&self, other: &Self) -> bool {
        (self.class, self.priority) < (other.class, other.priority)
    }

    /// What a millisecond of this vehicle's delay counts: three times as much for each step of
    /// priority, over three steps; lower priorities all count one.
    #[must_use]
    pub fn weight(&self) -> i64 {
        [27, 9, 3].get(usize::from(self.priority)).copied().unwrap_or(1)
    }
}

/// What a vehicle wishes at one controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// The controller.
    pub controller: ControllerId,
    /// The row that serves the vehicle's path.
    pub row: RowId,
    /// When the row must be green at the earliest, with nobody else about.
    pub green_by: Millis,
    /// From then until the row is released.
    pub hold: Millis,
    /// From there to the next visit's `green_by`, at the quickest.
    pub travel: Millis,
    /// How far it has got.
    pub claim: Claim,
}

/// How far a visit has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Claim {
    /// Its row is not called yet.
    #[default]
    Wished,
    /// Its row was called, at `green_by`, and is held from then on. It goes first here, unless a more
    /// urgent vehicle (by class, then by the mission's priority) loses more by waiting for it.
    Called,
    /// Called, and the vehicle can no longer stop before the line: it goes first here, unless that is
    /// impossible.
    Passing,
}

/// A window on a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reservation {
    /// Whose.
    pub vehicle: VehicleId,
    /// Where.
    pub controller: ControllerId,
    /// Which row.
    pub row: RowId,
    /// Green by then; of a call that was made already, held from then on.
    pub from: Millis,
    /// Released then.
    pub until: Millis,
    /// How much later than wished.
    pub delay: Millis,
    /// Whether a call that was made already must be taken back for others.
    pub yields: bool,
}

/// What a plan costs, compared from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Cost {
    /// Calls that must be taken back for vehicles that are not more urgent.
    pub yields: i64,
    /// Weighted delay of emergency vehicles at their destinations, milliseconds.
    pub emergency: i64,
    /// Weighted delay of all others, milliseconds.
    pub others: i64,
}

impl Cost {
    /// More than any plan.
    const WORST: Self = Self { yields: i64::MAX, emergency: i64::MAX, others: i64::MAX };

    fn plus(self, other: Self) -> Self {
        Self {
            yields: self.yields.saturating_add(other.yields),
            emergency: self.emergency.saturating_add(other.emergency),
            others: self.others.saturating_add(other.others),
        }
    }
}

/// How much to search. What is in the book divides it: a node or a sequence takes as much time as there
/// are visits and conflicts, and the time is what is bounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// Nodes of the exact search, for all groups of vehicles together.
    pub nodes: u32,
    /// Sequences of vehicles that are tried before it, for all groups together.
    pub sequences: u32,
}

impl Default for Effort {
    fn default() -> Self {
        // Eight vehicles are exact within it, as a rule within a tenth.
        Self { nodes: 400, sequences: 100 }
    }
}

/// How a plan was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned {
    /// What it costs.
    pub cost: Cost,
    /// Whether no plan costs less.
    pub is_exact: bool,
    /// Nodes of the exact search.
    pub nodes: u32,
    /// Sequences tried.
    pub sequences: u32,
}

/// Why a vehicle's wishes cannot be taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// More vehicles, or more visits of one, than there is room for.
    #[error("more vehicles or visits than there is room for")]
    TooMany,
    /// A controller or row that the network does not have.
    #[error("controller {0:?} or its row does not exist")]
    Unknown(ControllerId),
    /// A time out of range, or a negative duration.
    #[error("a time is out of range")]
    BadTimes,
}

#[cfg(test)]
pub(crate) mod tests;
