//! The NTCIP face over loopback, spoken to by async-snmp's client.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_snmp::{Auth, Client, ErrorStatus, Oid, Retry, Value};
use clearway_network::testing::{corridor, eight_phases};
use clearway_signals::{GroupSet, Mode};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::emulator::{ArmingFault, Emulator, Options};
use crate::station::Station;

const CONTROL: [u32; 5] = [1, 6, 3, 1, 2];
const STATE: [u32; 5] = [1, 6, 2, 1, 16];

struct Bench {
    station: Shared,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Bench {
    async fn new() -> Self {
        Self::with_priority(false).await
    }

    async fn with_priority(priority: bool) -> Self {
        let options = Options { backup_time: Millis::from_s(15), ..Options::default() };
        // Every second controller of the corridor has a priority channel.
        Self::of(&corridor(2).controllers[usize::from(priority)], options).await
    }

    async fn of(controller: &clearway_network::Controller, options: Options) -> Self {
        let station = Shared::new(Station::new(controller, options));
        let stop = CancellationToken::new();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let agent = bind(any, "administrator", &setup(), station.clone(), stop.clone()).await.unwrap();
        let address = agent.local_addr();
        tokio::spawn(async move { agent.run().await });
        Self { station, address, stop }
    }

    async fn client(&self, auth: Auth) -> Client {
        Client::builder((self.address.ip().to_string(), self.address.port()), auth)
            .request_timeout(Duration::from_secs(2))
            .retry(Retry::none())
            .connect()
            .await
            .unwrap()
    }

    fn advance(&self, seconds: i64) {
        self.station.lock().advance(Millis::from_s(seconds));
    }

    fn with<R>(&self, act: impl FnOnce(&mut Emulator) -> R) -> R {
        act(self.station.lock().emulator_mut())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn setup() -> Setup {
    let user = |name: &str, privacy: Option<&str>| SnmpUser {
        name: name.into(),
        auth: ("sha256".into(), "authentication".into()),
        privacy: privacy.map(|word| (word.into(), "encryption".into())),
    };
    Setup { users: vec![user("reader", None), user("engine", Some("aes128"))], engine: None }
}

fn user(name: &str, private: bool) -> Auth {
    let usm = async_snmp::UsmConfig::new(name.to_owned());
    let (hash, cipher) = (AuthProtocol::Sha256, PrivProtocol::Aes128);
    let usm = if private {
        usm.auth_priv(hash, "authentication", cipher, "encryption")
    } else {
        usm.auth(hash, "authentication")
    };
    usm.unwrap().into()
}

fn object(below: &[u32], index: u32) -> Oid {
    Oid::from([&DEVICES[..], below, &[index]].concat())
}

async fn integer(client: &Client, oid: &Oid) -> i32 {
    match &client.get(oid).await.unwrap().varbinds[0].value {
        Value::Integer(value) => *value,
        other => panic!("{oid:?}: {other:?}"),
    }
}

async fn set_status(client: &Client, oid: &Oid, value: Value) -> Option<ErrorStatus> {
    match client.set(oid, value).await {
        Ok(_) => None,
        Err(error) => match *error {
            async_snmp::Error::Snmp { status, .. } => Some(status),
            other => panic!("{other}"),
        },
    }
}

#[tokio::test]
async fn a_set_calls_the_preempt_and_the_status_shows_it_in_every_version() {
    let community = || "administrator";
    for auth in [Auth::v1(community()), Auth::v2c(community()), user("reader", false), user("engine", true)] {
        let bench = Bench::new().await;
        let client = bench.client(auth).await;
        bench.advance(65);
        assert_eq!(integer(&client, &object(&STATE, 3)).await, 2);
        client.set(&object(&CONTROL, 3), Value::Integer(1)).await.unwrap();
        bench.advance(70);
        assert_eq!(integer(&client, &object(&CONTROL, 3)).await, 1);
        assert_eq!(integer(&client, &object(&STATE, 3)).await, 6);
        assert_eq!(integer(&client, &object(&[1, 6, 4], 0)).await, 3);
        client.set(&object(&CONTROL, 3), Value::Integer(0)).await.unwrap();
        assert_eq!(integer(&client, &object(&CONTROL, 3)).await, 0);
    }
}

#[tokio::test]
async fn a_real_unit_lets_anybody_call_a_rail_row_and_serves_it_first() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    client.set(&object(&CONTROL, 3), Value::Integer(1)).await.unwrap();
    client.set(&object(&CONTROL, 1), Value::Integer(1)).await.unwrap();
    bench.advance(10);
    assert_eq!(integer(&client, &object(&[1, 6, 4], 0)).await, 1);
    assert_eq!(integer(&client, &object(&[1, 6, 6, 1, 2], 1)).await, 0b101);
}

#[tokio::test]
async fn groups_show_in_the_bits_of_their_phases() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    let status = |column| object(&[1, 1, 4, 1, column], 1);
    bench.advance(92);
    assert_eq!(integer(&client, &status(4)).await, 0b010, "greens");
    assert_eq!(integer(&client, &status(7)).await, 0b100, "walks");
    assert_eq!(integer(&client, &status(2)).await, 0b001, "reds");
    bench.advance(111);
    assert_eq!(integer(&client, &status(3)).await, 0b010, "yellows");
    assert_eq!(integer(&client, &status(6)).await, 0b100, "pedestrian clearances");
    bench.advance(125);
    assert_eq!(integer(&client, &status(5)).await, 0b100, "don't walks");
}

#[tokio::test]
async fn the_arming_gate_finds_what_it_needs() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    let preempt = |column| object(&[1, 6, 2, 1, column], 4);
    for (oid, expected) in [
        (object(&[1, 6, 1], 0), 4),
        (preempt(2), 0b1_0001),
        (preempt(4), 0),
        (preempt(5), 5),
        (preempt(7), 255),
        (preempt(8), 255),
        (preempt(10), 5),
        (preempt(11), 120),
        (preempt(22), 255),
        (preempt(28), 4),
        (object(&[1, 1, 2, 1, 4], 1), 5),
        (object(&[1, 1, 2, 1, 8], 1), 30),
        (object(&[1, 1, 2, 1, 9], 1), 20),
        (object(&[1, 1, 2, 1, 2], 3), 5),
        (object(&[1, 1, 2, 1, 3], 3), 8),
        (object(&[1, 3, 3], 0), 15),
        (object(&[1, 3, 19], 0), 0),
        (object(&[1, 3, 5], 0), 4),
        (object(&[1, 3, 6], 0), 2),
        (object(&[1, 3, 10], 0), 0),
    ] {
        assert_eq!(integer(&client, &oid).await, expected, "{oid:?}");
    }
    let octets = |value: &Value| value.as_bytes().unwrap().to_vec();
    let dwell = client.get(&preempt(13)).await.unwrap();
    assert_eq!(octets(&dwell.varbinds[0].value), [2]);
    let walk = client.get(&preempt(14)).await.unwrap();
    assert_eq!(octets(&walk.varbinds[0].value), [3]);
    let version = client.get(&object(&[6, 1, 3, 1, 5], 1)).await.unwrap();
    let text = String::from_utf8(octets(&version.varbinds[0].value)).unwrap();
    let hash = bench.with(|e| e.configuration_hash());
    assert!(text.ends_with(&format!("cfg={hash:08x}")), "{text}");
}

