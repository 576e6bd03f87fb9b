//! Recovery: from the exit of a preemption until the display is in step with the plan again.

use clearway_signals::{GroupSet, Millis};

/// The last recovery, finished or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// When the exit began.
    pub exited: Millis,
    /// From then until the display began to follow the plan, once it has followed it for a whole cycle.
    pub took: Option<Millis>,
    /// The same in cycles, begun ones counted whole.
    pub cycles: Option<u32>,
}

/// Watches whether the display follows the plan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    in_step_since: Option<Millis>,
    last: Option<Recovery>,
}

impl Watch {
    pub fn exit(&mut self, now: Millis) {
        self.last = Some(Recovery { exited: now, took: None, cycles: None });
        self.in_step_since = None;
    }

    pub fn observe(&mut self, greens: GroupSet, planned: GroupSet, cycle: Millis, now: Millis) {
        if greens != planned {
            self.in_step_since = None;
            return;
        }
        let since = *self.in_step_since.get_or_insert(now);
        let Some(last) = self.last.as_mut().filter(|last| last.took.is_none()) else { return };
        if now - since >= cycle {
            let took = since - last.exited;
            last.took = Some(took);
            last.cycles = u32::try_from((took.0 + cycle.0 - 1).div_euclid(cycle.0)).ok();
        }
    }

    pub fn in_step(&self) -> bool {
        self.in_step_since.is_some()
    }

    pub fn last(&self) -> Option<Recovery> {
        self.last
    }
}
