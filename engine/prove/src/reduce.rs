//! The proof of a junction that has too many states to be seen as a whole.
//!
//! *Entries.* While a row is served, a dwell group starts at the very moment at which each conflicting
//! group by itself lets it start, and those groups end by their own clocks alone. So the slowest entry is
//! that of some pair: a dwell group and one group that conflicts with it. Each such pair is explored
//! under the plan and all rows, reduced to the two. A stage of the reduced plan may last for ever, as the
//! groups that are left out may hold it up: that only adds histories.
//!
//! *Waits.* The whole junction is explored under its plan, priority requests, pedestrian calls and power
//! failures, without preemption. What a preemption leaves behind is over after the longest entry bound:
//! by then every group that the joined stage does not want has ended, and its intergreens are over. From
//! then on the plan goes as if it had never been disturbed, so a wait is longer by that bound at most.

use clearway_signals::{GroupId, GroupSet};

use crate::checker::Checker;
use crate::explore::Bounds;
use crate::junction::{self, Junction};
use crate::pairs;
use crate::prove::{Counterexample, Proof, check_reds, count, entry};
use crate::sequencer::Rules;
use crate::site::{Row, Site, Stage, id};
use crate::timeline::{self, Timeline};

/// The proof in parts.
pub(crate) fn prove(site: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let mut slowest: Vec<(u16, Option<Timeline>)> = vec![(0, None); site.preempts.len()];
    for (a, b) in conflicting(site) {
        prove_slice(site, rules, bounds, (a, b), proof, &mut slowest);
        if !proof.holds() {
            return;
        }
    }
    let rows = site.preempts.iter().zip(slowest);
    proof.entries = rows.map(|(row, (steps, witness))| entry(site, row, steps, witness)).collect();
    prove_calm(site, rules, bounds, proof);
}

fn conflicting(site: &Site) -> Vec<(GroupId, GroupId)> {
    let pairs = site.ids().flat_map(|a| site.conflicts[a.index()].iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| a < b).collect()
}

fn prove_slice(
    site: &Site,
    rules: Rules,
    bounds: Bounds,
    (a, b): (GroupId, GroupId),
    proof: &mut Proof,
    slowest: &mut [(u16, Option<Timeline>)],
) {
    let reduced = slice(site, a, b);
    let junction = Junction::new(&reduced, rules);
    let found = junction::prove(&junction, bounds);
    let part = format!("groups {} and {} under plan and rows", site.group_name(a), site.group_name(b));
    if let Some((state, event, violation)) = count(proof, &found.explored, &part) {
        let path = found.explored.path(state);
        let timeline = timeline::of_junction(&found.explored, &junction, &path, Some(event));
        proof.counterexample = Some(Counterexample { violation, part, timeline });
        return;
    }
    for (at, row) in reduced.preempts.iter().enumerate() {
        let (steps, arrival) = (found.entries[at].steps, found.entries[at].arrival);
        if row.dwell.is_empty() || slowest[at].1.is_some() && steps <= slowest[at].0 {
            continue;
        }
        let witness = arrival.map(|state| {
            let path = found.explored.path(state);
            let whole = timeline::of_junction(&found.explored, &junction, &path, None);
            whole.cut_before(&format!("row {}", row.number), 5)
        });
        slowest[at] = (steps, witness);
    }
}

/// The junction reduced to two groups, with everything that stands above them.
fn slice(site: &Site, a: GroupId, b: GroupId) -> Site {
    let project = |set: GroupSet| -> GroupSet {
        [a, b]
            .into_iter()
            .enumerate()
            .filter(|(_, group)| set.contains(*group))
            .map(|(at, _)| id(at))
            .collect()
    };
    let stage = |stage: &Stage| {
        let mut choices: Vec<GroupSet> = Vec::new();
        for choice in stage.choices.iter().map(|choice| project(*choice)) {
            if !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        Stage { groups: project(stage.groups), choices, length: 0, next: stage.next.clone() }
    };
    let pair = pairs::of(site, a, b);
    Site {
        preempts: site.preempts.iter().map(|row| Row { dwell: project(row.dwell), ..*row }).collect(),
        stages: site.stages.iter().map(stage).collect(),
        ..pair
    }
}

fn prove_calm(site: &Site, rules: Rules, bounds: Bounds, proof: &mut Proof) {
    let calm = Site { preempts: Vec::new(), ..site.clone() };
    let junction = Junction::new(&calm, rules);
    let found = junction::prove(&junction, bounds);
    let part = "the plan without preemption".to_owned();
    if let Some((state, event, violation)) = count(proof, &found.explored, &part) {
        let path = found.explored.path(state);
        let timeline = timeline::of_junction(&found.explored, &junction, &path, Some(event));
        proof.counterexample = Some(Counterexample { violation, part, timeline });
        return;
    }
    check_reds(&calm, &junction, &found, proof, u32::from(longest_entry(site)));
}

/// The checker's own bound for a row that wants every group there is.
fn longest_entry(site: &Site) -> u16 {
    let bound = |group: GroupId| {
        let row = Row {
            id: clearway_signals::RowId(0),
            number: 0,
            kind: clearway_signals::RowKind::Emergency,
            dwell: GroupSet::of(group),
            delay: 0,
            min_duration: 0,
            min_dwell: 0,
            max_presence: 0,
        };
        let site = Site { preempts: vec![row], ..site.clone() };
        Checker::new(&site).entry_bound(0)
    };
    site.ids().map(bound).max().unwrap_or(0)
}
