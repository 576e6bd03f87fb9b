//! Identifiers: small integers inside, names only at the edges.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $raw);

        impl $name {
            /// The identifier as an index.
            #[must_use]
            #[allow(clippy::cast_possible_truncation)]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(
    /// A signal controller: its index in the network.
    ControllerId(u16)
);
id!(
    /// A signal group: its index in its controller, from 0.
    GroupId(u8)
);
id!(
    /// A request row: its index in its controller, from 0. Not the number on the wire.
    RowId(u8)
);
id!(
    /// A vehicle: its index in the vehicle registry.
    VehicleId(u32)
);
id!(
    /// A mission: who drives where, on which duty.
    MissionId(u32)
);
id!(
    /// One request of one vehicle to one controller, from its first assertion to its release.
    RequestId(u32)
);
id!(
    /// The engine's lease on the city: grows at each change of the active engine.
    Epoch(u64)
);

/// A set of request rows of one controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct RowSet(pub u32);

impl RowSet {
    /// No row.
    pub const EMPTY: Self = Self(0);

    /// Just this row; empty when the row is beyond the limit.
    #[must_use]
    pub const fn of(row: RowId) -> Self {
        Self(if row.0 < 32 { 1 << row.0 } else { 0 })
    }

    /// Whether the row is in the set.
    #[must_use]
    pub const fn contains(self, row: RowId) -> bool {
        self.0 & Self::of(row).0 != 0
    }

    /// With this row.
    #[must_use]
    pub const fn with(self, row: RowId) -> Self {
        Self(self.0 | Self::of(row).0)
    }

    /// Whether no row is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rows, lowest first.
    pub fn iter(self) -> impl Iterator<Item = RowId> {
        (0..32).map(RowId).filter(move |row| self.contains(*row))
    }
}
