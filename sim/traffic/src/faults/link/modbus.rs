//! The real Modbus dialog over a virtual connection that survives only what it fully understood, as
//! the adapter's own does: any failure gives it up.

use std::collections::VecDeque;

use clearway_contract::{Answer, Ask, Site};
use clearway_modbus::{Dialog, Map, Request, Span};
use clearway_signals::{Channel, Millis, RowId};

use crate::faults::packet::Packet;
use crate::faults::wire::Wire;

/// The adapter's patience with a device, and with a connection.
const ANSWER_WITHIN: Millis = Millis(1_000);
const CONNECT_WITHIN: Millis = Millis(1_000);
/// Unit of the device.
const UNIT: u8 = 1;
/// The exception that the device explains.
const ILLEGAL_VALUE: u8 = 3;

#[derive(Debug)]
struct Work {
    ask: Ask,
    rest: VecDeque<Request>,
    values: Vec<Vec<u16>>,
    /// The request that is out, with its transaction; `None` while the connection is asked for.
    awaited: Option<(u16, Request)>,
    inquires: bool,
    until: Millis,
}

/// One controller by Modbus TCP.
#[derive(Debug)]
pub(crate) struct ModbusLink {
    dialog: Dialog,
    connection: Option<u32>,
    next_connection: u32,
    transaction: u16,
    work: Option<Work>,
}

impl ModbusLink {
    /// `first` numbers the connections, so that no life of the centre takes those of another for its own.
    pub fn new(site: Site, first: u32) -> Self {
        let dialog = Dialog::new(site, &Map::Clearway);
        Self { dialog, connection: None, next_connection: first, transaction: 0, work: None }
    }

    pub fn begin(&mut self, ask: &Ask, wire: &mut Wire<'_>) -> Option<Answer> {
        let rest: VecDeque<Request> = self.dialog.requests(ask).into();
        let until = wire.now + if *ask == Ask::Connect { CONNECT_WITHIN } else { ANSWER_WITHIN };
        let work = Work { ask: *ask, rest, values: Vec::new(), awaited: None, inquires: false, until };
        self.work = Some(work);
        if *ask == Ask::Connect {
            self.hang_up(wire);
            self.next_connection += 1;
            wire.read(Packet::Open(self.next_connection));
            return None;
        }
        if self.connection.is_none() {
            return self.fail("not connected", wire);
        }
        self.proceed(wire)
    }

    fn proceed(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        let work = self.work.as_mut()?;
        let Some(request) = work.rest.pop_front() else {
            let work = self.work.take()?;
            return Some(match work.ask {
                Ask::Write(_) => Answer::Written(wire.stamp_ns()),
                ask => {
                    let answer = self.dialog.answer(&ask, &work.values);
                    if matches!(answer, Answer::Failed(_)) {
                        self.hang_up(wire);
                    }
                    answer
                }
            });
        };
        self.send(request, wire);
        None
    }

    fn send(&mut self, request: Request, wire: &mut Wire<'_>) {
        let (Some(connection), Some(work)) = (self.connection, self.work.as_mut()) else { return };
        self.transaction = self.transaction.wrapping_add(1);
        work.awaited = Some((self.transaction, request));
        work.until = wire.now + ANSWER_WITHIN;
        let packet = Packet::Bytes(connection, frame(self.transaction, &request));
        let calls = called(self.dialog.site(), &request);
        if request.is_write() { wire.write(packet, calls) } else { wire.read(packet) }
    }

    pub fn receive(&mut self, packet: Packet, wire: &mut Wire<'_>) -> Option<Answer> {
        match packet {
            Packet::Opened(connection) if connection == self.next_connection => {
                let connects = self.work.as_ref().is_some_and(|work| work.ask == Ask::Connect);
                if !connects {
                    return None;
                }
                self.connection = Some(connection);
                self.work = None;
                Some(Answer::Connected)
            }
            Packet::Close(connection) if Some(connection) == self.connection => {
                self.connection = None;
                self.work.take().map(|_| Answer::Failed("the device closed".into()))
            }
            Packet::Bytes(connection, bytes) if Some(connection) == self.connection => {
                self.take(&bytes, wire)
            }
            _ => None,
        }
    }

