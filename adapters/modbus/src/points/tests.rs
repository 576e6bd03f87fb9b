use clearway_contract::kit::{CHECKS, CROSS, Device, Face, MAIN, PACE, TRANSIT, site};
use clearway_contract::{Answer, Ask, GateRow, Pace, Protocol, Site, judge};
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RowId, RowSet};
use proptest::prelude::*;

use super::PointExchange;
use super::profile::{Place, Profile, ProfileError, REMOTE_IO, Table};
use crate::exchange::Request;
use crate::frame::Span;

/// A programmable controller with a register for each request and a heartbeat.
const PLC: &str = r#"
name = "PLC"
unit = 9
heartbeat = 50
identity = [{ holding = 0, equals = 77 }]

[watchdog]
timeout = { input = 10 }
unit_ms = 1000
require = [{ coil = 100, equals = 1 }]

[mode]
normal = { input = 11, bit = 0, inverted = true }
flash = { input = 11, bit = 1 }

[[row]]
channel = "preempt"
number = 1
confirm = { input = 20 }

[[row]]
channel = "preempt"
number = 3
call = { holding = 30, on = 5, off = 0 }
confirm = { input = 21 }

[[row]]
channel = "preempt"
number = 4
call = { holding = 31, on = 5, off = 0 }

[[row]]
channel = "priority"
number = 1
call = { holding = 32, on = 1, off = 2 }

[[group]]
number = 2
green = { discrete = 4 }
yellow = { discrete = 5 }

[[detector]]
number = 1
occupied = { discrete = 60 }
count = { input = 61 }
"#;

/// A point server over the kit's device, with a connection that a restart breaks.
struct Server {
    exchange: PointExchange,
    connected_to: Option<Millis>,
}

impl Server {
    fn new(profile: &str, site: &Site) -> Self {
        let profile = Profile::parse(profile).expect("a sound profile");
        let commissioned = Some(site.junction().configuration_hash());
        Self { exchange: PointExchange::new(site.clone(), profile, commissioned), connected_to: None }
    }

    fn value(&self, at: Place, device: &Device) -> u16 {
        let profile = self.exchange.profile();
        let right = device.configuration_hash == device.site.junction().configuration_hash();
        if let Some(expected) = profile.identity.iter().find(|expected| expected.at == at) {
            return if right { expected.equals } else { !expected.equals };
        }
        if let Some(expected) = profile.watchdog.require.iter().find(|expected| expected.at == at) {
            return expected.equals;
        }
        if at == profile.watchdog.timeout.at {
            return u16::try_from(device.dead_man.0 / i64::from(profile.watchdog.unit_ms)).expect("short");
        }
        let bound = |id: RowId| {
            let row = &device.site.rows[id.index()];
            profile.row(row.channel, row.number).and_then(|points| points.call)
        };
        let rows = (0..4).map(RowId);
        let mut called =
            rows.filter_map(|id| bound(id).filter(|call| call.at() == at).map(|call| (id, call)));
        match called.next().map(|(id, call)| (device.calls.contains(id), call)) {
            Some((on, super::Call::Coil(_))) => return on.into(),
            Some((true, super::Call::Register { on, .. })) => return on,
            Some((false, super::Call::Register { off, .. })) => return off,
            None => {}
        }
        let flash = u16::from(device.mode == Mode::Flash);
        match (at.table, at.address) {
            (Table::Discretes, 0) => 1 - flash,
            (Table::Discretes, 1) => flash,
            (Table::Inputs, 11) => flash * 0b11,
            _ => 0,
        }
    }

    fn write(&self, request: &Request, device: &mut Device) -> bool {
        let (table, address, value) = match *request {
            Request::WriteCoil(address, on) => (Table::Coils, address, u16::from(on)),
            Request::WriteRegister(address, value) => (Table::Holdings, address, value),
            _ => panic!("{request:?}"),
        };
        if self.exchange.profile().heartbeat == Some(address) && table == Table::Holdings {
            return true;
        }
        let profile = self.exchange.profile();
        let written = (0u8..).zip(device.site.rows.clone()).find_map(|(id, row)| {
            let call = profile.row(row.channel, row.number)?.call?;
            (call.at() == Place { table, address }).then_some((RowId(id), call))
        });
        let (row, call) = written.expect("a point of a row");
        let calls = if call.is_on(value) {
            if row == TRANSIT {
                device.arrivals.push((device.now, Millis::ZERO));
            }
            device.calls.with(row)
        } else {
            device.calls.iter().filter(|called| *called != row).fold(RowSet::EMPTY, RowSet::with)
        };
        device.write(calls, device.dead_man)
    }
}

