//! `clearway network prove`: every reachable state of every junction of a model.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clearway_certify::worst_case_entry;
use clearway_network::Controller;
use clearway_prove::{Assumptions, Bounds, Method, Proof, SiteError, prove, svg};
use clearway_signals::Millis;
use miette::{IntoDiagnostic, Result, WrapErr};
use serde::Serialize;

use super::{Exit, load_model};

/// Memory for the states of all junctions that are explored at the same time.
const BYTES_MAX: u64 = 4 << 30;

/// What to prove, and where to show it.
pub struct Request {
    /// The folder of the model.
    pub dir: PathBuf,
    /// Only this controller.
    pub controller: Option<String>,
    /// A junction with more states than this is proved in parts.
    pub states_max: u32,
    /// As JSON.
    pub json: bool,
    /// Draw the counterexample here, or without one the slowest entry of all.
    pub svg: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report<'a> {
    holds: bool,
    states: u64,
    transitions: u64,
    elapsed_s: f64,
    junctions: Vec<Junction<'a>>,
}

#[derive(Serialize)]
struct Junction<'a> {
    controller: &'a str,
    title: &'a str,
    holds: bool,
    method: &'static str,
    step_s: f64,
    states: u64,
    transitions: u64,
    elapsed_s: f64,
    entries: Vec<Entry>,
    longest_reds: Vec<Red<'a>>,
    unproved: Option<&'a str>,
    counterexample: Option<Counterexample<'a>>,
}

#[derive(Serialize)]
struct Entry {
    row: u8,
    kind: String,
    slowest_s: f64,
    certified_bound_s: Option<f64>,
    witness: Option<String>,
}

#[derive(Serialize)]
struct Red<'a> {
    group: &'a str,
    longest_s: f64,
}

#[derive(Serialize)]
struct Counterexample<'a> {
    invariant: String,
    what: &'a str,
    part: &'a str,
    timeline: String,
}

/// A proof, how long it took, and what the certificate's own bound says of each entry.
struct Done {
    proof: Proof,
    elapsed: Duration,
    certified: Vec<Option<Millis>>,
}

impl Done {
    /// Whether the certificate's bound covers every entry that was found.
    fn is_covered(&self) -> bool {
        let entries = self.proof.entries.iter().zip(&self.certified);
        entries.into_iter().all(|(entry, bound)| bound.is_some_and(|bound| bound >= entry.slowest))
    }

    fn holds(&self) -> bool {
        self.proof.holds() && self.is_covered()
    }
}

/// Prove a model.
pub fn run(request: &Request) -> Result<Exit> {
    let Some(loaded) = load_model(&request.dir) else { return Ok(Exit::ModelInvalid) };
    let wanted = |c: &&Controller| request.controller.as_ref().is_none_or(|name| *name == c.name);
    let controllers: Vec<&Controller> = loaded.network.controllers.iter().filter(wanted).collect();
    let begun = Instant::now();
    let done = prove_all(&controllers, request.states_max).into_diagnostic()?;
    let elapsed = begun.elapsed();
    if let Some(file) = &request.svg {
        draw(&done, file)?;
    }
    if request.json {
        println!("{}", serde_json::to_string_pretty(&report(&done, elapsed)).into_diagnostic()?);
    } else {
        print(&done, elapsed, request.controller.is_some());
    }
    Ok(exit(&done))
}

/// What is broken goes before what could not be proved within the bounds.
fn exit(done: &[Done]) -> Exit {
    let is_broken = |done: &Done| done.proof.counterexample.is_some() || !done.is_covered();
    if done.is_empty() || done.iter().any(is_broken) {
        Exit::Failed
    } else if done.iter().all(Done::holds) {
        Exit::Ok
    } else {
        Exit::BudgetExceeded
    }
}

/// All junctions, on every core, in the order of the model.
fn prove_all(controllers: &[&Controller], states_max: u32) -> std::result::Result<Vec<Done>, SiteError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(controllers.len().max(1));
    let bytes_max = BYTES_MAX / threads as u64;
    let bounds = Bounds { states_max, bytes_max };
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(controller) = controllers.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begun = Instant::now();
            let proved = prove(controller, &Assumptions::default(), bounds).map(|proof| {
                let elapsed = begun.elapsed();
                let junction = controller.junction();
                let row = |entry: &clearway_prove::prove::Entry| junction.row(entry.row).copied();
                let bound = |entry| row(entry).and_then(|row| worst_case_entry(&junction, &row));
                let certified = proof.entries.iter().map(bound).collect();
                Done { proof, elapsed, certified }
            });
            results.lock().unwrap_or_else(PoisonError::into_inner).push((controller.id, proved));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(id, _)| *id);
    results.into_iter().map(|(_, proved)| proved).collect()
}

const fn word(method: Method) -> &'static str {
    match method {
        Method::Whole => "whole",
        Method::Reduced => "reduced",
    }
}

fn report(done: &[Done], elapsed: Duration) -> Report<'_> {
    Report {
        holds: done.iter().all(Done::holds),
        states: done.iter().map(|done| done.proof.states).sum(),
        transitions: done.iter().map(|done| done.proof.transitions).sum(),
        elapsed_s: elapsed.as_secs_f64(),
        junctions: done.iter().map(junction).collect(),
    }
}

