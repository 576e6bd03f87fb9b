//! A session with one device, as the adapter needs it: reads and writes of named objects. The SNMP
//! library stands behind this and nowhere else.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_snmp::message::CommunityMessage;
use async_snmp::{
    Auth, Client, ClientBuilder, Error, ErrorStatus, Oid, RequestPdu, Retry, UdpTransport, UsmConfig,
    Value as Wire, VarBind, Version,
};
use clearway_contract::actor::Clock;
use clearway_egress::AllowList;

use super::credentials::Credentials;
use super::reply::{Asker, Reply};
use super::transport::{Guarded, Opener, Reading};
use crate::frame::{Data, Name, Value};

/// Error statuses (RFC 3416, 3): the answer would be too long; version 1: an object is not there.
const TOO_BIG: i32 = 1;
const NO_SUCH_NAME: i32 = 2;

/// Why an exchange came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// A version 1 device does not have the object at this index, from 0, and answers none of them.
    #[error("object {0} is not there")]
    Absent(usize),
    /// The device answered and refused.
    #[error("{0}")]
    Refused(String),
    /// No usable answer. What happened at the device is not known.
    #[error("{0}")]
    Failed(String),
}

/// A session. A device's answer counts only when it is about the objects that were asked for (X9).
pub(super) trait Session: Send + Sync + 'static {
    /// Read; `None` for an object that the device says it does not have.
    fn get(&self, names: &[Name]) -> impl Future<Output = Result<Vec<Option<Value>>, SessionError>> + Send;

    /// Write, all in one message.
    fn set(&self, bindings: &[(Name, Data)]) -> impl Future<Output = Result<(), SessionError>> + Send;
}

/// Opens sessions. Each one is new in every respect, above all in what it believes of the device's
/// engine: a version 3 session does not survive that the device changes its engine id, a new one does.
pub(super) trait Dial: Send + Sync + 'static {
    /// What it opens.
    type Session: Session;

    /// Open one, at most within the time that the caller waits.
    fn dial(&self) -> impl Future<Output = Result<Self::Session, String>> + Send;
}

/// Opens sessions over UDP, behind the egress guard.
pub(super) struct SnmpDial {
    /// `host:port`.
    pub(super) address: String,
    pub(super) credentials: Credentials,
    pub(super) accept_plaintext: bool,
    pub(super) names_max: usize,
    pub(super) answer_within: Duration,
    pub(super) allow: AllowList,
    pub(super) clock: Clock,
    /// When the last write left.
    pub(super) wire_ns: Arc<AtomicU64>,
}

impl Dial for SnmpDial {
    type Session = SnmpSession;

    async fn dial(&self) -> Result<SnmpSession, String> {
        let target = self.resolve().await?;
        if !target.ip().is_loopback() && !self.credentials.are_authenticated() && !self.accept_plaintext {
            return Err("messages in clear to another machine are not accepted by the configuration".into());
        }
        let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpTransport::bind(any).await.map_err(|error| error.to_string())?;
        let handle = socket.handle(target).map_err(|error| error.to_string())?.strict_source(true);
        let (auth, reading) = self.auth()?;
        let (clock, wire_ns) = (Arc::clone(&self.clock), Arc::clone(&self.wire_ns));
        let guarded = Guarded::new(handle, self.allow, reading, clock, wire_ns);
        let short = Asker::of(&self.credentials, self.answer_within).map(|asker| (asker, guarded.clone()));
        let client = ClientBuilder::new(auth)
            .request_timeout(self.answer_within)
            .retry(Retry::none())
            .max_oids_per_request(self.names_max)
            .build_with_transport(guarded);
        let client = client.map_err(|error| error.to_string())?;
        Ok(SnmpSession { client, short })
    }
}

impl SnmpDial {
    async fn resolve(&self) -> Result<SocketAddr, String> {
        let found = tokio::net::lookup_host(&self.address).await;
        let mut found = found.map_err(|error| error.to_string())?;
        found.next().ok_or_else(|| "the address leads nowhere".into())
    }

    fn auth(&self) -> Result<(Auth, Reading), String> {
        Ok(match &self.credentials {
            Credentials::V1(community) => (Auth::v1(community.clone()), Reading::Community),
            Credentials::V2c(community) => (Auth::v2c(community.clone()), Reading::Community),
            Credentials::V3(user) => {
                let usm = UsmConfig::new(user.name.clone()).with_master_keys(user.keys.clone());
                let usm = usm.map_err(|error| error.to_string())?;
                (usm.into(), Reading::User(Arc::new(Opener::new(user.keys.clone()))))
            }
        })
    }
}

