//! The register map of `docs/modbus-register-map.md`: what each register reads, and which frames pass.

use clearway_signals::{Channel, GroupSet, Millis, Mode, Owner, PreemptState, RowId, RowKind, RowSet};

use crate::emulator::Emulator;
use crate::faces::asked::{is_over, state, state_of};

/// Version of the map.
pub const MAP_VERSION: u16 = 1;
/// Its minor version: 1 tells what becomes of a priority request.
pub const MAP_MINOR: u16 = 1;
/// Device type of a Clearway controller ("CW").
pub const DEVICE_TYPE: u16 = 0x4357;
/// Holding registers of a command frame.
pub const FRAME_LEN: usize = 9;
/// First register and number of registers of the detectors, for 32 of them.
const DETECTORS: (u16, u16) = (30, 64);
/// First register of the rows, and registers for each.
const ROWS: (u16, u16) = (200, 12);
/// Numbers of preempt rows that have a bit.
const CALL_BITS: u8 = 16;

/// Why a frame was refused: the codes of input register 25.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Reason {
    /// Another map version.
    Version = 1,
    /// The checksum does not fit.
    Crc = 2,
    /// Not newer than the last accepted frame.
    Sequence = 3,
    /// Time to live of zero or above the limit.
    TimeToLive = 4,
    /// A row that is not there, not remotely writable, or a level out of range.
    Row = 5,
    /// The operating mode takes no calls.
    State = 6,
}

/// The command side of one device: the last accepted frame and the refusals.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    accepted: Option<[u16; FRAME_LEN]>,
    /// When the last accepted frame runs out.
    alive_until: Millis,
    refused: u16,
    reason: u16,
    asked: Option<Asked>,
}

/// The priority request that frames made last.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Command register 5.
    word: u16,
    row: RowId,
    /// Grants of the controller when it came.
    grants: u32,
    /// How it ended, once it has.
    end: Option<u8>,
}

impl Asked {
    fn state(&self, emulator: &Emulator) -> u8 {
        self.end.unwrap_or_else(|| state_of(self.row, self.grants, emulator))
    }
}

impl Commands {
    /// Holding registers as last accepted; zero before the first frame.
    #[must_use]
    pub fn holding(&self) -> [u16; FRAME_LEN] {
        self.accepted.unwrap_or_default()
    }

    /// Take a frame whole or refuse it whole.
    ///
    /// # Errors
    /// The [`Reason`], which is counted too.
    pub fn write(&mut self, frame: [u16; FRAME_LEN], emulator: &mut Emulator) -> Result<(), Reason> {
        let taken = self.take(frame, emulator);
        if let Err(reason) = taken {
            emulator.count_refusal();
            self.refused = self.refused.wrapping_add(1);
            self.reason = reason as u16;
        }
        taken
    }

    fn take(&mut self, frame: [u16; FRAME_LEN], emulator: &mut Emulator) -> Result<(), Reason> {
        if frame[0] != MAP_VERSION {
            return Err(Reason::Version);
        }
        if frame[8] != crc16(&frame[1..8]) {
            return Err(Reason::Crc);
        }
        if self.accepted == Some(frame) {
            return Ok(());
        }
        let ahead = frame[1].wrapping_sub(self.holding()[1]);
        if self.accepted.is_some() && !(1..=0x7fff).contains(&ahead) {
            return Err(Reason::Sequence);
        }
        let ttl = Millis(i64::from(frame[3]) * 100);
        if ttl == Millis::ZERO || ttl > emulator.ttl_max() {
            return Err(Reason::TimeToLive);
        }
        let calls = calls_of(frame[4], emulator)?;
        let priority = priority_of(frame[5], &frame[6..8], emulator)?;
        let serves = matches!(emulator.mode(), Mode::Normal | Mode::Backup);
        if !serves && (!calls.is_empty() || priority.is_some()) {
            return Err(Reason::State);
        }
        let asked = self.asked_by(frame[5], priority.map(|(row, ..)| row), emulator);
        // What the controller has ended stays over until a frame comes without it.
        let wanted = priority.filter(|_| asked.is_some_and(|asked| asked.end.is_none()));
        emulator.remote_state(calls, wanted, ttl).map_err(|_| Reason::Row)?;
        self.asked = asked;
        self.accepted = Some(frame);
        self.alive_until = emulator.now() + ttl;
        Ok(())
    }
}