impl Face for Server {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        let requests = self.exchange.requests(ask);
        if *ask == Ask::Connect {
            self.connected_to = Some(device.started);
            return Answer::Connected;
        }
        if self.connected_to != Some(device.started) {
            return Answer::Failed("connection reset".into());
        }
        let mut values = Vec::new();
        for request in requests {
            let (table, Span { first, count }) = match request {
                Request::Read(span) => (Table::Inputs, span),
                Request::ReadHoldings(span) => (Table::Holdings, span),
                Request::ReadCoils(span) => (Table::Coils, span),
                Request::ReadDiscretes(span) => (Table::Discretes, span),
                write if self.write(&write, device) => continue,
                _ => return Answer::Refused("refused".into()),
            };
            let run = (first..first + count).map(|address| self.value(Place { table, address }, device));
            values.push(run.collect());
        }
        if matches!(ask, Ask::Write(_)) { Answer::Written(0) } else { self.exchange.answer(ask, &values) }
    }

    fn pace(&self) -> Pace {
        Pace { failures_max: 1, ..PACE }
    }
}

/// Two properties of the kit need what a contact has not: a maximum presence that shows, an arrival.
const NOT_OF_CONTACTS: [&str; 2] =
    ["s9_a_call_beyond_its_maximum_presence_is_given_up", "a_priority_request_carries_its_arrival"];

fn conforms(profile: &str) {
    for (name, check) in CHECKS.iter().filter(|(name, _)| !NOT_OF_CONTACTS.contains(name)) {
        println!("{name}");
        check(&site(Protocol::Modbus), &|site| Box::new(Server::new(profile, site)));
    }
}

#[test]
fn conformance_of_remote_io() {
    conforms(REMOTE_IO);
}

#[test]
fn conformance_of_a_register_profile() {
    conforms(PLC);
}

fn gate_of(profile: &str, change: impl Fn(&mut Vec<Vec<u16>>)) -> Vec<GateRow> {
    let device = Device::new(site(Protocol::Modbus));
    let mut server = Server::new(profile, &device.site);
    let mut values: Vec<Vec<u16>> = Vec::new();
    for request in server.exchange.requests(&Ask::Gate) {
        let (table, Span { first, count }) = match request {
            Request::Read(span) => (Table::Inputs, span),
            Request::ReadHoldings(span) => (Table::Holdings, span),
            Request::ReadCoils(span) => (Table::Coils, span),
            Request::ReadDiscretes(span) => (Table::Discretes, span),
            _ => panic!("a gate writes nothing"),
        };
        values.push(
            (first..first + count).map(|a| server.value(Place { table, address: a }, &device)).collect(),
        );
    }
    change(&mut values);
    let Answer::Gate(reading) = server.exchange.answer(&Ask::Gate, &values) else { panic!("a reading") };
    match judge(&device.site, &reading, 1, Millis::ZERO) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(|finding| finding.row).collect(),
    }
}

/// One test for each cell: this point of the PLC fails in this row of the table.
macro_rules! cells {
    ($($name:ident: $row:ident, $run:literal, $index:literal, $value:literal;)+) => {$(
        #[test]
        fn $name() {
            let found = gate_of(PLC, |values| values[$run][$index] = $value);
            assert!(!found.is_empty() && found.iter().all(|row| *row == GateRow::$row), "{found:?}");
        }
    )+};
}

