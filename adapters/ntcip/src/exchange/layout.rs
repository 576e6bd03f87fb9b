//! Which instances each ask reads, in order: computed once for each site.

use std::collections::BTreeSet;

use clearway_contract::{Ask, Site};
use clearway_signals::{Channel, GroupSet, RequestRow, RowId};

use super::preempts;
use crate::codec::{eight_of, lamps};
use crate::frame::{self, Name, Object};
use crate::outputs::Outputs;
use crate::profile::{Profile, Version};

/// Columns of the phase table that the gate reads.
pub(super) const PHASE_COLUMNS: [Object; 5] = [
    frame::PHASE_WALK,
    frame::PHASE_PED_CLEAR,
    frame::PHASE_MIN_GREEN,
    frame::PHASE_YELLOW,
    frame::PHASE_RED,
];

/// Columns of the preempt table that the gate reads of own rows: what is configured.
pub(super) const ROW_COLUMNS: [Object; 19] = [
    frame::PREEMPT_LINK,
    frame::PREEMPT_DELAY,
    frame::PREEMPT_MIN_DURATION,
    frame::PREEMPT_MIN_GREEN,
    frame::PREEMPT_MIN_WALK,
    frame::PREEMPT_PED_CLEAR,
    frame::PREEMPT_DWELL_GREEN,
    frame::PREEMPT_MAX_PRESENCE,
    frame::PREEMPT_TRACK_PHASE,
    frame::PREEMPT_DWELL_PHASE,
    frame::PREEMPT_DWELL_PED,
    frame::PREEMPT_EXIT_PHASE,
    frame::PREEMPT_TRACK_OVERLAP,
    frame::PREEMPT_DWELL_OVERLAP,
    frame::PREEMPT_CYCLING_PHASE,
    frame::PREEMPT_CYCLING_PED,
    frame::PREEMPT_CYCLING_OVERLAP,
    frame::PREEMPT_YELLOW,
    frame::PREEMPT_RED,
];

/// The phases whose times the gate reads: those of the groups, and those that the profile names.
pub(super) fn phases(profile: &Profile, outputs: &Outputs) -> BTreeSet<u8> {
    outputs.phases.iter().chain(&profile.phases).copied().filter(|number| *number > 0).collect()
}

/// What an object of the status reading tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// Who steers the unit.
    Control,
    /// Whether it flashes.
    Flash,
    /// Since when it runs.
    Uptime,
    /// Groups in a light, by bit.
    Lamps(Light, [GroupSet; 8]),
    /// The state of a preempt row, with its number.
    State(RowId, u8),
    /// The remote call of an own preempt row.
    Call(RowId),
}

/// What groups show.
#[derive(Clone, Copy, Debug)]
pub(super) enum Light {
    /// Green, or walk.
    Green,
    /// Yellow.
    Yellow,
    /// Pedestrian clearance.
    Clearing,
}

/// The names of each ask.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    gate: Vec<Name>,
    /// Names at the head of the gate's that say what the device is.
    identity: usize,
    status: Vec<Name>,
    /// What the names of the status reading tell, in the same order.
    slots: Vec<Slot>,
    counts: Vec<Name>,
}

impl Layout {
    pub(super) fn new(site: &Site, profile: &Profile, outputs: &Outputs) -> Self {
        let reader = Reader { site, profile, outputs };
        let (slots, status) = reader.status().into_iter().unzip();
        let identity = reader.identity();
        let (count, gate) = (identity.len(), [identity, reader.gate()].concat());
        Self { gate, identity: count, status, slots, counts: reader.counts() }
    }

    /// What each object of the status reading tells, in the order of its names.
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What tells one device from another, in the reading of the gate.
    pub(super) fn identity(&self) -> impl Iterator<Item = Name> {
        self.gate.iter().copied().take(self.identity)
    }

    pub(super) fn names(&self, ask: &Ask) -> &[Name] {
        match ask {
            Ask::Gate => &self.gate,
            Ask::Status => &self.status,
            Ask::Counts => &self.counts,
            Ask::Connect | Ask::Write(_) => &[],
        }
    }
}

struct Reader<'a> {
    site: &'a Site,
    profile: &'a Profile,
    outputs: &'a Outputs,
}

