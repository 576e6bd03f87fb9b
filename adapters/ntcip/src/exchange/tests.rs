use clearway_contract::kit::{Bench, CHECKS, CROSS, Device, Face, MAIN, TRANSIT, assertion, release, site};
use clearway_contract::{Answer, Ask, Protocol, Site, StatusReading};
use clearway_signals::{
    Capabilities, Channel, GroupKind, GroupSet, Millis, Mode, PreemptState, RequestState, RowKind, RowSet,
};
use proptest::prelude::*;

use super::{Exchange, Request};
use crate::facts::{Coordination, ExitType};
use crate::frame::{self, Data, Name, Value};
use crate::outputs::Output;
use crate::priority::{PriorityRequest, PrsStatus, Selector, StatusBlock};
use crate::profile::{PriorityProfile, Profile, Suffix};
use crate::values::Values;

/// An agent over the kit's device: objects in, objects out.
struct Agent {
    exchange: Exchange,
    profile: Profile,
    /// What its priority server says of any request that it does not hold.
    closed: PrsStatus,
    /// The blocks that it was sent, by object.
    blocks: Vec<&'static str>,
}

impl Agent {
    fn new(site: &Site, profile: Profile) -> Self {
        let exchange = Exchange::new(site.clone(), profile.clone());
        Self { exchange, profile, closed: PrsStatus::IdleNotValid, blocks: Vec::new() }
    }

    /// Take a write; `None` when it is refused.
    fn set(&mut self, device: &mut Device, bindings: Vec<(Name, Data)>) -> Option<()> {
        let mut calls = device.calls;
        for (name, data) in bindings {
            calls = match data {
                Data::Integer(value) => {
                    let number = (1..=255).find(|n| frame::PREEMPT_CALL.of(*n) == name).expect("a call");
                    let row = device.row_of_number(Channel::Preempt, number).expect("a row");
                    if value == 1 { calls.with(row) } else { without(calls, row) }
                }
                Data::Octets(block) => self.prioritise(device, calls, &name, &block),
            };
        }
        let lives = device.dead_man;
        device.write(calls, lives).then_some(())
    }

    fn prioritise(&mut self, device: &mut Device, calls: RowSet, name: &Name, block: &[u8]) -> RowSet {
        let of = |object: &frame::Object| self.profile.scalar(object) == *name;
        let object = frame::OBJECTS.iter().filter(|object| object.instance == frame::Instance::Scalar);
        self.blocks.push(object.clone().find(|object| of(object)).expect("an object").name);
        let row = |strategy| device.row_of_number(Channel::Priority, strategy).expect("a strategy");
        if of(&frame::PRIORITY_CANCEL) || of(&frame::PRIORITY_CLEAR) {
            let selector = Selector::decode(block).expect("a selector");
            return without(calls, row(selector.strategy));
        }
        let request = match PriorityRequest::decode_absolute(block) {
            Ok((request, 1_700_000_000)) => request,
            Ok((_, other)) => panic!("{other} is another second"),
            Err(_) => PriorityRequest::decode(block).expect("a request"),
        };
        assert!(request.departure_s > request.service_s);
        let row = row(request.selector.strategy);
        // A block counts whole seconds.
        let second = Millis(device.now.0 / 1000 * 1000);
        device.arrivals.push((second, Millis::from_s(request.service_s.into())));
        calls.with(row)
    }

    fn status_block(&self, device: &Device, selector: &[u8]) -> Value {
        let selector = Selector::decode(selector).expect("a selector");
        let row = device.row_of_number(Channel::Priority, selector.strategy).expect("a strategy");
        let status = if device.calls.contains(row) { PrsStatus::ReadyQueued } else { self.closed };
        Value::Octets(StatusBlock { selector, status, reserved: 0 }.encode().to_vec())
    }
}

pub(super) fn kit_site() -> Site {
    let mut site = site(Protocol::Ntcip);
    site.capabilities =
        Capabilities::PREEMPT.union(Capabilities::GROUP_STATES).union(Capabilities::DETECTORS);
    site
}

pub(super) fn priority_site() -> Site {
    site(Protocol::Ntcip)
}

