//! `clearway simulate`: scenarios in virtual time, compared seed by seed.

mod files;
mod report;
mod validate;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Instant;

use clearway_network::Network;
use clearway_signals::Millis;
use clearway_traffic::experiment::{Record, Recording, RunResult, run as simulate};
use clearway_traffic::scenario::{Control, NetworkSpec, Prepared, Scenario, ScenarioFault, generate};
use miette::{IntoDiagnostic, Result, WrapErr, miette};

use super::Exit;
use crate::cli::{Simulate, SimulateControl, SimulateTask};
use crate::config::{ConfigError, Source};

/// The longest scenario or list of trips that is read, bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The cure of a fault that the TOML reader found.
const SYNTAX_CURE: &str = "Correct it as docs/simulate.md says; `clearway simulate schema` shows the form.";

/// Print the schema, or run a scenario.
pub fn run(args: &Simulate) -> Result<Exit> {
    match &args.task {
        Some(SimulateTask::Schema) => {
            println!("{}", serde_json::to_string_pretty(&Scenario::schema()).into_diagnostic()?);
            return Ok(Exit::Ok);
        }
        Some(SimulateTask::Validate { json, svg }) => return validate::run(*json, svg.as_deref()),
        None => {}
    }
    let path = args.scenario.as_deref().ok_or_else(|| miette!("give a scenario by --scenario"))?;
    let text = read(path)?;
    let source = Source::new(path, &text);
    let scenario = Scenario::parse(&text).map_err(|error| syntax(&source, &error))?;
    let Some((network, markings)) = network(args, path, &scenario)? else { return Ok(Exit::ModelInvalid) };
    let trips = match &scenario.demand.trips {
        Some(file) => Some(read(&beside(path, file))?),
        None => None,
    };
    let mut prepared =
        scenario.prepare(Arc::new(network), trips.as_deref()).map_err(|f| faults(&source, f))?;
    prepared.mark_lanes(markings.iter().map(|(name, first, last)| (name.as_str(), *first, *last)));
    let plan = Plan::of(args, &scenario);
    let done = plan.carry_out(&prepared);
    let runs: Vec<RunResult> = done.iter().map(|(run, _)| run.clone()).collect();
    files::write(args, &prepared, &scenario, &done)?;
    report::tell_speed(&runs);
    if args.json {
        let document = report::document(&scenario, &prepared, &plan.controls, &runs, args.timing);
        println!("{}", serde_json::to_string_pretty(&document).into_diagnostic()?);
    } else {
        report::print(&scenario, &prepared, &plan.controls, &runs);
    }
    let broken = runs.iter().any(|run| run.violations > 0);
    Ok(if broken { Exit::Failed } else { Exit::Ok })
}

fn read(path: &Path) -> Result<String> {
    let size = fs::metadata(path).into_diagnostic().wrap_err_with(|| cannot_read(path))?.len();
    if size > FILE_BYTES_MAX {
        return Err(miette!("{} is larger than {} MiB", path.display(), FILE_BYTES_MAX >> 20));
    }
    fs::read_to_string(path).into_diagnostic().wrap_err_with(|| cannot_read(path))
}

