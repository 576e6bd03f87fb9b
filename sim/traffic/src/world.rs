//! The world: everything that moves, and the loop that moves it.
//!
//! Cars are events: the head of a lane leaves when its time, its signal, the gap and the room ahead
//! allow, and nothing happens in between. Trams and emergency vehicles drive themselves on the
//! 100 ms grid, on which the signals are read too. Time is integer milliseconds, events have a total
//! order, every draw comes from a seeded stream: the same seed gives the same run, byte for byte.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Network, Uses};
use clearway_signals::{ControllerId, GroupId, Millis};

use crate::closure::Closure;
use crate::demand::{self, Demand, ListedTrip, Metered, Profile, Source, TripTimes};
use crate::drive::Driver;
use crate::emergency::{EmergencyTrip, TripId, TripLog};
use crate::event::{Event, EventQueue};
use crate::lane::{Lane, Placed};
use crate::measure::{CrossTraffic, Travelled};
use crate::physics::{CAR_MM, Manners, TICK_MS};
use crate::roads::Roads;
use crate::signals::{Aspect, PlanRun, Signals};
use crate::tram::LineState;
use crate::vehicle::{Class, Fleet, Serial};
use crate::view::VehicleView;

/// What a run is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WorldConfig {
    /// Seeds every stream of the run.
    pub seed: u64,
    /// Highest share of an approach's capacity that background traffic asks for, 0 to 1.
    pub target_saturation: f64,
    /// Scales the background traffic after that; 0 for none.
    pub demand_factor: f64,
    /// Whether the network's tram lines run.
    pub trams: bool,
}

impl Default for WorldConfig {
    /// The morning peak of a city that does not jam.
    fn default() -> Self {
        Self { seed: 1, target_saturation: 0.7, demand_factor: 1.0, trams: true }
    }
}

/// How many cars were made and what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CarCounts {
    /// Appeared at a source.
    pub appeared: u64,
    /// On the road now.
    pub inside: u64,
    /// Waiting at a source for room.
    pub waiting: u64,
    /// Left the network at an exit.
    pub left: u64,
    /// Turned away at a source whose queue was full.
    pub turned_away: u64,
    /// Took another way because theirs was blocked.
    pub detours: u64,
}

/// What a group shows, and since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) aspect: Aspect,
    pub(crate) since_ms: i64,
}

/// The simulated traffic of one network.
#[derive(Debug)]
pub struct World {
    pub(crate) roads: Roads,
    pub(crate) config: WorldConfig,
    pub(crate) now_ms: i64,
    pub(crate) events: EventQueue,
    pub(crate) fleet: Fleet,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) sources: Vec<Source>,
    pub(crate) lines: Vec<LineState>,
    pub(crate) drivers: Vec<Driver>,
    pub(crate) trips: Vec<EmergencyTrip>,
    pub(crate) logs: Vec<TripLog>,
    pub(crate) pulses: Vec<(ControllerId, u8)>,
    pub(crate) counts: CarCounts,
    pub(crate) cross: CrossTraffic,
    pub(crate) scratch: Vec<Placed>,
    pub(crate) manners: Manners,
    pub(crate) profile: Profile,
    pub(crate) listed: Vec<ListedTrip>,
    pub(crate) source_of_trip: Vec<u32>,
    pub(crate) trip_times: Vec<TripTimes>,
    pub(crate) closures: Vec<Closure>,
    pub(crate) traversals: u64,
    pub(crate) travelled: Travelled,
    /// Controllers whose signals are read, and the plans of those that run by themselves.
    read: Vec<ControllerId>,
    plans: Vec<Option<PlanRun>>,
    plans_due: BinaryHeap<Reverse<(i64, u32)>>,
    /// What changed, if that is recorded.
    changes: Option<Vec<SignalChange>>,
}

/// What a group began to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalChange {
    /// When.
    pub at: Millis,
    /// Whose group.
    pub controller: ControllerId,
    /// Which group.
    pub group: GroupId,
    /// What.
    pub aspect: Aspect,
}

/// Changes that nobody fetched are dropped beyond this number.
const CHANGES_MAX: usize = 4_000_000;

impl World {
    /// An empty city at time zero. Run it for ten minutes or more before measuring anything.
    #[must_use]
    pub fn new(network: Arc<Network>, config: WorldConfig) -> Self {
        let metered = Metered {
            seed: config.seed,
            target_saturation: config.target_saturation,
            factor: config.demand_factor,
        };
        let demand = Demand { inflows: metered.inflows(&network), ..Demand::default() };
        Self::with_demand(network, config, &demand, Manners::default())
    }

