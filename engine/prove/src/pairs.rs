//! The proof by pairs: two groups, an interlock, and an adversary that wants any of them green at any
//! instant.
//!
//! The interlock lets a group end by that group's own clock, and start only when each conflicting group
//! by itself allows it. What other groups do can only delay a start, and the adversary may delay as it
//! likes. So every history of a whole junction, seen on two of its groups, is a history of this system,
//! whatever plan, rows, vendor or planner stands above the interlock: what holds for each pair holds
//! for the junction (I1 to I5, and with them I13).

use clearway_signals::{GroupId, GroupSet};

use crate::bytes::{Reader, put};
use crate::checker::{Checker, Memory, Violation};
use crate::display::{Aspect, Display, Stimulus};
use crate::explore::System;
use crate::sequencer::Rules;
use crate::sequencer::interlock::{Cause, Head, age, drive};
use crate::site::Site;

/// What may happen to a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A step of time.
    Time,
    /// From now on these are wanted green.
    Want(GroupSet),
    /// The power fails for a moment.
    Restart,
}

/// A pair's state.
#[derive(Clone, Copy, Debug)]
pub struct State {
    heads: [Head; 2],
    wanted: GroupSet,
    /// Steps of red after power-up that are left.
    startup: u16,
}

/// Two groups of a junction.
pub struct Pair<'s> {
    site: &'s Site,
    rules: Rules,
}

impl<'s> Pair<'s> {
    /// A pair; `site` has two groups, as [`of`] makes it.
    #[must_use]
    pub const fn new(site: &'s Site, rules: Rules) -> Self {
        Self { site, rules }
    }

    /// What can be seen of a state.
    #[must_use]
    pub fn display(&self, state: &State) -> Display {
        let mut display = Display {
            aspects: [Aspect::Red; clearway_signals::limits::GROUPS_MAX],
            active: None,
            grant: false,
        };
        for (aspect, head) in display.aspects.iter_mut().zip(&state.heads) {
            *aspect = head.aspect;
        }
        display
    }

    /// What an event looks like from outside.
    #[must_use]
    pub const fn stimulus(event: Event) -> Stimulus {
        match event {
            Event::Time => Stimulus::Time,
            Event::Want(_) => Stimulus::Plan,
            Event::Restart => Stimulus::Restart,
        }
    }

    /// The state after an event.
    pub(crate) fn next(&self, state: &State, event: Event) -> State {
        let mut next = *state;
        match event {
            Event::Restart => return self.initial().0,
            Event::Want(wanted) => next.wanted = wanted,
            Event::Time => {
                next.startup = next.startup.saturating_sub(1);
                for (group, head) in self.site.groups.iter().zip(&mut next.heads) {
                    if head.aspect == Aspect::Dark {
                        *head = Head::red(group);
                    } else {
                        age(group, head);
                    }
                }
            }
        }
        if next.heads[0].aspect != Aspect::Dark {
            let wanted = if next.startup > 0 { GroupSet::EMPTY } else { next.wanted };
            drive(self.site, self.rules, &mut next.heads, wanted, Cause::Plan);
        }
        next
    }
}

impl System for Pair<'_> {
    type State = (State, Memory);
    type Event = Event;

    fn initial(&self) -> Self::State {
        let state = State {
            heads: [Head { aspect: Aspect::Dark, clock: 0 }; 2],
            wanted: GroupSet::EMPTY,
            startup: self.site.startup_red,
        };
        (state, Checker::of_heads(self.site).initial())
    }

    fn events(&self, (state, _): &Self::State, events: &mut Vec<Event>) {
        events.push(Event::Time);
        if state.startup > 0 {
            return;
        }
        events.extend((0..4).map(|wanted| Event::Want(GroupSet(wanted))));
        events.push(Event::Restart);
    }

    fn apply(&self, (state, memory): &Self::State, event: Event) -> Result<Self::State, Violation> {
        let next = self.next(state, event);
        let mut memory = *memory;
        Checker::of_heads(self.site).observe(&mut memory, Self::stimulus(event), &self.display(&next))?;
        Ok((next, memory))
    }

    fn encode(&self, (state, memory): &Self::State, out: &mut Vec<u8>) {
        for head in &state.heads {
            put(out, (head.aspect as u16) << 13 | head.clock);
        }
        out.push((state.wanted.0 & 3) as u8);
        put(out, state.startup);
        Checker::of_heads(self.site).encode(memory, out);
    }

    fn decode(&self, bytes: &[u8]) -> Self::State {
        let mut bytes = Reader(bytes);
        let heads = [(); 2].map(|()| {
            let packed = bytes.u16();
            Head { aspect: Aspect::from_code((packed >> 13) as u8), clock: packed & 0x1fff }
        });
        let state = State { heads, wanted: GroupSet(u64::from(bytes.u8())), startup: bytes.u16() };
        (state, Checker::of_heads(self.site).decode(&mut bytes))
    }
}

/// The junction reduced to two of its groups.
#[must_use]
pub fn of(site: &Site, a: GroupId, b: GroupId) -> Site {
    let chosen = [a, b];
    let conflict = |at: usize| {
        if site.conflicts[chosen[at].index()].contains(chosen[1 - at]) {
            GroupSet::of(crate::site::id(1 - at))
        } else {
            GroupSet::EMPTY
        }
    };
    Site {
        group_names: chosen.map(|group| site.group_name(group)).to_vec(),
        groups: chosen.map(|group| site.groups[group.index()]).to_vec(),
        conflicts: [0, 1].map(conflict).to_vec(),
        intergreen: [(a, a), (a, b), (b, a), (b, b)].map(|(from, to)| site.intergreen(from, to)).to_vec(),
        preempts: Vec::new(),
        priorities: Vec::new(),
        stages: Vec::new(),
        reference: None,
        ..site.clone()
    }
}
