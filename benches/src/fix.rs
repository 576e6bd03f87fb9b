//! From a position to the commands' bytes, on a way with 30 signals: the usual position, and
//! everything planned and certified anew.
//!
//! Every second controller speaks Modbus, the others SNMP. The registers of Modbus are encoded by our own
//! codec. Of an SNMP write the name and the value are ours; the message around them (version 1: what
//! version 3 adds is the library's too) is made by the SNMP library behind the adapter, which allocates:
//! its allocations are counted apart, its time is part of the latency. In a running engine the messages
//! are made on the adapters' threads, after the command has left the engine's.

use std::hint::black_box;
use std::time::Instant;

use clearway_certify::{Action, Command};
use clearway_modbus::{Command as Frame, codec};
use clearway_network::Network;
use clearway_ntcip::adapter::write_request;
use clearway_ntcip::{Data, frame};
use hdrhistogram::Histogram;

use crate::alloc_counter::allocations;
use crate::city::City;
use crate::street::Traffic;

/// Signals of the way.
pub const SIGNALS: u16 = 30;
/// The community of version 1.
const COMMUNITY: &str = "clearway";
/// Positions before the first one that counts: every buffer has seen its largest content.
const WARM: u32 = 1_200;

/// Latencies of one kind, and allocations.
#[derive(Clone, Debug)]
pub struct Latency {
    /// What was measured.
    pub name: &'static str,
    /// Nanoseconds.
    pub ns: Histogram<u64>,
    /// Allocations of ours in all of them, where the counting allocator is installed.
    pub allocations: u64,
    /// Allocations of the SNMP library.
    pub library_allocations: u64,
    /// Commands encoded.
    pub commands: u64,
}

/// Measure `times` positions, and as many ticks that plan and certify everything anew.
///
/// # Panics
/// When a histogram's constant bounds are wrong.
#[must_use]
pub fn run(times: u32) -> [Latency; 2] {
    let usual = measure("position to encoded commands", times, |_| {}, City::fix);
    let anew = |city: &mut City| {
        city.fix();
        city.teach();
        city.wait();
    };
    [usual, measure("all planned and certified anew", times, anew, City::tick)]
}

fn measure(
    name: &'static str,
    times: u32,
    before: impl Fn(&mut City),
    step: impl Fn(&mut City) -> u64,
) -> Latency {
    let mut city = City::with_crossroads(SIGNALS + 1);
    let ns = Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("constant bounds");
    let mut latency = Latency { name, ns, allocations: 0, library_allocations: 0, commands: 0 };
    for n in 0..WARM + times {
        city.prepare();
        before(&mut city);
        let (allocated, started) = (allocations(), Instant::now());
        black_box(step(&mut city));
        let (mut sum, mut by_library) = (0, 0);
        for command in city.commands() {
            sum ^= if command.controller().0.is_multiple_of(2) {
                black_box(codec::encode(&registers(command)))[8]
            } else {
                let write = [preempt_call(city.network(), command)];
                let before = allocations();
                let message = black_box(write_request(COMMUNITY, 1, &write));
                by_library += allocations() - before;
                message.and_then(|bytes| bytes.last().copied()).map_or(0, u16::from)
            };
        }
        black_box(sum);
        let spent = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if n >= WARM {
            latency.ns.saturating_record(spent);
            latency.allocations += allocations() - allocated - by_library;
            latency.library_allocations += by_library;
            latency.commands += city.commands().len() as u64;
        }
    }
    latency
}

/// The command as the register map has it.
fn registers(command: &Command) -> Frame {
    let calls = match command.action() {
        Action::Assert { .. } => 1 << (command.row().0 % 16),
        Action::Release => 0,
    };
    #[allow(clippy::cast_possible_truncation)]
    let sequence = command.revision() as u16;
    Frame { sequence, heartbeat: sequence, time_to_live_ds: 50, calls, ..Frame::default() }
}

/// The command as the preempt table has it: the call of its row, on or off.
fn preempt_call(network: &Network, command: &Command) -> (frame::Name, Data) {
    let controller = network.controller(command.controller());
    let row = controller.and_then(|controller| controller.rows.get(command.row().index()));
    let number = row.map_or(1, |row| row.number);
    (frame::PREEMPT_CALL.of(number), Data::Integer(command.is_assert().into()))
}
