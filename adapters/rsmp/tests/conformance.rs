//! Every test that `docs/conformance/rsmp-suite.md` names exists.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// Where the tests of RSMP stand.
const FOLDERS: [&str; 3] = ["adapters/rsmp/src", "adapters/rsmp/tests", "sim/field/src/faces/rsmp"];

#[test]
fn every_test_that_the_suites_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = String::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut sources);
    }
    let document = fs::read_to_string(root.join("docs/conformance/rsmp-suite.md")).expect("the document");
    let last_cells = document.lines().filter_map(|line| line.strip_prefix("| ")?.rsplit(" | ").next());
    let named: Vec<&str> = last_cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 40, "{}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of this repository") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).expect("a source"));
        }
    }
}
