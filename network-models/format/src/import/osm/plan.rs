//! A fixed-time plan: stages that cover all groups, their order, the splits of a common cycle.
//!
//! All groups of a stage start together. Pedestrians end first, vehicles and trams later, each so
//! early before the next stage that every intergreen is kept; so a stage is one or two rows.

use super::conflict::Relation;
use super::junction::Controller;
use super::profile::Profile;

/// A plan in whole seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Cycle length.
    pub cycle_s: u32,
    /// The rows of `stage`: groups by index, start and end in the cycle.
    pub rows: Vec<(Vec<usize>, u32, u32)>,
}

/// A stage of a cycle, by its place in the order.
struct Timed {
    groups: Vec<usize>,
    /// Seconds from the end of vehicles, and of pedestrians, to the start of the next stage.
    vehicles_end_s: u32,
    walks_end_s: u32,
    length_s: u32,
}

/// With more stages than this the order is left as found.
const ORDERED_STAGES_MAX: usize = 6;
/// No stage is shorter.
const STAGE_MIN_S: u32 = 5;

/// Plan a controller.
pub fn plan(controller: &Controller, profile: &Profile) -> Plan {
    let stages = best_order(controller, stages(controller));
    let mut timed = timed(controller, &stages);
    let least: u32 = timed.iter().map(|stage| stage.length_s).sum();
    let half_s = profile.cycle_s / 2;
    let cycle_s = match least {
        s if controller.mid_block && stages.len() == 2 && s + 4 <= half_s => half_s,
        s if s + 4 <= profile.cycle_s => profile.cycle_s,
        s if s <= profile.long_cycle_s => profile.long_cycle_s,
        s => s,
    };
    spread(controller, &mut timed, cycle_s - least);
    rows(controller, &timed, cycle_s)
}

/// Sets of groups without conflict that together hold every group, the heaviest first.
fn stages(controller: &Controller) -> Vec<Vec<usize>> {
    let n = controller.groups.len();
    let demand = |i: usize| controller.groups[i].demand;
    let mut by_demand: Vec<usize> = (0..n).collect();
    by_demand.sort_by(|&a, &b| demand(b).total_cmp(&demand(a)).then(a.cmp(&b)));
    let mut open = by_demand.clone();
    let mut stages: Vec<Vec<usize>> = Vec::new();
    while !open.is_empty() {
        let candidates = open.iter().map(|&seed| {
            let mut set = vec![seed];
            grow(controller, &mut set, open.iter().copied());
            set
        });
        let weight = |set: &Vec<usize>| set.iter().map(|&i| demand(i)).sum::<f64>();
        let Some(mut set) = candidates.max_by(|a, b| weight(a).total_cmp(&weight(b))) else { break };
        open.retain(|i| !set.contains(i));
        // Pedestrians walk once in a cycle; vehicles and trams whenever they can.
        grow(controller, &mut set, by_demand.iter().copied().filter(|&i| !controller.groups[i].walks()));
        set.sort_unstable();
        stages.push(set);
    }
    stages
}

fn grow(controller: &Controller, set: &mut Vec<usize>, candidates: impl Iterator<Item = usize>) {
    for i in candidates {
        if !set.contains(&i) && set.iter().all(|&other| !controller.conflicts(i, other)) {
            set.push(i);
        }
    }
}

/// The first stage stays first; of the orders of the others the one that loses least time.
fn best_order(controller: &Controller, stages: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    if stages.len() < 3 || stages.len() > ORDERED_STAGES_MAX {
        return stages;
    }
    let mut orders = vec![vec![0]];
    for _ in 1..stages.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let rest = (0..stages.len()).filter(|i| !order.contains(i)).collect::<Vec<_>>();
                rest.into_iter().map(move |i| order.iter().copied().chain([i]).collect())
            })
            .collect();
    }
    let arranged =
        |order: &Vec<usize>| -> Vec<Vec<usize>> { order.iter().map(|&i| stages[i].clone()).collect() };
    let cost =
        |order: &Vec<usize>| -> u32 { timed(controller, &arranged(order)).iter().map(|s| s.length_s).sum() };
    orders.iter().min_by_key(|order| cost(order)).map_or(stages.clone(), arranged)
}

