//! Arbitration at the controllers of a network, from what is watched of them.

use clearway_network::{Controller, Network};
use clearway_signals::Millis;

use super::REQUESTS_MAX;
use super::answer::{Budget, Outcome, Request};
use super::phases::RingPhases;
use super::present::{StageCycle, Stretch};
use super::problem::Problem;
use super::ring::{Barrier, DualRing};
use super::search::Arbiter;
use crate::transition::shown_by;
use crate::watch::Watch;

/// Cycles that are looked ahead.
const CYCLES: usize = 3;
/// Stages that are looked ahead at most.
const STAGES_MAX: usize = 18;
/// Barrier groups that are looked ahead at most.
const GROUPS_AHEAD_MAX: usize = 6;

/// How a controller goes from green to green.
#[derive(Clone, Debug)]
enum Course {
    /// By the stages of its plan.
    Stages(StageCycle),
    /// By its detectors, around its rings.
    Rings(RingPhases),
}

/// The stages or rings of all controllers, and one workspace for all of them.
#[derive(Clone, Debug)]
pub struct Sites {
    courses: Vec<Course>,
    problem: Problem,
    arbiter: Arbiter,
}

impl Sites {
    /// Work out the stages or rings of every controller.
    #[must_use]
    pub fn new(network: &Network, stretch: &Stretch) -> Self {
        let course = |c: &Controller| match RingPhases::new(c, stretch) {
            Some(rings) => Course::Rings(rings),
            None => Course::Stages(StageCycle::new(c, stretch)),
        };
        Self {
            courses: network.controllers.iter().map(course).collect(),
            problem: Problem::new(),
            arbiter: Arbiter::new(),
        }
    }

