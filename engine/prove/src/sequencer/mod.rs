//! The formal sequencer: interlock, plan and preemption of one junction as a transition system.
//!
//! A transition is either one step of time, at which everything that has run out acts, or an event
//! from outside, which takes no time. So every order of events at one instant, before and after the
//! timers of that instant, is a path of its own.

pub mod calls;
pub(crate) mod interlock;
pub(crate) mod mutation;
pub(crate) mod program;
pub(crate) mod service;

use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupSet};

use crate::bytes::{Reader, put};
use crate::display::{Aspect, Display, Stimulus};
use crate::site::Site;
use interlock::{Cause, Head, age, drive};
pub use mutation::Rules;
use mutation::mutated;
pub use program::Program;
pub use service::Service;

/// What may happen. Stages and choices are indices of the site's tables, rows of its preempt rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A step of time.
    Time,
    /// A row is ready: its call is on, valid and older than its delay.
    Call {
        /// The row.
        row: u8,
        /// The call is old already: it had to wait for another row.
        waited: bool,
    },
    /// The plan begins, after power-up or because the served row's call has gone or does not count.
    Join {
        /// Where it begins.
        stage: u8,
        /// The pedestrian calls.
        choice: u8,
    },
    /// The plan goes on.
    Advance {
        /// To this stage.
        stage: u8,
        /// With these pedestrian calls.
        choice: u8,
    },
    /// A tram or bus asks for a longer green.
    Extend,
    /// A tram or bus asks for its stage out of turn.
    Skip {
        /// Its stage.
        stage: u8,
    },
    /// The power fails for a moment.
    Restart,
}

/// The whole state of the sequencer.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The heads, by group.
    pub heads: [Head; GROUPS_MAX],
    /// The plan.
    pub program: Program,
    /// Preemption.
    pub service: Service,
    /// A priority grant began with the last transition.
    pub grant: bool,
}

/// A sequencer for one junction.
#[derive(Clone, Copy)]
pub struct Sequencer<'s> {
    /// The junction.
    pub site: &'s Site,
    /// The rules that it follows.
    pub rules: Rules,
}

