//! Who stands at a stop line: arrivals counted by the detector, departures by the green that was seen.

use clearway_signals::Millis;

/// Vehicles in thousandths, so that a slow discharge is not rounded away.
const VEHICLE: i64 = 1000;
/// Vehicles that stand on one lane when the queue reaches the detector 40 m before the line.
const TO_DETECTOR: i64 = 6 * VEHICLE;
/// More than this on one lane is not believed from counts alone.
const BELIEVED: i64 = 40 * VEHICLE;
/// Arrivals of the next seconds count as part of what is not known of a queue.
const SOON_S: i64 = 15;
/// A queue is thought to grow on for no longer than this.
const GROWS_MAX: Millis = Millis::from_s(90);

/// Thousandths of a vehicle that leave in so long a green, by the saturation headway of a lane.
#[must_use]
pub fn departed(elapsed: Millis, lanes: i64, headway: Millis) -> i64 {
    elapsed.0 * VEHICLE * lanes / headway.0.max(1)
}

/// Time from green until the tail of a queue rolls: start-up time plus `each` for every vehicle on a lane,
/// nothing where nobody stands (T_Q of planning notes 4.2: l₁ + h·n). `waiting_milli`: thousandths of a
/// vehicle on all `lanes`, of which there is at least one.
#[must_use]
pub fn discharge(waiting_milli: i64, lanes: i64, startup: Millis, each: Millis) -> Millis {
    if waiting_milli * 2 < VEHICLE * lanes {
        return Millis::ZERO;
    }
    startup + Millis(waiting_milli / lanes * each.0 / VEHICLE)
}

/// The queue of one approach, all lanes together.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Queue {
    standing: i64,
    /// Thousandths of a vehicle in a second, smoothed.
    rate: i64,
    counted_at: Millis,
    moved_at: Millis,
}

impl Queue {
    /// Take a detector reading in.
    pub fn count(&mut self, vehicles: u16, occupied: bool, green: bool, lanes: u8, at: Millis) {
        let arrived = i64::from(vehicles) * VEHICLE;
        let elapsed = at.since(self.counted_at);
        if elapsed > Millis::ZERO && self.counted_at > Millis::ZERO {
            let seen = arrived * 1000 / elapsed.0;
            let weight = (elapsed.0 / 100).clamp(1, 300);
            self.rate += (seen - self.rate) * weight / 300;
        }
        self.counted_at = at;
        let lanes = i64::from(lanes.max(1));
        // Who meets green and nobody before him does not stand.
        if !(green && self.standing < VEHICLE * lanes) {
            self.standing = (self.standing + arrived).min(BELIEVED * lanes);
        }
        if occupied && !green {
            self.standing = self.standing.max(TO_DETECTOR * lanes);
        }
    }

    /// Time passed, with the approach green or not.
    pub fn discharge(&mut self, green: bool, lanes: u8, headway: Millis, at: Millis) {
        let elapsed = at.since(self.moved_at).min(Millis::from_s(10));
        self.moved_at = at;
        if green {
            let left = departed(elapsed, i64::from(lanes.max(1)), headway);
            self.standing = (self.standing - left).max(0);
        }
    }

    /// Vehicles that stand on one lane.
    #[must_use]
    pub fn standing_per_lane(&self, lanes: u8) -> i64 {
        (self.standing / i64::from(lanes.max(1)) + VEHICLE / 2) / VEHICLE
    }

    /// Standard deviation of the vehicles that stand on one lane when green comes, thousandths of a
    /// vehicle: arrivals come by chance, a detector misses some, starts are quick or slow. Nothing
    /// where nobody stands or is to come.
    #[must_use]
    pub fn doubt(&self, lanes: u8) -> i64 {
        let per_lane = (self.standing + self.rate * SOON_S) / i64::from(lanes.max(1));
        if per_lane < VEHICLE / 4 { 0 } else { VEHICLE * 7 / 10 + per_lane / 8 }
    }

