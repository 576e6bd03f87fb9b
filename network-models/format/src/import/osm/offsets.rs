//! Offsets: when each cycle starts, so that a platoon that one junction lets go meets green at the next.
//!
//! Every street between two controllers of one cycle (or of which one runs half the other's) is a cost:
//! the mean wait of vehicles that leave evenly over the green behind them and drive on at the
//! progression speed, times their flow. From a wave along the strongest streets the offsets descend
//! coordinate by coordinate until none can be bettered.

use super::corridor::Street;
use super::junction::Controller;
use super::profile::Profile;
use super::timing::Timing;

/// Rounds over all controllers.
const ROUNDS_MAX: usize = 20;
/// Share of the flow into a street that comes straight on, and from the turns beside it.
const STRAIGHT_SHARE: f64 = 0.8;
const TURNING_SHARE: f64 = 0.1;
/// From here on a stream turns.
const TURNING_DEG: f64 = 38.0;

/// What two cycles of neighbours cost by their difference.
struct Join {
    from: usize,
    to: usize,
    /// Cost of each second of `offset(from) − offset(to)`, over the longer of both cycles.
    cost: Vec<f64>,
}

/// Offsets in seconds, each below its cycle.
pub fn offsets(
    controllers: &[Controller],
    timings: &[Timing],
    streets: &[Street],
    profile: &Profile,
) -> Vec<u32> {
    let joins: Vec<Join> =
        streets.iter().filter_map(|street| join(controllers, timings, street, profile)).collect();
    let mut offsets = vec![0; controllers.len()];
    let mut order: Vec<usize> = (0..controllers.len()).collect();
    let weight = |n: usize| -> f64 {
        let touching = streets.iter().filter(|street| street.from == n || street.to == n);
        touching.map(|street| street.flow_per_h).sum()
    };
    order.sort_by(|&a, &b| weight(b).total_cmp(&weight(a)));
    let mut placed = vec![false; controllers.len()];
    for round in 0..ROUNDS_MAX {
        let mut moved = false;
        for &n in &order {
            // In the first round only those count that have their place already.
            let counts = |other: usize| round > 0 || placed[other];
            let best = best_offset(n, &joins, &offsets, timings, counts);
            moved |= best != offsets[n];
            offsets[n] = best;
            placed[n] = true;
        }
        if !moved && round > 0 {
            break;
        }
    }
    offsets
}

/// The offset of one controller that costs least while the others stay; its own among equals.
fn best_offset(
    n: usize,
    joins: &[Join],
    offsets: &[u32],
    timings: &[Timing],
    counts: impl Fn(usize) -> bool,
) -> u32 {
    let touching: Vec<&Join> = joins
        .iter()
        .filter(|join| join.from == n && counts(join.to) || join.to == n && counts(join.from))
        .collect();
    let cost = |offset_s: u32| -> f64 {
        let at = |m: usize| if m == n { offset_s } else { offsets[m] } as usize;
        let of_join = |join: &&Join| {
            let period = join.cost.len();
            join.cost[(at(join.from) + period - at(join.to) % period) % period]
        };
        touching.iter().map(of_join).sum()
    };
    let mut best = (cost(offsets[n]), offsets[n]);
    for offset_s in 0..timings[n].cycle_s {
        let cost = cost(offset_s);
        if cost < best.0 - 1e-6 {
            best = (cost, offset_s);
        }
    }
    best.1
}

/// `None` when the cycles do not fit or nobody is ever green.
fn join(controllers: &[Controller], timings: &[Timing], street: &Street, profile: &Profile) -> Option<Join> {
    let (from, to) = (&timings[street.from], &timings[street.to]);
    let period_s = from.cycle_s.max(to.cycle_s);
    if period_s % from.cycle_s != 0 || period_s % to.cycle_s != 0 {
        return None;
    }
    let leaves = departures(&controllers[street.from], from, street.exit, period_s);
    let total: f64 = leaves.iter().sum();
    let waits = waits_s(to, controllers[street.to].group_of_link(street.stop_line)?)?;
    if total <= 0.0 {
        return None;
    }
    let travel_s = whole(street.length_m / profile.progression_m_s);
    let cost = |shift_s: usize| {
        let wait =
            |(second, share): (usize, &f64)| share * waits[(second + travel_s + shift_s) % waits.len()];
        street.flow_per_h * leaves.iter().enumerate().map(wait).sum::<f64>() / total
    };
    Some(Join { from: street.from, to: street.to, cost: (0..period_s as usize).map(cost).collect() })
}

/// How much leaves by a link in each second of the period, from the start of the cycle.
fn departures(controller: &Controller, timing: &Timing, exit: usize, period_s: u32) -> Vec<f64> {
    let mut leaves = vec![0.0; period_s as usize];
    for (group, need) in controller.groups.iter().enumerate().filter(|(_, group)| !group.walks()) {
        let streams = &controller.site.approaches[need.of].streams;
        let Some(stream) = streams.iter().find(|stream| stream.links.last() == Some(&exit)) else { continue };
        let share = if stream.turn_deg.abs() < TURNING_DEG { STRAIGHT_SHARE } else { TURNING_SHARE };
        let own: Vec<_> = timing.greens.iter().filter(|green| green.group == group).collect();
        let green_s: u32 = own.iter().map(|green| green.length_s).sum();
        for green in own {
            for second in (0..period_s / timing.cycle_s)
                .flat_map(|n| (0..green.length_s).map(move |s| n * timing.cycle_s + green.start_s + s))
            {
                leaves[(second % period_s) as usize] +=
                    share * need.persons_per_h / f64::from(green_s.max(1));
            }
        }
    }
    leaves
}

/// How long an arrival in each second of the cycle waits for a group's green; `None` without any green.
fn waits_s(timing: &Timing, group: usize) -> Option<Vec<f64>> {
    let cycle = timing.cycle_s as usize;
    let own: Vec<_> = timing.greens.iter().filter(|green| green.group == group).collect();
    let is_green = |second: usize| {
        let on = |start: u32| (second + cycle - start as usize) % cycle;
        own.iter().any(|green| on(green.start_s) < green.length_s as usize)
    };
    let wait = |second: usize| (0..cycle).find(|later| is_green((second + later) % cycle)).map(|s| s as f64);
    (0..cycle).map(wait).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(seconds: f64) -> usize {
    seconds.round().max(0.0) as usize
}
