//! Trams and buses: conditional priority by lateness and headway, where a binding gives a channel for it.
//!
//! A vehicle asks for its transit row when it is late, or runs behind a gap in the sequence of its line;
//! when it is near the signal, has closed its doors and has no stop left before the line; and when the
//! controller can help (`response`). One request per controller and cycle; never while an emergency
//! vehicle holds or needs the controller; never an emergency row (the checker holds that too).

pub mod dwell;
pub mod headway;
mod help;
pub mod response;

use clearway_network::{LineId, LinkId, Network, StopCall, StopId};
use clearway_signals::{Capabilities, Millis, RequestId, RequestState, RowKind};

use crate::along::{SignalOnWay, cumulate, signals_along};
use crate::config::Config;
use crate::event::TransitUpdate;
use crate::tracking::Track;

pub use dwell::Dwells;
pub use headway::{Headways, Spacing};
pub use response::Response;

/// A stop counts as left once the vehicle is this far beyond it, millimetres.
const LEFT_MM: i64 = 8_000;
/// Doors that open within this of a stop open for it, millimetres.
const AT_STOP_MM: i64 = 30_000;
/// Slower than this is standing, millimetres a second.
const STANDING_MM_S: i64 = 500;
/// With so many per cent of its places taken a vehicle is full, with so few empty: a full one asks at
/// half the lateness, an empty one at twice.
const FULL_PCT: u8 = 80;
const EMPTY_PCT: u8 = 10;

/// A way of a tram or bus, worked out once: its line, or one around an incident.
#[derive(Clone, Debug, Default)]
pub struct LinePlan {
    /// The links, in order.
    pub links: Vec<LinkId>,
    /// Distance to the end of each link, millimetres.
    pub ends_mm: Vec<i64>,
    /// The signals, with their transit rows where the binding has a priority channel.
    pub signals: Vec<SignalOnWay>,
    /// The calls, millimetres from the start of the way, in order.
    pub calls_mm: Vec<i64>,
    /// Their stops.
    pub stops: Vec<StopId>,
}

impl LinePlan {
    /// Work a line out.
    #[must_use]
    pub fn new(network: &Network, line: LineId) -> Self {
        let line = &network.lines[line.index()];
        Self::of_way(network, &line.links, &line.calls)
    }

    /// Work a chain of links out; `link_index` of the calls counts along it.
    #[must_use]
    pub fn of_way(network: &Network, links: &[LinkId], calls: &[StopCall]) -> Self {
        let (mut ends_mm, mut signals) = (Vec::new(), Vec::new());
        cumulate(network, links, &mut ends_mm);
        signals_along(network, links, &ends_mm, RowKind::Transit, &mut signals);
        for signal in &mut signals {
            let can = network
                .controller(signal.controller)
                .is_some_and(|c| c.capabilities.allows(Capabilities::PRIORITY));
            signal.row = signal.row.filter(|_| can);
        }
        let start = |link: u32| {
            let before = (link as usize).checked_sub(1).and_then(|i| ends_mm.get(i));
            before.copied().unwrap_or(0)
        };
        let calls_mm = calls.iter().map(|c| start(c.link_index) + i64::from(c.offset_mm)).collect();
        let stops = calls.iter().map(|c| c.stop).collect();
        Self { links: links.to_vec(), ends_mm, signals, calls_mm, stops }
    }

    /// The index of the link at a distance from the start.
    #[must_use]
    pub fn link_at(&self, at_mm: i64) -> usize {
        self.ends_mm.partition_point(|end| *end <= at_mm).min(self.links.len().saturating_sub(1))
    }

    /// The call whose stop lies within reach of a place and was not served yet.
    fn call_at(&self, at_mm: i64, served_mm: i64) -> Option<usize> {
        let near =
            |(_, call_mm): &(usize, &i64)| **call_mm > served_mm && (**call_mm - at_mm).abs() <= AT_STOP_MM;
        let calls = self.calls_mm.iter().enumerate().filter(near);
        calls.min_by_key(|(_, call_mm)| (**call_mm - at_mm).abs()).map(|(call, _)| call)
    }
}

/// How a tram or bus stands with its priority, in the words of the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standing {
    /// It does not ask.
    #[default]
    None,
    /// It asked.
    Asked,
    /// The controller serves it.
    Granted,
    /// It would ask, and the binding has no channel.
    NoChannel,
}

/// A request of a tram.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransitRequest {
    /// Index into the line's signals.
    pub signal: usize,
    /// The request.
    pub request: RequestId,
    /// Where it stands.
    pub state: RequestState,
    /// Grows with each command.
    pub revision: u32,
    /// When it was made.
    pub asked_at: Millis,
    /// When it ends at the latest.
    pub release_at: Millis,
}

