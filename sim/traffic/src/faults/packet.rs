//! What travels between the centre and a controller in virtual time, and when.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use clearway_field::faces::ntcip::objects::Reading;
use clearway_ntcip::{Data, Name};
use clearway_signals::{Millis, RowId};

/// The body of an SNMP request.
#[derive(Clone, Debug)]
pub(crate) enum SnmpAsk {
    Get(Vec<Name>),
    Set(Vec<(Name, Data)>),
}

/// The body of an SNMP response.
#[derive(Clone, Debug)]
pub(crate) enum SnmpAnswer {
    Values(Vec<Option<Reading>>),
    Done,
    Refused,
}

/// One packet.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    SnmpRequest {
        id: u32,
        ask: SnmpAsk,
    },
    SnmpResponse {
        id: u32,
        answer: SnmpAnswer,
    },
    /// A connection is asked for, stands, is over.
    Open(u32),
    Opened(u32),
    Close(u32),
    /// Bytes of a connection.
    Bytes(u32, Vec<u8>),
}

impl Packet {
    /// Whether it belongs to a connection, so that its order is kept.
    pub fn is_of_stream(&self) -> bool {
        !matches!(self, Self::SnmpRequest { .. } | Self::SnmpResponse { .. })
    }
}

/// A packet of the centre on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub packet: Packet,
    /// The row that it calls, if it calls one.
    pub calls: Option<RowId>,
    /// Whether it writes at all.
    pub writes: bool,
}

/// What is due.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// A packet reaches a controller; it was sent by this life of the centre, and the way may have
    /// damaged it.
    ToDevice { controller: usize, life: u32, packet: Packet, writes: bool, damaged: bool },
    /// A packet reaches the centre.
    ToPort { controller: usize, packet: Packet },
    /// A port wants to go on.
    Wake { controller: usize, life: u32 },
    /// A report of a vehicle reaches the centre.
    Report { rider: usize, report: super::rider::Report },
}

#[derive(Debug)]
struct Entry {
    at: Millis,
    order: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Everything that is due, in a total order: by time, then by when it was scheduled.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    scheduled: u64,
}

impl Agenda {
    pub fn schedule(&mut self, at: Millis, due: Due) {
        self.heap.push(Reverse(Entry { at, order: self.scheduled, due }));
        self.scheduled += 1;
    }

    /// The next thing that is due by `until`.
    pub fn pop_until(&mut self, until: Millis) -> Option<(Millis, Due)> {
        if self.heap.peek()?.0.at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.due))
    }

    pub fn scheduled(&self) -> u64 {
        self.scheduled
    }
}
