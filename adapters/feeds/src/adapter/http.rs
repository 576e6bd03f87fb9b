//! Hub messages over HTTP: `POST /hub`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::{Value, json};

use crate::MESSAGE_BYTES_MAX;
use crate::hub::{self, Fault, Outcome};
use crate::reject::Reject;

use super::Outlet;

/// A bearer token. It never shows itself (invariant X6).
#[derive(Clone)]
pub struct BearerToken(String);

impl BearerToken {
    /// From a secret; white space around it does not count.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(secret.trim().to_owned())
    }

    /// Compares in a time that depends on the lengths alone.
    fn admits(&self, shown: &str) -> bool {
        let difference =
            self.0.bytes().zip(shown.bytes()).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        !self.0.is_empty() && self.0.len() == shown.len() && difference == 0
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// The endpoint.
struct Endpoint {
    hub: Mutex<hub::State>,
    token: Option<BearerToken>,
    outlet: Outlet,
}

/// A router with `POST /hub`. With a token, requests must carry `Authorization: Bearer …`.
///
/// Answers 202 with what was taken and refused, 400 when nothing could be taken (place, reason and
/// cure in the body), 401 without the token, 413 beyond 64 KiB.
pub fn router(hub: hub::State, token: Option<BearerToken>, outlet: Outlet) -> Router {
    let endpoint = Endpoint { hub: Mutex::new(hub), token, outlet };
    Router::new()
        .route("/hub", post(receive))
        .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX))
        .with_state(Arc::new(endpoint))
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    if !endpoint.admits(&headers) {
        let fault = endpoint.refuse(Fault::whole(Reject::Unauthorized));
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], fault).into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let fault = endpoint.refuse(Fault::whole(Reject::TooLong));
            return (StatusCode::PAYLOAD_TOO_LARGE, fault).into_response();
        }
        Err(error) => {
            let fault = endpoint.refuse(Fault::whole(Reject::Malformed));
            return (error.status(), fault).into_response();
        }
    };
    match endpoint.parse(&body) {
        Ok(outcome) => endpoint.answer(outcome),
        Err(fault) => (StatusCode::BAD_REQUEST, endpoint.refuse(fault)).into_response(),
    }
}

impl Endpoint {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|shown| token.admits(shown))
    }

    fn parse(&self, body: &[u8]) -> Result<Outcome, Fault> {
        let at = self.outlet.arrival();
        // A panic in another request leaves the memory usable: each update is whole by itself.
        let mut hub = self.hub.lock().unwrap_or_else(PoisonError::into_inner);
        hub::parse(body, &mut hub, at)
    }

    fn refuse(&self, fault: Fault) -> Json<Value> {
        self.outlet.tally.reject(fault.reject);
        Json(json!({"accepted": 0, "refused": [describe(&fault)]}))
    }

    fn answer(&self, outcome: Outcome) -> Response {
        for event in outcome.events {
            self.outlet.give(Ok(event));
        }
        for fault in &outcome.refused {
            self.outlet.tally.reject(fault.reject);
        }
        let refused: Vec<Value> = outcome.refused.iter().map(describe).collect();
        let nothing_taken = outcome.accepted == 0 && !refused.is_empty();
        let status = if nothing_taken { StatusCode::BAD_REQUEST } else { StatusCode::ACCEPTED };
        (status, Json(json!({"accepted": outcome.accepted, "refused": refused}))).into_response()
    }
}

fn describe(fault: &Fault) -> Value {
    json!({
        "place": fault.place,
        "reason": fault.reject.word(),
        "meaning": fault.reject.meaning(),
        "cure": fault.reject.cure(),
    })
}
