//! Diversions as a GTFS Realtime feed: service alerts, replacement shapes, trip modifications.
//!
//! Ids are those of the network model: line `4-0` is the trips of route `4` in direction 0. Whoever
//! serves a timetable of his own maps them once.

use clearway_feeds::WallMs;
use clearway_feeds::gtfs_rt::{
    Alert, Cause, Effect, EntitySelector, FeedEntity, FeedMessage, Modification, ReplacementStop,
    SelectedTrips, Shape, StopSelector, TimeRange, TripModifications, english, feed, polyline,
};
use clearway_network::{Line, LineId, Network, StopCall, StopId};
use clearway_planner::detour::search::time_along;
use clearway_planner::detour::{Action, Decision, Diversion};
use clearway_signals::{GeoPoint, Millis};

use super::incidents::{Incident, State};

/// A stop takes this long: braking, doors, starting.
const CALL: Millis = Millis(30_000);

/// Everything that a feed is made of.
pub struct Published<'a> {
    /// The network.
    pub network: &'a Network,
    /// The incidents.
    pub incidents: &'a [Incident],
    /// What the engine decided.
    pub decided: &'a [Decision],
    /// Now.
    pub now: WallMs,
    /// The service day, `YYYYMMDD`.
    pub service_date: String,
}

impl Published<'_> {
    /// The feed. Decisions for single vehicles are for the control room, not for passengers.
    #[must_use]
    pub fn feed(&self) -> FeedMessage {
        let lines = self.decided.iter().filter(|d| d.vehicle.is_none());
        feed(seconds(self.now), lines.flat_map(|d| self.entities(d)).collect())
    }

    fn entities(&self, decision: &Decision) -> Vec<FeedEntity> {
        let diversion = &decision.diversion;
        let Some(line) = self.network.lines.get(diversion.line.index()) else { return Vec::new() };
        let entity = |kind: &str| FeedEntity { id: format!("{kind}-{}", line.name), ..FeedEntity::default() };
        let incident = self.incident_of(decision);
        let alert = FeedEntity { alert: Some(self.alert(line, decision, incident)), ..entity("alert") };
        let modification = match diversion.action {
            Action::Hold => None,
            Action::Detour => detour_calls(self.network, line, diversion),
            Action::ShortTurn => lost_calls(line, diversion),
        };
        if diversion.action == Action::Hold {
            return vec![alert];
        }
        let shape_id = format!("shape-{}", line.name);
        let points = diversion.way.iter().flat_map(|link| self.network.shape(*link));
        let shape = Shape {
            shape_id: Some(shape_id.clone()),
            encoded_polyline: Some(polyline(points.map(|p| self.network.plane.unproject(*p)))),
        };
        let since = incident.map_or(self.now, |i| i.since);
        let modifications = TripModifications {
            selected_trips: vec![SelectedTrips {
                trip_ids: vec![line.name.clone()],
                shape_id: Some(shape_id),
            }],
            start_times: Vec::new(),
            service_dates: vec![self.service_date.clone()],
            modifications: modification
                .into_iter()
                .map(|m| Modification {
                    service_alert_id: Some(alert.id.clone()),
                    last_modified_time: Some(seconds(since)),
                    ..m
                })
                .collect(),
        };
        vec![
            alert,
            FeedEntity { shape: Some(shape), ..entity("shape") },
            FeedEntity { trip_modifications: Some(modifications), ..entity("modification") },
        ]
    }

    fn alert(&self, line: &Line, decision: &Decision, incident: Option<&Incident>) -> Alert {
        let diversion = &decision.diversion;
        let period = TimeRange {
            start: Some(seconds(incident.map_or(self.now, |i| i.since))),
            end: incident.and_then(|i| i.until).map(|(_, wall)| seconds(wall)),
        };
        let route = EntitySelector {
            route_id: Some(line.designation.clone()),
            direction_id: Some(u32::from(line.direction)),
            ..EntitySelector::default()
        };
        let stop = |stop: &StopId| {
            let stop_id = self.network.stops.get(stop.index()).map(|s| s.id.clone());
            EntitySelector { stop_id, ..route.clone() }
        };
        let stops: Vec<_> = diversion.skipped.iter().map(stop).collect();
        let mut informed_entity = vec![route.clone()];
        informed_entity.extend(stops);
        let effect = match diversion.action {
            Action::Detour => Effect::Detour,
            Action::ShortTurn => Effect::ReducedService,
            Action::Hold => Effect::SignificantDelays,
        };
        Alert {
            active_period: vec![period],
            informed_entity,
            cause: Some(incident.map_or(Cause::UnknownCause, |i| i.cause) as i32),
            effect: Some(effect as i32),
            header_text: Some(english(format!("Line {}: {}", line.designation, heading(diversion.action)))),
            description_text: Some(english(sentence(self.network, decision))),
        }
    }

    /// The active incident that closes a link of a decision; of several the one that lasts longest.
    fn incident_of(&self, decision: &Decision) -> Option<&Incident> {
        let closes = |i: &&Incident| {
            i.state == State::Active && i.links.iter().any(|link| decision.closed.contains(link))
        };
        let end = |i: &&Incident| i.until.map_or(Millis::NEVER, |(until, _)| until);
        self.incidents.iter().filter(closes).max_by_key(end)
    }
}

/// The service day of an instant, `YYYYMMDD`: the calendar's day there.
#[must_use]
pub fn service_date(at: WallMs, zone: &jiff::tz::TimeZone) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.to_zoned(zone.clone()).strftime("%Y%m%d").to_string()
}

