//! RC-EDA: a case: what happened and where. Everything about persons is passed over.

use crate::fix::{Arrival, FeedEvent, Incident};
use crate::plausible;
use crate::reject::Reject;

use super::geo_pos::time;
use super::json::{Fault, Node};
use super::{Element, State};

/// Characters of an id that are accepted.
const ID_CHARS_MAX: usize = 128;
/// Characters of a code or label that are kept.
const LABEL_CHARS_MAX: usize = 96;

/// The `caseId` of a message.
pub(super) fn id<'a>(message: &Node<'a>) -> Result<&'a str, Fault> {
    let node = message.need("caseId")?;
    let id = node.text()?;
    let printable = id.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if printable && (1..=ID_CHARS_MAX).contains(&id.chars().count()) {
        Ok(id)
    } else {
        Err(node.fault(Reject::BadId))
    }
}

/// Reads a `createCase`.
pub(super) fn read(case: &Node<'_>, state: &mut State, at: Arrival) -> Result<Element, Fault> {
    time(&case.need("creation")?)?;
    let qualification = case.need("qualification")?;
    let happened = qualification.need("whatsHappen")?;
    let urgency = qualification.get("details").map(|details| details.text_of("priority"));
    let incident = Incident {
        case: id(case)?.to_owned(),
        received: at.received,
        code: kept(happened.need("code")?.text()?),
        label: kept(happened.text_of("label")?.unwrap_or_default()),
        priority: urgency.transpose()?.flatten().and_then(priority),
        place: place(&case.need("location")?)?,
    };
    let updates = state.missions.open(incident.clone());
    let mut events = vec![FeedEvent::Incident(incident)];
    events.extend(updates.into_iter().map(FeedEvent::Mission));
    Ok(Element { events, refused: None })
}

/// Coordinates of the case, if it has any. It may lie outside the network: vehicles drive through.
fn place(location: &Node<'_>) -> Result<Option<clearway_signals::GeoPoint>, Fault> {
    let Some(point) = location.get("geometry").and_then(|geometry| geometry.get("point")) else {
        return Ok(None);
    };
    let coord = point.need("coord")?;
    let (lat, lon) = (coord.need("lat")?.number()?, coord.need("lon")?.number()?);
    plausible::place(lat, lon).map(Some).map_err(|reject| coord.fault(reject))
}

/// The priority of medical regulation, `P0` to `P3`; `NR` and whatever else says nothing.
fn priority(code: &str) -> Option<u8> {
    ["P0", "P1", "P2", "P3"].iter().position(|known| *known == code).and_then(|at| u8::try_from(at).ok())
}

fn kept(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect()
}
