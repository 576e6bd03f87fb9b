//! Whether a position can be true: age, place, speed, and the way since the vehicle's last one.
//!
//! The same rules for every feed (invariant X2). Each feed keeps its own memory, because two feeds of
//! one vehicle have clocks of different resolution and would accuse each other of going backwards.

use std::sync::Arc;

use clearway_signals::{GeoPoint, Millis, VehicleId};

use crate::fix::{Arrival, VehicleFix};
use crate::registry::Registry;
use crate::reject::Reject;
use crate::wall::WallMs;

/// Mean length of one degree of latitude, metres.
const METRES_PER_DEGREE: f64 = 111_194.9;
/// Two fixes may be wrong by this much together, metres.
const POSITION_ERROR_M: f64 = 30.0;
/// No road or track vehicle moves faster than this, metres a second.
const JUMP_MAX_MPS: f64 = 70.0;
/// Between two fixes a vehicle may seem this much faster than its class allows.
const JUMP_FACTOR: f64 = 1.3;
/// Nearer to 0/0 than this in both axes is no fix, units of 1e-7 degrees (about a kilometre).
const NULL_ISLAND_E7: i32 = 100_000;

/// A rectangle of the globe; never over the antimeridian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GeoBox {
    south_west: GeoPoint,
    north_east: GeoPoint,
}

impl GeoBox {
    /// The whole globe: for tests and for tools without a network.
    pub const GLOBE: Self = Self {
        south_west: GeoPoint { lat_e7: -900_000_000, lon_e7: -1_800_000_000 },
        north_east: GeoPoint { lat_e7: 900_000_000, lon_e7: 1_800_000_000 },
    };

    /// The smallest rectangle around the points, wider by `margin_m` on each side; `None` without points.
    #[must_use]
    pub fn around(points: impl IntoIterator<Item = GeoPoint>, margin_m: f64) -> Option<Self> {
        let mut points = points.into_iter();
        let first = points.next()?;
        let tight = points.fold(Self { south_west: first, north_east: first }, |found, point| Self {
            south_west: GeoPoint {
                lat_e7: found.south_west.lat_e7.min(point.lat_e7),
                lon_e7: found.south_west.lon_e7.min(point.lon_e7),
            },
            north_east: GeoPoint {
                lat_e7: found.north_east.lat_e7.max(point.lat_e7),
                lon_e7: found.north_east.lon_e7.max(point.lon_e7),
            },
        });
        Some(tight.widened(margin_m))
    }

    #[allow(clippy::cast_possible_truncation)] // A margin of kilometres is far below i32.
    fn widened(self, margin_m: f64) -> Self {
        let lat = (margin_m.max(0.0) / METRES_PER_DEGREE * 1e7) as i32;
        let shrink = self.north_east.lat().to_radians().cos().max(0.01);
        let lon = (f64::from(lat) / shrink) as i32;
        let moved = |point: GeoPoint, sign: i32| GeoPoint {
            lat_e7: point.lat_e7.saturating_add(sign * lat),
            lon_e7: point.lon_e7.saturating_add(sign.saturating_mul(lon)),
        };
        Self { south_west: moved(self.south_west, -1), north_east: moved(self.north_east, 1) }
    }

    /// Whether the place lies inside or on the edge.
    #[must_use]
    pub fn contains(&self, place: GeoPoint) -> bool {
        (self.south_west.lat_e7..=self.north_east.lat_e7).contains(&place.lat_e7)
            && (self.south_west.lon_e7..=self.north_east.lon_e7).contains(&place.lon_e7)
    }
}

/// What is accepted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// Positions outside are refused.
    pub area: GeoBox,
    /// A source's clock may be ahead of ours by this much, milliseconds.
    pub future_max_ms: i64,
    /// A message may be this old, milliseconds.
    pub stale_max_ms: i64,
    /// The usual time between positions of one vehicle.
    pub cadence: Millis,
}

impl Rules {
    /// The usual rules: 2 s ahead, 10 s old, a position a second.
    #[must_use]
    pub const fn within(area: GeoBox) -> Self {
        Self { area, future_max_ms: 2_000, stale_max_ms: 10_000, cadence: Millis(1_000) }
    }

    /// Whether a message of this time can be taken now.
    ///
    /// # Errors
    /// [`Reject::Future`], [`Reject::Stale`].
    pub fn judge_age(&self, source: WallMs, now: WallMs) -> Result<(), Reject> {
        judge_age(source, now, self.future_max_ms, self.stale_max_ms)
    }
}

/// Whether a time lies within `stale_max_ms` before and `future_max_ms` after now.
pub(crate) fn judge_age(
    source: WallMs,
    now: WallMs,
    future_max_ms: i64,
    stale_max_ms: i64,
) -> Result<(), Reject> {
    match now.since(source) {
        age if age < -future_max_ms => Err(Reject::Future),
        age if age > stale_max_ms => Err(Reject::Stale),
        _ => Ok(()),
    }
}

