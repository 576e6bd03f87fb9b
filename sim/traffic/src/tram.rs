//! Trams: runs by timetable, calls at stops, lateness.

use std::sync::Arc;

use clearway_network::{Line, LineId, MovementId, Network, Uses};

use crate::drive::{Driver, Role};
use crate::event::Event;
use crate::physics::{TRAM_MM, safe_speed};
use crate::rng::Rng;
use crate::routing::movements_along;
use crate::vehicle::{Class, Motion, UNLISTED, Vehicle};
use crate::world::{World, narrow};

/// The timetable expects this share of the tracks' free speed, in per cent.
const TIMETABLE_SPEED_PCT: i64 = 75;
/// …this long at each stop, braking and starting included,
const TIMETABLE_DWELL_MS: i64 = 27_000;
/// …and this share, in per cent, of the mean wait of uniform arrivals at each signal.
const TIMETABLE_WAIT_PCT: i64 = 90;
/// Dwell: mean, standard deviation and bounds.
const DWELL_MEAN_MS: f64 = 20_000.0;
const DWELL_SD_MS: f64 = 6_000.0;
const DWELL_BOUNDS_MS: (i64, i64) = (8_000, 45_000);
/// Lateness at the start of a run: mean, standard deviation and bounds; nobody leaves early.
const START_LATE_MEAN_MS: f64 = 40_000.0;
const START_LATE_SD_MS: f64 = 60_000.0;
const START_LATE_BOUNDS_MS: (i64, i64) = (0, 240_000);
/// An early tram waits at a stop when it is earlier than this, at most as long as this.
const EARLY_MS: i64 = 30_000;
/// A tram this near to its stopping point, and this slow, has stopped.
const AT_STOP_MM: i64 = 1_500;
const STANDING_MM_S: i64 = 400;
/// A run that finds its track occupied tries again after this time.
const RETRY_MS: i64 = 2_000;

/// When a run is due where, from its scheduled start.
#[derive(Debug)]
pub(crate) struct Timetable {
    /// At the start of each link and, last, at the end of the last one.
    at_link_ms: Vec<i64>,
    link_mm: Vec<i64>,
}

impl Timetable {
    fn new(network: &Network, line: &Line, route: &[MovementId]) -> Self {
        let mut at_link_ms = vec![0];
        let mut link_mm = Vec::with_capacity(line.links.len());
        for (index, &id) in line.links.iter().enumerate() {
            let link = network.link(id);
            let run =
                i64::from(link.length_mm) * 100_000 / (i64::from(link.speed_mm_s) * TIMETABLE_SPEED_PCT);
            let calls = line.calls.iter().filter(|call| call.link_index as usize == index).count();
            let dwell = TIMETABLE_DWELL_MS * i64::try_from(calls).unwrap_or(0);
            let before = index.checked_sub(1).and_then(|i| route.get(i)).copied();
            let wait = route.get(index).map_or(0, |&m| mean_wait_ms(network, before, m));
            at_link_ms.push(at_link_ms[index] + run + dwell + wait * TIMETABLE_WAIT_PCT / 100);
            link_mm.push(i64::from(link.length_mm));
        }
        Self { at_link_ms, link_mm }
    }

    fn due_ms(&self, link_index: u32, offset_mm: i64) -> i64 {
        let index = (link_index as usize).min(self.link_mm.len().saturating_sub(1));
        let (Some(&start), Some(&end)) = (self.at_link_ms.get(index), self.at_link_ms.get(index + 1)) else {
            return 0;
        };
        start + (end - start) * offset_mm.clamp(0, self.link_mm[index]) / self.link_mm[index]
    }
}

