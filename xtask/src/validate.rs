//! `cargo xtask validate`: the simulator against the formulas of its field and against SUMO; the
//! figures go into `sim/VALIDATION.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::Failure;
use crate::setup::quiet;

/// The other simulator.
const SUMO: &str = "eclipse-sumo==1.28.0";
/// The scenarios that both drive: folder and configuration.
const SCENARIOS: [(&str, &str); 4] = [
    ("ingolstadt7", "ingolstadt7.sumocfg"),
    ("hamburg", "run_simulation.sumocfg"),
    ("doerpfeldstr", "all_modes.sumocfg"),
    ("pasubio", "run.sumocfg"),
];
const BEGIN: &str = "<!-- printed by: cargo xtask validate -->";
const END: &str = "<!-- end -->";

/// Measure everything and write the page. `Ok(false)`: a bar against the formulas is not held.
///
/// # Errors
/// The simulator cannot be built or run, or the page cannot be written.
pub fn run(root: &Path) -> Result<bool, Failure> {
    let build = ["build", "--release", "--package", "clearway"];
    if !Command::new("cargo").current_dir(root).args(build).status().is_ok_and(|status| status.success()) {
        return Err("cargo build failed".into());
    }
    let clearway = root.join("target/release/clearway");
    let folder = root.join("target/validate");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let svg = root.join("sim/validation.svg");
    let formulas = Command::new(&clearway)
        .args(["simulate", "validate", "--svg"])
        .arg(&svg)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("clearway simulate validate: {error}"))?;
    let mut text = String::from_utf8_lossy(&formulas.stdout).into_owned();
    text.push_str("\n![delay over saturation; flow over density](validation.svg)\n");
    text.push_str(&speed(root, &clearway)?);
    text.push_str(&beside_sumo(root, &clearway, &folder));
    write(&root.join("sim/VALIDATION.md"), &text)?;
    print!("{text}");
    Ok(formulas.status.success())
}

/// Put the figures between the markers of the page.
fn write(page: &Path, figures: &str) -> Result<(), Failure> {
    let old = fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let new = between(&old, figures).ok_or_else(|| format!("{} has no markers", page.display()))?;
    fs::write(page, new).map_err(|error| format!("{}: {error}", page.display()))
}

fn between(page: &str, figures: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n{}\n{END}{tail}", figures.trim_end()))
}

/// The metropolis, without help: how fast, how large.
fn speed(root: &Path, clearway: &Path) -> Result<String, Failure> {
    let scenario = root.join("sim/traffic/scenarios/metropolis.toml");
    let run = json(Command::new(clearway).arg("simulate").arg("--scenario").arg(&scenario).args([
        "--control",
        "none",
        "--json",
        "--timing",
    ]))?;
    let figure = |key: &str| run["speed"][0][key].as_f64().unwrap_or(0.0);
    let mut text = String::from("\n| metropolis, no help, one core | |\n| --- | ---: |\n");
    let _ = writeln!(text, "| signals | {} |", run["signals"]);
    let _ = writeln!(text, "| vehicles on the road at the end | {:.0} |", figure("vehicles"));
    let _ = writeln!(
        text,
        "| vehicle-link traversals a processor second | {:.2} M |",
        figure("traversals_per_s") / 1e6
    );
    let _ = writeln!(text, "| events a processor second | {:.2} M |", figure("events_per_s") / 1e6);
    let _ = writeln!(
        text,
        "| times real time, by processor time | {:.0} |",
        figure("simulated_s") / figure("cpu_s").max(1e-9)
    );
    let _ = writeln!(text, "| most memory, MiB | {:.0} |", figure("memory_bytes_max") / f64::from(1 << 20));
    Ok(text)
}

fn json(command: &mut Command) -> Result<Value, Failure> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: no JSON: {error}"))
}

