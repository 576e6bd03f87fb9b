//! The schemas of the standard, where they are at hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use clearway_rsmp::{Core, Sxl};
use serde_json::{Map, Value};

/// `$CLEARWAY_SHARED`, else beside the workspace.
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("CLEARWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("data/rsmp");
    folder.is_dir().then_some(folder)
}

/// The folders of the schemas that are nearest to the versions; a list newer than the schemas has none.
fn names(core: Core, sxl: Sxl) -> Vec<String> {
    let core = if core.has_arrays() { "3.2" } else { core.word() };
    let list = match sxl {
        Sxl::V1_0_7 => Some("1.0.7"),
        Sxl::V1_0_15 => Some("1.0.15"),
        Sxl::V1_1 => Some("1.1"),
        _ => None,
    };
    let list = list.map(|list| format!("tlc/{list}/rsmp.json"));
    std::iter::once(format!("core/{core}/rsmp.json")).chain(list).collect()
}

type Validators = BTreeMap<String, jsonschema::Validator>;

/// Hold messages against the schemas.
pub(super) fn check(messages: &[Value], core: Core, sxl: Sxl) {
    static COMPILED: OnceLock<Mutex<Validators>> = OnceLock::new();
    let Some(folder) = folder() else {
        eprintln!("skipped: schemas of RSMP not found (set CLEARWAY_SHARED)");
        return;
    };
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    for name in names(core, sxl) {
        let validator = compiled.entry(name.clone()).or_insert_with(|| compile(&folder.join(&name)));
        for message in messages.iter().filter(|message| !is_valueless(message)) {
            let message = &with_plain_bits(message);
            let errors: Vec<String> = validator.iter_errors(message).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?} in {message}");
        }
    }
}

/// The text of the standard has null where there is no value, the schemas of this age do not know it.
fn is_valueless(message: &Value) -> bool {
    let values = message["sS"].as_array().into_iter().flatten();
    values.clone().any(|value| matches!(value["q"].as_str(), Some("undefined" | "unknown")))
        || message["rvs"].as_array().into_iter().flatten().any(|value| value["age"] == "undefined")
}

/// The text of core 3.1.2 has text in the aggregated status, the schema of this age has booleans.
fn with_plain_bits(message: &Value) -> Value {
    let mut message = message.clone();
    for bit in message.get_mut("se").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(text) = bit.as_str() {
            *bit = (text == "true").into();
        }
    }
    message
}

fn compile(path: &Path) -> jsonschema::Validator {
    jsonschema::validator_for(&load(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A schema with everything that it refers to in its place.
fn load(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // Some of the files have comments.
    let plain: String =
        text.lines().map(|line| line.split(" // ").next().unwrap_or_default().to_owned() + "\n").collect();
    let value: Value =
        serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    inline(value, path.parent().expect("a folder"))
}

fn inline(value: Value, folder: &Path) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| inline(item, folder)).collect(),
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(reference) => refer(reference, folder),
            None => {
                fields.into_iter().map(|(key, value)| mend(key, value, folder)).collect::<Map<_, _>>().into()
            }
        },
        other => other,
    }
}

fn refer(reference: &str, folder: &Path) -> Value {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    let whole = load(&folder.join(file));
    whole.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")).clone()
}

/// Two types are misspelt, and some patterns are Ruby's own.
fn mend(key: String, value: Value, folder: &Path) -> (String, Value) {
    let mended = match (key.as_str(), value.as_str()) {
        ("type", Some("string, null")) => serde_json::json!(["string", "null"]),
        ("type", _) if value.is_array() => {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::trim).collect()
        }
        ("pattern", Some(pattern)) if pattern.contains("\\g<") => return ("$comment".into(), value),
        ("pattern", Some(pattern)) => {
            let inner = pattern.strip_prefix("(?-mix:").and_then(|rest| rest.strip_suffix(')'));
            inner.unwrap_or(pattern).into()
        }
        ("$schema", _) => return ("$comment".into(), value),
        _ => inline(value, folder),
    };
    (key, mended)
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let Some(folder) = folder() else {
        eprintln!("skipped: schemas of RSMP not found (set CLEARWAY_SHARED)");
        return;
    };
    let wrong = serde_json::json!({"mType": "rSMsg", "type": "Watchdog", "mId": "1", "wTs": "now"});
    assert!(!compile(&folder.join("core/3.2/rsmp.json")).is_valid(&wrong));
}
