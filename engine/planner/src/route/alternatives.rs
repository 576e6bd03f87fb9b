//! Several ways that differ: the quickest one, and others that share little of it.
//!
//! The penalty method: the links of a way that was found cost more in the next search. Each way is timed
//! again without penalties, and kept when it is not much slower than the best and differs enough from
//! those that are kept already. The number of searches is bounded.

use clearway_network::LinkId;
use clearway_signals::Millis;

use super::{Crossing, Query, Router};

/// Ways that can be asked for.
pub const ALTERNATIVES_MAX: usize = 8;
/// Searches for each way that is asked for.
const TRIES_EACH: usize = 4;
/// A link of a way that was found costs this share of its time more, each time.
const PENALTY_PERCENT: u32 = 40;
/// An alternative takes no longer than this share of the best way's time.
const TIME_PERCENT: i64 = 150;
/// It shares no more than this with any other that is kept, by time.
const SHARED_MAX_PERMILLE: u32 = 700;

/// One of several ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alternative {
    /// The links, a start's first and a goal's last.
    pub way: Vec<LinkId>,
    /// When the destination is reached.
    pub arrives: Millis,
    /// How much of it other alternatives that arrive earlier share at most, thousandths of its time.
    pub shared_permille: u32,
}

impl Router {
    /// Up to `count` ways, the quickest first; see [`Router::seek`] for `wait`. Allocates: it is for
    /// people who choose, not for every fix.
    pub fn alternatives(
        &mut self,
        query: &Query<'_>,
        wait: impl Fn(&Crossing, Millis) -> Millis,
        count: usize,
    ) -> Vec<Alternative> {
        let count = count.clamp(1, ALTERNATIVES_MAX);
        let mut kept: Vec<Alternative> = Vec::new();
        let (mut way, mut times) = (Vec::new(), Vec::new());
        for _ in 0..count * TRIES_EACH {
            if kept.len() == count || self.seek(query, &wait, &mut way).is_none() {
                break;
            }
            let drivable = self.times(query, &way, &wait, &mut times);
            let arrives = times.last().copied().unwrap_or(Millis::NEVER);
            let shared_permille = kept.iter().map(|other| self.shared(&way, &other.way)).max().unwrap_or(0);
            let longest = kept.first().map_or(Millis::NEVER, |best| {
                query.depart + Millis((best.arrives - query.depart).0.saturating_mul(TIME_PERCENT) / 100)
            });
            if drivable && arrives <= longest && shared_permille <= SHARED_MAX_PERMILLE {
                kept.push(Alternative { way: way.clone(), arrives, shared_permille });
            }
            self.penalise(&way);
        }
        self.forgive();
        if let Some((_, others)) = kept.split_first_mut() {
            others.sort_by_key(|alternative| alternative.arrives);
        }
        kept
    }

    /// How much of `way` lies on `other`, thousandths of its time in free flow.
    fn shared(&self, way: &[LinkId], other: &[LinkId]) -> u32 {
        let time = |link: &LinkId| u64::from(self.roads.running_ms[link.index()]);
        let whole: u64 = way.iter().map(time).sum();
        let common: u64 = way.iter().filter(|link| other.contains(link)).map(time).sum();
        u32::try_from(common * 1_000 / whole.max(1)).unwrap_or(1_000)
    }

    fn penalise(&mut self, way: &[LinkId]) {
        self.penalised = true;
        for link in way {
            let more = self.roads.running_ms[link.index()] / 100 * PENALTY_PERCENT;
            let penalty = &mut self.penalties[link.index()];
            *penalty = penalty.saturating_add(more);
        }
    }

    fn forgive(&mut self) {
        self.penalised = false;
        self.penalties.fill(0);
    }
}
