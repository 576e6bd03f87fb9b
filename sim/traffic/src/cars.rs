//! Background cars: from appearing at a source, from head of lane to tail of the next, to leaving.

use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Uses};
use clearway_signals::Millis;

use crate::demand::Waiting;
use crate::event::Event;
use crate::lane::Waiter;
use crate::physics::{
    BLOCKED_MAX_MS, CAR_MM, CRITICAL_GAP_MS, GAP_RETRY_MS, HEADWAY_DARK_MS, MERGE_HEADWAY_MS,
};
use crate::rng::{bounded_normal_of, unit_of};
use crate::roads::{Hop, NO_GROUP};
use crate::routing::WayTree;
use crate::signals::Aspect;
use crate::vehicle::{Class, UNLISTED, Vehicle};
use crate::world::{World, narrow};

/// Cars that wait at one source; more are turned away and counted.
const WAITING_MAX: usize = 200;

/// Whether the head of a lane may leave now.
enum Leave {
    Now(Option<u32>),
    /// Not before this time.
    At(i64),
    /// Not before the signal changes.
    OnSignal,
    /// Not before there is room in this lane.
    OnSpace(u32),
}

impl World {
    /// A car appears at its source, and the next one is scheduled.
    pub(crate) fn car_appears(&mut self, index: u32) {
        let now = self.now_ms;
        let source = &mut self.sources[index as usize];
        // A stream that changes is the densest one, thinned (Lewis and Shedler 1979).
        let profile = &self.profile;
        let kept = profile.is_flat() || source.rng.unit() * profile.highest() < profile.at(now);
        let next = now + source.rng.exponential_ms(source.per_s * profile.highest());
        self.events.schedule(next, Event::Arrival { source: index });
        if !kept {
            return;
        }
        let Some(way) = source.draw_way() else { return };
        self.wait_at_edge(index, way, UNLISTED);
    }

    /// The car of a listed trip appears.
    pub(crate) fn listed_appears(&mut self, trip: u32) {
        let source = self.source_of_trip[trip as usize];
        let way = Arc::clone(&self.listed[trip as usize].way);
        self.wait_at_edge(source, way, trip);
    }

    fn wait_at_edge(&mut self, index: u32, way: Arc<[MovementId]>, trip: u32) {
        self.counts.appeared += 1;
        let source = &mut self.sources[index as usize];
        if trip == UNLISTED && source.waiting.len() >= WAITING_MAX {
            self.counts.turned_away += 1;
            return;
        }
        source.waiting.push_back(Waiting { appeared_ms: self.now_ms, way, trip });
        if !source.called {
            self.let_in(index);
        }
    }

    /// Let cars of a source onto the road while there is room.
    pub(crate) fn let_in(&mut self, index: u32) {
        self.sources[index as usize].called = false;
        let link = self.sources[index as usize].link;
        while let Some(car) = self.sources[index as usize].waiting.front() {
            let lane = self.choose_lane(link, car.way.first().copied(), Class::Car);
            let state = &mut self.lanes[lane as usize];
            if !state.has_space(CAR_MM) || state.closed {
                state.call_back(Waiter::Source(index));
                self.sources[index as usize].called = true;
                return;
            }
            if state.next_entry_ms > self.now_ms {
                let at = state.next_entry_ms;
                self.events.schedule(at, Event::Source { source: index });
                self.sources[index as usize].called = true;
                return;
            }
            let Some(car) = self.sources[index as usize].waiting.pop_front() else { return };
            self.counts.inside += 1;
            if let Some(times) = self.trip_times.get_mut(car.trip as usize) {
                times.entered_ms = Some(self.now_ms);
            }
            let car = self.new_car(link, car);
            let slot = self.fleet.add(car);
            self.enter(slot, link, lane);
            self.look_around(slot);
        }
    }

    fn new_car(&mut self, link: LinkId, car: Waiting) -> Vehicle {
        let route = car.way;
        Vehicle {
            serial: self.fleet.next_serial(),
            class: Class::Car,
            length_mm: CAR_MM,
            cross: self.cross.concerns(&self.roads.network, &route),
            route,
            step: 0,
            link,
            lane: 0,
            trip: car.trip,
            appeared_ms: self.now_ms,
            entered_ms: self.now_ms,
            reach_ms: self.now_ms,
            delay_ms: self.now_ms - car.appeared_ms,
            blocked_since_ms: None,
            counted: 0,
            motion: None,
        }
    }

