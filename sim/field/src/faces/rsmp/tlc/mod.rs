//! The traffic light controller as the signal exchange list sees it, on top of one emulated station.
//!
//! Sans-IO. The station's clock is the controller's; the wall clock of the host plus an offset that
//! M0104 and the primary supervisor's watchdog set stamps what is sent.

pub(crate) mod alarms;
mod command;
pub(crate) mod counting;
pub mod io;
mod plans;
pub mod priority;
mod status;

use std::collections::BTreeMap;

use clearway_network::{Controller, LinkId, Network, SignalPlan};
use clearway_rsmp::session::Instant;
use clearway_rsmp::sxl::{self, ALARMS, Entry, Scope};
use clearway_rsmp::{Message, SecurityCode, Sxl, naming};
use clearway_signals::{GroupId, GroupSet, Millis, Mode, PreemptState, RowId};
use jiff::Timestamp;

use super::memory::AlarmMemory;
use crate::emulator::{Emulator, TICK};
use crate::station::Station;
use alarms::{Alarms, Matter, State};
use io::Lines;
use plans::{PlanBook, Reason};
use priority::{Lifetimes, Requests};

/// A supervisor that was away this long is a communication error (A0007).
const AWAY_MAX: Millis = Millis::from_s(30);

/// A component of the site.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) enum Component {
    Main,
    Group(GroupId),
    /// By its number at the controller.
    Detector(u8),
}

impl Component {
    pub fn scope(self) -> Scope {
        match self {
            Self::Main => Scope::Controller,
            Self::Group(_) => Scope::SignalGroup,
            Self::Detector(_) => Scope::DetectorLogic,
        }
    }
}

/// The ids of the components: `TC`, `SG1`…, `DL1`…, numbered as at the controller.
#[derive(Clone, Debug)]
pub(crate) struct Names(Vec<(Component, String)>);

impl Names {
    fn new(controller: &Controller) -> Self {
        let groups = (0u8..).zip(&controller.group_numbers);
        let groups =
            groups.map(|(id, number)| (Component::Group(GroupId(id)), naming::signal_group(*number)));
        let detectors = controller
            .detectors
            .iter()
            .map(|d| (Component::Detector(d.number), naming::detector_logic(d.number)));
        Self(
            std::iter::once((Component::Main, naming::MAIN.to_owned()))
                .chain(groups)
                .chain(detectors)
                .collect(),
        )
    }

    pub fn find(&self, id: &str) -> Option<Component> {
        self.0.iter().find(|(_, name)| name == id).map(|(component, _)| *component)
    }

    pub fn of(&self, component: Component) -> String {
        self.0.iter().find(|(c, _)| *c == component).map_or_else(String::new, |(_, name)| name.clone())
    }

    pub fn first(&self, scope: Scope) -> Option<Component> {
        self.0.iter().map(|(component, _)| *component).find(|component| component.scope() == scope)
    }
}

/// A way through the junction.
#[derive(Clone, Debug)]
struct Path {
    from: LinkId,
    to: LinkId,
    /// The groups that its movements obey.
    groups: GroupSet,
}

/// What S0097 shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Checksum {
    /// The model's configuration hash in the form of [`naming::checksum`], by which our own
    /// supervisor knows the controller.
    #[default]
    Model,
    /// SHA-256 of what S0098 shows, as the list has it.
    Sha256,
}

/// How a controller is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The version of the signal exchange list.
    pub sxl: Sxl,
    /// What S0097 shows.
    pub checksum: Checksum,
    /// Security codes of level 1 and 2.
    pub codes: [SecurityCode; 2],
    /// How long priority requests live.
    pub lifetimes: Lifetimes,
}

/// The traffic parameters (S0097, S0098).
#[derive(Clone, Debug)]
struct Configuration {
    base64: String,
    checksum: String,
}

/// The connections with the supervisors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    /// Those that are connected, a bit each.
    pub up: u32,
    /// How many there are.
    pub all: usize,
}

