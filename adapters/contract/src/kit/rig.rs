//! The second half of the kit: a whole adapter, task and sockets and all, before a device that the
//! protocol's tests bring. No test sleeps; each waits for an event, ten seconds at most.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as threads};
use std::time::{Duration, Instant};

use clearway_signals::{Millis, PreemptState, RequestId, RequestState, RowId, RowSet};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{MAIN, TRANSIT, assertion, release};
use crate::actor::{Clock, RELEASE_ALL_WITHIN, Surroundings};
use crate::outbox::{Outbox, outbox};
use crate::port::{Dispatch, LinkState, PortEvent};
use crate::site::Site;

/// No wait is longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a device that tells nothing by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What happens to the messages between adapter and device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// Nothing.
    Whole,
    /// They are lost.
    Cut,
    /// Answers come later than the adapter waits.
    Late,
}

/// A device with a face of the protocol, and the wire to it.
pub trait Stage: Send + Sync {
    /// The site, with the address of the wire.
    fn site(&self) -> Site;
    /// Start the adapter under test.
    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()>;
    /// The rows that the device holds called by remote request.
    fn calls(&self) -> RowSet;
    /// Commands that the device accepted so far.
    fn accepted(&self) -> u32;
    /// Change the wire.
    fn set_wire(&self, wire: Wire);
    /// Make the device another one than the model says.
    fn mistake(&self);
}

/// The engine's end of one adapter.
pub struct End {
    clock: Clock,
    commands: Option<Outbox>,
    release_all: watch::Sender<bool>,
    shutdown: CancellationToken,
    events: mpsc::UnboundedReceiver<PortEvent>,
}

impl End {
    /// Both ends; `tap` sees each event within the adapter's own task.
    pub fn new(tap: impl Fn(&PortEvent) + Send + Sync + 'static) -> (Self, Surroundings) {
        let start = Instant::now();
        let clock: Clock = Arc::new(move || {
            let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            (Millis(i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)), ns)
        });
        let (commands, orders) = outbox(64);
        let (release_all, withheld) = watch::channel(false);
        let (told, events) = mpsc::unbounded_channel();
        let shutdown = CancellationToken::new();
        let surroundings = Surroundings {
            commands: orders,
            events: Arc::new(move |event| {
                tap(&event);
                // The test may be over.
                let _ = told.send(event);
            }),
            clock: Arc::clone(&clock),
            release_all: withheld,
            shutdown: shutdown.clone(),
        };
        (Self { clock, commands: Some(commands), release_all, shutdown, events }, surroundings)
    }

    fn now(&self) -> Millis {
        (self.clock)().0
    }

    fn send(&self, dispatch: Dispatch) {
        let commands = self.commands.as_ref().expect("the engine is there");
        assert!(commands.put(dispatch), "the adapter takes its commands");
        commands.wake();
    }

    /// Call a row of `site`, by a lease of this length.
    pub fn call(&self, site: &Site, row: RowId, request: u32, lasts: Millis) {
        let now = self.now();
        self.send(assertion(site, row, request, 1, now, now + lasts));
    }

    /// Release a row of `site`.
    pub fn release(&self, site: &Site, row: RowId, request: u32) {
        self.send(release(site, row, request, 2, self.now()));
    }

    /// Wait for an event.
    ///
    /// # Panics
    /// When it does not come within `patience`.
    pub async fn event(
        &mut self,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&PortEvent) -> bool,
    ) -> PortEvent {
        let mut seen = Vec::new();
        let found = timeout(patience, async {
            while let Some(event) = self.events.recv().await {
                if wanted(&event) {
                    return Some(event);
                }
                if !matches!(event, PortEvent::Status(_) | PortEvent::Counts(_)) {
                    seen.push(event);
                }
            }
            None
        });
        match found.await {
            Ok(Some(event)) => event,
            _ => panic!("{what} did not come; before: {seen:?}"),
        }
    }

    /// Tell the adapter to end.
    pub fn shut_down(&self) {
        self.shutdown.cancel();
    }
}

/// Whether an event confirms a request on or off.
#[must_use]
pub fn confirms(event: &PortEvent, request: u32, on: bool) -> bool {
    matches!(event, PortEvent::Confirmed { request: r, assert, .. } if *r == RequestId(request) && *assert == on)
}

/// An adapter that runs.
pub struct Rig<'a> {
    stage: &'a dyn Stage,
    site: Site,
    end: End,
    task: JoinHandle<()>,
}

