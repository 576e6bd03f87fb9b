//! How demand changes over time.

/// Factors over time, joined by straight lines; the first holds before it, the last after it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Profile {
    points: Vec<(i64, f64)>,
}

impl Profile {
    /// A profile through these points: milliseconds from the start of the run, and factor. Points are
    /// put in order; without any the factor is 1.
    #[must_use]
    pub fn new(mut points: Vec<(i64, f64)>) -> Self {
        points.sort_by_key(|(at, _)| *at);
        Self { points }
    }

    /// The factor at a time.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn at(&self, ms: i64) -> f64 {
        let after = self.points.partition_point(|(at, _)| *at <= ms);
        match (after.checked_sub(1).and_then(|before| self.points.get(before)), self.points.get(after)) {
            (Some(&(t0, f0)), Some(&(t1, f1))) => f0 + (f1 - f0) * (ms - t0) as f64 / (t1 - t0) as f64,
            (Some(&(_, only)), None) | (None, Some(&(_, only))) => only,
            (None, None) => 1.0,
        }
    }

    /// The highest factor.
    pub(crate) fn highest(&self) -> f64 {
        self.points.iter().map(|(_, factor)| *factor).reduce(f64::max).unwrap_or(1.0)
    }

    /// Whether demand is the same at all times.
    pub(crate) fn is_flat(&self) -> bool {
        self.points.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_runs_straight_from_point_to_point() {
        let profile = Profile::new(vec![(3_000, 2.0), (1_000, 1.0)]);
        assert_eq!([0, 1_000, 2_000, 3_000, 9_000].map(|ms| profile.at(ms)), [1.0, 1.0, 1.5, 2.0, 2.0]);
        assert_eq!((profile.highest(), Profile::default().at(5)), (2.0, 1.0));
    }
}
