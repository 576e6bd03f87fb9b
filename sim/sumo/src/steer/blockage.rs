//! Vehicles that stand although nothing that we know holds them.
//!
//! Where the next edge of the way takes vehicles and no red stands between, a queue that does not
//! move waits for something else: as a rule for another movement of the very signal ahead. A hold for
//! the emergency vehicle keeps that movement red, and so the queue before the vehicle in its place.

use std::collections::BTreeMap;

use clearway_signals::Millis;

use super::observe::Fix;
use super::queues::Queues;
use super::site::{EdgeId, Site};
use super::watch::Watch;
use super::way::Controlled;

/// Edges ahead of a vehicle that are looked at.
const LOOK_AHEAD: usize = 40;
/// A queue that may go has begun to move after this, and the time of its start wave.
const PATIENCE: Millis = Millis::from_s(5);
/// From one standing vehicle's start to the next one's.
const START_WAVE_MS: i64 = 1_200;
/// Free road of this length is room for somebody, millimetres.
const ROOM_MM: i64 = 15_000;
/// A blockage counts as one for so long, and then for so long as none: it may have been misjudged.
const TURN: Millis = Millis::from_s(45);
/// A pair of edges that is not seen for so long is forgotten.
const SILENCE: Millis = Millis(2_500);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stand {
    since: Millis,
    seen_at: Millis,
}

/// What the road ahead of a vehicle is seen by.
pub struct Scene<'a> {
    pub site: &'a Site,
    pub controlled: &'a Controlled,
    pub watches: &'a [Watch],
    pub queues: &'a Queues,
    pub now: Millis,
}

impl Scene<'_> {
    /// Whether no red stands between two edges of a way.
    fn may_go(&self, pair: (EdgeId, EdgeId)) -> bool {
        self.controlled.get(&pair).is_none_or(|head| {
            let watch = &self.watches[head.index()];
            self.site.head(*head).links_between(pair.0, pair.1).any(|link| watch.green(link))
        })
    }

    /// Whether the way is free from an edge on. Whoever waits for a red stands right before it: there
    /// is no room between.
    fn has_room(&self, route: &[EdgeId], from: usize) -> bool {
        let mut left_mm = ROOM_MM;
        for (n, edge) in route.iter().enumerate().skip(from) {
            let Some(about) = self.site.edge(*edge).filter(|_| left_mm > 0) else { return true };
            let red = n > from && !self.may_go((route[n - 1], *edge));
            if red || self.queues.longest_milli(edge.index()) > 0 {
                return false;
            }
            left_mm -= about.length_mm;
        }
        true
    }
}

/// Since when the end of an edge has stood still on the way to the next one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blockages {
    stands: BTreeMap<(EdgeId, EdgeId), Stand>,
}

impl Blockages {
    /// Take the way ahead of a vehicle in; for each edge whose blockage has just dissolved,
    /// `dissolved` is told its index into the way.
    pub fn update(&mut self, scene: &Scene<'_>, fix: &Fix, mut dissolved: impl FnMut(usize)) {
        let Scene { queues, now, .. } = *scene;
        let from = fix.at + usize::from(fix.on_junction);
        for (n, pair) in fix.route.windows(2).enumerate().skip(from).take(LOOK_AHEAD) {
            let pair = (pair[0], pair[1]);
            if queues.typical(pair.0.index()) > 0 && scene.may_go(pair) && scene.has_room(&fix.route, n + 1) {
                let stand = self.stands.entry(pair).or_insert(Stand { since: now, seen_at: now });
                stand.seen_at = now;
            } else if let Some(stand) = self.stands.remove(&pair) {
                let stood = now.since(stand.since) > PATIENCE;
                if stood && queues.typical(pair.0.index()) == 0 {
                    dissolved(n);
                }
            }
        }
    }

    /// Forget what is no longer looked at.
    pub fn forget(&mut self, now: Millis) {
        self.stands.retain(|_, stand| now.since(stand.seen_at) <= SILENCE);
    }

    /// Whether the end of the first edge stands for a reason of its own.
    pub fn blocks(&self, queues: &Queues, pair: (EdgeId, EdgeId), now: Millis) -> bool {
        let start = Millis(START_WAVE_MS * i64::from(queues.typical(pair.0.index())));
        self.stands.get(&pair).is_some_and(|stand| {
            let over = now.since(stand.since).0 - (PATIENCE + start).0;
            over > 0 && over % (2 * TURN.0) < TURN.0
        })
    }
}