/// A vehicle at a stop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Stand {
    /// Index of the call.
    pub call: usize,
    /// Doors open, or standing still, since then.
    pub since: Millis,
    /// Whether its doors were seen open.
    pub opened: bool,
}

/// A tram or bus on its line.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Transit {
    /// The line.
    pub line: LineId,
    /// The way that it follows: its line's own, or one around an incident.
    pub plan: usize,
    /// Where it is on that way.
    pub track: Track,
    /// Per cent of its places that are taken, where the source says so.
    pub load_pct: Option<u8>,
    /// Seconds late.
    pub lateness_s: Option<i32>,
    /// Its doors are open.
    pub doors_open: bool,
    /// The stop that it stands at.
    pub stand: Option<Stand>,
    /// Stops up to here are served, millimetres along its way.
    pub served_mm: i64,
    /// The signal of its line that it came to next at its last report.
    pub next: Option<usize>,
    /// How it runs in the sequence of its line.
    pub spacing: Spacing,
    /// Its request, if it has one.
    pub request: Option<TransitRequest>,
    /// How it stands.
    pub standing: Standing,
    /// The last signal that was reported as having no channel.
    pub reported: Option<usize>,
}

impl Transit {
    /// A vehicle that appears on its line; `None` when the fix does not lie on it.
    #[must_use]
    pub fn appear(network: &Network, plan: &LinePlan, update: &TransitUpdate) -> Option<Self> {
        let whole =
            Track { at_mm: 0, speed_mm_s: 0, fix_at: Millis(-60_000), ..Track::start(0, &update.fix) };
        // With no place known yet the whole line is searched, in stretches that the window spans.
        let length = plan.ends_mm.last().copied()?;
        let mut from = 0;
        let mut found = None;
        while from <= length && found.is_none() {
            found = Track { at_mm: from, ..whole }.locate(network, &plan.links, &plan.ends_mm, &update.fix);
            from += 300_000;
        }
        let mut transit = Self {
            line: update.line,
            plan: update.line.index(),
            track: Track::start(found?, &update.fix),
            load_pct: None,
            lateness_s: update.lateness_s,
            doors_open: update.doors_open.unwrap_or(false),
            stand: None,
            served_mm: -1,
            next: None,
            spacing: Spacing::Regular,
            request: None,
            standing: Standing::None,
            reported: None,
        };
        transit.open_doors(plan, update);
        Some(transit)
    }

    /// Take a report in; `false` when the vehicle is no longer on its way.
    pub fn report(
        &mut self,
        network: &Network,
        plan: &LinePlan,
        dwells: &mut Dwells,
        update: &TransitUpdate,
    ) -> bool {
        let Some(at) = self.track.locate(network, &plan.links, &plan.ends_mm, &update.fix) else {
            return false;
        };
        let free = plan.links.get(plan.link_at(at)).map_or(0, |l| i64::from(network.link(*l).speed_mm_s));
        self.track.update(at, free, &update.fix);
        self.lateness_s = update.lateness_s.or(self.lateness_s);
        self.doors_open = update.doors_open.unwrap_or(false);
        match update.doors_open {
            Some(true) => self.open_doors(plan, update),
            Some(false) => self.close_doors(plan, dwells, update.fix.received),
            None => self.watch_standing(plan, dwells, update.fix.received),
        }
        true
    }

    /// Doors are open: the stop here is being served.
    fn open_doors(&mut self, plan: &LinePlan, update: &TransitUpdate) {
        if !self.doors_open || self.stand.is_some_and(|stand| stand.opened) {
            return;
        }
        if let Some(call) = plan.call_at(self.track.at_mm, self.served_mm) {
            self.stand = Some(Stand { call, since: update.fix.received, opened: true });
        }
    }

    /// Doors are closed: a stop at which they were open is served.
    fn close_doors(&mut self, plan: &LinePlan, dwells: &mut Dwells, now: Millis) {
        if let Some(stand) = self.stand.take_if(|stand| stand.opened) {
            self.leave_stop(plan, dwells, stand, now);
        }
    }

    /// No word of doors: standing at a stop for as long as expected makes ready, moving off ends it.
    fn watch_standing(&mut self, plan: &LinePlan, dwells: &mut Dwells, now: Millis) {
        let stands = self.track.speed_mm_s <= STANDING_MM_S;
        match self.stand {
            None if stands => {
                let call = plan.call_at(self.track.at_mm, self.served_mm);
                self.stand = call.map(|call| Stand { call, since: now, opened: false });
            }
            Some(stand) if stands => {
                let expected = plan.stops.get(stand.call).map(|s| dwells.expected(*s, self.load_pct));
                if expected.is_some_and(|expected| now.since(stand.since) >= expected) {
                    self.served_mm = plan.calls_mm.get(stand.call).copied().unwrap_or(self.served_mm);
                }
            }
            Some(stand) => {
                self.stand = None;
                self.leave_stop(plan, dwells, stand, now);
            }
            None => {}
        }
    }

