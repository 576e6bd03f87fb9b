//! The network between the centre and one controller: what it does to a packet.
//!
//! Ranges are those of published simulators of distributed systems: loss up to 30 %, replay up to
//! 50 %, delays up to a second, clogs of seconds, one-way and full partitions.

use clearway_signals::Millis;

use crate::rng::Rng;

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// To the controller.
    Out,
    /// To the centre.
    Back,
}

/// What the network does now. Shares are in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Weather {
    pub loss_permille: u32,
    pub duplicate_permille: u32,
    pub corrupt_permille: u32,
    /// Time from end to end, and how much more it may be.
    pub delay_ms: i64,
    pub jitter_ms: i64,
    /// Nothing passes, by way.
    pub blocked: [bool; 2],
    /// Blocked for half of each second.
    pub flapping: bool,
}

impl Weather {
    /// A local network on a good day.
    pub const CLEAR: Self = Self {
        loss_permille: 0,
        duplicate_permille: 0,
        corrupt_permille: 0,
        delay_ms: 4,
        jitter_ms: 6,
        blocked: [false, false],
        flapping: false,
    };

    pub fn is_clear(&self) -> bool {
        *self == Self::CLEAR
    }

    /// Bad weather of some kind, and its name.
    pub fn draw(rng: &mut Rng) -> (Self, &'static str) {
        let clear = Self::CLEAR;
        let one_of = |rng: &mut Rng, values: [u32; 3]| values[(rng.next_u64() % 3) as usize];
        match rng.next_u64() % 9 {
            0 => (Self { loss_permille: one_of(rng, [10, 100, 300]), ..clear }, "loss"),
            1 => (Self { duplicate_permille: one_of(rng, [20, 200, 500]), ..clear }, "duplicates"),
            2 => (Self { delay_ms: one_of(rng, [50, 200, 1_000]).into(), jitter_ms: 20, ..clear }, "delay"),
            // Packets of one direction overtake each other where the jitter is wider than their gaps.
            3 => (Self { jitter_ms: one_of(rng, [60, 300, 900]).into(), ..clear }, "jitter and reordering"),
            4 => (Self { corrupt_permille: one_of(rng, [5, 50, 200]), ..clear }, "corruption"),
            5 => (Self { blocked: [true, false], ..clear }, "partition towards the controller"),
            6 => (Self { blocked: [false, true], ..clear }, "partition towards the centre"),
            7 => (Self { blocked: [true, true], ..clear }, "partition"),
            _ => (Self { flapping: true, ..clear }, "flapping"),
        }
    }

    fn is_blocked(&self, way: Way, now: Millis) -> bool {
        self.blocked[way as usize] || (self.flapping && now.0.rem_euclid(1_000) < 500)
    }

    fn hits(rng: &mut Rng, permille: u32) -> bool {
        permille > 0 && rng.next_u64() % 1_000 < u64::from(permille)
    }

    /// When a datagram sent now arrives: never, once or twice; and whether it is damaged.
    pub fn datagram(&self, way: Way, now: Millis, rng: &mut Rng) -> ([Option<Millis>; 2], bool) {
        if self.is_blocked(way, now) || Self::hits(rng, self.loss_permille) {
            return ([None, None], false);
        }
        let first = now + self.travel(rng);
        let second = Self::hits(rng, self.duplicate_permille).then(|| now + self.travel(rng));
        ([Some(first), second], Self::hits(rng, self.corrupt_permille))
    }

    /// When a piece of a stream sent now arrives, not before `after`; and whether it is damaged. What is
    /// lost is sent again by the transport, until the way is open.
    pub fn stream(&self, way: Way, now: Millis, after: Millis, rng: &mut Rng) -> (Option<Millis>, bool) {
        let mut sent = now;
        let mut again = Millis(200);
        for _ in 0..6 {
            if !self.is_blocked(way, sent) && !Self::hits(rng, self.loss_permille) {
                let arrives = (sent + self.travel(rng)).max(after);
                return (Some(arrives), Self::hits(rng, self.corrupt_permille));
            }
            sent += again;
            again += again;
        }
        (None, false)
    }

    fn travel(&self, rng: &mut Rng) -> Millis {
        let jitter = if self.jitter_ms > 0 { rng.next_u64() % self.jitter_ms.unsigned_abs() } else { 0 };
        Millis(self.delay_ms + jitter.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_order_and_a_partition_stops_it() {
        let mut rng = Rng::new(1, 1);
        let bad = Weather { jitter_ms: 900, loss_permille: 300, ..Weather::CLEAR };
        let mut last = Millis::ZERO;
        for n in 0..200 {
            if let (Some(at), _) = bad.stream(Way::Out, Millis(n * 10), last, &mut rng) {
                assert!(at >= last);
                last = at;
            }
        }
        let cut = Weather { blocked: [true, false], ..Weather::CLEAR };
        assert_eq!(cut.stream(Way::Out, Millis(5), Millis::ZERO, &mut rng), (None, false));
        assert!(cut.stream(Way::Back, Millis(5), Millis::ZERO, &mut rng).0.is_some());
    }
}
