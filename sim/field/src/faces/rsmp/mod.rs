//! The RSMP face: a traffic light controller that connects to its supervisors over TCP.
//!
//! The messages and the table of the signal exchange list are those of `clearway-rsmp`. `orders` reads
//! commands, `tlc` is the controller, `session` one connection, `site` both together, all sans-IO; `sockets`
//! connects them. `docs/rsmp.md` is for users.

pub mod memory;
pub mod orders;
pub(crate) mod session;
pub mod site;
#[cfg(feature = "sockets")]
mod sockets;
pub(crate) mod subscriptions;
#[cfg(all(test, feature = "sockets"))]
mod tests;
pub mod tlc;
#[cfg(feature = "sockets")]
mod tls;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clearway_network::Controller;
use clearway_rsmp::{Core, SecurityCode, Sxl};
use clearway_signals::Millis;

pub use session::Timing;
pub use site::{Site, SiteSettings};
#[cfg(feature = "sockets")]
pub(crate) use sockets::spawn;
pub use tlc::priority::Lifetimes;
pub use tlc::{Checksum, Settings};
#[cfg(feature = "sockets")]
pub use tls::{Tls, TlsError};

/// Start-up intervals 1 and 2 of an RSMP controller.
pub const STARTUP_INTERVAL: Millis = Millis::from_s(3);
/// How the RSMP faces of a field are set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// `host:port` of the supervisors, the primary first; 32 at most.
    pub supervisors: Vec<String>,
    /// Site ids by the model's id of the controller. A controller that is not named here has the id
    /// `RN+SI` and its place in the model from 1, four digits.
    pub site_ids: BTreeMap<String, String>,
    /// Core versions that are offered.
    pub cores: Vec<Core>,
    /// Times of the connections.
    pub timing: Timing,
    /// Whether the primary supervisor's watchdog sets the clock.
    pub follows_clock: bool,
    /// A folder with a file for each site, which keeps alarms and outgoing buffers over a restart; they
    /// are lost with the process where none is given.
    pub state: Option<PathBuf>,
    /// The controllers.
    pub controller: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            supervisors: vec!["127.0.0.1:12111".into()],
            site_ids: BTreeMap::new(),
            cores: Core::ALL.to_vec(),
            timing: Timing::default(),
            follows_clock: true,
            state: None,
            controller: Settings {
                sxl: Sxl::V1_2_1,
                checksum: Checksum::default(),
                codes: [SecurityCode("1111".into()), SecurityCode("2222".into())],
                lifetimes: Lifetimes::default(),
            },
        }
    }
}

impl Options {
    /// The site id of a controller.
    #[must_use]
    pub fn site_id(&self, controller: &Controller) -> String {
        let named = self.site_ids.get(&controller.name);
        named.cloned().unwrap_or_else(|| format!("RN+SI{:04}", u32::from(controller.id.0) + 1))
    }
}
