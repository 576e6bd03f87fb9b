//! A Modbus device on its sockets: connections, TLS, the registers behind them.

mod tcp;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;

use super::pdu::{self, Exception, Request, Served, Table};
use super::registers::{Commands, FRAME_LEN, input};
use super::relay::Relay;
use super::wire;
use crate::faces::Shared;

pub use super::tls::{Rights, Tls, TlsError};

/// Connections of one device at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 16;
/// A TLS handshake takes no longer.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Wait after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// The remote I/O module looks at its watchdog this often.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// How requests and answers are framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// The header of Modbus TCP.
    #[default]
    Tcp,
    /// Serial frames.
    Rtu,
}

/// Which registers a device has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Map {
    /// The Clearway register map.
    #[default]
    Clearway,
    /// A remote I/O module.
    Relay,
}

/// How the device is reached and what it has.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its registers.
    pub map: Map,
    /// The form of its frames.
    pub framing: Framing,
    /// TLS, where it asks for it.
    pub tls: Option<Tls>,
    /// The unit that it answers as.
    pub unit: u8,
}

impl Default for Setup {
    fn default() -> Self {
        Self { map: Map::default(), framing: Framing::default(), tls: None, unit: 1 }
    }
}

/// One device: its station and its command side, for all connections.
#[derive(Clone, Debug)]
pub struct Device {
    station: Shared,
    setup: Setup,
    commands: Arc<Mutex<Commands>>,
    relay: Arc<Mutex<Relay>>,
}

/// A device as one client sees it on a serial line.
struct Seen<'a> {
    device: &'a Device,
    rights: Rights,
}

/// Serve the device on a listener until the token is cancelled; connections end with it.
pub async fn serve(listener: TcpListener, device: Device, stop: CancellationToken) {
    let accept = async {
        match device.setup.framing {
            Framing::Tcp => tcp::accept(listener, &device).await,
            Framing::Rtu => accept_serial(&listener, &device).await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = device.watch() => {}
        () = accept => {}
    }
}

/// Accept connections with serial frames, for ever.
async fn accept_serial(listener: &TcpListener, device: &Device) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this function, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                        connections.spawn(serial_connection(device.clone(), stream, place));
                    }
                }
                Err(error) => pause(&error).await,
            }
        }
    }
}

/// One connection; it holds its place as long as it lives.
async fn serial_connection(device: Device, stream: TcpStream, _place: OwnedSemaphorePermit) {
    let served = async {
        let (stream, rights) = device.open(stream).await?;
        device.serve_serial(stream, rights).await
    };
    lost(served.await);
}

/// How a connection ended, for who looks for it.
fn lost(ended: io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "modbus connection lost");
    }
}

/// Nobody can be accepted now, for want of descriptors for one.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "modbus face cannot accept");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

impl Device {
    /// A device in front of a station.
    #[must_use]
    pub fn new(station: Shared, setup: Setup) -> Self {
        let relay = Arc::new(Mutex::new(Relay::new(station.lock().emulator())));
        Self { station, setup, commands: Arc::default(), relay }
    }

    /// Serve serial frames on one stream, a serial line for one, until it ends.
    ///
    /// # Errors
    /// How it ended, when it was not closed by the peer between two requests.
    pub async fn serve_serial<S>(&self, stream: S, rights: Rights) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        wire::serve(stream, &Seen { device: self, rights }).await
    }

    /// Let the remote I/O module look at its watchdog, now and then, for ever.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            if self.setup.map == Map::Relay {
                // The order of the two locks is the same everywhere: the map's, then the station's.
                let mut relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
                relay.watch(self.station.lock().emulator_mut());
            }
        }
    }

    /// What is spoken on a fresh connection, and what its client may do.
    async fn open(&self, stream: TcpStream) -> io::Result<(Either<TcpStream, TlsStream<TcpStream>>, Rights)> {
        // An answer must not wait for a full segment; without the option it is only slower.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.setup.tls else { return Ok((Either::Left(stream), Rights::Write)) };
        let stream = timeout(HANDSHAKE_MAX, tls.acceptor().accept(stream)).await??;
        let rights = tls.rights(stream.get_ref().1);
        Ok((Either::Right(stream), rights))
    }

    /// Serve a client with these rights.
    fn serve_to(&self, rights: Rights, request: &Request) -> Result<Served, Exception> {
        let needed = if request.is_write() { Rights::Write } else { Rights::Read };
        if rights < needed { Err(Exception::Function) } else { self.serve(request) }
    }

    fn serve(&self, request: &Request) -> Result<Served, Exception> {
        match self.setup.map {
            Map::Clearway => self.serve_map(request),
            Map::Relay => {
                let mut relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
                relay.serve(request, self.station.lock().emulator_mut())
            }
        }
    }

    fn serve_map(&self, request: &Request) -> Result<Served, Exception> {
        let commands = || self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        match request {
            Request::Read { table: Table::Inputs, first, count } => {
                let commands = commands().clone();
                let station = self.station.lock();
                range(*first, *count, |register| input(register, &commands, station.emulator()))
            }
            Request::Read { table: Table::Holdings, first, count } => {
                let holding = commands().holding();
                range(*first, *count, |register| holding.get(usize::from(register)).copied())
            }
            Request::WriteRegisters(first, words) => {
                let frame = <[u16; FRAME_LEN]>::try_from(words.as_slice()).ok().filter(|_| *first == 0);
                let taken =
                    commands().write(frame.ok_or(Exception::Address)?, self.station.lock().emulator_mut());
                taken.map(|()| Served::Written).map_err(|_| Exception::Value)
            }
            _ => Err(Exception::Function),
        }
    }
}

impl wire::Answer for Seen<'_> {
    fn answer(&self, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
        // On a line the other device answers.
        (unit == self.device.setup.unit).then(|| {
            let answer = pdu::decode(pdu).and_then(|request| self.device.serve_to(self.rights, &request));
            pdu::encode(pdu, &answer)
        })
    }
}

/// A whole range or nothing: one register that does not exist refuses the read.
fn range(first: u16, count: u16, read: impl Fn(u16) -> Option<u16>) -> Result<Served, Exception> {
    let last = first.checked_add(count - 1).ok_or(Exception::Address)?;
    (first..=last).map(read).collect::<Option<Vec<u16>>>().map(Served::Values).ok_or(Exception::Address)
}

/// Bind the device's socket.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
