//! How far the windows of two rows of one controller keep apart.

use clearway_network::Network;
use clearway_signals::{ControllerId, Junction, Millis, Relation, RequestRow, RowId};

/// No gap is needed: the windows may overlap.
const FREE: i64 = -1;

/// The gaps between all rows of all controllers, worked out once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gaps {
    /// Where each controller's table begins; one more at the end.
    first: Vec<usize>,
    /// Rows of each controller.
    rows: Vec<usize>,
    /// `gap[first[controller] + before * rows[controller] + after]`, milliseconds.
    gap: Vec<i64>,
}

impl Gaps {
    /// The gaps of a network.
    ///
    /// Rows conflict when a dwell group of one conflicts with one of the other. `changeover` is what
    /// different rows that do not conflict keep apart, where only one row of ours may be asserted at a
    /// time: the exit of the first and the reading of it. `None`: they may overlap. The same row may
    /// always: vehicles that follow each other share its green, and the call is handed on.
    #[must_use]
    pub fn new(network: &Network, changeover: Option<Millis>) -> Self {
        let mut gaps = Self { first: vec![0], rows: Vec::new(), gap: Vec::new() };
        for controller in &network.controllers {
            let junction = controller.junction();
            for (i, before) in junction.rows.iter().enumerate() {
                for (k, after) in junction.rows.iter().enumerate() {
                    let gap = between(&junction, before, after).or(changeover.filter(|_| i != k));
                    gaps.gap.push(gap.map_or(FREE, |gap| gap.0.max(0)));
                }
            }
            gaps.rows.push(junction.rows.len());
            gaps.first.push(gaps.gap.len());
        }
        gaps
    }

    /// Whether the controller exists and has the row.
    #[must_use]
    pub fn knows(&self, controller: ControllerId, row: RowId) -> bool {
        self.rows.get(controller.index()).is_some_and(|rows| row.index() < *rows)
    }

    /// Controllers of the network.
    pub(super) fn controllers(&self) -> usize {
        self.rows.len()
    }

    /// From the release of `before` until `after` can be green for sure; `None` when they may overlap.
    #[must_use]
    pub fn gap(&self, controller: ControllerId, before: RowId, after: RowId) -> Option<Millis> {
        if !self.knows(controller, before) || !self.knows(controller, after) {
            return None;
        }
        let at = controller.index();
        let gap = self.gap[self.first[at] + before.index() * self.rows[at] + after.index()];
        (gap != FREE).then_some(Millis(gap))
    }
}

/// Minimum green and intergreen of the slowest conflicting pair: a group that has just become green
/// when its row is released keeps both.
fn between(junction: &Junction<'_>, before: &RequestRow, after: &RequestRow) -> Option<Millis> {
    let mut slowest = None;
    for ending in before.dwell.iter() {
        let Some(group) = junction.groups.get(ending.index()) else { continue };
        for starting in after.dwell.iter().filter(|starting| junction.conflicts(ending, *starting)) {
            let Relation::Conflict(intergreen) = junction.relation(ending, starting) else {
                slowest = slowest.max(Some(group.min_green));
                continue;
            };
            slowest = slowest.max(Some(group.min_green + intergreen));
        }
    }
    slowest
}
