//! Seeded faults of the sequencer: the proof must find each of them. Compiled for tests only.

/// The rules that a sequencer follows: the right ones, and in tests perhaps all but one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    #[cfg(test)]
    pub(crate) mutation: Option<Mutation>,
}

/// Outside the tests no fault is in force.
#[cfg(not(test))]
pub(crate) const fn without_faults(_: &Rules) -> bool {
    false
}

/// Whether a seeded fault is in force; never outside the tests of this crate.
macro_rules! mutated {
    ($rules:expr, $name:ident) => {{
        #[cfg(test)]
        let in_force = $rules.mutation == Some($crate::sequencer::mutation::Mutation::$name);
        #[cfg(not(test))]
        let in_force = $crate::sequencer::mutation::without_faults(&$rules);
        in_force
    }};
}
pub(crate) use mutated;

#[cfg(test)]
macro_rules! mutations {
    ($($name:ident),* $(,)?) => {
        /// One seeded fault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Mutation { $($name),* }

        impl Mutation {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

#[cfg(test)]
mutations! {
    // The interlock.
    YellowSkipped, YellowShort, ClearanceSkipped, ClearanceShort, ClearanceShownAsYellow,
    MinGreenSkipped, MinGreenShort, MinWalkSkipped, MinGreenCountsRedYellow,
    ConflictsIgnored, ConflictWithRedYellowIgnored, ConflictWithEndingIgnored,
    IntergreenSkipped, IntergreenShort, IntergreenTransposed, IntergreenFromRed,
    RedYellowSkipped, RedYellowLong, RedMinSkipped,
    CrossingsUnchecked, TramsUnchecked, FirstGroupUnchecked, LastGroupUnchecked,
    EndedForgottenAtRed, GreenAgainFromYellow, YellowNeverEnds,
    // Preemption.
    EntryCutsYellow, EntryCutsMinGreen, EntryCutsWalk, EntryCutsClearance, EntrySkipsIntergreen,
    EntryForcesGreen, EntryForgetsGroup, EntryKeepsGreens,
    LowerOverridesHigher, HigherDoesNotOverride, RailRanksLast,
    MinDwellSkipped, MinDurationSkipped, PresenceIgnored,
    // The plan.
    StageNeverEnds, StageSkipped, ExtensionWithoutEnd, ExtensionRepeats, SkipRepeats,
    StartupShort, StartupSkipped,
    // The calls of the rows.
    LeaseWithoutEnd, LeaseLong, ReleaseIgnored, ReleaseDropsPhysical, PresenceNotCounted,
    PresenceRestartsAtRefresh, SpentForgotten, LockoutSkipped, DelaySkipped, CallLocks,
    DeadManIgnored, RestartKeepsCalls,
}
