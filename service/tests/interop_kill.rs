//! The end of the engine in mid-wave, with real processes: kill -9 (invariant S8), Ctrl-C and SIGTERM (S19).
#![forbid(unsafe_code)]

mod interop;

use std::path::Path;
use std::time::{Duration, Instant};

use clearway_network::Network;
use interop::drive::{Approach, Driving, EngineProcess, Reached, Vehicle};
use interop::{Emulated, Field, modbus_read, model, snmp_get, wait};

/// From the missions to a held call at both controllers.
const HELD: Duration = Duration::from_secs(90);
/// Entry, minimum dwell and exit: from the end of a call to the plan at the latest.
const TRANSITION: Duration = Duration::from_secs(60);
/// From Ctrl-C to the end of the process, every release read back.
const ENDED: Duration = Duration::from_secs(10);
/// Polling by foreign clients, on a busy machine.
const SLACK: Duration = Duration::from_secs(3);
const NOT_ACTIVE: i64 = 2;

/// Own row of a controller and how to see it from outside.
struct Watched {
    emulated: Emulated,
    row: u8,
}

impl Watched {
    /// Whether the controller holds our call.
    fn is_called(&self) -> bool {
        let Self { emulated: Emulated { protocol, address, .. }, row } = self;
        if protocol == "ntcip" {
            snmp_get(address, &format!("1.6.3.1.2.{row}")) == Some(1)
        } else {
            modbus_read(address, 9, 1).is_some_and(|calls| calls[0] >> (row - 1) & 1 == 1)
        }
    }

    /// Whether it runs its own plan again.
    fn is_local(&self) -> bool {
        let Self { emulated: Emulated { protocol, address, .. }, row } = self;
        if protocol == "ntcip" {
            snmp_get(address, &format!("1.6.2.1.16.{row}")) == Some(NOT_ACTIVE)
        } else {
            modbus_read(address, 2, 2)
                .is_some_and(|served| served[0] == 0 && i64::from(served[1]) == NOT_ACTIVE)
        }
    }

    /// What the device itself gives a call that nobody refreshes: its timer, or the time to live left.
    fn dead_man(&self) -> Duration {
        let Emulated { protocol, address, .. } = &self.emulated;
        if protocol == "ntcip" {
            let timer_s = snmp_get(address, "1.3.3.0").and_then(|s| u64::try_from(s).ok());
            Duration::from_secs(timer_s.expect("the timer can be read"))
        } else {
            let left_ds = modbus_read(address, 7, 1).expect("time to live")[0];
            Duration::from_millis(100 * u64::from(left_ds))
        }
    }
}

/// When a call was seen gone and the plan seen again, since the kill.
#[derive(Clone, Default)]
struct Seen {
    dropped: Option<Duration>,
    local: Option<Duration>,
}

impl Seen {
    fn look(&mut self, watch: &Watched, killed: Instant) {
        if self.dropped.is_none() && !watch.is_called() {
            self.dropped = Some(killed.elapsed());
        }
        if self.dropped.is_some() && self.local.is_none() && watch.is_local() {
            self.local = Some(killed.elapsed());
        }
    }
}

/// Whether a controller serves no preempt at all.
fn serves_nobody(Emulated { protocol, address, .. }: &Emulated) -> bool {
    if protocol == "ntcip" {
        snmp_get(address, "1.6.4.0") == Some(0)
    } else {
        modbus_read(address, 2, 1).is_some_and(|served| served[0] == 0)
    }
}

/// An emulated city, and what is watched of it: the longest approach in each protocol.
struct Scene<'a> {
    field: Field,
    reached: Vec<Reached>,
    approaches: Vec<Approach<'a>>,
    watched: Vec<Watched>,
}

