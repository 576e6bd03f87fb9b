//! Closures in the running engine: decisions made line by line at the ticks, vehicles put on their ways
//! around, and back on their lines when the closure ends.
//!
//! A fix never waits for a decision: a tick works out one line at most, and when all are done the choice
//! is made for all together. A way around is a [`LinePlan`] like a line's own, so that position, stops
//! and signals on it are followed, and priority asked, by the same code.

use std::sync::Arc;

use clearway_network::{LineId, LinkId, Network};
use clearway_signals::{Millis, VehicleId};

use super::assign::assign;
use super::options::{Action, Diversion, Trip, options};
use super::riders::Riders;
use super::search::Ground;
use crate::along::SignalOnWay;
use crate::engine::Engine;
use crate::event::TransitUpdate;
use crate::output::{Notice, Output, Reason};
use crate::transit::{LinePlan, Transit};

/// Links that may be closed at once for transit; what comes beyond is known to the router alone.
pub const CLOSED_MAX: usize = 512;
/// Ways around that are followed at once.
const WAYS_MAX: usize = 256;
/// Vehicles are looked after this often while anybody is diverted.
const LOOK_EVERY: Millis = Millis(1_000);

/// What the trips of a line, or one vehicle that cannot do as its line does, do around a closure.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The one vehicle; `None`: every trip of the line.
    pub vehicle: Option<VehicleId>,
    /// What is done.
    pub diversion: Diversion,
    /// The closed links of the line that lie ahead.
    pub closed: Vec<LinkId>,
    /// Where its way stands among the engine's ways.
    way: Option<usize>,
}

/// Everything that the engine knows of closures for transit.
#[derive(Debug, Default)]
pub(crate) struct Detours {
    /// Closed links and the ends of their closures, by link.
    closed: Vec<(LinkId, Millis)>,
    /// The line that is worked out next; `None`: all is decided.
    next_line: Option<usize>,
    options: Vec<Vec<Diversion>>,
    decided: Arc<[Decision]>,
    /// Ways beyond the lines' own: whether each is taken.
    taken: Vec<bool>,
    looked_at: Millis,
}

impl Detours {
    /// A link is closed until then, or open.
    pub(crate) fn note(&mut self, link: LinkId, until: Millis, now: Millis) {
        let found = self.closed.binary_search_by_key(&link, |(closed, _)| *closed);
        match found {
            Ok(place) if until <= now => {
                self.closed.remove(place);
            }
            Ok(place) => self.closed[place].1 = until,
            Err(place) if until > now && self.closed.len() < CLOSED_MAX => {
                self.closed.insert(place, (link, until));
            }
            Err(_) => return,
        }
        self.start_over();
    }

    fn start_over(&mut self) {
        self.next_line = Some(0);
        self.options.clear();
    }

    fn expire(&mut self, now: Millis) {
        let before = self.closed.len();
        self.closed.retain(|(_, until)| *until > now);
        if self.closed.len() != before {
            self.start_over();
        }
    }

    /// What was decided last.
    pub(crate) fn decided(&self) -> Arc<[Decision]> {
        Arc::clone(&self.decided)
    }

    fn links(&self) -> Vec<LinkId> {
        self.closed.iter().map(|(link, _)| *link).collect()
    }

    /// When the last closure on these links ends.
    fn until(&self, links: &[LinkId]) -> Millis {
        let ends = self.closed.iter().filter(|(link, _)| links.contains(link)).map(|(_, until)| *until);
        ends.max().unwrap_or(Millis::ZERO)
    }
}

/// A vehicle that cannot do as its line does: where it is on which line.
struct Stray {
    id: VehicleId,
    line: LineId,
    link: usize,
    load_pct: Option<u8>,
}

