//! Controllers as neighbours along streets: which belong together, and protocols by turns.

use std::collections::{BTreeMap, BTreeSet};

use super::base::Base;
use super::junction::Controller;
use super::profile::Profile;
use super::streets::Kind;

/// A street from one controller straight on to the next.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Street {
    /// The controller that it leaves.
    pub from: usize,
    /// The controller that it leads to.
    pub to: usize,
    /// The link by which it leaves.
    pub exit: usize,
    /// The link with the stop line at its end.
    pub stop_line: usize,
    /// From the one to the other, metres.
    pub length_m: f64,
    /// Vehicles an hour.
    pub flow_per_h: f64,
}

/// Streets are followed over so many links from one controller to the next.
const HOPS_MAX: usize = 12;

/// Every street between two controllers.
pub fn streets(base: &Base, controllers: &[Controller], profile: &Profile) -> Vec<Street> {
    let mut stop_lines: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, controller) in controllers.iter().enumerate() {
        for approach in controller.site.approaches.iter().filter(|a| a.kind == Kind::Road && !a.inner) {
            stop_lines.insert(approach.link, index);
        }
    }
    let straight = straight_on(base);
    let mut found = Vec::new();
    for (from, controller) in controllers.iter().enumerate() {
        let roads = controller.site.approaches.iter().filter(|a| a.kind == Kind::Road);
        let exits: BTreeSet<usize> =
            roads.flat_map(|a| &a.streams).filter_map(|s| s.links.last().copied()).collect();
        for exit in exits {
            let (mut link, mut length_m) = (exit, 0.0);
            for _ in 0..HOPS_MAX {
                length_m += base.links[link].length_m;
                if let Some(&to) = stop_lines.get(&link) {
                    let end = &base.links[link];
                    let flow_per_h = profile.flow_per_h(&end.class) * f64::from(end.lanes);
                    found.push(Street { from, to, exit, stop_line: link, length_m, flow_per_h });
                    break;
                }
                let Some(&next) = straight.get(&link) else { break };
                link = next;
            }
        }
    }
    found.retain(|street| street.from != street.to);
    found
}

/// For each link the one that goes on most nearly straight.
fn straight_on(base: &Base) -> BTreeMap<usize, usize> {
    let mut straight: BTreeMap<usize, (usize, f64)> = BTreeMap::new();
    for m in &base.moves {
        let angle = m.angle.abs();
        let best = straight.entry(m.from).or_insert((m.to, angle));
        if angle < best.1 {
            *best = (m.to, angle);
        }
    }
    straight.into_iter().map(|(from, (to, _))| (from, to)).collect()
}

/// Which controllers speak Modbus, the others NTCIP: by turns along the strongest streets.
pub fn protocols(streets: &[Street], controllers: usize) -> Vec<bool> {
    let mut modbus = vec![None; controllers];
    while let Some(root) = modbus.iter().position(Option::is_none) {
        modbus[root] = Some(balance(&modbus));
        // Grow the tree over the strongest street that leads out of it; each step adds one controller.
        for _ in 0..controllers {
            let leads_out = |street: &&Street| modbus[street.from].is_some() && modbus[street.to].is_none();
            let best = streets.iter().filter(leads_out).max_by(|a, b| stronger(a, b));
            let Some(street) = best else { break };
            modbus[street.to] = modbus[street.from].map(|protocol: bool| !protocol);
        }
    }
    modbus.into_iter().map(Option::unwrap_or_default).collect()
}

/// More flow, then shorter; of equals the later one.
fn stronger(a: &Street, b: &Street) -> std::cmp::Ordering {
    let pair = |street: &Street| (street.from, street.to);
    a.flow_per_h.total_cmp(&b.flow_per_h).then(b.length_m.total_cmp(&a.length_m)).then(pair(a).cmp(&pair(b)))
}

/// Start a new tree with the protocol that fewer controllers have.
fn balance(modbus: &[Option<bool>]) -> bool {
    let known = modbus.iter().flatten();
    2 * known.clone().filter(|modbus| **modbus).count() < known.count()
}

/// A number for each controller, the same for all that streets of at least this flow join.
pub fn areas(streets: &[Street], controllers: usize, flow_min_per_h: f64) -> Vec<usize> {
    let mut area: Vec<usize> = (0..controllers).collect();
    for street in streets.iter().filter(|street| street.flow_per_h >= flow_min_per_h) {
        let (kept, joined) = (area[street.from], area[street.to]);
        for number in area.iter_mut().filter(|number| **number == joined) {
            *number = kept;
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn street(from: usize, to: usize, flow_per_h: f64) -> Street {
        Street { from, to, exit: 0, stop_line: 0, length_m: 100.0, flow_per_h }
    }

    #[test]
    fn neighbours_speak_different_protocols_and_strong_streets_make_areas() {
        let streets = [street(0, 1, 300.0), street(1, 2, 300.0), street(2, 3, 100.0), street(3, 2, 100.0)];
        assert_eq!(protocols(&streets, 5), [false, true, false, true, false]);
        let areas = areas(&streets, 5, 300.0);
        assert!(areas[0] == areas[1] && areas[1] == areas[2]);
        assert!(areas[2] != areas[3] && areas[3] != areas[4]);
    }
}
