//! What stands where: edges, controllers, their links and plans.

use clearway_signals::Millis;

/// Links of one controller; more are refused.
pub const LINKS_MAX: usize = 512;
/// Phases of one plan; more are refused.
pub const PHASES_MAX: usize = 128;

/// An edge: index into [`Site::edges`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct EdgeId(pub u32);

impl EdgeId {
    /// The identifier as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A controller: index into [`Site::heads`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct HeadId(pub u32);

impl HeadId {
    /// The identifier as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A directed stretch of road.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Length in millimetres, 1 or more.
    pub length_mm: i64,
    /// Speed limit in millimetres a second, 1 or more.
    pub speed_mm_s: i64,
    /// Lanes, 1 or more.
    pub lanes: u32,
}

/// One phase of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phase {
    /// How long it lasts in the plan (actuated plans: at most).
    pub duration: Millis,
    /// What each link shows: `G` green, `g` green but giving way, `y` yellow, `r` red…
    pub state: Vec<u8>,
}

impl Phase {
    /// Whether the phase may be held: it shows green somewhere and no link is on its way to red.
    #[must_use]
    pub fn is_holdable(&self) -> bool {
        self.state.iter().any(|c| is_green(*c)) && !self.state.iter().any(|c| matches!(c, b'y' | b'Y' | b'u'))
    }
}

/// A controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its name in the simulator.
    pub name: String,
    /// Whether it joins several junctions, so that one pass may meet several of its stop lines.
    pub joined: bool,
    /// Whether its plan runs by the clock alone.
    pub fixed_time: bool,
    /// From which edge into which each link leads; `None`: nobody's link.
    pub links: Vec<Option<(EdgeId, EdgeId)>>,
    /// The plan.
    pub phases: Vec<Phase>,
}

/// The times that every controller keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clearance {
    /// Green lasts at least this long.
    pub min_green: Millis,
    /// Yellow after green.
    pub yellow: Millis,
    /// Red for everybody after yellow.
    pub all_red: Millis,
    /// Pedestrians beside a green that ends are given this long first.
    pub pedestrian: Millis,
}

impl Clearance {
    /// The longest time from a request until green.
    #[must_use]
    pub fn worst(&self) -> Millis {
        self.min_green.max(self.pedestrian) + self.yellow + self.all_red
    }
}

/// Why a description is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteFault {
    /// A state has fewer letters than there are links, or the states are of different lengths.
    #[error("controller {0}: phase {1} must have a letter for each of its {2} links, and as many as phase 0")]
    StateLength(String, usize, usize),
    /// A controller of another shape.
    #[error(
        "controller {0} needs phases [[seconds, state]…] and links [[from edge, to edge]…]; it is left alone"
    )]
    Head(String),
    /// Too many links or phases.
    #[error("controller {0} has more than {LINKS_MAX} links or {PHASES_MAX} phases; split it")]
    TooLarge(String),
    /// Time that is no time.
    #[error("{0} must be a number of seconds from 0 to 3600")]
    Time(&'static str),
    /// An edge without length, speed or lanes.
    #[error("edge {0} needs a length, a speed and a number of lanes above zero")]
    Edge(String),
    /// Too many edges or controllers.
    #[error("more edges or controllers than can be counted")]
    TooMany,
}

/// Everything that does not change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// One step of the simulator.
    pub step: Millis,
    /// The times of the controllers.
    pub clearance: Clearance,
    /// The edges; `None`: named by a link, but not described.
    pub edges: Vec<Option<Edge>>,
    /// The controllers.
    pub heads: Vec<Head>,
}

impl Site {
    /// The edge, if it is described.
    #[must_use]
    pub fn edge(&self, edge: EdgeId) -> Option<Edge> {
        self.edges.get(edge.index()).copied().flatten()
    }

    /// The controller.
    #[must_use]
    pub fn head(&self, head: HeadId) -> &Head {
        &self.heads[head.index()]
    }

    /// Check one controller's tables against each other. A state may have letters beyond its links:
    /// they belong to nobody.
    ///
    /// # Errors
    /// What does not fit.
    pub fn fit_head(mut head: Head) -> Result<Head, SiteFault> {
        let letters = head.phases.first().map_or(head.links.len(), |phase| phase.state.len());
        if letters.max(head.links.len()) > LINKS_MAX || head.phases.len() > PHASES_MAX {
            return Err(SiteFault::TooLarge(head.name));
        }
        let odd = |phase: &Phase| phase.state.len() != letters || letters < head.links.len();
        if let Some(k) = head.phases.iter().position(odd) {
            return Err(SiteFault::StateLength(head.name, k, head.links.len()));
        }
        head.links.resize(letters, None);
        Ok(head)
    }
}

impl Head {
    /// Length of the cycle; zero without a plan.
    #[must_use]
    pub fn cycle(&self) -> Millis {
        self.phases.iter().fold(Millis::ZERO, |sum, phase| sum + phase.duration)
    }

    /// How long after the start of the cycle phase `k` begins.
    #[must_use]
    pub fn starts_at(&self, k: usize) -> Millis {
        self.phases.iter().take(k).fold(Millis::ZERO, |sum, phase| sum + phase.duration)
    }

    /// The phase of a plan that began at `zero`, and for how long it has been shown; `None` without a plan.
    #[must_use]
    pub fn phase_at(&self, zero: Millis, at: Millis) -> Option<(usize, Millis)> {
        let cycle = self.cycle();
        if cycle <= Millis::ZERO {
            return None;
        }
        let mut into = Millis((at - zero).0.rem_euclid(cycle.0));
        for (k, phase) in self.phases.iter().enumerate() {
            if into < phase.duration {
                return Some((k, into));
            }
            into -= phase.duration;
        }
        None
    }

    /// For how long a link has been green, or has not, when the plan is `into` phase `k`; at most a cycle.
    #[must_use]
    pub fn unchanged_for(&self, k: usize, into: Millis, link: usize) -> Millis {
        let green = |k: usize| self.phases[k].state.get(link).is_some_and(|c| is_green(*c));
        let before = (1..self.phases.len()).map(|back| (k + self.phases.len() - back) % self.phases.len());
        let alike = before.take_while(|earlier| green(*earlier) == green(k));
        alike.fold(into, |sum, earlier| sum + self.phases[earlier].duration)
    }

    /// The links that lead from `from` to `to`.
    pub fn links_between(&self, from: EdgeId, to: EdgeId) -> impl Iterator<Item = usize> {
        self.links.iter().enumerate().filter(move |(_, link)| **link == Some((from, to))).map(|(i, _)| i)
    }

    /// The links that leave `from`.
    pub fn links_from(&self, from: EdgeId) -> impl Iterator<Item = usize> {
        self.links
            .iter()
            .enumerate()
            .filter(move |(_, link)| link.is_some_and(|(f, _)| f == from))
            .map(|(i, _)| i)
    }
}

/// Whether a letter of a state lets traffic go.
#[must_use]
pub const fn is_green(letter: u8) -> bool {
    matches!(letter, b'G' | b'g')
}
