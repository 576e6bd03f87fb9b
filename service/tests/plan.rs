//! `clearway plan` as people call it: a plan, its certificate, and what is said when there is none.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The fire station of the demo, and the place of its fire.
const STATION: &str = "60.16626,24.94354";
const FIRE: &str = "60.17785,24.95020";

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models")
}

fn plan(network: Option<&Path>, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clearway"));
    command.arg("plan");
    if let Some(network) = network {
        command.arg("--network").arg(network);
    }
    command.args(args).output().expect("the binary runs")
}

fn helsinki(args: &[&str]) -> Output {
    plan(Some(&models().join("helsinki-centre")), args)
}

fn stderr(output: &Output) -> String {
    // Diagnostics are wrapped to the width of the terminal.
    String::from_utf8_lossy(&output.stderr)
        .split_whitespace()
        .filter(|word| *word != "│")
        .collect::<Vec<_>>()
        .join(" ")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn a_plan_promises_every_signal_call_before_green_before_release() {
    let folder = tempfile::tempdir().expect("a folder");
    let svg = folder.path().join("plan.svg");
    let report =
        json(&helsinki(&["--from", STATION, "--to", FIRE, "--json", "--svg", svg.to_str().expect("UTF-8")]));
    let signals = report["signals"].as_array().expect("a list");
    assert!(signals.len() >= 5, "{report}");
    assert_eq!(report["signals_asked"], signals.len());
    assert_eq!(report["certified"]["requests"], signals.len());
    for signal in signals {
        let (call, green) = (number(&signal["call_s"]), number(&signal["green_s"]));
        let (arrival, release) = (number(&signal["arrival_s"]), number(&signal["release_s"]));
        assert!(0.0 <= call && call <= green && green <= arrival && arrival < release, "{signal}");
        assert!(number(&signal["hold_s"]) <= 110.0, "{signal}");
    }
    let drawing = std::fs::read_to_string(svg).expect("it was written");
    assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"));
    assert_eq!(drawing.matches("#2e7d32").count(), signals.len(), "a promised green each");
}

#[test]
fn a_controller_that_is_not_armed_and_a_closed_link_change_the_plan() {
    let usual = json(&helsinki(&["--from", STATION, "--to", FIRE, "--json"]));
    let links: Vec<&str> =
        usual["links"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let closed =
        json(&helsinki(&["--from", STATION, "--to", FIRE, "--json", "--close", links[links.len() / 2]]));
    assert!(!closed["links"].as_array().expect("a list").iter().any(|link| link == links[links.len() / 2]));
    assert!(number(&closed["travel_s"]) >= number(&usual["travel_s"]));
    let all = (1..=42).map(|n| format!("c{n:02}")).collect::<Vec<_>>().join(",");
    let unarmed = json(&helsinki(&["--from", STATION, "--to", FIRE, "--json", "--unarmed", &all]));
    assert_eq!(unarmed["signals_asked"], 0);
    assert!(number(&unarmed["travel_s"]) > number(&usual["travel_s"]));
}

#[test]
fn alternatives_differ_and_come_in_the_order_of_their_arrival() {
    let report = json(&helsinki(&[
        "--from",
        STATION,
        "--to",
        FIRE,
        "--json",
        "--alternatives",
        "3",
        "--class",
        "car",
    ]));
    let others = report["alternatives"].as_array().expect("a list");
    assert!(!others.is_empty());
    let mut last = number(&report["travel_s"]);
    for other in others {
        assert!(number(&other["travel_s"]) >= last && other["links"] != report["links"]);
        assert!(number(&other["shared_permille"]) <= 700.0);
        last = number(&other["travel_s"]);
    }
}

#[test]
fn a_certificate_holds_until_it_or_its_model_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, model) = (folder.path().join("plan.json"), folder.path().join("model"));
    copy(&models().join("helsinki-centre"), &model);
    let path = file.to_str().expect("UTF-8");
    let made = plan(Some(&model), &["--from", STATION, "--to", FIRE, "--certificate", path]);
    assert!(made.status.success(), "{}", stderr(&made));
    let verify = |network: Option<&Path>| {
        let output = plan(network, &["--verify", path, "--json"]);
        let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(verdict["holds"] == true, output.status.success());
        (output.status.code(), verdict["reasons"].to_string())
    };
    assert_eq!(verify(None), (Some(0), "[]".to_owned()));
    let (code, reasons) = verify(Some(&models().join("reference-nema")));
    assert!(
        code == Some(1) && reasons.contains("is not the model") && reasons.contains("no controller"),
        "{reasons}"
    );

    // A call made later than promised: the seal tells.
    let written = std::fs::read_to_string(&file).expect("a certificate");
    let mut changed: Value = serde_json::from_str(&written).expect("JSON");
    let at = changed["asks"][0]["assert_at_ms"].as_i64().expect("a time");
    for ask in changed["asks"].as_array().expect("a list") {
        let by = |bound: &str| ask["answer"][bound].as_i64().expect("a time");
        let entry = ask["entry_at_most_ms"].as_i64().expect("a time");
        assert_eq!(by("dwell_by_ms"), ask["assert_at_ms"].as_i64().expect("a time") + entry);
        assert!(by("entry_by_ms") < by("dwell_by_ms") && by("served_until_ms") < by("exit_by_ms"), "{ask}");
        let certain = ask["answer"]["green_by_ms"].as_i64();
        assert!(certain.is_none_or(|by| by < ask["release_at_ms"].as_i64().expect("a time")), "{ask}");
    }
    changed["asks"][0]["assert_at_ms"] = (at + 1_000).into();
    std::fs::write(&file, changed.to_string()).expect("it is written");
    let (code, reasons) = verify(None);
    assert!(code == Some(1) && reasons.contains("seal"), "{reasons}");
    assert!(reasons.contains("the bounds of the controller's answer"), "{reasons}");
    // A hold beyond every bound: the checker tells, too.
    changed["asks"][0]["release_at_ms"] = (at + 500_000).into();
    std::fs::write(&file, changed.to_string()).expect("it is written");
    let (_, reasons) = verify(None);
    assert!(reasons.contains("the checker refuses it") && reasons.contains("too long"), "{reasons}");

    // The same certificate, another minimum green.
    std::fs::write(&file, &written).expect("it is written");
    let table = model.join("signal_group.csv");
    let groups = std::fs::read_to_string(&table).expect("a table");
    let line = groups.lines().nth(1).expect("a group");
    let longer = line.replacen(",5", ",7", 1);
    assert_ne!(line, longer);
    std::fs::write(&table, groups.replacen(line, &longer, 1)).expect("it is written");
    let (code, reasons) = verify(None);
    assert!(code == Some(1) && reasons.contains("is not the model"), "{reasons}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a model").flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
    }
}

