//! The whole adapter before an emulated controller on a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clearway_contract::actor::Surroundings;
use clearway_contract::kit::rig::{self, Stage, Wire};
use clearway_contract::{Protocol, Site};
use clearway_field::{ArmingFault, FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, Millis, RowSet};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::{Options, allow_list};

const ID: ControllerId = ControllerId(0);
/// Later than the adapter waits.
const LATE: Duration = Duration::from_millis(2 * 150);

/// A relay of datagrams whose wire can be cut.
struct Relay {
    address: SocketAddr,
    wire: watch::Sender<Wire>,
    _tasks: JoinSet<()>,
}

impl Relay {
    async fn start(device: SocketAddr) -> Self {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("binds"));
        back.connect(device).await.expect("connects");
        let address = front.local_addr().expect("bound");
        let (wire, at) = watch::channel(Wire::Whole);
        let (client, last) = watch::channel(None);
        let mut tasks = JoinSet::new();
        let (to_front, to_back, seen) = (Arc::clone(&front), Arc::clone(&back), at.clone());
        tasks.spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = front.recv_from(&mut buffer).await {
                client.send_replace(Some(from));
                if *seen.borrow() != Wire::Cut {
                    let _ = to_back.send(&buffer[..length]).await;
                }
            }
        });
        tasks.spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok(length) = back.recv(&mut buffer).await {
                let (wire, to) = (*at.borrow(), *last.borrow());
                let (Some(to), answer) = (to, buffer[..length].to_vec()) else { continue };
                let front = Arc::clone(&to_front);
                match wire {
                    Wire::Cut => {}
                    Wire::Whole => drop(front.send_to(&answer, to).await),
                    Wire::Late => drop(tokio::spawn(async move {
                        tokio::time::sleep(LATE).await;
                        let _ = front.send_to(&answer, to).await;
                    })),
                }
            }
        });
        Self { address, wire, _tasks: tasks }
    }

    fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

/// Controller 0 of the corridor behind its real face, and a relay before it.
struct Scene {
    field: Field,
    site: Site,
    relay: Relay,
}

impl Scene {
    async fn start() -> Self {
        let network = corridor(2);
        let faces = [FaceKind::Ntcip, FaceKind::Modbus];
        let emulator = clearway_field::Options { backup_time: Millis::from_s(2), ..Default::default() };
        let options = FieldOptions { emulator, ..FieldOptions::default() };
        let field = Field::start(&network, &faces, options).await.expect("binds on loopback");
        let relay = Relay::start(field.address(ID).expect("a face")).await;
        let controller = &network.controllers[ID.index()];
        let site = Site {
            controller: ID,
            name: controller.name.clone(),
            protocol: Protocol::Ntcip,
            address: relay.address.to_string(),
            groups: controller.groups.clone(),
            group_numbers: controller.group_numbers.clone(),
            relations: controller.relations.clone(),
            rows: controller.rows.clone(),
            capabilities: controller.capabilities,
            detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
            backup_time_max: Millis::from_s(60),
        };
        Self { field, site, relay }
    }
}

impl Stage for Scene {
    fn site(&self) -> Site {
        self.site.clone()
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        super::spawn(site, Options::default(), surroundings)
    }

    fn calls(&self) -> RowSet {
        self.field.with(ID, |emulator| emulator.status().remote).expect("it is there")
    }

    fn accepted(&self) -> u32 {
        self.field.with(ID, |emulator| emulator.counters().accepted).expect("it is there")
    }

    fn set_wire(&self, wire: Wire) {
        self.relay.set(wire);
    }

    fn mistake(&self) {
        self.field.refuse_arming(ID, ArmingFault::WrongConfiguration);
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

#[tokio::test]
async fn s14_the_guard_lets_only_own_preempt_rows_out() {
    let scene = Scene::start().await;
    let allow = allow_list(&scene.site);
    let own: Vec<u8> = (1..=255).filter(|number| allow.preempt_rows.contains(*number)).collect();
    assert_eq!(own, [3, 4]);
    assert_eq!(allow.priority_rows, clearway_egress::Numbers::NONE);
}

#[tokio::test]
async fn the_guard_stops_a_message_that_the_codec_got_wrong() {
    use async_snmp::{Auth, ClientBuilder, Retry, UdpTransport, Value, oid};
    let scene = Scene::start().await;
    let socket = UdpTransport::bind("127.0.0.1:0").await.expect("binds");
    let handle = socket.handle(scene.relay.address).expect("opens");
    let clock: super::Clock = Arc::new(|| (Millis::ZERO, 7));
    let guarded = super::transport::Guarded::new(
        handle,
        allow_list(&scene.site),
        super::transport::Reading::Community,
        clock,
        Arc::default(),
    );
    let client = ClientBuilder::new(Auth::v1("administrator"))
        .retry(Retry::none())
        .build_with_transport(guarded)
        .expect("builds");
    let rail = oid!(1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2, 1);
    let error = client.set(&rail, Value::Integer(1)).await.expect_err("must not leave");
    assert!(error.to_string().contains("egress guard"), "{error}");
    assert_eq!(scene.accepted(), 0);
}
