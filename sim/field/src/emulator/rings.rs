//! Actuated control of rings: calls and gaps at the detectors, maximum greens, the plan's force-offs,
//! barriers (NEMA TS 2, 3.5; NTCIP 1202 v03, 5.2).
//!
//! Each ring is in one phase or in none. It leaves a green phase that is served (its minimum over, its
//! crossings clear) for a call: after a gap, at its maximum, or where the plan forces it off; a
//! coordinated phase only where the plan ends it. Within a barrier each ring goes on by itself; all
//! cross a barrier together. Which greens may start and end when is the interlock's affair.

#[cfg(test)]
mod tests;

use clearway_network::RingPhase;
use clearway_signals::{GroupId, GroupSet, Millis};

use super::TICK;
use super::detectors::Detector;
use super::heads::{Aspect, Heads};
use super::plan::Plan;
use super::priority::{EARLY_MAX, EXTENSION_MAX, GroupPriority};

const LONG_AGO: Millis = Millis(-1 << 40);

/// A phase and what it knows.
#[derive(Clone, Debug)]
struct Phase {
    data: RingPhase,
    /// Somebody waits for it.
    called: bool,
    /// When a vehicle was last on its detectors.
    actuated: Millis,
    /// Since when somebody waits against it.
    opposed_since: Option<Millis>,
    runs: bool,
    /// The plan's end of the green that runs.
    force_off: Millis,
    /// Its crossings have walked in the green that runs.
    walked: bool,
    /// A walk that runs lasts until then at least.
    walk_until: Millis,
}

/// What the rings look at in a tick.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub plan: &'a Plan,
    pub heads: &'a Heads,
    pub detectors: &'a [Detector],
    /// Groups that are given priority, and when their vehicle comes.
    pub favoured: Option<GroupPriority>,
    pub now: Millis,
}

/// The rings of a controller; without phases there are none.
#[derive(Clone, Debug)]
pub(crate) struct Rings {
    phases: Vec<Phase>,
    /// The phase that each ring is in.
    current: Vec<Option<usize>>,
    coordinated: bool,
    last_tick: Millis,
}