// Runs in the order of the tables: coil 100; holding 0; inputs 10 and 11.
cells! {
    gate_identity_of_the_device: Identity, 1, 0, 78;
    gate_mode_not_normal: Mode, 2, 1, 0b01;
    gate_mode_flash: Mode, 2, 1, 0b10;
    gate_dead_man_would_not_drop_the_outputs: DeadMan, 0, 0, 0;
    gate_dead_man_off: DeadMan, 2, 0, 0;
    gate_dead_man_too_long: DeadMan, 2, 0, 61;
}

#[test]
fn gate_a_healthy_module_arms_and_an_unwired_row_does_not() {
    assert_eq!(gate_of(PLC, |_| {}), []);
    let unwired = PLC.replace("call = { holding = 31, on = 5, off = 0 }", "");
    assert_eq!(gate_of(&unwired, |_| {}), [GateRow::OwnRows]);
}

#[test]
fn a_model_that_changed_since_commissioning_does_not_arm() {
    let device = Device::new(site(Protocol::Modbus));
    let now = device.site.junction().configuration_hash();
    for commissioned in [None, Some(now ^ 1)] {
        let profile = Profile::parse(REMOTE_IO).expect("sound");
        let mut server = Server {
            exchange: PointExchange::new(device.site.clone(), profile, commissioned),
            connected_to: Some(Millis::ZERO),
        };
        let Answer::Gate(reading) = server.exchange(&Ask::Gate, &mut device.clone()) else {
            panic!("a reading")
        };
        let findings = judge(&device.site, &reading, 1, Millis::ZERO).expect_err("not commissioned");
        assert!(findings.iter().all(|finding| finding.row == GateRow::Identity), "{findings:?}");
    }
}

#[test]
fn a_status_shows_calls_lights_and_lamps() {
    let of = site(Protocol::Modbus);
    let mut exchange = Server::new(PLC, &of).exchange;
    // Discretes 4, 5; holdings 30 to 32; inputs 11; 20, 21.
    let read = |exchange: &mut PointExchange, values: [&[u16]; 4]| {
        let values: Vec<Vec<u16>> = values.iter().map(|run| run.to_vec()).collect();
        match exchange.answer(&Ask::Status, &values) {
            Answer::Status(reading) => reading,
            other => panic!("{other:?}"),
        }
    };
    let idle = read(&mut exchange, [&[0, 1], &[0, 0, 2], &[0], &[0, 0]]);
    assert_eq!((idle.calls, idle.status.preempt), (RowSet::EMPTY, PreemptState::NotActive));
    assert_eq!((idle.status.mode, idle.status.yellows), (Mode::Normal, GroupSet::of(GroupId(1))));
    let waiting = read(&mut exchange, [&[1, 0], &[5, 0, 2], &[0], &[0, 0]]);
    assert_eq!((waiting.calls, waiting.status.preempt), (RowSet::of(MAIN), PreemptState::NotActiveWithCall));
    assert_eq!(waiting.status.greens, GroupSet::of(GroupId(1)));
    let served = read(&mut exchange, [&[1, 0], &[5, 9, 1], &[0b10], &[0, 1]]);
    assert_eq!(served.calls, RowSet::of(MAIN).with(CROSS).with(TRANSIT), "what is not off counts as on");
    assert_eq!((served.status.active, served.status.preempt), (Some(MAIN), PreemptState::Dwell));
    assert_eq!(served.status.mode, Mode::Flash);
    let rail = read(&mut exchange, [&[1, 0], &[5, 0, 2], &[1], &[1, 0]]);
    assert_eq!((rail.status.active, rail.status.mode), (Some(RowId(0)), Mode::Fault));
    let counts = exchange.answer(&Ask::Counts, &[vec![1], vec![65_535]]);
    assert_eq!(counts, Answer::Counts(vec![0, 0], vec![true, false]));
    let counts = exchange.answer(&Ask::Counts, &[vec![0], vec![2]]);
    assert_eq!(counts, Answer::Counts(vec![3, 0], vec![false, false]));
}

