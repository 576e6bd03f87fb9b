//! Every measured step runs here too, once and small, so that no benchmark rots; and the engine's
//! steps allocate nothing once they are warm.

use clearway_benches::alloc_counter::{CountingAllocator, allocations};
use clearway_benches::steps::{ENGINE, MEETING, Measured, all, measured_step, run};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Long enough for every buffer to have seen its largest content: once along the corridor and on.
const WARM: u32 = 1_500;
const COUNTED: u32 = 1_000;

#[test]
fn every_step_gives_the_same_result_twice() {
    for Measured { name, make } in all() {
        let (first, second) = (run(make().as_mut(), 40), run(make().as_mut(), 40));
        println!("{name:20} {first:016x}");
        assert_eq!(first, second, "{name}");
    }
}

#[test]
fn the_counting_allocator_counts() {
    let before = allocations();
    let kept = std::hint::black_box(vec![1_u8; 100]);
    assert_eq!(allocations() - before, 1);
    drop(kept);
    assert_eq!(allocations() - before, 1, "freeing is not counted");
}

#[test]
fn a_warm_engine_allocates_nothing() {
    for Measured { name, make } in ENGINE.iter().chain(MEETING) {
        let mut step = make();
        run(step.as_mut(), WARM);
        let mut counted = 0;
        for _ in 0..COUNTED {
            step.prepare();
            let before = allocations();
            measured_step(step.as_mut());
            counted += allocations() - before;
        }
        assert_eq!(counted, 0, "{name}: {counted} allocations in {COUNTED} runs");
    }
}
