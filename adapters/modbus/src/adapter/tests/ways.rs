//! The same adapter over serial frames, TLS and a remote I/O module; and what a dead engine leaves.

use std::time::Duration;

use clearway_contract::PortEvent;
use clearway_contract::kit::rig::{self, Rig, Stage, Wire};
use clearway_contract::kit::{MAIN, TRANSIT};
use clearway_field::faces::modbus::pki::{Authority, Identity};
use clearway_field::faces::modbus::{Framing, Map as FaceMap, Setup, Tls};
use clearway_network::testing::corridor;
use clearway_signals::{RowId, RowSet};
use tokio::time::timeout;

use super::super::{Options, TlsClient, TlsError, Transport};
use super::{ID, Scene, scenarios};
use crate::dialog::Map;
use crate::points::profile::{Profile, REMOTE_IO};

fn remote_io() -> Map {
    let profile = Box::new(Profile::parse(REMOTE_IO).expect("the shipped profile is sound"));
    let commissioned = Some(corridor(2).controllers[ID.index()].junction().configuration_hash());
    Map::Points { profile, commissioned }
}

async fn rtu_over_tcp() -> Scene {
    let face = Setup { framing: Framing::Rtu, unit: 7, ..Setup::default() };
    Scene::with(face, Options { transport: Transport::RtuTcp, unit: Some(7), ..Options::default() }).await
}

async fn relay_module() -> Scene {
    let face = Setup { map: FaceMap::Relay, ..Setup::default() };
    Scene::with(face, Options { map: remote_io(), ..Options::default() }).await
}

/// Two authorities, each with a device and a client.
struct Pki {
    authority: Authority,
    device: Identity,
}

impl Pki {
    fn new() -> Self {
        let authority = Authority::new("cabinets").expect("made");
        let device = authority.issue("device", None).expect("made");
        Self { authority, device }
    }

    fn client(&self, role: Option<&str>) -> Identity {
        self.authority.issue("engine", role).expect("made")
    }

    fn face(&self) -> Setup {
        let (chain, key) = (self.device.chain.as_bytes(), self.device.key.as_bytes());
        let authority = self.authority.pem.as_bytes();
        let tls = Tls::from_pem(authority, chain, key, &["operator"], &["viewer"]).expect("sound");
        Setup { tls: Some(tls), ..Setup::default() }
    }

    /// An adapter that trusts this authority and shows that identity.
    fn trusting(&self, shown: &Identity) -> Options {
        let authority = self.authority.pem.as_bytes();
        let (chain, key) = (shown.chain.as_bytes(), shown.key.as_bytes());
        let tls = TlsClient::from_pem(authority, chain, key, "localhost", None).expect("sound");
        Options { transport: Transport::Tls(tls), ..Options::default() }
    }
}

async fn mutual_tls() -> Scene {
    let pki = Pki::new();
    Scene::with(pki.face(), pki.trusting(&pki.client(Some("operator")))).await
}

mod over_serial_frames {
    use super::*;

    scenarios! { rtu_over_tcp() =>
        a_call_is_confirmed_and_released,
        s19_shutdown_releases,
        an_engine_that_is_gone_leaves_nothing_on,
        a_cut_wire_is_noticed_and_survived,
        late_answers_confuse_nothing,
        s6_another_device_is_never_written,
    }
}

mod over_tls {
    use super::*;

    scenarios! { mutual_tls() =>
        a_call_is_confirmed_and_released,
        s19_shutdown_releases,
        an_engine_that_is_gone_leaves_nothing_on,
        a_panic_releases_and_the_adapter_serves_again,
        a_cut_wire_is_noticed_and_survived,
        late_answers_confuse_nothing,
    }
}

mod over_a_relay_module {
    use super::*;

    scenarios! { relay_module() =>
        a_call_is_confirmed_and_released,
        s19_shutdown_releases,
        an_engine_that_is_gone_leaves_nothing_on,
        a_panic_releases_and_the_adapter_serves_again,
        s19_release_of_all_needs_no_engine,
        a_cut_wire_is_noticed_and_survived,
        late_answers_confuse_nothing,
        s6_another_device_is_never_written,
    }
}

