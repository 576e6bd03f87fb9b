use clearway_signals::{GeoPoint, Millis};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fix::{EndReason, MissionChange, MissionUpdate};
use crate::outgoing::Outgoing;
use crate::plausible::GeoBox;
use crate::registry::Vehicle;
use crate::wall::WallMs;

/// 2026-09-26T18:28:31Z.
const NOW: WallMs = WallMs(1_790_447_311_000);
const ENGINE: &str = "fi.fire.helsinki.resource.HEL101";
const LADDER: &str = "fi.fire.helsinki.resource.HEL106";
const CASE: &str = "fi.fire.helsinki.case-1";
const SCENE: GeoPoint = GeoPoint { lat_e7: 601_680_000, lon_e7: 249_500_000 };
const STATION: GeoPoint = GeoPoint { lat_e7: 601_700_000, lon_e7: 249_400_000 };

fn state() -> State {
    let vehicle = |name, hub: &str, class| {
        let mut vehicle = Vehicle::new(name, class);
        vehicle.hub_resource_id = Some(hub.to_owned());
        vehicle
    };
    let registry = Registry::new(vec![
        vehicle("engine", ENGINE, VehicleClass::Emergency),
        vehicle("ladder", LADDER, VehicleClass::Emergency),
        vehicle("tram", "fi.tram.helsinki.resource.T407", VehicleClass::Tram),
    ]);
    let corners = [STATION, SCENE];
    let area = GeoBox::around(corners, 500.0).unwrap();
    State::new(Arc::new(registry.unwrap()), Rules::within(area))
}

fn at(s: i64) -> Arrival {
    Arrival { received: Millis::from_s(s), wall: NOW.plus_ms(s * 1000) }
}

fn engine(s: i64) -> Outgoing<'static> {
    Outgoing {
        external_id: ENGINE,
        place: STATION,
        speed_mps: 0.0,
        heading_deg: 90.0,
        wall: NOW.plus_ms(s * 1000),
    }
}

fn geo_pos(s: i64, status: Option<Status>) -> String {
    encode_geo_pos(&[(engine(s), status)])
}

fn rc_ri(case: &str, status: Status, s: i64) -> String {
    let since = NOW.plus_ms(s * 1000);
    encode_rc_ri(case, &[ResourceOut { resource_id: ENGINE, status, since, position: None }])
}

fn rc_eda() -> String {
    encode_rc_eda(CASE, "C04.02.01", "Dwelling fire", SCENE, NOW)
}

/// Feeds messages, one a second, and gives the missions' changes in short.
fn story(messages: &[String]) -> Vec<String> {
    let mut state = state();
    let mut told = Vec::new();
    for (second, message) in (0..).zip(messages) {
        let outcome = parse(message.as_bytes(), &mut state, at(second)).unwrap();
        for event in outcome.events {
            let FeedEvent::Mission(update) = event else { continue };
            told.push(match update.kind {
                MissionChange::Start { destination, duty, .. } => {
                    let known = if destination == Some(SCENE) { "scene" } else { "unknown" };
                    format!("{second} start {} to {known}: {duty}", update.key.case)
                }
                MissionChange::End { reason } => {
                    format!("{second} end {}: {}", update.key.case, reason.word())
                }
            });
        }
    }
    told
}

#[test]
fn a_call_becomes_a_mission_that_ends_on_arrival() {
    let told = story(&[
        rc_eda(),
        rc_ri(CASE, Status::Assigned, 1),
        rc_ri(CASE, Status::UnderWay, 2),
        rc_ri(CASE, Status::UnderWay, 2),
        rc_ri(CASE, Status::Arrived, 4),
        rc_ri(CASE, Status::Returning, 5),
    ]);
    assert_eq!(told, [format!("2 start {CASE} to scene: Dwelling fire"), format!("4 end {CASE}: arrived"),]);
}

#[test]
fn x3_a_position_alone_never_makes_a_mission() {
    assert!(story(&[geo_pos(0, Some(Status::UnderWay)), geo_pos(1, Some(Status::Transporting))]).is_empty());
}

#[test]
fn a_vehicles_own_status_counts_once_the_centre_has_assigned_it() {
    let told = story(&[
        rc_ri(CASE, Status::Assigned, 0),
        geo_pos(1, Some(Status::UnderWay)),
        rc_eda(),
        geo_pos(3, Some(Status::Arrived)),
        geo_pos(4, Some(Status::UnderWay)),
        geo_pos(5, Some(Status::Transporting)),
        geo_pos(6, Some(Status::Returning)),
        geo_pos(7, Some(Status::Transporting)),
    ]);
    assert_eq!(
        told,
        [
            format!("1 start {CASE} to unknown: emergency"),
            format!("2 start {CASE} to scene: Dwelling fire"),
            format!("3 end {CASE}: arrived"),
            format!("5 start {CASE} to unknown: transport"),
            format!("6 end {CASE}: returning"),
        ]
    );
}

