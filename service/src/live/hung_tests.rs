//! Release-all while the engine's loop hangs, and with it the page and everything else of the main
//! threads: S19 for each protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clearway_certify::Command;
use clearway_field::faces::rsmp::{Checksum, Options as RsmpOptions};
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_format::Loaded;
use clearway_planner::{Event, Mission, VehicleFix};
use clearway_runtime::{Clock, Egress, Stamped};
use clearway_signals::{Channel, ControllerId, Millis, MissionId, Owner, RowKind, VehicleId};
use tokio::runtime::{Builder, Runtime};

use super::plant::{Plant, Surface};
use crate::config::Config;

const ONE: ControllerId = ControllerId(0);
/// From the start to a call that the controller holds.
const HELD: Duration = Duration::from_secs(20);
/// What S19 allows.
const RELEASED: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
/// Between two positions of the vehicle.
const CADENCE: Duration = Duration::from_millis(200);

/// The engine's way out, which can be made to hang: the loop that calls it hangs with it.
struct Hanging {
    way: Box<dyn Egress>,
    hangs: Arc<AtomicBool>,
    hung: Arc<AtomicBool>,
}

impl Hanging {
    fn hang(&self) {
        while self.hangs.load(Ordering::SeqCst) {
            self.hung.store(true, Ordering::SeqCst);
            std::thread::sleep(LOOK);
        }
    }
}

impl Egress for Hanging {
    fn dispatch(&mut self, command: Command, fix_ns: Option<u64>) -> bool {
        self.hang();
        self.way.dispatch(command, fix_ns)
    }

    fn wake(&mut self) {
        self.way.wake();
    }
}

fn loaded() -> Loaded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/reference-four-stage");
    clearway_format::load(&folder).unwrap_or_else(|report| panic!("{}", report.render()))
}

fn config(folder: &Path, protocol: &str, keys: &str) -> Config {
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("../network-models/reference-four-stage");
    let text = format!(
        "network = \"{}\"\n[listen]\npage = \"127.0.0.1:0\"\n[engine]\npark = true\n\
         [[vehicle]]\nid = \"one\"\nclass = \"emergency\"\nowner = \"test\"\nudp_source = \"127.0.0.1:9\"\n\
         [[rsmp_listener]]\nlisten = \"127.0.0.1:0\"\n\
         [[controller]]\nid = \"c1\"\nprotocol = \"{protocol}\"\n{keys}\n",
        network.display()
    );
    Config::parse(&folder.join("clearway.toml"), &text).expect("a configuration")
}

/// The plant before one emulated controller. The main threads run only while something is awaited of
/// them; the controller runs on threads of its own.
struct Scene {
    plant: Plant,
    main: Runtime,
    field: Field,
    _field_threads: Runtime,
    clock: Clock,
    hangs: Arc<AtomicBool>,
    hung: Arc<AtomicBool>,
}

impl Scene {
    fn start(face: FaceKind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let network = loaded().network;
        let field_threads =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let main = Builder::new_current_thread().enable_all().build().expect("a thread");
        let field = |rsmp: RsmpOptions| {
            let options = FieldOptions { rsmp, ..FieldOptions::default() };
            field_threads.block_on(Field::start(&network, &[face], options)).expect("a field")
        };
        let (hangs, hung) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let clock = Clock::default();
        let plant = |protocol: &str, keys: &str| {
            let config = config(folder.path(), protocol, keys);
            let registry = config.check(Some(&["c1"])).expect("no fault");
            let surface = Surface { clock: clock.clone(), demo: Arc::default() };
            let (hangs, hung) = (Arc::clone(&hangs), Arc::clone(&hung));
            let through = |way| -> Box<dyn Egress> { Box::new(Hanging { way, hangs, hung }) };
            main.block_on(Plant::start_through(&config, registry, loaded(), surface, through))
                .expect("a plant")
        };
        let (plant, field) = match face {
            FaceKind::Rsmp => {
                let plant = plant("rsmp", "rsmp = { request_lifetime_s = 10, max_presence_s = 120 }");
                let mut rsmp =
                    RsmpOptions { supervisors: vec![plant.rsmp[0].to_string()], ..RsmpOptions::default() };
                rsmp.controller.checksum = Checksum::Model;
                let field = field(rsmp);
                (plant, field)
            }
            face => {
                let field = field(RsmpOptions::default());
                let protocol = if face == FaceKind::Ntcip { "ntcip" } else { "modbus" };
                let address = field.address(ONE).expect("listens");
                (plant(protocol, &format!("address = \"{address}\"")), field)
            }
        };
        Self { plant, main, field, _field_threads: field_threads, clock, hangs, hung }
    }

