//! `cargo xtask demo`: the page if it can be had, then the demonstration.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::{Failure, console, setup};

/// Build what is missing and become `clearway demo`, so that Ctrl-C reaches it directly.
///
/// # Errors
/// The page cannot be built although Node is there, or cargo cannot be started.
pub fn run(root: &Path, args: &[String]) -> Result<(), Failure> {
    if setup::node()? {
        console::build_if_needed(root)?;
    }
    let error = Command::new("cargo")
        .current_dir(root)
        .args(["run", "--quiet", "--release", "--package", "clearway", "--", "demo"])
        .args(args)
        .exec();
    Err(format!("cargo: {error}"))
}
