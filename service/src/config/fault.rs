//! What is wrong with a configuration: what, where, and the cure.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// Everything that is wrong with a configuration.
#[derive(Debug, Error, Diagnostic)]
#[error("{} is not usable: {} found", path.display(), count(faults.len()))]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The faults, in the order of the file.
    #[related]
    pub faults: Vec<Fault>,
}

fn count(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// One fault.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    #[help]
    pub cure: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    #[source_code]
    text: NamedSource<Arc<String>>,
    #[label("here")]
    span: SourceSpan,
}

/// The file that a configuration came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    path: PathBuf,
    text: Arc<String>,
}

impl Source {
    pub fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: Arc::new(text.to_owned()) }
    }

    /// The folder that relative paths start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A fault at a place of the text.
    pub fn fault(&self, at: Range<usize>, message: String, cure: &str) -> Fault {
        let start = at.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Fault {
            message,
            cure: cure.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: NamedSource::new(self.path.to_string_lossy(), self.text.clone()),
            span: (start, at.end.saturating_sub(start)).into(),
        }
    }

    /// All faults together.
    pub fn error(&self, mut faults: Vec<Fault>) -> ConfigError {
        faults.sort_by_key(|fault| fault.span.offset());
        ConfigError { path: self.path.clone(), faults }
    }

    /// A fault of the file itself.
    pub fn whole_file(&self, message: String, cure: &str) -> ConfigError {
        self.error(vec![self.fault(0..0, message, cure)])
    }

    /// What the TOML reader found.
    pub fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let cure = "Correct it as docs/configuration.md says; `clearway config schema` shows the form.";
        self.error(vec![self.fault(error.span().unwrap_or(0..0), error.message().to_owned(), cure)])
    }

    /// Where a key stands in the table that begins in `table`; the table's own head without it.
    pub fn key(&self, table: Range<usize>, key: &str) -> Range<usize> {
        let Some(rest) = self.text.get(table.start..) else { return table };
        let mut at = table.start;
        for (index, line) in rest.split_inclusive('\n').enumerate() {
            let content = line.trim_start();
            if index > 0 && content.starts_with('[') {
                break;
            }
            let is_key = content.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
            if is_key {
                let start = at + (line.len() - content.len());
                return start..start + content.trim_end().len();
            }
            at += line.len();
        }
        table
    }

    /// Where a table begins; the file's beginning without it. `""` is the top of the file.
    pub fn table(&self, name: &str) -> Range<usize> {
        let head = format!("[{name}]");
        let at = self.text.find(&head).filter(|_| !name.is_empty());
        at.map_or(0..0, |at| at..at + head.len())
    }
}
