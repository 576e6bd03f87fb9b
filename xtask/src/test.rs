//! `cargo xtask test`: install what the tests need, run the tiers in order, count everything.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::counts::{self, Counts, Runner};
use crate::process::{self, Interrupt};
use crate::setup;
use crate::tiers::{TIERS, Tier};

/// Lines of a failed step that are shown; all of them stand in its log.
const FAILURE_LINES: usize = 120;

/// What to run.
#[derive(clap::Args)]
pub struct Options {
    /// Add the long tiers: five seeds, long property tests, licences, soak.
    #[arg(long)]
    full: bool,
    /// Run only the tiers of these names.
    #[arg(long, value_name = "NAME")]
    tier: Vec<String>,
    /// Print the tiers and end.
    #[arg(long)]
    list: bool,
    /// Show the output of every step as it comes.
    #[arg(long)]
    verbose: bool,
}

/// One run of the tiers: what the steps share.
pub struct Run {
    /// The workspace.
    pub root: PathBuf,
    interrupt: Interrupt,
    verbose: bool,
    tier: &'static str,
    counts: Counts,
    failures: Vec<String>,
    skips: Vec<String>,
}

/// Run the tiers; whether every test passed. The last line printed is the sum.
///
/// # Errors
/// Something is missing, or a tier's name is not known.
pub fn run(root: &Path, options: &Options) -> Result<bool, Failure> {
    if options.list {
        for tier in TIERS {
            println!("{:12} {}", tier.name, tier.what);
        }
        return Ok(true);
    }
    let chosen = choose(options)?;
    setup::tests(root)?;
    let mut run = Run {
        root: root.to_path_buf(),
        interrupt: Interrupt::install()?,
        verbose: options.verbose,
        tier: "",
        counts: Counts::default(),
        failures: Vec::new(),
        skips: Vec::new(),
    };
    let started = Instant::now();
    for tier in chosen {
        run.tier(tier);
        if run.interrupt.seen() {
            return Err("interrupted".into());
        }
    }
    Ok(run.close(started.elapsed()))
}

fn choose(options: &Options) -> Result<Vec<&'static Tier>, Failure> {
    if let Some(unknown) = options.tier.iter().find(|name| TIERS.iter().all(|tier| tier.name != **name)) {
        return Err(format!("no tier is called {unknown}; `cargo xtask test --list` names them"));
    }
    let wanted = |tier: &&Tier| {
        if options.tier.is_empty() {
            options.full || !tier.full_only
        } else {
            options.tier.iter().any(|name| name == tier.name)
        }
    };
    Ok(TIERS.iter().filter(wanted).collect())
}

impl Run {
    fn tier(&mut self, tier: &'static Tier) {
        eprintln!("── {}: {}", tier.name, tier.what);
        let (started, before) = (Instant::now(), self.counts);
        self.tier = tier.name;
        (tier.run)(self);
        let counts = Counts {
            passed: self.counts.passed - before.passed,
            failed: self.counts.failed - before.failed,
            skipped: self.counts.skipped - before.skipped,
        };
        let took = started.elapsed();
        eprintln!("   {}: {} in {}", tier.name, counts.line(), minutes(took));
        let minutes_taken = took.as_secs() / 60;
        if minutes_taken > tier.minutes {
            eprintln!("   slower than the {} min that docs/testing.md says", tier.minutes);
        }
    }

    /// Run a command as a step of the tier; count its tests; whether it succeeded.
    pub fn step(&mut self, name: &str, command: &mut Command, runner: Runner, minutes: u64) -> bool {
        self.step_into(name, command, runner, minutes, None)
    }

    /// The same, with standard output in a file.
    pub fn step_into(
        &mut self,
        name: &str,
        command: &mut Command,
        runner: Runner,
        minutes: u64,
        stdout: Option<&Path>,
    ) -> bool {
        if self.interrupt.seen() {
            return false;
        }
        if command.get_current_dir().is_none() {
            command.current_dir(&self.root);
        }
        let python = self.root.join("target/venv/bin/python");
        command.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never").env("CLEARWAY_TEST_PYTHON", python);
        let log = self.log(name);
        let limit = Duration::from_secs(60 * minutes);
        let outcome = process::run(command, limit, &log, stdout, self.verbose, &self.interrupt);
        self.counts += counts::count(runner, &outcome.lines, outcome.success);
        self.skips.extend(counts::skips(&outcome.lines));
        if !outcome.success {
            self.fail(name, &format!("{} (all of it: {})", outcome.reason, log.display()));
            for test in counts::failed(runner, &outcome.lines) {
                self.fail(name, &test);
            }
            if !self.verbose {
                let first = outcome.lines.len().saturating_sub(FAILURE_LINES);
                outcome.lines[first..].iter().for_each(|line| eprintln!("   | {line}"));
            }
        }
        outcome.success
    }

    /// Count one check that was made here.
    pub fn check(&mut self, name: &str, failure: Option<&str>) {
        self.counts += Counts::one(failure.is_none());
        if let Some(failure) = failure {
            self.fail(name, failure);
        }
    }

    /// Whether somebody asked us to end.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.interrupt.seen()
    }

    /// The log of a step.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        let file = format!("{}-{name}.log", self.tier).replace(' ', "-");
        self.root.join("target/xtask").join(file)
    }

    fn fail(&mut self, name: &str, why: &str) {
        let failure = format!("{}: {name}: {why}", self.tier);
        eprintln!("   FAILED {failure}");
        self.failures.push(failure);
    }

    fn close(mut self, took: Duration) -> bool {
        self.skips.sort();
        self.skips.dedup();
        for skip in &self.skips {
            eprintln!("{skip}");
        }
        for failure in &self.failures {
            eprintln!("FAILED {failure}");
        }
        eprintln!("All tiers: {}", minutes(took));
        println!("{}", self.counts.line());
        self.counts.failed == 0
    }
}

fn minutes(took: Duration) -> String {
    format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(full: bool, tier: &[&str]) -> Options {
        let tier = tier.iter().map(|&name| name.to_owned()).collect();
        Options { full, tier, list: false, verbose: false }
    }

    fn names(options: &Options) -> Vec<&'static str> {
        choose(options).unwrap().iter().map(|tier| tier.name).collect()
    }

    #[test]
    fn the_long_tiers_run_only_when_asked() {
        let short = names(&options(false, &[]));
        let full = names(&options(true, &[]));
        assert!(short.len() < full.len());
        assert!(short.iter().all(|name| full.contains(name)));
        assert_eq!(names(&options(false, &["tidy"])), ["tidy"]);
    }

    #[test]
    fn an_unknown_tier_is_refused_by_name() {
        assert!(choose(&options(false, &["no-such-tier"])).unwrap_err().contains("no-such-tier"));
    }
}
