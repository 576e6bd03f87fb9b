//! `clearway.toml`: what a running engine is told. `docs/configuration.md` describes every field.
//!
//! Read in two steps: [`Config::load`] takes the file apart (syntax, types, unknown fields),
//! [`Config::check`] finds everything else that is wrong, all at once, and gives the vehicle registry.

mod check;
mod fault;
mod incidents;
mod modbus;
mod policy;
mod r09;
mod recovery;
mod rsmp;
mod snmp;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

pub use fault::{ConfigError, Fault};
pub use incidents::{Cases, Incidents};
pub use modbus::ModbusEntry;
pub use policy::{Duties, Policy, PolicyError};
pub use r09::R09Feed;
pub use rsmp::{RsmpEntry, RsmpListener};
pub use snmp::{NtcipEntry, SnmpEntry};

pub(crate) use fault::Source;

/// The longest configuration that is read, bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The whole configuration. Paths are relative to the file's folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the network model.
    pub network: PathBuf,
    /// Folder of the journal; without it nothing is recorded.
    #[serde(default)]
    pub journal: Option<PathBuf>,
    /// What an engine learned before, as `clearway journal learned` writes it.
    #[serde(default)]
    pub learned: Option<PathBuf>,
    /// Whether listeners and peers beyond this machine may go without TLS, because the segment is
    /// isolated by other means. Shows in status and metrics.
    #[serde(default)]
    pub insecure_isolated_segment: bool,
    /// Where the page and the embedded broker listen.
    #[serde(default)]
    pub listen: Listen,
    /// The engine.
    #[serde(default)]
    pub engine: Engine,
    /// How much is asked of the signals, and for whom.
    #[serde(default)]
    pub policy: Policy,
    /// Incidents: closed links, and what trams and buses do around them.
    #[serde(default)]
    pub incidents: Incidents,
    /// Feeds.
    #[serde(default, rename = "feed")]
    #[schemars(with = "Vec<Feed>")]
    pub feeds: Vec<Spanned<Feed>>,
    /// The vehicle registry.
    #[serde(default, rename = "vehicle")]
    #[schemars(with = "Vec<VehicleEntry>")]
    pub vehicles: Vec<Spanned<VehicleEntry>>,
    /// Controllers about which the model does not say everything.
    #[serde(default, rename = "controller")]
    #[schemars(with = "Vec<ControllerEntry>")]
    pub controllers: Vec<Spanned<ControllerEntry>>,
    /// Where RSMP sites connect to; the standard's port on this machine when there is none.
    #[serde(default, rename = "rsmp_listener")]
    #[schemars(with = "Vec<RsmpListener>")]
    pub rsmp_listeners: Vec<Spanned<RsmpListener>>,
    #[serde(skip)]
    source: Source,
}

/// Addresses to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Page, API, metrics and health.
    #[schemars(with = "String")]
    pub page: SocketAddr,
    /// The embedded MQTT broker, where a feed asks for it.
    #[schemars(with = "String")]
    pub broker: SocketAddr,
    /// Release-all alone, on threads of its own; the port after the page's when not given.
    #[schemars(with = "Option<String>")]
    pub release: Option<SocketAddr>,
}

impl Listen {
    /// Where release-all is heard. Beside a page on a port that the system chooses, it is one too.
    #[must_use]
    pub fn release(&self) -> SocketAddr {
        let beside = match self.page.port() {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        };
        self.release.unwrap_or(SocketAddr::new(self.page.ip(), beside))
    }
}

/// A port of this machine alone.
const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for Listen {
    fn default() -> Self {
        Self { page: loopback(8080), broker: loopback(1883), release: None }
    }
}

/// The engine's mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    /// Watch and plan, write nothing to any controller.
    pub shadow: bool,
    /// Let the engine's thread sleep between positions even while a mission is active. It spares a
    /// core and costs some 100 µs of latency.
    pub park: bool,
    /// The core that the engine's thread is pinned to, from 0; the system chooses unless told. Worth it
    /// where that core is kept free of everything else.
    pub core: Option<usize>,
}

/// Seconds of the file as the engine's milliseconds.
#[allow(clippy::cast_possible_truncation)] // Saturates; ranges are checked.
fn millis(seconds: f64) -> clearway_signals::Millis {
    clearway_signals::Millis((seconds * 1000.0).round() as i64)
}

/// A feed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Feed {
    /// HFP from an MQTT broker.
    Hfp(HfpFeed),
    /// Hub messages over HTTP.
    Hub(HubFeed),
    /// NMEA 0183 over UDP.
    Nmea(NmeaFeed),
    /// VDV R09.16 telegrams over UDP.
    R09(R09Feed),
    /// TAIP over UDP.
    Taip(TaipFeed),
}

