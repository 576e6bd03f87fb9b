//! SUMO as a child process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::DriveError;
use crate::traci::Client;

/// SUMO reads its network before it listens: a large city takes a minute.
const TRIES: u32 = 600;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// A SUMO that runs; ended when dropped.
#[derive(Debug)]
pub struct Sumo {
    child: Child,
}

impl Drop for Sumo {
    fn drop(&mut self) {
        // Already ended after a proper close; else nobody waits for its outputs any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sumo {
    /// Wait until it has written its outputs, at most half a minute.
    ///
    /// # Errors
    /// When it does not end.
    pub fn finish(mut self) -> Result<(), DriveError> {
        for _ in 0..300 {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => std::thread::sleep(BETWEEN_TRIES),
                Err(why) => return Err(DriveError::Ended(why.to_string())),
            }
        }
        Err(DriveError::Ended("it did not end within 30 s after the close".into()))
    }
}

/// How SUMO is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// The scenario.
    pub config: PathBuf,
    /// Emergency vehicles: a SUMO route file.
    pub emergency: Option<PathBuf>,
    /// Where SUMO writes what became of each vehicle.
    pub tripinfo: PathBuf,
    /// SUMO's seed; the scenario's own when not given.
    pub seed: Option<u64>,
}

/// The program: as told, in `SUMO_HOME`, or whatever the path finds.
///
/// # Errors
/// When none is there.
pub fn find_sumo(told: Option<&Path>) -> Result<PathBuf, DriveError> {
    if let Some(path) = told {
        return Ok(path.to_owned());
    }
    let home = std::env::var_os("SUMO_HOME").map(|home| PathBuf::from(home).join("bin").join("sumo"));
    let on_path = std::env::var_os("PATH")
        .map(|paths| std::env::split_paths(&paths).map(|dir| dir.join("sumo")).collect::<Vec<_>>());
    home.into_iter()
        .chain(on_path.into_iter().flatten())
        .find(|path| path.is_file())
        .ok_or_else(|| DriveError::NoSumo("neither $SUMO_HOME/bin nor the path has it".into()))
}

/// Start SUMO and connect to it.
///
/// # Errors
/// [`DriveError`].
pub fn start(launch: &Launch) -> Result<(Sumo, Client), DriveError> {
    let port = free_port()?;
    let mut command = Command::new(&launch.program);
    command.arg("-c").arg(&launch.config);
    command.args(["--remote-port", &port.to_string(), "--no-step-log", "true", "--no-warnings", "true"]);
    command.args(["--duration-log.disable", "true", "--tripinfo-output.write-unfinished", "true"]);
    command.arg("--tripinfo-output").arg(&launch.tripinfo);
    if let Some(seed) = launch.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if let Some(file) = &launch.emergency {
        let mut routes = route_files(&launch.config)?;
        routes.push(file.to_string_lossy().into_owned());
        command.args(["--route-files", &routes.join(",")]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    let child =
        command.spawn().map_err(|why| DriveError::NoSumo(format!("{}: {why}", launch.program.display())))?;
    let mut sumo = Sumo { child };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for _ in 0..TRIES {
        if let Ok(Some(status)) = sumo.child.try_wait() {
            return Err(DriveError::Ended(status.to_string()));
        }
        if let Ok(client) = Client::connect(address) {
            return Ok((sumo, client));
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    Err(DriveError::Ended("it never listened".into()))
}

fn free_port() -> Result<u16, DriveError> {
    let why = |e: std::io::Error| DriveError::NoSumo(format!("no free port on this machine: {e}"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(why)?;
    Ok(listener.local_addr().map_err(why)?.port())
}

/// The route files that a configuration names, as paths that hold from anywhere.
fn route_files(config: &Path) -> Result<Vec<String>, DriveError> {
    let fault = |why: String| DriveError::File { path: config.display().to_string(), why };
    let text = std::fs::read_to_string(config).map_err(|e| fault(e.to_string()))?;
    let folder = config.parent().unwrap_or(Path::new("."));
    let mut reader = Reader::from_str(&text);
    loop {
        match reader.read_event().map_err(|e| fault(e.to_string()))? {
            Event::Empty(tag) | Event::Start(tag) if tag.name().as_ref() == b"route-files" => {
                let value = tag.try_get_attribute("value").map_err(|e| fault(e.to_string()))?;
                let value = value.ok_or_else(|| fault("route-files has no value".into()))?;
                let value = value.unescape_value().map_err(|e| fault(e.to_string()))?;
                let names = value.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
                return Ok(names.map(|name| folder.join(name).to_string_lossy().into_owned()).collect());
            }
            Event::Eof => return Ok(Vec::new()),
            _ => {}
        }
    }
}
