//! The whole engine on the corridor, against controllers that keep their plans, in virtual time.

mod common;

use clearway_certify::Command;
use clearway_network::LineId;
use clearway_planner::{Config, Event, Notice, Reason, TransitUpdate, VehicleFix};
use clearway_signals::{ControllerId, Millis, MissionId, RequestState, RowId, RowKind};
use common::{City, ENGINE_101, ENGINE_102, TRAM, driven, fix};

/// A call comes at least so long before the vehicle.
fn in_time() -> Millis {
    Config::default().lead + Config::default().reaction
}

fn drive_corridor(city: &mut City, until_x: f32) {
    let start = city.now;
    let end = start + Millis((until_x / 0.012) as i64);
    city.run_until(end, |city, now| city.fix(ENGINE_101, driven(now, start), 0.0, 90.0));
}

#[test]
fn x3_a_position_without_mission_never_preempts() {
    let mut city = City::new(4);
    drive_corridor(&mut city, 900.0);
    assert!(city.commands.is_empty());
}

#[test]
fn a_wave_has_green_before_each_arrival_and_lets_go_after_each_passage() {
    let mut city = City::new(6);
    let start = city.now;
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    drive_corridor(&mut city, 1_330.0);
    for k in 1..6_u16 {
        let arrival = start + Millis((f64::from(k + 1) * 200.0 / 0.012) as i64);
        let called = city.called_at(k).unwrap_or_else(|| panic!("controller {k} was never called"));
        assert!(called + in_time() <= arrival, "called {called:?}, arrival {arrival:?}");
        assert!(called >= arrival - Millis(60_000), "no earlier than it must be: {called:?}, {arrival:?}");
    }
    assert_eq!(city.released(Reason::CheckedOut).len(), 6);
    city.run_until(city.now + Millis::from_s(120), |_, _| {});
    for k in 0..6 {
        assert!(city.notices.iter().any(|(_, n)| *n == Notice::Recovered(ControllerId(k))), "controller {k}");
    }
}

#[test]
fn c10_a_request_is_activated_only_by_the_controllers_own_status() {
    let mut city = City::new(3);
    city.mission(1, ENGINE_101, 750.0, 0.0);
    drive_corridor(&mut city, 700.0);
    let mut called = None;
    for (at, notice) in &city.notices {
        match notice {
            Notice::Called { request, .. } => called = called.or(Some((*at, *request))),
            Notice::Moved { request, state: RequestState::Activated, .. } => {
                let (called_at, first) = called.expect("called before activated");
                assert!(*request != first || *at > called_at, "a status came in between");
            }
            _ => {}
        }
    }
    assert!(called.is_some());
}

#[test]
fn s15_silence_releases_everything_within_its_bounds() {
    let mut city = City::new(6);
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    drive_corridor(&mut city, 345.0);
    let silent_since = city.now;
    assert!(city.commands.iter().any(|(_, c)| c.is_assert()));
    city.run_until(silent_since + Millis::from_s(31), |_, _| {});
    let held = city.served.iter().filter(|s| s.row.is_some()).count();
    assert_eq!(held, 0, "nothing is held 30 s after the last fix");
    let first =
        city.notices.iter().find(|(_, n)| matches!(n, Notice::Released { reason: Reason::Silent, .. }));
    assert!(first.is_none_or(|(at, _)| *at >= silent_since + Millis::from_s(4)), "not before 5 s of silence");
    let asserts_in_silence =
        city.commands.iter().filter(|(at, c)| c.is_assert() && *at > silent_since + Millis(3_000)).count();
    assert_eq!(asserts_in_silence, 0, "no new call on an old fix");
}

#[test]
fn s15_a_source_that_reports_every_ten_seconds_keeps_its_green_in_between() {
    let mut city = City::new(6);
    let start = city.now;
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    let slow = |city: &mut City, now: Millis| {
        if (now - start).0 % 10_000 == 0 {
            let fix = fix(ENGINE_101, now, driven(now, start), 0.0, 90.0);
            city.apply(Event::Fix(VehicleFix { cadence: Millis::from_s(10), ..fix }));
        }
    };
    city.run_until(start + Millis::from_s(110), slow);
    assert_eq!(city.released(Reason::Silent), [], "three of its own cadences are no silence");
    assert_eq!(city.released(Reason::CheckedOut).len(), 6);
    for k in 1..6_u16 {
        let arrival = start + Millis((f64::from(k + 1) * 200.0 / 0.012) as i64);
        assert!(city.called_at(k).is_some_and(|called| called + in_time() <= arrival), "controller {k}");
    }
}

