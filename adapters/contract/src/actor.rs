//! The task that drives a keeper over a real connection: the only place of the adapters' loop that
//! knows clocks, channels and shutdown. A protocol brings a [`Link`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clearway_signals::Millis;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::ask::{Answer, Ask, Now, Step};
use crate::keeper::Keeper;
use crate::outbox::Orders;
use crate::pacing::Pace;
use crate::port::{Dispatch, LinkState, PortEvent};
use crate::site::Site;

/// The process's monotonic clock: milliseconds and nanoseconds since its start.
pub type Clock = Arc<dyn Fn() -> (Millis, u64) + Send + Sync>;
/// Takes events; must not block.
pub type Sink = Arc<dyn Fn(PortEvent) + Send + Sync>;

/// Everything of ours must be off this long after shutdown or a panic.
pub const RELEASE_ALL_WITHIN: Duration = Duration::from_secs(2);
/// A task that panics is started again this often, then its controller is left alone.
const RESTARTS_MAX: u32 = 5;
/// Between a panic and the fresh start.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Commands that are taken between two asks; the newest of each row is what counts.
const COMMANDS_AT_ONCE_MAX: usize = 64;

/// A protocol over a real connection.
pub trait Link: Send + 'static {
    /// Carry out one ask. Ends within the pace's `answer_max`; `Failed` when nothing usable came.
    /// A link whose protocol cannot go on after a failure drops its connection itself.
    fn perform(&mut self, ask: &Ask) -> impl Future<Output = Answer> + Send;
}

/// What surrounds one adapter.
pub struct Surroundings {
    /// Commands for this controller. When the engine's end is dropped everything is released.
    pub commands: Orders,
    /// Takes the events.
    pub events: Sink,
    /// The clock.
    pub clock: Clock,
    /// While true, everything is released and no call is taken: an operator's release of all,
    /// which needs neither planner nor command queue (S19).
    pub release_all: watch::Receiver<bool>,
    /// Ends the task, after everything is released.
    pub shutdown: CancellationToken,
}

/// Drive a keeper for `site` until shutdown. `link` makes a fresh link, at the start and after a
/// panic; after a panic everything of ours is released first.
pub fn spawn<L: Link>(
    site: Site,
    pace: Pace,
    link: impl Fn() -> L + Send + Sync + 'static,
    surroundings: Surroundings,
) -> JoinHandle<()> {
    tokio::spawn(supervise(site, pace, Arc::new(link), surroundings))
}

async fn supervise<L: Link>(
    site: Site,
    pace: Pace,
    link: Arc<impl Fn() -> L + Send + Sync + 'static>,
    surroundings: Surroundings,
) {
    let Surroundings { commands, events, clock, release_all, shutdown } = surroundings;
    // Shared so that it outlives a task that panics.
    let commands = Arc::new(commands);
    let actor = || Actor {
        keeper: Keeper::new(site.clone(), pace),
        link: link(),
        events: Arc::clone(&events),
        clock: Arc::clone(&clock),
    };
    for start in 0..=RESTARTS_MAX {
        let serving = actor();
        let (release_all, until) = (release_all.clone(), shutdown.clone());
        let commands = Arc::clone(&commands);
        let task = tokio::spawn(async move { serving.run(&commands, release_all, until).await });
        let Err(error) = task.await else { return };
        tracing::error!(site = site.name, start, %error, "adapter task died");
        events(PortEvent::Link(site.controller, LinkState::Down));
        let rescuer = actor();
        // The rescue is a task of its own: what killed the first may kill it too.
        if tokio::spawn(rescuer.rescue()).await.is_err() {
            tracing::error!(site = site.name, "release after a panic failed; the device's timer must act");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RESTART_AFTER) => {}
        }
    }
    tracing::error!(site = site.name, "adapter given up after {RESTARTS_MAX} restarts");
}

struct Actor<L> {
    keeper: Keeper,
    link: L,
    events: Sink,
    clock: Clock,
}

impl<L: Link> Actor<L> {
    /// Serve until shutdown, then release.
    async fn run(
        mut self,
        commands: &Orders,
        mut release_all: watch::Receiver<bool>,
        shutdown: CancellationToken,
    ) {
        let mut operator_gone = false;
        while !shutdown.is_cancelled() {
            let now = self.now();
            let withheld = *release_all.borrow_and_update();
            self.keeper.withhold(now, withheld);
            for _ in 0..COMMANDS_AT_ONCE_MAX {
                let Some(dispatch) = commands.try_next() else { break };
                self.offer(&dispatch);
            }
            let step = self.keeper.next(now);
            self.tell();
            match step {
                Step::Ask(ask) => self.perform(&ask).await,
                Step::Wait(until) => tokio::select! {
                    biased;
                    () = shutdown.cancelled() => {}
                    changed = release_all.changed(), if !operator_gone => operator_gone = changed.is_err(),
                    dispatch = commands.next() => match dispatch {
                        Some(dispatch) => self.offer(&dispatch),
                        None => break,
                    },
                    () = tokio::time::sleep(wait(until, self.now().at)) => {}
                },
            }
        }
        self.release_all().await;
    }

    /// After a panic: find what the task before us left on, and release it.
    async fn rescue(mut self) {
        self.keeper.suspect();
        self.release_all().await;
    }

    /// Release everything, within the deadline.
    async fn release_all(&mut self) {
        let now = self.now();
        self.keeper.close(now);
        self.tell();
        if timeout(RELEASE_ALL_WITHIN, self.until_quiet()).await.is_err() {
            let site = &self.keeper.site().name;
            tracing::error!(site, "own rows could not be read back as off; the device's timer must act");
        }
    }

    async fn until_quiet(&mut self) {
        while !self.keeper.is_quiet() {
            let now = self.now();
            match self.keeper.next(now) {
                Step::Ask(ask) => self.perform(&ask).await,
                Step::Wait(until) => tokio::time::sleep(wait(until, now.at)).await,
            }
        }
    }

    async fn perform(&mut self, ask: &Ask) {
        let answer = self.link.perform(ask).await;
        let now = self.now();
        self.keeper.answer(now, answer);
        self.tell();
    }

    fn offer(&mut self, dispatch: &Dispatch) {
        let now = self.now();
        if let Err(refusal) = self.keeper.offer(now, dispatch) {
            tracing::debug!(site = self.keeper.site().name, %refusal, "command refused");
        }
        self.tell();
    }

    fn tell(&mut self) {
        for event in self.keeper.drain_events() {
            (self.events)(event);
        }
    }

    fn now(&self) -> Now {
        let (at, ns) = (self.clock)();
        Now { at, ns }
    }
}

/// How long to sleep; an hour at most, so that no sleep is past what a timer can hold.
fn wait(until: Millis, now: Millis) -> Duration {
    let ms = until.since(now).min(Millis::from_s(3_600)).0;
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
