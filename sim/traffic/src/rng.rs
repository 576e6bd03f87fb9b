//! Seeded random numbers: `SplitMix64` (Steele, Lea and Flood 2014), integers only at its core.
//!
//! Each purpose draws from a stream of its own, so that what one part of the world draws never
//! shifts what another part sees: two runs that differ only in signal control get the same demand.

/// A stream of random numbers; the same seed gives the same stream.
#[derive(Clone, Debug)]
pub struct Rng(u64);

/// The increment of the generator: 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `0.0..1.0` that depends on its three arguments only: a draw that needs no stream.
#[must_use]
pub fn unit_of(seed: u64, a: u64, b: u64) -> f64 {
    to_unit(mix(mix(mix(seed.wrapping_add(GOLDEN)) ^ a).wrapping_add(GOLDEN) ^ b))
}

/// A standard normal number, bounded to ±6, that depends on its three arguments only.
#[must_use]
pub fn bounded_normal_of(seed: u64, a: u64, b: u64) -> f64 {
    Rng(mix(mix(mix(seed.wrapping_add(GOLDEN)) ^ a).wrapping_add(GOLDEN) ^ b)).normal()
}

#[allow(clippy::cast_precision_loss)]
fn to_unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

impl Rng {
    /// The stream `purpose` of a run's seed.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(mix(mix(seed ^ GOLDEN) ^ purpose.wrapping_mul(GOLDEN)))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        to_unit(self.next_u64())
    }

    /// Uniform in `low..=high` milliseconds; `low` where the range is empty.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub fn between_ms(&mut self, low: i64, high: i64) -> i64 {
        low + (self.unit() * (high - low + 1).max(0) as f64) as i64
    }

    /// Milliseconds to the next event of a Poisson process of `per_s` events a second, at least 1.
    #[allow(clippy::cast_possible_truncation)]
    pub fn exponential_ms(&mut self, per_s: f64) -> i64 {
        let s = -(1.0 - self.unit()).ln() / per_s.max(1e-9);
        ((s * 1000.0).min(1e12) as i64).max(1)
    }

    /// Standard normal, by the sum of twelve uniform numbers: bounded to ±6, no transcendental function.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_with_their_seed_and_differ_by_purpose() {
        let draw = |seed, purpose| Rng::new(seed, purpose).next_u64();
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn the_distributions_have_their_means() {
        let mut rng = Rng::new(3, 0);
        let n = 20_000;
        let mean_gap = (0..n).map(|_| rng.exponential_ms(0.5)).sum::<i64>() / n;
        assert!((1_950..=2_050).contains(&mean_gap), "{mean_gap} ms");
        let mean_normal = (0..n).map(|_| rng.normal()).sum::<f64>() / 20_000.0;
        assert!(mean_normal.abs() < 0.03, "{mean_normal}");
    }
}
