//! The adapter: the exchange over UDP, every outgoing message through the egress guard.

mod transport;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_snmp::{Auth, Client, ClientBuilder, Error, ErrorStatus, Oid, Retry, UdpTransport, Value as Wire};
use clearway_contract::actor::{self, Clock, Link, Surroundings};
use clearway_contract::{Answer, Ask, Pace, Site};
use clearway_egress::{AllowList, Numbers};
use clearway_signals::{Channel, Millis};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::exchange::{Exchange, Request, Values};
use crate::frame::{Name, Value};
use crate::profile::Profile;
use transport::Guarded;

/// A message that is not answered within this time is lost. It is never repeated by itself: the
/// keeper reads, and writes again only what is still wanted.
const ANSWER_WITHIN: Duration = Duration::from_millis(150);
/// Resolving the address and opening the socket.
const CONNECT_WITHIN: Duration = Duration::from_millis(500);
/// The community that everybody knows: it is good for reading at most.
const PUBLIC: &str = "public";

/// The tempo: 5 readings a second while a row of ours is asserted, else 2; detectors each second.
pub const PACE: Pace = Pace {
    status_idle: Millis(500),
    status_active: Millis(200),
    counts: Millis(1_000),
    failures_max: 3,
    answer_max: Millis(5_000),
    time_to_live: Millis::NEVER,
};

/// The message version.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Snmp {
    /// Version 1, which every controller speaks.
    #[default]
    V1,
    /// Version 2c.
    V2c,
}

/// How to speak to one controller.
#[derive(Clone)]
pub struct Options {
    /// The message version.
    pub snmp: Snmp,
    /// The community. It is a secret: it stands in no log and in no debug output.
    pub community: String,
    /// The controller's quirks.
    pub profile: Profile,
    /// The network between is closed: messages in clear may leave the machine.
    pub accept_plaintext: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            snmp: Snmp::V1,
            community: "administrator".into(),
            profile: Profile::STANDARD,
            accept_plaintext: false,
        }
    }
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Options")
            .field("snmp", &self.snmp)
            .field("profile", &self.profile)
            .field("accept_plaintext", &self.accept_plaintext)
            .finish_non_exhaustive()
    }
}

/// Start the adapter of one controller. It ends, with everything of ours released, when the
/// surroundings' shutdown is cancelled or their command channel is closed.
pub fn spawn(site: Site, options: Options, surroundings: Surroundings) -> JoinHandle<()> {
    let clock = Arc::clone(&surroundings.clock);
    let of_link = site.clone();
    let link = move || SnmpLink::new(of_link.clone(), options.clone(), Arc::clone(&clock));
    actor::spawn(site, PACE, link, surroundings)
}

/// What the egress guard lets out to a site: reads, and calls of own preempt rows.
#[must_use]
pub fn allow_list(site: &Site) -> AllowList {
    let own = site.own_rows();
    let rows = own.iter().filter_map(|row| site.rows.get(row.index()));
    let preempt_rows = rows.filter(|row| row.channel == Channel::Preempt).map(|row| row.number);
    AllowList { preempt_rows: preempt_rows.collect::<Numbers>(), ..AllowList::default() }
}

struct SnmpLink {
    exchange: Exchange,
    options: Options,
    clock: Clock,
    client: Option<Client<Guarded>>,
    wire_ns: Arc<AtomicU64>,
}

impl Link for SnmpLink {
    async fn perform(&mut self, ask: &Ask) -> Answer {
        let requests = self.exchange.requests(ask);
        match ask {
            Ask::Connect => self.connect().await,
            Ask::Gate | Ask::Status | Ask::Counts => self.read(ask, requests).await,
            Ask::Write(_) => self.write(requests).await,
        }
    }
}

impl SnmpLink {
    fn new(site: Site, options: Options, clock: Clock) -> Self {
        let exchange = Exchange::new(site, options.profile);
        Self { exchange, options, clock, client: None, wire_ns: Arc::default() }
    }

    async fn connect(&mut self) -> Answer {
        self.client = None;
        match timeout(CONNECT_WITHIN, self.open()).await {
            Ok(Ok(client)) => {
                self.client = Some(client);
                Answer::Connected
            }
            Ok(Err(reason)) => Answer::Failed(reason),
            Err(_) => Answer::Failed("no socket in time".into()),
        }
    }

