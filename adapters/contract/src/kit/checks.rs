//! What every keeper with every protocol must do, one function each.

use clearway_signals::{Millis, Mode, RequestId, RowId, RowSet};

use super::{Bench, CROSS, Fault, MAIN, MakeFace, PACE, TRANSIT, assertion, release};
use crate::ask::Ask;
use crate::port::{LinkState, PortEvent};
use crate::site::Site;

/// A check: it panics when the protocol does not hold.
pub type Check = fn(&Site, MakeFace<'_>);

/// All checks, by the behaviour that they hold.
pub const CHECKS: &[(&str, Check)] = &[
    ("s17_nothing_is_written_before_the_state_was_read", reads_before_it_writes),
    ("s6_a_controller_that_does_not_arm_is_never_written", unarmed_is_never_written),
    ("s7_a_call_is_refreshed_and_dies_with_its_lease", call_dies_with_its_lease),
    ("s10_a_release_is_retried_until_it_is_read_back", release_is_retried),
    ("one_own_row_at_a_time", one_row_at_a_time),
    ("s13_a_transit_row_never_displaces_an_emergency_row", emergency_keeps_the_controller),
    ("s14_rows_of_others_are_never_touched", others_are_never_touched),
    ("s17_own_stale_calls_are_cleared_or_taken_over", stale_calls_are_cleared_or_adopted),
    ("c7_nothing_is_queued_over_an_outage", nothing_is_queued),
    ("a_lease_that_outlives_an_outage_is_asserted_again_after_arming", lease_outlives_an_outage),
    ("a_lost_answer_is_cured_by_reading_back", lost_answer_is_cured),
    ("a_restarted_device_is_armed_again_before_it_is_called_again", restart_is_noticed),
    ("a_write_that_does_nothing_is_never_believed", deaf_device_is_not_believed),
    ("a_refused_call_is_given_up", refused_call_is_given_up),
    ("a_flashing_controller_is_left_alone", flash_is_left_alone),
    ("s9_a_call_beyond_its_maximum_presence_is_given_up", outlived_call_is_given_up),
    ("s19_release_of_all_needs_no_planner", release_of_all),
    ("a_priority_request_carries_its_arrival", priority_carries_arrival),
];

fn confirmed(request: u32, wanted: bool) -> impl Fn(&PortEvent) -> bool {
    move |event| {
        matches!(event, PortEvent::Confirmed { request: r, assert, .. }
            if *r == RequestId(request) && *assert == wanted)
    }
}

fn written(request: u32, wanted: bool) -> impl Fn(&PortEvent) -> bool {
    move |event| {
        matches!(event, PortEvent::Written { request: r, assert, .. }
            if *r == RequestId(request) && *assert == wanted)
    }
}

fn refused(request: u32) -> impl Fn(&PortEvent) -> bool {
    move |event| matches!(event, PortEvent::Refused(_, r, _) | PortEvent::Ended(_, r, _) if *r == RequestId(request))
}

fn s(seconds: i64) -> Millis {
    Millis::from_s(seconds)
}

/// A bench whose controller is armed and idle, at 3 s.
fn ready(site: &Site, make: MakeFace<'_>) -> Bench {
    let mut bench = Bench::new(site, make);
    bench.run_until(s(3));
    assert_eq!(bench.count(|event| matches!(event, PortEvent::Armed(_))), 1, "{:?}", bench.events);
    bench
}

fn call(bench: &mut Bench, site: &Site, row: RowId, request: u32, lasts: Millis) {
    let command = assertion(site, row, request, 1, bench.now, bench.now + lasts);
    bench.offer(&command);
}

fn reads_before_it_writes(site: &Site, make: MakeFace<'_>) {
    let mut bench = Bench::new(site, make);
    call(&mut bench, site, MAIN, 1, s(20));
    bench.run_until(s(2));
    let kinds: Vec<&Ask> = bench.asks.iter().map(|(_, ask)| ask).take(4).collect();
    assert!(matches!(kinds[..], [Ask::Connect, Ask::Status, Ask::Gate, Ask::Write(_)]), "{kinds:?}");
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
    assert!(bench.when(confirmed(1, true)).is_some());
}

fn unarmed_is_never_written(site: &Site, make: MakeFace<'_>) {
    let mut bench = Bench::new(site, make);
    bench.device.configuration_hash ^= 1;
    bench.device.calls = RowSet::of(CROSS);
    call(&mut bench, site, MAIN, 1, s(20));
    bench.run_until(s(30));
    assert!(bench.device.writes.is_empty());
    let named = |e: &PortEvent| matches!(e, PortEvent::NotArmed(_, why) if why.contains("identity"));
    assert!(bench.when(named).is_some());
    assert!(bench.when(refused(1)).is_some());
}

fn call_dies_with_its_lease(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(10));
    bench.run_until(s(20));
    let asserted = bench.device.writes.iter().filter(|(_, calls)| calls.contains(MAIN));
    let on: Vec<Millis> = asserted.map(|(at, _)| *at).collect();
    assert!(on.iter().all(|at| *at < s(13)), "{on:?}");
    let timer = bench.device.dead_man.min(PACE.time_to_live);
    let every = s(1).min(Millis(timer.0 / 3)) + Millis(100);
    assert!(on.windows(2).all(|pair| pair[1] - pair[0] <= every), "{on:?}");
    assert!(on.len() >= 9, "{on:?}");
    assert!(bench.device.calls.is_empty());
    assert!(bench.when(confirmed(1, false)).is_some_and(|at| at <= s(14)));
    assert_eq!((bench.count(written(1, true)), bench.count(written(1, false))), (1, 1));
    assert_eq!((bench.count(confirmed(1, true)), bench.count(confirmed(1, false))), (1, 1));
    assert!(bench.keeper.is_quiet());
}