/// The same networks and vehicles in both. What cannot be run is said in the table.
fn beside_sumo(root: &Path, clearway: &Path, folder: &Path) -> String {
    let shared = std::env::var_os("CLEARWAY_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let data = shared.join("data/sumo");
    if !data.is_dir() {
        return format!("\nskipped: {} not found\n", data.display());
    }
    let sumo = match sumo(root) {
        Ok(sumo) => sumo,
        Err(failure) => return format!("\nskipped: {failure}\n"),
    };
    let mut text = String::from(
        "\n| beside SUMO micro (same vehicles, one seed) | vehicles compared | mean trip, s: ours | SUMO | off | correlation | links with GEH < 5 | sum of flows | × SUMO's speed |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (name, config) in SCENARIOS {
        let config = data.join(name).join(config);
        match compare(clearway, &sumo, &config, &folder.join(name)) {
            Ok(row) => {
                let _ = writeln!(text, "| {name} | {row}");
            }
            Err(failure) => {
                let _ = writeln!(text, "| {name} | {failure} | | | | | | | |");
            }
        }
    }
    text
}

/// SUMO's program in a virtual environment under `target`.
fn sumo(root: &Path) -> Result<PathBuf, Failure> {
    let venv = root.join("target/venv-sumo");
    let sumo = venv.join("bin/sumo");
    if quiet(Command::new(&sumo).arg("--version")) {
        return Ok(sumo);
    }
    eprintln!("Installing {SUMO} from PyPI into target/venv-sumo: the simulator that ours is compared with.");
    let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).status();
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SUMO];
    let installed = made.is_ok_and(|status| status.success())
        && Command::new(venv.join("bin/python")).args(pip).status().is_ok_and(|status| status.success());
    if installed { Ok(sumo) } else { Err(format!("pip install {SUMO} failed")) }
}

/// One scenario in both; a row of the table.
fn compare(clearway: &Path, sumo: &Path, config: &Path, folder: &Path) -> Result<String, Failure> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let import = Command::new(clearway)
        .args(["network", "import", "sumo"])
        .arg(config)
        .arg("--out")
        .arg(folder)
        .output();
    let import = import.map_err(|error| format!("import: {error}"))?;
    if !import.status.success() {
        return Err("the import does not pass `network check`".into());
    }
    let scenario = folder.join("scenario.toml");
    let run = json(
        Command::new(clearway)
            .arg("simulate")
            .arg("--scenario")
            .arg(&scenario)
            .args(["--json", "--timing", "--csv"])
            .arg(folder),
    )?;
    let own_s = run["speed"][0]["wall_s"].as_f64().unwrap_or(0.0);
    let (trips, edges) = (folder.join("tripinfo.xml"), folder.join("edges.xml"));
    let begun = Instant::now();
    let done = Command::new(sumo)
        .arg("-c")
        .arg(config)
        .args(["--no-step-log", "--no-warnings", "--seed", "1", "--log", "/dev/null", "--tripinfo-output"])
        .arg(&trips)
        .arg("--edgedata-output")
        .arg(&edges)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let sumo_s = begun.elapsed().as_secs_f64();
    if !done.is_ok_and(|status| status.success()) {
        return Err("SUMO failed".into());
    }
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let theirs = attributes(&read(&trips)?, "tripinfo", "id", "duration");
    let ours = own_times(&read(&folder.join("trips.csv"))?, &read(&own_file(folder, "trips")?)?);
    let pairs: Vec<(f64, f64)> =
        ours.iter().filter_map(|(vehicle, own)| Some((*own, *theirs.get(vehicle)?))).collect();
    let flows =
        (own_flows(&read(&own_file(folder, "links")?)?), attributes(&read(&edges)?, "edge", "id", "left"));
    let hours = run["duration_s"].as_f64().unwrap_or(3_600.0) / 3_600.0;
    Ok(row(&pairs, &flows, hours, sumo_s / own_s.max(1e-9)))
}

/// The table that a simulation wrote, whatever its seed.
fn own_file(folder: &Path, what: &str) -> Result<PathBuf, Failure> {
    let end = format!("-{what}.csv");
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let found = entries.flatten().find(|entry| entry.file_name().to_string_lossy().ends_with(&end));
    found.map(|entry| entry.path()).ok_or_else(|| format!("no {what} were written"))
}

