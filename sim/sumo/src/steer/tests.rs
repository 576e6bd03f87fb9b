//! The wave on a small arterial of three junctions, played against a controller that keeps the times.

use std::collections::BTreeMap;

use clearway_signals::Millis;
use proptest::prelude::*;

use super::*;

const CLEARANCE: Clearance = Clearance {
    min_green: Millis(5_000),
    yellow: Millis(3_000),
    all_red: Millis(2_000),
    pedestrian: Millis(0),
};
/// Edges: 0 to 3 along the arterial, 4 to 6 the side streets, 7 where those lead.
const ALONG: [u32; 4] = [0, 1, 2, 3];

fn arterial(fixed_time: bool) -> Site {
    let edge = Some(Edge { length_mm: 250_000, speed_mm_s: 13_889, lanes: 1 });
    let head = |k: u32| {
        let phase = |seconds, state: &str| Phase {
            duration: Millis::from_s(seconds),
            state: state.as_bytes().to_vec(),
        };
        Head {
            name: format!("x{k}"),
            joined: false,
            fixed_time,
            links: vec![Some((EdgeId(k), EdgeId(k + 1))), Some((EdgeId(4 + k), EdgeId(7)))],
            phases: vec![phase(30, "Gr"), phase(5, "yr"), phase(50, "rG"), phase(5, "ry")],
        }
    };
    Site {
        step: Millis::from_s(1),
        clearance: CLEARANCE,
        edges: vec![edge; 8],
        heads: (0..3).map(head).collect(),
    }
}

fn fix(name: &str, route: &[u32], along_mm: i64, speed_mm_s: i64) -> Fix {
    Fix {
        name: name.into(),
        rank: Rank::Emergency,
        route: route.iter().map(|e| EdgeId(*e)).collect(),
        at: usize::try_from(along_mm / 250_000).unwrap(),
        on_junction: false,
        offset_mm: along_mm % 250_000,
        speed_mm_s,
        stop: None,
    }
}

/// A street with lights that keep their times, driven by [`Steer`].
struct Street {
    steer: Steer,
    lights: Vec<crate::drive::light::Light>,
    shown: Vec<Option<Vec<u8>>>,
    holds_s: BTreeMap<u32, i64>,
}

impl Street {
    fn new(fixed_time: bool) -> Self {
        use crate::drive::light::{Light, Program, Times};
        let times = Times { min_green: Millis(5_000), yellow: Millis(3_000), all_red: Millis(2_000) };
        let program = if fixed_time { Program::Static } else { Program::Actuated };
        Self {
            steer: Steer::new(arterial(fixed_time), Settings::default()),
            lights: (0..3).map(|_| Light::new(program, times, Millis::ZERO)).collect(),
            shown: vec![None; 3],
            holds_s: BTreeMap::new(),
        }
    }

    fn state(&self, n: usize, now: Millis) -> Vec<u8> {
        let head = &self.steer.site().heads[n];
        let planned =
            || head.phase_at(Millis::ZERO, now).map_or_else(Vec::new, |(k, _)| head.phases[k].state.clone());
        self.shown[n].clone().unwrap_or_else(planned)
    }

    fn obey(&mut self, n: usize, order: Option<crate::drive::light::Order>) {
        use crate::drive::light::Order;
        match order {
            Some(Order::Show(state)) => self.shown[n] = Some(state),
            Some(Order::Resume(_)) => self.shown[n] = None,
            None => {}
        }
    }

    fn step(&mut self, now: Millis, vehicles: Vec<Fix>, standing: Vec<Vec<u32>>) -> Vec<Ask> {
        let mut seen = Observation { now, vehicles, standing, heads: Vec::new() };
        for n in 0..3 {
            let state = self.state(n, now);
            let order = self.lights[n].tick(&state, now);
            self.obey(n, order);
            let (state, mode) = (self.state(n, now), self.lights[n].mode());
            if mode == HeadMode::Holding {
                *self.holds_s.entry(u32::try_from(n).unwrap()).or_default() += 1;
            }
            seen.heads.push(HeadView { state, mode });
        }
        let asks = self.steer.step(&seen);
        for ask in &asks {
            let n = ask.head.index();
            let head = self.steer.site().heads[n].clone();
            let order = match &ask.kind {
                AskKind::Release => self.lights[n].release(&head, now),
                AskKind::Request { target, moves, .. } => {
                    self.lights[n].request(crate::drive::light::state_of(&head, *target, moves), now)
                }
            };
            self.obey(n, order);
        }
        asks
    }

