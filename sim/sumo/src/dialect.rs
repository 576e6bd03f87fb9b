//! JSON lines: the first dialect of `clearway steer --stdio`.
//!
//! First line in: the site (`hello`). Every further line: an observation. Every line out: the asks.
//! Unknown fields are ignored; a line that cannot be used is answered by an empty list, and a
//! complaint that names the line and the cure. A controller that does not fit together is left alone,
//! an edge or a vehicle that makes no sense is not there: the rest goes on.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use clearway_signals::Millis;
use serde::{Deserialize, Serialize};

use crate::steer::settings::Settings;
use crate::steer::{
    Ask, AskKind, Clearance, Edge, EdgeId, Fix, Head, HeadId, HeadMode, HeadView, Observation, Phase, Rank,
    Site, SiteFault, Steer, Target,
};

/// A line longer than this is refused: 16 MiB, some ten thousand controllers.
pub const LINE_BYTES_MAX: u64 = 16 << 20;
/// Controllers and edges of one site.
const SITE_MAX: usize = 1 << 20;
/// Edges are at most so long, and a vehicle is at most so far along: a thousand kilometres.
const LENGTH_MM_MAX: i64 = 1_000_000_000;
/// Nobody goes faster than this, millimetres a second: 200 m/s.
const SPEED_MM_S_MAX: i64 = 200_000;

/// The first line.
#[derive(Debug, Deserialize)]
pub struct Hello {
    /// Seconds between two observations.
    #[serde(default = "one_second")]
    step: f64,
    /// The times that every controller keeps.
    clearance: ClearanceLine,
    /// The controllers.
    tls: BTreeMap<String, Lenient<HeadLine>>,
    /// The edges of the vehicles' ways.
    edges: BTreeMap<String, Lenient<EdgeLine>>,
}

/// A part of a line that may be of another shape without making the rest useless.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Fits(T),
    Odd(serde::de::IgnoredAny),
}

impl<T> Lenient<T> {
    fn fits(&self) -> Option<&T> {
        match self {
            Self::Fits(part) => Some(part),
            Self::Odd(_) => None,
        }
    }
}

fn one_second() -> f64 {
    1.0
}

#[derive(Debug, Deserialize)]
struct ClearanceLine {
    min_green: f64,
    yellow: f64,
    all_red: f64,
    #[serde(default)]
    ped: f64,
}

