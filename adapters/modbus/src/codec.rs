//! Registers in the words of the engine, and a command as registers.

use clearway_signals::{GroupId, GroupSet, Mode, RowKind};

use crate::frame::{COMMAND_LEN, Command, MAP_VERSION};

/// A command as the registers that are written.
#[must_use]
pub fn encode(command: &Command) -> [u16; COMMAND_LEN] {
    let [arrival_high, arrival_low] = words_of(command.arrival_ms);
    let (row, level) = command.priority;
    let mut registers = [
        MAP_VERSION,
        command.sequence,
        command.heartbeat,
        command.time_to_live_ds,
        command.calls,
        u16::from_be_bytes([row, level]),
        arrival_high,
        arrival_low,
        0,
    ];
    registers[8] = crc16(&registers[1..8]);
    registers
}

fn words_of(value: u32) -> [u16; 2] {
    let [a, b, c, d] = value.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// Two words, the high one first.
#[must_use]
pub fn long(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

/// CRC-16 of serial Modbus (MODBUS over Serial Line 1.02, 6.2.2) over words as they travel.
#[must_use]
pub fn crc16(words: &[u16]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in words.iter().flat_map(|word| word.to_be_bytes()) {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            let carry = crc & 1 == 1;
            crc >>= 1;
            if carry {
                crc ^= 0xa001;
            }
        }
    }
    crc
}

/// The groups whose bit is set in up to four words, lowest word first; `numbers` are the bits'
/// numbers by `GroupId`, from 1.
#[must_use]
pub fn groups(numbers: &[u8], words: [u16; 4]) -> GroupSet {
    let bits = words.iter().rev().fold(0u64, |bits, word| bits << 16 | u64::from(*word));
    (0..=u8::MAX)
        .map(GroupId)
        .zip(numbers)
        .filter(|(_, number)| (1..=64).contains(*number) && bits >> (**number - 1) & 1 == 1)
        .map(|(group, _)| group)
        .collect()
}

/// How many bits of the words belong to no group.
#[must_use]
pub fn strangers(numbers: &[u8], words: [u16; 4]) -> u8 {
    let known = groups(numbers, words).len();
    let all: u32 = words.iter().map(|word| word.count_ones()).sum();
    u8::try_from(all.saturating_sub(known)).unwrap_or(u8::MAX)
}

/// Input register 0.
#[must_use]
pub const fn mode(state: u16) -> Mode {
    match state {
        0 => Mode::Normal,
        1 => Mode::Fault,
        2 => Mode::Flash,
        3 => Mode::Manual,
        4 => Mode::Dark,
        5 => Mode::Startup,
        _ => Mode::Unknown,
    }
}

/// The kind of a row.
#[must_use]
pub const fn row_kind(kind: u16) -> Option<RowKind> {
    match kind {
        1 => Some(RowKind::Rail),
        2 => Some(RowKind::Emergency),
        3 => Some(RowKind::Transit),
        _ => None,
    }
}

/// Why a device refused a frame: input register 25, for people.
#[must_use]
pub const fn refusal(reason: u16) -> &'static str {
    match reason {
        1 => "the device speaks another map version",
        2 => "the checksum did not fit",
        3 => "the sequence is not newer",
        4 => "the time to live is out of range",
        5 => "the row is not remotely writable",
        6 => "the controller's mode takes no calls",
        _ => "no reason given",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_command_becomes_the_registers_of_the_document() {
        let command = Command {
            sequence: 0x0102,
            heartbeat: 7,
            time_to_live_ds: 50,
            calls: 0b0100,
            priority: (2, 14),
            arrival_ms: 0x0001_0002,
        };
        let registers = encode(&command);
        assert_eq!(registers[..8], [1, 0x0102, 7, 50, 4, 0x020e, 1, 2]);
        assert_eq!(registers[8], crc16(&registers[1..8]));
    }

    #[test]
    fn the_checksum_has_its_known_value() {
        assert_eq!(crc16(&[0x3132, 0x3334, 0x3536, 0x3738]), 0x37dd);
    }

    #[test]
    fn groups_stand_at_their_numbers_over_four_words() {
        let numbers = [1, 16, 17, 64, 0];
        assert_eq!(groups(&numbers, [0x8001, 1, 0, 0x8000]), GroupSet(0b1111));
        assert_eq!(groups(&numbers, [0, 1, 0, 0]), GroupSet(0b0100));
        assert_eq!(strangers(&numbers, [0b11, 0, 0, 0]), 1);
    }

    proptest! {
        #[test]
        fn x8_no_register_makes_the_codec_panic(
            numbers in proptest::collection::vec(any::<u8>(), 0..300),
            words in any::<[u16; 4]>(),
        ) {
            let _ = groups(&numbers, words);
            let _ = strangers(&numbers, words);
            let _ = mode(words[0]);
            let _ = row_kind(words[0]);
            let _ = refusal(words[0]);
        }
    }
}
