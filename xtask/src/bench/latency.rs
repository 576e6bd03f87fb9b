//! Latencies beside their targets, under a ceiling so loose that only a blunder reaches it; and what
//! they were before: `benches/history.tsv`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use super::results::{cells, said};
use super::{bench, gate};
use crate::Failure;

/// One line for each figure of each run of `--results`.
const HISTORY: &str = "benches/history.tsv";

/// What the 99th percentile should be, and must be.
#[derive(Clone, Copy, Deserialize)]
pub struct Limit {
    target_us: f64,
    ceiling_us: f64,
}

/// The limits by the row of the benchmark `fix`.
pub type Limits = BTreeMap<String, Limit>;

/// A latency beside its limit.
pub struct Latency {
    /// The row of the benchmark.
    pub name: String,
    /// Nothing where the benchmark did not print it.
    p99_us: Option<f64>,
    limit: Limit,
}

/// Measure what has a limit.
///
/// # Errors
/// The budgets cannot be read, or the benchmark fails.
pub fn measure(root: &Path) -> Result<Vec<Latency>, Failure> {
    let limits = gate::read(root)?.latencies;
    let printed = said(&mut bench(root, "fix", &[]))?;
    Ok(beside(&limits, &printed))
}

fn beside(limits: &Limits, printed: &str) -> Vec<Latency> {
    let latency = |(name, limit): (&String, &Limit)| {
        let p99_us = cells(printed, name).get(5).and_then(|cell| cell.parse().ok());
        Latency { name: name.clone(), p99_us, limit: *limit }
    };
    limits.iter().map(latency).collect()
}

impl Latency {
    /// Whether it is below its ceiling.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.p99_us.is_some_and(|p99| p99 <= self.limit.ceiling_us)
    }

    /// The row of the table.
    #[must_use]
    pub fn row(&self) -> String {
        let Self { name, p99_us, limit } = self;
        let measured = p99_us.map_or("?".into(), |p99| format!("{p99:.2}"));
        let verdict = if self.holds() { "" } else { "OVER its ceiling" };
        format!("| {name} | {measured} | {} | {} | {verdict} |", limit.target_us, limit.ceiling_us)
    }
}

/// The latencies as a table.
#[must_use]
pub fn rows(latencies: &[Latency]) -> String {
    let heading = "| latency | p99, µs | target | ceiling | |\n| --- | ---: | ---: | ---: | --- |\n";
    latencies.iter().fold(heading.to_owned(), |table, latency| table + &latency.row() + "\n")
}

/// Keep what was measured: machine and commit, what, bar, figure.
///
/// # Errors
/// The history cannot be read or written.
pub fn remember(root: &Path, machine: &str, figures: &[(String, String, String)]) -> Result<(), Failure> {
    let path = root.join(HISTORY);
    let fail = |error: std::io::Error| format!("{HISTORY}: {error}");
    let old = std::fs::read_to_string(&path).map_err(fail)?;
    std::fs::write(&path, longer(&old, machine, figures)).map_err(fail)
}

fn longer(old: &str, machine: &str, figures: &[(String, String, String)]) -> String {
    let mut text = old.to_owned();
    let plain = |cell: &str| cell.replace(['\t', '\n'], " ");
    for (what, bar, measured) in figures {
        let _ = writeln!(text, "{}\t{}\t{}\t{}", plain(machine), plain(what), plain(bar), plain(measured));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "| step | runs |\n| a fix | 9 | 7 | 1.25 | 2 | 8.50 | 20 | 9.00 | 0 |";

    #[test]
    fn a_latency_holds_up_to_its_ceiling_and_one_that_is_not_printed_does_not() {
        let limit = |ceiling_us| Limit { target_us: 2.0, ceiling_us };
        for (name, ceiling_us, holds) in
            [("a fix", 8.5, true), ("a fix", 8.0, false), ("a tick", 99.0, false)]
        {
            let latencies = beside(&Limits::from([(name.to_owned(), limit(ceiling_us))]), PRINTED);
            assert_eq!(latencies[0].holds(), holds, "{}", latencies[0].row());
        }
    }

    #[test]
    fn history_grows_by_a_line_for_each_figure() {
        let figures = [("a fix".into(), "≤ 2".into(), "1.25\tµs".into())];
        assert_eq!(longer("head\n", "here", &figures), "head\nhere\ta fix\t≤ 2\t1.25 µs\n");
    }
}
