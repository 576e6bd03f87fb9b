//! The feeds of the configuration, each on its socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use clearway_feeds::adapter::http::{self, BearerToken};
use clearway_feeds::adapter::{Outlet, mqtt, udp};
use clearway_feeds::{GeoBox, Registry, Rules, hfp, hub, nmea, r09, taip};
use clearway_network::Network;
use clearway_signals::Millis;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::broker;
use crate::config::{Config, Feed};

/// Positions this far outside the map are still taken: vehicles come and go.
const MARGIN_M: f64 = 3_000.0;

/// Why a feed cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Its socket.
    #[error("feed {feed}: cannot listen on {address}: {reason}")]
    Listen {
        /// The feed's name.
        feed: String,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// Its broker's address.
    #[error("feed {feed}: {reason}")]
    Broker {
        /// The feed's name.
        feed: String,
        /// What is wrong.
        reason: String,
    },
    /// Its token.
    #[error("feed {feed}: the token file {path} cannot be read: {reason}")]
    Token {
        /// The feed's name.
        feed: String,
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
}

/// Start every feed; gives where each one listens.
///
/// # Errors
/// The first feed that cannot start.
pub async fn start(
    config: &Config,
    network: &Network,
    registry: &Arc<Registry>,
    outlet: impl Fn(&str) -> Outlet,
    tasks: &mut JoinSet<()>,
) -> Result<Vec<(String, SocketAddr)>, FeedError> {
    let shapes = network.shapes.iter().map(|p| network.plane.unproject(*p));
    let area = GeoBox::around(shapes, MARGIN_M).unwrap_or(GeoBox::GLOBE);
    let mut listening = Vec::new();
    for feed in config.feeds.iter().map(|f| f.as_ref()) {
        let name = feed.name().to_owned();
        #[allow(clippy::cast_possible_truncation)]
        let ms = |seconds: f64| (seconds * 1000.0) as i64;
        let (stale_max_ms, cadence) = (ms(feed.stale_max_s()), Millis(ms(feed.cadence_s())));
        let rules = Rules { stale_max_ms, cadence, ..Rules::within(area) };
        let starting = Starting { name: &name, registry, rules, outlet: outlet(&name), config };
        let address = match feed {
            Feed::Nmea(f) => {
                let speech = udp::Speech::Nmea(nmea::State::new(Arc::clone(registry), rules));
                starting.udp(f.listen, speech, tasks).await?
            }
            Feed::R09(f) => {
                let state = r09::State::new(Arc::clone(registry), rules, &f.dialect());
                starting.udp(f.listen, udp::Speech::R09(state), tasks).await?
            }
            Feed::Taip(f) => {
                let speech = udp::Speech::Taip(taip::State::new(Arc::clone(registry), rules, f.dialect()));
                starting.udp(f.listen, speech, tasks).await?
            }
            Feed::Hub(f) => starting.hub(f.listen, f.token_file.as_deref(), tasks).await?,
            Feed::Hfp(f) => starting.hfp(f.broker.as_deref().filter(|_| !f.embedded), tasks)?,
        };
        listening.push((name, address));
    }
    Ok(listening)
}

struct Starting<'a> {
    name: &'a str,
    registry: &'a Arc<Registry>,
    rules: Rules,
    outlet: Outlet,
    config: &'a Config,
}

impl Starting<'_> {
    fn refused(&self, address: SocketAddr, error: &std::io::Error) -> FeedError {
        FeedError::Listen { feed: self.name.into(), address, reason: error.to_string() }
    }

    async fn udp(
        self,
        listen: SocketAddr,
        speech: udp::Speech,
        tasks: &mut JoinSet<()>,
    ) -> Result<SocketAddr, FeedError> {
        let socket = UdpSocket::bind(listen).await.map_err(|e| self.refused(listen, &e))?;
        let bound = socket.local_addr().map_err(|e| self.refused(listen, &e))?;
        let (name, outlet) = (self.name.to_owned(), self.outlet);
        tasks.spawn(async move {
            if let Err(error) = udp::run(socket, speech, outlet).await {
                tracing::error!(feed = name, %error, "feed stopped");
            }
        });
        Ok(bound)
    }

    async fn hub(
        self,
        listen: SocketAddr,
        token_file: Option<&Path>,
        tasks: &mut JoinSet<()>,
    ) -> Result<SocketAddr, FeedError> {
        let token = match token_file.map(|path| self.config.resolve(path)) {
            None => None,
            Some(path) => {
                Some(BearerToken::new(&std::fs::read_to_string(&path).map_err(|e| FeedError::Token {
                    feed: self.name.into(),
                    path: path.display().to_string(),
                    reason: e.to_string(),
                })?))
            }
        };
        let listener = TcpListener::bind(listen).await.map_err(|e| self.refused(listen, &e))?;
        let bound = listener.local_addr().map_err(|e| self.refused(listen, &e))?;
        let state = hub::State::new(Arc::clone(self.registry), self.rules);
        let router = http::router(state, token, self.outlet);
        let name = self.name.to_owned();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(feed = name, %error, "feed stopped");
            }
        });
        Ok(bound)
    }

    fn hfp(self, url: Option<&str>, tasks: &mut JoinSet<()>) -> Result<SocketAddr, FeedError> {
        let wrong = |reason: String| FeedError::Broker { feed: self.name.into(), reason };
        let address = self.config.listen.broker;
        let broker: mqtt::Broker = match url {
            Some(url) => url.parse().map_err(|e: mqtt::BrokerError| wrong(e.to_string()))?,
            None => {
                broker::start(address).map_err(|e| wrong(e.to_string()))?;
                mqtt::Broker { host: address.ip().to_string(), port: address.port() }
            }
        };
        let state = hfp::State::new(Arc::clone(self.registry), self.rules);
        let client = format!("clearway-{}-{}", self.name, std::process::id());
        tasks.spawn(mqtt::run(broker, client, state, self.outlet));
        Ok(address)
    }
}
