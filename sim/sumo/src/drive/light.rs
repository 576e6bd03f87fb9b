//! One traffic light of SUMO under our hand: it changes only through yellow and red.
//!
//! A state machine without sockets: [`Light::tick`] says what to show. Every green that ends keeps
//! its minimum, then its yellow, then everybody who is to start waits for the red; the same on the
//! way back to the program.

use clearway_signals::Millis;

use crate::steer::site::is_green;
use crate::steer::{Head, HeadMode, Target};

/// What SUMO runs the light by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// By the clock.
    Static,
    /// By its detectors.
    Actuated,
    /// Dual ring: its phase cannot be set from outside.
    Nema,
}

/// The times that a light keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Times {
    /// Green lasts at least this long.
    pub min_green: Millis,
    /// Yellow after green.
    pub yellow: Millis,
    /// Red for everybody after yellow.
    pub all_red: Millis,
}

impl Times {
    /// The shortest that any light keeps.
    #[must_use]
    pub const fn least() -> Self {
        Self { min_green: Millis(5_000), yellow: Millis(3_000), all_red: Millis(1_000) }
    }

    /// The longer of each.
    #[must_use]
    pub fn longest(self, other: Self) -> Self {
        Self {
            min_green: self.min_green.max(other.min_green),
            yellow: self.yellow.max(other.yellow),
            all_red: self.all_red.max(other.all_red),
        }
    }
}

/// Where the light stands.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    /// Runs its program.
    Program,
    /// Minimum greens run out.
    Waiting {
        until: Millis,
        target: Vec<u8>,
    },
    /// Yellow, then red, on the way to a state.
    Yellow {
        until: Millis,
        target: Vec<u8>,
        home: Option<Resume>,
    },
    Red {
        until: Millis,
        target: Vec<u8>,
        home: Option<Resume>,
    },
    /// The state is held.
    Holding {
        since: Millis,
    },
}

/// How the program goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resume {
    /// The phase; `None`: where the program itself stands.
    pub phase: Option<usize>,
    /// How long that phase still lasts; `None`: as the program says.
    pub rest: Option<Millis>,
}

/// What to tell SUMO.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Show this state.
    Show(Vec<u8>),
    /// Go back to the program.
    Resume(Resume),
}

/// The light.
#[derive(Clone, Debug)]
pub struct Light {
    program: Program,
    times: Times,
    /// When a cycle of a static program began.
    zero: Millis,
    stage: Stage,
    shown: Vec<u8>,
    green_since: Vec<Millis>,
}

impl Light {
    /// A light that runs its program; `zero` is when a cycle of it began.
    #[must_use]
    pub fn new(program: Program, times: Times, zero: Millis) -> Self {
        let (shown, green_since) = (Vec::new(), Vec::new());
        Self { program, times, zero, stage: Stage::Program, shown, green_since }
    }

    /// What it does, in the engine's words.
    #[must_use]
    pub fn mode(&self) -> HeadMode {
        match &self.stage {
            Stage::Program => HeadMode::Normal,
            Stage::Holding { .. } => HeadMode::Holding,
            Stage::Yellow { home: Some(_), .. } | Stage::Red { home: Some(_), .. } => HeadMode::Recovering,
            Stage::Waiting { .. } | Stage::Yellow { .. } | Stage::Red { .. } => HeadMode::Entering,
        }
    }

    /// Since when a state is held.
    #[must_use]
    pub fn held_since(&self) -> Option<Millis> {
        match self.stage {
            Stage::Holding { since } => Some(since),
            _ => None,
        }
    }

    /// Take in what SUMO shows now; what is to be told it, if anything.
    pub fn tick(&mut self, shown: &[u8], now: Millis) -> Option<Order> {
        self.see(shown, now);
        match self.stage.clone() {
            Stage::Waiting { until, target } if now >= until => Some(self.change(target, None, now)),
            Stage::Yellow { until, target, home } if now >= until => {
                self.stage = Stage::Red { until: now + self.times.all_red, target: target.clone(), home };
                Some(Order::Show(self.between(&target, b'r')))
            }
            Stage::Red { until, target, home } if now >= until => Some(match home {
                Some(resume) => {
                    self.stage = Stage::Program;
                    Order::Resume(resume)
                }
                None => {
                    self.stage = Stage::Holding { since: now };
                    Order::Show(target)
                }
            }),
            _ => None,
        }
    }

