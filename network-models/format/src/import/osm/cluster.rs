//! Which mapped signals and crossings belong to one controller.
//!
//! Helsinki maps each stop line and each crossing as a node of its own. A stop line belongs to the
//! junction ahead of it; junctions and crossings close to each other belong to one controller,
//! nearest pairs first, as long as the whole stays as small as a junction is.

use std::collections::{BTreeMap, BTreeSet};

use rstar::primitives::Line;
use rstar::{RTree, RTreeObject};

use super::data::{OsmData, OsmId, has, tag};
use super::geo::{self, Xy};
use super::links::Incidence;
use super::profile::Profile;
use super::streets::{Kind, Segment, Streets};
use super::walking::{crosswalks, footways};

/// What one controller stands for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cluster {
    /// Road nodes at which its stop lines and inner links end.
    pub road_nodes: BTreeSet<OsmId>,
    /// Track nodes at which trams come into conflict.
    pub track_nodes: BTreeSet<OsmId>,
    /// The first of them in each running direction: the trams' stop lines.
    pub track_entries: BTreeSet<OsmId>,
    /// Signalised pedestrian crossings, each from kerb to kerb or island.
    pub crosswalks: Vec<Vec<OsmId>>,
    /// Its middle.
    pub centre: Xy,
    /// Whether it is a crossing between junctions.
    pub mid_block: bool,
}

/// What the clustering did with the mapped signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Stop lines that were given to a junction.
    pub attached: usize,
    /// Stop lines of crossings between junctions.
    pub mid_block: usize,
    /// Signals without junction or crossing ahead.
    pub lonely: usize,
    /// Crossings of tracks alone, far from any street.
    pub track_only: usize,
}

/// A stop line stands no further than this before its junction.
const STOP_LINE_MAX_M: f64 = 48.0;
/// Two junction nodes of one controller.
const NODE_TO_NODE_MAX_M: f64 = 40.0;
/// A crossing and a junction node of one controller.
const CROSSING_TO_NODE_MAX_M: f64 = 34.0;
/// Two crossings of one controller.
const CROSSING_TO_CROSSING_MAX_M: f64 = 25.0;
/// No controller's points lie further apart than this.
const EXTENT_MAX_M: f64 = 85.0;
/// A link of one junction node to the next inside a controller.
const INNER_LINK_MAX_M: f64 = 42.0;
/// A track's conflict points of one controller follow each other within this.
const TRACK_GAP_M: f64 = 45.0;

/// A track that crosses a street at less than this runs along it.
const ALONG_DEG: f64 = 25.0;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Point {
    Junction(OsmId),
    RoadCrossing(OsmId),
    TrackCrossing(OsmId),
}

impl Point {
    fn node(self) -> OsmId {
        match self {
            Self::Junction(node) | Self::RoadCrossing(node) | Self::TrackCrossing(node) => node,
        }
    }
}

/// The extract as the clustering looks at it.
pub struct Field<'a> {
    /// The extract.
    pub data: &'a OsmData,
    /// Its segments.
    pub streets: &'a Streets,
    /// Those that are kept.
    pub kept: &'a BTreeSet<usize>,
    /// What meets where.
    pub incidence: Incidence,
    /// Widths.
    pub profile: &'a Profile,
    footways: BTreeMap<OsmId, Vec<OsmId>>,
}

impl<'a> Field<'a> {
    /// Of the kept segments.
    pub fn new(
        data: &'a OsmData,
        streets: &'a Streets,
        kept: &'a BTreeSet<usize>,
        profile: &'a Profile,
    ) -> Self {
        let incidence = Incidence::of(streets, kept);
        Self { data, streets, kept, incidence, profile, footways: footways(data) }
    }

