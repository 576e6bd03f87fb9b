//! A running demonstration with its page, for the browser to look at.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::Group;

/// The page must be ready to watch in this time after the binary starts.
const READY: Duration = Duration::from_secs(10);
/// After Ctrl-C every request is released and the demo ends in this time.
const ENDED: Duration = Duration::from_secs(15);

/// `clearway demo` with its page.
pub struct Demo {
    group: Group,
    /// Where the page is.
    pub url: String,
}

impl Demo {
    /// Start it and wait until it answers.
    ///
    /// # Errors
    /// It does not start, or does not answer in ten seconds.
    pub fn start(clearway: &Path, root: &Path, log: &Path) -> Result<Self, String> {
        let fail = |error: std::io::Error| format!("{}: {error}", log.display());
        let out = File::create(log).map_err(fail)?;
        let mut command = Command::new(clearway);
        command.args(["demo", "--seed", "1", "--listen", "127.0.0.1:0"]).current_dir(root);
        command.stdout(out.try_clone().map_err(fail)?).stderr(out);
        let mut group = Group::start(&mut command)?;
        let deadline = Instant::now() + READY;
        let address = loop {
            if let Some(address) = announced(log).filter(|address| is_healthy(address)) {
                break address;
            }
            if let Some(status) = group.poll() {
                return Err(format!("the demo ended: {status} ({})", log.display()));
            }
            if Instant::now() > deadline {
                return Err(format!("no page after {} s ({})", READY.as_secs(), log.display()));
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        Ok(Self { group, url: format!("http://{address}/") })
    }

    /// Press Ctrl-C and wait for a clean end.
    ///
    /// # Errors
    /// It ends with a failure, or not in time.
    pub fn interrupt(mut self) -> Result<(), String> {
        self.group.signal("INT");
        match self.group.wait(ENDED) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("ended with {status}")),
            None => Err(format!("still there {} s after Ctrl-C", ENDED.as_secs())),
        }
    }
}

/// The address that the demo says it can be watched at.
fn announced(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("watch it: http://"))?;
    line.split_whitespace().next().map(str::to_owned)
}

fn is_healthy(address: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head[9..] == b"200")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    #[test]
    fn only_a_200_is_healthy() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            for status in ["503 Service Unavailable", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                // Unread bytes would reset the connection and may take the answer with it.
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                assert!(lines.map_while(Result::ok).any(|line| line.is_empty()));
                // In one piece: who has read the status goes, and the rest would meet a closed connection.
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        assert!(!is_healthy(&address));
        assert!(is_healthy(&address));
        server.join().unwrap();
        assert!(!is_healthy(&address), "nobody listens any more");
    }
}
