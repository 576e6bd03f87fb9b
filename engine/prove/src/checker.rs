//! The independent checker: it sees displays and stimuli, never the sequencer, and holds them against
//! the junction's data.
//!
//! Its memory is part of the explored state, so that a verdict covers every history. After a power
//! failure it takes every group as green until the lights went out, which is stricter than the truth.

use core::fmt;

use clearway_signals::limits::GROUPS_MAX;
use clearway_signals::{GroupId, GroupKind, GroupSet, RowKind};

use crate::bytes::{Reader, put, put_wide};
use crate::display::{Aspect, Display, Stimulus};
use crate::site::Site;

/// The invariants of the planning document, section 4.10.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Invariant {
    /// No two conflicting groups show green, yellow or clearance at once.
    I1,
    /// Every yellow is shown in full.
    I2,
    /// Every intergreen, and the own red between two greens, is kept.
    I3,
    /// Every minimum green is kept.
    I4,
    /// Walk and pedestrian clearance are complete.
    I5,
    /// A row is served within its bound; a lower rank never takes a higher one's service.
    I6,
    /// A service lasts neither longer than its maximum presence nor shorter than its minimum.
    I7,
    /// After a service that outlived its presence, and after a grant, the next one has to wait.
    I8,
    /// No group with demand waits longer than the limit outside preemption.
    I9,
    /// No command outlives its lease.
    I10,
    /// No group is skipped twice in a row.
    I11,
    /// After a preemption the plan is back within two cycles.
    I12,
    /// Whatever the planner asks for, I1 to I5 hold.
    I13,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen and what was required, for people.
    pub what: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    aspect: Aspect,
    /// Steps since the aspect began; for red since the green ended. Stands still where nothing counts it.
    clock: u16,
}

/// What the checker remembers.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    seen: [Seen; GROUPS_MAX],
    served: Option<Served>,
    /// Beginnings of the reference group's green since the last grant; stands still at 2.
    marks: u8,
    /// Groups that were green since the last mark.
    since_mark: GroupSet,
    /// Groups that were not green between the last two marks.
    missed: GroupSet,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Served {
    row: u8,
    /// Steps since the service began.
    age: u16,
    /// Steps since the dwell groups were green; `None` before.
    dwelt: Option<u16>,
}

/// The checker of one junction.
#[derive(Clone, Copy)]
pub struct Checker<'s> {
    site: &'s Site,
    /// Whether the whole plan is seen, so that grants and turns can be judged.
    whole: bool,
}

type Verdict = Result<(), Violation>;

fn broken(invariant: Invariant, what: impl FnOnce() -> String) -> Verdict {
    Err(Violation { invariant, what: what() })
}

impl<'s> Checker<'s> {
    /// A checker of everything.
    #[must_use]
    pub const fn new(site: &'s Site) -> Self {
        Self { site, whole: true }
    }

    /// A checker of the heads alone.
    #[must_use]
    pub const fn of_heads(site: &'s Site) -> Self {
        Self { site, whole: false }
    }

    /// Nothing seen yet; the lights are out.
    #[must_use]
    pub fn initial(&self) -> Memory {
        Memory {
            seen: [Seen { aspect: Aspect::Dark, clock: 0 }; GROUPS_MAX],
            served: None,
            marks: 2,
            since_mark: GroupSet(u64::MAX),
            missed: GroupSet::EMPTY,
        }
    }

    /// Look at the display after a stimulus.
    ///
    /// # Errors
    /// The first [`Violation`] seen.
    pub fn observe(&self, memory: &mut Memory, stimulus: Stimulus, display: &Display) -> Verdict {
        if stimulus == Stimulus::Restart {
            *memory = self.initial();
            return Ok(());
        }
        if stimulus == Stimulus::Time {
            self.pass(memory);
        }
        let before = memory.seen;
        for group in self.site.ids() {
            let aspect = display.aspects[group.index()];
            if aspect != memory.seen[group.index()].aspect {
                self.change(memory, group, aspect)?;
            }
        }
        self.check_conflicts(memory)?;
        self.check_service(memory, stimulus, display)?;
        if self.whole { self.check_turns(memory, &before, display) } else { Ok(()) }
    }

