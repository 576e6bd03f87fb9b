//! Scenes on one crossroads of the test corridor, each watched by the monitor.

use clearway_network::testing::corridor;
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RowId, RowSet};

use super::*;
use crate::station::Station;

const RAIL: RowId = RowId(0);
const ALONG: RowId = RowId(1);
const ACROSS: RowId = RowId(2);
const TRAM: RowId = RowId(3);
const CORRIDOR: GroupId = GroupId(0);
const WALKERS: GroupId = GroupId(2);

/// Controller 0 without, controller 1 with a priority channel.
fn station(controller: usize) -> Station {
    let network = corridor(2);
    let options = Options { backup_time: Millis::ZERO, ..Options::default() };
    Station::new(&network.controllers[controller], options)
}

fn at(station: &mut Station, seconds: i64) -> Status {
    station.advance(Millis::from_s(seconds));
    assert_eq!(station.monitor().totals().violations(), 0, "{:?}", station.monitor().violations());
    station.emulator().status()
}

#[test]
fn the_plan_runs_to_the_second() {
    let mut s = station(0);
    assert_eq!(at(&mut s, 60).greens, GroupSet(0b001));
    assert_eq!(at(&mut s, 84).greens, GroupSet(0b001));
    assert_eq!(at(&mut s, 85).yellows, GroupSet(0b001));
    assert_eq!(at(&mut s, 90).greens, GroupSet(0b110));
    let end = at(&mut s, 110);
    assert_eq!((end.yellows, end.clearing), (GroupSet(0b010), GroupSet(0b100)));
    assert_eq!(at(&mut s, 120).greens, GroupSet(0b001));
    assert!(at(&mut s, 121).in_step);
}

#[test]
fn preempt_enters_after_minimum_green_and_whole_clearance_dwells_and_exits() {
    let mut s = station(0);
    at(&mut s, 91);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 92).preempt, PreemptState::EntryStarted);
    assert_eq!(s.emulator().aspects()[WALKERS.index()], Aspect::Green, "walk keeps its minimum");
    assert_eq!(at(&mut s, 96).clearing, GroupSet(0b100));
    // Walk began at 90 s, 5 s minimum, 9 s intergreen: green at 104 s.
    assert!(!at(&mut s, 103).greens.contains(CORRIDOR));
    let dwell = at(&mut s, 104);
    assert_eq!((dwell.greens, dwell.preempt, dwell.active), (GroupSet(1), PreemptState::Dwell, Some(ALONG)));
    at(&mut s, 148);
    s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 149).preempt, PreemptState::ExitStarted);
    let end = at(&mut s, 300);
    assert!(end.in_step && end.preempt == PreemptState::NotActive);
    let recovery = s.emulator().recovery().unwrap();
    assert!(recovery.cycles.unwrap() <= 1, "{recovery:?}");
}

#[test]
fn a_window_that_a_preempt_cut_short_is_served_and_the_plan_catches_up_in_two_cycles() {
    for release in 95..=109 {
        let mut s = station(0);
        at(&mut s, 80);
        s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
        // Walk was due from 90 to 110 s.
        at(&mut s, release);
        s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
        assert!(at(&mut s, release + 6).greens.contains(WALKERS), "released at {release} s");
        assert!(at(&mut s, release + 300).in_step);
        let recovery = s.emulator().recovery().unwrap();
        assert!(recovery.cycles.is_some_and(|cycles| cycles <= 2), "{recovery:?}");
    }
}

#[test]
fn a_preempt_lasts_its_minimum_duration_and_dwell_after_a_short_call() {
    let mut s = station(0);
    at(&mut s, 65);
    s.emulator_mut().remote_call(ALONG, true, Millis(200)).unwrap();
    let dwell = at(&mut s, 66);
    assert_eq!((dwell.preempt, dwell.remote), (PreemptState::Dwell, RowSet::EMPTY));
    assert_eq!(at(&mut s, 70).preempt, PreemptState::Dwell);
    assert_ne!(at(&mut s, 71).preempt, PreemptState::Dwell);
}

#[test]
fn s9_maximum_presence_ends_the_preempt_until_the_call_goes_off() {
    let mut s = station(0);
    at(&mut s, 10);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 129).preempt, PreemptState::Dwell);
    at(&mut s, 130);
    assert_eq!(s.emulator().serving(), None);
    assert_eq!(at(&mut s, 200).preempt, PreemptState::MaxPresence);
    // ON again changes nothing; OFF then ON arms it anew.
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 201).preempt, PreemptState::MaxPresence);
    s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 202).active, Some(ALONG));
}

#[test]
fn s9_a_flickering_call_does_not_outlive_maximum_presence() {
    let mut s = station(0);
    at(&mut s, 10);
    for second in 10..200 {
        s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
        s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
        at(&mut s, second + 1);
    }
}

