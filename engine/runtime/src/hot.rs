//! The thread that owns the engine.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use clearway_certify::Command;
use clearway_planner::view::View;
use clearway_planner::{Engine, Event, Notice, Output};
use clearway_signals::Millis;
use crossbeam::channel::{Receiver, RecvError, Sender, bounded, select_biased, tick};

use crate::clock::Clock;
use crate::ingress::{Ingress, Load, Outlets, Stamped, queues};
use crate::lane::LaneOut;
use crate::latency::{Latency, Percentiles};

/// Urgent events in a row before the loop looks whether a tick is due: what is over is released at ticks.
const URGENT_IN_A_ROW_MAX: u32 = 64;
/// Notices that wait for a reader.
const NOTICES_ROOM: usize = 8_192;
/// The engine is told this often that time has passed.
const TICK: Duration = Duration::from_millis(100);
/// While nothing comes, the next fix is gone through this often: what planning reads stays in the caches.
const REHEARSAL: Duration = Duration::from_micros(250);

/// Where commands go. Must never wait.
pub trait Egress: Send {
    /// Hand a command over; `false` when the adapter has no room, then it is offered again.
    fn dispatch(&mut self, command: Command, fix_ns: Option<u64>) -> bool;
    /// Wake the adapters that were given something: called after the last command of an event, because
    /// a wake-up costs more than the planning, and the commands of one fix do not wait for each other's.
    fn wake(&mut self);
}

/// One line of the journal: what came in, or what went out, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record {
    /// An event was applied.
    Event(Millis, Event),
    /// A command was handed to its adapter.
    Command(Millis, Command),
}

/// How to run.
#[derive(Debug, Default)]
pub struct Settings {
    /// Where to write what happens; records that find no room are counted, never waited for.
    pub journal: Option<Sender<Record>>,
    /// Pin the thread to this core.
    pub core: Option<usize>,
    /// Always park between events. Otherwise the loop polls while a mission is active: it keeps one
    /// core busy for that time, and saves the wake-up, which costs more than the planning.
    pub park: bool,
}

/// Why the loop could not start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The operating system gave no thread.
    #[error("the engine's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The machine has no such core, or not for this process.
    #[error("the engine's thread cannot be pinned to core {wanted}: this process may run on {}", list(cores))]
    Core {
        /// The core asked for.
        wanted: usize,
        /// Those that there are.
        cores: Vec<usize>,
    },
}