impl Commands {
    /// What becomes of the priority request by a frame that asks for `row`.
    fn asked_by(&self, word: u16, row: Option<RowId>, emulator: &Emulator) -> Option<Asked> {
        let known = self.asked.map(|asked| {
            let end = Some(asked.state(emulator)).filter(|state| is_over(*state));
            Asked { end, ..asked }
        });
        let Some(row) = row else {
            let withdrawn = |asked: Asked| asked.end.or(Some(state::CLOSED_CANCELED));
            return known.map(|asked| Asked { end: withdrawn(asked), ..asked });
        };
        let goes_on = self.holding()[5] != 0 && emulator.now() < self.alive_until;
        let same = known.filter(|asked| goes_on && asked.row == row);
        let grants = emulator.counters().grants;
        Some(same.map_or(Asked { word, row, grants, end: None }, |asked| Asked { word, ..asked }))
    }
}

/// An input register; `None` where the map has none.
#[must_use]
pub fn input(register: u16, commands: &Commands, emulator: &Emulator) -> Option<u16> {
    match register {
        0..=27 => Some(status(register, commands, emulator)),
        30..94 => Some(detector(register - DETECTORS.0, emulator)),
        100..=109 => Some(identity(register, emulator)),
        _ => row(register.checked_sub(ROWS.0)?, emulator),
    }
}

fn status(register: u16, commands: &Commands, emulator: &Emulator) -> u16 {
    let status = emulator.status();
    match register {
        0 => mode_code(status.mode),
        1 => commands.holding()[1],
        2 => emulator.serving().map_or(0, |row| u16::from(emulator.rows()[row.index()].number)),
        3 => u16::from(status.preempt.code().max(PreemptState::Other.code())),
        4 => words(status.greens, emulator)[0],
        5 => words(status.yellows, emulator)[0],
        6 => words(status.reds, emulator)[0],
        7 => tenths(commands.alive_until.since(emulator.now())),
        8 => wrapped(emulator.now().0 / 100),
        9 => call_bits(status.remote, emulator),
        10 => status.priority.map_or(0, |held| {
            let number = emulator.rows().get(held.row.index()).map_or(0, |row| row.number);
            u16::from(number) << 8 | u16::from(held.level)
        }),
        11 => words(status.clearing, emulator)[0],
        12..=14 => words(status.greens, emulator)[usize::from(register - 11)],
        15..=17 => words(status.yellows, emulator)[usize::from(register - 14)],
        18..=20 => words(status.reds, emulator)[usize::from(register - 17)],
        21..=23 => words(status.clearing, emulator)[usize::from(register - 20)],
        24 => commands.refused,
        25 => commands.reason,
        26 => commands.asked.map_or(state::IDLE_NOT_VALID, |asked| asked.state(emulator)).into(),
        _ => commands.asked.map_or(0, |asked| asked.word),
    }
}

fn detector(offset: u16, emulator: &Emulator) -> u16 {
    let number = offset / 2 + 1;
    let detector = emulator.detectors().iter().find(|detector| u16::from(detector.number) == number);
    detector.map_or(0, |d| if offset.is_multiple_of(2) { d.count } else { u16::from(d.occupied) })
}

fn identity(register: u16, emulator: &Emulator) -> u16 {
    let (serial, hash) = (serial_number(emulator.name()), emulator.configuration_hash());
    match register {
        100 => MAP_VERSION,
        101 => DEVICE_TYPE,
        102 => high(serial),
        103 => low(serial),
        104 => high(hash),
        105 => low(hash),
        106 => u16::try_from(emulator.aspects().len()).unwrap_or(u16::MAX),
        107 => u16::try_from(emulator.rows().len()).unwrap_or(u16::MAX),
        108 => tenths(emulator.ttl_max()),
        _ => MAP_MINOR,
    }
}

