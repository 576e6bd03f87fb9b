//! Signal groups and sets of them.

use crate::ids::GroupId;
use crate::limits::GROUPS_MAX;
use crate::units::Millis;

/// For whom a signal group stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum GroupKind {
    /// Motor traffic.
    Vehicle,
    /// Trams with signals of their own.
    Tram,
    /// Bicycles with signals of their own.
    Bicycle,
    /// Pedestrians: green is walk, then the clearance runs.
    Pedestrian,
}

/// One signal group: heads that always show the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalGroup {
    /// For whom it stands.
    pub kind: GroupKind,
    /// Green (pedestrians: walk) lasts at least this long.
    pub min_green: Millis,
    /// Yellow after green; the equivalent for trams and bicycles; zero for pedestrians.
    pub yellow: Millis,
    /// Pedestrian clearance after walk; zero for the others.
    pub clearance: Millis,
    /// Red with yellow before green, where the profile has it; zero elsewhere.
    pub red_yellow: Millis,
}

impl SignalGroup {
    /// From the end of green (walk) until red shows: yellow, or the pedestrian clearance.
    #[must_use]
    pub fn ending(&self) -> Millis {
        self.yellow.max(self.clearance)
    }
}

/// A set of signal groups of one controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct GroupSet(pub u64);

impl GroupSet {
    /// No group.
    pub const EMPTY: Self = Self(0);

    /// Just this group; empty when the group is beyond the limit.
    #[must_use]
    pub const fn of(group: GroupId) -> Self {
        Self(if group.index() < GROUPS_MAX { 1 << group.0 } else { 0 })
    }

    /// Whether the group is in the set.
    #[must_use]
    pub const fn contains(self, group: GroupId) -> bool {
        self.0 & Self::of(group).0 != 0
    }

    /// With this group.
    #[must_use]
    pub const fn with(self, group: GroupId) -> Self {
        Self(self.0 | Self::of(group).0)
    }

    /// Without this group.
    #[must_use]
    pub const fn without(self, group: GroupId) -> Self {
        Self(self.0 & !Self::of(group).0)
    }

    /// Groups in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Groups in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Groups here and not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every group here is in `other` too.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether no group is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many groups are in the set.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The groups, lowest first.
    pub fn iter(self) -> impl Iterator<Item = GroupId> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            #[allow(clippy::cast_possible_truncation)]
            let lowest = rest.trailing_zeros() as u8;
            rest &= rest - 1;
            Some(GroupId(lowest))
        })
    }
}

impl FromIterator<GroupId> for GroupSet {
    fn from_iter<I: IntoIterator<Item = GroupId>>(groups: I) -> Self {
        groups.into_iter().fold(Self::EMPTY, Self::with)
    }
}
