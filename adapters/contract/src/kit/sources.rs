//! Our own sources, for the tests that hold a document to what it names.

use std::fs;
use std::path::Path;

/// The text of all Rust sources below some folders.
pub struct Sources(String);

impl Sources {
    /// Below these folders, named from the root of the workspace.
    ///
    /// # Panics
    /// When one cannot be read.
    #[must_use]
    pub fn of(folders: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut text = String::new();
        folders.iter().for_each(|folder| collect(&root.join(folder), &mut text));
        Self(text)
    }

    /// The names that are no test, alone or made by a macro, in the order in which they came.
    #[must_use]
    pub fn missing<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        names.into_iter().filter(|name| !self.has(name)).collect()
    }

    fn has(&self, name: &str) -> bool {
        let sources = &self.0;
        let alone = sources.contains(&format!("fn {name}("));
        // Tests that a macro makes stand as a name before what they are made of, or in a list.
        alone || sources.contains(&format!("{name}: ")) || sources.contains(&format!("    {name},\n"))
    }
}

fn collect(folder: &Path, into: &mut String) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// What stands between backticks in the rows of a document's tables, or in one `cell` of each.
///
/// # Panics
/// When the document cannot be read.
#[must_use]
pub fn names_in_rows(document: &str, cell: fn(&str) -> &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| cell(row).split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_exists_is_found_and_one_that_does_not_is_named() {
        let sources = Sources::of(&["adapters/contract/src/kit"]);
        let known = "a_test_that_exists_is_found_and_one_that_does_not_is_named";
        let absent = format!("{known}_twice");
        assert_eq!(sources.missing([known, absent.as_str()]), [absent.as_str()]);
    }
}