fn row(offset: u16, emulator: &Emulator) -> Option<u16> {
    let row = emulator.rows().get(usize::from(offset / ROWS.1))?;
    let writable = row.owner == Owner::Ours && row.kind != RowKind::Rail;
    let seconds = |time: Millis| u16::try_from((time.0 + 999) / 1000).unwrap_or(u16::MAX);
    Some(match offset % ROWS.1 {
        0 => u16::from(row.number),
        1 => match row.kind {
            RowKind::Rail => 1,
            RowKind::Emergency => 2,
            RowKind::Transit => 3,
        },
        2 => 0b11 | u16::from(writable) << 2 | u16::from(row.channel == Channel::Priority) << 3,
        3 => seconds(row.max_presence),
        4 => seconds(row.min_duration),
        5 => seconds(row.min_dwell),
        6 => seconds(row.delay),
        word @ 7..=10 => words(row.dwell, emulator)[usize::from(word - 7)],
        _ => 1,
    })
}

/// The preempt rows that the bits call.
fn calls_of(bits: u16, emulator: &Emulator) -> Result<RowSet, Reason> {
    let mut calls = RowSet::EMPTY;
    for number in (1..=CALL_BITS).filter(|number| bits & (1 << (number - 1)) != 0) {
        let row = emulator.row_numbered(number, Channel::Preempt).ok_or(Reason::Row)?;
        if !emulator.is_writable(row) {
            return Err(Reason::Row);
        }
        calls = calls.with(row);
    }
    Ok(calls)
}

/// The transit row, level and arrival of the priority registers.
fn priority_of(asked: u16, eta: &[u16], emulator: &Emulator) -> Result<Option<(RowId, u8, Millis)>, Reason> {
    let [number, level] = asked.to_be_bytes();
    if number == 0 {
        return if level == 0 { Ok(None) } else { Err(Reason::Row) };
    }
    let row = emulator.row_numbered(number, Channel::Priority).ok_or(Reason::Row)?;
    if !emulator.is_writable(row) {
        return Err(Reason::Row);
    }
    let arrival = Millis(i64::from(eta[0]) << 16 | i64::from(eta[1]));
    Ok(Some((row, level, arrival)))
}

/// Bits of a set by the groups' numbers at the controller, lowest word first.
fn words(groups: GroupSet, emulator: &Emulator) -> [u16; 4] {
    let mut words = [0; 4];
    for (group, number, _) in emulator.groups() {
        if (1..=64).contains(&number) && groups.contains(group) {
            words[usize::from(number - 1) / 16] |= 1 << ((number - 1) % 16);
        }
    }
    words
}

fn call_bits(rows: RowSet, emulator: &Emulator) -> u16 {
    let numbers = rows.iter().filter_map(|row| emulator.rows().get(row.index())).map(|row| row.number);
    numbers.filter(|n| (1..=CALL_BITS).contains(n)).fold(0, |bits, number| bits | 1 << (number - 1))
}

const fn mode_code(mode: Mode) -> u16 {
    match mode {
        Mode::Normal | Mode::Backup => 0,
        Mode::Fault | Mode::Unknown => 1,
        Mode::Flash => 2,
        Mode::Manual => 3,
        Mode::Dark => 4,
        Mode::Startup => 5,
    }
}

/// CRC-16 of Modbus (reflected polynomial 0xA001, start 0xFFFF) over words as they travel, high byte first.
#[must_use]
pub fn crc16(words: &[u16]) -> u16 {
    let mut crc = 0xffff;
    for byte in words.iter().flat_map(|word| word.to_be_bytes()) {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 };
        }
    }
    crc
}

/// FNV-1a over the controller's id.
fn serial_number(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn tenths(time: Millis) -> u16 {
    u16::try_from((time.0 + 99) / 100).unwrap_or(u16::MAX)
}

fn wrapped(value: i64) -> u16 {
    u16::try_from(value.rem_euclid(0x1_0000)).unwrap_or(0)
}

fn high(value: u32) -> u16 {
    u16::try_from(value >> 16).unwrap_or(0)
}

fn low(value: u32) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or(0)
}
