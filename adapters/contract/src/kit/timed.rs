//! How long one thing takes, for benchmarks that print a median and a tail.

use std::hint::black_box;
use std::time::Instant;

/// Runs before any is counted.
const WARM_UP: usize = 200;
/// Runs of one pass: so short that most passes are over before the machine does something else.
const PASS: usize = 500;

/// Median and 99th percentile of the nanoseconds that one call of `work` takes, over `runs` calls (one
/// at least). They are taken pass by pass, and the middle of the passes counts, so that what else the
/// machine does now and then is not in them; the clock's own reading, some tens of nanoseconds, is.
pub fn percentiles<T>(runs: usize, mut work: impl FnMut() -> T) -> (u64, u64) {
    for _ in 0..WARM_UP.min(runs) {
        black_box(work());
    }
    let passes = (0..runs.div_ceil(PASS).max(1)).map(|_| pass(runs.clamp(1, PASS), &mut work));
    let (medians, tails): (Vec<u64>, Vec<u64>) = passes.unzip();
    (at(medians, 50), at(tails, 50))
}

fn pass<T>(runs: usize, work: &mut impl FnMut() -> T) -> (u64, u64) {
    let taken: Vec<u64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    (at(taken.clone(), 50), at(taken, 99))
}

/// The value that `percent` of the others do not exceed.
fn at(mut values: Vec<u64>, percent: usize) -> u64 {
    values.sort_unstable();
    let place = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or(0)
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
