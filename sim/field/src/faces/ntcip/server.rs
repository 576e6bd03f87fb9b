//! The SNMP agent of an emulated controller on its socket.

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_snmp::agent::{Agent, SecurityModel};
use async_snmp::handler::{
    BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, PreparedSet, RequestContext,
    SetCommitError, SetCommitResult, SetTestError, SetTestResult, SetUndoError, SetUndoResult,
};
use async_snmp::{
    AgentBuilder, AuthProtocol, AuthoritativeEngine, Oid, PrivProtocol, SecurityLevel, VacmBuilder, Value,
    VarBind, generate_engine_id,
};
use clearway_signals::{Millis, RowId};
use tokio_util::sync::CancellationToken;

use super::objects::{DEVICES, Object, Reading, SYSTEM, instances, preempt_row};
use super::prs::{Prs, Refused};
use super::unit::value;

use crate::faces::Shared;

/// Requests in work at a time; more wait in the socket.
const REQUESTS_MAX: usize = 64;
/// A request is given up after this time.
const REQUEST_DEADLINE: Duration = Duration::from_secs(1);

/// The group of the community, and of the users.
const COMMUNITY_GROUP: &str = "community";
const USERS_GROUP: &str = "users";
const VIEW: &str = "all";

/// A user of SNMP version 3.
#[derive(Clone, PartialEq, Eq)]
pub struct SnmpUser {
    /// The user's name.
    pub name: String,
    /// How messages are authenticated (`sha1`, `sha224`, `sha256`, `sha384`, `sha512`), and the password.
    pub auth: (String, String),
    /// How messages are encrypted (`aes128`, `aes192-blumenthal`, `aes256-reeder`…), and the password;
    /// a user who has it may not go without.
    pub privacy: Option<(String, String)>,
}

impl core::fmt::Debug for SnmpUser {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SnmpUser").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Who may speak to the agent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Setup {
    /// Users of version 3; none: version 3 is not answered.
    pub users: Vec<SnmpUser>,
    /// The id of the SNMP engine, 5 to 32 octets; a fresh one at each start when not given, as many
    /// units have it.
    pub engine: Option<Vec<u8>>,
}

/// Bind an agent for a station; it serves when it is run.
///
/// # Errors
/// The address cannot be bound, or a user is none.
pub(crate) async fn bind(
    address: SocketAddr,
    community: &str,
    setup: &Setup,
    station: Shared,
    stop: CancellationToken,
) -> Result<Agent, String> {
    // The agent wants every answer of a handler below its prefix: a handler for each.
    let list = instances(station.lock().emulator());
    let prs = Arc::new(Mutex::new(Prs::new()));
    let below = |prefix: &[u32]| {
        let part = list.iter().filter(|(name, _)| name.starts_with(prefix));
        let objects = part.map(|(name, object)| (Oid::from_slice(name), *object)).collect();
        Arc::new(Mib { station: station.clone(), prs: Arc::clone(&prs), objects })
    };
    let builder = Agent::builder()
        .bind(address.to_string())
        .community(community.to_owned())
        .handler(Oid::from(DEVICES.as_slice()), below(&DEVICES))
        .handler(Oid::from(SYSTEM.as_slice()), below(&SYSTEM))
        .without_builtin_handlers()
        .max_concurrent_requests(Some(REQUESTS_MAX))
        .request_deadline(Some(REQUEST_DEADLINE))
        .cancellation_token(stop);
    let agent = with_users(builder, community, setup)?.build().await;
    agent.map_err(|error| error.to_string())
}

/// The community reads and writes in versions 1 and 2c; each user in version 3, at the user's own level.
fn with_users(mut builder: AgentBuilder, community: &str, setup: &Setup) -> Result<AgentBuilder, String> {
    for user in &setup.users {
        let auth: AuthProtocol = parse(&user.auth.0)?;
        let privacy = user.privacy.as_ref();
        let privacy = privacy
            .map(|(word, secret)| Ok::<_, String>((parse::<PrivProtocol>(word)?, secret)))
            .transpose()?;
        let secret = user.auth.1.as_bytes();
        let configured = builder.usm_user(user.name.clone(), |usm| match privacy {
            Some((cipher, other)) => usm.auth_priv(auth, secret, cipher, other.as_bytes()),
            None => usm.auth(auth, secret),
        });
        builder = configured.map_err(|error| format!("user {}: {error}", user.name))?;
    }
    if !setup.users.is_empty() {
        let id = match &setup.engine {
            Some(id) => id.clone(),
            None => generate_engine_id().map_err(|error| error.to_string())?.to_vec(),
        };
        let engine = AuthoritativeEngine::install(id, |_| Ok::<(), Infallible>(()));
        builder = builder.authoritative_engine(engine.map_err(|error| error.to_string())?);
    }
    Ok(builder.vacm(|vacm| access(vacm, community, &setup.users)))
}

