//! How many tests a runner says it ran.

use std::ops::AddAssign;

/// Tests by their end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Passed.
    pub passed: u32,
    /// Failed.
    pub failed: u32,
    /// Not run, or run without the data that they need.
    pub skipped: u32,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// One check.
    #[must_use]
    pub const fn one(passed: bool) -> Self {
        Self { passed: passed as u32, failed: !passed as u32, skipped: 0 }
    }

    /// The closing line of a run.
    #[must_use]
    pub fn line(self) -> String {
        let Self { passed, failed, skipped } = self;
        if skipped == 0 {
            format!("{passed} passed, {failed} failed")
        } else {
            format!("{passed} passed, {failed} failed, {skipped} skipped")
        }
    }
}

/// Whose closing lines a step's output has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runner {
    /// None: the step itself is one test.
    Step,
    /// cargo-nextest.
    Nextest,
    /// `cargo test`.
    CargoTest,
    /// vitest.
    Vitest,
    /// Playwright.
    Playwright,
}

/// The word with which a test says that it could not look at reference data.
const SKIP_WORD: &str = "skipped: ";

/// Count the tests of a step from what it printed and how it ended.
///
/// A step that failed counts at least one failure, whatever it printed; so does one that
/// succeeded without running a test. A test that passed without its data counts as skipped.
#[must_use]
pub fn count(runner: Runner, lines: &[String], success: bool) -> Counts {
    let mut counts = match runner {
        Runner::Step => Counts::one(success),
        Runner::Nextest => sum(lines, "Summary [", nextest),
        Runner::CargoTest => sum(lines, "test result: ", cargo_test),
        Runner::Vitest => sum(lines, "Tests ", plain_words),
        Runner::Playwright => playwright(lines),
    };
    let without_data = u32::try_from(skips(lines).len()).unwrap_or(u32::MAX).min(counts.passed);
    counts.passed -= without_data;
    counts.skipped += without_data;
    let ran = counts.passed + counts.failed + counts.skipped > 0;
    if counts.failed == 0 && !(success && ran) {
        counts.failed = 1;
    }
    counts
}

