//! Many runs: means with confidence intervals, and differences seed by seed.

use serde::Serialize;

use super::result::RunResult;
use crate::scenario::Control;

/// A mean and half the width of its 95 % confidence interval (Student's t); `None` of one run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width.
    pub ci95: Option<f64>,
}

/// A figure of merit: its key, what people read, and how it is found in a run.
pub struct Metric {
    /// In JSON.
    pub key: &'static str,
    /// In tables.
    pub title: &'static str,
    /// `None` where a run has none.
    pub of: fn(&RunResult) -> Option<f64>,
}

/// The figures that are compared.
pub const METRICS: [Metric; 7] = [
    Metric { key: "emergency_time_s", title: "emergency: travel time, s", of: emergency_time },
    Metric { key: "emergency_stops", title: "emergency: stops", of: emergency_stops },
    Metric { key: "emergency_arrived_share", title: "emergency: share that arrived", of: emergency_arrived },
    Metric { key: "car_delay_s", title: "cars: delay, s", of: |run| Some(run.cars.delay_s_mean) },
    Metric { key: "car_time_s", title: "cars: time on the road, s", of: |run| Some(run.cars.time_s_mean) },
    Metric { key: "cars_left", title: "cars: left the network", of: cars_left },
    Metric { key: "tram_lateness_change_s", title: "trams: change of lateness, s", of: tram_change },
];

#[allow(clippy::cast_precision_loss)]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn emergency_time(run: &RunResult) -> Option<f64> {
    mean(run.missions.iter().map(|mission| mission.travel_time_s))
}

fn emergency_stops(run: &RunResult) -> Option<f64> {
    mean(run.missions.iter().map(|mission| f64::from(mission.stops)))
}

fn emergency_arrived(run: &RunResult) -> Option<f64> {
    mean(run.missions.iter().map(|mission| f64::from(u8::from(mission.arrived))))
}

#[allow(clippy::cast_precision_loss)]
fn cars_left(run: &RunResult) -> Option<f64> {
    Some(run.cars.left as f64)
}

fn tram_change(run: &RunResult) -> Option<f64> {
    (run.trams.trams > 0).then_some(run.trams.lateness_change_s_mean)
}

/// The figures of one kind of control, in the order of [`METRICS`].
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// Which.
    pub control: Control,
    /// How many runs.
    pub runs: usize,
    /// The figures; `None` where the runs have none.
    pub figures: Vec<(&'static str, Option<Estimate>)>,
}

/// The difference of two kinds of control, seed by seed: the second less the first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub control: Control,
    /// With what.
    pub against: Control,
    /// The differences.
    pub figures: Vec<(&'static str, Option<Estimate>)>,
}

/// Sum up the runs of one kind of control.
#[must_use]
pub fn summarize(control: Control, runs: &[RunResult]) -> Summary {
    let own: Vec<&RunResult> = runs.iter().filter(|run| run.control == control).collect();
    let figure = |metric: &Metric| {
        let values: Option<Vec<f64>> = own.iter().map(|run| (metric.of)(run)).collect();
        (metric.key, values.and_then(|values| estimate(&values)))
    };
    Summary { control, runs: own.len(), figures: METRICS.iter().map(figure).collect() }
}

/// Compare two kinds of control over the seeds that both have run.
#[must_use]
pub fn compare(control: Control, against: Control, runs: &[RunResult]) -> Comparison {
    let base = |seed| runs.iter().find(|run| run.control == against && run.seed == seed);
    let own = runs.iter().filter(|run| run.control == control);
    let pairs: Vec<(&RunResult, &RunResult)> =
        own.filter_map(|run| base(run.seed).map(|base| (run, base))).collect();
    let figure = |metric: &Metric| {
        let difference =
            |(run, base): &(&RunResult, &RunResult)| Some((metric.of)(run)? - (metric.of)(base)?);
        let values: Option<Vec<f64>> = pairs.iter().map(difference).collect();
        (metric.key, values.and_then(|values| estimate(&values)))
    };
    Comparison { control, against, figures: METRICS.iter().map(figure).collect() }
}

/// The mean of a sample with its interval; `None` of an empty one.
#[allow(clippy::cast_precision_loss)]
fn estimate(values: &[f64]) -> Option<Estimate> {
    let n = values.len();
    let mean = mean(values.iter().copied())?;
    if n < 2 {
        return Some(Estimate { mean, ci95: None });
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
    Some(Estimate { mean, ci95: Some(student_t_975(n - 1) * (variance / n as f64).sqrt()) })
}

/// The 97.5 % quantile of Student's t distribution; beyond thirty degrees of freedom by the first terms
/// of its expansion about the normal quantile (Abramowitz and Stegun 26.7.5).
#[allow(clippy::cast_precision_loss)]
fn student_t_975(freedom: usize) -> f64 {
    const TABLE: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
    if let Some(value) = freedom.checked_sub(1).and_then(|index| TABLE.get(index)) {
        return *value;
    }
    let (z, v) = (1.959_964_f64, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / v + second / (v * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_as_wide_as_student_says() {
        let of = estimate(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((of.mean - 2.5).abs() < 1e-12 && (of.ci95.unwrap() - 2.054).abs() < 1e-3);
        assert_eq!(estimate(&[7.0]), Some(Estimate { mean: 7.0, ci95: None }));
        assert_eq!(estimate(&[]), None);
        assert!((student_t_975(20) - 2.086).abs() < 2e-3 && (student_t_975(11) - 2.201).abs() < 5e-3);
    }
}
