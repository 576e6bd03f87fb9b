//! net-snmp's and libmodbus's own tools against a running field. A missing tool fails the test.

use std::process::Output;

use clearway_field::faces::modbus::registers::crc16;
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, RowId};
use tokio::process::Command;

const NTCIP: ControllerId = ControllerId(0);
const MODBUS: ControllerId = ControllerId(1);
/// preemptControlState and preemptState of preempt 3, and a timing column that nobody may write.
const CONTROL: &str = ".1.3.6.1.4.1.1206.4.2.1.6.3.1.2.3";
const STATE: &str = ".1.3.6.1.4.1.1206.4.2.1.6.2.1.16.3";
const ENTER_YELLOW: &str = ".1.3.6.1.4.1.1206.4.2.1.6.2.1.22.3";

async fn field() -> Field {
    let faces = [FaceKind::Ntcip, FaceKind::Modbus];
    Field::start(&corridor(2), &faces, FieldOptions::default()).await.unwrap()
}

async fn run(tool: &str, package: &str, arguments: &[&str]) -> Output {
    let output = Command::new(tool).env("MIBS", "").args(arguments).output().await;
    output.unwrap_or_else(|error| panic!("{tool} cannot run ({error}): apt-get install {package}"))
}

async fn snmp(tool: &str, field: &Field, community: &str, rest: &[&str]) -> (bool, String) {
    let peer = format!("udp:{}", field.address(NTCIP).unwrap());
    let fixed = ["-v1", "-c", community, "-On", "-Oq", "-t", "1", "-r", "0", peer.as_str()];
    let output = run(tool, "snmp", &[&fixed[..], rest].concat()).await;
    // On its first day on a machine net-snmp also tells, on stderr, which directories it made.
    let text = if output.status.success() { output.stdout } else { [output.stdout, output.stderr].concat() };
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

async fn mbpoll(field: &Field, rest: &[&str]) -> (bool, String) {
    let address = field.address(MODBUS).unwrap();
    let port = address.port().to_string();
    let ip = address.ip().to_string();
    let (options, values) = rest.split_at(rest.iter().position(|word| *word == "--").unwrap_or(rest.len()));
    let fixed = ["-m", "tcp", "-p", port.as_str(), "-a", "1", "-1", "-o", "2"];
    let host = [ip.as_str()];
    let values = values.get(1..).unwrap_or_default();
    let output = run("mbpoll", "mbpoll", &[&fixed[..], options, &host[..], values].concat()).await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn called(field: &Field, controller: ControllerId) -> bool {
    field.with(controller, |e| e.status().remote.contains(RowId(1))).unwrap()
}

#[tokio::test]
async fn snmpget_and_snmpset_read_and_call_a_preempt() {
    let field = field().await;
    let (read, text) = snmp("snmpget", &field, "administrator", &[STATE]).await;
    assert!(read && text.trim() == format!("{STATE} 2"), "{text}");
    let (set, text) = snmp("snmpset", &field, "administrator", &[CONTROL, "i", "1"]).await;
    assert!(set && called(&field, NTCIP), "{text}");
    let (released, text) = snmp("snmpset", &field, "administrator", &[CONTROL, "i", "0"]).await;
    assert!(released && !called(&field, NTCIP), "{text}");
    field.shutdown().await;
}

#[tokio::test]
async fn snmpset_is_refused_what_nobody_may_write_and_a_stranger_hears_nothing() {
    let field = field().await;
    let (set, text) = snmp("snmpset", &field, "administrator", &[ENTER_YELLOW, "i", "0"]).await;
    assert!(!set && text.contains("noSuchName"), "{text}");
    let (set, text) = snmp("snmpset", &field, "administrator", &[CONTROL, "i", "2"]).await;
    assert!(!set && text.contains("badValue"), "{text}");
    let (read, text) = snmp("snmpget", &field, "public", &[STATE]).await;
    assert!(!read && text.contains("Timeout"), "{text}");
    field.shutdown().await;
}

#[tokio::test]
async fn snmpwalk_meets_the_end_of_the_preempt_table() {
    let field = field().await;
    let (walked, text) = snmp("snmpwalk", &field, "administrator", &[".1.3.6.1.4.1.1206.4.2.1.6"]).await;
    assert!(walked, "{text}");
    assert_eq!(text.lines().filter(|line| line.contains(".1206.4.2.1.6.3.1.2.")).count(), 4, "{text}");
    field.shutdown().await;
}

#[tokio::test]
async fn mbpoll_writes_a_frame_and_reads_its_echo() {
    let field = field().await;
    let mut frame = [1, 42, 1, 300, 1 << 2, 0, 0, 0, 0];
    frame[8] = crc16(&frame[1..8]);
    let words = frame.map(|word: u16| word.to_string());
    let mut write = vec!["-t", "4", "-r", "1", "--"];
    write.extend(words.iter().map(String::as_str));
    let (written, text) = mbpoll(&field, &write).await;
    assert!(written && called(&field, MODBUS), "{text}");
    let (read, text) = mbpoll(&field, &["-t", "3", "-r", "2", "-c", "1"]).await;
    assert!(read && text.contains("42"), "{text}");
    let (again, text) = mbpoll(&field, &["-t", "4", "-r", "1", "--", "1", "2", "3"]).await;
    assert!(!again && text.contains("Illegal data address"), "{text}");
    field.shutdown().await;
}
