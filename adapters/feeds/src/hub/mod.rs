//! The French emergency hub (SAMU Hub, NexSIS): positions, engagements and cases as JSON.
//!
//! Source: ansforge/SAMU-Hub-Modeles (GEO-POS, RC-RI, RC-EDA, RC-DE, EDXL-DE). Messages are taken plain
//! or in their EDXL-DE envelope. Speeds are km/h; times carry an offset and never `Z`. Of a case only
//! its id, nature and place are read; callers, names and telephone numbers never leave the parser.

mod case;
mod encode;
mod geo_pos;
mod json;
mod missions;
mod rc_ri;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use clearway_signals::VehicleId;
use serde_json::Value;

use crate::MESSAGE_BYTES_MAX;
use crate::fix::{Arrival, FeedEvent};
use crate::plausible::{Plausibility, Rules};
use crate::registry::{Registry, VehicleClass, is_hub_resource_id};
use crate::reject::Reject;
use crate::wall;

pub use encode::{ResourceOut, encode_geo_pos, encode_rc_eda, encode_rc_ri, wrap};
pub use json::Fault;
pub use missions::Status;

use json::Node;
use missions::Missions;

/// Messages in one envelope.
const CONTENTS_MAX: usize = 16;
/// Positions or resources in one message.
const ELEMENTS_MAX: usize = 256;

/// The feed's memory.
#[derive(Clone, Debug)]
pub struct State {
    plausibility: Plausibility,
    missions: Missions,
}

impl State {
    /// An empty memory for these vehicles.
    #[must_use]
    pub fn new(registry: Arc<Registry>, rules: Rules) -> Self {
        Self { plausibility: Plausibility::new(registry, rules), missions: Missions::default() }
    }

    /// The registered emergency vehicle of a `resourceId` node.
    fn vehicle(&self, resource: &Node<'_>) -> Result<VehicleId, Fault> {
        let id = resource.text()?;
        if !is_hub_resource_id(id) {
            return Err(resource.fault(Reject::BadId));
        }
        let registry = self.plausibility.registry();
        let vehicle = registry.by_hub(id).ok_or_else(|| resource.fault(Reject::UnknownVehicle))?;
        match registry.get(vehicle) {
            Some(known) if known.class == VehicleClass::Emergency => Ok(vehicle),
            _ => Err(resource.fault(Reject::ClassMismatch)),
        }
    }
}

/// What became of a message.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// Elements that were understood, with or without news in them.
    pub accepted: u32,
    /// The news.
    pub events: Vec<FeedEvent>,
    /// Elements, or parts of them, that were refused.
    pub refused: Vec<Fault>,
}

impl Outcome {
    fn take(&mut self, element: Result<Element, Fault>) {
        match element {
            Ok(element) => {
                self.accepted += 1;
                self.events.extend(element.events);
                self.refused.extend(element.refused);
            }
            Err(fault) => self.refused.push(fault),
        }
    }
}

/// What became of one well-formed element.
#[derive(Default)]
struct Element {
    events: Vec<FeedEvent>,
    refused: Option<Fault>,
}

/// Reads one message.
///
/// # Errors
/// When the message as a whole cannot be used: syntax, kind, envelope. Faults of single positions or
/// resources stand in [`Outcome::refused`] and do not touch the others.
pub fn parse(body: &[u8], state: &mut State, at: Arrival) -> Result<Outcome, Fault> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(Fault::whole(Reject::TooLong));
    }
    let text = std::str::from_utf8(body).map_err(|_| Fault::whole(Reject::NotText))?;
    let document: Value = serde_json::from_str(text).map_err(|_| Fault::whole(Reject::Malformed))?;
    let root = Node::root(&document);
    let mut outcome = Outcome::default();
    if let Some(content) = root.get("content") {
        let cancels = check_envelope(&root, at)?;
        for item in content.items(CONTENTS_MAX)? {
            let message = item.need("jsonContent")?.need("embeddedJsonContent")?.need("message")?;
            read(&message, cancels, state, at, &mut outcome)?;
        }
    } else {
        read(&root, false, state, at, &mut outcome)?;
    }
    Ok(outcome)
}

/// Whether the envelope's content may be used; gives whether it takes its content back.
fn check_envelope(envelope: &Node<'_>, at: Arrival) -> Result<bool, Fault> {
    let status = envelope.need("distributionStatus")?;
    if status.text()? != "Actual" {
        return Err(status.fault(Reject::Exercise));
    }
    let expires = envelope.need("dateTimeExpires")?;
    let expiry = wall::parse_iso(expires.text()?).ok_or_else(|| expires.fault(Reject::BadTime))?;
    if expiry < at.wall {
        return Err(expires.fault(Reject::Expired));
    }
    let kind = envelope.need("distributionKind")?;
    match kind.text()? {
        "Report" | "Update" => Ok(false),
        "Cancel" => Ok(true),
        "Ack" | "Error" => Err(kind.fault(Reject::Unsupported)),
        _ => Err(kind.fault(Reject::UnknownWord)),
    }
}

/// Reads one message without its envelope.
fn read(
    message: &Node<'_>,
    cancels: bool,
    state: &mut State,
    at: Arrival,
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    if let Some(status) = message.get("status")
        && status.text()? != "Actual"
    {
        return Err(status.fault(Reject::Exercise));
    }
    if let Some(update) = message.get("geoPositionsUpdate") {
        update.only(&["position"])?;
        for position in update.need("position")?.items(ELEMENTS_MAX)? {
            outcome.take(geo_pos::read(&position, state, at));
        }
        Ok(())
    } else if let Some(info) = message.get("resourcesInfoCisu") {
        info.only(&["caseId", "resource"])?;
        let case = case::id(&info)?;
        for resource in info.need("resource")?.items(ELEMENTS_MAX)? {
            outcome.take(rc_ri::read(&resource, case, cancels, state, at));
        }
        Ok(())
    } else if let Some(case) = message.get("createCase") {
        outcome.take(case::read(&case, state, at));
        Ok(())
    } else {
        Err(message.fault(Reject::Unsupported))
    }
}
