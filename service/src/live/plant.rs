//! The plant: the engine with its adapters, feeds, page and watchdog, started and stopped as one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::extract::ws::Utf8Bytes;
use clearway_certify::{Class, Command};
use clearway_contract::actor::Surroundings;
use clearway_contract::{Dispatch, Orders, Protocol, Site, outbox};
use clearway_feeds::adapter::{AnchoredWall, Outlet, WallClock};
use clearway_feeds::{Registry, VehicleClass, WallMs};
use clearway_format::Loaded;
use clearway_journal::{Journal, Start};
use clearway_network::Network;
use clearway_planner::learn::Lesson;
use clearway_planner::{Engine, Event, VehicleInfo};
use clearway_rsmp::adapter::Hub;
use clearway_runtime::{Clock, Egress, Ingress, Runtime, Settings, Stamped};
use clearway_signals::{Epoch, Millis};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::alarms::{Alarms, Watched};
use super::board::Board;
use super::controllers::{Controllers, ControllersError};
use super::feeds::{self, FeedError};
use super::incidents::{self, Incidents};
use super::intake::Intake;
use super::local_time;
use super::release::Release;
use super::rsmp;
use super::sites::{Reach, SiteError, reaches};
use super::texts::{Names, Severity, sentence};
use super::unit_report;
use crate::api::frame::DemoDoc;
use crate::api::map::network_doc;
use crate::api::scribe::{Pulse, Scribe};
use crate::api::{ApiState, metrics, router};
use crate::config::{Config, PolicyError};
use crate::learned;

