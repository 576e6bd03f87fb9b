//! From a wave's plan to commands: who goes first, the certificate, calls, refreshes, releases.

use std::sync::Arc;

use clearway_certify::{Ask, CertifiedPlan, Class, Draft, Finding, Held, certify};
use clearway_signals::limits::ROUTE_SIGNALS_MAX;
use clearway_signals::{ControllerId, Millis, RequestId, RequestState, RequestStep};

use crate::engine::Engine;
use crate::output::{Notice, Output, Reason};
use crate::wave::{Setting, Skip, Wave, WaveSignal};

/// Between two vehicles at one controller the first one's exit and the reading of it take this long.
const BETWEEN: Millis = Millis(1_000);
/// The whole wave is certified this often.
const AHEAD_EVERY: Millis = Millis(1_000);

impl Engine {
    /// Plan a wave anew and act on it.
    pub(crate) fn drive(&mut self, i: usize, now: Millis, out: &mut Output) {
        let mut wave = std::mem::take(&mut self.waves[i]);
        let network = Arc::clone(&self.network);
        let setting = Setting {
            network: &network,
            config: &self.config,
            watches: &self.watches,
            queues: &self.queues,
            worst: &self.worst,
            cycles: &self.cycles,
        };
        wave.plan(&setting, now);
        self.waves[i] = wave;
        self.give_way(i, now, out);
        self.dispatch(i, now, out);
    }

