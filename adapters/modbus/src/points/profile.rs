//! The profile of a device that is no Clearway controller: which point means what, as data (TOML).
//!
//! It says how the device proves what it is, where its own watchdog stands, which inputs show the
//! controller's mode, and which point calls and which confirms each request row.

use clearway_signals::Channel;
use clearway_signals::limits::{GROUPS_MAX, ROWS_MAX};
use serde::Deserialize;

/// The longest profile that is read, bytes.
pub const FILE_BYTES_MAX: usize = 256 * 1024;
/// Expectations of the identity, and of the watchdog's settings.
const EXPECTATIONS_MAX: usize = 16;
/// Units of a serial line (MODBUS over Serial Line 2.2).
const UNITS: std::ops::RangeInclusive<u8> = 1..=247;
/// Bits of a register.
const WORD_BITS: u8 = 16;

/// Why a profile cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is longer than any profile.
    #[error("the profile has {0} bytes; the limit is {FILE_BYTES_MAX}")]
    Long(usize),
    /// It is no TOML of the right form.
    #[error("{0}")]
    Syntax(String),
    /// Its points do not fit together: everything that is wrong.
    #[error("{}", .0.join("; "))]
    Points(Vec<String>),
}

/// One of the four tables of Modbus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Table {
    /// Coils, function 1.
    Coils,
    /// Discrete inputs, function 2.
    Discretes,
    /// Holding registers, function 3.
    Holdings,
    /// Input registers, function 4.
    Inputs,
}

/// A point of a table, by its protocol address (from 0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The table.
    pub table: Table,
    /// The address.
    pub address: u16,
}

/// What is read as on or off: `{ discrete = 4 }`, `{ input = 7, bit = 3, inverted = true }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "RawSignal")]
pub struct Signal {
    /// Where it stands.
    pub at: Place,
    /// The bit of a register, 0 the lowest; without it any value but 0 is on.
    pub bit: Option<u8>,
    /// On when the point says off.
    pub inverted: bool,
}

impl Signal {
    /// Whether it is on, given the value of its place.
    #[must_use]
    pub fn is_on(&self, value: u16) -> bool {
        let raw = self.bit.map_or(value != 0, |bit| value.checked_shr(bit.into()).unwrap_or(0) & 1 == 1);
        raw != self.inverted
    }
}

/// What a point must read for the device to be the right one: `{ input = 0, equals = 21065 }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "RawExpectation")]
pub struct Expectation {
    /// Where it stands.
    pub at: Place,
    /// What it must read; 0 or 1 for coils and inputs.
    pub equals: u16,
}

/// What calls a row: `{ coil = 2 }`, or a register of its own, `{ holding = 10, on = 1, off = 0 }`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "RawCall")]
pub enum Call {
    /// A coil (function 5).
    Coil(u16),
    /// A holding register (function 6).
    Register {
        /// Its address.
        address: u16,
        /// The value that calls.
        on: u16,
        /// The value that does not.
        off: u16,
    },
}

impl Call {
    /// Where the call is written, and read back.
    #[must_use]
    pub fn at(&self) -> Place {
        match *self {
            Self::Coil(address) => Place { table: Table::Coils, address },
            Self::Register { address, .. } => Place { table: Table::Holdings, address },
        }
    }

    /// Whether a value that was read back calls. What is neither on nor off counts as a call: it
    /// must be cleared.
    #[must_use]
    pub fn is_on(&self, value: u16) -> bool {
        match *self {
            Self::Coil(_) => value != 0,
            Self::Register { off, .. } => value != off,
        }
    }
}

/// The device's own communication watchdog: it drops all outputs when nobody speaks to it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watchdog {
    /// Where its time is read; 0: it is off.
    pub timeout: Signal,
    /// Milliseconds for each unit of that value, 1 to 60 000.
    pub unit_ms: u16,
    /// Settings that must hold for it to drop the outputs: the safe state, its enabling.
    #[serde(default)]
    pub require: Vec<Expectation>,
}

