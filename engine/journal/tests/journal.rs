//! A journal of a real run: written, verified, replayed, tampered with.

use std::path::Path;
use std::sync::Arc;

use clearway_certify::Class;
use clearway_journal::{Divergence, Journal, JournalError, Start, learned, replay, verify};
use clearway_network::LinkId;
use clearway_network::testing::{corridor, place};
use clearway_planner::learn::{BINS, Lesson, Topic};
use clearway_planner::policy::{Classes, Effect, Policy, Rule};
use clearway_planner::{Config, Engine, Event, LocalTime, Mission, Output, VehicleFix, VehicleInfo};
use clearway_runtime::Record;
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, Millis, MissionId, Mode, RequestId, RequestState, VehicleId,
};
use proptest::prelude::*;

/// What the engine is told that another learned, of a link on a Sunday.
const TAUGHT: Lesson = Lesson { topic: Topic::Link(LinkId(1), 5), weights: [7; BINS] };

/// Drives an engine along the corridor and records it.
fn recorded(dir: &Path) -> u64 {
    recorded_under(dir, &Policy::default())
}

/// The same under a policy.
fn recorded_under(dir: &Path, policy: &Policy) -> u64 {
    let network = Arc::new(corridor(4));
    let vehicles = vec![VehicleInfo { class: Class::Emergency }];
    let start = Start::new(&network, &vehicles, &Config::default(), Epoch(1), 0).with_policy(policy);
    let journal = Journal::create(dir, start).unwrap();
    let records = journal.records().unwrap();
    let engine = Engine::new(Arc::clone(&network), vehicles, Config::default(), Epoch(1));
    let mut engine = engine.with_policy(policy.clone());
    let mut out = Output::default();
    let mut commands = 0;
    let mut apply = |event: Event, now: Millis| {
        out.clear();
        engine.apply(&event, now, &mut out);
        records.send(Record::Event(now, event)).unwrap();
        for command in out.commands() {
            records.send(Record::Command(now, *command)).unwrap();
            commands += 1;
        }
    };
    apply(Event::LocalTime(LocalTime { weekday: 2, minute: 8 * 60 }), Millis(0));
    apply(Event::Learned(TAUGHT), Millis(0));
    for k in 0..4 {
        apply(Event::Armed(ControllerId(k), true), Millis(0));
        let controller = ControllerId(k);
        apply(
            Event::Status(ControllerStatus { controller, mode: Mode::Normal, ..Default::default() }),
            Millis(0),
        );
    }
    apply(Event::Ended(ControllerId(1), RequestId(9), RequestState::Rejected), Millis(0));
    let destination = place(950.0, 0.0);
    apply(Event::Mission(Mission::new(MissionId(1), VehicleId(0), destination)), Millis(0));
    for second in 0..60_u16 {
        let now = Millis::from_s(i64::from(second));
        apply(
            Event::Fix(VehicleFix {
                vehicle: VehicleId(0),
                received: now,
                place: place(f32::from(second) * 12.0, 0.0),
                heading_deg: Some(90.0),
                speed_mps: Some(12.0),
                degraded: false,
                cadence: Millis(1_000),
            }),
            now,
        );
        apply(Event::Tick, now + Millis(100));
    }
    drop(records);
    journal.close().unwrap();
    commands
}

#[test]
fn c12_a_replay_gives_the_recorded_commands_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let commands = recorded(dir.path());
    assert!(commands > 10);
    let found = replay(dir.path(), Arc::new(corridor(4))).unwrap();
    assert_eq!((found.commands, found.divergence), (commands, None));
}

#[test]
fn what_was_learned_is_read_from_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let (found, lessons) = learned(dir.path(), Arc::new(corridor(4))).unwrap();
    assert_eq!(found.divergence, None);
    assert!(lessons.contains(&TAUGHT), "what was told");
    let of_the_peak = |l: &Lesson| matches!(l.topic, Topic::Link(_, 1));
    assert!(lessons.iter().any(of_the_peak), "what was driven");
}

#[test]
fn c12_a_replay_judges_by_the_policy_of_the_run() {
    let refuse = Rule {
        name: "not at the second crossroads".into(),
        effect: Effect::Refuse,
        classes: Classes::ALL,
        priority_max: None,
        duties: vec![],
        lines: vec![],
        controllers: vec![ControllerId(1)],
        hours: None,
    };
    let policy = Policy::new(vec![refuse], vec![]).unwrap();
    let (free, bound) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (all, fewer) = (recorded(free.path()), recorded_under(bound.path(), &policy));
    assert!(fewer < all, "{fewer} of {all}");
    let found = replay(bound.path(), Arc::new(corridor(4))).unwrap();
    assert_eq!((found.commands, found.divergence), (fewer, None));
}

#[test]
fn a_replay_on_another_network_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let found = replay(dir.path(), Arc::new(corridor(5))).unwrap();
    assert!(matches!(found.divergence, Some(Divergence::OtherNetwork(_))));
}

#[test]
fn a_torn_tail_is_reported_and_the_whole_records_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let whole = verify(dir.path()).unwrap();
    let file = dir.path().join("000001.journal");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 7]).unwrap();
    let torn = verify(dir.path()).unwrap();
    assert_eq!(torn.records, whole.records - 1);
    assert!(torn.torn_bytes > 0);
}

#[test]
fn a_directory_with_a_journal_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let start = Start::new(&corridor(4), &[], &Config::default(), Epoch(1), 0);
    assert!(Journal::create(dir.path(), start).is_err());
}

#[test]
fn x7_every_flip_of_a_byte_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path());
    let file = dir.path().join("000001.journal");
    let (bytes, whole) = (std::fs::read(&file).unwrap(), verify(dir.path()).unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&(0..bytes.len(), 1..=255_u8), |(at, change)| {
            let mut tampered = bytes.clone();
            tampered[at] ^= change;
            std::fs::write(scratch.path().join("000001.journal"), &tampered).unwrap();
            let noticed = match verify(scratch.path()) {
                Err(JournalError::Damaged(_)) => true,
                // A length that grew over the end of the file looks like a torn tail: fewer records.
                Ok(found) => found.records < whole.records && found.torn_bytes > 0,
                Err(_) => false,
            };
            prop_assert!(noticed, "byte {at}");
            Ok(())
        })
        .unwrap();
}
