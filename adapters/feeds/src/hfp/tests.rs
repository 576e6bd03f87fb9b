use clearway_signals::GeoPoint;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::outgoing::Outgoing;
use crate::plausible::GeoBox;
use crate::registry::{Vehicle, VehicleClass};

/// 2026-09-26T18:28:31.250Z.
const NOW: WallMs = WallMs(1_790_447_311_250);

fn state() -> State {
    let mut tram = Vehicle::new("tram-407", VehicleClass::Tram);
    tram.hfp = "40/407".parse().ok();
    let mut bus = Vehicle::new("bus-1", VehicleClass::Bus);
    bus.hfp = "40/1".parse().ok();
    let registry = Registry::new(vec![tram, bus]).unwrap();
    State::new(Arc::new(registry), Rules::within(GeoBox::GLOBE))
}

fn at(ms: i64) -> Arrival {
    Arrival { received: Millis(ms), wall: NOW.plus_ms(ms) }
}

fn outgoing(ms: i64) -> Outgoing<'static> {
    Outgoing {
        external_id: "0040/00407",
        place: GeoPoint::from_degrees(60.170_123, 24.940_456).unwrap(),
        speed_mps: 7.11,
        heading_deg: 222.0,
        wall: NOW.plus_ms(ms),
    }
}

const JOURNEY: Journey<'static> = Journey {
    class: VehicleClass::Tram,
    line: "10B",
    direction: 1,
    headsign: "Kolmikulma",
    start: "22:00",
    next_stop: Some("1140441"),
    lateness_s: Some(35),
    doors_open: false,
};

const REQUEST: Say = Say::Request {
    junction: 75,
    signal_group: 673,
    request_id: 219,
    kind: RequestType::Normal,
    level: PriorityLevel::Normal,
};

const ANSWER: Say = Say::Answer { junction: 75, request_id: 219, acknowledged: true };

fn message(ms: i64, say: Say) -> Message {
    encode(&outgoing(ms), &JOURNEY, say).unwrap()
}

fn read(state: &mut State, message: &Message, at: Arrival) -> Result<Vec<FeedEvent>, Reject> {
    parse(&message.topic, message.payload.as_bytes(), state, at)
}

/// A message with the payload's body changed, and what becomes of it.
fn check(say: Say, change: impl FnOnce(&mut Value), expect: Result<usize, Reject>) {
    let message = message(0, say);
    let mut payload: Value = serde_json::from_str(&message.payload).unwrap();
    let body = payload.as_object_mut().and_then(|object| object.values_mut().next()).unwrap();
    change(body);
    let found = parse(&message.topic, payload.to_string().as_bytes(), &mut state(), at(0));
    assert_eq!(found.map(|events| events.len()), expect, "{payload}");
}

fn transit(event: &FeedEvent) -> &TransitUpdate {
    let FeedEvent::Transit(update) = event else { panic!("{event:?}") };
    update
}

#[test]
fn lateness_is_positive_when_late_although_hfp_counts_ahead() {
    let message = message(0, Say::Event(TransitEvent::Position));
    assert!(message.payload.contains("\"dl\":-35"));
    let events = read(&mut state(), &message, at(0)).unwrap();
    let update = transit(&events[0]);
    assert_eq!((update.lateness_s, update.direction), (Some(35), Some(1)));
    assert_eq!((update.line.as_str(), update.next_stop.as_deref()), ("10B", Some("1140441")));
    assert!(update.in_service && update.fix.is_some());
}

#[test]
fn a_vehicle_that_counts_tells_its_load_and_zero_tells_nothing() {
    for (occu, load_pct) in [(json!(55), Some(55)), (json!(0), None), (json!(400), None), (Value::Null, None)]
    {
        let message = message(0, Say::Event(TransitEvent::Position));
        let mut payload: Value = serde_json::from_str(&message.payload).unwrap();
        payload["VP"]["occu"] = occu;
        let events = parse(&message.topic, payload.to_string().as_bytes(), &mut state(), at(0)).unwrap();
        assert_eq!(transit(&events[0]).load_pct, load_pct);
    }
}

