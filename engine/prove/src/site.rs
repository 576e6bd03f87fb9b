//! One junction as the proof sees it: everything in whole steps of a common grid of time.

use clearway_network::Controller;
use clearway_signals::{
    Channel, ControllerId, GroupId, GroupKind, GroupSet, Junction, Millis, Relation, RowId, RowKind,
};

use crate::stages;

/// Controllers work in ticks of this length; no finer grid has a meaning.
pub const TICK: Millis = Millis(100);
/// The longest interval that the proof takes, in steps.
pub const STEPS_MAX: u16 = 8_000;

const _: () = assert!(STEPS_MAX < 1 << 13, "a head's clock is stored in 13 bits");

/// What the model does not say and the proof must assume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assumptions {
    /// A group shows red (red-yellow included) at least this long between two greens.
    pub red_min: Millis,
    /// After power-up every group is red at least this long; as long as any group is waited for, when that is
    /// longer.
    pub startup_red: Millis,
    /// The longest green extension that a priority request gets.
    pub extension_max: Millis,
    /// A command's own time to live at the controller; where it has none, the dead-man timer alone ends it.
    pub lease: Millis,
    /// The controller's dead-man timer.
    pub backup_time: Millis,
    /// A row whose call outlived its maximum presence stays out at least this long after the call went off.
    pub lockout: Millis,
    /// A group with demand waits no longer than this outside preemption (invariant S12), or two cycles.
    pub red_max: Millis,
    /// Up to this many crossings of one stage (6 at most) are called in every combination; more all or none.
    pub crossings_apart_max: u32,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            red_min: Millis::from_s(1),
            startup_red: Millis::from_s(5),
            extension_max: Millis::from_s(10),
            lease: Millis::from_s(10),
            backup_time: Millis::from_s(15),
            lockout: Millis::from_s(5),
            red_max: Millis::from_s(180),
            crossings_apart_max: 2,
        }
    }
}

/// Why a junction cannot be put on the grid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SiteError {
    /// An interval is negative or far too long.
    #[error("{what} is {} s: no sensible interval", at.as_s())]
    Interval {
        /// Which interval.
        what: String,
        /// How long it is.
        at: Millis,
    },
    /// More groups or rows than a controller can have, or tables that do not fit together.
    #[error("the tables of the controller do not fit together")]
    Tables,
}

/// A signal group, in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// For whom it stands.
    pub kind: GroupKind,
    /// Minimum green (walk).
    pub min_green: u16,
    /// Yellow or pedestrian clearance.
    pub ending: u16,
    /// Red-yellow before green.
    pub red_yellow: u16,
    /// For how long after its green ended somebody may have to wait for it.
    pub memory: u16,
}

/// A preempt row, in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Row {
    /// Which row of the controller.
    pub id: RowId,
    /// The number on the wire; lower wins.
    pub number: u8,
    /// Its purpose.
    pub kind: RowKind,
    /// The groups that it wants green.
    pub dwell: GroupSet,
    /// From the call to the start of entry.
    pub delay: u16,
    /// The service lasts at least this long.
    pub min_duration: u16,
    /// The dwell lasts at least this long.
    pub min_dwell: u16,
    /// The service lasts at most this long; 0: no limit.
    pub max_presence: u16,
}

/// A stage of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// Every group of the stage.
    pub groups: GroupSet,
    /// The sets that are wanted green, one for each combination of pedestrian calls.
    pub choices: Vec<GroupSet>,
    /// Once all have had their minimum green, the plan goes on after this time at the latest; 0: it may
    /// stay.
    pub length: u16,
    /// The stages that may follow, the plan's own first.
    pub next: Vec<u8>,
}

/// One junction on its grid.
#[derive(Clone, Debug)]
pub struct Site {
    /// Whose junction it is.
    pub id: ControllerId,
    /// The model's id of the controller.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Names of the groups.
    pub group_names: Vec<String>,
    /// The length of a step: the greatest common divisor of all intervals.
    pub step: Millis,
    /// The groups.
    pub groups: Vec<Group>,
    /// The groups that may never be green with a group.
    pub conflicts: Vec<GroupSet>,
    /// `intergreen[ending * n + starting]`, the ending group's own yellow or clearance at least.
    pub intergreen: Vec<u16>,
    /// The preempt rows.
    pub preempts: Vec<Row>,
    /// The dwell groups of the priority rows.
    pub priorities: Vec<GroupSet>,
    /// The plan, in its order; empty when no group has a green.
    pub stages: Vec<Stage>,
    /// The plan's cycle.
    pub cycle: u16,
    /// A group whose green begins once in each cycle, when stage 0 begins.
    pub reference: Option<GroupId>,
    /// [`Assumptions::red_min`].
    pub red_min: u16,
    /// [`Assumptions::startup_red`], or the longest [`Group::memory`].
    pub startup_red: u16,
    /// [`Assumptions::extension_max`].
    pub extension_max: u16,
    /// [`Assumptions::lease`].
    pub lease: u16,
    /// [`Assumptions::backup_time`].
    pub backup_time: u16,
    /// [`Assumptions::lockout`].
    pub lockout: u16,
    /// [`Assumptions::red_max`], or two cycles.
    pub red_max: u16,
}

