//! The life of a priority request, and what it does to the signals.

use clearway_signals::{GroupSet, Mode, PreemptState};

use super::*;

fn new<'a>(
    id: &'a str,
    reference: (&'a str, &'a str),
    vehicle: &'a str,
    eta: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("requestId", id),
        reference,
        ("type", "new"),
        ("level", "7"),
        ("eta", eta),
        ("vehicleType", vehicle),
    ]
}

fn ask(bench: &mut Bench, args: &[(&str, &str)]) -> Result<Value, String> {
    bench.command("TC", "M0022", "requestPriority", args)
}

fn cancel(bench: &mut Bench, id: &str) -> Result<Value, String> {
    ask(bench, &[("requestId", id), ("type", "cancel")])
}

/// States of a request in the updates since the last look, repeated ones once.
fn states(bench: &mut Bench, id: &str) -> Vec<String> {
    let updates = bench.took("StatusUpdate");
    let lists = updates.iter().flat_map(|u| u["sS"].as_array().unwrap()).map(|value| &value["s"]);
    let mut states: Vec<String> = lists
        .flat_map(|list| list.as_array().unwrap())
        .filter(|entry| entry["r"] == id)
        .map(|entry| entry["s"].as_str().unwrap().to_owned())
        .collect();
    states.dedup();
    states
}

/// The first request that shows as completed.
fn completed(updates: &[Value]) -> Value {
    let mut entries = updates.iter().flat_map(|update| update["sS"][0]["s"].as_array().unwrap());
    entries.find(|entry| entry["s"] == "completed").expect("one").clone()
}

fn bench() -> Bench {
    let mut bench = Bench::newest();
    bench.subscribe("S0033", "status", "0", true).unwrap();
    bench
}

#[test]
fn a_request_is_received_activated_and_completed_with_what_was_given() {
    let mut bench = bench(); // corridor green from 67 s to 92 s
    bench.run(85_000);
    ask(&mut bench, &new("bus1", ("signalGroupId", "SG1"), "bus", "14")).unwrap();
    bench.run(13_000);
    assert_eq!(bench.shows(0), Aspect::Green, "extended beyond 92 s");
    cancel(&mut bench, "bus1").unwrap();
    let updates = bench.took("StatusUpdate");
    let last = completed(&updates);
    assert_eq!((&last["s"], &last["d"]), (&json!("completed"), &json!("0")));
    assert!(matches!(last["e"].as_str(), Some("5" | "6")), "{last}");
    assert_eq!(updates.last().unwrap()["sS"][0]["s"], json!([]), "an end state is sent once");
    bench.inbox.extend(updates);
    assert_eq!(states(&mut bench, "bus1"), ["received", "activated", "completed"]);
    bench.run(1_000);
    assert!(bench.updates("S0033").is_empty());
    bench.is_lawful();
}

#[test]
fn early_green_is_a_reduction_of_red() {
    let mut bench = bench(); // cross street from 97 s to 117 s, corridor from 127 s
    bench.run(108_000);
    ask(&mut bench, &new("tram", ("signalGroupId", "SG1"), "tram", "10")).unwrap();
    bench.run(17_000);
    assert_eq!(bench.shows(0), Aspect::Green);
    cancel(&mut bench, "tram").unwrap();
    let last = completed(&bench.took("StatusUpdate"));
    assert_eq!(last["e"], "0");
    assert!(last["d"].as_str().unwrap().parse::<u8>().unwrap() >= 5, "{last}");
    bench.is_lawful();
}

#[test]
fn an_emergency_vehicle_takes_the_preempt_row_of_its_group() {
    let mut bench = bench();
    bench.run(70_000);
    ask(&mut bench, &new("amb7", ("signalGroupId", "SG2"), "emergency", "20")).unwrap();
    bench.run(12_000);
    assert_eq!(
        (bench.emulator().status().preempt, bench.emulator().status().greens),
        (PreemptState::Dwell, GroupSet(0b110))
    );
    assert_eq!(states(&mut bench, "amb7"), ["received", "queued", "activated"]);
    cancel(&mut bench, "amb7").unwrap();
    bench.run(1_000);
    assert_eq!(bench.emulator().serving(), None);
    assert_eq!(states(&mut bench, "amb7"), ["completed"]);
    bench.run(200_000);
    assert!(bench.emulator().status().in_step);
    bench.is_lawful();
}

#[test]
fn rows_are_named_as_our_own_supervisor_names_them() {
    for (reference, vehicle, wanted) in [
        (("inputId", "3"), "emergency", "activated"),
        (("connectionId", "1"), "tram", "activated"),
        (("priorityId", "2"), "emergency", "activated"),
        (("approachId", "1"), "bus", "activated"),
        (("laneInId", "2"), "emergency", "activated"),
        (("inputId", "1"), "emergency", "rejected"),
        (("connectionId", "1"), "emergency", "rejected"),
        (("inputId", "3"), "bus", "rejected"),
    ] {
        let mut bench = bench();
        bench.run(70_000);
        ask(&mut bench, &new("a", reference, vehicle, "5")).unwrap();
        bench.run(300);
        assert_eq!(
            states(&mut bench, "a").last().map(String::as_str),
            Some(wanted),
            "{reference:?} {vehicle}"
        );
        bench.is_lawful();
    }
}