impl Rings {
    pub fn new(phases: &[RingPhase]) -> Self {
        let rings = phases.iter().map(|phase| phase.ring).max().unwrap_or(0);
        let phase = |data: &RingPhase| Phase {
            data: data.clone(),
            called: true,
            actuated: LONG_AGO,
            opposed_since: None,
            runs: false,
            force_off: Millis::NEVER,
            walked: false,
            walk_until: Millis::ZERO,
        };
        Self {
            phases: phases.iter().map(phase).collect(),
            current: vec![None; usize::from(rings)],
            coordinated: phases.iter().any(|phase| phase.coordinated),
            last_tick: LONG_AGO,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    pub fn phases(&self) -> impl Iterator<Item = &RingPhase> {
        self.phases.iter().map(|phase| &phase.data)
    }

    /// The groups that somebody waits for.
    pub fn called(&self) -> GroupSet {
        self.phases.iter().filter(|phase| phase.called).map(|phase| phase.data.group).collect()
    }

    /// The groups whose display the plan rules: what being in step means.
    pub fn coordinated(&self) -> GroupSet {
        self.phases.iter().filter(|phase| phase.data.coordinated).map(|phase| phase.data.group).collect()
    }

    /// The groups that the rings want green now.
    pub fn wanted(&mut self, scene: Scene<'_>) -> GroupSet {
        if scene.now - self.last_tick > TICK {
            self.resume(scene.heads);
        }
        self.last_tick = scene.now;
        self.sense(scene);
        self.advance(scene);
        self.greens(scene)
    }

    /// Something else ruled the signals: go on from what it left, everybody may have waited.
    fn resume(&mut self, heads: &Heads) {
        let shows = |phase: &Phase| {
            matches!(heads.aspects()[phase.data.group.index()], Aspect::Green | Aspect::RedYellow)
        };
        let barrier = self.phases.iter().find(|phase| shows(phase)).map(|phase| phase.data.barrier);
        for (ring, current) in (1u8..).zip(&mut self.current) {
            *current = self.phases.iter().position(|phase| {
                phase.data.ring == ring && Some(phase.data.barrier) == barrier && shows(phase)
            });
        }
        for phase in &mut self.phases {
            phase.called = true;
            phase.runs = false;
        }
    }

    fn sense(&mut self, scene: Scene<'_>) {
        let until_coordinated = self.until_coordinated_end(scene);
        for phase in &mut self.phases {
            let numbers = &phase.data.detectors;
            let occupied = scene.detectors.iter().any(|d| d.occupied && numbers.contains(&d.number));
            let green = scene.heads.aspects()[phase.data.group.index()] == Aspect::Green;
            if green && !phase.runs {
                phase.force_off = match scene.plan.until_end(phase.data.group, scene.now) {
                    Some(until) if until <= until_coordinated => scene.now + until,
                    _ => scene.now,
                };
                (phase.walked, phase.opposed_since) = (false, None);
            }
            phase.runs = green;
            if occupied || numbers.is_empty() {
                phase.actuated = scene.now;
                phase.called = true;
            }
            // The rings come back to the coordinated phases in every cycle.
            phase.called = (phase.called || phase.data.coordinated) && !green;
        }
        let opposed: Vec<bool> = (0..self.phases.len()).map(|index| self.is_opposed(index, scene)).collect();
        for (phase, opposed) in self.phases.iter_mut().zip(opposed) {
            phase.opposed_since = opposed.then(|| phase.opposed_since.unwrap_or(scene.now));
        }
    }

    /// Until the next end of the coordinated phases; for ever without.
    fn until_coordinated_end(&self, scene: Scene<'_>) -> Millis {
        let coordinated = self.phases.iter().filter(|phase| phase.data.coordinated);
        let ends = coordinated.filter_map(|phase| scene.plan.until_end(phase.data.group, scene.now));
        ends.min().unwrap_or(Millis::NEVER)
    }

    /// Whether somebody waits for the phase, and the plan leaves it its minimum green in this cycle.
    fn is_callable(&self, index: usize, scene: Scene<'_>) -> bool {
        let Phase { data, called, .. } = &self.phases[index];
        let fits = || {
            let Some(until) = scene.plan.until_end(data.group, scene.now) else { return false };
            let starts = scene.heads.earliest_green(data.group, scene.now) - scene.now;
            until <= self.until_coordinated_end(scene)
                && until >= starts + scene.heads.group(data.group).min_green
        };
        *called && (!self.coordinated || data.coordinated || fits())
    }

    fn is_opposed(&self, index: usize, scene: Scene<'_>) -> bool {
        let in_the_way = scene.heads.conflicts_of(GroupSet::of(self.phases[index].data.group));
        let mut others = (0..self.phases.len()).filter(|other| *other != index);
        others
            .any(|other| in_the_way.contains(self.phases[other].data.group) && self.is_callable(other, scene))
    }

    /// Whether a ring may leave the phase.
    fn is_served(&self, index: usize, scene: Scene<'_>) -> bool {
        let Scene { plan, heads, now, .. } = scene;
        let Phase { data, actuated, opposed_since, runs, force_off, .. } = &self.phases[index];
        let old_enough =
            heads.since(data.group).is_some_and(|since| now - since >= heads.group(data.group).min_green);
        let clear = data.crossings.iter().all(|group| heads.aspects()[group.index()] == Aspect::Red);
        let Some(opposed_since) = opposed_since else { return false };
        if !runs || !old_enough || !clear {
            return false;
        }
        match scene.favoured {
            Some(favoured) if favoured.groups.contains(data.group) => {
                return now >= *force_off + EXTENSION_MAX;
            }
            Some(favoured) if self.gives_way(data.group, favoured, scene) => return true,
            _ => {}
        }
        if self.coordinated && data.coordinated {
            return plan.left(data.group, now) == Millis::ZERO;
        }
        let gap = now - *actuated >= data.passage.max(TICK);
        if self.coordinated {
            // Coordination inhibits the maximum.
            return gap || now >= *force_off;
        }
        // Where there is neither detector nor maximum, nothing else would end it.
        let endless = data.detectors.is_empty() && data.max_green == Millis::ZERO;
        let at_maximum = data.max_green > Millis::ZERO && now - *opposed_since >= data.max_green;
        gap || at_maximum || endless
    }

    /// Whether a green is cut to its minimum for the sake of what is favoured: an early green.
    fn gives_way(&self, group: GroupId, favoured: GroupPriority, scene: Scene<'_>) -> bool {
        let conflicts = scene.heads.conflicts_of(favoured.groups);
        let near = favoured.groups.iter().all(|group| {
            let waits = scene.plan.until_start(group, scene.now).is_some_and(|wait| wait <= EARLY_MAX);
            waits || scene.plan.left(group, scene.now) > Millis::ZERO
        });
        near && conflicts.contains(group)
    }

    /// Move the rings on.
    fn advance(&mut self, scene: Scene<'_>) {
        let ready: Vec<bool> =
            self.current.iter().map(|at| at.is_none_or(|index| self.is_served(index, scene))).collect();
        let barrier = self.current.iter().flatten().map(|&index| self.phases[index].data.barrier).next();
        let next = |ring: usize, barrier: u8, after: u8| {
            self.first_callable(ring, barrier, after, scene).filter(|_| ready[ring])
        };
        let rings = 0..self.current.len();
        let onward: Vec<Option<usize>> = rings
            .clone()
            .map(|ring| {
                let after = self.current[ring].map_or(0, |index| self.phases[index].data.position);
                next(ring, barrier?, after)
            })
            .collect();
        if onward.iter().any(Option::is_some) {
            return self.enter(onward);
        }
        match self.next_barrier(barrier, scene) {
            // Nobody waits behind the barrier: a ring goes back alone.
            Some(same) if Some(same) == barrier => {
                self.enter(rings.map(|ring| next(ring, same, 0)).collect());
            }
            Some(behind) if ready.iter().all(|ready| *ready) => self.cross(behind, scene),
            _ => {}
        }
    }

    /// Let rings go on; those without a next phase stay.
    fn enter(&mut self, next: Vec<Option<usize>>) {
        for (current, next) in self.current.iter_mut().zip(next) {
            *current = next.or(*current);
        }
    }

    /// The first called phase of a ring behind a position.
    fn first_callable(&self, ring: usize, barrier: u8, after: u8, scene: Scene<'_>) -> Option<usize> {
        self.of_ring(ring, barrier)
            .find(|&index| self.phases[index].data.position > after && self.is_callable(index, scene))
    }

    fn of_ring(&self, ring: usize, barrier: u8) -> impl DoubleEndedIterator<Item = usize> + '_ {
        (0..self.phases.len()).filter(move |&index| {
            let data = &self.phases[index].data;
            usize::from(data.ring) == ring + 1 && data.barrier == barrier
        })
    }

    /// The next barrier where somebody waits; the present one is the last that is looked at.
    fn next_barrier(&self, from: Option<u8>, scene: Scene<'_>) -> Option<u8> {
        let barriers = self.phases.iter().map(|phase| phase.data.barrier).max().unwrap_or(0);
        let mut behind = (1..=barriers).map(|step| match from {
            Some(from) => (from + step - 1) % barriers + 1,
            None => step,
        });
        behind.find(|&barrier| {
            (0..self.current.len()).any(|ring| self.first_callable(ring, barrier, 0, scene).is_some())
        })
    }

    /// All rings go behind a barrier. Where nobody waits, the ring's last phase goes along (dual entry).
    fn cross(&mut self, barrier: u8, scene: Scene<'_>) {
        let rings = 0..self.current.len();
        let called: Vec<Option<usize>> =
            rings.clone().map(|ring| self.first_callable(ring, barrier, 0, scene)).collect();
        let group = |index: usize| self.phases[index].data.group;
        let mut greens: GroupSet = called.iter().flatten().map(|&index| group(index)).collect();
        let mut next = Vec::new();
        for ring in rings {
            let along = || {
                let conflicts = scene.heads.conflicts_of(greens);
                self.of_ring(ring, barrier).rev().find(|&index| !conflicts.contains(group(index)))
            };
            let entered = called[ring].or_else(along);
            greens = entered.map_or(greens, |index| greens.with(group(index)));
            next.push(entered);
        }
        self.current = next;
    }

    /// The groups of the current phases, with their overlaps and crossings.
    fn greens(&mut self, scene: Scene<'_>) -> GroupSet {
        let mut wanted = GroupSet::EMPTY;
        for index in self.current.clone().into_iter().flatten() {
            let data = &self.phases[index].data;
            wanted = wanted.with(data.group).union(data.overlaps);
            for crossing in data.crossings.iter().collect::<Vec<_>>() {
                if self.walks(index, crossing, scene) {
                    wanted = wanted.with(crossing);
                }
            }
        }
        wanted
    }

    /// Whether a crossing of a current phase walks: once in a green, again while nobody waits; with a
    /// coordinated phase as long as the plan says.
    fn walks(&mut self, index: usize, crossing: GroupId, scene: Scene<'_>) -> bool {
        let Scene { plan, heads, now, .. } = scene;
        let rests = self.coordinated && self.phases[index].data.coordinated;
        let until_end = self.until_coordinated_end(scene);
        let phase = &mut self.phases[index];
        let shortest = heads.group(crossing).min_green;
        match heads.aspects()[crossing.index()] {
            Aspect::Green => {
                phase.walked = true;
                now < phase.walk_until
            }
            Aspect::Red if rests => match plan.until_end(crossing, now) {
                Some(until) if until <= until_end && until >= shortest => {
                    phase.walk_until = now + until;
                    true
                }
                _ => false,
            },
            Aspect::Red if !phase.walked || phase.opposed_since.is_none() => {
                phase.walk_until = now + shortest + TICK;
                true
            }
            _ => false,
        }
    }
}
