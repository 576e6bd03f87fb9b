//! The quickest lawful way from link to link, at a given time of departure.
//!
//! A label-setting search on the line graph (`roads`): a node is a link, an arc is a movement, so that
//! turn restrictions and turn costs hold by construction. Signals, closures and other vehicles'
//! reservations make the cost of an arc depend on when it is reached; all of these functions are FIFO (who
//! comes later never leaves earlier), so that the search is exact (planning notes 5). It is directed by
//! lower bounds from landmarks (`landmarks`) and ordered by a queue of buckets (`labels`). All buffers
//! belong to the router and are reused: once made, it allocates nothing.

mod alternatives;
mod labels;
mod landmarks;
mod roads;
mod waits;

use clearway_network::{LinkId, Network, Uses};
use clearway_signals::Millis;

use crate::closures::Closures;
use labels::{Labels, NONE};
use landmarks::{Bounds, FAR, Landmarks};
use roads::{Arc, Roads};

pub use alternatives::{ALTERNATIVES_MAX, Alternative};
pub use roads::{Crossing, SIGNAL_MS, TURN_MS, U_TURN_MS};
pub use waits::Waits;

/// Links that may be starts, or goals, of one search.
pub const ENDS_MAX: usize = 32;
/// Nobody waits longer than this at one place, milliseconds: about 24 days.
const WAIT_MAX_MS: i64 = i32::MAX as i64;

/// Where a way begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// The link that the vehicle is on.
    pub link: LinkId,
    /// From the departure until it reaches the end of that link.
    pub after: Millis,
}

/// Where a way may end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Goal {
    /// The link that the destination lies on.
    pub link: LinkId,
    /// The time along it that is beyond the destination.
    pub beyond: Millis,
}

/// What is sought.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Who drives: links and movements that none of these may use are not there.
    pub uses: Uses,
    /// When.
    pub depart: Millis,
    /// From where: any of these, at most [`ENDS_MAX`].
    pub starts: &'a [Start],
    /// Where to: any of these, at most [`ENDS_MAX`].
    pub goals: &'a [Goal],
    /// Links that cannot be passed.
    pub closures: Option<&'a Closures>,
}

/// A router with its tables and buffers.
#[derive(Debug)]
pub struct Router {
    roads: Roads,
    landmarks: Landmarks,
    labels: Labels,
    /// Goals, and how much of each lies beyond the destination, milliseconds.
    goals: Vec<(u32, u32)>,
    penalties: Vec<u32>,
    penalised: bool,
    best: Option<Best>,
}

/// The earliest arrival so far.
#[derive(Clone, Copy, Debug)]
struct Best {
    at_ms: u32,
    goal: u32,
    came_from: u32,
}

