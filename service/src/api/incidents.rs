//! Incidents over the API: closed links, what is decided around them, the GTFS Realtime feed.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use clearway_feeds::gtfs_rt::{self, Cause, FeedMessage};
use clearway_planner::detour::{Action, Decision};
use clearway_signals::{GeoPoint, Millis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::ApiState;
use crate::live::incidents::{Asked, ClosedTo, Incident, Incidents, Origin, Refusal, State as Stands};
use crate::live::publish::{Published, drawn, sentence};

/// No longer request is read, bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// No title is longer, characters.
const TITLE_CHARS_MAX: usize = 200;
/// No closure with an end lasts longer, seconds: a week.
const LASTS_MAX_S: u32 = 7 * 24 * 3_600;

/// The routes.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/incidents", get(list_route).post(open_route))
        .route("/api/incidents/{id}", delete(end_route))
        .route("/api/incidents/{id}/confirm", post(confirm_route))
        .route("/api/gtfs-rt", get(feed_route))
        .route("/api/gtfs-rt.json", get(feed_json_route))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// An incident to open. Links by their names in the model, or a place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIncident {
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// Links, by the model's ids.
    #[serde(default)]
    pub links: Vec<String>,
    /// The place, WGS 84 degrees, when no links are named.
    #[serde(default)]
    pub lat: Option<f64>,
    #[serde(default)]
    pub lon: Option<f64>,
    /// How far around the place links are closed, metres, 1 to 300; 12 unless given.
    #[serde(default)]
    pub radius_m: Option<f32>,
    /// For how long, seconds; without it until it is ended.
    #[serde(default)]
    pub lasts_s: Option<u32>,
    /// `transit` (emergency vehicles still drive there; the default) or `all`.
    #[serde(default)]
    pub closed_to: Option<String>,
    /// A cause of GTFS Realtime, such as `ACCIDENT` or `POLICE_ACTIVITY`.
    #[serde(default)]
    pub cause: Option<String>,
}

/// An incident with what was decided around it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentDoc {
    pub id: u32,
    pub title: String,
    /// `operator` or `case`.
    pub origin: &'static str,
    /// `proposed`, `active` or `ended`.
    pub state: &'static str,
    pub closed_to: &'static str,
    pub cause: &'static str,
    pub links: Vec<String>,
    /// Where it is, when it was given by a place.
    pub lon: Option<f64>,
    pub lat: Option<f64>,
    pub since: String,
    pub until: Option<String>,
    pub decisions: Vec<DecisionDoc>,
}

/// What a line, or one vehicle of it, does.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionDoc {
    pub line: String,
    pub direction: u8,
    /// The one vehicle; `null`: every trip of the line.
    pub vehicle: Option<String>,
    /// `detour`, `short_turn` or `hold`.
    pub action: &'static str,
    pub explain: String,
    pub extra_s: i64,
    /// Passenger-seconds lost by one trip.
    pub delay_pax_s: i64,
    pub skipped_stops: Vec<String>,
    pub replacement_stops: Vec<String>,
    /// The way, longitude and latitude.
    pub route: Vec<[f64; 2]>,
}

impl IncidentDoc {
    fn new(incident: &Incident, decided: &[Decision], all: &Incidents) -> Self {
        let network = all.network();
        let concerns = |d: &&Decision| {
            incident.state == Stands::Active && d.closed.iter().any(|link| incident.links.contains(link))
        };
        Self {
            id: incident.id,
            title: incident.title.clone(),
            origin: match incident.origin {
                Origin::Operator => "operator",
                Origin::Case(_) => "case",
            },
            state: match incident.state {
                Stands::Proposed => "proposed",
                Stands::Active => "active",
                Stands::Ended => "ended",
            },
            closed_to: match incident.closed_to {
                ClosedTo::All => "all",
                ClosedTo::Transit => "transit",
            },
            cause: incident.cause.word(),
            links: incident
                .links
                .iter()
                .filter_map(|link| network.links.get(link.index()))
                .map(|link| link.name.clone())
                .collect(),
            lon: incident.place.map(GeoPoint::lon),
            lat: incident.place.map(GeoPoint::lat),
            since: incident.since.iso_ms(),
            until: incident.until.map(|(_, wall)| wall.iso_ms()),
            decisions: decided.iter().filter(concerns).map(|d| DecisionDoc::new(d, all)).collect(),
        }
    }
}

