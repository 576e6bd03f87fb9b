//! The rows of lines, stops and turnbacks.

use super::base::Base;
use super::geo;
use super::lines::{RawLine, Track};
use super::loops::loops;
use super::profile::Profile;
use super::tables::{degrees, link_ids, on_chain, round};
use crate::model::{Model, Source, TransitLine, TransitStop, Turnback};

/// A tram that ends a trip reaches its way back within this distance, if there is a loop.
const LOOP_MAX_M: f64 = 700.0;

/// Lines, their calls, and the loops at their ends.
pub fn rows(model: &mut Model, base: &Base, profile: &Profile) {
    let ids = link_ids(&base.links);
    for (line, chain) in &base.lines {
        let line_id = format!("{}-{}", line.designation, line.direction);
        model.lines.push(TransitLine {
            line_id: line_id.clone(),
            designation: line.designation.clone(),
            mode: "tram".into(),
            direction: line.direction,
            links: chain.iter().map(|&link| ids[link].as_str()).collect::<Vec<_>>().join(" "),
            headway: profile.headway_s,
            source: Source::Imported,
            headway_source: Some(Source::Default),
        });
        calls(model, base, &ids, line, chain, &line_id);
    }
    turnbacks(model, base, &ids);
}

fn calls(model: &mut Model, base: &Base, ids: &[String], line: &RawLine, chain: &[usize], line_id: &str) {
    // The chain may begin a little later than the line: whole links only.
    let drawn: Vec<_> = chain.iter().flat_map(|&link| base.links[link].line.iter().copied()).collect();
    let mut sequence = 0;
    for call in &line.calls {
        let (_, at_m) = geo::nearest(&drawn, call.place);
        let Some((link, offset)) = on_chain(&base.links, chain, at_m) else { continue };
        sequence += 1;
        let (lat, lon) = base.projection.unproject(call.place);
        model.stops.push(TransitStop {
            stop_id: format!("s{}", call.stop),
            line_id: line_id.into(),
            sequence,
            name: call.name.clone(),
            link_id: ids[link].clone(),
            offset: round(offset.min(base.links[link].length_m) - 0.01, 2).max(0.0),
            x_coord: degrees(lon),
            y_coord: degrees(lat),
            source: Source::Imported,
        });
    }
}

/// Where a direction ends inside the map and the other one begins after a loop of track; then the loops
/// over which a trip could turn back on its way.
fn turnbacks(model: &mut Model, base: &Base, ids: &[String]) {
    let track = Track::of(&base.streets);
    for (ending, from) in &base.lines {
        let back = base
            .lines
            .iter()
            .find(|(l, _)| l.designation == ending.designation && l.direction != ending.direction);
        let (Some((_, to)), Some(&last)) = (back, from.last()) else { continue };
        let end = &base.links[last];
        let start = &base.links[to[0]];
        if base.is_cut(end.kind, end.to()) || base.is_cut(start.kind, start.from()) {
            continue;
        }
        let joined = end.to() == start.from() || track.shortest(end.to(), start.from(), LOOP_MAX_M).is_some();
        let row = Turnback {
            turnback_id: format!("b{}", model.turnbacks.len() + 1),
            from_link_id: ids[last].clone(),
            to_link_id: ids[to[0]].clone(),
            kind: "loop".into(),
            source: Source::Imported,
        };
        let known = model
            .turnbacks
            .iter()
            .any(|t| (&t.from_link_id, &t.to_link_id) == (&row.from_link_id, &row.to_link_id));
        if joined && !known {
            model.turnbacks.push(row);
        }
    }
    for (from, to) in loops(base, LOOP_MAX_M) {
        let row = Turnback {
            turnback_id: format!("b{}", model.turnbacks.len() + 1),
            from_link_id: ids[from].clone(),
            to_link_id: ids[to].clone(),
            kind: "loop".into(),
            source: Source::Default,
        };
        let known = |t: &Turnback| (&t.from_link_id, &t.to_link_id) == (&row.from_link_id, &row.to_link_id);
        if !model.turnbacks.iter().any(known) {
            model.turnbacks.push(row);
        }
    }
}
