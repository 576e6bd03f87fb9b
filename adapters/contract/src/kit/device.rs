//! The scripted device of the kit: what a controller does with our rows, and how it fails.

use clearway_signals::{Channel, Millis, Mode, Owner, RequestState, RowId, RowSet};

use crate::gate::{Entry, GateReading, Intervals, RowReading};
use crate::site::Site;

/// How the device fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Nothing reaches it.
    Silent,
    /// Writes reach it, their answers are lost.
    AnswersLost,
    /// It accepts writes and does nothing.
    Deaf,
    /// It refuses writes.
    Refusing,
}

/// The device.
#[derive(Clone, Debug)]
pub struct Device {
    /// What it is.
    pub site: Site,
    /// Virtual time.
    pub now: Millis,
    /// Rows that are called by remote request, ours or not.
    pub calls: RowSet,
    /// How it fails now.
    pub fault: Fault,
    /// Its mode.
    pub mode: Mode,
    /// Its dead-man timer, zero: off.
    pub dead_man: Millis,
    /// The configuration hash that it repeats.
    pub configuration_hash: u32,
    /// When it started.
    pub started: Millis,
    /// Rows whose call outlived its maximum presence.
    pub outlived: RowSet,
    /// A request that it ended by its own word, as it says now.
    pub ended: Option<(RowId, RequestState)>,
    /// Each write that it accepted: when, and the rows called after it.
    pub writes: Vec<(Millis, RowSet)>,
    /// Arrivals that came with calls: when, and in how long.
    pub arrivals: Vec<(Millis, Millis)>,
    drops_at: Millis,
}

impl Device {
    /// A healthy device, as the model says.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let configuration_hash = site.junction().configuration_hash();
        Self {
            site,
            now: Millis::ZERO,
            calls: RowSet::EMPTY,
            fault: Fault::None,
            mode: Mode::Normal,
            dead_man: Millis::from_s(15),
            configuration_hash,
            started: Millis::ZERO,
            outlived: RowSet::EMPTY,
            ended: None,
            writes: Vec::new(),
            arrivals: Vec::new(),
            drops_at: Millis::NEVER,
        }
    }

    /// Let time pass: the dead-man timer drops remote calls.
    pub fn advance(&mut self, now: Millis) {
        self.now = now;
        if now >= self.drops_at {
            self.calls = RowSet::EMPTY;
            self.drops_at = Millis::NEVER;
        }
    }

    /// It restarts: no call survives.
    pub fn restart(&mut self) {
        self.calls = RowSet::EMPTY;
        self.started = self.now;
        self.drops_at = Millis::NEVER;
    }

    /// A write of the remote calls arrives; whether it is accepted. `lives` is the time to live
    /// that came with it, or the dead-man timer.
    pub fn write(&mut self, calls: RowSet, lives: Millis) -> bool {
        match self.fault {
            Fault::Refusing => return false,
            Fault::Deaf => {}
            _ => {
                self.calls = calls;
                self.drops_at = self.now + lives;
            }
        }
        self.writes.push((self.now, calls));
        true
    }

    /// Time since it started.
    #[must_use]
    pub fn uptime(&self) -> Millis {
        self.now.since(self.started)
    }

    /// What the gate would read, for faces without a protocol.
    #[must_use]
    pub fn gate_reading(&self) -> GateReading {
        let rows = self.site.rows.iter().map(|row| RowReading {
            present: true,
            kind: Some(row.kind),
            non_locking: true,
            enabled: true,
            remote: row.owner == Owner::Ours,
            flash_dwell: false,
            overrides: true,
            link: 0,
            delay: row.delay,
            min_duration: row.min_duration,
            min_dwell: row.min_dwell,
            max_presence: row.max_presence,
            dwell: row.dwell,
            unknown_outputs: 0,
            entry: Entry::Times(Intervals::of_site(&self.site)),
        });
        GateReading {
            device: "kit".into(),
            protocol_fits: true,
            configuration_hash: Some(self.configuration_hash),
            mode: self.mode,
            remote_enabled: true,
            dead_man: Some(self.dead_man),
            dead_man_watches_calls: true,
            phases: Some(Intervals::of_site(&self.site)),
            rows: rows.collect(),
            clock_offset: None,
            found: Vec::new(),
        }
    }

    /// The row of this number on a channel.
    #[must_use]
    pub fn row_of_number(&self, channel: Channel, number: u8) -> Option<RowId> {
        let rows = (0..=u8::MAX).map(RowId).zip(&self.site.rows);
        rows.filter(|(_, row)| row.channel == channel && row.number == number).map(|(id, _)| id).next()
    }
}