impl DecisionDoc {
    fn new(decision: &Decision, all: &Incidents) -> Self {
        let (network, diversion) = (all.network(), &decision.diversion);
        let line = network.lines.get(diversion.line.index());
        let names = |stops: &[clearway_network::StopId]| {
            let known = stops.iter().filter_map(|stop| network.stops.get(stop.index()));
            known.map(|stop| stop.name.clone()).collect()
        };
        Self {
            line: line.map_or_else(String::new, |l| l.designation.clone()),
            direction: line.map_or(0, |l| l.direction),
            vehicle: decision.vehicle.map(|v| all.label(v)),
            action: action_word(diversion.action),
            explain: sentence(network, decision),
            extra_s: diversion.extra.0 / 1000,
            delay_pax_s: diversion.delay_pax_s,
            skipped_stops: names(&diversion.skipped),
            replacement_stops: names(&diversion.replacements),
            route: drawn(network, diversion),
        }
    }
}

/// The word of API and command line.
#[must_use]
pub const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Detour => "detour",
        Action::ShortTurn => "short_turn",
        Action::Hold => "hold",
    }
}

/// Every incident that is kept, the newest first.
#[must_use]
pub fn documents(all: &Incidents) -> Vec<IncidentDoc> {
    let decided = all.decided();
    all.list().iter().map(|incident| IncidentDoc::new(incident, &decided, all)).collect()
}

fn asked(new: NewIncident) -> Result<Asked, String> {
    let place = match (new.lat, new.lon) {
        (Some(lat), Some(lon)) => {
            let place = GeoPoint::from_degrees(lat, lon).ok_or("lat and lon are not on the globe")?;
            Some((place, new.radius_m))
        }
        (None, None) => None,
        _ => return Err("lat and lon are given together or not at all".into()),
    };
    let closed_to = match new.closed_to.as_deref() {
        None | Some("transit") => ClosedTo::Transit,
        Some("all") => ClosedTo::All,
        Some(other) => return Err(format!("closed_to is `transit` or `all`, not {other:?}")),
    };
    let cause = match new.cause.as_deref() {
        None => Cause::UnknownCause,
        Some(word) => Cause::of_word(word)
            .ok_or_else(|| format!("{word:?} is no cause of GTFS Realtime; one is `ACCIDENT`"))?,
    };
    if new.lasts_s.is_some_and(|s| s == 0 || s > LASTS_MAX_S) {
        return Err(format!("lasts_s is 1 to {LASTS_MAX_S}; leave it out for an open end"));
    }
    let title = new.title.unwrap_or_else(|| "Closure".into());
    if title.chars().count() > TITLE_CHARS_MAX || title.chars().any(char::is_control) {
        return Err(format!("title is one line of at most {TITLE_CHARS_MAX} characters"));
    }
    let lasts = new.lasts_s.map(|s| Millis::from_s(i64::from(s)));
    let origin = Origin::Operator;
    Ok(Asked { title, origin, closed_to, cause, links: new.links, place, lasts })
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownLink(_) | Refusal::NoLink | Refusal::TooManyLinks(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::Full => StatusCode::CONFLICT,
        Refusal::Unknown(_) => StatusCode::NOT_FOUND,
        Refusal::EngineBusy => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn answer(all: &Incidents, status: StatusCode, done: Result<Incident, Refusal>) -> Response {
    match done {
        Ok(incident) => (status, Json(IncidentDoc::new(&incident, &all.decided(), all))).into_response(),
        Err(refusal) => refused(status_of(&refusal), &refusal.to_string()),
    }
}

#[utoipa::path(get, path = "/api/incidents", responses((status = 200, body = Vec<IncidentDoc>)))]
pub(super) async fn list_route(State(state): State<ApiState>) -> Json<Vec<IncidentDoc>> {
    Json(documents(&state.incidents))
}

#[utoipa::path(
    post, path = "/api/incidents", request_body = NewIncident,
    responses((status = 201, body = IncidentDoc), (status = 422, description = "Why not, and what to do"))
)]
pub(super) async fn open_route(State(state): State<ApiState>, Json(new): Json<NewIncident>) -> Response {
    match asked(new) {
        Ok(asked) => answer(&state.incidents, StatusCode::CREATED, state.incidents.open(&asked)),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

#[utoipa::path(
    post, path = "/api/incidents/{id}/confirm", params(("id" = u32, Path, description = "The incident")),
    responses((status = 200, body = IncidentDoc), (status = 404))
)]
pub(super) async fn confirm_route(State(state): State<ApiState>, Path(id): Path<u32>) -> Response {
    answer(&state.incidents, StatusCode::OK, state.incidents.confirm(id))
}

