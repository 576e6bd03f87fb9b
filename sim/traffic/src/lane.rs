//! A lane: a queue, first in first out, with a physical length.
//!
//! Space comes back to the tail when the hole that a leaving vehicle made has run the lane's length
//! at Newell's wave speed; so a full lane blocks the one upstream by itself. Where each car is
//! between the ends follows from the same theory: free travel, its place in the standing queue, the
//! start wave of those that left before it, and the vehicle ahead; the hindmost of these counts.

use std::collections::VecDeque;

use crate::physics::{CAR_MM, wave_ms};
use crate::vehicle::Fleet;

/// Who tries again when space comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waiter {
    Lane(u32),
    Source(u32),
}

/// Departures remembered for the start wave: as many cars as stand in 200 m.
const GONE_MAX: usize = 28;
/// A start wave is over after this time, whatever the lane's length.
const GONE_MS: i64 = 60_000;

/// One lane of one link.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Slots, head first.
    pub(crate) queue: VecDeque<u32>,
    pub(crate) length_mm: i64,
    pub(crate) speed_mm_s: i64,
    /// Free travel time over its length.
    pub(crate) travel_ms: i64,
    /// Length taken by vehicles and by holes under way.
    used_mm: i64,
    /// Vehicles must not enter.
    pub(crate) closed: bool,
    /// The start of the green under which `discharged` vehicles have left, and whether the first stood.
    pub(crate) green_since_ms: i64,
    pub(crate) discharged: u8,
    pub(crate) stood: bool,
    /// Vehicles that have left, and what they lost here.
    pub(crate) passed: u32,
    pub(crate) lost_ms: i64,
    pub(crate) last_departure_ms: i64,
    pub(crate) next_entry_ms: i64,
    /// When its head event comes, if one is scheduled.
    pub(crate) wake_ms: Option<i64>,
    /// Called when space comes back; each once.
    waiters: Vec<Waiter>,
    /// Time and length of the last departures, latest last.
    gone: VecDeque<(i64, i64)>,
}

/// Where a vehicle of a lane is at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub(crate) slot: u32,
    /// Its front, from the start of the link.
    pub(crate) offset_mm: i64,
    pub(crate) speed_mm_s: i64,
    pub(crate) length_mm: i64,
    passing: bool,
}

impl Placed {
    /// A vehicle that knows its own place.
    pub(crate) fn alone(slot: u32, offset_mm: i64, speed_mm_s: i64, length_mm: i64) -> Self {
        Self { slot, offset_mm, speed_mm_s, length_mm, passing: false }
    }

    /// Its rear end; below zero while it still stands in the link before.
    pub(crate) fn rear_mm(&self) -> i64 {
        self.offset_mm - self.length_mm
    }
}

impl Lane {
    /// `travel_ms` is the free travel time over the link.
    pub(crate) fn new(length_mm: i64, speed_mm_s: i64, travel_ms: i64) -> Self {
        Self {
            queue: VecDeque::new(),
            length_mm,
            speed_mm_s,
            travel_ms,
            used_mm: 0,
            closed: false,
            green_since_ms: i64::MIN,
            discharged: 0,
            stood: false,
            passed: 0,
            lost_ms: 0,
            last_departure_ms: i64::MIN / 2,
            next_entry_ms: i64::MIN / 2,
            wake_ms: None,
            waiters: Vec::new(),
            gone: VecDeque::new(),
        }
    }

    pub(crate) fn used_mm(&self) -> i64 {
        self.used_mm
    }

    /// Whether a vehicle fits. One car more than the bare length holds: the last may still stand
    /// with its tail over the start, and short links between junctions keep their capacity.
    /// An empty lane takes any vehicle.
    pub(crate) fn has_space(&self, length_mm: i64) -> bool {
        self.queue.is_empty() || self.used_mm + length_mm <= self.length_mm + CAR_MM
    }

    pub(crate) fn push(&mut self, slot: u32, length_mm: i64) {
        self.queue.push_back(slot);
        self.used_mm += length_mm;
    }

    /// Take a vehicle out at `now_ms`; gives the time its hole takes to the tail.
    pub(crate) fn take(&mut self, slot: u32, length_mm: i64, now_ms: i64) -> i64 {
        if self.queue.front() == Some(&slot) {
            self.queue.pop_front();
        } else {
            self.queue.retain(|&other| other != slot);
        }
        self.last_departure_ms = self.last_departure_ms.max(now_ms);
        if self.gone.len() == GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back((now_ms, length_mm));
        wave_ms(self.length_mm)
    }

    /// Put a vehicle in at a place of the queue, counted from the head.
    pub(crate) fn insert(&mut self, index: usize, slot: u32, length_mm: i64) {
        self.queue.insert(index.min(self.queue.len()), slot);
        self.used_mm += length_mm;
    }

