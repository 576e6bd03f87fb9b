//! One-way traps: regions that traffic can enter and never leave, or leave and never enter.
//!
//! Links are the vertices and movements the arcs of a directed graph, one for each kind of
//! traffic. Of its strongly connected components, one without an arc out must hold a link that
//! ends at the model's boundary, one without an arc in a link that begins there. Every link that
//! cannot reach the boundary leads to such a component, so that reporting these finds all.
//! A network without any boundary (a closed one) has its largest component as the place where
//! traffic lives instead.

use std::collections::{HashMap, HashSet};

use clearway_network::Uses;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::check::Check;
use crate::fault::{Code, quote};
use crate::index::Index;
use crate::model::{Link, Model, Movement};
use crate::schema::BOUNDARY;
use crate::units::uses;

/// What is wrong with a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrapKind {
    /// Traffic can get in and not out.
    NoWayOut,
    /// Traffic can get out and not in.
    NoWayIn,
}

/// A region that is a trap for a kind of traffic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    /// For whom: `CAR` or `TRAM`.
    pub traffic: Uses,
    /// What is wrong with it.
    pub kind: TrapKind,
    /// Its links: rows of `link`, ascending.
    pub links: Vec<usize>,
}

/// Every one-way trap of a model for cars and for trams.
///
/// Cars are taken to turn at a dead end, where the only way on is back; trams turn at a row of
/// `turnback` or by a movement.
#[must_use]
pub fn traps(model: &Model) -> Vec<Trap> {
    find(&Index::of(model), &HashSet::new())
}

pub(super) fn check(check: &mut Check<'_, '_>) {
    if !check.are_complete(&["movement", "turnback"]) {
        return;
    }
    let unsure = unsure_links(check);
    for trap in find(check.index, &unsure) {
        let (field, wrong) = match trap.kind {
            TrapKind::NoWayOut => ("to_node_id", "can be entered but not left"),
            TrapKind::NoWayIn => ("from_node_id", "can be left but not entered"),
        };
        let who = if trap.traffic == Uses::TRAM { "trams" } else { "cars" };
        let first = trap.links[0];
        let id = quote(&check.model().links[first].link_id);
        let message = match trap.links.len() {
            1 => format!("the link {id} {wrong} by {who}"),
            n => format!("the region of {n} links around {id} {wrong} by {who}"),
        };
        check.fault::<Link>(first, field, Code::OneWayTrap, message);
    }
}

/// Links about which something is at fault already: of unknown use, or with a movement that could
/// not be read or leads nowhere. Nothing is concluded from where they seem to lead.
pub(super) fn unsure_links<'m>(check: &Check<'_, 'm>) -> HashSet<&'m str> {
    let model = check.model();
    let mut unsure = HashSet::new();
    for (row, link) in model.links.iter().enumerate() {
        if !check.are_good::<Link>(row, &["from_node_id", "to_node_id", "allowed_uses"]) {
            unsure.insert(link.link_id.as_str());
        }
    }
    for (row, movement) in model.movements.iter().enumerate() {
        let ends = [movement.ib_link_id.as_str(), movement.ob_link_id.as_str()];
        let is_read = check.are_good::<Movement>(row, &["ib_link_id", "ob_link_id", "allowed_uses"]);
        if !is_read || ends.iter().any(|link| !check.index.links.contains_key(link)) {
            unsure.extend(ends);
        }
    }
    unsure
}

fn find(index: &Index<'_>, unsure: &HashSet<&str>) -> Vec<Trap> {
    let mut found = Vec::new();
    for traffic in [Uses::CAR, Uses::TRAM] {
        let graph = link_graph(index, traffic, unsure);
        found.extend(traps_of(index, traffic, &graph, unsure));
    }
    found
}

