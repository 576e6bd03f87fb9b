use clearway_contract::kit::{CHECKS, Device, Face, Fault, site};
use clearway_contract::{Answer, Ask, GateRow, Protocol, Site, judge};
use clearway_signals::{Capabilities, Channel, GroupKind, Millis, Mode, Owner, RowSet};
use proptest::prelude::*;

use super::{Exchange, Request, Values};
use crate::frame::{self, Name, Value};
use crate::profile::{Profile, Suffix, Version};

/// An agent over the kit's device: objects in, objects out.
struct Agent {
    exchange: Exchange,
    profile: Profile,
}

fn kit_site() -> Site {
    let mut site = site(Protocol::Ntcip);
    site.capabilities =
        Capabilities::PREEMPT.union(Capabilities::GROUP_STATES).union(Capabilities::DETECTORS);
    site
}

fn make(profile: Profile) -> impl Fn(&Site) -> Box<dyn Face> {
    move |site| Box::new(Agent { exchange: Exchange::new(site.clone(), profile), profile })
}

impl Face for Agent {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        let mut values = Values::new();
        let requests = self.exchange.requests(ask);
        if matches!(ask, Ask::Write(_)) && requests.is_empty() {
            return Answer::Refused("not carried".into());
        }
        for request in requests {
            match request {
                Request::Get(names) => {
                    assert!(names.len() <= self.profile.names_max);
                    for name in names {
                        match value(&self.profile, device, &name) {
                            Some(value) => drop(values.insert(name, value)),
                            None => self.exchange.mark_absent(name),
                        }
                    }
                }
                Request::Set(bindings) => {
                    let mut calls = device.calls;
                    for (name, value) in bindings {
                        let number = (1..=255).find(|n| frame::PREEMPT_CALL.of(*n) == name).expect("a call");
                        let row = device.row_of_number(Channel::Preempt, number).expect("a row");
                        calls = if value == 1 { calls.with(row) } else { without(calls, row) };
                    }
                    let lives = device.dead_man;
                    if !device.write(calls, lives) {
                        return Answer::Refused("genErr".into());
                    }
                    return Answer::Written(0);
                }
            }
        }
        self.exchange.answer(ask, &values)
    }
}

fn without(set: RowSet, row: clearway_signals::RowId) -> RowSet {
    set.iter().filter(|other| *other != row).fold(RowSet::EMPTY, RowSet::with)
}

fn value(profile: &Profile, device: &Device, name: &Name) -> Option<Value> {
    use Value::{Integer, Octets};
    let scalars = [
        (frame::UPTIME, device.uptime().0 / 10),
        (frame::BACKUP_TIME, device.dead_man.0 / 1000),
        (frame::CONTROL_STATUS, if device.mode == Mode::Backup { 4 } else { 2 }),
        (frame::FLASH_STATUS, if device.mode == Mode::Flash { 3 } else { 2 }),
        (frame::UNIT_CONTROL, 0),
        (frame::USER_BACKUP_TIME, 0),
        (frame::VOLUME_SEQUENCE, 1),
    ];
    if let Some((_, value)) = scalars.iter().find(|(object, _)| profile.scalar(object) == *name) {
        return Some(Integer(*value));
    }
    if *name == frame::MODULE_VERSION.of(1) {
        return Some(Octets(format!("1.0 {:08x}", device.configuration_hash).into_bytes()));
    }
    let number = u8::try_from(*name.0.last()?).ok()?;
    let is = |object: frame::Object| object.of(number) == *name;
    for object in [frame::GREENS, frame::YELLOWS, frame::WALKS, frame::PED_CLEARS, frame::DETECTORS_ACTIVE] {
        if is(object) {
            return Some(Integer(0));
        }
    }
    if is(frame::VOLUME) {
        return Some(Integer(0));
    }
    let site = &device.site;
    if let Some(index) = site.group_numbers.iter().position(|n| *n == number) {
        let group = site.groups[index];
        let walks = group.kind == GroupKind::Pedestrian;
        for (object, value) in [
            (frame::PHASE_WALK, if walks { group.min_green.0 / 1000 } else { 0 }),
            (frame::PHASE_PED_CLEAR, group.clearance.0 / 1000),
            (frame::PHASE_MIN_GREEN, if walks { 0 } else { group.min_green.0 / 1000 }),
            (frame::PHASE_YELLOW, group.yellow.0 / 100),
            (frame::PHASE_RED, 20),
        ] {
            if is(object) {
                return Some(Integer(value));
            }
        }
    }
    let id = device.row_of_number(Channel::Preempt, number)?;
    let row = site.rows[id.index()];
    let list: Vec<u8> = row.dwell.iter().map(|group| site.group_numbers[group.index()]).collect();
    for (object, octets) in [
        (frame::PREEMPT_DWELL_PHASE, list),
        (frame::PREEMPT_DWELL_PED, vec![]),
        (frame::PREEMPT_TRACK_PHASE, vec![]),
        (frame::PREEMPT_DWELL_OVERLAP, vec![0]),
    ] {
        if is(object) {
            return Some(Octets(octets));
        }
    }
    let called = device.calls.contains(id);
    let state = if device.outlived.contains(id) {
        9
    } else if called {
        6
    } else {
        2
    };
    for (object, value) in [
        (frame::PREEMPT_CONTROL, 0b1_0001),
        (frame::PREEMPT_LINK, 0),
        (frame::PREEMPT_DELAY, row.delay.0 / 1000),
        (frame::PREEMPT_MIN_DURATION, row.min_duration.0 / 1000),
        (frame::PREEMPT_MIN_GREEN, 255),
        (frame::PREEMPT_MIN_WALK, 255),
        (frame::PREEMPT_PED_CLEAR, 255),
        (frame::PREEMPT_DWELL_GREEN, row.min_dwell.0 / 1000),
        (frame::PREEMPT_MAX_PRESENCE, row.max_presence.0 / 1000),
        (frame::PREEMPT_STATE, state),
        (frame::PREEMPT_YELLOW, 255),
        (frame::PREEMPT_RED, 255),
        (frame::PREEMPT_CALL, called.into()),
    ] {
        if is(object) {
            return Some(Integer(value));
        }
    }
    None
}

