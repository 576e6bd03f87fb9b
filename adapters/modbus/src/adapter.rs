//! The adapter: the exchange over Modbus TCP, every outgoing byte through the egress guard.
//!
//! After any timeout or protocol error the connection is dropped: an answer that comes late would
//! be taken for the answer to the next request, for ever, while the write it belongs to was done.

mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clearway_contract::actor::{self, Clock, Link, Surroundings};
use clearway_contract::{Answer, Ask, Pace, Site};
use clearway_egress::{AllowList, Numbers};
use clearway_signals::{Channel, Millis};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_modbus::client::tcp::attach_slave;
use tokio_modbus::client::{Context, Reader, Writer};
use tokio_modbus::{ExceptionCode, Slave};

use crate::exchange::{Exchange, Request};
use crate::frame::{STATUS, Span, UNIT};
use stream::Guarded;

/// A request that is not answered within this time spoils the connection.
const ANSWER_WITHIN: Duration = Duration::from_millis(150);
/// Resolving the address and connecting.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

/// The tempo: as NTCIP's, but one failure ends the connection, and each write lives five seconds.
pub const PACE: Pace = Pace {
    status_idle: Millis(500),
    status_active: Millis(200),
    counts: Millis(1_000),
    failures_max: 1,
    answer_max: Millis(5_000),
    time_to_live: Millis(5_000),
};

/// How to speak to one controller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The network between is closed: Modbus in clear may leave the machine. Modbus TCP knows no
    /// authentication, so that anybody there can write.
    pub accept_plaintext: bool,
}

/// Start the adapter of one controller. It ends, with everything of ours released, when the
/// surroundings' shutdown is cancelled or their command channel is closed.
pub fn spawn(site: Site, options: Options, surroundings: Surroundings) -> JoinHandle<()> {
    let clock = Arc::clone(&surroundings.clock);
    let of_link = site.clone();
    let link = move || TcpLink::new(of_link.clone(), options, Arc::clone(&clock));
    actor::spawn(site, PACE, link, surroundings)
}

/// What the egress guard lets out to a site: reads, and whole frames that call own rows.
#[must_use]
pub fn allow_list(site: &Site) -> AllowList {
    let numbers = |channel: Channel| {
        let rows = site.own_rows();
        let own = rows.iter().filter_map(|row| site.rows.get(row.index()).copied());
        own.filter(|row| row.channel == channel).map(|row| row.number).collect::<Numbers>()
    };
    AllowList {
        preempt_rows: numbers(Channel::Preempt),
        priority_rows: numbers(Channel::Priority),
        time_to_live_max_ds: u16::try_from(PACE.time_to_live.0 / 100).unwrap_or(u16::MAX),
    }
}

struct TcpLink {
    exchange: Exchange,
    options: Options,
    clock: Clock,
    connection: Option<Context>,
    wire_ns: Arc<AtomicU64>,
}

impl Link for TcpLink {
    async fn perform(&mut self, ask: &Ask) -> Answer {
        let requests = self.exchange.requests(ask);
        let answer = match ask {
            Ask::Connect => self.connect().await,
            Ask::Gate | Ask::Status | Ask::Counts => self.read(ask, &requests).await,
            Ask::Write(_) => self.write(&requests).await,
        };
        if matches!(answer, Answer::Failed(_)) {
            self.connection = None;
        }
        answer
    }
}

impl TcpLink {
    fn new(site: Site, options: Options, clock: Clock) -> Self {
        Self { exchange: Exchange::new(site), options, clock, connection: None, wire_ns: Arc::default() }
    }

    async fn connect(&mut self) -> Answer {
        self.connection = None;
        match timeout(CONNECT_WITHIN, self.open()).await {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                Answer::Connected
            }
            Ok(Err(error)) => Answer::Failed(error.to_string()),
            Err(_) => Answer::Failed("no connection in time".into()),
        }
    }

    async fn open(&mut self) -> io::Result<Context> {
        let address = &self.exchange.site().address;
        let target: SocketAddr = tokio::net::lookup_host(address)
            .await?
            .next()
            .ok_or_else(|| io::Error::other("the address leads nowhere"))?;
        if !target.ip().is_loopback() && !self.options.accept_plaintext {
            return Err(io::Error::other(
                "Modbus in clear to another machine is not accepted by the configuration",
            ));
        }
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        let allow = allow_list(self.exchange.site());
        let guarded = Guarded::new(stream, allow, Arc::clone(&self.clock), Arc::clone(&self.wire_ns));
        Ok(attach_slave(guarded, Slave(UNIT)))
    }

    async fn read(&mut self, ask: &Ask, requests: &[Request]) -> Answer {
        let mut registers = Vec::with_capacity(requests.len());
        for request in requests {
            let Request::Read(span) = request else { continue };
            match self.read_span(*span).await {
                Ok(words) => registers.push(words),
                Err(reason) => return Answer::Failed(reason),
            }
        }
        self.exchange.answer(ask, &registers)
    }

    async fn read_span(&mut self, span: Span) -> Result<Vec<u16>, String> {
        let connection = self.connection.as_mut().ok_or("not connected")?;
        match timeout(ANSWER_WITHIN, connection.read_input_registers(span.first, span.count)).await {
            Ok(Ok(Ok(words))) => Ok(words),
            Ok(Ok(Err(exception))) => Err(format!("the device answers {exception}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no answer in time".into()),
        }
    }

    async fn write(&mut self, requests: &[Request]) -> Answer {
        let (Some(connection), Some(Request::Write(frame))) = (&mut self.connection, requests.first()) else {
            return Answer::Failed("not connected".into());
        };
        match timeout(ANSWER_WITHIN, connection.write_multiple_registers(0, frame)).await {
            Ok(Ok(Ok(()))) => Answer::Written(self.wire_ns.load(Ordering::Relaxed)),
            Ok(Ok(Err(ExceptionCode::IllegalDataValue))) => match self.read_span(STATUS).await {
                Ok(status) => Answer::Refused(self.exchange.refusal(&status).into()),
                Err(reason) => Answer::Failed(reason),
            },
            Ok(Ok(Err(exception))) => Answer::Refused(exception.to_string()),
            Ok(Err(error)) => Answer::Failed(error.to_string()),
            Err(_) => Answer::Failed("no answer in time".into()),
        }
    }
}

#[cfg(test)]
mod tests;
