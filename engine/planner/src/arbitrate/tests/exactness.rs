//! Equal to the oracles on random instances.

use clearway_signals::GroupId;
use proptest::prelude::*;

use super::model::{Dice, RingCase, StageCase, requests, wanted};
use super::{mmitss, oracle};
use crate::arbitrate::{Arbiter, Barrier, Budget, Outcome, Problem, Request, Verdict};

const EXACT: Budget = Budget { nodes: u32::MAX, choices: 3 };
/// MMITSS lets a request choose between two greens.
const AS_MMITSS: Budget = Budget { nodes: u32::MAX, choices: 2 };

fn solve(problem: &Problem, requests: &[Request], budget: &Budget) -> Outcome {
    Arbiter::new().solve(problem, requests, budget).unwrap()
}

/// The cost, if there is an answer that is proven.
fn cost(outcome: &Outcome) -> Option<i64> {
    match outcome.verdict {
        Verdict::Optimal => Some(outcome.cost),
        Verdict::Infeasible => None,
        other => panic!("not proven: {other:?}"),
    }
}

fn assert_equal(own: Option<i64>, oracle: Option<f64>, what: &str) {
    match (own, oracle) {
        (None, None) => {}
        #[allow(clippy::cast_precision_loss)]
        (Some(own), Some(other)) if (own as f64 - other).abs() <= 1.0 + other * 1e-7 => {}
        differing => panic!("{what}: {differing:?}"),
    }
}

/// Instance `seed` of `count` requests against the oracle that its kind has; whether it has an answer.
fn check(kind: usize, seed: u64, count: usize) -> bool {
    let mut dice = Dice(seed);
    let mut problem = Problem::new();
    let (own, other) = match kind {
        0 => {
            let case = RingCase::random(&mut dice, Barrier::Strict, 6);
            let mut asked = requests(&mut dice, count, 8, 60_000);
            asked.iter_mut().for_each(|request| request.unserved = None);
            case.pose(&mut problem);
            (cost(&solve(&problem, &asked, &AS_MMITSS)), mmitss::least_cost(&case, &asked))
        }
        1 => {
            let case = RingCase::random(&mut dice, Barrier::Rest, 5);
            let asked = requests(&mut dice, count, 8, 90_000);
            case.pose(&mut problem);
            (cost(&solve(&problem, &asked, &EXACT)), oracle::least_cost(&case.model(), &asked, 3))
        }
        _ => {
            let case = StageCase::random(&mut dice);
            let asked = requests(&mut dice, count, u8::try_from(case.groups.len()).unwrap(), 90_000);
            case.pose(&mut problem, wanted(&asked));
            (cost(&solve(&problem, &asked, &EXACT)), oracle::least_cost(&case.model(), &asked, 3))
        }
    };
    assert_equal(own, other, &format!("kind {kind}, seed {seed}, {count} requests"));
    own.is_some()
}

fn check_many(instances: u64, requests_max: usize) {
    for kind in 0..3 {
        let checked = (0..instances)
            .filter(|seed| check(kind, *seed, 1 + usize::try_from(*seed).unwrap() % requests_max))
            .count();
        println!("kind {kind}: {instances} of {instances} equal to the oracle, {checked} with an answer");
        assert!(checked as u64 * 5 > instances, "kind {kind}: only {checked} with an answer");
    }
}

#[test]
fn equal_to_the_mixed_integer_program() {
    check_many(80, 6);
}

/// The full tier: `cargo nextest run --release -p clearway-planner --run-ignored only arbitrate`.
#[test]
#[ignore = "minutes of mixed-integer programming"]
fn equal_to_the_mixed_integer_program_on_10_000_instances() {
    check_many(3_334, 15);
}

