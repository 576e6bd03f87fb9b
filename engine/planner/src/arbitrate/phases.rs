//! The dual ring of a controller that works by its detectors, and where its rings stand.
//!
//! Phases are taken to be called in every turn: one that is skipped lets the next greens come sooner than
//! foretold. Under coordination the plan's split stands for the longest green, for the instant at which a
//! coordinated phase yields is not read from the controller.

use clearway_network::{Controller, RingPhase};
use clearway_signals::{GroupId, Millis, Mode, PreemptState, Relation};

use super::present::Stretch;
use super::ring::{BarrierGroup, Phase, RingPosition, RingState};
use crate::transition::shown_by;
use crate::watch::Watch;

/// Barrier groups of a ring plan at most.
pub(super) const BARRIER_GROUPS_MAX: usize = 8;

/// The phases of a controller's two rings, by barrier group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingPhases {
    groups: Vec<[Vec<Phase>; 2]>,
    /// What else is green with which phase, and with no other: overlaps and crossings.
    with: Vec<(GroupId, GroupId)>,
}

impl RingPhases {
    /// The rings of a controller; `None` without rings, or where there are more than two.
    #[must_use]
    pub fn new(controller: &Controller, stretch: &Stretch) -> Option<Self> {
        let mut rings: Vec<&RingPhase> = controller.rings.iter().collect();
        rings.sort_by_key(|phase| (phase.barrier, phase.ring, phase.position));
        let barriers = rings.iter().map(|phase| usize::from(phase.barrier)).max()?;
        let fits = |phase: &&RingPhase| matches!(phase.ring, 1 | 2) && phase.barrier >= 1;
        if barriers > BARRIER_GROUPS_MAX || !rings.iter().all(fits) {
            return None;
        }
        let coordinated = rings.iter().any(|phase| phase.coordinated);
        let mut groups = vec![[Vec::new(), Vec::new()]; barriers];
        for phase in &rings {
            let place = &mut groups[usize::from(phase.barrier - 1)][usize::from(phase.ring - 1)];
            place.push(timed(controller, phase, coordinated, stretch));
        }
        let others = |phase: &&RingPhase| {
            let own = phase.group;
            phase.overlaps.union(phase.crossings).iter().map(move |group| (group, own)).collect::<Vec<_>>()
        };
        let mut with: Vec<(GroupId, GroupId)> = rings.iter().flat_map(others).collect();
        let all = with.clone();
        with.retain(|(group, _)| all.iter().filter(|(other, _)| other == group).count() == 1);
        Some(Self { groups, with })
    }

