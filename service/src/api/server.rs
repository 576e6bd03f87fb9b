//! The routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clearway_signals::ControllerId;
use tokio::sync::broadcast;
use utoipa::OpenApi;

use super::frame::{ControllerReport, ControllerState, Frame};
use super::{alarms, incidents, missions, page};
use crate::live::alarms::Alarms;
use crate::live::incidents::Incidents;
use crate::live::intake::Intake;
use crate::live::release::{Release, ReleaseDoc};

/// A reader that takes longer than this for one message is dropped.
const SLOW: Duration = Duration::from_secs(5);

/// A delta as it is sent: its number and its text.
pub type Delta = (u64, Utf8Bytes);

/// What the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The map, as text.
    pub network: Arc<str>,
    /// The latest whole frame, with its text.
    pub snapshot: Arc<ArcSwap<(Frame, Utf8Bytes)>>,
    /// The deltas.
    pub deltas: broadcast::Sender<Delta>,
    /// Takes everything back, and knows what came of it.
    pub release: Arc<Release>,
    /// Closed links and what is decided around them.
    pub incidents: Arc<Incidents>,
    /// Missions on their way to the engine.
    pub intake: Arc<Intake>,
    /// Alarms of RSMP sites.
    pub alarms: Arc<Alarms>,
    /// The text of a scrape.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Whether the engine's loop turns.
    pub healthy: Arc<dyn Fn() -> bool + Send + Sync>,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Clearway", description = "A running engine: what it knows and what may be asked of it."),
    paths(
        network_route,
        controllers_route,
        release_all_route,
        released_route,
        healthz_route,
        metrics_route,
        alarms::list_route,
        alarms::act_route,
        incidents::list_route,
        incidents::open_route,
        incidents::confirm_route,
        incidents::end_route,
        incidents::feed_route,
        incidents::feed_json_route,
        missions::list_route,
        missions::direct_route
    ),
    components(schemas(super::frame::Frame))
)]
struct Document;

/// The router of API and page.
pub fn router(state: ApiState, bound: SocketAddr) -> Router {
    Router::new()
        .route("/api/network", get(network_route))
        .route("/api/live", get(live_route))
        .route("/api/controllers", get(controllers_route))
        .route("/api/release-all", post(release_all_route).get(released_route))
        .route("/api/openapi.json", get(|| async { Json(Document::openapi()) }))
        .merge(incidents::routes())
        .merge(alarms::routes())
        .merge(missions::routes())
        .route("/metrics", get(metrics_route))
        .route("/healthz", get(healthz_route))
        .fallback(page::serve)
        .layer(middleware::from_fn(move |request, next| same_origin(bound, request, next)))
        .with_state(state)
}

/// The router of release-all alone, for a listener that depends on nothing else of the process.
pub fn release_router(release: Arc<Release>, bound: SocketAddr) -> Router {
    let asked = Arc::clone(&release);
    let ask = post(move || async move { Json(asked.ask()) });
    // Not the API's path: who asks the wrong engine's page releases nothing there.
    Router::new()
        .route("/release-all", ask.get(move || async move { Json(release.report()) }))
        .layer(middleware::from_fn(move |request, next| same_origin(bound, request, next)))
}

/// Only pages of this server may speak to it: a foreign page in the operator's browser must not
/// release a city's waves, nor read them through a rebound name.
async fn same_origin(bound: SocketAddr, request: Request, next: Next) -> Response {
    if is_foreign(request.headers(), bound) {
        let why = "This API answers its own page and local tools only.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap, bound: SocketAddr) -> bool {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let host = text(header::HOST).unwrap_or("");
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let local_name = matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name == bound.ip().to_string();
    if bound.ip().is_loopback() && !local_name {
        return true;
    }
    text(header::ORIGIN).is_some_and(|origin| origin.split_once("://").map(|(_, rest)| rest) != Some(host))
}

#[utoipa::path(get, path = "/api/network", responses((status = 200, body = super::frame::NetworkDoc)))]
async fn network_route(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.network.to_string()).into_response()
}

#[utoipa::path(get, path = "/api/controllers", responses((status = 200, body = Vec<ControllerReport>)))]
async fn controllers_route(State(state): State<ApiState>) -> Json<Vec<ControllerReport>> {
    let snapshot = state.snapshot.load();
    let report = |controller: &ControllerState| ControllerReport {
        alarms: state.alarms.of(ControllerId(controller.id)).unwrap_or_default(),
        unit: state.alarms.unit_of(ControllerId(controller.id)),
        state: controller.clone(),
    };
    Json(snapshot.0.controllers.iter().map(report).collect())
}

#[utoipa::path(post, path = "/api/release-all", responses((status = 200, body = ReleaseDoc)))]
async fn release_all_route(State(state): State<ApiState>) -> Json<ReleaseDoc> {
    Json(state.release.ask())
}

#[utoipa::path(get, path = "/api/release-all", responses((status = 200, body = ReleaseDoc)))]
async fn released_route(State(state): State<ApiState>) -> Json<ReleaseDoc> {
    Json(state.release.report())
}

#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus text")))]
async fn metrics_route(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()).into_response()
}

#[utoipa::path(get, path = "/healthz", responses((status = 200), (status = 503)))]
async fn healthz_route(State(state): State<ApiState>) -> (StatusCode, &'static str) {
    if (state.healthy)() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the engine stands\n")
    }
}

async fn live_route(State(state): State<ApiState>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(1024).on_upgrade(move |socket| follow(socket, state))
}

/// A snapshot, then every delta after it; a reader that fell behind gets a snapshot again.
async fn follow(mut socket: WebSocket, state: ApiState) {
    // Subscribed before the snapshot is taken, so that no delta is missed between the two.
    let mut deltas = state.deltas.subscribe();
    let Some(mut told) = send_snapshot(&mut socket, &state).await else { return };
    loop {
        tokio::select! {
            delta = deltas.recv() => match delta {
                Ok((seq, _)) if seq <= told => {}
                Ok((seq, text)) if seq == told + 1 => {
                    if !send(&mut socket, text).await {
                        return;
                    }
                    told = seq;
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                    let Some(seq) = send_snapshot(&mut socket, &state).await else { return };
                    told = seq;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

async fn send_snapshot(socket: &mut WebSocket, state: &ApiState) -> Option<u64> {
    let (seq, text) = {
        let snapshot = state.snapshot.load();
        (snapshot.0.seq, snapshot.1.clone())
    };
    send(socket, text).await.then_some(seq)
}

async fn send(socket: &mut WebSocket, text: Utf8Bytes) -> bool {
    matches!(tokio::time::timeout(SLOW, socket.send(Message::Text(text))).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        is_foreign(&headers, SocketAddr::from(([127, 0, 0, 1], 8080)))
    }

    #[test]
    fn x1_only_the_servers_own_page_and_local_tools_are_answered() {
        assert!(!foreign("127.0.0.1:8080", None));
        assert!(!foreign("localhost:8080", Some("http://localhost:8080")));
        assert!(foreign("localhost:8080", Some("http://evil.example")));
        assert!(foreign("rebound.example:8080", None));
        assert!(foreign("rebound.example:8080", Some("http://rebound.example:8080")));
    }
}
