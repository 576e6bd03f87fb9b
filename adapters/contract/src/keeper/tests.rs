use clearway_signals::{Capabilities, ControllerStatus, Millis, RequestId, RequestState, RowSet};
use proptest::prelude::*;

use super::Keeper;
use crate::ask::{Answer, Ask, Now, StatusReading, Step};
use crate::kit::{Bench, CHECKS, CROSS, Device, Face, Fault, MAIN, TRANSIT, assertion, release, site};
use crate::port::{PortEvent, Protocol};
use crate::site::Site;

/// No protocol at all: asks go straight to the device.
struct Direct;

impl Face for Direct {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        match ask {
            Ask::Connect => Answer::Connected,
            Ask::Gate => Answer::Gate(Box::new(device.gate_reading())),
            Ask::Status => Answer::Status(StatusReading {
                status: ControllerStatus { mode: device.mode, ..ControllerStatus::default() },
                calls: device.calls,
                outlived: device.outlived,
                ended: device.ended,
                current: true,
                uptime: Some(device.uptime()),
            }),
            Ask::Counts => Answer::Counts(vec![0, 0], vec![false, false]),
            Ask::Write(write) => {
                let kept = device.calls.iter().filter(|row| row.0 == 0).fold(RowSet::EMPTY, RowSet::with);
                if let Some(call) = write.call() {
                    device.arrivals.push((device.now, call.arrival_in));
                }
                let calls = write.call().map_or(kept, |call| kept.with(call.row));
                let lives = write.time_to_live();
                let accepted = device.write(calls, lives);
                if accepted { Answer::Written(0) } else { Answer::Refused("no".into()) }
            }
        }
    }
}

fn make(_: &Site) -> Box<dyn Face> {
    Box::new(Direct)
}

#[test]
fn conformance() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&site(Protocol::Modbus), &make);
    }
}

#[test]
fn s6_the_gate_is_judged_again_before_a_day_is_over() {
    let site = site(Protocol::Modbus);
    let mut bench = Bench::new(&site, &make);
    bench.run_until(Millis::from_s(25 * 3_600));
    let armed: Vec<Millis> =
        bench.events.iter().filter(|(_, e)| matches!(e, PortEvent::Armed(_))).map(|(at, _)| *at).collect();
    assert_eq!(armed.len(), 2, "{armed:?}");
    assert!(armed[1] - armed[0] < Millis::from_s(24 * 3_600));
}

#[test]
fn s7_a_short_dead_man_timer_makes_the_refresh_faster() {
    let site = site(Protocol::Modbus);
    let mut bench = Bench::new(&site, &make);
    bench.device.dead_man = Millis(1_500);
    bench.run_until(Millis::from_s(1));
    bench.offer(&assertion(&site, MAIN, 1, 1, bench.now, bench.now + Millis::from_s(10)));
    bench.run_until(Millis::from_s(6));
    let writes: Vec<Millis> = bench.device.writes.iter().map(|(at, _)| *at).collect();
    assert!(writes.len() > 8, "{writes:?}");
    assert!(writes.windows(2).all(|pair| pair[1] - pair[0] <= Millis(550)), "{writes:?}");
}

#[test]
fn a_transit_request_that_the_controller_ended_is_not_made_again_and_another_one_is() {
    let site = site(Protocol::Modbus);
    let mut bench = Bench::new(&site, &make);
    let (s, far) = (Millis::from_s, Millis::from_s(60));
    let calls = |bench: &mut Bench, row, request, revision, until| {
        bench.offer(&assertion(&site, row, request, revision, bench.now, far));
        bench.run_until(until);
        bench.device.calls
    };
    assert_eq!(calls(&mut bench, TRANSIT, 1, 1, s(5)), RowSet::of(TRANSIT));
    bench.device.ended = Some((TRANSIT, RequestState::Rejected));
    assert_eq!(calls(&mut bench, TRANSIT, 1, 2, s(7)), RowSet::EMPTY);
    bench.device.ended = None;
    assert_eq!(calls(&mut bench, TRANSIT, 1, 3, s(9)), RowSet::EMPTY, "refreshed in vain");
    assert_eq!(calls(&mut bench, TRANSIT, 2, 1, s(11)), RowSet::of(TRANSIT));
    let told = |event: &PortEvent| matches!(event, PortEvent::Ended(_, RequestId(1), RequestState::Rejected));
    assert_eq!((bench.count(told), bench.count(|e| matches!(e, PortEvent::Refused(..)))), (1, 0));
}

