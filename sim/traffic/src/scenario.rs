//! Scenarios: what is simulated, as a TOML file. `docs/simulate.md` describes every field.
//!
//! [`Scenario::parse`] takes the file apart; [`Scenario::prepare`] puts it on a network and finds
//! everything that is wrong with it, all at once, with the place in the file.

mod generate;
mod prepare;

use std::ops::Range;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

pub use generate::generate;
pub use prepare::{Prepared, PreparedMission};

/// A scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// One sentence on what it shows.
    #[serde(default)]
    pub about: String,
    /// Simulated seconds that are measured, after the warm-up; 1 to 86400.
    #[schemars(with = "f64")]
    pub duration_s: Spanned<f64>,
    /// Simulated seconds before that, from an empty network; 0 to 86400.
    #[serde(default = "warm_up_default")]
    #[schemars(with = "f64")]
    pub warm_up_s: Spanned<f64>,
    /// The first seed.
    #[serde(default = "one")]
    pub seed: u64,
    /// Runs, each with the next seed; 1 to 1000.
    #[serde(default = "one_run")]
    pub runs: u16,
    /// Kinds of control that are compared, seed by seed.
    #[serde(default = "every_control")]
    pub controls: Vec<Control>,
    /// Where it happens.
    #[schemars(with = "NetworkSpec")]
    pub network: Spanned<NetworkSpec>,
    /// Which cars there are.
    #[serde(default)]
    pub demand: DemandSpec,
    /// How cars drive; the figures of the Highway Capacity Manual where nothing is said.
    #[serde(default)]
    pub drivers: Drivers,
    /// Whether the network's tram lines run by their timetable.
    #[serde(default = "yes")]
    pub trams: bool,
    /// Emergency vehicles, one by one.
    #[serde(default, rename = "mission")]
    #[schemars(with = "Vec<Mission>")]
    pub missions: Vec<Spanned<Mission>>,
    /// Emergency vehicles, drawn by lot.
    #[serde(default, rename = "fleet")]
    #[schemars(with = "Vec<FleetSpec>")]
    pub fleets: Vec<Spanned<FleetSpec>>,
    /// Lanes and links that are closed for a while.
    #[serde(default, rename = "incident")]
    #[schemars(with = "Vec<Incident>")]
    pub incidents: Vec<Spanned<Incident>>,
    /// Faults that are injected, as the fault simulation reads them.
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    pub faults: Option<toml::Table>,
    /// What is recorded for tables and pictures.
    #[serde(default)]
    pub measure: Measure,
}

fn warm_up_default() -> Spanned<f64> {
    Spanned::new(0..0, 600.0)
}

const fn one() -> u64 {
    1
}

const fn one_run() -> u16 {
    1
}

const fn yes() -> bool {
    true
}

fn every_control() -> Vec<Control> {
    vec![Control::None, Control::Local, Control::Clearway]
}

/// Who helps the emergency vehicles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Nobody: signals run their plans.
    None,
    /// Each signal by itself, when the vehicle is 300 m before it.
    Local,
    /// The engine.
    Clearway,
}

impl Control {
    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Local => "local",
            Self::Clearway => "clearway",
        }
    }
}

/// A network on disk, or one that is generated.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NetworkSpec {
    /// The folder of a model, relative to the scenario's file.
    Model(PathBuf),
    /// A street with signals in a row, and a cross street at each.
    Corridor(Corridor),
    /// A grid of streets with a signal at each crossing.
    Grid(Grid),
}

/// A generated corridor.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Corridor {
    /// Signals, 1 to 60.
    pub signals: u16,
    /// Metres between two of them, 60 to 2000.
    #[serde(default = "spacing_default")]
    pub spacing_m: f64,
    /// Lanes in each direction, 1 to 4.
    #[serde(default = "lanes_default")]
    pub lanes: u8,
    /// Cycle, seconds, 40 to 180.
    #[serde(default = "cycle_default")]
    pub cycle_s: u16,
}

/// A generated grid.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Streets from west to east, 1 to 120.
    pub rows: u16,
    /// Streets from south to north, 1 to 120.
    pub columns: u16,
    /// Metres between two crossings, 60 to 2000.
    #[serde(default = "spacing_default")]
    pub spacing_m: f64,
    /// Lanes in each direction, 1 to 4.
    #[serde(default = "lanes_default")]
    pub lanes: u8,
    /// Cycle, seconds, 40 to 180.
    #[serde(default = "cycle_default")]
    pub cycle_s: u16,
}

const fn spacing_default() -> f64 {
    250.0
}

const fn lanes_default() -> u8 {
    2
}

const fn cycle_default() -> u16 {
    80
}

