//! Everything that a supervisor sends, held against our own schemas and, where they are at hand,
//! against those of the standard; and our table of the list against theirs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clearway_rsmp::priority::{Change, Reference, request};
use clearway_rsmp::session::{AlarmAsk, Instant, Policy, Rights, Session, Wanted};
use clearway_rsmp::sxl::{self, COMMANDS, Entry, STATUSES, Type};
use clearway_rsmp::{Core, Sxl, frame};
use clearway_signals::Millis;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

const NOW: Instant = Instant { at: Millis(1_000), unix_ms: 1_772_359_200_000 };
const ID: &str = "e6b9a8c0-7d2f-4c35-9a1e-2f6a5f1b0c11";

fn read(bytes: &[u8]) -> Vec<Value> {
    let parts = bytes.split(|byte| *byte == 0x0c).filter(|part| !part.is_empty());
    parts.map(|part| serde_json::from_slice(part).expect("JSON")).collect()
}

/// A session and what it has sent so far.
struct Talk {
    session: Session,
    sent: Vec<Value>,
}

impl Talk {
    fn ready(core: Core, sxl: Sxl) -> Self {
        let session = Session::new(Arc::new(Policy::default()), 7, NOW);
        let mut talk = Self { session, sent: Vec::new() };
        let version = json!({"mType": "rSMsg", "type": "Version", "mId": ID, "SXL": sxl.word(),
            "RSMP": [{"vers": core.word()}], "siteId": [{"sId": "RN+SI0001"}]});
        talk.hear(&version);
        let watchdog =
            json!({"mType": "rSMsg", "type": "Watchdog", "mId": ID, "wTs": "2026-03-01T10:00:00.000Z"});
        talk.hear(&watchdog);
        assert!(talk.session.is_ready());
        talk
    }

    /// The site says something, and acknowledges whatever comes.
    fn hear(&mut self, message: &Value) {
        self.session.receive(NOW, format!("{message}\u{c}").as_bytes());
        self.flush();
    }

    fn flush(&mut self) {
        for message in read(&self.session.take_output()) {
            if let Some(id) = message.get("mId") {
                let ack = json!({"mType": "rSMsg", "type": "MessageAck", "oMId": id});
                self.session.receive(NOW, format!("{ack}\u{c}").as_bytes());
            }
            self.sent.push(message);
        }
    }
}

/// A value that the type allows.
fn example(value: Type) -> String {
    match value {
        Type::Text | Type::Base64 => "1234".into(),
        Type::Word(words) | Type::Words(words) => words.first().copied().unwrap_or_default().into(),
        Type::Integer(least, _) | Type::Integers(least, _) => least.to_string(),
        Type::Boolean | Type::Booleans => "True".into(),
        Type::Timestamp => "2026-03-01T10:00:00.000Z".into(),
        Type::Array => unreachable!("no command has an array"),
    }
}

/// Every kind of message that a supervisor sends under these versions.
fn everything(core: Core, list: Sxl) -> Vec<Value> {
    let mut talk = Talk::ready(core, list);
    talk.hear(&json!({"mType": "rSMsg", "type": "Nonsense", "mId": ID}));
    let rights = Rights { primary: true, waived: COMMANDS.iter().map(|entry| entry.code.into()).collect() };
    for entry in STATUSES.iter().filter(|entry| entry.is_in(list)) {
        let names: Vec<(&str, &str)> =
            entry.arguments.iter().filter(|a| a.is_in(list)).map(|a| (entry.code, a.name)).collect();
        talk.session.request_status(NOW, "TC", &names).expect("sent");
        let wanted: Vec<Wanted> = names
            .iter()
            .map(|(_, name)| {
                let name = entry.argument(name, list).expect("it has it").name;
                Wanted { code: entry.code, name, every_s: 5, on_change: true }
            })
            .collect();
        talk.session.subscribe(NOW, "TC", &wanted).expect("sent");
        talk.session.unsubscribe(NOW, "TC", &names).expect("sent");
        talk.flush();
    }
    for entry in COMMANDS.iter().filter(|entry| entry.is_in(list) && entry.code != "M0022") {
        let argument = |a: &sxl::Argument| frame::Argument {
            code: entry.code.into(),
            name: a.name.into(),
            command: entry.command.into(),
            value: Value::String(example(a.value)),
        };
        let arguments = entry.arguments.iter().filter(|a| a.is_in(list)).map(argument).collect();
        // What no role may send is not sent.
        let sent = talk.session.command(NOW, &rights, "TC", arguments);
        assert_eq!(sent.is_ok(), rights.check(entry.code).is_ok(), "{}", entry.code);
        talk.flush();
    }
    for arguments in requests().into_iter().filter(|_| list.has_priority()) {
        talk.session.command(NOW, &Rights::default(), "TC", arguments).expect("sent");
        talk.flush();
    }
    for ask in [AlarmAsk::Acknowledge, AlarmAsk::Suspend, AlarmAsk::Resume, AlarmAsk::Request] {
        let sent = talk.session.alarm(NOW, "TC", "A0001", ask);
        assert_eq!(sent.is_ok(), ask != AlarmAsk::Request || core.has_send_on_change());
    }
    let asked = talk.session.request_aggregated_status(NOW, "TC");
    assert_eq!(asked.is_ok(), core.has_send_on_change());
    talk.flush();
    talk.sent
}

