//! Vehicles of the detectors, from S0205 by subscription, until somebody asks for them.

/// Detectors of one controller.
const DETECTORS_MAX: usize = 255;

/// The counter of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    vehicles: Vec<u16>,
    started: bool,
}

impl Counter {
    /// Take a value of S0205: counts of all detector logics since the update before. The first one
    /// of a connection counts since nobody knows when.
    pub(super) fn note(&mut self, counts: &str) {
        if !core::mem::replace(&mut self.started, true) {
            return;
        }
        for (index, word) in counts.split(',').take(DETECTORS_MAX).enumerate() {
            // −1 is a detector that could not count.
            let count = word.parse::<u16>().unwrap_or(0);
            if self.vehicles.len() <= index {
                self.vehicles.resize(index + 1, 0);
            }
            self.vehicles[index] = self.vehicles[index].saturating_add(count);
        }
    }

    /// The counts of these detectors, by number from 1, since the last call.
    pub(super) fn take(&mut self, detectors: &[u8]) -> Vec<u16> {
        let vehicles = core::mem::take(&mut self.vehicles);
        let of = |number: &u8| usize::from(*number).checked_sub(1).and_then(|index| vehicles.get(index));
        detectors.iter().map(|number| of(number).copied().unwrap_or(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_until_they_are_taken() {
        let mut counter = Counter::default();
        for counts in ["500,500", "1,-1,3", "2,1,x"] {
            counter.note(counts);
        }
        assert_eq!(counter.take(&[1, 2, 3, 4]), [3, 1, 3, 0]);
        assert_eq!(counter.take(&[1, 2]), [0, 0]);
    }
}
