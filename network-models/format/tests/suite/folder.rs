//! Copies of the hand-made model, to break.

use std::fs;
use std::path::{Path, PathBuf};

use clearway_format::Report;
use tempfile::TempDir;

/// The hand-made model: two crossroads in a row, a tram line through both.
pub(crate) fn two_crossroads() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/two-crossroads")
}

/// A copy of the hand-made model.
pub(crate) fn copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(two_crossroads()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    dir
}

/// The hand-made model with edits: in a file, the first occurrence of a text becomes another.
pub(crate) fn edited(edits: &[(&str, &str, &str)]) -> TempDir {
    let dir = copy();
    for (file, from, to) in edits {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} holds no {from:?}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
    dir
}

/// The report's faults, a line each: `file:line:column code`.
pub(crate) fn places(report: &Report) -> String {
    let line = |f: &clearway_format::Fault| format!("{}:{}:{} {}", f.file, f.line, f.column, f.code.word());
    report.faults.iter().map(line).collect::<Vec<_>>().join("\n")
}
