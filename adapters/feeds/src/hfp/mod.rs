//! HFP (HSL High-Frequency Positioning) version 2 over MQTT: topic and payload to events.
//!
//! Source: HSL, "High-frequency positioning" (the topic's levels, the payload's fields); the quirks that
//! the checks answer to are listed in `docs/feeds.md`. Two signs are easily read the wrong way:
//! `dl` is positive *ahead* of the timetable, and HFP's direction 1 is GTFS's 0.

mod encode;
mod payload;
#[cfg(test)]
mod tests;
mod topic;

use std::sync::Arc;

use clearway_signals::{Millis, VehicleId};

use crate::fix::{
    Arrival, FeedEvent, PriorityLevel, PriorityRequest, PriorityResponse, RequestType, TransitEvent,
    TransitUpdate, VehicleFix,
};
use crate::plausible::{self, Candidate, Plausibility, Rules};
use crate::registry::Registry;
use crate::reject::Reject;
use crate::wall::WallMs;

pub use encode::{Journey, Message, Say, encode};
use payload::Body;
use topic::Topic;

/// What to subscribe to.
pub const TOPIC_FILTER: &str = "/hfp/v2/#";

/// Copies of a message arrive within 200 ms; a vehicle sends no more different ones in that time.
const RECENT_MAX: usize = 8;
/// Requests of one vehicle that may be open at once.
const OPEN_MAX: usize = 4;
/// An answer later than this belongs to no request any more.
const OPEN_TTL: Millis = Millis::from_s(60);

/// A priority request that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Open {
    request_id: u8,
    junction: u32,
    since: Millis,
}

/// What is remembered of one vehicle: two rings, nothing that grows.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    recent: [Option<(TransitEvent, WallMs)>; RECENT_MAX],
    recent_next: usize,
    open: [Option<Open>; OPEN_MAX],
    open_next: usize,
}

impl Memory {
    /// Notes a message.
    ///
    /// # Errors
    /// [`Reject::Duplicate`] when it is there already.
    fn note(&mut self, event: TransitEvent, time: WallMs) -> Result<(), Reject> {
        if self.recent.contains(&Some((event, time))) {
            return Err(Reject::Duplicate);
        }
        self.recent[self.recent_next] = Some((event, time));
        self.recent_next = (self.recent_next + 1) % RECENT_MAX;
        Ok(())
    }

    fn open(&mut self, open: Open) {
        self.open[self.open_next] = Some(open);
        self.open_next = (self.open_next + 1) % OPEN_MAX;
    }

    /// Takes the request that an answer belongs to.
    fn close(&mut self, request_id: u8, junction: Option<u32>, now: Millis) -> Option<Open> {
        let fits = |open: &Open| {
            open.request_id == request_id
                && junction.is_none_or(|junction| junction == open.junction)
                && now.since(open.since) <= OPEN_TTL
        };
        self.open.iter_mut().find(|slot| slot.as_ref().is_some_and(fits))?.take()
    }
}

/// The feed's memory.
#[derive(Clone, Debug)]
pub struct State {
    plausibility: Plausibility,
    memory: Vec<Memory>,
}

impl State {
    /// An empty memory for these vehicles.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules) -> Self {
        let memory = vec![Memory::default(); registry.vehicles().len()];
        Self { plausibility: Plausibility::new(registry, rules), memory }
    }

    fn vehicle(&self, topic: &Topic<'_>) -> Result<VehicleId, Reject> {
        let registry = self.plausibility.registry();
        let id = registry.by_hfp(topic.id).ok_or(Reject::UnknownVehicle)?;
        let vehicle = registry.get(id).ok_or(Reject::UnknownVehicle)?;
        if topic.class == Some(vehicle.class) { Ok(id) } else { Err(Reject::ClassMismatch) }
    }

    fn memory(&mut self, vehicle: VehicleId) -> Result<&mut Memory, Reject> {
        self.memory.get_mut(vehicle.index()).ok_or(Reject::UnknownVehicle)
    }
}

/// Reads one message: the vehicle's state, and with it a request or an answer where it is one.
///
/// # Errors
/// The first rule that the message breaks; then nothing of it is used.
pub fn parse(topic: &str, payload: &[u8], state: &mut State, at: Arrival) -> Result<Vec<FeedEvent>, Reject> {
    let topic = Topic::parse(topic)?;
    let vehicle = state.vehicle(&topic)?;
    let body = Body::parse(payload, topic.event_word)?;
    let time = body.time()?;
    state.plausibility.rules().judge_age(time, at.wall)?;
    state.memory(vehicle)?.note(topic.event, time)?;
    let fix = fix(state, vehicle, &topic, &body, time, at)?;
    let mut events = vec![FeedEvent::Transit(transit(vehicle, &topic, &body, fix, at))];
    match topic.event {
        TransitEvent::SignalRequest => events.extend(request(state, vehicle, &topic, &body, at)?),
        TransitEvent::SignalAnswer => events.push(answer(state, vehicle, &topic, &body, at)?),
        _ => {}
    }
    Ok(events)
}

