//! What is asked of the arbiter, and what it answers.

use clearway_signals::{GroupId, Millis};

use super::REQUESTS_MAX;
use super::net::Instants;
use super::problem::Problem;

/// A vehicle, or a platoon, that wants a green of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// The group (of a dual ring: the phase's).
    pub group: GroupId,
    /// When it arrives at the earliest, from now. Green that starts later delays it.
    pub early: Millis,
    /// When its last part arrives at the latest, from now: the green must reach so far, and be at
    /// least `late − early` long.
    pub late: Millis,
    /// What a millisecond of its delay costs.
    pub weight: u32,
    /// The delay that is charged when no green of the problem serves it; `None`: it must be served.
    pub unserved: Option<Millis>,
}

/// How long to search, and how far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Nodes of the search tree; then the best answer so far is given with a proven bound.
    pub nodes: u32,
    /// Greens that each request may choose from, the first ones first; at most [`CHOICES_MAX`](super::CHOICES_MAX).
    pub choices: usize,
}

impl Default for Budget {
    fn default() -> Self {
        // 15 requests are exact within this, as a rule within a tenth; it bounds the time to a millisecond.
        Self { nodes: 4_000, choices: 3 }
    }
}

/// How good an answer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// No choice has less delay.
    Optimal,
    /// The budget ended; no choice has less delay than the bound.
    Incumbent,
    /// No choice serves every request that must be served.
    Infeasible,
    /// The budget ended before any choice was found.
    Exhausted,
}

/// What one request is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// The green that serves it, an index into [`Problem::occurrences`]; `None`: it is not served.
    pub occurrence: Option<usize>,
    /// Its delay.
    pub delay: Millis,
}

/// The earliest and the latest start and end of one green; both are schedules that keep every delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Start and end in the earliest schedule (left critical points).
    pub earliest: [Millis; 2],
    /// Start and end in the latest schedule (right critical points).
    pub latest: [Millis; 2],
}

/// The answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// How good it is.
    pub verdict: Verdict,
    /// Sum of weight times delay, milliseconds.
    pub cost: i64,
    /// No choice costs less than this.
    pub bound: i64,
    /// Sum over all greens of the time between the earliest and the latest start, milliseconds.
    pub flexibility: i64,
    /// Nodes of the search tree.
    pub nodes: u32,
    pub(super) given: [Given; REQUESTS_MAX],
    pub(super) requests: usize,
    pub(super) least: Instants,
    pub(super) greatest: Instants,
}

impl Outcome {
    /// What each request is given, in the order of the requests; empty without an answer.
    #[must_use]
    pub fn given(&self) -> &[Given] {
        let answered = matches!(self.verdict, Verdict::Optimal | Verdict::Incumbent);
        if answered { &self.given[..self.requests] } else { &[] }
    }

    /// When a green of the problem may start and end; meaningful with an answer only.
    #[must_use]
    pub fn window(&self, problem: &Problem, occurrence: usize) -> Option<Window> {
        let green = problem.occurrences().get(occurrence)?;
        let both = |at: &Instants| [Millis(green.start.at(at)), Millis(green.end.at(at))];
        Some(Window { earliest: both(&self.least), latest: both(&self.greatest) })
    }
}