/// The controller.
#[derive(Clone, Debug)]
pub(crate) struct Tlc {
    controller: Controller,
    pub names: Names,
    pub sxl: Sxl,
    checksum: Checksum,
    codes: [SecurityCode; 2],
    clock_offset_ms: i64,
    book: PlanBook,
    running: Option<SignalPlan>,
    bands_timeout: Millis,
    away_since: Option<Millis>,
    inputs: Lines,
    outputs: Lines,
    pub alarms: Alarms,
    pub requests: Requests,
    /// The functional position that was ordered, when it ends and what comes back then.
    position: Mode,
    position_ends: Option<(Millis, Mode)>,
    routes: Vec<u8>,
    fixed_time: Option<bool>,
    sensitivity: BTreeMap<u8, u8>,
    paths: Vec<Path>,
    approaches: Vec<LinkId>,
    exits: Vec<LinkId>,
    /// The group of each bit of M0012.
    group_lines: Vec<Option<GroupId>>,
    called: Vec<RowId>,
    pub restarted: bool,
    changed_ms: i64,
    configuration: Option<Configuration>,
    ticked: Option<Millis>,
}

impl Tlc {
    pub fn new(network: &Network, controller: &Controller, settings: Settings, now: Instant) -> Self {
        let path = |row: &clearway_network::PathRow| {
            let movements: Vec<_> =
                row.movements.iter().map(|movement| network.movement(*movement)).collect();
            let (first, last) = (movements.first()?, movements.last()?);
            let signals = movements.iter().filter_map(|movement| movement.signal);
            let groups =
                signals.filter(|signal| signal.controller == controller.id).map(|s| s.group).collect();
            Some(Path { from: first.from, to: last.to, groups })
        };
        let paths: Vec<Path> = controller.paths.iter().filter_map(path).collect();
        let mut group_lines = vec![None; 255];
        for (id, number) in (0u8..).zip(&controller.group_numbers) {
            if let Some(line) =
                usize::from(*number).checked_sub(1).and_then(|place| group_lines.get_mut(place))
            {
                *line = Some(GroupId(id));
            }
        }
        let names = Names::new(controller);
        let alarms = raised(settings.sxl, &names).map(|(alarm, component, _)| (alarm, component));
        let alarms = Alarms::new(alarms, now.unix_ms);
        Self {
            names,
            sxl: settings.sxl,
            checksum: settings.checksum,
            codes: settings.codes,
            clock_offset_ms: 0,
            book: PlanBook::new(&controller.plan),
            running: None,
            bands_timeout: Millis::ZERO,
            away_since: None,
            inputs: Lines::new(io::INPUTS),
            outputs: Lines::new(io::OUTPUTS),
            alarms,
            requests: Requests::new(settings.lifetimes),
            position: Mode::Normal,
            position_ends: None,
            routes: Vec::new(),
            fixed_time: None,
            sensitivity: controller.detectors.iter().map(|d| (d.number, 50)).collect(),
            approaches: distinct(paths.iter().map(|path| path.from)),
            exits: distinct(paths.iter().map(|path| path.to)),
            paths,
            group_lines,
            called: Vec::new(),
            restarted: false,
            changed_ms: now.unix_ms,
            configuration: None,
            ticked: None,
            controller: controller.clone(),
        }
    }

    // ---- clock ----

    /// The site's own wall clock.
    pub fn clock_ms(&self, now: Instant) -> i64 {
        now.unix_ms.saturating_add(self.clock_offset_ms)
    }

    /// Set the site's clock by a supervisor's.
    pub fn follow_clock(&mut self, theirs_ms: i64, now: Instant) {
        self.clock_offset_ms = theirs_ms.saturating_sub(now.unix_ms);
    }

    /// The site's calendar; the epoch's where the clock was set beyond every calendar.
    fn calendar(&self, now: Instant) -> jiff::Zoned {
        let at = Timestamp::from_millisecond(self.clock_ms(now)).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(jiff::tz::TimeZone::UTC)
    }

    // ---- time ----

