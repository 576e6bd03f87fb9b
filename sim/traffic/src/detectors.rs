//! Detectors: who passes them, and who stands on them.

use clearway_network::LinkId;
use clearway_signals::ControllerId;

use crate::event::Event;
use crate::lane::Placed;
use crate::world::{World, narrow};

/// A car this close to a detector is over it: times are rounded to the millisecond.
const AT_DETECTOR_MM: i64 = 200;
/// A vehicle slower than this stands.
const STANDING_MM_S: i64 = 1_000;
/// Detector pulses that nobody fetched are dropped beyond this number.
const PULSES_MAX: usize = 65_536;

impl World {
    /// The detector pulses since the last call: controller and the detector's number at it.
    pub fn take_pulses(&mut self) -> Vec<(ControllerId, u8)> {
        std::mem::take(&mut self.pulses)
    }

    fn pulse(&mut self, controller: ControllerId, number: u8) {
        if self.pulses.len() < PULSES_MAX {
            self.pulses.push((controller, number));
        }
    }

    /// For each detector of the network: controller, number, and whether a vehicle stands on it. The
    /// gap to the vehicle ahead counts as the vehicle: a loop is as long as that.
    #[must_use]
    pub fn detector_occupancy(&self) -> Vec<(ControllerId, u8, bool)> {
        let mut occupancy = Vec::new();
        let mut placed = Vec::new();
        let mut standing: Vec<Placed> = Vec::new();
        for (index, detectors) in self.roads.detectors.iter().enumerate().filter(|(_, d)| !d.is_empty()) {
            standing.clear();
            for lane in self.roads.lanes(LinkId(narrow(index))) {
                self.lanes[lane as usize].place(self.now_ms, &self.fleet, &mut placed);
                standing.extend(placed.iter().filter(|p| p.speed_mm_s < STANDING_MM_S));
            }
            for at in detectors {
                let on = standing.iter().any(|p| (p.rear_mm()..=p.offset_mm).contains(&at.offset_mm));
                occupancy.push((at.controller, at.number, on));
            }
        }
        occupancy
    }

    /// A car comes to a detector. When the queue keeps it from there, it looks again a second later.
    pub(crate) fn car_over(&mut self, slot: u32, serial: u32, lane: u32, detector: u32) {
        let Some(car) = self.fleet.get(slot) else { return };
        if car.serial.0 != serial || car.lane != lane {
            return;
        }
        let Some(&at) = self.roads.detectors[car.link.index()].get(detector as usize) else { return };
        let mut placed = std::mem::take(&mut self.scratch);
        self.lanes[lane as usize].place(self.now_ms, &self.fleet, &mut placed);
        let there = placed.iter().any(|p| p.slot == slot && p.offset_mm + AT_DETECTOR_MM >= at.offset_mm);
        self.scratch = placed;
        if there {
            self.count_over(slot, detector);
        } else {
            self.events.schedule(self.now_ms + 1_000, Event::Detector { slot, serial, lane, detector });
        }
    }

    /// Count a vehicle over a detector of its link, once.
    pub(crate) fn count_over(&mut self, slot: u32, detector: u32) {
        let Some(vehicle) = self.fleet.get_mut(slot) else { return };
        let bit = 1_u32.checked_shl(detector).unwrap_or(0);
        if bit == 0 || vehicle.counted & bit != 0 {
            return;
        }
        vehicle.counted |= bit;
        let at = self.roads.detectors[vehicle.link.index()][detector as usize];
        self.pulse(at.controller, at.number);
    }

    /// A vehicle that leaves its link has been over all its detectors.
    pub(crate) fn count_over_all(&mut self, slot: u32) {
        let Some(link) = self.fleet.get(slot).map(|vehicle| vehicle.link) else { return };
        for detector in 0..self.roads.detectors[link.index()].len() {
            self.count_over(slot, narrow(detector));
        }
    }
}
