//! The whole adapter before an emulated controller on a real socket.

use clearway_contract::actor::Surroundings;
use clearway_contract::kit::rig::{self, Stage, Wire};
use clearway_contract::{Protocol, Site};
use clearway_egress::{Framing, Rules, Writes};
use clearway_field::proxy::{Fault, Proxy, Speech};
use clearway_field::{ArmingFault, FaceKind, Field, FieldOptions};
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, Millis, Mode, RowSet};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Options, allow_list, rules};
use clearway_field::faces::modbus::{Map, Setup};

mod ratio;
mod ways;

const ID: ControllerId = ControllerId(1);

/// Controller 1 of the corridor behind its real face, and a proxy before it.
struct Scene {
    field: Field,
    site: Site,
    proxy: Proxy,
    options: Options,
}

impl Scene {
    async fn start() -> Self {
        Self::with(Setup::default(), Options::default()).await
    }

    /// The face and the adapter set up in their own ways.
    async fn with(modbus: Setup, ours: Options) -> Self {
        Self::starting(Millis::ZERO, 1.0, modbus, ours).await
    }

    /// Some seconds before the controller's green for trams ends.
    async fn before_a_tram(modbus: Setup, ours: Options) -> Self {
        Self::starting(Millis::from_s(24), 2.0, modbus, ours).await
    }

    /// At a time of the controller's clock, whose seconds are so much shorter than ours.
    async fn starting(start: Millis, speed: f64, modbus: Setup, ours: Options) -> Self {
        let network = corridor(2);
        let faces = [FaceKind::Ntcip, FaceKind::Modbus];
        let backup_time = Millis::from_s(2);
        // A remote I/O module has its own watchdog, and no other timer ends what it calls.
        let emulator = match modbus.map {
            Map::Clearway => clearway_field::Options { start, backup_time, ..Default::default() },
            Map::Relay => clearway_field::Options {
                start,
                backup_time: Millis::ZERO,
                ttl_max: backup_time,
                ..Default::default()
            },
        };
        let options = FieldOptions { emulator, speed, modbus, ..FieldOptions::default() };
        let field = Field::start(&network, &faces, options).await.expect("binds on loopback");
        let device = field.address(ID).expect("a face").to_string();
        let here = "127.0.0.1:0".parse().expect("an address");
        let proxy = Proxy::tcp(here, device, Speech::Modbus, 1).await.expect("binds");
        let controller = &network.controllers[ID.index()];
        let site = Site {
            controller: ID,
            name: controller.name.clone(),
            protocol: Protocol::Modbus,
            address: proxy.address().to_string(),
            groups: controller.groups.clone(),
            group_numbers: controller.group_numbers.clone(),
            relations: controller.relations.clone(),
            rows: controller.rows.clone(),
            capabilities: controller.capabilities,
            detectors: controller.detectors.iter().map(|detector| detector.number).collect(),
            backup_time_max: Millis::from_s(60),
        };
        Self { field, site, proxy, options: ours }
    }
}

impl Stage for Scene {
    fn site(&self) -> Site {
        self.site.clone()
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        super::spawn(site, self.options.clone(), surroundings)
    }

    fn calls(&self) -> RowSet {
        self.field.with(ID, |emulator| emulator.status().remote).expect("it is there")
    }

    fn accepted(&self) -> u32 {
        self.field.with(ID, |emulator| emulator.counters().accepted).expect("it is there")
    }

    fn set_wire(&self, wire: Wire) {
        self.proxy.set(match wire {
            Wire::Whole => Fault::None,
            Wire::Cut => Fault::BlackHole,
            Wire::Late => Fault::Late,
        });
    }

    fn mistake(&self) {
        self.field.refuse_arming(ID, ArmingFault::WrongConfiguration);
    }
}

macro_rules! scenarios {
    ($scene:expr => $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let scene = $scene.await;
                rig::$name(&scene).await;
                scene.field.shutdown().await;
            }
        )+
    };
}

use scenarios;

