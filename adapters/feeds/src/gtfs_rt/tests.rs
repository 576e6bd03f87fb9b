use super::*;
use proptest::prelude::*;

fn detour() -> FeedMessage {
    let alert = Alert {
        active_period: vec![TimeRange { start: Some(1_000), end: Some(4_600) }],
        informed_entity: vec![EntitySelector {
            route_id: Some("4".into()),
            direction_id: Some(0),
            ..EntitySelector::default()
        }],
        cause: Some(Cause::PoliceActivity as i32),
        effect: Some(Effect::Detour as i32),
        header_text: Some(english("Line 4 goes another way")),
        description_text: None,
    };
    let modification = Modification {
        start_stop_selector: Some(StopSelector { stop_sequence: Some(3), stop_id: Some("s3".into()) }),
        end_stop_selector: Some(StopSelector { stop_sequence: Some(3), stop_id: Some("s3".into()) }),
        propagated_modification_delay: Some(120),
        replacement_stops: vec![ReplacementStop {
            travel_time_to_stop: Some(90),
            stop_id: Some("s9".into()),
        }],
        service_alert_id: Some("a".into()),
        last_modified_time: Some(1_000),
    };
    let modifications = TripModifications {
        selected_trips: vec![SelectedTrips { trip_ids: vec!["4-0".into()], shape_id: Some("w".into()) }],
        start_times: vec![],
        service_dates: vec!["20261123".into()],
        modifications: vec![modification],
    };
    let shape = Shape { shape_id: Some("w".into()), encoded_polyline: Some("_p~iF~ps|U".into()) };
    let entity = |id: &str| FeedEntity { id: id.into(), ..FeedEntity::default() };
    feed(
        1_700_000_000,
        vec![
            FeedEntity { alert: Some(alert), ..entity("a") },
            FeedEntity { shape: Some(shape), ..entity("w") },
            FeedEntity { trip_modifications: Some(modifications), ..entity("m") },
        ],
    )
}

#[test]
fn a_feed_is_read_as_it_was_written() {
    let feed = detour();
    assert_eq!(decode(&encode(&feed)), Ok(feed));
}

/// The fields' numbers and wire types, byte by byte, as the specification gives them.
#[test]
fn the_bytes_are_those_of_the_specification() {
    let small = feed(
        1,
        vec![FeedEntity {
            id: "a".into(),
            alert: Some(Alert { effect: Some(Effect::Detour as i32), ..Alert::default() }),
            ..FeedEntity::default()
        }],
    );
    let header = [0x0a, 9, 0x0a, 3, b'2', b'.', b'0', 0x10, 0, 0x18, 1];
    let entity = [0x12, 7, 0x0a, 1, b'a', 0x2a, 2, 0x38, 4];
    assert_eq!(encode(&small), [&header[..], &entity[..]].concat());
}

#[test]
fn the_page_reads_words_not_numbers() {
    let text = serde_json::to_value(detour()).unwrap();
    assert_eq!(text["header"]["incrementality"], "FULL_DATASET");
    assert_eq!(text["entity"][0]["alert"]["effect"], "DETOUR");
    assert_eq!(text["entity"][0]["alert"]["cause"], "POLICE_ACTIVITY");
    assert_eq!(text["entity"][2]["trip_modifications"]["selected_trips"][0]["trip_ids"][0], "4-0");
}

#[test]
fn feeds_that_are_none_are_refused_with_their_fault() {
    assert!(matches!(decode(&[0x0a]), Err(FeedFault::Malformed(_))));
    assert_eq!(decode(&vec![0; FEED_BYTES_MAX + 1]), Err(FeedFault::TooLarge));
    assert_eq!(decode(&[]), Err(FeedFault::Version(String::new())));
    let mut doubled = detour();
    doubled.entity[1].id = "a".into();
    assert_eq!(decode(&encode(&doubled)), Err(FeedFault::EntityId("a".into())));
}

/// The example of the format's own description.
#[test]
fn a_line_is_encoded_as_the_format_says() {
    let points = [(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)];
    let points = points.map(|(lat, lon)| GeoPoint::from_degrees(lat, lon).unwrap());
    assert_eq!(polyline(points.into_iter()), "_p~iF~ps|U_ulLnnqC_mqNvxq`@");
}

proptest! {
    #[test]
    fn x8_any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn any_place_is_encoded_in_printable_characters(places in proptest::collection::vec(any::<(i32, i32)>(), 0..20)) {
        let points = places.iter().map(|(lat_e7, lon_e7)| GeoPoint { lat_e7: *lat_e7, lon_e7: *lon_e7 });
        prop_assert!(polyline(points).bytes().all(|byte| (63..127).contains(&byte)));
    }
}
