//! Units: time in integer milliseconds, places in integer degrees.

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};

/// A point on the monotonic clock, or the distance between two of them, in milliseconds.
///
/// The clock's zero is the start of whoever drives the engine; wall-clock time never enters here.
/// Arithmetic saturates: a deadline computed from nonsense is far away, never wrapped around.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// Zero: the clock's start, or no time at all.
    pub const ZERO: Self = Self(0);
    /// Later than every deadline.
    pub const NEVER: Self = Self(i64::MAX);

    /// Whole seconds.
    #[must_use]
    pub const fn from_s(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The value in seconds, for people and for formats that want fractions.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_s(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The later of two points, or the longer of two times.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Ord::max(self, other)
    }

    /// The earlier of two points, or the shorter of two times.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    /// The time from `earlier` to here, never negative.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        (self - earlier).max(Self::ZERO)
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Millis {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Millis {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Millis {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// A place in WGS 84, in units of 1e-7 degrees (about one centimetre of latitude).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct GeoPoint {
    /// Latitude, −900 000 000 to 900 000 000, north positive.
    pub lat_e7: i32,
    /// Longitude, −1 800 000 000 to 1 800 000 000, east positive.
    pub lon_e7: i32,
}

impl GeoPoint {
    /// From degrees; `None` outside the globe or when not a number.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        let inside = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        // Adding half before truncation rounds to nearest without needing `std`.
        let e7 = |deg: f64| (deg * 1e7 + if deg < 0.0 { -0.5 } else { 0.5 }) as i32;
        inside.then(|| Self { lat_e7: e7(lat), lon_e7: e7(lon) })
    }

    /// Latitude in degrees.
    #[must_use]
    pub fn lat(self) -> f64 {
        f64::from(self.lat_e7) / 1e7
    }

    /// Longitude in degrees.
    #[must_use]
    pub fn lon(self) -> f64 {
        f64::from(self.lon_e7) / 1e7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_saturates_instead_of_wrapping() {
        assert_eq!(Millis::NEVER + Millis::from_s(1), Millis::NEVER);
        assert_eq!(Millis(5).since(Millis(9)), Millis::ZERO);
    }

    #[test]
    fn geo_point_keeps_seven_decimals_and_refuses_what_is_off_the_globe() {
        let p = GeoPoint::from_degrees(60.170_123_4, -24.941_234_5).unwrap();
        assert_eq!((p.lat_e7, p.lon_e7), (601_701_234, -249_412_345));
        assert_eq!(GeoPoint::from_degrees(90.1, 0.0), None);
        assert_eq!(GeoPoint::from_degrees(f64::NAN, 0.0), None);
    }
}
