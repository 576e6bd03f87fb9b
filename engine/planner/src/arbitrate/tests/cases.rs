//! Junctions small enough to be worked out by hand.

use clearway_network::testing::corridor;
use clearway_signals::{GroupId, GroupSet, Millis};

use crate::arbitrate::{
    Arbiter, Barrier, Budget, DualRing, Fault, Outcome, Phase, Problem, Request, RingPosition, RingState,
    StageCycle, Stretch, Verdict,
};
use crate::transition::planned_display;

fn phase(group: u8, min_s: i64, max_s: i64) -> Phase {
    let (min_green, max_green) = (Millis::from_s(min_s), Millis::from_s(max_s));
    Phase { group: GroupId(group), min_green, max_green, clearance: Millis::from_s(5) }
}

fn request(group: u8, early_s: i64, late_s: i64) -> Request {
    let (early, late) = (Millis::from_s(early_s), Millis::from_s(late_s));
    Request { group: GroupId(group), early, late, weight: 1, unserved: None }
}

fn green(phase: usize, min_s: i64, max_s: i64) -> RingPosition {
    RingPosition::Green { phase, min_left: Millis::from_s(min_s), max_left: Millis::from_s(max_s) }
}

/// Ring 1 holds 10 s at most, ring 2 may hold 30 s; then a pair of cross phases.
fn uneven(barrier: Barrier, requests: &[Request]) -> (Verdict, i64) {
    let outcome = answer(barrier, requests);
    (outcome.verdict, outcome.cost)
}

fn answer(barrier: Barrier, requests: &[Request]) -> Outcome {
    let (short, long) = ([phase(1, 5, 10)], [phase(5, 5, 30)]);
    let cross = [[phase(3, 5, 20)], [phase(7, 5, 20)]];
    let groups: [[&[Phase]; 2]; 2] = [[&short, &long], [&cross[0], &cross[1]]];
    let mut problem = Problem::new();
    let state = RingState { group: 0, rings: [green(0, 5, 10), green(0, 5, 30)] };
    problem.dual_ring(&DualRing { groups: &groups, barrier }, &state, 4).unwrap();
    Arbiter::new().solve(&problem, requests, &Budget::default()).unwrap()
}

#[test]
fn of_equal_costs_the_more_flexible_one_wins() {
    // Phase 3 can be green in 10 s. Not serving it costs as much and leaves everything open.
    let tied = Request { unserved: Some(Millis::from_s(10)), ..request(3, 0, 2) };
    let (free, kept) = (answer(Barrier::Rest, &[tied]), answer(Barrier::Rest, &[request(3, 0, 2)]));
    assert_eq!((free.cost, kept.cost), (10_000, 10_000));
    assert_eq!(free.given()[0].occurrence, None);
    assert!(free.flexibility > kept.flexibility);
}

#[test]
fn the_ring_that_is_ready_first_rests_in_green() {
    // The short phase serves at 20 s because the long one beside it keeps the barrier open.
    let asked = [request(1, 20, 22)];
    assert_eq!(uneven(Barrier::Rest, &asked), (Verdict::Optimal, 0));
    // With equalities it must come round again: 10 s from now at the earliest, cross 5 + 5 s, green
    // from 20 s on at the earliest; it is long enough then.
    assert_eq!(uneven(Barrier::Strict, &asked), (Verdict::Optimal, 0));
    assert_eq!(uneven(Barrier::Strict, &[request(1, 11, 15)]), (Verdict::Optimal, 9_000));
    assert_eq!(uneven(Barrier::Rest, &[request(1, 11, 15)]), (Verdict::Optimal, 0));
}

#[test]
fn no_ring_rests_longer_than_the_other_one_needs() {
    // At 33 s neither ring may still hold its first green: phase 1 serves when it comes again.
    let (verdict, cost) = uneven(Barrier::Rest, &[request(1, 31, 33), request(3, 31, 33)]);
    assert_eq!(verdict, Verdict::Optimal);
    assert!(cost > 0, "both at once cannot be served");
}

#[test]
fn two_conflicting_requests_are_served_in_the_cheaper_order() {
    let light = Request { weight: 1, ..request(1, 0, 20) };
    let heavy = Request { weight: 10, ..request(3, 12, 16) };
    let (verdict, cost) = uneven(Barrier::Rest, &[light, heavy]);
    // Holding phase 1 to 20 s starts phase 3 at 25 s: 13 s × 10. Letting phase 1 wait for its next
    // green costs it 26 s × 1 at the least.
    assert_eq!(verdict, Verdict::Optimal);
    assert!(cost < 130_000, "{cost}");
}

