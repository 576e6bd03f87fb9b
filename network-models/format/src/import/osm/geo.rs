//! Plane geometry in metres: distances, headings, offsets and crossings of polylines.

/// A point, metres east and north of the projection's origin.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Xy {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
}

impl Xy {
    /// Distance in metres.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point at share `t` of the way to `other`.
    pub fn towards(self, other: Self, t: f64) -> Self {
        Self { x: self.x + (other.x - self.x) * t, y: self.y + (other.y - self.y) * t }
    }
}

/// Mean radius of the earth in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Equirectangular projection about an origin.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    lat0: f64,
    lon0: f64,
}

impl Projection {
    /// About this place, degrees.
    pub fn at(lat0: f64, lon0: f64) -> Self {
        Self { lat0, lon0 }
    }

    /// A place on the plane.
    pub fn project(self, lat: f64, lon: f64) -> Xy {
        let per_degree = EARTH_RADIUS_M.to_radians();
        let x = (lon - self.lon0) * per_degree * self.lat0.to_radians().cos();
        Xy { x, y: (lat - self.lat0) * per_degree }
    }

    /// Latitude and longitude of a point of the plane, degrees.
    pub fn unproject(self, p: Xy) -> (f64, f64) {
        let per_degree = EARTH_RADIUS_M.to_radians();
        (self.lat0 + p.y / per_degree, self.lon0 + p.x / (per_degree * self.lat0.to_radians().cos()))
    }
}

/// Length of a polyline.
pub fn length(line: &[Xy]) -> f64 {
    line.windows(2).map(|w| w[0].distance(w[1])).sum()
}

/// Mathematical heading from `a` to `b`, degrees anticlockwise from east.
pub fn heading(a: Xy, b: Xy) -> f64 {
    (b.y - a.y).atan2(b.x - a.x).to_degrees()
}

/// `to − from` folded into −180 to 180 degrees; left positive.
pub fn turn_angle(from: f64, to: f64) -> f64 {
    let mut delta = (to - from) % 360.0;
    if delta > 180.0 {
        delta -= 360.0;
    }
    if delta < -180.0 {
        delta += 360.0;
    }
    delta
}

/// The part of a polyline between two distances from its start; at least its two ends.
pub fn cut(line: &[Xy], from: f64, to: f64) -> Vec<Xy> {
    let mut part = vec![point_at(line, from)];
    let mut at = 0.0;
    for pair in line.windows(2) {
        at += pair[0].distance(pair[1]);
        if at > from + 0.01 && at < to - 0.01 {
            part.push(pair[1]);
        }
    }
    part.push(point_at(line, to));
    part
}

/// The point at a distance from the start, clamped to the line.
pub fn point_at(line: &[Xy], distance: f64) -> Xy {
    let mut left = distance.max(0.0);
    for pair in line.windows(2) {
        let step = pair[0].distance(pair[1]);
        if left <= step && step > 0.0 {
            return pair[0].towards(pair[1], left / step);
        }
        left -= step;
    }
    line.last().copied().unwrap_or_default()
}

/// Distance from the line, and distance along it, of the point of the line nearest to `p`.
pub fn nearest(line: &[Xy], p: Xy) -> (f64, f64) {
    let mut best = (f64::INFINITY, 0.0);
    let mut at = 0.0;
    for pair in line.windows(2) {
        let step = pair[0].distance(pair[1]);
        if step > 0.0 {
            let dot =
                (p.x - pair[0].x) * (pair[1].x - pair[0].x) + (p.y - pair[0].y) * (pair[1].y - pair[0].y);
            let t = (dot / (step * step)).clamp(0.0, 1.0);
            let away = p.distance(pair[0].towards(pair[1], t));
            if away < best.0 {
                best = (away, at + t * step);
            }
        }
        at += step;
    }
    best
}

/// The line moved to its right by `offset` metres, vertex by vertex.
pub fn offset_right(line: &[Xy], offset: f64) -> Vec<Xy> {
    if offset == 0.0 || line.len() < 2 {
        return line.to_vec();
    }
    let last = line.len() - 1;
    (0..=last)
        .map(|i| {
            let (a, b) = (line[i.saturating_sub(1)], line[(i + 1).min(last)]);
            let size = a.distance(b).max(1e-9);
            let (dx, dy) = ((b.x - a.x) / size, (b.y - a.y) / size);
            Xy { x: line[i].x + dy * offset, y: line[i].y - dx * offset }
        })
        .collect()
}

/// Where two segments cross: shares along the first and the second.
pub fn segments_cross(a: [Xy; 2], b: [Xy; 2]) -> Option<(f64, f64)> {
    let (rx, ry) = (a[1].x - a[0].x, a[1].y - a[0].y);
    let (sx, sy) = (b[1].x - b[0].x, b[1].y - b[0].y);
    let cross = rx * sy - ry * sx;
    if cross.abs() < 1e-9 {
        return None;
    }
    let (qx, qy) = (b[0].x - a[0].x, b[0].y - a[0].y);
    let t = (qx * sy - qy * sx) / cross;
    let u = (qx * ry - qy * rx) / cross;
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then_some((t, u))
}

/// A crossing of two polylines.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Crossing {
    /// Distance along the first line.
    pub on_first: f64,
    /// Distance along the second line.
    pub on_second: f64,
    /// Angle between them there, 0 to 90 degrees.
    pub angle: f64,
}

/// Every crossing of two polylines.
pub fn crossings(first: &[Xy], second: &[Xy]) -> Vec<Crossing> {
    let mut found = Vec::new();
    let mut on_first = 0.0;
    for a in first.windows(2) {
        let step = a[0].distance(a[1]);
        let mut on_second = 0.0;
        for b in second.windows(2) {
            let other_step = b[0].distance(b[1]);
            if let Some((t, u)) = segments_cross([a[0], a[1]], [b[0], b[1]]) {
                let delta = turn_angle(heading(a[0], a[1]), heading(b[0], b[1])).abs();
                found.push(Crossing {
                    on_first: on_first + t * step,
                    on_second: on_second + u * other_step,
                    angle: delta.min(180.0 - delta),
                });
            }
            on_second += other_step;
        }
        on_first += step;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(x: f64, y: f64) -> Xy {
        Xy { x, y }
    }

    #[test]
    fn left_is_positive_and_angles_fold() {
        assert_eq!(turn_angle(0.0, 90.0), 90.0);
        assert_eq!(turn_angle(170.0, -170.0), 20.0);
        assert_eq!(turn_angle(-170.0, 170.0), -20.0);
    }

    #[test]
    fn an_offset_line_lies_on_the_right() {
        assert_eq!(offset_right(&[p(0.0, 0.0), p(10.0, 0.0)], 2.0), vec![p(0.0, -2.0), p(10.0, -2.0)]);
    }

    #[test]
    fn lines_that_cross_are_found_with_distances_and_angle() {
        let found = crossings(&[p(0.0, 0.0), p(10.0, 0.0)], &[p(4.0, -3.0), p(4.0, 3.0)]);
        assert_eq!(found.len(), 1);
        assert!((found[0].on_first - 4.0).abs() < 1e-9 && (found[0].on_second - 3.0).abs() < 1e-9);
        assert!((found[0].angle - 90.0).abs() < 1e-9);
    }

    #[test]
    fn a_cut_keeps_its_ends_and_the_points_between() {
        let line = [p(0.0, 0.0), p(10.0, 0.0), p(10.0, 10.0)];
        assert_eq!(cut(&line, 5.0, 12.0), vec![p(5.0, 0.0), p(10.0, 0.0), p(10.0, 2.0)]);
    }
}
