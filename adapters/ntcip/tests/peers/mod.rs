//! Controllers of other people's software on loopback: net-snmp's snmpd and pysnmp's agent, each
//! with the object store of `tests/interop` behind it.
#![allow(dead_code, reason = "the interop tests and the bench use a part each")]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clearway_contract::actor::Surroundings;
use clearway_contract::kit::rig::{Stage, Wire};
use clearway_contract::{Protocol, Site};
use clearway_network::Controller;
use clearway_network::testing::corridor;
use clearway_ntcip::Commissioned;
use clearway_ntcip::adapter::{self, Credentials, FactsSink, Options, User};
use clearway_signals::{Channel, GroupKind, Millis, RowId, RowKind, RowSet};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// The community of every peer.
pub const COMMUNITY: &str = "administrator";
/// A process answers in this time.
const READY: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);

/// The workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The Python that `cargo xtask test` made, with pysnmp in it.
fn python() -> PathBuf {
    let given = std::env::var_os("CLEARWAY_TEST_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| root().join("target/venv/bin/python"));
    assert!(python.exists(), "{}: not there; `cargo xtask test` makes it", python.display());
    python
}

/// A user that every agent here knows the passwords of.
pub fn user(name: &str, auth: &str, privacy: Option<&str>) -> Credentials {
    let privacy = privacy.map(|word| (word.parse().expect("a cipher"), "encryption"));
    let user = User::new(name, (auth.parse().expect("a hash"), "authentication"), privacy);
    Credentials::V3(Box::new(user.expect("a user")))
}

/// The controller that every peer is: the first of the corridor.
pub fn controller() -> Controller {
    corridor(1).controllers.swap_remove(0)
}

/// Its site.
pub fn site(address: &str) -> Site {
    let controller = controller();
    Site {
        controller: controller.id,
        name: controller.name,
        protocol: Protocol::Ntcip,
        address: address.into(),
        groups: controller.groups,
        group_numbers: controller.group_numbers,
        relations: controller.relations,
        rows: controller.rows,
        capabilities: controller.capabilities,
        detectors: Vec::new(),
        backup_time_max: Millis::from_s(60),
    }
}

/// A peer and what it wrote down.
pub struct Peer {
    child: Mutex<Child>,
    log: PathBuf,
    /// Host and port.
    pub address: String,
    /// How to speak to it.
    pub credentials: Credentials,
    /// What it was at commissioning.
    pub commissioned: Option<Commissioned>,
    /// What it said of itself when the gate was read last.
    said: Arc<Mutex<Option<Commissioned>>>,
}

impl Peer {
    /// snmpd with the script behind it, its files in `folder`.
    pub fn snmpd(folder: &Path, credentials: Credentials) -> Self {
        Self::snmpd_with(folder, credentials, None)
    }

    /// The same, whose module's version is this text.
    pub fn snmpd_with(folder: &Path, credentials: Credentials, firmware: Option<&str>) -> Self {
        describe(folder, firmware);
        // snmpd cannot choose a port by itself: ask the system for one that is free.
        let free = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound").to_string();
        drop(free);
        Self::snmpd_at(folder, &address, "engine-one", credentials)
    }

    fn snmpd_at(folder: &Path, address: &str, engine: &str, credentials: Credentials) -> Self {
        let (configuration, log) = described(folder);
        let script = root().join("tests/interop/ntcip_pass_persist.py");
        let text = format!(
            "agentaddress udp:{address}\ndontLogTCPWrappersConnects yes\nengineID {engine}\n\
             rwcommunity {COMMUNITY} 127.0.0.1\n\
             createUser engine SHA-256 authentication AES encryption\nrwuser engine priv\n\
             createUser strong SHA-512 authentication AES-256 encryption\nrwuser strong priv\n\
             createUser stretched SHA authentication AES-256 encryption\nrwuser stretched priv\n\
             createUser signer SHA-384 authentication\nrwuser signer auth\n\
             pass_persist .1.3.6.1.4.1.1206.4.2 {} {} {} {}\n",
            python().display(),
            script.display(),
            configuration.display(),
            log.display()
        );
        let file = folder.join("snmpd.conf");
        std::fs::write(&file, text).expect("a writable folder");
        let state = folder.join(engine);
        std::fs::create_dir_all(&state).expect("a writable folder");
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("snmpd");
        command.args(["-f", "-Ln", "-C", "-c"]).arg(&file);
        command.env("PATH", path).env("SNMP_PERSISTENT_DIR", state).env("MIBS", "");
        let child = spawn("snmpd", &mut command);
        let peer = Self::of(child, log, address.into(), credentials);
        let asked =
            [&["-v1", "-c", COMMUNITY, "-t1", "-r0", address][..], &[".1.3.6.1.4.1.1206.4.2.1.6.1.0"]];
        wait("snmpd's answer", || run("snmpget", &asked.concat()).0.then_some(()));
        peer
    }

    /// pysnmp with the same objects.
    pub fn pysnmp(folder: &Path, credentials: Credentials) -> Self {
        describe(folder, None);
        let (configuration, log) = described(folder);
        let port = folder.join("port");
        let mut command = Command::new(python());
        command.arg(root().join("tests/interop/pysnmp_agent.py")).args([&configuration, &log, &port]);
        let child = spawn("pysnmp (`cargo xtask test` installs it)", &mut command);
        let port = wait("pysnmp's port", || std::fs::read_to_string(&port).ok());
        Self::of(child, log, format!("127.0.0.1:{port}"), credentials)
    }

    fn of(child: Child, log: PathBuf, address: String, credentials: Credentials) -> Self {
        let child = Mutex::new(child);
        Self { child, log, address, credentials, commissioned: None, said: Arc::default() }
    }

    /// Take it for proved as it is now.
    pub fn commission(&mut self) {
        self.commissioned = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    }

    /// Kill it.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    /// Start it again at the same address as another SNMP engine, after [`Peer::kill`].
    pub fn reborn(&self, folder: &Path) {
        let mut second = Self::snmpd_at(folder, &self.address, "engine-two", self.credentials.clone());
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *child, second.child.get_mut().unwrap_or_else(PoisonError::into_inner));
    }

    fn lines(&self, what: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["what"] == what).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage for Peer {
    fn site(&self) -> Site {
        site(&self.address)
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        let said = Arc::clone(&self.said);
        let facts: FactsSink = Arc::new(move |_, facts| {
            *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts.identity.clone());
        });
        let options = Options {
            credentials: self.credentials.clone(),
            commissioned: self.commissioned.clone(),
            facts: Some(facts),
            ..Options::default()
        };
        adapter::spawn(site, options, surroundings)
    }

    fn calls(&self) -> RowSet {
        let rows = site("").rows;
        let number = |number: &Value| {
            let same = |row: &clearway_signals::RequestRow| {
                row.channel == Channel::Preempt && Some(u64::from(row.number)) == number.as_u64()
            };
            rows.iter().position(same).and_then(|index| u8::try_from(index).ok())
        };
        let last = self.lines("calls").pop();
        let numbers = last.as_ref().and_then(|line| line["rows"].as_array()).into_iter().flatten();
        numbers.filter_map(number).map(RowId).fold(RowSet::EMPTY, RowSet::with)
    }

    fn accepted(&self) -> u32 {
        u32::try_from(self.lines("set").len()).unwrap_or(u32::MAX)
    }

    fn set_wire(&self, _wire: Wire) {}

    fn mistake(&self) {}
}