/// The links that a kind of traffic may use, by row, joined by the movements that it may make.
fn link_graph(index: &Index<'_>, traffic: Uses, unsure: &HashSet<&str>) -> DiGraph<usize, ()> {
    let model = index.model;
    let mut graph = DiGraph::new();
    let mut vertices: HashMap<&str, NodeIndex> = HashMap::new();
    for (row, link) in model.links.iter().enumerate() {
        if uses(&link.allowed_uses).allow(traffic) || unsure.contains(link.link_id.as_str()) {
            vertices.insert(&link.link_id, graph.add_node(row));
        }
    }
    let mut join = |from: &str, to: &str| {
        if let (Some(&from), Some(&to)) = (vertices.get(from), vertices.get(to)) {
            graph.update_edge(from, to, ());
        }
    };
    for (row, movement) in model.movements.iter().enumerate() {
        let meets_unsure =
            [&movement.ib_link_id, &movement.ob_link_id].iter().any(|id| unsure.contains(id.as_str()));
        if meets_unsure || index.movement_uses(row).allow(traffic) {
            join(&movement.ib_link_id, &movement.ob_link_id);
        }
    }
    if traffic == Uses::TRAM {
        for turnback in &model.turnbacks {
            join(&turnback.from_link_id, &turnback.to_link_id);
        }
    } else {
        join_dead_ends(model, traffic, join);
    }
    graph
}

/// Join each link to its way back where there is no other way on.
fn join_dead_ends(model: &Model, traffic: Uses, mut join: impl FnMut(&str, &str)) {
    let usable = || model.links.iter().filter(|link| uses(&link.allowed_uses).allow(traffic));
    let mut leaving: HashMap<&str, Vec<&Link>> = HashMap::new();
    for link in usable() {
        leaving.entry(&link.from_node_id).or_default().push(link);
    }
    for link in usable() {
        let onward = leaving.get(link.to_node_id.as_str()).map_or(&[][..], Vec::as_slice);
        if let [only] = onward
            && only.to_node_id == link.from_node_id
        {
            join(&link.link_id, &only.link_id);
        }
    }
}

fn traps_of(
    index: &Index<'_>,
    traffic: Uses,
    graph: &DiGraph<usize, ()>,
    unsure: &HashSet<&str>,
) -> Vec<Trap> {
    let components = kosaraju_scc(graph);
    let mut component_of = vec![0; graph.node_count()];
    for (number, component) in components.iter().enumerate() {
        for vertex in component {
            component_of[vertex.index()] = number;
        }
    }
    let mut has_exit = vec![false; components.len()];
    let mut has_entry = vec![false; components.len()];
    for arc in graph.edge_references() {
        let (from, to) = (component_of[arc.source().index()], component_of[arc.target().index()]);
        if from != to {
            has_exit[from] = true;
            has_entry[to] = true;
        }
    }
    let mut is_open = false;
    for vertex in graph.node_indices() {
        let link = &index.model.links[graph[vertex]];
        let number = component_of[vertex.index()];
        let doubt = unsure.contains(link.link_id.as_str());
        let begins = doubt || is_boundary(index, &link.from_node_id);
        let ends = doubt || is_boundary(index, &link.to_node_id);
        has_entry[number] |= begins;
        has_exit[number] |= ends;
        is_open |= begins || ends;
    }
    let largest = components.iter().map(Vec::len).max().unwrap_or(0);
    if let (false, Some(home)) = (is_open, components.iter().position(|c| c.len() == largest && largest > 1))
    {
        has_entry[home] = true;
        has_exit[home] = true;
    }
    let mut found = Vec::new();
    for (number, component) in components.iter().enumerate() {
        let mut links: Vec<usize> = component.iter().map(|&vertex| graph[vertex]).collect();
        links.sort_unstable();
        for (is_fine, kind) in
            [(has_exit[number], TrapKind::NoWayOut), (has_entry[number], TrapKind::NoWayIn)]
        {
            if !is_fine {
                found.push(Trap { traffic, kind, links: links.clone() });
            }
        }
    }
    found.sort_by_key(|trap| trap.links[0]);
    found
}