    /// The same with a demand of its own, which the configuration says nothing about then, and with
    /// drivers of another kind.
    #[must_use]
    pub fn with_demand(
        network: Arc<Network>,
        config: WorldConfig,
        demand: &Demand,
        manners: Manners,
    ) -> Self {
        let (sources, source_of_trip) = demand::sources(&demand.inflows, &demand.trips, config.seed);
        let lines = if config.trams { LineState::all(&network, config.seed) } else { Vec::new() };
        let roads = Roads::new(network);
        let dark = Shown { aspect: Aspect::Red, since_ms: 0 };
        let mut world = Self {
            config,
            now_ms: 0,
            events: EventQueue::default(),
            fleet: Fleet::default(),
            lanes: lanes(&roads),
            shown: vec![dark; roads.group_count()],
            sources,
            lines,
            drivers: Vec::new(),
            trips: Vec::new(),
            logs: Vec::new(),
            pulses: Vec::new(),
            counts: CarCounts::default(),
            cross: CrossTraffic::default(),
            scratch: Vec::new(),
            manners,
            profile: demand.profile.clone(),
            listed: demand.trips.clone(),
            source_of_trip,
            trip_times: vec![TripTimes::default(); demand.trips.len()],
            closures: Vec::new(),
            traversals: 0,
            travelled: Travelled::default(),
            read: roads.network.controllers.iter().map(|controller| controller.id).collect(),
            plans: vec![None; roads.network.controllers.len()],
            plans_due: BinaryHeap::new(),
            changes: None,
            roads,
        };
        world.schedule_first();
        world
    }

