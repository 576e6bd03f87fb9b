//! `clearway run` against controllers of other people's software.
#![forbid(unsafe_code)]

mod interop;

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use clearway_feeds::hub::Status;
use clearway_network::{Controller, Network};
use interop::drive::{Approach, EngineProcess, Reached, Vehicle};
use interop::peers::{Peer, SerialPair};
use interop::pki::Pki;
use interop::{model, wait_or};
use serde_json::Value;

/// From the mission to the first call: arming, tracking, planning.
const CALLED: Duration = Duration::from_secs(60);
/// From a call to the peer's dwell.
const DWELLS: Duration = Duration::from_secs(30);
/// A release is written within a second (S10); the rest is two processes' scheduling.
const RELEASED: Duration = Duration::from_secs(3);
/// A held call is refreshed within this time, whatever the protocol.
const REFRESHED: Duration = Duration::from_secs(20);
const DWELL: i64 = 6;

/// The controller with the longest approach.
fn approached(network: &Network) -> (&Controller, Approach<'_>) {
    let approaches = network
        .controllers
        .iter()
        .filter_map(|controller| Some((controller, Approach::longest(network, controller)?)));
    let longest = approaches.max_by_key(|(_, approach)| network.link(approach.link).length_mm);
    longest.expect("the model binds emergency rows")
}

/// Drive up, see the call and its effect, end the mission, see the release.
fn is_driven(
    peer: &Peer,
    folder: &Path,
    reached: Reached,
    approach: &Approach<'_>,
    calls: fn(&Value, u8) -> Option<bool>,
) {
    let vehicles = [Vehicle::new(1)];
    let mut engine = EngineProcess::start(folder, &[reached], &vehicles);
    let row = approach.row_number;
    let driving = engine.send(&vehicles[0], approach);
    let on = |line: &Value| calls(line, row) == Some(true);
    let explain = || format!("{}\n{:?}", engine.controllers(), peer.log());
    let called_at = wait_or("a call", CALLED, || peer.logged(on), explain);
    let dwells = |line: &Value| line["state"] == DWELL && line["row"] == row;
    wait_or("dwell", DWELLS, || peer.logged(dwells), explain);
    let refreshed = |line: &Value| on(line) && line["at_ms"].as_i64() > Some(called_at);
    wait_or("a refresh", REFRESHED, || peer.logged(refreshed), explain);

    let started = Instant::now();
    engine.status(&vehicles[0], Status::Arrived);
    let last = |line: &Value| calls(line, row);
    let released = || (peer.log().iter().rev().find_map(last) == Some(false)).then_some(());
    wait_or("the release", REFRESHED, released, explain);
    assert!(started.elapsed() <= RELEASED, "s10: released after {:?}", started.elapsed());
    drop(driving);
    engine.process.signal("INT");
    assert!(engine.process.end(Duration::from_secs(15)), "Ctrl-C ends cleanly");
}

#[test]
fn the_engine_drives_snmpd_with_a_pass_persist_script() {
    let (loaded, folder) = (model(), tempfile::tempdir().unwrap());
    let (controller, approach) = approached(&loaded.network);
    let peer = Peer::snmpd(folder.path(), controller);
    let reached = Reached {
        name: controller.name.clone(),
        protocol: "ntcip",
        address: peer.address.clone(),
        keys: String::new(),
    };
    is_driven(&peer, folder.path(), reached, &approach, |line, row| {
        (line["what"] == "set" && line["row"] == row).then(|| line["value"] == 1)
    });
}

/// pymodbus by one of its ways, driven by the engine with these keys; the address where it is no socket.
fn pymodbus_is_driven(folder: &Path, way: &[&OsStr], keys: &str, device: Option<&Path>) {
    let loaded = model();
    let (controller, approach) = approached(&loaded.network);
    let peer = Peer::pymodbus_by(folder, controller, way);
    let address = device.map_or_else(|| peer.address.clone(), |device| device.display().to_string());
    let reached =
        Reached { name: controller.name.clone(), protocol: "modbus", address, keys: keys.to_owned() };
    is_driven(&peer, folder, reached, &approach, |line, row| {
        let calls = line["calls"].as_u64().filter(|_| line["what"] == "frame")?;
        Some(calls >> (row - 1) & 1 == 1)
    });
    assert!(peer.log().iter().all(|line| line["what"] != "refused"), "every frame was accepted");
}

#[test]
fn the_engine_drives_a_pymodbus_server() {
    let folder = tempfile::tempdir().unwrap();
    pymodbus_is_driven(folder.path(), &[], "", None);
}

#[test]
fn the_engine_drives_a_pymodbus_server_by_serial_frames_over_tcp() {
    let folder = tempfile::tempdir().unwrap();
    let keys = "modbus = { transport = \"rtu_tcp\" }";
    pymodbus_is_driven(folder.path(), &["rtu_tcp".as_ref()], keys, None);
}

#[test]
fn the_engine_drives_a_pymodbus_server_over_a_serial_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = SerialPair::start(folder.path());
    let keys = "modbus = { transport = \"rtu\", baud = 115200, parity = \"none\" }";
    let way = ["serial".as_ref(), line.far.as_os_str()];
    pymodbus_is_driven(folder.path(), &way, keys, Some(&line.near));
}

#[test]
fn the_engine_drives_a_pymodbus_server_over_mutual_tls() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path(), "cabinets");
    let (device, engine) = (pki.identity("device", None), pki.identity("engine", Some("operator")));
    let files = [&pki.authority, &device.certificate, &device.key];
    let mut way: Vec<&OsStr> = vec!["tls".as_ref()];
    way.extend(files.map(|path| path.as_os_str()));
    way.push("operator".as_ref());
    pymodbus_is_driven(folder.path(), &way, &engine.keys(&pki.authority), None);
}
