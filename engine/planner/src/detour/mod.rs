//! Transit around an incident: what trams and buses do when links of their lines are closed.
//!
//! * `search`: the quickest ways over open tracks or streets;
//! * `riders`: what a choice costs the passengers;
//! * `options`: every detour, short turn and wait of a trip, judged;
//! * `assign`: the choice of every line, so that all passengers together lose least;
//! * `follow`: decisions in the running engine, vehicles on their ways around and back.

pub mod assign;
mod follow;
pub mod options;
pub mod riders;
pub mod search;
#[cfg(test)]
mod testing;

pub(crate) use follow::Detours;
pub use follow::{CLOSED_MAX, Decision};
pub use options::{Action, Diversion};
