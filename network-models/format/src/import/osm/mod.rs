//! OpenStreetMap into a network model: the streets, tracks and lines are real, the controllers
//! are generated where the map is silent.
//!
//! The steps, one module each: read ([`data`]), directed segments (`streets`), links (`links`),
//! movements (`turns`), pruning (`prune`), tram lines (`lines`), controllers (`cluster`), all of these
//! together (`base`); then streams (`streams`), conflicts and intergreens (`conflict`), signal groups
//! (`junction`), stages and plan (`plan`), request rows (`requests`), offsets and protocols
//! (`corridor`), rows (`tables`, `transit`). Everything is sorted: one extract always gives the same model.

mod base;
mod cluster;
mod conflict;
mod corridor;
pub mod data;
mod geo;
mod junction;
mod lines;
mod links;
mod plan;
mod profile;
mod prune;
mod report;
mod requests;
mod streams;
mod streets;
mod tables;
#[cfg(test)]
mod tests;
mod transit;
mod turns;
mod walking;

use std::io::Read;

use crate::model::{Meta, Model};
pub use data::OsmData;
pub use profile::{FI_DEFAULT, Profile};
pub use report::ImportReport;
use tables::Equipped;

/// How to import.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// The model's name.
    pub name: String,
    /// Defaults for what the map does not say.
    pub profile: Profile,
}

impl Options {
    /// A name, and the defaults of a Finnish city.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), profile: FI_DEFAULT }
    }
}

/// What keeps an extract from being imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not a readable PBF file.
    #[error("not a readable OpenStreetMap PBF file: {0}")]
    Pbf(#[from] osmpbf::Error),
    /// More elements than one import reads.
    #[error("the extract holds more than {0} nodes and ways; cut it smaller")]
    TooLarge(usize),
    /// Nothing to drive on.
    #[error("the extract holds no street that leads in and out of it")]
    Empty,
}

/// Said in every model that is made here.
const NOTICE: &str = "The streets, tracks, stops and lines are real (OpenStreetMap); the signal controllers, \
    their groups, intergreens, plans, bindings and detectors are fictional: generated, not surveyed.";

/// Import a PBF extract.
///
/// # Errors
/// When it cannot be read, is too large, or holds nothing to drive on.
pub fn import(pbf: impl Read + Send, options: &Options) -> Result<(Model, ImportReport), ImportError> {
    build(&data::read_pbf(pbf)?, options)
}

/// Build a model from an extract in memory.
///
/// # Errors
/// When it holds nothing to drive on.
pub fn build(data: &OsmData, options: &Options) -> Result<(Model, ImportReport), ImportError> {
    let profile = &options.profile;
    let base = base::build(data, profile)?;
    let (equipped, unserved_paths) = equip(data, &base, profile);
    let mut model = Model {
        meta: Meta {
            format_version: 1,
            name: options.name.clone(),
            notice: NOTICE.into(),
            license: "ODbL-1.0".into(),
            attribution: "© OpenStreetMap contributors".into(),
            crs: "EPSG:4326".into(),
            units: "si".into(),
            profile: profile.name.into(),
        },
        ..Model::default()
    };
    tables::streets(&mut model, &base, &equipped);
    let ids = tables::link_ids(&base.links);
    for (n, controller) in equipped.iter().enumerate() {
        tables::controller(&mut model, &base, &ids, n, controller, profile);
    }
    transit::rows(&mut model, &base, profile);
    let report = ImportReport::of(data, &base, &model, unserved_paths);
    Ok((model, report))
}

/// Generate what each controller needs, and count the paths that no request row could serve.
fn equip(data: &OsmData, base: &base::Base, profile: &Profile) -> (Vec<Equipped>, usize) {
    let reader = streams::Reader::new(base, data, profile);
    let controllers: Vec<junction::Controller> = base
        .clusters
        .iter()
        .filter_map(|cluster| junction::controller(base, &reader, cluster, profile))
        .collect();
    let plans: Vec<plan::Plan> = controllers.iter().map(|c| plan::plan(c, profile)).collect();
    let cycles_s: Vec<u32> = plans.iter().map(|plan| plan.cycle_s).collect();
    let places = corridor::places(base, &controllers, &cycles_s, profile);
    let mut unserved_paths = 0;
    let mut equipped = Vec::new();
    for ((controller, plan), place) in controllers.into_iter().zip(plans).zip(places) {
        let (rows, unserved) = requests::rows(base, &controller, place.modbus);
        unserved_paths += unserved;
        equipped.push(Equipped { controller, plan, rows, place });
    }
    (equipped, unserved_paths)
}
