//! Latency of a position on a way with 30 signals: `cargo bench -p clearway-benches --bench fix`.

use clearway_benches::alloc_counter::CountingAllocator;
use clearway_benches::fix::run;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Bars in microseconds: median and 99th percentile.
const BARS: [(f64, f64); 2] = [(2.0, 20.0), (f64::INFINITY, 200.0)];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test" || argument == "--quick");
    println!("| step | runs | commands | p50 µs | bar | p99 µs | bar | p99.9 µs | allocations |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (latency, (p50_us, p99_us)) in run(if quick { 200 } else { 50_000 }).iter().zip(BARS) {
        let us = |quantile| {
            #[allow(clippy::cast_precision_loss)]
            let ns = latency.ns.value_at_quantile(quantile) as f64;
            ns / 1000.0
        };
        let bar = |us: f64| if us.is_finite() { format!("{us:.0}") } else { String::new() };
        println!(
            "| {} | {} | {} | {:.2} | {} | {:.2} | {} | {:.2} | {} |",
            latency.name,
            latency.ns.len(),
            latency.commands,
            us(0.5),
            bar(p50_us),
            us(0.99),
            bar(p99_us),
            us(0.999),
            latency.allocations
        );
    }
}
