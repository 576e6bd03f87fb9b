//! Branch and bound over the greens that requests may be given.

use clearway_signals::Millis;

use super::answer::{Budget, Given, Outcome, Request, Verdict};
use super::net::{Cap, Extras, Instants, NOW, Point};
use super::problem::{Problem, duration};
use super::{BARRIERS_MAX, CHOICES_MAX, Fault, NODES_MAX, REQUESTS_MAX};

/// A green that a request may be given.
#[derive(Clone, Copy)]
struct Choice {
    start: Point,
    /// When it must start at the latest to last long enough, whatever else is decided.
    start_max: i64,
    end: Point,
    occurrence: u8,
}

/// A request with its choices, in the order of time: the earlier one never costs more.
#[derive(Clone, Copy)]
struct Wish {
    early: i64,
    late: i64,
    weight: i64,
    unserved: Option<i64>,
    choices: [Choice; CHOICES_MAX],
    len: usize,
}

const UNDECIDED: u8 = u8::MAX;
const UNSERVED: u8 = u8::MAX - 1;
/// One level for each decision, and the root.
const LEVELS: usize = REQUESTS_MAX + BARRIERS_MAX + 1;

const WISH: Wish = Wish {
    early: 0,
    late: 0,
    weight: 0,
    unserved: None,
    choices: [Choice { start: NOW, start_max: 0, end: NOW, occurrence: 0 }; CHOICES_MAX],
    len: 0,
};

/// The best answer so far.
#[derive(Clone)]
struct Best {
    found: bool,
    cost: i64,
    /// Worked out when a second answer costs the same, and at the end.
    flexibility: Option<i64>,
    decided: [u8; REQUESTS_MAX],
    least: Instants,
}

/// What is known at a node of the search tree.
struct Appraisal {
    bound: i64,
    /// The undecided request that has most to lose, and what it adds to the bound.
    pick: Option<(usize, i64)>,
}

/// The workspace of the search: about 20 KiB, made once.
#[derive(Clone)]
pub struct Arbiter {
    wishes: [Wish; REQUESTS_MAX],
    len: usize,
    budget: u32,
    nodes: u32,
    open_bound: i64,
    decided: [u8; REQUESTS_MAX],
    levels: [Instants; LEVELS],
    ceilings: Instants,
    extras: Extras,
    best: Best,
}

impl std::fmt::Debug for Arbiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arbiter").field("requests", &self.len).field("nodes", &self.nodes).finish()
    }
}

impl Default for Arbiter {
    fn default() -> Self {
        Self::new()
    }
}

impl Arbiter {
    /// An empty workspace.
    #[must_use]
    pub const fn new() -> Self {
        let zero = [0; NODES_MAX];
        Self {
            wishes: [WISH; REQUESTS_MAX],
            len: 0,
            budget: 0,
            nodes: 0,
            open_bound: i64::MAX,
            decided: [UNDECIDED; REQUESTS_MAX],
            levels: [zero; LEVELS],
            ceilings: zero,
            extras: Extras::new(),
            best: Best {
                found: false,
                cost: i64::MAX,
                flexibility: None,
                decided: [UNDECIDED; REQUESTS_MAX],
                least: zero,
            },
        }
    }

    /// Give each request a green so that the weighted delay is least; among equal ones the most
    /// flexible.
    ///
    /// # Errors
    /// When there are too many requests or a time is out of range.
    pub fn solve(
        &mut self,
        problem: &Problem,
        requests: &[Request],
        budget: &Budget,
    ) -> Result<Outcome, Fault> {
        if requests.len() > REQUESTS_MAX || budget.choices > CHOICES_MAX {
            return Err(Fault::TooLarge);
        }
        self.begin(requests.len(), budget);
        let roots = problem.net.ceilings().and_then(|c| Some((c, problem.net.least(&c)?)));
        let Some((ceilings, least)) = roots else { return Ok(self.outcome(problem)) };
        (self.ceilings, self.levels[0]) = (ceilings, least);
        for (wish, request) in self.wishes.iter_mut().zip(requests) {
            *wish = offer(problem, request, budget.choices, &self.ceilings)?;
        }
        self.explore(problem, 0, 0);
        Ok(self.outcome(problem))
    }

