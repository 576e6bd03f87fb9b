//! From the octets of a status response to the engine's reading: at most 5 microseconds a PDU.
//!
//!   cargo bench -p clearway-ntcip --bench decode

use std::hint::black_box;

use clearway_contract::kit::site;
use clearway_contract::{Answer, Ask, Protocol, Site};
use clearway_ntcip::adapter::read_response;
use clearway_ntcip::{Exchange, Name, Profile, Request, Values};
use criterion::{Criterion, criterion_group, criterion_main};

/// A response that holds 6 for every name: bytes made here, by no codec of ours.
fn response(names: &[Name]) -> Vec<u8> {
    let bindings = names.iter().flat_map(|name| element(0x30, &[oid(name.arcs()), vec![2, 1, 6]].concat()));
    let head = [2, 2, 0x12, 0x34, 2, 1, 0, 2, 1, 0];
    let pdu = [&head[..], &element(0x30, &bindings.collect::<Vec<u8>>())].concat();
    let community = element(4, b"administrator");
    element(0x30, &[&[2, 1, 1][..], &community, &element(0xa2, &pdu)].concat())
}

fn oid(arcs: &[u32]) -> Vec<u8> {
    let mut content = vec![43];
    for arc in &arcs[2..] {
        let digits = [arc >> 14, arc >> 7, *arc].map(|digit| u8::try_from(digit & 0x7f).expect("seven bits"));
        let first = digits.iter().position(|digit| *digit != 0).unwrap_or(2);
        content.extend(digits[first..2].iter().map(|digit| digit | 0x80));
        content.push(digits[2]);
    }
    element(6, &content)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], content].concat()
}

/// A site with the most that one message carries: 64 groups, or many rows.
fn large() -> Site {
    let mut site = site(Protocol::Ntcip);
    let group = site.groups[0];
    site.groups = vec![group; 64];
    site.group_numbers = (1..=64).collect();
    // Three preempt rows: with 64 groups they fill one message.
    site.rows.truncate(3);
    site
}

fn decode(c: &mut Criterion) {
    for (name, site) in [("status of 3 groups", site(Protocol::Ntcip)), ("status of 64 groups", large())] {
        let site = Site { rows: site.rows[..3].to_vec(), ..site };
        let mut exchange = Exchange::new(site, Profile::STANDARD);
        let requests = exchange.requests(&Ask::Status).into_iter();
        let messages: Vec<(Vec<Name>, Vec<u8>)> = requests
            .filter_map(|request| match request {
                Request::Get(names) => Some((names.clone(), response(&names))),
                Request::Set(_) | Request::Select { .. } => None,
            })
            .collect();
        let (names, datagram) = &messages[0];
        let title = format!("{name}, {} objects", names.len());
        let read = read_response(datagram, names).expect("a response");
        c.bench_function(&format!("{title}, without the library's share"), |b| {
            b.iter(|| {
                let mut values = Values::with_capacity(names.len());
                for (name, value) in names.iter().zip(black_box(&read)) {
                    value.iter().for_each(|value| values.insert(*name, value.clone()));
                }
                exchange.answer(&Ask::Status, &values)
            });
        });
        c.bench_function(&title, |b| {
            b.iter(|| {
                let read = read_response(black_box(datagram), names).expect("a response");
                let mut values = Values::with_capacity(names.len());
                for (name, value) in names.iter().zip(read) {
                    value.into_iter().for_each(|value| values.insert(*name, value));
                }
                let answer = exchange.answer(&Ask::Status, &values);
                assert!(matches!(answer, Answer::Status(_)) || messages.len() > 1);
                answer
            });
        });
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
