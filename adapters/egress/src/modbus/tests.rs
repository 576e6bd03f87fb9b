use proptest::prelude::*;

use super::{Crossing, Framing, Point, Rules, Writes, check_frame, checksum};
use crate::allow::{AllowList, Numbers, Passed, Refused};

fn allow() -> Rules {
    let list = AllowList {
        preempt_rows: Numbers::NONE.with(3).with(4),
        priority_rows: Numbers::NONE.with(1),
        time_to_live_max_ds: 50,
    };
    Rules { framing: Framing::Tcp, unit: 1, writes: Writes::Map(list) }
}

/// Two coils, a register with two values and a heartbeat, by serial frames.
fn points() -> Rules {
    let register = Point::Register { address: 20, values: [0, 7] };
    let writes = Writes::Points(vec![Point::Coil(2), Point::Coil(3), register, Point::Heartbeat(30)]);
    Rules { framing: Framing::Rtu, unit: 17, writes }
}

fn serial(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(checksum(body).to_le_bytes());
    bytes
}

fn frame(words: [u16; 8]) -> Vec<u8> {
    let body: Vec<u8> = words[1..].iter().flat_map(|word| word.to_be_bytes()).collect();
    let mut bytes = vec![0, 9, 0, 0, 0, 25, 1, 16, 0, 0, 0, 9, 18];
    bytes.extend(words[0].to_be_bytes());
    bytes.extend(&body);
    bytes.extend(checksum(&body).to_be_bytes());
    bytes
}

const CALL: [u16; 8] = [1, 77, 5, 50, 0b0100, 0, 0, 0];
const PRIORITY: [u16; 8] = [1, 77, 5, 50, 0, 0x010e, 0, 9_000];

fn changed(mut words: [u16; 8], at: usize, to: u16) -> Result<Passed, Refused> {
    words[at] = to;
    check_frame(&frame(words), &allow())
}

#[test]
fn the_checksum_is_the_one_of_serial_modbus() {
    assert_eq!(checksum(b"123456789"), 0x4b37);
}

#[test]
fn s5_reads_and_whole_frames_for_own_rows_pass() {
    for function in 1..=4 {
        assert_eq!(check_frame(&[0, 1, 0, 0, 0, 6, 1, function, 0, 0, 0, 26], &allow()), Ok(Passed::Read));
    }
    assert_eq!(check_frame(&frame(CALL), &allow()), Ok(Passed::Write));
    assert_eq!(check_frame(&frame(PRIORITY), &allow()), Ok(Passed::Write));
    assert_eq!(changed(CALL, 4, 0), Ok(Passed::Write));
}

#[test]
fn s14_rows_of_others_are_refused() {
    for bits in [0b0001, 0b0101, 0b1_0000, 0x8000] {
        assert!(matches!(changed(CALL, 4, bits), Err(Refused::NotAllowed(_))), "{bits:#x}");
    }
    for row in [0x0200, 0x0301, 0xff00, 0x0001] {
        assert!(matches!(changed(PRIORITY, 5, row), Err(Refused::NotAllowed(_))), "{row:#x}");
    }
    assert!(matches!(changed(CALL, 4, 0b1100), Err(Refused::NotAllowed(_))), "two rows at once");
    assert!(matches!(changed(CALL, 5, 0x0100), Err(Refused::NotAllowed(_))), "two channels at once");
}

#[test]
fn s7_frames_that_live_too_long_or_for_ever_are_refused() {
    for time_to_live in [0, 51, u16::MAX] {
        assert_eq!(changed(CALL, 3, time_to_live), Err(Refused::Value("time to live")));
    }
    assert!(changed(CALL, 0, 2).is_err());
    assert!(changed(PRIORITY, 5, 0x010f).is_err());
}

#[test]
fn other_functions_and_partial_writes_are_refused() {
    for function in [5, 6, 8, 15, 22, 23, 43, 0x80, 0] {
        assert!(check_frame(&[0, 1, 0, 0, 0, 6, 1, function, 0, 0, 0, 1], &allow()).is_err());
    }
    let mut elsewhere = frame(CALL);
    elsewhere[9] = 1;
    assert!(matches!(check_frame(&elsewhere, &allow()), Err(Refused::NotAllowed(_))));
    let mut one = vec![0, 9, 0, 0, 0, 9, 1, 16, 0, 4, 0, 1, 2, 0, 4];
    assert!(check_frame(&one, &allow()).is_err());
    one.push(0);
    assert!(check_frame(&one, &allow()).is_err());
}