fn requests() -> Vec<Vec<frame::Argument>> {
    let references = [
        Reference::SignalGroup("A1".into()),
        Reference::Input(3),
        Reference::Connection(255),
        Reference::Approach(16),
        Reference::Lane { inward: 1, outward: None },
        Reference::Lane { inward: 1, outward: Some(2) },
        Reference::Priority(0),
    ];
    let new = |reference| Change::New { reference, vehicle: "emergency".into() };
    let changes = references.into_iter().map(new).chain([Change::Update, Change::Cancel]);
    changes.map(|change| request("cw-1-00c0ffee-1", &change, 14, Millis(20_000))).collect()
}

fn versions() -> impl Iterator<Item = (Core, Sxl)> {
    Core::ALL.into_iter().flat_map(|core| Sxl::ALL.into_iter().map(move |list| (core, list)))
}

fn assert_valid(validator: &Validator, name: &str, message: &Value) {
    let errors: Vec<String> = validator.iter_errors(message).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?} in {message}");
}

#[test]
fn everything_that_is_sent_fits_our_own_schemas() {
    let core_schema: Value = serde_json::from_str(include_str!("../schemas/core.json")).expect("JSON");
    let request_schema: Value = serde_json::from_str(include_str!("../schemas/priority.json")).expect("JSON");
    let (ours, priority) = (validator(&core_schema), validator(&request_schema));
    let mut kinds = BTreeSet::new();
    for (core, list) in versions() {
        for message in everything(core, list) {
            assert_valid(&ours, "core.json", &message);
            for status in message["sS"].as_array().into_iter().flatten() {
                let flag = status.get("sOc").is_some();
                assert_eq!(flag, message["type"] == "StatusSubscribe" && core.has_send_on_change());
            }
            if message["arg"][0]["cCI"] == "M0022" {
                let pair = |a: &Value| (a["n"].as_str().expect("a name").to_owned(), a["v"].clone());
                let arguments: Map<String, Value> =
                    message["arg"].as_array().expect("arguments").iter().map(pair).collect();
                assert_valid(&priority, "priority.json", &arguments.into());
            }
            kinds.insert(message["type"].as_str().expect("a type").to_owned());
        }
    }
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}

#[test]
fn our_schemas_refuse_what_the_list_forbids() {
    let schema: Value = serde_json::from_str(include_str!("../schemas/priority.json")).expect("JSON");
    let priority = validator(&schema);
    let new = json!({"requestId": "a", "type": "new", "level": "1", "eta": "2", "vehicleType": "bus", "inputId": "1"});
    assert!(priority.is_valid(&new));
    for (name, value) in [
        ("connectionId", json!("1")),
        ("level", json!("15")),
        ("level", json!(1)),
        ("eta", json!("256")),
        ("type", json!("update")),
        ("laneOutId", json!("1")),
        ("other", json!("1")),
    ] {
        let mut wrong = new.clone();
        wrong[name] = value;
        assert!(!priority.is_valid(&wrong), "{wrong}");
    }
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("a schema")
}

