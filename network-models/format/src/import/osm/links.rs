//! From segments to links: split where streets meet, nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use clearway_network::Uses;

use super::data::OsmId;
use super::geo::{self, Xy};
use super::streets::{Kind, Segment, Streets};

/// A directed link between two graph nodes.
#[derive(Clone, PartialEq, Debug)]
pub struct RawLink {
    /// Street or track.
    pub kind: Kind,
    /// The OSM nodes that it runs over, ends included.
    pub nodes: Vec<OsmId>,
    /// Their places.
    pub line: Vec<Xy>,
    /// The segments that it is made of.
    pub segments: Vec<usize>,
    /// The way of its first segment.
    pub first_way: OsmId,
    /// The way of its last segment.
    pub last_way: OsmId,
    /// The name that most of it has.
    pub name: String,
    /// The class that most of it has.
    pub class: String,
    /// Lanes where it ends.
    pub lanes: u8,
    /// Whether nobody mapped them.
    pub lanes_guessed: bool,
    /// Mean free speed, metres a second.
    pub speed_m_s: f64,
    /// Whether it is not mapped on all its length.
    pub speed_guessed: bool,
    /// Who may go all along it.
    pub uses: Uses,
    /// Whether the other direction shares the drawn line.
    pub two_way: bool,
    /// Length in metres.
    pub length_m: f64,
}

impl RawLink {
    /// Where it begins.
    pub fn from(&self) -> OsmId {
        self.nodes[0]
    }

    /// Where it ends.
    pub fn to(&self) -> OsmId {
        self.nodes[self.nodes.len() - 1]
    }

    /// Heading over its first metres, degrees anticlockwise from east.
    pub fn heading_out(&self) -> f64 {
        geo::heading(self.line[0], geo::point_at(&self.line, HEADING_OVER_M.min(self.length_m)))
    }

    /// Heading over its last metres.
    pub fn heading_in(&self) -> f64 {
        let back = (self.length_m - HEADING_OVER_M).max(0.0);
        geo::heading(geo::point_at(&self.line, back), self.line[self.line.len() - 1])
    }

    /// Whether it is `other` in the opposite direction.
    pub fn reverses(&self, other: &Self) -> bool {
        self.nodes.len() == other.nodes.len() && self.nodes.iter().rev().eq(other.nodes.iter())
    }
}

/// A link's heading is taken over this distance, longer than a kerb's curve is drawn.
const HEADING_OVER_M: f64 = 12.0;

/// The segments that leave and reach each node, one kind at a time.
#[derive(Debug, Default)]
pub struct Incidence {
    /// Segments that leave.
    pub out: BTreeMap<(Kind, OsmId), Vec<usize>>,
    /// Segments that arrive.
    pub into: BTreeMap<(Kind, OsmId), Vec<usize>>,
}

impl Incidence {
    /// Of the segments that are kept.
    pub fn of(streets: &Streets, kept: &BTreeSet<usize>) -> Self {
        let mut incidence = Self::default();
        for &index in kept {
            let segment = streets.segments[index];
            let kind = streets.of_segment(&segment).kind;
            incidence.out.entry((kind, segment.from)).or_default().push(index);
            incidence.into.entry((kind, segment.to)).or_default().push(index);
        }
        incidence
    }

    /// Segments that leave a node.
    pub fn leaving(&self, kind: Kind, node: OsmId) -> &[usize] {
        self.out.get(&(kind, node)).map_or(&[], Vec::as_slice)
    }

    /// Segments that arrive at a node.
    pub fn arriving(&self, kind: Kind, node: OsmId) -> &[usize] {
        self.into.get(&(kind, node)).map_or(&[], Vec::as_slice)
    }

    /// The nodes next to a node.
    pub fn neighbours(&self, streets: &Streets, kind: Kind, node: OsmId) -> BTreeSet<OsmId> {
        let out = self.leaving(kind, node).iter().map(|&s| streets.segments[s].to);
        let into = self.arriving(kind, node).iter().map(|&s| streets.segments[s].from);
        out.chain(into).collect()
    }