#[test]
fn flexibility_is_the_most_that_the_least_delay_leaves() {
    for seed in 0..20 {
        let mut dice = Dice(1_000 + seed);
        let barrier = if seed % 2 == 0 { Barrier::Strict } else { Barrier::Rest };
        let case = RingCase::random(&mut dice, barrier, 4);
        let asked = requests(&mut dice, 1 + usize::try_from(seed).unwrap() % 3, 8, 60_000);
        let mut problem = Problem::new();
        case.pose(&mut problem);
        let own = solve(&problem, &asked, &AS_MMITSS);
        if let Some(cost) = cost(&own) {
            let other = oracle::most_flexible(&case.model(), &asked, 2, cost);
            assert_equal(Some(own.flexibility), other.map(|f| f.max(0.0)), &format!("seed {seed}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn equal_to_every_ring_choice_tried(seed in any::<u64>(), count in 0_usize..4, rests in any::<bool>()) {
        let mut dice = Dice(seed);
        let barrier = if rests { Barrier::Rest } else { Barrier::Strict };
        let case = RingCase::random(&mut dice, barrier, 4);
        let asked = requests(&mut dice, count, 8, 90_000);
        let mut problem = Problem::new();
        case.pose(&mut problem);
        let own = solve(&problem, &asked, &EXACT);
        prop_assert_eq!(cost(&own), oracle::least_cost_of_all(&case.model(), &asked, 3));
        prop_assert_eq!(own.bound, own.cost);
    }

    #[test]
    fn equal_to_every_stage_choice_tried(seed in any::<u64>(), count in 0_usize..4) {
        let mut dice = Dice(seed);
        let case = StageCase::random(&mut dice);
        let asked = requests(&mut dice, count, u8::try_from(case.groups.len()).unwrap(), 90_000);
        let mut problem = Problem::new();
        case.pose(&mut problem, wanted(&asked));
        let own = solve(&problem, &asked, &EXACT);
        prop_assert_eq!(cost(&own), oracle::least_cost_of_all(&case.model(), &asked, 3));
    }

    #[test]
    fn an_answer_is_a_schedule_at_both_ends(seed in any::<u64>(), count in 1_usize..12) {
        let mut dice = Dice(seed);
        let case = RingCase::random(&mut dice, Barrier::Rest, 5);
        let asked = requests(&mut dice, count, 8, 90_000);
        let mut problem = Problem::new();
        case.pose(&mut problem);
        let own = solve(&problem, &asked, &EXACT);
        for (request, given) in asked.iter().zip(own.given()) {
            let Some(occurrence) = given.occurrence else { continue };
            let window = own.window(&problem, occurrence).unwrap();
            for [start, end] in [window.earliest, window.latest] {
                prop_assert!((start - request.early).0 <= given.delay.0);
                prop_assert!(end >= request.late && end - start >= request.late - request.early);
            }
            prop_assert!(window.earliest[0] <= window.latest[0]);
        }
        prop_assert!(own.flexibility >= 0);
    }

    #[test]
    fn an_ended_budget_leaves_an_answer_between_its_bound_and_its_cost(
        seed in any::<u64>(), nodes in 0_u32..40,
    ) {
        let mut dice = Dice(seed);
        let case = RingCase::random(&mut dice, Barrier::Rest, 5);
        let asked = requests(&mut dice, 12, 8, 90_000);
        let mut problem = Problem::new();
        case.pose(&mut problem);
        let best = solve(&problem, &asked, &EXACT);
        let cut = solve(&problem, &asked, &Budget { nodes, choices: 3 });
        prop_assert!(cut.nodes <= nodes);
        match cut.verdict {
            Verdict::Infeasible => prop_assert_eq!(best.verdict, Verdict::Infeasible),
            Verdict::Optimal => prop_assert_eq!(cut.cost, best.cost),
            Verdict::Incumbent | Verdict::Exhausted => {
                prop_assert!(cut.bound <= best.cost && best.cost <= cut.cost);
            }
        }
    }
}

#[test]
fn the_same_instance_gives_the_same_answer_in_a_used_workspace() {
    let mut used = Arbiter::new();
    let mut problem = Problem::new();
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let case = RingCase::random(&mut dice, Barrier::Rest, 5);
        let asked = requests(&mut dice, 8, 8, 90_000);
        case.pose(&mut problem);
        let mut fresh = Problem::new();
        case.pose(&mut fresh);
        assert_eq!(
            used.solve(&problem, &asked, &EXACT).unwrap().given(),
            solve(&fresh, &asked, &EXACT).given()
        );
    }
}

#[test]
fn a_request_for_a_group_without_green_is_refused_or_unserved() {
    let mut problem = Problem::new();
    RingCase::random(&mut Dice(1), Barrier::Rest, 4).pose(&mut problem);
    let [mut asked] = requests(&mut Dice(1), 1, 8, 1_000)[..] else { unreachable!() };
    asked.group = GroupId(63);
    asked.unserved = None;
    assert_eq!(solve(&problem, &[asked], &EXACT).verdict, Verdict::Infeasible);
    asked.unserved = Some(clearway_signals::Millis(5_000));
    let outcome = solve(&problem, &[asked], &EXACT);
    assert_eq!((outcome.cost, outcome.given()[0].occurrence), (5_000 * i64::from(asked.weight), None));
}
