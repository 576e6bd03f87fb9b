//! The arming gate's table, cell by cell, from what a unit says.

use std::cell::RefCell;

use clearway_contract::kit::Device;
use clearway_contract::{Answer, Ask, GateFinding, GateReading, GateRow, Site, judge};
use clearway_signals::{Channel, Millis, Owner, RowId};

use super::super::Exchange;
use super::super::tests::{asked, kit_site, priority_site, value};
use crate::commissioning::Commissioned;
use crate::conformance;
use crate::frame::{self, Instance, Name, OBJECTS, Object, Value};
use crate::outputs::Output;
use crate::profile::{PriorityProfile, Profile, StandIn, Version};
use crate::{Facts, Request};

/// Our row of the kit's site that the cells are about, and the rail row.
const OURS: u8 = 3;
const RAIL: u8 = 1;
const NOW_S: i64 = 1_700_000_000;

/// A controller that is as the model says, but for what a test makes it say.
struct Unit {
    site: Site,
    profile: Profile,
    commissioned: Option<Commissioned>,
    epoch_ms: i64,
    outputs: Vec<Output>,
    says: Vec<(Name, Option<Value>)>,
}

impl Unit {
    fn new() -> Self {
        Self::of(kit_site(), Profile::STANDARD)
    }

    fn of(site: Site, profile: Profile) -> Self {
        let epoch_ms = NOW_S * 1000;
        Self { site, profile, commissioned: None, epoch_ms, outputs: Vec::new(), says: Vec::new() }
    }

    /// With priority requests that carry the wall clock.
    fn with_priority() -> Self {
        let priority = PriorityProfile { absolute: true, ..PriorityProfile::default() };
        Self::of(priority_site(), Profile { priority, ..Profile::STANDARD })
    }

    fn scalar(&mut self, object: &Object, value: i64) {
        self.says.push((self.profile.scalar(object), Some(Value::Integer(value))));
    }

    fn row(&mut self, object: &Object, value: i64) {
        self.says.push((object.of(OURS), Some(Value::Integer(value))));
    }

    fn list(&mut self, object: &Object, octets: &[u8]) {
        self.says.push((object.of(OURS), Some(Value::Octets(octets.to_vec()))));
    }

    fn text(&mut self, object: &Object, text: &str) {
        self.says.push((object.of(1), Some(Value::Octets(text.into()))));
    }

    fn lacks(&mut self, name: Name) {
        self.says.push((name, None));
    }

    /// It counts our calls by a timer of its own, which watches these objects.
    fn user_timer(&mut self, watched: &[Name]) {
        self.scalar(&frame::USER_BACKUP_TIME, 30);
        self.scalar(&frame::WATCHED_MAX, i64::try_from(watched.len()).expect("few"));
        for (row, name) in (1..).zip(watched) {
            self.says.push((frame::WATCHED.of(row), Some(Value::Name(Box::new(*name)))));
        }
    }

    fn value(&self, name: &Name) -> Option<Value> {
        let said = self.says.iter().rev().find(|(known, _)| known == name);
        let device = || value(&self.profile, &Device::new(self.site.clone()), name);
        said.map_or_else(device, |(_, value)| value.clone())
    }

    fn exchange(&self) -> Exchange {
        let exchange = Exchange::bound(self.site.clone(), self.profile.clone(), &self.outputs);
        let mut exchange = exchange.with_commissioned(self.commissioned.clone());
        exchange.set_wall(self.epoch_ms);
        exchange
    }

    fn read(&self, exchange: &mut Exchange) -> GateReading {
        match asked(exchange, &Ask::Gate, |name| self.value(name)) {
            Answer::Gate(reading) => *reading,
            other => panic!("{other:?}"),
        }
    }

    /// What is found when the gate is read a second time, as the keeper does of an unarmed controller.
    fn findings(&self) -> Vec<GateFinding> {
        let mut exchange = self.exchange();
        self.read(&mut exchange);
        let reading = self.read(&mut exchange);
        judge(&self.site, &reading, 1, Millis::ZERO).err().unwrap_or_default()
    }