    /// A vehicle drives the arterial from `start`; it stops at red. Seconds until it is through.
    fn drive(&mut self, start: i64, speed_mm_s: i64) -> i64 {
        let mut along = 0;
        for second in start..start + 600 {
            let now = Millis::from_s(second);
            self.step(now, vec![fix("fire", &ALONG, along, speed_mm_s)], vec![vec![0]; 8]);
            let line = (along / 250_000 + 1) * 250_000;
            let n = usize::try_from(line / 250_000 - 1).unwrap();
            let go = n > 2 || self.state(n, now)[0] == b'G';
            along = if go { along + speed_mm_s } else { (along + speed_mm_s).min(line - 1) };
            if along >= 999_000 {
                return second - start;
            }
        }
        600
    }
}

#[test]
fn a_vehicle_meets_green_wherever_the_cycle_stands() {
    for start in (0..90).step_by(7) {
        let mut street = Street::new(true);
        let seconds = street.drive(start, 13_889);
        assert!(seconds <= 72 + 2, "{seconds} s from {start}, free is 72 s");
    }
}

#[test]
fn every_hold_ends_when_the_vehicle_has_passed_or_is_gone() {
    for fixed_time in [true, false] {
        let mut street = Street::new(fixed_time);
        street.drive(10, 13_889);
        for second in 100..130 {
            street.step(Millis::from_s(second), Vec::new(), vec![vec![0]; 8]);
        }
        assert!(street.lights.iter().all(|light| light.mode() == HeadMode::Normal));
        assert!(street.holds_s.values().all(|held| *held <= 60), "{:?}", street.holds_s);
    }
}

#[test]
fn s9_a_vehicle_that_never_moves_holds_no_signal_for_ever() {
    let mut street = Street::new(false);
    for second in 0..600 {
        street.step(Millis::from_s(second), vec![fix("stuck", &ALONG, 240_000, 0)], vec![vec![0]; 8]);
        for light in &street.lights {
            let held = light.held_since().map_or(Millis::ZERO, |since| Millis::from_s(second).since(since));
            assert!(held < Millis::from_s(90), "held for {held:?}");
        }
    }
    let own = street.holds_s.get(&0).copied().unwrap_or(0);
    assert!(own < 400, "the side street had its turns: {own} s of 600 held");
    assert!(
        street.holds_s.get(&1).copied().unwrap_or(0) <= 40,
        "nothing is held far ahead of a stuck vehicle"
    );
}

#[test]
fn a_full_edge_behind_the_stop_line_keeps_the_call_back() {
    let mut street = Street::new(false);
    let mut standing = vec![vec![0]; 8];
    standing[1] = vec![33];
    let asks = street.step(Millis::from_s(40), vec![fix("fire", &ALONG, 150_000, 13_889)], standing);
    assert!(asks.iter().all(|ask| ask.head != HeadId(0)), "{asks:?}");
    let asks = street.step(Millis::from_s(41), vec![fix("fire", &ALONG, 160_000, 13_889)], vec![vec![0]; 8]);
    assert!(asks.iter().any(|ask| ask.head == HeadId(0)), "{asks:?}");
}

#[test]
fn s11_of_two_that_cross_the_first_to_arrive_is_served_and_the_other_after_it() {
    let mut street = Street::new(false);
    let near = fix("near", &ALONG, 200_000, 13_889);
    let far = Fix { offset_mm: 120_000, ..fix("far", &[4, 7], 0, 13_889) };
    let asks = street.step(Millis::from_s(40), vec![far.clone(), near], vec![vec![0]; 8]);
    let first = asks.iter().find(|ask| ask.head == HeadId(0)).map(|ask| ask.kind.clone());
    assert!(matches!(first, Some(AskKind::Request { approach: EdgeId(0), .. })), "{asks:?}");
    let mut served = Vec::new();
    for second in 41..70 {
        let passed = fix("near", &ALONG, 260_000, 13_889);
        served.extend(street.step(Millis::from_s(second), vec![far.clone(), passed], vec![vec![0]; 8]));
    }
    let then = |ask: &Ask| matches!(ask.kind, AskKind::Request { approach: EdgeId(4), .. });
    assert!(served.iter().any(then), "{served:?}");
}

#[test]
fn transit_never_takes_a_signal_from_an_emergency_vehicle() {
    let mut street = Street::new(false);
    let fire = fix("fire", &ALONG, 150_000, 13_889);
    let tram = Fix { rank: Rank::Transit, offset_mm: 240_000, ..fix("tram", &[4, 7], 0, 8_000) };
    for second in 40..60 {
        let asks = street.step(Millis::from_s(second), vec![tram.clone(), fire.clone()], vec![vec![0]; 8]);
        let for_tram = |ask: &Ask| matches!(ask.kind, AskKind::Request { approach: EdgeId(4), .. });
        assert!(!asks.iter().any(for_tram), "{asks:?}");
    }
}

