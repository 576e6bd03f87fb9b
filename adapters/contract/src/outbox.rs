//! The commands' way from the engine to one adapter: a bounded queue whose writer decides when to wake
//! the reader. Handing over costs a push; the wake-up, which costs a system call, comes after the
//! last command of a batch is handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::queue::ArrayQueue;
use tokio::sync::Notify;

use crate::port::Dispatch;

#[derive(Debug)]
struct Shared {
    queue: ArrayQueue<Dispatch>,
    arrived: Notify,
    /// The engine's end is gone.
    closed: AtomicBool,
    /// The adapter's end is gone.
    deserted: AtomicBool,
}

/// The engine's end.
#[derive(Debug)]
pub struct Outbox(Arc<Shared>);

/// The adapter's end.
#[derive(Debug)]
pub struct Orders(Arc<Shared>);

/// A way with room for `room` commands, at least one.
#[must_use]
pub fn outbox(room: usize) -> (Outbox, Orders) {
    let queue = ArrayQueue::new(room.max(1));
    let shared = Arc::new(Shared {
        queue,
        arrived: Notify::new(),
        closed: AtomicBool::new(false),
        deserted: AtomicBool::new(false),
    });
    (Outbox(Arc::clone(&shared)), Orders(shared))
}

impl Outbox {
    /// Hand a command over without waking the adapter; `false` when there is no room. A controller
    /// without an adapter takes everything: nobody will ever want it.
    #[must_use]
    pub fn put(&self, dispatch: Dispatch) -> bool {
        self.0.queue.push(dispatch).is_ok() || self.0.deserted.load(Ordering::Acquire)
    }

    /// Wake the adapter: something was put in.
    pub fn wake(&self) {
        self.0.arrived.notify_one();
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.arrived.notify_one();
    }
}

impl Orders {
    /// The next command, if one waits.
    #[must_use]
    pub fn try_next(&self) -> Option<Dispatch> {
        self.0.queue.pop()
    }

    /// The next command; `None` once the engine's end is gone and nothing waits any more.
    pub async fn next(&self) -> Option<Dispatch> {
        loop {
            // Read before the queue: what was put in before the end was closed is still delivered.
            let closed = self.0.closed.load(Ordering::Acquire);
            if let Some(dispatch) = self.0.queue.pop() {
                return Some(dispatch);
            }
            if closed {
                return None;
            }
            self.0.arrived.notified().await;
        }
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.0.deserted.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{assertion, site};
    use crate::port::Protocol;
    use clearway_signals::{Millis, RowId};

    fn dispatch(request: u32) -> Dispatch {
        assertion(&site(Protocol::Ntcip), RowId(1), request, 1, Millis(0), Millis(1_000))
    }

    #[test]
    fn what_finds_no_room_is_given_back_and_the_order_is_kept() {
        let (outbox, orders) = outbox(2);
        assert!(outbox.put(dispatch(1)) && outbox.put(dispatch(2)));
        assert!(!outbox.put(dispatch(3)), "full");
        assert_eq!(orders.try_next(), Some(dispatch(1)));
        assert!(outbox.put(dispatch(3)));
        drop(orders);
        assert!(outbox.put(dispatch(4)), "nobody will take it");
    }

    #[tokio::test]
    async fn a_closed_way_delivers_what_it_holds_and_then_ends() {
        let (outbox, orders) = outbox(4);
        let reader = tokio::spawn(async move { (orders.next().await, orders.next().await) });
        tokio::task::yield_now().await;
        assert!(outbox.put(dispatch(1)));
        drop(outbox);
        assert_eq!(reader.await.unwrap(), (Some(dispatch(1)), None));
    }
}