    fn pass(&self, memory: &mut Memory) {
        for (group, seen) in self.site.groups.iter().zip(&mut memory.seen) {
            let last = match seen.aspect {
                Aspect::Green => group.min_green,
                Aspect::Red | Aspect::Dark => group.memory.max(group.ending + self.site.red_min),
                Aspect::RedYellow => group.red_yellow,
                Aspect::Yellow | Aspect::Clearance => group.ending,
            };
            // A clock that already stands beyond the last value that counts stays there.
            seen.clock = seen.clock.max((seen.clock + 1).min(last));
        }
        if let Some(served) = &mut memory.served {
            let row = &self.site.preempts[usize::from(served.row)];
            let last = row.max_presence.max(row.min_duration).max(self.entry_bound(served.row)) + 1;
            served.age = (served.age + 1).min(last);
            served.dwelt = served.dwelt.map(|dwelt| (dwelt + 1).min(row.min_dwell));
        }
    }

    fn change(&self, memory: &mut Memory, group: GroupId, to: Aspect) -> Verdict {
        let data = &self.site.groups[group.index()];
        let name = || self.site.group_name(group);
        let Seen { aspect: from, clock } = memory.seen[group.index()];
        let walks = data.kind == GroupKind::Pedestrian;
        let time = |steps: u16| self.site.time(u32::from(steps)).as_s();
        let (min_rule, end_rule) =
            if walks { (Invariant::I5, Invariant::I5) } else { (Invariant::I4, Invariant::I2) };
        match from {
            Aspect::Green => {
                let due = if walks { Aspect::Clearance } else { Aspect::Yellow };
                if clock < data.min_green {
                    let (is, min) = (time(clock), time(data.min_green));
                    return broken(min_rule, || format!("{} was green for {is} s, {min} s at least", name()));
                }
                if data.ending > 0 && to != due {
                    return broken(end_rule, || format!("{} left green without {due:?}", name()));
                }
            }
            // Red-yellow is red, too.
            Aspect::Yellow | Aspect::Clearance
                if clock < data.ending || !matches!(to, Aspect::Red | Aspect::RedYellow) =>
            {
                let (is, min) = (time(clock), time(data.ending));
                return broken(end_rule, || {
                    format!("{} showed {from:?} for {is} s and then {to:?}; {min} s and red are due", name())
                });
            }
            _ => {}
        }
        if to == Aspect::Green {
            self.check_start(memory, group)?;
        }
        let counts_on =
            to == Aspect::Red && matches!(from, Aspect::Yellow | Aspect::Clearance | Aspect::Dark);
        // Red-yellow hides how long ago the own green ended: judge the own red before.
        if to == Aspect::RedYellow {
            self.check_own_red(memory, group, data.red_yellow)?;
        }
        memory.seen[group.index()] = Seen { aspect: to, clock: if counts_on { clock } else { 0 } };
        Ok(())
    }

    /// I3: everybody else ended early enough for this green.
    fn check_start(&self, memory: &Memory, starting: GroupId) -> Verdict {
        if memory.seen[starting.index()].aspect != Aspect::RedYellow {
            self.check_own_red(memory, starting, 0)?;
        }
        for ending in self.site.conflicts[starting.index()].iter() {
            let Seen { aspect, clock } = memory.seen[ending.index()];
            let needed = self.site.intergreen(ending, starting);
            let long_red = clock >= self.site.groups[ending.index()].memory;
            let ended = matches!(aspect, Aspect::Red | Aspect::Yellow | Aspect::Clearance | Aspect::Dark);
            if ended && clock < needed && !long_red {
                let [is, min] = [clock, needed].map(|steps| self.site.time(u32::from(steps)).as_s());
                return broken(Invariant::I3, || {
                    let [ending, starting] = [ending, starting].map(|group| self.site.group_name(group));
                    format!("{starting} became green {is} s after {ending} ended; the intergreen is {min} s")
                });
            }
        }
        Ok(())
    }

    /// I3: red between two greens of a group; `ahead`: steps of red-yellow that follow.
    fn check_own_red(&self, memory: &Memory, group: GroupId, ahead: u16) -> Verdict {
        let Seen { clock, .. } = memory.seen[group.index()];
        let ending = self.site.groups[group.index()].ending;
        if clock + ahead < ending + self.site.red_min {
            return broken(Invariant::I3, || {
                format!("{} came back without its red between two greens", self.site.group_name(group))
            });
        }
        Ok(())
    }

