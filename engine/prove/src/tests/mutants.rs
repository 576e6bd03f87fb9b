//! Every seeded fault is found on some reference site.

use super::{QUICK, site};
use crate::prove::{Proof, prove_site};
use crate::sequencer::mutation::Mutation;
use crate::{Bounds, Invariant, Rules, Site};

/// The proof of a site with a fault in its sequencer; a fault that only adds states is cut short.
fn prove_mutant(site: &Site, mutation: Mutation) -> Proof {
    let bounds = Bounds { states_max: 400_000, ..Bounds::default() };
    prove_site(site, Rules { mutation: Some(mutation) }, bounds)
}

fn killer(sites: &[Site], mutation: Mutation) -> Option<(Invariant, String)> {
    sites.iter().find_map(|site| {
        let found = prove_mutant(site, mutation).counterexample?;
        assert!(!found.timeline.columns.is_empty(), "{mutation:?} without a timeline");
        Some((found.violation.invariant, format!("{}: {}", site.title, found.violation.what)))
    })
}

#[test]
fn every_seeded_fault_is_found() {
    let sites: Vec<Site> = QUICK.iter().map(|name| site(name)).collect();
    let mut survivors = Vec::new();
    for &mutation in Mutation::ALL {
        match killer(&sites, mutation) {
            Some((invariant, what)) => println!("{mutation:?}: {invariant}, {what}"),
            None => survivors.push(mutation),
        }
    }
    println!("{} of {} seeded faults found", Mutation::ALL.len() - survivors.len(), Mutation::ALL.len());
    assert!(survivors.is_empty(), "not found: {survivors:?}");
    assert!(Mutation::ALL.len() >= 40);
}
