//! JSON lines: the first dialect of `clearway steer --stdio`.
//!
//! First line in: the site (`hello`). Every further line: an observation. Every line out: the asks.
//! Unknown fields are ignored; a line that cannot be used is answered by an empty list, and a
//! complaint that names the line and the cure.

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

/// The first line.
#[derive(Debug, Deserialize)]
pub struct Hello {
    /// Seconds between two observations.
    #[serde(default = "one_second")]
    step: f64,
    /// The times that every controller keeps.
    clearance: ClearanceLine,
    /// The controllers.
    tls: BTreeMap<String, HeadLine>,
    /// The edges of the vehicles' ways.
    edges: BTreeMap<String, EdgeLine>,
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
    ev: Vec<FixLine>,
    #[serde(default)]
    queue: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    tls: BTreeMap<String, ViewLine>,
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
    /// From the first line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(line: &str, settings: Settings) -> Result<Self, LineFault> {
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
        for (name, line) in &hello.edges {
            let id = names.id(name)?;
            site.edges.resize(names.list.len(), None);
            site.edges[id.index()] = Some(edge(name, line)?);
        }
        let mut head_ids = BTreeMap::new();
        for (n, (name, line)) in hello.tls.iter().enumerate() {
            site.heads.push(Site::fit_head(head(name, line, &mut names)?)?);
            head_ids.insert(name.clone(), HeadId(u32::try_from(n).map_err(|_| SiteFault::TooMany)?));
        }
        site.edges.resize(names.list.len(), None);
        Ok(Self { steer: Steer::new(site, settings), edge_names: names.list, edge_ids: names.ids, head_ids })
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
            vehicles: step.ev.iter().filter_map(|line| self.fix(line)).collect(),
            standing: vec![Vec::new(); site.edges.len()],
            heads: vec![HeadView::default(); site.heads.len()],
        };
        for (name, lanes) in &step.queue {
            if let Some(id) = self.edge_ids.get(name) {
                seen.standing[id.index()] = lanes.iter().map(|n| whole(*n)).collect();
            }
        }
        for (name, view) in &step.tls {
            let Some(id) = self.head_ids.get(name) else { continue };
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
            offset_mm: millis(line.pos.max(0.0))?.0,
            speed_mm_s: millis(line.speed.max(0.0))?.0,
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

fn edge(name: &str, line: &EdgeLine) -> Result<Edge, SiteFault> {
    let fault = || SiteFault::Edge(name.to_owned());
    let (length, speed) = (millis(line.len).ok_or_else(fault)?.0, millis(line.speed).ok_or_else(fault)?.0);
    let sound = length > 0 && speed > 0 && line.lanes > 0;
    sound.then_some(Edge { length_mm: length, speed_mm_s: speed, lanes: line.lanes }).ok_or_else(fault)
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
            Session::open(&text, settings).map(|opened| {
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
mod tests {
    use super::*;

    const HELLO: &str = r#"{"hello":1,"step":1.0,"clearance":{"min_green":5,"yellow":3,"all_red":2,"ped":0},
        "tls":{"x":{"approaches":["a","c"],"joined":false,"type":"static","cycle":70,
        "phases":[[30,"Gr"],[5,"yr"],[30,"rG"],[5,"ry"]],"links":[["a","b"],["c","b"]]}},
        "edges":{"a":{"len":200,"speed":13.9,"lanes":1},"b":{"len":100,"speed":13.9,"lanes":1}}}"#;

    fn talk(lines: &[&str]) -> (String, Vec<(u64, String)>) {
        let (mut out, mut faults) = (Vec::new(), Vec::new());
        let input = lines.join("\n");
        serve(input.as_bytes(), &mut out, Settings::default(), |n, f| faults.push((n, f.to_string())))
            .unwrap();
        (String::from_utf8(out).unwrap(), faults)
    }

    fn hello() -> String {
        HELLO.replace('\n', " ")
    }

    const NEAR: &str = r#"{"t":5,"ev":[{"id":"E","edge":"a","pos":120,"speed":13,"route":["a","b"],"idx":0}],
        "queue":{"a":[0],"b":[0]},"tls":{"x":{"state":"rG","mode":"NORMAL"}}}"#;

    #[test]
    fn a_vehicle_near_red_is_answered_by_a_request() {
        let (out, faults) = talk(&[&hello(), &NEAR.replace('\n', " ")]);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(
            out,
            "{\"cmd\":[{\"tls\":\"x\",\"approach\":\"a\",\"moves\":[[\"a\",\"b\"]],\"phase\":0}]}\n"
        );
    }

    #[test]
    fn a_bad_line_is_named_with_its_cure_and_the_engine_goes_on() {
        let (out, faults) = talk(&[&hello(), "{nonsense", r#"{"t":-1}"#, "", &NEAR.replace('\n', " ")]);
        assert_eq!(faults.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 3]);
        assert!(faults[0].1.contains("one JSON object a line"), "{faults:?}");
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1]), (3, "{\"cmd\":[]}", "{\"cmd\":[]}"));
        assert!(lines[2].contains("\"approach\""));
    }

    #[test]
    fn without_a_site_every_later_line_is_still_answered() {
        let (out, faults) = talk(&["{}", &NEAR.replace('\n', " ")]);
        assert_eq!((out.as_str(), faults.len()), ("{\"cmd\":[]}\n", 2));
    }

    #[test]
    fn unknown_names_and_odd_states_are_passed_over() {
        let line = r#"{"t":5,"ev":[{"id":"E","edge":"q","pos":1e300,"speed":-3,"route":["q"],"idx":9}],
            "queue":{"q":[3],"a":[-7,1e99]},"tls":{"y":{"state":"G"},"x":{"state":"GGGGGG","mode":"?"}}}"#;
        let (out, faults) = talk(&[&hello(), &line.replace('\n', " ")]);
        assert_eq!((out.as_str(), faults.len()), ("{\"cmd\":[]}\n", 0));
    }

    #[test]
    fn a_site_that_does_not_fit_is_refused_with_the_reason() {
        let (_, faults) = talk(&[&hello().replace("\"rG\"", "\"rGG\"")]);
        assert!(faults[0].1.contains("controller x: phase 2"), "{faults:?}");
        let (_, faults) = talk(&[&hello().replace("\"len\":200", "\"len\":0")]);
        assert!(faults[0].1.contains("edge a needs a length"), "{faults:?}");
    }
}
