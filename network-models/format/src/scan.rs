//! A bounded CSV scanner that knows where each cell stands.
//!
//! RFC 4180: commas, quotes doubled inside quoted cells, line ends inside quotes. It holds one
//! record at a time, never more than [`RECORD_BYTES_MAX`]; what is longer is skipped as it is
//! read. Bytes that are no text spoil their record, not the file.

use std::io::{self, BufRead};

use crate::fault::Code;

/// The longest record, in bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 20;
/// The largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 256 << 20;
/// Cells of a record beyond this are counted, not kept.
const CELLS_MAX: usize = 256;

/// Line and column, both from 1; columns count characters.
pub(crate) type Spot = (u32, u32);

/// A cell and where it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) spot: Spot,
}

/// One record.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Its first line.
    pub(crate) line: u32,
    pub(crate) cells: Vec<Cell>,
    /// How many cells it has; may be more than `cells` holds.
    pub(crate) cell_count: usize,
    /// What is wrong with its bytes.
    pub(crate) flaws: Vec<(Spot, Code, String)>,
    /// Whether cells were lost, so that the row cannot be used.
    pub(crate) lost: bool,
}

pub(crate) struct Scanner<R> {
    input: R,
    line: u32,
}

enum Line {
    Text(Vec<u8>),
    TooLong(u64),
}

impl<R: BufRead> Scanner<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// The next record that is not an empty line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let Some(line) = self.read_line(RECORD_BYTES_MAX)? else { return Ok(None) };
            let mut splitter = Splitter::new(self.line);
            match line {
                Line::TooLong(bytes) => return Ok(Some(splitter.too_long(bytes))),
                Line::Text(bytes) if bytes.is_empty() || bytes == b"\r" => {}
                Line::Text(bytes) => {
                    splitter.feed(self.line, &bytes);
                    return self.finish(splitter, bytes.len()).map(Some);
                }
            }
        }
    }

    /// Read on while a quoted cell is open.
    fn finish(&mut self, mut splitter: Splitter, mut used: usize) -> io::Result<Record> {
        while splitter.is_open() {
            used += 1;
            let room = RECORD_BYTES_MAX.saturating_sub(used);
            match self.read_line(room)? {
                Some(Line::Text(bytes)) => {
                    splitter.line_end();
                    splitter.feed(self.line, &bytes);
                    used += bytes.len();
                }
                Some(Line::TooLong(_)) | None => return Ok(splitter.never_closed()),
            }
        }
        Ok(splitter.done())
    }

    /// One line without its `\n`, or how long it was when it has more than `max` bytes.
    fn read_line(&mut self, max: usize) -> io::Result<Option<Line>> {
        let mut kept = Vec::new();
        let mut length: u64 = 0;
        let mut ended = false;
        while !ended {
            let available = match self.input.fill_buf() {
                Ok([]) => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            let room = max.saturating_sub(kept.len());
            kept.extend_from_slice(&part[..part.len().min(room)]);
            length += part.len() as u64;
            ended = end.is_some();
            let used = part.len() + usize::from(ended);
            self.input.consume(used);
        }
        if length == 0 && !ended {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let fits = length == kept.len() as u64;
        Ok(Some(if fits { Line::Text(kept) } else { Line::TooLong(length) }))
    }
}

enum State {
    /// Before the first character of a cell.
    Start,
    Plain,
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first of two.
    Closing,
}

struct Splitter {
    record: Record,
    state: State,
    cell: String,
    spot: Spot,
    line: u32,
    column: u32,
}

impl Splitter {
    fn new(line: u32) -> Self {
        let record = Record { line, ..Record::default() };
        Self { record, state: State::Start, cell: String::new(), spot: (line, 1), line, column: 1 }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Quoted)
    }

    fn flaw(&mut self, spot: Spot, code: Code, message: &str) {
        if self.record.flaws.len() < CELLS_MAX {
            self.record.flaws.push((spot, code, message.to_owned()));
        }
    }

    fn line_end(&mut self) {
        self.cell.push('\n');
    }

    fn feed(&mut self, line: u32, bytes: &[u8]) {
        self.line = line;
        self.column = 1;
        let text = self.decode(bytes);
        // Only the first line of a file can begin with a byte order mark; it is no character of it.
        let text = if line == 1 { text.strip_prefix('\u{feff}').unwrap_or(&text) } else { &text };
        if matches!(self.state, State::Start) {
            self.spot = (line, 1);
        }
        let mut rest = text.chars().peekable();
        while let Some(next) = rest.next() {
            let ends_line = next == '\r' && rest.peek().is_none();
            if !ends_line || self.is_open() {
                self.take(next);
            }
            self.column = self.column.saturating_add(1);
        }
    }

    fn decode(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if let Err(error) = std::str::from_utf8(bytes) {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).chars().count();
            self.flaw(spot_after(self.line, before), Code::InvalidUtf8, "these bytes are not UTF-8");
        }
        if let Some(before) = text.chars().position(|c| c == '\0') {
            self.flaw(spot_after(self.line, before), Code::NulByte, "a NUL byte stands here");
        }
        text.into_owned()
    }

    fn take(&mut self, next: char) {
        match (&self.state, next) {
            (State::Start, '"') => {
                self.state = State::Quoted;
                self.spot = (self.line, self.column);
            }
            (State::Start | State::Plain | State::Closing, ',') => {
                self.end_cell();
                self.spot = (self.line, self.column.saturating_add(1));
            }
            (State::Plain, '"') => {
                self.flaw(
                    (self.line, self.column),
                    Code::BadQuoting,
                    "a quote stands inside a cell without quotes",
                );
                self.cell.push('"');
            }
            (State::Start | State::Plain, _) => {
                self.state = State::Plain;
                self.cell.push(next);
            }
            (State::Quoted, '"') => self.state = State::Closing,
            (State::Quoted, _) => self.cell.push(next),
            (State::Closing, '"') => {
                self.state = State::Quoted;
                self.cell.push('"');
            }
            (State::Closing, _) => {
                self.flaw(
                    (self.line, self.column),
                    Code::BadQuoting,
                    "text follows the closing quote of a cell",
                );
                self.state = State::Plain;
                self.cell.push(next);
            }
        }
    }

    fn end_cell(&mut self) {
        let text = std::mem::take(&mut self.cell);
        self.record.cell_count += 1;
        if self.record.cells.len() < CELLS_MAX {
            self.record.cells.push(Cell { text, spot: self.spot });
        }
        self.state = State::Start;
    }

    fn done(mut self) -> Record {
        self.end_cell();
        self.record
    }

    fn never_closed(mut self) -> Record {
        self.flaw(self.spot, Code::BadQuoting, "the quote that opens here is never closed");
        self.record.lost = true;
        self.record
    }

    fn too_long(mut self, bytes: u64) -> Record {
        let message = format!("the line has {bytes} bytes; the longest that is read has {RECORD_BYTES_MAX}");
        self.flaw((self.line, 1), Code::LineTooLong, &message);
        self.record.lost = true;
        self.record
    }
}

