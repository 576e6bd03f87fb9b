//! 500 controllers on one engine with ten waves under way: what the engine's process costs. The
//! emulated controllers are another process.
#![forbid(unsafe_code)]

mod interop;

use std::fs;
use std::time::{Duration, Instant};

use clearway_format::Loaded;
use clearway_network::LinkId;
use interop::drive::{EngineProcess, Reached, Vehicle};
use interop::{Emulated, Process, street, wait_or};
use serde_json::Value;

const STREETS: usize = 20;
const CROSSINGS: usize = 25;
const WAVES: usize = 10;
/// A fire engine in a city, metres a second.
const SPEED_MPS: f32 = 12.0;
/// Until every controller is armed.
const ARMED: Duration = Duration::from_secs(120);
/// From the missions to waves on the street.
const UNDER_WAY: Duration = Duration::from_secs(10);
/// How long is measured.
const MEASURED: Duration = Duration::from_secs(30);
/// What the issue allows: of one core, and of memory.
const CPU_SHARE_MAX: f64 = 0.25;
const MEMORY_MAX_MB: f64 = 150.0;
/// Clock ticks a second in /proc, on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of a process so far, and its resident memory in megabytes.
fn cost(id: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().expect("a number");
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a process");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    let kilobytes: f64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    ((ticks(11) + ticks(12)) / TICKS_PER_S, kilobytes / 1000.0)
}

fn controllers(engine: &EngineProcess) -> Vec<Value> {
    let answer = engine.controllers();
    let body = answer.split_once("\r\n\r\n").map_or("[]", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_default()
}

fn count(engine: &EngineProcess, which: impl Fn(&Value) -> bool) -> usize {
    controllers(engine).iter().filter(|controller| which(controller)).count()
}

#[test]
fn five_hundred_controllers_and_ten_waves_cost_a_quarter_of_a_core() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    street::write(STREETS, CROSSINGS, &model);
    let loaded = clearway_format::load(&model).unwrap_or_else(|report| panic!("{}", report.render()));
    let network = &loaded.network;
    let folder_text = model.to_str().expect("a path in UTF-8");
    let mut field = Process::clearway(&["field", "--json", "--network", folder_text]);
    let emulated: Vec<Emulated> =
        (0..network.controllers.len()).map(|_| field.line(interop::emulated)).collect();
    let reached: Vec<Reached> = emulated
        .into_iter()
        .map(|e| Reached { name: e.name, protocol: "ntcip", address: e.address, keys: String::new() })
        .collect();
    let vehicles: Vec<Vehicle> = (0..WAVES).map(Vehicle::new).collect();
    // The engine's thread sleeps between positions: it is the adapters that are counted.
    let engine =
        EngineProcess::start_on(&model, folder.path(), &reached, &vehicles, "[engine]\npark = true\n");
    let all = reached.len();
    let armed = || (count(&engine, |c| c["armed"] == true) == all).then_some(());
    wait_or("every controller to be armed", ARMED, armed, || {
        count(&engine, |c| c["armed"] == true).to_string()
    });

    let id = engine.process.id();
    let (idle_before, _) = cost(id);
    std::thread::sleep(UNDER_WAY);
    let (idle_after, idle_mb) = cost(id);
    let idle_share = (idle_after - idle_before) / UNDER_WAY.as_secs_f64();

    let ways: Vec<_> = (0..WAVES).map(|n| way(&loaded, &street::along(2 * n, CROSSINGS))).collect();
    let _driving: Vec<_> = vehicles
        .iter()
        .zip(&ways)
        .map(|(vehicle, way)| engine.send_along(vehicle, network, way, SPEED_MPS))
        .collect();
    std::thread::sleep(UNDER_WAY);
    let (before, _) = cost(id);
    let begun = Instant::now();
    let mut held_most = 0;
    while begun.elapsed() < MEASURED {
        std::thread::sleep(Duration::from_secs(5));
        held_most = held_most.max(count(&engine, |c| c["preempt"]["ours"] == true));
    }
    let (after, megabytes) = cost(id);
    let share = (after - before) / begun.elapsed().as_secs_f64();
    println!(
        "{all} controllers: {:.1} % of a core and {idle_mb:.0} MB idle; {WAVES} waves, {held_most} controllers held \
         at a time: {:.1} % and {megabytes:.0} MB",
        idle_share * 100.0,
        share * 100.0
    );
    assert!(held_most >= WAVES, "the waves are served: {held_most}");
    assert!(megabytes <= MEMORY_MAX_MB, "{megabytes} MB");
    assert!(share <= CPU_SHARE_MAX, "{share} of a core");
}

/// The model's links of these names: the network has them in the same order.
fn way(loaded: &Loaded, names: &[String]) -> Vec<LinkId> {
    let find = |name: &String| {
        let place = loaded.model.links.iter().position(|link| link.link_id == *name);
        LinkId(u32::try_from(place.expect("a link of the street")).expect("few"))
    };
    names.iter().map(find).collect()
}