#[test]
fn requests_that_say_too_little_or_too_much_are_refused() {
    let mut bench = bench();
    let good = new("a", ("signalGroupId", "SG1"), "bus", "5");
    let without = |name: &str| good.iter().filter(|(n, _)| *n != name).copied().collect::<Vec<_>>();
    let with = |more: (&'static str, &'static str)| [good.as_slice(), &[more]].concat();
    for wrong in [
        without("requestId"),
        without("type"),
        without("signalGroupId"),
        without("level"),
        with(("inputId", "3")),
        with(("laneOutId", "1")),
        new("a", ("signalGroupId", "SG9"), "bus", "5"),
        new("a", ("signalGroupId", "TC"), "bus", "5"),
        new("a", ("inputId", "77"), "bus", "5"),
        new("a", ("connectionId", "77"), "bus", "5"),
        new("a", ("priorityId", "0"), "bus", "5"),
        new("a", ("approachId", "0"), "bus", "5"),
        new("a", ("signalGroupId", "SG1"), "bus", "256"),
        new("a", ("signalGroupId", "SG1"), "rocket", "5"),
        new("", ("signalGroupId", "SG1"), "bus", "5"),
    ] {
        assert!(ask(&mut bench, &wrong).is_err(), "{wrong:?}");
    }
    ask(&mut bench, &good).unwrap();
    assert!(ask(&mut bench, &good).is_err(), "the same id again");
    let update = |extra: (&'static str, &'static str)| {
        vec![("requestId", "a"), ("type", "update"), ("level", "9"), extra]
    };
    assert!(ask(&mut bench, &update(("signalGroupId", "SG1"))).is_err());
    assert!(ask(&mut bench, &update(("vehicleType", "tram"))).is_err());
    assert!(ask(&mut bench, &update(("vehicleType", "bus"))).is_ok());
    assert!(cancel(&mut bench, "unknown").is_err());
    cancel(&mut bench, "a").unwrap();
    assert!(cancel(&mut bench, "a").is_err(), "it is over");
}

#[test]
fn a_request_that_nobody_cancels_is_stale_and_updates_keep_it_alive() {
    let mut bench = bench();
    bench.run(60_000);
    ask(&mut bench, &new("a", ("signalGroupId", "SG1"), "car", "2")).unwrap();
    for _ in 0..4 {
        bench.run(8_000);
        ask(&mut bench, &[("requestId", "a"), ("type", "update"), ("eta", "1")]).unwrap();
    }
    assert_eq!(states(&mut bench, "a"), ["received", "activated"]);
    bench.run(11_500);
    assert_eq!(states(&mut bench, "a"), ["stale"]);
}

#[test]
fn requests_for_one_target_share_it_others_queue_and_time_out() {
    let mut bench = bench();
    bench.run(60_000);
    for id in ["a", "b"] {
        ask(&mut bench, &new(id, ("signalGroupId", "SG1"), "bus", "200")).unwrap();
    }
    ask(&mut bench, &new("c", ("signalGroupId", "SG2"), "bus", "200")).unwrap();
    ask(&mut bench, &new("d", ("signalGroupId", "SG2"), "bus", "200")).unwrap();
    bench.run(1_000);
    let all = bench.took("StatusUpdate");
    for (id, wanted) in [("a", "activated"), ("b", "activated"), ("c", "queued"), ("d", "queued")] {
        bench.inbox.extend(all.clone());
        assert_eq!(states(&mut bench, id).last().map(String::as_str), Some(wanted), "{id}");
    }
    cancel(&mut bench, "d").unwrap();
    assert_eq!(states(&mut bench, "d"), ["queued", "timeout"][1..]);
    bench.run(60_000);
    assert_eq!(states(&mut bench, "c").last().map(String::as_str), Some("timeout"));
}

#[test]
fn s8_a_waiting_request_of_a_supervisor_that_hangs_is_over_with_its_lifetime() {
    let mut bench = bench();
    bench.run(60_000);
    ask(&mut bench, &new("a", ("signalGroupId", "SG1"), "bus", "200")).unwrap();
    bench.run(500);
    ask(&mut bench, &new("b", ("signalGroupId", "SG2"), "bus", "20")).unwrap();
    // The connection stands, and nothing is updated any more.
    bench.run(29_500);
    assert_eq!(states(&mut bench, "b"), ["received", "queued"]);
    bench.run(1_000);
    assert_eq!(states(&mut bench, "b"), ["timeout"]);
}

