//! The settings of the wave. Every default stands here with its reason.

use clearway_planner::queue::discharge;
use clearway_signals::Millis;

/// How signals of one kind of plan are asked for. The defaults were found with SUMO 1.28 on an arterial
/// under fixed-time plans and on a city under actuated ones (docs/sumo.md).
#[derive(Clone, Copy, PartialEq, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Style {
    /// Green stands this long before the vehicle arrives, ms.
    pub margin_ms: i64,
    /// Nothing is asked for longer ahead than this, ms.
    pub lead_max_ms: i64,
    /// A queue before one signal comes to the next: this share of it, permille.
    pub carried_permille: i64,
    /// So far behind a stop line no edge may be full, mm; 0: not looked at.
    pub room_mm: i64,
    /// A phase is preferred even if some of the approach's own links only give way in it.
    pub yielding_phase: bool,
}

/// A fixed-time plan comes back into step by its own clock: a long hold costs little afterwards, and
/// the platoon ahead of the vehicle is best sent away early.
const FIXED_TIME: Style = Style {
    margin_ms: 15_000,
    lead_max_ms: 80_000,
    carried_permille: 500,
    room_mm: 0,
    yielding_phase: false,
};

/// An actuated plan serves its queues by itself and starts anew after each hold: holds are kept short,
/// opposing traffic goes on, and nobody is sent into a full street.
const ACTUATED: Style =
    Style { margin_ms: 0, lead_max_ms: 25_000, carried_permille: 0, room_mm: 100_000, yielding_phase: true };

impl Default for Style {
    fn default() -> Self {
        ACTUATED
    }
}

/// Settings.
#[derive(Clone, Copy, PartialEq, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// For signals under fixed-time plans.
    pub fixed_time: Style,
    /// For signals under actuated plans.
    pub actuated: Style,
    /// Saturation headway, ms a vehicle (SUMO's own is 1.93 s).
    pub headway_ms: i64,
    /// Start-up lost time of a queue, ms.
    pub startup_ms: i64,
    /// A vehicle that has not moved on for so long is stuck behind something that its green does not
    /// cure, ms: its calls are taken back, so that whoever stands before it gets green too.
    pub stall_ms: i64,
    /// The same when an edge behind the stop line takes nobody, ms.
    pub full_stall_ms: i64,
    /// So long after that the nearest signal is tried again, ms.
    pub back_off_ms: i64,
    /// A hold is released after this time at the latest, ms: before any watchdog of 90 s.
    pub hold_max_ms: i64,
    /// After such a release nothing is asked there for this time, ms.
    pub lockout_ms: i64,
    /// The longest that those in the way get green, ms; 0: never.
    pub flush_max_ms: i64,
    /// They get it when the vehicle arrives within this time, ms.
    pub flush_ahead_ms: i64,
    /// A tram or bus asks so long before the signal can be green, ms.
    pub margin_transit_ms: i64,
    /// The longest hold for a tram or bus, ms.
    pub hold_transit_max_ms: i64,
    /// Between two holds for trams and buses at one signal at least this, ms: about a cycle.
    pub lockout_transit_ms: i64,
    /// Local preemption instead of a plan: the nearest signal, from this distance on, mm.
    pub local_range_mm: Option<i64>,
    /// A vehicle that arrives so much earlier takes the controller from another one, ms.
    pub overtake_ms: i64,
    /// Between two vehicles that need the same state the hold goes on if the second comes within
    /// this time, ms.
    pub bridge_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fixed_time: FIXED_TIME,
            actuated: ACTUATED,
            headway_ms: 2_000,
            startup_ms: 2_000,
            stall_ms: 30_000,
            full_stall_ms: 12_000,
            back_off_ms: 45_000,
            hold_max_ms: 80_000,
            lockout_ms: 20_000,
            flush_max_ms: 20_000,
            flush_ahead_ms: 40_000,
            margin_transit_ms: 2_000,
            hold_transit_max_ms: 25_000,
            lockout_transit_ms: 60_000,
            local_range_mm: None,
            overtake_ms: 15_000,
            bridge_ms: 10_000,
        }
    }
}

impl Settings {
    /// The style for a signal.
    pub(crate) const fn style(&self, fixed_time: bool) -> &Style {
        if fixed_time { &self.fixed_time } else { &self.actuated }
    }

    /// Whether a vehicle that has not moved on for so long asks: always while it moves, then only
    /// for its nearest signal, in turns with the plan.
    pub(crate) fn pursues(&self, stalled: Millis, nearest: bool) -> bool {
        let over = stalled.0 - self.stall_ms;
        let turn = self.back_off_ms + self.stall_ms;
        over < 0 || (nearest && turn > 0 && over % turn >= self.back_off_ms)
    }

    /// Time from green until the queue of a lane is gone.
    pub(crate) fn queue_time(&self, vehicles_milli: i64) -> Millis {
        discharge(vehicles_milli, 1, Millis(self.startup_ms), Millis(self.headway_ms))
    }
}
