//! The adapter: the exchange over UDP, every outgoing message through the egress guard.

pub mod credentials;
mod reply;
mod session;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clearway_contract::actor::{self, Clock, Link, Surroundings};
use clearway_contract::{Answer, Ask, Site};
use clearway_egress::{AllowList, Numbers};
use clearway_signals::{Channel, ControllerId};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::commissioning::Commissioned;
use crate::exchange::{Exchange, Request};
use crate::facts::Facts;
use crate::frame::{Data, Name, Value};
use crate::outputs::Output;
use crate::profile::Profile;
use crate::values::Values;
pub use credentials::{Authentication, CredentialError, Credentials, Privacy, User};
use session::{Dial, Session, SessionError, SnmpDial};

/// Resolving the address and opening the socket.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

pub use crate::pace::PACE;

/// Takes what a controller says of itself; must not block.
pub type FactsSink = Arc<dyn Fn(ControllerId, &Facts) + Send + Sync>;

/// How to speak to one controller.
#[derive(Clone, Default)]
pub struct Options {
    /// Version and secrets.
    pub credentials: Credentials,
    /// The controller's quirks.
    pub profile: Profile,
    /// Where each group is shown, by `GroupId`; a phase where nothing is said.
    pub outputs: Vec<Output>,
    /// What the controller was at commissioning.
    pub commissioned: Option<Commissioned>,
    /// The network between is closed: messages in clear may leave the machine.
    pub accept_plaintext: bool,
    /// Takes identity, coordination and clock when they were read.
    pub facts: Option<FactsSink>,
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Options")
            .field("credentials", &self.credentials)
            .field("profile", &self.profile)
            .field("commissioned", &self.commissioned)
            .field("accept_plaintext", &self.accept_plaintext)
            .finish_non_exhaustive()
    }
}

/// Start the adapter of one controller. It ends, with everything of ours released, when the
/// surroundings' shutdown is cancelled or their command channel is closed.
pub fn spawn(site: Site, options: Options, surroundings: Surroundings) -> JoinHandle<()> {
    let clock = Arc::clone(&surroundings.clock);
    let of_link = site.clone();
    let link = move || snmp_link(of_link.clone(), options.clone(), Arc::clone(&clock));
    actor::spawn(site, PACE, link, surroundings)
}

/// What the egress guard lets out to a site: reads, calls of own preempt rows, priority requests of
/// own priority rows.
#[must_use]
pub fn allow_list(site: &Site) -> AllowList {
    let own = site.own_rows();
    let numbers = |channel: Channel| {
        let rows = own.iter().filter_map(|row| site.rows.get(row.index()));
        rows.filter(|row| row.channel == channel).map(|row| row.number).collect::<Numbers>()
    };
    AllowList {
        preempt_rows: numbers(Channel::Preempt),
        priority_rows: numbers(Channel::Priority),
        ..AllowList::default()
    }
}

/// The link of one controller over SNMP, without the task that drives it: for measurements and
/// tests of the library behind it.
#[must_use]
pub fn snmp_link(site: Site, options: Options, clock: Clock) -> impl Link {
    let wire_ns = Arc::new(AtomicU64::new(0));
    let dial = SnmpDial {
        address: with_port(&site.address, options.profile.port),
        credentials: options.credentials.clone(),
        accept_plaintext: options.accept_plaintext,
        names_max: options.profile.names_max,
        answer_within: Duration::from_millis(options.profile.answer_ms.into()),
        allow: allow_list(&site),
        clock,
        wire_ns: Arc::clone(&wire_ns),
    };
    NtcipLink::new(site, options, dial, wire_ns)
}

/// The datagram that reads `names` in version 1 or 2c, as a session makes it; `None` for version 3 and
/// for what a message cannot carry. Benchmarks and fuzzing come here directly.
#[must_use]
pub fn read_request(credentials: &Credentials, request_id: i32, names: &[Name]) -> Option<bytes::Bytes> {
    reply::Asker::of(credentials, Duration::ZERO)?.request(request_id, names)
}

/// Read a response of version 1 or 2c to a request, as a session does: the values of the objects that
/// were asked for, `None` for one that is not there. `None` when it is no such response (X9).
///
/// Benchmarks and fuzzing come here directly.
#[must_use]
pub fn read_response(datagram: bytes::Bytes, request: bytes::Bytes) -> Option<Vec<Option<Value>>> {
    match reply::read(datagram, request)? {
        reply::Reply::Values(values) => Some(values),
        reply::Reply::Error(..) => None,
    }
}

/// The datagram of a write in version 1, as a session's library makes it; `None` for what it cannot carry.
///
/// A session's writes pass the egress guard; what is made here goes nowhere. Benchmarks come here directly.
#[must_use]
pub fn write_request(community: &str, request_id: i32, bindings: &[(Name, Data)]) -> Option<bytes::Bytes> {
    session::write_request(community, request_id, bindings)
}