fn make(profile: Profile) -> impl Fn(&Site) -> Box<dyn Face> {
    move |site| Box::new(Agent::new(site, profile.clone()))
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
                            Some(value) => values.insert(name, value),
                            None => self.exchange.mark_absent(name),
                        }
                    }
                }
                Request::Set(bindings) => {
                    if self.set(device, bindings).is_none() {
                        return Answer::Refused("genErr".into());
                    }
                }
                Request::Select { selector, buffer, .. } => {
                    values.insert(buffer, self.status_block(device, &selector));
                }
            }
        }
        if matches!(ask, Ask::Write(_)) { Answer::Written(0) } else { self.exchange.answer(ask, &values) }
    }
}

fn without(set: RowSet, row: clearway_signals::RowId) -> RowSet {
    set.iter().filter(|other| *other != row).fold(RowSet::EMPTY, RowSet::with)
}

pub(super) fn value(profile: &Profile, device: &Device, name: &Name) -> Option<Value> {
    use Value::{Integer, Octets};
    let scalars = [
        (frame::UPTIME, device.uptime().0 / 10),
        (frame::BACKUP_TIME, device.dead_man.0 / 1000),
        (frame::CONTROL_STATUS, if device.mode == Mode::Backup { 4 } else { 2 }),
        (frame::FLASH_STATUS, if device.mode == Mode::Flash { 3 } else { 2 }),
        (frame::UNIT_CONTROL, 0),
        (frame::USER_BACKUP_TIME, 0),
        (frame::WATCHED_MAX, 20),
        (frame::VOLUME_SEQUENCE, 1),
        (frame::GLOBAL_TIME, 1_700_000_000),
        (frame::PATTERN, 3),
        (frame::FREE, 2),
        (frame::CYCLE_LEFT, 30),
        (frame::CYCLE_POSITION, 60),
        (frame::MAX_PREEMPTS, 4),
    ];
    if let Some((_, value)) = scalars.iter().find(|(object, _)| profile.scalar(object) == *name) {
        return Some(Integer(*value));
    }
    if *name == frame::MODULE_VERSION.of(1) {
        return Some(Octets(format!("1.0 cfg={:08x}", device.configuration_hash).into_bytes()));
    }
    if [frame::MODULE_MAKE.of(1), frame::MODULE_MODEL.of(1)].contains(name) {
        return Some(Octets(b"kit".to_vec()));
    }
    if profile.scalar(&frame::PRIORITY_STATUS_BUFFER) == *name {
        return Some(Octets(vec![0; 23]));
    }
    let number = u8::try_from(*name.arcs().last()?).ok()?;
    let is = |object: frame::Object| object.of(number) == *name;
    for object in [frame::GREENS, frame::YELLOWS, frame::WALKS, frame::PED_CLEARS, frame::DETECTORS_ACTIVE] {
        if is(object) {
            return Some(Integer(0));
        }
    }
    if is(frame::VOLUME) || is(frame::OCCUPANCY) {
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
        (frame::PREEMPT_EXIT_PHASE, vec![1, 2]),
        (frame::PREEMPT_TRACK_OVERLAP, vec![]),
        (frame::PREEMPT_DWELL_OVERLAP, vec![0]),
        (frame::PREEMPT_CYCLING_PHASE, vec![]),
        (frame::PREEMPT_CYCLING_PED, vec![]),
        (frame::PREEMPT_CYCLING_OVERLAP, vec![]),
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
        (frame::PREEMPT_EXIT_TYPE_28, 4),
        (frame::PREEMPT_CALL, called.into()),
    ] {
        if is(object) {
            return Some(Integer(value));
        }
    }
    None
}

#[test]
fn conformance() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&kit_site(), &make(Profile::STANDARD));
    }
}

#[test]
fn conformance_with_priority_requests() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&priority_site(), &make(Profile::STANDARD));
    }
}

#[test]
fn conformance_of_a_controller_with_another_suffix_and_small_messages() {
    let profile = Profile { suffix: Suffix::None, names_max: 7, ..Profile::STANDARD };
    for (_, check) in CHECKS {
        check(&kit_site(), &make(profile.clone()));
    }
}

/// A controller whose readings show no call.
struct Hiding(Agent);

