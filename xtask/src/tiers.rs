//! The tiers as data: what runs, in which order, how long it may take.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bars::{self, Latency};
use crate::console::{self, npm};
use crate::counts::Runner;
use crate::process::Group;
use crate::test::Run;
use crate::{bench, dst, fuzz, live, model, setup, tidy};

/// A kind of test.
#[derive(Debug)]
pub struct Tier {
    /// Its name: `cargo xtask test --tier NAME`.
    pub name: &'static str,
    /// What it shows.
    pub what: &'static str,
    /// Minutes it takes on two cores, cold; docs/testing.md says the same.
    pub minutes: u64,
    /// Only with `--full`.
    pub full_only: bool,
    /// Its steps.
    pub run: fn(&mut Run),
}

/// Every tier, in order: what fails fast comes first.
pub const TIERS: &[Tier] = &[
    Tier { name: "format", what: "rustfmt changes nothing", minutes: 1, full_only: false, run: format },
    Tier { name: "tidy", what: "the rules of the repository", minutes: 1, full_only: false, run: tidy },
    Tier {
        name: "page",
        what: "the operator's page: types, unit tests, build, Chromium",
        minutes: 1,
        full_only: false,
        run: page,
    },
    Tier { name: "clippy", what: "no warning in any target", minutes: 3, full_only: false, run: clippy },
    Tier {
        name: "rust",
        what: "unit, property and integration tests",
        minutes: 9,
        full_only: false,
        run: rust,
    },
    Tier { name: "doc", what: "the examples in the documentation", minutes: 1, full_only: false, run: doc },
    Tier {
        name: "model",
        what: "the shipped models are sound and rebuilt to the same bytes, six sites proved",
        minutes: 7,
        full_only: false,
        run: model,
    },
    Tier {
        name: "interop",
        what: "net-snmp, pysnmp, mbpoll and pymodbus as peers; kill -9 in mid-wave",
        minutes: 3,
        full_only: false,
        run: interop,
    },
    Tier {
        name: "fuzz",
        what: "every decoder under libFuzzer: no panic, no hang, no growth",
        minutes: 8,
        full_only: false,
        run: |run| fuzz::run(run, FUZZ_S),
    },
    Tier {
        name: "simulation",
        what: "100 seeds of faults under virtual time; every planted bug is found",
        minutes: 3,
        full_only: false,
        run: simulation,
    },
    Tier { name: "demo", what: "seed 1 clears the bars", minutes: 5, full_only: false, run: demo },
    Tier { name: "live", what: "the page shows a running demo", minutes: 1, full_only: false, run: live },
    Tier {
        name: "bench",
        what: "every benchmark runs once; instructions and allocations in budget",
        minutes: 2,
        full_only: false,
        run: benches,
    },
    Tier { name: "seeds", what: "seeds 1 to 5 clear the bars", minutes: 28, full_only: true, run: seeds },
    Tier {
        name: "proofs",
        what: "every junction of the shipped model proved; oracles, many instances",
        minutes: 15,
        full_only: true,
        run: proofs,
    },
    Tier {
        name: "property",
        what: "property tests, many cases",
        minutes: 30,
        full_only: true,
        run: property,
    },
    Tier {
        name: "licences",
        what: "licences and sources of every crate",
        minutes: 10,
        full_only: true,
        run: deny,
    },
    Tier {
        name: "budgets",
        what: "latencies and large networks in budget",
        minutes: 5,
        full_only: true,
        run: budgets,
    },
    Tier {
        name: "faults",
        what: "every fault on real sockets; 400 seeds more under virtual time",
        minutes: 15,
        full_only: true,
        run: faults,
    },
    Tier {
        name: "fuzz-long",
        what: "the same for longer",
        minutes: 12,
        full_only: true,
        run: |run| fuzz::run(run, FUZZ_LONG_S),
    },
    Tier {
        name: "soak",
        what: "half an hour of demo: memory stays flat",
        minutes: 35,
        full_only: true,
        run: soak,
    },
];

/// Seconds of processor time for each decoder, in continuous integration and in the long tier.
const FUZZ_S: u64 = 30;
const FUZZ_LONG_S: u64 = 60;
/// The model that the demonstration runs on.
const MODEL: &str = "network-models/helsinki-centre";
/// Sites whose sequencers are proved: `network-models/reference-*`.
pub const REFERENCE_SITES: [&str; 6] = ["nema", "four-stage", "tram", "scramble", "rail", "t-junction"];
/// The crates with tests that need programs of other projects.
const INTEROP: &str = "clearway/interop,clearway-ntcip/interop";
/// The simulation of faults, which nothing else needs.
const FAULTS: &str = "clearway-traffic/faults";
/// Those tests: `service/tests/*.rs`, `adapters/ntcip/tests/interop.rs`.
const INTEROP_TESTS: [&str; 8] = [
    "interop",
    "interop_doors",
    "interop_field",
    "interop_gtfs_rt",
    "interop_modbus",
    "interop_peers",
    "interop_rsmp",
    "interop_kill",
];
/// What passed may have skipped something and says so; what failed stands last, where a report looks.
const NEXTEST: [&str; 7] =
    ["nextest", "run", "--no-fail-fast", "--success-output", "immediate", "--failure-output", "final"];
