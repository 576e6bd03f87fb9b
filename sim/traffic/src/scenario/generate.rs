//! Generated networks: streets in a grid, a fixed-time signal at each crossing.
//!
//! Every crossing: group 0 the street from west to east with both its directions, group 1 the one from
//! south to north, groups 2 and 3 the pedestrians who cross the one while the other has green. Left
//! turns are permitted. Emergency rows 3 and 4 give green to one street. Offsets are those of a wave
//! to the east and to the north at free speed.

use clearway_network::{
    Builder, Controller, Detector, GreenWindow, Link, LinkId, Movement, MovementId, Network, Node, NodeId,
    PathRow, Point, SignalPlan, SignalRef, Turn, Uses,
};
use clearway_signals::{
    Capabilities, Channel, ControllerId, GeoPoint, GroupId, GroupKind, GroupSet, Millis, Owner, Relation,
    RequestRow, RowId, RowKind, SignalGroup,
};

use super::{Corridor, Grid, NetworkSpec};

/// 50 km/h.
const SPEED_MM_S: u32 = 13_889;
/// Yellow, and yellow with red clearance.
const YELLOW: Millis = Millis(3_000);
const INTERGREEN: Millis = Millis(5_000);
/// Pedestrian clearance, and that with a second of red.
const CLEARANCE: Millis = Millis(8_000);
const AFTER_WALK: Millis = Millis(9_000);
const STREET: Uses = Uses::CAR.union(Uses::BUS).union(Uses::EMERGENCY);

/// Directions of travel, clockwise; even ones run from west to east or back.
const EAST: usize = 0;
const SOUTH: usize = 1;
const WEST: usize = 2;
const NORTH: usize = 3;

/// The network that a scenario asks for; `None` for a model on disk, or when a size is out of range.
#[must_use]
pub fn generate(spec: &NetworkSpec) -> Option<Network> {
    let grid = match *spec {
        NetworkSpec::Model(_) => return None,
        NetworkSpec::Grid(grid) => grid,
        NetworkSpec::Corridor(Corridor { signals, spacing_m, lanes, cycle_s }) => {
            Grid { rows: 1, columns: signals, spacing_m, lanes, cycle_s }
        }
    };
    let fits = (1..=120).contains(&grid.rows)
        && (1..=120).contains(&grid.columns)
        && (60.0..=2_000.0).contains(&grid.spacing_m)
        && (1..=4).contains(&grid.lanes)
        && (40..=180).contains(&grid.cycle_s);
    fits.then(|| Maker::new(grid).network()).flatten()
}

struct Maker {
    grid: Grid,
    builder: Builder,
    /// Links into each crossing by direction of travel, and out of it.
    inbound: Vec<[Option<LinkId>; 4]>,
    outbound: Vec<[Option<LinkId>; 4]>,
}