#[test]
fn each_broken_rule_has_its_reason() {
    let position = Say::Event(TransitEvent::Position);
    check(position, |_| {}, Ok(1));
    check(position, |body| body["tst"] = Value::Null, Err(Reject::BadTime));
    check(position, |body| body["tst"] = json!("2026-09-26T18:28:31.250"), Err(Reject::BadTime));
    check(position, |body| body["tsi"] = json!(1), Err(Reject::TimeMismatch));
    check(position, |body| body["lat"] = Value::Null, Err(Reject::HalfPosition));
    check(position, |body| body["lat"] = json!(90.1), Err(Reject::OffGlobe));
    check(position, |body| body["lat"] = json!(60.18), Err(Reject::GeohashMismatch));
    check(position, |body| body["spd"] = json!(-0.1), Err(Reject::BadSpeed));
    check(position, |body| body["hdg"] = json!(361), Err(Reject::BadHeading));
    check(position, |body| body["desi"] = json!([]), Err(Reject::Malformed));
    check(REQUEST, |body| body["tlp-requestid"] = json!(256), Err(Reject::RequestIdRange));
    check(REQUEST, |body| body["tlp-requestid"] = Value::Null, Err(Reject::NotActionable));
    check(REQUEST, |body| body["sid"] = Value::Null, Err(Reject::NotActionable));
    check(REQUEST, |body| body["sid"] = json!(76), Err(Reject::JunctionMismatch));
    check(REQUEST, |body| body["tlp-prioritylevel"] = json!("normali"), Err(Reject::NotActionable));
}

#[test]
fn an_unknown_word_costs_only_its_field() {
    check(REQUEST, |body| body["tlp-requesttype"] = json!("NORMALi"), Ok(2));
    check(REQUEST, |body| body["loc"] = json!("GPSi"), Ok(2));
    check(REQUEST, |body| body["drst"] = json!(-100), Ok(2));
}

#[test]
fn a_vehicle_that_asks_for_nothing_makes_no_request() {
    check(REQUEST, |body| body["tlp-prioritylevel"] = json!("norequest"), Ok(1));
}

