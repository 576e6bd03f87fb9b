//! An emulated signal controller: plan, preempts, priority, detectors, modes; deterministic, sans-IO.
//!
//! Time moves in ticks of 100 ms. Each tick decides which groups are wanted green (by the mode, the
//! active preempt, or the plan with a priority grant) and lets the interlock go there lawfully.

mod calls;
mod detectors;
mod heads;
mod orders;
mod plan;
mod preempt;
mod priority;
#[cfg(test)]
mod random_tests;
mod reading;
mod recovery;
mod rings;
#[cfg(test)]
mod tests;

use clearway_network::{Controller, SignalPlan};
use clearway_signals::{Capabilities, Channel, GroupId, GroupSet, Millis, Mode, RequestRow, RowId, RowSet};

use calls::{Calls, DeadMan};
use detectors::Detectors;
use heads::Heads;
use orders::Orders;
use plan::Plan;
use preempt::{Change, Sequence};
use priority::Priority;
use recovery::Watch;
use rings::{Rings, Scene};

pub use detectors::{Detector, VOLUME_PERIOD};
pub use heads::Aspect;
pub use priority::{EARLY_MAX, EXTENSION_MAX, GroupPriority, PriorityRequest};
pub use reading::{Counters, Status};
pub use recovery::Recovery;

/// The grid of time.
pub const TICK: Millis = Millis(100);
/// One call of [`Emulator::step`] goes no further than this many ticks (an hour).
pub const STEP_TICKS_MAX: u32 = 36_000;
/// All red for this long after start-up, flash or dark.
pub const STARTUP_RED: Millis = Millis(5_000);
/// The highest level of a priority request.
pub const LEVEL_MAX: u8 = 14;

/// How an emulator is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Its clock at the start; a multiple of 100 ms.
    pub start: Millis,
    /// The dead-man timer of the unit (NTCIP unitBackupTime); zero switches it off.
    pub backup_time: Millis,
    /// The longest time to live of a frame that the Modbus face accepts.
    pub ttl_max: Millis,
    /// Start-up intervals 1 and 2 after flash or dark (flash or dark on, then steady yellow), each
    /// this long, before the all-red of [`STARTUP_RED`]. Zero leaves them out.
    pub startup_interval: Millis,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: Millis::ZERO,
            backup_time: Millis::from_s(15),
            ttl_max: Millis::from_s(30),
            startup_interval: Millis::ZERO,
        }
    }
}

/// What keeps a controller from being armed, for demonstrations and tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum ArmingFault {
    /// Nothing.
    #[default]
    None,
    /// It reports a dead-man timer of zero.
    BackupTimerOff,
    /// It reports another configuration hash.
    WrongConfiguration,
}

/// Why the controller refuses a command. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Refusal {
    /// There is no such row, or not on this channel.
    UnknownRow,
    /// The controller has no priority channel.
    NotCapable,
    /// The priority level is above 14.
    Level,
}

/// An emulated controller.
#[derive(Clone, Debug)]
pub struct Emulator {
    now: Millis,
    rows: Vec<RequestRow>,
    group_numbers: Vec<u8>,
    name: String,
    capabilities: Capabilities,
    configuration_hash: u32,
    options: Options,
    fault: ArmingFault,
    mode: Mode,
    mode_since: Millis,
    /// Greens that manual control holds.
    held: GroupSet,
    /// All red until then.
    red_until: Millis,
    /// Since when the signals start up from flash or dark.
    starting_since: Option<Millis>,
    /// A restart was ordered: the signals end, flash, and start up.
    restarting: bool,
    /// A lamp that shows this whatever the interlock says.
    stuck: Option<(GroupId, Aspect)>,
    /// The display with the stuck lamp in it.
    shown: Vec<Aspect>,
    /// The monitor has tripped: flash until a restart.
    tripped: bool,
    orders: Orders,
    fixed_time: bool,
    heads: Heads,
    plan: Plan,
    rings: Rings,
    calls: Calls,
    dead_man: DeadMan,
    sequence: Sequence,
    priority: Priority,
    detectors: Detectors,
    recovery: Watch,
    counters: Counters,
}