    /// Ask for a state; refused while another is on its way or held, or when it does not fit.
    pub fn request(&mut self, target: Vec<u8>, now: Millis) -> Option<Order> {
        let free = matches!(self.mode(), HeadMode::Normal | HeadMode::Recovering);
        if !free || target.len() != self.shown.len() {
            return None;
        }
        let ending = (0..target.len()).filter(|i| is_green(self.shown[*i]) && !is_green(target[*i]));
        let until = ending.map(|i| self.green_since[i] + self.times.min_green).max().unwrap_or(now);
        if until > now {
            self.stage = Stage::Waiting { until, target };
            return Some(Order::Show(self.shown.clone()));
        }
        Some(self.change(target, None, now))
    }

    /// Go back to the program. A change that has begun is carried through first: nothing is told then.
    pub fn release(&mut self, head: &Head, now: Millis) -> Option<Order> {
        if self.mode() != HeadMode::Holding {
            return None;
        }
        let red = || vec![b'r'; self.shown.len()];
        let arrives = now + self.times.yellow + self.times.all_red;
        let (target, resume) = match self.program {
            Program::Nema => (red(), Resume { phase: None, rest: None }),
            Program::Actuated => match self.nearest_phase(head) {
                Some(k) => (head.phases[k].state.clone(), Resume { phase: Some(k), rest: None }),
                None => (red(), Resume { phase: None, rest: None }),
            },
            Program::Static => match head.phase_at(self.zero, arrives) {
                Some((k, into)) => {
                    let rest = (head.phases[k].duration - into).max(Millis::from_s(1));
                    (head.phases[k].state.clone(), Resume { phase: Some(k), rest: Some(rest) })
                }
                None => (red(), Resume { phase: None, rest: None }),
            },
        };
        Some(self.change(target, Some(resume), now))
    }

    /// The phase that keeps most of what is green.
    fn nearest_phase(&self, head: &Head) -> Option<usize> {
        let kept = |state: &[u8]| {
            state.iter().zip(&self.shown).filter(|(a, b)| is_green(**a) && is_green(**b)).count()
        };
        let holdable = head.phases.iter().enumerate().filter(|(_, phase)| phase.is_holdable());
        holdable.max_by_key(|(k, phase)| (kept(&phase.state), std::cmp::Reverse(*k))).map(|(k, _)| k)
    }

    /// Begin to change: yellow where green ends (or yellow runs), else the red before the start.
    fn change(&mut self, target: Vec<u8>, home: Option<Resume>, now: Millis) -> Order {
        let yellow = self.between(&target, b'y');
        if yellow.contains(&b'y') {
            self.stage = Stage::Yellow { until: now + self.times.yellow, target, home };
            return Order::Show(yellow);
        }
        let starts = target.iter().zip(&self.shown).any(|(to, from)| is_green(*to) && !is_green(*from));
        if starts || home.is_some() {
            // A plan by the clock is met at the instant for which its state was looked up.
            let by_clock = home.is_some_and(|resume| resume.rest.is_some());
            let first = if by_clock { self.times.yellow } else { Millis::ZERO };
            self.stage = Stage::Red { until: now + first + self.times.all_red, target, home };
            return Order::Show(yellow);
        }
        self.stage = Stage::Holding { since: now };
        Order::Show(target)
    }

    /// What is shown between two states: green stays where it is green in both, `ending` stands where
    /// green or yellow ends, red everywhere else.
    fn between(&self, target: &[u8], ending: u8) -> Vec<u8> {
        let letter = |(from, to): (&u8, &u8)| match (from, to) {
            (from, to) if is_green(*from) && is_green(*to) => *from,
            (b'G' | b'g' | b'y' | b'Y', _) => ending,
            _ => b'r',
        };
        self.shown.iter().zip(target).map(letter).collect()
    }

    fn see(&mut self, shown: &[u8], now: Millis) {
        self.green_since.resize(shown.len(), now);
        for (i, letter) in shown.iter().enumerate() {
            if is_green(*letter) && !self.shown.get(i).is_some_and(|c| is_green(*c)) {
                self.green_since[i] = now;
            }
        }
        self.shown.clear();
        self.shown.extend_from_slice(shown);
    }
}

