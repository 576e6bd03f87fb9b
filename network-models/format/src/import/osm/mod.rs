//! OpenStreetMap into a network model: the streets, tracks and lines are real, the controllers
//! are generated where the map is silent.
//!
//! The steps, one module each: read ([`data`]), directed segments (`streets`), links (`links`),
//! movements (`turns`), pruning (`prune`), tram lines (`lines`), controllers (`cluster`), all of these
//! together (`base`); then streams (`streams`), conflicts and intergreens (`conflict`), signal groups
//! (`junction`), what they need (`signals`), stages (`stages`), greens (`differences`, `timing`, `align`), the plan
//! of all that (`plan`), streets between controllers and protocols (`corridor`), common cycles
//! (`cycles`), offsets (`offsets`), request rows (`requests`), rows (`tables`, `transit`). Everything is sorted: one extract always gives the same model.

mod align;
mod base;
mod cluster;
mod conflict;
mod corridor;
mod cycles;
pub mod data;
mod differences;
mod geo;
mod junction;
mod lines;
mod links;
mod loops;
mod offsets;
mod plan;
mod profile;
mod prune;
mod report;
mod requests;
mod signals;
mod stages;
mod streams;
mod streets;
mod tables;
#[cfg(test)]
mod tests;
mod timing;
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
const NOTICE: &str = "The streets, tracks, stops and lines are real (OpenStreetMap), with defaults for \
    speeds, lanes and headways that it does not give; the signal controllers, their groups, intergreens, \
    plans, bindings and detectors are fictional: generated, not surveyed.";

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
            profile: profile.national.name.into(),
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
    let streets = corridor::streets(base, &controllers, profile);
    let design = |controller: &junction::Controller| {
        let signals = signals::Signals::of(controller, profile);
        let stages = plan::stages(&signals, profile);
        cycles::Design { signals, stages, mid_block: controller.mid_block }
    };
    let designs: Vec<cycles::Design> = controllers.iter().map(design).collect();
    let areas = corridor::areas(&streets, controllers.len(), profile.arterial_per_h);
    let timings = cycles::timings(&designs, &areas, profile);
    let align = |(design, timing): (&cycles::Design, timing::Timing)| align::aligned(&design.signals, timing);
    let timings: Vec<timing::Timing> = designs.iter().zip(timings).map(align).collect();
    let offsets = offsets::offsets(&controllers, &timings, &streets, profile);
    let protocols = corridor::protocols(&streets, controllers.len());
    let mut unserved_paths = 0;
    let mut equipped = Vec::new();
    for (n, controller) in controllers.into_iter().enumerate() {
        let plan = plan::Plan::of(&timings[n], &designs[n].signals, offsets[n]);
        let modbus = protocols[n];
        let (rows, unserved) = requests::rows(base, &controller, modbus);
        unserved_paths += unserved;
        equipped.push(Equipped { controller, plan, rows, modbus });
    }
    (equipped, unserved_paths)
}
