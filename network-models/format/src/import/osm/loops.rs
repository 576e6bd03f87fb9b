//! Where a tram on a trip could turn back over tracks that are there: loops that nobody has mapped as
//! such, found in the track graph and marked as found.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use clearway_network::Uses;

use super::base::Base;

/// Loops of each line and the other direction of its designation, as pairs of links: the one at whose
/// end the trip leaves its line, and the first one of the other direction. In the order of the lines and
/// along each; every pair once. `max_m`: the longest loop.
pub fn loops(base: &Base, max_m: f64) -> Vec<(usize, usize)> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for movement in base.moves.iter().filter(|m| m.uses.allow(Uses::TRAM)) {
        next.entry(movement.from).or_default().push(movement.to);
    }
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (line, chain) in &base.lines {
        let back = base
            .lines
            .iter()
            .find(|(l, _)| l.designation == line.designation && l.direction != line.direction);
        let Some((_, back)) = back else { continue };
        let (own, back): (BTreeSet<usize>, BTreeSet<usize>) =
            (chain.iter().copied().collect(), back.iter().copied().collect());
        for &leave in chain {
            let joined = shortest(base, &next, leave, &own, &back, max_m);
            found.extend(joined.map(|to| (leave, to)).filter(|pair| !found.contains(pair)));
        }
    }
    found
}

/// The link of `back` that is reached first from the end of `leave` over links that are not `own`.
fn shortest(
    base: &Base,
    next: &BTreeMap<usize, Vec<usize>>,
    leave: usize,
    own: &BTreeSet<usize>,
    back: &BTreeSet<usize>,
    max_m: f64,
) -> Option<usize> {
    let mut done = BTreeSet::new();
    let mut queue = BinaryHeap::from([Reverse((0_u64, leave))]);
    while let Some(Reverse((at_mm, link))) = queue.pop() {
        if link != leave && back.contains(&link) {
            return Some(link);
        }
        if !done.insert(link) {
            continue;
        }
        // The length of a link counts once it is left: the loop ends where the other direction begins.
        let length_m = if link == leave { 0.0 } else { base.links[link].length_m };
        let end_mm = at_mm + millimetres(length_m);
        let open = next.get(&link).into_iter().flatten().filter(|to| !own.contains(to));
        queue.extend(open.filter(|_| end_mm <= millimetres(max_m)).map(|to| Reverse((end_mm, *to))));
    }
    None
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn millimetres(metres: f64) -> u64 {
    (metres.max(0.0) * 1000.0) as u64
}
