//! A local plane: metres east and north of the model's origin.

use clearway_signals::GeoPoint;

/// A point of the local plane, in metres.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Point {
    /// Metres east of the origin.
    pub x: f32,
    /// Metres north of the origin.
    pub y: f32,
}

impl Point {
    /// Distance in metres.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Heading from here to `other`, degrees clockwise from north, 0 to 360.
    #[must_use]
    pub fn heading_to(self, other: Self) -> f32 {
        let degrees = (other.x - self.x).atan2(other.y - self.y).to_degrees();
        if degrees < 0.0 { degrees + 360.0 } else { degrees }
    }
}

/// The equirectangular projection about an origin; exact to centimetres over a city's width.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plane {
    origin: GeoPoint,
    metres_per_lat_e7: f64,
    metres_per_lon_e7: f64,
}

/// Mean radius of the earth in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl Plane {
    /// The plane that touches the globe at `origin`.
    #[must_use]
    pub fn at(origin: GeoPoint) -> Self {
        let metres_per_degree = EARTH_RADIUS_M.to_radians();
        Self {
            origin,
            metres_per_lat_e7: metres_per_degree / 1e7,
            metres_per_lon_e7: metres_per_degree * origin.lat().to_radians().cos() / 1e7,
        }
    }

    /// The origin.
    #[must_use]
    pub fn origin(&self) -> GeoPoint {
        self.origin
    }

    /// Where a place of the globe lies on the plane.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn project(&self, place: GeoPoint) -> Point {
        let east = (i64::from(place.lon_e7) - i64::from(self.origin.lon_e7)) as f64;
        let north = (i64::from(place.lat_e7) - i64::from(self.origin.lat_e7)) as f64;
        Point { x: (east * self.metres_per_lon_e7) as f32, y: (north * self.metres_per_lat_e7) as f32 }
    }

    /// The place of the globe under a point of the plane.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn unproject(&self, point: Point) -> GeoPoint {
        GeoPoint {
            lat_e7: self.origin.lat_e7 + (f64::from(point.y) / self.metres_per_lat_e7).round() as i32,
            lon_e7: self.origin.lon_e7 + (f64::from(point.x) / self.metres_per_lon_e7).round() as i32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projection_round_trips_to_a_decimetre() {
        let plane = Plane::at(GeoPoint::from_degrees(60.17, 24.94).unwrap());
        let place = GeoPoint::from_degrees(60.1791, 24.9312).unwrap();
        let back = plane.unproject(plane.project(place));
        assert!((back.lat_e7 - place.lat_e7).abs() <= 10 && (back.lon_e7 - place.lon_e7).abs() <= 20);
    }

    #[test]
    fn heading_is_clockwise_from_north() {
        let here = Point::default();
        assert_eq!(here.heading_to(Point { x: 1.0, y: 0.0 }), 90.0);
        assert_eq!(here.heading_to(Point { x: -1.0, y: 0.0 }), 270.0);
    }
}
