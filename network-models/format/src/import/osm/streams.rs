//! Traffic streams through a controller: where each begins, which links it runs over, what it crosses.

use std::collections::{BTreeMap, BTreeSet};

use clearway_network::Uses;

use super::base::Base;
use super::cluster::{Cluster, Field};
use super::data::{OsmData, OsmId, has};
use super::geo::{self, Xy};
use super::profile::Profile;
use super::streets::Kind;
use super::turns::RawMove;
use super::walking::{half_width, walking_direction};

/// One way through the controller from a stop line to its exit or to the next stop line.
#[derive(Clone, PartialEq, Debug)]
pub struct Stream {
    /// The link with the stop line; then the links that the stream runs over.
    pub links: Vec<usize>,
    /// Its movements, by index.
    pub moves: Vec<usize>,
    /// Its drawn way, from before the stop line to behind the last conflict.
    pub line: Vec<Xy>,
    /// Distance of the stop line from the start of `line`.
    pub stop_m: f64,
    /// Change of heading from approach to exit, degrees, left positive.
    pub turn_deg: f64,
}

/// A link with a stop line.
#[derive(Clone, PartialEq, Debug)]
pub struct Approach {
    /// The link.
    pub link: usize,
    /// Street or track.
    pub kind: Kind,
    /// Distance of the stop line from the link's end, metres.
    pub stop_back_m: f64,
    /// Whether it lies between nodes of the controller.
    pub inner: bool,
    /// The streams that start there.
    pub streams: Vec<Stream>,
}

/// A signalised pedestrian crossing.
#[derive(Clone, PartialEq, Debug)]
pub struct Crosswalk {
    /// Links that it crosses.
    pub links: BTreeSet<usize>,
    /// Its middle.
    pub centre: Xy,
    /// Where it crosses each drawn line.
    pub places: Vec<Xy>,
    /// From kerb to kerb, metres.
    pub length_m: f64,
}

/// All streams and crossings of one controller.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Site {
    /// Links with stop lines: streets, then tracks.
    pub approaches: Vec<Approach>,
    /// Crossings.
    pub crosswalks: Vec<Crosswalk>,
    /// Every way of an emergency vehicle or tram from an approach to an exit: approach index, movements.
    pub paths: Vec<(usize, Vec<usize>)>,
}

/// Longest link between two nodes of one controller.
const INNER_LINK_MAX_M: f64 = 60.0;
/// A stop line between two nodes of a controller needs room for a car before it.
const INNER_STORAGE_MIN_M: f64 = 12.0;
/// A stream is followed over at most so many movements (`PATH_MOVEMENTS_MAX` of the engine).
const MOVES_MAX: usize = 8;
/// Streams and paths of one approach; a junction has a dozen.
const STREAMS_MAX: usize = 64;
/// How much of an approach and of an exit is drawn.
const APPROACH_TAIL_M: f64 = 60.0;
const EXIT_HEAD_M: f64 = 22.0;
/// Between two tracks' conflict points of one controller.
const TRACK_GAP_M: f64 = 45.0;
/// A turning curve begins this far from the node at most.
const CURVE_M: f64 = 9.0;

/// A way inside a junction this many times as long as another to the same exit is no way.
const DETOUR_MAX: f64 = 1.4;
/// A stream that changes its heading by this much turns back; on one street it does so earlier.
const BACK_DEG: f64 = 155.0;
const BACK_ON_STREET_DEG: f64 = 120.0;

/// What every controller's streams are read from.
pub struct Reader<'a> {
    base: &'a Base,
    data: &'a OsmData,
    field: Field<'a>,
    profile: &'a Profile,
    leaving: Vec<Vec<usize>>,
    into: BTreeMap<(Kind, OsmId), Vec<usize>>,
    over: BTreeMap<OsmId, Vec<usize>>,
}

