//! Every test that `docs/conformance/modbus.md` names exists.
#![forbid(unsafe_code)]

use clearway_contract::kit::sources::{Sources, names_in_rows};

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
    let named = names_in_rows("docs/conformance/modbus.md", |row| row);
    assert!(named.len() > 40, "{}", named.len());
    assert_eq!(Sources::of(&FOLDERS).missing(named.iter().map(String::as_str)), [""; 0]);
}