/// How the controller's mode is seen.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeSignals {
    /// On while the controller runs its program and takes requests.
    pub normal: Signal,
    /// On in flash.
    pub flash: Option<Signal>,
    /// On in manual or police control.
    pub manual: Option<Signal>,
}

/// A request row.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowPoints {
    /// `preempt` or `priority`.
    #[serde(deserialize_with = "channel")]
    pub channel: Channel,
    /// Its number in the model, from 1.
    pub number: u8,
    /// What calls it; rows of others have none.
    pub call: Option<Call>,
    /// On while the controller serves it.
    pub confirm: Option<Signal>,
}

/// A signal group whose lamps come back as inputs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPoints {
    /// Its number at the controller, from 1.
    pub number: u8,
    /// On while it is green (walk).
    pub green: Signal,
    /// On while it is yellow.
    pub yellow: Option<Signal>,
    /// On in pedestrian clearance.
    pub clearance: Option<Signal>,
}

/// A detector.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorPoints {
    /// Its number at the controller, from 1.
    pub number: u8,
    /// On while it is occupied.
    pub occupied: Signal,
    /// A register that counts vehicles, modulo 2^16.
    pub count: Option<Signal>,
}

/// A profile.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What people call the device.
    pub name: String,
    /// The unit that is spoken to, 1 to 247.
    #[serde(default = "first_unit")]
    pub unit: u8,
    /// What shows that the device is the right one; at least one.
    pub identity: Vec<Expectation>,
    /// Its watchdog.
    pub watchdog: Watchdog,
    /// The controller's mode.
    pub mode: ModeSignals,
    /// A holding register that is counted up with each write, for watchdogs that look for change.
    #[serde(default)]
    pub heartbeat: Option<u16>,
    /// The request rows.
    #[serde(default, rename = "row")]
    pub rows: Vec<RowPoints>,
    /// The signal groups.
    #[serde(default, rename = "group")]
    pub groups: Vec<GroupPoints>,
    /// The detectors.
    #[serde(default, rename = "detector")]
    pub detectors: Vec<DetectorPoints>,
}

/// The wiring of `docs/modbus-register-map.md`, "Remote I/O".
pub const REMOTE_IO: &str = include_str!("../../profiles/remote-io.toml");

impl Profile {
    /// Read a profile.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ProfileError::Long(text.len()));
        }
        let profile: Self = toml::from_str(text).map_err(|e| ProfileError::Syntax(e.to_string()))?;
        let wrong = profile.wrong();
        if wrong.is_empty() { Ok(profile) } else { Err(ProfileError::Points(wrong)) }
    }

    /// The points of a row.
    #[must_use]
    pub fn row(&self, channel: Channel, number: u8) -> Option<&RowPoints> {
        self.rows.iter().find(|row| row.channel == channel && row.number == number)
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut claim = |holds: bool, reason: &str| {
            if !holds {
                wrong.push(reason.to_owned());
            }
        };
        claim(UNITS.contains(&self.unit), "the unit must be 1 to 247");
        let known = (1..=EXPECTATIONS_MAX).contains(&self.identity.len());
        claim(known, "the identity needs 1 to 16 expectations");
        claim((1..=60_000).contains(&self.watchdog.unit_ms), "watchdog.unit_ms must be 1 to 60 000");
        claim(self.watchdog.timeout.is_whole_register(), "watchdog.timeout must be a whole register");
        claim(self.watchdog.require.len() <= EXPECTATIONS_MAX, "watchdog.require has more than 16 entries");
        claim(self.rows.len() <= ROWS_MAX, "there are more than 32 rows");
        claim(self.groups.len() <= GROUPS_MAX, "there are more than 64 groups");
        claim(self.detectors.len() <= 255, "there are more than 255 detectors");
        let counts = self.detectors.iter().filter_map(|detector| detector.count);
        claim(
            counts.into_iter().all(|c| c.is_whole_register()),
            "a detector's count must be a whole register",
        );
        let rows = self.rows.iter().map(|row| (row.channel == Channel::Priority, row.number));
        claim(all_differ(rows), "two rows have the same channel and number");
        claim(all_differ(self.groups.iter().map(|group| group.number)), "two groups have the same number");
        claim(all_differ(self.detectors.iter().map(|d| d.number)), "two detectors have the same number");
        let calls = self.rows.iter().filter_map(|row| row.call.map(|call| call.at()));
        let beat = self.heartbeat.map(|address| Place { table: Table::Holdings, address });
        claim(all_differ(calls.chain(beat)), "two calls (or the heartbeat) are written to the same point");
        claim(self.rows.iter().all(|row| row.number != 0), "rows are numbered from 1");
        wrong
    }
}

