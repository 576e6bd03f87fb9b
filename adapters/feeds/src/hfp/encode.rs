//! HFP messages as a vehicle sends them.

use serde_json::{Map, Value, json};

use crate::fix::{PriorityLevel, RequestType, TransitEvent};
use crate::outgoing::Outgoing;
use crate::registry::{HfpId, IdentityError, VehicleClass};

use super::topic::EVENTS;

/// A message ready for the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The payload, JSON.
    pub payload: String,
}

/// The journey that a transit vehicle is on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Journey<'a> {
    /// Tram or bus.
    pub class: VehicleClass,
    /// What passengers call the line.
    pub line: &'a str,
    /// GTFS direction, 0 or 1.
    pub direction: u8,
    /// The destination sign.
    pub headsign: &'a str,
    /// Start of the journey, `HH:MM`.
    pub start: &'a str,
    /// Next stop; `None` after the last.
    pub next_stop: Option<&'a str>,
    /// Seconds behind the timetable.
    pub lateness_s: Option<i32>,
    /// Whether a door is open.
    pub doors_open: bool,
}

/// What the message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Say {
    /// Any event but request and answer.
    Event(TransitEvent),
    /// A request for priority.
    Request {
        /// Junction (`sid`).
        junction: u32,
        /// Signal group.
        signal_group: i32,
        /// Number of the request.
        request_id: u8,
        /// What about.
        kind: RequestType,
        /// How much.
        level: PriorityLevel,
    },
    /// An answer to a request.
    Answer {
        /// Junction, in the topic only.
        junction: u32,
        /// Number of the request.
        request_id: u8,
        /// ACK or NAK.
        acknowledged: bool,
    },
}

impl Say {
    fn event(self) -> TransitEvent {
        match self {
            Self::Event(event) => event,
            Self::Request { .. } => TransitEvent::SignalRequest,
            Self::Answer { .. } => TransitEvent::SignalAnswer,
        }
    }

    fn junction(self) -> Option<u32> {
        match self {
            Self::Event(_) => None,
            Self::Request { junction, .. } | Self::Answer { junction, .. } => Some(junction),
        }
    }
}

/// The message of a vehicle whose `external_id` is `operator/number`.
///
/// # Errors
/// When the id is not that.
pub fn encode(out: &Outgoing<'_>, journey: &Journey<'_>, say: Say) -> Result<Message, IdentityError> {
    let id: HfpId = out.external_id.parse()?;
    let word = EVENTS.iter().find(|(_, event)| *event == say.event()).map_or("vp", |(word, _)| word);
    let place = [out.place.lat_e7, out.place.lon_e7].map(to_six_decimals);
    let mut body = common(out, journey, id, place);
    add_request(&mut body, say);
    let mut payload = Map::new();
    payload.insert(word.to_ascii_uppercase(), Value::Object(body));
    Ok(Message { topic: topic(word, journey, id, place, say), payload: Value::Object(payload).to_string() })
}

/// HFP shows six decimals; both the payload and the topic derive from the same rounded value.
fn to_six_decimals(coordinate_e7: i32) -> i32 {
    let half = if coordinate_e7 < 0 { -5 } else { 5 };
    coordinate_e7.saturating_add(half) / 10
}

fn common(out: &Outgoing<'_>, journey: &Journey<'_>, id: HfpId, place: [i32; 2]) -> Map<String, Value> {
    let rounded = |value: f32, unit: f64| (f64::from(value) * unit).round() / unit;
    let [lat, long] = place.map(|coordinate_e6| f64::from(coordinate_e6) / 1e6);
    let body = json!({
        "desi": journey.line,
        "dir": (journey.direction + 1).to_string(),
        "oper": id.operator,
        "veh": id.vehicle,
        "tst": out.wall.iso_ms(),
        "tsi": out.wall.0.div_euclid(1000),
        "spd": rounded(out.speed_mps, 100.0),
        "hdg": rounded(out.heading_deg, 1.0),
        "lat": lat,
        "long": long,
        "dl": journey.lateness_s.map(i32::saturating_neg),
        "drst": i32::from(journey.doors_open),
        "oday": out.wall.date(),
        "start": journey.start,
        "loc": "GPS",
        "stop": journey.next_stop.and_then(|stop| stop.parse::<u32>().ok()),
        "route": journey.line,
        "occu": 0,
    });
    match body {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn add_request(body: &mut Map<String, Value>, say: Say) {
    match say {
        Say::Event(_) => {}
        Say::Request { junction, signal_group, request_id, kind, level } => {
            let kind = match kind {
                RequestType::Normal => "NORMAL",
                RequestType::DoorClose => "DOOR_CLOSE",
                RequestType::DoorOpen => "DOOR_OPEN",
                RequestType::Advance => "ADVANCE",
            };
            let level = match level {
                PriorityLevel::Normal => "normal",
                PriorityLevel::High => "high",
            };
            body.insert("sid".into(), json!(junction));
            body.insert("signal-groupid".into(), json!(signal_group));
            body.insert("tlp-requestid".into(), json!(request_id));
            body.insert("tlp-requesttype".into(), json!(kind));
            body.insert("tlp-prioritylevel".into(), json!(level));
            body.insert("tlp-protocol".into(), json!("KAR-MQTT"));
        }
        Say::Answer { request_id, acknowledged, .. } => {
            body.insert("tlp-requestid".into(), json!(request_id));
            body.insert("tlp-decision".into(), json!(if acknowledged { "ACK" } else { "NAK" }));
        }
    }
}

fn topic(word: &str, journey: &Journey<'_>, id: HfpId, place: [i32; 2], say: Say) -> String {
    let mode = if journey.class == VehicleClass::Bus { "bus" } else { "tram" };
    let [lat, lon] = place;
    let whole = |coordinate_e6: i32| {
        let sign = if coordinate_e6 < 0 { "-" } else { "" };
        format!("{sign}{}", coordinate_e6.unsigned_abs() / 1_000_000)
    };
    let digit = |coordinate_e6: i32, unit: u32| coordinate_e6.unsigned_abs() / unit % 10;
    let pair = |unit| format!("{}{}", digit(lat, unit), digit(lon, unit));
    let levels = [
        String::new(),
        "hfp/v2/journey/ongoing".to_owned(),
        word.to_owned(),
        mode.to_owned(),
        id.to_string(),
        level(journey.line),
        (journey.direction + 1).to_string(),
        level(journey.headsign),
        level(journey.start),
        journey.next_stop.map_or_else(|| "EOL".to_owned(), level),
        "5".to_owned(),
        format!("{};{}", whole(lat), whole(lon)),
        pair(100_000),
        pair(10_000),
        pair(1_000),
    ];
    let topic = levels.join("/");
    say.junction().map_or_else(|| topic.clone(), |junction| format!("{topic}/{junction}"))
}

/// A text as one topic level: what separates levels or is a wildcard becomes a space.
fn level(text: &str) -> String {
    text.replace(['/', '+', '#'], " ")
}
