//! From what feeds and adapters say to the engine's events, and to the board.

mod dispatched;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use clearway_contract::{PortEvent, Protocol, Site};
use clearway_feeds::adapter::WallClock;
use clearway_feeds::{FeedEvent, TransitUpdate, VehicleFix};
use clearway_network::{LineId, Network};
use clearway_planner::{Counts, Event};
use clearway_runtime::{Ingress, Stamped};
use clearway_signals::{ControllerId, Millis, RequestState};

use super::board::{Board, Seen};
use super::incidents::Incidents;
use super::texts::Severity;
use crate::config::Duties;

pub use dispatched::{DirectRefusal, without_destination};

/// A message without a position speaks of where the vehicle was last seen, if that is this young.
const PLACE_LASTS: Millis = Millis(10_000);

/// Everything that comes in passes here once.
pub struct Intake {
    ingress: Ingress,
    board: Arc<Board>,
    wall: WallClock,
    lines: BTreeMap<(String, u8), LineId>,
    titles: Vec<String>,
    protocols: Vec<Protocol>,
    incidents: Option<Arc<Incidents>>,
    duties: Duties,
    /// Held while a mission goes to board and engine.
    order: Mutex<()>,
}

impl Intake {
    /// An intake for a network and its sites.
    #[must_use]
    pub fn new(
        network: &Network,
        sites: &[Site],
        ingress: Ingress,
        board: Arc<Board>,
        wall: WallClock,
    ) -> Self {
        let line = |(i, line): (usize, &clearway_network::Line)| {
            u16::try_from(i).ok().map(|i| ((line.designation.clone(), line.direction), LineId(i)))
        };
        let mut protocols = vec![Protocol::Ntcip; network.controllers.len()];
        for site in sites {
            protocols[site.controller.index()] = site.protocol;
        }
        Self {
            ingress,
            board,
            wall,
            lines: network.lines.iter().enumerate().filter_map(line).collect(),
            titles: network.controllers.iter().map(|c| c.title.clone()).collect(),
            protocols,
            incidents: None,
            duties: Duties::default(),
            order: Mutex::default(),
        }
    }

    /// The board that it writes.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The same intake, which knows the policy's duties.
    #[must_use]
    pub fn with_duties(self, duties: Duties) -> Self {
        Self { duties, ..self }
    }

    /// The same intake, which proposes closures where cases are.
    #[must_use]
    pub fn with_incidents(self, incidents: Arc<Incidents>) -> Self {
        Self { incidents: Some(incidents), ..self }
    }

    fn send(&self, event: Event, decoded_ns: Option<u64>) {
        self.ingress.send(Stamped { event, decoded_ns });
    }

    fn say(&self, severity: Severity, text: String) {
        self.board.say((self.wall)(), severity, text);
    }

    fn title(&self, controller: ControllerId) -> &str {
        self.titles.get(controller.index()).map_or("an unknown controller", String::as_str)
    }

    /// Something a feed said.
    pub fn feed(&self, event: FeedEvent, decoded_ns: u64) {
        match event {
            FeedEvent::Fix(fix) => {
                // The engine first; the board is for people.
                self.send(Event::Fix(planner_fix(&fix)), Some(decoded_ns));
                self.see(&fix, None);
            }
            FeedEvent::Mission(update) => self.mission(&update),
            FeedEvent::Transit(update) => self.transit(&update, decoded_ns),
            FeedEvent::Incident(incident) => {
                let text = format!("Case {}: {} ({}).", incident.case, incident.label, incident.code);
                self.say(Severity::Notice, text);
                if let Some(incidents) = &self.incidents {
                    incidents.take_case(&incident);
                }
            }
            // The engine asks controllers itself; what a vehicle asked of them by another way is only counted.
            FeedEvent::Request(_) | FeedEvent::Response(_) => {}
        }
    }

    fn see(&self, fix: &VehicleFix, lateness_s: Option<i32>) {
        let seen = Seen {
            place: fix.place,
            heading_deg: fix.heading_deg,
            speed_mps: fix.speed_mps,
            lateness_s,
            at: fix.received,
            cadence: fix.cadence,
        };
        self.board.see(fix.vehicle, seen);
    }