impl Emulator {
    /// A controller of the network, all red at `options.start`.
    #[must_use]
    pub fn new(controller: &Controller, options: Options) -> Self {
        let now = Millis(options.start.0 - options.start.0.rem_euclid(TICK.0));
        let junction = controller.junction();
        Self {
            now,
            rows: controller.rows.clone(),
            group_numbers: controller.group_numbers.clone(),
            name: controller.name.clone(),
            capabilities: controller.capabilities,
            configuration_hash: junction.configuration_hash(),
            options,
            fault: ArmingFault::None,
            mode: Mode::Normal,
            mode_since: now,
            held: GroupSet::EMPTY,
            red_until: now,
            starting_since: None,
            restarting: false,
            stuck: None,
            shown: Vec::new(),
            tripped: false,
            orders: Orders::default(),
            fixed_time: false,
            heads: Heads::new(&junction, now),
            plan: Plan::new(&controller.plan, controller.groups.len()),
            rings: Rings::new(&controller.rings),
            calls: Calls::new(controller.rows.len()),
            dead_man: DeadMan::new(options.backup_time, now),
            sequence: Sequence::Idle,
            priority: Priority::default(),
            detectors: Detectors::new(controller.detectors.iter().map(|d| d.number), now),
            recovery: Watch::default(),
            counters: Counters::default(),
        }
    }

    // ---- time ----

    /// Go on to `until`, at most [`STEP_TICKS_MAX`] ticks; where it got.
    pub fn step(&mut self, until: Millis) -> Millis {
        for _ in 0..STEP_TICKS_MAX {
            if self.now + TICK > until {
                break;
            }
            self.tick();
        }
        self.now
    }

    /// Go on by one tick of 100 ms.
    pub fn tick(&mut self) {
        self.now += TICK;
        let now = self.now;
        self.detectors.tick(now, TICK);
        self.tick_inputs(now);
        self.tick_startup(now);
        self.plan.catch_up(TICK);
        let wanted = self.wanted(now);
        self.heads.drive(now, wanted);
        self.tick_blank(now);
        let greens = self.heads.showing(&[Aspect::Green]);
        let ending = self.heads.showing(&[Aspect::Yellow, Aspect::Clearance]);
        let rejoined = (self.is_actuated() || greens.is_subset(self.plan.open(now))) && ending.is_empty();
        self.sequence.arrive(&self.rows, greens, rejoined, now);
        let (greens, planned) = self.followed(greens, now);
        self.recovery.observe(greens, planned, self.plan.cycle(), now);
        self.orders.arrive(greens, self.heads.showing(&[Aspect::Red]));
        self.show_stuck();
    }

    /// What is compared to see whether the display follows the plan: all greens; with rings the
    /// coordinated ones, which are green in their windows and perhaps longer.
    fn followed(&self, greens: GroupSet, now: Millis) -> (GroupSet, GroupSet) {
        let planned = self.plan.open_by_clock(now);
        if !self.is_actuated() {
            return (greens, planned);
        }
        let planned = planned.intersection(self.rings.coordinated());
        (greens.intersection(planned), planned)
    }

    fn tick_inputs(&mut self, now: Millis) {
        if self.dead_man.runs_out(now) {
            self.calls.drop_remote(now);
            self.priority.set(None);
            self.counters.backups += 1;
        }
        let (expired, spent) = self.calls.tick(&self.rows, now);
        let held = self.priority.request().is_some();
        self.priority.expire(now);
        self.counters.expired += expired + u32::from(held && self.priority.request().is_none());
        self.counters.max_presences += spent;
    }

    fn wanted(&mut self, now: Millis) -> GroupSet {
        match self.mode {
            Mode::Normal | Mode::Backup if now >= self.red_until => self.wanted_by_program(now),
            Mode::Manual => self.held,
            _ => GroupSet::EMPTY,
        }
    }