#[test]
fn an_emergency_vehicle_may_ask_again_after_the_controller_ended_its_request() {
    let site = site(Protocol::Modbus);
    let mut bench = Bench::new(&site, &make);
    bench.offer(&assertion(&site, MAIN, 1, 1, bench.now, Millis::from_s(60)));
    bench.run_until(Millis::from_s(3));
    bench.device.ended = Some((MAIN, RequestState::Cooldown));
    bench.run_until(Millis::from_s(5));
    assert_eq!(bench.device.calls, RowSet::EMPTY);
    bench.device.ended = None;
    bench.offer(&assertion(&site, MAIN, 1, 2, bench.now, Millis::from_s(60)));
    bench.run_until(Millis::from_s(7));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
}

#[test]
fn a_controller_without_capabilities_is_watched_and_never_written() {
    let mut site = site(Protocol::Modbus);
    let command = assertion(&site, MAIN, 1, 1, Millis::ZERO, Millis::from_s(20));
    site.capabilities = Capabilities::GROUP_STATES;
    let mut bench = Bench::new(&site, &make);
    bench.device.calls = RowSet::of(MAIN);
    bench.offer(&command);
    bench.run_until(Millis::from_s(20));
    assert!(bench.device.writes.is_empty(), "S18");
    assert!(bench.count(|event| matches!(event, PortEvent::Status(_))) > 20);
}

/// A device that carries out every write and shows none: its readings are of an earlier moment.
struct ShowsWhatWas;

impl Face for ShowsWhatWas {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        match Direct.exchange(ask, device) {
            Answer::Status(reading) => Answer::Status(StatusReading { calls: RowSet::EMPTY, ..reading }),
            answer => answer,
        }
    }
}

/// Row `MAIN` of such a device is called.
fn called_unseen(site: &Site) -> Bench {
    let mut bench = Bench::new(site, &|_: &Site| Box::new(ShowsWhatWas) as Box<dyn Face>);
    bench.run_until(Millis::from_s(1));
    bench.offer(&assertion(site, MAIN, 1, 1, bench.now, bench.now + Millis::from_s(20)));
    bench.run_until(Millis::from_s(3));
    bench
}

#[test]
fn s10_a_call_is_taken_back_though_the_reading_shows_none() {
    let site = site(Protocol::Modbus);
    let mut bench = called_unseen(&site);
    assert!(bench.device.calls.contains(MAIN));
    let before = bench.device.writes.len();
    bench.offer(&release(&site, MAIN, 1, 2, bench.now));
    let confirmed = |event: &PortEvent| matches!(event, PortEvent::Confirmed { assert: false, .. });
    assert_eq!(bench.count(confirmed), 0, "C10: nothing is confirmed before it was written");
    bench.run_until(Millis::from_s(4));
    assert!(bench.device.writes.len() > before && !bench.device.calls.contains(MAIN));
    assert_eq!(bench.count(confirmed), 1);
}

#[test]
fn s11_another_row_waits_until_a_hidden_call_is_taken_back() {
    let site = site(Protocol::Modbus);
    let mut bench = called_unseen(&site);
    let before = bench.device.writes.len();
    bench.offer(&assertion(&site, CROSS, 2, 1, bench.now, bench.now + Millis::from_s(20)));
    bench.run_until(Millis::from_s(4));
    let writes: Vec<RowSet> = bench.device.writes[before..].iter().map(|(_, calls)| *calls).collect();
    assert!(writes.len() >= 2 && !writes[0].contains(MAIN) && !writes[0].contains(CROSS), "{writes:?}");
    assert!(writes.last().is_some_and(|calls| calls.contains(CROSS)), "{writes:?}");
}

