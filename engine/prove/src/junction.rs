//! The proof of a whole junction: interlock, plan and preemption together, under every order of calls,
//! cancels, pedestrian calls, priority requests and power failures.
//!
//! Rows are called by an adversary here: any row at any instant, for any time. What stands between the
//! inputs and that call (lease, delay, lockout) can only make calls rarer, and is proved by itself in
//! [``rows``].

use clearway_signals::GroupSet;

use crate::bytes::Reader;
use crate::checker::{Checker, Memory, Violation};
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
    let longest = if explored.outcome == Outcome::Complete {
        waiting.seal(explored.len());
        site.ids().map(|group| longest_red(&explored, &waiting, site, group)).collect()
    } else {
        Vec::new()
    };
    Found { explored, entries, longest }
}

/// The longest red of a group of the plan whose call, if it needs one, is always there.
fn longest_red(
    explored: &Explored<'_, Junction<'_>>,
    waiting: &Waiting,
    site: &Site,
    group: clearway_signals::GroupId,
) -> Option<Longest> {
    let planned = site.stages.iter().any(|stage| stage.groups.contains(group));
    planned.then(|| {
        waiting.longest(|at| {
            let (state, _) = explored.state(at);
            let idle = matches!(state.service, Service::Idle { .. });
            let green = state.heads[group.index()].aspect == crate::display::Aspect::Green;
            let program = state.program;
            let stage = &site.stages[usize::from(program.stage)];
            let uncalled = stage.groups.contains(group)
                && !stage.choices.get(usize::from(program.choice)).is_some_and(|set| set.contains(group));
            idle && !green && !uncalled
        })
    })
}

/// The groups that any row or stage turns green.
#[must_use]
pub fn used(site: &Site) -> GroupSet {
    let stages = site.stages.iter().fold(GroupSet::EMPTY, |all, stage| all.union(stage.groups));
    site.preempts.iter().fold(stages, |all, row| all.union(row.dwell))
}