/// The page of a headless demo is nobody's business: its usual port may be taken.
const ANY_PORT: &str = "127.0.0.1:0";
/// Every Rust test but those in the documentation, which nextest does not run.
const EVERY_TEST: [&str; 4] = ["--workspace", "--lib", "--bins", "--tests"];
/// Cases of each property test in the long tier.
const PROPERTY_CASES: &str = "20000";

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    // What is built once gains nothing from being ready for the next change.
    command.args(arguments).env("CARGO_INCREMENTAL", "0");
    command
}

fn format(run: &mut Run) {
    run.step("rustfmt", &mut cargo(&["fmt", "--all", "--check"]), Runner::Step, 5);
}

fn tidy(run: &mut Run) {
    match tidy::findings(&run.root) {
        Ok(findings) => {
            for rule in tidy::RULES {
                let broken: Vec<String> =
                    findings.iter().filter(|f| f.rule == rule.name).map(ToString::to_string).collect();
                run.check(rule.name, (!broken.is_empty()).then(|| broken.join("\n   ")).as_deref());
            }
        }
        Err(failure) => run.check("tidy", Some(&failure)),
    }
}

fn page(run: &mut Run) {
    let root = run.root.clone();
    if !run.step("npm ci", &mut npm(&root, &console::CI), Runner::Step, 10) {
        return;
    }
    run.step("types", &mut npm(&root, &["run", "check"]), Runner::Step, 5);
    run.step("unit", &mut npm(&root, &["run", "test"]), Runner::Vitest, 5);
    if run.step("build", &mut npm(&root, &["run", "build"]), Runner::Step, 5) {
        run.check("build is seen", console::mark_built(&root).err().as_deref());
        run.step("browser", &mut npm(&root, &["run", "test:browser"]), Runner::Playwright, 10);
    }
}

fn clippy(run: &mut Run) {
    let features = format!("{INTEROP},{FAULTS}");
    let arguments =
        ["clippy", "--workspace", "--all-targets", "--features", &features, "--", "-D", "warnings"];
    run.step("clippy", &mut cargo(&arguments), Runner::Step, 30);
}

fn rust(run: &mut Run) {
    let all = RustTests { select: &EVERY_TEST, cases: None, one_by_one: false };
    rust_tests(run, "tests", &all, 30);
}

/// Rust tests by nextest, or by cargo itself where nextest is not installed.
fn rust_tests(run: &mut Run, name: &str, tests: &RustTests<'_>, minutes: u64) {
    let nextest = setup::has_cargo("nextest");
    let mut command = if nextest { cargo(&NEXTEST) } else { cargo(&["test", "--no-fail-fast"]) };
    command.args(tests.select);
    match (nextest, tests.one_by_one) {
        (_, false) => {}
        (true, true) => drop(command.arg("--test-threads=1")),
        (false, true) => drop(command.args(["--", "--test-threads=1"])),
    }
    if let Some(cases) = tests.cases {
        // What a property throws away grows with its cases.
        command.env("PROPTEST_CASES", cases).env("PROPTEST_MAX_GLOBAL_REJECTS", cases);
        command.env("NEXTEST_PROFILE", "long");
    }
    let runner = if nextest { Runner::Nextest } else { Runner::CargoTest };
    run.step(name, &mut command, runner, minutes);
}

/// Which Rust tests, and how.
struct RustTests<'a> {
    /// Arguments that select packages and targets.
    select: &'a [&'a str],
    /// Cases of each property; `None`: as the test says.
    cases: Option<&'a str>,
    /// For tests that measure seconds with real processes.
    one_by_one: bool,
}

fn doc(run: &mut Run) {
    run.step("doc tests", &mut cargo(&["test", "--workspace", "--doc"]), Runner::Step, 15);
    let mut pages = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    run.step("doc pages", pages.env("RUSTDOCFLAGS", "-D warnings"), Runner::Step, 15);
}

/// The release binary, built as a step of its own so that nothing is measured while it builds.
fn build(run: &mut Run) -> Option<PathBuf> {
    let built = run.step("build", &mut cargo(&["build", "--release", "-p", "clearway"]), Runner::Step, 30);
    built.then(|| run.root.join("target/release/clearway"))
}

