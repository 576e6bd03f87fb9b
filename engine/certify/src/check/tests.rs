use super::*;
use clearway_signals::{GroupKind, GroupSet, SignalGroup};

const VEHICLE: SignalGroup = SignalGroup {
    kind: GroupKind::Vehicle,
    min_green: Millis(5_000),
    yellow: Millis(3_000),
    clearance: Millis::ZERO,
    red_yellow: Millis(1_000),
};
const PEDESTRIAN: SignalGroup = SignalGroup {
    kind: GroupKind::Pedestrian,
    yellow: Millis::ZERO,
    clearance: Millis(12_000),
    red_yellow: Millis::ZERO,
    ..VEHICLE
};

const FREE: Relation = Relation::Compatible;
const fn after(ms: i64) -> Relation {
    Relation::Conflict(Millis(ms))
}

/// Two crossing approaches (0, 1) and a crossing (2) over the approach 0.
const GROUPS: [SignalGroup; 3] = [VEHICLE, VEHICLE, PEDESTRIAN];
const RELATIONS: [Relation; 9] =
    [FREE, after(5_000), after(5_000), after(5_000), FREE, FREE, after(13_000), FREE, FREE];

const fn row(number: u8, kind: RowKind, owner: Owner, channel: Channel, dwell: u64) -> RequestRow {
    RequestRow {
        number,
        kind,
        owner,
        channel,
        dwell: GroupSet(dwell),
        delay: Millis::ZERO,
        min_duration: Millis(5_000),
        min_dwell: Millis(5_000),
        max_presence: Millis(120_000),
    }
}

const RAIL: u8 = 0;
const AMBULANCE: u8 = 1;
const TRAM: u8 = 2;
const CROSSWISE: u8 = 3;
const ROWS: [RequestRow; 4] = [
    row(1, RowKind::Rail, Owner::Other, Channel::Preempt, 0b010),
    row(3, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b001),
    row(1, RowKind::Transit, Owner::Ours, Channel::Priority, 0b001),
    row(4, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b011),
];

fn site(_: ControllerId) -> Option<Junction<'static>> {
    Some(Junction {
        id: ControllerId(7),
        groups: &GROUPS,
        relations: &RELATIONS,
        rows: &ROWS,
        capabilities: Capabilities::PREEMPT.union(Capabilities::PRIORITY),
    })
}

fn ask(row: u8) -> Ask {
    Ask {
        controller: ControllerId(7),
        row: RowId(row),
        request: RequestId(1),
        wanted: GroupSet(0b001),
        assert_at: Millis(10_000),
        arrival: Millis(40_000),
        release_at: Millis(60_000),
    }
}

fn check(class: Class, asks: &[Ask]) -> Result<CertifiedPlan, Finding> {
    certify(&Draft { class, asks }, Epoch(1), site, |_| None)
}

const HERE: ControllerId = ControllerId(7);

#[test]
fn a_sound_plan_is_certified_and_its_lease_never_outlives_the_release() {
    let plan = check(Class::Emergency, &[ask(AMBULANCE)]).unwrap();
    assert!(plan.assert(0, 1, Millis(9_999), Millis::NEVER).is_none());
    let command = plan.assert(0, 1, Millis(10_000), Millis::NEVER).unwrap();
    assert_eq!(command.expires(), Millis(60_000));
    assert!(plan.assert(0, 2, Millis(60_000), Millis::NEVER).is_none());
    assert!(plan.assert(1, 1, Millis(20_000), Millis::NEVER).is_none());
}

#[test]
fn s13_a_tram_never_gets_an_emergency_row() {
    assert_eq!(check(Class::Tram, &[ask(AMBULANCE)]).unwrap_err(), Finding::WrongClass(HERE));
    assert_eq!(check(Class::Bus, &[ask(AMBULANCE)]).unwrap_err(), Finding::WrongClass(HERE));
    assert!(check(Class::Tram, &[ask(TRAM)]).is_ok());
    assert_eq!(check(Class::Emergency, &[ask(TRAM)]).unwrap_err(), Finding::WrongClass(HERE));
}

