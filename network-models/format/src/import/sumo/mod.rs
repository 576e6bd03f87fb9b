//! SUMO into a network model: streets, lanes, connections and signal programs of a `.net.xml`, and the
//! vehicles of a `.sumocfg` as a list of trips for `clearway simulate`.
//!
//! What is taken: edges for cars, buses and trams (`net`), connections with their lanes as movements,
//! programs with fixed phases as controllers (`signals`), vehicles, trips and flows (`routes`). An
//! actuated program runs its phases at their stated durations. What is left out: pedestrian and bicycle
//! ways, crossings, rail signals, stops, and request rows, about which SUMO says nothing.

mod net;
mod routes;
mod signals;
mod tables;
#[cfg(test)]
mod tests;
mod xml;

use std::path::{Path, PathBuf};

use crate::model::Model;

/// What was imported.
#[derive(Clone, PartialEq, Debug)]
pub struct Imported {
    /// The model.
    pub model: Model,
    /// The vehicles: `depart_s,links,vehicle`, in order of departure.
    pub trips_csv: String,
    /// A scenario that runs them for `clearway simulate`.
    pub scenario_toml: String,
    /// What was left out, in words.
    pub left_out: Vec<String>,
}

/// What keeps a scenario from being imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no XML.
    #[error("{} is no XML: {source}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// Why.
        source: quick_xml::Error,
    },
    /// A file is larger than one import reads.
    #[error("{} is larger than {} MiB", path.display(), xml::BYTES_MAX >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The configuration names no network.
    #[error("{} names no net-file", .0.display())]
    NoNetwork(PathBuf),
    /// Nothing to drive on.
    #[error("{} holds no edge for cars, buses or trams", .0.display())]
    Empty(PathBuf),
}

/// The files of a scenario.
#[derive(Clone, PartialEq, Debug, Default)]
struct Sources {
    net: PathBuf,
    routes: Vec<PathBuf>,
    additional: Vec<PathBuf>,
    begin_s: f64,
    end_s: Option<f64>,
}

/// Import a `.sumocfg`, or a `.net.xml` alone; either may be compressed by gzip.
///
/// # Errors
/// A file that cannot be read, or nothing to drive on.
pub fn import(source: &Path, name: &str) -> Result<Imported, ImportError> {
    let sources = sources(source)?;
    let mut net = net::read(&sources.net)?;
    for file in &sources.additional {
        signals::read_programs(file, &mut net.programs)?;
    }
    if net.edges.is_empty() {
        return Err(ImportError::Empty(sources.net));
    }
    let mut left_out = Vec::new();
    let controllers = signals::controllers(&net, sources.begin_s, &mut left_out);
    let model = tables::model(&net, &controllers, name);
    let files = sources.additional.iter().chain(&sources.routes);
    let trips = routes::read(files, &net, sources.begin_s, sources.end_s, &mut left_out)?;
    let duration_s = sources.end_s.map(|end| end - sources.begin_s);
    Ok(Imported {
        model,
        scenario_toml: scenario(name, duration_s, !trips.is_empty()),
        trips_csv: csv(&trips),
        left_out,
    })
}

fn sources(source: &Path) -> Result<Sources, ImportError> {
    if !source.to_string_lossy().ends_with(".sumocfg") {
        return Ok(Sources { net: source.to_owned(), ..Sources::default() });
    }
    let folder = source.parent().unwrap_or(Path::new(""));
    let mut sources = Sources::default();
    let files = |list: &str| -> Vec<PathBuf> {
        list.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| folder.join(part)).collect()
    };
    xml::read(source, |element| {
        let value = element.get("value").unwrap_or_default();
        match element.name.as_str() {
            "net-file" => sources.net = folder.join(value),
            "route-files" => sources.routes = files(value),
            "additional-files" => sources.additional = files(value),
            "begin" => sources.begin_s = value.parse().unwrap_or(0.0),
            "end" => sources.end_s = value.parse().ok().filter(|end| *end > 0.0),
            _ => {}
        }
    })?;
    if sources.net.as_os_str().is_empty() {
        Err(ImportError::NoNetwork(source.to_owned()))
    } else {
        Ok(sources)
    }
}

fn csv(trips: &[routes::Trip]) -> String {
    let mut text = String::from("depart_s,links,vehicle\n");
    for trip in trips {
        text.push_str(&format!("{:.2},{},{}\n", trip.depart_s, trip.edges.join(" "), trip.vehicle));
    }
    text
}

/// SUMO's default drivers: headway from τ 1 s, gap 2.5 m and length 5 m at town speed; the first over
/// the line 2.1 s after green; acceleration 2.6 m/s²; speeds spread by a tenth.
fn scenario(name: &str, duration_s: Option<f64>, has_trips: bool) -> String {
    let demand =
        if has_trips { "[demand]\ntrips = \"trips.csv\"\n" } else { "[demand]\ntarget_saturation = 0.7\n" };
    format!(
        "name = \"{name}\"\nabout = \"Imported from SUMO.\"\nduration_s = {:.0}\nwarm_up_s = 0\n\
         controls = [\"none\"]\ntrams = false\nnetwork.model = \".\"\n\n{demand}\n\
         [drivers]\nheadway_s = 1.93\nstart_up_s = 0.7\nyellow_used_s = 1.5\nacceleration_m_s2 = 2.6\nspeed_sd = 0.1\n",
        duration_s.unwrap_or(3_600.0)
    )
}
