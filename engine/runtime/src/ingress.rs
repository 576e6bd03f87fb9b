//! The way in: two bounded queues, with a rule for each when it is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clearway_planner::Event;
use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};

/// Room for urgent events: far more than a city has emergency vehicles.
const URGENT_ROOM: usize = 4_096;
/// Room for the rest.
const BULK_ROOM: usize = 16_384;

/// An event with the instant at which it was decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamped {
    /// The event.
    pub event: Event,
    /// Nanoseconds of the process's clock; `None` when no outside message caused it.
    pub decoded_ns: Option<u64>,
}

/// The feeds' and adapters' end of the queues. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ingress {
    urgent: Sender<Stamped>,
    bulk: Sender<Stamped>,
    shed: Arc<AtomicU64>,
}

/// The hot loop's end.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub(crate) urgent: Receiver<Stamped>,
    pub(crate) bulk: Receiver<Stamped>,
}

pub(crate) fn queues() -> (Ingress, Outlets) {
    let (urgent, urgent_out) = bounded(URGENT_ROOM);
    let (bulk, bulk_out) = bounded(BULK_ROOM);
    (Ingress { urgent, bulk, shed: Arc::default() }, Outlets { urgent: urgent_out, bulk: bulk_out })
}

impl Ingress {
    /// Hand an event over. Never waits; `false` when the event was shed because its queue is full.
    ///
    /// Only bulk events are ever shed in practice: a status or a tram's position is soon followed by
    /// the next one. The urgent queue is emptied first and conflated, so it cannot stay full.
    pub fn send(&self, stamped: Stamped) -> bool {
        let queue = if is_urgent(&stamped.event) { &self.urgent } else { &self.bulk };
        match queue.try_send(stamped) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shed.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }

    /// Events shed since the start.
    #[must_use]
    pub fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
}

fn is_urgent(event: &Event) -> bool {
    match event {
        Event::Fix(_)
        | Event::Mission(_)
        | Event::MissionEnd(_)
        | Event::Armed(..)
        | Event::Blocked(..)
        | Event::TransitBlocked(..)
        | Event::ReleaseAll => true,
        Event::Transit(_)
        | Event::TransitEnd(_)
        | Event::Status(_)
        | Event::Counts(_)
        | Event::Load(..)
        | Event::LocalTime(_)
        | Event::Learned(_)
        | Event::Tick => false,
    }
}
