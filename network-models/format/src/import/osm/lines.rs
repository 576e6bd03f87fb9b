//! Tram lines: from route relations to continuous ways over the track, with their stops.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::data::{Member, MemberKind, OsmData, OsmId, OsmRelation, has, tag};
use super::geo::{self, Xy};
use super::streets::{Kind, Streets};

/// One direction of a line inside the map.
#[derive(Clone, PartialEq, Debug)]
pub struct RawLine {
    /// The route relation.
    pub relation: OsmId,
    /// What passengers call it.
    pub designation: String,
    /// 0 or 1.
    pub direction: u8,
    /// The OSM nodes that it runs over.
    pub nodes: Vec<OsmId>,
    /// Its calls in order of travel.
    pub calls: Vec<RawCall>,
    /// Gaps of the relation that were closed over the track graph.
    pub closed_gaps: usize,
    /// Pieces that were left out: the line leaves the map and comes back.
    pub dropped_pieces: usize,
}

/// A call at a stop.
#[derive(Clone, PartialEq, Debug)]
pub struct RawCall {
    /// OSM node or way of the platform.
    pub stop: OsmId,
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub place: Xy,
    /// Metres from the start of the line.
    pub at_m: f64,
}

/// A gap of a relation longer than this is the map's edge, not a gap.
const GAP_MAX_M: f64 = 450.0;
/// A platform further from the track than this belongs to another track.
const PLATFORM_MAX_M: f64 = 25.0;
/// A piece shorter than this is no service.
const PIECE_MIN_M: f64 = 200.0;

/// Every tram route relation that runs over the map, sorted by designation and direction.
pub fn tram_lines(data: &OsmData, streets: &Streets) -> Vec<RawLine> {
    let track = Track::of(streets);
    let mut by_designation: BTreeMap<String, Vec<OsmId>> = BTreeMap::new();
    for (&id, relation) in &data.relations {
        if has(&relation.tags, "type", "route") && has(&relation.tags, "route", "tram") {
            by_designation.entry(tag(&relation.tags, "ref").to_owned()).or_default().push(id);
        }
    }
    let mut lines = Vec::new();
    for (designation, relations) in by_designation {
        for (direction, id) in relations.into_iter().take(2).enumerate() {
            let relation = &data.relations[&id];
            let (mut pieces, closed_gaps) = track.pieces(data, relation);
            pieces.sort_by(|a, b| geo::length(&track.line(b)).total_cmp(&geo::length(&track.line(a))));
            let Some(nodes) = pieces.first().filter(|p| geo::length(&track.line(p)) >= PIECE_MIN_M) else {
                continue;
            };
            lines.push(RawLine {
                relation: id,
                designation: designation.clone(),
                direction: u8::from(direction == 1),
                calls: calls(data, streets, relation, &track.line(nodes)),
                nodes: nodes.clone(),
                closed_gaps,
                dropped_pieces: pieces.len() - 1,
            });
        }
    }
    lines
}

/// The track graph, node by node.
pub struct Track<'a> {
    streets: &'a Streets,
    next: BTreeMap<OsmId, Vec<OsmId>>,
}

impl<'a> Track<'a> {
    /// Of every track segment.
    pub fn of(streets: &'a Streets) -> Self {
        let mut next: BTreeMap<OsmId, Vec<OsmId>> = BTreeMap::new();
        for segment in &streets.segments {
            if streets.of_segment(segment).kind == Kind::Track {
                next.entry(segment.from).or_default().push(segment.to);
            }
        }
        Self { streets, next }
    }

    fn line(&self, nodes: &[OsmId]) -> Vec<Xy> {
        nodes.iter().map(|&node| self.streets.place(node)).collect()
    }

