//! The street and track graph with its controllers and lines, before groups and plans.

use std::collections::{BTreeMap, BTreeSet};

use clearway_network::Uses;

use super::ImportError;
use super::cluster::{self, Cluster, Field, Tally};
use super::data::{OsmData, OsmId, has};
use super::geo::Projection;
use super::lines::{self, RawLine};
use super::links::{self, RawLink};
use super::profile::Profile;
use super::prune::{largest_part, through_links};
use super::streets::{Kind, Streets};
use super::turns::{self, RawMove, Restrictions};

/// Everything that is real in the model.
#[derive(Debug)]
pub struct Base {
    /// Where the plane touches the globe.
    pub projection: Projection,
    /// The segments.
    pub streets: Streets,
    /// The segments that are kept.
    pub kept: BTreeSet<usize>,
    /// The links.
    pub links: Vec<RawLink>,
    /// The movements, sorted by link.
    pub moves: Vec<RawMove>,
    /// The controllers.
    pub clusters: Vec<Cluster>,
    /// What became of the mapped signals.
    pub tally: Tally,
    /// The lines; their links in order.
    pub lines: Vec<(RawLine, Vec<usize>)>,
    /// Turn restrictions read and dropped.
    pub restrictions: (usize, usize),
    /// Directed segments that were dropped: dead fragments and one-way traps.
    pub dropped_segments: usize,
}

impl Base {
    /// Whether the map's edge cuts a street or track at this node.
    pub fn is_cut(&self, kind: Kind, node: OsmId) -> bool {
        self.streets.cut_nodes.contains(&(kind, node))
    }
}

/// Rounds of pruning before the rest is taken as it is; two or three suffice.
const ROUNDS_MAX: usize = 12;

/// Build it.
///
/// # Errors
/// When nothing can be driven through.
pub fn build(data: &OsmData, profile: &Profile) -> Result<Base, ImportError> {
    let projection = middle(data);
    let mut streets = Streets::of(data, projection, profile);
    let restrictions = Restrictions::of(data);
    let raw_lines = lines::tram_lines(data, &streets);
    let mut kept: BTreeSet<usize> = (0..streets.segments.len()).collect();
    let mut splits = BTreeSet::new();
    let (mut clusters, mut tally) = (Vec::new(), Tally::default());
    // Stop lines split links, which changes headings and so may change what can be driven through.
    for _ in 0..ROUNDS_MAX {
        kept = prune(data, &mut streets, &restrictions, &raw_lines, kept, &splits);
        if kept.is_empty() {
            return Err(ImportError::Empty);
        }
        let field = Field::new(data, &streets, &kept, profile);
        (clusters, tally) = cluster::clusters(&field);
        reach_crosswalks(&field, &mut clusters);
        let found = self::splits(&field, &clusters);
        if found == splits {
            break;
        }
        splits = found;
    }
    let links = links::build(&streets, &kept, &splits);
    let mut moves = all_moves(data, &streets, &links, &restrictions);
    let lines = raw_lines
        .into_iter()
        .map(|line| {
            let chain = chain_of(&links, &line.nodes);
            (line, chain)
        })
        .filter(|(_, chain)| !chain.is_empty())
        .collect::<Vec<_>>();
    add_line_moves(&links, &mut moves, &lines);
    Ok(Base {
        projection,
        dropped_segments: streets.segments.len() - kept.len(),
        restrictions: (restrictions.read, restrictions.dropped),
        streets,
        kept,
        links,
        moves,
        clusters,
        tally,
        lines,
    })
}

fn middle(data: &OsmData) -> Projection {
    let start = (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY);
    let box_ = data
        .nodes
        .values()
        .fold(start, |b, n| (b.0.min(n.lat), b.1.max(n.lat), b.2.min(n.lon), b.3.max(n.lon)));
    if data.nodes.is_empty() {
        return Projection::at(0.0, 0.0);
    }
    Projection::at(f64::midpoint(box_.0, box_.1), f64::midpoint(box_.2, box_.3))
}

fn all_moves(
    data: &OsmData,
    streets: &Streets,
    links: &[RawLink],
    restrictions: &Restrictions,
) -> Vec<RawMove> {
    let diamonds: BTreeSet<OsmId> = data
        .nodes
        .iter()
        .filter(|(_, n)| has(&n.tags, "railway", "railway_crossing"))
        .map(|(&id, _)| id)
        .collect();
    let is_cut = |kind, node| streets.cut_nodes.contains(&(kind, node));
    turns::movements(links, restrictions, is_cut, &diamonds)
}

