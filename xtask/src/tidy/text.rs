//! Rules on every file: size, leftovers, paths of one machine, numbers, links.

use super::{Broken, File, Repo};

/// Bytes of one file.
const BYTES_MAX: u64 = 5 << 20;
/// Words that promise work for later. Put together here, so that the rule does not find itself.
const LEFTOVERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
/// Folders of one machine, likewise.
const MACHINE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Files that people write; data and lock files are exempt from rules on words.
fn written(repo: &Repo) -> impl Iterator<Item = &File> {
    let kinds = ["rs", "ts", "svelte", "css", "html", "py", "md", "toml", "sh", "conf", "yml"];
    repo.files.iter().filter(move |file| file.has_extension(&kinds) || file.path.starts_with(".ci/"))
}

/// Nothing large goes into the repository.
pub fn files_are_small(repo: &Repo) -> Vec<Broken> {
    let large = repo.files.iter().filter(|file| file.bytes > BYTES_MAX);
    large.map(|file| Broken::at(&file.path, 0, format!("{} bytes: more than 5 MB", file.bytes))).collect()
}

/// What is not done is an issue, not a comment.
pub fn no_leftovers(repo: &Repo) -> Vec<Broken> {
    words(repo, &LEFTOVERS, |word| format!("{word}: do it, or write an issue"))
}

/// The repository does not know on which machine it lies.
pub fn no_machine_paths(repo: &Repo) -> Vec<Broken> {
    words(repo, &MACHINE, |path| format!("{path}…: a path of one machine"))
}

fn words(repo: &Repo, needles: &[&str], what: fn(&str) -> String) -> Vec<Broken> {
    let mut broken = Vec::new();
    for file in written(repo) {
        for (index, line) in file.text().lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(**needle)) {
                broken.push(Broken::at(&file.path, index + 1, what(needle)));
            }
        }
    }
    broken
}

const PRINTED: &str = "<!-- printed by: ";
const PRINTED_END: &str = "<!-- end -->";

/// A measured number in the README stands between `<!-- printed by: COMMAND -->` and
/// `<!-- end -->`, and COMMAND is one of ours.
pub fn readme_numbers_are_printed(repo: &Repo) -> Vec<Broken> {
    let path = "README.md";
    let Some(readme) = repo.file(path) else { return vec![Broken::at(path, 0, "there is no README")] };
    let (mut printed, mut fenced) = (false, false);
    let mut broken = Vec::new();
    for (index, line) in readme.text().lines().enumerate() {
        if let Some(rest) = line.trim().strip_prefix(PRINTED) {
            let command = rest.trim_end_matches("-->").trim();
            if printed || !["cargo xtask ", "clearway "].iter().any(|ours| command.starts_with(ours)) {
                broken.push(Broken::at(path, index + 1, "name the command of ours that prints this"));
            }
            printed = true;
        } else if line.trim() == PRINTED_END {
            printed = false;
        } else if line.starts_with("```") {
            fenced = !fenced;
        } else if !printed && !fenced && has_measurement(line) {
            let what = "a measured number that no command prints: put it between the markers";
            broken.push(Broken::at(path, index + 1, what));
        }
    }
    if printed {
        broken.push(Broken::at(path, 0, format!("a marker is not closed by {PRINTED_END}")));
    }
    broken
}

/// A number with a unit in which results are given.
fn has_measurement(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.trim_matches(|c: char| !c.is_ascii_digit()).parse::<f64>().is_ok();
    let units = ["µs", "us", "ms", "%"];
    let with_unit = |word: &str| {
        let word = word.trim_end_matches(|c: char| ".,;:)|".contains(c));
        units.iter().any(|unit| word.strip_suffix(unit).is_some_and(|n| !n.is_empty() && is_number(n)))
    };
    let apart = |pair: &[&str]| {
        let unit = pair[1].trim_end_matches(|c: char| ".,;:)|".contains(c));
        is_number(pair[0]) && units.contains(&unit)
    };
    words.iter().any(|word| with_unit(word)) || words.windows(2).any(apart)
}

/// Whoever looks for a page finds a link to it.
pub fn docs_are_linked(repo: &Repo) -> Vec<Broken> {
    let is_page = |file: &&File| file.path.starts_with("docs/") && file.has_extension(&["md"]);
    let linked = |page: &File| {
        let name = page.path.rsplit('/').next().unwrap_or_default();
        let mut readers =
            repo.files.iter().filter(|file| file.has_extension(&["md"]) && file.path != page.path);
        readers.any(|file| {
            file.text().match_indices(name).any(|(at, _)| file.text()[..at].ends_with(['(', '/']))
        })
    };
    let pages = repo.files.iter().filter(is_page).filter(|page| !linked(page));
    pages.map(|page| Broken::at(&page.path, 0, "no other page links here")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{broken, repo};
    use super::*;

    #[test]
    fn large_files_are_found() {
        let mut repo = repo(&[("a.csv", "x")]);
        repo.files[0].bytes = BYTES_MAX + 1;
        assert_eq!(files_are_small(&repo).len(), 1);
    }

    #[test]
    fn leftovers_and_machine_paths_are_found_in_what_people_write() {
        let line = format!("fn f() {{}} // {} later\nlet p = \"{}main\";\n", LEFTOVERS[0], MACHINE[0]);
        let files = [("a.rs", line.as_str()), ("data.csv", line.as_str())];
        assert_eq!(broken(no_leftovers, &files), ["a.rs:1"]);
        assert_eq!(broken(no_machine_paths, &files), ["a.rs:2"]);
    }

    #[test]
    fn a_number_that_no_command_printed_is_found() {
        let readme = "It answers in 40 µs.\n<!-- printed by: cargo xtask bench -->\n| p99 | 40 µs |\n<!-- end -->\n\
                      ```\nx 3 ms\n```\nDebian 12, 8 signals, two cores\nsaves 45% of the time\n";
        assert_eq!(
            broken(readme_numbers_are_printed, &[("README.md", readme)]),
            ["README.md:1", "README.md:9"]
        );
        let foreign = "<!-- printed by: somebody -->\n<!-- end -->\n<!-- printed by: clearway demo -->\n";
        assert_eq!(
            broken(readme_numbers_are_printed, &[("README.md", foreign)]),
            ["README.md:1", "README.md:0"]
        );
    }

    #[test]
    fn a_page_without_a_link_is_found() {
        let files = [
            ("README.md", "[testing](docs/testing.md)"),
            ("docs/testing.md", "see [api](api.md)"),
            ("docs/api.md", ""),
            ("docs/lost.md", "lost.md"),
        ];
        assert_eq!(broken(docs_are_linked, &files), ["docs/lost.md:0"]);
    }
}
