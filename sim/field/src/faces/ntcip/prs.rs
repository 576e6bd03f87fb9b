//! The priority server of an emulated controller (NTCIP 1211): blocks in, states out.
//!
//! Written from the standard's facts and not from the central system's codec, so that the two check
//! each other. A block is octets of fixed length, big endian; docs/ntcip-objects.md draws them.

use clearway_signals::{Channel, Millis, Mode, RowId};

use crate::emulator::Emulator;
use crate::faces::asked::{state, state_of};

/// Requests that the server holds, over ones included.
const ENTRIES_MAX: usize = 10;
/// Octets of a selector: request, vehicle (17), class, level, strategy.
pub(super) const SELECTOR_LEN: usize = 21;
/// Request and vehicle, which tell requests apart.
const KEY_LEN: usize = 18;
const REQUEST_LEN: usize = 25;
const ABSOLUTE_LEN: usize = 29;
/// The emulator's levels run from 0 to 14, the standard's from 1 (highest) to 10.
const LEVEL_TOP: u8 = 14;

/// The object that a block is written to, by its number below prgObjects.
pub(super) mod object {
    pub const REQUEST: u32 = 1;
    pub const UPDATE: u32 = 2;
    pub const STATUS_CONTROL: u32 = 3;
    pub const STATUS_BUFFER: u32 = 4;
    pub const CANCEL: u32 = 5;
    pub const CLEAR: u32 = 6;
    pub const REQUEST_ABSOLUTE: u32 = 8;
    pub const UPDATE_ABSOLUTE: u32 = 9;
    /// All of them.
    pub const ALL: [u32; 8] =
        [REQUEST, UPDATE, STATUS_CONTROL, STATUS_BUFFER, CANCEL, CLEAR, REQUEST_ABSOLUTE, UPDATE_ABSOLUTE];
}

/// Why a block is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    /// Of another length.
    Length,
    /// About no request that is over.
    Value,
    /// Nothing is written to this object.
    ReadOnly,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    selector: [u8; SELECTOR_LEN],
    row: RowId,
    departs: Millis,
    /// Grants of the controller when the request came: more of them are its own.
    grants: u32,
    state: u8,
}

impl Entry {
    fn is_held(&self) -> bool {
        self.is_passed_on() || self.state == state::READY_OVERRIDDEN
    }

    /// Whether the emulator works on it.
    fn is_passed_on(&self) -> bool {
        matches!(self.state, state::READY_QUEUED | state::ACTIVE_PROCESSING | state::ACTIVE_ADJUST_NOT_NEEDED)
    }

    /// Class and level: lower is more important.
    fn rank(&self) -> (u8, u8) {
        (self.selector[18], self.selector[19])
    }
}

/// The server.
#[derive(Clone, Debug)]
pub(super) struct Prs {
    entries: Vec<Entry>,
    selected: [u8; SELECTOR_LEN],
}

impl Prs {
    pub(super) fn new() -> Self {
        Self { entries: Vec::with_capacity(ENTRIES_MAX), selected: [0; SELECTOR_LEN] }
    }

    /// Whether a block could be taken.
    pub(super) fn test(&self, object: u32, block: &[u8]) -> Result<(), Refused> {
        let expected = match object {
            object::REQUEST | object::UPDATE => REQUEST_LEN,
            object::REQUEST_ABSOLUTE | object::UPDATE_ABSOLUTE => ABSOLUTE_LEN,
            object::STATUS_CONTROL | object::CANCEL | object::CLEAR => SELECTOR_LEN,
            _ => return Err(Refused::ReadOnly),
        };
        if block.len() != expected {
            return Err(Refused::Length);
        }
        let known = self.find(block);
        let lawful = match object {
            object::CANCEL => known.is_some(),
            object::CLEAR => known.is_some_and(|entry| !entry.is_held()),
            _ => true,
        };
        if lawful { Ok(()) } else { Err(Refused::Value) }
    }

    /// Take a block that [`Prs::test`] found good.
    pub(super) fn take(&mut self, object: u32, block: &[u8], emulator: &mut Emulator) {
        self.refresh(emulator);
        let mut selector = [0; SELECTOR_LEN];
        for (place, octet) in selector.iter_mut().zip(block) {
            *place = *octet;
        }
        match object {
            object::STATUS_CONTROL => self.selected = selector,
            object::CANCEL => self.cancel(&selector, emulator),
            object::CLEAR => self.entries.retain(|entry| key(&entry.selector) != key(&selector)),
            _ => self.request(selector, block, emulator),
        }
    }

