//! What a controller shows, since when, and what we hold there.

use clearway_signals::Millis;

use super::observe::{HeadMode, HeadView, Rank};
use super::site::{Head, is_green};
use super::target::Target;
use super::way::Pass;

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Purpose {
    /// The vehicle's own pass.
    #[default]
    Pass,
    /// To let those go who stand in the vehicle's way and wait for another movement.
    Flush,
}

/// Our request at a controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// On whose behalf.
    pub vehicle: String,
    /// Who goes first.
    pub rank: Rank,
    /// On which of its passes.
    pub pass: Pass,
    /// What for.
    pub purpose: Purpose,
    /// What was asked.
    pub target: Target,
    /// When.
    pub asked_at: Millis,
    /// When the controller first showed that it holds it.
    pub shown_at: Option<Millis>,
}

/// One controller under watch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watch {
    /// The last state seen.
    pub state: Vec<u8>,
    /// What it does.
    pub mode: HeadMode,
    /// Since when each link has been green, or has not.
    changed_at: Vec<Millis>,
    seen_at: Option<Millis>,
    /// When a cycle of a fixed-time plan began.
    zero: Option<Millis>,
    /// What we asked for.
    pub hold: Option<Hold>,
    /// Nothing is asked before this.
    pub blocked_until: Millis,
    /// Nothing is asked for trams and buses before this.
    pub transit_blocked_until: Millis,
}

/// Between two sights of a controller at most this: beyond it a green may have begun just now.
const GAP_MAX: Millis = Millis(2_000);

impl Watch {
    /// Take a sight in; an empty state is none.
    pub fn update(&mut self, head: &Head, view: &HeadView, now: Millis) {
        if view.state.is_empty() {
            return;
        }
        let known =
            self.seen_at.is_some_and(|at| now.since(at) <= GAP_MAX) && self.state.len() == view.state.len();
        if head.fixed_time && view.mode == HeadMode::Normal {
            self.learn_cycle(head, view, known && self.mode == HeadMode::Normal, now);
        }
        if !known {
            self.state.clear();
        }
        self.show(&view.state, now);
        if !known && head.fixed_time && view.mode == HeadMode::Normal {
            self.date_back(head, now);
        }
        self.mode = view.mode;
        self.seen_at = Some(now);
        self.follow_hold(now);
    }

    /// Show a state from now on.
    pub fn show(&mut self, state: &[u8], now: Millis) {
        self.changed_at.resize(state.len(), now);
        for (i, letter) in state.iter().enumerate() {
            let unknown = i >= self.state.len();
            if unknown || is_green(*letter) != self.green(i) {
                self.changed_at[i] = now;
            }
        }
        self.state.clear();
        self.state.extend_from_slice(state);
    }

    /// A change from one phase to the next shows where the cycle stands; a contradiction forgets it.
    fn learn_cycle(&mut self, head: &Head, view: &HeadView, known: bool, now: Millis) {
        let shows = |k: usize, state: &[u8]| head.phases.get(k).is_some_and(|phase| phase.state == state);
        let told = self.zero.and_then(|zero| head.phase_at(zero, now));
        if told.is_some_and(|(k, into)| into > GAP_MAX && !shows(k, &view.state)) {
            self.zero = None;
        }
        if !known || self.state == view.state || self.zero.is_some() {
            return;
        }
        let n = head.phases.len();
        let mut changes = (0..n).filter(|k| shows((k + n - 1) % n, &self.state) && shows(*k, &view.state));
        if let (Some(k), None) = (changes.next(), changes.next()) {
            self.zero = Some(now - head.starts_at(k));
        }
    }

    /// Seen again after a gap: a plan whose cycle is known tells since when each link shows what it shows.
    fn date_back(&mut self, head: &Head, now: Millis) {
        let Some((k, into)) = self.zero.and_then(|zero| head.phase_at(zero, now)) else { return };
        if head.phases[k].state != self.state {
            return;
        }
        for (i, changed_at) in self.changed_at.iter_mut().enumerate() {
            *changed_at = now - head.unchanged_for(k, into, i);
        }
    }

    /// What the fixed-time plan will show by itself, if that is known.
    pub fn planned<'a>(&self, head: &'a Head, at: Millis) -> Option<&'a [u8]> {
        let (k, _) = head.phase_at(self.zero?, at)?;
        (self.mode == HeadMode::Normal).then(|| head.phases[k].state.as_slice())
    }

    /// The controller's own mode says what became of a request.
    fn follow_hold(&mut self, now: Millis) {
        let Some(hold) = self.hold.as_mut() else { return };
        match self.mode {
            HeadMode::Holding => {
                hold.shown_at.get_or_insert(now);
            }
            HeadMode::Entering => {}
            // Not taken up, or ended by somebody else.
            HeadMode::Normal | HeadMode::Recovering => self.hold = None,
        }
    }

    /// Whether the controller was seen at all.
    pub fn is_seen(&self) -> bool {
        self.seen_at.is_some()
    }

    /// Whether a link shows green.
    pub fn green(&self, link: usize) -> bool {
        self.state.get(link).is_some_and(|c| is_green(*c))
    }

    /// For how long a link has been green; zero when it is not.
    pub fn green_for(&self, link: usize, now: Millis) -> Millis {
        if self.green(link) { now.since(self.changed_at[link]) } else { Millis::ZERO }
    }

    /// For how long a link has not been green, as far as is known; zero when it is.
    pub fn red_for(&self, link: usize, now: Millis) -> Millis {
        let since = self.changed_at.get(link).filter(|_| !self.green(link));
        since.map_or(Millis::ZERO, |at| now.since(*at))
    }
}