    /// The relation's ways joined to pieces as long as the map allows, and the gaps closed.
    fn pieces(&self, data: &OsmData, relation: &OsmRelation) -> (Vec<Vec<OsmId>>, usize) {
        let mut pieces: Vec<Vec<OsmId>> = Vec::new();
        let mut closed = 0;
        for run in relation.members.iter().flat_map(|member| self.runs(data, member)) {
            let Some(piece) = pieces.last_mut() else {
                pieces.push(run);
                continue;
            };
            let end = piece[piece.len() - 1];
            if end == run[0] {
                piece.extend(&run[1..]);
            } else if let Some(path) = self.shortest(end, run[0], GAP_MAX_M) {
                closed += 1;
                piece.extend(&path[1..]);
                piece.extend(&run[1..]);
            } else {
                pieces.push(run);
            }
        }
        (pieces, closed)
    }

    /// The parts of a member way that lie on the map, in running direction.
    fn runs(&self, data: &OsmData, member: &Member) -> Vec<Vec<OsmId>> {
        let way = data
            .ways
            .get(&member.id)
            .filter(|w| member.kind == MemberKind::Way && has(&w.tags, "railway", "tram"));
        let Some(way) = way else { return Vec::new() };
        let known = way.nodes.split(|node| !self.streets.places.contains_key(node));
        known.filter(|run| run.len() >= 2).map(<[OsmId]>::to_vec).collect()
    }

    /// Dijkstra over the track up to a distance, nodes included at both ends.
    pub fn shortest(&self, from: OsmId, to: OsmId, max_m: f64) -> Option<Vec<OsmId>> {
        let mut before: BTreeMap<OsmId, OsmId> = BTreeMap::new();
        let mut done = BTreeSet::new();
        let mut queue = BinaryHeap::from([Reverse((0_u64, from, from))]);
        while let Some(Reverse((at_mm, node, previous))) = queue.pop() {
            if !done.insert(node) {
                continue;
            }
            before.insert(node, previous);
            if node == to && node != from {
                return Some(walk_back(&before, from, to));
            }
            for &next in self.next.get(&node).map_or(&[][..], Vec::as_slice) {
                let step_m = self.streets.place(node).distance(self.streets.place(next));
                let far_mm = at_mm + millimetres(step_m);
                if far_mm <= millimetres(max_m) {
                    queue.push(Reverse((far_mm, next, node)));
                }
            }
        }
        None
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn millimetres(metres: f64) -> u64 {
    (metres.max(0.0) * 1000.0) as u64
}

fn walk_back(before: &BTreeMap<OsmId, OsmId>, from: OsmId, to: OsmId) -> Vec<OsmId> {
    let mut path = vec![to];
    let mut node = to;
    while node != from && path.len() <= before.len() {
        node = before[&node];
        path.push(node);
    }
    path.reverse();
    path
}

/// The relation's platforms on the line, in order of travel; never two at the same place.
fn calls(data: &OsmData, streets: &Streets, relation: &OsmRelation, line: &[Xy]) -> Vec<RawCall> {
    let mut calls: Vec<RawCall> = Vec::new();
    for member in
        relation.members.iter().filter(|m| m.role.starts_with("platform") || m.role.starts_with("stop"))
    {
        let Some((place, name)) = platform(data, streets, member) else { continue };
        let (away, at_m) = geo::nearest(line, place);
        let doubled = calls.iter().any(|call| (call.at_m - at_m).abs() < 40.0);
        if away <= PLATFORM_MAX_M && !doubled {
            calls.push(RawCall { stop: member.id, name, place, at_m });
        }
    }
    calls.sort_by(|a, b| a.at_m.total_cmp(&b.at_m));
    calls
}

fn platform(data: &OsmData, streets: &Streets, member: &Member) -> Option<(Xy, String)> {
    match member.kind {
        MemberKind::Node => {
            let node = data.nodes.get(&member.id)?;
            Some((streets.place(member.id), tag(&node.tags, "name").to_owned()))
        }
        MemberKind::Way => {
            let way = data.ways.get(&member.id)?;
            let places: Vec<Xy> =
                way.nodes.iter().filter_map(|node| streets.places.get(node).copied()).collect();
            let count = places.len() as f64;
            let sum = places.iter().fold(Xy::default(), |s, p| Xy { x: s.x + p.x, y: s.y + p.y });
            (count > 0.0)
                .then(|| (Xy { x: sum.x / count, y: sum.y / count }, tag(&way.tags, "name").to_owned()))
        }
        MemberKind::Relation => None,
    }
}