    fn facts(&self) -> Facts {
        let mut exchange = self.exchange();
        self.read(&mut exchange);
        exchange.facts().clone()
    }
}

#[track_caller]
fn arms(unit: &Unit) {
    assert_eq!(unit.findings(), []);
}

#[track_caller]
fn not_armed(row: GateRow, words: &str, unit: &Unit) {
    let findings = unit.findings();
    let named = |finding: &GateFinding| finding.row == row && finding.reason.contains(words);
    assert!(findings.iter().any(named), "{words}: {findings:?}");
    assert!(findings.iter().all(|finding| finding.row == row), "{findings:?}");
}

/// One test for each cell: this change of the unit fails in this row of the table, with these words.
macro_rules! cells {
    ($($name:ident: $row:ident, $words:literal, $change:expr;)+) => {$(
        #[test]
        fn $name() {
            let mut unit = Unit::new();
            let change: fn(&mut Unit) = $change;
            change(&mut unit);
            not_armed(GateRow::$row, $words, &unit);
        }
    )+};
}

cells! {
    identity_another_configuration: Identity, "in the model",
        |unit| unit.text(&frame::MODULE_VERSION, "1.0 cfg=00000001");
    identity_not_commissioned: Identity, "ntcip = { make",
        |unit| unit.text(&frame::MODULE_VERSION, "2.66");
    mode_flash_other: Mode, "mode", |unit| unit.scalar(&frame::FLASH_STATUS, 1);
    mode_flash_automatic: Mode, "Flash", |unit| unit.scalar(&frame::FLASH_STATUS, 3);
    mode_flash_local_manual: Mode, "Flash", |unit| unit.scalar(&frame::FLASH_STATUS, 4);
    mode_flash_fault_monitor: Mode, "Fault", |unit| unit.scalar(&frame::FLASH_STATUS, 5);
    mode_flash_mmu: Mode, "Fault", |unit| unit.scalar(&frame::FLASH_STATUS, 6);
    mode_flash_startup: Mode, "Startup", |unit| unit.scalar(&frame::FLASH_STATUS, 7);
    mode_flash_preempt: Mode, "Flash", |unit| unit.scalar(&frame::FLASH_STATUS, 8);
    mode_control_other: Mode, "mode", |unit| unit.scalar(&frame::CONTROL_STATUS, 1);
    mode_control_manual: Mode, "Manual", |unit| unit.scalar(&frame::CONTROL_STATUS, 5);
    mode_control_remote_manual: Mode, "Manual", |unit| unit.scalar(&frame::CONTROL_STATUS, 9);
    mode_control_local_manual: Mode, "Manual", |unit| unit.scalar(&frame::CONTROL_STATUS, 10);
    mode_remote_commands_disabled: Mode, "switched off", |unit| unit.scalar(&frame::UNIT_CONTROL, 0b10);
    dead_man_off: DeadMan, "is off", |unit| unit.scalar(&frame::BACKUP_TIME, 0);
    dead_man_too_long: DeadMan, "at most", |unit| unit.scalar(&frame::BACKUP_TIME, 61);
    dead_man_user_timer_too_long: DeadMan, "at most", |unit| {
        unit.user_timer(&[frame::PREEMPT_CALL.at(&[])]);
        unit.scalar(&frame::USER_BACKUP_TIME, 61);
    };
    dead_man_user_timer_does_not_watch_calls: DeadMan, "does not watch", |unit| {
        unit.user_timer(&[frame::PREEMPT_CALL.of(9), frame::PATTERN.at(&[0])]);
    };
    dead_man_user_timer_does_not_watch_every_own_row: DeadMan, "does not watch", |unit| {
        unit.user_timer(&[frame::PREEMPT_CALL.of(OURS)]);
    };
    dead_man_user_timer_watches_nothing: DeadMan, "does not watch", |unit| unit.user_timer(&[]);
    dead_man_user_timer_without_its_list: DeadMan, "maxUserDefinedBackupTimeContent", |unit| {
        unit.user_timer(&[]);
        unit.lacks(frame::WATCHED_MAX.at(&[0]));
    };
    rows_no_maximum_presence: OwnRows, "no maximum presence", |unit| unit.row(&frame::PREEMPT_MAX_PRESENCE, 0);
    rows_long_maximum_presence: OwnRows, "presence of 241", |unit| unit.row(&frame::PREEMPT_MAX_PRESENCE, 241);
    rows_short_maximum_presence: OwnRows, "gives up", |unit| unit.row(&frame::PREEMPT_MAX_PRESENCE, 119);
    rows_locking: OwnRows, "locks", |unit| unit.row(&frame::PREEMPT_CONTROL, 0b1_0000);
    rows_not_enabled: OwnRows, "not enabled", |unit| unit.row(&frame::PREEMPT_CONTROL, 0b1);
    rows_flash_dwell: OwnRows, "flash", |unit| unit.row(&frame::PREEMPT_CONTROL, 0b1_1001);
    rows_flash_after_maximum_presence: OwnRows, "flash", |unit| unit.row(&frame::PREEMPT_CONTROL, 0b11_0001);
    rows_delay: OwnRows, "delay", |unit| unit.row(&frame::PREEMPT_DELAY, 1);
    rows_link: OwnRows, "links", |unit| unit.row(&frame::PREEMPT_LINK, 2);
    rows_minimum_duration: OwnRows, "holds longer", |unit| unit.row(&frame::PREEMPT_MIN_DURATION, 1);
    rows_minimum_dwell: OwnRows, "holds longer", |unit| unit.row(&frame::PREEMPT_DWELL_GREEN, 9);
    rows_beyond_the_table: OwnRows, "maxPreempts", |unit| unit.scalar(&frame::MAX_PREEMPTS, 2);
    rows_read_only: OwnRows, "remote request", |unit| unit.profile.read_only_rows = vec![OURS];
    rows_nonsense: OwnRows, "preemptLink.3 is 256", |unit| unit.row(&frame::PREEMPT_LINK, 256);
    n9_entry_yellow: EntryIntervals, "yellow", |unit| unit.row(&frame::PREEMPT_YELLOW, 29);
    n9_entry_red_clearance: EntryIntervals, "red clearance", |unit| unit.row(&frame::PREEMPT_RED, 19);
    n9_entry_red_clearance_of_nothing: EntryIntervals, "red clearance", |unit| unit.row(&frame::PREEMPT_RED, 0);
    n10_entry_minimum_green: EntryIntervals, "minimum green", |unit| unit.row(&frame::PREEMPT_MIN_GREEN, 4);
    n10_entry_walk: EntryIntervals, "walk", |unit| unit.row(&frame::PREEMPT_MIN_WALK, 3);
    n10_entry_pedestrian_clearance: EntryIntervals, "clearance", |unit| unit.row(&frame::PREEMPT_PED_CLEAR, 7);
    n9_phases_longer_than_entry: EntryIntervals, "red clearance", |unit| {
        unit.row(&frame::PREEMPT_RED, 20);
        unit.says.push((frame::PHASE_RED.of(2), Some(Value::Integer(21))));
    };
    n9_entry_beyond_all_values: EntryIntervals, "outside", |unit| unit.row(&frame::PREEMPT_YELLOW, 1_000);
    dwell_another_phase: Dwell, "in the model", |unit| unit.list(&frame::PREEMPT_DWELL_PHASE, &[1, 2]);
    dwell_unknown_phase: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_DWELL_PHASE, &[1, 8]);
    dwell_pedestrians: Dwell, "in the model", |unit| unit.list(&frame::PREEMPT_DWELL_PED, &[3]);
    dwell_overlap: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_DWELL_OVERLAP, &[1]);
    dwell_track_phase: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_TRACK_PHASE, &[1]);
    dwell_track_overlap: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_TRACK_OVERLAP, &[1]);
    dwell_unknown_exit_phase: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_EXIT_PHASE, &[1, 8]);
    dwell_cycling_phase: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_CYCLING_PHASE, &[1]);
    dwell_cycling_pedestrians: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_CYCLING_PED, &[1]);
    dwell_cycling_overlap: Dwell, "does not know", |unit| unit.list(&frame::PREEMPT_CYCLING_OVERLAP, &[1]);
    n5_rail_row_that_does_not_override: Precedence, "rail row 1", |unit| {
        unit.says.push((frame::PREEMPT_CONTROL.of(RAIL), Some(Value::Integer(0b1_0101))));
    };
    n5_rail_row_of_a_higher_number: Precedence, "rail row 9", |unit| unit.site.rows[0].number = 9;
}

