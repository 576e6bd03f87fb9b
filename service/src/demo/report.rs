//! The report: what the wave was worth, and to whom it cost what.

use std::fmt;

use clearway_contract::Protocol;
use clearway_field::Field;
use clearway_network::Network;
use clearway_runtime::Percentiles;
use clearway_signals::{ControllerId, Owner, RowId};
use clearway_traffic::{TripLog, TripResult, World};
use serde::Serialize;

use super::story::{Baselines, ENGINE, Story};
use crate::live::Plant;

/// What was measured live, before the comparisons.
pub struct Measured {
    travel_time_s: Option<f64>,
    stops: u32,
    cross_delay_s: f64,
    cross_vehicles: u64,
    trams_lateness_change_s: f64,
    clearances_cut: u64,
    violations: u64,
    commands: Commands,
    latency_us: Latencies,
    recovery: Recovery,
}

impl Measured {
    /// Read everything off while it still runs.
    pub fn new(log: &TripLog, world: &World, field: &Field, plant: &Plant) -> Self {
        let tallied = plant.board.tallied();
        let cross = world.cross_delay();
        Self {
            travel_time_s: log.travel_time().map(clearway_signals::Millis::as_s),
            stops: log.stops,
            cross_delay_s: cross.total.as_s(),
            cross_vehicles: cross.cars,
            trams_lateness_change_s: world.tram_change().mean_s(),
            clearances_cut: field.totals().clearances_cut,
            violations: field.totals().violations(),
            commands: Commands {
                planned: plant.runtime.commands(),
                sent: tallied.written,
                confirmed: tallied.confirmed,
                refused: tallied.refused,
                orphaned: 0,
            },
            latency_us: Latencies::new(plant),
            recovery: Recovery::of(field, &log.controllers()),
        }
    }

    /// Count what is still on after everything was released, and what the monitors saw to the end.
    pub fn close(&mut self, field: &Field) {
        self.commands.orphaned = orphaned(field);
        self.violations = field.totals().violations();
        self.clearances_cut = field.totals().clearances_cut;
    }
}

/// Own rows that a controller still holds called.
pub fn orphaned(field: &Field) -> u64 {
    let ids = (0..field.len()).filter_map(|n| u16::try_from(n).ok()).map(ControllerId);
    let held = ids.filter_map(|id| {
        field.with(id, |emulator| {
            let status = emulator.status();
            let own = |row: RowId| emulator.rows().get(row.index()).is_some_and(|r| r.owner == Owner::Ours);
            let priority = u64::from(status.priority.is_some());
            status.remote.iter().filter(|row| own(*row)).count() as u64 + priority
        })
    });
    held.sum()
}

impl Recovery {
    /// How the controllers of the way came back into their plans.
    fn of(field: &Field, controllers: &[ControllerId]) -> Self {
        let left = controllers.iter().filter_map(|id| field.with(*id, |e| e.recovery()).flatten());
        let mut all = Self { left_plan: 0, back: 0, back_in_two_cycles: 0, longest_s: 0.0 };
        for recovery in left {
            all.left_plan += 1;
            let Some(took) = recovery.took else { continue };
            all.back += 1;
            all.back_in_two_cycles += u64::from(recovery.cycles.is_some_and(|cycles| cycles <= 2));
            all.longest_s = all.longest_s.max(took.as_s());
        }
        all
    }
}

/// The report. Keys are stable; units stand in them.
#[derive(Serialize)]
pub struct Report {
    seed: u64,
    speed: f64,
    route: Route,
    ev: Ev,
    baseline: Compared,
    cross_traffic: Cross,
    pedestrians: Pedestrians,
    trams: Trams,
    monitor: Monitor,
    commands: Commands,
    latency_us: Latencies,
    recovery: Recovery,
    notice: &'static str,
}

#[derive(Serialize)]
struct Route {
    length_m: u64,
    controllers: usize,
    not_armed: String,
    physical_preempt: String,
}