    /// Put a vehicle at the tail of a lane.
    pub(crate) fn enter(&mut self, slot: u32, link: LinkId, lane: u32) {
        let now = self.now_ms;
        let travel = self.lanes[lane as usize].travel_ms;
        let slower = self.pace_permille(slot);
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        vehicle.link = link;
        vehicle.lane = lane;
        vehicle.entered_ms = now;
        vehicle.counted = 0;
        vehicle.reach_ms = now + travel * 1000 / slower;
        let (serial, is_car, reach) = (vehicle.serial.0, vehicle.motion.is_none(), vehicle.reach_ms);
        let state = &mut self.lanes[lane as usize];
        state.push(slot, vehicle.length_mm);
        state.next_entry_ms = now + MERGE_HEADWAY_MS;
        if !is_car {
            return;
        }
        for (index, detector) in self.roads.detectors[link.index()].iter().enumerate() {
            let at = now + detector.offset_mm * 1000 / self.roads.speed_mm_s(link);
            let detector = narrow(index);
            self.events.schedule(at, Event::Detector { slot, serial, lane, detector });
        }
        if self.lanes[lane as usize].queue.front() == Some(&slot) {
            self.wake(lane, reach);
        }
    }

    /// Take a vehicle out of its lane; its hole starts to run.
    pub(crate) fn leave_lane(&mut self, slot: u32) {
        let now = self.now_ms;
        self.count_over_all(slot);
        self.traversals += 1;
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        let lost = if vehicle.motion.is_none() { (now - vehicle.reach_ms).max(0) } else { 0 };
        vehicle.delay_ms = vehicle.delay_at(now);
        vehicle.blocked_since_ms = None;
        let (lane, length_mm) = (vehicle.lane, vehicle.length_mm);
        let state = &mut self.lanes[lane as usize];
        state.passed += 1;
        state.lost_ms += lost;
        let hole_ms = state.take(slot, length_mm, now);
        let length_mm = u32::try_from(length_mm).unwrap_or(0);
        self.events.schedule(now + hole_ms, Event::Hole { lane, length_mm });
    }

    /// Free speed of a driver in thousandths of the street's.
    fn pace_permille(&self, slot: u32) -> i64 {
        let manners = &self.manners;
        let mean = i64::from(manners.speed_mean_permille);
        if manners.speed_sd_permille == 0 {
            return mean;
        }
        let Some(vehicle) = self.fleet.get(slot) else { return mean };
        let drawn = bounded_normal_of(self.config.seed, 0x7_0000, u64::from(vehicle.serial.0));
        #[allow(clippy::cast_possible_truncation)]
        let differs = (drawn * f64::from(manners.speed_sd_permille)) as i64;
        // Nobody drives at less than half, or more than one and a half times, the mean.
        mean + differs.clamp(-mean / 2, mean / 2)
    }

    /// A hole reached the tail: those who wait for room try again.
    pub(crate) fn space_back(&mut self, lane: u32, length_mm: u32) {
        self.lanes[lane as usize].give_back(i64::from(length_mm));
        self.call_waiters(lane);
    }

    pub(crate) fn call_waiters(&mut self, lane: u32) {
        for waiter in self.lanes[lane as usize].take_waiters() {
            match waiter {
                Waiter::Lane(other) => self.serve(other),
                Waiter::Source(source) => self.let_in(source),
            }
        }
    }

    fn wake(&mut self, lane: u32, at_ms: i64) {
        let state = &mut self.lanes[lane as usize];
        if state.wake_ms.is_none_or(|wake| wake > at_ms) {
            state.wake_ms = Some(at_ms);
            self.events.schedule(at_ms, Event::Head { lane });
        }
    }

    /// Let the head of a lane go, and the next, until one has to wait.
    pub(crate) fn serve(&mut self, lane: u32) {
        while let Some(&slot) = self.lanes[lane as usize].queue.front() {
            let Some(head) = self.fleet.get(slot) else { return };
            if head.motion.is_some() {
                return;
            }
            match self.may_leave(head) {
                Leave::Now(into) => self.cross_line(slot, into),
                Leave::At(at) => return self.wake(lane, at),
                Leave::OnSignal => return,
                Leave::OnSpace(into) => return self.wait_for_space(lane, slot, into),
            }
        }
    }

