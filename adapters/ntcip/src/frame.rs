//! The objects that are read and the few that are written, as data: one table feeds the exchange,
//! the conformance document and the tests. Numbers are facts of NTCIP 1202, 1201, 1211 and MIB-II.

use core::fmt;

/// Arcs of the longest name that any object of ours has, and some room.
const ARCS_MAX: usize = 20;

/// The name of an instance: its arcs, inline, so that a poll of a hundred names allocates none.
#[derive(Clone, Copy)]
pub struct Name {
    arcs: [u32; ARCS_MAX],
    len: u8,
}

impl Name {
    /// From arcs; `None` when there are more than any object of ours has.
    #[must_use]
    pub fn new(arcs: &[u32]) -> Option<Self> {
        let len = u8::try_from(arcs.len()).ok()?;
        let mut name = Self { arcs: [0; ARCS_MAX], len };
        name.arcs.get_mut(..arcs.len())?.copy_from_slice(arcs);
        Some(name)
    }

    /// The arcs.
    #[must_use]
    pub fn arcs(&self) -> &[u32] {
        &self.arcs[..usize::from(self.len).min(ARCS_MAX)]
    }

    /// With these arcs behind it; what is past the room is cut off, which no object of ours reaches.
    fn join(parts: [&[u32]; 3]) -> Self {
        let (mut arcs, mut end) = ([0; ARCS_MAX], 0);
        for part in parts {
            let room = &mut arcs[end..];
            let taken = part.len().min(room.len());
            room[..taken].copy_from_slice(&part[..taken]);
            end += taken;
        }
        Self { arcs, len: u8::try_from(end).unwrap_or(0) }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.arcs() == other.arcs()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.arcs().cmp(other.arcs())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arc) in self.arcs().iter().enumerate() {
            write!(f, "{}{arc}", if n == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

/// A value as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// INTEGER, counters, gauges, ticks.
    Integer(i64),
    /// OCTET STRING.
    Octets(Vec<u8>),
    /// OBJECT IDENTIFIER.
    Name(Box<Name>),
    /// Something that none of our objects is.
    Other,
}

/// A value to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Data {
    /// INTEGER.
    Integer(i32),
    /// OCTET STRING.
    Octets(Vec<u8>),
}

/// What the last arcs of an instance mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instance {
    /// One instance.
    Scalar,
    /// The number of a row: preempt, phase, detector, module.
    Row,
    /// The number of a group of eight: bit 0 is number 8(G−1)+1.
    Eight,
}

/// Who may do what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// We read it.
    Read,
    /// We read and write it.
    ReadWrite,
    /// We write it and never read it.
    Write,
}

/// One object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object {
    /// The standard's name.
    pub name: &'static str,
    root: &'static [u32],
    below: &'static [u32],
    /// What stands behind it in a name.
    pub instance: Instance,
    /// What we do with it.
    pub access: Access,
    /// The lowest and highest value, of numbers; the lengths, of octet strings.
    pub range: (i64, i64),
}

impl Object {
    /// The name of an instance.
    #[must_use]
    pub fn at(&self, instance: &[u32]) -> Name {
        Name::join([self.root, self.below, instance])
    }

    /// The name of a row or of a group of eight.
    #[must_use]
    pub fn of(&self, number: u8) -> Name {
        self.at(&[number.into()])
    }
}

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];
const DEVICES: &[u32] = &[1, 3, 6, 1, 4, 1, 1206, 4, 2];
/// NTCIP 1211, the priority request generator's side.
const PRIORITY: &[u32] = &[1, 3, 6, 1, 4, 1, 1206, 4, 2, 11, 2];

