//! The Modbus face: the register map of `docs/modbus-register-map.md` over Modbus TCP.

mod idle;
pub mod registers;
#[cfg(test)]
mod tests;

use std::future::{Future, Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_util::sync::CancellationToken;

use super::Shared;
use idle::Idle;
use registers::{Commands, FRAME_LEN, input};

/// Connections of one device at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 16;
/// Registers of one read.
const READ_MAX: u16 = 125;
/// The unit that the device answers as.
const UNIT: u8 = 1;
/// A connection without a request for this long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Wait after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// One device: its station and its command side, for all connections.
#[derive(Clone, Debug)]
struct Device {
    station: Shared,
    commands: Arc<Mutex<Commands>>,
}

/// One connection to the device.
struct Connection {
    device: Device,
    /// Counts the connection as long as it lives.
    _permit: OwnedSemaphorePermit,
}

/// Serve the device on a listener until the token is cancelled; connections end with it.
pub(crate) async fn serve(listener: TcpListener, station: Shared, stop: CancellationToken) {
    let device = Device { station, commands: Arc::default() };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let server = Server::new(listener);
    let connect = |stream, _from| connect(stream, device.clone(), Arc::clone(&places));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            served = server.serve(&connect, on_lost) => {
                if let Err(error) = served {
                    tracing::warn!(%error, "modbus face cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn on_lost(error: io::Error) {
    tracing::debug!(%error, "modbus connection lost");
}

fn connect(
    stream: TcpStream,
    device: Device,
    places: Arc<Semaphore>,
) -> impl Future<Output = io::Result<Option<(Connection, Idle)>>> {
    let accepted = places.try_acquire_owned().ok().map(|permit| {
        // An answer must not wait for a full segment; without the option it is only slower.
        let _ = stream.set_nodelay(true);
        (Connection { device, _permit: permit }, Idle::new(stream, SILENCE_MAX))
    });
    ready(Ok(accepted))
}

impl Service for Connection {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        ready(if request.slave == UNIT {
            self.device.answer(&request.request)
        } else {
            Err(ExceptionCode::GatewayTargetDevice)
        })
    }
}

impl Device {
    fn answer(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        match request {
            Request::ReadInputRegisters(first, count) => {
                let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let station = self.station.lock();
                let read = |register| input(register, &commands, station.emulator());
                range(*first, *count, read).map(Response::ReadInputRegisters)
            }
            Request::ReadHoldingRegisters(first, count) => {
                let holding = self.commands.lock().unwrap_or_else(PoisonError::into_inner).holding();
                let read = |register| holding.get(usize::from(register)).copied();
                range(*first, *count, read).map(Response::ReadHoldingRegisters)
            }
            Request::WriteMultipleRegisters(first, words) => self.write(*first, words),
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    fn write(&self, first: u16, words: &[u16]) -> Result<Response, ExceptionCode> {
        if first != 0 || words.len() != FRAME_LEN {
            return Err(ExceptionCode::IllegalDataAddress);
        }
        let mut frame = [0; FRAME_LEN];
        frame.copy_from_slice(words);
        // The order of the two locks is the same everywhere: commands, then station.
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = commands.write(frame, self.station.lock().emulator_mut());
        match taken {
            Ok(()) => Ok(Response::WriteMultipleRegisters(0, 9)),
            Err(_) => Err(ExceptionCode::IllegalDataValue),
        }
    }
}

/// A whole range or nothing: one register that does not exist refuses the read.
fn range(first: u16, count: u16, read: impl Fn(u16) -> Option<u16>) -> Result<Vec<u16>, ExceptionCode> {
    if !(1..=READ_MAX).contains(&count) {
        return Err(ExceptionCode::IllegalDataValue);
    }
    let last = first.checked_add(count - 1).ok_or(ExceptionCode::IllegalDataAddress)?;
    (first..=last).map(read).collect::<Option<Vec<u16>>>().ok_or(ExceptionCode::IllegalDataAddress)
}

/// Bind the device's socket.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