    fn schedule_first(&mut self) {
        for (index, source) in self.sources.iter_mut().enumerate() {
            if source.per_s > 0.0 {
                let at = source.rng.exponential_ms(source.per_s * self.profile.highest());
                self.events.schedule(at, Event::Arrival { source: narrow(index) });
            }
        }
        for (index, trip) in self.listed.iter().enumerate() {
            self.events.schedule(trip.at_ms, Event::Listed { trip: narrow(index) });
        }
        for (index, line) in self.lines.iter_mut().enumerate() {
            self.events.schedule(line.first_ms, Event::Departure { line: narrow(index) });
        }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.roads.network
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Millis {
        Millis(self.now_ms)
    }

    /// Go on to `to` in steps of 100 ms, reading `signals` at each; times short of a step wait for
    /// the next call.
    pub fn advance(&mut self, to: Millis, signals: &dyn Signals) {
        while self.now_ms + TICK_MS <= to.0 {
            let tick = self.now_ms + TICK_MS;
            while let Some((at, event)) = self.events.pop_before(tick) {
                self.now_ms = at;
                self.handle(event);
            }
            self.now_ms = tick;
            self.read_signals(signals);
            self.drive_all();
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Head { lane } => {
                if self.lanes[lane as usize].wake_ms == Some(self.now_ms) {
                    self.lanes[lane as usize].wake_ms = None;
                    self.serve(lane);
                }
            }
            Event::Hole { lane, length_mm } => self.space_back(lane, length_mm),
            Event::Arrival { source } => self.car_appears(source),
            Event::Listed { trip } => self.listed_appears(trip),
            Event::Source { source } => self.let_in(source),
            Event::Detector { slot, serial, lane, detector } => self.car_over(slot, serial, lane, detector),
            Event::Departure { line } => self.tram_departs(line),
            Event::Turnout { trip } => self.turn_out(trip),
            Event::Closure { closure } => self.closure_changes(closure),
        }
    }

    fn read_signals(&mut self, signals: &dyn Signals) {
        let now = Millis(self.now_ms);
        self.run_plans();
        for index in 0..self.read.len() {
            let id = self.read[index];
            let groups = self.roads.groups_of(id.index());
            for (number, group) in (0_u8..).zip(groups) {
                self.show(group, id, GroupId(number), signals.aspect(now, id, GroupId(number)));
            }
        }
    }

    /// Plans that run by themselves show what is due.
    fn run_plans(&mut self) {
        while let Some(&Reverse((due, controller))) = self.plans_due.peek() {
            if due > self.now_ms {
                return;
            }
            self.plans_due.pop();
            let Some(run) = &mut self.plans[controller as usize] else { continue };
            let change = run.take();
            if let Some(next) = run.due_ms() {
                self.plans_due.push(Reverse((next, controller)));
            }
            if let Some((number, aspect)) = change {
                let group = self.roads.groups_of(controller as usize).start + u32::from(number);
                let id = ControllerId(u16::try_from(controller).unwrap_or(u16::MAX));
                self.show(group, id, GroupId(number), aspect);
            }
        }
    }

    fn show(&mut self, group: u32, controller: ControllerId, number: GroupId, aspect: Aspect) {
        if aspect == self.shown[group as usize].aspect {
            return;
        }
        self.shown[group as usize] = Shown { aspect, since_ms: self.now_ms };
        let at = Millis(self.now_ms);
        if let Some(changes) = self.changes.as_mut().filter(|changes| changes.len() < CHANGES_MAX) {
            changes.push(SignalChange { at, controller, group: number, aspect });
        }
        self.signal_changed(group);
    }

    /// Let these controllers run their fixed-time plans by themselves from now on: nobody is asked what
    /// they show, and their detectors count for nobody. A large city needs no emulator where nobody calls.
    pub fn run_by_plan(&mut self, controllers: impl IntoIterator<Item = ControllerId>) {
        for id in controllers {
            let network = Arc::clone(&self.roads.network);
            let Some(controller) = network.controller(id) else { continue };
            let (mut run, shown) = PlanRun::new(controller, self.now_ms);
            if let Some(due) = run.due_ms() {
                self.plans_due.push(Reverse((due, u32::from(id.0))));
            }
            self.plans[id.index()] = Some(run);
            let groups = self.roads.groups_of(id.index());
            for ((number, group), aspect) in (0_u8..).zip(groups).zip(shown) {
                self.show(group, id, GroupId(number), aspect);
            }
        }
        self.read.retain(|id| self.plans[id.index()].is_none());
        for detectors in &mut self.roads.detectors {
            detectors.retain(|detector| self.plans[detector.controller.index()].is_none());
        }
    }

    /// Take over which lanes a movement is driven from, where they are marked: movement, first and last
    /// lane from 1 at the right. Call it before the first car appears.
    pub fn mark_lanes(&mut self, markings: &[(MovementId, u8, u8)]) {
        for &(movement, first, last) in markings {
            self.roads.mark(movement, first, last);
        }
    }

    /// Record what signals show from now on.
    pub fn record_signals(&mut self) {
        self.changes.get_or_insert_with(Vec::new);
    }

    /// What signals began to show since the last call, in order.
    pub fn take_signal_changes(&mut self) -> Vec<SignalChange> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What became of the listed trips, in the order of the list.
    #[must_use]
    pub fn trip_times(&self) -> &[TripTimes] {
        &self.trip_times
    }

    /// Those who wait for the group look up, if it lets somebody go who waited. At the start of yellow
    /// nobody does: a head that may still go has its time already.
    fn signal_changed(&mut self, group: u32) {
        if !matches!(self.shown[group as usize].aspect, Aspect::Green | Aspect::Dark) {
            return;
        }
        for index in 0..self.roads.links_of_group[group as usize].len() {
            let link = self.roads.links_of_group[group as usize][index];
            for lane in self.roads.lanes(link) {
                self.serve(lane);
            }
        }
    }

    /// What the signal of a movement shows; `None` where there is no signal.
    pub(crate) fn shown_to(&self, movement: MovementId) -> Option<Shown> {
        self.roads.group(movement).map(|group| self.shown[group as usize])
    }

    /// The lane of `link` to enter for someone who then drives `next`: the emptiest that leads there.
    pub(crate) fn choose_lane(&self, link: LinkId, next: Option<MovementId>, class: Class) -> u32 {
        let lanes = self.roads.lanes_for(link, next, class == Class::Tram);
        let first = lanes.start;
        if lanes.len() == 1 && !self.lanes[first as usize].closed {
            return first;
        }
        let emptiest = |lanes: std::ops::Range<u32>| {
            let open = lanes.filter(|&lane| !self.lanes[lane as usize].closed);
            open.min_by_key(|&lane| self.lanes[lane as usize].used_mm())
        };
        // Where the proper lanes are closed, any other that is not.
        emptiest(lanes).or_else(|| emptiest(self.roads.lanes(link))).unwrap_or(first)
    }

    /// Add an emergency trip; it leaves at its time, or now when that is past. `None` when its route is
    /// no chain of links.
    pub fn add_trip(&mut self, trip: EmergencyTrip) -> Option<TripId> {
        let log = TripLog::new(&self.roads.network, &trip)?;
        let id = narrow(self.trips.len());
        self.events.schedule(trip.depart.0.max(self.now_ms), Event::Turnout { trip: id });
        self.trips.push(trip);
        self.logs.push(log);
        Some(TripId(id))
    }

    /// What became of a trip so far.
    #[must_use]
    pub fn trip(&self, trip: TripId) -> Option<&TripLog> {
        self.logs.get(trip.0 as usize)
    }

    /// Cars made, on the road and gone.
    #[must_use]
    pub fn car_counts(&self) -> CarCounts {
        let waiting = self.sources.iter().map(|source| source.waiting.len() as u64).sum();
        CarCounts { waiting, ..self.counts }
    }

    /// Events scheduled so far: what the simulator did, for its speed.
    #[must_use]
    pub fn events_scheduled(&self) -> u64 {
        self.events.scheduled()
    }

    /// Everyone on the road, link by link, head of each lane first.
    pub fn vehicles(&self) -> impl Iterator<Item = VehicleView> {
        let links = (0..narrow(self.roads.network.links.len())).map(LinkId);
        links.flat_map(|link| self.on_link(link))
    }

    /// Everyone on one link, head of each lane first.
    #[must_use]
    pub fn on_link(&self, link: LinkId) -> Vec<VehicleView> {
        let (mut placed, mut views) = (Vec::new(), Vec::new());
        for lane in self.roads.lanes(link) {
            self.lanes[lane as usize].place(self.now_ms, &self.fleet, &mut placed);
            views.extend(placed.iter().filter_map(|&at| self.view(link, at)));
        }
        views
    }

    /// Whether a vehicle that drives itself is on the road.
    #[must_use]
    pub fn is_on_road(&self, serial: Serial) -> bool {
        let own = |driver: &Driver| self.fleet.get(driver.slot).is_some_and(|v| v.serial == serial);
        self.drivers.iter().any(own)
    }

    /// Trams and emergency vehicles on the road, in order of appearance.
    pub fn driven(&self) -> impl Iterator<Item = VehicleView> {
        self.drivers.iter().filter_map(|driver| {
            let vehicle = self.fleet.get(driver.slot)?;
            let motion = vehicle.motion?;
            let at = Placed::alone(driver.slot, motion.offset_mm, motion.speed_mm_s, vehicle.length_mm);
            self.view(vehicle.link, at)
        })
    }

    /// One vehicle that drives itself, by its serial.
    #[must_use]
    pub fn driven_by_serial(&self, serial: Serial) -> Option<VehicleView> {
        self.driven().find(|view| view.serial == serial)
    }

    /// Vehicles that stand on the link, or should have left it: the queue as it truly is.
    #[must_use]
    pub fn queue_on(&self, link: LinkId) -> u32 {
        let lanes = self.roads.lanes(link).flat_map(|lane| self.lanes[lane as usize].queue.iter());
        let late = lanes.filter_map(|&slot| self.fleet.get(slot)).filter(|v| v.reach_ms <= self.now_ms);
        narrow(late.count())
    }

    /// A hash (FNV-1a, 64 bit) of where everyone is: equal runs have equal hashes.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |value: i64| {
            for byte in value.to_be_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        add(self.now_ms);
        for view in self.vehicles() {
            add(i64::from(view.serial.0));
            add(i64::from(view.link.0));
            add(i64::from(view.offset_mm));
            add(i64::from(view.speed_mm_s));
        }
        add(self.counts.left.cast_signed());
        add(self.events.scheduled().cast_signed());
        hash
    }
}

fn lanes(roads: &Roads) -> Vec<Lane> {
    let mut lanes = Vec::with_capacity(roads.lane_count());
    for index in 0..narrow(roads.network.links.len()) {
        let link = LinkId(index);
        for _ in roads.lanes(link) {
            let (length, speed) = (roads.length_mm(link).max(CAR_MM), roads.speed_mm_s(link));
            lanes.push(Lane::new(length, speed, roads.travel_ms(link)));
        }
    }
    lanes
}

/// Tables of this world are indexed by 32 bits; a city has far fewer of anything.
pub(crate) fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

impl World {
    /// Whether general traffic may use the link at all.
    pub(crate) fn is_for_cars(&self, link: LinkId) -> bool {
        self.roads.network.link(link).uses.allow(Uses::CAR)
    }
}
