//! The client's transport with the egress guard in it: no byte leaves that the guard does not pass.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_snmp::{Candidate, Error, ReceiveLimits, RequestRegistration, Result, Transport, UdpHandle};
use bytes::Bytes;
use clearway_contract::actor::Clock;
use clearway_egress::{AllowList, Passed, check_message};

/// A UDP transport behind the guard.
#[derive(Clone)]
pub(super) struct Guarded {
    inner: UdpHandle,
    allow: AllowList,
    clock: Clock,
    /// When the last write left.
    wire_ns: Arc<AtomicU64>,
}

impl Guarded {
    pub(super) fn new(inner: UdpHandle, allow: AllowList, clock: Clock, wire_ns: Arc<AtomicU64>) -> Self {
        Self { inner, allow, clock, wire_ns }
    }

    fn judge(&self, data: &[u8]) -> Result<()> {
        match check_message(data, &self.allow) {
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
