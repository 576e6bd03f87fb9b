//! What the tables say to each other: every rule that one cell alone cannot break.
//!
//! Each module below owns a subject and reports all it finds. Cells that are at fault already, and
//! tables that lost rows, prove nothing and are passed over, so that one slip gives few faults.

mod plans;
mod references;
mod requests;
mod rings;
mod roads;
mod signals;
mod transit;
pub(crate) mod traps;

use crate::fault::{Code, Faults};
use crate::index::Index;
use crate::model::Model;
use crate::parse::Places;
use crate::table::Row;

/// Check a model whose cells have been read.
pub(crate) fn check_tables(model: &Model, places: &Places, faults: &mut Faults) {
    let index = Index::of(model);
    let mut check = Check { index: &index, places, faults };
    references::check(&mut check);
    roads::check(&mut check);
    traps::check(&mut check);
    signals::check(&mut check);
    plans::check(&mut check);
    rings::check(&mut check);
    requests::check(&mut check);
    transit::check(&mut check);
}

/// What a check sees, and where it reports.
pub(crate) struct Check<'a, 'm> {
    pub(crate) index: &'a Index<'m>,
    places: &'a Places,
    faults: &'a mut Faults,
}

impl<'m> Check<'_, 'm> {
    /// The tables; they live longer than the check, so that it can report while it walks them.
    pub(crate) fn model(&self) -> &'m Model {
        self.index.model
    }

    /// Whether tables have all their rows, so that what is not found in them is not there.
    pub(crate) fn are_complete(&self, tables: &[&str]) -> bool {
        tables.iter().all(|table| self.places.is_complete(table))
    }

    /// Report a fault at a cell.
    pub(crate) fn fault<T: Row>(&mut self, row: usize, field: &str, code: Code, message: String) {
        let spot = self.places.spot(&T::TABLE, row, field);
        self.faults.add(&T::TABLE.file(), spot, code, message);
    }

    /// Whether a row has had no fault while it was read.
    pub(crate) fn is_good<T: Row>(&self, row: usize) -> bool {
        self.places.is_good(&T::TABLE, row)
    }

    /// Whether these cells of a row could be read.
    pub(crate) fn are_good<T: Row>(&self, row: usize, fields: &[&str]) -> bool {
        fields.iter().all(|field| self.places.is_cell_good(&T::TABLE, row, field))
    }
}
