//! The start of a connection, its watchdogs, and its end.

use super::*;

type Change = fn(&mut Value);

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap_or_default()).collect()
}

#[test]
fn versions_then_watchdogs_then_aggregated_status() {
    for core in Core::ALL {
        let mut bench = Bench::with(core, Sxl::V1_0_15, |_| {});
        bench.site.connected(0, bench.now);
        bench.pump();
        assert_eq!(kinds(&bench.inbox), ["Version"]);
        let version = &bench.inbox[0];
        assert_eq!(version["RSMP"].as_array().unwrap().len(), 7);
        assert_eq!((&version["SXL"], &version["siteId"][0]["sId"]), (&json!("1.0.15"), &json!(SITE)));
        let version = bench.version();
        bench.send(version);
        assert_eq!(kinds(&bench.inbox), ["Version", "MessageAck", "Watchdog"], "{core:?}");
        let watchdog = bench.watchdog();
        bench.send(watchdog);
        let (start, alarms) = bench.inbox.split_at(5);
        assert_eq!(kinds(start), ["Version", "MessageAck", "Watchdog", "MessageAck", "AggregatedStatus"]);
        assert!(kinds(alarms).iter().all(|kind| *kind == "Alarm"));
        assert_eq!(alarms.len(), if core >= Core::V3_1_4 { 15 } else { 0 }, "all alarms, from 3.1.4 on");
        let status = &start[4];
        assert_eq!((&status["fP"], &status["fS"]), (&Value::Null, &Value::Null));
        let bits = [false, false, false, false, false, true, false, false];
        match core {
            Core::V3_1_2 => assert_eq!(status["se"], json!(bits.map(|bit| bit.to_string())), "text, once"),
            _ => assert_eq!(status["se"], json!(bits)),
        }
    }
}

#[test]
fn before_the_versions_nothing_else_is_answered() {
    let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
    bench.site.connected(0, bench.now);
    bench.pump();
    bench.inbox.clear();
    let watchdog = bench.watchdog();
    bench.send(watchdog);
    bench.send(json!({"type": "StatusRequest", "cId": "TC", "sS": [{"sCI": "S0001", "n": "stage"}]}));
    assert_eq!(kinds(&bench.inbox), Vec::<&str>::new());
}

#[test]
fn a_supervisor_of_another_world_is_refused_and_left() {
    let wrong: [(&str, Change); 3] = [
        ("core", |v| v["RSMP"] = json!([{"vers": "3.3.0"}, {"vers": "2.0"}])),
        ("list", |v| v["SXL"] = "1.0.7".into()),
        ("site", |v| v["siteId"] = json!([{"sId": "RN+SI9999"}])),
    ];
    for (what, change) in wrong {
        let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
        bench.site.connected(0, bench.now);
        bench.pump();
        let mut version = bench.version();
        change(&mut version);
        let reason = bench.ask(version).expect_err(what);
        assert!(reason.contains(what), "{what}: {reason}");
        assert_eq!(bench.site.closing(0), Some(reason.as_str()));
    }
}

#[test]
fn the_site_leaves_when_its_version_is_refused() {
    let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
    bench.acknowledges = false;
    bench.site.connected(0, bench.now);
    bench.pump();
    let id = bench.inbox[0]["mId"].clone();
    bench.raw(&json!({"mType": "rSMsg", "type": "MessageNotAck", "oMId": id, "rea": "no"}).to_string());
    assert!(bench.site.closing(0).is_some());
}

#[test]
fn a_second_version_is_refused_and_the_connection_lives() {
    let mut bench = Bench::newest();
    let version = bench.version();
    assert!(bench.ask(version).is_err());
    assert!(bench.site.closing(0).is_none());
}

#[test]
fn the_highest_common_version_is_spoken_whatever_it_is_spelt() {
    let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
    bench.site.connected(0, bench.now);
    bench.pump();
    let mut version = bench.version();
    version["RSMP"] = json!([{"vers": "3.1.2"}, {"vers": "3.2.0"}, {"vers": "3.9.9"}]);
    version["SXL"] = "1.1.0".into();
    bench.ask(version).unwrap();
    let watchdog = bench.watchdog();
    bench.send(watchdog);
    assert!(bench.read("TC", "S0033", &["status"]).is_ok(), "arrays came with 3.2");
}

#[test]
fn unacknowledged_watchdogs_end_the_connection_missing_ones_do_not() {
    let mut bench = Bench::newest();
    bench.run(100_000);
    assert!(bench.site.closing(0).is_none(), "no watchdog came");
    assert_eq!(bench.took("Watchdog").len(), 1);
    bench.acknowledges = false;
    bench.run(49_900);
    assert!(bench.site.closing(0).is_none());
    bench.run(200);
    assert_eq!(bench.site.closing(0), Some("a message was not acknowledged in time"));
}

#[test]
fn a_supervisor_that_never_speaks_is_left() {
    let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
    bench.site.connected(0, bench.now);
    bench.pump();
    bench.run(30_000);
    assert_eq!(bench.site.closing(0), Some("versions and watchdogs were not exchanged in time"));
}

#[test]
fn only_the_primarys_watchdog_sets_the_clock_at_the_start_and_daily() {
    let mut bench = Bench::with(Core::V3_2, Sxl::V1_1, |_| {});
    bench.now.unix_ms += 7_000;
    bench.connect();
    bench.now.unix_ms -= 7_000;
    let read = |bench: &mut Bench| bench.value("S0096", "second");
    assert_eq!(read(&mut bench), "0", "the site's host was right all along");
    let hour_on = json!({"type": "Watchdog", "wTs": "2026-03-01T11:00:00.000Z"});
    bench.send(hour_on);
    assert_eq!(bench.value("S0096", "hour"), "10", "not again within a day");
    bench.link = 1;
    bench.connect();
    let hour_on = json!({"type": "Watchdog", "wTs": "2026-03-01T11:00:00.000Z"});
    bench.send(hour_on);
    assert_eq!(bench.value("S0096", "hour"), "10", "not by a secondary");
}

#[test]
fn x8_no_bytes_make_a_site_panic() {
    use proptest::prelude::*;
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(br#"{"mType":"rSMsg","type":"StatusRequest","mId":"#.to_vec()),
        Just(
            br#""e6b9a8c0-7d2f-4c35-9a1e-2f6a5f1b0c11","cId":"TC","sS":[{"sCI":"S0001","n":"stage"}]}"#
                .to_vec()
        ),
        Just(vec![0x0c]),
    ];
    let config = ProptestConfig { cases: 64, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let tested = runner.run(&prop::collection::vec(pieces, 0..20), |pieces| {
        let mut bench = Bench::newest();
        for piece in pieces {
            bench.site.receive(0, &piece, &mut bench.station, bench.now);
        }
        bench.all.clear();
        Ok(())
    });
    tested.unwrap();
}

#[test]
fn a_stream_without_end_ends_the_connection() {
    let mut bench = Bench::newest();
    bench.site.receive(0, &vec![b' '; 1_000_000], &mut bench.station, bench.now);
    assert!(bench.site.closing(0).is_some());
}
