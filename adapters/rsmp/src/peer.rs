//! A site for tests, written a second time: raw JSON, none of this crate's types.

use clearway_contract::kit::Device;
use clearway_signals::{Channel, Millis, Mode, Owner, RowId, RowSet};
use serde_json::{Value, json};

const AT: &str = "2026-03-01T10:00:00.000Z";

/// A request that the site knows.
#[derive(Clone, Debug)]
struct Request {
    id: String,
    row: RowId,
}

/// The site.
pub(crate) struct Peer {
    pub(crate) cores: Vec<&'static str>,
    pub(crate) sxl: &'static str,
    pub(crate) site_id: &'static str,
    /// Everything that came, in order.
    pub(crate) received: Vec<Value>,
    /// Everything that was sent, in order.
    pub(crate) sent: Vec<Value>,
    /// It refuses subscriptions.
    pub(crate) refuses_subscriptions: bool,
    /// Flags of subscriptions that it takes: text alone, or JSON's own booleans alone.
    pub(crate) takes_text_flags: Option<bool>,
    /// It serves no counts of all detectors at once.
    pub(crate) counts_each: bool,
    /// Statuses of which it says something else: code, name, value.
    pub(crate) says: Vec<(&'static str, &'static str, Value)>,
    /// The state that new requests get instead of being served.
    pub(crate) refuses_requests: Option<&'static str>,
    requests: Vec<Request>,
    ended: Vec<(String, &'static str)>,
    subscribed: bool,
    greeted: bool,
    /// It has no aggregated status.
    pub(crate) has_no_aggregate: bool,
    waiting: Vec<u8>,
    count: u32,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self {
            cores: vec!["3.1.5", "3.2", "3.2.2"],
            sxl: "1.1",
            site_id: "RN+SI0001",
            received: Vec::new(),
            sent: Vec::new(),
            refuses_subscriptions: false,
            takes_text_flags: None,
            counts_each: false,
            says: Vec::new(),
            refuses_requests: None,
            requests: Vec::new(),
            ended: Vec::new(),
            subscribed: false,
            greeted: false,
            has_no_aggregate: false,
            waiting: Vec::new(),
            count: 0,
        }
    }

    pub(crate) fn id(&mut self) -> String {
        self.count += 1;
        format!("{:08x}-0000-4000-8000-000000000000", self.count)
    }

