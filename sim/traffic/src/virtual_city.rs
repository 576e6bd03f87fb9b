//! Traffic and emulated controllers on one virtual clock, each seeing the other.

use std::sync::Arc;

use clearway_field::{Aspect as Shown, Options, VirtualField};
use clearway_network::Network;
use clearway_signals::{ControllerId, GroupId, Millis};

use crate::physics::TICK_MS;
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
}

impl VirtualCity {
    /// An empty city at time zero, its controllers at the start of their plans.
    #[must_use]
    pub fn new(network: Arc<Network>, config: WorldConfig) -> Self {
        let field = VirtualField::new(&network, Options::default());
        Self { world: World::new(network, config), field }
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
        self.field.advance(next);
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
