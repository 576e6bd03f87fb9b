//! Where a controller shows each signal group: a phase, an overlap, a channel.

use clearway_contract::Site;
use clearway_signals::{GroupKind, GroupSet};

use crate::codec;

/// Where one group is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// A phase, by its number from 1. Pedestrian groups show in its walk and clearance.
    Phase(u8),
    /// An overlap, by its number from 1.
    Overlap(u8),
    /// A channel (load switch), by its number from 1.
    Channel(u8),
}

/// Numbers of the groups, by `GroupId`, each kind by itself; zero where a group is of another kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) phases: Vec<u8>,
    pub(crate) overlaps: Vec<u8>,
    pub(crate) channels: Vec<u8>,
    walkers: GroupSet,
}

impl Outputs {
    /// Of a site whose groups are phases, but for those in `bound`, by `GroupId`.
    pub(crate) fn new(site: &Site, bound: &[Output]) -> Self {
        let mut outputs = Self::default();
        for (index, number) in site.group_numbers.iter().enumerate() {
            let output = bound.get(index).copied().unwrap_or(Output::Phase(*number));
            let of = |wanted: Option<u8>| wanted.unwrap_or(0);
            let (phase, overlap, channel) = match output {
                Output::Phase(n) => (Some(n), None, None),
                Output::Overlap(n) => (None, Some(n), None),
                Output::Channel(n) => (None, None, Some(n)),
            };
            outputs.phases.push(of(phase));
            outputs.overlaps.push(of(overlap));
            outputs.channels.push(of(channel));
        }
        let kinds = site.groups.iter().map(|group| group.kind);
        outputs.walkers = (0..=u8::MAX)
            .map(clearway_signals::GroupId)
            .zip(kinds)
            .filter(|(_, kind)| *kind == GroupKind::Pedestrian)
            .map(|(id, _)| id)
            .collect();
        outputs
    }

    /// Vehicle groups among the phases of a group of eight, by bit.
    pub(crate) fn driving(&self, eight: u8) -> [GroupSet; 8] {
        codec::lamps(&self.phases, eight).map(|groups| groups.difference(self.walkers))
    }

    /// Pedestrian groups among the phases of a group of eight, by bit.
    pub(crate) fn walking(&self, eight: u8) -> [GroupSet; 8] {
        codec::lamps(&self.phases, eight).map(|groups| groups.intersection(self.walkers))
    }
}

#[cfg(test)]
mod tests {
    use clearway_contract::Protocol;
    use clearway_contract::kit::site;

    use super::*;

    #[test]
    fn a_vehicle_group_and_its_pedestrians_may_share_a_phase() {
        // Group 2 of the kit's site is the pedestrians'.
        let bound = [Output::Phase(2), Output::Overlap(1), Output::Phase(2)];
        let outputs = Outputs::new(&site(Protocol::Ntcip), &bound);
        assert_eq!(outputs.driving(1)[1], GroupSet(0b001));
        assert_eq!(outputs.walking(1)[1], GroupSet(0b100));
        assert_eq!(codec::lamps(&outputs.overlaps, 1)[0], GroupSet(0b010));
    }
}
