//! Which way an emergency vehicle takes: from where it is to its destination, sought anew in the same step
//! in which it is seen off its way or a link ahead of it is closed.

use std::sync::Arc;

use clearway_network::{LinkId, LinkIndex, Network, Uses};
use clearway_signals::limits::ROUTE_LINKS_MAX;
use clearway_signals::{GroupSet, Millis, RowKind};

use crate::along::{cumulate, signals_along};
use crate::closures::Closures;
use crate::engine::Engine;
use crate::event::{Mission, VehicleFix};
use crate::learn::Period;
use crate::output::{Notice, Output, Reason};
use crate::reserve::Rank;
use crate::route::{Crossing, ENDS_MAX, Goal, Query, Router, Start, Waits};
use crate::tracking::{Driver, Track, acquire};
use crate::turns::Turns;
use crate::watch::Watch;

/// Where an emergency vehicle may drive.
const EMERGENCY_WAYS: Uses = Uses::CAR.union(Uses::EMERGENCY);
/// A destination further from every link than this cannot be reached, metres.
const DESTINATION_M: f32 = 50.0;
/// Links this much further than the nearest one lie beside it, metres.
const BESIDE_M: f32 = 4.0;

/// What ways are sought with.
#[derive(Debug)]
pub(crate) struct Seeker {
    index: LinkIndex,
    router: Router,
    waits: Waits,
    goals: Vec<Goal>,
    /// Links that nobody can pass.
    pub closures: Closures,
}

impl Seeker {
    pub fn new(network: &Network) -> Self {
        Self {
            index: LinkIndex::new(network),
            router: Router::new(network),
            waits: Waits::new(network),
            goals: Vec::with_capacity(ENDS_MAX),
            closures: Closures::none(network),
        }
    }

    /// The links on which a destination lies: the nearest, and those beside it.
    fn find_goals(&mut self, network: &Network, mission: &Mission) {
        let Self { index, router, goals, .. } = self;
        goals.clear();
        let point = network.project(mission.destination);
        let mut nearest_m = f32::INFINITY;
        index.near(network, point, DESTINATION_M, EMERGENCY_WAYS, |_, foot| {
            nearest_m = nearest_m.min(foot.distance_m);
        });
        index.near(network, point, DESTINATION_M, EMERGENCY_WAYS, |link, foot| {
            let beside = foot.distance_m <= nearest_m + BESIDE_M;
            if beside && goals.len() < ENDS_MAX && goals.iter().all(|goal| goal.link != link) {
                let beyond = router.rest_of(network, link, i64::from(foot.offset_mm));
                goals.push(Goal { link, beyond });
            }
        });
    }
}

/// How long a vehicle waits at a signal that it may meet: not at all where its row will be called, but for
/// vehicles that go first; elsewhere for the green of the controller's own plan.
struct Ahead<'a> {
    network: &'a Network,
    watches: &'a [Watch],
    turns: &'a Turns,
    waits: &'a Waits,
    rank: Option<Rank>,
}

impl Ahead<'_> {
    fn wait(&self, crossing: &Crossing, at: Millis) -> Millis {
        let (controller, group) = (crossing.controller, crossing.group);
        let watch = &self.watches[controller.index()];
        if !crossing.has_row || !watch.serves() {
            return match watch.cycle_zero() {
                Some(zero) => self.waits.planned(controller, group, zero, at),
                None => self.waits.mean(controller, group),
            };
        }
        match (&self.rank, self.network.controller(controller)) {
            (Some(rank), Some(controller)) => self.turns.wait(controller, GroupSet::of(group), at, rank),
            _ => Millis::ZERO,
        }
    }
}

