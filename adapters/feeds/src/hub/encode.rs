//! Hub messages as a dispatch centre or a vehicle's box sends them.

use clearway_signals::GeoPoint;
use serde_json::{Map, Value, json};

use crate::outgoing::Outgoing;
use crate::wall::WallMs;

use super::geo_pos::{ENGAGED, MPS_PER_KMH};
use super::missions::Status;
use super::rc_ri::STATUSES;

/// How long an envelope stays valid, milliseconds.
const EXPIRY_MS: i64 = 300_000;

/// A vehicle of a case, as RC-RI lists it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ResourceOut<'a> {
    /// Resource id.
    pub resource_id: &'a str,
    /// What it is doing.
    pub status: Status,
    /// Since when.
    pub since: WallMs,
    /// Where it is, if that is to be said.
    pub position: Option<Outgoing<'a>>,
}

/// GEO-POS: one position for each vehicle, with its status where the format has a word for it.
#[must_use]
pub fn encode_geo_pos(vehicles: &[(Outgoing<'_>, Option<Status>)]) -> String {
    let positions: Vec<Value> = vehicles
        .iter()
        .map(|(out, status)| {
            let mut position = json!({
                "resourceId": out.external_id,
                "datetime": out.wall.iso_hub(),
                "coord": coord(out.place),
                "speed": speed_kmh(out),
                "cap": out.heading_deg,
                "move": if out.speed_mps > 0.0 { "MOBILE" } else { "STATIQUE" },
                "engineOn": true,
            });
            let word = status.and_then(|status| word(&ENGAGED, status));
            if let (Some(word), Some(object)) = (word, position.as_object_mut()) {
                object.insert("engagedStatus".into(), json!(word));
            }
            position
        })
        .collect();
    json!({"geoPositionsUpdate": {"position": positions}}).to_string()
}

/// RC-RI: the vehicles of a case.
#[must_use]
pub fn encode_rc_ri(case: &str, resources: &[ResourceOut<'_>]) -> String {
    let resources: Vec<Value> = resources
        .iter()
        .map(|resource| {
            let since = resource.since.iso_hub();
            let mut object = json!({
                "datetime": since,
                "resourceId": resource.resource_id,
                "vehicleType": "SIS",
                "state": {"datetime": since, "status": word(&STATUSES, resource.status), "availability": false},
            });
            if let (Some(out), Some(object)) = (&resource.position, object.as_object_mut()) {
                let position = json!({
                    "datetime": out.wall.iso_hub(),
                    "speed": speed_kmh(out),
                    "coord": coord(out.place),
                });
                object.insert("position".into(), position);
            }
            object
        })
        .collect();
    json!({"resourcesInfoCisu": {"caseId": case, "resource": resources}}).to_string()
}

/// RC-EDA: a case with its nature and its place.
#[must_use]
pub fn encode_rc_eda(case: &str, code: &str, label: &str, place: GeoPoint, wall: WallMs) -> String {
    let created = wall.iso_hub();
    json!({"createCase": {
        "caseId": case,
        "creation": created,
        "referenceVersion": "2.01.3",
        "qualification": {"whatsHappen": {"code": code, "label": label}},
        "location": {
            "locID": "1",
            "country": "FI",
            "geometry": {
                "datetime": created,
                "point": {"coord": {"lat": place.lat(), "lon": place.lon(), "precision": "ADRESSE"}},
            },
        },
    }})
    .to_string()
}

/// A message in its EDXL-DE envelope; `None` when `message` is no JSON object.
#[must_use]
pub fn wrap(message: &str, sender: &str, distribution_id: &str, wall: WallMs) -> Option<String> {
    let mut inner: Map<String, Value> = serde_json::from_str(message).ok()?;
    let sent = wall.iso_hub();
    let party = json!({"name": sender, "URI": format!("clearway:{sender}")});
    let header = [
        ("messageId", json!(distribution_id)),
        ("sender", party.clone()),
        ("sentAt", json!(sent)),
        ("kind", json!("Report")),
        ("status", json!("Actual")),
        ("recipient", json!([party])),
    ];
    inner.extend(header.map(|(name, value)| (name.to_owned(), value)));
    let envelope = json!({
        "senderID": sender,
        "distributionID": distribution_id,
        "dateTimeSent": sent,
        "dateTimeExpires": wall.plus_ms(EXPIRY_MS).iso_hub(),
        "distributionStatus": "Actual",
        "distributionKind": "Report",
        "descriptor": {
            "language": "fr-FR",
            "explicitAddress": {"explicitAddressScheme": "hubex", "explicitAddressValue": sender},
        },
        "content": [{"jsonContent": {"embeddedJsonContent": {"message": inner}}}],
    });
    Some(envelope.to_string())
}

fn coord(place: GeoPoint) -> Value {
    json!({"lat": place.lat(), "lon": place.lon()})
}

fn speed_kmh(out: &Outgoing<'_>) -> f64 {
    f64::from(out.speed_mps) / MPS_PER_KMH
}

fn word(words: &[(&'static str, Status)], status: Status) -> Option<&'static str> {
    words.iter().find(|(_, known)| *known == status).map(|(word, _)| *word)
}
