//! The embedded MQTT broker, where no other is configured. Loopback and small.

use std::collections::HashMap;
use std::net::SocketAddr;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Clients at once.
const CONNECTIONS_MAX: usize = 64;
/// Bytes of one message.
const PAYLOAD_MAX: usize = 64 * 1024;

/// Why the broker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerStartError {
    /// The port is taken, or not allowed.
    #[error("the embedded broker cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No thread.
    #[error("the embedded broker's thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// Start the broker; it runs until the process ends.
///
/// # Errors
/// When it cannot listen or gets no thread.
pub fn start(listen: SocketAddr) -> Result<(), BrokerStartError> {
    // The broker only logs that it cannot bind; ask first, so that the user is told.
    drop(std::net::TcpListener::bind(listen).map_err(|e| BrokerStartError::Listen(listen, e))?);
    let mut broker = Broker::new(config(listen));
    let run = move || {
        if let Err(error) = broker.start() {
            tracing::error!(%error, "embedded broker stopped");
        }
    };
    std::thread::Builder::new().name("broker".into()).spawn(run).map_err(BrokerStartError::Thread)?;
    Ok(())
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: PAYLOAD_MAX,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server =
        ServerSettings { name: "v4-1".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: CONNECTIONS_MAX,
        max_outgoing_packet_count: 1_000,
        // A position that nobody fetched within seconds is worth nothing: little is kept.
        max_segment_size: 1 << 17,
        max_segment_count: 3,
        ..RouterConfig::default()
    };
    Config { id: 0, router, v4: Some(HashMap::from([("1".to_owned(), server)])), ..Config::default() }
}
