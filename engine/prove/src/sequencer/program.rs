//! The plan: stage after stage, each until its groups have had their minimum green and
//! no longer than its length; and what
//! transit priority may do to it: extend a stage, or skip the stages before the wanted one.

use clearway_signals::GroupSet;

use super::mutation::{Rules, mutated};
use crate::site::{Site, Stage};

/// Whole cycles without a grant after a grant (invariants I8 and I11).
const CYCLES_BETWEEN_GRANTS: u8 = 2;

/// Where the plan stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Program {
    /// The stage.
    pub stage: u8,
    /// Which of its [`Stage::choices`] is served.
    pub choice: u8,
    /// Every wanted group has been green for its minimum in this stage.
    pub reached: bool,
    /// Steps since then.
    pub age: u16,
    /// The stage is extended by a grant.
    pub extended: bool,
    /// Cycles until the next grant: beginnings of the reference group's green.
    pub cooldown: u8,
}

impl Program {
    /// A stage begins after an exit or a start.
    pub(crate) const fn at(stage: u8, choice: u8) -> Self {
        Self { stage, choice, reached: false, age: 0, extended: false, cooldown: CYCLES_BETWEEN_GRANTS }
    }

    /// While a row is served, the plan has no place of its own.
    pub(crate) const NOWHERE: Self = Self::at(0, 0);

    fn data<'s>(&self, site: &'s Site) -> Option<&'s Stage> {
        site.stages.get(usize::from(self.stage))
    }

    /// The groups that the plan wants green.
    pub(crate) fn wanted(&self, site: &Site) -> GroupSet {
        let choice = self.data(site).and_then(|stage| stage.choices.get(usize::from(self.choice)));
        choice.copied().unwrap_or(GroupSet::EMPTY)
    }

    /// Go on to a stage that may follow.
    pub(crate) fn advance(&mut self, site: &Site, rules: Rules, stage: u8, choice: u8) {
        let follows = self.data(site).is_some_and(|data| data.next.contains(&stage));
        if !self.reached || !follows {
            return;
        }
        let count = u8::try_from(site.stages.len()).unwrap_or(u8::MAX);
        let skips = mutated!(rules, StageSkipped) && stage + 1 == count && count > 1;
        if skips {
            self.enter(0, 0);
        } else {
            self.enter(stage, choice);
        }
    }

    /// Skip the stages before one that serves a priority row; lawful when none of them holds a crossing.
    pub(crate) fn skip(&mut self, site: &Site, rules: Rules, stage: u8) {
        if self.reached && self.may_grant(rules, true) && self.is_skip(site, stage) {
            self.enter(stage, 0);
            self.cooldown = CYCLES_BETWEEN_GRANTS;
        }
    }

    /// Let the stage last longer, for a priority row that it serves.
    pub(crate) fn extend(&mut self, site: &Site, rules: Rules) {
        let serves = self
            .data(site)
            .is_some_and(|stage| site.priorities.iter().any(|dwell| dwell.is_subset(stage.groups)));
        if serves && self.reached && !self.extended && self.may_grant(rules, false) {
            self.extended = true;
            self.cooldown = CYCLES_BETWEEN_GRANTS;
        }
    }

    /// Whether the stage's time is over.
    pub(crate) fn must_advance(&self, site: &Site, rules: Rules) -> bool {
        let extension = if self.extended { site.extension_max } else { 0 };
        let without_end =
            mutated!(rules, StageNeverEnds) || (self.extended && mutated!(rules, ExtensionWithoutEnd));
        let over = self.length(site).is_some_and(|length| self.age >= length.saturating_add(extension));
        self.reached && over && !without_end
    }

    /// How long the stage lasts; `None` where nothing else follows or it may last for ever.
    fn length(&self, site: &Site) -> Option<u16> {
        let length = self.data(site).map_or(0, |stage| stage.length);
        (length > 0 && site.stages.len() > 1).then_some(length)
    }

    /// One step of time.
    pub(crate) fn age(&mut self, site: &Site) {
        if let Some(length) = self.length(site).filter(|_| self.reached) {
            self.age = (self.age + 1).min(length + site.extension_max);
        }
    }

    /// Note what was green before, is green now, and has been green for its minimum.
    pub(crate) fn observe(&mut self, site: &Site, before: GroupSet, greens: GroupSet, served: GroupSet) {
        // A green that a preemption has left behind begins no cycle.
        let began = greens.difference(before).intersection(self.wanted(site));
        if site.reference.is_some_and(|group| began.contains(group)) {
            self.cooldown = self.cooldown.saturating_sub(1);
        }
        self.reached |= !site.stages.is_empty() && self.wanted(site).is_subset(served);
    }

    fn enter(&mut self, stage: u8, choice: u8) {
        *self = Self { cooldown: self.cooldown, ..Self::at(stage, choice) };
    }

    fn may_grant(&self, rules: Rules, skip: bool) -> bool {
        self.cooldown == 0
            || (skip && mutated!(rules, SkipRepeats))
            || (!skip && mutated!(rules, ExtensionRepeats))
    }

    /// Stage 0 is never skipped: it marks the cycle.
    fn is_skip(&self, site: &Site, target: u8) -> bool {
        let serves = site
            .stages
            .get(usize::from(target))
            .is_some_and(|stage| site.priorities.iter().any(|dwell| dwell.is_subset(stage.groups)));
        let between = self.stage + 1..target;
        serves
            && !between.is_empty()
            && between.into_iter().all(|at| site.stages[usize::from(at)].choices.len() == 1)
    }
}