impl Face for Hiding {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        match self.0.exchange(ask, device) {
            Answer::Status(reading) => Answer::Status(StatusReading { calls: RowSet::EMPTY, ..reading }),
            answer => answer,
        }
    }
}

#[test]
fn s11_a_call_puts_off_what_an_engine_before_left_and_no_reading_shows() {
    let site = kit_site();
    let hiding = |site: &Site| Box::new(Hiding(Agent::new(site, Profile::STANDARD))) as Box<dyn Face>;
    let mut bench = Bench::new(&site, &hiding);
    bench.device.calls = RowSet::of(CROSS);
    bench.run_until(Millis::from_s(1));
    bench.offer(&assertion(&site, MAIN, 1, 1, bench.now, bench.now + Millis::from_s(20)));
    bench.run_until(Millis::from_s(3));
    assert_eq!(bench.device.calls, RowSet::of(MAIN));
    assert!(bench.device.writes.iter().all(|(_, calls)| !calls.contains(CROSS)), "never both");
}

#[test]
fn an_answer_that_lacks_an_object_is_a_failure() {
    let mut exchange = Exchange::new(kit_site(), Profile::STANDARD);
    assert!(matches!(exchange.answer(&Ask::Status, &Values::new()), Answer::Failed(_)));
}

pub(super) fn asked(exchange: &mut Exchange, ask: &Ask, value: impl Fn(&Name) -> Option<Value>) -> Answer {
    let mut values = Values::new();
    for request in exchange.requests(ask) {
        let names = match request {
            Request::Get(names) => names,
            Request::Select { buffer, .. } => vec![buffer],
            Request::Set(_) => panic!("a write in a reading"),
        };
        for name in names {
            match value(&name) {
                Some(value) => values.insert(name, value),
                None => exchange.mark_absent(name),
            }
        }
    }
    exchange.answer(ask, &values)
}

#[test]
fn groups_are_read_where_the_binding_shows_them() {
    let outputs = [Output::Overlap(9), Output::Channel(3), Output::Phase(4)];
    let mut exchange = Exchange::bound(kit_site(), Profile::STANDARD, &outputs);
    let lit = |name: &Name| {
        let lamps = [frame::OVERLAP_GREENS.of(2), frame::CHANNEL_YELLOWS.of(1), frame::PED_CLEARS.of(1)];
        let bits = [0b1, 0b100, 0b1000];
        let at = lamps.iter().position(|lamp| lamp == name);
        Some(Value::Integer(at.map_or(2, |at| bits[at])))
    };
    let Answer::Status(reading) = asked(&mut exchange, &Ask::Status, lit) else { panic!("a status") };
    assert_eq!(reading.status.greens, GroupSet(0b001));
    assert_eq!(reading.status.yellows, GroupSet(0b010));
    assert_eq!(reading.status.clearing, GroupSet(0b100));
}

#[test]
fn identity_coordination_exit_and_clock_are_noted() {
    let mut device = Device::new(kit_site());
    let mut agent = Agent::new(&device.site, Profile::STANDARD);
    agent.exchange(&Ask::Gate, &mut device);
    agent.exchange(&Ask::Counts, &mut device);
    let facts = agent.exchange.facts();
    assert_eq!(facts.exits, [(3, ExitType::ExitCoord), (4, ExitType::ExitCoord)]);
    assert_eq!((facts.max_preempts, facts.clock_epoch_s), (Some(4), Some(1_700_000_000)));
    let coordination = Coordination { pattern: 3, free: 2, cycle_left_s: 30, cycle_position_s: 60 };
    assert_eq!(facts.coordination, Some(coordination));
    assert!(facts.identity.version.contains(&format!("{:08x}", device.configuration_hash)));
}

