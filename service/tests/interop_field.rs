//! Foreign clients against `clearway field`: net-snmp's snmpget and snmpset, and mbpoll.
#![forbid(unsafe_code)]

mod interop;

use std::time::Duration;

use clearway_network::Controller;
use clearway_signals::{Channel, Owner, RowKind};
use interop::{Emulated, Field, crc16, modbus_read, modbus_write, model, snmp_get, snmp_set, wait};

/// From a call to the dwell at the latest: minimum greens, pedestrian clearance, intergreens.
const ENTRY: Duration = Duration::from_secs(60);
/// From the end of a call back to the plan.
const EXIT: Duration = Duration::from_secs(60);
const DWELL: i64 = 6;
const NOT_ACTIVE: i64 = 2;

fn own_row(controller: &Controller) -> u8 {
    let own = |row: &&clearway_signals::RequestRow| {
        row.owner == Owner::Ours && row.channel == Channel::Preempt && row.kind == RowKind::Emergency
    };
    controller.rows.iter().find(own).map(|row| row.number).expect("the model binds an emergency row")
}

fn of_model<'a>(controllers: &'a [Controller], emulated: &Emulated) -> &'a Controller {
    controllers.iter().find(|controller| controller.name == emulated.name).expect("of the same model")
}

#[test]
fn net_snmp_calls_a_preempt_and_takes_it_back() {
    let network = model().network;
    let field = Field::start(network.controllers.len());
    let emulated = field.first("ntcip");
    let address = emulated.address.as_str();
    let row = own_row(of_model(&network.controllers, emulated));
    let (control, state) = (format!("1.6.3.1.2.{row}"), format!("1.6.2.1.16.{row}"));

    assert!(snmp_get(address, "1.3.3.0").is_some_and(|timer| timer > 0), "the dead-man timer is on");
    assert_eq!(snmp_get(address, &state), Some(NOT_ACTIVE));
    snmp_set(address, &control, "1").unwrap();
    wait("dwell", ENTRY, || {
        // Refreshed like any central system does, or the unit's backup timer would end the call.
        snmp_set(address, &control, "1").unwrap();
        (snmp_get(address, &state) == Some(DWELL)).then_some(())
    });
    snmp_set(address, &control, "0").unwrap();
    wait("the plan", EXIT, || (snmp_get(address, &state) == Some(NOT_ACTIVE)).then_some(()));
}

#[test]
fn net_snmp_cannot_write_what_is_not_for_writing() {
    let network = model().network;
    let field = Field::start(network.controllers.len());
    let emulated = field.first("ntcip");
    let row = own_row(of_model(&network.controllers, emulated));
    let refused = |object: &str, value| snmp_set(&emulated.address, object, value).unwrap_err();
    assert!(refused(&format!("1.6.3.1.2.{row}"), "7").contains("badValue"), "out of range");
    assert!(refused(&format!("1.6.2.1.11.{row}"), "0").contains("noSuchName"), "maximum presence");
    assert!(refused("1.3.3.0", "0").contains("noSuchName"), "the dead-man timer");
    assert_eq!(snmp_get(&emulated.address, &format!("1.6.3.1.2.{row}")), Some(0));
}

#[test]
fn mbpoll_calls_a_preempt_and_the_device_drops_it_when_its_time_is_over() {
    let network = model().network;
    let field = Field::start(network.controllers.len());
    let emulated = field.first("modbus");
    let address = emulated.address.as_str();
    let controller = of_model(&network.controllers, emulated);
    let row = own_row(controller);

    let identity = modbus_read(address, 100, 9).expect("identity");
    assert_eq!(identity[..2], [1, 0x4357]);
    let hash = u32::from(identity[4]) << 16 | u32::from(identity[5]);
    assert_eq!(hash, controller.junction().configuration_hash());
    assert_eq!(modbus_read(address, 109, 1), Some(vec![1]), "the minor version of the map");
    assert_eq!(modbus_read(address, 110, 1), None, "a register that the map does not have");

    let frame = |sequence: u16| {
        let mut words = [1, sequence, sequence, 20, 1 << (row - 1), 0, 0, 0, 0];
        words[8] = crc16(&words[1..8]);
        words
    };
    let broken = [1, 1, 1, 20, 1 << (row - 1), 0, 0, 0, 0xdead];
    assert!(modbus_write(address, &broken).unwrap_err().contains("Illegal data value"));
    assert_eq!(modbus_read(address, 24, 2), Some(vec![1, 2]), "refused for its CRC");

    let mut sequence = 0;
    wait("dwell", ENTRY, || {
        sequence += 1;
        modbus_write(address, &frame(sequence)).unwrap();
        let status = modbus_read(address, 0, 10)?;
        assert_eq!(status[1], sequence, "the echo of the sequence");
        (i64::from(status[3]) == DWELL && status[2] == u16::from(row)).then_some(())
    });
    wait("the calls to be dropped", Duration::from_secs(10), || {
        (modbus_read(address, 9, 1)?[0] == 0).then_some(())
    });
    wait("the plan", EXIT, || (i64::from(modbus_read(address, 3, 1)?[0]) == NOT_ACTIVE).then_some(()));
}
