//! What the adapter costs beside the library that it is made of, measured in one run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clearway_contract::actor::{Clock, Link};
use clearway_contract::kit::{MAIN, assertion, instant};
use clearway_contract::{Answer, Ask, Keeper, PortEvent, Step};
use clearway_field::faces::modbus::registers::crc16;
use clearway_signals::Millis;
use tokio::net::TcpStream;
use tokio_modbus::Slave;
use tokio_modbus::client::{Context, Reader, Writer, tcp::attach_slave};

use super::super::{ModbusLink, Options, PACE};
use super::{ID, Scene};
use crate::exchange::Exchange;

/// Write and confirmation against the library's own write and read, medians.
const RATIO_MAX: f64 = 1.3;
/// A status answer into the words of the engine, median.
const DECODE_MAX: Duration = Duration::from_micros(5);
const SAMPLES: usize = 2_000;

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// A keeper and its link in a time of their own.
struct Ours {
    keeper: Keeper,
    link: ModbusLink,
    now: Millis,
}

impl Ours {
    fn new(scene: &Scene) -> Self {
        let clock: Clock = Arc::new(|| (Millis::ZERO, 1));
        let link = ModbusLink::new(scene.site.clone(), Options::default(), clock);
        Self { keeper: Keeper::new(scene.site.clone(), PACE), link, now: Millis::ZERO }
    }

    /// Until a write has been made and read back; how long these two took.
    async fn write_and_confirm(&mut self) -> Duration {
        let mut writing = None;
        loop {
            match self.keeper.next(instant(self.now)) {
                Step::Wait(until) => self.now = until,
                Step::Ask(ask) => {
                    if matches!(ask, Ask::Write(_)) {
                        writing = Some(Instant::now());
                    }
                    let answer = self.link.perform(&ask).await;
                    assert!(!matches!(answer, Answer::Failed(_) | Answer::Refused(_)), "{answer:?}");
                    self.keeper.answer(instant(self.now), answer);
                    let read = ask == Ask::Status;
                    if let Some(started) = writing.filter(|_| read) {
                        return started.elapsed();
                    }
                }
            }
        }
    }
}

/// The library alone, with frames that the device accepts.
async fn library_writes_and_reads(client: &mut Context, sequence: u16) -> Duration {
    let mut frame = [1, sequence, sequence, 50, 0b100, 0, 0, 0, 0];
    frame[8] = crc16(&frame[1..8]);
    let started = Instant::now();
    client.write_multiple_registers(0, &frame).await.expect("sent").expect("accepted");
    let status = client.read_input_registers(0, 26).await.expect("sent").expect("read");
    let took = started.elapsed();
    assert_eq!(status[1], sequence);
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: cargo test --release -p clearway-modbus ratio -- --ignored --nocapture"]
async fn write_and_confirmation_cost_little_more_than_the_librarys_own() {
    let scene = Scene::start().await;
    let (near, far) = (Scene::start().await, &scene);
    let address = near.field.address(ID).expect("a face");
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("a socket");
    let mut library = attach_slave(stream, Slave(1));
    let mut ours = Ours::new(far);
    ours.link.dialog = crate::Dialog::new(direct(far), &crate::Map::Clearway);
    let mut samples = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        let command = assertion(
            &far.site,
            MAIN,
            u32::try_from(sample).expect("few") + 1,
            1,
            ours.now,
            ours.now + Millis::from_s(20),
        );
        ours.keeper.offer(instant(ours.now), &command).expect("taken");
        samples.0.push(ours.write_and_confirm().await);
        let sequence = u16::try_from(sample + 1).expect("few");
        samples.1.push(library_writes_and_reads(&mut library, sequence).await);
    }
    let confirmed = ours.keeper.drain_events().filter(|e| matches!(e, PortEvent::Confirmed { .. })).count();
    let (ours, library) = (median(samples.0), median(samples.1));
    let ratio = ours.as_secs_f64() / library.as_secs_f64();
    println!("write and confirm p50 {ours:?}, the library's write and read p50 {library:?}: {ratio:.2}");
    assert_eq!(confirmed, SAMPLES);
    assert!(ratio <= RATIO_MAX, "{ratio:.2}");
}

/// The site with the face's own address instead of the proxy's.
fn direct(scene: &Scene) -> clearway_contract::Site {
    let address = scene.field.address(ID).expect("a face").to_string();
    clearway_contract::Site { address, ..scene.site.clone() }
}

#[test]
#[ignore = "measures: cargo test --release -p clearway-modbus ratio -- --ignored --nocapture"]
fn a_status_answer_is_decoded_within_five_microseconds() {
    let site = clearway_contract::kit::site(clearway_contract::Protocol::Modbus);
    let mut exchange = Exchange::new(site);
    let registers = vec![(0..26).collect::<Vec<u16>>()];
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        let started = Instant::now();
        let answer = std::hint::black_box(exchange.answer(&Ask::Status, std::hint::black_box(&registers)));
        samples.push(started.elapsed());
        assert!(matches!(answer, Answer::Status(_)));
    }
    let took = median(samples);
    println!("a status answer is decoded in {took:?} (p50)");
    assert!(took <= DECODE_MAX, "{took:?}");
}
