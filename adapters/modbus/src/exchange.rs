//! From the keeper's asks to reads and one write of registers, and back. No I/O.

use clearway_contract::{
    Answer, Ask, Entry, GateReading, Life, PrsStatus, RowReading, Site, StatusReading, Write,
};
use clearway_signals::{
    Channel, ControllerStatus, GroupSet, Millis, PreemptState, RequestRow, RequestState, RowId, RowSet,
};

use crate::codec::{encode, groups, long, mode, refusal, row_kind, strangers};
use crate::frame::{
    CALL_BITS, COMMAND_LEN, Command, DETECTORS, DETECTORS_MAX, DEVICE_TYPE, IDENTITY, LEVEL_MAX, MAP_VERSION,
    MINOR, ROW_LEN, STATUS, STATUS_1, Span, rows,
};

/// One request to the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Read input registers (function 4).
    Read(Span),
    /// Read holding registers (function 3).
    ReadHoldings(Span),
    /// Read coils (function 1).
    ReadCoils(Span),
    /// Read discrete inputs (function 2).
    ReadDiscretes(Span),
    /// Write all command registers (function 16).
    Write([u16; COMMAND_LEN]),
    /// Write one coil (function 5).
    WriteCoil(u16, bool),
    /// Write one holding register (function 6).
    WriteRegister(u16, u16),
}

impl Request {
    /// Whether it changes something at the device.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self, Self::Write(_) | Self::WriteCoil(..) | Self::WriteRegister(..))
    }

    /// Whether a device may lack what is read: a refusal counts as no registers then.
    #[must_use]
    pub fn may_be_missing(&self) -> bool {
        *self == Self::Read(MINOR)
    }
}

/// The exchange with one controller over one connection.
#[derive(Clone, Debug)]
pub struct Exchange {
    site: Site,
    /// The device's limit of the time to live, 0.1 s.
    time_to_live_max_ds: u16,
    /// The sequence that the device accepted last, as it was read last.
    accepted: u16,
    /// The sequence that was written last over this connection.
    written: Option<u16>,
    heartbeat: u16,
    /// The counts of the reading before.
    counted: Option<Vec<u16>>,
    /// The minor version that the device was found to have.
    minor: u16,
    /// The priority request that was written last.
    priority: Option<(RowId, Life)>,
}

impl Exchange {
    /// For a site.
    #[must_use]
    pub fn new(site: Site) -> Self {
        Self {
            site,
            time_to_live_max_ds: 0,
            accepted: 0,
            written: None,
            heartbeat: 0,
            counted: None,
            minor: 0,
            priority: None,
        }
    }

    /// The site.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The requests for an ask, in order.
    pub fn requests(&mut self, ask: &Ask) -> Vec<Request> {
        match ask {
            Ask::Connect => {
                (self.written, self.counted, self.minor) = (None, None, 0);
                Vec::new()
            }
            Ask::Gate => self.gate_spans().map(Request::Read).collect(),
            Ask::Status => vec![Request::Read(self.status_span())],
            Ask::Counts => vec![Request::Read(DETECTORS)],
            Ask::Write(write) => vec![Request::Write(self.command(write))],
        }
    }

    /// The answer to an ask that reads, from the registers that came, span by span.
    pub fn answer(&mut self, ask: &Ask, registers: &[Vec<u16>]) -> Answer {
        let expected = |span: Span, registers: &Vec<u16>| registers.len() == usize::from(span.count);
        let fits = match (ask, registers) {
            (Ask::Gate, registers) => {
                let absent = |span: Span, read: &Vec<u16>| span == MINOR && read.is_empty();
                let whole =
                    self.gate_spans().zip(registers).all(|(span, r)| expected(span, r) || absent(span, r));
                whole && self.gate_spans().count() == registers.len()
            }
            (Ask::Status, [status]) => expected(self.status_span(), status),
            (Ask::Counts, [detectors]) => expected(DETECTORS, detectors),
            (Ask::Status | Ask::Counts, _) => false,
            (Ask::Connect | Ask::Write(_), _) => return Answer::Connected,
        };
        if !fits {
            return Answer::Failed("an answer of another length".into());
        }
        match (ask, registers) {
            (Ask::Status, [status]) => Answer::Status(self.status(status)),
            (Ask::Counts, [detectors]) => self.counts(detectors),
            (Ask::Gate, [status, identity, rows @ .., minor]) => {
                self.minor = at(minor, 0);
                Answer::Gate(Box::new(self.gate(status, identity, &rows.concat())))
            }
            _ => Answer::Failed("an answer of another length".into()),
        }
    }