#[test]
fn s15_a_tunnel_costs_neither_the_green_of_the_line_behind_it_nor_the_wave() {
    let mut city = City::new(6);
    let start = city.now;
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    // The tunnel begins 16 m before the second stop line and ends beyond it: 8 s without a position.
    let tunnel = (Millis(32_000), Millis(40_000));
    city.run_until(start + Millis::from_s(110), |city, now| {
        if (now - start).0 < tunnel.0.0 || (now - start).0 > tunnel.1.0 {
            city.fix(ENGINE_101, driven(now, start), 0.0, 90.0);
        }
    });
    let passed = start + Millis(34_000);
    let gone = |(_, c): &&(Millis, Command)| c.controller() == ControllerId(1) && !c.is_assert();
    let released = city.commands.iter().find(gone).map(|(at, _)| *at);
    assert!(released.is_some_and(|at| at >= passed), "held until it must have passed: {released:?}");
    for k in 2..6_u16 {
        let arrival = start + Millis((f64::from(k + 1) * 200.0 / 0.012) as i64);
        assert!(city.called_at(k).is_some_and(|called| called + in_time() <= arrival), "controller {k}");
    }
}

#[test]
fn the_end_of_the_mission_releases_everything_at_once() {
    let mut city = City::new(6);
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    drive_corridor(&mut city, 300.0);
    assert!(city.served.iter().any(|s| s.row.is_some()));
    city.apply(Event::MissionEnd(MissionId(1)));
    assert!(city.served.iter().all(|s| s.row.is_none()));
}

#[test]
fn s19_release_all_releases_and_keeps_quiet_until_a_new_mission() {
    let mut city = City::new(6);
    city.mission(1, ENGINE_101, 1_350.0, 0.0);
    drive_corridor(&mut city, 300.0);
    city.apply(Event::ReleaseAll);
    assert!(city.served.iter().all(|s| s.row.is_none()));
    let before = city.commands.len();
    let start = city.now;
    city.run_until(start + Millis::from_s(20), |city, now| {
        city.fix(ENGINE_101, 300.0 + driven(now, start), 0.0, 90.0);
    });
    assert_eq!(city.commands.len(), before);
}

#[test]
fn a_controller_that_is_not_armed_gets_no_command_and_the_wave_goes_on() {
    let mut city = City::new(5);
    city.apply(Event::Armed(ControllerId(2), false));
    city.mission(1, ENGINE_101, 1_150.0, 0.0);
    drive_corridor(&mut city, 1_100.0);
    assert_eq!(city.called_at(2), None);
    assert!(city.called_at(3).is_some() && city.called_at(4).is_some());
}

#[test]
fn a_deviation_is_noticed_at_once_and_releases_what_is_left_behind() {
    let mut city = City::new(6);
    city.mission(1, ENGINE_101, 600.0, 190.0);
    drive_corridor(&mut city, 195.0);
    // The driver turns left at the first crossroads instead of the third.
    let start = city.now;
    city.run_until(start + Millis::from_s(8), |city, now| {
        city.fix(ENGINE_101, 200.0, 30.0 + driven(now, start), 0.0);
    });
    assert!(city.notices.iter().any(|(_, n)| matches!(n, Notice::OffRoute(_))));
    assert!(city.served.iter().all(|s| s.row.is_none()), "nothing is held on the way that was left");
}

