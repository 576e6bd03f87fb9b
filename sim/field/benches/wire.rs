//! From a command decided until its bytes are on the socket, for each family of protocols, against one
//! wake-up of a parked task plus one send on the same kind of socket, taken in turns in the same run.
//!
//!   cargo bench -p clearway-field --bench wire [-- --samples N]
//!
//! A thread decides, as the engine's does; the adapter's task is parked meanwhile on a runtime of two
//! workers. Over NTCIP and Modbus a write is stamped as it is handed to the socket, so that the median of
//! a send is added; over RSMP it is stamped once the socket has taken it.
//! The bar: a 99th percentile of at most one and a half times the other's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use clearway_contract::actor::{Clock, Surroundings};
use clearway_contract::kit::{MAIN, assertion, release};
use clearway_contract::{Dispatch, Outbox, PortEvent, Protocol, Site, outbox};
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_rsmp::Binding;
use clearway_rsmp::adapter::{Hub, ListenOptions};
use clearway_signals::{ControllerId, Millis};
use hdrhistogram::Histogram;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The bar.
const RATIO_MAX: f64 = 1.5;
/// Calls and releases of one family that are counted.
const SAMPLES: u32 = 1_000;
/// Not counted.
const WARM_UP: u32 = 50;
/// Long enough for every worker to park.
const PAUSE: Duration = Duration::from_millis(3);
/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Ten seconds: what is longer counts as this.
const LATENCY_MAX_NS: u64 = 10_000_000_000;
/// About what a command has in any of the families.
const OCTETS: [u8; 120] = [0; 120];
const ID: ControllerId = ControllerId(0);

fn main() {
    let samples = samples().unwrap_or(SAMPLES);
    println!("command decided to bytes on the socket, microseconds, {samples} samples");
    println!("| family | wake-up and send p50 | p99 | decided → socket p50 | p99 | ratio of p99 | bar |");
    println!("|---|---|---|---|---|---|---|");
    for protocol in [Protocol::Ntcip, Protocol::Modbus, Protocol::Rsmp] {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        measure(&runtime, protocol, samples);
    }
}

fn samples() -> Option<u32> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--samples").skip(1);
    arguments.next()?.parse().ok()
}

/// Print a family's row.
fn measure(runtime: &Runtime, protocol: Protocol, samples: u32) {
    let clock = clock();
    let mut adapter = Adapter::start(runtime, protocol, Arc::clone(&clock));
    let mut parked = Parked::start(runtime, protocol, clock);
    let histogram = || Histogram::<u64>::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("constant bounds");
    let [mut ours, mut wakes, mut sends] = [histogram(), histogram(), histogram()];
    for sample in 0..WARM_UP + samples {
        let (decided, woken, sent) = (adapter.sample(sample), parked.sample(), parked.send());
        if sample >= WARM_UP {
            ours.saturating_record(decided);
            wakes.saturating_record(woken);
            sends.saturating_record(sent);
        }
    }
    let us = |ns: u64| Duration::from_nanos(ns).as_secs_f64() * 1e6;
    let is_stamped_before = protocol != Protocol::Rsmp;
    let send = if is_stamped_before { us(sends.value_at_quantile(0.5)) } else { 0.0 };
    let at = |histogram: &Histogram<u64>, quantile| us(histogram.value_at_quantile(quantile));
    let ratio = (at(&ours, 0.99) + send) / at(&wakes, 0.99);
    let bar = if ratio <= RATIO_MAX { "met" } else { "MISSED" };
    println!(
        "| {protocol:?} | {:.1} | {:.1} | {:.1} | {:.1} | {ratio:.2} | ≤ {RATIO_MAX}: {bar} |",
        at(&wakes, 0.5),
        at(&wakes, 0.99),
        at(&ours, 0.5) + send,
        at(&ours, 0.99) + send,
    );
}

fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || {
        let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (Millis(i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)), ns)
    })
}

/// An armed adapter before an emulated controller.
struct Adapter {
    site: Site,
    clock: Clock,
    commands: Outbox,
    events: Receiver<PortEvent>,
    /// Held, so that neither the controller nor the listener nor the operator goes away.
    _around: (Field, Option<Hub>, watch::Sender<bool>),
}

