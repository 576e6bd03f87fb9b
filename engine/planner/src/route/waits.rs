//! How long a signal that runs its fixed-time plan keeps a vehicle: the remaining red at arrival.
//!
//! Planning notes 5: d(τ) = 0 while τ lies in a green of the group, else the time to the next one. Who
//! comes later never leaves earlier (FIFO), so that label setting stays exact.

use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, Millis};

/// Nothing follows.
const NONE: u32 = u32::MAX;

/// A green in the cycle of its group, milliseconds. Packed: a search asks for every signal of a city.
#[derive(Clone, Copy, Debug)]
struct Green {
    cycle_ms: u32,
    start_ms: u32,
    /// Zero where the plan never shows the group green.
    length_ms: u32,
    /// Another green of the group.
    next: u32,
}

impl Green {
    /// From a time of the cycle to this green; a cycle where there is none.
    #[inline]
    fn wait_ms(&self, position_ms: u32) -> u32 {
        let begun = position_ms >= self.start_ms;
        let into_ms = position_ms + if begun { 0 } else { self.cycle_ms } - self.start_ms;
        let left_ms = self.cycle_ms - if self.length_ms > 0 { into_ms } else { 0 };
        // A choice between two values: who comes at green or at red is a toss-up, and a branch would miss.
        if into_ms < self.length_ms { 0 } else { left_ms }
    }
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    offset: Millis,
    /// The first green of each group: from here on, by group.
    groups: u32,
    groups_end: u32,
}

/// The waiting functions of every signal group of a network.
#[derive(Clone, Debug)]
pub struct Waits {
    plans: Vec<Plan>,
    /// The first green of every group, then those that follow.
    greens: Vec<Green>,
    /// What a vehicle that comes at any time of the cycle waits on average, by group.
    means: Vec<Millis>,
}

impl Waits {
    /// Work the tables out.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let groups: usize = network.controllers.iter().map(|controller| controller.groups.len()).sum();
        let mut waits =
            Self { plans: Vec::new(), greens: Vec::with_capacity(groups), means: Vec::with_capacity(groups) };
        let mut others: Vec<Green> = Vec::new();
        for controller in &network.controllers {
            let plan = &controller.plan;
            let first = index(waits.greens.len());
            for group in (0u8..).map(GroupId).take(controller.groups.len()) {
                let own: Vec<(Millis, Millis)> = plan
                    .windows
                    .iter()
                    .filter(|window| window.group == group)
                    .map(|window| (window.start, window.length))
                    .collect();
                let mut next = NONE;
                for window in own.iter().skip(1) {
                    others.push(green(plan.cycle, *window, next));
                    next = index(groups + others.len() - 1);
                }
                let one = own.first().copied().unwrap_or_default();
                waits.greens.push(green(plan.cycle, one, next));
                waits.means.push(mean_wait(plan.cycle, &own));
            }
            let end = index(waits.greens.len());
            waits.plans.push(Plan { offset: plan.offset, groups: first, groups_end: end });
        }
        waits.greens.append(&mut others);
        waits
    }

    /// The wait of a vehicle that comes to a group at `at`, when a cycle began at `zero`.
    ///
    /// A group that the plan never shows green is waited for a whole cycle: somebody lets the vehicle
    /// through, or it passes with care. Unknown groups are not waited for.
    #[must_use]
    #[inline]
    pub fn planned(&self, controller: ControllerId, group: GroupId, zero: Millis, at: Millis) -> Millis {
        let Some(mut green) = self.place(controller, group).map(|place| &self.greens[place]) else {
            return Millis::ZERO;
        };
        let position_ms = position(at - zero, green.cycle_ms);
        let mut least_ms = green.wait_ms(position_ms);
        while let Some(next) = self.greens.get(green.next as usize) {
            green = next;
            least_ms = least_ms.min(green.wait_ms(position_ms));
        }
        Millis(i64::from(least_ms))
    }

    /// The same when nobody knows where in its cycle the controller stands: the average.
    #[must_use]
    pub fn mean(&self, controller: ControllerId, group: GroupId) -> Millis {
        self.place(controller, group).map_or(Millis::ZERO, |place| self.means[place])
    }

    /// Where the model says that the cycle begins.
    #[must_use]
    #[inline]
    pub fn offset(&self, controller: ControllerId) -> Millis {
        self.plans.get(controller.index()).map_or(Millis::ZERO, |plan| plan.offset)
    }

    #[inline]
    fn place(&self, controller: ControllerId, group: GroupId) -> Option<usize> {
        let plan = self.plans.get(controller.index())?;
        let place = plan.groups as usize + group.index();
        (place < plan.groups_end as usize).then_some(place)
    }
}

