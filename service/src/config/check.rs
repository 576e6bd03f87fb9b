//! Everything about a configuration that its form alone does not hold.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clearway_feeds::adapter::mqtt::Broker;
use clearway_feeds::r09::POINTS_MAX;
use clearway_feeds::registry::{self, is_hub_resource_id};
use clearway_feeds::{Registry, RegistryFault, Vehicle, VehicleClass};

use super::recovery::RecoveryEntry;
use super::{
    Config, ConfigError, ControllerEntry, Fault, Feed, ModbusEntry, R09Feed, SnmpEntry, VehicleEntry,
};

/// A secret's file may be read by its owner alone.
const OTHERS_MODE: u32 = 0o077;

const CADENCE_S: RangeInclusive<f64> = 0.1..=60.0;
const STALE_MAX_S: RangeInclusive<f64> = 1.0..=300.0;

impl Config {
    /// Checks everything and gives the registry. With `model_controllers`, the ids of the model's
    /// controllers, also that every `[[controller]]` is one of them.
    ///
    /// # Errors
    /// All faults at once, in the order of the file.
    pub fn check(&self, model_controllers: Option<&[&str]>) -> Result<Registry, ConfigError> {
        let mut checker = Checker { config: self, faults: Vec::new() };
        checker.top();
        checker.policy(model_controllers);
        checker.feeds();
        let registry = checker.vehicles();
        checker.rsmp_listeners();
        checker.controllers(model_controllers);
        checker.rsmp_sites();
        if checker.faults.is_empty() {
            Ok(registry.unwrap_or_default())
        } else {
            Err(self.source.error(checker.faults))
        }
    }
}

