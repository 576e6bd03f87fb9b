//! Where a vehicle is on its way, how fast, and how often its source speaks.

use clearway_network::{LinkId, LinkIndex, Network, Point, Uses, heading_apart};
use clearway_signals::Millis;

use crate::event::VehicleFix;

/// A fix further from the way than this does not lie on it, metres.
const OFF_WAY_M: f32 = 35.0;
/// A moving vehicle that points further away than this from the way does not drive on it, degrees.
const OFF_HEADING_DEG: f32 = 75.0;
/// Below this speed a heading says nothing, metres a second.
const HEADING_FROM_MPS: f32 = 2.0;
/// Millimetres that a fix may lie behind the last one: noise, not driving backwards.
const BACK_MM: i64 = 20_000;

/// A vehicle on a way.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Track {
    /// Millimetres from the start of the way, at `fix_at`.
    pub at_mm: i64,
    /// Millimetres a second.
    pub speed_mm_s: i64,
    /// When the last fix was received.
    pub fix_at: Millis,
    /// The source's own cadence: the smoothed time between fixes, 0.2 to 15 s.
    pub cadence: Millis,
    /// How this driver drives.
    pub driver: Driver,
}

/// The pace of one driver, estimated while he drives: he who is slow on one link is slow on the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Driver {
    /// Time that he takes, in thousandths of what the links expect, 500 to 2000.
    pub slow_permille: i64,
    /// Variance of that estimate, thousandths squared.
    pub variance: i64,
    /// The same of the last few positions: what lasts for some seconds more, then passes.
    pub recent_permille: i64,
}

/// What a pace may drift by from stretch to stretch, thousandths squared.
const DRIFT: i64 = 15 * 15;
/// Error of a stretch's time by the errors of its two positions, thousandths squared: 7 m on 140 m.
const POSITIONS: i64 = 50 * 50;
/// Slowest and quickest that a driver is taken for, thousandths of the expected time.
const SLOW: (i64, i64) = (500, 2_000);

impl Driver {
    /// Somebody of whom nothing is known but what drivers are like: mean and variance.
    #[must_use]
    pub fn unknown((slow_permille, variance): (i64, i64)) -> Self {
        let slow_permille = slow_permille.clamp(SLOW.0, SLOW.1);
        Self { slow_permille, variance, recent_permille: slow_permille }
    }

    /// A stretch took `slow_permille` of its expectation; `spread` is the variance that the links
    /// alone give it. The update of a Kalman filter with a state that drifts.
    pub fn observe(&mut self, slow_permille: i64, spread: i64) {
        let prior = self.variance + DRIFT;
        let noise = (spread + POSITIONS).max(1);
        self.slow_permille += (slow_permille - self.slow_permille) * prior / (prior + noise);
        self.slow_permille = self.slow_permille.clamp(SLOW.0, SLOW.1);
        self.variance = prior * noise / (prior + noise);
    }

    /// A position with a speed on a stretch where `expected_mm_s` is usual.
    fn glance(&mut self, speed_mm_s: i64, expected_mm_s: i64) {
        // Slower than this it stands or starts: that passes by acceleration.
        if expected_mm_s <= 0 || speed_mm_s * 10 <= expected_mm_s * 6 {
            self.recent_permille = self.slow_permille;
            return;
        }
        let seen = (expected_mm_s * 1000 / speed_mm_s).clamp(SLOW.0, SLOW.1);
        self.recent_permille += (seen - self.recent_permille) / 3;
    }
}

impl Default for Driver {
    fn default() -> Self {
        Self::unknown((1_000, 100 * 100))
    }
}

impl Track {
    /// The first fix on a way.
    #[must_use]
    pub fn start(at_mm: i64, fix: &VehicleFix) -> Self {
        Self {
            at_mm,
            speed_mm_s: speed_mm_s(fix.speed_mps.unwrap_or(0.0)),
            fix_at: fix.received,
            cadence: within_reason(fix.cadence),
            driver: Driver::default(),
        }
    }

