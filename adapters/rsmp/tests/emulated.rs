//! The adapter before an emulated controller: two sides that were written apart, over real sockets.

#[path = "emulated/deaths.rs"]
mod deaths;
#[path = "emulated/line.rs"]
mod line;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clearway_contract::actor::{Clock, Surroundings};
use clearway_contract::kit::MAIN;
use clearway_contract::kit::rig::{self, Rig, Stage, Wire};
use clearway_contract::{Counts, PortEvent, Protocol, Site};
use clearway_field::{FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_rsmp::Binding;
use clearway_rsmp::adapter::{AlarmDone, AlarmError, Hub, ListenOptions, Options, spawn};
use clearway_rsmp::board::AlarmState;
use clearway_rsmp::session::AlarmAsk;
use clearway_signals::{ControllerId, Millis, RowSet};
use line::Line;
use tokio::task::JoinHandle;

const ID: ControllerId = ControllerId(0);

fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || {
        let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (Millis(i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)), ns)
    })
}

/// A controller of the corridor behind its RSMP face.
struct Scene {
    hub: Hub,
    line: Line,
    field: Field,
    site: Site,
    site_id: String,
    mistaken: AtomicBool,
}

impl Scene {
    async fn start() -> Self {
        Self::of(ID, 1.0).await
    }

    /// The time of the field runs `speed` times as fast as ours.
    async fn of(id: ControllerId, speed: f64) -> Self {
        let listen = ListenOptions::new("127.0.0.1:0".parse().expect("an address"));
        let hub = Hub::listen(listen, clock()).await.expect("binds on loopback");
        let network = corridor(2);
        let line = Line::to(hub.address()).await;
        let mut options = FieldOptions { speed, ..FieldOptions::default() };
        options.rsmp.supervisors = vec![line.address.to_string()];
        // A site that connects before the adapter expects it is turned away, and comes again.
        options.rsmp.timing.reconnect = Millis(100);
        let mut faces = [FaceKind::None; 2];
        faces[id.index()] = FaceKind::Rsmp;
        let controller = &network.controllers[id.index()];
        let site_id = options.rsmp.site_id(controller);
        let site = Site {
            controller: id,
            name: controller.name.clone(),
            protocol: Protocol::Rsmp,
            address: hub.address().to_string(),
            groups: controller.groups.clone(),
            group_numbers: controller.group_numbers.clone(),
            relations: controller.relations.clone(),
            rows: controller.rows.clone(),
            capabilities: controller.capabilities,
            detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
            backup_time_max: Millis::from_s(60),
        };
        let field = Field::start(&network, &faces, options).await.expect("starts");
        Self { hub, line, field, site, site_id, mistaken: AtomicBool::new(false) }
    }
}

impl Stage for Scene {
    fn site(&self) -> Site {
        let mut site = self.site.clone();
        if self.mistaken.load(Ordering::SeqCst) {
            site.groups[0].min_green += Millis(1_000);
        }
        site
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        let binding = Binding {
            request_lifetime: Some(Millis::from_s(10)),
            max_presence: Some(Millis::from_s(120)),
            ..Binding::new(&self.site_id)
        };
        let options = Options { answer_within: Duration::from_secs(2), ..Options::new(binding) };
        spawn(&self.hub, site, options, surroundings)
    }

    fn calls(&self) -> RowSet {
        let id = self.site.controller;
        self.field.with(id, |emulator| emulator.status().remote).expect("it is there")
    }

    fn accepted(&self) -> u32 {
        let id = self.site.controller;
        self.field.with(id, |emulator| emulator.counters().accepted).expect("it is there")
    }

    fn set_wire(&self, wire: Wire) {
        match wire {
            Wire::Cut => self.line.cut(),
            other => unreachable!("these checks only cut the wire: {other:?}"),
        }
    }

    fn mistake(&self) {
        self.mistaken.store(true, Ordering::SeqCst);
    }
}

