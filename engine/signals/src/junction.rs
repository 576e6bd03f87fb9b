//! What one controller's junction is: groups, their relations, and the rows that may be asked.

use crate::capability::Capabilities;
use crate::group::{GroupSet, SignalGroup};
use crate::ids::{ControllerId, GroupId, RowId};
use crate::units::Millis;

/// How two signal groups stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// They may be green together.
    Compatible,
    /// They may be green together; one gives way (permitted turn, parallel pedestrians).
    Permitted,
    /// Never green together. The intergreen counts from the end of green (walk) of the group
    /// that ends to the start of green of the group that starts, so it holds the yellow or the
    /// pedestrian clearance of the ending group.
    Conflict(Millis),
}

/// Who a request row belongs to, by purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum RowKind {
    /// A level crossing: always above ours.
    Rail,
    /// Emergency vehicles.
    Emergency,
    /// Trams and buses.
    Transit,
}

/// Whether we may write a row at all (invariant S14).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Owner {
    /// Bound to us.
    Ours,
    /// Somebody else's: read, never written.
    Other,
}

/// By which of the controller's means a row is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Channel {
    /// A preemption: the controller leaves its plan.
    Preempt,
    /// A priority request: the controller stays in its plan and chooses extension, early green…
    Priority,
}

/// A request row: one preempt number, priority strategy or bit of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestRow {
    /// The number on the wire (preempt number, bit, strategy), from 1. Lower wins (NTCIP).
    pub number: u8,
    /// Its purpose.
    pub kind: RowKind,
    /// Whether it is ours to write.
    pub owner: Owner,
    /// By which means it is asked.
    pub channel: Channel,
    /// Groups that the controller shows green while it dwells.
    pub dwell: GroupSet,
    /// From the call to the start of entry.
    pub delay: Millis,
    /// The call counts at least this long once it started (NTCIP preemptMinimumDuration).
    pub min_duration: Millis,
    /// Dwell lasts at least this long (NTCIP preemptDwellGreen).
    pub min_dwell: Millis,
    /// A call older than this is invalid until it goes off (NTCIP preemptMaximumPresence).
    pub max_presence: Millis,
}

/// One junction as the checker sees it: borrowed, flat, complete.
#[derive(Clone, Copy, Debug)]
pub struct Junction<'a> {
    /// Whose junction it is.
    pub id: ControllerId,
    /// The signal groups, by `GroupId`.
    pub groups: &'a [SignalGroup],
    /// Relations, row by row: `relations[from * groups.len() + to]`, ending group to starting.
    pub relations: &'a [Relation],
    /// The request rows, by `RowId`.
    pub rows: &'a [RequestRow],
    /// What the binding can carry.
    pub capabilities: Capabilities,
}

impl Junction<'_> {
    /// How `ending` stands to `starting`; unknown groups conflict for ever.
    #[must_use]
    pub fn relation(&self, ending: GroupId, starting: GroupId) -> Relation {
        let n = self.groups.len();
        if ending.index() >= n || starting.index() >= n {
            return Relation::Conflict(Millis::NEVER);
        }
        self.relations
            .get(ending.index() * n + starting.index())
            .copied()
            .unwrap_or(Relation::Conflict(Millis::NEVER))
    }

    /// Whether the two groups may never be green together, in either order.
    #[must_use]
    pub fn conflicts(&self, a: GroupId, b: GroupId) -> bool {
        a != b
            && (matches!(self.relation(a, b), Relation::Conflict(_))
                || matches!(self.relation(b, a), Relation::Conflict(_)))
    }

    /// The row, if the controller has it.
    #[must_use]
    pub fn row(&self, row: RowId) -> Option<&RequestRow> {
        self.rows.get(row.index())
    }
}

impl Junction<'_> {
    /// A fingerprint of the configuration (FNV-1a, 32 bit) that the controller must repeat
    /// before it is armed: groups, relations, rows.
    #[must_use]
    pub fn configuration_hash(&self) -> u32 {
        let mut hash = Fnv::new();
        for group in self.groups {
            hash.add(group.kind as i64);
            hash.add(group.min_green.0);
            hash.add(group.yellow.0);
            hash.add(group.clearance.0);
        }
        for relation in self.relations {
            hash.add(match relation {
                Relation::Compatible => -1,
                Relation::Permitted => -2,
                Relation::Conflict(intergreen) => intergreen.0,
            });
        }
        for row in self.rows {
            hash.add(i64::from(row.number));
            hash.add(row.kind as i64);
            hash.add(row.dwell.0.cast_signed());
            hash.add(row.max_presence.0);
        }
        hash.0
    }
}

struct Fnv(u32);

impl Fnv {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn add(&mut self, value: i64) {
        for byte in value.to_be_bytes() {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
}