    fn gate_spans(&self) -> impl Iterator<Item = Span> + use<> {
        [STATUS, IDENTITY].into_iter().chain(rows(self.site.rows.len())).chain([MINOR])
    }

    fn status_span(&self) -> Span {
        if self.minor == 0 { STATUS } else { STATUS_1 }
    }

    /// Why the device refused, from a status reading after the refusal.
    #[must_use]
    pub fn refusal(&self, status: &[u16]) -> &'static str {
        refusal(at(status, 25))
    }

    fn command(&mut self, write: &Write) -> [u16; COMMAND_LEN] {
        self.heartbeat = self.heartbeat.wrapping_add(1);
        let sequence = self.written.unwrap_or(self.accepted).wrapping_add(1);
        self.written = Some(sequence);
        let ttl_ds = u16::try_from(write.time_to_live().0 / 100).unwrap_or(u16::MAX);
        let mut command = Command {
            sequence,
            heartbeat: self.heartbeat,
            time_to_live_ds: ttl_ds.clamp(1, self.time_to_live_max_ds.max(1)),
            ..Command::default()
        };
        self.follow(write);
        let called = write.call().and_then(|call| Some((call, self.site.rows.get(call.row.index())?)));
        if let Some((call, row)) = called {
            match row.channel {
                Channel::Preempt => command.calls = call_bit(row.number),
                Channel::Priority => {
                    command.priority = (row.number, LEVEL_MAX);
                    command.arrival_ms = u32::try_from(call.arrival_in.0).unwrap_or(u32::MAX);
                }
            }
        }
        encode(&command)
    }

    /// Which priority request a frame makes, goes on with, or lets go.
    fn follow(&mut self, write: &Write) {
        let is_priority =
            |row: &RowId| self.site.rows.get(row.index()).is_some_and(|r| r.channel == Channel::Priority);
        let asked = write.call().map(|call| call.row).filter(is_priority);
        self.priority = asked.map(|row| {
            let mut life = self.priority.filter(|(known, _)| *known == row).unwrap_or_default().1;
            life.ask();
            (row, life)
        });
    }

    /// What the device says of the priority request, where it says it: the row that it serves, and how
    /// it ended ours. `shown`: the reading is not older than our last frame.
    fn priority(&mut self, registers: &[u16], shown: bool) -> (Option<RowId>, Option<(RowId, RequestState)>) {
        let [number, _] = at(registers, 27).to_be_bytes();
        let about = self.numbered().find(|(_, row)| row.channel == Channel::Priority && row.number == number);
        let status = u8::try_from(at(registers, 26)).ok().and_then(PrsStatus::from_code);
        let (Some(row), Some(status)) = (about.map(|(id, _)| id), status) else { return (None, None) };
        let ours = self.priority.as_mut().filter(|(asked, _)| shown && *asked == row);
        let ended = ours.and_then(|(row, life)| Some((*row, life.see(status)?)));
        (Some(row).filter(|_| status.is_active()), ended)
    }

    fn numbered(&self) -> impl Iterator<Item = (RowId, &RequestRow)> {
        (0..=u8::MAX).map(RowId).zip(&self.site.rows)
    }

    fn preempt_of(&self, number: u16) -> Option<RowId> {
        self.numbered()
            .find(|(_, row)| row.channel == Channel::Preempt && u16::from(row.number) == number)
            .map(|(id, _)| id)
    }

    fn status(&mut self, registers: &[u16]) -> StatusReading {
        let reg = |register: usize| at(registers, register);
        let set = |low: usize, high: usize| -> GroupSet {
            groups(&self.site.group_numbers, [reg(low), reg(high), reg(high + 1), reg(high + 2)])
        };
        let [priority_row, _] = reg(10).to_be_bytes();
        let calls = self
            .numbered()
            .filter(|(_, row)| match row.channel {
                Channel::Preempt => reg(9) & call_bit(row.number) != 0,
                Channel::Priority => priority_row != 0 && row.number == priority_row,
            })
            .fold(RowSet::EMPTY, |set, (id, _)| set.with(id));
        let preempt = PreemptState::from_code(i64::from(reg(3)));
        let active = if reg(2) == 0 { None } else { self.preempt_of(reg(2)) };
        // The map has one state for all rows: without a served row it is that of the calls held.
        let dropped = preempt == PreemptState::MaxPresence && reg(2) == 0;
        let preempts_called = calls
            .iter()
            .filter(|row| self.site.rows.get(row.index()).is_some_and(|row| row.channel == Channel::Preempt));
        let outlived = preempts_called.filter(|_| dropped).fold(RowSet::EMPTY, RowSet::with);
        let lights = ControllerStatus {
            mode: mode(reg(0)),
            greens: set(4, 12),
            yellows: set(5, 15),
            clearing: set(11, 21),
            preempt,
            ..ControllerStatus::default()
        };
        let current = self.written.is_none_or(|written| written == reg(1));
        let (served, ended) = self.priority(registers, current);
        // Priority is no preemption: it shows as the served row, and the preempt state stays what it is.
        let status = ControllerStatus { active: active.or(served), ..lights };
        self.accepted = reg(1);
        // After a refusal, or another writer, we follow the device.
        self.written = self.written.filter(|written| *written == reg(1));
        StatusReading { status, calls, outlived, ended, current, uptime: None }
    }

    fn counts(&mut self, registers: &[u16]) -> Answer {
        let pair = |number: &u8| {
            let known = (1..=DETECTORS_MAX).contains(number);
            let first = 2 * usize::from(number.saturating_sub(1));
            if known { (at(registers, first), at(registers, first + 1)) } else { (0, 0) }
        };
        let totals: Vec<u16> = self.site.detectors.iter().map(|number| pair(number).0).collect();
        let before = self.counted.replace(totals.clone()).unwrap_or_else(|| totals.clone());
        let vehicles = totals.iter().zip(&before).map(|(now, before)| now.wrapping_sub(*before)).collect();
        let occupied = self.site.detectors.iter().map(|number| pair(number).1 == 1).collect();
        Answer::Counts(vehicles, occupied)
    }

    fn gate(&mut self, status: &[u16], identity: &[u16], rows: &[u16]) -> GateReading {
        let id = |register: usize| at(identity, register - usize::from(IDENTITY.first));
        self.time_to_live_max_ds = id(108);
        let listed = usize::from(id(107));
        let readings = self.site.rows.iter().zip(rows.chunks(usize::from(ROW_LEN)));
        let rows = readings
            .enumerate()
            .map(
                |(index, (row, registers))| {
                    if index < listed { self.row(row, registers) } else { RowReading::ABSENT }
                },
            )
            .collect();
        GateReading {
            device: format!("serial {:08x}", long(id(102), id(103))),
            protocol_fits: id(100) == MAP_VERSION && id(101) == DEVICE_TYPE,
            configuration_hash: Some(long(id(104), id(105))),
            mode: mode(at(status, 0)),
            remote_enabled: true,
            dead_man: Some(Millis(i64::from(id(108)) * 100)),
            dead_man_watches_calls: true,
            phases: None,
            rows,
            clock_offset: None,
            found: Vec::new(),
        }
    }

    fn row(&self, row: &RequestRow, registers: &[u16]) -> RowReading {
        let reg = |offset: usize| at(registers, offset);
        let seconds = |offset: usize| Millis::from_s(reg(offset).into());
        let flag = |bit: u32| reg(2) >> bit & 1 == 1;
        let dwell = [reg(7), reg(8), reg(9), reg(10)];
        let same_channel = flag(3) == (row.channel == Channel::Priority);
        RowReading {
            // A preempt number without a bit of its own cannot be called.
            present: reg(0) == u16::from(row.number)
                && same_channel
                && (row.channel == Channel::Priority || call_bit(row.number) != 0),
            kind: row_kind(reg(1)),
            non_locking: flag(0),
            enabled: flag(1),
            remote: flag(2),
            flash_dwell: false,
            // The map states it: lower numbers win.
            overrides: true,
            link: 0,
            delay: seconds(6),
            min_duration: seconds(4),
            min_dwell: seconds(5),
            max_presence: seconds(3),
            dwell: groups(&self.site.group_numbers, dwell),
            unknown_outputs: strangers(&self.site.group_numbers, dwell),
            entry: Entry::Keeps(reg(11) == 1),
        }
    }
}

/// A register of a run whose length was checked.
fn at(registers: &[u16], index: usize) -> u16 {
    registers.get(index).copied().unwrap_or(0)
}

/// The bit that calls a row; no bit for numbers that the map has none for.
fn call_bit(number: u8) -> u16 {
    if (1..=CALL_BITS).contains(&number) { 1 << (number - 1) } else { 0 }
}

#[cfg(test)]
mod tests;
