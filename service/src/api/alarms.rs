//! Alarms over the API: those of a controller, and what an operator does about one.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use clearway_rsmp::adapter::{AlarmDone, AlarmError};
use clearway_signals::{ControllerId, Millis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::ApiState;
use super::frame::AlarmDoc;
use crate::live::alarms::{Act, Refusal};

/// No longer request is read, bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// No reason is longer, characters.
const REASON_CHARS_MAX: usize = 200;
/// A suspension lasts a shift unless told otherwise, seconds…
const LASTS_S: u32 = 8 * 3_600;
/// …a minute at least and a week at most.
const LASTS_MIN_S: u32 = 60;
const LASTS_MAX_S: u32 = 7 * 24 * 3_600;

/// The routes.
pub fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/controllers/{id}/alarms", get(list_route).post(act_route))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// What is done about an alarm.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmAct {
    /// The component that it is of, as the list of alarms has it.
    pub component: String,
    /// Its code.
    pub code: String,
    /// `acknowledge`, `suspend` or `resume`.
    pub action: String,
    /// Why it is suspended, one line.
    #[serde(default)]
    pub reason: Option<String>,
    /// For how long it is suspended, seconds, 60 to 604800; 28800 (a shift) unless given.
    #[serde(default)]
    pub lasts_s: Option<u32>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmsDone {
    /// The site shows it; `false`: the site took it and has not yet shown it.
    pub shown: bool,
    /// The controller's alarms after it.
    pub alarms: Vec<AlarmDoc>,
}

fn read(act: &AlarmAct) -> Result<Act, String> {
    let suspends = act.action == "suspend";
    if !suspends && (act.reason.is_some() || act.lasts_s.is_some()) {
        return Err("reason and lasts_s belong to `suspend` alone".into());
    }
    match act.action.as_str() {
        "acknowledge" => Ok(Act::Acknowledge),
        "resume" => Ok(Act::Resume),
        "suspend" => {
            let reason = act.reason.as_deref().map(str::trim).unwrap_or_default();
            if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
                return Err(format!("a suspension needs a reason of 1 to {REASON_CHARS_MAX} characters"));
            }
            if reason.chars().any(char::is_control) {
                return Err("reason is one line".into());
            }
            let lasts_s = act.lasts_s.unwrap_or(LASTS_S);
            if !(LASTS_MIN_S..=LASTS_MAX_S).contains(&lasts_s) {
                return Err(format!("lasts_s is {LASTS_MIN_S} to {LASTS_MAX_S}"));
            }
            Ok(Act::Suspend { reason: reason.into(), lasts: Millis::from_s(i64::from(lasts_s)) })
        }
        other => Err(format!("action is `acknowledge`, `suspend` or `resume`, not {other:?}")),
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::UnknownController(_) | Refusal::Site(_, AlarmError::Unknown(..)) => StatusCode::NOT_FOUND,
        Refusal::NoSite(_) | Refusal::Site(_, AlarmError::Unsent(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Full | Refusal::Site(_, AlarmError::Refused(_)) => StatusCode::CONFLICT,
        Refusal::Site(_, AlarmError::NotConnected) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Site(_, AlarmError::NoAnswer) => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[utoipa::path(
    get, path = "/api/controllers/{id}/alarms", params(("id" = u16, Path, description = "The controller")),
    responses((status = 200, body = Vec<AlarmDoc>), (status = 404))
)]
pub(super) async fn list_route(State(state): State<ApiState>, Path(id): Path<u16>) -> Response {
    match state.alarms.of(ControllerId(id)) {
        Ok(alarms) => Json(alarms).into_response(),
        Err(refusal) => refused(status_of(&refusal), &refusal.to_string()),
    }
}

#[utoipa::path(
    post, path = "/api/controllers/{id}/alarms", params(("id" = u16, Path, description = "The controller")),
    request_body = AlarmAct,
    responses(
        (status = 200, body = AlarmsDone), (status = 202, body = AlarmsDone),
        (status = 404, description = "No such controller or alarm"),
        (status = 409, description = "The site refused, and why"),
        (status = 422, description = "What is wrong with the request"),
        (status = 503, description = "The site is not connected"),
        (status = 504, description = "The site did not answer")
    )
)]
pub(super) async fn act_route(
    State(state): State<ApiState>,
    Path(id): Path<u16>,
    body: Result<Json<AlarmAct>, JsonRejection>,
) -> Response {
    let asked = match body {
        Ok(Json(asked)) => asked,
        Err(rejection) => return refused(rejection.status(), &rejection.body_text()),
    };
    let act = match read(&asked) {
        Ok(act) => act,
        Err(why) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    };
    let controller = ControllerId(id);
    match state.alarms.act(controller, &asked.component, &asked.code, act).await {
        Ok(done) => {
            let shown = done == AlarmDone::Shown;
            let alarms = state.alarms.of(controller).unwrap_or_default();
            let status = if shown { StatusCode::OK } else { StatusCode::ACCEPTED };
            (status, Json(AlarmsDone { shown, alarms })).into_response()
        }
        Err(refusal) => refused(status_of(&refusal), &refusal.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(rest: &str) -> Result<Act, String> {
        let text = format!(r#"{{ "component": "TC", "code": "A0001", {rest} }}"#);
        read(&serde_json::from_str(&text).map_err(|error| error.to_string())?)
    }

    #[test]
    fn a_suspension_lasts_a_shift_unless_told_otherwise() {
        let lasts = |rest: &str| match asked(rest) {
            Ok(Act::Suspend { lasts, .. }) => lasts,
            other => panic!("{other:?}"),
        };
        assert_eq!(lasts(r#""action": "suspend", "reason": "works""#), Millis::from_s(28_800));
        assert_eq!(lasts(r#""action": "suspend", "reason": "works", "lasts_s": 60"#), Millis::from_s(60));
        assert_eq!(asked(r#""action": "acknowledge""#), Ok(Act::Acknowledge));
        assert_eq!(asked(r#""action": "resume""#), Ok(Act::Resume));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_cure() {
        let why = |rest: &str| asked(rest).expect_err(rest);
        assert!(why(r#""action": "ignore""#).contains("acknowledge"));
        assert!(why(r#""action": "suspend""#).contains("reason"));
        assert!(why(r#""action": "suspend", "reason": "  ""#).contains("reason"));
        assert!(why(r#""action": "suspend", "reason": "a\nb""#).contains("one line"));
        assert!(why(r#""action": "suspend", "reason": "a", "lasts_s": 5"#).contains("604800"));
        assert!(why(r#""action": "resume", "lasts_s": 60"#).contains("suspend"));
        assert!(why(r#""action": "resume", "who": "me""#).contains("unknown field"));
    }
}