    /// I1.
    fn check_conflicts(&self, memory: &Memory) -> Verdict {
        let moves = |group: &GroupId| {
            matches!(memory.seen[group.index()].aspect, Aspect::Green | Aspect::Yellow | Aspect::Clearance)
        };
        let moving: GroupSet = self.site.ids().filter(moves).collect();
        for group in moving.iter() {
            if let Some(other) = self.site.conflicts[group.index()].intersection(moving).iter().next() {
                return broken(Invariant::I1, || {
                    let [a, b] = [group, other].map(|group| self.site.group_name(group));
                    format!("{a} and {b} conflict and are both moving")
                });
            }
        }
        Ok(())
    }

    /// I6 and I7: who is served, how soon, how long.
    fn check_service(&self, memory: &mut Memory, stimulus: Stimulus, display: &Display) -> Verdict {
        let was = memory.served;
        self.check_rank(was.map(|served| served.row), stimulus, display.active)?;
        let begins = matches!(stimulus, Stimulus::Call(_)) && display.active != was.map(|served| served.row);
        if let Some(served) = was.filter(|_| stimulus == Stimulus::CallEnds) {
            self.check_shortest(served)?;
        }
        memory.served = match (display.active, was) {
            (Some(row), Some(served)) if served.row == row && !begins => Some(served),
            (Some(row), _) => Some(Served { row, age: 0, dwelt: None }),
            (None, _) => None,
        };
        let Some(served) = &mut memory.served else { return Ok(()) };
        let row = &self.site.preempts[usize::from(served.row)];
        let green = |group: GroupId| display.aspects[group.index()] == Aspect::Green;
        if served.dwelt.is_none() && row.dwell.iter().all(green) {
            served.dwelt = Some(0);
        }
        if served.dwelt.is_none() && served.age > self.entry_bound(served.row) {
            let bound = self.site.time(u32::from(self.entry_bound(served.row))).as_s();
            return broken(Invariant::I6, || {
                format!("row {} is not green {bound} s after its entry began", row.number)
            });
        }
        if row.max_presence > 0 && served.age > row.max_presence {
            let limit = self.site.time(u32::from(row.max_presence)).as_s();
            return broken(Invariant::I7, || format!("row {} is served for more than {limit} s", row.number));
        }
        Ok(())
    }

    /// A call takes over exactly when it ranks above what is served; nothing else changes the row.
    fn check_rank(&self, was: Option<u8>, stimulus: Stimulus, now: Option<u8>) -> Verdict {
        let row = |row: u8| &self.site.preempts[usize::from(row)];
        let Some(served) = was else { return Ok(()) };
        let due = match stimulus {
            Stimulus::Call(called) if row(called).number < row(served).number => Some(called),
            Stimulus::CallEnds | Stimulus::OldCallEnds => None,
            _ => Some(served),
        };
        if due == now {
            return Ok(());
        }
        broken(Invariant::I6, || {
            let name = |at: Option<u8>| match at.map(row) {
                None => "no row".to_owned(),
                Some(row) if row.kind == RowKind::Rail => format!("rail row {}", row.number),
                Some(row) => format!("row {}", row.number),
            };
            format!("{} is due and {} is served", name(due), name(now))
        })
    }

    /// I7: a service that its call left was long enough, unless it had outlived its presence in waiting.
    fn check_shortest(&self, served: Served) -> Verdict {
        let row = &self.site.preempts[usize::from(served.row)];
        let long = served.age >= row.min_duration && served.dwelt.is_some_and(|dwelt| dwelt >= row.min_dwell);
        let over = row.max_presence > 0 && served.age >= row.max_presence;
        if long || over {
            return Ok(());
        }
        broken(Invariant::I7, || format!("row {} was left before its minimum", row.number))
    }