    fn begin(&mut self, requests: usize, budget: &Budget) {
        self.len = requests;
        (self.budget, self.nodes, self.open_bound) = (budget.nodes, 0, i64::MAX);
        self.decided.fill(UNDECIDED);
        self.extras.clear();
        (self.best.found, self.best.cost, self.best.flexibility) = (false, i64::MAX, None);
    }

    /// Search below the node whose least solution stands in `levels[depth]`; `bound` is its parent's.
    fn explore(&mut self, problem: &Problem, depth: usize, bound: i64) {
        if self.nodes >= self.budget {
            self.open_bound = self.open_bound.min(bound);
            return;
        }
        self.nodes += 1;
        let Some(found) = self.appraise(depth) else { return };
        if self.is_beaten(problem, depth, found.bound) {
            return;
        }
        if let Some(cap) = self.passed_cap(problem, depth) {
            for limit in cap.limits {
                self.keep_within(problem, depth, cap.node, limit, found.bound);
            }
        } else if let Some((wish, share)) = found.pick {
            self.branch(problem, depth, wish, &found, share);
        } else {
            self.keep(problem, depth, found.bound);
        }
    }

    /// The bound of a node, and the request to decide next; `None` when a request has no choice left.
    fn appraise(&self, depth: usize) -> Option<Appraisal> {
        let least = &self.levels[depth];
        let mut found = Appraisal { bound: 0, pick: None };
        let mut regret_max = -1;
        for (index, wish) in self.wishes[..self.len].iter().enumerate() {
            match self.decided[index] {
                UNSERVED => found.bound += wish.unserved_cost().unwrap_or(0),
                UNDECIDED => {
                    let (first, second) = wish.two_cheapest(least);
                    let first = first?;
                    found.bound += first;
                    let regret = second.map_or(i64::MAX, |second| second - first);
                    if regret > regret_max {
                        regret_max = regret;
                        found.pick = Some((index, first));
                    }
                }
                choice => found.bound += wish.delay(&wish.choices[usize::from(choice)], least) * wish.weight,
            }
        }
        Some(found)
    }

    /// Whether nothing below a node can be better than what is known.
    fn is_beaten(&mut self, problem: &Problem, depth: usize, bound: i64) -> bool {
        if !self.best.found || bound < self.best.cost {
            return false;
        }
        if bound > self.best.cost {
            return true;
        }
        let known = self.best_flexibility(problem);
        flexibility(problem, &self.levels[depth], &self.ceilings) <= known
    }

    /// A barrier that stands later than both rings' longest greens allow.
    fn passed_cap(&self, problem: &Problem, depth: usize) -> Option<Cap> {
        let least = &self.levels[depth];
        let passed = |cap: &&Cap| {
            let at = least[usize::from(cap.node)];
            cap.limits.iter().all(|limit| limit.at(least) < at)
        };
        problem.net.caps().iter().find(passed).copied()
    }

    /// Go on with one ring bound to reach the barrier within its longest green.
    fn keep_within(&mut self, problem: &Problem, depth: usize, barrier: u8, limit: Point, bound: i64) {
        let mark = self.extras.len();
        let barrier_at = self.levels[depth][usize::from(barrier)];
        self.extras.push(barrier, limit.node, -limit.offset);
        let floors = [(limit.node, barrier_at - limit.offset), NO_FLOOR];
        if self.descend(problem, depth, floors) {
            self.explore(problem, depth + 1, bound);
        }
        self.extras.truncate(mark);
    }