fn model(run: &mut Run) {
    if let Some(clearway) = build(run) {
        match model::rebuild(&run.root, &clearway) {
            Ok(mut import) => {
                if run.step("rebuild", &mut import, Runner::Step, 5) {
                    run.check("rebuilt is committed", model::compare_rebuilt(&run.root).err().as_deref());
                }
            }
            Err(failure) => run.check("rebuild", Some(&failure)),
        }
        run.step("check", Command::new(&clearway).args(["network", "check", MODEL]), Runner::Step, 5);
        for site in REFERENCE_SITES {
            let model = format!("network-models/reference-{site}");
            run.step(site, Command::new(&clearway).args(["network", "check", &model]), Runner::Step, 5);
            let name = format!("prove {site}");
            run.step(&name, Command::new(&clearway).args(["network", "prove", &model]), Runner::Step, 5);
        }
    }
}

fn proofs(run: &mut Run) {
    if let Some(clearway) = build(run) {
        run.step("prove", Command::new(clearway).args(["network", "prove", MODEL]), Runner::Step, 20);
    }
    let long = ["test", "--release", "-p", "clearway-prove", "-p", "clearway-planner", "--", "--ignored"];
    run.step("long proofs", &mut cargo(&long), Runner::CargoTest, 40);
}

fn interop(run: &mut Run) {
    // The whole workspace selects the features that the tests were built with: little is built anew.
    let mut select = vec!["--workspace", "--features", INTEROP];
    select.extend(INTEROP_TESTS.iter().flat_map(|test| ["--test", test]));
    rust_tests(run, "peers", &RustTests { select: &select, cases: None, one_by_one: true }, 20);
}

fn demo(run: &mut Run) {
    if let Some(clearway) = build(run) {
        demo_seed(run, &clearway, 1, Latency::SharedMachine);
    }
}

fn seeds(run: &mut Run) {
    if let Some(clearway) = build(run) {
        for seed in 1..=5 {
            demo_seed(run, &clearway, seed, Latency::Promised);
        }
    }
}

/// One headless run at speed 1, judged.
fn demo_seed(run: &mut Run, clearway: &PathBuf, seed: u32, latency: Latency) {
    let name = format!("seed {seed}");
    let report = run.log(&name).with_extension("json");
    let mut command = Command::new(clearway);
    command.args(["demo", "--headless", "--seconds", "300", "--json", "--seed", &seed.to_string()]);
    command.args(["--listen", ANY_PORT]);
    if !run.step_into(&name, &mut command, Runner::Step, 10, Some(&report)) {
        return;
    }
    let text = std::fs::read_to_string(&report).unwrap_or_default();
    let Ok(report) = serde_json::from_str::<Value>(&text) else {
        return run.check(&name, Some("the report is no JSON"));
    };
    for bar in bars::judge(&report, latency) {
        run.check(&name, (!bar.holds).then_some(bar.text.as_str()));
    }
}

fn live(run: &mut Run) {
    let Some(clearway) = build(run) else { return };
    let log = run.log("demo");
    match live::Demo::start(&clearway, &run.root, &log) {
        Ok(demo) => {
            let mut browser = npm(&run.root, &["run", "test:browser"]);
            run.step("browser", browser.env("CLEARWAY_URL", &demo.url), Runner::Playwright, 5);
            run.check("Ctrl-C ends the demo", demo.interrupt().err().as_deref());
        }
        Err(failure) => run.check("demo starts", Some(&failure)),
    }
}

fn benches(run: &mut Run) {
    for name in bench::CRITERION {
        let mut command = cargo(&["bench", "-p", "clearway-benches", "--bench", name, "--", "--test"]);
        run.step(name, &mut command, Runner::Step, 20);
    }
    run.step("open loop", &mut bench::open_loop(&["--seconds", "2"]), Runner::Step, 20);
    gate(run);
}

/// The hot path within its budgets; and the gate itself, by a slowdown that it must not let pass.
fn gate(run: &mut Run) {
    let lines = match bench::check(&run.root) {
        Ok(lines) => lines,
        Err(failure) => return run.check("budgets", Some(&failure)),
    };
    for line in lines {
        run.check(&line.step, (!line.holds).then_some(line.row().as_str()));
    }
    match bench::latencies(&run.root) {
        Ok(latencies) => {
            for latency in latencies {
                run.check(&latency.name, (!latency.holds()).then_some(latency.row().as_str()));
            }
        }
        Err(failure) => run.check("latencies", Some(&failure)),
    }
    match bench::planted(&run.root) {
        Ok(line) => run.check(&line.step, line.holds.then_some("the gate did not catch it")),
        Err(failure) => run.check("planted slowdown", Some(&failure)),
    }
}