    /// The place of `fix` on the way; `None` when it does not lie on it near where it can be.
    #[must_use]
    pub fn locate(
        &self,
        network: &Network,
        way: &[LinkId],
        ends_mm: &[i64],
        fix: &VehicleFix,
    ) -> Option<i64> {
        let point = network.project(fix.place);
        let elapsed = fix.received.since(self.fix_at).min(Millis::from_s(60)).0;
        let predicted = self.at_mm + self.speed_mm_s * elapsed / 1000;
        let reach = self.speed_mm_s.max(5_000) * elapsed * 3 / 2000 + 60_000;
        let (low, high) = (self.at_mm - 2 * BACK_MM, self.at_mm + reach);
        let mut best: Option<(f32, i64)> = None;
        for (i, link) in way.iter().enumerate() {
            let start = if i == 0 { 0 } else { ends_mm[i - 1] };
            if ends_mm[i] < low || start > high {
                continue;
            }
            let Some((cost, offset_mm)) = cost_on(network, *link, point, fix) else { continue };
            let at = start + offset_mm;
            // Where the way passes the same place twice, the place nearer to the prediction is meant.
            #[allow(clippy::cast_precision_loss)]
            let strayed = (at - predicted).abs() as f32 / 1000.0;
            let cost = cost + strayed * 0.1;
            if best.is_none_or(|(c, _)| cost < c) {
                best = Some((cost, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// Take a located fix in; `expected_mm_s` is the usual speed there.
    pub fn update(&mut self, at_mm: i64, expected_mm_s: i64, fix: &VehicleFix) {
        let elapsed = fix.received.since(self.fix_at);
        if elapsed > Millis::ZERO {
            self.cadence = within_reason(Millis((self.cadence.0 * 3 + elapsed.0) / 4));
        }
        let driven = at_mm - self.at_mm;
        self.speed_mm_s = match fix.speed_mps {
            Some(speed) => speed_mm_s(speed),
            None if elapsed > Millis::ZERO => (driven * 1000 / elapsed.0).clamp(0, 50_000),
            None => self.speed_mm_s,
        };
        self.driver.glance(self.speed_mm_s, expected_mm_s);
        self.at_mm = at_mm.max(self.at_mm - BACK_MM);
        self.fix_at = fix.received;
    }

    /// Where the vehicle should be now, dead-reckoned for at most two cadences.
    #[must_use]
    pub fn now_mm(&self, now: Millis) -> i64 {
        let elapsed = now.since(self.fix_at).min(self.cadence + self.cadence);
        self.at_mm + self.speed_mm_s * elapsed.0 / 1000
    }
}

/// Sources that report every 0.2 to 15 s are known.
fn within_reason(cadence: Millis) -> Millis {
    Millis(cadence.0.clamp(200, 15_000))
}

#[allow(clippy::cast_possible_truncation)]
fn speed_mm_s(mps: f32) -> i64 {
    (mps.clamp(0.0, 70.0) * 1000.0) as i64
}

/// How badly a fix fits a link (metres), and where on the link it lies; `None`: not on it at all.
fn cost_on(network: &Network, link: LinkId, point: Point, fix: &VehicleFix) -> Option<(f32, i64)> {
    let foot = network.project_on(link, point);
    let apart = moving_heading(fix).map_or(0.0, |heading| heading_apart(heading, foot.heading_deg));
    let fits = foot.distance_m <= OFF_WAY_M && apart <= OFF_HEADING_DEG;
    fits.then(|| (foot.distance_m + apart * 0.2, i64::from(foot.offset_mm)))
}

fn moving_heading(fix: &VehicleFix) -> Option<f32> {
    fix.heading_deg.filter(|_| fix.speed_mps.is_none_or(|speed| speed >= HEADING_FROM_MPS))
}

/// The link that a vehicle with no known way drives on, among those that `uses` may use.
///
/// Street or track is decided by `uses`; of two links in one place the one along the heading wins.
#[must_use]
pub fn acquire(network: &Network, index: &LinkIndex, uses: Uses, fix: &VehicleFix) -> Option<(LinkId, i64)> {
    let point = network.project(fix.place);
    let mut best: Option<(f32, LinkId, i64)> = None;
    index.near(network, point, OFF_WAY_M, uses, |link, _| {
        let Some((cost, offset_mm)) = cost_on(network, link, point, fix) else { return };
        if best.is_none_or(|(c, l, _)| cost < c || (cost == c && link < l)) {
            best = Some((cost, link, offset_mm));
        }
    });
    best.map(|(_, link, offset_mm)| (link, offset_mm))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::along::cumulate;
    use clearway_network::testing::{corridor, place};
    use clearway_signals::VehicleId;

    fn fix(x: f32, y: f32, ms: i64) -> VehicleFix {
        VehicleFix {
            vehicle: VehicleId(0),
            received: Millis(ms),
            place: place(x, y),
            heading_deg: Some(90.0),
            speed_mps: Some(12.0),
            degraded: false,
            cadence: Millis(1_000),
        }
    }

    #[test]
    fn a_noisy_drive_along_the_way_is_followed_to_a_few_metres() {
        let network = corridor(3);
        let way = network.lines[0].links.clone();
        let mut ends = Vec::new();
        cumulate(&network, &way, &mut ends);
        let mut track = Track::start(0, &fix(0.0, 0.0, 0));
        for second in 1..50_i16 {
            let noise = f32::from(second * 7 % 11 - 5);
            let fix = fix(12.0 * f32::from(second) + noise, noise, i64::from(second) * 1000);
            let at = track.locate(&network, &way, &ends, &fix).unwrap();
            track.update(at, 13_889, &fix);
            assert!((track.at_mm - i64::from(second) * 12_000).abs() <= 6_000);
        }
        assert_eq!(track.cadence, Millis(1_000));
    }

    #[test]
    fn a_slow_driver_is_known_after_a_few_stretches() {
        let mut driver = Driver::default();
        let doubt = driver.variance;
        for _ in 0..4 {
            driver.observe(1_200, 80 * 80);
        }
        assert!((1_150..=1_200).contains(&driver.slow_permille), "{driver:?}");
        assert!(driver.variance * 3 < doubt, "{driver:?}");
        driver.observe(i64::from(u32::MAX), 0);
        assert!(driver.slow_permille <= SLOW.1 && driver.variance > 0);
    }

    #[test]
    fn a_vehicle_that_turned_off_is_not_on_the_way() {
        let network = corridor(3);
        let way = network.lines[0].links.clone();
        let mut ends = Vec::new();
        cumulate(&network, &way, &mut ends);
        let track = Track::start(190_000, &fix(190.0, 0.0, 0));
        let north = VehicleFix { heading_deg: Some(0.0), ..fix(200.0, 20.0, 2_000) };
        assert_eq!(track.locate(&network, &way, &ends, &north), None);
    }

    #[test]
    fn heading_chooses_between_crossing_streets() {
        let network = corridor(1);
        let index = LinkIndex::new(&network);
        let east = acquire(&network, &index, Uses::CAR, &fix(196.0, -4.0, 0)).unwrap().0;
        let north = VehicleFix { heading_deg: Some(0.0), ..fix(196.0, -4.0, 0) };
        let north = acquire(&network, &index, Uses::CAR, &north).unwrap().0;
        assert_eq!(network.link(east).name, "e0");
        assert_eq!(network.link(north).name, "u0");
    }
}