impl Router {
    /// Tables and buffers for a network.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        let roads = Roads::new(network);
        Self {
            landmarks: Landmarks::new(network, &roads),
            labels: Labels::new(roads.len(), roads.arcs() + ENDS_MAX),
            goals: Vec::with_capacity(ENDS_MAX),
            penalties: vec![0; roads.len()],
            penalised: false,
            best: None,
            roads,
        }
    }

    /// The time along a link at free speed, from `offset_mm` to its end.
    #[must_use]
    pub fn rest_of(&self, network: &Network, link: LinkId, offset_mm: i64) -> Millis {
        let whole = self.roads.running_ms[link.index()];
        Millis(i64::from(whole - self.roads.running_to_ms(network, link, offset_mm).min(whole)))
    }

    /// The quickest way in free flow, with nobody else about, from the end of `start` to the end of the
    /// first of `goals` that is reached.
    ///
    /// `way` is filled with the links, `start` first and the goal last; it stays empty when there is no
    /// way. A start that is a goal itself is a way of one link only if `goal_is_ahead` says so; else
    /// the way leads round to it again, or to another goal.
    pub fn find(
        &mut self,
        network: &Network,
        uses: Uses,
        start: LinkId,
        goals: &[LinkId],
        goal_is_ahead: bool,
        way: &mut Vec<LinkId>,
    ) {
        debug_assert_eq!(network.links.len(), self.roads.len(), "the router was made for another network");
        way.clear();
        if goal_is_ahead && goals.contains(&start) {
            way.push(start);
            return;
        }
        let mut ends = [Goal { link: start, beyond: Millis::ZERO }; ENDS_MAX];
        for (end, goal) in ends.iter_mut().zip(goals) {
            end.link = *goal;
        }
        let starts = [Start { link: start, after: Millis::ZERO }];
        let query = Query {
            uses,
            depart: Millis::ZERO,
            starts: &starts,
            goals: &ends[..goals.len().min(ENDS_MAX)],
            closures: None,
        };
        self.seek(&query, |_, _| Millis::ZERO, way);
    }

    /// The way that arrives first; when that is. `way` stays empty when there is none.
    ///
    /// `wait` is asked for every signal that is met, with the time of arrival there: how long the vehicle
    /// waits. It must be FIFO: who comes later never leaves earlier. A way from a start onto itself leads
    /// round; a destination that lies ahead on the start's own link is the caller's to see.
    pub fn seek(
        &mut self,
        query: &Query<'_>,
        wait: impl Fn(&Crossing, Millis) -> Millis,
        way: &mut Vec<LinkId>,
    ) -> Option<Millis> {
        way.clear();
        self.search(query, wait);
        let best = self.best?;
        way.push(LinkId(best.goal));
        let mut link = best.came_from;
        while link != NONE && way.len() <= self.roads.len() {
            way.push(LinkId(link));
            link = self.labels.get(link).map_or(NONE, |label| label.came_from);
        }
        way.reverse();
        Some(query.depart + Millis(i64::from(best.at_ms)))
    }

    fn search(&mut self, query: &Query<'_>, wait: impl Fn(&Crossing, Millis) -> Millis) {
        self.labels.clear();
        self.best = None;
        self.set_goals(query);
        let Self { roads, landmarks, labels, goals, penalties, penalised, best } = self;
        let starts = query.starts.iter().take(ENDS_MAX).filter(|start| start.link.index() < roads.len());
        let bounds = landmarks.bounds(starts.clone().map(|start| start.link.0), goals);
        let mut front = Front { labels, bounds, goals, best };
        front.begin(starts);
        let closures = query.closures.filter(|closures| closures.any(query.depart));
        while let Some((link, at_ms)) = front.next() {
            // As a rule all arcs of a link obey one signal: it is asked once.
            let (mut met, mut free_ms) = (None, Some(at_ms));
            for arc in roads.leaving(link).iter().filter(|arc| arc.allows(query.uses)) {
                let crossing = arc.crossing();
                if crossing != met {
                    (met, free_ms) = (crossing, pass(crossing, query.depart, at_ms, &wait));
                }
                let Some(mut at) = free_ms.and_then(|free| drive_on(arc, query.depart, free, closures))
                else {
                    continue;
                };
                if *penalised {
                    at = at.saturating_add(penalties[arc.to as usize]);
                }
                front.reach(arc.to, at, link);
            }
        }
    }

    /// Mark the goals.
    fn set_goals(&mut self, query: &Query<'_>) {
        self.goals.clear();
        for goal in query.goals.iter().take(ENDS_MAX).filter(|goal| goal.link.index() < self.roads.len()) {
            let running_ms = self.roads.running_ms[goal.link.index()];
            let tail_ms = u32::try_from(goal.beyond.0.max(0)).unwrap_or(u32::MAX).min(running_ms);
            self.labels.see(goal.link.0).0.set_goal();
            self.goals.push((goal.link.0, tail_ms));
        }
    }

    /// When the end of each link of a way is reached, the goal's own less what lies beyond the
    /// destination; `false` when the way cannot be driven like that.
    pub fn times(
        &self,
        query: &Query<'_>,
        way: &[LinkId],
        wait: impl Fn(&Crossing, Millis) -> Millis,
        times: &mut Vec<Millis>,
    ) -> bool {
        times.clear();
        let (first, last) = (way.first(), way.last());
        let start = query.starts.iter().filter(|start| Some(&start.link) == first).min_by_key(|s| s.after);
        let goal = query.goals.iter().filter(|goal| Some(&goal.link) == last).max_by_key(|g| g.beyond);
        let (Some(start), Some(goal)) = (start, goal) else { return false };
        let Ok(mut at_ms) = u32::try_from(start.after.0) else { return false };
        times.push(query.depart + start.after);
        for pair in way.windows(2) {
            let arc = self.roads.between(pair[0], pair[1], query.uses);
            let next = arc.and_then(|arc| {
                let free_ms = pass(arc.crossing(), query.depart, at_ms, &wait)?;
                drive_on(arc, query.depart, free_ms, query.closures)
            });
            let Some(next) = next else { return false };
            at_ms = next;
            times.push(query.depart + Millis(i64::from(at_ms)));
        }
        if let (true, Some(last)) = (way.len() > 1, times.last_mut()) {
            *last -= goal.beyond;
        }
        true
    }
}

