//! `cargo xtask bench`: criterion and the open-loop run, the gate on the hot path, the page of results.

mod counted;
mod gate;
mod latency;
mod results;

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::process::finish;

pub use gate::{check, planted};
pub use latency::measure as latencies;

/// The benchmarks of `benches/`.
pub const CRITERION: [&str; 4] = ["engine", "routing", "fix", "calibration"];

/// What to measure.
#[derive(clap::Args)]
pub struct Options {
    /// Hold instructions (by callgrind) and allocations of the hot path against benches/budgets.toml, and
    /// latencies against their loose ceilings; exit code 5 when one is over.
    #[arg(long)]
    check: bool,
    /// With --check: write the counts into the budgets.
    #[arg(long, requires = "check")]
    update: bool,
    /// With --check: plant a slowdown in a hot function instead and check that; the check must fail.
    #[arg(long, requires = "check", conflicts_with = "update")]
    planted: bool,
    /// Only the open-loop run, which prints the README's table.
    #[arg(long, conflicts_with = "check")]
    table: bool,
    /// Measure what the issues demand and write benches/RESULTS.md.
    #[arg(long, conflicts_with_all = ["check", "table"])]
    results: bool,
}

/// Run what was asked; whether the budgets hold.
///
/// # Errors
/// A benchmark fails, or a step cannot be counted.
pub fn run(root: &Path, options: &Options) -> Result<bool, Failure> {
    if options.check {
        return run_gate(root, options);
    }
    if options.results {
        return results::write(root).map(|()| true);
    }
    if !options.table {
        for name in CRITERION {
            finish(&mut bench(root, name, &[]))?;
        }
    }
    finish(open_loop(&[]).current_dir(root))?;
    Ok(true)
}

fn run_gate(root: &Path, options: &Options) -> Result<bool, Failure> {
    let lines = if options.planted { vec![planted(root)?] } else { check(root)? };
    print!("{}", gate::rows(&lines));
    if options.update {
        gate::update(root, &lines)?;
        return Ok(true);
    }
    let latencies = if options.planted { Vec::new() } else { latencies(root)? };
    if !latencies.is_empty() {
        print!("\n{}", latency::rows(&latencies));
    }
    Ok(lines.iter().all(|line| line.holds) && latencies.iter().all(latency::Latency::holds))
}

/// A benchmark of `benches/`.
fn bench(root: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["bench", "--quiet", "-p", "clearway-benches", "--bench", name, "--"]);
    command.args(arguments);
    command
}

/// The open-loop run: a fixed schedule of arrivals, latencies counted from the scheduled instant.
#[must_use]
pub fn open_loop(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--release", "-p", "clearway-benches", "--bin", "open_loop", "--"]);
    command.args(arguments);
    command
}
