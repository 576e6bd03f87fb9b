//! What the others lose: delay of the cars that share a controller with an emergency route.

use std::collections::BTreeMap;

use clearway_network::{MovementId, Network};
use clearway_signals::{ControllerId, Millis};

use crate::vehicle::{Serial, Vehicle};
use crate::world::World;

/// Running sums since the watch began.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrossTraffic {
    watched: Vec<bool>,
    /// Delay that the cars present at the beginning had already.
    before_ms: i64,
    left_ms: i64,
    left: u64,
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

impl CrossTraffic {
    /// Whether a route runs through a watched controller.
    pub(crate) fn concerns(&self, network: &Network, route: &[MovementId]) -> bool {
        route.iter().any(|&m| {
            let signal = network.movement(m).signal;
            signal.is_some_and(|s| self.watched.get(s.controller.index()) == Some(&true))
        })
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
        self.cross = CrossTraffic { watched, ..CrossTraffic::default() };
        for vehicle in self.fleet.iter_mut().filter(|v| v.motion.is_none()) {
            vehicle.cross = self.cross.concerns(&self.roads.network, &vehicle.route);
        }
        self.cross.before_ms = self.present_delay().0;
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

    /// Delay so far of the watched cars on the road or waiting at its edge, and their number.
    fn present_delay(&self) -> (i64, u64) {
        let on_road = self.fleet.iter().filter(|v| v.cross).map(|v| v.delay_at(self.now_ms));
        let at_edge = self.sources.iter().flat_map(|source| &source.waiting);
        let at_edge = at_edge
            .filter(|(_, way)| self.cross.concerns(&self.roads.network, way))
            .map(|(appeared, _)| self.now_ms - appeared);
        on_road.chain(at_edge).fold((0, 0), |(sum, count), delay| (sum + delay, count + 1))
    }
}
