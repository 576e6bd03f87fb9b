//! The tier `fuzz`: every decoder under libFuzzer, guided by coverage and by the values that are
//! compared, on the stable compiler. cargo-fuzz would want another one for its sanitizers, which code
//! without `unsafe` has little need of: what counts here is a panic, a broken invariant, a hang, growth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::counts::Runner;
use crate::test::Run;

/// The packages with fuzz targets, each a workspace of its own beside the crate it tests.
const PACKAGES: [&str; 4] = ["feeds", "modbus", "ntcip", "rsmp"];
/// Processes that fuzz one decoder at once.
const WORKERS: u64 = 2;
/// Seconds that an input may take: then it is a hang.
const INPUT_MAX_S: u32 = 5;
/// Resident memory of a decoder with all the fuzzer keeps: beyond it is growth.
const RESIDENT_MAX_MB: u32 = 768;
/// What libFuzzer needs to see: each edge, and both sides of each comparison. An overflow is a panic.
const INSTRUMENTATION: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cdebug-assertions=yes",
    "-Ccodegen-units=1",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Fuzz every decoder for so many seconds of processor time.
pub fn run(run: &mut Run, seconds: u64) {
    let host = match host() {
        Ok(host) => host,
        Err(failure) => return run.check("compiler", Some(&failure)),
    };
    for package in PACKAGES {
        let folder = run.root.join("adapters").join(package).join("fuzz");
        let targets = match prepare(&run.root, &folder) {
            Ok(targets) => targets,
            Err(failure) => {
                run.check(package, Some(&failure));
                continue;
            }
        };
        if run.step(&format!("build {package}"), &mut build(&folder, &host), Runner::Step, 20) {
            for target in targets {
                decoder(run, &host, package, &folder, &target, seconds);
            }
        }
    }
}

/// The names of the targets. The crates that they are built of have the versions of the project.
fn prepare(root: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).map_err(fail)?;
    let mut targets = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets")).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    targets.sort();
    Ok(targets)
}

/// With a target named, the flags are the decoders' alone, not those of build scripts and macros.
fn build(folder: &Path, host: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--target", host, "--target-dir", "target/fuzz", "--manifest-path"]);
    command.arg(folder.join("Cargo.toml"));
    command.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\u{1f}"));
    command
}

fn decoder(run: &mut Run, host: &str, package: &str, folder: &Path, target: &str, seconds: u64) {
    let work = run.root.join("target/fuzz").join(package).join(target);
    let found = work.join("found");
    if let Err(error) = fs::create_dir_all(&found) {
        return run.check(target, Some(&format!("{}: {error}", found.display())));
    }
    let mut command = Command::new(binary(&run.root, host, target));
    command
        .current_dir(&work)
        .arg(format!("-max_total_time={}", seconds.div_ceil(WORKERS)))
        .arg(format!("-timeout={INPUT_MAX_S}"))
        .arg(format!("-rss_limit_mb={RESIDENT_MAX_MB}"))
        .arg(format!("-artifact_prefix={}/", work.display()))
        .args([format!("-jobs={WORKERS}"), format!("-workers={WORKERS}")])
        .args(["-use_value_profile=1", "-print_final_stats=1"])
        // What is found goes into the first folder, never into the repository's.
        .args([found, folder.join("corpus").join(target)]);
    run.step(&format!("{package} {target}"), &mut command, Runner::Step, 2 + seconds / 60);
}

fn binary(root: &Path, host: &str, target: &str) -> PathBuf {
    root.join("target/fuzz").join(host).join("release").join(target)
}

/// The triple of this machine.
fn host() -> Result<String, String> {
    let said = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say its host".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder without seeds is found blind, a corpus without a target is never read.
    #[test]
    fn every_fuzz_target_has_a_corpus_and_every_corpus_a_target() {
        let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters");
        for entry in fs::read_dir(&adapters).expect("a folder of this repository") {
            let folder = entry.expect("readable").path().join("fuzz");
            if !folder.exists() {
                continue;
            }
            let package = folder.parent().and_then(Path::file_name).expect("a name").to_string_lossy();
            assert!(PACKAGES.contains(&package.as_ref()), "{package} is not fuzzed");
            let names = |below: &str| {
                let entries = fs::read_dir(folder.join(below)).expect("a folder");
                let mut names: Vec<_> =
                    entries.filter_map(|e| Some(e.ok()?.path().file_stem()?.to_owned())).collect();
                names.sort();
                names
            };
            assert_eq!(names("fuzz_targets"), names("corpus"), "{package}");
        }
    }
}
