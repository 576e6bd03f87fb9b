//! The whole adapter before a scripted site on a real socket.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use clearway_contract::actor::{Clock, Surroundings};
use clearway_contract::kit::rig::{self, Stage, Wire};
use clearway_contract::kit::{Device, site};
use clearway_contract::{Protocol, Site};
use clearway_signals::{Millis, RowSet};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::tls::{self, Identity};
use super::{Hub, ListenOptions, Options, Stream};
use crate::binding::Binding;
use crate::peer::Peer;

const SITE: &str = "RN+SI0001";
const ANSWER_WITHIN: Duration = Duration::from_millis(200);
const LATE: Duration = Duration::from_millis(400);
const TICK: Duration = Duration::from_millis(20);
const RECONNECT: Duration = Duration::from_millis(50);

fn clock() -> Clock {
    let start = Instant::now();
    Arc::new(move || {
        let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (Millis(i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)), ns)
    })
}

/// A site: the scripted peer over the kit's device, which connects and connects again.
struct Scene {
    hub: Hub,
    device: Arc<Mutex<Device>>,
    site: Site,
    wire: watch::Sender<Wire>,
    quiet: Arc<AtomicBool>,
    _site: JoinSet<()>,
}

impl Scene {
    async fn start() -> Self {
        let options = ListenOptions::new("127.0.0.1:0".parse().expect("an address"));
        let hub = Hub::listen(options, clock()).await.expect("binds on loopback");
        Self::with(hub, None)
    }

    fn with(hub: Hub, tls: Option<Arc<ClientConfig>>) -> Self {
        let site = Site { address: hub.address().to_string(), ..site(Protocol::Rsmp) };
        let mut device = Device::new(site.clone());
        device.dead_man = Millis::from_s(2);
        let device = Arc::new(Mutex::new(device));
        let (wire, at) = watch::channel(Wire::Whole);
        let quiet = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        let actor = Actor { device: Arc::clone(&device), wire: at, start: Instant::now(), tls };
        tasks.spawn(actor.run(hub.address(), Arc::clone(&quiet)));
        Self { hub, device, site, wire, quiet, _site: tasks }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().expect("the site lives")
    }
}

struct Actor {
    device: Arc<Mutex<Device>>,
    wire: watch::Receiver<Wire>,
    start: Instant,
    tls: Option<Arc<ClientConfig>>,
}

impl Actor {
    async fn run(self, address: SocketAddr, quiet: Arc<AtomicBool>) {
        loop {
            let whole = *self.wire.borrow() != Wire::Cut && !quiet.load(Ordering::SeqCst);
            let tls = self.tls.clone().map(|config| (config, "localhost"));
            if whole && let Ok(stream) = tls::dial(&address.to_string(), tls).await {
                // Whatever ends a connection, the site makes another one.
                let _ = self.serve(stream).await;
            }
            self.advance();
            tokio::time::sleep(RECONNECT).await;
        }
    }

    fn advance(&self) {
        let ms = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.device.lock().expect("the test lives").advance(Millis(ms));
    }

    async fn serve(&self, mut stream: Stream) -> std::io::Result<()> {
        let mut peer = Peer::new();
        stream.write_all(&peer.version()).await?;
        let mut chunk = vec![0; 4_096];
        loop {
            let read = tokio::time::timeout(TICK, stream.read(&mut chunk)).await;
            self.advance();
            let wire = *self.wire.borrow();
            let answers = {
                let mut device = self.device.lock().expect("the test lives");
                match read {
                    Err(_) => Vec::new(),
                    Ok(Ok(0)) => return Ok(()),
                    Ok(Err(error)) => return Err(error),
                    Ok(Ok(_)) if wire == Wire::Cut => Vec::new(),
                    Ok(Ok(count)) => peer.hear(&mut device, &chunk[..count]),
                }
            };
            if wire == Wire::Late && !answers.is_empty() {
                tokio::time::sleep(LATE).await;
            }
            stream.write_all(&answers).await?;
        }
    }
}

fn options() -> Options {
    let binding = Binding {
        request_lifetime: Some(Millis::from_s(2)),
        max_presence: Some(Millis::from_s(120)),
        ..Binding::new(SITE)
    };
    Options { answer_within: ANSWER_WITHIN, ..Options::new(binding) }
}

impl Stage for Scene {
    fn site(&self) -> Site {
        self.site.clone()
    }

    fn spawn(&self, site: Site, surroundings: Surroundings) -> JoinHandle<()> {
        super::spawn(&self.hub, site, options(), surroundings)
    }

    fn calls(&self) -> RowSet {
        self.device().calls
    }

    fn accepted(&self) -> u32 {
        u32::try_from(self.device().writes.len()).expect("few")
    }

