//! Lanes and links that are closed for a while.

use std::sync::Arc;

use clearway_network::LinkId;
use clearway_signals::Millis;

use crate::event::Event;
use crate::routing::WayTree;
use crate::world::{World, narrow};

/// An incident that takes lanes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closure {
    /// Where.
    pub link: LinkId,
    /// How many lanes from the right; `None`, or as many as there are: the whole link.
    pub lanes: Option<u8>,
    /// From when.
    pub from: Millis,
    /// Until when.
    pub until: Millis,
}

impl Closure {
    fn holds(&self, now_ms: i64) -> bool {
        self.from.0 <= now_ms && now_ms < self.until.0
    }
}

impl World {
    /// Close lanes for a while. Who is on them drives past the obstacle in turn with the open lanes
    /// beside it, or waits where there are none; who wanted to enter a closed link looks for another way.
    pub fn close(&mut self, closure: Closure) {
        if closure.link.index() >= self.roads.network.links.len() {
            return;
        }
        let number = narrow(self.closures.len());
        self.closures.push(closure);
        for at in [closure.from, closure.until] {
            self.events.schedule(at.0.max(self.now_ms), Event::Closure { closure: number });
        }
    }

    /// Whether no lane of the link is open.
    #[must_use]
    pub fn is_closed(&self, link: LinkId) -> bool {
        self.roads.lanes(link).all(|lane| self.lanes[lane as usize].closed)
    }

    pub(crate) fn closure_changes(&mut self, closure: u32) {
        let link = self.closures[closure as usize].link;
        let now = self.now_ms;
        let here = self.closures.iter().filter(|other| other.link == link && other.holds(now));
        let closed = here.map(|other| other.lanes.map_or(u32::MAX, u32::from)).max().unwrap_or(0);
        let lanes = self.roads.lanes(link);
        for lane in lanes.clone() {
            self.lanes[lane as usize].closed = lane - lanes.start < closed;
        }
        for lane in lanes {
            self.serve(lane);
            self.call_waiters(lane);
        }
    }

    /// A car that enters a link leaves a way over a closed link for one around it, where there is one.
    pub(crate) fn look_around(&mut self, slot: u32) {
        if self.closures.is_empty() {
            return;
        }
        let Some(car) = self.fleet.get(slot).filter(|car| car.motion.is_none()) else { return };
        let network = Arc::clone(&self.roads.network);
        let ahead = car.route.iter().skip(car.step).map(|&m| network.movement(m).to);
        let (goal, closed) = (ahead.clone().next_back(), ahead.clone().any(|link| self.is_closed(link)));
        let (Some(goal), true) = (goal, closed) else { return };
        let tree = WayTree::around(&network, car.link, self.config.seed, 0, |link| self.is_closed(link));
        if let (Some(way), Some(car)) = (tree.route_to(&network, goal), self.fleet.get_mut(slot)) {
            (car.route, car.step) = (way, 0);
            self.counts.detours += 1;
        }
    }

    /// The open lane beside a closed one.
    pub(crate) fn open_beside(&self, lane: u32, link: LinkId) -> Option<u32> {
        self.roads
            .lanes(link)
            .filter(|&other| other != lane)
            .find(|&other| !self.lanes[other as usize].closed)
    }
}
