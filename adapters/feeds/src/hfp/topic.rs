//! The topic of an HFP message, level by level.

use clearway_signals::GeoPoint;

use crate::fix::TransitEvent;
use crate::registry::{HfpId, VehicleClass};
use crate::reject::Reject;

/// Levels of a topic, the empty one before the first slash included.
const LEVELS: usize = 19;
/// Requests and answers name the junction too.
const LEVELS_WITH_JUNCTION: usize = 20;

/// The events of version 2: the topic's word, and what it means.
pub(super) const EVENTS: [(&str, TransitEvent); 18] = [
    ("vp", TransitEvent::Position),
    ("due", TransitEvent::Due),
    ("arr", TransitEvent::Arrive),
    ("dep", TransitEvent::Depart),
    ("ars", TransitEvent::ArriveStop),
    ("pde", TransitEvent::ReadyToDepart),
    ("pas", TransitEvent::Pass),
    ("wait", TransitEvent::Wait),
    ("doo", TransitEvent::DoorsOpen),
    ("doc", TransitEvent::DoorsClosed),
    ("tlr", TransitEvent::SignalRequest),
    ("tla", TransitEvent::SignalAnswer),
    ("da", TransitEvent::DriverIn),
    ("dout", TransitEvent::DriverOut),
    ("ba", TransitEvent::BlockIn),
    ("bout", TransitEvent::BlockOut),
    ("vja", TransitEvent::JourneyIn),
    ("vjout", TransitEvent::JourneyOut),
];

/// What the topic says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic<'a> {
    /// The event's word, lower case.
    pub event_word: &'a str,
    pub event: TransitEvent,
    /// The class that the transport mode stands for; `None` for modes that meet no signals.
    pub class: Option<VehicleClass>,
    pub id: HfpId,
    /// GTFS direction.
    pub direction: Option<u8>,
    pub next_stop: Option<&'a str>,
    pub junction: Option<u32>,
    on_journey: bool,
    ongoing: bool,
    /// `lat;long` in whole degrees, then one pair of digits for each decimal; empty without position.
    degrees: &'a str,
    decimals: [&'a str; 3],
}

impl<'a> Topic<'a> {
    /// Reads a topic.
    ///
    /// # Errors
    /// The first level that is not as version 2 says.
    pub fn parse(topic: &'a str) -> Result<Self, Reject> {
        let mut levels = [""; LEVELS_WITH_JUNCTION + 1];
        let mut count = 0;
        for level in topic.split('/').take(levels.len()) {
            levels[count] = level;
            count += 1;
        }
        check_version(levels[2])?;
        if !levels[0].is_empty() || !(LEVELS..=LEVELS_WITH_JUNCTION).contains(&count) {
            return Err(Reject::TopicShape);
        }
        let (event_word, event) =
            EVENTS.into_iter().find(|(word, _)| *word == levels[5]).ok_or(Reject::UnknownEvent)?;
        Ok(Self {
            event_word,
            event,
            class: class(levels[6])?,
            id: format!("{}/{}", levels[7], levels[8]).parse().map_err(|_| Reject::BadVehicleNumber)?,
            direction: match levels[10] {
                "1" => Some(0),
                "2" => Some(1),
                _ => None,
            },
            next_stop: Some(levels[13]).filter(|stop| !stop.is_empty() && *stop != "EOL"),
            junction: junction(&levels[..count])?,
            on_journey: on_journey(levels[3])?,
            ongoing: ongoing(levels[4])?,
            degrees: levels[15],
            decimals: [levels[16], levels[17], levels[18]],
        })
    }

    /// Whether the vehicle is on a journey with passengers, now.
    pub fn in_service(&self) -> bool {
        let leaves =
            matches!(self.event, TransitEvent::DriverOut | TransitEvent::BlockOut | TransitEvent::JourneyOut);
        self.on_journey && self.ongoing && !leaves
    }

    /// Whether the topic's place is the payload's, truncated (not rounded) to as many decimals.
    pub fn geohash_fits(&self, place: GeoPoint) -> bool {
        let Some((lat, lon)) = self.degrees.split_once(';') else { return false };
        let pairs = self.decimals.into_iter().take_while(|pair| !pair.is_empty());
        let (mut lat_digits, mut lon_digits) = ([0_u8; 3], [0_u8; 3]);
        let mut given = 0;
        for pair in pairs {
            let &[a, b] = pair.as_bytes() else { return false };
            (lat_digits[given], lon_digits[given]) = (a, b);
            given += 1;
        }
        fits(lat, &lat_digits[..given], place.lat_e7) && fits(lon, &lon_digits[..given], place.lon_e7)
    }
}