#[tokio::test]
async fn faults_and_modes_show_before_arming() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    bench.with(|e| e.refuse_arming(ArmingFault::BackupTimerOff));
    assert_eq!(integer(&client, &object(&[1, 3, 3], 0)).await, 0);
    for (mode, control, flash) in
        [(Mode::Flash, 1, 4), (Mode::Fault, 1, 5), (Mode::Startup, 1, 7), (Mode::Manual, 5, 2)]
    {
        bench.with(|e| e.set_mode(mode));
        assert_eq!(integer(&client, &object(&[1, 3, 5], 0)).await, control);
        assert_eq!(integer(&client, &object(&[1, 3, 6], 0)).await, flash);
    }
}

#[tokio::test]
async fn what_may_not_be_set_is_refused_and_changes_nothing() {
    let bench = Bench::new().await;
    let v1 = bench.client(Auth::v1("administrator")).await;
    let v2 = bench.client(Auth::v2c("administrator")).await;
    let control = object(&CONTROL, 3);
    let one = || Value::Integer(1);
    for value in [2, -1, 255] {
        assert_eq!(set_status(&v1, &control, Value::Integer(value)).await, Some(ErrorStatus::BadValue));
        assert_eq!(set_status(&v2, &control, Value::Integer(value)).await, Some(ErrorStatus::WrongValue));
    }
    let text = Value::OctetString(b"1"[..].into());
    assert_eq!(set_status(&v1, &control, text).await, Some(ErrorStatus::BadValue));
    for forbidden in [
        object(&[1, 3, 3], 0),
        object(&[1, 3, 10], 0),
        object(&[1, 6, 2, 1, 11], 3),
        object(&[1, 6, 2, 1, 22], 3),
        object(&[1, 1, 2, 1, 8], 1),
        object(&[1, 4, 14], 0),
        object(&[1, 7, 5, 1, 8], 1),
        object(&CONTROL, 2),
        object(&CONTROL, 99),
    ] {
        assert_eq!(set_status(&v1, &forbidden, one()).await, Some(ErrorStatus::NoSuchName), "{forbidden:?}");
    }
    let counters = bench.with(|e| e.counters());
    assert_eq!((counters.accepted, counters.refused), (0, 7 + 9));
    assert_eq!(bench.with(|e| e.status().mode), Mode::Backup, "a refused SET does not feed the timer");
}