fn release_is_retried(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.dead_man = s(60);
    call(&mut bench, site, MAIN, 1, s(60));
    bench.run_until(s(5));
    bench.device.fault = Fault::Deaf;
    let command = release(site, MAIN, 1, 2, bench.now);
    bench.offer(&command);
    let before = bench.device.writes.len();
    bench.run_until(s(9));
    let tries = bench.device.writes.len() - before;
    assert!((3..=8).contains(&tries), "{tries} tries in 4 s");
    assert!(bench.when(written(1, false)).is_some_and(|at| at <= s(6)));
    bench.device.fault = Fault::None;
    bench.run_until(s(15));
    assert!(bench.device.calls.is_empty());
    assert_eq!(bench.count(confirmed(1, false)), 1);
}

fn one_row_at_a_time(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(30));
    bench.run_until(s(5));
    call(&mut bench, site, CROSS, 2, s(30));
    bench.run_until(s(7));
    assert_eq!(bench.device.calls, RowSet::of(CROSS));
    for (at, calls) in &bench.device.writes {
        assert!(calls.iter().count() <= 1, "{calls:?} at {at:?}");
    }
    assert!(bench.when(refused(1)).is_some());
    assert!(bench.when(confirmed(2, true)).is_some());
}

fn emergency_keeps_the_controller(site: &Site, make: MakeFace<'_>) {
    if !site.own_rows().contains(TRANSIT) {
        return;
    }
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(30));
    bench.run_until(s(5));
    call(&mut bench, site, TRANSIT, 2, s(30));
    bench.run_until(s(8));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
    assert!(bench.when(refused(2)).is_some());
}

fn others_are_never_touched(site: &Site, make: MakeFace<'_>) {
    let rail = RowId(0);
    let mut bench = Bench::new(site, make);
    bench.device.calls = RowSet::of(rail);
    call(&mut bench, site, MAIN, 1, s(10));
    bench.run_until(s(20));
    let touched = bench.asks.iter().any(|(_, ask)| match ask {
        Ask::Write(write) => {
            write.clear().contains(rail) || write.call().is_some_and(|called| called.row == rail)
        }
        _ => false,
    });
    assert!(!touched);
    assert!(bench.when(confirmed(1, true)).is_some());
}

fn stale_calls_are_cleared_or_adopted(site: &Site, make: MakeFace<'_>) {
    let mut bench = Bench::new(site, make);
    bench.device.calls = RowSet::of(MAIN);
    bench.run_until(s(3));
    assert!(bench.device.calls.is_empty(), "a stale call was left on");
    let mut bench = Bench::new(site, make);
    bench.device.calls = RowSet::of(MAIN);
    bench.run_until(Millis(300));
    call(&mut bench, site, MAIN, 1, s(20));
    bench.run_until(s(5));
    assert!(bench.device.writes.iter().all(|(_, calls)| calls.contains(MAIN)), "an adopted call was cut");
    assert!(bench.when(confirmed(1, true)).is_some());
}

fn nothing_is_queued(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.fault = Fault::Silent;
    bench.run_until(s(6));
    call(&mut bench, site, MAIN, 1, s(3));
    bench.run_until(s(10));
    bench.device.fault = Fault::None;
    bench.run_until(s(25));
    assert!(bench.device.writes.iter().all(|(_, calls)| calls.is_empty()), "{:?}", bench.device.writes);
    assert!(bench.when(|e| *e == PortEvent::Link(site.controller, LinkState::Down)).is_some());
    assert!(bench.when(refused(1)).is_some());
}

