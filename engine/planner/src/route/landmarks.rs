//! Lower bounds on the time to a goal, from landmarks (ALT: A*, landmarks, triangle inequality;
//! Goldberg and Harrelson 2005).
//!
//! Free-flow times from and to a few links at the border of the network are worked out once. Whatever the
//! hour, the class of vehicle and what is closed, nobody is quicker: d(v, t) ≥ d(v, L) − d(t, L) and
//! d(v, t) ≥ d(L, t) − d(L, v). The bounds are consistent, so that the search remains exact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use clearway_network::{LinkId, Network};

use super::roads::Roads;

/// Landmarks: one for each eighth of the horizon.
const COUNT: usize = 8;
/// Those that say most about a search are asked; each costs two reads at every link that is seen.
const ASKED_MAX: usize = 3;
/// There is no way.
pub(super) const FAR: u32 = u32::MAX;
/// Links from which the largest part of the network that hangs together is sought.
const SEEDS: usize = 16;

/// The tables.
#[derive(Clone, Debug)]
pub(super) struct Landmarks {
    /// Links of the network.
    links: usize,
    /// From every link to the first landmark, to the second… A search asks few of them, of links near each
    /// other one after the other.
    to: Vec<u32>,
    /// From the first landmark to every link, from the second…
    from: Vec<u32>,
}

/// A bound that is asked in a search: the landmark's times, and the goal's.
#[derive(Clone, Copy, Debug)]
enum Bound<'a> {
    /// d(v, L) less this.
    To(&'a [u32], u32),
    /// This less d(L, v).
    From(&'a [u32], u32),
}

/// The bounds that are asked in one search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    asked: [Option<Bound<'a>>; ASKED_MAX],
    /// The search may end so much before the end of its goal.
    tail_ms: u32,
}

impl Landmarks {
    pub fn new(network: &Network, roads: &Roads) -> Self {
        let arcs = |link: u32| roads.leaving(link).iter().map(|arc| (arc.to, arc.cost_ms));
        let back = Reversed::new(roads);
        let chosen = choose(network, roads, &back);
        let (mut to, mut from) = (Vec::new(), Vec::new());
        for landmark in chosen {
            from.extend(times_from(landmark, roads.len(), arcs));
            to.extend(times_from(landmark, roads.len(), |link| back.leaving(link).iter().copied()));
        }
        Self { links: roads.len(), to, from }
    }

    /// The bounds that say most about ways from `starts` to `goals`, each of which is left out by so many
    /// milliseconds before its end.
    pub fn bounds(&self, starts: impl Iterator<Item = u32> + Clone, goals: &[(u32, u32)]) -> Bounds<'_> {
        let tail_ms = goals.iter().map(|(_, tail_ms)| *tail_ms).max().unwrap_or(0);
        let mut bounds = Bounds { asked: [None; ASKED_MAX], tail_ms };
        let mut worth = [0; ASKED_MAX];
        let times = self.to.chunks_exact(self.links.max(1)).zip(self.from.chunks_exact(self.links.max(1)));
        for (to, from) in times {
            let last = goals.iter().map(|(goal, _)| to[*goal as usize]).max().unwrap_or(FAR);
            let first = goals.iter().map(|(goal, _)| from[*goal as usize]).min().unwrap_or(FAR);
            // A landmark that a goal cannot reach, or from which none is reached, says nothing.
            let asked = [(last, Bound::To(to, last)), (first, Bound::From(from, first))];
            for (_, bound) in asked.into_iter().filter(|(time, _)| *time != FAR) {
                let least = starts.clone().map(|start| bound.ask(start)).min().unwrap_or(0);
                let Some(place) = worth.iter().position(|known| *known < least) else { continue };
                worth[place..].rotate_right(1);
                bounds.asked[place..].rotate_right(1);
                (worth[place], bounds.asked[place]) = (least, Some(bound));
            }
        }
        bounds
    }
}

