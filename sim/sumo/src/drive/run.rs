//! The loop: step, look, plan, tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clearway_signals::Millis;

use super::launch::{Launch, find_sumo, start};
use super::light::{Light, Order, Program, state_of};
use super::program::{Running, edge_of, head, links, running, times};
use super::report::{ClassReport, read};
use super::{DriveError, light};
use crate::steer::{
    Ask, AskKind, Clearance, Edge, EdgeId, Fix, Head, HeadId, HeadView, Observation, Rank, Settings, Site,
    Steer, Stop,
};
use crate::traci::client::Domain;
use crate::traci::{Client, TraciError, Value};

/// TraCI's variables, by SUMO's documentation.
mod variable {
    pub const ID_LIST: u8 = 0x00;
    pub const HALTING: u8 = 0x14;
    pub const STATE: u8 = 0x20;
    pub const SET_PHASE: u8 = 0x22;
    pub const SET_PROGRAM: u8 = 0x23;
    pub const SET_REST: u8 = 0x24;
    pub const CONTROLLED_LINKS: u8 = 0x27;
    pub const PHASE: u8 = 0x28;
    pub const PROGRAM: u8 = 0x29;
    pub const PROGRAMS: u8 = 0x2b;
    pub const NEXT_SWITCH: u8 = 0x2d;
    pub const SPEED: u8 = 0x40;
    pub const MAX_SPEED: u8 = 0x41;
    pub const LENGTH: u8 = 0x44;
    pub const VEHICLE_CLASS: u8 = 0x49;
    pub const ROAD: u8 = 0x50;
    pub const LANES: u8 = 0x52;
    pub const EDGES: u8 = 0x54;
    pub const LANE_POSITION: u8 = 0x56;
    pub const TIME: u8 = 0x66;
    pub const NEXT_STOPS: u8 = 0x73;
    pub const ROUTE_INDEX: u8 = 0x69;
    pub const DEPARTED: u8 = 0x74;
    pub const END: u8 = 0x1d;
    pub const TO_JUNCTION: u8 = 0x7c;
    pub const EXPECTED: u8 = 0x7d;
    pub const PARAMETER: u8 = 0x7e;
}

/// Edges ahead of a vehicle whose queues are looked at.
const LOOK_AHEAD: usize = 40;
/// No stop is planned to last longer than this.
const STOP_MAX: Millis = Millis::from_s(300);
/// A simulation without an end is ended after this: a week.
const LONGEST: Millis = Millis::from_s(7 * 24 * 3600);

/// Who controls the lights.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// Their own programs.
    None,
    /// Each by itself: green when an emergency vehicle is 300 m away.
    Local,
    /// The engine, along whole ways, trams and buses too.
    Clearway,
}

/// What is to be driven.
#[derive(Clone, Debug)]
pub struct Options {
    /// SUMO's program, if it is not found by itself.
    pub sumo: Option<PathBuf>,
    /// The scenario.
    pub config: PathBuf,
    /// Emergency vehicles: a SUMO route file.
    pub emergency: Option<PathBuf>,
    /// Who controls the lights.
    pub control: Control,
    /// SUMO's seed.
    pub seed: Option<u64>,
    /// Where SUMO writes its tripinfo.
    pub tripinfo: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By class of vehicle, from SUMO's tripinfo.
    pub classes: BTreeMap<String, ClassReport>,
    /// Lights under our hand.
    pub lights: usize,
    /// Lights left alone, and why.
    pub refused: Vec<(String, String)>,
    /// Requests made.
    pub requests: u64,
    /// Time that requested states were held, all lights together.
    pub held: Millis,
    /// Simulated time.
    pub simulated: Millis,
}

/// Drive a scenario to its end.
///
/// # Errors
/// [`DriveError`].
pub fn run(options: &Options, mut progress: impl FnMut(Millis)) -> Result<Outcome, DriveError> {
    let launch = Launch {
        program: find_sumo(options.sumo.as_deref())?,
        config: options.config.clone(),
        emergency: options.emergency.clone(),
        tripinfo: options.tripinfo.clone(),
        seed: options.seed,
    };
    let (sumo, client) = start(&launch)?;
    let mut drive = Drive::open(client, options.control)?;
    let begin = drive.now;
    let end = drive.end()?;
    while drive.now < end && drive.expects_more(end)? {
        drive.step()?;
        progress(drive.now - begin);
    }
    let mut outcome = drive.outcome;
    outcome.simulated = drive.now - begin;
    let classes =
        BTreeMap::from([("emergency", drive.emergency), ("tram", drive.trams), ("bus", drive.buses)]);
    drive.client.close()?;
    sumo.finish()?;
    outcome.classes = read(&options.tripinfo, &classes)?;
    Ok(outcome)
}