    /// Bring everything that is not the emulator's own into step with it. Alarm messages that are
    /// news are returned.
    pub fn tick(&mut self, station: &mut Station, links: Links, now: Instant) -> Vec<Message> {
        let at = station.emulator().now();
        self.note_links((links.up.count_ones() as usize, links.all), now.at);
        self.requests.note_links(links.up, at);
        self.tick_position(station, at);
        self.tick_plan(station, now);
        self.tick_inputs(station);
        // The requests count time in ticks of the emulator.
        let due = self.ticked.map_or(1, |last| (at - last).0 / TICK.0);
        for _ in 0..due.clamp(0, 10) {
            self.requests.tick(station.emulator(), self.fixed_time == Some(true), at, self.clock_ms(now));
        }
        if due > 0 {
            self.ticked = Some(at);
        }
        self.apply_requests(station.emulator_mut());
        self.tick_outputs(station.emulator());
        self.raise_alarms(station, now)
    }

    /// Whether a supervisor is away; all of them away for the bands' timeout ends the bands.
    fn note_links(&mut self, (up, all): (usize, usize), at: Millis) {
        if up == all {
            self.away_since = None;
        } else {
            self.away_since.get_or_insert(at);
        }
        let lost = self.bands_timeout > Millis::ZERO
            && up == 0
            && self.away_since.is_some_and(|since| at - since >= self.bands_timeout);
        if lost && !self.book.lost {
            self.book.clear_bands();
            self.configuration = None;
        }
        self.book.lost = lost;
    }

    fn tick_position(&mut self, station: &mut Station, at: Millis) {
        if let Some((_, before)) = self.position_ends.take_if(|(ends, _)| *ends <= at) {
            self.position = before;
            station.emulator_mut().set_mode(before);
        }
    }

    fn tick_plan(&mut self, station: &mut Station, now: Instant) {
        let (plan, _) = self.plan(now);
        let wanted = self.book.effective(plan, &self.controller.junction());
        if self.running.as_ref() != Some(&wanted) {
            station.emulator_mut().set_plan(&wanted);
            self.running = Some(wanted);
        }
    }

    /// Which plan runs, and why.
    pub fn plan(&self, now: Instant) -> (u8, Reason) {
        let calendar = self.calendar(now);
        let weekday = u8::try_from(calendar.weekday().to_monday_zero_offset()).unwrap_or(0);
        let minute = u16::try_from(i32::from(calendar.hour()) * 60 + i32::from(calendar.minute()));
        self.book.current(weekday, minute.unwrap_or(0))
    }

    /// The row inputs are the rows' physical inputs.
    fn tick_inputs(&mut self, station: &mut Station) {
        let emulator = station.emulator_mut();
        for (number, row) in (io::ROW_INPUT_FIRST..io::ALARM_INPUT_FIRST).zip(0u8..) {
            let on = self.inputs.is_on(number);
            if on != emulator.status().physical.contains(RowId(row)) {
                emulator.set_physical(RowId(row), on);
            }
        }
    }

    /// Emergency routes and emergency requests call rows; the others bend the plan.
    fn apply_requests(&mut self, emulator: &mut Emulator) {
        let mut wanted: Vec<RowId> = self.routes.iter().filter_map(|route| self.route_row(*route)).collect();
        wanted.extend(self.requests.rows());
        wanted.sort_unstable();
        wanted.dedup();
        let gone = self.called.iter().filter(|row| !wanted.contains(row));
        let new = wanted.iter().filter(|row| !self.called.contains(row));
        for (row, on) in gone.map(|row| (*row, false)).chain(new.map(|row| (*row, true))).collect::<Vec<_>>()
        {
            // The rows are the controller's own preempt rows: nothing to be refused.
            let _ = emulator.remote_call(row, on, Millis::NEVER);
        }
        self.called = wanted;
        emulator.set_group_priority(self.requests.wish());
    }

    fn tick_outputs(&mut self, emulator: &Emulator) {
        for (group, number, _) in emulator.groups() {
            self.outputs.set(number, emulator.is_green(group));
        }
    }

