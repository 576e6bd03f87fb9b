//! Traffic and emulated controllers on one virtual clock, each seeing the other.

use std::sync::Arc;

use clearway_field::{Aspect as Shown, Options, VirtualField};
use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, Millis};

use crate::demand::Demand;
use crate::physics::{Manners, TICK_MS};
use crate::signals::{Aspect, Signals};
use crate::world::{World, WorldConfig};

impl Signals for VirtualField {
    fn aspect(&self, _now: Millis, controller: ControllerId, group: GroupId) -> Aspect {
        let shown = self.emulator(controller).and_then(|emulator| emulator.aspects().get(group.index()));
        shown.map_or(Aspect::Dark, |&shown| Aspect::from(shown))
    }
}

impl From<Shown> for Aspect {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Red => Self::Red,
            Shown::RedYellow => Self::RedYellow,
            Shown::Green => Self::Green,
            Shown::Yellow => Self::Yellow,
            Shown::Clearance => Self::Clearance,
            Shown::Flash | Shown::Dark => Self::Dark,
        }
    }
}

/// Who stands on the detectors is looked up this often; who passes is known at once.
const OCCUPANCY_EVERY_MS: i64 = 1_000;

/// A world and its controllers.
#[derive(Debug)]
pub struct VirtualCity {
    /// The traffic.
    pub world: World,
    /// The controllers and their monitors.
    pub field: VirtualField,
    /// The controllers that are emulated; the others run their plans by themselves.
    emulated: Vec<ControllerId>,
}

impl VirtualCity {
    /// An empty city at time zero, its controllers at the start of their plans.
    #[must_use]
    pub fn new(network: Arc<Network>, config: WorldConfig) -> Self {
        let field = VirtualField::new(&network, Options::default());
        let emulated = network.controllers.iter().map(|controller| controller.id).collect();
        Self { world: World::new(network, config), field, emulated }
    }

    /// An empty city with a demand and drivers of its own, in which only some controllers are emulated.
    #[must_use]
    pub fn with_demand(
        network: &Arc<Network>,
        config: WorldConfig,
        demand: &Demand,
        manners: Manners,
        emulated: &[ControllerId],
    ) -> Self {
        let field = VirtualField::new(network, Options::default());
        let mut world = World::with_demand(Arc::clone(network), config, demand, manners);
        let mut others = vec![true; network.controllers.len()];
        for id in emulated {
            others[id.index()] = false;
        }
        let alone =
            network.controllers.iter().map(|controller| controller.id).filter(|id| others[id.index()]);
        world.run_by_plan(alone);
        Self { world, field, emulated: emulated.to_vec() }
    }

    /// The controllers that are emulated.
    #[must_use]
    pub fn emulated(&self) -> &[ControllerId] {
        &self.emulated
    }

    /// The time that both have reached.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.world.now()
    }

    /// One step of 100 ms: the controllers first, then the traffic that sees them, then their
    /// detectors.
    pub fn tick(&mut self) {
        let next = self.world.now() + Millis(TICK_MS);
        self.field.advance_only(&self.emulated, next);
        self.world.advance(next, &self.field);
        for (controller, number) in self.world.take_pulses() {
            if let Some(emulator) = self.field.emulator_mut(controller) {
                emulator.detector_pulse(number);
            }
        }
        if next.0 % OCCUPANCY_EVERY_MS == 0 {
            self.hold_detectors();
        }
    }

    fn hold_detectors(&mut self) {
        for (controller, number, occupied) in self.world.detector_occupancy() {
            if let Some(emulator) = self.field.emulator_mut(controller) {
                emulator.detector_hold(number, occupied);
            }
        }
    }

    /// Go on to `to`, step by step.
    pub fn advance(&mut self, to: Millis) {
        while self.now() + Millis(TICK_MS) <= to {
            self.tick();
        }
    }
}
