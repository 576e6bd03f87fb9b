//! Instants joined by difference constraints; their least and their greatest solution.

use super::{BARRIERS_MAX, EDGES_MAX, Fault, NODES_MAX, TIME_MAX_MS};

/// The instant of every node, milliseconds from now.
pub(super) type Instants = [i64; NODES_MAX];

/// Node 0 is the present.
pub(super) const NOW: Point = Point { node: 0, offset: 0 };

const NONE: u16 = u16::MAX;

/// An instant: a node and a constant distance from it, milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Point {
    pub node: u8,
    pub offset: i64,
}

impl Point {
    pub fn after(self, offset: i64) -> Self {
        Self { offset: self.offset + offset, ..self }
    }

    pub fn at(self, instants: &Instants) -> i64 {
        instants[usize::from(self.node) % NODES_MAX] + self.offset
    }
}

/// `instant[to] − instant[from] ≥ gap`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub from: u8,
    pub to: u8,
    pub gap: i64,
    next: u16,
}

/// A barrier stands no later than the later of two points: one ring must still be within its maximum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cap {
    pub node: u8,
    pub limits: [Point; 2],
}

/// Constraints that a search adds and takes back, last in, first out.
#[derive(Clone, Debug)]
pub(super) struct Extras {
    first: [u16; NODES_MAX],
    edges: [Edge; Self::MAX],
    len: usize,
}

impl Extras {
    const MAX: usize = super::REQUESTS_MAX + BARRIERS_MAX;

    pub const fn new() -> Self {
        let empty = Edge { from: 0, to: 0, gap: 0, next: NONE };
        Self { first: [NONE; NODES_MAX], edges: [empty; Self::MAX], len: 0 }
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Add a constraint; there is room for one of each request and one of each barrier.
    pub fn push(&mut self, from: u8, to: u8, gap: i64) {
        let next = self.first[usize::from(from)];
        self.first[usize::from(from)] = index(self.len);
        self.edges[self.len] = Edge { from, to, gap, next };
        self.len += 1;
    }

    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            self.len -= 1;
            let edge = self.edges[self.len];
            self.first[usize::from(edge.from)] = edge.next;
        }
    }
}

/// Difference constraints between instants.
#[derive(Clone, Debug)]
pub(super) struct Net {
    nodes: usize,
    first: [u16; NODES_MAX],
    edges: [Edge; EDGES_MAX],
    edges_len: usize,
    caps: [Cap; BARRIERS_MAX],
    caps_len: usize,
    /// The cap of each node.
    cap_of: [u8; NODES_MAX],
    /// A constraint between two points of one node cannot hold.
    broken: bool,
}

impl Net {
    pub const fn new() -> Self {
        let cap = Cap { node: 0, limits: [NOW; 2] };
        Self {
            nodes: 1,
            first: [NONE; NODES_MAX],
            edges: [Edge { from: 0, to: 0, gap: 0, next: NONE }; EDGES_MAX],
            edges_len: 0,
            caps: [cap; BARRIERS_MAX],
            caps_len: 0,
            cap_of: [u8::MAX; NODES_MAX],
            broken: false,
        }
    }

    /// Forget everything but the present.
    pub fn clear(&mut self) {
        self.first[..self.nodes].fill(NONE);
        self.cap_of[..self.nodes].fill(u8::MAX);
        (self.nodes, self.edges_len, self.caps_len, self.broken) = (1, 0, 0, false);
    }

    pub fn nodes(&self) -> usize {
        self.nodes
    }

    pub fn caps(&self) -> &[Cap] {
        &self.caps[..self.caps_len]
    }

    /// A new instant. Nodes made in the order of time are relaxed fastest.
    pub fn node(&mut self) -> Result<Point, Fault> {
        if self.nodes >= NODES_MAX {
            return Err(Fault::TooLarge);
        }
        self.nodes += 1;
        Ok(Point { node: byte(self.nodes - 1), offset: 0 })
    }

    /// `later` comes at least `gap` after `earlier`.
    pub fn at_least(&mut self, earlier: Point, later: Point, gap: i64) -> Result<(), Fault> {
        let gap = earlier.offset + gap - later.offset;
        let (from, to) = (earlier.node, later.node);
        if from == to {
            self.broken |= gap > 0;
            return Ok(());
        }
        let mut known = self.first[usize::from(from)];
        while let Some(edge) = self.edges.get_mut(usize::from(known)) {
            if edge.to == to {
                edge.gap = edge.gap.max(gap);
                return Ok(());
            }
            known = edge.next;
        }
        if self.edges_len >= EDGES_MAX {
            return Err(Fault::TooLarge);
        }
        self.edges[self.edges_len] = Edge { from, to, gap, next: self.first[usize::from(from)] };
        self.first[usize::from(from)] = index(self.edges_len);
        self.edges_len += 1;
        Ok(())
    }

