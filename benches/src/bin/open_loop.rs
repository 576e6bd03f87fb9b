//! The open-loop run: prints the table that the README shows.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use clearway_benches::load::{Report, run};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

#[derive(Parser)]
#[command(about = "Open-loop load on the engine; latencies from the scheduled instant")]
struct Options {
    /// Seconds at each rate.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Positions a second; may be given several times.
    #[arg(long, default_values_t = [200, 1000], value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: Vec<u32>,
    /// JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut reports = Vec::new();
    for rate in &options.rate {
        match run(*rate, options.seconds) {
            Ok(report) => reports.push(report),
            Err(error) => {
                eprintln!("open_loop: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if options.json {
        println!("{}", Value::from_iter(reports.iter().map(to_json)));
    } else {
        print_table(&reports);
    }
    // A run that measured nothing must not look like a good one.
    if reports.iter().all(|report| !report.from_schedule.is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print_table(reports: &[Report]) {
    println!("| positions a second | commands | counted from | p50 µs | p99 µs | p99.9 µs | max µs |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for report in reports {
        for (from, histogram) in
            [("the scheduled instant", &report.from_schedule), ("the sending", &report.from_send)]
        {
            let us = |quantile| microseconds(histogram.value_at_quantile(quantile));
            println!(
                "| {} | {} | {from} | {:.1} | {:.1} | {:.1} | {:.1} |",
                report.rate_hz,
                histogram.len(),
                us(0.5),
                us(0.99),
                us(0.999),
                microseconds(histogram.max()),
            );
        }
    }
}

fn to_json(report: &Report) -> Value {
    let latencies = |histogram: &Histogram<u64>| {
        let us = |quantile| microseconds(histogram.value_at_quantile(quantile));
        json!({"p50": us(0.5), "p99": us(0.99), "p999": us(0.999), "max": microseconds(histogram.max())})
    };
    json!({
        "rate_hz": report.rate_hz,
        "fixes": report.fixes,
        "shed": report.shed,
        "commands": report.from_schedule.len(),
        "from_schedule_us": latencies(&report.from_schedule),
        "from_send_us": latencies(&report.from_send),
    })
}

#[allow(clippy::cast_precision_loss)]
fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
