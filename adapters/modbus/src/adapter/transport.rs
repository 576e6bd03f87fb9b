//! Ways to a device.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clearway_egress::Framing;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_serial::{ClearBuffer, DataBits, FlowControl, Parity, SerialPort, SerialPortBuilderExt, StopBits};

use super::connection::Timing;
use super::stream::Wire;
use super::tls::TlsClient;

/// A request that is not answered within this time, the line's own time aside, spoils the connection.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(150);
/// Resolving the address and connecting.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// The TLS handshake after that.
const HANDSHAKE_WITHIN: Duration = Duration::from_millis(1_500);
/// Bits of one byte on a serial line: start, eight, parity, stop.
const BITS: u32 = 11;
/// Above this rate the silence between frames no longer shrinks (MODBUS over Serial Line 2.5.1.1).
const FIXED_SILENCE_BAUD: u32 = 19_200;
const FIXED_SILENCE: Duration = Duration::from_micros(1_750);

/// How to reach a device.
#[derive(Clone, Debug, Default)]
pub enum Transport {
    /// Modbus TCP; in clear.
    #[default]
    Tcp,
    /// Serial frames over TCP, through a terminal server; in clear.
    RtuTcp,
    /// A serial line; the site's address is the device file.
    Rtu(SerialLine),
    /// Modbus/TCP Security.
    Tls(TlsClient),
}

/// How a serial line is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SerialLine {
    /// Bits a second, 1 200 to 115 200.
    pub baud: u32,
    /// Parity.
    pub parity: LineParity,
    /// One or two; two only without parity.
    pub two_stop_bits: bool,
}

impl Default for SerialLine {
    /// What the standard asks of every device: 19 200 baud, even parity.
    fn default() -> Self {
        Self { baud: 19_200, parity: LineParity::Even, two_stop_bits: false }
    }
}

/// Parity of a serial line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LineParity {
    /// Even.
    #[default]
    Even,
    /// Odd.
    Odd,
    /// None.
    None,
}

impl Transport {
    /// The form of the frames.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Tcp | Self::Tls(_) => Framing::Tcp,
            Self::RtuTcp | Self::Rtu(_) => Framing::Rtu,
        }
    }

    /// Whether anybody on the way could read and write.
    #[must_use]
    pub const fn is_plaintext(&self) -> bool {
        matches!(self, Self::Tcp | Self::RtuTcp)
    }

    pub(super) fn timing(&self) -> Timing {
        match self {
            Self::Rtu(line) => line.timing(),
            _ => Timing { device: ANSWER_WITHIN, ..Timing::default() },
        }
    }

    /// Open a wire. Ends within two seconds.
    pub(super) async fn open(&self, address: &str, accept_plaintext: bool) -> io::Result<Box<dyn Wire>> {
        match self {
            Self::Rtu(line) => line.open(address),
            Self::Tcp | Self::RtuTcp => {
                let target = within(CONNECT_WITHIN, resolve(address)).await?;
                if !target.ip().is_loopback() && !accept_plaintext {
                    return Err(io::Error::other(
                        "Modbus in clear to another machine is not accepted by the configuration",
                    ));
                }
                Ok(Box::new(within(CONNECT_WITHIN, connect(target)).await?))
            }
            Self::Tls(client) => {
                let target = within(CONNECT_WITHIN, resolve(address)).await?;
                let stream = within(CONNECT_WITHIN, connect(target)).await?;
                let handshake = TlsConnector::from(client.config()).connect(client.server(), stream);
                Ok(Box::new(within(HANDSHAKE_WITHIN, handshake).await?))
            }
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
    timeout(limit, work).await.map_err(late)?
}

async fn resolve(address: &str) -> io::Result<SocketAddr> {
    let found = tokio::net::lookup_host(address).await?.next();
    found.ok_or_else(|| io::Error::other("the address leads nowhere"))
}

async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl SerialLine {
    fn open(&self, path: &str) -> io::Result<Box<dyn Wire>> {
        let parity = match self.parity {
            LineParity::Even => Parity::Even,
            LineParity::Odd => Parity::Odd,
            LineParity::None => Parity::None,
        };
        let port = tokio_serial::new(path, self.baud)
            .data_bits(DataBits::Eight)
            .flow_control(FlowControl::None)
            .parity(parity)
            .stop_bits(if self.two_stop_bits { StopBits::Two } else { StopBits::One })
            .open_native_async()?;
        // What came for whoever had the line before us.
        port.clear(ClearBuffer::All)?;
        Ok(Box::new(port))
    }

    fn timing(&self) -> Timing {
        let byte = Duration::from_secs(1) * BITS / self.baud.max(1);
        let silence = if self.baud > FIXED_SILENCE_BAUD { FIXED_SILENCE } else { byte * 7 / 2 };
        Timing { device: ANSWER_WITHIN, byte, silence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_is_given_its_own_time() {
        let slow = SerialLine { baud: 9_600, ..SerialLine::default() }.timing();
        assert_eq!(slow.byte.as_micros(), 1_145);
        assert_eq!(slow.silence.as_micros(), 4_010, "3.5 characters");
        let fast = SerialLine { baud: 115_200, ..SerialLine::default() }.timing();
        assert_eq!(fast.silence, FIXED_SILENCE);
    }
}
