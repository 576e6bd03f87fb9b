//! Runs seeds of the fault simulation and prints what they found: `cargo xtask dst`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use clearway_contract::Protocol;
use clearway_signals::Millis;
use clearway_traffic::faults::{Outcome, Planted, Scenario, Settings, run};

/// Seeds are about: the shipped model, one in so many; the corridor else.
const HELSINKI_EVERY: u64 = 4;
/// Lines of the timeline that are printed before a breach.
const TIMELINE_SHOWN: usize = 60;

#[derive(Parser)]
#[command(about = "Deterministic fault simulation of engine, adapters and controllers")]
struct Cli {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Simulated minutes of each.
    #[arg(long, default_value_t = 30)]
    minutes: i64,
    /// Threads; as many as there are cores when not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Which network: `mixed` takes the shipped model for one seed in four and a corridor else.
    #[arg(long, default_value = "mixed", value_parser = ["mixed", "corridor", "helsinki"])]
    network: String,
    /// Plant a bug, by name; `list` prints the names.
    #[arg(long)]
    planted: Option<String>,
    /// Print everything that is remembered of what happened, even when nothing is wrong.
    #[arg(long)]
    trace: bool,
    /// No faults: for the speed.
    #[arg(long)]
    calm: bool,
}

struct Worlds {
    corridor: Option<Scenario>,
    helsinki: Option<Scenario>,
}

impl Worlds {
    fn of(&self, seed: u64) -> &Scenario {
        let large = self.helsinki.as_ref().filter(|_| seed.is_multiple_of(HELSINKI_EVERY));
        large.or(self.corridor.as_ref()).or(self.helsinki.as_ref()).expect("one of the two is loaded")
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.planted.as_deref() == Some("list") {
        Planted::ALL.iter().for_each(|planted| println!("{}", planted.word()));
        return ExitCode::SUCCESS;
    }
    let planted = match cli.planted.as_deref().map(|word| (word, Planted::named(word))) {
        Some((word, None)) => {
            eprintln!("there is no bug `{word}`; --planted list prints them");
            return ExitCode::from(2);
        }
        found => found.and_then(|(_, planted)| planted),
    };
    let worlds = Worlds {
        corridor: (cli.network != "helsinki").then(corridor),
        helsinki: (cli.network != "corridor").then(helsinki),
    };
    let bad = run_all(&cli, &worlds, planted);
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn settings(cli: &Cli, seed: u64, planted: Option<Planted>) -> Settings {
    let duration = Millis::from_s(cli.minutes.clamp(12, 24 * 60) * 60);
    Settings { duration, planted, calm: cli.calm, trace: cli.trace, ..Settings::new(seed) }
}

fn run_all(cli: &Cli, worlds: &Worlds, planted: Option<Planted>) -> u64 {
    let threads =
        cli.threads.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1);
    let (next, bad, simulated_ms, faults, served) =
        (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= cli.seeds {
                        return;
                    }
                    let seed = cli.seed + n;
                    let asked = settings(cli, seed, planted);
                    let outcome = run(worlds.of(seed), asked);
                    simulated_ms.fetch_add(asked.duration.0.unsigned_abs(), Ordering::Relaxed);
                    faults.fetch_add(outcome.faults, Ordering::Relaxed);
                    served.fetch_add(outcome.served, Ordering::Relaxed);
                    if outcome.count > 0 {
                        bad.fetch_add(1, Ordering::Relaxed);
                        report(cli, worlds, asked, &outcome);
                    } else if cli.seeds == 1 {
                        print_run(seed, &outcome);
                    }
                }
            });
        }
    });
    let wall_s = begun.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)]
    let simulated_s = simulated_ms.load(Ordering::Relaxed) as f64 / 1000.0;
    println!(
        "{} seeds, {:.1} simulated hours, {} faults, {} requests served, {} seeds broke an invariant",
        cli.seeds,
        simulated_s / 3600.0,
        faults.load(Ordering::Relaxed),
        served.load(Ordering::Relaxed),
        bad.load(Ordering::Relaxed),
    );
    let cpu_s = cpu_s().unwrap_or(wall_s);
    println!(
        "{wall_s:.1} s on {threads} threads, {cpu_s:.1} s of CPU: {:.0} times real time per core",
        simulated_s / cpu_s
    );
    bad.load(Ordering::Relaxed)
}

fn print_run(seed: u64, outcome: &Outcome) {
    for (at, what) in outcome.timeline.iter().filter(|(_, what)| !what.is_empty()) {
        println!("{:>9.3} {what}", at.as_s());
    }
    println!(
        "seed {seed}: {} commands, {} faults, {} packets and wake-ups, {} served, {} arrived, hash {:016x}",
        outcome.commands, outcome.faults, outcome.events, outcome.served, outcome.arrived, outcome.hash
    );
}

/// Run the seed once more for its timeline, and print what led to the first breach.
fn report(cli: &Cli, worlds: &Worlds, asked: Settings, outcome: &Outcome) {
    let again = run(worlds.of(asked.seed), Settings { trace: true, ..asked });
    let mut lines = Vec::new();
    let first = outcome.breaches.first().map_or(Millis::NEVER, |breach| breach.at);
    let before = again.timeline.iter().filter(|(at, what)| *at <= first && !what.is_empty());
    let before: Vec<&(Millis, String)> = before.collect();
    let shown = if cli.trace { before.len() } else { TIMELINE_SHOWN };
    for (at, what) in &before[before.len().saturating_sub(shown)..] {
        lines.push(format!("{:>9.3} {what}", at.as_s()));
    }
    for breach in &outcome.breaches {
        lines.push(format!("{:>9.3} {} BROKEN: {}", breach.at.as_s(), breach.rule, breach.what));
    }
    if again.hash != outcome.hash {
        lines.push("the run did not repeat itself".into());
    }
    let planted = cli.planted.as_ref().map(|word| format!(" --planted {word}")).unwrap_or_default();
    println!(
        "seed {} broke {} invariants:\n{}\nagain: cargo xtask dst --seed {} --minutes {} --network {}{planted} --trace\n",
        asked.seed,
        outcome.count,
        lines.join("\n"),
        asked.seed,
        cli.minutes,
        cli.network
    );
}

fn corridor() -> Scenario {
    let network = Arc::new(clearway_network::testing::corridor(12));
    let protocols = [
        Protocol::Ntcip,
        Protocol::Ntcip,
        Protocol::Modbus,
        Protocol::Modbus,
        Protocol::Rsmp,
        Protocol::Rsmp,
    ];
    Scenario::new(network, &protocols).expect("the corridor has ways")
}

fn helsinki() -> Scenario {
    let dir: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../network-models/helsinki-centre");
    let network = clearway_format::load(&dir).unwrap_or_else(|report| panic!("{}", report.render())).network;
    let protocols = [Protocol::Ntcip, Protocol::Ntcip, Protocol::Modbus, Protocol::Modbus];
    Scenario::new(Arc::new(network), &protocols).expect("Helsinki has ways")
}

/// CPU time of this process, seconds; `None` where the system does not say.
fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    // USER_HZ is 100 on every Linux.
    Some(ticks / 100.0)
}
