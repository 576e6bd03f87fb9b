use clearway_signals::limits::ARMING_AGE_MAX;
use clearway_signals::{GroupSet, Millis, Mode, RowKind};

use super::{Entry, GateFinding, GateReading, GateRow, Intervals, RowReading, judge};
use crate::kit::{Device, MAIN, TRANSIT, site};
use crate::port::Protocol;
use crate::site::Site;

fn healthy() -> (Site, GateReading) {
    let site = site(Protocol::Ntcip);
    let reading = Device::new(site.clone()).gate_reading();
    (site, reading)
}

/// One cell of the table: this change must fail in exactly this row, with these words.
#[track_caller]
fn fails(row: GateRow, words: &str, change: impl FnOnce(&mut Site, &mut GateReading)) {
    let (mut site, mut reading) = healthy();
    change(&mut site, &mut reading);
    let findings = judge(&site, &reading, 1, Millis::ZERO).expect_err("must not arm");
    assert!(findings.iter().all(|finding| finding.row == row), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.reason.contains(words)), "{findings:?}");
}

#[track_caller]
fn main_row_fails(row: GateRow, words: &str, change: impl FnOnce(&mut RowReading)) {
    fails(row, words, |_, reading| change(&mut reading.rows[MAIN.index()]));
}

#[test]
fn a_device_as_the_model_says_is_armed_for_a_day_and_one_connection() {
    let (site, reading) = healthy();
    let armed = judge(&site, &reading, 3, Millis(500)).expect("arms");
    assert_eq!((armed.controller(), armed.at()), (site.controller, Millis(500)));
    assert_eq!(armed.dead_man(), Millis::from_s(15));
    assert!(armed.is_valid(3, Millis(500) + ARMING_AGE_MAX - Millis(1)));
    assert!(!armed.is_valid(3, Millis(500) + ARMING_AGE_MAX));
    assert!(!armed.is_valid(4, Millis(500)));
}

#[test]
fn identity_protocol() {
    fails(GateRow::Identity, "protocol version", |_, reading| reading.protocol_fits = false);
}

#[test]
fn identity_configuration() {
    fails(GateRow::Identity, "configuration", |_, reading| {
        reading.configuration_hash = reading.configuration_hash.map(|hash| hash ^ 1);
    });
    fails(GateRow::Identity, "does not name", |_, reading| reading.configuration_hash = None);
}

#[test]
fn mode_other_than_normal_or_backup() {
    for mode in [Mode::Flash, Mode::Manual, Mode::Startup, Mode::Dark, Mode::Fault, Mode::Unknown] {
        fails(GateRow::Mode, "mode", |_, reading| reading.mode = mode);
    }
    let (site, mut reading) = healthy();
    reading.mode = Mode::Backup;
    assert!(judge(&site, &reading, 1, Millis::ZERO).is_ok());
}

#[test]
fn mode_remote_commands_off() {
    fails(GateRow::Mode, "switched off", |_, reading| reading.remote_enabled = false);
}

#[test]
fn dead_man_unread_off_too_long_or_blind() {
    fails(GateRow::DeadMan, "cannot be read", |_, reading| reading.dead_man = None);
    fails(GateRow::DeadMan, "is off", |_, reading| reading.dead_man = Some(Millis::ZERO));
    fails(GateRow::DeadMan, "at most", |_, reading| reading.dead_man = Some(Millis::from_s(61)));
    fails(GateRow::DeadMan, "watch", |_, reading| reading.dead_man_watches_calls = false);
}

#[test]
fn dead_man_is_never_longer_than_the_limit_whatever_the_site_says() {
    fails(GateRow::DeadMan, "300 s at most", |site, reading| {
        site.backup_time_max = Millis::from_s(3_000);
        reading.dead_man = Some(Millis::from_s(301));
    });
}

#[test]
fn own_rows_present_and_bounded() {
    main_row_fails(GateRow::OwnRows, "cannot be read", |row| row.present = false);
    main_row_fails(GateRow::OwnRows, "no maximum presence", |row| row.max_presence = Millis::ZERO);
    main_row_fails(GateRow::OwnRows, "maximum presence of 241", |row| {
        row.max_presence = Millis::from_s(241);
    });
    main_row_fails(GateRow::OwnRows, "gives up", |row| row.max_presence = Millis::from_s(119));
}

#[test]
fn own_rows_forget_are_enabled_and_as_bound() {
    main_row_fails(GateRow::OwnRows, "locks", |row| row.non_locking = false);
    main_row_fails(GateRow::OwnRows, "not enabled", |row| row.enabled = false);
    main_row_fails(GateRow::OwnRows, "remote", |row| row.remote = false);
    main_row_fails(GateRow::OwnRows, "flash", |row| row.flash_dwell = true);
    main_row_fails(GateRow::OwnRows, "links", |row| row.link = 2);
    main_row_fails(GateRow::OwnRows, "delay", |row| row.delay = Millis::from_s(1));
    main_row_fails(GateRow::OwnRows, "holds longer", |row| row.min_dwell = Millis::from_s(9));
    main_row_fails(GateRow::OwnRows, "holds longer", |row| row.min_duration = Millis::from_s(1));
    main_row_fails(GateRow::OwnRows, "is for", |row| row.kind = Some(RowKind::Transit));
}