/// What a search has reached so far.
struct Front<'a> {
    labels: &'a mut Labels,
    bounds: Bounds<'a>,
    /// Goals, and how much of each lies beyond the destination, milliseconds.
    goals: &'a [(u32, u32)],
    best: &'a mut Option<Best>,
}

impl Front<'_> {
    /// Reach the starts; without a goal there is nothing to seek.
    fn begin<'s>(&mut self, starts: impl Iterator<Item = &'s Start>) {
        for (goal, _) in self.goals {
            // Goals have labels before they are reached.
            self.labels.see(*goal).0.bound_ms = self.bounds.of(*goal);
        }
        for start in starts.filter(|_| !self.goals.is_empty()) {
            if let Ok(after_ms) = u32::try_from(start.after.0) {
                self.reach(start.link.0, after_ms, NONE);
            }
        }
    }

    /// The next link to drive on from, and when its end is reached; `None`: nothing earlier can be found.
    #[inline]
    fn next(&mut self) -> Option<(u32, u32)> {
        let best_ms = self.best.map_or(u32::MAX, |best| best.at_ms);
        loop {
            let (link, label, least_ms) = self.labels.take()?;
            if least_ms >= best_ms {
                return None;
            }
            if label.at_ms.saturating_add(label.bound_ms) < best_ms {
                return Some((link, label.at_ms));
            }
        }
    }

    /// The end of `link` is reached at `at_ms` from the end of `from`.
    #[inline]
    fn reach(&mut self, link: u32, at_ms: u32, from: u32) {
        let (label, is_new) = self.labels.see(link);
        if is_new {
            label.bound_ms = self.bounds.of(link);
        }
        if label.is_goal() && from != NONE {
            let tails = self.goals.iter().filter(|(goal, _)| *goal == link);
            let at_ms = at_ms.saturating_sub(tails.map(|(_, tail_ms)| *tail_ms).max().unwrap_or(0));
            if self.best.is_none_or(|best| at_ms < best.at_ms) {
                *self.best = Some(Best { at_ms, goal: link, came_from: from });
            }
        }
        if at_ms < label.at_ms {
            label.at_ms = at_ms;
            label.came_from = from;
            if label.bound_ms != FAR {
                self.labels.queue(link);
            }
        }
    }
}

/// When the signal is passed by who is there at `at_ms`; `None`: never.
#[inline]
fn pass(
    crossing: Option<Crossing>,
    depart: Millis,
    at_ms: u32,
    wait: impl Fn(&Crossing, Millis) -> Millis,
) -> Option<u32> {
    let Some(crossing) = crossing else { return Some(at_ms) };
    later(at_ms, wait(&crossing, depart + Millis(i64::from(at_ms))))
}

/// When the end of the arc's link is reached by who has passed the signal: the link may be closed, then
/// there are the turn and the link itself. `None`: never.
#[inline]
fn drive_on(arc: &Arc, depart: Millis, at_ms: u32, closures: Option<&Closures>) -> Option<u32> {
    let open_ms = match closures {
        Some(closures) => later(at_ms, closures.wait(LinkId(arc.to), depart + Millis(i64::from(at_ms))))?,
        None => at_ms,
    };
    open_ms.checked_add(arc.cost_ms)
}

#[inline]
fn later(at_ms: u32, wait: Millis) -> Option<u32> {
    let wait_ms = u32::try_from(wait.0.max(0)).ok().filter(|wait| i64::from(*wait) <= WAIT_MAX_MS)?;
    at_ms.checked_add(wait_ms)
}

#[cfg(test)]
mod tests;
