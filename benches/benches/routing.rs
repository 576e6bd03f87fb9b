//! criterion: the search of the quickest way, corner to corner.

use clearway_benches::steps::{Measured, ROUTING, measured_step};
use criterion::{Criterion, criterion_group, criterion_main};

fn searches(c: &mut Criterion) {
    for Measured { name, make } in ROUTING {
        let mut step = make();
        c.bench_function(name, |bencher| bencher.iter(|| measured_step(step.as_mut())));
    }
}

criterion_group!(routing, searches);
criterion_main!(routing);
