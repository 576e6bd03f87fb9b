//! A remote I/O module in front of the controller: coils that close request inputs, inputs for the
//! confirmation lights, a watchdog of its own (`docs/modbus-register-map.md`, "Remote I/O").
//!
//! It knows nothing of signals: no sequence, no time to live, no checksum. When nobody has spoken
//! to it for its watchdog's time it opens every output.

use clearway_signals::{Channel, Millis, Mode, Owner, RequestRow, RowId};

use super::pdu::{Exception, Request, Served, Table};
use crate::emulator::{Emulator, LEVEL_MAX};

/// What the module says that it is: "RI".
const DEVICE_TYPE: u16 = 0x5249;
/// Version of the wiring.
const WIRING: u16 = 1;
/// Coils: 16 for preempt rows, 16 for priority rows.
const COILS: u16 = 32;
/// First confirmation of the preempt rows among the inputs.
const CONFIRMATIONS: u16 = 16;
const ROWS_EACH: u16 = 16;

/// The module's own state.
#[derive(Clone, Debug)]
pub struct Relay {
    /// What the controller behind it was when the module was wired.
    wired_to: u32,
    /// Outputs that are closed, coil 0 in bit 0.
    closed: u32,
    /// When somebody spoke to it last.
    heard: Millis,
}

impl Relay {
    /// A module that is wired to this controller, every output open.
    #[must_use]
    pub fn new(emulator: &Emulator) -> Self {
        Self { wired_to: emulator.configuration_hash(), closed: 0, heard: Millis::ZERO }
    }

    /// Serve one request.
    ///
    /// # Errors
    /// The exception that answers it.
    pub fn serve(&mut self, request: &Request, emulator: &mut Emulator) -> Result<Served, Exception> {
        self.watch(emulator);
        self.heard = emulator.now();
        match request {
            Request::Read { table, first, count } => {
                let last = first.checked_add(count - 1).ok_or(Exception::Address)?;
                let values = (*first..=last).map(|address| self.point(*table, address, emulator));
                values.collect::<Option<Vec<u16>>>().map(Served::Values).ok_or(Exception::Address)
            }
            Request::WriteCoil(coil, on) => {
                let row = row_of(*coil, emulator).ok_or(Exception::Address)?;
                self.switch(*coil, row, *on, emulator);
                Ok(Served::Written)
            }
            // Settings are made with the maker's tool, not over this port.
            Request::WriteRegister(..) | Request::WriteRegisters(..) => Err(Exception::Address),
        }
    }

    /// Let time pass: the watchdog opens every output.
    pub fn watch(&mut self, emulator: &mut Emulator) {
        let limit = emulator.ttl_max();
        if self.closed == 0 || limit == Millis::ZERO || emulator.now() - self.heard < limit {
            return;
        }
        let closed = self.closed;
        for coil in (0..COILS).filter(|coil| closed >> coil & 1 == 1) {
            if let Some(row) = row_of(coil, emulator) {
                self.switch(coil, row, false, emulator);
            }
        }
    }

    fn switch(&mut self, coil: u16, row: RowId, on: bool, emulator: &mut Emulator) {
        self.closed = if on { self.closed | 1 << coil } else { self.closed & !(1 << coil) };
        // A contact holds until it opens. The rows were looked up: neither can be refused.
        let _ = match (coil < ROWS_EACH, on) {
            (true, _) => emulator.remote_call(row, on, Millis::NEVER),
            (false, true) => emulator.request_priority(row, LEVEL_MAX, Millis::ZERO, Millis::NEVER),
            (false, false) => {
                emulator.cancel_priority();
                Ok(())
            }
        };
    }

    fn point(&self, table: Table, address: u16, emulator: &Emulator) -> Option<u16> {
        match table {
            Table::Coils => (address < COILS).then(|| u16::from(self.closed >> address & 1 == 1)),
            Table::Discretes => discrete(address, emulator).map(u16::from),
            Table::Holdings => match address {
                0 => u16::try_from(emulator.ttl_max().0 / 100).ok(),
                1 => Some(0),
                _ => None,
            },
            Table::Inputs => match address {
                // A module that was swapped for another one says so.
                0 if emulator.configuration_hash() != self.wired_to => Some(0),
                0 => Some(DEVICE_TYPE),
                1 => Some(WIRING),
                _ => None,
            },
        }
    }
}

fn discrete(address: u16, emulator: &Emulator) -> Option<bool> {
    let status = emulator.status();
    match address {
        0 => Some(matches!(status.mode, Mode::Normal | Mode::Backup)),
        1 => Some(status.mode == Mode::Flash),
        2 => Some(status.mode == Mode::Manual),
        3..CONFIRMATIONS => Some(false),
        _ => {
            let index = address - CONFIRMATIONS;
            let preempt = index < ROWS_EACH;
            let channel = if preempt { Channel::Preempt } else { Channel::Priority };
            let number = u8::try_from(index % ROWS_EACH + 1).ok()?;
            let served = if preempt {
                emulator.serving()
            } else {
                status.priority.filter(|_| status.priority_granted).map(|held| held.row)
            };
            let row = emulator.row_numbered(number, channel);
            (index < 2 * ROWS_EACH).then_some(row.is_some() && row == served)
        }
    }
}

/// The row whose input a coil closes; a coil without a wire is not there.
fn row_of(coil: u16, emulator: &Emulator) -> Option<RowId> {
    let channel = if coil < ROWS_EACH { Channel::Preempt } else { Channel::Priority };
    let number = u8::try_from(coil % ROWS_EACH + 1).ok().filter(|_| coil < COILS)?;
    let wired = |row: &&RequestRow| row.owner == Owner::Ours;
    let row = emulator.row_numbered(number, channel)?;
    emulator.rows().get(row.index()).filter(wired).map(|_| row)
}
