//! A scripted supervisor that speaks raw JSON, in virtual time; and one on a socket.
//!
//! Every message of the site is held against the schemas of the standard where they are at hand.

mod commands;
mod outage;
mod priority;
mod schemas;
mod sockets;
mod start;
mod statement;
mod statuses;
mod traffic;

use clearway_network::Network;
use clearway_network::testing::corridor;
use clearway_rsmp::Splitter;
use clearway_rsmp::session::{Ids, Instant};
use clearway_rsmp::{Core, Sxl};
use clearway_signals::{GroupId, Millis};
use serde_json::{Value, json};

use super::site::{Site, SiteSettings};
use super::*;
use crate::emulator::{Aspect, Emulator};
use crate::station::Station;

/// Sunday, 1 March 2026, 10:00 UTC.
const BEGIN_MS: i64 = 1_772_359_200_000;
const SITE: &str = "RN+SI0001";
const CODE: (&str, &str) = ("securityCode", "2222");

/// A site, its station, and a supervisor with a script.
struct Bench {
    network: Network,
    site: Site,
    station: Station,
    now: Instant,
    core: Core,
    sxl: Sxl,
    ids: Ids,
    link: usize,
    splitters: [Splitter; 2],
    /// Whether the supervisor acknowledges what it gets.
    acknowledges: bool,
    /// What came since it was looked at last.
    inbox: Vec<Value>,
    /// Everything that ever came.
    all: Vec<Value>,
}

impl Bench {
    fn with(core: Core, sxl: Sxl, change: impl FnOnce(&mut SiteSettings)) -> Self {
        let network = corridor(2);
        let options = Options::default();
        let mut settings = SiteSettings {
            site_id: SITE.into(),
            cores: options.cores,
            supervisors: 2,
            timing: Timing::default(),
            follows_clock: true,
            controller: Settings { sxl, ..options.controller },
        };
        change(&mut settings);
        let emulator = crate::Options {
            backup_time: Millis::ZERO,
            startup_interval: STARTUP_INTERVAL,
            ..crate::Options::default()
        };
        let station = Station::new(&network.controllers[1], emulator);
        let now = Instant { at: Millis::ZERO, unix_ms: BEGIN_MS };
        let site = Site::new(&network, &network.controllers[1], &station, settings, now);
        Self {
            network,
            site,
            station,
            now,
            core,
            sxl,
            ids: Ids::new(1),
            link: 0,
            splitters: [Splitter::default(), Splitter::default()],
            acknowledges: true,
            inbox: Vec::new(),
            all: Vec::new(),
        }
    }

    /// Connected, and everything of the start exchanged.
    fn up(core: Core, sxl: Sxl) -> Self {
        Self::up_with(core, sxl, |_| {})
    }

    fn up_with(core: Core, sxl: Sxl, change: impl FnOnce(&mut SiteSettings)) -> Self {
        let mut bench = Self::with(core, sxl, change);
        bench.connect();
        bench.inbox.clear();
        bench
    }

    fn newest() -> Self {
        Self::up(Core::V3_2_2, Sxl::V1_2_1)
    }

    /// Connect on the current link, and exchange versions and watchdogs.
    fn connect(&mut self) {
        self.splitters[self.link] = Splitter::default();
        self.site.connected(self.link, self.now);
        self.pump();
        let version = self.version();
        self.send(version);
        let watchdog = self.watchdog();
        self.send(watchdog);
        assert!(self.site.is_up(self.link), "{:?}", self.inbox);
    }

    fn version(&self) -> Value {
        json!({"type": "Version", "RSMP": [{"vers": self.core.word()}], "SXL": self.sxl.word(),
               "siteId": [{"sId": SITE}]})
    }

    fn watchdog(&self) -> Value {
        json!({"type": "Watchdog", "wTs": clearway_rsmp::time::timestamp(self.now.unix_ms)})
    }

    // ---- wire ----

    fn raw(&mut self, text: &str) {
        let bytes = [text.as_bytes(), b"\x0c"].concat();
        self.site.receive(self.link, &bytes, &mut self.station, self.now);
        self.pump();
    }

    /// Send with a new id; the id.
    fn send(&mut self, mut message: Value) -> String {
        let id = self.ids.make();
        message["mType"] = "rSMsg".into();
        message["mId"] = id.clone().into();
        self.raw(&message.to_string());
        id
    }

