//! What a table is: its columns, keys and references, and how a row becomes cells and back.

use crate::model::Source;

/// Where a table's definition comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The General Modeling Network Specification.
    Gmns,
    /// Clearway.
    Clearway,
}

/// What a cell holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// An identifier.
    Id,
    /// Identifiers, separated by spaces.
    Ids,
    /// Paths separated by `|`, each of identifiers separated by spaces.
    Paths,
    /// A decimal number between the two limits, both included.
    Number(f64, f64),
    /// A whole number between the two limits, both included.
    Integer(i64, i64),
    /// Whole numbers from 1 to 255, separated by spaces.
    Integers,
    /// A coordinate in degrees, at most this far from zero.
    Degrees(f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, with this separator.
    Words(char, &'static [&'static str]),
    /// A WKT `LINESTRING`.
    LineString,
}

/// What a cell's value, or each element of it, must be found in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reference {
    /// The first key column of this table.
    Table(&'static str),
    /// `group_num` of `signal_group`, for the `controller_id` of the same row.
    Group,
}

/// A column.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Field {
    /// Its name in the header.
    pub name: &'static str,
    /// What its cells hold.
    pub kind: Kind,
    /// Whether an empty cell is a fault.
    pub required: bool,
    /// Whether the whole column may be missing.
    pub may_be_absent: bool,
    /// What its values refer to.
    pub refers: Option<Reference>,
    /// Unit, for people; empty where there is none.
    pub unit: &'static str,
    /// One phrase that says what it means.
    pub about: &'static str,
}

impl Field {
    /// A column whose cells must not be empty.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: true, may_be_absent: false, refers: None, unit: "", about }
    }

    /// Its cells may be empty.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The table may be without it; then all its cells are empty.
    #[must_use]
    pub const fn may_be_absent(mut self) -> Self {
        self.required = false;
        self.may_be_absent = true;
        self
    }

    /// Its values are keys of another table.
    #[must_use]
    pub const fn of(mut self, table: &'static str) -> Self {
        self.refers = Some(Reference::Table(table));
        self
    }

    /// Its values are signal groups of the row's controller.
    #[must_use]
    pub const fn of_groups(mut self) -> Self {
        self.refers = Some(Reference::Group);
        self
    }

    /// The unit of its values.
    #[must_use]
    pub const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }
}

/// A table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Table {
    /// Its name; the file is `<name>.csv`.
    pub name: &'static str,
    /// Where its definition comes from.
    pub origin: Origin,
    /// The columns that together name a row.
    pub key: &'static [&'static str],
    /// One sentence that says what a row is.
    pub about: &'static str,
    /// Its columns, in the order in which they are written.
    pub fields: &'static [Field],
}

impl Table {
    /// The file's name.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.csv", self.name)
    }

    /// The position of a column.
    #[must_use]
    pub fn position(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == field)
    }

    /// The positions of the columns that rows of these cells need: all but those that may be absent
    /// and say nothing.
    pub(crate) fn needed(&self, rows: &[Vec<String>]) -> Vec<usize> {
        let says = |at: usize| rows.iter().any(|cells| cells.get(at).is_some_and(|cell| !cell.is_empty()));
        let is_needed = |at: &usize| !self.fields[*at].may_be_absent || says(*at);
        (0..self.fields.len()).filter(is_needed).collect()
    }
}

/// A row of a table.
pub trait Row: Sized {
    /// The table.
    const TABLE: Table;
    /// The row's cells, in the order of the columns.
    fn to_cells(&self) -> Vec<String>;
    /// The row from its cells, in the order of the columns; what is no value becomes the default.
    fn from_cells(cells: &[&str]) -> Self;
}

/// A value that fits into a cell.
pub trait Value: Sized {
    /// The cell's text.
    fn show(&self) -> String;
    /// From the cell's text; `None` when it is no such value.
    fn parse(text: &str) -> Option<Self>;
}

impl Value for String {
    fn show(&self) -> String {
        self.clone()
    }
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

macro_rules! plain_value {
    ($($t:ty),*) => {$(
        impl Value for $t {
            fn show(&self) -> String {
                self.to_string()
            }
            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}
plain_value!(f64, u8, u16, bool);

impl<T: Value> Value for Option<T> {
    fn show(&self) -> String {
        self.as_ref().map(Value::show).unwrap_or_default()
    }
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

impl Value for Source {
    fn show(&self) -> String {
        match self {
            Self::Surveyed => "surveyed",
            Self::Imported => "imported",
            Self::Default => "default",
        }
        .to_owned()
    }
    fn parse(text: &str) -> Option<Self> {
        match text {
            "surveyed" => Some(Self::Surveyed),
            "imported" => Some(Self::Imported),
            "default" => Some(Self::Default),
            _ => None,
        }
    }
}

/// Defines one table: the row's type, its name, key, and a column for each field of the row.
macro_rules! table {
    (
        $row:ident, $name:literal, $origin:ident, key $key:expr, $about:literal;
        $($member:ident: $field:expr),* $(,)?
    ) => {
        impl $crate::table::Row for $crate::model::$row {
            const TABLE: $crate::table::Table = $crate::table::Table {
                name: $name,
                origin: $crate::table::Origin::$origin,
                key: &$key,
                about: $about,
                fields: &[$($field),*],
            };

            fn to_cells(&self) -> Vec<String> {
                vec![$($crate::table::Value::show(&self.$member)),*]
            }

            fn from_cells(cells: &[&str]) -> Self {
                let mut cells = cells.iter().copied();
                Self {
                    $($member: cells.next().and_then($crate::table::Value::parse).unwrap_or_default()),*
                }
            }
        }
    };
}
pub(crate) use table;
