//! The network file: edges, junctions, connections, programs, and where on the globe it lies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::ImportError;
use super::signals::{Program, read_program_element};
use super::xml::{self, Element};

/// Who may use a lane, as far as we look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Allowed {
    pub(super) car: bool,
    pub(super) bus: bool,
    pub(super) tram: bool,
}

/// An edge with its lanes for vehicles.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Edge {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) kind: String,
    pub(super) length_m: f64,
    pub(super) speed_m_s: f64,
    pub(super) shape: Vec<(f64, f64)>,
    pub(super) uses: Allowed,
    /// SUMO's index of each of our lanes, from the right.
    pub(super) lanes: Vec<u32>,
}

/// From one edge into another.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Movement {
    pub(super) from: String,
    pub(super) to: String,
    /// First and last of our lanes, from 1.
    pub(super) lanes: (u8, u8),
    pub(super) direction: String,
    /// Program and place in its state.
    pub(super) signal: Option<(String, usize)>,
    pub(super) gives_way: bool,
}

/// Everything that is taken from the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Net {
    pub(super) edges: BTreeMap<String, Edge>,
    pub(super) junctions: BTreeMap<String, Junction>,
    pub(super) movements: Vec<Movement>,
    pub(super) programs: BTreeMap<String, Program>,
    pub(super) location: Location,
}

/// A node.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Junction {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) is_end: bool,
}

/// Where the plane of the file lies on the globe: its middle there and here.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Location {
    lon: f64,
    lat: f64,
    x: f64,
    y: f64,
}

impl Default for Location {
    /// Networks that lie nowhere are put where they harm nobody's map.
    fn default() -> Self {
        Self { lon: 0.0, lat: 0.0, x: 0.0, y: 0.0 }
    }
}

impl Location {
    fn of(element: &Element) -> Option<Self> {
        let bounds = |key: &str| -> Option<[f64; 4]> {
            let numbers: Vec<f64> = element.get(key)?.split(',').filter_map(|n| n.parse().ok()).collect();
            numbers.try_into().ok()
        };
        let (globe, plane) = (bounds("origBoundary")?, bounds("convBoundary")?);
        let on_globe = globe[0].abs() <= 180.0
            && globe[2].abs() <= 180.0
            && globe[1].abs() <= 85.0
            && globe[3].abs() <= 85.0;
        let projected = element.get("projParameter").is_some_and(|p| p != "!" && p != "-");
        (on_globe && projected).then(|| Self {
            lon: f64::midpoint(globe[0], globe[2]),
            lat: f64::midpoint(globe[1], globe[3]),
            x: f64::midpoint(plane[0], plane[2]),
            y: f64::midpoint(plane[1], plane[3]),
        })
    }

    /// Longitude and latitude of a point, by the equirectangular projection about the middle.
    pub(super) fn globe(&self, (x, y): (f64, f64)) -> (f64, f64) {
        const METRES_PER_DEGREE: f64 = 111_195.08;
        let lat = self.lat + (y - self.y) / METRES_PER_DEGREE;
        let lon = self.lon + (x - self.x) / (METRES_PER_DEGREE * self.lat.to_radians().cos());
        (lon, lat)
    }
}

/// A connection of one lane, before those of one movement are put together.
#[derive(Clone, Debug)]
struct Connection {
    from: String,
    to: String,
    from_lane: u32,
    direction: String,
    via: String,
    signal: Option<(String, usize)>,
    gives_way: bool,
}

/// Read the file.
pub(super) fn read(path: &Path) -> Result<Net, ImportError> {
    let mut net = Net::default();
    let mut open: Option<Edge> = None;
    let mut inner_m: BTreeMap<String, f64> = BTreeMap::new();
    let mut connections = Vec::new();
    let mut program = None;
    xml::read(path, |element| match element.name.as_str() {
        "location" => net.location = Location::of(element).unwrap_or_default(),
        "edge" => {
            close(&mut net, open.take());
            open = Some(edge(element));
        }
        "lane" => lane(element, open.as_mut(), &mut inner_m),
        "junction" => {
            close(&mut net, open.take());
            let (x, y) = (element.number("x").unwrap_or(0.0), element.number("y").unwrap_or(0.0));
            let is_end = element.get("type") == Some("dead_end");
            net.junctions.insert(element.text("id"), Junction { x, y, is_end });
        }
        "connection" => connections.extend(connection(element)),
        _ => read_program_element(element, &mut program, &mut net.programs),
    })?;
    close(&mut net, open.take());
    let known: BTreeSet<&String> = net.junctions.keys().collect();
    net.edges.retain(|_, edge| known.contains(&edge.from) && known.contains(&edge.to));
    net.movements = movements(&net.edges, &connections);
    lengthen(&mut net.edges, &connections, &inner_m);
    Ok(net)
}

