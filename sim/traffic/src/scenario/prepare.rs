//! A scenario on its network: names become ids, places become links, chance becomes trips.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use clearway_network::{LinkId, LinkIndex, MovementId, Network, Uses};
use clearway_signals::{GeoPoint, Millis};

use super::{DemandSpec, Drivers, FleetSpec, Incident, Mission, NetworkSpec, Place, Scenario, ScenarioFault};
use crate::closure::Closure;
use crate::demand::{Demand, Inflow, ListedTrip, Metered, Profile, TurnShares, Wander, Ways, WeightedWays};
use crate::emergency::{Driving, EmergencyTrip};
use crate::physics::Manners;
use crate::rng::Rng;
use crate::routing::{free_way, movements_along, way_around};

/// Streets farther from a place than this are not meant.
const NEAR_M: f32 = 60.0;
/// Draws for one vehicle of a fleet before it is given up.
const DRAWS_MAX: u32 = 400;
/// Emergency vehicles of one scenario: what the engine takes at once.
const MISSIONS_MAX: usize = clearway_signals::limits::MISSIONS_MAX;
/// Signals on one way: what the engine takes.
const SIGNALS_MAX: usize = clearway_signals::limits::ROUTE_SIGNALS_MAX;

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Where.
    pub network: Arc<Network>,
    /// The warm-up.
    pub warm_up: Millis,
    /// What is measured after it.
    pub duration: Millis,
    /// How cars drive.
    pub manners: Manners,
    /// Closures; times from the start of the run.
    pub closures: Vec<Closure>,
    /// Whether trams run.
    pub trams: bool,
    /// Lanes from which movements are driven, where they are marked: first and last from 1 at the right.
    pub markings: Vec<(MovementId, u8, u8)>,
    missions: Vec<PreparedMission>,
    fleets: Vec<FleetSpec>,
    demand: DemandSpec,
    inflows: Option<Vec<Inflow>>,
    profile: Profile,
    trips: Vec<ListedTrip>,
}

/// An emergency vehicle with its way.
#[derive(Clone, PartialEq, Debug)]
pub struct PreparedMission {
    /// What people call it.
    pub name: String,
    /// Its trip.
    pub trip: EmergencyTrip,
    /// Where it is wanted.
    pub destination: GeoPoint,
}

impl Prepared {
    /// Take over marked lanes, by the model's ids of movements.
    pub fn mark_lanes<'m>(&mut self, rows: impl Iterator<Item = (&'m str, u8, u8)>) {
        let ids = (0..u32::try_from(self.network.movements.len()).unwrap_or(u32::MAX)).map(MovementId);
        let by_name: HashMap<&str, MovementId> =
            ids.map(|id| (self.network.movement(id).name.as_str(), id)).collect();
        self.markings =
            rows.filter_map(|(name, first, last)| Some((*by_name.get(name)?, first, last))).collect();
    }

    /// The demand of one seed.
    #[must_use]
    pub fn demand(&self, seed: u64) -> Demand {
        let inflows = match &self.inflows {
            Some(inflows) => inflows.clone(),
            None => {
                let target_saturation = self.demand.target_saturation;
                Metered { seed, target_saturation, factor: self.demand.factor }.inflows(&self.network)
            }
        };
        Demand { inflows, profile: self.profile.clone(), trips: self.trips.clone() }
    }

    /// The emergency vehicles of one seed: those with a name, then those drawn by lot.
    #[must_use]
    pub fn missions(&self, seed: u64) -> Vec<PreparedMission> {
        let mut missions = self.missions.clone();
        let mut rng = Rng::new(seed, 0x9_0000);
        for fleet in &self.fleets {
            for _ in 0..fleet.count {
                if missions.len() < MISSIONS_MAX
                    && let Some(mission) = self.draw(fleet, missions.len() + 1, &mut rng)
                {
                    missions.push(mission);
                }
            }
        }
        missions
    }

    fn draw(&self, fleet: &FleetSpec, number: usize, rng: &mut Rng) -> Option<PreparedMission> {
        let network = &self.network;
        let links: Vec<LinkId> = links(network).filter(|&link| for_cars(network, link)).collect();
        let last = i64::try_from(links.len()).unwrap_or(0) - 1;
        let pick = |rng: &mut Rng| {
            let index = usize::try_from(rng.between_ms(0, last)).unwrap_or(0);
            links.get(index).copied()
        };
        let leave = self.warm_up + Millis(rng.between_ms(millis(fleet.from_s), millis(fleet.until_s)));
        for _ in 0..DRAWS_MAX {
            let (from, to) = (pick(rng)?, pick(rng)?);
            let middle = |link: LinkId| network.point_on(link, network.link(link).length_mm / 2);
            let apart = f64::from(middle(from).distance(middle(to)));
            if !(fleet.distance_min_m..=fleet.distance_max_m).contains(&apart) {
                continue;
            }
            let half = |link: LinkId| network.link(link).length_mm / 2;
            let ends = ((from, half(from)), (to, half(to)));
            if let Some(trip) = self.trip(ends, leave, false) {
                let destination = network.plane.unproject(middle(to));
                return Some(PreparedMission { name: format!("engine-{number}"), trip, destination });
            }
        }
        None
    }

    /// The way that is quickest on empty streets, around links that are closed at that time.
    fn trip(
        &self,
        ((from, start), (to, end)): ((LinkId, u32), (LinkId, u32)),
        leave: Millis,
        through_red: bool,
    ) -> Option<EmergencyTrip> {
        let closed = |link: LinkId| {
            let holds =
                |c: &Closure| c.link == link && c.lanes.is_none() && c.from <= leave && leave < c.until;
            self.closures.iter().any(holds)
        };
        let route = way_around(&self.network, from, to, closed)?;
        let movements = movements_along(&self.network, &route)?;
        let signals = movements.iter().filter(|&&m| self.network.movement(m).signal.is_some()).count();
        let driving = if through_red { Driving::ThroughRed } else { Driving::ObeysSignals };
        (signals <= SIGNALS_MAX).then_some(EmergencyTrip {
            route,
            start_offset_mm: start,
            end_offset_mm: end,
            depart: leave,
            driving,
        })
    }
}