#[test]
fn s14_a_row_of_somebody_else_is_never_asked() {
    assert_eq!(check(Class::Emergency, &[ask(RAIL)]).unwrap_err(), Finding::NotOurs(HERE));
    assert!(
        crate::release(&site(HERE).unwrap(), RowId(RAIL), RequestId(1), 1, Epoch(1), Millis(0)).is_none()
    );
}

#[test]
fn dwell_groups_in_conflict_are_refused() {
    assert_eq!(check(Class::Emergency, &[ask(CROSSWISE)]).unwrap_err(), Finding::DwellConflict(HERE));
}

#[test]
fn a_path_that_the_dwell_does_not_serve_is_refused() {
    let sideways = Ask { wanted: GroupSet(0b010), ..ask(AMBULANCE) };
    assert_eq!(check(Class::Emergency, &[sideways]).unwrap_err(), Finding::PathNotServed(HERE));
    let nothing = Ask { wanted: GroupSet::EMPTY, ..ask(AMBULANCE) };
    assert_eq!(check(Class::Emergency, &[nothing]).unwrap_err(), Finding::PathNotServed(HERE));
}

#[test]
fn s7_a_hold_longer_than_the_lease_limit_is_refused() {
    let long = Ask { release_at: Millis(130_001), ..ask(AMBULANCE) };
    assert_eq!(check(Class::Emergency, &[long]).unwrap_err(), Finding::HoldTooLong(HERE));
}

#[test]
fn one_own_row_is_asserted_per_controller_at_a_time() {
    let second =
        Ask { request: RequestId(2), assert_at: Millis(59_000), arrival: Millis(59_500), ..ask(AMBULANCE) };
    assert_eq!(
        check(Class::Emergency, &[ask(AMBULANCE), second]).unwrap_err(),
        Finding::ControllerTaken(HERE)
    );

    let held = Held { request: RequestId(9), row: RowId(AMBULANCE), from: Millis(0), until: Millis(10_001) };
    let taken =
        certify(&Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] }, Epoch(1), site, |_| Some(held));
    assert_eq!(taken.unwrap_err(), Finding::ControllerTaken(HERE));
    let free = Held { until: Millis(10_000), ..held };
    assert!(
        certify(&Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] }, Epoch(1), site, |_| Some(free))
            .is_ok()
    );
}

#[test]
fn the_minimum_service_of_the_earlier_request_counts() {
    let held =
        Held { request: RequestId(9), row: RowId(AMBULANCE), from: Millis(8_000), until: Millis(9_000) };
    let taken =
        certify(&Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] }, Epoch(1), site, |_| Some(held));
    assert_eq!(taken.unwrap_err(), Finding::ControllerTaken(HERE), "minimum duration runs until 13 s");
}

#[test]
fn the_worst_entry_keeps_walk_and_pedestrian_clearance() {
    let site = site(HERE).unwrap();
    let entry = worst_case_entry(&site, &ROWS[AMBULANCE as usize]).unwrap();
    assert_eq!(
        entry,
        Millis(100 + 5_000 + 13_000),
        "minimum walk, then the intergreen with the clearance in it"
    );
}

#[test]
fn an_intergreen_shorter_than_the_clearance_is_refused() {
    let mut relations = RELATIONS;
    relations[6] = after(11_999);
    let site = Junction { relations: &relations, ..site(HERE).unwrap() };
    assert_eq!(worst_case_entry(&site, &ROWS[AMBULANCE as usize]), None);
}

#[test]
fn n5_a_row_that_outranks_a_rail_row_is_refused() {
    let mut rows = ROWS;
    rows[AMBULANCE as usize].number = 1;
    rows[RAIL as usize].number = 2;
    let own = |_| Some(Junction { rows: &rows, ..site(HERE).unwrap() });
    let draft = Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] };
    assert_eq!(certify(&draft, Epoch(1), own, |_| None).unwrap_err(), Finding::OutranksRail(HERE));
}
