//! What a diversion costs the passengers of one trip, in passenger-seconds.
//!
//! The model carries no counts, so a trip has the load of its mode (or of its own report) and an
//! exchange at each call that follows from it: with rides of six calls on average a sixth of the load
//! gets off at a call, and as many get on. Whoever's stop is left out walks to the nearest one that is
//! still served, at 1.2 m/s over 1.3 times the straight distance, and after half an hour's walk has gone
//! another way.
//!
//! | choice | passenger delay of one trip |
//! |---|---|
//! | detour | load · extra time + Σ over the calls left out: (off + on) · walk |
//! | short turn | load · (walk across the gap + half a headway) + Σ over the lost calls: (off + on) · walk |
//! | hold | (load + Σ over the calls ahead: on) · wait |

use clearway_network::{Network, StopId, Uses};
use clearway_signals::Millis;

/// Passengers on board where nobody counts them: a tram, and any other vehicle.
const TRAM_LOAD: i64 = 60;
const BUS_LOAD: i64 = 30;
/// Places, for loads that are told in per cent.
const TRAM_PLACES: i64 = 150;
const BUS_PLACES: i64 = 75;
/// Calls that a passenger rides on average.
const RIDE_CALLS: i64 = 6;
/// Nobody walks longer than this.
const WALK_MAX: Millis = Millis::from_s(1_800);
/// Detour factor of a walk over its straight line, and speed: 1.3 / 1.2 m/s, as milliseconds a metre.
const WALK_MS_PER_M: f32 = 1_083.0;

/// The passengers of one trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Riders {
    /// On board.
    pub load: i64,
    /// Getting off at a call, and as many getting on.
    pub exchange: i64,
}

impl Riders {
    /// Of a trip of a mode, with its own load in per cent of its places where it is known.
    #[must_use]
    pub fn of(mode: Uses, load_pct: Option<u8>) -> Self {
        let (usual, places) =
            if mode == Uses::TRAM { (TRAM_LOAD, TRAM_PLACES) } else { (BUS_LOAD, BUS_PLACES) };
        let load = load_pct.map_or(usual, |pct| places * i64::from(pct.min(100)) / 100);
        Self { load, exchange: usual.max(load) / RIDE_CALLS }
    }

    /// Delay of a detour: the time that it takes longer, and the walks from the calls left out.
    #[must_use]
    pub fn detour(&self, extra: Millis, walks: impl Iterator<Item = Millis>) -> i64 {
        seconds(self.load, extra) + self.walking(walks)
    }

    /// Delay of a short turn: everybody crosses the gap on foot and waits for the next tram there.
    #[must_use]
    pub fn short_turn(&self, gap: Millis, headway: Millis, walks: impl Iterator<Item = Millis>) -> i64 {
        seconds(self.load, gap + Millis(headway.0 / 2)) + self.walking(walks)
    }

    /// Delay of waiting until the way is open.
    #[must_use]
    pub fn hold(&self, wait: Millis, calls_ahead: usize) -> i64 {
        let waiting = self.exchange * i64::try_from(calls_ahead).unwrap_or(i64::MAX);
        seconds(self.load + waiting, wait)
    }

    fn walking(&self, walks: impl Iterator<Item = Millis>) -> i64 {
        walks.map(|walk| seconds(2 * self.exchange, walk)).sum()
    }
}

fn seconds(persons: i64, time: Millis) -> i64 {
    persons.saturating_mul(time.0) / 1000
}

/// The walk from a stop to the nearest of those that are still served.
#[must_use]
pub fn walk(network: &Network, from: StopId, served: impl Iterator<Item = StopId>) -> Millis {
    let place = |stop: StopId| network.stops.get(stop.index()).map(|s| s.point);
    let Some(here) = place(from) else { return WALK_MAX };
    let nearest_m = served.filter_map(place).map(|there| here.distance(there)).fold(f32::INFINITY, f32::min);
    #[allow(clippy::cast_possible_truncation)]
    let time = Millis((nearest_m.min(10_000.0) * WALK_MS_PER_M) as i64);
    time.min(WALK_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detour::testing::block;

    #[test]
    fn a_detour_costs_everybody_the_extra_time_and_some_a_walk() {
        let riders = Riders::of(Uses::TRAM, None);
        assert_eq!((riders.load, riders.exchange), (60, 10));
        let walks = [Millis::from_s(100)].into_iter();
        assert_eq!(riders.detour(Millis::from_s(30), walks), 60 * 30 + 20 * 100);
    }

    #[test]
    fn a_wait_costs_those_on_board_and_those_at_the_stops_ahead() {
        assert_eq!(Riders::of(Uses::BUS, None).hold(Millis::from_s(60), 3), (30 + 15) * 60);
        assert_eq!(Riders::of(Uses::TRAM, Some(100)).load, 150);
    }

    #[test]
    fn a_walk_goes_to_the_nearest_stop_that_is_left_and_ends_after_half_an_hour() {
        let network = block();
        let stops = |ids: &'static [u32]| ids.iter().map(|id| StopId(*id));
        // Stops of line 1 stand 400 m apart.
        assert_eq!(walk(&network, StopId(1), stops(&[0, 3])), Millis(433_200));
        assert_eq!(walk(&network, StopId(1), stops(&[])), WALK_MAX);
    }
}
