//! Vehicles: departure and edges, from vehicles, trips and flows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::ImportError;
use super::net::Net;
use super::xml::{self, Element};

/// One vehicle on the streets.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Trip {
    pub(super) vehicle: String,
    /// Seconds from the scenario's beginning.
    pub(super) depart_s: f64,
    /// Its edges; where two of them are not joined, whoever drives finds the way.
    pub(super) edges: Vec<String>,
}

/// Vehicles of one flow.
const FLOW_MAX: f64 = 100_000.0;
/// Classes that do not drive on streets.
const OTHERS: [&str; 9] =
    ["bicycle", "pedestrian", "tram", "rail", "rail_urban", "rail_electric", "rail_fast", "ship", "scooter"];

/// What the files say, put together at the end.
#[derive(Default)]
struct Reader {
    /// Types and distributions whose vehicles do not drive on streets.
    others: BTreeSet<String>,
    routes: BTreeMap<String, Vec<String>>,
    open: Option<Open>,
    found: Vec<(Trip, Option<String>)>,
    other_vehicles: usize,
}

/// An element whose route may follow.
struct Open {
    departs: Vec<(String, f64)>,
    route: Option<String>,
    edges: Vec<String>,
}

/// Read all route files, in order.
pub(super) fn read<'a>(
    files: impl Iterator<Item = &'a PathBuf>,
    net: &Net,
    begin_s: f64,
    end_s: Option<f64>,
    left_out: &mut Vec<String>,
) -> Result<Vec<Trip>, ImportError> {
    let mut reader = Reader::default();
    for file in files {
        xml::read(file, |element| reader.take(element, begin_s, end_s))?;
        reader.close();
    }
    let total = reader.found.len();
    let mut trips = Vec::new();
    for (mut trip, route) in std::mem::take(&mut reader.found) {
        if let Some(edges) = route.and_then(|name| reader.routes.get(&name)) {
            trip.edges.clone_from(edges);
        }
        let known =
            trip.edges.iter().all(|edge| net.edges.get(edge).is_some_and(|e| e.uses.car || e.uses.bus));
        if known && !trip.edges.is_empty() && trip.depart_s >= 0.0 {
            trips.push(trip);
        }
    }
    if trips.len() < total {
        left_out.push(format!("{} vehicles: their edges are not for cars or buses", total - trips.len()));
    }
    if reader.other_vehicles > 0 {
        left_out.push(format!("{} vehicles of other kinds", reader.other_vehicles));
    }
    trips.sort_by(|a, b| a.depart_s.total_cmp(&b.depart_s));
    Ok(trips)
}

impl Reader {
    fn take(&mut self, element: &Element, begin_s: f64, end_s: Option<f64>) {
        match element.name.as_str() {
            "vType" | "vTypeDistribution"
                if element.get("vClass").is_some_and(|class| OTHERS.contains(&class)) =>
            {
                self.others.insert(element.text("id"));
            }
            "vehicle" | "trip" | "flow" => {
                self.close();
                if element.get("type").is_some_and(|kind| self.others.contains(kind)) {
                    self.other_vehicles += 1;
                    return;
                }
                self.open = Some(Open {
                    departs: departs(element, begin_s, end_s),
                    route: element.get("route").map(str::to_owned),
                    edges: ends(element),
                });
            }
            "route" => {
                let edges: Vec<String> = words(element.get("edges").unwrap_or_default());
                match (&mut self.open, element.get("id")) {
                    (Some(open), None) => open.edges = edges,
                    (_, Some(id)) => drop(self.routes.insert(id.to_owned(), edges)),
                    (None, None) => {}
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        for (vehicle, depart_s) in open.departs {
            self.found.push((Trip { vehicle, depart_s, edges: open.edges.clone() }, open.route.clone()));
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Edges of a trip that finds its own way.
fn ends(element: &Element) -> Vec<String> {
    let mut edges = words(element.get("from").unwrap_or_default());
    edges.extend(words(element.get("via").unwrap_or_default()));
    edges.extend(words(element.get("to").unwrap_or_default()));
    edges
}

/// When the vehicles of an element depart, from the beginning. One that departs when it is called for,
/// or by lot, does not depart here.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
fn departs(element: &Element, begin_s: f64, end_s: Option<f64>) -> Vec<(String, f64)> {
    let id = element.text("id");
    let within = |at: f64| at >= begin_s && end_s.is_none_or(|end| at < end);
    if element.name != "flow" {
        let at = element.number("depart").filter(|at| within(*at));
        return at.map(|at| (id, at - begin_s)).into_iter().collect();
    }
    let begin = element.number("begin").unwrap_or(begin_s);
    let end = element.number("end").or(end_s).unwrap_or(begin + 3_600.0);
    let by_rate = element.number("vehsPerHour").map(|rate| rate * (end - begin) / 3_600.0);
    let by_period =
        element.number("period").filter(|period| *period > 0.0).map(|period| (end - begin) / period);
    let by_chance = element.number("probability").map(|share| share * (end - begin));
    let count = element.number("number").or(by_rate).or(by_period).or(by_chance).unwrap_or(0.0);
    let count = count.clamp(0.0, FLOW_MAX).floor();
    let step = if count > 0.0 { (end - begin) / count } else { 0.0 };
    (0..count as u64)
        .map(|n| (format!("{id}.{n}"), begin + step * n as f64))
        .filter(|(_, at)| within(*at))
        .map(|(id, at)| (id, at - begin_s))
        .collect()
}
