//! What the engine knows around a vehicle's wish: the sequence of its line, the controller's answer.

use clearway_signals::{Millis, VehicleId};

use super::response::{Response, foretell};
use crate::along::SignalOnWay;
use crate::engine::Engine;

impl Engine {
    /// Note the signals that a vehicle has passed since its last report, and how it runs in the sequence
    /// of its line. On a way around an incident the sequence is broken, and only lateness counts.
    pub(crate) fn keep_sequence(&mut self, vehicle: VehicleId, now: Millis) {
        let Some(transit) = self.transits.get_mut(vehicle.index()).and_then(Option::as_mut) else { return };
        let (line, plan) = (transit.line.index(), &self.lines[transit.plan]);
        if transit.plan != line {
            return;
        }
        let next = transit.next_signal(plan, &self.config, now);
        let until = next.map_or(plan.signals.len(), |(signal, _)| signal);
        for signal in transit.next.unwrap_or(until)..until {
            self.headways.pass(line, signal, now);
        }
        transit.next = Some(until);
        if let Some((signal, eta)) = next {
            let headway = Millis::from_s(i64::from(self.network.lines[line].headway_s));
            transit.spacing = self.headways.spacing(line, signal, headway, now + eta);
        }
    }

    /// What the controller would do with a request of a vehicle that arrives then.
    pub(crate) fn response(&self, place: &SignalOnWay, now: Millis, arrival: Millis) -> Response {
        match self.network.controller(place.controller) {
            Some(controller) => {
                foretell(controller, &self.watches[place.controller.index()], place.wanted, now, arrival)
            }
            None => Response::Unknown,
        }
    }
}
