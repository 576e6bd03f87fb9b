//! What is known of one controller: what it shows, since when, where its cycle stands.

use clearway_certify::Held;
use clearway_network::Controller;
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{ControllerStatus, GroupId, Millis, Mode, PreemptState, RequestId, RowId, VehicleId};

use crate::reds::Reds;

/// Readings may be this far apart from the true instant: the poll's own coarseness.
const READING: Millis = Millis(700);
/// A status older than this says nothing about the present.
pub const STATUS_STALE: Millis = Millis(5_000);

/// A request that was released and whose end the controller has not yet shown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Closing {
    /// The request.
    pub request: RequestId,
    /// Its row.
    pub row: RowId,
    /// Whether the controller ever served it.
    pub served: bool,
    /// When it was released.
    pub since: Millis,
    /// Since when its row was held.
    pub from: Millis,
    /// Whether the call was seen gone; then only recovery is awaited.
    pub gone: bool,
}

/// One controller under watch.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The last reading.
    pub status: ControllerStatus,
    /// Whether there was one.
    pub seen: bool,
    /// Whether the arming gate holds.
    pub armed: bool,
    /// What we hold there now.
    pub held: Option<Held>,
    /// Whether a tram or bus holds it; an emergency vehicle takes it from them.
    pub held_by_transit: bool,
    /// Who holds it, or held it last.
    pub holder: VehicleId,
    /// Whether the holder, an emergency vehicle, gives way when the call of a more urgent one is due.
    pub yields: bool,
    /// What we have just released.
    pub closing: Option<Closing>,
    /// No transit request before this.
    pub transit_after: Millis,
    /// Who is red because of emergency calls.
    pub(crate) reds: Reds,
    since: [Millis; GROUPS_MAX],
    zero: Option<Millis>,
    contrary: Option<Millis>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            status: ControllerStatus::default(),
            seen: false,
            armed: false,
            held: None,
            held_by_transit: false,
            holder: VehicleId(0),
            yields: false,
            closing: None,
            transit_after: Millis::ZERO,
            reds: Reds::default(),
            since: [Millis::ZERO; GROUPS_MAX],
            zero: None,
            contrary: None,
        }
    }
}

impl Watch {
    /// Take a reading in.
    pub fn update(&mut self, controller: &Controller, status: &ControllerStatus) {
        if self.seen && status.at < self.status.at {
            return;
        }
        for g in (0..controller.groups.len().min(GROUPS_MAX)).map(group) {
            let (was, is) = (self.status.greens.contains(g), status.greens.contains(g));
            if !self.seen || was != is {
                // Unseen before: the change may have been just now; that is the careful reading.
                self.since[g.index()] = status.at;
                if is {
                    self.reds.turned_green(g);
                }
                if self.seen && is {
                    self.learn_cycle(controller, status, g);
                }
            }
        }
        self.status = *status;
        self.seen = true;
    }

    /// Whether the group shows green (walk), and since when; else since when it does not.
    #[must_use]
    pub fn shows_green(&self, group: GroupId) -> (bool, Millis) {
        (self.status.greens.contains(group), self.since[group.index() % GROUPS_MAX])
    }

    /// Whether the last reading still speaks of the present.
    #[must_use]
    pub fn is_fresh(&self, now: Millis) -> bool {
        self.seen && now.since(self.status.at) <= STATUS_STALE
    }

