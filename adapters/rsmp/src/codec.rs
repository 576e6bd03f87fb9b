//! Bytes: UTF-8 JSON, each message ended by a form feed; several in a row are tolerated
//! (core 3.2, section "Wrapping of packets").

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::frame::Message;
use crate::version::Core;

/// Ends each message.
const FORM_FEED: u8 = 0x0c;
/// Longest message that is taken.
pub const MESSAGE_MAX: usize = 256 * 1024;
/// The word of the protocol in each message.
const PROTOCOL: &str = "rSMsg";

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`MESSAGE_MAX`] without an end. The stream is of no more use.
    #[error("a message of more than {MESSAGE_MAX} bytes")]
    TooLong,
    /// Not JSON, or a known message with missing or wrong fields.
    #[error("not a message: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but of another protocol.
    #[error("mType is not rSMsg")]
    OtherProtocol,
    /// A type that core does not know.
    #[error("unknown packet type: {0}")]
    UnknownType(String),
}

/// What every message begins with, whatever else it holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Header {
    /// `rSMsg`.
    #[serde(rename = "mType", default)]
    pub protocol: Option<String>,
    /// The type.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// The id, which a refusal repeats.
    #[serde(rename = "mId", default)]
    pub id: Option<String>,
}

/// Cuts a stream into messages.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    waiting: Vec<u8>,
}

impl Splitter {
    /// Take bytes as they come; the whole messages in them, without their ends.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`]; the connection must be closed then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
        let mut whole = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == FORM_FEED) {
            self.waiting.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let message = core::mem::take(&mut self.waiting);
            if message.len() > MESSAGE_MAX {
                return Err(DecodeError::TooLong);
            }
            if !message.iter().all(u8::is_ascii_whitespace) {
                whole.push(message);
            }
        }
        if self.waiting.len() + rest.len() > MESSAGE_MAX {
            return Err(DecodeError::TooLong);
        }
        self.waiting.extend_from_slice(rest);
        Ok(whole)
    }
}

/// Read only what every message begins with; `None` when the bytes are no JSON object.
#[must_use]
pub fn header(message: &[u8]) -> Option<Header> {
    serde_json::from_slice(message).ok()
}

/// Read one message, without its end.
///
/// # Errors
/// A [`DecodeError`]; the peer is to be told with a `MessageNotAck`.
pub fn decode(message: &[u8]) -> Result<Message, DecodeError> {
    let header: Header = serde_json::from_slice(message)?;
    if header.protocol.as_deref() != Some(PROTOCOL) {
        return Err(DecodeError::OtherProtocol);
    }
    let kind = header.kind.unwrap_or_default();
    Ok(match kind.as_str() {
        "MessageAck" => Message::MessageAck(body(message)?),
        "MessageNotAck" => Message::MessageNotAck(body(message)?),
        "Version" => Message::Version(body(message)?),
        "Watchdog" => Message::Watchdog(body(message)?),
        "AggregatedStatus" => Message::AggregatedStatus(body(message)?),
        "AggregatedStatusRequest" => Message::AggregatedStatusRequest(body(message)?),
        "Alarm" => Message::Alarm(body(message)?),
        "CommandRequest" => Message::CommandRequest(body(message)?),
        "CommandResponse" => Message::CommandResponse(body(message)?),
        "StatusRequest" => Message::StatusRequest(body(message)?),
        "StatusResponse" => Message::StatusResponse(body(message)?),
        "StatusSubscribe" => Message::StatusSubscribe(body(message)?),
        "StatusUnsubscribe" => Message::StatusUnsubscribe(body(message)?),
        "StatusUpdate" => Message::StatusUpdate(body(message)?),
        _ => return Err(DecodeError::UnknownType(kind)),
    })
}

/// Straight into the message's own type: an intermediate tree would double the time.
fn body<T: DeserializeOwned>(message: &[u8]) -> Result<T, DecodeError> {
    Ok(serde_json::from_slice(message)?)
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "mType")]
    protocol: &'a str,
    #[serde(flatten)]
    message: &'a Message,
}

/// Write one message, with its end.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn encode(message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(&Envelope { protocol: PROTOCOL, message })?;
    bytes.push(FORM_FEED);
    Ok(bytes)
}

