//! What the others lose: delay of the cars that share a controller with an emergency route.

use std::collections::BTreeMap;

use clearway_network::{LinkId, MovementId, Network};
use clearway_signals::{ControllerId, Millis};

use crate::vehicle::{Serial, Vehicle};
use crate::world::World;

/// Running sums since the watch began.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrossTraffic {
    watched: Vec<bool>,
    /// Every car counts, wherever it goes.
    everyone: bool,
    /// Delay that the cars present at the beginning had already.
    before_ms: i64,
    left_ms: i64,
    left: u64,
    /// Lateness of the trams on the road when the watch, or their run, began.
    trams_before_ms: BTreeMap<Serial, i64>,
    trams_left_ms: i64,
    trams_left: u64,
}

/// What the trams lost in the window since [`World::watch`], all lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TramChange {
    /// Sum of all changes of lateness; positive: later.
    pub total: Millis,
    /// Trams that were on the road in the window.
    pub trams: u64,
}

impl TramChange {
    /// Seconds a tram.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_s(&self) -> f64 {
        if self.trams == 0 { 0.0 } else { self.total.as_s() / self.trams as f64 }
    }
}

/// Delay of the cross traffic in the window since [`World::watch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CrossDelay {
    /// Sum over all cars, against free travel.
    pub total: Millis,
    /// How many cars, those still on the road included.
    pub cars: u64,
}

impl CrossDelay {
    /// Seconds a car.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_s(&self) -> f64 {
        if self.cars == 0 { 0.0 } else { self.total.as_s() / self.cars as f64 }
    }
}

/// Cars that left the network since [`World::watch_everyone`], or since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Travelled {
    /// How many.
    pub cars: u64,
    /// Sum of their times on the road, the wait at the edge not included.
    pub time: Millis,
}

/// What passed over one link since [`World::watch_everyone`], or since the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkTotals {
    /// Vehicles that left it at its end.
    pub vehicles: u64,
    /// What cars lost on it against free travel.
    pub delay: Millis,
}

impl CrossTraffic {
    /// Whether a route runs through a watched controller.
    pub(crate) fn concerns(&self, network: &Network, route: &[MovementId]) -> bool {
        if self.everyone || self.watched.is_empty() {
            return self.everyone;
        }
        route.iter().any(|&m| {
            let signal = network.movement(m).signal;
            signal.is_some_and(|s| self.watched.get(s.controller.index()) == Some(&true))
        })
    }

    pub(crate) fn tram_begins(&mut self, serial: Serial, lateness_ms: i64) {
        self.trams_before_ms.insert(serial, lateness_ms);
    }

    pub(crate) fn tram_ends(&mut self, serial: Serial, lateness_ms: i64) {
        if let Some(before_ms) = self.trams_before_ms.remove(&serial) {
            self.trams_left_ms += lateness_ms - before_ms;
            self.trams_left += 1;
        }
    }

    pub(crate) fn left(&mut self, car: &Vehicle) {
        if car.cross {
            self.left_ms += car.delay_ms;
            self.left += 1;
        }
    }
}

impl World {
    /// Begin to measure the cars whose way leads through any of these controllers, from now on.
    pub fn watch(&mut self, controllers: &[ControllerId]) {
        let count = self.roads.network.controllers.len();
        let mut watched = vec![false; count];
        for controller in controllers.iter().filter(|c| c.index() < count) {
            watched[controller.index()] = true;
        }
        self.begin(CrossTraffic { watched, ..CrossTraffic::default() });
    }

    /// Begin to measure all cars from now on, and each link anew.
    pub fn watch_everyone(&mut self) {
        self.begin(CrossTraffic { everyone: true, ..CrossTraffic::default() });
        for lane in &mut self.lanes {
            (lane.passed, lane.lost_ms) = (0, 0);
        }
        self.travelled = Travelled::default();
    }

    fn begin(&mut self, watch: CrossTraffic) {
        self.cross = watch;
        for vehicle in self.fleet.iter_mut().filter(|v| v.motion.is_none()) {
            vehicle.cross = self.cross.concerns(&self.roads.network, &vehicle.route);
        }
        self.cross.before_ms = self.present_delay().0;
        self.cross.trams_before_ms =
            self.tram_lateness().into_iter().map(|(serial, late)| (serial, late.0)).collect();
    }

    /// Cars that left, and their times.
    #[must_use]
    pub fn travelled(&self) -> Travelled {
        self.travelled
    }

    /// Links left by vehicles since the beginning: one vehicle, one link, one traversal.
    #[must_use]
    pub fn traversals(&self) -> u64 {
        self.traversals
    }

    /// What passed over a link.
    #[must_use]
    pub fn link_totals(&self, link: LinkId) -> LinkTotals {
        self.roads.lanes(link).fold(LinkTotals::default(), |sum, lane| {
            let lane = &self.lanes[lane as usize];
            LinkTotals {
                vehicles: sum.vehicles + u64::from(lane.passed),
                delay: sum.delay + Millis(lane.lost_ms),
            }
        })
    }

    /// What the watched cars have lost since then.
    #[must_use]
    pub fn cross_delay(&self) -> CrossDelay {
        let (present_ms, present) = self.present_delay();
        let total = Millis(self.cross.left_ms + present_ms - self.cross.before_ms);
        CrossDelay { total, cars: self.cross.left + present }
    }

    /// Lateness of every tram on the road, by serial.
    #[must_use]
    pub fn tram_lateness(&self) -> BTreeMap<Serial, Millis> {
        self.driven().filter_map(|view| Some((view.serial, view.tram?.lateness))).collect()
    }

    /// How much later the trams are than when the watch, or their run, began.
    #[must_use]
    pub fn tram_change(&self) -> TramChange {
        let on_road = self.tram_lateness().into_iter().filter_map(|(serial, late)| {
            let before_ms = self.cross.trams_before_ms.get(&serial)?;
            Some(late.0 - before_ms)
        });
        let so_far = (self.cross.trams_left_ms, self.cross.trams_left);
        let (total_ms, trams) = on_road.fold(so_far, |(sum, count), change| (sum + change, count + 1));
        TramChange { total: Millis(total_ms), trams }
    }

    /// Delay so far of the watched cars on the road or waiting at its edge, and their number.
    fn present_delay(&self) -> (i64, u64) {
        let on_road = self.fleet.iter().filter(|v| v.cross).map(|v| v.delay_at(self.now_ms));
        let at_edge = self.sources.iter().flat_map(|source| &source.waiting);
        let at_edge = at_edge
            .filter(|car| self.cross.concerns(&self.roads.network, &car.way))
            .map(|car| self.now_ms - car.appeared_ms);
        on_road.chain(at_edge).fold((0, 0), |(sum, count), delay| (sum + delay, count + 1))
    }
}
