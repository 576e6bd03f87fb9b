//! The journal's disk in virtual time: what is written, what is durable, what was acknowledged.

use clearway_signals::Millis;

use super::planted::Planted;

/// Group commit: what is written is synced so often.
const COMMIT_EVERY: Millis = Millis(100);

/// The disk under one life of the centre.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    written: u64,
    synced: u64,
    acknowledged: u64,
    committed_at: Millis,
    /// Nothing is synced before this.
    pub stalled_until: Millis,
    /// A sync failed: nothing is acknowledged any more (no second try on the same file).
    pub failed: bool,
}

impl Disk {
    pub fn write(&mut self, records: u64, planted: Option<Planted>) {
        self.written += records;
        if planted == Some(Planted::AckBeforeDurable) {
            self.acknowledged = self.written;
        }
    }

    /// Commit what is due.
    pub fn commit(&mut self, now: Millis, planted: Option<Planted>) {
        if now - self.committed_at < COMMIT_EVERY || now < self.stalled_until || self.failed {
            return;
        }
        self.committed_at = now;
        if planted != Some(Planted::SkipSync) {
            self.synced = self.written;
        }
        self.acknowledged = self.written;
    }

    /// The power fails: how many acknowledged records are gone.
    pub fn power_cut(&mut self) -> u64 {
        let lost = self.acknowledged.saturating_sub(self.synced);
        *self = Self::default();
        lost
    }
}
