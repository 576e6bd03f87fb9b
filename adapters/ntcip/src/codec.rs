//! Values of the objects in the words of the engine.

use clearway_signals::{GroupId, GroupSet, Mode};

/// The groups of each bit of a group of eight, from 1. `numbers` are the numbers by `GroupId`.
#[must_use]
pub fn lamps(numbers: &[u8], eight: u8) -> [GroupSet; 8] {
    let mut lamps = [GroupSet::EMPTY; 8];
    for (group, number) in numbered(numbers).filter(|(_, number)| eight_of(*number) == eight) {
        let lamp = &mut lamps[usize::from(number - 1) % 8];
        *lamp = lamp.with(group);
    }
    lamps
}

/// The groups whose bit is set in the value of their group of eight.
#[must_use]
pub fn lit(lamps: &[GroupSet; 8], value: i64) -> GroupSet {
    let (mut bits, mut groups) = (value & 0xff, GroupSet::EMPTY);
    while bits != 0 {
        groups = groups.union(lamps[bits.trailing_zeros() as usize % 8]);
        bits &= bits - 1;
    }
    groups
}

/// Whether a number from 1 has its bit set in the value of its group of eight.
#[must_use]
pub const fn bit(value: i64, number: u8) -> bool {
    let place = number.saturating_sub(1) % 8;
    (value >> place) & 1 == 1
}

/// The group of eight that a number from 1 stands in, from 1.
#[must_use]
pub const fn eight_of(number: u8) -> u8 {
    number.saturating_sub(1) / 8 + 1
}

/// The groups of a list of phase numbers, one octet each, and how many numbers are no group.
#[must_use]
pub fn listed(numbers: &[u8], octets: &[u8]) -> (GroupSet, u8) {
    let mut set = GroupSet::EMPTY;
    let mut unknown = 0u8;
    for octet in octets.iter().filter(|octet| **octet != 0) {
        match numbered(numbers).find(|(_, number)| number == octet) {
            Some((group, _)) => set = set.with(group),
            None => unknown = unknown.saturating_add(1),
        }
    }
    (set, unknown)
}

fn numbered(numbers: &[u8]) -> impl Iterator<Item = (GroupId, u8)> + '_ {
    (0..u8::MAX).map(GroupId).zip(numbers.iter().copied()).filter(|(_, number)| *number > 0)
}

/// The mode from unitControlStatus and unitFlashStatus. What the standard calls "other" is not
/// known to serve requests.
#[must_use]
pub const fn mode(control: i64, flash: i64) -> Mode {
    match (flash, control) {
        (3 | 4 | 8, _) => Mode::Flash,
        (5 | 6, _) => Mode::Fault,
        (7, _) => Mode::Startup,
        (2, 4) => Mode::Backup,
        (2, 5 | 9 | 10) => Mode::Manual,
        (2, 2 | 3 | 6 | 7 | 8) => Mode::Normal,
        _ => Mode::Unknown,
    }
}

/// The configuration hash in a module's version text: `cfg=` and exactly eight hexadecimal digits.
#[must_use]
pub fn configuration_hash(text: &[u8]) -> Option<u32> {
    const MARK: &[u8] = b"cfg=";
    let at = text.windows(MARK.len()).position(|window| window == MARK)?;
    let rest = text.get(at + MARK.len()..)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digits = rest.get(..digits).filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bit_zero_of_group_two_is_phase_nine() {
        let numbers = [1, 8, 9, 16];
        assert_eq!(lit(&lamps(&numbers, 1), 0b1000_0000), GroupSet(0b0010));
        assert_eq!(lit(&lamps(&numbers, 2), 0b1), GroupSet(0b0100));
        assert_eq!((eight_of(1), eight_of(8), eight_of(9), eight_of(64)), (1, 1, 2, 8));
    }

    #[test]
    fn a_dwell_list_holds_one_number_an_octet() {
        assert_eq!(listed(&[2, 4, 6], &[6, 2]), (GroupSet(0b101), 0));
        assert_eq!(listed(&[2, 4, 6], &[7, 2, 0]), (GroupSet(0b001), 1));
    }

    #[test]
    fn flash_manual_and_backup_are_told_from_the_status_words() {
        assert_eq!(mode(2, 2), Mode::Normal);
        assert_eq!(mode(4, 2), Mode::Backup);
        assert_eq!(mode(5, 2), Mode::Manual);
        assert_eq!(mode(2, 6), Mode::Fault);
        assert_eq!(mode(1, 2), Mode::Unknown);
        assert_eq!(mode(2, 99), Mode::Unknown);
    }

    #[test]
    fn the_hash_is_found_in_the_version_text() {
        assert_eq!(configuration_hash(b"0.1.0 cfg=0badcafe"), Some(0x0bad_cafe));
        assert_eq!(configuration_hash(b"cfg=0badcafe, 2026"), Some(0x0bad_cafe));
        assert_eq!(configuration_hash(b"2.66 of 20240115"), None);
        assert_eq!(configuration_hash(b"0.1.0 cfg=123456789"), None);
        assert_eq!(configuration_hash(b"0.1.0 cfg="), None);
        assert_eq!(configuration_hash(&[0xff, 0xfe]), None);
    }

    proptest! {
        #[test]
        fn x8_no_value_makes_the_codec_panic(
            numbers in proptest::collection::vec(any::<u8>(), 0..80),
            octets in proptest::collection::vec(any::<u8>(), 0..80),
            value in any::<i64>(), eight in any::<u8>(),
        ) {
            let _ = lit(&lamps(&numbers, eight), value);
            let _ = listed(&numbers, &octets);
            let _ = configuration_hash(&octets);
            let _ = mode(value, value);
        }
    }
}