fn green(cycle: Millis, (start, length): (Millis, Millis), next: u32) -> Green {
    let ms = |time: Millis| u32::try_from(time.0.max(0)).unwrap_or(u32::MAX / 4);
    let cycle_ms = ms(cycle).clamp(1, u32::MAX / 4);
    Green { cycle_ms, start_ms: ms(start) % cycle_ms, length_ms: ms(length), next }
}

/// The time of the cycle. Divides 32 bits where they are enough: that takes half the time.
#[inline]
fn position(since: Millis, cycle_ms: u32) -> u32 {
    match u32::try_from(since.0) {
        Ok(since) => since % cycle_ms,
        // Below the cycle, so that it fits.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Err(_) => since.0.rem_euclid(i64::from(cycle_ms)) as u32,
    }
}

/// Σ red² / 2C over the reds of the cycle.
fn mean_wait(cycle: Millis, greens: &[(Millis, Millis)]) -> Millis {
    if greens.is_empty() || cycle.0 <= 0 {
        return cycle.max(Millis::ZERO);
    }
    let mut sum = 0_i128;
    for (start, length) in greens {
        // The red after this green ends where the next one begins, whichever of all that is.
        let end = start.0 + length.0;
        let red = greens.iter().map(|(next, _)| (next.0 - end).rem_euclid(cycle.0)).min().unwrap_or(0);
        let covered = greens.iter().any(|(s, l)| (end - s.0).rem_euclid(cycle.0) < l.0);
        let red = if covered { 0 } else { red };
        sum += i128::from(red) * i128::from(red);
    }
    Millis(i64::try_from(sum / (2 * i128::from(cycle.0))).unwrap_or(cycle.0).min(cycle.0))
}

/// Tables are far below 32 bits.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;
    use proptest::prelude::*;

    /// Corridor green 0–25 s, cross street 30–50 s, of 60 s.
    #[test]
    fn the_wait_is_what_is_left_of_the_red() {
        let waits = Waits::new(&corridor(1));
        let wait = |group, ms| waits.planned(ControllerId(0), GroupId(group), Millis(500), Millis(ms)).0;
        assert_eq!((wait(0, 500), wait(0, 25_499), wait(0, 25_500)), (0, 0, 35_000));
        assert_eq!((wait(1, 500), wait(1, 50_500), wait(0, -59_000)), (30_000, 40_000, 0));
        assert_eq!(waits.mean(ControllerId(0), GroupId(0)), Millis(35_000 * 35_000 / 120_000));
        assert_eq!(waits.planned(ControllerId(7), GroupId(0), Millis::ZERO, Millis(1)), Millis::ZERO);
    }

    proptest! {
        /// Without this no label-setting search is exact.
        #[test]
        fn who_comes_later_never_leaves_earlier(
            offset in 0_i64..60_000, at in 0_i64..200_000, later in 0_i64..70_000, group in 0_u8..3,
        ) {
            let mut network = corridor(1);
            // Two greens, one over the end of the cycle.
            network.controllers[0].plan.windows = vec![
                clearway_network::GreenWindow { group: GroupId(0), start: Millis(10_000), length: Millis(7_000) },
                clearway_network::GreenWindow { group: GroupId(0), start: Millis(55_000), length: Millis(9_000) },
                clearway_network::GreenWindow { group: GroupId(1), start: Millis(20_000), length: Millis(9_000) },
            ];
            let waits = Waits::new(&network);
            let leaves = |at| at + waits.planned(ControllerId(0), GroupId(group), Millis(offset), Millis(at)).0;
            prop_assert!(leaves(at) <= leaves(at + later));
        }

        #[test]
        fn the_mean_is_the_average_over_the_cycle(start in 0_i64..60, length in 1_i64..40) {
            let mut network = corridor(1);
            let (start, length) = (Millis(start * 1_000), Millis(length * 1_000));
            network.controllers[0].plan.windows =
                vec![clearway_network::GreenWindow { group: GroupId(0), start, length }];
            let waits = Waits::new(&network);
            let wait = |at| waits.planned(ControllerId(0), GroupId(0), Millis::ZERO, Millis(at)).0;
            let average = (0..600).map(|n| wait(n * 100)).sum::<i64>() / 600;
            prop_assert!((average - waits.mean(ControllerId(0), GroupId(0)).0).abs() <= 60);
        }
    }
}