impl<'a> Rig<'a> {
    /// Start the stage's adapter; `tap` sees each event within the adapter's own task.
    pub fn start(stage: &'a dyn Stage, tap: impl Fn(&PortEvent) + Send + Sync + 'static) -> Self {
        let (end, surroundings) = End::new(tap);
        let site = stage.site();
        let task = stage.spawn(site.clone(), surroundings);
        Self { stage, site, end, task }
    }

    /// Call a row for 60 s.
    pub async fn call(&self, row: RowId, request: u32) {
        self.end.call(&self.site, row, request, Millis::from_s(60));
    }

    /// Release a row.
    pub async fn release(&self, row: RowId, request: u32) {
        self.end.release(&self.site, row, request);
    }

    /// Wait for an event.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn event(&mut self, what: &str, wanted: impl Fn(&PortEvent) -> bool) -> PortEvent {
        self.end.event(PATIENCE, what, wanted).await
    }

    /// Wait until a request is confirmed on or off.
    pub async fn confirmed(&mut self, request: u32, on: bool) -> PortEvent {
        self.event("the confirmation", |event| confirms(event, request, on)).await
    }

    async fn armed(&mut self) {
        self.event("arming", |event| matches!(event, PortEvent::Armed(_))).await;
    }

    async fn until_off(&self) {
        let off = timeout(PATIENCE, async {
            while !self.stage.calls().is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        off.await.expect("a call was left on");
    }

    /// Shut down, and see that it takes no longer than it may.
    pub async fn stop(self) {
        self.end.shut_down();
        timeout(RELEASE_ALL_WITHIN + Duration::from_secs(1), self.task)
            .await
            .expect("the adapter ends in time")
            .expect("the adapter ends in peace");
    }
}

/// A call is written, confirmed, released, and its stamps are in order.
pub async fn a_call_is_confirmed_and_released(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.armed().await;
    rig.call(MAIN, 1).await;
    let written = rig.event("the write", |event| matches!(event, PortEvent::Written { .. })).await;
    let PortEvent::Written { fix_ns: Some(1), wire_ns, assert: true, .. } = written else {
        panic!("{written:?}")
    };
    let confirmed = rig.confirmed(1, true).await;
    let PortEvent::Confirmed { fix_ns: Some(1), confirmed_ns, .. } = confirmed else {
        panic!("{confirmed:?}")
    };
    assert!(0 < wire_ns && wire_ns < confirmed_ns);
    assert_eq!(stage.calls(), RowSet::of(MAIN));
    rig.release(MAIN, 1).await;
    rig.confirmed(1, false).await;
    assert!(stage.calls().is_empty());
    rig.stop().await;
}

/// Shutdown leaves nothing on.
pub async fn s19_shutdown_releases(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    rig.stop().await;
    assert!(stage.calls().is_empty());
}

/// An engine that is gone leaves nothing on.
pub async fn an_engine_that_is_gone_leaves_nothing_on(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    rig.end.commands = None;
    timeout(PATIENCE, rig.task).await.expect("ends").expect("in peace");
    assert!(stage.calls().is_empty());
}

/// A panic in the adapter's task leaves nothing on, and the adapter serves again.
pub async fn a_panic_releases_and_the_adapter_serves_again(stage: &dyn Stage) {
    let armed = AtomicBool::new(true);
    let mut rig = Rig::start(stage, move |event| {
        let call = matches!(event, PortEvent::Confirmed { assert: true, .. });
        assert!(!(call && armed.swap(false, Ordering::SeqCst)), "planted");
    });
    rig.call(MAIN, 1).await;
    rig.event("the end", |event| matches!(event, PortEvent::Link(_, LinkState::Down))).await;
    rig.until_off().await;
    rig.armed().await;
    rig.call(MAIN, 2).await;
    rig.confirmed(2, true).await;
    rig.stop().await;
    assert!(stage.calls().is_empty());
}

/// An operator's release of all works without the engine.
pub async fn s19_release_of_all_needs_no_engine(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    let asked = Instant::now();
    rig.end.release_all.send(true).expect("the adapter listens");
    rig.confirmed(1, false).await;
    assert!(stage.calls().is_empty() && asked.elapsed() < RELEASE_ALL_WITHIN);
    rig.call(MAIN, 2).await;
    rig.event("the refusal", |event| matches!(event, PortEvent::Refused(..))).await;
    rig.stop().await;
}

/// Over a cut wire nothing is believed; afterwards the lease that still lives is asserted again,
/// once the controller is armed again.
pub async fn a_cut_wire_is_noticed_and_survived(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    stage.set_wire(Wire::Cut);
    rig.event("the loss", |event| matches!(event, PortEvent::Link(_, LinkState::Down))).await;
    rig.until_off().await;
    stage.set_wire(Wire::Whole);
    rig.armed().await;
    rig.event(
        "the call",
        |event| matches!(event, PortEvent::Status(status) if status.asserted.contains(MAIN)),
    )
    .await;
    rig.release(MAIN, 1).await;
    rig.confirmed(1, false).await;
    rig.stop().await;
}

/// Answers that come too late confuse nothing: in the end the device does what is wanted.
pub async fn late_answers_confuse_nothing(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.armed().await;
    stage.set_wire(Wire::Late);
    rig.call(MAIN, 1).await;
    rig.event("the loss", |event| matches!(event, PortEvent::Link(_, LinkState::Down))).await;
    stage.set_wire(Wire::Whole);
    rig.confirmed(1, true).await;
    stage.set_wire(Wire::Late);
    rig.release(MAIN, 1).await;
    rig.event("the loss", |event| matches!(event, PortEvent::Link(_, LinkState::Down))).await;
    stage.set_wire(Wire::Whole);
    rig.event(
        "a quiet status",
        |event| matches!(event, PortEvent::Status(status) if status.asserted.is_empty()),
    )
    .await;
    assert!(stage.calls().is_empty());
    rig.stop().await;
}

/// A device that is another one than the model says is never written.
pub async fn s6_another_device_is_never_written(stage: &dyn Stage) {
    stage.mistake();
    let mut rig = Rig::start(stage, |_| {});
    rig.call(MAIN, 1).await;
    let refused = rig.event("the finding", |event| matches!(event, PortEvent::NotArmed(..))).await;
    assert!(matches!(refused, PortEvent::NotArmed(_, why) if why.contains("configuration")));
    rig.stop().await;
    assert_eq!(stage.accepted(), 0);
}

/// A tram's request is seen to be granted, by the controller's own status and without a preemption, and
/// to be gone after its release. The device must grant it within the patience of a test.
pub async fn a_trams_grant_and_release_are_read(stage: &dyn Stage) {
    let mut rig = Rig::start(stage, |_| {});
    rig.armed().await;
    rig.end.call(&rig.site, TRANSIT, 1, Millis::from_s(8));
    rig.confirmed(1, true).await;
    let granted =
        |event: &PortEvent| matches!(event, PortEvent::Status(status) if status.active == Some(TRANSIT));
    let PortEvent::Status(status) = rig.event("the grant", granted).await else { unreachable!("a status") };
    assert_eq!((status.preempt, status.asserted), (PreemptState::NotActive, RowSet::of(TRANSIT)));
    rig.release(TRANSIT, 1).await;
    rig.confirmed(1, false).await;
    let over = |event: &PortEvent| matches!(event, PortEvent::Status(status) if status.active.is_none() && status.asserted.is_empty());
    rig.event("the end", over).await;
    assert!(stage.calls().is_empty());
    rig.stop().await;
}

/// A tram's request that the controller rejects by its own status, not by refusing the write, is given up
/// with the controller's word. `refuse` makes the device reject what it holds.
pub async fn a_trams_rejection_is_read(stage: &dyn Stage, refuse: impl FnOnce()) {
    let (reached, reaches) = threads::channel();
    let (go, goes) = threads::channel::<()>();
    let goes = Mutex::new(goes);
    let mut rig = Rig::start(stage, move |event| {
        if matches!(event, PortEvent::Written { assert: true, .. }) && reached.send(()).is_ok() {
            // The adapter reads no status before the device has made up its mind.
            let _ = goes.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
        }
    });
    rig.armed().await;
    rig.call(TRANSIT, 1).await;
    let written = tokio::task::spawn_blocking(move || reaches.recv_timeout(PATIENCE)).await;
    written.expect("it waits in peace").expect("the write");
    refuse();
    drop(go);
    let ended = rig.event("the end", |event| matches!(event, PortEvent::Ended(..))).await;
    let PortEvent::Ended(_, request, state) = ended else { unreachable!("an end") };
    assert_eq!((request, state), (RequestId(1), RequestState::Rejected));
    rig.until_off().await;
    rig.stop().await;
}
