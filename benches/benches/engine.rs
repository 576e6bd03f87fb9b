//! criterion: the steps of one position, and the whole.

use clearway_benches::steps::{ENGINE, MEETING, Measured, measured_step};
use criterion::{Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};

fn steps(c: &mut Criterion) {
    for Measured { name, make } in ENGINE.iter().chain(MEETING) {
        let mut step = make();
        c.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    step.prepare();
                    let started = Instant::now();
                    measured_step(step.as_mut());
                    spent += started.elapsed();
                }
                spent
            });
        });
    }
}

criterion_group!(engine, steps);
criterion_main!(engine);
