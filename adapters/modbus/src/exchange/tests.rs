use clearway_contract::kit::{CHECKS, Device, Face, PACE, TRANSIT, site};
use clearway_contract::{Answer, Ask, Life, Pace, Protocol, PrsStatus, Site};
use clearway_signals::{Channel, Millis, Mode, Owner, PreemptState, RequestState, RowKind, RowSet};
use proptest::prelude::*;

use super::{Exchange, Request};
use crate::codec::crc16;
use crate::frame::Span;

mod gate;

/// A register server over the kit's device, with a connection that a restart breaks.
struct Server {
    exchange: Exchange,
    connected_to: Option<Millis>,
    holding: [u16; 9],
}

fn make(site: &Site) -> Box<dyn Face> {
    Box::new(Server { exchange: Exchange::new(site.clone()), connected_to: None, holding: [0; 9] })
}

impl Face for Server {
    fn exchange(&mut self, ask: &Ask, device: &mut Device) -> Answer {
        let requests = self.exchange.requests(ask);
        if *ask == Ask::Connect {
            if self.connected_to.is_some_and(|started| started != device.started) {
                self.holding = [0; 9];
            }
            self.connected_to = Some(device.started);
            return Answer::Connected;
        }
        if self.connected_to != Some(device.started) {
            return Answer::Failed("connection reset".into());
        }
        let mut registers = Vec::new();
        for request in requests {
            match request {
                Request::Read(span) => registers.push(self.read(span, device)),
                Request::Write(frame) => {
                    return if self.write(frame, device) {
                        Answer::Written(0)
                    } else {
                        Answer::Refused("IllegalDataValue".into())
                    };
                }
                other => panic!("the map has no use for {other:?}"),
            }
        }
        self.exchange.answer(ask, &registers)
    }

    fn pace(&self) -> Pace {
        Pace { failures_max: 1, ..PACE }
    }
}

impl Server {
    fn write(&mut self, frame: [u16; 9], device: &mut Device) -> bool {
        let ahead = frame[1].wrapping_sub(self.holding[1]);
        let ttl = Millis(i64::from(frame[3]) * 100);
        let lawful = frame[0] == 1
            && frame[8] == crc16(&frame[1..8])
            && (1..=0x7fff).contains(&ahead)
            && ttl > Millis::ZERO
            && ttl <= device.dead_man;
        if !lawful {
            return false;
        }
        let bits = (1..=16).filter(|n| frame[4] >> (n - 1) & 1 == 1);
        let preempts = bits.filter_map(|n| device.row_of_number(Channel::Preempt, n));
        let mut calls = preempts.fold(RowSet::EMPTY, RowSet::with);
        let [row, _] = frame[5].to_be_bytes();
        if row != 0 {
            calls = calls.with(device.row_of_number(Channel::Priority, row).expect("a row"));
            let arrival = i64::from(frame[6]) << 16 | i64::from(frame[7]);
            device.arrivals.push((device.now, Millis(arrival)));
        }
        if !device.write(calls, ttl) {
            return false;
        }
        self.holding = frame;
        true
    }

    fn read(&self, span: Span, device: &Device) -> Vec<u16> {
        (span.first..span.first + span.count).map(|register| self.register(register, device)).collect()
    }

    fn register(&self, register: u16, device: &Device) -> u16 {
        let site = &device.site;
        let hash = device.configuration_hash;
        match register {
            0 => u16::from(device.mode == Mode::Flash) * 2,
            1 => self.holding[1],
            3 if !device.outlived.is_empty() => 9,
            3 => 2,
            9 => {
                let preempts = device.calls.iter().map(|row| site.rows[row.index()]);
                let numbers = preempts.filter(|row| row.channel == Channel::Preempt).map(|row| row.number);
                numbers.fold(0, |bits, number| bits | 1 << (number - 1))
            }
            10 => {
                let transit =
                    device.calls.iter().find(|row| site.rows[row.index()].channel == Channel::Priority);
                transit.map_or(0, |row| u16::from(site.rows[row.index()].number) << 8)
            }
            100 => 1,
            101 => 0x4357,
            104 => u16::try_from(hash >> 16).expect("a word"),
            105 => u16::try_from(hash & 0xffff).expect("a word"),
            107 => u16::try_from(site.rows.len()).expect("few"),
            108 => u16::try_from(device.dead_man.0 / 100).expect("short"),
            200.. => {
                let index = usize::from((register - 200) / 12);
                let row = site.rows[index];
                let ours = row.owner == Owner::Ours;
                let seconds = |time: Millis| u16::try_from(time.0 / 1000).expect("short");
                match (register - 200) % 12 {
                    0 => row.number.into(),
                    1 => match row.kind {
                        RowKind::Rail => 1,
                        RowKind::Emergency => 2,
                        RowKind::Transit => 3,
                    },
                    2 => 0b11 | u16::from(ours) << 2 | u16::from(row.channel == Channel::Priority) << 3,
                    3 => seconds(row.max_presence),
                    4 => seconds(row.min_duration),
                    5 => seconds(row.min_dwell),
                    6 => seconds(row.delay),
                    7 => u16::try_from(row.dwell.0).expect("few"),
                    8..=10 => 0,
                    _ => 1,
                }
            }
            _ => 0,
        }
    }
}