impl Sequencer<'_> {
    /// The power has just come on.
    #[must_use]
    pub fn initial(&self) -> State {
        State {
            heads: [Head { aspect: Aspect::Dark, clock: 0 }; GROUPS_MAX],
            program: Program::NOWHERE,
            service: Service::Startup { left: self.startup_red() },
            grant: false,
        }
    }

    fn startup_red(&self) -> u16 {
        match () {
            () if mutated!(self.rules, StartupSkipped) => 0,
            () if mutated!(self.rules, StartupShort) => self.site.startup_red / 2,
            () => self.site.startup_red,
        }
    }

    /// Everything that may happen in a state. Time stands still while something is due at this instant.
    pub fn events(&self, state: &State, events: &mut Vec<Event>) {
        let idle = matches!(state.service, Service::Idle { .. });
        let starting = matches!(state.service, Service::Startup { .. });
        let due = matches!(state.service, Service::Startup { left: 0 });
        let must_leave = due || state.service.must_leave(self.site, self.rules);
        let must_advance = idle && state.program.must_advance(self.site, self.rules);
        if !must_leave && !must_advance {
            events.push(Event::Time);
        }
        let rows = 0..u8::try_from(self.site.preempts.len()).unwrap_or(u8::MAX);
        if !starting {
            events.extend(rows.clone().map(|row| Event::Call { row, waited: false }));
        }
        if let Service::Idle { left: Some(left) } = state.service {
            let number = |row: u8| self.site.preempts[usize::from(row)].number;
            let below = rows.filter(|row| number(*row) > number(left));
            events.extend(below.map(|row| Event::Call { row, waited: true }));
        }
        if due || state.service.may_leave(self.site, self.rules) {
            self.each_stage(events, |stage, choice| Event::Join { stage, choice });
        }
        if idle {
            self.plan_events(state, events);
        }
        if state.heads[0].aspect != Aspect::Dark {
            events.push(Event::Restart);
        }
    }

    fn plan_events(&self, state: &State, events: &mut Vec<Event>) {
        let Some(stage) = self.site.stages.get(usize::from(state.program.stage)) else { return };
        if !state.program.reached {
            return;
        }
        for &next in &stage.next {
            let choices = self.site.stages[usize::from(next)].choices.len();
            let choices = 0..u8::try_from(choices).unwrap_or(u8::MAX);
            events.extend(choices.map(|choice| Event::Advance { stage: next, choice }));
        }
        if !self.site.priorities.is_empty() {
            events.push(Event::Extend);
            let stages = 0..u8::try_from(self.site.stages.len()).unwrap_or(u8::MAX);
            events.extend(stages.map(|stage| Event::Skip { stage }));
        }
    }

    fn each_stage(&self, events: &mut Vec<Event>, event: impl Fn(u8, u8) -> Event) {
        if self.site.stages.is_empty() {
            events.push(event(0, 0));
        }
        for (stage, data) in (0u8..).zip(&self.site.stages) {
            events.extend((0u8..).zip(&data.choices).map(|(choice, _)| event(stage, choice)));
        }
    }

    /// The state after an event.
    #[must_use]
    pub fn apply(&self, state: &State, event: Event) -> State {
        let mut next = *state;
        next.grant = false;
        match event {
            Event::Time => self.pass(&mut next),
            Event::Call { row, waited } => {
                next.service = state.service.called(self.site, self.rules, row, waited);
                if next.service.active().is_some() {
                    next.program = Program::NOWHERE;
                }
            }
            Event::Join { stage, choice } => {
                let left = state.service.active().map(|(row, _)| row);
                next.service = Service::Idle { left };
                next.program = Program::at(stage, choice);
            }
            Event::Advance { stage, choice } => {
                next.program.advance(self.site, self.rules, stage, choice);
            }
            Event::Extend => {
                next.program.extend(self.site, self.rules);
                next.grant = next.program.extended && !state.program.extended;
            }
            Event::Skip { stage } => {
                next.program.skip(self.site, self.rules, stage);
                next.grant = next.program.stage != state.program.stage;
            }
            Event::Restart => return self.initial(),
        }
        self.settle(&mut next);
        next
    }

    fn pass(&self, next: &mut State) {
        for (group, head) in self.site.groups.iter().zip(&mut next.heads) {
            if head.aspect == Aspect::Dark {
                *head = Head::red(group);
            } else {
                age(group, head);
            }
        }
        next.service = next.service.aged(self.site);
        if matches!(next.service, Service::Idle { .. }) {
            next.program.age(self.site);
        }
    }

    /// Let the heads follow what is wanted now, and note what they reach.
    fn settle(&self, next: &mut State) {
        let (wanted, cause) = self.wanted(next);
        let before = self.greens(next, 0);
        let count = self.site.groups.len();
        if next.heads[0].aspect != Aspect::Dark || count == 0 {
            drive(self.site, self.rules, &mut next.heads[..count], wanted, cause);
        }
        let greens = self.greens(next, 0);
        match next.service {
            Service::Idle { .. } => {
                next.program.observe(self.site, before, greens, self.greens(next, u16::MAX))
            }
            Service::Entry { row, age, waited } => {
                if self.site.preempts[usize::from(row)].dwell.is_subset(greens) {
                    next.service = Service::Dwell { row, age, dwelt: 0, waited };
                }
            }
            Service::Startup { .. } | Service::Dwell { .. } => {}
        }
    }

    /// The groups that have been green for `least` steps, or for their minimum green when that is shorter.
    fn greens(&self, state: &State, least: u16) -> GroupSet {
        let long = |group: &GroupId| {
            let head = state.heads[group.index()];
            head.aspect == Aspect::Green && head.clock >= least.min(self.site.groups[group.index()].min_green)
        };
        self.site.ids().filter(long).collect()
    }

    fn wanted(&self, state: &State) -> (GroupSet, Cause) {
        match state.service {
            Service::Startup { .. } => (GroupSet::EMPTY, Cause::Plan),
            Service::Idle { .. } => (state.program.wanted(self.site), Cause::Plan),
            Service::Entry { row, .. } | Service::Dwell { row, .. } => {
                let dwell = self.site.preempts[usize::from(row)].dwell;
                let forgotten = dwell.iter().last().filter(|_| mutated!(self.rules, EntryForgetsGroup));
                (forgotten.map_or(dwell, |group| dwell.without(group)), Cause::Entry)
            }
        }
    }

    /// What can be seen from outside.
    #[must_use]
    pub fn display(&self, state: &State) -> Display {
        let mut aspects = [Aspect::Red; GROUPS_MAX];
        for (aspect, head) in aspects.iter_mut().zip(&state.heads) {
            *aspect = head.aspect;
        }
        Display { aspects, active: state.service.active().map(|(row, _)| row), grant: state.grant }
    }

    /// What an event looks like from outside.
    #[must_use]
    pub fn stimulus(&self, before: &State, event: Event) -> Stimulus {
        match event {
            Event::Time => Stimulus::Time,
            Event::Call { row, .. } => Stimulus::Call(row),
            Event::Join { .. } if before.service.waited() => Stimulus::OldCallEnds,
            Event::Join { .. } if before.service.active().is_some() => Stimulus::CallEnds,
            Event::Join { .. } | Event::Advance { .. } | Event::Extend | Event::Skip { .. } => Stimulus::Plan,
            Event::Restart => Stimulus::Restart,
        }
    }

    /// The state as bytes, the same number for every state of a site.
    pub fn encode(&self, state: &State, out: &mut Vec<u8>) {
        for head in &state.heads[..self.site.groups.len()] {
            put(out, (head.aspect as u16) << 13 | head.clock);
        }
        let p = &state.program;
        let flags = u8::from(p.reached) | u8::from(p.extended) << 1 | u8::from(state.grant) << 2;
        out.extend([p.stage, p.choice, flags, p.cooldown]);
        put(out, p.age);
        let (tag, row, age, dwelt) = match state.service {
            Service::Startup { left } => (0, 0, left, 0),
            Service::Idle { left } => (1 + u8::from(left.is_some()), left.unwrap_or(0), 0, 0),
            Service::Entry { row, age, waited } => (3 + u8::from(waited), row, age, 0),
            Service::Dwell { row, age, dwelt, waited } => (5 + u8::from(waited), row, age, dwelt),
        };
        out.extend([tag, row]);
        put(out, age);
        put(out, dwelt);
    }

    /// The state that [`Sequencer::encode`] wrote.
    #[must_use]
    pub fn decode(&self, bytes: &mut Reader<'_>) -> State {
        let mut state = self.initial();
        for head in &mut state.heads[..self.site.groups.len()] {
            let packed = bytes.u16();
            *head = Head { aspect: Aspect::from_code((packed >> 13) as u8), clock: packed & 0x1fff };
        }
        let [stage, choice, flags, cooldown] = [(); 4].map(|()| bytes.u8());
        state.program = Program {
            stage,
            choice,
            reached: flags & 1 != 0,
            extended: flags & 2 != 0,
            cooldown,
            age: bytes.u16(),
        };
        state.grant = flags & 4 != 0;
        let (tag, row, age, dwelt) = (bytes.u8(), bytes.u8(), bytes.u16(), bytes.u16());
        state.service = match tag {
            0 => Service::Startup { left: age },
            1 | 2 => Service::Idle { left: (tag == 2).then_some(row) },
            3 | 4 => Service::Entry { row, age, waited: tag == 4 },
            _ => Service::Dwell { row, age, dwelt, waited: tag == 6 },
        };
        state
    }
}
