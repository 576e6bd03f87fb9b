//! What a simulation gave: a table for people, a document for programs.

use clearway_traffic::experiment::{Comparison, Estimate, METRICS, RunResult, Summary, compare, summarize};
use clearway_traffic::scenario::{Control, Prepared, Scenario};
use serde_json::{Value, json};

/// The whole report. The same scenario and seed give the same bytes, unless `timing` asks how long the
/// runs took.
pub fn document(
    scenario: &Scenario,
    prepared: &Prepared,
    controls: &[Control],
    runs: &[RunResult],
    timing: bool,
) -> Value {
    let mut document = json!({
        "scenario": scenario.name,
        "network": prepared.network.name,
        "signals": prepared.network.controllers.len(),
        "links": prepared.network.links.len(),
        "warm_up_s": prepared.warm_up.as_s(),
        "duration_s": prepared.duration.as_s(),
        "controls": summaries(controls, runs).iter().map(summary_json).collect::<Vec<_>>(),
        "differences": comparisons(controls, runs).iter().map(comparison_json).collect::<Vec<_>>(),
        "runs": runs,
    });
    if timing && let Some(document) = document.as_object_mut() {
        document.insert("speed".into(), json!(runs.iter().map(|run| run.speed).collect::<Vec<_>>()));
    }
    document
}

fn summaries(controls: &[Control], runs: &[RunResult]) -> Vec<Summary> {
    controls.iter().map(|&control| summarize(control, runs)).collect()
}

/// Everything against the first.
fn comparisons(controls: &[Control], runs: &[RunResult]) -> Vec<Comparison> {
    let Some((&against, others)) = controls.split_first() else { return Vec::new() };
    others.iter().map(|&control| compare(control, against, runs)).collect()
}

fn figures_json(figures: &[(&'static str, Option<Estimate>)]) -> Value {
    let known = figures.iter().filter_map(|(key, estimate)| Some(((*key).to_owned(), json!((*estimate)?))));
    Value::Object(known.collect())
}

fn summary_json(summary: &Summary) -> Value {
    json!({ "control": summary.control, "runs": summary.runs, "figures": figures_json(&summary.figures) })
}

fn comparison_json(of: &Comparison) -> Value {
    json!({ "control": of.control, "against": of.against, "figures": figures_json(&of.figures) })
}

/// The table.
pub fn print(scenario: &Scenario, prepared: &Prepared, controls: &[Control], runs: &[RunResult]) {
    println!("{}", scenario.name);
    println!(
        "{}: {} signals, {} links; {:.0} s after {:.0} s of warm-up, {} runs each",
        prepared.network.name,
        prepared.network.controllers.len(),
        prepared.network.links.len(),
        prepared.duration.as_s(),
        prepared.warm_up.as_s(),
        runs.len() / controls.len().max(1)
    );
    let summaries = summaries(controls, runs);
    let comparisons = comparisons(controls, runs);
    print!("{:<34}", "mean ± 95 %");
    for summary in &summaries {
        print!("{:>20}", summary.control.name());
    }
    for comparison in &comparisons {
        print!("{:>24}", format!("{} less {}", comparison.control.name(), comparison.against.name()));
    }
    println!();
    for (row, metric) in METRICS.iter().enumerate() {
        let shown = summaries.iter().any(|summary| summary.figures[row].1.is_some());
        if !shown {
            continue;
        }
        print!("{:<34}", metric.title);
        for summary in &summaries {
            print!("{:>20}", cell(summary.figures[row].1, false));
        }
        for comparison in &comparisons {
            print!("{:>24}", cell(comparison.figures[row].1, true));
        }
        println!();
    }
    for run in runs.iter().filter(|run| run.violations > 0) {
        println!("{} seed {}: {} violations", run.control.name(), run.seed, run.violations);
    }
}

fn cell(estimate: Option<Estimate>, signed: bool) -> String {
    let Some(estimate) = estimate else { return "–".into() };
    let mean = if signed { format!("{:+.2}", estimate.mean) } else { format!("{:.2}", estimate.mean) };
    match estimate.ci95 {
        Some(half) => format!("{mean} ± {half:.2}"),
        None => mean,
    }
}

/// How fast the simulator was, on stderr: the figures differ from run to run.
pub fn tell_speed(runs: &[RunResult]) {
    for run in runs {
        let speed = run.speed;
        eprintln!(
            "{} seed {}: {:.0} × real time, {:.2} M traversals/s, {:.2} M events/s of processor time, {} cars on the road, {:.1} s",
            run.control.name(),
            run.seed,
            speed.simulated_s / speed.cpu_s.max(1e-9),
            speed.traversals_per_s / 1e6,
            speed.events_per_s / 1e6,
            speed.vehicles,
            speed.wall_s
        );
    }
}