    fn may_leave(&self, head: &Vehicle) -> Leave {
        let now = self.now_ms;
        let lane = &self.lanes[head.lane as usize];
        let hop = head.next().map(|movement| self.roads.hop(movement));
        let headway = self.headway_ms(hop);
        let mut ready = head.reach_ms.max(lane.last_departure_ms + headway);
        if lane.closed {
            let Some(beside) = self.open_beside(head.lane, head.link) else { return Leave::OnSignal };
            ready = ready.max(self.lanes[beside as usize].last_departure_ms + headway);
        }
        let (Some(hop), Some(movement)) = (hop, head.next()) else {
            return if ready > now { Leave::At(ready) } else { Leave::Now(None) };
        };
        let shown = self.shown.get(hop.group as usize).map(|s| (s.aspect, s.since_ms));
        match shown {
            None => {}
            Some((Aspect::Green, since)) => ready = ready.max(self.start_ms(head, since, headway)),
            Some((Aspect::Yellow, since))
                if now.max(ready) - since < self.yellow_used_ms(head, since, headway) => {}
            Some((Aspect::Dark, _)) => ready = ready.max(lane.last_departure_ms + HEADWAY_DARK_MS),
            Some(_) => return Leave::OnSignal,
        }
        if ready > now {
            return Leave::At(ready);
        }
        let green = shown.is_some_and(|(aspect, _)| aspect == Aspect::Green);
        if green
            && hop.gives_way
            && let Some(again) = self.next_gap_ms(movement)
        {
            return Leave::At(again);
        }
        self.room_ahead(head, hop)
    }

    fn headway_ms(&self, hop: Option<&Hop>) -> i64 {
        let turns = hop.is_some_and(|hop| hop.turns);
        if turns { self.manners.headway_turn_ms } else { self.manners.headway_ms }
    }

    /// When the head may go under the green that began at `since`. A departure stands for the middle of
    /// its headway; the first of a standing queue takes longer.
    fn start_ms(&self, head: &Vehicle, since: i64, headway: i64) -> i64 {
        let first = self.lanes[head.lane as usize].place_under(since) == 0;
        let stood = first && head.reach_ms <= since;
        if stood { since + self.manners.start_up_ms + headway / 2 } else { head.reach_ms }
    }