    async fn open(&self) -> Result<Client<Guarded>, String> {
        let target = self.resolve().await?;
        if !target.ip().is_loopback() && !self.options.accept_plaintext {
            return Err("messages in clear to another machine are not accepted by the configuration".into());
        }
        let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpTransport::bind(any).await.map_err(|error| error.to_string())?;
        let handle = socket.handle(target).map_err(|error| error.to_string())?.strict_source(true);
        let allow = allow_list(self.exchange.site());
        let guarded = Guarded::new(handle, allow, Arc::clone(&self.clock), Arc::clone(&self.wire_ns));
        let auth = match self.options.snmp {
            Snmp::V1 => Auth::v1(self.options.community.as_str()),
            Snmp::V2c => Auth::v2c(self.options.community.as_str()),
        };
        ClientBuilder::new(auth)
            .request_timeout(ANSWER_WITHIN)
            .retry(Retry::none())
            .max_oids_per_request(self.options.profile.names_max)
            .build_with_transport(guarded)
            .map_err(|error| error.to_string())
    }

    async fn resolve(&self) -> Result<SocketAddr, String> {
        let address = &self.exchange.site().address;
        let with_port = if address.contains(':') {
            address.clone()
        } else {
            format!("{address}:{}", self.options.profile.port)
        };
        let mut found = tokio::net::lookup_host(with_port).await.map_err(|error| error.to_string())?;
        found.next().ok_or_else(|| "the address leads nowhere".into())
    }

    async fn read(&mut self, ask: &Ask, requests: Vec<Request>) -> Answer {
        let mut values = Values::new();
        for request in requests {
            let Request::Get(names) = request else { continue };
            if let Err(reason) = self.get(names, &mut values).await {
                return Answer::Failed(reason);
            }
        }
        self.exchange.answer(ask, &values)
    }

    /// Read instances. Version 1 answers nothing at all when one of them does not exist: that one
    /// is noted as absent and the others are asked for again, each time with one less.
    async fn get(&mut self, mut names: Vec<Name>, values: &mut Values) -> Result<(), String> {
        let client = self.client.as_ref().ok_or("not connected")?;
        while !names.is_empty() {
            let oids: Vec<Oid> = names.iter().map(|name| Oid::from_slice(&name.0)).collect();
            let response = match client.get_many(&oids).await {
                Ok(response) => response,
                Err(error) => match absent_index(&error).filter(|index| *index < names.len()) {
                    Some(index) => {
                        self.exchange.mark_absent(names.remove(index));
                        continue;
                    }
                    None => return Err(error.to_string()),
                },
            };
            for varbind in response.varbinds {
                let name = Name(varbind.oid.arcs().to_vec());
                match varbind.value {
                    Wire::NoSuchObject | Wire::NoSuchInstance | Wire::EndOfMibView => {
                        self.exchange.mark_absent(name);
                    }
                    value => drop(values.insert(name, decode(value))),
                }
            }
            return Ok(());
        }
        Ok(())
    }

    async fn write(&mut self, requests: Vec<Request>) -> Answer {
        if self.options.community == PUBLIC {
            return Answer::Refused("the community is the public one: nothing is written with it".into());
        }
        let Some(Request::Set(bindings)) = requests.into_iter().next() else {
            return Answer::Refused("NTCIP carries no such request here".into());
        };
        let Some(client) = &self.client else { return Answer::Failed("not connected".into()) };
        let bindings: Vec<(Oid, Wire)> = bindings
            .into_iter()
            .map(|(name, value)| (Oid::from_slice(&name.0), Wire::Integer(value)))
            .collect();
        match client.set_many(&bindings).await {
            Ok(_) => Answer::Written(self.wire_ns.load(Ordering::Relaxed)),
            Err(error) => match status_of(&error) {
                Some((status, _)) => Answer::Refused(status.to_string()),
                None => Answer::Failed(error.to_string()),
            },
        }
    }
}

/// The error status that the device answered with, and the index of the object.
fn status_of(error: &Error) -> Option<(ErrorStatus, u32)> {
    match error {
        Error::Snmp { status, index, .. } => Some((*status, *index)),
        Error::Exchange { source, .. } => status_of(source),
        Error::SharedOperation { source } => status_of(source),
        _ => None,
    }
}

/// The index, from 0, of the object that a version 1 device does not have.
fn absent_index(error: &Error) -> Option<usize> {
    match status_of(error)? {
        (ErrorStatus::NoSuchName, index) => usize::try_from(index).ok()?.checked_sub(1),
        _ => None,
    }
}

fn decode(value: Wire) -> Value {
    match value {
        Wire::Integer(number) => Value::Integer(number.into()),
        Wire::Counter32(number)
        | Wire::Gauge32(number)
        | Wire::UInteger32(number)
        | Wire::TimeTicks(number) => Value::Integer(number.into()),
        Wire::OctetString(octets) => Value::Octets(octets.to_vec()),
        _ => Value::Other,
    }
}

#[cfg(test)]
mod tests;
