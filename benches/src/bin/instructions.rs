//! One step, run a fixed number of times: callgrind counts inside `measured_step`. With
//! `--allocations` it is run warm, and what it allocates is counted instead.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;

use clearway_benches::alloc_counter::{CountingAllocator, allocations};
use clearway_benches::steps::{Step, all, measured_step, run};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Enough to pass several signals of the corridor, few enough to be quick under callgrind.
const TIMES: u32 = 200;
/// Long enough for every buffer to have seen its largest content.
const WARM: u32 = 1_500;
/// Set by the test of the gate: repeat this share of the runs, per cent, inside the measurement.
const PLANTED: &str = "CLEARWAY_BENCH_PLANTED_PCT";

/// A step that does a share of its work twice.
struct Planted {
    step: Box<dyn Step>,
    percent: u32,
    runs: u32,
}

impl Step for Planted {
    fn prepare(&mut self) {
        self.step.prepare();
    }

    fn run(&mut self) -> u64 {
        self.runs += self.percent;
        if self.runs >= 100 {
            self.runs -= 100;
            black_box(self.step.run());
        }
        self.step.run()
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(measured) = all().find(|measured| measured.name == name) else {
        eprintln!(
            "no step is called {name:?}; one of: {}",
            all().map(|m| m.name).collect::<Vec<_>>().join(" ")
        );
        return ExitCode::from(2);
    };
    let mut step = (measured.make)();
    if arguments.next().as_deref() == Some("--allocations") {
        println!("{name} {}", allocated(step.as_mut()));
        return ExitCode::SUCCESS;
    }
    if let Some(percent) = std::env::var(PLANTED).ok().and_then(|percent| percent.parse().ok()) {
        step = Box::new(Planted { step, percent, runs: 0 });
    }
    println!("{name} {:016x}", run(step.as_mut(), TIMES));
    ExitCode::SUCCESS
}

/// Allocations of warm runs.
fn allocated(step: &mut dyn Step) -> u64 {
    run(step, WARM);
    let mut counted = 0;
    for _ in 0..TIMES {
        step.prepare();
        let before = allocations();
        measured_step(step);
        counted += allocations() - before;
    }
    counted
}
