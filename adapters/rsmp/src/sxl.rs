//! The signal exchange list for traffic light controllers, 1.0.7 to 1.2.1, as one table: which
//! statuses, commands and alarms there are, since when, with which arguments of which type.
//!
//! Codec, checks, tests and documents read the same rows.

mod alarms;
mod check;
mod commands;
mod statuses;

pub use alarms::{ALARMS, alarm_text};
pub use check::{Mismatch, check_alarm, check_command, check_status_name, check_status_value};
pub use commands::COMMANDS;
pub use statuses::STATUSES;

use crate::version::Sxl;

/// What kind of component an entry belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The controller itself.
    Controller,
    /// A signal group.
    SignalGroup,
    /// A detector logic.
    DetectorLogic,
}

/// The type of a value. On the wire each is text, except arrays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Integer(i32, i32),
    /// `True` or `False`.
    Boolean,
    /// Whole numbers in this range, separated by commas.
    Integers(i32, i32),
    /// `True` or `False`, separated by commas.
    Booleans,
    /// Words separated by commas, each one of these; any where the list is empty.
    Words(&'static [&'static str]),
    /// A timestamp.
    Timestamp,
    /// Bytes in base64.
    Base64,
    /// An array of objects.
    Array,
}

/// One argument of a command, or one value of a status or alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub value: Type,
    /// May be left out.
    pub optional: bool,
    /// The first version that has it.
    pub since: Sxl,
    /// The last version that has it, where it went away.
    pub until: Option<Sxl>,
}

/// A status, command or alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// "S0001", "M0022", "A0301".
    pub code: &'static str,
    /// Whose it is.
    pub scope: Scope,
    /// The first version that has it.
    pub since: Sxl,
    /// The last version that has it, where it went away.
    pub until: Option<Sxl>,
    /// A command's own name ("requestPriority"); empty otherwise.
    pub command: &'static str,
    /// The level of security code that a command needs; zero for none.
    pub security: u8,
    /// An alarm's priority, 1 to 3; zero otherwise.
    pub priority: u8,
    /// The arguments or values.
    pub arguments: &'static [Argument],
}

impl Entry {
    /// Whether this version of the list has it.
    #[must_use]
    pub fn is_in(&self, sxl: Sxl) -> bool {
        self.since <= sxl && self.until.is_none_or(|last| sxl <= last)
    }

    /// The argument of this name in this version.
    #[must_use]
    pub fn argument(&self, name: &str, sxl: Sxl) -> Option<&'static Argument> {
        self.arguments.iter().find(|argument| argument.name == name && argument.is_in(sxl))
    }
}

impl Argument {
    /// Whether this version of the list has it.
    #[must_use]
    pub fn is_in(&self, sxl: Sxl) -> bool {
        self.since <= sxl && self.until.is_none_or(|last| sxl <= last)
    }

    /// It may be left out.
    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// It came with this version.
    const fn since(mut self, version: Sxl) -> Self {
        self.since = version;
        self
    }

    /// It went away after this version.
    const fn until(mut self, version: Sxl) -> Self {
        self.until = Some(version);
        self
    }
}

/// An argument of all versions.
const fn arg(name: &'static str, value: Type) -> Argument {
    Argument { name, value, optional: false, since: Sxl::V1_0_7, until: None }
}

/// The status of this code in this version.
#[must_use]
pub fn status(code: &str, sxl: Sxl) -> Option<&'static Entry> {
    find(STATUSES, code, sxl)
}

/// The command of this code in this version.
#[must_use]
pub fn command(code: &str, sxl: Sxl) -> Option<&'static Entry> {
    find(COMMANDS, code, sxl)
}

/// The alarm of this code in this version.
#[must_use]
pub fn alarm(code: &str, sxl: Sxl) -> Option<&'static Entry> {
    find(ALARMS, code, sxl)
}

fn find(entries: &'static [Entry], code: &str, sxl: Sxl) -> Option<&'static Entry> {
    entries.iter().find(|entry| entry.code == code && entry.is_in(sxl))
}

/// Why the source of a state changed.
const SOURCE: Type =
    Type::Words(&["operator_panel", "calendar_clock", "control_block", "forced", "startup", "other"]);
/// Intersections, 0 for all.
const INTERSECTIONS: Type = Type::Integers(0, 255);
