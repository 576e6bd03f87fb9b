//! Incidents: links that an operator, a case of the dispatch centre or a plan closes, and what the
//! engine decided around them.
//!
//! A case with a place is *proposed*: the links around it are named, nothing is closed until an operator
//! confirms it, because where people are is not always on the track. An incident ends by itself when its
//! time is over. Everything is bounded, and an incident of too many links is refused, not cut short.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clearway_feeds::WallMs;
use clearway_feeds::adapter::WallClock;
use clearway_feeds::gtfs_rt::Cause;
use clearway_network::{LinkId, Network, Uses};
use clearway_planner::Event;
use clearway_planner::detour::Decision;
use clearway_runtime::{Clock, Ingress, Runtime, Stamped};
use clearway_signals::{GeoPoint, Millis};

use super::board::Board;
use super::texts::Severity;
use crate::config::Cases;

/// Incidents that are kept: open ones, and the last that ended.
const INCIDENTS_MAX: usize = 128;
/// Links of one incident.
pub const LINKS_MAX: usize = 64;
/// Links this near to a place are closed with it, metres, unless told otherwise…
const RADIUS_M: f32 = 12.0;
/// …and never more than this.
pub const RADIUS_MAX_M: f32 = 300.0;
/// Who is concerned by a closure at all.
const TRAFFIC: Uses = Uses::CAR.union(Uses::BUS).union(Uses::TRAM);

/// Where an incident comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// An operator.
    Operator,
    /// A case of the dispatch centre, by its id.
    Case(String),
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Awaits an operator's word; nothing is closed.
    Proposed,
    /// Its links are closed.
    Active,
    /// Over.
    Ended,
}

/// Whom it stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClosedTo {
    /// Everybody, emergency vehicles included.
    All,
    /// Trams and buses; emergency vehicles still drive there.
    Transit,
}

/// An incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its number.
    pub id: u32,
    /// What people call it.
    pub title: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How far it is.
    pub state: State,
    /// Whom it stops.
    pub closed_to: ClosedTo,
    /// Why, in the words of GTFS Realtime.
    pub cause: Cause,
    /// The links.
    pub links: Vec<LinkId>,
    /// Where it is.
    pub place: Option<GeoPoint>,
    /// Since when, wall clock.
    pub since: WallMs,
    /// Until when, on the engine's clock and the wall's; `None`: until it is ended.
    pub until: Option<(Millis, WallMs)>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What people call it.
    pub title: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Whom it stops.
    pub closed_to: ClosedTo,
    /// Why.
    pub cause: Cause,
    /// Links, by their names in the model.
    pub links: Vec<String>,
    /// A place, and how far around it links are closed, metres.
    pub place: Option<(GeoPoint, Option<f32>)>,
    /// For how long; `None`: until it is ended.
    pub lasts: Option<Millis>,
}

/// Why an incident is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// A link that the model does not have.
    #[error(
        "the model has no link {0:?}; GET /api/network lists streets, `network check` the folder's tables"
    )]
    UnknownLink(String),
    /// Neither a link, nor a place with one near it.
    #[error("no link is named, and none lies at the place; name links, or widen radius_m")]
    NoLink,
    /// Too many links.
    #[error("{0} links are more than one incident may close ({LINKS_MAX}); close them as several")]
    TooManyLinks(usize),
    /// Too many incidents.
    #[error("{INCIDENTS_MAX} incidents are open; end one first")]
    Full,
    /// No such incident, or none in that state.
    #[error("there is no open incident {0}")]
    Unknown(u32),
    /// The engine takes no events.
    #[error("the engine did not take the closure; nothing is closed")]
    EngineBusy,
}

/// The incidents of a running plant.
pub struct Incidents {
    network: Arc<Network>,
    ingress: Ingress,
    board: Arc<Board>,
    clock: Clock,
    wall: WallClock,
    zone: jiff::tz::TimeZone,
    cases: Cases,
    decided: Box<dyn Fn() -> Arc<[Decision]> + Send + Sync>,
    inner: Mutex<Inner>,
}

/// What the incidents stand among.
pub struct Around {
    /// The engine.
    pub runtime: Arc<Runtime>,
    /// Its clock.
    pub clock: Clock,
    /// The wall clock.
    pub wall: WallClock,
    /// The site's zone.
    pub zone: jiff::tz::TimeZone,
    /// What cases do.
    pub cases: Cases,
}

