//! The steps that are measured. Each prepares itself outside the measurement and gives a digest of
//! its result.

use std::hint::black_box;

use clearway_certify::{Ask, Class, Draft, certify};
use clearway_modbus::{Command as Frame, codec};
use clearway_network::{Controller, LinkId, LinkIndex, Network, Uses};
use clearway_ntcip::priority::{PriorityRequest, Selector};
use clearway_planner::Config;
use clearway_planner::along::{cumulate, signals_along};
use clearway_planner::cycle::Cycle;
use clearway_planner::learn::{Learned, Period};
use clearway_planner::queue::Queue;
use clearway_planner::route::Router;
use clearway_planner::tracking::{Track, acquire};
use clearway_planner::watch::Watch;
use clearway_planner::wave::{Setting, Wave};
use clearway_signals::{ControllerId, ControllerStatus, Epoch, Millis, Mode, RequestId, RowId, RowKind};

use crate::Digest;
use crate::city::City;
use crate::crossroads::{Crossroads, Rings, Stages};
use crate::fleet::Fleet;
use crate::grid::grid;
use crate::large::CertifyLarge;
use crate::street::Traffic;

/// A step of the engine.
pub trait Step {
    /// What happens before the step and is not measured.
    fn prepare(&mut self) {}
    /// The step; a digest of its result.
    fn run(&mut self) -> u64;
}

/// A step by name, and how it is made.
pub struct Measured {
    /// The name in reports and in `budgets.toml`.
    pub name: &'static str,
    /// Made once, run many times.
    pub make: fn() -> Box<dyn Step>,
}

/// The steps of one position, in its order, and the whole.
pub const ENGINE: &[Measured] = &[
    Measured { name: "acquire", make: || Box::new(Acquire::new()) },
    Measured { name: "map_match", make: || Box::new(MapMatch::new()) },
    Measured { name: "plan_wave", make: || Box::new(PlanWave::new()) },
    Measured { name: "certify", make: || Box::new(Certify::new()) },
    Measured { name: "certify_24_groups", make: || Box::new(CertifyLarge::new()) },
    Measured { name: "apply_fix", make: || Box::new(Fix(City::new())) },
    Measured { name: "apply_tick", make: || Box::new(Tick(City::new())) },
];

/// The same with eight fire engines that meet: a position, and the tick that decides who goes first.
pub const MEETING: &[Measured] = &[
    Measured { name: "apply_fix_of_8", make: || Box::new(Fix(Fleet::new())) },
    Measured { name: "apply_tick_of_8", make: || Box::new(Tick(Fleet::new())) },
];

/// Requests that meet at a junction.
pub const ARBITRATION: &[Measured] = &[
    Measured { name: "arbitrate_8_rings", make: || Box::new(Arbitrate::of(Rings::default(), 8)) },
    Measured { name: "arbitrate_15_rings", make: || Box::new(Arbitrate::of(Rings::default(), 15)) },
    Measured { name: "arbitrate_8_stages", make: || Box::new(Arbitrate::of(Stages::default(), 8)) },
    Measured { name: "arbitrate_15_stages", make: || Box::new(Arbitrate::of(Stages::default(), 15)) },
];

/// Commands into bytes, by our own codecs.
pub const ENCODING: &[Measured] = &[
    Measured { name: "encode_modbus", make: || Box::new(EncodeModbus(0)) },
    Measured { name: "encode_priority", make: || Box::new(EncodePriority(0)) },
];

/// The search of ways.
pub const ROUTING: &[Measured] = &[
    Measured { name: "route_900_nodes", make: || Box::new(Route::new(30)) },
    Measured { name: "route_10000_nodes", make: || Box::new(Route::new(100)) },
];

/// Every step.
pub fn all() -> impl Iterator<Item = &'static Measured> {
    ENGINE.iter().chain(MEETING).chain(ARBITRATION).chain(ENCODING).chain(ROUTING)
}

/// The step as callgrind sees it: it counts inside a function of this name only.
#[inline(never)]
pub fn measured_step(step: &mut dyn Step) -> u64 {
    black_box(step.run())
}