    fn transit(&self, update: &TransitUpdate, decoded_ns: u64) {
        // Doors and lateness come without a position where satellites are not seen, and count all the same.
        let Some(fix) = update.fix.or_else(|| self.last_place(update)) else { return };
        let fix = &fix;
        self.see(fix, update.lateness_s);
        let line = update.direction.and_then(|d| self.lines.get(&(update.line.clone(), d)));
        match line {
            Some(line) if update.in_service => {
                let event = Event::Transit(clearway_planner::TransitUpdate {
                    fix: planner_fix(fix),
                    line: *line,
                    lateness_s: update.lateness_s,
                    doors_open: update.doors_open,
                });
                self.send(event, Some(decoded_ns));
                if let Some(load_pct) = update.load_pct {
                    self.send(Event::Load(update.vehicle, load_pct), None);
                }
            }
            _ => self.send(Event::TransitEnd(update.vehicle), None),
        }
    }

    /// The position that a vehicle reported shortly before a message without one.
    fn last_place(&self, update: &TransitUpdate) -> Option<VehicleFix> {
        let seen = self.board.last_seen(update.vehicle)?;
        (update.received.since(seen.at) <= PLACE_LASTS).then_some(VehicleFix {
            vehicle: update.vehicle,
            received: seen.at,
            place: seen.place,
            heading_deg: seen.heading_deg,
            speed_mps: seen.speed_mps,
            degraded: true,
            cadence: seen.cadence,
            source_time: None,
        })
    }

    /// Something an adapter said.
    pub fn port(&self, event: PortEvent) {
        self.board.holdings.note(&event);
        match event {
            PortEvent::Status(status) => self.send(Event::Status(status), None),
            PortEvent::Link(controller, state) => self.board.link(controller, state),
            PortEvent::Armed(controller) => {
                self.board.arming(controller, None);
                self.send(Event::Armed(controller, true), None);
            }
            PortEvent::NotArmed(controller, why) => {
                if self.board.arming(controller, Some(why.clone())) {
                    self.say(Severity::Warning, format!("{} is not armed: {why}.", self.title(controller)));
                }
                self.send(Event::Armed(controller, false), None);
            }
            PortEvent::Counts(counts) => {
                let mut vehicles = [0; Counts::MAX];
                for (place, count) in vehicles.iter_mut().zip(&counts.vehicles) {
                    *place = *count;
                }
                let occupied = counts
                    .occupied
                    .iter()
                    .take(Counts::MAX)
                    .enumerate()
                    .fold(0, |set, (n, o)| set | u32::from(*o) << n);
                let counts = Counts { controller: counts.controller, at: counts.at, vehicles, occupied };
                self.send(Event::Counts(counts), None);
            }
            PortEvent::Written { controller, fix_ns, wire_ns, .. } => {
                self.board.written(self.protocol(controller), fix_ns.map(|fix| wire_ns.saturating_sub(fix)));
            }
            PortEvent::Confirmed { controller, written: true, fix_ns, confirmed_ns, .. } => {
                self.board
                    .confirmed(self.protocol(controller), fix_ns.map(|fix| confirmed_ns.saturating_sub(fix)));
            }
            // Nothing was done, so nothing was fast or slow.
            PortEvent::Confirmed { written: false, .. } => {}
            PortEvent::Ended(controller, request, state) => {
                self.send(Event::Ended(controller, request, state), None);
                if matches!(state, RequestState::Rejected | RequestState::Cooldown) {
                    self.board.refused();
                }
            }
            PortEvent::Refused(controller, _, why) => {
                self.board.refused();
                self.say(Severity::Warning, format!("{} refused a request: {why}.", self.title(controller)));
            }
        }
    }

    fn protocol(&self, controller: ControllerId) -> Protocol {
        self.protocols.get(controller.index()).copied().unwrap_or(Protocol::Ntcip)
    }
}

fn planner_fix(fix: &VehicleFix) -> clearway_planner::VehicleFix {
    clearway_planner::VehicleFix {
        vehicle: fix.vehicle,
        received: fix.received,
        place: fix.place,
        heading_deg: fix.heading_deg,
        speed_mps: fix.speed_mps,
        degraded: fix.degraded,
        cadence: fix.cadence,
    }
}
