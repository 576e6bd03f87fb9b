//! What holds for every town and every time.

use std::sync::OnceLock;

use clearway_network::Network;
use clearway_signals::{GroupSet, Millis};
use proptest::prelude::*;

use super::town::{Dice, HIGH, WIDE, book, fill, town};
use crate::reserve::{Claim, Cost, Effort, Reservations};

const SERIAL: Effort = Effort { nodes: 0, sequences: 300 };
const EXACT: Effort = Effort { nodes: 200_000, sequences: 300 };

fn shared() -> &'static Network {
    static TOWN: OnceLock<Network> = OnceLock::new();
    TOWN.get_or_init(town)
}

/// No window before its wish, none before it can be reached.
fn assert_can_be_driven(book: &Reservations) -> Result<(), TestCaseError> {
    for bid in 0..book.len() {
        let windows: Vec<_> = book.of(bid).collect();
        prop_assert!(windows.iter().all(|window| window.delay >= Millis::ZERO));
        for pair in windows.windows(2) {
            prop_assert!(pair[0].from <= pair[1].from);
        }
    }
    Ok(())
}

/// What the least plan costs, every order of every pair tried: calls taken back, weighted delay.
fn least_cost(book: &Reservations) -> (i64, i64) {
    fn explore(book: &Reservations, orders: &mut Vec<(usize, usize)>) -> Option<(i64, i64)> {
        let instance = &book.instance;
        let mut starts: Vec<i64> = instance.visits.iter().map(|slot| slot.visit.green_by.0).collect();
        for round in 0..=starts.len() {
            let old = starts.clone();
            for bid in &instance.bids {
                for v in bid.first + 1..bid.end {
                    starts[v] = starts[v].max(starts[v - 1] + instance.visits[v - 1].visit.travel.0);
                }
            }
            for (a, b) in orders.iter() {
                let gap = instance.rivals(*a).find(|rival| rival.other == *b).unwrap().gap_before;
                starts[*b] = starts[*b].max(starts[*a] + instance.visits[*a].visit.hold.0 + gap);
            }
            if starts == old {
                break;
            }
            if round == starts.len() {
                return None;
            }
        }
        let held = |visit: usize| {
            let yields = orders.iter().any(|(_, then)| *then == visit);
            [instance.held_from(visit, starts[visit], yields), starts[visit]]
        };
        let pairs = (0..starts.len()).flat_map(|a| (a + 1..starts.len()).map(move |b| (a, b)));
        let clash = pairs.into_iter().find(|(a, b)| {
            let mut rivals = instance.rivals(*a);
            rivals.any(|rival| rival.other == *b && instance.clash((*a, held(*a)), rival, held(*b)))
        });
        let Some((a, b)) = clash else {
            let all: Vec<usize> = (0..instance.bids.len()).collect();
            let unentitled = orders.iter().filter(|(before, then)| !instance.may_take(*before, *then));
            let mut yields: Vec<usize> = unentitled.map(|(_, then)| *then).collect();
            yields.retain(|visit| instance.is_called(*visit));
            yields.sort_unstable();
            yields.dedup();
            let yields = i64::try_from(yields.len()).unwrap();
            return Some((yields, instance.total(&all, &starts).emergency));
        };
        // A call that a third one takes back is not in the way any more.
        let called = [a, b].into_iter().filter(|visit| instance.is_called(*visit));
        let freed = called.filter(|visit| orders.iter().all(|(_, then)| then != visit));
        let freed = freed.flat_map(|visit| instance.rivals(visit).map(move |rival| (rival.other, visit)));
        let mut choices = vec![(a, b), (b, a)];
        choices.extend(freed);
        choices.sort_unstable();
        choices.dedup();
        let mut best = None;
        for order in choices {
            orders.push(order);
            let found = explore(book, orders);
            orders.pop();
            best = [best, found].into_iter().flatten().min();
        }
        best
    }
    explore(book, &mut Vec::new()).unwrap()
}