/// Drop what cannot be driven through until nothing more falls away.
fn prune(
    data: &OsmData,
    streets: &mut Streets,
    restrictions: &Restrictions,
    lines: &[RawLine],
    mut kept: BTreeSet<usize>,
    splits: &BTreeSet<(Kind, OsmId)>,
) -> BTreeSet<usize> {
    let on_lines: BTreeSet<(OsmId, OsmId)> =
        lines.iter().flat_map(|line| line.nodes.windows(2).map(|w| (w[0], w[1]))).collect();
    for _ in 0..ROUNDS_MAX {
        let links = links::build(streets, &kept, splits);
        let moves = all_moves(data, streets, &links, restrictions);
        let is_cut = |kind, node| streets.cut_nodes.contains(&(kind, node));
        let none = BTreeSet::new();
        let served: BTreeSet<usize> = (0..links.len())
            .filter(|&i| links[i].kind == Kind::Track)
            .filter(|&i| links[i].nodes.windows(2).any(|w| on_lines.contains(&(w[0], w[1]))))
            .collect();
        let cars = through_links(&links, &moves, Uses::CAR, is_cut, &none);
        let engines = through_links(&links, &moves, Uses::EMERGENCY, is_cut, &none);
        let engines = largest_part(&links, &engines);
        let cars: BTreeSet<usize> = cars.intersection(&engines).copied().collect();
        let mut trams = through_links(&links, &moves, Uses::TRAM, is_cut, &none);
        trams.extend(&served);
        let next: BTreeSet<usize> =
            engines.union(&trams).flat_map(|&i| links[i].segments.iter().copied()).collect();
        let no_cars: Vec<usize> = engines
            .difference(&cars)
            .filter(|&&i| links[i].uses.allow(Uses::CAR))
            .flat_map(|&i| links[i].segments.iter().copied())
            .collect();
        let stable = next.len() == kept.len() && no_cars.is_empty();
        for segment in no_cars {
            forbid_cars(streets, segment);
        }
        kept = next;
        if stable {
            break;
        }
    }
    kept
}

/// Give the segment attributes of its own, without cars.
fn forbid_cars(streets: &mut Streets, segment: usize) {
    let mut attributes = streets.of_segment(&streets.segments[segment]).clone();
    attributes.uses = Uses(attributes.uses.0 & !Uses::CAR.0);
    streets.segments[segment].attributes = streets.attributes.len();
    streets.attributes.push(attributes);
}

/// A crossing on a street that touches none of its controller's nodes needs stop lines of its own.
fn reach_crosswalks(field: &Field<'_>, clusters: &mut [Cluster]) {
    let links = links::build(field.streets, field.kept, &splits(field, clusters));
    for cluster in clusters {
        for &node in cluster.crosswalks.iter().flatten() {
            let mut over =
                links.iter().filter(|l| l.kind == Kind::Road && l.nodes.contains(&node)).peekable();
            let ours = |link: &RawLink| {
                cluster.road_nodes.contains(&link.from()) || cluster.road_nodes.contains(&link.to())
            };
            if over.peek().is_some() && !over.any(ours) {
                cluster.road_nodes.insert(node);
            }
        }
        if !cluster.mid_block {
            cluster::add_nodes_between(field, cluster);
        }
    }
}

/// Nodes that must end links although no street meets another there: stop lines of trams and of
/// crossings between junctions.
fn splits(field: &Field<'_>, clusters: &[Cluster]) -> BTreeSet<(Kind, OsmId)> {
    let mut splits = BTreeSet::new();
    for cluster in clusters {
        splits.extend(cluster.road_nodes.iter().map(|&node| (Kind::Road, node)));
        splits.extend(cluster.track_entries.iter().map(|&node| (Kind::Track, node)));
    }
    // Only nodes of kept segments end links.
    splits.retain(|&(kind, node)| {
        !field.incidence.leaving(kind, node).is_empty() || !field.incidence.arriving(kind, node).is_empty()
    });
    splits
}

/// The links that a chain of nodes runs over; cut back to whole links at both ends.
fn chain_of(links: &[RawLink], nodes: &[OsmId]) -> Vec<usize> {
    let mut starting: BTreeMap<(OsmId, OsmId), usize> = BTreeMap::new();
    for (index, link) in links.iter().enumerate().filter(|(_, l)| l.kind == Kind::Track) {
        starting.insert((link.nodes[0], link.nodes[1]), index);
    }
    let mut chain = Vec::new();
    let mut at = 0;
    while at + 1 < nodes.len() {
        match starting.get(&(nodes[at], nodes[at + 1])) {
            Some(&link) if nodes[at..].starts_with(&links[link].nodes) => {
                chain.push(link);
                at += links[link].nodes.len() - 1;
            }
            _ if chain.is_empty() => at += 1,
            _ => break,
        }
    }
    chain
}

/// A line proves that its trams can go from each of its links into the next.
fn add_line_moves(links: &[RawLink], moves: &mut Vec<RawMove>, lines: &[(RawLine, Vec<usize>)]) {
    let mut known: BTreeSet<(usize, usize)> = moves.iter().map(|m| (m.from, m.to)).collect();
    for pair in lines.iter().flat_map(|(_, chain)| chain.windows(2)) {
        if known.insert((pair[0], pair[1])) {
            let angle = super::geo::turn_angle(links[pair[0]].heading_in(), links[pair[1]].heading_out());
            moves.push(RawMove { from: pair[0], to: pair[1], angle, uses: Uses::TRAM });
        }
    }
    moves.sort_by_key(|m| (m.from, m.to));
}
