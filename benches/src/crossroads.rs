//! Requests at a junction that meet: random instances for the arbitration, posed before they are solved.

use clearway_planner::arbitrate::{
    Arbiter, Barrier, Budget, DualRing, Outcome, Phase, Problem, Request, RingPosition, RingState, Stage,
    StageState, Verdict,
};
use clearway_planner::transition::{Display, Shown};
use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{
    Capabilities, ControllerId, GroupId, GroupKind, GroupSet, Junction, Millis, Relation, SignalGroup,
};

use crate::chance::Chance;

/// How an instance was solved.
#[derive(Clone, Copy, Debug)]
pub struct Solved {
    /// Nodes of the search.
    pub nodes: u32,
    /// Whether the answer is proven.
    pub is_exact: bool,
    /// Its cost, or that of nothing.
    pub cost: i64,
}

/// A crossroads with requests that wait for an answer.
pub trait Crossroads {
    /// Draw instance `seed` of `count` requests.
    fn draw(&mut self, seed: u64, count: usize);
    /// Pose the problem and solve it.
    fn solve(&mut self) -> Solved;
}

/// Uniform in `0..end`.
#[must_use]
pub fn byte(dice: &mut Chance, end: usize) -> u8 {
    u8::try_from(dice.below(end)).unwrap_or_default()
}

fn draw_requests(dice: &mut Chance, count: usize, groups: usize, asked: &mut Vec<Request>) {
    asked.clear();
    asked.extend((0..count).map(|_| {
        let early = dice.within(0, 90_000);
        Request {
            group: GroupId(byte(dice, groups)),
            early: Millis(early),
            late: Millis(early + dice.within(0, 6_000)),
            weight: 1 + u32::from(byte(dice, 20)),
            unserved: Some(Millis(180_000)),
        }
    }));
}

fn solve(arbiter: &mut Arbiter, problem: &Problem, asked: &[Request], posed: bool) -> Solved {
    match arbiter.solve(problem, asked, &Budget::default()) {
        Ok(Outcome { nodes, verdict, cost, .. }) => {
            Solved { nodes, is_exact: posed && verdict == Verdict::Optimal, cost }
        }
        Err(_) => Solved { nodes: 0, is_exact: false, cost: 0 },
    }
}

/// Eight phases, three cycles.
pub struct Rings {
    problem: Problem,
    arbiter: Arbiter,
    asked: Vec<Request>,
    phases: [[[Phase; 2]; 2]; 2],
    now: [RingPosition; 2],
}

impl Default for Rings {
    fn default() -> Self {
        let none = Phase {
            group: GroupId(0),
            min_green: Millis::ZERO,
            max_green: Millis::ZERO,
            clearance: Millis::ZERO,
        };
        let green = RingPosition::Green { phase: 0, min_left: Millis::ZERO, max_left: Millis::ZERO };
        Self {
            problem: Problem::new(),
            arbiter: Arbiter::new(),
            asked: Vec::new(),
            phases: [[[none; 2]; 2]; 2],
            now: [green; 2],
        }
    }
}

impl Crossroads for Rings {
    fn draw(&mut self, seed: u64, count: usize) {
        let mut dice = Chance::of(seed);
        let mut phase = |n: u8| {
            let min = dice.within(4_000, 12_000);
            Phase {
                group: GroupId(n),
                min_green: Millis(min),
                max_green: Millis(min + dice.within(2_000, 40_000)),
                clearance: Millis(dice.within(3_000, 7_000)),
            }
        };
        self.phases =
            [[[phase(0), phase(1)], [phase(2), phase(3)]], [[phase(4), phase(5)], [phase(6), phase(7)]]];
        let position = |of: &[Phase; 2], index: usize| {
            let Phase { min_green, max_green, .. } = of[index];
            RingPosition::Green { phase: index, min_left: min_green, max_left: max_green }
        };
        let (a, b) = (usize::from(byte(&mut dice, 2)), usize::from(byte(&mut dice, 2)));
        self.now = [position(&self.phases[0][0], a), position(&self.phases[0][1], b)];
        draw_requests(&mut dice, count, 8, &mut self.asked);
    }

    fn solve(&mut self) -> Solved {
        let groups = self.phases.each_ref().map(|rings| [&rings[0][..], &rings[1][..]]);
        let ring = DualRing { groups: &groups, barrier: Barrier::Rest };
        let posed = self.problem.dual_ring(&ring, &RingState { group: 0, rings: self.now }, 6).is_ok();
        solve(&mut self.arbiter, &self.problem, &self.asked, posed)
    }
}

/// Four stages of two groups, every group of another stage in conflict, three cycles.
pub struct Stages {
    problem: Problem,
    arbiter: Arbiter,
    asked: Vec<Request>,
    relations: [Relation; 64],
}

impl Default for Stages {
    fn default() -> Self {
        let relations = [Relation::Compatible; 64];
        Self { problem: Problem::new(), arbiter: Arbiter::new(), asked: Vec::new(), relations }
    }
}

impl Crossroads for Stages {
    fn draw(&mut self, seed: u64, count: usize) {
        let mut dice = Chance::of(seed);
        for (at, relation) in self.relations.iter_mut().enumerate() {
            if (at / 8) / 2 != (at % 8) / 2 {
                *relation = Relation::Conflict(Millis(dice.within(4_000, 9_000)));
            }
        }
        draw_requests(&mut dice, count, 8, &mut self.asked);
    }

    fn solve(&mut self) -> Solved {
        let group = SignalGroup {
            kind: GroupKind::Vehicle,
            min_green: Millis(6_000),
            yellow: Millis(3_000),
            clearance: Millis::ZERO,
            red_yellow: Millis(1_000),
        };
        let junction = Junction {
            id: ControllerId(0),
            groups: &[group; 8],
            relations: &self.relations,
            rows: &[],
            capabilities: Capabilities::NONE,
        };
        let stage =
            |n: u64| Stage { groups: GroupSet(0b11 << (2 * n)), min: Millis(8_000), max: Millis(45_000) };
        let stages = [0, 1, 2, 3].map(stage);
        let mut display: Display = [Shown { green: false, since: Millis(0) }; GROUPS_MAX];
        display[0] = Shown { green: true, since: Millis(95_000) };
        display[1] = display[0];
        let wanted = self.asked.iter().map(|request| request.group).collect();
        let state = StageState { stage: 0, began: Millis(90_000), display: &display, now: Millis(100_000) };
        let posed = self.problem.stages(&junction, &stages, &state, 12, wanted).is_ok();
        solve(&mut self.arbiter, &self.problem, &self.asked, posed)
    }
}