#[test]
fn a_payload_holds_exactly_the_topics_event() {
    let topic = message(0, Say::Event(TransitEvent::Position)).topic;
    let read = |payload: &[u8]| parse(&topic, payload, &mut state(), at(0)).map(|_| ());
    assert_eq!(read(b"{}"), Err(Reject::NotOneEvent));
    assert_eq!(read(br#"{"VP":{},"ARR":{}}"#), Err(Reject::NotOneEvent));
    assert_eq!(read(br#"{"ARR":{}}"#), Err(Reject::EventMismatch));
    assert_eq!(read(b"[]"), Err(Reject::Malformed));
    assert_eq!(read(&vec![b' '; crate::MESSAGE_BYTES_MAX + 1]), Err(Reject::TooLong));
}

#[test]
fn age_is_judged_and_copies_count_once() {
    let mut state = state();
    let position = Say::Event(TransitEvent::Position);
    assert_eq!(read(&mut state, &message(2_001, position), at(0)), Err(Reject::Future));
    assert_eq!(read(&mut state, &message(-10_001, position), at(0)), Err(Reject::Stale));
    assert!(read(&mut state, &message(0, position), at(40)).is_ok());
    for delay in [41, 60, 200] {
        assert_eq!(read(&mut state, &message(0, position), at(delay)), Err(Reject::Duplicate));
    }
    // Another event of the same instant is no copy; its position is no news.
    let depart = read(&mut state, &message(0, Say::Event(TransitEvent::Depart)), at(50)).unwrap();
    assert_eq!(transit(&depart[0]).fix, None);
    assert_eq!(read(&mut state, &message(-500, position), at(60)), Err(Reject::Backwards));
}

#[test]
fn an_answer_inherits_the_junction_of_its_request_and_a_foreign_one_is_refused() {
    let mut state = state();
    assert_eq!(read(&mut state, &message(0, ANSWER), at(0)), Err(Reject::NoOpenRequest));
    let request = read(&mut state, &message(10, REQUEST), at(10)).unwrap();
    assert!(matches!(request[1], FeedEvent::Request(PriorityRequest { junction: 75, request_id: 219, .. })));
    let mut answer = message(860, ANSWER);
    answer.topic.truncate(answer.topic.rfind('/').unwrap());
    let answered = read(&mut state, &answer, at(860)).unwrap();
    assert!(matches!(
        answered[1],
        FeedEvent::Response(PriorityResponse { junction: 75, request_id: 219, acknowledged: true, .. })
    ));
    assert_eq!(read(&mut state, &message(900, ANSWER), at(900)), Err(Reject::NoOpenRequest));
}

#[test]
fn an_answer_that_comes_too_late_belongs_to_nothing() {
    let mut state = state();
    read(&mut state, &message(0, REQUEST), at(0)).unwrap();
    assert_eq!(read(&mut state, &message(60_001, ANSWER), at(60_001)), Err(Reject::NoOpenRequest));
}

#[test]
fn the_vehicle_must_be_registered_and_of_the_modes_class() {
    let mut message = message(0, Say::Event(TransitEvent::Position));
    message.topic = message.topic.replace("00407", "00408");
    assert_eq!(read(&mut state(), &message, at(0)), Err(Reject::UnknownVehicle));
    message.topic = message.topic.replace("00408", "00001");
    assert_eq!(read(&mut state(), &message, at(0)), Err(Reject::ClassMismatch));
    message.topic = message.topic.replace("tram", "bus");
    assert!(read(&mut state(), &message, at(0)).is_ok());
}

#[test]
fn a_vehicle_without_position_still_tells_its_state() {
    let mut message = message(0, Say::Event(TransitEvent::DoorsOpen));
    message.topic =
        "/hfp/v2/deadrun/ongoing/doo/tram/0040/00407/////EOL/0////".replacen("/////", "//1///", 1);
    let mut payload: Value = serde_json::from_str(&message.payload).unwrap();
    payload["DOO"]["lat"] = Value::Null;
    payload["DOO"]["long"] = Value::Null;
    message.payload = payload.to_string();
    let events = read(&mut state(), &message, at(0)).unwrap();
    let update = transit(&events[0]);
    assert_eq!((update.fix, update.doors_open, update.in_service), (None, Some(true), false));
    assert_eq!((update.direction, update.next_stop.as_deref()), (Some(0), None));
}

/// The recorded messages, with all their vehicles registered and each judged at its own time.
#[test]
fn recorded_messages_are_read() {
    let Some(folder) = crate::reference::folder("hfp") else { return };
    let text = std::fs::read_to_string(folder.join("hfp-captured.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut vehicles: Vec<Vehicle> = Vec::new();
    for line in &lines {
        let levels: Vec<&str> = line["topic"].as_str().unwrap().split('/').collect();
        let name = format!("{}/{}", levels[7], levels[8]);
        let mut vehicle = Vehicle::new(&name, VehicleClass::Tram);
        vehicle.hfp = name.parse().ok();
        if vehicles.iter().all(|known| known.name != name) {
            vehicles.push(vehicle);
        }
    }
    let registry = Arc::new(Registry::new(vehicles).unwrap());
    let mut state = State::new(registry, Rules::within(GeoBox::GLOBE));
    let mut outcomes = std::collections::BTreeMap::<&str, usize>::new();
    for line in &lines {
        let payload = line["payload"].as_str().unwrap();
        let body: Value = serde_json::from_str(payload).unwrap();
        let tst = body.as_object().unwrap().values().next().unwrap()["tst"].as_str().unwrap().to_owned();
        let wall = crate::wall::parse_iso(&tst).unwrap().plus_ms(100);
        let at = Arrival { received: Millis(wall.0), wall };
        let outcome = parse(line["topic"].as_str().unwrap(), payload.as_bytes(), &mut state, at);
        *outcomes.entry(outcome.map_or_else(Reject::word, |_| "ok")).or_default() += 1;
    }
    // The metro is no class of ours; the broker's copies of one message count once.
    let expect = [("class_mismatch", 1), ("duplicate", 2), ("ok", 14)];
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), expect);
}

#[test]
fn published_samples_are_old_and_the_broken_one_is_refused() {
    let Some(folder) = crate::reference::folder("hfp") else { return };
    let topic = message(0, Say::Event(TransitEvent::Position)).topic;
    for name in ["hsldevcom-garbage-data.json", "hsldevcom-hfp-sample-vp.json"] {
        let payload = std::fs::read(folder.join(name)).unwrap();
        assert_eq!(parse(&topic, &payload, &mut state(), at(0)), Err(Reject::Stale), "{name}");
    }
}

proptest! {
    #[test]
    fn x8_what_is_encoded_is_decoded(
        lat in -899_000_000_i32..899_000_000, lon in -1_799_000_000_i32..1_799_000_000,
        speed_mps in 0.0_f32..24.9, heading_deg in 0.0_f32..360.0, ms in -9_000_i64..1_900,
        lateness_s in -8460_i32..719, direction in 0_u8..2, doors_open in any::<bool>(),
    ) {
        prop_assume!(lat.abs() > 200_000);
        let place = GeoPoint { lat_e7: lat, lon_e7: lon };
        let out = Outgoing { place, speed_mps, heading_deg, wall: NOW.plus_ms(ms), ..outgoing(0) };
        let journey = Journey { lateness_s: Some(lateness_s), direction, doors_open, ..JOURNEY };
        let message = encode(&out, &journey, Say::Event(TransitEvent::Position)).unwrap();
        let events = read(&mut state(), &message, at(0)).map_err(|reject| {
            TestCaseError::fail(format!("{} {} {}", reject.word(), message.topic, message.payload))
        })?;
        let update = transit(&events[0]);
        prop_assert_eq!(update.lateness_s, Some(lateness_s));
        prop_assert_eq!((update.direction, update.doors_open), (Some(direction), Some(doors_open)));
        let fix = update.fix.unwrap();
        prop_assert!((fix.place.lat_e7 - lat).abs() <= 5 && (fix.place.lon_e7 - lon).abs() <= 5);
        prop_assert!((fix.speed_mps.unwrap() - speed_mps).abs() < 0.006);
        prop_assert!((fix.heading_deg.unwrap() - heading_deg).abs() <= 0.51);
        prop_assert_eq!(fix.source_time, Some(NOW.plus_ms(ms)));
    }

    #[test]
    fn x8_any_topic_and_payload_are_read_without_panic(
        topic in "(/hfp/v2/journey/ongoing/(vp|tlr|tla)/tram/0040/00407)?[ -~]{0,60}",
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = parse(&topic, &payload, &mut state(), at(0));
    }

    #[test]
    fn x8_any_values_of_the_fields_are_read_without_panic(
        field in "(tst|tsi|spd|hdg|lat|long|dl|drst|sid|tlp-requestid|tlp-prioritylevel)",
        number in any::<f64>(), integer in any::<i64>(), text in ".{0,20}", which in 0_usize..3,
    ) {
        let message = message(0, REQUEST);
        let mut payload: Value = serde_json::from_str(&message.payload).unwrap();
        payload["TLR"][field] = [json!(number), json!(integer), json!(text)][which].clone();
        let _ = parse(&message.topic, payload.to_string().as_bytes(), &mut state(), at(0));
    }

    #[test]
    fn x8_any_place_against_any_geohash_is_judged_without_panic(
        hash in "[-0-9;]{0,8}/[0-9]{0,3}/[0-9]{0,3}/[0-9]{0,3}", lat in any::<i32>(), lon in any::<i32>(),
    ) {
        let topic = format!("/hfp/v2/journey/ongoing/vp/tram/0040/00407/1/1/x/1:00/EOL/5/{hash}");
        if let Ok(topic) = Topic::parse(&topic) {
            topic.geohash_fits(GeoPoint { lat_e7: lat, lon_e7: lon });
        }
    }
}