    fn send(&self, event: Event) {
        assert!(self.plant.runtime.ingress().send(Stamped { event, decoded_ns: None }));
    }

    /// Drive a fire engine that creeps up to the stop line until the controller holds its call.
    fn await_held(&self) {
        let network = loaded().network;
        let controller = &network.controllers[0];
        let ours = |row: &clearway_signals::RequestRow| {
            row.owner == Owner::Ours && row.channel == Channel::Preempt && row.kind == RowKind::Emergency
        };
        let path =
            controller.paths.iter().find(|path| ours(&controller.rows[path.row.index()])).expect("a row");
        let movement = network.movement(path.movements[0]);
        let place = |link, offset_mm| network.plane.unproject(network.point_on(link, offset_mm));
        let (half, length_mm) =
            (network.link(movement.to).length_mm / 2, network.link(movement.from).length_mm);
        self.send(Event::Mission(Mission::new(MissionId(1), VehicleId(0), place(movement.to, half))));
        let begun = Instant::now();
        while !self.is_called() {
            assert!(begun.elapsed() < HELD, "no call in {HELD:?}: {:?}", self.plant.board.links());
            let driven_mm = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX).saturating_mul(3);
            let offset_mm = length_mm.saturating_sub(80_000).saturating_add(driven_mm).min(length_mm - 5_000);
            self.send(Event::Fix(VehicleFix {
                vehicle: VehicleId(0),
                received: self.clock.now().0,
                place: place(movement.from, offset_mm),
                heading_deg: Some(network.heading_on(movement.from, offset_mm)),
                speed_mps: Some(3.0),
                degraded: false,
                cadence: Millis(1_000),
            }));
            std::thread::sleep(CADENCE);
        }
    }

    /// Make the loop hang, and see that it does.
    fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
        self.send(Event::MissionEnd(MissionId(1)));
        let begun = Instant::now();
        while !self.hung.load(Ordering::SeqCst) {
            assert!(begun.elapsed() < HELD, "the loop goes on");
            std::thread::sleep(LOOK);
        }
        assert!(self.is_called(), "the release of the mission's end must not have left");
    }

    /// Whether the controller holds a call: nobody else calls here.
    fn is_called(&self) -> bool {
        let status = self.field.with(ONE, |emulator| emulator.status()).expect("the controller");
        !(status.remote.is_empty() && status.physical.is_empty())
    }

    fn end(self) {
        self.hangs.store(false, Ordering::SeqCst);
        self.main.block_on(self.plant.stop());
    }
}

fn at_door(door: SocketAddr, method: &str) -> String {
    let mut stream = TcpStream::connect(door).expect("the door");
    stream.set_read_timeout(Some(RELEASED)).expect("a limit");
    let request = format!(
        "{method} /release-all HTTP/1.1\r\nHost: {door}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn is_released_while_everything_else_hangs(face: FaceKind) {
    let scene = Scene::start(face);
    scene.await_held();
    scene.hang();
    let asked = Instant::now();
    let answer = at_door(scene.plant.door, "POST");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""released":1,"controllers":["c1"]"#), "{answer}");
    while scene.is_called() {
        assert!(asked.elapsed() <= RELEASED, "{face:?}: still called after {RELEASED:?}");
        std::thread::sleep(LOOK);
    }
    println!("{face:?}: released {:.0?} after it was asked", asked.elapsed());
    // The door knows it from the controller's own reading, whatever hangs.
    let confirmed = || at_door(scene.plant.door, "GET").contains(r#""unconfirmed":[]"#);
    while !confirmed() {
        assert!(asked.elapsed() <= HELD, "{face:?}: {}", at_door(scene.plant.door, "GET"));
        std::thread::sleep(LOOK);
    }
    println!("{face:?}: confirmed {:.0?} after it was asked", asked.elapsed());
    assert!(scene.hangs.load(Ordering::SeqCst), "the loop hangs still");
    scene.end();
}

#[test]
fn s19_ntcip_is_released_within_two_seconds_while_the_planner_hangs() {
    is_released_while_everything_else_hangs(FaceKind::Ntcip);
}

#[test]
fn s19_modbus_is_released_within_two_seconds_while_the_planner_hangs() {
    is_released_while_everything_else_hangs(FaceKind::Modbus);
}

#[test]
fn s19_rsmp_is_released_within_two_seconds_while_the_planner_hangs() {
    is_released_while_everything_else_hangs(FaceKind::Rsmp);
}