fn property(run: &mut Run) {
    let many = RustTests { select: &EVERY_TEST, cases: Some(PROPERTY_CASES), one_by_one: false };
    rust_tests(run, "properties", &many, 90);
}

fn deny(run: &mut Run) {
    if !setup::has_cargo("deny") {
        let install = ["install", "cargo-deny", "--locked"];
        if !run.step("install cargo-deny", &mut cargo(&install), Runner::Step, 30) {
            return;
        }
    }
    run.step("cargo deny", &mut cargo(&["deny", "check", "licenses", "bans", "sources"]), Runner::Step, 5);
}

fn budgets(run: &mut Run) {
    let modbus = ["test", "--release", "-p", "clearway-modbus", "ratio", "--", "--ignored"];
    run.step("modbus beside its library", &mut cargo(&modbus), Runner::CargoTest, 15);
    let ntcip = ["bench", "-p", "clearway-ntcip", "--bench", "ratio"];
    run.step("ntcip beside its library", &mut cargo(&ntcip), Runner::Step, 15);
    let metropolis = ["test", "--release", "-p", "clearway-traffic", "--test", "scenarios", "metropolis"];
    run.step("metropolis", cargo(&metropolis).args(["--", "--ignored"]), Runner::CargoTest, 15);
    let scale = ["test", "--release", "-p", "clearway", "--features", "interop", "--test", "interop_scale"];
    run.step("500 controllers", &mut cargo(&scale), Runner::CargoTest, 15);
}

fn faults(run: &mut Run) {
    let matrix = ["test", "-p", "clearway-field", "--test", "proxy_matrix", "--", "--include-ignored"];
    run.step("proxy", &mut cargo(&matrix), Runner::CargoTest, 20);
    let mut seeds = dst::simulation(&run.root, &["--seed", "101", "--seeds", "400"]);
    run.step("seeds", &mut seeds, Runner::Step, 30);
}

fn simulation(run: &mut Run) {
    let bugs = ["test", "--release", "-p", "clearway-traffic", "--features", "faults", "--test", "faults"];
    let mut command = cargo(&bugs);
    run.step("bugs", command.args(["--no-fail-fast", "--", "--include-ignored"]), Runner::CargoTest, 15);
    let mut seeds = dst::simulation(&run.root, &["--seed", "1", "--seeds", "100"]);
    run.step("seeds", &mut seeds, Runner::Step, 15);
}

/// Minutes of the soak, and by how much the resident memory may grow after a third of it.
const SOAK_MINUTES: u64 = 30;
const SOAK_GROWTH: f64 = 1.05;

fn soak(run: &mut Run) {
    let Some(clearway) = build(run) else { return };
    let seconds = (SOAK_MINUTES * 60).to_string();
    let mut command = Command::new(clearway);
    command.args([
        "demo",
        "--headless",
        "--json",
        "--seconds",
        &seconds,
        "--seed",
        "1",
        "--listen",
        ANY_PORT,
    ]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let failure = match Group::start(command.current_dir(&run.root)) {
        Ok(mut group) => watch_memory(run, &mut group),
        Err(failure) => Some(failure),
    };
    run.check("memory stays flat", failure.as_deref());
}

fn watch_memory(run: &Run, group: &mut Group) -> Option<String> {
    let started = Instant::now();
    let warm = Duration::from_secs(SOAK_MINUTES * 20);
    let limit = Duration::from_secs(SOAK_MINUTES * 60 + 300);
    let (mut base, mut last) = (None, 0.0);
    while started.elapsed() < limit {
        if let Some(status) = group.wait(Duration::from_secs(5)) {
            let Some(base) = base else { return Some(format!("ended too early: {status}")) };
            let grown = last > base * SOAK_GROWTH;
            let text = format!("resident memory grew from {base:.0} to {last:.0} KiB");
            return (!status.success()).then(|| status.to_string()).or(grown.then_some(text));
        }
        if run.interrupted() {
            return Some("interrupted".into());
        }
        let Some(resident) = group.resident_kib() else { continue };
        if base.is_none() && started.elapsed() > warm {
            base = Some(resident);
        }
        last = resident;
    }
    Some("not done in time".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_stands_in_the_documentation_with_its_minutes() {
        let page = include_str!("../../docs/testing.md");
        for tier in TIERS {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", tier.name)));
            let row = row.unwrap_or_else(|| panic!("docs/testing.md has no row for {}", tier.name));
            assert!(row.contains(&format!("| {} |", tier.minutes)), "{row}");
        }
    }

    #[test]
    fn the_short_tiers_fit_in_forty_five_minutes() {
        let minutes: u64 = TIERS.iter().filter(|tier| !tier.full_only).map(|tier| tier.minutes).sum();
        assert!(minutes <= 45, "{minutes}");
    }
}
