//! Priority requests (M0022) and their states (S0033), carried out by the emulator.
//!
//! An emergency vehicle gets the preempt row that turns its group green; every other vehicle gets
//! priority within the plan for its groups. Requests for the same target share it; others queue by
//! urgency: emergency first, then level, then arrival. A request that is neither updated nor cancelled
//! becomes stale, or times out where it was not served yet. A supervisor that is away keeps nothing on.

use clearway_rsmp::time::timestamp;
use clearway_signals::{GroupSet, Millis, Mode, PreemptState, RequestState, RequestStep, RowId};
use serde_json::{Map, Value, json};

use crate::emulator::{Emulator, GroupPriority, TICK};

/// Requests that are held at once.
pub const REQUESTS_MAX: usize = 64;
/// Longest text of a request id.
pub const ID_MAX: usize = 128;
/// A queued request that is not served in this time is over.
pub const QUEUED_MAX: Millis = Millis::from_s(60);
/// An end state that no subscriber took is forgotten after this time.
const SHOWN_MAX: Millis = Millis::from_s(60);
/// Seconds that the list can say were given.
const GIVEN_MAX_S: i64 = 255;

/// How long requests live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// A request is over this long after its arrival or its last update, whichever is later, and when
    /// its supervisor is away for this long.
    pub stale_after: Millis,
    /// After a request was served none for the same target is for this long; zero: no cooldown.
    pub cooldown: Millis,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { stale_after: Millis::from_s(10), cooldown: Millis::ZERO }
    }
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A preempt row, for emergency vehicles.
    Row(RowId),
    /// Priority within the plan for these groups.
    Groups(GroupSet),
}

/// A new request.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub id: String,
    /// Which supervisor asks.
    pub link: usize,
    pub target: Option<Target>,
    pub vehicle: Option<String>,
    pub level: u8,
    pub eta: Option<Millis>,
}

/// A change of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Update<'a> {
    pub level: Option<u8>,
    pub eta: Option<Millis>,
    pub vehicle: Option<&'a str>,
}

#[derive(Clone, Debug)]
struct Request {
    id: String,
    /// The supervisor that asked last.
    link: usize,
    /// Since when that supervisor is away.
    alone_since: Option<Millis>,
    /// `None`: nothing here serves it.
    target: Option<Target>,
    vehicle: Option<String>,
    level: u8,
    arrival: Millis,
    touched: Millis,
    state: RequestState,
    since: Millis,
    since_wall_ms: i64,
    /// Green beyond the plan while it was active: extended, and started early.
    extended: Millis,
    early: Millis,
    was_green: bool,
    /// Links that were sent the end state.
    told: u32,
}

impl Request {
    fn go(&mut self, step: RequestStep, now: Millis, wall_ms: i64) {
        if let Some(next) = self.state.next(step) {
            self.state = next;
            self.since = now;
            self.since_wall_ms = wall_ms;
        }
    }

    fn is_open(&self) -> bool {
        !self.state.is_final()
    }

    /// Whether nobody updated it for too long.
    fn is_stale(&self, lifetimes: Lifetimes, now: Millis) -> bool {
        now >= self.arrival.max(self.touched) + lifetimes.stale_after
    }

    /// Sorts the most urgent first.
    fn urgency(&self) -> (bool, u8, i64) {
        let emergency = matches!(self.target, Some(Target::Row(_)));
        (!emergency, u8::MAX - self.level, self.arrival.0)
    }
}

/// All requests of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    lifetimes: Lifetimes,
    list: Vec<Request>,
    /// When requests for a target were served last; bounded by the targets.
    served: Vec<(Target, Millis)>,
}

impl Requests {
    pub fn new(lifetimes: Lifetimes) -> Self {
        Self { lifetimes, list: Vec::new(), served: Vec::new() }
    }

    /// Take a new request. What nothing serves is taken too, and rejected by its state.
    pub fn add(&mut self, new: New, now: Millis, wall_ms: i64) -> Result<(), String> {
        if new.id.is_empty() || new.id.len() > ID_MAX {
            return Err(format!("a request id has 1 to {ID_MAX} characters"));
        }
        if self.list.iter().any(|request| request.id == new.id) {
            return Err(format!("request {} is known already", new.id));
        }
        if self.list.len() >= REQUESTS_MAX {
            return Err(format!("more than {REQUESTS_MAX} requests"));
        }
        self.list.push(Request {
            id: new.id,
            link: new.link,
            alone_since: None,
            target: new.target,
            vehicle: new.vehicle,
            level: new.level,
            arrival: now + new.eta.unwrap_or(Millis::ZERO),
            touched: now,
            state: RequestState::Received,
            since: now,
            since_wall_ms: wall_ms,
            extended: Millis::ZERO,
            early: Millis::ZERO,
            was_green: false,
            told: 0,
        });
        Ok(())
    }