    /// The time that [`discharge`] takes if the queue grows on until `green_in` from now.
    #[must_use]
    pub fn clearing(&self, lanes: u8, startup: Millis, each: Millis, green_in: Millis) -> Millis {
        Ahead::new(self, lanes, Millis(1), (startup, each)).clearing(green_in)
    }
}

/// A queue looked ahead at in steps of a second: arrivals at their usual rate, departures by green.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    standing: i64,
    /// Thousandths of a vehicle that come in a second, and that leave in a second of green.
    coming: i64,
    leaving: i64,
    lanes: i64,
    startup: Millis,
    each: Millis,
}

impl Ahead {
    /// A queue as it is, the saturation headway of a lane, and the start-up time with what each standing
    /// vehicle adds to it.
    #[must_use]
    pub fn new(queue: &Queue, lanes: u8, headway: Millis, (startup, each): (Millis, Millis)) -> Self {
        let lanes = i64::from(lanes.max(1));
        let leaving = departed(Millis(1_000), lanes, headway);
        Self { standing: queue.standing, coming: queue.rate, leaving, lanes, startup, each }
    }

    /// A second passes, with the approach green or not.
    pub fn step(&mut self, green: bool) {
        self.standing += self.coming;
        if green {
            self.standing = (self.standing - self.leaving).max(0);
        }
    }

    /// As [`Queue::clearing`].
    #[must_use]
    pub fn clearing(&self, green_in: Millis) -> Millis {
        let waiting = self.standing + self.coming * green_in.min(GROWS_MAX).0 / 1000;
        discharge(waiting.min(BELIEVED * self.lanes), self.lanes, self.startup, self.each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADWAY: Millis = Millis(2_000);
    const STARTUP: Millis = Millis(2_000);

    #[test]
    fn a_queue_grows_in_red_and_goes_in_green() {
        let mut queue = Queue::default();
        for second in 1..=10 {
            queue.discharge(false, 1, HEADWAY, Millis::from_s(second));
            queue.count(u16::from(second % 2 == 0), false, false, 1, Millis::from_s(second));
        }
        assert_eq!(queue.standing_per_lane(1), 5);
        assert_eq!(queue.clearing(1, STARTUP, HEADWAY, Millis::ZERO), Millis(12_000));
        for second in 11..=20 {
            queue.discharge(true, 1, HEADWAY, Millis::from_s(second));
        }
        assert_eq!(queue.standing_per_lane(1), 0);
        assert_eq!(queue.clearing(1, STARTUP, HEADWAY, Millis::ZERO), Millis::ZERO);
    }

    #[test]
    fn an_occupied_detector_in_red_means_a_queue_up_to_it() {
        let mut queue = Queue::default();
        queue.count(0, true, false, 2, Millis::from_s(1));
        assert_eq!(queue.standing_per_lane(2), 6);
    }

    #[test]
    fn looking_ahead_adds_arrivals_and_takes_departures() {
        let mut queue = Queue::default();
        for second in 1..=60 {
            queue.count(u16::from(second % 4 == 0), false, false, 1, Millis::from_s(second));
        }
        let mut ahead = Ahead::new(&queue, 1, HEADWAY, (STARTUP, HEADWAY));
        let now = ahead.clearing(Millis::ZERO);
        (0..10).for_each(|_| ahead.step(false));
        assert!(ahead.clearing(Millis::ZERO) > now + Millis(2_000));
        (0..200).for_each(|_| ahead.step(true));
        assert_eq!(ahead.clearing(Millis::ZERO), Millis::ZERO);
    }

    #[test]
    fn nonsense_counts_are_bounded() {
        let mut queue = Queue::default();
        for second in 1..100 {
            queue.count(u16::MAX, true, false, 1, Millis::from_s(second));
        }
        assert!(queue.standing_per_lane(1) <= 40);
        assert!(queue.clearing(1, STARTUP, HEADWAY, Millis::NEVER) <= Millis::from_s(90));
    }
}
