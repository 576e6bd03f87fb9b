//! Fewer changes in a plan: greens that start or end within moments of another change do so with it.
//!
//! A green only ever becomes shorter by this, so every intergreen stays kept; none falls below its
//! minimum or what its queue needs. Drivers give up little for it, pedestrians more.

use super::signals::Signals;
use super::timing::{Timing, delay, needed_s};

/// What a green of drivers, and a walk, gives up at either end at most in one round.
const DRIVERS_S: u32 = 2;
const WALKERS_S: u32 = 6;
const ROUNDS: usize = 2;

/// The timing with its changes drawn together.
pub fn aligned(signals: &Signals, mut timing: Timing) -> Timing {
    for _ in 0..ROUNDS {
        draw_together(signals, &mut timing);
    }
    timing.greens.sort_by_key(|green| (green.group, green.start_s));
    timing.delay = delay(signals, timing.cycle_s, &timing.greens);
    timing
}

fn draw_together(signals: &Signals, timing: &mut Timing) {
    let mut by_time: Vec<usize> = (0..timing.greens.len()).collect();
    by_time.sort_by_key(|&n| {
        let green = timing.greens[n];
        (signals.needs[green.group].walks, green.start_s)
    });
    for &n in &by_time {
        let need = &signals.needs[timing.greens[n].group];
        let most_s = if need.walks { WALKERS_S } else { DRIVERS_S };
        for at_start in [false, true] {
            let needed_s = needed_s(need, timing.cycle_s, 1.0);
            let spare_s = timing.greens[n].length_s.saturating_sub(needed_s).min(most_s);
            let Some(cut_s) = farthest_change(timing, n, at_start, spare_s) else { continue };
            let green = &mut timing.greens[n];
            green.length_s -= cut_s;
            if at_start {
                green.start_s = (green.start_s + cut_s) % timing.cycle_s;
            }
        }
    }
}

/// Seconds inside a green, from its start or its end, to the change of another that lies deepest in it.
fn farthest_change(timing: &Timing, n: usize, at_start: bool, most_s: u32) -> Option<u32> {
    let cycle_s = timing.cycle_s;
    let own = timing.greens[n];
    let others = timing.greens.iter().enumerate().filter(|(m, _)| *m != n);
    let changes = others.flat_map(|(_, green)| [green.start_s, green.start_s + green.length_s]);
    let inside = changes.map(|change| {
        let since_start = (change % cycle_s + cycle_s - own.start_s) % cycle_s;
        if at_start { since_start } else { (own.length_s + cycle_s - since_start) % cycle_s }
    });
    inside.filter(|&seconds| seconds > 0 && seconds <= most_s).max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::import::osm::signals::testing::any_signals;
    use crate::import::osm::stages::smallest_covers;
    use crate::import::osm::timing::{Sequence, rows, testing::faults};

    proptest! {
        #[test]
        fn s1_s3_s4_a_plan_with_fewer_changes_is_as_safe_as_before(
            signals in any_signals(), slack_s in 0..60_u32
        ) {
            prop_assume!(signals.conflicts.iter().all(|with| *with != 0));
            let sequence = Sequence::new(&signals, &smallest_covers(&signals.conflicts)[0]);
            let before = sequence.timing(sequence.least_cycle_s(90, 0.0) + slack_s).unwrap();
            let after = aligned(&signals, before.clone());
            prop_assert_eq!(faults(&signals, &after), Vec::<String>::new());
            prop_assert!(rows(&after, |_| 0.0).0.len() <= rows(&before, |_| 0.0).0.len());
        }
    }
}