    fn open(&mut self, id: &str) -> Result<&mut Request, String> {
        let found = self.list.iter_mut().find(|request| request.id == id && request.is_open());
        found.ok_or_else(|| format!("there is no open request {id}"))
    }

    pub fn update(&mut self, id: &str, link: usize, update: &Update<'_>, now: Millis) -> Result<(), String> {
        let request = self.open(id)?;
        if update.vehicle.is_some_and(|vehicle| request.vehicle.as_deref() != Some(vehicle)) {
            return Err("the vehicle type cannot be changed".into());
        }
        request.link = link;
        request.level = update.level.unwrap_or(request.level);
        request.arrival = update.eta.map_or(request.arrival, |eta| now + eta);
        request.touched = now;
        Ok(())
    }

    /// Which supervisors are connected, a bit each: requests of the others are alone.
    pub fn note_links(&mut self, up: u32, now: Millis) {
        for request in &mut self.list {
            let is_up =
                u32::try_from(request.link).is_ok_and(|link| up.checked_shr(link).unwrap_or(0) & 1 == 1);
            request.alone_since = if is_up { None } else { request.alone_since.or(Some(now)) };
        }
    }

    /// Whether nobody can take a request back any more: its supervisor is away for too long.
    fn is_abandoned(&self, request: &Request, now: Millis) -> bool {
        request.alone_since.is_some_and(|since| now - since >= self.lifetimes.stale_after)
    }

    pub fn cancel(&mut self, id: &str, now: Millis, wall_ms: i64) -> Result<(), String> {
        let request = self.open(id)?;
        let step = match request.state {
            RequestState::Activated => RequestStep::Complete,
            RequestState::Queued => RequestStep::Expire,
            _ => RequestStep::Reject,
        };
        request.go(step, now, wall_ms);
        let served = (request.state == RequestState::Completed).then_some(request.target).flatten();
        if let Some(target) = served {
            self.served.retain(|(known, _)| *known != target);
            self.served.push((target, now));
        }
        Ok(())
    }

    /// Rows that requests hold called.
    pub fn rows(&self) -> impl Iterator<Item = RowId> {
        self.list
            .iter()
            .filter(|request| request.is_open() && request.state != RequestState::Received)
            .filter_map(|request| match request.target {
                Some(Target::Row(row)) => Some(row),
                _ => None,
            })
    }

    /// What the plan is bent for: the active requests for groups, at their earliest arrival.
    pub fn wish(&self) -> Option<GroupPriority> {
        let active = self.list.iter().filter(|request| request.state == RequestState::Activated);
        active.fold(None, |wish: Option<GroupPriority>, request| match request.target {
            Some(Target::Groups(groups)) => {
                let eta = wish.map_or(request.arrival, |wish| wish.eta.min(request.arrival));
                Some(GroupPriority { groups, eta })
            }
            _ => wish,
        })
    }

    /// One step of every request; once a tick.
    pub fn tick(&mut self, emulator: &Emulator, fixed_time: bool, now: Millis, wall_ms: i64) {
        self.served.retain(|(_, at)| now - *at < self.lifetimes.cooldown);
        let runs =
            matches!(emulator.mode(), Mode::Normal | Mode::Backup) && emulator.startup_interval().is_none();
        let mut order: Vec<usize> =
            (0..self.list.len()).filter(|place| self.list[*place].is_open()).collect();
        order.sort_by_key(|place| self.list[*place].urgency());
        for place in order {
            let served = runs && !self.is_abandoned(&self.list[place], now);
            let Some(target) = self.list[place].target.filter(|_| served) else {
                self.refuse(place, now, wall_ms);
                continue;
            };
            let step = match self.list[place].state {
                RequestState::Activated => self.step_active(place, target, emulator, now),
                _ => self.step_waiting(place, target, emulator, fixed_time, now),
            };
            if let Some(step) = step {
                let request = &mut self.list[place];
                request.go(step, now, wall_ms);
                request.was_green = shows_green(emulator, target);
            }
        }
    }

