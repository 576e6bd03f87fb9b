//! Several emergency vehicles at once: who goes first, who takes a row from whom, who shares one.

mod common;

use clearway_certify::Class;
use clearway_network::testing::place;
use clearway_planner::policy::Policy;
use clearway_planner::turns::Precedence;
use clearway_planner::{Event, Mission, Notice, Reason};
use clearway_signals::{ControllerId, Millis, MissionId, RowId, VehicleId};
use common::{City, ENGINE_101, ENGINE_102, driven};
use proptest::prelude::*;

fn send(city: &mut City, id: u32, vehicle: VehicleId, (x, y): (f32, f32), priority: u8) {
    let mission = Mission { priority, ..Mission::new(MissionId(id), vehicle, place(x, y)) };
    city.apply(Event::Mission(mission));
}

/// Engine 101 along the corridor; 24 s later, when 101 has called crossroads 1, engine 102 comes up the
/// cross street there, 126 m away.
fn late_crossing(priority_101: u8, priority_102: u8) -> City {
    let mut city = City::new(3);
    send(&mut city, 1, ENGINE_101, (750.0, 0.0), priority_101);
    let start = city.now;
    city.run_until(start + Millis::from_s(75), |city, now| {
        let d = driven(now, start);
        city.fix(ENGINE_101, d.min(780.0), 0.0, 90.0);
        if now == start + Millis::from_s(24) {
            send(city, 2, ENGINE_102, (400.0, 190.0), priority_102);
        }
        if (288.0..600.0).contains(&d) {
            city.fix(ENGINE_102, 400.0, d - 264.0 - 150.0, 0.0);
        }
    });
    city
}

/// The rows asserted and released at crossroads 1, each once, in order.
fn rows_at_1(city: &City) -> Vec<(Millis, RowId, bool)> {
    let mut rows: Vec<(Millis, RowId, bool)> = Vec::new();
    for (at, command) in city.commands.iter().filter(|(_, c)| c.controller() == ControllerId(1)) {
        let what = (command.row(), command.is_assert());
        if rows.last().is_none_or(|(_, row, asserts)| (*row, *asserts) != what) {
            rows.push((*at, what.0, what.1));
        }
    }
    rows
}

#[test]
fn s11_a_more_urgent_engine_takes_a_row_at_the_instant_of_its_own_call() {
    let city = late_crossing(2, 0);
    let rows = rows_at_1(&city);
    assert_eq!(rows[0].1, RowId(1), "101 had called: {rows:?}");
    let taken =
        rows.iter().position(|(_, row, asserts)| *row == RowId(2) && *asserts).expect("102 is served");
    let (released_at, released, asserts) = rows[taken - 1];
    assert_eq!((released, asserts), (RowId(1), false), "{rows:?}");
    assert_eq!(released_at, rows[taken].0, "not a moment before it is needed");
    assert_eq!(city.released(Reason::Yielded), [ControllerId(1)]);
    let waits = city.notices.iter().find_map(|(_, notice)| match notice {
        Notice::PutOff { vehicle: ENGINE_101, controller: ControllerId(1), first, why } => {
            Some((*first, *why))
        }
        _ => None,
    });
    assert_eq!(waits, Some((ENGINE_102, Precedence::Called)));
}

#[test]
fn s11_among_equals_a_row_that_was_called_is_never_taken() {
    for (priority_101, priority_102) in [(1, 1), (0, 2)] {
        let city = late_crossing(priority_101, priority_102);
        assert_eq!(city.released(Reason::Yielded), []);
        let rows = rows_at_1(&city);
        let served_out = rows.iter().position(|(_, row, asserts)| *row == RowId(1) && !*asserts).unwrap();
        let after = rows.iter().position(|(_, row, _)| *row == RowId(2)).expect("102 is served too");
        assert!(served_out < after, "{rows:?}");
        assert_eq!(rows[served_out].0, rows[after].0, "whoever waits goes on at once: {rows:?}");
    }
}

#[test]
fn who_follows_on_the_same_row_is_handed_its_call_without_a_break() {
    let mut city = City::new(5);
    send(&mut city, 1, ENGINE_101, (1_150.0, 0.0), 1);
    let start = city.now;
    let behind = Millis::from_s(6);
    city.run_until(start + Millis::from_s(100), |city, now| {
        city.fix(ENGINE_101, driven(now, start).min(1_150.0), 0.0, 90.0);
        if now == start + behind {
            send(city, 2, ENGINE_102, (1_150.0, 0.0), 1);
        }
        if now >= start + behind {
            city.fix(ENGINE_102, driven(now, start + behind).min(1_150.0), 0.0, 90.0);
        }
    });
    for controller in 2..5_u16 {
        let there = city.commands.iter().filter(|(_, c)| c.controller().0 == controller);
        let releases: Vec<Millis> =
            there.clone().filter(|(_, c)| !c.is_assert()).map(|(at, _)| *at).collect();
        let mut requests: Vec<_> =
            there.filter(|(_, c)| c.is_assert()).map(|(at, c)| (c.request(), *at)).collect();
        requests.dedup_by_key(|(request, _)| *request);
        assert_eq!((releases.len(), requests.len()), (2, 2), "controller {controller}");
        assert_eq!(requests[1].1, releases[0], "controller {controller}: the call runs on");
    }
    let shared =
        |n: &Notice| matches!(n, Notice::PutOff { why: Precedence::SameGreen, first: ENGINE_101, .. });
    assert!(city.notices.iter().any(|(_, notice)| shared(notice)));
}