#[derive(Debug, Default)]
struct Inner {
    incidents: BTreeMap<u32, Incident>,
    last: u32,
}

impl Incidents {
    /// No incident yet.
    #[must_use]
    pub fn new(network: Arc<Network>, board: Arc<Board>, around: Around) -> Self {
        let Around { runtime, clock, wall, zone, cases } = around;
        let ingress = runtime.ingress();
        let decided = move || runtime.view().map_or_else(Arc::default, |view| Arc::clone(&view.detours));
        let (decided, inner) = (Box::new(decided), Mutex::default());
        Self { network, ingress, board, clock, wall, zone, cases, decided, inner }
    }

    /// A panic while the list was held leaves an incident unsaid at worst: go on with it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What people call a vehicle.
    #[must_use]
    pub fn label(&self, vehicle: clearway_signals::VehicleId) -> String {
        self.board.label(vehicle)
    }

    /// What the engine decided last.
    #[must_use]
    pub fn decided(&self) -> Arc<[Decision]> {
        (self.decided)()
    }

    /// Now, on the engine's clock and the wall's.
    #[must_use]
    pub fn now(&self) -> (Millis, WallMs) {
        (self.clock.now().0, (self.wall)())
    }

    /// The service day.
    #[must_use]
    pub fn service_date(&self) -> String {
        super::publish::service_date(self.now().1, &self.zone)
    }