/// Whether traffic may appear and vanish at a node: where the model was cut, or, so that one
/// fault gives one message, where the node is unknown.
fn is_boundary(index: &Index<'_>, node: &str) -> bool {
    index.nodes.get(node).is_none_or(|&row| index.model.nodes[row].node_type == BOUNDARY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Node;

    /// Links as `a>b`, movements as `a>b>c`, nodes as they occur; `*x` is a boundary.
    fn model(links: &str, movements: &str) -> Model {
        let mut model = Model::default();
        let name = |text: &str| text.trim_start_matches('*').to_owned();
        for word in links.split_whitespace() {
            let (from, to) = word.split_once('>').unwrap();
            for node in [from, to] {
                if !model.nodes.iter().any(|n| n.node_id == name(node)) {
                    let node_type = if node.starts_with('*') { BOUNDARY } else { "" }.to_owned();
                    model.nodes.push(Node { node_id: name(node), node_type, ..Node::default() });
                }
            }
            model.links.push(Link {
                link_id: format!("{}>{}", name(from), name(to)),
                from_node_id: name(from),
                to_node_id: name(to),
                allowed_uses: "car".into(),
                ..Link::default()
            });
        }
        for word in movements.split_whitespace() {
            let parts: Vec<&str> = word.split('>').collect();
            model.movements.push(Movement {
                ib_link_id: format!("{}>{}", parts[0], parts[1]),
                ob_link_id: format!("{}>{}", parts[1], parts[2]),
                ..Movement::default()
            });
        }
        model
    }

    fn shown(links: &str, movements: &str) -> String {
        let model = model(links, movements);
        let show = |trap: Trap| {
            let names: Vec<_> = trap.links.iter().map(|&row| model.links[row].link_id.clone()).collect();
            format!("{:?} {}", trap.kind, names.join(" "))
        };
        traps(&model).into_iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_street_from_boundary_to_boundary_is_no_trap() {
        assert_eq!(shown("*a>b b>*c", "a>b>c"), "");
    }

    #[test]
    fn a_one_way_street_into_nowhere_is_a_trap() {
        assert_eq!(shown("*a>b b>*c b>d", "a>b>c a>b>d"), "NoWayOut b>d");
        assert_eq!(shown("*a>b b>*c d>b", "a>b>c d>b>c"), "NoWayIn d>b");
    }

    #[test]
    fn a_ring_that_can_only_be_entered_is_a_trap() {
        assert_eq!(shown("*a>b b>*c b>d d>e e>d", "a>b>c a>b>d b>d>e d>e>d e>d>e"), "NoWayOut d>e e>d");
    }

    #[test]
    fn a_turn_ban_makes_a_trap_where_the_streets_alone_would_not() {
        assert_eq!(shown("*a>b b>*c b>d d>b", "a>b>c a>b>d"), "NoWayOut d>b");
    }

    #[test]
    fn cars_turn_at_a_dead_end() {
        assert_eq!(shown("*a>b b>*c b>d d>b", "a>b>c a>b>d d>b>c"), "");
    }

    #[test]
    fn a_closed_network_lives_in_its_largest_component() {
        assert_eq!(shown("a>b b>c c>a", "a>b>c b>c>a c>a>b"), "");
        assert_eq!(shown("a>b b>c", "a>b>c"), "NoWayIn a>b, NoWayOut b>c");
    }

    #[test]
    fn a_chain_of_two_hundred_thousand_links_overflows_no_stack() {
        let mut long = Model::default();
        for n in 0..200_000 {
            let node = |n: i32| format!("n{n}");
            long.nodes.push(Node { node_id: node(n), ..Node::default() });
            long.links.push(Link {
                link_id: n.to_string(),
                from_node_id: node(n),
                to_node_id: node(n + 1),
                allowed_uses: "car".into(),
                ..Link::default()
            });
            let (ib_link_id, ob_link_id) = (n.to_string(), (n + 1).to_string());
            long.movements.push(Movement { ib_link_id, ob_link_id, ..Movement::default() });
        }
        // The last node is unknown, hence open.
        assert_eq!(traps(&long).len(), 1);
    }
}
