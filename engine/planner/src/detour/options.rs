//! What a trip can do when links ahead of it are closed: every detour between a link before and a link
//! after the closure, every short turn, and waiting; each with what it costs the passengers.
//!
//! Exact: the quickest way from *every* link before the closure to *every* link after it is known (one
//! search for each), and all of them are judged. Of several closures on one line the trip goes around
//! all at once.

use clearway_network::{Line, LineId, LinkId, Network, StopCall, StopId, Turnback, TurnbackKind};
use clearway_signals::Millis;

use super::riders::{Riders, walk};
use super::search::{Ground, Reach, time_along};

/// What a stop costs in time: braking, doors, starting.
const CALL: Millis = Millis(30_000);
/// Changing ends, or standing in the loop.
const TURN_ROUND: Millis = Millis::from_s(120);
/// A closure without an end is judged as one of half an hour.
const OPEN_ENDED: Millis = Millis::from_s(1_800);
/// Alternatives of one line that the assignment chooses from.
const DETOURS_MAX: usize = 3;
const SHORT_TURNS_MAX: usize = 2;

/// What the trip does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Action {
    /// It goes around and comes back to its line.
    Detour,
    /// It ends before the closure and goes back as a trip of the other direction.
    ShortTurn,
    /// It waits before the closure.
    Hold,
}

/// One way to deal with a closure, for the trips of one line or for one vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct Diversion {
    /// The line.
    pub line: LineId,
    /// What its trips do.
    pub action: Action,
    /// Index of the last own link that is driven as usual.
    pub leave: usize,
    /// The line that is joined again, or gone back on, and the index of its first link; `None`: a hold.
    pub join: Option<(LineId, usize)>,
    /// The links between.
    pub via: Vec<LinkId>,
    /// The whole way; for a hold as far as it goes.
    pub way: Vec<LinkId>,
    /// The calls on the way.
    pub calls: Vec<StopCall>,
    /// Own calls that are left out.
    pub skipped: Vec<StopId>,
    /// Stops on the way around that are served instead.
    pub replacements: Vec<StopId>,
    /// The turnback that is used: its index in the network.
    pub turnback: Option<usize>,
    /// How much longer a passenger rides: a detour's extra time, a hold's wait.
    pub extra: Millis,
    /// Passenger-seconds lost by one trip.
    pub delay_pax_s: i64,
    /// When the last closure ahead ends.
    pub until: Millis,
}

/// The trip that is to be helped.
#[derive(Clone, Copy)]
pub struct Trip<'a> {
    /// Its line.
    pub line: LineId,
    /// The line of the other direction, if there is one.
    pub back: Option<LineId>,
    /// Index of the link that a vehicle is on; `None`: a trip of the line like all its trips.
    pub at: Option<usize>,
    /// Its passengers.
    pub riders: Riders,
    /// When the last closure ahead ends.
    pub until: Millis,
    /// Now.
    pub now: Millis,
    /// Where it drives.
    pub ground: Ground<'a>,
}

impl Trip<'_> {
    fn line(&self) -> &Line {
        &self.ground.network.lines[self.line.index()]
    }

    /// Index of the first link that it has yet to leave.
    fn from(&self) -> usize {
        self.at.unwrap_or(0)
    }

    /// First and last closed link ahead, as indices.
    fn closure(&self) -> Option<(usize, usize)> {
        let closed = |(_, link): &(usize, &LinkId)| self.ground.is_closed(**link);
        let mut ahead = self.line().links.iter().enumerate().skip(self.from()).filter(closed).map(|(i, _)| i);
        let first = ahead.next()?;
        Some((first, ahead.next_back().unwrap_or(first)))
    }

    /// The passengers' wait until the closure ends: all of it for a vehicle on its way, half of it on
    /// average for the trips of a line.
    fn wait(&self) -> Millis {
        let left = if self.until == Millis::NEVER { OPEN_ENDED } else { self.until.since(self.now) };
        if self.at.is_none() { Millis(left.0 / 2) } else { left }
    }
}

/// Every sensible way to deal with the closure ahead, the best first; empty when nothing is closed.
#[must_use]
pub fn options(trip: &Trip<'_>) -> Vec<Diversion> {
    let Some((first, last)) = trip.closure() else { return Vec::new() };
    let (mut detours, mut turns) = (Vec::new(), Vec::new());
    let rounds = rounds(trip);
    for leave in trip.from()..first {
        let reach = Reach::from(&trip.ground, trip.line().links[leave]);
        for join in last + 1..trip.line().links.len() {
            detours.extend(detour(trip, &reach, leave, join));
        }
        turns.extend(rounds.iter().filter_map(|round| short_turn(trip, &reach, leave, last, round)));
    }
    let mut found = best(detours, DETOURS_MAX);
    found.extend(best(turns, SHORT_TURNS_MAX));
    found.push(hold(trip, first));
    found.sort_by_key(|d| (d.delay_pax_s, d.action));
    found
}