    /// The status buffer: the selector, the state, an octet without meaning.
    pub(super) fn status(&mut self, emulator: &Emulator) -> Vec<u8> {
        self.refresh(emulator);
        let known = self.find(&self.selected).map(|entry| (entry.selector, entry.state));
        let (selector, state) = known.unwrap_or((self.selected, state::IDLE_NOT_VALID));
        [&selector[..], &[state, 0]].concat()
    }

    /// What was last selected.
    pub(super) fn selected(&self) -> Vec<u8> {
        self.selected.to_vec()
    }

    fn find(&self, block: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| key(&entry.selector) == key(block))
    }

    /// A request or an update: the same to this server.
    fn request(&mut self, selector: [u8; SELECTOR_LEN], block: &[u8], emulator: &mut Emulator) {
        let seconds = |at: usize| {
            let octet = |at: usize| i64::from(block.get(at).copied().unwrap_or(0));
            Millis::from_s(octet(at) * 256 + octet(at + 1))
        };
        let (service, departure) = (seconds(21), seconds(23));
        let before = self.find(&selector).filter(|entry| entry.is_held()).map(|entry| entry.grants);
        self.entries.retain(|entry| key(&entry.selector) != key(&selector));
        let row = emulator.row_numbered(selector[20], Channel::Priority);
        let mut entry = Entry {
            selector,
            row: row.unwrap_or_default(),
            departs: emulator.now() + departure,
            grants: before.unwrap_or(emulator.counters().grants),
            state: state::READY_QUEUED,
        };
        entry.state = if row.is_none() {
            state::CLOSED_STRATEGY_ERROR
        } else if departure < service {
            state::CLOSED_TIMER_ERROR
        } else if !matches!(emulator.mode(), Mode::Normal | Mode::Backup) {
            state::CLOSED_FLASH
        } else if self.entries.iter().any(|other| other.is_passed_on() && other.rank() < entry.rank()) {
            state::READY_OVERRIDDEN
        } else {
            self.pass_on(&entry, service, departure, emulator)
        };
        self.add(entry);
    }

    /// Hand a request to the controller; the others that it worked on wait from now on.
    fn pass_on(&mut self, entry: &Entry, service: Millis, departure: Millis, emulator: &mut Emulator) -> u8 {
        let level = LEVEL_TOP.saturating_sub(entry.rank().1.saturating_sub(1));
        if emulator.request_priority(entry.row, level, service, departure).is_err() {
            return state::CLOSED_STRATEGY_ERROR;
        }
        for other in self.entries.iter_mut().filter(|other| other.is_passed_on()) {
            other.state = state::READY_OVERRIDDEN;
        }
        state::READY_QUEUED
    }

    /// One more; the oldest that is over makes room, or the oldest of all.
    fn add(&mut self, entry: Entry) {
        if self.entries.len() == ENTRIES_MAX {
            let over = self.entries.iter().position(|entry| !entry.is_held());
            self.entries.remove(over.unwrap_or(0));
        }
        self.entries.push(entry);
    }

    fn cancel(&mut self, selector: &[u8; SELECTOR_LEN], emulator: &mut Emulator) {
        for entry in self.entries.iter_mut().filter(|entry| key(&entry.selector) == key(selector)) {
            if entry.is_passed_on() {
                emulator.cancel_priority();
            }
            if entry.is_held() {
                entry.state = state::CLOSED_CANCELED;
            }
        }
    }

    /// What became of the requests since the last look.
    fn refresh(&mut self, emulator: &Emulator) {
        for entry in self.entries.iter_mut().filter(|entry| entry.is_held()) {
            entry.state = match entry.state {
                state::READY_OVERRIDDEN if emulator.now() >= entry.departs => {
                    state::CLOSED_TIME_TO_LIVE_ERROR
                }
                state::READY_OVERRIDDEN => state::READY_OVERRIDDEN,
                _ => state_of(entry.row, entry.grants, emulator),
            };
        }
    }
}

fn key(block: &[u8]) -> &[u8] {
    block.get(..KEY_LEN).unwrap_or(block)
}

/// Whether the controller has a priority server. The emulator does not tell its capabilities: a copy
/// of it is asked.
pub(super) fn is_there(emulator: &Emulator) -> bool {
    let mut copy = emulator.clone();
    let rows = (0..=u8::MAX).map(RowId).zip(emulator.rows());
    let mut priority = rows.filter(|(_, row)| row.channel == Channel::Priority).map(|(id, _)| id);
    priority.any(|row| copy.request_priority(row, 0, Millis::ZERO, Millis::ZERO).is_ok())
}
