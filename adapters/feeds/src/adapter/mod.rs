//! The sockets: UDP, HTTP and MQTT, each giving events to a sink.
//!
//! An adapter runs until its future is dropped. It reads no clock of its own.

pub mod clock;
pub mod http;
pub mod mqtt;
pub mod udp;

use std::sync::Arc;

use crate::fix::{Arrival, FeedEvent};
use crate::reject::{Reject, Tally};

pub use clock::{AnchoredWall, Clock, WallClock};

/// Takes events as they are decoded, with the instant of decoding in nanoseconds of the process's
/// monotonic clock. Must not block.
pub type Sink = Arc<dyn Fn(FeedEvent, u64) + Send + Sync>;

/// What every adapter is given.
#[derive(Clone)]
pub struct Outlet {
    /// Monotonic milliseconds and nanoseconds.
    pub clock: Clock,
    /// Wall-clock time.
    pub wall: WallClock,
    /// Where events go.
    pub sink: Sink,
    /// What was taken and refused.
    pub tally: Arc<Tally>,
}

impl Outlet {
    /// When a message that is at hand came in.
    fn arrival(&self) -> Arrival {
        let (received, _) = (self.clock)();
        Arrival { received, wall: (self.wall)() }
    }

    /// Counts and hands over one result.
    fn give(&self, result: Result<FeedEvent, Reject>) {
        match result {
            Ok(event) => {
                let (now, decoded_ns) = (self.clock)();
                self.tally.accept(now);
                (self.sink)(event, decoded_ns);
            }
            Err(reject) => self.tally.reject(reject),
        }
    }
}

#[cfg(test)]
mod testing {
    use super::*;
    use crate::wall::WallMs;
    use clearway_signals::Millis;
    use tokio::sync::mpsc;

    /// The wall clock of tests: 2026-09-26T18:28:31Z, standing still.
    pub const NOW: WallMs = WallMs(1_790_447_311_000);

    /// An outlet whose events can be received.
    pub fn outlet() -> (Outlet, mpsc::UnboundedReceiver<(FeedEvent, u64)>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let outlet = Outlet {
            clock: Arc::new(|| (Millis(5), 5_000_000)),
            wall: Arc::new(|| NOW),
            sink: Arc::new(move |event, decoded_ns| {
                let _ = sender.send((event, decoded_ns));
            }),
            tally: Arc::default(),
        };
        (outlet, receiver)
    }
}