impl Site {
    /// A junction on the coarsest grid that all its intervals fall on.
    ///
    /// # Errors
    /// [`SiteError`] when an interval makes no sense.
    pub fn new(controller: &Controller, assumptions: &Assumptions) -> Result<Self, SiteError> {
        let step = common_step(&controller.junction(), assumptions);
        Self::on_grid(controller, assumptions, step)
    }

    /// The same on a given grid; intervals are rounded up to it.
    ///
    /// # Errors
    /// [`SiteError`] when an interval makes no sense.
    pub fn on_grid(
        controller: &Controller,
        assumptions: &Assumptions,
        step: Millis,
    ) -> Result<Self, SiteError> {
        let junction = controller.junction();
        let n = junction.groups.len();
        let fits = n <= clearway_signals::limits::GROUPS_MAX
            && junction.relations.len() == n * n
            && junction.rows.len() <= clearway_signals::limits::ROWS_MAX;
        if !fits || step < TICK {
            return Err(SiteError::Tables);
        }
        let grid = Grid { step };
        let conflicts = conflicts(&junction);
        let intergreen = intergreens(&junction, grid)?;
        let red_min = grid.steps("minimum red", assumptions.red_min)?;
        let groups = groups(&junction, &conflicts, &intergreen, red_min, grid)?;
        let longest = groups.iter().map(|group| group.memory).max().unwrap_or(0);
        let plan = stages::of_plan(&controller.plan, &groups, assumptions.crossings_apart_max, grid)?;
        let cycle = grid.steps("cycle", controller.plan.cycle)?;
        Ok(Self {
            id: controller.id,
            name: controller.name.clone(),
            title: controller.title.clone(),
            group_names: controller.group_names.clone(),
            step,
            reference: plan.reference,
            stages: plan.stages,
            preempts: preempts(&junction, grid)?,
            priorities: priorities(&junction),
            groups,
            conflicts,
            intergreen,
            cycle,
            red_min,
            startup_red: grid.steps("start-up red", assumptions.startup_red)?.max(longest),
            extension_max: grid.steps("extension", assumptions.extension_max)?,
            lease: grid.steps("lease", assumptions.lease)?,
            backup_time: grid.steps("backup time", assumptions.backup_time)?,
            lockout: grid.steps("lockout", assumptions.lockout)?,
            red_max: grid.steps("longest red", assumptions.red_max)?.max(cycle.saturating_mul(2)),
        })
    }

    /// From the end of green of one group to the start of green of another, in steps.
    #[must_use]
    pub fn intergreen(&self, ending: GroupId, starting: GroupId) -> u16 {
        self.intergreen[ending.index() * self.groups.len() + starting.index()]
    }

    /// The ids of all groups.
    pub fn ids(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..self.groups.len()).map(id)
    }

    /// A number of steps as time.
    #[must_use]
    pub fn time(&self, steps: u32) -> Millis {
        Millis(self.step.0.saturating_mul(i64::from(steps)))
    }

    /// The name of a group, or its number.
    #[must_use]
    pub fn group_name(&self, group: GroupId) -> String {
        let named = self.group_names.get(group.index()).filter(|name| !name.is_empty());
        named.cloned().unwrap_or_else(|| (group.index() + 1).to_string())
    }
}

/// The grid: how many steps an interval takes.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) step: Millis,
}

impl Grid {
    /// Rounded up.
    pub(crate) fn steps(self, what: &str, time: Millis) -> Result<u16, SiteError> {
        let steps = time.0.saturating_add(self.step.0 - 1).div_euclid(self.step.0);
        let steps = u16::try_from(steps).ok().filter(|steps| *steps <= STEPS_MAX);
        steps.ok_or_else(|| SiteError::Interval { what: what.to_owned(), at: time })
    }
}