fn lease_outlives_an_outage(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.fault = Fault::Silent;
    bench.run_until(s(6));
    call(&mut bench, site, MAIN, 1, s(40));
    bench.run_until(s(10));
    let before = bench.asks.len();
    bench.device.fault = Fault::None;
    bench.run_until(s(20));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
    let since: Vec<&Ask> = bench.asks[before..].iter().map(|(_, ask)| ask).collect();
    let gate = since.iter().position(|ask| matches!(ask, Ask::Gate));
    let write = since.iter().position(|ask| matches!(ask, Ask::Write(_)));
    assert!(gate.is_some() && gate < write, "{since:?}");
}

fn lost_answer_is_cured(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.fault = Fault::AnswersLost;
    call(&mut bench, site, MAIN, 1, s(30));
    bench.run_until(s(5));
    assert!(bench.device.calls.contains(MAIN));
    let command = release(site, MAIN, 1, 2, bench.now);
    bench.offer(&command);
    bench.run_until(s(9));
    assert!(bench.device.calls.is_empty());
    bench.device.fault = Fault::None;
    bench.run_until(s(12));
    assert_eq!(bench.count(confirmed(1, false)), 1);
    assert!(bench.keeper.is_quiet());
}

fn restart_is_noticed(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(60));
    bench.run_until(s(6));
    let before = bench.asks.len();
    bench.device.restart();
    bench.run_until(s(12));
    let since: Vec<&Ask> = bench.asks[before..].iter().map(|(_, ask)| ask).collect();
    assert!(since.iter().any(|ask| matches!(ask, Ask::Gate)), "{since:?}");
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
}

fn deaf_device_is_not_believed(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.fault = Fault::Deaf;
    call(&mut bench, site, MAIN, 1, s(8));
    bench.run_until(s(20));
    assert!(bench.when(written(1, true)).is_some());
    assert_eq!(bench.when(confirmed(1, true)), None);
    assert!(bench.device.writes.len() <= 15, "{} writes in 8 s", bench.device.writes.len());
}

fn refused_call_is_given_up(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.fault = Fault::Refusing;
    call(&mut bench, site, MAIN, 1, s(30));
    bench.run_until(s(6));
    assert_eq!(bench.count(refused(1)), 1);
    assert_eq!(bench.when(written(1, true)), None);
    let writes = bench.asks.iter().filter(|(_, ask)| matches!(ask, Ask::Write(_))).count();
    assert_eq!(writes, 2);
}

fn flash_is_left_alone(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    bench.device.mode = Mode::Flash;
    bench.run_until(s(5));
    call(&mut bench, site, MAIN, 1, s(10));
    bench.run_until(s(10));
    assert!(bench.device.writes.is_empty());
    assert!(bench.when(|e| matches!(e, PortEvent::NotArmed(..))).is_some());
    bench.device.mode = Mode::Normal;
    bench.run_until(s(12));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
}

fn outlived_call_is_given_up(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(60));
    bench.run_until(s(5));
    bench.device.outlived = RowSet::of(MAIN);
    bench.run_until(s(8));
    assert!(bench.device.calls.is_empty());
    assert!(bench.when(refused(1)).is_some());
    let last = bench.device.writes.last().map(|(_, calls)| *calls);
    assert_eq!(last, Some(RowSet::EMPTY));
}

fn release_of_all(site: &Site, make: MakeFace<'_>) {
    let mut bench = ready(site, make);
    call(&mut bench, site, MAIN, 1, s(60));
    bench.run_until(s(5));
    bench.keeper.withhold(super::instant(bench.now), true);
    bench.run_until(s(7));
    assert!(bench.device.calls.is_empty());
    assert!(bench.keeper.is_quiet());
    call(&mut bench, site, MAIN, 2, s(20));
    bench.run_until(s(8));
    assert!(bench.device.calls.is_empty());
    bench.keeper.withhold(super::instant(bench.now), false);
    call(&mut bench, site, MAIN, 3, s(20));
    bench.run_until(s(9));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
}

fn priority_carries_arrival(site: &Site, make: MakeFace<'_>) {
    if !site.own_rows().contains(TRANSIT) {
        return;
    }
    let mut bench = ready(site, make);
    call(&mut bench, site, TRANSIT, 1, s(20));
    bench.run_until(s(6));
    assert_eq!(bench.device.calls, RowSet::of(TRANSIT));
    let (at, arrival_in) = bench.device.arrivals[0];
    assert_eq!(at + arrival_in, s(23));
    assert_eq!(bench.count(confirmed(1, true)), 1);
}