struct Driven {
    name: String,
    program: String,
    light: Light,
}

struct Drive {
    client: Client,
    control: Control,
    now: Millis,
    steer: Steer,
    edge_names: Vec<String>,
    edge_ids: BTreeMap<String, EdgeId>,
    lights: Vec<Driven>,
    emergency: BTreeSet<String>,
    trams: BTreeSet<String>,
    buses: BTreeSet<String>,
    /// Followed vehicles and their ways.
    present: BTreeMap<String, (Rank, Vec<EdgeId>)>,
    outcome: Outcome,
}

impl Drive {
    fn open(mut client: Client, control: Control) -> Result<Self, DriveError> {
        let now = time(&mut client)?;
        let (edge_names, edge_ids, edges) = read_edges(&mut client)?;
        let mut outcome = Outcome::default();
        let (mut heads, mut lights, mut longest) = (Vec::new(), Vec::new(), light::Times::least());
        for name in client.texts(Domain::Light, variable::ID_LIST, "")? {
            match read_light(&mut client, &name, &edge_ids, now)? {
                Ok((found, site)) => {
                    longest = longest.longest(times(&found.1));
                    heads.push(Site::fit_head(found.0)?);
                    lights.push(site);
                }
                Err(why) => outcome.refused.push((name, why)),
            }
        }
        outcome.lights = lights.len();
        let clearance = Clearance {
            min_green: longest.min_green,
            yellow: longest.yellow,
            all_red: longest.all_red,
            pedestrian: Millis::ZERO,
        };
        let site = Site { step: Millis::from_s(1), clearance, edges, heads };
        let settings = Settings {
            local_range_mm: (control == Control::Local).then_some(300_000),
            ..Settings::default()
        };
        Ok(Self {
            client,
            control,
            now,
            steer: Steer::new(site, settings),
            edge_names,
            edge_ids,
            lights,
            emergency: BTreeSet::new(),
            trams: BTreeSet::new(),
            buses: BTreeSet::new(),
            present: BTreeMap::new(),
            outcome,
        })
    }

    fn end(&mut self) -> Result<Millis, DriveError> {
        let end = self.client.double(Domain::Simulation, variable::END, "")?;
        Ok(if end > 0.0 { thousandths(end) } else { self.now + LONGEST })
    }

    fn expects_more(&mut self, end: Millis) -> Result<bool, DriveError> {
        let open_ended = end >= LONGEST;
        Ok(!open_ended || self.client.int(Domain::Simulation, variable::EXPECTED, "")? > 0)
    }

    fn step(&mut self) -> Result<(), DriveError> {
        self.client.step()?;
        self.now = time(&mut self.client)?;
        self.meet_departed()?;
        if self.control == Control::None {
            return Ok(());
        }
        let busy = self.lights.iter().any(|l| l.light.mode() != crate::steer::HeadMode::Normal);
        let vehicles = self.look_at_vehicles()?;
        if vehicles.is_empty() && !busy {
            return Ok(());
        }
        let mut seen = Observation { now: self.now, ..Observation::default() };
        seen.standing = self.look_at_queues(&vehicles)?;
        seen.vehicles = vehicles;
        for n in 0..self.lights.len() {
            let name = self.lights[n].name.clone();
            let state = self.client.text(Domain::Light, variable::STATE, &name)?.into_bytes();
            let order = self.lights[n].light.tick(&state, self.now);
            self.tell(n, order)?;
            let mode = self.lights[n].light.mode();
            if mode == crate::steer::HeadMode::Holding {
                self.outcome.held += self.steer.site().step;
            }
            seen.heads.push(HeadView { state, mode });
        }
        for ask in self.steer.step(&seen) {
            self.carry_out(&ask)?;
        }
        Ok(())
    }

