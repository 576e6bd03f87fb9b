//! Calibration of the windows: `cargo bench -p clearway-benches --bench calibration -- [--quick]`.

use clearway_benches::calibration::Plan;
use clearway_benches::calibration::report::Report;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--test");
    let plan = if quick { Plan::QUICK } else { Plan::FULL };
    let trips = std::env::args().find_map(|argument| argument.strip_prefix("--trips=")?.parse().ok());
    let plan = Plan { trips: trips.unwrap_or(plan.trips), ..plan };
    Report::run(&plan).print();
}
