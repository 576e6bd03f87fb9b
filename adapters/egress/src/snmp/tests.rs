use proptest::prelude::*;

use super::check_message;
use crate::allow::{AllowList, Numbers, Passed, Refused};

pub(super) fn allow() -> AllowList {
    AllowList {
        preempt_rows: Numbers::NONE.with(3).with(4),
        priority_rows: Numbers::NONE.with(7),
        ..AllowList::default()
    }
}

/// A writer for the tests, apart from the reader under test and from any codec.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 128 => bytes.push(short),
        _ => {
            let length = u16::try_from(content.len()).expect("small");
            bytes.push(0x82);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

pub(super) fn name(arcs: &[u32]) -> Vec<u8> {
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).expect("small")];
    for arc in &arcs[2..] {
        let mut digits = vec![u8::try_from(arc & 0x7f).expect("small")];
        let mut rest = arc >> 7;
        while rest > 0 {
            digits.push(u8::try_from(rest & 0x7f).expect("small") | 0x80);
            rest >>= 7;
        }
        content.extend(digits.iter().rev());
    }
    element(0x06, &content)
}

pub(super) fn control_state(row: u32) -> Vec<u32> {
    vec![1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2, row]
}

fn message(version: u8, operation: u8, bindings: &[(Vec<u32>, Vec<u8>)]) -> Vec<u8> {
    let number = |n: u8| element(0x02, &[n]);
    let community = element(0x04, b"administrator");
    element(0x30, &[number(version), community, pdu(operation, bindings)].concat())
}

/// A PDU for every version.
pub(super) fn pdu(operation: u8, bindings: &[(Vec<u32>, Vec<u8>)]) -> Vec<u8> {
    let list: Vec<u8> = bindings
        .iter()
        .flat_map(|(arcs, value)| element(0x30, &[name(arcs), value.clone()].concat()))
        .collect();
    let number = |n: u8| element(0x02, &[n]);
    let content = [element(0x02, &[0x12, 0x34]), number(0), number(0), element(0x30, &list)].concat();
    element(operation, &content)
}

fn set(row: u32, value: u8) -> Vec<u8> {
    message(0, 0xa3, &[(control_state(row), element(0x02, &[value]))])
}

#[test]
fn s5_reads_pass_and_writes_of_own_rows_pass() {
    let null = vec![0x05, 0x00];
    for operation in [0xa0, 0xa1] {
        let read =
            message(0, operation, &[(control_state(1), null.clone()), (vec![1, 3, 6, 1], null.clone())]);
        assert_eq!(check_message(&read, &allow()), Ok(Passed::Read));
    }
    assert_eq!(check_message(&message(1, 0xa5, &[(vec![1, 3], null)]), &allow()), Ok(Passed::Read));
    for row in [3, 4] {
        for value in [0, 1] {
            assert_eq!(check_message(&set(row, value), &allow()), Ok(Passed::Write));
        }
    }
    let both =
        message(1, 0xa3, &[(control_state(3), element(0x02, &[0])), (control_state(4), element(0x02, &[1]))]);
    assert_eq!(check_message(&both, &allow()), Ok(Passed::Write));
}

#[test]
fn s14_rows_of_others_and_values_out_of_range_are_refused() {
    for row in [0, 1, 2, 5, 255, 256, 259, 16_387] {
        assert!(matches!(check_message(&set(row, 1), &allow()), Err(Refused::NotAllowed(_))), "{row}");
    }
    for value in [2, 7, 0x80, 0xff] {
        assert!(matches!(check_message(&set(3, value), &allow()), Err(Refused::Value(_))));
    }
    let octets = message(0, 0xa3, &[(control_state(3), element(0x04, &[1]))]);
    assert!(matches!(check_message(&octets, &allow()), Err(Refused::Value(_))));
    let second =
        message(0, 0xa3, &[(control_state(3), element(0x02, &[1])), (control_state(1), element(0x02, &[1]))]);
    assert!(matches!(check_message(&second, &allow()), Err(Refused::NotAllowed(_))));
}

#[test]
fn n1_to_n4_objects_that_could_hurt_are_refused() {
    let one = element(0x02, &[1]);
    for below in [
        vec![1, 6, 2, 1, 22, 3],
        vec![1, 6, 2, 1, 2, 3],
        vec![1, 3, 10, 0],
        vec![1, 4, 14, 0],
        vec![1, 1, 5, 1, 5, 1],
        vec![1, 7, 5, 1, 8, 1],
        vec![1, 1, 2, 1, 8, 1],
        vec![1, 6, 3, 1, 2],
        vec![1, 6, 3, 1, 2, 3, 3],
    ] {
        let arcs = [vec![1, 3, 6, 1, 4, 1, 1206, 4, 2], below].concat();
        let refused = check_message(&message(0, 0xa3, &[(arcs, one.clone())]), &allow());
        assert!(matches!(refused, Err(Refused::NotAllowed(_))), "{refused:?}");
    }
}

