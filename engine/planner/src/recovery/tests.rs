//! The predictor against a simulation of each method, second by second.

use clearway_network::testing::corridor;
use proptest::prelude::*;

use super::*;
use crate::transition::planned_display;

/// A controller that runs its method, one second at a time; whole seconds, thousandths as milliseconds.
struct Slow {
    method: Method,
    cycle_ms: i64,
    position_ms: i64,
    behind_ms: i64,
    rested_ms: i64,
}

impl Slow {
    fn second(&mut self) {
        let gain_ms = match self.method {
            Method::Subtract { permille } => i64::from(permille),
            Method::Add { permille } => -i64::from(permille),
            Method::ShortWay { .. } => unreachable!("is one of the two"),
            Method::Dwell { at, in_a_cycle_max } => {
                if self.position_ms == at.0 && self.rested_ms < in_a_cycle_max.0 {
                    self.rested_ms += 1_000;
                    -1_000
                } else {
                    self.rested_ms = 0;
                    0
                }
            }
        };
        self.position_ms = (self.position_ms + 1_000 + gain_ms).rem_euclid(self.cycle_ms);
        self.behind_ms -= gain_ms;
    }

    /// Seconds until it is in step: nothing behind, or a whole cycle.
    fn seconds(mut self) -> i64 {
        for second in 0..100_000 {
            if self.behind_ms <= 0 || self.behind_ms >= self.cycle_ms {
                return second;
            }
            self.second();
        }
        i64::MAX
    }
}

fn simulated(method: Method, cycle_s: i64, position_s: i64, behind_s: i64) -> i64 {
    let run = |method| {
        let (cycle_ms, position_ms, behind_ms) = (cycle_s * 1_000, position_s * 1_000, behind_s * 1_000);
        Slow { method, cycle_ms, position_ms, behind_ms, rested_ms: 0 }.seconds()
    };
    match method {
        Method::ShortWay { add_permille, subtract_permille } => run(Method::Add { permille: add_permille })
            .min(run(Method::Subtract { permille: subtract_permille })),
        method => run(method),
    }
}

fn methods() -> impl Strategy<Value = Method> {
    let rate = || 1_u16..=400;
    prop_oneof![
        (0_i64..120, 1_i64..120).prop_map(|(at, most)| Method::Dwell {
            at: Millis::from_s(at),
            in_a_cycle_max: Millis::from_s(most)
        }),
        rate().prop_map(|permille| Method::Add { permille }),
        rate().prop_map(|permille| Method::Subtract { permille }),
        (rate(), rate()).prop_map(|(add_permille, subtract_permille)| Method::ShortWay {
            add_permille,
            subtract_permille
        }),
    ]
}

proptest! {
    #[test]
    fn i12_what_a_method_takes_is_what_it_takes_second_by_second(
        method in methods(),
        cycle in 30_i64..=120,
        position in 0_i64..120,
        behind in 0_i64..120,
    ) {
        let (position, behind) = (position % cycle, behind % cycle);
        let method = match method {
            Method::Dwell { at, in_a_cycle_max } => {
                Method::Dwell { at: Millis(at.0 % (cycle * 1_000)), in_a_cycle_max }
            }
            other => other,
        };
        let s = Millis::from_s;
        let takes = method.takes(s(cycle), s(position), s(behind));
        let recovery = Recovery { exit: Exit::At(s(position)), method };
        prop_assert_eq!(Recovery::of_code(recovery.code()), recovery);
        prop_assert_eq!((takes.0 + 999) / 1_000, simulated(method, cycle, position, behind));
    }

    /// The controller looks back no further than it makes good in the cycles that it is given.
    #[test]
    fn i12_a_controller_that_saves_greens_is_in_step_within_its_cycles(
        at_s in 0_i64..600,
        lasted_s in 0_i64..120,
        permille in 1_u16..=400,
        cycles in 1_u8..=3,
    ) {
        let network = corridor(1);
        let controller = &network.controllers[0];
        let at = Millis::from_s(600 + at_s);
        let shown = planned_display(controller, Millis::ZERO, at);
        let exit =
            AtExit { controller, zero: Millis::ZERO, at, since: at - Millis::from_s(lasted_s), shown: &shown };
        let recovery =
            Recovery { exit: Exit::FewestLate { cycles }, method: Method::Subtract { permille } };
        let back = recovery.predict(&exit);
        prop_assert!(back.behind <= Millis::from_s(lasted_s));
        prop_assert!(back.cycles(controller.plan.cycle) <= i64::from(cycles));
    }
}

#[test]
fn a_method_of_no_rate_gets_nowhere_unless_nothing_is_behind() {
    let (cycle, somewhere) = (Millis::from_s(60), Millis::from_s(7));
    let idle = [
        Method::Dwell { at: Millis::ZERO, in_a_cycle_max: Millis::ZERO },
        Method::Add { permille: 0 },
        Method::Subtract { permille: 0 },
        Method::ShortWay { add_permille: 0, subtract_permille: 0 },
    ];
    for method in idle {
        assert_eq!(method.takes(cycle, somewhere, somewhere), Millis::NEVER);
        assert_eq!(method.takes(cycle, somewhere, Millis::ZERO), Millis::ZERO);
    }
}

/// Corridor green 0–25 s; cross street and walk 30–50 s.
#[test]
fn the_exit_decides_how_far_the_controller_is_behind() {
    let network = corridor(1);
    let controller = &network.controllers[0];
    let behind = |exit, at_s, since_s| {
        let at = Millis::from_s(at_s);
        let mut shown = planned_display(controller, Millis::ZERO, Millis::from_s(since_s));
        for (group, shown) in shown.iter_mut().enumerate() {
            // The preemption has held the corridor green since its start.
            shown.green = group == 0;
        }
        let since = Millis::from_s(since_s);
        let exit_now = AtExit { controller, zero: Millis::ZERO, at, since, shown: &shown };
        Recovery { exit, ..Recovery::default() }.predict(&exit_now).behind
    };
    assert_eq!(behind(Exit::Clock, 100, 80), Millis::ZERO);
    assert_eq!(behind(Exit::At(Millis::from_s(30)), 100, 80), Millis::from_s(10));
    assert_eq!(behind(Exit::At(Millis::from_s(50)), 100, 80), Millis::from_s(50));
    // Cross street and walk were due at 90 s and start after the corridor's 5 s: with 10 s left of 20 s
    // both are served as it is, at 103 s neither of them without going back.
    let saved = Exit::FewestLate { cycles: 2 };
    assert_eq!(behind(saved, 92, 80), Millis::ZERO);
    let late = behind(saved, 103, 80);
    assert!(late > Millis::ZERO && late <= Millis(14_400), "{late:?}");
}
