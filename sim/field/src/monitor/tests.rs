//! Planted wrong displays, one for each rule, and a lawful one.

use super::code::{CLEARANCE, GREEN, RED, RED_YELLOW, YELLOW};
use super::*;

/// Groups: 0 and 1 vehicles in conflict, 2 pedestrians in conflict with 0; row 0 at most 10 s.
fn monitor() -> Monitor {
    let (free, after) = (None, |ms| Some(ms));
    Monitor::new(Tables {
        min_green_ms: vec![5_000, 5_000, 5_000],
        ending_ms: vec![3_000, 3_000, 8_000],
        pedestrian: vec![false, false, true],
        intergreen_ms: vec![
            free,
            after(5_000),
            after(5_000),
            after(5_000),
            free,
            free,
            after(9_000),
            free,
            free,
        ],
        max_presence_ms: vec![10_000],
    })
}

/// Play displays, each shown until the next one's time, sampled every 100 ms.
fn play(script: &[(i64, [u8; 3])], until_ms: i64) -> Monitor {
    let mut monitor = monitor();
    let mut step = 0;
    for now in (0..=until_ms).step_by(100) {
        while step + 1 < script.len() && script[step + 1].0 <= now {
            step += 1;
        }
        monitor.observe(now, &script[step].1, None);
    }
    monitor
}

fn kinds(monitor: &Monitor) -> Vec<Kind> {
    monitor.violations().iter().map(|violation| violation.kind).collect()
}

#[test]
fn a_lawful_change_of_green_is_no_violation() {
    let monitor = play(
        &[
            (0, [RED, RED, RED]),
            (1_000, [GREEN, RED, RED]),
            (6_000, [YELLOW, RED, RED]),
            (9_000, [RED, RED, RED]),
            (10_000, [RED, RED_YELLOW, RED]),
            (11_000, [RED, GREEN, GREEN]),
            (16_000, [RED, YELLOW, CLEARANCE]),
            (19_000, [RED, RED, CLEARANCE]),
            (24_000, [RED, RED, RED]),
            (25_000, [GREEN, RED, RED]),
        ],
        40_000,
    );
    assert_eq!(monitor.totals(), Totals::default(), "{:?}", monitor.violations());
}

#[test]
fn s1_two_conflicting_greens_are_counted_once_and_latch_after_300_ms() {
    let script = [(0, [RED, RED, RED]), (1_000, [GREEN, GREEN, RED]), (1_200, [GREEN, YELLOW, RED])];
    assert!(!play(&script, 1_200).totals().latched);
    let monitor = play(&script, 1_300);
    assert_eq!((monitor.totals().conflicts, monitor.totals().latched), (1, true));
}

#[test]
fn s1_clearance_against_green_is_a_conflict() {
    let monitor = play(&[(0, [RED, RED, CLEARANCE]), (3_000, [GREEN, RED, CLEARANCE])], 3_000);
    assert_eq!(kinds(&monitor), [Kind::Conflict]);
}

#[test]
fn s2_a_short_yellow_is_measured_to_the_tick() {
    let script = [(0, [RED; 3]), (100, [GREEN, RED, RED]), (6_000, [YELLOW, RED, RED]), (8_900, [RED; 3])];
    let monitor = play(&script, 9_000);
    let violation = monitor.violations()[0];
    assert_eq!(
        (violation.kind, violation.measured_ms, violation.required_ms),
        (Kind::ShortYellow, 2_900, 3_000)
    );
}

#[test]
fn s2_a_yellow_left_out_is_a_short_yellow() {
    let monitor = play(&[(0, [RED; 3]), (100, [GREEN, RED, RED]), (6_000, [RED; 3])], 7_000);
    assert_eq!(kinds(&monitor), [Kind::ShortYellow]);
}

#[test]
fn s3_an_intergreen_100_ms_short_is_found_for_the_ordered_pair() {
    let script = [
        (0, [RED; 3]),
        (100, [GREEN, RED, RED]),
        (6_000, [YELLOW, RED, RED]),
        (9_000, [RED; 3]),
        (10_900, [RED, GREEN, RED]),
    ];
    let monitor = play(&script, 11_000);
    let violation = monitor.violations()[0];
    assert_eq!((violation.kind, violation.first, violation.second), (Kind::ShortIntergreen, 0, Some(1)));
    assert_eq!((violation.measured_ms, violation.required_ms), (4_900, 5_000));
}

#[test]
fn s4_a_short_green_is_found() {
    let monitor = play(&[(0, [RED; 3]), (100, [GREEN, RED, RED]), (5_000, [YELLOW, RED, RED])], 5_000);
    assert_eq!(kinds(&monitor), [Kind::ShortGreen]);
}

#[test]
fn s4_a_pedestrian_clearance_cut_has_its_own_count() {
    let script =
        [(0, [RED; 3]), (100, [RED, RED, GREEN]), (6_000, [RED, RED, CLEARANCE]), (13_900, [RED; 3])];
    let monitor = play(&script, 14_000);
    assert_eq!((monitor.totals().clearances_cut, monitor.totals().violations()), (1, 1));
}

#[test]
fn s9_a_row_beyond_its_maximum_presence_is_counted_once() {
    let mut monitor = monitor();
    for now in (0..=12_000).step_by(100) {
        monitor.observe(now, &[RED; 3], Some(0));
    }
    assert_eq!(monitor.totals().long_presences, 1);
    assert_eq!(monitor.violations()[0].at_ms, 10_100);
}

#[test]
fn what_began_before_the_first_look_is_not_judged_by_length() {
    let monitor = play(&[(0, [GREEN, RED, RED]), (200, [YELLOW, RED, RED])], 200);
    assert_eq!(monitor.totals(), Totals::default());
}

#[test]
fn the_list_of_violations_is_bounded_and_the_counts_go_on() {
    let mut monitor = monitor();
    for tick in 0..2_000 {
        let display = if tick % 2 == 0 { [RED; 3] } else { [GREEN, GREEN, RED] };
        monitor.observe(tick * 100, &display, None);
    }
    assert_eq!(monitor.violations().len(), VIOLATIONS_MAX);
    assert_eq!(monitor.totals().conflicts, 1_000);
}