/// The state that a target means at a light.
///
/// A path through joined junctions is filled up with every link that some phase of the program shows
/// green together with all that is green already, as giving way.
#[must_use]
pub fn state_of(
    head: &Head,
    target: Target,
    moves: &[(crate::steer::EdgeId, crate::steer::EdgeId)],
) -> Vec<u8> {
    let green = |wanted: &dyn Fn(usize) -> bool| -> Vec<u8> {
        (0..head.links.len()).map(|i| if wanted(i) { b'G' } else { b'r' }).collect()
    };
    match target {
        Target::Phase(k) => head.phases.get(k).map_or_else(|| green(&|_| false), |phase| phase.state.clone()),
        Target::Approach => {
            let approach = moves.first().map(|(from, _)| *from);
            green(&|i| head.links[i].is_some_and(|(from, _)| Some(from) == approach))
        }
        Target::Path => {
            let mut state = green(&|i| head.links[i].is_some_and(|link| moves.contains(&link)));
            for i in 0..state.len() {
                let together =
                    |j: usize| head.phases.iter().any(|p| is_green(p.state[i]) && is_green(p.state[j]));
                let fits = (0..state.len()).all(|j| !is_green(state[j]) || together(j));
                if state[i] == b'r' && head.links[i].is_some() && fits {
                    state[i] = b'g';
                }
            }
            state
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steer::Phase;
    use proptest::prelude::*;

    const TIMES: Times = Times { min_green: Millis(5_000), yellow: Millis(3_000), all_red: Millis(2_000) };
    const STATES: [&str; 6] = ["GGrr", "yyrr", "rrrr", "rrGG", "rryy", "rrrr"];

    fn head() -> Head {
        let phase = |state: &&str| Phase { duration: Millis(6_000), state: state.as_bytes().to_vec() };
        Head {
            name: "x".into(),
            joined: false,
            fixed_time: true,
            links: vec![None; 4],
            phases: STATES.iter().map(phase).collect(),
        }
    }

    /// Runs the light with requests and releases at the given seconds, against its program.
    fn run(program: Program, asks: &[(i64, Option<usize>)]) -> Vec<Vec<u8>> {
        let head = head();
        let mut light = Light::new(program, TIMES, Millis::ZERO);
        let (mut own, mut history): (Option<Vec<u8>>, Vec<Vec<u8>>) = (None, Vec::new());
        for second in 0..200 {
            let now = Millis::from_s(second);
            let (k, _) = head.phase_at(Millis::ZERO, now).unwrap();
            let shown = own.clone().unwrap_or_else(|| head.phases[k].state.clone());
            let mut orders = vec![light.tick(&shown, now)];
            for (_, ask) in asks.iter().filter(|(at, _)| *at == second) {
                orders.push(match ask {
                    Some(k) => light.request(head.phases[*k].state.clone(), now),
                    None => light.release(&head, now),
                });
            }
            for order in orders.into_iter().flatten() {
                own = match order {
                    Order::Show(state) => Some(state),
                    Order::Resume(_) => None,
                };
            }
            history.push(own.clone().unwrap_or_else(|| head.phases[k].state.clone()));
        }
        history
    }

    /// No link goes from green to red without its yellow, and no conflicting link is green within
    /// yellow and red after it.
    fn check(history: &[Vec<u8>]) -> Result<(), TestCaseError> {
        let mut ended: [i64; 2] = [-100; 2];
        for (t, pair) in (0_i64..).zip(history.windows(2)) {
            for side in 0..2_usize {
                let (was, is) = (pair[0][side * 2], pair[1][side * 2]);
                prop_assert!(!(is_green(was) && is == b'r'), "green to red at {t}");
                if is_green(was) && !is_green(is) {
                    ended[side] = t;
                }
                if !is_green(was) && is_green(is) {
                    let other = pair[1][(1 - side) * 2];
                    prop_assert!(!is_green(other) && other != b'y', "conflict at {t}");
                    prop_assert!(t - ended[1 - side] >= 5, "intergreen of {} at {t}", t - ended[1 - side]);
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn s3_every_change_passes_yellow_and_red(
            asks in prop::collection::vec((0_i64..190, prop::option::of(prop::sample::select(vec![0_usize, 3]))), 0..12)
        ) {
            check(&run(Program::Static, &asks))?;
        }
    }

    #[test]
    fn a_green_that_is_shown_is_held_without_interruption() {
        let history = run(Program::Static, &[(3, Some(0)), (30, None)]);
        assert!(history[3..30].iter().all(|state| state == b"GGrr"));
    }
}