#[tokio::test]
async fn one_bad_value_rolls_the_whole_set_back() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    let both = [(object(&CONTROL, 3), Value::Integer(1)), (object(&CONTROL, 4), Value::Integer(7))];
    assert!(client.set_many(&both).await.is_err());
    assert!(bench.with(|e| e.status().remote.is_empty()));
}

#[tokio::test]
async fn a_wrong_community_is_met_with_silence() {
    let bench = Bench::new().await;
    let client = Client::builder((bench.address.ip().to_string(), bench.address.port()), Auth::v1("public"))
        .request_timeout(Duration::from_millis(200))
        .retry(Retry::none())
        .connect()
        .await
        .unwrap();
    assert!(client.get(&object(&STATE, 3)).await.is_err());
    assert!(client.set(&object(&CONTROL, 3), Value::Integer(1)).await.is_err());
    assert_eq!(bench.with(|e| e.counters().accepted), 0);
}

#[tokio::test]
async fn a_walk_meets_every_instance_once_in_order() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    let expected: Vec<Oid> =
        bench.with(|e| instances(e)).into_iter().map(|(name, _)| Oid::from(name)).collect();
    let mut at = Oid::from([1, 3, 6, 1, 2, 1]);
    for name in &expected {
        let next = client.get_next(&at).await.unwrap().varbinds[0].clone();
        assert_eq!(&next.oid, name);
        at = next.oid;
    }
    assert!(client.get_next(&at).await.is_err(), "v1 ends a walk with noSuchName");
}

#[tokio::test]
async fn detectors_show_occupancy_and_the_last_volume() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    for _ in 0..3 {
        bench.with(|e| e.detector_pulse(2));
    }
    assert_eq!(integer(&client, &object(&[1, 2, 4, 1, 2], 1)).await, 0b10);
    bench.advance(10);
    assert_eq!(integer(&client, &object(&[1, 2, 5, 4, 1, 1], 2)).await, 3);
    assert_eq!(integer(&client, &object(&[1, 2, 5, 1], 0)).await, 1);
}