pub(crate) fn id(index: usize) -> GroupId {
    GroupId(u8::try_from(index).unwrap_or(u8::MAX))
}

/// The greatest common divisor of every interval that a rule of the junction compares, ticks at least.
fn common_step(junction: &Junction<'_>, assumptions: &Assumptions) -> Millis {
    let mut step = 0;
    let mut add =
        |time: Millis| step = divisor(step, time.max(Millis::ZERO).0.saturating_add(TICK.0 - 1) / TICK.0);
    for group in junction.groups {
        [group.min_green, group.yellow, group.clearance, group.red_yellow].into_iter().for_each(&mut add);
    }
    for relation in junction.relations {
        if let Relation::Conflict(intergreen) = relation {
            add((*intergreen).min(Millis::from_s(3_600)));
        }
    }
    for row in junction.rows.iter().filter(|row| row.channel == Channel::Preempt) {
        [row.delay, row.min_duration, row.min_dwell, row.max_presence].into_iter().for_each(&mut add);
    }
    let a = assumptions;
    let own = [a.red_min, a.startup_red, a.extension_max, a.lease, a.backup_time, a.lockout];
    own.into_iter().for_each(&mut add);
    Millis(step.max(1).saturating_mul(TICK.0))
}

/// The greatest common divisor; `divisor(0, b)` is `b`.
pub(crate) fn divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn conflicts(junction: &Junction<'_>) -> Vec<GroupSet> {
    let n = junction.groups.len();
    (0..n).map(|a| (0..n).map(id).filter(|b| junction.conflicts(id(a), *b)).collect()).collect()
}

fn intergreens(junction: &Junction<'_>, grid: Grid) -> Result<Vec<u16>, SiteError> {
    let n = junction.groups.len();
    let pair = |pair: usize| {
        let (ending, starting) = (id(pair / n), id(pair % n));
        let own = junction.groups[ending.index()].ending();
        let time = match junction.relation(ending, starting) {
            Relation::Conflict(intergreen) => intergreen.max(own),
            Relation::Compatible | Relation::Permitted => own,
        };
        grid.steps(&format!("intergreen of groups {} and {}", pair / n + 1, pair % n + 1), time)
    };
    (0..n * n).map(pair).collect()
}

fn groups(
    junction: &Junction<'_>,
    conflicts: &[GroupSet],
    intergreen: &[u16],
    red_min: u16,
    grid: Grid,
) -> Result<Vec<Group>, SiteError> {
    let n = junction.groups.len();
    let group = |(index, group): (usize, &clearway_signals::SignalGroup)| {
        let what = |name: &str| format!("{name} of group {}", index + 1);
        let ending = grid.steps(&what("yellow or clearance"), group.ending())?;
        let waits = conflicts[index].iter().map(|other| intergreen[index * n + other.index()]);
        let memory = waits.max().unwrap_or(0).max(ending + red_min);
        if memory > STEPS_MAX {
            return Err(SiteError::Interval { what: what("clearance and red"), at: group.ending() });
        }
        Ok(Group {
            kind: group.kind,
            min_green: grid.steps(&what("minimum green"), group.min_green)?,
            ending,
            red_yellow: grid.steps(&what("red-yellow"), group.red_yellow)?,
            memory,
        })
    };
    junction.groups.iter().enumerate().map(group).collect()
}

fn preempts(junction: &Junction<'_>, grid: Grid) -> Result<Vec<Row>, SiteError> {
    let numbered = (0u8..).map(RowId).zip(junction.rows);
    let rows = numbered.filter(|(_, row)| row.channel == Channel::Preempt).map(|(id, row)| {
        let what = |name: &str| format!("{name} of row {}", row.number);
        Ok(Row {
            id,
            number: row.number,
            kind: row.kind,
            dwell: row.dwell,
            delay: grid.steps(&what("delay"), row.delay)?,
            min_duration: grid.steps(&what("minimum duration"), row.min_duration)?,
            min_dwell: grid.steps(&what("minimum dwell"), row.min_dwell)?,
            max_presence: grid.steps(&what("maximum presence"), row.max_presence)?,
        })
    });
    rows.collect()
}

fn priorities(junction: &Junction<'_>) -> Vec<GroupSet> {
    let mut found: Vec<GroupSet> = Vec::new();
    for row in junction.rows.iter().filter(|row| row.channel == Channel::Priority && !row.dwell.is_empty()) {
        if !found.contains(&row.dwell) {
            found.push(row.dwell);
        }
    }
    found
}