impl Scenario {
    /// Put the scenario on its network. `trips` is the text of the file of trips, where there is one.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn prepare(
        &self,
        network: Arc<Network>,
        trips: Option<&str>,
    ) -> Result<Prepared, Vec<ScenarioFault>> {
        let names = Names::of(&network);
        let mut faults = Faults::default();
        self.check_numbers(&mut faults);
        let warm_up = Millis(millis(*self.warm_up_s.get_ref()));
        let mut prepared = Prepared {
            warm_up,
            duration: Millis(millis(*self.duration_s.get_ref())),
            manners: manners(&self.drivers),
            closures: Vec::new(),
            trams: self.trams,
            markings: Vec::new(),
            missions: Vec::new(),
            fleets: Vec::new(),
            demand: self.demand.clone(),
            inflows: None,
            profile: Profile::new(self.demand.profile.iter().map(|p| (millis(p.at_s), p.factor)).collect()),
            trips: trips.map_or_else(Vec::new, |text| listed(&network, &names, text, &mut faults)),
            network,
        };
        prepared.closures =
            self.incidents.iter().filter_map(|i| closure(&names, i, warm_up, &mut faults)).collect();
        prepared.inflows = inflows(&prepared.network, &names, &self.demand, trips.is_some(), &mut faults);
        for mission in &self.missions {
            let found = prepared.mission(&names, mission, &mut faults);
            prepared.missions.extend(found);
        }
        for fleet in &self.fleets {
            check_fleet(fleet.get_ref(), &fleet.span(), &mut faults);
            prepared.fleets.push(*fleet.get_ref());
        }
        let asked: usize = self.fleets.iter().map(|fleet| usize::from(fleet.get_ref().count)).sum();
        if asked + self.missions.len() > MISSIONS_MAX {
            let at = self.fleets.last().map_or(0..0, Spanned::span);
            faults.add(at, format!("more than {MISSIONS_MAX} emergency vehicles"), "Ask for fewer.");
        }
        faults.end(prepared)
    }

    fn check_numbers(&self, faults: &mut Faults) {
        let span = &self.network.span();
        let mut range = |ok: bool, at: Range<usize>, what: &str| {
            if !ok {
                faults.add(at, what.to_owned(), "Give a number in the range that docs/simulate.md states.");
            }
        };
        range(
            (1.0..=86_400.0).contains(self.duration_s.get_ref()),
            self.duration_s.span(),
            "duration_s is out of range",
        );
        range(
            (0.0..=86_400.0).contains(self.warm_up_s.get_ref()),
            self.warm_up_s.span(),
            "warm_up_s is out of range",
        );
        let demand = &self.demand;
        range((0.0..=10.0).contains(&demand.factor), 0..0, "demand.factor is out of range");
        range(
            (0.05..=2.0).contains(&demand.target_saturation),
            0..0,
            "demand.target_saturation is out of range",
        );
        range((1..=400).contains(&demand.links_mean), 0..0, "demand.links_mean is out of range");
        let point = |p: &super::ProfilePoint| p.at_s.is_finite() && (0.0..=10.0).contains(&p.factor);
        range(demand.profile.iter().all(point), 0..0, "a point of demand.profile is out of range");
        let everywhere = demand.everywhere.is_none_or(|e| (0.0..=3_600.0).contains(&e.per_link_h));
        range(everywhere, 0..0, "demand.everywhere.per_link_h is out of range");
        range((1..=1_000).contains(&self.runs), 0..0, "runs is out of range");
        range(!self.controls.is_empty(), 0..0, "controls is empty");
        range((0.1..=60.0).contains(&self.measure.sample_s), 0..0, "measure.sample_s is out of range");
        let drivers = &self.drivers;
        let within =
            |value: Option<f64>, low: f64, high: f64| value.is_none_or(|v| (low..=high).contains(&v));
        let sound = within(drivers.headway_s, 1.0, 5.0)
            && within(drivers.headway_turn_s, 1.0, 5.0)
            && within(drivers.start_up_s, 0.0, 6.0)
            && within(drivers.yellow_used_s, 0.0, 6.0)
            && within(drivers.acceleration_m_s2, 0.5, 6.0)
            && within(drivers.speed_sd, 0.0, 0.3)
            && within(drivers.speed_mean, 0.5, 1.5);
        range(sound, 0..0, "a figure of drivers is out of range");
        if let NetworkSpec::Model(dir) = self.network.get_ref() {
            range(!dir.as_os_str().is_empty(), span.clone(), "network.model is empty");
        }
    }
}

