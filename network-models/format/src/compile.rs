//! From the tables to the network that the engine reads.

mod controllers;
mod transit;

pub(crate) use controllers::capabilities;
pub(crate) use transit::call_positions;

use clearway_network::{
    Builder, Link, LinkId, Movement, Network, Node, NodeId, Plane, Point, RoadGraph, SignalRef, Turn,
};
use clearway_signals::{ControllerId, GeoPoint};
use petgraph::graph::NodeIndex;

use crate::index::Index;
use crate::model::Model;
use crate::units::{group_id, millimetres, uses};
use crate::wkt;

/// A drawn end this near to its node is moved onto it; one farther away is joined to it.
const SNAP_M: f32 = 1.0;

/// What keeps tables from becoming a network. [`crate::check`] finds these first, with their place.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A row refers to something that is not there.
    #[error("{table}: there is no `{id}`")]
    Unknown {
        /// Where it is looked for.
        table: &'static str,
        /// What is looked for.
        id: String,
    },
    /// A row's values are of no use.
    #[error("{table}: `{id}` {wrong}")]
    Invalid {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The network's own checks.
    #[error(transparent)]
    Network(#[from] clearway_network::CompileError),
}

/// Compile a model. Ids follow the tables: the n-th row of `link` is `LinkId(n)`, of
/// `signal_controller` `ControllerId(n)`; `group_num` n is `GroupId(n - 1)`; the n-th
/// `request_binding` row of a controller is `RowId(n)`.
///
/// # Errors
/// The first [`CompileError`] met; a model that [`crate::check`] passes has none.
pub fn compile(model: &Model) -> Result<Network, CompileError> {
    let index = Index::of(model);
    let origin = origin(model)?;
    let plane = Plane::at(origin);
    let stops = transit::stops(&index, &plane)?;
    let builder = Builder {
        name: model.meta.name.clone(),
        origin,
        graph: graph(&index, &plane)?,
        movements: movements(&index)?,
        controllers: controllers::controllers(&index, &plane)?,
        lines: transit::lines(&index, &stops)?,
        stops: stops.stops,
        turnbacks: transit::turnbacks(&index)?,
    };
    Ok(builder.compile()?)
}

/// The middle of the model.
fn origin(model: &Model) -> Result<GeoPoint, CompileError> {
    let invalid =
        |id: &str| CompileError::Invalid { table: "node", id: id.to_owned(), wrong: "is off the globe" };
    let span = |of: fn(&crate::model::Node) -> f64| {
        let values = model.nodes.iter().map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), v| (min.min(v), max.max(v)))
    };
    if model.nodes.is_empty() {
        return Err(CompileError::Unknown { table: "node", id: "any row".to_owned() });
    }
    let ((west, east), (south, north)) = (span(|node| node.x_coord), span(|node| node.y_coord));
    GeoPoint::from_degrees(f64::midpoint(south, north), f64::midpoint(west, east)).ok_or_else(|| invalid("*"))
}

/// A place of the tables on the plane.
fn place(plane: &Plane, table: &'static str, id: &str, lon: f64, lat: f64) -> Result<Point, CompileError> {
    let found = GeoPoint::from_degrees(lat, lon);
    let off = || CompileError::Invalid { table, id: id.to_owned(), wrong: "is off the globe" };
    found.map(|place| plane.project(place)).ok_or_else(off)
}

fn find(
    map: &std::collections::HashMap<&str, usize>,
    table: &'static str,
    id: &str,
) -> Result<usize, CompileError> {
    map.get(id).copied().ok_or_else(|| CompileError::Unknown { table, id: id.to_owned() })
}

/// Rows are bounded by the reader, far below 32 bits.
fn narrow(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

fn graph(index: &Index<'_>, plane: &Plane) -> Result<RoadGraph, CompileError> {
    let mut graph = RoadGraph::with_capacity(index.model.nodes.len(), index.model.links.len());
    for node in &index.model.nodes {
        let point = place(plane, "node", &node.node_id, node.x_coord, node.y_coord)?;
        graph.add_node(Node { name: node.node_id.clone(), point });
    }
    for row in &index.model.links {
        let from = NodeIndex::new(find(&index.nodes, "node", &row.from_node_id)?);
        let to = NodeIndex::new(find(&index.nodes, "node", &row.to_node_id)?);
        let points = shape(index, plane, row, graph[from].point, graph[to].point)?;
        let link = Link {
            name: row.link_id.clone(),
            street: row.name.clone(),
            from: NodeId(narrow(from.index())),
            to: NodeId(narrow(to.index())),
            length_mm: millimetres(row.length),
            speed_mm_s: millimetres(row.free_speed),
            lanes: row.lanes,
            uses: uses(&row.allowed_uses),
            shape: 0..0,
        };
        graph.add_edge(from, to, (link, points));
    }
    Ok(graph)
}

/// The link's points from node to node; a shape that is drawn the other way round is turned.
fn shape(
    index: &Index<'_>,
    plane: &Plane,
    link: &crate::model::Link,
    from: Point,
    to: Point,
) -> Result<Vec<Point>, CompileError> {
    if link.geometry_id.is_empty() {
        return Ok(vec![from, to]);
    }
    let row = &index.model.geometries[find(&index.geometries, "geometry", &link.geometry_id)?];
    let invalid = |_| CompileError::Invalid {
        table: "geometry",
        id: row.geometry_id.clone(),
        wrong: "is no line string on the globe",
    };
    let drawn = wkt::line_string(&row.geometry).map_err(invalid)?;
    let mut points = Vec::with_capacity(drawn.len() + 2);
    for (lon, lat) in drawn {
        points.push(place(plane, "geometry", &row.geometry_id, lon, lat)?);
    }
    let ends = |points: &[Point]| (points[0], points[points.len() - 1]);
    let (first, last) = ends(&points);
    if first.distance(to) + last.distance(from) < first.distance(from) + last.distance(to) {
        points.reverse();
    }
    let (first, last) = ends(&points);
    join(&mut points, first, from, 0);
    let end = points.len();
    join(&mut points, last, to, end);
    Ok(points)
}

/// Let a shape begin or end exactly at its node; `at` is where a point would be put in.
fn join(points: &mut Vec<Point>, end: Point, node: Point, at: usize) {
    if end.distance(node) > SNAP_M {
        points.insert(at, node);
    } else {
        points[at.saturating_sub(1)] = node;
    }
}

fn movements(index: &Index<'_>) -> Result<Vec<Movement>, CompileError> {
    let movement = |(position, row): (usize, &crate::model::Movement)| {
        let signal = index.signals[position].and_then(|signal| {
            let controller = ControllerId(u16::try_from(signal.controller).ok()?);
            Some(SignalRef { controller, group: group_id(signal.group_num)? })
        });
        Ok(Movement {
            name: row.mvmt_id.clone(),
            from: LinkId(narrow(find(&index.links, "link", &row.ib_link_id)?)),
            to: LinkId(narrow(find(&index.links, "link", &row.ob_link_id)?)),
            turn: match row.kind.as_str() {
                "left" => Turn::Left,
                "right" => Turn::Right,
                "uturn" => Turn::UTurn,
                _ => Turn::Through,
            },
            uses: index.movement_uses(position),
            signal,
        })
    };
    index.model.movements.iter().enumerate().map(movement).collect()
}