    /// Move this wave's calls behind those of waves that go first (S11: total order by start).
    fn give_way(&mut self, i: usize, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            if signal.passed || signal.skip != Skip::No {
                continue;
            }
            let Some(free_at) = self.taken_until(i, s) else { continue };
            if signal.asserted {
                self.release_signal(i, s, Reason::Yielded, now, out);
            }
            let hold = signal.release_at - signal.call_at;
            let signal = &mut self.waves[i].signals[s];
            signal.skip = Skip::Taken;
            signal.call_at = free_at + BETWEEN;
            signal.release_at = signal.call_at + hold;
        }
    }

    /// Until when a wave that goes first needs the controller of signal `s` of wave `i`, if their
    /// times meet.
    fn taken_until(&self, i: usize, s: usize) -> Option<Millis> {
        let (wave, signal) = (&self.waves[i], &self.waves[i].signals[s]);
        let first = |other: &&Wave| other.mission.is_some() && !other.suspended && other.order < wave.order;
        self.waves
            .iter()
            .filter(first)
            .flat_map(|other| other.signals.iter())
            .filter(|o| !o.passed && o.skip == Skip::No && o.place.controller == signal.place.controller)
            .filter(|o| o.call_at < signal.release_at && signal.call_at < o.release_at + BETWEEN)
            .map(|o| o.release_at)
            .max()
    }

    /// Release what is over, certify what is planned, call what is due, refresh what is held.
    pub(crate) fn dispatch(&mut self, i: usize, now: Millis, out: &mut Output) {
        self.check_out(i, now, out);
        if self.waves[i].suspended {
            return;
        }
        let may_call = self.waves[i].may_call(now);
        self.report_silence(i, may_call, out);
        if !self.waves[i].signals.iter().any(|s| is_due(s, may_call, now)) {
            return;
        }
        self.make_room(i, may_call, now, out);
        if let Some(plan) = self.certified(i, now, out, |s| is_due(s, may_call, now)) {
            for n in 0..plan.asks().len() {
                self.call(i, n, &plan, now, out);
            }
        }
    }

    /// Certify the whole wave ahead, off the way of a fix: a request that the checker will refuse is
    /// known, and shown, long before it is due.
    pub(crate) fn look_ahead(&mut self, i: usize, now: Millis, out: &mut Output) {
        if now.since(self.waves[i].looked_ahead_at) >= AHEAD_EVERY && !self.waves[i].suspended {
            self.waves[i].looked_ahead_at = now;
            self.certified(i, now, out, may_be_asked);
        }
    }

    /// Release signals that the vehicle has passed, whose lease has run out, whose hold is over.
    fn check_out(&mut self, i: usize, now: Millis, out: &mut Output) {
        let Some(track) = self.waves[i].track else { return };
        let at = track.now_mm(now);
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            if signal.passed {
                continue;
            }
            if at >= signal.place.exit_mm + self.config.clear_mm {
                self.release_signal(i, s, Reason::CheckedOut, now, out);
                // A release that found no room is made at the next tick: until then it is not passed.
                self.waves[i].signals[s].passed = !self.waves[i].signals[s].asserted;
            } else if signal.asserted && now >= self.waves[i].lease_end(&signal) {
                self.release_signal(i, s, Reason::Silent, now, out);
            } else if signal.asserted && now >= signal.release_at {
                self.release_signal(i, s, Reason::HoldOver, now, out);
                self.waves[i].signals[s].blocked_until = now + self.config.lockout;
            }
        }
    }

    fn report_silence(&mut self, i: usize, may_call: bool, out: &mut Output) {
        let wave = &mut self.waves[i];
        if let Some(mission) = wave.mission.filter(|_| !may_call && !wave.silent) {
            wave.silent = true;
            out.notice(Notice::Silence(mission.vehicle));
        }
    }

    /// A due call takes the controller from a tram, or from a wave that comes later in the order.
    fn make_room(&mut self, i: usize, may_call: bool, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            let due = !signal.passed && may_call && wants_call(signal.skip) && signal.call_at <= now;
            let held = self.watches[signal.place.controller.index()].held;
            if !due || held.is_none_or(|h| Some(h.request) == signal.request) {
                continue;
            }
            let Some(held) = held else { continue };
            let later = self.waves.iter().enumerate().find_map(|(j, other)| {
                let s = other.signals.iter().position(|o| o.request == Some(held.request) && o.asserted)?;
                (other.order > self.waves[i].order).then_some((j, s))
            });
            match later {
                Some((j, s)) => self.release_signal(j, s, Reason::Yielded, now, out),
                None => self.release_transit_at(signal.place.controller, Reason::Yielded, now, out),
            }
        }
    }

    /// Certify those of the wave's requests that are `meant`; one that is refused is left out and the
    /// rest certified again.
    fn certified(
        &mut self,
        i: usize,
        now: Millis,
        out: &mut Output,
        meant: impl Fn(&WaveSignal) -> bool,
    ) -> Option<CertifiedPlan> {
        let network = Arc::clone(&self.network);
        for _ in 0..=ROUTE_SIGNALS_MAX {
            self.collect_asks(i, now, &meant);
            let draft = Draft { class: Class::Emergency, asks: &self.asks };
            let watches = &self.watches;
            let result = certify(
                &draft,
                self.epoch,
                |id| network.controller(id).map(clearway_network::Controller::junction),
                // A tram is asked to let go when the call is due; it keeps nothing from a plan.
                |id| watches.get(id.index()).and_then(|w| w.held.filter(|_| !w.held_by_transit)),
            );
            match result {
                Ok(plan) => return Some(plan),
                Err(finding) => self.leave_out(i, finding, now, out),
            }
        }
        None
    }

    /// The requests of a wave, each controller at most once: the nearest signal of it.
    fn collect_asks(&mut self, i: usize, now: Millis, meant: impl Fn(&WaveSignal) -> bool) {
        self.asks.clear();
        self.asked.clear();
        let signals = &mut self.waves[i].signals;
        for s in 0..signals.len() {
            let (nearer, signal) = signals[..=s].split_at_mut(s);
            let signal = &mut signal[0];
            let (Some(row), true) = (signal.place.row, meant(signal)) else { continue };
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

    /// Leave out what the checker refused. Each call leaves something out, or everything.
    fn leave_out(&mut self, i: usize, finding: Finding, now: Millis, out: &mut Output) {
        let vehicle = self.waves[i].mission.map(|m| m.vehicle).unwrap_or_default();
        out.notice(Notice::Refused(vehicle, finding));
        let controller = controller_of(finding);
        for s in 0..self.waves[i].signals.len() {
            let here = self.waves[i].signals[s].place.controller;
            if controller.is_none_or(|c| c == here) {
                self.release_signal(i, s, Reason::Refused, now, out);
                self.waves[i].signals[s].skip = Skip::Refused(finding);
            }
        }
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
        let signal = &mut self.waves[i].signals[s];
        signal.revision = command.revision();
        if !signal.asserted {
            signal.state = RequestState::Received;
            signal.asserted = true;
            signal.asserted_at = now;
            out.notice(Notice::Called { vehicle, controller, row, request });
        }
        let held = Held { request, row, from: signal.asserted_at, until: signal.release_at };
        let watch = &mut self.watches[controller.index()];
        (watch.held, watch.held_by_transit) = (Some(held), false);
        out.command(command);
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
        let vehicle = self.waves[i].mission.map(|m| m.vehicle).unwrap_or_default();
        let signal = &mut self.waves[i].signals[s];
        signal.asserted = false;
        signal.request = None;
        signal.revision = 0;
        signal.call_at = Millis::NEVER;
        let step = if served { RequestStep::Complete } else { RequestStep::Expire };
        signal.state = signal.state.next(step).unwrap_or(signal.state);
        if let Some(command) = command {
            out.command(command);
            out.notice(Notice::Released { vehicle, controller: signal.place.controller, request, reason });
        }
    }

    pub(crate) fn release_wave(&mut self, i: usize, reason: Reason, now: Millis, out: &mut Output) {
        for s in 0..self.waves[i].signals.len() {
            self.release_signal(i, s, reason, now, out);
        }
    }
}

/// Whether a signal is called, or is to be called or refreshed now.
fn is_due(signal: &WaveSignal, may_call: bool, now: Millis) -> bool {
    !signal.passed && (signal.asserted || (may_call && wants_call(signal.skip) && signal.call_at <= now))
}

/// Whether a signal is part of the plan at all.
fn may_be_asked(signal: &WaveSignal) -> bool {
    !signal.passed && (wants_call(signal.skip) || signal.asserted) && signal.place.row.is_some()
}

/// A signal whose turn comes after another vehicle's is called too, only later.
fn wants_call(skip: Skip) -> bool {
    matches!(skip, Skip::No | Skip::Taken)
}

fn controller_of(finding: Finding) -> Option<ControllerId> {
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
