//! The sockets of a site: its clock, and one connection for each supervisor.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Host, SystemTime};

use clearway_network::{Controller, Network};
use clearway_rsmp::session::Instant;
use clearway_signals::Millis;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{Options, Site, SiteSettings, Tls, memory};
use crate::faces::Shared;

/// Between two looks at the controller.
const TICK: Duration = Duration::from_millis(50);
/// A TLS handshake takes no longer.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// What a restart must not lose is written this often, where it has changed.
const REMEMBER_EVERY: Duration = Duration::from_millis(500);
/// Bytes of one read.
const READ_MAX: usize = 64 * 1024;

/// The clocks of the host since the start of a face.
#[derive(Clone, Copy, Debug)]
struct Clocks(Host);

impl Clocks {
    fn now(self) -> Instant {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Instant { at: Millis(ms(self.0.elapsed())), unix_ms: ms(wall) }
    }
}

/// One site, shared by its connections and its clock. Its lock is taken before the station's.
#[derive(Clone)]
struct Face {
    site: Arc<Mutex<Site>>,
    station: Shared,
    clocks: Clocks,
    /// There may be something to write, by connection.
    wake: Arc<Vec<Notify>>,
}

impl Face {
    /// A poisoned lock is taken all the same: a site is sound after each of its calls.
    fn lock(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Start the site of a controller: its clock and one task for each supervisor, until `stop`.
pub(crate) fn spawn(
    network: &Network,
    controller: &Controller,
    station: Shared,
    (options, tls): (&Options, Option<&Tls>),
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) {
    let clocks = Clocks(Host::now());
    let settings = SiteSettings {
        site_id: options.site_id(controller),
        cores: options.cores.clone(),
        supervisors: options.supervisors.len(),
        timing: options.timing,
        follows_clock: options.follows_clock,
        controller: options.controller.clone(),
    };
    let mut site = Site::new(network, controller, &station.lock(), settings, clocks.now());
    let file = options.state.as_deref().map(|folder| memory::file(folder, &options.site_id(controller)));
    if let Some(file) = &file {
        match memory::read(file) {
            Ok(memory) => site.recall(memory),
            Err(error) => tracing::warn!(file = %file.display(), %error, "the site begins without memory"),
        }
    }
    let wake = options.supervisors.iter().map(|_| Notify::new()).collect();
    let face = Face { site: Arc::new(Mutex::new(site)), station, clocks, wake: Arc::new(wake) };
    tasks.spawn(run_clock(face.clone(), stop.clone()));
    if let Some(file) = file {
        tasks.spawn(remember(face.clone(), file, stop.clone()));
    }
    let reconnect = Duration::from_millis(u64::try_from(options.timing.reconnect.0).unwrap_or(0).max(10));
    for (link, address) in options.supervisors.iter().enumerate() {
        let way = Way { link, address: address.clone(), tls: tls.cloned(), reconnect };
        tasks.spawn(keep_connected(face.clone(), way, stop.clone()));
    }
}

/// The way to one supervisor.
struct Way {
    link: usize,
    address: String,
    tls: Option<Tls>,
    reconnect: Duration,
}

async fn run_clock(face: Face, stop: CancellationToken) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let mut site = face.lock();
        site.advance(&mut face.station.lock(), face.clocks.now());
        drop(site);
        face.wake.iter().for_each(Notify::notify_one);
    }
}

/// Keep what a restart must not lose in the site's file, until and when it stops.
async fn remember(face: Face, file: PathBuf, stop: CancellationToken) {
    let mut ticks = interval(REMEMBER_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut written = Vec::new();
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = ticks.tick() => {}
        }
        let memory = face.lock().memory();
        let Ok(bytes) = serde_json::to_vec(&memory) else { continue };
        if bytes == written {
            continue;
        }
        match memory::write(&file, &bytes) {
            Ok(()) => written = bytes,
            Err(error) => tracing::warn!(file = %file.display(), %error, "the site's memory is not written"),
        }
    }
}

/// Connect, serve, wait, again.
async fn keep_connected(face: Face, way: Way, stop: CancellationToken) {
    let Way { link, address, tls, reconnect } = way;
    while !stop.is_cancelled() {
        let connected = tokio::select! {
            () = stop.cancelled() => return,
            connected = timeout(reconnect.max(Duration::from_secs(1)), TcpStream::connect(&address)) => connected,
        };
        match connected {
            Ok(Ok(stream)) => {
                // An acknowledgement must not wait for a full segment; without the option it is only slower.
                let _ = stream.set_nodelay(true);
                let ended = tokio::select! {
                    () = stop.cancelled() => return,
                    ended = talk(&face, link, &address, tls.as_ref(), stream) => ended,
                };
                tracing::info!(address, ended, "rsmp connection ended");
            }
            Ok(Err(error)) => tracing::debug!(address, %error, "rsmp supervisor not reached"),
            Err(_) => tracing::debug!(address, "rsmp supervisor not reached in time"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(reconnect) => {}
        }
    }
}

/// Serve a connection, in clear or by TLS; why it ended.
async fn talk(face: &Face, link: usize, address: &str, tls: Option<&Tls>, stream: TcpStream) -> String {
    let Some(tls) = tls else { return serve(face, link, stream).await };
    match timeout(HANDSHAKE_MAX, tls.connect(address, stream)).await {
        Ok(Ok(stream)) => serve(face, link, stream).await,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no TLS handshake in time".into(),
    }
}

/// Read and write until either side ends; why it ended.
async fn serve(face: &Face, link: usize, stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    face.lock().connected(link, face.clocks.now());
    let ended = exchange(face, link, stream).await;
    face.lock().disconnected(link, face.clocks.now());
    ended
}

async fn exchange(face: &Face, link: usize, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    let mut buffer = vec![0; READ_MAX];
    loop {
        let (output, closing) = {
            let mut site = face.lock();
            (site.take_output(link), site.closing(link).map(str::to_owned))
        };
        if !output.is_empty() {
            // A peer that reads nothing for so long is as good as gone.
            match timeout(Duration::from_secs(30), stream.write_all(&output)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "the supervisor does not read".into(),
            }
        }
        if let Some(reason) = closing {
            return reason;
        }
        tokio::select! {
            () = face.wake[link].notified() => {}
            read = stream.read(&mut buffer) => match read {
                Ok(0) => return "the supervisor closed".into(),
                Ok(count) => {
                    let mut site = face.lock();
                    site.receive(link, &buffer[..count], &mut face.station.lock(), face.clocks.now());
                }
                Err(error) => return error.to_string(),
            },
        }
    }
}
