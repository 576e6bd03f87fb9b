//! What the detectors measure, for the queue estimate: S0205 to S0208 of all detector logics, or S0201 to
//! S0204 of each where the site does not serve these.
//!
//! Vehicles are counted in passenger cars: a heavy vehicle takes as much of a green as two of them
//! (Highway Capacity Manual 2010, chapter 18, E_T = 2.0). A vehicle stands on a detector when it was
//! occupied for nearly all of the last interval and nothing moved over it; the presence of the instant
//! (S0002) does not tell a standing vehicle from a passing one and stands in only where no occupancy is
//! measured.

use clearway_signals::Millis;

use crate::frame::StatusValue;
use crate::session::Wanted;

/// Detectors of one controller.
const DETECTORS_MAX: usize = 255;
/// Occupied for this share of an interval, per cent, is stood upon…
const STANDING_PERCENT: u32 = 80;
/// …unless what passed was this fast, km/h.
const MOVING_KMH: u32 = 10;
/// What was measured longer ago says nothing of now.
const MEASURED_FOR: Millis = Millis::from_s(5);
/// A heavy vehicle counts this much more than a car, thousandths.
const HEAVY_EXTRA: u32 = 1_000;

const fn each(every_s: u16, code: &'static str, name: &'static str) -> Wanted {
    Wanted { code, name, every_s, on_change: false }
}

/// Counts, speeds and occupancies each second, classes more rarely, for only their shares count.
const fn counted([counts, speeds, occupancies, classes]: [&'static str; 4]) -> [Wanted; 12] {
    [
        each(1, counts, "vehicles"),
        each(1, speeds, "speed"),
        each(1, occupancies, "occupancy"),
        each(5, classes, "P"),
        each(5, classes, "PS"),
        each(5, classes, "L"),
        each(5, classes, "LS"),
        each(5, classes, "B"),
        each(5, classes, "SP"),
        each(5, classes, "MC"),
        each(5, classes, "C"),
        each(5, classes, "F"),
    ]
}

/// What is subscribed of the controller.
pub(crate) const COUNTED: [Wanted; 12] = counted(["S0205", "S0206", "S0207", "S0208"]);

/// What is subscribed of each detector logic where the controller has no such statuses.
pub(crate) const COUNTED_ONE: [Wanted; 12] = counted(["S0201", "S0202", "S0203", "S0204"]);

/// What one value measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quantity {
    Vehicles,
    Speed,
    Occupancy,
    /// Cars and motor cycles.
    Light,
    /// Lorries, buses, trams, and everything with a trailer.
    Heavy,
    /// Cycles and people: they stand in no queue.
    Other,
}

fn quantity(code: &str, name: &str) -> Option<Quantity> {
    Some(match (code, name) {
        ("S0201" | "S0205", "vehicles") => Quantity::Vehicles,
        ("S0202" | "S0206", "speed") => Quantity::Speed,
        ("S0203" | "S0207", "occupancy") => Quantity::Occupancy,
        ("S0204" | "S0208", "P" | "MC") => Quantity::Light,
        ("S0204" | "S0208", "PS" | "L" | "LS" | "B" | "SP") => Quantity::Heavy,
        ("S0204" | "S0208", "C" | "F") => Quantity::Other,
        _ => return None,
    })
}

/// What one message says of one detector.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    vehicles: Option<u32>,
    /// The speed was told; none where nothing passed.
    speed: Option<Option<u32>>,
    occupancy: Option<Option<u32>>,
    classes: Option<(u32, u32)>,
}

impl Measured {
    fn take(&mut self, quantity: Quantity, number: Option<u32>) {
        let (light, heavy) = self.classes.unwrap_or_default();
        match quantity {
            Quantity::Vehicles => self.vehicles = number,
            Quantity::Speed => self.speed = Some(number),
            Quantity::Occupancy => self.occupancy = Some(number),
            Quantity::Light => self.classes = Some((light.saturating_add(number.unwrap_or(0)), heavy)),
            Quantity::Heavy => self.classes = Some((light, heavy.saturating_add(number.unwrap_or(0)))),
            Quantity::Other => {}
        }
    }
}

