//! The proof of the signal sequencer: every reachable state of every junction of a model.
//!
//! A formal sequencer ([`sequencer`]) is explored breadth-first ([`explore`]) under every order of
//! calls, cancels, pedestrian calls, priority requests, lost messages and power failures, and an
//! independent checker ([`checker`]) holds every display that can occur against the junction's data
//! (invariants I1 to I13). Three proofs together cover a junction: [`pairs`] (the interlock under any
//! plan whatever), [`junction`] (the whole of it), [`rows`] (the calls of the request rows).
//! `docs/proof.md` says what that proves, what it assumes, and why the grid of time is fine enough.
#![forbid(unsafe_code)]

mod bytes;
pub mod checker;
pub mod display;
pub mod explore;
pub mod junction;
pub mod pairs;
pub mod prove;
mod reduce;
pub mod rows;
pub mod sequencer;
pub mod site;
mod stages;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod timeline;
mod waiting;

pub use checker::{Invariant, Violation};
pub use explore::Bounds;
pub use prove::{Counterexample, Method, Proof, prove, prove_site};
pub use sequencer::Rules;
pub use site::{Assumptions, Site, SiteError};
