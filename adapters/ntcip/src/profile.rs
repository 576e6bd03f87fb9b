//! What differs between controllers that all speak NTCIP 1202: data, never code.

use crate::frame::{Instance, Name, Object};

/// How a controller names the instance of a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Suffix {
    /// `.0`, as SNMP has it.
    #[default]
    Zero,
    /// `.1` (Econolite).
    One,
    /// Nothing (MaxTime).
    None,
}

/// The version of NTCIP 1202.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    /// No `preemptState`, no entry yellow and red.
    V01,
    /// The common one.
    V02,
    /// With the enable bit and the user-defined backup time.
    #[default]
    V03,
}

/// The quirks of one kind of controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    /// The version.
    pub version: Version,
    /// The instance of scalars.
    pub suffix: Suffix,
    /// UDP port, where the site's address names none.
    pub port: u16,
    /// Groups of eight phases that the controller serves.
    pub status_groups_max: u8,
    /// The row of globalModuleTable whose version names the configuration.
    pub module_row: u8,
    /// Objects in one message.
    pub names_max: usize,
    /// By waiver: the list of the user-defined backup time holds `preemptControlState`.
    pub user_backup_watches_calls: bool,
    /// By waiver, for controllers without columns 22 and 23: entry keeps every interval.
    pub entry_keeps_intervals: bool,
}

impl Profile {
    /// The standard, version 3, without quirks.
    pub const STANDARD: Self = Self {
        version: Version::V03,
        suffix: Suffix::Zero,
        port: 161,
        status_groups_max: 8,
        module_row: 1,
        names_max: 40,
        user_backup_watches_calls: false,
        entry_keeps_intervals: false,
    };

    /// The profile of a name of the model's `controller_link` table.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let standard = Self::STANDARD;
        match name {
            "ntcip-1202-v03" => Some(standard),
            "ntcip-1202-v02" => Some(Self { version: Version::V02, ..standard }),
            "ntcip-1202-v01" => Some(Self { version: Version::V01, ..standard }),
            "econolite" => Some(Self { version: Version::V02, suffix: Suffix::One, port: 501, ..standard }),
            "maxtime" => Some(Self { version: Version::V02, suffix: Suffix::None, ..standard }),
            _ => None,
        }
    }

    /// The name of an object's only instance at this controller.
    #[must_use]
    pub fn scalar(&self, object: &Object) -> Name {
        debug_assert_eq!(object.instance, Instance::Scalar);
        match self.suffix {
            Suffix::Zero => object.at(&[0]),
            Suffix::One => object.at(&[1]),
            Suffix::None => object.at(&[]),
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::STANDARD
    }
}
