//! Breadth-first exploration of every reachable state, within bounds that are never passed silently.

use crate::checker::{Invariant, Violation};

/// A transition system with its checker built in.
pub trait System {
    /// A state, the checker's memory included.
    type State;
    /// What may happen.
    type Event: Copy;

    /// Where it begins.
    fn initial(&self) -> Self::State;
    /// Everything that may happen in a state.
    fn events(&self, state: &Self::State, events: &mut Vec<Self::Event>);
    /// The state after an event.
    ///
    /// # Errors
    /// What the checker saw.
    fn apply(&self, state: &Self::State, event: Self::Event) -> Result<Self::State, Violation>;
    /// The state as bytes, always equally many.
    fn encode(&self, state: &Self::State, out: &mut Vec<u8>);
    /// The state back from its bytes.
    fn decode(&self, bytes: &[u8]) -> Self::State;
}

/// How far an exploration may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// States.
    pub states_max: u32,
    /// Bytes of memory for states and index, about.
    pub bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { states_max: 20_000_000, bytes_max: 3 << 30 }
    }
}

/// How an exploration ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Every reachable state was seen, and no invariant was broken.
    Complete,
    /// An invariant is broken after the last transition of the path to `state`.
    Broken {
        /// The state before the transition.
        state: u32,
        /// Which of its events.
        event: usize,
        /// What was broken.
        violation: Violation,
    },
    /// A bound was reached: nothing is proved.
    Bounded(String),
}

/// The states seen, in the order of their discovery.
pub struct Explored<'m, M: System> {
    system: &'m M,
    stride: usize,
    arena: Vec<u8>,
    /// Open addressing: state + 1, 0 where free.
    index: Vec<u32>,
    parents: Vec<u32>,
    /// Transitions followed.
    pub transitions: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// One transition as the visitor sees it.
pub struct Transition<'a, S, E> {
    /// The number of the state it leaves.
    pub from: u32,
    /// The number of the state it reaches.
    pub to: u32,
    /// Whether that state was not known before.
    pub is_new: bool,
    /// What happened.
    pub event: E,
    /// The state it leaves.
    pub before: &'a S,
    /// The state it reaches.
    pub after: &'a S,
}

impl<'m, M: System> Explored<'m, M> {
    /// Explore everything; `visit` sees every transition.
    pub fn explore(
        system: &'m M,
        bounds: Bounds,
        mut visit: impl FnMut(Transition<'_, M::State, M::Event>),
    ) -> Self {
        let mut bytes = Vec::new();
        system.encode(&system.initial(), &mut bytes);
        let mut explored = Self {
            system,
            stride: bytes.len().max(1),
            arena: Vec::new(),
            index: vec![0; 1 << 12],
            parents: Vec::new(),
            transitions: 0,
            outcome: Outcome::Complete,
        };
        bytes.resize(explored.stride, 0);
        explored.insert(&bytes, 0);
        let mut events = Vec::new();
        let mut at = 0;
        while at < explored.len() && explored.outcome == Outcome::Complete {
            explored.expand(at, bounds, &mut events, &mut bytes, &mut visit);
            at += 1;
        }
        explored
    }

    fn expand(
        &mut self,
        at: u32,
        bounds: Bounds,
        events: &mut Vec<M::Event>,
        bytes: &mut Vec<u8>,
        visit: &mut impl FnMut(Transition<'_, M::State, M::Event>),
    ) {
        let before = self.state(at);
        events.clear();
        self.system.events(&before, events);
        if events.is_empty() {
            let what = "the sequencer is stuck: nothing can happen any more".to_owned();
            let violation = Violation { invariant: Invariant::I9, what };
            self.outcome = Outcome::Broken { state: at, event: usize::MAX, violation };
        }
        for (number, &event) in events.iter().enumerate() {
            self.transitions += 1;
            match self.system.apply(&before, event) {
                Ok(after) => {
                    bytes.clear();
                    self.system.encode(&after, bytes);
                    bytes.resize(self.stride, 0);
                    let (to, is_new) = self.insert(bytes, at);
                    visit(Transition { from: at, to, is_new, event, before: &before, after: &after });
                }
                Err(violation) => {
                    self.outcome = Outcome::Broken { state: at, event: number, violation };
                    return;
                }
            }
        }
        if let Some(reason) = self.over(bounds) {
            self.outcome = Outcome::Bounded(reason);
        }
    }

    fn over(&self, bounds: Bounds) -> Option<String> {
        let used = self.arena.len() as u64 + 4 * (self.index.len() + self.parents.len()) as u64;
        if self.len() > bounds.states_max {
            return Some(format!("more than {} states", bounds.states_max));
        }
        (used > bounds.bytes_max).then(|| format!("more than {} MB of states", bounds.bytes_max >> 20))
    }

    /// What was explored.
    #[must_use]
    pub const fn system(&self) -> &'m M {
        self.system
    }

    /// How many states were seen.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.parents.len()).unwrap_or(u32::MAX)
    }

