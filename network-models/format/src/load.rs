//! Reading, checking and loading a model's folder.

use std::path::Path;

use clearway_network::Network;

use crate::check::check_tables;
use crate::compile::compile;
use crate::excerpt;
use crate::fault::{Code, Faults, Report};
use crate::meta;
use crate::model::Model;
use crate::parse::{Places, read_table};
use crate::schema::each_table;

/// A model that has passed every check, and the network compiled from it.
#[derive(Debug)]
pub struct Loaded {
    /// The compiled network.
    pub network: Network,
    /// The tables.
    pub model: Model,
}

/// Read a model without checking what its tables say to each other.
///
/// # Errors
/// Everything that is wrong with the files, their headers and cells.
pub fn read(dir: &Path) -> Result<Model, Report> {
    let mut faults = Faults::default();
    let (model, places) = read_tables(dir, &mut faults);
    if faults.is_empty() { Ok(model) } else { Err(finish(dir, faults, &places)) }
}

/// Everything that is wrong with a model; an empty report when nothing is.
#[must_use]
pub fn check(dir: &Path) -> Report {
    match load(dir) {
        Ok(_) => Report::default(),
        Err(report) => report,
    }
}

/// Read, check and compile a model.
///
/// # Errors
/// Everything that is wrong with it, as [`check`] gives it.
pub fn load(dir: &Path) -> Result<Loaded, Report> {
    let mut faults = Faults::default();
    let (model, places) = read_tables(dir, &mut faults);
    check_tables(&model, &places, &mut faults);
    if !faults.is_empty() {
        return Err(finish(dir, faults, &places));
    }
    match compile(&model) {
        Ok(network) => Ok(Loaded { network, model }),
        Err(error) => {
            faults.add(meta::FILE, (1, 1), Code::DoesNotCompile, error.to_string());
            Err(finish(dir, faults, &places))
        }
    }
}

impl Model {
    /// Everything that is wrong with a model in memory, as far as its tables contradict each
    /// other; places are those that [`crate::write`] would give the rows, columns are 1.
    #[must_use]
    pub fn check(&self) -> Report {
        let mut faults = Faults::default();
        meta::check(&self.meta, &mut faults);
        check_tables(self, &Places::default(), &mut faults);
        faults.into_report(false)
    }
}

fn read_tables(dir: &Path, faults: &mut Faults) -> (Model, Places) {
    let mut places = Places::default();
    let mut model = Model { meta: meta::read(dir, faults), ..Model::default() };
    macro_rules! read_each {
        ($($member:ident: $row:ident),* $(,)?) => {
            $(model.$member = read_table(dir, &mut places, faults);)*
        };
    }
    each_table!(read_each);
    (model, places)
}

fn finish(dir: &Path, faults: Faults, places: &Places) -> Report {
    let mut report = faults.into_report(places.is_any_lost());
    excerpt::fill(dir, &mut report.faults);
    report
}