fn edge(element: &Element) -> Edge {
    let points = element.get("shape").map(shape).unwrap_or_default();
    // Inner edges get no lanes, and so are left out.
    let street = element.get("function").is_none_or(|function| function == "normal");
    let name = if street { element.text("id") } else { String::new() };
    Edge {
        name,
        from: element.text("from"),
        to: element.text("to"),
        kind: element.text("type"),
        shape: points,
        ..Edge::default()
    }
}

fn shape(text: &str) -> Vec<(f64, f64)> {
    let point = |pair: &str| {
        let mut numbers = pair.split(',').map(str::parse::<f64>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    text.split_whitespace().filter_map(point).collect()
}

fn lane(element: &Element, open: Option<&mut Edge>, inner_m: &mut BTreeMap<String, f64>) {
    let Some(edge) = open else { return };
    let length_m = element.number("length").unwrap_or(0.0);
    inner_m.insert(element.text("id"), length_m);
    let allowed = allowed(element);
    if edge.name.is_empty() || allowed == Allowed::default() {
        return;
    }
    // Where cars drive, lanes for others alone are not ours to queue on.
    let first_for_cars = allowed.car && !edge.uses.car;
    if edge.uses.car && !allowed.car {
        edge.uses.tram |= allowed.tram;
        return;
    }
    if first_for_cars {
        edge.lanes.clear();
    }
    let index = element.number("index").unwrap_or(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    edge.lanes.push(index.clamp(0.0, 255.0) as u32);
    edge.uses.car |= allowed.car;
    edge.uses.bus |= allowed.bus;
    edge.uses.tram |= allowed.tram;
    edge.length_m = edge.length_m.max(length_m);
    edge.speed_m_s = edge.speed_m_s.max(element.number("speed").unwrap_or(0.0));
}

fn allowed(element: &Element) -> Allowed {
    let holds = |list: &str, class: &str| list.split_whitespace().any(|word| word == class || word == "all");
    let may = |class: &str| match (element.get("allow"), element.get("disallow")) {
        (Some(allow), _) if !allow.is_empty() => holds(allow, class),
        (_, Some(disallow)) => !holds(disallow, class),
        _ => true,
    };
    // A lane that everybody may use has no track.
    let rails = element.get("allow").is_some_and(|allow| holds(allow, "tram") || holds(allow, "rail_urban"));
    Allowed { car: may("passenger"), bus: may("bus"), tram: rails }
}

fn close(net: &mut Net, edge: Option<Edge>) {
    if let Some(edge) = edge.filter(|edge| !edge.lanes.is_empty() && edge.speed_m_s > 0.0) {
        net.edges.insert(edge.name.clone(), edge);
    }
}

fn connection(element: &Element) -> Option<Connection> {
    let from = element.text("from");
    if from.starts_with(':') || element.get("to")?.starts_with(':') {
        return None;
    }
    let number = |key: &str| element.get(key).and_then(|text| text.parse::<u32>().ok());
    let index = number("linkIndex").and_then(|index| usize::try_from(index).ok());
    Some(Connection {
        from,
        to: element.text("to"),
        from_lane: number("fromLane").unwrap_or(0),
        direction: element.text("dir"),
        via: element.text("via"),
        signal: element.get("tl").zip(index).map(|(light, index)| (light.to_owned(), index)),
        gives_way: element.get("state").is_some_and(|state| state == "m" || state == "="),
    })
}

fn movements(edges: &BTreeMap<String, Edge>, connections: &[Connection]) -> Vec<Movement> {
    let mut by_ends: BTreeMap<(&str, &str), Movement> = BTreeMap::new();
    for connection in connections {
        let Some(from) = edges.get(&connection.from).filter(|_| edges.contains_key(&connection.to)) else {
            continue;
        };
        let place = from.lanes.iter().position(|&lane| lane == connection.from_lane);
        let Some(lane) = place.and_then(|place| u8::try_from(place + 1).ok()) else { continue };
        let key = (connection.from.as_str(), connection.to.as_str());
        let movement = by_ends.entry(key).or_insert_with(|| Movement {
            from: connection.from.clone(),
            to: connection.to.clone(),
            lanes: (lane, lane),
            direction: connection.direction.clone(),
            signal: connection.signal.clone(),
            gives_way: connection.gives_way,
        });
        movement.lanes = (movement.lanes.0.min(lane), movement.lanes.1.max(lane));
    }
    by_ends.into_values().collect()
}

/// A way over a junction counts to the edge that it leads into: our movements have no length.
fn lengthen(edges: &mut BTreeMap<String, Edge>, connections: &[Connection], inner_m: &BTreeMap<String, f64>) {
    let mut ways: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for connection in connections {
        if let Some(&length) = inner_m.get(&connection.via) {
            ways.entry(&connection.to).or_default().push(length);
        }
    }
    for (edge, lengths) in ways {
        if let Some(edge) = edges.get_mut(edge) {
            #[allow(clippy::cast_precision_loss)]
            let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
            edge.length_m += mean;
        }
    }
}
