//! The best that a fixed lead can do: every signal is called so long before the vehicle's arrival,
//! whatever the controller shows and whoever stands there. It knows the town by heart, and takes the
//! driver's pace from the way behind him.

use clearway_planner::VehicleFix;
use clearway_signals::Millis;

use super::drive::{Policy, World};
use super::town::CROSSROADS;
use crate::chance::Chance;

/// Calls `lead` before the arrival.
pub struct FixedLead {
    lead: Millis,
    chance: Chance,
    /// Usual time of the whole way at the start of the trip, and when that was.
    left: Option<(f64, Millis)>,
    call_at: Vec<Millis>,
}

impl FixedLead {
    /// A policy with this lead.
    #[must_use]
    pub fn new(lead: Millis) -> Self {
        Self { lead, chance: Chance::new(1, 9), left: None, call_at: Vec::new() }
    }
}

impl Policy for FixedLead {
    fn begin(&mut self, _: &mut World<'_>, _: usize) {
        self.left = None;
        self.call_at = vec![Millis::NEVER; usize::from(CROSSROADS)];
    }

    fn second(&mut self, world: &mut World<'_>, _: &VehicleFix) {
        let last = usize::from(CROSSROADS) - 1;
        let usual = world.usual_time(last);
        let (whole, since) = *self.left.get_or_insert((usual, world.now));
        // The driver's pace so far, as if half a minute at the usual pace had gone before.
        let slow = ((world.now - since).as_s() + 30.0) / (whole - usual + 30.0);
        for line in world.next_line()..=last {
            #[allow(clippy::cast_possible_truncation)]
            let left = Millis((world.usual_time(line) * slow * 1000.0) as i64);
            self.call_at[line] = world.now + left - self.lead;
        }
        for line in 0..world.next_line() {
            world.plants[line].release(world.now);
        }
    }

    fn tick(&mut self, world: &mut World<'_>) {
        if self.left.is_none() {
            return;
        }
        for line in world.next_line()..usize::from(CROSSROADS) {
            if self.call_at[line] <= world.now {
                let site = &world.town.network.controllers[line];
                world.plants[line].call(site, world.now, &mut self.chance);
            }
        }
    }

    fn end(&mut self, _: &mut World<'_>) {}
}