/// The emulator carries out requests at its next step; well before its dead-man timer would.
async fn until(scene: &Scene, calls: RowSet) {
    holds("the controller does what S0033 says", || scene.calls() == calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emulated_controller_is_called_and_released() {
    let scene = Scene::start().await;
    let mut rig = Rig::start(&scene, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    until(&scene, RowSet::of(MAIN)).await;
    rig.release(MAIN, 1).await;
    rig.confirmed(1, false).await;
    until(&scene, RowSet::EMPTY).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_shutdown_leaves_nothing_on_at_an_emulated_controller() {
    let scene = Scene::start().await;
    let mut rig = Rig::start(&scene, |_| {});
    rig.call(MAIN, 1).await;
    rig.confirmed(1, true).await;
    until(&scene, RowSet::of(MAIN)).await;
    rig.stop().await;
    until(&scene, RowSet::EMPTY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_an_emulated_controller_that_is_another_one_is_never_written() {
    rig::s6_another_device_is_never_written(&Scene::start().await).await;
}

/// What holds within the time that any of this may take.
async fn holds(what: &str, mut condition: impl FnMut() -> bool) {
    let held = tokio::time::timeout(Duration::from_secs(10), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alarm_is_acknowledged_suspended_and_resumed_as_the_site_then_shows() {
    let scene = Scene::start().await;
    let rig = Rig::start(&scene, |_| {});
    let id = scene.site_id.as_str();
    let state = || -> Option<AlarmState> {
        scene.hub.with(id, |exchange, _| exchange.alarm("TC", "A0006").cloned()).flatten()
    };
    let known = || scene.hub.with(id, |exchange, now| exchange.has_told_alarms(now)) == Some(true);
    holds("the site is connected", known).await;
    assert!(state().is_some_and(|alarm| !alarm.active && alarm.acknowledged), "told at rest");
    assert_eq!(
        scene.hub.alarm(id, "SG2", "A0008", AlarmAsk::Acknowledge).await,
        Err(AlarmError::Unknown("SG2".into(), "A0008".into()))
    );
    scene.field.with(ID, clearway_field::Emulator::trip);
    holds("the alarm comes", || state().is_some_and(|alarm| alarm.active)).await;
    let issued = state().expect("an alarm");
    assert!(!issued.acknowledged && issued.since_unix_ms == issued.unix_ms);
    let done = scene.hub.alarm(id, "TC", "A0006", AlarmAsk::Acknowledge).await;
    assert_eq!(done, Ok(AlarmDone::Shown));
    let acknowledged = state().expect("an alarm");
    assert!(acknowledged.acknowledged && acknowledged.since_unix_ms == issued.since_unix_ms);
    for (ask, suspended) in [(AlarmAsk::Suspend, true), (AlarmAsk::Resume, false)] {
        assert_eq!(scene.hub.alarm(id, "TC", "A0006", ask).await, Ok(AlarmDone::Shown));
        assert_eq!(state().map(|alarm| alarm.suspended), Some(suspended));
    }
    rig.stop().await;
    let gone = scene.hub.alarm(id, "TC", "A0006", AlarmAsk::Acknowledge).await;
    assert_eq!(gone, Err(AlarmError::NotConnected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_and_what_stands_on_the_detectors_is_counted() {
    let scene = Scene::start().await;
    let told: Arc<Mutex<Vec<Counts>>> = Arc::default();
    let listener = Arc::clone(&told);
    let rig = Rig::start(&scene, move |event| {
        if let PortEvent::Counts(counts) = event {
            listener.lock().expect("the test lives").push(counts.clone());
        }
    });
    let has = |code: &'static str, name: &'static str| {
        let known = |board: &clearway_rsmp::board::Board| board.status("TC", code, name).is_some();
        scene.hub.with(&scene.site_id, |exchange, _| known(exchange.board())) == Some(true)
    };
    holds("the first counts come", || {
        has("S0205", "vehicles") && has("S0206", "speed") && has("S0207", "occupancy") && has("S0208", "B")
    })
    .await;
    for _ in 0..3 {
        assert!(scene.field.detector_pulse(ID, 1));
    }
    let sum = || told.lock().expect("the test lives").iter().map(|counts| counts.vehicles[0]).sum::<u16>();
    holds("three vehicles are counted", || sum() == 3).await;
    let last = |detector: usize| {
        told.lock().expect("the test lives").last().is_some_and(|counts| counts.occupied[detector])
    };
    scene.field.with(ID, |emulator| emulator.detector_hold(2, true));
    holds("a vehicle stands on the second detector", || last(1)).await;
    scene.field.with(ID, |emulator| emulator.detector_hold(2, false));
    holds("it has left", || !last(1)).await;
    assert_eq!(sum(), 3);
    rig.stop().await;
}
