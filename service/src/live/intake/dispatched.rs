//! Missions on their way to the engine. The dispatch centre alone says who drives; where to, it says
//! with the case. Of a transport it does not say it: such a mission waits, shown as without
//! destination, until an operator names one.

use std::sync::{MutexGuard, PoisonError};

use clearway_feeds::{MissionChange, MissionUpdate};
use clearway_planner::{Event, Mission};
use clearway_runtime::Stamped;
use clearway_signals::{GeoPoint, MissionId};

use super::Intake;
use crate::live::missions::MissionCard;
use crate::live::texts::Severity;

/// Why a destination is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DirectRefusal {
    /// No such mission, or it is over.
    #[error("there is no mission {0} under way; GET /api/missions lists them")]
    Unknown(u32),
    /// The engine takes no events.
    #[error("the engine did not take the destination; nothing has changed")]
    EngineBusy,
}

impl Intake {
    /// What is said of missions reaches the engine in the order in which the board knows it.
    fn in_order(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The dispatch centre's word about a mission.
    pub(super) fn mission(&self, update: &MissionUpdate) {
        let _order = self.in_order();
        let label = self.board.label(update.vehicle);
        match &update.kind {
            MissionChange::Start { destination, duty, code, priority } => {
                let known = self.duties.find(code, duty);
                let usual = known.and_then(|(_, priority)| priority).unwrap_or(Mission::PRIORITY);
                self.begin(MissionCard {
                    key: update.key.clone(),
                    vehicle: update.vehicle,
                    duty: duty.clone(),
                    destination: *destination,
                    priority: priority.unwrap_or(usual),
                    known_duty: known.map(|(duty, _)| duty),
                });
            }
            MissionChange::End { reason } => {
                if let Some(id) = self.board.close_mission(&update.key) {
                    self.say(Severity::Notice, format!("{label}: mission over, {}.", reason.word()));
                    self.send(Event::MissionEnd(id), None);
                }
            }
        }
    }

    fn begin(&self, card: MissionCard) {
        let (label, duty) = (self.board.label(card.vehicle), card.duty.clone());
        let Some((id, mission)) = self.board.open_mission(card) else {
            let text = format!("{label}: too many missions at once; this one is not served.");
            return self.say(Severity::Warning, text);
        };
        match mission {
            Some(mission) => self.send(Event::Mission(mission), None),
            None => self.say(
                Severity::Warning,
                format!("{label} is under way ({duty}) and {}", without_destination(id)),
            ),
        }
    }

    /// An operator says where a mission goes. It replaces what was known before; the dispatch centre's
    /// next word replaces it.
    ///
    /// # Errors
    /// A [`DirectRefusal`]; then nothing has changed.
    pub fn direct(&self, id: MissionId, destination: GeoPoint) -> Result<MissionCard, DirectRefusal> {
        let _order = self.in_order();
        let card = self.board.mission(id).ok_or(DirectRefusal::Unknown(id.0))?;
        let card = MissionCard { destination: Some(destination), ..card };
        let mission = card.mission(id).ok_or(DirectRefusal::Unknown(id.0))?;
        if !self.ingress.send(Stamped { event: Event::Mission(mission), decoded_ns: None }) {
            return Err(DirectRefusal::EngineBusy);
        }
        let text = format!("{}: an operator named its destination.", self.board.label(card.vehicle));
        // The number is known: it takes no further place.
        self.board.open_mission(card.clone());
        self.say(Severity::Notice, text);
        Ok(card)
    }
}

/// What is missing, and how it is mended.
#[must_use]
pub fn without_destination(id: MissionId) -> String {
    format!("its destination is not known; name it by POST /api/missions/{}/destination.", id.0)
}
