//! `cargo xtask bench`: criterion, the open-loop run, instruction counts against budgets.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Failure;
use crate::process::finish;

/// The benchmarks of `benches/`.
pub const CRITERION: [&str; 4] = ["engine", "routing", "fix", "calibration"];

/// Instructions of each step.
const BUDGETS: &str = "benches/budgets.toml";

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Count instructions with callgrind and hold them against benches/budgets.toml.
    #[arg(long)]
    instructions: bool,
    /// With --instructions: write the counts into the budgets.
    #[arg(long, requires = "instructions")]
    update: bool,
    /// Only the open-loop run, which prints the README's table.
    #[arg(long)]
    table: bool,
}

/// Run what was asked.
///
/// # Errors
/// A benchmark fails, or a budget is exceeded.
pub fn run(root: &Path, options: &Options) -> Result<(), Failure> {
    if options.instructions {
        let lines = instructions(root)?;
        lines.iter().for_each(|line| println!("{}", line.text));
        if options.update {
            return update(root, &lines);
        }
        return if lines.iter().all(|line| line.holds) { Ok(()) } else { Err("over budget".into()) };
    }
    if !options.table {
        for name in CRITERION {
            finish(Command::new("cargo").current_dir(root).args([
                "bench",
                "-p",
                "clearway-benches",
                "--bench",
                name,
            ]))?;
        }
    }
    finish(open_loop(&[]).current_dir(root))
}

/// The open-loop run: a fixed schedule of arrivals, latencies counted from the scheduled instant.
#[must_use]
pub fn open_loop(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "-p", "clearway-benches", "--bin", "open_loop", "--"]);
    command.args(arguments);
    command
}

/// `benches/budgets.toml`: instructions of each step.
#[derive(Deserialize)]
struct Budgets {
    /// By how many percent a step may differ from its budget, in either direction.
    tolerance_pct: f64,
    instructions: BTreeMap<String, u64>,
}

/// A step against its budget.
pub struct Line {
    /// The step.
    pub step: String,
    /// Instructions counted.
    counted: u64,
    /// Whether it is within the tolerance.
    pub holds: bool,
    /// Count and budget, for people.
    pub text: String,
}

/// Count the instructions of every step that has a budget.
///
/// # Errors
/// The budgets cannot be read, or valgrind cannot count.
pub fn instructions(root: &Path) -> Result<Vec<Line>, Failure> {
    let text = std::fs::read_to_string(root.join(BUDGETS)).map_err(|error| format!("{BUDGETS}: {error}"))?;
    let budgets: Budgets = toml::from_str(&text).map_err(|error| format!("{BUDGETS}: {error}"))?;
    finish(Command::new("cargo").current_dir(root).args([
        "build",
        "--release",
        "-p",
        "clearway-benches",
        "--bin",
        "instructions",
    ]))?;
    let count = |(step, budget): (&String, &u64)| {
        let counted = callgrind(root, step)?;
        Ok(judge(step, counted, *budget, budgets.tolerance_pct))
    };
    budgets.instructions.iter().map(count).collect()
}

fn update(root: &Path, lines: &[Line]) -> Result<(), Failure> {
    let path = root.join(BUDGETS);
    let fail = |error: std::io::Error| format!("{BUDGETS}: {error}");
    let text = std::fs::read_to_string(&path).map_err(fail)?;
    std::fs::write(&path, with_counts(&text, lines)).map_err(fail)
}

/// The budgets with these counts; comments and order stay.
fn with_counts(text: &str, lines: &[Line]) -> String {
    let renewed = |old: &str| {
        let counted =
            lines.iter().find(|line| old.split_once(" = ").is_some_and(|(step, _)| step == line.step));
        counted.map_or_else(|| old.to_owned(), |line| format!("{} = {}", line.step, line.counted))
    };
    text.lines().map(|line| renewed(line) + "\n").collect()
}

#[allow(clippy::cast_precision_loss)]
fn judge(step: &str, counted: u64, budget: u64, tolerance_pct: f64) -> Line {
    let off_pct = (counted as f64 / budget as f64 - 1.0) * 100.0;
    let holds = off_pct.abs() <= tolerance_pct;
    let advice = if holds { "" } else { " – explain it, then change benches/budgets.toml" };
    let text = format!("{step:24} {counted:>12} instructions, budget {budget:>12}, {off_pct:+.2} %{advice}");
    Line { step: step.to_owned(), counted, holds, text }
}

/// Instructions of the measured function alone: callgrind counts only inside it.
fn callgrind(root: &Path, step: &str) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .current_dir(root)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured_step*"])
        .args(["target/release/instructions", step])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrinds_count_is_read() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 6773355\n"), Some(6_773_355));
        assert_eq!(collected("==7== Collected : 0"), None);
        assert_eq!(collected("no such tool"), None);
    }

    #[test]
    fn new_counts_leave_the_rest_of_the_budgets_alone() {
        let text = "# why\ntolerance_pct = 2.0\n\n[instructions]\nplan = 1_000\nplan_wave = 7\n";
        let counted = with_counts(text, &[judge("plan", 1_500, 1_000, 2.0)]);
        assert_eq!(counted, text.replace("1_000", "1500"));
    }

    #[test]
    fn a_step_leaves_its_budget_in_either_direction() {
        assert!(judge("plan", 1_019, 1_000, 2.0).holds);
        assert!(!judge("plan", 1_021, 1_000, 2.0).holds);
        assert!(!judge("plan", 979, 1_000, 2.0).holds, "a gain is written down too");
    }
}
