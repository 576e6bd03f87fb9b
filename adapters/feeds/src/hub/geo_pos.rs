//! GEO-POS: where vehicles are.

use crate::fix::{Arrival, FeedEvent};
use crate::plausible::{self, Candidate};
use crate::reject::Reject;
use crate::wall::{self, WallMs};

use super::json::{Fault, Node};
use super::missions::{Report, Status};
use super::{Element, State};

/// Metres a second in one km/h.
pub(super) const MPS_PER_KMH: f64 = 1.0 / 3.6;
/// The hub's times are whole seconds.
const RESOLUTION_MS: i64 = 1000;
/// A vehicle that stands still reports seldom; its last position stays true this long.
const STANDING_AGE_MAX_MS: i64 = 300_000;

const FIELDS: [&str; 10] = [
    "resourceId",
    "datetime",
    "coord",
    "speed",
    "cap",
    "move",
    "engineOn",
    "groundStatus",
    "status",
    "engagedStatus",
];

/// `engagedStatus`: the words, and what they say about the mission.
pub(super) const ENGAGED: [(&str, Status); 10] = [
    ("ALERTEE", Status::Assigned),
    ("PARTIE", Status::UnderWay),
    ("ARRIVEE_LIEU", Status::Arrived),
    ("TRANSPORT_DESTINATION", Status::Transporting),
    ("ARRIVEE_DESTINATION", Status::Arrived),
    ("RETOUR_DISPONIBLE", Status::Returning),
    ("RETOUR_INDISPONIBLE", Status::Returning),
    ("FIN_MED", Status::Returning),
    ("QUITTE_DESTINATION", Status::Returning),
    ("ARRIVEE_CENTRE", Status::Returning),
];

/// Reads one `position`.
pub(super) fn read(position: &Node<'_>, state: &mut State, at: Arrival) -> Result<Element, Fault> {
    position.only(&FIELDS)?;
    if let Some(ground) = position.get("groundStatus") {
        return Err(ground.fault(Reject::Helicopter));
    }
    let resource = position.need("resourceId")?;
    let vehicle = state.vehicle(&resource)?;
    let time = time(&position.need("datetime")?)?;
    word_of(position, "status", &["DISPONIBLE", "INDISPONIBLE", "INCONNU"])?;
    let standing = word_of(position, "move", &["MOBILE", "STATIQUE"])? == Some("STATIQUE");
    let status = engaged(position)?;
    let candidate = Candidate {
        source_time: Some(time),
        resolution_ms: RESOLUTION_MS,
        stale_max_ms: standing.then_some(STANDING_AGE_MAX_MS),
        place: place(&position.need("coord")?)?,
        heading_deg: position.number_of("cap")?,
        speed_mps: position.number_of("speed")?.map(|kmh| kmh * MPS_PER_KMH),
        degraded: false,
    };
    let judged = state.plausibility.judge(vehicle, &candidate, at);
    let mut element = Element::default();
    // A refused position starts nothing; that a mission is over is believed all the same.
    if let Some(status) = status.filter(|status| judged.is_ok() || !status.is_moving()) {
        let report = Report {
            vehicle,
            resource: resource.text()?,
            case: None,
            status,
            time: time.min(at.wall),
            received: at.received,
        };
        element.events.extend(state.missions.report(&report).into_iter().map(FeedEvent::Mission));
    }
    match judged {
        Ok(fix) => element.events.insert(0, FeedEvent::Fix(fix)),
        Err(reject) if element.events.is_empty() => return Err(position.fault(reject)),
        Err(reject) => element.refused = Some(position.fault(reject)),
    }
    Ok(element)
}

fn engaged(position: &Node<'_>) -> Result<Option<Status>, Fault> {
    let Some(node) = position.get("engagedStatus") else { return Ok(None) };
    let word = node.text()?;
    let known = ENGAGED.iter().find(|(known, _)| *known == word);
    known.map(|(_, status)| Some(*status)).ok_or_else(|| node.fault(Reject::UnknownWord))
}

fn word_of<'a>(node: &Node<'a>, name: &str, words: &[&str]) -> Result<Option<&'a str>, Fault> {
    let Some(child) = node.get(name) else { return Ok(None) };
    let word = child.text()?;
    if words.contains(&word) { Ok(Some(word)) } else { Err(child.fault(Reject::UnknownWord)) }
}

/// A time of the hub.
pub(super) fn time(node: &Node<'_>) -> Result<WallMs, Fault> {
    wall::parse_hub(node.text()?).ok_or_else(|| node.fault(Reject::BadTime))
}

/// A `coord` of a position: latitude, longitude, perhaps a height, nothing else.
pub(super) fn place(coord: &Node<'_>) -> Result<clearway_signals::GeoPoint, Fault> {
    coord.only(&["lat", "lon", "height"])?;
    let (lat, lon) = (coord.need("lat")?.number()?, coord.need("lon")?.number()?);
    plausible::place(lat, lon).map_err(|reject| coord.fault(reject))
}