fn list(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether this process may run on a core.
fn check_core(wanted: usize) -> Result<(), RuntimeError> {
    let cores: Vec<usize> = core_affinity::get_core_ids().unwrap_or_default().iter().map(|c| c.id).collect();
    if cores.contains(&wanted) { Ok(()) } else { Err(RuntimeError::Core { wanted, cores }) }
}

#[derive(Debug, Default)]
struct Shared {
    view: ArcSwapOption<View>,
    fix_to_command: Latency,
    heartbeat: AtomicI64,
    alive: AtomicBool,
    stop: AtomicBool,
    commands: AtomicU64,
    journal_lost: AtomicU64,
}

/// A running engine.
#[derive(Debug)]
pub struct Runtime {
    ingress: Ingress,
    notices: Receiver<(Millis, Notice)>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Runtime {
    /// Start the engine's thread.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        engine: Engine,
        egress: Box<dyn Egress>,
        clock: Clock,
        settings: Settings,
    ) -> Result<Self, RuntimeError> {
        settings.core.map_or(Ok(()), check_core)?;
        let (ingress, outlets) = queues(engine.vehicles(), engine.network().controllers.len());
        let (notices_in, notices) = bounded(NOTICES_ROOM);
        let shared = Arc::new(Shared::default());
        shared.alive.store(true, Ordering::Release);
        shared.heartbeat.store(clock.now().0.0, Ordering::Release);
        let hot = Hot {
            engine,
            egress,
            clock,
            journal: settings.journal,
            notices: notices_in,
            ingress: ingress.clone(),
            shared: Arc::clone(&shared),
            out: Output::default(),
            polls: !settings.park,
            urgent_in_a_row: 0,
            rehearsed: Instant::now(),
            waiting: Vec::with_capacity(256),
        };
        let core = settings.core;
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
            if let Some(id) = core {
                core_affinity::set_for_current(core_affinity::CoreId { id });
            }
            hot.run(&outlets);
        })?;
        Ok(Self { ingress, notices, shared, thread: Mutex::new(Some(thread)) })
    }

    /// The way in.
    #[must_use]
    pub fn ingress(&self) -> Ingress {
        self.ingress.clone()
    }

    /// What the engine has to tell people. One reader; what finds no room is dropped.
    #[must_use]
    pub fn notices(&self) -> &Receiver<(Millis, Notice)> {
        &self.notices
    }

    /// The latest view, published ten times a second.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View>> {
        self.shared.view.load_full()
    }

    /// From a fix decoded to its commands handed over.
    #[must_use]
    pub fn fix_to_command(&self) -> Percentiles {
        self.shared.fix_to_command.percentiles()
    }

    /// Commands handed over since the start.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.shared.commands.load(Ordering::Relaxed)
    }

    /// Records that the journal had no room for.
    #[must_use]
    pub fn journal_lost(&self) -> u64 {
        self.shared.journal_lost.load(Ordering::Relaxed)
    }

    /// Whether the loop turned within the last `within`.
    #[must_use]
    pub fn is_alive(&self, now: Millis, within: Millis) -> bool {
        let beat = Millis(self.shared.heartbeat.load(Ordering::Acquire));
        self.shared.alive.load(Ordering::Acquire) && now.since(beat) <= within
    }

    /// Release everything, then end the thread, and wait for it. A second call does nothing.
    pub fn stop(&self) {
        self.ingress.send(Stamped { event: Event::ReleaseAll, decoded_ns: None });
        self.shared.stop.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the loop was already seen by its watchers through `is_alive`.
            let _ = thread.join();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Hot {
    engine: Engine,
    egress: Box<dyn Egress>,
    clock: Clock,
    journal: Option<Sender<Record>>,
    notices: Sender<(Millis, Notice)>,
    /// What the queues hold tells what is shed.
    ingress: Ingress,
    shared: Arc<Shared>,
    out: Output,
    polls: bool,
    urgent_in_a_row: u32,
    rehearsed: Instant,
    /// Commands that wait for a full adapter, at most one for each controller row.
    waiting: Vec<(Command, Option<u64>)>,
}

/// Marks the loop dead however it ends, so that its watchers release what it held.
struct AliveGuard(Arc<Shared>);

impl Drop for AliveGuard {
    fn drop(&mut self) {
        self.0.alive.store(false, Ordering::Release);
    }
}

impl Hot {
    fn run(mut self, outlets: &Outlets) {
        let _guard = AliveGuard(Arc::clone(&self.shared));
        let ticks = tick(TICK);
        loop {
            if self.urgent_in_a_row >= URGENT_IN_A_ROW_MAX {
                self.urgent_in_a_row = 0;
                if ticks.try_recv().is_ok() {
                    self.tick(outlets);
                }
            }
            if self.polls && self.engine.has_mission() {
                self.poll(outlets, &ticks);
            } else {
                self.wait(outlets, &ticks);
            }
            self.shared.heartbeat.store(self.clock.now().0.0, Ordering::Release);
            if self.shared.stop.load(Ordering::Acquire) && outlets.is_settled() {
                return;
            }
        }
    }

    /// What waits first by rank; parks when nothing does.
    fn wait(&mut self, outlets: &Outlets, ticks: &Receiver<Instant>) {
        let take = |lane: &LaneOut, key: Result<usize, RecvError>| key.ok().and_then(|key| lane.take(key));
        let (is_urgent, event) = select_biased! {
            recv(outlets.urgent) -> event => (true, event.ok()),
            recv(outlets.fixes.ready) -> key => (true, take(&outlets.fixes, key)),
            recv(ticks) -> _ => return self.tick(outlets),
            recv(outlets.statuses.ready) -> key => (false, take(&outlets.statuses, key)),
            recv(outlets.trams.ready) -> key => (false, take(&outlets.trams, key)),
            recv(outlets.buses.ready) -> key => (false, take(&outlets.buses, key)),
            recv(outlets.telemetry) -> event => (false, event.ok()),
        };
        self.urgent_in_a_row = if is_urgent { self.urgent_in_a_row + 1 } else { 0 };
        if let Some(event) = event {
            self.apply(&event);
        }
    }

    /// The same order without parking; other threads of the core go first when there is nothing to do.
    fn poll(&mut self, outlets: &Outlets, ticks: &Receiver<Instant>) {
        if let Some(event) = outlets.next_urgent() {
            self.urgent_in_a_row += 1;
            self.apply(&event);
        } else if ticks.try_recv().is_ok() {
            self.tick(outlets);
        } else if let Some(event) = outlets.next_of_the_rest() {
            self.apply(&event);
        } else {
            self.rehearse();
            std::thread::yield_now();
        }
    }

    /// Nothing comes out of it.
    fn rehearse(&mut self) {
        if self.rehearsed.elapsed() >= REHEARSAL {
            self.engine.rehearse(self.clock.now().0);
            self.rehearsed = Instant::now();
        }
    }

    /// Time passed: what is over is released, what is due is called; then people are told, unless the
    /// engine cannot follow.
    fn tick(&mut self, outlets: &Outlets) {
        self.urgent_in_a_row = 0;
        if outlets.takes_release_all() {
            self.apply(&Stamped { event: Event::ReleaseAll, decoded_ns: None });
        }
        self.apply(&Stamped { event: Event::Tick, decoded_ns: None });
        if self.ingress.sheds(Load::Ui) {
            self.ingress.count_shed(Load::Ui);
            return;
        }
        let now = self.clock.now().0;
        self.shared.view.store(Some(Arc::new(self.engine.view(now))));
    }

    fn apply(&mut self, stamped: &Stamped) {
        let now = self.clock.now().0;
        self.out.clear();
        self.engine.apply(&stamped.event, now, &mut self.out);
        self.offer_waiting();
        let fix_ns = stamped.decoded_ns.filter(|_| matches!(stamped.event, Event::Fix(_)));
        for n in 0..self.out.commands().len() {
            let command = self.out.commands()[n];
            self.send(command, fix_ns);
        }
        if let (Some(decoded), false) = (fix_ns, self.out.commands().is_empty()) {
            self.shared.fix_to_command.record(self.clock.now_ns().saturating_sub(decoded));
        }
        self.egress.wake();
        self.record(Record::Event(now, stamped.event));
        for n in 0..self.out.commands().len() {
            self.record(Record::Command(now, self.out.commands()[n]));
        }
        for notice in self.out.notices() {
            // Nobody reads, or not fast enough: notices are for people, commands do not wait for them.
            if self.notices.try_send((now, *notice)).is_err() {
                self.ingress.count_shed(Load::Ui);
            }
        }
    }

    fn send(&mut self, command: Command, fix_ns: Option<u64>) {
        self.shared.commands.fetch_add(1, Ordering::Relaxed);
        if !self.egress.dispatch(command, fix_ns) {
            // The newest command for a row is the only one that still matters.
            self.waiting
                .retain(|(old, _)| (old.controller(), old.row()) != (command.controller(), command.row()));
            self.waiting.push((command, fix_ns));
        }
    }

    fn offer_waiting(&mut self) {
        let now = self.clock.now().0;
        let egress = &mut self.egress;
        self.waiting
            .retain(|(command, fix_ns)| command.expires() > now && !egress.dispatch(*command, *fix_ns));
    }

    fn record(&self, record: Record) {
        let Some(journal) = &self.journal else { return };
        if journal.try_send(record).is_err() {
            self.shared.journal_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clearway_certify::Class;
    use clearway_network::testing::{corridor, place};
    use clearway_planner::{Config, Mission, VehicleFix, VehicleInfo};
    use clearway_signals::{ControllerId, Epoch, MissionId, VehicleId};

    struct Outbox(Sender<(Command, Option<u64>)>);

    impl Egress for Outbox {
        fn dispatch(&mut self, command: Command, fix_ns: Option<u64>) -> bool {
            self.0.try_send((command, fix_ns)).is_ok()
        }

        fn wake(&mut self) {}
    }

    fn engine() -> Engine {
        let network = Arc::new(corridor(3));
        let vehicles = vec![VehicleInfo { class: Class::Emergency }];
        Engine::new(network, vehicles, Config::default(), Epoch(1))
    }

    fn started(room: usize) -> (Runtime, Receiver<(Command, Option<u64>)>, Clock) {
        let (outbox, commands) = bounded(room);
        let clock = Clock::default();
        let runtime =
            Runtime::start(engine(), Box::new(Outbox(outbox)), clock.clone(), Settings::default()).unwrap();
        (runtime, commands, clock)
    }

    #[test]
    fn the_engine_is_pinned_to_a_core_that_is_there_and_to_no_other() {
        let start = |core| {
            let settings = Settings { core: Some(core), ..Settings::default() };
            Runtime::start(engine(), Box::new(Outbox(bounded(1).0)), Clock::default(), settings)
        };
        let first = core_affinity::get_core_ids().unwrap_or_default().first().map(|core| core.id);
        if let Some(first) = first {
            start(first).expect("a core of ours").stop();
        }
        let refused =
            start(100_000).map(|runtime| runtime.stop()).expect_err("no machine has it").to_string();
        assert!(refused.contains("core 100000: this process may run on "), "{refused}");
    }

    fn drive_up(runtime: &Runtime, clock: &Clock) {
        let ingress = runtime.ingress();
        let send = |event| assert!(ingress.send(Stamped { event, decoded_ns: Some(clock.now_ns()) }));
        for k in 0..3 {
            send(Event::Armed(ControllerId(k), true));
        }
        for k in 0..3 {
            let status = clearway_signals::ControllerStatus {
                controller: ControllerId(k),
                at: clock.now().0,
                mode: clearway_signals::Mode::Normal,
                ..Default::default()
            };
            send(Event::Status(status));
        }
        let destination = place(750.0, 0.0);
        send(Event::Mission(Mission::new(MissionId(1), VehicleId(0), destination)));
    }

    fn fix(clock: &Clock) -> Stamped {
        let (now, ns) = clock.now();
        let event = Event::Fix(VehicleFix {
            vehicle: VehicleId(0),
            received: now,
            place: place(150.0, 0.0),
            heading_deg: Some(90.0),
            speed_mps: Some(12.0),
            degraded: false,
            cadence: Millis(1_000),
        });
        Stamped { event, decoded_ns: Some(ns) }
    }

    /// Fixes keep coming until a command leaves; the wait is bounded.
    fn first_command(
        runtime: &Runtime,
        clock: &Clock,
        commands: &Receiver<(Command, Option<u64>)>,
    ) -> (Command, Option<u64>) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            runtime.ingress().send(fix(clock));
            if let Ok(found) = commands.recv_timeout(Duration::from_millis(50)) {
                return found;
            }
        }
        panic!("no command in 20 s");
    }

    #[test]
    fn a_fix_becomes_a_stamped_command_and_stop_releases_it() {
        let (runtime, commands, clock) = started(64);
        drive_up(&runtime, &clock);
        let (command, _) = first_command(&runtime, &clock, &commands);
        assert!(command.is_assert());
        assert!(runtime.is_alive(clock.now().0, Millis(1_000)));
        runtime.stop();
        let rest: Vec<Command> = commands.try_iter().map(|(c, _)| c).collect();
        assert!(
            rest.iter().any(|c| !c.is_assert() && c.request() == command.request()),
            "released at the end"
        );
    }

    #[test]
    fn a_full_adapter_gets_the_newest_command_later() {
        let (runtime, commands, clock) = started(1);
        drive_up(&runtime, &clock);
        first_command(&runtime, &clock, &commands);
        // The adapter's one place fills up with refreshes; the release still arrives.
        for _ in 0..20 {
            runtime.ingress().send(fix(&clock));
        }
        runtime.ingress().send(Stamped { event: Event::ReleaseAll, decoded_ns: None });
        let deadline = Instant::now() + Duration::from_secs(20);
        let released = loop {
            match commands.recv_timeout(Duration::from_millis(200)) {
                Ok((command, _)) if !command.is_assert() => break true,
                Ok(_) => {}
                Err(_) if Instant::now() > deadline => break false,
                Err(_) => {}
            }
        };
        assert!(released, "a release is never shed");
    }
}
