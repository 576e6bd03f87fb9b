//! The shipped scenarios: sound, repeatable, fast.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clearway_network::Network;
use clearway_signals::Millis;
use clearway_traffic::experiment::{Record, RunResult, compare, run};
use clearway_traffic::scenario::{Control, NetworkSpec, Prepared, Scenario, generate};
use clearway_traffic::{FixedTime, Manners, Metered, World, WorldConfig};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn read(name: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    Scenario::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn network(scenario: &Scenario) -> Arc<Network> {
    Arc::new(match scenario.network.get_ref() {
        NetworkSpec::Model(dir) => {
            clearway_format::load(&folder().join(dir)).unwrap_or_else(|r| panic!("{}", r.render())).network
        }
        spec => generate(spec).expect("sizes in range"),
    })
}

fn prepare(name: &str) -> Prepared {
    let scenario = read(name);
    scenario.prepare(network(&scenario), None).unwrap_or_else(|faults| panic!("{name}: {faults:?}"))
}

/// The scenario, cut to what a quick test needs.
fn short(name: &str, warm_up_s: i64, duration_s: i64) -> Prepared {
    let mut prepared = prepare(name);
    (prepared.warm_up, prepared.duration) = (Millis::from_s(warm_up_s), Millis::from_s(duration_s));
    prepared
}

fn once(prepared: &Prepared, control: Control, seed: u64) -> RunResult {
    run(prepared, control, seed, Record::default(), &mut |_| {}).0
}

#[test]
fn every_shipped_scenario_fits_its_network() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml") && name != "metropolis.toml")
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        let prepared = prepare(&name);
        assert!(!prepared.missions(1).is_empty(), "{name}");
        assert!(prepared.demand(1).inflows.iter().any(|inflow| inflow.per_h > 0.0), "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let prepared = short("corridor-12.toml", 240, 240);
    for control in [Control::None, Control::Local, Control::Clearway] {
        let bytes = |seed| serde_json::to_string(&once(&prepared, control, seed)).unwrap();
        assert_eq!(bytes(3), bytes(3));
        assert_ne!(bytes(3), bytes(4));
    }
}

#[test]
fn a_corridor_is_driven_faster_with_the_engine_and_nobody_is_harmed() {
    let prepared = prepare("corridor-12.toml");
    let runs: Vec<RunResult> = [Control::None, Control::Clearway]
        .into_iter()
        .flat_map(|control| (1..=2).map(move |seed| (control, seed)))
        .map(|(control, seed)| once(&prepared, control, seed))
        .collect();
    assert!(runs.iter().all(|run| run.violations == 0 && run.clearances_cut == 0));
    let difference = compare(Control::Clearway, Control::None, &runs);
    let (key, time) = difference.figures[0];
    assert!(key == "emergency_time_s" && time.unwrap().mean < -20.0, "{difference:?}");
}

#[test]
fn a_closed_street_is_driven_around() {
    let open = short("major-incident.toml", 300, 300);
    let mut closed = open.clone();
    for closure in &mut closed.closures {
        (closure.from, closure.until) = (Millis::ZERO, Millis::from_s(3_600));
    }
    let mut without = open.clone();
    without.closures.clear();
    let (closed, without) = (once(&closed, Control::None, 1), once(&without, Control::None, 1));
    assert!(closed.cars.detours > without.cars.detours, "{:?} {:?}", closed.cars, without.cars);
    assert!(closed.cars.left > 0);
}

#[test]
fn plans_that_run_by_themselves_drive_traffic_as_plans_that_are_read() {
    let spec = NetworkSpec::Grid(clearway_traffic::scenario::Grid {
        rows: 3,
        columns: 3,
        spacing_m: 200.0,
        lanes: 2,
        cycle_s: 70,
    });
    let network = Arc::new(generate(&spec).unwrap());
    let world = || {
        let inflows = Metered { seed: 1, target_saturation: 0.6, factor: 1.0 }.inflows(&network);
        let demand = clearway_traffic::Demand { inflows, ..Default::default() };
        let config = WorldConfig { trams: false, ..WorldConfig::default() };
        World::with_demand(Arc::clone(&network), config, &demand, Manners::default())
    };
    let signals = FixedTime::new(&network);
    let (mut read, mut alone) = (world(), world());
    alone.run_by_plan(network.controllers.iter().map(|c| c.id));
    for at in [Millis::from_s(100), Millis::from_s(1_800)] {
        read.advance(at, &signals);
        alone.advance(at, &signals);
        assert_eq!(read.car_counts(), alone.car_counts());
        assert_eq!(read.traversals(), alone.traversals());
    }
}

#[test]
fn a_scenario_that_does_not_fit_names_every_fault_with_its_place() {
    let text = "name = \"x\"\nduration_s = 0.5\nnetwork.corridor.signals = 2\n\n[[incident]]\nlink = \"nowhere\"\n\
                from_s = 0\nuntil_s = 9\n\n[[mission]]\nname = \"E\"\nfrom = { link = \"l0\" }\nto = { lat = 0, lon = 0 }\nleave_s = 1\n";
    let scenario = Scenario::parse(text).unwrap();
    let faults = scenario.prepare(network(&scenario), None).unwrap_err();
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let lines: Vec<usize> = faults.iter().map(|fault| line(fault.at.start)).collect();
    assert_eq!(lines, [2, 5, 10], "{faults:?}");
}

/// Long, and a measurement: `cargo nextest run --release -p clearway-traffic --run-ignored only metropolis`.
#[test]
#[ignore = "measures the simulator's speed: the full tier `budgets` runs it, optimised"]
fn the_metropolis_is_fast_and_small() {
    let prepared = prepare("metropolis.toml");
    let result = once(&prepared, Control::None, 1);
    let speed = result.speed;
    println!("{speed:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    println!("{peak}");
    println!("{:?}", result.cars);
    assert!(speed.vehicles > 90_000, "{} vehicles", speed.vehicles);
    assert!(speed.simulated_s / speed.cpu_s > 50.0);
}
