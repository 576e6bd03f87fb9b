//! `cargo xtask demo`: the page if it can be had, then the demonstration.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::{Failure, console, setup};

/// Build what is missing and become `clearway demo`, so that Ctrl-C reaches it directly.
///
/// # Errors
/// Node cannot be installed, or cargo cannot be started.
pub fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    if setup::node()?
        && let Err(failure) = console::build_if_needed(root)
    {
        eprintln!("The operator's page could not be built ({failure}); going on without it.");
    }
    let error = Command::new("cargo")
        .current_dir(root)
        .args(["run", "--quiet", "--release", "--package", "clearway", "--", "demo"])
        .args(args)
        .exec();
    Err(format!("cargo: {error}"))
}