    /// The footways over a node.
    pub fn footways_at(&self, node: OsmId) -> &[OsmId] {
        self.footways.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whether streets or tracks run over a node.
    pub fn on(&self, kind: Kind, node: OsmId) -> bool {
        !self.incidence.leaving(kind, node).is_empty() || !self.incidence.arriving(kind, node).is_empty()
    }

    fn is_junction(&self, node: OsmId) -> bool {
        self.incidence.neighbours(self.streets, Kind::Road, node).len() >= 3
    }

    fn is_signal_crossing(&self, node: OsmId) -> bool {
        self.data.nodes.get(&node).is_some_and(|n| has(&n.tags, "crossing", "traffic_signals"))
    }

    fn crossing_nodes(&self) -> impl Iterator<Item = OsmId> {
        self.data.nodes.keys().copied().filter(|&node| self.is_signal_crossing(node))
    }

    /// The junction ahead of a road segment, and how far its node is.
    fn junction_ahead(&self, first: usize) -> Option<(OsmId, f64)> {
        let mut segment = self.streets.segments[first];
        let mut far = 0.0;
        while far <= STOP_LINE_MAX_M {
            far += self.streets.place(segment.from).distance(self.streets.place(segment.to));
            if self.is_junction(segment.to) {
                return (far <= STOP_LINE_MAX_M).then_some((segment.to, far));
            }
            let out = self.incidence.leaving(Kind::Road, segment.to);
            let next = out.iter().find(|&&s| self.streets.segments[s].to != segment.from)?;
            segment = self.streets.segments[*next];
        }
        None
    }
}

/// Find the controllers of an extract, sorted by their smallest node.
pub fn clusters(field: &Field<'_>) -> (Vec<Cluster>, Tally) {
    let mut tally = Tally::default();
    let points = signal_points(field, &mut tally);
    let mut clusters = Vec::new();
    for group in group_points(field, &points) {
        if group.iter().all(|p| matches!(p, Point::TrackCrossing(_))) {
            tally.track_only += group.len();
            continue;
        }
        clusters.push(road_part(field, &group));
    }
    add_track_conflicts(field, &mut clusters);
    for cluster in &mut clusters {
        cluster.track_entries = track_entries(field, cluster);
    }
    (clusters, tally)
}

/// Junctions with a stop line or a signal, and every signalised crossing of a street or track.
fn signal_points(field: &Field<'_>, tally: &mut Tally) -> Vec<Point> {
    let crossings: Vec<Xy> = field.crossing_nodes().map(|node| field.streets.place(node)).collect();
    let near_crossing = |node: OsmId| {
        let here = field.streets.place(node);
        crossings.iter().any(|place| place.distance(here) < CROSSING_TO_CROSSING_MAX_M)
    };
    let mut points = BTreeSet::new();
    for (&node, osm) in &field.data.nodes {
        if field.is_signal_crossing(node) {
            if field.on(Kind::Road, node) {
                points.insert(Point::RoadCrossing(node));
            } else if field.on(Kind::Track, node) {
                points.insert(Point::TrackCrossing(node));
            }
        }
        if has(&osm.tags, "highway", "traffic_signals") && field.on(Kind::Road, node) {
            match stop_line_junction(field, node) {
                Some(junction) => {
                    tally.attached += 1;
                    points.insert(Point::Junction(junction));
                }
                None if near_crossing(node) => tally.mid_block += 1,
                None => tally.lonely += 1,
            }
        }
    }
    points.into_iter().collect()
}

/// The junction that a stop line belongs to: the nearest one ahead, in a direction that it serves.
fn stop_line_junction(field: &Field<'_>, node: OsmId) -> Option<OsmId> {
    if field.is_junction(node) {
        return Some(node);
    }
    let tags = &field.data.nodes[&node].tags;
    let direction = [tag(tags, "traffic_signals:direction"), tag(tags, "direction")];
    let serves = |segment: usize| {
        let segment = field.streets.segments[segment];
        let way = field.data.ways.get(&field.streets.of_segment(&segment).way);
        let drawn =
            way.is_some_and(|w| w.nodes.windows(2).any(|p| p[0] == segment.from && p[1] == segment.to));
        !direction.contains(&if drawn { "backward" } else { "forward" })
    };
    let ahead = field.incidence.leaving(Kind::Road, node).iter().filter(|&&s| serves(s));
    let found = ahead.filter_map(|&segment| field.junction_ahead(segment));
    found.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(junction, _)| junction)
}

