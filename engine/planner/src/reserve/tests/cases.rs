//! Meetings that can be worked out by hand.

use clearway_certify::Class;
use clearway_signals::{ControllerId, GroupSet, Millis, RowId};

use super::town::{book, rank, town, visit};
use crate::reserve::{BIDS_MAX, Claim, Effort, Fault, Gaps, Rank, VISITS_MAX, Visit};

#[test]
fn rows_conflict_when_their_dwell_groups_do() {
    let network = town();
    let gaps = Gaps::new(&network, None);
    let gap = |a, b| gaps.gap(ControllerId(3), RowId(a), RowId(b));
    assert_eq!(gap(1, 2), Some(Millis(10_000)), "minimum green and intergreen");
    assert_eq!(gap(2, 1), Some(Millis(14_000)), "the walk clears more slowly");
    assert_eq!(gap(1, 1), None);
    assert_eq!(gap(1, 3), None, "the same dwell");
    assert_eq!(gap(1, 9), None, "no such row");
    let apart = Gaps::new(&network, Some(Millis(1_000)));
    assert_eq!(apart.gap(ControllerId(3), RowId(1), RowId(1)), None, "a row is handed on");
    assert_eq!(apart.gap(ControllerId(3), RowId(1), RowId(3)), Some(Millis(1_000)));
    assert_eq!(apart.gap(ControllerId(3), RowId(2), RowId(1)), Some(Millis(14_000)));
}

#[test]
fn the_less_urgent_vehicle_waits_at_a_crossing() {
    let mut book = book(&town());
    let low = book.add(rank(1, 2), &[visit(4, 1, 100), visit(5, 1, 115)]).unwrap();
    let high = book.add(rank(2, 0), &[visit(4, 2, 105)]).unwrap();
    let planned = book.plan(&Effort::default());
    assert!(planned.is_exact);
    assert_eq!(book.delay(high), Millis::ZERO);
    // Row 2 is held to 125 s; row 1 is green 14 s later; the next signal follows.
    assert_eq!(book.reservation(low, 0).unwrap().from, Millis(139_000));
    assert_eq!(book.reservation(low, 1).unwrap().from, Millis(154_000));
    assert_eq!(planned.cost.emergency, 39_000 * rank(1, 2).weight());
}

#[test]
fn s11_equals_are_ordered_by_rank() {
    // Crossing at the same instant from either side, each order at the same cost.
    for first_in in [0, 1] {
        let mut book = book(&town());
        let mut bids = [usize::MAX; 2];
        for n in [first_in, 1 - first_in] {
            let vehicle = u32::try_from(n).unwrap();
            // Vehicle 0 loses 4 s less by waiting, so give it 4 s less to wait for.
            let hold = Millis::from_s(if n == 0 { 20 } else { 16 });
            let place = Visit { hold, ..visit(4, if n == 0 { 1 } else { 2 }, 100) };
            bids[n] = book.add(rank(vehicle, 1), &[place]).unwrap();
        }
        book.plan(&Effort::default());
        assert_eq!(book.delay(bids[0]), Millis::ZERO, "the one known first goes first");
        assert_eq!(book.delay(bids[1]), Millis(30_000));
    }
}

#[test]
fn s13_a_tram_never_delays_an_emergency_vehicle() {
    let mut book = book(&town());
    let tram = Rank { class: Class::Tram, ..rank(0, 0) };
    let tram = book.add(tram, &[visit(4, 2, 99)]).unwrap();
    let engine = book.add(rank(1, 3), &[visit(4, 1, 100)]).unwrap();
    book.plan(&Effort::default());
    assert_eq!(book.delay(engine), Millis::ZERO);
    assert!(book.delay(tram) > Millis::ZERO);
}

#[test]
fn s11_a_call_that_was_made_keeps_its_turn() {
    // Against equals always; against more urgent ones once the vehicle can no longer stop.
    for (claim, priority) in [(Claim::Called, 0), (Claim::Passing, 3)] {
        for effort in [Effort::default(), Effort { nodes: 0, ..Effort::default() }] {
            let mut book = book(&town());
            let low = book.add(rank(3, priority), &[Visit { claim, ..visit(4, 1, 100) }]).unwrap();
            let high = book.add(rank(2, 0), &[visit(4, 2, 105)]).unwrap();
            let planned = book.plan(&effort);
            assert_eq!(planned.cost.yields, 0);
            assert_eq!(book.delay(low), Millis::ZERO);
            assert_eq!(book.reservation(high, 0).unwrap().from, Millis(130_000));
            assert_eq!(book.ahead(high, 0).unwrap().window.vehicle, rank(3, 0).vehicle);
            assert_eq!(book.ahead(low, 0), None);
        }
    }
}

#[test]
fn s11_a_more_urgent_vehicle_takes_a_call_back_and_only_it() {
    for effort in [Effort::default(), Effort { nodes: 0, ..Effort::default() }] {
        let mut book = book(&town());
        let called = Visit { claim: Claim::Called, ..visit(4, 1, 100) };
        let low = book.add(rank(1, 2), &[called]).unwrap();
        let high = book.add(rank(2, 0), &[visit(4, 2, 105)]).unwrap();
        let planned = book.plan(&effort);
        assert_eq!((planned.cost.yields, book.delay(high)), (0, Millis::ZERO));
        let window = book.reservation(low, 0).unwrap();
        assert!(window.yields && window.from == Millis(139_000), "{window:?}");
    }
}

