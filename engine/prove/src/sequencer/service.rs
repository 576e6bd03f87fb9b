//! Preemption: which row is served, from its entry through its dwell to its exit.
//!
//! A lower number takes over at any time. A service lasts its minimum duration and its minimum dwell
//! when its call goes, and never longer than its maximum presence. A call that had to wait for another
//! may outlive its maximum presence at any moment of its own service.

use super::mutation::{Rules, mutated};
use crate::site::{Row, Site};
use clearway_signals::RowKind;

/// Where the controller stands. Rows are indices into [`Site::preempts`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// After power-up: all red.
    Startup {
        /// Steps of red that are left.
        left: u16,
    },
    /// The plan runs.
    Idle {
        /// This row's service has ended at this very instant: calls of lower rank may be old.
        left: Option<u8>,
    },
    /// Groups end and start on the way to dwell.
    Entry {
        /// The row.
        row: u8,
        /// Steps since its entry began.
        age: u16,
        /// Its call had to wait for another.
        waited: bool,
    },
    /// The dwell groups are green.
    Dwell {
        /// The row.
        row: u8,
        /// Steps since its entry began.
        age: u16,
        /// Steps since its dwell began; stands still at the minimum.
        dwelt: u16,
        /// Its call had to wait for another.
        waited: bool,
    },
}

impl Service {
    /// The row that is served and for how long.
    #[must_use]
    pub fn active(self) -> Option<(u8, u16)> {
        match self {
            Self::Entry { row, age, .. } | Self::Dwell { row, age, .. } => Some((row, age)),
            Self::Startup { .. } | Self::Idle { .. } => None,
        }
    }

    /// Whether the call of the served row had to wait for another.
    pub(crate) fn waited(self) -> bool {
        matches!(self, Self::Entry { waited: true, .. } | Self::Dwell { waited: true, .. })
    }

    /// A row is ready to be served; what comes of it.
    #[must_use]
    pub(crate) fn called(self, site: &Site, rules: Rules, row: u8, waited: bool) -> Self {
        let begun = Self::Entry { row, age: 0, waited };
        match self {
            Self::Startup { .. } => self,
            Self::Idle { .. } => begun,
            Self::Entry { row: served, .. } | Self::Dwell { row: served, .. } => {
                let [new, old] = [row, served].map(|row| rank(rules, &site.preempts[usize::from(row)]));
                let wins = (new < old && !mutated!(rules, HigherDoesNotOverride))
                    || (new > old && mutated!(rules, LowerOverridesHigher));
                if wins { begun } else { self }
            }
        }
    }

    /// Whether the service ends when its call goes now.
    #[must_use]
    pub(crate) fn may_leave(self, site: &Site, rules: Rules) -> bool {
        match self {
            Self::Startup { .. } | Self::Idle { .. } => false,
            Self::Entry { waited, .. } => waited || self.must_leave(site, rules),
            Self::Dwell { row, age, dwelt, waited } => {
                let data = &site.preempts[usize::from(row)];
                let lasted = age >= data.min_duration || mutated!(rules, MinDurationSkipped);
                let dwelt = dwelt >= data.min_dwell || mutated!(rules, MinDwellSkipped);
                waited || (lasted && dwelt) || self.must_leave(site, rules)
            }
        }
    }

    /// Whether the service has lasted its maximum presence.
    #[must_use]
    pub(crate) fn must_leave(self, site: &Site, rules: Rules) -> bool {
        self.active().is_some_and(|(row, age)| {
            let limit = site.preempts[usize::from(row)].max_presence;
            limit > 0 && age >= limit && !mutated!(rules, PresenceIgnored)
        })
    }

    /// One step of time. A minimum that has been kept is kept: its clock stands still.
    #[must_use]
    pub(crate) fn aged(self, site: &Site) -> Self {
        let last = |row: &Row| if row.max_presence > 0 { row.max_presence + 1 } else { row.min_duration };
        let data = |row: u8| &site.preempts[usize::from(row)];
        match self {
            Self::Startup { left } => Self::Startup { left: left.saturating_sub(1) },
            Self::Idle { .. } => Self::Idle { left: None },
            Self::Entry { row, age, waited } => {
                let bound = last(data(row)).max(entry_clock_max(site));
                Self::Entry { row, age: (age + 1).min(bound), waited }
            }
            Self::Dwell { row, age, dwelt, waited } => {
                let age = (age + 1).min(last(data(row)).max(age));
                Self::Dwell { row, age, dwelt: (dwelt + 1).min(data(row).min_dwell), waited }
            }
        }
    }
}

/// An entry without a maximum presence is still timed as far as any lawful entry lasts.
fn entry_clock_max(site: &Site) -> u16 {
    let longest = site.groups.iter().map(|g| g.red_yellow + g.min_green + g.memory).max();
    longest.unwrap_or(0).saturating_mul(2)
}

fn rank(rules: Rules, row: &Row) -> u8 {
    if row.kind == RowKind::Rail && mutated!(rules, RailRanksLast) { u8::MAX } else { row.number }
}
