//! Who stands, or has just begun to move, on each edge.
//!
//! A simulator reports vehicles that stand. A queue that starts to move is still ahead of the fire
//! engine: it is forgotten no faster than saturation flow lets it go.

use clearway_planner::queue::departed;
use clearway_signals::Millis;

use super::observe::Observation;

const VEHICLE: i64 = 1000;
/// Space that a standing vehicle takes, millimetres.
const SPACE_MM: i64 = 7_500;

/// Queues by edge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Queues {
    /// Thousandths of a vehicle on the fullest lane.
    longest_milli: Vec<i64>,
    /// Standing vehicles on the middle lane, by their number.
    typical: Vec<u32>,
    at: Millis,
}

impl Queues {
    /// Take a sight in.
    pub fn update(&mut self, seen: &Observation, headway_ms: i64) {
        let elapsed = seen.now.since(self.at).min(Millis::from_s(60));
        let gone = departed(elapsed, 1, Millis(headway_ms));
        self.at = seen.now;
        self.longest_milli.resize(seen.standing.len().max(self.longest_milli.len()), 0);
        self.typical.resize(self.longest_milli.len(), 0);
        for (edge, lanes) in seen.standing.iter().enumerate() {
            let most = i64::from(lanes.iter().copied().max().unwrap_or(0).min(1_000)) * VEHICLE;
            self.longest_milli[edge] = most.max(self.longest_milli[edge] - gone);
            self.typical[edge] = middle(lanes);
        }
    }

    /// Thousandths of a vehicle on the fullest lane.
    pub fn longest_milli(&self, edge: usize) -> i64 {
        self.longest_milli.get(edge).copied().unwrap_or(0)
    }

    /// Standing vehicles on the middle lane.
    pub fn typical(&self, edge: usize) -> u32 {
        self.typical.get(edge).copied().unwrap_or(0)
    }

    /// Whether an edge of this length takes no further vehicle on at least half of its lanes.
    pub fn is_full(&self, edge: usize, length_mm: i64) -> bool {
        let standing = i64::from(self.typical(edge));
        standing > 0 && (standing + 1) * SPACE_MM > length_mm
    }
}

/// The upper median: footways and bus lanes beside the lanes that matter are often empty.
fn middle(lanes: &[u32]) -> u32 {
    let mut sorted = [0; 16];
    let n = lanes.len().min(sorted.len());
    sorted[..n].copy_from_slice(&lanes[..n]);
    sorted[..n].sort_unstable();
    sorted[..n].get(n / 2).copied().unwrap_or(0)
}
