//! The policy inside the engine: what each vehicle is permitted, and who was told so.

use clearway_certify::Class;
use clearway_network::LineId;
use clearway_signals::{ControllerId, Millis, VehicleId};

use crate::engine::Engine;
use crate::event::LocalTime;
use crate::output::{Notice, Output};
use crate::policy::{Asking, Grant, Policy, RuleId, Ruling, Usage};
use crate::wave::Skip;

/// A request that a quota refuses is judged again after this.
const AGAIN: Millis = Millis::from_s(10);

/// What the policy says of asking for one signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permit {
    /// The rule that speaks of it.
    pub rule: Option<RuleId>,
    refused: bool,
    /// A quota that is used up, and until when that stands.
    spent: Option<(RuleId, Millis)>,
    told: Option<RuleId>,
}

impl Permit {
    /// The rule or quota that refuses at `now`.
    #[must_use]
    pub fn refused_by(&self, now: Millis) -> Option<RuleId> {
        let spent = self.spent.filter(|(_, until)| now < *until).map(|(quota, _)| quota);
        self.rule.filter(|_| self.refused).or(spent)
    }
}

/// The policy and its accounts.
#[derive(Debug)]
pub(crate) struct Permits {
    policy: Policy,
    usage: Usage,
    /// What the site's clocks show, once that is known.
    local: Option<LocalTime>,
    /// For each tram or bus where it was last told of a refusal, and by what.
    told: Vec<Option<(ControllerId, RuleId)>>,
}

impl Permits {
    pub fn new(policy: Policy, vehicles: usize) -> Self {
        let usage = Usage::new(&policy, vehicles);
        Self { policy, usage, local: None, told: vec![None; vehicles] }
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Engine {
    /// The site's clocks show another minute: rules with hours may say something else now.
    pub(crate) fn on_local_time(&mut self, time: LocalTime, out: &mut Output) {
        self.local_time = time;
        self.permits.local = Some(time);
        for i in 0..self.waves.len() {
            self.judge_wave(i, out);
        }
    }

    /// Ask the rules about every signal of a wave that is not called yet.
    pub(crate) fn judge_wave(&mut self, i: usize, out: &mut Output) {
        let Some(mission) = self.waves[i].mission else { return };
        let vehicle = mission.vehicle;
        for signal in self.waves[i].signals.iter_mut().filter(|s| !s.passed && !s.asserted) {
            let controller = signal.place.controller;
            let ruling = self.permits.policy.rule(&Asking {
                class: Class::Emergency,
                priority: Some(mission.priority),
                duty: mission.duty,
                line: None,
                controller,
                at: self.permits.local,
            });
            let refused = ruling.refused_by();
            (signal.permit.rule, signal.permit.refused) = (ruling.rule, refused.is_some());
            if let Some(rule) = refused.filter(|rule| signal.permit.told != Some(*rule)) {
                signal.permit.told = Some(rule);
                out.notice(Notice::Denied { vehicle, controller, rule });
            }
        }
    }

    /// Of the due signals of a wave those whose call no quota refuses.
    pub(crate) fn within_quotas(&mut self, i: usize, due: u64, now: Millis, out: &mut Output) -> u64 {
        if self.permits.policy.quotas().is_empty() {
            return due;
        }
        let Some(vehicle) = self.waves[i].mission.map(|mission| mission.vehicle) else { return due };
        let (mut within, mut admitted) = (due, false);
        for s in 0..self.waves[i].signals.len() {
            let signal = self.waves[i].signals[s];
            if due & (1 << s) == 0 || signal.asserted {
                continue;
            }
            let controller = signal.place.controller;
            let spent = if admitted { None } else { self.spent_quota(vehicle, controller, now) };
            if !admitted && spent.is_none() {
                admitted = true;
                continue;
            }
            // One new call at a time, so that each is counted before the next; that one waits a tick.
            within &= !(1 << s);
            let Some(rule) = spent else { continue };
            let signal = &mut self.waves[i].signals[s];
            signal.permit.spent = Some((rule, now + AGAIN));
            signal.skip = Skip::Denied(rule);
            if signal.permit.told != Some(rule) {
                signal.permit.told = Some(rule);
                out.notice(Notice::Denied { vehicle, controller, rule });
            }
        }
        within
    }

    /// A call was made.
    pub(crate) fn note_grant(&mut self, vehicle: VehicleId, controller: ControllerId, now: Millis) {
        let class = self.vehicles[vehicle.index()].class;
        let grant = Grant { vehicle, class, controller, now };
        self.permits.usage.note(&self.permits.policy, &grant);
    }

    /// What the rules say of a tram or bus at a controller.
    pub(crate) fn rule_on_transit(&self, vehicle: VehicleId, line: LineId, at: ControllerId) -> Ruling {
        self.permits.policy.rule(&Asking {
            class: self.vehicles[vehicle.index()].class,
            priority: None,
            duty: None,
            line: Some(line),
            controller: at,
            at: self.permits.local,
        })
    }

    /// The quota that a call would break.
    pub(crate) fn spent_quota(
        &mut self,
        vehicle: VehicleId,
        controller: ControllerId,
        now: Millis,
    ) -> Option<RuleId> {
        let (watches, vehicles) = (&self.watches, &self.vehicles);
        let held = || {
            let ids = (0..).map(ControllerId).zip(watches);
            ids.filter(|(_, watch)| watch.held.is_some())
                .filter_map(|(id, watch)| Some((id, watch.holder, vehicles.get(watch.holder.index())?.class)))
        };
        let class = vehicles[vehicle.index()].class;
        self.permits.usage.broken(&self.permits.policy, &Grant { vehicle, class, controller, now }, held)
    }

    /// Tell once that a tram or bus is refused.
    pub(crate) fn tell_denied(
        &mut self,
        vehicle: VehicleId,
        controller: ControllerId,
        rule: RuleId,
        out: &mut Output,
    ) {
        let told = &mut self.permits.told[vehicle.index()];
        if *told != Some((controller, rule)) {
            *told = Some((controller, rule));
            out.notice(Notice::Denied { vehicle, controller, rule });
        }
    }
}
