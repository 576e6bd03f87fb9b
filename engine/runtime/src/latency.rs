//! Latency histograms with fixed bounds: recording allocates nothing.

use hdrhistogram::Histogram;
use std::sync::Mutex;

/// One second short of a minute: longer waits are recorded as this.
const LONGEST_NS: u64 = 59_000_000_000;

/// A histogram that one thread writes and others read now and then.
#[derive(Debug)]
pub struct Latency(Mutex<Histogram<u64>>);

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// How many were recorded.
    pub count: u64,
    /// Median.
    pub p50_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
}

impl Default for Latency {
    fn default() -> Self {
        // Bounds within what the crate allows; a failure here would be a wrong constant.
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3)
            .unwrap_or_else(|_| Histogram::new(3).unwrap_or_else(|_| unreachable!("3 digits are allowed")));
        Self(Mutex::new(histogram))
    }
}

impl Latency {
    /// Record one latency.
    pub fn record(&self, ns: u64) {
        if let Ok(mut histogram) = self.0.lock() {
            histogram.saturating_record(ns.clamp(1, LONGEST_NS));
        }
    }

    /// What was recorded so far.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn percentiles(&self) -> Percentiles {
        let Ok(histogram) = self.0.lock() else { return Percentiles::default() };
        let us = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles { count: histogram.len(), p50_us: us(0.5), p99_us: us(0.99), p999_us: us(0.999) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds_and_long_waits_are_kept() {
        let latency = Latency::default();
        for ns in 1..=1000 {
            latency.record(ns * 1000);
        }
        latency.record(u64::MAX);
        let p = latency.percentiles();
        assert_eq!(p.count, 1001);
        assert!((p.p50_us - 500.0).abs() < 2.0 && (p.p99_us - 990.0).abs() < 2.0);
    }
}
