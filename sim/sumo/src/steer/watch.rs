//! What a controller shows, since when, and what we hold there.

use clearway_signals::Millis;

use super::observe::{HeadMode, HeadView};
use super::site::is_green;
use super::target::Target;

/// Our request at a controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// On whose behalf.
    pub vehicle: String,
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
    /// When each link became green; meaningless for links that are not.
    green_since: Vec<Millis>,
    seen_at: Option<Millis>,
    /// What we asked for.
    pub hold: Option<Hold>,
    /// Nothing is asked before this.
    pub blocked_until: Millis,
}

/// Between two sights of a controller at most this: beyond it a green may have begun just now.
const GAP_MAX: Millis = Millis(2_000);

impl Watch {
    /// Take a sight in; an empty state is none.
    pub fn update(&mut self, view: &HeadView, now: Millis) {
        if view.state.is_empty() {
            return;
        }
        let known = self.seen_at.is_some_and(|at| now.since(at) <= GAP_MAX) && self.state.len() == view.state.len();
        self.green_since.resize(view.state.len(), now);
        for (i, letter) in view.state.iter().enumerate() {
            let was_green = known && is_green(self.state[i]);
            if is_green(*letter) && !was_green {
                self.green_since[i] = now;
            }
        }
        self.state.clone_from(&view.state);
        self.mode = view.mode;
        self.seen_at = Some(now);
        self.follow_hold(now);
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
        if self.green(link) { now.since(self.green_since[link]) } else { Millis::ZERO }
    }
}