#[test]
fn a_profile_that_contradicts_itself_is_refused_with_every_reason() {
    let wrong = |from: &str, to: &str| Profile::parse(&PLC.replace(from, to)).expect_err("refused");
    let points = |error| match error {
        ProfileError::Points(reasons) => reasons.len(),
        other => panic!("{other}"),
    };
    assert_eq!(points(wrong("unit = 9", "unit = 0")), 1);
    assert_eq!(points(wrong("unit_ms = 1000", "unit_ms = 0")), 1);
    assert_eq!(points(wrong("identity = [{ holding = 0, equals = 77 }]", "identity = []")), 1);
    assert_eq!(points(wrong("holding = 31,", "holding = 30,")), 1, "two calls on one register");
    assert_eq!(points(wrong("heartbeat = 50", "heartbeat = 30")), 1);
    assert_eq!(points(wrong("number = 4", "number = 3")), 1, "a row twice");
    assert_eq!(points(wrong("timeout = { input = 10 }", "timeout = { discrete = 10 }")), 1);
    for (from, to) in [
        ("on = 5, off = 0", "on = 5, off = 5"),
        ("{ holding = 30, on = 5, off = 0 }", "{ discrete = 30 }"),
        ("{ input = 20 }", "{ input = 20, coil = 20 }"),
        ("{ input = 20 }", "{ input = 20, bit = 16 }"),
        ("{ discrete = 4 }", "{ discrete = 4, bit = 1 }"),
        ("{ discrete = 4 }", "{}"),
        ("channel = \"priority\"", "channel = \"rail\""),
        ("name = \"PLC\"", "title = \"PLC\""),
    ] {
        assert!(matches!(wrong(from, to), ProfileError::Syntax(_)), "{to}");
    }
    let long = "#".repeat(super::profile::FILE_BYTES_MAX + 1);
    assert!(matches!(Profile::parse(&long), Err(ProfileError::Long(_))));
}

#[test]
fn what_goes_off_is_written_before_what_goes_on() {
    use clearway_contract::kit::{Bench, assertion};
    let of = site(Protocol::Modbus);
    let mut bench = Bench::new(&of, &|site| Box::new(Server::new(REMOTE_IO, site)));
    bench.run_until(Millis::from_s(2));
    for (request, row) in [(1, MAIN), (2, CROSS), (3, MAIN)] {
        let command = assertion(&of, row, request, 1, bench.now, bench.now + Millis::from_s(20));
        bench.offer(&command);
        let until = bench.now + Millis::from_s(3);
        bench.run_until(until);
        assert_eq!(bench.device.calls, RowSet::of(row));
    }
    let both = RowSet::of(MAIN).with(CROSS);
    assert!(bench.device.writes.iter().all(|(_, calls)| *calls != both), "{:?}", bench.device.writes);
}

proptest! {
    #[test]
    fn x8_no_value_makes_the_exchange_panic(words in proptest::collection::vec(any::<u16>(), 200), plc: bool) {
        let mut exchange = Server::new(if plc { PLC } else { REMOTE_IO }, &site(Protocol::Modbus)).exchange;
        for ask in [Ask::Gate, Ask::Status, Ask::Counts] {
            let blocks: Vec<Vec<u16>> = exchange
                .requests(&ask)
                .iter()
                .map(|request| match request {
                    Request::Read(span) | Request::ReadHoldings(span) => *span,
                    Request::ReadCoils(span) | Request::ReadDiscretes(span) => *span,
                    _ => panic!("a reading writes nothing"),
                })
                .map(|span| words.iter().copied().cycle().skip(span.first.into()).take(span.count.into()).collect())
                .collect();
            prop_assert!(!matches!(exchange.answer(&ask, &blocks), Answer::Failed(_)));
            prop_assert!(matches!(exchange.answer(&ask, &[vec![0; 3], vec![]]), Answer::Failed(_)));
        }
    }

    #[test]
    fn x8_no_text_makes_the_profile_reader_panic(text in "\\PC{0,200}", at in 0usize..900, with in "\\PC{0,8}") {
        let _ = Profile::parse(&text);
        let mut changed = PLC.to_owned();
        let at = (0..=at.min(changed.len())).rev().find(|at| changed.is_char_boundary(*at)).unwrap_or(0);
        changed.insert_str(at, &with);
        let _ = Profile::parse(&changed);
    }
}
