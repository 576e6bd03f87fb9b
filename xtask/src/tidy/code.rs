//! Rules on code: clocks, unwraps, unsafe, length, limits.

use super::source::production;
use super::{Broken, Repo};

/// The deterministic part: `now` is passed in.
const CLOCKLESS: [&str; 4] = ["engine/signals/", "engine/network/", "engine/certify/", "engine/planner/"];
/// What reads a clock, waits or does I/O.
const CLOCKS: [&str; 4] = ["Instant::now", "SystemTime", "thread::sleep", "std::net"];

/// What the outside can reach.
const EDGE: [&str; 2] = ["adapters/", "service/"];
/// An `expect` that cannot fail says so in a comment that begins with this word.
const INFALLIBLE: &str = "infallible:";

/// The one place with unsafe code: a counting allocator has no safe form.
const UNSAFE: &str = "benches/src/alloc_counter.rs";

/// Lines of one source file.
const LINES_MAX: usize = 700;
/// Lines of the certifier, tests excluded: one person can read it in an hour.
const CERTIFIER_LINES_MAX: usize = 500;

/// Engine crates read no clock: the same events give the same commands (ARCHITECTURE.md).
pub fn engine_reads_no_clock(repo: &Repo) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, lines) in production(repo, &CLOCKLESS) {
        for line in lines {
            if let Some(call) = CLOCKS.iter().find(|call| line.code.contains(**call)) {
                let what = format!("{call} in the engine: take `now` as an argument");
                broken.push(Broken::at(&file.path, line.number, what));
            }
        }
    }
    broken
}

/// Code that meets bytes from outside does not unwrap.
pub fn edge_unwraps_nothing(repo: &Repo) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, lines) in production(repo, &EDGE) {
        for line in lines {
            let unwraps = line.code.contains(".unwrap()") || line.code.contains(".expect(\"");
            if unwraps && !line.comment.contains(INFALLIBLE) {
                let what = "return a typed error, or say in a comment `infallible: …` why it cannot fail";
                broken.push(Broken::at(&file.path, line.number, what));
            }
        }
    }
    broken
}

/// Unsafe code stands in one named file, and every crate forbids or denies it.
pub fn unsafe_only_where_named(repo: &Repo) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, lines) in production(repo, &[""]) {
        if file.path == UNSAFE {
            continue;
        }
        let marked = |code: &str| ["unsafe {", "unsafe fn ", "unsafe impl "].iter().any(|u| code.contains(u));
        let lines = lines.iter().filter(|line| marked(line.code) && !line.code.contains('"'));
        broken.extend(lines.map(|line| Broken::at(&file.path, line.number, "unsafe code")));
        let is_root = file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs");
        let forbids = ["forbid", "deny"].map(|word| format!("#![{word}(unsafe_code)]"));
        if is_root && !forbids.iter().any(|attribute| file.text().contains(attribute)) {
            broken.push(Broken::at(&file.path, 1, "add #![forbid(unsafe_code)]"));
        }
    }
    broken
}

/// A file holds one idea.
pub fn files_are_short(repo: &Repo) -> Vec<Broken> {
    let sources = repo.files.iter().filter(|file| file.has_extension(&["rs", "ts", "svelte", "css", "py"]));
    let long = sources.map(|file| (file, file.text().lines().count())).filter(|(_, n)| *n > LINES_MAX);
    long.map(|(file, n)| Broken::at(&file.path, 0, format!("{n} lines, more than {LINES_MAX}: split it")))
        .collect()
}

/// The certifier stays small enough to be read whole.
pub fn certifier_is_small(repo: &Repo) -> Vec<Broken> {
    let files = production(repo, &["engine/certify/"]);
    // Comment lines count too: they are read as well; tests do not.
    let lines: usize = files
        .iter()
        .map(|(_, lines)| lines.len() + lines.iter().map(|l| l.comment.matches("//").count()).sum::<usize>())
        .sum();
    if lines <= CERTIFIER_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines without tests, more than {CERTIFIER_LINES_MAX}");
    vec![Broken::at("engine/certify", 0, what)]
}

/// Every limit says what it bounds.
pub fn limits_are_documented(repo: &Repo) -> Vec<Broken> {
    let path = "engine/signals/src/limits.rs";
    let Some(file) = repo.file(path) else { return vec![Broken::at(path, 0, "the limits are gone")] };
    let mut broken = Vec::new();
    let mut documented = false;
    for (index, line) in file.text().lines().enumerate() {
        if line.starts_with("pub const") && !documented {
            broken.push(Broken::at(path, index + 1, "say what this limit bounds"));
        }
        documented = line.starts_with("///");
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::super::broken;
    use super::*;

    #[test]
    fn a_clock_in_the_engine_is_found_outside_tests_only() {
        let files = [
            ("engine/planner/src/wave.rs", "fn f() {\n    let t = Instant::now();\n}\n"),
            (
                "engine/certify/src/x.rs",
                "// never Instant::now\n#[cfg(test)]\nmod tests {\n    // x\n    fn f() { Instant::now(); }\n}\n",
            ),
            ("engine/runtime/src/hot.rs", "let t = Instant::now();"),
        ];
        assert_eq!(broken(engine_reads_no_clock, &files), ["engine/planner/src/wave.rs:2"]);
    }

    #[test]
    fn an_unwrap_at_the_edge_is_found_unless_it_says_why_it_cannot_fail() {
        let files = [
            (
                "adapters/ntcip/src/codec.rs",
                "let a = b.unwrap();\nlet c = d.unwrap_or(1);\nlet e = reader.expect(TAG)?;\n",
            ),
            (
                "service/src/api.rs",
                "// infallible: a constant\nlet x = y.expect(\"constant\");\nz.expect(\"?\");",
            ),
            ("engine/network/src/x.rs", "b.unwrap();"),
        ];
        let found = ["adapters/ntcip/src/codec.rs:1", "service/src/api.rs:3"];
        assert_eq!(broken(edge_unwraps_nothing, &files), found);
    }

    #[test]
    fn unsafe_code_is_found_outside_its_one_file() {
        let files = [
            ("engine/runtime/src/lib.rs", "fn f() {}\n"),
            ("engine/runtime/src/pin.rs", "#![forbid(unsafe_code)]\nfn f() { unsafe { g() } }\n"),
            (UNSAFE, "unsafe impl X for Y {}\n"),
        ];
        let found = ["engine/runtime/src/lib.rs:1", "engine/runtime/src/pin.rs:2"];
        assert_eq!(broken(unsafe_only_where_named, &files), found);
    }

    #[test]
    fn long_files_and_a_large_certifier_are_found() {
        let long = "fn f() {}\n".repeat(LINES_MAX + 1);
        assert_eq!(broken(files_are_short, &[("a/x.rs", &long), ("a/data.csv", &long)]), ["a/x.rs:0"]);
        let files = [("engine/certify/src/check.rs", long.as_str())];
        assert_eq!(broken(certifier_is_small, &files), ["engine/certify:0"]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n").replace("\nfn", "\n    fn");
        assert!(broken(certifier_is_small, &[("engine/certify/src/check.rs", &tests)]).is_empty());
    }

    #[test]
    fn a_limit_without_a_word_is_found() {
        let text = "/// Vehicles.\npub const A: usize = 1;\npub const B: usize = 2;\n";
        let path = "engine/signals/src/limits.rs";
        assert_eq!(broken(limits_are_documented, &[(path, text)]), [format!("{path}:3")]);
    }
}