    /// Send, and take the acknowledgement: the reason when it is refused.
    fn ask(&mut self, message: Value) -> Result<(), String> {
        let id = self.send(message);
        let answers: Vec<&Value> = self.inbox.iter().filter(|m| m["oMId"] == *id).collect();
        assert_eq!(answers.len(), 1, "answered exactly once: {answers:?}");
        match answers[0]["type"].as_str() {
            Some("MessageAck") => Ok(()),
            _ => Err(answers[0]["rea"].as_str().unwrap_or_default().to_owned()),
        }
    }

    /// Read what the site wrote, and acknowledge it.
    fn pump(&mut self) {
        for _ in 0..400 {
            let output = self.site.take_output(self.link);
            if output.is_empty() {
                return;
            }
            for bytes in self.splitters[self.link].push(&output).expect("short") {
                let message: Value = serde_json::from_slice(&bytes).expect("JSON");
                if let Some(id) = message["mId"].as_str().filter(|_| self.acknowledges) {
                    let ack =
                        json!({"mType": "rSMsg", "type": "MessageAck", "oMId": id}).to_string() + "\x0c";
                    self.site.receive(self.link, ack.as_bytes(), &mut self.station, self.now);
                }
                self.all.push(message.clone());
                self.inbox.push(message);
            }
        }
        panic!("the site never stops writing");
    }

    /// Time passes.
    fn run(&mut self, ms: i64) {
        for _ in 0..ms / 100 {
            self.now = Instant { at: self.now.at + Millis(100), unix_ms: self.now.unix_ms + 100 };
            self.station.tick();
            self.site.advance(&mut self.station, self.now);
            if self.site.closing(self.link).is_none() {
                self.pump();
            }
        }
    }

    /// Messages of a type since the last look.
    fn took(&mut self, kind: &str) -> Vec<Value> {
        let (taken, rest) = std::mem::take(&mut self.inbox).into_iter().partition(|m| m["type"] == kind);
        self.inbox = rest;
        taken
    }

    // ---- traffic ----

    fn command(
        &mut self,
        component: &str,
        code: &str,
        name: &str,
        args: &[(&str, &str)],
    ) -> Result<Value, String> {
        let args: Vec<Value> =
            args.iter().map(|(n, v)| json!({"cCI": code, "n": n, "cO": name, "v": v})).collect();
        self.took("CommandResponse");
        self.ask(json!({"type": "CommandRequest", "cId": component, "arg": args}))?;
        Ok(self.took("CommandResponse").pop().expect("a response"))
    }

    fn order(&mut self, code: &str, name: &str, args: &[(&str, &str)]) -> Result<Value, String> {
        let args = [args, &[CODE]].concat();
        self.command("TC", code, name, &args)
    }

    fn read(&mut self, component: &str, code: &str, names: &[&str]) -> Result<Vec<Value>, String> {
        let statuses: Vec<Value> = names.iter().map(|name| json!({"sCI": code, "n": name})).collect();
        self.ask(json!({"type": "StatusRequest", "cId": component, "sS": statuses}))?;
        let response = self.took("StatusResponse").pop().expect("a response");
        Ok(response["sS"].as_array().expect("values").clone())
    }

    /// One value of the controller, as text.
    fn value(&mut self, code: &str, name: &str) -> String {
        let values = self.read("TC", code, &[name]).expect("readable");
        values[0]["s"].as_str().map_or_else(|| values[0]["s"].to_string(), Into::into)
    }

    fn subscribe(&mut self, code: &str, name: &str, every_s: &str, on_change: bool) -> Result<(), String> {
        let mut status = json!({"sCI": code, "n": name, "uRt": every_s});
        if self.core.has_send_on_change() {
            status["sOc"] = on_change.into();
        }
        self.ask(json!({"type": "StatusSubscribe", "cId": "TC", "sS": [status]}))
    }

    /// Values of a status in the updates since the last look, as text.
    fn updates(&mut self, code: &str) -> Vec<String> {
        let updates = self.took("StatusUpdate");
        let values = updates.iter().flat_map(|update| update["sS"].as_array().expect("values"));
        values
            .filter(|value| value["sCI"] == code)
            .map(|value| value["s"].as_str().map_or_else(|| value["s"].to_string(), Into::into))
            .collect()
    }

    fn emulator(&self) -> &Emulator {
        self.station.emulator()
    }

    fn shows(&self, group: u8) -> Aspect {
        self.emulator().aspects()[GroupId(group).index()]
    }

    fn is_lawful(&self) {
        assert_eq!(
            self.station.monitor().totals().violations(),
            0,
            "{:?}",
            self.station.monitor().violations()
        );
    }
}

/// Whatever a test did, what the site sent must be as the standard's schemas say.
impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            schemas::check(&self.all, self.core, self.sxl);
        }
    }
}
