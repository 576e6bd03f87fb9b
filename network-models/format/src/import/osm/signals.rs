//! What a plan is made for: the groups of a controller with their needs, and the intergreens.

use super::conflict::{Relation, whole_seconds};
use super::junction::Controller;
use super::profile::Profile;
use super::stages::Set;

/// What one group needs and what its green is worth.
#[derive(Clone, PartialEq, Debug)]
pub struct Need {
    /// Shortest green or walk, seconds.
    pub min_green_s: u32,
    /// Shortest time between two greens of the group, seconds.
    pub min_red_s: u32,
    /// Whether it is for pedestrians: they walk once in a cycle.
    pub walks: bool,
    /// People who pass in an hour.
    pub persons_per_h: f64,
    /// Vehicles that its lanes carry in an hour of green; zero where nobody queues.
    pub saturation_per_h: f64,
    /// Share of that which arrives.
    pub flow_ratio: f64,
}

/// The groups of one controller.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Signals {
    /// Needs, by group.
    pub needs: Vec<Need>,
    /// For each group those that may never be green with it.
    pub conflicts: Vec<Set>,
    /// Seconds from the end of the first group's green to the start of the second's.
    pub intergreen_s: Vec<Vec<u32>>,
}

impl Signals {
    /// Of a controller.
    pub fn of(controller: &Controller, profile: &Profile) -> Self {
        let groups = 0..controller.groups.len();
        let conflicts_of = |a: usize| {
            let with = groups.clone().filter(|&b| controller.conflicts(a, b) || controller.conflicts(b, a));
            with.fold(0, |set: Set, b| set | 1 << b)
        };
        let seconds = |relation: &Relation| match relation {
            Relation::Conflict(seconds) => *seconds,
            _ => 0,
        };
        let need = |group: &super::junction::Group| Need {
            min_green_s: whole_seconds(group.min_green_s),
            min_red_s: whole_seconds(
                group.yellow_s.max(group.clearance_s) + profile.red_clearance_s() + group.red_yellow_s,
            ),
            walks: group.walks(),
            persons_per_h: group.persons_per_h,
            saturation_per_h: group.saturation_per_h,
            flow_ratio: group.flow_ratio,
        };
        Self {
            needs: controller.groups.iter().map(need).collect(),
            conflicts: groups.clone().map(conflicts_of).collect(),
            intergreen_s: controller.relations.iter().map(|row| row.iter().map(seconds).collect()).collect(),
        }
    }

    /// Whether two groups may never be green together.
    pub fn conflict(&self, a: usize, b: usize) -> bool {
        self.conflicts[a] & (1 << b) != 0
    }
}

#[cfg(test)]
pub mod testing {
    //! Random controllers.

    use proptest::prelude::*;

    use super::{Need, Signals};

    /// Up to fourteen groups with any conflicts between them, intergreens of up to 25 s.
    pub fn any_signals() -> impl Strategy<Value = Signals> {
        (1..15_usize).prop_flat_map(|count| {
            let need = (4..13_u32, 0..3_u8, 50.0..800.0_f64, 0.0..0.25_f64);
            let needs = proptest::collection::vec(need, count);
            let pairs = proptest::collection::vec((any::<bool>(), 3..26_u32, 3..26_u32), count * count);
            (needs, pairs).prop_map(|(needs, pairs)| signals(&needs, &pairs))
        })
    }

    fn signals(needs: &[(u32, u8, f64, f64)], pairs: &[(bool, u32, u32)]) -> Signals {
        let count = needs.len();
        let mut signals = Signals {
            needs: needs.iter().map(need).collect(),
            conflicts: vec![0; count],
            intergreen_s: vec![vec![0; count]; count],
        };
        for a in 0..count {
            for b in 0..a {
                let (conflict, ab, ba) = pairs[a * count + b];
                if conflict {
                    signals.conflicts[a] |= 1 << b;
                    signals.conflicts[b] |= 1 << a;
                    (signals.intergreen_s[a][b], signals.intergreen_s[b][a]) = (ab, ba);
                }
            }
        }
        signals
    }

    fn need(&(min_green_s, kind, persons_per_h, flow_ratio): &(u32, u8, f64, f64)) -> Need {
        let queues = kind == 0;
        Need {
            min_green_s,
            min_red_s: 5,
            walks: kind == 2,
            persons_per_h,
            saturation_per_h: if queues { 1800.0 } else { 0.0 },
            flow_ratio: if queues { flow_ratio } else { 0.0 },
        }
    }
}