/// A road of two edges to one signal under an actuated plan, which shows `state` throughout.
struct Road {
    steer: Steer,
    asks: Vec<(i64, Ask)>,
}

impl Road {
    fn new() -> Self {
        let mut site = arterial(false);
        site.heads.truncate(1);
        site.heads[0].links = vec![Some((EdgeId(1), EdgeId(2))), Some((EdgeId(4), EdgeId(7)))];
        Self { steer: Steer::new(site, Settings::default()), asks: Vec::new() }
    }

    fn run(
        &mut self,
        seconds: std::ops::Range<i64>,
        fix: &Fix,
        standing: [u32; 2],
        state: &str,
        mode: HeadMode,
    ) {
        for second in seconds {
            let mut seen = Observation { now: Millis::from_s(second), ..Observation::default() };
            seen.vehicles = vec![fix.clone()];
            seen.standing = standing.iter().map(|n| vec![*n]).collect();
            seen.standing.resize(8, vec![0]);
            seen.heads = vec![HeadView { state: state.as_bytes().to_vec(), mode }];
            self.asks.extend(self.steer.step(&seen).into_iter().map(|ask| (second, ask)));
        }
    }
}

#[test]
fn who_waits_for_another_movement_and_blocks_the_way_is_served_first() {
    let fire = fix("fire", &[0, 1, 2], 200_000, 0);
    let mut road = Road::new();
    road.run(40..53, &fire, [5, 0], "Gr", HeadMode::Normal);
    let (at, first) = road.asks[0].clone();
    let theirs = |kind: &AskKind| {
        matches!(kind, AskKind::Request { approach: EdgeId(4), target: Target::Phase(2), .. })
    };
    assert!(theirs(&first.kind) && at >= 50, "{:?}", road.asks);
    road.run(53..58, &fire, [5, 0], "Gr", HeadMode::Entering);
    road.run(58..70, &fire, [5, 0], "rG", HeadMode::Holding);
    assert_eq!(road.asks.len(), 1, "carried through: {:?}", road.asks);
    road.run(70..72, &Fix { speed_mm_s: 9_000, ..fire }, [0, 0], "rG", HeadMode::Holding);
    assert_eq!(road.asks[1].1.kind, AskKind::Release, "gone: given back");
}

#[test]
fn a_queue_that_waits_for_the_red_ahead_gets_its_green() {
    let mut road = Road::new();
    road.run(40..60, &fix("fire", &[0, 1, 2], 200_000, 0), [5, 33], "rG", HeadMode::Normal);
    let own = |ask: &Ask| matches!(ask.kind, AskKind::Request { approach: EdgeId(1), .. });
    assert!(road.asks.iter().all(|(_, ask)| own(ask)) && !road.asks.is_empty(), "{:?}", road.asks);
}

#[test]
fn a_tram_at_a_stop_asks_when_its_dwell_ends() {
    let tram = |dwell_s| Fix {
        rank: Rank::Transit,
        stop: Some(Stop { at: 1, dwell: Millis::from_s(dwell_s) }),
        ..fix("tram", &[0, 1, 2], 450_000, 0)
    };
    let mut road = Road::new();
    road.run(40..60, &tram(60), [0, 0], "rG", HeadMode::Normal);
    assert!(road.asks.is_empty(), "{:?}", road.asks);
    road.run(60..61, &tram(3), [0, 0], "rG", HeadMode::Normal);
    assert_eq!(road.asks.len(), 1, "{:?}", road.asks);
}

proptest! {
    #[test]
    fn any_observation_is_answered_and_the_answer_repeats(
        fixes in prop::collection::vec((0_i64..1_000_000, 0_i64..40_000, 0_usize..3), 0..40),
        standing in prop::collection::vec(prop::collection::vec(0_u32..60, 0..20), 0..8),
    ) {
        let run = || {
            let mut street = Street::new(true);
            let mut asks = Vec::new();
            for (second, (along, speed, who)) in (0_i64..).zip(&fixes) {
                let seen = vec![fix(["a", "b", "c"][*who], &ALONG, *along, *speed)];
                asks.push(street.step(Millis::from_s(second), seen, standing.clone()));
            }
            asks
        };
        prop_assert_eq!(run(), run());
    }
}