/// Nearest pairs first; a merge that would grow beyond a junction's extent is not made.
fn group_points(field: &Field<'_>, points: &[Point]) -> Vec<Vec<Point>> {
    let place = |i: usize| field.streets.place(points[i].node());
    let mut pairs = Vec::new();
    for a in 0..points.len() {
        for b in a + 1..points.len() {
            let far = place(a).distance(place(b));
            if far <= reach(points[a], points[b]) {
                pairs.push((far, a, b));
            }
        }
    }
    pairs.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    let mut group_of: Vec<usize> = (0..points.len()).collect();
    let mut groups: Vec<Vec<usize>> = (0..points.len()).map(|i| vec![i]).collect();
    for (_, a, b) in pairs {
        let (keep, merge) = (group_of[a].min(group_of[b]), group_of[a].max(group_of[b]));
        let small = groups[keep]
            .iter()
            .all(|&x| groups[merge].iter().all(|&y| place(x).distance(place(y)) <= EXTENT_MAX_M));
        if keep != merge && small {
            let moved = std::mem::take(&mut groups[merge]);
            for &point in &moved {
                group_of[point] = keep;
            }
            groups[keep].extend(moved);
        }
    }
    let full = groups.into_iter().filter(|group| !group.is_empty());
    full.map(|group| group.into_iter().map(|i| points[i]).collect()).collect()
}

fn reach(a: Point, b: Point) -> f64 {
    match (a, b) {
        (Point::Junction(_), Point::Junction(_)) => NODE_TO_NODE_MAX_M,
        (Point::Junction(_), _) | (_, Point::Junction(_)) => CROSSING_TO_NODE_MAX_M,
        _ => CROSSING_TO_CROSSING_MAX_M,
    }
}

/// Nodes, crossings and middle of one group of points.
fn road_part(field: &Field<'_>, group: &[Point]) -> Cluster {
    let mut cluster = Cluster::default();
    let mut crossing_nodes = Vec::new();
    for point in group {
        match *point {
            Point::Junction(node) => drop(cluster.road_nodes.insert(node)),
            Point::RoadCrossing(node) => crossing_nodes.push(node),
            Point::TrackCrossing(node) => {
                crossing_nodes.push(node);
                cluster.track_nodes.insert(node);
            }
        }
        if field.is_signal_crossing(point.node()) && field.on(Kind::Track, point.node()) {
            cluster.track_nodes.insert(point.node());
        }
    }
    let sum = group.iter().map(|p| field.streets.place(p.node()));
    let sum = sum.fold(Xy::default(), |s, p| Xy { x: s.x + p.x, y: s.y + p.y });
    let count = group.len() as f64;
    cluster.centre = Xy { x: sum.x / count, y: sum.y / count };
    cluster.mid_block = cluster.road_nodes.is_empty();
    if cluster.mid_block {
        let on_road = crossing_nodes.iter().copied().filter(|&node| field.on(Kind::Road, node));
        cluster.road_nodes.extend(on_road);
    } else {
        add_nodes_between(field, &mut cluster);
    }
    cluster.crosswalks = crosswalks(field, &crossing_nodes);
    cluster
}

/// Junction nodes that lie between nodes of the controller belong to it, signal or not.
pub(super) fn add_nodes_between(field: &Field<'_>, cluster: &mut Cluster) {
    for _ in 0..3 {
        let mut linked: BTreeMap<OsmId, BTreeSet<OsmId>> = BTreeMap::new();
        for &node in &cluster.road_nodes {
            for (other, far) in junctions_around(field, node) {
                if far <= INNER_LINK_MAX_M && !cluster.road_nodes.contains(&other) {
                    linked.entry(other).or_default().insert(node);
                }
            }
        }
        let before = cluster.road_nodes.len();
        cluster
            .road_nodes
            .extend(linked.into_iter().filter(|(_, from)| from.len() >= 2).map(|(node, _)| node));
        if cluster.road_nodes.len() == before {
            return;
        }
    }
}

