//! The payload of an HFP message: one JSON object with one key, the event in capitals.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::MESSAGE_BYTES_MAX;
use crate::reject::Reject;
use crate::wall::{self, WallMs};

/// A string that stays in the message unless it has escapes.
#[derive(Clone, Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

/// The fields that are used; all others are passed over.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Body<'a> {
    /// Line, as passengers know it.
    #[serde(borrow)]
    pub desi: Option<Text<'a>>,
    tst: Option<Text<'a>>,
    tsi: Option<i64>,
    /// Metres a second.
    pub spd: Option<f64>,
    /// Degrees clockwise from north.
    pub hdg: Option<f64>,
    pub lat: Option<f64>,
    pub long: Option<f64>,
    /// Seconds ahead of the timetable.
    pub dl: Option<i64>,
    /// 1 when a door is open.
    pub drst: Option<i64>,
    /// Per cent of the places taken; 0 where nobody counts.
    pub occu: Option<i64>,
    pub loc: Option<Text<'a>>,
    pub sid: Option<i64>,
    #[serde(rename = "signal-groupid")]
    pub signal_group: Option<i64>,
    #[serde(rename = "tlp-requestid")]
    request_id: Option<i64>,
    #[serde(rename = "tlp-requesttype")]
    pub request_type: Option<Text<'a>>,
    #[serde(rename = "tlp-prioritylevel")]
    pub level: Option<Text<'a>>,
    #[serde(rename = "tlp-decision")]
    pub decision: Option<Text<'a>>,
}

/// The object around the body.
struct Envelope<'a> {
    first: Option<(Text<'a>, Body<'a>)>,
    more: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneKey;
        impl<'de> Visitor<'de> for OneKey {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let first = map.next_entry()?;
                let mut more = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    more = true;
                }
                Ok(Envelope { first, more })
            }
        }
        deserializer.deserialize_map(OneKey)
    }
}

impl<'a> Body<'a> {
    /// Reads a payload that must hold exactly the topic's event.
    ///
    /// # Errors
    /// [`Reject::TooLong`], [`Reject::Malformed`], [`Reject::NotOneEvent`], [`Reject::EventMismatch`].
    pub fn parse(payload: &'a [u8], event_word: &str) -> Result<Self, Reject> {
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(Reject::TooLong);
        }
        let envelope: Envelope<'a> = serde_json::from_slice(payload).map_err(|_| Reject::Malformed)?;
        let (key, body) = match envelope {
            Envelope { first: Some(entry), more: false } => entry,
            _ => return Err(Reject::NotOneEvent),
        };
        let is_topics_event = key.bytes().eq(event_word.bytes().map(|b| b.to_ascii_uppercase()));
        if is_topics_event { Ok(body) } else { Err(Reject::EventMismatch) }
    }

    /// The message's time; both of its times must agree.
    ///
    /// # Errors
    /// [`Reject::BadTime`], [`Reject::TimeMismatch`].
    pub fn time(&self) -> Result<WallMs, Reject> {
        let time = self.tst.as_deref().and_then(wall::parse_iso).ok_or(Reject::BadTime)?;
        if self.tsi.is_some_and(|seconds| seconds != time.0.div_euclid(1000)) {
            return Err(Reject::TimeMismatch);
        }
        Ok(time)
    }

    /// The number of a request.
    ///
    /// # Errors
    /// [`Reject::NotActionable`] without one, [`Reject::RequestIdRange`] beyond a byte.
    pub fn request_id(&self) -> Result<u8, Reject> {
        let id = self.request_id.ok_or(Reject::NotActionable)?;
        u8::try_from(id).map_err(|_| Reject::RequestIdRange)
    }
}
