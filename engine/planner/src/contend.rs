//! Which of the trams and buses that want one controller asks it now.
//!
//! A controller holds one row of ours at a time and is asked for transit once a cycle, so that whoever
//! asks first need not be who should. Every vehicle that wants a controller is entered here with its
//! arrival; before one asks, arbitration (`arbitrate`) decides over all of them, and over an emergency
//! vehicle that will need the controller, and only the one whose green comes first asks. Where a
//! controller cannot be predicted, first come is first served.

use clearway_certify::Class;
use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, GroupSet, Millis, VehicleId};

use crate::arbitrate::{Budget, Request, Sites, Stretch};
use crate::engine::Engine;
use crate::output::{Notice, Output};
use crate::turns::Precedence;

/// Trams and buses that contend for one controller.
const CONTENDERS_MAX: usize = 8;
/// A vehicle that has not said so for this long no longer wants the controller.
const FORGOTTEN: Millis = Millis::from_s(20);
/// From its arrival a tram or bus needs the green for this long: its length and its start.
const PASSES: Millis = Millis::from_s(4);
/// Without a prediction no tram asks so long before an emergency vehicle's call.
const BEFORE_EMERGENCY: Millis = Millis::from_s(30);
/// How far a controller is taken to stretch its stages for priority: it decides itself.
const STRETCH: Stretch = Stretch { shorten_max: Millis::from_s(15), extend_max: Millis::from_s(10) };
/// A request that is not served in three cycles counts as delayed by this.
const UNSERVED: Millis = Millis::from_s(180);
/// What delay of an emergency vehicle weighs, against at most some hundreds for a full, late tram.
const EMERGENCY_WEIGHT: u32 = 100_000;

/// One vehicle that wants a controller.
#[derive(Clone, Copy, Debug)]
struct Contender {
    vehicle: VehicleId,
    group: GroupId,
    arrival: Millis,
    heard: Millis,
    weight: u32,
}

/// What a vehicle wants of a controller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub vehicle: VehicleId,
    pub controller: ControllerId,
    /// The groups that its path needs.
    pub wanted: GroupSet,
    pub arrival: Millis,
    /// What a millisecond of its delay counts.
    pub weight: u32,
}

/// Who contends where.
#[derive(Debug)]
pub(crate) struct Contest {
    sites: Sites,
    contenders: Vec<[Option<Contender>; CONTENDERS_MAX]>,
    requests: Vec<Request>,
    asking: Vec<VehicleId>,
    /// For each vehicle where it was last told to wait, and for whom.
    told: Vec<Option<(ControllerId, VehicleId)>>,
}

impl Contest {
    pub fn new(network: &Network, vehicles: usize) -> Self {
        Self {
            sites: Sites::new(network, &STRETCH),
            contenders: vec![[None; CONTENDERS_MAX]; network.controllers.len()],
            requests: Vec::with_capacity(CONTENDERS_MAX + 1),
            asking: Vec::with_capacity(CONTENDERS_MAX),
            told: vec![None; vehicles],
        }
    }

    /// Enter a vehicle, or what it now says. Without room it is served as it comes.
    fn enter(&mut self, want: &Want, now: Millis) {
        let places = &mut self.contenders[want.controller.index()];
        let known = places.iter().position(|p| p.is_some_and(|c| c.vehicle == want.vehicle));
        let free = || places.iter().position(|p| p.is_none_or(|c| now.since(c.heard) > FORGOTTEN));
        let Some((place, group)) = known.or_else(free).zip(want.wanted.iter().next()) else { return };
        let Want { vehicle, arrival, weight, .. } = *want;
        places[place] = Some(Contender { vehicle, group, arrival, heard: now, weight });
    }

    /// A vehicle no longer wants the controller.
    pub fn leave(&mut self, vehicle: VehicleId, controller: ControllerId) {
        for place in &mut self.contenders[controller.index()] {
            *place = place.filter(|contender| contender.vehicle != vehicle);
        }
    }
}

/// What arbitration says to a vehicle that wants to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Say {
    /// Ask.
    Ask,
    /// Another tram or bus asks first.
    After(VehicleId),
    /// An emergency vehicle needs the controller before this one is through.
    AfterEmergency(VehicleId),
}

/// What a millisecond of delay counts: three times as much on a tram as on a bus, more the fuller and the
/// later it is (planning notes 4.4: mode · passengers · f(lateness), f zero when early).
pub(crate) fn weight(class: Class, load_pct: Option<u8>, lateness_s: Option<i32>) -> u32 {
    let mode = if class == Class::Tram { 3 } else { 1 };
    let load = 50 + u32::from(load_pct.unwrap_or(50).min(100));
    let late = 60 + lateness_s.unwrap_or(0).clamp(0, 900).unsigned_abs();
    mode * load * late / 2_000 + 1
}

impl Engine {
    /// Whether a vehicle that wants a controller is the one to ask it now.
    pub(crate) fn is_its_turn(&mut self, want: &Want, now: Millis, out: &mut Output) -> bool {
        self.contest.enter(want, now);
        if !self.is_open_to_transit(want.controller, now) {
            return false;
        }
        let (first, why) = match self.arbitrate(want, now) {
            Say::Ask => return true,
            Say::After(first) => (first, Precedence::LessDelay),
            Say::AfterEmergency(first) => (first, Precedence::MoreUrgent),
        };
        let (vehicle, controller) = (want.vehicle, want.controller);
        let told = &mut self.contest.told[vehicle.index()];
        if *told != Some((controller, first)) {
            *told = Some((controller, first));
            out.notice(Notice::PutOff { vehicle, controller, first, why });
        }
        false
    }

