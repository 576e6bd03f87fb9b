//! Streams of emergency vehicles through one junction: those who wait at its red get their green (S12).

mod common;

use clearway_certify::Class;
use clearway_planner::policy::Policy;
use clearway_planner::{Event, Notice};
use clearway_signals::{ControllerId, GroupId, Millis, MissionId, RequestId, VehicleId};
use common::City;
use proptest::prelude::*;

/// R_max of the safety manual.
const RED_MAX: Millis = Millis::from_s(180);
/// The stop line of the crossroads that is looked at, and the end of the way, metres along the corridor.
const STOP_LINE_M: f32 = 400.0;
const END_M: f32 = 550.0;

/// A vehicle of the stream: when it comes, and how long it stands 60 m before the line.
#[derive(Clone, Copy, Debug)]
struct Trip {
    comes_s: i64,
    stands_s: i64,
}

/// What the stream did at the second crossroads.
#[derive(Debug, Default)]
struct Seen {
    /// The longest red of a group by calls of ours, when it was kept by at most two of them, and by more.
    by_two: Millis,
    by_more: Millis,
    /// Vehicles that came through, and those that had to wait for others' green.
    through: usize,
    waited: Vec<VehicleId>,
}

/// One group's present red.
#[derive(Clone, Copy, Default)]
struct Red {
    ours: Millis,
    calls: usize,
}

/// Drive a stream along the corridor: each vehicle at 12 m/s, standing where it must and at red.
fn drive(trips: &[Trip], seconds: i64) -> Seen {
    let mut city = City::of(2, &vec![Class::Emergency; trips.len()], Policy::default());
    let start = city.now;
    let mut at: Vec<Option<f32>> = vec![None; trips.len()];
    let mut left_to_stand: Vec<i64> = trips.iter().map(|trip| trip.stands_s).collect();
    let mut seen = Seen::default();
    let (mut reds, mut looked_at, mut requests) = ([Red::default(); 3], 0, Vec::new());
    city.run_until(start + Millis::from_s(seconds), |city, now| {
        let greens = city.status(1).greens;
        for (n, trip) in trips.iter().enumerate() {
            let vehicle = VehicleId(u32::try_from(n).unwrap());
            let mission = vehicle.0 + 1;
            if now == start + Millis::from_s(trip.comes_s + 1) {
                at[n] = Some(150.0);
                city.mission(mission, vehicle, END_M, 0.0);
            }
            let Some(x) = at[n] else { continue };
            let next = x + 12.0;
            let stands = x >= STOP_LINE_M - 60.0 && left_to_stand[n] > 0;
            left_to_stand[n] -= i64::from(stands);
            let red = x < STOP_LINE_M && next >= STOP_LINE_M && !greens.contains(GroupId(0));
            let x = if stands || red { x } else { next };
            at[n] = (x <= END_M - 10.0).then_some(x);
            match at[n] {
                Some(x) => city.fix(vehicle, x, 0.0, 90.0),
                None => {
                    seen.through += 1;
                    city.apply(Event::MissionEnd(MissionId(mission)));
                }
            }
        }
        let calls = calls_at_1(city, looked_at, &mut requests);
        looked_at = city.commands.len();
        for (group, red) in (0..).map(GroupId).zip(&mut reds) {
            red.calls += calls;
            // A green that a call ends as soon as it begins counts: the controller keeps its minimum.
            if city.last_green[1][group.index()] > now - Millis(1_000) {
                *red = Red::default();
            }
            if city.served[1].row.is_some() {
                red.ours += Millis(1_000);
            }
            let longest = if red.calls > 2 { &mut seen.by_more } else { &mut seen.by_two };
            *longest = red.ours.max(*longest);
        }
    });
    seen.waited = city.notices.iter().filter_map(|(_, notice)| waits(notice)).collect();
    seen
}

/// Calls at the second crossroads from the `from`th command on; one that a vehicle hands on to the next in
/// the same instant runs on.
fn calls_at_1(city: &City, from: usize, requests: &mut Vec<RequestId>) -> usize {
    let there = || city.commands[from..].iter().filter(|(_, c)| c.controller() == ControllerId(1));
    let released = |at: Millis| there().any(|(then, command)| *then == at && !command.is_assert());
    let mut calls = 0;
    for (at, command) in there().filter(|(_, command)| command.is_assert()) {
        if !requests.contains(&command.request()) {
            requests.push(command.request());
            calls += usize::from(!released(*at));
        }
    }
    calls
}

fn waits(notice: &Notice) -> Option<VehicleId> {
    match notice {
        Notice::Starving { vehicle, controller: ControllerId(1), .. } => Some(*vehicle),
        _ => None,
    }
}

/// Vehicles that come one after the other and each stand before the line for `stands_s`.
fn stream(count: i64, apart_s: i64, stands_s: i64) -> Vec<Trip> {
    (0..count).map(|n| Trip { comes_s: n * apart_s, stands_s }).collect()
}

#[test]
fn s12_two_vehicles_are_exempt() {
    let seen = drive(&stream(2, 5, 200), 600);
    assert_eq!((seen.through, seen.waited.len()), (2, 0), "{seen:?}");
    assert!(seen.by_two > RED_MAX, "both hold the row as long as they may: {seen:?}");
}

#[test]
fn s12_the_third_of_three_vehicles_waits_for_those_who_were_red_for_both_before() {
    let seen = drive(&stream(3, 5, 300), 900);
    assert_eq!(seen.through, 3, "{seen:?}");
    assert!(!seen.waited.is_empty(), "{seen:?}");
    assert!(seen.by_two > RED_MAX && seen.by_more <= RED_MAX, "{seen:?}");
}

#[test]
fn s12_four_vehicles_that_do_not_stand_pass_without_waiting_for_others() {
    let seen = drive(&stream(4, 25, 0), 300);
    assert_eq!((seen.through, seen.waited.len()), (4, 0), "{seen:?}");
    assert!(seen.by_more <= RED_MAX, "{seen:?}");
}

#[test]
fn s12_a_stream_without_end_lets_the_cross_street_through_within_the_limit() {
    let seen = drive(&stream(30, 8, 0), 700);
    assert_eq!(seen.through, 30, "{seen:?}");
    assert!(!seen.waited.is_empty(), "{seen:?}");
    assert!(seen.by_more <= RED_MAX, "{seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn s12_no_red_grows_beyond_the_limit_by_a_third_call(
        trips in proptest::collection::vec((0..400_i64, 0..100_i64), 3..9),
    ) {
        let trips: Vec<Trip> =
            trips.into_iter().map(|(comes_s, stands_s)| Trip { comes_s, stands_s }).collect();
        let seen = drive(&trips, 1_500);
        prop_assert!(seen.by_more <= RED_MAX, "{:?}", seen);
        prop_assert_eq!(seen.through, trips.len());
    }
}
