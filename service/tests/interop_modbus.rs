//! Modbus beyond Modbus TCP with other people's software: who is kept out by TLS, on both sides, and
//! libmodbus on a serial line.
#![forbid(unsafe_code)]

mod interop;

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use clearway_field::faces::Shared;
use clearway_field::faces::modbus::pki::Authority;
use clearway_field::faces::modbus::{Device, Framing, Map, Rights, Setup, Tls};
use clearway_field::{FaceKind, Field, FieldOptions, Options, Station};
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, RowId, RowSet};
use interop::drive::{EngineProcess, Reached};
use interop::peers::{Peer, SerialPair, python, script};
use interop::pki::{IdentityFiles, Pki};
use interop::{client, crc16, model, wait_or};
use serde_json::{Value, json};
use tokio_serial::{Parity, SerialPortBuilderExt};

/// From the start of the engine to its first word on a controller.
const TOLD: Duration = Duration::from_secs(30);

/// The engine before a pymodbus server that wants certificates of `theirs`; it shows `shown` and
/// trusts `trusted`. It never arms, for that reason, and nothing is written.
fn is_kept_out(theirs: &Pki, trusted: &Path, shown: &IdentityFiles, folder: &Path, reason: &str) {
    let loaded = model();
    let controller = &loaded.network.controllers[0];
    let device = theirs.identity("device", None);
    let files = [&theirs.authority, &device.certificate, &device.key];
    let mut way: Vec<&OsStr> = vec!["tls".as_ref()];
    way.extend(files.map(|path| path.as_os_str()));
    way.push("operator".as_ref());
    let peer = Peer::pymodbus_by(folder, controller, &way);
    let reached = Reached {
        name: controller.name.clone(),
        protocol: "modbus",
        address: peer.address.clone(),
        keys: shown.keys(trusted),
    };
    let engine = EngineProcess::start(folder, &[reached], &[]);
    let told = || engine.controllers().contains(reason).then_some(());
    wait_or("the reason", TOLD, told, || engine.controllers());
    assert!(peer.log().iter().all(|line| line["what"] != "frame"), "{:?}", peer.log());
}

#[test]
fn a_pymodbus_server_of_another_authority_is_never_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Pki::new(folder.path(), "ours"), Pki::new(folder.path(), "theirs"));
    let shown = theirs.identity("engine", Some("operator"));
    is_kept_out(&theirs, &ours.authority, &shown, folder.path(), "invalid peer certificate");
}

#[test]
fn a_pymodbus_server_keeps_out_who_shows_another_authoritys_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Pki::new(folder.path(), "ours"), Pki::new(folder.path(), "theirs"));
    let shown = ours.identity("engine", Some("operator"));
    is_kept_out(&theirs, &theirs.authority, &shown, folder.path(), "link:");
}

#[test]
fn a_pymodbus_server_keeps_out_another_role() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = Pki::new(folder.path(), "theirs");
    let shown = theirs.identity("engine", Some("visitor"));
    is_kept_out(&theirs, &theirs.authority, &shown, folder.path(), "Illegal function");
}

