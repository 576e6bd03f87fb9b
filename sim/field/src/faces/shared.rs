//! A station that several tasks share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::station::Station;

/// A station that its faces, the clock and the host share. Every hold is a few microseconds and never
/// over an await, so a plain mutex serves all.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Station>>);

impl Shared {
    /// Share a station.
    #[must_use]
    pub fn new(station: Station) -> Self {
        Self(Arc::new(Mutex::new(station)))
    }

    /// The station, for the moment. A poisoned lock is taken all the same: the station is sound after
    /// each of its calls, and a panic of one face must not silence the others.
    pub fn lock(&self) -> MutexGuard<'_, Station> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