#[derive(Debug, Deserialize)]
struct HeadLine {
    #[serde(default)]
    joined: bool,
    #[serde(default, rename = "type")]
    kind: String,
    phases: Vec<(f64, String)>,
    links: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
struct EdgeLine {
    len: f64,
    speed: f64,
    #[serde(default = "one_lane")]
    lanes: u32,
}

fn one_lane() -> u32 {
    1
}

/// A further line.
#[derive(Debug, Deserialize)]
struct StepLine {
    t: f64,
    #[serde(default)]
    ev: Vec<Lenient<FixLine>>,
    #[serde(default)]
    queue: BTreeMap<String, Lenient<Vec<f64>>>,
    #[serde(default)]
    tls: BTreeMap<String, Lenient<ViewLine>>,
}

#[derive(Debug, Deserialize)]
struct FixLine {
    id: String,
    edge: String,
    pos: f64,
    speed: f64,
    route: Vec<String>,
    idx: i64,
}

#[derive(Debug, Deserialize)]
struct ViewLine {
    state: String,
    #[serde(default)]
    mode: String,
}

/// One answer.
#[derive(Debug, Serialize, PartialEq)]
pub struct Answer {
    /// The asks.
    pub cmd: Vec<Command>,
}

/// One ask.
#[derive(Debug, Serialize, PartialEq)]
pub struct Command {
    /// The controller.
    pub tls: String,
    /// The approach that the vehicle comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approach: Option<String>,
    /// The vehicle's movements through a controller that joins several junctions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moves: Option<Vec<(String, String)>>,
    /// The phase of the plan to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<usize>,
    /// Go back to the plan.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub release: bool,
}

/// Why a line is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// No JSON, or not of this shape.
    #[error("{0}; write one JSON object a line, in the shape that docs/sumo.md gives")]
    Json(#[from] serde_json::Error),
    /// The site does not fit together.
    #[error(transparent)]
    Site(#[from] SiteFault),
    /// A time that is none.
    #[error("t must be seconds of simulated time, 0 or more")]
    Time,
    /// Too long.
    #[error("longer than {LINE_BYTES_MAX} bytes; send fewer controllers or edges")]
    TooLong,
}

/// The engine behind names.
#[derive(Debug)]
pub struct Session {
    steer: Steer,
    edge_names: Vec<String>,
    edge_ids: BTreeMap<String, EdgeId>,
    head_ids: BTreeMap<String, HeadId>,
}

impl Session {
    /// From the first line, with what of it is left alone and why.
    ///
    /// # Errors
    /// Why the whole line is of no use.
    pub fn open(line: &str, settings: Settings) -> Result<(Self, Vec<LineFault>), LineFault> {
        let hello: Hello = serde_json::from_str(line)?;
        let mut names = Names::default();
        let mut site = Site {
            step: seconds(hello.step, "step")?,
            clearance: Clearance {
                min_green: seconds(hello.clearance.min_green, "clearance.min_green")?,
                yellow: seconds(hello.clearance.yellow, "clearance.yellow")?,
                all_red: seconds(hello.clearance.all_red, "clearance.all_red")?,
                pedestrian: seconds(hello.clearance.ped, "clearance.ped")?,
            },
            edges: Vec::new(),
            heads: Vec::new(),
        };
        if hello.edges.len() > SITE_MAX || hello.tls.len() > SITE_MAX {
            return Err(SiteFault::TooMany.into());
        }
        let mut faults: Vec<LineFault> = Vec::new();
        for (name, line) in &hello.edges {
            let id = names.id(name)?;
            site.edges.resize(names.list.len(), None);
            match line.fits().and_then(edge) {
                Some(edge) => site.edges[id.index()] = Some(edge),
                None => faults.push(SiteFault::Edge(name.clone()).into()),
            }
        }
        let mut head_ids = BTreeMap::new();
        for (name, line) in &hello.tls {
            match fitted(name, line, &mut names) {
                Ok(head) => {
                    let id = u32::try_from(site.heads.len()).map_err(|_| SiteFault::TooMany)?;
                    site.heads.push(head);
                    head_ids.insert(name.clone(), HeadId(id));
                }
                Err(fault) => faults.push(fault.into()),
            }
        }
        site.edges.resize(names.list.len(), None);
        let steer = Steer::new(site, settings);
        Ok((Self { steer, edge_names: names.list, edge_ids: names.ids, head_ids }, faults))
    }

    /// Answer a further line.
    ///
    /// # Errors
    /// What is wrong with it; the engine goes on with the next one.
    pub fn answer(&mut self, line: &str) -> Result<Answer, LineFault> {
        let step: StepLine = serde_json::from_str(line)?;
        let observation = self.observation(&step)?;
        let asks = self.steer.step(&observation);
        Ok(Answer { cmd: asks.iter().map(|ask| self.command(ask)).collect() })
    }

    fn observation(&self, step: &StepLine) -> Result<Observation, LineFault> {
        let now = millis(step.t).ok_or(LineFault::Time)?;
        let site = self.steer.site();
        let mut seen = Observation {
            now,
            vehicles: step.ev.iter().filter_map(|line| self.fix(line.fits()?)).collect(),
            standing: vec![Vec::new(); site.edges.len()],
            heads: vec![HeadView::default(); site.heads.len()],
        };
        for (name, lanes) in &step.queue {
            if let (Some(id), Some(lanes)) = (self.edge_ids.get(name), lanes.fits()) {
                seen.standing[id.index()] = lanes.iter().map(|n| whole(*n)).collect();
            }
        }
        for (name, view) in &step.tls {
            let (Some(id), Some(view)) = (self.head_ids.get(name), view.fits()) else { continue };
            if view.state.len() == site.head(*id).links.len() {
                seen.heads[id.index()] =
                    HeadView { state: view.state.clone().into_bytes(), mode: mode(&view.mode) };
            }
        }
        Ok(seen)
    }

    /// A vehicle on a way that the site knows; edges that it does not know end the way.
    fn fix(&self, line: &FixLine) -> Option<Fix> {
        let route: Vec<EdgeId> =
            line.route.iter().map_while(|name| self.edge_ids.get(name).copied()).collect();
        let at = usize::try_from(line.idx).ok().filter(|at| *at < route.len())?;
        Some(Fix {
            name: line.id.clone(),
            rank: Rank::Emergency,
            route,
            at,
            on_junction: line.edge.starts_with(':'),
            offset_mm: millis(line.pos.max(0.0))?.0.min(LENGTH_MM_MAX),
            speed_mm_s: millis(line.speed.max(0.0))?.0.min(SPEED_MM_S_MAX),
            stop: None,
        })
    }

    fn command(&self, ask: &Ask) -> Command {
        let head = self.steer.site().head(ask.head);
        let name = |edge: &EdgeId| self.edge_names[edge.index()].clone();
        let blank =
            Command { tls: head.name.clone(), approach: None, moves: None, phase: None, release: false };
        match &ask.kind {
            AskKind::Release => Command { release: true, ..blank },
            AskKind::Request { approach, target, moves } => Command {
                approach: Some(name(approach)),
                moves: Some(moves.iter().map(|(from, to)| (name(from), name(to))).collect()),
                phase: match target {
                    Target::Phase(k) => Some(*k),
                    Target::Approach | Target::Path => None,
                },
                ..blank
            },
        }
    }
}

#[derive(Default)]
struct Names {
    list: Vec<String>,
    ids: BTreeMap<String, EdgeId>,
}

impl Names {
    fn id(&mut self, name: &str) -> Result<EdgeId, SiteFault> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let id = EdgeId(u32::try_from(self.list.len()).map_err(|_| SiteFault::TooMany)?);
        self.list.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        Ok(id)
    }
}

fn head(name: &str, line: &HeadLine, names: &mut Names) -> Result<Head, SiteFault> {
    let mut links = Vec::with_capacity(line.links.len());
    for (from, to) in &line.links {
        links.push(if from.is_empty() { None } else { Some((names.id(from)?, names.id(to)?)) });
    }
    let mut phases = Vec::with_capacity(line.phases.len());
    for (duration, state) in &line.phases {
        let duration = seconds(duration.min(3600.0), "a phase's duration")?;
        phases.push(Phase { duration, state: state.clone().into_bytes() });
    }
    let fixed_time = line.kind == "static";
    Ok(Head { name: name.to_owned(), joined: line.joined, fixed_time, links, phases })
}

fn fitted(name: &str, line: &Lenient<HeadLine>, names: &mut Names) -> Result<Head, SiteFault> {
    let line = line.fits().ok_or_else(|| SiteFault::Head(name.to_owned()))?;
    Site::fit_head(head(name, line, names)?)
}

fn edge(line: &EdgeLine) -> Option<Edge> {
    let (length, speed) = (millis(line.len)?.0, millis(line.speed)?.0);
    let (length_mm, speed_mm_s) = (length.min(LENGTH_MM_MAX), speed.min(SPEED_MM_S_MAX));
    (length > 0 && speed > 0 && line.lanes > 0).then_some(Edge { length_mm, speed_mm_s, lanes: line.lanes })
}

fn mode(word: &str) -> HeadMode {
    match word {
        "WAITMIN" | "CLEAR" => HeadMode::Entering,
        "HOLD" => HeadMode::Holding,
        "RECOVER" => HeadMode::Recovering,
        _ => HeadMode::Normal,
    }
}

fn seconds(value: f64, what: &'static str) -> Result<Millis, SiteFault> {
    millis(value).filter(|ms| *ms <= Millis::from_s(3600)).ok_or(SiteFault::Time(what))
}

/// Thousandths, whole; `None` for what is no number, negative, or beyond a thousand million.
#[allow(clippy::cast_possible_truncation)]
fn millis(value: f64) -> Option<Millis> {
    (0.0..=1e9).contains(&value).then(|| Millis((value * 1000.0).round() as i64))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u32 {
    value.clamp(0.0, 10_000.0) as u32
}

/// Serve one session: lines from `input`, answers to `output`, complaints to `complain`.
///
/// # Errors
/// When the input cannot be read or the output cannot be written.
pub fn serve(
    mut input: impl BufRead,
    mut output: impl Write,
    settings: Settings,
    mut complain: impl FnMut(u64, &LineFault),
) -> std::io::Result<()> {
    let mut session: Option<Session> = None;
    let (mut line, mut lines) = (Vec::new(), 0_u64);
    for number in 1_u64.. {
        line.clear();
        let taken = read_line(&mut input, &mut line)?;
        if taken == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        lines += 1;
        let answer = if line.len() as u64 >= LINE_BYTES_MAX {
            Err(LineFault::TooLong)
        } else if let Some(open) = session.as_mut() {
            open.answer(&text).map(Some)
        } else {
            Session::open(&text, settings).map(|(opened, faults)| {
                faults.iter().for_each(|fault| complain(number, fault));
                session = Some(opened);
                None
            })
        };
        let answer = answer.unwrap_or_else(|fault| {
            complain(number, &fault);
            // Whoever waits for an answer gets one: the simulation must not stand still.
            (session.is_some() || lines > 1).then_some(Answer { cmd: Vec::new() })
        });
        if let Some(answer) = answer {
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
    Ok(())
}

/// Read one line, but keep no more than [`LINE_BYTES_MAX`] of it.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut taken = 0;
    loop {
        let chunk = input.fill_buf()?;
        if chunk.is_empty() {
            return Ok(taken);
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let used = end.map_or(chunk.len(), |e| e + 1);
        let room = usize::try_from(LINE_BYTES_MAX).unwrap_or(usize::MAX) - line.len();
        line.extend_from_slice(&chunk[..used.min(room)]);
        input.consume(used);
        taken += used;
        if end.is_some() {
            return Ok(taken);
        }
    }
}

#[cfg(test)]
mod tests;
