//! What a simulated vehicle says: the encoders' common input.

use clearway_signals::GeoPoint;

use crate::wall::WallMs;

/// A vehicle's own view of itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Outgoing<'a> {
    /// The identity that the format carries: TAIP id, hub resource id, `operator/number` for HFP;
    /// NMEA carries none.
    pub external_id: &'a str,
    /// Where.
    pub place: GeoPoint,
    /// Metres a second, 0 or more.
    pub speed_mps: f32,
    /// Degrees clockwise from north, 0 to 360.
    pub heading_deg: f32,
    /// The vehicle's clock.
    pub wall: WallMs,
}