#[test]
fn a_detector_is_stood_upon_when_it_stays_occupied_and_a_faulty_one_says_nothing() {
    let mut site = kit_site();
    site.detectors = vec![1, 2];
    let mut exchange = Exchange::new(site, Profile::STANDARD);
    let mut sequence = 0;
    let mut reading = |present: i64, shares: [Option<i64>; 2]| {
        sequence += 1;
        let mut values = Values::new();
        values.insert(Profile::STANDARD.scalar(&frame::VOLUME_SEQUENCE), Value::Integer(sequence));
        values.insert(frame::DETECTORS_ACTIVE.of(1), Value::Integer(present));
        for other in
            [frame::PATTERN, frame::FREE, frame::CYCLE_LEFT, frame::CYCLE_POSITION, frame::GLOBAL_TIME]
        {
            values.insert(Profile::STANDARD.scalar(&other), Value::Integer(1));
        }
        for (number, share) in (1..).zip(shares) {
            values.insert(frame::VOLUME.of(number), Value::Integer(4));
            match share {
                Some(share) => values.insert(frame::OCCUPANCY.of(number), Value::Integer(share)),
                None => exchange.mark_absent(frame::OCCUPANCY.of(number)),
            }
        }
        match exchange.answer(&Ask::Counts, &values) {
            Answer::Counts(vehicles, occupied) => (vehicles, occupied),
            other => panic!("{other:?}"),
        }
    };
    let (vehicles, stood) = ([4, 4].to_vec(), |one, other| [one, other].to_vec());
    assert_eq!(
        reading(0b00, [Some(20); 2]),
        (vec![0, 0], stood(false, false)),
        "the first period was another's"
    );
    assert_eq!(reading(0b01, [Some(20); 2]), (vehicles.clone(), stood(false, false)), "somebody passes");
    assert_eq!(reading(0b01, [Some(20); 2]), (vehicles.clone(), stood(true, false)), "and stays");
    assert_eq!(reading(0b00, [Some(180); 2]), (vehicles.clone(), stood(false, false)), "and is gone");
    assert_eq!(reading(0b10, [Some(20), Some(160)]), (vehicles.clone(), stood(false, true)), "it was long");
    assert_eq!(
        reading(0b11, [Some(210); 2]),
        (vec![0, 0], stood(false, false)),
        "a fault: presence too long"
    );
    assert_eq!(reading(0b11, [None; 2]), (vehicles, stood(true, true)), "no share is measured");
}

#[test]
fn an_absent_object_is_never_asked_for() {
    let profile = Profile { absent: vec!["sysUpTime".into()], ..Profile::STANDARD };
    let mut exchange = Exchange::new(kit_site(), profile.clone());
    let uptime = profile.scalar(&frame::UPTIME);
    let answer = asked(&mut exchange, &Ask::Status, |name| {
        assert_ne!(*name, uptime);
        value(&profile, &Device::new(kit_site()), name)
    });
    let Answer::Status(reading) = answer else { panic!("{answer:?}") };
    assert_eq!(reading.uptime, None);
}

/// A keeper that asks the transit row for half a minute, and the objects that it wrote.
fn transit(profile: Profile, closed: PrsStatus) -> (Bench, Vec<&'static str>) {
    use std::sync::{Arc, Mutex};
    struct Watched(Agent, Arc<Mutex<Vec<&'static str>>>);
    impl Face for Watched {
        fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
            self.0.exchange.set_wall(1_700_000_000_000);
            let answer = self.0.exchange(ask, device);
            self.1.lock().expect("alone").clone_from(&self.0.blocks);
            answer
        }
    }
    let blocks = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&blocks);
    let make = move |site: &Site| -> Box<dyn Face> {
        let agent = Agent { closed, ..Agent::new(site, profile.clone()) };
        Box::new(Watched(agent, Arc::clone(&seen)))
    };
    let site = priority_site();
    let mut bench = Bench::new(&site, &make);
    bench.run_until(Millis::from_s(3));
    let now = bench.now;
    bench.offer(&assertion(&site, TRANSIT, 1, 1, now, Millis::from_s(30)));
    bench.run_until(Millis::from_s(6));
    let now = bench.now;
    bench.offer(&release(&site, TRANSIT, 1, 2, now));
    bench.run_until(Millis::from_s(8));
    let now = bench.now;
    bench.offer(&assertion(&site, TRANSIT, 2, 1, now, Millis::from_s(30)));
    bench.run_until(Millis::from_s(9));
    let blocks = blocks.lock().expect("alone").clone();
    (bench, blocks)
}

