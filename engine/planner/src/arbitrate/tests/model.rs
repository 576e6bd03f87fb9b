//! Random junctions and requests, and an independent statement of what they mean: every start and
//! every end an instant of its own, every constraint written out.

use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{
    Capabilities, ControllerId, GroupId, GroupKind, GroupSet, Junction, Millis, Relation, SignalGroup,
};

use crate::arbitrate::{
    Barrier, BarrierGroup, DualRing, Phase, Problem, Request, RingPosition, RingState, Stage, StageState,
};
use crate::transition::{Display, Shown};

/// SplitMix64: the same seed, the same instances.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included, in steps of 100 where both are such.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let step = if low % 100 == 0 && high % 100 == 0 && high - low >= 1_000 { 100 } else { 1 };
        let span = u64::try_from((high - low) / step + 1).unwrap();
        low + step * i64::try_from(self.next() % span).unwrap()
    }

    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % len as u64).unwrap()
    }

    pub fn chance(&mut self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }
}

/// Constraints written out: instant 0 is the present.
#[derive(Default)]
pub struct Model {
    pub instants: usize,
    /// `instant[later] − instant[earlier] ≥ gap`.
    pub gaps: Vec<(usize, usize, i64)>,
    /// `instant ≤ max(instant a + x, instant b + y)`.
    pub caps: Vec<(usize, [(usize, i64); 2])>,
    /// Group, start, end.
    pub greens: Vec<(GroupId, usize, usize)>,
}

impl Model {
    fn new() -> Self {
        Self { instants: 1, ..Self::default() }
    }

    fn instant(&mut self) -> usize {
        self.instants += 1;
        self.instants - 1
    }

    fn between(&mut self, earlier: usize, later: usize, min: i64, max: i64) {
        self.gaps.push((later, earlier, min));
        self.gaps.push((earlier, later, -max));
    }
}

/// A dual ring that owns its phases, with a state.
pub struct RingCase {
    pub phases: Vec<[Vec<Phase>; 2]>,
    pub barrier: Barrier,
    pub state: RingState,
    pub groups: usize,
}

impl RingCase {
    pub fn random(dice: &mut Dice, barrier: Barrier, groups: usize) -> Self {
        let mut phases: Vec<[Vec<Phase>; 2]> =
            (0..2).map(|g| [0, 1].map(|r| [0, 1].map(|p| phase(dice, g * 4 + r * 2 + p)).to_vec())).collect();
        omit(dice, &mut phases, barrier);
        let group = dice.index(2);
        let rings = [0, 1].map(|r| {
            if phases[group][r].is_empty() {
                return RingPosition::Empty;
            }
            let index = dice.index(phases[group][r].len());
            let phase = phases[group][r][index];
            if dice.chance(25) {
                let after = Millis(dice.between(0, phase.clearance.0));
                return RingPosition::Starting { phase: index, after };
            }
            let shown = dice.between(0, phase.max_green.0);
            let left = |of: Millis| Millis((of.0 - shown).max(0));
            RingPosition::Green {
                phase: index,
                min_left: left(phase.min_green),
                max_left: left(phase.max_green),
            }
        });
        Self { phases, barrier, state: RingState { group, rings }, groups }
    }

    pub fn pose(&self, problem: &mut Problem) {
        let groups: Vec<BarrierGroup<'_>> =
            self.phases.iter().map(|rings| [&rings[0][..], &rings[1][..]]).collect();
        let ring = DualRing { groups: &groups, barrier: self.barrier };
        problem.dual_ring(&ring, &self.state, self.groups).unwrap();
    }

