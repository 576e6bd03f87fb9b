//! What RSMP needs beyond the sites: listeners that sites connect to, and options of each.

use std::net::SocketAddr;
use std::sync::Arc;

use clearway_contract::actor::Clock;
use clearway_network::Controller;
use clearway_rsmp::adapter::{Hub, Options};

use crate::config::{Config, ControllerEntry};

/// How one controller is reached.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The listener that it connects to, by its place in the configuration.
    pub listener: usize,
    /// The adapter's options.
    pub options: Options,
}

/// How a controller is reached.
///
/// # Errors
/// A file that cannot be read or does not hold what it should; the reason for people.
pub fn reached(
    config: &Config,
    controller: &Controller,
    entry: Option<&ControllerEntry>,
) -> Result<Reached, String> {
    let rsmp = entry.and_then(|entry| entry.rsmp.clone()).unwrap_or_default();
    let wrong = |(message, cure): (String, &str)| format!("rsmp: {message}. {cure}");
    let site_id = rsmp.site_id(controller.id.0);
    Ok(Reached {
        listener: config.rsmp_listener_of(&rsmp).map_err(wrong)?,
        options: rsmp.options(config, &site_id, &controller.rows).map_err(wrong)?,
    })
}

/// Why no listener stands.
#[derive(Debug, thiserror::Error)]
#[error("RSMP cannot listen on {address}: {reason}")]
pub struct ListenError {
    /// Where.
    address: SocketAddr,
    /// Why not.
    reason: String,
}

/// Open the listeners of the configuration.
///
/// # Errors
/// The first that cannot be had.
pub async fn listen(config: &Config, clock: &Clock) -> Result<Vec<Hub>, ListenError> {
    let mut hubs = Vec::new();
    for listener in config.rsmp_listeners() {
        let failed = |reason: String| ListenError { address: listener.listen, reason };
        let options =
            listener.options(config).map_err(|(message, cure)| failed(format!("{message}. {cure}")))?;
        hubs.push(Hub::listen(options, Arc::clone(clock)).await.map_err(|error| failed(error.to_string()))?);
    }
    Ok(hubs)
}
