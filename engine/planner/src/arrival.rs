//! When a vehicle reaches a place of its way: mean and standard deviation.
//!
//! Mean: the links' free times at the driver's own pace, plus the time lost in getting up to speed.
//! Variance: the sum over the links of (cv · time)², plus (position error / speed)²
//! (planning notes 4.3: σ² = Σσ²_link + (σ_gps/v)²). Integers throughout.

use clearway_network::{LinkId, Network};
use clearway_signals::Millis;

use crate::config::Config;
use crate::tracking::Track;

/// Acceleration of a heavy fire engine, millimetres a second squared.
const ACCELERATION_MM_S2: i64 = 1_300;
/// Nobody is planned to drive slower than this, millimetres a second: no division by nothing.
const SLOWEST_MM_S: i64 = 1_500;

/// An arrival as a distribution.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Arrival {
    /// Mean.
    pub mean: Millis,
    /// Standard deviation.
    pub sigma: Millis,
}

impl Arrival {
    /// The mean plus `z_milli` thousandths of σ.
    #[must_use]
    pub fn quantile(&self, z_milli: i64) -> Millis {
        self.mean + Millis(self.sigma.0 * z_milli / 1000)
    }
}

/// Walks along the way once, from signal to signal.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    at_mm: i64,
    link: usize,
    mean: Millis,
    variance_ms2: i64,
}

impl Forecast {
    /// From where the vehicle is now.
    #[must_use]
    pub fn from(track: &Track, ends_mm: &[i64], config: &Config, now: Millis) -> Self {
        let at_mm = track.now_mm(now);
        let link = ends_mm.partition_point(|end| *end <= at_mm);
        let position_ms = config.fix_sigma_mm * 1000 / track.speed_mm_s.max(5_000);
        Self { at_mm, link, mean: now, variance_ms2: position_ms * position_ms }
    }

    /// On to `target_mm`; places already passed are reached now.
    pub fn advance(
        &mut self,
        network: &Network,
        way: &[LinkId],
        ends_mm: &[i64],
        track: &Track,
        config: &Config,
        target_mm: i64,
    ) -> Arrival {
        while self.at_mm < target_mm && self.link < way.len() {
            let free = pace(network, way[self.link], track);
            let until = target_mm.min(ends_mm[self.link]);
            let running = (until - self.at_mm) * 1000 / free;
            let spread = running * config.link_cv_permille / 1000;
            self.mean += Millis(running);
            self.variance_ms2 += spread * spread;
            self.at_mm = until;
            if until == ends_mm[self.link] {
                self.link += 1;
            }
        }
        Arrival {
            mean: self.mean,
            sigma: Millis(self.variance_ms2.max(0).cast_unsigned().isqrt().cast_signed()),
        }
    }

    /// The vehicle has to wait here until `green`, then starts from standstill.
    pub fn wait_until(&mut self, green: Millis) {
        self.mean = self.mean.max(green);
    }

    /// Add the time that the vehicle loses in accelerating from its present speed to free speed.
    pub fn add_acceleration(&mut self, network: &Network, way: &[LinkId], track: &Track) {
        let Some(link) = way.get(self.link) else { return };
        let free = pace(network, *link, track);
        let lacking = (free - track.speed_mm_s).max(0);
        self.mean += Millis(lacking * lacking * 1000 / (2 * ACCELERATION_MM_S2 * free));
    }
}

/// The driver's free speed on a link, millimetres a second.
fn pace(network: &Network, link: LinkId, track: &Track) -> i64 {
    (i64::from(network.link(link).speed_mm_s) * track.pace_permille / 1000).max(SLOWEST_MM_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::along::cumulate;
    use crate::event::VehicleFix;
    use clearway_network::testing::{corridor, place};
    use clearway_signals::VehicleId;

    fn setting() -> (Network, Vec<LinkId>, Vec<i64>, Track) {
        let network = corridor(4);
        let way = network.lines[0].links.clone();
        let mut ends = Vec::new();
        cumulate(&network, &way, &mut ends);
        let fix = VehicleFix {
            vehicle: VehicleId(0),
            received: Millis(0),
            place: place(0.0, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(13.889),
            degraded: false,
        };
        (network, way, ends, Track::start(0, &fix))
    }

    #[test]
    fn the_mean_is_distance_over_speed_and_the_spread_grows_with_distance() {
        let (network, way, ends, track) = setting();
        let config = Config { link_cv_permille: 180, ..Config::default() };
        let mut forecast = Forecast::from(&track, &ends, &config, Millis(0));
        let near = forecast.advance(&network, &way, &ends, &track, &config, 200_000);
        let far = forecast.advance(&network, &way, &ends, &track, &config, 800_000);
        assert!((near.mean.0 - 14_400).abs() <= 5 && (far.mean.0 - 57_600).abs() <= 20);
        assert!(far.sigma > near.sigma);
        // Four equal links of cv 0.18: σ = 0.18 · 14.4 s · √4, and the position's share.
        assert!((far.sigma.0 - 5_196).abs() < 60, "{:?}", far.sigma);
    }

    #[test]
    fn a_standing_vehicle_arrives_later_by_its_acceleration() {
        let (network, way, ends, mut track) = setting();
        track.speed_mm_s = 0;
        let config = Config::default();
        let mut forecast = Forecast::from(&track, &ends, &config, Millis(0));
        forecast.add_acceleration(&network, &way, &track);
        let arrival = forecast.advance(&network, &way, &ends, &track, &config, 200_000);
        assert!((arrival.mean.0 - (14_400 + 13_889 * 1000 / 2_600)).abs() <= 5);
    }

    #[test]
    fn a_place_behind_is_reached_now() {
        let (network, way, ends, mut track) = setting();
        track.at_mm = 300_000;
        let config = Config::default();
        let mut forecast = Forecast::from(&track, &ends, &config, Millis(0));
        assert_eq!(forecast.advance(&network, &way, &ends, &track, &config, 200_000).mean, Millis(0));
    }
}