macro_rules! objects {
    ($($(#[$doc:meta])* $id:ident = $name:literal $root:ident [$($arc:literal),+] $instance:ident $access:ident $low:literal..$high:literal;)+) => {
        $(
            $(#[$doc])*
            pub const $id: Object = Object {
                name: $name,
                root: $root,
                below: &[$($arc),+],
                instance: Instance::$instance,
                access: Access::$access,
                range: ($low, $high),
            };
        )+

        /// Every object that this adapter knows.
        pub const OBJECTS: &[Object] = &[$($id),+];
    };
}

objects! {
    /// Hundredths of seconds since the start.
    UPTIME = "sysUpTime" SYSTEM [3] Scalar Read 0..4_294_967_295;
    /// Maker of a module.
    MODULE_MAKE = "globalModuleTable.moduleMake" DEVICES [6, 1, 3, 1, 3] Row Read 0..255;
    /// Model of a module.
    MODULE_MODEL = "globalModuleTable.moduleModel" DEVICES [6, 1, 3, 1, 4] Row Read 0..255;
    /// Version of a module; it names the configuration.
    MODULE_VERSION = "globalModuleTable.moduleVersion" DEVICES [6, 1, 3, 1, 5] Row Read 0..255;
    /// The dead-man timer of the unit, seconds; 0: off.
    BACKUP_TIME = "unitBackupTime" DEVICES [1, 3, 3] Scalar Read 0..65_535;
    /// Who steers the unit.
    CONTROL_STATUS = "unitControlStatus" DEVICES [1, 3, 5] Scalar Read 1..10;
    /// Whether and why it flashes.
    FLASH_STATUS = "unitFlashStatus" DEVICES [1, 3, 6] Scalar Read 1..8;
    /// Bit 1: remote commands are off.
    UNIT_CONTROL = "unitControl" DEVICES [1, 3, 10] Scalar Read 0..255;
    /// Replaces the backup time when it is not 0, seconds.
    USER_BACKUP_TIME = "unitUserDefinedBackupTime" DEVICES [1, 3, 19] Scalar Read 0..16_777_216;
    /// Rows of the list of what resets the user-defined backup timer.
    WATCHED_MAX = "maxUserDefinedBackupTimeContent" DEVICES [1, 3, 20] Scalar Read 0..255;
    /// An object that resets the user-defined backup timer: its arcs.
    WATCHED = "unitUserDefinedBackupTimeContentOID" DEVICES [1, 3, 21, 1, 2] Row Read 0..20;
    /// Seconds since 1970, UTC (NTCIP 1201).
    GLOBAL_TIME = "globalTime" DEVICES [6, 3, 1] Scalar Read 0..4_294_967_295;
    /// The pattern that runs: 1 to 253, 254 free, 255 flash.
    PATTERN = "coordPatternStatus" DEVICES [1, 4, 10] Scalar Read 0..255;
    /// Whether the unit runs free, and why.
    FREE = "localFreeStatus" DEVICES [1, 4, 11] Scalar Read 1..11;
    /// Seconds to the end of the cycle.
    CYCLE_LEFT = "coordCycleStatus" DEVICES [1, 4, 12] Scalar Read 0..510;
    /// Seconds since the start of the cycle.
    CYCLE_POSITION = "coordSyncStatus" DEVICES [1, 4, 13] Scalar Read 0..510;
    /// Walk, seconds.
    PHASE_WALK = "phaseTable.phaseWalk" DEVICES [1, 1, 2, 1, 2] Row Read 0..255;
    /// Pedestrian clearance, seconds.
    PHASE_PED_CLEAR = "phaseTable.phasePedestrianClear" DEVICES [1, 1, 2, 1, 3] Row Read 0..255;
    /// Minimum green, seconds.
    PHASE_MIN_GREEN = "phaseTable.phaseMinimumGreen" DEVICES [1, 1, 2, 1, 4] Row Read 0..255;
    /// Yellow, 0.1 s.
    PHASE_YELLOW = "phaseTable.phaseYellowChange" DEVICES [1, 1, 2, 1, 8] Row Read 0..255;
    /// Red clearance, 0.1 s.
    PHASE_RED = "phaseTable.phaseRedClear" DEVICES [1, 1, 2, 1, 9] Row Read 0..255;
    /// Phases in yellow.
    YELLOWS = "phaseStatusGroupYellows" DEVICES [1, 1, 4, 1, 3] Eight Read 0..255;
    /// Phases in green.
    GREENS = "phaseStatusGroupGreens" DEVICES [1, 1, 4, 1, 4] Eight Read 0..255;
    /// Phases in pedestrian clearance.
    PED_CLEARS = "phaseStatusGroupPedClears" DEVICES [1, 1, 4, 1, 6] Eight Read 0..255;
    /// Phases in walk.
    WALKS = "phaseStatusGroupWalks" DEVICES [1, 1, 4, 1, 7] Eight Read 0..255;
    /// Channels in yellow.
    CHANNEL_YELLOWS = "channelStatusGroupYellows" DEVICES [1, 8, 4, 1, 3] Eight Read 0..255;
    /// Channels in green.
    CHANNEL_GREENS = "channelStatusGroupGreens" DEVICES [1, 8, 4, 1, 4] Eight Read 0..255;
    /// Overlaps in yellow.
    OVERLAP_YELLOWS = "overlapStatusGroupYellows" DEVICES [1, 9, 4, 1, 3] Eight Read 0..255;
    /// Overlaps in green.
    OVERLAP_GREENS = "overlapStatusGroupGreens" DEVICES [1, 9, 4, 1, 4] Eight Read 0..255;
    /// Detectors that are occupied.
    DETECTORS_ACTIVE = "vehicleDetectorStatusGroupActive" DEVICES [1, 2, 4, 1, 2] Eight Read 0..255;
    /// Grows with each period of counting.
    VOLUME_SEQUENCE = "volumeOccupancySequence" DEVICES [1, 2, 5, 1] Scalar Read 0..255;
    /// Vehicles of the last period.
    VOLUME = "detectorVolume" DEVICES [1, 2, 5, 4, 1, 1] Row Read 0..255;
    /// Share of the last period in which the detector was occupied, half per cents up to 200; above
    /// 209 the fault that it has.
    OCCUPANCY = "detectorOccupancy" DEVICES [1, 2, 5, 4, 1, 2] Row Read 0..255;
    /// Rows of the preempt tables.
    MAX_PREEMPTS = "maxPreempts" DEVICES [1, 6, 1] Scalar Read 1..255;
    /// Bits: 0 non-locking, 2 does not override the next number, 3 flash dwell, 4 enabled (v03).
    PREEMPT_CONTROL = "preemptControl" DEVICES [1, 6, 2, 1, 2] Row Read 0..255;
    /// The row that follows.
    PREEMPT_LINK = "preemptLink" DEVICES [1, 6, 2, 1, 3] Row Read 0..255;
    /// From the call to entry, seconds.
    PREEMPT_DELAY = "preemptDelay" DEVICES [1, 6, 2, 1, 4] Row Read 0..65_535;
    /// Seconds.
    PREEMPT_MIN_DURATION = "preemptMinimumDuration" DEVICES [1, 6, 2, 1, 5] Row Read 0..65_535;
    /// Minimum green in entry, seconds.
    PREEMPT_MIN_GREEN = "preemptMinimumGreen" DEVICES [1, 6, 2, 1, 6] Row Read 0..255;
    /// Minimum walk in entry, seconds.
    PREEMPT_MIN_WALK = "preemptMinimumWalk" DEVICES [1, 6, 2, 1, 7] Row Read 0..255;
    /// Pedestrian clearance in entry, seconds.
    PREEMPT_PED_CLEAR = "preemptEnterPedClear" DEVICES [1, 6, 2, 1, 8] Row Read 0..255;
    /// Minimum dwell, seconds.
    PREEMPT_DWELL_GREEN = "preemptDwellGreen" DEVICES [1, 6, 2, 1, 10] Row Read 0..255;
    /// A call older than this is invalid, seconds; 0: no limit.
    PREEMPT_MAX_PRESENCE = "preemptMaximumPresence" DEVICES [1, 6, 2, 1, 11] Row Read 0..65_535;
    /// Phases of track clearance, one octet each.
    PREEMPT_TRACK_PHASE = "preemptTrackPhase" DEVICES [1, 6, 2, 1, 12] Row Read 0..255;
    /// Phases that are green in dwell, one octet each.
    PREEMPT_DWELL_PHASE = "preemptDwellPhase" DEVICES [1, 6, 2, 1, 13] Row Read 0..255;
    /// Phases that walk in dwell, one octet each.
    PREEMPT_DWELL_PED = "preemptDwellPed" DEVICES [1, 6, 2, 1, 14] Row Read 0..255;
    /// Phases that are served first after it, one octet each.
    PREEMPT_EXIT_PHASE = "preemptExitPhase" DEVICES [1, 6, 2, 1, 15] Row Read 0..255;
    /// State of the row, 1 to 10.
    PREEMPT_STATE = "preemptState" DEVICES [1, 6, 2, 1, 16] Row Read 1..10;
    /// Overlaps of track clearance, one octet each.
    PREEMPT_TRACK_OVERLAP = "preemptTrackOverlap" DEVICES [1, 6, 2, 1, 17] Row Read 0..255;
    /// Overlaps that are green in dwell, one octet each.
    PREEMPT_DWELL_OVERLAP = "preemptDwellOverlap" DEVICES [1, 6, 2, 1, 18] Row Read 0..255;
    /// Phases that take turns in dwell, one octet each.
    PREEMPT_CYCLING_PHASE = "preemptCyclingPhase" DEVICES [1, 6, 2, 1, 19] Row Read 0..255;
    /// Phases that walk by turns in dwell, one octet each.
    PREEMPT_CYCLING_PED = "preemptCyclingPed" DEVICES [1, 6, 2, 1, 20] Row Read 0..255;
    /// Overlaps that take turns in dwell, one octet each.
    PREEMPT_CYCLING_OVERLAP = "preemptCyclingOverlap" DEVICES [1, 6, 2, 1, 21] Row Read 0..255;
    /// Yellow in entry, 0.1 s.
    PREEMPT_YELLOW = "preemptEnterYellowChange" DEVICES [1, 6, 2, 1, 22] Row Read 0..255;
    /// Red clearance in entry, 0.1 s.
    PREEMPT_RED = "preemptEnterRedClear" DEVICES [1, 6, 2, 1, 23] Row Read 0..255;
    /// How the preemption is left, where the standard's comment numbers it (v03).
    PREEMPT_EXIT_TYPE_27 = "preemptExitType" DEVICES [1, 6, 2, 1, 27] Row Read 1..4;
    /// The same, where the standard's own definition numbers it (v03).
    PREEMPT_EXIT_TYPE_28 = "preemptExitType" DEVICES [1, 6, 2, 1, 28] Row Read 1..4;
    /// The remote call of a row: 1 calls it, 0 leaves it to the physical input.
    PREEMPT_CALL = "preemptControlState" DEVICES [1, 6, 3, 1, 2] Row ReadWrite 0..1;
    /// Asks for priority: a request block (NTCIP 1211).
    PRIORITY_REQUEST = "prgPriorityRequest" PRIORITY [1] Scalar Write 25..25;
    /// Changes what was asked for: a request block.
    PRIORITY_UPDATE = "prgPriorityUpdate" PRIORITY [2] Scalar Write 25..25;
    /// Says which request the status buffer is about: a selector. It changes no signal.
    PRIORITY_STATUS_CONTROL = "prgPriorityStatusControl" PRIORITY [3] Scalar Write 21..21;
    /// The state of the selected request: a status block.
    PRIORITY_STATUS_BUFFER = "prgPriorityStatusBuffer" PRIORITY [4] Scalar Read 23..23;
    /// Withdraws a request: a selector.
    PRIORITY_CANCEL = "prgPriorityCancel" PRIORITY [5] Scalar Write 21..21;
    /// Forgets a request that is over: a selector.
    PRIORITY_CLEAR = "prgPriorityClear" PRIORITY [6] Scalar Write 21..21;
    /// As the request, with the wall-clock second that its times count from (v02A).
    PRIORITY_REQUEST_ABSOLUTE = "prgPriorityRequestAbsolute" PRIORITY [8] Scalar Write 29..29;
    /// As the update, with the wall-clock second that its times count from (v02A).
    PRIORITY_UPDATE_ABSOLUTE = "prgPriorityUpdateAbsolute" PRIORITY [9] Scalar Write 29..29;
}

/// Lists of phases of the preempt table, one octet each, in every version.
pub const LISTS_OF_V01: [Object; 4] =
    [PREEMPT_TRACK_PHASE, PREEMPT_DWELL_PHASE, PREEMPT_DWELL_PED, PREEMPT_EXIT_PHASE];
/// Lists that version 2 added: a unit of version 1 has no such outputs in a preemption.
pub const LISTS_OF_V02: [Object; 5] = [
    PREEMPT_TRACK_OVERLAP,
    PREEMPT_DWELL_OVERLAP,
    PREEMPT_CYCLING_PHASE,
    PREEMPT_CYCLING_PED,
    PREEMPT_CYCLING_OVERLAP,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n1_only_calls_and_priority_requests_are_ever_written() {
        let written: Vec<&str> =
            OBJECTS.iter().filter(|object| object.access != Access::Read).map(|object| object.name).collect();
        let priority = [
            "prgPriorityRequest",
            "prgPriorityUpdate",
            "prgPriorityStatusControl",
            "prgPriorityCancel",
            "prgPriorityClear",
            "prgPriorityRequestAbsolute",
            "prgPriorityUpdateAbsolute",
        ];
        assert_eq!(written, [&["preemptControlState"][..], &priority[..]].concat());
        assert_eq!(PREEMPT_CALL.of(3).to_string(), "1.3.6.1.4.1.1206.4.2.1.6.3.1.2.3");
        assert_eq!(PRIORITY_CANCEL.at(&[0]).to_string(), "1.3.6.1.4.1.1206.4.2.11.2.5.0");
    }

    #[test]
    fn every_name_has_room_for_its_instance() {
        for object in OBJECTS {
            assert_eq!(object.of(7).arcs().last(), Some(&7), "{}", object.name);
        }
        assert_eq!(Name::new(&[1; ARCS_MAX + 1]), None);
        assert_eq!(Name::new(&[1, 3, 6]).map(|name| name.to_string()), Some("1.3.6".into()));
    }

    #[test]
    fn no_two_objects_share_a_name() {
        let mut names: Vec<Name> = OBJECTS.iter().map(|object| object.at(&[])).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), OBJECTS.len());
    }
}