    /// Which of the vehicles that have just departed are followed.
    fn meet_departed(&mut self) -> Result<(), DriveError> {
        for id in self.client.texts(Domain::Simulation, variable::DEPARTED, "")? {
            let class = self.client.text(Domain::Vehicle, variable::VEHICLE_CLASS, &id)?;
            let blue = self.client.parameter(&id, variable::PARAMETER, "has.bluelight.device")? == "true";
            let rank = match class.as_str() {
                _ if blue || class == "emergency" => {
                    self.emergency.insert(id.clone());
                    Rank::Emergency
                }
                "tram" => {
                    self.trams.insert(id.clone());
                    Rank::Transit
                }
                "bus" => {
                    self.buses.insert(id.clone());
                    Rank::Transit
                }
                _ => continue,
            };
            if rank == Rank::Transit && self.control == Control::Local {
                continue;
            }
            let route = self.client.texts(Domain::Vehicle, variable::EDGES, &id)?;
            let route = route.iter().map_while(|edge| self.edge_ids.get(edge).copied()).collect();
            self.present.insert(id, (rank, route));
        }
        Ok(())
    }

    fn look_at_vehicles(&mut self) -> Result<Vec<Fix>, DriveError> {
        if self.present.is_empty() {
            return Ok(Vec::new());
        }
        let here: BTreeSet<String> =
            self.client.texts(Domain::Vehicle, variable::ID_LIST, "")?.into_iter().collect();
        self.present.retain(|id, _| here.contains(id));
        let mut found = Vec::new();
        for (id, (rank, route)) in &self.present {
            let road = self.client.text(Domain::Vehicle, variable::ROAD, id)?;
            let at = self.client.int(Domain::Vehicle, variable::ROUTE_INDEX, id)?;
            let Some(at) = usize::try_from(at).ok().filter(|at| *at < route.len() && !road.is_empty()) else {
                continue;
            };
            let stop = match rank {
                Rank::Transit => next_stop(&mut self.client, id, &self.edge_ids, &route[at..], self.now)?
                    .map(|stop| Stop { at: at + stop.at, ..stop }),
                Rank::Emergency => None,
            };
            found.push(Fix {
                name: id.clone(),
                rank: *rank,
                route: route.clone(),
                at,
                on_junction: road.starts_with(':'),
                offset_mm: thousandths(self.client.double(Domain::Vehicle, variable::LANE_POSITION, id)?).0,
                speed_mm_s: thousandths(self.client.double(Domain::Vehicle, variable::SPEED, id)?).0,
                stop,
            });
        }
        Ok(found)
    }

    fn look_at_queues(&mut self, vehicles: &[Fix]) -> Result<Vec<Vec<u32>>, DriveError> {
        let mut standing = vec![Vec::new(); self.edge_names.len()];
        let ahead = vehicles.iter().flat_map(|fix| fix.route.iter().skip(fix.at).take(LOOK_AHEAD));
        for edge in ahead.copied().collect::<BTreeSet<EdgeId>>() {
            let Some(about) = self.steer.site().edge(edge) else { continue };
            for lane in 0..about.lanes {
                let name = format!("{}_{lane}", self.edge_names[edge.index()]);
                let n = self.client.int(Domain::Lane, variable::HALTING, &name)?;
                standing[edge.index()].push(u32::try_from(n).unwrap_or(0));
            }
        }
        Ok(standing)
    }

    fn carry_out(&mut self, ask: &Ask) -> Result<(), DriveError> {
        let HeadId(n) = ask.head;
        let n = n as usize;
        let head = self.steer.site().head(ask.head);
        let order = match &ask.kind {
            AskKind::Release => self.lights[n].light.release(head, self.now),
            AskKind::Request { target, moves, .. } => {
                let state = state_of(head, *target, moves);
                self.outcome.requests += 1;
                self.lights[n].light.request(state, self.now)
            }
        };
        self.tell(n, order)
    }

    fn tell(&mut self, n: usize, order: Option<Order>) -> Result<(), DriveError> {
        let Some(order) = order else { return Ok(()) };
        let Driven { name, program, .. } = &self.lights[n];
        match order {
            Order::Show(state) => {
                let text = String::from_utf8_lossy(&state).into_owned();
                self.client.set_light(variable::STATE, name, &Value::Text(text))?;
            }
            Order::Resume(resume) => {
                self.client.set_light(variable::SET_PROGRAM, name, &Value::Text(program.clone()))?;
                if let Some(phase) = resume.phase.and_then(|k| i32::try_from(k).ok()) {
                    self.client.set_light(variable::SET_PHASE, name, &Value::Int(phase))?;
                }
                if let Some(rest) = resume.rest {
                    self.client.set_light(variable::SET_REST, name, &Value::Double(rest.as_s()))?;
                }
            }
        }
        Ok(())
    }
}

