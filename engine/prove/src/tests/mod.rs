//! The six reference sites, the seeded faults, the agreement with the certificate and with the exact
//! time to green.

mod agreement;
mod dual_ring;
mod mutants;

use std::path::PathBuf;

use clearway_network::Controller;

use crate::display::Aspect;
use crate::prove::{Method, Proof, prove};
use crate::{Assumptions, Bounds, Site};

/// The sites whose whole proof is a matter of a moment, smallest first.
const QUICK: [&str; 4] = ["scramble", "tram", "rail", "t-junction"];
/// All six.
const ALL: [&str; 6] = ["scramble", "tram", "rail", "t-junction", "four-stage", "nema"];

fn controller(site: &str) -> Controller {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../network-models")
        .join(format!("reference-{site}"));
    let loaded = clearway_format::load(&dir).expect("a shipped model is valid");
    loaded.network.controllers[0].clone()
}

fn site(name: &str) -> Site {
    Site::new(&controller(name), &Assumptions::default()).expect("a shipped model fits the grid")
}

fn proved(site: &str, states_max: u32) -> Proof {
    let bounds = Bounds { states_max, ..Bounds::default() };
    prove(&controller(site), &Assumptions::default(), bounds).expect("a shipped model fits the grid")
}

fn check_holds(proof: &Proof) {
    if let Some(example) = &proof.counterexample {
        panic!(
            "{}: {} in {}\n{}",
            proof.title,
            example.violation.what,
            example.part,
            example.timeline.to_text()
        );
    }
    assert_eq!(proof.unproved, None, "{}", proof.title);
}

#[test]
fn the_quick_reference_sites_hold_as_a_whole() {
    for name in QUICK {
        let proof = proved(name, 1_000_000);
        check_holds(&proof);
        assert_eq!(proof.method, Method::Whole);
        assert!(proof.entries.iter().all(|entry| entry.witness.is_some()), "{name}");
    }
}

#[test]
#[ignore = "the full tier: minutes in a debug build, seconds in release"]
fn all_six_reference_sites_hold() {
    for name in ALL {
        check_holds(&proved(name, 1_000_000));
    }
}

#[test]
fn a_junction_proved_in_parts_never_promises_less_than_the_whole() {
    for name in ["rail", "t-junction"] {
        let (whole, parts) = (proved(name, 1_000_000), proved(name, 20_000));
        check_holds(&parts);
        assert_eq!((whole.method, parts.method), (Method::Whole, Method::Reduced));
        for (exact, bound) in whole.entries.iter().zip(&parts.entries) {
            assert_eq!(exact.slowest, bound.slowest, "{name}, row {}", exact.number);
        }
        for (exact, bound) in whole.reds.iter().zip(&parts.reds) {
            assert!(exact.longest <= bound.longest, "{name}, {}", exact.name);
        }
    }
}

#[test]
fn a_bound_that_is_reached_proves_nothing() {
    let proof = proved("tram", 1_000);
    assert!(!proof.holds() && proof.unproved.is_some());
}

#[test]
fn a_grid_of_ticks_proves_the_same_entries_as_the_coarse_one() {
    let controller = controller("scramble");
    let assumptions =
        Assumptions { extension_max: clearway_signals::Millis(1_500), ..Assumptions::default() };
    let bounds = Bounds::default();
    let fine = prove(&controller, &assumptions, bounds).expect("fits");
    let coarse = proved("scramble", 1_000_000);
    assert_eq!((fine.step.0, coarse.step.0), (500, 1_000));
    check_holds(&fine);
    let slowest = |proof: &Proof| proof.entries.iter().map(|entry| entry.slowest).collect::<Vec<_>>();
    assert_eq!(slowest(&fine), slowest(&coarse));
}

#[test]
fn a_witness_shows_the_call_and_ends_when_the_row_is_green() {
    let (controller, proof) = (controller("rail"), proved("rail", 1_000_000));
    for entry in &proof.entries {
        let witness = entry.witness.as_ref().expect("every row arrives");
        let last = witness.columns.last().expect("a witness has columns");
        let dwell = controller.rows[entry.row.index()].dwell;
        assert!(dwell.iter().all(|group| last.aspects[group.index()] == Aspect::Green));
        let call = witness.columns.iter().rposition(|column| !column.events.is_empty());
        let steps = witness.columns.len() - 1 - call.expect("the call is shown");
        let waited = proof.step.0 * i64::try_from(steps).expect("few steps");
        assert_eq!(entry.slowest.0, waited + 100 + controller.rows[entry.row.index()].delay.0);
        let text = witness.to_text();
        assert_eq!(text.lines().filter(|line| line.contains("is called")).count(), 1, "{text}");
        let drawn = crate::svg::draw("witness", witness);
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
        assert_eq!(drawn.matches("is called").count(), 1);
    }
}

#[test]
fn nonsense_in_the_data_is_refused_or_proved_and_never_panics() {
    use clearway_signals::{Millis, Relation};
    let tries: [fn(&mut Controller); 7] = [
        |c| c.groups[0].min_green = Millis(-1),
        |c| c.groups[0].yellow = Millis::NEVER,
        |c| c.groups[1].clearance = Millis::from_s(7_999),
        |c| c.relations[1] = Relation::Conflict(Millis::NEVER),
        |c| c.relations.truncate(3),
        |c| c.rows[1].max_presence = Millis::from_s(100_000),
        |c| c.plan.cycle = Millis(-5),
    ];
    for (number, spoil) in tries.into_iter().enumerate() {
        let mut controller = controller("tram");
        spoil(&mut controller);
        let proved =
            prove(&controller, &Assumptions::default(), Bounds { states_max: 5_000, ..Bounds::default() });
        assert!(!proved.is_ok_and(|proof| proof.holds()), "nonsense {number} was proved");
    }
    let mut empty = controller("tram");
    (empty.groups, empty.relations, empty.rows) = (Vec::new(), Vec::new(), Vec::new());
    check_holds(&prove(&empty, &Assumptions::default(), Bounds::default()).expect("nothing fits everywhere"));
}