    /// Decide one request: every choice, the cheapest first.
    fn branch(&mut self, problem: &Problem, depth: usize, index: usize, found: &Appraisal, share: i64) {
        let wish = self.wishes[index];
        let mut order = [(i64::MAX, UNDECIDED); CHOICES_MAX + 1];
        for (slot, (number, choice)) in order.iter_mut().zip((0_u8..).zip(&wish.choices[..wish.len])) {
            if let Some(cost) = wish.cost(choice, &self.levels[depth]) {
                *slot = (cost, number);
            }
        }
        if let Some(cost) = wish.unserved_cost() {
            order[CHOICES_MAX] = (cost, UNSERVED);
        }
        order.sort_unstable();
        for (cost, choice) in order.into_iter().take_while(|(_, choice)| *choice != UNDECIDED) {
            let bound = found.bound - share + cost;
            if self.best.found && bound > self.best.cost {
                break;
            }
            self.decided[index] = choice;
            self.take(problem, depth, &wish, choice, bound);
            self.decided[index] = UNDECIDED;
        }
    }

    /// Go on with one request's choice made.
    fn take(&mut self, problem: &Problem, depth: usize, wish: &Wish, choice: u8, bound: i64) {
        let mark = self.extras.len();
        let mut floors = [NO_FLOOR; 2];
        if choice != UNSERVED {
            let Choice { start, end, .. } = wish.choices[usize::from(choice)];
            let length = wish.late - wish.early;
            let green_end = wish.late.max(start.at(&self.levels[depth]) + length);
            floors[0] = (end.node, green_end - end.offset);
            if start.node != NOW.node {
                self.extras.push(start.node, end.node, start.offset + length - end.offset);
            }
        }
        if self.descend(problem, depth, floors) {
            self.explore(problem, depth + 1, bound);
        }
        self.extras.truncate(mark);
    }

    /// The least solution of the next level: that of this one with floors under some nodes.
    fn descend(&mut self, problem: &Problem, depth: usize, floors: [(u8, i64); 2]) -> bool {
        let nodes = problem.net.nodes();
        let (known, below) = self.levels.split_at_mut(depth + 1);
        let least = &mut below[0];
        least[..nodes].copy_from_slice(&known[depth][..nodes]);
        let mut changed = 0;
        for (node, floor) in floors {
            let at = usize::from(node);
            if floor > least[at] {
                if floor > self.ceilings[at] {
                    return false;
                }
                least[at] = floor;
                changed |= 1 << at;
            }
        }
        problem.net.raise(least, changed, &self.extras, &self.ceilings)
    }

    /// Every request is decided and every cap holds: an answer. Keep it if it is the best.
    fn keep(&mut self, problem: &Problem, depth: usize, cost: i64) {
        let least = self.levels[depth];
        let tied = self.best.found && cost == self.best.cost;
        let flexible = tied.then(|| {
            latest(problem, &self.wishes[..self.len], &self.decided, &least, &self.ceilings)
                .map_or(0, |greatest| flexibility(problem, &least, &greatest))
        });
        if tied && flexible <= Some(self.best_flexibility(problem)) {
            return;
        }
        self.best = Best { found: true, cost, flexibility: flexible, decided: self.decided, least };
    }

    fn best_flexibility(&mut self, problem: &Problem) -> i64 {
        let Best { flexibility: known, decided, least, .. } = &self.best;
        let value = known.unwrap_or_else(|| {
            latest(problem, &self.wishes[..self.len], decided, least, &self.ceilings)
                .map_or(0, |greatest| flexibility(problem, least, &greatest))
        });
        self.best.flexibility = Some(value);
        value
    }

    fn outcome(&self, problem: &Problem) -> Outcome {
        let ended = self.open_bound == i64::MAX;
        let verdict = match (self.best.found, ended) {
            (true, _) if self.open_bound >= self.best.cost => Verdict::Optimal,
            (true, _) => Verdict::Incumbent,
            (false, true) => Verdict::Infeasible,
            (false, false) => Verdict::Exhausted,
        };
        let wishes = &self.wishes[..self.len];
        let mut given = [Given { occurrence: None, delay: Millis::ZERO }; REQUESTS_MAX];
        let (least, mut greatest) = (self.best.least, self.best.least);
        if self.best.found {
            for (index, wish) in wishes.iter().enumerate() {
                given[index] = wish.given(self.best.decided[index], &least);
            }
            greatest = latest(problem, wishes, &self.best.decided, &least, &self.ceilings).unwrap_or(least);
        }
        Outcome {
            verdict,
            cost: self.best.cost,
            bound: self.open_bound.min(self.best.cost),
            flexibility: if self.best.found { flexibility(problem, &least, &greatest) } else { 0 },
            nodes: self.nodes,
            given,
            requests: self.len,
            least,
            greatest,
        }
    }
}

