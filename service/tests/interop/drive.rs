//! Fire engines that drive up to signals, and the engine that is told of them.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clearway_feeds::hub::{ResourceOut, Status, encode_rc_eda, encode_rc_ri};
use clearway_feeds::nmea::encode_rmc;
use clearway_feeds::{Outgoing, WallMs};
use clearway_network::{Controller, LinkId, Network, PathRow};
use clearway_signals::{Channel, GeoPoint, Owner, RowKind};

use super::{Process, model_folder};

/// A fire engine in dense traffic, metres a second.
const SPEED_MPS: f32 = 3.0;
/// Metres from the stop line at which it starts, where the link is as long, and at which it waits.
const START_M: f32 = 120.0;
const WAIT_M: f32 = 8.0;
/// A few minutes are more than any test lasts.
const SECONDS_MAX: u64 = 240;

/// A way up to one signal.
pub struct Approach<'a> {
    /// The network.
    pub network: &'a Network,
    /// The link that ends at the stop line.
    pub link: LinkId,
    /// Where the path leads.
    pub beyond: LinkId,
    /// The number of the row on the wire that serves the path.
    pub row_number: u8,
}

impl<'a> Approach<'a> {
    /// The longest approach of a controller with an emergency row of ours.
    pub fn longest(network: &'a Network, controller: &'a Controller) -> Option<Self> {
        let paths = controller.paths.iter().filter_map(|path| Self::of(network, controller, path));
        paths.max_by_key(|approach| network.link(approach.link).length_mm)
    }

    fn of(network: &'a Network, controller: &Controller, path: &PathRow) -> Option<Self> {
        let row = controller.rows.get(path.row.index())?;
        let ours =
            row.owner == Owner::Ours && row.channel == Channel::Preempt && row.kind == RowKind::Emergency;
        let (first, last) = (path.movements.first()?, path.movements.last()?);
        let (link, beyond) = (network.movement(*first).from, network.movement(*last).to);
        ours.then_some(Self { network, link, beyond, row_number: row.number })
    }

    /// Where the engine is sent: half-way along the link behind the signal.
    pub fn destination(&self) -> GeoPoint {
        let half_mm = self.network.link(self.beyond).length_mm / 2;
        self.network.plane.unproject(self.network.point_on(self.beyond, half_mm))
    }

    /// Place, heading and speed after so long.
    fn at(&self, driven_for: Duration) -> (GeoPoint, f32, f32) {
        #[allow(clippy::cast_precision_loss)]
        let length_m = self.network.link(self.link).length_mm as f32 / 1000.0;
        let start_m = (length_m - START_M).max(0.0);
        let stop_m = (length_m - WAIT_M).max(0.0);
        let driven_m = start_m + SPEED_MPS * driven_for.as_secs_f32();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let offset_mm = (driven_m.min(stop_m) * 1000.0) as u32;
        let place = self.network.plane.unproject(self.network.point_on(self.link, offset_mm));
        let speed = if driven_m < stop_m { SPEED_MPS } else { 0.0 };
        (place, self.network.heading_on(self.link, offset_mm), speed)
    }
}

/// One fire engine: its radio and its name at the hub.
pub struct Vehicle {
    socket: UdpSocket,
    /// Name in the registry.
    pub id: String,
    hub_id: String,
}

impl Vehicle {
    /// A vehicle with a radio of its own.
    pub fn new(number: usize) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        Self {
            socket,
            id: format!("engine-{number}"),
            hub_id: format!("fi.fire.helsinki.resource.E{number}"),
        }
    }

    fn entry(&self) -> String {
        let Self { socket, id, hub_id } = self;
        let source = socket.local_addr().expect("bound");
        format!(
            "[[vehicle]]\nid = \"{id}\"\nclass = \"emergency\"\nowner = \"test\"\nudp_source = \"{source}\"\nhub_resource_id = \"{hub_id}\"\n\n"
        )
    }
}

/// A controller of the configuration.
pub struct Reached {
    /// The model's id.
    pub name: String,
    /// `ntcip` or `modbus`.
    pub protocol: &'static str,
    /// Host and port, or the device file of a line.
    pub address: String,
    /// Further lines of its table.
    pub keys: String,
}

/// A running `clearway run` and its feeds.
pub struct EngineProcess {
    /// The process.
    pub process: Process,
    page: SocketAddr,
    hub: SocketAddr,
    radio: SocketAddr,
}

impl EngineProcess {
    /// Start it for these controllers and vehicles, with its files in `folder`.
    pub fn start(folder: &Path, reached: &[Reached], vehicles: &[Vehicle]) -> Self {
        Self::start_on(&model_folder(), folder, reached, vehicles, "")
    }

    /// The same on another model, with further lines of the configuration.
    pub fn start_on(
        model: &Path,
        folder: &Path,
        reached: &[Reached],
        vehicles: &[Vehicle],
        further: &str,
    ) -> Self {
        let file = folder.join("clearway.toml");
        let text = configuration(model, reached, vehicles) + further;
        std::fs::write(&file, text).expect("a writable folder");
        let mut process = Process::clearway(&["run", "--config", file.to_str().expect("a path in UTF-8")]);
        let page = process.line(|line| address_after(line, "clearway runs: http://"));
        let hub = process.line(|line| address_after(line, "feed hub: "));
        let radio = process.line(|line| address_after(line, "feed nmea: "));
        Self { process, page, hub, radio }
    }