/// Write one message as this version of core has it, with its end: in 3.1.2 the aggregated status has
/// text where later versions have JSON's own booleans.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn encode_for(message: &Message, core: Core) -> Result<Vec<u8>, serde_json::Error> {
    if core > Core::V3_1_2 || !matches!(message, Message::AggregatedStatus(_)) {
        return encode(message);
    }
    let mut value = serde_json::to_value(Envelope { protocol: PROTOCOL, message })?;
    for bit in value.get_mut("se").and_then(Value::as_array_mut).into_iter().flatten() {
        *bit = bit.to_string().into();
    }
    let mut bytes = serde_json::to_vec(&value)?;
    bytes.push(FORM_FEED);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{
        Ack, AggregatedStatus, CoreVersion, Flag, SiteId, StatusSubscribe, Subscription, Version, Watchdog,
    };

    const ID: &str = "e6b9a8c0-7d2f-4c35-9a1e-2f6a5f1b0c11";

    fn messages() -> Vec<Message> {
        vec![
            Message::MessageAck(Ack { of: ID.into() }),
            Message::Watchdog(Watchdog { id: ID.into(), at: "2026-03-01T10:00:00.000Z".into() }),
            Message::Version(Version {
                id: ID.into(),
                core: vec![CoreVersion { vers: "3.2".into() }],
                sxl: "1.1".into(),
                sites: vec![SiteId { id: "RN+SI0001".into() }],
            }),
            Message::StatusSubscribe(StatusSubscribe {
                id: ID.into(),
                component: "TC".into(),
                nts_object: String::new(),
                external_nts: String::new(),
                statuses: vec![Subscription {
                    code: "S0033".into(),
                    name: "status".into(),
                    every_s: "0".into(),
                    on_change: Some(Flag::Boolean(true)),
                }],
            }),
        ]
    }

    #[test]
    fn what_is_written_is_read_again() {
        for message in messages() {
            let bytes = encode(&message).expect("writes");
            let (end, body) = bytes.split_last().expect("an end");
            assert_eq!(*end, FORM_FEED);
            assert_eq!(decode(body).expect("reads"), message);
        }
    }

    #[test]
    fn a_status_update_of_a_site_is_read() {
        let text = format!(
            r#"{{"mType":"rSMsg","type":"StatusUpdate","ntsOId":"","xNId":"","mId":"{ID}","cId":"TC",
            "sTs":"2026-03-01T10:00:00.123Z","sS":[{{"sCI":"S0033","n":"status",
            "s":[{{"r":"amb7","s":"activated"}}],"q":"recent"}}]}}"#
        );
        let Message::StatusUpdate(update) = decode(text.as_bytes()).expect("reads") else {
            panic!("an update")
        };
        assert_eq!(update.values[0].value[0]["s"], "activated");
    }

    #[test]
    fn send_on_change_is_read_as_text_and_as_boolean() {
        for (word, expected) in
            [("true", Some(true)), ("false", Some(false)), (r#""True""#, Some(true)), (r#""yes""#, None)]
        {
            let text = format!(
                r#"{{"mType":"rSMsg","type":"StatusSubscribe","mId":"{ID}","cId":"TC",
                "sS":[{{"sCI":"S0001","n":"stage","uRt":"5","sOc":{word}}}]}}"#
            );
            let Ok(Message::StatusSubscribe(subscribe)) = decode(text.as_bytes()) else {
                panic!("a subscription")
            };
            assert_eq!(subscribe.statuses[0].on_change.as_ref().and_then(Flag::is_on), expected, "{word}");
        }
    }

    #[test]
    fn the_aggregated_status_has_text_in_3_1_2_and_booleans_later_and_either_is_read() {
        let bits = [false, true, false, false, false, true, false, false];
        let status = AggregatedStatus { id: ID.into(), bits, ..AggregatedStatus::default() };
        for (core, expected) in [(Core::V3_1_2, r#"["false","true","#), (Core::V3_1_3, "[false,true,")] {
            let bytes = encode_for(&Message::AggregatedStatus(status.clone()), core).expect("writes");
            let text = String::from_utf8(bytes[..bytes.len() - 1].to_vec()).expect("text");
            assert!(text.contains(&format!(r#""se":{expected}"#)), "{text}");
            let read = decode(text.as_bytes()).expect("reads");
            assert_eq!(read, Message::AggregatedStatus(status.clone()));
            assert!(decode(text.replacen("true", "maybe", 1).as_bytes()).is_err());
        }
    }

    #[test]
    fn the_header_of_a_broken_message_is_read() {
        let text = format!(r#"{{"mType":"rSMsg","type":"Watchdog","mId":"{ID}","wTs":5}}"#);
        assert!(decode(text.as_bytes()).is_err());
        assert_eq!(header(text.as_bytes()).and_then(|header| header.id).as_deref(), Some(ID));
    }

    #[test]
    fn other_json_is_refused() {
        assert!(matches!(decode(br#"{"type":"Watchdog"}"#), Err(DecodeError::OtherProtocol)));
        assert!(matches!(decode(br#"{"mType":"rSMsg","type":"Watchdog"}"#), Err(DecodeError::Json(_))));
        let unknown = decode(br#"{"mType":"rSMsg","type":"Other"}"#);
        assert!(matches!(unknown, Err(DecodeError::UnknownType(kind)) if kind == "Other"));
        assert!(matches!(decode(b"[]"), Err(DecodeError::Json(_) | DecodeError::OtherProtocol)));
    }

    #[test]
    fn a_stream_without_end_is_given_up() {
        let mut splitter = Splitter::default();
        let block = vec![b' '; MESSAGE_MAX / 2];
        assert!(splitter.push(&block).is_ok() && splitter.push(&block).is_ok());
        assert!(matches!(splitter.push(b"x"), Err(DecodeError::TooLong)));
    }

    proptest! {
        #[test]
        fn a_stream_is_cut_the_same_however_it_comes(sizes in proptest::collection::vec(1usize..40, 1..60)) {
            let mut stream = vec![FORM_FEED, FORM_FEED];
            for message in messages() {
                stream.extend(encode(&message).expect("writes"));
                stream.extend([FORM_FEED, b'\n']);
            }
            let (mut splitter, mut whole, mut rest) = (Splitter::default(), Vec::new(), &stream[..]);
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at((*size).min(rest.len()));
                whole.extend(splitter.push(piece).expect("short"));
                rest = later;
            }
            let read: Vec<Message> = whole.iter().map(|bytes| decode(bytes).expect("reads")).collect();
            prop_assert_eq!(read, messages());
        }

        #[test]
        fn x8_no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            for message in Splitter::default().push(&bytes).unwrap_or_default() {
                let _ = decode(&message);
            }
        }
    }
}
