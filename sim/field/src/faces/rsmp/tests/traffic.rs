//! Requests, subscriptions, alarms, several supervisors.

use super::*;

#[test]
fn what_a_site_cannot_take_is_refused_with_a_reason() {
    let mut bench = Bench::newest();
    let status = |code: &str, name: &str| json!({"type": "StatusRequest", "cId": "TC", "sS": [{"sCI": code, "n": name}]});
    let refused = [
        status("S0000", "status"),
        status("S0001", "bad"),
        status("S0201", "vehicles"),
        status("S0018", "number"),
        json!({"type": "StatusRequest", "cId": "TC", "sS": []}),
        json!({"type": "StatusRequest", "cId": "TC"}),
        json!({"type": "Watchdog", "wTs": "now"}),
        json!({"type": "Watchdoggg", "wTs": "2026-03-01T11:00:00.000Z"}),
        json!({"type": "AggregatedStatusRequest", "cId": "SG1"}),
        json!({"type": "AggregatedStatus", "cId": "TC", "aSTS": "", "fP": null, "fS": null,
               "se": [true, true, true, true, true, true, true, true]}),
        json!({"type": "StatusUpdate", "cId": "TC", "sTs": "", "sS": []}),
    ];
    for message in refused {
        let shown = message.to_string();
        let reason = bench.ask(message).expect_err(&shown);
        assert!(!reason.is_empty(), "{shown}");
    }
    bench.raw(r#"{"mType":"other","type":"Watchdog","mId":"e6b9a8c0-7d2f-4c35-9a1e-2f6a5f1b0c11"}"#);
    bench.raw(r#"{"mType":"rSMsg","type":"Watchdog","mId":"7"}"#);
    assert_eq!(bench.took("MessageNotAck").len(), 2 + 11);
    bench.all.clear();
    // What is no message at all cannot even be refused.
    for nothing in ["", "{}", "[]", "nonsense", r#"{"mType":"rSMsg","type":"Watchdog"}"#] {
        bench.raw(nothing);
    }
    assert_eq!(bench.inbox, Vec::<Value>::new());
    assert!(bench.site.closing(0).is_none());
}

#[test]
fn an_unknown_component_is_undefined_and_not_subscribed() {
    let mut bench = Bench::newest();
    let values = bench.read("bad", "S0001", &["signalgroupstatus", "stage"]).unwrap();
    assert!(values.iter().all(|value| value["q"] == "undefined" && value["s"].is_null()), "{values:?}");
    let response = bench
        .command(
            "bad",
            "M0001",
            "setValue",
            &[("status", "Dark"), CODE, ("timeout", "0"), ("intersection", "0")],
        )
        .unwrap();
    assert!(response["rvs"].as_array().unwrap().iter().all(|v| v["age"] == "undefined" && v["v"].is_null()));
    bench
        .ask(json!({"type": "StatusSubscribe", "cId": "bad",
                    "sS": [{"sCI": "S0001", "n": "stage", "uRt": "1", "sOc": false}]}))
        .unwrap();
    assert_eq!(bench.took("StatusUpdate")[0]["sS"][0]["q"], "undefined");
    bench.run(3_000);
    assert!(bench.took("StatusUpdate").is_empty());
    bench
        .ask(json!({"type": "StatusUnsubscribe", "cId": "bad", "sS": [{"sCI": "S0001", "n": "stage"}]}))
        .unwrap();
}

#[test]
fn a_subscription_sends_at_once_by_interval_and_on_change() {
    let mut bench = Bench::newest();
    bench.run(65_000);
    bench.subscribe("S0001", "signalgroupstatus", "0", true).unwrap();
    assert_eq!(bench.updates("S0001").len(), 1, "at once");
    bench.run(30_000);
    let changes = bench.updates("S0001");
    assert!(changes.windows(2).all(|pair| pair[0] != pair[1]) && changes.len() >= 3, "{changes:?}");
    bench.subscribe("S0001", "cyclecounter", "60", false).unwrap();
    assert_eq!(bench.updates("S0001").len(), 1);
    bench.subscribe("S0001", "cyclecounter", "1", false).unwrap();
    assert_eq!(bench.updates("S0001").len(), 0, "known already: only its rate changes");
    bench.ask(json!({"type": "StatusUnsubscribe", "cId": "TC", "sS": [{"sCI": "S0001", "n": "signalgroupstatus"}]}))
        .unwrap();
    bench.run(5_000);
    assert_eq!(bench.updates("S0001").len(), 5);
}

#[test]
fn several_values_travel_in_one_update() {
    let mut bench = Bench::newest();
    bench
        .ask(json!({"type": "StatusSubscribe", "cId": "TC", "sS": [
            {"sCI": "S0001", "n": "cyclecounter", "uRt": "2.5", "sOc": "False"},
            {"sCI": "S0096", "n": "second", "uRt": "2.5", "sOc": "False"}]}))
        .unwrap();
    bench.took("StatusUpdate");
    bench.run(5_000);
    let updates = bench.took("StatusUpdate");
    assert_eq!(updates.len(), 2);
    assert!(updates.iter().all(|update| update["sS"].as_array().unwrap().len() == 2));
}

#[test]
fn a_subscription_that_would_never_send_is_refused() {
    for (core, rate, wrong) in [
        (Core::V3_2, json!({"uRt": "0", "sOc": false}), true),
        (Core::V3_2, json!({"uRt": "0"}), true),
        (Core::V3_2, json!({"uRt": "-1", "sOc": true}), true),
        (Core::V3_2, json!({"uRt": "x", "sOc": true}), true),
        (Core::V3_2, json!({"uRt": "1", "sOc": null}), true),
        (Core::V3_2, json!({"uRt": 1, "sOc": true}), true),
        (Core::V3_1_5, json!({"uRt": "0", "sOc": "True"}), false),
        (Core::V3_1_4, json!({"uRt": "0", "sOc": "True"}), true),
        (Core::V3_1_4, json!({"uRt": "0"}), false),
    ] {
        let mut bench = Bench::up(core, Sxl::V1_1);
        let mut status = rate.clone();
        (status["sCI"], status["n"]) = ("S0014".into(), "status".into());
        let answer = bench.ask(json!({"type": "StatusSubscribe", "cId": "TC", "sS": [status]}));
        assert_eq!(answer.is_err(), wrong, "{core:?} {rate}");
    }
}

#[test]
fn arrays_and_requests_belong_to_their_core_versions() {
    let mut bench = Bench::up(Core::V3_1_5, Sxl::V1_1);
    assert!(bench.read("TC", "S0033", &["status"]).unwrap_err().contains("array"));
    bench.ask(json!({"type": "AggregatedStatusRequest", "cId": "TC"})).unwrap();
    assert_eq!(bench.took("AggregatedStatus").len(), 1);
    let mut bench = Bench::up(Core::V3_1_4, Sxl::V1_1);
    assert!(bench.ask(json!({"type": "AggregatedStatusRequest", "cId": "TC"})).is_err());
}

pub(super) fn alarm(code: &str, component: &str, kind: &str) -> Value {
    json!({"type": "Alarm", "cId": component, "aCId": code, "xACId": "", "xNACId": "", "aSp": kind})
}

pub(super) fn force(bench: &mut Bench, input: u8, on: bool) {
    let value = if on { "True" } else { "False" };
    bench
        .order(
            "M0019",
            "setInput",
            &[("status", "True"), ("input", &input.to_string()), ("inputValue", value)],
        )
        .unwrap();
    bench.run(100);
}

#[test]
fn an_alarm_is_issued_acknowledged_suspended_resumed_and_requested() {
    let mut bench = Bench::newest();
    force(&mut bench, 7, true);
    let issued = bench.took("Alarm").pop().unwrap();
    assert_eq!(
        (&issued["aCId"], &issued["cId"], &issued["aSp"]),
        (&json!("A0302"), &json!("DL1"), &json!("Issue"))
    );
    assert_eq!((&issued["aS"], &issued["ack"]), (&json!("Active"), &json!("notAcknowledged")));
    assert_eq!(issued["aTs"], "2026-03-01T10:00:00.100Z");
    assert_eq!(issued["rvs"].as_array().unwrap().len(), 5);
    bench.ask(alarm("A0302", "DL1", "Acknowledge")).unwrap();
    let acknowledged = bench.took("Alarm").pop().unwrap();
    assert_eq!((&acknowledged["aSp"], &acknowledged["ack"]), (&json!("Acknowledge"), &json!("Acknowledged")));
    bench.ask(alarm("A0302", "DL1", "Suspend")).unwrap();
    assert_eq!(bench.took("Alarm").pop().unwrap()["sS"], "Suspended");
    force(&mut bench, 7, false);
    assert!(bench.took("Alarm").is_empty(), "nothing is issued while it is suspended");
    bench.ask(alarm("A0302", "DL1", "Resume")).unwrap();
    let resumed = bench.took("Alarm").pop().unwrap();
    assert_eq!(
        (&resumed["aSp"], &resumed["sS"], &resumed["aS"]),
        (&json!("Suspend"), &json!("notSuspended"), &json!("inActive"))
    );
    bench.ask(alarm("A0302", "DL1", "Request")).unwrap();
    assert_eq!(bench.took("Alarm").pop().unwrap()["aSp"], "Issue");
    for (wrong, component, kind) in [
        ("A9999", "DL1", "Suspend"),
        ("A0302", "TC", "Suspend"),
        ("A0302", "bad", "Suspend"),
        ("A0302", "DL1", "Issue"),
        ("A0302", "DL1", "suspend"),
    ] {
        assert!(bench.ask(alarm(wrong, component, kind)).is_err(), "{wrong} {component} {kind}");
    }
}

#[test]
fn before_3_2_the_case_of_alarm_words_does_not_matter_and_before_3_1_5_none_is_requested() {
    let mut bench = Bench::up(Core::V3_1_4, Sxl::V1_0_15);
    bench.ask(alarm("A0302", "DL1", "suspend")).unwrap();
    assert!(bench.ask(alarm("A0302", "DL1", "Request")).is_err());
    assert!(bench.ask(alarm("A0304", "DL1", "Suspend")).is_err(), "A0304 came with 1.1");
}

#[test]
fn every_alarm_of_the_list_can_be_raised_by_its_input() {
    for sxl in [Sxl::V1_0_7, Sxl::V1_1, Sxl::V1_2_1] {
        let mut bench = Bench::up(Core::V3_1_5, sxl);
        for (entry, input) in clearway_rsmp::sxl::ALARMS.iter().zip(33u8..) {
            bench.took("Alarm");
            force(&mut bench, input, true);
            let raised = bench.took("Alarm");
            assert_eq!(raised.len(), usize::from(entry.is_in(sxl)), "{}", entry.code);
            assert!(raised.iter().all(|alarm| alarm["aCId"] == entry.code && alarm["aS"] == "Active"));
            force(&mut bench, input, false);
        }
        let status = bench.took("AggregatedStatus");
        assert!(status.iter().any(|s| s["se"][3] == true) && status.iter().any(|s| s["se"][4] == true));
        assert!(status.iter().all(|s| s["se"][2] == false), "high is what puts it into failure mode");
    }
}

#[test]
fn a_supervisor_that_is_away_is_a_communication_error_for_the_other() {
    let mut bench = Bench::newest();
    bench.run(31_000);
    let raised = bench.took("Alarm").pop().unwrap();
    assert_eq!((&raised["aCId"], &raised["aS"]), (&json!("A0007"), &json!("Active")));
    assert_eq!(raised["rvs"], json!([{"n": "protocol", "v": "rsmp"}]));
    bench.link = 1;
    bench.connect();
    bench.run(200);
    bench.link = 0;
    bench.run(200);
    assert_eq!(bench.took("Alarm").pop().unwrap()["aS"], "inActive");
}

#[test]
fn commands_are_taken_from_every_supervisor_and_everyone_sees_the_effect() {
    let mut bench = Bench::newest();
    bench.subscribe("S0014", "status", "0", true).unwrap();
    bench.link = 1;
    bench.connect();
    bench.order("M0002", "setPlan", &[("status", "True"), ("timeplan", "2")]).unwrap();
    bench.link = 0;
    bench.run(200);
    assert_eq!(bench.updates("S0014").last().map(String::as_str), Some("2"));
}

#[test]
fn from_3_2_on_alarms_are_told_to_the_primary_supervisor_alone() {
    for (core, told) in [(Core::V3_2, false), (Core::V3_1_5, true)] {
        let mut bench = Bench::up(core, Sxl::V1_1);
        bench.link = 1;
        bench.connect();
        assert_eq!(!bench.took("Alarm").is_empty(), told, "at the start");
        force(&mut bench, 33, true);
        assert_eq!(!bench.took("Alarm").is_empty(), told, "when it comes");
        assert!(bench.took("AggregatedStatus").iter().any(|status| status["se"][3] == true));
        assert_eq!(bench.ask(alarm("A0001", "TC", "Request")).is_ok(), told);
        bench.took("Alarm");
        bench.ask(alarm("A0001", "TC", "Suspend")).unwrap();
        assert_eq!(!bench.took("Alarm").is_empty(), told);
        bench.link = 0;
        bench.run(100);
        let at_primary = bench.took("Alarm");
        assert_eq!(at_primary.last().map(|alarm| &alarm["sS"]), Some(&json!("Suspended")));
    }
}

#[test]
fn a_flooding_supervisor_that_acknowledges_nothing_is_left() {
    let mut bench = Bench::newest();
    bench.acknowledges = false;
    bench.subscribe("S0096", "second", "0.1", false).unwrap();
    let request = json!({"mType": "rSMsg", "type": "StatusRequest", "mId": bench.ids.make(), "cId": "TC",
                         "sS": [{"sCI": "S0001", "n": "stage"}]})
    .to_string()
        + "\x0c";
    for _ in 0..11_000 {
        bench.site.receive(0, request.as_bytes(), &mut bench.station, bench.now);
        let _ = bench.site.take_output(0);
    }
    assert!(bench.site.closing(0).is_some());
}