/// Run a step `times` times; the digest of all its results.
pub fn run(step: &mut dyn Step, times: u32) -> u64 {
    let mut digest = Digest::default();
    for _ in 0..times {
        step.prepare();
        digest.add(measured_step(step));
    }
    digest.value()
}

/// A position of the middle of the corridor, and the way through it.
struct OnTheWay {
    city: City,
    way: Vec<LinkId>,
    ends_mm: Vec<i64>,
    track: Track,
}

impl OnTheWay {
    fn new() -> Self {
        let mut city = City::new();
        for _ in 0..100 {
            city.prepare();
            city.fix();
        }
        let network = city.network();
        let fix = city.position();
        let index = LinkIndex::new(network);
        let (link, offset_mm) = acquire(network, &index, Uses::EMERGENCY, &fix).unwrap_or((LinkId(0), 0));
        let mut way = vec![link];
        // The corridor eastbound: at each crossroads the first movement that leads straight on.
        while let Some(next) = straight_on(network, way[way.len() - 1]).filter(|_| way.len() < 24) {
            way.push(next);
        }
        let mut ends_mm = Vec::new();
        cumulate(network, &way, &mut ends_mm);
        Self { city, way, ends_mm, track: Track::start(offset_mm, &fix) }
    }
}

fn straight_on(network: &Network, link: LinkId) -> Option<LinkId> {
    let straight = |m: &&clearway_network::Movement| m.turn == clearway_network::Turn::Through;
    network.leaving(link).map(|(_, movement)| movement).find(straight).map(|movement| movement.to)
}

struct Acquire(OnTheWay, LinkIndex);

impl Acquire {
    fn new() -> Self {
        let on = OnTheWay::new();
        let index = LinkIndex::new(on.city.network());
        Self(on, index)
    }
}

impl Step for Acquire {
    fn run(&mut self) -> u64 {
        let fix = self.0.city.position();
        let found = acquire(self.0.city.network(), &self.1, Uses::EMERGENCY, &fix);
        found.map_or(0, |(link, offset_mm)| u64::from(link.0) << 32 | offset_mm.cast_unsigned())
    }
}

struct MapMatch(OnTheWay);

impl MapMatch {
    fn new() -> Self {
        Self(OnTheWay::new())
    }
}

impl Step for MapMatch {
    fn run(&mut self) -> u64 {
        let on = &self.0;
        let at = on.track.locate(on.city.network(), &on.way, &on.ends_mm, &on.city.position());
        at.unwrap_or(-1).cast_unsigned()
    }
}

struct PlanWave {
    on: OnTheWay,
    wave: Wave,
    config: Config,
    watches: Vec<Watch>,
    queues: Vec<Queue>,
    worst: Vec<Vec<Millis>>,
    cycles: Vec<Cycle>,
    learned: Learned,
    now: Millis,
}

impl PlanWave {
    fn new() -> Self {
        let on = OnTheWay::new();
        let network = on.city.network();
        let now = on.track.fix_at;
        let mut wave = Wave::with_buffers();
        let mut places = Vec::new();
        signals_along(network, &on.way, &on.ends_mm, RowKind::Emergency, &mut places);
        wave.way.clone_from(&on.way);
        wave.ends_mm.clone_from(&on.ends_mm);
        wave.set_signals(&places);
        wave.track = Some(on.track);
        let config = Config::default();
        let learned = Learned::new(network, config.link_cv_permille);
        wave.set_profile(network, &learned, Period::default());
        let watches = network.controllers.iter().map(|controller| watch(controller, now)).collect();
        let worst = network.controllers.iter().map(|c| vec![Millis::from_s(20); c.rows.len()]).collect();
        let cycles = network.controllers.iter().map(Cycle::new).collect();
        let queues = vec![Queue::default(); network.links.len()];
        Self { on, wave, config, watches, queues, worst, cycles, learned, now }
    }
}

fn watch(controller: &Controller, now: Millis) -> Watch {
    let mut watch = Watch::default();
    watch.armed = true;
    let status =
        ControllerStatus { controller: controller.id, at: now, mode: Mode::Normal, ..Default::default() };
    watch.update(controller, &status);
    watch
}