/// The profile's port, where the address names none. An IPv6 address with a port is in brackets.
fn with_port(address: &str, port: u16) -> String {
    let host_only = address.parse::<std::net::Ipv6Addr>().is_ok();
    match address.rsplit_once(':') {
        _ if host_only => format!("[{address}]:{port}"),
        Some((_, digits)) if digits.parse::<u16>().is_ok() => address.to_owned(),
        _ => format!("{address}:{port}"),
    }
}

struct NtcipLink<D: Dial> {
    exchange: Exchange,
    options: Options,
    dial: D,
    session: Option<D::Session>,
    wire_ns: Arc<AtomicU64>,
}

impl<D: Dial> Link for NtcipLink<D> {
    async fn perform(&mut self, ask: &Ask) -> Answer {
        if let Ok(since) = SystemTime::now().duration_since(UNIX_EPOCH) {
            self.exchange.set_wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        }
        let requests = self.exchange.requests(ask);
        match ask {
            Ask::Connect => self.connect().await,
            Ask::Gate | Ask::Status | Ask::Counts => {
                let answer = self.read(ask, requests).await;
                self.tell_facts(ask);
                answer
            }
            Ask::Write(_) => self.write(requests).await,
        }
    }
}

impl<D: Dial> NtcipLink<D> {
    fn new(site: Site, options: Options, dial: D, wire_ns: Arc<AtomicU64>) -> Self {
        let exchange = Exchange::bound(site, options.profile.clone(), &options.outputs);
        let exchange = exchange.with_commissioned(options.commissioned.clone());
        let exchange = match options.credentials.status_names_max() {
            Some(most) => exchange.with_status_names(most),
            None => exchange,
        };
        Self { exchange, options, dial, session: None, wire_ns }
    }

    async fn connect(&mut self) -> Answer {
        self.session = None;
        match timeout(CONNECT_WITHIN, self.dial.dial()).await {
            Ok(Ok(session)) => {
                self.session = Some(session);
                Answer::Connected
            }
            Ok(Err(reason)) => Answer::Failed(reason),
            Err(_) => Answer::Failed("no socket in time".into()),
        }
    }

    fn tell_facts(&self, ask: &Ask) {
        if let (Some(sink), Ask::Gate | Ask::Counts) = (&self.options.facts, ask) {
            sink(self.exchange.site().controller, self.exchange.facts());
        }
    }

    async fn read(&mut self, ask: &Ask, requests: Vec<Request>) -> Answer {
        let mut values = Values::new();
        for request in requests {
            let read = match request {
                Request::Get(names) => self.get(names, &mut values).await,
                Request::Select { control, selector, buffer } => {
                    self.select((control, Data::Octets(selector)), buffer, &mut values).await
                }
                // No ask that reads makes a write.
                Request::Set(_) => continue,
            };
            if let Err(reason) = read {
                return Answer::Failed(reason);
            }
        }
        self.exchange.answer(ask, &values)
    }

    /// Read instances. Version 1 answers nothing at all when one of them does not exist: that one
    /// is noted as absent and the others are asked for again, each time with one less.
    async fn get(&mut self, mut names: Vec<Name>, values: &mut Values) -> Result<(), String> {
        let session = self.session.as_ref().ok_or("not connected")?;
        while !names.is_empty() {
            match session.get(&names).await {
                Ok(read) => {
                    for (name, value) in names.into_iter().zip(read) {
                        match value {
                            Some(value) => values.insert(name, value),
                            None => self.exchange.mark_absent(name),
                        }
                    }
                    return Ok(());
                }
                Err(SessionError::Absent(index)) if index < names.len() => {
                    self.exchange.mark_absent(names.remove(index));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// Select, then read the buffer. A device that refuses the selector knows nothing of it.
    async fn select(&self, selector: (Name, Data), buffer: Name, values: &mut Values) -> Result<(), String> {
        let session = self.session.as_ref().ok_or("not connected")?;
        let read = match self.options.credentials.forbid_writing() {
            Some(_) => None,
            None => match session.set(&[selector]).await {
                Ok(()) => match session.get(&[buffer]).await {
                    Ok(read) => read.into_iter().next().flatten(),
                    Err(SessionError::Absent(_)) => None,
                    Err(error) => return Err(error.to_string()),
                },
                Err(SessionError::Refused(_)) => None,
                Err(error) => return Err(error.to_string()),
            },
        };
        values.insert(buffer, read.unwrap_or(Value::Other));
        Ok(())
    }

    /// Write message by message; the first that is not accepted ends it. What was accepted before
    /// shows in the reading that follows every write.
    async fn write(&mut self, requests: Vec<Request>) -> Answer {
        if let Some(reason) = self.options.credentials.forbid_writing() {
            return Answer::Refused(reason.into());
        }
        if requests.is_empty() {
            return Answer::Refused("NTCIP carries no such request here".into());
        }
        let Some(session) = &self.session else { return Answer::Failed("not connected".into()) };
        for request in requests {
            let Request::Set(bindings) = request else { continue };
            match session.set(&bindings).await {
                Ok(()) => {}
                Err(SessionError::Refused(reason)) => return Answer::Refused(reason),
                Err(error) => return Answer::Failed(error.to_string()),
            }
        }
        Answer::Written(self.wire_ns.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