/// The cheapest few that differ in their ways; of equals the one that leaves its line last.
fn best(mut all: Vec<Diversion>, room: usize) -> Vec<Diversion> {
    all.sort_by_key(|d| (d.delay_pax_s, std::cmp::Reverse(d.leave), d.join));
    let mut kept: Vec<Diversion> = Vec::with_capacity(room);
    for diversion in all {
        if kept.len() < room && kept.iter().all(|k| k.way != diversion.way) {
            kept.push(diversion);
        }
    }
    kept
}

/// Around the closure from link `leave` of the line to its link `join`.
fn detour(trip: &Trip<'_>, reach: &Reach, leave: usize, join: usize) -> Option<Diversion> {
    let (network, line) = (trip.ground.network, trip.line());
    let time = reach.time_to(line.links[join])?;
    let mut via = reach.way_to(line.links[join]);
    via.pop();
    let calls = calls_on(network, line, leave, &via, line, join);
    let skipped = left_out(line, trip.from(), &calls);
    let replacements = replacements(line, &calls);
    let usual = time_along(network, trip.ground.mode, &line.links[leave..=join]);
    let more = i64::try_from(replacements.len()).ok()? - i64::try_from(skipped.len()).ok()?;
    let extra = (time - usual + Millis(CALL.0 * more)).max(Millis::ZERO);
    let walks = skipped.iter().map(|stop| walk(network, *stop, calls.iter().map(|c| c.stop)));
    let delay_pax_s = trip.riders.detour(extra, walks);
    Some(Diversion {
        line: trip.line,
        action: Action::Detour,
        leave,
        join: Some((trip.line, join)),
        way: way_of(line, leave, &via, line, join),
        via,
        calls,
        skipped,
        replacements,
        turnback: None,
        extra,
        delay_pax_s,
        until: trip.until,
    })
}

/// A turnback that leads onto the other direction.
struct Round<'a> {
    /// Its index in the network.
    turnback: usize,
    /// The link at whose end the trip ends.
    from: LinkId,
    /// The loop, without its last link, which is the other direction's.
    via: Vec<LinkId>,
    back: LineId,
    back_line: &'a Line,
    /// Index of its first link on the other direction.
    join: usize,
}

/// The turnbacks from which the trip could go back on open links.
fn rounds<'a>(trip: &Trip<'a>) -> Vec<Round<'a>> {
    let network = trip.ground.network;
    let Some((back, back_line)) = trip.back.and_then(|b| network.lines.get(b.index()).map(|line| (b, line)))
    else {
        return Vec::new();
    };
    let round = |(turnback, t): (usize, &Turnback)| {
        let join = back_line.links.iter().position(|link| *link == t.to)?;
        let open = !back_line.links[join..].iter().any(|link| trip.ground.is_closed(*link));
        let mut via = Vec::new();
        // Where the two links meet, the turn needs no track between them.
        if t.kind == TurnbackKind::Loop && network.link(t.from).to != network.link(t.to).from {
            let reach = Reach::from(&trip.ground, t.from);
            reach.time_to(t.to)?;
            via = reach.way_to(t.to);
            via.pop();
        }
        open.then_some(Round { turnback, from: t.from, via, back, back_line, join })
    };
    network.turnbacks.iter().enumerate().filter_map(round).collect()
}

/// Over one turnback, from the end of link `leave` of the line.
fn short_turn(
    trip: &Trip<'_>,
    reach: &Reach,
    leave: usize,
    last: usize,
    round: &Round<'_>,
) -> Option<Diversion> {
    let (network, line) = (trip.ground.network, trip.line());
    let Round { back_line, join, .. } = *round;
    reach.time_to(round.from)?;
    let mut via = reach.way_to(round.from);
    via.extend(&round.via);
    let calls = calls_on(network, line, leave, &via, back_line, join);
    let beyond = served_beyond(network, line, last);
    let skipped: Vec<StopId> =
        left_out(line, trip.from(), &calls).into_iter().filter(|stop| !beyond.contains(stop)).collect();
    let served = || calls.iter().map(|c| c.stop).chain(beyond.iter().copied());
    let before = line.calls.iter().rev().find(|c| c.link_index as usize <= leave);
    let gap = match (before, beyond.first()) {
        (Some(call), Some(_)) => walk(network, call.stop, beyond.iter().take(1).copied()),
        _ => walk(network, StopId(u32::MAX), std::iter::empty()),
    };
    let headway = Millis::from_s(i64::from(line.headway_s));
    let walks = skipped.iter().map(|stop| walk(network, *stop, served()));
    let delay_pax_s = trip.riders.short_turn(gap, headway, walks);
    Some(Diversion {
        line: trip.line,
        action: Action::ShortTurn,
        leave,
        join: Some((round.back, join)),
        way: way_of(line, leave, &via, back_line, join),
        via,
        calls,
        skipped,
        replacements: Vec::new(),
        turnback: Some(round.turnback),
        extra: TURN_ROUND,
        delay_pax_s,
        until: trip.until,
    })
}

