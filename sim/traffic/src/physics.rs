//! The figures of traffic flow that everything here stands on, in millimetres and milliseconds.
//!
//! HCM: *Highway Capacity Manual*, signalised intersections. Newell: *A simplified car-following
//! theory: a lower order model* (2002) and the holes of kinematic-wave theory behind it.

/// The grid on which signals are read and drivers with a mind of their own move.
pub const TICK_MS: i64 = 100;
/// Length that a standing car takes, its gap included.
pub const CAR_MM: i64 = 7_000;
/// Length of a tram.
pub const TRAM_MM: i64 = 30_000;
/// Length of a fire engine, its gap included.
pub const ENGINE_MM: i64 = 9_000;
/// Saturation headway of through traffic: 1,895 vehicles an hour and lane (HCM base 1,900).
pub const HEADWAY_MS: i64 = 1_900;
/// Saturation headway of turning traffic.
pub const HEADWAY_TURN_MS: i64 = 2_100;
/// Headway where signals are dark and drivers take turns.
pub const HEADWAY_DARK_MS: i64 = 4_000;
/// Start-up lost time of a standing queue (HCM l₁).
pub const START_UP_LOST_MS: i64 = 2_000;
/// Yellow that is used as green (HCM extension of effective green, e).
pub const YELLOW_USED_MS: i64 = 2_000;
/// Two vehicles from different links enter one lane at least this far apart.
pub const MERGE_HEADWAY_MS: i64 = 1_200;
/// Speed at which a hole, or the start of a queue, runs backwards (Newell's w), mm/s.
pub const WAVE_MM_S: i64 = 5_500;
/// Gap in the opposing stream that a permitted left turn needs (HCM critical gap).
pub const CRITICAL_GAP_MS: i64 = 4_500;
/// A driver who waits for a gap looks again after this time.
pub const GAP_RETRY_MS: i64 = 500;
/// Blocked this long with nowhere to go, a driver looks for another way.
pub const BLOCKED_MAX_MS: i64 = 60_000;

const _: () = assert!(WAVE_MM_S > 0 && TICK_MS > 0);

/// How cars drive: the figures that differ between the HCM's drivers and another model's.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Manners {
    /// Saturation headway of through traffic.
    pub headway_ms: i64,
    /// Saturation headway of turning traffic.
    pub headway_turn_ms: i64,
    /// What the first of a standing queue takes beyond the headway: start-up lost time.
    pub start_up_ms: i64,
    /// Yellow that is used as green, on average.
    pub yellow_used_ms: i64,
    /// Acceleration from standstill, mm/s². `None`: the delay ends at the stop line, as the HCM
    /// counts it; else what a driver still lacks of the free speed there costs time beyond it.
    pub acceleration: Option<i64>,
    /// Spread of the drivers' free speeds: standard deviation in thousandths of the street's.
    pub speed_sd_permille: u32,
    /// Their mean, in thousandths of the street's.
    pub speed_mean_permille: u32,
}

impl Default for Manners {
    /// The HCM's.
    fn default() -> Self {
        Self {
            headway_ms: HEADWAY_MS,
            headway_turn_ms: HEADWAY_TURN_MS,
            start_up_ms: START_UP_LOST_MS,
            yellow_used_ms: YELLOW_USED_MS,
            acceleration: None,
            speed_sd_permille: 0,
            speed_mean_permille: 1_000,
        }
    }
}

impl Manners {
    /// Time beyond the stop line that the `place`-th of a standing queue, from 0, loses against a car
    /// at `speed_mm_s`: it has had `place` cars' lengths to accelerate before the line.
    #[must_use]
    pub fn loss_beyond_line_ms(&self, place: u8, speed_mm_s: i64) -> i64 {
        let Some(acceleration) = self.acceleration else { return 0 };
        let at_line = (2 * acceleration * CAR_MM * i64::from(place)).isqrt().min(speed_mm_s);
        let missing = speed_mm_s - at_line;
        missing * missing * 1000 / (2 * acceleration * speed_mm_s.max(1))
    }
}

/// Time that a hole takes over `length_mm`.
#[must_use]
pub const fn wave_ms(length_mm: i64) -> i64 {
    length_mm * 1000 / WAVE_MM_S
}

/// The highest speed, mm/s, from which a driver who reacts within one tick still stops behind a
/// leader that is `gap_mm` ahead and brakes from `leader_mm_s` as hard (Gipps 1981), `brake` in mm/s².
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub fn safe_speed(gap_mm: i64, leader_mm_s: i64, brake: i64) -> i64 {
    if gap_mm <= 0 {
        return 0;
    }
    let reaction = brake as f64 * TICK_MS as f64 / 1000.0;
    let leader = (leader_mm_s as f64) * (leader_mm_s as f64);
    let root = (reaction * reaction + leader + 2.0 * brake as f64 * gap_mm as f64).sqrt();
    (root - reaction).max(0.0) as i64
}

/// The distance that braking at `brake` mm/s² from `speed_mm_s` takes.
#[must_use]
pub const fn braking_mm(speed_mm_s: i64, brake: i64) -> i64 {
    speed_mm_s * speed_mm_s / (2 * brake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vehicle_at_its_safe_speed_stops_in_the_gap() {
        for gap in [0, 500, 5_000, 40_000, 120_000] {
            let (brake, mut speed, mut run) = (2_500, safe_speed(gap, 0, 2_500), 0);
            while speed > 0 {
                run += speed * TICK_MS / 1000;
                speed = (speed - brake * TICK_MS / 1000).max(0);
            }
            assert!(run <= gap + 10, "{run} mm run in a gap of {gap} mm");
        }
    }
}
