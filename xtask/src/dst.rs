//! `cargo xtask dst`: the fault simulation, optimised. A seed and a commit reproduce a run.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::process::finish;

/// The simulation with these arguments.
pub fn simulation(root: &Path, args: &[&str]) -> Command {
    let run = ["run", "--quiet", "--release", "-p", "clearway-traffic", "--features", "faults"];
    let mut command = Command::new("cargo");
    command.current_dir(root).args(run).args(["--example", "faults", "--"]).args(args);
    command
}

/// Run seeds; `args` go to the simulation, `--help` lists them.
///
/// # Errors
/// A seed broke an invariant; what led to it, and the command that shows it again, was printed.
pub fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    finish(&mut simulation(root, &args))
}