/// A place in degrees, if it is one.
///
/// # Errors
/// [`Reject::OffGlobe`], also for swapped coordinates where they show; [`Reject::NullIsland`].
pub(crate) fn place(lat: f64, lon: f64) -> Result<GeoPoint, Reject> {
    let place = GeoPoint::from_degrees(lat, lon).ok_or(Reject::OffGlobe)?;
    if place.lat_e7.abs() < NULL_ISLAND_E7 && place.lon_e7.abs() < NULL_ISLAND_E7 {
        return Err(Reject::NullIsland);
    }
    Ok(place)
}

/// Distance between two places of one city, metres.
#[must_use]
pub fn distance_m(a: GeoPoint, b: GeoPoint) -> f64 {
    let north = (b.lat() - a.lat()) * METRES_PER_DEGREE;
    let east = (b.lon() - a.lon()) * METRES_PER_DEGREE * a.lat().to_radians().cos();
    north.hypot(east)
}

/// A position before it is believed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// The source's clock; `None` when it sends none.
    pub source_time: Option<WallMs>,
    /// Resolution of that clock as sent, milliseconds.
    pub resolution_ms: i64,
    /// How old it may be; `None`: as the feed's rules say.
    pub stale_max_ms: Option<i64>,
    /// Where.
    pub place: GeoPoint,
    /// Degrees clockwise from north.
    pub heading_deg: Option<f64>,
    /// Metres a second.
    pub speed_mps: Option<f64>,
    /// Dead reckoning, old, or estimated.
    pub degraded: bool,
}

/// The last believed position of a vehicle.
#[derive(Clone, Copy, Debug)]
struct Seen {
    source_time: Option<WallMs>,
    received: Millis,
    place: GeoPoint,
}

/// One feed's judgement, with its memory: one place for each registered vehicle, no more.
#[derive(Clone, Debug)]
pub struct Plausibility {
    registry: Arc<Registry>,
    rules: Rules,
    seen: Vec<Option<Seen>>,
}

impl Plausibility {
    /// A judgement without memory yet.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules) -> Self {
        let seen = vec![None; registry.vehicles().len()];
        Self { registry, rules, seen }
    }

    /// The registry it judges by.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The rules it judges by.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Turns a candidate into a fix and remembers it. A refused one leaves no trace, so that a vehicle
    /// whose memory was wrong is believed again as soon as the time since then explains the distance.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn judge(
        &mut self,
        vehicle: VehicleId,
        candidate: &Candidate,
        at: Arrival,
    ) -> Result<VehicleFix, Reject> {
        let class = self.registry.get(vehicle).ok_or(Reject::UnknownVehicle)?.class;
        if let Some(time) = candidate.source_time {
            let stale_max_ms = candidate.stale_max_ms.unwrap_or(self.rules.stale_max_ms);
            judge_age(time, at.wall, self.rules.future_max_ms, stale_max_ms)?;
        }
        if !self.rules.area.contains(candidate.place) {
            return Err(Reject::OutsideNetwork);
        }
        judge_motion(candidate, class.speed_max_mps())?;
        let seen = self.seen.get_mut(vehicle.index()).ok_or(Reject::UnknownVehicle)?;
        if let Some(last) = seen {
            judge_way(last, candidate, at, class.speed_max_mps())?;
        }
        *seen =
            Some(Seen { source_time: candidate.source_time, received: at.received, place: candidate.place });
        Ok(fix(vehicle, candidate, at, self.rules.cadence))
    }
}

#[allow(clippy::cast_possible_truncation)] // Degrees and metres a second need no more than f32.
fn fix(vehicle: VehicleId, candidate: &Candidate, at: Arrival, cadence: Millis) -> VehicleFix {
    VehicleFix {
        vehicle,
        source_time: candidate.source_time,
        received: at.received,
        place: candidate.place,
        heading_deg: candidate.heading_deg.map(|deg| deg as f32),
        speed_mps: candidate.speed_mps.map(|mps| mps as f32),
        degraded: candidate.degraded,
        cadence,
    }
}

/// Speed and heading by themselves.
fn judge_motion(candidate: &Candidate, speed_max_mps: f64) -> Result<(), Reject> {
    if let Some(speed) = candidate.speed_mps {
        if !speed.is_finite() || speed < 0.0 {
            return Err(Reject::BadSpeed);
        }
        if speed > speed_max_mps {
            return Err(Reject::TooFast);
        }
    }
    match candidate.heading_deg {
        Some(heading) if !(0.0..=360.0).contains(&heading) => Err(Reject::BadHeading),
        _ => Ok(()),
    }
}

