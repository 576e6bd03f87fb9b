//! Outages: what is kept, told afterwards, and remembered over a restart.

use super::traffic::{alarm, force};
use super::*;
use crate::faces::rsmp::session::BUFFER_MAX;

#[test]
fn what_happens_in_an_outage_is_told_afterwards_and_marked_as_old() {
    let mut bench = Bench::newest();
    bench.subscribe("S0001", "cyclecounter", "1", true).unwrap();
    bench.took("StatusUpdate");
    bench.site.disconnected(0, bench.now);
    let left_ms = bench.now.unix_ms;
    bench.station.emulator_mut().set_mode(clearway_signals::Mode::Dark);
    bench.run(5_000);
    let back = clearway_rsmp::time::timestamp(bench.now.unix_ms);
    bench.connect();
    let updates = bench.took("StatusUpdate");
    assert_eq!(updates.len(), 5);
    for update in &updates {
        assert!(update["sTs"].as_str().unwrap() <= back.as_str());
        assert!(update["sTs"].as_str().unwrap() > clearway_rsmp::time::timestamp(left_ms).as_str());
        assert_eq!(update["sS"][0]["q"], "old");
    }
    assert_eq!(bench.took("AggregatedStatus").len(), 2, "the one of the start and the buffered one");
    bench.run(5_000);
    let updates = bench.took("StatusUpdate");
    assert_eq!(updates.len(), 5, "the subscription lives on");
    assert!(updates.iter().all(|update| update["sS"][0]["q"] == "recent"));
}

#[test]
fn the_buffer_gives_up_the_oldest() {
    let mut bench = Bench::newest();
    bench.subscribe("S0096", "second", "0.1", true).unwrap();
    bench.took("StatusUpdate");
    bench.site.disconnected(0, bench.now);
    bench.run(1_020_000);
    bench.connect();
    let updates = bench.took("StatusUpdate");
    assert!(updates.len() <= BUFFER_MAX && updates.len() > 9_000, "{}", updates.len());
    let first = updates[0]["sTs"].as_str().unwrap();
    assert!(first > "2026-03-01T10:00:18", "{first}");
    bench.all.truncate(50);
}

#[test]
fn unacknowledged_news_is_sent_again_after_the_outage_with_a_new_id() {
    let mut bench = Bench::newest();
    bench.acknowledges = false;
    force(&mut bench, 33, true);
    let first = bench.took("Alarm").pop().unwrap();
    bench.acknowledges = true;
    bench.site.disconnected(0, bench.now);
    bench.connect();
    let again = bench.took("Alarm");
    let again: Vec<&Value> = again.iter().filter(|alarm| alarm["aCId"] == "A0001").collect();
    assert_eq!(again.len(), 1, "among all alarms, and not a second time: {again:?}");
    assert!(again[0]["mId"] != first["mId"] && again[0]["aTs"] == first["aTs"]);
}

/// After the connection is lost and made again nothing is sent that was subscribed before.
fn reconnects_unsubscribed(bench: &mut Bench) {
    bench.site.disconnected(0, bench.now);
    bench.connect();
    bench.took("StatusUpdate");
    bench.run(5_000);
    assert!(bench.took("StatusUpdate").is_empty());
}

#[test]
fn before_3_1_4_a_subscription_ends_with_its_connection() {
    let mut bench = Bench::up(Core::V3_1_3, Sxl::V1_0_15);
    bench.subscribe("S0001", "cyclecounter", "1", false).unwrap();
    reconnects_unsubscribed(&mut bench);
}

#[test]
fn a_restart_of_the_controller_ends_subscriptions() {
    let mut bench = Bench::newest();
    bench.run(70_000);
    bench.subscribe("S0001", "cyclecounter", "1", false).unwrap();
    bench.order("M0004", "setRestart", &[("status", "True")]).unwrap();
    bench.run(100);
    reconnects_unsubscribed(&mut bench);
}

#[test]
fn every_alarm_is_told_at_the_start_and_history_once() {
    let mut bench = Bench::newest();
    bench.ask(alarm("A0302", "DL1", "Suspend")).unwrap();
    bench.site.disconnected(0, bench.now);
    // The inputs are switched as another supervisor would.
    bench.link = 1;
    bench.connect();
    for on in [true, false] {
        force(&mut bench, 33, on);
    }
    bench.link = 0;
    bench.took("Alarm");
    bench.connect();
    let told = bench.took("Alarm");
    let of = |code: &str| told.iter().filter(|alarm| alarm["aCId"] == code).collect::<Vec<_>>();
    let states = |code: &str| of(code).iter().map(|alarm| alarm["aS"].clone()).collect::<Vec<_>>();
    assert_eq!(states("A0001"), ["inActive", "Active"], "as it is, then what came before; its end once");
    assert_eq!((&of("A0302")[0]["aSp"], &of("A0302")[0]["sS"]), (&json!("Suspend"), &json!("Suspended")));
    assert_eq!(told.len(), 17 + 1);
}

#[test]
fn what_is_asked_is_answered_between_what_was_buffered() {
    let mut bench = Bench::newest();
    bench.subscribe("S0096", "second", "0.1", false).unwrap();
    bench.site.disconnected(0, bench.now);
    bench.run(100_000);
    bench.splitters[0] = Splitter::default();
    bench.site.connected(0, bench.now);
    bench.pump();
    let version = bench.version();
    bench.send(version);
    bench.acknowledges = false;
    let watchdog = bench.watchdog();
    bench.send(watchdog);
    assert!((1..64).contains(&bench.took("StatusUpdate").len()), "no more than are acknowledged");
    assert_eq!(bench.value("S0016", "number"), "2", "at once, not after a thousand messages");
    bench.acknowledges = true;
    bench.site.disconnected(0, bench.now);
    bench.connect();
    assert!(bench.took("StatusUpdate").len() >= 1_000, "none is lost");
}

#[test]
fn alarms_and_buffers_outlive_a_restart_of_the_site() {
    let mut before = Bench::newest();
    force(&mut before, 7, true);
    before.ask(alarm("A0302", "DL1", "Acknowledge")).unwrap();
    before.ask(alarm("A0302", "DL1", "Suspend")).unwrap();
    force(&mut before, 33, true);
    before.subscribe("S0096", "second", "1", false).unwrap();
    before.site.disconnected(0, before.now);
    before.run(3_000);
    let memory = serde_json::to_string(&before.site.memory()).unwrap();

    let mut after = Bench::with(Core::V3_2_2, Sxl::V1_2_1, |_| {});
    after.now = before.now;
    after.site.recall(serde_json::from_str(&memory).unwrap());
    after.run(100);
    after.connect();
    let told = after.took("Alarm");
    let last = |code: &str| told.iter().rfind(|alarm| alarm["aCId"] == code).unwrap();
    let flags = |alarm: &Value| [&alarm["sS"], &alarm["ack"], &alarm["aS"]].map(Value::clone);
    assert_eq!(flags(last("A0302")), ["Suspended", "Acknowledged", "inActive"], "its cause is over");
    assert_eq!(flags(last("A0001")), ["notSuspended", "notAcknowledged", "inActive"]);
    let updates = after.took("StatusUpdate");
    assert_eq!(updates.len(), 3);
    assert!(updates.iter().all(|update| update["sS"][0]["q"] == "old"));
    after.run(5_000);
    assert!(after.took("StatusUpdate").is_empty(), "subscriptions end with a restart");
    force(&mut after, 7, true);
    assert!(after.took("Alarm").iter().all(|alarm| alarm["aCId"] != "A0302"), "still suspended");
}