#[test]
fn s8_backup_timer_drops_remote_calls_and_the_next_command_ends_backup_mode() {
    let network = corridor(1);
    let mut s = Station::new(
        &network.controllers[0],
        Options { backup_time: Millis::from_s(15), ..Options::default() },
    );
    assert_eq!(at(&mut s, 1).mode, Mode::Backup, "nobody has spoken yet");
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 15).mode, Mode::Normal);
    let out = at(&mut s, 16);
    assert_eq!((out.mode, out.remote), (Mode::Backup, RowSet::EMPTY));
    s.emulator_mut().remote_call(ACROSS, false, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 17).mode, Mode::Normal, "any command feeds the one timer");
}

#[test]
fn physical_and_remote_inputs_are_ored() {
    let mut s = station(0);
    at(&mut s, 65);
    s.emulator_mut().set_physical(ALONG, true);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
    let both = at(&mut s, 100);
    assert_eq!(
        (both.preempt, both.remote, both.physical),
        (PreemptState::Dwell, RowSet::EMPTY, RowSet(0b10))
    );
}

#[test]
fn s14_a_rail_row_takes_over_in_dwell_and_gives_back() {
    let mut s = station(0);
    at(&mut s, 65);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    at(&mut s, 75);
    s.emulator_mut().set_physical(RAIL, true);
    let rail = at(&mut s, 76);
    assert_eq!((rail.active, rail.preempt), (Some(RAIL), PreemptState::EntryStarted));
    assert_eq!(s.emulator().preempt_state(ALONG), PreemptState::NotActiveWithCall);
    assert_eq!(at(&mut s, 90).greens, GroupSet(0b110));
    s.emulator_mut().set_physical(RAIL, false);
    assert_eq!(at(&mut s, 110).active, Some(ALONG));
}

#[test]
fn a_lower_ranked_row_waits() {
    let mut s = station(0);
    at(&mut s, 65);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    at(&mut s, 70);
    s.emulator_mut().remote_call(ACROSS, true, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 100).active, Some(ALONG));
    s.emulator_mut().remote_call(ALONG, false, Millis::NEVER).unwrap();
    assert_eq!(at(&mut s, 101).active, Some(ACROSS));
}

#[test]
fn flash_and_dark_come_after_lawful_endings_and_return_over_red() {
    for (mode, aspect) in
        [(Mode::Flash, Aspect::Flash), (Mode::Fault, Aspect::Flash), (Mode::Dark, Aspect::Dark)]
    {
        let mut s = station(0);
        at(&mut s, 91);
        s.emulator_mut().set_mode(mode);
        assert_eq!(at(&mut s, 92).greens, GroupSet(0b110));
        at(&mut s, 110);
        assert!(s.emulator().aspects().iter().all(|shown| *shown == aspect));
        s.emulator_mut().set_mode(Mode::Normal);
        assert_eq!(at(&mut s, 114).greens, GroupSet::EMPTY);
        assert!(at(&mut s, 200).in_step);
    }
}

#[test]
fn a_call_during_flash_is_held_and_not_served() {
    let mut s = station(0);
    s.emulator_mut().set_mode(Mode::Flash);
    s.emulator_mut().remote_call(ALONG, true, Millis::NEVER).unwrap();
    let status = at(&mut s, 30);
    assert_eq!((status.mode, status.preempt), (Mode::Flash, PreemptState::NotActiveWithCall));
}

#[test]
fn manual_control_holds_the_stage() {
    let mut s = station(0);
    at(&mut s, 70);
    s.emulator_mut().set_mode(Mode::Manual);
    assert_eq!(at(&mut s, 300).greens, GroupSet(0b001));
    s.emulator_mut().set_mode(Mode::Normal);
    assert!(at(&mut s, 420).in_step);
}

#[test]
fn priority_extends_green_and_the_plan_stays_on_its_clock() {
    let mut s = station(1); // offset 7 s: corridor green from 67 s to 92 s
    at(&mut s, 85);
    s.emulator_mut().request_priority(TRAM, 5, Millis::from_s(14), Millis::from_s(30)).unwrap();
    assert_eq!(at(&mut s, 99).greens, GroupSet(0b001));
    assert_eq!(at(&mut s, 101).greens, GroupSet(0b001));
    assert_eq!(at(&mut s, 102).yellows, GroupSet(0b001), "ten seconds at most");
    assert_eq!(at(&mut s, 117).yellows, GroupSet(0b010), "the next group still ends on its clock");
    assert!(at(&mut s, 130).in_step);
}

#[test]
fn an_extension_ends_when_the_tram_checks_out() {
    let mut s = station(1);
    at(&mut s, 85);
    s.emulator_mut().request_priority(TRAM, 5, Millis::from_s(9), Millis::from_s(30)).unwrap();
    at(&mut s, 95);
    s.emulator_mut().cancel_priority();
    assert_eq!(at(&mut s, 96).yellows, GroupSet(0b001));
}

