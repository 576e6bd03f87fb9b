//! How Modbus is spoken to one controller: the way to it, its unit, its map, files of the secrets.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clearway_modbus::adapter::{LineParity, Options, SerialLine, TlsClient, Transport};
use clearway_modbus::points::profile::REMOTE_IO;
use clearway_modbus::{Map, Profile};
use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Checker;
use super::{Config, ControllerEntry};

/// The longest PEM or profile file that is read, bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Modbus of one controller. Without it: Modbus TCP with the Clearway register map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModbusEntry {
    /// The way to it.
    pub transport: ModbusTransport,
    /// The unit that it answers as, 1 to 247; 1 or the profile's when not given.
    pub unit: Option<u8>,
    /// Serial lines: bits a second, 1200 to 115200; 19200 when not given.
    pub baud: Option<u32>,
    /// Serial lines: parity; even when not given.
    pub parity: Option<Parity>,
    /// Serial lines: 1 or 2; 1 when not given.
    pub stop_bits: Option<u8>,
    /// TLS: PEM file of the authority that the device's certificate comes from.
    pub ca_file: Option<PathBuf>,
    /// TLS: PEM file of our certificate.
    pub certificate_file: Option<PathBuf>,
    /// TLS: PEM file of its key. Mode 0600.
    pub key_file: Option<PathBuf>,
    /// TLS: the name in the device's certificate; the host of its address when not given.
    pub server_name: Option<String>,
    /// TLS: the role that our certificate must carry; any or none when not given.
    pub role: Option<String>,
    /// Name of its map: `clearway-modbus-1` (the default) or `remote-io`.
    #[schemars(extend("enum" = ["clearway-modbus-1", "remote-io", null]))]
    pub profile: Option<String>,
    /// File with a map of its own.
    pub profile_file: Option<PathBuf>,
    /// Maps other than `clearway-modbus-1`: the model's configuration hash that the wiring was
    /// commissioned for, eight hexadecimal digits.
    pub commissioned: Option<String>,
}

/// The way to a Modbus controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModbusTransport {
    /// Modbus TCP, in clear.
    #[default]
    Tcp,
    /// Serial frames over TCP, in clear.
    RtuTcp,
    /// A serial line; the address is its device file.
    Rtu,
    /// Modbus/TCP Security.
    Tls,
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// Even.
    Even,
    /// Odd.
    Odd,
    /// None.
    None,
}