/// Which cars there are. Without a list of flows the network's own streets suggest them.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DemandSpec {
    /// Scales every flow; 0 for empty streets.
    pub factor: f64,
    /// Highest share of an approach's capacity that the suggested flows ask for, 0.05 to 2.
    pub target_saturation: f64,
    /// Factor over time, joined by straight lines.
    pub profile: Vec<ProfilePoint>,
    /// Flows between two links.
    #[schemars(with = "Vec<OdFlow>")]
    pub od: Vec<Spanned<OdFlow>>,
    /// Flows into links, whose cars turn at each junction as they were counted.
    #[schemars(with = "Vec<Entry>")]
    pub entry: Vec<Spanned<Entry>>,
    /// Counted turns; the usual shares where nobody counted.
    #[schemars(with = "Vec<TurnCount>")]
    pub turn: Vec<Spanned<TurnCount>>,
    /// Cars that appear on every street, and turn likewise.
    pub everywhere: Option<Everywhere>,
    /// Mean links of a trip that turns, 1 to 400; it ends earlier where a street leaves the network.
    pub links_mean: u32,
    /// A CSV file of trips, relative to the scenario's file: `depart_s,links` with link ids and
    /// spaces; where two of them are not joined, the quickest way is taken.
    pub trips: Option<PathBuf>,
}

impl Default for DemandSpec {
    fn default() -> Self {
        Self {
            factor: 1.0,
            target_saturation: 0.7,
            profile: Vec::new(),
            od: Vec::new(),
            entry: Vec::new(),
            turn: Vec::new(),
            everywhere: None,
            links_mean: 200,
            trips: None,
        }
    }
}

/// A point of the profile.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePoint {
    /// Seconds from the start of the warm-up.
    pub at_s: f64,
    /// Factor on every flow, 0 to 10.
    pub factor: f64,
}

/// Cars from one link to another.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OdFlow {
    /// Link id.
    pub from: String,
    /// Link id.
    pub to: String,
    /// Cars an hour.
    pub per_h: f64,
}

/// Cars into a link.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Link id.
    pub link: String,
    /// Cars an hour.
    pub per_h: f64,
}

/// A counted turn.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnCount {
    /// Link id.
    pub from: String,
    /// Link id.
    pub to: String,
    /// Cars, in any unit that all turns of the same link share.
    pub count: f64,
}

/// Cars on every street.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Everywhere {
    /// Cars an hour that appear on each link that cars may use.
    pub per_link_h: f64,
}

/// How cars drive.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drivers {
    /// Saturation headway of through traffic, seconds, 1 to 5.
    pub headway_s: Option<f64>,
    /// Saturation headway of turning traffic, seconds, 1 to 5.
    pub headway_turn_s: Option<f64>,
    /// Start-up lost time of a queue, seconds, 0 to 6.
    pub start_up_s: Option<f64>,
    /// Yellow that is used as green, seconds, 0 to 6.
    pub yellow_used_s: Option<f64>,
    /// Acceleration from standstill, m/s², 0.5 to 6; without it delay ends at the stop line.
    pub acceleration_m_s2: Option<f64>,
    /// Standard deviation of free speeds, a share of the street's speed, 0 to 0.3.
    pub speed_sd: Option<f64>,
    /// Mean of free speeds, a share of the street's speed, 0.5 to 1.5.
    pub speed_mean: Option<f64>,
}

/// A place.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Place {
    /// On the globe: the nearest street within 60 m.
    Globe {
        /// Latitude, degrees.
        lat: f64,
        /// Longitude, degrees.
        lon: f64,
    },
    /// On a link.
    Link {
        /// Link id.
        link: String,
        /// Metres from its start.
        #[serde(default)]
        offset_m: f64,
    },
}

/// One emergency vehicle.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mission {
    /// What people call the vehicle.
    pub name: String,
    /// Where it starts.
    pub from: Place,
    /// Where it is wanted.
    pub to: Place,
    /// When it leaves: seconds from the end of the warm-up.
    pub leave_s: f64,
    /// Whether it drives through red where nobody helps it; else it stops like everyone.
    #[serde(default)]
    pub through_red: bool,
}

/// Emergency vehicles that start anywhere at any time.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FleetSpec {
    /// How many, 1 to 60.
    pub count: u16,
    /// They leave from here on: seconds from the end of the warm-up.
    #[serde(default)]
    pub from_s: f64,
    /// … until here.
    pub until_s: f64,
    /// Metres as the crow flies from start to goal, at least.
    #[serde(default = "distance_min_default")]
    pub distance_min_m: f64,
    /// … and at most.
    #[serde(default = "distance_max_default")]
    pub distance_max_m: f64,
}

const fn distance_min_default() -> f64 {
    1_500.0
}

const fn distance_max_default() -> f64 {
    4_000.0
}

/// A closure.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Link id.
    pub link: String,
    /// Lanes that are closed, from the right; the whole link without it.
    #[serde(default)]
    pub lanes: Option<u8>,
    /// Seconds from the end of the warm-up.
    pub from_s: f64,
    /// Seconds from the end of the warm-up.
    pub until_s: f64,
}

/// What is recorded.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Measure {
    /// Seconds between two points of a trajectory, 0.1 to 60.
    pub sample_s: f64,
    /// The mission whose way the time-space diagram shows, from 0.
    pub diagram_mission: u16,
    /// Approaches in the picture of delays, the worst first.
    pub approaches: u16,
}

impl Default for Measure {
    fn default() -> Self {
        Self { sample_s: 1.0, diagram_mission: 0, approaches: 24 }
    }
}

/// Something wrong with a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioFault {
    /// Where in the file, bytes.
    pub at: Range<usize>,
    /// What.
    pub what: String,
    /// How to mend it.
    pub cure: &'static str,
}

impl Scenario {
    /// Read a scenario.
    ///
    /// # Errors
    /// The first fault of syntax or type.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The JSON Schema of a scenario's file.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