fn spot_after(line: u32, characters: usize) -> Spot {
    (line, u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    fn records(bytes: &[u8]) -> Vec<Record> {
        let mut scanner = Scanner::new(bytes);
        std::iter::from_fn(|| scanner.next().unwrap()).collect()
    }

    fn shown(bytes: &[u8]) -> String {
        let mut out = String::new();
        for record in records(bytes) {
            for cell in &record.cells {
                out += &format!("{}:{}={:?} ", cell.spot.0, cell.spot.1, cell.text);
            }
            for ((line, column), code, _) in &record.flaws {
                out += &format!("!{line}:{column} {} ", code.word());
            }
            out += "\n";
        }
        out
    }

    #[test]
    fn cells_know_where_they_begin() {
        assert_eq!(
            shown("\u{feff}a,b\r\nä,\"x,\"\"y\"\"\",\r\n\r\n,z".as_bytes()),
            "1:1=\"a\" 1:3=\"b\" \n2:1=\"ä\" 2:3=\"x,\\\"y\\\"\" 2:13=\"\" \n4:1=\"\" 4:2=\"z\" \n"
        );
    }

    #[test]
    fn a_quoted_cell_may_hold_line_ends_and_the_next_cell_stands_on_the_later_line() {
        assert_eq!(shown(b"a,\"b\r\nc\",d\ne\n"), "1:1=\"a\" 1:3=\"b\\r\\nc\" 2:4=\"d\" \n3:1=\"e\" \n");
    }

    #[test]
    fn bad_bytes_and_quotes_spoil_their_record_only() {
        assert_eq!(
            shown(b"a\xffb\nc\0\nd"),
            "1:1=\"a\u{fffd}b\" !1:2 invalid-utf8 \n2:1=\"c\\0\" !2:2 nul-byte \n3:1=\"d\" \n"
        );
        assert_eq!(
            shown(b"a\"b\n\"c\"d\n"),
            "1:1=\"a\\\"b\" !1:2 bad-quoting \n2:1=\"cd\" !2:4 bad-quoting \n"
        );
        assert_eq!(shown(b"a,\"b\nc\n"), "1:1=\"a\" !1:3 bad-quoting \n");
    }

    #[test]
    fn a_line_of_a_hundred_megabytes_is_skipped_without_being_held() {
        let long = io::repeat(b'x').take(100 << 20);
        let input = BufReader::new(Read::chain(&b"a\n"[..], long).chain(&b"\nb\n"[..]));
        let mut scanner = Scanner::new(input);
        assert_eq!(scanner.next().unwrap().unwrap().cells[0].text, "a");
        let skipped = scanner.next().unwrap().unwrap();
        assert!(skipped.lost && skipped.cells.is_empty());
        assert_eq!(skipped.flaws[0].1, Code::LineTooLong);
        assert_eq!(scanner.next().unwrap().unwrap().cells[0], Cell { text: "b".into(), spot: (3, 1) });
    }
}