#[test]
fn a_priority_request_is_made_updated_cancelled_cleared_and_made_anew() {
    let (bench, blocks) = transit(Profile::STANDARD, PrsStatus::ClosedCanceled);
    let updates = blocks.iter().filter(|block| **block == "prgPriorityUpdate").count();
    assert!((2..=6).contains(&updates), "{blocks:?}");
    let mut steps: Vec<&str> = blocks.iter().filter_map(|name| name.strip_prefix("prgPriority")).collect();
    steps.dedup();
    // What a generator before us left as closed is cleared first.
    let expected = ["Clear", "Request", "Update", "Cancel", "Clear", "Request"];
    assert_eq!(steps[..6], expected);
    assert_eq!(bench.device.calls, RowSet::of(TRANSIT));
}

#[test]
fn the_absolute_variants_carry_the_wall_clock() {
    let absolute = PriorityProfile { absolute: true, ..PriorityProfile::default() };
    let (_, blocks) = transit(Profile { priority: absolute, ..Profile::STANDARD }, PrsStatus::IdleNotValid);
    assert!(blocks.contains(&"prgPriorityRequestAbsolute") && blocks.contains(&"prgPriorityUpdateAbsolute"));
    assert!(!blocks.contains(&"prgPriorityRequest"));
}

fn status(agent: &mut Agent, device: &mut Device) -> StatusReading {
    match agent.exchange(&Ask::Status, device) {
        Answer::Status(reading) => reading,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_of_the_fifteen_states_of_a_request_is_read() {
    for code in PrsStatus::ALL {
        let mut device = Device::new(priority_site());
        let mut agent = Agent { closed: code, ..Agent::new(&device.site, Profile::STANDARD) };
        agent.exchange(&Ask::Connect, &mut device);
        // What was over before we asked for anything is not ours.
        assert_eq!(status(&mut agent, &mut device).ended, None);
        agent.exchange.priorities.pretend_asked(TRANSIT);
        let reading = status(&mut agent, &mut device);
        let served = Some(TRANSIT).filter(|_| code.is_active());
        let held = if code.is_held() { RowSet::of(TRANSIT) } else { RowSet::EMPTY };
        let end = Some(code.state(RequestState::Received)).filter(|_| code.is_closed());
        assert_eq!((reading.status.active, reading.calls), (served, held), "{code:?}");
        assert_eq!(reading.ended, end.map(|state| (TRANSIT, state)), "{code:?}");
        // Priority is no preemption, and an end is said once.
        assert_eq!(reading.status.preempt, PreemptState::NotActive);
        assert_eq!(status(&mut agent, &mut device).ended, None);
    }
}

#[test]
fn x9_a_buffer_about_another_request_is_no_answer() {
    let mut exchange = Exchange::new(priority_site(), Profile::STANDARD);
    let other = Selector { request: 9, strategy: 9, ..Selector::default() };
    let block = StatusBlock { selector: other, status: PrsStatus::ActiveProcessing, reserved: 0 };
    let buffer = Profile::STANDARD.scalar(&frame::PRIORITY_STATUS_BUFFER);
    let answer = asked(&mut exchange, &Ask::Status, |name| {
        Some(if *name == buffer { Value::Octets(block.encode().to_vec()) } else { Value::Integer(2) })
    });
    assert!(matches!(answer, Answer::Failed(_)));
}

#[test]
fn an_emergency_row_on_the_priority_channel_is_never_asked() {
    let mut site = priority_site();
    site.rows[TRANSIT.index()].kind = RowKind::Emergency;
    let mut exchange = Exchange::new(site, Profile::STANDARD);
    assert!(exchange.requests(&Ask::Status).iter().all(|request| matches!(request, Request::Get(_))));
}

proptest! {
    #[test]
    fn x8_no_value_makes_the_exchange_panic(numbers in proptest::collection::vec(any::<i64>(), 1..50), octets in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut exchange = Exchange::new(priority_site(), Profile::STANDARD);
        let mut next = numbers.iter().cycle();
        for ask in [Ask::Gate, Ask::Status, Ask::Counts] {
            let mut values = Values::new();
            for request in exchange.requests(&ask) {
                let names = match request {
                    Request::Get(names) => names,
                    Request::Select { buffer, .. } => vec![buffer],
                    Request::Set(_) => continue,
                };
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