/// Commands that wait for one adapter.
const COMMANDS_ROOM: usize = 64;
/// Deltas that a slow reader may be behind.
const DELTAS_ROOM: usize = 64;
/// Frames come this often.
const FRAME_EVERY: Duration = Duration::from_millis(100);
/// An engine whose loop has not turned for this long is dead: its requests are taken back.
const DEAD_AFTER: Millis = Millis(1_000);
/// What was learned before is told to the engine in pieces of this many, this far apart.
const LESSONS_AT_ONCE: usize = 64;
const TEACH_EVERY: Duration = Duration::from_millis(20);
/// All adapters together have this long to release at the end.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Why a plant cannot start.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// A feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// A site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The controllers' side.
    #[error(transparent)]
    Controllers(#[from] ControllersError),
    /// A listener for RSMP sites.
    #[error(transparent)]
    Rsmp(#[from] rsmp::ListenError),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// What was learned before.
    #[error("what was learned before cannot be read from {0}: {1}")]
    Learned(String, String),
    /// The engine's thread.
    #[error(transparent)]
    Runtime(#[from] clearway_runtime::RuntimeError),
    /// The journal.
    #[error("the journal in {0} cannot be started: {1}")]
    Journal(String, std::io::Error),
    /// The page's socket.
    #[error("the page cannot listen on {0}: {1}")]
    Page(SocketAddr, std::io::Error),
    /// The map as text.
    #[error("the map cannot be written: {0}")]
    Map(#[from] serde_json::Error),
}

/// A running plant.
pub struct Plant {
    /// The board.
    pub board: Arc<Board>,
    /// The engine.
    pub runtime: Arc<Runtime>,
    /// Where the page listens.
    pub page: SocketAddr,
    /// Where each feed listens.
    pub feeds: Vec<(String, SocketAddr)>,
    /// Where RSMP sites connect to.
    pub rsmp: Vec<SocketAddr>,
    /// Where release-all is heard whatever else hangs.
    pub door: SocketAddr,
    clock: Clock,
    release_all: watch::Sender<bool>,
    shutdown: CancellationToken,
    adapters: Vec<JoinHandle<()>>,
    controllers: Controllers,
    tasks: JoinSet<()>,
    journal: Option<Journal>,
}

/// What a plant shares with whoever started it.
pub struct Surface {
    /// The process's clock.
    pub clock: Clock,
    /// What the demo shows beside the engine; stays empty elsewhere.
    pub demo: Arc<ArcSwapOption<DemoDoc>>,
}

impl Plant {
    /// Start everything. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The first part that cannot start; nothing keeps running then.
    pub async fn start(
        config: &Config,
        registry: Registry,
        loaded: Loaded,
        surface: Surface,
    ) -> Result<Self, PlantError> {
        Self::start_through(config, registry, loaded, surface, |way| way).await
    }

    /// Start everything, with the engine's way out led through something of the caller's.
    pub(super) async fn start_through(
        config: &Config,
        registry: Registry,
        loaded: Loaded,
        surface: Surface,
        through: impl FnOnce(Box<dyn Egress>) -> Box<dyn Egress>,
    ) -> Result<Self, PlantError> {
        let Surface { clock, demo } = surface;
        let Loaded { network, model } = loaded;
        let network = Arc::new(network);
        let reaches = reaches(&network, &model, config)?;
        let sites: Vec<Site> = reaches.iter().map(|r| r.site.clone()).collect();
        let (rules, quotas) = (config.policy.rules.iter(), config.policy.quotas.iter());
        let names = rules.map(|rule| rule.name.clone()).chain(quotas.map(|quota| quota.name.clone()));
        let board = Board::new(registry.clone(), network.controllers.len()).with_rules(names.collect());
        let board = Arc::new(board);
        let wall = wall_clock(&clock);
        let reaches = unit_report::told_to(reaches, &board, &wall);
        let (journal, runtime, orders) = start_engine(config, &registry, &network, &clock, through)?;
        let runtime = Arc::new(runtime);
        let zone = config.policy.zone().unwrap_or(jiff::tz::TimeZone::UTC);
        let among = incidents::Around {
            runtime: Arc::clone(&runtime),
            clock: clock.clone(),
            wall: Arc::clone(&wall),
            zone: zone.clone(),
            cases: config.incidents.cases,
        };
        let incidents = Arc::new(Incidents::new(Arc::clone(&network), Arc::clone(&board), among));
        let intake = Intake::new(&network, &sites, runtime.ingress(), Arc::clone(&board), Arc::clone(&wall));
        let intake = intake.with_duties(config.policy.duties()).with_incidents(Arc::clone(&incidents));
        let intake = Arc::new(intake);

        let controllers = Controllers::start()?;
        let (release_all, withheld) = watch::channel(false);
        let shutdown = CancellationToken::new();
        let hubs = match reaches.iter().any(|reach| reach.rsmp.is_some()) {
            true => {
                let (config, clock) = (config.clone(), clock_fn(&clock));
                controllers.run(async move { rsmp::listen(&config, &clock).await }).await??
            }
            false => Vec::new(),
        };
        let around = Around { intake: &intake, clock: &clock, withheld, shutdown: &shutdown };
        let mut tasks = JoinSet::new();
        let lessons = known_before(config, &network)?;
        tasks.spawn(teach(runtime.ingress(), lessons));
        tasks.spawn(local_time::tell(runtime.ingress(), zone, Arc::clone(&wall)));
        let (known, shown) = (Arc::clone(&network), Arc::clone(&board));
        let alarms = Alarms::new(rsmp_sites(&reaches, &hubs), shown, known, clock.clone(), Arc::clone(&wall));
        let alarms = Arc::new(alarms);
        tasks.spawn(Arc::clone(&alarms).watch());
        let adapters = {
            let _threads = controllers.enter();
            spawn_adapters(reaches, orders, &hubs, &around)
        };
        let release = Arc::new(Release::new(
            Arc::clone(&runtime),
            release_all.clone(),
            controllers.handle(),
            Arc::clone(&board),
            network.controllers.iter().map(|c| c.name.clone()).collect(),
            clock.clone(),
        ));
        let beside = config.listen.release();
        let door = match controllers.open_door(beside, Arc::clone(&release)).await {
            // Only who names a port must get it.
            Err(ControllersError::Listen(..)) if config.listen.release.is_none() => {
                controllers.open_door(SocketAddr::new(beside.ip(), 0), Arc::clone(&release)).await?
            }
            opened => opened?,
        };

        let registry = Arc::new(registry);
        let outlet = |name: &str| Outlet {
            clock: clock_fn(&clock),
            wall: Arc::clone(&wall),
            sink: {
                let intake = Arc::clone(&intake);
                Arc::new(move |event, decoded_ns| intake.feed(event, decoded_ns))
            },
            tally: board.feed(name),
        };
        let feeds = feeds::start(config, &network, &registry, outlet, &mut tasks).await?;

        let listen = config.listen.page;
        let listener = TcpListener::bind(listen).await.map_err(|e| PlantError::Page(listen, e))?;
        let page = listener.local_addr().map_err(|e| PlantError::Page(listen, e))?;
        let map = serde_json::to_string(&network_doc(&network, &model.meta, &sites))?;
        let shadow = config.engine.shadow.then(|| "the configuration says so: nothing is written".to_owned());
        let scribe = Scribe::new(
            Arc::clone(&network),
            Arc::clone(&board),
            clock.clone(),
            Arc::clone(&wall),
            demo,
            shadow,
        );
        let rsmp = hubs.iter().map(Hub::address).collect();
        let plant = Self {
            board,
            runtime,
            page,
            feeds,
            rsmp,
            door,
            clock,
            release_all,
            shutdown,
            adapters,
            controllers,
            tasks,
            journal,
        };
        let told = Told { listener, map, release, incidents, alarms, intake, network, wall };
        Ok(plant.serve(told, scribe))
    }

    /// Start the tasks that show and watch what runs.
    fn serve(mut self, told: Told, mut scribe: Scribe) -> Self {
        let Told { listener, map, release, incidents, alarms, intake, network, wall } = told;
        let pulse = pulse_of(&self.runtime, &self.clock);
        let (_, first) = scribe.write(&pulse());
        let snapshot = Arc::new(ArcSwap::from_pointee(as_text(first)));
        let (deltas, _) = broadcast::channel(DELTAS_ROOM);
        let api = self.api((map, release, incidents, alarms, intake), &snapshot, &deltas, Arc::clone(&pulse));
        self.tasks.spawn(write_frames(scribe, Arc::clone(&pulse), snapshot, deltas));
        let page = self.page;
        self.tasks.spawn(async move {
            if let Err(error) = axum::serve(listener, router(api, page)).await {
                tracing::error!(%error, "page stopped");
            }
        });
        self.tasks.spawn(tell_notices(Arc::clone(&self.runtime), Arc::clone(&self.board), network, wall));
        self.tasks.spawn(watch_engine(
            Arc::clone(&self.runtime),
            self.clock.clone(),
            self.release_all.clone(),
        ));
        self
    }

    fn api(
        &self,
        (map, release, incidents, alarms, intake): (
            String,
            Arc<Release>,
            Arc<Incidents>,
            Arc<Alarms>,
            Arc<Intake>,
        ),
        snapshot: &Arc<ArcSwap<(crate::api::frame::Frame, Utf8Bytes)>>,
        deltas: &broadcast::Sender<(u64, Utf8Bytes)>,
        pulse: Arc<dyn Fn() -> Pulse + Send + Sync>,
    ) -> ApiState {
        let (runtime, board, clock) =
            (Arc::clone(&self.runtime), Arc::clone(&self.board), self.clock.clone());
        let health = Arc::clone(&self.runtime);
        ApiState {
            network: map.into(),
            snapshot: Arc::clone(snapshot),
            deltas: deltas.clone(),
            release,
            incidents,
            intake,
            alarms,
            metrics: Arc::new(move || metrics::render(&board, &pulse(), &runtime.ingress())),
            healthy: Arc::new(move || health.is_alive(clock.now().0, DEAD_AFTER)),
        }
    }

    /// Release everything and end, within bounded time.
    pub async fn stop(mut self) {
        self.runtime.ingress().send(Stamped { event: Event::ReleaseAll, decoded_ns: None });
        self.release_all.send_replace(true);
        self.shutdown.cancel();
        let all = futures_util::future::join_all(self.adapters.drain(..));
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::error!(
                "not every controller confirmed its release in time; its own timer ends the call"
            );
        }
        self.tasks.shutdown().await;
        drop(self.controllers);
        let (journal, runtime) = (self.journal.take(), Arc::clone(&self.runtime));
        let end = move || {
            // The engine's thread first: the journal closes when its last record is written.
            runtime.stop();
            journal.map(Journal::close)
        };
        if let Ok(Some(Err(error))) = tokio::task::spawn_blocking(end).await {
            tracing::error!(%error, "journal");
        }
    }
}

/// What is shown of a plant, and where.
struct Told {
    listener: TcpListener,
    map: String,
    release: Arc<Release>,
    incidents: Arc<Incidents>,
    alarms: Arc<Alarms>,
    intake: Arc<Intake>,
    network: Arc<Network>,
    wall: WallClock,
}

type AllOrders = Vec<Option<Orders>>;

fn start_engine(
    config: &Config,
    registry: &Registry,
    network: &Arc<Network>,
    clock: &Clock,
    through: impl FnOnce(Box<dyn Egress>) -> Box<dyn Egress>,
) -> Result<(Option<Journal>, Runtime, AllOrders), PlantError> {
    let class = |class| match class {
        VehicleClass::Emergency => Class::Emergency,
        VehicleClass::Tram => Class::Tram,
        VehicleClass::Bus => Class::Bus,
    };
    let vehicles: Vec<VehicleInfo> =
        registry.vehicles().iter().map(|v| VehicleInfo { class: class(v.class) }).collect();
    // Seconds since 1970 grow from start to start, which is all that an epoch of one machine needs.
    let wall_ms = system_wall().0;
    let epoch = Epoch(u64::try_from(wall_ms / 1000).unwrap_or(1));
    let planner = config.policy.planner();
    let policy = config.policy.rules(network)?;
    let journal = match &config.journal {
        None => None,
        Some(dir) => {
            let dir = config.resolve(dir);
            let start = Start::new(network, &vehicles, &planner, epoch, wall_ms).with_policy(&policy);
            Some(
                Journal::create(&dir, start)
                    .map_err(|e| PlantError::Journal(dir.display().to_string(), e))?,
            )
        }
    };
    let (outboxes, orders) = Outboxes::for_controllers(network.controllers.len());
    let engine = Engine::new(Arc::clone(network), vehicles, planner, epoch).with_policy(policy);
    let records = journal.as_ref().and_then(Journal::records);
    let settings = Settings { journal: records, core: config.engine.core, park: config.engine.park };
    let runtime = Runtime::start(engine, through(Box::new(outboxes)), clock.clone(), settings)?;
    Ok((journal, runtime, orders))
}

/// What an engine before this one learned, if the configuration names its file.
fn known_before(config: &Config, network: &Network) -> Result<Vec<Lesson>, PlantError> {
    let Some(file) = &config.learned else { return Ok(Vec::new()) };
    let file = config.resolve(file);
    let fault = |why: String| PlantError::Learned(file.display().to_string(), why);
    let text = std::fs::read_to_string(&file).map_err(|error| fault(error.to_string()))?;
    let (lessons, unknown) = learned::read(&text, network).map_err(|error| fault(error.to_string()))?;
    if unknown > 0 {
        tracing::warn!(unknown, "what was learned names links that the model lacks");
    }
    Ok(lessons)
}

/// Tell the engine what was learned before, as events, a few at a time: its queue holds live events too.
async fn teach(ingress: Ingress, lessons: Vec<Lesson>) {
    for some in lessons.chunks(LESSONS_AT_ONCE) {
        for lesson in some {
            ingress.send(Stamped { event: Event::Learned(*lesson), decoded_ns: None });
        }
        tokio::time::sleep(TEACH_EVERY).await;
    }
}

/// The commands' ways to the adapters, and which of them got something since the last wake-up.
struct Outboxes {
    ways: Vec<clearway_contract::Outbox>,
    touched: Vec<usize>,
}

impl Outboxes {
    fn for_controllers(count: usize) -> (Self, AllOrders) {
        let (ways, orders): (Vec<_>, Vec<_>) = (0..count).map(|_| outbox(COMMANDS_ROOM)).unzip();
        (Self { ways, touched: Vec::with_capacity(count) }, orders.into_iter().map(Some).collect())
    }
}

impl Egress for Outboxes {
    fn dispatch(&mut self, command: Command, fix_ns: Option<u64>) -> bool {
        let index = command.controller().index();
        let Some(way) = self.ways.get(index) else { return true };
        if !self.touched.contains(&index) {
            self.touched.push(index);
        }
        way.put(Dispatch { command, fix_ns })
    }

    fn wake(&mut self) {
        for index in self.touched.drain(..) {
            self.ways[index].wake();
        }
    }
}

struct Around<'a> {
    intake: &'a Arc<Intake>,
    clock: &'a Clock,
    withheld: watch::Receiver<bool>,
    shutdown: &'a CancellationToken,
}

fn spawn_adapters(
    reaches: Vec<Reach>,
    mut orders: AllOrders,
    hubs: &[Hub],
    around: &Around<'_>,
) -> Vec<JoinHandle<()>> {
    let mut adapters = Vec::with_capacity(reaches.len());
    for reach in reaches {
        let Some(commands) = orders[reach.site.controller.index()].take() else { continue };
        let intake = Arc::clone(around.intake);
        let surroundings = Surroundings {
            commands,
            events: Arc::new(move |event| intake.port(event)),
            clock: clock_fn(around.clock),
            release_all: around.withheld.clone(),
            shutdown: around.shutdown.clone(),
        };
        adapters.push(match reach.site.protocol {
            Protocol::Ntcip => clearway_ntcip::adapter::spawn(reach.site, reach.ntcip, surroundings),
            Protocol::Modbus => clearway_modbus::adapter::spawn(reach.site, reach.modbus, surroundings),
            Protocol::Rsmp => {
                let Some((hub, options)) = reach.rsmp.and_then(|rsmp| {
                    let hub = hubs.get(rsmp.listener)?;
                    Some((hub, rsmp.options))
                }) else {
                    continue;
                };
                clearway_rsmp::adapter::spawn(hub, reach.site, options, surroundings)
            }
        });
    }
    adapters
}

fn rsmp_sites(reaches: &[Reach], hubs: &[Hub]) -> Vec<Watched> {
    let watched = |reach: &Reach| {
        let reached = reach.rsmp.as_ref()?;
        let (controller, site_id) = (reach.site.controller, reached.options.binding.site_id.clone());
        Some(Watched { controller, site_id, hub: hubs.get(reached.listener)?.clone() })
    };
    reaches.iter().filter_map(watched).collect()
}

fn clock_fn(clock: &Clock) -> Arc<dyn Fn() -> (Millis, u64) + Send + Sync> {
    let clock = clock.clone();
    Arc::new(move || clock.now())
}

/// The wall clock that stamps records and judges the age of messages; a step of the system's clock
/// moves it only slowly (S16).
pub fn wall_clock(clock: &Clock) -> WallClock {
    let clock = clock.clone();
    let anchored = AnchoredWall::new(clock.now().0, system_wall());
    Arc::new(move || anchored.read(clock.now().0, system_wall()))
}

fn system_wall() -> WallMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn pulse_of(runtime: &Arc<Runtime>, clock: &Clock) -> Arc<dyn Fn() -> Pulse + Send + Sync> {
    let (runtime, clock) = (Arc::clone(runtime), clock.clone());
    Arc::new(move || Pulse {
        view: runtime.view(),
        alive: runtime.is_alive(clock.now().0, DEAD_AFTER),
        fix_to_command: runtime.fix_to_command(),
        commands: runtime.commands(),
    })
}

fn as_text(frame: crate::api::frame::Frame) -> (crate::api::frame::Frame, Utf8Bytes) {
    let text = serde_json::to_string(&frame).unwrap_or_default().into();
    (frame, text)
}

async fn write_frames(
    mut scribe: Scribe,
    pulse: Arc<dyn Fn() -> Pulse + Send + Sync>,
    snapshot: Arc<ArcSwap<(crate::api::frame::Frame, Utf8Bytes)>>,
    deltas: broadcast::Sender<(u64, Utf8Bytes)>,
) {
    let mut every = tokio::time::interval(FRAME_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        let (delta, whole) = scribe.write(&pulse());
        snapshot.store(Arc::new(as_text(whole)));
        let (frame, text) = as_text(delta);
        // Nobody watches: then there is nobody to tell.
        let _ = deltas.send((frame.seq, text));
    }
}

async fn tell_notices(runtime: Arc<Runtime>, board: Arc<Board>, network: Arc<Network>, wall: WallClock) {
    let mut every = tokio::time::interval(FRAME_EVERY);
    loop {
        every.tick().await;
        let label = |vehicle| board.label(vehicle);
        let rule = |id| board.rule(id);
        let names = Names { network: &network, vehicle: &label, rule: &rule };
        for (_, notice) in runtime.notices().try_iter() {
            let (severity, text) = sentence(&notice, &names);
            board.say(wall(), severity, text);
        }
    }
}

/// The watchdog: an engine that stands still, or died, asks for nothing any more.
async fn watch_engine(runtime: Arc<Runtime>, clock: Clock, release_all: watch::Sender<bool>) {
    let mut every = tokio::time::interval(Duration::from_millis(200));
    let mut dead = false;
    loop {
        every.tick().await;
        let now_dead = !runtime.is_alive(clock.now().0, DEAD_AFTER);
        if now_dead != dead {
            dead = now_dead;
            release_all.send_replace(dead);
            tracing::error!(dead, "the engine's loop stopped or runs again");
        }
    }
}

/// Write what started where into the log.
pub fn announce(plant: &Plant, wall: &WallClock) {
    for (feed, address) in &plant.feeds {
        plant.board.say(wall(), Severity::Info, format!("Feed {feed} on {address}."));
    }
}
