//! What the interoperability tests share: processes that never outlive a test, the shipped model,
//! a fire engine that drives up to a signal, and bounded waits.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod drive;
pub mod onlooker;
pub mod peers;
pub mod pki;
pub mod street;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clearway_format::Loaded;
use serde_json::Value;

/// The NTCIP device node.
pub const NTCIP: &str = ".1.3.6.1.4.1.1206.4.2";
/// The SNMP community of emulated controllers.
pub const COMMUNITY: &str = "administrator";
/// A process says that it is ready in this time.
const READY: Duration = Duration::from_secs(30);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(100);

/// The workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of the shipped model.
pub fn model_folder() -> PathBuf {
    root().join("network-models/helsinki-centre")
}

/// The shipped model.
pub fn model() -> Loaded {
    clearway_format::load(&model_folder()).unwrap_or_else(|report| panic!("{}", report.render()))
}

/// A child process; killed when dropped. Its standard output arrives line by line.
pub struct Process {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    /// Start a command.
    pub fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap_or_else(|error| {
                panic!("{name}: {error} (`cargo xtask test` installs what is needed)")
            });
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { name, child, lines, seen: Vec::new() }
    }

    /// `clearway` with these arguments.
    pub fn clearway(arguments: &[&str]) -> Self {
        Self::start("clearway", Command::new(env!("CARGO_BIN_EXE_clearway")).args(arguments))
    }

    /// The next line that `wanted` recognises.
    pub fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + READY;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                    self.seen.push(line);
                }
                Err(_) => panic!("{} did not say what was awaited; it said {:#?}", self.name, self.seen),
            }
        }
    }

    /// Its id in the system.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Send a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        let done = Command::new("sh").args(["-c", &kill]).status();
        assert!(done.is_ok_and(|status| status.success()), "{kill}");
    }

    /// Wait for the end; whether it was a success.
    pub fn end(&mut self, limit: Duration) -> bool {
        wait("the end of the process", limit, || self.child.try_wait().ok().flatten()).success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Look until there is something, at most `limit`.
pub fn wait<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    wait_or(what, limit, look, String::new)
}

/// The same; when it does not come, the failure holds what `explain` says.
pub fn wait_or<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
    explain: impl Fn() -> String,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not seen in {} s; {}", limit.as_secs(), explain());
        std::thread::sleep(LOOK);
    }
}

/// A controller of a running `clearway field`.
#[derive(Clone, Debug)]
pub struct Emulated {
    /// The model's id.
    pub name: String,
    /// `ntcip` or `modbus`.
    pub protocol: String,
    /// Host and port.
    pub address: String,
}

/// `clearway field` on the shipped model.
pub struct Field {
    /// The process.
    pub process: Process,
    /// Its controllers, in the model's order.
    pub controllers: Vec<Emulated>,
}

impl Field {
    /// Start it and read where its controllers listen.
    pub fn start(count: usize) -> Self {
        let folder = model_folder();
        let arguments = ["field", "--json", "--network", folder.to_str().expect("a path of this project")];
        let mut process = Process::clearway(&arguments);
        let controllers = (0..count).map(|_| process.line(emulated)).collect();
        Self { process, controllers }
    }

    /// The first controller of a protocol.
    pub fn first(&self, protocol: &str) -> &Emulated {
        let found = self.controllers.iter().find(|controller| controller.protocol == protocol);
        found.unwrap_or_else(|| panic!("no controller speaks {protocol}"))
    }
}

/// A controller of a line that `clearway field --json` prints.
pub fn emulated(line: &str) -> Option<Emulated> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    Some(Emulated { name: text("controller")?, protocol: text("protocol")?, address: text("address")? })
}

/// What a foreign client printed, and whether it succeeded.
pub fn client(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error} (`cargo xtask test` installs it)"));
    let both = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&both).into_owned())
}

/// An integer of a controller, by net-snmp's `snmpget`; `None` where there is no such object.
pub fn snmp_get(address: &str, object: &str) -> Option<i64> {
    let name = format!("{NTCIP}.{object}");
    let (ok, said) = client("snmpget", &["-v1", "-c", COMMUNITY, "-Oqvn", "-t2", "-r2", address, &name]);
    ok.then(|| said.trim().parse().ok()).flatten()
}

/// Write an integer by net-snmp's `snmpset`; what it said when it was refused.
pub fn snmp_set(address: &str, object: &str, value: &str) -> Result<(), String> {
    let name = format!("{NTCIP}.{object}");
    let (ok, said) =
        client("snmpset", &["-v1", "-c", COMMUNITY, "-Oqn", "-t2", "-r0", address, &name, "i", value]);
    if ok { Ok(()) } else { Err(said) }
}

/// Input registers of a controller, by `mbpoll`; `None` when it refuses.
pub fn modbus_read(address: &str, first: u16, count: u16) -> Option<Vec<u16>> {
    // mbpoll counts registers from 1.
    let (first_text, count_text) = ((first + 1).to_string(), count.to_string());
    let (ok, said) = mbpoll(address, &["-t", "3", "-r", &first_text, "-c", &count_text, "-1"], &[]);
    let value =
        |line: &str| line.strip_prefix('[')?.split_once("]:")?.1.split_whitespace().next()?.parse().ok();
    ok.then(|| said.lines().filter_map(value).collect())
}

/// Write holding registers from 0 on, by `mbpoll`.
pub fn modbus_write(address: &str, words: &[u16]) -> Result<(), String> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let (ok, said) = mbpoll(address, &["-t", "4", "-r", "1"], &words);
    if ok { Ok(()) } else { Err(said) }
}

fn mbpoll(address: &str, arguments: &[&str], words: &[String]) -> (bool, String) {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let mut all = vec!["-m", "tcp", "-a", "1", "-p", port];
    all.extend(arguments);
    all.push(host);
    all.extend(words.iter().map(String::as_str));
    client("mbpoll", &all)
}

/// CRC-16 of Modbus over words as they travel: the test's own, for frames by foreign clients.
pub fn crc16(words: &[u16]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in words.iter().flat_map(|word| word.to_be_bytes()) {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 };
        }
    }
    crc
}
