//! The adapter: the dialog of a site over a connection, every outgoing byte through the egress guard.

mod connection;
mod stream;
pub mod tls;
pub mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clearway_contract::actor::{self, Clock, Link, Surroundings};
use clearway_contract::{Answer, Ask, Site};
use clearway_egress::{AllowList, Framing, Numbers, Point, Rules, Writes};
use clearway_signals::Channel;
use tokio::task::JoinHandle;
use tokio_modbus::client::{rtu, tcp};
use tokio_modbus::{ExceptionCode, Slave};

use crate::dialog::{Dialog, Map};
use crate::exchange::Request;
use crate::points::profile::{Call, Profile};
use connection::{Connection, Reply};
use stream::Guarded;

pub use tls::{TlsClient, TlsError};
pub use transport::{LineParity, SerialLine, Transport};

pub use crate::pace::PACE;

/// How to speak to one controller.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The network between is closed: Modbus in clear may leave the machine. Modbus TCP knows no
    /// authentication, so that anybody there can write.
    pub accept_plaintext: bool,
    /// The way to it.
    pub transport: Transport,
    /// What it speaks.
    pub map: Map,
    /// The unit that it answers as; the map's when not given.
    pub unit: Option<u8>,
}

impl Options {
    fn unit(&self) -> u8 {
        self.unit.unwrap_or_else(|| self.map.unit())
    }
}

/// Start the adapter of one controller. It ends, with everything of ours released, when the
/// surroundings' shutdown is cancelled or their command channel is closed.
pub fn spawn(site: Site, options: Options, surroundings: Surroundings) -> JoinHandle<()> {
    let clock = Arc::clone(&surroundings.clock);
    let of_link = site.clone();
    let link = move || ModbusLink::new(of_link.clone(), options.clone(), Arc::clone(&clock));
    actor::spawn(site, PACE, link, surroundings)
}

/// What the egress guard lets out to a site: reads, and writes that call own rows.
#[must_use]
pub fn rules(site: &Site, options: &Options) -> Rules {
    let writes = match &options.map {
        Map::Clearway => Writes::Map(allow_list(site)),
        Map::Points { profile, .. } => Writes::Points(points(site, profile)),
    };
    Rules { framing: options.transport.framing(), unit: options.unit(), writes }
}

/// The rows that whole command frames of the register map may call.
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

/// The points that call own rows, and the heartbeat.
fn points(site: &Site, profile: &Profile) -> Vec<Point> {
    let own = site.own_rows();
    let rows = own.iter().filter_map(|row| site.rows.get(row.index()));
    let calls = rows.filter_map(|row| profile.row(row.channel, row.number)?.call);
    let called = calls.map(|call| match call {
        Call::Coil(address) => Point::Coil(address),
        Call::Register { address, on, off } => Point::Register { address, values: [on, off] },
    });
    called.chain(profile.heartbeat.map(Point::Heartbeat)).collect()
}

struct ModbusLink {
    dialog: Dialog,
    options: Options,
    rules: Arc<Rules>,
    clock: Clock,
    connection: Connection,
    wire_ns: Arc<AtomicU64>,
}

impl Link for ModbusLink {
    async fn perform(&mut self, ask: &Ask) -> Answer {
        let requests = self.dialog.requests(ask);
        let answer = match ask {
            Ask::Connect => self.connect().await,
            Ask::Gate | Ask::Status | Ask::Counts => self.read(ask, &requests).await,
            Ask::Write(_) => self.write(&requests).await,
        };
        if matches!(answer, Answer::Failed(_)) {
            self.connection.drop_it();
        }
        answer
    }
}

impl ModbusLink {
    fn new(site: Site, options: Options, clock: Clock) -> Self {
        Self {
            rules: Arc::new(rules(&site, &options)),
            dialog: Dialog::new(site, &options.map),
            options,
            clock,
            connection: Connection::none(),
            wire_ns: Arc::default(),
        }
    }

    async fn connect(&mut self) -> Answer {
        self.connection.drop_it();
        let Options { transport, accept_plaintext, .. } = &self.options;
        let wire = match transport.open(&self.dialog.site().address, *accept_plaintext).await {
            Ok(wire) => wire,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let rules = Arc::clone(&self.rules);
        let guarded = Guarded::new(wire, rules, Arc::clone(&self.clock), Arc::clone(&self.wire_ns));
        let unit = Slave(self.options.unit());
        let context = match transport.framing() {
            Framing::Tcp => tcp::attach_slave(guarded, unit),
            Framing::Rtu => rtu::attach_slave(guarded, unit),
        };
        self.connection = Connection::new(context, transport.timing());
        Answer::Connected
    }

    async fn read(&mut self, ask: &Ask, requests: &[Request]) -> Answer {
        let mut values = Vec::with_capacity(requests.len());
        for request in requests {
            match self.connection.request(request).await {
                Ok(Reply::Values(read)) => values.push(read),
                Ok(Reply::Done) => return Answer::Failed("an answer to another question".into()),
                Ok(Reply::Refused(_)) if request.may_be_missing() => values.push(Vec::new()),
                Ok(Reply::Refused(exception)) => {
                    return Answer::Failed(format!("the device answers {exception}"));
                }
                Err(reason) => return Answer::Failed(reason),
            }
        }
        self.dialog.answer(ask, &values)
    }

    async fn write(&mut self, requests: &[Request]) -> Answer {
        for request in requests {
            match self.connection.request(request).await {
                Ok(Reply::Done) => {}
                Ok(Reply::Values(_)) => return Answer::Failed("an answer to another question".into()),
                Ok(Reply::Refused(exception)) => return self.explain(exception).await,
                Err(reason) => return Answer::Failed(reason),
            }
        }
        Answer::Written(self.wire_ns.load(Ordering::Relaxed))
    }

    /// The device refused a write: its own reason, where it has a register for it.
    async fn explain(&mut self, exception: ExceptionCode) -> Answer {
        let inquiry = self.dialog.inquiry().filter(|_| exception == ExceptionCode::IllegalDataValue);
        let Some(inquiry) = inquiry else { return Answer::Refused(exception.to_string()) };
        match self.connection.request(&inquiry).await {
            Ok(Reply::Values(status)) => Answer::Refused(self.dialog.refusal(&status).into()),
            Ok(_) => Answer::Refused(exception.to_string()),
            Err(reason) => Answer::Failed(reason),
        }
    }
}

#[cfg(test)]
mod tests;