#[utoipa::path(
    delete, path = "/api/incidents/{id}", params(("id" = u32, Path, description = "The incident")),
    responses((status = 200, body = IncidentDoc), (status = 404))
)]
pub(super) async fn end_route(State(state): State<ApiState>, Path(id): Path<u32>) -> Response {
    answer(&state.incidents, StatusCode::OK, state.incidents.end(id))
}

fn published(all: &Arc<Incidents>) -> FeedMessage {
    let (_, now) = all.now();
    let (incidents, decided) = (all.list(), all.decided());
    let service_date = all.service_date();
    Published { network: all.network(), incidents: &incidents, decided: &decided, now, service_date }.feed()
}

#[utoipa::path(get, path = "/api/gtfs-rt", responses((status = 200, description = "GTFS Realtime, protobuf")))]
pub(super) async fn feed_route(State(state): State<ApiState>) -> Response {
    let bytes = gtfs_rt::encode(&published(&state.incidents));
    ([(header::CONTENT_TYPE, gtfs_rt::MEDIA_TYPE)], bytes).into_response()
}

#[utoipa::path(get, path = "/api/gtfs-rt.json", responses((status = 200, description = "The same as JSON")))]
pub(super) async fn feed_json_route(State(state): State<ApiState>) -> Response {
    Json(published(&state.incidents)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Asked, String> {
        asked(serde_json::from_str(text).map_err(|e| e.to_string())?)
    }

    #[test]
    fn a_closure_is_read_with_its_defaults() {
        let asked = read(r#"{ "links": ["t129"], "lasts_s": 600, "cause": "ACCIDENT" }"#).unwrap();
        assert_eq!((asked.closed_to, asked.cause), (ClosedTo::Transit, Cause::Accident));
        assert_eq!(asked.lasts, Some(Millis::from_s(600)));
        let place = read(r#"{ "lat": 60.17, "lon": 24.94, "closed_to": "all" }"#).unwrap();
        assert!(place.place.is_some() && place.lasts.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_cure() {
        let why = |text| read(text).unwrap_err();
        assert!(why(r#"{ "lat": 60.0 }"#).contains("together"));
        assert!(why(r#"{ "lat": 600.0, "lon": 0.0 }"#).contains("globe"));
        assert!(why(r#"{ "cause": "FIRE" }"#).contains("ACCIDENT"));
        assert!(why(r#"{ "closed_to": "trams" }"#).contains("transit"));
        assert!(why(r#"{ "lasts_s": 0 }"#).contains("open end"));
        assert!(why(r#"{ "title": "a\nb" }"#).contains("one line"));
        assert!(why(r#"{ "street": "x" }"#).contains("unknown field"));
    }
}
