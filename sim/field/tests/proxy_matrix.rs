//! Protocol × fault × what the adapter is doing, over real sockets through the fault proxy. Every cell
//! ends with the controller free of our requests, no call is sent after its lease or its release, and
//! nothing is confirmed that the controller did not do.
//!
//! A sample runs always; `--ignored` runs every cell. `CLEARWAY_SEED` draws other faults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clearway_contract::kit::rig::{End, confirms};
use clearway_contract::{PortEvent, Protocol, Site};
use clearway_field::proxy::{Fault, Proxy, Speech};
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_rsmp::Binding;
use clearway_rsmp::adapter::{Hub, ListenOptions};
use clearway_signals::{ControllerId, Millis, RowId};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// The emergency row along the corridor.
const MAIN: RowId = RowId(1);
const ID: ControllerId = ControllerId(0);
const REQUEST: u32 = 7;
/// Cells at a time: more, and the machine is the fault.
const AT_ONCE: usize = 12;
/// No step of a cell takes longer.
const PATIENCE: Duration = Duration::from_secs(40);
/// The fault lasts so long.
const FAULTY: Duration = Duration::from_secs(3);
/// A call may be seen on the wire so long after its lease: the adapter gives up 100 ms before, the rest
/// is the machine's.
const SEEN_LATE: Duration = Duration::from_millis(150);
/// What a controller confirms it does with its next ticks.
const SETTLES: Duration = Duration::from_millis(300);

/// What the adapter is doing when the fault begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    /// It has called a row, and its lease ends under the fault.
    Asserted,
    /// It releases a row.
    Releasing,
    /// Nothing; it is given a call under the fault.
    Idle,
}

const DOINGS: [Doing; 3] = [Doing::Asserted, Doing::Releasing, Doing::Idle];
const PROTOCOLS: [Protocol; 3] = [Protocol::Ntcip, Protocol::Modbus, Protocol::Rsmp];

/// A field of one controller, a proxy before it, an adapter before that.
struct Cell {
    field: Arc<Field>,
    proxy: Proxy,
    site: Site,
    end: End,
    task: JoinHandle<()>,
    /// Confirmations that the controller did not bear out when they came.
    untrue: Arc<Mutex<Vec<String>>>,
    _hub: Option<Hub>,
}

fn loopback() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

fn site(protocol: Protocol, address: String) -> Site {
    let controller = &corridor(1).controllers[0];
    Site {
        controller: ID,
        name: controller.name.clone(),
        protocol,
        address,
        groups: controller.groups.clone(),
        group_numbers: controller.group_numbers.clone(),
        relations: controller.relations.clone(),
        rows: controller.rows.clone(),
        capabilities: controller.capabilities,
        detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
        backup_time_max: Millis::from_s(60),
    }
}

