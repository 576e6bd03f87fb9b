//! What one trip teaches while it is driven: how long its stretches took, and how right the arrivals
//! were that its calls were timed by.

use clearway_network::{LinkId, Network};
use clearway_signals::Millis;

use super::{Learned, Period};
use crate::arrival::Profile;
use crate::tracking::Track;
use crate::wave::WaveSignal;

/// Slower than this a vehicle is held up: by a light, a queue, its own start. Queues and lights are
/// reckoned with elsewhere, so such time teaches nothing about links or drivers.
const HELD_UP_MM_S: i64 = 3_000;
/// Who is held up so near before a stop line is held up by its light or its queue.
const BEFORE_LINE_MM: i64 = 60_000;
/// A stretch that took longer holds a gap in the positions.
const STRETCH_MAX: Millis = Millis::from_s(60);
/// Links are taught by drivers whose own pace is known this well: thousandths squared.
const DRIVER_KNOWN: i64 = 75 * 75;
/// A driver is remembered after so many stretches.
const STRETCHES_OF_A_DRIVER: u32 = 5;

/// The measuring of one trip.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trip {
    /// Where and when the stretch under way began.
    start: Option<(i64, Millis)>,
    /// When the vehicle was last held up.
    held_up_at: Millis,
    stretches: u32,
}

/// What a trip is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The network.
    pub network: &'a Network,
    /// The links.
    pub links: &'a [LinkId],
    /// Distance to the end of each, millimetres.
    pub ends_mm: &'a [i64],
    /// Expected times along it.
    pub profile: &'a Profile,
}

impl Trip {
    /// Time is measured over stretches of about this length, milliseconds: long against the error of
    /// a position, short against a trip.
    pub const STRETCH_MS: i64 = 10_000;

    /// Take a located fix in: `track` has just been updated with it.
    pub(crate) fn measure(
        &mut self,
        learned: &mut Learned,
        way: &Way<'_>,
        track: &mut Track,
        period: Period,
    ) {
        if track.speed_mm_s < HELD_UP_MM_S {
            self.held_up_at = track.fix_at;
            self.start = None;
            return;
        }
        let rolls = track.speed_mm_s * 10 >= way.profile.speed_mm_s(way.ends_mm, track.at_mm) * 6;
        let Some((from_mm, from_at)) = self.start else {
            self.start = rolls.then_some((track.at_mm, track.fix_at));
            return;
        };
        let (from, to) = (way.profile.at(way.ends_mm, from_mm), way.profile.at(way.ends_mm, track.at_mm));
        let (expected, took) = (to.ms - from.ms, track.fix_at.since(from_at));
        if expected < Self::STRETCH_MS && took < STRETCH_MAX {
            return;
        }
        self.start = Some((track.at_mm, track.fix_at));
        if expected < Self::STRETCH_MS / 2 || took >= STRETCH_MAX {
            return;
        }
        let slow_permille = (took.0 * 1000 / expected).clamp(300, 4_000);
        if track.driver.variance <= DRIVER_KNOWN {
            let ratio = slow_permille * 1000 / track.driver.slow_permille.max(1);
            teach_links(learned, way, from_mm, track.at_mm, ratio, period);
        }
        // The link's own spread, in thousandths of the expectation, squared.
        let spread = (to.variance - from.variance) * 1_000 / expected * 1_000 / expected;
        track.driver.observe(slow_permille, spread);
        self.stretches += 1;
    }

    /// Compare the arrivals that calls were timed by with what came: signals that the vehicle reached
    /// since `before_mm`, or before which it is held up now.
    pub(crate) fn judge(
        &self,
        learned: &mut Learned,
        signals: &mut [WaveSignal],
        before_mm: i64,
        track: &Track,
    ) {
        let first = signals.partition_point(|signal| signal.place.stop_line_mm <= before_mm);
        for signal in &mut signals[first..] {
            let left_mm = signal.place.stop_line_mm - track.at_mm;
            if left_mm > BEFORE_LINE_MM {
                break;
            }
            let (true, false) = (signal.asserted, signal.judged) else { continue };
            let free_since_the_call = self.held_up_at < signal.asserted_at;
            let seen = if left_mm <= 0 {
                let since_line = -left_mm * 1000 / track.speed_mm_s.max(HELD_UP_MM_S);
                free_since_the_call.then_some(track.fix_at - Millis(since_line))
            } else if self.held_up_at == track.fix_at {
                // It would have been there by now, had it been let through; later than that it was
                // held up by something else.
                let there = track.fix_at + Millis(left_mm / 10);
                (there < signal.called.mean).then_some(there)
            } else {
                continue;
            };
            signal.judged = true;
            if let Some(seen) = seen {
                learned.observe_window(signal.called.score_milli(seen), seen >= signal.window_from);
            }
        }
    }

    /// The trip is over: what its driver was like is remembered.
    pub(crate) fn end(&mut self, learned: &mut Learned, track: Option<&Track>) {
        if let Some(track) = track.filter(|_| self.stretches >= STRETCHES_OF_A_DRIVER) {
            learned.observe_driver(track.driver.slow_permille);
        }
        *self = Self::default();
    }

    /// The way has changed: the stretch under way lies on the old one.
    pub(crate) fn turn_off(&mut self) {
        self.start = None;
    }
}

/// A stretch took `ratio` thousandths of its expectation: each link that it passes as a whole, and the
/// one in which its middle lies, took that share of its own.
fn teach_links(learned: &mut Learned, way: &Way<'_>, from_mm: i64, to_mm: i64, ratio: i64, period: Period) {
    let middle_mm = i64::midpoint(from_mm, to_mm);
    let first = way.ends_mm.partition_point(|end| *end <= from_mm);
    for (n, link) in way.links.iter().enumerate().skip(first) {
        let start_mm = if n == 0 { 0 } else { way.ends_mm[n - 1] };
        if start_mm >= to_mm {
            break;
        }
        let whole = start_mm >= from_mm && way.ends_mm[n] <= to_mm;
        if whole || (start_mm <= middle_mm && middle_mm < way.ends_mm[n]) {
            let seen = ratio * way.profile.mean_permille(n, way.network, *link) / 1000;
            learned.observe_link(way.network, *link, period, u32::try_from(seen).unwrap_or(0));
        }
    }
}