/// Whether whole degrees and decimals are the beginning of a coordinate.
fn fits(degrees: &str, decimals: &[u8], coordinate_e7: i32) -> bool {
    let whole_and_decimals = coordinate_e7.unsigned_abs();
    let negative = degrees.starts_with('-');
    let whole = degrees.strip_prefix('-').unwrap_or(degrees).parse::<u32>().ok();
    let mut unit = 10_000_000;
    whole == Some(whole_and_decimals / unit)
        && (negative == (coordinate_e7 < 0) || whole_and_decimals < unit)
        && decimals.iter().all(|digit| {
            let rest = whole_and_decimals % unit;
            unit /= 10;
            u32::from(digit.wrapping_sub(b'0')) == rest / unit
        })
}

fn check_version(level: &str) -> Result<(), Reject> {
    if level == "v2" { Ok(()) } else { Err(Reject::UnsupportedVersion) }
}

fn on_journey(level: &str) -> Result<bool, Reject> {
    match level {
        "journey" => Ok(true),
        "deadrun" | "signoff" => Ok(false),
        _ => Err(Reject::UnknownJourneyType),
    }
}

fn ongoing(level: &str) -> Result<bool, Reject> {
    match level {
        "ongoing" => Ok(true),
        "upcoming" => Ok(false),
        _ => Err(Reject::UnknownTemporalType),
    }
}

fn class(mode: &str) -> Result<Option<VehicleClass>, Reject> {
    match mode {
        "tram" => Ok(Some(VehicleClass::Tram)),
        "bus" | "ubus" | "robot" => Ok(Some(VehicleClass::Bus)),
        "train" | "ferry" | "metro" => Ok(None),
        _ => Err(Reject::UnknownMode),
    }
}

fn junction(levels: &[&str]) -> Result<Option<u32>, Reject> {
    match levels.get(LEVELS) {
        None | Some(&"") => Ok(None),
        Some(sid) => sid.parse().map(Some).map_err(|_| Reject::TopicShape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str =
        "/hfp/v2/journey/ongoing/vp/tram/0040/00407/1004 4/2/Munkkiniemi/12:50/EOL/4/60;24/17/28/39";

    fn check(from: &str, to: &str, expect: Reject) {
        assert_eq!(Topic::parse(&TOPIC.replace(from, to)).map(|_| ()), Err(expect), "{from} -> {to}");
    }

    #[test]
    fn a_topic_of_version_2_is_read() {
        let topic = Topic::parse(TOPIC).unwrap();
        assert_eq!(topic.event, TransitEvent::Position);
        assert_eq!(topic.id, HfpId { operator: 40, vehicle: 407 });
        assert_eq!((topic.direction, topic.next_stop, topic.junction), (Some(1), None, None));
        assert!(topic.in_service());
    }

    #[test]
    fn each_wrong_level_has_its_own_reason() {
        check("/v2", "", Reject::UnsupportedVersion);
        check("/v2", "/v3", Reject::UnsupportedVersion);
        check("journey", "joyride", Reject::UnknownJourneyType);
        check("ongoing", "later", Reject::UnknownTemporalType);
        check("/vp/", "/evche/", Reject::UnknownEvent);
        check("tram", "tank", Reject::UnknownMode);
        check("00407", "0040x", Reject::BadVehicleNumber);
        check("/39", "", Reject::TopicShape);
        check("/39", "/39/75/1", Reject::TopicShape);
        check("/39", "/39/x", Reject::TopicShape);
    }

    #[test]
    fn the_geohash_is_truncated_not_rounded() {
        let fits =
            |lat, lon| Topic::parse(TOPIC).unwrap().geohash_fits(GeoPoint::from_degrees(lat, lon).unwrap());
        assert!(fits(60.123_9, 24.789_9));
        assert!(fits(60.123, 24.789));
        assert!(!fits(60.124, 24.789));
        assert!(!fits(60.123, 24.788_999));
        assert!(!fits(-60.123, 24.789));
        let without = TOPIC.replace("4/60;24/17/28/39", "0////");
        let place = GeoPoint::from_degrees(60.123, 24.789).unwrap();
        assert!(!Topic::parse(&without).unwrap().geohash_fits(place));
    }
}
