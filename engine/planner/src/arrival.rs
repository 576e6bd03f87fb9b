//! When a vehicle reaches a place of its way: mean, standard deviation, and the quantiles of a law
//! with the skewness of travel times.
//!
//! Mean: the links' learned times at the driver's own pace, plus what is lost in getting up to speed and
//! in waiting. Variance: σ² = Σσ²_link + (σ_pace · run)² + (σ_gps / v)² (planning notes 4.3): links
//! vary by themselves, but a driver who is slow is slow everywhere, so that his pace enters as one
//! factor of the whole. A link's spread is that of a stretch of ten seconds; longer links are several
//! such stretches, independent of each other.
//!
//! The sum is taken for log-normal with these two moments (Fenton and Wilkinson); its quantiles are
//! Cornish and Fisher's to the first order of the skewness, which for a log-normal law is three times the
//! coefficient of variation c: q = μ + σ (z + (z² − 1) c / 2). Against the exact log-normal quantile the
//! error is below 0.06 σ up to c = 0.2 and |z| = 2.33 (held by a test). What the model leaves out is
//! corrected by the scores of the forecasts that came before (`learn`).

use clearway_network::{LinkId, Network};
use clearway_signals::Millis;

use crate::config::Config;
use crate::learn::{Learned, Period, Trip};
use crate::tracking::Track;

/// Acceleration of a heavy fire engine, millimetres a second squared.
const ACCELERATION_MM_S2: i64 = 1_300;
/// Nobody is planned to drive slower than this, millimetres a second: no division by nothing.
pub const SLOWEST_MM_S: i64 = 1_500;
/// How fast or slow a vehicle drives just now lasts for this much of its run.
const LASTS_MS: i64 = 8_000;

/// An arrival as a distribution.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// Mean.
    pub mean: Millis,
    /// Standard deviation.
    pub sigma: Millis,
    /// Coefficient of variation of the time that is left, thousandths: a third of the skewness.
    pub cv_permille: i64,
}

impl Arrival {
    /// The instant before which the vehicle arrives with the probability of the standard score
    /// `z_milli`, in thousandths.
    #[must_use]
    pub fn quantile(&self, z_milli: i64) -> Millis {
        self.mean + Millis(self.sigma.0 * self.skewed(z_milli) / 1000)
    }

    /// The standard score of an arrival that was seen, thousandths: the inverse of `quantile`,
    /// u = (√(1 + 2cz + c²) − 1) / c.
    #[must_use]
    pub fn score_milli(&self, seen: Millis) -> i64 {
        let late = (seen - self.mean).0.clamp(-1_000_000, 1_000_000);
        let z = (late * 1000 / self.sigma.0.max(1)).clamp(-8_000, 8_000);
        let c = self.cv_permille;
        if c == 0 {
            return z;
        }
        let square = (1_000_000 + 2 * c * z + c * c).max(0).cast_unsigned() * 1_000_000;
        (square.isqrt().cast_signed() - 1_000_000) / c
    }

    fn skewed(&self, z_milli: i64) -> i64 {
        z_milli + (z_milli * z_milli / 1000 - 1000) * self.cv_permille / 2000
    }
}

/// Expected time and its variance from the start of a way to a place of it, for a driver of usual pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum {
    /// Milliseconds.
    pub ms: i64,
    /// Milliseconds squared.
    pub variance: i64,
}

/// The expected times along a way, summed up once, so that a forecast is a difference.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    sums: Vec<Sum>,
    /// Of what was learned, and of the time of day.
    made_of: (u32, Period),
}

impl Profile {
    /// A profile with room for `links` links.
    #[must_use]
    pub fn with_capacity(links: usize) -> Self {
        Self { sums: Vec::with_capacity(links), made_of: (0, Period::default()) }
    }

    /// Sum a way up by what is known now.
    pub fn fill(&mut self, network: &Network, way: &[LinkId], learned: &Learned, period: Period) {
        self.sums.clear();
        self.made_of = (learned.revision(), period);
        let mut sum = Sum::default();
        for link in way {
            let pace = learned.pace(network, *link, period);
            let free_ms = free_ms(network, *link);
            let ms = (free_ms * pace.mean_permille / 1000).max(1);
            // So many independent stretches, or a part of one.
            let stretch_ms =
                (free_ms * pace.sd_permille / 1000) * (Trip::STRETCH_MS * pace.sd_permille / 1000);
            sum = Sum { ms: sum.ms + ms, variance: sum.variance + stretch_ms };
            self.sums.push(sum);
        }
    }

    /// Whether more was learned since, or the time of day changed.
    #[must_use]
    pub fn is_outdated(&self, learned: &Learned, period: Period) -> bool {
        self.made_of != (learned.revision(), period)
    }

    /// The sum at the end of a link of the way; of the whole way beyond it.
    #[must_use]
    pub fn at_end_of(&self, link: usize) -> Sum {
        self.sums.get(link).or(self.sums.last()).copied().unwrap_or_default()
    }