    /// Where RSMP sites connect to.
    pub fn rsmp(&mut self) -> String {
        self.process.line(|line| address_after(line, "rsmp: ")).to_string()
    }

    /// What `--url` takes.
    pub fn url(&self) -> String {
        format!("http://{}", self.page)
    }

    /// What the engine says of its controllers.
    pub fn controllers(&self) -> String {
        http(self.page, "GET", "/api/controllers", "")
    }

    /// What it says of the controller at this place.
    pub fn controller(&self, place: usize) -> Option<serde_json::Value> {
        let answer = self.controllers();
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str::<serde_json::Value>(body).ok()?.get(place).cloned()
    }

    /// Send a vehicle on a mission up to a signal; it drives until the result is dropped.
    pub fn send(&self, vehicle: &Vehicle, approach: &Approach<'_>) -> Driving {
        self.open(vehicle, approach.destination());
        self.drive(vehicle, approach)
    }

    /// Drive a vehicle up to a signal without a word of the dispatch centre.
    pub fn drive(&self, vehicle: &Vehicle, approach: &Approach<'_>) -> Driving {
        let positions = (0..SECONDS_MAX).map(|s| approach.at(Duration::from_secs(s))).collect();
        Driving::start(vehicle, positions, self.radio)
    }

    /// Send a vehicle along links to the middle of the last one, at a steady speed.
    pub fn send_along(
        &self,
        vehicle: &Vehicle,
        network: &Network,
        way: &[LinkId],
        speed_mps: f32,
    ) -> Driving {
        let middle =
            |link: LinkId| network.plane.unproject(network.point_on(link, network.link(link).length_mm / 2));
        self.open(vehicle, way.last().map(|link| middle(*link)).expect("a way"));
        let positions = (0..SECONDS_MAX).map(|s| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let mut left_mm = (s as f32 * speed_mps * 1000.0) as u32;
            let mut links = way.iter().copied();
            let mut link = links.next().expect("a way");
            while left_mm >= network.link(link).length_mm {
                let Some(next) = links.next() else { break };
                left_mm -= network.link(link).length_mm;
                link = next;
            }
            let offset_mm = left_mm.min(network.link(link).length_mm);
            let place = network.plane.unproject(network.point_on(link, offset_mm));
            (place, network.heading_on(link, offset_mm), speed_mps)
        });
        Driving::start(vehicle, positions.collect(), self.radio)
    }

    fn open(&self, vehicle: &Vehicle, destination: GeoPoint) {
        let case = format!("case-{}", vehicle.id);
        self.tell_hub(&encode_rc_eda(&case, "C06.01.00", "dwelling fire", destination, wall_now()));
        self.status(vehicle, Status::UnderWay);
    }

    /// The dispatch centre's word on a vehicle; what the hub's door answers.
    pub fn status(&self, vehicle: &Vehicle, status: Status) -> String {
        let resource =
            ResourceOut { resource_id: &vehicle.hub_id, status, since: wall_now(), position: None };
        self.tell_hub(&encode_rc_ri(&format!("case-{}", vehicle.id), &[resource]))
    }

    /// A request to the API: the status line, and the body.
    pub fn api(&self, method: &str, path: &str, body: &str) -> (String, serde_json::Value) {
        let answer = http(self.page, method, path, body);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let json = serde_json::from_str(body).unwrap_or_default();
        (head.lines().next().unwrap_or_default().to_owned(), json)
    }

    fn tell_hub(&self, message: &str) -> String {
        let answer = http(self.hub, "POST", "/hub", message);
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        answer
    }
}

fn configuration(model: &Path, reached: &[Reached], vehicles: &[Vehicle]) -> String {
    let network = model.canonicalize().expect("a shipped model");
    let mut text = format!(
        "network = \"{}\"\n\n[listen]\npage = \"127.0.0.1:0\"\n\n\
         [[feed]]\nkind = \"hub\"\nlisten = \"127.0.0.1:0\"\n\n\
         [[feed]]\nkind = \"nmea\"\nlisten = \"127.0.0.1:0\"\n\n",
        network.display()
    );
    vehicles.iter().for_each(|vehicle| text.push_str(&vehicle.entry()));
    for Reached { name, protocol, address, keys } in reached {
        // A controller that connects to us has no address.
        let address = if address.is_empty() { String::new() } else { format!("address = \"{address}\"\n") };
        writeln!(text, "[[controller]]\nid = \"{name}\"\nprotocol = \"{protocol}\"\n{address}{keys}\n")
            .expect("a string takes everything");
    }
    text
}

fn address_after(line: &str, head: &str) -> Option<SocketAddr> {
    line.strip_prefix(head)?.split_whitespace().next()?.parse().ok()
}

/// Positions once a second, until dropped.
pub struct Driving {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driving {
    fn start(vehicle: &Vehicle, positions: Vec<(GeoPoint, f32, f32)>, radio: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let socket = vehicle.socket.try_clone().expect("a socket can be shared");
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            for (second, (place, heading_deg, speed_mps)) in (0..).zip(positions) {
                let due = Duration::from_secs(second);
                while started.elapsed() < due && !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let out = Outgoing { external_id: "", place, speed_mps, heading_deg, wall: wall_now() };
                // The engine may have been killed: that is what some tests are about.
                let _ = socket.send_to(encode_rmc(&out).as_bytes(), radio);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn wall_now() -> WallMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallMs(i64::try_from(since.as_millis()).unwrap_or_default())
}

/// One request; the whole answer as text.
fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_else(|error| panic!("{method} http://{address}{path}: {error}"))
}