fn junction(done: &Done) -> Junction<'_> {
    let proof = &done.proof;
    let entries = proof.entries.iter().zip(&done.certified).map(|(entry, bound)| Entry {
        row: entry.number,
        kind: format!("{:?}", entry.kind).to_lowercase(),
        slowest_s: entry.slowest.as_s(),
        certified_bound_s: bound.map(Millis::as_s),
        witness: entry.witness.as_ref().map(clearway_prove::timeline::Timeline::to_text),
    });
    let reds = proof.reds.iter().map(|red| Red { group: &red.name, longest_s: red.longest.as_s() });
    Junction {
        controller: &proof.name,
        title: &proof.title,
        holds: done.holds(),
        method: word(proof.method),
        step_s: proof.step.as_s(),
        states: proof.states,
        transitions: proof.transitions,
        elapsed_s: done.elapsed.as_secs_f64(),
        entries: entries.collect(),
        longest_reds: reds.collect(),
        unproved: proof.unproved.as_deref(),
        counterexample: proof.counterexample.as_ref().map(|example| Counterexample {
            invariant: example.violation.invariant.to_string(),
            what: &example.violation.what,
            part: &example.part,
            timeline: example.timeline.to_text(),
        }),
    }
}

/// A line for each junction, a line for each row where one junction is looked at, and whatever is broken.
fn print(done: &[Done], elapsed: Duration, in_full: bool) {
    println!(
        "{:12} {:>7} {:>11} {:>12} {:>7}  slowest entry   longest red",
        "junction", "method", "states", "transitions", "time"
    );
    for done in done {
        let proof = &done.proof;
        let slowest = proof.entries.iter().map(|entry| entry.slowest).max().unwrap_or_default();
        let red = proof.reds.iter().map(|red| red.longest).max().unwrap_or_default();
        println!(
            "{:12} {:>7} {:>11} {:>12} {:>5.1} s  {:>11.1} s   {:>9.1} s",
            proof.name,
            word(proof.method),
            proof.states,
            proof.transitions,
            done.elapsed.as_secs_f64(),
            slowest.as_s(),
            red.as_s()
        );
        print_faults(done);
        if in_full {
            print_entries(done);
        }
    }
    let states: u64 = done.iter().map(|done| done.proof.states).sum();
    let held = done.iter().filter(|done| done.holds()).count();
    println!("{held} of {} junctions proved, {states} states, {:.1} s", done.len(), elapsed.as_secs_f64());
}

fn print_faults(done: &Done) {
    let proof = &done.proof;
    if let Some(reason) = &proof.unproved {
        println!("  NOT PROVED: {reason}");
    }
    if let Some(example) = &proof.counterexample {
        println!("  BROKEN {}: {} ({})", example.violation.invariant, example.violation.what, example.part);
        println!("{}", example.timeline.to_text());
    }
    for (entry, bound) in proof.entries.iter().zip(&done.certified) {
        let covered = bound.is_some_and(|bound| bound >= entry.slowest);
        if !covered {
            let bound = bound.map_or_else(|| "none".to_owned(), |bound| format!("{} s", bound.as_s()));
            println!(
                "  row {}: {} s, but the certificate's bound is {bound}",
                entry.number,
                entry.slowest.as_s()
            );
        }
    }
}

fn print_entries(done: &Done) {
    for (entry, bound) in done.proof.entries.iter().zip(&done.certified) {
        let bound = bound.map_or_else(|| "none".to_owned(), |bound| format!("{:.1} s", bound.as_s()));
        let (number, kind) = (entry.number, format!("{:?}", entry.kind).to_lowercase());
        println!(
            "\n  row {number} ({kind}): {:.1} s at most; certificate's bound {bound}",
            entry.slowest.as_s()
        );
        if let Some(witness) = &entry.witness {
            println!("{}", witness.to_text());
        }
    }
    for red in &done.proof.reds {
        println!("  {}: red {:.1} s at most outside preemption", red.name, red.longest.as_s());
    }
}

/// Draw what is broken first; when nothing is, the slowest entry of all.
fn draw(done: &[Done], file: &Path) -> Result<()> {
    let broken = done.iter().find_map(|done| {
        let example = done.proof.counterexample.as_ref()?;
        let title =
            format!("{}: {} {}", done.proof.name, example.violation.invariant, example.violation.what);
        Some((title, &example.timeline))
    });
    let entries = done.iter().flat_map(|done| done.proof.entries.iter().map(move |entry| (done, entry)));
    let slowest = entries.max_by_key(|(_, entry)| entry.slowest).and_then(|(done, entry)| {
        let seconds = entry.slowest.as_s();
        let title = format!("{}: slowest entry of row {}, {seconds} s", done.proof.name, entry.number);
        Some((title, entry.witness.as_ref()?))
    });
    let Some((title, timeline)) = broken.or(slowest) else { return Ok(()) };
    std::fs::write(file, svg::draw(&title, timeline))
        .into_diagnostic()
        .wrap_err_with(|| format!("{} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_reference_site_names_bounds_and_witnesses_and_the_certificate_covers_them() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/reference-tram");
        let loaded = load_model(&dir).expect("a shipped model is valid");
        let controllers: Vec<&Controller> = loaded.network.controllers.iter().collect();
        let done = prove_all(&controllers, 1_000_000).expect("it fits the grid");
        let report = serde_json::to_value(report(&done, Duration::ZERO)).expect("it serialises");
        assert_eq!(report["holds"], true);
        let entries = report["junctions"][0]["entries"].as_array().expect("a list");
        assert_eq!(entries.len(), 3);
        for entry in entries {
            assert!(entry["certified_bound_s"].as_f64() >= entry["slowest_s"].as_f64(), "{entry}");
            assert!(entry["witness"].as_str().is_some_and(|text| text.contains("is called")), "{entry}");
        }
    }

    #[test]
    fn a_bound_that_is_reached_is_a_budget_exceeded_and_not_a_proof() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/reference-tram");
        let request = Request { dir, controller: None, states_max: 1_000, json: false, svg: None };
        assert_eq!(run(&request).expect("it runs"), Exit::BudgetExceeded);
    }
}