#[test]
fn priority_gives_early_green_after_minimum_green_and_clearance() {
    let mut s = station(1); // cross street and walkers from 97 s to 117 s, corridor from 127 s
    at(&mut s, 108);
    s.emulator_mut().request_priority(TRAM, 5, Millis::from_s(10), Millis::from_s(60)).unwrap();
    assert_eq!(at(&mut s, 109).clearing, GroupSet(0b100));
    let early = at(&mut s, 118);
    assert_eq!((early.greens, early.priority_granted), (GroupSet(0b001), true));
    assert_eq!(at(&mut s, 151).greens, GroupSet(0b001), "the green keeps its planned end");
    assert_eq!(at(&mut s, 152).yellows, GroupSet(0b001));
}

#[test]
fn s12_one_grant_then_one_cycle_without() {
    let mut s = station(1);
    let mut grants = Vec::new();
    at(&mut s, 60);
    for second in 60..600 {
        s.emulator_mut().request_priority(TRAM, 5, Millis::from_s(2), Millis::from_s(5)).unwrap();
        let before = s.emulator().counters().grants;
        at(&mut s, second + 1);
        if s.emulator().counters().grants > before {
            grants.push((second - 6) / 60);
        }
    }
    assert!(grants.len() >= 3, "{grants:?}");
    assert!(grants.windows(2).all(|pair| pair[1] - pair[0] >= 2), "{grants:?}");
}

#[test]
fn priority_is_refused_without_a_channel_and_preempt_rows_take_no_priority() {
    let ask = |s: &mut Station, row, level| {
        s.emulator_mut().request_priority(row, level, Millis::ZERO, Millis::from_s(5))
    };
    assert_eq!(ask(&mut station(0), TRAM, 1), Err(Refusal::NotCapable));
    assert_eq!(ask(&mut station(1), ALONG, 1), Err(Refusal::UnknownRow));
    assert_eq!(ask(&mut station(1), TRAM, 15), Err(Refusal::Level));
    let call = station(1).emulator_mut().remote_call(TRAM, true, Millis::NEVER);
    assert_eq!(call, Err(Refusal::UnknownRow), "a tram never takes an emergency row, nor the other way");
}

#[test]
fn detectors_count_and_give_the_volume_of_the_last_period() {
    let mut s = station(0);
    for _ in 0..7 {
        assert!(s.emulator_mut().detector_pulse(2));
    }
    assert!(!s.emulator_mut().detector_pulse(9));
    assert!(s.emulator().detectors()[1].occupied);
    at(&mut s, 10);
    let detector = s.emulator().detectors()[1];
    assert_eq!((detector.count, detector.volume, detector.occupied), (7, 7, false));
    at(&mut s, 20);
    assert_eq!(s.emulator().detectors()[1].volume, 0);
}

#[test]
fn step_goes_at_most_an_hour() {
    let network = corridor(1);
    let mut emulator = Emulator::new(&network.controllers[0], Options::default());
    assert_eq!(emulator.step(Millis::NEVER), Millis::from_s(3_600));
}

#[test]
fn arming_faults_show_in_what_is_reported() {
    let mut s = station(0);
    let honest = s.emulator().configuration_hash();
    s.emulator_mut().refuse_arming(ArmingFault::WrongConfiguration);
    assert_ne!(s.emulator().configuration_hash(), honest);
    s.emulator_mut().refuse_arming(ArmingFault::BackupTimerOff);
    assert_eq!((s.emulator().backup_time(), s.emulator().ttl_max()), (Millis::ZERO, Millis::ZERO));
}

#[test]
fn a_window_as_short_as_the_minimum_green_and_off_the_grid_is_served() {
    let mut controller = corridor(1).controllers.remove(0);
    controller.plan.windows[1].start = Millis(30_055);
    controller.plan.windows[1].length = Millis(5_000);
    let mut s = Station::new(&controller, Options::default());
    assert!(at(&mut s, 93).greens.contains(GroupId(1)));
}

#[test]
fn entry_waits_for_a_red_yellow_that_has_begun() {
    let mut s = station(0);
    at(&mut s, 119); // the corridor shows red-yellow, green at 120 s
    assert_eq!(s.emulator().aspects()[CORRIDOR.index()], Aspect::RedYellow);
    s.emulator_mut().remote_call(ACROSS, true, Millis::NEVER).unwrap();
    // Red-yellow 1 s, minimum green 5 s, intergreen 5 s.
    s.advance(Millis(129_900));
    assert_eq!(s.emulator().status().preempt, PreemptState::EntryStarted);
    assert_eq!(at(&mut s, 130).preempt, PreemptState::Dwell);
}