    fn wanted_by_program(&mut self, now: Millis) -> GroupSet {
        match self.sequence.decide(&self.rows, &mut self.calls, now) {
            Some(Change::Started) => self.counters.preempts += 1,
            Some(Change::Exited { started }) => {
                if !self.is_actuated() {
                    self.plan.resume(&self.heads, started, now);
                }
                self.recovery.exit(now);
            }
            None => {}
        }
        if let Some(dwell) = self.sequence.wanted(&self.rows) {
            self.priority.abandon();
            return dwell;
        }
        if self.is_actuated() {
            return self.wanted_by_rings(now);
        }
        let mut wanted = self.orders.bend(self.plan.wanted(&self.heads, now), &self.heads);
        if self.sequence == Sequence::Idle && !self.fixed_time {
            let new = self.priority.bend(&mut wanted, &self.rows, &self.plan, &self.heads, now);
            self.counters.grants += u32::from(new);
        }
        wanted
    }

    fn wanted_by_rings(&mut self, now: Millis) -> GroupSet {
        let (favoured, new) = match self.sequence {
            Sequence::Idle => self.priority.favour(&self.rows, &self.plan, now),
            _ => (None, false),
        };
        self.counters.grants += u32::from(new);
        let (plan, heads, detectors) = (&self.plan, &self.heads, self.detectors.list());
        let wanted = self.rings.wanted(Scene { plan, heads, detectors, favoured, now });
        self.orders.bend(wanted, &self.heads)
    }

    /// Whether the detectors have a say: rings, and nobody ordered fixed-time control.
    fn is_actuated(&self) -> bool {
        !self.rings.is_empty() && !self.fixed_time
    }

    /// Flash and dark follow when every group has ended lawfully; start-up ends by itself.
    fn tick_blank(&mut self, now: Millis) {
        match self.mode {
            Mode::Flash | Mode::Fault => self.heads.blank(Aspect::Flash, now),
            Mode::Dark => self.heads.blank(Aspect::Dark, now),
            Mode::Startup
                if !self.restarting
                    && self.starting_since.is_none()
                    && now - self.mode_since >= STARTUP_RED =>
            {
                self.set_mode(Mode::Normal);
            }
            _ => {}
        }
    }

    // ---- commands from the centre ----

    /// Set or reset the remote call of a preempt row; it dies by itself after `ttl` (never with
    /// [`Millis::NEVER`], as in NTCIP). Resets the dead-man timer.
    ///
    /// # Errors
    /// [`Refusal::UnknownRow`] when there is no such preempt row.
    pub fn remote_call(&mut self, row: RowId, on: bool, ttl: Millis) -> Result<(), Refusal> {
        self.row_on(row, Channel::Preempt).ok_or(Refusal::UnknownRow)?;
        self.calls.set_remote(row, on.then_some(self.now + ttl), self.now);
        self.accept(if on { ttl } else { Millis::ZERO });
        Ok(())
    }

    /// Set exactly these remote calls, all with the same time to live, and the priority request.
    /// One command: taken whole or refused whole. Resets the dead-man timer.
    ///
    /// # Errors
    /// A [`Refusal`] as [`Emulator::remote_call`] and [`Emulator::request_priority`] give them.
    pub fn remote_state(
        &mut self,
        calls: RowSet,
        priority: Option<(RowId, u8, Millis)>,
        ttl: Millis,
    ) -> Result<(), Refusal> {
        if calls.iter().any(|row| self.row_on(row, Channel::Preempt).is_none()) {
            return Err(Refusal::UnknownRow);
        }
        self.check_priority(priority)?;
        for row in self.row_ids() {
            self.calls.set_remote(row, calls.contains(row).then_some(self.now + ttl), self.now);
        }
        self.set_priority(priority, ttl);
        self.accept(ttl);
        Ok(())
    }

    /// Ask for priority on a transit row: level 0 to 14, arrival from now, time to live. One request
    /// is held, the latest wins. Resets the dead-man timer.
    ///
    /// # Errors
    /// A [`Refusal`]: no such priority row, no priority channel, level out of range.
    pub fn request_priority(
        &mut self,
        row: RowId,
        level: u8,
        arrival: Millis,
        ttl: Millis,
    ) -> Result<(), Refusal> {
        let asked = Some((row, level, arrival));
        self.check_priority(asked)?;
        self.set_priority(asked, ttl);
        self.accept(ttl);
        Ok(())
    }

