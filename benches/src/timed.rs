//! Runs timed by themselves: quantiles printed beside their target.
//!
//! Instances are random but the same each time, and so is the work that each one takes: each is run
//! three times and the least time is taken, so that the machine's other work does not count.

use std::hint::black_box;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::alloc_counter::allocations;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    nanos: u64,
    /// Allocations, where the counting allocator is installed.
    allocations: u64,
}

/// Time a piece of work; its result too.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Took, T) {
    let (before, begun) = (allocations(), Instant::now());
    let result = black_box(work());
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    (Took { nanos, allocations: allocations() - before }, result)
}

/// The heading of the lines that [`report`] prints.
pub fn heading() {
    println!("{:40} {:>9} {:>9} {:>9}  {:>9}", "µs", "p50", "p99", "max", "target");
}

/// Time `runs` instances by themselves, after a tenth as many that do not count, and print a line.
/// `notes` says in words what the instances gave.
pub fn report<T>(
    name: &str,
    runs: u64,
    target_us: Option<f64>,
    mut run: impl FnMut(u64) -> (Took, T),
    notes: impl FnOnce(&[T]) -> String,
) {
    let Ok(mut times) = Histogram::<u64>::new_with_bounds(1, 10_000_000_000, 3) else { return };
    let (mut gave, mut allocated) = (Vec::new(), 0);
    for seed in 0..runs / 10 {
        black_box(run(seed));
    }
    for seed in 0..runs {
        let (first, result) = run(seed);
        let took = [first, run(seed).0, run(seed).0];
        times.saturating_record(took.iter().map(|took| took.nanos).min().unwrap_or(0));
        allocated += took.iter().map(|took| took.allocations).sum::<u64>();
        gave.push(result);
    }
    #[allow(clippy::cast_precision_loss)]
    let us = |nanos: u64| nanos as f64 / 1_000.0;
    let p99 = us(times.value_at_quantile(0.99));
    let target = target_us.map_or_else(String::new, |target| format!("≤ {target}"));
    let met = target_us.map_or("", |target| if p99 <= target { "met" } else { "MISSED" });
    println!(
        "{name:40} {:9.2} {p99:9.2} {:9.2}  {target:>9}  {met} ({}{allocated} allocations)",
        us(times.value_at_quantile(0.5)),
        us(times.max()),
        notes(&gave),
    );
}