/// What pymodbus's client comes back with from a face that wants mutual TLS.
async fn pymodbus_says(folder: &Path, field: &Field, trusted: &Path, shown: Option<&IdentityFiles>) -> Value {
    let port = field.address(ControllerId(0)).unwrap().port().to_string();
    let script = script("pymodbus_client.py");
    let mut arguments = vec![script.display().to_string(), port, trusted.display().to_string()];
    let files = shown.into_iter().flat_map(|shown| [&shown.certificate, &shown.key]);
    arguments.extend(files.map(|path| path.display().to_string()));
    let program = python().display().to_string();
    let run = move || client(&program, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let (ok, said) = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(ok, "{said} in {}", folder.display());
    // What it says to people stands beside it.
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|_| panic!("{said}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_face_lets_pymodbus_in_by_certificate_and_role_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let authority = Authority::new("device's own").unwrap();
    let device = authority.issue("device", None).unwrap();
    let (ours, strangers) = (Pki::new(at, "ours"), Pki::new(at, "strangers"));
    let trusted = at.join("device-authority.pem");
    std::fs::write(&trusted, &authority.pem).unwrap();
    let clients = std::fs::read(&ours.authority).unwrap();
    let (chain, key) = (device.chain.as_bytes(), device.key.as_bytes());
    let tls = Tls::from_pem(&clients, chain, key, &["operator"], &["viewer"]).unwrap();
    let modbus = Setup { tls: Some(tls), ..Setup::default() };
    let options = FieldOptions { modbus, ..FieldOptions::default() };
    let field = Field::start(&corridor(1), &[FaceKind::Modbus], options).await.unwrap();
    let called = |field: &Field| field.with(ControllerId(0), |e| e.status().remote).unwrap();

    for (role, read, write) in [
        (Some("visitor"), json!("refused 1"), "refused 1"),
        (None, json!("refused 1"), "refused 1"),
        (Some("viewer"), json!(1), "refused 1"),
    ] {
        let shown = ours.identity(role.unwrap_or("none"), role);
        let said = pymodbus_says(at, &field, &trusted, Some(&shown)).await;
        assert_eq!(said, json!({ "read": read, "write": write }), "{role:?}");
    }
    let forged = strangers.identity("engine", Some("operator"));
    for shown in [None, Some(&forged)] {
        let said = pymodbus_says(at, &field, &trusted, shown).await;
        assert!(said["error"].is_string(), "{said}");
    }
    let engine = ours.identity("engine", Some("operator"));
    let said = pymodbus_says(at, &field, &strangers.authority, Some(&engine)).await;
    assert!(said["error"].is_string(), "the device is not of the authority that is trusted: {said}");
    assert_eq!(called(&field), RowSet::EMPTY);
    let said = pymodbus_says(at, &field, &trusted, Some(&engine)).await;
    assert_eq!(said, json!({ "read": 1, "write": "done" }));
    assert_eq!(called(&field), RowSet::of(RowId(1)));
    field.shutdown().await;
}

/// mbpoll, which is libmodbus, on our end of a line. Pseudo-terminals know no parity.
fn libmodbus(line: &SerialPair, arguments: &[&str], words: &[String]) -> (bool, String) {
    let mut all = vec!["-m", "rtu", "-a", "7", "-b", "115200", "-P", "none", "-1", "-o", "2"];
    all.extend(arguments);
    let device = line.near.display().to_string();
    all.push(&device);
    all.extend(words.iter().map(String::as_str));
    client("mbpoll", &all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libmodbus_calls_and_reads_our_faces_over_a_serial_line() {
    for map in [Map::Clearway, Map::Relay] {
        let folder = tempfile::tempdir().unwrap();
        let line = SerialPair::start(folder.path());
        let port = tokio_serial::new(line.far.display().to_string(), 115_200);
        let port = port.parity(Parity::None).open_native_async().unwrap();
        let station = Shared::new(Station::new(&corridor(1).controllers[0], Options::default()));
        let setup = Setup { map, framing: Framing::Rtu, unit: 7, ..Setup::default() };
        let device = Device::new(station.clone(), setup);
        let serving = tokio::spawn(async move { device.serve_serial(port, Rights::Write).await });
        let talk = tokio::task::spawn_blocking(move || match map {
            Map::Clearway => {
                let mut frame = [1, 42, 1, 300, 1 << 2, 0, 0, 0, 0];
                frame[8] = crc16(&frame[1..8]);
                let words = frame.map(|word: u16| word.to_string());
                let written = libmodbus(&line, &["-t", "4", "-r", "1"], &words);
                let read = libmodbus(&line, &["-t", "3", "-r", "1", "-c", "26"], &[]);
                let refused = libmodbus(&line, &["-t", "4", "-r", "1"], &["1".into(), "2".into()]);
                [written, read, refused]
            }
            Map::Relay => {
                let written = libmodbus(&line, &["-t", "0", "-r", "3"], &["1".into()]);
                let read = libmodbus(&line, &["-t", "1", "-r", "1", "-c", "48"], &[]);
                let refused = libmodbus(&line, &["-t", "0", "-r", "1"], &["1".into()]);
                [written, read, refused]
            }
        });
        let [written, read, refused] = talk.await.unwrap();
        assert!(written.0, "{map:?}: {}", written.1);
        assert!(read.0, "{map:?}: {}", read.1);
        assert!(!refused.0 && refused.1.contains("Illegal data address"), "{map:?}: {}", refused.1);
        assert_eq!(station.lock().emulator().status().remote, RowSet::of(RowId(1)), "{map:?}");
        serving.abort();
    }
}
