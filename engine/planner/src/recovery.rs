//! Recovery: how a controller comes back into step after a preemption, and how long that takes
//! (planning notes 4.8).
//!
//! At its exit a controller takes its plan up again at some second of the cycle. From then on its own
//! clock is *behind* the clock of coordination by δ, `0 ≤ δ < C`, and its method makes that good: it runs
//! fast until it has gained δ, slow until coordination has gone a whole cycle round and met it (`C − δ`),
//! or rests at one second of the cycle. The controller does all of this by itself; nothing of it is ever
//! commanded. What the planner owns is the instant of the release.
//!
//! Rates are those of the clock: a plan that runs 12 % fast passes 1.12 s of its cycle in a second.
//! Positions are seconds of the plan's cycle, whose start the model places by the offset and its
//! reference point (begin of green, of yellow or of red of the coordinated group).

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, Millis, Relation};

use crate::transition::Display;

pub use crate::transition::shown_by;

/// By which method a controller makes good what it is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// It rests at one second of the cycle until coordination gets there.
    Dwell {
        /// Where it rests, in the coordinated green.
        at: Millis,
        /// It rests no longer than this in one of its cycles, above zero.
        in_a_cycle_max: Millis,
    },
    /// It runs slower than its clock by so many thousandths (splits are lengthened).
    Add {
        /// Above zero.
        permille: u16,
    },
    /// It runs faster than its clock by so many thousandths (splits are shortened).
    Subtract {
        /// Above zero.
        permille: u16,
    },
    /// Whichever of the two takes less time.
    ShortWay {
        /// As [`Method::Add`].
        add_permille: u16,
        /// As [`Method::Subtract`].
        subtract_permille: u16,
    },
}

/// Where in its cycle a controller takes the plan up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Where the clock of coordination stands: nothing is behind, and greens that have begun are lost.
    Clock,
    /// At a fixed second of the cycle: the start of the exit stage or phases.
    At(Millis),
    /// As far back from the clock as the fewest groups find their green begun and no longer worth a start,
    /// the nearest of such seconds; never further than the preemption lasted, nor than the method makes
    /// good in so many cycles.
    FewestLate {
        /// Cycles, above zero.
        cycles: u8,
    },
}

/// How a controller recovers: what its configuration says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// Where it takes its plan up.
    pub exit: Exit,
    /// How it comes back into step from there.
    pub method: Method,
}

impl Default for Recovery {
    /// The short way of coordinated controllers: no green is lost that the plan still owes, and splits
    /// run 12 % fast until the clock is met, within two cycles.
    fn default() -> Self {
        Self { exit: Exit::FewestLate { cycles: 2 }, method: Method::Subtract { permille: 120 } }
    }
}

impl Recovery {
    /// As numbers, for the journal: exit and its value, method and its values.
    #[must_use]
    pub fn code(&self) -> [i64; 5] {
        let (exit, at) = match self.exit {
            Exit::Clock => (0, 0),
            Exit::At(at) => (1, at.0),
            Exit::FewestLate { cycles } => (2, i64::from(cycles)),
        };
        let (method, first, second) = match self.method {
            Method::Dwell { at, in_a_cycle_max } => (0, at.0, in_a_cycle_max.0),
            Method::Add { permille } => (1, i64::from(permille), 0),
            Method::Subtract { permille } => (2, i64::from(permille), 0),
            Method::ShortWay { add_permille, subtract_permille } => {
                (3, i64::from(add_permille), i64::from(subtract_permille))
            }
        };
        [exit, at, method, first, second]
    }

    /// The recovery of a code; an unknown one is the default's.
    #[must_use]
    pub fn of_code([exit, at, method, first, second]: [i64; 5]) -> Self {
        let rate = |permille| u16::try_from(permille).unwrap_or(0);
        let exit = match exit {
            0 => Exit::Clock,
            1 => Exit::At(Millis(at)),
            2 => Exit::FewestLate { cycles: u8::try_from(at).unwrap_or(0) },
            _ => return Self::default(),
        };
        let method = match method {
            0 => Method::Dwell { at: Millis(first), in_a_cycle_max: Millis(second) },
            1 => Method::Add { permille: rate(first) },
            2 => Method::Subtract { permille: rate(first) },
            3 => Method::ShortWay { add_permille: rate(first), subtract_permille: rate(second) },
            _ => return Self::default(),
        };
        Self { exit, method }
    }
}