/// Each stage with its shortest length.
fn timed(controller: &Controller, stages: &[Vec<usize>]) -> Vec<Timed> {
    let n = stages.len();
    let mut timed: Vec<Timed> =
        (0..n).map(|k| shortest(controller, &stages[k], &stages[(k + 1) % n])).collect();
    for k in 0..n {
        lengthen_for_later_stages(controller, &mut timed, k);
    }
    timed
}

fn intergreen(controller: &Controller, ending: usize, starting: usize) -> u32 {
    match controller.relations[ending][starting] {
        Relation::Conflict(seconds) => seconds,
        _ => 0,
    }
}

fn shortest(controller: &Controller, stage: &[usize], next: &[usize]) -> Timed {
    let ending = |walks: bool| {
        let ends = move |&&i: &&usize| controller.groups[i].walks() == walks && !next.contains(&i);
        stage.iter().filter(ends).copied().collect::<Vec<usize>>()
    };
    let starting = || next.iter().copied().filter(|i| !stage.contains(i));
    let before_next = |groups: &[usize]| {
        groups.iter().flat_map(|&g| starting().map(move |h| intergreen(controller, g, h))).max().unwrap_or(0)
    };
    let (vehicles, walks) = (ending(false), ending(true));
    let vehicles_end_s = before_next(&vehicles);
    let walks_end_s = before_next(&walks).max(vehicles_end_s);
    let least = |groups: &[usize], end_s: u32| {
        groups.iter().map(|&g| super::conflict::whole_seconds(controller.groups[g].min_green_s) + end_s).max()
    };
    let length_s = least(&vehicles, vehicles_end_s).max(least(&walks, walks_end_s)).unwrap_or(STAGE_MIN_S);
    Timed { groups: stage.to_vec(), vehicles_end_s, walks_end_s, length_s: length_s.max(STAGE_MIN_S) }
}

/// A group that ends with stage `k` may conflict with one that starts two or more stages later.
fn lengthen_for_later_stages(controller: &Controller, timed: &mut [Timed], k: usize) {
    let n = timed.len();
    for step in 2..n {
        let (next, later) = ((k + 1) % n, (k + step) % n);
        let between: u32 = (1..step).map(|s| timed[(k + s) % n].length_s).sum();
        let mut missing = 0;
        for &g in timed[k].groups.iter().filter(|g| !timed[next].groups.contains(g)) {
            let end_s =
                if controller.groups[g].walks() { timed[k].walks_end_s } else { timed[k].vehicles_end_s };
            for &h in &timed[later].groups {
                missing = missing.max(intergreen(controller, g, h).saturating_sub(end_s + between));
            }
        }
        timed[next].length_s += missing;
    }
}

/// Give what the cycle has left to the stages by their demand, whole seconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn spread(controller: &Controller, timed: &mut [Timed], spare_s: u32) {
    let weight = |stage: &Timed| {
        let vehicles = stage.groups.iter().filter(|&&g| !controller.groups[g].walks());
        vehicles.map(|&g| controller.groups[g].demand).fold(0.2, f64::max)
    };
    let total: f64 = timed.iter().map(weight).sum();
    let mut given = 0;
    for stage in timed.iter_mut() {
        let share = (f64::from(spare_s) * weight(stage) / total) as u32;
        stage.length_s += share;
        given += share;
    }
    timed[0].length_s += spare_s - given;
}

fn rows(controller: &Controller, timed: &[Timed], cycle_s: u32) -> Plan {
    let n = timed.len();
    let mut rows = Vec::new();
    let mut start = 0;
    for (k, stage) in timed.iter().enumerate() {
        let next = &timed[(k + 1) % n].groups;
        let end = start + stage.length_s;
        let (walks_end, vehicles_end) = (end - stage.walks_end_s, end - stage.vehicles_end_s);
        let ends_early = |g: &usize| controller.groups[*g].walks() && !next.contains(g);
        let longer: Vec<usize> = stage.groups.iter().copied().filter(|g| !ends_early(g)).collect();
        let any_early = longer.len() < stage.groups.len();
        if any_early && walks_end < vehicles_end && !longer.is_empty() {
            rows.push((stage.groups.clone(), start, walks_end));
            rows.push((longer, walks_end, vehicles_end));
        } else if any_early && longer.is_empty() {
            rows.push((stage.groups.clone(), start, walks_end));
        } else {
            rows.push((stage.groups.clone(), start, vehicles_end));
        }
        start = end;
    }
    Plan { cycle_s, rows }
}
