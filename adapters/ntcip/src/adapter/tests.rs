//! The whole adapter before an emulated controller on a real socket.

mod deaths;
mod sessions;

use clearway_contract::actor::Surroundings;
use clearway_contract::kit::rig::{self, Stage, Wire};
use clearway_contract::{Protocol, Site};
use clearway_field::faces::ntcip::{Setup, SnmpUser};
use clearway_field::proxy::{Fault, Proxy};
use clearway_field::{ArmingFault, FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, Millis, Mode, RowSet};
use tokio::task::JoinHandle;

use super::{Credentials, Options, User, allow_list};

const ID: ControllerId = ControllerId(0);

/// One controller of the corridor behind its real face, and a proxy before it.
struct Scene {
    id: ControllerId,
    field: Field,
    site: Site,
    proxy: Proxy,
    credentials: Credentials,
}

/// The user of the scenes.
fn user() -> Credentials {
    let (sha, aes) = ("sha256".parse().expect("known"), "aes128".parse().expect("known"));
    let user = User::new("engine", (sha, "authentication"), Some((aes, "encryption")));
    Credentials::V3(Box::new(user.expect("a user")))
}

fn agent_setup() -> Setup {
    let privacy = Some(("aes128".into(), "encryption".into()));
    let auth = ("sha256".into(), "authentication".into());
    Setup { users: vec![SnmpUser { name: "engine".into(), auth, privacy }], engine: None }
}

impl Scene {
    /// Controller 0, which has no priority channel, with a community.
    async fn start() -> Self {
        Self::of(ID, Credentials::default()).await
    }

    async fn of(id: ControllerId, credentials: Credentials) -> Self {
        Self::at_speed(1, id, credentials).await
    }

    /// A controller whose seconds are so much shorter than ours.
    async fn at_speed(speed: u8, id: ControllerId, credentials: Credentials) -> Self {
        Self::starting(Millis::ZERO, speed, id, credentials).await
    }

    /// A controller with a priority channel, some seconds before its green for trams ends.
    async fn before_a_tram(credentials: Credentials) -> Self {
        Self::starting(Millis::from_s(24), 2, ControllerId(1), credentials).await
    }

    async fn starting(start: Millis, speed: u8, id: ControllerId, credentials: Credentials) -> Self {
        let network = corridor(2);
        let faces = [FaceKind::Ntcip, FaceKind::Ntcip];
        let backup_time = Millis::from_s(2 * i64::from(speed));
        let emulator = clearway_field::Options { start, backup_time, ..Default::default() };
        let speed = speed.into();
        let options = FieldOptions { emulator, speed, ntcip: agent_setup(), ..FieldOptions::default() };
        let field = Field::start(&network, &faces, options).await.expect("binds on loopback");
        let device = field.address(id).expect("a face");
        let proxy = Proxy::udp("127.0.0.1:0".parse().expect("an address"), device, 1).await.expect("binds");
        let controller = &network.controllers[id.index()];
        let site = Site {
            controller: id,
            name: controller.name.clone(),
            protocol: Protocol::Ntcip,
            address: proxy.address().to_string(),
            groups: controller.groups.clone(),
            group_numbers: controller.group_numbers.clone(),
            relations: controller.relations.clone(),
            rows: controller.rows.clone(),
            capabilities: controller.capabilities,
            detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
            backup_time_max: Millis::from_s(60),
        };
        Self { id, field, site, proxy, credentials }
    }
}

impl Stage for Scene {
    fn site(&self) -> Site {
        self.site.clone()
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        let options = Options { credentials: self.credentials.clone(), ..Options::default() };
        super::spawn(site, options, surroundings)
    }

    fn calls(&self) -> RowSet {
        let calls = self.field.with(self.id, |emulator| {
            let status = emulator.status();
            status.priority.into_iter().fold(status.remote, |calls, request| calls.with(request.row))
        });
        calls.expect("it is there")
    }

    fn accepted(&self) -> u32 {
        self.field.with(self.id, |emulator| emulator.counters().accepted).expect("it is there")
    }

    fn set_wire(&self, wire: Wire) {
        self.proxy.set(match wire {
            Wire::Whole => Fault::None,
            Wire::Cut => Fault::BlackHole,
            Wire::Late => Fault::Late,
        });
    }

    fn mistake(&self) {
        self.field.refuse_arming(self.id, ArmingFault::WrongConfiguration);
    }
}

macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let scene = Scene::start().await;
                rig::$name(&scene).await;
                scene.field.shutdown().await;
            }
        )+

        mod v3 {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let scene = Scene::of(ID, user()).await;
                    rig::$name(&scene).await;
                    scene.field.shutdown().await;
                }
            )+
        }
    };
}

scenarios! {
    a_call_is_confirmed_and_released,
    s19_shutdown_releases,
    an_engine_that_is_gone_leaves_nothing_on,
    a_panic_releases_and_the_adapter_serves_again,
    s19_release_of_all_needs_no_engine,
    a_cut_wire_is_noticed_and_survived,
    late_answers_confuse_nothing,
    s6_another_device_is_never_written,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trams_grant_and_release_are_read() {
    let scene = Scene::before_a_tram(Credentials::default()).await;
    rig::a_trams_grant_and_release_are_read(&scene).await;
    scene.field.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trams_rejection_is_read() {
    let scene = Scene::before_a_tram(user()).await;
    let flash =
        || scene.field.with(scene.id, |emulator| emulator.set_mode(Mode::Flash)).expect("it is there");
    rig::a_trams_rejection_is_read(&scene, flash).await;
    scene.field.shutdown().await;
}

#[tokio::test]
async fn s14_the_guard_lets_only_own_rows_out() {
    let scene = Scene::start().await;
    let allow = allow_list(&scene.site);
    let own: Vec<u8> = (1..=255).filter(|number| allow.preempt_rows.contains(*number)).collect();
    assert_eq!(own, [3, 4]);
    assert_eq!(allow.priority_rows, clearway_egress::Numbers::NONE);
    let with_priority = Scene::of(ControllerId(1), user()).await;
    assert!(allow_list(&with_priority.site).priority_rows.contains(1));
}

#[test]
fn an_address_without_a_port_gets_the_profiles() {
    for (address, expected) in [
        ("10.0.0.7", "10.0.0.7:501"),
        ("10.0.0.7:161", "10.0.0.7:161"),
        ("signal.example", "signal.example:501"),
        ("::1", "[::1]:501"),
        ("[::1]:161", "[::1]:161"),
    ] {
        assert_eq!(super::with_port(address, 501), expected);
    }
}
