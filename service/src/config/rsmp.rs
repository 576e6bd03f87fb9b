//! RSMP: where sites connect to, and what was proved of each site at commissioning.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use clearway_rsmp::adapter::{ListenOptions, Options, tls};
use clearway_rsmp::priority::Reference;
use clearway_rsmp::session::{Rights, WITHOUT_EXPIRY};
use clearway_rsmp::{Binding, Means, SecurityCode, Sxl};
use clearway_signals::limits::BACKUP_TIME_MAX;
use clearway_signals::{Channel, Millis, RequestRow, RowId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Checker;
use super::modbus::{Wrong, read};
use super::{Config, ControllerEntry, loopback};

/// The port of the standard.
const PORT: u16 = 12_111;
/// The longest lifetime and maximum presence that can be written, seconds; the gate judges them.
const SECONDS_MAX: u16 = 300;

/// Where sites connect to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RsmpListener {
    /// Where to listen.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// PEM file of our certificate: TLS 1.3 then, else in clear.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key. Mode 0600.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// PEM file of the authority that the sites' certificates come from; without it a site needs none.
    #[serde(default)]
    pub site_ca_file: Option<PathBuf>,
}

impl Default for RsmpListener {
    fn default() -> Self {
        Self { listen: loopback(PORT), certificate_file: None, key_file: None, site_ca_file: None }
    }
}

impl RsmpListener {
    /// The listener's options.
    ///
    /// # Errors
    /// What is wrong, and how to mend it, for people.
    pub fn options(&self, config: &Config) -> Result<ListenOptions, Wrong> {
        const CURE: &str =
            "Write certificate_file and key_file, and site_ca_file where sites have certificates too.";
        let text = |path: &PathBuf| read(config, path).map_err(|message| (message, CURE));
        let tls = match (&self.certificate_file, &self.key_file) {
            (None, None) if self.site_ca_file.is_some() => {
                return Err(("site_ca_file belongs to TLS".into(), CURE));
            }
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let wrong = |error: tls::TlsError| (error.to_string(), CURE);
                let (certificate, key) = (text(certificate)?, text(key)?);
                let identity =
                    tls::Identity::from_pem(certificate.as_bytes(), key.as_bytes()).map_err(wrong)?;
                let roots = self.site_ca_file.as_ref().map(text).transpose()?;
                Some(tls::server(identity, roots.as_ref().map(String::as_bytes)).map_err(wrong)?)
            }
            _ => return Err(("TLS needs a certificate and its key".into(), CURE)),
        };
        let accept_plaintext = config.insecure_isolated_segment;
        Ok(ListenOptions { tls, accept_plaintext, ..ListenOptions::new(self.listen) })
    }
}

/// RSMP of one controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RsmpEntry {
    /// The `listen` of the `[[rsmp_listener]]` that it connects to; the first one when not given.
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
    /// Its id, as its Version has it; `RN+SI` and its place in the model, from 1, when not given.
    pub site_id: Option<String>,
    /// The component of the controller itself; `TC` when not given.
    pub component: Option<String>,
    /// The version of the signal exchange list that it must have, 1.0.7 to 1.2.1; any when not given.
    pub sxl: Option<String>,
    /// Proved at commissioning: it drops a request that nobody updates or cancels this long after its
    /// announced arrival or its last update, whichever is later, seconds. As an arrival up to 30 s ahead
    /// is announced, our requests are off 30 s more than this after we fell silent: the dead-man time.
    /// Without it the controller is not armed.
    pub request_lifetime_s: Option<u16>,
    /// Proved at commissioning: the longest that it keeps a request active, seconds.
    pub max_presence_s: Option<u16>,
    /// Whether it cuts minimum greens, yellows or clearances short for a request: then it is not armed.
    pub cuts_intervals: bool,
    /// S0097 at commissioning; when not given S0097 must hold the model's configuration hash.
    pub checksum: Option<String>,
    /// S0095 at commissioning, for lists without S0097.
    pub device: Option<String>,
    /// Which supervisor we are to it.
    pub role: RsmpRole,
    /// Commands without an expiry of their own that may be sent to it: M0005, M0006.
    pub waivers: Vec<String>,
    /// File with the security code of level 2. Mode 0600.
    pub security_code_file: Option<PathBuf>,
    /// M0005 activates with `False` here: published texts differ.
    pub route_activates_with_false: bool,
    /// SHA-256 of its certificate, 64 hexadecimal digits; any of the authority's when not given.
    pub certificate_sha256: Option<String>,
    /// Detector logics whose component is not `DL` and their number; for sites that count each by
    /// itself.
    pub detectors: Vec<RsmpDetector>,
    /// Rows that are asked by another name than input (preempt) or connection (priority) with the
    /// row's number.
    pub rows: Vec<RsmpRow>,
}