impl Cell {
    async fn start(protocol: Protocol, seed: u64) -> Self {
        let (street, untrue) = (Arc::new(OnceLock::new()), Arc::new(Mutex::new(Vec::new())));
        let (end, surroundings) = End::new(bears_out(Arc::clone(&street), Arc::clone(&untrue)));
        let network = corridor(1);
        let mut options = FieldOptions::default();
        options.emulator.backup_time = Millis::from_s(3);
        let (field, proxy, hub, site, task) = match protocol {
            Protocol::Ntcip => {
                let field = Field::start(&network, &[FaceKind::Ntcip], options).await.expect("binds");
                let proxy =
                    Proxy::udp(loopback(), field.address(ID).expect("a face"), seed).await.expect("binds");
                let site = site(protocol, proxy.address().to_string());
                let options = clearway_ntcip::adapter::Options::default();
                let task = clearway_ntcip::adapter::spawn(site.clone(), options, surroundings);
                (field, proxy, None, site, task)
            }
            Protocol::Modbus => {
                let field = Field::start(&network, &[FaceKind::Modbus], options).await.expect("binds");
                let target = field.address(ID).expect("a face").to_string();
                let proxy = Proxy::tcp(loopback(), target, Speech::Modbus, seed).await.expect("binds");
                let site = site(protocol, proxy.address().to_string());
                let options = clearway_modbus::adapter::Options::default();
                let task = clearway_modbus::adapter::spawn(site.clone(), options, surroundings);
                (field, proxy, None, site, task)
            }
            Protocol::Rsmp => {
                let listening = Hub::listen(ListenOptions::new(loopback()), Arc::clone(&surroundings.clock));
                let hub = listening.await.expect("binds");
                let target = hub.address().to_string();
                let proxy = Proxy::tcp(loopback(), target, Speech::Rsmp, seed).await.expect("binds");
                options.rsmp.supervisors = vec![proxy.address().to_string()];
                options.rsmp.timing.reconnect = Millis(200);
                options.rsmp.site_ids = BTreeMap::from([("c0".into(), "RN+SI0001".into())]);
                options.rsmp.controller.lifetimes.stale_after = Millis::from_s(3);
                let site = site(protocol, hub.address().to_string());
                let binding = Binding {
                    request_lifetime: Some(Millis::from_s(3)),
                    max_presence: Some(Millis::from_s(120)),
                    ..Binding::new("RN+SI0001")
                };
                let options_of_site = clearway_rsmp::adapter::Options::new(binding);
                let task = clearway_rsmp::adapter::spawn(&hub, site.clone(), options_of_site, surroundings);
                let field = Field::start(&network, &[FaceKind::Rsmp], options).await.expect("starts");
                (field, proxy, Some(hub), site, task)
            }
        };
        let field = Arc::clone(street.get_or_init(|| Arc::new(field)));
        Self { field, proxy, site, end, task, untrue, _hub: hub }
    }

    /// Call the row; when its lease ends.
    fn call(&self, lasts: Millis) -> Instant {
        self.end.call(&self.site, MAIN, REQUEST, lasts);
        Instant::now() + Duration::from_millis(lasts.0.unsigned_abs())
    }

    async fn confirmed(&mut self) {
        self.end.event(PATIENCE, "the confirmation", |event| confirms(event, REQUEST, true)).await;
    }

    fn is_free(&self) -> bool {
        is_free(&self.field)
    }

    /// The last call on the wire.
    fn last_call(&self) -> Option<Instant> {
        let calls = self.proxy.tapped().into_iter().filter(|(_, piece)| calls(self.site.protocol, piece));
        calls.map(|(at, _)| at).next_back()
    }

