//! One step, run a fixed number of times: callgrind counts inside `measured_step`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clearway_benches::steps::{all, run};

/// Enough to pass several signals of the corridor, few enough to be quick under callgrind.
const TIMES: u32 = 200;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(measured) = all().find(|measured| measured.name == name) else {
        eprintln!(
            "no step is called {name:?}; one of: {}",
            all().map(|m| m.name).collect::<Vec<_>>().join(" ")
        );
        return ExitCode::from(2);
    };
    println!("{name} {:016x}", run((measured.make)().as_mut(), TIMES));
    ExitCode::SUCCESS
}
