//! Modbus TCP by tokio-modbus's server.
//!
//! That server ends the connection over a request which the protocol wants refused with an exception (a
//! byte count that does not fit the quantity), lets a silent client keep its place, and accepts nobody
//! while a TLS handshake lasts. So each connection has a door before it: the door shakes hands, reads
//! every frame within its time, and hands on what is sound; what is not goes on as a refusal.

use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, copy, duplex, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request as Asked, Response};

use super::{CONNECTIONS_MAX, Device, Exception, Request, Rights, Served, Table, lost, pause, pdu};
use crate::faces::modbus::wire::{SILENCE_MAX, WRITE_MAX};

/// The function that carries a refusal from the door to the service: an exception and the function that
/// it refuses. A client's own request of this number is itself refused, as every unknown one.
const REFUSED: u8 = 0x41;
/// Bytes of the header before the unit.
const PREFIX: usize = 6;
/// The longest unit and request.
const BODY_MAX: usize = 254;
/// What is held between the door and the server in each direction.
const HELD_MAX: usize = 1024;

/// Accept connections, for ever.
pub(super) async fn accept(listener: TcpListener, device: &Device) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let server = Server::new(listener);
    let connected = |stream, _| {
        let place = Arc::clone(&places).try_acquire_owned().ok();
        let connection = place.map(|place| connect(device.clone(), stream, place));
        async { Ok(connection) }
    };
    loop {
        // Ends only when it cannot accept, and every connection with it.
        if let Err(error) = server.serve(&connected, |error| lost(Err(error))).await {
            pause(&error).await;
        }
    }
}

/// A connection's service, and the server's end of the way to its door.
fn connect(device: Device, stream: TcpStream, place: OwnedSemaphorePermit) -> (Client, DuplexStream) {
    let (near, far) = duplex(HELD_MAX);
    let client = Client { device, rights: Arc::default() };
    let door = door(client.clone(), stream, far);
    tokio::spawn(async move {
        lost(door.await);
        drop(place);
    });
    (client, near)
}

/// Let requests in and answers out, until either side ends.
async fn door(client: Client, stream: TcpStream, server: DuplexStream) -> io::Result<()> {
    let (stream, rights) = client.device.open(stream).await?;
    client.rights.get_or_init(|| rights);
    let (from_peer, mut to_peer) = split(stream);
    let (mut from_server, to_server) = split(server);
    tokio::select! {
        ended = requests(client.device.setup.unit, from_peer, to_server) => ended,
        ended = copy(&mut from_server, &mut to_peer) => ended.map(drop),
    }
}

/// Hand every request on, until the peer closes; what is not sound or for another unit as a refusal.
async fn requests(
    unit: u8,
    mut peer: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut header = [0; PREFIX];
    loop {
        match timeout(SILENCE_MAX, peer.read_exact(&mut header)).await? {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        };
        let [_, _, p0, p1, l0, l1] = header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // Another protocol or an impossible length: there is no way to find the next frame.
        if (p0, p1) != (0, 0) || !(2..=BODY_MAX).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        timeout(SILENCE_MAX, peer.read_exact(&mut body)).await??;
        let [asked, function, ..] = body[..] else { continue };
        // Behind an address there is no other unit.
        let sound = if asked == unit { pdu::decode(&body[1..]).map(drop) } else { Err(Exception::Target) };
        if let Err(exception) = sound {
            body = vec![asked, REFUSED, function, exception as u8];
            [header[4], header[5]] = [0, 4];
        }
        timeout(WRITE_MAX, server.write_all(&[&header[..], &body].concat())).await??;
    }
}

/// The device as one client of the server sees it.
#[derive(Clone)]
struct Client {
    device: Device,
    /// Known before the first request.
    rights: Arc<OnceLock<Rights>>,
}

impl tokio_modbus::server::Service for Client {
    type Request = Asked<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, asked: Asked<'static>) -> Self::Future {
        ready(self.answer(asked))
    }
}

impl Client {
    fn answer(&self, asked: Asked<'_>) -> Result<Response, ExceptionCode> {
        match asked {
            Asked::ReadCoils(first, count) => self.bits(Table::Coils, first, count).map(Response::ReadCoils),
            Asked::ReadDiscreteInputs(first, count) => {
                self.bits(Table::Discretes, first, count).map(Response::ReadDiscreteInputs)
            }
            Asked::ReadHoldingRegisters(first, count) => {
                self.read(Table::Holdings, first, count).map(Response::ReadHoldingRegisters)
            }
            Asked::ReadInputRegisters(first, count) => {
                self.read(Table::Inputs, first, count).map(Response::ReadInputRegisters)
            }
            Asked::WriteSingleCoil(coil, on) => {
                self.serve(&Request::WriteCoil(coil, on))?;
                Ok(Response::WriteSingleCoil(coil, on))
            }
            Asked::WriteSingleRegister(register, word) => {
                self.serve(&Request::WriteRegister(register, word))?;
                Ok(Response::WriteSingleRegister(register, word))
            }
            Asked::WriteMultipleRegisters(first, words) => {
                let count = u16::try_from(words.len()).map_err(|_| ExceptionCode::IllegalDataValue)?;
                self.serve(&Request::WriteRegisters(first, words.into_owned()))?;
                Ok(Response::WriteMultipleRegisters(first, count))
            }
            Asked::Custom(REFUSED, refusal) => match refusal[..] {
                [function, exception] => {
                    Ok(Response::Custom(function | 0x80, Bytes::copy_from_slice(&[exception])))
                }
                _ => Err(ExceptionCode::IllegalFunction),
            },
            _ => Err(ExceptionCode::IllegalFunction),
        }
    }

    fn read(&self, table: Table, first: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
        match self.serve(&Request::Read { table, first, count })? {
            Served::Values(values) => Ok(values),
            Served::Written => Err(ExceptionCode::ServerDeviceFailure),
        }
    }

    fn bits(&self, table: Table, first: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
        Ok(self.read(table, first, count)?.into_iter().map(|value| value != 0).collect())
    }

    fn serve(&self, request: &Request) -> Result<Served, ExceptionCode> {
        let rights = self.rights.get().copied().unwrap_or(Rights::None);
        self.device.serve_to(rights, request).map_err(|exception| match exception {
            Exception::Function => ExceptionCode::IllegalFunction,
            Exception::Address => ExceptionCode::IllegalDataAddress,
            Exception::Value => ExceptionCode::IllegalDataValue,
            Exception::Target => ExceptionCode::GatewayTargetDevice,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let ((near, far), (server, _held)) = (duplex(64), duplex(64));
        let ended = requests(1, far, server).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(near);
    }

    #[tokio::test]
    async fn another_protocol_ends_the_connection() {
        for header in [[0, 1, 0, 1, 0, 6], [0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 0xff, 0xff]] {
            let ((mut near, far), (server, _held)) = (duplex(64), duplex(64));
            near.write_all(&header).await.unwrap();
            let ended = requests(1, far, server).await;
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