#[test]
fn own_rows_of_fractional_seconds_are_held_rounded_up() {
    let (mut site, mut reading) = healthy();
    let (row, device) = (&mut site.rows[MAIN.index()], &mut reading.rows[MAIN.index()]);
    (row.min_dwell, row.min_duration, row.delay) = (Millis(7_400), Millis(2_100), Millis(500));
    (device.min_dwell, device.min_duration, device.delay) =
        (Millis::from_s(8), Millis::from_s(3), Millis::from_s(1));
    reading.configuration_hash = Some(site.junction().configuration_hash());
    assert!(judge(&site, &reading, 1, Millis::ZERO).is_ok());
}

#[test]
fn own_rows_without_any_nothing_is_armed() {
    fails(GateRow::OwnRows, "binds no row", |site, reading| {
        site.capabilities = clearway_signals::Capabilities::GROUP_STATES;
        reading.configuration_hash = Some(site.junction().configuration_hash());
    });
}

#[test]
fn a_priority_row_needs_no_maximum_presence() {
    let (site, mut reading) = healthy();
    reading.rows[TRANSIT.index()].max_presence = Millis::ZERO;
    assert!(judge(&site, &reading, 1, Millis::ZERO).is_ok());
}

#[test]
fn n10_entry_that_cuts_any_interval() {
    let (site, _) = healthy();
    let full = Intervals::of_site(&site);
    let less = |interval: Millis| interval - Millis(100);
    for (words, times) in [
        ("minimum green", Intervals { min_green: less(full.min_green), ..full }),
        ("walk", Intervals { walk: less(full.walk), ..full }),
        ("pedestrian clearance", Intervals { clearance: less(full.clearance), ..full }),
        ("yellow", Intervals { yellow: less(full.yellow), ..full }),
        ("red clearance", Intervals { red: less(full.red), ..full }),
    ] {
        main_row_fails(GateRow::EntryIntervals, words, |row| row.entry = Entry::Times(times));
    }
    main_row_fails(GateRow::EntryIntervals, "cuts", |row| row.entry = Entry::Keeps(false));
    main_row_fails(GateRow::EntryIntervals, "does not say", |row| row.entry = Entry::Unknown);
}

#[test]
fn n9_entry_shorter_than_the_phases_of_the_device_itself() {
    fails(GateRow::EntryIntervals, "red clearance", |site, reading| {
        let own = Intervals::of_site(site);
        reading.phases = Some(Intervals { red: Millis(2_100), ..own });
    });
}

#[test]
fn n9_the_model_alone_demands_a_red_clearance() {
    let (site, _) = healthy();
    let needed = Intervals::of_site(&site);
    // 5 s from a group's end to the next one's start, 3 s of them yellow.
    assert_eq!(needed.red, Millis(2_000));
    fails(GateRow::EntryIntervals, "red clearance", |_, reading| {
        reading.phases = Some(Intervals::default());
        let row = &mut reading.rows[MAIN.index()];
        row.entry = Entry::Times(Intervals { red: Millis::ZERO, ..needed });
    });
}

#[test]
fn n9_entry_times_prove_nothing_without_those_of_the_phases() {
    fails(GateRow::EntryIntervals, "own phases", |_, reading| reading.phases = None);
    let (site, mut reading) = healthy();
    reading.phases = None;
    reading.rows.iter_mut().for_each(|row| row.entry = Entry::Keeps(true));
    assert!(judge(&site, &reading, 1, Millis::ZERO).is_ok());
}

#[test]
fn what_the_adapter_found_itself_keeps_the_controller_unarmed() {
    for row in GateRow::ALL {
        fails(row, "in its own words", |_, reading| {
            reading.found.push(GateFinding { row, reason: "in its own words".into() });
        });
    }
    let (site, mut reading) = healthy();
    reading.configuration_hash = None;
    reading.dead_man = None;
    for row in [GateRow::Identity, GateRow::DeadMan] {
        reading.found.push(GateFinding { row, reason: "said already".into() });
    }
    let findings = judge(&site, &reading, 1, Millis::ZERO).expect_err("must not arm");
    assert_eq!(findings, reading.found, "nothing is said twice");
}

#[test]
fn dwell_groups_differ() {
    main_row_fails(GateRow::Dwell, "green", |row| row.dwell = GroupSet(0b111));
    main_row_fails(GateRow::Dwell, "does not know", |row| row.unknown_outputs = 1);
}

#[test]
fn n5_rail_that_does_not_override() {
    fails(GateRow::Precedence, "does not override", |_, reading| reading.rows[0].overrides = false);
    fails(GateRow::Precedence, "does not override", |site, reading| {
        site.rows[0].number = 9;
        reading.configuration_hash = Some(site.junction().configuration_hash());
    });
}

#[test]
fn clock_far_off() {
    fails(GateRow::Clock, "off by", |_, reading| reading.clock_offset = Some(Millis(-201)));
}

#[test]
fn every_row_has_a_word_of_its_own() {
    let mut words: Vec<&str> = GateRow::ALL.iter().map(|row| row.word()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), GateRow::ALL.len());
}