impl Adapter {
    fn start(runtime: &Runtime, protocol: Protocol, clock: Clock) -> Self {
        let _within = runtime.enter();
        let network = corridor(1);
        let controller = &network.controllers[ID.index()];
        let mut options = FieldOptions::default();
        let hub = (protocol == Protocol::Rsmp).then(|| {
            let listen = ListenOptions::new("127.0.0.1:0".parse().expect("an address"));
            let listening = Hub::listen(listen, Arc::clone(&clock));
            runtime.block_on(listening).expect("binds on loopback")
        });
        options.rsmp.supervisors = hub.iter().map(|hub| hub.address().to_string()).collect();
        let site_id = options.rsmp.site_id(controller);
        let face = match protocol {
            Protocol::Ntcip => FaceKind::Ntcip,
            Protocol::Modbus => FaceKind::Modbus,
            Protocol::Rsmp => FaceKind::Rsmp,
        };
        let field = runtime.block_on(Field::start(&network, &[face], options)).expect("starts");
        let address = match &hub {
            Some(hub) => hub.address(),
            None => field.address(ID).expect("a face"),
        };
        let site = Site {
            controller: ID,
            name: controller.name.clone(),
            protocol,
            address: address.to_string(),
            groups: controller.groups.clone(),
            group_numbers: controller.group_numbers.clone(),
            relations: controller.relations.clone(),
            rows: controller.rows.clone(),
            capabilities: controller.capabilities,
            detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
            backup_time_max: Millis::from_s(60),
        };
        let (commands, orders) = outbox(64);
        let (told, events) = channel();
        let (release_all, withheld) = watch::channel(false);
        let surroundings = Surroundings {
            commands: orders,
            // Nobody listens once the measurement is over.
            events: Arc::new(move |event| drop(told.send(event))),
            clock: Arc::clone(&clock),
            release_all: withheld,
            shutdown: CancellationToken::new(),
        };
        match &hub {
            Some(hub) => {
                let binding = Binding {
                    request_lifetime: Some(Millis::from_s(10)),
                    max_presence: Some(Millis::from_s(120)),
                    ..Binding::new(&site_id)
                };
                let options = clearway_rsmp::adapter::Options::new(binding);
                clearway_rsmp::adapter::spawn(hub, site.clone(), options, surroundings);
            }
            None if protocol == Protocol::Ntcip => {
                let options = clearway_ntcip::adapter::Options::default();
                clearway_ntcip::adapter::spawn(site.clone(), options, surroundings);
            }
            None => {
                let options = clearway_modbus::adapter::Options::default();
                clearway_modbus::adapter::spawn(site.clone(), options, surroundings);
            }
        }
        let adapter = Self { site, clock, commands, events, _around: (field, hub, release_all) };
        adapter.until(|event| matches!(event, PortEvent::Armed(_)));
        adapter
    }

    fn until(&self, wanted: impl Fn(&PortEvent) -> bool) -> PortEvent {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("the adapter goes on");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Nanoseconds from a call, or from its release, to the write.
    fn sample(&mut self, sample: u32) -> u64 {
        let (request, calls) = (sample / 2 + 1, sample.is_multiple_of(2));
        let now = (self.clock)().0;
        let dispatch = if calls {
            assertion(&self.site, MAIN, request, 1, now, now + Millis::from_s(30))
        } else {
            release(&self.site, MAIN, request, 2, now)
        };
        thread::sleep(PAUSE);
        let decided = self.decide(dispatch);
        let written = self.until(|event| matches!(event, PortEvent::Written { .. }));
        let PortEvent::Written { wire_ns, .. } = written else { unreachable!("it was asked for") };
        self.until(|event| matches!(event, PortEvent::Confirmed { .. }));
        wire_ns.saturating_sub(decided)
    }

    fn decide(&self, dispatch: Dispatch) -> u64 {
        let decided = (self.clock)().1;
        assert!(self.commands.put(dispatch), "the adapter takes its commands");
        self.commands.wake();
        decided
    }
}

/// A task that does nothing but wait to be woken and send.
struct Parked {
    clock: Clock,
    wake: Arc<Notify>,
    sent: Receiver<u64>,
    socket: Socket,
}

impl Parked {
    fn start(runtime: &Runtime, protocol: Protocol, clock: Clock) -> Self {
        let wake = Arc::new(Notify::new());
        let (stamps, sent) = channel();
        let (woken, stamp, mut socket) = (Arc::clone(&wake), Arc::clone(&clock), Socket::of(protocol));
        runtime.spawn(async move {
            loop {
                woken.notified().await;
                socket.send();
                if stamps.send(stamp().1).is_err() {
                    return;
                }
            }
        });
        Self { clock, wake, sent, socket: Socket::of(protocol) }
    }

    /// Nanoseconds from the call to the end of the send.
    fn sample(&self) -> u64 {
        thread::sleep(PAUSE);
        let called = (self.clock)().1;
        self.wake.notify_one();
        self.sent.recv_timeout(PATIENCE).expect("it wakes up").saturating_sub(called)
    }

    /// Nanoseconds of a send alone.
    fn send(&mut self) -> u64 {
        let began = (self.clock)().1;
        self.socket.send();
        (self.clock)().1 - began
    }
}

/// The kind of socket that a family has, with a peer that takes everything.
enum Socket {
    Datagrams(UdpSocket),
    Stream(TcpStream),
}

impl Socket {
    fn of(protocol: Protocol) -> Self {
        let loopback = "127.0.0.1:0";
        if protocol == Protocol::Ntcip {
            let socket = UdpSocket::bind(loopback).expect("binds on loopback");
            // To itself: what finds no room there is dropped.
            socket.connect(socket.local_addr().expect("an address")).expect("a peer");
            return Self::Datagrams(socket);
        }
        let listener = TcpListener::bind(loopback).expect("binds on loopback");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("connects");
        stream.set_nodelay(true).expect("a socket");
        let (mut peer, _) = listener.accept().expect("a connection");
        thread::spawn(move || {
            let mut taken = [0; 4_096];
            while peer.read(&mut taken).is_ok_and(|octets| octets > 0) {}
        });
        Self::Stream(stream)
    }

    fn send(&mut self) {
        match self {
            Self::Datagrams(socket) => drop(socket.send(&OCTETS).expect("sent")),
            Self::Stream(stream) => stream.write_all(&OCTETS).expect("sent"),
        }
    }
}