/// The line of the other direction.
fn back_of(network: &Network, line: LineId) -> Option<LineId> {
    let own = network.lines.get(line.index())?;
    let back = network.lines.iter().position(|other| {
        other.designation == own.designation && other.direction != own.direction && other.mode == own.mode
    })?;
    u16::try_from(back).ok().map(LineId)
}

impl Engine {
    /// Work at the closures: one line a tick, then the choice for all; vehicles once a second.
    pub(crate) fn tick_detours(&mut self, now: Millis, out: &mut Output) {
        if self.detours.closed.is_empty() && self.detours.next_line.is_none() && self.detours.taken.is_empty()
        {
            return;
        }
        self.detours.expire(now);
        if let Some(line) = self.detours.next_line {
            self.work_out(line, now, out);
        } else if now.since(self.detours.looked_at) >= LOOK_EVERY {
            self.detours.looked_at = now;
            self.look_after_vehicles(now, out);
        }
    }

    /// The options of the next line that is concerned, or the choice when there is none left.
    fn work_out(&mut self, from: usize, now: Millis, out: &mut Output) {
        let network = Arc::clone(&self.network);
        let closed = self.detours.links();
        let concerned = |line: &usize| network.lines[*line].links.iter().any(|l| closed.contains(l));
        let Some(line) = (from..network.lines.len()).find(concerned) else {
            self.detours.next_line = None;
            self.decide_detours(&network, now, out);
            return;
        };
        self.detours.next_line = Some(line + 1);
        let Ok(id) = u16::try_from(line).map(LineId) else { return };
        let riders = Riders::of(network.lines[line].mode, None);
        let found = self.options_of(&network, &closed, id, None, riders, now);
        if !found.is_empty() {
            self.detours.options.push(found);
        }
    }

    /// The options of a line's trips, or of a vehicle that is on link `at` of the line.
    fn options_of(
        &self,
        network: &Network,
        closed: &[LinkId],
        line: LineId,
        at: Option<usize>,
        riders: Riders,
        now: Millis,
    ) -> Vec<Diversion> {
        let links = &network.lines[line.index()].links[at.unwrap_or(0)..];
        options(&Trip {
            line,
            back: back_of(network, line),
            at,
            riders,
            until: self.detours.until(links),
            now,
            ground: Ground { network, mode: network.lines[line.index()].mode, closed },
        })
    }

    /// Choose for all lines together; tell what is new; put the vehicles on their ways.
    fn decide_detours(&mut self, network: &Network, now: Millis, out: &mut Output) {
        let mut options = std::mem::take(&mut self.detours.options);
        let choices = assign(network, &options).choices;
        let closed = self.detours.links();
        let old = self.detours.decided();
        let mut decided = Vec::with_capacity(options.len());
        for (found, choice) in options.iter_mut().zip(choices) {
            let diversion = found.swap_remove(choice);
            let before = old.iter().find(|d| d.vehicle.is_none() && d.diversion.line == diversion.line);
            let same =
                before.filter(|d| d.diversion.way == diversion.way && d.diversion.action == diversion.action);
            let way = same.map_or_else(|| self.new_way(network, &diversion), |same| same.way);
            if same.is_none() {
                out.notice(told(None, &diversion));
            }
            let line = &network.lines[diversion.line.index()].links;
            let closed = line.iter().copied().filter(|link| closed.contains(link)).collect();
            decided.push(Decision { vehicle: None, diversion, closed, way });
        }
        for over in old.iter().filter(|d| d.vehicle.is_none()) {
            if decided.iter().all(|d: &Decision| d.diversion.line != over.diversion.line) {
                out.notice(Notice::LineRestored(over.diversion.line));
            }
        }
        self.detours.decided = decided.into();
        self.look_after_vehicles(now, out);
    }

