//! Priority requests of one controller (NTCIP 1211): which blocks to write, what the buffer says.
//!
//! Each own priority row has one request of ours at most. Its number and vehicle are always the
//! same, so that whoever takes over after a crash finds it, updates it or cancels it.

use clearway_contract::{Call, Life, Site, Write};
use clearway_signals::{Channel, Millis, RequestState, RowId, RowKind};

use super::Request;
use crate::frame::{self, Data, Name, Object, Value};
use crate::priority::{PriorityRequest, PrsStatus, Selector, StatusBlock, VehicleId};
use crate::profile::Profile;
use crate::values::Values;

/// The vehicle that the priority server knows us by: who it is in truth is nobody's business there.
const VEHICLE: &[u8] = b"CLEARWAY";

/// One own priority row.
#[derive(Clone, Copy, Debug)]
struct Row {
    id: RowId,
    selector: Selector,
    /// As last read; `None` before the first reading and after each write.
    status: Option<PrsStatus>,
    /// What has become of the request that we made last, until we withdrew it.
    life: Life,
}

/// The own priority rows of a site.
#[derive(Clone, Debug)]
pub(super) struct Priorities {
    rows: Vec<Row>,
    /// The rows that the outstanding reading is about, in order.
    polled: Vec<RowId>,
    /// The request that the last reading found over although we wanted it, and how it ended.
    ended: Option<(RowId, RequestState)>,
    profile: Profile,
}

impl Priorities {
    pub(super) fn new(site: &Site, profile: &Profile) -> Self {
        let own = site.own_rows();
        let bound = (0..=u8::MAX).map(RowId).zip(&site.rows);
        let ours = bound.filter(|(id, row)| own.contains(*id) && row.channel == Channel::Priority);
        // An emergency vehicle has no business on the priority channel.
        let rows = ours.filter(|(_, row)| row.kind == RowKind::Transit).map(|(id, row)| Row {
            id,
            selector: Selector {
                request: row.number,
                vehicle: VehicleId::right_justified(VEHICLE),
                class_type: profile.priority.class_type,
                class_level: profile.priority.class_level,
                strategy: row.number,
            },
            status: None,
            life: Life::default(),
        });
        Self { rows: rows.collect(), polled: Vec::new(), ended: None, profile: profile.clone() }
    }

