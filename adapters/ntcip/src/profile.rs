//! What differs between controllers that all speak NTCIP 1202: data, never code.
//!
//! A profile is a TOML text: the shipped ones stand in `profiles/`, a site may bring its own that
//! changes some keys of a shipped one (`base`). `docs/ntcip-profiles.md` explains every key.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::{Table, Value};

use crate::frame::{self, Access, Instance, Name, OBJECTS, Object};

/// How a controller names the instance of a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Suffix {
    /// `.0`, as SNMP has it.
    #[default]
    #[serde(rename = "0")]
    Zero,
    /// `.1` (Econolite).
    #[serde(rename = "1")]
    One,
    /// Nothing (MaxTime).
    #[serde(rename = "none")]
    None,
}

/// The version of NTCIP 1202.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// No `preemptState`, no entry yellow and red.
    V01,
    /// The common one.
    V02,
    /// With the enable bit and the user-defined backup time.
    #[default]
    V03,
}

/// How priority is asked of a controller (NTCIP 1211).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorityProfile {
    /// Class of our vehicles, 2 to 10: 1 is for emergency vehicles, which use preemption.
    pub class_type: u8,
    /// Level within the class, 1 (highest) to 10.
    pub class_level: u8,
    /// From the arrival at the stop line until the vehicle has surely left, seconds, 1 to 60.
    pub departure_margin_s: u16,
    /// Use the variants that carry the wall clock (v02A); the gate then judges the clock too.
    pub absolute: bool,
}

impl PriorityProfile {
    const STANDARD: Self = Self { class_type: 3, class_level: 1, departure_margin_s: 10, absolute: false };
}

impl Default for PriorityProfile {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// What stands in the place of an object that a controller does not have.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum StandIn {
    /// A number, in the object's unit.
    Number(i64),
    /// Octets, of lists of phases and overlaps.
    Octets(Vec<u8>),
}

/// The quirks of one kind of controller.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The version.
    pub version: Version,
    /// The instance of scalars.
    #[serde(rename = "scalar_suffix")]
    pub suffix: Suffix,
    /// UDP port, where the site's address names none.
    pub port: u16,
    /// Groups of eight phases, overlaps or channels that the controller serves, 1 to 32.
    pub status_groups_max: u8,
    /// The row of globalModuleTable whose version names the configuration.
    pub module_row: u8,
    /// Objects in one message, 1 to 100.
    pub names_max: usize,
    /// A message that is not answered within this time is lost, milliseconds, 50 to 2000.
    pub answer_ms: u16,
    /// The column of `preemptExitType`, 27 or 28; both are tried where it is not said.
    pub exit_type_column: Option<u8>,
    /// Objects, by the standard's name, that the controller does not have: never asked for.
    pub absent: Vec<String>,
    /// Objects that the arming gate needs and the controller lacks, and what stands in their place: the
    /// site answers for it. What the controller does serve counts first.
    pub stands_in: BTreeMap<String, StandIn>,
    /// Phases behind the overlaps and channels where groups are shown: entry must keep their times too.
    pub phases: Vec<u8>,
    /// Preempt rows whose call the controller shows but does not let anybody write.
    pub read_only_rows: Vec<u8>,
    /// By waiver, for controllers that do not serve the list of the user-defined backup time: it holds
    /// `preemptControlState`.
    pub user_backup_watches_calls: bool,
    /// By waiver, for controllers without columns 22 and 23: entry keeps yellow and red clearance.
    pub entry_keeps_intervals: bool,
    /// How priority is asked.
    pub priority: PriorityProfile,
}

/// Why a text is no profile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, an unknown key, a value of another type.
    #[error("{0}")]
    Form(String),
    /// `base` names no shipped profile.
    #[error("there is no profile `{0}` to build on; shipped are {list}", list = Profile::names().join(", "))]
    Base(String),
    /// `absent` names no object that is read.
    #[error("`{0}` is no object of NTCIP that is read here")]
    Object(String),
    /// What stands in for an object is no value of it, or the object cannot be stood in for.
    #[error("what stands in for `{0}` is no value of it")]
    StandIn(String),
    /// A number outside its range.
    #[error("{key} = {value} is outside {low} to {high}")]
    Range {
        /// The key.
        key: &'static str,
        /// What it is.
        value: u64,
        /// The least.
        low: u64,
        /// The most.
        high: u64,
    },
}

