use super::*;
use crate::service::{Service, worst_case_entry};
use clearway_signals::{GroupKind, GroupSet, Relation, SignalGroup};

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
const CROSS_STREET: u8 = 4;
const ROWS: [RequestRow; 5] = [
    row(1, RowKind::Rail, Owner::Other, Channel::Preempt, 0b010),
    row(3, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b001),
    row(1, RowKind::Transit, Owner::Ours, Channel::Priority, 0b001),
    row(4, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b011),
    row(5, RowKind::Emergency, Owner::Ours, Channel::Preempt, 0b010),
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

fn with_held(ask: Ask, held: Held) -> Result<CertifiedPlan, Finding> {
    certify(&Draft { class: Class::Emergency, asks: &[ask] }, Epoch(1), site, |_| Some(held))
}

/// The ask, moved to this call.
fn called_at(ask: Ask, assert_at: i64) -> Ask {
    let later = Millis(assert_at) - ask.assert_at;
    let (arrival, release_at) = (ask.arrival + later, ask.release_at + later);
    Ask { request: RequestId(2), assert_at: Millis(assert_at), arrival, release_at, ..ask }
}

#[test]
fn one_own_row_is_asserted_per_controller_at_a_time() {
    let second = called_at(ask(AMBULANCE), 59_000);
    for two in [[ask(AMBULANCE), second], [second, ask(AMBULANCE)]] {
        assert_eq!(check(Class::Emergency, &two).unwrap_err(), Finding::ControllerTaken(HERE));
    }
    // Released at 60 s, seen a tick later, then the intergreen of the exit.
    let third = called_at(ask(AMBULANCE), 60_000 + 100 + 5_000);
    for two in [[ask(AMBULANCE), third], [third, ask(AMBULANCE)]] {
        assert!(check(Class::Emergency, &two).is_ok());
    }
}

const HELD: Held =
    Held { request: RequestId(9), row: RowId(CROSS_STREET), from: Millis(8_000), until: Millis(9_000) };

#[test]
fn slowest_entry_minimum_dwell_and_exit_of_the_earlier_request_count() {
    // A tick, red-yellow, minimum green and intergreen of the entry; minimum dwell; intergreen of the exit.
    let over = 8_000 + 100 + (1_000 + 5_000 + 5_000) + 5_000 + 5_000;
    assert_eq!(HELD.over(&site(HERE).unwrap()), Some(Millis(over)));
    let taken = with_held(called_at(ask(AMBULANCE), over - 1), HELD);
    assert_eq!(taken.unwrap_err(), Finding::ControllerTaken(HERE));
    assert!(with_held(called_at(ask(AMBULANCE), over), HELD).is_ok());
}

#[test]
fn a_request_that_stands_is_refreshed_on_its_own_row_only_and_held_since_its_call() {
    let standing = Held { request: RequestId(1), row: RowId(AMBULANCE), from: Millis(10_000), ..HELD };
    assert!(with_held(ask(AMBULANCE), standing).is_ok());
    let other_row = Ask { wanted: GroupSet(0b010), ..ask(CROSS_STREET) };
    assert_eq!(with_held(other_row, standing).unwrap_err(), Finding::ControllerTaken(HERE));
    let stretched = called_at(ask(AMBULANCE), 100_000);
    let stretched = Ask { request: RequestId(1), ..stretched };
    assert_eq!(with_held(stretched, standing).unwrap_err(), Finding::TimesOutOfOrder(HERE));
}

#[test]
fn the_service_is_bounded_from_call_to_exit() {
    let (site, row) = (site(HERE).unwrap(), ROWS[AMBULANCE as usize]);
    let row = RequestRow { delay: Millis(2_000), min_duration: Millis(40_000), ..row };
    let early = service(&site, &row, Millis(10_000), Millis(20_000)).unwrap();
    let dwell_by = 12_100 + 5_000 + 13_000;
    let expected = Service {
        entry_from: Millis(12_000),
        entry_by: Millis(12_100),
        dwell_by: Some(Millis(dwell_by)),
        served_until: Millis(12_100 + 40_000),
        exit_by: Millis(12_100 + 40_000 + 5_000),
    };
    assert_eq!(early, expected, "released early, the minimum duration runs on");
    let late = service(&site, &row, Millis(10_000), Millis(90_000)).unwrap();
    assert_eq!((late.served_until, late.exit_by), (Millis(90_100), Millis(95_100)));
    let transit = service(&site, &ROWS[TRAM as usize], Millis(10_000), Millis(50_000)).unwrap();
    assert_eq!((transit.dwell_by, transit.served_until), (None, Millis(50_100)));
}

#[test]
fn green_is_promised_only_while_the_call_outlasts_the_slowest_entry() {
    let service =
        service(&site(HERE).unwrap(), &ROWS[AMBULANCE as usize], Millis(0), Millis(20_000)).unwrap();
    assert_eq!(service.green_by(Millis(18_100)), None);
    assert_eq!(service.green_by(Millis(18_101)), Some(Millis(18_100)));
    // A late call is lawful, and promises nothing.
    let near = Ask { release_at: Millis(15_000), arrival: Millis(12_000), ..ask(AMBULANCE) };
    assert!(check(Class::Emergency, &[near]).is_ok());
}

fn with_row(change: impl Fn(&mut RequestRow)) -> Result<CertifiedPlan, Finding> {
    let mut rows = ROWS;
    change(&mut rows[AMBULANCE as usize]);
    let own = |_| Some(Junction { rows: &rows, ..site(HERE).unwrap() });
    certify(&Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] }, Epoch(1), own, |_| None)
}