    /// Nobody holds the controller, the last grant is a cycle ago, and what it took was given back: the
    /// controller is in its plan again, or has had one cycle more for it.
    fn is_open_to_transit(&self, controller: ControllerId, now: Millis) -> bool {
        let watch = &self.watches[controller.index()];
        let Some(site) = self.network.controller(controller) else { return false };
        let compensated = watch.transit_after == Millis::ZERO
            || watch.cycle_zero().is_none()
            || now >= watch.transit_after + site.plan.cycle
            || watch.in_step(site);
        watch.serves() && watch.held.is_none() && now >= watch.transit_after && compensated
    }

    /// The first emergency vehicle that will need a controller: who, with which groups, called and green
    /// when.
    fn emergency_ahead(&self, controller: ControllerId) -> Option<(VehicleId, GroupSet, Millis, Millis)> {
        let waves = self.waves.iter().filter(|wave| wave.is_under_way());
        let signals = waves.flat_map(|wave| wave.signals.iter().map(move |signal| (wave, signal)));
        let there = signals.filter(|(_, signal)| !signal.passed && signal.place.controller == controller);
        let (wave, signal) = there.min_by_key(|(_, signal)| signal.call_at)?;
        let vehicle = wave.mission?.vehicle;
        (signal.call_at != Millis::NEVER).then_some((
            vehicle,
            signal.place.wanted,
            signal.call_at,
            signal.green_at,
        ))
    }

    fn arbitrate(&mut self, want: &Want, now: Millis) -> Say {
        let controller = want.controller;
        let emergency = self.emergency_ahead(controller);
        let delay = match self.who_asks_first(want, emergency, now) {
            Some((first, _)) if first != want.vehicle => return Say::After(first),
            Some((_, delay)) => Some(delay),
            None => None,
        };
        let Some((vehicle, _, call_at, _)) = emergency else { return Say::Ask };
        // Through before the emergency vehicle's call, by the prediction or else by a wide margin.
        let through = delay.map_or(now + BEFORE_EMERGENCY, |delay| want.arrival + delay + PASSES);
        if through <= call_at { Say::Ask } else { Say::AfterEmergency(vehicle) }
    }

    /// Who asks first, and with which delay; `None` where the controller cannot be predicted.
    fn who_asks_first(
        &mut self,
        want: &Want,
        emergency: Option<(VehicleId, GroupSet, Millis, Millis)>,
        now: Millis,
    ) -> Option<(VehicleId, Millis)> {
        let Contest { sites, contenders, requests, asking, .. } = &mut self.contest;
        requests.clear();
        asking.clear();
        for contender in contenders[want.controller.index()].iter().flatten() {
            if now.since(contender.heard) > FORGOTTEN {
                continue;
            }
            let early = contender.arrival.since(now);
            let Contender { group, weight, .. } = *contender;
            requests.push(Request { group, early, late: early + PASSES, weight, unserved: Some(UNSERVED) });
            asking.push(contender.vehicle);
        }
        if let Some((_, wanted, _, green_at)) = emergency {
            let (group, early) = (wanted.iter().next()?, green_at.since(now));
            let weight = EMERGENCY_WEIGHT;
            requests.push(Request { group, early, late: early + PASSES, weight, unserved: Some(UNSERVED) });
        }
        if requests.len() < 2 {
            return asking.first().map(|only| (*only, Millis::ZERO));
        }
        let site = self.network.controller(want.controller)?;
        let watch = &self.watches[want.controller.index()];
        let outcome = sites.decide(site, watch, now, requests, &Budget::default())?;
        let given = outcome.given();
        // The emergency vehicle does not ask here: it preempts. It only bounds who may before it.
        let served = (0..asking.len()).filter(|n| given.get(*n).is_some_and(|g| g.occurrence.is_some()));
        let first = served.min_by_key(|n| (requests[*n].early + given[*n].delay, *n))?;
        Some((asking[first], given[first].delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_late_tram_weighs_more_than_an_empty_bus_on_time() {
        let tram = weight(Class::Tram, Some(90), Some(300));
        let bus = weight(Class::Bus, Some(10), Some(0));
        assert!(tram > 10 * bus, "{tram} and {bus}");
        assert!(weight(Class::Tram, Some(100), Some(100_000)) * 100 < EMERGENCY_WEIGHT, "never an emergency");
        assert_eq!(
            weight(Class::Bus, None, None),
            weight(Class::Bus, Some(50), Some(-600)),
            "early is on time"
        );
    }

    #[test]
    fn contenders_leave_when_they_say_so_or_are_silent() {
        let network = clearway_network::testing::corridor(2);
        let mut contest = Contest::new(&network, 20);
        let want = |vehicle: u32| Want {
            vehicle: VehicleId(vehicle),
            controller: ControllerId(1),
            wanted: GroupSet(1),
            arrival: Millis::from_s(30),
            weight: 1,
        };
        let here = |contest: &Contest| -> Vec<u32> {
            contest.contenders[1].iter().flatten().map(|contender| contender.vehicle.0).collect()
        };
        for vehicle in 0..10 {
            contest.enter(&want(vehicle), Millis::ZERO);
        }
        assert_eq!(here(&contest), [0, 1, 2, 3, 4, 5, 6, 7], "bounded");
        contest.leave(VehicleId(3), ControllerId(1));
        contest.enter(&want(9), Millis(1_000));
        contest.enter(&want(9), Millis(2_000));
        assert_eq!(here(&contest), [0, 1, 2, 9, 4, 5, 6, 7]);
        contest.enter(&want(8), FORGOTTEN + Millis(1));
        assert_eq!(here(&contest), [8, 1, 2, 9, 4, 5, 6, 7], "the silent one gave way");
    }
}