/// A session of the SNMP library.
pub(super) struct SnmpSession {
    client: Client<Guarded>,
    /// In version 1 and 2c: the shorter way to read.
    short: Option<(Asker, Guarded)>,
}

impl Session for SnmpSession {
    async fn get(&self, names: &[Name]) -> Result<Vec<Option<Value>>, SessionError> {
        let reply = match &self.short {
            Some((asker, way)) => asker.ask(way, names).await.map_err(SessionError::Failed)?,
            None => Reply::Error(TOO_BIG, 0),
        };
        match reply {
            Reply::Values(values) => return Ok(values),
            // The client asks for less at once.
            Reply::Error(TOO_BIG, _) => {}
            Reply::Error(NO_SUCH_NAME, index) => {
                let index = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
                return Err(match index.filter(|index| *index < names.len()) {
                    Some(index) => SessionError::Absent(index),
                    None => SessionError::Failed("the device lacks an object and does not say which".into()),
                });
            }
            Reply::Error(status, _) => {
                return Err(SessionError::Failed(ErrorStatus::from_i32(status).to_string()));
            }
        }
        let oids: Vec<Oid> = names.iter().map(|name| Oid::from_slice(name.arcs())).collect();
        let response = self.client.get_many(&oids).await.map_err(|error| read_error(&error, names.len()))?;
        values_of(response.varbinds, names)
            .ok_or_else(|| SessionError::Failed("the answer is about other objects".into()))
    }

    async fn set(&self, bindings: &[(Name, Data)]) -> Result<(), SessionError> {
        let bindings: Vec<(Oid, Wire)> = bindings.iter().map(encode).collect();
        match self.client.set_many(&bindings).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match status_of(&error) {
                Some((status, _)) => SessionError::Refused(status.to_string()),
                None => SessionError::Failed(error.to_string()),
            }),
        }
    }
}

fn encode((name, data): &(Name, Data)) -> (Oid, Wire) {
    let value = match data {
        Data::Integer(number) => Wire::Integer(*number),
        Data::Octets(octets) => Wire::OctetString(octets.clone().into()),
    };
    (Oid::from_slice(name.arcs()), value)
}

pub(super) fn write_request(
    community: &str,
    request_id: i32,
    bindings: &[(Name, Data)],
) -> Option<bytes::Bytes> {
    let bound = bindings.iter().map(encode).map(|(oid, value)| VarBind::new(oid, value)).collect();
    let pdu = RequestPdu::set(Version::V1, request_id, bound).ok()?;
    CommunityMessage::v1(community, pdu).ok()?.encode().ok()
}

/// The values, when the answer is about exactly these names in this order (X9).
fn values_of(varbinds: Vec<VarBind>, names: &[Name]) -> Option<Vec<Option<Value>>> {
    let asked = names.iter().map(Name::arcs);
    let same = varbinds.iter().map(|varbind| varbind.oid.arcs()).eq(asked);
    same.then(|| varbinds.into_iter().map(|varbind| decode(varbind.value)).collect())
}

fn read_error(error: &Error, count: usize) -> SessionError {
    let index = match status_of(error) {
        Some((ErrorStatus::NoSuchName, index)) => usize::try_from(index).ok().and_then(|i| i.checked_sub(1)),
        _ => None,
    };
    match index.filter(|index| *index < count) {
        Some(index) => SessionError::Absent(index),
        None => SessionError::Failed(error.to_string()),
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

pub(super) fn decode(value: Wire) -> Option<Value> {
    Some(match value {
        Wire::NoSuchObject | Wire::NoSuchInstance | Wire::EndOfMibView => return None,
        Wire::Integer(number) => Value::Integer(number.into()),
        Wire::Counter32(number)
        | Wire::Gauge32(number)
        | Wire::UInteger32(number)
        | Wire::TimeTicks(number) => Value::Integer(number.into()),
        Wire::OctetString(octets) => Value::Octets(octets.to_vec()),
        Wire::ObjectIdentifier(oid) => {
            Name::new(oid.arcs()).map_or(Value::Other, |name| Value::Name(Box::new(name)))
        }
        _ => Value::Other,
    })
}