use toml::Spanned;

impl Prepared {
    fn mission(
        &self,
        names: &Names,
        entry: &Spanned<Mission>,
        faults: &mut Faults,
    ) -> Option<PreparedMission> {
        let mission = entry.get_ref();
        let mut end = |place: &Place, what: &str| {
            let found = locate(&self.network, names, place);
            if found.is_none() {
                let what = format!("the vehicle `{}` cannot {what}: no street is there", mission.name);
                faults.add(
                    entry.span(),
                    what,
                    "Give a link id of the model, or a place within 60 m of a street.",
                );
            }
            found
        };
        let (from, to) = (end(&mission.from, "start")?, end(&mission.to, "arrive")?);
        let leave = self.warm_up + Millis(millis(mission.leave_s));
        let Some(trip) = self.trip((from, to), leave, mission.through_red) else {
            let what = format!(
                "no way leads `{}` from start to goal past at most {SIGNALS_MAX} signals",
                mission.name
            );
            faults.add(entry.span(), what, "Choose another goal, or open a link that is closed then.");
            return None;
        };
        let destination = self.network.plane.unproject(self.network.point_on(to.0, to.1));
        Some(PreparedMission { name: mission.name.clone(), trip, destination })
    }
}

#[derive(Default)]
struct Faults(Vec<ScenarioFault>);

impl Faults {
    fn add(&mut self, at: Range<usize>, what: String, cure: &'static str) {
        self.0.push(ScenarioFault { at, what, cure });
    }

    fn end<T>(mut self, value: T) -> Result<T, Vec<ScenarioFault>> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort_by_key(|fault| fault.at.start);
        Err(self.0)
    }
}

/// Links by the model's ids.
struct Names(HashMap<String, LinkId>);

impl Names {
    fn of(network: &Network) -> Self {
        Self(links(network).map(|link| (network.link(link).name.clone(), link)).collect())
    }

    fn link(&self, name: &str, at: Range<usize>, faults: &mut Faults) -> Option<LinkId> {
        let found = self.0.get(name).copied();
        if found.is_none() {
            faults.add(at, format!("there is no link `{name}`"), "Use an id from the model's link.csv.");
        }
        found
    }
}

