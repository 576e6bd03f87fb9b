//! The arming gate's table, cell by cell, from what a site tells and what was proved of it.

use clearway_contract::kit::{Device, MAIN, site};
use clearway_contract::{Answer, Ask, GateFinding, GateRow, Protocol, judge};
use clearway_signals::Millis;
use serde_json::{Value, json};

use super::Desk;
use crate::binding::Means;
use crate::naming;

/// The findings for a site that is as the model says, but for this.
fn findings(change: impl FnOnce(&mut Desk)) -> Vec<GateFinding> {
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, change);
    let Answer::Gate(reading) = desk.ask(&Ask::Gate, &mut device) else { panic!("a reading") };
    assert_eq!(reading.clock_offset, None);
    judge(&site, &reading, 1, Millis::ZERO).err().unwrap_or_default()
}

#[track_caller]
fn not_armed(row: GateRow, words: &str, change: impl FnOnce(&mut Desk)) {
    let found = findings(change);
    let named = |finding: &GateFinding| finding.row == row && finding.reason.contains(words);
    assert!(found.iter().any(named) && found.iter().all(|f| f.row == row), "{words}: {found:?}");
}

/// One test for each cell that a status decides: this value fails in this row of the table.
macro_rules! told {
    ($($name:ident: $row:ident, $words:literal, $code:literal, $status:literal, $value:expr;)+) => {$(
        #[test]
        fn $name() {
            not_armed(GateRow::$row, $words, |desk| desk.peer.says.push(($code, $status, json!($value))));
        }
    )+};
}

told! {
    gate_mode_s0005_starting_up: Mode, "Startup", "S0005", "status", "True";
    gate_mode_s0005_not_told: Mode, "Unknown", "S0005", "status", Value::Null;
    gate_mode_s0007_switched_off: Mode, "Dark", "S0007", "status", "False";
    gate_mode_s0007_not_told: Mode, "Unknown", "S0007", "status", Value::Null;
    gate_mode_s0008_manual_control: Mode, "Manual", "S0008", "status", "True";
    gate_mode_s0008_not_told: Mode, "Unknown", "S0008", "status", Value::Null;
    gate_mode_s0011_yellow_flash: Mode, "Flash", "S0011", "status", "True";
    gate_mode_s0011_yellow_flash_of_one_intersection: Mode, "Flash", "S0011", "status", "False,True";
    gate_mode_s0011_not_told: Mode, "Unknown", "S0011", "status", Value::Null;
    gate_mode_s0012_all_red: Mode, "Manual", "S0012", "status", "True";
    gate_mode_s0012_not_told: Mode, "Unknown", "S0012", "status", Value::Null;
    gate_mode_s0013_police_key_dark: Mode, "Manual", "S0013", "status", "1";
    gate_mode_s0013_police_key_flash: Mode, "Manual", "S0013", "status", "0,2";
    gate_mode_s0013_not_told: Mode, "Unknown", "S0013", "status", Value::Null;
    gate_mode_s0020_startup: Mode, "Startup", "S0020", "controlmode", "startup";
    gate_mode_s0020_standby: Mode, "Unknown", "S0020", "controlmode", "standby";
    gate_mode_s0020_failure: Mode, "Fault", "S0020", "controlmode", "failure";
    gate_mode_s0020_failure_of_one_intersection: Mode, "Fault", "S0020", "controlmode", "control,failure";
    gate_mode_s0020_test: Mode, "Manual", "S0020", "controlmode", "test";
    gate_mode_s0020_not_told: Mode, "Unknown", "S0020", "controlmode", Value::Null;
    gate_identity_s0097_of_another_configuration: Identity, "in the model", "S0097", "checksum",
        "00000001".repeat(8);
    gate_identity_s0097_of_a_site_that_is_not_commissioned: Identity, "does not name", "S0097", "checksum",
        "a checksum of its own";
    gate_identity_s0097_not_told: Identity, "does not name", "S0097", "checksum", Value::Null;
    gate_rows_s0017_fewer_groups: OwnRows, "cannot be read", "S0017", "number", "2";
    gate_rows_s0017_not_told: OwnRows, "cannot be read", "S0017", "number", Value::Null;
}

#[test]
fn gate_a_site_that_tells_what_the_model_says_arms() {
    assert_eq!(findings(|_| {}), []);
}

#[test]
fn gate_identity_core_without_arrays() {
    not_armed(GateRow::Identity, "protocol version", |desk| desk.peer.cores = vec!["3.1.5"]);
}

#[test]
fn gate_identity_list_without_priority_requests() {
    not_armed(GateRow::Identity, "protocol version", |desk| desk.peer.sxl = "1.0.15");
}

#[test]
fn gate_identity_s0097_differs_from_commissioning() {
    let own = naming::checksum(Device::new(site(Protocol::Rsmp)).configuration_hash);
    assert_eq!(findings(|desk| desk.binding.checksum = Some(own)), []);
    not_armed(GateRow::Identity, "S0097 is", |desk| desk.binding.checksum = Some("other".into()));
    not_armed(GateRow::Identity, "S0097 is ``", |desk| {
        desk.peer.says.push(("S0097", "checksum", Value::Null));
        desk.binding.checksum = Some("other".into());
    });
}

#[test]
fn gate_identity_s0095_differs_from_commissioning() {
    let without_checksum = |desk: &mut Desk, device: &str| {
        desk.peer.says.push(("S0097", "checksum", Value::Null));
        desk.binding.device = Some(device.into());
    };
    assert_eq!(findings(|desk| without_checksum(desk, "a peer of tests")), []);
    not_armed(GateRow::Identity, "S0095 is `a peer of tests`", |desk| without_checksum(desk, "another"));
    // Where both are known, a new firmware disarms although the configuration is the same.
    not_armed(GateRow::Identity, "S0095", |desk| desk.binding.device = Some("another".into()));
}

#[test]
fn gate_dead_man_not_proved_at_commissioning() {
    not_armed(GateRow::DeadMan, "cannot be read", |desk| desk.binding.request_lifetime = None);
}

#[test]
fn gate_dead_man_too_long() {
    not_armed(GateRow::DeadMan, "at most", |desk| desk.binding.request_lifetime = Some(Millis::from_s(61)));
}

#[test]
fn gate_rows_maximum_presence_not_proved_at_commissioning() {
    not_armed(GateRow::OwnRows, "no maximum presence", |desk| desk.binding.max_presence = None);
}

#[test]
fn gate_rows_an_input_that_the_site_does_not_have() {
    let input = |number: u8| move |desk: &mut Desk| desk.binding.means = vec![(MAIN, Means::Input(number))];
    // The site tells of four.
    assert_eq!(findings(input(4)), []);
    not_armed(GateRow::OwnRows, "cannot be read", input(5));
}

#[test]
fn gate_entry_that_cuts_intervals() {
    not_armed(GateRow::EntryIntervals, "cuts", |desk| desk.binding.keeps_intervals = false);
}

#[test]
fn gate_clock_is_judged_nowhere_because_an_arrival_counts_from_now() {
    // The site's clock stands years beside ours in every message (S0096 is not even asked for).
    let site = site(Protocol::Rsmp);
    let (mut desk, mut device) = Desk::ready(&site, |_| {});
    assert!(matches!(desk.ask(&Ask::Gate, &mut device), Answer::Gate(_)));
    let asked = desk.peer.received.iter().any(|message| message.to_string().contains("S0096"));
    assert!(!asked);
}