impl Bounds<'_> {
    /// At least so long from the end of `link` to the destination; [`FAR`]: no way leads there.
    #[inline]
    pub fn of(&self, link: u32) -> u32 {
        let mut least = 0;
        for bound in self.asked.iter().flatten() {
            least = least.max(bound.ask(link));
        }
        if least == FAR { FAR } else { least.saturating_sub(self.tail_ms) }
    }
}

impl Bound<'_> {
    #[inline]
    fn ask(self, link: u32) -> u32 {
        match self {
            // Who cannot reach the landmark cannot reach the goal, which does.
            Self::To(times, goal) => match times[link as usize] {
                FAR => FAR,
                time => time.saturating_sub(goal),
            },
            Self::From(times, goal) => goal.saturating_sub(times[link as usize]),
        }
    }
}

/// The arcs that enter each link, with their costs.
struct Reversed {
    first: Vec<u32>,
    arcs: Vec<(u32, u32)>,
}

impl Reversed {
    fn new(roads: &Roads) -> Self {
        let mut first = vec![0_u32; roads.len() + 1];
        for link in 0..roads.running_ms.len() {
            for arc in roads.leaving(id(link)) {
                first[arc.to as usize + 1] += 1;
            }
        }
        for link in 1..first.len() {
            first[link] += first[link - 1];
        }
        let mut next = first.clone();
        let mut arcs = vec![(0, 0); first.last().map_or(0, |end| *end as usize)];
        for link in 0..roads.len() {
            for arc in roads.leaving(id(link)) {
                let place = &mut next[arc.to as usize];
                arcs[*place as usize] = (id(link), arc.cost_ms);
                *place += 1;
            }
        }
        Self { first, arcs }
    }

    fn leaving(&self, link: u32) -> &[(u32, u32)] {
        &self.arcs[self.first[link as usize] as usize..self.first[link as usize + 1] as usize]
    }
}

/// Dijkstra from one link to all.
fn times_from<A: Iterator<Item = (u32, u32)>>(start: u32, links: usize, arcs: impl Fn(u32) -> A) -> Vec<u32> {
    let mut times = vec![FAR; links];
    let mut heap = BinaryHeap::from([Reverse((0, start))]);
    times[start as usize] = 0;
    while let Some(Reverse((time, link))) = heap.pop() {
        if time > times[link as usize] {
            continue;
        }
        for (next, cost) in arcs(link) {
            let later = time.saturating_add(cost);
            if later < times[next as usize] {
                times[next as usize] = later;
                heap.push(Reverse((later, next)));
            }
        }
    }
    times
}

/// The links furthest out in eight directions, of the largest part of the network in which every link is
/// reached from every other.
fn choose(network: &Network, roads: &Roads, back: &Reversed) -> Vec<u32> {
    let mut whole: Vec<u32> = Vec::new();
    for seed in (0..SEEDS.min(roads.len())).map(|n| id(n * roads.len() / SEEDS.min(roads.len()))) {
        if whole.len() * 2 > roads.len() || whole.contains(&seed) {
            continue;
        }
        let ahead = times_from(seed, roads.len(), |link| roads.leaving(link).iter().map(|arc| (arc.to, 1)));
        let behind = times_from(seed, roads.len(), |link| back.leaving(link).iter().map(|arc| (arc.0, 1)));
        let both = |link: &u32| ahead[*link as usize] != FAR && behind[*link as usize] != FAR;
        let part: Vec<u32> = (0..id(roads.len())).filter(both).collect();
        if part.len() > whole.len() {
            whole = part;
        }
    }
    let outwards = |eighth: usize| {
        #[allow(clippy::cast_precision_loss)]
        let (sin, cos) = (eighth as f32 * std::f32::consts::TAU / COUNT as f32).sin_cos();
        let reach = |link: &u32| {
            let point = network.nodes[network.link(LinkId(*link)).to.index()].point;
            point.x * cos + point.y * sin
        };
        whole.iter().copied().max_by(|a, b| reach(a).total_cmp(&reach(b)))
    };
    (0..COUNT).filter_map(outwards).collect()
}

/// Links are far below 32 bits.
fn id(link: usize) -> u32 {
    u32::try_from(link).unwrap_or(u32::MAX)
}
