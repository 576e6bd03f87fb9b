//! `cargo xtask tidy`: the rules of the repository as code.

mod arrows;
mod code;
mod source;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

/// The files of the repository, tracked or about to be.
pub struct Repo {
    /// Path from the root with `/`, and what is in it.
    pub files: Vec<File>,
}

/// One file.
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The text; `None` where it is no UTF-8 or larger than any source.
    pub text: Option<String>,
}

/// A rule that is broken somewhere.
#[derive(PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The file.
    pub path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, what } = self;
        write!(f, "{path}:{line}: {what} [{rule}]")
    }
}

/// A rule.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Where it is broken.
    check: fn(&Repo) -> Vec<Broken>,
}

/// A place where a rule is broken.
pub struct Broken {
    path: String,
    line: usize,
    what: String,
}

impl Broken {
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule { name: "clockless-engine", check: code::engine_reads_no_clock },
    Rule { name: "no-unwrap-at-the-edge", check: code::edge_unwraps_nothing },
    Rule { name: "no-unsafe", check: code::unsafe_only_where_named },
    Rule { name: "file-length", check: code::files_are_short },
    Rule { name: "certifier-is-small", check: code::certifier_is_small },
    Rule { name: "limits-are-documented", check: code::limits_are_documented },
    Rule { name: "arrows", check: arrows::dependencies_point_one_way },
    Rule { name: "crates-are-described", check: arrows::crates_are_described },
    Rule { name: "small-files", check: text::files_are_small },
    Rule { name: "no-leftovers", check: text::no_leftovers },
    Rule { name: "no-machine-paths", check: text::no_machine_paths },
    Rule { name: "printed-numbers", check: text::readme_numbers_are_printed },
    Rule { name: "docs-are-linked", check: text::docs_are_linked },
];

/// Larger than any source: not read as text.
const TEXT_MAX: u64 = 2 << 20;

/// Print every finding.
///
/// # Errors
/// There is a finding, or the files cannot be listed.
pub fn run(root: &Path) -> Result<(), Failure> {
    let findings = findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        n => Err(format!("{n} places break a rule of the repository")),
    }
}

/// Every place where a rule is broken.
///
/// # Errors
/// The files cannot be listed.
pub fn findings(root: &Path) -> Result<Vec<Finding>, Failure> {
    let repo = Repo::read(root)?;
    Ok(RULES.iter().flat_map(|rule| rule.findings(&repo)).collect())
}

impl Rule {
    fn findings(&self, repo: &Repo) -> Vec<Finding> {
        let broken = (self.check)(repo).into_iter();
        broken.map(|Broken { path, line, what }| Finding { rule: self.name, path, line, what }).collect()
    }
}

impl Repo {
    fn read(root: &Path) -> Result<Self, Failure> {
        let listed = Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .map_err(|error| format!("git: {error}"))?;
        if !listed.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr).trim()));
        }
        let paths = String::from_utf8_lossy(&listed.stdout).into_owned();
        let paths = paths.split('\0').filter(|path| !path.is_empty());
        Ok(Self { files: paths.filter_map(|path| File::read(root, path)).collect() })
    }

    /// The files below a folder (`engine/certify/`).
    fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.starts_with(folder))
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    /// `None` for what is listed but gone.
    fn read(root: &Path, path: &str) -> Option<Self> {
        let full: PathBuf = root.join(path);
        let bytes = full.metadata().ok().filter(|metadata| metadata.is_file())?.len();
        let text = (bytes <= TEXT_MAX).then(|| std::fs::read_to_string(&full).ok()).flatten();
        Some(Self { path: path.to_owned(), bytes, text })
    }

    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// A repository of a few files, for the tests of the rules.
#[cfg(test)]
fn repo(files: &[(&str, &str)]) -> Repo {
    let file = |&(path, text): &(&str, &str)| File {
        path: path.to_owned(),
        bytes: text.len() as u64,
        text: Some(text.to_owned()),
    };
    Repo { files: files.iter().map(file).collect() }
}

/// Where the rule is broken in these files: `path:line`.
#[cfg(test)]
fn broken(check: fn(&Repo) -> Vec<Broken>, files: &[(&str, &str)]) -> Vec<String> {
    check(&repo(files)).iter().map(|broken| format!("{}:{}", broken.path, broken.line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_names_of_their_own() {
        for (i, rule) in RULES.iter().enumerate() {
            assert!(RULES[i + 1..].iter().all(|other| other.name != rule.name), "{}", rule.name);
        }
    }

    #[test]
    fn a_finding_names_place_fault_and_rule() {
        let finding = Finding { rule: "r", path: "a/b.rs".into(), line: 3, what: "wrong".into() };
        assert_eq!(finding.to_string(), "a/b.rs:3: wrong [r]");
    }
}
