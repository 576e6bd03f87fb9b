//! Rust sources, read as far as the rules need it: without tests, without comments.

use super::{File, Repo};

/// A line of code that runs in production.
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Without its `//` comment.
    pub code: &'a str,
    /// The comment of this line and of comment lines right above it, joined.
    pub comment: String,
}

/// The production lines of every Rust file below the folders: no test files, no test modules.
pub fn production<'a>(repo: &'a Repo, folders: &[&'a str]) -> Vec<(&'a File, Vec<Line<'a>>)> {
    let mut found = Vec::new();
    for &folder in folders {
        let files = repo.below(folder).filter(|file| file.has_extension(&["rs"]));
        let files = files.filter(|file| !is_test_file(repo, &file.path));
        found.extend(files.map(|file| (file, lines(file.text()))));
    }
    found
}

/// Whether the whole file is a test: in a `tests`, `benches` or `fuzz` folder, or a module that an
/// ancestor declares for tests only.
fn is_test_file(repo: &Repo, path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder.split('/').skip(1).any(|part| ["tests", "benches", "fuzz"].contains(&part)) {
        return true;
    }
    let (module, home) = match name {
        "mod.rs" => folder.rsplit_once('/').map_or((folder, ""), |(home, module)| (module, home)),
        _ => (name.trim_end_matches(".rs"), folder),
    };
    let parents = ["/lib.rs", "/main.rs", "/mod.rs", ".rs"].map(|end| format!("{home}{end}"));
    let declared = parents.iter().filter(|parent| *parent != path).filter_map(|parent| repo.file(parent));
    declared.into_iter().any(|parent| {
        declares_test_module(parent.text(), module)
            || (!parent.path.ends_with("/lib.rs")
                && !parent.path.ends_with("/main.rs")
                && is_test_file(repo, &parent.path))
    })
}

fn declares_test_module(text: &str, module: &str) -> bool {
    let mut for_tests = false;
    for line in text.lines().map(str::trim) {
        let item = line.strip_prefix("pub ").unwrap_or(line);
        if for_tests && item.strip_prefix("mod ").is_some_and(|rest| rest == format!("{module};")) {
            return true;
        }
        for_tests =
            is_test_attribute(line) || (for_tests && (line.starts_with("#[") || line.starts_with("//")));
    }
    false
}

/// `#[cfg(test)]`, and what is compiled only for the tests of other crates.
fn is_test_attribute(line: &str) -> bool {
    line.starts_with("#[cfg(") && !line.contains("not(") && line.contains("test")
}

/// The lines of a file that are not in an item marked for tests.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut comment = String::new();
    let mut skipping: Option<usize> = None;
    for (index, raw) in text.lines().enumerate() {
        let trimmed = raw.trim_start();
        let indent = raw.len() - trimmed.len();
        if let Some(depth) = skipping {
            if ends_item(trimmed, indent, depth) {
                skipping = None;
            }
            continue;
        }
        if is_test_attribute(trimmed) {
            skipping = Some(indent);
            continue;
        }
        let (code, said) = split_comment(raw);
        comment.push_str(said);
        if code.trim().is_empty() && !said.is_empty() {
            continue;
        }
        found.push(Line { number: index + 1, code, comment: std::mem::take(&mut comment) });
    }
    found
}

/// Whether the line closes the item that began at this depth (rustfmt's layout).
fn ends_item(trimmed: &str, indent: usize, depth: usize) -> bool {
    indent == depth
        && !trimmed.starts_with('#')
        && (trimmed.starts_with('}')
            || trimmed.ends_with(';')
            || trimmed.ends_with('}')
            || trimmed.ends_with(','))
}

/// The code and the comment of a line; `//` inside a string is not a comment.
fn split_comment(raw: &str) -> (&str, &str) {
    let mut in_string = false;
    let mut previous = ' ';
    for (at, character) in raw.char_indices() {
        match character {
            '"' if previous != '\\' => in_string = !in_string,
            '/' if !in_string && previous == '/' => return raw.split_at(at - 1),
            _ => {}
        }
        previous = character;
    }
    (raw, "")
}

#[cfg(test)]
mod tests {
    use super::super::repo;
    use super::*;

    fn code(text: &str) -> Vec<&str> {
        lines(text).iter().map(|line| line.code.trim()).filter(|code| !code.is_empty()).collect()
    }

    #[test]
    fn tests_and_comments_are_left_out() {
        let text = "fn a() {} // why\n// only a comment\nlet url = \"http://x\";\n\
                    #[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n\
                    #[cfg(test)]\nmod more;\nfn d() {}\n";
        assert_eq!(code(text), ["fn a() {}", "let url = \"http://x\";", "fn c() {}", "fn d() {}"]);
    }

    #[test]
    fn a_comment_above_belongs_to_the_line_below() {
        let text = "// infallible: a\n// constant\nlet x = 1;\nlet y = 2; // own";
        let comments: Vec<String> = lines(text).into_iter().map(|line| line.comment).collect();
        assert_eq!(comments, ["// infallible: a// constant", "// own"]);
    }

    #[test]
    fn a_module_declared_for_tests_is_no_production_code() {
        let repo = repo(&[
            (
                "a/b/src/lib.rs",
                "#[cfg(any(test, feature = \"testing\"))]\npub mod testing;\n#[cfg(any(test, feature = \"kit\"))]\npub mod kit;\npub mod real;\n",
            ),
            ("a/b/src/kit.rs", "mod rig;\n"),
            ("a/b/src/kit/rig.rs", "fn k() {}"),
            ("a/b/src/testing.rs", "fn t() {}"),
            ("a/b/src/real.rs", "fn r() {}"),
            ("a/b/tests/it.rs", "fn i() {}"),
            ("a/tests/it.rs", "fn i() {}"),
            ("a/b/src/deep/mod.rs", "#[cfg(test)]\nmod tests;\n"),
            ("a/b/src/deep/tests.rs", "fn d() {}"),
        ]);
        let files: Vec<&str> =
            production(&repo, &["a/"]).iter().map(|(file, _)| file.path.as_str()).collect();
        assert_eq!(files, ["a/b/src/lib.rs", "a/b/src/real.rs", "a/b/src/deep/mod.rs"]);
    }
}
