//! What the keeper asks of a protocol, and what it gets for an answer.

use clearway_signals::{ControllerStatus, Millis, RequestState, RowId, RowSet};

use crate::gate::GateReading;

/// One instant, twice: milliseconds for deadlines, nanoseconds of the same clock for stamps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Now {
    /// For deadlines.
    pub at: Millis,
    /// For stamps of latency.
    pub ns: u64,
}

/// The call that a write makes or refreshes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The row.
    pub row: RowId,
    /// Until the vehicle is expected at the stop line, never negative.
    pub arrival_in: Millis,
}

/// One write: the state that our rows shall have after it.
///
/// Only the keeper makes one, and only under the gate's rules: a call needs a valid
/// [`crate::ArmedController`], a clearance needs an identified controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Write {
    pub(crate) call: Option<Call>,
    pub(crate) clear: RowSet,
    pub(crate) time_to_live: Millis,
}

impl Write {
    /// The row that is called after this write; every other row of ours is not.
    #[must_use]
    pub fn call(&self) -> Option<Call> {
        self.call
    }

    /// Rows that are to be cleared, for protocols that write row by row.
    #[must_use]
    pub fn clear(&self) -> RowSet {
        self.clear
    }

    /// For how long the device may believe this write, for protocols that say so; never past the
    /// end of the lease.
    #[must_use]
    pub fn time_to_live(&self) -> Millis {
        self.time_to_live
    }
}

/// What the keeper wants done now. One ask is outstanding at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Drop the connection, if there is one, and open a new one.
    Connect,
    /// Read everything that the arming gate judges.
    Gate,
    /// Read mode, groups, preemption and our rows.
    Status,
    /// Read the detectors.
    Counts,
    /// Write.
    Write(Write),
}

/// One reading of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StatusReading {
    /// The state; `controller`, `at` and `asserted` are filled in by the keeper.
    pub status: ControllerStatus,
    /// The rows of the site that the device holds called by remote request, ours or not.
    pub calls: RowSet,
    /// Rows whose call outlived its maximum presence and counts no more until it goes off.
    pub outlived: RowSet,
    /// A row whose request the controller has ended by itself since the reading before, and how: a
    /// final state. Protocols that tell of rows alone leave it empty.
    pub ended: Option<(RowId, RequestState)>,
    /// Whether the reading shows the effect of our last write (an echo fits, where there is one).
    pub current: bool,
    /// Time since the device started, where it says so: a smaller value than before is a restart.
    pub uptime: Option<Millis>,
}

/// What came of an ask.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A connection stands.
    Connected,
    /// What the gate judges.
    Gate(Box<GateReading>),
    /// A status reading.
    Status(StatusReading),
    /// For each detector of the site: vehicles since the reading before, and occupied now.
    Counts(Vec<u16>, Vec<bool>),
    /// The device accepted the write; when the bytes left, nanoseconds of the stamp clock.
    Written(u64),
    /// The device answered and refused; the reason for people.
    Refused(String),
    /// No usable answer: timeout, broken connection, nonsense. What happened at the device is not
    /// known.
    Failed(String),
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Do this, then call `answer`.
    Ask(Ask),
    /// Nothing to do before this time, unless a command comes.
    Wait(Millis),
}
