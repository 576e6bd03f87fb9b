//! Trams and buses in the engine: their requests asked, refreshed, released.

use std::sync::Arc;

use clearway_certify::{Ask, Class, Draft, Held, certify};
use clearway_signals::{ControllerId, Millis, RequestId, RequestState, RequestStep, VehicleId};

use crate::along::SignalOnWay;
use crate::config::Config;
use crate::contend::{Want, weight};
use crate::engine::Engine;
use crate::event::TransitUpdate;
use crate::output::{Notice, Output, Reason};
use crate::transit::{Standing, Transit, TransitRequest};

/// A transit request lives no longer than this.
const REQUEST_MAX: Millis = Millis::from_s(60);
/// A vehicle that has not reported for this long is off its line.
const SILENT_MAX: Millis = Millis::from_s(30);

impl Engine {
    pub(crate) fn on_transit(&mut self, update: &TransitUpdate, now: Millis, out: &mut Output) {
        let vehicle = update.fix.vehicle;
        let (true, true) =
            (vehicle.index() < self.transits.len(), update.line.index() < self.network.lines.len())
        else {
            return;
        };
        let network = Arc::clone(&self.network);
        let known = self.transits[vehicle.index()].as_ref().is_some_and(|t| t.line == update.line);
        if !known {
            self.on_transit_end(vehicle, now, out);
            self.transits[vehicle.index()] = self.appear(update);
        } else if let Some(transit) = &mut self.transits[vehicle.index()] {
            let on_way = transit.report(&network, &self.lines[transit.plan], &mut self.dwells, update);
            if !on_way {
                self.on_transit_end(vehicle, now, out);
                self.transits[vehicle.index()] = self.appear(update);
            }
        }
        self.keep_sequence(vehicle, now);
        self.serve(vehicle, now, out);
    }

    /// How full a vehicle is.
    pub(crate) fn on_load(&mut self, vehicle: VehicleId, percent: u8) {
        if let Some(Some(transit)) = self.transits.get_mut(vehicle.index()) {
            transit.load_pct = Some(percent.min(100));
        }
    }

    pub(crate) fn on_transit_end(&mut self, vehicle: VehicleId, now: Millis, out: &mut Output) {
        self.release_transit(vehicle, Reason::NoLongerNeeded, now, out);
        if let Some(place) = self.transits.get_mut(vehicle.index()) {
            *place = None;
        }
    }

    pub(crate) fn tick_transit(&mut self, now: Millis, out: &mut Output) {
        for v in 0..self.transits.len() {
            let Some(transit) = self.transits[v] else { continue };
            let vehicle = VehicleId(u32::try_from(v).unwrap_or(u32::MAX));
            if now.since(transit.track.fix_at) > SILENT_MAX {
                self.on_transit_end(vehicle, now, out);
            } else if transit.request.is_some() {
                self.drop_if_over(vehicle, now, out);
            }
        }
    }

    /// Ask, refresh or release for one vehicle after its report.
    fn serve(&mut self, vehicle: VehicleId, now: Millis, out: &mut Output) {
        self.drop_if_over(vehicle, now, out);
        let Some(transit) = self.transits[vehicle.index()] else { return };
        let plan = &self.lines[transit.plan];
        let Some((next, eta)) = transit.next_signal(plan, &self.config, now) else { return };
        let place = plan.signals[next];
        let ruling = self.rule_on_transit(vehicle, transit.line, place.controller);
        let config = Config { tram_late_s: ruling.late_s(self.config.tram_late_s), ..self.config };
        // A controller that is asked already keeps its promise; a new request is made only where it helps.
        let first = transit.request.is_none() && place.row.is_some();
        let wants = transit.wants(plan, &config, next, eta)
            && (!first || self.response(&place, now, now + eta).helps());
        if !wants {
            self.contest.leave(vehicle, place.controller);
        }
        match transit.request {
            Some(request) if request.signal == next && wants => self.ask(vehicle, next, eta, now, out),
            Some(_) => self.release_transit(vehicle, Reason::NoLongerNeeded, now, out),
            None if wants && place.row.is_none() => self.report_no_channel(vehicle, next, out),
            None if wants && self.may_ask(vehicle, &transit, &place, now + eta, now, out) => {
                self.ask(vehicle, next, eta, now, out);
            }
            None => self.stand(vehicle, Standing::None),
        }
    }