    /// Nothing serves it, the controller does not run its program, or who asked is gone.
    fn refuse(&mut self, place: usize, now: Millis, wall_ms: i64) {
        let step = match self.list[place].state {
            RequestState::Activated => RequestStep::Lose,
            RequestState::Queued => RequestStep::Expire,
            _ => RequestStep::Reject,
        };
        self.list[place].go(step, now, wall_ms);
    }

    fn step_active(
        &mut self,
        place: usize,
        target: Target,
        emulator: &Emulator,
        now: Millis,
    ) -> Option<RequestStep> {
        let request = &mut self.list[place];
        if is_beyond_plan(emulator, target) {
            let given = if request.was_green { &mut request.extended } else { &mut request.early };
            *given += TICK;
        } else if shows_green(emulator, target) {
            // From the start of the planned window on, more green is an extension.
            request.was_green = true;
        }
        let spent =
            matches!(target, Target::Row(row) if emulator.preempt_state(row) == PreemptState::MaxPresence);
        (spent || request.is_stale(self.lifetimes, now)).then_some(RequestStep::Lose)
    }

    fn step_waiting(
        &self,
        place: usize,
        target: Target,
        emulator: &Emulator,
        fixed_time: bool,
        now: Millis,
    ) -> Option<RequestStep> {
        let request = &self.list[place];
        let received = request.state == RequestState::Received;
        let shared = self.list.iter().any(|r| r.state == RequestState::Activated && r.target == Some(target));
        let cooling = self.served.iter().any(|(served, _)| *served == target);
        if received && cooling && !shared {
            return Some(RequestStep::Cool);
        }
        let served = match target {
            Target::Row(row) => {
                let state = emulator.preempt_state(row);
                matches!(state, PreemptState::EntryStarted | PreemptState::Dwell)
            }
            Target::Groups(_) => {
                let other = |r: &Request| {
                    r.state == RequestState::Activated
                        && matches!(r.target, Some(Target::Groups(_)))
                        && r.target != Some(target)
                };
                !fixed_time && emulator.serving().is_none() && !self.list.iter().any(other)
            }
        };
        match (served, received) {
            (true, _) => Some(RequestStep::Activate),
            (false, true) => Some(RequestStep::Queue),
            (false, false) => {
                let over = now - request.since >= QUEUED_MAX || request.is_stale(self.lifetimes, now);
                over.then_some(RequestStep::Expire)
            }
        }
    }

    /// Forget every request: the controller restarts.
    pub fn clear(&mut self) {
        self.list.clear();
        self.served.clear();
    }

    // ---- the list as it is sent ----

    pub fn value(&self) -> Value {
        let entry = |request: &Request| {
            let mut entry = Map::new();
            entry.insert("r".into(), request.id.clone().into());
            entry.insert("t".into(), timestamp(request.since_wall_ms).into());
            entry.insert("s".into(), request.state.word().into());
            if request.state == RequestState::Completed {
                entry.insert("e".into(), seconds(request.extended).into());
                entry.insert("d".into(), seconds(request.early).into());
            }
            Value::Object(entry)
        };
        json!(self.list.iter().map(entry).collect::<Vec<_>>())
    }

    /// The list was sent on a link: end states were seen there.
    pub fn told(&mut self, link: usize) {
        let bit = 1u32.checked_shl(u32::try_from(link).unwrap_or(u32::MAX)).unwrap_or(0);
        self.list.iter_mut().filter(|request| !request.is_open()).for_each(|request| request.told |= bit);
    }

    /// Forget end states that every subscribed link has seen.
    pub fn prune(&mut self, subscribed: u32, now: Millis) {
        self.list.retain(|request| {
            let seen = request.told != 0 && request.told & subscribed == subscribed;
            request.is_open() || !(seen || now - request.since >= SHOWN_MAX)
        });
    }
}

fn seconds(given: Millis) -> String {
    (given.0 / 1000).clamp(0, GIVEN_MAX_S).to_string()
}

fn groups_of(emulator: &Emulator, target: Target) -> GroupSet {
    match target {
        Target::Groups(groups) => groups,
        Target::Row(row) => emulator.rows().get(row.index()).map_or(GroupSet::EMPTY, |row| row.dwell),
    }
}

fn shows_green(emulator: &Emulator, target: Target) -> bool {
    groups_of(emulator, target).iter().any(|group| emulator.is_green(group))
}

fn is_beyond_plan(emulator: &Emulator, target: Target) -> bool {
    groups_of(emulator, target).iter().any(|group| emulator.is_green(group) && !emulator.plans_green(group))
}
