//! Release-all, and what became of it: which controllers held a call of ours when it was asked, and
//! which of them have since shown by a reading of their own that they hold none.
//!
//! Everything here is told by the adapters, so it stays true while the engine's loop hangs (S19).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clearway_contract::PortEvent;
use clearway_planner::Event;
use clearway_runtime::{Clock, Runtime, Stamped};
use clearway_signals::Millis;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::board::Board;

/// While an operator's release-all is carried out the adapters take no calls.
const RELEASE_LASTS: Duration = Duration::from_secs(2);

/// What is known of our calls at one controller.
#[derive(Clone, Copy, Debug, Default)]
struct Card {
    /// A call of ours was written, or the last reading shows one.
    on: bool,
    /// The last reading that showed none.
    off_at: Option<Millis>,
}

/// Which controllers hold a call of ours, by their adapters' word.
#[derive(Debug)]
pub struct Holdings(Mutex<Vec<Card>>);

impl Holdings {
    /// Nobody holds anything yet.
    #[must_use]
    pub fn of(controllers: usize) -> Self {
        Self(Mutex::new(vec![Card::default(); controllers]))
    }

    /// A panic while the cards were held leaves one of them old: go on.
    fn cards(&self) -> MutexGuard<'_, Vec<Card>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something an adapter said.
    pub fn note(&self, event: &PortEvent) {
        let (controller, off_at) = match event {
            PortEvent::Written { controller, assert: true, .. } => (controller, None),
            PortEvent::Confirmed { controller, assert: false, confirmed_ns, .. } => {
                (controller, Some(Millis(i64::try_from(confirmed_ns / 1_000_000).unwrap_or(i64::MAX))))
            }
            PortEvent::Status(status) => {
                (&status.controller, status.asserted.is_empty().then_some(status.at))
            }
            _ => return,
        };
        let mut cards = self.cards();
        let Some(card) = cards.get_mut(controller.index()) else { return };
        card.on = off_at.is_none();
        card.off_at = off_at.or(card.off_at);
    }

    fn held(&self) -> Vec<usize> {
        let cards = self.cards();
        cards.iter().enumerate().filter(|(_, card)| card.on).map(|(index, _)| index).collect()
    }

    /// Those of `held`, and those with a call that was on its way, that showed nothing since `at`.
    fn unconfirmed(&self, held: &[usize], at: Millis) -> Vec<usize> {
        let cards = self.cards();
        let concerned = |(index, card): &(usize, &Card)| card.on || held.contains(index);
        let silent = |(_, card): &(usize, &Card)| card.off_at.is_none_or(|off| off <= at);
        cards.iter().enumerate().filter(concerned).filter(silent).map(|(index, _)| index).collect()
    }
}

/// What a release-all did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReleaseDoc {
    /// How many controllers held a call of ours when it was asked.
    pub released: usize,
    /// Which, by the model's ids.
    pub controllers: Vec<String>,
    /// Which of them no reading has yet shown free of our calls.
    pub unconfirmed: Vec<String>,
}

/// The last release-all.
#[derive(Debug)]
struct Asked {
    at: Millis,
    held: Vec<usize>,
}

/// Takes every own request back: by the engine if it lives, and past it in any case (S19).
pub struct Release {
    runtime: Arc<Runtime>,
    withhold: watch::Sender<bool>,
    /// The controllers' side, which nothing else of the process can hold up.
    threads: Handle,
    board: Arc<Board>,
    names: Vec<String>,
    clock: Clock,
    asked: Mutex<Option<Asked>>,
}

impl Release {
    /// For controllers of these names. While `withhold` is true the adapters release and take no calls.
    #[must_use]
    pub fn new(
        runtime: Arc<Runtime>,
        withhold: watch::Sender<bool>,
        threads: Handle,
        board: Arc<Board>,
        names: Vec<String>,
        clock: Clock,
    ) -> Self {
        Self { runtime, withhold, threads, board, names, clock, asked: Mutex::default() }
    }

    /// Take everything back. Returns at once; [`Self::report`] says what came of it.
    pub fn ask(&self) -> ReleaseDoc {
        let asked = Asked { at: self.clock.now().0, held: self.board.holdings.held() };
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
        self.runtime.ingress().send(Stamped { event: Event::ReleaseAll, decoded_ns: None });
        self.withhold.send_replace(true);
        let again = self.withhold.clone();
        self.threads.spawn(async move {
            tokio::time::sleep(RELEASE_LASTS).await;
            again.send_replace(false);
        });
        self.report()
    }

    /// What the last release-all did so far; nothing when there was none.
    #[must_use]
    pub fn report(&self) -> ReleaseDoc {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(asked) = asked.as_ref() else { return ReleaseDoc::default() };
        let name = |index: &usize| self.names.get(*index).cloned();
        let names = |indices: &[usize]| indices.iter().filter_map(name).collect();
        ReleaseDoc {
            released: asked.held.len(),
            controllers: names(&asked.held),
            unconfirmed: names(&self.board.holdings.unconfirmed(&asked.held, asked.at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_signals::{ControllerId, RequestId};

    fn written(controller: u16) -> PortEvent {
        let (controller, request) = (ControllerId(controller), RequestId(1));
        PortEvent::Written { controller, request, assert: true, fix_ns: None, wire_ns: 0 }
    }

    fn off(controller: u16, at_ms: u64) -> PortEvent {
        let (controller, request) = (ControllerId(controller), RequestId(1));
        let (fix_ns, confirmed_ns) = (None, at_ms * 1_000_000);
        PortEvent::Confirmed { controller, request, assert: false, written: true, fix_ns, confirmed_ns }
    }

    #[test]
    fn s19_a_controller_counts_as_released_only_by_a_reading_after_the_release() {
        let holdings = Holdings::of(4);
        [written(0), written(1), written(2), off(2, 900), written(9)].iter().for_each(|e| holdings.note(e));
        let (held, at) = (holdings.held(), Millis(1_000));
        assert_eq!(held, [0, 1]);
        assert_eq!(holdings.unconfirmed(&held, at), [0, 1]);
        holdings.note(&off(1, 1_200));
        // A call that was on its way when the release was asked.
        holdings.note(&written(3));
        assert_eq!(holdings.unconfirmed(&held, at), [0, 3]);
        [off(0, 1_300), off(3, 1_300)].iter().for_each(|event| holdings.note(event));
        assert_eq!(holdings.unconfirmed(&held, at), Vec::<usize>::new());
        // Called anew later: that is another story.
        holdings.note(&written(0));
        assert_eq!(holdings.unconfirmed(&held, at), Vec::<usize>::new());
    }
}
