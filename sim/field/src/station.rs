//! One emulator with its monitor, and a network of them in virtual time.

use clearway_network::{Controller, Network};
use clearway_signals::{ControllerId, GroupKind, Millis, Relation};

use crate::emulator::{Aspect, Emulator, Options, STEP_TICKS_MAX, TICK};
use crate::monitor::{GROUPS_MAX, Monitor, Tables, Totals, code};

/// An emulated controller and the monitor that watches its display.
#[derive(Clone, Debug)]
pub struct Station {
    emulator: Emulator,
    monitor: Monitor,
}

impl Station {
    /// The controller of the model, watched from the start.
    #[must_use]
    pub fn new(controller: &Controller, options: Options) -> Self {
        let mut station =
            Self { emulator: Emulator::new(controller, options), monitor: Monitor::new(tables(controller)) };
        station.observe();
        station
    }

    /// Go on by one tick of 100 ms, and look at the display.
    pub fn tick(&mut self) {
        self.emulator.tick();
        self.observe();
    }

    /// Go on to `until` tick by tick, at most an hour; where it got.
    pub fn advance(&mut self, until: Millis) -> Millis {
        for _ in 0..STEP_TICKS_MAX {
            if self.emulator.now() + TICK > until {
                break;
            }
            self.tick();
        }
        self.emulator.now()
    }

    /// The controller.
    #[must_use]
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The controller, to call, press and switch. Advance time through the station only: what the
    /// emulator shows between is not watched.
    pub fn emulator_mut(&mut self) -> &mut Emulator {
        &mut self.emulator
    }

    /// The monitor.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    fn observe(&mut self) {
        let mut display = [code::DARK; GROUPS_MAX];
        for (shown, aspect) in display.iter_mut().zip(self.emulator.aspects()) {
            *shown = code_of(*aspect);
        }
        let row = self.emulator.serving().map(|row| row.0);
        self.monitor.observe(self.emulator.now().0, &display, row);
        // As a malfunction management unit: a conflict that lasted 300 ms takes the signals away.
        if self.monitor.totals().latched && !self.emulator.is_tripped() {
            self.emulator.trip();
        }
    }

    /// A person at the cabinet has mended what the monitor found: start up again, watched anew. What
    /// was counted before is gone.
    pub fn reset_monitor(&mut self, controller: &Controller) {
        self.monitor = Monitor::new(tables(controller));
        self.emulator.reset_trip();
        self.emulator.restart();
        self.observe();
    }
}

const fn code_of(aspect: Aspect) -> u8 {
    match aspect {
        Aspect::Red => code::RED,
        Aspect::RedYellow => code::RED_YELLOW,
        Aspect::Green => code::GREEN,
        Aspect::Yellow => code::YELLOW,
        Aspect::Clearance => code::CLEARANCE,
        Aspect::Flash => code::FLASH,
        Aspect::Dark => code::DARK,
    }
}

/// The monitor's tables, from the model and not from the emulator.
fn tables(controller: &Controller) -> Tables {
    let groups = &controller.groups;
    let pedestrian = |kind| kind == GroupKind::Pedestrian;
    Tables {
        min_green_ms: groups.iter().map(|g| g.min_green.0).collect(),
        ending_ms: groups
            .iter()
            .map(|g| if g.yellow > g.clearance { g.yellow.0 } else { g.clearance.0 })
            .collect(),
        pedestrian: groups.iter().map(|g| pedestrian(g.kind)).collect(),
        intergreen_ms: controller
            .relations
            .iter()
            .map(|relation| match relation {
                Relation::Conflict(ms) => Some(ms.0),
                Relation::Compatible | Relation::Permitted => None,
            })
            .collect(),
        max_presence_ms: controller.rows.iter().map(|row| row.max_presence.0).collect(),
    }
}

/// The stations of a network in virtual time, all on one clock.
#[derive(Clone, Debug)]
pub struct VirtualField {
    stations: Vec<Station>,
}

impl VirtualField {
    /// One station for each controller, in the order of their ids.
    #[must_use]
    pub fn new(network: &Network, options: Options) -> Self {
        Self { stations: network.controllers.iter().map(|c| Station::new(c, options)).collect() }
    }

    /// Bring every station to `until`, at most an hour further.
    pub fn advance(&mut self, until: Millis) {
        for station in &mut self.stations {
            station.advance(until);
        }
    }

    /// Bring some stations to `until`, at most an hour further; the others stand still.
    pub fn advance_only(&mut self, controllers: &[ControllerId], until: Millis) {
        for controller in controllers {
            if let Some(station) = self.stations.get_mut(controller.index()) {
                station.advance(until);
            }
        }
    }

    /// The stations, by `ControllerId`.
    #[must_use]
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// One controller.
    #[must_use]
    pub fn emulator(&self, controller: ControllerId) -> Option<&Emulator> {
        self.stations.get(controller.index()).map(Station::emulator)
    }

    /// One controller, to call, press and switch.
    pub fn emulator_mut(&mut self, controller: ControllerId) -> Option<&mut Emulator> {
        self.stations.get_mut(controller.index()).map(Station::emulator_mut)
    }

    /// What all monitors counted.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.stations.iter().fold(Totals::default(), |sum, station| sum.plus(station.monitor().totals()))
    }
}
