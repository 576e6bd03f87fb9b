//! From a wave's plan to commands: who goes first, the certificate, calls, refreshes, releases.

use std::sync::Arc;

use clearway_certify::{Ask, CertifiedPlan, Class, Draft, Finding, Held, certify};
use clearway_signals::limits::ROUTE_SIGNALS_MAX;
use clearway_signals::{ControllerId, Millis, RequestId, RequestState, RequestStep, RowId};

use crate::engine::Engine;
use crate::learn::Period;
use crate::output::{Notice, Output, Reason};
use crate::watch::Closing;
use crate::wave::{Setting, Skip, WaveSignal};

/// The whole wave is certified this often.
const AHEAD_EVERY: Millis = Millis(1_000);

impl Engine {
    /// What waves are planned against.
    fn setting(&self) -> Setting<'_> {
        Setting {
            network: &self.network,
            config: &self.config,
            watches: &self.watches,
            queues: &self.queues,
            worst: &self.worst,
            cycles: &self.cycles,
            learned: &self.learned,
            period: Period::of(self.local_time),
        }
    }

    /// Plan a wave anew and act on it.
    pub(crate) fn drive(&mut self, i: usize, now: Millis, out: &mut Output) {
        self.plan_wave(i, now, false);
        if self.missions > 1 && !self.waves[i].has_turns {
            self.take_turns(now, out);
        }
        self.dispatch(i, now, out);
    }

    /// Plan a wave as if it were alone, and put it off to its turns.
    pub(crate) fn plan_wave(&mut self, i: usize, now: Millis, far: bool) {
        // All waves step aside, for three words are moved sooner than one wave.
        let mut waves = std::mem::take(&mut self.waves);
        let setting = self.setting();
        if far {
            waves[i].renew_profile(&setting);
        }
        waves[i].plan(&setting, now, far);
        self.waves = waves;
        self.turns.stale |= self.missions > 1;
    }

    /// Release what is over, certify what is planned, call what is due, refresh what is held.
    pub(crate) fn dispatch(&mut self, i: usize, now: Millis, out: &mut Output) {
        let released = self.check_out(i, now, out);
        if released && self.missions > 1 {
            // Whoever follows on the same row, or waits for this one, goes on at once.
            self.turns.stale = true;
            self.take_turns(now, out);
            for j in (0..self.waves.len()).filter(|j| *j != i) {
                if self.waves[j].is_under_way() {
                    self.call_due(j, now, out);
                }
            }
        }
        self.call_due(i, now, out);
    }

    /// Certify and call what is due, refresh what is held.
    pub(crate) fn call_due(&mut self, i: usize, now: Millis, out: &mut Output) {
        if self.waves[i].suspended {
            return;
        }
        let may_call = self.waves[i].may_call(now);
        self.report_silence(i, may_call, out);
        let mut due = self.signals_where(i, |s| self.is_due(i, s, may_call, now));
        if due != 0 {
            due = self.leave_to_others(i, due, now, out);
            due = self.within_quotas(i, due, now, out);
            self.make_room(i, due, now, out);
        }
        if due == 0 || self.stands_certified(i, due, now) {
            return;
        }
        if let Some(plan) = self.certified(i, due, now, out) {
            for n in 0..plan.asks().len() {
                self.call(i, n, &plan, now, out);
            }
        }
    }

    /// The signals of a wave for which something holds, one bit each.
    fn signals_where(&self, i: usize, holds: impl Fn(&WaveSignal) -> bool) -> u64 {
        let signals = self.waves[i].signals.iter().take(ROUTE_SIGNALS_MAX).enumerate();
        signals.fold(0, |set, (s, signal)| set | u64::from(holds(signal)) << s)
    }

    /// Whether all that is due is held already, and certified as it is: nobody else is about, and neither
    /// a position nor a plan is new. There is nothing to send then.
    fn stands_certified(&self, i: usize, due: u64, now: Millis) -> bool {
        let wave = &self.waves[i];
        let is_new = wave.planned_at == now || wave.track.is_some_and(|track| track.fix_at == now);
        self.missions == 1 && !is_new && due & !self.signals_where(i, |signal| signal.asserted) == 0
    }

    /// Whether a signal is called, or is to be called or refreshed now.
    fn is_due(&self, i: usize, signal: &WaveSignal, may_call: bool, now: Millis) -> bool {
        let is_time = signal.call_at <= now && signal.blocked_until <= now;
        let to_call = || may_call && signal.skip.wants_call() && is_time && self.is_open(i, signal);
        !signal.passed && (signal.asserted || to_call())
    }

    /// Whether no other call holds the signal's controller, or its holder gives way.
    fn is_open(&self, i: usize, signal: &WaveSignal) -> bool {
        let controller = signal.place.controller;
        let held = self.watches[controller.index()].held;
        held.is_none_or(|held| Some(held.request) == signal.request) || self.gives_way(controller, i)
    }

    /// Whether a signal is to be part of the plan ahead: not while another call holds its controller, is
    /// served out or left beyond the time from which it asks.
    fn may_be_planned(&self, i: usize, signal: &WaveSignal) -> bool {
        let controller = signal.place.controller;
        let over = || {
            let held = self.watches[controller.index()].held?;
            held.over(&self.network.controller(controller)?.junction())
        };
        may_be_asked(signal) && (self.is_open(i, signal) || over().is_some_and(|over| over <= signal.call_at))
    }

    /// Certify the whole wave ahead, off the way of a fix: a request that the checker will refuse is
    /// known, and shown, long before it is due.
    pub(crate) fn look_ahead(&mut self, i: usize, now: Millis, out: &mut Output) {
        if now.since(self.waves[i].looked_ahead_at) >= AHEAD_EVERY && !self.waves[i].suspended {
            self.plan_wave(i, now, true);
            self.waves[i].looked_ahead_at = now;
            let ahead = self.signals_where(i, |signal| self.may_be_planned(i, signal));
            self.certified(i, ahead, now, out);
        }
    }

    /// Release signals that the vehicle has passed, whose lease has run out, whose hold is over. Gives
    /// whether any was released.
    pub(crate) fn check_out(&mut self, i: usize, now: Millis, out: &mut Output) -> bool {
        let Some(track) = self.waves[i].track else { return false };
        let at = track.now_mm(now);
        let before = out.commands().len();
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            if signal.passed {
                continue;
            }
            if at >= signal.place.exit_mm + self.config.clear_mm {
                if self.keeps(i, s, now) {
                    continue;
                }
                self.release_signal(i, s, Reason::CheckedOut, now, out);
                // A release that found no room is made at the next tick: until then it is not passed.
                self.waves[i].signals[s].passed = !self.waves[i].signals[s].asserted;
            } else if signal.asserted && now >= self.waves[i].lease_end(&signal) {
                self.release_signal(i, s, Reason::Silent, now, out);
            } else if signal.asserted && (now >= signal.release_at || self.is_owed(i, &signal, now)) {
                self.release_signal(i, s, Reason::HoldOver, now, out);
            }
        }
        out.commands().len() > before
    }

    /// Whether a call ends for the sake of those who wait; not while the vehicle can no longer stop.
    fn is_owed(&self, i: usize, signal: &WaveSignal, now: Millis) -> bool {
        let watch = &self.watches[signal.place.controller.index()];
        watch.hold_is_owed(now) && !self.waves[i].is_bound_to_pass(signal)
    }

    fn report_silence(&mut self, i: usize, may_call: bool, out: &mut Output) {
        let wave = &mut self.waves[i];
        if let Some(mission) = wave.mission.filter(|_| !may_call && !wave.silent) {
            wave.silent = true;
            out.notice(Notice::Silence(mission.vehicle));
        }
    }

    /// A due call takes the controller from a tram, or from a vehicle that yields to this one.
    fn make_room(&mut self, i: usize, due: u64, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            let watch = &self.watches[signal.place.controller.index()];
            let (true, Some(held)) = (is_in(due, s) && !signal.asserted, watch.held) else { continue };
            match self.holder_of(held.request).filter(|_| watch.yields) {
                Some((j, taken)) => self.release_signal(j, taken, Reason::Yielded, now, out),
                None => self.release_transit_at(signal.place.controller, Reason::Yielded, now, out),
            }
        }
    }

    /// Certify those of the wave's requests that are `meant`, one bit each; one that is refused is left
    /// out and the rest certified again.
    fn certified(&mut self, i: usize, meant: u64, now: Millis, out: &mut Output) -> Option<CertifiedPlan> {
        let network = Arc::clone(&self.network);
        let mut meant = meant;
        for _ in 0..=ROUTE_SIGNALS_MAX {
            self.collect_asks(i, meant, now);
            let draft = Draft { class: Class::Emergency, asks: &self.asks };
            let watches = &self.watches;
            let result = certify(
                &draft,
                self.epoch,
                |id| network.controller(id).map(clearway_network::Controller::junction),
                // Who gives way when the call is due keeps nothing from a plan.
                |id| watches.get(id.index()).and_then(|w| w.held.filter(|_| !w.held_by_transit && !w.yields)),
            );
            match result {
                Ok(plan) => return Some(plan),
                Err(finding) => meant &= !self.leave_out(i, finding, now, out),
            }
        }
        None
    }

    /// The requests of a wave, each controller at most once: the nearest signal of it.
    fn collect_asks(&mut self, i: usize, meant: u64, now: Millis) {
        self.asks.clear();
        self.asked.clear();
        let signals = &mut self.waves[i].signals;
        let first = signals.iter().position(|signal| !signal.passed).unwrap_or(signals.len());
        for s in first..signals.len() {
            let (nearer, signal) = signals[first..=s].split_at_mut(s - first);
            let signal = &mut signal[0];
            let (Some(row), true) = (signal.place.row, is_in(meant, s)) else { continue };
            let controller = signal.place.controller;
            if nearer.iter().any(|n| n.place.controller == controller && may_be_asked(n)) {
                continue;
            }
            let request = *signal.request.get_or_insert_with(|| {
                let request = RequestId(self.next_request);
                self.next_request = self.next_request.wrapping_add(1).max(1);
                request
            });
            let assert_at = if signal.asserted { signal.asserted_at } else { signal.call_at.max(now) };
            self.asks.push(Ask {
                controller,
                row,
                request,
                wanted: signal.place.wanted,
                assert_at,
                arrival: signal.arrival.mean.max(assert_at),
                release_at: signal.release_at.max(assert_at + Millis(1)),
            });
            self.asked.push(s);
        }
    }

    /// Leave out what the checker refused; gives the signals. Each call leaves something out, or
    /// everything.
    fn leave_out(&mut self, i: usize, finding: Finding, now: Millis, out: &mut Output) -> u64 {
        let vehicle = self.waves[i].mission.map(|m| m.vehicle).unwrap_or_default();
        out.notice(Notice::Refused(vehicle, finding));
        let controller = controller_of(finding);
        let mut left_out = 0;
        for s in 0..self.waves[i].signals.len() {
            let here = self.waves[i].signals[s].place.controller;
            if controller.is_none_or(|c| c == here) {
                self.release_signal(i, s, Reason::Refused, now, out);
                self.waves[i].signals[s].skip = Skip::Refused(finding);
                left_out |= 1 << s;
            }
        }
        left_out
    }

    /// Call, or refresh, one signal if its time has come.
    fn call(&mut self, i: usize, n: usize, plan: &CertifiedPlan, now: Millis, out: &mut Output) {
        let s = self.asked[n];
        let signal = self.waves[i].signals[s];
        // Between fixes a held row needs no refresh: its lease still stands on the last fix.
        let refresh = self.waves[i].track.is_some_and(|t| t.fix_at == now);
        if (signal.asserted && !refresh) || !out.has_room() {
            return;
        }
        let lease_end = self.waves[i].lease_end(&signal);
        let Some(command) = plan.assert(n, signal.revision + 1, now, lease_end) else { return };
        let vehicle = self.waves[i].mission.map(|m| m.vehicle).unwrap_or_default();
        let (controller, row, request) = (command.controller(), command.row(), command.request());
        let first = !signal.asserted;
        let since = if first { self.held_since(controller, row, now, out) } else { signal.asserted_at };
        let signal = &mut self.waves[i].signals[s];
        signal.revision = command.revision();
        if first {
            signal.state = RequestState::Received;
            signal.asserted = true;
            signal.asserted_at = since;
            let rule = signal.permit.rule;
            self.turns.stale |= self.missions > 1;
            self.note_grant(vehicle, controller, now);
            out.notice(Notice::Called { vehicle, controller, row, request, rule });
        }
        let until = self.waves[i].signals[s].release_at;
        let watch = &mut self.watches[controller.index()];
        if let Some(site) = self.network.controller(controller).filter(|_| first && since == now) {
            watch.note_call(site, site.rows[row.index()].dwell, now);
        }
        watch.held = Some(Held { request, row, from: since, until });
        (watch.held_by_transit, watch.holder) = (false, vehicle);
        out.command(command);
    }

    /// Since when the row that is called now is held without a break: a call that another vehicle hands
    /// on in the same instant runs on, and its bounds with it (S9).
    fn held_since(&mut self, controller: ControllerId, row: RowId, now: Millis, out: &mut Output) -> Millis {
        let watch = &mut self.watches[controller.index()];
        let handed_on = |closing: &Closing| closing.row == row && closing.since == now && !closing.gone;
        let Some(closing) = watch.closing.take_if(|closing| handed_on(closing)) else { return now };
        let state = if closing.served { RequestState::Completed } else { RequestState::Timeout };
        out.notice(Notice::Moved { controller, request: closing.request, state });
        closing.from
    }

    /// Take the call of one signal back; nothing happens when it is not called.
    pub(crate) fn release_signal(
        &mut self,
        i: usize,
        s: usize,
        reason: Reason,
        now: Millis,
        out: &mut Output,
    ) {
        let signal = self.waves[i].signals[s];
        let (true, Some(row), Some(request)) = (signal.asserted, signal.place.row, signal.request) else {
            return;
        };
        if !out.has_room() {
            return;
        }
        let served = signal.state == RequestState::Activated;
        let revision = signal.revision + 1;
        let command = self.let_go(signal.place.controller, row, request, revision, served, now);
        self.watches[signal.place.controller.index()].reds.ended(now);
        let vehicle = self.waves[i].mission.map(|m| m.vehicle).unwrap_or_default();
        let signal = &mut self.waves[i].signals[s];
        signal.asserted = false;
        signal.keep_until = Millis::ZERO;
        signal.request = None;
        signal.revision = 0;
        signal.call_at = Millis::NEVER;
        self.turns.stale |= self.missions > 1;
        let step = if served { RequestStep::Complete } else { RequestStep::Expire };
        signal.state = signal.state.next(step).unwrap_or(signal.state);
        let (controller, since) = (signal.place.controller, signal.asserted_at);
        if reason == Reason::HoldOver {
            self.lock_out(controller, row, now + self.config.lockout);
        }
        let Some(command) = command else { return };
        out.command(command);
        out.notice(Notice::Released { vehicle, controller, request, reason });
        let back = || self.expected_return(controller, row, since, now);
        if let Some(within) = served.then(back).flatten() {
            out.notice(Notice::Returning { controller, within });
        }
    }

    /// Nobody calls a row that was held for as long as it may be: whoever shares it with its last vehicle
    /// waits too, for a call that is handed on runs on (S9).
    fn lock_out(&mut self, controller: ControllerId, row: RowId, until: Millis) {
        let signals = self.waves.iter_mut().flat_map(|wave| &mut wave.signals);
        let same = signals.filter(|signal| signal.place.controller == controller);
        same.filter(|signal| signal.place.row == Some(row)).for_each(|signal| signal.blocked_until = until);
    }

    pub(crate) fn release_wave(&mut self, i: usize, reason: Reason, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            self.release_signal(i, s, reason, now, out);
        }
    }
}

/// Whether a signal is in a set.
const fn is_in(set: u64, signal: usize) -> bool {
    signal < u64::BITS as usize && set & (1 << signal) != 0
}

/// Whether a signal is part of the plan at all.
fn may_be_asked(signal: &WaveSignal) -> bool {
    !signal.passed && (signal.skip.wants_call() || signal.asserted) && signal.place.row.is_some()
}

pub(crate) fn controller_of(finding: Finding) -> Option<ControllerId> {
    match finding {
        Finding::TooManyRequests => None,
        Finding::UnknownController(c)
        | Finding::UnknownRow(c)
        | Finding::NotOurs(c)
        | Finding::WrongClass(c)
        | Finding::NotCapable(c)
        | Finding::OutranksRail(c)
        | Finding::PathNotServed(c)
        | Finding::DwellConflict(c)
        | Finding::UnboundedEntry(c)
        | Finding::TimesOutOfOrder(c)
        | Finding::HoldTooLong(c)
        | Finding::ControllerTaken(c) => Some(c),
    }
}