#[tokio::test]
async fn s8_the_backup_timer_releases_what_a_dead_centre_left_behind() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    client.set(&object(&CONTROL, 3), Value::Integer(1)).await.unwrap();
    assert_eq!(integer(&client, &object(&[1, 3, 5], 0)).await, 2);
    bench.advance(14);
    assert_eq!(integer(&client, &object(&CONTROL, 3)).await, 1);
    bench.advance(15);
    assert_eq!(integer(&client, &object(&CONTROL, 3)).await, 0);
    assert_eq!(integer(&client, &object(&[1, 3, 5], 0)).await, 4);
    bench.advance(150);
    assert_ne!(bench.with(|e| e.status().greens), GroupSet::EMPTY);
    assert_eq!(bench.station.lock().monitor().totals().violations(), 0);
}

#[tokio::test]
async fn a_user_goes_at_its_own_level_or_not_at_all() {
    let bench = Bench::new().await;
    let control = object(&CONTROL, 3);
    for auth in [user("engine", false), Auth::usm("engine"), Auth::usm("reader"), user("stranger", true)] {
        let target = (bench.address.ip().to_string(), bench.address.port());
        let client = Client::builder(target, auth).request_timeout(Duration::from_millis(300));
        let client = client.retry(Retry::none()).connect().await.unwrap();
        assert!(client.set(&control, Value::Integer(1)).await.is_err());
    }
    assert_eq!(bench.with(|e| e.counters().accepted), 0);
}

#[tokio::test]
async fn channels_show_what_the_groups_show() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v1("administrator")).await;
    bench.advance(92);
    assert_eq!(integer(&client, &object(&[1, 8, 4, 1, 4], 1)).await, 0b110, "greens");
    assert_eq!(integer(&client, &object(&[1, 8, 4, 1, 2], 1)).await, 0b001, "reds");
    assert_eq!(integer(&client, &object(&[1, 9, 1], 0)).await, 0);
}

/// A block for request 1 of a vehicle, class 3: selector, then times.
fn block(vehicle: u8, level: u8, strategy: u8, times: &[u8]) -> Value {
    let block = [&[1][..], &[0; 16], &[vehicle, 3, level, strategy], times].concat();
    Value::OctetString(block.into())
}

async fn state(client: &Client, vehicle: u8) -> u8 {
    client.set(&object(&[11, 2, 3], 0), block(vehicle, 1, 1, &[])).await.unwrap();
    let read = client.get(&object(&[11, 2, 4], 0)).await.unwrap();
    let octets = read.varbinds[0].value.as_bytes().unwrap().to_vec();
    assert_eq!((octets.len(), octets[17]), (23, vehicle));
    octets[21]
}

#[tokio::test]
async fn a_priority_request_is_queued_served_or_outlives_its_time() {
    let bench = Bench::with_priority(true).await;
    let client = bench.client(user("engine", true)).await;
    let (request, cancel, clear) = (object(&[11, 2, 1], 0), object(&[11, 2, 5], 0), object(&[11, 2, 6], 0));
    assert_eq!(state(&client, 7).await, 1);
    client.set(&request, block(7, 1, 1, &[0, 20, 0, 30])).await.unwrap();
    assert!([2, 4].contains(&state(&client, 7).await));
    assert!(bench.with(|e| e.status().priority.is_some()));
    // One of lower importance waits behind it.
    client.set(&request, block(8, 2, 1, &[0, 20, 0, 30])).await.unwrap();
    assert_eq!(state(&client, 8).await, 3);
    client.set(&cancel, block(7, 1, 1, &[])).await.unwrap();
    assert_eq!(state(&client, 7).await, 8);
    assert!(bench.with(|e| e.status().priority.is_none()));
    client.set(&clear, block(7, 1, 1, &[])).await.unwrap();
    assert_eq!(state(&client, 7).await, 1);
    bench.advance(31);
    assert_eq!(state(&client, 8).await, 10);
    client.set(&request, block(9, 1, 1, &[0, 5, 0, 6])).await.unwrap();
    bench.advance(38);
    assert!([10, 13].contains(&state(&client, 9).await));
}