/// One visit in `of` is called, every other one of these by a vehicle that can no longer stop.
fn claim(dice: &mut Dice, of: usize) -> Claim {
    match dice.below(2 * of) {
        0 => Claim::Called,
        1 => Claim::Passing,
        _ => Claim::Wished,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn s11_no_two_conflicting_windows(seed in any::<u64>(), vehicles in 1_u32..12, exact in any::<bool>()) {
        let mut dice = Dice(seed);
        let mut book = book(shared());
        fill(&mut book, &mut dice, vehicles, (WIDE, HIGH));
        book.plan(&if exact { Effort::default() } else { SERIAL });
        prop_assert_eq!(book.conflicts(&shared().controllers), 0);
        assert_can_be_driven(&book)?;
    }

    #[test]
    fn no_conflict_remains_when_everybody_is_in_the_same_place(seed in any::<u64>(), vehicles in 5_u32..30) {
        let mut dice = Dice(seed);
        let mut book = book(shared());
        fill(&mut book, &mut dice, vehicles, (3, 3));
        let planned = book.plan(&Effort::default());
        prop_assert_eq!(book.conflicts(&shared().controllers), 0);
        prop_assert!(planned.sequences <= 100 && planned.nodes <= 400);
        assert_can_be_driven(&book)?;
    }

    #[test]
    fn calls_that_were_made_are_kept_or_named(seed in any::<u64>(), vehicles in 2_u32..7) {
        let mut dice = Dice(seed);
        let mut book = book(shared());
        fill(&mut book, &mut dice, vehicles, (3, 3));
        for slot in &mut book.instance.visits {
            slot.visit.claim = claim(&mut dice, 6);
        }
        let planned = book.plan(&Effort::default());
        prop_assert_eq!(book.conflicts(&shared().controllers), 0);
        let named = |claim: Claim| {
            let visits = book.instance.visits.iter().zip(&book.yields);
            i64::try_from(visits.filter(|(slot, yields)| **yields && slot.visit.claim == claim).count()).unwrap()
        };
        prop_assert_eq!(named(Claim::Wished), 0);
        // Calls of vehicles that can no longer stop are taken back only if nothing else is possible.
        prop_assert!(named(Claim::Passing) <= planned.cost.yields);
        prop_assert!(planned.cost.yields <= named(Claim::Passing) + named(Claim::Called));
        // What a search tried it has taken back.
        let all: Vec<usize> = (0..book.len()).collect();
        prop_assert!(planned.nodes == 0 || book.orders.cost(&book.instance, &all) == Cost::default());
    }

    #[test]
    fn equal_to_every_order_tried(seed in any::<u64>(), vehicles in 2_u32..4) {
        let mut dice = Dice(seed);
        let mut book = book(shared());
        fill(&mut book, &mut dice, vehicles, (3, 2));
        for slot in &mut book.instance.visits {
            slot.visit.claim = claim(&mut dice, 4);
        }
        // Without sequences the search has a poor plan to begin with, and must find the best by itself.
        let sequences = if dice.below(2) == 0 { 0 } else { EXACT.sequences };
        let planned = book.plan(&Effort { sequences, ..EXACT });
        prop_assert!(planned.is_exact);
        prop_assert_eq!((planned.cost.yields, planned.cost.emergency), least_cost(&book));
    }

    #[test]
    fn the_same_wishes_give_the_same_plan_in_a_used_book(seed in any::<u64>()) {
        let mut used = book(shared());
        fill(&mut used, &mut Dice(seed ^ 1), 7, (4, 4));
        used.plan(&Effort::default());
        fill(&mut used, &mut Dice(seed), 5, (4, 4));
        let mut fresh = book(shared());
        fill(&mut fresh, &mut Dice(seed), 5, (4, 4));
        prop_assert_eq!(used.plan(&Effort::default()), fresh.plan(&Effort::default()));
        prop_assert_eq!(used.starts, fresh.starts);
    }

    #[test]
    fn who_arrives_later_never_leaves_earlier(seed in any::<u64>(), at in 0_i64..400, group in 0_u64..3) {
        let mut book = book(shared());
        fill(&mut book, &mut Dice(seed), 6, (2, 2));
        book.plan(&Effort::default());
        let controller = &shared().controllers[usize::try_from(at % 4).unwrap()];
        let leave = |ms: i64| {
            let hold = Millis(8_000);
            Millis(ms) + book.wait(controller, GroupSet(1 << group), Millis(ms), hold, None)
        };
        prop_assert!(leave(at * 1_000) <= leave(at * 1_000 + 700));
    }
}

#[test]
fn sequences_alone_are_within_five_percent_of_exact_for_up_to_four_vehicles() {
    let mut book = book(shared());
    let (mut exact_sum, mut serial_sum, mut compared, mut within) = (0, 0, 0, 0);
    for seed in 0..400 {
        let size = [(2, 2), (3, 2), (4, 3)][seed % 3];
        fill(&mut book, &mut Dice(seed as u64), 2 + u32::try_from(seed % 3).unwrap(), size);
        let serial = book.plan(&SERIAL).cost.emergency;
        let exact = book.plan(&EXACT);
        assert!(exact.is_exact && exact.cost.emergency <= serial, "seed {seed}");
        if serial > 0 {
            compared += 1;
            within += u32::from(serial * 100 <= exact.cost.emergency * 105);
            exact_sum += exact.cost.emergency;
            serial_sum += serial;
        }
    }
    println!("{compared} plans with delay, {within} within 5 % of exact; all: {serial_sum} / {exact_sum} ms");
    assert!(compared > 100 && within * 100 >= compared * 95, "{within} of {compared}");
    assert!(serial_sum * 100 <= exact_sum * 105, "{serial_sum} / {exact_sum}");
}
