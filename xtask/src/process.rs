//! Child processes with a time limit, a log and a bounded memory of what they said.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Lines of output that are kept for counting and for the report of a failure.
const LINES_KEPT: usize = 20_000;
/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long an asked child may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Run a command to its end without standard input; its output is the reader's.
///
/// # Errors
/// It cannot be started or fails; the message holds the command.
pub fn finish(command: &mut Command) -> Result<(), String> {
    let said = format!("{command:?}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{said}: {status}")),
        Err(error) => Err(format!("{said}: {error}")),
    }
}

/// How a child ended.
#[derive(Debug)]
pub struct Outcome {
    /// It ended by itself, in time, with exit code 0.
    pub success: bool,
    /// Why not, for people; empty after success.
    pub reason: String,
    /// What it wrote to both streams, the last [`LINES_KEPT`] lines.
    pub lines: Vec<String>,
}

impl Outcome {
    fn failed(reason: String) -> Self {
        Self { success: false, reason, lines: Vec::new() }
    }
}

/// A child with a process group of its own, ended with all its descendants when dropped.
pub struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Start the command as the leader of a new process group, without standard input.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Self { child, ended: false })
    }

    /// Whether it has ended, and how.
    pub fn poll(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        self.ended |= status.is_some();
        status
    }

    /// Wait for the end, at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.poll() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Resident memory of the child itself, KiB.
    #[must_use]
    pub fn resident_kib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Send a signal, by its name, to the whole group.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill`: the program of that name is no part of a minimal Debian.
        let kill = format!("kill -s {name} -- -{} 2>/dev/null", self.child.id());
        let _ = Command::new("sh").args(["-c", &kill]).status();
    }

    /// Ask for the end, then insist.
    pub fn end(&mut self) {
        if self.poll().is_none() {
            self.signal("TERM");
            self.wait(GRACE);
        }
        self.signal("KILL");
        self.wait(GRACE);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            self.end();
        }
    }
}

/// Set when the person at the terminal pressed Ctrl-C or somebody asked us to end.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT and SIGTERM set the flag; a second one ends the task at once.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn install() -> Result<Self, String> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
                .map_err(|error| format!("cannot install the handler of Ctrl-C: {error}"))?;
        }
        Ok(Self(flag))
    }

    /// Whether it was asked.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Run a command to its end, at most `limit`; both streams go to `log` and into the outcome.
///
/// With `echo` its lines are shown as they come. Standard output goes to the file `stdout`
/// instead, where one is named.
pub fn run(
    command: &mut Command,
    limit: Duration,
    log: &Path,
    stdout: Option<&Path>,
    echo: bool,
    interrupt: &Interrupt,
) -> Outcome {
    let reader = match connect(command, log, stdout) {
        Ok(connected) => connected,
        Err(error) => return Outcome::failed(error),
    };
    let mut group = match Group::start(command) {
        Ok(group) => group,
        Err(error) => return Outcome::failed(error),
    };
    // The command holds the pipe's writing ends: as long as it does, the reader never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || sender.send(reader.collect(echo)));
    let reason = supervise(&mut group, limit, interrupt);
    group.end();
    Outcome {
        success: reason.is_none(),
        reason: reason.unwrap_or_default(),
        lines: lines.recv_timeout(GRACE).unwrap_or_default(),
    }
}

/// Wait for the child; `None` after success, else what went wrong.
fn supervise(group: &mut Group, limit: Duration, interrupt: &Interrupt) -> Option<String> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = group.poll() {
            return (!status.success()).then(|| status.to_string());
        }
        if interrupt.seen() {
            return Some("interrupted".into());
        }
        if Instant::now() >= deadline {
            return Some(format!("not done after {} s: ended", limit.as_secs()));
        }
        std::thread::sleep(POLL);
    }
}

struct Reader {
    pipe: PipeReader,
    log: File,
}

fn connect(command: &mut Command, log: &Path, stdout: Option<&Path>) -> Result<Reader, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", log.display());
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let log_file = File::create(log).map_err(fail)?;
    let (pipe, writer) = std::io::pipe().map_err(fail)?;
    match stdout {
        Some(path) => {
            command.stdout(File::create(path).map_err(|error| format!("{}: {error}", path.display()))?)
        }
        None => command.stdout(writer.try_clone().map_err(fail)?),
    };
    command.stderr(writer);
    Ok(Reader { pipe, log: log_file })
}

impl Reader {
    fn collect(mut self, echo: bool) -> Vec<String> {
        let mut kept = VecDeque::new();
        let mut pipe = BufReader::new(self.pipe);
        let mut raw = Vec::new();
        while matches!(pipe.read_until(b'\n', &mut raw), Ok(1..)) {
            let line = plain(&String::from_utf8_lossy(&raw));
            // A full disk must not end the tests; the lines are still counted.
            let _ = writeln!(self.log, "{line}");
            if echo {
                eprintln!("{line}");
            }
            if kept.len() == LINES_KEPT {
                kept.pop_front();
            }
            kept.push_back(line);
            raw.clear();
        }
        kept.into()
    }
}

/// Without colours and line ends.
#[must_use]
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            // A control sequence ends with its first letter.
            '\u{1b}' => {
                characters.by_ref().find(char::is_ascii_alphabetic);
            }
            '\n' | '\r' => {}
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let interrupt = Interrupt(Arc::new(AtomicBool::new(false)));
        run(&mut command, limit, &folder.path().join("log"), None, false, &interrupt)
    }

    #[test]
    fn both_streams_are_kept_without_colours() {
        let outcome = shell("printf '\\033[32mgreen\\033[0m\\n'; echo red >&2", Duration::from_secs(20));
        assert!(outcome.success, "{}", outcome.reason);
        assert_eq!(outcome.lines, ["green", "red"]);
    }

    #[test]
    fn a_child_that_hangs_is_ended_with_its_descendants() {
        let started = Instant::now();
        let outcome = shell("sleep 300 & sleep 300", Duration::from_millis(200));
        assert!(!outcome.success);
        assert!(outcome.reason.contains("not done"), "{}", outcome.reason);
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_missing_program_is_a_failure_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("clearway-no-such-program");
        let interrupt = Interrupt(Arc::new(AtomicBool::new(false)));
        let outcome =
            run(&mut command, Duration::from_secs(1), &folder.path().join("log"), None, false, &interrupt);
        assert!(outcome.reason.contains("clearway-no-such-program"), "{}", outcome.reason);
    }
}