    fn take(&mut self, bytes: &[u8], wire: &mut Wire<'_>) -> Option<Answer> {
        let awaited = self.work.as_ref().and_then(|work| work.awaited);
        let Some((transaction, request)) = awaited else {
            // An answer that nobody waits for: the connection is no longer understood.
            self.hang_up(wire);
            return None;
        };
        let reply = unframe(transaction, bytes).and_then(|pdu| reply(&request, pdu));
        let Some(reply) = reply else { return self.fail("an answer to another question", wire) };
        let work = self.work.as_mut()?;
        work.awaited = None;
        match reply {
            Reply::Values(status) if work.inquires => {
                let reason = self.dialog.refusal(&status).to_owned();
                self.end(Answer::Refused(reason))
            }
            Reply::Values(values) => {
                work.values.push(values);
                self.proceed(wire)
            }
            Reply::Done => self.proceed(wire),
            Reply::Refused(code) if matches!(work.ask, Ask::Write(_)) => {
                let inquiry = self.dialog.inquiry().filter(|_| code == ILLEGAL_VALUE && !work.inquires);
                let Some(inquiry) = inquiry else {
                    return self.end(Answer::Refused(format!("exception {code}")));
                };
                work.inquires = true;
                self.send(inquiry, wire);
                None
            }
            Reply::Refused(_) if request.may_be_missing() => {
                work.values.push(Vec::new());
                self.proceed(wire)
            }
            Reply::Refused(_) => self.fail("the device answers an exception", wire),
        }
    }

    fn end(&mut self, answer: Answer) -> Option<Answer> {
        self.work = None;
        Some(answer)
    }

    fn fail(&mut self, reason: &str, wire: &mut Wire<'_>) -> Option<Answer> {
        self.hang_up(wire);
        self.end(Answer::Failed(reason.into()))
    }

    fn hang_up(&mut self, wire: &mut Wire<'_>) {
        if let Some(connection) = self.connection.take() {
            wire.read(Packet::Close(connection));
        }
    }

    pub fn wake(&mut self, wire: &mut Wire<'_>) -> Option<Answer> {
        if self.deadline() <= wire.now { self.fail("no answer in time", wire) } else { None }
    }

    pub fn deadline(&self) -> Millis {
        self.work.as_ref().map_or(Millis::NEVER, |work| work.until)
    }
}

enum Reply {
    Values(Vec<u16>),
    Done,
    Refused(u8),
}

/// MODBUS Messaging on TCP/IP 1.0b, 3.1.3: transaction, protocol 0, length, unit.
fn frame(transaction: u16, request: &Request) -> Vec<u8> {
    let pdu = encode(request);
    let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX);
    [&transaction.to_be_bytes()[..], &[0, 0], &length.to_be_bytes(), &[UNIT], &pdu].concat()
}

fn unframe(transaction: u16, bytes: &[u8]) -> Option<&[u8]> {
    let (header, pdu) = bytes.split_at_checked(7)?;
    let length = u16::from_be_bytes([header[4], header[5]]);
    let fits = header[..2] == transaction.to_be_bytes()
        && header[2..4] == [0, 0]
        && usize::from(length) == pdu.len() + 1
        && header[6] == UNIT;
    fits.then_some(pdu)
}

fn encode(request: &Request) -> Vec<u8> {
    let pair = |function: u8, a: u16, b: u16| [&[function][..], &a.to_be_bytes(), &b.to_be_bytes()].concat();
    let span = |function, span: &Span| pair(function, span.first, span.count);
    match request {
        Request::ReadCoils(s) => span(1, s),
        Request::ReadDiscretes(s) => span(2, s),
        Request::ReadHoldings(s) => span(3, s),
        Request::Read(s) => span(4, s),
        Request::WriteCoil(address, on) => pair(5, *address, if *on { 0xff00 } else { 0 }),
        Request::WriteRegister(address, value) => pair(6, *address, *value),
        Request::Write(words) => {
            let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
            let mut pdu = pair(16, 0, count);
            pdu.push(u8::try_from(2 * words.len()).unwrap_or(u8::MAX));
            pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            pdu
        }
    }
}

/// The answer, if it is one to this request.
fn reply(request: &Request, pdu: &[u8]) -> Option<Reply> {
    let asked = encode(request);
    match (pdu, request) {
        ([function, code], _) if *function == asked[0] | 0x80 => Some(Reply::Refused(*code)),
        ([4, count, words @ ..], Request::Read(span)) => {
            let whole = usize::from(*count) == words.len() && words.len() == 2 * usize::from(span.count);
            let value = |pair: &[u8]| u16::from_be_bytes([pair[0], pair[1]]);
            whole.then(|| Reply::Values(words.chunks_exact(2).map(value).collect()))
        }
        (echo, _) if request.is_write() => (echo == &asked[..5]).then_some(Reply::Done),
        _ => None,
    }
}

/// The row that a command frame calls.
fn called(site: &Site, request: &Request) -> Option<RowId> {
    let Request::Write(words) = request else { return None };
    let [priority, _] = words[5].to_be_bytes();
    let mut rows = (0..=u8::MAX).map(RowId).zip(&site.rows);
    rows.find(|(_, row)| match row.channel {
        Channel::Preempt => (1..=16).contains(&row.number) && words[4] >> (row.number - 1) & 1 == 1,
        Channel::Priority => priority != 0 && priority == row.number,
    })
    .map(|(id, _)| id)
}
