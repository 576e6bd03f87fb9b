//! Each kind of fault, made on purpose: it is found, at its place, and alone.

use std::fs;

use clearway_format::{Code, check};
use expect_test::{Expect, expect};

use crate::folder::{copy, edited, places};

fn broken(edits: &[(&str, &str, &str)], expected: Expect) {
    let dir = edited(edits);
    expected.assert_eq(&places(&check(dir.path())));
}

fn broken_bytes(file: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>, expected: Expect) {
    let dir = copy();
    let path = dir.path().join(file);
    fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
    expected.assert_eq(&places(&check(dir.path())));
}

#[test]
fn the_hand_made_model_has_no_fault() {
    broken(&[], expect![[""]]);
}

#[test]
fn files_that_are_missing_or_unreadable() {
    let dir = copy();
    fs::remove_file(dir.path().join("stage.csv")).unwrap();
    fs::remove_file(dir.path().join("model.toml")).unwrap();
    fs::remove_file(dir.path().join("node.csv")).unwrap();
    fs::create_dir(dir.path().join("node.csv")).unwrap();
    let report = check(dir.path());
    assert!(report.incomplete);
    expect![[r#"
        model.toml:1:1 missing-file
        node.csv:1:1 unreadable-file
        stage.csv:1:1 missing-file"#]]
    .assert_eq(&places(&report));
    expect![[r#"
        controller_link.csv:1:1 missing-file
        detector_binding.csv:1:1 missing-file
        geometry.csv:1:1 missing-file
        group_binding.csv:1:1 missing-file
        group_pair.csv:1:1 missing-file
        link.csv:1:1 missing-file
        model.toml:1:1 missing-file
        movement.csv:1:1 missing-file
        node.csv:1:1 missing-file
        overlap.csv:1:1 missing-file
        request_binding.csv:1:1 missing-file
        signal_controller.csv:1:1 missing-file
        signal_coordination.csv:1:1 missing-file
        signal_detector.csv:1:1 missing-file
        signal_group.csv:1:1 missing-file
        signal_phase_mvmt.csv:1:1 missing-file
        signal_timing_phase.csv:1:1 missing-file
        signal_timing_plan.csv:1:1 missing-file
        stage.csv:1:1 missing-file
        transit_line.csv:1:1 missing-file
        transit_stop.csv:1:1 missing-file
        turnback.csv:1:1 missing-file"#]]
    .assert_eq(&places(&check(&dir.path().join("nowhere"))));
}

#[test]
fn bytes_that_are_no_table() {
    let with = |extra: &'static [u8]| move |bytes: Vec<u8>| [&bytes[..], extra].concat();
    broken_bytes("node.csv", with(b"n\xff3,,24.95,60.17,boundary,\n"), expect!["node.csv:10:2 invalid-utf8"]);
    broken_bytes("node.csv", with(b"n3,\0,24.95,60.17,boundary,\n"), expect!["node.csv:10:4 nul-byte"]);
    broken_bytes(
        "node.csv",
        with(b"n3,\"open,24.95,60.17,boundary,\n"),
        expect!["node.csv:10:4 bad-quoting"],
    );
    broken_bytes("node.csv", with(b"n3,a\"b,24.95,60.17,boundary,\n"), expect!["node.csv:10:5 bad-quoting"]);
    broken_bytes("node.csv", |_| Vec::new(), expect!["node.csv:1:1 missing-column"]);
    broken_bytes("model.toml", with(b"\xff"), expect!["model.toml:9:1 invalid-utf8"]);
    broken_bytes("model.toml", with(b"x = \n"), expect!["model.toml:9:5 bad-toml"]);
}

#[test]
fn headers() {
    broken(&[("node.csv", "x_coord", "lon")], expect!["node.csv:1:1 missing-column"]);
    broken(
        &[("node.csv", "node_type", "name")],
        expect![[r#"
        link.csv:2:16 one-way-trap
        link.csv:2:16 one-way-trap
        link.csv:4:19 one-way-trap
        link.csv:4:19 one-way-trap
        link.csv:5:17 one-way-trap
        link.csv:6:20 one-way-trap
        link.csv:7:18 one-way-trap
        link.csv:8:21 one-way-trap
        node.csv:1:1 missing-column
        node.csv:1:30 duplicate-column"#]],
    );
    broken(
        &[("turnback.csv", "turnback_id,from_link_id,to_link_id,kind,source", "turnback_id;kind")],
        expect![[r#"
            turnback.csv:1:1 missing-column
            turnback.csv:1:1 missing-column
            turnback.csv:1:1 missing-column
            turnback.csv:1:1 missing-column
            turnback.csv:1:1 missing-column"#]],
    );
}

#[test]
fn cells() {
    broken(
        &[("node.csv", "e,,24.9508,60.17,boundary,", "e,,24.9508,60.17,boundary")],
        expect!["node.csv:5:1 wrong-field-count"],
    );
    broken(&[("link.csv", "e1,Main Street,x1", "e1,Main Street,")], expect!["link.csv:3:16 empty-cell"]);
    broken(&[("link.csv", "199.3", "199,3")], expect!["link.csv:2:1 wrong-field-count"]);
    broken(&[("link.csv", "199.3", "-199.3")], expect!["link.csv:2:29 out-of-range"]);
    broken(&[("link.csv", "199.3", "0")], expect!["link.csv:2:29 out-of-range"]);
    broken(&[("link.csv", "199.3", "about 200")], expect!["link.csv:2:29 bad-number"]);
    broken(&[("link.csv", "13.9", "inf")], expect!["link.csv:2:43 not-finite"]);
    broken(&[("link.csv", "13.9", "NaN")], expect!["link.csv:2:43 not-finite"]);
    broken(&[("link.csv", "13.9,2", "13.9,2.5")], expect!["link.csv:2:48 bad-number"]);
    broken(
        &[("link.csv", "\"car,bus,tram,emergency\"", "\"car,boat\"")],
        expect!["link.csv:2:50 unknown-word"],
    );
    broken(&[("link.csv", "true", "yes")], expect!["link.csv:2:21 unknown-word"]);
    broken(
        &[
            ("transit_line.csv", ",source", ",source,headway_source"),
            ("transit_line.csv", ",default", ",default,guessed"),
        ],
        expect!["transit_line.csv:2:35 unknown-word"],
    );
    broken(&[("signal_group.csv", "vehicle", "lorry")], expect!["signal_group.csv:2:9 unknown-word"]);
    broken(&[("node.csv", "24.94,60.17", "24.94,160.17")], expect!["node.csv:2:10 off-globe"]);
    broken(&[("geometry.csv", "24.9418 60.17001", "24.9418")], expect!["geometry.csv:2:4 bad-geometry"]);
    broken(
        &[("geometry.csv", "24.9418 60.17001", "224.9418 60.17001")],
        expect!["geometry.csv:2:4 bad-geometry"],
    );
    broken(
        &[("turnback.csv", "source\n", "source\nt 1,e2,e0,loop,default\n")],
        expect!["turnback.csv:2:1 unknown-word"],
    );
}

#[test]
fn model_toml() {
    broken(&[("model.toml", "EPSG:4326", "EPSG:3879")], expect!["model.toml:6:7 wrong-crs"]);
    broken(&[("model.toml", "\"si\"", "\"us\"")], expect!["model.toml:7:9 wrong-units"]);
    broken(
        &[("model.toml", "format_version = 1", "format_version = 2")],
        expect!["model.toml:1:18 wrong-format-version"],
    );
    broken(&[("model.toml", "name = \"Two crossroads\"", "name = 2")], expect!["model.toml:2:8 bad-toml"]);
    broken(&[("model.toml", "license", "licence")], expect!["model.toml:1:1 missing-key"]);
}

#[test]
fn keys_and_references() {
    broken(
        &[("node.csv", "n2,,", "n1,,")],
        expect![[r#"
        link.csv:8:21 dangling-link
        node.csv:9:1 duplicate-id"#]],
    );
    broken(&[("link.csv", "x1,x2", "x1,x9")], expect!["link.csv:3:19 dangling-link"]);
    broken(&[("link.csv", ",g0,", ",g7,")], expect!["link.csv:2:26 unknown-reference"]);
    broken(
        &[("movement.csv", "m1,x1,e0", "m1,x1,e9")],
        expect![[r#"
        link.csv:2:18 one-way-trap
        movement.csv:2:7 unknown-reference"#]],
    );
    broken(&[("stage.csv", "2 3,30", "2 7,30")], expect!["stage.csv:3:9 unknown-reference"]);
    broken(
        &[("request_binding.csv", "m1|m2", "m1|m9")],
        expect!["request_binding.csv:3:33 unknown-reference"],
    );
    broken(
        &[("signal_timing_phase.csv", "p1-1,p1,1", "p1-1,p1,9")],
        expect![[r#"
        signal_group.csv:2:4 group-without-movement
        signal_timing_phase.csv:2:9 unknown-reference"#]],
    );
    broken(&[("stage.csv", "p1,c1,1", "p1,c2,1")], expect!["stage.csv:2:4 wrong-controller"]);
    broken(
        &[("detector_binding.csv", "d1,c1", "d1,c2")],
        expect!["detector_binding.csv:2:4 wrong-controller"],
    );
}

#[test]
fn roads() {
    broken(
        &[("link.csv", "e2,Main Street,x2,e,true", "e2,Main Street,x2,e,false")],
        expect!["link.csv:4:21 undirected-link"],
    );
    broken(&[("geometry.csv", "24.94 60.17,", "24.93 60.17,")], expect!["link.csv:2:26 geometry-off-link"]);
    broken(
        &[("movement.csv", "m4,x1,u1,,,e1", "m4,x1,u1,,,e2")],
        expect!["movement.csv:5:12 movement-apart"],
    );
    broken(
        &[("node.csv", "n1,,24.9436,60.1718,boundary", "n1,,24.9436,60.1718,")],
        expect!["link.csv:6:20 one-way-trap"],
    );
    broken(
        &[("node.csv", "s1,,24.9436,60.1682,boundary", "s1,,24.9436,60.1682,")],
        expect!["link.csv:5:17 one-way-trap"],
    );
}

#[test]
fn signal_groups() {
    broken(
        &[("signal_phase_mvmt.csv", "11,p2-3,,e1,\n", "")],
        expect!["signal_group.csv:7:4 group-without-movement"],
    );
    broken(
        &[("signal_phase_mvmt.csv", "2,p1-1,m2,,protected\n", "")],
        expect![[r#"
        movement.csv:3:22 movement-without-group
        request_binding.csv:3:33 path-not-signalled"#]],
    );
    broken(
        &[("signal_phase_mvmt.csv", "11,p2-3,,e1,\n", "11,p2-3,,e1,\n12,p2-1,m1,,permitted\n")],
        expect!["signal_phase_mvmt.csv:13:9 movement-of-two-controllers"],
    );
    broken(
        &[("signal_group.csv", "c2,4,K3", "c2,5,K3"), ("overlap.csv", "c2,4", "c2,5")],
        expect![[r#"
        group_binding.csv:8:4 unknown-reference
        group_pair.csv:11:6 unknown-reference
        group_pair.csv:12:4 unknown-reference
        request_binding.csv:7:39 unknown-reference
        signal_group.csv:8:4 group-gap
        signal_group.csv:8:4 group-without-movement
        signal_timing_phase.csv:8:9 unknown-reference"#]],
    );
    broken(
        &[("signal_group.csv", "c2,4,K3", "c2,65,K3")],
        expect![[r#"
        group_binding.csv:8:4 unknown-reference
        group_pair.csv:11:6 unknown-reference
        group_pair.csv:12:4 unknown-reference
        overlap.csv:2:4 unknown-reference
        request_binding.csv:7:39 unknown-reference
        signal_group.csv:8:4 too-many-groups
        signal_group.csv:8:4 group-without-movement
        signal_timing_phase.csv:8:9 unknown-reference"#]],
    );
    broken(
        &[("signal_group.csv", "c1,1,K1,vehicle,5,3", "c1,1,K1,vehicle,5,0")],
        expect!["signal_group.csv:2:19 group-without-ending"],
    );
    broken(
        &[("signal_detector.csv", "x1,40,42", "x1,400,402")],
        expect!["signal_detector.csv:2:19 detector-off-link"],
    );
}

#[test]
fn numbers_at_the_controller() {
    broken(
        &[("group_binding.csv", "c1,2,phase,4", "c1,2,phase,2")],
        expect!["group_binding.csv:3:12 duplicate-index"],
    );
    broken(
        &[("detector_binding.csv", "d2,c1,2", "d2,c1,1")],
        expect!["detector_binding.csv:3:7 duplicate-index"],
    );
}

#[test]
fn offsets() {
    broken(
        &[("signal_coordination.csv", "c1,1,begin_of_green", "c1,,begin_of_green")],
        expect!["signal_coordination.csv:3:12 offset-without-green"],
    );
    broken(
        &[("signal_coordination.csv", "c1,1,begin_of_green", "c1,9,begin_of_green")],
        expect![[r#"
        signal_coordination.csv:3:12 unknown-reference
        signal_coordination.csv:3:12 offset-without-green"#]],
    );
    broken(
        &[
            ("signal_coordination.csv", "c1,1,begin_of_green", "c1,3,begin_of_green"),
            ("stage.csv", "p2,c2,2,2 3", "p2,c2,2,2"),
        ],
        expect!["signal_coordination.csv:3:12 offset-without-green"],
    );
}

#[test]
fn conflicts() {
    broken(
        &[("group_pair.csv", "c1,1,2,conflict,5", "c1,1,2,conflict,")],
        expect!["group_pair.csv:2:17 conflict-without-intergreen"],
    );
    broken(
        &[("group_pair.csv", "c1,1,2,conflict,5,default\n", "")],
        expect!["group_pair.csv:3:8 one-sided-conflict"],
    );
    broken(
        &[("group_pair.csv", "c1,1,2,conflict,5", "c1,1,2,permitted,")],
        expect!["group_pair.csv:4:8 one-sided-conflict"],
    );
    broken(
        &[("group_pair.csv", "c1,1,2,conflict,5", "c1,1,2,conflict,2.5")],
        expect!["group_pair.csv:2:17 short-intergreen"],
    );
    broken(
        &[("group_pair.csv", "c1,3,1,conflict,9", "c1,3,1,conflict,7.9")],
        expect!["group_pair.csv:5:17 short-intergreen"],
    );
    broken(
        &[("group_pair.csv", "c1,2,3,permitted,", "c1,2,3,permitted,4")],
        expect!["group_pair.csv:6:18 intergreen-without-conflict"],
    );
    broken(
        &[("group_pair.csv", "c1,2,3,permitted", "c1,2,2,permitted")],
        expect!["group_pair.csv:6:6 pair-with-itself"],
    );
}

#[test]
fn plans() {
    broken(&[("stage.csv", "p1,c1,1,1,0", "p1,c1,1,1 2,0")], expect!["stage.csv:2:9 stage-conflict"]);
    broken(&[("stage.csv", "p1,c1,1,1,0,25", "p1,c1,1,1,0,4")], expect!["stage.csv:2:13 short-green"]);
    broken(
        &[("stage.csv", "2 3,30,50", "2 3,29,50")],
        expect![[r#"
        stage.csv:3:13 cut-intergreen
        stage.csv:3:13 cut-intergreen"#]],
    );
    broken(&[("stage.csv", "2 3,30,50", "2 3,30,52")], expect!["stage.csv:2:11 cut-intergreen"]);
    broken(&[("stage.csv", "2 3,30,50", "2 3,30,70")], expect!["stage.csv:3:16 out-of-range"]);
    broken(&[("stage.csv", "p1,c1,1,1,0,25", "p1,c1,1,1,0,35")], expect!["stage.csv:2:13 stage-order"]);
    broken(
        &[("stage.csv", "p1,c1,1,1,0,25,default\np1,c1,2,2 3,30,50,default\n", "")],
        expect!["signal_timing_plan.csv:2:1 no-plan"],
    );
    broken(
        &[("signal_timing_phase.csv", "p1-1,p1,1,5,0", "p1-1,p1,1,5,4")],
        expect!["signal_timing_phase.csv:2:13 short-green"],
    );
}

#[test]
fn rings() {
    let first = ("signal_timing_phase.csv", "p1-1,p1,1,5,0,0,5,0,0,0,0,1", "p1-1,p1,1,5,0,3,5,0,0,1,1,1");
    let second = "p1-2,p1,2,5,0,0,5,0,0,0,0,2";
    broken(&[first], expect!["signal_timing_phase.csv:3:23 outside-rings"]);
    broken(
        &[first, ("signal_timing_phase.csv", second, "p1-2,p1,2,5,0,3,5,0,0,1,1,1")],
        expect!["signal_timing_phase.csv:3:27 ring-place"],
    );
    broken(
        &[first, ("signal_timing_phase.csv", second, "p1-2,p1,2,5,0,3,5,0,0,1,0,2")],
        expect!["signal_timing_phase.csv:3:25 ring-place"],
    );
}

#[test]
fn requests() {
    let own = "c1,3,emergency,preempt,clearway,m1|m2,1,,0,5,5,120";
    let edit = |to: &'static str| [("request_binding.csv", own, to)];
    broken(
        &edit("c1,3,emergency,preempt,clearway,m1|m2,1 2,,0,5,5,120"),
        expect!["request_binding.csv:3:39 dwell-conflict"],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,,1,,0,5,5,120"),
        expect!["request_binding.csv:3:33 row-without-path"],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,m1 m3,1,,0,5,5,120"),
        expect![[r#"
        request_binding.csv:3:33 broken-path
        request_binding.csv:3:33 path-outside-dwell"#]],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,m1 m5,1,,0,5,5,120"),
        expect!["request_binding.csv:3:33 path-not-signalled"],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,m3,1,,0,5,5,120"),
        expect!["request_binding.csv:3:33 path-outside-dwell"],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,m1|m2,1,,0,5,5,0"),
        expect!["request_binding.csv:3:48 presence-unbounded"],
    );
    broken(
        &edit("c1,3,emergency,preempt,clearway,m1|m2,1,,0,5,5,241"),
        expect!["request_binding.csv:3:48 presence-unbounded"],
    );
    broken(
        &edit("c1,3,transit,preempt,clearway,m1|m2,1,,0,5,5,120"),
        expect!["request_binding.csv:3:14 transit-preempts"],
    );
    broken(
        &edit("c1,3,transit,priority,clearway,m1|m2,1,,0,5,5,120"),
        expect!["request_binding.csv:3:14 channel-not-carried"],
    );
    broken(
        &[
            ("request_binding.csv", "c1,1,rail", "c1,4,rail"),
            ("request_binding.csv", "c1,4,emergency", "c1,5,emergency"),
        ],
        expect!["request_binding.csv:3:4 row-outranks-rail"],
    );
}

#[test]
fn transit() {
    broken(
        &[("transit_line.csv", "e0 e1 e2", "e0 e2")],
        expect![[r#"
        transit_line.csv:2:14 broken-line
        transit_stop.csv:2:18 stop-off-line"#]],
    );
    broken(
        &[("transit_line.csv", "e0 e1 e2", "e0 v1")],
        expect![[r#"
        transit_line.csv:2:14 broken-line
        transit_line.csv:2:14 broken-line
        transit_stop.csv:2:18 stop-off-line"#]],
    );
    broken(&[("transit_stop.csv", "Market,e1", "Market,v2")], expect!["transit_stop.csv:2:18 stop-off-line"]);
    broken(&[("transit_stop.csv", "e1,100", "e1,300")], expect!["transit_stop.csv:2:21 stop-off-link"]);
}

#[test]
fn all_faults_are_reported_at_once() {
    let dir = edited(&[
        ("model.toml", "EPSG:4326", "EPSG:3879"),
        ("node.csv", "n1,,24.9436,60.1718,boundary", "n1,,24.9436,60.1718,"),
        ("link.csv", "e2,Main Street,x2,e,", "e2,Main Street,x2,e9,"),
        ("link.csv", "199.3", "-199.3"),
        ("link.csv", "13.9", "fast"),
        ("movement.csv", "m8,x2", "m7,x2"),
        ("signal_phase_mvmt.csv", "11,p2-3,,e1,\n", ""),
        ("group_pair.csv", "c1,1,2,conflict,5", "c1,1,2,conflict,"),
        ("stage.csv", "2 3,30,50", "2 3,28,50"),
        ("transit_stop.csv", "e1,100", "e1,300"),
    ]);
    fs::remove_file(dir.path().join("overlap.csv")).unwrap();
    let long = [fs::read(dir.path().join("geometry.csv")).unwrap(), vec![b'x'; 100 << 20]].concat();
    fs::write(dir.path().join("geometry.csv"), long).unwrap();
    expect![[r#"
        geometry.csv:3:1 line-too-long
        group_pair.csv:2:17 conflict-without-intergreen
        link.csv:2:29 out-of-range
        link.csv:2:44 bad-number
        link.csv:4:19 dangling-link
        link.csv:6:20 one-way-trap
        model.toml:6:7 wrong-crs
        movement.csv:9:1 duplicate-id
        movement.csv:9:21 movement-without-group
        overlap.csv:1:1 missing-file
        request_binding.csv:7:33 unknown-reference
        signal_group.csv:7:4 group-without-movement
        signal_phase_mvmt.csv:10:8 unknown-reference
        signal_phase_mvmt.csv:11:9 unknown-reference
        stage.csv:3:13 cut-intergreen
        transit_stop.csv:2:21 stop-off-link"#]]
    .assert_eq(&places(&check(dir.path())));
}

#[test]
fn the_json_has_stable_keys() {
    let dir = edited(&[("link.csv", "199.3", "0")]);
    let json = check(dir.path()).to_json();
    let fault = &json["faults"][0];
    assert_eq!(
        (&json["ok"], &json["faults_not_listed"], &json["checked_across_tables"]),
        (&false.into(), &0.into(), &true.into())
    );
    assert_eq!(
        (&fault["file"], &fault["line"], &fault["column"]),
        (&"link.csv".into(), &2.into(), &29.into())
    );
    assert_eq!((&fault["code"], &fault["cure"]), (&"out-of-range".into(), &Code::OutOfRange.cure().into()));
    assert!(fault["message"].as_str().unwrap().contains("length"));
}

#[test]
fn the_report_for_people_shows_the_line() {
    let dir = edited(&[("link.csv", "e1,Main Street,x1,x2", "e1,Main Street,x1,x9")]);
    let report = check(dir.path()).render();
    for part in ["link.csv:3:19", "dangling-link", "e1,Main Street,x1,x9", "Mend the node id", "1 fault."] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}
