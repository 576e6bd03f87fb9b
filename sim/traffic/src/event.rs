//! The event queue: a total order by time, then by the order of scheduling.
//!
//! A calendar queue (Brown 1988): the near future lies in spans of equal length, unsorted; a span is
//! sorted when its time comes. What is farther away than the calendar reaches waits in a heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens. Indices are those of the world's own tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Event {
    /// The head of a lane may be able to leave.
    Head { lane: u32 },
    /// A hole has reached the tail of a lane.
    Hole { lane: u32, length_mm: u32 },
    /// A source lets its next car in, or tries again.
    Source { source: u32 },
    /// The next car of a source appears.
    Arrival { source: u32 },
    /// A car of the list of trips appears.
    Listed { trip: u32 },
    /// A car reaches a detector, if no queue keeps it from there.
    Detector { slot: u32, serial: u32, lane: u32, detector: u32 },
    /// A transit line starts its next run.
    Departure { line: u32 },
    /// A fire engine leaves its station.
    Turnout { trip: u32 },
    /// A closure begins or ends.
    Closure { closure: u32 },
}

/// Length of a span of the calendar.
const SPAN_MS: i64 = 64;
/// Spans of the calendar: it reaches a minute ahead.
const SPANS: usize = 1_024;

type Entry = (i64, u64, Event);

/// Events to come. One live event a lane, a car, a source and a line keep it bounded.
#[derive(Debug)]
pub(crate) struct EventQueue {
    /// The span that runs, its latest event first.
    running: Vec<Entry>,
    running_end_ms: i64,
    calendar: Vec<Vec<Entry>>,
    far: BinaryHeap<Reverse<Entry>>,
    scheduled: u64,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self {
            running: Vec::new(),
            running_end_ms: 0,
            calendar: vec![Vec::new(); SPANS],
            far: BinaryHeap::new(),
            scheduled: 0,
        }
    }
}

/// The place of a time's span in the calendar.
fn span_of(at_ms: i64) -> usize {
    // Non-negative: times before the running span never come here.
    usize::try_from(at_ms / SPAN_MS).unwrap_or(0) % SPANS
}

impl EventQueue {
    pub(crate) fn schedule(&mut self, at_ms: i64, event: Event) {
        let entry = (at_ms, self.scheduled, event);
        self.scheduled += 1;
        let reach_ms = SPAN_MS * (i64::try_from(SPANS).unwrap_or(i64::MAX) - 1);
        if at_ms < self.running_end_ms {
            let place = self.running.partition_point(|later| (later.0, later.1) > (entry.0, entry.1));
            self.running.insert(place, entry);
        } else if at_ms < self.running_end_ms + reach_ms {
            self.calendar[span_of(at_ms)].push(entry);
        } else {
            self.far.push(Reverse(entry));
        }
    }

    /// The next event before `end_ms`, in order.
    pub(crate) fn pop_before(&mut self, end_ms: i64) -> Option<(i64, Event)> {
        while self.running.is_empty() {
            if self.running_end_ms >= end_ms {
                return None;
            }
            self.next_span();
        }
        let &(at, _, event) = self.running.last()?;
        if at >= end_ms {
            return None;
        }
        self.running.pop();
        Some((at, event))
    }

    fn next_span(&mut self) {
        let span = span_of(self.running_end_ms);
        self.running_end_ms += SPAN_MS;
        std::mem::swap(&mut self.running, &mut self.calendar[span]);
        while let Some(Reverse(entry)) = self.far.peek() {
            if entry.0 >= self.running_end_ms {
                break;
            }
            self.running.push(*entry);
            self.far.pop();
        }
        self.running.sort_unstable_by_key(|entry| Reverse((entry.0, entry.1)));
    }

    /// How many events have been scheduled so far.
    pub(crate) fn scheduled(&self) -> u64 {
        self.scheduled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn events_come_in_the_order_of_time_whenever_they_are_scheduled(
            steps in proptest::collection::vec((0_i64..200_000, 0_i64..3_000), 1..200),
        ) {
            let mut queue = EventQueue::default();
            let (mut now, mut due, mut seen) = (0, Vec::new(), Vec::new());
            for (number, (ahead_ms, wait_ms)) in (0_u32..).zip(steps) {
                queue.schedule(now + ahead_ms, Event::Head { lane: number });
                due.push((now + ahead_ms, number));
                now += wait_ms;
                while let Some((at, Event::Head { lane })) = queue.pop_before(now) {
                    seen.push((at, lane));
                }
            }
            while seen.len() < due.len() {
                now += 1_000;
                while let Some((at, Event::Head { lane })) = queue.pop_before(now) {
                    seen.push((at, lane));
                }
            }
            due.sort_unstable();
            prop_assert_eq!(seen, due);
        }
    }
}
