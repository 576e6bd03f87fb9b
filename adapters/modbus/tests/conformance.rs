//! Every test that `docs/conformance/modbus.md` names exists.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// Where the tests of Modbus stand.
const FOLDERS: [&str; 5] = [
    "adapters/modbus/src",
    "adapters/egress/src",
    "sim/field/src/faces/modbus",
    "adapters/contract/src/kit",
    "service/tests",
];

#[test]
fn every_test_that_the_conformance_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = String::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut sources);
    }
    let document = fs::read_to_string(root.join("docs/conformance/modbus.md")).expect("the document");
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let named: Vec<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 40, "{}", named.len());
    let exists = |name: &&str| {
        let alone = sources.contains(&format!("fn {name}("));
        // Tests that a macro makes stand as a name before what they are made of.
        alone || sources.contains(&format!("{name}: ")) || sources.contains(&format!("    {name},\n"))
    };
    let missing: Vec<&&str> = named.iter().filter(|name| !exists(name)).collect();
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