fn seconds(wall: WallMs) -> u64 {
    u64::try_from(wall.0 / 1000).unwrap_or(0)
}

const fn heading(action: Action) -> &'static str {
    match action {
        Action::Detour => "diverted",
        Action::ShortTurn => "turns back early",
        Action::Hold => "held",
    }
}

/// The calls between leaving the line and joining it again, and those that are made instead.
fn detour_calls(network: &Network, line: &Line, diversion: &Diversion) -> Option<Modification> {
    let (_, join) = diversion.join?;
    let between = |c: &&StopCall| {
        let link = c.link_index as usize;
        link > diversion.leave && link < join
    };
    let first = line.calls.iter().position(|c| between(&c));
    let last = line.calls.iter().rposition(|c| between(&c));
    let around = diversion.leave + 1..diversion.leave + 1 + diversion.via.len();
    let before = line.calls.iter().rfind(|c| c.link_index as usize <= diversion.leave);
    let from = before.map_or(0, |c| c.link_index as usize);
    let made = diversion.calls.iter().filter(|c| around.contains(&(c.link_index as usize)));
    let replacement_stops: Vec<ReplacementStop> = (1_i64..)
        .zip(made)
        .map(|(count, call)| {
            let way = diversion.way.get(from..=call.link_index as usize).unwrap_or_default();
            let time = time_along(network, line.mode, way) + Millis(CALL.0 * count);
            ReplacementStop {
                travel_time_to_stop: i32::try_from(time.0 / 1000).ok(),
                stop_id: network.stops.get(call.stop.index()).map(|s| s.id.clone()),
            }
        })
        .collect();
    // Without a call of its own between, the new stops stand before the first one beyond.
    let beyond = || line.calls.iter().position(|c| c.link_index as usize >= join);
    let start = first.or_else(|| beyond().filter(|_| !replacement_stops.is_empty()))?;
    Some(Modification {
        start_stop_selector: Some(selector(network, line, start)?),
        end_stop_selector: last.and_then(|last| selector(network, line, last)),
        propagated_modification_delay: i32::try_from(diversion.extra.0 / 1000).ok(),
        replacement_stops,
        ..Modification::default()
    })
}

/// Every call after the place where the trip turns back.
fn lost_calls(line: &Line, diversion: &Diversion) -> Option<Modification> {
    let first = line.calls.iter().position(|c| c.link_index as usize > diversion.leave)?;
    let last = line.calls.len().checked_sub(1)?;
    let at = |index: usize| StopSelector { stop_sequence: sequence(index), stop_id: None };
    Some(Modification {
        start_stop_selector: Some(at(first)),
        end_stop_selector: Some(at(last)),
        propagated_modification_delay: Some(0),
        ..Modification::default()
    })
}

fn selector(network: &Network, line: &Line, index: usize) -> Option<StopSelector> {
    let call = line.calls.get(index)?;
    let stop_id = network.stops.get(call.stop.index()).map(|s| s.id.clone());
    Some(StopSelector { stop_sequence: sequence(index), stop_id })
}

/// Calls count from 1.
fn sequence(index: usize) -> Option<u32> {
    u32::try_from(index + 1).ok()
}

/// A decision in one sentence: what, where, what it costs, and why.
#[must_use]
pub fn sentence(network: &Network, decision: &Decision) -> String {
    let diversion = &decision.diversion;
    let name = line_name(network, diversion.line);
    let street = |link: Option<&clearway_network::LinkId>| {
        let link = link.and_then(|l| network.links.get(l.index()));
        link.map_or(String::new(), |l| if l.street.is_empty() { l.name.clone() } else { l.street.clone() })
    };
    let closed = street(decision.closed.first());
    let out = stops(network, &diversion.skipped);
    let left = if out.is_empty() { "no stop is left out".into() } else { format!("{out} is not served") };
    let minutes = (diversion.extra.0 + 30_000) / 60_000;
    let cost = diversion.delay_pax_s / 60;
    match diversion.action {
        Action::Detour => {
            let by = street(diversion.via.first());
            format!(
                "{name} goes around {closed} by {by}, {minutes} min longer; {left}; no other choice costs \
                 the passengers less than its {cost} minutes a trip."
            )
        }
        Action::ShortTurn => format!(
            "{name} turns back before {closed}; {left}; with {cost} passenger minutes a trip it costs less \
             than a way around or a wait."
        ),
        Action::Hold => format!(
            "{name} waits before {closed}, {minutes} min on average; with {cost} passenger minutes a trip it \
             costs less than any way around that is free."
        ),
    }
}

/// A line as people say it: its designation and where it goes.
#[must_use]
pub fn line_name(network: &Network, line: LineId) -> String {
    let Some(line) = network.lines.get(line.index()) else { return "An unknown line".into() };
    match line.calls.last().and_then(|c| network.stops.get(c.stop.index())) {
        Some(stop) => format!("Line {} to {}", line.designation, stop.name),
        None => format!("Line {}", line.designation),
    }
}

fn stops(network: &Network, ids: &[StopId]) -> String {
    let names: Vec<&str> =
        ids.iter().filter_map(|id| network.stops.get(id.index())).map(|s| s.name.as_str()).collect();
    names.join(", ")
}

/// The places of a way, for drawing: longitude, latitude.
#[must_use]
pub fn drawn(network: &Network, diversion: &Diversion) -> Vec<[f64; 2]> {
    let points = diversion.way.iter().flat_map(|link| network.shape(*link));
    points
        .map(|p| {
            let place: GeoPoint = network.plane.unproject(*p);
            [place.lon(), place.lat()]
        })
        .collect()
}
