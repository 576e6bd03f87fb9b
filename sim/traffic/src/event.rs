//! The event queue: a total order by time, then by the order of scheduling.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens. Indices are those of the world's own tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Event {
    /// The head of a lane may be able to leave.
    Head { lane: u32 },
    /// A hole has reached the tail of a lane.
    Hole { lane: u32, length_mm: i64 },
    /// A source lets its next car in, or tries again.
    Source { source: u32 },
    /// The next car of a source appears.
    Arrival { source: u32 },
    /// A car reaches a detector, if no queue keeps it from there.
    Detector { slot: u32, serial: u32, lane: u32, detector: u32 },
    /// A transit line starts its next run.
    Departure { line: u32 },
    /// A fire engine leaves its station.
    Turnout { trip: u32 },
}

/// Events to come. One live event a lane, a car, a source and a line keep it bounded.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Reverse<(i64, u64, Event)>>,
    scheduled: u64,
}

impl EventQueue {
    pub(crate) fn schedule(&mut self, at_ms: i64, event: Event) {
        self.heap.push(Reverse((at_ms, self.scheduled, event)));
        self.scheduled += 1;
    }

    /// The next event before `end_ms`, in order.
    pub(crate) fn pop_before(&mut self, end_ms: i64) -> Option<(i64, Event)> {
        let Reverse((at, _, _)) = self.heap.peek()?;
        if *at >= end_ms {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }

    /// How many events have been scheduled so far.
    pub(crate) fn scheduled(&self) -> u64 {
        self.scheduled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_instant_come_in_the_order_of_scheduling() {
        let mut queue = EventQueue::default();
        queue.schedule(5, Event::Head { lane: 9 });
        queue.schedule(5, Event::Head { lane: 1 });
        queue.schedule(3, Event::Head { lane: 4 });
        let order: Vec<_> = std::iter::from_fn(|| queue.pop_before(6)).collect();
        let lane = |lane| Event::Head { lane };
        assert_eq!(order, [(3, lane(4)), (5, lane(9)), (5, lane(1))]);
    }
}
