//! The longest wait: a longest path through the states in which a group waits.
//!
//! A step of time counts one, an event nothing. A cycle among those states is a wait without end.

/// Transitions between states in which the plan runs, in the order of the states they leave.
#[derive(Default)]
pub struct Waiting {
    from: Vec<u32>,
    /// The state that is reached, shifted by one; the lowest bit: a step of time.
    to: Vec<u32>,
    /// `first[state]..first[state + 1]` are the transitions that leave a state.
    first: Vec<u32>,
}

/// The longest wait found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Longest {
    /// Steps.
    pub steps: u32,
    /// Where it begins.
    pub begin: u32,
    /// The wait has no end: a cycle is reached from there.
    pub endless: bool,
}

const UNKNOWN: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;
/// A state that does not belong to the wait.
const OUTSIDE: u32 = u32::MAX - 2;

impl Waiting {
    /// Note a transition; they come in the order of `from`.
    pub fn add(&mut self, from: u32, to: u32, time: bool) {
        if from != to || time {
            self.from.push(from);
            self.to.push(to << 1 | u32::from(time));
        }
    }

    /// No more transitions come; `states` is the number of all states.
    pub fn seal(&mut self, states: u32) {
        self.first = vec![0; states as usize + 1];
        for &from in &self.from {
            self.first[from as usize + 1] += 1;
        }
        for at in 1..self.first.len() {
            self.first[at] += self.first[at - 1];
        }
        self.from = Vec::new();
    }

    /// The longest path through the states that `waits` admits.
    #[must_use]
    pub fn longest(&self, waits: impl Fn(u32) -> bool) -> Longest {
        let states = self.first.len().saturating_sub(1);
        let mut steps = vec![UNKNOWN; states];
        let mut longest = Longest::default();
        for begin in 0..u32::try_from(states).unwrap_or(0) {
            if let Some(cycle) = self.settle(begin, &mut steps, &waits) {
                return Longest { steps: 0, begin: cycle, endless: true };
            }
            let found = steps[begin as usize];
            if found < OUTSIDE && found > longest.steps {
                longest = Longest { steps: found, begin, endless: false };
            }
        }
        longest
    }

    /// The states of a longest wait from its beginning; of an endless one, once around its cycle.
    #[must_use]
    pub fn way(&self, longest: &Longest, waits: impl Fn(u32) -> bool) -> Vec<u32> {
        let states = self.first.len().saturating_sub(1);
        let mut steps = vec![UNKNOWN; states];
        if longest.endless {
            return self.around(longest.begin, &waits, states);
        }
        self.settle(longest.begin, &mut steps, &waits);
        let mut way = vec![longest.begin];
        let mut at = longest.begin;
        while let Some(next) = self.best(at, &steps) {
            way.push(next);
            at = next;
        }
        way
    }

    /// A shortest way from a state back to itself.
    fn around(&self, begin: u32, waits: &impl Fn(u32) -> bool, states: usize) -> Vec<u32> {
        let mut parent = vec![UNKNOWN; states];
        let mut queue = std::collections::VecDeque::from([begin]);
        while let Some(at) = queue.pop_front() {
            for (to, _) in self.edges(at) {
                if to == begin {
                    let mut way = vec![begin, at];
                    let mut back = at;
                    while back != begin {
                        back = parent[back as usize];
                        way.push(back);
                    }
                    way.reverse();
                    return way;
                }
                if parent[to as usize] == UNKNOWN && waits(to) {
                    parent[to as usize] = at;
                    queue.push_back(to);
                }
            }
        }
        vec![begin]
    }

    fn best(&self, at: u32, steps: &[u32]) -> Option<u32> {
        let inside = self.edges(at).filter(|(to, _)| steps[*to as usize] < OUTSIDE);
        inside.max_by_key(|(to, time)| steps[*to as usize] + time).map(|(to, _)| to)
    }

    /// Find the longest wait of a state and of everything behind it; a state of a cycle, if there is one.
    fn settle(&self, begin: u32, steps: &mut [u32], waits: &impl Fn(u32) -> bool) -> Option<u32> {
        let mut stack: Vec<(u32, u32)> = Vec::new();
        self.open(begin, steps, &mut stack, waits);
        while let Some((at, next)) = stack.pop() {
            if let Some(target) = self.edge(at, next) {
                stack.push((at, next + 1));
                if steps[target as usize] == OPEN {
                    return Some(target);
                }
                self.open(target, steps, &mut stack, waits);
            } else {
                steps[at as usize] = self.close(at, steps);
            }
        }
        None
    }

    fn open(&self, at: u32, steps: &mut [u32], stack: &mut Vec<(u32, u32)>, waits: &impl Fn(u32) -> bool) {
        if steps[at as usize] == UNKNOWN {
            if self.first[at as usize] == self.first[at as usize + 1] || !waits(at) {
                steps[at as usize] = OUTSIDE;
            } else {
                steps[at as usize] = OPEN;
                stack.push((at, 0));
            }
        }
    }

    fn edge(&self, at: u32, number: u32) -> Option<u32> {
        let position = self.first[at as usize] + number;
        (position < self.first[at as usize + 1]).then(|| self.to[position as usize] >> 1)
    }

    fn edges(&self, at: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let range = self.first[at as usize] as usize..self.first[at as usize + 1] as usize;
        self.to[range].iter().map(|packed| (packed >> 1, packed & 1))
    }

    /// Everything behind the state is known. The step into a state outside counts, too: the wait ends there.
    fn close(&self, at: u32, steps: &[u32]) -> u32 {
        let behind = self.edges(at).map(|(to, time)| match steps[to as usize] {
            OUTSIDE => time,
            known => known + time,
        });
        behind.max().unwrap_or(0)
    }
}
