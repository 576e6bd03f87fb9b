//! A Modbus device on its sockets: connections, TLS, the registers behind them.

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
use tokio_util::sync::CancellationToken;

use super::pdu::{self, Exception, Request, Served, Table};
use super::registers::{Commands, FRAME_LEN, input};
use super::relay::Relay;
use super::wire;
use crate::faces::Shared;

pub use super::tls::{Rights, Tls, TlsError};
pub use super::wire::Framing;

/// Connections of one device at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 16;
/// A TLS handshake takes no longer.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Wait after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// The remote I/O module looks at its watchdog this often.
const WATCH_EVERY: Duration = Duration::from_millis(20);

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

/// A device as one client sees it.
struct Seen<'a> {
    device: &'a Device,
    rights: Rights,
}

/// Serve the device on a listener until the token is cancelled; connections end with it.
pub async fn serve(listener: TcpListener, device: Device, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this function, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = device.watch() => {}
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                        connections.spawn(connection(device.clone(), stream, place));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "modbus face cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// One connection; it holds its place as long as it lives.
async fn connection(device: Device, stream: TcpStream, _place: OwnedSemaphorePermit) {
    // An answer must not wait for a full segment; without the option it is only slower.
    let _ = stream.set_nodelay(true);
    let served = match &device.setup.tls {
        None => device.serve_stream(stream, Rights::Write).await,
        Some(tls) => device.serve_tls(stream, tls).await,
    };
    if let Err(error) = served {
        tracing::debug!(%error, "modbus connection lost");
    }
}

impl Device {
    /// A device in front of a station.
    #[must_use]
    pub fn new(station: Shared, setup: Setup) -> Self {
        let relay = Arc::new(Mutex::new(Relay::new(station.lock().emulator())));
        Self { station, setup, commands: Arc::default(), relay }
    }

    /// Serve one stream, a serial line for one, until it ends.
    ///
    /// # Errors
    /// How it ended, when it was not closed by the peer between two requests.
    pub async fn serve_stream<S>(&self, stream: S, rights: Rights) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        wire::serve(stream, self.setup.framing, &Seen { device: self, rights }).await
    }

    /// Let the remote I/O module look at its watchdog, now and then. Ends once it has looked.
    pub async fn watch(&self) {
        tokio::time::sleep(WATCH_EVERY).await;
        if self.setup.map == Map::Relay {
            // The order of the two locks is the same everywhere: the map's, then the station's.
            let mut relay = self.relay.lock().unwrap_or_else(PoisonError::into_inner);
            relay.watch(self.station.lock().emulator_mut());
        }
    }

    async fn serve_tls(&self, stream: TcpStream, tls: &Tls) -> io::Result<()> {
        let stream = timeout(HANDSHAKE_MAX, tls.acceptor().accept(stream)).await??;
        let rights = tls.rights(stream.get_ref().1);
        self.serve_stream(stream, rights).await
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
        if unit != self.device.setup.unit {
            // On a line the other device answers; behind an address there is none.
            let alone = self.device.setup.framing == Framing::Tcp;
            return alone.then(|| pdu::encode(pdu, &Err(Exception::Target)));
        }
        let answer = pdu::decode(pdu).and_then(|request| {
            let needed = if request.is_write() { Rights::Write } else { Rights::Read };
            if self.rights < needed { Err(Exception::Function) } else { self.device.serve(&request) }
        });
        Some(pdu::encode(pdu, &answer))
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