/// The next junctions along every street that touches a node, in either direction.
fn junctions_around(field: &Field<'_>, node: OsmId) -> Vec<(OsmId, f64)> {
    let ahead = field.incidence.leaving(Kind::Road, node).iter().filter_map(|&s| field.junction_ahead(s));
    let mut found: Vec<(OsmId, f64)> = ahead.collect();
    for &segment in field.incidence.arriving(Kind::Road, node) {
        let mut from = field.streets.segments[segment];
        let mut far = 0.0;
        while far <= INNER_LINK_MAX_M {
            far += field.streets.place(from.from).distance(field.streets.place(from.to));
            if field.is_junction(from.from) {
                found.push((from.from, far));
                break;
            }
            let into = field.incidence.arriving(Kind::Road, from.from);
            let Some(&next) = into.iter().find(|&&s| field.streets.segments[s].from != from.to) else {
                break;
            };
            from = field.streets.segments[next];
        }
    }
    found
}

/// Where a track runs over a street near a controller, the track node before it is a conflict.
fn add_track_conflicts(field: &Field<'_>, clusters: &mut [Cluster]) {
    let of_kind = |kind: Kind| {
        let segments = field.kept.iter().map(|&s| field.streets.segments[s]);
        segments.filter(move |s| field.streets.of_segment(s).kind == kind)
    };
    let ends = |s: Segment| [field.streets.place(s.from), field.streets.place(s.to)];
    let flat = |p: Xy| [p.x, p.y];
    let streets = RTree::bulk_load(
        of_kind(Kind::Road).map(|s| Line::new(flat(ends(s)[0]), flat(ends(s)[1]))).collect::<Vec<_>>(),
    );
    for track in of_kind(Kind::Track) {
        let rail = ends(track);
        let box_ = Line::new(flat(rail[0]), flat(rail[1])).envelope();
        for street in streets.locate_in_envelope_intersecting(box_) {
            let street = [street.from, street.to].map(|[x, y]| Xy { x, y });
            let Some((t, _)) = geo::segments_cross(rail, street) else { continue };
            let headings = (geo::heading(rail[0], rail[1]), geo::heading(street[0], street[1]));
            let angle = geo::turn_angle(headings.0, headings.1).abs();
            if ALONG_DEG < angle && angle < 180.0 - ALONG_DEG {
                add_track_conflict(field, clusters, track.from, rail[0].towards(rail[1], t));
            }
        }
    }
}

/// Give a track's conflict to the nearest controller, if one is near.
fn add_track_conflict(field: &Field<'_>, clusters: &mut [Cluster], node: OsmId, at: Xy) {
    let far = |cluster: &Cluster| nearest_node(field, cluster, at);
    let home = clusters.iter_mut().min_by(|a, b| far(a).total_cmp(&far(b)));
    if let Some(home) = home.filter(|cluster| far(cluster) <= CROSSING_TO_NODE_MAX_M) {
        home.track_nodes.insert(node);
    }
}

fn nearest_node(field: &Field<'_>, cluster: &Cluster, at: Xy) -> f64 {
    cluster.road_nodes.iter().map(|&n| field.streets.place(n).distance(at)).fold(f64::INFINITY, f64::min)
}

/// Conflict nodes with no other one of the controller shortly before them.
fn track_entries(field: &Field<'_>, cluster: &Cluster) -> BTreeSet<OsmId> {
    let upstream = |node: OsmId| {
        let mut open = vec![(node, 0.0)];
        let mut seen = BTreeSet::new();
        while let Some((at, far)) = open.pop() {
            for &segment in field.incidence.arriving(Kind::Track, at) {
                let from = field.streets.segments[segment].from;
                let far = far + field.streets.place(from).distance(field.streets.place(at));
                if far <= TRACK_GAP_M && cluster.track_nodes.contains(&from) {
                    return true;
                }
                if far <= TRACK_GAP_M && seen.insert(from) {
                    open.push((from, far));
                }
            }
        }
        false
    };
    cluster.track_nodes.iter().copied().filter(|&node| !upstream(node)).collect()
}