#[test]
fn what_cannot_be_planned_is_said_with_its_cure() {
    let far = helsinki(&["--from", "61.5,24.9", "--to", FIRE]);
    assert_eq!(far.status.code(), Some(1));
    assert!(stderr(&far).contains("from the nearest link") && stderr(&far).contains("give a place within"));
    let class = helsinki(&["--from", STATION, "--to", FIRE, "--class", "submarine"]);
    assert_eq!(class.status.code(), Some(2));
    assert!(stderr(&class).contains("possible values: fire"), "{}", stderr(&class));
    let place = helsinki(&["--from", "here", "--to", FIRE]);
    assert!(place.status.code() == Some(2) && stderr(&place).contains("latitude and longitude"));
    let link = helsinki(&["--from", STATION, "--to", FIRE, "--close", "r99999"]);
    assert!(link.status.code() == Some(1) && stderr(&link).contains("link.csv"), "{}", stderr(&link));
    let nothing = helsinki(&["--from", STATION, "--to", FIRE, "--class", "car", "--certificate", "x.json"]);
    assert!(nothing.status.code() == Some(1) && stderr(&nothing).contains("nothing to certify"));
    let model = plan(Some(Path::new("no-such-folder")), &["--from", STATION, "--to", FIRE]);
    assert_eq!(model.status.code(), Some(3));
    let certificate = plan(None, &["--verify", env!("CARGO_MANIFEST_PATH")]);
    assert!(certificate.status.code() == Some(1) && stderr(&certificate).contains("is no certificate"));
}
