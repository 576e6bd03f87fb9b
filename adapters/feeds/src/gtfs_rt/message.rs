//! The messages of GTFS Realtime 2.0 that service alerts and trip modifications need, with the field
//! numbers of the specification (gtfs.org/documentation/realtime). Fields that are not listed are
//! skipped when read.

use prost::{Enumeration, Message};
use serde::{Serialize, Serializer};

/// A feed.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct FeedMessage {
    #[prost(message, required, tag = "1")]
    pub header: FeedHeader,
    #[prost(message, repeated, tag = "2")]
    pub entity: Vec<FeedEntity>,
}

/// What the feed is.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct FeedHeader {
    #[prost(string, required, tag = "1")]
    pub gtfs_realtime_version: String,
    #[prost(enumeration = "Incrementality", optional, tag = "2")]
    #[serde(serialize_with = "incrementality_word")]
    pub incrementality: Option<i32>,
    /// Seconds since 1970.
    #[prost(uint64, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
}

/// Whether a feed is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum Incrementality {
    FullDataset = 0,
    Differential = 1,
}

/// One thing that a feed says.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct FeedEntity {
    #[prost(string, required, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    #[prost(message, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    #[prost(message, optional, tag = "8")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip_modifications: Option<TripModifications>,
}

/// A service alert.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct Alert {
    #[prost(message, repeated, tag = "1")]
    pub active_period: Vec<TimeRange>,
    #[prost(message, repeated, tag = "5")]
    pub informed_entity: Vec<EntitySelector>,
    #[prost(enumeration = "Cause", optional, tag = "6")]
    #[serde(serialize_with = "cause_word")]
    pub cause: Option<i32>,
    #[prost(enumeration = "Effect", optional, tag = "7")]
    #[serde(serialize_with = "effect_word")]
    pub effect: Option<i32>,
    #[prost(message, optional, tag = "10")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_text: Option<TranslatedString>,
    #[prost(message, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description_text: Option<TranslatedString>,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum Cause {
    UnknownCause = 1,
    OtherCause = 2,
    TechnicalProblem = 3,
    Strike = 4,
    Demonstration = 5,
    Accident = 6,
    Holiday = 7,
    Weather = 8,
    Maintenance = 9,
    Construction = 10,
    PoliceActivity = 11,
    MedicalEmergency = 12,
}

/// What passengers notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enumeration)]
#[repr(i32)]
pub enum Effect {
    NoService = 1,
    ReducedService = 2,
    SignificantDelays = 3,
    Detour = 4,
    AdditionalService = 5,
    ModifiedService = 6,
    OtherEffect = 7,
    UnknownEffect = 8,
    StopMoved = 9,
    NoEffect = 10,
    AccessibilityIssue = 11,
}

/// From then until then, seconds since 1970; open where nothing stands.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct TimeRange {
    #[prost(uint64, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}

/// Whom an alert concerns: everything that is given must fit.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct EntitySelector {
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_id: Option<String>,
    #[prost(message, optional, tag = "4")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip: Option<TripDescriptor>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_id: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_id: Option<u32>,
}

/// A trip.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct TripDescriptor {
    #[prost(string, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trip_id: Option<String>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_id: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_id: Option<u32>,
}

/// A text in one or more languages.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct TranslatedString {
    #[prost(message, repeated, tag = "1")]
    pub translation: Vec<Translation>,
}

/// A text in one language.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct Translation {
    #[prost(string, required, tag = "1")]
    pub text: String,
    /// BCP 47.
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// The way that a modified trip drives.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct Shape {
    #[prost(string, optional, tag = "1")]
    pub shape_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub encoded_polyline: Option<String>,
}

/// How trips differ from their timetable.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct TripModifications {
    #[prost(message, repeated, tag = "1")]
    pub selected_trips: Vec<SelectedTrips>,
    #[prost(string, repeated, tag = "2")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start_times: Vec<String>,
    /// `YYYYMMDD`.
    #[prost(string, repeated, tag = "3")]
    pub service_dates: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub modifications: Vec<Modification>,
}

/// Trips that get the same new shape.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct SelectedTrips {
    #[prost(string, repeated, tag = "1")]
    pub trip_ids: Vec<String>,
    #[prost(string, optional, tag = "2")]
    pub shape_id: Option<String>,
}

/// A stretch of calls that is left out, and what is served instead.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct Modification {
    #[prost(message, optional, tag = "1")]
    pub start_stop_selector: Option<StopSelector>,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_stop_selector: Option<StopSelector>,
    /// Seconds by which every later call is delayed.
    #[prost(int32, optional, tag = "3")]
    pub propagated_modification_delay: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub replacement_stops: Vec<ReplacementStop>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_alert_id: Option<String>,
    /// Seconds since 1970.
    #[prost(uint64, optional, tag = "6")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_time: Option<u64>,
}

/// A call of the timetable.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct StopSelector {
    #[prost(uint32, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<u32>,
    #[prost(string, optional, tag = "2")]
    pub stop_id: Option<String>,
}

/// A stop that is served instead.
#[derive(Clone, PartialEq, Eq, Message, Serialize)]
pub struct ReplacementStop {
    /// Seconds after the last call before the modification.
    #[prost(int32, optional, tag = "1")]
    pub travel_time_to_stop: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub stop_id: Option<String>,
}

/// The specification's words of an enumeration.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal,)* }) => {
        impl $name {
            /// The specification's word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Of a word of the specification.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! { Incrementality {
    FullDataset = "FULL_DATASET",
    Differential = "DIFFERENTIAL",
} }

words! { Cause {
    UnknownCause = "UNKNOWN_CAUSE",
    OtherCause = "OTHER_CAUSE",
    TechnicalProblem = "TECHNICAL_PROBLEM",
    Strike = "STRIKE",
    Demonstration = "DEMONSTRATION",
    Accident = "ACCIDENT",
    Holiday = "HOLIDAY",
    Weather = "WEATHER",
    Maintenance = "MAINTENANCE",
    Construction = "CONSTRUCTION",
    PoliceActivity = "POLICE_ACTIVITY",
    MedicalEmergency = "MEDICAL_EMERGENCY",
} }

words! { Effect {
    NoService = "NO_SERVICE",
    ReducedService = "REDUCED_SERVICE",
    SignificantDelays = "SIGNIFICANT_DELAYS",
    Detour = "DETOUR",
    AdditionalService = "ADDITIONAL_SERVICE",
    ModifiedService = "MODIFIED_SERVICE",
    OtherEffect = "OTHER_EFFECT",
    UnknownEffect = "UNKNOWN_EFFECT",
    StopMoved = "STOP_MOVED",
    NoEffect = "NO_EFFECT",
    AccessibilityIssue = "ACCESSIBILITY_ISSUE",
} }

#[allow(clippy::ref_option)] // The shape that serde calls.
fn incrementality_word<S: Serializer>(code: &Option<i32>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_some(&code.and_then(|c| Incrementality::try_from(c).ok()).map(Incrementality::word))
}

#[allow(clippy::ref_option)] // The shape that serde calls.
fn cause_word<S: Serializer>(code: &Option<i32>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_some(&code.and_then(|c| Cause::try_from(c).ok()).map(Cause::word))
}

#[allow(clippy::ref_option)] // The shape that serde calls.
fn effect_word<S: Serializer>(code: &Option<i32>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_some(&code.and_then(|c| Effect::try_from(c).ok()).map(Effect::word))
}