#[tokio::test]
async fn a_priority_request_that_cannot_be_is_closed_with_its_reason() {
    let bench = Bench::with_priority(true).await;
    let client = bench.client(Auth::v2c("administrator")).await;
    let request = object(&[11, 2, 1], 0);
    client.set(&request, block(1, 1, 99, &[0, 20, 0, 30])).await.unwrap();
    assert_eq!(state(&client, 1).await, 12);
    client.set(&request, block(2, 1, 1, &[0, 20, 0, 10])).await.unwrap();
    assert_eq!(state(&client, 2).await, 11);
    bench.with(|e| e.set_mode(Mode::Flash));
    client.set(&object(&[11, 2, 8], 0), block(3, 1, 1, &[0, 20, 0, 30, 0, 0, 0, 0])).await.unwrap();
    assert_eq!(state(&client, 3).await, 15);
    let short = block(1, 1, 1, &[0, 20]);
    assert_eq!(set_status(&client, &request, short).await, Some(ErrorStatus::WrongLength));
    let unknown = block(200, 1, 1, &[]);
    assert_eq!(set_status(&client, &object(&[11, 2, 5], 0), unknown).await, Some(ErrorStatus::WrongValue));
    assert_eq!(
        set_status(&client, &object(&[11, 2, 4], 0), block(1, 1, 1, &[])).await,
        Some(ErrorStatus::NotWritable)
    );
}

#[tokio::test]
async fn a_controller_without_a_priority_channel_has_no_priority_server() {
    let bench = Bench::new().await;
    let client = bench.client(Auth::v2c("administrator")).await;
    let request = object(&[11, 2, 1], 0);
    let refused = set_status(&client, &request, block(1, 1, 1, &[0, 20, 0, 30])).await;
    assert_eq!(refused, Some(ErrorStatus::NoCreation));
}

#[tokio::test]
async fn a_dual_ring_shows_its_phases_its_calls_and_whether_it_runs_free() {
    let mut controller = eight_phases();
    let bench = Bench::of(&controller, Options::default()).await;
    let client = bench.client(Auth::v1("administrator")).await;
    let phase = |column, number| object(&[1, 1, 2, 1, column], number);
    for (column, number, value) in [(5, 4, 30), (6, 4, 30), (22, 4, 1), (22, 5, 2), (22, 9, 0)] {
        assert_eq!(integer(&client, &phase(column, number)).await, value, "column {column} of {number}");
    }
    let concurrent = client.get(&phase(23, 2)).await.unwrap();
    assert_eq!(concurrent.varbinds[0].value, Value::OctetString(vec![5, 6].into()));
    bench.advance(320);
    bench.with(|e| e.detector_pulse(4));
    bench.advance(321);
    assert_eq!(integer(&client, &object(&[1, 1, 4, 1, 8], 1)).await, 0b1000, "who waits");
    assert_eq!(integer(&client, &object(&[1, 1, 4, 1, 4], 1)).await, 0b10_0010, "2 and 6 rest in green");
    assert_eq!(integer(&client, &object(&[1, 4, 10], 0)).await, 1);
    controller.rings.iter_mut().for_each(|phase| phase.coordinated = false);
    let free = Bench::of(&controller, Options::default()).await;
    let client = free.client(Auth::v1("administrator")).await;
    assert_eq!(integer(&client, &object(&[1, 4, 10], 0)).await, 254);
    assert_eq!(integer(&client, &object(&[1, 4, 11], 0)).await, 3);
}