    /// The sum at a place of the way, millimetres from its start.
    #[must_use]
    pub fn at(&self, ends_mm: &[i64], at_mm: i64) -> Sum {
        let link = ends_mm.partition_point(|end| *end <= at_mm);
        let (Some(end_mm), true) = (ends_mm.get(link), link < self.sums.len()) else {
            return self.at_end_of(usize::MAX);
        };
        let (from_mm, from) =
            if link == 0 { (0, Sum::default()) } else { (ends_mm[link - 1], self.sums[link - 1]) };
        let (end, length, into) = (self.sums[link], (end_mm - from_mm).max(1), (at_mm - from_mm).max(0));
        Sum {
            ms: from.ms + (end.ms - from.ms) * into / length,
            variance: from.variance + (end.variance - from.variance) * into / length,
        }
    }

    /// The usual speed at a place of the way, millimetres a second; 0 beyond it.
    #[must_use]
    pub fn speed_mm_s(&self, ends_mm: &[i64], at_mm: i64) -> i64 {
        let link = ends_mm.partition_point(|end| *end <= at_mm);
        let (Some(end_mm), Some(end)) = (ends_mm.get(link), self.sums.get(link)) else { return 0 };
        let (from_mm, from_ms) = if link == 0 { (0, 0) } else { (ends_mm[link - 1], self.sums[link - 1].ms) };
        (end_mm - from_mm) * 1000 / (end.ms - from_ms).max(1)
    }

    /// The expected time of the `n`-th link in thousandths of its free time.
    #[must_use]
    pub fn mean_permille(&self, n: usize, network: &Network, link: LinkId) -> i64 {
        let Some(end) = self.sums.get(n) else { return 1_000 };
        let from_ms = if n == 0 { 0 } else { self.sums[n - 1].ms };
        (end.ms - from_ms) * 1000 / free_ms(network, link).max(1)
    }
}

/// Time that a link takes at its free speed.
fn free_ms(network: &Network, link: LinkId) -> i64 {
    let link = network.link(link);
    (i64::from(link.length_mm) * 1000 / i64::from(link.speed_mm_s).max(SLOWEST_MM_S)).max(1)
}

/// Looks ahead along the way, from signal to signal.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    here: Sum,
    now: Millis,
    delay: Millis,
    slow_permille: i64,
    pace_variance: i64,
    /// How much longer the next seconds take than the driver's pace says, thousandths.
    deviation_permille: i64,
    position_variance: i64,
}

impl Forecast {
    /// From where the vehicle is now.
    #[must_use]
    pub fn start(track: &Track, profile: &Profile, ends_mm: &[i64], config: &Config, now: Millis) -> Self {
        let at_mm = track.now_mm(now);
        let driver = &track.driver;
        let position_ms = config.fix_sigma_mm * 1000 / track.speed_mm_s.max(5_000);
        Self {
            here: profile.at(ends_mm, at_mm),
            now,
            delay: acceleration(track, profile.speed_mm_s(ends_mm, at_mm)),
            slow_permille: driver.slow_permille,
            pace_variance: driver.variance,
            deviation_permille: driver.recent_permille - driver.slow_permille,
            position_variance: position_ms * position_ms,
        }
    }

    /// The arrival at the place up to which the way sums up to `there`; places behind are reached now.
    #[must_use]
    pub fn reach(&self, there: Sum) -> Arrival {
        let run = there.ms - self.here.ms;
        if run <= 0 {
            let sigma = Millis(self.position_variance.cast_unsigned().isqrt().cast_signed());
            return Arrival { mean: self.now + self.delay, sigma, cv_permille: 0 };
        }
        let driven = run * self.slow_permille / 1000;
        let lasting = run.min(LASTS_MS) * self.deviation_permille / 1000;
        let links = (there.variance - self.here.variance).max(0) * self.slow_permille / 1000;
        let variance = links + run * run / 1000 * self.pace_variance / 1000 + self.position_variance;
        let sigma = variance.max(0).cast_unsigned().isqrt().cast_signed();
        Arrival {
            mean: self.now + self.delay + Millis((driven + lasting).max(0)),
            sigma: Millis(sigma),
            cv_permille: (sigma * 1000 / driven.max(1)).min(400),
        }
    }

    /// The vehicle that would arrive there at `arrival` has to wait until `green`.
    pub fn wait_until(&mut self, arrival: &Arrival, green: Millis) {
        self.delay += green.since(arrival.mean);
    }
}

/// The time lost in getting from one speed up to another, against driving at that one all along:
/// Δv² / 2av. `to_mm_s` and the acceleration are above nothing.
#[must_use]
pub fn speeding_up(from_mm_s: i64, to_mm_s: i64, acceleration_mm_s2: i64) -> Millis {
    let lacking = (to_mm_s - from_mm_s).max(0);
    Millis(lacking * lacking * 1000 / (2 * acceleration_mm_s2 * to_mm_s))
}