#[test]
fn a_more_urgent_vehicle_waits_where_taking_the_call_back_costs_more() {
    // One second of a priority 0 against half a minute of a priority 1.
    let mut book = book(&town());
    let called = Visit { claim: Claim::Called, ..visit(4, 1, 80) };
    let low = book.add(rank(1, 1), &[called]).unwrap();
    let high = book.add(rank(2, 0), &[visit(4, 2, 109)]).unwrap();
    book.plan(&Effort::default());
    assert_eq!((book.delay(low), book.delay(high)), (Millis::ZERO, Millis(1_000)));
}

#[test]
fn vehicles_wait_for_each_others_calls() {
    // Each has called where it comes first and meets the other's call behind it.
    let mut book = book(&town());
    let called = |controller, row, s| Visit { claim: Claim::Called, ..visit(controller, row, s) };
    book.add(rank(1, 0), &[called(4, 1, 100), visit(5, 1, 115)]).unwrap();
    book.add(rank(2, 0), &[called(5, 2, 90), visit(4, 2, 105)]).unwrap();
    for nodes in [0, 400] {
        let planned = book.plan(&Effort { nodes, ..Effort::default() });
        assert_eq!(planned.cost.yields, 0, "{nodes} nodes");
        // Behind row 2 at 110 s and 14 s more; behind row 1 at 120 s and 10 s more.
        let later = |bid| book.reservation(bid, 1).unwrap().from;
        assert_eq!([later(0), later(1)], [Millis(124_000), Millis(130_000)]);
    }
}

#[test]
fn two_calls_that_bar_each_other_are_resolved_by_taking_one_back() {
    let network = town();
    let mut book = book(&network);
    let called = |controller, row, s| Visit { claim: Claim::Called, ..visit(controller, row, s) };
    book.add(rank(1, 0), &[called(4, 1, 100)]).unwrap();
    book.add(rank(2, 0), &[called(4, 2, 105)]).unwrap();
    let planned = book.plan(&Effort::default());
    assert_eq!(planned.cost.yields, 1);
    assert_eq!(book.conflicts(&network.controllers), 0);
}

#[test]
fn a_movement_waits_for_the_reservations_that_go_before_it() {
    let network = town();
    let mut book = book(&network);
    book.add(rank(1, 1), &[visit(4, 1, 100)]).unwrap();
    book.plan(&Effort::default());
    let controller = &network.controllers[4];
    let wait = |wanted: u64, arrival_s: i64, own: Option<&Rank>| {
        book.wait(controller, GroupSet(wanted), Millis::from_s(arrival_s), Millis::from_s(10), own)
    };
    // Group 1 conflicts: reserved 100 to 120 s, 10 s before (5 + 5) and after.
    assert_eq!(wait(0b010, 79, None), Millis::ZERO);
    assert_eq!(wait(0b010, 85, None), Millis::from_s(45));
    assert_eq!(wait(0b010, 125, None), Millis::from_s(5));
    assert_eq!(wait(0b010, 130, None), Millis::ZERO);
    assert_eq!(wait(0b001, 100, None), Millis::ZERO, "the same groups");
    assert_eq!(wait(0b010, 100, Some(&rank(1, 1))), Millis::ZERO, "its own window");
    assert_eq!(wait(0b010, 100, Some(&rank(2, 0))), Millis::ZERO, "it goes first itself");
    assert_eq!(wait(0b010, 100, Some(&rank(2, 2))), Millis::from_s(30));
    let elsewhere = &network.controllers[5];
    assert_eq!(book.wait(elsewhere, GroupSet(2), Millis(0), Millis(1), None), Millis::ZERO);
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_the_book_as_it_was() {
    let mut book = book(&town());
    let add = |book: &mut crate::reserve::Reservations, visits: &[Visit]| book.add(rank(0, 0), visits);
    assert_eq!(add(&mut book, &[]), Err(Fault::TooMany));
    assert_eq!(add(&mut book, &[visit(0, 1, 0); VISITS_MAX + 1]), Err(Fault::TooMany));
    assert_eq!(add(&mut book, &[visit(900, 1, 0)]), Err(Fault::Unknown(ControllerId(900))));
    assert_eq!(add(&mut book, &[visit(0, 1, 0), visit(0, 7, 0)]), Err(Fault::Unknown(ControllerId(0))));
    for wrong in [
        Visit { hold: Millis(-1), ..visit(0, 1, 0) },
        Visit { travel: Millis::NEVER, ..visit(0, 1, 0) },
        Visit { green_by: Millis::NEVER, ..visit(0, 1, 0) },
    ] {
        assert_eq!(add(&mut book, &[wrong]), Err(Fault::BadTimes));
    }
    assert!(book.is_empty());
    for n in 0..BIDS_MAX {
        assert_eq!(add(&mut book, &[visit(1, 1, 0)]), Ok(n));
    }
    assert_eq!(add(&mut book, &[visit(1, 1, 0)]), Err(Fault::TooMany));
    book.clear();
    assert_eq!((book.len(), book.reservation(0, 0)), (0, None));
    assert_eq!(book.plan(&Effort::default()).cost, crate::reserve::Cost::default());
}