impl Step for PlanWave {
    fn run(&mut self) -> u64 {
        let setting = Setting {
            network: self.on.city.network(),
            config: &self.config,
            watches: &self.watches,
            queues: &self.queues,
            worst: &self.worst,
            cycles: &self.cycles,
            learned: &self.learned,
            period: Period::default(),
        };
        self.wave.plan(&setting, self.now, false);
        let mut digest = Digest::default();
        for signal in &self.wave.signals {
            digest.add(signal.call_at.0.cast_unsigned());
        }
        digest.value()
    }
}

struct Certify {
    city: City,
    asks: Vec<Ask>,
}

impl Certify {
    fn new() -> Self {
        let city = City::new();
        let ask = |k: u16| {
            let start = Millis::from_s(i64::from(k) * 10);
            Ask {
                controller: ControllerId(k),
                row: RowId(1),
                request: RequestId(u32::from(k) + 1),
                wanted: clearway_signals::GroupSet(1),
                assert_at: start,
                arrival: start + Millis::from_s(40),
                release_at: start + Millis::from_s(60),
            }
        };
        Self { asks: (0..10).map(ask).collect(), city }
    }
}

impl Step for Certify {
    fn run(&mut self) -> u64 {
        let network = self.city.network();
        let draft = Draft { class: Class::Emergency, asks: &self.asks };
        let junction = |id| network.controller(id).map(Controller::junction);
        let plan = certify(&draft, Epoch(1), junction, |_| None);
        plan.map_or(0, |plan| plan.asks().len() as u64)
    }
}

/// A position into the engine.
struct Fix<T>(T);

impl<T: Traffic> Step for Fix<T> {
    fn prepare(&mut self) {
        self.0.prepare();
    }

    fn run(&mut self) -> u64 {
        self.0.fix()
    }
}

/// A tick of the engine, after a position.
struct Tick<T>(T);

impl<T: Traffic> Step for Tick<T> {
    fn prepare(&mut self) {
        self.0.prepare();
        self.0.fix();
        self.0.wait();
    }

    fn run(&mut self) -> u64 {
        self.0.tick()
    }
}

/// One instance after the other.
struct Arbitrate<T> {
    at: T,
    requests: usize,
    seed: u64,
}

impl<T: Crossroads> Arbitrate<T> {
    fn of(at: T, requests: usize) -> Self {
        Self { at, requests, seed: 0 }
    }
}

impl<T: Crossroads> Step for Arbitrate<T> {
    fn prepare(&mut self) {
        // So few that a warm run has seen each of them.
        self.seed = (self.seed + 1) % 200;
        self.at.draw(self.seed, self.requests);
    }

    fn run(&mut self) -> u64 {
        self.at.solve().cost.cast_unsigned()
    }
}

/// A frame of the register map, a new one each time.
struct EncodeModbus(u16);

impl Step for EncodeModbus {
    fn run(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        let sequence = self.0;
        let frame =
            Frame { sequence, heartbeat: sequence, time_to_live_ds: 50, calls: 4, ..Frame::default() };
        codec::encode(&frame).iter().map(|word| u64::from(*word)).sum()
    }
}

/// A priority request of NTCIP 1211, a new one each time.
struct EncodePriority(u8);

impl Step for EncodePriority {
    fn run(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        let request = PriorityRequest {
            selector: Selector { request: self.0, ..Selector::default() },
            service_s: u16::from(self.0),
            departure_s: u16::from(self.0) + 20,
        };
        request.encode().iter().map(|octet| u64::from(*octet)).sum()
    }
}

/// From one corner of a grid to the other.
struct Route {
    network: Network,
    router: Router,
    goal: LinkId,
    way: Vec<LinkId>,
}

impl Route {
    fn new(side: i32) -> Self {
        let network = grid(side);
        let goal = LinkId(u32::try_from(network.links.len() - 1).unwrap_or(0));
        let router = Router::new(&network);
        let way = Vec::with_capacity(network.links.len());
        Self { network, router, goal, way }
    }
}

impl Step for Route {
    fn run(&mut self) -> u64 {
        let Self { network, router, goal, way } = self;
        router.find(network, Uses::EMERGENCY, LinkId(0), &[*goal], false, way);
        let mut digest = Digest::default();
        way.iter().for_each(|link| digest.add(u64::from(link.0)));
        digest.value()
    }
}
