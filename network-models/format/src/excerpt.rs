//! The line that a fault stands in, cut to a readable length around its column.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::fault::Fault;
use crate::scan::FILE_BYTES_MAX;

/// Characters shown before the column and in all.
const BEFORE_MAX: usize = 40;
const SHOWN_MAX: usize = 96;
/// Bytes of a line that are looked at.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Fill in the excerpts of faults that are sorted by file and line.
pub(crate) fn fill(dir: &Path, faults: &mut [Fault]) {
    for of_file in faults.chunk_by_mut(|a, b| a.file == b.file) {
        let path = dir.join(&of_file[0].file);
        let is_file = std::fs::metadata(&path).is_ok_and(|found| found.is_file());
        if let (true, Ok(file)) = (is_file, File::open(&path)) {
            fill_file(BufReader::new(file.take(FILE_BYTES_MAX)), of_file);
        }
    }
}

fn fill_file(mut input: impl BufRead, faults: &mut [Fault]) {
    let mut line = 1;
    for of_line in faults.chunk_by_mut(|a, b| a.line == b.line) {
        while line < of_line[0].line {
            match input.skip_until(b'\n') {
                Ok(1..) => line += 1,
                _ => return,
            }
        }
        let mut bytes = Vec::new();
        if Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut bytes).is_err() {
            return;
        }
        let ended = bytes.last() == Some(&b'\n');
        let text = String::from_utf8_lossy(&bytes);
        for fault in of_line {
            (fault.excerpt, fault.mark) = cut(text.trim_end_matches(['\n', '\r']), fault.column);
        }
        if !ended && !matches!(input.skip_until(b'\n'), Ok(1..)) {
            return;
        }
        line += 1;
    }
}

/// The part of a line around a column, and where the column stands in it.
fn cut(line: &str, column: u32) -> (String, u32) {
    let at = column.saturating_sub(1) as usize;
    let from = at.saturating_sub(BEFORE_MAX);
    let dots = if from > 0 { "…" } else { "" };
    let shown: String = line.chars().skip(from).take(SHOWN_MAX).map(printable).collect();
    let tail = if line.chars().nth(from + SHOWN_MAX).is_some() { "…" } else { "" };
    let mark = at - from + dots.chars().count();
    (format!("{dots}{shown}{tail}"), u32::try_from(mark).unwrap_or(0))
}

fn printable(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let line: String = ('a'..='z').cycle().take(500).collect();
        let (shown, mark) = cut(&line, 201);
        assert_eq!(shown.chars().nth(mark as usize), line.chars().nth(200));
        assert!(shown.starts_with('…') && shown.ends_with('…'));
        assert_eq!(cut("a,b", 3), ("a,b".to_owned(), 2));
        assert_eq!(cut("", 9), (String::new(), 8));
    }
}