    /// Arbitrate between requests for groups of one controller, their times counted from `now`.
    ///
    /// `None` when the controller cannot be predicted: it was not read lately, its cycle is not known
    /// yet, it is out of step (a preemption, its recovery), its rings show what they cannot, or the requests
    /// do not fit. Who comes first
    /// is then served first.
    pub fn decide(
        &mut self,
        controller: &Controller,
        watch: &Watch,
        now: Millis,
        requests: &[Request],
        budget: &Budget,
    ) -> Option<Outcome> {
        match self.courses.get(controller.id.index())? {
            Course::Stages(cycle) => {
                let zero = watch.cycle_zero()?;
                if !watch.is_fresh(now) || !watch.in_step(controller) {
                    return None;
                }
                let display = shown_by(controller, watch);
                let state = cycle.state(zero, now, &display)?;
                let ahead = (CYCLES * cycle.stages().len()).min(STAGES_MAX);
                let wanted = requests.iter().map(|request| request.group).collect();
                self.problem.stages(&controller.junction(), cycle.stages(), &state, ahead, wanted).ok()?;
                self.arbiter.solve(&self.problem, requests, budget).ok()
            }
            Course::Rings(rings) => {
                let state = rings.state(controller, watch, now)?;
                let mut asked = [requests.first().copied()?; REQUESTS_MAX];
                let asked = asked.get_mut(..requests.len())?;
                for (asked, request) in asked.iter_mut().zip(requests) {
                    *asked = Request { group: rings.phase_of(request.group)?, ..*request };
                }
                let groups = rings.groups();
                let plan = DualRing { groups: groups.get(..rings.len())?, barrier: Barrier::Rest };
                self.problem.dual_ring(&plan, &state, (CYCLES * rings.len()).min(GROUPS_AHEAD_MAX)).ok()?;
                self.arbiter.solve(&self.problem, asked, budget).ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrate::Verdict;
    use clearway_network::testing::{corridor, eight_phases};
    use clearway_signals::{ControllerStatus, GroupId, GroupSet, Mode, PreemptState};

    fn reading(ms: i64, greens: u64) -> ControllerStatus {
        let greens = GroupSet(greens);
        ControllerStatus { at: Millis(ms), mode: Mode::Normal, greens, ..Default::default() }
    }

    /// The corridor's first controller, watched for two cycles and up to 20 s into the third.
    fn watched(network: &Network) -> Watch {
        let mut watch = Watch::default();
        for cycle in 0..2 {
            for (ms, greens) in [(0, 0b001), (25_000, 0), (30_000, 0b110), (50_000, 0)] {
                watch.update(&network.controllers[0], &reading(cycle * 60_000 + ms, greens));
            }
        }
        watch.update(&network.controllers[0], &reading(120_000, 0b001));
        watch.update(&network.controllers[0], &reading(140_000, 0b001));
        watch
    }

    fn request(group: u8, early_s: i64, late_s: i64, weight: u32) -> Request {
        let (early, late) = (Millis::from_s(early_s), Millis::from_s(late_s));
        Request { group: GroupId(group), early, late, weight, unserved: Some(Millis::from_s(60)) }
    }

    const STRETCH: Stretch = Stretch { shorten_max: Millis::from_s(20), extend_max: Millis::from_s(10) };

    #[test]
    fn a_shown_green_is_held_for_the_heavier_request_and_the_other_waits() {
        let network = corridor(1);
        let mut sites = Sites::new(&network, &STRETCH);
        let watch = watched(&network);
        let asked = [request(1, 12, 14, 1), request(0, 10, 12, 5)];
        let now = Millis(140_000);
        let outcome = sites.decide(&network.controllers[0], &watch, now, &asked, &Budget::default()).unwrap();
        assert_eq!(outcome.verdict, Verdict::Optimal);
        // Group 0 is held to 32 s of its cycle, group 1 starts 5 s later: 5 s late, at weight 1.
        assert_eq!((outcome.cost, outcome.given()[1].delay), (5_000, Millis::ZERO));
    }

    #[test]
    fn at_rings_too_the_lighter_request_waits() {
        let mut network = corridor(1);
        network.controllers = vec![eight_phases()];
        let controller = &network.controllers[0];
        let mut sites = Sites::new(&network, &STRETCH);
        let mut watch = Watch::default();
        for (ms, greens) in [(96_000, 0), (100_000, 0b10_0010), (110_000, 0b10_0010)] {
            watch.update(controller, &reading(ms, greens));
        }
        // Phase 2 has been green for ten of its fifteen seconds; phase 3 comes behind the barrier.
        let asked = [request(2, 5, 7, 1), request(1, 8, 12, 5)];
        let now = Millis(110_000);
        let outcome = sites.decide(controller, &watch, now, &asked, &Budget::default()).unwrap();
        assert_eq!((outcome.verdict, outcome.given()[1].delay), (Verdict::Optimal, Millis::ZERO));
        // Held for twelve seconds, four of clearance: eleven late at weight 1.
        assert_eq!((outcome.cost, outcome.given()[0].delay), (11_000, Millis(11_000)));
        let heavy = [request(2, 5, 7, 50), request(1, 8, 12, 1)];
        let outcome = sites.decide(controller, &watch, now, &heavy, &Budget::default()).unwrap();
        assert!(outcome.given()[0].delay < Millis(11_000), "now phase 2 ends for it");
    }

    #[test]
    fn a_controller_that_cannot_be_predicted_is_not_arbitrated() {
        let network = corridor(1);
        let mut sites = Sites::new(&network, &STRETCH);
        let controller = &network.controllers[0];
        let asked = [request(0, 0, 1, 1)];
        let mut decide = |watch: &Watch, ms: i64| {
            sites.decide(controller, watch, Millis(ms), &asked, &Budget::default()).is_some()
        };
        let watch = watched(&network);
        assert!(decide(&watch, 140_000));
        assert!(!decide(&watch, 160_000), "the reading is old");
        assert!(!decide(&Watch::default(), 140_000), "never read");
        let mut odd = watched(&network);
        let preempted = PreemptState::Dwell;
        odd.update(controller, &ControllerStatus { preempt: preempted, ..reading(141_000, 0b001) });
        assert!(!decide(&odd, 141_000), "preempted");
    }
}
