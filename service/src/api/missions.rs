//! Missions over the API: who drives where to, and the destination that a dispatch centre did not say.

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clearway_signals::{GeoPoint, MissionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::ApiState;
use crate::live::board::Board;
use crate::live::intake::DirectRefusal;
use crate::live::missions::MissionCard;

/// No longer request is read, bytes.
const BODY_BYTES_MAX: usize = 1024;
/// The state of a mission that goes nowhere yet, here and in a frame's waves.
pub const NO_DESTINATION: &str = "no destination";

/// The routes.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/missions", get(list_route))
        .route("/api/missions/{id}/destination", post(direct_route))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// A mission under way.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MissionDoc {
    pub id: u32,
    /// The dispatch centre's case.
    pub case: String,
    /// The dispatch centre's name of the vehicle.
    pub resource: String,
    /// The vehicle's name in the configuration.
    pub vehicle: String,
    pub label: String,
    pub duty: String,
    /// How urgent: 0 the most, 3 the least.
    pub priority: u8,
    /// `under way`, or `no destination`: it gets no green until one is named.
    pub state: &'static str,
    pub lat: Option<f64>,
    pub lon: Option<f64>,
}

impl MissionDoc {
    fn new(id: MissionId, card: &MissionCard, board: &Board) -> Self {
        Self {
            id: id.0,
            case: card.key.case.clone(),
            resource: card.key.resource.clone(),
            vehicle: board.registry().get(card.vehicle).map_or_else(String::new, |v| v.name.clone()),
            label: board.label(card.vehicle),
            duty: card.duty.clone(),
            priority: card.priority,
            state: if card.destination.is_some() { "under way" } else { NO_DESTINATION },
            lat: card.destination.map(GeoPoint::lat),
            lon: card.destination.map(GeoPoint::lon),
        }
    }
}

/// A destination, WGS 84 degrees.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub lat: f64,
    pub lon: f64,
}

#[utoipa::path(get, path = "/api/missions", responses((status = 200, body = Vec<MissionDoc>)))]
pub(super) async fn list_route(State(state): State<ApiState>) -> Json<Vec<MissionDoc>> {
    let board = state.intake.board();
    Json(board.missions().iter().map(|(id, card)| MissionDoc::new(*id, card, board)).collect())
}

#[utoipa::path(
    post, path = "/api/missions/{id}/destination", params(("id" = u32, Path, description = "The mission")),
    request_body = Destination,
    responses(
        (status = 200, body = MissionDoc),
        (status = 404, description = "No such mission, or it is over"),
        (status = 422, description = "The place is not on the globe"),
        (status = 503, description = "The engine takes nothing")
    )
)]
pub(super) async fn direct_route(
    State(state): State<ApiState>,
    Path(id): Path<u32>,
    Json(place): Json<Destination>,
) -> Response {
    let refused = |status: StatusCode, why: &str| (status, Json(json!({ "error": why }))).into_response();
    let Some(place) = GeoPoint::from_degrees(place.lat, place.lon) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "lat and lon are not on the globe");
    };
    match state.intake.direct(MissionId(id), place) {
        Ok(card) => Json(MissionDoc::new(MissionId(id), &card, state.intake.board())).into_response(),
        Err(refusal @ DirectRefusal::Unknown(_)) => refused(StatusCode::NOT_FOUND, &refusal.to_string()),
        Err(refusal @ DirectRefusal::EngineBusy) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string())
        }
    }
}