    /// The longest lawful entry, in steps: somebody has just begun red-yellow, keeps it and its minimum
    /// green, then its intergreen; or an own green has just ended.
    #[must_use]
    pub fn entry_bound(&self, row: u8) -> u16 {
        let site = self.site;
        let of_group = |starting: GroupId| {
            let others = site.conflicts[starting.index()].iter().map(|ending| {
                let group = &site.groups[ending.index()];
                group.red_yellow + group.min_green + site.intergreen(ending, starting)
            });
            let own = &site.groups[starting.index()];
            others.max().unwrap_or(0).max(own.ending + site.red_min.max(own.red_yellow)).max(own.red_yellow)
        };
        let dwell = site.preempts[usize::from(row)].dwell;
        dwell.iter().filter(|group| group.index() < site.groups.len()).map(of_group).max().unwrap_or(0)
    }

    /// I8 and I11: grants keep their distance, and nobody is skipped twice in a row.
    fn check_turns(&self, memory: &mut Memory, before: &[Seen; GROUPS_MAX], display: &Display) -> Verdict {
        let Some(reference) = self.site.reference else { return Ok(()) };
        if display.active.is_some() {
            // A preemption breaks every row of turns.
            memory.marks = 2;
            memory.since_mark = GroupSet(u64::MAX);
            memory.missed = GroupSet::EMPTY;
            return Ok(());
        }
        if display.grant {
            if memory.marks < 2 {
                return broken(Invariant::I8, || "a second grant within two cycles".to_owned());
            }
            memory.marks = 0;
        }
        let green = |group: &GroupId| display.aspects[group.index()] == Aspect::Green;
        let greens: GroupSet = self.site.ids().filter(green).collect();
        let begins = greens.contains(reference) && before[reference.index()].aspect != Aspect::Green;
        if begins {
            memory.marks = (memory.marks + 1).min(2);
            let missed = self.planned().difference(memory.since_mark);
            if let Some(group) = missed.intersection(memory.missed).iter().next() {
                return broken(Invariant::I11, || {
                    format!("{} was skipped twice in a row", self.site.group_name(group))
                });
            }
            memory.missed = missed;
            memory.since_mark = GroupSet::EMPTY;
        }
        memory.since_mark = memory.since_mark.union(greens);
        Ok(())
    }

    /// The groups of the plan that need no call.
    fn planned(&self) -> GroupSet {
        let all = self.site.stages.iter().fold(GroupSet::EMPTY, |all, stage| all.union(stage.groups));
        all.iter().filter(|g| self.site.groups[g.index()].kind != GroupKind::Pedestrian).collect()
    }

    /// For how long the row that is served has been on its way, and whether it has arrived.
    #[must_use]
    pub fn entry(&self, memory: &Memory) -> Option<(u8, u16, bool)> {
        memory.served.map(|served| (served.row, served.age, served.dwelt == Some(0)))
    }

    /// The memory as bytes.
    pub fn encode(&self, memory: &Memory, out: &mut Vec<u8>) {
        for seen in &memory.seen[..self.site.groups.len()] {
            put(out, (seen.aspect as u16) << 13 | seen.clock);
        }
        if !self.whole {
            return;
        }
        let served = memory.served;
        out.push(served.map_or(u8::MAX, |served| served.row));
        put(out, served.map_or(0, |served| served.age));
        put(out, served.and_then(|served| served.dwelt).unwrap_or(u16::MAX));
        out.push(memory.marks);
        put_wide(out, memory.since_mark.0);
        put_wide(out, memory.missed.0);
    }

    /// The memory that [`Checker::encode`] wrote.
    #[must_use]
    pub fn decode(&self, bytes: &mut Reader<'_>) -> Memory {
        let mut memory = self.initial();
        for seen in &mut memory.seen[..self.site.groups.len()] {
            let packed = bytes.u16();
            *seen = Seen { aspect: Aspect::from_code((packed >> 13) as u8), clock: packed & 0x1fff };
        }
        if !self.whole {
            return memory;
        }
        let (row, age, dwelt) = (bytes.u8(), bytes.u16(), bytes.u16());
        memory.served =
            (row != u8::MAX).then(|| Served { row, age, dwelt: (dwelt != u16::MAX).then_some(dwelt) });
        memory.marks = bytes.u8();
        memory.since_mark = GroupSet(bytes.u64());
        memory.missed = GroupSet(bytes.u64());
        memory
    }
}