#[test]
fn conformance() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(&site(Protocol::Modbus), &make);
    }
}

/// The exchange with a device of minor version 1 that was asked for the transit row, and its status
/// registers: the frame's echo, the request held, `state`, and the row that the state is about.
fn asked(minor: Vec<u16>, state: u16) -> (Exchange, Vec<u16>) {
    let mut device = Device::new(site(Protocol::Modbus));
    let mut exchange = Exchange::new(device.site.clone());
    let server = Server { exchange: exchange.clone(), connected_to: None, holding: [0; 9] };
    let mut registers: Vec<Vec<u16>> = Vec::new();
    for request in exchange.requests(&Ask::Gate) {
        let Request::Read(span) = request else { panic!("a read") };
        registers.push(if request.may_be_missing() { minor.clone() } else { server.read(span, &device) });
    }
    assert!(matches!(exchange.answer(&Ask::Gate, &registers), Answer::Gate(_)));
    device.calls = RowSet::of(TRANSIT);
    exchange.priority = Some((TRANSIT, asking()));
    let mut status = server.read(Span { first: 0, count: 26 }, &device);
    if minor.first().is_some_and(|minor| *minor > 0) {
        status.extend([state, 0x010e]);
    }
    (exchange, status)
}

fn asking() -> Life {
    let mut life = Life::default();
    life.ask();
    life
}

#[test]
fn each_state_of_a_priority_request_is_read() {
    for status in PrsStatus::ALL {
        let (mut exchange, registers) = asked(vec![1], status.code().into());
        let Answer::Status(reading) = exchange.answer(&Ask::Status, &[registers]) else { panic!("a status") };
        let end = Some(status.state(RequestState::Received)).filter(|_| status.is_closed());
        assert_eq!(reading.ended, end.map(|state| (TRANSIT, state)), "{status:?}");
        assert_eq!(reading.status.active, Some(TRANSIT).filter(|_| status.is_active()), "{status:?}");
        assert_eq!((reading.status.preempt, reading.calls), (PreemptState::NotActive, RowSet::of(TRANSIT)));
    }
}

#[test]
fn the_state_of_another_row_and_an_older_reading_end_nothing() {
    let (mut exchange, mut registers) = asked(vec![1], 12);
    registers[27] = 0x020e;
    let Answer::Status(reading) = exchange.answer(&Ask::Status, &[registers.clone()]) else {
        panic!("a status")
    };
    assert_eq!((reading.ended, reading.status.active), (None, None));
    registers[27] = 0x010e;
    exchange.written = Some(9);
    let Answer::Status(reading) = exchange.answer(&Ask::Status, &[registers]) else { panic!("a status") };
    assert_eq!((reading.ended, reading.current), (None, false));
}

#[test]
fn a_device_of_version_1_0_is_read_as_ever() {
    let (mut exchange, registers) = asked(Vec::new(), 4);
    assert_eq!(exchange.requests(&Ask::Status), [Request::Read(Span { first: 0, count: 26 })]);
    let Answer::Status(reading) = exchange.answer(&Ask::Status, &[registers]) else { panic!("a status") };
    assert_eq!((reading.calls, reading.status.active), (RowSet::of(TRANSIT), None));
}

#[test]
fn counters_that_wrap_count_on() {
    let mut exchange = Exchange::new(site(Protocol::Modbus));
    let mut registers = vec![0u16; 64];
    (registers[0], registers[2]) = (65_530, 7);
    assert_eq!(
        exchange.answer(&Ask::Counts, &[registers.clone()]),
        Answer::Counts(vec![0, 0], vec![false; 2])
    );
    (registers[0], registers[2], registers[3]) = (4, 9, 1);
    let counted = exchange.answer(&Ask::Counts, &[registers]);
    assert_eq!(counted, Answer::Counts(vec![10, 2], vec![false, true]));
}

#[test]
fn an_answer_of_another_length_is_a_failure() {
    let mut exchange = Exchange::new(site(Protocol::Modbus));
    for ask in [Ask::Status, Ask::Gate, Ask::Counts] {
        assert!(matches!(exchange.answer(&ask, &[vec![0; 3]]), Answer::Failed(_)));
        assert!(matches!(exchange.answer(&ask, &[]), Answer::Failed(_)));
    }
}

proptest! {
    #[test]
    fn x8_no_register_makes_the_exchange_panic(words in proptest::collection::vec(any::<u16>(), 400)) {
        let mut exchange = Exchange::new(site(Protocol::Modbus));
        for ask in [Ask::Gate, Ask::Status, Ask::Counts] {
            let mut registers = Vec::new();
            for request in exchange.requests(&ask) {
                if let Request::Read(span) = request {
                    registers.push(words.iter().copied().cycle().skip(registers.len()).take(span.count.into()).collect());
                }
            }
            prop_assert!(!matches!(exchange.answer(&ask, &registers), Answer::Failed(_)));
        }
    }
}
