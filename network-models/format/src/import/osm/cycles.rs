//! Cycle lengths: one for all controllers of an area, so that their greens can follow each other.
//!
//! The common cycle is one that serves as many of them as any, and of these the one that costs all
//! together least delay (Webster's optimum, over the area). A junction that it does not serve runs a longer one alone; a simple crossing may run half.

use super::profile::Profile;
use super::signals::Signals;
use super::stages::Set;
use super::timing::{Sequence, Timing};

/// A controller whose stages are chosen.
#[derive(Clone, Debug)]
pub struct Design {
    /// Its groups.
    pub signals: Signals,
    /// Its stages in order.
    pub stages: Vec<Set>,
    /// Whether it is a crossing between junctions.
    pub mid_block: bool,
}

/// The timing of every controller; `areas` gives those with the same number a common cycle.
pub fn timings(designs: &[Design], areas: &[usize], profile: &Profile) -> Vec<Timing> {
    let candidates: Vec<Vec<Timing>> = designs
        .iter()
        .map(|design| {
            profile.common_cycles_s.iter().map(|&common_s| best(design, common_s, profile)).collect()
        })
        .collect();
    let common = |area: usize| {
        let cost = |cycle: usize| -> (usize, f64) {
            let members = candidates.iter().zip(areas).filter(|(_, of)| **of == area);
            let timings = members.map(|(timings, _)| &timings[cycle]);
            let alone = timings.clone().filter(|t| t.cycle_s > profile.common_cycles_s[cycle]).count();
            (alone, timings.map(|timing| timing.delay).sum())
        };
        let costs = (0..profile.common_cycles_s.len()).map(|cycle| (cost(cycle), cycle));
        let least = costs.min_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        least.map_or(0, |(_, cycle)| cycle)
    };
    candidates.iter().zip(areas).map(|(timings, &area)| timings[common(area)].clone()).collect()
}

/// The best timing of one controller whose neighbours have this cycle.
fn best(design: &Design, common_s: u32, profile: &Profile) -> Timing {
    let sequence = Sequence::new(&design.signals, &design.stages);
    let common = sequence.timing(common_s);
    let mut possible: Vec<Timing> = Vec::new();
    if design.mid_block && design.stages.len() == 2 && common_s.is_multiple_of(2) {
        possible.extend(sequence.timing(common_s / 2).filter(|timing| timing.serves_all));
    }
    if !common.as_ref().is_some_and(|timing| timing.serves_all) {
        possible.extend(profile.long_cycles_s.iter().filter_map(|&cycle_s| sequence.timing(cycle_s)));
    }
    possible.extend(common);
    let least = possible.into_iter().min_by(|a, b| a.delay.total_cmp(&b.delay));
    least.unwrap_or_else(|| in_least_cycle(&sequence))
}

/// A junction that needs more than any cycle of the profile gets what its minimum greens need.
fn in_least_cycle(sequence: &Sequence<'_>) -> Timing {
    let cycle_s = sequence.least_cycle_s(0, 0.0).next_multiple_of(10);
    let empty = Timing { cycle_s, greens: Vec::new(), delay: 0.0, serves_all: false };
    sequence.timing(cycle_s).unwrap_or(empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::osm::FI_DEFAULT;
    use crate::import::osm::signals::Need;

    /// Two streets that cross, with this flow ratio and intergreen.
    fn crossing(flow_ratio: f64, intergreen_s: u32, mid_block: bool) -> Design {
        let need = Need {
            min_green_s: 5,
            min_red_s: 5,
            walks: false,
            persons_per_h: 1800.0 * flow_ratio,
            saturation_per_h: 1800.0,
            flow_ratio,
        };
        let signals = Signals {
            needs: vec![need.clone(), need],
            conflicts: vec![0b10, 0b01],
            intergreen_s: vec![vec![0, intergreen_s], vec![intergreen_s, 0]],
        };
        Design { signals, stages: vec![0b01, 0b10], mid_block }
    }

    fn cycles_s(designs: &[Design], areas: &[usize]) -> Vec<u32> {
        timings(designs, areas, &FI_DEFAULT).iter().map(|timing| timing.cycle_s).collect()
    }

    #[test]
    fn an_area_has_one_cycle_that_serves_its_busiest_junction() {
        let (calm, busy) = (crossing(0.1, 6, false), crossing(0.375, 8, false));
        assert_eq!(cycles_s(&[calm.clone(), busy.clone()], &[0, 0]), [100, 100]);
        assert_eq!(cycles_s(&[calm, busy], &[0, 1]), [90, 100]);
    }

    #[test]
    fn a_simple_crossing_runs_half_the_cycle_and_an_overloaded_junction_a_longer_one() {
        assert_eq!(cycles_s(&[crossing(0.1, 6, true), crossing(0.1, 6, false)], &[0, 0]), [45, 90]);
        let alone = cycles_s(&[crossing(0.4, 12, false), crossing(0.1, 6, false)], &[0, 0]);
        assert!(alone[0] > 100 && alone[1] == 90, "{alone:?}");
    }

    #[test]
    fn a_junction_that_clears_for_minutes_gets_the_cycle_that_its_minimum_greens_need() {
        assert_eq!(cycles_s(&[crossing(0.1, 200, false)], &[0]), [410]);
    }
}
