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
use crate::fix::{FeedEvent, MissionChange};
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
        let pending: Vec<Value> = outcome.events.iter().filter_map(pending).collect();
        for event in outcome.events {
            self.outlet.give(Ok(event));
        }
        for fault in &outcome.refused {
            self.outlet.tally.reject(fault.reject);
        }
        let refused: Vec<Value> = outcome.refused.iter().map(describe).collect();
        let nothing_taken = outcome.accepted == 0 && !refused.is_empty();
        let status = if nothing_taken { StatusCode::BAD_REQUEST } else { StatusCode::ACCEPTED };
        let mut answer = json!({"accepted": outcome.accepted, "refused": refused});
        if !pending.is_empty() {
            answer["pending"] = pending.into();
        }
        (status, Json(answer)).into_response()
    }
}

/// A mission that was understood and can be served only once it is known where it goes: the hub's
/// messages have no field for where a patient is taken.
fn pending(event: &FeedEvent) -> Option<Value> {
    let FeedEvent::Mission(update) = event else { return None };
    let MissionChange::Start { destination: None, .. } = update.kind else { return None };
    Some(json!({
        "case": update.key.case,
        "resource": update.key.resource,
        "reason": "no_destination",
        "meaning": "The vehicle is under way and nobody has said where to; it gets no green yet.",
        "cure": "Send the case's place by RC-EDA when it drives to the scene; name the destination by \
                 POST /api/missions/{id}/destination of the engine when it transports (docs/api.md).",
    }))
}

fn describe(fault: &Fault) -> Value {
    json!({
        "place": fault.place,
        "reason": fault.reject.word(),
        "meaning": fault.reject.meaning(),
        "cure": fault.reject.cure(),
    })
}

#[cfg(test)]
mod tests {
    use clearway_signals::GeoPoint;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::testing::{NOW, outlet};
    use super::*;
    use crate::outgoing::Outgoing;
    use crate::plausible::{GeoBox, Rules};
    use crate::registry::{Registry, Vehicle, VehicleClass};

    const RESOURCE: &str = "fi.fire.helsinki.resource.HEL101";

    fn state() -> hub::State {
        let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
        engine.hub_resource_id = Some(RESOURCE.to_owned());
        hub::State::new(Arc::new(Registry::new(vec![engine]).unwrap()), Rules::within(GeoBox::GLOBE))
    }

    fn position() -> String {
        let place = GeoPoint::from_degrees(60.17, 24.94).unwrap();
        let out = Outgoing { external_id: RESOURCE, place, speed_mps: 9.0, heading_deg: 90.0, wall: NOW };
        hub::encode_geo_pos(&[(out, None)])
    }

    /// Sends one request to a fresh endpoint; gives status line and body.
    async fn post(token: Option<&str>, shown: Option<&str>, body: &str) -> (String, String, Vec<FeedEvent>) {
        let (outlet, mut events) = outlet();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router(state(), token.map(BearerToken::new), outlet);
        let task = tokio::spawn(async move { axum::serve(listener, service).await });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let authorization =
            shown.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "POST /hub HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The endpoint may answer and close before it has read a body that is too long.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        task.abort();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let mut given = Vec::new();
        while let Ok((event, _)) = events.try_recv() {
            given.push(event);
        }
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned(), given)
    }

    #[tokio::test]
    async fn a_good_message_is_accepted_and_handed_over() {
        let (status, body, events) = post(None, None, &position()).await;
        assert_eq!(
            (status.as_str(), body.as_str()),
            ("HTTP/1.1 202 Accepted", r#"{"accepted":1,"refused":[]}"#)
        );
        assert!(matches!(events.as_slice(), [FeedEvent::Fix(_)]));
    }

    #[tokio::test]
    async fn a_faulty_message_is_answered_with_place_and_cure() {
        let (status, body, events) = post(None, None, &position().replace("HEL101", "HEL9")).await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request");
        assert!(
            body.contains("geoPositionsUpdate.position[0].resourceId") && body.contains("[[vehicle]]"),
            "{body}"
        );
        assert!(events.is_empty());
    }

    #[tokio::test]
    async fn a_transport_is_answered_as_pending_until_its_destination_is_named() {
        let resource =
            |status| hub::ResourceOut { resource_id: RESOURCE, status, since: NOW, position: None };
        let transport = hub::encode_rc_ri("fi.fire.case.1", &[resource(hub::Status::Transporting)]);
        let (status, body, events) = post(None, None, &transport).await;
        assert_eq!(status, "HTTP/1.1 202 Accepted");
        let body: Value = serde_json::from_str(&body).unwrap();
        let pending = &body["pending"][0];
        assert_eq!((&body["accepted"], &pending["reason"]), (&1.into(), &"no_destination".into()));
        assert_eq!((&pending["case"], &pending["resource"]), (&"fi.fire.case.1".into(), &RESOURCE.into()));
        assert!(pending["cure"].as_str().unwrap().contains("POST /api/missions"));
        assert!(matches!(events.as_slice(), [FeedEvent::Mission(_)]));
    }

    #[tokio::test]
    async fn without_the_token_nothing_is_taken() {
        for shown in [None, Some("wrong"), Some(""), Some("s3cret ")] {
            let (status, _, events) = post(Some("s3cret\n"), shown, &position()).await;
            // Trailing white space of a header's value belongs to HTTP, not to the token.
            let expect =
                if shown == Some("s3cret ") { "HTTP/1.1 202 Accepted" } else { "HTTP/1.1 401 Unauthorized" };
            assert_eq!(status, expect, "{shown:?}");
            assert_eq!(events.len(), usize::from(shown == Some("s3cret ")));
        }
        assert_eq!(post(Some("s3cret"), Some("s3cret"), &position()).await.0, "HTTP/1.1 202 Accepted");
        assert_eq!(format!("{:?}", BearerToken::new("s3cret")), "BearerToken(…)");
        assert!(!BearerToken::new(" ").admits(""));
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        let (status, _, events) = post(None, None, &" ".repeat(MESSAGE_BYTES_MAX + 1)).await;
        assert_eq!(status, "HTTP/1.1 413 Payload Too Large");
        assert!(events.is_empty());
    }
}