impl<'a> Reader<'a> {
    /// Of a graph.
    pub fn new(base: &'a Base, data: &'a OsmData, profile: &'a Profile) -> Self {
        let mut leaving = vec![Vec::new(); base.links.len()];
        for (index, m) in base.moves.iter().enumerate() {
            leaving[m.from].push(index);
        }
        let mut into: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut over: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, link) in base.links.iter().enumerate() {
            into.entry((link.kind, link.to())).or_default().push(index);
            for &node in &link.nodes {
                over.entry(node).or_default().push(index);
            }
        }
        let field = Field::new(data, &base.streets, &base.kept, profile);
        Self { base, data, field, profile, leaving, into, over }
    }

    /// The streams and crossings of one cluster; `open` are inner links whose mapped stop line is left out.
    pub fn site(&self, cluster: &Cluster, open: &BTreeSet<usize>) -> Site {
        let crosswalks: Vec<Crosswalk> =
            cluster.crosswalks.iter().map(|nodes| self.crosswalk(cluster, nodes)).collect();
        let mut site = Site { crosswalks, ..Site::default() };
        for (kind, nodes) in [(Kind::Road, &cluster.road_nodes), (Kind::Track, &cluster.track_entries)] {
            for &node in nodes {
                for &link in self.into.get(&(kind, node)).map_or(&[][..], Vec::as_slice) {
                    let inner = kind == Kind::Road && self.is_inner(cluster, link);
                    if !inner || self.has_inner_stop_line(link) && !open.contains(&link) {
                        let stop_back_m = self.stop_back(&site, link);
                        site.approaches.push(Approach {
                            link,
                            kind,
                            stop_back_m,
                            inner,
                            streams: Vec::new(),
                        });
                    }
                }
            }
        }
        site.approaches.sort_by_key(|a| (a.kind, a.inner, a.link));
        let stops: BTreeSet<usize> = site.approaches.iter().map(|a| a.link).collect();
        for (index, approach) in site.approaches.iter_mut().enumerate() {
            let ways = self.ways(cluster, approach.link, &stops);
            let streams = ways.into_iter().map(|moves| self.stream(cluster, approach, moves)).collect();
            approach.streams = self.planned_for(streams);
            if !approach.inner {
                let through = self.ways(cluster, approach.link, &BTreeSet::new());
                site.paths.extend(through.into_iter().map(|moves| (index, moves)));
            }
        }
        site
    }

    /// The streams that signals are planned for. Who turns back gives way to all others, and nobody
    /// drives around inside the junction where a shorter way leads to the same exit.
    fn planned_for(&self, streams: Vec<Stream>) -> Vec<Stream> {
        let exit = |stream: &Stream| stream.links.last().copied();
        let length = |stream: &Stream| geo::length(&stream.line) - stream.stop_m;
        let shortest = |to: Option<usize>| {
            streams.iter().filter(|s| exit(s) == to).map(length).fold(f64::INFINITY, f64::min)
        };
        let planned = |stream: &&Stream| {
            !self.turns_back(stream) && length(stream) <= DETOUR_MAX * shortest(exit(stream))
        };
        let kept: Vec<Stream> = streams.iter().filter(planned).cloned().collect();
        if kept.is_empty() { streams } else { kept }
    }

    fn turns_back(&self, stream: &Stream) -> bool {
        let name = |link: Option<&usize>| link.map(|&link| self.base.links[link].name.as_str());
        let (from, to) = (name(stream.links.first()), name(stream.links.last()));
        let back_deg = if from == to && from != Some("") { BACK_ON_STREET_DEG } else { BACK_DEG };
        stream.turn_deg.abs() >= back_deg
    }

    fn is_inner(&self, cluster: &Cluster, link: usize) -> bool {
        let link = &self.base.links[link];
        link.kind == Kind::Road
            && cluster.road_nodes.contains(&link.from())
            && cluster.road_nodes.contains(&link.to())
            && link.length_m <= INNER_LINK_MAX_M
    }

    fn has_inner_stop_line(&self, link: usize) -> bool {
        let link = &self.base.links[link];
        link.length_m >= INNER_STORAGE_MIN_M
            && !link.two_way
            && self.mapped_stop_back(link.nodes.as_slice()).is_some()
    }

    /// Distance from the end of a chain of nodes to the last mapped signal inside it.
    fn mapped_stop_back(&self, nodes: &[OsmId]) -> Option<f64> {
        let inside = nodes.get(1..nodes.len().saturating_sub(1))?;
        let signal = |node: &OsmId| {
            self.data.nodes.get(node).is_some_and(|n| has(&n.tags, "highway", "traffic_signals"))
        };
        let at = 1 + inside.iter().rposition(signal)?;
        let rest: Vec<Xy> = nodes[at..].iter().map(|&n| self.base.streets.place(n)).collect();
        Some(geo::length(&rest)).filter(|&back| back <= APPROACH_TAIL_M)
    }

    /// The stop line stands before the mapped signal and before every crossing on the approach.
    fn stop_back(&self, site: &Site, index: usize) -> f64 {
        let link = &self.base.links[index];
        let mapped = match link.kind {
            Kind::Road => self.mapped_stop_back(&link.nodes).unwrap_or(self.profile.stop_line_back_m),
            Kind::Track => 2.0,
        };
        let walks = site.crosswalks.iter().filter(|walk| walk.links.contains(&index));
        let before = walks.flat_map(|walk| &walk.places).filter_map(|&place| {
            let (away, at) = geo::nearest(&link.line, place);
            (away < 2.0).then_some(link.length_m - at + 2.0)
        });
        before.fold(mapped, f64::max).min(link.length_m * 0.9)
    }

    /// Every chain of movements from a link out of the controller, or to the next link in `stops`.
    fn ways(&self, cluster: &Cluster, start: usize, stops: &BTreeSet<usize>) -> Vec<Vec<usize>> {
        let mut done = Vec::new();
        let mut open = vec![(start, Vec::new())];
        while let Some((link, moves)) = open.pop() {
            let ends = link != start && (stops.contains(&link) || !self.goes_on(cluster, link));
            if ends || moves.len() == MOVES_MAX || done.len() == STREAMS_MAX {
                if ends {
                    done.push(moves);
                }
                continue;
            }
            for &index in self.leaving[link].iter().rev() {
                let to = self.base.moves[index].to;
                let again = to == start || moves.iter().any(|&m: &usize| self.base.moves[m].to == to);
                if !again {
                    let mut longer = moves.clone();
                    longer.push(index);
                    open.push((to, longer));
                }
            }
        }
        done
    }

    /// Whether the controller reaches beyond the end of a link.
    fn goes_on(&self, cluster: &Cluster, link: usize) -> bool {
        match self.base.links[link].kind {
            Kind::Road => self.is_inner(cluster, link),
            Kind::Track => self.track_goes_on(cluster, link),
        }
    }

    fn track_goes_on(&self, cluster: &Cluster, link: usize) -> bool {
        let link = &self.base.links[link];
        let end = link.to();
        let foreign =
            self.base.clusters.iter().any(|c| c.centre != cluster.centre && c.track_entries.contains(&end));
        if foreign || link.length_m > 2.0 * TRACK_GAP_M {
            return false;
        }
        let mut open = vec![(end, 0.0)];
        let mut seen = BTreeSet::new();
        while let Some((node, far)) = open.pop() {
            if cluster.track_nodes.contains(&node) {
                return true;
            }
            for &segment in self.field.incidence.leaving(Kind::Track, node) {
                let to = self.base.streets.segments[segment].to;
                let far = far + self.base.streets.place(node).distance(self.base.streets.place(to));
                if far <= TRACK_GAP_M && seen.insert(to) {
                    open.push((to, far));
                }
            }
        }
        false
    }

    fn stream(&self, cluster: &Cluster, approach: &Approach, moves: Vec<usize>) -> Stream {
        let mut links = vec![approach.link];
        links.extend(moves.iter().map(|&m| self.base.moves[m].to));
        let first = &self.base.links[links[0]];
        let last = &self.base.links[links[links.len() - 1]];
        let (line, tail) = self.draw(cluster, &links);
        Stream {
            stop_m: (tail - approach.stop_back_m).max(0.0),
            turn_deg: geo::turn_angle(first.heading_in(), last.heading_out()),
            links,
            moves,
            line,
        }
    }

    /// The drawn way over the links, in the right lane where both directions share a line; and how
    /// much of it lies on the approach.
    fn draw(&self, cluster: &Cluster, links: &[usize]) -> (Vec<Xy>, f64) {
        let lane = |index: usize| {
            let link = &self.base.links[index];
            let right = f64::from(link.lanes) * self.profile.lane_width_m / 2.0;
            let line = geo::offset_right(&link.line, if link.two_way { right.min(4.0) } else { 0.0 });
            let size = geo::length(&line);
            let curve = if link.kind == Kind::Road { CURVE_M.min(size * 0.4) } else { 0.0 };
            (line, size, curve)
        };
        let (first, size, curve) = lane(links[0]);
        let tail = size.min(APPROACH_TAIL_M);
        let mut way = geo::cut(&first, size - tail, size - curve);
        for (position, &index) in links.iter().enumerate().skip(1) {
            let (line, size, curve) = lane(index);
            let is_last = position + 1 == links.len();
            let end = if is_last { self.exit_end(cluster, index, size) } else { size - curve };
            way.extend(geo::cut(&line, curve.min(end), end));
        }
        way.dedup();
        (way, tail)
    }

    /// How far along its exit a stream can meet others of this controller.
    fn exit_end(&self, cluster: &Cluster, index: usize, size: f64) -> f64 {
        let link = &self.base.links[index];
        let ours = |node: &OsmId| {
            cluster.track_nodes.contains(node) || cluster.crosswalks.iter().any(|walk| walk.contains(node))
        };
        let last = link.nodes.iter().rposition(ours).map_or(0.0, |at| geo::length(&link.line[..=at]) + 6.0);
        // A track's conflict node lies before the conflict itself.
        let slack = if link.kind == Kind::Track { EXIT_HEAD_M } else { 0.0 };
        (last + slack).max(EXIT_HEAD_M).min(size)
    }

    fn crosswalk(&self, cluster: &Cluster, nodes: &[OsmId]) -> Crosswalk {
        let places: Vec<Xy> = nodes.iter().map(|&n| self.base.streets.place(n)).collect();
        let mut length_m: f64 = 2.0 * half_width(&self.field, nodes[0]);
        for (i, &a) in nodes.iter().enumerate() {
            for (j, &b) in nodes.iter().enumerate().skip(i + 1) {
                let reach =
                    places[i].distance(places[j]) + half_width(&self.field, a) + half_width(&self.field, b);
                length_m = length_m.max(reach);
            }
        }
        let sum = places.iter().fold(Xy::default(), |s, p| Xy { x: s.x + p.x, y: s.y + p.y });
        let count = places.len() as f64;
        let links = nodes.iter().flat_map(|&node| self.crossed(cluster, node)).collect();
        Crosswalk { links, centre: Xy { x: sum.x / count, y: sum.y / count }, places, length_m }
    }

    /// The links that a crossing node lies on; at a link's end those that people really cross.
    fn crossed(&self, cluster: &Cluster, node: OsmId) -> Vec<usize> {
        let touching = self.over.get(&node).map_or(&[][..], Vec::as_slice);
        let ends_at = |&&index: &&usize| {
            let link = &self.base.links[index];
            link.from() == node || link.to() == node
        };
        let (ending, inside): (Vec<&usize>, Vec<&usize>) = touching.iter().partition(|index| ends_at(index));
        let mut crossed: Vec<usize> = inside.into_iter().copied().collect();
        for kind in [Kind::Road, Kind::Track] {
            let arms: Vec<usize> =
                ending.iter().copied().copied().filter(|&i| self.base.links[i].kind == kind).collect();
            let others: BTreeSet<OsmId> = arms.iter().map(|&i| self.other_end(i, node)).collect();
            if others.len() <= 2 {
                crossed.extend(arms.iter().filter(|&&i| self.base.links[i].to() == node));
            } else if let Some(arm) = self.crossed_arm(cluster, node, &arms) {
                crossed.extend(arms.iter().filter(|&&i| self.other_end(i, node) == arm));
            }
        }
        crossed
    }

    fn other_end(&self, index: usize, node: OsmId) -> OsmId {
        let link = &self.base.links[index];
        if link.from() == node { link.nodes[1] } else { link.nodes[link.nodes.len() - 2] }
    }

    /// Of the arms at a junction node the one that runs most nearly across the footway.
    fn crossed_arm(&self, cluster: &Cluster, node: OsmId, arms: &[usize]) -> Option<OsmId> {
        let walking = walking_direction(&self.field, node)?;
        let across = |&index: &usize| {
            let street = geo::heading(
                self.base.streets.place(node),
                self.base.streets.place(self.other_end(index, node)),
            );
            let delta = geo::turn_angle(walking, street).abs();
            let inner = if self.is_inner(cluster, index) { 45.0 } else { 0.0 };
            (delta - 90.0).abs() + inner
        };
        arms.iter().min_by(|a, b| across(a).total_cmp(&across(b))).map(|&index| self.other_end(index, node))
    }
}

/// Those who may use every movement of a chain.
pub fn uses_of(moves: &[RawMove], chain: &[usize]) -> Uses {
    chain.iter().fold(Uses(u8::MAX), |uses, &m| Uses(uses.0 & moves[m].uses.0))
}