#[test]
fn a_transport_ends_the_way_to_the_scene_first() {
    let told = story(&[rc_eda(), rc_ri(CASE, Status::UnderWay, 1), rc_ri(CASE, Status::Transporting, 2)]);
    assert_eq!(
        told,
        [
            format!("1 start {CASE} to scene: Dwelling fire"),
            format!("2 end {CASE}: arrived"),
            format!("2 start {CASE} to unknown: transport"),
        ]
    );
}

#[test]
fn a_new_case_ends_the_old_one_and_the_old_ones_end_is_no_news() {
    let told = story(&[
        rc_ri(CASE, Status::UnderWay, 0),
        rc_ri("fi.case-2", Status::UnderWay, 1),
        rc_ri(CASE, Status::Cancelled, 2),
        rc_ri("fi.case-2", Status::Assigned, 3),
    ]);
    assert_eq!(
        told,
        [
            format!("0 start {CASE} to unknown: emergency"),
            format!("1 end {CASE}: reassigned"),
            "1 start fi.case-2 to unknown: emergency".to_owned(),
            "3 end fi.case-2: cancelled".to_owned(),
        ]
    );
}

#[test]
fn old_statuses_change_nothing() {
    let told = story(&[rc_ri(CASE, Status::Arrived, 0), rc_ri(CASE, Status::UnderWay, -10)]);
    assert_eq!(told, [format!("1 start {CASE} to unknown: emergency")]);
    let told = story(&[
        rc_ri(CASE, Status::UnderWay, -60),
        rc_ri(CASE, Status::Arrived, -10),
        rc_ri(CASE, Status::UnderWay, -60),
    ]);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn an_envelope_is_opened_and_one_that_cancels_ends_the_mission() {
    let start = wrap(&rc_ri(CASE, Status::UnderWay, 0), "cga", "cga_1", NOW).unwrap();
    let cancel = start.replace("\"distributionKind\":\"Report\"", "\"distributionKind\":\"Cancel\"");
    assert_eq!(
        story(&[start, cancel]),
        [format!("0 start {CASE} to unknown: emergency"), format!("1 end {CASE}: cancelled"),]
    );
}

/// A message changed as text, and the fault of the whole or of its first element.
fn check(message: &str, from: &str, to: &str, expect: (&str, Reject)) {
    assert!(message.contains(from), "{from} not in {message}");
    let outcome = parse(message.replace(from, to).as_bytes(), &mut state(), at(0));
    let fault = outcome.map_or_else(Some, |outcome| outcome.refused.into_iter().next()).unwrap();
    assert_eq!((fault.place.as_str(), fault.reject), expect, "{from} -> {to}");
}

#[test]
fn each_fault_is_named_with_its_place() {
    let position = geo_pos(0, Some(Status::UnderWay));
    let first = "geoPositionsUpdate.position[0]";
    let inside = |name: &str| format!("{first}.{name}");
    check(&position, "geoPositionsUpdate", "geoPosition", ("$", Reject::Unsupported));
    check(&position, "}", "", ("$", Reject::Malformed));
    check(&position, "\"cap\"", "\"kap\"", (first, Reject::UnknownField));
    check(&position, "helsinki.resource", "resource", (&inside("resourceId"), Reject::BadId));
    check(&position, "HEL101", "HEL102", (&inside("resourceId"), Reject::UnknownVehicle));
    check(
        &position,
        ENGINE,
        "fi.tram.helsinki.resource.T407",
        (&inside("resourceId"), Reject::ClassMismatch),
    );
    check(&position, "31-00:00", "31Z", (&inside("datetime"), Reject::BadTime));
    check(&position, "60.17", "9.46", (first, Reject::OutsideNetwork));
    check(&position, "60.17", "\"60\"", (&inside("coord.lat"), Reject::WrongType));
    check(&position, "PARTIE", "PARTI", (&inside("engagedStatus"), Reject::UnknownWord));
    check(&position, "STATIQUE", "VITE", (&inside("move"), Reject::UnknownWord));
    check(&position, "\"engineOn\"", "\"groundStatus\"", (&inside("groundStatus"), Reject::Helicopter));
    check(&position, "\"cap\":90.0", "\"cap\":400", (first, Reject::BadHeading));
    check(&position, "18:28:31", "18:28:34", (first, Reject::Future));
    check(&position, "18:28:31", "18:23:30", (first, Reject::Stale));
    let moving = position.replace("STATIQUE", "MOBILE");
    check(&moving, "18:28:31", "18:28:20", (first, Reject::Stale));

    let engagement = rc_ri(CASE, Status::UnderWay, 0);
    let first = "resourcesInfoCisu.resource[0]";
    check(&engagement, "DEPART", "DEPARTED", (&format!("{first}.state.status"), Reject::UnknownWord));
    check(
        &engagement,
        ",\"vehicleType\":\"SIS\"",
        "",
        (&format!("{first}.vehicleType"), Reject::MissingField),
    );
    check(&engagement, "2026-09-26", "2026-09-25", (&format!("{first}.state.datetime"), Reject::Stale));
    check(&engagement, "2026-09-26", "2026-09-27", (&format!("{first}.state.datetime"), Reject::Future));
    check(&engagement, CASE, "", ("resourcesInfoCisu.caseId", Reject::BadId));

    let wrapped = wrap(&engagement, "cga", "cga_1", NOW).unwrap();
    check(
        &wrapped,
        "distributionStatus\":\"Actual",
        "distributionStatus\":\"Exercise",
        ("distributionStatus", Reject::Exercise),
    );
    check(&wrapped, "Kind\":\"Report", "Kind\":\"Ack", ("distributionKind", Reject::Unsupported));
    check(&wrapped, "18:33:31", "18:28:30", ("dateTimeExpires", Reject::Expired));
    check(
        &wrapped,
        ",\"status\":\"Actual\"",
        ",\"status\":\"Exercise\"",
        ("content[0].jsonContent.embeddedJsonContent.message.status", Reject::Exercise),
    );
}

#[test]
fn a_faulty_position_does_not_touch_the_others() {
    let ladder = Outgoing { external_id: LADDER, ..engine(0) };
    let message = encode_geo_pos(&[(engine(0), None), (ladder, None)]).replacen("HEL101", "HEL999", 1);
    let outcome = parse(message.as_bytes(), &mut state(), at(0)).unwrap();
    assert_eq!((outcome.accepted, outcome.events.len(), outcome.refused.len()), (1, 1, 1));
}

#[test]
fn nothing_about_persons_leaves_the_parser() {
    let mut case: Value = serde_json::from_str(&rc_eda()).unwrap();
    case["createCase"]["initialAlert"] = json!({"caller": {"detailedName": {"complete": "Ada Canary"},
        "callerContact": {"detail": "+358401234567"}}});
    case["createCase"]["freetext"] = json!(["Ada Canary called"]);
    case["createCase"]["location"]["freetext"] = json!("the door of Ada Canary");
    let outcome = parse(case.to_string().as_bytes(), &mut state(), at(0)).unwrap();
    let FeedEvent::Incident(incident) = &outcome.events[0] else { panic!("{outcome:?}") };
    assert_eq!((incident.code.as_str(), incident.place), ("C04.02.01", Some(SCENE)));
    let told = format!("{outcome:?}");
    assert!(!told.contains("Canary") && !told.contains("+358"), "{told}");
}

#[test]
fn memory_is_bounded_by_cases_and_vehicles() {
    let mut state = state();
    for number in 0..1000 {
        let case = encode_rc_eda(&format!("case-{number}"), "C04", "", SCENE, NOW);
        parse(case.as_bytes(), &mut state, at(0)).unwrap();
    }
    assert!(format!("{:?}", state.missions).len() < 100_000);
    let last = parse(rc_ri("case-999", Status::UnderWay, 0).as_bytes(), &mut state, at(0)).unwrap();
    let told = format!("{last:?}");
    assert!(told.contains("601680000"), "{told}");
}

#[test]
fn the_priority_of_a_case_reaches_its_missions() {
    for (given, expected) in [(Some("P0"), Some(0)), (Some("P3"), Some(3)), (Some("NR"), None), (None, None)]
    {
        let mut state = state();
        let mut case: Value = serde_json::from_str(&rc_eda()).unwrap();
        if let Some(given) = given {
            case["createCase"]["qualification"]["details"] = json!({"priority": given});
        }
        parse(case.to_string().as_bytes(), &mut state, at(0)).unwrap();
        let told = parse(rc_ri(CASE, Status::UnderWay, 1).as_bytes(), &mut state, at(1)).unwrap().events;
        let found = told.iter().find_map(|event| match event {
            FeedEvent::Mission(MissionUpdate {
                kind: MissionChange::Start { code, priority, .. }, ..
            }) => Some((code.as_str(), *priority)),
            _ => None,
        });
        assert_eq!(found, Some(("C04.02.01", expected)));
    }
}

#[test]
fn published_examples_are_well_formed_and_the_fire_story_runs() {
    let Some(folder) = crate::reference::folder("hubsante/sample/examples") else { return };
    let mut vehicle = Vehicle::new("VSR268", VehicleClass::Emergency);
    vehicle.hub_resource_id = Some("fr.fire.sisXXX.cga-XXX.resource.VSR268".into());
    let registry = Arc::new(Registry::new(vec![vehicle]).unwrap());
    let mut state = State::new(registry, Rules::within(GeoBox::GLOBE));
    let mut told = Vec::new();
    let mut read = |name: &str, minute: i64| {
        // 2026-03-13T10:24:00+02:00 and later.
        let wall = WallMs(1_773_390_240_000 + minute * 60_000);
        let body = std::fs::read(folder.join(name)).unwrap();
        let outcome = parse(&body, &mut state, Arrival { received: Millis(0), wall }).unwrap();
        for event in outcome.events {
            if let FeedEvent::Mission(update) = event {
                told.push(match update.kind {
                    MissionChange::Start { destination, duty, .. } => {
                        format!("{minute} {duty} {destination:?}")
                    }
                    MissionChange::End { reason } => format!("{minute} {}", reason.word()),
                });
            }
        }
    };
    read("RC-EDA/RC-EDA_Incendie_RaymondeLECCIA.01.json", 0);
    for (number, minute) in [(2, 0), (3, 4), (4, 4), (5, 6), (6, 11), (7, 16), (8, 21)] {
        read(&format!("RC-RI/RC-RI_Incendie_RaymondeLECCIA.0{number}.json"), minute);
    }
    assert_eq!(
        told,
        [
            "4 Incendie - Bâtiment d'habitation Some(GeoPoint { lat_e7: 479657986, lon_e7: -17901215 })",
            "11 arrived",
        ]
    );
    // The typing slip of the published position: 9.46 for 49.46 is outside any French network.
    let slip = std::fs::read(folder.join("GEO-POS/CU2_Geolocation_01.json")).unwrap();
    let outcome = parse(&slip, &mut super::tests::state(), at(0)).unwrap();
    assert_eq!(outcome.refused[0].reject, Reject::UnknownVehicle);
}

#[test]
fn the_reasons_of_an_end_have_words() {
    let words = [EndReason::Arrived, EndReason::Cancelled, EndReason::Returning, EndReason::Reassigned];
    assert_eq!(words.map(EndReason::word), ["arrived", "cancelled", "returning", "reassigned"]);
}

proptest! {
    #[test]
    fn x8_what_is_encoded_is_decoded(
        lat in 601_650_000_i32..601_710_000, lon in 249_380_000_i32..249_520_000,
        speed_mps in 0.0_f32..54.0, heading_deg in 0.0_f32..360.0, s in -9_i64..2, wrapped in any::<bool>(),
    ) {
        let place = GeoPoint { lat_e7: lat, lon_e7: lon };
        let out = Outgoing { place, speed_mps, heading_deg, ..engine(s) };
        let mut message = encode_geo_pos(&[(out, Some(Status::UnderWay))]);
        if wrapped {
            message = wrap(&message, "avl", "avl_1", NOW).unwrap();
        }
        let outcome = parse(message.as_bytes(), &mut state(), at(0)).unwrap();
        let [FeedEvent::Fix(fix)] = outcome.events.as_slice() else { panic!("{outcome:?}") };
        prop_assert_eq!(fix.place, place);
        prop_assert!((fix.speed_mps.unwrap() - speed_mps).abs() < 1e-4);
        prop_assert!((fix.heading_deg.unwrap() - heading_deg).abs() < 1e-4);
        prop_assert_eq!(fix.source_time, Some(out.wall));
    }

    #[test]
    fn x8_any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes, &mut state(), at(0));
    }

    #[test]
    fn x8_any_value_in_any_field_is_read_without_panic(
        which in 0_usize..3, field in 0_usize..12, number in any::<f64>(), text in ".{0,30}", kind in 0_usize..4,
    ) {
        let message = [geo_pos(0, Some(Status::UnderWay)), rc_ri(CASE, Status::UnderWay, 0), rc_eda()][which].clone();
        let mut document: Value = serde_json::from_str(&message).unwrap();
        let value = [json!(number), json!(text), json!([text]), Value::Null][kind].clone();
        let mut slots = Vec::new();
        leaves(&mut document, &mut slots);
        let count = slots.len();
        *slots[field % count] = value;
        let _ = parse(document.to_string().as_bytes(), &mut state(), at(0));
    }
}

/// All values that hold no others.
fn leaves<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Object(object) => object.values_mut().for_each(|child| leaves(child, found)),
        Value::Array(list) => list.iter_mut().for_each(|child| leaves(child, found)),
        leaf => found.push(leaf),
    }
}