    fn leave_stop(&mut self, plan: &LinePlan, dwells: &mut Dwells, stand: Stand, now: Millis) {
        if let (Some(stop), Some(call_mm)) = (plan.stops.get(stand.call), plan.calls_mm.get(stand.call)) {
            dwells.learn(*stop, self.load_pct, now.since(stand.since));
            self.served_mm = self.served_mm.max(*call_mm);
        }
    }

    /// The next signal, with the time until it is reached.
    #[must_use]
    pub fn next_signal(&self, plan: &LinePlan, config: &Config, now: Millis) -> Option<(usize, Millis)> {
        let at = self.track.now_mm(now);
        let next = plan.signals.iter().position(|s| s.exit_mm + config.clear_mm > at)?;
        let left = (plan.signals[next].stop_line_mm - at).max(0);
        Some((next, Millis(left * 1000 / self.track.speed_mm_s.max(4_000))))
    }

    /// Whether the vehicle, as late and as full as it is, should ask at this signal now.
    #[must_use]
    pub fn wants(&self, plan: &LinePlan, config: &Config, signal: usize, eta: Millis) -> bool {
        self.needs_help(config) && eta <= config.tram_horizon && self.is_ready(plan, signal)
    }

    /// Late enough for its load, or behind a gap and not early; never when it would only close up to the
    /// one ahead.
    fn needs_help(&self, config: &Config) -> bool {
        // A threshold before the timetable is a policy of its own, whatever the load.
        let after_s = match (config.tram_late_s, self.load_pct) {
            (late_s @ 1.., Some(FULL_PCT..)) => late_s / 2,
            (late_s @ 1.., Some(..EMPTY_PCT)) => late_s.saturating_mul(2),
            (late_s, _) => late_s,
        };
        let late = self.lateness_s.is_some_and(|s| s >= after_s);
        match self.spacing {
            Spacing::Regular => late,
            Spacing::Bunched => false,
            Spacing::Gap => late || self.lateness_s.is_none_or(|s| s >= 0),
        }
    }

    /// Doors closed, and no stop left before the stop line.
    fn is_ready(&self, plan: &LinePlan, signal: usize) -> bool {
        let (line_mm, at) = (plan.signals[signal].stop_line_mm, self.track.at_mm);
        let waits = |call: &i64| *call > self.served_mm && *call + LEFT_MM > at && *call < line_mm;
        !self.doors_open && !plan.calls_mm.iter().any(waits)
    }

    /// Whether the vehicle has passed the signal of its request.
    #[must_use]
    pub fn has_passed(&self, plan: &LinePlan, config: &Config, signal: usize, now: Millis) -> bool {
        self.track.now_mm(now) >= plan.signals[signal].exit_mm + config.clear_mm
    }

