//! One cycle of a controller's plan, second by second: what is green, and how soon each emergency row
//! could be green after a call. Worked out once, so that looking ahead costs a table read a second.

use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupSet, Millis, RowId, RowKind};

use crate::arrival::Arrival;
use crate::queue::{Ahead, Queue};
use crate::transition::{planned_display, time_to_green};

/// The tables' step, and that of every look ahead.
const STEP: Millis = Millis(1_000);
/// A call is put off by no more steps than this.
const STEPS_MAX: usize = 90;

/// The plan of one controller.
#[derive(Clone, Debug, Default)]
pub struct Cycle {
    length: Millis,
    /// For each second of the cycle: the groups that are green, or about to be beyond recall.
    greens: Vec<GroupSet>,
    /// For each row that has one, for each second of the cycle: time to green in milliseconds.
    times: Vec<Option<Box<[u32]>>>,
}

impl Cycle {
    /// Work the tables of a controller out.
    #[must_use]
    pub fn new(controller: &Controller) -> Self {
        let length = controller.plan.cycle;
        let seconds = usize::try_from(length.0.max(0)).unwrap_or(0).div_ceil(1000);
        let displays: Vec<_> = (0..seconds)
            .map(|second| Millis::from_s(i64::try_from(second).unwrap_or(i64::MAX)))
            .map(|at| (at, planned_display(controller, Millis::ZERO, at)))
            .collect();
        let greens = displays
            .iter()
            .map(|(_, display)| {
                let green = |g: &u8| display[usize::from(*g)].green;
                (0..u8::try_from(GROUPS_MAX).unwrap_or(u8::MAX)).filter(green).map(GroupId).collect()
            })
            .collect();
        let time = |row, (at, display): &(Millis, _)| {
            u32::try_from(time_to_green(controller, row, *at, display).0).unwrap_or(u32::MAX)
        };
        let times = controller
            .rows
            .iter()
            .map(|row| {
                let wanted = row.kind == RowKind::Emergency;
                wanted.then(|| displays.iter().map(|shown| time(row, shown)).collect())
            })
            .collect();
        Self { length, greens, times }
    }

    /// The second of the cycle at `at`, when a cycle began at `zero`; `None` for an empty plan.
    fn second(&self, zero: Millis, at: Millis) -> Option<usize> {
        if self.greens.is_empty() {
            return None;
        }
        usize::try_from((at - zero).0.rem_euclid(self.length.0) / STEP.0).ok()
    }

    /// The groups that the plan shows green in the second of `at`.
    #[must_use]
    pub fn greens(&self, zero: Millis, at: Millis) -> GroupSet {
        self.second(zero, at).map_or(GroupSet::EMPTY, |second| self.greens[second])
    }

    /// When the plan itself shows all of `wanted` green, at or after `from`; within two cycles.
    #[must_use]
    pub fn planned_green(&self, zero: Millis, wanted: GroupSet, from: Millis) -> Option<Millis> {
        let mut second = self.second(zero, from)?;
        for step in 0..=2 * self.greens.len() {
            if wanted.is_subset(self.greens[second]) {
                return Some(from + Millis::from_s(i64::try_from(step).ok()?));
            }
            second = (second + 1) % self.greens.len();
        }
        None
    }

    /// The latest instant of a call of `row` from `now` on, after which green comes and the queue
    /// rolls by `target`; `now` when even that is too late.
    ///
    /// The plan is followed until the call: a green that it shows by itself shortens the queue.
    /// Between the calls that would do and the latest one there may be instants that would not (a
    /// walk that begins just then): the latest one is right as long as the controller keeps to its
    /// plan, and it is sought anew at every fix. The tables are read at whole seconds of the cycle, at most 90;
    /// between two of them the end of the entry rises evenly, or jumps where a green begins.
    #[must_use]
    pub fn latest_call(
        &self,
        row: RowId,
        zero: Millis,
        now: Millis,
        target: Millis,
        approach: &Approach,
    ) -> Millis {
        let times = self.times.get(row.index()).and_then(Option::as_ref);
        let (Some(times), Some(mut second)) = (times, self.second(zero, now)) else { return now };
        let mut waiting = approach.ahead();
        let (mut at, mut latest) = (now - Millis((now - zero).0.rem_euclid(STEP.0)), now);
        let mut before: Option<(Millis, Millis)> = None;
        for _ in 0..STEPS_MAX {
            if at > target {
                break;
            }
            let green_in = Millis(i64::from(times[second]));
            let rolls = at + green_in + waiting.clearing(green_in);
            if rolls <= target {
                latest = at;
            } else if let Some((at_before, rolled)) = before.filter(|(_, rolled)| *rolled <= target) {
                let rise = (rolls - rolled).0;
                let share = if rise <= 2 * STEP.0 { (target - rolled).0 * STEP.0 / rise.max(1) } else { 0 };
                latest = at_before + Millis(share);
            }
            before = Some((at, rolls));
            waiting.step(self.greens[second].contains(approach.group));
            second = if second + 1 == self.greens.len() { 0 } else { second + 1 };
            at += STEP;
        }
        latest.max(now)
    }
}

