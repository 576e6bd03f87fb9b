//! A corridor under the whole engine, in virtual time: what the tests of the engine share.
#![allow(dead_code)] // Each test binary uses its own part.

use std::sync::Arc;

use clearway_certify::{Action, Class, Command};
use clearway_network::LineId;
use clearway_network::Network;
use clearway_network::testing::{corridor, place};
use clearway_planner::policy::Policy;
use clearway_planner::transition::planned_display;
use clearway_planner::{
    Config, Engine, Event, Mission, Notice, Output, Reason, TransitUpdate, VehicleFix, VehicleInfo,
};
use clearway_signals::{
    ControllerId, ControllerStatus, Epoch, GroupId, GroupSet, Millis, MissionId, Mode, PreemptState, RowId,
    RowKind, RowSet, VehicleId,
};

pub const ENGINE_101: VehicleId = VehicleId(0);
pub const ENGINE_102: VehicleId = VehicleId(1);
pub const TRAM: VehicleId = VehicleId(2);

/// A controller that serves a called row after a fixed entry time and returns to its plan at once.
#[derive(Clone, Copy, Default)]
pub struct Served {
    pub row: Option<RowId>,
    pub since: Millis,
}

pub struct City {
    pub network: Arc<Network>,
    engine: Engine,
    pub served: Vec<Served>,
    /// When each group was last read green.
    pub last_green: Vec<[Millis; 3]>,
    pub now: Millis,
    out: Output,
    pub commands: Vec<(Millis, Command)>,
    pub notices: Vec<(Millis, Notice)>,
    /// Whether the engine rehearses before each event.
    pub rehearses: bool,
}

const ENTRY: Millis = Millis(14_000);

impl City {
    /// `n` crossroads, two fire engines and a tram.
    pub fn new(n: u16) -> Self {
        Self::of(n, &[Class::Emergency, Class::Emergency, Class::Tram], Policy::default())
    }

    /// `n` crossroads, and vehicles of these classes under a policy.
    pub fn of(n: u16, classes: &[Class], policy: Policy) -> Self {
        Self::with(n, classes, policy, Config::default())
    }

    /// The same with settings of the planner.
    pub fn with(n: u16, classes: &[Class], policy: Policy, config: Config) -> Self {
        let network = Arc::new(corridor(n));
        let vehicles = classes.iter().map(|class| VehicleInfo { class: *class }).collect();
        let engine = Engine::new(Arc::clone(&network), vehicles, config, Epoch(1)).with_policy(policy);
        let served = vec![Served::default(); usize::from(n)];
        let mut city = Self {
            network,
            engine,
            served,
            last_green: vec![[Millis::ZERO; 3]; usize::from(n)],
            now: Millis(0),
            out: Output::default(),
            commands: vec![],
            notices: vec![],
            rehearses: false,
        };
        for k in 0..n {
            city.apply(Event::Armed(ControllerId(k), true));
        }
        // Two cycles, so that the engine has learned where the plans stand.
        city.run_until(Millis::from_s(130), |_, _| {});
        city
    }

    pub fn apply(&mut self, event: Event) {
        self.out.clear();
        if self.rehearses {
            self.engine.rehearse(self.now);
        }
        self.engine.apply(&event, self.now, &mut self.out);
        for command in self.out.commands() {
            let served = &mut self.served[command.controller().index()];
            match command.action() {
                Action::Assert { .. } if served.row != Some(command.row()) => {
                    assert!(served.row.is_none(), "one own row a controller at a time");
                    *served = Served { row: Some(command.row()), since: self.now };
                }
                Action::Assert { .. } => {}
                Action::Release => *served = Served::default(),
            }
            self.commands.push((self.now, *command));
        }
        self.notices.extend(self.out.notices().iter().map(|n| (self.now, *n)));
    }

    /// Ticks every 100 ms, statuses every 500 ms, `each` once a second.
    pub fn run_until(&mut self, end: Millis, mut each: impl FnMut(&mut Self, Millis)) {
        while self.now < end {
            self.now += Millis(100);
            if self.now.0 % 500 == 0 {
                for k in 0..self.served.len() {
                    let status = self.status(k);
                    status.greens.iter().for_each(|g| self.last_green[k][g.index()] = self.now);
                    self.apply(Event::Status(status));
                }
            }
            if self.now.0 % 1000 == 0 {
                let now = self.now;
                each(self, now);
            }
            self.apply(Event::Tick);
        }
    }

    pub fn status(&self, k: usize) -> ControllerStatus {
        let controller = &self.network.controllers[k];
        let served = self.served[k];
        let preempted = served.row.filter(|r| controller.rows[r.index()].kind == RowKind::Emergency);
        let dwelling = preempted.is_some() && self.now >= served.since + ENTRY;
        let zero = controller.plan.offset;
        let greens = match preempted {
            Some(row) if dwelling => controller.rows[row.index()].dwell,
            Some(_) => GroupSet::EMPTY,
            None => {
                let display = planned_display(controller, zero, self.now);
                (0..3).map(GroupId).filter(|g| display[g.index()].green).collect()
            }
        };
        ControllerStatus {
            controller: controller.id,
            at: self.now,
            mode: Mode::Normal,
            greens,
            active: served.row,
            preempt: match (preempted, dwelling) {
                (None, _) => PreemptState::NotActive,
                (Some(_), false) => PreemptState::EntryStarted,
                (Some(_), true) => PreemptState::Dwell,
            },
            asserted: served.row.map_or(RowSet::EMPTY, RowSet::of),
            ..ControllerStatus::default()
        }
    }

    /// A report of a late tram of line 1, `x` metres along the corridor.
    pub fn tram(&mut self, vehicle: VehicleId, x: f32, lateness_s: i32) {
        let fix = fix(vehicle, self.now, x, 0.0, 90.0);
        let (line, doors_open) = (LineId(0), Some(false));
        self.apply(Event::Transit(TransitUpdate { fix, line, lateness_s: Some(lateness_s), doors_open }));
    }

    pub fn mission(&mut self, id: u32, vehicle: VehicleId, x: f32, y: f32) {
        self.apply(Event::Mission(Mission::new(MissionId(id), vehicle, place(x, y))));
    }

    pub fn fix(&mut self, vehicle: VehicleId, x: f32, y: f32, heading: f32) {
        let fix = fix(vehicle, self.now, x, y, heading);
        self.apply(Event::Fix(fix));
    }

    pub fn released(&self, reason: Reason) -> Vec<ControllerId> {
        self.notices
            .iter()
            .filter_map(|(_, n)| match n {
                Notice::Released { controller, reason: r, .. } if *r == reason => Some(*controller),
                _ => None,
            })
            .collect()
    }

    pub fn called_at(&self, controller: u16) -> Option<Millis> {
        self.commands.iter().find(|(_, c)| c.controller().0 == controller && c.is_assert()).map(|(at, _)| *at)
    }
}

pub fn fix(vehicle: VehicleId, now: Millis, x: f32, y: f32, heading: f32) -> VehicleFix {
    VehicleFix {
        vehicle,
        received: now,
        place: place(x, y),
        heading_deg: Some(heading),
        speed_mps: Some(12.0),
        degraded: false,
        cadence: Millis(1_000),
    }
}

/// Metres driven at 12 m/s since `start`.
#[allow(clippy::cast_precision_loss)]
pub fn driven(now: Millis, start: Millis) -> f32 {
    (now - start).0 as f32 * 0.012
}
