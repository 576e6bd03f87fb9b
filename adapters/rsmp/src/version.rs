//! Versions of core and of the signal exchange list, their spellings and what each of them knows.

/// A version of RSMP core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Core {
    /// 3.1.2.
    V3_1_2,
    /// 3.1.3: a value of unknown quality is null; the quality `undefined`.
    V3_1_3,
    /// 3.1.4: the site sends its version first, and all its alarms; subscriptions outlive a connection.
    V3_1_4,
    /// 3.1.5: `sOc`, requests of alarms and of the aggregated status.
    V3_1_5,
    /// 3.2: values may be arrays, letters' cases count, several supervisors.
    V3_2,
    /// 3.2.1.
    V3_2_1,
    /// 3.2.2.
    V3_2_2,
}

impl Core {
    /// All versions, oldest first.
    pub const ALL: [Self; 7] =
        [Self::V3_1_2, Self::V3_1_3, Self::V3_1_4, Self::V3_1_5, Self::V3_2, Self::V3_2_1, Self::V3_2_2];

    /// The word in a Version message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::V3_1_2 => "3.1.2",
            Self::V3_1_3 => "3.1.3",
            Self::V3_1_4 => "3.1.4",
            Self::V3_1_5 => "3.1.5",
            Self::V3_2 => "3.2",
            Self::V3_2_1 => "3.2.1",
            Self::V3_2_2 => "3.2.2",
        }
    }

    /// From the word in a Version message; "3.2.0" is 3.2.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let wanted = parts(word)?;
        Self::ALL.into_iter().find(|version| parts(version.word()) == Some(wanted))
    }

    /// Whether a subscription must say `sOc`, and alarms and aggregated status can be requested.
    #[must_use]
    pub fn has_send_on_change(self) -> bool {
        self >= Self::V3_1_5
    }

    /// Whether a value may be an array, as S0033 needs it.
    #[must_use]
    pub fn has_arrays(self) -> bool {
        self >= Self::V3_2
    }

    /// Whether a subscription outlives its connection, and all alarms are told at the start of one, not
    /// only those that are active or suspended.
    #[must_use]
    pub fn keeps_subscriptions(self) -> bool {
        self >= Self::V3_1_4
    }

    /// Whether `sOc` is JSON's own boolean wherever the version is spoken. The text of 3.2 has it so,
    /// while sites with the schemas of 3.1.5 and 3.2 take "True" alone.
    #[must_use]
    pub fn has_plain_flags(self) -> bool {
        self >= Self::V3_2_1
    }

    /// Whether the words of an alarm are read with the case of their letters.
    #[must_use]
    pub fn is_case_sensitive(self) -> bool {
        self >= Self::V3_2
    }
}

/// A version of the signal exchange list for traffic light controllers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Sxl {
    /// 1.0.7.
    V1_0_7,
    /// 1.0.8: M0012, M0013.
    V1_0_8,
    /// 1.0.9.
    V1_0_9,
    /// 1.0.10.
    V1_0_10,
    /// 1.0.13: plans, offsets, bands, tables, forced inputs.
    V1_0_13,
    /// 1.0.14: counts of all detectors in one status.
    V1_0_14,
    /// 1.0.15: forced outputs, checksum, door.
    V1_0_15,
    /// 1.1: priority requests.
    V1_1,
    /// 1.2: emergency routes as a list.
    V1_2,
    /// 1.2.1.
    V1_2_1,
}

impl Sxl {
    /// All versions, oldest first.
    pub const ALL: [Self; 10] = [
        Self::V1_0_7,
        Self::V1_0_8,
        Self::V1_0_9,
        Self::V1_0_10,
        Self::V1_0_13,
        Self::V1_0_14,
        Self::V1_0_15,
        Self::V1_1,
        Self::V1_2,
        Self::V1_2_1,
    ];

    /// The word in a Version message.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::V1_0_7 => "1.0.7",
            Self::V1_0_8 => "1.0.8",
            Self::V1_0_9 => "1.0.9",
            Self::V1_0_10 => "1.0.10",
            Self::V1_0_13 => "1.0.13",
            Self::V1_0_14 => "1.0.14",
            Self::V1_0_15 => "1.0.15",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_2_1 => "1.2.1",
        }
    }

    /// From the word in a Version message; "1.1.0" is 1.1.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let wanted = parts(word)?;
        Self::ALL.into_iter().find(|version| parts(version.word()) == Some(wanted))
    }

    /// Whether the list has priority requests, M0022 and S0033.
    #[must_use]
    pub fn has_priority(self) -> bool {
        self >= Self::V1_1
    }
}

/// Major, minor, patch; a missing patch is zero.
fn parts(word: &str) -> Option<[u8; 3]> {
    let mut numbers = [0; 3];
    let mut count = 0;
    for text in word.split('.') {
        let digits = !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        *numbers.get_mut(count).filter(|_| digits)? = text.parse().ok()?;
        count += 1;
    }
    (count >= 2).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_read_from_its_word_and_a_missing_patch_is_zero() {
        for version in Core::ALL {
            assert_eq!(Core::from_word(version.word()), Some(version));
        }
        for version in Sxl::ALL {
            assert_eq!(Sxl::from_word(version.word()), Some(version));
        }
        assert_eq!(Core::from_word("3.2.0"), Some(Core::V3_2));
        assert_eq!(Sxl::from_word("1.1.0"), Some(Sxl::V1_1));
        for other in ["", "3", "3.2.0.1", "4.0", "3.2.x", "3.+2", "3.2 ", "1.0.011", "3..2"] {
            assert_eq!((Core::from_word(other), Sxl::from_word(other)), (None, None), "{other}");
        }
    }
}
