//! The client's stream with the egress guard in it: bytes wait until their frame is whole and
//! passed; a frame that does not pass ends the stream.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use clearway_contract::actor::Clock;
use clearway_egress::{AllowList, Crossing, Passed};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream behind the guard.
pub(super) struct Guarded {
    inner: TcpStream,
    allow: AllowList,
    crossing: Crossing,
    /// Passed, not yet written. One request is under way at a time, so that it holds one frame.
    cleared: Vec<u8>,
    clock: Clock,
    /// When the last write left.
    wire_ns: Arc<AtomicU64>,
}

impl Guarded {
    pub(super) fn new(inner: TcpStream, allow: AllowList, clock: Clock, wire_ns: Arc<AtomicU64>) -> Self {
        Self { inner, allow, crossing: Crossing::default(), cleared: Vec::new(), clock, wire_ns }
    }

    fn judge(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.crossing.push(bytes, &self.allow, &mut self.cleared) {
            Ok(Some(Passed::Write)) => self.wire_ns.store((self.clock)().1, Ordering::Relaxed),
            Ok(Some(Passed::Read) | None) => {}
            Err(refused) => {
                tracing::error!(%refused, "the egress guard stopped a frame");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused));
            }
        }
        Ok(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.cleared.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.cleared))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.cleared.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // What passed before goes first, so that no more than one call's bytes ever wait.
        ready!(self.poll_drain(cx))?;
        self.judge(bytes)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