/// A device that is asked but answers when the process runs again, a while later.
#[test]
fn s6_an_answer_that_waited_while_the_process_stood_still_is_none() {
    let site = site(Protocol::Modbus);
    let mut keeper = Keeper::new(site.clone(), Direct.pace());
    let mut device = Device::new(site);
    let at = |at| Now { at: Millis(at), ns: 0 };
    let mut ask = |keeper: &mut Keeper, now| match keeper.next(now) {
        Step::Ask(ask) => (ask, Direct.exchange(&ask, &mut device)),
        Step::Wait(until) => panic!("waits until {until:?}"),
    };
    for now in [0, 10] {
        let (_, answer) = ask(&mut keeper, at(now));
        keeper.answer(at(now), answer);
    }
    let (gate, answer) = ask(&mut keeper, at(20));
    assert_eq!(gate, Ask::Gate);
    keeper.answer(at(30_000), answer);
    assert!(!keeper.drain_events().any(|event| matches!(event, PortEvent::Armed(_))));
    let (status, answer) = ask(&mut keeper, at(30_100));
    assert_eq!(status, Ask::Status);
    keeper.answer(at(30_100), answer);
    let (gate, answer) = ask(&mut keeper, at(30_110));
    assert_eq!(gate, Ask::Gate);
    keeper.answer(at(30_110), answer);
    assert!(keeper.drain_events().any(|event| matches!(event, PortEvent::Armed(_))));
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Call(u8, i64),
    Release(u8),
    Fault(u8),
    Restart,
    Foreign(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1u8..4, 1i64..20).prop_map(|(row, lasts)| Act::Call(row, lasts)),
        3 => (1u8..4).prop_map(Act::Release),
        3 => (0u8..6).prop_map(Act::Fault),
        1 => Just(Act::Restart),
        1 => (1u8..4).prop_map(Act::Foreign),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever fails in between: one own row at a time, no call after its lease, and once the
    /// device is well again nothing of ours is left on.
    #[test]
    fn whatever_fails_nothing_is_sent_late_and_nothing_stays_on(
        acts in proptest::collection::vec((act(), 10i64..4_000), 1..40)
    ) {
        let site = site(Protocol::Modbus);
        let mut bench = Bench::new(&site, &make);
        let mut last_lease = [Millis::ZERO; 4];
        let mut requests = [0u32; 4];
        for (n, (act, wait)) in (1u32..).zip(acts) {
            match act {
                Act::Call(row, lasts) => {
                    let row = [MAIN, CROSS, TRANSIT][usize::from(row) - 1];
                    let until = bench.now + Millis::from_s(lasts);
                    requests[row.index()] = n;
                    bench.offer(&assertion(&site, row, n, 1, bench.now, until));
                    last_lease[row.index()] = last_lease[row.index()].max(until);
                }
                Act::Release(row) => {
                    let row = [MAIN, CROSS, TRANSIT][usize::from(row) - 1];
                    bench.offer(&release(&site, row, requests[row.index()], 2, bench.now));
                }
                Act::Fault(fault) => {
                    bench.device.fault =
                        [Fault::None, Fault::Silent, Fault::AnswersLost, Fault::Deaf, Fault::Refusing, Fault::None]
                            [usize::from(fault)];
                }
                Act::Restart => bench.device.restart(),
                Act::Foreign(row) => bench.device.calls = bench.device.calls.with([MAIN, CROSS, TRANSIT][usize::from(row) - 1]),
            }
            bench.run_until(bench.now + Millis(wait));
        }
        bench.device.fault = Fault::None;
        bench.run_until(bench.now + Millis::from_s(40));
        for (at, calls) in &bench.device.writes {
            prop_assert!(calls.iter().count() <= 1);
            for row in calls.iter() {
                prop_assert!(*at < last_lease[row.index()], "row {row:?} called at {at:?}");
            }
        }
        prop_assert!(bench.device.calls.is_empty());
        prop_assert!(bench.keeper.is_quiet());
    }
}
