//! How wrong the arrivals were that calls were timed by, in standard deviations: the calibration.
//!
//! A score is the arrival's distance from its forecast, brought to a standard normal variable if the
//! forecast's law was right. Quantiles of a window are read from the scores that were seen, mixed with
//! the normal law as if that had been seen too: the sketch corrects whatever the model of travel
//! leaves out (correlation between links, heavy tails), and the normal law covers what is too rare to
//! have been seen.

/// Bins of an eighth of a standard deviation, from −4 to 4.
const BINS: usize = 64;
/// Width of a bin, thousandths of a standard deviation.
const WIDTH: i64 = 125;
/// Lower edge of the first bin.
const LOWEST: i64 = -4_000;
/// At this many scores all are halved.
const FULL: u64 = 16_384;
/// Scores as which the normal law counts.
const PRIOR: u64 = 150;

/// The normal distribution at the upper edges of the bins from −4 on, millionths; the other half is
/// its mirror.
const NORMAL_PPM: [u64; BINS / 2] = [
    53, 88, 144, 233, 369, 577, 889, 1_350, 2_020, 2_980, 4_332, 6_210, 8_774, 12_224, 16_793, 22_750,
    30_396, 40_059, 52_081, 66_807, 84_566, 105_650, 130_295, 158_655, 190_787, 226_627, 265_986, 308_538,
    353_830, 401_294, 450_262, 500_000,
];

/// The scores of one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scores {
    counts: [u32; BINS],
}

impl Default for Scores {
    fn default() -> Self {
        Self { counts: [0; BINS] }
    }
}

impl Scores {
    /// Add a score, thousandths of a standard deviation.
    pub fn observe(&mut self, score_milli: i64) {
        if self.seen() >= FULL {
            self.counts.iter_mut().for_each(|count| *count /= 2);
        }
        self.counts[bin(score_milli)] += 1;
    }

    /// Scores that count now.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The counts, to be kept or shown.
    pub fn counts(&self) -> impl Iterator<Item = u32> {
        self.counts.iter().copied()
    }

    /// Put a count back that another engine kept.
    pub fn restore(&mut self, bin: usize, count: u32) {
        if let Some(place) = self.counts.get_mut(bin) {
            *place = count.min(u32::try_from(FULL).unwrap_or(u32::MAX));
        }
    }

    /// The score below which `share_ppm` millionths of all scores lie, thousandths of σ.
    #[must_use]
    pub fn quantile(&self, share_ppm: u64) -> i64 {
        let all = (self.seen() + PRIOR) * 1_000_000;
        let wanted = all / 1_000_000 * share_ppm.min(1_000_000);
        let (mut below, mut counted) = (0, 0);
        for (n, count) in self.counts.iter().enumerate() {
            counted += u64::from(*count) * 1_000_000;
            let upto = counted + PRIOR * normal_ppm(n);
            if upto >= wanted {
                let within = (wanted - below) * WIDTH.unsigned_abs() / (upto - below).max(1);
                return edge(n) + i64::try_from(within).unwrap_or(0);
            }
            below = upto;
        }
        -LOWEST
    }
}

/// The normal distribution at the upper edge of a bin, millionths; everything above the last.
fn normal_ppm(bin: usize) -> u64 {
    match NORMAL_PPM.get(bin) {
        Some(ppm) => *ppm,
        None if bin == BINS - 1 => 1_000_000,
        None => 1_000_000 - NORMAL_PPM[BINS - 2 - bin],
    }
}

fn bin(score_milli: i64) -> usize {
    let place = (score_milli.clamp(LOWEST, -LOWEST - 1) - LOWEST) / WIDTH;
    usize::try_from(place).unwrap_or(0)
}

fn edge(bin: usize) -> i64 {
    LOWEST + i64::try_from(bin).unwrap_or(0) * WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn with_nothing_seen_the_law_is_normal() {
        let scores = Scores::default();
        for (ppm, z) in
            [(10_000, -2_326), (50_000, -1_645), (100_000, -1_282), (500_000, 0), (990_000, 2_326)]
        {
            assert!((scores.quantile(ppm) - z).abs() <= 15, "{ppm}: {}", scores.quantile(ppm));
        }
    }

    #[test]
    fn wider_errors_than_expected_widen_the_window() {
        let mut scores = Scores::default();
        for n in 0..4_000_i64 {
            scores.observe((n % 41 - 20) * 150);
        }
        // Evenly spread from −3 to 3: five per cent lie below −2.7.
        assert!((scores.quantile(50_000) + 2_700).abs() <= 130, "{}", scores.quantile(50_000));
    }

    proptest! {
        #[test]
        fn quantiles_rise_with_the_share_whatever_was_seen(
            seen in prop::collection::vec(any::<i64>(), 0..400),
        ) {
            let mut scores = Scores::default();
            seen.iter().for_each(|score| scores.observe(*score));
            let quantiles: Vec<_> = (0..=100).map(|n| scores.quantile(n * 10_000)).collect();
            prop_assert!(quantiles.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(quantiles.iter().all(|q| (LOWEST..=-LOWEST).contains(q)));
        }
    }
}
