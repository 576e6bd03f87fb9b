//! How soon a controller can show green to the dwell groups of a row (T_T of planning notes 4.2): what the
//! groups show now, by the last reading, or will show by plan, put to `clearway_signals::time_to_green`.

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::time_to_green::{Shows, time_to_green as exact};
use clearway_signals::{GroupId, Millis, RequestRow};

use crate::watch::Watch;

/// What one group shows at some instant: green since then, or not green since then.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shown {
    /// Green (walk), or not.
    pub green: bool,
    /// Since when.
    pub since: Millis,
}

/// What every group of a controller shows at some instant.
pub type Display = [Shown; GROUPS_MAX];

const DARK: Shown = Shown { green: false, since: Millis(i64::MIN / 4) };
/// A row whose groups can never be green together; the checker refuses it.
const NEVER_GREEN: Millis = Millis::from_s(3_600);

/// Time from a call at `at` until every group of `row.dwell` can be green, given what is shown then.
#[must_use]
pub fn time_to_green(controller: &Controller, row: &RequestRow, at: Millis, shown: &Display) -> Millis {
    let shows = |group: GroupId| head(shown.get(group.index()).copied().unwrap_or(DARK));
    row.delay + exact(&controller.junction(), shows, row.dwell, at).unwrap_or(NEVER_GREEN)
}

/// What every group shows by the last reading.
#[must_use]
pub fn shown_by(controller: &Controller, watch: &Watch) -> Display {
    let mut display = [DARK; GROUPS_MAX];
    for (shown, group) in display.iter_mut().zip(0_u8..).take(controller.groups.len()) {
        let (green, since) = watch.shows_green(GroupId(group));
        *shown = Shown { green, since };
    }
    display
}

/// Time to green from the last reading.
#[must_use]
pub fn time_to_green_now(controller: &Controller, row: &RequestRow, watch: &Watch, now: Millis) -> Millis {
    let shows = |group: GroupId| {
        let (green, since) = watch.shows_green(group);
        head(Shown { green, since })
    };
    row.delay + exact(&controller.junction(), shows, row.dwell, now).unwrap_or(NEVER_GREEN)
}

const fn head(shown: Shown) -> Shows {
    let Shown { green, since } = shown;
    if green { Shows::Green { since } } else { Shows::Red { green_ended: Some(since) } }
}

/// A green that begins within this time, and its red-yellow, cannot be held back by a call made now:
/// the call needs that long to reach the controller.
const UNDER_WAY: Millis = Millis(700);

/// What the fixed-time plan shows at `at`, when a cycle began at `zero`. A green that is about to
/// begin counts as begun, with its true start in the future.
#[must_use]
pub fn planned_display(controller: &Controller, zero: Millis, at: Millis) -> Display {
    let cycle = controller.plan.cycle;
    let mut display = [DARK; GROUPS_MAX];
    for shown in display.iter_mut().take(controller.groups.len()) {
        shown.since = at - cycle;
    }
    let position = (at - zero).0.rem_euclid(cycle.0);
    for window in &controller.plan.windows {
        let mut into = position - window.start.0;
        if into < 0 {
            into += cycle.0;
        }
        let shown = &mut display[window.group.index()];
        let begins_in = Millis(cycle.0 - into);
        if into < window.length.0 {
            *shown = Shown { green: true, since: at - Millis(into) };
        } else if begins_in <= controller.groups[window.group.index()].red_yellow + UNDER_WAY {
            *shown = Shown { green: true, since: at + begins_in };
        } else if !shown.green {
            shown.since = shown.since.max(at - Millis(into - window.length.0));
        }
    }
    display
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn at(network: &clearway_network::Network, ms: i64) -> Millis {
        let controller = &network.controllers[0];
        time_to_green(
            controller,
            &controller.rows[1],
            Millis(ms),
            &planned_display(controller, Millis(0), Millis(ms)),
        )
    }

    /// Corridor green 0–25 s; cross street and walk 30–50 s; walk clears in 8 s, intergreens 5 and 9 s.
    #[test]
    fn time_to_green_keeps_minimum_walk_and_clearance() {
        let network = corridor(1);
        assert_eq!(at(&network, 10_000), Millis::ZERO, "green already");
        assert_eq!(at(&network, 26_000), Millis(3_000), "the rest of its own yellow, and its red-yellow");
        assert_eq!(at(&network, 29_500), Millis(14_500), "the walk is about to begin: it is kept whole");
        assert_eq!(at(&network, 30_000), Millis(14_000), "minimum walk 5 s, then 9 s");
        assert_eq!(at(&network, 45_000), Millis(9_000), "walk may end now, then 9 s");
        assert_eq!(at(&network, 52_000), Millis(7_000), "the walk ended 2 s ago");
    }

    #[test]
    fn the_certificate_bounds_every_transition() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        for row in &controller.rows[1..3] {
            let bound = clearway_certify::worst_case_entry(&controller.junction(), row).unwrap();
            for ms in (0..60_000).step_by(100) {
                let display = planned_display(controller, Millis(0), Millis(ms));
                let needed = time_to_green(controller, row, Millis(ms), &display);
                // A call is given time to travel here, which the checker does not know of.
                assert!(needed <= bound + UNDER_WAY, "at {ms}: {needed:?} > {bound:?}");
            }
        }
    }
}
