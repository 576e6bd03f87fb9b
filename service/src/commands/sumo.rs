//! `clearway sumo`: the engine steering a SUMO scenario.

use std::io::IsTerminal;

use clearway_signals::Millis;
use clearway_sumo::drive::{Control, Options, Outcome, run as drive};
use miette::{IntoDiagnostic, Result, WrapErr};
use serde_json::json;

use super::Exit;
use crate::cli::{self, SumoControl};

/// Run the scenario to its end and report.
pub fn run(args: &cli::Sumo) -> Result<Exit> {
    let unique = format!("clearway-tripinfo-{}.xml", std::process::id());
    let temporary = std::env::temp_dir().join(unique);
    let options = Options {
        sumo: args.sumo.clone(),
        config: args.sumocfg.clone(),
        emergency: args.emergency.clone(),
        control: match args.control {
            SumoControl::None => Control::None,
            SumoControl::Local => Control::Local,
            SumoControl::Clearway => Control::Clearway,
        },
        seed: args.seed,
        tripinfo: args.tripinfo.clone().unwrap_or_else(|| temporary.clone()),
    };
    let outcome = drive(&options, progress())
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be driven", args.sumocfg.display()));
    if args.tripinfo.is_none() {
        // Nobody asked for the file; one that was never written is as good as removed.
        let _ = std::fs::remove_file(&temporary);
    }
    let outcome = outcome?;
    if args.json {
        println!("{}", as_json(args, &outcome));
    } else {
        print_table(&outcome);
    }
    Ok(Exit::Ok)
}

/// Simulated minutes on stderr, if a person looks.
fn progress() -> impl FnMut(Millis) {
    let seen = std::io::stderr().is_terminal();
    let mut shown = -1;
    move |at| {
        let minute = at.0 / 60_000;
        if seen && minute > shown {
            shown = minute;
            eprint!("\r{minute} min");
        }
    }
}

fn as_json(args: &cli::Sumo, outcome: &Outcome) -> serde_json::Value {
    let refused: Vec<_> =
        outcome.refused.iter().map(|(light, why)| json!({ "light": light, "why": why })).collect();
    json!({
        "sumocfg": args.sumocfg.display().to_string(),
        "control": format!("{:?}", args.control).to_lowercase(),
        "simulated_s": outcome.simulated.as_s(),
        "lights": outcome.lights,
        "refused": refused,
        "requests": outcome.requests,
        "held_s": outcome.held.as_s(),
        "classes": outcome.classes,
    })
}

fn print_table(outcome: &Outcome) {
    println!(
        "{:<10} {:>8} {:>8} {:>9} {:>7} {:>9} {:>6}",
        "class", "departed", "arrived", "travel s", "loss s", "waiting s", "stops"
    );
    for (class, of) in &outcome.classes {
        println!(
            "{class:<10} {:>8} {:>8} {:>9.1} {:>7.1} {:>9.1} {:>6.2}",
            of.departed, of.arrived, of.travel_time_s, of.time_loss_s, of.waiting_s, of.stops
        );
    }
    println!(
        "{} lights, {} requests, {:.0} s held, {:.0} s simulated",
        outcome.lights,
        outcome.requests,
        outcome.held.as_s(),
        outcome.simulated.as_s()
    );
    for (light, why) in &outcome.refused {
        println!("left alone: {light}: {why}");
    }
}