fn links(network: &Network) -> impl Iterator<Item = LinkId> + use<> {
    (0..u32::try_from(network.links.len()).unwrap_or(u32::MAX)).map(LinkId)
}

fn for_cars(network: &Network, link: LinkId) -> bool {
    network.link(link).uses.allow(Uses::CAR)
}

/// Seconds of the file as milliseconds; saturates, ranges are checked.
#[allow(clippy::cast_possible_truncation)]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn locate(network: &Network, names: &Names, place: &Place) -> Option<(LinkId, u32)> {
    match place {
        Place::Link { link, offset_m } => {
            let link = names.0.get(link).copied()?;
            Some((link, ((offset_m * 1000.0) as u32).min(network.link(link).length_mm)))
        }
        Place::Globe { lat, lon } => {
            let point = network.project(GeoPoint::from_degrees(*lat, *lon)?);
            let mut best: Option<(f32, LinkId, u32)> = None;
            LinkIndex::new(network).near(network, point, NEAR_M, Uses::CAR, |link, foot| {
                if best.is_none_or(|(distance, ..)| foot.distance_m < distance) {
                    best = Some((foot.distance_m, link, foot.offset_mm));
                }
            });
            best.map(|(_, link, offset)| (link, offset))
        }
    }
}

fn manners(drivers: &Drivers) -> Manners {
    let usual = Manners::default();
    let ms = |value: Option<f64>, usual: i64| value.map_or(usual, millis);
    let permille = |value: f64| u32::try_from(millis(value)).unwrap_or(0);
    Manners {
        headway_ms: ms(drivers.headway_s, usual.headway_ms),
        headway_turn_ms: ms(drivers.headway_turn_s.or(drivers.headway_s), usual.headway_turn_ms),
        start_up_ms: ms(drivers.start_up_s, usual.start_up_ms),
        yellow_used_ms: ms(drivers.yellow_used_s, usual.yellow_used_ms),
        acceleration: drivers.acceleration_m_s2.map(millis),
        speed_sd_permille: drivers.speed_sd.map_or(usual.speed_sd_permille, permille),
        speed_mean_permille: drivers.speed_mean.map_or(usual.speed_mean_permille, permille),
    }
}

fn closure(names: &Names, entry: &Spanned<Incident>, zero: Millis, faults: &mut Faults) -> Option<Closure> {
    let incident = entry.get_ref();
    let link = names.link(&incident.link, entry.span(), faults)?;
    if incident.from_s.partial_cmp(&incident.until_s) != Some(Ordering::Less) || incident.lanes == Some(0) {
        faults.add(
            entry.span(),
            "the incident closes nothing".into(),
            "Let until_s be after from_s, lanes 1 or more.",
        );
        return None;
    }
    let at = |s: f64| zero + Millis(millis(s));
    Some(Closure { link, lanes: incident.lanes, from: at(incident.from_s), until: at(incident.until_s) })
}

fn check_fleet(fleet: &FleetSpec, at: &Range<usize>, faults: &mut Faults) {
    let sound = (1..=60).contains(&fleet.count)
        && fleet.from_s <= fleet.until_s
        && 0.0 <= fleet.distance_min_m
        && fleet.distance_min_m < fleet.distance_max_m;
    if !sound {
        faults.add(
            at.clone(),
            "the fleet's numbers do not fit together".into(),
            "Give 1 to 60 vehicles, from_s before until_s, distance_min_m below distance_max_m.",
        );
    }
}

/// Flows that the file lists; `None` where the network itself is to suggest them.
fn inflows(
    network: &Network,
    names: &Names,
    demand: &DemandSpec,
    has_trips: bool,
    faults: &mut Faults,
) -> Option<Vec<Inflow>> {
    let mut inflows = between_places(network, names, demand, faults);
    let counted = counted(network, names, demand, faults);
    let wander = Arc::new(Wander::new(network, TurnShares::default(), &counted, demand.links_mean));
    let ways = || Ways::Wander(Arc::clone(&wander));
    for entry in &demand.entry {
        let flow = entry.get_ref();
        if let Some(link) = names.link(&flow.link, entry.span(), faults) {
            inflows.push(Inflow { link, per_h: flow.per_h * demand.factor, ways: ways() });
        }
    }
    if let Some(everywhere) = demand.everywhere {
        let per_h = everywhere.per_link_h * demand.factor;
        let leads_on = |&link: &LinkId| for_cars(network, link) && network.leaving(link).next().is_some();
        inflows.extend(links(network).filter(leads_on).map(|link| Inflow { link, per_h, ways: ways() }));
    }
    let listed =
        has_trips || !demand.od.is_empty() || !demand.entry.is_empty() || demand.everywhere.is_some();
    listed.then_some(inflows)
}