    /// Go over to another way on which the same place lies at `at_mm`.
    pub(crate) fn change_way(&mut self, plan: usize, at_mm: i64) {
        let moved = at_mm - self.track.at_mm;
        self.plan = plan;
        self.track.at_mm = at_mm;
        self.served_mm = if self.served_mm < 0 { -1 } else { (self.served_mm + moved).max(-1) };
        (self.stand, self.reported) = (None, None);
        (self.next, self.spacing) = (None, Spacing::Regular);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::VehicleFix;
    use clearway_network::testing::{corridor, place};
    use clearway_signals::VehicleId;

    fn update(x: f32, late: i32, doors: bool) -> TransitUpdate {
        let fix = VehicleFix {
            vehicle: VehicleId(5),
            received: Millis(1_000),
            place: place(x, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(8.0),
            degraded: false,
            cadence: Millis(1_000),
        };
        TransitUpdate { fix, line: LineId(0), lateness_s: Some(late), doors_open: Some(doors) }
    }

    fn wants(x: f32, late: i32, doors: bool) -> Option<bool> {
        let network = corridor(3);
        let plan = LinePlan::new(&network, LineId(0));
        let config = Config::default();
        let tram = Transit::appear(&network, &plan, &update(x, late, doors))?;
        let (next, eta) = tram.next_signal(&plan, &config, Millis(1_000))?;
        Some(tram.wants(&plan, &config, next, eta))
    }

    #[test]
    fn a_late_tram_asks_near_the_signal_and_an_early_one_does_not() {
        assert_eq!(wants(150.0, 60, false), Some(true));
        assert_eq!(wants(150.0, -20, false), Some(false));
        assert_eq!(wants(10.0, 60, false), Some(false), "too far in time");
    }

    #[test]
    fn no_request_while_a_stop_lies_before_the_signal_or_doors_are_open() {
        assert_eq!(wants(260.0, 60, false), Some(false), "the stop at 300 m comes first");
        assert_eq!(wants(320.0, 60, true), Some(false), "doors open");
        assert_eq!(wants(320.0, 60, false), Some(true), "stop left");
    }

    #[test]
    fn a_controller_without_priority_channel_gives_the_line_no_row() {
        let network = corridor(3);
        let plan = LinePlan::new(&network, LineId(0));
        let rows: Vec<bool> = plan.signals.iter().map(|s| s.row.is_some()).collect();
        assert_eq!(rows, [false, true, false]);
    }

    #[test]
    fn a_tram_far_along_a_long_line_is_found() {
        let network = corridor(12);
        let plan = LinePlan::new(&network, LineId(0));
        let tram = Transit::appear(&network, &plan, &update(2_130.0, 0, false)).unwrap();
        assert!((tram.track.at_mm - 2_130_000).abs() < 1_000);
    }

    /// A tram that reports once a second, from second 0 on: place, speed, doors.
    fn reports(seconds: &[(f32, f32, Option<bool>)]) -> (Vec<bool>, Dwells) {
        let network = corridor(3);
        let plan = LinePlan::new(&network, LineId(0));
        let config = Config { tram_horizon: Millis::from_s(30), ..Config::default() };
        let mut dwells = Dwells::new(network.stops.len());
        let mut tram: Option<Transit> = None;
        let mut asks = Vec::new();
        for (second, (x, speed, doors)) in (0..).zip(seconds) {
            let now = Millis::from_s(second);
            let mut update = update(*x, 60, false);
            (update.fix.received, update.fix.speed_mps, update.doors_open) = (now, Some(*speed), *doors);
            match &mut tram {
                None => tram = Transit::appear(&network, &plan, &update),
                Some(tram) => assert!(tram.report(&network, &plan, &mut dwells, &update)),
            }
            let (next, eta) = tram.unwrap().next_signal(&plan, &config, now).unwrap();
            asks.push(tram.unwrap().wants(&plan, &config, next, eta));
        }
        (asks, dwells)
    }

    #[test]
    fn a_request_waits_for_the_doors_to_close_and_then_for_nothing() {
        let doors = |open| Some(open);
        let (asks, dwells) = reports(&[
            (290.0, 5.0, doors(false)),
            (299.0, 0.0, doors(true)),
            (299.0, 0.0, doors(true)),
            (299.0, 0.0, doors(false)),
            (301.0, 2.0, doors(false)),
        ]);
        assert_eq!(asks, [false, false, false, true, true], "asked before it moves");
        assert_eq!(dwells.expected(StopId(0), None), Millis(5_000), "learned, at least five seconds");
    }

    #[test]
    fn without_word_of_doors_the_end_of_the_dwell_is_foretold() {
        let mut seconds = vec![(290.0, 5.0, None)];
        seconds.extend([(300.0, 0.0, None); 30]);
        let (asks, _) = reports(&seconds);
        let first = asks.iter().position(|asks| *asks);
        assert_eq!(first, Some(21), "twenty seconds after it stood, before anything was learned");
    }

    fn needs(lateness_s: Option<i32>, load_pct: Option<u8>, spacing: Spacing) -> bool {
        let network = corridor(3);
        let plan = LinePlan::new(&network, LineId(0));
        let tram = Transit::appear(&network, &plan, &update(150.0, 0, false)).unwrap();
        let tram = Transit { lateness_s, load_pct, spacing, ..tram };
        tram.needs_help(&Config { tram_late_s: 30, ..Config::default() })
    }

    #[test]
    fn a_full_tram_asks_at_half_the_lateness_and_an_empty_one_at_twice() {
        let at = |late, load| needs(Some(late), load, Spacing::Regular);
        assert!(at(30, None) && !at(29, None));
        assert!(at(15, Some(90)) && !at(14, Some(90)));
        assert!(at(60, Some(5)) && !at(59, Some(5)));
    }

    #[test]
    fn behind_a_gap_a_tram_asks_unless_it_is_early_and_in_a_bunch_never() {
        assert!(needs(Some(0), None, Spacing::Gap) && needs(None, None, Spacing::Gap));
        assert!(!needs(Some(-10), None, Spacing::Gap));
        assert!(!needs(Some(300), None, Spacing::Bunched));
    }
}