fn cannot_read(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

fn syntax(source: &Source, error: &toml::de::Error) -> ConfigError {
    let at = error.span().unwrap_or(0..0);
    source.error(vec![source.fault(at, error.message().to_owned(), SYNTAX_CURE)])
}

fn faults(source: &Source, found: Vec<ScenarioFault>) -> ConfigError {
    source.error(found.into_iter().map(|fault| source.fault(fault.at, fault.what, fault.cure)).collect())
}

/// A path of the scenario's file, from its folder.
fn beside(scenario: &Path, file: &Path) -> PathBuf {
    scenario.parent().unwrap_or(Path::new("")).join(file)
}

/// Movements by name, and the lanes that are marked for them.
type Markings = Vec<(String, u8, u8)>;

/// The network: of the command line, of the scenario's model, or generated. `None`: the model is invalid.
fn network(args: &Simulate, path: &Path, scenario: &Scenario) -> Result<Option<(Network, Markings)>> {
    let model = match (&args.network, scenario.network.get_ref()) {
        (Some(dir), _) => dir.clone(),
        (None, NetworkSpec::Model(dir)) => beside(path, dir),
        (None, spec) => {
            let made = generate(spec);
            return made.map(|network| Some((network, Vec::new()))).ok_or_else(|| {
                miette!("the network of {} cannot be generated: a size is out of range", path.display())
            });
        }
    };
    let Some(loaded) = super::load_model(&model) else { return Ok(None) };
    let marked = loaded
        .model
        .movements
        .iter()
        .filter_map(|row| Some((row.mvmt_id.clone(), row.start_ib_lane?, row.end_ib_lane?)));
    Ok(Some((loaded.network, marked.collect())))
}

/// What is run.
struct Plan {
    controls: Vec<Control>,
    seeds: Vec<u64>,
    jobs: usize,
    record: Record,
}

impl Plan {
    fn of(args: &Simulate, scenario: &Scenario) -> Self {
        let chosen: Vec<Control> = args.control.iter().map(|control| control.into()).collect();
        let controls = if chosen.is_empty() { scenario.controls.clone() } else { chosen };
        let first = args.seed.unwrap_or(scenario.seed);
        let runs = args.runs.unwrap_or(scenario.runs);
        let sample = millis(scenario.measure.sample_s);
        Self {
            controls,
            seeds: (0..u64::from(runs)).map(|n| first.wrapping_add(n)).collect(),
            jobs: usize::from(args.jobs.max(1)),
            record: Record {
                trajectories: args.csv.is_some().then_some(sample),
                signals: args.csv.is_some(),
                diagram: args
                    .svg
                    .is_some()
                    .then_some((usize::from(scenario.measure.diagram_mission), sample)),
            },
        }
    }

    /// Every kind of control with every seed, in that order whatever the number of jobs. Only the first
    /// seed is recorded.
    fn carry_out(&self, prepared: &Prepared) -> Vec<(RunResult, Recording)> {
        let seeds = |control: &Control| self.seeds.iter().map(|&seed| (*control, seed)).collect::<Vec<_>>();
        let cases: Vec<(Control, u64)> = self.controls.iter().flat_map(seeds).collect();
        let total_ms =
            (prepared.warm_up + prepared.duration).0 * i64::try_from(cases.len()).unwrap_or(i64::MAX);
        let progress = Progress::new(total_ms);
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(cases.len()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(control, seed)) = cases.get(index) else { return };
                let first = self.seeds.first() == Some(&seed);
                let record = if first { self.record } else { Record::default() };
                let mut reached = 0;
                let outcome = simulate(prepared, control, seed, record, &mut |now| {
                    progress.add(now.0 - reached);
                    reached = now.0;
                });
                // A poisoned lock means that a worker has panicked; its scope panics too.
                if let Ok(mut done) = done.lock() {
                    done.push((index, outcome));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.jobs.min(cases.len()) {
                scope.spawn(work);
            }
            work();
        });
        progress.end();
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// Seconds as milliseconds; saturates, ranges are checked.
#[allow(clippy::cast_possible_truncation)]
fn millis(seconds: f64) -> Millis {
    Millis((seconds * 1000.0).round() as i64)
}

impl From<&SimulateControl> for Control {
    fn from(control: &SimulateControl) -> Self {
        match control {
            SimulateControl::None => Self::None,
            SimulateControl::Local => Self::Local,
            SimulateControl::Clearway => Self::Clearway,
        }
    }
}

/// A bar on stderr, if a person looks.
struct Progress {
    seen: bool,
    begun: Instant,
    total_ms: i64,
    reached_ms: AtomicI64,
    drawn: Mutex<i64>,
}

impl Progress {
    fn new(total_ms: i64) -> Self {
        let seen = std::io::stderr().is_terminal();
        Self { seen, begun: Instant::now(), total_ms, reached_ms: AtomicI64::new(0), drawn: Mutex::new(-1) }
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn add(&self, ms: i64) {
        let reached = self.reached_ms.fetch_add(ms, Ordering::Relaxed) + ms;
        if !self.seen {
            return;
        }
        let permille = reached * 1_000 / self.total_ms.max(1);
        let Ok(mut drawn) = self.drawn.lock() else { return };
        if permille <= *drawn {
            return;
        }
        *drawn = permille;
        let share = reached as f64 / self.total_ms.max(1) as f64;
        let left_s = self.begun.elapsed().as_secs_f64() * (1.0 - share) / share.max(1e-6);
        let full = (share * 30.0) as usize;
        eprint!(
            "\r[{}{}] {:5.1} %, {left_s:.0} s left ",
            "#".repeat(full),
            "-".repeat(30 - full.min(30)),
            share * 100.0
        );
    }

    fn end(&self) {
        if self.seen {
            eprintln!();
        }
    }
}