const SHIPPED: [(&str, &str); 6] = [
    ("ntcip-1202-v03", include_str!("../profiles/ntcip-1202-v03.toml")),
    ("ntcip-1202-v02", include_str!("../profiles/ntcip-1202-v02.toml")),
    ("ntcip-1202-v01", include_str!("../profiles/ntcip-1202-v01.toml")),
    ("econolite", include_str!("../profiles/econolite.toml")),
    ("maxtime", include_str!("../profiles/maxtime.toml")),
    ("nema-6053", include_str!("../profiles/nema-6053.toml")),
];
/// Profiles may build on one another this deep.
const BASES_MAX: usize = 4;
const BASE: &str = "base";

impl Profile {
    /// The standard, version 3, without quirks.
    pub const STANDARD: Self = Self {
        version: Version::V03,
        suffix: Suffix::Zero,
        port: 161,
        status_groups_max: 8,
        module_row: 1,
        names_max: 40,
        answer_ms: 150,
        exit_type_column: None,
        absent: Vec::new(),
        stands_in: BTreeMap::new(),
        phases: Vec::new(),
        read_only_rows: Vec::new(),
        user_backup_watches_calls: false,
        entry_keeps_intervals: false,
        priority: PriorityProfile::STANDARD,
    };

    /// The names of the shipped profiles.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        SHIPPED.iter().map(|(name, _)| *name).collect()
    }

    /// The shipped profile of a name of the model's `controller_link` table.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::from_toml(shipped(name)?).ok()
    }

    /// A profile of its own text, on top of the shipped one that it names as `base`, if any.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let mut table: Table = text.parse().map_err(form)?;
        for _ in 0..BASES_MAX {
            let Some(base) = table.remove(BASE) else { break };
            let name = base.as_str().unwrap_or_default();
            let below: Table =
                shipped(name).ok_or_else(|| ProfileError::Base(base.to_string()))?.parse().map_err(form)?;
            table = merged(below, table);
        }
        let profile: Self = Value::Table(table).try_into().map_err(form)?;
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), ProfileError> {
        let read = |name: &str| OBJECTS.iter().any(|object| object.name == name);
        if let Some(unknown) = self.absent.iter().find(|name| !read(name)) {
            return Err(ProfileError::Object(unknown.clone()));
        }
        for (name, value) in &self.stands_in {
            let object = OBJECTS.iter().find(|object| object.name == name);
            if !object.is_some_and(|object| fits(object, value)) {
                return Err(ProfileError::StandIn(name.clone()));
            }
        }
        let columns = self.exit_type_column.unwrap_or(28);
        for (key, value, range) in [
            ("port", u64::from(self.port), 1..=65_535),
            ("status_groups_max", self.status_groups_max.into(), 1..=32),
            ("module_row", self.module_row.into(), 1..=255),
            ("names_max", self.names_max as u64, 1..=100),
            ("answer_ms", self.answer_ms.into(), 50..=2_000),
            ("exit_type_column", columns.into(), 27..=28),
            ("priority.class_type", self.priority.class_type.into(), 2..=10),
            ("priority.class_level", self.priority.class_level.into(), 1..=10),
            ("priority.departure_margin_s", self.priority.departure_margin_s.into(), 1..=60),
        ] {
            within(key, value, range)?;
        }
        Ok(())
    }

    /// The name of an object's only instance at this controller.
    #[must_use]
    pub fn scalar(&self, object: &Object) -> Name {
        debug_assert_eq!(object.instance, Instance::Scalar);
        match self.suffix {
            Suffix::Zero => object.at(&[0]),
            Suffix::One => object.at(&[1]),
            Suffix::None => object.at(&[]),
        }
    }

    /// Whether the controller may have an object: whether to ask for it.
    #[must_use]
    pub fn has(&self, object: &Object) -> bool {
        !self.absent.iter().any(|name| name == object.name)
    }

    /// What stands in the place of an object that the controller does not have.
    #[must_use]
    pub fn stand_in(&self, object: &Object) -> Option<&StandIn> {
        // The lesser of the row's time and the phase's own counts: the longest value means that the
        // phase's own holds.
        static LONGEST: StandIn = StandIn::Number(255);
        static NOBODY: StandIn = StandIn::Octets(Vec::new());
        let entry = [&frame::PREEMPT_YELLOW, &frame::PREEMPT_RED].contains(&object);
        match self.stands_in.get(object.name) {
            None if entry && self.entry_keeps_intervals => Some(&LONGEST),
            None if self.version == Version::V01 && frame::LISTS_OF_V02.contains(object) => Some(&NOBODY),
            said => said,
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::STANDARD
    }
}

fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// `above` on top of `below`, table by table.
fn merged(mut below: Table, above: Table) -> Table {
    for (key, value) in above {
        let value = match (below.remove(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => Value::Table(merged(below, above)),
            (_, value) => value,
        };
        below.insert(key, value);
    }
    below
}

/// Whether a value is one of an object's. Nothing stands in for a call that we would write.
fn fits(object: &Object, value: &StandIn) -> bool {
    let (low, high) = object.range;
    let lists = frame::LISTS_OF_V01.contains(object) || frame::LISTS_OF_V02.contains(object);
    let texts = [frame::MODULE_MAKE, frame::MODULE_MODEL, frame::MODULE_VERSION, frame::WATCHED];
    match value {
        _ if object.access != Access::Read || texts.contains(object) => false,
        StandIn::Number(number) => !lists && (low..=high).contains(number),
        StandIn::Octets(_) => lists,
    }
}

fn form(error: toml::de::Error) -> ProfileError {
    ProfileError::Form(error.to_string().trim_end().to_owned())
}

fn within(key: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), ProfileError> {
    let (low, high) = range.into_inner();
    let holds = (low..=high).contains(&value);
    if holds { Ok(()) } else { Err(ProfileError::Range { key, value, low, high }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    #[test]
    fn every_shipped_profile_is_sound_and_the_first_is_the_standard() {
        for name in Profile::names() {
            let read = Profile::from_toml(shipped(name).unwrap());
            assert!(read.is_ok(), "{name}: {read:?}");
        }
        assert_eq!(Profile::named("ntcip-1202-v03"), Some(Profile::STANDARD));
        assert_eq!(Profile::named("nobody"), None);
    }

    #[test]
    fn vendors_differ_as_data() {
        let econolite = Profile::named("econolite").unwrap();
        assert_eq!((econolite.version, econolite.port), (Version::V02, 501));
        assert!(econolite.scalar(&frame::CONTROL_STATUS).to_string().ends_with(".1.3.5.1"));
        let maxtime = Profile::named("maxtime").unwrap();
        assert!(maxtime.scalar(&frame::CONTROL_STATUS).to_string().ends_with(".1.3.5"));
    }

    #[test]
    fn a_site_changes_some_keys_of_a_shipped_profile() {
        let text = "base = \"econolite\"\nport = 161\nread_only_rows = [1, 2]\nabsent = [\"sysUpTime\"]\n\
                    exit_type_column = 27\n[priority]\nclass_level = 4\n";
        let profile = Profile::from_toml(text).unwrap();
        assert_eq!((profile.suffix, profile.port, profile.exit_type_column), (Suffix::One, 161, Some(27)));
        assert_eq!((profile.priority.class_type, profile.priority.class_level), (3, 4));
        assert!(!profile.has(&frame::UPTIME) && profile.has(&frame::GREENS));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| Profile::from_toml(text).unwrap_err().to_string();
        assert!(wrong("base = \"acme\"").contains("econolite"));
        assert!(wrong("colour = 1").contains("colour"));
        assert!(wrong("port = ").contains("TOML"), "{}", wrong("port = "));
        assert_eq!(wrong("answer_ms = 5"), "answer_ms = 5 is outside 50 to 2000");
        assert_eq!(wrong("exit_type_column = 29"), "exit_type_column = 29 is outside 27 to 28");
        assert_eq!(wrong("[priority]\nclass_type = 1"), "priority.class_type = 1 is outside 2 to 10");
        assert!(wrong("absent = [\"preemptSomething\"]").contains("preemptSomething"));
        for stand_in in [
            "unitControl = 256",
            "preemptDwellPed = 1",
            "preemptDelay = []",
            "nothing = 1",
            "preemptControlState = 1",
        ] {
            let name = stand_in.split(' ').next().unwrap();
            assert!(wrong(&format!("[stands_in]\n{stand_in}\n")).contains(name), "{stand_in}");
        }
    }

    #[test]
    fn what_a_controller_lacks_is_stood_in_for_by_name() {
        let text = "base = \"ntcip-1202-v02\"\n[stands_in]\nunitControl = 0\npreemptDwellPed = [2, 6]\n";
        let profile = Profile::from_toml(text).unwrap();
        assert_eq!(profile.stand_in(&frame::UNIT_CONTROL), Some(&StandIn::Number(0)));
        assert_eq!(profile.stand_in(&frame::PREEMPT_DWELL_PED), Some(&StandIn::Octets(vec![2, 6])));
        for object in [&frame::PREEMPT_RED, &frame::PREEMPT_DWELL_OVERLAP, &frame::PREEMPT_DELAY] {
            assert_eq!(profile.stand_in(object), None, "{}", object.name);
        }
        let old = Profile { entry_keeps_intervals: true, version: Version::V01, ..profile };
        assert_eq!(old.stand_in(&frame::PREEMPT_RED), Some(&StandIn::Number(255)));
        assert_eq!(old.stand_in(&frame::PREEMPT_DWELL_OVERLAP), Some(&StandIn::Octets(vec![])));
    }
}