/// What is expected of a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Return {
    /// How far behind its clock the controller takes its plan up, `0 ≤ behind < cycle`.
    pub behind: Millis,
    /// From the exit until it is in step.
    pub takes: Millis,
}

impl Return {
    /// The same in cycles, begun ones counted whole.
    #[must_use]
    pub fn cycles(&self, cycle: Millis) -> i64 {
        (self.takes.0 + cycle.0.max(1) - 1) / cycle.0.max(1)
    }
}

impl Method {
    /// Time until a controller is in step that takes its plan up at `position`, `behind` its clock; both
    /// within the cycle. [`Millis::NEVER`] when the method gets nowhere: a rate or a rest of zero.
    #[must_use]
    pub fn takes(self, cycle: Millis, position: Millis, behind: Millis) -> Millis {
        if behind <= Millis::ZERO {
            return Millis::ZERO;
        }
        let around = cycle - behind;
        match self {
            Self::Dwell { at, in_a_cycle_max } => {
                if in_a_cycle_max <= Millis::ZERO {
                    return Millis::NEVER;
                }
                let until_rest = Millis((at - position).0.rem_euclid(cycle.0));
                let rests = (around.0 + in_a_cycle_max.0 - 1) / in_a_cycle_max.0;
                until_rest + Millis((rests - 1) * cycle.0) + around
            }
            Self::Add { permille } => at_rate(around, permille),
            Self::Subtract { permille } => at_rate(behind, permille),
            Self::ShortWay { add_permille, subtract_permille } => {
                at_rate(around, add_permille).min(at_rate(behind, subtract_permille))
            }
        }
    }

    /// The most that the method makes good of being behind in so many cycles.
    fn makes_good(self, cycle: Millis, cycles: u8) -> Millis {
        let gained = |permille: u16| Millis(cycle.0 * i64::from(cycles) * i64::from(permille) / 1000);
        match self {
            Self::Subtract { permille } | Self::ShortWay { subtract_permille: permille, .. } => {
                gained(permille).min(cycle - Millis(1))
            }
            // Resting and running slow make good what is ahead: from behind they go all the way round.
            Self::Dwell { .. } | Self::Add { .. } => Millis::ZERO,
        }
    }
}

/// Time that it takes to make good so much at so many thousandths, to the next millisecond.
fn at_rate(gap: Millis, permille: u16) -> Millis {
    match i64::from(permille) {
        0 => Millis::NEVER,
        rate => Millis((gap.0 * 1000 + rate - 1) / rate),
    }
}

/// A controller at the instant of its exit.
#[derive(Clone, Copy, Debug)]
pub struct AtExit<'a> {
    /// Which.
    pub controller: &'a Controller,
    /// The clock's instant at which a cycle of its plan began.
    pub zero: Millis,
    /// When it leaves the preemption.
    pub at: Millis,
    /// Since when it was preempted.
    pub since: Millis,
    /// What its groups show, and since when.
    pub shown: &'a Display,
}

impl Recovery {
    /// What is expected of an exit.
    #[must_use]
    pub fn predict(&self, exit: &AtExit<'_>) -> Return {
        let cycle = exit.controller.plan.cycle.max(Millis(1));
        let clock = Millis((exit.at - exit.zero).0.rem_euclid(cycle.0));
        let behind = match self.exit {
            Exit::Clock => Millis::ZERO,
            Exit::At(position) => Millis((clock - position).0.rem_euclid(cycle.0)),
            Exit::FewestLate { cycles } => {
                exit.fewest_late(self.method.makes_good(cycle, cycles).min(exit.at.since(exit.since)))
            }
        };
        let position = Millis((clock - behind).0.rem_euclid(cycle.0));
        Return { behind, takes: self.method.takes(cycle, position, behind) }
    }
}

