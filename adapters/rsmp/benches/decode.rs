//! From the bytes of a site's status message to the engine's board: median and 99th percentile, against a
//! bar of 5 microseconds for the message itself.
//!
//!   cargo bench -p clearway-rsmp --bench decode

use std::hint::black_box;

use clearway_contract::kit::timed::{percentiles, row};
use clearway_rsmp::board::Board;
use clearway_rsmp::session::{Event, Instant};
use clearway_rsmp::{Message, decode, sample};
use clearway_signals::Millis;

/// One message, nanoseconds.
const BAR_NS: u64 = 5_000;
/// The same checked against both lists, acknowledged and noted.
const WHOLE_BAR_NS: u64 = 4 * BAR_NS;

fn main() {
    // `cargo test --benches` and the like run the smallest of everything.
    let runs = if std::env::args().any(|arg| arg == "--bench") { 100_000 } else { 20 };
    let message = sample::status_update();
    println!("| PDU | octets | p50, µs | p99, µs | bar |");
    println!("| --- | --- | --- | --- | --- |");
    let decoded = percentiles(runs, || decode(black_box(&message)).expect("a message"));
    println!("{}", row("RSMP status update, 8 statuses, 32 groups: decoded", message.len(), decoded, BAR_NS));

    let (mut session, mut board) = (sample::session(), Board::default());
    let piece = [&message[..], b"\x0c"].concat();
    let now = Instant { at: Millis::ZERO, unix_ms: 0 };
    let whole = percentiles(runs, || {
        session.receive(now, black_box(&piece));
        for event in session.drain_events() {
            match event {
                Event::Message(message) => match *message {
                    Message::StatusUpdate(values) => board.note_values(&values),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        assert!(!session.take_output().is_empty(), "it is acknowledged");
    });
    println!(
        "{}",
        row("the same checked, acknowledged and on the board", message.len(), whole, WHOLE_BAR_NS)
    );
}
