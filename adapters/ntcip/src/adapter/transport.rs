//! The client's transport with the egress guard in it: no byte leaves that the guard does not pass.
//!
//! The guard judges what the receiver will read. Of an encrypted message it opens the very bytes
//! that are about to leave, with a key of its own: what the session meant to send counts for nothing.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_snmp::v3::PrivKey;
use async_snmp::{
    Candidate, Error, MasterKeys, ReceiveLimits, RequestRegistration, Result, Transport, UdpHandle,
};
use bytes::Bytes;
use clearway_contract::actor::Clock;
use clearway_egress::snmp::{Level, Sealed, check_message, check_message_v3};
use clearway_egress::{AllowList, Passed, Refused};

/// What the guard must know to read what leaves.
#[derive(Clone)]
pub(super) enum Reading {
    /// Versions 1 and 2c: everything is in clear.
    Community,
    /// Version 3 with these keys.
    User(Arc<Opener>),
}

/// Opens what was encrypted for one device.
pub(super) struct Opener {
    keys: MasterKeys,
    /// The key of the device's engine, made when its id is first seen.
    key: Mutex<Option<(Vec<u8>, PrivKey)>>,
}

impl Opener {
    pub(super) fn new(keys: MasterKeys) -> Self {
        Self { keys, key: Mutex::new(None) }
    }

    fn level(&self) -> Level {
        if self.keys.priv_protocol().is_some() { Level::AuthPriv } else { Level::AuthNoPriv }
    }

    fn open(&self, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(engine, _)| engine != sealed.engine) {
            let key =
                PrivKey::from_master_key(self.keys.priv_master()?, self.keys.priv_protocol()?, sealed.engine);
            *known = Some((sealed.engine.to_vec(), key.ok()?));
        }
        let (_, key) = known.as_ref()?;
        key.decrypt(sealed.ciphertext, sealed.boots, sealed.time, sealed.salt).ok().map(|open| open.to_vec())
    }
}

/// A UDP transport behind the guard.
#[derive(Clone)]
pub(super) struct Guarded {
    inner: UdpHandle,
    allow: AllowList,
    reading: Reading,
    clock: Clock,
    /// When the last write left.
    wire_ns: Arc<AtomicU64>,
}

impl Guarded {
    pub(super) fn new(
        inner: UdpHandle,
        allow: AllowList,
        reading: Reading,
        clock: Clock,
        wire_ns: Arc<AtomicU64>,
    ) -> Self {
        Self { inner, allow, reading, clock, wire_ns }
    }

    fn check(&self, data: &[u8]) -> std::result::Result<Passed, Refused> {
        match &self.reading {
            Reading::Community => check_message(data, &self.allow),
            Reading::User(opener) => {
                check_message_v3(data, &self.allow, opener.level(), |sealed| opener.open(sealed))
            }
        }
    }

    fn judge(&self, data: &[u8]) -> Result<()> {
        match self.check(data) {
            Ok(Passed::Read) => Ok(()),
            Ok(Passed::Write) => {
                self.wire_ns.store((self.clock)().1, Ordering::Relaxed);
                Ok(())
            }
            Err(refused) => {
                tracing::error!(peer = %self.inner.peer_addr(), %refused, "the egress guard stopped a message");
                Err(Error::Config(format!("egress guard: {refused}").into()).boxed())
            }
        }
    }
}

impl Transport for Guarded {
    async fn send(&self, data: &[u8]) -> Result<()> {
        self.judge(data)?;
        self.inner.send(data).await
    }

    fn request_with<T, F>(
        &self,
        data: &[u8],
        registration: RequestRegistration,
        validate: F,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: FnMut(Bytes, SocketAddr) -> Result<Candidate<T>> + Send,
    {
        let judged = self.judge(data);
        async move {
            judged?;
            self.inner.request_with(data, registration, validate).await
        }
    }

    fn peer_addr(&self) -> SocketAddr {
        self.inner.peer_addr()
    }

    fn local_addr(&self) -> SocketAddr {
        self.inner.local_addr()
    }

    fn is_reliable(&self) -> bool {
        self.inner.is_reliable()
    }

    fn receive_limits(&self) -> ReceiveLimits {
        self.inner.receive_limits()
    }

    fn send_capacity(&self) -> usize {
        self.inner.send_capacity()
    }
}