/// The way from the last position to this one.
fn judge_way(last: &Seen, candidate: &Candidate, at: Arrival, speed_max_mps: f64) -> Result<(), Reject> {
    let elapsed_ms = match (last.source_time, candidate.source_time) {
        (Some(before), Some(now)) if now < before => return Err(Reject::Backwards),
        (Some(before), Some(now)) if now == before && last.place == candidate.place => {
            return Err(Reject::Duplicate);
        }
        (Some(before), Some(now)) => now.since(before),
        _ => at.received.since(last.received).0,
    };
    #[allow(clippy::cast_precision_loss)] // Milliseconds between two fixes.
    let elapsed_s = elapsed_ms.saturating_add(candidate.resolution_ms) as f64 / 1000.0;
    let reach_m = (speed_max_mps * JUMP_FACTOR).min(JUMP_MAX_MPS) * elapsed_s + POSITION_ERROR_M;
    if distance_m(last.place, candidate.place) > reach_m { Err(Reject::Jump) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Vehicle, VehicleClass};

    const NOW: WallMs = WallMs(1_790_447_311_000);

    fn judgement() -> Plausibility {
        let registry = Registry::new(vec![Vehicle::new("tram", VehicleClass::Tram)]).unwrap();
        let corner = |lat, lon| GeoPoint::from_degrees(lat, lon).unwrap();
        let area = GeoBox::around([corner(60.15, 24.90), corner(60.20, 25.00)], 100.0).unwrap();
        Plausibility::new(Arc::new(registry), Rules::within(area))
    }

    fn at(ms: i64) -> Arrival {
        Arrival { received: Millis(ms), wall: NOW.plus_ms(ms) }
    }

    fn candidate(ms: i64, lat: f64) -> Candidate {
        Candidate {
            source_time: Some(NOW.plus_ms(ms)),
            resolution_ms: 0,
            stale_max_ms: None,
            place: GeoPoint::from_degrees(lat, 24.94).unwrap(),
            heading_deg: Some(90.0),
            speed_mps: Some(10.0),
            degraded: false,
        }
    }

    fn check(changed: impl FnOnce(&mut Candidate), expect: Result<(), Reject>) {
        let mut tried = candidate(0, 60.17);
        changed(&mut tried);
        assert_eq!(judgement().judge(VehicleId(0), &tried, at(0)).map(|_| ()), expect);
    }

    #[test]
    fn x2_a_position_is_refused_for_its_age_its_place_or_its_motion() {
        check(|_| {}, Ok(()));
        check(|c| c.source_time = Some(NOW.plus_ms(2_000)), Ok(()));
        check(|c| c.source_time = Some(NOW.plus_ms(2_001)), Err(Reject::Future));
        check(|c| c.source_time = Some(NOW.plus_ms(-10_000)), Ok(()));
        check(|c| c.source_time = Some(NOW.plus_ms(-10_001)), Err(Reject::Stale));
        check(|c| c.place = GeoPoint::from_degrees(24.94, 60.17).unwrap(), Err(Reject::OutsideNetwork));
        check(|c| c.speed_mps = Some(25.1), Err(Reject::TooFast));
        check(|c| c.speed_mps = Some(-0.1), Err(Reject::BadSpeed));
        check(|c| c.speed_mps = Some(f64::NAN), Err(Reject::BadSpeed));
        check(|c| c.heading_deg = Some(360.5), Err(Reject::BadHeading));
    }

    #[test]
    fn x2_an_unregistered_vehicle_is_refused() {
        let refused = judgement().judge(VehicleId(9), &candidate(0, 60.17), at(0));
        assert_eq!(refused.map(|_| ()), Err(Reject::UnknownVehicle));
    }

    #[test]
    fn x2_a_vehicle_neither_jumps_nor_goes_back_in_time() {
        let mut judged = judgement();
        let mut judge = |ms, lat| judged.judge(VehicleId(0), &candidate(ms, lat), at(ms)).map(|_| ());
        assert_eq!(judge(0, 60.170), Ok(()));
        assert_eq!(judge(0, 60.170), Err(Reject::Duplicate));
        assert_eq!(judge(-1, 60.170), Err(Reject::Backwards));
        // 111 m in one second; a tram can do 32.5 m/s and the receivers err by 30 m.
        assert_eq!(judge(1_000, 60.171), Err(Reject::Jump));
        assert_eq!(judge(1_000, 60.1705), Ok(()));
        // Believed again once the time explains the distance.
        assert_eq!(judge(60_000, 60.180), Ok(()));
    }

    #[test]
    fn zero_zero_and_what_is_off_the_globe_are_no_places() {
        assert_eq!(place(0.0, 0.0), Err(Reject::NullIsland));
        assert_eq!(place(90.5, 0.0), Err(Reject::OffGlobe));
        assert_eq!(place(f64::NAN, 24.0), Err(Reject::OffGlobe));
    }
}