#[test]
fn s11_of_two_crossing_engines_the_earlier_mission_goes_first() {
    let mut city = City::new(3);
    city.mission(1, ENGINE_101, 750.0, 0.0);
    city.mission(2, ENGINE_102, 400.0, 190.0);
    let start = city.now;
    // Both reach crossroads 1 (x = 400) at about the same time.
    city.run_until(start + Millis::from_s(50), |city, now| {
        let d = driven(now, start);
        city.fix(ENGINE_101, d.min(780.0), 0.0, 90.0);
        if d < 600.0 {
            city.fix(ENGINE_102, 400.0, (-200.0 + (d - 200.0).max(0.0)).min(190.0), 0.0);
        }
    });
    let at_crossing: Vec<_> =
        city.commands.iter().filter(|(_, c)| c.controller() == ControllerId(1)).map(|(_, c)| *c).collect();
    let rows: Vec<RowId> = at_crossing.iter().filter(|c| c.is_assert()).map(Command::row).collect();
    let first_of_second = rows.iter().position(|r| *r == RowId(2));
    let last_of_first = rows.iter().rposition(|r| *r == RowId(1)).expect("the first engine is served");
    assert!(
        first_of_second.is_none_or(|i| i > last_of_first),
        "the first engine is served out before: {rows:?}"
    );
}

#[test]
fn s13_a_tram_asks_for_its_transit_row_only_and_yields_to_an_engine() {
    let mut city = City::new(4);
    let start = city.now;
    let tram = |city: &mut City, now: Millis, start: Millis| {
        let update = TransitUpdate {
            fix: fix(TRAM, now, driven(now, start), 0.0, 90.0),
            line: LineId(0),
            lateness_s: Some(120),
            doors_open: Some(false),
        };
        city.apply(Event::Transit(update));
    };
    city.run_until(start + Millis::from_s(70), |city, now| tram(city, now, start));
    assert!(city.commands.iter().any(|(_, c)| c.is_assert()), "a late tram asks where it can");
    for (_, command) in &city.commands {
        let row = city.network.controllers[command.controller().index()].rows[command.row().index()];
        assert_eq!(row.kind, RowKind::Transit);
    }
    assert!(city.notices.iter().any(|(_, n)| matches!(n, Notice::NoPriorityChannel(TRAM, _))));

    let mut city = City::new(4);
    city.mission(1, ENGINE_101, 950.0, 0.0);
    let start = city.now;
    city.run_until(start + Millis::from_s(60), |city, now| {
        city.fix(ENGINE_101, driven(now, start), 0.0, 90.0);
        tram(city, now, start - Millis(5_000));
    });
    let rows = |row: RowId| city.commands.iter().filter(|(_, c)| c.is_assert() && c.row() == row).count();
    assert_eq!(rows(RowId(3)), 0, "the engine's controllers are not asked for a tram beside it");
    assert!(rows(RowId(1)) > 0);
}

/// Replaying the same events gives the same commands, bit for bit.
#[test]
fn the_engine_is_deterministic() {
    let run = || {
        let mut city = City::new(6);
        city.mission(1, ENGINE_101, 1_350.0, 0.0);
        drive_corridor(&mut city, 900.0);
        (city.commands, city.notices)
    };
    assert_eq!(run(), run());
}

mod garbage {
    use std::sync::Arc;

