//! The planner's settings. Every default stands here with its reason.

use clearway_certify::Class;
use clearway_signals::Millis;

use crate::recovery::Recovery;

/// One vehicle of the registry, by [`clearway_signals::VehicleId`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VehicleInfo {
    /// What it is; decides which rows it may ask for.
    pub class: Class,
}

/// Settings of the planner.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Config {
    /// At most so many controllers ahead of one vehicle are asked at a time (X4).
    pub signals_ahead_max: usize,
    /// Green shall stand this long before the early arrival: a driver brakes for a red light that he
    /// sees from about 50 m.
    pub lead: Millis,
    /// Command on the wire, controller's tick, reading of its state: together at most this.
    pub reaction: Millis,
    /// Probability, in thousandths, that the vehicle finds green and an empty lane at a signal: 500 to 999.
    pub stop_free_permille: i64,
    /// Whether that is the probability of the whole way instead: its signals share the risk evenly.
    pub stop_free_whole_way: bool,
    /// Standard deviation of the time over a stretch of ten seconds, in thousandths: before anything
    /// was learned.
    pub link_cv_permille: i64,
    /// Standard deviation of a position, millimetres.
    pub fix_sigma_mm: i64,
    /// Saturation headway (HCM base: 3600 s / 1900).
    pub headway: Millis,
    /// Each standing vehicle starts this much later than the one before it: 7 m of spacing over a
    /// start wave of 6 m/s. Once the tail rolls it makes way.
    pub start_wave: Millis,
    /// Start-up lost time of a queue.
    pub startup: Millis,
    /// The tail of the vehicle clears the stop line after this distance, millimetres.
    pub clear_mm: i64,
    /// No hold is longer than this, whatever the row's maximum presence allows.
    pub hold_max: Millis,
    /// After a request ended unserved, so long until the next one to the same controller.
    pub lockout: Millis,
    /// How controllers recover after a preemption, as they are configured.
    pub recovery: Recovery,
    /// A row is kept for so long at most after its vehicle has passed, where its controller is then back in
    /// its plan sooner; never more than `release::RELEASE_HOLD_MAX`.
    pub release_hold_max: Millis,
    /// Trams later than this ask for priority, seconds.
    pub tram_late_s: i32,
    /// Trams ask when they are so near in time.
    pub tram_horizon: Millis,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signals_ahead_max: 10,
            lead: Millis(1_000),
            reaction: Millis(1_000),
            stop_free_permille: 900,
            stop_free_whole_way: false,
            link_cv_permille: 80,
            fix_sigma_mm: 5_000,
            headway: Millis(1_900),
            start_wave: Millis(1_100),
            startup: Millis(2_000),
            clear_mm: 12_000,
            hold_max: Millis::from_s(110),
            lockout: Millis::from_s(5),
            recovery: Recovery::default(),
            release_hold_max: Millis::ZERO,
            tram_late_s: 30,
            tram_horizon: Millis::from_s(20),
        }
    }
}

impl Config {
    /// The risk of one signal's window, millionths, on a way with so many signals (Boole: shares of the
    /// whole way's risk add up to no more than it).
    #[must_use]
    pub fn risk_ppm(&self, signals: usize) -> u64 {
        let risk = (1_000 - self.stop_free_permille.clamp(500, 999)).unsigned_abs() * 1_000;
        let shares = if self.stop_free_whole_way { signals.max(1) } else { 1 };
        risk / u64::try_from(shares).unwrap_or(u64::MAX)
    }
}