#[test]
fn clock_off_where_requests_carry_it() {
    arms(&Unit::with_priority());
    // The device says a whole second, which is true for its length.
    for (ours_ms, armed) in [(0, true), (999, true), (-150, true), (-201, false), (1_200, false)] {
        let mut unit = Unit::with_priority();
        unit.epoch_ms += ours_ms;
        if armed { arms(&unit) } else { not_armed(GateRow::Clock, "off by", &unit) }
    }
    let mut unit = Unit::of(priority_site(), Profile::STANDARD);
    unit.epoch_ms = 0;
    arms(&unit);
}

#[test]
fn a_healthy_controller_arms_and_the_reading_holds_what_the_objects_say() {
    let unit = Unit::new();
    arms(&unit);
    let reading = unit.read(&mut unit.exchange());
    assert_eq!(reading.dead_man, Some(Millis::from_s(15)));
    assert_eq!(reading.phases.map(|phases| phases.red), Some(Millis(2_000)));
    assert_eq!(unit.site.rows[0].owner, Owner::Other);
    assert!(reading.rows[0].overrides && !reading.rows[0].present);
}

/// The object that an instance is of.
fn object_of(name: &Name) -> &'static Object {
    let of = |object: &&Object| name.arcs().starts_with(object.at(&[]).arcs());
    OBJECTS.iter().filter(of).max_by_key(|object| object.at(&[]).arcs().len()).expect("one of ours")
}

