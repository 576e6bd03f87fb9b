//! Where a point lies on a link, and which links lie near a point.

use crate::flat::{LinkId, Network, Uses};
use crate::plane::Point;

/// The foot of a point on a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    /// Distance from the start of the link, along it, in millimetres of the link's own length.
    pub offset_mm: u32,
    /// Distance from the point to the link, metres.
    pub distance_m: f32,
    /// Heading of the link there, degrees clockwise from north.
    pub heading_deg: f32,
}

impl Network {
    /// The foot of `point` on `link`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn project_on(&self, link: LinkId, point: Point) -> Projection {
        let shape = self.shape(link);
        let (mut best_m, mut best_at, mut heading_deg, mut drawn) = (f32::INFINITY, 0.0, 0.0, 0.0);
        for pair in shape.windows(2) {
            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
            let squared = dx * dx + dy * dy;
            let along = (point.x - pair[0].x) * dx + (point.y - pair[0].y) * dy;
            let t = if squared > 0.0 { (along / squared).clamp(0.0, 1.0) } else { 0.0 };
            let distance = point.distance(Point { x: pair[0].x + t * dx, y: pair[0].y + t * dy });
            let length = squared.sqrt();
            if distance < best_m {
                (best_m, best_at, heading_deg) = (distance, drawn + t * length, pair[0].heading_to(pair[1]));
            }
            drawn += length;
        }
        let length_mm = self.link(link).length_mm;
        let share = if drawn > 0.0 { best_at / drawn } else { 0.0 };
        Projection { offset_mm: (share * length_mm as f32) as u32, distance_m: best_m, heading_deg }
    }
}

/// Links by the cells of a square grid.
#[derive(Debug, Clone)]
pub struct LinkIndex {
    low: Point,
    columns: i32,
    rows: i32,
    /// `members[starts[cell]..starts[cell + 1]]` touch the cell, or nearly do.
    starts: Vec<u32>,
    members: Vec<LinkId>,
}

const CELL_M: f32 = 50.0;

impl LinkIndex {
    /// Index every link of a network.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let (mut low, mut high) = (Point { x: f32::MAX, y: f32::MAX }, Point { x: f32::MIN, y: f32::MIN });
        for point in &network.shapes {
            low = Point { x: low.x.min(point.x), y: low.y.min(point.y) };
            high = Point { x: high.x.max(point.x), y: high.y.max(point.y) };
        }
        if network.shapes.is_empty() {
            (low, high) = (Point::default(), Point::default());
        }
        let mut index = Self {
            low,
            columns: cells(high.x - low.x),
            rows: cells(high.y - low.y),
            starts: Vec::new(),
            members: Vec::new(),
        };
        let mut pairs = index.cells_of_links(network);
        pairs.sort_unstable();
        pairs.dedup();
        let cell_count = usize::try_from(index.columns * index.rows).unwrap_or(0);
        index.starts = vec![0; cell_count + 1];
        for (cell, _) in &pairs {
            index.starts[cell + 1] += 1;
        }
        for i in 1..index.starts.len() {
            index.starts[i] += index.starts[i - 1];
        }
        index.members = pairs.into_iter().map(|(_, link)| link).collect();
        index
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn cells_of_links(&self, network: &Network) -> Vec<(usize, LinkId)> {
        let mut pairs = Vec::new();
        for id in (0..network.links.len()).map(|i| LinkId(i as u32)) {
            for pair in network.shape(id).windows(2) {
                let steps = (pair[0].distance(pair[1]) / (CELL_M / 4.0)).ceil().max(1.0) as i32;
                for step in 0..=steps {
                    let t = step as f32 / steps as f32;
                    let at = Point {
                        x: pair[0].x + t * (pair[1].x - pair[0].x),
                        y: pair[0].y + t * (pair[1].y - pair[0].y),
                    };
                    pairs.extend(self.cell(at).map(|cell| (cell, id)));
                }
            }
        }
        pairs
    }

    #[allow(clippy::cast_possible_truncation)]
    fn column_row(&self, point: Point) -> (i32, i32) {
        (((point.x - self.low.x) / CELL_M).floor() as i32, ((point.y - self.low.y) / CELL_M).floor() as i32)
    }

    fn cell(&self, point: Point) -> Option<usize> {
        let (column, row) = self.column_row(point);
        self.cell_at(column, row)
    }

    fn cell_at(&self, column: i32, row: i32) -> Option<usize> {
        let inside = (0..self.columns).contains(&column) && (0..self.rows).contains(&row);
        inside.then(|| usize::try_from(row * self.columns + column).ok()).flatten()
    }

    /// Call `found` for each link near `point` that `uses` may use, within `radius_m` (at most 50 m).
    /// A link may be found more than once. Allocates nothing.
    pub fn near(
        &self,
        network: &Network,
        point: Point,
        radius_m: f32,
        uses: Uses,
        mut found: impl FnMut(LinkId, Projection),
    ) {
        let (column, row) = self.column_row(point);
        for r in row - 1..=row + 1 {
            for c in column - 1..=column + 1 {
                let Some(cell) = self.cell_at(c, r) else { continue };
                let range = self.starts[cell] as usize..self.starts[cell + 1] as usize;
                for &link in &self.members[range] {
                    if network.link(link).uses.allow(uses) {
                        let foot = network.project_on(link, point);
                        if foot.distance_m <= radius_m.min(CELL_M) {
                            found(link, foot);
                        }
                    }
                }
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn cells(width_m: f32) -> i32 {
    // A city is at most a few hundred kilometres wide; a broken model must not ask for more.
    ((width_m / CELL_M) as i32).clamp(0, 8_000) + 1
}

/// The angle between two headings, 0 to 180 degrees.
#[must_use]
pub fn heading_apart(a_deg: f32, b_deg: f32) -> f32 {
    let apart = (a_deg - b_deg).abs() % 360.0;
    apart.min(360.0 - apart)
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::testing::corridor;

    #[test]
    fn a_point_beside_a_link_finds_it_with_offset_and_heading() {
        let network = corridor(3);
        let index = LinkIndex::new(&network);
        let mut found = Vec::new();
        index.near(&network, Point { x: 250.0, y: 6.0 }, 20.0, Uses::CAR, |link, foot| {
            found.push((link, foot))
        });
        found.sort_by_key(|(link, _)| *link);
        found.dedup_by_key(|(link, _)| *link);
        assert_eq!(found.len(), 1);
        let foot = found[0].1;
        assert!((foot.offset_mm as i64 - 50_000).abs() < 200 && (foot.distance_m - 6.0).abs() < 0.1);
        assert_eq!(foot.heading_deg, 90.0);
    }

    #[test]
    fn a_point_far_outside_finds_nothing() {
        let network = corridor(2);
        let index = LinkIndex::new(&network);
        index.near(&network, Point { x: -9e6, y: 9e6 }, 50.0, Uses::CAR, |_, _| panic!("nothing is there"));
    }

    #[test]
    fn headings_apart_go_round_the_circle() {
        assert_eq!(heading_apart(350.0, 10.0), 20.0);
        assert_eq!(heading_apart(90.0, 270.0), 180.0);
    }
}
