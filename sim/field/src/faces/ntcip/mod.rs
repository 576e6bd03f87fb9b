//! The NTCIP face: an SNMP v1 and v2c agent over UDP.
//!
//! Everything is read-only but `preemptControlState`, and that for every preempt number: a real unit does
//! not know whose row is whose. A wrong community is met with silence.

pub mod objects;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_snmp::agent::Agent;
use async_snmp::handler::{
    BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, PreparedSet, RequestContext,
    SetCommitError, SetCommitResult, SetTestError, SetTestResult, SetUndoError, SetUndoResult,
};
use async_snmp::{Oid, Value, VarBind};
use clearway_signals::{Millis, RowId};
use tokio_util::sync::CancellationToken;

use super::Shared;
use objects::{DEVICES, Object, Reading, SYSTEM, instances, preempt_row, read};

/// Requests in work at a time; more wait in the socket.
const REQUESTS_MAX: usize = 64;
/// A request is given up after this time.
const REQUEST_DEADLINE: Duration = Duration::from_secs(1);

/// Bind an agent for a station; it serves when it is run.
///
/// # Errors
/// What the SNMP library says: the address cannot be bound.
pub(crate) async fn bind(
    address: SocketAddr,
    community: &str,
    station: Shared,
    stop: CancellationToken,
) -> Result<Agent, Box<async_snmp::Error>> {
    // The agent wants every answer of a handler below its prefix: a handler for each.
    let list = instances(station.lock().emulator());
    let below = |prefix: &[u32]| {
        let part = list.iter().filter(|(name, _)| name.starts_with(prefix));
        let objects = part.map(|(name, object)| (Oid::from_slice(name), *object)).collect();
        Arc::new(Mib { station: station.clone(), objects })
    };
    Agent::builder()
        .bind(address.to_string())
        .community(community)
        .handler(Oid::from(DEVICES.as_slice()), below(&DEVICES))
        .handler(Oid::from(SYSTEM.as_slice()), below(&SYSTEM))
        .allow_all_access()
        .without_builtin_handlers()
        .max_concurrent_requests(Some(REQUESTS_MAX))
        .request_deadline(Some(REQUEST_DEADLINE))
        .cancellation_token(stop)
        .build()
        .await
}

/// Instances of one controller below one prefix, sorted by name.
struct Mib {
    station: Shared,
    objects: Vec<(Oid, Object)>,
}

impl Mib {
    fn value(&self, object: Object) -> Value {
        let station = self.station.lock();
        match read(object, station.emulator(), epoch_s()) {
            Reading::Integer(value) => Value::Integer(i32::try_from(value).unwrap_or(i32::MAX)),
            Reading::Counter(value) => Value::Counter32(value),
            Reading::Octets(octets) => Value::OctetString(octets.into()),
            Reading::TimeTicks(ticks) => Value::TimeTicks(ticks),
            Reading::Name(arcs) => Value::ObjectIdentifier(Oid::from(arcs)),
        }
    }

    fn find(&self, oid: &Oid) -> Option<Object> {
        let index = self.objects.binary_search_by(|(name, _)| name.cmp(oid)).ok()?;
        Some(self.objects[index].1)
    }

    /// Every reason to refuse, in the order in which an agent tests: name, access, type, range.
    fn prepare(&self, oid: &Oid, value: &Value) -> Result<SetCall, SetTestError> {
        let object = self.find(oid).ok_or(SetTestError::NoCreation)?;
        let Object::PreemptControl(number) = object else { return Err(SetTestError::NotWritable) };
        let Value::Integer(value) = value else { return Err(SetTestError::WrongType) };
        let on = match value {
            0 => false,
            1 => true,
            _ => return Err(SetTestError::WrongValue),
        };
        let row = preempt_row(number, self.station.lock().emulator()).ok_or(SetTestError::NotWritable)?;
        Ok(SetCall { station: self.station.clone(), row, on, before: None })
    }
}

impl MibHandler for Mib {
    fn get<'a>(&'a self, _ctx: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        Box::pin(async move {
            Ok(self
                .find(oid)
                .map_or(GetResult::NoSuchInstance, |object| GetResult::Value(self.value(object))))
        })
    }

    fn get_next<'a>(
        &'a self,
        _ctx: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        Box::pin(async move {
            let next = self.objects.partition_point(|(name, _)| name <= oid);
            Ok(self.objects.get(next).map_or(GetNextResult::EndOfMibView, |(name, object)| {
                GetNextResult::Value(VarBind::new(name.clone(), self.value(*object)))
            }))
        })
    }

    fn test_set<'a>(
        &'a self,
        _ctx: &'a RequestContext,
        oid: &'a Oid,
        value: &'a Value,
    ) -> BoxFuture<'a, SetTestResult> {
        let prepared = self.prepare(oid, value);
        if prepared.is_err() {
            self.station.lock().emulator_mut().count_refusal();
        }
        let prepared = prepared.map(|call| Box::new(call) as Box<dyn PreparedSet>);
        Box::pin(async move { prepared })
    }
}

/// A tested SET of one preemptControlState.
struct SetCall {
    station: Shared,
    row: RowId,
    on: bool,
    before: Option<bool>,
}

impl SetCall {
    fn write(&self, on: bool) -> bool {
        self.station.lock().emulator_mut().remote_call(self.row, on, Millis::NEVER).is_ok()
    }
}

impl PreparedSet for SetCall {
    fn commit<'a>(
        &'a mut self,
        _ctx: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetCommitResult> {
        self.before = Some(self.station.lock().emulator().status().remote.contains(self.row));
        let done = self.write(self.on);
        Box::pin(async move { if done { Ok(()) } else { Err(SetCommitError::Failed) } })
    }

    fn undo<'a>(
        &'a mut self,
        _ctx: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetUndoResult> {
        let done = self.before.is_none_or(|before| self.write(before));
        Box::pin(async move { if done { Ok(()) } else { Err(SetUndoError::Failed) } })
    }
}

fn epoch_s() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
