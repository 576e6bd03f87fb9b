//! One run: everything under one virtual clock, first with faults, then without.

use clearway_certify::Command;
use clearway_contract::Protocol;
use clearway_field::Totals;
use clearway_planner::{Event, Notice};
use clearway_signals::{Channel, Millis, RequestId, RequestState, RowId, RowKind, VehicleId};

use super::centre::{Centre, engine_event};
use super::device::{Device, Lie, Unsafe};
use super::disk::Disk;
use super::oracle::{Breach, Oracle};
use super::packet::{Agenda, Due, Outgoing, Packet};
use super::planted::Planted;
use super::port::Slip;
use super::rider::{Rider, STEP};
use super::scenario::Scenario;
use super::swarm::Swarm;
use super::weather::{Way, Weather};
use super::wire::Wire;
use crate::rng::Rng;

/// Controllers and engine tick so often.
const TICK: Millis = Millis(100);
/// Sunday, 1 March 2026, 10:00 UTC.
pub(crate) const WALL_MS: i64 = 1_772_359_200_000;
/// Lines of the timeline that are kept.
const TIMELINE_MAX: usize = 200_000;
/// After the faults everything must be up and armed again within this time.
const SETTLE: Millis = Millis::from_s(150);
/// The last part of a run: no vehicle drives, nothing may be called.
const QUIET: Millis = Millis::from_s(45);

/// What to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Seeds everything.
    pub seed: u64,
    /// The whole run; three quarters of it with faults, the rest without.
    pub duration: Millis,
    /// Emergency vehicles and trams.
    pub vehicles: (u32, u32),
    /// A bug.
    pub planted: Option<Planted>,
    /// The centre watches only: nothing is ours to write.
    pub shadow: bool,
    /// Replay each life's events and compare the commands (C12).
    pub replay: bool,
    /// Keep the timeline.
    pub trace: bool,
    /// No faults at all, for the speed.
    pub calm: bool,
    /// The wall clock is never wrong, whatever the seed says (for S16).
    pub true_clock: bool,
}

impl Settings {
    /// A seed, thirty minutes, four emergency vehicles and twenty trams.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            duration: Millis::from_s(1_800),
            vehicles: (4, 20),
            planted: None,
            shadow: seed % 32 == 31,
            replay: seed.is_multiple_of(8),
            trace: false,
            calm: false,
            true_clock: false,
        }
    }
}

/// What came of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Invariants that were broken, the first ones.
    pub breaches: Vec<Breach>,
    /// How many there were.
    pub count: u64,
    /// What happened, when it was to be kept.
    pub timeline: Vec<(Millis, String)>,
    /// A hash of every command and every write: equal runs have equal hashes.
    pub hash: u64,
    /// The same of the commands alone.
    pub commands_hash: u64,
    /// Commands, faults, events of the agenda.
    pub commands: u64,
    /// Faults that struck.
    pub faults: u64,
    /// Packets, wake-ups and reports.
    pub events: u64,
    /// Requests that a controller served.
    pub served: u64,
    /// Emergency vehicles that arrived after the faults were over.
    pub arrived: u64,
}

/// Run it.
#[must_use]
pub fn run(scenario: &Scenario, settings: Settings) -> Outcome {
    let mut run = Run::new(scenario, settings);
    run.go();
    run.finish()
}

