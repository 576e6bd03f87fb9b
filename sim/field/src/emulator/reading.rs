//! What an emulated controller lets be read: status, rows, groups, detectors, figures.

use clearway_network::RingPhase;
use clearway_signals::{
    Channel, GroupId, GroupSet, Millis, Mode, Owner, PreemptState, RequestRow, RowId, RowKind, RowSet,
    SignalGroup,
};

use super::preempt::Sequence;
use super::{ArmingFault, Aspect, Detector, Emulator, PriorityRequest, Recovery};

/// What the controller counted since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Commands accepted on any channel.
    pub accepted: u32,
    /// Commands that a protocol face refused.
    pub refused: u32,
    /// Remote calls and priority requests that ran out.
    pub expired: u32,
    /// Times that the dead-man timer ran out.
    pub backups: u32,
    /// Calls that outlived their maximum presence.
    pub max_presences: u32,
    /// Preemptions begun.
    pub preempts: u32,
    /// Priority grants.
    pub grants: u32,
}

/// A reading of the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// The controller's time.
    pub at: Millis,
    /// The operating mode.
    pub mode: Mode,
    /// Groups in green, walk included.
    pub greens: GroupSet,
    /// Groups in yellow.
    pub yellows: GroupSet,
    /// Groups in pedestrian clearance.
    pub clearing: GroupSet,
    /// Groups in red, red-yellow included.
    pub reds: GroupSet,
    /// The row in entry, dwell or exit.
    pub active: Option<RowId>,
    /// Its state; of the called row with the lowest number when none is active.
    pub preempt: PreemptState,
    /// Rows that the remote input holds.
    pub remote: RowSet,
    /// Rows that the physical input holds.
    pub physical: RowSet,
    /// The priority request that is held.
    pub priority: Option<PriorityRequest>,
    /// Whether a priority grant runs.
    pub priority_granted: bool,
    /// Time into the cycle of the plan.
    pub cycle_position: Millis,
    /// Whether the display follows the plan.
    pub in_step: bool,
    /// Time left on the dead-man timer.
    pub backup_left: Millis,
}

impl Emulator {
    /// The controller's time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The model's id of the controller.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What each group shows, by `GroupId`.
    #[must_use]
    pub fn aspects(&self) -> &[Aspect] {
        if self.stuck.is_some() { &self.shown } else { self.heads.aspects() }
    }

    /// Whether a group shows green; `false` for unknown groups.
    #[must_use]
    pub fn is_green(&self, group: GroupId) -> bool {
        self.aspects().get(group.index()) == Some(&Aspect::Green)
    }

    /// Since when a group shows what it shows.
    #[must_use]
    pub fn aspect_since(&self, group: GroupId) -> Option<Millis> {
        self.heads.since(group)
    }