#[test]
fn s8_an_emergency_request_of_a_supervisor_that_hangs_is_off_with_its_lifetime() {
    let mut bench = bench();
    bench.run(70_000);
    let arrival_s = (clearway_rsmp::priority::ARRIVAL_MAX.0 / 1000).to_string();
    ask(&mut bench, &new("amb", ("signalGroupId", "SG1"), "emergency", &arrival_s)).unwrap();
    bench.run(39_000);
    assert!(!bench.emulator().status().remote.is_empty());
    bench.run(1_500);
    assert!(bench.emulator().status().remote.is_empty(), "announced 30 s ahead, alive 10 s after that");
    bench.is_lawful();
}

#[test]
fn a_queued_request_follows_the_one_before_it() {
    let mut bench = bench();
    bench.run(60_000);
    ask(&mut bench, &new("a", ("signalGroupId", "SG1"), "bus", "30")).unwrap();
    bench.run(500);
    ask(&mut bench, &new("b", ("signalGroupId", "SG2"), "bus", "30")).unwrap();
    bench.run(500);
    cancel(&mut bench, "a").unwrap();
    bench.run(500);
    assert_eq!(states(&mut bench, "b"), ["received", "queued", "activated"]);
}

#[test]
fn after_a_served_request_a_similar_one_cools_down_where_that_is_set() {
    let change = |s: &mut SiteSettings| s.controller.lifetimes.cooldown = Millis::from_s(20);
    let mut bench = Bench::up_with(Core::V3_2_2, Sxl::V1_2_1, change);
    bench.subscribe("S0033", "status", "0", true).unwrap();
    bench.run(60_000);
    for (id, wait, wanted) in
        [("a", 1_000, "completed"), ("b", 20_000, "cooldown"), ("c", 1_000, "completed")]
    {
        ask(&mut bench, &new(id, ("signalGroupId", "SG1"), "bus", "5")).unwrap();
        bench.run(1_000);
        let _ = cancel(&mut bench, id);
        bench.run(wait);
        assert_eq!(states(&mut bench, id).last().map(String::as_str), Some(wanted), "{id}");
    }
}

#[test]
fn requests_are_rejected_in_flash_and_lost_when_flash_comes() {
    let mut bench = bench();
    bench.run(60_000);
    ask(&mut bench, &new("a", ("signalGroupId", "SG1"), "bus", "5")).unwrap();
    bench.run(500);
    bench.station.emulator_mut().set_mode(Mode::Flash);
    bench.run(500);
    assert_eq!(states(&mut bench, "a"), ["received", "activated", "stale"]);
    ask(&mut bench, &new("b", ("signalGroupId", "SG1"), "bus", "5")).unwrap();
    bench.run(500);
    assert_eq!(states(&mut bench, "b"), ["received", "rejected"]);
}

#[test]
fn s14_a_rail_call_displaces_an_emergency_request() {
    let mut bench = bench();
    bench.run(70_000);
    ask(&mut bench, &new("amb", ("signalGroupId", "SG1"), "emergency", "20")).unwrap();
    bench.run(2_000);
    bench.order("M0006", "setInput", &[("status", "True"), ("input", "17")]).unwrap();
    bench.run(20_000);
    assert_eq!(bench.emulator().status().greens, GroupSet(0b110), "the rail row's groups");
    bench.is_lawful();
}

#[test]
fn s8_a_request_whose_supervisor_is_away_is_over_after_the_time_of_stale_ones() {
    let mut bench = bench();
    bench.run(70_000);
    ask(&mut bench, &new("amb", ("signalGroupId", "SG1"), "emergency", "200")).unwrap();
    bench.run(5_000);
    bench.site.disconnected(0, bench.now);
    bench.run(9_000);
    bench.connect();
    bench.subscribe("S0033", "status", "0", true).unwrap();
    let state = states(&mut bench, "amb").pop();
    assert_eq!(state.as_deref(), Some("activated"), "a short outage ends nothing");
    bench.site.disconnected(0, bench.now);
    bench.run(11_000);
    assert!(bench.emulator().status().remote.is_empty(), "nothing is called any more");
    bench.connect();
    bench.subscribe("S0033", "status", "0", true).unwrap();
    assert_eq!(states(&mut bench, "amb").pop().as_deref(), Some("stale"));
    bench.is_lawful();
}

#[test]
fn memory_is_bounded_however_many_ask() {
    let mut bench = bench();
    for n in 0..200 {
        let id = n.to_string();
        let taken = ask(&mut bench, &new(&id, ("signalGroupId", "SG1"), "bus", "5")).is_ok();
        assert_eq!(taken, n < 64, "{n}");
    }
    bench.run(120_000);
    assert_eq!(bench.value("S0033", "status"), "[]");
}