/// What is wrong, and how to mend it.
pub(super) type Wrong = (String, &'static str);

impl ModbusEntry {
    /// Whether nobody between can change a message unnoticed.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        matches!(self.transport, ModbusTransport::Tls | ModbusTransport::Rtu)
    }

    /// Whether the address is a device file.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        self.transport == ModbusTransport::Rtu
    }

    /// The adapter's options for a controller at `address`.
    ///
    /// # Errors
    /// What is wrong, and how to mend it, for people.
    pub fn options(&self, config: &Config, address: &str, accept_plaintext: bool) -> Result<Options, Wrong> {
        if self.unit.is_some_and(|unit| !(1..=247).contains(&unit)) {
            return Err(("a unit is 1 to 247".into(), "Write the unit that the device answers as."));
        }
        Ok(Options {
            accept_plaintext,
            transport: self.transport(config, address)?,
            map: self.map(config)?,
            unit: self.unit,
        })
    }

    fn transport(&self, config: &Config, address: &str) -> Result<Transport, Wrong> {
        let line = self.baud.is_some() || self.parity.is_some() || self.stop_bits.is_some();
        if line && !self.is_serial() {
            let message = "baud, parity and stop_bits belong to a serial line".to_owned();
            return Err((message, "Remove them, or write transport = \"rtu\"."));
        }
        let tls = [&self.ca_file, &self.certificate_file, &self.key_file].iter().any(|file| file.is_some());
        if (tls || self.server_name.is_some() || self.role.is_some())
            && self.transport != ModbusTransport::Tls
        {
            let message = "certificates, server_name and role belong to TLS".to_owned();
            return Err((message, "Remove them, or write transport = \"tls\"."));
        }
        match self.transport {
            ModbusTransport::Tcp => Ok(Transport::Tcp),
            ModbusTransport::RtuTcp => Ok(Transport::RtuTcp),
            ModbusTransport::Rtu => self.line().map(Transport::Rtu),
            ModbusTransport::Tls => self.tls(config, address).map(Transport::Tls),
        }
    }

    fn line(&self) -> Result<SerialLine, Wrong> {
        let baud = self.baud.unwrap_or(19_200);
        if !(1_200..=115_200).contains(&baud) {
            let message = format!("{baud} baud is outside 1200 to 115200");
            return Err((message, "Write the rate that the device is set to."));
        }
        let two_stop_bits = match self.stop_bits {
            None | Some(1) => false,
            Some(2) => true,
            Some(other) => {
                return Err((format!("a line has no {other} stop bits"), "Write stop_bits = 1 or 2."));
            }
        };
        let parity = match self.parity {
            None | Some(Parity::Even) => LineParity::Even,
            Some(Parity::Odd) => LineParity::Odd,
            Some(Parity::None) => LineParity::None,
        };
        Ok(SerialLine { baud, parity, two_stop_bits })
    }

    fn tls(&self, config: &Config, address: &str) -> Result<TlsClient, Wrong> {
        const CURE: &str = "Write modbus = { transport = \"tls\", ca_file = \"…\", certificate_file = \"…\", key_file = \"…\" }.";
        let (Some(authority), Some(certificate), Some(key)) =
            (&self.ca_file, &self.certificate_file, &self.key_file)
        else {
            return Err(("TLS needs an authority, a certificate and its key".into(), CURE));
        };
        let read = |path: &Path| read(config, path).map_err(|message| (message, CURE));
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = self.server_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
        let (authority, certificate, key) = (read(authority)?, read(certificate)?, read(key)?);
        let texts = (authority.as_bytes(), certificate.as_bytes(), key.as_bytes());
        TlsClient::from_pem(texts.0, texts.1, texts.2, name, self.role.as_deref())
            .map_err(|error| (error.to_string(), "docs/modbus-register-map.md says what the files hold."))
    }

    fn map(&self, config: &Config) -> Result<Map, Wrong> {
        const CURE: &str = "docs/modbus-register-map.md explains every key of a profile.";
        let text = match (self.profile.as_deref(), &self.profile_file) {
            (Some(_), Some(_)) => {
                return Err(("the controller has two Modbus profiles".into(), "Keep one of them."));
            }
            (None | Some("clearway-modbus-1"), None) => {
                let needless = self.commissioned.is_some();
                let message = "the register map names its configuration itself".to_owned();
                return if needless { Err((message, "Remove commissioned.")) } else { Ok(Map::Clearway) };
            }
            (Some("remote-io"), None) => REMOTE_IO.to_owned(),
            (Some(name), None) => {
                let cure = "Shipped are clearway-modbus-1 and remote-io; name a file by profile_file.";
                return Err((format!("there is no Modbus profile `{name}`"), cure));
            }
            (None, Some(file)) => read(config, file).map_err(|message| (message, CURE))?,
        };
        let profile =
            Profile::parse(&text).map_err(|error| (format!("the Modbus profile: {error}"), CURE))?;
        let commissioned = match self.commissioned.as_deref() {
            Some(digits) if digits.len() == 8 => u32::from_str_radix(digits, 16).ok(),
            _ => None,
        };
        let Some(commissioned) = commissioned else {
            let cure = "Prove the wiring, then write commissioned = \"…\" with the model's configuration hash: \
                        the controllers list names it while the controller is not armed.";
            return Err(("a wiring needs the configuration that it was commissioned for".into(), cure));
        };
        Ok(Map::Points { profile: Box::new(profile), commissioned: Some(commissioned) })
    }
}

pub(super) fn read(config: &Config, path: &Path) -> Result<String, String> {
    let path = config.resolve(path);
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let length = std::fs::metadata(&path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("{} has {length} bytes; the limit is {FILE_BYTES_MAX}", path.display()));
    }
    std::fs::read_to_string(&path).map_err(unreadable)
}

impl Checker<'_> {
    /// The Modbus of one controller.
    pub(super) fn modbus(&mut self, at: &Range<usize>, controller: &ControllerEntry) {
        let Some(modbus) = &controller.modbus else { return };
        if controller.protocol.as_deref() == Some("ntcip") {
            let message = "an NTCIP controller has no Modbus".to_owned();
            return self.fault(at.clone(), "modbus", message, "Remove it, or write protocol = \"modbus\".");
        }
        if let Some(file) = &modbus.key_file {
            self.secret(at.clone(), "modbus", file);
        }
        let address = controller.address.as_deref().unwrap_or_default();
        if let Err((message, cure)) = modbus.options(self.config, address, controller.accept_plaintext) {
            self.fault(at.clone(), "modbus", message, cure);
        }
        if modbus.is_serial() {
            self.serial(at, controller, address);
        }
    }

    /// A line carries one request at a time, so it serves one controller.
    fn serial(&mut self, at: &Range<usize>, controller: &ControllerEntry, address: &str) {
        if !Path::new(address).is_absolute() {
            let message = format!("`{address}` is no device file");
            let cure = "Write address = \"/dev/ttyS1\" or wherever the line is.";
            self.fault(at.clone(), "address", message, cure);
        }
        let shared = self.config.controllers.iter().map(AsRef::as_ref).find(|other| {
            let serial = other.modbus.as_ref().is_some_and(ModbusEntry::is_serial);
            serial && other.id != controller.id && other.address == controller.address
        });
        if let Some(other) = shared {
            let message = format!("the line `{address}` already leads to controller `{}`", other.id);
            self.fault(at.clone(), "address", message, "Give each controller a line of its own.");
        }
    }
}
