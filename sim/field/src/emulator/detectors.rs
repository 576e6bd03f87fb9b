//! Vehicle detectors: counts, occupancy, volumes of a period.

use clearway_signals::Millis;

/// Volumes and occupancies are collected over this period.
pub const VOLUME_PERIOD: Millis = Millis(10_000);
/// A pulse shows as occupied for this long.
const PULSE: Millis = Millis(500);

/// One detector's readings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Detector {
    /// Its number at the controller, from 1.
    pub number: u8,
    /// Vehicles since the start, modulo 2^16.
    pub count: u16,
    /// A vehicle stands on it.
    pub occupied: bool,
    /// Vehicles in the last whole period.
    pub volume: u8,
    /// Share of the last whole period in which it was occupied, 0 to 200 in half percents.
    pub occupancy: u8,
    /// Time that it was occupied since the start.
    pub busy_total: Millis,
    /// Set by hand to occupied or free, whatever lies on it.
    pub forced: Option<bool>,
    held: bool,
    pulse_until: Millis,
    count_before: u16,
    busy: Millis,
}

/// The detectors of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Detectors {
    list: Vec<Detector>,
    period_ends: Millis,
    sequence: u8,
}

impl Detectors {
    pub fn new(numbers: impl Iterator<Item = u8>, now: Millis) -> Self {
        let list = numbers.map(|number| Detector { number, ..Detector::default() }).collect();
        Self { list, period_ends: now + VOLUME_PERIOD, sequence: 0 }
    }

    pub fn list(&self) -> &[Detector] {
        &self.list
    }

    /// Grows with each period, modulo 256.
    pub fn sequence(&self) -> u8 {
        self.sequence
    }

    /// A vehicle passes; whether there is such a detector.
    pub fn pulse(&mut self, number: u8, now: Millis) -> bool {
        let Some(detector) = self.find(number) else { return false };
        detector.count = detector.count.wrapping_add(1);
        detector.pulse_until = now + PULSE;
        detector.occupied = detector.forced.unwrap_or(true);
        true
    }

    /// A vehicle stands on it, or no longer; whether there is such a detector.
    pub fn hold(&mut self, number: u8, occupied: bool) -> bool {
        let Some(detector) = self.find(number) else { return false };
        detector.held = occupied;
        detector.occupied = detector.forced.unwrap_or(detector.occupied | occupied);
        true
    }

    /// Set a detector by hand, or leave it to the street again; whether there is such a detector.
    /// Set from free to occupied counts as a vehicle.
    pub fn force(&mut self, number: u8, state: Option<bool>) -> bool {
        let Some(detector) = self.find(number) else { return false };
        if state == Some(true) && !detector.occupied {
            detector.count = detector.count.wrapping_add(1);
        }
        detector.forced = state;
        detector.occupied = state.unwrap_or(detector.held);
        true
    }

    pub fn tick(&mut self, now: Millis, tick: Millis) {
        for detector in &mut self.list {
            let real = detector.held || now < detector.pulse_until;
            detector.occupied = detector.forced.unwrap_or(real);
            if detector.occupied {
                detector.busy_total += tick;
                detector.busy += tick;
            }
        }
        if now >= self.period_ends {
            self.period_ends = now + VOLUME_PERIOD;
            self.sequence = self.sequence.wrapping_add(1);
            self.list.iter_mut().for_each(close_period);
        }
    }

    fn find(&mut self, number: u8) -> Option<&mut Detector> {
        self.list.iter_mut().find(|detector| detector.number == number)
    }
}

fn close_period(detector: &mut Detector) {
    let volume = detector.count.wrapping_sub(detector.count_before);
    detector.volume = u8::try_from(volume).unwrap_or(u8::MAX);
    detector.occupancy = u8::try_from(detector.busy.0 * 200 / VOLUME_PERIOD.0).unwrap_or(200).min(200);
    detector.count_before = detector.count;
    detector.busy = Millis::ZERO;
}