/// Mean wait of uniform arrivals at the fixed-time signal of a movement, (C − g)² / 2C. The second line
/// of one junction is passed in the green of the first.
fn mean_wait_ms(network: &Network, before: Option<MovementId>, movement: MovementId) -> i64 {
    let signal_of = |m: MovementId| network.movement(m).signal;
    let Some(signal) = signal_of(movement) else { return 0 };
    if before.and_then(signal_of).is_some_and(|earlier| earlier.controller == signal.controller) {
        return 0;
    }
    let Some(plan) = network.controller(signal.controller).map(|c| &c.plan) else { return 0 };
    let green: i64 = plan.windows.iter().filter(|w| w.group == signal.group).map(|w| w.length.0).sum();
    let red = (plan.cycle.0 - green).max(0);
    red * red / (2 * plan.cycle.0)
}

/// A line in one direction.
#[derive(Debug)]
pub(crate) struct LineState {
    pub(crate) line: LineId,
    pub(crate) timetable: Timetable,
    pub(crate) first_ms: i64,
    route: Arc<[MovementId]>,
    headway_ms: i64,
    /// Scheduled start of the run that leaves next.
    scheduled_ms: i64,
    runs: u32,
    rng: Rng,
}

impl LineState {
    /// The tram lines of a network, each with its own offset in the timetable.
    pub(crate) fn all(network: &Network, seed: u64) -> Vec<Self> {
        let trams = network.lines.iter().enumerate().filter(|(_, line)| line.mode.allow(Uses::TRAM));
        trams.filter_map(|(index, line)| Self::new(network, index, line, seed)).collect()
    }

    fn new(network: &Network, index: usize, line: &Line, seed: u64) -> Option<Self> {
        let id = u16::try_from(index).ok()?;
        let route = movements_along(network, &line.links).filter(|_| !line.links.is_empty())?;
        let timetable = Timetable::new(network, line, &route);
        let mut rng = Rng::new(seed, 0x2_0000 + u64::from(id));
        let headway_ms = i64::from(line.headway_s.max(60)) * 1000;
        let scheduled_ms = rng.between_ms(0, headway_ms);
        let first_ms = scheduled_ms + start_late_ms(&mut rng);
        Some(Self { line: LineId(id), timetable, first_ms, route, headway_ms, scheduled_ms, runs: 0, rng })
    }
}

#[allow(clippy::cast_possible_truncation)]
fn start_late_ms(rng: &mut Rng) -> i64 {
    let drawn = START_LATE_MEAN_MS + START_LATE_SD_MS * rng.normal();
    (drawn as i64).clamp(START_LATE_BOUNDS_MS.0, START_LATE_BOUNDS_MS.1)
}

/// A tram on one run of its line.
#[derive(Clone, Debug)]
pub(crate) struct TramRun {
    /// Index in the world's lines.
    pub(crate) line: u32,
    pub(crate) number: u32,
    pub(crate) scheduled_ms: i64,
    /// Index of the call it serves now or comes to next.
    pub(crate) next_call: usize,
    pub(crate) dwells_until_ms: Option<i64>,
    rng: Rng,
}

