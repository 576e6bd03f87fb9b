//! Arbitration at one junction: which request is served in which green, exactly.
//!
//! Planning notes 4.5. The services that lie ahead (the greens of a NEMA dual ring, or of a stage
//! plan with its intergreen matrix) are instants joined by difference constraints
//! `later − earlier ≥ gap`. Once each request is given a green, every delay is non-decreasing in the
//! instants, so that the *least* solution, found by longest-path relaxation, is optimal. Branch and
//! bound over the choices therefore solves the problem exactly: a partial choice's least solution
//! bounds all that follow from it. Among equal delays the most flexible choice wins: the *greatest*
//! solution that keeps every delay gives the latest instants (the right critical points), and
//! flexibility is the sum of the times between the earliest and the latest.
//!
//! The model is that of He, Head and Ding (2011) and of MMITSS, with one difference: at a barrier the
//! ring that is ready first may rest in green ([`Barrier::Rest`]); MMITSS's equalities have no such
//! slack ([`Barrier::Strict`]).
//!
//! Integer milliseconds, fixed-size arrays, no heap, no clock: the same input gives the same answer.
//!
//! * `net`: instants, difference constraints, their least and their greatest solution;
//! * `problem`: a net with the greens that requests may be given;
//! * `ring`, `stages`: problems from a dual ring, from a stage plan;
//! * `present`, `phases`, `site`: stage plans and rings, and their states, from what controllers are seen to show;
//! * `answer`, `search`: what is asked and answered; the branch and bound.

mod answer;
mod net;
mod phases;
mod present;
mod problem;
mod ring;
mod search;
mod site;
mod stages;

pub use answer::{Budget, Given, Outcome, Request, Verdict, Window};
pub use phases::RingPhases;
pub use present::{StageCycle, Stretch};
pub use problem::{Occurrence, Problem};
pub use ring::{Barrier, BarrierGroup, DualRing, Phase, RingPosition, RingState};
pub use search::Arbiter;
pub use site::Sites;
pub use stages::{Stage, StageState};

/// Requests that are arbitrated together.
pub const REQUESTS_MAX: usize = 15;
/// Greens that one request may choose from.
pub const CHOICES_MAX: usize = 4;
/// Instants of one problem: one bit each in a word.
pub const NODES_MAX: usize = 64;
/// Difference constraints of one problem.
pub const EDGES_MAX: usize = 512;
/// Greens of one problem.
pub const OCCURRENCES_MAX: usize = 64;
/// Barriers of one problem at which a ring may rest.
pub const BARRIERS_MAX: usize = 12;
/// No time of a problem is further away than this, milliseconds (a little over a day).
pub const TIME_MAX_MS: i64 = 100_000_000;

/// Why a problem cannot be posed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// More instants, constraints, greens or requests than there is room for.
    #[error("the problem is larger than the arbiter's fixed bounds")]
    TooLarge,
    /// A time is negative, too far away, or a maximum below its minimum.
    #[error("a time of the problem is out of its range")]
    BadTimes,
    /// The state names a phase, stage or barrier group that the plan does not have.
    #[error("the state does not fit the plan")]
    BadState,
    /// A stage shows two groups that conflict.
    #[error("a stage shows two conflicting groups")]
    ConflictInStage,
}

#[cfg(test)]
mod tests;
