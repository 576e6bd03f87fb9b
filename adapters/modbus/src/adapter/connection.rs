//! A connection that survives only what it fully understood.
//!
//! Modbus answers carry at most a transaction number, serial ones not even that: an answer that
//! comes late would be taken for the answer to the next request, for ever, while the write it
//! belongs to was done. So a request takes the connection out of its place and only a whole, right
//! answer puts it back: after a timeout, a cancelled call, a broken frame or an answer to another
//! question there is no connection left, and whoever wants one opens it and reads first.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Client, Context};
use tokio_modbus::{ExceptionCode, Request as Pdu, Response};

use crate::exchange::Request;
use crate::frame::Span;

/// How long a request and its answer may take, and the silence that must lie before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Timing {
    /// The device's own time, and the network's.
    pub(super) device: Duration,
    /// For each byte of request and answer on a serial line.
    pub(super) byte: Duration,
    /// Silence between two frames of a serial line (MODBUS over Serial Line 2.5.1.1).
    pub(super) silence: Duration,
}

/// What a device answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// The values that were read; bits as 0 and 1.
    Values(Vec<u16>),
    /// The write was accepted.
    Done,
    /// The device understood and refuses.
    Refused(ExceptionCode),
}

/// The connection, if there is one.
pub(super) struct Connection {
    context: Option<Context>,
    timing: Timing,
    /// When the last answer was complete.
    quiet_since: Instant,
}

impl Connection {
    /// None yet.
    pub(super) fn none() -> Self {
        Self { context: None, timing: Timing::default(), quiet_since: Instant::now() }
    }

    /// Over a fresh client.
    pub(super) fn new(context: Context, timing: Timing) -> Self {
        Self { context: Some(context), timing, quiet_since: Instant::now() }
    }

    /// Give the connection up.
    pub(super) fn drop_it(&mut self) {
        self.context = None;
    }

    #[cfg(test)]
    pub(super) fn stands(&self) -> bool {
        self.context.is_some()
    }

    /// Make one request.
    ///
    /// # Errors
    /// Why there is no usable answer, for people. The connection is gone then.
    pub(super) async fn request(&mut self, request: &Request) -> Result<Reply, String> {
        let mut context = self.context.take().ok_or("not connected")?;
        if !self.timing.silence.is_zero() {
            sleep_until(self.quiet_since + self.timing.silence).await;
        }
        let answer = timeout(self.patience(request), context.call(pdu(request))).await;
        let reply = match answer {
            Err(_) => return Err("no answer in time".into()),
            Ok(Err(error)) => return Err(error.to_string()),
            Ok(Ok(Err(exception))) => Reply::Refused(exception),
            Ok(Ok(Ok(response))) => reply(request, response).ok_or("an answer to another question")?,
        };
        self.quiet_since = Instant::now();
        self.context = Some(context);
        Ok(reply)
    }

    fn patience(&self, request: &Request) -> Duration {
        self.timing.device + self.timing.byte * bytes_of(request)
    }
}

/// Bytes of request and answer together on a serial line.
fn bytes_of(request: &Request) -> u32 {
    const READ: u32 = 8 + 5;
    match request {
        Request::Read(span) | Request::ReadHoldings(span) => READ + 2 * u32::from(span.count),
        Request::ReadCoils(span) | Request::ReadDiscretes(span) => READ + u32::from(span.count.div_ceil(8)),
        Request::Write(_) => 27 + 8,
        Request::WriteCoil(..) | Request::WriteRegister(..) => 8 + 8,
    }
}

fn pdu(request: &Request) -> Pdu<'_> {
    match request {
        Request::Read(span) => Pdu::ReadInputRegisters(span.first, span.count),
        Request::ReadHoldings(span) => Pdu::ReadHoldingRegisters(span.first, span.count),
        Request::ReadCoils(span) => Pdu::ReadCoils(span.first, span.count),
        Request::ReadDiscretes(span) => Pdu::ReadDiscreteInputs(span.first, span.count),
        Request::Write(frame) => Pdu::WriteMultipleRegisters(0, frame.as_slice().into()),
        Request::WriteCoil(address, on) => Pdu::WriteSingleCoil(*address, *on),
        Request::WriteRegister(address, value) => Pdu::WriteSingleRegister(*address, *value),
    }
}

/// The answer, if it is the answer to this request: as many values as were asked for, and for a
/// write the echo of what was written (X9).
fn reply(request: &Request, response: Response) -> Option<Reply> {
    match (request, response) {
        (Request::Read(span), Response::ReadInputRegisters(words))
        | (Request::ReadHoldings(span), Response::ReadHoldingRegisters(words)) => {
            (words.len() == usize::from(span.count)).then_some(Reply::Values(words))
        }
        (Request::ReadCoils(span), Response::ReadCoils(bits))
        | (Request::ReadDiscretes(span), Response::ReadDiscreteInputs(bits)) => bits_of(*span, &bits),
        (Request::Write(frame), Response::WriteMultipleRegisters(0, count)) => {
            (usize::from(count) == frame.len()).then_some(Reply::Done)
        }
        (Request::WriteCoil(address, on), Response::WriteSingleCoil(at, is)) => {
            (at == *address && is == *on).then_some(Reply::Done)
        }
        (Request::WriteRegister(address, value), Response::WriteSingleRegister(at, is)) => {
            (at == *address && is == *value).then_some(Reply::Done)
        }
        _ => None,
    }
}

/// Bits travel in whole bytes: up to seven more than were asked for may come.
fn bits_of(span: Span, bits: &[bool]) -> Option<Reply> {
    let count = usize::from(span.count);
    let lawful = (count..count + 8).contains(&bits.len());
    lawful.then(|| Reply::Values(bits.iter().take(count).map(|bit| u16::from(*bit)).collect()))
}

#[cfg(test)]
mod tests;