#[test]
fn versions_and_operations_without_use_are_refused() {
    let null = vec![0x05, 0x00];
    for operation in [0xa2, 0xa4, 0xa6, 0xa7, 0xa8] {
        let odd = message(1, operation, &[(vec![1, 3], null.clone())]);
        assert!(matches!(check_message(&odd, &allow()), Err(Refused::Unused(_))));
    }
    assert!(check_message(&message(3, 0xa0, &[]), &allow()).is_err());
    assert!(check_message(&message(0, 0xa3, &[]), &allow()).is_err());
    assert!(check_message(&[set(3, 1), vec![0]].concat(), &allow()).is_err());
}

/// A priority block of 21, 25 or 29 octets for row 7, and where it goes.
fn priority(object: u32, edit: impl FnOnce(&mut Vec<u8>)) -> Result<Passed, Refused> {
    let mut block = [&[7][..], &[0; 17], &[3, 1, 7]].concat();
    if ![3, 5, 6].contains(&object) {
        block.extend([0, 20, 0, 30]);
    }
    if object >= 8 {
        block.extend([0x65, 0, 0, 0]);
    }
    edit(&mut block);
    let arcs = vec![1, 3, 6, 1, 4, 1, 1206, 4, 2, 11, 2, object, 0];
    check_message(&message(1, 0xa3, &[(arcs, element(0x04, &block))]), &allow())
}

#[test]
fn s5_priority_blocks_of_own_rows_pass_and_a_selection_writes_nothing() {
    for object in [1, 2, 5, 6, 8, 9] {
        assert_eq!(priority(object, |_| {}), Ok(Passed::Write), "{object}");
    }
    assert_eq!(priority(3, |_| {}), Ok(Passed::Read));
    for suffix in [vec![], vec![1]] {
        let arcs = [vec![1, 3, 6, 1, 4, 1, 1206, 4, 2, 11, 2, 5], suffix].concat();
        let block = [&[7][..], &[0; 17], &[3, 1, 7]].concat();
        let cancel = message(0, 0xa3, &[(arcs, element(0x04, &block))]);
        assert_eq!(check_message(&cancel, &allow()), Ok(Passed::Write));
    }
}

#[test]
fn s13_a_priority_block_is_of_no_emergency_class_and_of_an_own_strategy() {
    let refused = |edit: fn(&mut Vec<u8>)| priority(1, edit).is_err();
    assert!(refused(|block| block[18] = 1), "class 1");
    assert!(refused(|block| block[18] = 0), "class 0");
    assert!(refused(|block| block[18] = 11), "class 11");
    assert!(refused(|block| block[20] = 6), "a strategy of others");
    assert!(refused(|block| block[0] = 8), "a request of others");
    assert!(refused(|block| block[24] = 19), "departs before it arrives");
    assert!(refused(|block| block[23] = 2), "departs in ten minutes");
    assert!(refused(|block| block.truncate(24)), "cut short");
    assert!(refused(|block| block.push(0)), "too long");
    for object in [0, 4, 7, 10, 11] {
        assert!(priority(object, |_| {}).is_err(), "{object}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn x8_no_bytes_make_the_guard_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_ne!(check_message(&bytes, &allow()), Ok(Passed::Write));
    }

    /// A write that was changed in one byte passes only if it is still a lawful write of an own
    /// row: the community and the request id may be anything.
    #[test]
    fn s5_a_changed_write_never_reaches_another_row(
        row in 3u32..5, value in 0u8..2, at in 0usize..52, byte in any::<u8>()
    ) {
        let mut bytes = set(row, value);
        let at = at % bytes.len();
        bytes[at] = byte;
        if check_message(&bytes, &allow()) == Ok(Passed::Write) {
            let tail = &bytes[bytes.len() - 4..];
            prop_assert!(tail[0] == 3 || tail[0] == 4);
            prop_assert!(matches!(tail[1..], [2, 1, 0 | 1]));
        }
    }

    #[test]
    fn s5_no_write_outside_the_list_passes(arcs in proptest::collection::vec(0u32..3_000, 1..8), value in any::<u8>()) {
        let arcs = [vec![1, 3, 6, 1, 4, 1, 1206, 4, 2], arcs].concat();
        let lawful = (arcs == control_state(3) || arcs == control_state(4)) && value <= 1;
        let passed = check_message(&message(0, 0xa3, &[(arcs, element(0x02, &[value]))]), &allow()).is_ok();
        prop_assert_eq!(passed, lawful);
    }
}