    /// The ring written out.
    pub fn model(&self) -> Model {
        let mut model = Model::new();
        let mut began = 0;
        for step in 0..self.groups {
            let group = &self.phases[(self.state.group + step) % self.phases.len()];
            let barrier = model.instant();
            let mut latest = [(0, 0); 2];
            for ring in 0..2 {
                let mut start = began;
                let mut first = 0;
                let mut left = None;
                match self.state.rings[ring] {
                    RingPosition::Green { phase, min_left, max_left } if step == 0 => {
                        (first, left) = (phase, Some((min_left.0, max_left.0)));
                    }
                    RingPosition::Starting { phase, after } if step == 0 => {
                        first = phase;
                        start = model.instant();
                        model.between(0, start, after.0, after.0);
                    }
                    _ => {}
                }
                for (i, phase) in group[ring].iter().enumerate().skip(first) {
                    let (min, max) =
                        left.filter(|_| i == first).unwrap_or((phase.min_green.0, phase.max_green.0));
                    let (end, clearance) = (model.instant(), phase.clearance.0);
                    model.greens.push((phase.group, start, end));
                    let is_last = i + 1 == group[ring].len();
                    let next = if is_last { barrier } else { model.instant() };
                    model.between(end, next, clearance, clearance);
                    if is_last && self.barrier == Barrier::Rest {
                        model.gaps.push((end, start, min));
                        latest[ring] = (start, max + clearance);
                    } else {
                        model.between(start, end, min, max);
                    }
                    start = next;
                }
            }
            // A ring without phases binds nothing: the other one's limit stands twice.
            for ring in (0..2).filter(|ring| group[*ring].is_empty()) {
                latest[ring] = latest[1 - ring];
            }
            if self.barrier == Barrier::Rest {
                model.caps.push((barrier, latest));
            }
            began = barrier;
        }
        model
    }
}

/// Leave out a phase here and there; where rings rest, all phases of a ring too.
fn omit(dice: &mut Dice, phases: &mut [[Vec<Phase>; 2]], barrier: Barrier) {
    for rings in phases {
        let ring = dice.index(2);
        if dice.chance(25) {
            rings[ring].remove(dice.index(2));
            if barrier == Barrier::Rest && dice.chance(30) {
                rings[ring].clear();
            }
        }
    }
}

fn phase(dice: &mut Dice, group: u8) -> Phase {
    let min = dice.between(4_000, 12_000);
    Phase {
        group: GroupId(group),
        min_green: Millis(min),
        max_green: Millis(min + dice.between(2_000, 40_000)),
        clearance: Millis(dice.between(3_000, 7_000)),
    }
}

/// A stage plan with a state, over a junction of its own.
pub struct StageCase {
    pub groups: Vec<SignalGroup>,
    pub relations: Vec<Relation>,
    pub stages: Vec<Stage>,
    pub stage: usize,
    pub began: Millis,
    pub now: Millis,
    pub display: Display,
    pub ahead: usize,
}

impl StageCase {
    pub fn random(dice: &mut Dice) -> Self {
        let count = 4 + dice.index(5);
        let stages_len = 2 + dice.index(3);
        let stages: Vec<Stage> = random_stages(dice, count, stages_len);
        let groups: Vec<SignalGroup> = (0..count).map(|_| signal_group(dice)).collect();
        let mut relations = vec![Relation::Compatible; count * count];
        for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
            let together = stages
                .iter()
                .any(|s| s.groups.contains(GroupId(a as u8)) && s.groups.contains(GroupId(b as u8)));
            if a != b && !together && relations[b * count + a] == Relation::Compatible && dice.chance(80) {
                let gap = |dice: &mut Dice, from: usize| {
                    Relation::Conflict(groups[from].ending() + Millis(dice.between(1_000, 6_000)))
                };
                relations[a * count + b] = gap(dice, a);
                relations[b * count + a] = gap(dice, b);
            }
        }
        let stage = dice.index(stages.len());
        let now = Millis(1_000_000);
        let began = now - Millis(dice.between(0, 20_000));
        let mut display = [Shown { green: false, since: Millis(-1_000_000) }; GROUPS_MAX];
        for (g, shown) in display.iter_mut().enumerate().take(count) {
            let group = GroupId(g as u8);
            if stages[stage].groups.contains(group) && dice.chance(80) {
                *shown = Shown { green: true, since: now - Millis(dice.between(0, 15_000)) };
            } else if dice.chance(40) {
                shown.since = now - Millis(dice.between(0, 15_000));
            }
        }
        Self { groups, relations, ahead: 3 * stages.len(), stages, stage, began, now, display }
    }

    pub fn junction(&self) -> Junction<'_> {
        Junction {
            id: ControllerId(0),
            groups: &self.groups,
            relations: &self.relations,
            rows: &[],
            capabilities: Capabilities::NONE,
        }
    }

    pub fn pose(&self, problem: &mut Problem, wanted: GroupSet) {
        let Self { stage, began, now, .. } = *self;
        let state = StageState { stage, began, display: &self.display, now };
        problem.stages(&self.junction(), &self.stages, &state, self.ahead, wanted).unwrap();
    }

    /// The stage plan written out: every group, every pair, every earlier end.
    pub fn model(&self) -> Model {
        let mut model = Model::new();
        let at = |i: usize| &self.stages[(self.stage + i) % self.stages.len()];
        let ends: Vec<usize> = (0..self.ahead).map(|_| model.instant()).collect();
        for i in 0..self.ahead {
            let (before, spent) = if i == 0 { (0, (self.now - self.began).0) } else { (ends[i - 1], 0) };
            let Stage { min, max, .. } = *at(i);
            model.between(before, ends[i], (min.0 - spent).max(0), (max.0 - spent).max(0));
        }
        for (i, g) in (0..self.ahead).flat_map(|i| (0..self.groups.len()).map(move |g| (i, g))) {
            let group = GroupId(g as u8);
            let shows = |k: usize| at(k).groups.contains(group);
            if !shows(i) || (i > 0 && shows(i - 1)) {
                continue;
            }
            let last = (i..self.ahead).find(|k| !shows(k + 1)).filter(|_| true);
            let shown = self.display[g];
            let start = model.instant();
            let mut least = self.groups[g].min_green.0;
            if i == 0 && shown.green {
                model.between(0, start, 0, 0);
                least = (least - (self.now - shown.since).0).max(0);
            } else {
                model.gaps.push((start, if i == 0 { 0 } else { ends[i - 1] }, 0));
                for (h, other) in self.groups.iter().enumerate() {
                    let Relation::Conflict(gap) = self.junction().relation(GroupId(h as u8), group) else {
                        continue;
                    };
                    let ended = |k: &usize| {
                        at(*k).groups.contains(GroupId(h as u8))
                            && !at(k + 1).groups.contains(GroupId(h as u8))
                    };
                    (0..i).filter(ended).for_each(|k| model.gaps.push((start, ends[k], gap.0)));
                    let past = self.display[h];
                    let since = (past.since - self.now).0;
                    let until = if past.green { (since + other.min_green.0).max(0) } else { since };
                    if !(0..i).any(|k| at(k).groups.contains(GroupId(h as u8))) {
                        model.gaps.push((start, 0, gap.0 + until));
                    }
                }
            }
            if let Some(last) = last.filter(|last| *last < self.ahead) {
                model.gaps.push((ends[last], start, least));
                model.greens.push((group, start, ends[last]));
            }
        }
        model
    }
}