#[derive(Serialize)]
struct Ev {
    /// `null`: it did not arrive within the story.
    travel_time_s: Option<f64>,
    stops: u32,
}

#[derive(Serialize)]
struct Compared {
    none: Baseline,
    blue_light: Baseline,
    local: Baseline,
}

#[derive(Serialize)]
struct Baseline {
    travel_time_s: f64,
    stops: u32,
    cross_delay_change_pct: f64,
    trams_lateness_change_s: f64,
}

#[derive(Serialize)]
struct Cross {
    vehicles: u64,
    delay_s: f64,
    delay_change_pct: f64,
}

#[derive(Serialize)]
struct Pedestrians {
    clearances_cut: u64,
}

#[derive(Serialize)]
struct Trams {
    lateness_change_s: f64,
}

#[derive(Serialize)]
struct Monitor {
    violations: u64,
}

/// Controllers of the way that a preemption took out of their plans, and how they came back. The others were
/// green by their plans when the engine came, or not armed.
#[derive(Clone, Copy, Serialize)]
struct Recovery {
    left_plan: u64,
    /// In step with the plan for a whole cycle when the story ended.
    back: u64,
    back_in_two_cycles: u64,
    /// Of those that are back.
    longest_s: f64,
}

#[derive(Clone, Copy, Serialize)]
struct Commands {
    planned: u64,
    sent: u64,
    confirmed: u64,
    refused: u64,
    orphaned: u64,
}

#[derive(Serialize)]
struct Latencies {
    fix_to_command: Us,
    fix_to_wire: ByProtocol,
    fix_to_confirmed: ByProtocol,
}

#[derive(Serialize)]
struct ByProtocol {
    #[serde(flatten)]
    all: Us,
    ntcip: Us,
    modbus: Us,
}

#[derive(Clone, Copy, Serialize)]
struct Us {
    count: u64,
    p50: f64,
    p99: f64,
    p999: f64,
}

impl From<Percentiles> for Us {
    fn from(p: Percentiles) -> Self {
        Self { count: p.count, p50: p.p50_us, p99: p.p99_us, p999: p.p999_us }
    }
}

impl Latencies {
    fn new(plant: &Plant) -> Self {
        let board = &plant.board;
        let (ntcip, modbus) = (board.of(Protocol::Ntcip), board.of(Protocol::Modbus));
        Self {
            fix_to_command: plant.runtime.fix_to_command().into(),
            fix_to_wire: ByProtocol {
                all: board.all.to_wire.percentiles().into(),
                ntcip: ntcip.to_wire.percentiles().into(),
                modbus: modbus.to_wire.percentiles().into(),
            },
            fix_to_confirmed: ByProtocol {
                all: board.all.to_confirmed.percentiles().into(),
                ntcip: ntcip.to_confirmed.percentiles().into(),
                modbus: modbus.to_confirmed.percentiles().into(),
            },
        }
    }
}

