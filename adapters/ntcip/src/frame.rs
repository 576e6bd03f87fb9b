//! The objects that are read and the one that is written, as data: one table feeds the exchange,
//! the conformance document and the tests. Numbers are facts of NTCIP 1202, 1201 and MIB-II.

use core::fmt;

/// The name of an instance: its arcs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Name(pub Vec<u32>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arc) in self.0.iter().enumerate() {
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
    /// Something that none of our objects is.
    Other,
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
        Name([self.root, self.below, instance].concat())
    }

    /// The name of a row or of a group of eight.
    #[must_use]
    pub fn of(&self, number: u8) -> Name {
        self.at(&[number.into()])
    }
}

const SYSTEM: &[u32] = &[1, 3, 6, 1, 2, 1, 1];
const DEVICES: &[u32] = &[1, 3, 6, 1, 4, 1, 1206, 4, 2];

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
    /// Detectors that are occupied.
    DETECTORS_ACTIVE = "vehicleDetectorStatusGroupActive" DEVICES [1, 2, 4, 1, 2] Eight Read 0..255;
    /// Grows with each period of counting.
    VOLUME_SEQUENCE = "volumeOccupancySequence" DEVICES [1, 2, 5, 1] Scalar Read 0..255;
    /// Vehicles of the last period.
    VOLUME = "detectorVolume" DEVICES [1, 2, 5, 4, 1, 1] Row Read 0..255;
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
    /// State of the row, 1 to 10.
    PREEMPT_STATE = "preemptState" DEVICES [1, 6, 2, 1, 16] Row Read 1..10;
    /// Overlaps that are green in dwell, one octet each.
    PREEMPT_DWELL_OVERLAP = "preemptDwellOverlap" DEVICES [1, 6, 2, 1, 18] Row Read 0..255;
    /// Yellow in entry, 0.1 s.
    PREEMPT_YELLOW = "preemptEnterYellowChange" DEVICES [1, 6, 2, 1, 22] Row Read 0..255;
    /// Red clearance in entry, 0.1 s.
    PREEMPT_RED = "preemptEnterRedClear" DEVICES [1, 6, 2, 1, 23] Row Read 0..255;
    /// The remote call of a row: 1 calls it, 0 leaves it to the physical input. The only object
    /// that is ever written.
    PREEMPT_CALL = "preemptControlState" DEVICES [1, 6, 3, 1, 2] Row ReadWrite 0..1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n1_only_the_call_of_a_preempt_row_is_ever_written() {
        let written: Vec<&str> = OBJECTS
            .iter()
            .filter(|object| object.access == Access::ReadWrite)
            .map(|object| object.name)
            .collect();
        assert_eq!(written, ["preemptControlState"]);
        assert_eq!(PREEMPT_CALL.of(3).to_string(), "1.3.6.1.4.1.1206.4.2.1.6.3.1.2.3");
    }

    #[test]
    fn no_two_objects_share_a_name() {
        let mut names: Vec<Name> = OBJECTS.iter().map(|object| object.at(&[])).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), OBJECTS.len());
    }
}