/// A start this late still counts as in time.
const LATE_MAX: Millis = Millis(1_000);
/// The grid on which a controller looks back for the second to go on at.
const LOOK_BACK: Millis = Millis(1_000);

impl AtExit<'_> {
    /// How far back, at most `most`, the fewest groups come late.
    fn fewest_late(&self, most: Millis) -> Millis {
        let earliest = self.earliest_greens();
        let mut best = (usize::MAX, Millis::ZERO);
        let mut behind = Millis::ZERO;
        while behind <= most && best.0 > 0 {
            let late = self.waiting().filter(|group| self.comes_late(*group, &earliest, behind)).count();
            if late < best.0 {
                best = (late, behind);
            }
            behind += LOOK_BACK;
        }
        best.1
    }

    /// The groups that are not green.
    fn waiting(&self) -> impl Iterator<Item = GroupId> {
        (0u8..).zip(&self.controller.groups).map(|(id, _)| GroupId(id)).filter(|group| !self.is_green(*group))
    }

    fn is_green(&self, group: GroupId) -> bool {
        self.shown[group.index() % GROUPS_MAX].green
    }

    /// Whether the group finds its green begun, now or when it can start, and too little of it left.
    fn comes_late(&self, group: GroupId, earliest: &[Millis; GROUPS_MAX], behind: Millis) -> bool {
        let windows = self.windows(group);
        let longest = windows.clone().map(|(_, length)| length).max().unwrap_or(Millis::ZERO);
        let worth = self.controller.groups[group.index()].min_green.min(longest - LATE_MAX);
        let left = self.left(group, earliest[group.index()] - behind);
        let open = left > Millis::ZERO || self.left(group, self.at - behind) > Millis::ZERO;
        open && left < worth
    }

    fn windows(&self, group: GroupId) -> impl Iterator<Item = (Millis, Millis)> + Clone {
        let windows = &self.controller.plan.windows;
        let first = windows.partition_point(|window| window.group < group);
        windows[first..]
            .iter()
            .take_while(move |window| window.group == group)
            .map(|window| (window.start, window.length))
    }

    /// Green left by the plan at an instant of its own clock, windows that touch taken together.
    fn left(&self, group: GroupId, at: Millis) -> Millis {
        let cycle = self.controller.plan.cycle.max(Millis(1));
        let mut left = Millis::ZERO;
        // Windows that touch are at most all of them.
        for _ in 0..=self.windows(group).count() {
            let position = (at + left - self.zero).0.rem_euclid(cycle.0);
            let more = self
                .windows(group)
                .map(|(start, length)| length - Millis((position - start.0).rem_euclid(cycle.0)))
                .max()
                .unwrap_or(Millis::ZERO);
            if more <= Millis::ZERO || left >= cycle {
                break;
            }
            left += more;
        }
        left.min(cycle)
    }

    /// When each group could be green at the earliest, if whoever is in its way were told to end now.
    fn earliest_greens(&self) -> [Millis; GROUPS_MAX] {
        let groups = &self.controller.groups;
        let n = groups.len().min(GROUPS_MAX);
        let mut earliest = [Millis::NEVER; GROUPS_MAX];
        for (starting, at) in earliest.iter_mut().enumerate().take(n) {
            *at = self.at + groups[starting].red_yellow;
            for ending in (0..n).filter(|ending| *ending != starting) {
                let relation = self.controller.relations[ending * n + starting];
                let back = self.controller.relations[starting * n + ending];
                let own = groups[ending].ending();
                let intergreen = match (relation, back) {
                    (Relation::Conflict(intergreen), _) => intergreen.max(own),
                    (_, Relation::Conflict(_)) => own,
                    _ => continue,
                };
                let shown = self.shown[ending];
                let kept = shown.since + groups[ending].min_green;
                let ends = if shown.green { self.at.max(kept) } else { shown.since };
                *at = (*at).max(ends + intergreen);
            }
        }
        earliest
    }
}

#[cfg(test)]
mod tests;
