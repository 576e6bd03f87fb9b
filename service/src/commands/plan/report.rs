//! What `clearway plan` prints, for people and as JSON.

use clearway_network::{LinkId, Network};
use clearway_planner::outlook::{Outlook, back_after};
use clearway_planner::recovery::Recovery;
use clearway_planner::wave::{Skip, WaveSignal};
use clearway_signals::{Capabilities, Millis};
use serde::Serialize;

use super::{PlanArgs, Planned, clock, seconds};
use crate::live::texts::{Names, found, skipped};

/// The report.
#[derive(Serialize)]
pub struct Report {
    network: String,
    class: &'static str,
    departs: String,
    #[serde(flatten)]
    best: WayReport,
    signals: Vec<SignalReport>,
    certified: Option<Certified>,
    alternatives: Vec<WayReport>,
}

#[derive(Serialize)]
struct WayReport {
    arrives: String,
    travel_s: f64,
    length_m: f64,
    /// Signals on the way, and those that are asked.
    signals_met: usize,
    signals_asked: usize,
    /// How much of it another way shares that the search found before it, thousandths.
    shared_permille: u32,
    streets: Vec<String>,
    links: Vec<String>,
}

/// Times are seconds after the departure.
#[derive(Serialize)]
struct SignalReport {
    controller: String,
    title: String,
    at_m: f64,
    capabilities: Vec<&'static str>,
    /// The number on the wire.
    row: Option<u8>,
    arrival_s: f64,
    arrival_sd_s: f64,
    call_s: Option<f64>,
    green_s: f64,
    release_s: Option<f64>,
    hold_s: Option<f64>,
    /// From the release until the controller is expected back in its plan.
    back_s: Option<f64>,
    /// Empty: it is asked.
    why_not_asked: String,
}

#[derive(Serialize)]
struct Certified {
    requests: usize,
    refused: Vec<String>,
}

impl Report {
    /// The report of the ways that were planned, the quickest first.
    pub fn of(network: &Network, args: &PlanArgs, planned: &[Planned]) -> Self {
        let mut ways: Vec<WayReport> = planned.iter().map(|way| way_report(network, args, way)).collect();
        let outlook = planned[0].outlook.as_ref();
        let signals = outlook.map(|outlook| {
            let report = |signal: &WaveSignal| signal_report(network, args.at, signal);
            outlook.signals.iter().map(report).collect()
        });
        Self {
            network: network.name.clone(),
            class: args.class.word(),
            departs: clock(args.at),
            best: ways.remove(0),
            signals: signals.unwrap_or_default(),
            certified: outlook.map(|outlook| certified(network, outlook)),
            alternatives: ways,
        }
    }

    /// Print it for people.
    pub fn print(&self) {
        println!("{} on {}, leaves {}", self.class, self.network, self.departs);
        self.best.print("way");
        println!("  {}", self.best.streets.join(" – "));
        if !self.signals.is_empty() {
            println!(
                "\n{:>7}  {:<34} {:>4} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6}",
                "at m",
                "signal (seconds after departure)",
                "row",
                "call",
                "green",
                "arrive",
                "release",
                "hold",
                "back"
            );
        }
        for signal in &self.signals {
            signal.print();
        }
        if let Some(certified) = &self.certified {
            println!("\ncertified: {} requests together", certified.requests);
            certified.refused.iter().for_each(|refused| println!("  left out: {refused}"));
        }
        for (n, way) in self.alternatives.iter().enumerate() {
            println!();
            way.print(&format!("alternative {}", n + 1));
            println!("  {}", way.streets.join(" – "));
        }
    }
}

impl WayReport {
    fn print(&self, name: &str) {
        let minutes = |s: f64| format!("{}:{:04.1} min", (s / 60.0).floor(), s % 60.0);
        let shared = match self.shared_permille {
            0 => String::new(),
            shared => format!(", {} % shared with another", shared / 10),
        };
        println!(
            "{name}: {:.0} m in {}, arrives {}, {} signals, {} asked{shared}",
            self.length_m,
            minutes(self.travel_s),
            self.arrives,
            self.signals_met,
            self.signals_asked
        );
    }
}

