//! Sessions: what the guard stops on its way out, and devices that come back as another engine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_snmp::{Auth, Client, ClientBuilder, Retry, UdpTransport, UsmConfig, Value, oid};
use clearway_contract::actor::Link;
use clearway_contract::{Answer, Ask};

use super::super::session::{Dial, Session, SessionError};
use super::super::transport::{Guarded, Opener, Reading};
use super::super::{NtcipLink, snmp_link};
use super::*;
use crate::frame::{Data, Name, Value as Read};

fn clock() -> super::super::Clock {
    Arc::new(|| (Millis::ZERO, 7))
}

/// A client of the library behind the guard of a scene, for messages that our codec would not make.
async fn guarded(scene: &Scene) -> Client<Guarded> {
    let socket = UdpTransport::bind("127.0.0.1:0").await.expect("binds");
    let handle = socket.handle(scene.proxy.address()).expect("opens");
    let (auth, reading) = match &scene.credentials {
        Credentials::V3(user) => {
            let usm = UsmConfig::new(user.name.clone()).with_master_keys(user.keys.clone()).expect("keys");
            (Auth::from(usm), Reading::User(Arc::new(Opener::new(user.keys.clone()))))
        }
        _ => (Auth::v1("administrator"), Reading::Community),
    };
    let guarded = Guarded::new(handle, allow_list(&scene.site), reading, clock(), Arc::default());
    ClientBuilder::new(auth).retry(Retry::none()).build_with_transport(guarded).expect("builds")
}

#[tokio::test]
async fn the_guard_stops_a_message_that_the_codec_got_wrong_encrypted_or_not() {
    for credentials in [Credentials::default(), user()] {
        let scene = Scene::of(ID, credentials).await;
        let client = guarded(&scene).await;
        let own = oid!(1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2, 3);
        client.set(&own, Value::Integer(0)).await.expect("an own row passes");
        let rail = oid!(1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2, 1);
        let yellow = oid!(1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 2, 1, 22, 3);
        for (name, value) in [(rail, 1), (yellow, 0), (own, 2)] {
            let error = client.set(&name, Value::Integer(value)).await.expect_err("must not leave");
            assert!(error.to_string().contains("egress guard"), "{error}");
        }
        assert_eq!(scene.accepted(), 1);
    }
}

#[tokio::test]
async fn the_guard_stops_an_encrypted_message_that_it_has_no_key_for() {
    let scene = Scene::of(ID, user()).await;
    let other = User::new(
        "engine",
        ("sha256".parse().unwrap(), "authentication"),
        Some(("aes128".parse().unwrap(), "another-key")),
    )
    .unwrap();
    let Credentials::V3(ours) = user() else { panic!("a user") };
    let socket = UdpTransport::bind("127.0.0.1:0").await.expect("binds");
    let handle = socket.handle(scene.proxy.address()).expect("opens");
    let reading = Reading::User(Arc::new(Opener::new(other.keys)));
    let transport = Guarded::new(handle, allow_list(&scene.site), reading, clock(), Arc::default());
    let usm = UsmConfig::new("engine").with_master_keys(ours.keys).expect("keys");
    let client = ClientBuilder::new(Auth::from(usm)).retry(Retry::none()).build_with_transport(transport);
    let own = oid!(1, 3, 6, 1, 4, 1, 1206, 4, 2, 1, 6, 3, 1, 2, 3);
    let error = client.expect("builds").set(&own, Value::Integer(1)).await.expect_err("must not leave");
    assert!(error.to_string().contains("egress guard"), "{error}");
    assert_eq!(scene.accepted(), 0);
}

/// A field with one agent on a port, of this engine id.
async fn agent(port: u16, engine: &[u8]) -> Field {
    let setup = Setup { engine: Some(engine.to_vec()), ..agent_setup() };
    let options = FieldOptions { base_port: Some(port), ntcip: setup, ..FieldOptions::default() };
    Field::start(&corridor(1), &[FaceKind::Ntcip], options).await.expect("binds on loopback")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_comes_back_as_another_engine_is_reached_by_a_new_session() {
    let first = agent(0, b"first-engine").await;
    let address = first.address(ID).expect("a face");
    let scene = Scene::of(ID, user()).await;
    let site = Site { address: address.to_string(), ..scene.site.clone() };
    let options = Options { credentials: user(), ..Options::default() };
    let mut link = snmp_link(site, options, clock());
    assert_eq!(link.perform(&Ask::Connect).await, Answer::Connected);
    assert!(matches!(link.perform(&Ask::Status).await, Answer::Status(_)));
    first.shutdown().await;
    let second = agent(address.port(), b"second-engine").await;
    // The old session never recovers, whatever is tried: that is why the keeper gives it up.
    for _ in 0..super::super::PACE.failures_max {
        assert!(matches!(link.perform(&Ask::Status).await, Answer::Failed(_)));
    }
    assert_eq!(link.perform(&Ask::Connect).await, Answer::Connected);
    assert!(matches!(link.perform(&Ask::Status).await, Answer::Status(_)));
    second.shutdown().await;
}

#[tokio::test]
async fn messages_in_clear_stay_on_this_machine_and_authenticated_ones_may_leave() {
    let scene = Scene::start().await;
    let far = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 161)).to_string();
    for (credentials, accept_plaintext, connects) in
        [(Credentials::default(), false, false), (Credentials::default(), true, true), (user(), false, true)]
    {
        let site = Site { address: far.clone(), ..scene.site.clone() };
        let options = Options { credentials, accept_plaintext, ..Options::default() };
        let answer = snmp_link(site, options, clock()).perform(&Ask::Connect).await;
        assert_eq!(answer == Answer::Connected, connects, "{answer:?}");
    }
}

/// A dial whose sessions refuse everything with one error, and count.
struct Scripted(Arc<Mutex<u32>>, SessionError);
struct Refusing(SessionError);

impl Dial for Scripted {
    type Session = Refusing;

    async fn dial(&self) -> Result<Refusing, String> {
        *self.0.lock().expect("alone") += 1;
        Ok(Refusing(self.1.clone()))
    }
}

impl Session for Refusing {
    async fn get(&self, _names: &[Name]) -> Result<Vec<Option<Read>>, SessionError> {
        Err(self.0.clone())
    }

    async fn set(&self, _bindings: &[(Name, Data)]) -> Result<(), SessionError> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn each_connection_is_a_new_session_and_an_index_beyond_the_names_is_a_failure() {
    let scene = Scene::start().await;
    let dials = Arc::new(Mutex::new(0));
    let dial = Scripted(Arc::clone(&dials), SessionError::Absent(1_000));
    let mut link = NtcipLink::new(scene.site.clone(), Options::default(), dial, Arc::default());
    assert!(matches!(link.perform(&Ask::Status).await, Answer::Failed(_)), "not connected");
    for dialled in 1..=3 {
        assert_eq!(link.perform(&Ask::Connect).await, Answer::Connected);
        assert_eq!(*dials.lock().expect("alone"), dialled);
        assert!(matches!(link.perform(&Ask::Status).await, Answer::Failed(_)));
    }
}