#[test]
fn s13_only_emergency_vehicles_go_on_missions() {
    let mut city = City::new(2);
    send(&mut city, 1, common::TRAM, (550.0, 0.0), 0);
    assert!(city.notices.iter().any(|(_, notice)| *notice == Notice::MissionRefused(MissionId(1))));
}

/// A vehicle of the fleet: when it leaves, its priority, and the cross street that it drives up; `None`:
/// along the corridor.
#[derive(Clone, Copy, Debug)]
struct Trip {
    leaves_s: i64,
    priority: u8,
    street: Option<u16>,
}

fn trip() -> impl Strategy<Value = Trip> {
    let street = prop_oneof![Just(None), (0..6_u16).prop_map(Some)];
    (0..60_i64, 0..4_u8, street).prop_map(|(leaves_s, priority, street)| Trip { leaves_s, priority, street })
}

fn drive(city: &mut City, trips: &[Trip], seconds: i64) {
    let start = city.now;
    city.run_until(start + Millis::from_s(seconds), |city, now| {
        for (vehicle, trip) in (0..).map(VehicleId).zip(trips) {
            let leaves = start + Millis::from_s(trip.leaves_s);
            let end = trip.street.map_or((1_350.0, 0.0), |k| (200.0 * f32::from(k + 1), 190.0));
            let id = vehicle.0 + 1;
            if now == leaves.max(start + Millis::from_s(1)) {
                send(city, id, vehicle, end, trip.priority);
            }
            let d = driven(now, leaves);
            if now < leaves {
                continue;
            }
            match trip.street {
                None if d <= 1_340.0 => city.fix(vehicle, d, 0.0, 90.0),
                Some(_) if d <= 385.0 => city.fix(vehicle, end.0, d - 195.0, 0.0),
                _ => city.apply(Event::MissionEnd(MissionId(id))),
            }
        }
    });
}

/// After a drive with an engine that may rehearse before each event.
fn city_after(trips: &[Trip], rehearses: bool) -> City {
    let mut city = City::of(6, &vec![Class::Emergency; trips.len()], Policy::default());
    city.rehearses = rehearses;
    drive(&mut city, trips, 90);
    city
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The city itself asserts that a controller never has two own rows (`City::apply`).
    #[test]
    fn s11_rows_change_hands_upwards_only_and_so_cannot_oscillate(trips in proptest::collection::vec(trip(), 2..6)) {
        let classes = vec![Class::Emergency; trips.len()];
        let mut city = City::of(6, &classes, Policy::default());
        drive(&mut city, &trips, 190);
        let mut holders: Vec<Vec<VehicleId>> = vec![Vec::new(); 6];
        for (_, notice) in &city.notices {
            match notice {
                Notice::Called { vehicle, controller, .. } => {
                    let held = &mut holders[controller.index()];
                    prop_assert!(held.len() < 40, "no end of calls at {controller:?}");
                    held.push(*vehicle);
                }
                Notice::Released { vehicle, controller, reason: Reason::Yielded, .. } => {
                    // The next call there is that of the vehicle that took the row.
                    let held = &mut holders[controller.index()];
                    prop_assert_eq!(held.last(), Some(vehicle));
                    held.push(VehicleId(u32::MAX));
                }
                Notice::Refused(_, finding) => prop_assert!(false, "the checker refused a plan: {finding:?}"),
                _ => {}
            }
        }
        let priority = |vehicle: &VehicleId| trips[vehicle.index()].priority;
        for held in &holders {
            for taken in held.windows(3).filter(|w| w[1] == VehicleId(u32::MAX)) {
                prop_assert!(priority(&taken[2]) < priority(&taken[0]), "{held:?}");
            }
        }
        prop_assert!(city.served.iter().all(|served| served.row.is_none()), "everything is released at the end");
    }

    #[test]
    fn c12_several_waves_replay_bit_for_bit(trips in proptest::collection::vec(trip(), 2..5)) {
        let (first, second) = (city_after(&trips, false), city_after(&trips, false));
        prop_assert_eq!((first.commands, first.notices), (second.commands, second.notices));
    }

    #[test]
    fn c12_a_rehearsal_changes_nothing(trips in proptest::collection::vec(trip(), 1..5)) {
        let (rehearsed, plain) = (city_after(&trips, true), city_after(&trips, false));
        prop_assert_eq!((rehearsed.commands, rehearsed.notices), (plain.commands, plain.notices));
    }
}
