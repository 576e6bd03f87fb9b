//! What an adapter must know of its controller before it may speak to it.

use clearway_signals::{Capabilities, ControllerId, Junction, Millis, Relation, RequestRow, SignalGroup};

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
}
