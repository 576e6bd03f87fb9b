//! Telegrams: what is read is what was written, damaged ones are refused, and what they become.

use proptest::prelude::*;

use super::*;
use crate::plausible::GeoBox;
use crate::registry::Vehicle;
use crate::wall::WallMs;

fn telegram() -> impl Strategy<Value = Telegram> {
    let head = (-7_i8..=7, any::<u16>(), 0_u8..4, 0_u8..4);
    let tail = (0_u16..1_000, 0_u8..100, 0_u16..1_000, any::<bool>(), 0_u8..8);
    (head, tail).prop_map(
        |((delay_min, point, priority, direction_request), (line, run, destination, reserved, length))| {
            let id = R09Id { line, run };
            Telegram {
                delay_min,
                point,
                priority,
                direction_request,
                id,
                destination,
                reserved,
                train_length: length,
            }
        },
    )
}

proptest! {
    #[test]
    fn x8_what_is_read_is_what_was_written(telegram in telegram()) {
        prop_assert_eq!(decode(&encode(&telegram)), Ok(telegram));
    }

    #[test]
    fn up_to_three_wrong_bits_are_never_taken(
        telegram in telegram(), bits in prop::collection::hash_set(0_usize..OCTETS * 8, 1..=3),
    ) {
        let mut octets = encode(&telegram);
        bits.iter().for_each(|bit| octets[bit / 8] ^= 1 << (bit % 8));
        prop_assert_eq!(decode(&octets), Err(Reject::Checksum));
    }

    #[test]
    fn x8_arbitrary_octets_are_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = decode(&octets);
    }
}

#[test]
fn other_lengths_wrong_digits_and_other_modes_are_refused_by_reason() {
    // Line 11, run 8, junction 1291, direction 1, coming.
    let good = [0x91, 0x06, 0xc9, 0xbc, 0x00, 0x11, 0x08, 0x01, 0x40];
    let read = decode(&sealed(&good)).unwrap();
    assert_eq!(
        (read.id, read.point, read.report()),
        (R09Id { line: 11, run: 8 }, 51_644, Report::PreRegistration)
    );
    assert_eq!((read.delay_min, read.destination), (0, 14));
    let with = |n: usize, octet: u8| {
        let mut content = good;
        content[n] = octet;
        decode(&sealed(&content)).unwrap_err()
    };
    assert_eq!(with(0, 0x81), Reject::Malformed, "another mode");
    assert_eq!((with(1, 0x04), with(1, 0x08)), (Reject::Unsupported, Reject::Unsupported));
    assert_eq!(
        (with(1, 0x07), with(5, 0x1a), with(6, 0xa0)),
        (Reject::Malformed, Reject::Malformed, Reject::Malformed)
    );
    assert_eq!(decode(&sealed(&good[..8])), Err(Reject::Malformed), "an octet is missing");
    assert_eq!(decode(&[0x91, 0xff]), Err(Reject::Malformed));
}

const STOP_M: u16 = 1_291 * 40 + 4;

fn state() -> State {
    let mut tram = Vehicle::new("tram", VehicleClass::Tram);
    tram.r09 = "11/8".parse().ok();
    let mut engine = Vehicle::new("engine", VehicleClass::Emergency);
    engine.r09 = "11/9".parse().ok();
    let registry = Arc::new(Registry::new(vec![tram, engine]).unwrap());
    let point = |number, lat: f64, at_stop| {
        let place = GeoPoint::from_degrees(lat, 13.7).unwrap();
        Point { number, place, direction: 1, at_stop }
    };
    let points = vec![
        point(STOP_M + 1, 51.05, true),
        point(STOP_M + 2, 51.051, false),
        point(STOP_M + 3, 51.05, true),
    ];
    State::new(registry, Rules::within(GeoBox::GLOBE), &Dialect { points, positive_is_early: false })
}