    /// The barrier groups, as a problem takes them; those beyond the last one are empty.
    pub(super) fn groups(&self) -> [BarrierGroup<'_>; BARRIER_GROUPS_MAX] {
        let mut groups: [BarrierGroup<'_>; BARRIER_GROUPS_MAX] = [[&[], &[]]; BARRIER_GROUPS_MAX];
        for (borrowed, [first, second]) in groups.iter_mut().zip(&self.groups) {
            *borrowed = [first, second];
        }
        groups
    }

    /// How many barrier groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The phase that is green whenever `group` is: its own, or the only one that shows it.
    pub(super) fn phase_of(&self, group: GroupId) -> Option<GroupId> {
        let own = self.groups.iter().flatten().flatten().any(|phase| phase.group == group);
        let with = || self.with.iter().find(|(other, _)| *other == group).map(|(_, phase)| *phase);
        if own { Some(group) } else { with() }
    }

    /// Where the rings stand by what is shown; `None` while a preemption runs, when the last reading is old,
    /// or when the rings show what they cannot.
    #[must_use]
    pub fn state(&self, controller: &Controller, watch: &Watch, now: Millis) -> Option<RingState> {
        let status = &watch.status;
        let works = status.mode == Mode::Normal && status.preempt == PreemptState::NotActive;
        if !works || !watch.is_fresh(now) {
            return None;
        }
        let display = shown_by(controller, watch);
        let shown = |phase: &Phase| display.get(phase.group.index());
        let is_green = |phase: &Phase| shown(phase).is_some_and(|shown| shown.green);
        let since = |phase: &Phase| now.since(shown(phase).map_or(now, |shown| shown.since));
        let runs = |group: &[Vec<Phase>; 2]| group.iter().flatten().any(is_green);
        // Between two greens of both rings: the phase that ended last says which part is running out.
        let ended = || {
            let all =
                self.groups.iter().enumerate().flat_map(|(n, g)| g.iter().flatten().map(move |p| (n, p)));
            all.min_by_key(|(_, phase)| since(phase)).map(|(n, _)| n)
        };
        let green = self.groups.iter().position(runs);
        let mut group = green.or_else(ended)?;
        let follows = |ring: usize, group: usize| follower(&self.groups[group][ring], since);
        if green.is_none() && (0..2).all(|ring| follows(ring, group).is_none()) {
            group = (group + 1) % self.groups.len();
        }
        let position = |ring: usize| -> Option<RingPosition> {
            let phases = &self.groups[group][ring];
            if phases.is_empty() {
                return Some(RingPosition::Empty);
            }
            if let Some(phase) = phases.iter().position(is_green) {
                let (min, max) = (phases[phase].min_green, phases[phase].max_green);
                let spent = since(&phases[phase]);
                let min_left = (min - spent).max(Millis::ZERO);
                return Some(RingPosition::Green { phase, min_left, max_left: (max - spent).max(min_left) });
            }
            let all = self.groups.iter().flat_map(|group| &group[ring]);
            let last = all.min_by_key(|phase| since(phase))?;
            let phase = if phases.contains(last) { follows(ring, group)? } else { 0 };
            Some(RingPosition::Starting { phase, after: (last.clearance - since(last)).max(Millis::ZERO) })
        };
        Some(RingState { group, rings: [position(0)?, position(1)?] })
    }
}

/// The phase after the one of a ring's barrier group that ended last; `None` after the last one.
fn follower(phases: &[Phase], since: impl Fn(&Phase) -> Millis) -> Option<usize> {
    let (last, _) = phases.iter().enumerate().min_by_key(|(_, phase)| since(phase))?;
    (last + 1 < phases.len()).then_some(last + 1)
}

fn timed(controller: &Controller, phase: &RingPhase, coordinated: bool, stretch: &Stretch) -> Phase {
    let group = |id: GroupId| controller.groups.get(id.index());
    let walks = phase.crossings.iter().filter_map(group).map(|walk| walk.min_green + walk.clearance);
    let least = group(phase.group).map_or(Millis::ZERO, |own| own.min_green);
    let least = walks.fold(least, Millis::max);
    let window = controller.plan.windows.iter().find(|window| window.group == phase.group);
    let split = window.map_or(controller.plan.cycle, |window| window.length);
    let longest = match phase.max_green {
        _ if coordinated => split + stretch.extend_max,
        Millis::ZERO => controller.plan.cycle,
        max => max,
    };
    // What a plan gives its coordinated phase is not given back at once.
    let kept = if phase.coordinated { split.since(stretch.shorten_max) } else { Millis::ZERO };
    let junction = controller.junction();
    let clearances = controller.rings.iter().map(|other| match junction.relation(phase.group, other.group) {
        Relation::Conflict(intergreen) => intergreen,
        Relation::Compatible | Relation::Permitted => Millis::ZERO,
    });
    let min_green = least.max(kept);
    Phase {
        group: phase.group,
        min_green,
        max_green: longest.max(min_green),
        clearance: clearances.fold(Millis::ZERO, Millis::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_network::testing::eight_phases;
    use clearway_signals::{ControllerStatus, GroupSet};

    const STRETCH: Stretch = Stretch { shorten_max: Millis::from_s(15), extend_max: Millis::from_s(10) };

    /// The eight phases without a plan, after the readings (second, groups that are green).
    fn at(readings: &[(i64, u64)], now_s: i64) -> Option<RingState> {
        let mut controller = eight_phases();
        controller.rings.iter_mut().for_each(|phase| phase.coordinated = false);
        let mut watch = Watch::default();
        for (s, greens) in readings {
            let (at, greens) = (Millis::from_s(*s), GroupSet(*greens));
            watch.update(
                &controller,
                &ControllerStatus { at, greens, mode: Mode::Normal, ..Default::default() },
            );
        }
        let rings = RingPhases::new(&controller, &STRETCH).unwrap();
        rings.state(&controller, &watch, Millis::from_s(now_s))
    }

    fn green(phase: usize, min_s: i64, max_s: i64) -> RingPosition {
        RingPosition::Green { phase, min_left: Millis::from_s(min_s), max_left: Millis::from_s(max_s) }
    }

    fn starting(phase: usize, after_s: i64) -> RingPosition {
        RingPosition::Starting { phase, after: Millis::from_s(after_s) }
    }

    #[test]
    fn greens_say_where_the_rings_stand_and_how_long_they_last_yet() {
        // Phases 2 and 6 since second 100: walk and clearance take 15 s, the longest green 30 s.
        let state = at(&[(96, 0), (100, 0b10_0010), (104, 0b10_0010)], 106).unwrap();
        assert_eq!((state.group, state.rings), (0, [green(1, 9, 24), green(1, 9, 24)]));
    }

    #[test]
    fn a_ring_that_clears_starts_its_next_phase() {
        // Phase 1 ended at 98 s beside phase 6, which runs on.
        let state = at(&[(80, 0b10_0001), (98, 0b10_0000), (99, 0b10_0000)], 99).unwrap();
        assert_eq!((state.group, state.rings[0]), (0, starting(1, 3)));
        assert!(matches!(state.rings[1], RingPosition::Green { phase: 1, .. }));
    }

    #[test]
    fn behind_the_last_phases_both_rings_cross_the_barrier() {
        let state = at(&[(80, 0b10_0010), (98, 0), (99, 0)], 99).unwrap();
        assert_eq!((state.group, state.rings), (1, [starting(0, 3), starting(0, 3)]));
    }

    #[test]
    fn what_rings_cannot_show_is_not_foretold() {
        assert!(at(&[(80, 0b10_0010)], 99).is_none(), "an old reading");
        // Ring 2 ended its last phase before the barrier, ring 1 goes on behind it: not to be told apart
        // from a phase that was skipped.
        assert!(at(&[(80, 0b10_0010), (98, 0b00_0010)], 99).is_none());
    }

    #[test]
    fn an_overlap_of_one_phase_stands_for_it_and_one_of_two_for_none() {
        let mut controller = eight_phases();
        controller.rings[1].overlaps = GroupSet::of(GroupId(20));
        let shared = GroupSet::of(GroupId(21));
        controller.rings[2].overlaps = shared;
        controller.rings[3].overlaps = shared;
        let rings = RingPhases::new(&controller, &STRETCH).unwrap();
        assert_eq!(rings.phase_of(GroupId(20)), Some(controller.rings[1].group));
        assert_eq!(rings.phase_of(GroupId(3)), Some(GroupId(3)));
        assert_eq!((rings.phase_of(GroupId(21)), rings.phase_of(GroupId(63))), (None, None));
    }
}