impl Feed {
    /// The name in page and metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        let (name, kind) = match self {
            Self::Hfp(feed) => (&feed.name, "hfp"),
            Self::Hub(feed) => (&feed.name, "hub"),
            Self::Nmea(feed) => (&feed.name, "nmea"),
            Self::R09(feed) => (&feed.name, "r09"),
            Self::Taip(feed) => (&feed.name, "taip"),
        };
        name.as_deref().unwrap_or(kind)
    }

    /// Seconds between two positions of one vehicle: what evidence ages by (invariant S15).
    #[must_use]
    pub const fn cadence_s(&self) -> f64 {
        match self {
            Self::Hfp(feed) => feed.cadence_s,
            Self::Hub(feed) => feed.cadence_s,
            Self::Nmea(feed) => feed.cadence_s,
            Self::R09(feed) => feed.cadence_s,
            Self::Taip(feed) => feed.cadence_s,
        }
    }

    /// Oldest message that is taken, seconds.
    #[must_use]
    pub const fn stale_max_s(&self) -> f64 {
        match self {
            Self::Hfp(feed) => feed.stale_max_s,
            Self::Hub(feed) => feed.stale_max_s,
            Self::Nmea(feed) => feed.stale_max_s,
            // Telegrams carry no time.
            Self::R09(_) => STALE_MAX_S,
            Self::Taip(feed) => feed.stale_max_s,
        }
    }
}

/// HFP version 2 over MQTT.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HfpFeed {
    /// Name in page and metrics; the kind when not given.
    pub name: Option<String>,
    /// The broker, `mqtt://host:port`; not with `embedded`.
    pub broker: Option<String>,
    /// Run a broker inside, on `listen.broker`.
    pub embedded: bool,
    /// Seconds between two positions of one vehicle, 0.1 to 60.
    pub cadence_s: f64,
    /// Oldest message that is taken, seconds, 1 to 300.
    pub stale_max_s: f64,
}

/// GEO-POS, RC-RI and RC-EDA by `POST /hub`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HubFeed {
    /// Name in page and metrics; the kind when not given.
    pub name: Option<String>,
    /// Where to listen.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// File with the token that senders must show. Mode 0600. Required beyond loopback.
    pub token_file: Option<PathBuf>,
    /// Seconds between two positions of one vehicle, 0.1 to 60.
    pub cadence_s: f64,
    /// Oldest position of a moving vehicle that is taken, seconds, 1 to 300.
    pub stale_max_s: f64,
}

/// NMEA RMC, GGA and VTG.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NmeaFeed {
    /// Name in page and metrics; the kind when not given.
    pub name: Option<String>,
    /// Where to listen.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Seconds between two positions of one vehicle, 0.1 to 60.
    pub cadence_s: f64,
    /// Oldest position that is taken, seconds, 1 to 300.
    pub stale_max_s: f64,
}

/// TAIP PV and EV.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TaipFeed {
    /// Name in page and metrics; the kind when not given.
    pub name: Option<String>,
    /// Where to listen.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// What the units' checksum covers.
    pub checksum: TaipChecksum,
    /// Seconds to take off the units' times to get UTC, 0 to 60: 18 for GPS time, 0 for UTC.
    pub gps_utc_offset_s: u8,
    /// Seconds between two positions of one vehicle, 0.1 to 60.
    pub cadence_s: f64,
    /// Oldest position that is taken, seconds, 1 to 300.
    pub stale_max_s: f64,
}

/// What a TAIP checksum covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaipChecksum {
    /// From `>` to `*`, both included.
    #[default]
    IncludingStar,
    /// From `>` to before `*`.
    ExcludingStar,
    /// The units send none.
    Absent,
}

/// Positions come once a second unless told otherwise.
const CADENCE_S: f64 = 1.0;
/// What is older is refused unless told otherwise, seconds.
const STALE_MAX_S: f64 = 10.0;

impl Default for HfpFeed {
    fn default() -> Self {
        Self { name: None, broker: None, embedded: false, cadence_s: CADENCE_S, stale_max_s: STALE_MAX_S }
    }
}

impl Default for HubFeed {
    fn default() -> Self {
        Self {
            name: None,
            listen: loopback(8090),
            token_file: None,
            cadence_s: CADENCE_S,
            stale_max_s: STALE_MAX_S,
        }
    }
}

impl Default for NmeaFeed {
    fn default() -> Self {
        Self { name: None, listen: loopback(10110), cadence_s: CADENCE_S, stale_max_s: STALE_MAX_S }
    }
}

