//! What a controller will do with a priority request: extend a green, begin one early, or nothing.
//!
//! The controller chooses; this foretells its choice from its plan, its intervals and where its cycle
//! stands, so that a request is made only where it helps (planning notes 4.4). An extension holds the
//! wanted groups past the end of their window, never so long that a group that starts next loses its
//! minimum green; an early green ends the groups in the way at their minimum green.

use clearway_network::{Controller, GreenWindow};
use clearway_signals::{GroupId, GroupSet, Millis, Relation};

use crate::watch::Watch;

/// Controllers extend a green by no more than this…
pub const EXTENSION_MAX: Millis = Millis(10_000);
/// …and begin one by no more than this before its window.
pub const EARLY_MAX: Millis = Millis(20_000);
/// Less than this is not worth a request.
const GAIN_MIN: Millis = Millis(1_000);
/// An arrival this shortly before the end of green may come after it.
const LATE_MARGIN: Millis = Millis(3_000);

/// What a request would bring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Response {
    /// Where the cycle stands is not known: the controller may help.
    #[default]
    Unknown,
    /// The plan is green at that time by itself.
    GreenAnyway,
    /// The green is held by so much.
    Extension(Millis),
    /// The green begins earlier by so much.
    EarlyGreen(Millis),
    /// Neither is possible.
    Nothing,
}

impl Response {
    /// Whether asking can help.
    #[must_use]
    pub fn helps(self) -> bool {
        matches!(self, Self::Unknown | Self::Extension(_) | Self::EarlyGreen(_))
    }
}

/// The controller's answer to a request for `wanted` by a vehicle that reaches the stop line at
/// `arrival`.
#[must_use]
pub fn foretell(
    controller: &Controller,
    watch: &Watch,
    wanted: GroupSet,
    now: Millis,
    arrival: Millis,
) -> Response {
    let cycle = controller.plan.cycle;
    let (Some(zero), true) = (watch.cycle_zero(), watch.is_fresh(now) && cycle > Millis::ZERO) else {
        return Response::Unknown;
    };
    let mut windows = controller.plan.windows.iter().filter(|w| wanted.contains(w.group));
    let (Some(own), true) = (windows.next(), wanted.len() == 1) else { return Response::Unknown };
    if windows.next().is_some() {
        return Response::Unknown;
    }
    let site = Site { controller, cycle, zero };
    let began = site.last_start(own, arrival);
    let ends = began + own.length;
    if arrival + LATE_MARGIN <= ends {
        return Response::GreenAnyway;
    }
    if ends > now {
        let spare = site.spare(own.group, ends);
        if spare >= GAIN_MIN && arrival <= ends + spare {
            return Response::Extension(spare);
        }
    }
    let starts = began + cycle;
    let gain = site.early(own.group, starts).min(starts - arrival);
    if gain >= GAIN_MIN { Response::EarlyGreen(gain) } else { Response::Nothing }
}

struct Site<'a> {
    controller: &'a Controller,
    cycle: Millis,
    zero: Millis,
}

impl Site<'_> {
    /// The last start of a window at or before `at`.
    fn last_start(&self, window: &GreenWindow, at: Millis) -> Millis {
        at - Millis((at - self.zero - window.start).0.rem_euclid(self.cycle.0))
    }

    fn intergreen(&self, ending: GroupId, starting: GroupId) -> Option<Millis> {
        match self.controller.junction().relation(ending, starting) {
            Relation::Conflict(intergreen) => Some(intergreen),
            Relation::Compatible | Relation::Permitted => None,
        }
    }

    /// How long `held` can stay green past `ends` while each group that starts next keeps its minimum.
    fn spare(&self, held: GroupId, ends: Millis) -> Millis {
        let mut spare = EXTENSION_MAX;
        for next in &self.controller.plan.windows {
            let Some(intergreen) = self.intergreen(held, next.group) else { continue };
            let Some(group) = self.controller.groups.get(next.group.index()) else { continue };
            let starts = self.last_start(next, ends) + self.cycle;
            spare = spare.min(starts + next.length - group.min_green - intergreen - ends);
        }
        spare.max(Millis::ZERO)
    }

    /// How much earlier than `starts` the group can be green when those before it end at their minimum.
    fn early(&self, group: GroupId, starts: Millis) -> Millis {
        let mut gain = EARLY_MAX;
        for before in &self.controller.plan.windows {
            let Some(intergreen) = self.intergreen(before.group, group) else { continue };
            let Some(data) = self.controller.groups.get(before.group.index()) else { continue };
            let began = self.last_start(before, starts);
            gain = gain.min(starts - (began + data.min_green + intergreen));
        }
        gain.max(Millis::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::corridor;
    use clearway_signals::{ControllerStatus, Mode};

    /// Corridor green 0–25 s of 60; cross street and walk 30–50 s with minima of 5 s; intergreens 5 and
    /// 9 s. The watch has seen the green begin at zero.
    fn answer(now_s: i64, arrival_s: i64) -> Response {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let mut watch = Watch::default();
        for (ms, greens) in [(-1_000, 0), (0, 0b001)] {
            let status = ControllerStatus {
                at: Millis(ms),
                mode: Mode::Normal,
                greens: GroupSet(greens),
                ..ControllerStatus::default()
            };
            watch.update(controller, &status);
        }
        watch.status.at = Millis::from_s(now_s);
        foretell(controller, &watch, GroupSet(0b001), Millis::from_s(now_s), Millis::from_s(arrival_s))
    }

    #[test]
    fn who_arrives_in_green_need_not_ask() {
        assert_eq!(answer(5, 15), Response::GreenAnyway);
        assert_eq!(answer(50, 65), Response::GreenAnyway, "the next green");
        assert!(!answer(5, 15).helps());
    }

    #[test]
    fn who_arrives_a_little_late_gets_an_extension() {
        // Those at 30–50 s need 5 s of green and 5 s before it: 15 s to spare, ten at most.
        assert_eq!(answer(15, 30), Response::Extension(Millis(10_000)));
        assert_eq!(answer(15, 24), Response::Extension(Millis(10_000)), "it may come just after the end");
    }

    #[test]
    fn who_arrives_in_red_gets_an_earlier_green() {
        // Walk begins at 30 s: green by 44 s instead of 60 s.
        assert_eq!(answer(35, 40), Response::EarlyGreen(Millis(16_000)));
        assert_eq!(answer(40, 55), Response::EarlyGreen(Millis(5_000)), "no more than its own wait");
        assert_eq!(answer(26, 30), Response::EarlyGreen(Millis(16_000)), "the green is over already");
    }

    #[test]
    fn where_neither_is_possible_nobody_asks() {
        let network = corridor(1);
        let mut controller = network.controllers[0].clone();
        for group in &mut controller.groups {
            group.min_green = Millis(21_000);
        }
        let mut watch = Watch::default();
        for (ms, greens) in [(-1_000, 0), (0, 0b001)] {
            let (at, greens) = (Millis(ms), GroupSet(greens));
            let status = ControllerStatus { at, mode: Mode::Normal, greens, ..ControllerStatus::default() };
            watch.update(&controller, &status);
        }
        let now = Millis(1_000);
        assert_eq!(foretell(&controller, &watch, GroupSet(1), now, Millis(27_000)), Response::Nothing);
    }

    #[test]
    fn nothing_is_foretold_of_a_cycle_that_is_not_known() {
        let network = corridor(1);
        let watch = Watch::default();
        let found = foretell(&network.controllers[0], &watch, GroupSet(1), Millis(0), Millis(9_000));
        assert!(found == Response::Unknown && found.helps());
    }
}
