//! The fixed-time plan: which groups it wants green at an instant, and for how long still.
//!
//! After a preemption it may go on behind its clock, so that no group loses a window that has hardly
//! begun; then it runs fast until it has caught up (the short way of coordinated controllers).

use clearway_network::SignalPlan;
use clearway_signals::{GroupId, GroupSet, Millis};

use super::heads::{Aspect, Heads};

/// A start this late still counts as in time, so that a window as short as the minimum green is not
/// lost to the grid of ticks or to a neighbour's last tenths.
const LATE_MAX: Millis = Millis(1_000);
/// While it catches up, the plan runs faster than its clock by this much (a usual setting: splits 12 % short).
const CATCH_UP_PERMILLE: i64 = 120;
/// A plan falls behind no further than it catches up within this many cycles.
const CATCH_UP_CYCLES: i64 = 2;

/// The plan, window by window of each group.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    cycle: Millis,
    offset: Millis,
    windows: Vec<Vec<(Millis, Millis)>>,
    /// How far it is behind its clock.
    behind: Millis,
}

impl Plan {
    /// `groups` is the number of the controller's groups.
    pub fn new(plan: &SignalPlan, groups: usize) -> Self {
        let mut windows = vec![Vec::new(); groups];
        for window in &plan.windows {
            if let Some(list) = windows.get_mut(window.group.index()) {
                list.push((window.start, window.length));
            }
        }
        Self { cycle: plan.cycle.max(Millis(1)), offset: plan.offset, windows, behind: Millis::ZERO }
    }

    pub fn cycle(&self) -> Millis {
        self.cycle
    }

    /// Time into the cycle, `(t − offset) mod cycle`, less what it is behind.
    pub fn position(&self, at: Millis) -> Millis {
        Millis((at - self.offset - self.behind).0.rem_euclid(self.cycle.0))
    }

    /// Number of the cycle that runs.
    pub fn cycle_number(&self, at: Millis) -> i64 {
        (at - self.offset - self.behind).0.div_euclid(self.cycle.0)
    }

    /// A tick passes: what is behind is caught up.
    pub fn catch_up(&mut self, tick: Millis) {
        self.behind = (self.behind - Millis(tick.0 * CATCH_UP_PERMILLE / 1000)).max(Millis::ZERO);
    }

    /// Take over from a preemption that began at `since`: go back as far as it takes that the fewest
    /// groups find their window open, but too short to be worth a start.
    pub fn resume(&mut self, heads: &Heads, since: Millis, now: Millis) {
        let limit = Millis(self.cycle.0 * CATCH_UP_CYCLES * CATCH_UP_PERMILLE / 1000);
        let before = self.behind;
        let furthest = (before + (now - since)).min(limit).max(before);
        let mut best: Option<(usize, Millis)> = None;
        while self.behind <= furthest {
            let late = heads.ids().filter(|group| self.comes_late(*group, heads, now)).count();
            if best.is_none_or(|(fewest, _)| late < fewest) {
                best = Some((late, self.behind));
            }
            self.behind += Millis::from_s(1);
        }
        self.behind = best.map_or(before, |(_, behind)| behind);
    }

    /// Whether the group, not yet green, has its window now or when it can start at the earliest, but
    /// too little of it.
    fn comes_late(&self, group: GroupId, heads: &Heads, now: Millis) -> bool {
        let starts = heads.earliest_green(group, now);
        let left = self.left(group, starts);
        let open = left > Millis::ZERO || self.left(group, now) > Millis::ZERO;
        let waits = heads.aspects()[group.index()] != Aspect::Green;
        waits && open && self.worth(group, heads).is_some_and(|worth| left < worth)
    }

    /// The shortest green that a start is worth; `None` without a window.
    fn worth(&self, group: GroupId, heads: &Heads) -> Option<Millis> {
        let longest = self.windows[group.index()].iter().map(|(_, length)| *length).max()?;
        Some(heads.group(group).min_green.min(longest - LATE_MAX))
    }

    /// Green left at an instant, windows that touch taken together; zero outside every window.
    pub fn left(&self, group: GroupId, at: Millis) -> Millis {
        let windows = &self.windows[group.index()];
        let mut left = Millis::ZERO;
        for _ in 0..=windows.len() {
            let position = self.position(at + left);
            let more = windows.iter().map(|window| self.left_of(*window, position)).max();
            let more = more.unwrap_or(Millis::ZERO);
            left += more;
            if more == Millis::ZERO || left >= self.cycle {
                break;
            }
        }
        left.min(self.cycle)
    }

