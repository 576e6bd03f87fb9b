//! `benches/RESULTS.md`: what the issues demand of speed and memory, as the benchmarks print it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{bench, counted, gate, latency, open_loop};
use crate::Failure;
use crate::process::finish;
use crate::tiers::REFERENCE_SITES;

const PAGE: &str = "benches/RESULTS.md";
const BEGIN: &str = "<!-- printed by: cargo xtask bench --results -->";
const END: &str = "<!-- end -->";
/// 2 500 trips at each of four probabilities.
const TRIPS: &str = "--trips=2500";
/// Seconds of the open-loop run at each rate.
const LOOP_S: &str = "10";

/// The crates of the protocols.
const ADAPTERS: [&str; 3] = ["clearway-ntcip", "clearway-modbus", "clearway-rsmp"];

/// What the benchmarks printed.
struct Printed {
    fix: String,
    arbitrate: String,
    route: String,
    calibration: String,
    /// One table of all protocols' status messages.
    decode: String,
    /// From a command decided to its bytes on the socket.
    wire: String,
    /// Seconds that the proofs took, and how many sites were proved.
    proof: (f64, usize),
    /// What tests count: what, bar, lines.
    counted: Vec<(&'static str, &'static str, String)>,
}

/// Measure everything and write the page.
///
/// # Errors
/// A benchmark cannot be built or run, or the page cannot be written.
pub fn write(root: &Path) -> Result<(), Failure> {
    build(root)?;
    let printed = Printed {
        fix: said(&mut bench(root, "fix", &[]))?,
        arbitrate: said(&mut bench(root, "arbitrate", &[]))?,
        route: said(&mut bench(root, "route", &[]))?,
        calibration: said(&mut bench(root, "calibration", &[TRIPS]))?,
        decode: decoders(root)?,
        wire: said(&mut wire(root))?,
        proof: prove(root)?,
        counted: counted::rows(root)?,
    };
    let load = said(open_loop(&["--seconds", LOOP_S]).current_dir(root))?;
    let counts: String = gate::rows(&gate::check(root)?);
    let (machine, figures) = (machine(root), summary(&printed));
    let text = page(&machine, &figures, &printed, &load, &counts, &peers(root)?);
    let path = root.join(PAGE);
    let old = std::fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let new = between(&old, &text).ok_or_else(|| format!("{PAGE} has no markers"))?;
    std::fs::write(&path, new).map_err(|error| format!("{PAGE}: {error}"))?;
    latency::remember(root, &machine, &figures)?;
    println!("{}", table(&figures));
    println!("all of it: {PAGE}");
    Ok(())
}

/// Nothing is measured while something is built.
fn build(root: &Path) -> Result<(), Failure> {
    let benches = ["bench", "--no-run", "--quiet", "-p", "clearway-benches"];
    finish(Command::new("cargo").current_dir(root).args(benches))?;
    let adapters = ["bench", "--no-run", "--quiet", "--bench", "ratio", "--bench", "decode"];
    let packages = ADAPTERS.map(|name| ["-p", name]).concat();
    finish(Command::new("cargo").current_dir(root).args(adapters).args(packages))?;
    finish(wire(root).arg("--no-run"))?;
    counted::build(root)?;
    let bins = ["build", "--quiet", "--release", "-p", "clearway-benches", "--bins"];
    finish(Command::new("cargo").current_dir(root).args(bins))?;
    finish(Command::new("cargo").current_dir(root).args(["build", "--quiet", "--release", "-p", "clearway"]))
}

/// What a command prints.
pub(super) fn said(command: &mut Command) -> Result<String, Failure> {
    let name = format!("{command:?}");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Prove the reference sites; a site that is not proved is missing in the count.
fn prove(root: &Path) -> Result<(f64, usize), Failure> {
    let started = Instant::now();
    let mut proved = 0;
    for site in REFERENCE_SITES {
        let model = format!("network-models/reference-{site}");
        let mut clearway = Command::new(root.join("target/release/clearway"));
        clearway.current_dir(root).args(["network", "prove", &model]);
        let status = clearway.stdin(Stdio::null()).stdout(Stdio::null()).status();
        proved += usize::from(status.map_err(|error| format!("clearway: {error}"))?.success());
    }
    Ok((started.elapsed().as_secs_f64(), proved))
}

/// The decoders of all protocols, in one table.
fn decoders(root: &Path) -> Result<String, Failure> {
    let mut table = String::new();
    for name in ADAPTERS {
        let mut command = Command::new("cargo");
        command.current_dir(root).args(["bench", "--quiet", "-p", name, "--bench", "decode"]);
        let printed = said(&mut command)?;
        let rows = printed.lines().filter(|line| line.starts_with('|'));
        let heads = if table.is_empty() { 0 } else { 2 };
        rows.skip(heads).for_each(|row| table.extend([row, "\n"]));
    }
    Ok(table)
}

/// Commands on their way to the socket.
fn wire(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["bench", "--quiet", "-p", "clearway-field", "--bench", "wire"]);
    command
}

