//! What an adapter must know of its controller before it may speak to it.

use clearway_signals::{
    Capabilities, Channel, ControllerId, Junction, Millis, Owner, Relation, RequestRow, RowId, RowSet,
    SignalGroup,
};

use crate::port::Protocol;

/// One controller as the model and the configuration describe it: the truth that the arming gate
/// holds the real device against.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// Its index in the network.
    pub controller: ControllerId,
    /// The model's id, for logs and people.
    pub name: String,
    /// How to speak to it.
    pub protocol: Protocol,
    /// `host:port`.
    pub address: String,
    /// The groups, by `GroupId`.
    pub groups: Vec<SignalGroup>,
    /// Index of each group at the controller (phase number, bit), from 1.
    pub group_numbers: Vec<u8>,
    /// Relations, row by row, ending group to starting group.
    pub relations: Vec<Relation>,
    /// The request rows, by `RowId`.
    pub rows: Vec<RequestRow>,
    /// What the binding can carry.
    pub capabilities: Capabilities,
    /// Detectors of the model: numbers at the controller, from 1.
    pub detectors: Vec<u8>,
    /// The longest dead-man time that is accepted here.
    pub backup_time_max: Millis,
}

impl Site {
    /// The junction as the checker sees it.
    #[must_use]
    pub fn junction(&self) -> Junction<'_> {
        Junction {
            id: self.controller,
            groups: &self.groups,
            relations: &self.relations,
            rows: &self.rows,
            capabilities: self.capabilities,
        }
    }

    /// The rows that we may write: ours by the model, on a channel that the binding carries.
    #[must_use]
    pub fn own_rows(&self) -> RowSet {
        let numbered = (0..=u8::MAX).map(RowId).zip(&self.rows);
        numbered
            .filter(|(_, row)| row.owner == Owner::Ours && self.carries(row.channel))
            .fold(RowSet::EMPTY, |set, (id, _)| set.with(id))
    }

    fn carries(&self, channel: Channel) -> bool {
        self.capabilities.allows(match channel {
            Channel::Preempt => Capabilities::PREEMPT,
            Channel::Priority => Capabilities::PRIORITY,
        })
    }
}