    /// Whether the controller serves requests at all, as far as its mode tells.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.armed && matches!(self.status.mode, Mode::Normal | Mode::Backup)
    }

    /// The clock's instant at which a cycle of the plan began, once the greens have shown it.
    #[must_use]
    pub fn cycle_zero(&self) -> Option<Millis> {
        self.zero
    }

    /// Whether what is green is what the plan shows at the time of the reading.
    #[must_use]
    pub fn in_step(&self, controller: &Controller) -> bool {
        let Some(zero) = self.zero else { return false };
        if self.status.preempt != PreemptState::NotActive {
            return false;
        }
        let cycle = controller.plan.cycle.0;
        let windows = &controller.plan.windows;
        let position = (self.status.at - zero).0.rem_euclid(cycle);
        windows.iter().enumerate().all(|(n, window)| {
            let mut into = position - window.start.0;
            if into < 0 {
                into += cycle;
            }
            // Near a change the reading may be on either side of it.
            let near = |edge: i64| {
                let apart = (into - edge).abs();
                apart.min(cycle - apart) <= READING.0 + 300
            };
            let planned = into < window.length.0;
            // Windows are sorted by group: one of several is judged by none alone.
            let same = |k: usize| windows.get(k).is_some_and(|w| w.group == window.group);
            let several = same(n + 1) || (n > 0 && same(n - 1));
            several
                || near(0)
                || near(window.length.0)
                || planned == self.status.greens.contains(window.group)
        })
    }

    /// A start of green by plan shows where the cycle stands. One contrary reading is noise (a green
    /// that was held back), two that agree are a new truth.
    fn learn_cycle(&mut self, controller: &Controller, status: &ControllerStatus, started: GroupId) {
        // With rings a green starts when somebody calls it, which tells nothing of the cycle: such a
        // controller is asked by what it shows and by its worst case alone.
        if status.preempt != PreemptState::NotActive || !controller.rings.is_empty() {
            return;
        }
        let mut windows = controller.plan.windows.iter().filter(|w| w.group == started);
        let (Some(window), None) = (windows.next(), windows.next()) else { return };
        let cycle = controller.plan.cycle;
        let candidate = status.at - window.start;
        let apart = |a: Millis, b: Millis| {
            let d = (a - b).0.rem_euclid(cycle.0);
            Millis(d.min(cycle.0 - d))
        };
        match (self.zero, self.contrary) {
            (Some(zero), _) if apart(zero, candidate) <= READING => self.contrary = None,
            (Some(_), Some(contrary)) if apart(contrary, candidate) <= READING => {
                self.zero = Some(candidate);
                self.contrary = None;
            }
            (Some(_), _) => self.contrary = Some(candidate),
            (None, _) => self.zero = Some(candidate),
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn group(index: usize) -> GroupId {
    GroupId(index as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::{corridor, eight_phases};
    use clearway_signals::GroupSet;

    fn reading(ms: i64, greens: u64) -> ControllerStatus {
        ControllerStatus {
            at: Millis(ms),
            mode: Mode::Normal,
            greens: GroupSet(greens),
            ..Default::default()
        }
    }

    #[test]
    fn the_cycle_is_learned_from_the_greens_and_one_late_green_does_not_shift_it() {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let mut watch = Watch::default();
        for cycle in 0..3 {
            let zero = 500 + cycle * 60_000;
            for (ms, greens) in [(0, 0b001), (25_000, 0), (30_000, 0b110), (50_000, 0)] {
                watch.update(controller, &reading(zero + ms, greens));
            }
        }
        let zero = watch.cycle_zero().unwrap();
        assert_eq!((zero.0 - 500).rem_euclid(60_000), 0);
        watch.update(controller, &reading(180_500 + 4_000, 0b001));
        assert_eq!(watch.cycle_zero(), Some(zero), "one late green is noise");
    }

    #[test]
    fn an_old_reading_never_replaces_a_newer_one() {
        let network = corridor(1);
        let mut watch = Watch::default();
        watch.update(&network.controllers[0], &reading(1_000, 0b001));
        watch.update(&network.controllers[0], &reading(900, 0b110));
        assert_eq!(watch.status.greens, GroupSet(0b001));
    }

    #[test]
    fn greens_that_somebody_called_tell_nothing_of_the_cycle() {
        let controller = eight_phases();
        let mut watch = Watch::default();
        for cycle in 0..3 {
            for (ms, greens) in [(15_000, 0b10_0010), (54_000, 0b100_0100), (99_000, 0)] {
                watch.update(&controller, &reading(cycle * 100_000 + ms, greens));
            }
        }
        assert_eq!((watch.cycle_zero(), watch.in_step(&controller)), (None, false));
    }
}
