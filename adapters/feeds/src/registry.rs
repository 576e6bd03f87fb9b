//! The vehicle registry: which outside identity is which vehicle of which class and owner.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use clearway_signals::VehicleId;
use clearway_signals::limits::VEHICLES_MAX;

/// Class of a vehicle; decides what it may ask for and how fast it can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum VehicleClass {
    /// Fire engine, ambulance, police: preemption, with a mission.
    Emergency,
    /// Tram: priority.
    Tram,
    /// Bus: priority.
    Bus,
}

impl VehicleClass {
    /// The word of configuration, API and page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Tram => "tram",
            Self::Bus => "bus",
        }
    }

    /// The highest speed that is believed, in metres a second.
    #[must_use]
    pub const fn speed_max_mps(self) -> f64 {
        match self {
            Self::Emergency => 55.0,
            Self::Tram => 25.0,
            Self::Bus => 35.0,
        }
    }
}

/// HFP's identity: the topic's operator and vehicle number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct HfpId {
    /// Operator, 0 to 9999.
    pub operator: u16,
    /// Vehicle number, 0 to 99999.
    pub vehicle: u32,
}

impl FromStr for HfpId {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let wrong = || IdentityError::Hfp(text.to_owned());
        let digits = |part: &str, max: usize| {
            (!part.is_empty() && part.len() <= max && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u32>().ok())
                .flatten()
                .ok_or_else(wrong)
        };
        let (operator, vehicle) = text.split_once('/').ok_or_else(wrong)?;
        let operator = u16::try_from(digits(operator, 4)?).map_err(|_| wrong())?;
        Ok(Self { operator, vehicle: digits(vehicle, 5)? })
    }
}

impl fmt::Display for HfpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:05}", self.operator, self.vehicle)
    }
}

/// R09's identity: a line and a run on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct R09Id {
    /// Line, 0 to 999.
    pub line: u16,
    /// Run, 0 to 99.
    pub run: u8,
}

impl FromStr for R09Id {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let wrong = || IdentityError::R09(text.to_owned());
        let (line, run) = text.split_once('/').ok_or_else(wrong)?;
        let digits = |part: &str, max: usize| {
            part.len() <= max && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
        };
        let fits = digits(line, 3) && digits(run, 2);
        let id = line.parse().ok().zip(run.parse().ok()).filter(|_| fits);
        id.map(|(line, run)| Self { line, run }).ok_or_else(wrong)
    }
}

impl fmt::Display for R09Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:02}", self.line, self.run)
    }
}

/// Where a vehicle's datagrams come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum UdpSource {
    /// This address and port only.
    Socket(SocketAddr),
    /// This address, any port.
    Host(IpAddr),
}

impl FromStr for UdpSource {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        if let Ok(socket) = text.parse() {
            return Ok(Self::Socket(socket));
        }
        text.parse().map(Self::Host).map_err(|_| IdentityError::UdpSource(text.to_owned()))
    }
}

/// An identity that does not follow its pattern.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityError {
    /// Not an HFP identity.
    #[error("`{0}` is not an HFP identity; write operator/vehicle in digits, as in 0040/00407")]
    Hfp(String),
    /// Not an R09 identity.
    #[error("`{0}` is not an R09 identity; write line/run in digits, as in 11/08")]
    R09(String),
    /// Not an address.
    #[error("`{0}` is not a source address; write 10.0.0.5 or 10.0.0.5:4001")]
    UdpSource(String),
    /// Not a talker id.
    #[error("`{0}` is not an NMEA talker id; write two capital letters or digits")]
    Talker(String),
    /// Not a TAIP id.
    #[error("`{0}` is not a TAIP id; write 1 to 16 letters, digits, `-` or `_`")]
    Taip(String),
    /// Not a hub resource id.
    #[error("`{0}` is not a hub resource id, as in fr.fire.sis21.cga.resource.FPT1")]
    Hub(String),
}

/// Whether a text is a resource id of the hub:
/// `^([a-zA-Z0-9_-]+\.){3,8}resource(\.[a-zA-Z0-9_-]+){1,2}$`.
#[must_use]
pub fn is_hub_resource_id(text: &str) -> bool {
    const PARTS_MAX: usize = 11;
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let parts: Vec<&str> = text.split('.').take(PARTS_MAX + 1).collect();
    let marker_at = |behind: usize| {
        let before = parts.len().checked_sub(behind + 1)?;
        ((3..=8).contains(&before) && parts[before] == "resource").then_some(())
    };
    parts.len() <= PARTS_MAX
        && parts.iter().all(|part| word(part))
        && (marker_at(1).or(marker_at(2))).is_some()
}