impl Reader<'_> {
    fn status(&self) -> Vec<(Slot, Name)> {
        let mut list = Vec::new();
        let scalars = [
            (frame::CONTROL_STATUS, Slot::Control),
            (frame::FLASH_STATUS, Slot::Flash),
            (frame::UPTIME, Slot::Uptime),
        ];
        let present = scalars.iter().filter(|(object, _)| self.profile.has(object));
        list.extend(present.map(|(object, slot)| (*slot, self.profile.scalar(object))));
        let mut row = |object: &Object, number: u8, slot: Slot| {
            // What no group stands behind is not asked for.
            let is_dark = matches!(slot, Slot::Lamps(_, lamps) if lamps == [GroupSet::EMPTY; 8]);
            if self.profile.has(object) && !is_dark {
                list.push((slot, object.of(number)));
            }
        };
        let Outputs { phases, overlaps, channels, .. } = self.outputs;
        for eight in self.eights(phases) {
            let (driving, walking) = (self.outputs.driving(eight), self.outputs.walking(eight));
            row(&frame::GREENS, eight, Slot::Lamps(Light::Green, driving));
            row(&frame::YELLOWS, eight, Slot::Lamps(Light::Yellow, driving));
            row(&frame::WALKS, eight, Slot::Lamps(Light::Green, walking));
            row(&frame::PED_CLEARS, eight, Slot::Lamps(Light::Clearing, walking));
        }
        for eight in self.eights(overlaps) {
            row(&frame::OVERLAP_GREENS, eight, Slot::Lamps(Light::Green, lamps(overlaps, eight)));
            row(&frame::OVERLAP_YELLOWS, eight, Slot::Lamps(Light::Yellow, lamps(overlaps, eight)));
        }
        for eight in self.eights(channels) {
            row(&frame::CHANNEL_GREENS, eight, Slot::Lamps(Light::Green, lamps(channels, eight)));
            row(&frame::CHANNEL_YELLOWS, eight, Slot::Lamps(Light::Yellow, lamps(channels, eight)));
        }
        let own = self.site.own_rows();
        for (id, RequestRow { number, .. }) in preempts(self.site) {
            row(&frame::PREEMPT_STATE, *number, Slot::State(id, *number));
            if own.contains(id) {
                row(&frame::PREEMPT_CALL, *number, Slot::Call(id));
            }
        }
        list
    }

    /// The groups of eight that the numbers stand in, as far as the controller serves them.
    fn eights(&self, numbers: &[u8]) -> impl Iterator<Item = u8> + use<> {
        let eights: BTreeSet<u8> = numbers.iter().filter(|n| **n > 0).map(|n| eight_of(*n)).collect();
        let last = self.profile.status_groups_max;
        eights.into_iter().filter(move |eight| *eight <= last)
    }

    fn counts(&self) -> Vec<Name> {
        let mut list = List::new(self.profile);
        if !self.site.detectors.is_empty() {
            list.scalars(&[frame::VOLUME_SEQUENCE]);
            self.eights(&self.site.detectors).for_each(|eight| list.row(&frame::DETECTORS_ACTIVE, eight));
            for object in [frame::VOLUME, frame::OCCUPANCY] {
                self.site.detectors.iter().for_each(|number| list.row(&object, *number));
            }
        }
        list.scalars(&[
            frame::PATTERN,
            frame::FREE,
            frame::CYCLE_LEFT,
            frame::CYCLE_POSITION,
            frame::GLOBAL_TIME,
        ]);
        list.names
    }

    fn identity(&self) -> Vec<Name> {
        let mut list = List::new(self.profile);
        for object in [frame::MODULE_MAKE, frame::MODULE_MODEL, frame::MODULE_VERSION] {
            list.row(&object, self.profile.module_row);
        }
        list.names
    }

    fn gate(&self) -> Vec<Name> {
        let mut list = List::new(self.profile);
        list.scalars(&[frame::BACKUP_TIME, frame::CONTROL_STATUS, frame::FLASH_STATUS, frame::MAX_PREEMPTS]);
        if self.profile.version == Version::V03 {
            list.scalars(&[frame::UNIT_CONTROL, frame::USER_BACKUP_TIME, frame::WATCHED_MAX]);
        }
        for number in phases(self.profile, self.outputs) {
            PHASE_COLUMNS.iter().for_each(|column| list.row(column, number));
        }
        for (id, row) in preempts(self.site) {
            list.row(&frame::PREEMPT_CONTROL, row.number);
            list.row(&frame::PREEMPT_STATE, row.number);
            if self.site.own_rows().contains(id) {
                ROW_COLUMNS.iter().for_each(|column| list.row(column, row.number));
                self.exit_columns().for_each(|column| list.row(column, row.number));
                list.row(&frame::PREEMPT_CALL, row.number);
            }
        }
        let own = self.site.own_rows();
        let row = |id: clearway_signals::RowId| self.site.rows.get(id.index());
        if own.iter().filter_map(row).any(|row| row.channel == Channel::Priority) {
            list.scalars(&[frame::PRIORITY_STATUS_BUFFER]);
            if self.profile.priority.absolute {
                list.scalars(&[frame::GLOBAL_TIME]);
            }
        }
        list.names
    }

    /// The columns that may hold the exit type.
    fn exit_columns(&self) -> impl Iterator<Item = &'static Object> {
        let said = self.profile.exit_type_column;
        let has_exit = self.profile.version == Version::V03 || said.is_some();
        [(27, &frame::PREEMPT_EXIT_TYPE_27), (28, &frame::PREEMPT_EXIT_TYPE_28)]
            .into_iter()
            .filter(move |(column, _)| has_exit && said.is_none_or(|said| said == *column))
            .map(|(_, object)| object)
    }
}

/// Names of objects that the profile does not exclude.
struct List<'a> {
    profile: &'a Profile,
    names: Vec<Name>,
}

impl<'a> List<'a> {
    fn new(profile: &'a Profile) -> Self {
        Self { profile, names: Vec::new() }
    }

    fn scalars(&mut self, objects: &[Object]) {
        let present = objects.iter().filter(|object| self.profile.has(object));
        self.names.extend(present.map(|object| self.profile.scalar(object)));
    }

    fn row(&mut self, object: &Object, number: u8) {
        if self.profile.has(object) {
            self.names.push(object.of(number));
        }
    }
}
