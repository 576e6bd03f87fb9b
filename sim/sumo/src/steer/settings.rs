//! The settings of the wave. Every default stands here with its reason.

use clearway_signals::Millis;

/// Settings.
#[derive(Clone, Copy, PartialEq, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Saturation headway, ms a vehicle (SUMO's own is 1.93 s).
    pub headway_ms: i64,
    /// Start-up lost time of a queue, ms.
    pub startup_ms: i64,
    /// Green stands this long before the vehicle arrives, ms.
    pub margin_ms: i64,
    /// The same where the plan is actuated, ms.
    pub margin_actuated_ms: i64,
    /// A vehicle that has not moved on for so long is stuck behind something that its green does not
    /// cure, ms: its calls are taken back, so that whoever stands before it gets green too.
    pub stall_ms: i64,
    /// The same when the edge behind the stop line takes nobody, ms.
    pub full_stall_ms: i64,
    /// So long after that the nearest signal is tried again, ms.
    pub back_off_ms: i64,
    /// Nothing is asked for longer ahead than this, ms.
    pub lead_max_ms: i64,
    /// The same where the plan is actuated, ms.
    pub lead_max_actuated_ms: i64,
    /// A queue before one signal comes to the next: this share of it, permille.
    pub carried_permille: i64,
    /// A hold is released after this time at the latest, ms.
    pub hold_max_ms: i64,
    /// After such a release nothing is asked there for this time, ms.
    pub lockout_ms: i64,
    /// Prefer a phase of the plan to a state of our own.
    pub prefer_phase: bool,
    /// A phase is preferred even if some of the approach's own links only give way in it.
    pub yielding_phase: bool,
    /// A tram or bus asks so long before the signal can be green, ms.
    pub margin_transit_ms: i64,
    /// The longest hold for a tram or bus, ms.
    pub hold_transit_max_ms: i64,
    /// Between two holds for trams and buses at one signal at least this, ms: about a cycle.
    pub lockout_transit_ms: i64,
    /// Local preemption instead of a plan: the nearest signal, from this distance on.
    pub local_range_mm: Option<i64>,
    /// A vehicle that arrives so much earlier takes the controller from another one, ms.
    pub overtake_ms: i64,
    /// Between two emergency vehicles that need the same state the hold goes on if the second comes
    /// within this time, ms.
    pub bridge_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            headway_ms: 2_000,
            startup_ms: 2_000,
            margin_actuated_ms: 3_000,
            stall_ms: 30_000,
            full_stall_ms: 12_000,
            back_off_ms: 45_000,
            margin_ms: 15_000,
            lead_max_ms: 80_000,
            lead_max_actuated_ms: 30_000,
            carried_permille: 500,
            hold_max_ms: 80_000,
            lockout_ms: 20_000,
            prefer_phase: true,
            yielding_phase: true,
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
    /// Whether a vehicle that has not moved on for so long asks: always while it moves, then only
    /// for its nearest signal, in turns with the plan.
    pub(crate) fn pursues(&self, stalled: Millis, nearest: bool) -> bool {
        let over = stalled.0 - self.stall_ms;
        let turn = self.back_off_ms + self.stall_ms;
        over < 0 || (nearest && turn > 0 && over % turn >= self.back_off_ms)
    }

    pub(crate) fn queue_time(&self, vehicles_milli: i64) -> Millis {
        if vehicles_milli < 500 {
            return Millis::ZERO;
        }
        Millis(self.startup_ms + self.headway_ms * vehicles_milli / 1000)
    }
}
