//! Pedestrian crossings: which mapped nodes make one, how wide it is, which way people walk.

use super::cluster::Field;
use super::data::{OsmData, OsmId, OsmWay, tag};
use super::geo;
use super::streets::Kind;
use std::collections::BTreeMap;

/// Room that two crossings need between them for an island.
const ISLAND_M: f64 = 1.5;
/// A junction node has more arms than one crosses: no wider than so many lanes.
const CROSSED_LANES_MAX: f64 = 4.0;

/// The footways of an extract by node.
pub fn footways(data: &OsmData) -> BTreeMap<OsmId, Vec<OsmId>> {
    let mut footways: BTreeMap<OsmId, Vec<OsmId>> = BTreeMap::new();
    for (&id, way) in data.ways.iter().filter(|(_, way)| is_footway(way)) {
        for &node in &way.nodes {
            footways.entry(node).or_default().push(id);
        }
    }
    footways
}

/// Join crossing nodes of one footway with no island between them.
pub fn crosswalks(field: &Field<'_>, nodes: &[OsmId]) -> Vec<Vec<OsmId>> {
    let mut walks: Vec<Vec<OsmId>> = Vec::new();
    for &node in nodes {
        let joins = |walk: &Vec<OsmId>| walk.iter().any(|&other| same_crosswalk(field, node, other));
        let (mut joined, rest): (Vec<_>, Vec<_>) = walks.into_iter().partition(joins);
        let mut walk: Vec<OsmId> = joined.drain(..).flatten().collect();
        walk.push(node);
        walk.sort_unstable();
        walks = rest;
        walks.push(walk);
    }
    walks.sort();
    walks
}

fn same_crosswalk(field: &Field<'_>, a: OsmId, b: OsmId) -> bool {
    let far = field.streets.place(a).distance(field.streets.place(b));
    let room = half_width(field, a) + half_width(field, b) + ISLAND_M;
    far < room && field.footways_at(a).iter().any(|way| field.footways_at(b).contains(way))
}

fn is_footway(way: &OsmWay) -> bool {
    matches!(tag(&way.tags, "highway"), "footway" | "cycleway" | "path" | "pedestrian" | "crossing")
}

/// Half the width of what is crossed at a node.
pub fn half_width(field: &Field<'_>, node: OsmId) -> f64 {
    let lane = field.profile.lane_width_m;
    let arriving = field.incidence.arriving(Kind::Road, node);
    let lanes: f64 = arriving
        .iter()
        .map(|&s| f64::from(field.streets.of_segment(&field.streets.segments[s]).lanes))
        .fold(0.0, |sum, lanes| sum + lanes);
    let track = if field.on(Kind::Track, node) { field.profile.track_half_width_m } else { 0.0 };
    (lanes.min(CROSSED_LANES_MAX) * lane / 2.0).max(track)
}

/// The direction in which people walk at a crossing node, if a footway is drawn.
pub fn walking_direction(field: &Field<'_>, node: OsmId) -> Option<f64> {
    for way in field.footways_at(node).iter().map(|id| &field.data.ways[id]) {
        if let Some(i) = way.nodes.iter().position(|&n| n == node) {
            let (a, b) = (way.nodes[i.saturating_sub(1)], way.nodes[(i + 1).min(way.nodes.len() - 1)]);
            let known = |n| field.streets.places.get(&n).copied();
            if let (Some(a), Some(b)) = (known(a), known(b))
                && a != b
            {
                return Some(geo::heading(a, b));
            }
        }
    }
    None
}
