use proptest::prelude::*;

use super::*;

fn selector() -> Selector {
    Selector {
        request: 0x11,
        vehicle: VehicleId::right_justified(&[0xaa, 0xbb, 0xcc, 0xdd]),
        class_type: 3,
        class_level: 2,
        strategy: 7,
    }
}

#[test]
fn a_request_is_these_25_octets() {
    let request = PriorityRequest { selector: selector(), service_s: 0x1234, departure_s: 0x5678 };
    let expected = [
        0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd, 3, 2, 7, 0x12, 0x34, 0x56, 0x78,
    ];
    assert_eq!(request.encode(), expected);
    assert_eq!(request.encode_absolute(0x6543_2100)[..25], expected);
    assert_eq!(request.encode_absolute(0x6543_2100)[25..], [0x65, 0x43, 0x21, 0x00]);
    assert_eq!(PriorityRequest::decode(&expected), Ok(request));
}

#[test]
fn a_selector_is_the_head_of_a_request_and_a_status_block_adds_two_octets() {
    let request = PriorityRequest { selector: selector(), service_s: 1, departure_s: 2 };
    assert_eq!(selector().encode()[..], request.encode()[..21]);
    let block = StatusBlock { selector: selector(), status: PrsStatus::ReadyOverridden, reserved: 9 };
    assert_eq!(block.encode()[..21], selector().encode());
    assert_eq!(block.encode()[21..], [3, 9]);
}

#[test]
fn a_long_vehicle_id_keeps_its_end() {
    let long: Vec<u8> = (0..20).collect();
    assert_eq!(VehicleId::right_justified(&long).0[..], long[3..]);
    assert_eq!(VehicleId::right_justified(&[]).0, [0; 17]);
}

#[test]
fn the_service_table_is_ten_rows_a_flag_and_nine_reserved_octets() {
    let mut octets = [0; SERVICE_LEN];
    for (n, row) in octets[..100].chunks_exact_mut(10).enumerate() {
        row[0] = u8::try_from(n).unwrap();
        row[4] = 0x10;
        row[8] = 0x20;
        row[9] = 1;
    }
    octets[100] = 1;
    let table = ServiceTable::decode(&octets).unwrap();
    assert!(table.busy);
    assert_eq!((table.rows[9].strategy, table.rows[9].service_epoch_s), (9, 0x10));
    assert_eq!(table.encode(), octets);
    octets[100] = 2;
    assert_eq!(ServiceTable::decode(&octets), Err(BlockError::Flag(2)));
    octets[100] = 0;
    octets[9] = 16;
    assert_eq!(ServiceTable::decode(&octets), Err(BlockError::Status(16)));
}

proptest! {
    #[test]
    fn x8_decode_and_encode_are_inverse(octets in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(block) = Selector::decode(&octets) {
            prop_assert_eq!(&block.encode()[..], &octets[..]);
        }
        if let Ok(block) = PriorityRequest::decode(&octets) {
            prop_assert_eq!(&block.encode()[..], &octets[..]);
        }
        if let Ok((block, at)) = PriorityRequest::decode_absolute(&octets) {
            prop_assert_eq!(&block.encode_absolute(at)[..], &octets[..]);
        }
        if let Ok(block) = StatusBlock::decode(&octets) {
            prop_assert_eq!(&block.encode()[..], &octets[..]);
        }
        let _ = ServiceTable::decode(&octets);
    }

    #[test]
    fn x8_each_length_has_one_kind_of_block(octets in proptest::collection::vec(any::<u8>(), 21..30)) {
        let read = [
            Selector::decode(&octets).is_ok(),
            PriorityRequest::decode(&octets).is_ok(),
            PriorityRequest::decode_absolute(&octets).is_ok(),
            StatusBlock::decode(&octets).is_ok(),
        ];
        prop_assert!(read.iter().filter(|ok| **ok).count() <= 1);
    }
}
