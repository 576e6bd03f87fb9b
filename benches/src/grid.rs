//! A grid of streets without signals, for the search of ways.

use clearway_network::{Builder, Link, LinkId, Movement, Network, Node, NodeId, Point, Turn, Uses};
use clearway_signals::GeoPoint;

/// Metres between two streets.
const SPACING_M: f32 = 100.0;
const STREET: Uses = Uses::CAR.union(Uses::EMERGENCY);
const STEPS: [(i32, i32); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// `side` × `side` crossroads, streets in both directions, every turn but the one back.
///
/// # Panics
/// When its own tables do not fit, which its test excludes.
#[must_use]
pub fn grid(side: i32) -> Network {
    let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
    let mut builder = Builder { name: format!("grid of {side}"), origin, ..Builder::default() };
    let mut nodes = Vec::new();
    for at in 0..side * side {
        let point = place(at % side, at / side);
        nodes.push(builder.graph.add_node(Node { name: format!("n{at}"), point }));
    }
    // Directions of the links that leave and reach each node, to join them by movements.
    let mut ends: Vec<(usize, usize, usize)> = Vec::new();
    for at in 0..side * side {
        let (x, y) = (at % side, at / side);
        for (direction, (dx, dy)) in STEPS.iter().enumerate() {
            let (x2, y2) = (x + dx, y + dy);
            if (0..side).contains(&x2) && (0..side).contains(&y2) {
                let (from, to) = (index(at), index(y2 * side + x2));
                let street = (link(ends.len(), x + y), vec![place(x, y), place(x2, y2)]);
                builder.graph.add_edge(nodes[from], nodes[to], street);
                ends.push((from, to, direction));
            }
        }
    }
    join(&mut builder, &ends);
    builder.compile().expect("the grid fits together")
}

fn join(builder: &mut Builder, ends: &[(usize, usize, usize)]) {
    let mut leaving: Vec<Vec<usize>> = vec![Vec::new(); builder.graph.node_count()];
    for (link, (from, ..)) in ends.iter().enumerate() {
        leaving[*from].push(link);
    }
    for (link, (_, to, direction)) in ends.iter().enumerate() {
        for &next in &leaving[*to] {
            let turn = match (ends[next].2 + STEPS.len() - direction) % STEPS.len() {
                0 => Turn::Through,
                1 => Turn::Left,
                2 => continue,
                _ => Turn::Right,
            };
            let name = format!("m{}", builder.movements.len());
            let (from, to) = (id(link), id(next));
            builder.movements.push(Movement { name, from, to, turn, uses: STREET, signal: None });
        }
    }
}

fn link(number: usize, variation: i32) -> Link {
    // Streets of different speed, so that the quickest way is not simply the straight one.
    let speed_mm_s = 8_000 + 1_000 * variation.rem_euclid(7).cast_unsigned();
    Link {
        name: format!("l{number}"),
        street: String::new(),
        from: NodeId(0),
        to: NodeId(0),
        length_mm: 100_000,
        speed_mm_s,
        lanes: 1,
        uses: STREET,
        shape: 0..0,
    }
}

fn place(x: i32, y: i32) -> Point {
    #[allow(clippy::cast_precision_loss)]
    let metres = |n: i32| n as f32 * SPACING_M;
    Point { x: metres(x), y: metres(y) }
}

fn index(position: i32) -> usize {
    usize::try_from(position).unwrap_or_default()
}

fn id(link: usize) -> LinkId {
    LinkId(u32::try_from(link).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_compiles_with_every_turn_but_the_one_back() {
        let network = grid(3);
        assert_eq!((network.nodes.len(), network.links.len()), (9, 24));
        let back = |m: &Movement| network.link(m.from).from == network.link(m.to).to;
        assert!(!network.movements.is_empty() && !network.movements.iter().any(back));
    }
}
