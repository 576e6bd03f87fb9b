//! The signal heads and the interlock: what is shown, and which changes are lawful.
//!
//! Everything above asks for a set of green groups; nothing above can make the heads skip a minimum
//! green, a yellow, a pedestrian clearance or an intergreen.

use clearway_signals::{GroupId, GroupKind, GroupSet, Junction, Millis, Relation, SignalGroup};

/// Red shows at least this long between two greens of a group, red-yellow included.
const RED_MIN: Millis = Millis(1_000);

/// What a signal group shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Aspect {
    /// Stop.
    #[default]
    Red,
    /// Stop; green follows at once.
    RedYellow,
    /// Go; walk for pedestrians.
    Green,
    /// Green has ended (vehicles, trams, bicycles).
    Yellow,
    /// Walk has ended, who is on the crossing finishes it (pedestrians).
    Clearance,
    /// Flashing.
    Flash,
    /// No light.
    Dark,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    aspect: Aspect,
    since: Millis,
    green_ended: Option<Millis>,
}

/// All heads of one controller.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    groups: Vec<SignalGroup>,
    conflicts: Vec<GroupSet>,
    /// `intergreens[ending * n + starting]`, the ending group's own yellow or clearance at least.
    intergreens: Vec<Millis>,
    heads: Vec<Head>,
    aspects: Vec<Aspect>,
}

impl Heads {
    /// All red at `now`, as after a start-up.
    pub fn new(junction: &Junction<'_>, now: Millis) -> Self {
        let n = junction.groups.len();
        let id = |index: usize| GroupId(u8::try_from(index).unwrap_or(u8::MAX));
        let conflicts =
            (0..n).map(|a| (0..n).map(id).filter(|b| junction.conflicts(id(a), *b)).collect()).collect();
        let intergreens = (0..n * n)
            .map(|pair| {
                let (ending, starting) = (id(pair / n), id(pair % n));
                let own = junction.groups[ending.index()].ending();
                match junction.relation(ending, starting) {
                    Relation::Conflict(intergreen) => intergreen.max(own),
                    Relation::Compatible | Relation::Permitted => own,
                }
            })
            .collect();
        let head = Head { aspect: Aspect::Red, since: now, green_ended: None };
        Self {
            groups: junction.groups.to_vec(),
            conflicts,
            intergreens,
            heads: vec![head; n],
            aspects: vec![Aspect::Red; n],
        }
    }