fn between_places(network: &Network, names: &Names, demand: &DemandSpec, faults: &mut Faults) -> Vec<Inflow> {
    let mut by_link: BTreeMap<LinkId, WeightedWays> = BTreeMap::new();
    for entry in &demand.od {
        let flow = entry.get_ref();
        let from = names.link(&flow.from, entry.span(), faults);
        let to = names.link(&flow.to, entry.span(), faults);
        let (Some(from), Some(to)) = (from, to) else { continue };
        let way = way_around(network, from, to, |_| false).and_then(|links| movements_along(network, &links));
        match way {
            Some(way) => by_link.entry(from).or_default().push((flow.per_h * demand.factor, way)),
            None => {
                let what = format!("no way for cars leads from `{}` to `{}`", flow.from, flow.to);
                faults.add(entry.span(), what, "Choose links that are joined by streets.");
            }
        }
    }
    let inflow = |(link, ways): (LinkId, WeightedWays)| Inflow {
        link,
        per_h: ways.iter().map(|(per_h, _)| per_h).sum(),
        ways: Ways::Fixed(ways),
    };
    by_link.into_iter().map(inflow).collect()
}

fn counted(
    network: &Network,
    names: &Names,
    demand: &DemandSpec,
    faults: &mut Faults,
) -> BTreeMap<MovementId, f64> {
    let mut counted = BTreeMap::new();
    for entry in &demand.turn {
        let turn = entry.get_ref();
        let from = names.link(&turn.from, entry.span(), faults);
        let to = names.link(&turn.to, entry.span(), faults);
        let (Some(from), Some(to)) = (from, to) else { continue };
        match network.movement_between(from, to) {
            Some(movement) => drop(counted.insert(movement, turn.count.max(0.0))),
            None => {
                let what = format!("nobody may turn from `{}` to `{}`", turn.from, turn.to);
                faults.add(entry.span(), what, "Use a movement of the model's movement.csv.");
            }
        }
    }
    counted
}

/// Trips of a CSV text with a head: seconds, then link ids with spaces. The first twenty faults are named.
fn listed(network: &Network, names: &Names, text: &str, faults: &mut Faults) -> Vec<ListedTrip> {
    const FAULTS_MAX: usize = 20;
    let mut trips = Vec::new();
    let mut wrong = 0;
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        match listed_trip(network, names, line) {
            Some(trip) => trips.push(trip),
            None if wrong < FAULTS_MAX => {
                wrong += 1;
                let what = format!("line {} of the trips is no trip on this network", number + 1);
                faults.add(0..0, what, "Write seconds, a comma, and link ids that movements join.");
            }
            None => {}
        }
    }
    trips.sort_by_key(|trip: &ListedTrip| trip.at_ms);
    trips
}

/// The links of a trip; where two of them are not joined, by the way that is quickest on empty streets.
fn joined(network: &Network, links: &[LinkId]) -> Option<Vec<LinkId>> {
    let mut joined = vec![*links.first()?];
    for pair in links.windows(2) {
        if network.movement_between(pair[0], pair[1]).is_some() {
            joined.push(pair[1]);
        } else {
            joined.extend(free_way(network, pair[0], pair[1])?.into_iter().skip(1));
        }
    }
    Some(joined)
}

fn listed_trip(network: &Network, names: &Names, line: &str) -> Option<ListedTrip> {
    let (seconds, ids) = line.split_once(',')?;
    let seconds: f64 = seconds.trim().parse().ok()?;
    let ids = ids.split_once(',').map_or(ids, |(ids, _)| ids);
    let links: Vec<LinkId> =
        ids.split_whitespace().map(|id| names.0.get(id).copied()).collect::<Option<_>>()?;
    let way = movements_along(network, &joined(network, &links)?)?;
    let at_ms = Some(millis(seconds)).filter(|at| (0..=86_400_000).contains(at))?;
    Some(ListedTrip { at_ms, link: *links.first()?, way })
}