    /// Whether nothing is decided at a node: one street runs through it unchanged.
    fn passes_through(&self, streets: &Streets, kind: Kind, node: OsmId) -> bool {
        let (out, into) = (self.leaving(kind, node), self.arriving(kind, node));
        let uses = |s: &usize| streets.of_segment(&streets.segments[*s]).uses;
        self.neighbours(streets, kind, node).len() == 2
            && out.len() == into.len()
            && out.iter().chain(into).all(|s| uses(s) == uses(&out[0]))
    }
}

/// Join the kept segments into links, split at graph nodes and at `splits`.
pub fn build(streets: &Streets, kept: &BTreeSet<usize>, splits: &BTreeSet<(Kind, OsmId)>) -> Vec<RawLink> {
    let incidence = Incidence::of(streets, kept);
    let is_end = |kind, node| {
        splits.contains(&(kind, node))
            || streets.cut_nodes.contains(&(kind, node))
            || !incidence.passes_through(streets, kind, node)
    };
    let mut links = Vec::new();
    for (&(kind, node), out) in &incidence.out {
        if !is_end(kind, node) {
            continue;
        }
        for &first in out {
            let mut chain = vec![first];
            // A chain never has more segments than there are.
            while chain.len() <= kept.len() {
                let last = streets.segments[chain[chain.len() - 1]];
                if is_end(kind, last.to) {
                    break;
                }
                let next =
                    incidence.leaving(kind, last.to).iter().find(|&&s| streets.segments[s].to != last.from);
                let Some(&next) = next else { break };
                chain.push(next);
            }
            links.push(join(streets, kind, chain));
        }
    }
    links.sort_by(|a, b| (a.kind, a.from(), a.to(), &a.nodes).cmp(&(b.kind, b.from(), b.to(), &b.nodes)));
    links
}

fn join(streets: &Streets, kind: Kind, chain: Vec<usize>) -> RawLink {
    let pieces: Vec<Segment> = chain.iter().map(|&s| streets.segments[s]).collect();
    let mut nodes = vec![pieces[0].from];
    nodes.extend(pieces.iter().map(|piece| piece.to));
    let line: Vec<Xy> = nodes.iter().map(|&node| streets.place(node)).collect();
    let length_m = geo::length(&line);
    let size = |piece: &Segment| streets.place(piece.from).distance(streets.place(piece.to));
    let travel_s: f64 = pieces.iter().map(|piece| size(piece) / streets.of_segment(piece).speed_m_s).sum();
    let (first, last) = (streets.of_segment(&pieces[0]), streets.of_segment(&pieces[pieces.len() - 1]));
    RawLink {
        kind,
        line,
        first_way: first.way,
        last_way: last.way,
        name: longest(&pieces, size, |piece| &streets.of_segment(piece).name),
        class: longest(&pieces, size, |piece| &streets.of_segment(piece).class),
        lanes: last.lanes,
        lanes_guessed: last.lanes_guessed,
        speed_guessed: pieces.iter().any(|piece| streets.of_segment(piece).speed_guessed),
        speed_m_s: if travel_s > 0.0 { length_m / travel_s } else { first.speed_m_s },
        uses: first.uses,
        two_way: pieces.iter().all(|piece| streets.of_segment(piece).two_way),
        length_m,
        nodes,
        segments: chain,
    }
}

/// The text that most of the length has; an empty one only when all are.
fn longest<'a>(
    pieces: &'a [Segment],
    size: impl Fn(&Segment) -> f64,
    text: impl Fn(&'a Segment) -> &'a String,
) -> String {
    let mut lengths: BTreeMap<&str, f64> = BTreeMap::new();
    for piece in pieces {
        *lengths.entry(text(piece)).or_default() += size(piece);
    }
    let named = lengths.into_iter().filter(|(text, _)| !text.is_empty());
    named.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(text, _)| text.to_owned()).unwrap_or_default()
}