scenarios! { Scene::start() =>
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
async fn s14_the_guard_lets_only_own_rows_out() {
    let scene = Scene::start().await;
    let allow = allow_list(&scene.site);
    let of =
        |numbers: clearway_egress::Numbers| (1..=255).filter(|n| numbers.contains(*n)).collect::<Vec<u8>>();
    assert_eq!((of(allow.preempt_rows), of(allow.priority_rows)), (vec![3, 4], vec![1]));
}

#[tokio::test]
async fn the_guard_stops_a_frame_that_the_codec_got_wrong() {
    use std::sync::Arc;
    use tokio_modbus::client::{Writer, tcp::attach};
    let scene = Scene::start().await;
    let stream = TcpStream::connect(scene.proxy.address()).await.expect("connects");
    let clock: super::Clock = Arc::new(|| (Millis::ZERO, 7));
    let rules = Arc::new(rules(&scene.site, &scene.options));
    let guarded = super::stream::Guarded::new(Box::new(stream), rules, clock, Arc::default());
    let mut client = attach(guarded);
    let rail = crate::frame::Command { sequence: 1, time_to_live_ds: 10, calls: 1, ..Default::default() };
    let sent = client.write_multiple_registers(0, &crate::codec::encode(&rail)).await;
    assert!(sent.is_err_and(|error| error.to_string().contains("allow-list")));
    assert_eq!(scene.accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_priority_request_is_carried_with_its_arrival() {
    let scene = Scene::start().await;
    let mut rig = rig::Rig::start(&scene, |_| {});
    rig.call(clearway_contract::kit::TRANSIT, 1).await;
    rig.confirmed(1, true).await;
    let held = scene.field.with(ID, |emulator| emulator.status().priority).expect("it is there");
    assert_eq!(held.map(|held| held.row), Some(clearway_contract::kit::TRANSIT));
    rig.release(clearway_contract::kit::TRANSIT, 1).await;
    rig.confirmed(1, false).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trams_grant_and_release_are_read() {
    let scene = Scene::before_a_tram(Setup::default(), Options::default()).await;
    rig::a_trams_grant_and_release_are_read(&scene).await;
    scene.field.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trams_rejection_is_read() {
    let scene = Scene::before_a_tram(Setup::default(), Options::default()).await;
    let flash = || scene.field.with(ID, |emulator| emulator.set_mode(Mode::Flash)).expect("it is there");
    rig::a_trams_rejection_is_read(&scene, flash).await;
    scene.field.shutdown().await;
}

/// A Modbus TCP frame around command registers, as the client library writes it.
fn wrapped(registers: [u16; 9]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0, 25, 1, 16, 0, 0, 0, 9, 18];
    bytes.extend(registers.iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

proptest::proptest! {
    /// Codec and guard were written apart: they must agree on every lawful command, and only there.
    #[test]
    fn s5_the_guard_agrees_with_the_codec(
        sequence in proptest::prelude::any::<u16>(), heartbeat in proptest::prelude::any::<u16>(),
        time_to_live_ds in 0u16..60, row in 0u8..6, priority in 0u8..3, arrival_ms in proptest::prelude::any::<u32>(),
    ) {
        let calls = if row == 0 { 0 } else { 1 << (row - 1) };
        let priority = if priority == 0 { (0, 0) } else { (priority, 14) };
        let command = crate::frame::Command { sequence, heartbeat, time_to_live_ds, calls, priority, arrival_ms };
        let allow = clearway_egress::AllowList {
            preempt_rows: clearway_egress::Numbers::NONE.with(3).with(4),
            priority_rows: clearway_egress::Numbers::NONE.with(1),
            time_to_live_max_ds: 50,
        };
        let allow = Rules { framing: Framing::Tcp, unit: 1, writes: Writes::Map(allow) };
        let lawful = (1..=50).contains(&time_to_live_ds)
            && matches!((row, priority.0), (0, 0 | 1) | (3 | 4, 0));
        let passed = clearway_egress::check_frame(&wrapped(crate::codec::encode(&command)), &allow);
        proptest::prop_assert_eq!(passed.is_ok(), lawful);
    }
}
