//! `clearway plan`: a way through a model, what would be asked of every signal on it, and a certificate
//! of that which anybody can check again.

mod certificate;
mod report;
mod svg;
mod way;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clearway_network::{Controller, LinkId, Network, Uses};
use clearway_planner::closures::Closures;
use clearway_planner::outlook::{Journey, Outlook, outlook};
use clearway_planner::route::ALTERNATIVES_MAX;
use clearway_signals::{ControllerId, GeoPoint, Millis};
use miette::{Diagnostic, IntoDiagnostic, Result, WrapErr};

use super::{Exit, load_model};
use certificate::Certificate;
use way::Way;

#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The network model; with --verify: another folder than the certificate names.
    #[arg(long, required_unless_present = "verify")]
    pub network: Option<PathBuf>,
    /// Where the vehicle stands.
    #[arg(long, value_name = "LAT,LON", value_parser = place, required_unless_present = "verify", allow_hyphen_values = true)]
    pub from: Option<GeoPoint>,
    /// Where it is to go.
    #[arg(long, value_name = "LAT,LON", value_parser = place, required_unless_present = "verify", allow_hyphen_values = true)]
    pub to: Option<GeoPoint>,
    /// What drives: decides which links it may use, and whether signals are asked at all.
    #[arg(long, value_enum, default_value_t = VehicleKind::Fire)]
    pub class: VehicleKind,
    /// When it leaves: time of the day, midnight being zero of the controllers' plans.
    #[arg(long, value_name = "HH:MM[:SS]", value_parser = time_of_day, default_value = "12:00:00")]
    pub at: Millis,
    /// So many ways, if there are so many that differ.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=ALTERNATIVES_MAX as i64))]
    pub alternatives: u8,
    /// Links that cannot be passed, by the model's ids, separated by commas.
    #[arg(long, value_name = "LINK", value_delimiter = ',')]
    pub close: Vec<String>,
    /// Controllers that are not armed, by the model's ids, separated by commas.
    #[arg(long, value_name = "CONTROLLER", value_delimiter = ',')]
    pub unarmed: Vec<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Draw the quickest way and its signals over time into this file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write the certificate of the quickest way into this file.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Check a certificate again instead.
    #[arg(long, value_name = "CERTIFICATE", conflicts_with_all = ["from", "to", "svg", "certificate", "close", "unarmed"])]
    pub verify: Option<PathBuf>,
}

/// A class of vehicles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VehicleKind {
    /// A fire engine.
    Fire,
    /// An ambulance.
    Ambulance,
    /// A police car.
    Police,
    /// A bus: its lanes, no requests.
    Bus,
    /// A tram: its tracks, no requests.
    Tram,
    /// Anybody's car.
    Car,
}

impl VehicleKind {
    /// The links and movements that it may use.
    const fn uses(self) -> Uses {
        match self {
            Self::Fire | Self::Ambulance | Self::Police => Uses::CAR.union(Uses::EMERGENCY),
            Self::Bus => Uses::BUS,
            Self::Tram => Uses::TRAM,
            Self::Car => Uses::CAR,
        }
    }

    /// Whether emergency rows are asked for it.
    const fn is_emergency(self) -> bool {
        matches!(self, Self::Fire | Self::Ambulance | Self::Police)
    }

    /// The word of the command line.
    const fn word(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Ambulance => "ambulance",
            Self::Police => "police",
            Self::Bus => "bus",
            Self::Tram => "tram",
            Self::Car => "car",
        }
    }
}

/// What keeps a way from being planned.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum PlanError {
    #[error(
        "{which} {lat:.6},{lon:.6} lies {distance_m:.0} m from the nearest link that class {class} may use"
    )]
    #[diagnostic(
        code(plan::off_the_network),
        help("give a place within {max_m:.0} m of a street of the model; the nearest is {nearest}")
    )]
    OffTheNetwork {
        which: &'static str,
        lat: f64,
        lon: f64,
        distance_m: f32,
        class: &'static str,
        max_m: f32,
        nearest: String,
    },
    #[error("class {0} may use no link of this model")]
    #[diagnostic(
        code(plan::no_link_for_class),
        help("look at `allowed_uses` in the model's link.csv, or give another --class")
    )]
    NoLinkForClass(&'static str),
    #[error("no lawful way leads from {from} to {to} for class {class}")]
    #[diagnostic(
        code(plan::no_way),
        help(
            "streets may be one-way, turns forbidden or links closed: try the other side of the street, another --class, or fewer --close"
        )
    )]
    NoWay { from: String, to: String, class: &'static str },
    #[error("the model has no {kind} {name:?}")]
    #[diagnostic(code(plan::unknown_id), help("ids stand in the first column of the model's {table}"))]
    UnknownId { kind: &'static str, name: String, table: &'static str },
    #[error("class {0} asks no signal: there is nothing to certify")]
    #[diagnostic(code(plan::nothing_to_certify), help("give --class fire, ambulance or police"))]
    NothingToCertify(&'static str),
}

/// A way with what is planned on it.
struct Planned {
    way: Way,
    /// Emergency vehicles only.
    outlook: Option<Outlook>,
}

impl Planned {
    /// When the destination is reached: by the promises where there are any.
    fn arrives(&self) -> Millis {
        self.outlook.as_ref().map_or(self.way.arrives, |outlook| outlook.arrives)
    }
}

/// Plan and print, or check a certificate.
pub fn run(args: &PlanArgs) -> Result<Exit> {
    if let Some(file) = &args.verify {
        return verify(file, args.network.as_deref(), args.json);
    }
    let (Some(dir), Some(from), Some(to)) = (&args.network, args.from, args.to) else {
        return Ok(Exit::Failed);
    };
    let Some(loaded) = load_model(dir) else { return Ok(Exit::ModelInvalid) };
    let network = &loaded.network;
    if args.certificate.is_some() && !args.class.is_emergency() {
        return Err(PlanError::NothingToCertify(args.class.word()).into());
    }
    let closures = closed(network, &args.close)?;
    let unarmed = unarmed(network, &args.unarmed)?;
    let armed = |id: ControllerId| !unarmed.contains(&id);
    let trip = way::Trip { class: args.class, from, to, depart: args.at, closures: &closures };
    let ways = way::find(network, &trip, armed, usize::from(args.alternatives))?;
    let mut planned: Vec<Planned> = ways.into_iter().map(|way| plan(network, args, way, armed)).collect();
    planned.sort_by_key(Planned::arrives);
    let Some(best) = planned.first() else { return Ok(Exit::Failed) };
    if let Some(file) = &args.svg {
        write(file, &svg::draw(network, args.at, best))?;
    }
    if let (Some(file), Some(outlook)) = (&args.certificate, &best.outlook) {
        let certificate = Certificate::of(network, dir, args, outlook)?;
        write(file, &(serde_json::to_string_pretty(&certificate).into_diagnostic()? + "\n"))?;
    }
    let report = report::Report::of(network, args, &planned);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).into_diagnostic()?);
    } else {
        report.print();
    }
    Ok(Exit::Ok)
}