/// One vehicle and the identities by which feeds know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vehicle {
    /// The name that configuration, journal and page use.
    pub name: String,
    /// Its class.
    pub class: VehicleClass,
    /// Whose it is.
    pub owner: String,
    /// What people read on it.
    pub label: String,
    /// Source address of its NMEA or TAIP datagrams.
    pub udp_source: Option<UdpSource>,
    /// Talker id of its NMEA sentences, where several vehicles share a source.
    pub nmea_talker: Option<[u8; 2]>,
    /// TAIP id.
    pub taip_id: Option<String>,
    /// Resource id at the hub.
    pub hub_resource_id: Option<String>,
    /// HFP operator and vehicle.
    pub hfp: Option<HfpId>,
    /// R09 line and run.
    pub r09: Option<R09Id>,
}

impl Vehicle {
    /// A vehicle without outside identities.
    #[must_use]
    pub fn new(name: &str, class: VehicleClass) -> Self {
        Self {
            name: name.to_owned(),
            class,
            owner: String::new(),
            label: name.to_owned(),
            udp_source: None,
            nmea_talker: None,
            taip_id: None,
            hub_resource_id: None,
            hfp: None,
            r09: None,
        }
    }
}

/// Reads an NMEA talker id.
///
/// # Errors
/// When it is not two capital letters or digits.
pub fn parse_talker(text: &str) -> Result<[u8; 2], IdentityError> {
    match *text.as_bytes() {
        [a, b] if [a, b].iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) => Ok([a, b]),
        _ => Err(IdentityError::Talker(text.to_owned())),
    }
}

/// Reads a TAIP id.
///
/// # Errors
/// When it is not 1 to 16 letters, digits, `-` or `_`.
pub fn parse_taip_id(text: &str) -> Result<String, IdentityError> {
    let word = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if word && (1..=16).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(IdentityError::Taip(text.to_owned()))
    }
}

/// What is wrong with a list of vehicles.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistryFault {
    /// More vehicles than the limit.
    #[error("{0} vehicles; the limit is {VEHICLES_MAX}")]
    TooMany(usize),
    /// Two vehicles share a name.
    #[error("two vehicles are named `{name}`")]
    DuplicateName {
        /// The name.
        name: String,
        /// Index of the second one.
        second: usize,
    },
    /// Two vehicles share an identity.
    #[error("vehicle `{name}` has {identity}, which vehicle `{other}` has already")]
    DuplicateIdentity {
        /// The second vehicle.
        name: String,
        /// The first vehicle.
        other: String,
        /// The identity, in words.
        identity: String,
        /// Index of the second one.
        second: usize,
    },
}

/// The registry. Immutable once built; [`VehicleId`] is the index into it.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    vehicles: Vec<Vehicle>,
    by_socket: HashMap<SocketAddr, VehicleId>,
    by_host: HashMap<IpAddr, VehicleId>,
    by_talker: HashMap<[u8; 2], VehicleId>,
    by_taip: HashMap<String, VehicleId>,
    by_hub: HashMap<String, VehicleId>,
    by_hfp: HashMap<HfpId, VehicleId>,
    by_r09: HashMap<R09Id, VehicleId>,
}

impl Registry {
    /// Builds the registry.
    ///
    /// # Errors
    /// Every duplicate and a number of vehicles above the limit, all at once.
    pub fn new(vehicles: Vec<Vehicle>) -> Result<Self, Vec<RegistryFault>> {
        if vehicles.len() > VEHICLES_MAX {
            return Err(vec![RegistryFault::TooMany(vehicles.len())]);
        }
        let mut registry = Self::default();
        let mut faults = Vec::new();
        let mut names: HashMap<&str, VehicleId> = HashMap::new();
        for (index, vehicle) in vehicles.iter().enumerate() {
            #[allow(clippy::cast_possible_truncation)] // VEHICLES_MAX fits.
            let id = VehicleId(index as u32);
            if names.insert(&vehicle.name, id).is_some() {
                faults.push(RegistryFault::DuplicateName { name: vehicle.name.clone(), second: index });
            }
            for (identity, other) in registry.claim(vehicle, id) {
                faults.push(RegistryFault::DuplicateIdentity {
                    name: vehicle.name.clone(),
                    other: vehicles[other.index()].name.clone(),
                    identity,
                    second: index,
                });
            }
        }
        registry.vehicles = vehicles;
        if faults.is_empty() { Ok(registry) } else { Err(faults) }
    }

