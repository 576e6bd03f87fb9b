//! `clearway network check` as people call it: on each broken model every fault is printed with its
//! file, line, column, cause and cure, and the exit code is 3.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clearway_format::Code;
use serde_json::Value;
use tempfile::TempDir;

/// How a model is broken, and the fault that must be found: file, line, column, kind.
struct Case {
    what: &'static str,
    breaks: fn(&Path),
    fault: (&'static str, u32, u32, Code),
}

const CASES: [Case; 10] = [
    Case {
        what: "a dangling link",
        breaks: |dir| edit(dir, "link.csv", "e2,Main Street,x2,e,", "e2,Main Street,x2,e9,"),
        fault: ("link.csv", 4, 19, Code::DanglingLink),
    },
    Case {
        what: "a one-way trap",
        breaks: |dir| edit(dir, "node.csv", "n1,,24.9436,60.1718,boundary", "n1,,24.9436,60.1718,"),
        fault: ("link.csv", 6, 20, Code::OneWayTrap),
    },
    Case {
        what: "a group without movement",
        breaks: |dir| edit(dir, "signal_phase_mvmt.csv", "11,p2-3,,e1,\n", ""),
        fault: ("signal_group.csv", 7, 4, Code::GroupWithoutMovement),
    },
    Case {
        what: "conflicting groups without intergreen",
        breaks: |dir| edit(dir, "group_pair.csv", "c1,1,2,conflict,5", "c1,1,2,conflict,"),
        fault: ("group_pair.csv", 2, 17, Code::ConflictWithoutIntergreen),
    },
    Case {
        what: "a negative length",
        breaks: |dir| edit(dir, "link.csv", "199.3", "-199.3"),
        fault: ("link.csv", 2, 29, Code::OutOfRange),
    },
    Case {
        what: "a duplicate id",
        breaks: |dir| edit(dir, "movement.csv", "m8,x2", "m7,x2"),
        fault: ("movement.csv", 9, 1, Code::DuplicateId),
    },
    Case {
        what: "a bad number",
        breaks: |dir| edit(dir, "transit_stop.csv", "e1,100", "e1,1o0"),
        fault: ("transit_stop.csv", 2, 21, Code::BadNumber),
    },
    Case {
        what: "a wrong CRS",
        breaks: |dir| edit(dir, "model.toml", "EPSG:4326", "EPSG:3879"),
        fault: ("model.toml", 6, 7, Code::WrongCrs),
    },
    Case {
        what: "a missing file",
        breaks: |dir| fs::remove_file(dir.join("overlap.csv")).expect("it was there"),
        fault: ("overlap.csv", 1, 1, Code::MissingFile),
    },
    Case {
        what: "a line of 100 MB",
        breaks: |dir| a_line_of_100_mb(&dir.join("geometry.csv")),
        fault: ("geometry.csv", 3, 1, Code::LineTooLong),
    },
];

fn edit(dir: &Path, file: &str, from: &str, to: &str) {
    let path = dir.join(file);
    let text = fs::read_to_string(&path).expect("a table");
    assert!(text.contains(from), "{file} holds no {from:?}");
    fs::write(&path, text.replacen(from, to, 1)).expect("a writable folder");
}

fn a_line_of_100_mb(path: &Path) {
    let mut file = File::options().append(true).open(path).expect("a table");
    let piece = vec![b'x'; 1_000_000];
    for _ in 0..100 {
        file.write_all(&piece).expect("room on the disk");
    }
    file.write_all(b"\n").expect("room on the disk");
}

/// A copy of a sound model: two crossroads in a row, a tram line through both.
fn sound() -> TempDir {
    let model =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/format/tests/models/two-crossroads");
    let copy = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(model).expect("the model") {
        let path: PathBuf = entry.expect("a file").path();
        fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("room on the disk");
    }
    copy
}

fn check(dir: &Path, json: bool) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clearway"));
    command.args(["network", "check"]).arg(dir).env("NO_COLOR", "1");
    if json {
        command.arg("--json");
    }
    command.output().expect("the binary runs")
}

/// Text as it reads: diagnostics are wrapped to the width of a terminal.
fn flowing(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// The fault stands in what is printed for people, and in the JSON for programs.
fn is_told((file, line, column, code): (&str, u32, u32, Code), told: &str, json: &Value) {
    let (place, cause, cure) = (format!("{file}:{line}:{column} {}", code.word()), code.cause(), code.cure());
    for part in [place.as_str(), cause, cure] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let listed = json["faults"].as_array().expect("a list").iter().any(|fault| {
        (&fault["file"], &fault["line"], &fault["column"]) == (&file.into(), &line.into(), &column.into())
            && (&fault["code"], &fault["cause"], &fault["cure"])
                == (&code.word().into(), &cause.into(), &cure.into())
    });
    assert!(listed, "{place} is not in {json}");
}

fn invalid(what: &str, dir: &Path) -> (String, Value) {
    let (people, programs) = (check(dir, false), check(dir, true));
    let told = flowing(&people.stderr);
    assert_eq!(people.status.code(), Some(3), "{what}: {told}");
    assert_eq!(programs.status.code(), Some(3), "{what} as JSON");
    assert!(people.stdout.is_empty(), "{what}: faults are told on stderr");
    let json: Value = serde_json::from_slice(&programs.stdout).expect("JSON on stdout");
    assert_eq!(json["ok"], false, "{what}");
    (told, json)
}

#[test]
fn every_kind_of_broken_model_ends_with_exit_code_3_and_is_told_with_place_cause_and_cure() {
    for case in &CASES {
        let model = sound();
        (case.breaks)(model.path());
        let (told, json) = invalid(case.what, model.path());
        is_told(case.fault, &told, &json);
    }
}

#[test]
fn a_model_with_every_fault_is_told_all_of_them_at_once() {
    let model = sound();
    for case in &CASES {
        (case.breaks)(model.path());
    }
    let (told, json) = invalid("all at once", model.path());
    for case in &CASES {
        is_told(case.fault, &told, &json);
    }
}

#[test]
fn a_sound_model_ends_with_0_and_a_folder_that_is_none_with_3() {
    let model = sound();
    let good = check(model.path(), false);
    assert_eq!(good.status.code(), Some(0), "{}", flowing(&good.stderr));
    assert!(flowing(&good.stdout).ends_with("no fault found"));
    let (told, json) = invalid("no folder", &model.path().join("nowhere"));
    is_told(("link.csv", 1, 1, Code::MissingFile), &told, &json);
}
