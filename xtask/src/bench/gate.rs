//! The gate on the hot path: instructions and allocations of each step against `benches/budgets.toml`.
//!
//! callgrind counts the instructions inside the measured function alone, so that the figure does not
//! depend on the machine's load; allocations are counted by the allocator of the same program, run by
//! itself and warm.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::latency::Limits;
use crate::Failure;
use crate::process::finish;

/// Instructions and allocations of each step.
const BUDGETS: &str = "benches/budgets.toml";
/// The program that runs one step.
const COUNTER: &str = "target/release/instructions";
/// The step in which the slowdown is planted: every run of it does the same work, so that a share of
/// its runs done twice is that share of its work.
const PLANTED_STEP: &str = "plan_wave";
/// By how much it is slowed down.
const PLANTED_PCT: u64 = 5;
/// Asks the program to repeat a share of its work.
const PLANTED: &str = "CLEARWAY_BENCH_PLANTED_PCT";

/// `benches/budgets.toml`.
#[derive(Deserialize)]
pub(super) struct Budgets {
    /// By how many percent a count of instructions may differ from its budget, in either direction.
    tolerance_pct: f64,
    /// Instructions in all runs of a step.
    instructions: BTreeMap<String, u64>,
    /// Allocations in all counted runs of a warm step, at most.
    allocations: BTreeMap<String, u64>,
    /// 99th percentiles of runs by themselves.
    pub(super) latencies: Limits,
}

/// A step against its budgets.
pub struct Line {
    /// The step.
    pub step: String,
    /// Instructions counted, and meant.
    instructions: (u64, u64),
    /// Allocations counted, and allowed.
    allocations: (u64, u64),
    /// Whether both are within their budgets.
    pub holds: bool,
}

/// Count every step that has a budget.
///
/// # Errors
/// The budgets cannot be read, or a step cannot be counted.
pub fn check(root: &Path) -> Result<Vec<Line>, Failure> {
    let budgets = read(root)?;
    build(root)?;
    let line = |(step, budget): (&String, &u64)| {
        let instructions = callgrind(root, step, None)?;
        let allowed = budgets.allocations.get(step).copied().unwrap_or(0);
        let allocations = (allocations(root, step)?, allowed);
        Ok(judge(step, (instructions, *budget), allocations, budgets.tolerance_pct))
    };
    budgets.instructions.iter().map(line).collect()
}

/// Plant a slowdown in a hot function and count it: whether the gate lets it pass.
///
/// # Errors
/// The budgets cannot be read, or the step cannot be counted.
pub fn planted(root: &Path) -> Result<Line, Failure> {
    let budgets = read(root)?;
    build(root)?;
    let budget = *budgets.instructions.get(PLANTED_STEP).ok_or("the planted step has no budget")?;
    let instructions = callgrind(root, PLANTED_STEP, Some(PLANTED_PCT))?;
    let name = format!("{PLANTED_STEP}, {PLANTED_PCT} % planted");
    Ok(judge(&name, (instructions, budget), (0, 0), budgets.tolerance_pct))
}

/// The steps beside their budgets, as a table.
#[must_use]
pub fn rows(lines: &[Line]) -> String {
    let heading = "| step | instructions, budget | counted | change | allocations, budget | counted | |\n\
                   | --- | ---: | ---: | ---: | ---: | ---: | --- |\n";
    lines.iter().fold(heading.to_owned(), |table, line| table + &line.row() + "\n")
}

impl Line {
    /// The row of the table.
    #[must_use]
    pub fn row(&self) -> String {
        let Self { step, instructions: (counted, budget), allocations: (allocated, allowed), holds } = self;
        let change = change_pct(*counted, *budget);
        let verdict = if *holds { "" } else { "OVER: explain it, then change the budget" };
        format!("| {step} | {budget} | {counted} | {change:+.2} % | {allowed} | {allocated} | {verdict} |")
    }
}

/// Write the counts into the budgets.
///
/// # Errors
/// The budgets cannot be read or written.
pub fn update(root: &Path, lines: &[Line]) -> Result<(), Failure> {
    let path = root.join(BUDGETS);
    let fail = |error: std::io::Error| format!("{BUDGETS}: {error}");
    let text = std::fs::read_to_string(&path).map_err(fail)?;
    std::fs::write(&path, with_counts(&text, lines)).map_err(fail)
}

pub(super) fn read(root: &Path) -> Result<Budgets, Failure> {
    let text = std::fs::read_to_string(root.join(BUDGETS)).map_err(|error| format!("{BUDGETS}: {error}"))?;
    toml::from_str(&text).map_err(|error| format!("{BUDGETS}: {error}"))
}

