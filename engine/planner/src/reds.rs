//! Nobody starves because of emergency vehicles (invariant S12).
//!
//! "No group with demand stays red > R_max (default 180 s) because of us; … EV exempt up to 2 consecutive":
//! the first two calls that fall into one red of a group are made whatever they cost it. A further one is
//! made only if it leaves that red within R_max, and is held no longer; else the vehicle waits until the
//! group has had its green. A group that gets none while the controller runs its own plan for a whole cycle
//! has no demand, and nobody waits for it.

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupSet, Millis, VehicleId};

use crate::engine::Engine;
use crate::output::{Notice, Output};
use crate::watch::Watch;
use crate::wave::Skip;

/// R_max: no red grows longer than this by a third call.
const RED_MAX: Millis = Millis::from_s(180);
/// Calls that fall into one red whatever they cost.
const EXEMPT: u8 = 2;
/// From a release until the controller is on its way in its plan again.
const WAY_BACK: Millis = Millis::from_s(20);
/// A controller without calls for this long, and for a cycle, has served whoever has demand.
const QUIET_MIN: Millis = Millis::from_s(60);

/// The reds of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Reds {
    /// Emergency calls since each group was green last, of rows that do not serve it.
    calls: [u8; GROUPS_MAX],
    /// When the first of them was made.
    first: [Millis; GROUPS_MAX],
    /// When the last call of an emergency row ended.
    ended: Millis,
    /// The present call is held no longer than this for the sake of those who wait.
    hold_until: Millis,
    /// Who was last told to wait.
    told: Option<VehicleId>,
}

impl Default for Reds {
    fn default() -> Self {
        Self {
            calls: [0; GROUPS_MAX],
            first: [Millis::ZERO; GROUPS_MAX],
            ended: Millis::ZERO,
            hold_until: Millis::NEVER,
            told: None,
        }
    }
}

impl Reds {
    /// A group has turned green.
    pub fn turned_green(&mut self, group: GroupId) {
        self.calls[group.index() % GROUPS_MAX] = 0;
    }

    /// The call of an emergency row ended.
    pub fn ended(&mut self, now: Millis) {
        self.ended = now;
    }

    fn is_quiet(&self, controller: &Controller, now: Millis) -> bool {
        now.since(self.ended) >= controller.plan.cycle.max(QUIET_MIN)
    }
}

impl Watch {
    /// The first group that a further call would keep red for too long, and until when one may be held.
    fn owed(&self, controller: &Controller, dwell: GroupSet) -> Option<(GroupId, Millis)> {
        let groups = (0u8..).map(GroupId).take(controller.groups.len().min(GROUPS_MAX));
        let starving = groups.filter(|g| self.reds.calls[g.index()] >= EXEMPT && !dwell.contains(*g));
        let until = starving.filter_map(|group| {
            let (green, red_since) = self.shows_green(group);
            let from = red_since.max(self.reds.first[group.index()]);
            (!green).then_some((group, from + RED_MAX - WAY_BACK))
        });
        until.min_by_key(|(_, until)| *until)
    }

    /// An emergency row is called anew.
    pub(crate) fn note_call(&mut self, controller: &Controller, dwell: GroupSet, now: Millis) {
        if self.reds.is_quiet(controller, now) {
            self.reds.calls.fill(0);
        }
        self.reds.hold_until = self.owed(controller, dwell).map_or(Millis::NEVER, |(_, until)| until);
        self.reds.told = None;
        let groups = (0u8..).map(GroupId).take(controller.groups.len().min(GROUPS_MAX));
        for group in groups.filter(|group| !dwell.contains(*group)) {
            let calls = &mut self.reds.calls[group.index()];
            if *calls == 0 {
                self.reds.first[group.index()] = now;
            }
            *calls = calls.saturating_add(1);
        }
    }

    /// Whether the call that is held must end for the sake of those who wait.
    pub(crate) fn hold_is_owed(&self, now: Millis) -> bool {
        now >= self.reds.hold_until
    }
}

impl Engine {
    /// Of the due signals of a wave those whose call lets nobody starve.
    pub(crate) fn leave_to_others(&mut self, i: usize, due: u64, now: Millis, out: &mut Output) -> u64 {
        let (mut left, mut may) = (due, due);
        while left != 0 {
            let s = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(group) = self.starves(i, s, now) else { continue };
            may &= !(1 << s);
            let signal = &mut self.waves[i].signals[s];
            signal.skip = Skip::Starving(group);
            let controller = signal.place.controller;
            let Some(vehicle) = self.waves[i].mission.map(|mission| mission.vehicle) else { continue };
            let told = &mut self.watches[controller.index()].reds.told;
            if *told != Some(vehicle) {
                *told = Some(vehicle);
                out.notice(Notice::Starving { vehicle, controller, group });
            }
        }
        may
    }

    /// The group that would starve if a signal of a wave were called now.
    fn starves(&self, i: usize, s: usize, now: Millis) -> Option<GroupId> {
        let signal = self.waves[i].signals.get(s).filter(|signal| !signal.asserted)?;
        let controller = self.network.controller(signal.place.controller)?;
        let (row, watch) = (signal.place.row?, &self.watches[controller.id.index()]);
        // A call that another vehicle hands on runs on, and its bounds with it.
        let handed_on = watch.closing.is_some_and(|closing| closing.row == row && closing.since == now);
        let taken_over = watch.held.is_some() && !watch.held_by_transit;
        if handed_on || (!taken_over && watch.reds.is_quiet(controller, now)) {
            return None;
        }
        let (group, until) = watch.owed(controller, controller.rows.get(row.index())?.dwell)?;
        (signal.release_at > until).then_some(group)
    }
}
