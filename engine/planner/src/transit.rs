//! Trams and buses: conditional priority by lateness, where a binding gives a channel for it.
//!
//! A late vehicle that is near a signal, and has no stop left before it, asks for its transit row;
//! one request per controller and cycle; never while an emergency vehicle holds or needs the
//! controller; never an emergency row (the checker holds that too).

use clearway_network::{LineId, LinkId, Network};
use clearway_signals::{Capabilities, Millis, RequestId, RequestState, RowKind};

use crate::along::{SignalOnWay, cumulate, signals_along};
use crate::config::Config;
use crate::event::TransitUpdate;
use crate::tracking::Track;

/// A line, worked out once.
#[derive(Clone, Debug)]
pub struct LinePlan {
    /// The links, in order.
    pub links: Vec<LinkId>,
    /// Distance to the end of each link, millimetres.
    pub ends_mm: Vec<i64>,
    /// The signals, with their transit rows where the binding has a priority channel.
    pub signals: Vec<SignalOnWay>,
    /// The calls, millimetres from the start of the line.
    pub calls_mm: Vec<i64>,
}

impl LinePlan {
    /// Work a line out.
    #[must_use]
    pub fn new(network: &Network, line: LineId) -> Self {
        let line = &network.lines[line.index()];
        let (mut ends_mm, mut signals) = (Vec::new(), Vec::new());
        cumulate(network, &line.links, &mut ends_mm);
        signals_along(network, &line.links, &ends_mm, RowKind::Transit, &mut signals);
        for signal in &mut signals {
            let can = network
                .controller(signal.controller)
                .is_some_and(|c| c.capabilities.allows(Capabilities::PRIORITY));
            signal.row = signal.row.filter(|_| can);
        }
        let start = |i: usize| if i == 0 { 0 } else { ends_mm[i - 1] };
        let calls_mm =
            line.calls.iter().map(|c| start(c.link_index as usize) + i64::from(c.offset_mm)).collect();
        Self { links: line.links.clone(), ends_mm, signals, calls_mm }
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
        let links = &plan.links;
        let whole =
            Track { at_mm: 0, speed_mm_s: 0, fix_at: Millis(-60_000), ..Track::start(0, &update.fix) };
        // With no place known yet the whole line is searched, in stretches that the window spans.
        let length = plan.ends_mm.last().copied()?;
        let mut from = 0;
        let mut found = None;
        while from <= length && found.is_none() {
            found = Track { at_mm: from, ..whole }.locate(network, links, &plan.ends_mm, &update.fix);
            from += 300_000;
        }
        Some(Self {
            line: update.line,
            plan: update.line.index(),
            load_pct: None,
            track: Track::start(found?, &update.fix),
            lateness_s: update.lateness_s,
            doors_open: update.doors_open.unwrap_or(false),
            request: None,
            standing: Standing::None,
            reported: None,
        })
    }

    /// Take a report in; `false` when the vehicle is no longer on its line.
    pub fn report(&mut self, network: &Network, plan: &LinePlan, update: &TransitUpdate) -> bool {
        let links = &plan.links;
        let Some(at) = self.track.locate(network, links, &plan.ends_mm, &update.fix) else { return false };
        let link = plan.ends_mm.partition_point(|end| *end <= at).min(links.len().saturating_sub(1));
        let free = links.get(link).map_or(0, |l| i64::from(network.link(*l).speed_mm_s));
        self.track.update(at, free, &update.fix);
        self.lateness_s = update.lateness_s.or(self.lateness_s);
        self.doors_open = update.doors_open.unwrap_or(false);
        true
    }

    /// The next signal, with the time until it is reached.
    #[must_use]
    pub fn next_signal(&self, plan: &LinePlan, config: &Config, now: Millis) -> Option<(usize, Millis)> {
        let at = self.track.now_mm(now);
        let next = plan.signals.iter().position(|s| s.exit_mm + config.clear_mm > at)?;
        let left = (plan.signals[next].stop_line_mm - at).max(0);
        Some((next, Millis(left * 1000 / self.track.speed_mm_s.max(4_000))))
    }

    /// Whether the vehicle, as late as it is, should ask at this signal now.
    #[must_use]
    pub fn wants(&self, plan: &LinePlan, config: &Config, signal: usize, eta: Millis) -> bool {
        let late = self.lateness_s.is_some_and(|s| s >= config.tram_late_s);
        let line_mm = plan.signals[signal].stop_line_mm;
        let at = self.track.at_mm;
        // A stop counts as left once the vehicle is a few metres beyond it with closed doors.
        let stop_before = plan.calls_mm.iter().any(|call| *call + 8_000 > at && *call < line_mm);
        late && eta <= config.tram_horizon && !self.doors_open && !stop_before
    }

    /// Whether the vehicle has passed the signal of its request.
    #[must_use]
    pub fn has_passed(&self, plan: &LinePlan, config: &Config, signal: usize, now: Millis) -> bool {
        self.track.now_mm(now) >= plan.signals[signal].exit_mm + config.clear_mm
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
}
