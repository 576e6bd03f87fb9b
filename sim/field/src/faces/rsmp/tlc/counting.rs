//! Traffic counting: what passed a detector since the value was sent last.
//!
//! Speed is the single-loop estimate: vehicles times their effective length over the time occupied
//! (Traffic Detector Handbook, FHWA-HRT-06-108, chapter 2); the effective length here is 6.5 m.

use clearway_signals::Millis;

use crate::emulator::Detector;

/// Length of a vehicle and of the loop together, in millimetres.
const EFFECTIVE_LENGTH_MM: i64 = 6_500;

/// Where counting began.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    pub began: Millis,
    pub began_unix_ms: i64,
    /// Number, count and time occupied of each detector.
    base: Vec<(u8, u16, Millis)>,
}

/// What a detector measured since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Measured {
    pub vehicles: u16,
    /// Average, in km/h; `None` without vehicles.
    pub speed_kmh: Option<i64>,
    /// 0 to 100.
    pub occupancy_percent: i64,
}

impl Counting {
    pub fn begin(detectors: &[Detector], now: Millis, unix_ms: i64) -> Self {
        let base = detectors.iter().map(|d| (d.number, d.count, d.busy_total)).collect();
        Self { began: now, began_unix_ms: unix_ms, base }
    }

    pub fn of(&self, detector: &Detector, now: Millis) -> Measured {
        let base = self.base.iter().find(|(number, ..)| *number == detector.number);
        let (count, busy) = base.map_or((0, Millis::ZERO), |(_, count, busy)| (*count, *busy));
        let vehicles = detector.count.wrapping_sub(count);
        let busy = (detector.busy_total - busy).max(Millis::ZERO);
        let passed = (now - self.began).max(Millis(1));
        let speed_kmh = (vehicles > 0 && busy > Millis::ZERO)
            .then(|| (i64::from(vehicles) * EFFECTIVE_LENGTH_MM * 36 / (busy.0 * 10)).clamp(0, 255));
        Measured { vehicles, speed_kmh, occupancy_percent: (busy.0 * 100 / passed.0).clamp(0, 100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_effective_length_over_time_occupied() {
        let mut detector = Detector::default();
        detector.number = 1;
        let counting = Counting::begin(&[detector], Millis::ZERO, 0);
        assert_eq!(
            counting.of(&detector, Millis::from_s(10)),
            Measured { vehicles: 0, speed_kmh: None, occupancy_percent: 0 }
        );
        (detector.count, detector.busy_total) = (2, Millis(1_000));
        // Two vehicles, half a second each: 13 m/s.
        assert_eq!(
            counting.of(&detector, Millis::from_s(10)),
            Measured { vehicles: 2, speed_kmh: Some(46), occupancy_percent: 10 }
        );
    }
}