    /// `later` comes at most `gap` after `earlier`.
    pub fn at_most(&mut self, earlier: Point, later: Point, gap: i64) -> Result<(), Fault> {
        self.at_least(later, earlier, -gap)
    }

    /// `barrier` comes no later than the later one of `limits`. One cap for each node.
    pub fn cap(&mut self, barrier: Point, limits: [Point; 2]) -> Result<(), Fault> {
        if self.caps_len >= BARRIERS_MAX {
            return Err(Fault::TooLarge);
        }
        let limits = limits.map(|limit| limit.after(-barrier.offset));
        self.caps[self.caps_len] = Cap { node: barrier.node, limits };
        self.cap_of[usize::from(barrier.node)] = byte(self.caps_len);
        self.caps_len += 1;
        Ok(())
    }

    /// Every instant as early as it can be; `None` when the constraints contradict each other.
    pub fn least(&self, ceilings: &Instants) -> Option<Instants> {
        let mut instants = [0; NODES_MAX];
        let all = u64::MAX >> (NODES_MAX - self.nodes);
        let holds = !self.broken && self.raise(&mut instants, all, &Extras::new(), ceilings);
        holds.then_some(instants)
    }

    /// Put off what must be put off after the instants of the nodes in `changed` were put off.
    ///
    /// Longest paths by sweeps over the changed nodes (Bellman-Ford): a simple path has fewer edges
    /// than there are nodes, so more sweeps than that mean a cycle of positive length. False when
    /// there is one, or when an instant passes its ceiling.
    pub fn raise(
        &self,
        instants: &mut Instants,
        mut changed: u64,
        extras: &Extras,
        ceilings: &Instants,
    ) -> bool {
        let mut sweeps = 0;
        while changed != 0 {
            sweeps += 1;
            if sweeps > self.nodes {
                return false;
            }
            let mut pending = changed;
            changed = 0;
            while pending != 0 {
                let from = pending.trailing_zeros() as usize % NODES_MAX;
                pending &= pending - 1;
                let base = instants[from];
                let lists = [(&self.edges[..], self.first[from]), (&extras.edges[..], extras.first[from])];
                for (edges, first) in lists {
                    let mut at = first;
                    while let Some(edge) = edges.get(usize::from(at)) {
                        at = edge.next;
                        let to = usize::from(edge.to) % NODES_MAX;
                        let floor = base + edge.gap;
                        if floor <= instants[to] {
                            continue;
                        }
                        if floor > ceilings[to] {
                            return false;
                        }
                        instants[to] = floor;
                        let later = if to > from { &mut pending } else { &mut changed };
                        *later |= 1 << to;
                    }
                }
            }
        }
        true
    }

    /// Every instant as late as it can be, none later than `start`; `None` when the constraints
    /// contradict each other, or when the descent has not ended after many sweeps.
    ///
    /// Differences and caps are both closed under the component-wise maximum, so that there is a
    /// greatest solution; it is reached by descent. Maxima count from instants before, minima from
    /// instants after: sweeps go forth and back through the nodes in turn.
    pub fn greatest(&self, start: &Instants, extras: &Extras) -> Option<Instants> {
        const SWEEPS_MAX: usize = 4 * NODES_MAX;
        let mut instants = *start;
        for sweep in 0..SWEEPS_MAX {
            let mut changed = false;
            for step in 0..self.nodes {
                let node = if sweep % 2 == 0 { step } else { self.nodes - 1 - step };
                let limit = self.limit(node, &instants, extras);
                if limit < instants[node] {
                    instants[node] = limit;
                    changed = true;
                }
            }
            if instants[0] < 0 {
                return None;
            }
            if !changed {
                return Some(instants);
            }
        }
        None
    }

    /// How late a node may be, as the others stand.
    fn limit(&self, node: usize, instants: &Instants, extras: &Extras) -> i64 {
        let mut limit = instants[node];
        let lists = [(&self.edges[..], self.first[node]), (&extras.edges[..], extras.first[node])];
        for (edges, first) in lists {
            let mut at = first;
            while let Some(edge) = edges.get(usize::from(at)) {
                limit = limit.min(instants[usize::from(edge.to) % NODES_MAX] - edge.gap);
                at = edge.next;
            }
        }
        if let Some(cap) = self.caps.get(usize::from(self.cap_of[node])) {
            limit = limit.min(cap.limits[0].at(instants).max(cap.limits[1].at(instants)));
        }
        limit
    }

    /// The latest instants that the constraints alone allow: the ceilings of every search.
    pub fn ceilings(&self) -> Option<Instants> {
        let mut start = [TIME_MAX_MS; NODES_MAX];
        start[0] = 0;
        self.greatest(&start, &Extras::new())
    }
}

#[allow(clippy::cast_possible_truncation)]
fn index(position: usize) -> u16 {
    position as u16
}

#[allow(clippy::cast_possible_truncation)]
fn byte(position: usize) -> u8 {
    position as u8
}

const _: () = assert!(EDGES_MAX < NONE as usize && NODES_MAX <= 64, "a set of nodes is 64 bits");