/// Without any one of them the unit is not armed, and the reason names it; the conformance statement
/// calls the same objects required, and no other.
#[test]
fn each_required_object_that_a_unit_does_not_serve_keeps_it_unarmed_by_name() {
    arms(&Unit::with_priority());
    let mut exchange = Unit::with_priority().exchange();
    let mut seen = Vec::new();
    for request in exchange.requests(&Ask::Gate) {
        let Request::Get(names) = request else { panic!("a read") };
        for name in names {
            let object = object_of(&name);
            let mut unit = Unit::with_priority();
            unit.lacks(name);
            if conformance::is_required(object) {
                let findings = unit.findings();
                let named = format!("does not serve {}", object.name);
                assert!(findings.iter().any(|f| f.reason.contains(&named)), "{named}: {findings:?}");
                seen.push(object.name);
            } else {
                arms(&unit);
            }
        }
    }
    for object in OBJECTS.iter().filter(|object| conformance::is_required(object)) {
        assert!(seen.contains(&object.name), "the gate does not read {}", object.name);
    }
}

/// A reading takes several messages: a unit may be exchanged, or restarted with another
/// configuration, between the first and the last.
#[test]
fn a_unit_that_becomes_another_while_it_is_read_is_not_armed() {
    let unit = Unit::new();
    let findings_when = |says: &dyn Fn(&Name, usize) -> Option<Value>| {
        let (mut exchange, asked_before) = (unit.exchange(), RefCell::new(Vec::new()));
        let answer = asked(&mut exchange, &Ask::Gate, |name| {
            let mut before = asked_before.borrow_mut();
            before.push(*name);
            says(name, before.iter().filter(|known| *known == name).count())
        });
        let Answer::Gate(reading) = answer else { panic!("{answer:?}") };
        judge(&unit.site, &reading, 1, Millis::ZERO).err().unwrap_or_default()
    };
    let version = frame::MODULE_VERSION.of(1);
    let another = Value::Octets(b"another".to_vec());
    assert_eq!(findings_when(&|name, _| unit.value(name)), []);
    for (first, last) in [(1, Some(another.clone())), (2, Some(another)), (2, None)] {
        let found = findings_when(&|name, time| match *name == version && time == first {
            true => last.clone(),
            false => unit.value(name),
        });
        assert!(found.iter().any(|f| f.row == GateRow::Identity), "{first} {last:?}: {found:?}");
    }
}