    use clearway_certify::Class;
    use clearway_network::LineId;
    use clearway_network::testing::{corridor, place as somewhere};
    use clearway_planner::{
        Config, Counts, Engine, Event, Mission, Output, TransitUpdate, VehicleFix, VehicleInfo,
    };
    use clearway_signals::{
        ControllerId, ControllerStatus, Epoch, GeoPoint, GroupSet, Millis, MissionId, Mode, PreemptState,
        RowId, RowKind, RowSet, VehicleId,
    };
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = (Event, i64)> {
        let place = (-400..1_600_i32, -400..400_i32);
        let fix = (0..5_u32, place.clone(), any::<Option<u16>>(), any::<Option<u8>>(), any::<bool>());
        let fix = fix.prop_map(|(vehicle, (x, y), heading, speed, degraded)| VehicleFix {
            vehicle: VehicleId(vehicle),
            received: Millis(0),
            place: somewhere(x as f32, y as f32),
            heading_deg: heading.map(|h| f32::from(h) / 100.0),
            speed_mps: speed.map(f32::from),
            degraded,
            cadence: Millis(1_000),
        });
        let status = (0..6_u16, any::<u64>(), any::<u64>(), 0..12_i64, any::<Option<u8>>(), any::<u32>());
        let status = status.prop_map(|(c, greens, yellows, preempt, active, asserted)| ControllerStatus {
            controller: ControllerId(c),
            at: Millis(0),
            mode: Mode::Normal,
            greens: GroupSet(greens),
            yellows: GroupSet(yellows),
            clearing: GroupSet::EMPTY,
            active: active.map(RowId),
            preempt: PreemptState::from_code(preempt),
            asserted: RowSet(asserted),
        });
        let anywhere = (any::<i32>(), any::<i32>()).prop_map(|(lat_e7, lon_e7)| GeoPoint { lat_e7, lon_e7 });
        let destination = prop_oneof![place.prop_map(|(x, y)| somewhere(x as f32, y as f32)), anywhere];
        let kinds = prop_oneof![
            6 => fix.clone().prop_map(Event::Fix),
            1 => (0..4_u32, 0..4_u32, destination).prop_map(|(id, vehicle, destination)| Event::Mission(Mission { priority: (id % 4) as u8, ..Mission::new(MissionId(id), VehicleId(vehicle), destination) })),
            1 => (0..4_u32).prop_map(|id| Event::MissionEnd(MissionId(id))),
            3 => (fix, 0..3_u16, any::<Option<i32>>(), any::<Option<bool>>()).prop_map(
                |(fix, line, lateness_s, doors_open)| Event::Transit(TransitUpdate {
                    fix,
                    line: LineId(line),
                    lateness_s,
                    doors_open
                })
            ),
            6 => status.prop_map(Event::Status),
            2 => (0..6_u16, any::<bool>()).prop_map(|(c, armed)| Event::Armed(ControllerId(c), armed)),
            1 => (0..6_u16, any::<[u16; 32]>(), any::<u32>()).prop_map(|(c, vehicles, occupied)| Event::Counts(Counts {
                controller: ControllerId(c),
                at: Millis(0),
                vehicles,
                occupied
            })),
            2 => Just(Event::Tick),
        ];
        (kinds, 0..3_000_i64)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// I13: whatever comes in, what goes out stays within the rules.
        #[test]
        fn i13_garbage_in_never_breaks_a_rule_out(events in proptest::collection::vec(event(), 1..200)) {
            let network = Arc::new(corridor(5));
            let class = |class| VehicleInfo { class };
            let vehicles = vec![class(Class::Emergency), class(Class::Emergency), class(Class::Tram), class(Class::Bus)];
            let mut engine = Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1));
            let (mut out, mut now) = (Output::default(), Millis(0));
            let mut held = [None; 5];
            for k in 0..5 {
                engine.apply(&Event::Armed(ControllerId(k), true), now, &mut out);
            }
            for (mut event, pause) in events {
                now += Millis(pause);
                match &mut event {
                    Event::Fix(fix) => fix.received = now,
                    Event::Transit(update) => update.fix.received = now,
                    Event::Status(status) => status.at = now,
                    Event::Counts(counts) => counts.at = now,
                    _ => {}
                }
                out.clear();
                engine.apply(&event, now, &mut out);
                for command in out.commands() {
                    let controller = &network.controllers[command.controller().index()];
                    let row = controller.rows[command.row().index()];
                    prop_assert!(row.kind != RowKind::Rail);
                    let holder = &mut held[command.controller().index()];
                    if command.is_assert() {
                        prop_assert!(command.expires() <= now + Millis::from_s(120));
                        prop_assert!(holder.is_none_or(|h| h == command.request()), "one request a controller");
                        *holder = Some(command.request());
                    } else {
                        prop_assert_eq!(*holder, Some(command.request()), "only what is held is released");
                        *holder = None;
                    }
                }
            }
            // With nothing more heard everything is let go within the longest hold.
            for _ in 0..1_300 {
                now += Millis(100);
                out.clear();
                engine.apply(&Event::Tick, now, &mut out);
                for command in out.commands() {
                    held[command.controller().index()] = command.is_assert().then_some(command.request());
                }
            }
            prop_assert_eq!(held, [None; 5]);
        }
    }
}