    /// Whether the policy permits a first request, and it is the vehicle's turn to ask.
    fn may_ask(
        &mut self,
        vehicle: VehicleId,
        transit: &Transit,
        place: &SignalOnWay,
        arrival: Millis,
        now: Millis,
        out: &mut Output,
    ) -> bool {
        let controller = place.controller;
        let ruling = self.rule_on_transit(vehicle, transit.line, controller);
        if let Some(rule) = ruling.refused_by().or_else(|| self.spent_quota(vehicle, controller, now)) {
            self.contest.leave(vehicle, controller);
            self.tell_denied(vehicle, controller, rule, out);
            return false;
        }
        let class = self.vehicles[vehicle.index()].class;
        let weight = weight(class, transit.load_pct, transit.lateness_s);
        let want = Want { vehicle, controller, wanted: place.wanted, arrival, weight };
        self.is_its_turn(&want, now, out)
    }

    fn stand(&mut self, vehicle: VehicleId, standing: Standing) {
        if let Some(transit) = &mut self.transits[vehicle.index()] {
            transit.standing = standing;
        }
    }

    fn report_no_channel(&mut self, vehicle: VehicleId, signal: usize, out: &mut Output) {
        let Some(transit) = &mut self.transits[vehicle.index()] else { return };
        transit.standing = Standing::NoChannel;
        if transit.reported != Some(signal) {
            transit.reported = Some(signal);
            let controller = self.lines[transit.plan].signals[signal].controller;
            out.notice(Notice::NoPriorityChannel(vehicle, controller));
        }
    }

    /// Certify and send the request for one signal, for the first time or as a refresh.
    fn ask(&mut self, vehicle: VehicleId, signal: usize, eta: Millis, now: Millis, out: &mut Output) {
        let Some(mut transit) = self.transits[vehicle.index()] else { return };
        let place = self.lines[transit.plan].signals[signal];
        let (Some(row), true) = (place.row, out.has_room()) else { return };
        let first = transit.request.is_none();
        let request = transit.request.unwrap_or(TransitRequest {
            signal,
            request: RequestId(self.next_request),
            state: RequestState::Received,
            revision: 0,
            asked_at: now,
            release_at: now + REQUEST_MAX,
        });
        let ask = Ask {
            controller: place.controller,
            row,
            request: request.request,
            wanted: place.wanted,
            assert_at: request.asked_at,
            arrival: now + eta,
            release_at: request.release_at,
        };
        let network = Arc::clone(&self.network);
        let watches = &self.watches;
        let class = self.vehicles[vehicle.index()].class;
        let certified = certify(
            &Draft { class, asks: &[ask] },
            self.epoch,
            |id| network.controller(id).map(clearway_network::Controller::junction),
            |id| watches.get(id.index()).and_then(|w| w.held),
        );
        let lease_end =
            now + (transit.track.cadence + transit.track.cadence + transit.track.cadence).max(Millis(5_000));
        match certified.map(|plan| plan.assert(0, request.revision + 1, now, lease_end)) {
            Ok(Some(command)) => {
                transit.request = Some(TransitRequest { revision: command.revision(), ..request });
                if first {
                    self.next_request = self.next_request.wrapping_add(1).max(1);
                    transit.standing = Standing::Asked;
                    let controller = place.controller;
                    let rule = self.rule_on_transit(vehicle, transit.line, controller).rule;
                    self.contest.leave(vehicle, controller);
                    self.note_grant(vehicle, controller, now);
                    let request = request.request;
                    out.notice(Notice::Called { vehicle, controller, row, request, rule });
                }
                let held =
                    Held { request: request.request, row, from: request.asked_at, until: request.release_at };
                let watch = &mut self.watches[place.controller.index()];
                (watch.held, watch.held_by_transit, watch.holder) = (Some(held), true, vehicle);
                self.transits[vehicle.index()] = Some(transit);
                out.command(command);
            }
            Ok(None) => {}
            Err(finding) => {
                if class == Class::Emergency || first {
                    out.notice(Notice::Refused(vehicle, finding));
                }
                self.release_transit(vehicle, Reason::Refused, now, out);
            }
        }
    }