impl SignalReport {
    fn print(&self) {
        let time = |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.1}"));
        let row = self.row.map_or_else(|| "–".to_owned(), |row| row.to_string());
        let name: String = format!("{} {}", self.controller, self.title).chars().take(34).collect();
        println!(
            "{:>7.0}  {name:<34} {row:>4} {:>8} {:>8.1} {:>8.1} {:>8} {:>7} {:>6}  {}",
            self.at_m,
            time(self.call_s),
            self.green_s,
            self.arrival_s,
            time(self.release_s),
            time(self.hold_s),
            time(self.back_s),
            self.capabilities.join(", ")
        );
        if !self.why_not_asked.is_empty() {
            println!("         {}", self.why_not_asked);
        }
    }
}

fn way_report(network: &Network, args: &PlanArgs, planned: &Planned) -> WayReport {
    let way = &planned.way;
    let arrives = planned.arrives();
    let mut streets: Vec<String> = Vec::new();
    for link in &way.links {
        let street = &network.link(*link).street;
        if !street.is_empty() && streets.last() != Some(street) {
            streets.push(street.clone());
        }
    }
    WayReport {
        arrives: clock(arrives),
        travel_s: seconds(arrives - args.at),
        length_m: metres(way.length_mm(network)),
        signals_met: planned
            .outlook
            .as_ref()
            .map_or_else(|| signals_on(network, &way.links), |o| o.signals.len()),
        signals_asked: planned.outlook.as_ref().map_or(0, |outlook| outlook.asks.len()),
        shared_permille: way.shared_permille,
        streets,
        links: way.links.iter().map(|link| network.link(*link).name.clone()).collect(),
    }
}

/// Signals that a way passes, whoever drives.
fn signals_on(network: &Network, way: &[LinkId]) -> usize {
    let signalled = |pair: &&[LinkId]| {
        network.movement_between(pair[0], pair[1]).is_some_and(|m| network.movement(m).signal.is_some())
    };
    way.windows(2).filter(signalled).count()
}

fn signal_report(network: &Network, depart: Millis, signal: &WaveSignal) -> SignalReport {
    let controller = network.controller(signal.place.controller);
    let row = signal.place.row.and_then(|row| controller?.rows.get(row.index()));
    let asked = signal.skip == Skip::No;
    let after = |time: Millis| seconds(time - depart);
    SignalReport {
        controller: controller.map_or_else(String::new, |c| c.name.clone()),
        title: controller.map_or_else(String::new, |c| c.title.clone()),
        at_m: metres(signal.place.stop_line_mm),
        capabilities: controller.map(|c| words(c.capabilities)).unwrap_or_default(),
        row: row.map(|row| row.number),
        arrival_s: after(signal.arrival.mean),
        arrival_sd_s: seconds(signal.arrival.sigma),
        call_s: asked.then(|| after(signal.call_at)),
        green_s: after(signal.green_at),
        release_s: asked.then(|| after(signal.release_at)),
        hold_s: asked.then(|| seconds(signal.release_at - signal.call_at)),
        back_s: back_after(network, &Recovery::default(), signal).map(seconds),
        why_not_asked: skipped(signal.skip, &names(network)),
    }
}

fn certified(network: &Network, outlook: &Outlook) -> Certified {
    let refused = outlook.refused.iter().map(|finding| found(finding, &names(network)));
    Certified { requests: outlook.asks.len(), refused: refused.collect() }
}

/// Names for sentences: here there are no vehicles, and no policy.
pub fn names(network: &Network) -> Names<'_> {
    Names { network, vehicle: &|_| String::new(), rule: &|_| String::new() }
}

fn words(capabilities: Capabilities) -> Vec<&'static str> {
    let all = [
        ("preempt", Capabilities::PREEMPT),
        ("priority", Capabilities::PRIORITY),
        ("group states", Capabilities::GROUP_STATES),
        ("detectors", Capabilities::DETECTORS),
    ];
    all.into_iter().filter(|(_, one)| capabilities.allows(*one)).map(|(word, _)| word).collect()
}

#[allow(clippy::cast_precision_loss)]
fn metres(mm: i64) -> f64 {
    mm as f64 / 1_000.0
}