/// The role of a supervisor: the primary sets the site's clock, plans and bands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RsmpRole {
    /// Priority requests alone.
    #[default]
    Secondary,
    /// The site's clock follows us.
    Primary,
}

/// The component of a detector logic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RsmpDetector {
    /// Its number at the controller, from 1.
    pub number: u8,
    /// Its component at the site.
    pub component: String,
}

/// By what a row is asked. Exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RsmpRow {
    /// The model's number of the row.
    pub row: u8,
    /// Whether the row is of the priority channel.
    pub of_priority: bool,
    /// Priority request for a signal group, by its component.
    pub signal_group: Option<String>,
    /// Priority request for an input.
    pub input: Option<u8>,
    /// Priority request for a connection.
    pub connection: Option<u8>,
    /// Priority request for an approach.
    pub approach: Option<u8>,
    /// Priority request for a lane in.
    pub lane_in: Option<u8>,
    /// With `lane_in`: the lane out.
    pub lane_out: Option<u8>,
    /// Priority request for a priority as the controller is configured.
    pub priority: Option<u8>,
    /// Emergency route (M0005), by waiver.
    pub emergency_route: Option<u8>,
    /// Input that is switched (M0006), by waiver.
    pub switched_input: Option<u8>,
}

impl RsmpRow {
    fn means(&self) -> Result<Means, Wrong> {
        let lane =
            self.lane_in.map(|inward| Means::Priority(Reference::Lane { inward, outward: self.lane_out }));
        let priority = |reference: Option<Reference>| reference.map(Means::Priority);
        let named = [
            priority(self.signal_group.clone().map(Reference::SignalGroup)),
            priority(self.input.map(Reference::Input)),
            priority(self.connection.map(Reference::Connection)),
            priority(self.approach.map(Reference::Approach)),
            lane,
            priority(self.priority.map(Reference::Priority)),
            self.emergency_route.map(Means::EmergencyRoute),
            self.switched_input.map(Means::Input),
        ];
        let mut given = named.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(means), None) => Ok(means),
            _ => {
                let message = format!("row {} needs exactly one name", self.row);
                Err((message, "Write for example rows = [{ row = 3, signal_group = \"SG2\" }]."))
            }
        }
    }

    const fn channel(&self) -> Channel {
        if self.of_priority { Channel::Priority } else { Channel::Preempt }
    }
}

impl RsmpEntry {
    /// The id of the site of the model's controller at this place, from 0.
    #[must_use]
    pub fn site_id(&self, place: u16) -> String {
        self.site_id.clone().unwrap_or_else(|| format!("RN+SI{:04}", u32::from(place) + 1))
    }

