//! From a table's file to rows, with the place of each cell.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use crate::fault::{Code, Faults, quote};
use crate::scan::{FILE_BYTES_MAX, Record, Scanner, Spot};
use crate::table::{Field, Kind, Row, Table};
use crate::wkt;

/// The most rows of one table.
const ROWS_MAX: usize = 2_000_000;

/// Every column.
const ALL: u64 = u64::MAX;

/// Where a row stands.
#[derive(Debug, Default, Clone)]
pub(crate) struct Place {
    line: u32,
    /// The spot of each cell, by column of the table.
    spots: Vec<Spot>,
    /// One bit for each column whose cell is at fault already, so that its value proves nothing.
    bad: u64,
}

/// Where all rows stand, table by table; empty for a model that was never on disk.
#[derive(Debug, Default)]
pub(crate) struct Places {
    places: HashMap<&'static str, Vec<Place>>,
    /// Tables that lost rows, so that what is not found in them proves nothing.
    lost: HashSet<&'static str>,
}

impl Places {
    /// The spot of a cell; for a model that is only in memory, where `write` would put its row.
    pub(crate) fn spot(&self, table: &Table, row: usize, field: &str) -> Spot {
        let Some(place) = self.place(table, row) else {
            return (u32::try_from(row).unwrap_or(u32::MAX).saturating_add(2), 1);
        };
        let cell = table.position(field).and_then(|position| place.spots.get(position));
        cell.copied().unwrap_or((place.line, 1))
    }

    /// Whether all cells of a row could be read.
    pub(crate) fn is_good(&self, table: &Table, row: usize) -> bool {
        self.place(table, row).is_none_or(|place| place.bad == 0)
    }

    /// Whether one cell of a row could be read.
    pub(crate) fn is_cell_good(&self, table: &Table, row: usize, field: &str) -> bool {
        let bit = table.position(field).map_or(0, |position| 1 << position);
        self.place(table, row).is_none_or(|place| place.bad & bit == 0)
    }

    fn place(&self, table: &Table, row: usize) -> Option<&Place> {
        self.places.get(table.name)?.get(row)
    }

    /// Whether a table has all its rows.
    pub(crate) fn is_complete(&self, table: &str) -> bool {
        !self.lost.contains(table)
    }

    /// Whether some table has not.
    pub(crate) fn is_any_lost(&self) -> bool {
        !self.lost.is_empty()
    }
}

/// Read one table. What is wrong goes to `faults`; rows are kept as far as they can be read, so
/// that references to them hold.
pub(crate) fn read_table<T: Row>(dir: &Path, places: &mut Places, faults: &mut Faults) -> Vec<T> {
    let table = T::TABLE;
    let file = table.file();
    let Some(input) = open(dir, &file, FILE_BYTES_MAX, faults) else {
        places.lost.insert(table.name);
        return Vec::new();
    };
    let mut scanner = Scanner::new(BufReader::new(input));
    let mut reader = Reader { table, file, header: None, is_lost: false, faults };
    let mut rows = Vec::new();
    let mut row_places = Vec::new();
    loop {
        match scanner.next() {
            Ok(Some(record)) if rows.len() < ROWS_MAX => reader.record(&record, &mut rows, &mut row_places),
            Ok(Some(record)) => {
                let message = format!("row {} is one more than is read", ROWS_MAX + 1);
                reader.lose((record.line, 1), Code::TooManyRows, message);
                break;
            }
            Ok(None) => break,
            Err(error) => {
                reader.lose((1, 1), Code::UnreadableFile, error.to_string());
                break;
            }
        }
    }
    if reader.header.is_none() {
        reader.lose((1, 1), Code::MissingColumn, "the file has no header line".to_owned());
    }
    if reader.is_lost {
        places.lost.insert(table.name);
    }
    places.places.insert(table.name, row_places);
    rows
}