fn said(state: &mut State, run: u8, point: u16, s: i64) -> Result<TransitUpdate, Reject> {
    let telegram = Telegram {
        delay_min: 2,
        point,
        priority: 0,
        direction_request: 0,
        id: R09Id { line: 11, run },
        destination: 14,
        reserved: false,
        train_length: 2,
    };
    let at = Arrival { received: Millis::from_s(s), wall: WallMs(1_790_447_311_000 + s * 1_000) };
    parse(&encode(&telegram), state, at).map(|event| match event {
        FeedEvent::Transit(update) => update,
        other => panic!("{other:?}"),
    })
}

#[test]
fn signing_on_at_a_stop_closing_doors_and_signing_off_are_the_events_of_hfp() {
    let mut state = state();
    let on = said(&mut state, 8, STOP_M + 1, 0).unwrap();
    assert_eq!((on.line.as_str(), on.direction, on.lateness_s), ("11", Some(1), Some(120)));
    assert_eq!((on.event, on.doors_open), (TransitEvent::SignalRequest, Some(true)), "held back");
    assert!(on.fix.is_some_and(|fix| fix.degraded && fix.speed_mps.is_none()));
    let closed = said(&mut state, 8, STOP_M + 3, 25).unwrap();
    assert_eq!((closed.event, closed.doors_open), (TransitEvent::DoorsClosed, Some(false)));
    let off = said(&mut state, 8, STOP_M + 2, 45).unwrap();
    assert_eq!((off.event, off.doors_open), (TransitEvent::Position, None));
    assert!(off.fix.unwrap().place.lat_e7 > on.fix.unwrap().place.lat_e7, "beyond the signal");
}

#[test]
fn what_cannot_be_placed_is_refused_by_reason() {
    let mut state = state();
    assert_eq!(said(&mut state, 7, STOP_M + 1, 0), Err(Reject::UnknownVehicle));
    assert_eq!(said(&mut state, 9, STOP_M + 1, 0), Err(Reject::ClassMismatch));
    assert_eq!(said(&mut state, 8, STOP_M, 0), Err(Reject::UnknownPoint));
    assert_eq!(said(&mut state, 8, STOP_M + 2, 0), Err(Reject::NotSignedOn));
    assert!(said(&mut state, 8, STOP_M + 1, 1).is_ok());
    assert_eq!(said(&mut state, 8, STOP_M + 1, 2), Err(Reject::Duplicate), "the radio repeats itself");
    assert_eq!(said(&mut state, 8, STOP_M + 2, 700), Err(Reject::NotSignedOn), "that was long ago");
}

/// Recorded telegrams of Dresden: bits as they come from the radio, in groups of nine, the ninth passed over.
#[test]
fn recorded_telegrams_have_the_fields_that_others_read() {
    let Some(folder) = crate::reference::folder("r09") else { return };
    let text = std::fs::read_to_string(folder.join("r09_16_valid_300.json")).unwrap();
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let recorded = recorded.as_array().unwrap();
    for one in recorded {
        let bits: Vec<u8> =
            one["input"].as_array().unwrap().iter().map(|bit| u8::from(bit.as_u64() == Some(1))).collect();
        let octets: Vec<u8> = bits
            .chunks(9)
            .map(|group| (0..8).zip(group).fold(0, |octet, (n, bit)| octet | bit << n))
            .collect();
        let read = decode(&octets[..OCTETS]).unwrap();
        let field = |name: &str| one["output"][name].as_i64().unwrap();
        let delay = (1 - 2 * field("zv")) * field("zw");
        assert_eq!((i64::from(read.delay_min), i64::from(read.point)), (delay, field("mp")));
        assert_eq!((i64::from(read.id.line), i64::from(read.id.run)), (field("ln"), field("kn")));
        assert_eq!((i64::from(read.destination), i64::from(read.train_length)), (field("zn"), field("zl")));
        assert_eq!(
            (i64::from(read.point & 3), i64::from(read.place() / 10)),
            (field("request_status"), field("junction"))
        );
        // Some send a sign with no minutes; it says nothing.
        if read.delay_min != 0 || octets[1] & 0x80 == 0 {
            assert_eq!(encode(&read)[..], octets[..OCTETS], "written as it was sent");
        }
    }
    assert!(recorded.len() >= 300);
}
