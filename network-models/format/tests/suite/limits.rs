//! Bounds: whatever is too long, too large or too many is said so and never held.

use std::fs::{self, File};
use std::io::Write;

use clearway_format::model::{RequestBinding, SignalController, SignalGroupRow};
use clearway_format::{Code, Model, check, read};
use expect_test::expect;

use crate::folder::{copy, places, two_crossroads};

#[test]
fn a_line_of_a_hundred_megabytes_is_a_fault_with_its_line() {
    let dir = copy();
    let mut file = File::options().append(true).open(dir.path().join("node.csv")).unwrap();
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        file.write_all(&chunk).unwrap();
    }
    file.write_all(b"\nlast,,999,60,,\n").unwrap();
    let report = check(dir.path());

    expect![[r#"
        node.csv:10:1 line-too-long
        node.csv:11:7 off-globe"#]]
    .assert_eq(&places(&report));
}

#[test]
fn a_file_beyond_the_bound_is_not_read() {
    let dir = copy();
    File::create(dir.path().join("node.csv")).unwrap().set_len((256 << 20) + 1).unwrap();
    fs::write(dir.path().join("model.toml"), "#".repeat((64 << 10) + 1)).unwrap();
    expect![[r#"
        model.toml:1:1 file-too-large
        node.csv:1:1 file-too-large"#]]
    .assert_eq(&places(&check(dir.path())));
}

#[test]
fn faults_beyond_the_bound_are_counted() {
    let dir = copy();
    let mut text = fs::read_to_string(dir.path().join("node.csv")).unwrap();
    for n in 0..20_000 {
        text += &format!("k{n},,x,60.17,,\n");
    }
    fs::write(dir.path().join("node.csv"), text).unwrap();
    let report = check(dir.path());
    assert_eq!((report.faults.len(), report.not_listed), (10_000, 10_000));
    assert!(report.render().ends_with("20000 faults; the first 100 are shown, --json lists up to 10000.\n"));
}

#[test]
fn controllers_groups_and_rows_have_their_bounds() {
    let mut model = read(&two_crossroads()).unwrap();
    for n in 5..=66 {
        let group = SignalGroupRow { group_num: n, ..model.groups[3].clone() };
        model.groups.push(SignalGroupRow { controller_id: "c2".into(), ..group });
    }
    let row =
        RequestBinding { owner: "railway".into(), kind: "rail".into(), ..model.request_bindings[0].clone() };
    model.request_bindings.extend((10..45).map(|row_num| RequestBinding { row_num, ..row.clone() }));
    let count = |model: &Model, code| model.check().faults.iter().filter(|fault| fault.code == code).count();
    assert_eq!(count(&model, Code::TooManyGroups), 2);
    assert_eq!(count(&model, Code::TooManyRequests), 1);
    for n in 0..16_384 {
        let controller_id = format!("k{n}");
        model.controllers.push(SignalController { controller_id, ..SignalController::default() });
    }
    assert_eq!(count(&model, Code::TooManyControllers), 1);
}