/// What was skipped for want of data: each line once.
#[must_use]
pub fn skips(lines: &[String]) -> Vec<String> {
    let mut found: Vec<String> = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| line.starts_with(SKIP_WORD))
        .map(ToOwned::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The Rust tests that failed, by name, each once; page and browser name theirs last themselves.
#[must_use]
pub fn failed(runner: Runner, lines: &[String]) -> Vec<String> {
    let name = match runner {
        Runner::Nextest => nextest_failed,
        Runner::CargoTest => cargo_test_failed,
        Runner::Step | Runner::Vitest | Runner::Playwright => return Vec::new(),
    };
    let mut found: Vec<String> =
        lines.iter().filter_map(|line| name(line.trim())).map(ToOwned::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

/// `FAIL [   0.1s] (1/9) crate name`; nextest also prints the failed test's own output.
fn nextest_failed(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once('[')?;
    let word = word.trim();
    // Also `FAIL + LEAK` and `LEAK-FAIL`; a death by a signal has the signal for its word.
    let failed = ["FAIL", "LEAK-FAIL", "TIMEOUT", "ABORT", "SIG"].iter().any(|end| word.starts_with(end));
    let name = rest.split_once(']')?.1.trim();
    // The test's number among all stands in brackets before its name.
    let name = name.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(name, |(_, name)| name);
    failed.then(|| name.trim())
}

/// `test name ... FAILED`
fn cargo_test_failed(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

fn sum(lines: &[String], head: &str, parse: fn(&str) -> Counts) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        if let Some(rest) = line.trim_start().strip_prefix(head) {
            counts += parse(rest);
        }
    }
    counts
}

/// `  12.3s] 20 tests run: 19 passed (1 slow), 1 failed, 2 skipped`. Tests that a filter left
/// out are `skipped` there; another tier runs them, so they do not count here.
fn nextest(rest: &str) -> Counts {
    let words = plain_words(rest);
    let ended = number_before(rest, "timed out").unwrap_or(0);
    Counts { skipped: 0, failed: words.failed + ended, ..words }
}

/// `ok. 5 passed; 0 failed; 1 ignored; 0 measured; …`
fn cargo_test(rest: &str) -> Counts {
    Counts { skipped: number_before(rest, "ignored").unwrap_or(0), ..plain_words(rest) }
}

fn plain_words(rest: &str) -> Counts {
    let number = |word| number_before(rest, word).unwrap_or(0);
    Counts { passed: number("passed"), failed: number("failed"), skipped: number("skipped") }
}

/// `  3 passed (5.2s)`, `  1 failed`, `  2 flaky`, each on a line of its own.
fn playwright(lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        let mut words = line.split_whitespace();
        let (Some(number), Some(word)) = (words.next(), words.next()) else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        match word {
            "passed" => counts.passed += number,
            "failed" | "flaky" | "interrupted" | "did" => counts.failed += number,
            "skipped" => counts.skipped += number,
            _ => {}
        }
    }
    counts
}

/// The number that stands right before `word`.
fn number_before(text: &str, word: &str) -> Option<u32> {
    let before = &text[..text.find(word)?];
    before.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runner: Runner, output: &str, success: bool, expect: &str) {
        let lines: Vec<String> = output.lines().map(ToOwned::to_owned).collect();
        assert_eq!(count(runner, &lines, success).line(), expect, "{output}");
    }

    #[test]
    fn each_runner_is_read_as_it_closes() {
        check(
            Runner::Nextest,
            "     Summary [  12.345s] 20 tests run: 18 passed (1 slow), 1 failed, 1 timed out, 4 skipped",
            false,
            "18 passed, 2 failed",
        );
        check(
            Runner::CargoTest,
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            false,
            "7 passed, 1 failed, 1 skipped",
        );
        check(
            Runner::Vitest,
            " Test Files  3 passed (3)\n      Tests  1 failed | 11 passed (12)",
            false,
            "11 passed, 1 failed",
        );
        check(
            Runner::Playwright,
            "Running 4 tests using 1 worker\n  1 failed\n    [x] a.ts:3:1\n  3 passed (5.2s)",
            false,
            "3 passed, 1 failed",
        );
    }

    #[test]
    fn a_step_that_failed_or_ran_nothing_is_never_a_pass() {
        check(Runner::Nextest, "error: could not compile", false, "0 passed, 1 failed");
        check(Runner::Nextest, "", true, "0 passed, 1 failed");
        check(
            Runner::Nextest,
            "Summary [ 1.0s] 2 tests run: 2 passed, 0 skipped",
            false,
            "2 passed, 1 failed",
        );
    }

    #[test]
    fn failed_tests_are_named_once() {
        let output = "        PASS [   0.007s] (1378/1389) xtask::bin/xtask tidy::a\n\
                      \x20       FAIL + LEAK [   0.011s] ( 2/1389) clearway-field field::tests::b\n\
                      \x20    TIMEOUT [ 240.001s] (3/1389) clearway-traffic::wave c\n\
                      \x20     Summary [ 1.0s] 3 tests run: 1 passed, 1 failed, 1 timed out\n\
                      \x20       FAIL [   0.011s] (2/1389) clearway-field field::tests::b\n\
                      test field::tests::b ... FAILED";
        let lines: Vec<String> = output.lines().map(ToOwned::to_owned).collect();
        let named = ["clearway-field field::tests::b", "clearway-traffic::wave c"];
        assert_eq!(failed(Runner::Nextest, &lines), named);
        assert_eq!(failed(Runner::CargoTest, &lines), ["field::tests::b"]);
    }

    #[test]
    fn a_test_without_its_data_is_skipped_not_passed() {
        check(
            Runner::Nextest,
            "    skipped: shared/data/hfp not found\nSummary [ 1.0s] 2 tests run: 2 passed, 0 skipped",
            true,
            "1 passed, 0 failed, 1 skipped",
        );
    }
}
