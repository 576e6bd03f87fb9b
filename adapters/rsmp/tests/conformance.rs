//! Every test that `docs/conformance/rsmp-suite.md` names exists.
#![forbid(unsafe_code)]

use clearway_contract::kit::sources::{Sources, names_in_rows};

/// Where the tests of RSMP stand.
const FOLDERS: [&str; 3] = ["adapters/rsmp/src", "adapters/rsmp/tests", "sim/field/src/faces/rsmp"];

#[test]
fn every_test_that_the_suites_table_names_exists() {
    let named =
        names_in_rows("docs/conformance/rsmp-suite.md", |row| row.rsplit(" | ").next().unwrap_or(row));
    assert!(named.len() > 40, "{}", named.len());
    assert_eq!(Sources::of(&FOLDERS).missing(named.iter().map(String::as_str)), [""; 0]);
}