/// The position; `None` when the vehicle has none or repeats the last.
fn fix(
    state: &mut State,
    vehicle: VehicleId,
    topic: &Topic<'_>,
    body: &Body<'_>,
    time: WallMs,
    at: Arrival,
) -> Result<Option<VehicleFix>, Reject> {
    let place = match (body.lat, body.long) {
        (Some(lat), Some(long)) => plausible::place(lat, long)?,
        (None, None) => return Ok(None),
        _ => return Err(Reject::HalfPosition),
    };
    if !topic.geohash_fits(place) {
        return Err(Reject::GeohashMismatch);
    }
    let candidate = Candidate {
        source_time: Some(time),
        resolution_ms: 0,
        stale_max_ms: None,
        place,
        heading_deg: body.hdg,
        speed_mps: body.spd,
        degraded: body.loc.as_ref().is_some_and(|loc| &**loc != "GPS"),
    };
    match state.plausibility.judge(vehicle, &candidate, at) {
        // Two different events of one instant: the second one's position is no news.
        Err(Reject::Duplicate) => Ok(None),
        judged => judged.map(Some),
    }
}

fn transit(
    vehicle: VehicleId,
    topic: &Topic<'_>,
    body: &Body<'_>,
    fix: Option<VehicleFix>,
    at: Arrival,
) -> TransitUpdate {
    let doors_open = match (topic.event, body.drst) {
        (TransitEvent::DoorsOpen, _) | (_, Some(1)) => Some(true),
        (TransitEvent::DoorsClosed, _) | (_, Some(0)) => Some(false),
        _ => None,
    };
    // Zero is what vehicles send that do not count: no word of an empty one.
    let load_pct = body.occu.and_then(|occu| u8::try_from(occu).ok()).filter(|occu| (1..=100).contains(occu));
    let lateness_s = body.dl.and_then(|ahead_s| i32::try_from(ahead_s).ok()).and_then(i32::checked_neg);
    TransitUpdate {
        vehicle,
        received: at.received,
        line: body.desi.as_deref().unwrap_or_default().to_owned(),
        direction: topic.direction,
        lateness_s,
        load_pct,
        doors_open,
        next_stop: topic.next_stop.map(str::to_owned),
        event: topic.event,
        fix,
        in_service: topic.in_service(),
    }
}

/// The request; `None` when the vehicle says that it asks for nothing.
fn request(
    state: &mut State,
    vehicle: VehicleId,
    topic: &Topic<'_>,
    body: &Body<'_>,
    at: Arrival,
) -> Result<Option<FeedEvent>, Reject> {
    let level = match body.level.as_deref() {
        Some("normal") => PriorityLevel::Normal,
        Some("high") => PriorityLevel::High,
        Some("norequest") => return Ok(None),
        _ => return Err(Reject::NotActionable),
    };
    let request_id = body.request_id()?;
    let junction = body
        .sid
        .and_then(|sid| u32::try_from(sid).ok())
        .filter(|sid| *sid > 0)
        .ok_or(Reject::NotActionable)?;
    if topic.junction.is_some_and(|named| named != junction) {
        return Err(Reject::JunctionMismatch);
    }
    let kind = match body.request_type.as_deref() {
        Some("NORMAL") => Some(RequestType::Normal),
        Some("DOOR_CLOSE") => Some(RequestType::DoorClose),
        Some("DOOR_OPEN") => Some(RequestType::DoorOpen),
        Some("ADVANCE") => Some(RequestType::Advance),
        _ => None,
    };
    state.memory(vehicle)?.open(Open { request_id, junction, since: at.received });
    let signal_group = body.signal_group.and_then(|group| i32::try_from(group).ok());
    Ok(Some(FeedEvent::Request(PriorityRequest {
        vehicle,
        received: at.received,
        junction,
        signal_group,
        request_id,
        kind,
        level,
    })))
}

/// The answer, with the junction of the request that it belongs to.
fn answer(
    state: &mut State,
    vehicle: VehicleId,
    topic: &Topic<'_>,
    body: &Body<'_>,
    at: Arrival,
) -> Result<FeedEvent, Reject> {
    let acknowledged = match body.decision.as_deref() {
        Some("ACK") => true,
        Some("NAK") => false,
        _ => return Err(Reject::NotActionable),
    };
    let request_id = body.request_id()?;
    let open =
        state.memory(vehicle)?.close(request_id, topic.junction, at.received).ok_or(Reject::NoOpenRequest)?;
    Ok(FeedEvent::Response(PriorityResponse {
        vehicle,
        received: at.received,
        junction: open.junction,
        request_id,
        acknowledged,
    }))
}
