//! Faults of a model: the catalogue, and the report that lists them.

mod catalogue;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_json::{Value, json};

pub use catalogue::Code;

/// A report lists at most this many faults and counts the others.
pub const FAULTS_MAX: usize = 10_000;
/// A value is quoted in a message up to this many characters.
const QUOTE_MAX: usize = 48;

/// One fault of a model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fault {
    /// The file, without its folder.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1, at which the cell begins.
    pub column: u32,
    /// What kind of fault it is.
    pub code: Code,
    /// What is wrong here.
    pub message: String,
    /// The line itself, cut to a readable length; empty when it could not be read.
    pub excerpt: String,
    /// The character of `excerpt`, from 0, that `column` is.
    pub mark: u32,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Fault", 7)?;
        object.serialize_field("file", &self.file)?;
        object.serialize_field("line", &self.line)?;
        object.serialize_field("column", &self.column)?;
        object.serialize_field("code", self.code.word())?;
        object.serialize_field("message", &self.message)?;
        object.serialize_field("cause", self.code.cause())?;
        object.serialize_field("cure", self.code.cure())?;
        object.end()
    }
}

/// Everything that is wrong with a model.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The faults, by file, line and column; at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub not_listed: usize,
    /// Whether tables lost rows, so that what refers to them was not checked.
    pub incomplete: bool,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }

    /// The report as JSON: `ok`, `faults` (each with `file`, `line`, `column`, `code`, `message`,
    /// `cause`, `cure`), `faults_not_listed`, `checked_across_tables`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "ok": self.is_ok(),
            "faults": self.faults,
            "faults_not_listed": self.not_listed,
            "checked_across_tables": !self.incomplete,
        })
    }
}

/// The faults found so far, bounded.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    listed: Vec<Fault>,
    not_listed: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, file: &str, (line, column): (u32, u32), code: Code, message: String) {
        if self.listed.len() == FAULTS_MAX {
            self.not_listed += 1;
            return;
        }
        let (excerpt, mark) = (String::new(), 0);
        self.listed.push(Fault { file: file.to_owned(), line, column, code, message, excerpt, mark });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(crate) fn into_report(self, incomplete: bool) -> Report {
        let mut faults = self.listed;
        faults.sort();
        faults.dedup();
        Report { faults, not_listed: self.not_listed, incomplete }
    }
}

/// A value in quotes for a message, escaped and cut.
pub(crate) fn quote(value: &str) -> String {
    let mut shown: String = value.chars().take(QUOTE_MAX).flat_map(char::escape_debug).collect();
    if value.chars().nth(QUOTE_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
