//! From statuses of vehicles to missions that begin and end (invariant X3).
//!
//! Only the dispatch centre's own message (RC-RI) ties a vehicle to a case. A vehicle's status in a
//! position message (GEO-POS) may then say that it left or arrived, but alone it makes no mission.

use std::collections::{HashMap, VecDeque};

use clearway_signals::{Millis, VehicleId};

use crate::fix::{EndReason, Incident, MissionChange, MissionKey, MissionUpdate};
use crate::wall::WallMs;

/// Cases remembered; the oldest gives way.
const CASES_MAX: usize = 256;

/// What a vehicle is doing, in the words that both message kinds share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Status {
    /// Chosen or alerted, not yet moving.
    Assigned,
    /// On the way to the scene, with right of way.
    UnderWay,
    /// On the way from the scene with a patient, with right of way.
    Transporting,
    /// At the scene or the destination.
    Arrived,
    /// Taken back.
    Cancelled,
    /// On the way back, or home.
    Returning,
}

impl Status {
    pub(super) const fn is_moving(self) -> bool {
        matches!(self, Self::UnderWay | Self::Transporting)
    }

    const fn ends(self) -> bool {
        matches!(self, Self::Arrived | Self::Cancelled | Self::Returning)
    }
}

/// One vehicle's part in a case.
#[derive(Clone, Debug)]
struct Engagement {
    key: MissionKey,
    status: Status,
    /// The source's time of that status.
    since: WallMs,
}

/// A status of a vehicle, as a message gives it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    pub vehicle: VehicleId,
    pub resource: &'a str,
    /// The case; `None` from a position message.
    pub case: Option<&'a str>,
    pub status: Status,
    pub time: WallMs,
    pub received: Millis,
}

/// Who is engaged in what: at most one engagement a registered vehicle, [`CASES_MAX`] cases.
#[derive(Clone, Debug, Default)]
pub(super) struct Missions {
    engaged: HashMap<VehicleId, Engagement>,
    cases: VecDeque<Incident>,
}

impl Missions {
    /// Takes a status in and gives what it changes: nothing, a start, an end, or an end and a start.
    pub fn report(&mut self, report: &Report<'_>) -> Vec<MissionUpdate> {
        let mut updates = Vec::new();
        if self.engaged.get(&report.vehicle).is_some_and(|held| report.time < held.since) {
            return updates;
        }
        if !self.assign(report, &mut updates) {
            return updates;
        }
        let Some(held) = self.engaged.get_mut(&report.vehicle) else { return updates };
        let before = held.status;
        if before == report.status || !may_follow(before, report) {
            return updates;
        }
        held.status = report.status;
        held.since = report.time;
        let key = held.key.clone();
        if before.is_moving() {
            let reason = match report.status {
                // On from the scene: the way to the scene is over.
                Status::Arrived | Status::UnderWay | Status::Transporting => EndReason::Arrived,
                // Back to merely assigned: the centre took the departure back.
                Status::Cancelled | Status::Assigned => EndReason::Cancelled,
                Status::Returning => EndReason::Returning,
            };
            updates.push(end(report.vehicle, key.clone(), reason, report.received));
        }
        if report.status.is_moving() {
            updates.push(self.start(report.vehicle, key, report.status, report.received));
        }
        updates
    }

    /// Ties the vehicle to the report's case. Gives whether the report concerns its engagement.
    fn assign(&mut self, report: &Report<'_>, updates: &mut Vec<MissionUpdate>) -> bool {
        let Some(case) = report.case else { return self.engaged.contains_key(&report.vehicle) };
        let held = self.engaged.get(&report.vehicle);
        if held.is_some_and(|held| held.key.case == case) {
            return true;
        }
        if report.status.ends() {
            return false;
        }
        if let Some(held) = held.filter(|held| held.status.is_moving()) {
            updates.push(end(report.vehicle, held.key.clone(), EndReason::Reassigned, report.received));
        }
        let key = MissionKey { case: case.to_owned(), resource: report.resource.to_owned() };
        let engagement = Engagement { key, status: Status::Assigned, since: report.time };
        self.engaged.insert(report.vehicle, engagement);
        true
    }

    /// Takes a case in. Vehicles already under way to it are told where it is.
    pub fn open(&mut self, incident: Incident) -> Vec<MissionUpdate> {
        let (case, received) = (incident.case.clone(), incident.received);
        self.cases.retain(|known| known.case != case);
        if self.cases.len() == CASES_MAX {
            self.cases.pop_front();
        }
        self.cases.push_back(incident);
        let mut under_way: Vec<_> = self
            .engaged
            .iter()
            .filter(|(_, held)| held.key.case == case && held.status == Status::UnderWay)
            .map(|(vehicle, held)| (*vehicle, held.key.clone()))
            .collect();
        under_way.sort_unstable_by_key(|(vehicle, _)| *vehicle);
        under_way
            .into_iter()
            .map(|(vehicle, key)| self.start(vehicle, key, Status::UnderWay, received))
            .collect()
    }

    fn start(&self, vehicle: VehicleId, key: MissionKey, status: Status, received: Millis) -> MissionUpdate {
        let case = self.cases.iter().find(|known| known.case == key.case);
        let (code, priority) = case.map_or((String::new(), None), |case| (case.code.clone(), case.priority));
        let (destination, duty) = match (status, case) {
            // The case says where the scene is, not where the patient is taken.
            (Status::Transporting, _) => (None, "transport".to_owned()),
            (_, Some(case)) => (case.place, duty(case)),
            (_, None) => (None, "emergency".to_owned()),
        };
        MissionUpdate {
            key,
            vehicle,
            received,
            kind: MissionChange::Start { destination, duty, code, priority },
        }
    }
}

fn duty(case: &Incident) -> String {
    if case.label.is_empty() { case.code.clone() } else { case.label.clone() }
}

fn end(vehicle: VehicleId, key: MissionKey, reason: EndReason, received: Millis) -> MissionUpdate {
    MissionUpdate { key, vehicle, received, kind: MissionChange::End { reason } }
}

/// Whether the vehicle's own word may follow the status held. The dispatch centre's always may; a
/// vehicle whose box lags behind must not take up a mission that the centre has ended.
fn may_follow(before: Status, report: &Report<'_>) -> bool {
    if report.case.is_some() {
        return true;
    }
    match report.status {
        Status::UnderWay => before == Status::Assigned,
        Status::Transporting => matches!(before, Status::Assigned | Status::UnderWay | Status::Arrived),
        Status::Assigned => false,
        Status::Arrived | Status::Cancelled | Status::Returning => true,
    }
}