/// Open a regular file of at most `bytes_max`.
pub(crate) fn open(dir: &Path, file: &str, bytes_max: u64, faults: &mut Faults) -> Option<impl Read + use<>> {
    let path = dir.join(file);
    let mut lose = |code, message| faults.add(file, (1, 1), code, message);
    // Anything but a regular file (a pipe, a device) could keep us waiting for ever.
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            lose(Code::MissingFile, "there is no such file".to_owned());
            None
        }
        Err(error) => {
            lose(Code::UnreadableFile, error.to_string());
            None
        }
        Ok(found) if !found.is_file() => {
            lose(Code::UnreadableFile, "it is not a regular file".to_owned());
            None
        }
        Ok(found) if found.len() > bytes_max => {
            let message = format!("the file has {} bytes; at most {bytes_max} are read", found.len());
            lose(Code::FileTooLarge, message);
            None
        }
        Ok(_) => match File::open(&path) {
            Ok(opened) => Some(opened.take(bytes_max)),
            Err(error) => {
                lose(Code::UnreadableFile, error.to_string());
                None
            }
        },
    }
}

/// Where each column of the table stands in the file.
struct Header {
    positions: Vec<Option<usize>>,
    cell_count: usize,
}

struct Reader<'f> {
    table: Table,
    file: String,
    header: Option<Header>,
    /// Whether rows were lost.
    is_lost: bool,
    faults: &'f mut Faults,
}

impl Reader<'_> {
    fn fault(&mut self, spot: Spot, code: Code, message: String) {
        self.faults.add(&self.file, spot, code, message);
    }

    fn lose(&mut self, spot: Spot, code: Code, message: String) {
        self.is_lost = true;
        self.fault(spot, code, message);
    }

    fn record<T: Row>(&mut self, record: &Record, rows: &mut Vec<T>, places: &mut Vec<Place>) {
        for (spot, code, message) in &record.flaws {
            self.fault(*spot, *code, message.clone());
        }
        // An endless line is rubbish; an unclosed quote has swallowed the rows behind it.
        self.is_lost |= record.lost && record.flaws.iter().any(|(_, code, _)| *code == Code::BadQuoting);
        if self.header.is_none() {
            self.header = Some(self.read_header(record));
        } else if !record.lost {
            let (row, place) = self.read_row(record);
            rows.push(row);
            places.push(place);
        }
    }

    fn read_header(&mut self, record: &Record) -> Header {
        let names: Vec<&str> = record.cells.iter().map(|cell| cell.text.as_str()).collect();
        for (position, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..position].contains(name) {
                let message = format!("the column {} stands here again", quote(name));
                self.fault(record.cells[position].spot, Code::DuplicateColumn, message);
            }
        }
        let hint = match names.as_slice() {
            [only] if only.contains(';') => "; columns are separated by commas, not by semicolons",
            [only] if only.contains('\t') => "; columns are separated by commas, not by tabs",
            _ => "",
        };
        let mut positions = Vec::with_capacity(self.table.fields.len());
        for field in self.table.fields {
            let position = names.iter().position(|name| *name == field.name);
            if position.is_none() && !field.may_be_absent {
                let message = format!("the column {} is missing{hint}", quote(field.name));
                self.fault((record.line, 1), Code::MissingColumn, message);
                self.is_lost |= self.table.key.contains(&field.name);
            }
            positions.push(position);
        }
        Header { positions, cell_count: record.cell_count }
    }

    fn read_row<T: Row>(&mut self, record: &Record) -> (T, Place) {
        let bad = if record.flaws.is_empty() { 0 } else { ALL };
        let mut place = Place { line: record.line, spots: Vec::new(), bad };
        let Some(header) = &self.header else { return (T::from_cells(&[]), place) };
        let cell_of = |position: &Option<usize>| position.and_then(|position| record.cells.get(position));
        let cells: Vec<_> = header.positions.iter().map(cell_of).collect();
        let texts: Vec<&str> = cells.iter().map(|cell| cell.map_or("", |cell| cell.text.as_str())).collect();
        place.spots = cells.iter().map(|cell| cell.map_or((record.line, 1), |cell| cell.spot)).collect();
        if record.cell_count != header.cell_count {
            let message =
                format!("the row has {} cells, the header {}", record.cell_count, header.cell_count);
            place.bad = ALL;
            self.fault((record.line, 1), Code::WrongFieldCount, message);
            return (T::from_cells(&texts), place);
        }
        for (position, field) in self.table.fields.iter().enumerate() {
            let verdict = check_cell(field, texts[position]);
            // A missing column is reported once, at the header.
            if let (Some(cell), Err((code, message))) = (cells[position], &verdict) {
                self.fault(cell.spot, *code, format!("{} {message}", field.name));
            }
            if (cells[position].is_none() && !field.may_be_absent) || verdict.is_err() {
                place.bad |= 1 << position;
            }
        }
        (T::from_cells(&texts), place)
    }
}