    /// Whether nothing was seen; never, as there is always a beginning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// A state by its number.
    #[must_use]
    pub fn state(&self, at: u32) -> M::State {
        self.system.decode(self.bytes(at))
    }

    fn bytes(&self, at: u32) -> &[u8] {
        &self.arena[at as usize * self.stride..][..self.stride]
    }

    /// The states of a shortest path from the beginning, both ends included.
    #[must_use]
    pub fn path(&self, to: u32) -> Vec<u32> {
        let mut path = vec![to];
        let mut at = to;
        while at != 0 {
            at = self.parents[at as usize];
            path.push(at);
        }
        path.reverse();
        path
    }

    /// The event that leads from one state to another, if any does.
    #[must_use]
    pub fn event_between(&self, from: u32, to: u32) -> Option<M::Event> {
        let before = self.state(from);
        let mut events = Vec::new();
        self.system.events(&before, &mut events);
        let mut bytes = Vec::new();
        events.into_iter().find(|event| {
            let Ok(after) = self.system.apply(&before, *event) else { return false };
            bytes.clear();
            self.system.encode(&after, &mut bytes);
            bytes.resize(self.stride, 0);
            bytes == self.bytes(to)
        })
    }

    fn insert(&mut self, bytes: &[u8], parent: u32) -> (u32, bool) {
        if self.parents.len() * 2 >= self.index.len() {
            self.grow();
        }
        let mask = self.index.len() - 1;
        let mut slot = hash(bytes) & mask;
        while self.index[slot] != 0 {
            let known = self.index[slot] - 1;
            if self.bytes(known) == bytes {
                return (known, false);
            }
            slot = (slot + 1) & mask;
        }
        let new = self.len();
        self.index[slot] = new + 1;
        self.arena.extend_from_slice(bytes);
        self.parents.push(parent);
        (new, true)
    }

    fn grow(&mut self) {
        let mut index = vec![0; self.index.len() * 2];
        let mask = index.len() - 1;
        for at in 0..self.len() {
            let mut slot = hash(self.bytes(at)) & mask;
            while index[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            index[slot] = at + 1;
        }
        self.index = index;
    }
}

/// Multiply and fold, eight bytes at a time.
#[allow(clippy::cast_possible_truncation)]
fn hash(bytes: &[u8]) -> usize {
    let mut hash = 0x9e37_79b9_7f4a_7c15_u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mixed = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = mixed ^ (mixed >> 32);
    }
    hash as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts up to a limit, or down to nothing.
    struct Counter {
        forbidden: u16,
    }

    impl System for Counter {
        type State = u16;
        type Event = i16;

        fn initial(&self) -> u16 {
            0
        }

        fn events(&self, _: &u16, events: &mut Vec<i16>) {
            events.extend([-1, 1, 10]);
        }

        fn apply(&self, state: &u16, event: i16) -> Result<u16, Violation> {
            let next = state.saturating_add_signed(event).min(5_000);
            let what = "forbidden".to_owned();
            if next == self.forbidden { Err(Violation { invariant: Invariant::I1, what }) } else { Ok(next) }
        }

        fn encode(&self, state: &u16, out: &mut Vec<u8>) {
            out.extend(state.to_be_bytes());
        }

        fn decode(&self, bytes: &[u8]) -> u16 {
            u16::from_be_bytes([bytes[0], bytes[1]])
        }
    }

    #[test]
    fn every_state_is_seen_once_and_every_transition_followed() {
        let explored = Explored::explore(&Counter { forbidden: 9_999 }, Bounds::default(), |_| {});
        assert_eq!((explored.len(), explored.transitions), (5_001, 15_003));
        assert_eq!(explored.outcome, Outcome::Complete);
    }

    #[test]
    fn the_path_to_a_broken_invariant_is_a_shortest_one() {
        let explored = Explored::explore(&Counter { forbidden: 42 }, Bounds::default(), |_| {});
        let Outcome::Broken { state, .. } = explored.outcome else { panic!("not found") };
        // Four tens and two ones; the last one is the transition that breaks it.
        assert_eq!(explored.path(state).len(), 6);
    }

    #[test]
    fn a_bound_is_reported_and_never_passed_silently() {
        let bounds = Bounds { states_max: 100, ..Bounds::default() };
        let explored = Explored::explore(&Counter { forbidden: 9_999 }, bounds, |_| {});
        assert!(matches!(explored.outcome, Outcome::Bounded(_)));
    }
}