/// Stages whose union is every group; a group may stand in neighbouring stages.
fn random_stages(dice: &mut Dice, groups: usize, stages: usize) -> Vec<Stage> {
    let mut sets = vec![GroupSet::EMPTY; stages];
    for g in 0..groups {
        let first = if g < stages { g } else { dice.index(stages) };
        let span = 1 + usize::from(stages > 2 && dice.chance(25));
        for k in 0..span {
            let at = (first + k) % stages;
            sets[at] = sets[at].with(GroupId(g as u8));
        }
    }
    let stage = |groups| {
        let min = dice.between(0, 10_000);
        Stage { groups, min: Millis(min), max: Millis(min + dice.between(15_000, 40_000)) }
    };
    sets.into_iter().map(stage).collect()
}

fn signal_group(dice: &mut Dice) -> SignalGroup {
    let walks = dice.chance(30);
    SignalGroup {
        kind: if walks { GroupKind::Pedestrian } else { GroupKind::Vehicle },
        min_green: Millis(dice.between(4_000, 10_000)),
        yellow: Millis(if walks { 0 } else { 3_000 }),
        clearance: Millis(if walks { dice.between(4_000, 12_000) } else { 0 }),
        red_yellow: Millis::ZERO,
    }
}

/// Requests for groups below `groups`.
pub fn requests(dice: &mut Dice, count: usize, groups: u8, horizon_ms: i64) -> Vec<Request> {
    let must = dice.chance(40);
    (0..count)
        .map(|_| {
            let early = dice.between(0, horizon_ms);
            let platoon = if dice.chance(25) { 16_000 } else { 6_000 };
            Request {
                group: GroupId(u8::try_from(dice.index(usize::from(groups))).unwrap()),
                early: Millis(early),
                late: Millis(early + dice.between(0, platoon)),
                weight: u32::try_from(dice.between(1, 20)).unwrap(),
                unserved: (!must).then(|| Millis(dice.between(60_000, 200_000))),
            }
        })
        .collect()
}

/// The groups of some requests.
pub fn wanted(requests: &[Request]) -> GroupSet {
    requests.iter().map(|request| request.group).collect()
}