/// Who waits at the approach while a call is put off: the queue, and how it leaves.
#[derive(Clone, Copy, Debug)]
pub struct Approach {
    /// The queue now.
    pub queue: Queue,
    /// The group whose green lets it go.
    pub group: GroupId,
    /// Lanes of the approach.
    pub lanes: u8,
    /// Start-up lost time.
    pub startup: Millis,
    /// Saturation headway.
    pub headway: Millis,
    /// From one standing vehicle's start to the next one's.
    pub start_wave: Millis,
}

impl Approach {
    /// The instant before which the vehicle arrives, or the queue's tail rolls too late for it, with the
    /// probability of the standard score `z_milli`: what is not known of the queue widens the arrival
    /// (planning notes 4.3: h²σ_n²).
    #[must_use]
    pub fn early_arrival(&self, arrival: &Arrival, z_milli: i64) -> Millis {
        let doubt_ms = self.queue.doubt(self.lanes) * self.start_wave.0 / 1000;
        if doubt_ms == 0 {
            return arrival.quantile(z_milli);
        }
        let variance = arrival.sigma.0 * arrival.sigma.0 + doubt_ms * doubt_ms;
        let sigma = Millis(variance.max(0).cast_unsigned().isqrt().cast_signed());
        Arrival { sigma, ..*arrival }.quantile(z_milli)
    }

    /// The queue as it will be, second by second.
    fn ahead(&self) -> Ahead {
        Ahead::new(&self.queue, self.lanes, self.headway, (self.startup, self.start_wave))
    }

    /// Time from green until the tail of the queue rolls, if green comes after `green_in`
    /// (the shock-wave form of T_Q in planning notes 4.2).
    #[must_use]
    pub fn clearing(&self, green_in: Millis) -> Millis {
        self.queue.clearing(self.lanes, self.startup, self.start_wave, green_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;

    fn nobody_waits() -> Approach {
        let (startup, headway, start_wave) = (Millis(2_000), Millis(2_000), Millis(2_000));
        Approach { queue: Queue::default(), group: GroupId(0), lanes: 1, startup, headway, start_wave }
    }

    #[test]
    fn the_table_says_what_the_plan_shows() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let cycle = Cycle::new(controller);
        for second in -70..200 {
            let (zero, at) = (Millis(7_300), Millis(7_300 + second * 1_000));
            let display = planned_display(controller, zero, at);
            for group in 0..3 {
                let green = cycle.greens(zero, at).contains(GroupId(group));
                assert_eq!(green, display[usize::from(group)].green, "group {group} at {second}");
            }
        }
    }

    #[test]
    fn the_latest_call_still_brings_green_in_time() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let cycle = Cycle::new(controller);
        for target in (0..60).map(|s| Millis(20_000 + s * 1_000)) {
            let call = cycle.latest_call(RowId(1), Millis(0), Millis(0), target, &nobody_waits());
            let display = planned_display(controller, Millis(0), call);
            let needed = time_to_green(controller, &controller.rows[1], call, &display);
            assert!(call == Millis(0) || call + needed <= target);
        }
    }

    #[test]
    fn a_green_of_the_plan_that_empties_the_queue_puts_the_call_off() {
        let network = corridor(1);
        let cycle = Cycle::new(&network.controllers[0]);
        let mut approach = nobody_waits();
        approach.queue.count(0, true, false, 1, Millis(1));
        let call = |now: i64| cycle.latest_call(RowId(1), Millis(0), Millis(now), Millis(75_000), &approach);
        // Red until 60 s: green by 61 s at the latest for six cars. From 60 s on the plan lets them go.
        assert!(call(40_000) >= Millis(70_000), "{:?}", call(40_000));
    }

    #[test]
    fn the_plan_says_when_it_is_green_by_itself() {
        let network = corridor(1);
        let cycle = Cycle::new(&network.controllers[0]);
        let next = cycle.planned_green(Millis(0), GroupSet(1), Millis(26_000));
        assert_eq!(next, Some(Millis(59_000)), "with the red-yellow before it");
        assert_eq!(cycle.planned_green(Millis(0), GroupSet(1), Millis(5_000)), Some(Millis(5_000)));
    }

    #[test]
    fn an_empty_plan_promises_nothing() {
        let cycle = Cycle::default();
        assert_eq!(cycle.planned_green(Millis(0), GroupSet(1), Millis(5)), None);
        let call = cycle.latest_call(RowId(0), Millis(0), Millis(5), Millis(9_000), &nobody_waits());
        assert_eq!(call, Millis(5));
    }
}
