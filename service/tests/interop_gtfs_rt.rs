//! The GTFS Realtime feed of a closure, read by the specification's own bindings.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Python that `cargo xtask test` made, if it has the bindings.
fn python() -> Option<PathBuf> {
    let given = std::env::var_os("CLEARWAY_TEST_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| root().join("target/venv/bin/python"));
    let has = Command::new(&python).args(["-c", "from google.transit import gtfs_realtime_pb2"]).output();
    has.is_ok_and(|ran| ran.status.success()).then_some(python)
}

#[test]
fn the_specifications_bindings_read_alerts_shapes_and_modifications() {
    let python = python().expect("gtfs-realtime-bindings: `cargo xtask test` installs them");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.pb");
    let made = Command::new(env!("CARGO_BIN_EXE_clearway"))
        .args(["detour", "--close", "t167", "--lasts-s", "3600", "--json", "--network"])
        .arg(root().join("network-models/helsinki-centre"))
        .arg("--gtfs-rt")
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let decided: Vec<Value> = serde_json::from_slice(&made.stdout).unwrap();

    let script = root().join("tests/interop/gtfs_rt_read.py");
    let read = Command::new(python).arg(script).arg(&file).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let feed: Value = serde_json::from_slice(&read.stdout).unwrap();

    assert_eq!(feed["version"], "2.0");
    let alerts = feed["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), decided.len());
    for (alert, decision) in alerts.iter().zip(&decided) {
        assert_eq!(alert["text"], decision["explain"]);
        assert_eq!(alert["seconds"], 3_600);
        let effect = match decision["action"].as_str() {
            Some("detour") => "DETOUR",
            Some("short_turn") => "REDUCED_SERVICE",
            _ => "SIGNIFICANT_DELAYS",
        };
        assert_eq!(alert["effect"], effect);
        assert_eq!(
            alert["stops"].as_array().map(Vec::len),
            decision["skipped_stops"].as_array().map(Vec::len)
        );
    }
    let shapes: Vec<&Value> = feed["shapes"].as_array().unwrap().iter().map(|s| &s["id"]).collect();
    for change in feed["changes"].as_array().unwrap() {
        assert_eq!(change["trips"].as_array().map(Vec::len), Some(1));
        assert!(shapes.contains(&&change["shapes"][0]), "{change}");
        for modification in change["modifications"].as_array().unwrap() {
            assert!(modification["from"].as_u64() <= modification["to"].as_u64(), "{modification}");
            assert!(alerts.iter().any(|alert| alert["id"] == modification["alert"]));
        }
    }
}