/// The schemas of the standard: `$CLEARWAY_SHARED`, else beside the workspace.
fn standard() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("CLEARWAY_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("data/rsmp");
    if !folder.is_dir() {
        eprintln!("skipped: schemas of RSMP not found (set CLEARWAY_SHARED)");
        return None;
    }
    Some(folder)
}

/// A schema file with everything that it refers to put in its place. Some files have comments, two
/// types are misspelt, and some patterns are of another dialect.
fn load(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let plain: Vec<&str> = text.lines().map(|line| line.split(" // ").next().unwrap_or_default()).collect();
    let value =
        serde_json::from_str(&plain.join("\n")).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    resolve(value, path)
}

fn resolve(value: Value, path: &Path) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| resolve(item, path)).collect(),
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
                let whole = load(&path.parent().expect("a folder").join(file));
                return whole.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")).clone();
            }
            let fits = |(key, _): &(String, Value)| key != "pattern" && key != "$schema";
            fields
                .into_iter()
                .filter(fits)
                .map(|(key, value)| {
                    let value = match (key.as_str(), value.as_str()) {
                        // The text of 3.2 has JSON's own boolean.
                        ("sOc", _) => json!({"enum": ["True", "False", true, false]}),
                        ("type", Some("string, null")) => json!(["string", "null"]),
                        ("type", None) if value.is_array() => trimmed(&value),
                        _ => resolve(value, path),
                    };
                    (key, value)
                })
                .collect::<Map<_, _>>()
                .into()
        }
        other => other,
    }
}

/// The words of a list, without blanks around them.
fn trimmed(words: &Value) -> Value {
    words.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::trim).collect()
}

#[test]
fn everything_that_is_sent_fits_the_schemas_of_the_standard() {
    let Some(folder) = standard() else { return };
    for (core, name) in [
        (Core::V3_1_2, "3.1.2"),
        (Core::V3_1_3, "3.1.3"),
        (Core::V3_1_4, "3.1.4"),
        (Core::V3_1_5, "3.1.5"),
        (Core::V3_2, "3.2"),
        (Core::V3_2_2, "3.2"),
    ] {
        let core_schema = validator(&load(&folder.join("core").join(name).join("rsmp.json")));
        for list in [Sxl::V1_0_7, Sxl::V1_0_15, Sxl::V1_1] {
            let list_schema = validator(&load(&folder.join("tlc").join(list.word()).join("rsmp.json")));
            for message in everything(core, list) {
                assert_valid(&core_schema, name, &message);
                assert_valid(&list_schema, list.word(), &message);
            }
        }
    }
}

/// The codes that a folder of the standard has.
fn codes(folder: &Path, letter: char) -> BTreeSet<String> {
    let files =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").file_name());
    let names =
        files.filter_map(|name| name.to_str().and_then(|name| name.strip_suffix(".json")).map(String::from));
    names.filter(|name| name.len() == 5 && name.starts_with(letter)).collect()
}

#[test]
fn our_table_is_the_standards() {
    let Some(folder) = standard() else { return };
    let differ = |list: Sxl, entries: &[Entry], kind: &str, letter: char| {
        let folder = folder.join("tlc").join(list.word()).join(kind);
        let ours: BTreeSet<String> =
            entries.iter().filter(|entry| entry.is_in(list)).map(|entry| entry.code.into()).collect();
        assert_eq!(ours, codes(&folder, letter), "{kind} of {}", list.word());
        for entry in entries.iter().filter(|entry| entry.is_in(list) && letter != 'A') {
            let schema = load(&folder.join(format!("{}.json", entry.code)));
            let head = &schema["allOf"][0]["properties"];
            let names: BTreeSet<&str> =
                head["n"]["enum"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
            let ours: BTreeSet<&str> =
                entry.arguments.iter().filter(|a| a.is_in(list)).map(|a| a.name).collect();
            assert_eq!(ours, names, "{} of {}", entry.code, list.word());
            if letter == 'M' {
                assert_eq!(head["cO"]["const"], entry.command, "{}", entry.code);
            }
        }
    };
    for list in [Sxl::V1_0_7, Sxl::V1_0_15, Sxl::V1_1] {
        differ(list, STATUSES, "statuses", 'S');
        differ(list, COMMANDS, "commands", 'M');
        differ(list, sxl::ALARMS, "alarms", 'A');
    }
}
