//! A second supervisor with a script: it speaks raw RSMP, shares no code with ours, and watches what a
//! site tells of priority requests.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A read ends after this long, so that the thread sees when it is over.
const LOOK: Duration = Duration::from_millis(50);
/// Between two watchdogs.
const WATCHDOG_EVERY: Duration = Duration::from_secs(20);
const FORM_FEED: u8 = 0x0c;

/// What was seen of one request, and when.
#[derive(Clone, Debug)]
pub struct Sight {
    /// When.
    pub at: Instant,
    /// The request's id.
    pub request: String,
    /// Its state.
    pub state: String,
}

/// The onlooker; it stops listening when it is dropped.
pub struct Onlooker {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
}

#[derive(Default)]
struct Seen {
    sights: Vec<Sight>,
    /// The list as it is now.
    open: Vec<String>,
    refused: Vec<String>,
}

impl Onlooker {
    /// Listen for sites.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (seen, over) = (Arc::<Mutex<Seen>>::default(), Arc::new(AtomicBool::new(false)));
        let (sees, ends) = (Arc::clone(&seen), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (sees, ends) = (Arc::clone(&sees), Arc::clone(&ends));
                // A connection that breaks is the site's to make again.
                std::thread::spawn(move || Talk::new(stream, sees).run(&ends));
            }
        });
        Self { address, seen, over }
    }

    /// The states of all requests, in order of time.
    pub fn sights(&self) -> Vec<Sight> {
        self.seen.lock().expect("no panic").sights.clone()
    }

    /// Whether the site holds no request.
    pub fn is_empty(&self) -> bool {
        self.seen.lock().expect("no panic").open.is_empty()
    }

    /// When a request of ours was first seen in this state.
    pub fn first(&self, state: &str) -> Option<Sight> {
        self.sights().into_iter().find(|sight| sight.state == state && sight.request.starts_with("cw-"))
    }

    /// What the sites refused of the script.
    pub fn refused(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").refused.clone()
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection.
struct Talk {
    stream: TcpStream,
    seen: Arc<Mutex<Seen>>,
    subscribed: bool,
}

impl Talk {
    fn new(stream: TcpStream, seen: Arc<Mutex<Seen>>) -> Self {
        Self { stream, seen, subscribed: false }
    }

    fn run(mut self, over: &AtomicBool) -> std::io::Result<()> {
        self.stream.set_read_timeout(Some(LOOK))?;
        let (mut bytes, mut chunk) = (Vec::new(), [0; 16 * 1024]);
        let mut watchdog_at = Instant::now() + WATCHDOG_EVERY;
        while !over.load(Ordering::Relaxed) {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error),
            }
            while let Some(end) = bytes.iter().position(|byte| *byte == FORM_FEED) {
                let message: Vec<u8> = bytes.drain(..=end).collect();
                if let Ok(value) = serde_json::from_slice(&message[..end]) {
                    self.hear(&value)?;
                }
            }
            if Instant::now() >= watchdog_at {
                watchdog_at += WATCHDOG_EVERY;
                self.say(json!({"type": "Watchdog", "wTs": timestamp()}))?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, message: &Value) -> std::io::Result<()> {
        let kind = message["type"].as_str().unwrap_or_default();
        if kind == "MessageNotAck" {
            self.seen.lock().expect("no panic").refused.push(message.to_string());
        }
        let Some(id) = message["mId"].as_str() else { return Ok(()) };
        self.say(json!({"type": "MessageAck", "oMId": id}))?;
        match kind {
            "Version" => self.say(json!({
                "type": "Version", "RSMP": [{"vers": "3.2.2"}], "SXL": message["SXL"], "siteId": message["siteId"]
            })),
            "Watchdog" if !self.subscribed => {
                self.subscribed = true;
                self.say(json!({"type": "Watchdog", "wTs": timestamp()}))
            }
            "AggregatedStatus" => self.say(json!({
                "type": "StatusSubscribe", "ntsOId": "", "xNId": "", "cId": "TC",
                "sS": [{"sCI": "S0033", "n": "status", "uRt": "0", "sOc": true}]
            })),
            "StatusUpdate" => {
                self.note(message);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn note(&self, message: &Value) {
        let lists = message["sS"].as_array().into_iter().flatten().filter(|value| value["sCI"] == "S0033");
        let mut seen = self.seen.lock().expect("no panic");
        for list in lists.filter_map(|value| value["s"].as_array()) {
            let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let is_over = |state: &str| !matches!(state, "received" | "queued" | "activated");
            seen.open = list.iter().filter(|e| !is_over(&text(e, "s"))).map(|e| text(e, "r")).collect();
            for entry in list {
                let (request, state) = (text(entry, "r"), text(entry, "s"));
                let last = seen.sights.iter().rfind(|sight| sight.request == request);
                if last.is_none_or(|last| last.state != state) {
                    seen.sights.push(Sight { at: Instant::now(), request, state });
                }
            }
        }
    }

    /// Send a message; what is no acknowledgement gets an id of its own.
    fn say(&mut self, mut message: Value) -> std::io::Result<()> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        message["mType"] = "rSMsg".into();
        if message["oMId"].is_null() {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            message["mId"] = format!("{number:08x}-0000-4000-8000-000000000000").into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(FORM_FEED);
        self.stream.write_all(&bytes)
    }
}

/// The site's clock follows the primary, which is another: any time of the right form will do.
fn timestamp() -> &'static str {
    "2026-01-01T00:00:00.000Z"
}