fn spawn(name: &str, command: &mut Command) -> Child {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    silent.spawn().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Run a tool; whether it succeeded, and what it said.
pub fn run(tool: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(tool).env("MIBS", "").args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error} (apt-get install snmp)"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + READY;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(LOOK);
    }
}

/// Where the Python side finds its controller, and where its log goes.
fn described(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("controller.json"), folder.join("log.jsonl"))
}

/// Write the controller for the Python side, as `controller_model.py` wants it.
fn describe(folder: &Path, firmware: Option<&str>) {
    let controller = controller();
    let numbers = &controller.group_numbers;
    let groups = (0..).zip(&controller.groups).map(|(index, group)| {
        let windows = controller.plan.windows.iter().filter(|window| window.group.0 == index);
        json!({
            "number": numbers[usize::from(index)],
            "kind": if group.kind == GroupKind::Pedestrian { "pedestrian" } else { "vehicle" },
            "min_green_ms": group.min_green.0, "yellow_ms": group.yellow.0,
            "clearance_ms": group.clearance.0,
            "windows": windows.map(|w| [w.start.0, w.length.0]).collect::<Vec<_>>(),
        })
    });
    let rows = controller.rows.iter().map(|row| {
        json!({
            "number": row.number,
            "kind": if row.kind == RowKind::Rail { "rail" } else { "road" },
            "channel": if row.channel == Channel::Preempt { "preempt" } else { "priority" },
            "ours": true,
            "dwell": row.dwell.iter().map(|group| numbers[group.index()]).collect::<Vec<_>>(),
            "delay_ms": row.delay.0, "min_duration_ms": row.min_duration.0,
            "min_dwell_ms": row.min_dwell.0, "max_presence_ms": row.max_presence.0,
        })
    });
    let text = json!({
        "name": controller.name, "configuration_hash": controller.junction().configuration_hash(),
        "firmware": firmware, "backup_ms": 10_000, "ttl_max_ms": 30_000,
        "cycle_ms": controller.plan.cycle.0, "offset_ms": controller.plan.offset.0,
        "groups": groups.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>(),
    });
    let (path, _) = described(folder);
    std::fs::write(path, text.to_string()).expect("a writable folder");
}
