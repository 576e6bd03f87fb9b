//! GTFS Realtime: service alerts and trip modifications, out and in.
//!
//! What Clearway publishes of diversions for journey planners and passenger information. Trip
//! modifications are an experimental part of the specification, adopted in March 2024. The protobuf
//! encoding is that of `prost`; a message that is read is bounded in size and must carry its header.

pub mod message;

use clearway_signals::GeoPoint;
use prost::Message;

pub use message::{
    Alert, Cause, Effect, EntitySelector, FeedEntity, FeedHeader, FeedMessage, Incrementality, Modification,
    ReplacementStop, SelectedTrips, Shape, StopSelector, TimeRange, TranslatedString, Translation,
    TripModifications,
};

/// The version that is written.
pub const VERSION: &str = "2.0";
/// The media type of the encoded feed.
pub const MEDIA_TYPE: &str = "application/x-protobuf";
/// No larger feed is read, bytes.
pub const FEED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// No feed of more entities is read.
pub const ENTITIES_MAX: usize = 20_000;

/// Why a feed cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FeedFault {
    /// Larger than [`FEED_BYTES_MAX`], or of more entities than [`ENTITIES_MAX`].
    #[error("the feed is too large")]
    TooLarge,
    /// Not the encoding of a feed.
    #[error("not a GTFS Realtime feed: {0}")]
    Malformed(String),
    /// Without a version, or of one that is not known.
    #[error("GTFS Realtime version {0:?} is not known")]
    Version(String),
    /// Two entities of one id, or one without.
    #[error("entity id {0:?} is missing or stands twice")]
    EntityId(String),
}

/// A whole feed made at that time, seconds since 1970.
#[must_use]
pub fn feed(timestamp_s: u64, entity: Vec<FeedEntity>) -> FeedMessage {
    let header = FeedHeader {
        gtfs_realtime_version: VERSION.into(),
        incrementality: Some(Incrementality::FullDataset as i32),
        timestamp: Some(timestamp_s),
    };
    FeedMessage { header, entity }
}

/// The bytes of a feed.
#[must_use]
pub fn encode(feed: &FeedMessage) -> Vec<u8> {
    feed.encode_to_vec()
}

/// Read a feed.
///
/// # Errors
/// The first [`FeedFault`]; then nothing of the feed is used.
pub fn decode(bytes: &[u8]) -> Result<FeedMessage, FeedFault> {
    if bytes.len() > FEED_BYTES_MAX {
        return Err(FeedFault::TooLarge);
    }
    let feed = FeedMessage::decode(bytes).map_err(|error| FeedFault::Malformed(error.to_string()))?;
    if !matches!(feed.header.gtfs_realtime_version.as_str(), "1.0" | "2.0") {
        return Err(FeedFault::Version(feed.header.gtfs_realtime_version));
    }
    if feed.entity.len() > ENTITIES_MAX {
        return Err(FeedFault::TooLarge);
    }
    let mut ids = std::collections::BTreeSet::new();
    match feed.entity.iter().find(|e| e.id.is_empty() || !ids.insert(e.id.as_str())) {
        Some(entity) => Err(FeedFault::EntityId(entity.id.clone())),
        None => Ok(feed),
    }
}

/// A text in English.
#[must_use]
pub fn english(text: impl Into<String>) -> TranslatedString {
    TranslatedString { translation: vec![Translation { text: text.into(), language: Some("en".into()) }] }
}

/// A line string in the encoded polyline format: differences of 1e-5 degrees, zigzag, base 64 in groups
/// of five bits (developers.google.com/maps/documentation/utilities/polylinealgorithm).
#[must_use]
pub fn polyline(points: impl Iterator<Item = GeoPoint>) -> String {
    let mut text = String::new();
    let mut last = (0, 0);
    for point in points {
        let here = (e5(point.lat_e7), e5(point.lon_e7));
        push_number(&mut text, here.0 - last.0);
        push_number(&mut text, here.1 - last.1);
        last = here;
    }
    text
}

/// To the nearest 1e-5 degree.
fn e5(e7: i32) -> i64 {
    (i64::from(e7) + if e7 < 0 { -50 } else { 50 }) / 100
}

fn push_number(text: &mut String, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let group = u8::try_from(rest & 0x1f).unwrap_or(0);
        rest >>= 5;
        let more = if rest > 0 { 0x20 } else { 0 };
        text.push(char::from((group | more) + 63));
        if rest == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