    /// The data of the groups, by `GroupId`.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, u8, &SignalGroup)> {
        self.heads.ids().zip(&self.group_numbers).map(|(id, number)| (id, *number, self.heads.group(id)))
    }

    /// From the end of green of one group until another may start, its own ending at least.
    #[must_use]
    pub fn intergreen(&self, ending: GroupId, starting: GroupId) -> Option<Millis> {
        let known = ending.index().max(starting.index()) < self.heads.len();
        known.then(|| self.heads.intergreen(ending, starting))
    }

    /// The groups that may never be green together with `group`.
    #[must_use]
    pub fn conflicts(&self, group: GroupId) -> GroupSet {
        self.heads.conflicts_of(GroupSet::of(group))
    }

    /// The request rows, by `RowId`.
    #[must_use]
    pub fn rows(&self) -> &[RequestRow] {
        &self.rows
    }

    /// The row of a number on a channel.
    #[must_use]
    pub fn row_numbered(&self, number: u8, channel: Channel) -> Option<RowId> {
        self.row_ids().find(|id| {
            let row = &self.rows[id.index()];
            row.number == number && row.channel == channel
        })
    }

    /// The state that a preempt row shows.
    #[must_use]
    pub fn preempt_state(&self, row: RowId) -> PreemptState {
        self.sequence.state_of(row, &self.calls)
    }

    /// Whether a row may be written by the centre, as the controller's own configuration says: ours,
    /// and no rail row.
    #[must_use]
    pub fn is_writable(&self, row: RowId) -> bool {
        self.rows.get(row.index()).is_some_and(|r| r.owner == Owner::Ours && r.kind != RowKind::Rail)
    }

    /// The detectors' readings.
    #[must_use]
    pub fn detectors(&self) -> &[Detector] {
        self.detectors.list()
    }

    /// Number of the volume period, modulo 256.
    #[must_use]
    pub fn volume_sequence(&self) -> u8 {
        self.detectors.sequence()
    }

    /// The dead-man time as reported (zero with [`ArmingFault::BackupTimerOff`]).
    #[must_use]
    pub fn backup_time(&self) -> Millis {
        if self.fault == ArmingFault::BackupTimerOff { Millis::ZERO } else { self.dead_man.timeout() }
    }

    /// The longest time to live of a frame, as reported (zero with [`ArmingFault::BackupTimerOff`]).
    #[must_use]
    pub fn ttl_max(&self) -> Millis {
        if self.fault == ArmingFault::BackupTimerOff { Millis::ZERO } else { self.options.ttl_max }
    }

    /// The configuration hash as reported (a wrong one with [`ArmingFault::WrongConfiguration`]).
    #[must_use]
    pub fn configuration_hash(&self) -> u32 {
        let wrong = self.fault == ArmingFault::WrongConfiguration;
        if wrong { !self.configuration_hash } else { self.configuration_hash }
    }

    /// The last recovery after a preemption.
    #[must_use]
    pub fn recovery(&self) -> Option<Recovery> {
        self.recovery.last()
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The cycle of the plan.
    #[must_use]
    pub fn cycle(&self) -> Millis {
        self.plan.cycle()
    }

    /// The phases of its rings; none where the plan alone rules.
    pub fn ring_phases(&self) -> impl Iterator<Item = &RingPhase> {
        self.rings.phases()
    }

    /// The groups of the phases that somebody waits for.
    #[must_use]
    pub fn called_groups(&self) -> GroupSet {
        self.rings.called()
    }

    /// Whether it works by its detectors without regard to a plan.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.is_actuated() && self.rings.coordinated().is_empty()
    }

    /// The row in entry or dwell; an exit no longer counts as active.
    #[must_use]
    pub fn serving(&self) -> Option<RowId> {
        self.sequence.active()
    }

    /// The operating mode as reported.
    #[must_use]
    pub fn mode(&self) -> Mode {
        if self.mode == Mode::Normal && self.dead_man.is_expired() { Mode::Backup } else { self.mode }
    }

    /// Everything at once.
    #[must_use]
    pub fn status(&self) -> Status {
        let active = match self.sequence {
            Sequence::Exit { row, .. } => Some(row),
            other => other.active(),
        };
        Status {
            at: self.now,
            mode: self.mode(),
            greens: self.heads.showing(&[Aspect::Green]),
            yellows: self.heads.showing(&[Aspect::Yellow]),
            clearing: self.heads.showing(&[Aspect::Clearance]),
            reds: self.heads.showing(&[Aspect::Red, Aspect::RedYellow]),
            active,
            preempt: active
                .or_else(|| self.called_row())
                .map_or(PreemptState::NotActive, |row| self.preempt_state(row)),
            remote: self.calls.remote(),
            physical: self.calls.physical(),
            priority: self.priority.request(),
            priority_granted: self.priority.is_granted(),
            cycle_position: self.plan.position(self.now),
            in_step: self.recovery.in_step(),
            backup_left: self.dead_man.left(self.now),
        }
    }

    fn called_row(&self) -> Option<RowId> {
        self.row_ids().filter(|row| self.calls.is_on(*row)).min_by_key(|row| self.rows[row.index()].number)
    }
}