/// The SNMP adapter beside its library; net-snmp answers.
fn peers(root: &Path) -> Result<String, Failure> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["bench", "--quiet", "-p", "clearway-ntcip", "--bench", "ratio"]);
    said(&mut command)
}

/// The machine, the compiler and the commit.
fn machine(root: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let gib = value(&memory, "MemTotal").split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok());
    let of = |program: &str, arguments: &[&str]| {
        said(Command::new(program).current_dir(root).args(arguments)).unwrap_or_else(|_| "unknown".into())
    };
    format!(
        "{cores} cores of {}, {} GiB, Linux {}; {}; commit {} of {}",
        value(&cpus, "model name"),
        gib.unwrap_or(0) >> 20,
        read("/proc/sys/kernel/osrelease").trim(),
        of("rustc", &["--version"]),
        of("git", &["rev-parse", "--short", "HEAD"]),
        of("git", &["show", "-s", "--format=%cs", "HEAD"]),
    )
}

fn page(
    machine: &str,
    figures: &[(String, String, String)],
    printed: &Printed,
    load: &str,
    counts: &str,
    peers: &str,
) -> String {
    let fenced = |text: &str| format!("```\n{text}\n```\n");
    let mut text = format!("{machine}\n\n{}\n", table(figures));
    let _ = write!(text, "## The way of a position\n\n{}\n\n", printed.fix);
    let _ = write!(text, "## Arbitration and reservations\n\n{}\n", fenced(&printed.arbitrate));
    let _ = write!(text, "## Ways\n\n{}\n", fenced(&printed.route));
    let _ = write!(text, "## Windows and forecasts\n\n{}\n\n", printed.calibration);
    let _ = write!(text, "## Decoders\n\n{}\n", printed.decode);
    let _ = write!(text, "## From decision to socket\n\n{}\n\n", printed.wire);
    let _ = write!(text, "## Open-loop load\n\n{load}\n\n");
    let _ = write!(text, "## Instructions and allocations\n\n{counts}\n");
    let _ = write!(text, "## The SNMP adapter beside its library\n\n{}", fenced(peers));
    text
}

/// What, its bar, what was measured.
fn summary(printed: &Printed) -> Vec<(String, String, String)> {
    let Printed { fix, arbitrate, route, calibration, decode, wire, proof, counted } = printed;
    let position = |name| {
        let cells = cells(fix, name);
        let cell = |n: usize| cells.get(n).copied().unwrap_or("?").to_owned();
        format!("p50 {} µs, p99 {} µs, {} allocations", cell(3), cell(5), cell(8))
    };
    let p99 =
        |text: &str, name: &str| quantiles(text, name).map_or("?".into(), |(_, p99)| format!("{p99:.1} µs"));
    let arbitration = |requests| {
        let of = |method| p99(arbitrate, &format!("{method}, {requests} requests"));
        format!("p99 {} (dual ring), {} (stages)", of("dual ring"), of("stages"))
    };
    let windows = |nominal: u32| {
        let cells = cells(calibration, &format!("{nominal} % of signals"));
        cells.get(2).copied().unwrap_or("?").to_owned()
    };
    let less = cells(calibration, "engine, 95 % of signals").get(5).copied().unwrap_or("?").to_owned();
    let told = forecast(calibration).map_or("?".into(), |(p50, p95)| format!("{p50} s, {p95} s"));
    let rows: [(&str, &str, String); 16] = [
        (
            "position → certified plan → encoded commands, 30 signals",
            "p50 ≤ 2 µs, p99 ≤ 20 µs, 0 allocations",
            position("position to encoded commands"),
        ),
        (
            "the same, all planned and certified anew",
            "p99 ≤ 200 µs, 0 allocations",
            position("all planned and certified anew"),
        ),
        ("arbitration, 8 requests", "p99 ≤ 10 µs", arbitration(8)),
        ("arbitration, 15 requests", "p99 ≤ 1 ms", arbitration(15)),
        ("certificate check, a junction", "≤ 5 µs", position("certificate, a junction")),
        ("proof of the reference sites", "six, ≤ 60 s", format!("{} in {:.1} s", proof.1, proof.0)),
        (
            "reservations, 8 vehicles × 200 signals",
            "p99 ≤ 1 ms",
            format!("p99 {}", p99(arbitrate, "reservations, 8 × 200 signals")),
        ),
        ("the same, windows that conflict", "0", conflicts(arbitrate, "reservations, 8 × 200 signals")),
        ("way, 10 000 junctions, corner to corner", "≤ 2 ms", worst_corner_to_corner(route)),
        ("engine, 10 000 junctions, 5 000 vehicles", "≤ 200 MB", memory(fix)),
        (
            "windows of 90, 95, 99 % of signals that held",
            "± 2 points, the last ≥ 98 %",
            [90, 95, 99].map(windows).join(", "),
        ),
        (
            "trips of which 90 % shall hold every window",
            "≥ 90 %",
            cells(calibration, "90 % of trips").get(2).copied().unwrap_or("?").to_owned(),
        ),
        ("called less than by the best fixed lead of equal delay", "≥ 20 %", less),
        ("arrivals told 30 s ahead: error, median and p95", "≤ 3 s, ≤ 8 s", told),
        ("decoding of any status PDU", "≤ 5 µs", slowest_decoder(decode)),
        ("command decided → bytes on the socket", "p99 ≤ 1.5 × wake-up and send", slowest_way_out(wire)),
    ];
    let all = rows.iter().chain(counted);
    all.map(|(what, bar, measured)| (what.to_string(), bar.to_string(), measured.clone())).collect()
}