    // ---- alarms ----

    fn raise_alarms(&mut self, station: &Station, now: Instant) -> Vec<Message> {
        let away = self.away_since.is_some_and(|since| now.at - since >= AWAY_MAX);
        let at_ms = self.clock_ms(now);
        let mut news = Vec::new();
        for (alarm, component, input) in raised(self.sxl, &self.names) {
            let active = self.inputs.is_on(input)
                || match alarm.code {
                    "A0006" => station.emulator().is_tripped(),
                    "A0007" => away,
                    "A0302" => self.inputs.is_on(io::DETECTOR_ERROR_INPUT),
                    _ => false,
                };
            news.extend(self.alarms.set(alarm, component, active, at_ms));
        }
        news.iter().map(|state| self.report(state, Matter::Issue, now)).collect()
    }

    pub fn report(&self, state: &State, matter: Matter, now: Instant) -> Message {
        state.report(matter, &self.names, self.plan(now).0, self.sxl)
    }

    /// What a supervisor is told of alarms at the start: all of them, or those that are active or
    /// suspended.
    pub fn report_all(&self, all: bool, now: Instant) -> Vec<Message> {
        let matter = |state: &State| if state.suspended { Matter::Suspend } else { Matter::Issue };
        self.alarms.told(all).map(|state| self.report(state, matter(state), now)).collect()
    }

    /// What a restart must not lose of the alarms.
    pub fn remembered_alarms(&self) -> Vec<AlarmMemory> {
        self.alarms.told(true).filter_map(|state| state.memory(&self.names)).collect()
    }

    /// An alarm as it stood before a restart.
    pub fn recall_alarm(&mut self, memory: &AlarmMemory) {
        let alarm = sxl::alarm(&memory.code, self.sxl);
        let component = self.names.find(&memory.component);
        if let (Some(alarm), Some(component)) = (alarm, component)
            && alarm.scope == component.scope()
        {
            self.alarms.state(alarm, component, memory.times_unix_ms[0]).recall(memory);
        }
    }

    /// The eight bits of the aggregated status: local control, no communication, high, medium, low
    /// priority fault, in use, idle, not connected. A fault is high where it has put the controller into
    /// failure mode, or asks for somebody at once.
    pub fn aggregated_bits(&self, emulator: &Emulator) -> [bool; 8] {
        let mode = emulator.mode();
        let dark = mode == Mode::Dark;
        let high = mode == Mode::Fault || self.alarms.any_active(1);
        let medium = self.alarms.any_active(2) && mode != Mode::Fault;
        let low = self.alarms.any_active(3);
        [mode == Mode::Manual, false, high, medium, low, !dark, dark, false]
    }

    /// Forget what was ordered by hand: the controller restarts. Its configuration stays.
    fn forget(&mut self) {
        self.inputs.clear();
        self.outputs.clear();
        self.requests.clear();
        self.routes.clear();
        self.called.clear();
        self.position = Mode::Normal;
        self.position_ends = None;
        self.fixed_time = None;
        self.book.commanded = None;
        self.book.situation = None;
    }

    fn any_preempt(&self, emulator: &Emulator) -> bool {
        !matches!(emulator.status().preempt, PreemptState::NotActive | PreemptState::NotActiveWithCall)
    }
}

/// The alarms of the list that the controller can raise, each on the first component that has it, and the
/// input that raises it.
fn raised(sxl: Sxl, names: &Names) -> impl Iterator<Item = (&'static Entry, Component, u8)> {
    let inputs = ALARMS.iter().zip(io::ALARM_INPUT_FIRST..).filter(move |(alarm, _)| alarm.is_in(sxl));
    inputs.filter_map(|(alarm, input)| Some((alarm, names.first(alarm.scope)?, input)))
}

fn distinct(links: impl Iterator<Item = LinkId>) -> Vec<LinkId> {
    let mut seen = Vec::new();
    for link in links {
        if !seen.contains(&link) {
            seen.push(link);
        }
    }
    seen
}