    /// A place for a way around among the engine's ways; `None` for a wait, or when there is no room.
    fn new_way(&mut self, network: &Network, diversion: &Diversion) -> Option<usize> {
        if diversion.action == Action::Hold {
            return None;
        }
        let plan = LinePlan::of_way(network, &diversion.way, &diversion.calls);
        let base = network.lines.len();
        let free = self.detours.taken.iter().position(|taken| !taken);
        match free {
            Some(slot) => {
                self.detours.taken[slot] = true;
                self.lines[base + slot] = plan;
                Some(base + slot)
            }
            None if self.detours.taken.len() < WAYS_MAX => {
                self.detours.taken.push(true);
                self.lines.push(plan);
                Some(self.lines.len() - 1)
            }
            None => None,
        }
    }

    /// Every vehicle onto the way that is right for it, and ways that nobody follows given back.
    fn look_after_vehicles(&mut self, now: Millis, out: &mut Output) {
        let network = Arc::clone(&self.network);
        for v in 0..self.transits.len() {
            if let (Some(transit), Ok(id)) = (self.transits[v], u32::try_from(v)) {
                self.look_after(&network, VehicleId(id), &transit, now, out);
            }
        }
        let base = network.lines.len();
        let decided = self.detours.decided();
        let followed = |way: usize, transits: &[Option<Transit>]| {
            decided.iter().any(|d| d.vehicle.is_none() && d.way == Some(way))
                || transits.iter().flatten().any(|t| t.plan == way)
        };
        let gone: Vec<usize> = (0..self.detours.taken.len())
            .filter(|slot| self.detours.taken[*slot] && !followed(base + slot, &self.transits))
            .collect();
        for slot in gone {
            self.detours.taken[slot] = false;
            self.lines[base + slot] = LinePlan::default();
        }
        self.drop_decisions_of_the_gone();
        if self.detours.closed.is_empty() && self.detours.taken.iter().all(|taken| !taken) {
            self.lines.truncate(base);
            self.detours.taken.clear();
        }
    }

    /// One vehicle: back from a way that is no longer decided, onto the one that is.
    fn look_after(
        &mut self,
        network: &Network,
        id: VehicleId,
        transit: &Transit,
        now: Millis,
        out: &mut Output,
    ) {
        let decided = self.detours.decided();
        let followed = decided.iter().find(|d| d.way == Some(transit.plan));
        if followed.is_some() {
            return;
        }
        let Some((line, at_mm)) = self.place_on_line(network, transit) else { return };
        let link = self.lines[line.index()].link_at(at_mm);
        let for_line = decided.iter().find(|d| d.vehicle.is_none() && d.diversion.line == line);
        let way = match for_line {
            Some(d) if link <= d.diversion.leave => d.way,
            Some(_) if decided.iter().all(|d| d.vehicle != Some(id)) => {
                let stray = Stray { id, line, link, load_pct: transit.load_pct };
                self.divert_alone(network, &stray, now, out)
            }
            _ => None,
        };
        let plan = way.unwrap_or(line.index());
        if plan != transit.plan {
            self.put_on(id, plan, at_mm, now, out);
        }
    }

    /// Where a vehicle is on a line's own links: on its line, or on the part of a way around that is one
    /// with a line. `None` between, where it stays on the way around.
    fn place_on_line(&self, network: &Network, transit: &Transit) -> Option<(LineId, i64)> {
        let at_mm = transit.track.at_mm;
        if let Some(line) = network.lines.get(transit.plan) {
            let own = LineId(u16::try_from(transit.plan).ok()?);
            return (!line.links.is_empty()).then_some((own, at_mm));
        }
        let plan = &self.lines[transit.plan];
        let here = plan.link_at(at_mm);
        let own = &network.lines[transit.line.index()].links;
        if own.get(..=here).is_some_and(|links| plan.links.get(..=here) == Some(links)) {
            return Some((transit.line, at_mm));
        }
        let back = back_of(network, transit.line);
        [Some(transit.line), back].into_iter().flatten().find_map(|line| {
            let links = &network.lines[line.index()].links;
            let rest = plan.links.get(here..)?;
            let shift = links.len().checked_sub(rest.len())?;
            let from_end = plan.ends_mm.last()? - at_mm;
            (links[shift..] == *rest)
                .then(|| (line, self.lines[line.index()].ends_mm.last().map_or(0, |l| l - from_end)))
        })
    }