/// One detector.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    vehicles: u32,
    /// What was left over when cars were made of heavy vehicles, thousandths.
    rest: u32,
    /// Share of heavy vehicles, thousandths, smoothed.
    heavy: u32,
    speed: Option<u32>,
    occupancy: Option<u32>,
    measured_at: Millis,
    counts: bool,
    classifies: bool,
}

impl Tally {
    /// The first count of a connection is since nobody knows when: it counts nothing.
    fn take_in(&mut self, now: Millis, measured: Measured) {
        if let Some(vehicles) = measured.vehicles {
            if self.counts {
                self.vehicles = self.vehicles.saturating_add(vehicles);
            }
            self.counts = true;
        }
        if let Some((light, heavy)) = measured.classes {
            let all = light.saturating_add(heavy);
            if let Some(share) = heavy.saturating_mul(1_000).checked_div(all) {
                self.heavy = if self.classifies { (3 * self.heavy + share) / 4 } else { share };
            }
            // Where vehicles are only told by class, these are the count.
            if self.classifies && !self.counts {
                self.vehicles = self.vehicles.saturating_add(all);
            }
            self.classifies = true;
        }
        if let Some(speed) = measured.speed {
            self.speed = speed;
        }
        if let Some(occupancy) = measured.occupancy {
            (self.occupancy, self.measured_at) = (occupancy, now);
        }
    }

    /// Passenger cars since the last call.
    fn cars(&mut self) -> u16 {
        let vehicles = core::mem::take(&mut self.vehicles).min(u32::from(u16::MAX));
        let cars = vehicles * (1_000 + self.heavy * HEAVY_EXTRA / 1_000) + self.rest;
        self.rest = cars % 1_000;
        u16::try_from(cars / 1_000).unwrap_or(u16::MAX)
    }

    /// Whether something stands on it; `None` where no occupancy is measured.
    fn is_stood_upon(&self, now: Millis) -> Option<bool> {
        let occupancy = self.occupancy.filter(|_| now.since(self.measured_at) <= MEASURED_FOR)?;
        let moves = self.speed.is_some_and(|speed| speed >= MOVING_KMH);
        Some(occupancy >= STANDING_PERCENT && !moves)
    }
}

/// The counter of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    detectors: Vec<Tally>,
}

impl Counter {
    /// Take values of the controller: a number for each detector logic.
    pub(super) fn note_all(&mut self, now: Millis, values: &[StatusValue]) {
        let mut measured: Vec<Measured> = Vec::new();
        for (quantity, text) in told(values) {
            for (index, word) in text.split(',').take(DETECTORS_MAX).enumerate() {
                if measured.len() <= index {
                    measured.resize(index + 1, Measured::default());
                }
                measured[index].take(quantity, number(word));
            }
        }
        for (index, measured) in measured.into_iter().enumerate() {
            self.tally(index).take_in(now, measured);
        }
    }

    /// Take values of the detector logic of this number, from 1.
    pub(super) fn note_one(&mut self, now: Millis, detector: u8, values: &[StatusValue]) {
        let Some(index) = usize::from(detector).checked_sub(1) else { return };
        let mut measured = Measured::default();
        told(values).for_each(|(quantity, text)| measured.take(quantity, number(text)));
        self.tally(index).take_in(now, measured);
    }

    /// Passenger cars over these detectors, by number from 1, since the last call.
    pub(super) fn take(&mut self, detectors: &[u8]) -> Vec<u16> {
        let mut of = |number: &u8| {
            let index = usize::from(*number).checked_sub(1)?;
            Some(self.detectors.get_mut(index)?.cars())
        };
        detectors.iter().map(|number| of(number).unwrap_or(0)).collect()
    }

    /// Whether something stands on this detector, by its number; `is_on` is its presence of the instant.
    pub(super) fn is_stood_upon(&self, now: Millis, detector: u8, is_on: bool) -> bool {
        let tally = usize::from(detector).checked_sub(1).and_then(|index| self.detectors.get(index));
        tally.and_then(|tally| tally.is_stood_upon(now)).unwrap_or(is_on)
    }