fn table(figures: &[(String, String, String)]) -> String {
    let mut text = String::from("| what | bar | measured |\n| --- | --- | --- |\n");
    for (what, bar, measured) in figures {
        let _ = writeln!(text, "| {what} | {bar} | {measured} |");
    }
    text
}

/// The cells of the row of a table that begins so; empty when there is none.
pub(super) fn cells<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let rows = table.lines().filter_map(|line| line.strip_prefix('|'));
    let mut rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    rows.find(|cells| cells.first() == Some(&first)).unwrap_or_default()
}

/// Median and 99th percentile of a line of quantiles.
fn quantiles(lines: &str, name: &str) -> Option<(f64, f64)> {
    let rest = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let mut numbers = rest.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The slowest of the searches from corner to corner.
fn worst_corner_to_corner(lines: &str) -> String {
    let names = lines.lines().filter_map(|line| Some(line.split_once(", corner to corner ")?.0));
    let rows =
        names.filter_map(|name| Some((name, quantiles(lines, &format!("{name}, corner to corner"))?.1)));
    let worst = rows.max_by(|a, b| a.1.total_cmp(&b.1));
    worst.map_or("?".into(), |(name, p99)| format!("p99 {p99:.1} µs ({name})"))
}

/// The largest tail of the decoders that the bar is about.
fn slowest_decoder(table: &str) -> String {
    let rows = table.lines().filter(|row| row.contains("≤ 5 µs")).filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Some((*cells.get(1)?, cells.get(4)?.parse::<f64>().ok()?))
    });
    let slowest = rows.max_by(|a, b| a.1.total_cmp(&b.1));
    slowest.map_or("?".into(), |(name, p99)| format!("p99 {p99:.2} µs ({name})"))
}

/// The family with the largest ratio.
fn slowest_way_out(table: &str) -> String {
    let ratio = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        Some((cells.get(1)?.to_string(), cells.get(6)?.parse::<f64>().ok()?))
    };
    let worst = table.lines().filter_map(ratio).max_by(|a, b| a.1.total_cmp(&b.1));
    worst.map_or("?".into(), |(family, ratio)| format!("{ratio:.2} × ({family})"))
}

/// `… (4994 of 5000 exact, 20 nodes each, 0 conflicts, 0 allocations)`
fn conflicts(lines: &str, name: &str) -> String {
    let line = lines.lines().find(|line| line.starts_with(name));
    let part = line.and_then(|line| line.split(", ").find_map(|part| part.strip_suffix(" conflicts")));
    part.unwrap_or("?").to_owned()
}

/// `engine with 10000 junctions and 5000 vehicles: 83 MB`
fn memory(lines: &str) -> String {
    let line = lines.lines().find(|line| line.starts_with("engine with "));
    line.and_then(|line| line.rsplit_once(": ")).map_or("?".into(), |(_, size)| size.to_owned())
}