    /// The adapter's options, for the site of this id with the model's rows.
    ///
    /// # Errors
    /// What is wrong, and how to mend it, for people.
    pub fn options(&self, config: &Config, site_id: &str, rows: &[RequestRow]) -> Result<Options, Wrong> {
        let seconds = |word: &str, seconds: Option<u16>| match seconds {
            Some(s) if !(1..=SECONDS_MAX).contains(&s) => Err((
                format!("{word} = {s} is outside 1 to {SECONDS_MAX}"),
                "Write what was proved at the site.",
            )),
            seconds => Ok(seconds.map(|s| Millis::from_s(i64::from(s)))),
        };
        let mut binding = Binding {
            detectors: self.detectors.iter().map(|d| (d.number, d.component.clone())).collect(),
            means: self.means(rows)?,
            rights: self.rights()?,
            route_activates_with_true: !self.route_activates_with_false,
            request_lifetime: seconds("request_lifetime_s", self.request_lifetime_s)?,
            max_presence: seconds("max_presence_s", self.max_presence_s)?,
            keeps_intervals: !self.cuts_intervals,
            checksum: self.checksum.clone(),
            device: self.device.clone(),
            ..Binding::new(site_id)
        };
        if let Some(component) = &self.component {
            binding.main.clone_from(component);
        }
        if let Some(file) = &self.security_code_file {
            let unreadable =
                |error| (format!("{} cannot be read: {error}", file.display()), "Create the file.");
            binding.security_code = SecurityCode(config.read_secret(file).map_err(unreadable)?);
        }
        let certificate_sha256 = self.certificate_sha256.as_deref().map(fingerprint).transpose()?;
        let sxl = self.sxl.as_deref().map(list).transpose()?;
        Ok(Options { certificate_sha256, sxl, ..Options::new(binding) })
    }

    fn rights(&self) -> Result<Rights, Wrong> {
        if let Some(strange) = self.waivers.iter().find(|code| !WITHOUT_EXPIRY.contains(&code.as_str())) {
            return Err((
                format!("`{strange}` is no command that a waiver can allow"),
                "Write waivers = [\"M0005\"] or [\"M0006\"].",
            ));
        }
        Ok(Rights { primary: self.role == RsmpRole::Primary, waived: self.waivers.clone() })
    }

    fn means(&self, rows: &[RequestRow]) -> Result<Vec<(RowId, Means)>, Wrong> {
        let id = |named: &RsmpRow| {
            let fits = |row: &RequestRow| row.number == named.row && row.channel == named.channel();
            let place = rows.iter().position(fits).and_then(|place| u8::try_from(place).ok());
            let message = || format!("the model has no row {} in this channel", named.row);
            place.map(RowId).ok_or_else(|| (message(), "Use a row_num of the model's request_binding table."))
        };
        self.rows.iter().map(|named| Ok((id(named)?, named.means()?))).collect()
    }
}

/// A lifetime with which a request would outlive us longer than the gate accepts.
fn dead_man(binding: &Binding, backup_time_max_s: Option<u16>) -> Option<Wrong> {
    let limit = backup_time_max_s.map_or(BACKUP_TIME_MAX, |s| Millis::from_s(i64::from(s)));
    let dead_man = binding.dead_man().filter(|dead_man| *dead_man > limit)?;
    let message = format!(
        "with this request_lifetime_s a request stands for up to {} s after the engine fell silent, {} s are accepted",
        dead_man.0 / 1000,
        limit.0 / 1000
    );
    Some((message, "Shorten the lifetime at the site, or accept more with backup_time_max_s."))
}

fn fingerprint(digits: &str) -> Result<[u8; 32], Wrong> {
    let mut bytes = [0; 32];
    let is_hex = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (place, byte) in bytes.iter_mut().enumerate() {
        let pair = digits.get(2 * place..2 * place + 2).filter(|_| is_hex);
        let cure = "Write the 64 hexadecimal digits of `openssl x509 -fingerprint -sha256`, without colons.";
        let wrong = || ("certificate_sha256 is no SHA-256".to_owned(), cure);
        *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong)?;
    }
    Ok(bytes)
}

fn list(word: &str) -> Result<Sxl, Wrong> {
    let wrong = || (format!("there is no list {word}"), "Write a version from 1.0.7 to 1.2.1.");
    Sxl::from_word(word).ok_or_else(wrong)
}

