//! A distribution of ratios in 24 numbers: a histogram with bins of an eighth of an octave.
//!
//! Fixed memory, integers, no order of arrival to remember. When it is full every weight is halved, so
//! that the last two hundred observations count and older ones fade. The bins are geometric: the error of a
//! quantile is at most half a bin, 4.5 per cent of its value, between half and four times the expectation.

/// Bins of a sketch.
pub const BINS: usize = 24;
/// Lower edges of the bins and the upper edge of the last, thousandths: 500 · 2^(n/8).
const EDGES: [u32; BINS + 1] = [
    500, 545, 595, 648, 707, 771, 841, 917, 1000, 1091, 1189, 1297, 1414, 1542, 1682, 1834, 2000, 2181, 2378,
    2594, 2828, 3084, 3364, 3668, 4000,
];
/// One observation, so that halving leaves fractions of it.
const ONE: u16 = 16;
/// At this weight a sketch is halved: 256 observations.
const FULL: u32 = 256 * ONE as u32;

/// Mean and spread of what a sketch holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moments {
    /// How much was seen, sixteenths of an observation.
    pub weight: i64,
    /// Mean, thousandths.
    pub mean_permille: i64,
    /// Variance, thousandths squared.
    pub variance: i64,
}

/// Ratios of what was seen to what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sketch {
    weights: [u16; BINS],
}

impl Sketch {
    /// From weights that another sketch gave away; more than a full sketch is scaled down.
    #[must_use]
    pub fn from_weights(weights: [u16; BINS]) -> Self {
        let mut sketch = Self { weights };
        while sketch.weight() > FULL {
            sketch.fade();
        }
        sketch
    }

    /// The weights, to be kept or shown.
    #[must_use]
    pub const fn weights(&self) -> &[u16; BINS] {
        &self.weights
    }

    /// Add one observation, thousandths of the expectation; what lies outside counts in the last bin.
    pub fn observe(&mut self, ratio_permille: u32) {
        if self.weight() + u32::from(ONE) > FULL {
            self.fade();
        }
        self.weights[bin(ratio_permille)] += ONE;
    }

    /// The sum of all weights, sixteenths of an observation.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weights.iter().map(|weight| u32::from(*weight)).sum()
    }

    /// Mean and variance, the width of the bins taken out of the latter (Sheppard); `None` when empty.
    #[must_use]
    pub fn moments(&self) -> Option<Moments> {
        let weight = i64::from(self.weight());
        if weight == 0 {
            return None;
        }
        let sum = |value: &dyn Fn(i64) -> i64| -> i64 {
            self.weights.iter().enumerate().map(|(n, w)| i64::from(*w) * value(centre(n))).sum()
        };
        let mean = sum(&|centre| centre) / weight;
        let raw = sum(&|centre| (centre - mean) * (centre - mean)) / weight;
        let width = mean * 87 / 1000;
        Some(Moments { weight, mean_permille: mean, variance: (raw - width * width / 12).max(1) })
    }

    /// The value below which `share_permille` of the weight lies, interpolated; `None` when empty.
    #[must_use]
    pub fn quantile(&self, share_permille: u32) -> Option<u32> {
        let total = u64::from(self.weight());
        let wanted = total * u64::from(share_permille.min(1000));
        let mut below = 0;
        for (n, weight) in self.weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
            let here = u64::from(*weight) * 1000;
            if below + here >= wanted {
                let width = u64::from(EDGES[n + 1] - EDGES[n]);
                let into = (wanted - below) * width / here;
                return Some(EDGES[n] + u32::try_from(into).unwrap_or(0));
            }
            below += here;
        }
        None
    }

    fn fade(&mut self) {
        self.weights.iter_mut().for_each(|weight| *weight /= 2);
    }
}

fn bin(ratio_permille: u32) -> usize {
    EDGES[1..BINS].partition_point(|edge| *edge <= ratio_permille)
}

fn centre(bin: usize) -> i64 {
    i64::from(EDGES[bin] + EDGES[bin + 1]) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bins_are_eighths_of_an_octave() {
        for (n, edge) in EDGES.iter().enumerate() {
            let exact = 500.0 * 2_f64.powf(f64::from(u32::try_from(n).unwrap()) / 8.0);
            assert!((f64::from(*edge) - exact).abs() <= 0.51, "{edge} for {exact}");
        }
    }

    #[test]
    fn mean_and_spread_are_found_again() {
        let mut sketch = Sketch::default();
        assert_eq!((sketch.moments(), sketch.quantile(500)), (None, None));
        for n in 0..200_u32 {
            sketch.observe(if n % 2 == 0 { 900 } else { 1_300 });
        }
        let moments = sketch.moments().unwrap();
        assert!((moments.mean_permille - 1_100).abs() <= 40, "{moments:?}");
        assert!((moments.variance.isqrt() - 200).abs() <= 40, "{moments:?}");
    }

    #[test]
    fn what_is_old_fades() {
        let mut sketch = Sketch::default();
        (0..1_000).for_each(|_| sketch.observe(800));
        (0..1_000).for_each(|_| sketch.observe(1_600));
        assert!((sketch.moments().unwrap().mean_permille - 1_610).abs() <= 60);
    }

    proptest! {
        #[test]
        fn a_sketch_is_bounded_and_its_quantiles_rise(seen in prop::collection::vec(any::<u32>(), 0..2_000)) {
            let mut sketch = Sketch::default();
            seen.iter().for_each(|ratio| sketch.observe(*ratio));
            prop_assert!(sketch.weight() <= FULL);
            let quantiles: Vec<_> = (0..=20).map(|n| sketch.quantile(n * 50)).collect();
            prop_assert!(quantiles.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert_eq!(Sketch::from_weights(*sketch.weights()), sketch);
        }

        #[test]
        fn a_quantile_lies_within_half_a_bin(
            mut seen in prop::collection::vec(520_u32..3_900, 1..250),
            share in 0_u32..=1000,
        ) {
            let mut sketch = Sketch::default();
            seen.iter().for_each(|ratio| sketch.observe(*ratio));
            seen.sort_unstable();
            let rank = |share: usize| seen[(seen.len() * share / 1000).min(seen.len() - 1)];
            let share = usize::try_from(share).unwrap();
            let (low, high) = (rank(share.saturating_sub(1)), rank(share + 1));
            let found = sketch.quantile(u32::try_from(share).unwrap()).unwrap();
            let (found, low, high) = (f64::from(found), f64::from(low), f64::from(high));
            prop_assert!(found >= low * 0.90 && found <= high * 1.10);
        }

        #[test]
        fn any_weights_are_taken(weights in prop::array::uniform24(any::<u16>())) {
            let mut sketch = Sketch::from_weights(weights);
            sketch.observe(1_000);
            prop_assert!(sketch.weight() <= FULL);
        }
    }
}
