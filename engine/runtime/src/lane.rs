//! A queue that conflates: of several events with one key only the newest waits, so that it can never
//! be full, and who reports often delays nobody.

use std::sync::{Arc, Mutex, PoisonError};

use clearway_planner::Event;
use crossbeam::channel::{Receiver, Sender, bounded};

use crate::ingress::Stamped;

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// It waits in a place of its own.
    Queued,
    /// It, or the newer one before it, waits in the place of the other.
    Conflated,
    /// No place has this key.
    Unknown,
}

/// One place for each key, and the keys whose place is taken, in order.
type Slots = Arc<[Mutex<Option<Stamped>>]>;

/// The end that events go in.
#[derive(Clone, Debug)]
pub(crate) struct LaneIn {
    slots: Slots,
    order: Sender<usize>,
}

/// The end that they are taken from.
#[derive(Debug)]
pub(crate) struct LaneOut {
    slots: Slots,
    /// Keys whose event waits.
    pub(crate) ready: Receiver<usize>,
}

/// A lane with the keys 0 to `keys` − 1.
pub(crate) fn lane(keys: usize) -> (LaneIn, LaneOut) {
    let slots: Slots = (0..keys).map(|_| Mutex::new(None)).collect();
    // Each key stands in it at most once.
    let (order, ready) = bounded(keys.max(1));
    (LaneIn { slots: Arc::clone(&slots), order }, LaneOut { slots, ready })
}

impl LaneIn {
    pub(crate) fn put(&self, key: usize, stamped: Stamped) -> Put {
        let Some(slot) = self.slots.get(key) else { return Put::Unknown };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = *slot {
            if !is_older(&stamped.event, &waiting.event) {
                *slot = Some(stamped);
            }
            return Put::Conflated;
        }
        *slot = Some(stamped);
        // There is room for every key; the other end is gone when the loop has ended.
        if self.order.try_send(key).is_ok() { Put::Queued } else { Put::Unknown }
    }

    /// Whether an event with this key waits.
    pub(crate) fn waits(&self, key: usize) -> bool {
        let slot = self.slots.get(key);
        slot.is_some_and(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).is_some())
    }

    /// Events that wait.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

impl LaneOut {
    /// The event that waits longest, without waiting.
    pub(crate) fn try_take(&self) -> Option<Stamped> {
        self.ready.try_recv().ok().and_then(|key| self.take(key))
    }

    /// The event of a key that was ready.
    pub(crate) fn take(&self, key: usize) -> Option<Stamped> {
        let slot = self.slots.get(key)?;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Whether an event is older than the one that waits: feeds overtake each other.
fn is_older(new: &Event, waiting: &Event) -> bool {
    match (new, waiting) {
        (Event::Fix(new), Event::Fix(waiting)) => new.received < waiting.received,
        (Event::Transit(new), Event::Transit(waiting)) => new.fix.received < waiting.fix.received,
        (Event::Status(new), Event::Status(waiting)) => new.at < waiting.at,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_signals::{ControllerId, ControllerStatus, Millis};

    fn status(at: i64) -> Stamped {
        let status =
            ControllerStatus { controller: ControllerId(1), at: Millis(at), ..ControllerStatus::default() };
        Stamped { event: Event::Status(status), decoded_ns: None }
    }

    #[test]
    fn p2_of_one_vehicle_or_controller_only_the_newest_waits() {
        let (into, out) = lane(3);
        assert_eq!(into.put(1, status(10)), Put::Queued);
        assert_eq!(into.put(1, status(30)), Put::Conflated);
        assert_eq!(into.put(1, status(20)), Put::Conflated, "an older one changes nothing");
        assert_eq!(into.put(3, status(1)), Put::Unknown);
        let key = out.ready.try_recv().unwrap();
        assert_eq!((out.take(key), out.take(key), into.len()), (Some(status(30)), None, 0));
        assert_eq!(into.put(1, status(40)), Put::Queued);
    }
}
