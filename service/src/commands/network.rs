//! `clearway network`.

use std::path::Path;

use clearway_format::import::{osm, sumo};
use clearway_signals::profile::{FI_DEFAULT, Profile};
use miette::{IntoDiagnostic, Result, WrapErr, miette};

use super::{Exit, prove};
use crate::cli::{ImportKind, NetworkCommand};

/// Import, check or prove.
pub fn run(command: NetworkCommand) -> Result<Exit> {
    match command {
        NetworkCommand::Import { kind, source, out, name, profile } => {
            let folder = out.file_name().and_then(|n| n.to_str()).map(str::to_owned);
            let name = name
                .or(folder)
                .ok_or_else(|| miette!("{} has no name; give one by --name", out.display()))?;
            match (kind, profile) {
                (ImportKind::Osm, profile) => {
                    let profile = profile.as_deref().and_then(Profile::named).unwrap_or(&FI_DEFAULT);
                    import_osm(&source, &out, &name, profile)
                }
                (ImportKind::Sumo, None) => import_sumo(&source, &out, &name),
                (ImportKind::Sumo, Some(_)) => {
                    Err(miette!("a SUMO network brings the times of its own signals; leave --profile out"))
                }
            }
        }
        NetworkCommand::Check { dir, json } => Ok(check(&dir, json)),
        NetworkCommand::Prove { dir, controller, states, json, svg } => {
            prove::run(&prove::Request { dir, controller, states_max: states, json, svg })
        }
    }
}

fn import_osm(source: &Path, out: &Path, name: &str, profile: &'static Profile) -> Result<Exit> {
    let file = std::fs::File::open(source)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be opened", source.display()))?;
    let options = osm::Options { name: name.to_owned(), profile: osm::Profile::of(profile) };
    let (model, report) = osm::import(std::io::BufReader::new(file), &options)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be imported", source.display()))?;
    clearway_format::write(&model, out)
        .into_diagnostic()
        .wrap_err_with(|| format!("the model cannot be written to {}", out.display()))?;
    println!("{report}");
    Ok(check(out, false))
}

/// The model, and beside it the vehicles as trips with a scenario that runs them.
fn import_sumo(source: &Path, out: &Path, name: &str) -> Result<Exit> {
    let imported = sumo::import(source, name)
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be imported", source.display()))?;
    let unwritten = || format!("the model cannot be written to {}", out.display());
    clearway_format::write(&imported.model, out).into_diagnostic().wrap_err_with(unwritten)?;
    for (file, text) in [("trips.csv", &imported.trips_csv), ("scenario.toml", &imported.scenario_toml)] {
        std::fs::write(out.join(file), text).into_diagnostic().wrap_err_with(unwritten)?;
    }
    let model = &imported.model;
    println!(
        "{} links, {} movements, {} controllers, {} trips",
        model.links.len(),
        model.movements.len(),
        model.controllers.len(),
        imported.trips_csv.lines().count().saturating_sub(1)
    );
    for what in &imported.left_out {
        println!("left out: {what}");
    }
    Ok(check(out, false))
}

fn check(dir: &Path, json: bool) -> Exit {
    let report = clearway_format::check(dir);
    if json {
        println!("{}", report.to_json());
    } else if report.is_ok() {
        println!("{}: no fault found", dir.display());
    } else {
        eprintln!("{}", report.render());
    }
    if report.is_ok() { Exit::Ok } else { Exit::ModelInvalid }
}