fn build(root: &Path) -> Result<(), Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["build", "--quiet", "--release", "-p", "clearway-benches"]);
    finish(cargo.args(["--bin", "instructions"]))
}

/// The budgets with these counts; comments and order stay.
fn with_counts(text: &str, lines: &[Line]) -> String {
    let mut section = "";
    let mut renewed = String::new();
    for old in text.lines() {
        if old.starts_with('[') {
            section = old.trim();
        }
        let step = old.split_once(" = ").map(|(step, _)| step);
        let counted =
            lines.iter().find(|line| step == Some(line.step.as_str())).and_then(|line| match section {
                "[instructions]" => Some(line.instructions.0),
                "[allocations]" => Some(line.allocations.0),
                _ => None,
            });
        match (step, counted) {
            (Some(step), Some(counted)) => renewed.push_str(&format!("{step} = {counted}")),
            _ => renewed.push_str(old),
        }
        renewed.push('\n');
    }
    renewed
}

fn judge(step: &str, instructions: (u64, u64), allocations: (u64, u64), tolerance_pct: f64) -> Line {
    let within = change_pct(instructions.0, instructions.1).abs() <= tolerance_pct;
    Line { step: step.to_owned(), instructions, allocations, holds: within && allocations.0 <= allocations.1 }
}

#[allow(clippy::cast_precision_loss)]
fn change_pct(counted: u64, budget: u64) -> f64 {
    (counted as f64 / budget.max(1) as f64 - 1.0) * 100.0
}

/// Instructions of the measured function alone: callgrind counts only inside it.
fn callgrind(root: &Path, step: &str, planted_pct: Option<u64>) -> Result<u64, Failure> {
    let mut command = Command::new("valgrind");
    command
        .current_dir(root)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured_step*"])
        .args([COUNTER, step])
        .stdin(Stdio::null())
        .env_remove(PLANTED);
    if let Some(pct) = planted_pct {
        command.env(PLANTED, pct.to_string());
    }
    let output = command.output().map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind, step {step}: {}\n{said}", output.status));
    }
    collected(&said).ok_or_else(|| format!("valgrind counted nothing in step {step}:\n{said}"))
}

/// `==12345== Collected : 6773355`
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(':').next()?.trim().parse().ok().filter(|count| *count > 0)
}

/// Allocations of the warm step.
fn allocations(root: &Path, step: &str) -> Result<u64, Failure> {
    let mut command = Command::new(root.join(COUNTER));
    let output = command.args([step, "--allocations"]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{COUNTER}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let count = said.split_whitespace().last().and_then(|word| word.parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| {
        format!(
            "{COUNTER} {step} --allocations: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(counted: u64, allocated: u64) -> Line {
        judge("plan", (counted, 1_000), (allocated, 0), 2.0)
    }

    #[test]
    fn callgrinds_count_is_read() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 6773355\n"), Some(6_773_355));
        assert_eq!(collected("==7== Collected : 0"), None);
        assert_eq!(collected("no such tool"), None);
    }

    #[test]
    fn new_counts_leave_the_rest_of_the_budgets_alone() {
        let text = "# why\ntolerance_pct = 2.0\n\n[instructions]\nplan = 1_000\nplan_wave = 7\n\n[allocations]\nplan = 3\n";
        let counted = with_counts(text, &[line(1_500, 0)]);
        assert_eq!(counted, text.replace("1_000", "1500").replace("plan = 3", "plan = 0"));
    }

    #[test]
    fn a_step_leaves_its_budget_in_either_direction() {
        assert!(line(1_019, 0).holds);
        assert!(!line(1_021, 0).holds);
        assert!(!line(979, 0).holds, "a gain is written down too");
    }

    #[test]
    fn a_slowdown_of_five_percent_is_over_the_budget() {
        assert!(!line(1_000 + 10 * PLANTED_PCT, 0).holds);
        let row = line(1_050, 0).row();
        assert!(row.contains("| 1000 | 1050 | +5.00 % | 0 | 0 | OVER"), "{row}");
    }

    #[test]
    fn one_allocation_more_is_over_the_budget() {
        assert!(!line(1_000, 1).holds);
    }

    #[test]
    fn the_budgets_name_the_tolerance_below_the_planted_slowdown() {
        let budgets: Budgets = toml::from_str(include_str!("../../../benches/budgets.toml")).unwrap();
        assert!(budgets.tolerance_pct * 2.0 < 5.0 && budgets.instructions.contains_key(PLANTED_STEP));
        assert!(budgets.instructions.keys().eq(budgets.allocations.keys()), "both of every step");
    }
}