/// Errors of the forecasts at 95 %: median and 95th percentile.
fn forecast(table: &str) -> Option<(&str, &str)> {
    let row = table.lines().find(|line| line.starts_with("| ") && line.contains(" at 95 % |"))?;
    let mut cells = row.split('|').map(str::trim).skip(2);
    Some((cells.next()?, cells.next()?))
}

/// Put the figures between the markers of the page.
fn between(page: &str, figures: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n{}\n{END}{tail}", figures.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed() -> Printed {
        Printed {
            fix: "| step | runs |\n| position to encoded commands | 9 | 7 | 1.25 | 2 | 8.50 | 20 | 9.00 | 0 | 14 |\n\
                  | certificate, a junction | 9 | 0 | 0.66 | 5 | 0.80 | | 1.00 | 0 | 0 |\n\n\
                  engine with 10000 junctions and 5000 vehicles: 83 MB"
                .into(),
            arbitrate: "µs p50 p99\ndual ring, 8 requests      2.40      4.30      5.00  ≤ 10  met\n\
                        reservations, 8 × 200 signals   300.00 912.34 1000.00  ≤ 1000  met (9 exact, 0 conflicts, 0 allocations)"
                .into(),
            route: "no signals, corner to corner  21.0  64.0 70.0\nno signals, anywhere  40.0  900.0 999.0\n\
                    own plan, corner to corner  210.0  640.0 700.0  ≤ 2000  met"
                .into(),
            calibration: "| 95 % of signals | 100 | 95.9 % | 94 % |\n\
                          | engine, 95 % of signals | 2.1 | 10.5 | 16.6 | 27.1 | 39 % |\n\
                          | 5020 at 95 % | 2.15 | 6.36 |"
                .into(),
            decode: "| PDU | octets | p50, µs | p99, µs | bar |\n\
                     | NTCIP status | 300 | 3.10 | 4.40 | ≤ 5 µs: met |\n\
                     | RSMP status | 700 | 9.10 | 9.90 | ≤ 20 µs: met |"
                .into(),
            wire: "| family | p50 | p99 | p50 | p99 | ratio of p99 | bar |\n\
                   | Ntcip | 9.0 | 20.0 | 11.0 | 22.0 | 1.10 | ≤ 1.5: met |\n\
                   | Rsmp | 9.0 | 20.0 | 11.0 | 26.0 | 1.30 | ≤ 1.5: met |"
                .into(),
            proof: (31.25, 6),
            counted: vec![("faults seeded", "40", "43 of 43 seeded faults found".into())],
        }
    }

    #[test]
    fn every_bar_stands_beside_what_was_printed() {
        let text = table(&summary(&printed()));
        for row in [
            "0 allocations | p50 1.25 µs, p99 8.50 µs, 0 allocations |",
            "| p99 ≤ 10 µs | p99 4.3 µs (dual ring), ? (stages) |",
            "| ≤ 5 µs | p50 0.66 µs, p99 0.80 µs, 0 allocations |",
            "| six, ≤ 60 s | 6 in 31.2 s |",
            "| p99 ≤ 1 ms | p99 912.3 µs |",
            "| ≤ 2 ms | p99 640.0 µs (own plan) |",
            "| ≤ 200 MB | 83 MB |",
            "| ?, 95.9 %, ? |",
            "| ≥ 20 % | 39 % |",
            "| ≤ 3 s, ≤ 8 s | 2.15 s, 6.36 s |",
            "| ≤ 5 µs | p99 4.40 µs (NTCIP status) |",
            "windows that conflict | 0 | 0 |",
            "| p99 ≤ 1.5 × wake-up and send | 1.30 × (Rsmp) |",
            "| faults seeded | 40 | 43 of 43 seeded faults found |",
        ] {
            assert!(text.contains(row), "{row}\nin\n{text}");
        }
    }

    #[test]
    fn figures_go_between_the_markers_of_the_page() {
        let old = format!("# Results\n\n{BEGIN}\nold\n{END}\n\nafter\n");
        assert_eq!(between(&old, "new\n"), Some(format!("# Results\n\n{BEGIN}\nnew\n{END}\n\nafter\n")));
        assert_eq!(between("no markers", "new"), None);
        let page = include_str!("../../../benches/RESULTS.md");
        assert!(between(page, "new").is_some());
    }
}
