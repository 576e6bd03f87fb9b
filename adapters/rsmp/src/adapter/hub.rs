//! A listener for many sites: it learns from each Version which site connects, and hands the
//! connection to that site's adapter. Sites that nobody registered are refused.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use clearway_contract::Site;
use clearway_contract::actor::Clock;
use clearway_signals::Millis;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::conversation::Conversation;
use super::tls::fingerprint;
use super::{Options, Stream, allow_list};
use crate::binding::Binding;
use crate::exchange::Exchange;
use crate::session::{Accepted, Instant, Policy, Session, Times};
use crate::version::{Core, Sxl};

/// Connections that are not yet known to be of a site.
const STRANGERS_MAX: usize = 64;
/// The TLS handshake, and after it the site's Version, must come within this time each.
const GREETING_WITHIN: Duration = Duration::from_secs(5);
/// After an error of the listener.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The wall clock, milliseconds since 1970: it stamps watchdogs alone.
pub type WallClock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The clocks of a hub.
#[derive(Clone)]
pub(super) struct Clocks {
    monotonic: Clock,
    wall: WallClock,
}

impl Clocks {
    pub(super) fn now(&self) -> Instant {
        Instant { at: (self.monotonic)().0, unix_ms: (self.wall)() }
    }

    /// How long until a deadline; an hour at most, so that no sleep is past what a timer can hold.
    pub(super) fn until(&self, deadline: Millis) -> Duration {
        let rest = deadline.since((self.monotonic)().0).min(Millis::from_s(3_600));
        Duration::from_millis(u64::try_from(rest.0).unwrap_or(0))
    }
}

/// Where and how to listen.
#[derive(Clone)]
pub struct ListenOptions {
    /// Where; the standard's port is 12111.
    pub address: SocketAddr,
    /// The versions of core that are spoken.
    pub cores: Vec<Core>,
    /// Intervals and limits.
    pub times: Times,
    /// TLS 1.3, see [`super::tls::server`].
    pub tls: Option<Arc<ServerConfig>>,
    /// The network between is closed: messages in clear may come from other machines.
    pub accept_plaintext: bool,
}

impl ListenOptions {
    /// In clear, every version, the standard's times.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let (cores, times) = (Core::ALL.to_vec(), Times::STANDARD);
        Self { address, cores, times, tls: None, accept_plaintext: false }
    }
}

/// The listener. It ends when its last owner drops it.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
    address: SocketAddr,
    _listening: Arc<tokio_util::sync::DropGuard>,
}

struct Shared {
    options: ListenOptions,
    clocks: Clocks,
    sites: Mutex<HashMap<String, Registered>>,
    seeds: AtomicU64,
}

#[derive(Clone)]
struct Registered {
    site: Site,
    binding: Binding,
    certificate: Option<[u8; 32]>,
    sxl: Option<Sxl>,
    stamps: Clock,
    slot: Arc<Slot>,
}

/// Where the connection of a site is laid down until its link takes it. The newest one counts.
#[derive(Default)]
pub(super) struct Slot {
    newest: Mutex<Option<Arc<Conversation>>>,
    arrived: Notify,
}

impl Slot {
    fn put(&self, conversation: Arc<Conversation>) {
        let before = lock(&self.newest).replace(conversation);
        if let Some(before) = before {
            before.give_up("the site has connected again");
        }
        self.arrived.notify_one();
    }

    /// The connection that was laid down and lives; waits for one.
    pub(super) async fn arrival(&self) -> Arc<Conversation> {
        loop {
            let newest = lock(&self.newest).clone();
            if let Some(conversation) = newest.filter(|conversation| !conversation.is_over()) {
                return conversation;
            }
            self.arrived.notified().await;
        }
    }
}

impl Hub {
    /// Listen. `clock` is the process's monotonic clock, the same that the adapters have.
    ///
    /// # Errors
    /// When the address cannot be had, or is of another machine's reach without TLS and without
    /// consent.
    pub async fn listen(options: ListenOptions, clock: Clock) -> io::Result<Self> {
        Self::listen_with(options, clock, Arc::new(system_wall)).await
    }

