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

#[cfg(test)]
mod tests {
    use clearway_signals::GroupKind;

    use super::*;
    use crate::import::osm::FI_DEFAULT;
    use crate::import::osm::geo::Xy;
    use crate::import::osm::junction::Group;
    use crate::import::osm::streams::{Approach, Site, Stream};
    use crate::import::osm::streets::Kind;
    use crate::import::osm::timing::Green;

    /// A controller with one approach over link `from` to link `to`.
    fn controller(from: usize, to: usize) -> Controller {
        let stream =
            Stream { links: vec![from, to], moves: Vec::new(), line: Vec::new(), stop_m: 0.0, turn_deg: 0.0 };
        let approach =
            Approach { link: from, kind: Kind::Road, stop_back_m: 0.0, inner: false, streams: vec![stream] };
        let group = Group {
            kind: GroupKind::Vehicle,
            name: "K1".into(),
            of: 0,
            min_green_s: 5.0,
            yellow_s: 3.0,
            clearance_s: 0.0,
            red_yellow_s: 1.0,
            persons_per_h: 390.0,
            saturation_per_h: 1800.0,
            flow_ratio: 0.2,
        };
        Controller {
            title: String::new(),
            centre: Xy::default(),
            mid_block: false,
            site: Site { approaches: vec![approach], ..Site::default() },
            groups: vec![group],
            relations: Vec::new(),
        }
    }

    fn timing(cycle_s: u32, start_s: u32, length_s: u32) -> Timing {
        let greens = vec![Green { group: 0, start_s, length_s }];
        Timing { cycle_s, greens, delay: 0.0, serves_all: true }
    }

    fn street(from: usize, to: usize, link: usize, length_m: f64) -> Street {
        Street { from, to, exit: link, stop_line: link, length_m, flow_per_h: 300.0 }
    }

    #[test]
    fn a_platoon_meets_green_at_one_junction_after_the_other() {
        let controllers = [controller(0, 1), controller(1, 2), controller(2, 3)];
        let timings = [timing(90, 10, 30), timing(90, 40, 30), timing(45, 5, 20)];
        let streets = [street(0, 1, 1, 250.0), street(1, 2, 2, 125.0)];
        let offsets = offsets(&controllers, &timings, &streets, &FI_DEFAULT);
        // The green of the second starts the 30 s later that the way takes.
        assert_eq!((offsets[1] + 40) % 90, (offsets[0] + 10 + 30) % 90);
        // 30 s of cars do not pass in 20 s of green; most of them do.
        let arrives_s = (offsets[1] + 40 + 15) % 45;
        let begins_s = (offsets[2] + 5) % 45;
        let early_s = (begins_s + 45 - arrives_s) % 45;
        assert!(early_s <= 10, "{offsets:?}");
    }

    #[test]
    fn cycles_that_do_not_fit_are_left_alone() {
        let controllers = [controller(0, 1), controller(1, 2)];
        let timings = [timing(90, 10, 30), timing(100, 40, 30)];
        assert_eq!(offsets(&controllers, &timings, &[street(0, 1, 1, 250.0)], &FI_DEFAULT), [0, 0]);
    }
}