impl Signal {
    fn is_whole_register(&self) -> bool {
        let register = matches!(self.at.table, Table::Holdings | Table::Inputs);
        register && self.bit.is_none() && !self.inverted
    }
}

fn all_differ<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    let mut values: Vec<T> = values.collect();
    let count = values.len();
    values.sort_unstable();
    values.dedup();
    values.len() == count
}

const fn first_unit() -> u8 {
    1
}

fn channel<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Channel, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "preempt" => Ok(Channel::Preempt),
        "priority" => Ok(Channel::Priority),
        other => Err(serde::de::Error::custom(format!("`{other}` is no channel: preempt or priority"))),
    }
}

/// The four ways to name a place; exactly one must be used.
fn place(
    coil: Option<u16>,
    discrete: Option<u16>,
    holding: Option<u16>,
    input: Option<u16>,
) -> Result<Place, &'static str> {
    let named = [
        (Table::Coils, coil),
        (Table::Discretes, discrete),
        (Table::Holdings, holding),
        (Table::Inputs, input),
    ];
    let mut given = named.into_iter().filter_map(|(table, at)| Some(Place { table, address: at? }));
    match (given.next(), given.next()) {
        (Some(place), None) => Ok(place),
        _ => Err("name one of coil, discrete, holding, input"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignal {
    coil: Option<u16>,
    discrete: Option<u16>,
    holding: Option<u16>,
    input: Option<u16>,
    bit: Option<u8>,
    #[serde(default)]
    inverted: bool,
}

impl TryFrom<RawSignal> for Signal {
    type Error = &'static str;

    fn try_from(raw: RawSignal) -> Result<Self, Self::Error> {
        let at = place(raw.coil, raw.discrete, raw.holding, raw.input)?;
        let register = matches!(at.table, Table::Holdings | Table::Inputs);
        match raw.bit {
            Some(bit) if !register || bit >= WORD_BITS => Err("only registers have a bit, 0 to 15"),
            bit => Ok(Self { at, bit, inverted: raw.inverted }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpectation {
    coil: Option<u16>,
    discrete: Option<u16>,
    holding: Option<u16>,
    input: Option<u16>,
    equals: u16,
}

impl TryFrom<RawExpectation> for Expectation {
    type Error = &'static str;

    fn try_from(raw: RawExpectation) -> Result<Self, Self::Error> {
        let at = place(raw.coil, raw.discrete, raw.holding, raw.input)?;
        Ok(Self { at, equals: raw.equals })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCall {
    coil: Option<u16>,
    holding: Option<u16>,
    on: Option<u16>,
    off: Option<u16>,
}

impl TryFrom<RawCall> for Call {
    type Error = &'static str;

    fn try_from(raw: RawCall) -> Result<Self, Self::Error> {
        match raw {
            RawCall { coil: Some(address), holding: None, on: None, off: None } => Ok(Self::Coil(address)),
            RawCall { coil: None, holding: Some(address), on: Some(on), off: Some(off) } if on != off => {
                Ok(Self::Register { address, on, off })
            }
            _ => Err("a call is { coil = N }, or { holding = N, on = A, off = B } with A other than B"),
        }
    }
}
