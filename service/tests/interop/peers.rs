//! Controllers of other people's software: snmpd with a script behind it, and pymodbus.

use std::ffi::OsStr;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clearway_network::Controller;
use clearway_signals::{Channel, GroupKind, Owner, RowKind};
use serde_json::{Value, json};

use super::{COMMUNITY, Process, root, snmp_get, wait};

/// The device's dead-man timer.
pub const BACKUP_S: i64 = 10;

/// A running peer and what it wrote down.
pub struct Peer {
    process: Process,
    log: PathBuf,
    /// Host and port.
    pub address: String,
}

impl Peer {
    /// net-snmp's agent with `tests/interop/ntcip_pass_persist.py` behind it.
    pub fn snmpd(folder: &Path, controller: &Controller) -> Self {
        let (configuration, log) = write_configuration(folder, controller, "ntcip");
        // snmpd cannot choose a port by itself: ask the system for one that is free.
        let free = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound").to_string();
        drop(free);
        let script = script("ntcip_pass_persist.py");
        let text = format!(
            "agentaddress udp:{address}\nrwcommunity {COMMUNITY} 127.0.0.1\ndontLogTCPWrappersConnects yes\n\
             pass_persist {} {} {} {} {}\n",
            super::NTCIP,
            python().display(),
            script.display(),
            configuration.display(),
            log.display()
        );
        let file = folder.join("snmpd.conf");
        std::fs::write(&file, text).expect("a writable folder");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Process::start(
            "snmpd",
            Command::new("snmpd")
                .args(["-f", "-Ln", "-C", "-c"])
                .arg(&file)
                .env("PATH", path)
                .env("SNMP_PERSISTENT_DIR", folder)
                .env("MIBS", ""),
        );
        let peer = Self { process, log, address };
        wait("snmpd's answer", Duration::from_secs(20), || snmp_get(&peer.address, "1.6.1.0"));
        peer
    }

    /// pymodbus with `tests/interop/pymodbus_controller.py`, over Modbus TCP.
    pub fn pymodbus(folder: &Path, controller: &Controller) -> Self {
        Self::pymodbus_by(folder, controller, &[])
    }

    /// The same by another way, in the script's words.
    pub fn pymodbus_by(folder: &Path, controller: &Controller, way: &[&OsStr]) -> Self {
        let (configuration, log) = write_configuration(folder, controller, "modbus");
        let port_file = folder.join("port");
        let script = script("pymodbus_controller.py");
        let process = Process::start(
            "pymodbus",
            Command::new(python()).args([&script, &configuration, &log, &port_file]).args(way),
        );
        let port =
            wait("pymodbus's port", Duration::from_secs(20), || std::fs::read_to_string(&port_file).ok());
        Self { process, log, address: format!("127.0.0.1:{port}") }
    }

    /// Everything that it wrote down so far.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// When the first such line of its log was written, the peer's monotonic milliseconds.
    pub fn logged(&self, wanted: impl Fn(&Value) -> bool) -> Option<i64> {
        self.log().iter().find(|line| wanted(line))?["at_ms"].as_i64()
    }
}

/// Two ends of a serial line, by socat.
pub struct SerialPair {
    _process: Process,
    /// Our end.
    pub near: PathBuf,
    /// The device's end.
    pub far: PathBuf,
}

impl SerialPair {
    /// Lay a line.
    pub fn start(folder: &Path) -> Self {
        let (near, far) = (folder.join("near"), folder.join("far"));
        let end = |path: &Path| format!("pty,raw,echo=0,link={}", path.display());
        let process = Process::start("socat", Command::new("socat").args([end(&near), end(&far)]));
        wait("both ends of the line", Duration::from_secs(10), || {
            (near.exists() && far.exists()).then_some(())
        });
        Self { _process: process, near, far }
    }
}

/// The Python that has pymodbus: the one that `cargo xtask test` made.
pub fn python() -> PathBuf {
    let given = std::env::var_os("CLEARWAY_TEST_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| root().join("target/venv/bin/python"));
    assert!(python.exists(), "{}: not there; `cargo xtask test` makes it", python.display());
    python
}

/// A script of `tests/interop`.
pub fn script(name: &str) -> PathBuf {
    root().join("tests/interop").join(name).canonicalize().expect("the script is in the repository")
}

/// The controller's configuration for the Python side, and where its log goes.
fn write_configuration(folder: &Path, controller: &Controller, kind: &str) -> (PathBuf, PathBuf) {
    let path = folder.join(format!("{kind}.json"));
    std::fs::write(&path, describe(controller).to_string()).expect("a writable folder");
    (path, folder.join(format!("{kind}.jsonl")))
}

fn describe(controller: &Controller) -> Value {
    let numbers = &controller.group_numbers;
    let groups: Vec<Value> = (0..)
        .zip(&controller.groups)
        .map(|(index, group)| {
            let windows = controller.plan.windows.iter().filter(|window| window.group.0 == index);
            json!({
                "number": numbers[usize::from(index)],
                "kind": if group.kind == GroupKind::Pedestrian { "pedestrian" } else { "vehicle" },
                "min_green_ms": group.min_green.0, "yellow_ms": group.yellow.0, "clearance_ms": group.clearance.0,
                "windows": windows.map(|w| [w.start.0, w.length.0]).collect::<Vec<_>>(),
            })
        })
        .collect();
    let rows: Vec<Value> = controller
        .rows
        .iter()
        .map(|row| {
            json!({
                "number": row.number,
                "kind": match row.kind {
                    RowKind::Rail => "rail",
                    RowKind::Emergency => "emergency",
                    RowKind::Transit => "transit",
                },
                "channel": if row.channel == Channel::Preempt { "preempt" } else { "priority" },
                "ours": row.owner == Owner::Ours,
                "dwell": row.dwell.iter().map(|g| numbers[g.index()]).collect::<Vec<_>>(),
                "delay_ms": row.delay.0, "min_duration_ms": row.min_duration.0,
                "min_dwell_ms": row.min_dwell.0, "max_presence_ms": row.max_presence.0,
            })
        })
        .collect();
    json!({
        "name": controller.name, "configuration_hash": controller.junction().configuration_hash(),
        "backup_ms": BACKUP_S * 1000, "ttl_max_ms": 30_000,
        "cycle_ms": controller.plan.cycle.0, "offset_ms": controller.plan.offset.0,
        "groups": groups, "rows": rows,
    })
}