    /// Release a request whose vehicle has passed, fell silent, or took too long.
    fn drop_if_over(&mut self, vehicle: VehicleId, now: Millis, out: &mut Output) {
        let Some(transit) = self.transits[vehicle.index()] else { return };
        let Some(request) = transit.request else { return };
        let plan = &self.lines[transit.plan];
        let silence =
            (transit.track.cadence + transit.track.cadence + transit.track.cadence).max(Millis(5_000));
        if transit.has_passed(plan, &self.config, request.signal, now) {
            self.release_transit(vehicle, Reason::CheckedOut, now, out);
        } else if now.since(transit.track.fix_at) >= silence {
            self.release_transit(vehicle, Reason::Silent, now, out);
        } else if now >= request.release_at {
            self.release_transit(vehicle, Reason::HoldOver, now, out);
        }
    }

    pub(crate) fn release_transit(
        &mut self,
        vehicle: VehicleId,
        reason: Reason,
        now: Millis,
        out: &mut Output,
    ) {
        let Some(Some(mut transit)) = self.transits.get(vehicle.index()).copied() else { return };
        let (Some(request), true) = (transit.request, out.has_room()) else { return };
        let place = self.lines[transit.plan].signals[request.signal];
        let Some(row) = place.row else { return };
        let served = request.state == RequestState::Activated;
        let revision = request.revision + 1;
        let command = self.let_go(place.controller, row, request.request, revision, served, now);
        let cycle = self.network.controllers[place.controller.index()].plan.cycle;
        self.watches[place.controller.index()].transit_after = now + cycle;
        transit.request = None;
        transit.standing = Standing::None;
        self.transits[vehicle.index()] = Some(transit);
        if let Some(command) = command {
            out.command(command);
            let released =
                Notice::Released { vehicle, controller: place.controller, request: request.request, reason };
            out.notice(released);
        }
    }

    /// The controller ended a request by its own word. A tram's is over; an emergency vehicle asks on.
    pub(crate) fn on_ended(
        &mut self,
        controller: ControllerId,
        request: RequestId,
        state: RequestState,
        now: Millis,
        out: &mut Output,
    ) {
        let known = self.watches.get(controller.index()).and_then(|watch| watch.held);
        if known.is_none_or(|held| held.request != request) {
            return;
        }
        out.notice(Notice::Moved { controller, request, state });
        self.release_transit_at(controller, Reason::Ended, now, out);
        // Its end is told already: only the way back into the plan is awaited.
        let closing = self.watches[controller.index()].closing.as_mut();
        closing.into_iter().filter(|closing| closing.request == request).for_each(|c| c.gone = true);
    }

    /// Take a controller back from whichever tram holds it.
    pub(crate) fn release_transit_at(
        &mut self,
        controller: ControllerId,
        reason: Reason,
        now: Millis,
        out: &mut Output,
    ) {
        let Some(held) = self.watches[controller.index()].held else { return };
        let holder = self
            .transits
            .iter()
            .position(|t| t.is_some_and(|t| t.request.is_some_and(|r| r.request == held.request)));
        if let Some(v) = holder {
            self.release_transit(VehicleId(u32::try_from(v).unwrap_or(u32::MAX)), reason, now, out);
        }
    }

    pub(crate) fn release_all_transit(&mut self, now: Millis, out: &mut Output) {
        for v in 0..self.transits.len() {
            self.release_transit(VehicleId(u32::try_from(v).unwrap_or(u32::MAX)), Reason::Operator, now, out);
        }
    }

    /// The controller's word on a tram's request.
    pub(crate) fn move_transit(
        &mut self,
        controller: ControllerId,
        request: RequestId,
        step: RequestStep,
        out: &mut Output,
    ) {
        for transit in self.transits.iter_mut().flatten() {
            let Some(own) = transit.request.as_mut().filter(|r| r.request == request) else { continue };
            if let Some(state) = own.state.next(step) {
                own.state = state;
                if state == RequestState::Activated {
                    transit.standing = Standing::Granted;
                }
                out.notice(Notice::Moved { controller, request, state });
            }
        }
    }
}