    /// Every incident that is kept, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Incident> {
        let now = self.now().0;
        let mut inner = self.inner();
        end_what_is_over(&mut inner, now);
        inner.incidents.values().rev().cloned().collect()
    }

    /// Open an incident: its links are closed at once.
    ///
    /// # Errors
    /// A [`Refusal`]; then nothing is closed.
    pub fn open(&self, asked: &Asked) -> Result<Incident, Refusal> {
        self.add(asked, State::Active)
    }

    /// One incident for one origin: a case that is told again is known.
    fn add_once(&self, asked: &Asked, state: State) -> Result<Incident, Refusal> {
        let origin = |i: &Incident| i.origin == asked.origin && i.state != State::Ended;
        if let Some(known) = self.inner().incidents.values().find(|i| origin(i)) {
            return Ok(known.clone());
        }
        self.add(asked, state)
    }

    fn add(&self, asked: &Asked, state: State) -> Result<Incident, Refusal> {
        let links = self.links_of(asked)?;
        let (now, wall) = self.now();
        let mut inner = self.inner();
        end_what_is_over(&mut inner, now);
        make_room(&mut inner)?;
        inner.last = inner.last.wrapping_add(1).max(1);
        let incident = Incident {
            id: inner.last,
            title: asked.title.clone(),
            origin: asked.origin.clone(),
            state,
            closed_to: asked.closed_to,
            cause: asked.cause,
            links,
            place: asked.place.map(|(place, _)| place),
            since: wall,
            until: asked.lasts.map(|lasts| (now + lasts, WallMs(wall.0.saturating_add(lasts.0)))),
        };
        inner.incidents.insert(incident.id, incident.clone());
        if state == State::Active && !self.tell_engine(&inner, &incident.links, now) {
            inner.incidents.remove(&incident.id);
            return Err(Refusal::EngineBusy);
        }
        drop(inner);
        let (word, what) = match state {
            State::Active => (Severity::Notice, "closed"),
            State::Proposed | State::Ended => (Severity::Warning, "proposed for closure"),
        };
        self.board.say(wall, word, format!("{}: {} links {what}.", incident.title, incident.links.len()));
        Ok(incident)
    }

    /// Close the links of a proposed incident.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] when it is not there or not proposed.
    pub fn confirm(&self, id: u32) -> Result<Incident, Refusal> {
        self.turn(id, State::Proposed, State::Active)
    }

    /// End an incident: links that no other incident closes are open again.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] when it is not there or over.
    pub fn end(&self, id: u32) -> Result<Incident, Refusal> {
        let from = self.inner().incidents.get(&id).map_or(State::Ended, |i| i.state);
        if from == State::Ended {
            return Err(Refusal::Unknown(id));
        }
        let ended = self.turn(id, from, State::Ended)?;
        self.board.say(self.now().1, Severity::Notice, format!("{}: over.", ended.title));
        Ok(ended)
    }

    fn turn(&self, id: u32, from: State, to: State) -> Result<Incident, Refusal> {
        let now = self.now().0;
        let mut inner = self.inner();
        let incident = inner.incidents.get_mut(&id).filter(|i| i.state == from);
        let incident = incident.ok_or(Refusal::Unknown(id))?;
        incident.state = to;
        let changed = incident.clone();
        if !self.tell_engine(&inner, &changed.links, now) {
            if let Some(incident) = inner.incidents.get_mut(&id) {
                incident.state = from;
            }
            return Err(Refusal::EngineBusy);
        }
        Ok(changed)
    }

    /// Tell the engine of each link the latest end of all incidents that close it; a closure to all and
    /// one to transit are told apart.
    fn tell_engine(&self, inner: &Inner, links: &[LinkId], now: Millis) -> bool {
        let until = |link: LinkId, closed_to: ClosedTo| {
            let active = inner.incidents.values().filter(|i| i.state == State::Active);
            let here = active.filter(|i| i.closed_to == closed_to && i.links.contains(&link));
            here.map(|i| i.until.map_or(Millis::NEVER, |(until, _)| until)).max().unwrap_or(Millis::ZERO)
        };
        let send = |event| self.ingress.send(Stamped { event, decoded_ns: None });
        links.iter().all(|link| {
            let (all, transit) = (until(*link, ClosedTo::All), until(*link, ClosedTo::Transit));
            // Last what holds longer: to trams and buses the two are one.
            let told_all = send(Event::Blocked(*link, all));
            told_all && (transit <= now.max(all) || send(Event::TransitBlocked(*link, transit)))
        })
    }

    fn links_of(&self, asked: &Asked) -> Result<Vec<LinkId>, Refusal> {
        let mut links = Vec::new();
        for name in &asked.links {
            let found = self.network.links.iter().position(|link| link.name == *name);
            let found = found.and_then(|i| u32::try_from(i).ok());
            links.push(LinkId(found.ok_or_else(|| Refusal::UnknownLink(name.clone()))?));
        }
        if let Some((place, radius_m)) = asked.place.filter(|_| asked.links.is_empty()) {
            let radius_m = radius_m.unwrap_or(RADIUS_M).clamp(1.0, RADIUS_MAX_M);
            // Every link is looked at: the index of the hot path knows only what lies within its cells.
            let (network, point) = (&self.network, self.network.project(place));
            let near = |link: &LinkId| {
                network.link(*link).uses.allow(TRAFFIC)
                    && network.project_on(*link, point).distance_m <= radius_m
            };
            links.extend(
                (0..network.links.len()).filter_map(|i| u32::try_from(i).ok()).map(LinkId).filter(near),
            );
        }
        links.sort_unstable();
        links.dedup();
        match links.len() {
            0 => Err(Refusal::NoLink),
            n if n > LINKS_MAX => Err(Refusal::TooManyLinks(n)),
            _ => Ok(links),
        }
    }

    /// A case of the dispatch centre that has a place with a link.
    pub fn take_case(&self, case: &clearway_feeds::Incident) {
        let (Some(place), true) = (case.place, self.cases != Cases::Ignore) else { return };
        let asked = Asked {
            title: format!("Case {}: {}", case.case, case.label),
            origin: Origin::Case(case.case.clone()),
            closed_to: ClosedTo::Transit,
            cause: Cause::OtherCause,
            links: Vec::new(),
            place: Some((place, None)),
            lasts: None,
        };
        let state = if self.cases == Cases::Close { State::Active } else { State::Proposed };
        if let Err(refusal) = self.add_once(&asked, state) {
            tracing::debug!(case = case.case, %refusal, "a case closes nothing");
        }
    }
}

/// Incidents whose time is over have ended; the engine knows their end by itself.
fn end_what_is_over(inner: &mut Inner, now: Millis) {
    for incident in inner.incidents.values_mut() {
        if incident.state == State::Active && incident.until.is_some_and(|(until, _)| until <= now) {
            incident.state = State::Ended;
        }
    }
}

/// The oldest that ended makes room; open ones never do.
fn make_room(inner: &mut Inner) -> Result<(), Refusal> {
    if inner.incidents.len() < INCIDENTS_MAX {
        return Ok(());
    }
    let ended = inner.incidents.values().find(|i| i.state == State::Ended).map(|i| i.id);
    let ended = ended.ok_or(Refusal::Full)?;
    inner.incidents.remove(&ended);
    Ok(())
}

#[cfg(test)]
mod tests;
