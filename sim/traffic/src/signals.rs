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

/// A controller that runs its fixed-time plan by itself: when it changes what.
#[derive(Clone, Debug)]
pub(crate) struct PlanRun {
    cycle_ms: i64,
    offset_ms: i64,
    /// Second of the cycle, group, and what it shows from then on; in order.
    changes: Vec<(i64, u8, Aspect)>,
    next: usize,
    /// Start of the cycle in which the next change lies.
    cycle_start_ms: i64,
}

impl PlanRun {
    /// The plan of a controller, from `now_ms` on, and what each group shows then.
    pub(crate) fn new(controller: &Controller, now_ms: i64) -> (Self, Vec<Aspect>) {
        let plan = &controller.plan;
        let (cycle_ms, offset_ms) = (plan.cycle.0, plan.offset.0);
        let at = |second: i64, group| planned_aspect(controller, Millis(second + offset_ms), group);
        let mut changes = Vec::new();
        for (number, group) in (0_u8..).zip(&controller.groups) {
            let id = GroupId(number);
            let windows = plan.windows.iter().filter(|window| window.group == id);
            let mut seconds: Vec<i64> = windows
                .flat_map(|window| {
                    let (start, end) = (window.start.0, window.start.0 + window.length.0);
                    [start - group.red_yellow.0, start, end, end + group.yellow.0, end + group.clearance.0]
                })
                .map(|second| second.rem_euclid(cycle_ms))
                .collect();
            seconds.sort_unstable();
            seconds.dedup();
            changes.extend(seconds.into_iter().map(|second| (second, number, at(second, id))));
        }
        changes.sort_unstable_by_key(|&(second, group, _)| (second, group));
        let second = (now_ms - offset_ms).rem_euclid(cycle_ms);
        let shown = (0_u8..).zip(&controller.groups).map(|(number, _)| at(second, GroupId(number))).collect();
        let next = changes.partition_point(|&(at, ..)| at <= second);
        let run = Self { cycle_ms, offset_ms, changes, next, cycle_start_ms: now_ms - offset_ms - second };
        (run, shown)
    }

    /// When the next change is due; `None` when nothing ever changes.
    pub(crate) fn due_ms(&mut self) -> Option<i64> {
        if self.next >= self.changes.len() {
            self.next = 0;
            self.cycle_start_ms += self.cycle_ms;
        }
        let &(second, ..) = self.changes.get(self.next)?;
        Some(self.offset_ms + self.cycle_start_ms + second)
    }

    /// The change that was due.
    pub(crate) fn take(&mut self) -> Option<(u8, Aspect)> {
        let &(_, group, aspect) = self.changes.get(self.next)?;
        self.next += 1;
        Some((group, aspect))
    }
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

    #[test]
    fn a_plan_that_runs_by_itself_shows_what_the_fixed_plan_shows() {
        let mut network = corridor(2);
        // A window over the end of the cycle, and an offset.
        network.controllers[1].plan.windows[0].start = Millis(50_000);
        let signals = FixedTime::new(&network);
        for controller in &network.controllers {
            let (mut run, mut shown) = PlanRun::new(controller, 500);
            for tick in 6..=3_000 {
                let now = Millis(tick * 100);
                while run.due_ms().unwrap() <= now.0 {
                    let (group, aspect) = run.take().unwrap();
                    shown[usize::from(group)] = aspect;
                }
                for (number, &aspect) in (0_u8..).zip(&shown) {
                    assert_eq!(aspect, signals.aspect(now, controller.id, GroupId(number)), "{now:?}");
                }
            }
        }
    }
}