/// The time that the vehicle loses in accelerating from its present speed to its usual one.
fn acceleration(track: &Track, usual_mm_s: i64) -> Millis {
    let own = (usual_mm_s * 1000 / track.driver.slow_permille.max(1)).max(SLOWEST_MM_S);
    // Who drives at nearly his speed does not accelerate: that is the deviation that lasts.
    if track.speed_mm_s * 10 > own * 6 {
        return Millis::ZERO;
    }
    speeding_up(track.speed_mm_s, own, ACCELERATION_MM_S2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::along::cumulate;
    use crate::event::VehicleFix;
    use clearway_network::testing::{corridor, place};
    use clearway_signals::VehicleId;

    struct Drive {
        ends: Vec<i64>,
        profile: Profile,
        track: Track,
    }

    fn setting(sd_permille: i64, driver_variance: i64) -> Drive {
        let network = corridor(4);
        let way = network.lines[0].links.clone();
        let (mut ends, mut profile) = (Vec::new(), Profile::default());
        cumulate(&network, &way, &mut ends);
        profile.fill(&network, &way, &Learned::new(&network, sd_permille), Period::default());
        let fix = VehicleFix {
            vehicle: VehicleId(0),
            received: Millis(0),
            place: place(0.0, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(13.889),
            degraded: false,
            cadence: Millis(1_000),
        };
        let mut track = Track::start(0, &fix);
        track.driver.variance = driver_variance;
        Drive { ends, profile, track }
    }

    impl Drive {
        fn reach(&self, at_mm: i64) -> Arrival {
            let config = Config { fix_sigma_mm: 0, ..Config::default() };
            let forecast = Forecast::start(&self.track, &self.profile, &self.ends, &config, Millis(0));
            forecast.reach(self.profile.at(&self.ends, at_mm))
        }
    }

    #[test]
    fn the_mean_is_distance_over_speed_and_links_spread_like_independent_stretches() {
        let drive = setting(180, 0);
        let (near, far) = (drive.reach(200_000), drive.reach(800_000));
        assert!((near.mean.0 - 14_400).abs() <= 5 && (far.mean.0 - 57_600).abs() <= 20);
        // 57.6 s are 5.76 stretches of 10 s: σ = 0.18 · 10 s · √5.76.
        assert!((far.sigma.0 - 4_320).abs() < 60, "{:?}", far.sigma);
    }

    #[test]
    fn the_drivers_own_pace_spreads_in_proportion_to_the_distance() {
        let drive = setting(10, 100 * 100);
        let (near, far) = (drive.reach(200_000), drive.reach(800_000));
        assert!((near.sigma.0 - 1_440).abs() < 30 && (far.sigma.0 - 5_760).abs() < 40, "{near:?} {far:?}");
    }

    #[test]
    fn a_slow_driver_arrives_later_everywhere_and_a_slow_moment_passes() {
        let mut drive = setting(80, 0);
        drive.track.driver.slow_permille = 1_200;
        drive.track.driver.recent_permille = 1_200;
        assert!((drive.reach(800_000).mean.0 - 57_600 * 12 / 10).abs() <= 30);
        drive.track.driver.recent_permille = 1_450;
        assert!((drive.reach(800_000).mean.0 - 57_600 * 12 / 10 - 2_000).abs() <= 30);
    }

    #[test]
    fn a_standing_vehicle_arrives_later_by_its_acceleration() {
        let mut drive = setting(80, 0);
        drive.track.speed_mm_s = 0;
        assert!((drive.reach(200_000).mean.0 - (14_400 + 13_889 * 1000 / 2_600)).abs() <= 5);
    }

    #[test]
    fn a_place_behind_is_reached_now() {
        let mut drive = setting(80, 0);
        drive.track.at_mm = 300_000;
        assert_eq!(drive.reach(200_000).mean, Millis(0));
    }

    #[test]
    fn quantiles_are_those_of_a_log_normal_law() {
        for cv in [0.05_f64, 0.1, 0.2] {
            let s2 = (1.0 + cv * cv).ln();
            #[allow(clippy::cast_possible_truncation)]
            let arrival = Arrival {
                mean: Millis(100_000),
                sigma: Millis((cv * 100_000.0) as i64),
                cv_permille: (cv * 1000.0) as i64,
            };
            for z in [-2_326_i64, -1_645, -1_282, 0, 1_282, 1_645, 2_326] {
                #[allow(clippy::cast_precision_loss)]
                let exact = 100_000.0 / (1.0 + cv * cv).sqrt() * (s2.sqrt() * z as f64 / 1000.0).exp();
                #[allow(clippy::cast_precision_loss)]
                let error = (arrival.quantile(z).0 as f64 - exact) / arrival.sigma.0 as f64;
                assert!(error.abs() < 0.06, "cv {cv}, z {z}: {error:.3} σ");
                let back = arrival.score_milli(arrival.quantile(z));
                assert!((back - z).abs() < 20, "cv {cv}, z {z}: {back}");
            }
        }
    }

    #[test]
    fn the_profile_is_the_same_from_link_to_link_and_in_between() {
        let drive = setting(80, 0);
        for (n, end) in drive.ends.iter().enumerate() {
            assert_eq!(drive.profile.at(&drive.ends, *end), drive.profile.at_end_of(n));
        }
        assert!((drive.profile.speed_mm_s(&drive.ends, 300_000) - 13_889).abs() < 10);
        assert_eq!(drive.profile.speed_mm_s(&drive.ends, i64::MAX), 0);
    }
}