fn reading(profile: Profile, device: &mut Device) -> clearway_contract::GateReading {
    let mut agent = make(profile)(&device.site);
    match agent.exchange(&Ask::Gate, device) {
        Answer::Gate(reading) => *reading,
        other => panic!("{other:?}"),
    }
}

#[test]
fn conformance() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&kit_site(), &make(Profile::STANDARD));
    }
}

#[test]
fn conformance_of_a_controller_with_another_suffix_and_small_messages() {
    let profile = Profile { suffix: Suffix::None, names_max: 7, ..Profile::STANDARD };
    for (_, check) in CHECKS {
        check(&kit_site(), &make(profile));
    }
}

#[test]
fn a_healthy_controller_arms_and_the_reading_holds_what_the_objects_say() {
    let mut device = Device::new(kit_site());
    let reading = reading(Profile::STANDARD, &mut device);
    assert_eq!(reading.dead_man, Some(Millis::from_s(15)));
    assert_eq!(reading.phases.map(|phases| phases.red), Some(Millis(2_000)));
    assert!(judge(&device.site, &reading, 1, Millis::ZERO).is_ok());
    assert_eq!(device.site.rows[0].owner, Owner::Other);
    assert!(reading.rows[0].overrides && !reading.rows[0].present);
}

#[test]
fn a_controller_of_version_1_arms_only_by_waiver_of_its_entry() {
    struct Old(Exchange);
    let mut device = Device::new(kit_site());
    device.fault = Fault::None;
    let profile = Profile { version: Version::V01, ..Profile::STANDARD };
    let judged = |profile: Profile| {
        let mut old = Old(Exchange::new(device.site.clone(), profile));
        let mut values = Values::new();
        for request in old.0.requests(&Ask::Gate) {
            let Request::Get(names) = request else { panic!("a read") };
            for name in names {
                let modern = [frame::PREEMPT_YELLOW, frame::PREEMPT_RED]
                    .iter()
                    .any(|object| [3, 4].iter().any(|row| object.of(*row) == name));
                match value(&profile, &device, &name).filter(|_| !modern) {
                    Some(value) => drop(values.insert(name, value)),
                    None => old.0.mark_absent(name),
                }
            }
        }
        let Answer::Gate(reading) = old.0.answer(&Ask::Gate, &values) else { panic!("a reading") };
        judge(&device.site, &reading, 1, Millis::ZERO).map_err(|found| found[0].row)
    };
    assert_eq!(judged(profile).map(|_| ()), Err(GateRow::EntryIntervals));
    assert!(judged(Profile { entry_keeps_intervals: true, ..profile }).is_ok());
}

#[test]
fn the_user_defined_timer_replaces_the_other_and_blinds_the_gate() {
    let device = Device::new(kit_site());
    let mut exchange = Exchange::new(device.site.clone(), Profile::STANDARD);
    let mut values = Values::new();
    for request in exchange.requests(&Ask::Gate) {
        let Request::Get(names) = request else { panic!("a read") };
        for name in names {
            let timer = name == Profile::STANDARD.scalar(&frame::USER_BACKUP_TIME);
            let value =
                if timer { Some(Value::Integer(30)) } else { value(&Profile::STANDARD, &device, &name) };
            match value {
                Some(value) => drop(values.insert(name, value)),
                None => exchange.mark_absent(name),
            }
        }
    }
    let Answer::Gate(reading) = exchange.answer(&Ask::Gate, &values) else { panic!("a reading") };
    assert_eq!((reading.dead_man, reading.dead_man_watches_calls), (Some(Millis::from_s(30)), false));
}

#[test]
fn an_answer_that_lacks_an_object_is_a_failure() {
    let mut exchange = Exchange::new(kit_site(), Profile::STANDARD);
    assert!(matches!(exchange.answer(&Ask::Status, &Values::new()), Answer::Failed(_)));
}

proptest! {
    #[test]
    fn x8_no_value_makes_the_exchange_panic(numbers in proptest::collection::vec(any::<i64>(), 1..50), octets in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut exchange = Exchange::new(kit_site(), Profile::STANDARD);
        let mut next = numbers.iter().cycle();
        for ask in [Ask::Gate, Ask::Status, Ask::Counts] {
            let mut values = Values::new();
            for request in exchange.requests(&ask) {
                let Request::Get(names) = request else { continue };
                for name in names {
                    let number = *next.next().expect("cycles");
                    let value = if number % 3 == 0 { Value::Octets(octets.clone()) } else { Value::Integer(number) };
                    values.insert(name, value);
                }
            }
            let _ = exchange.answer(&ask, &values);
        }
    }
}
