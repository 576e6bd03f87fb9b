//! RC-RI: which vehicles are engaged in a case, and how far they are.

use crate::fix::{Arrival, FeedEvent};
use crate::plausible::{Candidate, judge_age};
use crate::reject::Reject;

use super::geo_pos::{MPS_PER_KMH, place, time};
use super::json::{Fault, Node};
use super::missions::{Report, Status};
use super::{Element, State};

/// Dispatchers note statuses by hand, to the minute.
const STATUS_FUTURE_MAX_MS: i64 = 60_000;
/// Nobody drives to a scene for longer; an older start is a replay.
const STATUS_AGE_MAX_MS: i64 = 4 * 3_600_000;
/// The hub's times are whole seconds.
const RESOLUTION_MS: i64 = 1000;

const FIELDS: [&str; 15] = [
    "datetime",
    "resourceId",
    "requestId",
    "missionId",
    "operationId",
    "orgId",
    "centerName",
    "vehicleType",
    "name",
    "centerCity",
    "team",
    "state",
    "position",
    "contact",
    "freetext",
];

/// `state.status`: the words, and what they say about the mission.
pub(super) const STATUSES: [(&str, Status); 18] = [
    ("DECLENCHE", Status::Assigned),
    ("DECISION", Status::Assigned),
    ("DEPART", Status::UnderWay),
    ("ANNULE", Status::Cancelled),
    ("ARRIVEE", Status::Arrived),
    ("PEC", Status::Arrived),
    ("BILAN", Status::Arrived),
    ("ORIENTAT", Status::Arrived),
    ("TRANSP", Status::Transporting),
    ("ETAPE1", Status::Arrived),
    ("TRANSP2", Status::Transporting),
    ("ETAPE2", Status::Arrived),
    ("TRANSP3", Status::Transporting),
    ("DESTIN", Status::Arrived),
    ("RETOUR", Status::Returning),
    ("FINPEC", Status::Returning),
    ("RET-BASE", Status::Returning),
    ("REN-BASE", Status::Returning),
];

/// Reads one `resource` of a case. A message that is taken back counts as a cancellation.
pub(super) fn read(
    resource: &Node<'_>,
    case: &str,
    cancels: bool,
    state: &mut State,
    at: Arrival,
) -> Result<Element, Fault> {
    resource.only(&FIELDS)?;
    let id = resource.need("resourceId")?;
    let vehicle = state.vehicle(&id)?;
    let vehicle_type = resource.need("vehicleType")?;
    if !["SMUR", "SIS"].contains(&vehicle_type.text()?) {
        return Err(vehicle_type.fault(Reject::UnknownWord));
    }
    time(&resource.need("datetime")?)?;
    let stated = resource.need("state")?;
    stated.only(&["datetime", "status", "availability"])?;
    let since_node = stated.need("datetime")?;
    let since = time(&since_node)?;
    let status = if cancels { Status::Cancelled } else { status(&stated.need("status")?)? };
    if status.is_moving() {
        judge_age(since, at.wall, STATUS_FUTURE_MAX_MS, STATUS_AGE_MAX_MS)
            .map_err(|reject| since_node.fault(reject))?;
    }
    let report = Report {
        vehicle,
        resource: id.text()?,
        case: Some(case),
        status,
        time: if cancels { at.wall } else { since.min(at.wall) },
        received: at.received,
    };
    let updates = state.missions.report(&report);
    let mut element = Element { events: Vec::new(), refused: None };
    if let Some(position) = resource.get("position") {
        match read_position(&position, vehicle, state, at) {
            Ok(fix) => element.events.push(fix),
            // Each message repeats the positions of all vehicles, old ones too: no fault of the sender.
            Err(fault) if matches!(fault.reject, Reject::Duplicate | Reject::Backwards) => {}
            Err(fault) => element.refused = Some(fault),
        }
    }
    element.events.extend(updates.into_iter().map(FeedEvent::Mission));
    Ok(element)
}

fn status(node: &Node<'_>) -> Result<Status, Fault> {
    let word = node.text()?;
    let known = STATUSES.iter().find(|(known, _)| *known == word);
    known.map(|(_, status)| *status).ok_or_else(|| node.fault(Reject::UnknownWord))
}

fn read_position(
    position: &Node<'_>,
    vehicle: clearway_signals::VehicleId,
    state: &mut State,
    at: Arrival,
) -> Result<FeedEvent, Fault> {
    position.only(&["datetime", "speed", "coord"])?;
    let candidate = Candidate {
        source_time: Some(time(&position.need("datetime")?)?),
        resolution_ms: RESOLUTION_MS,
        stale_max_ms: None,
        place: place(&position.need("coord")?)?,
        heading_deg: None,
        speed_mps: position.number_of("speed")?.map(|kmh| kmh * MPS_PER_KMH),
        degraded: false,
    };
    let judged = state.plausibility.judge(vehicle, &candidate, at);
    judged.map(FeedEvent::Fix).map_err(|reject| position.fault(reject))
}
