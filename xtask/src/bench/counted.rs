//! Figures that tests count, not clocks: what equals an oracle, which mutants were found.

use std::path::Path;
use std::process::Command;

use super::results::said;
use crate::Failure;
use crate::process::finish;

/// A test that prints what it counted.
struct Counting {
    /// What the issue asks for.
    what: &'static str,
    /// Its bar.
    bar: &'static str,
    package: &'static str,
    target: &'static [&'static str],
    test: &'static str,
    /// What stands in the lines that are wanted.
    says: &'static str,
}

const TESTS: [Counting; 4] = [
    Counting {
        what: "arbitration, up to 15 requests, beside mixed-integer programs",
        bar: "equal on 10 000 of 10 000",
        package: "clearway-planner",
        target: &["--lib"],
        test: "equal_to_the_mixed_integer_program_on_10_000_instances",
        says: "equal to the oracle",
    },
    Counting {
        what: "reservations by insertion, up to 4 vehicles, beside exact ones",
        bar: "within 5 %",
        package: "clearway-planner",
        target: &["--lib"],
        test: "sequences_alone_are_within_five_percent_of_exact_for_up_to_four_vehicles",
        says: "within 5 % of exact",
    },
    Counting {
        what: "100 000 mutated plans",
        bar: "each refused or shown safe",
        package: "clearway-certify",
        target: &["--test", "mutants"],
        test: "each_mutated_plan_is_refused_or_shown_safe_under_every_response",
        says: " mutants: ",
    },
    Counting {
        what: "faults seeded into the sequencer",
        bar: "40, each found",
        package: "clearway-prove",
        target: &["--lib"],
        test: "every_seeded_fault_is_found",
        says: "seeded faults found",
    },
];

/// Build the tests, so that none is built while something is measured.
pub(super) fn build(root: &Path) -> Result<(), Failure> {
    for test in &TESTS {
        finish(test.cargo(root).args(["--no-run", "--quiet"]))?;
    }
    Ok(())
}

/// Run the tests; rows of the summary.
pub(super) fn rows(root: &Path) -> Result<Vec<(&'static str, &'static str, String)>, Failure> {
    let row = |test: &Counting| {
        let mut command = test.cargo(root);
        command.args(["--", "--nocapture", "--include-ignored", test.test]);
        Ok((test.what, test.bar, lines_with(&said(&mut command)?, test.says)))
    };
    TESTS.iter().map(row).collect()
}

impl Counting {
    fn cargo(&self, root: &Path) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(root).args(["test", "--release", "-p", self.package]).args(self.target);
        command
    }
}

fn lines_with(said: &str, wanted: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| line.contains(wanted)).collect();
    if lines.is_empty() { "?".into() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_does_not_say_is_a_question_mark() {
        let said = "running 1 test\n  3 of 3 seeded faults found\ntest x ... ok";
        assert_eq!(lines_with(said, "seeded faults found"), "3 of 3 seeded faults found");
        assert_eq!(lines_with(said, "mutants"), "?");
    }
}