impl Default for TaipFeed {
    fn default() -> Self {
        Self {
            name: None,
            listen: loopback(21000),
            checksum: TaipChecksum::default(),
            gps_utc_offset_s: 18,
            cadence_s: CADENCE_S,
            stale_max_s: STALE_MAX_S,
        }
    }
}

impl TaipFeed {
    /// The parser's settings.
    #[must_use]
    pub fn dialect(&self) -> clearway_feeds::taip::Dialect {
        use clearway_feeds::taip::{Checksum, Dialect};
        let checksum = match self.checksum {
            TaipChecksum::IncludingStar => Checksum::IncludingStar,
            TaipChecksum::ExcludingStar => Checksum::ExcludingStar,
            TaipChecksum::Absent => Checksum::Absent,
        };
        Dialect { checksum, gps_utc_offset_s: i64::from(self.gps_utc_offset_s) }
    }
}

/// A vehicle and the identities by which feeds know it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VehicleEntry {
    /// The name that journal, API and page use.
    pub id: String,
    /// `emergency`, `tram` or `bus`.
    #[schemars(extend("enum" = ["emergency", "tram", "bus"]))]
    pub class: String,
    /// Whose it is.
    pub owner: String,
    /// What people read on it; the id when not given.
    #[serde(default)]
    pub label: Option<String>,
    /// Source of its NMEA or TAIP datagrams, `address` or `address:port`.
    #[serde(default)]
    pub udp_source: Option<String>,
    /// Talker id of its NMEA sentences, two capital letters or digits.
    #[serde(default)]
    pub nmea_talker: Option<String>,
    /// TAIP id.
    #[serde(default)]
    pub taip_id: Option<String>,
    /// Resource id at the hub.
    #[serde(default)]
    pub hub_resource_id: Option<String>,
    /// HFP operator and vehicle, `operator/vehicle`.
    #[serde(default)]
    pub hfp: Option<String>,
    /// R09 line and run, `line/run`.
    #[serde(default)]
    pub r09: Option<String>,
}

/// What the model leaves open about a controller.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControllerEntry {
    /// The model's id of it.
    pub id: String,
    /// `host:port`; the model's address when not given.
    #[serde(default)]
    pub address: Option<String>,
    /// `ntcip`, `modbus` or `rsmp`; the model's protocol when not given.
    #[serde(default)]
    #[schemars(extend("enum" = ["ntcip", "modbus", "rsmp", null]))]
    pub protocol: Option<String>,
    /// File with the SNMP community. Mode 0600.
    #[serde(default)]
    pub community_file: Option<PathBuf>,
    /// How SNMP is spoken to it; version 1 when not given.
    #[serde(default)]
    pub snmp: Option<SnmpEntry>,
    /// How Modbus is spoken to it; Modbus TCP with the Clearway register map when not given.
    #[serde(default)]
    pub modbus: Option<ModbusEntry>,
    /// Its RSMP site, and what was proved of it.
    #[serde(default)]
    pub rsmp: Option<RsmpEntry>,
    /// What its NTCIP module and tables were at commissioning.
    #[serde(default)]
    pub ntcip: Option<NtcipEntry>,
    /// Name of its NTCIP profile; the model's when not given.
    #[serde(default)]
    pub profile: Option<String>,
    /// File with an NTCIP profile of its own.
    #[serde(default)]
    pub profile_file: Option<PathBuf>,
    /// Whether its plaintext protocol is accepted beyond this machine.
    #[serde(default)]
    pub accept_plaintext: bool,
    /// Longest dead-man time that is accepted here, seconds, 1 to 300.
    #[serde(default)]
    pub backup_time_max_s: Option<u16>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is not of the right form: what, where, and the cure.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error: io::Error| {
            let cure = "Check the path and its permissions; `clearway config schema` shows the form.";
            Source::new(path, "").whole_file(format!("the file cannot be read: {error}"), cure)
        };
        let length = fs::metadata(path).map_err(unreadable)?.len();
        if length > FILE_BYTES_MAX {
            return Err(unreadable(io::Error::other(format!(
                "{length} bytes; the limit is {FILE_BYTES_MAX}"
            ))));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text)
    }

    /// Reads a text as if it stood in a file of that path.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source::new(path, text);
        let mut config: Self = toml::from_str(text).map_err(|error| source.syntax(&error))?;
        config.source = source;
        Ok(config)
    }

    /// The JSON Schema of the file.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// A path of the file, as this process sees it.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.source.folder().join(path)
    }

    /// Reads a secret that the file names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_secret(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(self.resolve(path)).map(|secret| secret.trim().to_owned())
    }
}