    /// Withdraw the priority request. Resets the dead-man timer.
    pub fn cancel_priority(&mut self) {
        self.priority.set(None);
        self.accept(Millis::ZERO);
    }

    /// A protocol face refused a command before it came here.
    pub fn count_refusal(&mut self) {
        self.counters.refused = self.counters.refused.wrapping_add(1);
    }

    fn accept(&mut self, ttl: Millis) {
        self.dead_man.feed(self.now, ttl);
        self.counters.accepted = self.counters.accepted.wrapping_add(1);
    }

    fn check_priority(&self, asked: Option<(RowId, u8, Millis)>) -> Result<(), Refusal> {
        let Some((row, level, _)) = asked else { return Ok(()) };
        if !self.capabilities.allows(Capabilities::PRIORITY) {
            return Err(Refusal::NotCapable);
        }
        self.row_on(row, Channel::Priority).ok_or(Refusal::UnknownRow)?;
        if level > LEVEL_MAX { Err(Refusal::Level) } else { Ok(()) }
    }

    fn set_priority(&mut self, asked: Option<(RowId, u8, Millis)>, ttl: Millis) {
        let now = self.now;
        self.priority.set(asked.map(|(row, level, arrival)| PriorityRequest {
            row,
            level,
            eta: now + arrival,
            expires: now + ttl,
        }));
    }

    // ---- what stands in the street ----

    /// The physical input of a preempt row: a rail circuit, a push button in a fire station.
    pub fn set_physical(&mut self, row: RowId, on: bool) {
        if self.row_on(row, Channel::Preempt).is_some() {
            self.calls.set_physical(row, on, self.now);
        }
    }

    /// Switch the operating mode as a person at the cabinet does. Every change is lawful: running
    /// greens end with their minimum, yellow and clearance before flash or dark, and the way back leads
    /// over all red. `Backup` and `Unknown` count as `Normal`; `Startup` ends by itself.
    pub fn set_mode(&mut self, mode: Mode) {
        let mode = if matches!(mode, Mode::Backup | Mode::Unknown) { Mode::Normal } else { mode };
        if mode == self.mode || self.tripped {
            return;
        }
        if !matches!(mode, Mode::Flash | Mode::Fault | Mode::Dark) && self.heads.is_blank() {
            self.starting_since.get_or_insert(self.now);
            self.red_until = Millis::NEVER;
            self.tick_startup(self.now);
        } else {
            self.heads.unblank(self.now);
            if self.starting_since.take().is_some() {
                self.red_until = self.now;
            }
        }
        self.restarting = false;
        self.held = self.heads.showing(&[Aspect::Green, Aspect::RedYellow]);
        self.sequence = Sequence::Idle;
        self.priority.abandon();
        if mode != Mode::Normal {
            self.priority.set(None);
        }
        self.mode = mode;
        self.mode_since = self.now;
    }

    /// Make the controller report something that keeps it from being armed.
    pub fn refuse_arming(&mut self, fault: ArmingFault) {
        self.fault = fault;
    }

    /// A vehicle passes a detector; whether there is such a detector.
    pub fn detector_pulse(&mut self, number: u8) -> bool {
        self.detectors.pulse(number, self.now)
    }

    /// A vehicle stands on a detector, or no longer; whether there is such a detector.
    pub fn detector_hold(&mut self, number: u8, occupied: bool) -> bool {
        self.detectors.hold(number, occupied)
    }

    fn row_ids(&self) -> impl Iterator<Item = RowId> + use<> {
        (0..self.rows.len()).map(|index| RowId(u8::try_from(index).unwrap_or(u8::MAX)))
    }

    fn row_on(&self, row: RowId, channel: Channel) -> Option<&RequestRow> {
        self.rows.get(row.index()).filter(|r| r.channel == channel)
    }
}