impl Config {
    /// Where sites connect to: what the file says, else the standard's port on this machine.
    #[must_use]
    pub fn rsmp_listeners(&self) -> Vec<RsmpListener> {
        match self.rsmp_listeners.is_empty() {
            true => vec![RsmpListener::default()],
            false => self.rsmp_listeners.iter().map(|entry| entry.get_ref().clone()).collect(),
        }
    }

    /// The listener of a site, by its place in [`Config::rsmp_listeners`].
    ///
    /// # Errors
    /// What is wrong, and how to mend it, for people.
    pub fn rsmp_listener_of(&self, entry: &RsmpEntry) -> Result<usize, Wrong> {
        let Some(wanted) = entry.listen else { return Ok(0) };
        let found = self.rsmp_listeners().iter().position(|listener| listener.listen == wanted);
        let wrong =
            || (format!("no [[rsmp_listener]] listens on {wanted}"), "Use the `listen` of one of them.");
        found.ok_or_else(wrong)
    }
}

impl Checker<'_> {
    /// The listeners for sites.
    pub(super) fn rsmp_listeners(&mut self) {
        let config = self.config;
        for (place, entry) in config.rsmp_listeners.iter().enumerate() {
            let (at, listener) = (entry.span(), entry.get_ref());
            let before = &config.rsmp_listeners[..place];
            if before.iter().any(|other| other.get_ref().listen == listener.listen) {
                let message = format!("two listeners are at {}", listener.listen);
                self.fault(at.clone(), "listen", message, "Give each an address of its own.");
            }
            if let Some(file) = &listener.key_file {
                self.secret(at.clone(), "key_file", file);
            }
            match listener.options(config) {
                Err((message, cure)) => self.fault(at, "listen", message, cure),
                Ok(options) if options.tls.is_none() => self.listener(at, "listen", listener.listen),
                Ok(_) => {}
            }
        }
    }

    /// The RSMP of one controller.
    pub(super) fn rsmp(&mut self, at: &Range<usize>, controller: &ControllerEntry) {
        let is_rsmp = controller.protocol.as_deref() == Some("rsmp");
        if is_rsmp && controller.address.is_some() {
            let message = "an RSMP controller connects to us: it has no address".to_owned();
            self.fault(at.clone(), "address", message, "Remove it; rsmp.listen names the listener.");
        }
        let Some(rsmp) = &controller.rsmp else { return };
        if controller.protocol.as_deref().is_some_and(|protocol| protocol != "rsmp") {
            let message = "a controller of another protocol has no RSMP".to_owned();
            return self.fault(at.clone(), "rsmp", message, "Remove it, or write protocol = \"rsmp\".");
        }
        if let Some(file) = &rsmp.security_code_file {
            self.secret(at.clone(), "rsmp", file);
        }
        // Which rows there are knows the model alone; how they are named is seen here.
        let nameless = rsmp.rows.iter().find_map(|row| row.means().err());
        let entry = RsmpEntry { rows: Vec::new(), ..rsmp.clone() };
        let found = match entry.options(self.config, "", &[]) {
            Ok(options) => dead_man(&options.binding, controller.backup_time_max_s),
            Err(wrong) => Some(wrong),
        };
        let found = found.or(nameless);
        let listener = self.config.rsmp_listener_of(rsmp).err();
        if let Some((message, cure)) = found.or(listener) {
            self.fault(at.clone(), "rsmp", message, cure);
        }
    }

    /// Each site id leads to one controller.
    pub(super) fn rsmp_sites(&mut self) {
        let config = self.config;
        let id = |entry: &ControllerEntry| entry.rsmp.as_ref().and_then(|rsmp| rsmp.site_id.clone());
        for (place, entry) in config.controllers.iter().enumerate() {
            let Some(own) = id(entry.get_ref()) else { continue };
            let mut before = config.controllers[..place].iter().map(AsRef::as_ref);
            if let Some(other) = before.find(|other| id(other).as_ref() == Some(&own)) {
                let message = format!("the site `{own}` is already controller `{}`", other.id);
                self.fault(entry.span(), "rsmp", message, "Give each controller the id of its own site.");
            }
        }
    }
}