    /// Time until the group's next window starts, strictly after `at`.
    pub fn until_start(&self, group: GroupId, at: Millis) -> Option<Millis> {
        let position = self.position(at);
        let wait = |start: Millis| Millis((start - position).0.rem_euclid(self.cycle.0));
        self.windows[group.index()]
            .iter()
            .map(|(start, _)| wait(*start))
            .map(|wait| if wait == Millis::ZERO { self.cycle } else { wait })
            .min()
    }

    /// Time until the group's window ends, the one that is open or else the next one.
    pub fn until_end(&self, group: GroupId, at: Millis) -> Option<Millis> {
        match self.left(group, at) {
            Millis::ZERO => self.until_start(group, at).map(|wait| wait + self.left(group, at + wait)),
            left => Some(left),
        }
    }

    /// The groups whose windows are open at an instant.
    pub fn open(&self, at: Millis) -> GroupSet {
        self.open_in(self.position(at))
    }

    /// The same if it were not behind: what coordination asks for.
    pub fn open_by_clock(&self, at: Millis) -> GroupSet {
        self.open_in(self.position(at + self.behind))
    }

    fn open_in(&self, position: Millis) -> GroupSet {
        let open = |windows: &Vec<(Millis, Millis)>| {
            windows.iter().any(|window| self.left_of(*window, position) > Millis::ZERO)
        };
        (0u8..).zip(&self.windows).filter(|(_, windows)| open(windows)).map(|(id, _)| GroupId(id)).collect()
    }

    /// The groups that the plan wants green now: the green ones in their windows, and the red ones
    /// whose window leaves them their minimum green if they start now, or has hardly begun.
    pub fn wanted(&self, heads: &Heads, now: Millis) -> GroupSet {
        let open = self.open(now);
        let mut wanted = GroupSet::EMPTY;
        for group in heads.ids() {
            let wants = match heads.aspects()[group.index()] {
                Aspect::Green => open.contains(group),
                Aspect::Red => self.worth_starting(group, heads, now),
                _ => false,
            };
            if wants {
                wanted = wanted.with(group);
            }
        }
        wanted
    }

    fn worth_starting(&self, group: GroupId, heads: &Heads, now: Millis) -> bool {
        let left = self.left(group, now + heads.group(group).red_yellow);
        left > Millis::ZERO && self.worth(group, heads).is_some_and(|worth| left >= worth)
    }

    fn left_of(&self, (start, length): (Millis, Millis), position: Millis) -> Millis {
        let into = Millis((position - start).0.rem_euclid(self.cycle.0));
        if into < length { length - into } else { Millis::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use clearway_network::GreenWindow;

    use super::*;

    fn plan(windows: &[(i64, i64)]) -> Plan {
        let windows = windows
            .iter()
            .map(|(start, length)| GreenWindow {
                group: GroupId(0),
                start: Millis(*start),
                length: Millis(*length),
            })
            .collect();
        Plan::new(&SignalPlan { cycle: Millis(60_000), offset: Millis(5_000), windows }, 1)
    }

    #[test]
    fn a_window_over_the_end_of_the_cycle_is_one_green() {
        let plan = plan(&[(50_000, 20_000)]);
        assert_eq!(plan.left(GroupId(0), Millis(55_000)), Millis(20_000));
        assert_eq!(plan.left(GroupId(0), Millis(70_000)), Millis(5_000));
        assert_eq!(plan.left(GroupId(0), Millis(75_000)), Millis::ZERO);
        assert_eq!(plan.until_start(GroupId(0), Millis(75_000)), Some(Millis(40_000)));
        assert_eq!(plan.until_end(GroupId(0), Millis(75_000)), Some(Millis(60_000)));
        assert_eq!(plan.until_end(GroupId(0), Millis(70_000)), Some(Millis(5_000)));
    }

    #[test]
    fn windows_that_touch_count_as_one_green() {
        let plan = plan(&[(0, 10_000), (10_000, 15_000)]);
        assert_eq!(plan.left(GroupId(0), Millis(7_000)), Millis(23_000));
    }

    #[test]
    fn a_window_of_the_whole_cycle_never_closes() {
        let plan = plan(&[(0, 60_000)]);
        assert_eq!(plan.left(GroupId(0), Millis(64_900)), Millis(60_000));
    }
}
