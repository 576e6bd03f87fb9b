//! The proof of a whole junction: interlock, plan and preemption together, under every order of calls,
//! cancels, pedestrian calls, priority requests and power failures.
//!
//! Rows are called by an adversary here: any row at any instant, for any time. What stands between the
//! inputs and that call (lease, delay, lockout) can only make calls rarer, and is proved by itself in
//! `rows`.

use clearway_signals::GroupId;

use crate::bytes::Reader;
use crate::checker::{Checker, Memory, Violation};
use crate::display::Aspect;
use crate::explore::{Bounds, Explored, Outcome, System};
use crate::sequencer::{Event, Rules, Sequencer, Service, State};
use crate::site::Site;
use crate::waiting::{Longest, Waiting};

/// The sequencer and its checker.
pub struct Junction<'s> {
    /// The sequencer.
    pub sequencer: Sequencer<'s>,
    /// The checker.
    pub checker: Checker<'s>,
}

impl<'s> Junction<'s> {
    /// A junction under the given rules.
    #[must_use]
    pub const fn new(site: &'s Site, rules: Rules) -> Self {
        Self { sequencer: Sequencer { site, rules }, checker: Checker::new(site) }
    }
}

impl System for Junction<'_> {
    type State = (State, Memory);
    type Event = Event;

    fn initial(&self) -> Self::State {
        (self.sequencer.initial(), self.checker.initial())
    }

    fn events(&self, (state, _): &Self::State, events: &mut Vec<Event>) {
        self.sequencer.events(state, events);
    }

    fn apply(&self, (state, memory): &Self::State, event: Event) -> Result<Self::State, Violation> {
        let next = self.sequencer.apply(state, event);
        let mut memory = *memory;
        let stimulus = self.sequencer.stimulus(state, event);
        self.checker.observe(&mut memory, stimulus, &self.sequencer.display(&next))?;
        Ok((next, memory))
    }

    fn encode(&self, (state, memory): &Self::State, out: &mut Vec<u8>) {
        self.sequencer.encode(state, out);
        self.checker.encode(memory, out);
    }

    fn decode(&self, bytes: &[u8]) -> Self::State {
        let mut bytes = Reader(bytes);
        (self.sequencer.decode(&mut bytes), self.checker.decode(&mut bytes))
    }
}

/// The slowest entry of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SlowestEntry {
    /// Steps from the start of the entry until all dwell groups are green.
    pub steps: u16,
    /// The state at the arrival; `None` when no arrival was seen.
    pub arrival: Option<u32>,
}

/// What the exploration of a junction found.
pub struct Found<'m, 's> {
    /// Every state.
    pub explored: Explored<'m, Junction<'s>>,
    /// The slowest entry of each preempt row.
    pub entries: Vec<SlowestEntry>,
    /// The longest red of each group outside preemption; empty when the exploration did not complete.
    pub longest: Vec<Option<Longest>>,
    waiting: Waiting,
}

impl Found<'_, '_> {
    /// The states of a longest red, or of the way into one without end.
    #[must_use]
    pub fn way(&self, site: &Site, group: GroupId, longest: &Longest) -> Vec<u32> {
        self.waiting.way(longest, |at| waits(&self.explored, site, group, at))
    }
}

/// Explore a junction.
#[must_use]
pub fn prove<'m, 's>(junction: &'m Junction<'s>, bounds: Bounds) -> Found<'m, 's> {
    let site = junction.sequencer.site;
    let mut entries = vec![SlowestEntry::default(); site.preempts.len()];
    let mut waiting = Waiting::default();
    let explored = Explored::explore(junction, bounds, |transition| {
        if let Some((row, age, true)) = junction.checker.entry(&transition.after.1) {
            let slowest = &mut entries[usize::from(row)];
            if slowest.arrival.is_none() || age > slowest.steps {
                *slowest = SlowestEntry { steps: age, arrival: Some(transition.to) };
            }
        }
        let idle = |state: &State| matches!(state.service, Service::Idle { .. });
        if idle(&transition.before.0) && idle(&transition.after.0) {
            waiting.add(transition.from, transition.to, transition.event == Event::Time);
        }
    });
    let mut longest = Vec::new();
    if explored.outcome == Outcome::Complete {
        waiting.seal(explored.len());
        for group in site.ids() {
            let planned = site.stages.iter().any(|stage| stage.groups.contains(group));
            longest.push(planned.then(|| waiting.longest(|at| waits(&explored, site, group, at))));
        }
    }
    Found { explored, entries, longest, waiting }
}

/// Whether a group waits in a state: the plan runs, the group is not green, and if it needs a call, the
/// call is there.
fn waits(explored: &Explored<'_, Junction<'_>>, site: &Site, group: GroupId, at: u32) -> bool {
    let (state, _) = explored.state(at);
    let program = state.program;
    let uncalled = site.stages.get(usize::from(program.stage)).is_some_and(|stage| {
        let choice = stage.choices.get(usize::from(program.choice));
        stage.groups.contains(group) && !choice.is_some_and(|set| set.contains(group))
    });
    let idle = matches!(state.service, Service::Idle { .. });
    idle && !uncalled && state.heads[group.index()].aspect != Aspect::Green
}
