//! Controllers as neighbours along streets: offsets of their plans and protocols by turns.

use std::collections::{BTreeMap, BTreeSet};

use super::base::Base;
use super::junction::Controller;
use super::profile::Profile;
use super::streets::Kind;

/// What a controller gets from its place in the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Start of its cycle after that of the first controller, seconds, below its cycle.
    pub offset_s: u32,
    /// Whether it speaks Modbus; else NTCIP.
    pub modbus: bool,
}

/// Streets are followed over so many links from one controller to the next.
const HOPS_MAX: usize = 12;

/// Offsets that follow a platoon along the strongest streets, and protocols by turns along them.
pub fn places(base: &Base, controllers: &[Controller], cycles_s: &[u32], profile: &Profile) -> Vec<Place> {
    let neighbours = neighbours(base, controllers, profile);
    let mut places = vec![None; controllers.len()];
    while let Some(root) = places.iter().position(Option::is_none) {
        places[root] = Some((0.0, balance(&places)));
        // Grow the tree over the strongest street that leads out of it; each step adds one controller.
        for _ in 0..controllers.len() {
            let best = neighbours
                .iter()
                .filter(|((from, to), _)| places[*from].is_some() && places[*to].is_none())
                .max_by(|a, b| a.1.0.total_cmp(&b.1.0).then(b.1.1.total_cmp(&a.1.1)));
            let Some((&(from, to), &(_, length_m))) = best else { break };
            let (start_s, modbus) = places[from].unwrap_or_default();
            places[to] = Some((start_s + length_m / profile.progression_m_s, !modbus));
        }
    }
    let place = |(place, cycle_s): (Option<(f64, bool)>, &u32)| {
        let (start_s, modbus) = place.unwrap_or_default();
        Place { offset_s: whole(start_s) % (*cycle_s).max(1), modbus }
    };
    places.into_iter().zip(cycles_s).map(place).collect()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(seconds: f64) -> u32 {
    seconds.round().max(0.0) as u32
}

/// Start a new tree with the protocol that fewer controllers have.
fn balance(places: &[Option<(f64, bool)>]) -> bool {
    let modbus = places.iter().flatten().filter(|(_, modbus)| *modbus).count();
    2 * modbus < places.iter().flatten().count()
}

/// For each pair that a street joins, straight on: its weight and length.
fn neighbours(
    base: &Base,
    controllers: &[Controller],
    profile: &Profile,
) -> BTreeMap<(usize, usize), (f64, f64)> {
    let mut stop_lines: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, controller) in controllers.iter().enumerate() {
        for approach in controller.site.approaches.iter().filter(|a| a.kind == Kind::Road && !a.inner) {
            stop_lines.insert(approach.link, index);
        }
    }
    let mut straight: BTreeMap<usize, usize> = BTreeMap::new();
    for m in &base.moves {
        let known = straight.get(&m.from).copied();
        let angle = |to: usize| {
            base.moves.iter().find(|x| x.from == m.from && x.to == to).map_or(180.0, |x| x.angle.abs())
        };
        if known.is_none_or(|to| m.angle.abs() < angle(to)) {
            straight.insert(m.from, m.to);
        }
    }
    let mut found = BTreeMap::new();
    for (from, controller) in controllers.iter().enumerate() {
        let exits =
            controller.site.approaches.iter().filter(|a| a.kind == Kind::Road).flat_map(|a| &a.streams);
        let exits: BTreeSet<usize> = exits.filter_map(|s| s.links.last().copied()).collect();
        for exit in exits {
            let (mut link, mut length_m) = (exit, 0.0);
            for _ in 0..HOPS_MAX {
                length_m += base.links[link].length_m;
                if let Some(&to) = stop_lines.get(&link) {
                    let weight = profile.demand(&base.links[link].class) * f64::from(base.links[link].lanes);
                    let best = found.entry((from, to)).or_insert((weight, length_m));
                    if weight > best.0 {
                        *best = (weight, length_m);
                    }
                    break;
                }
                let Some(&next) = straight.get(&link) else { break };
                link = next;
            }
        }
    }
    found.retain(|(from, to), _| from != to);
    found
}
