//! Eight phases in two rings, each scene watched by the monitor.

use clearway_network::testing::eight_phases;
use clearway_signals::{GroupId, GroupSet, Millis, RowId};
use proptest::prelude::*;

use crate::emulator::Options;
use crate::station::Station;

const CYCLE_S: i64 = 100;

/// The groups of phases.
fn phases(numbers: &[u8]) -> GroupSet {
    numbers.iter().map(|number| GroupId(number - 1)).collect()
}

struct Scene {
    station: Station,
}

impl Scene {
    fn coordinated() -> Self {
        Self::of(|_| {})
    }

    fn free() -> Self {
        Self::of(|controller| controller.rings.iter_mut().for_each(|phase| phase.coordinated = false))
    }

    fn of(change: impl FnOnce(&mut clearway_network::Controller)) -> Self {
        let mut controller = eight_phases();
        change(&mut controller);
        let options = Options { backup_time: Millis::ZERO, ..Options::default() };
        Self { station: Station::new(&controller, options) }
    }

    /// The phases that are green at a second.
    fn at(&mut self, seconds: i64) -> GroupSet {
        self.station.advance(Millis::from_s(seconds));
        let monitor = self.station.monitor();
        assert_eq!(monitor.totals().violations(), 0, "{:?}", monitor.violations());
        self.station.emulator().status().greens.intersection(GroupSet(0xff))
    }

    fn hold(&mut self, detectors: &[u8], occupied: bool) {
        for detector in detectors {
            assert!(self.station.emulator_mut().detector_hold(*detector, occupied));
        }
    }

    fn call(&mut self, detector: u8) {
        assert!(self.station.emulator_mut().detector_pulse(detector));
    }

    /// Seconds of the coming `seconds` in which the phase is green.
    fn green_s(&mut self, number: u8, seconds: i64) -> Vec<i64> {
        let now = self.station.emulator().now().0 / 1000;
        (now + 1..=now + seconds).filter(|at| self.at(*at).contains(GroupId(number - 1))).collect()
    }
}

#[test]
fn without_calls_the_coordinated_phases_rest_in_green() {
    let mut scene = Scene::coordinated();
    // At the start everybody may wait.
    scene.at(3 * CYCLE_S);
    for second in 3 * CYCLE_S..5 * CYCLE_S {
        assert_eq!(scene.at(second), phases(&[2, 6]), "second {second}");
    }
}

#[test]
fn under_steady_demand_every_phase_has_its_split() {
    let mut scene = Scene::coordinated();
    scene.hold(&[1, 2, 3, 4, 5, 6, 7, 8], true);
    scene.at(2 * CYCLE_S);
    for (pair, start, end) in [([1, 5], 0, 11), ([2, 6], 15, 50), ([3, 7], 54, 65), ([4, 8], 69, 96)] {
        for second in start + 1..end {
            assert_eq!(scene.at(2 * CYCLE_S + second), phases(&pair), "second {second}");
        }
    }
}

#[test]
fn a_call_waits_for_the_yield_point_and_a_gap_gives_the_rest_back() {
    let mut scene = Scene::coordinated();
    scene.at(3 * CYCLE_S + 20);
    scene.call(4);
    let greens = scene.green_s(4, CYCLE_S);
    // The coordinated phase ends at 50 s; four seconds of yellow and red follow. The walk with its
    // clearance, 15 s and the ticks between, is longer than the minimum green.
    assert_eq!((greens[0], greens.len()), (3 * CYCLE_S + 54, 16), "{greens:?}");
    let back = scene.station.emulator().aspect_since(GroupId(1));
    assert_eq!(back, Some(Millis(373_300)), "phase 2 is green long before its split");
}

#[test]
fn a_call_that_comes_too_late_for_its_split_waits_a_cycle() {
    let mut scene = Scene::coordinated();
    scene.at(3 * CYCLE_S + 70);
    scene.call(3);
    let greens = scene.green_s(3, 2 * CYCLE_S);
    assert_eq!(greens[0], 4 * CYCLE_S + 54, "{greens:?}");
}

#[test]
fn a_maximum_ends_what_no_gap_ends() {
    let mut scene = Scene::free();
    scene.hold(&[2, 4], true);
    scene.at(120);
    let greens = scene.green_s(2, 200);
    let runs = greens.windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
    assert!(runs >= 2, "it comes again and again: {greens:?}");
    let longest = greens.chunk_by(|a, b| a + 1 == *b).map(<[i64]>::len).max();
    assert_eq!(longest, Some(30), "{greens:?}");
}

#[test]
fn free_of_the_plan_a_lonely_phase_rests_and_leaves_for_a_call_when_its_crossing_is_clear() {
    let mut scene = Scene::free();
    scene.hold(&[2], true);
    scene.at(100);
    assert!(scene.at(150).contains(GroupId(1)));
    scene.hold(&[2], false);
    scene.at(170);
    scene.call(7);
    let greens = scene.green_s(7, 30);
    assert!((174..=189).contains(&greens[0]), "{greens:?}");
}