fn access(vacm: VacmBuilder, community: &str, users: &[SnmpUser]) -> VacmBuilder {
    let whole = Oid::from_slice(&[1, 3, 6, 1]);
    let mut vacm = vacm.view(VIEW, |view| view.include(whole));
    for model in [SecurityModel::V1, SecurityModel::V2c] {
        vacm = vacm.group(community.to_owned(), model, COMMUNITY_GROUP).access(
            COMMUNITY_GROUP,
            model,
            SecurityLevel::NoAuthNoPriv,
            |access| access.read_view(VIEW).write_view(VIEW),
        );
    }
    for user in users {
        let (group, level) = match user.privacy {
            Some(_) => (format!("{USERS_GROUP}-private"), SecurityLevel::AuthPriv),
            None => (USERS_GROUP.to_owned(), SecurityLevel::AuthNoPriv),
        };
        vacm = vacm.group(user.name.clone(), SecurityModel::Usm, group.clone());
        // The same entry for each further user of the group.
        vacm = vacm.replace_access(group, SecurityModel::Usm, level, |access| {
            access.read_view(VIEW).write_view(VIEW)
        });
    }
    vacm
}

fn parse<T: FromStr<Err: core::fmt::Display>>(word: &str) -> Result<T, String> {
    word.parse().map_err(|error: T::Err| error.to_string())
}

/// Instances of one controller below one prefix, sorted by name.
struct Mib {
    station: Shared,
    prs: Arc<Mutex<Prs>>,
    objects: Vec<(Oid, Object)>,
}

impl Mib {
    fn value(&self, object: Object) -> Value {
        let station = self.station.lock();
        match value(object, &mut lock(&self.prs), station.emulator(), epoch_s()) {
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
    fn prepare(&self, oid: &Oid, value: &Value) -> Result<Box<dyn PreparedSet>, SetTestError> {
        match self.find(oid).ok_or(SetTestError::NoCreation)? {
            Object::PreemptControl(number) => Ok(Box::new(self.prepare_call(number, value)?)),
            Object::Priority(number) => Ok(Box::new(self.prepare_block(number, value)?)),
            _ => Err(SetTestError::NotWritable),
        }
    }

    fn prepare_block(&self, number: u32, value: &Value) -> Result<SetBlock, SetTestError> {
        let Value::OctetString(block) = value else { return Err(SetTestError::WrongType) };
        lock(&self.prs).test(number, block).map_err(|refused| match refused {
            Refused::Length => SetTestError::WrongLength,
            Refused::Value => SetTestError::WrongValue,
            Refused::ReadOnly => SetTestError::NotWritable,
        })?;
        Ok(SetBlock {
            station: self.station.clone(),
            prs: Arc::clone(&self.prs),
            number,
            block: block.to_vec(),
            before: None,
        })
    }

    fn prepare_call(&self, number: u8, value: &Value) -> Result<SetCall, SetTestError> {
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

/// A tested SET of one priority block.
struct SetBlock {
    station: Shared,
    prs: Arc<Mutex<Prs>>,
    number: u32,
    block: Vec<u8>,
    before: Option<Prs>,
}

impl PreparedSet for SetBlock {
    fn commit<'a>(
        &'a mut self,
        _ctx: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetCommitResult> {
        let mut station = self.station.lock();
        let mut prs = lock(&self.prs);
        self.before = Some(prs.clone());
        prs.take(self.number, &self.block, station.emulator_mut());
        Box::pin(async move { Ok(()) })
    }

    fn undo<'a>(
        &'a mut self,
        _ctx: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetUndoResult> {
        if let Some(before) = self.before.take() {
            // What the controller was told cannot be untold: the request is withdrawn.
            self.station.lock().emulator_mut().cancel_priority();
            *lock(&self.prs) = before;
        }
        Box::pin(async move { Ok(()) })
    }
}

/// The priority server, for the moment; sound after each of its calls, so a poisoned lock is taken too.
fn lock(prs: &Mutex<Prs>) -> MutexGuard<'_, Prs> {
    prs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn epoch_s() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