/// Wait on the last link before the closure.
fn hold(trip: &Trip<'_>, first: usize) -> Diversion {
    let line = trip.line();
    let ahead = line.calls.iter().filter(|c| c.link_index as usize >= first).count();
    let wait = trip.wait();
    let leave = first.saturating_sub(1);
    Diversion {
        line: trip.line,
        action: Action::Hold,
        leave,
        join: None,
        via: Vec::new(),
        way: line.links[..first].to_vec(),
        calls: line.calls.iter().filter(|c| (c.link_index as usize) < first).copied().collect(),
        skipped: Vec::new(),
        replacements: Vec::new(),
        turnback: None,
        extra: wait,
        delay_pax_s: trip.riders.hold(wait, ahead),
        until: trip.until,
    }
}

/// Own links up to `leave`, the way around, the joined line's links from `join` on.
fn way_of(line: &Line, leave: usize, via: &[LinkId], joined: &Line, join: usize) -> Vec<LinkId> {
    let own = line.links[..=leave].iter();
    own.chain(via).chain(&joined.links[join..]).copied().collect()
}

/// The calls of such a way: those of the line, those of other lines of its mode around, those of the
/// joined line. Positions count along the way.
fn calls_on(
    network: &Network,
    line: &Line,
    leave: usize,
    via: &[LinkId],
    joined: &Line,
    join: usize,
) -> Vec<StopCall> {
    let mut calls: Vec<StopCall> =
        line.calls.iter().filter(|c| c.link_index as usize <= leave).copied().collect();
    let around = |(place, link): (usize, &LinkId)| {
        let mut here = stops_on(network, line, *link);
        for call in &mut here {
            call.link_index = narrow(leave + 1 + place);
        }
        here
    };
    let between: Vec<StopCall> = via.iter().enumerate().flat_map(around).collect();
    for call in between {
        if calls.iter().all(|known| known.stop != call.stop) {
            calls.push(call);
        }
    }
    let moved = leave + 1 + via.len();
    for call in joined.calls.iter().filter(|c| c.link_index as usize >= join) {
        let link_index = narrow(moved + call.link_index as usize - join);
        calls.push(StopCall { link_index, ..*call });
    }
    calls
}

/// The stops of any line of the same mode on a link, in order, each once.
fn stops_on(network: &Network, line: &Line, link: LinkId) -> Vec<StopCall> {
    let mut found: Vec<StopCall> = Vec::new();
    for other in network.lines.iter().filter(|other| other.mode == line.mode) {
        let on_link = |c: &&StopCall| other.links.get(c.link_index as usize).is_some_and(|l| *l == link);
        for call in other.calls.iter().filter(on_link) {
            if found.iter().all(|known| known.stop != call.stop) {
                found.push(*call);
            }
        }
    }
    found.sort_by_key(|call| call.offset_mm);
    found
}

/// Own calls from link `at` on that the calls of a way leave out.
fn left_out(line: &Line, at: usize, calls: &[StopCall]) -> Vec<StopId> {
    let ahead = line.calls.iter().filter(|c| c.link_index as usize >= at).map(|c| c.stop);
    ahead.filter(|stop| calls.iter().all(|c| c.stop != *stop)).collect()
}

/// Calls of a way that are not the line's own.
fn replacements(line: &Line, calls: &[StopCall]) -> Vec<StopId> {
    calls.iter().map(|c| c.stop).filter(|stop| line.calls.iter().all(|own| own.stop != *stop)).collect()
}

/// The line's calls beyond the closure that trams which turn there still serve: from the first turnback
/// on that leads onto the line.
fn served_beyond(network: &Network, line: &Line, last: usize) -> Vec<StopId> {
    let onto = |to: LinkId| line.links.iter().skip(last + 1).position(|link| *link == to);
    let Some(first) = network.turnbacks.iter().filter_map(|t| onto(t.to)).min().map(|i| i + last + 1) else {
        return Vec::new();
    };
    line.calls.iter().filter(|c| c.link_index as usize >= first).map(|c| c.stop).collect()
}

fn narrow(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