#[test]
fn a_phase_nobody_called_is_skipped_and_its_time_goes_to_the_next() {
    let mut scene = Scene::coordinated();
    scene.hold(&[4], true);
    scene.at(3 * CYCLE_S);
    let lefts = [1, 3, 5, 7].map(|number| scene.green_s(number, CYCLE_S).len());
    assert_eq!(lefts, [0; 4]);
    let greens = scene.green_s(4, CYCLE_S);
    // From the yield of phase 2, not from its own split, until it is forced off.
    assert!(greens.len() >= 40, "{greens:?}");
    assert_eq!(greens.last().unwrap() % CYCLE_S, 95);
}

#[test]
fn after_a_preemption_coordination_is_back_within_two_cycles() {
    for second in (0..CYCLE_S).step_by(7) {
        let mut scene = Scene::coordinated();
        scene.hold(&[1, 2, 3, 4, 5, 6, 7, 8], true);
        scene.at(2 * CYCLE_S + second);
        scene.station.emulator_mut().remote_call(RowId(0), true, Millis::NEVER).unwrap();
        assert_eq!(scene.at(2 * CYCLE_S + second + 45), phases(&[4, 7]));
        scene.station.emulator_mut().remote_call(RowId(0), false, Millis::NEVER).unwrap();
        scene.at(6 * CYCLE_S + second);
        let recovery = scene.station.emulator().recovery().unwrap();
        assert!(recovery.cycles.is_some_and(|cycles| cycles <= 2), "{second}: {recovery:?}");
    }
}

#[test]
fn priority_cuts_what_is_in_its_way_and_holds_what_it_needs() {
    let wait_s = |ask: bool| {
        let mut scene = Scene::coordinated();
        scene.hold(&[1, 2, 3, 5, 6, 7], true);
        scene.at(3 * CYCLE_S + 40);
        scene.call(4);
        if ask {
            let emulator = scene.station.emulator_mut();
            emulator.request_priority(RowId(1), 5, Millis(10_000), Millis(40_000)).unwrap();
        }
        let first = scene.green_s(4, CYCLE_S)[0];
        (first - 3 * CYCLE_S - 40, scene.station.emulator().counters().grants)
    };
    let ((without, none), (with, one)) = (wait_s(false), wait_s(true));
    assert_eq!((none, one), (0, 1));
    assert!(with + 5 <= without, "{with} s with, {without} s without");
}

#[test]
fn a_crossing_walks_with_its_phase_and_clears_before_it_ends() {
    let mut scene = Scene::free();
    scene.hold(&[4, 2], true);
    let (mut walks, mut seen) = (0, false);
    for tenth in 0..4_000 {
        scene.station.advance(Millis(tenth * 100));
        let status = scene.station.emulator().status();
        let walking = status.greens.contains(GroupId(9)) || status.clearing.contains(GroupId(9));
        assert!(!walking || status.greens.contains(GroupId(3)), "at {}", tenth * 100);
        walks += u32::from(walking && !seen);
        seen = walking;
    }
    assert!(walks >= 4, "{walks} walks");
    assert_eq!(scene.station.monitor().totals().violations(), 0);
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Hold(u8, bool),
    Pulse(u8),
    Preempt(bool),
    Priority(i64),
    FixedTime(bool),
    Restart,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (1u8..9, any::<bool>()).prop_map(|(detector, on)| Deed::Hold(detector, on)),
        8 => (1u8..9).prop_map(Deed::Pulse),
        2 => any::<bool>().prop_map(Deed::Preempt),
        2 => (0i64..40_000).prop_map(Deed::Priority),
        1 => any::<bool>().prop_map(Deed::FixedTime),
        1 => Just(Deed::Restart),
    ]
}

fn apply(station: &mut Station, deed: Deed) {
    let emulator = station.emulator_mut();
    match deed {
        Deed::Hold(detector, on) => assert!(emulator.detector_hold(detector, on)),
        Deed::Pulse(detector) => assert!(emulator.detector_pulse(detector)),
        Deed::Preempt(on) => emulator.remote_call(RowId(0), on, Millis(60_000)).unwrap(),
        Deed::Priority(eta) => emulator.request_priority(RowId(1), 3, Millis(eta), Millis(60_000)).unwrap(),
        Deed::FixedTime(on) => emulator.set_fixed_time(on),
        Deed::Restart => assert!(emulator.restart()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn s1_to_s4_hold_with_rings_and_whoever_waits_is_served(
        free: bool,
        deeds in prop::collection::vec((0i64..300, deed()), 0..60),
        waiting in 1u8..9,
    ) {
        let mut scene = if free { Scene::free() } else { Scene::coordinated() };
        for (wait, deed) in deeds {
            let until = scene.station.emulator().now() + Millis(wait * 100);
            scene.station.advance(until);
            apply(&mut scene.station, deed);
        }
        scene.station.emulator_mut().set_fixed_time(false);
        scene.station.emulator_mut().remote_call(RowId(0), false, Millis::ZERO).unwrap();
        scene.call(waiting);
        let is_green = scene.station.emulator().is_green(GroupId(waiting - 1));
        let now = scene.station.emulator().now().0 / 1000;
        let served = is_green || !scene.green_s(waiting, 4 * CYCLE_S).is_empty();
        prop_assert!(served, "phase {} waits from {} s", waiting, now);
    }
}
