//! How long one thing takes, for benchmarks that print a median and a tail.

use std::hint::black_box;
use std::time::Instant;

/// Runs before any is counted.
const WARM_UP: usize = 200;

/// Median and 99th percentile of the nanoseconds that one call of `work` takes, over `runs` calls (one
/// at least). The clock's own reading, some tens of nanoseconds, is in them.
pub fn percentiles<T>(runs: usize, mut work: impl FnMut() -> T) -> (u64, u64) {
    for _ in 0..WARM_UP.min(runs) {
        black_box(work());
    }
    let mut taken: Vec<u64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    taken.sort_unstable();
    let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)];
    (at(50), at(99))
}

/// A row of the table of decoders: what, octets, median, tail, and whether both hold the bar.
#[must_use]
pub fn row(what: &str, octets: usize, (p50, p99): (u64, u64), bar_ns: u64) -> String {
    let us = |ns: u64| format!("{}.{:02}", ns / 1_000, ns % 1_000 / 10);
    let bar = if p50.max(p99) <= bar_ns { "met" } else { "MISSED" };
    format!("| {what} | {octets} | {} | {} | ≤ {} µs: {bar} |", us(p50), us(p99), bar_ns / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_percentiles_must_hold_the_bar() {
        assert_eq!(row("x", 9, (1_234, 5_000), 5_000), "| x | 9 | 1.23 | 5.00 | ≤ 5 µs: met |");
        assert!(row("x", 9, (1_000, 5_001), 5_000).ends_with("MISSED |"));
    }

    #[test]
    fn a_median_is_no_longer_than_the_tail() {
        let (p50, p99) = percentiles(50, || (0..100).sum::<u64>());
        assert!(p50 <= p99);
    }
}
