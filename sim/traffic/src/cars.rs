//! Background cars: from appearing at a source, from head of lane to tail of the next, to leaving.

use std::sync::Arc;

use clearway_network::{LinkId, MovementId, Turn, Uses};

use crate::event::Event;
use crate::lane::Waiter;
use crate::physics::{
    BLOCKED_MAX_MS, CAR_MM, CRITICAL_GAP_MS, GAP_RETRY_MS, HEADWAY_DARK_MS, MERGE_HEADWAY_MS,
    START_UP_LOST_MS, YELLOW_USED_MS,
};
use crate::routing::WayTree;
use crate::signals::Aspect;
use crate::vehicle::{Class, Vehicle};
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
        let next = now + source.rng.exponential_ms(source.per_s);
        self.events.schedule(next, Event::Arrival { source: index });
        let Some(way) = source.draw_way() else { return };
        self.counts.appeared += 1;
        if source.waiting.len() >= WAITING_MAX {
            self.counts.turned_away += 1;
            return;
        }
        source.waiting.push_back((now, way));
        if !source.called {
            self.let_in(index);
        }
    }

    /// Let cars of a source onto the road while there is room.
    pub(crate) fn let_in(&mut self, index: u32) {
        self.sources[index as usize].called = false;
        let link = self.sources[index as usize].link;
        while let Some((appeared, way)) = self.sources[index as usize].waiting.front().cloned() {
            let lane = self.choose_lane(link, way.first().copied(), Class::Car);
            let state = &mut self.lanes[lane as usize];
            if !state.has_space(CAR_MM) {
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
            self.sources[index as usize].waiting.pop_front();
            self.counts.inside += 1;
            let car = self.new_car(link, way, self.now_ms - appeared);
            let slot = self.fleet.add(car);
            self.enter(slot, link, lane);
        }
    }

    fn new_car(&mut self, link: LinkId, route: Arc<[MovementId]>, delay_ms: i64) -> Vehicle {
        Vehicle {
            serial: self.fleet.next_serial(),
            class: Class::Car,
            length_mm: CAR_MM,
            cross: self.cross.concerns(&self.roads.network, &route),
            route,
            step: 0,
            link,
            lane: 0,
            entered_ms: self.now_ms,
            reach_ms: self.now_ms,
            delay_ms,
            blocked_since_ms: None,
            counted: 0,
            motion: None,
        }
    }

    /// Put a vehicle at the tail of a lane.
    pub(crate) fn enter(&mut self, slot: u32, link: LinkId, lane: u32) {
        let now = self.now_ms;
        let travel = self.roads.travel_ms(link);
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        vehicle.link = link;
        vehicle.lane = lane;
        vehicle.entered_ms = now;
        vehicle.counted = 0;
        vehicle.reach_ms = now + travel;
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
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        vehicle.delay_ms = vehicle.delay_at(now);
        vehicle.blocked_since_ms = None;
        let (lane, length_mm) = (vehicle.lane, vehicle.length_mm);
        let hole_ms = self.lanes[lane as usize].take(slot, length_mm, now);
        self.events.schedule(now + hole_ms, Event::Hole { lane, length_mm });
    }

    /// A hole reached the tail: those who wait for room try again.
    pub(crate) fn space_back(&mut self, lane: u32, length_mm: i64) {
        self.lanes[lane as usize].give_back(length_mm);
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
        let mut ready = head.reach_ms.max(lane.last_departure_ms + self.roads.headway_ms(head.next()));
        let Some(movement) = head.next() else {
            return if ready > now { Leave::At(ready) } else { Leave::Now(None) };
        };
        let shown = self.shown_to(movement);
        match shown.map(|s| (s.aspect, s.since_ms)) {
            None => {}
            Some((Aspect::Green, since)) if head.reach_ms <= since => {
                ready = ready.max(since + START_UP_LOST_MS + self.roads.headway_ms(head.next()));
            }
            Some((Aspect::Green, _)) => {}
            Some((Aspect::Yellow, since)) if now.max(ready) - since < YELLOW_USED_MS => {}
            Some((Aspect::Dark, _)) => ready = ready.max(lane.last_departure_ms + HEADWAY_DARK_MS),
            Some(_) => return Leave::OnSignal,
        }
        if ready > now {
            return Leave::At(ready);
        }
        if shown.is_some_and(|s| s.aspect == Aspect::Green) && !self.gap_is_free(movement) {
            return Leave::At(now + GAP_RETRY_MS);
        }
        self.room_ahead(head, movement)
    }

    fn room_ahead(&self, head: &Vehicle, movement: MovementId) -> Leave {
        let link = self.roads.network.movement(movement).to;
        let into = self.choose_lane(link, head.after_next(), Class::Car);
        let next = &self.lanes[into as usize];
        if !next.has_space(head.length_mm) {
            return Leave::OnSpace(into);
        }
        if next.next_entry_ms > self.now_ms { Leave::At(next.next_entry_ms) } else { Leave::Now(Some(into)) }
    }

    /// Whether a permitted left turn finds a gap in the opposing streams that have green.
    fn gap_is_free(&self, movement: MovementId) -> bool {
        self.roads.opposing[movement.index()].iter().all(|&link| {
            self.roads.lanes(link).all(|lane| {
                let lane = &self.lanes[lane as usize];
                let Some(first) = lane.queue.front().and_then(|&slot| self.fleet.get(slot)) else {
                    return true;
                };
                let Some(next) = first.next() else { return true };
                let turns_left = self.roads.network.movement(next).turn == Turn::Left;
                let stopped = self.shown_to(next).is_some_and(|s| s.aspect != Aspect::Green);
                turns_left || stopped || first.reach_ms > self.now_ms + CRITICAL_GAP_MS
            })
        })
    }

    fn cross_line(&mut self, slot: u32, into: Option<u32>) {
        self.leave_lane(slot);
        let Some(lane) = into else {
            if let Some(car) = self.fleet.remove(slot) {
                self.counts.inside -= 1;
                self.counts.left += 1;
                self.cross.left(&car);
            }
            return;
        };
        let Some(car) = self.fleet.get_mut(slot) else { return };
        let Some(movement) = car.next() else { return };
        car.step += 1;
        let link = self.roads.network.movement(movement).to;
        self.enter(slot, link, lane);
    }

    /// The head waits for room; when it has waited long, it looks for another way.
    fn wait_for_space(&mut self, lane: u32, slot: u32, into: u32) {
        let now = self.now_ms;
        let Some(head) = self.fleet.get_mut(slot) else { return };
        let since = *head.blocked_since_ms.get_or_insert(now);
        if now >= since + BLOCKED_MAX_MS {
            head.blocked_since_ms = Some(now);
            let again = if self.take_detour(slot) { now } else { now + BLOCKED_MAX_MS };
            return self.wake(lane, again);
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
            .filter(|(_, m)| self.lanes[self.choose_lane(m.to, None, Class::Car) as usize].has_space(CAR_MM))
            .map(|(id, _)| id)
            .collect();
        for first in others {
            let start = network.movement(first).to;
            let tree = WayTree::new(&network, start, self.config.seed, 0);
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
