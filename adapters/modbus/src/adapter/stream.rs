//! The client's stream with the egress guard in it: bytes wait until their frame is whole and
//! passed; a frame that does not pass ends the stream.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use clearway_contract::actor::Clock;
use clearway_egress::{Crossing, Passed, Rules};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What carries bytes to a device: a TCP or TLS connection, a serial line.
pub(super) trait Wire: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Wire for T {}

/// A wire behind the guard.
pub(super) struct Guarded {
    inner: Box<dyn Wire>,
    rules: Arc<Rules>,
    crossing: Crossing,
    /// Passed, not yet written. One request is under way at a time, so that it holds one frame.
    cleared: Vec<u8>,
    clock: Clock,
    /// When the last write left.
    wire_ns: Arc<AtomicU64>,
}

impl Guarded {
    pub(super) fn new(
        inner: Box<dyn Wire>,
        rules: Arc<Rules>,
        clock: Clock,
        wire_ns: Arc<AtomicU64>,
    ) -> Self {
        Self { inner, rules, crossing: Crossing::default(), cleared: Vec::new(), clock, wire_ns }
    }

    /// Nothing may be there to read before a request is made: it would be taken for its answer.
    fn poll_stray(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut byte = [0];
        let mut stray = ReadBuf::new(&mut byte);
        match Pin::new(&mut self.inner).poll_read(cx, &mut stray) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) if stray.filled().is_empty() => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Ready(Ok(())) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "bytes that nobody asked for"))
            }
        }
    }

    fn judge(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.crossing.push(bytes, &self.rules, &mut self.cleared) {
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
        self.poll_stray(cx)?;
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