fn plan(network: &Network, args: &PlanArgs, way: Way, armed: impl Fn(ControllerId) -> bool) -> Planned {
    let journey = Journey { way: &way.links, from_mm: way.from_mm, to_mm: way.to_mm, depart: args.at };
    let outlook = args.class.is_emergency().then(|| outlook(network, &journey, armed));
    Planned { way, outlook }
}

fn verify(file: &Path, dir: Option<&Path>, json: bool) -> Result<Exit> {
    let certificate = Certificate::read(file)?;
    let dir = dir.map_or_else(|| certificate.dir(), Path::to_path_buf);
    let Some(loaded) = load_model(&dir) else { return Ok(Exit::ModelInvalid) };
    let reasons = certificate.check(&loaded.network, &dir)?;
    if json {
        let verdict = serde_json::json!({ "holds": reasons.is_empty(), "reasons": reasons });
        println!("{}", serde_json::to_string_pretty(&verdict).into_diagnostic()?);
    } else if reasons.is_empty() {
        println!("holds: {}", certificate.summary());
    } else {
        println!("DOES NOT HOLD: {}", certificate.summary());
        reasons.iter().for_each(|reason| println!("  {reason}"));
    }
    Ok(if reasons.is_empty() { Exit::Ok } else { Exit::Failed })
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be written", file.display()))
}

fn closed(network: &Network, names: &[String]) -> Result<Closures, PlanError> {
    let mut closures = Closures::none(network);
    for name in names {
        let link = network.links.iter().position(|link| link.name == *name);
        let link = link.and_then(|link| u32::try_from(link).ok()).map(LinkId);
        let unknown = || PlanError::UnknownId { kind: "link", name: name.clone(), table: "link.csv" };
        closures.close(link.ok_or_else(unknown)?, Millis::NEVER);
    }
    Ok(closures)
}

fn unarmed(network: &Network, names: &[String]) -> Result<Vec<ControllerId>, PlanError> {
    let find = |name: &String| {
        let found = network.controllers.iter().find(|controller| controller.name == *name);
        let unknown = || PlanError::UnknownId {
            kind: "controller",
            name: name.clone(),
            table: "signal_controller.csv",
        };
        found.map(|controller: &Controller| controller.id).ok_or_else(unknown)
    };
    names.iter().map(find).collect()
}

/// Seconds of a duration, to the millisecond.
fn seconds(time: Millis) -> f64 {
    time.as_s()
}

/// A time of the day as people write it.
fn clock(time: Millis) -> String {
    let seconds = time.0.div_euclid(1_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn place(text: &str) -> Result<GeoPoint, String> {
    let help = "give latitude and longitude in degrees with a comma between, like 60.1699,24.9384";
    let (lat, lon) = text.split_once(',').ok_or(help)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| help.to_owned());
    GeoPoint::from_degrees(degrees(lat)?, degrees(lon)?).ok_or_else(|| "that is off the globe".to_owned())
}

fn time_of_day(text: &str) -> Result<Millis, String> {
    let help = || "give hours and minutes, like 08:30 or 08:30:15".to_owned();
    let parts: Vec<i64> =
        text.split(':').map(|part| part.parse().map_err(|_| help())).collect::<Result<_, _>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return Err(help()),
    };
    let is_time = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    is_time.then(|| Millis::from_s(hours * 3_600 + minutes * 60 + seconds)).ok_or_else(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_times_are_read_as_people_write_them() {
        assert_eq!(place("60.17, 24.94"), Ok(GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 }));
        assert!(place("60.17 24.94").is_err() && place("95,0").is_err() && place("a,b").is_err());
        assert_eq!(time_of_day("08:30"), Ok(Millis::from_s(30_600)));
        assert_eq!(time_of_day("23:59:59").map(clock), Ok("23:59:59".to_owned()));
        assert!(["24:00", "8", "08:60", "08:30:15:1", "-1:00"].iter().all(|text| time_of_day(text).is_err()));
    }
}
