//! The arming gate's table, cell by cell, from the register map.

use clearway_contract::kit::{Device, site};
use clearway_contract::{Answer, Ask, GateFinding, GateRow, Protocol, Site, judge};
use clearway_signals::Millis;

use super::{Exchange, Request, Server};

/// Places in the answers: state; identity from register 100; the row that the cells are about.
const STATE: (usize, usize) = (0, 0);
const fn identity(register: usize) -> (usize, usize) {
    (1, register - 100)
}
const fn row(offset: usize) -> (usize, usize) {
    (2, 12 + offset)
}

/// The findings for a device as the model says, but for one register.
fn findings(site: &Site, change: Option<((usize, usize), u16)>) -> Vec<GateFinding> {
    let device = Device::new(site.clone());
    let mut exchange = Exchange::new(site.clone());
    let server = Server { exchange: exchange.clone(), connected_to: None, holding: [0; 9] };
    let mut registers: Vec<Vec<u16>> = Vec::new();
    for request in exchange.requests(&Ask::Gate) {
        let Request::Read(span) = request else { panic!("a read") };
        registers.push(if request.may_be_missing() { Vec::new() } else { server.read(span, &device) });
    }
    if let Some(((run, index), value)) = change {
        registers[run][index] = value;
    }
    let Answer::Gate(reading) = exchange.answer(&Ask::Gate, &registers) else { panic!("a reading") };
    judge(site, &reading, 1, Millis::ZERO).err().unwrap_or_default()
}

/// One test for each cell: this register fails in this row of the table, with these words.
macro_rules! cells {
    ($($name:ident: $row:ident, $words:literal, $at:expr, $value:expr;)+) => {$(
        #[test]
        fn $name() {
            let found = findings(&site(Protocol::Modbus), Some(($at, $value)));
            let named = |f: &GateFinding| f.row == GateRow::$row && f.reason.contains($words);
            assert!(found.iter().any(named) && found.iter().all(|f| f.row == GateRow::$row), "{found:?}");
        }
    )+};
}

cells! {
    gate_identity_map_version: Identity, "protocol version", identity(100), 2;
    gate_identity_device_type: Identity, "protocol version", identity(101), 0;
    gate_identity_configuration: Identity, "in the model", identity(104), 0;
    gate_mode_fault: Mode, "Fault", STATE, 1;
    gate_mode_flash: Mode, "Flash", STATE, 2;
    gate_mode_manual: Mode, "Manual", STATE, 3;
    gate_mode_dark: Mode, "Dark", STATE, 4;
    gate_mode_startup: Mode, "Startup", STATE, 5;
    gate_mode_of_no_meaning: Mode, "mode", STATE, 6;
    gate_dead_man_off: DeadMan, "is off", identity(108), 0;
    gate_dead_man_too_long: DeadMan, "at most", identity(108), 601;
    gate_rows_not_listed: OwnRows, "cannot be read", identity(107), 1;
    gate_rows_another_number: OwnRows, "cannot be read", row(0), 9;
    gate_rows_another_kind: OwnRows, "is for", row(1), 3;
    gate_rows_locking: OwnRows, "locks", row(2), 0b110;
    gate_rows_not_enabled: OwnRows, "not enabled", row(2), 0b101;
    gate_rows_not_remote: OwnRows, "remote request", row(2), 0b011;
    gate_rows_of_another_channel: OwnRows, "cannot be read", row(2), 0b1111;
    gate_rows_no_maximum_presence: OwnRows, "no maximum presence", row(3), 0;
    gate_rows_long_maximum_presence: OwnRows, "presence of 241", row(3), 241;
    gate_rows_short_maximum_presence: OwnRows, "gives up", row(3), 119;
    gate_rows_minimum_duration: OwnRows, "holds longer", row(4), 1;
    gate_rows_minimum_dwell: OwnRows, "holds longer", row(5), 9;
    gate_rows_delay: OwnRows, "delay", row(6), 1;
    gate_dwell_another_group: Dwell, "in the model", row(7), 0b10;
    gate_dwell_unknown_group: Dwell, "does not know", row(10), 0x8000;
    gate_entry_cuts: EntryIntervals, "cuts intervals", row(11), 0;
    gate_entry_of_no_meaning: EntryIntervals, "cuts intervals", row(11), 2;
}

#[test]
fn gate_a_healthy_device_arms() {
    assert_eq!(findings(&site(Protocol::Modbus), None), []);
}

#[test]
fn n5_gate_precedence_is_stated_by_the_map_lower_numbers_win() {
    let mut site = site(Protocol::Modbus);
    site.rows[0].number = 9;
    let found = findings(&site, None);
    assert!(!found.is_empty() && found.iter().all(|f| f.row == GateRow::Precedence), "{found:?}");
}