    /// The bytes of a message.
    pub(crate) fn say(&mut self, mut message: Value) -> Vec<u8> {
        message["mType"] = json!("rSMsg");
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0x0c);
        self.sent.push(message);
        bytes
    }

    /// A message of a type with an id, which is given too.
    pub(crate) fn tell(&mut self, kind: &str, mut fields: Value) -> (String, Vec<u8>) {
        let id = self.id();
        fields["type"] = json!(kind);
        fields["mId"] = json!(id);
        (id, self.say(fields))
    }

    /// The first message of a connection.
    pub(crate) fn version(&mut self) -> Vec<u8> {
        let cores: Vec<Value> = self.cores.iter().map(|vers| json!({ "vers": vers })).collect();
        let version = json!({"RSMP": cores, "SXL": self.sxl, "siteId": [{"sId": self.site_id}]});
        (self.subscribed, self.greeted, self.waiting) = (false, false, Vec::new());
        self.tell("Version", version).1
    }

    pub(crate) fn watchdog(&mut self) -> Vec<u8> {
        self.tell("Watchdog", json!({ "wTs": AT })).1
    }

    /// What it answers to bytes of the supervisor.
    pub(crate) fn hear(&mut self, device: &mut Device, bytes: &[u8]) -> Vec<u8> {
        self.waiting.extend_from_slice(bytes);
        let mut answers = Vec::new();
        while let Some(end) = self.waiting.iter().position(|byte| *byte == 0x0c) {
            let message: Vec<u8> = self.waiting.drain(..=end).collect();
            let message: Value = serde_json::from_slice(&message[..end]).expect("the supervisor writes JSON");
            assert_eq!(message["mType"], "rSMsg");
            self.received.push(message.clone());
            answers.extend(self.answer(device, &message));
        }
        answers
    }

    fn answer(&mut self, device: &mut Device, message: &Value) -> Vec<u8> {
        let kind = message["type"].as_str().expect("a type");
        if matches!(kind, "MessageAck" | "MessageNotAck") {
            return Vec::new();
        }
        if kind == "StatusSubscribe" && self.refuses_subscriptions {
            return self.refuse(message, "no subscriptions");
        }
        let flag = &message["sS"][0]["sOc"];
        if kind == "StatusSubscribe" && self.takes_text_flags.is_some_and(|text| text != flag.is_string()) {
            return self.refuse(message, "schema errors");
        }
        if kind == "CommandRequest" {
            return self.command(device, message);
        }
        let mut answers = self.acknowledge(message);
        match kind {
            // The supervisor's Version: the site goes on with its first watchdog.
            "Version" => answers.extend(self.watchdog()),
            "Watchdog" if !self.greeted && !self.has_no_aggregate => {
                self.greeted = true;
                let bits = [false, false, false, false, false, true, false, false];
                let status = json!({"cId": "TC", "aSTS": AT, "fP": null, "fS": null, "se": bits});
                answers.extend(self.tell("AggregatedStatus", status).1);
            }
            "StatusRequest" | "StatusSubscribe" => {
                self.subscribed |= kind == "StatusSubscribe";
                let word = if kind == "StatusRequest" { "StatusResponse" } else { "StatusUpdate" };
                let values: Vec<Value> = message["sS"].as_array().expect("names").clone();
                answers.extend(self.values(device, word, &message["cId"], &values));
            }
            _ => {}
        }
        answers
    }

    pub(crate) fn acknowledge(&mut self, message: &Value) -> Vec<u8> {
        self.say(json!({"type": "MessageAck", "oMId": message["mId"]}))
    }

    fn refuse(&mut self, message: &Value, reason: &str) -> Vec<u8> {
        self.say(json!({"type": "MessageNotAck", "oMId": message["mId"], "rea": reason}))
    }

    fn values(&mut self, device: &Device, kind: &str, component: &Value, names: &[Value]) -> Vec<u8> {
        let values: Vec<Value> = names
            .iter()
            .map(|name| {
                let (code, name) = (name["sCI"].as_str().expect("code"), name["n"].as_str().expect("name"));
                let value = self.value(device, code, name);
                let quality = if value.is_null() { "unknown" } else { "recent" };
                json!({"sCI": code, "n": name, "s": value, "q": quality})
            })
            .collect();
        self.tell(kind, json!({"ntsOId": "", "xNId": "", "cId": component, "sTs": AT, "sS": values})).1
    }

    /// The value of a status, from the kit's device.
    fn value(&mut self, device: &Device, code: &str, name: &str) -> Value {
        if let Some((.., said)) = self.says.iter().find(|(c, n, _)| (*c, *n) == (code, name)) {
            return said.clone();
        }
        let flag = |on: bool| json!(if on { "True" } else { "False" });
        match (code, name) {
            ("S0001", "signalgroupstatus") => json!("1BB"),
            ("S0002", _) => json!("10"),
            ("S0003", _) => json!("0000"),
            ("S0005", _) => flag(device.mode == Mode::Startup),
            ("S0006", "status") => flag(false),
            ("S0006", _) => json!("0"),
            ("S0007", _) => flag(device.mode != Mode::Dark),
            ("S0008", _) => flag(device.mode == Mode::Manual),
            ("S0011", _) => flag(device.mode == Mode::Flash),
            ("S0012", _) => flag(false),
            ("S0013", _) => json!("0"),
            ("S0017", _) => json!("3"),
            ("S0020", _) => json!("control"),
            ("S0033", _) => json!(self.states(device)),
            ("S0095", _) => json!("a peer of tests"),
            ("S0097", "checksum") => json!(format!("{:08x}", device.configuration_hash).repeat(8)),
            ("S0201", "vehicles") => json!("3"),
            ("S0205", "vehicles") if !self.counts_each => json!("1,2"),
            _ => Value::Null,
        }
    }

    /// S0033: what is called at the device, whoever called it; end states once.
    fn states(&mut self, device: &Device) -> Vec<Value> {
        self.requests.retain(|request| device.calls.contains(request.row));
        let mut states = Vec::new();
        for row in device.calls.iter() {
            let known = self.requests.iter().find(|request| request.row == row).map(|r| r.id.clone());
            let ours = device.site.rows[row.index()].owner == Owner::Ours;
            let found = if ours { format!("cw-{}-0badcafe-1", row.0) } else { format!("rail-{}", row.0) };
            states.push(json!({"r": known.unwrap_or(found), "s": "activated", "t": AT}));
        }
        for (id, state) in self.ended.drain(..) {
            states.push(json!({"r": id, "s": state, "t": AT}));
        }
        states
    }

    fn command(&mut self, device: &mut Device, message: &Value) -> Vec<u8> {
        let arguments = message["arg"].as_array().expect("arguments").clone();
        let argument = |name: &str| {
            arguments.iter().find(|a| a["n"] == name).map(|a| a["v"].as_str().expect("text").to_owned())
        };
        assert!(arguments.iter().all(|a| a["cCI"] == "M0022" && a["cO"] == "requestPriority"));
        let id = argument("requestId").expect("an id");
        let row = match argument("type").as_deref() {
            Some("new") => {
                let number = |name: &str| argument(name).map(|word| word.parse().expect("a number"));
                let preempt = number("inputId").and_then(|n| device.row_of_number(Channel::Preempt, n));
                let priority =
                    number("connectionId").and_then(|n| device.row_of_number(Channel::Priority, n));
                preempt.or(priority)
            }
            _ => self.row(device, &id),
        };
        let Some(row) = row else { return self.refuse(message, "unknown request") };
        let on = argument("type").as_deref() != Some("cancel");
        if on && let Some(state) = self.refuses_requests {
            self.ended.push((id, state));
        } else {
            let calls = if on { device.calls.with(row) } else { without(device.calls, row) };
            if !device.write(calls, device.dead_man) {
                return self.refuse(message, "refused by the site");
            }
            if let Some(eta) = argument("eta") {
                device.arrivals.push((device.now, Millis::from_s(eta.parse().expect("seconds"))));
            }
            if on && device.calls.contains(row) && self.row(device, &id).is_none() {
                self.requests.push(Request { id, row });
            }
        }
        let mut answers = self.acknowledge(message);
        let values: Vec<Value> = arguments
            .iter()
            .map(|a| json!({"cCI": a["cCI"], "n": a["n"], "v": a["v"], "age": "recent"}))
            .collect();
        let response = json!({"ntsOId": "", "xNId": "", "cId": message["cId"], "cTS": AT, "rvs": values});
        answers.extend(self.tell("CommandResponse", response).1);
        answers
    }

    fn row(&self, device: &Device, id: &str) -> Option<RowId> {
        let known = self.requests.iter().find(|request| request.id == id).map(|request| request.row);
        let found = || device.calls.iter().find(|row| id == format!("cw-{}-0badcafe-1", row.0));
        known.or_else(found)
    }

    /// The site drops requests that were active for too long.
    pub(crate) fn drop_outlived(&mut self, device: &mut Device) {
        let stale = device
            .calls
            .iter()
            .filter(|row| device.outlived.contains(*row))
            .fold(RowSet::EMPTY, RowSet::with);
        if stale.is_empty() {
            return;
        }
        let ended = self.requests.iter().filter(|request| stale.contains(request.row));
        self.ended.extend(ended.map(|request| (request.id.clone(), "stale")));
        let left = stale.iter().fold(device.calls, without);
        device.write(left, device.dead_man);
    }

    /// What changed, told to who subscribed.
    pub(crate) fn update(&mut self, device: &Device) -> Vec<u8> {
        if !self.subscribed {
            return Vec::new();
        }
        let names = ["S0011", "S0033"].map(|code| json!({"sCI": code, "n": "status"}));
        self.values(device, "StatusUpdate", &json!("TC"), &names)
    }
}

fn without(set: RowSet, row: RowId) -> RowSet {
    set.iter().filter(|other| *other != row).fold(RowSet::EMPTY, RowSet::with)
}
