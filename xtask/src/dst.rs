//! `cargo xtask dst`: the fault simulation, optimised. A seed and a commit reproduce a run.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::process::finish;

/// Run seeds; `args` go to the simulation, `--help` lists them.
///
/// # Errors
/// A seed broke an invariant; what led to it, and the command that shows it again, was printed.
pub fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    let simulation = [
        "run",
        "--quiet",
        "--release",
        "--package",
        "clearway-traffic",
        "--features",
        "faults",
        "--example",
        "faults",
        "--",
    ];
    finish(Command::new("cargo").current_dir(root).args(simulation).args(args))
}