    /// Let a vehicle and the one ahead of it change places.
    pub(crate) fn overtake(&mut self, slot: u32) {
        if let Some(index) = self.queue.iter().position(|&other| other == slot).filter(|&index| index > 0) {
            self.queue.swap(index, index - 1);
        }
    }

    /// Have `waiter` called when space comes back.
    pub(crate) fn call_back(&mut self, waiter: Waiter) {
        if !self.waiters.contains(&waiter) {
            self.waiters.push(waiter);
        }
    }

    /// Those to call now.
    pub(crate) fn take_waiters(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.waiters)
    }

    /// The place in its queue, from 0, of the next to leave under the green that began at `since_ms`.
    pub(crate) fn place_under(&self, since_ms: i64) -> u8 {
        if self.green_since_ms == since_ms { self.discharged } else { 0 }
    }

    /// The head leaves under the green that began at `since_ms`; `stood` when it waited for it.
    pub(crate) fn discharge(&mut self, since_ms: i64, stood: bool) {
        if self.green_since_ms != since_ms {
            (self.green_since_ms, self.discharged, self.stood) = (since_ms, 0, stood);
        }
        self.discharged = self.discharged.saturating_add(1);
    }

    pub(crate) fn give_back(&mut self, length_mm: i64) {
        self.used_mm = (self.used_mm - length_mm).max(0);
    }

    /// Where everyone in the lane is, head first.
    pub(crate) fn place(&self, now_ms: i64, fleet: &Fleet, placed: &mut Vec<Placed>) {
        placed.clear();
        let mut ahead_mm = 0;
        let mut leader: Option<Placed> = None;
        for &slot in &self.queue {
            let Some(vehicle) = fleet.get(slot) else { continue };
            let (offset_mm, speed_mm_s, passing) = match vehicle.motion {
                Some(motion) => (motion.offset_mm, motion.speed_mm_s, motion.passing),
                None => {
                    let (offset, speed) = self.car(now_ms, vehicle.entered_ms, ahead_mm, leader);
                    (offset, speed, false)
                }
            };
            ahead_mm += vehicle.length_mm;
            let here = Placed { slot, offset_mm, speed_mm_s, length_mm: vehicle.length_mm, passing };
            leader = Some(here);
            placed.push(here);
        }
    }

    /// Offset and speed of a car that entered at `entered_ms` and has `ahead_mm` of vehicles ahead.
    fn car(&self, now_ms: i64, entered_ms: i64, ahead_mm: i64, leader: Option<Placed>) -> (i64, i64) {
        let run = |ms: i64| ms * self.speed_mm_s / 1000;
        let mut best = (run(now_ms - entered_ms), self.speed_mm_s);
        let mut hold = |limit: (i64, i64)| {
            if limit.0 < best.0 {
                best = limit;
            }
        };
        hold((self.length_mm - ahead_mm, 0));
        if let Some(leader) = leader.filter(|leader| !leader.passing) {
            hold((leader.rear_mm(), leader.speed_mm_s));
        }
        let mut behind_mm = ahead_mm;
        for &(left_ms, length_mm) in self.gone.iter().rev() {
            if now_ms - left_ms > GONE_MS {
                break;
            }
            behind_mm += length_mm;
            let rolling_ms = now_ms - left_ms - wave_ms(behind_mm);
            let speed = if rolling_ms > 0 { self.speed_mm_s } else { 0 };
            hold((self.length_mm - behind_mm + run(rolling_ms.max(0)), speed));
        }
        (best.0.max(0), best.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_queue_starts_as_a_wave_that_runs_backwards() {
        let mut lane = Lane::new(200_000, 13_889, 14_400);
        // The head left at 0; the second in the queue waits for the wave to come 14 m back.
        lane.push(0, CAR_MM);
        let _ = lane.take(0, CAR_MM, 0);
        let second = |now_ms| lane.car(now_ms, -60_000, CAR_MM, None);
        assert_eq!(second(2_000), (200_000 - 14_000, 0));
        let (rolling, speed) = second(2_800);
        assert!(rolling > 186_000 && rolling < 193_000 && speed == 13_889, "{rolling}");
        assert_eq!(second(4_000), (193_000, 0));
    }

    #[test]
    fn a_lane_takes_vehicles_to_its_length_and_gives_space_back_at_the_wave_speed() {
        let mut lane = Lane::new(70_000, 13_889, 5_040);
        let mut held = 0;
        while lane.has_space(CAR_MM) {
            lane.push(held, CAR_MM);
            held += 1;
        }
        assert_eq!(held, 11);
        assert_eq!(lane.take(0, CAR_MM, 0), 12_727);
        assert!(!lane.has_space(CAR_MM));
        lane.give_back(CAR_MM);
        assert!(lane.has_space(CAR_MM));
    }
}