pub(crate) struct Run<'a> {
    pub scenario: &'a Scenario,
    pub settings: Settings,
    pub now: Millis,
    pub agenda: Agenda,
    pub devices: Vec<Device>,
    pub weathers: Vec<(Weather, Millis)>,
    /// When the last piece of a stream arrives, by controller and way.
    streams: Vec<[Millis; 2]>,
    pub centre: Option<Centre>,
    pub starts_at: Millis,
    pub lives: u32,
    pub riders: Vec<Rider>,
    pub emergencies: Vec<bool>,
    pub oracle: Oracle,
    pub disk: Disk,
    pub swarm: Swarm,
    pub rng: Rng,
    /// The wall clock is off by this, and by so many millionths of the time.
    pub wall_off_ms: i64,
    pub wall_drift_ppm: i64,
    /// Between deciding and sending up to this many milliseconds pass.
    pub sluggish: (u64, Millis),
    /// Release of all is on until then.
    pub withheld_until: Option<Millis>,
    /// Until when each controller is in trouble of its own.
    pub ill_until: Vec<Millis>,
    pub faults: u64,
    pub next_mission: u32,
    pub faults_end: Millis,
    pub quiet_from: Millis,
    pub timeline: Vec<(Millis, String)>,
    /// The last request that was called, by controller.
    called: Vec<Option<(RequestId, RowId)>>,
    hash: u64,
    commands_hash: u64,
    commands: u64,
    served: u64,
    pub arrived: u64,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, settings: Settings) -> Self {
        let network = &scenario.network;
        let mut rng = Rng::new(settings.seed, 0xB_0000);
        let device = |(c, p): (&clearway_network::Controller, &Protocol)| {
            Device::new(network, c, *p, Millis::ZERO, WALL_MS)
        };
        let devices: Vec<Device> = network.controllers.iter().zip(&scenario.protocols).map(device).collect();
        let (engines, trams) = settings.vehicles;
        let trams = if scenario.lines.is_empty() { 0 } else { trams };
        let emergencies: Vec<bool> = (0..engines + trams).map(|n| n < engines).collect();
        let reckons = settings.planted == Some(Planted::ReckonedPosition);
        let rider = |(n, is): (u32, &bool)| Rider::new(VehicleId(n), *is, reckons, &mut rng);
        let riders = (0u32..).zip(&emergencies).map(rider).collect();
        let n = devices.len();
        Self {
            scenario,
            settings,
            now: Millis::ZERO,
            agenda: Agenda::default(),
            devices,
            weathers: vec![(Weather::CLEAR, Millis::ZERO); n],
            streams: vec![[Millis::ZERO; 2]; n],
            centre: None,
            starts_at: Millis::ZERO,
            lives: 0,
            riders,
            emergencies,
            oracle: Oracle::new(network),
            disk: Disk::default(),
            swarm: Swarm::new(settings.seed),
            rng,
            wall_off_ms: 0,
            wall_drift_ppm: 0,
            sluggish: (0, Millis::ZERO),
            withheld_until: None,
            ill_until: vec![Millis::ZERO; n],
            faults: 0,
            next_mission: 1,
            faults_end: Millis(settings.duration.0 * 3 / 4),
            quiet_from: settings.duration - QUIET,
            timeline: Vec::new(),
            called: vec![None; n],
            hash: 0xcbf2_9ce4_8422_2325,
            commands_hash: 0xcbf2_9ce4_8422_2325,
            commands: 0,
            served: 0,
            arrived: 0,
        }
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        // What comes after the first breach explains nothing.
        if !self.settings.trace || self.oracle.count() > 0 {
            return;
        }
        let what = what();
        if !what.is_empty() {
            if self.timeline.len() == TIMELINE_MAX {
                self.timeline.remove(0);
            }
            self.timeline.push((self.now, what));
        }
    }

    pub fn wall_ms(&self) -> i64 {
        let wrong = self.wall_off_ms + self.now.0 * self.wall_drift_ppm / 1_000_000;
        WALL_MS + self.now.0 + if self.settings.true_clock { 0 } else { wrong }
    }

    fn go(&mut self) {
        while self.now < self.settings.duration && self.oracle.count() < 64 {
            let until = self.now + TICK;
            while let Some((at, due)) = self.agenda.pop_until(until) {
                self.now = at.max(self.now);
                self.handle(due);
            }
            self.now = until;
            self.tick();
        }
    }

    fn tick(&mut self) {
        let now = self.now;
        for device in &mut self.devices {
            device.tick(now);
        }
        self.devices_speak();
        if now >= self.starts_at && self.centre.is_none() {
            self.start();
        }
        if now.0 % STEP.0 == 0 {
            self.riders_go_on();
        }
        if now <= self.faults_end && !self.settings.calm {
            self.strike();
        } else if now == self.faults_end + TICK {
            self.all_is_well();
        }
        self.mend();
        self.withhold();
        let late = self.centre.as_mut().and_then(Centre::late_command);
        if let Some(controller) = late {
            self.port(controller, None);
        }
        self.work(&Event::Tick);
        if now.0 % 1_000 == 0 {
            self.look();
        }
    }

    // ---- the street ----

    fn devices_speak(&mut self) {
        for controller in 0..self.devices.len() {
            if self.scenario.protocols[controller] != Protocol::Rsmp {
                continue;
            }
            let said = self.devices[controller].speak(self.now, WALL_MS + self.now.0);
            self.send_back(controller, said, Millis::ZERO);
        }
    }

    /// Answers of a controller set out.
    pub fn send_back(&mut self, controller: usize, packets: Vec<Packet>, later: Millis) {
        for packet in packets {
            let (weather, now) = (self.weathers[controller].0, self.now + later);
            if packet.is_of_stream() {
                let after = self.streams[controller][Way::Back as usize];
                let (at, damaged) = weather.stream(Way::Back, now, after, &mut self.rng);
                let Some(at) = at else { continue };
                self.streams[controller][Way::Back as usize] = at;
                let packet = if damaged { self.damaged(packet) } else { packet };
                self.agenda.schedule(at, Due::ToPort { controller, packet });
            } else {
                let (times, damaged) = weather.datagram(Way::Back, now, &mut self.rng);
                // A datagram whose checksum does not fit never arrives.
                for at in times.into_iter().flatten().filter(|_| !damaged) {
                    self.agenda.schedule(at, Due::ToPort { controller, packet: packet.clone() });
                }
            }
        }
    }

    /// One byte is another one. In RSMP's text that is no letter, which every reader notices; Modbus
    /// frames have their own checksum over what counts.
    fn damaged(&mut self, packet: Packet) -> Packet {
        let Packet::Bytes(connection, mut bytes) = packet else { return packet };
        if let Some(len) = u64::try_from(bytes.len()).ok().filter(|len| *len > 0) {
            let at = usize::try_from(self.rng.next_u64() % len).unwrap_or(0);
            let text = bytes.first() == Some(&b'{');
            bytes[at] = if text { 0 } else { bytes[at] ^ (1 << (self.rng.next_u64() % 8)) };
        }
        Packet::Bytes(connection, bytes)
    }

    // ---- the centre ----

    fn start(&mut self) {
        self.lives += 1;
        self.oracle.engine_starts();
        let Settings { shadow, seed, planted, replay, .. } = self.settings;
        let centre =
            Centre::start(self.scenario, self.lives, &self.emergencies, shadow, seed, planted, replay);
        let life = centre.life;
        self.centre = Some(centre);
        self.disk = Disk::default();
        self.note(|| format!("the centre starts, life {life}"));
        for controller in 0..self.devices.len() {
            // Not all in the same instant.
            let at = self.now + Millis(1 + (self.rng.next_u64() % 400).cast_signed());
            self.agenda.schedule(at, Due::Wake { controller, life });
        }
    }

    fn handle(&mut self, due: Due) {
        let frozen = self.centre.as_ref().map_or(Millis::ZERO, |centre| centre.frozen_until);
        match due {
            Due::ToDevice { controller, life, packet, writes, damaged } => {
                self.arrive(controller, life, packet, (writes, damaged))
            }
            Due::ToPort { .. } | Due::Wake { .. } | Due::Report { .. } if self.now < frozen => {
                self.agenda.schedule(frozen, due);
            }
            Due::ToPort { controller, packet } => self.port(controller, Some(packet)),
            Due::Wake { controller, life } => {
                let awaited = self
                    .centre
                    .as_ref()
                    .is_some_and(|centre| centre.life == life && centre.ports[controller].due <= self.now);
                if awaited {
                    self.port(controller, None);
                }
            }
            Due::Report { rider, report } => self.report(rider, report),
        }
    }

    /// A packet reaches a controller.
    fn arrive(&mut self, controller: usize, session: u32, packet: Packet, (writes, damaged): (bool, bool)) {
        let outcome = self.devices[controller].receive(packet, self.now, WALL_MS + self.now.0);
        if outcome.read {
            self.oracle.read(controller, session);
        }
        if self.devices[controller].is_armable() {
            self.oracle.was_armable(controller, self.now);
        }
        if let Some(mut written) = outcome.written.filter(|_| writes) {
            // S5 holds for the bytes that leave; what the way made of them nobody wrote.
            written.allowed |= damaged;
            let protocol = self.scenario.protocols[controller];
            let outlives = self.devices[controller].outlives(protocol, written.lives);
            let (taken, shadow) = (written.taken, self.settings.shadow);
            self.oracle.written(controller, session, written, shadow, outlives, self.now);
            self.mix(&[controller as u64, u64::from(taken), self.now.0.unsigned_abs()]);
            self.note(|| format!("controller {controller}: written by session {session:x}, taken: {taken}"));
        }
        let late = match self.devices[controller].lie {
            Lie::Late(by) => by,
            _ => Millis::ZERO,
        };
        self.send_back(controller, outcome.answers, late);
    }

    /// A port goes on: a packet came, or its time has.
    pub fn port(&mut self, controller: usize, packet: Option<Packet>) {
        let (now, wall_ms) = (self.now, self.wall_ms());
        let Some(centre) = &mut self.centre else {
            // Nobody listens: the connection is refused.
            if let Some(Packet::Open(connection)) = packet {
                let close = Outgoing { packet: Packet::Close(connection), calls: None, writes: false };
                self.send_out(controller, 0, vec![close]);
            }
            return;
        };
        let (mut out, mut slips) = (Vec::new(), Vec::new());
        let mut wire = Wire { now, wall_ms, out: &mut out };
        let port = &mut centre.ports[controller];
        match packet {
            Some(packet) => port.receive(packet, &mut wire, &mut slips),
            None => port.drive(&mut wire, &mut slips),
        }
        let (due, life) = (port.due, centre.life);
        let session = life << 16 | port.connections & 0xffff;
        let events = port.take_events();
        self.agenda.schedule(due.max(now + Millis(1)), Due::Wake { controller, life });
        for slip in slips {
            let rule = if slip == Slip::Outranked { "S13" } else { "C4" };
            self.oracle.breach(now, rule, format!("controller {controller}: {slip:?}"));
        }
        self.send_out(controller, session, out);
        for event in events {
            if let clearway_contract::PortEvent::Armed(_) = event {
                let device = &self.devices[controller];
                let unsafe_for = now - device.hazard_since;
                let clear = self.weathers[controller].0.is_clear();
                let is_unsafe = device.hazard != Unsafe::No && unsafe_for > Millis(400) && clear;
                // A reading takes several messages: what changed in its midst the next one finds.
                let is_torn = device.hazard != Unsafe::No && unsafe_for <= Millis(400);
                let is_armable = device.is_armable() || is_torn;
                self.oracle.armed(controller, is_unsafe, is_armable, now);
            }
            self.note(|| match &event {
                clearway_contract::PortEvent::Status(_) | clearway_contract::PortEvent::Counts(_) => {
                    String::new()
                }
                event => format!("{event:?}"),
            });
            if let Some(event) = engine_event(event)
                && let Some(centre) = &mut self.centre
            {
                centre.take(event);
            }
        }
        self.work_off();
    }

    /// Packets of the centre set out.
    pub fn send_out(&mut self, controller: usize, session: u32, out: Vec<Outgoing>) {
        for Outgoing { packet, calls, writes } in out {
            let (most, until) = self.sluggish;
            let wait = if self.now < until && most > 0 { self.rng.next_u64() % most } else { 0 };
            let leaves = self.now + Millis(wait.cast_signed());
            if let Some(centre) = &self.centre {
                self.oracle.leaves(&centre.ports[controller], leaves, calls);
            }
            let packet = self.misdirected(controller, packet, writes, calls);
            let due = |packet, damaged| Due::ToDevice { controller, life: session, packet, writes, damaged };
            let weather = self.weathers[controller].0;
            if packet.is_of_stream() {
                let after = self.streams[controller][Way::Out as usize];
                let (at, damaged) = weather.stream(Way::Out, leaves, after, &mut self.rng);
                let Some(at) = at else { continue };
                self.streams[controller][Way::Out as usize] = at;
                let packet = if damaged { self.damaged(packet) } else { packet };
                self.agenda.schedule(at, due(packet, damaged));
            } else {
                let (times, damaged) = weather.datagram(Way::Out, leaves, &mut self.rng);
                for at in times.into_iter().flatten().filter(|_| !damaged) {
                    self.agenda.schedule(at, due(packet.clone(), false));
                }
            }
        }
    }

    /// The bugs that write to another row than the one that was asked for.
    fn misdirected(&self, controller: usize, packet: Packet, writes: bool, calls: Option<RowId>) -> Packet {
        use clearway_ntcip::frame::PREEMPT_CALL;
        let Packet::SnmpRequest { id, ask: super::packet::SnmpAsk::Set(mut bindings) } = packet else {
            return packet;
        };
        let described = &self.scenario.network.controllers[controller];
        let transit = calls.is_some_and(|row| described.rows[row.index()].kind == RowKind::Transit);
        let row = match self.settings.planted {
            Some(Planted::ForeignRow) if writes => super::device::foreign_rows(described).next(),
            Some(Planted::TransitAsEmergency) if transit => self.devices[controller].emergency_row(),
            _ => None,
        };
        if let (Some(row), Some(binding)) = (row, bindings.last_mut()) {
            binding.0 = PREEMPT_CALL.of(described.rows[row.index()].number);
            if transit {
                binding.1 = clearway_ntcip::Data::Integer(1);
            }
        }
        Packet::SnmpRequest { id, ask: super::packet::SnmpAsk::Set(bindings) }
    }

    /// The engine takes an event now, with everything that waits before it.
    fn work(&mut self, event: &Event) {
        let Some(centre) = &mut self.centre else { return };
        if self.now < centre.frozen_until {
            return;
        }
        centre.new_tick();
        if self.now >= centre.hung_until {
            centre.take(*event);
        }
        self.work_off();
        let planted = self.settings.planted;
        self.disk.commit(self.now, planted);
    }

    pub fn work_off(&mut self) {
        loop {
            let now = self.now;
            let Some(centre) = &mut self.centre else { return };
            let Some(event) = centre.next_event(now) else { return };
            if let Event::Fix(fix) = &event {
                let waited = now - fix.received;
                if waited > Millis::from_s(2) && now - centre.works_since() > Millis::from_s(2) {
                    let what = format!("a position waited {} ms for a planner that works", waited.0);
                    self.oracle.breach(now, "P1", what);
                }
            }
            centre.apply(&event, now);
            let commands: Vec<Command> = centre.out.commands().to_vec();
            let notices: Vec<Notice> = centre.notices().to_vec();
            centre.hand_over();
            self.disk.write(1 + commands.len() as u64, self.settings.planted);
            for notice in notices {
                self.notice(&notice);
            }
            for command in commands {
                self.command(&command);
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let (now, controller) = (self.now, command.controller().index());
        self.commands += 1;
        let words = [
            controller as u64,
            u64::from(command.row().0),
            u64::from(command.request().0),
            u64::from(command.is_assert()),
            command.expires().0.unsigned_abs(),
            now.0.unsigned_abs(),
        ];
        self.mix(&words);
        for word in words {
            self.commands_hash = (self.commands_hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if command.is_assert() && command.expires() - now > clearway_signals::limits::LEASE_MAX {
            self.oracle.breach(now, "S7", format!("controller {controller}: a lease of more than 120 s"));
        }
        let Some(centre) = &self.centre else { return };
        let port = &centre.ports[controller];
        if command.is_assert() {
            self.oracle.called(controller);
        } else if port.is_up && port.armed {
            self.oracle.released(controller, command.request(), now);
        }
        let life = centre.life;
        self.agenda.schedule(now, Due::Wake { controller, life });
        if let Some(centre) = &mut self.centre {
            centre.ports[controller].due = now;
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let now = self.now;
        match *notice {
            Notice::Called { vehicle, controller, row, request, .. } => {
                self.called[controller.index()] = Some((request, row));
                let rider = self.riders.get(vehicle.index());
                let kind = self.scenario.network.controllers[controller.index()].rows[row.index()].kind;
                let emergency = kind == clearway_signals::RowKind::Emergency;
                if let Some(rider) = rider {
                    let age = now - rider.heard_at;
                    let stale = age > rider.evidence_max(now) && rider.is_emergency;
                    let wrong = emergency != rider.is_emergency;
                    let (max, n) = (rider.evidence_max(now), vehicle.0);
                    if stale {
                        let what =
                            format!("vehicle {n}: a call on a position {} ms old, at most {}", age.0, max.0);
                        self.oracle.breach(now, "S15", what);
                    }
                    if wrong {
                        self.oracle.breach(now, "S13", format!("vehicle {n} has a row of another class"));
                    }
                }
            }
            Notice::Moved { controller, request, state: RequestState::Activated } => {
                self.served += 1;
                let device = &self.devices[controller.index()];
                let rows = &self.scenario.network.controllers[controller.index()].rows;
                let called = self.called[controller.index()].filter(|(of, _)| *of == request);
                let preempt = |row: RowId| rows[row.index()].channel == Channel::Preempt;
                let row = called.map(|(_, row)| row).filter(|row| preempt(*row));
                // A controller that shows what was may show an earlier service.
                if row.is_some_and(|row| !device.served_within(row, now, Millis::from_s(100))) {
                    let what = format!("controller {}: granted, and it never served", controller.0);
                    self.oracle.breach(now, "C10", what);
                }
            }
            _ => {}
        }
        self.note(|| format!("{notice:?}"));
    }

    fn mix(&mut self, words: &[u64]) {
        for word in words {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    // ---- judgement ----

    fn look(&mut self) {
        let now = self.now;
        let mut totals = Totals::default();
        let demands = self.demands();
        for (controller, device) in self.devices.iter().enumerate() {
            totals = totals.plus(device.totals());
            self.oracle.look(controller, device, demands[controller], now);
        }
        self.oracle.monitors(totals, now);
        if now == self.faults_end + SETTLE && !self.settings.calm {
            self.must_be_back();
        }
        if now >= self.settings.duration - Millis::from_s(1) {
            self.must_be_quiet();
        }
    }

    /// Liveness: after the faults every controller is reached and armed again.
    fn must_be_back(&mut self) {
        let now = self.now;
        let Some(centre) = &self.centre else {
            return self.oracle.breach(now, "L1", "the centre is not running".into());
        };
        let away = centre.ports.iter().filter(|port| !(port.is_up && (port.armed || self.settings.shadow)));
        let away: Vec<u16> = away.map(|port| port.controller.0).collect();
        if !away.is_empty() {
            self.oracle.breach(now, "L1", format!("controllers {away:?} are not armed again"));
        }
    }

    /// Liveness and S10: at the end nothing of ours is on, and waves worked again.
    fn must_be_quiet(&mut self) {
        let now = self.now;
        for controller in 0..self.devices.len() {
            let (preempts, priority) = self.devices[controller].held();
            if !preempts.is_empty() || priority {
                let what =
                    format!("controller {controller}: {preempts:?}, priority {priority} on at the end");
                self.oracle.breach(now, "S10", what);
            }
        }
        let long_enough = self.settings.duration - self.faults_end >= Millis::from_s(420);
        if self.arrived == 0 && long_enough && self.settings.vehicles.0 > 0 {
            self.oracle.breach(now, "L2", "no emergency vehicle arrived after the faults".into());
        }
    }

    /// C12 at the end of a life.
    pub fn check_replay(&mut self) {
        let Some(centre) = &self.centre else { return };
        if !centre.replays(self.scenario, &self.emergencies) {
            let life = centre.life;
            self.oracle.breach(self.now, "C12", format!("the replay of life {life} gives other commands"));
        }
    }

    fn finish(mut self) -> Outcome {
        self.check_replay();
        Outcome {
            count: self.oracle.count(),
            breaches: self.oracle.into_breaches(),
            timeline: self.timeline,
            hash: self.hash,
            commands_hash: self.commands_hash,
            commands: self.commands,
            faults: self.faults,
            events: self.agenda.scheduled(),
            served: self.served,
            arrived: self.arrived,
        }
    }
}
