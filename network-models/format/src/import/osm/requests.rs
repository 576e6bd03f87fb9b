//! Request rows: what the controller holds green for whom, and for which ways through it.

use std::collections::BTreeSet;

use clearway_network::Uses;
use clearway_signals::GroupKind;

use super::base::Base;
use super::junction::Controller;
use super::streams::uses_of;

/// A request row; groups and movements by index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Number on the wire.
    pub number: u8,
    /// `rail`, `emergency`, `transit`.
    pub kind: &'static str,
    /// `preempt`, `priority`.
    pub channel: &'static str,
    /// `clearway` or `local`.
    pub owner: &'static str,
    /// Movements of each path.
    pub paths: Vec<Vec<usize>>,
    /// Groups that are held green.
    pub dwell: BTreeSet<usize>,
}

/// The rail row has number 1, number 2 is left to physical inputs.
const FIRST_EMERGENCY: u8 = 3;
/// Highest row number that every bound protocol can carry.
const LAST_ROW: u8 = 16;

/// The rows of a controller, and how many paths no row could serve.
pub fn rows(base: &Base, controller: &Controller, has_priority: bool) -> (Vec<Row>, usize) {
    let mut rows = vec![rail(controller)];
    let engines = bins(base, controller, Uses::EMERGENCY);
    let mut unserved = 0;
    for (number, (paths, needed)) in (FIRST_EMERGENCY..).zip(engines) {
        if number > LAST_ROW {
            unserved += paths.len();
            continue;
        }
        let dwell = with_company(controller, &needed);
        rows.push(Row { number, kind: "emergency", channel: "preempt", owner: "clearway", paths, dwell });
    }
    if has_priority {
        for (number, (paths, needed)) in (1..=LAST_ROW).zip(bins(base, controller, Uses::TRAM)) {
            let dwell = with_company(controller, &needed);
            rows.push(Row { number, kind: "transit", channel: "priority", owner: "clearway", paths, dwell });
        }
    }
    (rows, unserved)
}

/// Somebody else's row that wins over all of ours: the tram's own local request, or the first approach's.
fn rail(controller: &Controller) -> Row {
    let tram = controller.groups.iter().position(|g| g.kind == GroupKind::Tram);
    let dwell = with_company(controller, &BTreeSet::from([tram.unwrap_or(0)]));
    Row { number: 1, kind: "rail", channel: "preempt", owner: "local", paths: Vec::new(), dwell }
}

type Bin = (Vec<Vec<usize>>, BTreeSet<usize>);

/// Paths of one kind of vehicle, put together by their first stop line as long as their groups do
/// not conflict. A path begins at its first stop line, which may lie behind an unsignalled entry.
fn bins(base: &Base, controller: &Controller, uses: Uses) -> Vec<Bin> {
    let agrees =
        |set: &BTreeSet<usize>| set.iter().all(|&g| set.iter().all(|&h| !controller.conflicts(g, h)));
    let ruled = |m: &usize| controller.group_of_link(base.moves[*m].from);
    let mut bins: Vec<(usize, Bin)> = Vec::new();
    let mut known = BTreeSet::new();
    for (_, moves) in &controller.site.paths {
        let Some(start) = moves.iter().position(|m| ruled(m).is_some()) else { continue };
        let path = moves[start..].to_vec();
        let needed: BTreeSet<usize> = path.iter().filter_map(ruled).collect();
        if !uses_of(&base.moves, &path).allow(uses) || !agrees(&needed) || !known.insert(path.clone()) {
            continue;
        }
        let stop_line = base.moves[path[0]].from;
        let fits = |(of, (_, held)): &&mut (usize, Bin)| {
            *of == stop_line && agrees(&held.union(&needed).copied().collect())
        };
        match bins.iter_mut().find(fits) {
            Some((_, (paths, held))) => {
                paths.push(path);
                held.extend(needed);
            }
            None => bins.push((stop_line, (vec![path], needed))),
        }
    }
    bins.into_iter().map(|(_, bin)| bin).collect()
}

/// The needed groups and those that may run beside them without making the controller end anything more.
fn with_company(controller: &Controller, needed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let stopped = |g: usize| (0..controller.groups.len()).filter(move |&h| controller.conflicts(g, h));
    let ended: BTreeSet<usize> = needed.iter().flat_map(|&g| stopped(g)).collect();
    let mut dwell = needed.clone();
    for g in 0..controller.groups.len() {
        let free = dwell.iter().all(|&h| controller.relations[g][h] == super::conflict::Relation::Compatible);
        if !dwell.contains(&g) && free && stopped(g).all(|h| ended.contains(&h)) {
            dwell.insert(g);
        }
    }
    dwell
}