    pub fn group(&self, group: GroupId) -> &SignalGroup {
        &self.groups[group.index()]
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    pub fn aspects(&self) -> &[Aspect] {
        &self.aspects
    }

    /// Since when the group shows what it shows.
    pub fn since(&self, group: GroupId) -> Option<Millis> {
        self.heads.get(group.index()).map(|head| head.since)
    }

    /// Groups that may never be green together with any of `groups`.
    pub fn conflicts_of(&self, groups: GroupSet) -> GroupSet {
        groups.iter().filter_map(|g| self.conflicts.get(g.index())).fold(GroupSet::EMPTY, |a, b| a.union(*b))
    }

    /// From the end of green of one group to the start of green of another.
    pub fn intergreen(&self, ending: GroupId, starting: GroupId) -> Millis {
        self.intergreens[ending.index() * self.len() + starting.index()]
    }

    /// The groups that show one of `aspects`.
    pub fn showing(&self, aspects: &[Aspect]) -> GroupSet {
        self.ids().filter(|group| aspects.contains(&self.aspects[group.index()])).collect()
    }

    pub fn all_red(&self) -> bool {
        self.aspects.iter().all(|aspect| *aspect == Aspect::Red)
    }

    /// Whether any head flashes or is dark.
    pub fn is_blank(&self) -> bool {
        self.aspects.iter().any(|aspect| matches!(aspect, Aspect::Flash | Aspect::Dark))
    }

    /// Flash at once, out of whatever is shown: what a monitor's relay does, past the interlock.
    pub fn trip(&mut self, now: Millis) {
        for index in 0..self.len() {
            if self.heads[index].aspect == Aspect::Green {
                self.heads[index].green_ended = Some(now);
            }
            self.show(index, Aspect::Flash, now);
        }
    }

    /// When the group could be green at the earliest, if every group in its way were told to end now.
    pub fn earliest_green(&self, group: GroupId, now: Millis) -> Millis {
        let mut at = now + self.group(group).red_yellow;
        for other in self.conflicts[group.index()].iter() {
            let head = &self.heads[other.index()];
            let ends = match head.aspect {
                Aspect::Green => Some((head.since + self.group(other).min_green).max(now)),
                Aspect::RedYellow => {
                    Some(head.since + self.group(other).red_yellow + self.group(other).min_green)
                }
                _ => head.green_ended,
            };
            if let Some(ends) = ends {
                at = at.max(ends + self.intergreen(other, group));
            }
        }
        at
    }

    /// One tick: run out what runs, end what is no longer wanted, start what is wanted and free.
    pub fn drive(&mut self, now: Millis, wanted: GroupSet) {
        for index in 0..self.len() {
            self.run_out(index, now);
        }
        for group in self.ids() {
            let head = self.heads[group.index()];
            let old_enough = now - head.since >= self.group(group).min_green;
            if head.aspect == Aspect::Green && !wanted.contains(group) && old_enough {
                self.end_green(group, now);
            }
        }
        for group in self.ids().filter(|group| wanted.contains(*group)) {
            if self.heads[group.index()].aspect == Aspect::Red && self.may_start(group, now) {
                let ready = self.group(group).red_yellow <= Millis::ZERO;
                self.show(group.index(), if ready { Aspect::Green } else { Aspect::RedYellow }, now);
            }
        }
    }

    /// Flash or dark: only from all red, so that no interval is cut.
    pub fn blank(&mut self, aspect: Aspect, now: Millis) {
        if self.all_red() {
            (0..self.len()).for_each(|index| self.show(index, aspect, now));
        }
    }

    /// Back from flash or dark to red.
    pub fn unblank(&mut self, now: Millis) {
        for index in 0..self.len() {
            if matches!(self.heads[index].aspect, Aspect::Flash | Aspect::Dark) {
                self.show(index, Aspect::Red, now);
            }
        }
    }

    pub fn ids(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..self.groups.len()).map(|index| GroupId(u8::try_from(index).unwrap_or(u8::MAX)))
    }

    fn run_out(&mut self, index: usize, now: Millis) {
        let head = self.heads[index];
        let group = &self.groups[index];
        let age = now - head.since;
        match head.aspect {
            Aspect::RedYellow if age >= group.red_yellow => self.show(index, Aspect::Green, now),
            Aspect::Yellow | Aspect::Clearance if age >= group.ending() => {
                self.show(index, Aspect::Red, now);
            }
            _ => {}
        }
    }

    fn end_green(&mut self, group: GroupId, now: Millis) {
        let data = self.group(group);
        let aspect = match data.kind {
            _ if data.ending() <= Millis::ZERO => Aspect::Red,
            GroupKind::Pedestrian => Aspect::Clearance,
            GroupKind::Vehicle | GroupKind::Tram | GroupKind::Bicycle => Aspect::Yellow,
        };
        self.heads[group.index()].green_ended = Some(now);
        self.show(group.index(), aspect, now);
    }

    /// Would a green that follows a start now keep every intergreen?
    fn may_start(&self, group: GroupId, now: Millis) -> bool {
        let green_at = now + self.group(group).red_yellow;
        let own = &self.heads[group.index()];
        if own.green_ended.is_some() && green_at - own.since < RED_MIN {
            return false;
        }
        self.conflicts[group.index()].iter().all(|other| {
            let head = &self.heads[other.index()];
            match head.aspect {
                Aspect::Green | Aspect::RedYellow => false,
                _ => head.green_ended.is_none_or(|ended| green_at >= ended + self.intergreen(other, group)),
            }
        })
    }

    fn show(&mut self, index: usize, aspect: Aspect, now: Millis) {
        self.heads[index].aspect = aspect;
        self.heads[index].since = now;
        self.aspects[index] = aspect;
    }
}
