//! A fixed-time plan: which stages, in which order, for which cycle.
//!
//! Of all covers with the fewest stages, in all their orders, those that lose least time to
//! intergreens are timed exactly; the one with the shortest cycle for the flows wins, and among near
//! equals the one with the least delay.

use super::profile::Profile;
use super::signals::Signals;
use super::stages::{Set, cyclic_orders, members, smallest_covers};
use super::timing::{Row, Sequence, Timing, rows};

/// A plan in whole seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Cycle length.
    pub cycle_s: u32,
    /// Start of its cycle, seconds, below its length.
    pub offset_s: u32,
    /// The rows of `stage`: groups by index, start and end in the cycle.
    pub rows: Vec<Row>,
}

impl Plan {
    /// A timing that starts at `offset_s` as rows; the cycle begins with the green that serves most people.
    pub fn of(timing: &Timing, signals: &Signals, offset_s: u32) -> Self {
        let leads = |green: &super::timing::Green| {
            let need = &signals.needs[green.group];
            need.persons_per_h * f64::from(u8::from(!need.walks)) + f64::from(green.length_s) / 1000.0
        };
        let (rows, zero_s) = rows(timing, leads);
        let cycle_s = timing.cycle_s;
        Self { cycle_s, offset_s: (offset_s + zero_s) % cycle_s.max(1), rows }
    }
}

/// Orders of stages that are timed exactly.
const TIMED_MAX: usize = 32;
/// Of these the ones whose delay is compared.
const COMPARED_MAX: usize = 6;

/// The stages of a controller in their order.
pub fn stages(signals: &Signals, profile: &Profile) -> Vec<Set> {
    let mut timed: Vec<(u32, Vec<Set>)> = least_lost_time(signals)
        .into_iter()
        .map(|stages| (Sequence::new(signals, &stages).least_cycle_s(profile.cycle_s, 1.0), stages))
        .collect();
    timed.sort();
    timed.truncate(COMPARED_MAX);
    let cycle_s = timed.first().map_or(0, |(least_s, _)| profile.cycle_s.max(*least_s));
    let delay = |stages: &[Set]| {
        Sequence::new(signals, stages).timing(cycle_s).map_or(f64::INFINITY, |timing| timing.delay)
    };
    let compared = timed.into_iter().map(|(_, stages)| (delay(&stages), stages));
    compared.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, stages)| stages).unwrap_or_default()
}

/// Covers in the orders that lose least time to intergreens, the best first.
fn least_lost_time(signals: &Signals) -> Vec<Vec<Set>> {
    let mut best: Vec<(u32, Vec<Set>)> = Vec::new();
    for cover in smallest_covers(&signals.conflicts) {
        let lost: Vec<Vec<u32>> = cover
            .iter()
            .map(|&ending| cover.iter().map(|&starting| lost_s(signals, ending, starting)).collect())
            .collect();
        for order in cyclic_orders(cover.len()) {
            let pairs = order.iter().zip(order.iter().cycle().skip(1));
            let sum = pairs.map(|(&ending, &starting)| lost[ending][starting]).sum();
            let worst = best.last().filter(|_| best.len() == TIMED_MAX).map_or(u32::MAX, |(sum, _)| *sum);
            if sum < worst {
                best.push((sum, order.iter().map(|&stage| cover[stage]).collect()));
                best.sort_by_key(|(sum, _)| *sum);
                best.truncate(TIMED_MAX);
            }
        }
    }
    best.into_iter().map(|(_, stages)| stages).collect()
}

/// The longest intergreen from what ends with one stage to what starts with the other.
fn lost_s(signals: &Signals, ending: Set, starting: Set) -> u32 {
    let pairs = members(ending & !starting).flat_map(|a| members(starting & !ending).map(move |b| (a, b)));
    pairs.filter(|&(a, b)| signals.conflict(a, b)).map(|(a, b)| signals.intergreen_s[a][b]).max().unwrap_or(0)
}
