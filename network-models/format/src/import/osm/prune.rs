//! Keep what can be driven through: from an edge of the map, and out of it again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clearway_network::Uses;

use super::data::OsmId;
use super::links::RawLink;
use super::streets::Kind;
use super::turns::RawMove;

/// Links of one kind of use that are reachable from the map's edge and lead out of it.
///
/// `always` are links that count as an entry and as an exit (tram lines that begin or end inside).
pub fn through_links(
    links: &[RawLink],
    moves: &[RawMove],
    uses: Uses,
    is_cut: impl Fn(Kind, OsmId) -> bool,
    always: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let usable = |index: usize| links[index].uses.allow(uses);
    let edge = |at_entry: bool| -> Vec<usize> {
        let node = |link: &RawLink| if at_entry { link.from() } else { link.to() };
        (0..links.len())
            .filter(|&i| usable(i) && (is_cut(links[i].kind, node(&links[i])) || always.contains(&i)))
            .collect()
    };
    let mut onward = vec![Vec::new(); links.len()];
    let mut backward = vec![Vec::new(); links.len()];
    for m in moves.iter().filter(|m| m.uses.allow(uses)) {
        onward[m.from].push(m.to);
        backward[m.to].push(m.from);
    }
    let reached = flood(edge(true), &onward);
    let leading_out = flood(edge(false), &backward);
    reached.intersection(&leading_out).copied().filter(|&i| usable(i)).collect()
}

/// Of the street links those that hang together with the most others, whatever their direction.
pub fn largest_part(links: &[RawLink], among: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut touching: BTreeMap<OsmId, Vec<usize>> = BTreeMap::new();
    for &index in among {
        for node in [links[index].from(), links[index].to()] {
            touching.entry(node).or_default().push(index);
        }
    }
    let mut next = vec![Vec::new(); links.len()];
    for &index in among {
        for node in [links[index].from(), links[index].to()] {
            next[index].extend(&touching[&node]);
        }
    }
    let mut largest = BTreeSet::new();
    let mut open = among.clone();
    while let Some(&start) = open.first() {
        let part = flood(vec![start], &next);
        open.retain(|index| !part.contains(index));
        if part.len() > largest.len() {
            largest = part;
        }
    }
    largest
}

fn flood(start: Vec<usize>, next: &[Vec<usize>]) -> BTreeSet<usize> {
    let mut seen: BTreeSet<usize> = start.iter().copied().collect();
    let mut queue = VecDeque::from(start);
    while let Some(link) = queue.pop_front() {
        for &to in &next[link] {
            if seen.insert(to) {
                queue.push_back(to);
            }
        }
    }
    seen
}
