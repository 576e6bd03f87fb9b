//! From the petgraph graph to the flat network.

use clearway_signals::GeoPoint;
use petgraph::graph::DiGraph;

use crate::controller::Controller;
use crate::flat::{Line, Link, LinkId, Movement, MovementId, Network, Node, NodeId, Stop, Turnback};
use crate::plane::{Plane, Point};

/// The road and track graph: nodes are places, edges are directed links with their drawn points.
pub type RoadGraph = DiGraph<Node, (Link, Vec<Point>)>;

/// What keeps a graph from being compiled. The model's checks find these first, with file and line.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// A link's shape has fewer than two points.
    #[error("link {0} has fewer than two points")]
    ShortShape(String),
    /// A link without length or speed.
    #[error("link {0} has no length or no speed")]
    EmptyLink(String),
    /// A movement between links that do not meet, or that do not exist.
    #[error("movement {0} joins links that do not meet")]
    BrokenMovement(String),
    /// A line whose links are not joined by movements.
    #[error("line {0} is not a chain of links joined by movements")]
    BrokenLine(String),
    /// A turnback between links that do not exist.
    #[error("turnback {0} joins links that do not exist")]
    BrokenTurnback(String),
    /// Two controllers, or their tables, do not fit together.
    #[error("controller {0}: its tables do not fit together")]
    BrokenController(String),
}

/// Everything that makes a network, before it is compiled.
///
/// `LinkId(n)` is the n-th edge of the graph and stays so. Movements are given in any order;
/// `Movement` ids in `controllers[..].paths` are indices into `movements` as given and are
/// rewritten when the movements are sorted.
#[derive(Debug, Default)]
pub struct Builder {
    /// The model's name.
    pub name: String,
    /// Origin of the local plane.
    pub origin: GeoPoint,
    /// The graph; the `shape` range of each link is filled in by `compile`.
    pub graph: RoadGraph,
    /// The movements.
    pub movements: Vec<Movement>,
    /// The controllers, in the order of their ids.
    pub controllers: Vec<Controller>,
    /// The transit lines.
    pub lines: Vec<Line>,
    /// The stops.
    pub stops: Vec<Stop>,
    /// Where trams can turn.
    pub turnbacks: Vec<Turnback>,
}

impl Builder {
    /// Compile into the flat form.
    ///
    /// # Errors
    /// The first [`CompileError`] met.
    pub fn compile(self) -> Result<Network, CompileError> {
        let (nodes, edges) = self.graph.into_nodes_edges();
        let nodes: Vec<Node> = nodes.into_iter().map(|node| node.weight).collect();
        let mut links = Vec::with_capacity(edges.len());
        let mut shapes = Vec::new();
        for edge in edges {
            let (source, target) = (edge.source(), edge.target());
            let (mut link, points) = edge.weight;
            check_link(&link, &points)?;
            link.from = NodeId(index(source.index()));
            link.to = NodeId(index(target.index()));
            link.shape = index(shapes.len())..index(shapes.len() + points.len());
            shapes.extend(points);
            links.push(link);
        }
        let (movements, movements_of, moved) = sort_movements(self.movements, &links)?;
        let mut controllers = self.controllers;
        for (position, controller) in controllers.iter_mut().enumerate() {
            fit_controller(controller, position, &moved)?;
        }
        let network = Network {
            name: self.name,
            plane: Plane::at(self.origin),
            nodes,
            links,
            shapes,
            movements,
            movements_of,
            controllers,
            lines: self.lines,
            stops: self.stops,
            turnbacks: self.turnbacks,
        };
        check_signals(&network)?;
        check_lines(&network)?;
        check_turnbacks(&network)?;
        Ok(network)
    }
}

/// Indices are 32 bits wide; a city has far fewer links than that.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn check_link(link: &Link, points: &[Point]) -> Result<(), CompileError> {
    if points.len() < 2 {
        return Err(CompileError::ShortShape(link.name.clone()));
    }
    if link.length_mm == 0 || link.speed_mm_s == 0 || link.lanes == 0 {
        return Err(CompileError::EmptyLink(link.name.clone()));
    }
    Ok(())
}

type Sorted = (Vec<Movement>, Vec<u32>, Vec<MovementId>);

/// Sort by the link that is left; give the offsets per link and where each movement went.
fn sort_movements(movements: Vec<Movement>, links: &[Link]) -> Result<Sorted, CompileError> {
    for movement in &movements {
        let ends = (links.get(movement.from.index()), links.get(movement.to.index()));
        if !matches!(ends, (Some(from), Some(to)) if from.to == to.from) {
            return Err(CompileError::BrokenMovement(movement.name.clone()));
        }
    }
    let mut order: Vec<usize> = (0..movements.len()).collect();
    order.sort_by_key(|&i| (movements[i].from, movements[i].to));
    let mut moved = vec![MovementId(0); movements.len()];
    for (new, &old) in order.iter().enumerate() {
        moved[old] = MovementId(index(new));
    }
    let sorted: Vec<Movement> = order.iter().map(|&i| movements[i].clone()).collect();
    let mut offsets = vec![0; links.len() + 1];
    for movement in &sorted {
        offsets[movement.from.index() + 1] += 1;
    }
    for i in 1..offsets.len() {
        offsets[i] += offsets[i - 1];
    }
    Ok((sorted, offsets, moved))
}

fn fit_controller(
    controller: &mut Controller,
    position: usize,
    moved: &[MovementId],
) -> Result<(), CompileError> {
    let n = controller.groups.len();
    let rows = controller.rows.len();
    let fits = controller.id.index() == position
        && controller.group_names.len() == n
        && controller.group_numbers.len() == n
        && controller.relations.len() == n * n
        && controller.plan.cycle.0 > 0
        && controller.plan.windows.iter().all(|w| w.group.index() < n)
        && controller.paths.iter().all(|path| path.row.index() < rows);
    let broken = || CompileError::BrokenController(controller.name.clone());
    if !fits {
        return Err(broken());
    }
    for path in &mut controller.paths {
        for movement in &mut path.movements {
            *movement = *moved
                .get(movement.index())
                .ok_or_else(|| CompileError::BrokenController(controller.name.clone()))?;
        }
    }
    Ok(())
}

fn check_signals(network: &Network) -> Result<(), CompileError> {
    for movement in &network.movements {
        if let Some(signal) = movement.signal {
            let known =
                network.controller(signal.controller).is_some_and(|c| signal.group.index() < c.groups.len());
            if !known {
                return Err(CompileError::BrokenMovement(movement.name.clone()));
            }
        }
    }
    Ok(())
}

fn check_lines(network: &Network) -> Result<(), CompileError> {
    for line in &network.lines {
        let links_exist = line.links.iter().all(|link: &LinkId| link.index() < network.links.len());
        let joined =
            links_exist && line.links.windows(2).all(|w| network.movement_between(w[0], w[1]).is_some());
        let calls_fit = line.calls.iter().all(|call| (call.link_index as usize) < line.links.len());
        if !joined || !calls_fit {
            return Err(CompileError::BrokenLine(line.name.clone()));
        }
    }
    Ok(())
}

fn check_turnbacks(network: &Network) -> Result<(), CompileError> {
    let missing = |link: LinkId| link.index() >= network.links.len();
    let broken = network.turnbacks.iter().find(|t| missing(t.from) || missing(t.to));
    broken.map_or(Ok(()), |turnback| Err(CompileError::BrokenTurnback(turnback.name.clone())))
}