#[test]
fn what_a_profile_says_in_place_of_an_absent_object_is_judged_as_if_it_were_read() {
    let stand_in = |object: &Object, value: StandIn| {
        let mut unit = Unit::new();
        let instance = if object.instance == Instance::Scalar { 0 } else { OURS };
        unit.lacks(object.of(instance));
        unit.profile.stands_in.insert(object.name.into(), value);
        unit
    };
    arms(&stand_in(&frame::UNIT_CONTROL, StandIn::Number(0)));
    arms(&stand_in(&frame::PREEMPT_DWELL_OVERLAP, StandIn::Octets(Vec::new())));
    arms(&stand_in(&frame::PREEMPT_STATE, StandIn::Number(2)));
    let switched_off = stand_in(&frame::UNIT_CONTROL, StandIn::Number(2));
    not_armed(GateRow::Mode, "switched off", &switched_off);
    let short = stand_in(&frame::PREEMPT_RED, StandIn::Number(0));
    not_armed(GateRow::EntryIntervals, "red clearance", &short);
    // What the device does serve counts first.
    let mut served = Unit::new();
    served.profile.stands_in.insert("preemptEnterRedClear".into(), StandIn::Number(255));
    served.row(&frame::PREEMPT_RED, 0);
    not_armed(GateRow::EntryIntervals, "red clearance", &served);
}

#[test]
fn phases_behind_overlaps_and_channels_are_named_by_the_profile() {
    let mut unit = Unit::new();
    unit.outputs = vec![Output::Channel(1), Output::Channel(2), Output::Channel(3)];
    let findings = unit.findings();
    let named = |finding: &GateFinding| finding.row == GateRow::EntryIntervals;
    assert!(findings.iter().any(|f| named(f) && f.reason.contains("(phases)")), "{findings:?}");
    unit.profile.phases = vec![1, 2, 3];
    assert!(!unit.findings().iter().any(named), "{:?}", unit.findings());
    unit.lacks(frame::PHASE_RED.of(2));
    assert!(unit.findings().iter().any(|finding| finding.reason.contains("phaseTable.phaseRedClear.2")));
}

#[test]
fn the_user_defined_timer_replaces_the_other_where_its_list_holds_our_calls() {
    let column = frame::PREEMPT_CALL.at(&[]);
    let rows = [frame::PATTERN.at(&[0]), frame::PREEMPT_CALL.of(4), frame::PREEMPT_CALL.of(OURS)];
    for watched in [&[column][..], &rows] {
        let mut unit = Unit::new();
        unit.user_timer(watched);
        arms(&unit);
        let mut exchange = unit.exchange();
        let first = unit.read(&mut exchange);
        assert!(judge(&unit.site, &first, 1, Millis::ZERO).is_err(), "the list was not yet read");
        assert_eq!(unit.read(&mut exchange).dead_man, Some(Millis::from_s(30)));
    }
}