type Edges = (Vec<String>, BTreeMap<String, EdgeId>, Vec<Option<Edge>>);

fn read_edges(client: &mut Client) -> Result<Edges, DriveError> {
    let (mut names, mut ids, mut edges) = (Vec::new(), BTreeMap::new(), Vec::new());
    for name in client.texts(Domain::Edge, variable::ID_LIST, "")? {
        if name.starts_with(':') {
            continue;
        }
        let lane = format!("{name}_0");
        let edge = Edge {
            length_mm: thousandths(client.double(Domain::Lane, variable::LENGTH, &lane)?).0.max(1),
            speed_mm_s: thousandths(client.double(Domain::Lane, variable::MAX_SPEED, &lane)?).0.max(1),
            lanes: u32::try_from(client.int(Domain::Edge, variable::LANES, &name)?).unwrap_or(1).clamp(1, 64),
        };
        let Ok(id) = u32::try_from(names.len()) else { break };
        ids.insert(name.clone(), EdgeId(id));
        names.push(name);
        edges.push(Some(edge));
    }
    Ok((names, ids, edges))
}

type Found = ((Head, Running), Driven);

/// A light, or why it is left alone.
fn read_light(
    client: &mut Client,
    name: &str,
    edge_ids: &BTreeMap<String, EdgeId>,
    now: Millis,
) -> Result<Result<Found, String>, DriveError> {
    let program = client.text(Domain::Light, variable::PROGRAM, name)?;
    let found = match running(&client.get(Domain::Light, variable::PROGRAMS, name)?, &program) {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let controlled = client.get(Domain::Light, variable::CONTROLLED_LINKS, name)?;
    let unknown = EdgeId(u32::MAX);
    let links = links(&controlled, |edge| edge_ids.get(edge).copied().unwrap_or(unknown));
    let names: BTreeMap<EdgeId, &String> = edge_ids.iter().map(|(name, id)| (*id, name)).collect();
    let mut junctions = BTreeSet::new();
    for (from, _) in links.iter().flatten() {
        if let Some(edge) = names.get(from) {
            junctions.insert(client.text(Domain::Edge, variable::TO_JUNCTION, edge)?);
        }
    }
    let head = head(name, &found, links, junctions.len() > 1);
    let zero = if found.kind == Program::Static {
        let phase = usize::try_from(client.int(Domain::Light, variable::PHASE, name)?).unwrap_or(0);
        let next = thousandths(client.double(Domain::Light, variable::NEXT_SWITCH, name)?);
        next - head.starts_at(phase + 1)
    } else {
        now
    };
    let light = Light::new(found.kind, times(&found), zero);
    Ok(Ok(((head, found), Driven { name: name.to_owned(), program, light })))
}

/// The next stop of a vehicle on the way ahead. SUMO counts a stop's duration down while the vehicle
/// stands; a timetable (`until`) may keep it longer.
fn next_stop(
    client: &mut Client,
    id: &str,
    edge_ids: &BTreeMap<String, EdgeId>,
    ahead: &[EdgeId],
    now: Millis,
) -> Result<Option<Stop>, TraciError> {
    let Value::Compound(items) = client.get(Domain::Vehicle, variable::NEXT_STOPS, id)? else {
        return Ok(None);
    };
    let [_, Value::Text(lane), _, _, _, Value::Double(duration), Value::Double(until), ..] = items.as_slice()
    else {
        return Ok(None);
    };
    let edge = edge_ids.get(edge_of(lane));
    let Some(at) = edge.and_then(|edge| ahead.iter().position(|other| other == edge)) else {
        return Ok(None);
    };
    let timetable = thousandths(until.max(0.0)).since(now);
    Ok(Some(Stop { at, dwell: thousandths(duration.max(0.0)).max(timetable).min(STOP_MAX) }))
}

fn time(client: &mut Client) -> Result<Millis, TraciError> {
    Ok(thousandths(client.double(Domain::Simulation, variable::TIME, "")?))
}

/// Thousandths of a unit; what is no number counts as nothing.
#[allow(clippy::cast_possible_truncation)]
fn thousandths(value: f64) -> Millis {
    Millis((value.clamp(0.0, 1e9) * 1000.0).round() as i64)
}