impl TramRun {
    /// Actual less scheduled time at a place of the line.
    pub(crate) fn lateness_ms(
        &self,
        timetable: &Timetable,
        now_ms: i64,
        link_index: u32,
        offset_mm: i64,
    ) -> i64 {
        now_ms - self.scheduled_ms - timetable.due_ms(link_index, offset_mm)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn draw_dwell_ms(&mut self) -> i64 {
        let drawn = DWELL_MEAN_MS + DWELL_SD_MS * self.rng.normal();
        (drawn as i64).clamp(DWELL_BOUNDS_MS.0, DWELL_BOUNDS_MS.1)
    }
}

impl World {
    /// The next run of a line starts, if its track is free; the one after is scheduled.
    pub(crate) fn tram_departs(&mut self, index: u32) {
        let now = self.now_ms;
        let state = &self.lines[index as usize];
        let start = self.roads.network.lines[state.line.index()].links[0];
        let lane = self.choose_lane(start, state.route.first().copied(), Class::Tram);
        if !self.lanes[lane as usize].has_space(TRAM_MM) || self.lanes[lane as usize].next_entry_ms > now {
            self.events.schedule(now + RETRY_MS, Event::Departure { line: index });
            return;
        }
        let serial = self.fleet.next_serial();
        let state = &mut self.lines[index as usize];
        let run = TramRun {
            line: index,
            number: state.runs,
            scheduled_ms: state.scheduled_ms,
            next_call: 0,
            dwells_until_ms: None,
            rng: Rng::new(state.rng.next_u64(), u64::from(state.runs)),
        };
        state.runs += 1;
        state.scheduled_ms += state.headway_ms;
        let next = (state.scheduled_ms + start_late_ms(&mut state.rng)).max(now + RETRY_MS);
        let route = Arc::clone(&state.route);
        self.events.schedule(next, Event::Departure { line: index });
        let motion = Motion { speed_mm_s: self.roads.speed_mm_s(start) / 2, ..Motion::default() };
        let tram = Vehicle {
            serial,
            class: Class::Tram,
            length_mm: TRAM_MM,
            route,
            step: 0,
            link: start,
            lane,
            trip: UNLISTED,
            appeared_ms: now,
            entered_ms: now,
            reach_ms: now,
            delay_ms: 0,
            blocked_since_ms: None,
            cross: false,
            counted: 0,
            motion: Some(motion),
        };
        self.cross.tram_begins(serial, now - run.scheduled_ms);
        let slot = self.fleet.add(tram);
        self.enter(slot, start, lane);
        self.drivers.push(Driver::new(slot, Role::Tram(run)));
    }

    /// Note how late a tram is at the end of its run.
    pub(crate) fn tram_ends(&mut self, driver: &Driver) {
        let (Role::Tram(run), Some(tram)) = (&driver.role, self.fleet.get(driver.slot)) else { return };
        let (serial, end_mm) = (tram.serial, self.roads.length_mm(tram.link));
        let timetable = &self.lines[run.line as usize].timetable;
        let late_ms = run.lateness_ms(timetable, self.now_ms, narrow(tram.step), end_mm);
        self.cross.tram_ends(serial, late_ms);
    }

    /// The speed that the next call of a tram allows. `step` is the index of a link ahead in its
    /// line, `to_link_mm` the way to that link's start, below zero on the link itself.
    pub(crate) fn call_speed(&self, run: &TramRun, step: usize, to_link_mm: i64, brake: i64) -> Option<i64> {
        let line = self.lines[run.line as usize].line;
        let call = self.roads.network.lines[line.index()].calls.get(run.next_call)?;
        let here = call.link_index as usize == step;
        here.then(|| safe_speed(to_link_mm + i64::from(call.offset_mm), 0, brake))
    }

    /// Open the doors at a stop, close them again; `true` while the tram has to stand.
    pub(crate) fn serve_call(&self, run: &mut TramRun, step: usize, motion: Motion) -> bool {
        let now = self.now_ms;
        if let Some(until) = run.dwells_until_ms {
            if now < until {
                return true;
            }
            run.dwells_until_ms = None;
            run.next_call += 1;
        }
        let state = &self.lines[run.line as usize];
        let Some(call) = self.roads.network.lines[state.line.index()].calls.get(run.next_call) else {
            return false;
        };
        let (link_index, to_stop) = (call.link_index as usize, i64::from(call.offset_mm) - motion.offset_mm);
        if step > link_index || (step == link_index && to_stop < -AT_STOP_MM) {
            run.next_call += 1;
            return false;
        }
        if step < link_index || to_stop > AT_STOP_MM || motion.speed_mm_s > STANDING_MM_S {
            return false;
        }
        let early = -run.lateness_ms(&state.timetable, now, call.link_index, motion.offset_mm) - EARLY_MS;
        run.dwells_until_ms = Some(now + run.draw_dwell_ms() + early.clamp(0, EARLY_MS));
        true
    }
}