pub(super) struct Checker<'a> {
    pub(super) config: &'a Config,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    pub(super) fn fault(&mut self, table: Range<usize>, key: &str, message: String, cure: &str) {
        let at = self.config.source.key(table, key);
        self.faults.push(self.config.source.fault(at, message, cure));
    }

    fn top(&mut self) {
        let config = self.config;
        if !config.resolve(&config.network).is_dir() {
            let message = format!("there is no network model in `{}`", config.network.display());
            self.fault(
                0..0,
                "network",
                message,
                "Name the folder of a model; paths are relative to this file.",
            );
        }
        let listen = config.source.table("listen");
        self.listener(listen.clone(), "page", config.listen.page);
        self.listener(listen.clone(), "broker", config.listen.broker);
        if let Some(release) = config.listen.release {
            self.listener(listen, "release", release);
        }
    }

    fn policy(&mut self, model_controllers: Option<&[&str]>) {
        let policy = &self.config.policy;
        let table = self.config.source.table("policy");
        self.within(table.clone(), "signals_ahead_max", f64::from(policy.signals_ahead_max), 1.0..=64.0);
        self.within(table.clone(), "lead_s", policy.lead_s, 0.0..=60.0);
        self.within(table.clone(), "stop_free_pct", policy.stop_free_pct, 50.0..=99.9);
        self.within(table.clone(), "hold_max_s", policy.hold_max_s, 5.0..=120.0);
        self.within(table.clone(), "lockout_s", policy.lockout_s, 0.0..=600.0);
        self.within(table.clone(), "release_hold_max_s", policy.release_hold_max_s, 0.0..=15.0);
        self.recovery(&policy.recovery);
        self.within(table.clone(), "tram_late_s", f64::from(policy.tram_late_s), -3600.0..=3600.0);
        self.within(table.clone(), "tram_horizon_s", policy.tram_horizon_s, 5.0..=120.0);
        for (key, message, cure) in policy.faults(model_controllers) {
            self.fault(table.clone(), key, message, cure);
        }
    }

    fn recovery(&mut self, recovery: &RecoveryEntry) {
        let table = self.config.source.table("policy.recovery");
        self.within(table.clone(), "faster_pct", recovery.faster_pct, 0.1..=50.0);
        self.within(table.clone(), "slower_pct", recovery.slower_pct, 0.1..=50.0);
        self.within(table.clone(), "rest_at_s", recovery.rest_at_s, 0.0..=600.0);
        self.within(table.clone(), "rest_max_s", recovery.rest_max_s, 1.0..=600.0);
        self.within(table.clone(), "exit_at_s", recovery.exit_at_s, 0.0..=600.0);
        self.within(table, "exit_cycles", f64::from(recovery.exit_cycles), 1.0..=10.0);
    }

    fn feeds(&mut self) {
        let config = self.config;
        let mut names: HashMap<&str, usize> = HashMap::new();
        for entry in &config.feeds {
            let (at, feed) = (entry.span(), entry.get_ref());
            if names.insert(feed.name(), at.start).is_some() {
                let message = format!("two feeds are named `{}`", feed.name());
                self.fault(at.clone(), "name", message, "Give each feed its own `name`.");
            }
            self.within(at.clone(), "cadence_s", feed.cadence_s(), CADENCE_S);
            self.within(at.clone(), "stale_max_s", feed.stale_max_s(), STALE_MAX_S);
            match feed {
                Feed::Hfp(hfp) => self.broker(at, hfp.broker.as_deref(), hfp.embedded),
                Feed::Hub(hub) => {
                    self.listener(at.clone(), "listen", hub.listen);
                    match &hub.token_file {
                        Some(file) => self.secret(at, "token_file", file),
                        None if !hub.listen.ip().is_loopback() => self.fault(
                            at,
                            "listen",
                            "missions would be taken from anybody".to_owned(),
                            "Give `token_file`, or listen on 127.0.0.1.",
                        ),
                        None => {}
                    }
                }
                Feed::Nmea(nmea) => self.listener(at, "listen", nmea.listen),
                Feed::R09(r09) => {
                    self.reporting_points(at.clone(), r09);
                    self.listener(at, "listen", r09.listen);
                }
                Feed::Taip(taip) => {
                    self.within(at.clone(), "gps_utc_offset_s", f64::from(taip.gps_utc_offset_s), 0.0..=60.0);
                    self.listener(at, "listen", taip.listen);
                }
            }
        }
    }

    fn reporting_points(&mut self, at: Range<usize>, feed: &R09Feed) {
        let mut numbers = HashSet::new();
        for point in &feed.points {
            if point.read().is_none() {
                let message = format!("reporting point {} has no place or no direction", point.number);
                self.fault(at.clone(), "point", message, "Write lat and lon in degrees, direction 0 or 1.");
            }
            if !numbers.insert(point.number) {
                let message = format!("two reporting points have number {}", point.number);
                self.fault(at.clone(), "point", message, "Give each point its own number.");
            }
        }
        if feed.points.len() > POINTS_MAX {
            let message = format!("{} reporting points; the limit is {POINTS_MAX}", feed.points.len());
            self.fault(at, "point", message, "Spread them over several feeds.");
        }
    }

    fn broker(&mut self, at: Range<usize>, url: Option<&str>, embedded: bool) {
        const CURE: &str = "Give either `broker = \"mqtt://host:1883\"` or `embedded = true`.";
        match (url, embedded) {
            (None, true) => {}
            (None, false) => self.fault(at, "kind", "the feed has no broker".to_owned(), CURE),
            (Some(_), true) => self.fault(at, "broker", "the feed has two brokers".to_owned(), CURE),
            (Some(url), false) => match url.parse::<Broker>() {
                Ok(broker) => self.peer(at, "broker", &broker.host, false),
                Err(error) => self.fault(at, "broker", error.to_string(), CURE),
            },
        }
    }

    /// Each vehicle by itself, then all together.
    fn vehicles(&mut self) -> Option<Registry> {
        let config = self.config;
        let entries = &config.vehicles;
        let vehicles: Vec<Vehicle> =
            entries.iter().map(|entry| self.vehicle(entry.span(), entry.get_ref())).collect();
        let faults = match Registry::new(vehicles) {
            Ok(registry) => return Some(registry),
            Err(faults) => faults,
        };
        for fault in faults {
            let second = match &fault {
                RegistryFault::TooMany(_) => 0,
                RegistryFault::DuplicateName { second, .. }
                | RegistryFault::DuplicateIdentity { second, .. } => *second,
            };
            let at = entries.get(second).map_or(0..0, toml::Spanned::span);
            self.fault(at, "id", fault.to_string(), "Give each vehicle its own id and its own identities.");
        }
        None
    }

    fn vehicle(&mut self, at: Range<usize>, entry: &VehicleEntry) -> Vehicle {
        let class = match entry.class.as_str() {
            "emergency" => VehicleClass::Emergency,
            "tram" => VehicleClass::Tram,
            "bus" => VehicleClass::Bus,
            other => {
                let message = format!("`{other}` is not a class of vehicle");
                self.fault(at.clone(), "class", message, "Write emergency, tram or bus.");
                VehicleClass::Bus
            }
        };
        if entry.id.trim().is_empty() {
            let cure = "Write a short name, as in `fire-101`.";
            self.fault(at.clone(), "id", "the vehicle has no name".to_owned(), cure);
        }
        let mut vehicle = Vehicle::new(&entry.id, class);
        vehicle.owner.clone_from(&entry.owner);
        vehicle.label = entry.label.clone().unwrap_or_else(|| entry.id.clone());
        vehicle.udp_source = self.identity(&at, "udp_source", entry.udp_source.as_deref(), str::parse);
        vehicle.nmea_talker =
            self.identity(&at, "nmea_talker", entry.nmea_talker.as_deref(), registry::parse_talker);
        vehicle.taip_id = self.identity(&at, "taip_id", entry.taip_id.as_deref(), registry::parse_taip_id);
        vehicle.hub_resource_id =
            self.identity(&at, "hub_resource_id", entry.hub_resource_id.as_deref(), |id| {
                if is_hub_resource_id(id) {
                    Ok(id.to_owned())
                } else {
                    Err(registry::IdentityError::Hub(id.to_owned()))
                }
            });
        vehicle.hfp = self.identity(&at, "hfp", entry.hfp.as_deref(), str::parse);
        vehicle.r09 = self.identity(&at, "r09", entry.r09.as_deref(), str::parse);
        self.feed_of_class(at, &vehicle);
        vehicle
    }

    /// HFP and R09 speak for transit, the others for emergency vehicles: a class that no feed serves is a slip.
    fn feed_of_class(&mut self, at: Range<usize>, vehicle: &Vehicle) {
        let cure = "Emergency vehicles are known by udp_source, nmea_talker, taip_id or hub_resource_id; \
                    trams and buses by hfp or r09.";
        let emergency = vehicle.class == VehicleClass::Emergency;
        if emergency && vehicle.hfp.is_some() {
            let message = "an emergency vehicle cannot be taken from HFP".to_owned();
            self.fault(at, "hfp", message, cure);
        } else if emergency && vehicle.r09.is_some() {
            let message = "an emergency vehicle cannot be taken from R09".to_owned();
            self.fault(at, "r09", message, cure);
        } else if !emergency && vehicle.hub_resource_id.is_some() {
            let message = format!("a {} cannot be taken from the hub", vehicle.class.word());
            self.fault(at, "hub_resource_id", message, cure);
        }
    }

    fn identity<T>(
        &mut self,
        at: &Range<usize>,
        key: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, registry::IdentityError>,
    ) -> Option<T> {
        match read(text?) {
            Ok(identity) => Some(identity),
            Err(error) => {
                self.fault(at.clone(), key, error.to_string(), "Correct the identity or remove it.");
                None
            }
        }
    }

    fn controllers(&mut self, model_controllers: Option<&[&str]>) {
        let config = self.config;
        let mut ids: HashMap<&str, usize> = HashMap::new();
        for entry in &config.controllers {
            let (at, controller) = (entry.span(), entry.get_ref());
            if ids.insert(&controller.id, at.start).is_some() {
                let message = format!("controller `{}` stands here twice", controller.id);
                self.fault(at.clone(), "id", message, "Join the two entries.");
            }
            if model_controllers.is_some_and(|known| !known.contains(&controller.id.as_str())) {
                let message = format!("the model has no controller `{}`", controller.id);
                self.fault(at.clone(), "id", message, "Use an id of the model's signal_controller table.");
            }
            self.controller(at, controller);
        }
    }

    fn controller(&mut self, at: Range<usize>, controller: &ControllerEntry) {
        if let Some(protocol) = controller.protocol.as_deref() {
            if !["ntcip", "modbus", "rsmp"].contains(&protocol) {
                let message = format!("`{protocol}` is not a protocol");
                self.fault(at.clone(), "protocol", message, "Write ntcip, modbus or rsmp.");
            } else if protocol != "ntcip" && controller.community_file.is_some() {
                let message = "only NTCIP has a community".to_owned();
                self.fault(
                    at.clone(),
                    "community_file",
                    message,
                    "Remove it, or write protocol = \"ntcip\".",
                );
            }
        }
        let serial = controller.modbus.as_ref().is_some_and(ModbusEntry::is_serial);
        if let Some(address) = controller.address.as_deref().filter(|_| !serial) {
            match address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>())) {
                Some((host, Ok(1..))) if !host.is_empty() => {
                    let authenticated = controller.snmp.as_ref().is_some_and(SnmpEntry::is_authenticated);
                    let protected = controller.modbus.as_ref().is_some_and(ModbusEntry::is_protected);
                    let accepted = controller.accept_plaintext || authenticated || protected;
                    self.peer(at.clone(), "address", host, accepted);
                }
                _ => {
                    let message = format!("`{address}` is not an address");
                    self.fault(at.clone(), "address", message, "Write host:port, as in 10.0.0.7:161.");
                }
            }
        }
        if let Some(file) = &controller.community_file {
            self.secret(at.clone(), "community_file", file);
        }
        self.snmp(&at, controller);
        self.modbus(&at, controller);
        self.rsmp(&at, controller);
        self.profile(&at, controller);
        if let Some(seconds) = controller.backup_time_max_s {
            #[allow(clippy::cast_precision_loss)] // Minutes.
            let site_max_s = clearway_signals::limits::BACKUP_TIME_SITE_MAX.as_s();
            self.within(at, "backup_time_max_s", f64::from(seconds), 1.0..=site_max_s);
        }
    }

    fn within(&mut self, table: Range<usize>, key: &str, value: f64, range: RangeInclusive<f64>) {
        if !range.contains(&value) {
            let message = format!("{key} = {value} is outside {} to {}", range.start(), range.end());
            self.fault(table, key, message, "Choose a value inside the range.");
        }
    }

    /// No listener beyond this machine without TLS, unless the segment is said to be isolated (X5).
    pub(super) fn listener(&mut self, table: Range<usize>, key: &str, address: SocketAddr) {
        if !address.ip().is_loopback() && !self.config.insecure_isolated_segment {
            let message = format!("{address} can be reached from other machines, without TLS");
            let cure = "Listen on 127.0.0.1 behind a TLS proxy, or set insecure_isolated_segment = true.";
            self.fault(table, key, message, cure);
        }
    }

    /// The same for what we connect to.
    fn peer(&mut self, table: Range<usize>, key: &str, host: &str, accepted: bool) {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !loopback && !accepted && !self.config.insecure_isolated_segment {
            let message = format!("{host} is another machine, and the protocol has no TLS");
            let cure = "Use a tunnel on this machine, or set insecure_isolated_segment = true \
                        (accept_plaintext = true for one controller).";
            self.fault(table, key, message, cure);
        }
    }

    pub(super) fn secret(&mut self, table: Range<usize>, key: &str, file: &Path) {
        let shown = file.display();
        match std::fs::metadata(self.config.resolve(file)) {
            Err(error) => {
                let message = format!("the secret `{shown}` cannot be read: {error}");
                self.fault(table, key, message, "Create the file; paths are relative to this file.");
            }
            Ok(found) if !found.is_file() => {
                self.fault(table, key, format!("the secret `{shown}` is not a file"), "Name a file.");
            }
            Ok(found) if found.permissions().mode() & OTHERS_MODE != 0 => {
                let mode = found.permissions().mode() & 0o777;
                let message = format!("others may read the secret `{shown}` (mode {mode:04o})");
                self.fault(table, key, message, &format!("Run `chmod 0600 {shown}`."));
            }
            Ok(_) => {}
        }
    }
}