/// The adapter never arms, and writes nothing.
async fn is_kept_out(scene: &Scene, because: &str) {
    let mut rig = Rig::start(scene, |_| {});
    rig.call(MAIN, 1).await;
    let named = rig.event("the reason", |event| matches!(event, PortEvent::NotArmed(..))).await;
    let PortEvent::NotArmed(_, reason) = named else { panic!("{named:?}") };
    assert!(reason.contains(because), "{reason}");
    assert_eq!((scene.accepted(), scene.calls()), (0, RowSet::EMPTY));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_of_another_authority_is_never_spoken_to() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let scene = Scene::with(theirs.face(), ours.trusting(&theirs.client(Some("operator")))).await;
    is_kept_out(&scene, "invalid peer certificate").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_authority_is_refused() {
    let (ours, theirs) = (Pki::new(), Pki::new());
    let scene = Scene::with(ours.face(), ours.trusting(&theirs.client(Some("operator")))).await;
    is_kept_out(&scene, "link").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_with_another_name_is_never_spoken_to() {
    let pki = Pki::new();
    let shown = pki.client(Some("operator"));
    let (chain, key) = (shown.chain.as_bytes(), shown.key.as_bytes());
    let tls = TlsClient::from_pem(pki.authority.pem.as_bytes(), chain, key, "cabinet-7.example", None);
    let options = Options { transport: Transport::Tls(tls.expect("sound")), ..Options::default() };
    let scene = Scene::with(pki.face(), options).await;
    is_kept_out(&scene, "not valid for name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_the_right_role_is_refused() {
    for role in [Some("cook"), None] {
        let pki = Pki::new();
        let scene = Scene::with(pki.face(), pki.trusting(&pki.client(role))).await;
        is_kept_out(&scene, "Illegal function").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_only_read_is_watched_and_its_calls_are_given_up() {
    let pki = Pki::new();
    let scene = Scene::with(pki.face(), pki.trusting(&pki.client(Some("viewer")))).await;
    let mut rig = Rig::start(&scene, |_| {});
    rig.call(MAIN, 1).await;
    rig.event("the refusal", |event| matches!(event, PortEvent::Refused(..))).await;
    assert_eq!((scene.accepted(), scene.calls()), (0, RowSet::EMPTY));
    rig.stop().await;
}

#[tokio::test]
async fn our_own_certificate_must_carry_the_role_that_the_site_expects() {
    let pki = Pki::new();
    let make = |identity: &Identity, key: &Identity, role| {
        let authority = pki.authority.pem.as_bytes();
        TlsClient::from_pem(authority, identity.chain.as_bytes(), key.key.as_bytes(), "localhost", role)
    };
    let (operator, nobody) = (pki.client(Some("operator")), pki.client(None));
    assert_eq!(make(&operator, &operator, Some("operator")).expect("fits").role(), Some("operator"));
    assert_eq!(make(&nobody, &nobody, None).expect("fits").role(), None);
    for identity in [&operator, &nobody] {
        let wrong = make(identity, identity, Some("chief")).expect_err("another role");
        assert!(matches!(wrong, TlsError::Role { .. }), "{wrong}");
    }
    let crossed = make(&operator, &nobody, None).expect_err("another key");
    assert!(matches!(crossed, TlsError::Key(_)), "{crossed}");
    let empty = TlsClient::from_pem(b"", operator.chain.as_bytes(), operator.key.as_bytes(), "x", None);
    assert!(matches!(empty.expect_err("no authority"), TlsError::Pem { .. }));
    let shown = format!("{:?}", make(&operator, &operator, None).expect("fits"));
    assert!(!shown.contains("PRIVATE") && shown.contains("operator"), "x6: {shown}");
}

/// The engine and its machine die at once: no release is ever written, the device's own timer must act.
async fn dies_after(scene: Scene, row: RowId, commands: u32) {
    let mut rig = Rig::start(&scene, |_| {});
    rig.call(row, 1).await;
    rig.confirmed(1, true).await;
    // Refreshed once or more.
    let before = scene.accepted();
    let refreshed = timeout(Duration::from_secs(5), async {
        while scene.accepted() < before + commands.saturating_sub(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    refreshed.await.expect("it is refreshed");
    scene.set_wire(Wire::Cut);
    assert!(scene.is_called(row), "nothing was on before the end");
    let started = tokio::time::Instant::now();
    let off = timeout(Duration::from_secs(10), async {
        while scene.is_called(row) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    off.await.expect("a dead engine's call was left on");
    // The time to live or the watchdog, and one look of the emulator.
    assert!(started.elapsed() < Duration::from_millis(5_500), "s8: {:?}", started.elapsed());
    assert_eq!(scene.field.totals().violations(), 0);
}

impl Scene {
    fn is_called(&self, row: RowId) -> bool {
        let held = |emulator: &mut clearway_field::Emulator| {
            let status = emulator.status();
            status.remote.contains(row) || status.priority.is_some_and(|held| held.row == row)
        };
        self.field.with(ID, held).expect("it is there")
    }
}

/// All at once: each waits for a timer of seconds.
macro_rules! deaths {
    ($($name:ident: $scene:expr, $row:expr, $commands:expr;)+) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn s8_a_dead_engine_leaves_nothing_on() {
            tokio::join!($(async {
                println!(stringify!($name));
                dies_after($scene.await, $row, $commands).await;
            }),+);
        }
    };
}

deaths! {
    s8_death_after_a_preempt_call_by_the_map: Scene::start(), MAIN, 1;
    s8_death_after_a_refresh_by_the_map: Scene::start(), MAIN, 2;
    s8_death_after_a_priority_request_by_the_map: Scene::start(), TRANSIT, 1;
    s8_death_after_a_preempt_call_by_serial_frames: rtu_over_tcp(), MAIN, 1;
    s8_death_after_a_preempt_call_over_tls: mutual_tls(), MAIN, 1;
    s8_death_after_a_preempt_call_by_relay: relay_module(), MAIN, 1;
    s8_death_after_a_refresh_by_relay: relay_module(), MAIN, 2;
    s8_death_after_a_priority_request_by_relay: relay_module(), TRANSIT, 1;
}

/// A release that the device never heard of is as good as a dead engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s8_death_with_a_release_on_its_way_leaves_nothing_on() {
    for scene in [Scene::start().await, relay_module().await] {
        let mut rig = Rig::start(&scene, |_| {});
        rig.call(MAIN, 1).await;
        rig.confirmed(1, true).await;
        scene.set_wire(Wire::Cut);
        rig.release(MAIN, 1).await;
        let off = timeout(Duration::from_secs(10), async {
            while scene.is_called(MAIN) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        off.await.expect("a lost release left the call on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serial_line_that_is_not_there_is_a_dead_link() {
    let mut scene = Scene::with(
        Setup::default(),
        Options { transport: Transport::Rtu(Default::default()), ..Options::default() },
    )
    .await;
    scene.site.address = "/nonexistent/ttyS9".into();
    is_kept_out(&scene, "link").await;
}
