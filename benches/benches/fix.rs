//! Latency of a position on a way with 30 signals, and of the checker; memory of an engine:
//! `cargo bench -p clearway-benches --bench fix`.

use std::time::Instant;

use clearway_benches::alloc_counter::{CountingAllocator, allocations};
use clearway_benches::fix::{Latency, run};
use clearway_benches::memory::of_engine;
use clearway_benches::steps::{all, measured_step};
use hdrhistogram::Histogram;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Bars in microseconds: median and 99th percentile.
const BARS: [(f64, f64); 4] =
    [(2.0, 20.0), (f64::INFINITY, 200.0), (5.0, f64::INFINITY), (5.0, f64::INFINITY)];
/// Junctions of the plan that the steps `certify` and `certify_24_groups` check.
const JUNCTIONS: u64 = 10;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test" || argument == "--quick");
    let times = if quick { 200 } else { 50_000 };
    // First: what is measured later leaves memory behind.
    let (junctions, vehicles) = if quick { (100, 50) } else { (10_000, 5_000) };
    let memory = of_engine(junctions, vehicles);
    println!(
        "| step | runs | commands | p50 µs | bar | p99 µs | bar | p99.9 µs | allocations | of the SNMP library |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let [usual, anew] = run(times);
    let small = certificate("certify", "certificate, a junction", times);
    let large = certificate("certify_24_groups", "certificate, 24 groups, 6 in the dwell", times);
    for (latency, (p50_us, p99_us)) in [usual, anew, small, large].iter().zip(BARS) {
        let us = |quantile| {
            #[allow(clippy::cast_precision_loss)]
            let ns = latency.ns.value_at_quantile(quantile) as f64;
            ns / 1000.0
        };
        let bar = |us: f64| if us.is_finite() { format!("{us:.0}") } else { String::new() };
        println!(
            "| {} | {} | {} | {:.2} | {} | {:.2} | {} | {:.2} | {} | {} |",
            latency.name,
            latency.ns.len(),
            latency.commands,
            us(0.5),
            bar(p50_us),
            us(0.99),
            bar(p99_us),
            us(0.999),
            latency.allocations,
            latency.library_allocations
        );
    }
    #[allow(clippy::cast_precision_loss)]
    let size = memory.map_or("unknown".into(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
    println!("\nengine with {junctions} junctions and {vehicles} vehicles: {size}");
}

/// The check of a plan, a junction of it.
fn certificate(step: &str, name: &'static str, times: u32) -> Latency {
    let mut step = all().find(|known| known.name == step).map(|step| (step.make)()).expect("is a step");
    let ns = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("constant bounds");
    let mut latency = Latency { name, ns, allocations: 0, library_allocations: 0, commands: 0 };
    for _ in 0..times {
        step.prepare();
        let (allocated, started) = (allocations(), Instant::now());
        measured_step(step.as_mut());
        let spent = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        latency.ns.saturating_record(spent / JUNCTIONS);
        latency.allocations += allocations() - allocated;
    }
    latency
}
