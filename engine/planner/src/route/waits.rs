//! How long a signal that runs its fixed-time plan keeps a vehicle: the remaining red at arrival.
//!
//! Planning notes 5: d(τ) = 0 while τ lies in a green of the group, else the time to the next one. Who
//! comes later never leaves earlier (FIFO), so that label setting stays exact.

use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, Millis};

/// The greens of one group in the cycle.
#[derive(Clone, Copy, Debug, Default)]
struct Greens {
    first: u32,
    end: u32,
    /// The wait of a vehicle that comes at any time of the cycle, on average.
    mean: Millis,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    cycle: Millis,
    offset: Millis,
    /// Where the controller's groups begin.
    groups: u32,
    groups_end: u32,
}

/// The waiting functions of every signal group of a network.
#[derive(Clone, Debug)]
pub struct Waits {
    plans: Vec<Plan>,
    groups: Vec<Greens>,
    /// Start and length of each green.
    greens: Vec<(Millis, Millis)>,
}

impl Waits {
    /// Work the tables out.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let mut waits = Self { plans: Vec::new(), groups: Vec::new(), greens: Vec::new() };
        for controller in &network.controllers {
            let plan = &controller.plan;
            let groups = index(waits.groups.len());
            for group in (0u8..).map(GroupId).take(controller.groups.len()) {
                let first = index(waits.greens.len());
                let own = plan.windows.iter().filter(|window| window.group == group);
                waits.greens.extend(own.map(|window| (window.start, window.length)));
                let end = index(waits.greens.len());
                let mean = mean_wait(plan.cycle, &waits.greens[first as usize..end as usize]);
                waits.groups.push(Greens { first, end, mean });
            }
            let groups_end = index(waits.groups.len());
            waits.plans.push(Plan { cycle: plan.cycle, offset: plan.offset, groups, groups_end });
        }
        waits
    }

    /// The wait of a vehicle that comes to a group at `at`, when a cycle began at `zero`.
    ///
    /// A group that the plan never shows green is waited for a whole cycle: somebody lets the vehicle
    /// through, or it passes with care. Unknown groups are not waited for.
    #[must_use]
    pub fn planned(&self, controller: ControllerId, group: GroupId, zero: Millis, at: Millis) -> Millis {
        let Some((plan, greens)) = self.of(controller, group) else { return Millis::ZERO };
        if greens.first == greens.end {
            return plan.cycle;
        }
        let position = (at - zero).0.rem_euclid(plan.cycle.0);
        let mut least = plan.cycle.0;
        for (start, length) in &self.greens[greens.first as usize..greens.end as usize] {
            let into = position - start.0;
            let into = if into < 0 { into + plan.cycle.0 } else { into };
            if into < length.0 {
                return Millis::ZERO;
            }
            least = least.min(plan.cycle.0 - into);
        }
        Millis(least)
    }

    /// The same when nobody knows where in its cycle the controller stands: the average.
    #[must_use]
    pub fn mean(&self, controller: ControllerId, group: GroupId) -> Millis {
        self.of(controller, group).map_or(Millis::ZERO, |(_, greens)| greens.mean)
    }

    /// Where the model says that the cycle begins.
    #[must_use]
    pub fn offset(&self, controller: ControllerId) -> Millis {
        self.plans.get(controller.index()).map_or(Millis::ZERO, |plan| plan.offset)
    }

    fn of(&self, controller: ControllerId, group: GroupId) -> Option<(Plan, Greens)> {
        let plan = *self.plans.get(controller.index())?;
        let at = plan.groups as usize + group.index();
        (at < plan.groups_end as usize).then(|| (plan, self.groups[at]))
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