impl Maker {
    fn new(grid: Grid) -> Self {
        let crossings = usize::from(grid.rows) * usize::from(grid.columns);
        let name = format!("grid of {} by {}", grid.rows, grid.columns);
        let origin = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };
        let builder = Builder { name, origin, ..Builder::default() };
        Self { grid, builder, inbound: vec![[None; 4]; crossings], outbound: vec![[None; 4]; crossings] }
    }

    fn network(mut self) -> Option<Network> {
        let (rows, columns) = (usize::from(self.grid.rows), usize::from(self.grid.columns));
        // A frame of dead ends lies around the crossings.
        let mut nodes = Vec::with_capacity((rows + 2) * (columns + 2));
        for row in 0..rows + 2 {
            for column in 0..columns + 2 {
                let point = self.point(row, column);
                nodes.push(self.builder.graph.add_node(Node { name: format!("n{row}-{column}"), point }));
            }
        }
        let node = |row: usize, column: usize| nodes[row * (columns + 2) + column];
        for row in 1..=rows {
            for column in 0..=columns {
                self.street(node(row, column), node(row, column + 1), (row, column), EAST, columns);
            }
        }
        for column in 1..=columns {
            for row in 0..=rows {
                self.street(node(row, column), node(row + 1, column), (row, column), NORTH, columns);
            }
        }
        for crossing in 0..rows * columns {
            self.crossing(crossing, crossing / columns, crossing % columns);
        }
        // The tables fit together by construction; where they did not, there is no network.
        self.builder.compile().ok()
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn point(&self, row: usize, column: usize) -> Point {
        let at = |n: usize| (n as f64 * self.grid.spacing_m) as f32;
        Point { x: at(column), y: at(row) }
    }

    /// Both directions of the street between two neighbours; `from` is the row and column of the first.
    fn street(
        &mut self,
        first: petgraph::graph::NodeIndex,
        second: petgraph::graph::NodeIndex,
        from: (usize, usize),
        direction: usize,
        columns: usize,
    ) {
        let to = if direction == EAST { (from.0, from.1 + 1) } else { (from.0 + 1, from.1) };
        let back = (direction + 2) % 4;
        let there = self.link(first, second);
        let again = self.link(second, first);
        let rows = usize::from(self.grid.rows);
        let crossing = |(row, column): (usize, usize)| {
            let inside = (1..=rows).contains(&row) && (1..=columns).contains(&column);
            inside.then(|| (row - 1) * columns + column - 1)
        };
        if let Some(at) = crossing(to) {
            self.inbound[at][direction] = Some(there);
            self.outbound[at][back] = Some(again);
        }
        if let Some(at) = crossing(from) {
            self.outbound[at][direction] = Some(there);
            self.inbound[at][back] = Some(again);
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn link(&mut self, from: petgraph::graph::NodeIndex, to: petgraph::graph::NodeIndex) -> LinkId {
        let graph = &mut self.builder.graph;
        let points = vec![graph[from].point, graph[to].point];
        let link = Link {
            name: format!("l{}", graph.edge_count()),
            street: String::new(),
            from: NodeId(0),
            to: NodeId(0),
            length_mm: (self.grid.spacing_m * 1000.0) as u32,
            speed_mm_s: SPEED_MM_S,
            lanes: self.grid.lanes,
            uses: STREET,
            shape: 0..0,
        };
        LinkId(u32::try_from(graph.add_edge(from, to, (link, points)).index()).unwrap_or(u32::MAX))
    }

    fn crossing(&mut self, index: usize, row: usize, column: usize) {
        let id = ControllerId(u16::try_from(index).unwrap_or(u16::MAX));
        let mut paths = Vec::new();
        let mut detectors = Vec::new();
        for direction in [EAST, SOUTH, WEST, NORTH] {
            let Some(from) = self.inbound[index][direction] else { continue };
            let street = u8::from(direction % 2 == 1);
            for (turn, onward) in [(Turn::Through, 0), (Turn::Right, 1), (Turn::Left, 3)] {
                let Some(to) = self.outbound[index][(direction + onward) % 4] else { continue };
                let number = u32::try_from(self.builder.movements.len()).unwrap_or(u32::MAX);
                let signal = Some(SignalRef { controller: id, group: GroupId(street) });
                let name = format!("m{number}");
                self.builder.movements.push(Movement { name, from, to, turn, uses: STREET, signal });
                paths.push(PathRow { row: RowId(street), movements: vec![MovementId(number)] });
            }
            let number = u8::try_from(detectors.len() + 1).unwrap_or(u8::MAX);
            let name = format!("c{index}-d{number}");
            detectors.push(Detector { name, link: from, to_stop_line_mm: 40_000, number });
        }
        let point = self.point(row + 1, column + 1);
        let plan = self.plan(row + column);
        self.builder.controllers.push(controller(id, point, plan, paths, detectors));
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn plan(&self, steps: usize) -> SignalPlan {
        let cycle = Millis::from_s(i64::from(self.grid.cycle_s));
        // The street from west to east gets the larger half.
        let greens = cycle.0 - 2 * INTERGREEN.0;
        let main = (greens * 55 / 100) / 1000 * 1000;
        let cross = greens - main;
        let second = main + INTERGREEN.0;
        let step_ms = self.grid.spacing_m * 1e6 / f64::from(SPEED_MM_S);
        let offset = ((steps as f64 * step_ms / 100.0) as i64 * 100).rem_euclid(cycle.0);
        let window = |group, start, length| GreenWindow {
            group: GroupId(group),
            start: Millis(start),
            length: Millis(length),
        };
        let shorter = AFTER_WALK.0 - INTERGREEN.0;
        SignalPlan {
            cycle,
            offset: Millis(offset),
            windows: vec![
                window(0, 0, main),
                window(1, second, cross),
                window(2, second, cross - shorter),
                window(3, 0, main - shorter),
            ],
        }
    }
}

fn controller(
    id: ControllerId,
    point: Point,
    plan: SignalPlan,
    paths: Vec<PathRow>,
    detectors: Vec<Detector>,
) -> Controller {
    let vehicles = SignalGroup {
        kind: GroupKind::Vehicle,
        min_green: Millis(5_000),
        yellow: YELLOW,
        clearance: Millis::ZERO,
        red_yellow: Millis(1_000),
    };
    let walkers = SignalGroup {
        kind: GroupKind::Pedestrian,
        yellow: Millis::ZERO,
        clearance: CLEARANCE,
        red_yellow: Millis::ZERO,
        ..vehicles
    };
    let row = |number, dwell| RequestRow {
        number,
        kind: RowKind::Emergency,
        owner: Owner::Ours,
        channel: Channel::Preempt,
        dwell: GroupSet(dwell),
        delay: Millis::ZERO,
        min_duration: Millis(5_000),
        min_dwell: Millis(5_000),
        max_presence: Millis(120_000),
    };
    let (free, change) = (Relation::Compatible, Relation::Conflict(INTERGREEN));
    let walked = Relation::Conflict(AFTER_WALK);
    Controller {
        id,
        name: format!("c{}", id.0),
        title: format!("Crossing {}", id.0),
        point,
        group_names: ["K1", "K2", "P1", "P2"].map(String::from).to_vec(),
        groups: vec![vehicles, vehicles, walkers, walkers],
        group_numbers: vec![1, 2, 3, 4],
        // Ending group by ending group; P1 crosses the street of K1, P2 that of K2.
        relations: vec![
            free, change, change, free, //
            change, free, free, change, //
            walked, free, free, free, //
            free, walked, free, free,
        ],
        rows: vec![row(3, 0b1001), row(4, 0b0110)],
        capabilities: Capabilities::PREEMPT.union(Capabilities::GROUP_STATES).union(Capabilities::DETECTORS),
        plan,
        paths,
        rings: Vec::new(),
        detectors,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_a_signal_at_each_crossing_and_every_way_through_it() {
        let spec = Grid { rows: 3, columns: 4, spacing_m: 200.0, lanes: 2, cycle_s: 80 };
        let network = generate(&NetworkSpec::Grid(spec)).unwrap();
        assert_eq!(network.controllers.len(), 12);
        // Three directions from each of four approaches; dead ends lead nowhere.
        assert_eq!(network.movements.len(), 12 * 12);
        assert_eq!(network.links.len(), 2 * (3 * 5 + 4 * 4));
        for controller in &network.controllers {
            for path in &controller.paths {
                let signal = network.movement(path.movements[0]).signal.unwrap();
                assert!(controller.rows[path.row.index()].dwell.contains(signal.group));
            }
        }
    }

    #[test]
    fn sizes_out_of_range_make_no_network() {
        let spec = Grid { rows: 0, columns: 4, spacing_m: 200.0, lanes: 2, cycle_s: 80 };
        assert!(generate(&NetworkSpec::Grid(spec)).is_none());
        assert!(generate(&NetworkSpec::Model("x".into())).is_none());
    }
}