    /// A vehicle that is past the place where its line leaves: the best from where it is.
    fn divert_alone(
        &mut self,
        network: &Network,
        stray: &Stray,
        now: Millis,
        out: &mut Output,
    ) -> Option<usize> {
        let Stray { id, line, link, load_pct } = *stray;
        let closed = self.detours.links();
        let riders = Riders::of(network.lines[line.index()].mode, load_pct);
        let best = self.options_of(network, &closed, line, Some(link), riders, now).into_iter().next()?;
        let way = self.new_way(network, &best);
        out.notice(told(Some(id), &best));
        let ahead = network.lines[line.index()].links[link..].iter().copied();
        let closed = ahead.filter(|link| closed.contains(link)).collect();
        let decision = Decision { vehicle: Some(id), diversion: best, closed, way };
        self.detours.decided = self.detours.decided.iter().cloned().chain([decision]).collect();
        way
    }

    /// A decision for one vehicle ends when the vehicle is gone, or around the closure.
    fn drop_decisions_of_the_gone(&mut self) {
        let transits = &self.transits;
        let lines = &self.lines;
        let runs = |d: &Decision| {
            let Some(vehicle) = d.vehicle else { return true };
            let transit = transits.get(vehicle.index()).copied().flatten();
            transit.is_some_and(|t| {
                let beyond = d.diversion.leave + d.diversion.via.len();
                d.way != Some(t.plan) || lines[t.plan].link_at(t.track.at_mm) <= beyond
            })
        };
        if !self.detours.decided.iter().all(runs) {
            self.detours.decided = self.detours.decided.iter().filter(|d| runs(d)).cloned().collect();
        }
    }

    /// Let a vehicle follow another way; a request that the new way does not make is released first.
    fn put_on(&mut self, id: VehicleId, plan: usize, at_mm: i64, now: Millis, out: &mut Output) {
        let Some(mut transit) = self.transits[id.index()] else { return };
        if let Some(request) = &mut transit.request {
            let asked = self.lines[transit.plan].signals.get(request.signal).copied();
            let same = |s: &SignalOnWay| {
                asked.is_some_and(|a| (a.controller, a.row, a.wanted) == (s.controller, s.row, s.wanted))
            };
            if let Some(signal) = self.lines[plan].signals.iter().position(same) {
                request.signal = signal;
            } else {
                self.release_transit(id, Reason::LeftRoute, now, out);
                match self.transits[id.index()] {
                    Some(released) if released.request.is_none() => transit = released,
                    // No room for the release: looked after again soon.
                    _ => return,
                }
            }
        }
        transit.change_way(plan, at_mm);
        self.transits[id.index()] = Some(transit);
    }

    /// A vehicle that reports from its line for the first time: on the way around if there is one, else
    /// on the line itself.
    pub(crate) fn appear(&self, update: &TransitUpdate) -> Option<Transit> {
        let decided = self.detours.decided.iter();
        let of_line = decided.filter(|d| d.diversion.line == update.line && d.vehicle.is_none());
        let mut ways = of_line.filter_map(|d| d.way).chain([update.line.index()]);
        ways.find_map(|way| {
            let found = Transit::appear(&self.network, self.lines.get(way)?, update)?;
            Some(Transit { plan: way, ..found })
        })
    }
}

fn told(vehicle: Option<VehicleId>, diversion: &Diversion) -> Notice {
    Notice::Diverted {
        line: diversion.line,
        vehicle,
        action: diversion.action,
        extra: diversion.extra,
        skipped: u16::try_from(diversion.skipped.len()).unwrap_or(u16::MAX),
    }
}

#[cfg(test)]
mod tests;