type Verdict = Result<(), (Code, String)>;

/// Whether a cell's text is a value of its column.
fn check_cell(field: &Field, text: &str) -> Verdict {
    if text.is_empty() {
        return if field.required { Err((Code::EmptyCell, "is empty".to_owned())) } else { Ok(()) };
    }
    match field.kind {
        Kind::Text => Ok(()),
        Kind::Id => check_id(text),
        Kind::Ids | Kind::Paths => check_list(text),
        Kind::Number(min, max) => check_number(text, Code::OutOfRange, min, max, field.unit),
        Kind::Degrees(max) => check_number(text, Code::OffGlobe, -max, max, field.unit),
        Kind::Integer(min, max) => check_integer(text, min, max),
        Kind::Integers => text.split_whitespace().try_for_each(|word| check_integer(word, 1, 255)),
        Kind::Word(words) => check_word(text, words),
        Kind::Words(separator, words) => text.split(separator).try_for_each(|word| check_word(word, words)),
        Kind::LineString => match wkt::line_string(text) {
            Ok(_) => Ok(()),
            Err(wrong) => Err((Code::BadGeometry, format!("is {}: {wrong}", quote(text)))),
        },
    }
}

/// Ids stand in lists that spaces and bars separate, so that neither can be part of one.
fn check_id(text: &str) -> Verdict {
    if text.contains(|c: char| c.is_whitespace() || c == '|') {
        let message = format!("is {}; an id has no spaces and no `|`", quote(text));
        return Err((Code::UnknownWord, message));
    }
    Ok(())
}

fn check_list(text: &str) -> Verdict {
    if text.split('|').any(|part| part.trim().is_empty()) {
        return Err((Code::EmptyCell, format!("is {}; a part of it is empty", quote(text))));
    }
    Ok(())
}

fn check_number(text: &str, range_code: Code, min: f64, max: f64, unit: &str) -> Verdict {
    let Ok(number) = text.parse::<f64>() else {
        return Err((Code::BadNumber, format!("is {}, which is no number", quote(text))));
    };
    if !number.is_finite() {
        return Err((Code::NotFinite, format!("is {}", quote(text))));
    }
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    Err((range_code, format!("is {}; it must be between {min} and {max}{unit}", quote(text))))
}

fn check_integer(text: &str, min: i64, max: i64) -> Verdict {
    match text.parse::<i64>() {
        Err(_) => Err((Code::BadNumber, format!("is {}, which is no whole number", quote(text)))),
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        Ok(number) => Err((Code::OutOfRange, format!("is {number}; it must be between {min} and {max}"))),
    }
}

fn check_word(text: &str, words: &[&str]) -> Verdict {
    if words.contains(&text) {
        return Ok(());
    }
    Err((Code::UnknownWord, format!("is {}; it must be one of: {}", quote(text), words.join(", "))))
}
