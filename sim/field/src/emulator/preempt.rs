//! The preemption sequence of NTCIP 1202: entry, dwell, exit; precedence of rows; own memory of states.
//!
//! Entry ends every group that is not a dwell group, each after its minimum green and with its full
//! yellow or pedestrian clearance (the interlock sees to that), and starts the dwell groups as they
//! become free. A lower row number takes over at any time, through the same interlock.

use clearway_signals::{Channel, GroupSet, Millis, PreemptState, RequestRow, RowId};

use super::calls::Calls;

/// Exit is over after this time even when the plan has not yet taken every group over.
const EXIT_MAX: Millis = Millis(60_000);
/// An entry that does not reach its dwell in this time is given up when its call is off.
const ENTRY_MAX: Millis = Millis(120_000);

/// Where the unit stands in the sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Sequence {
    /// The plan runs.
    #[default]
    Idle,
    /// Groups end and start on the way to dwell.
    Entry { row: RowId, started: Millis },
    /// The dwell groups are green.
    Dwell { row: RowId, started: Millis, dwelling: Millis },
    /// On the way back to the plan.
    Exit { row: RowId, started: Millis },
}

/// What a tick did to the sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Started,
    /// After a preemption that began then.
    Exited {
        started: Millis,
    },
}

impl Sequence {
    /// The row in entry or dwell.
    pub fn active(self) -> Option<RowId> {
        self.active_since().map(|(row, _)| row)
    }

    fn active_since(self) -> Option<(RowId, Millis)> {
        match self {
            Self::Entry { row, started } | Self::Dwell { row, started, .. } => Some((row, started)),
            Self::Idle | Self::Exit { .. } => None,
        }
    }

    /// The groups that the active row wants green.
    pub fn wanted(self, rows: &[RequestRow]) -> Option<GroupSet> {
        rows.get(self.active()?.index()).map(|row| row.dwell)
    }

    /// Decide by the calls, before the heads move.
    ///
    /// A row that was active for its maximum presence is given up, even when its call flickered
    /// meanwhile and so looks younger.
    pub fn decide(&mut self, rows: &[RequestRow], calls: &mut Calls, now: Millis) -> Option<Change> {
        if let Some((row, started)) = self.active_since() {
            let limit = rows[row.index()].max_presence;
            if limit > Millis::ZERO && now - started >= limit {
                calls.spend(row);
                *self = Self::Exit { row, started: now };
                return Some(Change::Exited { started });
            }
        }
        let best = best_ready(rows, calls, now);
        let Some(active) = self.active() else {
            let row = best?;
            *self = Self::Entry { row, started: now };
            return Some(Change::Started);
        };
        let served = &rows[active.index()];
        if let Some(better) = best.filter(|best| rows[best.index()].number < served.number) {
            *self = Self::Entry { row: better, started: now };
            return Some(Change::Started);
        }
        let called = calls.is_ready(active, Millis::ZERO, now);
        let (_, started) = self.active_since()?;
        if calls.is_spent(active) || (!called && self.served_out(served, now)) {
            *self = Self::Exit { row: active, started: now };
            return Some(Change::Exited { started });
        }
        None
    }

    /// Note what the heads reached: all dwell groups green, or the plan's greens only.
    pub fn arrive(&mut self, rows: &[RequestRow], greens: GroupSet, rejoined: bool, now: Millis) {
        match *self {
            Self::Entry { row, started } if rows[row.index()].dwell.is_subset(greens) => {
                *self = Self::Dwell { row, started, dwelling: now };
            }
            Self::Exit { started, .. } if rejoined || now - started >= EXIT_MAX => *self = Self::Idle,
            _ => {}
        }
    }

    /// The state that the row shows.
    pub fn state_of(self, row: RowId, calls: &Calls) -> PreemptState {
        match self {
            Self::Entry { row: active, .. } if active == row => PreemptState::EntryStarted,
            Self::Dwell { row: active, .. } if active == row => PreemptState::Dwell,
            Self::Exit { row: left, .. } if left == row => PreemptState::ExitStarted,
            _ if calls.is_spent(row) => PreemptState::MaxPresence,
            _ if calls.is_on(row) => PreemptState::NotActiveWithCall,
            _ => PreemptState::NotActive,
        }
    }

    /// A preempt that has begun lasts its minimum duration and its minimum dwell.
    fn served_out(self, row: &RequestRow, now: Millis) -> bool {
        match self {
            Self::Dwell { started, dwelling, .. } => {
                now - started >= row.min_duration && now - dwelling >= row.min_dwell
            }
            Self::Entry { started, .. } => now - started >= ENTRY_MAX,
            Self::Idle | Self::Exit { .. } => true,
        }
    }
}

/// The ready row with the lowest number. Memory is non-locking: a call that went away in its delay is gone.
fn best_ready(rows: &[RequestRow], calls: &Calls, now: Millis) -> Option<RowId> {
    (0u8..)
        .zip(rows)
        .filter(|(id, row)| row.channel == Channel::Preempt && calls.is_ready(RowId(*id), row.delay, now))
        .min_by_key(|(_, row)| row.number)
        .map(|(id, _)| RowId(id))
}