    fn set_wire(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    fn mistake(&self) {
        self.device().configuration_hash ^= 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_confirmed_and_released() {
    rig::a_call_is_confirmed_and_released(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_shutdown_releases() {
    rig::s19_shutdown_releases(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_gone_leaves_nothing_on() {
    rig::an_engine_that_is_gone_leaves_nothing_on(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_releases_and_the_adapter_serves_again() {
    rig::a_panic_releases_and_the_adapter_serves_again(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s19_release_of_all_needs_no_engine() {
    rig::s19_release_of_all_needs_no_engine(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_wire_is_noticed_and_survived() {
    rig::a_cut_wire_is_noticed_and_survived(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_answers_confuse_nothing() {
    rig::late_answers_confuse_nothing(&Scene::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_another_device_is_never_written() {
    rig::s6_another_device_is_never_written(&Scene::start().await).await;
}

/// A root, and certificates of it for a supervisor and a site.
struct Authority {
    root: String,
    supervisor: Identity,
    site: Identity,
    site_certificate: Vec<u8>,
}

fn authority() -> Authority {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
    let issue = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &root).expect("signs");
        let identity = Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes());
        (identity.expect("fits"), certificate.der().to_vec())
    };
    let ((supervisor, _), (site, site_certificate)) = (issue("localhost"), issue("site"));
    Authority { root: root.pem(), supervisor, site, site_certificate }
}

async fn secure_hub(supervisor: Identity, roots: &str) -> Hub {
    let mut options = ListenOptions::new("127.0.0.1:0".parse().expect("an address"));
    options.tls = Some(tls::server(supervisor, Some(roots.as_bytes())).expect("a configuration"));
    Hub::listen(options, clock()).await.expect("binds on loopback")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_by_tls_to_the_site_of_its_certificate() {
    let authority = authority();
    let hub = secure_hub(authority.supervisor, &authority.root).await;
    let client = tls::client(authority.root.as_bytes(), Some(authority.site)).expect("a configuration");
    rig::a_call_is_confirmed_and_released(&Scene::with(hub, Some(client))).await;
}

/// Whether a site with this certificate reaches the hub's handshake: the answer to its Version.
async fn greeted(hub: &Hub, config: Arc<ClientConfig>) -> bool {
    let Ok(mut stream) = tls::dial(&hub.address().to_string(), Some((config, "localhost"))).await else {
        return false;
    };
    let sent = stream.write_all(&Peer::new().version()).await;
    let mut answer = [0; 1];
    sent.is_ok() && matches!(stream.read(&mut answer).await, Ok(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x2_a_site_without_the_right_certificate_is_not_heard() {
    let (ours, theirs) = (authority(), authority());
    let hub = secure_hub(ours.supervisor, &ours.root).await;
    let expected = tls::fingerprint(&ours.site_certificate);
    let certified = Options { certificate_sha256: Some(expected), ..options() };
    let slot = hub.register(site(Protocol::Rsmp), &certified, clock());
    let client =
        |identity: Option<Identity>| tls::client(ours.root.as_bytes(), identity).expect("a configuration");
    assert!(!greeted(&hub, client(None)).await, "no certificate");
    assert!(!greeted(&hub, client(Some(theirs.site))).await, "a certificate of another root");
    assert!(greeted(&hub, client(Some(ours.site))).await, "its own");
    drop(slot);
    let another = Options { certificate_sha256: Some([7; 32]), ..options() };
    hub.register(site(Protocol::Rsmp), &another, clock());
    let again = authority();
    let hub = secure_hub(again.supervisor, &again.root).await;
    hub.register(site(Protocol::Rsmp), &another, clock());
    let config = tls::client(again.root.as_bytes(), Some(again.site)).expect("a configuration");
    assert!(!greeted(&hub, config).await, "another site's certificate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_whose_adapter_ended_is_let_go_and_expected_no_more() {
    let scene = Scene::start().await;
    rig::s19_shutdown_releases(&scene).await;
    assert_eq!(scene.hub.with(SITE, |_, _| ()), None);
    let mut stream = tls::dial(&scene.hub.address().to_string(), None).await.expect("connects");
    stream.write_all(&Peer::new().version()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads until the end");
    assert!(answer.contains("is unknown"), "{answer}");
}

#[tokio::test]
async fn x5_nobody_listens_in_clear_to_other_machines() {
    let options = ListenOptions::new("0.0.0.0:0".parse().expect("an address"));
    assert!(Hub::listen(options, clock()).await.is_err());
}

#[tokio::test]
async fn an_unknown_site_is_told_and_left() {
    let options = ListenOptions::new("127.0.0.1:0".parse().expect("an address"));
    let hub = Hub::listen(options, clock()).await.expect("binds");
    let mut stream = tls::dial(&hub.address().to_string(), None).await.expect("connects");
    stream.write_all(&Peer::new().version()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads until the end");
    assert!(answer.contains("MessageNotAck") && answer.contains("RN+SI0001 is unknown"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_connects_again_is_spoken_to_over_the_new_connection() {
    let scene = Scene::start().await;
    scene.quiet.store(true, Ordering::SeqCst);
    let slot = scene.hub.register(scene.site(), &options(), clock());
    let connect = || async {
        let mut stream = tls::dial(&scene.hub.address().to_string(), None).await.expect("connects");
        stream.write_all(&Peer::new().version()).await.expect("writes");
        let mut answer = [0; 1];
        stream.read_exact(&mut answer).await.expect("an answer");
        stream
    };
    let mut first = connect().await;
    let _second = connect().await;
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).await.expect("the first is closed");
    assert!(!slot.arrival().await.is_over());
}