impl<'a> Scene<'a> {
    fn new(network: &'a Network) -> Self {
        let field = Field::start(network.controllers.len());
        let reached = |e: &Emulated| Reached {
            name: e.name.clone(),
            protocol: if e.protocol == "ntcip" { "ntcip" } else { "modbus" },
            address: e.address.clone(),
            keys: String::new(),
        };
        let reached = field.controllers.iter().map(reached).collect();
        let (mut approaches, mut watched) = (Vec::new(), Vec::new());
        for protocol in ["ntcip", "modbus"] {
            let of_protocol = field.controllers.iter().filter(|e| e.protocol == protocol);
            let candidates = of_protocol.filter_map(|e| {
                let controller = network.controllers.iter().find(|c| c.name == e.name)?;
                Some((e, Approach::longest(network, controller)?))
            });
            let longest = candidates.max_by_key(|(_, approach)| network.link(approach.link).length_mm);
            let (emulated, approach) = longest.expect("the model binds emergency rows in both protocols");
            watched.push(Watched { emulated: emulated.clone(), row: approach.row_number });
            approaches.push(approach);
        }
        Self { field, reached, approaches, watched }
    }

    /// An engine with a call on at every watched controller, and the vehicles that it follows.
    fn in_mid_wave(&self, folder: &Path) -> (EngineProcess, Vec<Driving>) {
        let vehicles = [Vehicle::new(1), Vehicle::new(2)];
        let engine = EngineProcess::start(folder, &self.reached, &vehicles);
        let driving = vehicles.iter().zip(&self.approaches).map(|(v, a)| engine.send(v, a)).collect();
        for watch in &self.watched {
            wait(&format!("a call at {}", watch.emulated.name), HELD, || watch.is_called().then_some(()));
        }
        (engine, driving)
    }

    /// Ends the field; what its independent monitors saw.
    fn violations(mut self) -> u64 {
        self.field.process.signal("TERM");
        self.field.process.line(|line| {
            let value: serde_json::Value = serde_json::from_str(line).ok()?;
            value.get("violations")?.as_u64()
        })
    }
}

#[test]
fn s8_after_kill_9_in_mid_wave_every_controller_returns_to_local_control() {
    let (loaded, folder) = (model(), tempfile::tempdir().unwrap());
    let scene = Scene::new(&loaded.network);
    let (engine, _driving) = scene.in_mid_wave(folder.path());
    let watched = &scene.watched;
    let dead_men: Vec<Duration> = watched.iter().map(Watched::dead_man).collect();
    engine.process.signal("KILL");
    let killed = Instant::now();
    let mut seen = vec![Seen::default(); watched.len()];
    let longest = dead_men.iter().max().copied().unwrap_or_default() + TRANSITION + SLACK;
    wait("local control", longest, || {
        for (watch, seen) in watched.iter().zip(&mut seen) {
            seen.look(watch, killed);
        }
        seen.iter().all(|seen| seen.local.is_some()).then_some(())
    });
    for ((watch, dead_man), Seen { dropped, local }) in watched.iter().zip(dead_men).zip(seen) {
        let (dropped, local) = (dropped.unwrap_or_default(), local.unwrap_or_default());
        let Emulated { name, protocol, .. } = &watch.emulated;
        println!(
            "{name} ({protocol}), dead-man {dead_man:.1?}: dropped after {dropped:.1?}, local after {local:.1?}"
        );
        assert!(dropped <= dead_man + SLACK, "{name}: dropped after {dropped:?}, dead-man {dead_man:?}");
        assert!(local <= dead_man + TRANSITION + SLACK, "{name}: local after {local:?}");
    }
    for emulated in &scene.field.controllers {
        assert!(serves_nobody(emulated), "{}: still preempted", emulated.name);
    }
    assert_eq!(scene.violations(), 0, "s1 to s4 in the independent monitors");
}

#[test]
fn s19_ctrl_c_and_the_request_to_end_in_mid_wave_leave_no_call_on() {
    let loaded = model();
    let scene = Scene::new(&loaded.network);
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut engine, _driving) = scene.in_mid_wave(folder.path());
        engine.process.signal(signal);
        assert!(engine.process.end(ENDED), "{signal}: a clean end");
        for watch in &scene.watched {
            assert!(!watch.is_called(), "{signal}: {} still holds our call", watch.emulated.name);
        }
    }
    assert_eq!(scene.violations(), 0, "s1 to s4 in the independent monitors");
}