    /// Listen, with another wall clock.
    ///
    /// # Errors
    /// As [`Hub::listen`].
    pub async fn listen_with(options: ListenOptions, clock: Clock, wall: WallClock) -> io::Result<Self> {
        if options.tls.is_none() && !options.address.ip().is_loopback() && !options.accept_plaintext {
            return Err(io::Error::other(
                "RSMP in clear from other machines is not accepted by the configuration",
            ));
        }
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            options,
            clocks: Clocks { monotonic: clock, wall },
            sites: Mutex::default(),
            // Ids of messages must differ from run to run.
            seeds: AtomicU64::new(RandomState::new().hash_one(address)),
        });
        let over = CancellationToken::new();
        tokio::spawn(Arc::clone(&shared).accept(listener, over.clone()));
        Ok(Self { shared, address, _listening: Arc::new(over.drop_guard()) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Look at what is known of a site that is connected. `None` while it is not connected.
    pub fn with<R>(&self, site_id: &str, act: impl FnOnce(&mut Exchange, Instant) -> R) -> Option<R> {
        Some(self.conversation(site_id)?.with(act))
    }

    /// The connection with a site, while there is one.
    pub(super) fn conversation(&self, site_id: &str) -> Option<Arc<Conversation>> {
        let slot = lock(&self.shared.sites).get(site_id).map(|registered| Arc::clone(&registered.slot))?;
        let newest = lock(&slot.newest).clone();
        newest.filter(|conversation| !conversation.is_over())
    }

    /// Expect a site. A site that is registered again is handed to the newest.
    pub(super) fn register(&self, site: Site, options: &Options, stamps: Clock) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        let (binding, certificate, sxl) = (options.binding.clone(), options.certificate_sha256, options.sxl);
        let id = binding.site_id.clone();
        let registered = Registered { site, binding, certificate, sxl, stamps, slot: Arc::clone(&slot) };
        lock(&self.shared.sites).insert(id, registered);
        slot
    }
}

impl Hub {
    /// Expect the site of this slot no longer, and end its connection.
    pub(super) fn forget(&self, site_id: &str, slot: &Arc<Slot>) {
        let mut sites = lock(&self.shared.sites);
        if sites.get(site_id).is_some_and(|registered| Arc::ptr_eq(&registered.slot, slot)) {
            sites.remove(site_id);
        }
        drop(sites);
        if let Some(conversation) = lock(&slot.newest).take() {
            conversation.give_up("the adapter ended");
        }
    }
}

impl Shared {
    async fn accept(self: Arc<Self>, listener: TcpListener, over: CancellationToken) {
        let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
        loop {
            let permit = tokio::select! {
                () = over.cancelled() => return,
                permit = Arc::clone(&strangers).acquire_owned() => permit,
            };
            let accepted = tokio::select! {
                () = over.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    let shared = Arc::clone(&self);
                    tokio::spawn(async move {
                        if let Err(error) = shared.greet(stream).await {
                            tracing::warn!(%from, %error, "no site of ours");
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    /// Until the site's Version has come; then the conversation goes on by its own.
    async fn greet(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut stream, certificate) = self.secure(stream).await?;
        let seed = self.seeds.fetch_add(1, Ordering::Relaxed);
        let mut session = Session::new(Arc::new(self.policy()), seed, self.clocks.now());
        let reading = timeout(GREETING_WITHIN, self.read_version(&mut stream, &mut session));
        reading.await.map_err(|_| io::Error::other("no Version in time"))??;
        let known = session.agreed().and_then(|agreed| {
            let sites = lock(&self.sites);
            agreed.sites.iter().find_map(|id| sites.get(id).cloned())
        });
        let Some(registered) = known.filter(|_| session.closed().is_none()) else {
            let reason = session.closed().map_or_else(|| "unknown site".into(), ToString::to_string);
            timeout(GREETING_WITHIN, stream.write_all(&session.take_output())).await??;
            return Err(io::Error::other(reason));
        };
        if registered.certificate.is_some() && registered.certificate != certificate {
            return Err(io::Error::other("the certificate is another site's"));
        }
        let Registered { site, binding, stamps, slot, .. } = registered;
        let (allow, id) = (allow_list(&site, &binding), binding.site_id.clone());
        let nonce = u32::try_from(seed & u64::from(u32::MAX)).unwrap_or(0);
        let exchange = Exchange::new(site, binding, session, nonce);
        let (conversation, reader) = Conversation::new(exchange, stream, self.clocks.clone(), stamps, allow);
        tracing::info!(site = id, "the site has connected");
        slot.put(Arc::clone(&conversation));
        tokio::spawn(conversation.serve(reader));
        Ok(())
    }

    async fn secure(&self, stream: TcpStream) -> io::Result<(Stream, Option<[u8; 32]>)> {
        let Some(config) = &self.options.tls else { return Ok((Box::new(stream), None)) };
        let accepting = timeout(GREETING_WITHIN, TlsAcceptor::from(Arc::clone(config)).accept(stream));
        let stream = accepting.await.map_err(|_| io::Error::other("no TLS handshake in time"))??;
        let certificates = stream.get_ref().1.peer_certificates();
        let certificate = certificates.and_then(<[_]>::first).map(|certificate| fingerprint(certificate));
        Ok((Box::new(stream), certificate))
    }

    /// Read until the session knows the site, or refuses it.
    async fn read_version(&self, stream: &mut Stream, session: &mut Session) -> io::Result<()> {
        let mut chunk = vec![0; 4_096];
        while session.agreed().is_none() && session.closed().is_none() {
            let count = stream.read(&mut chunk).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            session.receive(self.clocks.now(), &chunk[..count]);
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        let accepted = |(id, site): (&String, &Registered)| Accepted { id: id.clone(), sxl: site.sxl };
        let sites = lock(&self.sites).iter().map(accepted).collect();
        Policy { cores: self.options.cores.clone(), sites: Some(sites), times: self.options.times }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is replaced whole: a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn system_wall() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