#[test]
fn a_call_that_is_released_within_its_delay_is_refused() {
    assert!(with_row(|row| row.delay = Millis(49_999)).is_ok());
    assert_eq!(with_row(|row| row.delay = Millis(50_000)).unwrap_err(), Finding::TimesOutOfOrder(HERE));
}

#[test]
fn s9_a_presence_that_may_end_before_the_minimum_service_is_refused() {
    let least = 100 + 18_000;
    assert!(with_row(|row| row.min_dwell = Millis(120_000 - least)).is_ok());
    let dwell = with_row(|row| row.min_dwell = Millis(120_001 - least));
    assert_eq!(dwell.unwrap_err(), Finding::HoldTooLong(HERE));
    let duration = with_row(|row| row.min_duration = Millis(119_901));
    assert_eq!(duration.unwrap_err(), Finding::HoldTooLong(HERE));
    let off = with_row(|row| row.max_presence = Millis::ZERO);
    assert_eq!(off.unwrap_err(), Finding::HoldTooLong(HERE));
}

fn with_data(relation: (usize, Relation), yellow_ms: i64) -> Result<CertifiedPlan, Finding> {
    let (mut relations, mut groups) = (RELATIONS, GROUPS);
    relations[relation.0] = relation.1;
    groups[0].yellow = Millis(yellow_ms);
    let own = |_| Some(Junction { relations: &relations, groups: &groups, ..site(HERE).unwrap() });
    certify(&Draft { class: Class::Emergency, asks: &[ask(AMBULANCE)] }, Epoch(1), own, |_| None)
}

#[test]
fn an_interval_that_is_missing_cut_negative_or_without_end_is_refused() {
    assert!(with_data((1, after(5_000)), 3_000).is_ok());
    let (into, out_of) = (3, 1);
    let wrong = [
        (into, FREE, 3_000),
        (out_of, FREE, 3_000),
        (into, after(2_999), 3_000),
        (out_of, after(2_999), 3_000),
        (into, after(i64::MAX), 3_000),
        (into, after(5_000), -1),
    ];
    for (place, relation, yellow_ms) in wrong {
        let refused = with_data((place, relation), yellow_ms).unwrap_err();
        assert_eq!(refused, Finding::UnboundedEntry(HERE), "{place}, {relation:?}, {yellow_ms}");
    }
}

#[test]
fn a_red_yellow_longer_than_the_intergreen_delays_the_entry() {
    let mut groups = GROUPS;
    groups[0].red_yellow = Millis(14_000);
    let site = Junction { groups: &groups, ..site(HERE).unwrap() };
    let entry = worst_case_entry(&site, &ROWS[AMBULANCE as usize]);
    assert_eq!(entry, Some(Millis(100 + 1_000 + 5_000 + 14_000)));
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
