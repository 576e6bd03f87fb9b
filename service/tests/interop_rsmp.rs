//! RSMP with real processes: `clearway run` before `clearway field --protocol rsmp`, watched by a second
//! supervisor of ours that shares no code with either.
#![forbid(unsafe_code)]

mod interop;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clearway_feeds::hub::Status;
use clearway_format::Loaded;
use interop::drive::{Approach, Driving, EngineProcess, Reached, Vehicle};
use interop::onlooker::Onlooker;
use interop::{Process, root, wait_or};
use serde_json::Value;

/// From the start of both to an armed controller.
const ARMED: Duration = Duration::from_secs(30);
/// From the mission to an activated request: the vehicle drives up, minimum greens, clearances.
const ACTIVATED: Duration = Duration::from_secs(90);
/// From the word that it is over to the controller's own word, on a busy machine.
const RELEASED: Duration = Duration::from_secs(10);
/// Every own request is off this long after a release of all (S19), as seen from outside.
const RELEASE_ALL: Duration = Duration::from_secs(2);
/// What the emulated controller gives a request whose supervisor is away, and one that nobody updates,
/// from its announced arrival on.
const LIFETIME: Duration = Duration::from_secs(10);
/// The dead-man time of the configuration: the latest arrival that is announced, and the lifetime.
const DEAD_MAN: Duration = Duration::from_secs(30 + 10);
/// Entry, minimum dwell and exit.
const TRANSITION: Duration = Duration::from_secs(60);
const SLACK: Duration = Duration::from_secs(3);
const SITE: &str = "RN+SI0001";

fn model_folder() -> PathBuf {
    root().join("network-models/reference-four-stage")
}

fn loaded() -> Loaded {
    clearway_format::load(&model_folder()).unwrap_or_else(|report| panic!("{}", report.render()))
}

/// The engine, the emulated site and the onlooker, with one fire engine under way to the signal.
struct Scene {
    engine: EngineProcess,
    field: Process,
    onlooker: Onlooker,
    vehicle: Vehicle,
    _driving: Driving,
}

impl Scene {
    fn start(folder: &Path) -> Self {
        let loaded = loaded();
        let network = &loaded.network;
        let controller = &network.controllers[0];
        let reached = Reached {
            name: controller.name.clone(),
            protocol: "rsmp",
            address: String::new(),
            keys: format!("rsmp = {{ site_id = \"{SITE}\", request_lifetime_s = 10, max_presence_s = 120 }}"),
        };
        let vehicle = Vehicle::new(1);
        let listener = "[[rsmp_listener]]\nlisten = \"127.0.0.1:0\"\n";
        let (model, vehicles) = (model_folder(), std::slice::from_ref(&vehicle));
        let mut engine = EngineProcess::start_on(&model, folder, &[reached], vehicles, listener);
        let onlooker = Onlooker::start();
        let field = field(&engine.rsmp(), &onlooker.address.to_string());
        let is_armed = || (engine.controller(0)?["armed"] == true).then_some(());
        wait_or("an armed controller", ARMED, is_armed, || engine.controllers());
        let approach = Approach::longest(network, controller).expect("the model binds emergency rows");
        let driving = engine.send(&vehicle, &approach);
        Self { engine, field, onlooker, vehicle, _driving: driving }
    }

    fn await_activated(&self) {
        let seen = || self.onlooker.first("activated").map(|_| ());
        let said = || format!("{:?}\n{}", self.onlooker.sights(), self.engine.controllers());
        wait_or("an activated request", ACTIVATED, seen, said);
    }

    /// Until the site holds no request; how long that took.
    fn await_empty(&self, what: &str, limit: Duration) -> Duration {
        let since = Instant::now();
        let seen = || self.onlooker.is_empty().then_some(());
        wait_or(what, limit, seen, || format!("{:?}", self.onlooker.sights()));
        since.elapsed()
    }

    /// End it: nothing was refused by the site, and its monitor counted nothing.
    fn end_lawfully(mut self) {
        assert_eq!(self.onlooker.refused(), Vec::<String>::new());
        self.field.signal("TERM");
        let violations = self.field.line(|line| {
            let value: Value = serde_json::from_str(line).ok()?;
            value.get("violations")?.as_u64()
        });
        assert_eq!(violations, 0, "s1 to s4 in the independent monitor");
    }
}

fn field(engine: &str, onlooker: &str) -> Process {
    let model = model_folder();
    let model = model.to_str().expect("a path of this project");
    let mut field = Process::clearway(&[
        "field",
        "--json",
        "--network",
        model,
        "--protocol",
        "rsmp",
        "--rsmp-supervisor",
        engine,
        "--rsmp-supervisor",
        onlooker,
        "--rsmp-checksum",
        "model",
        "--rsmp-reconnect-s",
        "0.2",
    ]);
    field.line(|line| line.contains(SITE).then_some(()));
    field
}

#[test]
fn a_mission_makes_a_priority_request_that_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start(folder.path());
    scene.await_activated();
    let served = || {
        let controller = scene.engine.controller(0)?;
        (controller["preempt"]["ours"] == true).then_some(())
    };
    wait_or("the request at the engine", RELEASED, served, || scene.engine.controllers());
    let states: Vec<String> = scene.onlooker.sights().into_iter().map(|sight| sight.state).collect();
    let begun = states.first().map(String::as_str);
    assert!(matches!(begun, Some("received" | "queued")), "not at once activated: {states:?}");
    scene.engine.status(&scene.vehicle, Status::Arrived);
    scene.await_empty("the release", RELEASED);
    assert!(scene.onlooker.first("completed").is_some(), "{:?}", scene.onlooker.sights());
    scene.end_lawfully();
}

#[test]
fn s19_release_all_from_the_command_line_is_seen_at_the_site_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start(folder.path());
    scene.await_activated();
    let mut release = Process::clearway(&["release-all", "--url", &scene.engine.url()]);
    assert!(release.end(RELEASE_ALL), "clearway release-all");
    let took = scene.await_empty("the release of all", RELEASE_ALL);
    println!("released {took:.1?} after the command had ended");
    scene.end_lawfully();
}

#[test]
fn s8_after_kill_9_the_site_drops_the_request_and_returns_to_its_plan() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start(folder.path());
    scene.await_activated();
    scene.engine.process.signal("KILL");
    let took = scene.await_empty("the end of the request", DEAD_MAN + SLACK + TRANSITION);
    println!("the connection was closed: dropped after {took:.1?}");
    assert!(took <= LIFETIME + SLACK, "dropped after {took:?}");
    assert!(scene.onlooker.first("stale").is_some(), "{:?}", scene.onlooker.sights());
    scene.end_lawfully();
}

#[test]
fn s8_while_the_engine_hangs_the_site_drops_the_request_within_the_dead_man_time() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::start(folder.path());
    scene.await_activated();
    // The connection stands, and nothing is said over it any more.
    scene.engine.process.signal("STOP");
    let took = scene.await_empty("the end of the request", DEAD_MAN + SLACK + TRANSITION);
    println!("dead-man {DEAD_MAN:?}: dropped after {took:.1?}");
    assert!(took <= DEAD_MAN + SLACK, "dropped after {took:?}");
    assert!(scene.onlooker.first("stale").is_some(), "{:?}", scene.onlooker.sights());
    scene.end_lawfully();
}
