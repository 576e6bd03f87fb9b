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
    if design.mid_block && common_s.is_multiple_of(2) {
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