    /// Enters a vehicle's identities; those that another one has already are given back.
    fn claim(&mut self, vehicle: &Vehicle, id: VehicleId) -> Vec<(String, VehicleId)> {
        let mut taken = Vec::new();
        let mut note = |identity: String, other: Option<VehicleId>| {
            taken.extend(other.map(|other| (identity, other)));
        };
        match vehicle.udp_source {
            Some(UdpSource::Socket(at)) => note(format!("source {at}"), self.by_socket.insert(at, id)),
            Some(UdpSource::Host(at)) => note(format!("source {at}"), self.by_host.insert(at, id)),
            None => {}
        }
        if let Some(talker) = vehicle.nmea_talker {
            let name = String::from_utf8_lossy(&talker).into_owned();
            note(format!("NMEA talker id {name}"), self.by_talker.insert(talker, id));
        }
        if let Some(taip) = &vehicle.taip_id {
            note(format!("TAIP id {taip}"), self.by_taip.insert(taip.clone(), id));
        }
        if let Some(hub) = &vehicle.hub_resource_id {
            note(format!("hub resource id {hub}"), self.by_hub.insert(hub.clone(), id));
        }
        if let Some(hfp) = vehicle.hfp {
            note(format!("HFP identity {hfp}"), self.by_hfp.insert(hfp, id));
        }
        if let Some(r09) = vehicle.r09 {
            note(format!("R09 identity {r09}"), self.by_r09.insert(r09, id));
        }
        taken
    }

    /// All vehicles, by [`VehicleId`].
    #[must_use]
    pub fn vehicles(&self) -> &[Vehicle] {
        &self.vehicles
    }

    /// The vehicle.
    #[must_use]
    pub fn get(&self, id: VehicleId) -> Option<&Vehicle> {
        self.vehicles.get(id.index())
    }

    /// By name, for the edges; a walk over all.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // VEHICLES_MAX fits.
    pub fn by_name(&self, name: &str) -> Option<VehicleId> {
        self.vehicles.iter().position(|vehicle| vehicle.name == name).map(|at| VehicleId(at as u32))
    }

    /// By the address that a datagram came from: address and port first, then the address alone.
    #[must_use]
    pub fn by_source(&self, source: SocketAddr) -> Option<VehicleId> {
        self.by_socket.get(&source).or_else(|| self.by_host.get(&source.ip())).copied()
    }

    /// By NMEA talker id.
    #[must_use]
    pub fn by_talker(&self, talker: [u8; 2]) -> Option<VehicleId> {
        self.by_talker.get(&talker).copied()
    }

    /// By TAIP id.
    #[must_use]
    pub fn by_taip(&self, id: &str) -> Option<VehicleId> {
        self.by_taip.get(id).copied()
    }

    /// By the hub's resource id.
    #[must_use]
    pub fn by_hub(&self, id: &str) -> Option<VehicleId> {
        self.by_hub.get(id).copied()
    }

    /// By R09 line and run.
    #[must_use]
    pub fn by_r09(&self, id: R09Id) -> Option<VehicleId> {
        self.by_r09.get(&id).copied()
    }

    /// By HFP operator and vehicle number.
    #[must_use]
    pub fn by_hfp(&self, id: HfpId) -> Option<VehicleId> {
        self.by_hfp.get(&id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_duplicates_are_reported_at_once() {
        let mut a = Vehicle::new("a", VehicleClass::Emergency);
        a.taip_id = Some("0001".into());
        a.hfp = "40/407".parse().ok();
        let mut b = a.clone();
        b.hfp = "0040/00407".parse().ok();
        let faults = Registry::new(vec![a, b]).unwrap_err();
        let text: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "two vehicles are named `a`",
                "vehicle `a` has TAIP id 0001, which vehicle `a` has already",
                "vehicle `a` has HFP identity 0040/00407, which vehicle `a` has already",
            ]
        );
    }

    #[test]
    fn a_port_wins_over_the_bare_address() {
        let mut host = Vehicle::new("host", VehicleClass::Emergency);
        host.udp_source = "127.0.0.1".parse().ok();
        let mut socket = Vehicle::new("socket", VehicleClass::Emergency);
        socket.udp_source = "127.0.0.1:4001".parse().ok();
        let registry = Registry::new(vec![host, socket]).unwrap();
        let at = |port| registry.by_source(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!((at(4001), at(4002)), (Some(VehicleId(1)), Some(VehicleId(0))));
    }

    #[test]
    fn identities_follow_their_patterns() {
        for good in
            ["fr.fire.sis21.cga.resource.FPT1", "fr.health.samu760.resource.VLM25", "a.b.c.resource.d.e"]
        {
            assert!(is_hub_resource_id(good), "{good}");
        }
        for bad in
            ["", "resource.x", "a.b.resource.c", "a.b.c.resource", "a.b.c.resource.d.e.f", "a.b.c.resource.ü"]
        {
            assert!(!is_hub_resource_id(bad), "{bad}");
        }
        for bad in ["", "/", "40", "a/1", "00040/1", "40/123456", "+4/1"] {
            assert!(bad.parse::<HfpId>().is_err(), "{bad}");
        }
        assert_eq!("11/8".parse::<R09Id>().map(|id| id.to_string()), Ok("11/08".to_owned()));
        for bad in ["", "/", "11", "a/1", "1000/1", "11/100", "+1/1", "11/ 8"] {
            assert!(bad.parse::<R09Id>().is_err(), "{bad}");
        }
        assert!(parse_talker("gp").is_err() && parse_taip_id("a;b").is_err());
    }
}
