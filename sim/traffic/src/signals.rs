//! What the traffic sees of the signals.

use clearway_network::{Controller, Network};
use clearway_signals::{ControllerId, GroupId, Millis};

/// What a signal group shows to traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Aspect {
    /// Stop.
    #[default]
    Red,
    /// Stop, green is next.
    RedYellow,
    /// Go (pedestrians: walk).
    Green,
    /// Stop if you can.
    Yellow,
    /// Pedestrian clearance; for traffic as red.
    Clearance,
    /// Dark or flashing: drivers give way to each other.
    Dark,
}

/// The signals of the city, whoever runs them: emulators in virtual time, a live field, a fixed plan.
pub trait Signals {
    /// What the group shows at `now`. A group that does not exist shows `Dark`.
    fn aspect(&self, now: Millis, controller: ControllerId, group: GroupId) -> Aspect;

    /// Whether the group shows green at `now`.
    fn is_green(&self, now: Millis, controller: ControllerId, group: GroupId) -> bool {
        self.aspect(now, controller, group) == Aspect::Green
    }
}

/// Every controller runs the fixed-time plan of the network: for calibration, without emulators.
#[derive(Clone, Copy, Debug)]
pub struct FixedTime<'a> {
    network: &'a Network,
}

impl<'a> FixedTime<'a> {
    /// The plans of this network.
    #[must_use]
    pub fn new(network: &'a Network) -> Self {
        Self { network }
    }
}

impl Signals for FixedTime<'_> {
    fn aspect(&self, now: Millis, controller: ControllerId, group: GroupId) -> Aspect {
        self.network
            .controller(controller)
            .filter(|c| group.index() < c.groups.len())
            .map_or(Aspect::Dark, |c| planned_aspect(c, now, group))
    }
}

fn planned_aspect(controller: &Controller, now: Millis, group: GroupId) -> Aspect {
    let plan = &controller.plan;
    let second = (now.0 - plan.offset.0).rem_euclid(plan.cycle.0);
    let ending = controller.groups[group.index()];
    let mut seen = Aspect::Red;
    for window in plan.windows.iter().filter(|w| w.group == group) {
        let since_start = (second - window.start.0).rem_euclid(plan.cycle.0);
        if since_start < window.length.0 {
            return Aspect::Green;
        }
        if since_start < window.length.0 + ending.yellow.0 {
            seen = Aspect::Yellow;
        } else if since_start < window.length.0 + ending.clearance.0 {
            seen = Aspect::Clearance;
        } else if since_start >= plan.cycle.0 - ending.red_yellow.0 && seen == Aspect::Red {
            seen = Aspect::RedYellow;
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    #[test]
    fn the_fixed_plan_shows_green_yellow_red_and_red_yellow_in_turn() {
        let network = corridor(1);
        let signals = FixedTime::new(&network);
        let shows = |s: i64, group| signals.aspect(Millis::from_s(s), ControllerId(0), GroupId(group));
        assert_eq!(shows(0, 0), Aspect::Green);
        assert_eq!(shows(24, 0), Aspect::Green);
        assert_eq!(shows(26, 0), Aspect::Yellow);
        assert_eq!(shows(40, 0), Aspect::Red);
        assert_eq!(shows(59, 0), Aspect::RedYellow);
        assert_eq!(shows(52, 2), Aspect::Clearance);
        assert_eq!(shows(0, 9), Aspect::Dark);
    }
}
