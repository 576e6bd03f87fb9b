//! From the octets of a device's status registers to the engine's reading: median and 99th percentile,
//! against a bar of 5 microseconds.
//!
//!   cargo bench -p clearway-modbus --bench decode

use std::hint::black_box;

use clearway_contract::kit::site;
use clearway_contract::kit::timed::{percentiles, row};
use clearway_contract::{Answer, Ask, Protocol, Site};
use clearway_modbus::frame::{MINOR, STATUS_1};
use clearway_modbus::{Exchange, Request};

/// One PDU, nanoseconds.
const BAR_NS: u64 = 5_000;

/// An exchange with a device of the newest map.
fn exchange(site: Site) -> Exchange {
    let mut exchange = Exchange::new(site);
    let requests = exchange.requests(&Ask::Gate);
    let registers = requests.iter().map(|request| match request {
        Request::Read(span) => vec![u16::from(*span == MINOR); span.count.into()],
        other => panic!("{other:?}"),
    });
    assert!(matches!(exchange.answer(&Ask::Gate, &registers.collect::<Vec<_>>()), Answer::Gate(_)));
    exchange
}

/// What one answer costs, and how long it is: function, length, registers.
fn measure(runs: usize, site: Site) -> (usize, (u64, u64)) {
    let mut exchange = exchange(site);
    let octets = u8::try_from(2 * STATUS_1.count).expect("short");
    // Of the groups two in three are lit, and a priority request is served.
    let mut words = [0xdb6d; STATUS_1.count as usize];
    words[..4].copy_from_slice(&[0, 0, 0, 2]);
    words[7..11].copy_from_slice(&[50, 9, 0, 0x010e]);
    words[24..].copy_from_slice(&[0, 0, 4, 0x010e]);
    let pdu: Vec<u8> = [4, octets].into_iter().chain(words.into_iter().flat_map(u16::to_be_bytes)).collect();
    let taken = percentiles(runs, || {
        let words = black_box(&pdu)[2..].chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        let answer = exchange.answer(&Ask::Status, &[words.collect()]);
        assert!(matches!(answer, Answer::Status(_)));
        answer
    });
    (pdu.len(), taken)
}

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 100_000 } else { 20 };
    println!("| PDU | octets | p50, µs | p99, µs | bar |");
    println!("| --- | --- | --- | --- | --- |");
    let small = site(Protocol::Modbus);
    let large =
        Site { groups: vec![small.groups[0]; 64], group_numbers: (1..=64).collect(), ..small.clone() };
    for (groups, site) in [(3, small), (64, large)] {
        let (octets, taken) = measure(runs, site);
        println!("{}", row(&format!("Modbus status of {groups} groups"), octets, taken, BAR_NS));
    }
}