impl Report {
    /// Put the live run beside its comparisons.
    pub fn new(
        story: &Story,
        network: &Network,
        speed: f64,
        measured: Measured,
        baselines: &Baselines,
    ) -> Self {
        let none = &baselines.none;
        let change = |total: f64| {
            let base = none.cross_delay_s_total;
            if base > 0.0 { round((total / base - 1.0) * 100.0, 2) } else { 0.0 }
        };
        let compared = |r: &TripResult| Baseline {
            travel_time_s: r.travel_time_s,
            stops: r.stops,
            cross_delay_change_pct: change(r.cross_delay_s_total),
            trams_lateness_change_s: round(r.tram_lateness_change_s, 1),
        };
        let title = |id: ControllerId| network.controllers[id.index()].title.clone();
        Self {
            seed: story.seed,
            speed,
            route: Route {
                length_m: story.length_m(network),
                controllers: story.controllers(network),
                not_armed: title(story.unarmed),
                physical_preempt: title(story.physical.controller),
            },
            ev: Ev { travel_time_s: measured.travel_time_s, stops: measured.stops },
            baseline: Compared {
                none: compared(none),
                blue_light: compared(&baselines.blue_light),
                local: compared(&baselines.local),
            },
            cross_traffic: Cross {
                vehicles: measured.cross_vehicles,
                delay_s: measured.cross_delay_s,
                delay_change_pct: change(measured.cross_delay_s),
            },
            pedestrians: Pedestrians { clearances_cut: measured.clearances_cut },
            trams: Trams {
                lateness_change_s: round(measured.trams_lateness_change_s - none.tram_lateness_change_s, 1),
            },
            monitor: Monitor { violations: measured.violations },
            commands: measured.commands,
            latency_us: measured.latency_us,
            recovery: measured.recovery,
            notice: "The streets are real; the controllers, their plans and the traffic are fictional.",
        }
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = "─".repeat(78);
        writeln!(
            f,
            "\n{rule}\n{} to a dwelling fire: {:.1} km, {} signals, seed {}",
            ENGINE.label,
            self.route.length_m as f64 / 1000.0,
            self.route.controllers,
            self.seed
        )?;
        writeln!(f, "{rule}\n{:<34}{:>10}{:>8}{:>24}", "", "time", "stops", "delay of cross traffic")?;
        let row = |f: &mut fmt::Formatter<'_>, what: &str, time: Option<f64>, stops: u32, change: f64| {
            let time = time.map_or("not yet".into(), |s| format!("{s:.0} s"));
            writeln!(f, "{what:<34}{time:>10}{stops:>8}{change:>+22.1} %")
        };
        let b = &self.baseline;
        row(f, "no priority", Some(b.none.travel_time_s), b.none.stops, 0.0)?;
        row(
            f,
            "blue light through red",
            Some(b.blue_light.travel_time_s),
            b.blue_light.stops,
            b.blue_light.cross_delay_change_pct,
        )?;
        row(
            f,
            "each signal by itself, 300 m ahead",
            Some(b.local.travel_time_s),
            b.local.stops,
            b.local.cross_delay_change_pct,
        )?;
        row(f, "Clearway", self.ev.travel_time_s, self.ev.stops, self.cross_traffic.delay_change_pct)?;
        writeln!(f, "{rule}")?;
        writeln!(f, "pedestrian clearances cut   {}", self.pedestrians.clearances_cut)?;
        writeln!(
            f,
            "violations seen             {}  (independent monitors at every controller)",
            self.monitor.violations
        )?;
        writeln!(
            f,
            "trams                       {:+.1} s lateness each, against no priority",
            self.trams.lateness_change_s
        )?;
        writeln!(f, "not armed, left alone       {}", self.route.not_armed)?;
        writeln!(f, "taken by its rail circuit   {}", self.route.physical_preempt)?;
        let Recovery { left_plan, back, longest_s, .. } = self.recovery;
        writeln!(
            f,
            "recovery                    {back} of {left_plan} preempted controllers back in their plans, {longest_s:.0} s at most"
        )?;
        let c = &self.commands;
        writeln!(
            f,
            "commands                    {} written, {} read back, {} refused, {} left behind",
            c.sent, c.confirmed, c.refused, c.orphaned
        )?;
        let l = &self.latency_us;
        writeln!(f, "{rule}\n{:<34}{:>12}{:>12}{:>12}", "latency", "p50", "p99", "p99.9")?;
        for (what, us) in [
            ("fix → command", l.fix_to_command),
            ("fix → wire, NTCIP", l.fix_to_wire.ntcip),
            ("fix → wire, Modbus", l.fix_to_wire.modbus),
            ("fix → read back, NTCIP", l.fix_to_confirmed.ntcip),
            ("fix → read back, Modbus", l.fix_to_confirmed.modbus),
        ] {
            writeln!(f, "{what:<34}{:>12}{:>12}{:>12}", time(us.p50), time(us.p99), time(us.p999))?;
        }
        write!(f, "{rule}\n{}", self.notice)
    }
}

fn time(us: f64) -> String {
    if us < 1000.0 { format!("{us:.1} µs") } else { format!("{:.2} ms", us / 1000.0) }
}
