//! What a link of the centre sees of the world: two clocks, and a place for what leaves.

use clearway_rsmp::session::Instant;
use clearway_signals::{Millis, RowId};

use super::packet::{Outgoing, Packet};

/// The surroundings of a link for the moment.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    /// The monotonic clock.
    pub now: Millis,
    /// The wall clock, which may be wrong, milliseconds since 1970.
    pub wall_ms: i64,
    /// What leaves.
    pub out: &'a mut Vec<Outgoing>,
}

impl Wire<'_> {
    pub fn read(&mut self, packet: Packet) {
        self.out.push(Outgoing { packet, calls: None, writes: false });
    }

    pub fn write(&mut self, packet: Packet, calls: Option<RowId>) {
        self.out.push(Outgoing { packet, calls, writes: true });
    }

    pub fn instant(&self) -> Instant {
        Instant { at: self.now, unix_ms: self.wall_ms }
    }

    /// When something left, in the nanoseconds that stamps have.
    pub fn stamp_ns(&self) -> u64 {
        u64::try_from(self.now.0).unwrap_or(0) * 1_000_000
    }
}
