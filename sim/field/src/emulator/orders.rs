//! What a centre may order beyond requests: another plan, groups to start or stop, detectors by hand,
//! fixed-time control, a restart; and what can break: a stuck lamp, a tripped monitor.

use super::{Aspect, Emulator, GroupId, GroupPriority, GroupSet, Heads, Millis, Mode, Plan, SignalPlan};
use super::{PriorityRequest, STARTUP_RED};

/// Orders to single groups. Each is carried out once, through the interlock, and is then forgotten.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Orders {
    start: GroupSet,
    stop: GroupSet,
}

impl Orders {
    /// Bend what the plan wants: ordered groups start, those in their way and the stopped ones end.
    pub fn bend(&self, planned: GroupSet, heads: &Heads) -> GroupSet {
        planned.difference(heads.conflicts_of(self.start)).union(self.start).difference(self.stop)
    }

    /// Forget what is carried out.
    pub fn arrive(&mut self, greens: GroupSet, reds: GroupSet) {
        self.start = self.start.difference(greens);
        self.stop = self.stop.difference(reds);
    }
}

impl Emulator {
    /// A centre commanded something that changes nothing here: it resets the dead-man timer all the same.
    pub fn feed(&mut self) {
        self.accept(Millis::ZERO);
    }

    /// Run another plan from the next tick on. The interlock makes the change lawful.
    pub fn set_plan(&mut self, plan: &SignalPlan) {
        self.plan = Plan::new(plan, self.heads.len());
        self.priority.start_over();
    }

    /// Order a group to green: it starts as soon as the interlock lets it, once. A group in conflict
    /// with one that is ordered already is not taken; whether it was.
    pub fn order_start(&mut self, group: GroupId) -> bool {
        let free = self.heads.conflicts_of(self.orders.start).intersection(GroupSet::of(group)).is_empty();
        if group.index() >= self.heads.len() || !free {
            return false;
        }
        self.orders.start = self.orders.start.with(group);
        self.orders.stop = self.orders.stop.without(group);
        true
    }

    /// Order a group to red: it ends after its minimum green, once; whether there is such a group.
    pub fn order_stop(&mut self, group: GroupId) -> bool {
        if group.index() >= self.heads.len() {
            return false;
        }
        self.orders.stop = self.orders.stop.with(group);
        self.orders.start = self.orders.start.without(group);
        true
    }

    /// Set a detector by hand to occupied or free, or leave it to the street; whether there is one.
    pub fn force_detector(&mut self, number: u8, state: Option<bool>) -> bool {
        self.detectors.force(number, state)
    }

    /// Fixed-time control: the plan alone, no priority.
    pub fn set_fixed_time(&mut self, on: bool) {
        self.fixed_time = on;
        if on {
            self.priority.abandon();
        }
    }

    /// Ask for priority by group, or withdraw. It stands beside the request by row and goes before it.
    pub fn set_group_priority(&mut self, wish: Option<GroupPriority>) {
        self.priority.set_by_group(wish);
    }

    /// Start the controller anew: requests and orders are forgotten, the signals end lawfully and start
    /// up from flash. Whether it does: not while the monitor holds it in flash.
    pub fn restart(&mut self) -> bool {
        if self.tripped {
            return false;
        }
        self.orders = Orders::default();
        self.fixed_time = false;
        self.priority.set(None::<PriorityRequest>);
        self.priority.set_by_group(None);
        self.calls.drop_remote(self.now);
        for number in self.detectors.list().iter().map(|d| d.number).collect::<Vec<_>>() {
            self.detectors.force(number, None);
        }
        self.set_mode(Mode::Startup);
        self.restarting = self.options.startup_interval > Millis::ZERO || self.heads.is_blank();
        true
    }

    /// Which start-up interval the signals show: 1 flash or dark, 2 steady yellow, 3 all red.
    #[must_use]
    pub fn startup_interval(&self) -> Option<u8> {
        let interval = self.options.startup_interval;
        match self.starting_since {
            Some(since) if self.now - since < interval => Some(1),
            Some(since) if self.now - since < interval + interval => Some(2),
            _ if self.red_until > self.now => Some(3),
            _ => None,
        }
    }

    /// Make a lamp show something whatever the interlock says, or mend it.
    pub fn stick_lamp(&mut self, lamp: Option<(GroupId, Aspect)>) {
        self.stuck = lamp;
        self.show_stuck();
    }

    /// A person at the cabinet lets a tripped controller run again.
    pub fn reset_trip(&mut self) {
        self.tripped = false;
        self.stuck = None;
    }

    /// The monitor has latched: flash at once, until [`Emulator::reset_trip`].
    pub fn trip(&mut self) {
        self.set_mode(Mode::Fault);
        self.heads.trip(self.now);
        self.stuck = None;
        self.restarting = false;
        self.tripped = true;
    }

    /// Whether the monitor has tripped the controller.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.tripped
    }

    /// Whether the plan has the group's window open now.
    #[must_use]
    pub fn plans_green(&self, group: GroupId) -> bool {
        self.plan.open(self.now).contains(group)
    }

    /// Time until the plan ends the group's green; `None` outside its windows.
    #[must_use]
    pub fn planned_green_left(&self, group: GroupId) -> Option<Millis> {
        let known = group.index() < self.heads.len();
        known.then(|| self.plan.left(group, self.now)).filter(|left| *left > Millis::ZERO)
    }

    /// Time until the plan's next window of the group starts; `None` where it has none.
    #[must_use]
    pub fn planned_start_in(&self, group: GroupId) -> Option<Millis> {
        let known = group.index() < self.heads.len();
        if known { self.plan.until_start(group, self.now) } else { None }
    }

    /// When the group could be green at the earliest, if everything in its way ended now.
    #[must_use]
    pub fn earliest_green(&self, group: GroupId) -> Option<Millis> {
        (group.index() < self.heads.len()).then(|| self.heads.earliest_green(group, self.now))
    }

    pub(super) fn show_stuck(&mut self) {
        let Some((group, aspect)) = self.stuck else { return };
        self.shown.clear();
        self.shown.extend_from_slice(self.heads.aspects());
        if let Some(shown) = self.shown.get_mut(group.index()) {
            *shown = aspect;
        }
    }

    /// From flash or dark over the start-up intervals to all red, then to the program.
    pub(super) fn tick_startup(&mut self, now: Millis) {
        let interval = self.options.startup_interval;
        if self.restarting && interval > Millis::ZERO {
            self.heads.blank(Aspect::Flash, now);
        }
        if self.restarting && self.heads.is_blank() {
            self.restarting = false;
            self.starting_since = Some(now);
            self.red_until = Millis::NEVER;
        }
        let Some(since) = self.starting_since else { return };
        if now - since >= interval + interval {
            self.starting_since = None;
            self.heads.unblank(now);
            self.red_until = now + STARTUP_RED;
            self.mode_since = now;
        }
    }
}