#[test]
fn a_waiver_stands_for_the_list_of_the_user_defined_timer_only_where_it_is_not_served() {
    let mut unit = Unit::new();
    unit.profile.user_backup_watches_calls = true;
    unit.user_timer(&[]);
    not_armed(GateRow::DeadMan, "does not watch", &unit);
    unit.lacks(frame::WATCHED_MAX.at(&[0]));
    arms(&unit);
}

#[test]
fn a_controller_of_version_1_arms_only_by_waiver_of_its_yellow_and_red() {
    let mut unit = Unit::new();
    unit.profile.version = Version::V01;
    for row in [3, 4] {
        for object in frame::LISTS_OF_V02.iter().chain([&frame::PREEMPT_YELLOW, &frame::PREEMPT_RED]) {
            unit.lacks(object.of(row));
        }
    }
    let findings = unit.findings();
    let entry = |finding: &GateFinding| finding.row == GateRow::EntryIntervals;
    assert!(!findings.is_empty() && findings.iter().all(entry), "{findings:?}");
    unit.profile.entry_keeps_intervals = true;
    arms(&unit);
    // The waiver is for yellow and red alone.
    unit.row(&frame::PREEMPT_PED_CLEAR, 0);
    not_armed(GateRow::EntryIntervals, "pedestrian clearance", &unit);
}

#[test]
fn a_controller_without_our_hash_arms_by_what_it_was_at_commissioning() {
    let mut unit = Unit::new();
    unit.text(&frame::MODULE_MAKE, "Acme");
    unit.text(&frame::MODULE_VERSION, "2.66 of 20240115");
    not_armed(GateRow::Identity, "not commissioned", &unit);
    unit.commissioned = Some(unit.facts().identity);
    arms(&unit);
    type Change = fn(&mut Unit);
    let changes: [(&str, Change); 8] = [
        ("moduleMake is `Apex`, `Acme`", |unit| unit.text(&frame::MODULE_MAKE, "Apex")),
        ("moduleModel", |unit| unit.text(&frame::MODULE_MODEL, "9")),
        ("moduleVersion", |unit| unit.text(&frame::MODULE_VERSION, "2.67")),
        ("unit's timers", |unit| unit.scalar(&frame::BACKUP_TIME, 14)),
        ("phases' times", |unit| unit.says.push((frame::PHASE_WALK.of(3), Some(Value::Integer(5))))),
        ("preempt rows", |unit| unit.row(&frame::PREEMPT_YELLOW, 254)),
        ("preempt rows", |unit| unit.list(&frame::PREEMPT_EXIT_PHASE, &[2, 1])),
        ("network model", |unit| unit.site.groups[0].min_green = Millis(4_000)),
    ];
    for (words, change) in changes {
        let mut changed = Unit { says: unit.says.clone(), ..Unit::new() };
        changed.commissioned = unit.commissioned.clone();
        change(&mut changed);
        not_armed(GateRow::Identity, words, &changed);
    }
}

#[test]
fn what_changes_in_operation_is_no_part_of_the_checksum() {
    let unit = Unit::new();
    let mut busy = Unit::new();
    busy.row(&frame::PREEMPT_STATE, 6);
    busy.row(&frame::PREEMPT_CALL, 1);
    busy.scalar(&frame::CONTROL_STATUS, 4);
    busy.scalar(&frame::FLASH_STATUS, 3);
    assert_eq!(unit.facts().identity, busy.facts().identity);
}

#[test]
fn a_site_without_preempt_rows_of_ours_has_no_entry_to_judge() {
    let mut unit = Unit::of(priority_site(), Profile::STANDARD);
    let preempts = unit.site.rows.iter_mut().filter(|row| row.channel == Channel::Preempt);
    preempts.for_each(|row| row.owner = Owner::Other);
    unit.outputs = vec![Output::Channel(1), Output::Channel(2), Output::Channel(3)];
    assert_eq!(unit.site.own_rows().iter().collect::<Vec<RowId>>().len(), 1);
    arms(&unit);
}
