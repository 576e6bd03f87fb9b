//! A feed of VDV R09.16 telegrams: where its reporting points lie.

use std::net::SocketAddr;

use clearway_feeds::r09::{Dialect, Point};
use clearway_signals::GeoPoint;
use schemars::JsonSchema;
use serde::Deserialize;

/// VDV R09.16 telegrams over UDP.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct R09Feed {
    /// Name in page and metrics; the kind when not given.
    pub name: Option<String>,
    /// Where to listen.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// What a positive delay means.
    pub positive_delay: PositiveDelay,
    /// The reporting points, at most 4096.
    #[serde(rename = "point")]
    pub points: Vec<ReportingPoint>,
    /// Seconds between two telegrams of one vehicle, 0.1 to 60: a request outlives its telegram by three
    /// times as long, 30 s at most.
    pub cadence_s: f64,
}

/// What a positive delay means at a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PositiveDelay {
    /// The vehicle is late.
    #[default]
    Late,
    /// It is early.
    Early,
}

/// A reporting point.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportingPoint {
    /// Its number as the telegram carries it, with what is reported in the lowest two bits.
    pub number: u16,
    /// Where vehicles are when they report it, degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Direction of the line there, 0 or 1 as in GTFS.
    pub direction: u8,
    /// Vehicles stand at a stop here until they report their doors closed.
    #[serde(default)]
    pub at_stop: bool,
}

impl Default for R09Feed {
    fn default() -> Self {
        Self {
            name: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 21001)),
            positive_delay: PositiveDelay::default(),
            points: Vec::new(),
            cadence_s: 10.0,
        }
    }
}

impl ReportingPoint {
    /// The point; `None` when it lies off the globe or has another direction than 0 and 1.
    #[must_use]
    pub fn read(&self) -> Option<Point> {
        let place = GeoPoint::from_degrees(self.lat, self.lon).filter(|_| self.direction <= 1)?;
        Some(Point { number: self.number, place, direction: self.direction, at_stop: self.at_stop })
    }
}

impl R09Feed {
    /// The parser's settings.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect {
            points: self.points.iter().filter_map(ReportingPoint::read).collect(),
            positive_is_early: self.positive_delay == PositiveDelay::Early,
        }
    }
}