#[test]
fn s14_another_unit_is_never_spoken_to() {
    assert!(check_frame(&[0, 1, 0, 0, 0, 6, 2, 4, 0, 0, 0, 26], &allow()).is_err());
    assert!(check_frame(&serial(&[0, 5, 0, 2, 0xff, 0]), &points()).is_err(), "a broadcast");
}

#[test]
fn s5_own_points_pass_with_their_own_values() {
    for body in [
        [17, 1, 0, 0, 0, 16],
        [17, 3, 0, 20, 0, 1],
        [17, 5, 0, 2, 0xff, 0],
        [17, 5, 0, 3, 0, 0],
        [17, 6, 0, 20, 0, 7],
        [17, 6, 0, 20, 0, 0],
        [17, 6, 0, 30, 0xab, 0xcd],
    ] {
        let expected = if body[1] < 5 { Passed::Read } else { Passed::Write };
        assert_eq!(check_frame(&serial(&body), &points()), Ok(expected), "{body:?}");
    }
    for body in [
        [17, 5, 0, 4, 0xff, 0],
        [17, 5, 0, 2, 0xff, 1],
        [17, 5, 0, 20, 0xff, 0],
        [17, 6, 0, 20, 0, 1],
        [17, 6, 0, 2, 0, 0],
        [17, 6, 0, 21, 0, 7],
    ] {
        assert!(check_frame(&serial(&body), &points()).is_err(), "{body:?}");
    }
    let map = [&[17, 16, 0, 0, 0, 9, 18][..], &frame(CALL)[13..]].concat();
    assert!(check_frame(&serial(&map), &points()).is_err(), "the map is not what this site speaks");
}

#[test]
fn serial_frames_carry_the_register_map_too() {
    let rules = Rules { framing: Framing::Rtu, unit: 1, ..allow() };
    let whole = serial(&frame(CALL)[6..]);
    assert_eq!(check_frame(&whole, &rules), Ok(Passed::Write));
    let (mut crossing, mut cleared) = (Crossing::default(), Vec::new());
    for piece in [&serial(&[1, 4, 0, 0, 0, 26]), &whole[..]].concat().chunks(3) {
        crossing.push(piece, &rules, &mut cleared).expect("passes");
    }
    assert_eq!(cleared.len(), 8 + whole.len());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(check_frame(&bytes, &rules).is_err(), "byte {at}");
    }
}

#[test]
fn a_stream_in_pieces_is_judged_frame_by_frame() {
    let read = vec![0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 26];
    let all = [read.clone(), frame(CALL), read].concat();
    let (mut crossing, mut cleared) = (Crossing::default(), Vec::new());
    for piece in all.chunks(5) {
        crossing.push(piece, &allow(), &mut cleared).expect("passes");
    }
    assert_eq!(cleared, all);
    let bad = [0, 1, 0, 0, 0, 6, 1, 6, 0, 4, 0, 1];
    let before = cleared.len();
    assert!(crossing.push(&bad, &allow(), &mut cleared).is_err());
    assert_eq!(cleared.len(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn x8_no_bytes_make_the_guard_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_ne!(check_frame(&bytes, &allow()), Ok(Passed::Write));
        let mut cleared = Vec::new();
        let _ = Crossing::default().push(&bytes, &allow(), &mut cleared);
        prop_assert_ne!(check_frame(&bytes, &points()), Ok(Passed::Write));
        let _ = Crossing::default().push(&bytes, &points(), &mut cleared);
    }

    /// Any single changed byte of the checked words breaks the checksum; the rest is either
    /// without meaning to the device (transaction, unit) or refused.
    #[test]
    fn s5_a_changed_write_is_refused(at in 7usize..31, byte in any::<u8>()) {
        let mut bytes = frame(CALL);
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert_ne!(check_frame(&bytes, &allow()), Ok(Passed::Write));
    }

    #[test]
    fn s5_no_frame_outside_the_list_passes(words in proptest::array::uniform8(0u16..6)) {
        let [version, _, _, time_to_live, calls, priority, ..] = words;
        let lawful = version == 1 && time_to_live > 0 && priority == 0 && matches!(calls, 0 | 4);
        prop_assert_eq!(check_frame(&frame(words), &allow()).is_ok(), lawful);
    }
}