/// `key` → `value` of every element of a name.
fn attributes(xml: &str, element: &str, key: &str, value: &str) -> BTreeMap<String, f64> {
    let open = format!("<{element} ");
    let of = |tag: &str, name: &str| -> Option<String> {
        let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        let rest = &tag[start..];
        Some(rest[..rest.find('"')?].to_owned())
    };
    let tags = xml.match_indices(&open).filter_map(|(at, _)| {
        let tag = &xml[at..at + xml[at..].find('>')?];
        Some((of(tag, key)?, of(tag, value)?.parse().ok()?))
    });
    tags.collect()
}

/// Seconds on the road of each vehicle that arrived.
fn own_times(listed: &str, times: &str) -> BTreeMap<String, f64> {
    let vehicles = listed.lines().skip(1).filter_map(|line| line.rsplit(',').next());
    let seconds = times.lines().skip(1).map(|line| {
        let mut cells = line.split(',').skip(1).map(str::parse::<f64>);
        Some((cells.next()?.ok()?, cells.next()?.ok()?))
    });
    let arrived = vehicles.zip(seconds).filter_map(|(vehicle, seconds)| {
        let (entered, left) = seconds?;
        Some((vehicle.to_owned(), left - entered))
    });
    arrived.collect()
}

fn own_flows(links: &str) -> BTreeMap<String, f64> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Some(((*cells.first()?).to_owned(), cells.get(2)?.parse().ok()?))
    };
    links.lines().skip(1).filter_map(row).collect()
}

#[allow(clippy::cast_precision_loss)]
fn row(
    pairs: &[(f64, f64)],
    (ours, theirs): &(BTreeMap<String, f64>, BTreeMap<String, f64>),
    hours: f64,
    faster: f64,
) -> String {
    let n = pairs.len().max(1) as f64;
    let (own, other) =
        (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let flows: Vec<(f64, f64)> =
        ours.iter().filter_map(|(link, own)| Some((*own, *theirs.get(link)?))).collect();
    let used: Vec<&(f64, f64)> = flows.iter().filter(|(own, other)| own + other > 0.0).collect();
    let near = used.iter().filter(|(own, other)| geh(own / hours, other / hours) < 5.0).count();
    let sums = flows.iter().fold((0.0, 0.0), |sum, flow| (sum.0 + flow.0, sum.1 + flow.1));
    format!(
        "{} | {own:.1} | {other:.1} | {:+.1} % | {:.2} | {:.1} % | {:+.1} % | {faster:.0} |",
        pairs.len(),
        (own / other - 1.0) * 100.0,
        correlation(pairs, own, other),
        near as f64 / used.len().max(1) as f64 * 100.0,
        (sums.0 / sums.1 - 1.0) * 100.0,
    )
}

/// The traffic engineer's distance of two hourly flows (G. E. Havers).
fn geh(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { (2.0 * (a - b).powi(2) / (a + b)).sqrt() }
}

/// Pearson's, about the means.
fn correlation(pairs: &[(f64, f64)], own: f64, other: f64) -> f64 {
    let sums = pairs.iter().fold((0.0, 0.0, 0.0), |sum, (a, b)| {
        let (a, b) = (a - own, b - other);
        (sum.0 + a * b, sum.1 + a * a, sum.2 + b * b)
    });
    sums.0 / (sums.1 * sums.2).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_go_between_the_markers() {
        let page = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(between(&page, "new\n"), Some(format!("a\n{BEGIN}\nnew\n{END}\nb\n")));
        assert_eq!(between("no markers", "new"), None);
    }

    #[test]
    fn both_simulators_are_read() {
        let xml = "<x><tripinfo id=\"a\" depart=\"1\" duration=\"20.5\"/><tripinfo id=\"b\" duration=\"9\"></tripinfo></x>";
        let theirs = attributes(xml, "tripinfo", "id", "duration");
        assert_eq!((theirs["a"], theirs["b"]), (20.5, 9.0));
        let ours = own_times(
            "depart_s,links,vehicle\n0,l1 l2,a\n1,l1,b\n",
            "trip,entered_s,left_s\n0,0.0,21.5\n1,1.0,\n",
        );
        assert_eq!(ours, BTreeMap::from([("a".to_owned(), 21.5)]));
        assert!((geh(100.0, 100.0)).abs() < 1e-9 && geh(400.0, 500.0) > 4.0);
    }
}
