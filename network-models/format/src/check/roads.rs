//! Links, shapes and movements fit together in space.

use clearway_network::Plane;
use clearway_signals::GeoPoint;

use crate::check::Check;
use crate::fault::{Code, quote};
use crate::model::{Link, Movement, Node};
use crate::wkt;

/// A shape may end this far from its node: junctions have a width.
const SHAPE_OFF_MAX_M: f32 = 100.0;

pub(super) fn check(check: &mut Check<'_, '_>) {
    for (row, link) in check.model().links.iter().enumerate() {
        if check.is_good::<Link>(row) {
            check_link(check, row, link);
        }
    }
    for (row, movement) in check.model().movements.iter().enumerate() {
        if check.is_good::<Movement>(row) {
            check_movement(check, row, movement);
        }
    }
}

fn check_link(check: &mut Check<'_, '_>, row: usize, link: &Link) {
    if !link.directed {
        let message = "directed is `false`".to_owned();
        check.fault::<Link>(row, "directed", Code::UndirectedLink, message);
    }
    let Some(off) = shape_off_m(check, link) else { return };
    if off > SHAPE_OFF_MAX_M {
        let message =
            format!("the shape {} ends {off:.0} m away from the link's nodes", quote(&link.geometry_id));
        check.fault::<Link>(row, "geometry_id", Code::GeometryOffLink, message);
    }
}

/// How far the worse end of a link's shape lies from its node, drawn either way round.
fn shape_off_m(check: &Check<'_, '_>, link: &Link) -> Option<f32> {
    let model = check.model();
    let node = |id: &str| {
        let row = *check.index.nodes.get(id)?;
        let node: &Node = &model.nodes[row];
        GeoPoint::from_degrees(node.y_coord, node.x_coord).filter(|_| check.is_good::<Node>(row))
    };
    let (from, to) = (node(&link.from_node_id)?, node(&link.to_node_id)?);
    let shape = &model.geometries[*check.index.geometries.get(link.geometry_id.as_str())?];
    let points = wkt::line_string(&shape.geometry).ok()?;
    let plane = Plane::at(from);
    let end = |(lon, lat): (f64, f64)| Some(plane.project(GeoPoint::from_degrees(lat, lon)?));
    let (first, last) = (end(*points.first()?)?, end(*points.last()?)?);
    let (from, to) = (plane.project(from), plane.project(to));
    let forward = first.distance(from).max(last.distance(to));
    let backward = first.distance(to).max(last.distance(from));
    Some(forward.min(backward))
}

fn check_movement(check: &mut Check<'_, '_>, row: usize, movement: &Movement) {
    let model = check.model();
    // A link whose own end is unknown is reported as dangling.
    let link = |id: &str, end: fn(&Link) -> &String| {
        let link = &model.links[*check.index.links.get(id)?];
        check.index.nodes.contains_key(end(link).as_str()).then_some((&link.link_id, end(link)))
    };
    let wrong = [
        ("ib_link_id", "ends", link(&movement.ib_link_id, |link| &link.to_node_id)),
        ("ob_link_id", "begins", link(&movement.ob_link_id, |link| &link.from_node_id)),
    ];
    for (field, verb, end) in wrong {
        if let Some((id, node)) = end.filter(|(_, node)| **node != movement.node_id) {
            let message = format!(
                "the link {} {verb} at node {}, not at {}",
                quote(id),
                quote(node),
                quote(&movement.node_id)
            );
            check.fault::<Movement>(row, field, Code::MovementApart, message);
        }
    }
}
