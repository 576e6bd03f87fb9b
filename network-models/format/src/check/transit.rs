//! Lines are chains of links, and their stops lie on them.

use std::collections::{HashMap, HashSet};

use clearway_network::Uses;

use crate::check::Check;
use crate::check::traps::unsure_links;
use crate::compile::call_positions;
use crate::fault::{Code, quote};
use crate::model::{Link, TransitLine, TransitStop};
use crate::units::uses;

pub(super) fn check(check: &mut Check<'_, '_>) {
    let joined = joined_links(check);
    let unsure = unsure_links(check);
    for (row, line) in check.model().lines.iter().enumerate() {
        if check.is_good::<TransitLine>(row) {
            check_chain(check, row, line, &joined, &unsure);
        }
    }
    check_stops(check);
}

/// Who may go from one link into another.
fn joined_links<'m>(check: &Check<'_, 'm>) -> HashMap<(&'m str, &'m str), Uses> {
    let mut joined: HashMap<(&str, &str), Uses> = HashMap::new();
    for (row, movement) in check.model().movements.iter().enumerate() {
        let who = joined.entry((&movement.ib_link_id, &movement.ob_link_id)).or_default();
        *who = who.union(check.index.movement_uses(row));
    }
    joined
}

fn check_chain(
    check: &mut Check<'_, '_>,
    row: usize,
    line: &TransitLine,
    joined: &HashMap<(&str, &str), Uses>,
    unsure: &HashSet<&str>,
) {
    let model = check.model();
    let mode = if line.mode == "bus" { Uses::BUS } else { Uses::TRAM };
    let links: Vec<&str> = line.links.split_whitespace().collect();
    let known = |id: &str| check.index.links.contains_key(id);
    let mut wrong = Vec::new();
    for &id in &links {
        let closed =
            check.index.links.get(id).is_some_and(|&l| !uses(&model.links[l].allowed_uses).allow(mode));
        if closed && !unsure.contains(id) {
            wrong.push(format!("the link {} is closed to a {}", quote(id), line.mode));
        }
    }
    for pair in links.windows(2) {
        let open = joined.get(&(pair[0], pair[1])).is_some_and(|who| who.allow(mode));
        let sure = |id: &str| known(id) && !unsure.contains(id);
        if !open && sure(pair[0]) && sure(pair[1]) && check.are_complete(&["movement"]) {
            let message =
                format!("no movement leads a {} from {} into {}", line.mode, quote(pair[0]), quote(pair[1]));
            wrong.push(message);
        }
    }
    for message in wrong {
        check.fault::<TransitLine>(row, "links", Code::BrokenLine, message);
    }
}

fn check_stops(check: &mut Check<'_, '_>) {
    let model = check.model();
    let mut calls: HashMap<&str, Vec<(usize, &TransitStop)>> = HashMap::new();
    for (row, stop) in model.stops.iter().enumerate() {
        if check.is_good::<TransitStop>(row) {
            calls.entry(&stop.line_id).or_default().push((row, stop));
            check_offset(check, row, stop);
        }
    }
    for (row, line) in model.lines.iter().enumerate() {
        let Some(mut calls) = calls.remove(line.line_id.as_str()) else { continue };
        if !check.is_good::<TransitLine>(row) {
            continue;
        }
        calls.sort_by_key(|(_, call)| call.sequence);
        let links: Vec<&str> = line.links.split_whitespace().collect();
        let stops: Vec<&TransitStop> = calls.iter().map(|(_, call)| *call).collect();
        for ((row, call), position) in calls.iter().zip(call_positions(&links, &stops)) {
            let sure = !links.iter().any(|id| !check.index.links.contains_key(id));
            if position.is_none() && sure && check.index.links.contains_key(call.link_id.as_str()) {
                let message = format!(
                    "line {} does not reach the link {} at or after its call before",
                    quote(&call.line_id),
                    quote(&call.link_id)
                );
                check.fault::<TransitStop>(*row, "link_id", Code::StopOffLine, message);
            }
        }
    }
}

fn check_offset(check: &mut Check<'_, '_>, row: usize, stop: &TransitStop) {
    let Some(&link) = check.index.links.get(stop.link_id.as_str()) else { return };
    let length = check.model().links[link].length;
    if stop.offset > length && check.are_good::<Link>(link, &["length"]) {
        let message = format!("the stop lies at {} m; the link is {length} m long", stop.offset);
        check.fault::<TransitStop>(row, "offset", Code::StopOffLink, message);
    }
}