    /// Wait until the controller holds a request of ours, or none.
    async fn until(&self, free: bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.is_free() == free {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

fn is_free(field: &Field) -> bool {
    let held = field.with(ID, |emulator| {
        let status = emulator.status();
        !status.remote.is_empty() || status.priority.is_some()
    });
    held == Some(false)
}

/// Whether the call of the cell has had its effect: a short one may be over before anybody looks.
fn was_served(field: &Field) -> bool {
    field.with(ID, |emulator| emulator.counters().preempts + emulator.counters().grants > 0) == Some(true)
}

/// Holds each confirmation against the controller itself: what is said to be called or off is so, or
/// becomes so with the controller's next ticks.
fn bears_out(
    street: Arc<OnceLock<Arc<Field>>>,
    untrue: Arc<Mutex<Vec<String>>>,
) -> impl Fn(&PortEvent) + Send + Sync + 'static {
    move |event| {
        let PortEvent::Confirmed { assert, .. } = *event else { return };
        let Some(field) = street.get().cloned() else { return };
        let untrue = Arc::clone(&untrue);
        tokio::spawn(async move {
            let until = Instant::now() + SETTLES;
            while is_free(&field) == assert && !(assert && was_served(&field)) {
                if Instant::now() >= until {
                    let what = if assert { "a call that is not" } else { "a release that is not" };
                    return untrue.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
}

/// Whether a piece from the centre calls a row.
fn calls(protocol: Protocol, piece: &[u8]) -> bool {
    match protocol {
        // A SetRequest whose last value is INTEGER 1.
        Protocol::Ntcip => piece.contains(&0xa3) && piece.ends_with(&[2, 1, 1]),
        // Function 16; the calls stand in the fifth register.
        Protocol::Modbus => piece.get(7) == Some(&16) && piece.get(21..23).is_some_and(|bits| bits != [0, 0]),
        Protocol::Rsmp => {
            let text = String::from_utf8_lossy(piece);
            text.contains("M0022") && !text.contains("cancel")
        }
    }
}

/// Run one cell; what is wrong with it.
async fn run(protocol: Protocol, fault: Fault, doing: Doing, seed: u64) -> Result<(), String> {
    let mut cell = Cell::start(protocol, seed).await;
    cell.end.event(PATIENCE, "arming", |event| matches!(event, PortEvent::Armed(_))).await;
    let lease_ends = match doing {
        Doing::Asserted => {
            let ends = cell.call(Millis::from_s(2));
            cell.confirmed().await;
            cell.proxy.set(fault);
            ends
        }
        Doing::Releasing => {
            cell.call(Millis::from_s(60));
            cell.confirmed().await;
            if !cell.until(false).await {
                return Err("the controller does not do what it confirmed".into());
            }
            cell.proxy.set(fault);
            cell.end.release(&cell.site, MAIN, REQUEST);
            Instant::now()
        }
        Doing::Idle => {
            cell.proxy.set(fault);
            cell.call(Millis::from_s(2))
        }
    };
    tokio::time::sleep(FAULTY).await;
    cell.proxy.set(Fault::None);
    let free = cell.until(true).await;
    let late = cell.last_call().filter(|at| *at > lease_ends + SEEN_LATE).map(|at| at - lease_ends);
    cell.end.shut_down();
    let ended = timeout(PATIENCE, &mut cell.task).await.is_ok();
    let still_free = cell.is_free();
    let untrue = cell.untrue.lock().unwrap_or_else(PoisonError::into_inner).join(", ");
    match (free && still_free, late, ended) {
        (false, ..) => Err("the controller is not free of our request".into()),
        (_, Some(late), _) => {
            Err(format!("a call was sent {} ms after its lease or its release", late.as_millis()))
        }
        (_, _, false) => Err("the adapter does not end".into()),
        // Whoever is told nonsense may be told that a call is on.
        _ if !untrue.is_empty() && fault != Fault::Nonsense => Err(format!("confirmed: {untrue}")),
        _ => Ok(()),
    }
}

async fn run_all(cells: Vec<(Protocol, Fault, Doing)>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let seed: u64 = std::env::var("CLEARWAY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut tasks = JoinSet::new();
    for (n, (protocol, fault, doing)) in (1u64..).zip(cells) {
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            let found = run(protocol, fault, doing, seed << 32 | n).await;
            found.map_err(|what| format!("{} × {} × {doing:?}: {what}", protocol.word(), fault.word()))
        });
    }
    let mut wrong = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(Ok(())) => {}
            Ok(Err(what)) => wrong.push(what),
            Err(panic) => wrong.push(panic.to_string()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each fault once, protocols and doings in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_of_faults_leaves_no_request_behind() {
    let sample = Fault::ALL.into_iter().enumerate();
    run_all(sample.map(|(n, fault)| (PROTOCOLS[n % 3], fault, DOINGS[n / 3 % 3])).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "every cell takes its time: the full tier `faults` runs them"]
async fn no_cell_of_the_matrix_leaves_a_request_behind() {
    let cells = PROTOCOLS.into_iter().flat_map(|protocol| {
        Fault::ALL
            .into_iter()
            .flat_map(move |fault| DOINGS.into_iter().map(move |doing| (protocol, fault, doing)))
    });
    run_all(cells.collect()).await;
}