    fn tally(&mut self, index: usize) -> &mut Tally {
        if self.detectors.len() <= index {
            self.detectors.resize(index + 1, Tally::default());
        }
        &mut self.detectors[index]
    }
}

/// The values that measure something now.
fn told(values: &[StatusValue]) -> impl Iterator<Item = (Quantity, &str)> {
    let recent = values.iter().filter(|value| value.quality == "recent");
    recent.filter_map(|value| Some((quantity(&value.code, &value.name)?, value.value.as_str()?)))
}

/// −1 is a detector that could not measure.
fn number(word: &str) -> Option<u32> {
    word.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Millis = Millis::from_s(10);

    fn values(told: &[(&str, &str, &str)]) -> Vec<StatusValue> {
        let value = |(code, name, value): &(&str, &str, &str)| StatusValue {
            code: (*code).into(),
            name: (*name).into(),
            value: json!(value),
            quality: "recent".into(),
        };
        told.iter().map(value).collect()
    }

    #[test]
    fn counts_add_up_until_they_are_taken() {
        let mut counter = Counter::default();
        for counts in ["500,500", "1,-1,3", "2,1,x", "0,0,4"] {
            counter.note_all(NOW, &values(&[("S0205", "vehicles", counts)]));
        }
        // What is first told of a detector counts since nobody knows when.
        assert_eq!(counter.take(&[1, 2, 3, 4]), [3, 1, 4, 0]);
        assert_eq!(counter.take(&[1, 2]), [0, 0]);
    }

    #[test]
    fn a_heavy_vehicle_counts_as_two_cars() {
        let mut counter = Counter::default();
        let classes = [("S0208", "P", "3,4"), ("S0208", "B", "1,0"), ("S0208", "C", "9,9")];
        counter.note_all(NOW, &values(&classes));
        counter.note_all(NOW, &values(&[("S0205", "vehicles", "0,0")]));
        counter.note_all(NOW, &values(&[("S0205", "vehicles", "2,2")]));
        assert_eq!(counter.take(&[1, 2]), [2, 2], "a quarter is heavy: 2.5 cars, and the half is kept");
        counter.note_all(NOW, &values(&[("S0205", "vehicles", "2,2")]));
        assert_eq!(counter.take(&[1, 2]), [3, 2]);
    }

    #[test]
    fn where_vehicles_are_told_by_class_alone_the_classes_are_the_count() {
        let mut counter = Counter::default();
        for _ in 0..2 {
            counter.note_one(NOW, 2, &values(&[("S0204", "P", "2"), ("S0204", "F", "7")]));
        }
        assert_eq!(counter.take(&[1, 2]), [0, 2]);
    }

    #[test]
    fn a_vehicle_stands_where_a_detector_is_occupied_and_nothing_moves() {
        let stands = |occupancy: &str, speed: &str| {
            let mut counter = Counter::default();
            let told = [("S0207", "occupancy", occupancy), ("S0206", "speed", speed)];
            counter.note_all(NOW, &values(&told));
            counter.is_stood_upon(NOW, 1, true)
        };
        assert!(stands("100", "-1") && stands("95", "3"));
        assert!(!stands("40", "-1"), "it passes");
        assert!(!stands("90", "25"), "a lorry drives over it");
        assert!(stands("-1", "-1"), "nothing is measured: the presence of the instant counts");
    }

    #[test]
    fn an_occupancy_of_long_ago_says_nothing() {
        let mut counter = Counter::default();
        counter.note_one(NOW, 1, &values(&[("S0203", "occupancy", "100")]));
        assert!(counter.is_stood_upon(NOW, 1, false));
        assert!(!counter.is_stood_upon(NOW + Millis::from_s(6), 1, false));
    }

    #[test]
    fn nonsense_is_bounded() {
        let mut counter = Counter::default();
        let many = vec!["4294967295"; 1_000].join(",");
        for _ in 0..3 {
            let told = [("S0205", "vehicles", many.as_str()), ("S0208", "L", many.as_str())];
            counter.note_all(NOW, &values(&told));
        }
        assert_eq!((counter.take(&[1])[0], counter.detectors.len()), (u16::MAX, DETECTORS_MAX));
    }
}