const NO_FLOOR: (u8, i64) = (0, 0);

impl Wish {
    fn delay(&self, choice: &Choice, least: &Instants) -> i64 {
        (choice.start.at(least) - self.early).max(0)
    }

    /// The least that a choice can still cost; `None` when its green can no longer be long enough.
    fn cost(&self, choice: &Choice, least: &Instants) -> Option<i64> {
        let start = choice.start.at(least);
        (start <= choice.start_max).then(|| (start - self.early).max(0) * self.weight)
    }

    /// What the cheapest choice costs, and the one after it. Starts grow from choice to choice.
    fn two_cheapest(&self, least: &Instants) -> (Option<i64>, Option<i64>) {
        let mut costs = self.choices[..self.len].iter().filter_map(|choice| self.cost(choice, least));
        let (first, second) = (costs.next(), costs.next());
        match (self.unserved_cost(), first, second) {
            (None, ..) => (first, second),
            (Some(unserved), Some(first), second) if unserved >= first => {
                (Some(first), Some(second.map_or(unserved, |second| second.min(unserved))))
            }
            (Some(unserved), first, _) => (Some(unserved), first),
        }
    }

    fn unserved_cost(&self) -> Option<i64> {
        self.unserved.map(|delay| delay * self.weight)
    }

    fn given(&self, decided: u8, least: &Instants) -> Given {
        match self.choices[..self.len].get(usize::from(decided)) {
            Some(choice) => Given {
                occurrence: Some(usize::from(choice.occurrence)),
                delay: Millis(self.delay(choice, least)),
            },
            None => Given { occurrence: None, delay: Millis(self.unserved.unwrap_or(0)) },
        }
    }
}

/// The greens that a request may be given: the first ones that can still reach its arrival.
fn offer(
    problem: &Problem,
    request: &Request,
    choices_max: usize,
    ceilings: &Instants,
) -> Result<Wish, Fault> {
    let (early, late) = super::problem::range(request.early, request.late)?;
    let unserved = request.unserved.map(duration).transpose()?;
    let mut wish = Wish { early, late, weight: i64::from(request.weight), unserved, ..WISH };
    let greens = (0_u8..).zip(problem.occurrences()).filter(|(_, green)| green.group == request.group);
    for (occurrence, green) in greens.take(choices_max) {
        let end_max = green.end.at(ceilings);
        if end_max >= late {
            let start_max = end_max - (late - early);
            wish.choices[wish.len] = Choice { start: green.start, start_max, end: green.end, occurrence };
            wish.len += 1;
        }
    }
    Ok(wish)
}

/// The latest schedule that keeps what is decided and every delay of `least`.
fn latest(
    problem: &Problem,
    wishes: &[Wish],
    decided: &[u8; REQUESTS_MAX],
    least: &Instants,
    ceilings: &Instants,
) -> Option<Instants> {
    let mut start = *ceilings;
    let mut lengths = Extras::new();
    for (wish, decided) in wishes.iter().zip(decided) {
        let Some(choice) = wish.choices[..wish.len].get(usize::from(*decided)) else { continue };
        let node = usize::from(choice.start.node);
        if choice.start.node == NOW.node {
            continue;
        }
        start[node] = start[node].min(choice.start.at(least).max(wish.early) - choice.start.offset);
        let gap = choice.start.offset + wish.late - wish.early - choice.end.offset;
        lengths.push(choice.start.node, choice.end.node, gap);
    }
    problem.net.greatest(&start, &lengths)
}

/// The time between earliest and latest start, over all greens.
fn flexibility(problem: &Problem, least: &Instants, greatest: &Instants) -> i64 {
    problem.occurrences().iter().map(|green| green.start.at(greatest) - green.start.at(least)).sum()
}