impl Engine {
    /// Find the link that the vehicle is on and the way from there.
    pub(crate) fn seek_way(&mut self, i: usize, fix: &VehicleFix, now: Millis, out: &mut Output) {
        let network = Arc::clone(&self.network);
        let Some(mission) = self.waves[i].mission else { return };
        let found = acquire(&network, &self.seeker.index, EMERGENCY_WAYS, fix);
        let Some((link, offset_mm)) = found else { return };
        self.find_way(i, &mission, (link, offset_mm), now);
        let wave = &mut self.waves[i];
        if wave.way.is_empty() {
            out.notice(Notice::NoRoute(mission.id));
            wave.way.push(link);
        }
        wave.way.truncate(ROUTE_LINKS_MAX);
        cumulate(&network, &wave.way, &mut wave.ends_mm);
        signals_along(&network, &wave.way, &wave.ends_mm, RowKind::Emergency, &mut self.places);
        let mut track = Track::start(offset_mm, fix);
        (track.cadence, track.driver) = match wave.track {
            Some(old) => (old.cadence, old.driver),
            None => (track.cadence, Driver::unknown(self.learned.drivers())),
        };
        wave.trip.turn_off();
        wave.track = Some(track);
        self.leave_old_signals(i, now, out);
        let wave = &mut self.waves[i];
        wave.set_signals(&self.places);
        self.judge_wave(i, out);
        let wave = &mut self.waves[i];
        wave.set_profile(&network, &self.learned, Period::of(self.local_time));
        let metres = |mm: i64| u32::try_from(mm / 1000).unwrap_or(0);
        out.notice(Notice::Routed {
            mission: mission.id,
            length_m: metres(wave.ends_mm.last().copied().unwrap_or(0) - offset_mm),
            signals: u32::try_from(wave.signals.iter().filter(|s| s.place.row.is_some()).count())
                .unwrap_or(0),
        });
    }

    /// Fill the wave's way with the quickest one from a place on the network; empty: there is none.
    fn find_way(&mut self, i: usize, mission: &Mission, (link, offset_mm): (LinkId, i64), now: Millis) {
        let Self { network, seeker, watches, turns, waves, .. } = self;
        seeker.find_goals(network, mission);
        let start = Start { link, after: seeker.router.rest_of(network, link, offset_mm) };
        let Seeker { router, waits, goals, closures, .. } = seeker;
        let wave = &mut waves[i];
        wave.way.clear();
        // The nearer to its end, the less lies beyond.
        if goals.iter().any(|goal| goal.link == link && goal.beyond < start.after) {
            wave.way.push(link);
            return;
        }
        let ahead = Ahead { network, watches, turns, waits, rank: wave.rank() };
        let query =
            Query { uses: EMERGENCY_WAYS, depart: now, starts: &[start], goals, closures: Some(closures) };
        router.seek(&query, |crossing, at| ahead.wait(crossing, at), &mut wave.way);
    }

    /// Release what the new way no longer passes.
    fn leave_old_signals(&mut self, i: usize, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            let place = self.waves[i].signals[s].place;
            let still = self.places.iter().any(|p| p.controller == place.controller && p.row == place.row);
            if !still {
                self.release_signal(i, s, Reason::LeftRoute, now, out);
            }
        }
    }

    /// A link was closed or opened: who is on the way to a closed one seeks a new way at once.
    pub(crate) fn on_blocked(&mut self, link: LinkId, until: Millis, now: Millis, out: &mut Output) {
        self.detours.note(link, until, now);
        if !self.seeker.closures.close(link, until) || !self.seeker.closures.is_closed(link, now) {
            return;
        }
        for i in 0..self.waves.len() {
            let wave = &self.waves[i];
            let (Some(mission), Some(track)) = (wave.mission, wave.track) else { continue };
            let here = wave.ends_mm.partition_point(|end| *end <= track.at_mm);
            let is_ahead = wave.way.iter().skip(here + 1).any(|next| *next == link);
            if let Some(fix) = self.last_fix(mission.vehicle).filter(|_| is_ahead) {
                self.seek_way(i, &fix, now, out);
                self.drive(i, now, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