    /// Whether the site has any.
    pub(super) fn are_bound(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Nothing is known of a fresh connection.
    pub(super) fn forget(&mut self) {
        self.rows.iter_mut().for_each(|row| row.status = None);
        self.polled.clear();
    }

    /// The rows whose request the device holds.
    pub(super) fn held(&self) -> impl Iterator<Item = RowId> {
        self.rows.iter().filter(|row| row.status.is_some_and(PrsStatus::is_held)).map(|row| row.id)
    }

    /// The row whose request the priority server serves now.
    pub(super) fn served(&self) -> Option<RowId> {
        self.rows.iter().find(|row| row.status.is_some_and(PrsStatus::is_active)).map(|row| row.id)
    }

    /// The request that the last reading found over although we wanted it. Said once: a new request is
    /// another one.
    pub(super) fn ended(&self) -> Option<(RowId, RequestState)> {
        self.ended
    }

    /// The readings of the status buffer: of rows that are held, written or not yet known.
    pub(super) fn polls(&mut self) -> Vec<Request> {
        let due = self.rows.iter().filter(|row| row.status.is_none_or(PrsStatus::is_held));
        let (polled, requests) = due
            .map(|row| {
                let poll = Request::Select {
                    control: self.profile.scalar(&frame::PRIORITY_STATUS_CONTROL),
                    selector: row.selector.encode().to_vec(),
                    buffer: self.buffer(),
                };
                (row.id, poll)
            })
            .unzip();
        self.polled = polled;
        requests
    }

    /// As if a request of the row had been written.
    #[cfg(test)]
    pub(super) fn pretend_asked(&mut self, id: RowId) {
        for row in self.rows.iter_mut().filter(|row| row.id == id) {
            row.status = None;
            row.life.ask();
        }
    }

    fn buffer(&self) -> Name {
        self.profile.scalar(&frame::PRIORITY_STATUS_BUFFER)
    }

    /// Take in what came of the polls. A device that refuses the selector knows no such request.
    pub(super) fn see(&mut self, values: &Values) -> Result<(), String> {
        let polled = std::mem::take(&mut self.polled);
        self.ended = None;
        let buffer = self.buffer();
        let mut read = values.all(&buffer);
        for id in polled {
            let Some(row) = self.rows.iter_mut().find(|row| row.id == id) else { continue };
            let status = match read.next() {
                None => return Err("the answer lacks a priority status".into()),
                Some(Value::Octets(octets)) => status_of(octets, &row.selector)?,
                Some(Value::Integer(_) | Value::Name(_) | Value::Other) => PrsStatus::IdleNotValid,
            };
            if let Some(state) = row.life.see(status) {
                self.ended = Some((id, state));
            }
            row.status = Some(status);
        }
        Ok(())
    }

    /// The messages of a write that concern priority rows, one each: a device works on one block at
    /// a time.
    pub(super) fn writes(&mut self, write: &Write, epoch_ms: Option<i64>) -> Vec<Request> {
        let mut requests = Vec::new();
        let profile = &self.profile;
        for row in &mut self.rows {
            if write.clear().contains(row.id) {
                requests.push(set(profile, &frame::PRIORITY_CANCEL, &row.selector.encode()));
                row.status = None;
                row.life.withdraw();
            }
            let Some(call) = write.call().filter(|call| call.row == row.id) else { continue };
            if row.status.is_some_and(PrsStatus::is_closed) {
                requests.push(set(profile, &frame::PRIORITY_CLEAR, &row.selector.encode()));
            }
            requests.push(ask(profile, row, call, epoch_ms));
            row.status = None;
            row.life.ask();
        }
        requests
    }
}

/// Ask anew, or change what the device holds already.
fn ask(profile: &Profile, row: &Row, call: Call, epoch_ms: Option<i64>) -> Request {
    // To the nearest second, which is as exact as the block gets.
    let service_s = u16::try_from((call.arrival_in + Millis(500)).0 / 1000).unwrap_or(u16::MAX);
    let departure_s = service_s.saturating_add(profile.priority.departure_margin_s);
    let request = PriorityRequest { selector: row.selector, service_s, departure_s };
    let held = row.status.is_some_and(PrsStatus::is_held);
    let wall_s = epoch_ms.and_then(|ms| u32::try_from(ms / 1000).ok());
    match (wall_s.filter(|_| profile.priority.absolute), held) {
        (None, false) => set(profile, &frame::PRIORITY_REQUEST, &request.encode()),
        (None, true) => set(profile, &frame::PRIORITY_UPDATE, &request.encode()),
        (Some(at), false) => set(profile, &frame::PRIORITY_REQUEST_ABSOLUTE, &request.encode_absolute(at)),
        (Some(at), true) => set(profile, &frame::PRIORITY_UPDATE_ABSOLUTE, &request.encode_absolute(at)),
    }
}

fn set(profile: &Profile, object: &Object, block: &[u8]) -> Request {
    Request::Set(vec![(profile.scalar(object), Data::Octets(block.to_vec()))])
}

/// The status, when the buffer is about what was selected (X9): another generator may have selected
/// something else in between.
fn status_of(octets: &[u8], selected: &Selector) -> Result<PrsStatus, String> {
    let block = StatusBlock::decode(octets).map_err(|error| error.to_string())?;
    let about = (block.selector.request, block.selector.vehicle);
    let unknown = block.status == PrsStatus::IdleNotValid;
    if about == (selected.request, selected.vehicle) || unknown {
        Ok(block.status)
    } else {
        Err("the status buffer is about another request".into())
    }
}