    /// Yellow that the last driver of this green uses: half a headway more or less than the mean, so that
    /// the mean number of cars in a green is no whole number.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn yellow_used_ms(&self, head: &Vehicle, since: i64, headway: i64) -> i64 {
        let drawn = unit_of(self.config.seed, 0x8_0000 + u64::from(head.lane), since.cast_unsigned());
        self.manners.yellow_used_ms + ((drawn - 0.5) * headway as f64) as i64
    }

    fn room_ahead(&self, head: &Vehicle, hop: &Hop) -> Leave {
        let into = self.choose_lane(hop.to, head.after_next(), Class::Car);
        let next = &self.lanes[into as usize];
        if !next.has_space(head.length_mm) || next.closed {
            return Leave::OnSpace(into);
        }
        if next.next_entry_ms > self.now_ms { Leave::At(next.next_entry_ms) } else { Leave::Now(Some(into)) }
    }

    /// When a permitted left turn has to look for a gap again in the opposing streams that have green;
    /// `None` where there is one now.
    fn next_gap_ms(&self, movement: MovementId) -> Option<i64> {
        let lanes = self.roads.opposing[movement.index()].iter().flat_map(|&link| self.roads.lanes(link));
        lanes.filter_map(|lane| self.blocks_until_ms(lane)).max()
    }

    /// Until when the head of an opposing lane leaves no gap; not before it is over the line.
    fn blocks_until_ms(&self, lane: u32) -> Option<i64> {
        let lane = &self.lanes[lane as usize];
        let first = lane.queue.front().and_then(|&slot| self.fleet.get(slot))?;
        let hop = self.roads.hop(first.next()?);
        let stopped = self.shown.get(hop.group as usize).is_some_and(|s| s.aspect != Aspect::Green);
        if hop.turns_left || stopped || first.reach_ms > self.now_ms + CRITICAL_GAP_MS {
            return None;
        }
        let passes_ms = first.reach_ms.max(lane.last_departure_ms + self.manners.headway_ms);
        Some(passes_ms.max(self.now_ms + GAP_RETRY_MS))
    }

    fn cross_line(&mut self, slot: u32, into: Option<u32>) {
        let loss_ms = self.discharge(slot);
        self.leave_lane(slot);
        let Some(lane) = into else {
            if let Some(car) = self.fleet.remove(slot) {
                self.counts.inside -= 1;
                self.counts.left += 1;
                self.cross.left(&car);
                self.travelled.cars += 1;
                self.travelled.time += Millis(self.now_ms - car.appeared_ms);
                if let Some(times) = self.trip_times.get_mut(car.trip as usize) {
                    times.left_ms = Some(self.now_ms);
                }
            }
            return;
        };
        let Some(car) = self.fleet.get_mut(slot) else { return };
        let Some(movement) = car.next() else { return };
        car.step += 1;
        let link = self.roads.hop(movement).to;
        self.enter(slot, link, lane);
        self.look_around(slot);
        if loss_ms > 0
            && let Some(car) = self.fleet.get_mut(slot)
        {
            car.reach_ms += loss_ms;
            car.delay_ms += loss_ms;
        }
    }

    /// Note that the head of a lane leaves; gives the time that it loses beyond the line.
    fn discharge(&mut self, slot: u32) -> i64 {
        let Some(head) = self.fleet.get(slot) else { return 0 };
        let (lane, link, reach) = (head.lane, head.link, head.reach_ms);
        let group = head.next().map_or(NO_GROUP, |movement| self.roads.hop(movement).group);
        if self.lanes[lane as usize].closed
            && let Some(beside) = self.open_beside(lane, link)
        {
            self.lanes[beside as usize].last_departure_ms = self.now_ms;
        }
        let Some(shown) = self.shown.get(group as usize).filter(|shown| shown.aspect == Aspect::Green) else {
            return 0;
        };
        let state = &mut self.lanes[lane as usize];
        let place = state.place_under(shown.since_ms);
        state.discharge(shown.since_ms, reach <= shown.since_ms);
        let stood = state.stood && self.now_ms > reach;
        if stood { self.manners.loss_beyond_line_ms(place, state.speed_mm_s) } else { 0 }
    }

    /// The head waits for room; when it has waited long, it looks for another way.
    fn wait_for_space(&mut self, lane: u32, slot: u32, into: u32) {
        let now = self.now_ms;
        let Some(head) = self.fleet.get_mut(slot) else { return };
        let since = *head.blocked_since_ms.get_or_insert(now);
        if self.lanes[into as usize].closed || now >= since + BLOCKED_MAX_MS {
            head.blocked_since_ms = Some(now);
            if self.take_detour(slot) {
                return self.wake(lane, now);
            }
            self.lanes[into as usize].call_back(Waiter::Lane(lane));
            return self.wake(lane, now + BLOCKED_MAX_MS);
        }
        self.wake(lane, since + BLOCKED_MAX_MS);
        self.lanes[into as usize].call_back(Waiter::Lane(lane));
    }

    /// Give the head of a blocked lane another way to its goal, over a link that has room.
    fn take_detour(&mut self, slot: u32) -> bool {
        let Some(head) = self.fleet.get(slot) else { return false };
        let network = Arc::clone(&self.roads.network);
        let Some(goal) = head.route.last().map(|&m| network.movement(m).to) else { return false };
        let others: Vec<MovementId> = network
            .leaving(head.link)
            .filter(|(id, m)| Some(*id) != head.next() && m.uses.allow(Uses::CAR) && self.is_for_cars(m.to))
            .filter(|(_, m)| !self.is_closed(m.to))
            .filter(|(_, m)| self.lanes[self.choose_lane(m.to, None, Class::Car) as usize].has_space(CAR_MM))
            .map(|(id, _)| id)
            .collect();
        for first in others {
            let start = network.movement(first).to;
            let tree = WayTree::around(&network, start, self.config.seed, 0, |link| self.is_closed(link));
            if let Some(rest) = tree.route_to(&network, goal) {
                let route: Arc<[MovementId]> = std::iter::once(first).chain(rest.iter().copied()).collect();
                if let Some(head) = self.fleet.get_mut(slot) {
                    head.route = route;
                    head.step = 0;
                    head.blocked_since_ms = None;
                    self.counts.detours += 1;
                }
                return true;
            }
        }
        false
    }
}
