//! When a row is released whose vehicle has passed, and what follows.
//!
//! At once is the rule. The one other choice is to keep it a little longer, where the controller is then
//! back in its plan sooner by more than the others lose: the second of the cycle at which it leaves the
//! preemption decides how far behind its clock it goes on (`recovery`). The window for that is
//! [`Config::release_hold_max`](crate::Config), zero by default and never above [`RELEASE_HOLD_MAX`].
//!
//! Nothing else changes: the row is held under the same lease, refreshed by the same positions and
//! certified with the same bound of its presence, so it ends where it would have ended had the vehicle been
//! slower, with or without the engine (S7, S8, S9). Whoever else wants the controller ends it at once.
//!
//! Rows that become free about the same instant are decided each by itself. That is no less than deciding
//! them together: what is gained or lost at a controller depends on its own release alone, so the sum over
//! all of them is least when each term is.

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{ControllerId, GroupId, Millis, RequestRow, RequestState, RowId};

use crate::engine::Engine;
use crate::recovery::{AtExit, shown_by};
use crate::transition::{Display, Shown, time_to_green};
use crate::wave::WaveSignal;

/// A row is kept no longer than this after its vehicle has passed, whatever the settings say.
pub const RELEASE_HOLD_MAX: Millis = Millis::from_s(15);
/// The controller must be back sooner by this many times what it is kept: everybody at the red lights waits
/// for each second, those who drive in the coordinated green gain it.
const WORTH: i64 = 2;
/// The grid of instants that are tried.
const STEP: Millis = Millis(1_000);

impl Engine {
    /// Whether the row of a signal that the vehicle has passed is kept a little longer.
    pub(crate) fn keeps(&mut self, i: usize, s: usize, now: Millis) -> bool {
        let signal = self.waves[i].signals[s];
        if self.config.release_hold_max <= Millis::ZERO || !self.may_keep(i, &signal, now) {
            return false;
        }
        let decided = signal.keep_until > Millis::ZERO;
        let until = if decided { signal.keep_until } else { now + self.best_hold(&signal, now) };
        self.waves[i].signals[s].keep_until = until;
        now < until
    }

    /// Whether nothing speaks against it: the row is served, its lease and its presence last, and nobody
    /// else wants the controller.
    fn may_keep(&self, i: usize, signal: &WaveSignal, now: Millis) -> bool {
        let watch = &self.watches[signal.place.controller.index()];
        let own = signal.place.row.is_some_and(|row| watch.status.asserted.iter().all(|other| other == row));
        let stands = now < signal.release_at && now < self.waves[i].lease_end(signal);
        let later = |other: &WaveSignal| other.place.controller == signal.place.controller && !other.passed;
        let comes_again = self.waves[i].signals.iter().filter(|other| later(other)).count() > 1;
        let served = signal.asserted && signal.state == RequestState::Activated;
        let free = own && watch.is_fresh(now) && !watch.hold_is_owed(now);
        served && stands && free && self.missions == 1 && !comes_again
    }

    /// How long keeping the row is best; zero where at once is as good.
    fn best_hold(&self, signal: &WaveSignal, now: Millis) -> Millis {
        let Some(row) = signal.place.row else { return Millis::ZERO };
        let most = self.config.release_hold_max.min(RELEASE_HOLD_MAX).min(signal.release_at.since(now));
        let back = |hold: Millis| {
            let within = self.expected_return(signal.place.controller, row, signal.asserted_at, now + hold);
            within.map(|within| within + hold + Millis(WORTH * hold.0))
        };
        let Some(mut best) = back(Millis::ZERO) else { return Millis::ZERO };
        let (mut hold, mut chosen) = (STEP, Millis::ZERO);
        while hold <= most {
            if let Some(cost) = back(hold).filter(|cost| *cost < best) {
                (best, chosen) = (cost, hold);
            }
            hold += STEP;
        }
        chosen
    }

    /// From the release at `at` of a row called since `since` until the controller is expected back in its
    /// plan. `None` while its cycle is not known, or when its method of recovery leads nowhere.
    pub(crate) fn expected_return(
        &self,
        controller: ControllerId,
        row: RowId,
        since: Millis,
        at: Millis,
    ) -> Option<Millis> {
        let site = self.network.controller(controller)?;
        let watch = self.watches.get(controller.index())?;
        let (zero, row) = (watch.cycle_zero()?, site.rows.get(row.index())?);
        let mut shown = shown_by(site, watch);
        let dwelling = dwell(site, row, at, &mut shown);
        // A preemption lasts its minimum duration and its minimum dwell, however short the call.
        let exit_at = at.max(since + row.delay + row.min_duration).max(dwelling + row.min_dwell);
        let exit = AtExit { controller: site, zero, at: exit_at, since: since + row.delay, shown: &shown };
        let back = self.config.recovery.predict(&exit);
        (back.takes < Millis::NEVER).then(|| exit_at - at + back.takes)
    }
}

/// Since when the dwell stands. A controller that is still on its way there goes on to it, released or not:
/// then `shown` becomes what it will show.
fn dwell(site: &Controller, row: &RequestRow, at: Millis, shown: &mut Display) -> Millis {
    let latest = |latest: Millis, group: GroupId| {
        let head = shown[group.index() % GROUPS_MAX];
        head.green.then(|| latest.max(head.since))
    };
    if let Some(since) = row.dwell.iter().try_fold(Millis::ZERO, latest) {
        return since;
    }
    let stands = at + time_to_green(site, row, at, shown) - row.delay;
    for (id, head) in (0u8..).zip(shown.iter_mut()).take(site.groups.len()) {
        let dwells = row.dwell.contains(GroupId(id));
        if dwells != head.green {
            *head = Shown { green: dwells, since: if dwells { stands } else { at } };
        }
    }
    stands
}
