//! What the tests need on a machine that has Rust and nothing else.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// The Modbus server of another project that our client must drive.
pub const PYMODBUS: &str = "pymodbus==3.16.1";
/// What it needs to serve a serial line.
const PYSERIAL: &str = "pyserial==3.5";
/// The SNMP agent of another project that our client must drive, and what its version 3 needs.
const PYSNMP: [&str; 2] = ["pysnmp==7.1.21", "cryptography"];
/// The reader of GTFS Realtime, by its specification's authors, that must understand our feed.
const GTFS_RT: &str = "gtfs-realtime-bindings==3.0.0";

/// A Debian package, how to see that it is there, and what it is for.
struct Package {
    name: &'static str,
    /// A shell command that succeeds when the package is there.
    probe: &'static str,
    why: &'static str,
}

const PACKAGES: &[Package] = &[
    Package { name: "git", probe: "command -v git", why: "lists the repository's files for tidy" },
    Package { name: "gcc", probe: "command -v cc", why: "links Rust programs" },
    Package { name: "g++", probe: "command -v c++", why: "builds libFuzzer" },
    Package { name: "libc6-dev", probe: "test -e /usr/include/stdio.h", why: "links Rust programs" },
    Package { name: "nodejs", probe: "command -v node", why: "builds and tests the operator's page" },
    Package { name: "npm", probe: "command -v npm", why: "builds and tests the operator's page" },
    Package { name: "chromium", probe: "command -v chromium", why: "shows the page to its tests" },
    Package {
        name: "mosquitto",
        probe: "command -v mosquitto || test -x /usr/sbin/mosquitto",
        why: "the MQTT broker that trams report to",
    },
    Package { name: "snmp", probe: "command -v snmpget", why: "net-snmp's client against our controllers" },
    Package {
        name: "snmpd",
        probe: "command -v snmpd || test -x /usr/sbin/snmpd",
        why: "net-snmp's agent against our client",
    },
    Package { name: "mbpoll", probe: "command -v mbpoll", why: "a Modbus client against our controllers" },
    Package { name: "socat", probe: "command -v socat", why: "a serial line between two programs" },
    Package {
        name: "python3-venv",
        probe: "python3 -c 'import venv, ensurepip'",
        why: "holds pymodbus, a Modbus server against our client",
    },
    Package { name: "valgrind", probe: "command -v valgrind", why: "counts the engine's instructions" },
];

const NODE: [&str; 2] = ["nodejs", "npm"];

/// Install everything that the tests need, after saying what and why.
///
/// # Errors
/// Something is missing and cannot be installed; the message holds the line to run.
pub fn tests(root: &Path) -> Result<(), Failure> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|package| !is_there(package)).collect();
    install(&missing)?;
    python(root).map(|_| ())
}

/// Install Node where that is ours to do. `Ok(false)`: not there, and the reader was told.
///
/// # Errors
/// Installing was tried and failed.
pub fn node() -> Result<bool, Failure> {
    let missing: Vec<&Package> = PACKAGES.iter().filter(|p| NODE.contains(&p.name) && !is_there(p)).collect();
    if !missing.is_empty() && !is_root() {
        eprintln!("No Node.js, so no operator's page; to have it: {}", line(&missing));
        return Ok(false);
    }
    install(&missing).map(|()| true)
}

fn install(missing: &[&Package]) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Debian packages that are missing:");
    for package in missing {
        eprintln!("  {:13} {}", package.name, package.why);
    }
    if !is_root() {
        return Err(format!("run this line, then this command again:\n  {}", line(missing)));
    }
    eprintln!("Installing them with apt-get.");
    apt(&["update", "-q"])?;
    let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
    arguments.extend(missing.iter().map(|package| package.name));
    apt(&arguments)?;
    let absent: Vec<&str> = missing.iter().filter(|p| !is_there(p)).map(|p| p.name).collect();
    if absent.is_empty() { Ok(()) } else { Err(format!("installed, yet not found: {}", absent.join(" "))) }
}

fn apt(arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("apt-get: {error} (only Debian is known here)"))?;
    if status.success() { Ok(()) } else { Err(format!("apt-get {}: {status}", arguments.join(" "))) }
}

fn line(missing: &[&Package]) -> String {
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    format!("sudo apt-get update && sudo apt-get install -y --no-install-recommends {}", names.join(" "))
}

fn is_there(package: &Package) -> bool {
    quiet(Command::new("sh").args(["-c", package.probe]))
}

/// Run a command without a word; whether it succeeded.
pub fn quiet(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The Python of a virtual environment under `target` that has pymodbus, pysnmp and the bindings of GTFS Realtime.
///
/// # Errors
/// It cannot be made.
pub fn python(root: &Path) -> Result<PathBuf, Failure> {
    let folder = root.join("target/venv");
    let python = folder.join("bin/python");
    let version = PYMODBUS.trim_start_matches("pymodbus==");
    let probe = format!(
        "import serial, pysnmp, cryptography, pymodbus; from google.transit import gtfs_realtime_pb2; assert pymodbus.__version__ == '{version}'"
    );
    if quiet(Command::new(&python).args(["-c", &probe])) {
        return Ok(python);
    }
    eprintln!(
        "Installing {PYMODBUS}, {} and {GTFS_RT} from PyPI into target/venv: peers of our clients.",
        PYSNMP[0]
    );
    let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
    if !venv.is_ok_and(|status| status.success()) {
        return Err("python3 -m venv failed".into());
    }
    let pip = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYMODBUS, PYSERIAL, GTFS_RT])
        .args(PYSNMP)
        .stdin(Stdio::null())
        .status();
    let installed = pip.is_ok_and(|status| status.success());
    if installed { Ok(python) } else { Err(format!("pip install {PYMODBUS} failed")) }
}

/// Whether cargo has this subcommand installed.
#[must_use]
pub fn has_cargo(subcommand: &str) -> bool {
    quiet(Command::new("cargo").args([subcommand, "--version"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_run_names_every_missing_package() {
        let all: Vec<&Package> = PACKAGES.iter().collect();
        let line = line(&all);
        for package in PACKAGES {
            assert!(line.contains(package.name));
            assert!(!package.why.is_empty());
        }
    }

    #[test]
    fn a_package_is_missing_when_its_probe_fails() {
        let package = |probe| Package { name: "x", probe, why: "" };
        assert!(is_there(&package("command -v sh")));
        assert!(!is_there(&package("command -v clearway-no-such-program")));
    }
}