#[test]
fn a_stage_plan_comes_out_of_the_fixed_time_plan() {
    let network = corridor(1);
    let stretch = Stretch { shorten_max: Millis::from_s(60), extend_max: Millis::from_s(10) };
    let cycle = StageCycle::new(&network.controllers[0], &stretch);
    let groups: Vec<GroupSet> = cycle.stages().iter().map(|stage| stage.groups).collect();
    assert_eq!(groups, [GroupSet(0b001), GroupSet(0b110)]);
    assert_eq!(cycle.stages()[0].max, Millis(35_000 + 10_000), "from 50 s to 25 s of the next cycle");
    let display = planned_display(&network.controllers[0], Millis(0), Millis(40_000));
    let state = cycle.state(Millis(0), Millis(40_000), &display).unwrap();
    assert_eq!((state.stage, state.began), (1, Millis(25_000)));
}

/// Corridor: group 0 from 0 to 25 s, groups 1 and 2 (walk, 8 s of clearance) from 30 to 50 s.
fn at_the_corridor(at_s: i64, asked: &Request, extend_s: i64) -> i64 {
    let network = corridor(1);
    let controller = &network.controllers[0];
    let stretch = Stretch { shorten_max: Millis::from_s(60), extend_max: Millis::from_s(extend_s) };
    let cycle = StageCycle::new(controller, &stretch);
    let now = Millis::from_s(at_s);
    let display = planned_display(controller, Millis(0), now);
    let state = cycle.state(Millis(0), now, &display).unwrap();
    let mut problem = Problem::new();
    let wanted = GroupSet::of(asked.group);
    problem.stages(&controller.junction(), cycle.stages(), &state, 6, wanted).unwrap();
    let outcome = Arbiter::new().solve(&problem, &[*asked], &Budget::default()).unwrap();
    assert_eq!(outcome.verdict, Verdict::Optimal);
    outcome.given()[0].delay.0
}

#[test]
fn an_extension_serves_a_tram_that_comes_just_after_the_planned_end() {
    assert_eq!(at_the_corridor(20, &request(0, 8, 10), 5), 0, "25 s + 5 s: in time");
    assert!(at_the_corridor(20, &request(0, 8, 12), 5) > 0, "beyond the extension");
}

#[test]
fn an_early_green_keeps_minimum_walk_and_clearance() {
    // At 32 s the walk has run for 2 s: 3 s are left of its minimum, then 9 s of clearance and red.
    assert_eq!(at_the_corridor(32, &request(0, 0, 2), 5), 12_000);
    assert_eq!(at_the_corridor(32, &request(0, 12, 14), 5), 0);
}

#[test]
fn what_does_not_fit_is_refused_and_never_panics() {
    let phases = [phase(1, 5, 10)];
    let groups: [[&[Phase]; 2]; 1] = [[&phases, &[]]];
    let ring = DualRing { groups: &groups, barrier: Barrier::Rest };
    let mut problem = Problem::new();
    let mut pose = |position, group, ahead| {
        problem.dual_ring(&ring, &RingState { group, rings: [position, RingPosition::Empty] }, ahead)
    };
    assert_eq!(pose(green(0, 5, 10), 0, 3), Ok(()));
    assert_eq!(pose(green(1, 5, 10), 0, 3), Err(Fault::BadState));
    assert_eq!(pose(green(0, 5, 10), 1, 3), Err(Fault::BadState));
    assert_eq!(pose(green(0, 10, 5), 0, 3), Err(Fault::BadTimes));
    assert_eq!(pose(green(0, -1, 5), 0, 3), Err(Fault::BadTimes));
    assert_eq!(pose(green(0, 5, 10), 0, 1_000), Err(Fault::TooLarge));
    let many = [request(1, 0, 1); 16];
    let solve = |asked: &[Request]| Arbiter::new().solve(&Problem::new(), asked, &Budget::default());
    assert_eq!(solve(&many).unwrap_err(), Fault::TooLarge);
    assert_eq!(solve(&[request(1, 5, 1)]).unwrap_err(), Fault::BadTimes);
    assert_eq!(solve(&[request(1, 0, i64::MAX)]).unwrap_err(), Fault::BadTimes);
    assert_eq!(solve(&[request(1, 0, 1)]).unwrap().verdict, Verdict::Infeasible);
}
